//! The ranges that graduated, graduated percentage and volume prices share.
//!
//! Bounds are integers, units are not: tier `i` covers `(to of tier i-1, to of tier i]`, so 10.5 units on a first tier
//! that ends at 10 put 0.5 into the second (chapter 03, 5.2 and D-14).

use rust_decimal::Decimal;

use super::PriceError;
use super::exact::{self, Overflow};
use super::properties::{self, Collected};
use crate::value::Value;

/// Consecutive tiers from zero upward, no gap, no overlap, the last one open. `P` is the price of a tier.
///
/// The open tier is a field of its own, so that every quantity has a tier by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tiers<P> {
    /// Upper bound, inclusive, and price. INVARIANT: bounds are positive and ascend; `parse` guarantees it.
    bounded: Vec<(i64, P)>,
    open: P,
}

/// One tier as its owner sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tier<'a, P> {
    pub(super) from: i64,
    pub(super) to: Option<i64>,
    pub(super) price: &'a P,
}

impl<P> Tiers<P> {
    /// Errors: `missing` unless `ranges` is a list with entries, `invalid` for bounds that 4.2 forbids, and whatever
    /// `price` notes about each entry.
    pub(super) fn parse(
        ranges: Option<&Value>,
        missing: PriceError,
        invalid: PriceError,
        errors: &mut Collected,
        price: impl Fn(&Value, &mut Collected) -> Option<P>,
    ) -> Option<Tiers<P>> {
        let Some(Value::List(ranges)) = ranges.filter(|ranges| **ranges != Value::List(Vec::new())) else {
            errors.add(missing);
            return None;
        };
        let bounds = errors.keep(upper_bounds(ranges).ok_or(invalid));
        // Not lazily: the prices of all tiers are looked at, so that all errors are reported.
        let prices: Vec<Option<P>> = ranges.iter().map(|range| price(range, errors)).collect();
        let mut prices = prices.into_iter().collect::<Option<Vec<P>>>()?;
        let (bounds, open) = (bounds?, prices.pop()?);
        Some(Tiers { bounded: bounds.into_iter().zip(prices).collect(), open })
    }

    fn iter(&self) -> impl Iterator<Item = Tier<'_, P>> {
        let bounded = self.bounded.iter().map(|(to, price)| (Some(*to), price));
        bounded.chain([(None, &self.open)]).scan(0, |next_from, (to, price)| {
            let from = std::mem::replace(next_from, to.unwrap_or(i64::MAX).saturating_add(1));
            Some(Tier { from, to, price })
        })
    }

    /// The tiers that `units` pass through from the bottom, each with its part of the units; the parts sum to `units`.
    ///
    /// Stops after the tier that holds the last unit. 0 units walk the first tier with no part, and units below 0 are
    /// all in the first tier (chapter 03, 5.2).
    pub(super) fn walk(&self, units: Decimal) -> Result<Vec<(Tier<'_, P>, Decimal)>, Overflow> {
        let mut walked = Vec::new();
        let mut below = Decimal::ZERO;
        for tier in self.iter() {
            match tier.to.map(Decimal::from) {
                Some(to) if to < units => {
                    walked.push((tier, exact::sub(to, below)?));
                    below = to;
                }
                Some(_) | None => {
                    walked.push((tier, exact::sub(units, below)?));
                    break;
                }
            }
        }
        Ok(walked)
    }

    /// The price of the one tier that holds `units`: previous bound < `units` <= own bound, the first from 0.
    pub(super) fn price_at(&self, units: Decimal) -> &P {
        let holding = self.bounded.iter().find(|(to, _)| Decimal::from(*to) >= units);
        holding.map_or(&self.open, |(_, price)| price)
    }
}

/// The upper bounds of all ranges but the last, if the bounds follow 4.2: from 0, each next one 1 above the previous
/// `to_value`, `to_value` above `from_value`, null in the last and only there.
fn upper_bounds(ranges: &[Value]) -> Option<Vec<i64>> {
    let (last, bounded) = ranges.split_last()?;
    let mut bounds = Vec::with_capacity(bounded.len());
    let mut next_from = 0_i64;
    for range in bounded {
        let from = properties::integer(range.get("from_value"))?;
        let to = properties::integer(range.get("to_value"))?;
        if from != next_from || to <= from {
            return None;
        }
        bounds.push(to);
        next_from = to.checked_add(1)?;
    }
    let starts_well = properties::integer(last.get("from_value")) == Some(next_from);
    let is_open = last.get("to_value").is_none_or(Value::is_null);
    (starts_well && is_open).then_some(bounds)
}

/// Price per unit and flat price of a tier, in currency units (graduated and volume).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitAndFlat {
    pub(super) per_unit: Decimal,
    pub(super) flat: Decimal,
}

impl UnitAndFlat {
    pub(super) fn parse(range: &Value, errors: &mut Collected) -> Option<UnitAndFlat> {
        let per_unit = errors.keep(properties::decimal(range.get("per_unit_amount"), PriceError::InvalidAmount));
        let flat = errors.keep(properties::decimal(range.get("flat_amount"), PriceError::InvalidAmount));
        Some(UnitAndFlat { per_unit: per_unit?, flat: flat? })
    }
}
