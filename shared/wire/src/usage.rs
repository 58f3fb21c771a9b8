//! Current and past usage of a subscription (chapter 06, 15; chapter 03, 9; chapter 09).

use chrono::NaiveDate;
use domain::billing::closing::{CloseError, RatedGroup};
use domain::charge::ChargeModel;
use domain::id::{ChargeId, GroupId, MetricId};
use domain::metric::{AggregationType, Metric};
use domain::money::Currency;
use domain::plan::{Charge, Plan};
use domain::time::Instant;
use rust_decimal::Decimal;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use crate::format;

pub mod past;

#[cfg(test)]
mod tests;

/// What a subscription has used in its running period.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentUsage {
    /// First instant of the charges' window.
    pub from: Instant,
    /// Last instant of the charges' window.
    pub to: Instant,
    /// Last local day of the plan's current period.
    pub issuing_date: NaiveDate,
    /// The plan's.
    pub currency: Currency,
    /// Taxes, rounded once for all charges, minor units.
    pub taxes_amount_cents: i64,
    /// Every charge of the plan, used or not, in any order.
    pub charges: Vec<ChargeUsage>,
}

/// The usage of a charge, its groups together.
#[derive(Debug, Clone, PartialEq)]
pub struct ChargeUsage {
    charge_id: ChargeId,
    charge_model: ChargeModel,
    invoice_display_name: Option<String>,
    metric_id: MetricId,
    metric_name: String,
    metric_code: String,
    aggregation: AggregationType,
    /// INVARIANT: the sum of all leaves.
    total: Used,
    /// Each leaf, used or not; empty without dimensions.
    groups: Vec<GroupUsage>,
}

/// Usage of one leaf.
#[derive(Debug, Clone, PartialEq)]
struct GroupUsage {
    id: GroupId,
    key: String,
    value: String,
    display_name: String,
    used: Used,
}

/// Units, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Used {
    units: Decimal,
    events_count: i64,
    amount_cents: i64,
}

impl Used {
    fn checked_add(self, other: Used) -> Option<Used> {
        Some(Used {
            units: self.units.checked_add(other.units)?,
            events_count: self.events_count.checked_add(other.events_count)?,
            amount_cents: self.amount_cents.checked_add(other.amount_cents)?,
        })
    }
}

impl ChargeUsage {
    /// The usage of a charge of `plan` from its leaves as they are rated now, each rounded by itself.
    ///
    /// # Errors
    /// Amounts too large.
    pub fn of(charge: &Charge, metric: &Metric, plan: &Plan, rated: &[RatedGroup]) -> Result<ChargeUsage, CloseError> {
        let leaves = metric.groups.leaves();
        let mut total = Used::default();
        let mut groups = Vec::with_capacity(rated.len());
        for rated in rated {
            let used = Used {
                units: units_shown(charge, rated.units),
                events_count: rated.events_count,
                amount_cents: rated.amounts(plan)?.amount_cents,
            };
            total = total.checked_add(used).ok_or(CloseError::Overflow)?;
            let leaf = rated.group.as_ref().and_then(|group| leaves.iter().find(|leaf| leaf.id == group.id));
            groups.extend(leaf.map(|leaf| GroupUsage {
                id: leaf.id,
                key: leaf.wire_key().to_owned(),
                value: leaf.value.to_owned(),
                display_name: leaf.display_name(),
                used,
            }));
        }
        Ok(ChargeUsage {
            charge_id: charge.id,
            charge_model: charge.model(),
            invoice_display_name: charge.invoice_display_name.clone(),
            metric_id: metric.id,
            metric_name: metric.name.clone(),
            metric_code: metric.code.clone(),
            aggregation: metric.aggregation,
            total,
            groups,
        })
    }

    /// Amount of all groups before tax, minor units.
    #[must_use]
    pub fn amount_cents(&self) -> i64 {
        self.total.amount_cents
    }
}

/// Prorated charges and those in advance never show less than nothing (chapter 03, 9; 00-index).
fn units_shown(charge: &Charge, units: Decimal) -> Decimal {
    if charge.prorated || charge.pay_in_advance { units.max(Decimal::ZERO) } else { units }
}

