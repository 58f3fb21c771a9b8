//! Which notes pay an invoice, and how much of each (chapter 04, 10.9).

use super::CreditNote;
use super::balance::{self, Use};
use crate::id::InvoiceId;
use crate::money::Currency;
use crate::time::Instant;

/// Most notes that one invoice uses: each is a write or two of the transaction that makes the invoice, and of the one that
/// would void it. What further notes hold stays available for the next invoice.
pub const NOTES_PER_INVOICE_MAX: usize = 16;

/// What the customer's notes pay of `due_cents`: the oldest first, none of the invoice itself.
#[must_use]
pub fn consumption(
    notes: &[CreditNote],
    invoice: InvoiceId,
    currency: Currency,
    mut due_cents: i64,
    at: Instant,
) -> Vec<Use> {
    let fits = |note: &&CreditNote| note.invoice_id != invoice && note.currency == currency && note.is_spendable();
    let mut eligible: Vec<&CreditNote> = notes.iter().filter(fits).collect();
    eligible.sort_by_key(|note| (note.created_at, note.created_seq));
    let mut uses = Vec::new();
    for note in eligible.into_iter().take(NOTES_PER_INVOICE_MAX) {
        let Some(used) = balance::consumed(note, due_cents, at) else { break };
        due_cents -= used.amount_cents;
        uses.push(used);
    }
    uses
}
