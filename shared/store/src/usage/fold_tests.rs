//! Folding against the obvious model: what has been counted, and a list of events that wait.

use std::collections::BTreeMap;

use domain::metric::groups::Groups;
use domain::metric::properties::Properties;
use domain::metric::{AggregationType, Metric};
use domain::time::Instant;
use domain::usage::dictionary::{Added, Dictionary, Texts, Values};
use domain::usage::digest::{self, Code, Digest, Digester, Needs};
use domain::usage::event::{self, Event};
use domain::usage::window::{End, Shared, Window};
use domain::value::Value;
use proptest::prelude::*;

use super::fold::{self, Outcome, Request};
use super::parts::{Asked, Counted, parts};
use super::tests::{any_event, arrival, delivery, event as plain_event, later, organization, table};
use super::*;
use crate::items::samples::{at, id};
use crate::sqlite::SqliteTable;

pub(super) fn metric(aggregation: AggregationType) -> Metric {
    Metric {
        id: domain::id::MetricId(id(1)),
        name: "Calls".into(),
        code: "calls".into(),
        description: None,
        aggregation,
        weighted_interval: None,
        recurring: false,
        field_name: (aggregation != AggregationType::Count).then(|| "a".into()),
        groups: Groups::None,
        created_at: at("2020-01-01T00:00:00Z"),
        created_seq: 0,
        deleted_at: None,
    }
}

/// Everything up to the end of time.
pub(super) fn always() -> Window {
    Window {
        from: later(-6_000_000_000),
        to: later(6_000_000_000),
        end: End::Included,
        shared: Shared::default(),
        period_days: 1,
    }
}

async fn fold_now(table: &SqliteTable, log: (&str, &str), metric: Option<&Metric>) -> Outcome {
    fold_within(table, log, metric, &Limits::PRODUCTION).await
}

async fn fold_within(table: &SqliteTable, log: (&str, &str), metric: Option<&Metric>, limits: &Limits) -> Outcome {
    let digester = metric.map(|metric| Digester::new(metric, Code::Own));
    let request = Request {
        organization: organization(),
        external_subscription_id: log.0,
        code: log.1,
        digester: digester.as_ref(),
        now: later(1_000_000_000),
        margin: fold::MARGIN,
        chunks_min: 1,
    };
    fold::fold_within(table, &request, limits).await.unwrap()
}

async fn counted(table: &SqliteTable, log: (&str, &str), metric: &Metric, window: &Window, asked: Asked) -> Counted {
    let needs = Needs::of(metric, std::slice::from_ref(window));
    let properties = metric.properties_used();
    let digester = Digester::new(metric, Code::Own);
    parts(table, organization(), log, &digester, &needs, &properties, asked).await.unwrap().unwrap()
}

/// What the log must say: what was settled by a fold or a closing, and what waits.
#[derive(Default)]
struct Model {
    settled: BTreeMap<String, Event>,
    waiting: Vec<Event>,
}

impl Model {
    fn settle(&mut self) {
        for event in event::first_of_each_id(&std::mem::take(&mut self.waiting)) {
            self.settled.entry(event.transaction_id.clone()).or_insert_with(|| event.clone());
        }
    }

    fn events(&self) -> Vec<Event> {
        let fresh = self.waiting.iter().filter(|event| !self.settled.contains_key(&event.transaction_id));
        let mut events: Vec<Event> =
            event::first_of_each_id(fresh).into_iter().chain(self.settled.values()).cloned().collect();
        events.sort_by(|a, b| chunk::by_reception(a).cmp(&chunk::by_reception(b)));
        events
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Event>),
    Again(usize),
    Fold(Option<AggregationType>),
    Seal,
}

fn any_step() -> impl Strategy<Value = Step> {
    let aggregation = prop::option::of(prop::sample::select(AggregationType::ALL.to_vec()));
    prop_oneof![
        4 => prop::collection::vec(any_event(), 0..12).prop_map(Step::Append),
        1 => (0_usize..6).prop_map(Step::Again),
        3 => aggregation.prop_map(Step::Fold),
        1 => Just(Step::Seal),
    ]
}

