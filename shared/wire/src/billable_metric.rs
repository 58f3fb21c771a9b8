//! Billable metrics and their groups (chapter 05, 2.3; chapter 06, 3; chapter 09).

use domain::id::GroupId;
use domain::metric::groups::{Groups, LeafView};
use domain::metric::{Charged, CodeIs, Metric, MetricError, MetricUpdate, NewMetric, ValidMetric, WeightedInterval};
use domain::problem::Problems;
use domain::value::Value;
use serde::Serialize;

use crate::input::{Field, Fields};
use crate::{format, sent};

/// `billable_metric` of `POST /billable_metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// As read.
    pub metric: NewMetric,
    /// What could not be read.
    pub unread: Problems,
}

/// `billable_metric` of `PUT /billable_metrics/:code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// As read.
    pub metric: MetricUpdate,
    /// What could not be read.
    pub unread: Problems,
}

/// `billable_metric` of `POST /billable_metrics`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> New {
    let mut unread = Problems::default();
    let text = |name| fields.text(name).value();
    let metric = NewMetric {
        name: text("name"),
        code: text("code"),
        description: text("description"),
        aggregation_type: text("aggregation_type"),
        weighted_interval: text("weighted_interval"),
        recurring: fields.boolean("recurring", &mut unread).value(),
        field_name: text("field_name"),
        group: parse_group(fields),
    };
    New { metric, unread }
}

/// `billable_metric` of `PUT /billable_metrics/:code`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> Update {
    let mut unread = Problems::default();
    let text = |name| fields.text(name).sent();
    let metric = MetricUpdate {
        name: text("name"),
        code: text("code"),
        description: text("description"),
        aggregation_type: text("aggregation_type"),
        weighted_interval: text("weighted_interval"),
        recurring: fields.boolean("recurring", &mut unread).sent(),
        field_name: text("field_name"),
        group: parse_group(fields),
    };
    Update { metric, unread }
}

/// The dimensions; what is no object counts as absent (chapter 05, 1.3).
fn parse_group(fields: Fields<'_>) -> Value {
    match fields.object("group") {
        Field::Set(_) => fields.free("group"),
        Field::Absent | Field::Null => Value::Null,
    }
}

impl New {
    /// The checks of a new metric.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn validate(self, code: CodeIs) -> Result<ValidMetric, Problems> {
        finish(self.unread, self.metric.validate(code))
    }
}

impl Update {
    /// The metric after the edit. What a metric in use ignores is ignored unread, too.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn apply(
        self,
        metric: &Metric,
        charged: Charged,
        code: CodeIs,
        new_group_id: impl FnMut() -> GroupId,
    ) -> Result<Metric, Problems> {
        let unread = match charged {
            Charged::No => self.unread,
            // Only `recurring` can be unreadable, and a metric in use does not look at it.
            Charged::Yes => Problems::default(),
        };
        finish(unread, metric.updated(self.metric, charged, code, new_group_id))
    }
}

fn finish<T>(mut problems: Problems, outcome: Result<T, Vec<MetricError>>) -> Result<T, Problems> {
    match outcome {
        Ok(value) => problems.or(value),
        Err(errors) => {
            errors.into_iter().for_each(|error| problems.add(error.field(), error.code()));
            Err(problems)
        }
    }
}

/// Who uses a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Active subscriptions on plans with a charge on it.
    pub active_subscriptions: u64,
    /// Draft invoices with a fee of it.
    pub draft_invoices: u64,
    /// Plans with a charge on it.
    pub plans: u64,
}

/// A billable metric.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "BillableMetric")]
#[allow(missing_docs)] // Fields are named and explained in chapters 06, 3, and 09.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub code: String,
    pub description: Option<String>,
    pub aggregation_type: &'static str,
    pub weighted_interval: Option<&'static str>,
    pub recurring: bool,
    pub created_at: String,
    pub field_name: Option<String>,
    #[serde(serialize_with = "sent::as_stored")]
    #[schemars(with = "crate::schema::MetricGroup")]
    pub group: Value,
    pub active_subscriptions_count: u64,
    pub draft_invoices_count: u64,
    pub plans_count: u64,
    pub filters: Vec<Filter>,
}

/// A dimension as the newest clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "BillableMetricFilter")]
#[allow(missing_docs)] // Fields are named and explained in chapter 09.
pub struct Filter {
    pub key: String,
    pub values: Vec<String>,
}

impl Output {
    /// A metric as the API shows it.
    #[must_use]
    pub fn new(metric: &Metric, counts: &Counts) -> Output {
        Output {
            lago_id: metric.id.to_string(),
            name: metric.name.clone(),
            code: metric.code.clone(),
            description: metric.description.clone(),
            aggregation_type: metric.aggregation.as_str(),
            weighted_interval: metric.weighted_interval.map(WeightedInterval::as_str),
            recurring: metric.recurring,
            created_at: format::timestamp(metric.created_at),
            field_name: metric.field_name.clone(),
            group: metric.groups.to_value(),
            active_subscriptions_count: counts.active_subscriptions,
            draft_invoices_count: counts.draft_invoices,
            plans_count: counts.plans,
            filters: filters(&metric.groups),
        }
    }
}

/// One entry per key, values distinct, in order of creation (00-index).
fn filters(groups: &Groups) -> Vec<Filter> {
    let mut filters: Vec<Filter> = Vec::new();
    let mut note = |key: &str, value: &str| {
        let position = filters.iter().position(|known| known.key == key).unwrap_or_else(|| {
            filters.push(Filter { key: key.to_owned(), values: Vec::new() });
            filters.len() - 1
        });
        let values = &mut filters[position].values;
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    };
    for leaf in groups.leaves() {
        if let Some((key, value)) = leaf.parent {
            note(key, value);
        }
        note(leaf.key, leaf.value);
    }
    filters
}

/// A leaf group, an entry of `groups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Group")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 3.
pub struct GroupOutput {
    pub lago_id: String,
    pub key: String,
    pub value: String,
}

impl GroupOutput {
    /// A leaf as the API shows it.
    #[must_use]
    pub fn new(leaf: &LeafView<'_>) -> GroupOutput {
        GroupOutput { lago_id: leaf.id.to_string(), key: leaf.wire_key().to_owned(), value: leaf.value.to_owned() }
    }
}

/// `groups` of `GET /billable_metrics/:code/groups`: every leaf, by parent's value, then value.
#[must_use]
pub fn groups(metric: &Metric) -> Vec<GroupOutput> {
    metric.groups.leaves_by_value().iter().map(GroupOutput::new).collect()
}

#[cfg(test)]
mod tests;
