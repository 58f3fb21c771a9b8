//! The worked examples of chapter 04, 3.4, 4.3 and 5.2, and the laws of every settlement.

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;
use crate::billing::{Boundaries, Situation};
use crate::charge::AmountDetails;
use crate::coupon::{Discount, Frequency, Limit};
use crate::id::{
    AppliedCouponId, ChargeId, CouponId, CustomerId, InvoiceId, MetricId, PlanId, SubscriptionId, TaxId, WalletId,
};
use crate::invoice::{
    BilledSubscription, ChargeItem, Fee, FeeItem, FeePayment, Kind, PaymentStatus, Status, Totals, fee_id,
};
use crate::money::Currency;
use crate::tax::Tax;
use crate::time::{Interval, Zone};
use crate::wallet::{self, Wallet};

const AT: Instant = Instant::UNIX_EPOCH;

/// A fee of the subscription to plan `plan`; with a metric, it is a charge fee.
#[derive(Clone, Debug)]
struct Line {
    amount_cents: i64,
    plan: u128,
    metric: Option<u128>,
    rates: Vec<Decimal>,
}

fn line(amount_cents: i64) -> Line {
    Line { amount_cents, plan: 1, metric: None, rates: Vec::new() }
}

fn invoice(lines: &[Line]) -> Invoice {
    let id = InvoiceId(Uuid::from_u128(7 << 16));
    let subscription = |plan: u128| SubscriptionId(Uuid::from_u128(100 + plan));
    let mut plans: Vec<u128> = lines.iter().map(|line| line.plan).collect();
    plans.sort_unstable();
    plans.dedup();
    let fees = lines.iter().enumerate().map(|(place, line)| fee(fee_id(id, place), subscription(line.plan), line));
    let zone = Zone::parse("UTC").unwrap();
    Invoice {
        id,
        customer_id: CustomerId(Uuid::nil()),
        sequential_id: 1,
        number: "WEI-0001-001-001".into(),
        kind: Kind::Subscription,
        status: Status::Finalized,
        payment_status: PaymentStatus::Pending,
        currency: Currency::EUR,
        zone,
        issuing_date: AT.date_naive(),
        payment_due_date: AT.date_naive(),
        net_payment_term: 0,
        subscriptions: plans.iter().map(|plan| billed(*plan, subscription(*plan))).collect(),
        fees: fees.collect(),
        taxes: Vec::new(),
        credits: Vec::new(),
        prepaid: None,
        totals: Totals::default(),
        metadata: Vec::new(),
        file: None,
        next_due: None,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: AT,
        created_seq: 1,
        updated_at: AT,
    }
}

fn billed(plan: u128, subscription_id: SubscriptionId) -> BilledSubscription {
    BilledSubscription {
        subscription_id,
        external_id: format!("s{plan}"),
        name: String::new(),
        plan_id: PlanId(Uuid::from_u128(plan)),
        plan_name: String::new(),
        interval: Interval::Monthly,
        situation: Situation::Recurring,
        at: AT,
        boundaries: Boundaries { from: AT, to: AT, charges_from: AT, charges_to: AT },
        recurring: true,
    }
}

fn fee(id: crate::id::FeeId, subscription_id: SubscriptionId, line: &Line) -> Fee {
    let item = match line.metric {
        None => FeeItem::Subscription {
            plan_code: "p".into(),
            plan_name: "P".into(),
            invoice_display_name: None,
            pay_in_advance: false,
            basis: None,
        },
        Some(metric) => FeeItem::Charge(Box::new(ChargeItem {
            charge_id: ChargeId(Uuid::from_u128(metric)),
            metric_id: MetricId(Uuid::from_u128(metric)),
            metric_code: "m".into(),
            metric_name: "M".into(),
            display_name: "M".into(),
            invoiceable: true,
            event: None,
            prorated: false,
            weighted: false,
            min_amount_cents: 0,
            group: None,
            true_up_parent: None,
            true_up: None,
            events_count: 0,
            details: AmountDetails::None,
            basis: None,
        })),
    };
    let taxes: Vec<Tax> = line.rates.iter().enumerate().map(|(place, rate)| tax(place as u128, *rate)).collect();
    let taxes = crate::tax::on_fee(id.0, &taxes, Decimal::from(line.amount_cents));
    Fee {
        id,
        item,
        subscription_id: Some(subscription_id),
        external_subscription_id: None,
        amount_cents: line.amount_cents,
        coupon_share: Decimal::ZERO,
        units: Decimal::ONE,
        precise_unit_amount: Decimal::ZERO,
        unit_amount_cents: 0,
        taxes: taxes.taxes,
        taxes_amount_cents: taxes.amount_cents,
        taxes_rate: taxes.rate,
        from: AT,
        to: AT,
        description: None,
        payment: FeePayment::default(),
        created_at: AT,
    }
}

