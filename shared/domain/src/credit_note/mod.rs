//! Credit notes: what an invoice gives back. Rules: chapter 04, 10.
//!
//! Owns: a note's amounts (`amounts`), what may still be credited of an invoice (`limits`), every change of a balance
//! (`balance`), notes of drafts (`draft`), and the note itself.
//!
//! Does not own: when a plan's unused days are credited (`billing::unused`), and the order of an invoice's deductions.
//!
//! Invariants:
//! - Credit and refund of an invoice's notes together never exceed the invoice's fees with their taxes, nor a fee's items
//!   the fee.
//! - A balance is the credit, less what invoices used of it, plus what voided invoices gave back; it is 0 once the note is
//!   voided, and never negative.
//! - The notes of an invoice are numbered 1, 2, 3 ... without a gap.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::id::{AppliedTaxId, CreditNoteId, CreditNoteItemId, CustomerId, FeeId, InvoiceId, derived};
use crate::invoice::{self, Invoice};
use crate::money::Currency;
use crate::number;
use crate::tax::FeeTax;
use crate::time::Instant;

pub mod amounts;
pub mod balance;
pub mod consumption;
pub mod draft;
pub mod limits;

pub use amounts::{Amounts, Line, amounts};
pub use limits::{Limits, Refusal};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

/// Whether a note counts: it follows its invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its invoice is a draft: nobody sees it, nothing can be paid with it.
    Draft,
    /// Its invoice is final.
    Finalized,
}

/// How the credit of a note stands (chapter 04, 10.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditStatus {
    /// Its balance, if there is any, pays invoices.
    Available,
    /// The balance is used up.
    Consumed,
    /// Given up by hand.
    Voided {
        /// When.
        voided_at: Instant,
        /// The balance that was given up, minor units: it counts as never credited.
        given_up_cents: i64,
    },
}

/// How the refund of a note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// Not paid out yet.
    Pending,
    /// Paid out.
    Succeeded,
    /// An attempt failed.
    Failed,
}

/// Why a note was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Charged twice.
    DuplicatedCharge,
    /// Not what was wanted.
    ProductUnsatisfactory,
    /// The order was changed.
    OrderChange,
    /// The order was canceled, or a plan in advance ended early.
    OrderCancellation,
    /// Charged by fraud.
    FraudulentCharge,
    /// Anything else.
    Other,
}

/// A part of a fee that is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Id.
    pub id: CreditNoteItemId,
    /// The fee.
    pub fee_id: FeeId,
    /// Without tax, before coupons, minor units with 5 decimals.
    pub amount: Decimal,
    /// The same, rounded.
    pub amount_cents: i64,
}

/// A tax on a note: every item whose fee carries it, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedTax {
    /// The fee's snapshot of the tax, with its rounded amount on the note.
    pub tax: FeeTax,
    /// The rounded taxable base, minor units.
    pub base_amount_cents: i64,
}

