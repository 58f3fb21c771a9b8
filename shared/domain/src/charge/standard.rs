//! Standard: every unit costs the same (chapter 03, 5.1).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::{self, Collected};
use super::{AmountDetails, Outcome, PriceError, Rated};
use crate::value::Value;

/// A price per unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standard {
    amount: Decimal,
}

impl Standard {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<Standard> {
        let amount = errors.keep(properties::decimal(sent.get("amount"), PriceError::InvalidAmount))?;
        Some(Standard { amount })
    }

    /// Units times price. Negative units give a negative amount, except on a prorated charge (see
    /// [`Rated::is_prorated_below_zero`]).
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        if usage.is_prorated_below_zero() {
            return Ok(Outcome::default());
        }
        let amount = exact::mul(usage.units, self.amount)?;
        let unit_amount = exact::per_unit(amount, usage.full_units)?;
        Ok(Outcome { amount, unit_amount, details: AmountDetails::None })
    }
}

#[cfg(test)]
mod tests;
