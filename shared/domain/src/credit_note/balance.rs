//! Every change of a note's balance: the one place that a statement of it has to follow (chapter 04, 6.6, 10.9, 10.10).
//!
//! `balance = credit - used + given back`, and 0 once voided. Nothing else in the code writes the field.

use super::{CreditNote, CreditStatus};
use crate::time::Instant;

/// A use of a note: what is left of it, and how much was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The note after it.
    pub note: CreditNote,
    /// Minor units, more than 0.
    pub amount_cents: i64,
}

/// The balance of a new note: its whole credit.
#[must_use]
pub fn opening(credit_amount_cents: i64) -> i64 {
    credit_amount_cents.max(0)
}

/// Pays up to `due_cents` with the note (chapter 04, 10.9); none if there is nothing to pay, or nothing to pay it with.
#[must_use]
pub fn consumed(note: &CreditNote, due_cents: i64, at: Instant) -> Option<Use> {
    let amount_cents = note.balance_amount_cents.min(due_cents);
    if !note.is_spendable() || amount_cents <= 0 {
        return None;
    }
    let balance_amount_cents = note.balance_amount_cents - amount_cents;
    let credit_status = if balance_amount_cents == 0 { CreditStatus::Consumed } else { CreditStatus::Available };
    let note = CreditNote { balance_amount_cents, credit_status, updated_at: at, ..note.clone() };
    Some(Use { note, amount_cents })
}

/// Gives back what a voided invoice had used of the note (chapter 04, 6.6). A voided note stays as it is: none.
#[must_use]
pub fn given_back(note: &CreditNote, amount_cents: i64, at: Instant) -> Option<CreditNote> {
    match note.credit_status {
        CreditStatus::Available | CreditStatus::Consumed => Some(CreditNote {
            balance_amount_cents: note.balance_amount_cents.saturating_add(amount_cents),
            credit_status: CreditStatus::Available,
            updated_at: at,
            ..note.clone()
        }),
        CreditStatus::Voided { .. } => None,
    }
}

/// Gives the balance up (chapter 04, 10.10); none if there is none, which is so for voided notes too.
#[must_use]
pub fn voided(note: &CreditNote, at: Instant) -> Option<CreditNote> {
    note.is_spendable().then(|| CreditNote {
        balance_amount_cents: 0,
        credit_status: CreditStatus::Voided { voided_at: at, given_up_cents: note.balance_amount_cents },
        updated_at: at,
        ..note.clone()
    })
}

/// A draft note with another credit (chapter 04, 10.5): nothing of a draft was ever used.
#[must_use]
pub(super) fn recredited(note: CreditNote, credit_amount_cents: i64) -> CreditNote {
    CreditNote { credit_amount_cents, balance_amount_cents: opening(credit_amount_cents), ..note }
}
