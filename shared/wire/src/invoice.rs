//! Invoices (chapter 06, 12; chapter 09): the object, its update, the filters of its list (chapter 04, 7).

use chrono::NaiveDate;
use domain::customer::{Customer, METADATA_MAX, Metadata};
use domain::id::{InvoiceId, MetadataId, TaxId};
use domain::invoice::{CreditLine, CreditSource, Invoice, Kind, PaymentStatus, Status, VERSION_NUMBER};
use domain::money::Currency;
use domain::problem::{Problems, codes};
use domain::tax::InvoiceTax;
use domain::time::Instant;
use serde::Serialize;
use serde_json::Number;
use uuid::Uuid;

use crate::error::ErrorBody;
use crate::input::{Field, Fields};
use crate::{customer, fee, format, subscription};

#[cfg(test)]
mod tests;

/// Most characters of a metadata key.
const METADATA_KEY_MAX: usize = 20;

/// Which optional parts an invoice carries, by where it is shown (chapter 06, 12, "Include sets").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Includes {
    /// All: a single read or write.
    Full,
    /// Customer, metadata, taxes: the list.
    List,
    /// None: `download`.
    Bare,
    /// All but metadata: webhooks `invoice.created`, `.drafted`, `.voided`.
    Created,
    /// Customer, fees, taxes: webhooks `.one_off_created`, `.paid_credit_added`.
    Sold,
    /// Customer: webhooks `.generated`, `.payment_status_updated`.
    Customer,
}

impl Includes {
    fn has_customer(self) -> bool {
        match self {
            Includes::Full | Includes::List | Includes::Created | Includes::Sold | Includes::Customer => true,
            Includes::Bare => false,
        }
    }

    fn has_subscriptions_and_credits(self) -> bool {
        match self {
            Includes::Full | Includes::Created => true,
            Includes::List | Includes::Bare | Includes::Sold | Includes::Customer => false,
        }
    }

    fn has_fees(self) -> bool {
        match self {
            Includes::Full | Includes::Created | Includes::Sold => true,
            Includes::List | Includes::Bare | Includes::Customer => false,
        }
    }

    fn has_metadata(self) -> bool {
        match self {
            Includes::Full | Includes::List => true,
            Includes::Bare | Includes::Created | Includes::Sold | Includes::Customer => false,
        }
    }

    fn has_taxes(self) -> bool {
        match self {
            Includes::Full | Includes::List | Includes::Created | Includes::Sold => true,
            Includes::Bare | Includes::Customer => false,
        }
    }
}

/// What an invoice shows of the things around it. Parts that the include set lacks are dropped.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The customer, for the fees.
    pub customer: &'a Customer,
    /// The customer without taxes.
    pub customer_output: customer::Output,
    /// The records billed on it, without customer and plan.
    pub subscriptions: Vec<subscription::Output>,
    /// The permanent link to its PDF, once made.
    pub file_url: Option<String>,
    /// The customer's local date now.
    pub today: NaiveDate,
}

/// An invoice as clients see it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Invoice")]
pub struct Output {
    lago_id: Uuid,
    sequential_id: i64,
    number: String,
    issuing_date: String,
    payment_due_date: String,
    net_payment_term: u32,
    invoice_type: &'static str,
    status: &'static str,
    payment_status: &'static str,
    currency: &'static str,
    fees_amount_cents: i64,
    taxes_amount_cents: i64,
    coupons_amount_cents: i64,
    credit_notes_amount_cents: i64,
    sub_total_excluding_taxes_amount_cents: i64,
    sub_total_including_taxes_amount_cents: i64,
    total_amount_cents: i64,
    prepaid_credit_amount_cents: i64,
    file_url: Option<String>,
    version_number: i64,
    legacy: bool,
    amount_currency: &'static str,
    vat_amount_currency: &'static str,
    credit_amount_currency: &'static str,
    total_amount_currency: &'static str,
    amount_cents: i64,
    credit_amount_cents: i64,
    vat_amount_cents: i64,
    sub_total_vat_excluded_amount_cents: i64,
    sub_total_vat_included_amount_cents: i64,
    progressive_billing_credit_amount_cents: i64,
    payment_overdue: bool,
    total_due_amount_cents: i64,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<customer::Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriptions: Option<Vec<subscription::Output>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fees: Option<Vec<fee::Output>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credits: Option<Vec<Credit>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Vec<MetadataOutput>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_taxes: Option<Vec<AppliedTax>>,
}

/// A coupon or credit note used on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)] // The names are the wire's; chapter 06, 12 says what they hold.
pub struct Credit {
    pub lago_id: Uuid,
    pub amount_cents: i64,
    pub amount_currency: &'static str,
    pub before_taxes: bool,
    pub item: CreditItem,
    pub invoice: CreditInvoice,
    /// Legacy: as `before_taxes`.
    pub before_vat: bool,
}

