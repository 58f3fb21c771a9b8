//! Every row and example of chapter 04, 10, and what no order of events may break.

use proptest::prelude::*;
use rust_decimal_macros::dec;

use super::limits::{Excess, Wanted, automatic};
use super::testing::{fee, invoice, noon};
use super::*;
use crate::invoice::{Fee, Kind, PaymentStatus};
use crate::problem::{Problems, codes};

const Z: Decimal = Decimal::ZERO;

fn priced(parts: &[(&Fee, Decimal)]) -> Amounts {
    let lines: Vec<Line<'_>> = parts.iter().map(|(fee, amount)| Line { fee, amount: *amount }).collect();
    amounts(&lines).unwrap()
}

fn wanted(parts: &[(&Fee, i64)]) -> Vec<Wanted> {
    parts.iter().map(|(fee, amount)| Wanted { fee_id: Some(fee.id), amount_cents: Ok(*amount) }).collect()
}

fn terms(credit_amount_cents: i64, refund_amount_cents: i64) -> Terms {
    Terms { reason: Reason::Other, description: None, credit_amount_cents, refund_amount_cents }
}

fn birth(seq: i64) -> Birth {
    Birth { at: noon(), date: noon().date_naive(), seq }
}

/// A note of `parts`, whatever the checks say.
fn made(of: &mut Invoice, notes: &mut Vec<CreditNote>, parts: &[(usize, i64)], credit: i64, refund: i64) {
    let fees = of.fees.clone();
    let lines: Vec<Line<'_>> =
        parts.iter().map(|(at, amount)| Line { fee: &fees[*at], amount: Decimal::from(*amount) }).collect();
    let priced = amounts(&lines).unwrap();
    let (note, left) = issue(of, notes, terms(credit, refund), (&lines, &priced), birth(notes.len() as i64));
    notes.push(note);
    *of = left;
}

/// Items, A, V, R, N, shown adjustment, taxes and sub total.
type Row = (Decimal, Decimal, Decimal, i64, i64, i64, i64);

fn check_amounts(parts: &[(&Fee, Decimal)], expected: Row) -> Amounts {
    let found = priced(parts);
    let shown = (
        found.coupons_adjustment,
        found.taxes_amount,
        found.taxes_rate,
        found.total_cents,
        amounts::cents(found.coupons_adjustment),
        amounts::cents(found.taxes_amount),
        found.sub_total_excluding_taxes_cents(),
    );
    assert_eq!(shown, expected);
    found
}

#[test]
fn the_manual_examples_of_10_6() {
    let twenty = [dec!(20)];
    let plain = |at, amount| fee(at, amount, Z, &twenty);
    let (a, b) = (plain(0, 10), plain(1, 10));
    check_amounts(&[(&a, dec!(10)), (&b, dec!(5))], (Z, dec!(3), dec!(20), 18, 0, 3, 15));
    let (a, b) = (fee(0, 10, dec!(5), &twenty), fee(1, 10, dec!(5), &twenty));
    check_amounts(&[(&a, dec!(10)), (&b, dec!(5))], (dec!(7.5), dec!(1.5), dec!(20), 9, 8, 2, 8));
    let (a, b) = (fee(0, 100, dec!(16.66667), &[dec!(12)]), fee(1, 20, dec!(3.33333), &[dec!(12), dec!(8)]));
    let c = check_amounts(
        &[(&a, dec!(20)), (&b, dec!(50))],
        (dec!(11.66666), dec!(10.33333), dec!(17.71429), 69, 12, 10, 58),
    );
    let rows: Vec<_> = c.taxes.iter().map(|row| (row.tax.amount_cents, row.base_amount_cents)).collect();
    assert_eq!(rows, [(7, 58), (3, 42)]);
    check_amounts(&[(&plain(0, 100), dec!(10))], (Z, dec!(2), dec!(20), 12, 0, 2, 10));
    let e = fee(0, 100, dec!(10), &twenty);
    check_amounts(&[(&e, dec!(20))], (dec!(2), dec!(3.6), dec!(20), 22, 2, 4, 18));
    // Nothing is left of a fee that coupons paid: no rate either.
    let free = fee(0, 100, dec!(100), &twenty);
    check_amounts(&[(&free, dec!(50))], (dec!(50), Z, Z, 0, 50, 0, 0));
}

