//! The proof of "exactly once": writers, folders, readers, closers and amended metrics over a table that fails, answers
//! after it has done the work, does it later or in part, or takes the process with it, at every step; with messages that
//! come twice, late and in any order.
//!
//! One seed is one history, always the same. `make sim SEEDS=1000` runs any number; a failing seed says how to replay it.
//! Half of the histories run with tiny `Limits`: what a log of millions of events takes, a log of a hundred takes, too. The
//! last word of a run is whether each such path was taken at all.
//!
//! Laws, at every step:
//! - a reader meets no id twice, none that nobody has begun to write, and each that was acknowledged before it began;
//! - an invoice counts no id that another invoice has counted, each that was acknowledged before it began, and whatever it
//!   has counted it counts again, by the same copy;
//! - what the invoice's digests come to is what its events come to.
//!
//! And at every quiet point, when no process is at work any more:
//! - the log holds every id that was accepted, once, as one of its copies; the first received, unless a fold or a closing
//!   came before it arrived; and what was folded never changes;
//! - every aggregation by digests equals the one over the events, for every definition, and digests tell where they can;
//! - the list and the search find what the log holds.

mod table;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{GroupId, MetricId, OrganizationId};
use domain::metric::groups::Groups;
use domain::metric::{AggregationType, Metric};
use domain::usage::digest::{self, Code, Digester, Needs, NeedsEvents};
use domain::usage::event::{Event, Properties, event_id};
use domain::usage::window::{self, End, Window};
use domain::value::Value;
use store::table::Table;
use store::usage::fold::{self, Outcome, Request};
use store::usage::{self, Asked, Delivery, Limits, LogName, Source, Wanted};
use uuid::Uuid;

use table::{Dice, Process, Shared, Task, run};

/// Seeds of `make test`.
const SEEDS: u64 = 200;
/// Phases of a history: noise, then quiet.
const PHASES: usize = 3;
const LOG: (&str, &str) = ("s", "calls");
const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(7));
/// Definitions of the metric: six aggregations, with and without dimensions, recurring or not.
const DEFINITIONS: usize = 24;
/// Times that a closing makes room before it gives up.
const ROOMS_MAX: usize = 6;

/// What a run of `SEEDS` histories must have met, or it proves less than it says.
const PATHS: [&str; 14] = [
    "several parts of an append",
    "more than one shard",
    "a backlog that one fold does not take",
    "digests made anew without new events",
    "several pages",
    "pages on shelves",
    "too much to seal",
    "a page without a summary",
    "several pages of a run",
    "runs that have become one",
    "an amount of a closing compared",
    "an id billed again",
    "an id whose first copy had to count",
    "digests that had to tell",
];

/// Sizes at which a hundred events are very many.
const TINY: Limits = Limits {
    chunk_events: 2,
    burst_bytes: 1,
    fold_chunks: 5,
    epoch_chunks: 4,
    sealed_chunks: 14,
    folded_bytes: 120,
    rebuilt_pages: 1,
    segment_events: 2,
    page_bytes: 160,
    dictionary_bytes: 3,
    segment_peers: 2,
    rewritten_events: 4,
    head_pages: 3,
    shelf_pages: 2,
    small_run_ids: 3,
    run_page_ids: 4,
    merged_ids: 10,
    shard_bytes_per_second: 2,
    shards: 4,
    ..Limits::PRODUCTION
};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_704_067_200, 0).unwrap()
}

