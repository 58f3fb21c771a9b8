//! Stored form of what a fee was computed from: part of a fee's.

use domain::billing::Formula;
use domain::charge::{ChargeModel, Limited, RunningTotals};
use domain::invoice::{AdvanceBasis, Basis, Level, MinimumBasis, SubscriptionBasis, UsageBasis};
use domain::metric::AggregationType;
use domain::usage::in_advance::State;
use domain::usage::window::{End, Shared, Window};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Json, Micros, Text, at, words};

words!(Formula { Terminated = "terminated", Upgraded = "upgraded", Full = "full", First = "first" });
words!(End { Included = "included", Successors = "successors" });

/// The stored form of a charge fee's basis.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StoredBasis {
    Usage(Box<StoredUsage>),
    Minimum { days: i64, period_days: i64, fees_amount_cents: i64 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredUsage {
    model: Text<ChargeModel>,
    properties: Json,
    aggregation: Text<AggregationType>,
    recurring: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field_name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dimensions: Vec<(String, String)>,
    from: Micros,
    to: Micros,
    end: Text<End>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Micros>,
    period_days: i64,
    prorated: bool,
    read_at: Micros,
    units: Text<Decimal>,
    amount: Text<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    advance: Option<StoredAdvance>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAdvance {
    before: StoredLevel,
    after: StoredLevel,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLevel {
    units: Text<Decimal>,
    events: i64,
    net: Text<Decimal>,
    highest: Text<Decimal>,
    prorated: Text<Decimal>,
    running: (i64, Text<Decimal>, Text<Decimal>, i64),
    limited: (i64, Text<Decimal>, Text<Decimal>),
}

impl From<Level> for StoredLevel {
    fn from(level: Level) -> Self {
        let Level { units, events, state, running, limited } = level;
        let State { net, highest, prorated } = state;
        let RunningTotals { count, last, at_free_events, below_total } = running;
        let Limited { values, free_used, amount } = limited;
        StoredLevel {
            units: Text(units),
            events,
            net: Text(net),
            highest: Text(highest),
            prorated: Text(prorated),
            running: (count, Text(last), Text(at_free_events), below_total),
            limited: (values, Text(free_used), Text(amount)),
        }
    }
}

impl From<StoredLevel> for Level {
    fn from(stored: StoredLevel) -> Self {
        let (count, last, at_free_events, below_total) = stored.running;
        let (values, free_used, amount) = stored.limited;
        Level {
            units: stored.units.0,
            events: stored.events,
            state: State { net: stored.net.0, highest: stored.highest.0, prorated: stored.prorated.0 },
            running: RunningTotals { count, last: last.0, at_free_events: at_free_events.0, below_total },
            limited: Limited { values, free_used: free_used.0, amount: amount.0 },
        }
    }
}

/// The stored form of a subscription fee's basis.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSubscriptionBasis {
    formula: Text<Formula>,
    plan_amount_cents: i64,
    days: i64,
    period_days: i64,
}

impl From<&Basis> for StoredBasis {
    fn from(basis: &Basis) -> Self {
        match basis {
            Basis::Usage(usage) => StoredBasis::Usage(Box::new(usage.as_ref().into())),
            Basis::Minimum(MinimumBasis { days, period_days, fees_amount_cents }) => {
                StoredBasis::Minimum { days: *days, period_days: *period_days, fees_amount_cents: *fees_amount_cents }
            }
        }
    }
}

impl From<StoredBasis> for Basis {
    fn from(stored: StoredBasis) -> Self {
        match stored {
            StoredBasis::Usage(usage) => Basis::Usage(Box::new((*usage).into())),
            StoredBasis::Minimum { days, period_days, fees_amount_cents } => {
                Basis::Minimum(MinimumBasis { days, period_days, fees_amount_cents })
            }
        }
    }
}

impl From<&UsageBasis> for StoredUsage {
    fn from(basis: &UsageBasis) -> Self {
        let UsageBasis {
            model,
            properties,
            aggregation,
            recurring,
            field_name,
            dimensions,
            window: Window { from, to, end, shared: Shared { since, until }, period_days },
            prorated,
            read_at,
            units,
            amount,
            advance,
        } = basis;
        StoredUsage {
            model: Text(*model),
            properties: Json(properties.clone()),
            aggregation: Text(*aggregation),
            recurring: *recurring,
            field_name: field_name.clone(),
            dimensions: dimensions.clone(),
            from: Micros(*from),
            to: Micros(*to),
            end: Text(*end),
            since: since.map(Micros),
            until: until.map(Micros),
            period_days: *period_days,
            prorated: *prorated,
            read_at: Micros(*read_at),
            units: Text(*units),
            amount: Text(*amount),
            advance: advance
                .map(|AdvanceBasis { before, after }| StoredAdvance { before: before.into(), after: after.into() }),
        }
    }
}

impl From<StoredUsage> for UsageBasis {
    fn from(stored: StoredUsage) -> Self {
        UsageBasis {
            model: stored.model.0,
            properties: stored.properties.0,
            aggregation: stored.aggregation.0,
            recurring: stored.recurring,
            field_name: stored.field_name,
            dimensions: stored.dimensions,
            window: Window {
                from: stored.from.0,
                to: stored.to.0,
                end: stored.end.0,
                shared: Shared { since: at(stored.since), until: at(stored.until) },
                period_days: stored.period_days,
            },
            prorated: stored.prorated,
            read_at: stored.read_at.0,
            units: stored.units.0,
            amount: stored.amount.0,
            advance: stored
                .advance
                .map(|StoredAdvance { before, after }| AdvanceBasis { before: before.into(), after: after.into() }),
        }
    }
}

impl From<SubscriptionBasis> for StoredSubscriptionBasis {
    fn from(basis: SubscriptionBasis) -> Self {
        let SubscriptionBasis { formula, plan_amount_cents, days, period_days } = basis;
        StoredSubscriptionBasis { formula: Text(formula), plan_amount_cents, days, period_days }
    }
}

impl From<StoredSubscriptionBasis> for SubscriptionBasis {
    fn from(stored: StoredSubscriptionBasis) -> Self {
        let StoredSubscriptionBasis { formula, plan_amount_cents, days, period_days } = stored;
        SubscriptionBasis { formula: formula.0, plan_amount_cents, days, period_days }
    }
}