const LOG: (&str, &str) = ("s", "calls");

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_appends_and_folds_read_as_the_obvious_model(
        steps in prop::collection::vec(any_step(), 1..14),
        looked_at in prop::sample::select(AggregationType::ALL.to_vec()),
        bounds in (-5_000_000_000_i64..5_000_000_000, -5_000_000_000_i64..5_000_000_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (table, mut model) = (table(), Model::default());
            let mut written: Vec<Vec<Event>> = Vec::new();
            let metric_looked_at = metric(looked_at);
            let window = Window { from: later(bounds.0.min(bounds.1)), to: later(bounds.0.max(bounds.1)), ..always() };
            for (number, step) in steps.into_iter().enumerate() {
                let sent = match step {
                    Step::Append(events) => events,
                    Step::Again(earlier) => written.get(earlier).cloned().unwrap_or_default(),
                    Step::Fold(aggregation) => {
                        fold_now(&table, LOG, aggregation.map(metric).as_ref()).await;
                        model.settle();
                        Vec::new()
                    }
                    Step::Seal => {
                        counted(&table, LOG, &metric_looked_at, &window, Asked::ForBilling).await;
                        model.settle();
                        Vec::new()
                    }
                };
                let of_log: Vec<Event> = sent
                    .into_iter()
                    .map(|event| Event { external_subscription_id: Some(LOG.0.into()), code: LOG.1.into(), ..event })
                    .collect();
                if !of_log.is_empty() {
                    append(&table, organization(), &[delivery(of_log.clone())], arrival(number as u128)).await.unwrap();
                    model.waiting.extend(of_log.clone());
                    written.push(of_log);
                }
                let expected = model.events();
                assert_eq!(read(&table, organization(), LOG.0, LOG.1, &Wanted::ALL).await.unwrap(), expected);
                let found = counted(&table, LOG, &metric_looked_at, &window, Asked::ForShow).await;
                if let Ok(found) = digest::aggregate_by_group(&metric_looked_at, &found.parts, &window) {
                    assert_eq!(Ok(found), domain::usage::aggregate_by_group(&metric_looked_at, &expected, &window));
                }
            }
            // The list and the search know the same events, folded or not.
            let expected = model.events();
            let (from, to) = (later(0).date_naive(), later(20).date_naive());
            let listed = recent(&table, organization(), from, to, 0, 1000).await.unwrap();
            let mut ids: Vec<&str> = listed.events.iter().map(|it| it.event.transaction_id.as_str()).collect();
            assert_eq!((listed.total, ids.len()), (expected.len(), expected.len()));
            ids.sort_unstable();
            let mut expected_ids: Vec<&str> = expected.iter().map(|event| event.transaction_id.as_str()).collect();
            expected_ids.sort_unstable();
            assert_eq!(ids, expected_ids);
            for transaction in 0..13 {
                let transaction_id = format!("tx{transaction}");
                let found = find(&table, organization(), &transaction_id, from, to).await.unwrap();
                let known = expected.iter().any(|event| event.transaction_id == transaction_id);
                assert_eq!(found.is_some(), known);
            }
        });
    }
}

/// `count` calls, one after the other: one id each, an hour apart, 100 events if there are `many`.
async fn append_hours(table: &SqliteTable, first: usize, count: usize, many: usize) {
    for number in first..first + count {
        let events = (0..many)
            .map(|place| Event {
                timestamp: at("2024-02-01T00:00:00Z") + chrono::TimeDelta::minutes(60 * number as i64),
                position: u32::try_from(place).unwrap(),
                properties: Properties::new(vec![("a".into(), Value::Number(place.to_string()))]),
                ..plain_event(Some("s"), "calls", &format!("{number}.{place}"))
            })
            .collect();
        append(table, organization(), &[delivery(events)], arrival(number as u128)).await.unwrap();
    }
}

