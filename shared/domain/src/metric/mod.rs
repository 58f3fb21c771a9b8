//! Billable metrics: what is counted, and how (chapter 03, section 2).
//!
//! Owns: the metric, its dimensions, and the checks of creating and editing one.
//!
//! Does not own: counting (`usage`), prices, and whether a charge uses the metric (an argument).
//!
//! Invariants:
//! - A metric that is not a count has a `field_name`; only sum, unique count and weighted sum recur.
//! - A weighted sum has its interval.

pub mod groups;
pub mod properties;

use std::fmt;
use std::str::FromStr;

use crate::id::{GroupId, MetricId};
use crate::time::Instant;
use crate::value::Value;

use self::groups::{Definition, Groups};

/// How events become units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregationType {
    /// The number of events.
    Count,
    /// The sum of a property.
    Sum,
    /// The greatest value of a property.
    Max,
    /// The number of distinct active values of a property.
    UniqueCount,
    /// The value of the newest event.
    Latest,
    /// The level of a property, weighted by how long it lasted.
    WeightedSum,
}

/// The text names no aggregation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no aggregation type")]
pub struct UnknownAggregationType(pub String);

impl AggregationType {
    /// Every aggregation, in the order of the documentation.
    pub const ALL: [AggregationType; 6] = [
        AggregationType::Count,
        AggregationType::Sum,
        AggregationType::Max,
        AggregationType::UniqueCount,
        AggregationType::Latest,
        AggregationType::WeightedSum,
    ];

    /// The wire's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AggregationType::Count => "count_agg",
            AggregationType::Sum => "sum_agg",
            AggregationType::Max => "max_agg",
            AggregationType::UniqueCount => "unique_count_agg",
            AggregationType::Latest => "latest_agg",
            AggregationType::WeightedSum => "weighted_sum_agg",
        }
    }

    /// Whether units may be carried into the next period (chapter 03, 2.2 and 4.3).
    #[must_use]
    pub fn may_recur(self) -> bool {
        match self {
            AggregationType::Sum | AggregationType::UniqueCount | AggregationType::WeightedSum => true,
            AggregationType::Count | AggregationType::Max | AggregationType::Latest => false,
        }
    }

    /// Whether a charge may bill each event at once (chapter 03, 4.3).
    #[must_use]
    pub fn may_be_paid_in_advance(self) -> bool {
        match self {
            AggregationType::Count | AggregationType::Sum | AggregationType::UniqueCount => true,
            AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => false,
        }
    }

    /// Whether a charge may bill the days only that a unit was there, on a recurring metric (chapter 03, 4.3).
    #[must_use]
    pub fn may_be_prorated(self) -> bool {
        match self {
            AggregationType::Sum | AggregationType::UniqueCount => true,
            AggregationType::Count | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
                false
            }
        }
    }

    /// Whether the counted property must be a plain number (chapter 03, 3.1).
    #[must_use]
    pub fn is_numeric(self) -> bool {
        match self {
            AggregationType::Sum | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
                true
            }
            AggregationType::Count | AggregationType::UniqueCount => false,
        }
    }
}

impl FromStr for AggregationType {
    type Err = UnknownAggregationType;

    /// The wire's names; `count_unique_agg` is an old name of the unique count (chapter 03, 2.1).
    fn from_str(text: &str) -> Result<Self, UnknownAggregationType> {
        match text {
            "count_unique_agg" => Ok(AggregationType::UniqueCount),
            _ => Self::ALL
                .into_iter()
                .find(|aggregation| aggregation.as_str() == text)
                .ok_or_else(|| UnknownAggregationType(text.to_owned())),
        }
    }
}

impl fmt::Display for AggregationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The unit of time that a weighted sum weighs by. There is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightedInterval {
    /// Seconds.
    Seconds,
}

impl WeightedInterval {
    /// The wire's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WeightedInterval::Seconds => "seconds",
        }
    }
}

/// A billable metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its id.
    pub id: MetricId,
    /// Its name.
    pub name: String,
    /// What events name it by; unique among the live metrics of an organization.
    pub code: String,
    /// Free text.
    pub description: Option<String>,
    /// How events become units.
    pub aggregation: AggregationType,
    /// Set for weighted sums; kept, without meaning, for others.
    pub weighted_interval: Option<WeightedInterval>,
    /// Whether units are carried into the next period.
    pub recurring: bool,
    /// The property counted; none for counts only.
    pub field_name: Option<String>,
    /// Its dimensions.
    pub groups: Groups,
    /// When it was created. Events received earlier are not its own (chapter 03, 2.6).
    pub created_at: Instant,
    /// Breaks ties of `created_at` (00-index, ruling 9).
    pub created_seq: i64,
    /// When it was deleted.
    pub deleted_at: Option<Instant>,
}

