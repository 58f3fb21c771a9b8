#![allow(clippy::unwrap_used)]

use domain::charge::{
    GraduatedPercentageRangeDetails, GraduatedRangeDetails, PackageDetails, PercentageDetails, VolumeDetails,
};
use domain::id::{AppliedTaxId, ChargeId, EventId, FeeId, GroupId, MetricId, SubscriptionId, TaxId};
use domain::invoice::{FeeEvent, FeeGroup, FeePayment};
use expect_test::{Expect, expect};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use super::*;
use crate::testing::customer;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn charge_item() -> ChargeItem {
    ChargeItem {
        charge_id: ChargeId(Uuid::from_u128(0xc)),
        metric_id: MetricId(Uuid::from_u128(0xb)),
        metric_code: "api".into(),
        metric_name: "API calls".into(),
        display_name: "API calls".into(),
        invoiceable: true,
        event: None,
        prorated: false,
        weighted: false,
        min_amount_cents: 0,
        group: None,
        true_up_parent: None,
        true_up: None,
        events_count: 100,
        details: AmountDetails::None,
        basis: None,
    }
}

/// The charge fee of the worked example of chapter 06, 12.
fn charge_fee(item: ChargeItem) -> Fee {
    Fee {
        id: FeeId(Uuid::from_u128(0xf)),
        item: FeeItem::Charge(Box::new(item)),
        subscription_id: Some(SubscriptionId(Uuid::from_u128(0x5))),
        external_subscription_id: Some("sub_1".into()),
        amount_cents: 1000,
        coupon_share: dec!(200),
        units: dec!(100),
        precise_unit_amount: dec!(0.10),
        unit_amount_cents: 10,
        taxes: vec![FeeTax {
            id: AppliedTaxId(Uuid::from_u128(0xa)),
            tax_id: TaxId(Uuid::from_u128(0x7)),
            code: "vat".into(),
            name: "VAT".into(),
            rate: dec!(20),
            description: None,
            amount_cents: 160,
        }],
        taxes_amount_cents: 160,
        taxes_rate: dec!(20),
        from: at("2024-01-01T00:00:00Z"),
        to: at("2024-01-31T23:59:59.999999Z"),
        description: None,
        payment: FeePayment::default(),
        created_at: at("2024-02-01T00:00:00Z"),
    }
}

fn context(customer: &Customer) -> Context<'_> {
    Context { invoice_id: Some(InvoiceId(Uuid::from_u128(0x1))), customer, currency: Currency::EUR }
}

fn show(output: &Output) -> String {
    serde_json::to_string(output).unwrap().replace("00000000-0000-0000-0000-0000000000", "")
}