#[tokio::test]
async fn a_month_of_hours_folds_into_few_pages_and_is_read_without_its_events() {
    let table = table();
    let sum = metric(AggregationType::Sum);
    for hour in (0..744).step_by(31) {
        append_hours(&table, hour, 31, 3).await;
        assert!(matches!(
            fold_now(&table, LOG, Some(&sum)).await,
            Outcome::Done { chunks: 31, events: 93, is_more: false }
        ));
    }
    assert_eq!(fold_now(&table, LOG, Some(&sum)).await, Outcome::Nothing);
    let february = Window {
        from: at("2024-02-01T00:00:00Z"),
        to: at("2024-03-02T23:59:59.999999Z"),
        end: End::Included,
        shared: Shared::default(),
        period_days: 31,
    };
    let before = table.consumed();
    let found = counted(&table, LOG, &sum, &february, Asked::ForShow).await;
    let read_units = (table.consumed().read_half_units - before.read_half_units) / 2;
    assert!(read_units < 60, "{read_units} read units");
    assert!(found.parts.events.is_empty() && found.unfolded_chunks == 0 && !found.is_outdated);
    let units = digest::aggregate_by_group(&sum, &found.parts, &february).unwrap()[0].1;
    // 0, 1 and 2 in each hour.
    assert_eq!((units.units, units.events_count), ((3 * 744).into(), 3 * 744));
    // Everything is there for those who need each event, and nothing is there twice.
    assert_eq!(read(&table, organization(), "s", "calls", &Wanted::ALL).await.unwrap().len(), 3 * 744);
    let mut left = Vec::new();
    for shard in 0..keys::FOLDED_SHARDS {
        let partition = keys::log_shard(&keys::usage_log(organization(), "s", "calls"), shard);
        left.push(all_items(&table, Query::partition(partition)).await.unwrap());
    }
    // What folds write is spread over partitions.
    assert!(left.iter().filter(|items| !items.is_empty()).count() > 4);
    let left = left.concat();
    let of_kind = |kind: &str| left.iter().filter(|item| item.kind == kind).count();
    assert_eq!(of_kind(CHUNK), 0);
    assert!(of_kind(page::PAGE) < 12 && of_kind(seen::RUN) < 16, "{} {}", of_kind(page::PAGE), of_kind(seen::RUN));
}

/// The pages of the log; every segment is named by one of them, within its hours, and all events stand in segments.
async fn pages_of(table: &SqliteTable) -> Vec<(head::PageRef, page::Page)> {
    let head = head::Found::load(table, &head_log()).await.unwrap().head;
    let mut pages = Vec::new();
    for of in &head.pages_of(table, &head_log(), |_, _| true).await.unwrap() {
        let item = table.get(&head_log().folded(of.hours)).await.unwrap().unwrap();
        pages.push((of.clone(), page::Page::decode(&item).unwrap()));
    }
    let segments: Vec<&page::SegmentRef> = pages.iter().flat_map(|(_, page)| &page.segments).collect();
    let places: std::collections::BTreeSet<head::Folded> = segments.iter().map(|segment| segment.place).collect();
    assert_eq!(places.len(), segments.len(), "a segment is named twice");
    assert_eq!(segments.iter().map(|segment| segment.events).sum::<u64>(), head.events);
    for (of, page) in &pages {
        let are_inside = page.segments.iter().all(|segment| of.first <= segment.first && segment.last <= of.last);
        assert!(are_inside, "a segment reaches out of its page");
    }
    pages
}

