//! Stored forms of credit notes: of a final one in an item of its own, of a draft's in one item of their invoice.

use chrono::NaiveDate;
use domain::credit_note::{AppliedTax, CreditNote, CreditStatus, Item, Reason, RefundStatus, Status};
use domain::id::{CreditNoteId, CreditNoteItemId, CustomerId, FeeId, InvoiceId};
use domain::ledger::{self, Movement};
use domain::money::Currency;
use domain::tax::FeeTax;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, all, at, of_text, words};
use super::tax::StoredFeeTax;
use super::{Live, LiveKind};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

words!(Status { Draft = "draft", Finalized = "finalized" });
words!(RefundStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" });
words!(Reason {
    DuplicatedCharge = "duplicated_charge",
    ProductUnsatisfactory = "product_unsatisfactory",
    OrderChange = "order_change",
    OrderCancellation = "order_cancellation",
    FraudulentCharge = "fraudulent_charge",
    Other = "other",
});

/// The stored form of a credit note.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCreditNote {
    id: Text<CreditNoteId>,
    customer_id: Text<CustomerId>,
    invoice_id: Text<InvoiceId>,
    invoice_number: String,
    sequential_id: i64,
    number: String,
    currency: Text<Currency>,
    status: Text<Status>,
    credit_status: StoredCreditStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_status: Option<Text<RefundStatus>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_at: Option<Micros>,
    reason: Text<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    items: Vec<StoredItem>,
    coupons_adjustment: Text<Decimal>,
    taxes_amount: Text<Decimal>,
    taxes_rate: Text<Decimal>,
    taxes: Vec<StoredAppliedTax>,
    credit_amount_cents: i64,
    refund_amount_cents: i64,
    balance_amount_cents: i64,
    issuing_date: Text<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    created_at: Micros,
    created_seq: i64,
    updated_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredCreditStatus {
    Available,
    Consumed,
    Voided { voided_at: Micros, given_up_cents: i64 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredItem {
    id: Text<CreditNoteItemId>,
    fee_id: Text<FeeId>,
    amount: Text<Decimal>,
    amount_cents: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAppliedTax {
    tax: StoredFeeTax,
    base_amount_cents: i64,
}

impl From<CreditStatus> for StoredCreditStatus {
    fn from(status: CreditStatus) -> Self {
        match status {
            CreditStatus::Available => StoredCreditStatus::Available,
            CreditStatus::Consumed => StoredCreditStatus::Consumed,
            CreditStatus::Voided { voided_at, given_up_cents } => {
                StoredCreditStatus::Voided { voided_at: Micros(voided_at), given_up_cents }
            }
        }
    }
}

impl From<StoredCreditStatus> for CreditStatus {
    fn from(stored: StoredCreditStatus) -> Self {
        match stored {
            StoredCreditStatus::Available => CreditStatus::Available,
            StoredCreditStatus::Consumed => CreditStatus::Consumed,
            StoredCreditStatus::Voided { voided_at, given_up_cents } => {
                CreditStatus::Voided { voided_at: voided_at.0, given_up_cents }
            }
        }
    }
}

impl From<&Item> for StoredItem {
    fn from(item: &Item) -> Self {
        let Item { id, fee_id, amount, amount_cents } = item.clone();
        StoredItem { id: Text(id), fee_id: Text(fee_id), amount: Text(amount), amount_cents }
    }
}

impl From<StoredItem> for Item {
    fn from(stored: StoredItem) -> Self {
        let StoredItem { id, fee_id, amount, amount_cents } = stored;
        Item { id: id.0, fee_id: fee_id.0, amount: amount.0, amount_cents }
    }
}

impl From<&AppliedTax> for StoredAppliedTax {
    fn from(row: &AppliedTax) -> Self {
        let AppliedTax { tax, base_amount_cents } = row;
        StoredAppliedTax { tax: tax.into(), base_amount_cents: *base_amount_cents }
    }
}

impl From<StoredAppliedTax> for AppliedTax {
    fn from(stored: StoredAppliedTax) -> Self {
        AppliedTax { tax: FeeTax::from(stored.tax), base_amount_cents: stored.base_amount_cents }
    }
}

impl From<&CreditNote> for StoredCreditNote {
    fn from(note: &CreditNote) -> Self {
        let CreditNote {
            id,
            customer_id,
            invoice_id,
            invoice_number,
            sequential_id,
            number,
            currency,
            status,
            credit_status,
            refund_status,
            refunded_at,
            reason,
            description,
            items,
            coupons_adjustment,
            taxes_amount,
            taxes_rate,
            taxes,
            credit_amount_cents,
            refund_amount_cents,
            balance_amount_cents,
            issuing_date,
            file,
            created_at,
            created_seq,
            updated_at,
        } = note.clone();
        StoredCreditNote {
            id: Text(id),
            customer_id: Text(customer_id),
            invoice_id: Text(invoice_id),
            invoice_number,
            sequential_id,
            number,
            currency: Text(currency),
            status: Text(status),
            credit_status: credit_status.into(),
            refund_status: refund_status.map(Text),
            refunded_at: refunded_at.map(Micros),
            reason: Text(reason),
            description,
            items: all(&items),
            coupons_adjustment: Text(coupons_adjustment),
            taxes_amount: Text(taxes_amount),
            taxes_rate: Text(taxes_rate),
            taxes: all(&taxes),
            credit_amount_cents,
            refund_amount_cents,
            balance_amount_cents,
            issuing_date: Text(issuing_date),
            file,
            created_at: Micros(created_at),
            created_seq,
            updated_at: Micros(updated_at),
        }
    }
}

impl From<StoredCreditNote> for CreditNote {
    fn from(stored: StoredCreditNote) -> Self {
        CreditNote {
            id: stored.id.0,
            customer_id: stored.customer_id.0,
            invoice_id: stored.invoice_id.0,
            invoice_number: stored.invoice_number,
            sequential_id: stored.sequential_id,
            number: stored.number,
            currency: stored.currency.0,
            status: stored.status.0,
            credit_status: stored.credit_status.into(),
            refund_status: of_text(stored.refund_status),
            refunded_at: at(stored.refunded_at),
            reason: stored.reason.0,
            description: stored.description,
            items: stored.items.into_iter().map(Item::from).collect(),
            coupons_adjustment: stored.coupons_adjustment.0,
            taxes_amount: stored.taxes_amount.0,
            taxes_rate: stored.taxes_rate.0,
            taxes: stored.taxes.into_iter().map(AppliedTax::from).collect(),
            credit_amount_cents: stored.credit_amount_cents,
            refund_amount_cents: stored.refund_amount_cents,
            balance_amount_cents: stored.balance_amount_cents,
            issuing_date: stored.issuing_date.0,
            file: stored.file,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            updated_at: stored.updated_at.0,
        }
    }
}

impl Record for CreditNote {
    const KIND: &'static str = "credit_note";
    const SCHEMA: u32 = 1;
    type Stored = StoredCreditNote;

    fn key(&self, scope: Scope) -> Key {
        keys::credit_note(scope.organization, self.id)
    }

    /// In the lists of its organization and its customer. The notes of an invoice are found by their ids, which derive
    /// from it.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (organization, kind) = (scope.organization, keys::CREDIT_NOTES);
        vec![
            keys::in_list(organization, kind, self.created_at, self.created_seq),
            keys::in_children(organization, self.customer_id.0, kind, self.created_at, self.created_seq),
        ]
    }

    fn movements(before: Option<&Self>, after: &Self) -> Vec<Movement> {
        ledger::of_credit_note(before, after)
    }

    fn to_stored(&self) -> StoredCreditNote {
        self.into()
    }

    fn from_stored(stored: StoredCreditNote) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}

/// The mark of a note that can pay invoices.
#[must_use]
pub fn live_mark(note: &CreditNote) -> Live {
    Live { customer: note.customer_id, kind: LiveKind::CreditNote, id: note.id.0, created_seq: note.created_seq }
}

/// The notes of a draft invoice: together, so that they change with it in one write, and where no client's id leads.
///
/// When the invoice becomes final they are final here, and each moves into an item of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftNotes {
    /// The invoice.
    pub invoice: InvoiceId,
    /// Its notes, by their sequence.
    pub notes: Vec<CreditNote>,
}

/// The stored form of a draft's notes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredDraftNotes {
    invoice: Text<InvoiceId>,
    notes: Vec<StoredCreditNote>,
}

impl Record for DraftNotes {
    const KIND: &'static str = "draft_notes";
    const SCHEMA: u32 = 1;
    type Stored = StoredDraftNotes;

    fn key(&self, scope: Scope) -> Key {
        keys::draft_notes(scope.organization, self.invoice)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredDraftNotes {
        StoredDraftNotes { invoice: Text(self.invoice), notes: all(&self.notes) }
    }

    fn from_stored(stored: StoredDraftNotes) -> Result<Self, DecodeError> {
        let StoredDraftNotes { invoice, notes } = stored;
        Ok(DraftNotes { invoice: invoice.0, notes: notes.into_iter().map(CreditNote::from).collect() })
    }
}
