//! Credit notes (chapter 06, 13; chapter 05, 2.13; chapter 09): the object, its estimate, and what they are asked for with.

use domain::credit_note::limits::Wanted;
use domain::credit_note::{
    Amounts, AppliedTax, CreditNote, CreditStatus, Item, Limits, Line, Reason, RefundStatus, Terms, amounts,
};
use domain::customer::Customer;
use domain::id::{InvoiceId, TaxId};
use domain::invoice::{AmountOverflow, Fee, Invoice};
use domain::number;
use domain::problem::{Problems, codes};
use serde::Serialize;
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::input::{Field, Fields};
use crate::{customer, fee, format};

#[cfg(test)]
mod tests;

/// A credit note as clients see it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CreditNote")]
pub struct Output {
    lago_id: Uuid,
    sequential_id: i64,
    number: String,
    lago_invoice_id: Uuid,
    invoice_number: String,
    issuing_date: String,
    credit_status: &'static str,
    refund_status: Option<&'static str>,
    reason: &'static str,
    description: Option<String>,
    currency: &'static str,
    total_amount_cents: i64,
    taxes_amount_cents: i64,
    sub_total_excluding_taxes_amount_cents: i64,
    balance_amount_cents: i64,
    credit_amount_cents: i64,
    refund_amount_cents: i64,
    offset_amount_cents: i64,
    coupons_adjustment_amount_cents: i64,
    taxes_rate: Number,
    created_at: String,
    updated_at: String,
    file_url: Option<String>,
    total_amount_currency: &'static str,
    vat_amount_currency: &'static str,
    sub_total_vat_excluded_amount_currency: &'static str,
    balance_amount_currency: &'static str,
    credit_amount_currency: &'static str,
    refund_amount_currency: &'static str,
    vat_amount_cents: i64,
    sub_total_vat_excluded_amount_cents: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<customer::Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemOutput>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_taxes: Option<Vec<AppliedTaxOutput>>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CreditNoteItem")]
struct ItemOutput {
    lago_id: Uuid,
    amount_cents: i64,
    amount_currency: &'static str,
    /// Never null: fees of final invoices stay, and items of drafts follow theirs.
    fee: Option<fee::Output>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CreditNoteAppliedTax")]
struct AppliedTaxOutput {
    lago_id: Option<Uuid>,
    lago_credit_note_id: Option<Uuid>,
    lago_tax_id: Uuid,
    tax_name: String,
    tax_code: String,
    tax_rate: Number,
    tax_description: Option<String>,
    base_amount_cents: i64,
    amount_cents: i64,
    amount_currency: &'static str,
    created_at: Option<String>,
}

impl AppliedTaxOutput {
    fn new(row: &AppliedTax, note: Option<&CreditNote>, currency: &'static str) -> AppliedTaxOutput {
        AppliedTaxOutput {
            lago_id: note.map(|_| row.tax.id.0),
            lago_credit_note_id: note.map(|note| note.id.0),
            lago_tax_id: row.tax.tax_id.0,
            tax_name: row.tax.name.clone(),
            tax_code: row.tax.code.clone(),
            tax_rate: format::rate(row.tax.rate),
            tax_description: row.tax.description.clone(),
            base_amount_cents: row.base_amount_cents,
            amount_cents: row.tax.amount_cents,
            amount_currency: currency,
            created_at: note.map(|note| format::timestamp(note.created_at)),
        }
    }
}

impl Output {
    /// A note without its optional parts: `download`. `file_url` is the permanent link to its PDF, once made.
    #[must_use]
    pub fn new(note: &CreditNote, file_url: Option<String>) -> Output {
        let currency = note.currency.code();
        let (taxes, sub_total) = (note.taxes_amount_cents(), note.sub_total_excluding_taxes_cents());
        Output {
            lago_id: note.id.0,
            sequential_id: note.sequential_id,
            number: note.number.clone(),
            lago_invoice_id: note.invoice_id.0,
            invoice_number: note.invoice_number.clone(),
            issuing_date: format::date(note.issuing_date),
            credit_status: credit_status(note.credit_status),
            refund_status: note.refund_status.map(refund_status),
            reason: reason(note.reason),
            description: note.description.clone(),
            currency,
            total_amount_cents: note.total_amount_cents(),
            taxes_amount_cents: taxes,
            sub_total_excluding_taxes_amount_cents: sub_total,
            balance_amount_cents: note.balance_amount_cents,
            credit_amount_cents: note.credit_amount_cents,
            refund_amount_cents: note.refund_amount_cents,
            offset_amount_cents: 0,
            coupons_adjustment_amount_cents: note.coupons_adjustment_cents(),
            taxes_rate: format::rate(note.taxes_rate),
            created_at: format::timestamp(note.created_at),
            updated_at: format::timestamp(note.updated_at),
            file_url,
            total_amount_currency: currency,
            vat_amount_cents: taxes,
            vat_amount_currency: currency,
            sub_total_vat_excluded_amount_cents: sub_total,
            sub_total_vat_excluded_amount_currency: currency,
            balance_amount_currency: currency,
            credit_amount_currency: currency,
            refund_amount_currency: currency,
            customer: None,
            items: None,
            applied_taxes: None,
        }
    }