/// When an event says that it happened: often at the borders of seconds, hours and periods, now and then far away.
fn timestamp(dice: &mut Dice) -> DateTime<Utc> {
    let hour = if dice.one_in(4) { *dice.pick(&[0, 23, 24, 33, 47, 48, 71]) } else { dice.below(72) as i64 };
    let hour = match dice.below(60) {
        0 => hour - 40 * 365 * 24,
        1 => hour + 60 * 365 * 24,
        2 => hour - 72,
        3 => hour + 72,
        _ => hour,
    };
    let second = match dice.below(4) {
        0 => 3599,
        1 => 0,
        2 => *dice.pick(&[20 * 60 + 29, 20 * 60 + 30, 20 * 60 + 31]),
        _ => dice.below(3600) as i64,
    };
    let micros = *dice.pick(&[0, 250_000, 499_999, 500_000, 700_000, 999_999]);
    start() + TimeDelta::hours(hour) + TimeDelta::microseconds(1_000_000 * second + micros)
}

fn properties(dice: &mut Dice) -> Properties {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut properties: Vec<(String, Value)> = Vec::new();
    let value = match dice.below(80) {
        0..8 => None,
        8..12 => Some(text("many")),
        12..16 => Some(text("12")),
        16..28 => Some(Value::Number(format!("-{}", dice.below(20)))),
        28..32 => Some(Value::Number("0.001".into())),
        32..36 => Some(Value::Number("1e3".into())),
        36 => Some(Value::Number("1234567890123456789012345.67".into())),
        _ => Some(Value::Number(format!("{}.5", dice.below(9)))),
    };
    properties.extend(value.map(|value| ("value".to_owned(), value)));
    let region = *dice.pick(&[Some("eu"), Some("eu"), Some("us"), Some("moon"), None]);
    properties.extend(region.map(|region| ("region".to_owned(), text(region))));
    let user = match dice.below(8) {
        0 => None,
        1 => Some(Value::Number("3".into())),
        2 => Some(text("3")),
        _ => Some(text(&format!("u{}", dice.below(5)))),
    };
    properties.extend(user.map(|user| ("user".to_owned(), user)));
    if dice.one_in(90) {
        properties.push(("operation_type".to_owned(), text("remove")));
    }
    Properties::new(properties)
}

/// A copy of an event as it was accepted.
fn copy(shared: &Shared, transaction: usize, received_at: DateTime<Utc>) -> Event {
    let transaction_id = format!("t{transaction}");
    let (timestamp, properties) = shared.dice(|dice| (timestamp(dice), properties(dice)));
    Event {
        id: event_id(ORGANIZATION, Some(LOG.0), LOG.1, &transaction_id),
        transaction_id,
        external_subscription_id: Some(LOG.0.into()),
        external_customer_id: None,
        code: LOG.1.into(),
        timestamp,
        received_at,
        created_at: received_at,
        position: 0,
        properties,
    }
}

/// A definition of the metric, out of many.
fn metric(number: usize) -> Metric {
    let aggregation = AggregationType::ALL[number % 6];
    let region = |name: &str| Value::Text(name.to_owned());
    let group = Value::Map(vec![
        ("key".to_owned(), region("region")),
        ("values".to_owned(), Value::List(vec![region("eu"), region("us")])),
    ]);
    let mut ids = (1_u128..).map(|id| GroupId(Uuid::from_u128(id)));
    let groups = if (number / 6).is_multiple_of(2) {
        Groups::None
    } else {
        Groups::parse(&group, || ids.next().unwrap()).unwrap()
    };
    let field = if aggregation == AggregationType::UniqueCount { "user" } else { "value" };
    Metric {
        id: MetricId(Uuid::from_u128(1)),
        name: "Calls".into(),
        code: LOG.1.into(),
        description: None,
        aggregation,
        weighted_interval: None,
        recurring: number >= 12 && aggregation.may_recur(),
        field_name: (aggregation != AggregationType::Count).then(|| field.into()),
        groups,
        created_at: start(),
        created_seq: 0,
        deleted_at: None,
    }
}