/// The coupon or credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)] // The names are the wire's; chapter 06, 12 says what they hold.
pub struct CreditItem {
    pub lago_item_id: Uuid,
    /// `coupon` or `credit_note`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub code: Option<String>,
    pub name: String,
    /// Legacy: as `lago_item_id`.
    pub lago_id: Uuid,
}

/// The invoice that a credit was used on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)] // The names are the wire's; chapter 06, 12 says what they hold.
pub struct CreditInvoice {
    pub lago_id: Uuid,
    pub payment_status: &'static str,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "InvoiceMetadata")]
struct MetadataOutput {
    lago_id: Uuid,
    key: String,
    value: String,
    created_at: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "InvoiceAppliedTax")]
struct AppliedTax {
    lago_id: Uuid,
    lago_invoice_id: Uuid,
    lago_tax_id: Uuid,
    tax_name: String,
    tax_code: String,
    tax_rate: Number,
    tax_description: Option<String>,
    amount_cents: i64,
    amount_currency: &'static str,
    fees_amount_cents: i64,
    created_at: String,
}

impl Output {
    /// An invoice with the parts of `includes`.
    #[must_use]
    pub fn new(invoice: &Invoice, context: Context<'_>, includes: Includes) -> Output {
        let currency = invoice.currency.code();
        let totals = &invoice.totals;
        let fee_context =
            fee::Context { invoice_id: Some(invoice.id), customer: context.customer, currency: invoice.currency };
        let fees = || invoice.fees.iter().map(|fee| fee::Output::new(fee, fee_context)).collect();
        Output {
            lago_id: invoice.id.0,
            sequential_id: invoice.sequential_id,
            number: invoice.number.clone(),
            issuing_date: format::date(invoice.issuing_date),
            payment_due_date: format::date(invoice.payment_due_date),
            net_payment_term: invoice.net_payment_term,
            invoice_type: invoice_type(invoice.kind),
            status: status(invoice.status),
            payment_status: fee::payment_status(invoice.payment_status.into()),
            currency,
            fees_amount_cents: totals.fees,
            taxes_amount_cents: totals.taxes,
            coupons_amount_cents: totals.coupons,
            credit_notes_amount_cents: totals.credit_notes,
            sub_total_excluding_taxes_amount_cents: totals.sub_total_excluding_taxes,
            sub_total_including_taxes_amount_cents: totals.sub_total_including_taxes,
            total_amount_cents: totals.total,
            prepaid_credit_amount_cents: totals.prepaid_credits,
            file_url: context.file_url,
            version_number: VERSION_NUMBER,
            legacy: false,
            amount_currency: currency,
            vat_amount_currency: currency,
            credit_amount_currency: currency,
            total_amount_currency: currency,
            amount_cents: totals.fees,
            credit_amount_cents: totals.coupons.saturating_add(totals.credit_notes),
            vat_amount_cents: totals.taxes,
            sub_total_vat_excluded_amount_cents: totals.sub_total_excluding_taxes,
            sub_total_vat_included_amount_cents: totals.sub_total_including_taxes,
            progressive_billing_credit_amount_cents: 0,
            payment_overdue: invoice.is_overdue(context.today),
            total_due_amount_cents: invoice.total_due_cents(),
            created_at: format::timestamp(invoice.created_at),
            updated_at: format::timestamp(invoice.updated_at),
            customer: includes.has_customer().then_some(context.customer_output),
            subscriptions: includes.has_subscriptions_and_credits().then_some(context.subscriptions),
            fees: includes.has_fees().then(fees),
            credits: includes.has_subscriptions_and_credits().then(|| credits(invoice)),
            metadata: includes.has_metadata().then(|| invoice.metadata.iter().map(MetadataOutput::from).collect()),
            applied_taxes: includes.has_taxes().then(|| applied_taxes(invoice)),
        }
    }
}

impl Output {
    /// The same without the rows of taxes that were deleted: the amounts stay (chapter 04, 5.3).
    #[must_use]
    pub fn with_living_taxes(mut self, is_living: impl Fn(TaxId) -> bool) -> Output {
        if let Some(taxes) = &mut self.applied_taxes {
            taxes.retain(|row| is_living(TaxId(row.lago_tax_id)));
        }
        self
    }
}

/// The credit lines of an invoice, in order of use (chapter 04, 7.6).
#[must_use]
pub fn credits(invoice: &Invoice) -> Vec<Credit> {
    invoice.credits.iter().map(|line| credit(invoice, line)).collect()
}

