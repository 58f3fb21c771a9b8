//! What is not folded yet: how much of it is read, how it is sealed, and what happens when closings, folds and readers
//! meet.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::metric::AggregationType;
use domain::metric::properties::Properties;
use domain::time::Instant;
use domain::usage::digest::{self, Code, Digester, Needs};
use domain::usage::event::Event;
use domain::value::Value;
use proptest::prelude::*;

use super::fold::{self, Outcome, Request};
use super::head::{Found, Log, Trouble};
use super::parts::{Asked, Counted, parts};
use super::seen::named;
use super::tests::{any_event, arrival, delivery, event as plain_event, later, organization, table};
use super::*;
use crate::sqlite::SqliteTable;
use crate::table::{
    Consumed, Index, IndexPage, Key, Page as TablePage, Query, Table, TableError, TransactError, Write,
};

const NAME: (&str, &str) = ("s", "calls");
const TINY: Limits = Limits { fold_chunks: 2, epoch_chunks: 2, ..Limits::PRODUCTION };

fn log(limits: &Limits) -> Log<'_> {
    Log { organization: organization(), external_subscription_id: NAME.0, code: NAME.1, limits }
}

fn name(limits: &Limits) -> LogName<'_> {
    LogName { external_subscription_id: NAME.0, code: NAME.1, limits }
}

/// When the call of this number arrived.
fn arrived(number: u128) -> Instant {
    let (seconds, nanos) = arrival(number).get_timestamp().unwrap().to_unix();
    Instant::from_timestamp(i64::try_from(seconds).unwrap(), nanos).unwrap()
}

/// Long after whatever these tests append.
fn now() -> Instant {
    later(1_000_000_000)
}

async fn fold_at(table: &dyn Table, limits: &Limits, now: Instant, margin: TimeDelta) -> Outcome {
    let request = Request {
        organization: organization(),
        external_subscription_id: NAME.0,
        code: NAME.1,
        digester: None,
        now,
        margin,
        chunks_min: 1,
    };
    fold::fold_within(table, &request, limits).await.unwrap()
}

/// A copy of `tx`, told from others by the second of its reception.
fn copy(received: i64) -> Event {
    Event { received_at: later(received), ..plain_event(Some("s"), "calls", "tx") }
}

fn named_event(transaction_id: &str, received: i64) -> Event {
    Event { transaction_id: transaction_id.to_owned(), ..copy(received) }
}

async fn put(table: &dyn Table, events: Vec<Event>, number: u128) {
    append(table, organization(), &[delivery(events)], arrival(number)).await.unwrap();
}

async fn bill(table: &dyn Table, limits: &Limits) -> Option<Vec<Event>> {
    read_as(table, organization(), name(limits), &Wanted::ALL, Asked::ForBilling).await.unwrap()
}

async fn look(table: &dyn Table) -> Vec<Event> {
    read(table, organization(), NAME.0, NAME.1, &Wanted::ALL).await.unwrap()
}

async fn head_of(table: &dyn Table) -> head::Head {
    Found::load(table, &log(&Limits::PRODUCTION)).await.unwrap().head
}

type Hook<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Before the first write of which kind something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// What a fold makes.
    Puts,
    /// The head.
    Transaction,
}

/// A table beside which something happens once, before the first write of a kind; and that counts what queries read.
struct Beside<'a> {
    table: &'a SqliteTable,
    moment: Moment,
    hook: Mutex<Option<Hook<'a>>>,
    queried_bytes: AtomicUsize,
}

impl<'a> Beside<'a> {
    fn new(table: &'a SqliteTable, moment: Moment, hook: impl Future<Output = ()> + Send + 'a) -> Beside<'a> {
        Beside { table, moment, hook: Mutex::new(Some(Box::pin(hook))), queried_bytes: AtomicUsize::new(0) }
    }

    async fn happens(&self, moment: Moment) {
        let hook = if moment == self.moment { self.hook.lock().unwrap().take() } else { None };
        if let Some(hook) = hook {
            hook.await;
        }
    }
}

