//! The subscription fee, and which invoice carries which fee (chapter 02, 7.5 and 8).

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use super::boundaries::ZONE_CHANGE_MAX;
use super::{Boundaries, Change, Situation, Terms, charges_period_days, saturated, whole_cents};
use crate::number;
use crate::time::{BillingTime, Grid, Instant, Interval};

#[cfg(test)]
mod tests;

/// What other invoices hold of the subscription record, seen from the invoice that is made.
///
/// For a draft that is computed again, what is later than it does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeeHistory {
    /// No invoice of this record was created before this one.
    pub is_first_invoice: bool,
    /// An earlier invoice holds a subscription fee of this record, be it zero.
    pub has_fee_on_earlier_invoice: bool,
    /// When the subscription fees of this record on other invoices were created.
    pub other_fees_created_at: Vec<Instant>,
    /// The last instant that the newest subscription fee of this record pays for.
    pub paid_to: Option<Instant>,
}

/// How a subscription fee was computed (chapter 02, 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Formula {
    /// The days of an ended period in arrears that were used.
    Terminated,
    /// The days from an upgrade to the end of the period.
    Upgraded,
    /// The whole amount.
    Full,
    /// The days from the start to the end of the period.
    First,
}

/// A subscription fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionFee {
    /// Minor units of the plan's currency, rounded half away from zero, once.
    pub amount_cents: i64,
    /// The formula.
    pub formula: Formula,
    /// The days that are charged: the numerator, 0 to `period_days`.
    pub days: i64,
    /// The local days of the whole period (chapter 02, 8.3): the denominator.
    pub period_days: i64,
}

/// Whether an invoice at `at` carries the subscription fee, zero or not (chapter 02, 7.5).
#[must_use]
pub fn is_subscription_fee_due(terms: &Terms, situation: Situation, at: Instant, history: &FeeHistory) -> bool {
    let day = terms.zone.date(at);
    match situation {
        Situation::CurrentUsage => false,
        Situation::First | Situation::Recurring => {
            // Stop 1 and stop 2. Stop 3 does not apply: such an invoice is made for an active subscription.
            let is_paid = has_fee_of_day(terms, history, day) || is_paid_ahead(terms, history, day);
            !(terms.pay_in_advance && is_paid) && is_in_fee_month(terms, day, history)
        }
        // Stop 3: an ended plan in advance has no fee. Stop 2 as for the recurring run that the rotation replaces.
        Situation::Rotation => !terms.pay_in_advance && is_in_fee_month(terms, day, history),
        // Stop 3; stop 2 does not apply to the last invoice.
        Situation::Terminated => !terms.pay_in_advance,
    }
}

/// Stop 1: a fee of the subscription was created on `day`.
///
/// The chapter takes the UTC date of the creation. East or west of UTC that bills a period twice, or never: a start on
/// 31 January 20:00 in Los Angeles is 1 February in UTC and would stop the fee of February. The local date is meant.
fn has_fee_of_day(terms: &Terms, history: &FeeHistory, day: NaiveDate) -> bool {
    history.other_fees_created_at.iter().any(|created_at| terms.zone.date(*created_at) == day)
}

/// Whether the period that begins on `day` was paid before: a change of zone made its first day come a second time.
fn is_paid_ahead(terms: &Terms, history: &FeeHistory, day: NaiveDate) -> bool {
    let from = terms.zone.start_of(terms.grid().current(day));
    history.paid_to.is_some_and(|paid_to| paid_to - from >= ZONE_CHANGE_MAX)
}

/// Stop 2, reversed: a yearly plan has its fee in the first month of the plan year; in advance, also if it had none yet.
fn is_in_fee_month(terms: &Terms, day: NaiveDate, history: &FeeHistory) -> bool {
    match terms.interval {
        Interval::Weekly | Interval::Monthly | Interval::Quarterly => true,
        Interval::Yearly => {
            let first_month = match terms.billing_time {
                BillingTime::Calendar => day.month() == 1,
                BillingTime::Anniversary => {
                    let months = Grid { interval: Interval::Monthly, ..terms.grid() };
                    months.current(day).month() == months.anchor.month()
                }
            };
            first_month || (terms.pay_in_advance && !history.has_fee_on_earlier_invoice)
        }
    }
}

/// Whether an invoice carries charges at all (chapter 02, 7.5, last paragraph); which of them is in chapter 03, 6.1.
///
/// Not the first invoice of a plan in advance, except for a backdated start.
#[must_use]
pub fn are_charges_due(terms: &Terms, history: &FeeHistory) -> bool {
    let backdated_start = terms.is_backdated() && terms.succession.previous.is_none();
    !(terms.pay_in_advance && history.is_first_invoice) || backdated_start
}