#[test]
fn a_note_shows_what_it_is_made_of() {
    let mut of = invoice(7, vec![fee(0, 10, dec!(5), &[dec!(20)]), fee(1, 10, dec!(5), &[dec!(20)])]);
    let mut notes = Vec::new();
    made(&mut of, &mut notes, &[(0, 10), (1, 5)], 6, 3);
    let note = &notes[0];
    assert_eq!((note.number.as_str(), note.sequential_id), ("LAG-1A2B-001-002-CN001", 1));
    assert_eq!((note.total_amount_cents(), note.balance_amount_cents), (9, 6));
    assert_eq!((note.status, note.credit_status), (Status::Finalized, CreditStatus::Available));
    assert_eq!(note.refund_status, Some(RefundStatus::Pending));
    assert_eq!(
        (note.coupons_adjustment_cents(), note.taxes_amount_cents(), note.sub_total_excluding_taxes_cents()),
        (8, 2, 8)
    );
    assert_eq!(of.last_credit_note_sequence, 1);
    made(&mut of, &mut notes, &[(1, 5)], 3, 0);
    assert_eq!((notes[1].number.as_str(), notes[1].refund_status), ("LAG-1A2B-001-002-CN002", None));
    assert_ne!(notes[0].id, notes[1].id);
    assert_eq!(number_of("X", 1234), "X-CN1234");
}

#[test]
fn the_gross_amount_ignores_coupons() {
    let fees = vec![fee(0, 100, dec!(30), &[dec!(20)]), fee(1, 133, Z, &[dec!(20)])];
    assert_eq!(Limits { invoice: &invoice(1, fees), notes: &[] }.gross_cents(), Ok(280));
}

#[test]
fn items_are_checked_in_order_and_the_first_bad_one_ends_it() {
    let of = invoice(1, vec![fee(0, 100, Z, &[dec!(20)]), fee(1, 10, Z, &[])]);
    let [first, second] = &of.fees[..] else { panic!() };
    let limits = Limits { invoice: &of, notes: &[] };
    let check = |wanted: &[Wanted]| limits.check_items(wanted).map(|lines| lines.len());
    let refused = |code| Err(Refusal::Invalid(Problems::one("amount_cents", code)));
    assert_eq!(check(&wanted(&[(first, 100), (second, 10)])), Ok(2));
    assert_eq!(check(&[Wanted { fee_id: None, amount_cents: Ok(1) }]), Err(Refusal::FeeNotFound));
    let stranger = fee(9, 100, Z, &[]);
    assert_eq!(check(&wanted(&[(&stranger, 0)])), Err(Refusal::FeeNotFound));
    // An item before the strange one is bad: that is said.
    assert_eq!(check(&wanted(&[(first, 0), (&stranger, 1)])), refused(codes::INVALID_VALUE));
    assert_eq!(check(&wanted(&[(first, -5)])), refused(codes::INVALID_VALUE));
    assert_eq!(check(&wanted(&[(second, 11)])), refused(codes::ABOVE_FEE));
    // Earlier items of the request count.
    assert_eq!(check(&wanted(&[(second, 6), (second, 5)])), refused(codes::ABOVE_FEE));
    assert_eq!(check(&wanted(&[(second, 5), (second, 5)])), Ok(2));
    let unread = Wanted { fee_id: Some(first.id), amount_cents: Err("value_is_invalid") };
    assert_eq!(check(&[unread]), refused("value_is_invalid"));

    // Two halves of 5.5 round up to more than the whole of 11: the second does not fit.
    let mut of = invoice(1, vec![fee(0, 10, Z, &[dec!(10)])]);
    let mut notes = Vec::new();
    made(&mut of, &mut notes, &[(0, 5)], 6, 0);
    let limits = Limits { invoice: &of, notes: &notes };
    let result = limits.check_items(&wanted(&[(&of.fees[0], 5)])).map(|lines| lines.len());
    assert_eq!(result, refused(codes::ABOVE_INVOICE));
}