#[tokio::test]
async fn pages_on_shelves_are_read_and_written_like_any_other() {
    let table = table();
    let limits = Limits { head_pages: 6, shelf_pages: 4, page_bytes: 64, ..Limits::PRODUCTION };
    let unique = metric(AggregationType::UniqueCount);
    // Each hour has its own ten values: few hours fill a page.
    let append_hour = async |hour: usize, call: usize| {
        let events = (0..10)
            .map(|place| Event {
                timestamp: at("2024-02-01T00:00:00Z") + chrono::TimeDelta::minutes(60 * hour as i64),
                position: u32::try_from(place).unwrap(),
                properties: Properties::new(vec![(
                    "a".into(),
                    Value::Text(format!("{hour} {call} {place} {}", "long".repeat(40))),
                )]),
                ..plain_event(Some("s"), "calls", &format!("{hour}.{call}.{place}"))
            })
            .collect();
        append(&table, organization(), &[delivery(events)], arrival((call * 1000 + hour) as u128)).await.unwrap();
    };
    let check = async |metric: &Metric, expected: i64| {
        let found = counted(&table, LOG, metric, &always(), Asked::ForShow).await;
        let units = digest::aggregate_by_group(metric, &found.parts, &always()).unwrap()[0].1;
        assert_eq!((units.events_count, found.parts.events.len(), found.is_outdated), (expected, 0, false));
        assert_eq!(read(&table, organization(), LOG.0, LOG.1, &Wanted::ALL).await.unwrap().len() as i64, expected);
        let pages = pages_of(&table).await;
        assert!(pages.windows(2).all(|pair| pair[0].0.last < pair[1].0.from && pair[1].0.from <= pair[1].0.first));
    };
    for hour in 0..100 {
        append_hour(hour, 0).await;
        if hour % 20 == 19 {
            fold_within(&table, LOG, Some(&unique), &limits).await;
        }
    }
    let head = head::Found::load(&table, &head_log()).await.unwrap().head;
    assert!(head.shelves.len() > 2 && head.pages.len() <= 6, "{} {}", head.shelves.len(), head.pages.len());
    check(&unique, 1000).await;
    // Late ones, into hours on shelves and between them.
    for (call, hours) in [vec![50], vec![0, 99], (0..100).step_by(9).collect()].into_iter().enumerate() {
        for hour in hours {
            append_hour(hour, call + 1).await;
        }
        fold_within(&table, LOG, Some(&unique), &limits).await;
    }
    check(&unique, 1000 + 10 * (1 + 2 + 12)).await;
    let count = metric(AggregationType::Count);
    let mut folds = 0;
    while let Outcome::Done { is_more: true, .. } = fold_within(&table, LOG, Some(&count), &limits).await {
        folds += 1;
        assert!(folds < 50, "digests are made anew without end");
    }
    check(&count, 1150).await;
    let day = plain_event(None, "", "").received_at.date_naive();
    assert!(find(&table, organization(), "3.0.9", day, day).await.unwrap().is_some());
}

#[tokio::test]
async fn uploads_over_many_hours_leave_few_segments() {
    const FOLDS: usize = 160;
    const HOURS: usize = 96;
    let table = table();
    let sum = metric(AggregationType::Sum);
    let mut sent = 0;
    for number in 0..FOLDS {
        let events: Vec<Event> = (0..24)
            .map(|place| Event {
                // Hours in no order, each day of each upload.
                timestamp: at("2024-02-01T00:10:00Z")
                    + chrono::TimeDelta::hours(((number * 7 + place * 4) % HOURS) as i64),
                position: u32::try_from(place).unwrap(),
                properties: Properties::new(vec![("a".into(), Value::Number("1".into()))]),
                ..plain_event(Some("s"), "calls", &format!("{number}.{place}"))
            })
            .collect();
        sent += events.len();
        append(&table, organization(), &[delivery(events)], arrival(number as u128)).await.unwrap();
        fold_now(&table, LOG, Some(&sum)).await;
        if number % 16 != 15 {
            continue;
        }
        let pages = pages_of(&table).await;
        for hour in pages[0].0.first..=pages[pages.len() - 1].0.last {
            let of_hour = pages.iter().flat_map(|(_, page)| &page.segments);
            let of_hour = of_hour.filter(|it| it.first <= hour && hour <= it.last).count();
            // Fewer than eight of each class: three of small ones, three of wide ones.
            assert!(of_hour <= 3 * 8 + 3 * 8, "{of_hour} segments after {number} folds");
        }
        assert!(pages.iter().all(|(_, page)| page.segments.len() <= 50));
    }
    let written = table.consumed().write_units;
    assert!(written < 40 * FOLDS as u64, "{written} write units of {FOLDS} folds");
    assert_eq!(read(&table, organization(), LOG.0, LOG.1, &Wanted::ALL).await.unwrap().len(), sent);
}