#[async_trait]
impl Table for Beside<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        self.table.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        self.table.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<TablePage, TableError> {
        let page = self.table.query(query).await?;
        self.queried_bytes.fetch_add(page.items.iter().map(|item| item.body.len()).sum(), Ordering::Relaxed);
        Ok(page)
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        self.table.query_index(index, query).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        self.happens(Moment::Puts).await;
        self.table.put_all(items).await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        self.table.delete_all(keys).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        self.happens(Moment::Transaction).await;
        self.table.transact(writes).await
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        self.table.add(key, by).await
    }

    fn consumed(&self) -> Consumed {
        self.table.consumed()
    }
}

/// Events that no compression makes much smaller: about 100 KB.
fn noise(number: usize) -> Event {
    let mut random = number as u64 + 1;
    let mut word = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{random:016x}")
    };
    let text: String = (0..12_000).map(|_| word()).collect();
    let properties = Properties::new(vec![("noise".into(), Value::Text(text))]);
    Event { properties, ..named_event(&number.to_string(), number as i64) }
}

#[tokio::test]
async fn a_closing_seals_several_epochs_at_once_by_what_was_received_first() {
    let table = table();
    // Received in the opposite order of their arrival.
    for number in 0..7 {
        put(&table, vec![named_event(&number.to_string(), 100 - number), copy(50 - number)], number as u128).await;
    }
    let billed = bill(&table, &TINY).await.unwrap();
    assert_eq!(billed.len(), 8);
    assert!(billed.contains(&copy(44)), "{billed:?}");
    let epochs: Vec<usize> = head_of(&table).await.sealed.iter().map(Vec::len).collect();
    assert_eq!(epochs, [2, 2, 2, 1]);
    // Each is folded whole, and nothing that was billed changes. Nothing is sealed again either.
    for left in [5, 3, 1, 0] {
        assert!(matches!(fold_at(&table, &TINY, now(), fold::MARGIN).await, Outcome::Done { .. }));
        assert_eq!(head_of(&table).await.sealed.iter().map(Vec::len).sum::<usize>(), left);
        assert_eq!(bill(&table, &TINY).await.unwrap(), billed);
    }
}

#[tokio::test]
async fn only_what_the_head_or_a_closing_cannot_hold_is_to_be_folded_first() {
    for limits in [Limits { sealed_chunks: 5, ..TINY }, Limits { sealed_bytes: 300_000, ..TINY }] {
        let table = table();
        for number in 0..6 {
            put(&table, vec![noise(number)], number as u128).await;
        }
        assert_eq!(bill(&table, &limits).await, None);
        for _ in 0..3 {
            assert!(matches!(
                fold_at(&table, &limits, now(), TimeDelta::zero()).await,
                Outcome::Done { chunks: 2, .. }
            ));
        }
        assert_eq!(bill(&table, &limits).await.unwrap().len(), 6);
    }
}

#[tokio::test]
async fn a_seal_that_chose_the_same_copies_does_not_stop_a_fold() {
    let table = table();
    put(&table, vec![copy(5), named_event("a", 1)], 1).await;
    put(&table, vec![copy(4), named_event("b", 1)], 2).await;
    let beside = Beside::new(&table, Moment::Puts, async {
        // Another event has arrived meanwhile: the closing seals one chunk that the fold has not read.
        put(&table, vec![named_event("c", 0)], 3).await;
        assert_eq!(bill(&table, &Limits::PRODUCTION).await.unwrap().len(), 4);
    });
    let outcome = fold_at(&beside, &Limits::PRODUCTION, now(), fold::MARGIN).await;
    assert!(matches!(outcome, Outcome::Done { chunks: 2, events: 3, .. }), "{outcome:?}");
    let head = head_of(&table).await;
    assert_eq!((head.taken, head.generation, head.under_way), (1, 1, None));
    assert_eq!(head.sealed, [[(arrival(3), 0)]]);
    assert!(look(&table).await.contains(&copy(4)));
}