/// A credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    /// Id, derived from the invoice and the note's place among those ever made of it.
    pub id: CreditNoteId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The invoice that it gives back of.
    pub invoice_id: InvoiceId,
    /// That invoice's number.
    pub invoice_number: String,
    /// 1, 2, 3 ... per invoice.
    pub sequential_id: i64,
    /// `<invoice number>-CN<sequential_id, 3 digits>`.
    pub number: String,
    /// Currency of every amount on it.
    pub currency: Currency,
    /// Whether it counts.
    pub status: Status,
    /// How its credit stands.
    pub credit_status: CreditStatus,
    /// How its refund stands; none while nothing was to be refunded.
    pub refund_status: Option<RefundStatus>,
    /// When the refund succeeded.
    pub refunded_at: Option<Instant>,
    /// Why it was issued.
    pub reason: Reason,
    /// The issuer's own words.
    pub description: Option<String>,
    /// What it gives back, oldest first.
    pub items: Vec<Item>,
    /// The items' part of the invoice's coupons, minor units with 5 decimals.
    pub coupons_adjustment: Decimal,
    /// The taxes of the items net of coupons, minor units with 5 decimals.
    pub taxes_amount: Decimal,
    /// Average tax rate, percent, 5 decimals.
    pub taxes_rate: Decimal,
    /// The taxes one by one.
    pub taxes: Vec<AppliedTax>,
    /// What may pay invoices in all, minor units.
    pub credit_amount_cents: i64,
    /// What is paid out, minor units.
    pub refund_amount_cents: i64,
    /// What is left of the credit, minor units. Changed in `balance` only.
    pub balance_amount_cents: i64,
    /// Local date of its creation.
    pub issuing_date: NaiveDate,
    /// Key of the PDF in the blob store, once made.
    pub file: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl CreditNote {
    /// Credit and refund.
    #[must_use]
    pub fn total_amount_cents(&self) -> i64 {
        self.credit_amount_cents.saturating_add(self.refund_amount_cents)
    }

    /// Items less coupons, both unrounded, rounded (chapter 04, 10.1).
    #[must_use]
    pub fn sub_total_excluding_taxes_cents(&self) -> i64 {
        // Items are parts of fees that were summed up in 64 bits: these sums are far from the end of a decimal.
        let items: Decimal = self.items.iter().map(|item| item.amount).sum();
        amounts::cents(items - self.coupons_adjustment)
    }

    /// The coupons' part, rounded.
    #[must_use]
    pub fn coupons_adjustment_cents(&self) -> i64 {
        amounts::cents(self.coupons_adjustment)
    }

    /// The taxes, rounded.
    #[must_use]
    pub fn taxes_amount_cents(&self) -> i64 {
        amounts::cents(self.taxes_amount)
    }

    /// Whether clients see it.
    #[must_use]
    pub fn is_finalized(&self) -> bool {
        self.status == Status::Finalized
    }

    /// Whether it was given up.
    #[must_use]
    pub fn is_voided(&self) -> bool {
        matches!(self.credit_status, CreditStatus::Voided { .. })
    }

    /// Whether invoices can be paid with it.
    #[must_use]
    pub fn is_spendable(&self) -> bool {
        self.is_finalized() && self.credit_status == CreditStatus::Available && self.balance_amount_cents > 0
    }

    /// The credit without what a void gave up (00-index: a voided note counts only with what was consumed of it).
    #[must_use]
    pub fn counted_credit_cents(&self) -> i64 {
        match self.credit_status {
            CreditStatus::Available | CreditStatus::Consumed => self.credit_amount_cents,
            CreditStatus::Voided { given_up_cents, .. } => self.credit_amount_cents.saturating_sub(given_up_cents),
        }
    }

    /// Credit and refund without what a void gave up.
    #[must_use]
    pub fn counted_total_cents(&self) -> i64 {
        self.counted_credit_cents().saturating_add(self.refund_amount_cents)
    }

    /// What counts as given back of a fee: its items, of a voided note the part of them that was used.
    #[must_use]
    pub fn counted_of(&self, fee: FeeId) -> Decimal {
        let items = self.items.iter().filter(|item| item.fee_id == fee).map(|item| Decimal::from(item.amount_cents));
        let (counted, total) = (self.counted_total_cents(), self.total_amount_cents());
        let whole: Decimal = items.sum();
        if counted == total { whole } else { number::mul_div(whole, counted.into(), total.into()) }
    }
}

/// The id of the note at `place` (from 1) among all notes ever made of an invoice: those of an invoice are found without
/// an index, and a second try meets the first.
#[must_use]
pub fn note_id(invoice: InvoiceId, place: i64) -> CreditNoteId {
    CreditNoteId(derived("credit note", &[invoice.0.as_bytes(), &place.to_be_bytes()]))
}

/// The number of a note (chapter 04, 6.7).
#[must_use]
pub fn number_of(invoice_number: &str, sequential_id: i64) -> String {
    format!("{invoice_number}-CN{sequential_id:03}")
}

