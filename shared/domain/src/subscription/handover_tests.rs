//! Each event is one record's, whatever becomes of the records of one external id.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::billing::advance::period_of;
use crate::billing::tests::at;
use crate::id::{CustomerId, EventId, PlanId, SubscriptionId};
use crate::plan::Plan;
use crate::subscription::tests::{active, plan};
use crate::subscription::{NewSubscription, State, activate, end, fired, owner, request};
use crate::time::{BillingTime, Interval, Zone};
use crate::usage::event::{Event, Properties};
use crate::usage::window::{Place, Window};

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// Time goes on by so many milliseconds.
    Pass(i64),
    /// A request for this plan, with a start so many milliseconds ago.
    Request { plan: u128, ago: i64 },
    /// A record of another customer begins by the clock.
    Intrude,
    /// A running record ends: with records of several customers, this one of them.
    End(usize),
    /// An event of now.
    Event,
    /// An event of so many milliseconds ago.
    LateEvent(i64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let ago = prop_oneof![Just(0), 1..3_000_i64, 0..90 * 86_400_000_i64];
    let one = prop_oneof![
        3 => prop_oneof![Just(1_000), Just(300), 1..5_000_i64, 0..40 * 86_400_000_i64].prop_map(Happening::Pass),
        4 => (1..4_u128, ago.clone()).prop_map(|(plan, ago)| Happening::Request { plan, ago }),
        1 => Just(Happening::Intrude),
        3 => (0..3_usize).prop_map(Happening::End),
        6 => Just(Happening::Event),
        2 => ago.prop_map(Happening::LateEvent),
    ];
    prop::collection::vec(one, 1..30)
}

/// The records of one external id, and the events sent to it.
struct Story {
    now: Instant,
    /// The clock that dates reception; it never stands still.
    received: Instant,
    records: Vec<Subscription>,
    events: Vec<(Event, bool)>,
}

fn priced(number: u128) -> Plan {
    // Equal prices: each change is an upgrade.
    Plan { id: PlanId(Uuid::from_u128(number)), ..plan(Interval::Monthly, false) }
}

fn plan_of(record: &Subscription) -> Plan {
    Plan { id: record.plan_id, ..plan(Interval::Monthly, false) }
}

impl Story {
    fn replace(&mut self, changed: Vec<Subscription>) {
        for changed in changed {
            let id = changed.id;
            *self.records.iter_mut().find(|record| record.id == id).unwrap() = changed;
        }
    }

    fn tick(&mut self) -> Instant {
        self.received += TimeDelta::microseconds(1);
        self.received
    }

    fn start(&mut self, mut started: Subscription) {
        let received = self.tick();
        let others: Vec<Subscription> = self.records.clone();
        let changed = taken_over(&mut started, &others, received);
        self.replace(changed);
        self.records.push(started);
    }

    fn happens(&mut self, happening: Happening) {
        let next_id = SubscriptionId(Uuid::from_u128(100 + u128::try_from(self.records.len()).unwrap()));
        match happening {
            Happening::Pass(millis) => self.now += TimeDelta::milliseconds(millis),
            Happening::Request { plan, ago } => {
                let current = self.records.iter().find(|record| record.is_active()).cloned();
                let wanted = priced(plan);
                let new = NewSubscription {
                    id: next_id,
                    created_seq: 0,
                    customer_id: CustomerId(Uuid::from_u128(3)),
                    external_id: "acme".into(),
                    name: String::new(),
                    billing_time: BillingTime::Calendar,
                    subscription_at: self.now - TimeDelta::milliseconds(ago),
                    ending_at: None,
                };
                let old = current.as_ref().map(plan_of);
                let records: Vec<&Subscription> = self.records.iter().collect();
                let asked = request(current.as_ref().zip(old.as_ref()), &records, new, &wanted, Zone::UTC, self.now);
                self.replace(asked.changed);
                match asked.created {
                    Some(created) if created.previous.is_some() => self.records.push(created),
                    Some(created) => self.start(created),
                    None => {}
                }
            }
            Happening::Intrude => {
                if self.records.iter().all(|record| !record.is_active()) {
                    return;
                }
                let waiting = Subscription {
                    id: next_id,
                    // Each intruder is another customer.
                    customer_id: CustomerId(next_id.0),
                    state: State::Pending,
                    billing_time: BillingTime::Calendar,
                    ..active("2024-01-01")
                };
                self.start(activate(&waiting, &plan_of(&waiting), Zone::UTC, self.now, None, self.now));
            }
            Happening::End(place) => {
                let running: Vec<&Subscription> = self.records.iter().filter(|record| record.is_active()).collect();
                let Some(record) = running.get(place % running.len().max(1)).copied().cloned() else { return };
                let ended = end(&record, None, &plan_of(&record), Zone::UTC, self.now).remove(0);
                let received = self.tick();
                let others: Vec<Subscription> =
                    self.records.iter().filter(|other| other.customer_id != ended.customer_id).cloned().collect();
                match handed_on(&ended, &others, received) {
                    Some((ended, heir)) => self.replace(vec![ended, heir]),
                    None => self.replace(vec![ended]),
                }
            }
            Happening::Event => self.send(self.now, self.now.timestamp_subsec_micros() == 0),
            Happening::LateEvent(ago) => self.send(self.now - TimeDelta::milliseconds(ago), false),
        }
    }

