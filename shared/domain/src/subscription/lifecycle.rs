//! What changes a subscription: requests, activation, rotation, the end (chapter 02, 4).

use chrono::TimeDelta;

use super::{Link, Progress, SentAlert, State, Subscription};
use crate::billing::Change;
use crate::id::{CustomerId, SubscriptionId};
use crate::plan::Plan;
use crate::time::{BillingTime, Instant, Zone};

/// The invoice of the new plan of an upgrade follows that of the old one by this much (chapter 02, 4.4).
const AFTER_UPGRADE: TimeDelta = TimeDelta::seconds(1);

/// A valid request for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubscription {
    /// Id for a record, should one be made.
    pub id: SubscriptionId,
    /// Order of creation for a record, should one be made.
    pub created_seq: i64,
    /// The customer.
    pub customer_id: CustomerId,
    /// The client's own id.
    pub external_id: String,
    /// Name on invoices; `""` for none.
    pub name: String,
    /// Calendar or anniversary periods.
    pub billing_time: BillingTime,
    /// Requested start.
    pub subscription_at: Instant,
    /// Planned end: none if the key was absent, `Some(None)` if it was empty.
    pub ending_at: Option<Option<Instant>>,
}

/// What became of a record, to be told to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It became active.
    Started(SubscriptionId),
    /// It ended, or was canceled by request.
    Terminated(SubscriptionId),
    /// Its planned end is near.
    EndAnnounced(SubscriptionId),
}

/// What a request makes of a customer's records.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Requested {
    /// The new record, if one is made.
    pub created: Option<Subscription>,
    /// Changed records.
    pub changed: Vec<Subscription>,
    /// What to tell the world, in order.
    pub transitions: Vec<Transition>,
}

/// What a request for `plan` does at `now` (chapter 02, 4.2 to 4.5).
///
/// `current`: the customer's active record, or its pending one with a future start, of this external id, with its plan.
/// `records`: all of the customer's records of this external id.
#[must_use]
pub fn request(
    current: Option<(&Subscription, &Plan)>,
    records: &[&Subscription],
    new: NewSubscription,
    plan: &Plan,
    zone: Zone,
    now: Instant,
) -> Requested {
    match current {
        Some((current, _)) if current.plan_id == plan.id => Requested::default(),
        Some((current, _)) if current.state == State::Pending => {
            Requested { changed: vec![replaced_plan(current, &new, plan, zone)], ..Requested::default() }
        }
        Some((current, old_plan)) => {
            let change =
                Change::between((old_plan.amount_cents, old_plan.interval), (plan.amount_cents, plan.interval));
            let abandoned =
                records.iter().filter(|record| is_pending_after(record, current)).map(|record| canceled(record, now));
            let mut requested = match change {
                Change::Upgrade => upgrade(current, old_plan, new, plan, zone, now),
                Change::Downgrade => downgrade(current, new, plan, now),
            };
            requested.changed.extend(abandoned);
            requested
        }
        None => {
            let trial_started_at = trial_start(records, new.subscription_at);
            create(new, plan, zone, now, trial_started_at)
        }
    }
}

/// `t0` of chapter 02, 8.4: the earliest start of the customer's records with one external id, of which one starts at
/// `subscription_at`.
#[must_use]
pub fn trial_start(records: &[&Subscription], subscription_at: Instant) -> Instant {
    let started = records.iter().filter_map(|record| record.started_at());
    started.fold(subscription_at, Instant::min)
}

fn create(new: NewSubscription, plan: &Plan, zone: Zone, now: Instant, trial_started_at: Instant) -> Requested {
    let starts_now = new.subscription_at <= now;
    let state = if starts_now { State::Active { started_at: new.subscription_at } } else { State::Pending };
    let is_today = new.subscription_at.date_naive() == now.date_naive();
    let progress = Progress {
        start_invoice_at: (starts_now && plan.pay_in_advance && is_today).then_some(now),
        activated_at: starts_now.then_some(now),
        ..Progress::default()
    };
    let subscription = Subscription {
        id: new.id,
        external_id: new.external_id,
        customer_id: new.customer_id,
        plan_id: plan.id,
        plan_code: plan.code.clone(),
        name: Some(new.name),
        state,
        billing_time: new.billing_time,
        subscription_at: new.subscription_at,
        ending_at: new.ending_at.flatten(),
        created_at: now,
        created_seq: new.created_seq,
        previous: None,
        next: None,
        trial_started_at,
        progress,
        next_due: None,
    };
    let transitions = starts_now.then_some(Transition::Started(subscription.id)).into_iter().collect();
    Requested { created: Some(subscription.with_next_due(plan, zone)), transitions, ..Requested::default() }
}

/// A record that has not started yet takes another plan in its place; overrides are ignored (chapter 02, 4.1).
fn replaced_plan(current: &Subscription, new: &NewSubscription, plan: &Plan, zone: Zone) -> Subscription {
    let name = if new.name.trim().is_empty() { current.name.clone() } else { Some(new.name.clone()) };
    let replaced = Subscription { plan_id: plan.id, plan_code: plan.code.clone(), name, ..current.clone() };
    replaced.with_next_due(plan, zone)
}

fn successor(current: &Subscription, new: NewSubscription, plan: &Plan, change: Change, now: Instant) -> Subscription {
    Subscription {
        id: new.id,
        plan_id: plan.id,
        plan_code: plan.code.clone(),
        name: Some(new.name),
        state: State::Pending,
        ending_at: new.ending_at.unwrap_or(current.ending_at),
        created_at: now,
        created_seq: new.created_seq,
        previous: Some(Link { id: current.id, plan_code: current.plan_code.clone(), change }),
        next: None,
        // What was another record's before its predecessor took over is not its own either.
        progress: Progress { taken_over: current.progress.taken_over, ..Progress::default() },
        next_due: None,
        ..current.clone()
    }
}

