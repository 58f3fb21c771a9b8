//! What invoices post: what is owed when they become final, what is paid, and the way back when they are given up.
//!
//! What credit notes and prepaid credits pay of an invoice reduces what is owed, so that the account `receivable` is what the
//! customer is asked to pay. The use of a note is posted here, line by line; that of credits by their transaction.

use super::{Account, AccountKind, Document, DocumentKind, Draft, Event, Movement};
use crate::invoice::{CreditSource, Invoice, Kind, PaymentStatus, Status};
use crate::time::Instant;

/// The entries of an invoice that changed from `before` (none: it was just made) to `after`.
#[must_use]
pub fn of_invoice(before: Option<&Invoice>, after: &Invoice) -> Vec<Movement> {
    let was = before.map_or(Stage::NONE, Stage::of);
    let is = Stage::of(after);
    let mut movements = Vec::new();
    let post = |movements: &mut Vec<Movement>, draft: Draft, event: Event, at: Instant| {
        let document = Document { kind: DocumentKind::Invoice, id: after.id.0, number: Some(after.number.clone()) };
        let posting = draft.posting(event, at, after.currency, document);
        movements.extend(posting.map(|posting| Movement::Posted { customer: after.customer_id, posting }));
    };
    if is.counts && !was.counts {
        post(&mut movements, billed(after), Event::InvoiceFinalized, after.updated_at);
        movements.extend(notes_used(after));
    }
    if let (None, Some(voided_at)) = (was.voided_at, is.voided_at) {
        post(&mut movements, given_up(after), Event::InvoiceVoided, voided_at);
    }
    if is.is_paid && !was.is_paid {
        post(&mut movements, paid(after), Event::PaymentSucceeded, after.updated_at);
    }
    if was.is_paid && !is.is_paid {
        post(&mut movements, paid(after).reversed(), Event::PaymentReversed, after.updated_at);
    }
    movements
}

/// What the customer owes for an invoice; negative for one that was paid although it was given up.
#[must_use]
pub fn receivable_cents(invoice: &Invoice) -> i128 {
    let total = i128::from(invoice.totals.total);
    let Stage { counts, voided_at, .. } = Stage::of(invoice);
    let owed = if counts && voided_at.is_none() { total } else { 0 };
    owed - paid_cents(invoice)
}

/// What was paid of an invoice.
#[must_use]
pub fn paid_cents(invoice: &Invoice) -> i128 {
    if Stage::of(invoice).is_paid { i128::from(invoice.totals.total) } else { 0 }
}

/// What matters to the ledger of where an invoice stands.
#[derive(Clone, Copy)]
struct Stage {
    /// It is final, or was.
    counts: bool,
    voided_at: Option<Instant>,
    is_paid: bool,
}

impl Stage {
    const NONE: Stage = Stage { counts: false, voided_at: None, is_paid: false };

    fn of(invoice: &Invoice) -> Stage {
        let (counts, voided_at) = match invoice.status {
            Status::Draft => (false, None),
            Status::Finalized => (true, None),
            Status::Voided { voided_at } => (true, Some(voided_at)),
        };
        Stage { counts, voided_at, is_paid: counts && invoice.payment_status == PaymentStatus::Succeeded }
    }
}

fn receivable() -> Account {
    Account::of(AccountKind::Receivable)
}

/// Fees and taxes on the right; coupons and what is owed on the left. What credit notes and prepaid credits pay of it follows
/// from their own records.
fn billed(invoice: &Invoice) -> Draft {
    let totals = &invoice.totals;
    let mut draft = Draft::new().debit(receivable(), owed_before_credits(invoice));
    for line in &invoice.credits {
        if let CreditSource::Coupon { applied_coupon_id, .. } = &line.source {
            let account = Account::of_object(AccountKind::Discounts, applied_coupon_id.0);
            draft = draft.debit(account, line.amount_cents);
        }
    }
    draft.credit(Account::of(sales(invoice.kind)), totals.fees).credit(Account::of(AccountKind::Taxes), totals.taxes)
}

/// Nothing is owed any more. What credits had paid is forfeited until they are given back.
fn given_up(invoice: &Invoice) -> Draft {
    let totals = &invoice.totals;
    let credits = totals.credit_notes.saturating_add(totals.prepaid_credits);
    let mut draft = billed(invoice).reversed();
    // Instead of all of it, only what no credits have paid was still owed.
    draft = draft.debit(receivable(), credits).credit(Account::of(AccountKind::ForfeitedCredits), credits);
    draft
}

/// What credit notes pay of an invoice: a posting each, as each is a document of its own.
fn notes_used(invoice: &Invoice) -> impl Iterator<Item = Movement> + '_ {
    invoice.credits.iter().filter_map(|line| {
        let CreditSource::CreditNote { credit_note_id, number, .. } = &line.source else { return None };
        let note = Account::of_object(AccountKind::CreditNote, credit_note_id.0);
        let draft = Draft::new().debit(note, line.amount_cents).credit(receivable(), line.amount_cents);
        let document = Document { kind: DocumentKind::CreditNote, id: credit_note_id.0, number: Some(number.clone()) };
        let posting = draft.posting(Event::CreditNoteUsed, invoice.updated_at, invoice.currency, document)?;
        Some(Movement::Posted { customer: invoice.customer_id, posting })
    })
}

fn paid(invoice: &Invoice) -> Draft {
    let total = invoice.totals.total;
    Draft::new().debit(Account::of(AccountKind::Payments), total).credit(receivable(), total)
}

fn owed_before_credits(invoice: &Invoice) -> i64 {
    let totals = &invoice.totals;
    // The law of the total: what is left of these after credits is `total`, and never negative.
    totals.total.saturating_add(totals.credit_notes).saturating_add(totals.prepaid_credits)
}

/// A purchase of prepaid credits is revenue only when they are used: until they are delivered it is a sale to come.
fn sales(kind: Kind) -> AccountKind {
    match kind {
        Kind::Credit => AccountKind::PrepaidSales,
        Kind::Subscription | Kind::OneOff => AccountKind::Revenue,
    }
}
