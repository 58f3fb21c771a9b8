//! What a fee shows of its calculation (chapter 03, 6.5), as typed data and as the value that is shown.

use rust_decimal::Decimal;

use crate::number;
use crate::value::Value;

/// `amount_details` of a fee. Amounts are in currency units and unrounded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AmountDetails {
    /// Nothing to explain, shown as `{}`: standard, prorated graduated, pay-in-advance fees.
    #[default]
    None,
    /// The tiers walked, the lowest first.
    Graduated(Vec<GraduatedRangeDetails>),
    /// The tiers walked, the lowest first.
    GraduatedPercentage(Vec<GraduatedPercentageRangeDetails>),
    /// Free and paid units.
    Package(PackageDetails),
    /// Both parts of the price, and what minimum and maximum changed.
    Percentage(PercentageDetails),
    /// The one tier that priced all units.
    Volume(VolumeDetails),
}

/// One tier of a graduated price. All amounts 0 in a tier without units.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the wire's; chapter 03, 6.5 says what they hold.
pub struct GraduatedRangeDetails {
    pub from_value: i64,
    pub to_value: Option<i64>,
    pub flat_unit_amount: Decimal,
    pub per_unit_amount: Decimal,
    pub units: Decimal,
    pub per_unit_total_amount: Decimal,
    pub total_with_flat_amount: Decimal,
}

/// One tier of a graduated percentage price. A tier without units shows its rate and zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the wire's; chapter 03, 6.5 says what they hold.
pub struct GraduatedPercentageRangeDetails {
    pub from_value: i64,
    pub to_value: Option<i64>,
    pub flat_unit_amount: Decimal,
    /// In percent.
    pub rate: Decimal,
    pub units: Decimal,
    pub per_unit_total_amount: Decimal,
    pub total_with_flat_amount: Decimal,
}

/// A package price. All 0 without usage, the size too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // The names are the wire's; chapter 03, 6.5 says what they hold.
pub struct PackageDetails {
    pub free_units: Decimal,
    /// Never below 0.
    pub paid_units: Decimal,
    pub per_package_size: i64,
    pub per_package_unit_amount: Decimal,
}

/// A percentage price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // The names are the wire's; chapter 03, 6.5 says what they hold.
pub struct PercentageDetails {
    pub units: Decimal,
    pub free_units: Decimal,
    /// 0 while there are fewer events than free ones.
    pub free_events: i64,
    /// Never below 0.
    pub paid_units: Decimal,
    /// In percent.
    pub rate: Decimal,
    pub per_unit_total_amount: Decimal,
    /// All events but `free_events`.
    pub paid_events: i64,
    /// 0 without paid events.
    pub fixed_fee_unit_amount: Decimal,
    pub fixed_fee_total_amount: Decimal,
    /// What minimum and maximum per event add (or take away) over both totals above; 0 without them.
    pub min_max_adjustment_total_amount: Decimal,
}

/// A volume price. All 0 without units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // The names are the wire's; chapter 03, 6.5 says what they hold.
pub struct VolumeDetails {
    pub flat_unit_amount: Decimal,
    /// Per full unit: below the price of the tier on a prorated charge.
    pub per_unit_amount: Decimal,
    pub per_unit_total_amount: Decimal,
}

impl AmountDetails {
    /// The value as shown: decimals as texts with at least one decimal place, bounds and counts as integers.
    /// Rule: chapter 03, 6.5.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            AmountDetails::None => Value::Map(Vec::new()),
            AmountDetails::Graduated(ranges) => list("graduated_ranges", ranges.iter().map(graduated_range)),
            AmountDetails::GraduatedPercentage(ranges) => {
                list("graduated_percentage_ranges", ranges.iter().map(graduated_percentage_range))
            }
            AmountDetails::Package(package) => map([
                ("free_units", decimal(package.free_units)),
                ("paid_units", decimal(package.paid_units)),
                ("per_package_size", integer(package.per_package_size)),
                ("per_package_unit_amount", decimal(package.per_package_unit_amount)),
            ]),
            AmountDetails::Percentage(percentage) => map([
                ("units", decimal(percentage.units)),
                ("free_units", decimal(percentage.free_units)),
                ("free_events", integer(percentage.free_events)),
                ("paid_units", decimal(percentage.paid_units)),
                ("rate", decimal(percentage.rate)),
                ("per_unit_total_amount", decimal(percentage.per_unit_total_amount)),
                ("paid_events", integer(percentage.paid_events)),
                ("fixed_fee_unit_amount", decimal(percentage.fixed_fee_unit_amount)),
                ("fixed_fee_total_amount", decimal(percentage.fixed_fee_total_amount)),
                ("min_max_adjustment_total_amount", decimal(percentage.min_max_adjustment_total_amount)),
            ]),
            AmountDetails::Volume(volume) => map([
                ("flat_unit_amount", decimal(volume.flat_unit_amount)),
                ("per_unit_amount", decimal(volume.per_unit_amount)),
                ("per_unit_total_amount", decimal(volume.per_unit_total_amount)),
            ]),
        }
    }
}

fn graduated_range(range: &GraduatedRangeDetails) -> Value {
    map([
        ("from_value", integer(range.from_value)),
        ("to_value", range.to_value.map_or(Value::Null, integer)),
        ("flat_unit_amount", decimal(range.flat_unit_amount)),
        ("per_unit_amount", decimal(range.per_unit_amount)),
        ("units", decimal(range.units)),
        ("per_unit_total_amount", decimal(range.per_unit_total_amount)),
        ("total_with_flat_amount", decimal(range.total_with_flat_amount)),
    ])
}

fn graduated_percentage_range(range: &GraduatedPercentageRangeDetails) -> Value {
    map([
        ("from_value", integer(range.from_value)),
        ("to_value", range.to_value.map_or(Value::Null, integer)),
        ("flat_unit_amount", decimal(range.flat_unit_amount)),
        ("rate", decimal(range.rate)),
        ("units", decimal(range.units)),
        ("per_unit_total_amount", decimal(range.per_unit_total_amount)),
        ("total_with_flat_amount", decimal(range.total_with_flat_amount)),
    ])
}

fn list(name: &str, ranges: impl Iterator<Item = Value>) -> Value {
    map([(name, Value::List(ranges.collect()))])
}

pub(super) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn decimal(value: Decimal) -> Value {
    Value::Text(number::text(value))
}

pub(super) fn integer(value: i64) -> Value {
    Value::Number(value.to_string())
}
