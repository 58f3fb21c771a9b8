//! Charges: the pricing rule of a plan for a metric, from the price as sent to the exact amount of a fee.
//!
//! Owns: the charge models with their prices (chapter 03, 5), validation of prices and of charges (4.2, 4.3), what a
//! fee shows of its calculation (6.5), the one rounding of a fee (6.2), the amount of a fee per event (7.3).
//!
//! Does not own: how events become units (`usage`), which charges get a fee, taxes, true-ups.
//!
//! Invariants:
//! - A [`Price`] is valid: only [`Price::parse`] builds one, and rating has no branch for a bad price.
//! - Amounts are exact and in currency units until [`fee_amounts`].
//! - No usage panics: what does not fit a decimal is an [`Overflow`], never a wrong amount.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::value::Value;

mod combination;
mod details;
mod exact;
mod fee_amounts;
mod graduated;
mod graduated_percentage;
mod package;
mod percentage;
mod properties;
mod prorated_graduated;
mod standard;
mod tiers;
mod usage;
mod volume;

pub use combination::{ChargeError, Combination, check, check_groups};
pub use details::{
    AmountDetails, GraduatedPercentageRangeDetails, GraduatedRangeDetails, PackageDetails, PercentageDetails,
    VolumeDetails,
};
pub use exact::Overflow;
pub use fee_amounts::{FeeAmounts, fee_amounts, in_advance_fee_amounts};
pub use graduated::Graduated;
pub use graduated_percentage::GraduatedPercentage;
pub use package::Package;
pub use percentage::Percentage;
pub use standard::Standard;
pub use usage::{FreeUnits, Limited, Movement, Proration, Rated, RunningTotals};
pub use volume::Volume;

use details::{integer, map};
use properties::Collected;

/// The formula of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChargeModel {
    /// A price per unit.
    Standard,
    /// A price per unit for each tier of units.
    Graduated,
    /// A rate for each tier of units.
    GraduatedPercentage,
    /// A price per package.
    Package,
    /// A rate and a fixed price per event.
    Percentage,
    /// A price per unit that the number of units decides.
    Volume,
}

/// The text is no charge model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no charge model")]
pub struct UnknownChargeModel(pub String);

impl ChargeModel {
    /// All models, in the order of chapter 03, 4.1.
    pub const ALL: [ChargeModel; 6] = [
        ChargeModel::Standard,
        ChargeModel::Graduated,
        ChargeModel::Package,
        ChargeModel::Percentage,
        ChargeModel::Volume,
        ChargeModel::GraduatedPercentage,
    ];

    /// The word of the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChargeModel::Standard => "standard",
            ChargeModel::Graduated => "graduated",
            ChargeModel::GraduatedPercentage => "graduated_percentage",
            ChargeModel::Package => "package",
            ChargeModel::Percentage => "percentage",
            ChargeModel::Volume => "volume",
        }
    }

    /// The model as sent. Errors: absent (`value_is_mandatory`) or no known word (`value_is_invalid`).
    /// Rule: chapter 03, 4.2.
    pub fn parse(sent: Option<&str>) -> Result<ChargeModel, ChargeError> {
        let word = sent.ok_or(ChargeError::ModelMissing)?;
        word.parse().map_err(|UnknownChargeModel(_)| ChargeError::ModelUnknown)
    }
}

impl FromStr for ChargeModel {
    type Err = UnknownChargeModel;

    fn from_str(word: &str) -> Result<Self, UnknownChargeModel> {
        let found = ChargeModel::ALL.into_iter().find(|model| model.as_str() == word);
        found.ok_or_else(|| UnknownChargeModel(word.to_owned()))
    }
}

impl fmt::Display for ChargeModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a price is refused, reported under `properties`. `code()` is part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.code())]
#[allow(missing_docs)] // Each is named as its code; chapter 03, 4.2 says when.
pub enum PriceError {
    InvalidAmount,
    MissingGraduatedRanges,
    InvalidGraduatedRanges,
    MissingVolumeRanges,
    InvalidVolumeRanges,
    MissingGraduatedPercentageRanges,
    InvalidGraduatedPercentageRanges,
    InvalidRate,
    InvalidPackageSize,
    InvalidFreeUnits,
    InvalidFixedAmount,
    InvalidFreeUnitsPerEvents,
    InvalidFreeUnitsPerTotalAggregation,
    MaxLowerThanMin,
}