fn tax(place: u128, rate: Decimal) -> Tax {
    Tax {
        id: TaxId(Uuid::from_u128(place)),
        name: String::new(),
        code: String::new(),
        rate,
        description: None,
        applied_to_organization: false,
        created_at: AT,
        created_seq: 0,
    }
}

fn coupon(seq: i64, discount: Discount) -> AppliedCoupon {
    AppliedCoupon {
        id: AppliedCouponId(Uuid::from_u128(1000 + u128::try_from(seq).unwrap())),
        coupon_id: CouponId(Uuid::from_u128(2000 + u128::try_from(seq).unwrap())),
        coupon_code: format!("c{seq}"),
        coupon_name: format!("C{seq}"),
        customer_id: CustomerId(Uuid::nil()),
        discount,
        frequency: Frequency::Once,
        frequency_duration: None,
        frequency_duration_remaining: None,
        limit: Limit::None,
        credited_cents: 0,
        created_at: AT,
        created_seq: seq,
        terminated_at: None,
    }
}

fn fixed(seq: i64, amount_cents: i64) -> AppliedCoupon {
    coupon(seq, Discount::Fixed { amount_cents, currency: Currency::EUR })
}

fn percent(seq: i64, rate: Decimal) -> AppliedCoupon {
    coupon(seq, Discount::Percentage(rate))
}

fn recurring(coupon: AppliedCoupon, remaining: i64) -> AppliedCoupon {
    AppliedCoupon {
        frequency: Frequency::Recurring,
        frequency_duration: Some(remaining),
        frequency_duration_remaining: Some(remaining),
        ..coupon
    }
}

fn on_plans(coupon: AppliedCoupon, plans: &[u128]) -> AppliedCoupon {
    let plans = plans.iter().map(|plan| PlanId(Uuid::from_u128(*plan))).collect();
    AppliedCoupon { limit: Limit::Plans(plans), ..coupon }
}

fn on_metrics(coupon: AppliedCoupon, metrics: &[u128]) -> AppliedCoupon {
    let metrics = metrics.iter().map(|metric| MetricId(Uuid::from_u128(*metric))).collect();
    AppliedCoupon { limit: Limit::Metrics(metrics), ..coupon }
}

fn settled(lines: &[Line], coupons: &[AppliedCoupon]) -> Settled {
    let settled =
        settle(invoice(lines), Means { coupons: coupons.to_vec(), ..Means::default() }, &Parents::new(), AT).unwrap();
    assert_eq!(invoice::violations(&settled.invoice), Vec::<String>::new());
    settled
}

fn lines(amounts: &[i64]) -> Vec<Line> {
    amounts.iter().map(|amount| line(*amount)).collect()
}

fn shares(invoice: &Invoice) -> Vec<Decimal> {
    invoice.fees.iter().map(|fee| fee.coupon_share.normalize()).collect()
}

/// One row of chapter 04, 4.3: credits, shares, sub total; then whether each used coupon goes on.
fn check(
    name: &str,
    fees: &[Line],
    coupons: &[AppliedCoupon],
    credits: &[i64],
    parts: &[Decimal],
    left: i64,
) -> Settled {
    let settled = settled(fees, coupons);
    let lines: Vec<i64> = settled.invoice.credits.iter().map(|line| line.amount_cents).collect();
    assert_eq!(lines, credits, "{name}");
    assert_eq!(shares(&settled.invoice), parts, "{name}");
    assert_eq!(settled.invoice.totals.sub_total_excluding_taxes, left, "{name}");
    assert_eq!(settled.invoice.totals.coupons, credits.iter().sum::<i64>(), "{name}");
    settled
}

