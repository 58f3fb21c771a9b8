//! What one commit posted to a customer's ledger: written with it, never changed.

use domain::id::{CustomerId, InvoiceId};
use domain::ledger::{Account, AccountKind, Document, DocumentKind, Entry, Event, InvoiceName, Posting, Side};
use domain::money::Currency;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::form::{Micros, Text, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The postings of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerTransaction {
    /// Whose ledger.
    pub customer: CustomerId,
    /// The commit's creation sequence: the ledger's order.
    pub seq: i64,
    /// What it posted, in order.
    pub postings: Vec<Posting>,
}

/// The stored form of a commit's postings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredLedgerTransaction {
    customer: Text<CustomerId>,
    seq: i64,
    postings: Vec<StoredPosting>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPosting {
    event: Text<Event>,
    at: Micros,
    currency: Text<Currency>,
    document: StoredDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice: Option<StoredInvoiceName>,
    entries: Vec<StoredEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDocument {
    kind: Text<DocumentKind>,
    id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredInvoiceName {
    id: Text<InvoiceId>,
    number: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEntry {
    account: Text<AccountKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    side: Text<Side>,
    amount_cents: i64,
}

words!(Side { Debit = "debit", Credit = "credit" });
words!(DocumentKind {
    Invoice = "invoice",
    CreditNote = "credit_note",
    WalletTransaction = "wallet_transaction",
    AppliedCoupon = "applied_coupon",
});
words!(Event {
    InvoiceFinalized = "invoice_finalized",
    InvoiceVoided = "invoice_voided",
    PaymentSucceeded = "payment_succeeded",
    PaymentReversed = "payment_reversed",
    CreditNoteIssued = "credit_note_issued",
    CreditNoteUsed = "credit_note_used",
    CreditNoteReturned = "credit_note_returned",
    CreditNoteVoided = "credit_note_voided",
    RefundSucceeded = "refund_succeeded",
    RefundReversed = "refund_reversed",
    CreditsPurchased = "credits_purchased",
    CreditsGranted = "credits_granted",
    CreditsUsed = "credits_used",
    CreditsReturned = "credits_returned",
    CouponApplied = "coupon_applied",
    CouponUsed = "coupon_used",
});
words!(AccountKind {
    Receivable = "receivable",
    Payments = "payments",
    Revenue = "revenue",
    Taxes = "taxes",
    Discounts = "discounts",
    CreditedRevenue = "credited_revenue",
    PrepaidSales = "prepaid_sales",
    GrantedCredits = "granted_credits",
    ForfeitedCredits = "forfeited_credits",
    Refunds = "refunds",
    CreditNote = "credit_note",
    Wallet = "wallet",
    Coupon = "coupon",
    PromisedDiscounts = "promised_discounts",
    Rounding = "rounding",
});

impl Record for LedgerTransaction {
    const KIND: &'static str = "ledger_transaction";
    const SCHEMA: u32 = 1;
    type Stored = StoredLedgerTransaction;

    fn key(&self, scope: Scope) -> Key {
        keys::ledger_transaction(scope.organization, self.customer, self.seq)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredLedgerTransaction {
        StoredLedgerTransaction {
            customer: Text(self.customer),
            seq: self.seq,
            postings: self.postings.iter().map(StoredPosting::from).collect(),
        }
    }

    fn from_stored(stored: StoredLedgerTransaction) -> Result<Self, DecodeError> {
        Ok(LedgerTransaction {
            customer: stored.customer.0,
            seq: stored.seq,
            postings: stored.postings.into_iter().map(Posting::from).collect(),
        })
    }
}

impl From<&Posting> for StoredPosting {
    fn from(posting: &Posting) -> StoredPosting {
        let Posting { event, at, currency, document, invoice, entries } = posting;
        let Document { kind, id, number } = document;
        let entry = |entry: &Entry| StoredEntry {
            account: Text(entry.account.kind),
            id: entry.account.id,
            side: Text(entry.side),
            amount_cents: entry.amount_cents,
        };
        StoredPosting {
            event: Text(*event),
            at: Micros(*at),
            currency: Text(*currency),
            document: StoredDocument { kind: Text(*kind), id: *id, number: number.clone() },
            invoice: invoice.as_ref().map(|name| StoredInvoiceName { id: Text(name.id), number: name.number.clone() }),
            entries: entries.iter().map(entry).collect(),
        }
    }
}

impl From<StoredPosting> for Posting {
    fn from(stored: StoredPosting) -> Posting {
        let StoredDocument { kind, id, number } = stored.document;
        let entry = |entry: StoredEntry| Entry {
            account: Account { kind: entry.account.0, id: entry.id },
            side: entry.side.0,
            amount_cents: entry.amount_cents,
        };
        Posting {
            event: stored.event.0,
            at: stored.at.0,
            currency: stored.currency.0,
            document: Document { kind: kind.0, id, number },
            invoice: stored.invoice.map(|name| InvoiceName { id: name.id.0, number: name.number }),
            entries: stored.entries.into_iter().map(entry).collect(),
        }
    }
}