#[tokio::test]
async fn a_fold_that_chose_another_copy_than_a_seal_gives_up_at_once_and_takes_the_sealed_one() {
    let table = table();
    put(&table, vec![copy(5)], 1).await;
    let beside = Beside::new(&table, Moment::Puts, async {
        // The first received arrives last, and is what the invoice counts.
        put(&table, vec![copy(4)], 2).await;
        assert_eq!(bill(&table, &Limits::PRODUCTION).await.unwrap(), [copy(4)]);
    });
    let outcome = fold_at(&beside, &Limits::PRODUCTION, now(), fold::MARGIN).await;
    assert!(matches!(outcome, Outcome::Done { chunks: 2, events: 1, .. }), "{outcome:?}");
    assert_eq!(look(&table).await, [copy(4)]);
    let head = head_of(&table).await;
    assert_eq!((head.taken, head.generation, head.under_way), (2, 2, None));
    for shard in 0..keys::FOLDED_SHARDS {
        let partition = keys::log_shard(&log(&TINY).partition(), shard);
        let left = all_items(&table, Query::prefix(partition, &keys::folded_generation(1))).await.unwrap();
        assert!(left.is_empty(), "what the first attempt wrote");
    }
}

#[tokio::test]
async fn epochs_of_one_seal_decide_what_a_fold_under_way_may_count() {
    let table = table();
    // By chunks the first one was received first, and it has the later copy of `tx`.
    put(&table, vec![named_event("a", 0), copy(5)], 1).await;
    put(&table, vec![named_event("b", 1), copy(4)], 2).await;
    let limits = Limits { epoch_chunks: 1, ..Limits::PRODUCTION };
    let beside = Beside::new(&table, Moment::Puts, async {
        assert!(bill(&table, &limits).await.unwrap().contains(&copy(5)));
    });
    assert!(matches!(fold_at(&beside, &limits, now(), fold::MARGIN).await, Outcome::Done { events: 3, .. }));
    assert!(look(&table).await.contains(&copy(5)));
}

#[tokio::test]
async fn a_closing_seals_although_a_fold_finishes_beside_it() {
    let table = table();
    put(&table, vec![copy(5), named_event("a", 1)], 1).await;
    let log = log(&Limits::PRODUCTION);
    let mut found = Found::load(&table, &log).await.unwrap();
    let mut tail = found.tail(&table, &log, true).await.unwrap();
    fold_at(&table, &Limits::PRODUCTION, now(), fold::MARGIN).await;
    found.seal(&table, &log, &mut tail).await.unwrap();
    // It was folded: there is nothing to seal any more, and the closing goes on with the new head.
    assert!(tail.is_empty() && found.head.generation == 1 && found.head.sealed.is_empty());
    // Two folds beside it are one too many.
    put(&table, vec![named_event("b", 1)], 2).await;
    let mut tail = found.tail(&table, &log, true).await.unwrap();
    for number in 3..5 {
        fold_at(&table, &Limits::PRODUCTION, now(), fold::MARGIN).await;
        put(&table, vec![named_event("c", 1)], number).await;
    }
    assert!(matches!(found.seal(&table, &log, &mut tail).await, Err(Trouble::Changed)));
}

#[tokio::test]
async fn a_closing_counts_what_another_one_sealed_beside_it() {
    for folds in [false, true] {
        let table = table();
        put(&table, vec![copy(5)], 1).await;
        // The first received arrives after the tail was read, and another closing seals it, before or after a fold.
        let beside = Beside::new(&table, Moment::Transaction, async {
            if folds {
                put(&table, vec![named_event("a", 1)], 2).await;
                fold_at(&table, &Limits::PRODUCTION, arrived(1) + fold::MARGIN, fold::MARGIN).await;
            }
            put(&table, vec![copy(4), named_event("b", 1)], 3).await;
            bill(&table, &Limits::PRODUCTION).await.unwrap();
        });
        let billed = bill(&beside, &Limits::PRODUCTION).await.unwrap();
        assert!(billed.contains(&copy(if folds { 5 } else { 4 })) && billed.len() == if folds { 3 } else { 2 });
        for _ in 0..3 {
            assert_eq!(bill(&table, &Limits::PRODUCTION).await.unwrap(), billed);
            fold_at(&table, &Limits::PRODUCTION, now(), fold::MARGIN).await;
            assert_eq!(look(&table).await, billed);
        }
    }
}