/// Active, remaining amount, remaining invoices of the used coupons.
fn after(settled: &Settled) -> Vec<(bool, Option<i64>, Option<i64>)> {
    let used = settled.used.coupons.iter().map(|used| &used.coupon);
    used.map(|coupon| (coupon.is_active(), coupon.remaining_cents(), coupon.frequency_duration_remaining)).collect()
}

#[test]
fn the_worked_examples_of_chapter_04_4_3() {
    let two = lines(&[200, 100]);
    let a = check("A", &two, &[fixed(1, 12)], &[12], &[dec!(8), dec!(4)], 288);
    assert_eq!(after(&a), [(false, Some(0), None)]);
    let b = check("B", &lines(&[4, 2]), &[fixed(1, 12)], &[6], &[dec!(4), dec!(2)], 0);
    assert_eq!(after(&b), [(true, Some(6), None)]);
    let used_before = AppliedCoupon { credited_cents: 6, ..fixed(1, 12) };
    let c = check("C", &two, &[used_before], &[6], &[dec!(4), dec!(2)], 294);
    assert_eq!(after(&c), [(false, Some(0), None)]);
    let d = check("D", &two, &[percent(1, dec!(20))], &[60], &[dec!(40), dec!(20)], 240);
    assert_eq!(after(&d), [(false, None, None)]);
    let e = check("E", &two, &[recurring(fixed(1, 12), 3)], &[12], &[dec!(8), dec!(4)], 288);
    assert_eq!(after(&e), [(true, None, Some(2))]);
    let (ten, twenty) = (fixed(1, 10), percent(2, dec!(20)));
    check("F", &lines(&[100]), &[ten.clone(), twenty.clone()], &[10, 18], &[dec!(28)], 72);
    check("G", &lines(&[100]), &[percent(1, dec!(15)), twenty.clone()], &[15, 17], &[dec!(32)], 68);
    let h = [
        line(75),
        Line { plan: 2, metric: Some(5), ..line(12) },
        Line { plan: 2, metric: Some(6), ..line(13) }, //
    ];
    let coupons = [on_plans(fixed(1, 82), &[1]), on_metrics(fixed(2, 5), &[5]), on_plans(fixed(3, 20), &[9])];
    let h = check("H", &h, &coupons, &[5, 75], &[dec!(75), dec!(5), dec!(0)], 20);
    assert_eq!(after(&h), [(false, Some(0), None), (true, Some(7), None)]);
    let i = check("I", &lines(&[5]), &[ten, twenty], &[5], &[dec!(5)], 0);
    assert_eq!(after(&i), [(true, Some(5), None)]);
    let third = [dec!(333.33333), dec!(666.66667)];
    check("J", &lines(&[1000, 2000]), &[fixed(1, 1000)], &[1000], &third, 2000);
    let k = [fixed(1, 100), percent(2, dec!(10))];
    check("K", &lines(&[151, 379]), &k, &[100, 43], &[dec!(40.74151), dec!(102.25849)], 387);
    check("K, first", &lines(&[151, 379]), &k[..1], &[100], &[dec!(28.49057), dec!(71.50943)], 430);
    check("a tie", &lines(&[50]), &[percent(1, dec!(29))], &[15], &[dec!(15)], 35);
}

