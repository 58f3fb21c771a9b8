//! Graduated: each unit costs what its own tier says (chapter 03, 5.2). Prorated charges: `prorated_graduated`.

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::Collected;
use super::prorated_graduated;
use super::tiers::{Tiers, UnitAndFlat};
use super::{AmountDetails, GraduatedRangeDetails, Outcome, PriceError, Proration, Rated};
use crate::value::Value;

/// Tiers with a price per unit and a flat price for entering the tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graduated {
    tiers: Tiers<UnitAndFlat>,
}

impl Graduated {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<Graduated> {
        let (missing, invalid) = (PriceError::MissingGraduatedRanges, PriceError::InvalidGraduatedRanges);
        let tiers = Tiers::parse(sent.get("graduated_ranges"), missing, invalid, errors, UnitAndFlat::parse)?;
        Some(Graduated { tiers })
    }

    /// The sum over the tiers walked. Negative units are priced by the first tier and pay its flat price.
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        match &usage.proration {
            Proration::Full => self.rate_full(usage),
            Proration::Prorated { movements } => prorated_graduated::rate(&self.tiers, usage.units, movements),
        }
    }

    fn rate_full(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        let mut amount = Decimal::ZERO;
        let mut ranges = Vec::new();
        for (tier, units) in self.tiers.walk(usage.units)? {
            // Only the first tier can have no units, when there is no usage at all: then it shows zeros.
            let charged = !units.is_zero();
            let (per_unit_amount, flat_unit_amount) =
                if charged { (tier.price.per_unit, tier.price.flat) } else { (Decimal::ZERO, Decimal::ZERO) };
            let per_unit_total_amount = exact::mul(units, per_unit_amount)?;
            let total_with_flat_amount = exact::add(per_unit_total_amount, flat_unit_amount)?;
            amount = exact::add(amount, total_with_flat_amount)?;
            ranges.push(GraduatedRangeDetails {
                from_value: tier.from,
                to_value: tier.to,
                flat_unit_amount,
                per_unit_amount,
                units,
                per_unit_total_amount,
                total_with_flat_amount,
            });
        }
        let unit_amount = exact::per_unit(amount, usage.full_units)?;
        Ok(Outcome { amount, unit_amount, details: AmountDetails::Graduated(ranges) })
    }
}

#[cfg(test)]
mod tests;