    /// With the customer, without taxes: webhooks.
    #[must_use]
    pub fn with_customer(self, customer: customer::Output) -> Output {
        Output { customer: Some(customer), ..self }
    }

    /// With its taxes: everywhere but `download` and `credit_note.generated`.
    #[must_use]
    pub fn with_taxes(self, note: &CreditNote) -> Output {
        let applied = |row| AppliedTaxOutput::new(row, Some(note), note.currency.code());
        Output { applied_taxes: Some(note.taxes.iter().map(applied).collect()), ..self }
    }

    /// The same without the rows of taxes that were deleted: the amounts stay (chapter 04, 5.3).
    #[must_use]
    pub fn with_living_taxes(mut self, is_living: impl Fn(TaxId) -> bool) -> Output {
        if let Some(taxes) = &mut self.applied_taxes {
            taxes.retain(|row| is_living(TaxId(row.lago_tax_id)));
        }
        self
    }

    /// With its items, oldest first: everywhere but in lists, `download` and `credit_note.generated`. `fees` are those of
    /// its invoice.
    #[must_use]
    pub fn with_items(self, note: &CreditNote, customer: &Customer, fees: &[Fee]) -> Output {
        let around = fee::Context { invoice_id: Some(note.invoice_id), customer, currency: note.currency };
        let fee = |id| fees.iter().find(|fee| fee.id == id).map(|fee| fee::Output::new(fee, around));
        let output = |item: &Item| ItemOutput {
            lago_id: item.id.0,
            amount_cents: item.amount_cents,
            amount_currency: note.currency.code(),
            fee: fee(item.fee_id),
        };
        Output { items: Some(note.items.iter().map(output).collect()), ..self }
    }
}

/// The API's word.
#[must_use]
pub fn credit_status(status: CreditStatus) -> &'static str {
    match status {
        CreditStatus::Available => "available",
        CreditStatus::Consumed => "consumed",
        CreditStatus::Voided { .. } => "voided",
    }
}

/// The API's word.
#[must_use]
pub fn refund_status(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "pending",
        RefundStatus::Succeeded => "succeeded",
        RefundStatus::Failed => "failed",
    }
}

const REASONS: [Reason; 6] = [
    Reason::DuplicatedCharge,
    Reason::ProductUnsatisfactory,
    Reason::OrderChange,
    Reason::OrderCancellation,
    Reason::FraudulentCharge,
    Reason::Other,
];

/// The API's word.
#[must_use]
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::DuplicatedCharge => "duplicated_charge",
        Reason::ProductUnsatisfactory => "product_unsatisfactory",
        Reason::OrderChange => "order_change",
        Reason::OrderCancellation => "order_cancellation",
        Reason::FraudulentCharge => "fraudulent_charge",
        Reason::Other => "other",
    }
}

/// The invoice that a note or an estimate is asked of; none if the text is no id.
#[must_use]
pub fn parse_invoice_id(fields: Fields<'_>) -> Option<InvoiceId> {
    fields.id("invoice_id")
}

/// A note as it was asked for, its items not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCreditNote {
    /// Why, whose words, how much.
    pub terms: Terms,
    /// What to give back of which fee.
    pub items: Vec<Wanted>,
}

/// Reads the body of `POST /credit_notes`. What is wrong with a single item is said when its turn comes (chapter 04, 10.3).
///
/// # Errors
/// An unknown reason, amounts that are no whole numbers or negative, no items: all at once.
pub fn parse_new(fields: Fields<'_>) -> Result<NewCreditNote, Problems> {
    let mut problems = Problems::default();
    let reason = match fields.text("reason").value().filter(|word| !word.is_empty()) {
        None => Reason::Other,
        Some(word) => REASONS.into_iter().find(|known| reason(*known) == word).unwrap_or_else(|| {
            problems.add("reason", codes::INVALID);
            Reason::Other
        }),
    };
    let credit_amount_cents = amount(fields, "credit_amount_cents", &mut problems);
    let refund_amount_cents = amount(fields, "refund_amount_cents", &mut problems);
    let items = wanted(fields, &mut problems);
    let description = fields.text("description").value();
    problems.or(NewCreditNote { terms: Terms { reason, description, credit_amount_cents, refund_amount_cents }, items })
}

/// An amount that defaults to 0 and is never below.
fn amount(fields: Fields<'_>, name: &str, problems: &mut Problems) -> i64 {
    let amount = fields.integer(name, problems).value().unwrap_or_default();
    if amount < 0 {
        problems.add(name, codes::OUT_OF_RANGE);
    }
    amount
}

