//! Package: a package that is started is charged whole (chapter 03, 5.4).

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use super::properties::{self, Collected};
use super::{AmountDetails, Outcome, PackageDetails, PriceError, Rated};
use crate::value::Value;

/// A price per package of units, after some free units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    amount: Decimal,
    /// INVARIANT: above 0; `parse` guarantees it.
    size: i64,
    free_units: i64,
}

impl Package {
    pub(super) fn parse(sent: &Value, errors: &mut Collected) -> Option<Package> {
        let integer =
            |name, at_least, bad| properties::integer(sent.get(name)).filter(|value| *value >= at_least).ok_or(bad);
        let amount = errors.keep(properties::decimal(sent.get("amount"), PriceError::InvalidAmount));
        let size = errors.keep(integer("package_size", 1, PriceError::InvalidPackageSize));
        let free_units = errors.keep(integer("free_units", 0, PriceError::InvalidFreeUnits));
        Some(Package { amount: amount?, size: size?, free_units: free_units? })
    }

    /// Whole packages times price; 0 while the free units last, and for negative units. The unit amount divides by the
    /// paid units.
    pub(super) fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        let free_units = Decimal::from(self.free_units);
        let paid_units = exact::sub(usage.units, free_units)?.max(Decimal::ZERO);
        let amount = exact::mul(self.packages(paid_units)?, self.amount)?;
        let unit_amount = exact::per_unit(amount, paid_units)?;
        let details = if usage.units.is_zero() {
            PackageDetails::default()
        } else {
            PackageDetails { free_units, paid_units, per_package_size: self.size, per_package_unit_amount: self.amount }
        };
        Ok(Outcome { amount, unit_amount, details: AmountDetails::Package(details) })
    }

    /// Packages started by `paid_units` >= 0. By remainder: a quotient of 28 digits could lose a trace of a unit.
    fn packages(&self, paid_units: Decimal) -> Result<Decimal, Overflow> {
        let size = Decimal::from(self.size);
        let started = paid_units.checked_rem(size).ok_or(Overflow)?;
        let whole = exact::sub(paid_units, started)?.checked_div(size).ok_or(Overflow)?;
        if started.is_zero() { Ok(whole) } else { exact::add(whole, Decimal::ONE) }
    }
}

#[cfg(test)]
mod tests;
