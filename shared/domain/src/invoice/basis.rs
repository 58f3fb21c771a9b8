//! What a fee was computed from, as it was at billing: with the usage log it says how the amount came about, also after the
//! plan, the charge or the metric was edited or deleted.

use rust_decimal::Decimal;

use crate::billing::Formula;
use crate::charge::{ChargeModel, Limited, RunningTotals};
use crate::id::GroupId;
use crate::metric::groups::{Groups, Leaf, Parent, leaf_name};
use crate::metric::{AggregationType, Metric};
use crate::plan::Charge;
use crate::time::Instant;
use crate::usage::in_advance::State;
use crate::usage::window::Window;
use crate::value::Value;

use super::ChargeItem;

/// What a charge fee was computed from.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// Usage of a window.
    Usage(Box<UsageBasis>),
    /// What the charge's fees lacked of its minimum: a true-up.
    Minimum(MinimumBasis),
}

/// Price, aggregation and window of a fee, and the figures that they gave.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageBasis {
    /// The formula.
    pub model: ChargeModel,
    /// The price: the group's own, else the charge's.
    pub properties: Value,
    /// How events became units.
    pub aggregation: AggregationType,
    /// Whether units were carried into the window.
    pub recurring: bool,
    /// The property counted.
    pub field_name: Option<String>,
    /// On a leaf: the properties and values that events had to have, the first dimension first.
    pub dimensions: Vec<(String, String)>,
    /// The window.
    pub window: Window,
    /// Whether the amount is for units by days.
    pub prorated: bool,
    /// When the log was read, by the real clock: later events are not in the fee.
    pub read_at: Instant,
    /// The units that the amount is for; those by days on a prorated charge.
    pub units: Decimal,
    /// The exact amount, in currency units. Of a fee that an event made: what the event adds.
    pub amount: Decimal,
    /// Of a fee that an event made: its window before and after.
    pub advance: Option<AdvanceBasis>,
}

/// The window of an event's fee (chapter 03, 7.2 and 7.3): the amount is `model(A, N) - model(A - b, N - 1)`, `A` and `N` being
/// those of `after`, `b` the billed units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdvanceBasis {
    /// As the event found it.
    pub before: Level,
    /// As the event left it.
    pub after: Level,
}

/// What a window had come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// `A`: units of the window, with what was carried into it.
    pub units: Decimal,
    /// `N`: their events.
    pub events: i64,
    /// `c`, `m` and `pm`.
    pub state: State,
    /// `R` in short, where units are free.
    pub running: RunningTotals,
    /// What values priced one by one came to.
    pub limited: Limited,
}

/// The figures of a true-up: `minimum x days / period_days`, less the sum of the fees, truncated (chapter 03, 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinimumBasis {
    /// Days that the minimum counts for.
    pub days: i64,
    /// Days of the whole charges period.
    pub period_days: i64,
    /// What the charge's other fees on the invoice sum to, minor units.
    pub fees_amount_cents: i64,
}

/// The figures of a subscription fee: `amount x days / period_days`, rounded (chapter 02, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionBasis {
    /// Which days were charged.
    pub formula: Formula,
    /// The plan's amount then, minor units of a whole period.
    pub plan_amount_cents: i64,
    /// Days charged.
    pub days: i64,
    /// Days of the whole period.
    pub period_days: i64,
}

impl UsageBasis {
    /// What a charge's price, its metric and a window say; units and amount are 0 until the window is rated.
    #[must_use]
    pub fn of(
        charge: &Charge,
        metric: &Metric,
        group: Option<GroupId>,
        window: &Window,
        read_at: Instant,
    ) -> UsageBasis {
        let own = group.and_then(|group| charge.group_price(group));
        UsageBasis {
            model: charge.model(),
            properties: own.map_or(&charge.price, |own| &own.price).properties.clone(),
            aggregation: metric.aggregation,
            recurring: metric.recurring,
            field_name: metric.field_name.clone(),
            dimensions: dimensions(metric, group),
            window: *window,
            prorated: false,
            read_at,
            units: Decimal::ZERO,
            amount: Decimal::ZERO,
            advance: None,
        }
    }

    /// The metric as it counted then, with the fee's own leaf as its only one.
    #[must_use]
    pub fn metric(&self, item: &ChargeItem) -> Metric {
        Metric {
            id: item.metric_id,
            name: item.metric_name.clone(),
            code: item.metric_code.clone(),
            description: None,
            aggregation: self.aggregation,
            weighted_interval: None,
            recurring: self.recurring,
            field_name: self.field_name.clone(),
            groups: self.groups(item.group.as_ref().map(|group| group.id)),
            created_at: Instant::MIN_UTC,
            created_seq: i64::MIN,
            deleted_at: None,
        }
    }

    fn groups(&self, leaf: Option<GroupId>) -> Groups {
        let leaves = |value: &String| leaf.map(|id| Leaf { id, value: value.clone() }).into_iter().collect();
        match self.dimensions.as_slice() {
            [] => Groups::None,
            [(key, value)] => Groups::One { key: key.clone(), leaves: leaves(value) },
            [(key, name), (inner, value), ..] => {
                let parent = Parent { name: name.clone(), key: inner.clone(), leaves: leaves(value) };
                Groups::Two { key: key.clone(), parents: vec![parent] }
            }
        }
    }

    /// `key` and `value` of the leaf in usage: with two dimensions the key is the parent's value (00-index).
    #[must_use]
    pub fn leaf(&self) -> Option<(&str, &str)> {
        match self.dimensions.as_slice() {
            [] => None,
            [(key, value)] => Some((key, value)),
            [(_, name), (_, value), ..] => Some((name, value)),
        }
    }

    /// The leaf's own name, whatever its price is called: `value`, or `<parent value> • <value>` (chapter 03, 2.3).
    #[must_use]
    pub fn leaf_name(&self) -> Option<String> {
        match self.dimensions.as_slice() {
            [] => None,
            [(_, value)] => Some(leaf_name(None, value)),
            [(_, parent), (_, value), ..] => Some(leaf_name(Some(parent), value)),
        }
    }
}

/// The dimensions that events of a leaf must have, as a basis keeps them.
#[must_use]
pub fn dimensions(metric: &Metric, group: Option<GroupId>) -> Vec<(String, String)> {
    let leaves = metric.groups.leaves();
    let Some(leaf) = leaves.iter().find(|leaf| Some(leaf.id) == group) else { return Vec::new() };
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    leaf.parent.map(pair).into_iter().chain([pair((leaf.key, leaf.value))]).collect()
}
