//! The credit for the unused days of a plan in advance (chapter 02, 9).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{Change, Terms, period_end};
use crate::number;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// The part of a period that an ended subscription paid for and did not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusedDays {
    /// Whole local days: the numerator, 0 to `period_days`.
    pub days: i64,
    /// The local days of the whole period: the denominator.
    pub period_days: i64,
}

/// `F` of chapter 02, 9: the latest subscription fee of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditableFee {
    /// The fee's amount in minor units, before coupons and taxes.
    pub amount_cents: i64,
    /// The last instant of the fee's period, inclusive (its `to`).
    pub period_end: Instant,
    /// Whether its invoice is voided.
    pub is_invoice_voided: bool,
    /// What items of earlier credit notes gave back of the fee, minor units.
    pub credited: Decimal,
}

/// The item of a credit note for unused days. What it comes to after coupons and taxes is `credit_note::amounts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The days that are credited.
    pub unused: UnusedDays,
    /// The item's precise amount in cents, without tax: truncated to 5 decimals, more than 0.
    pub item_amount: Decimal,
}

/// The days of the plan's period after its end at `terminated_at` (chapter 02, 9, steps 1 and 2).
///
/// The day of a termination is used, the day of an upgrade belongs to the new plan and is not. If the trial still runs,
/// the days from the local date of its end on.
#[must_use]
pub fn unused_days(terms: &Terms, terminated_at: Instant) -> UnusedDays {
    let end_date = terms.zone.date(terminated_at);
    let last_date = period_end(terms, terminated_at);
    let days_after = |day: NaiveDate| (last_date - day).num_days();
    let days = match (terms.trial_end(), terms.succession.next) {
        (Some(trial_end), _) if trial_end > terminated_at => (days_after(terms.zone.date(trial_end)) + 1).max(0),
        (_, Some(Change::Upgrade)) => days_after(end_date) + 1,
        (_, Some(Change::Downgrade) | None) => days_after(end_date),
    };
    UnusedDays { days, period_days: terms.grid().length(end_date) }
}

/// The item of the credit note for a plan in advance that ends at `terminated_at` by termination or upgrade (chapter 02, 9).
///
/// None if nothing is left to credit, if the fee's period was over, or if its invoice is voided. A downgrade, which
/// waits for the end of the period, gives none: a pending downgrade that the termination cancels must be gone from
/// `terms` already. Whether the amount still fits on the fee's invoice is chapter 04's.
#[must_use]
pub fn credit(terms: &Terms, terminated_at: Instant, fee: &CreditableFee) -> Option<Credit> {
    let ends_period = terms.succession.next == Some(Change::Downgrade) || fee.period_end < terminated_at;
    if !terms.pay_in_advance || ends_period || fee.is_invoice_voided || fee.amount_cents <= 0 {
        return None;
    }
    let unused = unused_days(terms, terminated_at);
    let value = number::mul_div(
        Decimal::from(terms.amount_cents),
        Decimal::from(unused.days),
        Decimal::from(unused.period_days),
    );
    // The fee may have been rounded down, or prorated: never more than it, less what was given back.
    let value = value.min(Decimal::from(fee.amount_cents)) - fee.credited;
    let item_amount = number::trunc(value, 5);
    (item_amount > Decimal::ZERO).then_some(Credit { unused, item_amount })
}