fn credit(invoice: &Invoice, line: &CreditLine) -> Credit {
    let (kind, id, code, name) = match &line.source {
        CreditSource::Coupon { coupon_id, code, name, .. } => ("coupon", coupon_id.0, code, name),
        CreditSource::CreditNote { credit_note_id, number, invoice_number } => {
            ("credit_note", credit_note_id.0, number, invoice_number)
        }
    };
    Credit {
        lago_id: line.id.0,
        amount_cents: line.amount_cents,
        amount_currency: invoice.currency.code(),
        before_taxes: line.is_coupon(),
        item: CreditItem { lago_item_id: id, kind, code: Some(code.clone()), name: name.clone(), lago_id: id },
        invoice: CreditInvoice {
            lago_id: invoice.id.0,
            payment_status: fee::payment_status(invoice.payment_status.into()),
        },
        before_vat: line.is_coupon(),
    }
}

fn invoice_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Subscription => "subscription",
        Kind::OneOff => "one_off",
        Kind::Credit => "credit",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Finalized => "finalized",
        Status::Voided { .. } => "voided",
    }
}

impl From<&Metadata> for MetadataOutput {
    fn from(metadata: &Metadata) -> MetadataOutput {
        MetadataOutput {
            lago_id: metadata.id.0,
            key: metadata.key.clone(),
            value: metadata.value.clone(),
            created_at: format::timestamp(metadata.created_at),
        }
    }
}

fn applied_taxes(invoice: &Invoice) -> Vec<AppliedTax> {
    let applied = |tax| applied_tax(tax, invoice.id, invoice.currency, invoice.created_at);
    invoice.taxes.iter().map(applied).collect()
}

fn applied_tax(row: &InvoiceTax, invoice: InvoiceId, currency: Currency, created_at: Instant) -> AppliedTax {
    AppliedTax {
        lago_id: row.tax.id.0,
        lago_invoice_id: invoice.0,
        lago_tax_id: row.tax.tax_id.0,
        tax_name: row.tax.name.clone(),
        tax_code: row.tax.code.clone(),
        tax_rate: format::rate(row.tax.rate),
        tax_description: row.tax.description.clone(),
        amount_cents: row.tax.amount_cents,
        amount_currency: currency.code(),
        fees_amount_cents: row.fees_amount_cents,
        created_at: format::timestamp(created_at),
    }
}

/// What `PUT /invoices/:id` changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// The wanted payment status; none leaves it.
    pub payment_status: Option<PaymentStatus>,
    /// The complete wanted list; none leaves it.
    pub metadata: Option<Vec<MetadataEntry>>,
}

/// A wanted metadata entry: those kept first, in their order, then new ones in the order sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataEntry {
    /// The entry that it updates; none for a new one.
    pub id: Option<MetadataId>,
    /// At most 20 characters, unique on the invoice.
    pub key: String,
    /// Content.
    pub value: String,
}

/// Why an invoice is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// 405, with its code.
    #[error("the invoice's state forbids it: {0}")]
    NotAllowed(&'static str),
    /// 422.
    #[error("the input is not valid")]
    Invalid(Problems),
}

impl From<UpdateError> for ErrorBody {
    fn from(error: UpdateError) -> ErrorBody {
        match error {
            UpdateError::NotAllowed(code) => ErrorBody::not_allowed(code),
            UpdateError::Invalid(problems) => ErrorBody::invalid(&problems),
        }
    }
}

/// Reads the body of `PUT /invoices/:id` for an invoice: the checks of chapter 04, 7.1, in its order.
///
/// # Errors
/// The first row of the chapter's table that applies; of the last one everything at once.
pub fn parse_update(fields: Fields<'_>, invoice: &Invoice) -> Result<Update, UpdateError> {
    // `null` is no list, so it leaves the metadata alone; `[]` is one.
    let metadata = fields.objects("metadata").value();
    let is_draft = invoice.status == Status::Draft;
    if metadata.is_some() && is_draft {
        return Err(UpdateError::NotAllowed("metadata_on_draft_invoice"));
    }
    let payment_status = match fields.text("payment_status") {
        Field::Absent => None,
        Field::Null => return Err(UpdateError::Invalid(Problems::one("payment_status", codes::INVALID))),
        Field::Set(word) => Some(
            parse_payment_status(&word)
                .ok_or_else(|| UpdateError::Invalid(Problems::one("payment_status", codes::INVALID)))?,
        ),
    };
    if metadata.as_ref().is_some_and(|entries| entries.len() > METADATA_MAX) {
        return Err(UpdateError::Invalid(Problems::one("metadata", codes::INVALID_COUNT)));
    }
    if is_draft && payment_status.is_some_and(|wanted| wanted != invoice.payment_status) {
        return Err(UpdateError::NotAllowed("payment_status_update_on_draft_invoice"));
    }
    let metadata = metadata.map(|entries| wanted_metadata(&entries, &invoice.metadata)).transpose();
    Ok(Update { payment_status, metadata: metadata.map_err(UpdateError::Invalid)? })
}

