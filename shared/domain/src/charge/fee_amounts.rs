//! The one rounding of a charge fee (chapter 03, 6.2).

use rust_decimal::Decimal;

use super::{Outcome, Overflow};
use crate::money::Currency;
use crate::number;

/// The amounts of one charge fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeAmounts {
    /// Minor units: `trunc(round(amount, exp) * sub)`.
    pub amount_cents: i64,
    /// Currency units, rounded to 15 decimals.
    pub precise_unit_amount: Decimal,
    /// Minor units, towards zero.
    pub unit_amount_cents: i64,
}

/// The amounts of a fee in arrears, rounded once. Groups are rounded one by one and then summed.
///
/// Errors: an amount outside of 64 bits of minor units. Rule: chapter 03, 6.2.
pub fn fee_amounts(outcome: &Outcome, currency: Currency) -> Result<FeeAmounts, Overflow> {
    let precise_unit_amount = number::round(outcome.unit_amount, 15);
    // From the rounded price: a quotient of 28 digits may read 4.99...9 where 5 is meant, and would lose a cent.
    let unit_cents = precise_unit_amount.checked_mul(currency.subunits()).ok_or(Overflow)?;
    Ok(FeeAmounts {
        amount_cents: currency.minor_units(outcome.amount).ok_or(Overflow)?,
        precise_unit_amount,
        unit_amount_cents: i64::try_from(number::trunc(unit_cents, 0)).map_err(|_| Overflow)?,
    })
}

/// The amounts of a pay-in-advance fee: `amount` as [`super::in_advance_amount`] gives it, no unit amounts.
///
/// Errors: an amount outside of 64 bits of minor units. Rule: chapter 03, 6.2.
pub fn in_advance_fee_amounts(amount: Decimal, currency: Currency) -> Result<FeeAmounts, Overflow> {
    let amount_cents = currency.minor_units(amount).ok_or(Overflow)?;
    Ok(FeeAmounts { amount_cents, precise_unit_amount: Decimal::ZERO, unit_amount_cents: 0 })
}

#[cfg(test)]
mod tests;