/// Why a metric cannot be as asked. `field()` and `code()` are part of the public contract (chapter 03, 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No name.
    #[error("the name is missing")]
    NameMissing,
    /// No code.
    #[error("the code is missing")]
    CodeMissing,
    /// Another live metric has the code.
    #[error("another metric has this code")]
    CodeTaken,
    /// No aggregation type, or an unknown one.
    #[error("the aggregation type is missing or unknown")]
    AggregationTypeInvalid,
    /// An aggregation that needs a property has none.
    #[error("the aggregation needs a property")]
    FieldNameMissing,
    /// A weighted sum that is not weighted by seconds.
    #[error("a weighted sum is weighted by seconds")]
    WeightedIntervalInvalid,
    /// The aggregation cannot carry units into the next period.
    #[error("the aggregation cannot be recurring")]
    RecurringIncompatible,
    /// Dimensions of no allowed shape.
    #[error("dimensions have none of the allowed shapes")]
    GroupMalformed,
}

impl MetricError {
    /// The field that is wrong.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            MetricError::NameMissing => "name",
            MetricError::CodeMissing | MetricError::CodeTaken => "code",
            MetricError::AggregationTypeInvalid => "aggregation_type",
            MetricError::FieldNameMissing => "field_name",
            MetricError::WeightedIntervalInvalid => "weighted_interval",
            MetricError::RecurringIncompatible => "recurring",
            MetricError::GroupMalformed => "group",
        }
    }

    /// The public error code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            MetricError::NameMissing | MetricError::CodeMissing | MetricError::FieldNameMissing => "value_is_mandatory",
            MetricError::CodeTaken => "value_already_exist",
            MetricError::AggregationTypeInvalid
            | MetricError::WeightedIntervalInvalid
            | MetricError::GroupMalformed => "value_is_invalid",
            MetricError::RecurringIncompatible => "not_compatible_with_aggregation_type",
        }
    }
}

/// Whether another live metric of the organization has the code that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeIs {
    /// Nobody else has it.
    Free,
    /// Another live metric has it.
    Taken,
}

/// Whether a live charge uses the metric, which decides what may be edited (chapter 03, 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// No live charge: everything may be edited.
    No,
    /// At least one: only name, description and dimensions may be.
    Yes,
}

/// A metric as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMetric {
    /// `name`.
    pub name: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `aggregation_type`.
    pub aggregation_type: Option<String>,
    /// `weighted_interval`.
    pub weighted_interval: Option<String>,
    /// `recurring`; absent is false.
    pub recurring: Option<bool>,
    /// `field_name`.
    pub field_name: Option<String>,
    /// `group`; null and `{}` are no dimension.
    pub group: Value,
}

/// What a valid request says of a metric. Built by [`NewMetric::validate`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidMetric {
    name: String,
    code: String,
    description: Option<String>,
    aggregation: AggregationType,
    weighted_interval: Option<WeightedInterval>,
    recurring: bool,
    field_name: Option<String>,
    groups: Definition,
}

impl NewMetric {
    /// The checks of chapter 03, 2.2: all errors at once, in the order of its table.
    pub fn validate(self, code: CodeIs) -> Result<ValidMetric, Vec<MetricError>> {
        let mut errors = Vec::new();
        let name = present(self.name, MetricError::NameMissing, &mut errors);
        let wanted = present(self.code, MetricError::CodeMissing, &mut errors);
        if !wanted.is_empty() && code == CodeIs::Taken {
            errors.push(MetricError::CodeTaken);
        }
        let aggregation: Option<AggregationType> = self.aggregation_type.and_then(|text| text.parse().ok());
        if aggregation.is_none() {
            errors.push(MetricError::AggregationTypeInvalid);
        }
        // An unknown type is no count: it needs a property, too.
        if aggregation != Some(AggregationType::Count) && self.field_name.as_deref().is_none_or(is_blank) {
            errors.push(MetricError::FieldNameMissing);
        }
        let seconds = self.weighted_interval.as_deref() == Some(WeightedInterval::Seconds.as_str());
        if aggregation == Some(AggregationType::WeightedSum) && !seconds {
            errors.push(MetricError::WeightedIntervalInvalid);
        }
        let recurring = self.recurring.unwrap_or(false);
        if recurring && aggregation.is_some_and(|aggregation| !aggregation.may_recur()) {
            errors.push(MetricError::RecurringIncompatible);
        }
        let groups = if self.group.is_null() { Ok(Definition::None) } else { Definition::parse(&self.group) };
        if groups.is_err() {
            errors.push(MetricError::GroupMalformed);
        }
        match (aggregation, groups) {
            (Some(aggregation), Ok(groups)) if errors.is_empty() => Ok(ValidMetric {
                name,
                code: wanted,
                description: self.description,
                aggregation,
                weighted_interval: seconds.then_some(WeightedInterval::Seconds),
                recurring,
                field_name: self.field_name,
                groups,
            }),
            _ => Err(errors),
        }
    }
}