/// What a note is made of beside its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Why.
    pub reason: Reason,
    /// The issuer's own words.
    pub description: Option<String>,
    /// What may pay invoices, minor units.
    pub credit_amount_cents: i64,
    /// What is paid out, minor units.
    pub refund_amount_cents: i64,
}

/// When a note is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth {
    /// The instant.
    pub at: Instant,
    /// Its date in the customer's zone.
    pub date: NaiveDate,
    /// Order of creation.
    pub seq: i64,
}

/// A new note of `invoice` and the invoice as it leaves it. `others` are the notes that exist of the invoice.
///
/// The amounts are checked before (`limits`). The note is a draft if its invoice is one.
#[must_use]
pub fn issue(
    invoice: &Invoice,
    others: &[CreditNote],
    terms: Terms,
    (lines, priced): (&[Line<'_>], &Amounts),
    birth: Birth,
) -> (CreditNote, Invoice) {
    let place = invoice.last_credit_note_sequence + 1;
    let sequential_id = others.iter().map(|note| note.sequential_id).max().unwrap_or_default() + 1;
    let id = note_id(invoice.id, place);
    let note = CreditNote {
        id,
        customer_id: invoice.customer_id,
        invoice_id: invoice.id,
        invoice_number: invoice.number.clone(),
        sequential_id,
        number: number_of(&invoice.number, sequential_id),
        currency: invoice.currency,
        status: match invoice.status {
            invoice::Status::Draft => Status::Draft,
            invoice::Status::Finalized | invoice::Status::Voided { .. } => Status::Finalized,
        },
        credit_status: CreditStatus::Available,
        refund_status: (terms.refund_amount_cents > 0).then_some(RefundStatus::Pending),
        refunded_at: None,
        reason: terms.reason,
        description: terms.description,
        items: lines.iter().enumerate().map(|(position, line)| item(id, position, line)).collect(),
        coupons_adjustment: priced.coupons_adjustment,
        taxes_amount: priced.taxes_amount,
        taxes_rate: priced.taxes_rate,
        taxes: applied(id, priced),
        credit_amount_cents: terms.credit_amount_cents,
        refund_amount_cents: terms.refund_amount_cents,
        balance_amount_cents: balance::opening(terms.credit_amount_cents),
        issuing_date: birth.date,
        file: None,
        created_at: birth.at,
        created_seq: birth.seq,
        updated_at: birth.at,
    };
    (note, Invoice { last_credit_note_sequence: place, ..invoice.clone() })
}

fn item(note: CreditNoteId, position: usize, line: &Line<'_>) -> Item {
    Item {
        id: CreditNoteItemId(derived("credit note item", &[note.0.as_bytes(), &(position as u64).to_be_bytes()])),
        fee_id: line.fee.id,
        amount: line.amount,
        amount_cents: line.amount_cents(),
    }
}

/// The taxes of a note's amounts, with ids of their own.
fn applied(note: CreditNoteId, priced: &Amounts) -> Vec<AppliedTax> {
    let own_id = |tax: &FeeTax| AppliedTaxId(derived("applied tax", &[note.0.as_bytes(), tax.tax_id.0.as_bytes()]));
    let row = |row: &AppliedTax| AppliedTax { tax: FeeTax { id: own_id(&row.tax), ..row.tax.clone() }, ..row.clone() };
    priced.taxes.iter().map(row).collect()
}

/// A note with another state of its refund (chapter 04, 10.10): any may follow any.
#[must_use]
pub fn with_refund_status(note: &CreditNote, status: RefundStatus, at: Instant) -> CreditNote {
    let refunded_at = match status {
        RefundStatus::Succeeded => Some(at),
        RefundStatus::Pending | RefundStatus::Failed => note.refunded_at,
    };
    CreditNote { refund_status: Some(status), refunded_at, updated_at: at, ..note.clone() }
}