/// Three periods, one after the other: a day, a part of one that an upgrade ends within a second, and what it left. Then
/// one of no invoice, which cuts hours.
fn windows() -> [Window; 4] {
    let at = |minutes: i64| start() + TimeDelta::minutes(minutes);
    let upgrade = at(2000) + TimeDelta::milliseconds(30_700);
    let before = |instant: DateTime<Utc>| instant - TimeDelta::microseconds(1);
    let window = |from, to, end| Window { from, to, end, shared: window::Shared::default(), period_days: 1 };
    [
        window(at(0), before(at(1440)), End::Included),
        window(at(1440), upgrade, End::Successors),
        window(upgrade, before(at(4320)), End::Included),
        window(at(600 + 17), before(at(3000 + 43)), End::Included),
    ]
}

/// All time, nearly.
fn always() -> Window {
    let years = TimeDelta::days(365 * 200);
    Window {
        from: start() - years,
        to: start() + years,
        end: End::Included,
        shared: window::Shared::default(),
        period_days: 1,
    }
}

/// What of a log a metric's aggregation over a window looks at, and a little more.
fn span(metric: &Metric, window: &Window) -> Wanted<'static> {
    let margin = TimeDelta::seconds(2);
    Wanted { from: (!metric.recurring).then(|| window.from - margin), to: Some(window.to + margin), properties: None }
}

/// Whether nothing speaks against digests: no removal, and no number of absurd length.
fn must_tell<'a>(metric: &Metric, events: impl IntoIterator<Item = &'a Event>) -> bool {
    events.into_iter().all(|event| match metric.aggregation {
        AggregationType::Count => true,
        AggregationType::UniqueCount => event.properties.get("operation_type").is_none(),
        AggregationType::Sum | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
            !matches!(event.properties.get("value"), Some(Value::Number(text)) if text.len() > 20)
        }
    })
}

/// A copy on its way.
struct Sent {
    event: Event,
    /// Operations of the table before a writer began to append it.
    begun: u64,
    /// Operations of the table after which it was in the log for sure, and the arrival by which it was.
    acknowledged: Option<(u64, Uuid)>,
    /// The earliest arrival by which it may be in the log.
    arrival: Option<Uuid>,
}

impl Sent {
    fn reception(&self) -> (DateTime<Utc>, u32) {
        (self.event.received_at, self.event.position)
    }
}

/// A fold or a closing: of the copies of an id that it sees one counts for ever.
struct Decider {
    /// Operations of the table before and after it.
    began: u64,
    ended: u64,
    /// Of a fold: its margin, and what it took for the time.
    fold: Option<(TimeDelta, DateTime<Utc>)>,
}

/// What the world outside knows.
#[derive(Default)]
struct Known {
    /// Real time, microseconds after the start.
    now: i64,
    arrivals: u64,
    /// Every copy that some writer has begun to append, by id.
    sent: BTreeMap<String, Vec<Sent>>,
    /// Ids that some writer has heard are in the log.
    acknowledged: BTreeSet<String>,
    /// What invoices have counted, by window: the copies.
    billed: BTreeMap<usize, BTreeMap<String, Event>>,
    definition: usize,
    /// Events as they stood in the log when everything had been folded.
    settled: BTreeMap<String, Event>,
    /// Generations of runs then.
    runs: BTreeSet<String>,
    deciders: Vec<Decider>,
}

struct Simulation {
    shared: Shared,
    known: RefCell<Known>,
    limits: Limits,
}

impl Simulation {
    fn now(&self) -> DateTime<Utc> {
        let step = self.shared.dice(|dice| if dice.one_in(10) { dice.below(90_000_000) } else { dice.below(900_000) });
        let mut known = self.known.borrow_mut();
        known.now += 1 + step as i64;
        start() + TimeDelta::microseconds(known.now)
    }

    /// A new time-ordered id, by a clock that may be a little off.
    fn arrival(&self) -> Uuid {
        let (skew, random) = self.shared.dice(|dice| (dice.below(4_000) as i64 - 2_000, dice.next()));
        let now = self.now() + TimeDelta::milliseconds(skew);
        let mut known = self.known.borrow_mut();
        known.arrivals += 1;
        let millis = u128::from(now.timestamp_millis().unsigned_abs()) << 80;
        Uuid::from_u128(
            millis | 0x7000_8000_0000_0000_0000 | u128::from(known.arrivals) << 32 | u128::from(random as u32),
        )
    }