#[test]
fn of_purchases_and_voided_invoices_nothing_is_given_back() {
    let of = invoice(1, vec![fee(0, 100, Z, &[])]);
    let check = |invoice: &Invoice| Limits { invoice, notes: &[] }.check_invoice();
    assert_eq!(check(&of), Ok(()));
    assert_eq!(check(&Invoice { status: invoice::Status::Draft, ..of.clone() }), Ok(()));
    assert_eq!(check(&Invoice { kind: Kind::OneOff, ..of.clone() }), Ok(()));
    assert_eq!(check(&Invoice { kind: Kind::Credit, ..of.clone() }), Err(Refusal::TypeOrStatus));
    let voided = Invoice { status: invoice::Status::Voided { voided_at: noon() }, ..of };
    assert_eq!(check(&voided), Err(Refusal::TypeOrStatus));
}

#[test]
fn a_note_is_checked_as_a_whole() {
    let of = invoice(1, vec![fee(0, 100, Z, &[dec!(20)])]);
    let paid = Invoice { payment_status: PaymentStatus::Succeeded, ..of.clone() };
    let item = priced(&[(&of.fees[0], dec!(10))]);
    let check = |invoice: &Invoice, credit, refund, expected: &[(&str, &str)]| {
        let mut problems = Problems::default();
        expected.iter().for_each(|(field, code)| problems.add(field, code));
        let found = Limits { invoice, notes: &[] }.check_note(&item, credit, refund);
        assert_eq!(found, problems.or(()).map_err(Refusal::Invalid), "{credit} + {refund}");
    };
    // 10.6 D
    check(&of, 12, 0, &[]);
    check(&of, 12, 2, &[("refund_amount_cents", codes::UNPAID), ("base", codes::MISMATCH)]);
    check(&paid, 10, 2, &[]);
    check(&paid, 0, 12, &[]);
    check(&of, 11, 0, &[("base", codes::MISMATCH)]);
    let above =
        [("base", codes::MISMATCH), ("credit_amount_cents", codes::ABOVE_INVOICE), ("base", codes::ABOVE_INVOICE)];
    check(&of, 121, 0, &above);
    let above =
        [("base", codes::MISMATCH), ("refund_amount_cents", codes::ABOVE_INVOICE), ("base", codes::ABOVE_INVOICE)];
    check(&paid, 0, 121, &above);
    let above = [("base", codes::MISMATCH), ("refund_amount_cents", codes::ABOVE_INVOICE)];
    check(&Invoice { totals: invoice::Totals { total: 5, ..paid.totals.clone() }, ..paid }, 0, 6, &above);
}