#[tokio::test]
async fn a_changed_metric_is_read_from_the_events_until_its_digests_are_made_anew() {
    let table = table();
    let (sum, max) = (metric(AggregationType::Sum), metric(AggregationType::Max));
    append_hours(&table, 0, 20, 100).await;
    fold_now(&table, LOG, Some(&sum)).await;
    let outdated = counted(&table, LOG, &max, &always(), Asked::ForShow).await;
    assert!(outdated.is_outdated && outdated.parts.digests.is_empty() && outdated.parts.events.len() == 2000);
    assert!(matches!(fold_now(&table, LOG, Some(&max)).await, Outcome::Done { chunks: 0, events: 0, is_more: false }));
    let current = counted(&table, LOG, &max, &always(), Asked::ForShow).await;
    assert!(!current.is_outdated && current.parts.events.is_empty());
    for found in [outdated, current] {
        let units = digest::aggregate_by_group(&max, &found.parts, &always()).unwrap()[0].1;
        assert_eq!((units.units, units.events_count), (99.into(), 2000));
    }
}

#[tokio::test]
async fn what_a_closing_counted_stays_counted_whatever_copies_come_later() {
    let table = table();
    let count = metric(AggregationType::Count);
    let month = |month: u32| Window {
        from: at(&format!("2024-{month:02}-01T00:00:00Z")),
        to: at(&format!("2024-{month:02}-28T23:59:59.999999Z")),
        end: End::Included,
        shared: Shared::default(),
        period_days: 28,
    };
    let copy = |received, month: u32| Event {
        received_at: later(received),
        timestamp: month_start(month),
        ..plain_event(Some("s"), "calls", "tx")
    };
    fn month_start(month: u32) -> Instant {
        at(&format!("2024-{month:02}-01T12:00:00Z"))
    }
    async fn units(table: &SqliteTable, metric: &Metric, window: Window) -> i64 {
        let found = counted(table, LOG, metric, &window, Asked::ForBilling).await;
        digest::aggregate_by_group(metric, &found.parts, &window).unwrap()[0].1.events_count
    }
    append(&table, organization(), &[delivery(vec![copy(5, 1)])], arrival(9)).await.unwrap();
    assert_eq!(units(&table, &count, month(1)).await, 1);
    // Received earlier, arrived later, dated into the next month: the id has been billed.
    append(&table, organization(), &[delivery(vec![copy(4, 2)])], arrival(3)).await.unwrap();
    assert_eq!((units(&table, &count, month(2)).await, units(&table, &count, month(1)).await), (0, 1));
    fold_now(&table, LOG, Some(&count)).await;
    assert_eq!((units(&table, &count, month(2)).await, units(&table, &count, month(1)).await), (0, 1));
    append(&table, organization(), &[delivery(vec![copy(1, 2)])], arrival(1)).await.unwrap();
    fold_now(&table, LOG, Some(&count)).await;
    assert_eq!((units(&table, &count, month(2)).await, units(&table, &count, month(1)).await), (0, 1));
}

#[tokio::test]
async fn a_fresh_chunk_rests_and_a_busy_log_is_left_alone() {
    let table = table();
    append_hours(&table, 0, 3, 1).await;
    let now = head::Found::load(&table, &head_log()).await.unwrap();
    assert_eq!(now.head.generation, 0);
    let request = |now, chunks_min| Request {
        organization: organization(),
        external_subscription_id: LOG.0,
        code: LOG.1,
        digester: None,
        now,
        margin: fold::MARGIN,
        chunks_min,
    };
    let arrived = arrival(2).get_timestamp().unwrap().to_unix();
    let arrived = Instant::from_timestamp(i64::try_from(arrived.0).unwrap(), arrived.1).unwrap();
    let at_once = request(arrived + chrono::TimeDelta::seconds(1), 3);
    assert_eq!(fold::fold(&table, &at_once).await.unwrap(), Outcome::Nothing);
    let few = request(later(1_000_000_000), 4);
    assert_eq!(fold::fold(&table, &few).await.unwrap(), Outcome::Nothing);
    // An attempt that began a moment ago.
    let mut found = head::Found::load(&table, &head_log()).await.unwrap();
    found.head.taken = 1;
    found.head.under_way = Some((1, later(1_000_000_000 - 59).timestamp_micros()));
    found.store(&table, &head_log()).await.unwrap();
    let enough = request(later(1_000_000_000), 3);
    assert_eq!(fold::fold(&table, &enough).await.unwrap(), Outcome::Busy);
    let after = request(later(1_000_000_002), 3);
    assert!(matches!(fold::fold(&table, &after).await.unwrap(), Outcome::Done { chunks: 3, .. }));
}

