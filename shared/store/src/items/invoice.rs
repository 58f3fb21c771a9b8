//! Stored form of an invoice: a header with its fees, or with the pages that its fees stand in.
//!
//! Fees stay in the header's body while that is small. Beyond that they stand in pages, under a generation that is
//! the hash of their content, written before the header names it. So a page never changes: two writers who choose the
//! same generation write the same bytes, and a header never names pages of another decision.

use bytes::Bytes;
use chrono::NaiveDate;
use domain::billing::{Boundaries, Situation};
use domain::customer::Metadata;
use domain::id::{
    AppliedCouponId, CouponId, CreditId, CreditNoteId, CustomerId, InvoiceId, OrganizationId, PlanId, SubscriptionId,
    WalletId, WalletTransactionId,
};
use domain::invoice::{
    BilledSubscription, CouponValue, CreditLine, CreditSource, Fee, Invoice, Kind, PaymentStatus, PrepaidUse, Status,
    Totals,
};
use domain::ledger::{self, Movement};
use domain::money::Currency;
use domain::tax::InvoiceTax;
use domain::time::{Interval, Zone};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fee::StoredFee;
use super::form::{Micros, Text, all, at, words};
use super::identity::StoredMetadata;
use super::subscription::StoredBoundaries;
use super::tax::StoredInvoiceTax;
use crate::keys;
use crate::record::{DecodeError, Record, Scope, Versioned, decode_body, encode_body, pack, to_item};
use crate::table::{IndexEntry, Item, Key};

/// Largest body that keeps its fees, bytes as stored: half of what an item may hold.
const BODY_BYTES_MAX: usize = 200_000;

/// Most bytes of a page of fees before compression, and as stored; but for a single fee that is larger itself.
const PAGE_PLAIN_BYTES_MAX: usize = 1_000_000;
const PAGE_BYTES_MAX: usize = 300_000;

/// Kind of the items that hold pages of fees.
const PAGE_KIND: &str = "fees";
const PAGE_SCHEMA: u32 = 3;

/// Version of an invoice that was listed without its fees. No item has it: a commit with such an invoice never happens.
pub const LISTED_VERSION: u64 = 0;

words!(Kind { Subscription = "subscription", OneOff = "one_off", Credit = "credit" });
words!(Situation {
    First = "first",
    Recurring = "recurring",
    Rotation = "rotation",
    Terminated = "terminated",
    CurrentUsage = "current_usage",
});

