//! Which charges may exist: the checks of a charge as a whole (chapter 03, 4.2 and 4.3).

use std::collections::BTreeSet;

use super::ChargeModel;
use crate::metric::AggregationType;

/// What decides whether a charge is allowed, besides its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Combination {
    /// Of the metric.
    pub aggregation: AggregationType,
    /// Of the metric.
    pub recurring: bool,
    /// Of the charge, as all below.
    pub model: ChargeModel,
    /// A fee per event.
    pub pay_in_advance: bool,
    /// Units weigh by their share of the period.
    pub prorated: bool,
    /// Minimum spend of a full charge period, in minor units.
    pub min_amount_cents: i64,
}

/// Why a charge is refused. `field()` and `code()` are part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}: {}", self.field(), self.code())]
pub enum ChargeError {
    /// No charge model was sent.
    ModelMissing,
    /// The charge model is no known word.
    ModelUnknown,
    /// The model cannot price a metric of the latest value.
    ModelNotForLatest,
    /// The metric or the model has no price per event.
    NotInAdvance,
    /// Metric, model and time of payment do not go together with proration.
    NotProrated,
    /// The minimum spend is negative.
    MinimumOutOfRange,
    /// A fee per event knows no minimum spend of a period.
    MinimumInAdvance,
    /// Two prices for one group.
    GroupDuplicated,
}

impl ChargeError {
    /// The field that the error is reported under.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            ChargeError::ModelMissing | ChargeError::ModelUnknown => "charge_model",
            ChargeError::ModelNotForLatest => "properties",
            ChargeError::NotInAdvance => "pay_in_advance",
            ChargeError::NotProrated => "prorated",
            ChargeError::MinimumOutOfRange | ChargeError::MinimumInAdvance => "min_amount_cents",
            ChargeError::GroupDuplicated => "group_properties",
        }
    }

    /// The code of the error.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            ChargeError::ModelMissing => "value_is_mandatory",
            ChargeError::ModelUnknown => "value_is_invalid",
            ChargeError::ModelNotForLatest => "invalid_value",
            ChargeError::NotInAdvance => "invalid_aggregation_type_or_charge_model",
            ChargeError::NotProrated => "invalid_billable_metric_or_charge_model",
            ChargeError::MinimumOutOfRange => "value_is_out_of_range",
            ChargeError::MinimumInAdvance => "not_compatible_with_pay_in_advance",
            ChargeError::GroupDuplicated => "is duplicated",
        }
    }
}

/// All reasons to refuse a charge, in the order of the chapter; none if it is allowed. The price is checked apart, by
/// [`super::Price::parse`]. Rule: chapter 03, 4.2 and 4.3.
#[must_use]
pub fn check(charge: &Combination) -> Vec<ChargeError> {
    let minimum_in_advance = charge.min_amount_cents > 0 && charge.pay_in_advance;
    let checks = [
        (!model_can_price(charge.model, charge.aggregation), ChargeError::ModelNotForLatest),
        (charge.pay_in_advance && !can_be_in_advance(charge), ChargeError::NotInAdvance),
        (charge.prorated && !can_be_prorated(charge), ChargeError::NotProrated),
        (charge.min_amount_cents < 0, ChargeError::MinimumOutOfRange),
        (minimum_in_advance, ChargeError::MinimumInAdvance),
    ];
    checks.into_iter().filter_map(|(refused, error)| refused.then_some(error)).collect()
}

/// Refuses two prices for one group. Rule: chapter 03, 4.2.
pub fn check_groups<G: Ord>(group_ids: impl IntoIterator<Item = G>) -> Result<(), ChargeError> {
    let mut seen = BTreeSet::new();
    let all_new = group_ids.into_iter().all(|group| seen.insert(group));
    if all_new { Ok(()) } else { Err(ChargeError::GroupDuplicated) }
}

/// The last column of the first table of 4.3.
fn model_can_price(model: ChargeModel, aggregation: AggregationType) -> bool {
    match model {
        ChargeModel::Percentage | ChargeModel::GraduatedPercentage => aggregation != AggregationType::Latest,
        ChargeModel::Standard | ChargeModel::Graduated | ChargeModel::Package | ChargeModel::Volume => true,
    }
}

fn can_be_in_advance(charge: &Combination) -> bool {
    let metric_can = match charge.aggregation {
        AggregationType::Count | AggregationType::Sum | AggregationType::UniqueCount => true,
        AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => false,
    };
    let model_can = match charge.model {
        ChargeModel::Standard
        | ChargeModel::Graduated
        | ChargeModel::Package
        | ChargeModel::Percentage
        | ChargeModel::GraduatedPercentage => true,
        ChargeModel::Volume => false,
    };
    metric_can && model_can
}

fn can_be_prorated(charge: &Combination) -> bool {
    let metric_can = match charge.aggregation {
        AggregationType::Sum | AggregationType::UniqueCount => charge.recurring,
        AggregationType::Count | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => false,
    };
    let model_can = match charge.model {
        ChargeModel::Standard => true,
        ChargeModel::Graduated | ChargeModel::Volume => !charge.pay_in_advance,
        ChargeModel::Package | ChargeModel::Percentage | ChargeModel::GraduatedPercentage => false,
    };
    metric_can && model_can
}

#[cfg(test)]
mod tests;