#[tokio::test]
async fn a_fold_reads_no_more_of_a_backlog_than_about_twice_what_it_takes() {
    let table = table();
    for number in 0..60 {
        put(&table, vec![noise(number)], number as u128).await;
    }
    let limits = Limits { fold_bytes: 300_000, ..Limits::PRODUCTION };
    let mut left = 60;
    while left > 0 {
        let beside = Beside::new(&table, Moment::Puts, async {});
        let outcome = fold_at(&beside, &limits, now(), fold::MARGIN).await;
        let Outcome::Done { chunks, is_more, .. } = outcome else { panic!("{outcome:?}") };
        left -= chunks;
        assert!((1..6).contains(&chunks) && is_more == (left > 0), "{chunks} chunks, {left} left, {is_more}");
        // A page of a megabyte.
        let bytes = beside.queried_bytes.load(Ordering::Relaxed);
        assert!(bytes < 1_100_000, "{bytes} bytes");
    }
    assert_eq!(look(&table).await.len(), 60);
}

#[tokio::test]
async fn a_backlog_in_several_partitions_is_folded_in_order_of_arrival() {
    let table = table();
    let log = log(&Limits::PRODUCTION);
    let mut found = Found::load(&table, &log).await.unwrap();
    found.head.shards = 2;
    found.store(&table, &log).await.unwrap();
    for number in 0..40 {
        chunk_in_shard(&table, number % 2, &[noise(number)], number as u128).await;
    }
    let limits = Limits { fold_bytes: 300_000, ..Limits::PRODUCTION };
    let mut folded = Vec::new();
    loop {
        let outcome = fold_at(&table, &limits, now(), fold::MARGIN).await;
        folded.extend(head_of(&table).await.folded);
        if !matches!(outcome, Outcome::Done { is_more: true, .. }) {
            break;
        }
    }
    let arrivals: Vec<Uuid> = folded.iter().map(|(arrival, _)| *arrival).collect();
    assert_eq!(arrivals, (0..40).map(arrival).collect::<Vec<_>>());
}

async fn chunk_in_shard(table: &dyn Table, shard: usize, events: &[Event], number: u128) {
    let day = LogDay { external_subscription_id: NAME.0, code: NAME.1, day: later(0).date_naive() };
    let source = Source::default();
    let rows: Vec<Row<'_>> = events.iter().map(|event| (event, &source)).collect();
    let body = chunk::encode(organization(), day, &rows, &Limits::PRODUCTION).unwrap().remove(0).0;
    let partition = log(&Limits::PRODUCTION).partition();
    let key = keys::chunk_key(&partition, arrival(number), shard * keys::PARTS_PER_SHARD);
    table.put_all(vec![Item::new(key, CHUNK, chunk::SCHEMA, body)]).await.unwrap();
}