fn upgrade(
    current: &Subscription,
    old_plan: &Plan,
    new: NewSubscription,
    plan: &Plan,
    zone: Zone,
    now: Instant,
) -> Requested {
    let mut started = successor(current, new, plan, Change::Upgrade, now);
    started.state = State::Active { started_at: now };
    started.progress.activated_at = Some(now);
    started.progress.start_invoice_at = plan.pay_in_advance.then_some(now + AFTER_UPGRADE);
    let mut ended = terminated(current, old_plan, zone, now);
    ended.next = Some(Link { id: started.id, plan_code: plan.code.clone(), change: Change::Upgrade });
    Requested {
        transitions: vec![Transition::Terminated(ended.id), Transition::Started(started.id)],
        created: Some(started.with_next_due(plan, zone)),
        changed: vec![ended],
    }
}

fn downgrade(current: &Subscription, new: NewSubscription, plan: &Plan, now: Instant) -> Requested {
    let pending = successor(current, new, plan, Change::Downgrade, now);
    let mut kept = current.clone();
    kept.next = Some(Link { id: pending.id, plan_code: plan.code.clone(), change: Change::Downgrade });
    Requested { created: Some(pending), changed: vec![kept], ..Requested::default() }
}

fn is_pending_after(record: &Subscription, current: &Subscription) -> bool {
    record.state == State::Pending && record.previous.as_ref().is_some_and(|link| link.id == current.id)
}

fn canceled(record: &Subscription, now: Instant) -> Subscription {
    Subscription { state: State::Canceled { canceled_at: now }, next_due: None, ..record.clone() }
}

/// The record as its end at `at` leaves it: its last invoice is owed, unless it never ran.
fn terminated(record: &Subscription, plan: &Plan, zone: Zone, at: Instant) -> Subscription {
    let started_at = record.started_at();
    let mut ended = Subscription { state: State::Terminated { started_at, terminated_at: at }, ..record.clone() };
    ended.progress.start_invoice_at = None;
    ended.progress.final_invoice_at = started_at.map(|_| at);
    ended.with_next_due(plan, zone)
}

/// Makes a pending record active at `now`, with a start that may lie before it (chapter 02, 4.1).
///
/// `invoice_at`: the instant of the first invoice of a plan in advance, if it has one.
#[must_use]
pub fn activate(
    record: &Subscription,
    plan: &Plan,
    zone: Zone,
    started_at: Instant,
    invoice_at: Option<Instant>,
    now: Instant,
) -> Subscription {
    let mut active = Subscription { state: State::Active { started_at }, ..record.clone() };
    active.trial_started_at = active.trial_started_at.min(started_at);
    active.progress.activated_at = Some(now);
    active.progress.start_invoice_at = invoice_at.filter(|_| plan.pay_in_advance);
    active.with_next_due(plan, zone)
}

/// The record at its instants in `zone`, which has changed by `now`; none if they are the same.
///
/// What would have come before `now` in the new zone comes at once, except for billing days (chapter 02, 5.6).
#[must_use]
pub fn replanned(record: &Subscription, plan: &Plan, zone: Zone, now: Instant) -> Option<Subscription> {
    let moved = record.clone().with_next_due(plan, zone);
    if moved.next_due == record.next_due {
        return None;
    }
    let progress = Progress { replanned_at: Some(now), ..moved.progress };
    Some(Subscription { progress, ..record.clone() }.with_next_due(plan, zone))
}

/// Notes that an alert of the planned end was sent (chapter 02, 4.10).
#[must_use]
pub fn announced(record: &Subscription, alert: SentAlert, plan: &Plan, zone: Zone) -> Subscription {
    let mut announced = record.clone();
    announced.progress.alerts_sent.push(alert);
    announced.with_next_due(plan, zone)
}

/// Ends an active record at `at`; its pending successor, if any, is canceled (chapter 02, 4.6).
#[must_use]
pub fn end(
    record: &Subscription,
    successor: Option<&Subscription>,
    plan: &Plan,
    zone: Zone,
    at: Instant,
) -> Vec<Subscription> {
    let abandoned =
        successor.filter(|successor| successor.state == State::Pending).map(|successor| canceled(successor, at));
    let mut ended = record.clone();
    if abandoned.is_some() {
        ended.next = None;
    }
    std::iter::once(terminated(&ended, plan, zone, at)).chain(abandoned).collect()
}

/// Gives up a pending record by request: one that would start later is terminated, a downgrade canceled (K5).
///
/// `predecessor`: the record that it would have replaced, which just goes on.
#[must_use]
pub fn cancel_pending(record: &Subscription, predecessor: Option<&Subscription>, now: Instant) -> Vec<Subscription> {
    if record.previous.is_none() {
        let state = State::Terminated { started_at: None, terminated_at: now };
        return vec![Subscription { state, next_due: None, ..record.clone() }];
    }
    let released = predecessor.map(|kept| Subscription { next: None, ..kept.clone() });
    std::iter::once(canceled(record, now)).chain(released).collect()
}

/// A downgrade takes effect at `at`: the old record ends without a credit, the new one begins (chapter 02, 4.5).
#[must_use]
pub fn rotate(
    (old, old_plan): (&Subscription, &Plan),
    (new, new_plan): (&Subscription, &Plan),
    zone: Zone,
    at: Instant,
) -> (Subscription, Subscription) {
    (terminated(old, old_plan, zone, at), activate(new, new_plan, zone, at, Some(at), at))
}