#[test]
fn the_worked_example_of_chapter_06_12() {
    let customer = customer();
    let fee = charge_fee(charge_item());
    expect![[r#"{"lago_id":"0f","lago_group_id":null,"lago_invoice_id":"01","lago_true_up_fee_id":null,"lago_true_up_parent_fee_id":null,"lago_subscription_id":"05","external_subscription_id":"sub_1","lago_customer_id":"0e","external_customer_id":"cus_1","item":{"type":"charge","code":"api","name":"API calls","invoice_display_name":"API calls","group_invoice_display_name":null,"lago_item_id":"0b","item_type":"BillableMetric"},"pay_in_advance":false,"invoiceable":true,"amount_cents":1000,"amount_currency":"EUR","taxes_amount_cents":160,"taxes_rate":20.0,"total_amount_cents":1160,"total_amount_currency":"EUR","units":"100.0","description":null,"precise_unit_amount":"0.1","events_count":100,"payment_status":"pending","created_at":"2024-02-01T00:00:00Z","succeeded_at":null,"failed_at":null,"refunded_at":null,"amount_details":{},"vat_amount_cents":160,"vat_amount_currency":"EUR","unit_amount_cents":10,"from_date":"2024-01-01T00:00:00+00:00","to_date":"2024-01-31T23:59:59+00:00"}"#]]
    .assert_eq(&show(&Output::new(&fee, context(&customer))));
}

#[test]
fn a_fee_in_advance_of_a_group_with_taxes() {
    let customer = customer();
    let item = ChargeItem {
        event: Some(FeeEvent { id: EventId(Uuid::from_u128(0x31)), transaction_id: "tx_1".into() }),
        invoiceable: false,
        group: Some(FeeGroup { id: GroupId(Uuid::from_u128(0x6)), display_name: "aws • usa".into() }),
        true_up: Some(FeeId(Uuid::from_u128(0x21))),
        true_up_parent: Some(FeeId(Uuid::from_u128(0x22))),
        display_name: "Calls".into(),
        events_count: 1,
        ..charge_item()
    };
    let fee = Fee {
        payment: FeePayment { status: FeePaymentStatus::Succeeded, ..FeePayment::default() },
        taxes_rate: dec!(8.875),
        ..charge_fee(item)
    };
    let context = Context { invoice_id: None, ..context(&customer) };
    expect![[r#"{"lago_id":"0f","lago_group_id":"06","lago_invoice_id":null,"lago_true_up_fee_id":"21","lago_true_up_parent_fee_id":"22","lago_subscription_id":"05","external_subscription_id":"sub_1","lago_customer_id":"0e","external_customer_id":"cus_1","item":{"type":"charge","code":"api","name":"API calls","invoice_display_name":"Calls","group_invoice_display_name":"aws • usa","lago_item_id":"0b","item_type":"BillableMetric"},"pay_in_advance":true,"invoiceable":false,"amount_cents":1000,"amount_currency":"EUR","taxes_amount_cents":160,"taxes_rate":8.875,"total_amount_cents":1160,"total_amount_currency":"EUR","units":"100.0","description":null,"precise_unit_amount":"0.1","events_count":1,"payment_status":"succeeded","created_at":"2024-02-01T00:00:00Z","succeeded_at":null,"failed_at":null,"refunded_at":null,"amount_details":{},"vat_amount_cents":160,"vat_amount_currency":"EUR","unit_amount_cents":10,"from_date":"2024-01-01T00:00:00+00:00","to_date":"2024-01-31T23:59:59+00:00","event_transaction_id":"tx_1","applied_taxes":[{"lago_id":"0a","lago_fee_id":"0f","lago_tax_id":"07","tax_name":"VAT","tax_code":"vat","tax_rate":20.0,"tax_description":null,"amount_cents":160,"amount_currency":"EUR","created_at":"2024-02-01T00:00:00Z"}]}"#]]
    .assert_eq(&show(&Output::with_applied_taxes(&fee, context)));
}

#[test]
fn a_subscription_fee() {
    let customer = customer();
    let fee = Fee {
        item: FeeItem::Subscription {
            plan_code: "pro".into(),
            plan_name: "Pro".into(),
            invoice_display_name: None,
            pay_in_advance: true,
            basis: None,
        },
        amount_cents: 10000,
        units: dec!(1),
        precise_unit_amount: dec!(100),
        unit_amount_cents: 10000,
        taxes_amount_cents: 1600,
        ..charge_fee(charge_item())
    };
    expect![[r#"{"lago_id":"0f","lago_group_id":null,"lago_invoice_id":"01","lago_true_up_fee_id":null,"lago_true_up_parent_fee_id":null,"lago_subscription_id":"05","external_subscription_id":"sub_1","lago_customer_id":"0e","external_customer_id":"cus_1","item":{"type":"subscription","code":"pro","name":"Pro","invoice_display_name":null,"group_invoice_display_name":null,"lago_item_id":"05","item_type":"Subscription"},"pay_in_advance":true,"invoiceable":true,"amount_cents":10000,"amount_currency":"EUR","taxes_amount_cents":1600,"taxes_rate":20.0,"total_amount_cents":11600,"total_amount_currency":"EUR","units":"1.0","description":null,"precise_unit_amount":"100.0","events_count":null,"payment_status":"pending","created_at":"2024-02-01T00:00:00Z","succeeded_at":null,"failed_at":null,"refunded_at":null,"amount_details":{},"vat_amount_cents":1600,"vat_amount_currency":"EUR","unit_amount_cents":10000,"from_date":"2024-01-01T00:00:00+00:00","to_date":"2024-01-31T23:59:59+00:00"}"#]]
    .assert_eq(&show(&Output::new(&fee, context(&customer))));
}

fn check_details(details: AmountDetails, expected: &Expect) {
    expected.assert_eq(&serde_json::to_string(&Details(details)).unwrap());
}

#[test]
fn details_of_the_tiers_of_chapter_06_11() {
    let range = |from_value, to_value, flat: Decimal, price: Decimal, units: Decimal| GraduatedRangeDetails {
        from_value,
        to_value,
        flat_unit_amount: flat,
        per_unit_amount: price,
        units,
        per_unit_total_amount: price * units,
        total_with_flat_amount: price * units + flat,
    };
    check_details(
        AmountDetails::Graduated(vec![
            range(0, Some(10), dec!(1), dec!(0.50), dec!(10)),
            range(11, None, dec!(2), dec!(0.20), dec!(5)),
        ]),
        &expect![[
            r#"{"graduated_ranges":[{"from_value":0,"to_value":10,"flat_unit_amount":"1.0","per_unit_amount":"0.5","units":"10.0","per_unit_total_amount":"5.0","total_with_flat_amount":"6.0"},{"from_value":11,"to_value":null,"flat_unit_amount":"2.0","per_unit_amount":"0.2","units":"5.0","per_unit_total_amount":"1.0","total_with_flat_amount":"3.0"}]}"#
        ]],
    );
    check_details(
        AmountDetails::GraduatedPercentage(vec![GraduatedPercentageRangeDetails {
            from_value: 0,
            to_value: Some(10),
            flat_unit_amount: dec!(200),
            rate: dec!(1),
            units: dec!(1),
            per_unit_total_amount: dec!(0.01),
            total_with_flat_amount: dec!(200.01),
        }]),
        &expect![[
            r#"{"graduated_percentage_ranges":[{"from_value":0,"to_value":10,"flat_unit_amount":"200.0","rate":"1.0","units":"1.0","per_unit_total_amount":"0.01","total_with_flat_amount":"200.01"}]}"#
        ]],
    );
}

#[test]
fn details_of_the_other_models() {
    check_details(AmountDetails::None, &expect!["{}"]);
    check_details(
        AmountDetails::Package(PackageDetails {
            free_units: dec!(10),
            paid_units: dec!(111),
            per_package_size: 10,
            per_package_unit_amount: dec!(100),
        }),
        &expect![[
            r#"{"free_units":"10.0","paid_units":"111.0","per_package_size":10,"per_package_unit_amount":"100.0"}"#
        ]],
    );
    check_details(
        AmountDetails::Package(PackageDetails::default()),
        &expect![[r#"{"free_units":"0.0","paid_units":"0.0","per_package_size":0,"per_package_unit_amount":"0.0"}"#]],
    );
    check_details(
        AmountDetails::Percentage(PercentageDetails {
            units: dec!(800),
            free_units: dec!(250),
            free_events: 2,
            paid_units: dec!(550),
            rate: dec!(1.3),
            per_unit_total_amount: dec!(7.15),
            paid_events: 2,
            fixed_fee_unit_amount: dec!(2),
            fixed_fee_total_amount: dec!(4),
            min_max_adjustment_total_amount: dec!(0),
        }),
        &expect![[
            r#"{"units":"800.0","free_units":"250.0","free_events":2,"paid_units":"550.0","rate":"1.3","per_unit_total_amount":"7.15","paid_events":2,"fixed_fee_unit_amount":"2.0","fixed_fee_total_amount":"4.0","min_max_adjustment_total_amount":"0.0"}"#
        ]],
    );
    check_details(
        AmountDetails::Volume(VolumeDetails {
            flat_unit_amount: dec!(50),
            per_unit_amount: dec!(0.331),
            per_unit_total_amount: dec!(99.3),
        }),
        &expect![[r#"{"flat_unit_amount":"50.0","per_unit_amount":"0.331","per_unit_total_amount":"99.3"}"#]],
    );
}
