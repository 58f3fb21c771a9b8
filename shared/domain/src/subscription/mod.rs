//! Subscriptions: their states and what changes them. Rules: chapter 02, 3, 4 and 7.

mod attribution;
mod handover;
mod lifecycle;
#[cfg(test)]
mod tests;

pub use attribution::{covering, fired, owner};
pub use handover::{handed_on, taken_over};
pub use lifecycle::{
    NewSubscription, Requested, Transition, activate, announced, cancel_pending, end, replanned, request, rotate,
    trial_start,
};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::billing::{self, Alert, Boundaries, Change, LastRecord, Succession, Terms};
use crate::id::{CustomerId, FeeId, InvoiceId, PlanId, SubscriptionId};
use crate::plan::Plan;
use crate::time::BillingTime;
use crate::time::Instant;
use crate::time::Zone;
use crate::usage::window::Shared;

/// Where a subscription stands (chapter 02, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Starts later, or replaces another subscription when its period ends.
    Pending,
    /// Runs.
    Active {
        /// Since when.
        started_at: Instant,
    },
    /// Ended.
    Terminated {
        /// Since when it ran; none if it never did.
        started_at: Option<Instant>,
        /// When it ended.
        terminated_at: Instant,
    },
    /// Given up before it began.
    Canceled {
        /// When.
        canceled_at: Instant,
    },
}

impl State {
    /// The API's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Active { .. } => "active",
            State::Terminated { .. } => "terminated",
            State::Canceled { .. } => "canceled",
        }
    }
}

/// The other end of a link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The record there.
    pub id: SubscriptionId,
    /// Its plan's code, as the API shows it.
    pub plan_code: String,
    /// What made the link.
    pub change: Change,
}

/// What the newest billing left behind, as far as later billings look back at it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Billing instant of the newest recurring record (chapter 02, 6.1, rule 5).
    pub last_recurring_at: Option<Instant>,
    /// The newest record of any kind (chapter 02, 5.6).
    pub last_record: Option<LastRecord>,
    /// Bounds of the newest recurring record (chapter 02, 7.4).
    pub last_recurring: Option<Boundaries>,
    /// The newest subscription fee (chapter 02, 7.5, 8.1 and 9).
    pub last_fee: Option<LastFee>,
    /// Whether an invoice of any kind has been made for it.
    pub invoiced: bool,
    /// The instant of the first invoice of a plan in advance, until that is made.
    pub start_invoice_at: Option<Instant>,
    /// The instant of the last invoice of an ended record, until that is made.
    pub final_invoice_at: Option<Instant>,
    /// When it became active by the clock; `started_at` may be earlier. None on records that were made before this was
    /// kept, and on those that never ran.
    pub activated_at: Option<Instant>,
    /// When its planned start or end, or the zone that dates them, was last changed.
    pub replanned_at: Option<Instant>,
    /// The termination alerts that were sent: each is sent once (chapter 02, 4.10).
    pub alerts_sent: Vec<SentAlert>,
    /// Where its usage begins, if another record of the external id ended at its start or later (chapter 03, 0.3).
    pub taken_over: Option<Seam>,
    /// Another record of the external id began in the second of its end: from this reception on, that second is the other's.
    pub handed_over: Option<Instant>,
}

/// Where the usage of one record of an external id ends, and that of the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seam {
    /// The end of the earlier record; the end of time while that still runs.
    pub at: Instant,
    /// Of the second of `at`, what was received before is the earlier record's, and what came later the next one's.
    pub received: Instant,
}

impl Seam {
    /// Behind a record that has not ended: all usage is that one's.
    pub const NOT_YET: Seam = Seam { at: Instant::MAX_UTC, received: Instant::MAX_UTC };

    /// Whether the earlier record still runs. By its second: what is stored has lost the nanoseconds.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.at.timestamp() == Seam::NOT_YET.at.timestamp()
    }
}

/// A termination alert of a planned end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentAlert {
    /// UTC date of the planned end that it announces.
    pub ending_date: NaiveDate,
    /// How many UTC days before it.
    pub days_before: i64,
}