#[tokio::test]
async fn the_first_received_counts_if_it_arrives_within_the_margin_or_among_the_next_chunks() {
    // It has not rested long enough to be folded, and is looked at nevertheless.
    let table = table();
    put(&table, vec![copy(5)], 1).await;
    put(&table, vec![copy(4)], 100_000).await;
    let at = arrived(1) + fold::MARGIN;
    assert!(arrived(100_000) < at);
    let outcome = fold_at(&table, &Limits::PRODUCTION, at, fold::MARGIN).await;
    assert_eq!(outcome, Outcome::Done { chunks: 1, events: 1, is_more: false });
    assert_eq!(look(&table).await, [copy(4)]);
    let outcome = fold_at(&table, &Limits::PRODUCTION, now(), fold::MARGIN).await;
    assert_eq!(outcome, Outcome::Done { chunks: 1, events: 0, is_more: false });
    assert_eq!(look(&table).await, [copy(4)]);

    // It is one of those that the next fold takes.
    let table = super::tests::table();
    put(&table, vec![copy(5), named_event("a", 1)], 1).await;
    put(&table, vec![named_event("b", 1)], 2).await;
    put(&table, vec![copy(4), named_event("c", 1)], 3).await;
    let outcome = fold_at(&table, &TINY, now(), fold::MARGIN).await;
    assert_eq!(outcome, Outcome::Done { chunks: 2, events: 3, is_more: true });
    assert!(look(&table).await.contains(&copy(4)));
    fold_at(&table, &TINY, now(), fold::MARGIN).await;
    assert_eq!(look(&table).await.len(), 4);
}

#[tokio::test]
async fn whoever_does_not_wait_folds_what_has_arrived_whatever_the_writers_clock_says() {
    let table = table();
    put(&table, vec![copy(1)], 90_000).await;
    let ahead = arrived(1);
    assert_eq!(fold_at(&table, &TINY, ahead, fold::MARGIN).await, Outcome::Nothing);
    assert!(matches!(fold_at(&table, &TINY, ahead, TimeDelta::zero()).await, Outcome::Done { chunks: 1, .. }));
}

#[tokio::test]
async fn items_that_a_fold_replaced_stay_until_the_next_fold_is_finished_or_the_log_is_left_alone() {
    let (table, log) = (table(), log(&Limits::PRODUCTION));
    put(&table, vec![named_event("a", 1)], 1).await;
    fold_at(&table, log.limits, now(), fold::MARGIN).await;
    put(&table, vec![named_event("b", 1)], 2).await;
    let first = Found::load(&table, &log).await.unwrap();
    let tail = first.tail(&table, &log, false).await.unwrap();
    let all = async |found: &Found| {
        let places: Vec<_> = found.head.pages.iter().map(|page| page.hours).collect();
        let is_whole = named(&table, &log, &places).await.is_ok();
        assert_eq!(found.items_still_stand(&table, &log).await.unwrap(), is_whole);
        (found.still_stands(&table, &log, &tail).await.unwrap(), is_whole)
    };
    let chunks = async || all_items(&table, Query::prefix(log.partition(), keys::CHUNKS)).await.unwrap().len();
    // This fold takes the chunk, and writes the page anew.
    fold_at(&table, log.limits, now(), fold::MARGIN).await;
    assert_ne!(head_of(&table).await.pages, first.head.pages);
    assert_eq!(all(&first).await, (true, true));
    assert_eq!(look(&table).await.len(), 2);
    // The chunk is gone, and no reader reads it for nothing: one of the head before has read it, or starts again.
    assert_eq!(chunks().await, 0);
    assert!(!first.still_stands(&table, &log, &[]).await.unwrap());
    // Nobody has anything to do, and the readers of the head before still have time.
    assert_eq!(fold_at(&table, log.limits, now(), fold::MARGIN).await, Outcome::Nothing);
    assert_eq!(all(&first).await, (true, true));
    put(&table, vec![named_event("c", 1)], 3).await;
    fold_at(&table, log.limits, now(), fold::MARGIN).await;
    assert_eq!(all(&first).await, (false, false));

    let second = Found::load(&table, &log).await.unwrap();
    put(&table, vec![named_event("d", 1)], 4).await;
    fold_at(&table, log.limits, now(), fold::MARGIN).await;
    assert!(second.items_still_stand(&table, &log).await.unwrap());
    let quiet = now() + TimeDelta::seconds(61);
    assert_eq!(fold_at(&table, log.limits, quiet, fold::MARGIN).await, Outcome::Nothing);
    assert!(!second.items_still_stand(&table, &log).await.unwrap());
    assert_eq!(chunks().await, 0);
    assert_eq!(look(&table).await.len(), 4);
    let taken = head_of(&table).await.taken;
    assert_eq!(fold_at(&table, log.limits, quiet, fold::MARGIN).await, Outcome::Nothing);
    assert_eq!(head_of(&table).await.taken, taken, "a log that is in order is left alone");
}

