//! Plans and charges (chapter 05, 2.5; chapter 06, 4).

use domain::id::{MetricId, TaxId};
use domain::plan::{Charge, GroupPrice, Plan};
use domain::value::Value;
use serde::Serialize;
use serde_json::Number;

use crate::{format, sent, tax};

mod parse;

pub use parse::{parse_new, parse_overrides, parse_update};

/// Who uses a plan, its overridden copies included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Customers with an active subscription.
    pub customers: u64,
    /// Active subscriptions.
    pub active_subscriptions: u64,
    /// Draft invoices.
    pub draft_invoices: u64,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Plan")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 4.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub invoice_display_name: Option<String>,
    pub created_at: String,
    pub code: String,
    pub interval: &'static str,
    pub description: Option<String>,
    pub amount_cents: i64,
    pub amount_currency: &'static str,
    pub trial_period: Option<Number>,
    pub pay_in_advance: bool,
    pub bill_charges_monthly: Option<bool>,
    pub customers_count: u64,
    pub active_subscriptions_count: u64,
    pub draft_invoices_count: u64,
    pub parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charges: Option<Vec<ChargeOutput>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Vec<tax::Output>>,
}

/// A charge of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Charge")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 4.
pub struct ChargeOutput {
    pub lago_id: String,
    pub lago_billable_metric_id: String,
    pub invoice_display_name: Option<String>,
    pub billable_metric_code: String,
    pub created_at: String,
    pub charge_model: &'static str,
    pub invoiceable: bool,
    pub pay_in_advance: bool,
    pub prorated: bool,
    pub min_amount_cents: i64,
    #[serde(serialize_with = "sent::as_stored")]
    #[schemars(with = "crate::schema::ChargeProperties")]
    pub properties: Value,
    pub group_properties: Vec<GroupPropertiesOutput>,
    pub taxes: Vec<tax::Output>,
}

/// The price of a group.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "GroupProperties")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 4.
pub struct GroupPropertiesOutput {
    pub group_id: String,
    #[serde(serialize_with = "sent::as_stored")]
    #[schemars(with = "crate::schema::ChargeProperties")]
    pub values: Value,
    pub invoice_display_name: Option<String>,
}

impl Output {
    /// A plan as the API shows it, without charges and taxes.
    #[must_use]
    pub fn new(plan: &Plan, counts: &Counts) -> Output {
        Output {
            lago_id: plan.id.to_string(),
            name: plan.name.clone(),
            invoice_display_name: plan.invoice_display_name.clone(),
            created_at: format::timestamp(plan.created_at),
            code: plan.code.clone(),
            interval: plan.interval.as_str(),
            description: plan.description.clone(),
            amount_cents: plan.amount_cents,
            amount_currency: plan.currency.code(),
            trial_period: plan.trial_period.map(format::rate),
            pay_in_advance: plan.pay_in_advance,
            bill_charges_monthly: plan.bill_charges_monthly,
            customers_count: counts.customers,
            active_subscriptions_count: counts.active_subscriptions,
            draft_invoices_count: counts.draft_invoices,
            parent_id: plan.parent_id.map(|id| id.to_string()),
            charges: None,
            taxes: None,
        }
    }

    /// The same with charges and taxes. A charge whose metric has no code, being deleted, and a tax that is gone are left
    /// out.
    #[must_use]
    pub fn with_charges_and_taxes(
        self,
        plan: &Plan,
        metric_code: &dyn Fn(MetricId) -> Option<String>,
        tax: &dyn Fn(TaxId) -> Option<tax::Output>,
    ) -> Output {
        let taxes = |ids: &[TaxId]| ids.iter().filter_map(|id| tax(*id)).collect::<Vec<_>>();
        let charge = |charge: &Charge| {
            metric_code(charge.metric_id).map(|code| ChargeOutput::new(charge, code, taxes(&charge.tax_ids)))
        };
        Output {
            charges: Some(plan.charges.iter().filter_map(charge).collect()),
            taxes: Some(taxes(&plan.tax_ids)),
            ..self
        }
    }
}

impl ChargeOutput {
    /// A charge as the API shows it.
    #[must_use]
    pub fn new(charge: &Charge, billable_metric_code: String, taxes: Vec<tax::Output>) -> ChargeOutput {
        ChargeOutput {
            lago_id: charge.id.to_string(),
            lago_billable_metric_id: charge.metric_id.to_string(),
            invoice_display_name: charge.invoice_display_name.clone(),
            billable_metric_code,
            created_at: format::timestamp(charge.created_at),
            charge_model: charge.model().as_str(),
            invoiceable: charge.invoiceable,
            pay_in_advance: charge.pay_in_advance,
            prorated: charge.prorated,
            min_amount_cents: charge.min_amount_cents,
            properties: charge.price.properties.clone(),
            group_properties: charge.group_prices.iter().map(GroupPropertiesOutput::new).collect(),
            taxes,
        }
    }
}

impl GroupPropertiesOutput {
    fn new(price: &GroupPrice) -> GroupPropertiesOutput {
        GroupPropertiesOutput {
            group_id: price.group_id.to_string(),
            values: price.price.properties.clone(),
            invoice_display_name: price.invoice_display_name.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