/// The text, or the error noted and an empty text.
fn present(text: Option<String>, missing: MetricError, errors: &mut Vec<MetricError>) -> String {
    let text = text.unwrap_or_default();
    if is_blank(&text) {
        errors.push(missing);
        return String::new();
    }
    text
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

impl ValidMetric {
    /// The metric; `new_group_id` is asked once per leaf.
    #[must_use]
    pub fn create(
        self,
        id: MetricId,
        created_at: Instant,
        created_seq: i64,
        new_group_id: impl FnMut() -> GroupId,
    ) -> Metric {
        Metric {
            id,
            name: self.name,
            code: self.code,
            description: self.description,
            aggregation: self.aggregation,
            weighted_interval: self.weighted_interval,
            recurring: self.recurring,
            field_name: self.field_name,
            groups: Groups::new(self.groups, new_group_id),
            created_at,
            created_seq,
            deleted_at: None,
        }
    }
}

/// An edit as asked for. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricUpdate {
    /// `name`.
    pub name: Option<Option<String>>,
    /// `code`.
    pub code: Option<Option<String>>,
    /// `description`.
    pub description: Option<Option<String>>,
    /// `aggregation_type`.
    pub aggregation_type: Option<Option<String>>,
    /// `weighted_interval`.
    pub weighted_interval: Option<Option<String>>,
    /// `recurring`; null is false.
    pub recurring: Option<Option<bool>>,
    /// `field_name`.
    pub field_name: Option<Option<String>>,
    /// `group`: null and absent leave the dimensions, `{}` removes them.
    pub group: Value,
}

impl Metric {
    /// The metric after an edit, with the checks of creation on what it would be (chapter 03, 2.4 and 2.5).
    ///
    /// Keys that may not be edited while a charge uses the metric are ignored in silence, wrong values in them, too.
    /// `code` speaks of the code asked for, and counts only if that differs from the present one.
    pub fn updated(
        &self,
        update: MetricUpdate,
        charged: Charged,
        code: CodeIs,
        new_group_id: impl FnMut() -> GroupId,
    ) -> Result<Metric, Vec<MetricError>> {
        let MetricUpdate { name, description, group, .. } = update;
        let mut asked = NewMetric {
            name: name.unwrap_or_else(|| Some(self.name.clone())),
            code: Some(self.code.clone()),
            description: description.unwrap_or_else(|| self.description.clone()),
            aggregation_type: Some(self.aggregation.as_str().to_owned()),
            weighted_interval: self.weighted_interval.map(|interval| interval.as_str().to_owned()),
            recurring: Some(self.recurring),
            field_name: self.field_name.clone(),
            group: group.clone(),
        };
        match charged {
            Charged::Yes => {}
            Charged::No => {
                replace(&mut asked.code, update.code);
                replace(&mut asked.aggregation_type, update.aggregation_type);
                replace(&mut asked.weighted_interval, update.weighted_interval);
                replace(&mut asked.recurring, update.recurring);
                replace(&mut asked.field_name, update.field_name);
            }
        }
        let code = if asked.code.as_ref() == Some(&self.code) { CodeIs::Free } else { code };
        let valid = asked.validate(code)?;
        let groups = if group.is_null() { self.groups.clone() } else { self.groups.edited(valid.groups, new_group_id) };
        Ok(Metric {
            name: valid.name,
            code: valid.code,
            description: valid.description,
            aggregation: valid.aggregation,
            weighted_interval: valid.weighted_interval,
            recurring: valid.recurring,
            field_name: valid.field_name,
            groups,
            ..self.clone()
        })
    }

    /// The properties of an event that its aggregation looks at.
    #[must_use]
    pub fn properties_used(&self) -> Vec<&str> {
        let dimensions: Vec<&str> = match &self.groups {
            Groups::None => Vec::new(),
            Groups::One { key, .. } => vec![key],
            Groups::Two { key, parents } => {
                std::iter::once(key.as_str()).chain(parents.iter().map(|parent| parent.key.as_str())).collect()
            }
        };
        let operation = (self.aggregation == AggregationType::UniqueCount).then_some("operation_type");
        self.field_name.as_deref().into_iter().chain(operation).chain(dimensions).collect()
    }

    /// Whether the metric is not deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.deleted_at.is_none()
    }
}

fn replace<T>(place: &mut Option<T>, sent: Option<Option<T>>) {
    if let Some(value) = sent {
        *place = value;
    }
}

#[cfg(test)]
mod tests;