#[tokio::test]
async fn copies_received_at_once_are_told_apart_alike_by_readers_closings_and_folds() {
    for seals in [false, true] {
        let (table, log) = (table(), log(&Limits::PRODUCTION));
        let mut found = Found::load(&table, &log).await.unwrap();
        found.head.shards = 2;
        found.store(&table, &log).await.unwrap();
        let valued = |value: &str| Event {
            properties: Properties::new(vec![("v".into(), Value::Number(value.into()))]),
            ..copy(1)
        };
        // The first to arrive is in the second partition.
        chunk_in_shard(&table, 0, &[valued("2"), valued("3")], 2).await;
        chunk_in_shard(&table, 1, &[valued("1"), valued("4")], 1).await;
        assert_eq!(look(&table).await, [valued("1")]);
        if seals {
            assert_eq!(bill(&table, log.limits).await.unwrap(), [valued("1")]);
        }
        fold_at(&table, log.limits, now(), fold::MARGIN).await;
        assert_eq!(look(&table).await, [valued("1")]);
    }
}

/// Unique counts of 40 values in each of three hours.
async fn count_values(limits: &Limits) -> (head::Head, Counted) {
    let table = table();
    let metric = super::fold_tests::metric(AggregationType::UniqueCount);
    let digester = Digester::new(&metric, Code::Own);
    let request = || Request {
        organization: organization(),
        external_subscription_id: NAME.0,
        code: NAME.1,
        digester: Some(&digester),
        now: now(),
        margin: fold::MARGIN,
        chunks_min: 1,
    };
    for hour in 0..3_u64 {
        let value = |number: u64| {
            let random = (hour * 100 + number + 1).wrapping_mul(6_364_136_223_846_793_005);
            Properties::new(vec![("a".into(), Value::Text(format!("{random:016x}")))])
        };
        let events = (0..40).map(|number| Event {
            timestamp: later(3_600 * hour as i64),
            properties: value(number),
            ..named_event(&format!("{hour}.{number}"), 1)
        });
        put(&table, events.collect(), hour.into()).await;
        // Also one fold after the other: a digest that was left out does not come back as half of one.
        assert!(matches!(
            fold::fold_within(&table, &request(), limits).await.unwrap(),
            Outcome::Done { events: 40, .. }
        ));
    }
    let window = super::fold_tests::always();
    let needs = Needs::of(&metric, std::slice::from_ref(&window));
    let found = parts(&table, organization(), name(limits), &digester, &needs, &["a"], Asked::ForShow).await;
    let found = found.unwrap().unwrap();
    let units = digest::aggregate_by_group(&metric, &found.parts, &window).unwrap()[0].1;
    assert_eq!((units.units, units.events_count), (120.into(), 120));
    (head_of(&table).await, found)
}

