//! The proof of "exactly once": writers, folders, readers, closers and amended metrics over a table that fails, answers
//! after it has done the work, does it later, or takes the process with it, at every step; with messages that come twice,
//! late and in any order.
//!
//! One seed is one history, always the same. `make sim SEEDS=1000` runs any number; a failing seed says how to replay it.
//!
//! Laws, at every step:
//! - a reader counts no id twice, and every id that was acknowledged before it began;
//! - an invoice counts no id that another invoice has counted, and whatever it has counted it counts again.
//!
//! And at every quiet point, when nothing is on its way any more:
//! - the log holds every id that was accepted, once, as one of its copies; the first received, unless a fold or a closing
//!   came before it arrived; and what was folded never changes;
//! - every aggregation by digests equals the one over the events, for every definition;
//! - the list and the search find what the log holds.

mod table;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{GroupId, MetricId, OrganizationId};
use domain::metric::groups::Groups;
use domain::metric::{AggregationType, Metric};
use domain::usage::digest::{self, Code, Digester, Needs};
use domain::usage::event::{Event, Properties, event_id};
use domain::usage::window::{End, Window};
use domain::value::Value;
use store::table::Table;
use store::usage::fold::{self, Outcome, Request};
use store::usage::{self, Asked, Delivery, Source, Wanted};
use uuid::Uuid;

use table::{Process, Shared, Task, run};

/// Seeds of `make test`.
const SEEDS: u64 = 120;
/// Phases of a history: noise, then quiet.
const PHASES: usize = 3;
const LOG: (&str, &str) = ("s", "calls");
const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(7));

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_704_067_200, 0).unwrap()
}

/// A copy of an event as it was accepted.
fn copy(shared: &Shared, transaction: usize, received_at: DateTime<Utc>) -> Event {
    let transaction_id = format!("t{transaction}");
    let (hour, second, value, region, user, wide) = shared.dice(|dice| {
        let second = if dice.one_in(3) { 3599 } else { dice.below(3600) };
        (dice.below(72), second, dice.below(9), *dice.pick(&["eu", "us", "moon"]), dice.below(5), dice.one_in(40))
    });
    let timestamp = start() + TimeDelta::hours(hour as i64) + TimeDelta::milliseconds(1000 * second as i64 + 250);
    let number = if wide { "1234567890123456789012345.67".to_owned() } else { format!("{value}.5") };
    let texts = [("region", region.to_owned()), ("user", format!("u{user}"))];
    let mut properties: Vec<(String, Value)> =
        texts.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text))).collect();
    properties.push(("value".to_owned(), Value::Number(number)));
    if shared.dice(|dice| dice.one_in(60)) {
        properties.push(("operation_type".to_owned(), Value::Text("remove".to_owned())));
    }
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
        properties: Properties::new(properties),
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

/// The three days, and one that cuts hours.
fn windows() -> [Window; 4] {
    let window = |from: i64, to: i64| Window {
        from: start() + TimeDelta::minutes(from),
        to: start() + TimeDelta::minutes(to) - TimeDelta::microseconds(1),
        end: End::Included,
        period_days: 1,
    };
    [window(0, 1440), window(1440, 2880), window(2880, 4320), window(600 + 17, 3000 + 43)]
}

/// What the world outside knows.
#[derive(Default)]
struct Known {
    /// Real time, microseconds after the start.
    now: i64,
    arrivals: u64,
    /// Every copy that was ever sent, by id.
    sent: BTreeMap<String, Vec<Event>>,
    /// Ids that some writer has heard are in the log.
    acknowledged: BTreeSet<String>,
    /// What invoices have counted, by window.
    billed: BTreeMap<usize, BTreeSet<String>>,
    definition: usize,
    /// Events as they stood in the log when everything had been folded.
    settled: BTreeMap<String, Event>,
    /// Ids of which a copy was sent after they had been settled or sealed, or may have been.
    overtaken: BTreeSet<String>,
}

