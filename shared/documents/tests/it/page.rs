//! What an English page says, by charge model and kind of invoice (chapter 04, 13.2 to 13.4).

use documents::invoice;
use documents::source::*;
use expect_test::{Expect, expect};
use rust_decimal_macros::dec;

use crate::plain;
use crate::samples::*;

/// The tables of an invoice of one subscription with these charge fees.
#[track_caller]
fn check_fees(fees: Vec<ChargeFee>, expected: Expect) {
    check(&subscriptions(vec![subscription(fees)]), expected);
}

#[track_caller]
fn check(source: &InvoiceSource, expected: Expect) {
    expected.assert_eq(&plain::sheets(&invoice::page(source)));
}

#[test]
fn a_whole_page() {
    expect![[r#"
        # Invoice
        Invoice number: HOO-1A2B-001-042
        Issue date: Feb 01, 2024
        Payment term: 30 days
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [From] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            Tax ID: FR32892345678
        [Bill to] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            Tax ID: DE299012345
        €1,093.34 | Due Mar 02, 2024
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        API calls
          Fee per unit for the first 1,000 | 1,000 | €0.01 |  | €10.00
          Fee per unit for the next 1,001 to 10,000 | 9,000 | €0.005 |  | €45.00
          Fee per unit for 10,001 and above | 2,500 | €0.0025 |  | €6.25
          Flat fee for the first 1,000 | 1 | €2.00 |  | €2.00
          Flat fee for 10,001 and above | 1 | €5.00 |  | €5.00
          Subtotal |  |  | 20.0% | €68.25
        Card payments
          (Total events: 4)
          Free units for 2 transactions | 250 | €0.00 |  | €0.00
          Rate on the amount | 550 | 1.3% |  | €7.15
          Fixed fee per transaction | 2 | €2.00 |  | €4.00
          Subtotal |  |  | 20.0% | €11.15
        E-mails
          Free units for the first 100 | 100 | €0.00 |  | €0.00
          Fee per package | 101 | €5.00 per 100 |  | €10.00
          Subtotal |  |  | 20.0% | €10.00
        Messages
          Fee per unit | 65,000 | €0.0006 |  | €39.00
          Flat fee for all units | 1 | €10.00 |  | €10.00
          Subtotal |  |  | 20.0% | €49.00
        Payouts
          Fee per unit for the first 10 | 10 | 1.0% |  | €0.10
          Fee per unit for the next 11 to 20 | 10 | 2.0% |  | €0.20
          Fee per unit for 21 and above | 1 | 3.0% |  | €0.03
          Flat fee for the first 10 | 1 | €200.00 |  | €200.00
          Flat fee for the next 11 to 20 | 1 | €300.00 |  | €300.00
          Flat fee for 21 and above | 1 | €400.00 |  | €400.00
          Subtotal |  |  | 20.0% | €900.33
        Storage GB | 120.5 | €0.125 | 20.0% | €15.06
        = Welcome (€100.00) | -€100.00
        = Early adopters (5.00%) | -€50.00
        = Subtotal (excl. tax) | €952.79
        = TVA (20.0% on €952.79) | €190.55
        = Subtotal (incl. tax) | €1,143.34
        = Credit notes | -€20.00
        = Prepaid credits | -€30.00
        = Total due | €1,093.34
        Thank you for your business.
        Hooli SAS, share capital €50,000. IBAN FR76 3000 6000 0112 3456 7890 189.
        Powered by Weir | Page # of #
    "#]]
    .assert_eq(&plain::page(&invoice::page(&full())));
}

#[test]
fn what_is_missing_takes_no_room() {
    let mut source = subscriptions(vec![subscription(vec![])]);
    source.seller.party = Party { name: "Hooli".into(), country: Some("XX".into()), ..Party::default() };
    source.buyer = Buyer { party: Party { name: "Gavin".into(), ..Party::default() }, metadata: vec![] };
    source.payment_due_date = None;
    source.net_payment_term_days = 1;
    source.footer = None;
    expect![[r#"
        # Invoice
        Invoice number: HOO-1A2B-001-042
        Issue date: Feb 01, 2024
        Payment term: 1 day
        [From] Hooli
            XX
        [Bill to] Gavin
        €58.80 | 
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        = Subtotal (excl. tax) | €49.00
        = TVA (20.0% on €49.00) | €9.80
        = Subtotal (incl. tax) | €58.80
        = Total due | €58.80
        Powered by Weir | Page # of #
    "#]]
    .assert_eq(&plain::page(&invoice::page(&source)));
}

#[test]
fn standard_is_one_row() {
    check_fees(
        vec![standard("Storage", dec!(120.5), dec!(0.125), 1506)],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Storage | 120.5 | €0.125 | 20.0% | €15.06
        = Subtotal (excl. tax) | €64.06
        = TVA (20.0% on €64.06) | €12.81
        = Subtotal (incl. tax) | €76.87
        = Total due | €76.87
    "#]],
    );
}

#[test]
fn graduated_has_a_row_per_tier_and_per_flat_fee() {
    check_fees(
        vec![graduated()],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        API calls
          Fee per unit for the first 1,000 | 1,000 | €0.01 |  | €10.00
          Fee per unit for the next 1,001 to 10,000 | 9,000 | €0.005 |  | €45.00
          Fee per unit for 10,001 and above | 2,500 | €0.0025 |  | €6.25
          Flat fee for the first 1,000 | 1 | €2.00 |  | €2.00
          Flat fee for 10,001 and above | 1 | €5.00 |  | €5.00
          Subtotal |  |  | 20.0% | €68.25
        = Subtotal (excl. tax) | €117.25
        = TVA (20.0% on €117.25) | €23.45
        = Subtotal (incl. tax) | €140.70
        = Total due | €140.70
    "#]],
    );
}

#[test]
fn graduated_percentage_shows_rates() {
    check_fees(
        vec![graduated_percentage()],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Payouts
          Fee per unit for the first 10 | 10 | 1.0% |  | €0.10
          Fee per unit for the next 11 to 20 | 10 | 2.0% |  | €0.20
          Fee per unit for 21 and above | 1 | 3.0% |  | €0.03
          Flat fee for the first 10 | 1 | €200.00 |  | €200.00
          Flat fee for the next 11 to 20 | 1 | €300.00 |  | €300.00
          Flat fee for 21 and above | 1 | €400.00 |  | €400.00
          Subtotal |  |  | 20.0% | €900.33
        = Subtotal (excl. tax) | €949.33
        = TVA (20.0% on €949.33) | €189.86
        = Subtotal (incl. tax) | €1,139.19
        = Total due | €1,139.19
    "#]],
    );
}

#[test]
fn package_shows_free_units_and_packages() {
    let mut without_free_units = package();
    let ChargeFeeKind::Usage(usage) = &mut without_free_units.kind else { unreachable!() };
    usage.details = AmountDetails::Package {
        free_units: dec!(0),
        paid_units: dec!(201),
        per_package_size: 1000,
        per_package_unit_amount: dec!(10),
    };
    check_fees(
        vec![package(), ChargeFee { name: "Texts".into(), ..without_free_units }],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        E-mails
          Free units for the first 100 | 100 | €0.00 |  | €0.00
          Fee per package | 101 | €5.00 per 100 |  | €10.00
          Subtotal |  |  | 20.0% | €10.00
        Texts
          Fee per package | 201 | €10.00 per 1,000 |  | €10.00
          Subtotal |  |  | 20.0% | €10.00
        = Subtotal (excl. tax) | €69.00
        = TVA (20.0% on €69.00) | €13.80
        = Subtotal (incl. tax) | €82.80
        = Total due | €82.80
    "#]],
    );
}

#[test]
fn percentage_shows_only_what_applies() {
    let bare = usage(
        "Wires",
        1040,
        Usage {
            units: dec!(800),
            events_count: Some(4),
            details: AmountDetails::Percentage {
                free_units: dec!(0),
                free_events: 0,
                paid_units: dec!(800),
                rate: dec!(1.3),
                per_unit_total_amount: dec!(10.4),
                paid_events: 4,
                fixed_fee_unit_amount: dec!(0),
                fixed_fee_total_amount: dec!(0),
                min_max_adjustment_total_amount: dec!(0),
            },
            ..Usage::default()
        },
    );
    let adjusted = ChargeFee { charge: "cheques".into(), name: "Cheques".into(), ..percentage(dec!(-1.5), 965) };
    check_fees(
        vec![percentage(dec!(0), 1115), adjusted, bare],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Card payments
          (Total events: 4)
          Free units for 2 transactions | 250 | €0.00 |  | €0.00
          Rate on the amount | 550 | 1.3% |  | €7.15
          Fixed fee per transaction | 2 | €2.00 |  | €4.00
          Subtotal |  |  | 20.0% | €11.15
        Cheques
          (Total events: 4)
          Free units for 2 transactions | 250 | €0.00 |  | €0.00
          Rate on the amount | 550 | 1.3% |  | €7.15
          Fixed fee per transaction | 2 | €2.00 |  | €4.00
          Adjustment for min/max per transaction | 1 | -€1.50 |  | -€1.50
          Subtotal |  |  | 20.0% | €9.65
        Wires
          (Total events: 4)
          Rate on the amount | 800 | 1.3% |  | €10.40
          Subtotal |  |  | 20.0% | €10.40
        = Subtotal (excl. tax) | €80.20
        = TVA (20.0% on €80.20) | €16.04
        = Subtotal (incl. tax) | €96.24
        = Total due | €96.24
    "#]],
    );
}

#[test]
fn volume_has_one_price_for_all_units() {
    check_fees(
        vec![volume()],
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Messages
          Fee per unit | 65,000 | €0.0006 |  | €39.00
          Flat fee for all units | 1 | €10.00 |  | €10.00
          Subtotal |  |  | 20.0% | €49.00
        = Subtotal (excl. tax) | €98.00
        = TVA (20.0% on €98.00) | €19.60
        = Subtotal (incl. tax) | €117.60
        = Total due | €117.60
    "#]],
    );
}

#[test]
fn notes_stand_under_the_title() {
    let weighted = |name: &str, interval| {
        let units = dec!(333.3333333333333333333333);
        usage(
            name,
            100,
            Usage { units, precise_unit_amount: dec!(0.003), weighted_over: Some(interval), ..Usage::default() },
        )
    };
    let prorated =
        Usage { units: dec!(10), precise_unit_amount: dec!(3.325920689655172), prorated: true, ..Usage::default() };
    check_fees(
        vec![
            weighted("CPU 1", Interval::Weekly),
            weighted("CPU 2", Interval::Monthly),
            weighted("CPU 3", Interval::Quarterly),
            weighted("CPU 4", Interval::Yearly),
            usage("Seats", 3326, prorated),
        ],
        expect![[r#"
            ---- 
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
            CPU 1 | 333.333333333333333 | €0.003 | 20.0% | €1.00
              (Units prorated per second per week)
            CPU 2 | 333.333333333333333 | €0.003 | 20.0% | €1.00
              (Units prorated per second per month)
            CPU 3 | 333.333333333333333 | €0.003 | 20.0% | €1.00
              (Units prorated per second per quarter)
            CPU 4 | 333.333333333333333 | €0.003 | 20.0% | €1.00
              (Units prorated per second per year)
            Seats | 10 | €3.325920689655172 | 20.0% | €33.26
              (Units are prorated: the unit price shown is an average)
            = Subtotal (excl. tax) | €86.26
            = TVA (20.0% on €86.26) | €17.25
            = Subtotal (incl. tax) | €103.51
            = Total due | €103.51
        "#]],
    );
}

#[test]
fn an_amount_of_zero_is_one_row_whatever_the_model() {
    let zero = |mut fee: ChargeFee| {
        let ChargeFeeKind::Usage(usage) = &mut fee.kind else { unreachable!() };
        (usage.units, usage.precise_unit_amount, fee.amount_cents) = (dec!(0), dec!(0), 0);
        fee.tax_rates.clear();
        fee
    };
    check_fees(
        all_models().into_iter().map(zero).collect(),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        API calls | 0 | €0.00 | 0.0% | €0.00
        Card payments | 0 | €0.00 | 0.0% | €0.00
          (Total events: 4)
        E-mails | 0 | €0.00 | 0.0% | €0.00
        Messages | 0 | €0.00 | 0.0% | €0.00
        Payouts | 0 | €0.00 | 0.0% | €0.00
        Storage GB | 0 | €0.00 | 0.0% | €0.00
        = Subtotal (excl. tax) | €49.00
        = TVA (20.0% on €49.00) | €9.80
        = Subtotal (incl. tax) | €58.80
        = Total due | €58.80
    "#]],
    );
}

#[test]
fn groups_stand_together_without_the_unused_ones() {
    check_fees(
        vec![
            in_group("usa", standard("Requests", dec!(12), dec!(50), 60000)),
            in_group("europe", standard("Requests", dec!(15), dec!(20), 30000)),
            in_group("africa", standard("Requests", dec!(0), dec!(10), 0)),
            standard("Disks", dec!(5), dec!(1), 500),
            in_group("blue", standard("Unused", dec!(0), dec!(7), 0)),
            in_group("red", standard("Unused", dec!(0), dec!(8), 0)),
        ],
        expect![[r#"
            ---- 
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
            Disks | 5 | €1.00 | 20.0% | €5.00
            Requests • europe | 15 | €20.00 | 20.0% | €300.00
            Requests • usa | 12 | €50.00 | 20.0% | €600.00
            Unused | 0 | €7.00 | 20.0% | €0.00
            = Subtotal (excl. tax) | €954.00
            = TVA (20.0% on €954.00) | €190.80
            = Subtotal (incl. tax) | €1,144.80
            = Total due | €1,144.80
        "#]],
    );
}

#[test]
fn charges_of_one_name_do_not_mix() {
    let other = |fee| ChargeFee { charge: "second".into(), ..fee };
    check_fees(
        vec![
            other(in_group("a", standard("Requests", dec!(1), dec!(9), 900))),
            in_group("b", standard("Requests", dec!(2), dec!(1), 200)),
            in_group("c", standard("Requests", dec!(3), dec!(1), 300)),
            other(true_up("Requests", 100, 1000)),
        ],
        expect![[r#"
            ---- 
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
            Requests • a | 1 | €9.00 | 20.0% | €9.00
            Requests - True-up | 1 | €1.00 | 20.0% | €1.00
              (Minimum spend of €10.00 prorated on days of usage)
            Requests • b | 2 | €1.00 | 20.0% | €2.00
            Requests • c | 3 | €1.00 | 20.0% | €3.00
            = Subtotal (excl. tax) | €64.00
            = TVA (20.0% on €64.00) | €12.80
            = Subtotal (incl. tax) | €76.80
            = Total due | €76.80
        "#]],
    );
}

#[test]
fn a_true_up_follows_its_charge() {
    check_fees(
        vec![
            true_up("Requests", 548, 1000),
            standard("Zones", dec!(1), dec!(1), 100),
            in_group("us", standard("Requests", dec!(0), dec!(1), 0)),
            in_group("eu", standard("Requests", dec!(0), dec!(1), 0)),
        ],
        expect![[r#"
            ---- 
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
            Requests | 0 | €1.00 | 20.0% | €0.00
            Requests - True-up | 1 | €5.48 | 20.0% | €5.48
              (Minimum spend of €10.00 prorated on days of usage)
            Zones | 1 | €1.00 | 20.0% | €1.00
            = Subtotal (excl. tax) | €55.48
            = TVA (20.0% on €55.48) | €11.09
            = Subtotal (incl. tax) | €66.57
            = Total due | €66.57
        "#]],
    );
}

#[test]
fn several_rates_stand_highest_first() {
    let fee = ChargeFee { tax_rates: vec![dec!(2.5), dec!(19), dec!(5)], ..standard("Disks", dec!(5), dec!(1), 500) };
    let mut source = subscriptions(vec![subscription(vec![fee])]);
    let tax = |name: &str, rate, amount_cents| AppliedTax { name: name.into(), rate, base_cents: 500, amount_cents };
    source.totals.taxes =
        vec![tax("City", dec!(2.5), 13), tax("Federal", dec!(19), 95), tax("{base} State", dec!(5), 25)];
    check(
        &source,
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Disks | 5 | €1.00 | 19.0%, 5.0%, 2.5% | €5.00
        = Subtotal (excl. tax) | €54.00
        = Federal (19.0% on €5.00) | €0.95
        = {base} State (5.0% on €5.00) | €0.25
        = City (2.5% on €5.00) | €0.13
        = Subtotal (incl. tax) | €64.80
        = Total due | €64.80
    "#]],
    );
}

#[test]
fn charges_of_another_period_have_their_own_heading() {
    let in_advance = |fee| ChargeFee { timing: ChargeTiming::InAdvance, ..fee };
    let fees =
        || vec![standard("Calls", dec!(5), dec!(1), 500), in_advance(standard("Seats", dec!(3), dec!(10), 3000))];

    // A plan in advance pays for what comes, together with its charges in advance.
    let plan_in_advance = SubscriptionSource {
        plan_in_advance: true,
        interval: Interval::Quarterly,
        period: period("2024-02-01", "2024-04-30"),
        ..subscription(fees())
    };
    check(
        &subscriptions(vec![plan_in_advance]),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Feb 01, 2024 to Apr 30, 2024
        Quarterly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Seats | 3 | €10.00 | 20.0% | €30.00
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Calls | 5 | €1.00 | 20.0% | €5.00
        = Subtotal (excl. tax) | €84.00
        = TVA (20.0% on €84.00) | €16.80
        = Subtotal (incl. tax) | €100.80
        = Total due | €100.80
    "#]],
    );

    // A plan in arrears pays for what was; its charges in advance for the coming period.
    let plan_in_arrears = SubscriptionSource { interval: Interval::Weekly, ..subscription(fees()) };
    check(
        &subscriptions(vec![plan_in_arrears]),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Weekly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        Calls | 5 | €1.00 | 20.0% | €5.00
        == Fees from Feb 01, 2024 to Feb 29, 2024
        Seats | 3 | €10.00 | 20.0% | €30.00
        = Subtotal (excl. tax) | €84.00
        = TVA (20.0% on €84.00) | €16.80
        = Subtotal (incl. tax) | €100.80
        = Total due | €100.80
    "#]],
    );
}

#[test]
fn several_subscriptions_have_a_summary_and_a_page_each() {
    check(
        &several(),
        expect![[r#"
            ---- 
            Item | Amount (excl. tax)
            Monthly subscription - Premium | €127.25
              (Production)
            Yearly subscription - Basic | €98.00
            Monthly subscription - Premium | €0.00
              (Staging)
            = Subtotal (excl. tax) | €225.25
            = TVA (20.0% on €225.25) | €45.05
            = Subtotal (incl. tax) | €270.30
            = Total due | €270.30
            ---- Production details
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
            API calls
              Fee per unit for the first 1,000 | 1,000 | €0.01 |  | €10.00
              Fee per unit for the next 1,001 to 10,000 | 9,000 | €0.005 |  | €45.00
              Fee per unit for 10,001 and above | 2,500 | €0.0025 |  | €6.25
              Flat fee for the first 1,000 | 1 | €2.00 |  | €2.00
              Flat fee for 10,001 and above | 1 | €5.00 |  | €5.00
              Subtotal |  |  | 20.0% | €68.25
            E-mails
              Free units for the first 100 | 100 | €0.00 |  | €0.00
              Fee per package | 101 | €5.00 per 100 |  | €10.00
              Subtotal |  |  | 20.0% | €10.00
            = Total | €127.25
            ---- Basic details
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Feb 01, 2024 to Jan 31, 2025
            Yearly subscription - Basic | 1 | €49.00 | 20.0% | €49.00
            == Fees from Jan 01, 2024 to Jan 31, 2024
            Messages
              Fee per unit | 65,000 | €0.0006 |  | €39.00
              Flat fee for all units | 1 | €10.00 |  | €10.00
              Subtotal |  |  | 20.0% | €49.00
            = Total | €98.00
            ---- Staging details
            Item | Units | Unit price | Tax rate | Amount (excl. tax)
            == Fees from Jan 01, 2024 to Jan 31, 2024
            = Total | €0.00
        "#]],
    );
}

#[test]
fn fees_of_events_are_one_row_each() {
    check(
        &advance_charges(),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        Messages • Europe | 1 |  | 20.0%, 5.5% | €0.07
        Seats | 3 |  | 20.0%, 5.5% | €14.52
          (Used 15 out of 31 days)
        Lookups | 12 | €0.00 | 20.0%, 5.5% | €0.00
        = Subtotal (excl. tax) | €14.59
        = TVA (20.0% on €14.59) | €2.91
        = Subtotal (incl. tax) | €17.50
        = Total due | €17.50
    "#]],
    );
}

#[test]
fn a_one_off_invoice_has_descriptions_and_no_coupons() {
    let mut source = one_off();
    source.totals.coupons = vec![CouponCredit { name: "Never".into(), value: CouponValue::Fixed(1), amount_cents: 1 }];
    check(
        &source,
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        Onboarding | 2 | €1,200.00 | 20.0% | €2,400.00
          (Two days on site)
          (including travel)
        Data export | 1 | €400.00 | 0.0% | €400.00
        = Subtotal (excl. tax) | €2,800.00
        = TVA (20.0% on €2,400.00) | €480.00
        = Subtotal (incl. tax) | €3,280.00
        = Total due | €3,280.00
    "#]],
    );
}

#[test]
fn a_credit_invoice_has_only_a_total() {
    check(
        &credit(None),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Amount
        Prepaid credits | 1,500 | €0.01 | €15.00
        = Total due | €15.00
    "#]],
    );
    check(
        &credit(Some("Team wallet")),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Amount
        Prepaid credits - Team wallet | 1,500 | €0.01 | €15.00
        = Total due | €15.00
    "#]],
    );
    assert_eq!(invoice::page(&credit(None)).title, "Advance invoice");
}

#[test]
fn nothing_due_is_said_in_full() {
    let mut source = subscriptions(vec![SubscriptionSource { subscription_fee: None, ..subscription(vec![]) }]);
    source.totals = Totals { prepaid_credits_cents: Some(0), ..Totals::default() };
    check(
        &source,
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        = Subtotal (excl. tax) | €0.00
        = Tax (0%) | €0.00
        = Subtotal (incl. tax) | €0.00
        = Prepaid credits | €0.00
        = Total due | €0.00
    "#]],
    );
}

#[test]
fn movements_of_recurring_charges_follow_the_totals() {
    let movement = |day: &str, change, used| Movement { date: date(day), change, days: DaysUsed { used, total: 31 } };
    let breakdown = |group: Option<&str>, prorated, movements| Breakdown {
        name: "Seats".into(),
        group: group.map(str::to_owned),
        prorated,
        movements,
    };
    let breakdowns = vec![
        breakdown(
            None,
            true,
            vec![
                movement("2024-01-01", Change::Added(dec!(5)), 31),
                movement("2024-01-11", Change::Removed(dec!(2)), 21),
                movement("2024-01-17", Change::AddedAndRemoved(dec!(1)), 1),
            ],
        ),
        breakdown(Some("Europe"), false, vec![movement("2024-01-01", Change::Added(dec!(1.5)), 31)]),
    ];
    check(
        &subscriptions(vec![SubscriptionSource { breakdowns, ..subscription(vec![]) }]),
        expect![[r#"
        ---- 
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        == Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        = Subtotal (excl. tax) | €49.00
        = TVA (20.0% on €49.00) | €9.80
        = Subtotal (incl. tax) | €58.80
        = Total due | €58.80
        * Breakdown
          Jan 01, 2024 | Used 31 out of 31 days | +5 Seats
          Jan 11, 2024 | Used 21 out of 31 days | -2 Seats
          Jan 17, 2024 | Used 1 out of 31 days | +/-1 Seats
          Units are prorated over the days of the period.
        * Breakdown of Europe
          Jan 01, 2024 | Used 31 out of 31 days | +1.5 Seats
          Units are not prorated: each counts for the whole period.
    "#]],
    );
}

#[test]
fn tax_notices_follow_the_seller_s_law() {
    let mut source = full();
    source.tax_notices = vec![TaxNotice::ReverseCharge, TaxNotice::Exempt];
    expect![[r#"
        Reverse charge: VAT is due by the recipient (article 283-2 of the French tax code, CGI).
        Exempt from VAT: not subject to French VAT (article 259-1 of the French tax code, CGI)."#]]
    .assert_eq(&invoice::page(&source).notices.join("\n"));
    source.seller.party.country = Some("DE".into());
    expect![[r#"
        Reverse charge: VAT is to be accounted for by the recipient (Article 196, Directive 2006/112/EC).
        Exempt from VAT: the supply is not subject to VAT of the European Union (Directive 2006/112/EC)."#]]
    .assert_eq(&invoice::page(&source).notices.join("\n"));
}
