//! Postings of every kind of document, and the laws that hold of any of them.

use std::ops::Range;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::coupon::{AppliedCoupon, Discount, Frequency};
use crate::id::{AppliedCouponId, CouponId, CreditId, CreditNoteId};
use crate::invoice::{
    CouponValue, CreditLine, CreditSource, Invoice, Kind, PaymentStatus, Status, Totals, initial_payment_status,
};
use crate::time::Zone;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn customer() -> CustomerId {
    CustomerId(Uuid::from_u128(3))
}

/// A final invoice with these sums; the total follows from them.
fn bill(fees: i64, coupons: i64, taxes: i64, credit_notes: i64, prepaid_credits: i64) -> Invoice {
    let sub_total_including_taxes = fees - coupons + taxes;
    let total = sub_total_including_taxes - credit_notes - prepaid_credits;
    let coupon = CreditLine {
        id: CreditId(Uuid::from_u128(8)),
        amount_cents: coupons,
        source: CreditSource::Coupon {
            applied_coupon_id: AppliedCouponId(Uuid::from_u128(9)),
            coupon_id: CouponId(Uuid::from_u128(10)),
            code: "ten".into(),
            name: "Ten".into(),
            value: CouponValue::Fixed(coupons),
        },
        created_at: at("2024-02-01T00:00:00Z"),
    };
    Invoice {
        id: InvoiceId(Uuid::from_u128(0x10000)),
        customer_id: customer(),
        sequential_id: 1,
        number: "ACME-001-001".into(),
        kind: Kind::Subscription,
        status: Status::Finalized,
        payment_status: initial_payment_status(total),
        currency: "EUR".parse().unwrap(),
        zone: Zone::parse("UTC").unwrap(),
        issuing_date: "2024-02-01".parse().unwrap(),
        payment_due_date: "2024-02-01".parse().unwrap(),
        net_payment_term: 0,
        subscriptions: Vec::new(),
        fees: Vec::new(),
        taxes: Vec::new(),
        credits: if coupons > 0 { vec![coupon] } else { Vec::new() },
        prepaid: None,
        totals: Totals {
            fees,
            coupons,
            sub_total_excluding_taxes: fees - coupons,
            taxes,
            sub_total_including_taxes,
            credit_notes,
            prepaid_credits,
            total,
            taxes_rate: rust_decimal::Decimal::ZERO,
        },
        metadata: Vec::new(),
        file: None,
        next_due: None,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: at("2024-02-01T00:00:00Z"),
        created_seq: 1,
        updated_at: at("2024-02-01T00:00:00Z"),
    }
}

fn text(movements: &[Movement]) -> String {
    let mut text = String::new();
    for movement in movements {
        match movement {
            Movement::Posted { posting, .. } => {
                text += &format!("{} {}\n", posting.event.as_str(), posting.document.kind.as_str());
                for entry in &posting.entries {
                    let (indent, id) = match entry.side {
                        Side::Debit => ("  ", entry.account.id),
                        Side::Credit => ("      ", entry.account.id),
                    };
                    let id = id.map(|id| format!(" {:x}", id.as_u128())).unwrap_or_default();
                    text += &format!("{indent}{}{id} {}\n", entry.account.kind.as_str(), entry.amount_cents);
                }
            }
            Movement::Settled(credits) => text += &format!("{} {}\n", credits.purpose.as_str(), credits.cents),
            Movement::Balance { account, by, .. } => text += &format!("{} by {by}\n", account.kind.as_str()),
        }
    }
    text
}

fn posts(before: Option<&Invoice>, after: &Invoice, expected: &Expect) {
    expected.assert_eq(&text(&of_invoice(before, after)));
}