    fn log(&self) -> LogName<'_> {
        LogName { limits: &self.limits, ..LOG.into() }
    }

    /// Delivers a message until it is acknowledged, and perhaps once more.
    async fn write(&self, events: Vec<Event>) {
        let begun = self.shared.operations();
        for event in &events {
            let sent = Sent { event: event.clone(), begun, acknowledged: None, arrival: None };
            self.known.borrow_mut().sent.entry(event.transaction_id.clone()).or_default().push(sent);
        }
        let mut deliveries = 1 + usize::from(self.shared.dice(|dice| dice.one_in(5)));
        while deliveries > 0 {
            let process = self.shared.process();
            let delivery = Delivery { source: Source::default(), events: events.clone() };
            let arrival = self.arrival();
            self.note(&events, |sent| sent.arrival = Some(sent.arrival.map_or(arrival, |before| before.min(arrival))));
            let appended = usage::append_within(&process, ORGANIZATION, &[delivery], arrival, &self.limits).await;
            if appended.is_ok() {
                deliveries -= 1;
                let operations = self.shared.operations();
                self.note(&events, |sent| sent.acknowledged = sent.acknowledged.or(Some((operations, arrival))));
                let ids = events.iter().map(|event| event.transaction_id.clone());
                self.known.borrow_mut().acknowledged.extend(ids);
            }
        }
    }

    fn note(&self, events: &[Event], note: impl Fn(&mut Sent)) {
        let mut known = self.known.borrow_mut();
        for event in events {
            let copies = known.sent.get_mut(&event.transaction_id).unwrap();
            copies.iter_mut().filter(|sent| sent.event == *event).for_each(&note);
        }
    }

    fn decided(&self, began: u64, fold: Option<(TimeDelta, DateTime<Utc>)>) {
        let ended = self.shared.operations();
        self.known.borrow_mut().deciders.push(Decider { began, ended, fold });
    }

    /// One attempt to fold, by whatever definition is known now.
    async fn fold(&self, margin: TimeDelta) -> Option<Outcome> {
        let process = self.shared.process();
        let metric = metric(self.known.borrow().definition);
        let now = self.now();
        let digester = Digester::new(&metric, Code::Own);
        let request = Request {
            organization: ORGANIZATION,
            external_subscription_id: LOG.0,
            code: LOG.1,
            // Now and then nobody knows the metric.
            digester: (!self.shared.dice(|dice| dice.one_in(12))).then_some(&digester),
            now,
            margin,
            chunks_min: 1,
        };
        let began = self.shared.operations();
        let outcome = fold::fold_within(&process, &request, &self.limits).await;
        self.decided(began, Some((margin, now)));
        if let Ok(Outcome::Done { chunks: 0, .. }) = outcome {
            self.shared.reached("digests made anew without new events");
        }
        outcome.ok()
    }

    /// The ids of these events; no id may be there twice.
    fn ids(events: &[Event]) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for event in events {
            assert!(ids.insert(event.transaction_id.clone()), "{} is met twice", event.transaction_id);
        }
        ids
    }

    /// What a reader of the whole log who began when `acknowledged` was may have met.
    fn check_ids(&self, acknowledged: &BTreeSet<String>, ids: &BTreeSet<String>) {
        let lost: Vec<&String> = acknowledged.difference(ids).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged, and are not there");
        let known = self.known.borrow();
        let made_up: Vec<&String> = ids.iter().filter(|id| !known.sent.contains_key(*id)).collect();
        assert!(made_up.is_empty(), "nobody has sent {made_up:?}");
    }

    /// Somebody looks: at the events, or at their number.
    async fn look(&self) {
        let process = self.shared.process();
        let acknowledged = self.known.borrow().acknowledged.clone();
        if self.shared.dice(|dice| dice.one_in(2)) {
            let wanted = Wanted { properties: Some(&[]), ..Wanted::ALL };
            let found = usage::read_as(&process, ORGANIZATION, self.log(), &wanted, Asked::ForShow).await;
            if let Ok(events) = found {
                self.check_ids(&acknowledged, &Simulation::ids(&events.unwrap()));
            }
            return;
        }
        let count = metric(0);
        let Ok(Some(parts)) = self.parts(&process, &count, &always(), Asked::ForShow).await else { return };
        let counted = digest::aggregate_by_group(&count, &parts, &always()).unwrap()[0].1.events_count;
        let (acknowledged, sent) = (acknowledged.len() as i64, self.known.borrow().sent.len() as i64);
        assert!(
            (acknowledged..=sent).contains(&counted),
            "{counted} of {acknowledged} acknowledged and {sent} sent ids"
        );
    }

    /// The parts of a window; none if there is too much to seal.
    async fn parts(
        &self,
        process: &Process,
        metric: &Metric,
        window: &Window,
        asked: Asked,
    ) -> Result<Option<digest::Parts>, ()> {
        let needs = Needs::of(metric, std::slice::from_ref(window));
        let digester = Digester::new(metric, Code::Own);
        let properties = metric.properties_used();
        let found = usage::parts(process, ORGANIZATION, self.log(), &digester, &needs, &properties, asked).await;
        found.map(|found| found.map(|found| found.parts)).map_err(|_| ())
    }

    /// The events that an invoice of a window counts from, every property of them; none if the closing does not succeed.
    async fn billed_events(&self, process: &Process, wanted: &Wanted<'_>) -> Option<Vec<Event>> {
        for _ in 0..ROOMS_MAX {
            match usage::read_as(process, ORGANIZATION, self.log(), wanted, Asked::ForBilling).await {
                Ok(Some(events)) => return Some(events),
                Ok(None) => {
                    self.shared.reached("too much to seal");
                    self.fold(TimeDelta::zero()).await;
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// Closes a period, for the first time or again.
    async fn close(&self, period: usize) {
        let began = self.shared.operations();
        self.bill(period).await;
        self.decided(began, None);
    }

    async fn bill(&self, period: usize) {
        let process = self.shared.process();
        let window = windows()[period];
        let acknowledged = self.known.borrow().acknowledged.clone();
        let billed = self.billed(period);
        let Some(events) = self.billed_events(&process, &Wanted::ALL).await else { return };
        // Whatever period its copy belongs to: it is on this invoice, or on another one's account.
        self.check_ids(&acknowledged, &Simulation::ids(&events));
        self.note_invoice(period, &events, &billed);
        let billed = self.billed(period);

        // The way of an invoice: by digests if they tell, else by the events of its span.
        let metric = metric(self.shared.dice(|dice| dice.below(DEFINITIONS)));
        let parts = self.parts(&process, &metric, &window, Asked::ForBilling).await;
        let wanted = span(&metric, &window);
        let Some(later) = self.billed_events(&process, &wanted).await else { return };
        let is_wanted = |event: &Event| {
            wanted.from.is_none_or(|from| from <= event.timestamp) && wanted.to.is_none_or(|to| event.timestamp <= to)
        };
        let before: Vec<Event> = events.into_iter().filter(is_wanted).collect();
        for event in &before {
            assert!(later.contains(event), "{event:?} was sealed, and counts no more");
        }
        self.note_invoice(period, &later, &billed);
        // What has arrived in between may be in the parts or not.
        if let Ok(Some(parts)) = parts
            && before.len() == later.len()
        {
            self.shared.reached("an amount of a closing compared");
            self.compare(&metric, &parts, &later, &window);
        }
    }

    /// What invoices of a period have counted so far.
    fn billed(&self, period: usize) -> BTreeMap<String, Event> {
        self.known.borrow().billed.get(&period).cloned().unwrap_or_default()
    }

    /// An invoice counts what of these events is in its window, and all that was billed `before` it began to read.
    fn note_invoice(&self, period: usize, events: &[Event], before: &BTreeMap<String, Event>) {
        let window = windows()[period];
        let counted = events.iter().filter(|event| window.contains(event.timestamp));
        let counted: BTreeMap<&String, &Event> = counted.map(|event| (&event.transaction_id, event)).collect();
        let mut known = self.known.borrow_mut();
        for (other, billed) in known.billed.iter().filter(|(other, _)| **other != period) {
            let twice: Vec<&&String> = counted.keys().filter(|id| billed.contains_key(**id)).collect();
            assert!(twice.is_empty(), "periods {other} and {period} both count {twice:?}");
        }
        for (id, event) in before {
            self.shared.reached("an id billed again");
            assert_eq!(Some(&event), counted.get(id), "period {period} has counted the first, and not any more");
        }
        let billed = known.billed.entry(period).or_default();
        billed.extend(counted.into_iter().map(|(id, event)| (id.clone(), event.clone())));
    }

    /// Digests come to what the events come to, and tell where they can.
    fn compare(&self, metric: &Metric, parts: &digest::Parts, events: &[Event], window: &Window) {
        let expected = domain::usage::aggregate_by_group(metric, events, window);
        match digest::aggregate_by_group(metric, parts, window) {
            Ok(found) => assert_eq!(Ok(found), expected, "{:?} of {window:?}", metric.aggregation),
            Err(NeedsEvents) => {
                assert!(!must_tell(metric, events), "digests do not tell {:?} of {window:?}", metric.aggregation);
            }
        }
        if must_tell(metric, events) {
            self.shared.reached("digests that had to tell");
        }
    }

    fn noise(&self, phase: usize) -> Vec<Task<'_>> {
        let mut tasks: Vec<Task<'_>> = Vec::new();
        let messages = self.shared.dice(|dice| 4 + dice.below(10));
        for _ in 0..messages {
            let size = self.shared.dice(|dice| 1 + dice.below(5));
            let events: Vec<Event> = (0..size)
                .map(|place| {
                    let transaction = self.shared.dice(|dice| dice.below(30 * (phase + 1)));
                    let received_at = self.now();
                    Event { position: place as u32, ..copy(&self.shared, transaction, received_at) }
                })
                .collect();
            tasks.push(Box::pin(self.write(events)));
        }
        for _ in 0..self.shared.dice(|dice| dice.below(6)) {
            let margin = if self.shared.dice(|dice| dice.one_in(2)) { fold::MARGIN } else { TimeDelta::zero() };
            tasks.push(Box::pin(async move {
                self.fold(margin).await;
            }));
        }
        for _ in 0..self.shared.dice(|dice| dice.below(4)) {
            tasks.push(Box::pin(self.look()));
        }
        for _ in 0..self.shared.dice(|dice| dice.below(3)) {
            let period = self.shared.dice(|dice| dice.below(3));
            tasks.push(Box::pin(self.close(period)));
        }
        if self.shared.dice(|dice| dice.one_in(2)) {
            tasks.push(Box::pin(async {
                self.known.borrow_mut().definition = self.shared.dice(|dice| dice.below(DEFINITIONS));
            }));
        }
        tasks
    }

    /// Folds until nothing is left.
    async fn fold_all(&self) {
        let mut has_folded = false;
        for _ in 0..200 {
            match self.fold(TimeDelta::zero()).await {
                Some(Outcome::Nothing) => return self.look_at_items(),
                Some(Outcome::Done { chunks: 1.., .. }) if std::mem::replace(&mut has_folded, true) => {
                    self.shared.reached("a backlog that one fold does not take");
                }
                _ => {}
            }
            // An attempt that died is left alone for a minute.
            self.known.borrow_mut().now += 61_000_000;
        }
        panic!("folding does not end");
    }

    /// What a log consists of when everything is folded and what was replaced is gone.
    fn look_at_items(&self) {
        let [pages, summaries, runs] = ["log_page", "log_summary", "log_run"].map(|kind| self.shared.keys_of(kind));
        if pages.len() > 1 {
            self.shared.reached("several pages");
        }
        if !self.shared.keys_of("log_shelf").is_empty() {
            self.shared.reached("pages on shelves");
        }
        if pages.len() > summaries.len() {
            self.shared.reached("a page without a summary");
        }
        // The generation of `G#<generation>#<number>`.
        let generation = |key: &store::table::Key| key.sort.rsplit_once('#').unwrap().0.to_owned();
        let generations: BTreeSet<String> = runs.iter().map(generation).collect();
        if runs.len() > generations.len() {
            self.shared.reached("several pages of a run");
        }
        let mut known = self.known.borrow_mut();
        if !known.runs.is_subset(&generations) {
            self.shared.reached("runs that have become one");
        }
        known.runs = generations;
    }

    /// No process is at work any more, and nothing fails.
    async fn quiet(&self, is_folded: bool) {
        let process = self.shared.process();
        let chunks: BTreeSet<String> = self.shared.keys_of("chunk").into_iter().map(|key| key.partition).collect();
        if chunks.len() > 1 {
            self.shared.reached("more than one shard");
        }
        if is_folded {
            self.fold_all().await;
        }
        let found = usage::read_as(&process, ORGANIZATION, self.log(), &Wanted::ALL, Asked::ForShow).await;
        let events = found.unwrap().unwrap();
        let ids = Simulation::ids(&events);
        {
            let mut known = self.known.borrow_mut();
            assert!(known.sent.keys().eq(&ids), "counted ids are the accepted ones");
            for event in &events {
                self.check_copy(&known, event);
            }
            if is_folded {
                known.settled = events.iter().map(|event| (event.transaction_id.clone(), event.clone())).collect();
            }
        }
        self.aggregates(&process, &events).await;
        let (first, last) = (start().date_naive(), (start() + TimeDelta::days(30)).date_naive());
        let listed = usage::recent(&process, ORGANIZATION, first, last, 0, 10_000).await.unwrap();
        assert_eq!((listed.total, listed.events.len()), (events.len(), events.len()), "the list of events");
        for event in events.iter().step_by(7) {
            let found = usage::find(&process, ORGANIZATION, &event.transaction_id, first, last).await.unwrap();
            assert_eq!(found.map(|found| found.event.transaction_id), Some(event.transaction_id.clone()));
        }
    }

    /// Whether of all copies of an id the one that counts may.
    fn check_copy(&self, known: &Known, event: &Event) {
        let copies = &known.sent[&event.transaction_id];
        let Some(counted) = copies.iter().find(|sent| sent.event == *event) else {
            panic!("{event:?} was never sent");
        };
        if let Some(settled) = known.settled.get(&event.transaction_id) {
            assert_eq!(settled, event, "what was folded has changed");
        }
        let mut has_other = false;
        for other in copies.iter().filter(|sent| sent.event != *event) {
            has_other = true;
            let may_come_later = other.reception() >= counted.reception()
                || known.deciders.iter().any(|decider| self.may_prefer(decider, counted, other));
            assert!(may_come_later, "{event:?} counts, and {:?} was received first", other.event);
        }
        if has_other && !known.deciders.iter().any(|decider| decider.fold.is_none()) {
            self.shared.reached("an id whose first copy had to count");
        }
    }

    /// Whether a fold or a closing may have met `counted` and not `first`, which was received before.
    fn may_prefer(&self, decider: &Decider, counted: &Sent, first: &Sent) -> bool {
        // It ended before the one was on its way.
        if decider.ended <= counted.begun {
            return false;
        }
        let Some((acknowledged, arrival)) = first.acknowledged else { return true };
        let is_early = match decider.fold {
            // What has not rested is not folded.
            Some((margin, now)) if margin > TimeDelta::zero() => {
                let arrived = counted.arrival.map(|arrival| (arrival.as_u128() >> 80) as i64);
                arrived.is_some_and(|arrived| now.timestamp_millis() - arrived >= margin.num_milliseconds())
            }
            Some(_) | None => true,
        };
        // A fold takes chunks in order of arrival, and not all: some rest, or are too many.
        let takes_a_part = decider.fold.is_some_and(|(margin, _)| margin > TimeDelta::zero() || self.limits == TINY);
        let is_behind = takes_a_part && counted.arrival.is_some_and(|its| its < arrival);
        is_early && (decider.began < acknowledged || is_behind)
    }

    async fn aggregates(&self, process: &Process, events: &[Event]) {
        for number in 0..DEFINITIONS {
            let metric = metric(number);
            // One window for each definition; all of them in time.
            let window = windows()[(number + events.len()) % 4];
            let parts = self.parts(process, &metric, &window, Asked::ForShow).await.unwrap().unwrap();
            self.compare(&metric, &parts, events, &window);
        }
    }
}

/// A history: how many operations of the table it took, and its paths.
fn history(seed: u64) -> (u64, BTreeMap<&'static str, u64>) {
    let shared = Shared::new(seed);
    let limits = if shared.dice(|dice| dice.one_in(2)) { TINY } else { Limits::PRODUCTION };
    let simulation = Simulation { shared, known: RefCell::default(), limits };
    for phase in 0..PHASES {
        let faults = simulation.shared.dice(|dice| *dice.pick(&[0, 8, 25, 80]));
        simulation.shared.set_faults(faults);
        let tasks = simulation.noise(phase);
        run(&simulation.shared, tasks);
        // What dead processes began may happen now, or whenever.
        if phase + 1 == PHASES || simulation.shared.dice(|dice| dice.one_in(2)) {
            simulation.shared.arrive();
        }
        simulation.shared.set_faults(0);
        let is_folded = simulation.shared.dice(|dice| dice.one_in(2));
        run(&simulation.shared, vec![Box::pin(simulation.quiet(is_folded))]);
    }
    (simulation.shared.operations(), simulation.shared.paths())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_history_counts_every_id_once() {
    let (first, count) = match number("WEIR_SIM_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("WEIR_SIM_SEEDS").unwrap_or(SEEDS)),
    };
    let mut operations = 0;
    let mut paths: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in first..first + count {
        match catch_unwind(AssertUnwindSafe(|| history(seed))) {
            Ok((more, its)) => {
                operations += more;
                for (path, times) in its {
                    *paths.entry(path).or_default() += times;
                }
            }
            Err(panic) => {
                eprintln!("seed {seed} fails; replay it with: make sim SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    println!("{count} histories, {operations} operations of the table, {paths:#?}");
    if count >= SEEDS {
        for path in PATHS {
            assert!(paths.contains_key(path), "no history has met {path}: make TINY smaller, or say why it cannot be");
        }
    }
}

#[test]
fn one_seed_is_one_history() {
    assert_eq!(history(4711), history(4711));
}

/// The table of the simulation is one, too.
#[test]
fn a_process_without_faults_has_a_table() {
    let shared = Shared::new(1);
    let process = shared.process();
    run(
        &shared,
        vec![Box::pin(async move {
            let key = store::table::Key { partition: "p".into(), sort: "s".into() };
            process.put_all(vec![store::table::Item::new(key.clone(), "k", 1, Vec::new().into())]).await.unwrap();
            assert!(process.get(&key).await.unwrap().is_some());
            process.delete_all(std::slice::from_ref(&key)).await.unwrap();
            assert!(process.get(&key).await.unwrap().is_none());
        })],
    );
}