/// Orders charges by metric name without case and accents, and their groups by display name. Ties stay as they are.
fn order(charges: &mut [ChargeUsage]) {
    charges.sort_by_cached_key(|charge| folded(&charge.metric_name));
    for charge in charges {
        charge.groups.sort_by(|a, b| a.display_name.cmp(&b.display_name));
    }
}

/// A name without case and accents: `Éclair` is `eclair`.
fn folded(name: &str) -> String {
    name.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase).collect()
}

/// `customer_usage`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CustomerUsage")]
pub struct Output {
    from_datetime: String,
    to_datetime: String,
    issuing_date: String,
    currency: &'static str,
    amount_cents: i64,
    total_amount_cents: i64,
    taxes_amount_cents: i64,
    lago_invoice_id: Option<Uuid>,
    from_date: String,
    to_date: String,
    amount_currency: &'static str,
    total_amount_currency: &'static str,
    vat_amount_currency: &'static str,
    vat_amount_cents: i64,
    charges_usage: Vec<ChargeOutput>,
}

impl From<CurrentUsage> for Output {
    fn from(usage: CurrentUsage) -> Output {
        let currency = usage.currency.code();
        let amount_cents = usage.charges.iter().fold(0_i64, |sum, charge| sum.saturating_add(charge.amount_cents()));
        Output {
            from_datetime: format::timestamp(usage.from),
            to_datetime: format::timestamp(usage.to),
            issuing_date: format::date(usage.issuing_date),
            currency,
            amount_cents,
            total_amount_cents: amount_cents.saturating_add(usage.taxes_amount_cents),
            taxes_amount_cents: usage.taxes_amount_cents,
            lago_invoice_id: None,
            from_date: format::date(usage.from.date_naive()),
            to_date: format::date(usage.to.date_naive()),
            amount_currency: currency,
            total_amount_currency: currency,
            vat_amount_currency: currency,
            vat_amount_cents: usage.taxes_amount_cents,
            charges_usage: charges(usage.charges, currency),
        }
    }
}

/// One entry of `charges_usage`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ChargeUsage")]
struct ChargeOutput {
    units: String,
    events_count: i64,
    amount_cents: i64,
    amount_currency: &'static str,
    charge: ChargeObject,
    billable_metric: MetricObject,
    groups: Vec<GroupObject>,
    total_aggregated_units: String,
    #[schemars(with = "[crate::schema::Object; 0]")]
    filters: [(); 0],
    #[schemars(with = "[crate::schema::Object; 0]")]
    grouped_usage: [(); 0],
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ChargeUsageCharge")]
struct ChargeObject {
    lago_id: Uuid,
    charge_model: &'static str,
    invoice_display_name: Option<String>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ChargeUsageMetric")]
struct MetricObject {
    lago_id: Uuid,
    name: String,
    code: String,
    aggregation_type: &'static str,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GroupUsage")]
struct GroupObject {
    lago_id: Uuid,
    key: String,
    value: String,
    units: String,
    amount_cents: i64,
    events_count: i64,
}

fn charges(mut charges: Vec<ChargeUsage>, currency: &'static str) -> Vec<ChargeOutput> {
    order(&mut charges);
    charges.into_iter().map(|charge| charge_output(charge, currency)).collect()
}

fn charge_output(usage: ChargeUsage, currency: &'static str) -> ChargeOutput {
    let units = format::decimal(usage.total.units);
    ChargeOutput {
        units: units.clone(),
        events_count: usage.total.events_count,
        amount_cents: usage.total.amount_cents,
        amount_currency: currency,
        charge: ChargeObject {
            lago_id: usage.charge_id.0,
            charge_model: usage.charge_model.as_str(),
            invoice_display_name: usage.invoice_display_name,
        },
        billable_metric: MetricObject {
            lago_id: usage.metric_id.0,
            name: usage.metric_name,
            code: usage.metric_code,
            aggregation_type: usage.aggregation.as_str(),
        },
        groups: usage.groups.into_iter().map(GroupObject::from).collect(),
        total_aggregated_units: units,
        filters: [],
        grouped_usage: [],
    }
}

impl From<GroupUsage> for GroupObject {
    fn from(usage: GroupUsage) -> GroupObject {
        GroupObject {
            lago_id: usage.id.0,
            key: usage.key,
            value: usage.value,
            units: format::decimal(usage.used.units),
            amount_cents: usage.used.amount_cents,
            events_count: usage.used.events_count,
        }
    }
}