#[test]
fn a_log_gets_as_many_partitions_as_its_rate_asks_for() {
    let tail = |chunks: u128, millis: u128| -> Vec<tail::Chunk> {
        (0..chunks)
            .map(|number| {
                let name = (arrival(number * millis), 0);
                let key = keys::chunk_key("log", name.0, 0);
                let item = Item::new(key, CHUNK, chunk::SCHEMA, vec![0; 300_000].into());
                tail::Chunk { name, epoch: None, item }
            })
            .collect()
    };
    let check = |chunks, millis, before, expected| {
        assert_eq!(
            fold::shards_for(&tail(chunks, millis), false, before, &Limits::PRODUCTION),
            expected,
            "{chunks} each {millis} ms"
        );
    };
    check(0, 1, 1, 1);
    // A burst, a slow log, a fast one, the fastest; never fewer than there are.
    check(9, 1, 1, 1);
    check(60, 2_000, 1, 1);
    check(60, 700, 1, 2);
    check(60, 300, 1, 4);
    check(600, 10, 1, 16);
    check(60, 2_000, 4, 4);
    // The beginning of a backlog: a few chunks tell, and twice as many partitions are enough for now.
    let check = |chunks, millis, before, expected| {
        assert_eq!(fold::shards_for(&tail(chunks, millis), true, before, &Limits::PRODUCTION), expected);
    };
    check(14, 100, 1, 2);
    check(14, 100, 4, 8);
    check(14, 100, 16, 16);
    check(14, 2_000, 1, 1);
}

fn head_log() -> head::Log<'static> {
    head::Log::new(organization(), LOG)
}

#[tokio::test]
async fn a_hot_log_gets_partitions_and_is_read_from_all_of_them() {
    let table = table();
    let mut random = 7_u64;
    let mut noise = || {
        // A linear congruence: nothing that compression could make small.
        let mut word = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{random:016x}")
        };
        Value::Text((0..400).map(|_| word()).collect())
    };
    let mut flood = |number: usize| -> Vec<Event> {
        (0..60)
            .map(|place| Event {
                position: place,
                properties: Properties::new(vec![("noise".into(), noise())]),
                ..plain_event(Some("s"), "calls", &format!("{number}.{place}"))
            })
            .collect()
    };
    append(&table, organization(), &[delivery(flood(0))], arrival(0)).await.unwrap();
    fold_now(&table, LOG, None).await;
    // As a fold that finds it hot says.
    let mut found = head::Found::load(&table, &head_log()).await.unwrap();
    found.head.shards = 4;
    found.store(&table, &head_log()).await.unwrap();
    for number in 1..4 {
        let arrival = Uuid::from_u128(arrival(number as u128).as_u128() + number as u128);
        append(&table, organization(), &[delivery(flood(number))], arrival).await.unwrap();
    }
    let expected = 4 * 60;
    let partition = keys::usage_log(organization(), LOG.0, LOG.1);
    let second = all_items(&table, Query::partition(keys::log_shard(&partition, 1))).await.unwrap();
    assert!(!second.is_empty());
    assert_eq!(read(&table, organization(), LOG.0, LOG.1, &Wanted::ALL).await.unwrap().len(), expected);
    while let Outcome::Done { is_more: true, .. } = fold_now(&table, LOG, None).await {}
    assert_eq!(read(&table, organization(), LOG.0, LOG.1, &Wanted::ALL).await.unwrap().len(), expected);
    let day = plain_event(None, "", "").received_at.date_naive();
    assert!(find(&table, organization(), "3.59", day, day).await.unwrap().is_some());
    assert_eq!(recent(&table, organization(), day, day, 0, 5).await.unwrap().total, expected);
}