/// What time does to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Its future start comes.
    Activate,
    /// The first invoice of a plan in advance.
    Start,
    /// The planned end is announced.
    Announce(SentAlert),
    /// A billing day, or the rotation to a cheaper plan.
    Bill,
    /// The planned end comes.
    End,
    /// The last invoice of an ended record.
    Final,
}

/// The newest subscription fee of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFee {
    /// The fee.
    pub id: FeeId,
    /// The invoice that it stands on.
    pub invoice_id: InvoiceId,
    /// Its amount, minor units.
    pub amount_cents: i64,
    /// When it was made.
    pub created_at: Instant,
    /// End of the period that it pays for.
    pub to: Instant,
}

/// One subscription record.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// Id.
    pub id: SubscriptionId,
    /// The client's own id, shared by all links of an upgrade or downgrade chain.
    pub external_id: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// The plan that prices it, parent or child.
    pub plan_id: PlanId,
    /// The plan's code, as the API shows it.
    pub plan_code: String,
    /// Name on invoices; `""` when none was given at creation.
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Calendar or anniversary periods.
    pub billing_time: BillingTime,
    /// The requested start: anchor of anniversary periods, inherited along a chain.
    pub subscription_at: Instant,
    /// Planned end; none to renew for ever.
    pub ending_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// The record that it replaced.
    pub previous: Option<Link>,
    /// The newest non-canceled record that replaces it.
    pub next: Option<Link>,
    /// Earliest start among all records of this customer with this external id: t0 of trials (chapter 02, 8.4).
    pub trial_started_at: Instant,
    /// What billing has done so far.
    pub progress: Progress,
    /// The instant of the next thing that time does to it; kept by whoever changes the record (`with_next_due`).
    pub next_due: Option<Instant>,
}

impl Subscription {
    /// Since when it runs or ran.
    #[must_use]
    pub fn started_at(&self) -> Option<Instant> {
        match self.state {
            State::Active { started_at } => Some(started_at),
            State::Terminated { started_at, .. } => started_at,
            State::Pending | State::Canceled { .. } => None,
        }
    }

