//! What credit notes post: issue, give-back, void and the pay-out of a refund. What they pay of an invoice, the invoice
//! posts; the difference of the balance, which every change states, has to agree with it.

use super::{Account, AccountKind, Document, DocumentKind, Draft, Event, Movement};
use crate::credit_note::{CreditNote, RefundStatus};

/// The entries of a final credit note that changed from `before` (none: it has just become final) to `after`, and by how much
/// its balance did.
#[must_use]
pub fn of_credit_note(before: Option<&CreditNote>, after: &CreditNote) -> Vec<Movement> {
    let note = Account::of_object(AccountKind::CreditNote, after.id.0);
    // Balances are not negative: their difference fits.
    let by = after.balance_amount_cents.saturating_sub(before.map_or(0, |before| before.balance_amount_cents));
    let balance = Movement::Balance { customer: after.customer_id, account: note, currency: after.currency, by };
    let is_given_up = after.is_voided() && !before.is_some_and(CreditNote::is_voided);
    let changed = match before {
        None => Some((Event::CreditNoteIssued, issued(note, after))),
        Some(_) if is_given_up => {
            let given_up = Draft::new().debit(note, -by).credit(Account::of(AccountKind::CreditedRevenue), -by);
            Some((Event::CreditNoteVoided, given_up))
        }
        Some(_) if by > 0 => {
            let returned = Draft::new().debit(Account::of(AccountKind::ForfeitedCredits), by).credit(note, by);
            Some((Event::CreditNoteReturned, returned))
        }
        Some(_) => None,
    };
    let document = || Document { kind: DocumentKind::CreditNote, id: after.id.0, number: Some(after.number.clone()) };
    let at = if before.is_none() { after.created_at } else { after.updated_at };
    let postings = changed.into_iter().chain(refund(before, after));
    let posted = postings.filter_map(|(event, draft)| draft.posting(event, at, after.currency, document()));
    let posted = posted.map(|posting| Movement::Posted { customer: after.customer_id, posting });
    std::iter::once(balance).chain(posted).collect()
}

/// Revenue and taxes that are taken back; what the customer gets for them.
fn issued(note: Account, after: &CreditNote) -> Draft {
    let (total, taxes) = (after.total_amount_cents(), after.taxes_amount_cents());
    Draft::new()
        .debit(Account::of(AccountKind::CreditedRevenue), total.saturating_sub(taxes))
        .debit(Account::of(AccountKind::Taxes), taxes)
        .credit(note, after.credit_amount_cents)
        .credit(Account::of(AccountKind::Refunds), after.refund_amount_cents)
}

/// A refund that was paid out, or is not any more.
fn refund(before: Option<&CreditNote>, after: &CreditNote) -> Option<(Event, Draft)> {
    let is_out = |note: &CreditNote| note.refund_status == Some(RefundStatus::Succeeded);
    let paid_out = Draft::new()
        .debit(Account::of(AccountKind::Refunds), after.refund_amount_cents)
        .credit(Account::of(AccountKind::Payments), after.refund_amount_cents);
    match (before.is_some_and(is_out), is_out(after)) {
        (false, true) => Some((Event::RefundSucceeded, paid_out)),
        (true, false) => Some((Event::RefundReversed, paid_out.reversed())),
        (false, false) | (true, true) => None,
    }
}