#[test]
fn what_can_be_credited_and_paid_out() {
    let check = |of: &Invoice, notes: &[CreditNote], creditable, refundable| {
        let limits = Limits { invoice: of, notes };
        assert_eq!((limits.creditable().unwrap(), limits.refundable().unwrap()), (creditable, refundable));
    };
    let plain = invoice(1, vec![fee(0, 133, Z, &[dec!(20)])]);
    check(&plain, &[], dec!(160), Z);
    let paid = Invoice { payment_status: PaymentStatus::Succeeded, ..plain.clone() };
    check(&paid, &[], dec!(160), dec!(160));
    let with_credits = invoice::Totals { credit_notes: 30, prepaid_credits: 40, ..paid.totals.clone() };
    check(&Invoice { totals: with_credits, ..paid.clone() }, &[], dec!(160), dec!(90));
    let coupon = invoice(1, vec![fee(0, 200, dec!(20), &[dec!(20)])]);
    check(&coupon, &[], dec!(216), Z);
    check(&Invoice { status: invoice::Status::Draft, ..paid.clone() }, &[], Z, Z);
    check(&Invoice { kind: Kind::Credit, ..paid.clone() }, &[], Z, Z);
    // Everything is given back.
    let (mut of, mut notes) = (paid, Vec::new());
    made(&mut of, &mut notes, &[(0, 133)], 160, 0);
    check(&of, &notes, Z, Z);

    // The estimate of 10.8: 10.6 B on a paid invoice of 12.
    let fees = vec![fee(0, 10, dec!(5), &[dec!(20)]), fee(1, 10, dec!(5), &[dec!(20)])];
    let of = Invoice { payment_status: PaymentStatus::Succeeded, ..invoice(1, fees) };
    check(&of, &[], dec!(12), dec!(12));
    let items = priced(&[(&of.fees[0], dec!(10)), (&of.fees[1], dec!(5))]);
    assert_eq!(Limits { invoice: &of, notes: &[] }.max_refundable_cents(&items), Ok(9));
}

#[test]
fn a_voided_note_counts_with_what_was_used_of_it() {
    let mut of = invoice(1, vec![fee(0, 100, Z, &[])]);
    let mut notes = Vec::new();
    made(&mut of, &mut notes, &[(0, 60)], 60, 0);
    let left = |of: &Invoice, notes: &[CreditNote]| {
        let limits = Limits { invoice: of, notes };
        (limits.left_of(&of.fees[0]), limits.left_cents().unwrap(), limits.creditable().unwrap())
    };
    assert_eq!(left(&of, &notes), (dec!(40), 40, dec!(40)));
    notes[0] = balance::consumed(&notes[0], 15, noon()).unwrap().note;
    assert_eq!(left(&of, &notes), (dec!(40), 40, dec!(40)));
    notes[0] = balance::voided(&notes[0], noon()).unwrap();
    assert_eq!(left(&of, &notes), (dec!(85), 85, dec!(85)));
    assert_eq!(balance::voided(&notes[0], noon()), None);
    assert_eq!(balance::given_back(&notes[0], 15, noon()), None);
}

#[test]
fn notes_are_used_oldest_first() {
    let note = |seq: i64, balance: i64| {
        let (mut of, mut notes) = (invoice(seq as u128, vec![fee(0, 1000, Z, &[])]), Vec::new());
        made(&mut of, &mut notes, &[(0, balance)], balance, 0);
        CreditNote { created_seq: seq, ..notes.remove(0) }
    };
    let notes = [note(2, 50), note(1, 20)];
    let own = InvoiceId(uuid::Uuid::max());
    let check = |due, expected: &[(i64, i64)]| {
        let uses = consumption::consumption(&notes, own, Currency::EUR, due, noon());
        let found: Vec<_> = uses.iter().map(|one| (one.amount_cents, one.note.balance_amount_cents)).collect();
        assert_eq!(found, expected, "{due}");
        for one in uses {
            assert_eq!(one.note.credit_status == CreditStatus::Consumed, one.note.balance_amount_cents == 0);
        }
    };
    check(100, &[(20, 0), (50, 0)]);
    check(10, &[(10, 10)]);
    check(20, &[(20, 0)]);
    check(0, &[]);
    // Not those of the invoice itself, of drafts, voided, used up, or of another currency.
    let none = |note: CreditNote, invoice: InvoiceId| {
        assert_eq!(consumption::consumption(&[note], invoice, Currency::EUR, 10, noon()), []);
    };
    let first = notes[0].clone();
    none(first.clone(), first.invoice_id);
    none(CreditNote { status: Status::Draft, ..first.clone() }, own);
    none(balance::voided(&first, noon()).unwrap(), own);
    none(balance::consumed(&first, 50, noon()).unwrap().note, own);
    none(CreditNote { currency: Currency::USD, ..first }, own);
    let many: Vec<CreditNote> = (1..40).map(|seq| note(seq, 1)).collect();
    let uses = consumption::consumption(&many, own, Currency::EUR, 100, noon());
    assert_eq!(uses.len(), consumption::NOTES_PER_INVOICE_MAX);
}

