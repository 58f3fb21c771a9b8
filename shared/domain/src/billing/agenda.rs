//! What time does to a customer next: one step at a time, in order (chapter 02, 4.10, 6.2 and 6.4).

use crate::billing::{Boundaries, Change, LastRecord, Situation, boundaries, is_rotation_day, termination_boundaries};
use crate::id::{MetricId, SubscriptionId};
use crate::plan::Plan;
use crate::subscription::{Action, SentAlert, State, Subscription};
use crate::time::{Instant, Zone};

/// A subscription with the plan that prices it.
#[derive(Debug, Clone, Copy)]
pub struct Contract<'a> {
    /// The record.
    pub subscription: &'a Subscription,
    /// Its plan.
    pub plan: &'a Plan,
}

/// What is to be done at one instant. Each step ends in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A future start has come.
    Activate(SubscriptionId),
    /// The first invoice of a plan in advance.
    Start(SubscriptionId),
    /// The planned end is announced.
    Announce(SubscriptionId, SentAlert),
    /// The planned end has come.
    End(SubscriptionId),
    /// The last invoice of an ended record.
    Final(SubscriptionId),
    /// A downgrade takes effect: the first gives way to the second.
    Rotate {
        /// The record whose period has ended.
        from: SubscriptionId,
        /// The record that takes over.
        to: SubscriptionId,
    },
    /// A billing day: one invoice for all of these.
    Bill(Vec<SubscriptionId>),
    /// Nothing happens at that instant any more (the zone has changed since it was computed): these have another one.
    Replan(Vec<SubscriptionId>),
}

/// How far time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Starts up to here may happen: they look at no usage.
    pub starts: Instant,
    /// Closings of usage up to here may happen: on the real clock a settling time earlier (DESIGN, 6).
    pub closings: Instant,
}

/// The earliest step within the horizon, with its own nominal instant; none if nothing is due.
///
/// Of several steps at one instant activations come first, then last and first invoices, then announcements and ends, then
/// changes of plan, then the billing of the rest.
#[must_use]
pub fn next_step(contracts: &[Contract<'_>], zone: Zone, horizon: Horizon) -> Option<(Instant, Step)> {
    let due = |contract: &Contract<'_>| {
        let subscription = contract.subscription;
        let until = if subscription.closes_usage_next() { horizon.closings } else { horizon.starts };
        subscription.next_due.filter(|at| *at <= until)
    };
    let at = contracts.iter().filter_map(due).min()?;
    let mut steps: Vec<Step> = Vec::new();
    let (mut billed, mut moved) = (Vec::new(), Vec::new());
    for contract in contracts.iter().filter(|contract| due(contract) == Some(at)) {
        let subscription = contract.subscription;
        let id = subscription.id;
        let action = subscription.next_action(contract.plan, zone).filter(|(due, _)| *due == at);
        match action.map(|(_, action)| action) {
            Some(Action::Activate) => steps.push(Step::Activate(id)),
            Some(Action::Start) => steps.push(Step::Start(id)),
            Some(Action::Announce(alert)) => steps.push(Step::Announce(id, alert)),
            Some(Action::End) => steps.push(Step::End(id)),
            Some(Action::Final) => steps.push(Step::Final(id)),
            Some(Action::Bill) => match pending_successor(contracts, subscription) {
                Some(to) if is_rotation_day(&subscription.terms(contract.plan, zone), zone.date(at)) => {
                    steps.push(Step::Rotate { from: id, to });
                }
                Some(_) | None => billed.push(id),
            },
            None => moved.push(id),
        }
    }
    if !billed.is_empty() {
        steps.push(Step::Bill(billed));
    }
    if !moved.is_empty() {
        steps.push(Step::Replan(moved));
    }
    steps.into_iter().min_by_key(rank).map(|step| (at, step))
}

fn rank(step: &Step) -> u8 {
    match step {
        Step::Replan(_) => 0,
        Step::Activate(_) => 1,
        // A downgrade's last invoice of the old record comes before the first one of the new (chapter 02, 4.5).
        Step::Final(_) => 2,
        Step::Start(_) => 3,
        Step::Announce(..) => 4,
        Step::End(_) => 5,
        Step::Rotate { .. } => 6,
        Step::Bill(_) => 7,
    }
}

fn pending_successor(contracts: &[Contract<'_>], subscription: &Subscription) -> Option<SubscriptionId> {
    let next = subscription.next.as_ref().filter(|link| link.change == Change::Downgrade)?;
    let waits =
        |contract: &Contract<'_>| contract.subscription.id == next.id && contract.subscription.state == State::Pending;
    contracts.iter().any(waits).then_some(next.id)
}

/// A record on an invoice, in the state that the invoice sees it in.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject<'a> {
    /// The record, after the transition that makes the invoice.
    pub subscription: Subscription,
    /// Its plan.
    pub plan: &'a Plan,
    /// Why it is billed.
    pub situation: Situation,
    /// Whether the billing clock does it.
    pub recurring: bool,
    /// What it is billed for.
    pub boundaries: Boundaries,
    /// Metrics that the plan of the record after it charges for, when it was upgraded (chapter 03, 6.1).
    pub successor_metrics: Vec<MetricId>,
}

/// A record as the invoice at `at` sees it.
#[must_use]
pub fn subject<'a>(
    subscription: Subscription,
    plan: &'a Plan,
    zone: Zone,
    situation: Situation,
    at: Instant,
    successor: Option<&Plan>,
) -> Subject<'a> {
    let terms = subscription.terms(plan, zone);
    let previous = subscription.progress.last_record.as_ref();
    let bounds = match situation {
        Situation::Terminated => {
            termination_boundaries(&terms, at, |bounds| is_billed(&subscription, plan, bounds), previous)
        }
        Situation::First | Situation::Recurring | Situation::Rotation | Situation::CurrentUsage => {
            boundaries(&terms, situation, at, previous)
        }
    };
    Subject {
        recurring: situation == Situation::Recurring,
        successor_metrics: successor
            .map(|plan| plan.charges.iter().map(|charge| charge.metric_id).collect())
            .unwrap_or_default(),
        subscription,
        plan,
        situation,
        boundaries: bounds,
    }
}

/// Whether a recurring record of the subscription has these bounds already (chapter 02, 6.3 and 7.4).
fn is_billed(subscription: &Subscription, plan: &Plan, bounds: &Boundaries) -> bool {
    subscription.progress.last_recurring.as_ref().is_some_and(|last| {
        let same_fee_bounds = (last.from, last.to) == (bounds.from, bounds.to);
        let same_charges_bounds = (last.charges_from, last.charges_to) == (bounds.charges_from, bounds.charges_to);
        same_fee_bounds && (same_charges_bounds || !plan.bill_charges_monthly.unwrap_or_default())
    })
}

/// What a record's newest billing leaves for the next one to look back at.
#[must_use]
pub fn last_record(boundaries: &Boundaries, zone: Zone) -> LastRecord {
    LastRecord { zone, charges_to: boundaries.charges_to }
}
