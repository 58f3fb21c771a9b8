//! Past usage of a subscription: what invoices billed for its charges (chapter 03, 10).

use std::collections::BTreeMap;

use domain::billing::Boundaries;
use domain::charge::{AmountDetails, ChargeModel};
use domain::id::SubscriptionId;
use domain::invoice::{Basis, ChargeItem, Fee, Invoice};
use domain::metric::AggregationType;
use serde::Serialize;
use uuid::Uuid;

use super::{ChargeOutput, ChargeUsage, GroupUsage, Used, charges};
use crate::format;

/// `usage_periods[]`: one billed charge period.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "UsagePeriod")]
pub struct Period {
    from_datetime: String,
    to_datetime: String,
    issuing_date: String,
    currency: &'static str,
    amount_cents: i64,
    total_amount_cents: i64,
    taxes_amount_cents: i64,
    lago_invoice_id: Uuid,
    charges_usage: Vec<ChargeOutput>,
}

/// How the charge of a fee was priced and counted, where the fee does not say so itself.
pub type Fallback<'a> = &'a dyn Fn(&ChargeItem) -> (ChargeModel, AggregationType);

impl Period {
    /// What an invoice billed for a subscription record in its charges' window. The totals are the whole invoice's;
    /// `metric_code` limits the charges only.
    #[must_use]
    pub fn new(
        invoice: &Invoice,
        record: SubscriptionId,
        window: &Boundaries,
        metric_code: Option<&str>,
        fallback: Fallback<'_>,
    ) -> Period {
        let sum = |amount: fn(&Fee) -> i64| invoice.fees.iter().map(amount).fold(0, i64::saturating_add);
        let (amount_cents, taxes_amount_cents) = (sum(|fee| fee.amount_cents), sum(|fee| fee.taxes_amount_cents));
        let currency = invoice.currency.code();
        Period {
            from_datetime: format::timestamp(window.charges_from),
            to_datetime: format::timestamp(window.charges_to),
            issuing_date: format::date(invoice.issuing_date),
            currency,
            amount_cents,
            total_amount_cents: amount_cents.saturating_add(taxes_amount_cents),
            taxes_amount_cents,
            lago_invoice_id: invoice.id.0,
            charges_usage: charges(billed(invoice, record, metric_code, fallback), currency),
        }
    }
}

/// The charge fees of a record, those of one charge together.
fn billed(
    invoice: &Invoice,
    record: SubscriptionId,
    metric_code: Option<&str>,
    fallback: Fallback<'_>,
) -> Vec<ChargeUsage> {
    let mut places = BTreeMap::new();
    let mut usages: Vec<ChargeUsage> = Vec::new();
    let fees = invoice.fees.iter().filter(|fee| fee.subscription_id == Some(record));
    let charged = fees.filter_map(|fee| Some((fee, fee.charge()?)));
    for (fee, item) in charged.filter(|(_, item)| metric_code.is_none_or(|code| item.metric_code == code)) {
        let place = *places.entry(item.charge_id).or_insert_with(|| {
            usages.push(empty(item, fallback));
            usages.len() - 1
        });
        let Some(usage) = usages.get_mut(place) else { continue };
        let used = Used { units: fee.units, events_count: item.events_count, amount_cents: fee.amount_cents };
        // Each summand stands on an invoice: sums beyond the types' ends are beyond any bill.
        usage.total = usage.total.checked_add(used).unwrap_or(usage.total);
        usage.add_group(item, used);
    }
    usages
}

impl ChargeUsage {
    /// Adds what a fee billed to its group. A charge in advance has a fee of the same group per event.
    fn add_group(&mut self, item: &ChargeItem, used: Used) {
        let Some(group) = &item.group else { return };
        if let Some(known) = self.groups.iter_mut().find(|known| known.id == group.id) {
            known.used = known.used.checked_add(used).unwrap_or(known.used);
            return;
        }
        let (leaf, name) = match &item.basis {
            Some(Basis::Usage(basis)) => (basis.leaf(), basis.leaf_name()),
            Some(Basis::Minimum(_)) | None => (None, None),
        };
        // Earlier programs kept the name only: `value`, or `<parent value> • <value>`.
        let named = || group.display_name.split_once(" • ").unwrap_or(("", &group.display_name));
        let (key, value) = leaf.unwrap_or_else(named);
        self.groups.push(GroupUsage {
            id: group.id,
            key: key.to_owned(),
            value: value.to_owned(),
            display_name: name.unwrap_or_else(|| group.display_name.clone()),
            used,
        });
    }
}

fn empty(item: &ChargeItem, fallback: Fallback<'_>) -> ChargeUsage {
    let (charge_model, aggregation) = match &item.basis {
        Some(Basis::Usage(basis)) => (basis.model, basis.aggregation),
        Some(Basis::Minimum(_)) | None => fallback(item),
    };
    ChargeUsage {
        charge_id: item.charge_id,
        charge_model,
        invoice_display_name: Some(&item.display_name).filter(|name| **name != item.metric_name).cloned(),
        metric_id: item.metric_id,
        metric_name: item.metric_name.clone(),
        metric_code: item.metric_code.clone(),
        aggregation,
        total: Used::default(),
        groups: Vec::new(),
    }
}

/// The model that a fee's details are of; those of standard charges say nothing.
#[must_use]
pub fn model_of(details: &AmountDetails) -> ChargeModel {
    match details {
        AmountDetails::None => ChargeModel::Standard,
        AmountDetails::Graduated(_) => ChargeModel::Graduated,
        AmountDetails::GraduatedPercentage(_) => ChargeModel::GraduatedPercentage,
        AmountDetails::Package(_) => ChargeModel::Package,
        AmountDetails::Percentage(_) => ChargeModel::Percentage,
        AmountDetails::Volume(_) => ChargeModel::Volume,
    }
}
