//! What charges in advance remember: which codes have any, what each window has billed, the values of unique counts, and
//! the events that were taken up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::billing::advance::{Base, Ledger};
use domain::charge::{Limited, RunningTotals};
use domain::id::{ChargeId, GroupId, MetricId, SubscriptionId};
use domain::usage::in_advance::{Known, State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, at};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The metrics of an organization that charges in advance price: ingestion hands on the events of their codes alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdvanceMetrics {
    /// By metric. One without any charge left is not here.
    pub metrics: BTreeMap<MetricId, AdvanceMetric>,
}

/// A metric that charges in advance price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvanceMetric {
    /// Its code, which stays while a charge uses it.
    pub code: String,
    /// Plans with such a charge, parents and children.
    pub plans: i64,
}

impl AdvanceMetrics {
    /// Whether events of a code are to be handed on.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.metrics.values().any(|metric| metric.code == code)
    }
}

/// The stored form of the metrics.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAdvanceMetrics {
    metrics: Vec<StoredAdvanceMetric>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAdvanceMetric {
    metric_id: Text<MetricId>,
    code: String,
    plans: i64,
}

impl Record for AdvanceMetrics {
    const KIND: &'static str = "advance_metrics";
    const SCHEMA: u32 = 1;
    type Stored = StoredAdvanceMetrics;

    fn key(&self, scope: Scope) -> Key {
        keys::advance_metrics(scope.organization)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAdvanceMetrics {
        let metric = |(id, metric): (&MetricId, &AdvanceMetric)| StoredAdvanceMetric {
            metric_id: Text(*id),
            code: metric.code.clone(),
            plans: metric.plans,
        };
        StoredAdvanceMetrics { metrics: self.metrics.iter().map(metric).collect() }
    }

    fn from_stored(stored: StoredAdvanceMetrics) -> Result<Self, DecodeError> {
        let metric = |stored: StoredAdvanceMetric| {
            (stored.metric_id.0, AdvanceMetric { code: stored.code, plans: stored.plans })
        };
        Ok(AdvanceMetrics { metrics: stored.metrics.into_iter().map(metric).collect() })
    }
}

/// A window of a charge: what it is of, and what it has billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvanceWindow {
    /// The record's external id.
    pub external_subscription_id: String,
    /// The record.
    pub subscription_id: SubscriptionId,
    /// The charge.
    pub charge_id: ChargeId,
    /// First local day of the charge period.
    pub first_day: NaiveDate,
    /// The leaf; none without dimensions.
    pub group: Option<GroupId>,
    /// What it has billed.
    pub ledger: Ledger,
}