/// Read units of one look at a month, before and after it is folded: `cargo test -p store --features sqlite costs -- --nocapture`.
#[tokio::test]
async fn a_folded_month_costs_a_fraction_of_an_unfolded_one() {
    let table = table();
    let sum = metric(AggregationType::Sum);
    append_hours(&table, 0, 744, 50).await;
    let march = Window { to: at("2024-03-02T23:59:59.999999Z"), from: at("2024-02-01T00:00:00Z"), ..always() };
    let cost = async |asked| {
        let before = table.consumed().read_half_units;
        let found = counted(&table, LOG, &sum, &march, asked).await;
        let units = digest::aggregate_by_group(&sum, &found.parts, &march).unwrap()[0].1;
        assert_eq!(units.events_count, 744 * 50);
        (table.consumed().read_half_units - before).div_ceil(2)
    };
    let unfolded = cost(Asked::ForShow).await;
    while let Outcome::Done { is_more: true, .. } = fold_now(&table, LOG, Some(&sum)).await {}
    let folded = cost(Asked::ForShow).await;
    println!("{} events in 744 hours and chunks: {unfolded} read units unfolded, {folded} folded", 744 * 50);
    assert!(folded * 5 < unfolded, "{folded} and {unfolded}");
}

#[tokio::test]
async fn the_first_events_come_as_themselves_if_they_are_needed() {
    let table = table();
    let sum = metric(AggregationType::Sum);
    append_hours(&table, 0, 300, 3).await;
    while let Outcome::Done { is_more: true, .. } = fold_now(&table, LOG, Some(&sum)).await {}
    let all = always();
    let digester = Digester::new(&sum, Code::Own);
    for (first_events, expected) in [(0, 0), (1, 3), (3, 3), (4, 6), (60, 60)] {
        let needs = Needs::of(&sum, &[all]).with_first_events(first_events);
        let found =
            parts(&table, organization(), LOG, &digester, &needs, &["a"], Asked::ForShow).await.unwrap().unwrap();
        assert_eq!(found.parts.events.len(), expected, "{first_events}");
        let first = found.parts.digests.iter().map(|digest| digest.first).min().unwrap();
        assert!(found.parts.events.iter().all(|event| hour_of(event.timestamp) < first));
        assert_eq!(digest::aggregate_by_group(&sum, &found.parts, &all).unwrap()[0].1.events_count, 900);
    }
}

fn golden(name: &str) -> Vec<u8> {
    let path: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "golden", name].iter().collect();
    std::fs::read(path).unwrap()
}