/// The subscription fee of an invoice at `at` with `boundaries` (chapter 02, 8.1 to 8.4).
///
/// For an invoice for which `is_subscription_fee_due`.
#[must_use]
pub fn subscription_fee(
    terms: &Terms,
    situation: Situation,
    at: Instant,
    boundaries: &Boundaries,
    history: &FeeHistory,
) -> SubscriptionFee {
    let formula = formula(terms, situation, at, history);
    let period_days = terms.grid().length(terms.zone.date(boundaries.from));
    let days_from = |from| days_charged(terms, situation, from, boundaries.to);
    let days = match (terms.trial_end(), formula) {
        (Some(trial_end), _) if trial_end >= boundaries.to => 0,
        (Some(trial_end), _) if trial_end > boundaries.from => days_from(trial_end),
        (_, Formula::Full) => period_days,
        (_, Formula::Terminated | Formula::Upgraded | Formula::First) => days_from(boundaries.from),
    };
    let days = days.clamp(0, period_days);
    let share = number::mul_div(Decimal::from(terms.amount_cents), Decimal::from(days), Decimal::from(period_days));
    SubscriptionFee { amount_cents: whole_cents(share), formula, days, period_days }
}

/// The first condition of chapter 02, 8.1 that holds.
fn formula(terms: &Terms, situation: Situation, at: Instant, history: &FeeHistory) -> Formula {
    let Terms { pay_in_advance, succession, .. } = terms;
    let last_invoice = match situation {
        Situation::Terminated => true,
        Situation::First | Situation::Recurring | Situation::Rotation | Situation::CurrentUsage => false,
    };
    if last_invoice && !pay_in_advance {
        return Formula::Terminated;
    }
    if succession.previous == Some(Change::Upgrade) && history.is_first_invoice {
        return Formula::Upgraded;
    }
    let whole_from_the_start =
        *pay_in_advance && terms.billing_time == BillingTime::Anniversary && succession.previous.is_none();
    let started_before_the_period =
        || terms.started_at < terms.zone.start_of(terms.grid().previous(terms.zone.date(at)));
    let backdated = terms.is_backdated() && (*pay_in_advance || started_before_the_period());
    if whole_from_the_start || history.has_fee_on_earlier_invoice || backdated { Formula::Full } else { Formula::First }
}

/// `N(from, to)` of chapter 02, 8.2. On the last invoice after an upgrade the switching day belongs to the new record.
fn days_charged(terms: &Terms, situation: Situation, from: Instant, to: Instant) -> i64 {
    let switched_at = match situation {
        Situation::Terminated => upgraded_at(terms),
        Situation::First | Situation::Recurring | Situation::Rotation | Situation::CurrentUsage => None,
    };
    match switched_at {
        Some(at) => (terms.zone.date(at) - terms.zone.date(from)).num_days(),
        None => terms.zone.days(from, to),
    }
}

/// The end of a record that an upgrade replaced.
fn upgraded_at(terms: &Terms) -> Option<Instant> {
    match terms.succession.next {
        Some(Change::Upgrade) => terms.terminated_at,
        Some(Change::Downgrade) | None => None,
    }
}

/// The days of the charges' window for which a minimum spend counts (chapter 02, 8.5): 0 to `charges_period_days`.
///
/// Capped at the whole period: a change of zone may lengthen the window by a day, but nobody's minimum.
#[must_use]
pub fn minimum_days(terms: &Terms, situation: Situation, boundaries: &Boundaries) -> i64 {
    let days = days_charged(terms, situation, boundaries.charges_from, boundaries.charges_to);
    days.clamp(0, charges_period_days(terms, boundaries))
}

/// A charge's minimum for a part of its period, in cents, exact and unrounded: `M'` of chapter 02, 8.5.
#[must_use]
pub fn prorated_minimum(minimum_cents: i64, days: i64, period_days: i64) -> Decimal {
    number::mul_div(Decimal::from(minimum_cents), Decimal::from(days), Decimal::from(period_days))
}

/// The fee that lifts a charge's fees to its minimum, in cents, truncated towards zero; none if they reach it.
///
/// `fees_cents` is the sum of the charge's fees over all groups. A sum below zero is lifted to zero even where there is
/// no minimum (chapter 03, 6.4). A gap of less than a cent gives a fee of 0 (chapter 02, 8.5).
#[must_use]
pub fn true_up(minimum_cents: i64, fees_cents: i64, days: i64, period_days: i64) -> Option<i64> {
    let gap = prorated_minimum(minimum_cents, days, period_days) - Decimal::from(fees_cents);
    (gap > Decimal::ZERO).then(|| saturated(number::trunc(gap, 0)))
}