    /// When it ended.
    #[must_use]
    pub fn terminated_at(&self) -> Option<Instant> {
        match self.state {
            State::Terminated { terminated_at, .. } => Some(terminated_at),
            State::Pending | State::Active { .. } | State::Canceled { .. } => None,
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    /// Whether it waits for its own start rather than for the end of a predecessor.
    #[must_use]
    pub fn is_starting_later(&self) -> bool {
        self.state == State::Pending && self.previous.is_none()
    }

    /// The name on invoices: its own, else the plan's (chapter 02, 3).
    #[must_use]
    pub fn printed_name<'a>(&'a self, plan: &'a Plan) -> &'a str {
        self.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| plan.printed_name())
    }

    /// What the rules of periods and proration look at. For a record that never started, as if it started when asked.
    #[must_use]
    pub fn terms(&self, plan: &Plan, zone: Zone) -> Terms {
        Terms {
            zone,
            interval: plan.interval,
            billing_time: self.billing_time,
            bill_charges_monthly: plan.bill_charges_monthly.unwrap_or_default(),
            pay_in_advance: plan.pay_in_advance,
            amount_cents: plan.amount_cents,
            trial_days: plan.trial_period.unwrap_or(Decimal::ZERO),
            subscription_at: self.subscription_at,
            started_at: self.started_at().unwrap_or(self.subscription_at),
            usage_from: self.progress.taken_over.map(|seam| seam.at),
            created_at: self.created_at,
            terminated_at: self.terminated_at(),
            ending_at: self.ending_at,
            trial_started_at: self.trial_started_at,
            succession: self.succession(),
        }
    }

    /// How the seconds at the ends of a window of its charges are shared with other records of the external id.
    #[must_use]
    pub fn shared(&self, bounds: &Boundaries) -> Shared {
        let Progress { taken_over, handed_over, .. } = &self.progress;
        let begins = |seam: &Seam| seam.at.timestamp() == bounds.charges_from.timestamp();
        let ends = self.terminated_at().is_some_and(|end| end.timestamp() == bounds.charges_to.timestamp());
        Shared {
            since: taken_over.filter(begins).map(|seam| seam.received),
            until: handed_over.filter(|_| ends && self.succession().next != Some(Change::Upgrade)),
        }
    }

    fn succession(&self) -> Succession {
        Succession {
            previous: self.previous.as_ref().map(|link| link.change),
            next: self.next.as_ref().map(|link| link.change),
        }
    }

    /// The local date of the switch while a pending successor waits (chapter 02, 3: `downgrade_plan_date`).
    #[must_use]
    pub fn downgrade_date(&self, plan: &Plan, zone: Zone, now: Instant) -> Option<NaiveDate> {
        let waits = self.is_active() && self.next.as_ref().is_some_and(|link| link.change == Change::Downgrade);
        waits.then(|| self.terms(plan, zone).grid().next(zone.date(now)))
    }

    /// The record with its next due instant computed anew (DESIGN, 6).
    #[must_use]
    pub fn with_next_due(mut self, plan: &Plan, zone: Zone) -> Subscription {
        self.next_due = self.next_action(plan, zone).map(|(at, _)| at);
        self
    }

    /// Whether the next thing that time does to it looks at usage, which may still be on its way (DESIGN, 6).
    #[must_use]
    pub fn closes_usage_next(&self) -> bool {
        match self.state {
            State::Active { .. } => self.progress.start_invoice_at.is_none(),
            State::Terminated { .. } => true,
            State::Pending | State::Canceled { .. } => false,
        }
    }

    /// The instant of its next billing day, while it runs.
    #[must_use]
    pub fn next_billing_at(&self, plan: &Plan, zone: Zone) -> Option<Instant> {
        let active_since = self.active_since()?;
        let terms = self.terms(plan, zone);
        match (self.progress.last_recurring_at, &self.progress.last_recurring) {
            (Some(last), Some(bounds)) => {
                billing::next_billing_after(&terms, last.max(terms.started_at), bounds.charges_to)
            }
            (Some(last), None) => billing::next_billing_at(&terms, last.max(terms.started_at)),
            (None, _) => billing::first_billing_at(&terms, active_since),
        }
    }

    /// Since when it is active, by the clock: not before its creation, however early it started.
    fn active_since(&self) -> Option<Instant> {
        let State::Active { started_at } = self.state else { return None };
        Some(self.progress.activated_at.unwrap_or(self.created_at.max(started_at)))
    }

    /// The next thing that time does to it, with its nominal instant: a function of the record, its plan and the zone
    /// alone, so that what is late stays due at its own instant.
    #[must_use]
    pub fn next_action(&self, plan: &Plan, zone: Zone) -> Option<(Instant, Action)> {
        let planned_since = |since: Instant| self.progress.replanned_at.map_or(since, |replanned| since.max(replanned));
        match self.state {
            State::Pending if self.previous.is_none() => {
                let at = billing::activation_at(zone, self.subscription_at, planned_since(self.created_at));
                Some((at, Action::Activate))
            }
            State::Active { .. } => {
                if let Some(at) = self.progress.start_invoice_at {
                    return Some((at, Action::Start));
                }
                let since = planned_since(self.active_since()?);
                let alert = self.ending_at.and_then(|ending_at| self.next_alert(ending_at, since));
                let billing = self.next_billing_at(plan, zone).map(|at| (at, Action::Bill));
                let end = self.ending_at.map(|at| (billing::termination_at(zone, at, since), Action::End));
                alert.into_iter().chain(billing).chain(end).min_by_key(|(at, _)| *at)
            }
            State::Terminated { .. } => self.progress.final_invoice_at.map(|at| (at, Action::Final)),
            State::Pending | State::Canceled { .. } => None,
        }
    }

    /// The earliest termination alert that was not sent. `since`: the record runs, and has this planned end, since then.
    fn next_alert(&self, ending_at: Instant, since: Instant) -> Option<(Instant, Action)> {
        let ending_date = ending_at.date_naive();
        let alert = |alert: Alert| {
            let sent = SentAlert { ending_date, days_before: alert.days_before };
            let at = alert.next_from(since).filter(|_| !self.progress.alerts_sent.contains(&sent))?;
            Some((at, Action::Announce(sent)))
        };
        billing::alerts_at(ending_at).into_iter().filter_map(alert).min_by_key(|(at, _)| *at)
    }
}