#[test]
fn a_voided_invoice_gives_back() {
    let (mut of, mut notes) = (invoice(1, vec![fee(0, 1000, Z, &[])]), Vec::new());
    made(&mut of, &mut notes, &[(0, 320)], 320, 0);
    // Chapter 04, 6.6, example 3: balance 120, `consumed`, 200 given back.
    let note = CreditNote { balance_amount_cents: 120, credit_status: CreditStatus::Consumed, ..notes.remove(0) };
    let note = balance::given_back(&note, 200, noon()).unwrap();
    assert_eq!((note.balance_amount_cents, note.credit_status), (320, CreditStatus::Available));
}

#[test]
fn any_state_of_a_refund_may_follow_any() {
    let (mut of, mut notes) = (invoice(1, vec![fee(0, 100, Z, &[])]), Vec::new());
    made(&mut of, &mut notes, &[(0, 10)], 0, 10);
    let done = with_refund_status(&notes[0], RefundStatus::Succeeded, noon());
    assert_eq!((done.refund_status, done.refunded_at), (Some(RefundStatus::Succeeded), Some(noon())));
    assert_eq!(with_refund_status(&done, RefundStatus::Failed, noon()).refund_status, Some(RefundStatus::Failed));
}

/// A draft of `fees`, its note of `parts`, and the credit after the draft became `after`.
fn check_draft(fees: Vec<Fee>, parts: &[(usize, i64)], after: Vec<Fee>, expected: &[(i64, i64)]) -> Vec<CreditNote> {
    let mut of = Invoice { status: invoice::Status::Draft, ..invoice(1, fees) };
    let mut notes = Vec::new();
    for (at, amount) in parts {
        made(&mut of, &mut notes, &[(*at, *amount)], *amount, 0);
        assert_eq!(notes[0].status, Status::Draft);
    }
    let new = Invoice { fees: after, ..of.clone() };
    let notes = draft::recomputed(&notes, &of, &new, noon()).unwrap();
    let found: Vec<_> = notes.iter().map(|note| (note.items[0].amount_cents, note.credit_amount_cents)).collect();
    assert_eq!(found, expected);
    for (at, note) in notes.iter().enumerate() {
        assert_eq!(note.balance_amount_cents, note.credit_amount_cents);
        assert_eq!(note.number, number_of("LAG-1A2B-001-002", at as i64 + 1));
    }
    notes
}

#[test]
fn notes_of_a_draft_follow_its_fees() {
    let twenty = [dec!(20)];
    // 10.5: coupon share 20 on a fee of 100.
    let notes =
        check_draft(vec![fee(0, 100, Z, &twenty)], &[(0, 100)], vec![fee(0, 100, dec!(20), &twenty)], &[(100, 96)]);
    let note = &notes[0];
    assert_eq!((note.coupons_adjustment_cents(), note.taxes_amount_cents(), note.total_amount_cents()), (20, 16, 96));
    // The fee has another place and id.
    let moved = Fee { subscription_id: fee(0, 0, Z, &[]).subscription_id, ..fee(1, 100, Z, &[]) };
    let notes = check_draft(vec![fee(0, 100, Z, &[])], &[(0, 30)], vec![moved.clone()], &[(30, 30)]);
    assert_eq!(notes[0].items[0].fee_id, moved.id);
    // The fee became smaller: the first note takes what there is.
    check_draft(vec![fee(0, 100, Z, &[])], &[(0, 30), (0, 40)], vec![fee(0, 50, Z, &[])], &[(30, 30), (20, 20)]);
    // The fee of the first note is gone, and the note with it: the second is now the first.
    let both = vec![fee(0, 100, Z, &[]), fee(1, 100, Z, &[])];
    check_draft(both, &[(0, 30), (1, 40)], vec![fee(1, 100, Z, &[])], &[(40, 40)]);
    check_draft(vec![fee(0, 100, Z, &[])], &[(0, 30)], vec![fee(0, 0, Z, &[])], &[]);
    assert!(draft::finalized(notes[0].clone(), noon()).is_spendable());
    assert!(!notes[0].is_spendable());
}

