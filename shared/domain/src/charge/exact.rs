//! Arithmetic that neither panics nor rounds to money: every result fits the decimal type or is an [`Overflow`].

use rust_decimal::Decimal;

/// A product, sum or quotient does not fit a decimal of 28 digits: the price or the usage is beyond any real bill.
///
/// Never a wrong amount: whoever bills reports it and writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount does not fit a decimal of 28 digits")]
pub struct Overflow;

pub(super) fn add(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_add(b).ok_or(Overflow)
}

pub(super) fn sub(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_sub(b).ok_or(Overflow)
}

pub(super) fn mul(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    a.checked_mul(b).ok_or(Overflow)
}

/// `a * b / c`, multiplied first and divided last. Where only the product is too large the division comes first.
///
/// `number::mul_div` gives the end of the decimals for a result that does not fit; here it is an error.
pub(super) fn mul_div(a: Decimal, b: Decimal, c: Decimal) -> Result<Decimal, Overflow> {
    match a.checked_mul(b).and_then(|product| product.checked_div(c)) {
        Some(quotient) => Ok(quotient),
        None => a.checked_div(c).and_then(|part| part.checked_mul(b)).ok_or(Overflow),
    }
}

/// `part` percent of `whole`.
pub(super) fn percent(whole: Decimal, part: Decimal) -> Result<Decimal, Overflow> {
    mul_div(whole, part, Decimal::ONE_HUNDRED)
}

/// An average price: 0 when there is nothing to divide by (chapter 03, 5).
pub(super) fn per_unit(amount: Decimal, units: Decimal) -> Result<Decimal, Overflow> {
    if units.is_zero() { Ok(Decimal::ZERO) } else { amount.checked_div(units).ok_or(Overflow) }
}