impl PriceError {
    /// The code of the error.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            PriceError::InvalidAmount => "invalid_amount",
            PriceError::MissingGraduatedRanges => "missing_graduated_ranges",
            PriceError::InvalidGraduatedRanges => "invalid_graduated_ranges",
            PriceError::MissingVolumeRanges => "missing_volume_ranges",
            PriceError::InvalidVolumeRanges => "invalid_volume_ranges",
            PriceError::MissingGraduatedPercentageRanges => "missing_graduated_percentage_ranges",
            PriceError::InvalidGraduatedPercentageRanges => "invalid_graduated_percentage_ranges",
            PriceError::InvalidRate => "invalid_rate",
            PriceError::InvalidPackageSize => "invalid_package_size",
            PriceError::InvalidFreeUnits => "invalid_free_units",
            PriceError::InvalidFixedAmount => "invalid_fixed_amount",
            PriceError::InvalidFreeUnitsPerEvents => "invalid_free_units_per_events",
            PriceError::InvalidFreeUnitsPerTotalAggregation => "invalid_free_units_per_total_aggregation",
            PriceError::MaxLowerThanMin => "per_transaction_max_lower_than_per_transaction_min",
        }
    }
}

/// A valid price of one model, in the plan's currency. Built only by [`Price::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Each is named as its model.
pub enum Price {
    Standard(Standard),
    Graduated(Graduated),
    GraduatedPercentage(GraduatedPercentage),
    Package(Package),
    Percentage(Percentage),
    Volume(Volume),
}

impl Price {
    /// The price in `properties` (of a charge, or the `values` of a group).
    ///
    /// Errors: all codes, each once, in the order of the table. Strict: empty properties are refused like any others;
    /// see [`Price::properties_or_default`]. Unknown keys are ignored. Rule: chapter 03, 4.2.
    pub fn parse(model: ChargeModel, properties: &Value) -> Result<Price, Vec<PriceError>> {
        let mut errors = Collected::default();
        let (sent, noted) = (properties, &mut errors);
        let price = match model {
            ChargeModel::Standard => Standard::parse(sent, noted).map(Price::Standard),
            ChargeModel::Graduated => Graduated::parse(sent, noted).map(Price::Graduated),
            ChargeModel::GraduatedPercentage => GraduatedPercentage::parse(sent, noted).map(Price::GraduatedPercentage),
            ChargeModel::Package => Package::parse(sent, noted).map(Price::Package),
            ChargeModel::Percentage => Percentage::parse(sent, noted).map(Price::Percentage),
            ChargeModel::Volume => Volume::parse(sent, noted).map(Price::Volume),
        };
        // A model may note an error about fields that are each valid, so the errors decide.
        let errors = errors.into_errors();
        price.filter(|_| errors.is_empty()).ok_or(errors)
    }

    /// The zero price of `model`, to store and to show. Rule: chapter 03, 4.1.
    #[must_use]
    pub fn default_properties(model: ChargeModel) -> Value {
        let zero = || Value::Text("0".to_owned());
        let bounds = || [("from_value", integer(0)), ("to_value", Value::Null)];
        let unit_and_flat = |name| {
            let [from, to] = bounds();
            let range = map([from, to, ("per_unit_amount", zero()), ("flat_amount", zero())]);
            map([(name, Value::List(vec![range]))])
        };
        match model {
            ChargeModel::Standard => map([("amount", zero())]),
            ChargeModel::Graduated => unit_and_flat("graduated_ranges"),
            ChargeModel::Volume => unit_and_flat("volume_ranges"),
            ChargeModel::GraduatedPercentage => {
                let [from, to] = bounds();
                // `fixed_amount` has no effect; it is shown because the chapter shows it.
                let range = map([from, to, ("rate", zero()), ("fixed_amount", zero()), ("flat_amount", zero())]);
                map([("graduated_percentage_ranges", Value::List(vec![range]))])
            }
            ChargeModel::Package => map([("package_size", integer(1)), ("amount", zero()), ("free_units", integer(0))]),
            ChargeModel::Percentage => map([("rate", zero())]),
        }
    }

    /// The `properties` of a charge as sent, or the zero price where nothing was: absent, null, empty, or no map at
    /// all (which counts as absent: chapter 05, 1.3). Rule: chapter 03, 4.1.
    #[must_use]
    pub fn properties_or_default(model: ChargeModel, sent: Option<&Value>) -> Value {
        match sent {
            Some(Value::Map(entries)) if !entries.is_empty() => Value::Map(entries.clone()),
            _ => Price::default_properties(model),
        }
    }