/// Bytes of the first schemas. They must decode for ever.
#[test]
fn golden_heads_pages_and_runs_decode() {
    let place = |number| head::Folded { generation: 3, number };
    let mut head = head::Head::new(&head_log());
    (head.generation, head.taken, head.under_way, head.shards, head.events) =
        (3, 5, Some((5, 1_700_000_000_000_000)), 2, 7);
    head.abandoned = vec![4];
    (head.previous, head.flipped_at) = (Some(2), 1_700_000_000_000_001);
    head.gone = head::Gone { chunks: vec![(arrival(3), 1)], items: vec![head::Folded { generation: 1, number: 2 }] };
    head.sealed = vec![vec![(arrival(1), 0)], vec![(arrival(2), 10_001)]];
    head.folded = vec![(arrival(0), 0)];
    head.superseded = vec![head::Folded { generation: 2, number: 9 }];
    head.pages = vec![head::PageRef {
        from: i64::MIN,
        first: -5,
        last: 474_000,
        hours: place(1),
        summary: Some(place(2)),
        definition: id(8),
    }];
    head.shelves = vec![shelf::ShelfRef {
        from: i64::MIN,
        to: 400_000,
        first: 7,
        last: 399_000,
        place: place(6),
        definition: Some(id(8)),
    }];
    head.runs = vec![head::RunRef { first: place(0), pages: 1, ids: 7 }];
    let from = vec![
        head::RunRef { first: place(10), pages: 2, ids: 700 },
        head::RunRef { first: place(12), pages: 1, ids: 9 },
    ];
    head.merges =
        vec![head::Merge { from, into: head::RunRef { first: place(20), pages: 3, ids: 709 }, done: 1 << 39 }];
    let parts =
        vec![dictionary::PartRef { place: place(30), values: 2 }, dictionary::PartRef { place: place(31), values: 1 }];
    head.dictionaries = vec![dictionary::DictionaryRef { block: 617, definition: id(8), parts }];
    let item = |kind: &str, body: Vec<u8>| Item::new(keys::folded("log", 1, 1), kind, 1, body.into());
    assert_eq!(head::Head::decode(&item(head::HEAD, golden("log_head.v1.bin"))).unwrap(), head);

    let day = |aggregation: AggregationType| {
        let metric = metric(aggregation);
        let number = |text: &str| Properties::new(vec![("a".into(), Value::Number(text.into()))]);
        let one = Event { properties: number("2.50"), ..plain_event(Some("s"), "calls", "tx1") };
        let other = Event { timestamp: later(60), properties: number("-1"), ..plain_event(Some("s"), "calls", "tx2") };
        let digester = Digester::new(&metric, Code::Own);
        let mut dictionary = Dictionary::default();
        let mut digest = |event: &Event| digester.digest(hour_of(event.timestamp), [event], &mut dictionary);
        [(one.timestamp, digest(&one)), (other.timestamp, digest(&other))]
    };
    // In the order of `AggregationType::ALL`.
    let files = [
        ("log_page.count_agg.v1.bin", "log_summary.count_agg.v1.bin"),
        ("log_page.sum_agg.v1.bin", "log_summary.sum_agg.v1.bin"),
        ("log_page.max_agg.v1.bin", "log_summary.max_agg.v1.bin"),
        ("log_page.unique_count_agg.v1.bin", "log_summary.unique_count_agg.v1.bin"),
        ("log_page.latest_agg.v1.bin", "log_summary.latest_agg.v1.bin"),
        ("log_page.weighted_sum_agg.v1.bin", "log_summary.weighted_sum_agg.v1.bin"),
    ];
    for (aggregation, (page_file, summary_file)) in AggregationType::ALL.into_iter().zip(files) {
        let mut page = page::Page::default();
        for (timestamp, digest) in day(aggregation) {
            page.hours.insert(hour_of(timestamp), page::HourOf { events: 1, digest });
        }
        page.hours.insert(9, page::HourOf { events: 3, digest: None });
        let segment = page::SegmentRef { place: place(4), first: 9, last: 474_000, received: (-1, 1), events: 5 };
        page.segments = vec![segment];
        let decoded = page::Page::decode(&item(page::PAGE, golden(page_file))).unwrap();
        assert_eq!(decoded, page, "{aggregation}");
        page.hours.remove(&9);
        let summary = page.summary().unwrap();
        assert_eq!(page::decode_summary(&item(page::SUMMARY, golden(summary_file))).unwrap(), summary, "{aggregation}");
    }
    let mut values = Values::default();
    let added = |group| Added { at: later(3), position: 2, group };
    values.add(7, Some(added(Some(domain::id::GroupId(id(9)))))).unwrap();
    values.add(300, Some(added(None))).unwrap();
    let mut page = page::Page::default();
    let digest = Digest { first: 474_000, last: 474_000, groups: BTreeMap::new(), values };
    page.hours.insert(474_000, page::HourOf { events: 2, digest: Some(digest) });
    assert_eq!(page::Page::decode(&item(page::PAGE, golden("log_page.first_addings.v1.bin"))).unwrap(), page);
    let mut texts = Texts::default();
    dictionary::decode(&item(dictionary::DICTIONARY, golden("log_dictionary.v1.bin")), &mut texts).unwrap();
    assert_eq!(texts.from(0).collect::<Vec<_>>(), ["", "é", "user-1"]);
    let page = head.pages[0].clone();
    let shelf =
        vec![page.clone(), head::PageRef { from: 474_001, first: 474_001, last: 474_002, summary: None, ..page }];
    assert_eq!(shelf::decode(&item(shelf::SHELF, golden("log_shelf.v1.bin"))).unwrap(), shelf);
    let seen = [(1, 474_000), (1, 474_001), (4_000_000_000, -3), (1 << 39, 9)];
    assert_eq!(seen::decode(&item(seen::RUN, golden("log_run.v1.bin"))).unwrap(), seen);
}