#[test]
fn what_a_coupon_skips_and_what_moves_its_counter() {
    let forever = AppliedCoupon { frequency: Frequency::Forever, ..fixed(1, 12) };
    let last = recurring(fixed(1, 12), 1);
    let percent_recurring = recurring(percent(1, dec!(50)), 1);
    assert_eq!(after(&settled(&lines(&[100]), &[forever])), [(true, None, None)]);
    assert_eq!(after(&settled(&lines(&[100]), std::slice::from_ref(&last))), [(false, None, Some(0))]);
    assert_eq!(after(&settled(&lines(&[100]), &[percent_recurring])), [(false, None, Some(0))]);
    // Of more than there is, the rest of a recurring one is lost, and the rest of a percentage never was.
    check("lost", &lines(&[5]), &[recurring(fixed(1, 12), 2)], &[5], &[dec!(5)], 0);
    check("above 100 %", &lines(&[50]), &[percent(1, dec!(250))], &[50], &[dec!(50)], 0);
    // Nothing to take from: no line, no counter.
    check("no fees", &[], std::slice::from_ref(&last), &[], &[], 0);
    check("zero fees", &lines(&[0, 0]), std::slice::from_ref(&last), &[], &[dec!(0), dec!(0)], 0);
    let dollars = coupon(1, Discount::Fixed { amount_cents: 10, currency: Currency::USD });
    check("another currency", &lines(&[100]), &[dollars], &[], &[dec!(0)], 100);
    let ended = AppliedCoupon { terminated_at: Some(AT), ..fixed(1, 10) };
    check("ended", &lines(&[100]), &[ended], &[], &[dec!(0)], 100);
    // Fees of the limit that come to nothing: a line of zero, and the counter moves.
    let fees = [line(100), Line { metric: Some(5), ..line(0) }];
    let zero = check("zero of a limit", &fees, &[on_metrics(last, &[5])], &[0], &[dec!(0), dec!(0)], 100);
    assert_eq!(after(&zero), [(false, None, Some(0))]);
}

#[test]
fn a_coupon_for_a_plan_is_good_for_its_copies() {
    let fees = [Line { plan: 7, ..line(100) }, Line { plan: 8, ..line(50) }];
    let parents = Parents::from([(PlanId(Uuid::from_u128(7)), PlanId(Uuid::from_u128(1)))]);
    let means = Means { coupons: vec![on_plans(fixed(1, 200), &[1])], ..Means::default() };
    let settled = settle(invoice(&fees), means, &parents, AT).unwrap();
    assert_eq!((settled.invoice.totals.coupons, shares(&settled.invoice)), (100, vec![dec!(100), dec!(0)]));
}

#[test]
fn two_limits_that_meet_on_a_fee_never_take_more_than_it() {
    let fees = [Line { metric: Some(5), ..line(100) }, line(30)];
    let coupons = [on_metrics(fixed(1, 80), &[5]), on_plans(fixed(2, 100), &[1])];
    let settled = check("overlap", &fees, &coupons, &[80, 50], &[dec!(100), dec!(30)], 0);
    assert_eq!(after(&settled), [(false, Some(0), None), (true, Some(50), None)]);
}

fn taxed(lines: &[(i64, &[Decimal])]) -> Vec<Line> {
    lines.iter().map(|(amount, rates)| Line { rates: rates.to_vec(), ..line(*amount) }).collect()
}

/// Fee taxes, invoice rows (amount, base), invoice taxes.
fn taxes(settled: &Settled) -> (Vec<i64>, Vec<(i64, i64)>, i64) {
    let invoice = &settled.invoice;
    let rows = invoice.taxes.iter().map(|row| (row.tax.amount_cents, row.fees_amount_cents)).collect();
    (invoice.fees.iter().map(|fee| fee.taxes_amount_cents).collect(), rows, invoice.totals.taxes)
}

fn prepaid(cents: i64, credits: Decimal, rate: Decimal) -> Prepaid {
    let wallet = Wallet {
        id: WalletId(Uuid::from_u128(5)),
        customer_id: CustomerId(Uuid::nil()),
        currency: Currency::EUR,
        name: None,
        rate,
        state: wallet::State::Active,
        balance: wallet::Balance { cents, credits, consumed: dec!(0) },
        expiration_at: Some(AT),
        rule: None,
        owed: Vec::new(),
        look_at: None,
        is_low_by_usage: false,
        last_interval_at: None,
        last_balance_sync_at: None,
        last_consumed_at: None,
        next_due: None,
        created_at: AT,
        created_seq: 1,
    };
    Prepaid { wallet, created_seq: 9 }
}