#[test]
fn an_automatic_note_that_does_not_fit_is_refused_or_cut() {
    let of = invoice(1, vec![fee(0, 10, Z, &[dec!(10)])]);
    let (mut of, mut notes) = (of, Vec::new());
    made(&mut of, &mut notes, &[(0, 5)], 6, 0);
    let limits = Limits { invoice: &of, notes: &notes };
    let refused = automatic(&limits, &of.fees[0], dec!(5), Excess::Refuse).map(drop);
    assert_eq!(refused, Err(Refusal::Invalid(Problems::one("amount_cents", codes::ABOVE_INVOICE))));
    let (_, _, credit) = automatic(&limits, &of.fees[0], dec!(5), Excess::Limit).unwrap().unwrap();
    assert_eq!(credit, 5);
    let free = invoice(1, vec![fee(0, 10, dec!(10), &[])]);
    let limits = Limits { invoice: &free, notes: &[] };
    for excess in [Excess::Refuse, Excess::Limit] {
        let (line, priced, credit) = automatic(&limits, &free.fees[0], dec!(5), excess).unwrap().unwrap();
        assert_eq!((line.amount, priced.coupons_adjustment, credit), (dec!(5), dec!(5), 0));
    }
    let (mut of, mut notes) = (invoice(1, vec![fee(0, 10, Z, &[])]), Vec::new());
    made(&mut of, &mut notes, &[(0, 10)], 10, 0);
    let limits = Limits { invoice: &of, notes: &notes };
    assert_eq!(automatic(&limits, &of.fees[0], dec!(5), Excess::Limit).map(|made| made.is_some()), Ok(false));
}

#[derive(Debug, Clone)]
enum Step {
    /// A note of a source: which one, parts of its fees in percent, whether a part is refunded.
    Create(usize, Vec<(usize, i64)>, bool),
    /// An invoice of so much uses notes.
    Bill(i64),
    VoidInvoice(usize),
    VoidNote(usize),
    /// The draft is computed anew: amounts and coupon shares in percent.
    Refresh(Vec<(i64, i64)>),
    Finalize,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..2, prop::collection::vec((0_usize..3, 1_i64..=100), 1..4), any::<bool>())
            .prop_map(|(of, parts, refund)| Step::Create(of, parts, refund)),
        3 => (0_i64..400).prop_map(Step::Bill),
        2 => (0_usize..8).prop_map(Step::VoidInvoice),
        2 => (0_usize..8).prop_map(Step::VoidNote),
        1 => prop::collection::vec((0_i64..200, 0_i64..=100), 3).prop_map(Step::Refresh),
        1 => Just(Step::Finalize),
    ]
}

/// What a naive bookkeeper keeps beside the notes.
struct Books {
    sources: [Invoice; 2],
    notes: [Vec<CreditNote>; 2],
    /// Invoices that used notes: what each took of which, until it was voided.
    used: Vec<Vec<(CreditNoteId, i64)>>,
    /// What uses of a note were never given back.
    spent: std::collections::BTreeMap<CreditNoteId, i64>,
}

impl Books {
    fn note(&mut self, id: CreditNoteId) -> &mut CreditNote {
        self.notes.iter_mut().flatten().find(|note| note.id == id).unwrap()
    }