fn parse_payment_status(word: &str) -> Option<PaymentStatus> {
    let all = [PaymentStatus::Pending, PaymentStatus::Succeeded, PaymentStatus::Failed];
    all.into_iter().find(|status| fee::payment_status((*status).into()) == word)
}

/// Applies the entries in the order sent to the stored ones. What is not named goes in the end only, so its key is
/// still taken (chapter 05, 2.4, upsert rule 2).
fn wanted_metadata(entries: &[Fields<'_>], stored: &[Metadata]) -> Result<Vec<MetadataEntry>, Problems> {
    let mut problems = Problems::default();
    let mut wanted: Vec<(bool, MetadataEntry)> = stored.iter().map(|stored| (false, kept(stored))).collect();
    for entry in entries {
        let id: Option<MetadataId> = entry.text("id").value().and_then(|id| id.parse().ok());
        let known = id.and_then(|id| wanted.iter().position(|(_, known)| known.id == Some(id)));
        let place = known.unwrap_or_else(|| {
            wanted.push((false, MetadataEntry { id: None, key: String::new(), value: String::new() }));
            wanted.len() - 1
        });
        let others_have = |key: &str| wanted.iter().enumerate().any(|(at, (_, other))| at != place && other.key == key);
        let present = &wanted[place].1;
        let key = updated(entry.text("key"), &present.key);
        let value = updated(entry.text("value"), &present.value);
        if key.trim().is_empty() {
            problems.add("key", codes::MANDATORY);
        } else if key.chars().count() > METADATA_KEY_MAX {
            problems.add("key", codes::TOO_LONG);
        } else if others_have(&key) {
            problems.add("key", codes::EXISTS);
        }
        if value.trim().is_empty() {
            problems.add("value", codes::MANDATORY);
        }
        wanted[place] = (true, MetadataEntry { id: present.id, key, value });
    }
    problems.or(wanted.into_iter().filter(|(is_named, _)| *is_named).map(|(_, entry)| entry).collect())
}

fn kept(stored: &Metadata) -> MetadataEntry {
    MetadataEntry { id: Some(stored.id), key: stored.key.clone(), value: stored.value.clone() }
}

fn updated(sent: Field<String>, present: &str) -> String {
    match sent {
        Field::Absent => present.to_owned(),
        Field::Null => String::new(),
        Field::Set(text) => text,
    }
}

/// The filters of `GET /invoices`. Lists are unions; an empty list filters nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Invoices of this customer, deleted or not.
    pub external_customer_id: Option<String>,
    /// Of these states.
    pub statuses: Vec<StatusWord>,
    /// Of these payment states.
    pub payment_statuses: Vec<PaymentStatus>,
    /// Issued on this date or later.
    pub issuing_date_from: Option<NaiveDate>,
    /// Issued on this date or earlier.
    pub issuing_date_to: Option<NaiveDate>,
}

/// A state of an invoice as a filter names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWord {
    /// May still change.
    Draft,
    /// Final.
    Finalized,
    /// Given up.
    Voided,
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> StatusWord {
        match status {
            Status::Draft => StatusWord::Draft,
            Status::Finalized => StatusWord::Finalized,
            Status::Voided { .. } => StatusWord::Voided,
        }
    }
}

fn parse_status(word: &str) -> Option<StatusWord> {
    match word {
        "draft" => Some(StatusWord::Draft),
        "finalized" => Some(StatusWord::Finalized),
        "voided" => Some(StatusWord::Voided),
        _ => None,
    }
}

impl Filter {
    /// From the query's decoded pairs: `status=a&status=b` and `status[]=a` mean the union. What is unknown or
    /// unreadable filters nothing.
    #[must_use]
    pub fn parse<'q>(query: impl IntoIterator<Item = (&'q str, &'q str)>) -> Filter {
        let mut filter = Filter::default();
        for (name, value) in query {
            match name.strip_suffix("[]").unwrap_or(name) {
                "external_customer_id" => filter.external_customer_id = Some(value.to_owned()),
                "status" => filter.statuses.extend(parse_status(value)),
                "payment_status" => filter.payment_statuses.extend(parse_payment_status(value)),
                "issuing_date_from" => filter.issuing_date_from = leading_date(value),
                "issuing_date_to" => filter.issuing_date_to = leading_date(value),
                _ => {}
            }
        }
        filter
    }

    /// Whether an invoice is asked for, the customer aside: that is another look-up.
    #[must_use]
    pub fn matches(&self, invoice: &Invoice) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&invoice.status.into()))
            && (self.payment_statuses.is_empty() || self.payment_statuses.contains(&invoice.payment_status))
            && self.issuing_date_from.is_none_or(|from| from <= invoice.issuing_date)
            && self.issuing_date_to.is_none_or(|to| invoice.issuing_date <= to)
    }
}

/// The date that a text begins with; whatever follows is ignored.
fn leading_date(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}
