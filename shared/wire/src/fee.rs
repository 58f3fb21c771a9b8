//! Fees (chapter 06, 11; chapter 03, 6.5).

use domain::charge::AmountDetails;
use domain::customer::Customer;
use domain::id::{InvoiceId, TaxId};
use domain::invoice::{ChargeItem, Fee, FeeItem, FeePaymentStatus};
use domain::money::Currency;
use domain::tax::FeeTax;
use domain::time::Instant;
use serde::{Serialize, Serializer};
use serde_json::Number;
use uuid::Uuid;

use crate::format;
use crate::value::Json;

mod filter;

pub use filter::{Estimate, FeeType, Filter, parse_update};

#[cfg(test)]
mod tests;

/// What a fee shows of the things around it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The invoice that it stands on; none for a fee of a charge that is not invoiceable.
    pub invoice_id: Option<InvoiceId>,
    /// The customer of its subscription.
    pub customer: &'a Customer,
    /// Currency of its amounts.
    pub currency: Currency,
}

/// A fee as clients see it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Fee")]
pub struct Output {
    lago_id: Option<Uuid>,
    lago_group_id: Option<Uuid>,
    lago_invoice_id: Option<Uuid>,
    lago_true_up_fee_id: Option<Uuid>,
    lago_true_up_parent_fee_id: Option<Uuid>,
    lago_subscription_id: Option<Uuid>,
    external_subscription_id: Option<String>,
    lago_customer_id: Option<Uuid>,
    external_customer_id: Option<String>,
    item: Item,
    pay_in_advance: bool,
    invoiceable: bool,
    amount_cents: i64,
    amount_currency: &'static str,
    taxes_amount_cents: i64,
    taxes_rate: Number,
    total_amount_cents: i64,
    total_amount_currency: &'static str,
    units: String,
    description: Option<String>,
    precise_unit_amount: String,
    events_count: Option<i64>,
    payment_status: &'static str,
    created_at: Option<String>,
    succeeded_at: Option<String>,
    failed_at: Option<String>,
    refunded_at: Option<String>,
    #[schemars(with = "crate::schema::AmountDetails")]
    amount_details: Details,
    vat_amount_cents: i64,
    vat_amount_currency: &'static str,
    unit_amount_cents: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_date: Option<String>,
    /// There on fees that an event made, and on no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_transaction_id: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_taxes: Option<Vec<AppliedTax>>,
}

/// What a fee is for.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "FeeItem")]
struct Item {
    #[serde(rename = "type")]
    kind: &'static str,
    code: String,
    name: String,
    invoice_display_name: Option<String>,
    group_invoice_display_name: Option<String>,
    lago_item_id: Option<Uuid>,
    item_type: &'static str,
}

/// `amount_details`, an object.
#[derive(Debug, Clone)]
struct Details(AmountDetails);

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json(&self.0.to_value()).serialize(serializer)
    }
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "FeeAppliedTax")]
struct AppliedTax {
    lago_id: Option<Uuid>,
    lago_fee_id: Option<Uuid>,
    lago_tax_id: Uuid,
    tax_name: String,
    tax_code: String,
    tax_rate: Number,
    tax_description: Option<String>,
    amount_cents: i64,
    amount_currency: &'static str,
    created_at: Option<String>,
}

impl Output {
    /// A fee as it stands inside of invoices and webhooks: without `applied_taxes`.
    #[must_use]
    pub fn new(fee: &Fee, context: Context<'_>) -> Output {
        let currency = context.currency.code();
        let charge = fee.charge();
        let made_by = charge.and_then(|charge| charge.event.as_ref());
        // A fee knows its customer through its subscription.
        let customer = fee.subscription_id.map(|_| context.customer);
        Output {
            lago_id: Some(fee.id.0),
            lago_group_id: charge.and_then(|charge| charge.group.as_ref()).map(|group| group.id.0),
            lago_invoice_id: context.invoice_id.map(Uuid::from),
            lago_true_up_fee_id: charge.and_then(|charge| charge.true_up).map(Uuid::from),
            lago_true_up_parent_fee_id: charge.and_then(|charge| charge.true_up_parent).map(Uuid::from),
            lago_subscription_id: fee.subscription_id.map(Uuid::from),
            external_subscription_id: fee.external_subscription_id.clone(),
            lago_customer_id: customer.map(|customer| customer.id.0),
            external_customer_id: customer.map(|customer| customer.external_id.clone()),
            item: Item::new(fee),
            pay_in_advance: is_in_advance(&fee.item),
            invoiceable: charge.is_none_or(|charge| charge.invoiceable),
            amount_cents: fee.amount_cents,
            amount_currency: currency,
            taxes_amount_cents: fee.taxes_amount_cents,
            taxes_rate: format::rate(fee.taxes_rate),
            total_amount_cents: fee.total_amount_cents(),
            total_amount_currency: currency,
            units: format::decimal(fee.units),
            description: fee.description.clone(),
            precise_unit_amount: format::decimal(fee.precise_unit_amount),
            events_count: charge.map(|charge| charge.events_count),
            payment_status: payment_status(fee.payment.status),
            created_at: Some(format::timestamp(fee.created_at)),
            succeeded_at: fee.payment.succeeded_at.map(format::timestamp),
            failed_at: fee.payment.failed_at.map(format::timestamp),
            refunded_at: fee.payment.refunded_at.map(format::timestamp),
            amount_details: Details(charge.map(|charge| charge.details.clone()).unwrap_or_default()),
            vat_amount_cents: fee.taxes_amount_cents,
            vat_amount_currency: currency,
            unit_amount_cents: fee.unit_amount_cents,
            from_date: has_period(&fee.item).then(|| format::timestamp_with_offset(fee.from)),
            to_date: has_period(&fee.item).then(|| format::timestamp_with_offset(fee.to)),
            event_transaction_id: made_by.map(|event| Some(event.transaction_id.clone())),
            applied_taxes: None,
        }
    }

