//! Step 8 of settlement: credit notes, after taxes, the oldest first (chapter 04, 10.9).

use crate::credit_note::balance::Use;
use crate::credit_note::{CreditNote, consumption};
use crate::id::{CreditId, derived};
use crate::invoice::{CreditLine, CreditSource, Invoice};
use crate::time::Instant;

/// Pays with the customer's notes what coupons have left: the notes as they are then, in order of use.
pub(super) fn apply(invoice: &mut Invoice, notes: &[CreditNote], at: Instant) -> Vec<CreditNote> {
    let due = invoice.totals.total;
    let uses = consumption::consumption(notes, invoice.id, invoice.currency, due, at);
    for one in &uses {
        invoice.credits.push(credit(invoice, one, at));
        invoice.totals.credit_notes = invoice.totals.credit_notes.saturating_add(one.amount_cents);
    }
    // Uses never come to more than what is due.
    invoice.totals.total = due - invoice.totals.credit_notes;
    uses.into_iter().map(|one| one.note).collect()
}

fn credit(invoice: &Invoice, one: &Use, at: Instant) -> CreditLine {
    CreditLine {
        id: CreditId(derived("credit note credit", &[invoice.id.0.as_bytes(), one.note.id.0.as_bytes()])),
        amount_cents: one.amount_cents,
        source: CreditSource::CreditNote {
            credit_note_id: one.note.id,
            number: one.note.number.clone(),
            invoice_number: one.note.invoice_number.clone(),
        },
        created_at: at,
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use rust_decimal_macros::dec;

    use super::super::{Means, Parents, settle};
    use crate::credit_note::testing::{fee, invoice, noon};
    use crate::credit_note::{Birth, CreditNote, CreditStatus, Line, Reason, Terms, amounts, issue};
    use crate::invoice::{PaymentStatus, violations};

    /// A note of `credit` on an invoice of its own.
    fn note(seq: i64, credit_amount_cents: i64) -> CreditNote {
        let of = invoice(100 + seq.unsigned_abs() as u128, vec![fee(0, 100_000, Decimal::ZERO, &[])]);
        let lines = [Line { fee: &of.fees[0], amount: Decimal::from(credit_amount_cents) }];
        let terms = Terms { reason: Reason::Other, description: None, credit_amount_cents, refund_amount_cents: 0 };
        let birth = Birth { at: noon(), date: noon().date_naive(), seq };
        let priced = amounts(&lines).unwrap_or_else(|error| panic!("{error}"));
        issue(&of, &[], terms, (&lines, &priced), birth).0
    }

    /// Fees before tax of 20 %, and notes; then what the notes paid, what is left, and the balances after.
    fn check(fees: &[i64], balances: &[i64], expected: (i64, i64, &[i64])) {
        let fees = fees.iter().enumerate().map(|(at, amount)| fee(at, *amount, Decimal::ZERO, &[dec!(20)])).collect();
        let notes = (1..).zip(balances).map(|(seq, balance)| note(seq, *balance)).collect();
        let mut draft = invoice(1, fees);
        draft.fees.iter_mut().for_each(|fee| fee.subscription_id = None);
        let means = Means { credit_notes: notes, ..Means::default() };
        let settled = settle(draft, means, &Parents::new(), noon()).unwrap_or_else(|error| panic!("{error}"));
        let (totals, used) = (&settled.invoice.totals, &settled.used.credit_notes);
        let left: Vec<i64> = used.iter().map(|note| note.balance_amount_cents).collect();
        assert_eq!((totals.credit_notes, totals.total, left.as_slice()), expected);
        assert_eq!(settled.invoice.credits.iter().map(|line| line.amount_cents).sum::<i64>(), totals.credit_notes);
        assert_eq!(violations(&settled.invoice), Vec::<String>::new());
        assert_eq!(settled.invoice.payment_status == PaymentStatus::Succeeded, totals.total == 0);
        let is_consumed = |note: &CreditNote| note.credit_status == CreditStatus::Consumed;
        assert!(used.iter().all(|note| is_consumed(note) == (note.balance_amount_cents == 0)));
    }

    #[test]
    fn notes_pay_after_taxes_and_leave_the_rest() {
        // Chapter 04, 10.9 and 3.4 B.
        check(&[100], &[20, 50], (70, 50, &[0, 0]));
        check(&[100], &[10], (10, 110, &[0]));
        check(&[10], &[20, 50], (12, 0, &[8]));
        check(&[0], &[20, 50], (0, 0, &[]));
        check(&[100], &[120, 5], (120, 0, &[0]));
        check(&[], &[20], (0, 0, &[]));
    }
}
