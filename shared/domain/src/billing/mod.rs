//! When a subscription is billed, for which span of time, and what its plan costs for it.
//!
//! Owns: the bounds of a billing record, billing days and the instants of the subscription clocks, the subscription
//! fee, the true-up of a minimum spend, and the credit for unused days (chapter 02, 5 to 9).
//!
//! Does not own: usage and charge models (chapter 03), invoices, taxes and coupons as such (chapter 04), nor the
//! transitions of a subscription. It sees plain facts, [`Terms`], not plans and customers.
//!
//! Invariants:
//! - Every rule is a function of its arguments; the same draft, made again, has the same bounds and the same fee.
//! - Amounts are exact until the one rounding that chapter 02, 0 names: multiplied first, divided last.
//! - A proration never exceeds the whole, and is never negative for a plan that is not.

use chrono::{SubsecRound, TimeDelta};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::number;
use crate::time::{BillingTime, Grid, Instant, Interval, Zone};

pub mod advance;
pub mod agenda;
mod boundaries;
pub mod closing;
mod due;
pub mod explain;
mod subscription_fee;
mod unused;

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tiling;

pub use boundaries::{
    Boundaries, LastRecord, Situation, boundaries, charges_period_days, next_period_start, period_end,
    termination_boundaries,
};
pub use due::{
    Alert, activation_at, alerts_at, first_billing_at, is_billing_day, is_rotation_day, next_billing_after,
    next_billing_at, termination_at,
};
pub use subscription_fee::{
    FeeHistory, Formula, SubscriptionFee, are_charges_due, is_subscription_fee_due, minimum_days, prorated_minimum,
    subscription_fee, true_up,
};
pub use unused::{Credit, CreditableFee, UnusedDays, credit, unused_days};

/// One subscription record and the terms of its plan, as they are at the moment of evaluation.
///
/// For an invoice that a transition makes (upgrade, rotation, termination) that is the state after the transition. For
/// a draft that is computed again, `zone` is the zone that its invoice was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The customer's applicable zone (chapter 02, 1.2): all local dates are of it.
    pub zone: Zone,
    /// The plan's own interval.
    pub interval: Interval,
    /// What the periods are aligned with.
    pub billing_time: BillingTime,
    /// Charges of a yearly plan are billed every month ("yearly+M"); looked at for yearly plans only.
    pub bill_charges_monthly: bool,
    /// The subscription fee is billed at the start of its period. Charges are always billed at the end of theirs.
    pub pay_in_advance: bool,
    /// The subscription fee of a full period, in minor units.
    pub amount_cents: i64,
    /// The trial in days of 24 hours, fractions allowed; zero or below is no trial.
    pub trial_days: Decimal,
    /// The requested start; its local date is the anchor. Inherited along a chain.
    pub subscription_at: Instant,
    /// The activation of this record.
    pub started_at: Instant,
    /// Where its usage begins, if another record of the external id had it until then (chapter 03, 0.3).
    pub usage_from: Option<Instant>,
    /// The creation of this record.
    pub created_at: Instant,
    /// The end of this record, if it has ended.
    pub terminated_at: Option<Instant>,
    /// The planned end: the record ends early on this local day (chapter 02, 4.10).
    pub ending_at: Option<Instant>,
    /// `t0` of chapter 02, 8.4: the earliest start of the customer's records with this external id; the trial counts
    /// from it.
    pub trial_started_at: Instant,
    /// How the record began and what follows it.
    pub succession: Succession,
}

/// The links of a subscription record in its chain of upgrades and downgrades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Succession {
    /// How this record replaced the one before it; none for the first of a chain.
    pub previous: Option<Change>,
    /// How the newest record that is not canceled replaces this one, be it pending; none if there is no such record.
    pub next: Option<Change>,
}

/// A change of plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// To a plan that is as expensive, or more; at once.
    Upgrade,
    /// To a cheaper plan, at the end of the period.
    Downgrade,
}

impl Change {
    /// The change from one plan to another, by amount and interval alone (chapter 02, 2.1 and 4.2). Equal is an upgrade.
    #[must_use]
    pub fn between(from: (i64, Interval), to: (i64, Interval)) -> Change {
        let yearly =
            |(amount_cents, interval): (i64, Interval)| i128::from(amount_cents) * i128::from(interval.per_year());
        if yearly(from) <= yearly(to) { Change::Upgrade } else { Change::Downgrade }
    }
}

impl Terms {
    /// The periods of the subscription fee: the plan's own grid (chapter 02, 5.2).
    #[must_use]
    pub fn grid(&self) -> Grid {
        Grid { interval: self.interval, billing_time: self.billing_time, anchor: self.zone.date(self.subscription_at) }
    }

    /// The periods of charges: monthly for a yearly plan that bills charges monthly, else the plan's own.
    ///
    /// Every start of the plan's own grid is a start of this one.
    #[must_use]
    pub fn charges_grid(&self) -> Grid {
        match self.interval {
            Interval::Yearly if self.bill_charges_monthly => Grid { interval: Interval::Monthly, ..self.grid() },
            Interval::Weekly | Interval::Monthly | Interval::Quarterly | Interval::Yearly => self.grid(),
        }
    }

    /// The end of the trial, `te` of chapter 02, 8.4; none without a trial. Fractions of a microsecond are dropped.
    #[must_use]
    pub fn trial_end(&self) -> Option<Instant> {
        if self.trial_days <= Decimal::ZERO {
            return None;
        }
        let length = self.trial_days.checked_mul(Decimal::from(86_400_000_000_i64)).and_then(|length| length.to_i64());
        // A trial that no calendar can hold does not end.
        let end = length.and_then(|length| self.trial_started_at.checked_add_signed(TimeDelta::microseconds(length)));
        Some(end.unwrap_or(Instant::MAX_UTC))
    }

    /// Whether the record began on an earlier UTC day than it was created (chapter 02, 7.5).
    #[must_use]
    pub fn is_backdated(&self) -> bool {
        self.started_at.date_naive() < self.created_at.date_naive()
    }
}

/// An instant as the wire shows it: whole seconds, the fraction dropped.
fn whole_seconds(at: Instant) -> Instant {
    at.trunc_subsecs(0)
}

/// A cent amount rounded to whole cents, half away from zero. Saturates beyond 64 bits.
fn whole_cents(amount: Decimal) -> i64 {
    saturated(number::round(amount, 0))
}

/// A whole amount as an integer, or the nearest one that there is.
fn saturated(amount: Decimal) -> i64 {
    amount.to_i64().unwrap_or(if amount.is_sign_negative() { i64::MIN } else { i64::MAX })
}