    fn send(&mut self, timestamp: Instant, is_of_now: bool) {
        let received_at = self.tick();
        let is_covered = self.records.iter().any(|record| record.is_active());
        let event = Event {
            id: EventId(Uuid::nil()),
            transaction_id: format!("event-{}", self.events.len()),
            external_subscription_id: Some("acme".into()),
            external_customer_id: None,
            code: "calls".into(),
            timestamp,
            received_at,
            created_at: self.now,
            position: 0,
            properties: Properties::default(),
        };
        self.events.push((event, is_of_now && is_covered));
    }

    /// Every window that invoices of a record can have.
    fn windows(&self, record: &Subscription) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        if record.started_at().is_none() {
            return windows;
        }
        let mut day = at("2023-06-01");
        while day < self.now + TimeDelta::days(32) {
            let window = period_of(record, &plan_of(record), Zone::UTC, day).window;
            if !windows.contains(&window) {
                windows.push(window);
            }
            day += TimeDelta::days(9);
        }
        windows
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    /// No event is in the windows of two records, or in two of one. What is sent for now while a record runs is in one. Fees in
    /// advance are of the record in whose window the event is.
    #[test]
    fn windows_of_one_external_id_tile_its_usage(happenings in happenings()) {
        let start = at("2024-01-10 12:00");
        let mut story = Story { now: start, received: start, records: Vec::new(), events: Vec::new() };
        for happening in happenings {
            story.happens(happening);
        }
        let windows: Vec<(SubscriptionId, Vec<Window>)> =
            story.records.iter().map(|record| (record.id, story.windows(record))).collect();
        for (event, must_count) in &story.events {
            let holds = |window: &&Window| window.place_of(event) == Place::Inside;
            let holders: Vec<SubscriptionId> = windows
                .iter()
                .flat_map(|(id, windows)| windows.iter().filter(holds).map(|_| *id))
                .collect();
            prop_assert!(holders.len() <= 1, "{event:?} in {holders:?}: {:#?}", story.records);
            prop_assert!(!must_count || holders.len() == 1, "{event:?} is lost: {:#?}", story.records);
            // Lives are counted in whole seconds, windows round.
            if event.timestamp.timestamp_subsec_micros() == 0 {
                let owner = owner(&story.records, event).map(|record| record.id);
                prop_assert_eq!(holders.first().copied(), owner, "{:?}: {:#?}", event, story.records);
            }
            let parted: BTreeSet<bool> = windows
                .iter()
                .flat_map(|(_, windows)| windows)
                .map(|window| window.place(window.parted(std::slice::from_ref(event))[0].timestamp) == window.place_of(event))
                .collect();
            prop_assert!(!parted.contains(&false));
        }
    }
}

#[test]
fn an_event_that_waits_while_its_record_is_replaced_stays_that_records() {
    let start = at("2024-01-10 12:00");
    // Made two seconds before and after an event is received, by the real clock.
    let received = at("2026-11-23 12:00");
    let made = |seconds: i64| {
        let millis = u64::try_from((received + TimeDelta::seconds(seconds)).timestamp_millis()).unwrap();
        SubscriptionId(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    };
    let first = Subscription { id: made(-2), ..active("2024-01-01") };
    let new = NewSubscription {
        id: made(2),
        created_seq: 1,
        customer_id: first.customer_id,
        external_id: first.external_id.clone(),
        name: String::new(),
        billing_time: BillingTime::Calendar,
        subscription_at: start,
        ending_at: None,
    };
    let (old_plan, new_plan) = (plan_of(&first), priced(9));
    let asked = request(Some((&first, &old_plan)), &[&first], new, &new_plan, Zone::UTC, start);
    let mut records = asked.changed;
    records.extend(asked.created);
    let mut story = Story { now: start, received, records: Vec::new(), events: Vec::new() };
    story.send(start, false);
    let (mut event, _) = story.events.remove(0);
    assert_eq!(owner(&records, &event).map(|record| record.id), Some(made(2)));
    assert_eq!(fired(&records, &event).map(|record| record.id), Some(made(-2)));
    event.received_at = received + TimeDelta::seconds(3);
    assert_eq!(fired(&records, &event).map(|record| record.id), Some(made(2)));
    // Before there was any record: the first one.
    event.received_at = received - TimeDelta::seconds(3);
    assert_eq!(fired(&records, &event).map(|record| record.id), Some(made(-2)));
}