#[test]
fn an_invoice_posts_what_is_owed_when_it_becomes_final() {
    // Example A of chapter 04, 3.4. What the credit note and the wallet pay of it, they post.
    let invoice = bill(7000, 1000, 600, 2000, 3000);
    let expected = expect![[r#"
        invoice_finalized invoice
          receivable 6600
          discounts 9 1000
              revenue 7000
              taxes 600
    "#]];
    posts(None, &invoice, &expected);
    let note = CreditSource::CreditNote {
        credit_note_id: CreditNoteId(Uuid::from_u128(11)),
        number: "ACME-001-000-CN001".into(),
        invoice_number: "ACME-001-000".into(),
    };
    let line = CreditLine {
        id: CreditId(Uuid::from_u128(12)),
        amount_cents: 2000,
        source: note,
        created_at: at("2024-02-01T00:00:00Z"),
    };
    let with_note = Invoice { credits: [invoice.credits.clone(), vec![line]].concat(), ..invoice.clone() };
    posts(
        None,
        &with_note,
        &expect![[r#"
        invoice_finalized invoice
          receivable 6600
          discounts 9 1000
              revenue 7000
              taxes 600
        credit_note_used credit_note
          credit_note b 2000
              receivable 2000
    "#]],
    );
    let draft = Invoice { status: Status::Draft, ..invoice.clone() };
    posts(None, &draft, &expect![""]);
    posts(Some(&draft), &draft, &expect![""]);
    posts(Some(&draft), &invoice, &expected);
    posts(Some(&invoice), &invoice, &expect![""]);
}

#[test]
fn payments_come_and_go() {
    let pending = bill(1000, 0, 200, 0, 0);
    let succeeded = Invoice { payment_status: PaymentStatus::Succeeded, ..pending.clone() };
    let failed = Invoice { payment_status: PaymentStatus::Failed, ..pending.clone() };
    let payment = expect![[r#"
        payment_succeeded invoice
          payments 1200
              receivable 1200
    "#]];
    posts(Some(&pending), &succeeded, &payment);
    posts(Some(&failed), &succeeded, &payment);
    posts(Some(&pending), &failed, &expect![""]);
    posts(Some(&succeeded), &succeeded, &expect![""]);
    let reversal = expect![[r#"
        payment_reversed invoice
              payments 1200
          receivable 1200
    "#]];
    posts(Some(&succeeded), &pending, &reversal);
    posts(Some(&succeeded), &failed, &reversal);
    // Nothing to pay, nothing to post.
    posts(None, &bill(0, 0, 0, 0, 0), &expect![""]);
}

#[test]
fn a_voided_invoice_takes_everything_back() {
    let invoice = bill(7000, 1000, 600, 2000, 3000);
    let voided = Status::Voided { voided_at: at("2024-02-03T00:00:00Z") };
    // 1600 were still owed; 5000 of credits wait to be given back.
    let expected = expect![[r#"
        invoice_voided invoice
              receivable 6600
              discounts 9 1000
          revenue 7000
          taxes 600
          receivable 5000
              forfeited_credits 5000
    "#]];
    let given_up = Invoice { status: voided, ..invoice.clone() };
    posts(Some(&invoice), &given_up, &expected);
    assert_eq!((receivable_cents(&invoice), receivable_cents(&given_up)), (1600, 0));
    // Paid although given up: the customer is owed the money.
    let paid = Invoice { payment_status: PaymentStatus::Succeeded, ..given_up.clone() };
    posts(
        Some(&given_up),
        &paid,
        &expect![[r#"
        payment_succeeded invoice
          payments 1600
              receivable 1600
    "#]],
    );
    assert_eq!(receivable_cents(&paid), -1600);
}

#[test]
fn a_purchase_of_credits_is_a_sale_to_come() {
    posts(
        None,
        &Invoice { kind: Kind::Credit, ..bill(1500, 0, 0, 0, 0) },
        &expect![[r#"
        invoice_finalized invoice
          receivable 1500
              prepaid_sales 1500
    "#]],
    );
}

#[test]
fn a_balance_must_be_explained() {
    let wallet = Account::of_object(AccountKind::Wallet, Uuid::from_u128(7));
    let currency = "EUR".parse().unwrap();
    let balance = |by| Movement::Balance { customer: customer(), account: wallet, currency, by };
    let invoice = of_invoice(None, &bill(1000, 0, 0, 0, 300));
    let used = Draft::new().debit(wallet, 300).credit(Account::of(AccountKind::Receivable), 300);
    let document = Document { kind: DocumentKind::WalletTransaction, id: Uuid::from_u128(6), number: None };
    let now = at("2024-02-01T00:00:00Z");
    let posting = used.posting(Event::CreditsUsed, now, currency, document).unwrap();
    let posted = Movement::Posted { customer: customer(), posting };
    let all = |by| [invoice.clone(), vec![balance(by), posted.clone()]].concat();
    let gathered = gather(all(-300)).unwrap();
    // What was used says what for.
    let name = InvoiceName { id: InvoiceId(Uuid::from_u128(0x10000)), number: "ACME-001-001".into() };
    assert_eq!(gathered[&customer()][1].invoice, Some(name));
    assert_eq!(gathered[&customer()][0].invoice, None);
    assert_eq!(gather(all(-299)), Err(Unexplained { account: wallet, by: -299, posted: -300 }));
    assert_eq!(gather(vec![balance(5)]), Err(Unexplained { account: wallet, by: 5, posted: 0 }));
    assert_eq!(gather(vec![balance(0)]), Ok(BTreeMap::new()));
}

#[test]
fn credits_post_where_they_come_from_and_go_to() {
    let (wallet, currency) = (WalletId(Uuid::from_u128(7)), "EUR".parse().unwrap());
    let account = Account::of_object(AccountKind::Wallet, wallet.0);
    let check = |purpose, cents: i64, amount: &str, expected: Expect| {
        let (id, at) = (WalletTransactionId(Uuid::from_u128(6)), at("2024-02-01T00:00:00Z"));
        let settled = Movement::Settled(Credits { id, wallet, purpose, cents, amount: amount.parse().unwrap(), at });
        let by = if purpose == Purpose::Invoiced { -cents } else { cents };
        let balance = Movement::Balance { customer: customer(), account, currency, by };
        let mut gathered = gather(vec![settled.clone(), balance]).unwrap();
        let posted = gathered.remove(&customer()).unwrap_or_default();
        assert_eq!(violations(&posted), Vec::<String>::new());
        let movements = posted.into_iter().map(|posting| Movement::Posted { customer: customer(), posting });
        expected.assert_eq(&text(&movements.collect::<Vec<_>>()));
        // Without its wallet, or with another change of it, nothing is written.
        assert_eq!(gather(vec![settled.clone()]).is_err(), cents > 0);
        let other = Movement::Balance { customer: customer(), account, currency, by: by + 1 };
        assert!(gather(vec![settled, other]).is_err());
    };
    check(
        Purpose::Purchased,
        1000,
        "10",
        expect![[r#"
        credits_purchased wallet_transaction
          prepaid_sales 1000
              wallet 7 1000
    "#]],
    );
    // 0.019 EUR cost 2 cents and are worth 1.
    check(
        Purpose::Purchased,
        1,
        "0.019",
        expect![[r#"
        credits_purchased wallet_transaction
          prepaid_sales 2
              wallet 7 1
              rounding 1
    "#]],
    );
    check(
        Purpose::Granted,
        500,
        "5",
        expect![[r#"
        credits_granted wallet_transaction
          granted_credits 500
              wallet 7 500
    "#]],
    );
    check(
        Purpose::Invoiced,
        300,
        "3",
        expect![[r#"
        credits_used wallet_transaction
          wallet 7 300
              receivable 300
    "#]],
    );
    check(
        Purpose::Voided,
        300,
        "3",
        expect![[r#"
        credits_returned wallet_transaction
          forfeited_credits 300
              wallet 7 300
    "#]],
    );
    check(Purpose::Granted, 0, "0.001", expect![""]);
}

#[test]
fn a_coupon_with_an_amount_is_used_up() {
    let currency: Currency = "EUR".parse().unwrap();
    let coupon = |frequency, credited_cents| AppliedCoupon {
        id: AppliedCouponId(Uuid::from_u128(9)),
        coupon_id: CouponId(Uuid::from_u128(10)),
        coupon_code: "ten".into(),
        coupon_name: "Ten".into(),
        customer_id: customer(),
        discount: Discount::Fixed { amount_cents: 1000, currency },
        frequency,
        frequency_duration: None,
        frequency_duration_remaining: None,
        limit: crate::coupon::Limit::None,
        credited_cents,
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 1,
        terminated_at: None,
    };
    let check = |before: Option<&AppliedCoupon>, after: &AppliedCoupon, expected: Expect| {
        expected.assert_eq(&text(&of_applied_coupon(before, after)));
    };
    let (fresh, used) = (coupon(Frequency::Once, 0), coupon(Frequency::Once, 300));
    check(
        None,
        &fresh,
        expect![[r#"
        coupon_applied applied_coupon
          promised_discounts 1000
              coupon 9 1000
    "#]],
    );
    check(
        Some(&fresh),
        &used,
        expect![[r#"
        coupon_used applied_coupon
          coupon 9 300
              promised_discounts 300
    "#]],
    );
    // What ends keeps its figures; what has no amount to use up has no account.
    check(Some(&used), &used.terminated(at("2024-03-01T00:00:00Z")), expect![""]);
    check(None, &coupon(Frequency::Forever, 0), expect![""]);
    check(None, &AppliedCoupon { discount: Discount::Percentage(10.into()), ..fresh.clone() }, expect![""]);
    // A use is dated by its invoice, and names it.
    let movements = [of_invoice(None, &bill(1000, 300, 0, 0, 0)), of_applied_coupon(Some(&fresh), &used)].concat();
    let posted = gather(movements).unwrap().remove(&customer()).unwrap();
    assert_eq!(posted[1].at, at("2024-02-01T00:00:00Z"));
    assert!(posted[1].invoice.is_some());
}

#[test]
fn words_are_words_of_one_kind_each() {
    let words: std::collections::BTreeSet<_> = AccountKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), AccountKind::ALL.len());
    assert!(AccountKind::ALL.iter().all(|kind| AccountKind::parse(kind.as_str()) == Some(*kind)));
    assert_eq!(AccountKind::parse("cash"), None);
    let words: std::collections::BTreeSet<_> = Event::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(words.len(), Event::ALL.len());
}

#[test]
fn a_statement_explains_its_balances_page_by_page() {
    let pending = bill(1000, 100, 180, 0, 0);
    let succeeded = Invoice { payment_status: PaymentStatus::Succeeded, ..pending.clone() };
    let postings = |movements: Vec<Movement>| gather(movements).unwrap().remove(&customer()).unwrap();
    let (first, second) = (postings(of_invoice(None, &pending)), postings(of_invoice(Some(&pending), &succeeded)));
    let transactions = [(1, first.as_slice()), (2, second.as_slice())];
    let whole = statement(customer(), &transactions, Filter::default(), |total| 0..total);
    let line = |line: &Line<'_>| (line.entry.account.kind.as_str(), line.entry.amount_cents, line.balance);
    assert_eq!(
        whole.lines.iter().map(line).collect::<Vec<_>>(),
        [
            ("receivable", 1080, 1080),
            ("discounts", 100, 100),
            ("revenue", 1000, 1000),
            ("taxes", 180, 180),
            ("payments", 1080, 1080),
            ("receivable", 1080, 0),
        ]
    );
    let ids: std::collections::BTreeSet<Uuid> = whole.lines.iter().map(|line| line.id).collect();
    assert_eq!(ids.len(), 6);
    let postings: std::collections::BTreeSet<Uuid> = whole.lines.iter().map(|line| line.posting_id).collect();
    assert_eq!(postings.len(), 2);
    let receivable = Filter { kind: Some(AccountKind::Receivable), id: None };
    let page = |range: Range<usize>| {
        let statement = statement(customer(), &transactions, receivable, |_| range);
        let [account] = statement.accounts.as_slice() else { panic!() };
        (statement.total, statement.lines.len(), account.opening, account.closing, account.balance)
    };
    assert_eq!(page(0..1), (2, 1, 0, 1080, 0));
    assert_eq!(page(1..2), (2, 1, 1080, 0, 0));
    assert_eq!(page(5..9), (2, 0, 0, 0, 0));
    assert_eq!(page(0..0), (2, 0, 0, 0, 0));
    let of_coupon = Filter { kind: None, id: Some(Uuid::from_u128(9)) };
    assert_eq!(statement(customer(), &transactions, of_coupon, |total| 0..total).total, 1);
}

/// The ways of an invoice, as the API allows them.
#[derive(Debug, Clone, Copy)]
enum Way {
    Finalize,
    Void,
    Pay(PaymentStatus),
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let statuses = prop::sample::select(vec![PaymentStatus::Pending, PaymentStatus::Succeeded, PaymentStatus::Failed]);
    prop::collection::vec(prop_oneof![Just(Way::Finalize), Just(Way::Void), statuses.prop_map(Way::Pay)], 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_balance_and_come_to_what_is_stored(
        fees in 0_i64..1_000_000_000, shares in prop::array::uniform4(0_i64..=100), ways in ways(), is_draft: bool,
    ) {
        let coupons = fees * shares[0] / 100;
        let taxes = (fees - coupons) * shares[1] / 100;
        let gross = fees - coupons + taxes;
        let credit_notes = gross * shares[2] / 100;
        let prepaid = (gross - credit_notes) * shares[3] / 100;
        let mut invoice = bill(fees, coupons, taxes, credit_notes, prepaid);
        if is_draft {
            invoice.status = Status::Draft;
        }
        let mut movements = of_invoice(None, &invoice);
        for way in ways {
            let mut after = invoice.clone();
            match (way, invoice.status) {
                (Way::Finalize, Status::Draft) => after.status = Status::Finalized,
                (Way::Void, Status::Finalized) if invoice.payment_status != PaymentStatus::Succeeded => {
                    after.status = Status::Voided { voided_at: invoice.updated_at };
                }
                (Way::Pay(status), Status::Finalized | Status::Voided { .. }) => after.payment_status = status,
                (Way::Finalize | Way::Void | Way::Pay(_), _) => {}
            }
            movements.extend(of_invoice(Some(&invoice), &after));
            invoice = after;
        }
        let postings = gather(movements).unwrap().remove(&customer()).unwrap_or_default();
        prop_assert_eq!(violations(&postings), Vec::<String>::new());
        let balances = balances(&postings);
        let balance = |kind| balances.get(&(Account::of(kind), invoice.currency)).copied().unwrap_or(0);
        // The part that credits pay is posted by them: here it stays owed, unless the invoice was given up.
        let (counts, is_voided) = match invoice.status {
            Status::Draft => (0, false),
            Status::Finalized => (1, false),
            Status::Voided { .. } => (1, true),
        };
        let credits = i128::from(credit_notes + prepaid);
        // Credits of a voided invoice: what was owed less what they had paid, which they post themselves.
        prop_assert_eq!(balance(AccountKind::Receivable) - credits * counts, receivable_cents(&invoice));
        prop_assert_eq!(balance(AccountKind::Payments), paid_cents(&invoice));
        prop_assert_eq!(balance(AccountKind::ForfeitedCredits), if is_voided { credits } else { 0 });
        prop_assert_eq!(balance(AccountKind::Revenue), if is_voided { 0 } else { counts * i128::from(fees) });
        prop_assert_eq!(balance(AccountKind::Rounding), 0);
    }
}