/// The stored form of a window.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAdvanceWindow {
    external_subscription_id: String,
    subscription_id: Text<SubscriptionId>,
    charge_id: Text<ChargeId>,
    first_day: Text<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Text<GroupId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StoredState>,
    base_units: Text<Decimal>,
    base_events: i64,
    units: Text<Decimal>,
    events: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<StoredRunning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited: Option<StoredLimited>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredState {
    net: Text<Decimal>,
    highest: Text<Decimal>,
    prorated: Text<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRunning {
    count: i64,
    last: Text<Decimal>,
    at_free_events: Text<Decimal>,
    below_total: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLimited {
    values: i64,
    free_used: Text<Decimal>,
    amount: Text<Decimal>,
}

impl Record for AdvanceWindow {
    const KIND: &'static str = "advance_window";
    const SCHEMA: u32 = 1;
    type Stored = StoredAdvanceWindow;

    fn key(&self, scope: Scope) -> Key {
        let AdvanceWindow { external_subscription_id, subscription_id, charge_id, first_day, group, ledger: _ } = self;
        let organization = scope.organization;
        keys::advance_window(organization, external_subscription_id, *charge_id, *subscription_id, *first_day, *group)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAdvanceWindow {
        let Ledger { state, base, units, events, running, limited } = self.ledger;
        StoredAdvanceWindow {
            external_subscription_id: self.external_subscription_id.clone(),
            subscription_id: Text(self.subscription_id),
            charge_id: Text(self.charge_id),
            first_day: Text(self.first_day),
            group: self.group.map(Text),
            state: state.map(|State { net, highest, prorated }| StoredState {
                net: Text(net),
                highest: Text(highest),
                prorated: Text(prorated),
            }),
            base_units: Text(base.units),
            base_events: base.events,
            units: Text(units),
            events,
            running: (running != RunningTotals::default()).then_some(StoredRunning {
                count: running.count,
                last: Text(running.last),
                at_free_events: Text(running.at_free_events),
                below_total: running.below_total,
            }),
            limited: (limited != Limited::default()).then_some(StoredLimited {
                values: limited.values,
                free_used: Text(limited.free_used),
                amount: Text(limited.amount),
            }),
        }
    }

    fn from_stored(stored: StoredAdvanceWindow) -> Result<Self, DecodeError> {
        let ledger = Ledger {
            state: stored.state.map(|state| State {
                net: state.net.0,
                highest: state.highest.0,
                prorated: state.prorated.0,
            }),
            base: Base { units: stored.base_units.0, events: stored.base_events },
            units: stored.units.0,
            events: stored.events,
            running: stored.running.map_or_else(RunningTotals::default, |running| RunningTotals {
                count: running.count,
                last: running.last.0,
                at_free_events: running.at_free_events.0,
                below_total: running.below_total,
            }),
            limited: stored.limited.map_or_else(Limited::default, |limited| Limited {
                values: limited.values,
                free_used: limited.free_used.0,
                amount: limited.amount.0,
            }),
        };
        Ok(AdvanceWindow {
            external_subscription_id: stored.external_subscription_id,
            subscription_id: stored.subscription_id.0,
            charge_id: stored.charge_id.0,
            first_day: stored.first_day.0,
            group: stored.group.map(|group| group.0),
            ledger,
        })
    }
}

/// The value of a unique count, as the events taken up for a charge have left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvanceValue {
    /// The external id whose values they are.
    pub external_subscription_id: String,
    /// The charge.
    pub charge_id: ChargeId,
    /// The only window that it counts in; none on recurring metrics, which carry it on.
    pub window: Option<(SubscriptionId, NaiveDate)>,
    /// Fingerprint of the value's text (`keys::fingerprint`).
    pub fingerprint: String,
    /// How it stands.
    pub known: Known,
}

/// The stored form of a value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAdvanceValue {
    external_subscription_id: String,
    charge_id: Text<ChargeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<Text<SubscriptionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_day: Option<Text<NaiveDate>>,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Text<GroupId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_at: Option<Micros>,
}

impl Record for AdvanceValue {
    const KIND: &'static str = "advance_value";
    const SCHEMA: u32 = 1;
    type Stored = StoredAdvanceValue;

    fn key(&self, scope: Scope) -> Key {
        let AdvanceValue { external_subscription_id, charge_id, window, fingerprint, known: _ } = self;
        keys::advance_value(scope.organization, external_subscription_id, *charge_id, *window, fingerprint)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAdvanceValue {
        StoredAdvanceValue {
            external_subscription_id: self.external_subscription_id.clone(),
            charge_id: Text(self.charge_id),
            subscription_id: self.window.map(|(subscription, _)| Text(subscription)),
            first_day: self.window.map(|(_, first_day)| Text(first_day)),
            fingerprint: self.fingerprint.clone(),
            group: self.known.group.map(Text),
            removed_at: self.known.removed_at.map(Micros),
        }
    }

    fn from_stored(stored: StoredAdvanceValue) -> Result<Self, DecodeError> {
        Ok(AdvanceValue {
            external_subscription_id: stored.external_subscription_id,
            charge_id: stored.charge_id.0,
            window: stored.subscription_id.zip(stored.first_day).map(|(id, first_day)| (id.0, first_day.0)),
            fingerprint: stored.fingerprint,
            known: Known { group: stored.group.map(|group| group.0), removed_at: at(stored.removed_at) },
        })
    }
}

/// The mark of an event that was taken up, fee or not: no copy of it is looked at again (00-index, ruling 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvanceMark {
    /// The external id of its log.
    pub external_subscription_id: String,
    /// Fingerprint of its code and transaction id (`keys::fingerprint`).
    pub fingerprint: String,
}

/// The stored form of a mark.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAdvanceMark {
    external_subscription_id: String,
    fingerprint: String,
}

impl Record for AdvanceMark {
    const KIND: &'static str = "advance_mark";
    const SCHEMA: u32 = 1;
    type Stored = StoredAdvanceMark;

    fn key(&self, scope: Scope) -> Key {
        keys::advance_mark(scope.organization, &self.external_subscription_id, &self.fingerprint)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAdvanceMark {
        StoredAdvanceMark {
            external_subscription_id: self.external_subscription_id.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }

    fn from_stored(stored: StoredAdvanceMark) -> Result<Self, DecodeError> {
        Ok(AdvanceMark { external_subscription_id: stored.external_subscription_id, fingerprint: stored.fingerprint })
    }
}
