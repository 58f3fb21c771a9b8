//! Volume: all units cost what the tier of their number says (chapter 03, 5.6).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::Collected;
use super::tiers::{Tiers, UnitAndFlat};
use super::{AmountDetails, Outcome, PriceError, Rated, VolumeDetails};
use crate::value::Value;

/// Tiers with a price per unit and a flat price; one tier prices all units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    tiers: Tiers<UnitAndFlat>,
}

impl Volume {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<Volume> {
        let (missing, invalid) = (PriceError::MissingVolumeRanges, PriceError::InvalidVolumeRanges);
        let tiers = Tiers::parse(sent.get("volume_ranges"), missing, invalid, errors, UnitAndFlat::parse)?;
        Some(Volume { tiers })
    }

    /// The full units choose the tier, the units (prorated ones on a prorated charge) pay. 0 if either is negative.
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        let (units, number) = (usage.units, usage.full_units);
        if units <= Decimal::ZERO || number < Decimal::ZERO {
            return Ok(Outcome { details: AmountDetails::Volume(VolumeDetails::default()), ..Outcome::default() });
        }
        let price = self.tiers.price_at(number);
        let per_unit_total_amount = exact::mul(units, price.per_unit)?;
        let amount = exact::add(per_unit_total_amount, price.flat)?;
        // Prorated units can remain where no full unit does (added and removed in the window): zeros are shown then.
        let details = if number.is_zero() {
            VolumeDetails::default()
        } else {
            VolumeDetails {
                flat_unit_amount: price.flat,
                per_unit_amount: exact::mul_div(units, price.per_unit, number)?,
                per_unit_total_amount,
            }
        };
        let unit_amount = exact::per_unit(amount, number)?;
        Ok(Outcome { amount, unit_amount, details: AmountDetails::Volume(details) })
    }
}

#[cfg(test)]
mod tests;