struct Simulation {
    shared: Shared,
    known: RefCell<Known>,
}

impl Simulation {
    fn now(&self) -> DateTime<Utc> {
        let step = self.shared.dice(|dice| if dice.one_in(10) { dice.below(90_000_000) } else { dice.below(900_000) });
        let mut known = self.known.borrow_mut();
        known.now += step as i64;
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

    /// Delivers a message until it is acknowledged, and perhaps once more.
    async fn write(&self, events: Vec<Event>) {
        let mut deliveries = 1 + usize::from(self.shared.dice(|dice| dice.one_in(5)));
        while deliveries > 0 {
            let process = self.shared.process();
            let delivery = Delivery { source: Source::default(), events: events.clone() };
            if usage::append(&process, ORGANIZATION, &[delivery], self.arrival()).await.is_ok() {
                deliveries -= 1;
                let ids = events.iter().map(|event| event.transaction_id.clone());
                self.known.borrow_mut().acknowledged.extend(ids);
            }
        }
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
        fold::fold(&process, &request).await.ok()
    }

    /// Somebody looks at the number of events.
    async fn look(&self) {
        let process = self.shared.process();
        let count = metric(0);
        let all = Window { from: start() - TimeDelta::days(1), to: start() + TimeDelta::days(9), ..windows()[0] };
        let acknowledged = self.known.borrow().acknowledged.len() as i64;
        let found = self.parts(&process, &count, &all, Asked::ForShow).await;
        let Some(parts) = found else { return };
        let counted = digest::aggregate_by_group(&count, &parts, &all).unwrap()[0].1.events_count;
        let sent = self.known.borrow().sent.len() as i64;
        assert!(
            (acknowledged..=sent).contains(&counted),
            "{counted} of {acknowledged} acknowledged and {sent} sent ids"
        );
    }

    async fn parts(&self, process: &Process, metric: &Metric, window: &Window, asked: Asked) -> Option<digest::Parts> {
        let needs = Needs::of(metric, std::slice::from_ref(window));
        let digester = Digester::new(metric, Code::Own);
        let properties = metric.properties_used();
        let found = usage::parts(process, ORGANIZATION, LOG, &digester, &needs, &properties, asked).await;
        found.ok().flatten().map(|found| found.parts)
    }

    /// Closes a period, for the first time or again.
    async fn close(&self, period: usize) {
        let process = self.shared.process();
        let window = windows()[period];
        // What is sent from now on may come too late to be the copy that counts.
        let seen = self.known.borrow().sent.keys().cloned().collect::<BTreeSet<_>>();
        self.known.borrow_mut().overtaken.extend(seen);
        let before = self.known.borrow().billed.get(&period).cloned().unwrap_or_default();
        let wanted = Wanted { properties: Some(&[]), ..Wanted::ALL };
        let events = usage::read_as(&process, ORGANIZATION, LOG, &wanted, Asked::ForBilling).await;
        let Ok(Some(events)) = events else { return };
        let ids: BTreeSet<String> = events
            .iter()
            .filter(|event| window.contains(event.timestamp))
            .map(|event| event.transaction_id.clone())
            .collect();
        let mut known = self.known.borrow_mut();
        for (other, billed) in known.billed.iter().filter(|(other, _)| **other != period) {
            let twice: Vec<&String> = billed.intersection(&ids).collect();
            assert!(twice.is_empty(), "periods {other} and {period} both count {twice:?}");
        }
        let lost: Vec<&String> = before.difference(&ids).collect();
        assert!(lost.is_empty(), "period {period} has counted {lost:?} and does not any more");
        known.billed.entry(period).or_default().extend(ids);
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
                    let event = Event { position: place as u32, ..copy(&self.shared, transaction, received_at) };
                    let mut known = self.known.borrow_mut();
                    if known.settled.contains_key(&event.transaction_id) {
                        known.overtaken.insert(event.transaction_id.clone());
                    }
                    known.sent.entry(event.transaction_id.clone()).or_default().push(event.clone());
                    event
                })
                .collect();
            tasks.push(Box::pin(self.write(events)));
        }
        for _ in 0..self.shared.dice(|dice| dice.below(6)) {
            let is_patient = self.shared.dice(|dice| dice.one_in(2));
            tasks.push(Box::pin(async move {
                // A fold may come before the first received copy: messages are held up for as long as it takes.
                let seen: Vec<String> = self.known.borrow().sent.keys().cloned().collect();
                self.known.borrow_mut().overtaken.extend(seen);
                self.fold(if is_patient { fold::MARGIN } else { TimeDelta::zero() }).await;
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
                self.known.borrow_mut().definition = self.shared.dice(|dice| dice.below(18));
            }));
        }
        tasks
    }

    /// Nothing is on its way any more, and nothing fails.
    async fn quiet(&self, is_folded: bool) {
        let process = self.shared.process();
        if is_folded {
            let mut rounds = 0;
            // An attempt that died is left alone for a minute.
            while !matches!(self.fold(TimeDelta::zero()).await, Some(Outcome::Nothing)) {
                self.known.borrow_mut().now += 61_000_000;
                rounds += 1;
                assert!(rounds < 50, "folding does not end");
            }
        }
        let events = usage::read(&process, ORGANIZATION, LOG.0, LOG.1, &Wanted::ALL).await.unwrap();
        {
            let mut known = self.known.borrow_mut();
            let ids: Vec<&String> = events.iter().map(|event| &event.transaction_id).collect();
            let distinct: BTreeSet<&String> = ids.iter().copied().collect();
            assert_eq!(distinct.len(), ids.len(), "an id counts twice");
            assert_eq!(distinct, known.sent.keys().collect::<BTreeSet<_>>(), "counted ids are the accepted ones");
            for event in &events {
                let copies = &known.sent[&event.transaction_id];
                assert!(copies.contains(event), "{event:?} was never sent");
                let first = copies.iter().min_by_key(|copy| (copy.received_at, copy.position)).unwrap();
                let is_first = known.overtaken.contains(&event.transaction_id) || first == event;
                assert!(is_first, "{event:?} counts, and {first:?} was received first");
                if let Some(settled) = known.settled.get(&event.transaction_id) {
                    assert_eq!(settled, event, "what was folded has changed");
                }
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

    async fn aggregates(&self, process: &Process, events: &[Event]) {
        for number in 0..18 {
            let metric = metric(number);
            // One window for each definition; all of them in time.
            let window = windows()[(number + events.len()) % 4];
            let parts = self.parts(process, &metric, &window, Asked::ForShow).await.unwrap();
            let known =
                events.iter().filter(|event| window.place(event.timestamp) != domain::usage::window::Place::After);
            let expected = domain::usage::aggregate_by_group(&metric, known, &window);
            if let Ok(found) = digest::aggregate_by_group(&metric, &parts, &window) {
                assert_eq!(Ok(found), expected, "{:?} of {window:?}", metric.aggregation);
            }
        }
    }
}

fn history(seed: u64) -> u64 {
    let simulation = Simulation { shared: Shared::new(seed), known: RefCell::default() };
    for phase in 0..PHASES {
        let faults = simulation.shared.dice(|dice| *dice.pick(&[0, 8, 25, 80]));
        simulation.shared.set_faults(faults);
        let tasks = simulation.noise(phase);
        run(&simulation.shared, tasks);
        simulation.shared.arrive();
        simulation.shared.set_faults(0);
        let is_folded = simulation.shared.dice(|dice| dice.one_in(2));
        run(&simulation.shared, vec![Box::pin(simulation.quiet(is_folded))]);
    }
    simulation.shared.operations()
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
    for seed in first..first + count {
        match catch_unwind(AssertUnwindSafe(|| history(seed))) {
            Ok(more) => operations += more,
            Err(panic) => {
                eprintln!("seed {seed} fails; replay it with: make sim SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    println!("{count} histories, {operations} operations of the table");
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