#[test]
fn prepaid_credits_pay_what_taxes_leave() {
    let check = |fees: &[(i64, &[Decimal])], coupons: &[AppliedCoupon], cents: i64, expected: (i64, i64, i64)| {
        let means = Means {
            coupons: coupons.to_vec(),
            wallet: Some(prepaid(cents, Decimal::new(cents, 2), dec!(1))),
            ..Means::default()
        };
        let settled = settle(invoice(&taxed(fees)), means, &Parents::new(), AT).unwrap();
        let Totals { sub_total_including_taxes, prepaid_credits, total, .. } = settled.invoice.totals;
        assert_eq!((sub_total_including_taxes, prepaid_credits, total), expected, "{fees:?}, {cents}");
        assert_eq!(invoice::violations(&settled.invoice), Vec::<String>::new());
        let is_paid = settled.invoice.payment_status == PaymentStatus::Succeeded;
        assert_eq!(is_paid, total == 0);
        let used = settled.used.wallet.as_ref();
        assert_eq!(
            used.map(|change| change.wallet.balance.cents),
            (prepaid_credits > 0).then_some(cents - prepaid_credits)
        );
        let shown = settled.invoice.prepaid.map(|used| (used.amount_cents, used.credits));
        assert_eq!(shown, used.map(|_| (prepaid_credits, Decimal::new(prepaid_credits, 2))));
        // An invoice that was debited is not debited again.
        let twice = settled.invoice.clone();
        let again = Means { wallet: Some(prepaid(cents, Decimal::new(cents, 2), dec!(1))), ..Means::default() };
        let again = settle(twice, again, &Parents::new(), AT).unwrap().used.wallet;
        assert!(again.is_none() || used.is_none());
    };
    let ten: &[Decimal] = &[dec!(10)];
    let twenty: &[Decimal] = &[dec!(20)];
    // 3.4 A and E without the credit note, B with the wallet alone.
    check(&[(5000, ten), (2000, ten)], &[fixed(1, 1000)], 3000, (6600, 3000, 3600));
    check(&[(100, twenty)], &[], 30, (120, 30, 90));
    check(&[(100, twenty)], &[], 120, (120, 120, 0));
    check(&[(100, twenty)], &[], 500, (120, 120, 0));
    check(&[(100, twenty)], &[], 0, (120, 0, 120));
    check(&[(0, twenty)], &[], 500, (0, 0, 0));
    check(&[(1000, &[])], &[fixed(1, 1000)], 500, (0, 0, 0));
}

#[test]
fn taxes_are_net_of_coupons() {
    // 3.4 A up to the sub total with taxes.
    let settled_a = settled(&taxed(&[(5000, &[dec!(10)]), (2000, &[dec!(10)])]), &[fixed(1, 1000)]);
    assert_eq!(shares(&settled_a.invoice), [dec!(714.28571), dec!(285.71429)]);
    assert_eq!(taxes(&settled_a), (vec![429, 171], vec![(600, 6000)], 600));
    let totals = &settled_a.invoice.totals;
    assert_eq!((totals.sub_total_excluding_taxes, totals.sub_total_including_taxes), (6000, 6600));
    // 3.4 E, in force
    let e = settled(&taxed(&[(50, &[dec!(10)]), (20, &[dec!(10)])]), &[fixed(1, 10)]);
    assert_eq!(
        (e.invoice.totals.sub_total_excluding_taxes, e.invoice.totals.taxes, e.invoice.totals.total),
        (60, 6, 66)
    );
    // 5.2 C
    let fees = taxed(&[(1000, &[dec!(10)]), (2000, &[dec!(10), dec!(12)])]);
    let c = settled(&fees, &[fixed(1, 1000)]);
    assert_eq!(taxes(&c), (vec![67, 293], vec![(200, 2000), (160, 1333)], 360));
    assert_eq!(c.invoice.totals.taxes_rate, dec!(18));
    // 5.2 G
    let fees = taxed(&[(151, &[dec!(20)]), (379, &[dec!(20)])]);
    let g = settled(&fees, &[fixed(1, 100), percent(2, dec!(10))]);
    assert_eq!(taxes(&g), (vec![22, 55], vec![(77, 387)], 77));
    // 5.2 I
    let i = settled(&taxed(&[(1000, &[dec!(5)])]), &[fixed(1, 100)]);
    assert_eq!(taxes(&i), (vec![45], vec![(45, 900)], 45));
}

#[test]
fn what_comes_to_nothing_is_paid() {
    let free = settled(&taxed(&[(100, &[dec!(20)])]), &[percent(1, dec!(100))]);
    assert_eq!((free.invoice.totals.total, free.invoice.payment_status), (0, PaymentStatus::Succeeded));
    let due = settled(&lines(&[100]), &[]);
    assert_eq!((due.invoice.totals.total, due.invoice.payment_status), (100, PaymentStatus::Pending));
}