/// The stored form of an invoice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredInvoice {
    id: Text<InvoiceId>,
    customer_id: Text<CustomerId>,
    sequential_id: i64,
    number: String,
    kind: Text<Kind>,
    status: StoredStatus,
    payment_status: Text<PaymentStatus>,
    currency: Text<Currency>,
    zone: Text<Zone>,
    issuing_date: Text<NaiveDate>,
    payment_due_date: Text<NaiveDate>,
    net_payment_term: u32,
    subscriptions: Vec<StoredBilledSubscription>,
    fees: StoredFees,
    taxes: Vec<StoredInvoiceTax>,
    /// Since schema 2, as are `prepaid`, `needs_refresh` and `last_credit_note_sequence`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    credits: Vec<StoredCredit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prepaid: Option<StoredPrepaid>,
    totals: StoredTotals,
    metadata: Vec<StoredMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<Micros>,
    #[serde(default)]
    needs_refresh: bool,
    #[serde(default)]
    last_credit_note_sequence: i64,
    created_at: Micros,
    created_seq: i64,
    updated_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCredit {
    id: Text<CreditId>,
    amount_cents: i64,
    source: StoredSource,
    created_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredSource {
    Coupon {
        applied_coupon_id: Text<AppliedCouponId>,
        coupon_id: Text<CouponId>,
        code: String,
        name: String,
        value: StoredValue,
    },
    CreditNote {
        credit_note_id: Text<CreditNoteId>,
        number: String,
        invoice_number: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredValue {
    Fixed(i64),
    Percentage(Text<Decimal>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPrepaid {
    wallet_id: Text<WalletId>,
    transaction_id: Text<WalletTransactionId>,
    amount_cents: i64,
    credits: Text<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredStatus {
    Draft,
    Finalized,
    Voided { voided_at: Micros },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredFees {
    /// The fees themselves.
    Here(Vec<StoredFee>),
    /// Where they stand.
    Paged(StoredPages),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPages {
    generation: String,
    pages: usize,
    fees: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBilledSubscription {
    subscription_id: Text<SubscriptionId>,
    external_id: String,
    name: String,
    plan_id: Text<PlanId>,
    plan_name: String,
    interval: Text<Interval>,
    situation: Text<Situation>,
    at: Micros,
    boundaries: StoredBoundaries,
    recurring: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTotals {
    fees: i64,
    coupons: i64,
    sub_total_excluding_taxes: i64,
    taxes: i64,
    sub_total_including_taxes: i64,
    credit_notes: i64,
    prepaid_credits: i64,
    total: i64,
    taxes_rate: Text<Decimal>,
}

impl From<Status> for StoredStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => StoredStatus::Draft,
            Status::Finalized => StoredStatus::Finalized,
            Status::Voided { voided_at } => StoredStatus::Voided { voided_at: Micros(voided_at) },
        }
    }
}

impl From<StoredStatus> for Status {
    fn from(stored: StoredStatus) -> Self {
        match stored {
            StoredStatus::Draft => Status::Draft,
            StoredStatus::Finalized => Status::Finalized,
            StoredStatus::Voided { voided_at } => Status::Voided { voided_at: voided_at.0 },
        }
    }
}

impl From<&BilledSubscription> for StoredBilledSubscription {
    fn from(billed: &BilledSubscription) -> Self {
        let BilledSubscription {
            subscription_id,
            external_id,
            name,
            plan_id,
            plan_name,
            interval,
            situation,
            at,
            boundaries,
            recurring,
        } = billed.clone();
        StoredBilledSubscription {
            subscription_id: Text(subscription_id),
            external_id,
            name,
            plan_id: Text(plan_id),
            plan_name,
            interval: Text(interval),
            situation: Text(situation),
            at: Micros(at),
            boundaries: boundaries.into(),
            recurring,
        }
    }
}

impl From<StoredBilledSubscription> for BilledSubscription {
    fn from(stored: StoredBilledSubscription) -> Self {
        BilledSubscription {
            subscription_id: stored.subscription_id.0,
            external_id: stored.external_id,
            name: stored.name,
            plan_id: stored.plan_id.0,
            plan_name: stored.plan_name,
            interval: stored.interval.0,
            situation: stored.situation.0,
            at: stored.at.0,
            boundaries: Boundaries::from(stored.boundaries),
            recurring: stored.recurring,
        }
    }
}

impl From<&Totals> for StoredTotals {
    fn from(totals: &Totals) -> Self {
        let Totals {
            fees,
            coupons,
            sub_total_excluding_taxes,
            taxes,
            sub_total_including_taxes,
            credit_notes,
            prepaid_credits,
            total,
            taxes_rate,
        } = totals.clone();
        StoredTotals {
            fees,
            coupons,
            sub_total_excluding_taxes,
            taxes,
            sub_total_including_taxes,
            credit_notes,
            prepaid_credits,
            total,
            taxes_rate: Text(taxes_rate),
        }
    }
}

impl From<StoredTotals> for Totals {
    fn from(stored: StoredTotals) -> Self {
        Totals {
            fees: stored.fees,
            coupons: stored.coupons,
            sub_total_excluding_taxes: stored.sub_total_excluding_taxes,
            taxes: stored.taxes,
            sub_total_including_taxes: stored.sub_total_including_taxes,
            credit_notes: stored.credit_notes,
            prepaid_credits: stored.prepaid_credits,
            total: stored.total,
            taxes_rate: stored.taxes_rate.0,
        }
    }
}

impl From<&CreditLine> for StoredCredit {
    fn from(line: &CreditLine) -> Self {
        let CreditLine { id, amount_cents, source, created_at } = line.clone();
        let source = match source {
            CreditSource::Coupon { applied_coupon_id, coupon_id, code, name, value } => StoredSource::Coupon {
                applied_coupon_id: Text(applied_coupon_id),
                coupon_id: Text(coupon_id),
                code,
                name,
                value: match value {
                    CouponValue::Fixed(amount_cents) => StoredValue::Fixed(amount_cents),
                    CouponValue::Percentage(rate) => StoredValue::Percentage(Text(rate)),
                },
            },
            CreditSource::CreditNote { credit_note_id, number, invoice_number } => {
                StoredSource::CreditNote { credit_note_id: Text(credit_note_id), number, invoice_number }
            }
        };
        StoredCredit { id: Text(id), amount_cents, source, created_at: Micros(created_at) }
    }
}

impl From<StoredCredit> for CreditLine {
    fn from(stored: StoredCredit) -> Self {
        let source = match stored.source {
            StoredSource::Coupon { applied_coupon_id, coupon_id, code, name, value } => CreditSource::Coupon {
                applied_coupon_id: applied_coupon_id.0,
                coupon_id: coupon_id.0,
                code,
                name,
                value: match value {
                    StoredValue::Fixed(amount_cents) => CouponValue::Fixed(amount_cents),
                    StoredValue::Percentage(rate) => CouponValue::Percentage(rate.0),
                },
            },
            StoredSource::CreditNote { credit_note_id, number, invoice_number } => {
                CreditSource::CreditNote { credit_note_id: credit_note_id.0, number, invoice_number }
            }
        };
        CreditLine { id: stored.id.0, amount_cents: stored.amount_cents, source, created_at: stored.created_at.0 }
    }
}

impl From<PrepaidUse> for StoredPrepaid {
    fn from(used: PrepaidUse) -> Self {
        let PrepaidUse { wallet_id, transaction_id, amount_cents, credits } = used;
        StoredPrepaid {
            wallet_id: Text(wallet_id),
            transaction_id: Text(transaction_id),
            amount_cents,
            credits: Text(credits),
        }
    }
}

impl From<StoredPrepaid> for PrepaidUse {
    fn from(stored: StoredPrepaid) -> Self {
        PrepaidUse {
            wallet_id: stored.wallet_id.0,
            transaction_id: stored.transaction_id.0,
            amount_cents: stored.amount_cents,
            credits: stored.credits.0,
        }
    }
}

fn stored(invoice: &Invoice, stored_fees: StoredFees) -> StoredInvoice {
    let Invoice {
        id,
        customer_id,
        sequential_id,
        number,
        kind,
        status,
        payment_status,
        currency,
        zone,
        issuing_date,
        payment_due_date,
        net_payment_term,
        subscriptions,
        fees: _,
        taxes,
        credits,
        prepaid,
        totals,
        metadata,
        file,
        next_due,
        needs_refresh,
        last_credit_note_sequence,
        created_at,
        created_seq,
        updated_at,
    } = invoice;
    StoredInvoice {
        id: Text(*id),
        customer_id: Text(*customer_id),
        sequential_id: *sequential_id,
        number: number.clone(),
        kind: Text(*kind),
        status: (*status).into(),
        payment_status: Text(*payment_status),
        currency: Text(*currency),
        zone: Text(*zone),
        issuing_date: Text(*issuing_date),
        payment_due_date: Text(*payment_due_date),
        net_payment_term: *net_payment_term,
        subscriptions: all(subscriptions),
        fees: stored_fees,
        taxes: all(taxes),
        credits: all(credits),
        prepaid: prepaid.map(StoredPrepaid::from),
        totals: totals.into(),
        metadata: all(metadata),
        file: file.clone(),
        next_due: next_due.map(Micros),
        needs_refresh: *needs_refresh,
        last_credit_note_sequence: *last_credit_note_sequence,
        created_at: Micros(*created_at),
        created_seq: *created_seq,
        updated_at: Micros(*updated_at),
    }
}

/// The invoice, without its fees if they stand in pages, and those pages.
fn loaded(stored: StoredInvoice) -> (Invoice, Option<StoredPages>) {
    let (fees, pages) = match stored.fees {
        StoredFees::Here(fees) => (fees.into_iter().map(Fee::from).collect(), None),
        StoredFees::Paged(pages) => (Vec::new(), Some(pages)),
    };
    let invoice = Invoice {
        id: stored.id.0,
        customer_id: stored.customer_id.0,
        sequential_id: stored.sequential_id,
        number: stored.number,
        kind: stored.kind.0,
        status: stored.status.into(),
        payment_status: stored.payment_status.0,
        currency: stored.currency.0,
        zone: stored.zone.0,
        issuing_date: stored.issuing_date.0,
        payment_due_date: stored.payment_due_date.0,
        net_payment_term: stored.net_payment_term,
        subscriptions: stored.subscriptions.into_iter().map(BilledSubscription::from).collect(),
        fees,
        taxes: stored.taxes.into_iter().map(InvoiceTax::from).collect(),
        credits: stored.credits.into_iter().map(CreditLine::from).collect(),
        prepaid: stored.prepaid.map(PrepaidUse::from),
        totals: stored.totals.into(),
        metadata: stored.metadata.into_iter().map(Metadata::from).collect(),
        file: stored.file,
        next_due: at(stored.next_due),
        needs_refresh: stored.needs_refresh,
        last_credit_note_sequence: stored.last_credit_note_sequence,
        created_at: stored.created_at.0,
        created_seq: stored.created_seq,
        updated_at: stored.updated_at.0,
    };
    (invoice, pages)
}

impl Record for Invoice {
    const KIND: &'static str = "invoice";
    const SCHEMA: u32 = 3;
    type Stored = StoredInvoice;

    fn key(&self, scope: Scope) -> Key {
        keys::invoice(scope.organization, self.id)
    }

    /// In the lists of its organization and its customer; among what is due while the clock has to finalize it.
    ///
    /// A draft's last event came in at least a day before it becomes final: nothing has to settle.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let Scope { organization, timeline } = scope;
        let mut entries = vec![
            keys::in_list(organization, keys::INVOICES, self.created_at, self.created_seq),
            keys::in_children(organization, self.customer_id.0, keys::INVOICES, self.created_at, self.created_seq),
        ];
        entries.extend(self.next_due.map(|at| keys::due(organization, timeline, self.customer_id.0, at)));
        entries
    }

    fn movements(before: Option<&Self>, after: &Self) -> Vec<Movement> {
        ledger::of_invoice(before, after)
    }

    /// With its fees, however many: `Commit::create_invoice` and `update_invoice` see to large ones.
    fn to_stored(&self) -> StoredInvoice {
        stored(self, StoredFees::Here(all(&self.fees)))
    }

    /// Refuses invoices whose fees stand in pages: `Store::invoice` loads those.
    fn from_stored(stored: StoredInvoice) -> Result<Self, DecodeError> {
        match loaded(stored) {
            (invoice, None) => Ok(invoice),
            (_, Some(_)) => Err(DecodeError::new(Self::KIND, "its fees stand in pages")),
        }
    }
}

/// An invoice on its way into the table: its header, and the pages to write before it.
pub(crate) struct Packed {
    pub(crate) header: Item,
    pub(crate) pages: Vec<Item>,
}

/// The items of an invoice.
pub(crate) fn packed(scope: Scope, invoice: &Invoice, version: u64) -> Result<Packed, DecodeError> {
    let whole = to_item(scope, invoice, version)?;
    if whole.body.len() <= BODY_BYTES_MAX {
        return Ok(Packed { header: whole, pages: Vec::new() });
    }
    let (named, pages) = paged(scope, invoice)?;
    let body = encode_body(Invoice::KIND, &stored(invoice, StoredFees::Paged(named)))?;
    Ok(Packed { header: Item { body, ..whole }, pages })
}

fn paged(scope: Scope, invoice: &Invoice) -> Result<(StoredPages, Vec<Item>), DecodeError> {
    let encode = |fee: &Fee| {
        serde_json::to_vec(&StoredFee::from(fee)).map_err(|error| DecodeError::new(PAGE_KIND, error.to_string()))
    };
    let fees: Vec<Vec<u8>> = invoice.fees.iter().map(encode).collect::<Result<_, _>>()?;
    let mut hash = Sha256::new();
    for fee in &fees {
        hash.update((fee.len() as u64).to_be_bytes());
        hash.update(fee);
    }
    let generation: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let item = |(page, body)| {
        Item::new(keys::fee_page(scope.organization, invoice.id, &generation, page), PAGE_KIND, PAGE_SCHEMA, body)
    };
    let items: Vec<Item> = page_bodies(&fees).into_iter().enumerate().map(item).collect();
    Ok((StoredPages { generation, pages: items.len(), fees: fees.len() }, items))
}

/// The bodies of pages for encoded fees: halves, and halves of these, until each is small enough.
fn page_bodies(fees: &[Vec<u8>]) -> Vec<Bytes> {
    let plain_bytes: usize = fees.iter().map(|fee| fee.len() + 1).sum();
    if plain_bytes <= PAGE_PLAIN_BYTES_MAX || fees.len() < 2 {
        let body = pack(&[b"[".as_slice(), &fees.join(&b','), b"]"].concat());
        if body.len() <= PAGE_BYTES_MAX || fees.len() < 2 {
            return vec![body];
        }
    }
    let (first, second) = fees.split_at(fees.len() / 2);
    [page_bodies(first), page_bodies(second)].concat()
}

/// An invoice's header out of the table.
pub(crate) struct Header {
    /// Without fees if `pages` are named.
    pub(crate) invoice: Versioned<Invoice>,
    /// Where the fees stand.
    pub(crate) pages: Option<Pages>,
}

/// The pages that a header names.
pub(crate) struct Pages(StoredPages);

impl Header {
    /// The invoice for a list: without its fees, and not to be written, if those stand in pages.
    pub(crate) fn listed(self) -> Versioned<Invoice> {
        match self.pages {
            Some(_) => Versioned { version: LISTED_VERSION, ..self.invoice },
            None => self.invoice,
        }
    }
}

/// Reads a header.
pub(crate) fn header(item: &Item) -> Result<Header, DecodeError> {
    crate::record::check_kind::<Invoice>(item)?;
    let (invoice, pages) = loaded(decode_body(Invoice::KIND, &item.body)?);
    Ok(Header { invoice: Versioned { value: invoice, version: item.version }, pages: pages.map(Pages) })
}

impl Pages {
    /// Their keys, in order.
    pub(crate) fn keys(&self, organization: OrganizationId, invoice: InvoiceId) -> Vec<Key> {
        let page = |page| keys::fee_page(organization, invoice, &self.0.generation, page);
        (0..self.0.pages).map(page).collect()
    }

    /// The fees of all the pages.
    pub(crate) fn fees(&self, pages: &[Item]) -> Result<Vec<Fee>, DecodeError> {
        let mut fees = Vec::with_capacity(self.0.fees);
        for page in pages {
            if page.kind != PAGE_KIND || page.schema > PAGE_SCHEMA {
                return Err(DecodeError::new(PAGE_KIND, format!("`{}` of schema {}", page.kind, page.schema)));
            }
            let stored: Vec<StoredFee> = decode_body(PAGE_KIND, &page.body)?;
            fees.extend(stored.into_iter().map(Fee::from));
        }
        if fees.len() == self.0.fees {
            Ok(fees)
        } else {
            Err(DecodeError::new(PAGE_KIND, format!("{} fees instead of {}", fees.len(), self.0.fees)))
        }
    }
}