    fn nth(&self, at: usize) -> Option<CreditNoteId> {
        let all: Vec<_> = self.notes.iter().flatten().map(|note| note.id).collect();
        if all.is_empty() { None } else { Some(all[at % all.len()]) }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Create(of, parts, refund) => self.create(of, &parts, refund),
            Step::Bill(due) => {
                let all: Vec<CreditNote> = self.notes.iter().flatten().cloned().collect();
                let uses = consumption::consumption(&all, InvoiceId(uuid::Uuid::max()), Currency::EUR, due, noon());
                assert!(uses.iter().map(|one| one.amount_cents).sum::<i64>() <= due);
                let mut taken = Vec::new();
                for one in uses {
                    taken.push((one.note.id, one.amount_cents));
                    *self.spent.entry(one.note.id).or_default() += one.amount_cents;
                    let id = one.note.id;
                    *self.note(id) = one.note;
                }
                self.used.push(taken);
            }
            Step::VoidInvoice(at) if !self.used.is_empty() => {
                let at = at % self.used.len();
                for (id, amount) in self.used.remove(at) {
                    if let Some(note) = balance::given_back(self.note(id), amount, noon()) {
                        *self.spent.entry(id).or_default() -= amount;
                        *self.note(id) = note;
                    }
                }
            }
            Step::VoidNote(at) => {
                if let Some(id) = self.nth(at)
                    && let Some(note) = balance::voided(self.note(id), noon())
                {
                    *self.note(id) = note;
                }
            }
            Step::Refresh(fees) if self.sources[1].status == invoice::Status::Draft => {
                let before = self.sources[1].clone();
                let mut after = before.clone();
                for (fee, (amount, share)) in after.fees.iter_mut().zip(fees) {
                    fee.amount_cents = amount;
                    fee.coupon_share = Decimal::from(amount * share) / dec!(100);
                }
                self.notes[1] = draft::recomputed(&self.notes[1], &before, &after, noon()).unwrap();
                self.sources[1] = after;
            }
            Step::Finalize if self.sources[1].status == invoice::Status::Draft => {
                self.sources[1].status = invoice::Status::Finalized;
                let notes = std::mem::take(&mut self.notes[1]);
                self.notes[1] = notes.into_iter().map(|note| draft::finalized(note, noon())).collect();
            }
            Step::VoidInvoice(_) | Step::Refresh(_) | Step::Finalize => {}
        }
    }

    fn create(&mut self, of: usize, parts: &[(usize, i64)], refund: bool) {
        let (source, notes) = (self.sources[of].clone(), self.notes[of].clone());
        let limits = Limits { invoice: &source, notes: &notes };
        let wanted: Vec<Wanted> = parts
            .iter()
            .map(|(at, percent)| {
                let fee = &source.fees[*at];
                Wanted { fee_id: Some(fee.id), amount_cents: Ok(fee.amount_cents * percent / 100) }
            })
            .collect();
        let Ok(lines) = limits.check_items(&wanted) else { return };
        let priced = amounts(&lines).unwrap();
        assert!(limits.check_note(&priced, priced.total_cents + 1, 0).is_err(), "more than the items");
        let refund = if refund && of == 0 { priced.total_cents / 2 } else { 0 };
        let credit = priced.total_cents - refund;
        if limits.check_note(&priced, credit, refund).is_err() {
            return;
        }
        let seq = self.sources.iter().map(|source| source.last_credit_note_sequence).sum();
        let (note, left) = issue(&source, &notes, terms(credit, refund), (&lines, &priced), birth(seq));
        self.notes[of].push(note);
        self.sources[of] = left;
    }

    fn check(&self) {
        for (source, notes) in self.sources.iter().zip(&self.notes) {
            let limits = Limits { invoice: source, notes };
            assert!(limits.left_cents().unwrap() >= 0, "more was given back than the invoice is worth");
            for fee in &source.fees {
                assert!(limits.left_of(fee) >= Z, "more was given back than the fee is worth");
            }
            let numbers: Vec<i64> = notes.iter().map(|note| note.sequential_id).collect();
            assert_eq!(numbers, (1..=notes.len() as i64).collect::<Vec<_>>());
            for note in notes {
                let spent = self.spent.get(&note.id).copied().unwrap_or_default();
                let expected = if note.is_voided() { 0 } else { note.credit_amount_cents - spent };
                assert_eq!(note.balance_amount_cents, expected);
                assert!(note.balance_amount_cents >= 0 && spent <= note.credit_amount_cents);
                assert!(note.is_finalized() || spent == 0, "a draft note was used");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn balances_and_limits_hold_in_any_order(
        amounts in prop::collection::vec((1_i64..200, 0_i64..=100), 6),
        rate in 0_u32..30,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let rates = [Decimal::from(rate)];
        let fees = |part: &[(i64, i64)]| part.iter().enumerate().map(|(at, (amount, share))| {
            fee(at, *amount, Decimal::from(amount * share) / dec!(100), &rates)
        }).collect();
        let paid = Invoice { payment_status: PaymentStatus::Succeeded, ..invoice(1, fees(&amounts[..3])) };
        let draft = Invoice { status: invoice::Status::Draft, ..invoice(2, fees(&amounts[3..])) };
        let mut books = Books {
            sources: [paid, draft],
            notes: [Vec::new(), Vec::new()],
            used: Vec::new(),
            spent: std::collections::BTreeMap::new(),
        };
        for step in steps {
            books.take(step);
            books.check();
        }
    }

    #[test]
    fn parts_sum_to_the_whole(
        amounts in prop::collection::vec((1_i64..100_000, 0_i64..=100, 1_i64..=100), 1..6),
        rates in prop::collection::vec(0_u32..40, 0..3),
    ) {
        let rates: Vec<Decimal> = rates.into_iter().map(Decimal::from).collect();
        let fees: Vec<Fee> = amounts.iter().enumerate().map(|(at, (amount, share, _))| {
            fee(at, *amount, Decimal::from(amount * share) / dec!(100), &rates)
        }).collect();
        let lines = |part: &dyn Fn(i64, i64) -> Decimal| -> Vec<(usize, Decimal)> {
            amounts.iter().enumerate().map(|(at, (amount, _, percent))| (at, part(*amount, *percent))).collect()
        };
        let priced = |parts: &[(usize, Decimal)]| {
            let lines: Vec<Line<'_>> = parts.iter().map(|(at, amount)| Line { fee: &fees[*at], amount: *amount }).collect();
            super::amounts(&lines).unwrap()
        };
        let first = |amount: i64, percent: i64| Decimal::from(amount * percent / 100);
        let (one, two) = (lines(&first), lines(&|amount, percent| Decimal::from(amount) - first(amount, percent)));
        let whole = priced(&lines(&|amount, _| Decimal::from(amount)));
        let (one, two) = (priced(&one), priced(&two));
        prop_assert_eq!(one.items + two.items, whole.items);
        // Each of the two is rounded to 5 decimals once, and the whole is.
        let close = |sum: Decimal, whole: Decimal| (sum - whole).abs() <= dec!(0.000015);
        prop_assert!(close(one.coupons_adjustment + two.coupons_adjustment, whole.coupons_adjustment));
        prop_assert!(close(one.taxes_amount + two.taxes_amount, whole.taxes_amount));
        prop_assert!((one.total_cents + two.total_cents - whole.total_cents).abs() <= 1);
        // The whole of the fees is the whole of the invoice: fees less coupons and with taxes.
        let shares: Decimal = fees.iter().map(|fee| fee.coupon_share).sum();
        prop_assert!(close(whole.coupons_adjustment, shares));
    }
}