    /// A fee as the fee endpoints and estimates answer: with `applied_taxes`.
    #[must_use]
    pub fn with_applied_taxes(fee: &Fee, context: Context<'_>) -> Output {
        let applied = |tax: &FeeTax| applied_tax(tax, fee, context.currency);
        Output { applied_taxes: Some(fee.taxes.iter().map(applied).collect()), ..Output::new(fee, context) }
    }

    /// The same without the rows of taxes that were deleted: the amounts stay (chapter 04, 5.3).
    #[must_use]
    pub fn with_living_taxes(mut self, is_living: impl Fn(TaxId) -> bool) -> Output {
        if let Some(taxes) = &mut self.applied_taxes {
            taxes.retain(|row| is_living(TaxId(row.lago_tax_id)));
        }
        self
    }

    /// The fee that an event would make: nothing of it exists yet, so it has no ids and no date (chapter 03, 8).
    #[must_use]
    pub fn estimated(fee: &Fee, context: Context<'_>) -> Output {
        let mut output = Output::with_applied_taxes(fee, context);
        output.lago_id = None;
        output.created_at = None;
        output.event_transaction_id = Some(None);
        for tax in output.applied_taxes.iter_mut().flatten() {
            (tax.lago_id, tax.lago_fee_id, tax.created_at) = (None, None, None);
        }
        output
    }
}

fn is_in_advance(item: &FeeItem) -> bool {
    match item {
        FeeItem::Subscription { pay_in_advance, .. } => *pay_in_advance,
        FeeItem::Charge(charge) => charge.event.is_some(),
        FeeItem::AddOn { .. } | FeeItem::Credit { .. } => false,
    }
}

fn has_period(item: &FeeItem) -> bool {
    match item {
        FeeItem::Subscription { .. } | FeeItem::Charge(_) => true,
        FeeItem::AddOn { .. } | FeeItem::Credit { .. } => false,
    }
}

/// The API's word.
#[must_use]
pub fn payment_status(status: FeePaymentStatus) -> &'static str {
    match status {
        FeePaymentStatus::Pending => "pending",
        FeePaymentStatus::Succeeded => "succeeded",
        FeePaymentStatus::Failed => "failed",
        FeePaymentStatus::Refunded => "refunded",
    }
}

impl Item {
    fn new(fee: &Fee) -> Item {
        match &fee.item {
            FeeItem::Subscription { plan_code, plan_name, invoice_display_name, pay_in_advance: _, basis: _ } => Item {
                kind: "subscription",
                code: plan_code.clone(),
                name: plan_name.clone(),
                invoice_display_name: invoice_display_name.clone(),
                group_invoice_display_name: None,
                lago_item_id: fee.subscription_id.map(Uuid::from),
                item_type: "Subscription",
            },
            FeeItem::Charge(charge) => Item::of_charge(charge),
            FeeItem::AddOn { add_on_id, code, name, display_name } => Item {
                kind: "add_on",
                code: code.clone(),
                name: name.clone(),
                invoice_display_name: Some(display_name.clone()),
                group_invoice_display_name: None,
                lago_item_id: Some(add_on_id.0),
                item_type: "AddOn",
            },
            FeeItem::Credit { transaction_id, wallet_name: _ } => Item {
                kind: "credit",
                code: "credit".to_owned(),
                name: "credit".to_owned(),
                invoice_display_name: Some("credit".to_owned()),
                group_invoice_display_name: None,
                lago_item_id: Some(transaction_id.0),
                item_type: "WalletTransaction",
            },
        }
    }

    fn of_charge(charge: &ChargeItem) -> Item {
        Item {
            kind: "charge",
            code: charge.metric_code.clone(),
            name: charge.metric_name.clone(),
            invoice_display_name: Some(charge.display_name.clone()),
            group_invoice_display_name: charge.group.as_ref().map(|group| group.display_name.clone()),
            lago_item_id: Some(charge.metric_id.0),
            item_type: "BillableMetric",
        }
    }
}

fn applied_tax(tax: &FeeTax, fee: &Fee, currency: Currency) -> AppliedTax {
    let created_at: Instant = fee.created_at;
    AppliedTax {
        lago_id: Some(tax.id.0),
        lago_fee_id: Some(fee.id.0),
        lago_tax_id: tax.tax_id.0,
        tax_name: tax.name.clone(),
        tax_code: tax.code.clone(),
        tax_rate: format::rate(tax.rate),
        tax_description: tax.description.clone(),
        amount_cents: tax.amount_cents,
        amount_currency: currency.code(),
        created_at: Some(format::timestamp(created_at)),
    }
}
