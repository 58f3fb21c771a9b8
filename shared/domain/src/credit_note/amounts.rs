//! The amounts of a set of items (chapter 04, 10.2).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::AppliedTax;
use crate::invoice::{AmountOverflow, Fee};
use crate::number;
use crate::tax::FeeTax;

/// A part of a fee.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The fee.
    pub fee: &'a Fee,
    /// Without tax, before coupons, minor units with 5 decimals.
    pub amount: Decimal,
}

impl Line<'_> {
    /// The amount, rounded.
    #[must_use]
    pub fn amount_cents(&self) -> i64 {
        cents(self.amount)
    }

    /// The fee's coupons that go with the part: `p * x / a`, exact.
    fn coupons(&self) -> Decimal {
        number::mul_div(self.fee.coupon_share, self.amount, self.fee.amount_cents.into())
    }
}

/// What a set of items comes to, minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amounts {
    /// Sum of the items.
    pub items: Decimal,
    /// `A`: their part of the coupons, 5 decimals.
    pub coupons_adjustment: Decimal,
    /// `V`: the taxes on what is left, 5 decimals.
    pub taxes_amount: Decimal,
    /// `R`: the average rate, percent, 5 decimals; 0 if nothing is left to tax.
    pub taxes_rate: Decimal,
    /// The taxes one by one, in order of first appearance, with the fees' snapshots.
    pub taxes: Vec<AppliedTax>,
    /// `N`: items less coupons and with taxes, rounded.
    pub total_cents: i64,
}

impl Amounts {
    /// The coupons' part, rounded.
    #[must_use]
    pub fn coupons_adjustment_cents(&self) -> i64 {
        cents(self.coupons_adjustment)
    }

    /// The taxes, rounded.
    #[must_use]
    pub fn taxes_amount_cents(&self) -> i64 {
        cents(self.taxes_amount)
    }

    /// Items less coupons, rounded.
    #[must_use]
    pub fn sub_total_excluding_taxes_cents(&self) -> i64 {
        cents(self.items - self.coupons_adjustment)
    }
}

/// The amounts of `lines`, at the rates that stand on their fees (00-index).
///
/// # Errors
/// An amount leaves the range of exact decimals.
pub fn amounts(lines: &[Line<'_>]) -> Result<Amounts, AmountOverflow> {
    let items = sum(lines.iter().map(|line| line.amount))?;
    let exact_adjustment = sum(lines.iter().map(Line::coupons))?;
    let mut rows: Vec<(&FeeTax, Decimal, Decimal)> = Vec::new();
    for line in lines {
        let net = line.amount - line.coupons();
        for tax in &line.fee.taxes {
            let amount = number::mul_div(net, tax.rate, Decimal::ONE_HUNDRED);
            match rows.iter_mut().find(|(known, ..)| known.tax_id == tax.tax_id) {
                Some((_, base, amounts)) => {
                    *base = sum([*base, net])?;
                    *amounts = sum([*amounts, amount])?;
                }
                None => rows.push((tax, net, amount)),
            }
        }
    }
    let exact_taxes = sum(rows.iter().map(|(.., amount)| *amount))?;
    let net = items - exact_adjustment;
    let rate = if net.is_zero() { Decimal::ZERO } else { number::mul_div(exact_taxes, Decimal::ONE_HUNDRED, net) };
    let (coupons_adjustment, taxes_amount) = (number::round(exact_adjustment, 5), number::round(exact_taxes, 5));
    let taxes = rows.into_iter().map(|(tax, base, amount)| AppliedTax {
        tax: FeeTax { amount_cents: cents(amount), ..tax.clone() },
        base_amount_cents: cents(base),
    });
    Ok(Amounts {
        items,
        coupons_adjustment,
        taxes_amount,
        taxes_rate: number::round(rate, 5),
        taxes: taxes.collect(),
        total_cents: cents(sum([items - coupons_adjustment, taxes_amount])?),
    })
}

/// A sum that fits a decimal.
pub(super) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Result<Decimal, AmountOverflow> {
    amounts.into_iter().try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount)).ok_or(AmountOverflow)
}

/// Rounded to whole minor units, half away from zero. Saturates at the ends of 64 bits.
pub(super) fn cents(amount: Decimal) -> i64 {
    let rounded = number::round(amount, 0);
    rounded.to_i64().unwrap_or(if rounded.is_sign_negative() { i64::MIN } else { i64::MAX })
}
