//! Graduated percentage: each unit pays the rate of its own tier (chapter 03, 5.3).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::{self, Collected};
use super::tiers::Tiers;
use super::{AmountDetails, GraduatedPercentageRangeDetails, Outcome, PriceError, Rated};
use crate::value::Value;

/// Tiers with a rate in percent and a flat price for entering the tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraduatedPercentage {
    tiers: Tiers<RateAndFlat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RateAndFlat {
    rate: Decimal,
    flat: Decimal,
}

impl RateAndFlat {
    fn parse(range: &Value, errors: &mut Collected) -> Option<RateAndFlat> {
        let flat = errors.keep(properties::decimal(range.get("flat_amount"), PriceError::InvalidAmount));
        let rate = errors.keep(properties::decimal(range.get("rate"), PriceError::InvalidRate));
        Some(RateAndFlat { rate: rate?, flat: flat? })
    }
}

impl GraduatedPercentage {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<GraduatedPercentage> {
        let missing = PriceError::MissingGraduatedPercentageRanges;
        let invalid = PriceError::InvalidGraduatedPercentageRanges;
        let tiers =
            Tiers::parse(sent.get("graduated_percentage_ranges"), missing, invalid, errors, RateAndFlat::parse)?;
        Some(GraduatedPercentage { tiers })
    }

    /// The sum over the tiers walked, as in the graduated model.
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        let mut amount = Decimal::ZERO;
        let mut ranges = Vec::new();
        for (tier, units) in self.tiers.walk(usage.units)? {
            // Without usage the first tier shows zeros but for its rate (chapter 00, single points).
            let flat_unit_amount = if units.is_zero() { Decimal::ZERO } else { tier.price.flat };
            let per_unit_total_amount = exact::percent(units, tier.price.rate)?;
            let total_with_flat_amount = exact::add(per_unit_total_amount, flat_unit_amount)?;
            amount = exact::add(amount, total_with_flat_amount)?;
            ranges.push(GraduatedPercentageRangeDetails {
                from_value: tier.from,
                to_value: tier.to,
                flat_unit_amount,
                rate: tier.price.rate,
                units,
                per_unit_total_amount,
                total_with_flat_amount,
            });
        }
        let unit_amount = exact::per_unit(amount, usage.full_units)?;
        Ok(Outcome { amount, unit_amount, details: AmountDetails::GraduatedPercentage(ranges) })
    }
}

#[cfg(test)]
mod tests;