/// Reads the items of `POST /credit_notes/estimate`.
///
/// # Errors
/// There are none.
pub fn parse_items(fields: Fields<'_>) -> Result<Vec<Wanted>, Problems> {
    let mut problems = Problems::default();
    let items = wanted(fields, &mut problems);
    problems.or(items)
}

fn wanted(fields: Fields<'_>, problems: &mut Problems) -> Vec<Wanted> {
    match fields.raw("items") {
        Some(Value::Array(entries)) if !entries.is_empty() => {
            let objects: Vec<_> = entries.iter().filter_map(|entry| entry.as_object().map(Fields)).collect();
            if objects.len() < entries.len() {
                problems.add("items", codes::INVALID);
            }
            objects.into_iter().map(item).collect()
        }
        None | Some(Value::Null | Value::Array(_)) => {
            problems.add("items", codes::MANDATORY);
            Vec::new()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            problems.add("items", codes::INVALID);
            Vec::new()
        }
    }
}

fn item(fields: Fields<'_>) -> Wanted {
    let amount_cents = match fields.raw("amount_cents") {
        // A structure is no amount, and not an absent one either.
        Some(Value::Array(_) | Value::Object(_)) => Err(codes::INVALID),
        Some(_) | None => match fields.integer("amount_cents", &mut Problems::default()) {
            Field::Set(amount) => Ok(amount),
            Field::Null => Err(codes::MANDATORY),
            Field::Absent if fields.has("amount_cents") => Err(codes::INVALID),
            Field::Absent => Err(codes::MANDATORY),
        },
    };
    Wanted { fee_id: fields.id("fee_id"), amount_cents }
}

/// Reads the body of `PUT /credit_notes/:id`: the wanted state of the refund; none leaves it.
///
/// # Errors
/// An unknown word, or null.
pub fn parse_update(fields: Fields<'_>) -> Result<Option<RefundStatus>, Problems> {
    let all = [RefundStatus::Pending, RefundStatus::Succeeded, RefundStatus::Failed];
    if !fields.has("refund_status") {
        return Ok(None);
    }
    let word = fields.text("refund_status").value();
    let known = all.into_iter().find(|status| word.as_deref() == Some(refund_status(*status)));
    known.map(Some).ok_or_else(|| Problems::one("refund_status", codes::INVALID))
}

/// What a note of some items would come to (chapter 04, 10.8).
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CreditNoteEstimate")]
pub struct Estimate {
    lago_invoice_id: Uuid,
    invoice_number: String,
    currency: &'static str,
    taxes_amount_cents: i64,
    precise_taxes_amount_cents: String,
    sub_total_excluding_taxes_amount_cents: i64,
    max_creditable_amount_cents: i64,
    max_refundable_amount_cents: i64,
    max_offsettable_amount_cents: i64,
    coupons_adjustment_amount_cents: i64,
    precise_coupons_adjustment_amount_cents: String,
    taxes_rate: Number,
    items: Vec<EstimatedItem>,
    applied_taxes: Vec<AppliedTaxOutput>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CreditNoteEstimatedItem")]
struct EstimatedItem {
    lago_fee_id: Uuid,
    amount_cents: i64,
}

impl Estimate {
    /// The estimate of `lines`, which have been checked.
    ///
    /// # Errors
    /// The amounts leave the range of exact decimals.
    pub fn new(limits: &Limits<'_>, lines: &[Line<'_>]) -> Result<Estimate, AmountOverflow> {
        let invoice: &Invoice = limits.invoice;
        let currency = invoice.currency.code();
        let priced: Amounts = amounts(lines)?;
        let item = |line: &Line<'_>| EstimatedItem { lago_fee_id: line.fee.id.0, amount_cents: line.amount_cents() };
        Ok(Estimate {
            lago_invoice_id: invoice.id.0,
            invoice_number: invoice.number.clone(),
            currency,
            taxes_amount_cents: priced.taxes_amount_cents(),
            precise_taxes_amount_cents: number::text(priced.taxes_amount),
            sub_total_excluding_taxes_amount_cents: priced.sub_total_excluding_taxes_cents(),
            max_creditable_amount_cents: priced.total_cents,
            max_refundable_amount_cents: limits.max_refundable_cents(&priced)?,
            max_offsettable_amount_cents: 0,
            coupons_adjustment_amount_cents: priced.coupons_adjustment_cents(),
            precise_coupons_adjustment_amount_cents: number::text(priced.coupons_adjustment),
            taxes_rate: format::rate(priced.taxes_rate),
            items: lines.iter().map(item).collect(),
            applied_taxes: priced.taxes.iter().map(|row| AppliedTaxOutput::new(row, None, currency)).collect(),
        })
    }

    /// The same without the rows of taxes that were deleted: the amounts stay (chapter 04, 5.3).
    #[must_use]
    pub fn with_living_taxes(mut self, is_living: impl Fn(TaxId) -> bool) -> Estimate {
        self.applied_taxes.retain(|row| is_living(TaxId(row.lago_tax_id)));
        self
    }
}