#[test]
fn a_thousand_fees_share_a_coupon() {
    let fees: Vec<Line> = (1..=1000).map(|amount| Line { rates: vec![dec!(20)], ..line(amount) }).collect();
    let settled = settled(&fees, &[fixed(1, 12_345), percent(2, dec!(33.333))]);
    let sum: Decimal = settled.invoice.fees.iter().map(|fee| fee.coupon_share).sum();
    let off = (sum - Decimal::from(settled.invoice.totals.coupons)).abs();
    // Each share is rounded to 5 decimals, twice.
    assert!(off <= dec!(0.01), "{off}");
    let (excluding, taxes) = (settled.invoice.totals.sub_total_excluding_taxes, settled.invoice.totals.taxes);
    assert_eq!(taxes, i64::try_from(crate::number::round(Decimal::from(excluding) / dec!(5), 0)).unwrap());
}

fn any_coupon() -> impl Strategy<Value = AppliedCoupon> {
    let discount = prop_oneof![
        (1_i64..5000).prop_map(|amount_cents| Discount::Fixed { amount_cents, currency: Currency::EUR }),
        (1_i64..15_000_000).prop_map(|rate| Discount::Percentage(Decimal::new(rate, 5))),
    ];
    let frequency = prop_oneof![Just(Frequency::Once), Just(Frequency::Recurring), Just(Frequency::Forever)];
    let limit = (0_u8..3, 1_u128..4);
    (1_i64..100, discount, frequency, limit, 1_i64..4).prop_map(|(seq, discount, frequency, (kind, target), left)| {
        let coupon = AppliedCoupon { frequency, ..recurring(coupon(seq, discount), left) };
        match kind {
            0 => on_plans(coupon, &[target]),
            1 => on_metrics(coupon, &[target]),
            _ => coupon,
        }
    })
}

fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    let rates = prop::collection::vec((0_i64..3000).prop_map(|rate| Decimal::new(rate, 2)), 0..3);
    let line = (0_i64..3000, 1_u128..4, prop::option::of(1_u128..4), rates);
    prop::collection::vec(
        line.prop_map(|(amount_cents, plan, metric, rates)| Line { amount_cents, plan, metric, rates }),
        0..12,
    )
}

proptest! {
    /// Whatever the coupons, limits that meet included: the laws hold, and the parts sum to the whole.
    #[test]
    fn settlements_keep_the_laws(lines in any_lines(), coupons in prop::collection::vec(any_coupon(), 0..5)) {
        let settled = settle(invoice(&lines), Means { coupons: coupons.clone(), ..Means::default() }, &Parents::new(), AT).unwrap();
        let invoice = &settled.invoice;
        prop_assert_eq!(invoice::violations(invoice), Vec::<String>::new());
        for fee in &invoice.fees {
            prop_assert!(fee.coupon_share >= Decimal::ZERO && fee.coupon_share <= Decimal::from(fee.amount_cents));
        }
        let sum: Decimal = invoice.fees.iter().map(|fee| fee.coupon_share).sum();
        // 5 decimals a share, and 4 of what limits that meet have left.
        let rounded = Decimal::new(5, 6) * Decimal::from(invoice.fees.len() * invoice.credits.len()) + Decimal::new(1, 4);
        let off = (sum - Decimal::from(invoice.totals.coupons)).abs();
        prop_assert!(off <= rounded, "{off} of {sum}");
        let totals = &invoice.totals;
        prop_assert_eq!(totals.total, totals.fees - totals.coupons + totals.taxes);
        for used in &settled.used.coupons {
            let before = coupons.iter().find(|coupon| coupon.created_seq == used.coupon.created_seq);
            prop_assert!(before.is_some());
            if let Some(remaining) = used.coupon.remaining_cents() {
                prop_assert!(remaining >= 0);
                prop_assert_eq!(used.coupon.is_active(), remaining > 0);
            }
            prop_assert!(used.coupon.frequency_duration_remaining >= Some(0));
        }
    }
}