    /// The zero price of a model (chapter 03, 4.1).
    #[must_use]
    pub fn zero(model: ChargeModel) -> Price {
        // The default properties of every model are valid: a test goes through all of them.
        #[allow(clippy::expect_used)]
        Price::parse(model, &Price::default_properties(model)).expect("default properties are valid")
    }

    /// The model that this is a price of.
    #[must_use]
    pub fn model(&self) -> ChargeModel {
        match self {
            Price::Standard(_) => ChargeModel::Standard,
            Price::Graduated(_) => ChargeModel::Graduated,
            Price::GraduatedPercentage(_) => ChargeModel::GraduatedPercentage,
            Price::Package(_) => ChargeModel::Package,
            Price::Percentage(_) => ChargeModel::Percentage,
            Price::Volume(_) => ChargeModel::Volume,
        }
    }

    /// The free units that [`Rated::running`] is needed for; none if running totals have no say.
    /// Rule: chapter 03, 3.3.
    #[must_use]
    pub fn needs_running_totals(&self) -> Option<FreeUnits> {
        match self {
            Price::Percentage(percentage) => Some(percentage.free()).filter(|free| *free != FreeUnits::default()),
            Price::Standard(_)
            | Price::Graduated(_)
            | Price::GraduatedPercentage(_)
            | Price::Package(_)
            | Price::Volume(_) => None,
        }
    }

    /// Whether [`Rated::per_event`] is needed: a minimum or maximum per event. Rule: chapter 03, 3.3.
    #[must_use]
    pub fn needs_values_per_event(&self) -> bool {
        match self {
            Price::Percentage(percentage) => percentage.has_limits_per_event(),
            Price::Standard(_)
            | Price::Graduated(_)
            | Price::GraduatedPercentage(_)
            | Price::Package(_)
            | Price::Volume(_) => false,
        }
    }

    /// What one more value makes of values priced one by one; as it was for prices that know no such limits.
    ///
    /// # Errors
    /// A number that does not fit a decimal. Rule: chapter 03, 5.5 and 7.3.
    pub fn limited_by_one(&self, before: &Limited, value: Decimal) -> Result<Limited, Overflow> {
        match self {
            Price::Percentage(percentage) if percentage.has_limits_per_event() => {
                percentage.limited_by_one(before, value)
            }
            Price::Percentage(_)
            | Price::Standard(_)
            | Price::Graduated(_)
            | Price::GraduatedPercentage(_)
            | Price::Package(_)
            | Price::Volume(_) => Ok(*before),
        }
    }

    /// Whether a prorated charge needs the movements of its window. Rule: chapter 03, 5.7.
    #[must_use]
    pub fn needs_movements(&self) -> bool {
        matches!(self, Price::Graduated(_))
    }

    /// The exact amount of `usage`, in arrears or for any whole window.
    ///
    /// Unrounded and in currency units. Errors: a number that does not fit a decimal. Rule: chapter 03, 5 and 6.2.
    pub fn rate(&self, usage: &Rated) -> Result<Outcome, Overflow> {
        match self {
            Price::Standard(price) => price.rate(usage),
            Price::Graduated(price) => price.rate(usage),
            Price::GraduatedPercentage(price) => price.rate(usage),
            Price::Package(price) => price.rate(usage),
            Price::Percentage(price) => price.rate(usage),
            Price::Volume(price) => price.rate(usage),
        }
    }
}

/// What a price makes of usage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Currency units, exact and unrounded.
    pub amount: Decimal,
    /// Currency units: the amount per full unit (package: per paid unit), 0 where there is none.
    pub unit_amount: Decimal,
    /// How the amount came to be.
    pub details: AmountDetails,
}

/// The amount of a fee per event: what the window costs `with` the event less what it costs `without`.
///
/// `with` holds A and N of 7.3 and `without` A - b and N - 1; both have the same `running`, and `without` lacks the last
/// value of `per_event`. A prorated charge passes its prorated units p and nothing. Unrounded, in currency units, and
/// never below 0: an event that takes units away refunds nothing (7.2). Rule: chapter 03, 7.3.
pub fn in_advance_amount(price: &Price, with: &Rated, without: &Rated) -> Result<Decimal, Overflow> {
    let difference = exact::sub(price.rate(with)?.amount, price.rate(without)?.amount)?;
    Ok(difference.max(Decimal::ZERO))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;
#[cfg(test)]
mod tests;