#[tokio::test]
async fn a_page_that_is_too_large_for_an_item_leaves_digests_out() {
    let (head, found) = count_values(&Limits::PRODUCTION).await;
    assert!(head.pages.iter().all(|page| page.summary.is_some()) && found.parts.events.is_empty());
    // As many hours as fit keep theirs; events tell of the others.
    let mut events = std::collections::BTreeSet::new();
    for folded_bytes in (40..400).step_by(4) {
        let (head, found) = count_values(&Limits { folded_bytes, ..Limits::PRODUCTION }).await;
        let is_summed = head.pages.iter().all(|page| page.summary.is_some());
        assert!(found.parts.events.is_empty() || !is_summed);
        events.insert(found.parts.events.len());
    }
    assert!(events.contains(&0) && events.contains(&120) && events.len() > 2, "{events:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Event>),
    Fold { seals_beside: bool },
    Bill { beside: Option<Other> },
}

/// Who is faster than a closing.
#[derive(Debug, Clone, Copy)]
enum Other {
    Closing,
    Fold,
    FoldAndClosing,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any_event(), 1..5).prop_map(Step::Append),
        2 => any::<bool>().prop_map(|seals_beside| Step::Fold { seals_beside }),
        1 => prop_oneof![
            Just(None),
            Just(Some(Other::Closing)),
            Just(Some(Other::Fold)),
            Just(Some(Other::FoldAndClosing)),
        ]
        .prop_map(|beside| Step::Bill { beside }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Epochs and folds of two chunks: every id counts once, and what an invoice has counted is the very copy ever
    /// after.
    #[test]
    fn what_a_closing_counted_is_the_same_copy_for_ever(steps in prop::collection::vec(any_step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let table = table();
            let settled: Mutex<BTreeMap<String, Event>> = Mutex::default();
            let mut sent: BTreeMap<String, Vec<Event>> = BTreeMap::new();
            // What an invoice has counted before another one begins to read, that one counts, too.
            let close = async |table: &dyn Table| {
                let before = settled.lock().unwrap().clone();
                let billed = bill(table, &TINY).await.unwrap();
                let billed: BTreeMap<String, Event> =
                    billed.into_iter().map(|event| (event.transaction_id.clone(), event)).collect();
                assert!(before.keys().all(|id| billed.contains_key(id)));
                let mut settled = settled.lock().unwrap();
                for (id, event) in billed {
                    assert_eq!(settled.entry(id).or_insert_with(|| event.clone()), &event);
                }
            };
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Append(events) => {
                        let events: Vec<Event> = events
                            .into_iter()
                            .map(|event| Event {
                                external_subscription_id: Some("s".into()),
                                code: "calls".into(),
                                ..event
                            })
                            .collect();
                        put(&table, events.clone(), number as u128).await;
                        for event in events {
                            sent.entry(event.transaction_id.clone()).or_default().push(event);
                        }
                    }
                    Step::Fold { seals_beside: false } => drop(fold_at(&table, &TINY, now(), fold::MARGIN).await),
                    Step::Fold { seals_beside: true } => {
                        // Something arrives, and a closing seals it, while the fold is under way.
                        let event = named_event(&format!("tx{}", number % 12), (number % 20) as i64);
                        let copies = sent.entry(event.transaction_id.clone()).or_default();
                        let beside = Beside::new(&table, Moment::Puts, async {
                            put(&table, vec![event.clone()], number as u128).await;
                            copies.push(event);
                            close(&table).await;
                        });
                        fold_at(&beside, &TINY, now(), fold::MARGIN).await;
                    }
                    Step::Bill { beside: None } => close(&table).await,
                    Step::Bill { beside: Some(other) } => {
                        // The same while another closing is at it. It may have nothing to write, and meet nobody.
                        let event = named_event(&format!("tx{}", number % 12), (number % 20) as i64);
                        let copies = sent.entry(event.transaction_id.clone()).or_default();
                        let beside = Beside::new(&table, Moment::Transaction, async {
                            put(&table, vec![event.clone()], number as u128).await;
                            copies.push(event);
                            if matches!(other, Other::Fold | Other::FoldAndClosing) {
                                fold_at(&table, &TINY, now(), fold::MARGIN).await;
                            }
                            if matches!(other, Other::Closing | Other::FoldAndClosing) {
                                close(&table).await;
                            }
                        });
                        close(&beside).await;
                    }
                }
                sent.retain(|_, copies| !copies.is_empty());
                let found = look(&table).await;
                assert_eq!(found.len(), sent.len());
                for event in &found {
                    assert!(sent[&event.transaction_id].contains(event));
                    assert!(settled.lock().unwrap().get(&event.transaction_id).is_none_or(|settled| settled == event));
                }
            }
        });
    }
}
