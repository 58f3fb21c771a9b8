#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::charge::testing::{check_details, codes, fees_per_count_event, price, rated};
use crate::charge::{ChargeModel, Price, Rated};

fn package(size: i64, amount: &str, free: i64) -> Price {
    let properties = format!(r#"{{"package_size":{size},"amount":"{amount}","free_units":{free}}}"#);
    price(ChargeModel::Package, &properties)
}

#[test]
fn a_started_package_is_charged_whole() {
    let check = |units, (size, amount, free), expected, unit| {
        assert_eq!(rated(&package(size, amount, free), units), (expected, unit), "{units}");
    };
    check(dec!(121), (10, "100", 0), dec!(1300), dec!(10.743801652892562));
    check(dec!(121), (10, "100", 10), dec!(1200), dec!(10.810810810810811));
    check(dec!(121), (10, "100", 200), dec!(0), dec!(0));
    check(dec!(201), (100, "5", 100), dec!(10), dec!(0.099009900990099));
    check(dec!(2), (8, "100", 1), dec!(100), dec!(100));
    check(dec!(1), (5, "40", 1), dec!(0), dec!(0));
    check(dec!(100.5), (10, "100", 0), dec!(1100), dec!(10.945273631840796));
    check(dec!(0), (10, "100", 0), dec!(0), dec!(0));
    check(dec!(-30), (10, "100", 0), dec!(0), dec!(0)); // 6.2
    check(dec!(10), (10, "100", 0), dec!(100), dec!(10));
}

#[test]
fn a_trace_of_a_unit_starts_a_package() {
    let amount = rated(&package(1_000_000_000, "1", 0), dec!(1000000000.000000000000000001)).0;
    assert_eq!(amount, dec!(2));
}

#[test]
fn fees_per_event_pay_at_the_start_of_a_package() {
    let check = |package: &Price, events: &[usize], expected: &[Decimal]| {
        let fees = fees_per_count_event(package, 201);
        let fees: Vec<_> = events.iter().map(|event| fees[event - 1]).collect();
        assert_eq!(fees, expected);
    };
    check(&package(10, "100", 0), &[1, 2, 10, 11], &[dec!(100), dec!(0), dec!(0), dec!(100)]);
    let free = package(100, "5", 100);
    check(&free, &[100, 101, 102, 200, 201], &[dec!(0), dec!(5), dec!(0), dec!(0), dec!(5)]);
}

#[test]
fn details() {
    let shown = |free, paid, size, amount| {
        format!(
            r#"{{"free_units":"{free}","paid_units":"{paid}","per_package_size":{size},
                "per_package_unit_amount":"{amount}"}}"#
        )
    };
    check_details(&package(10, "100", 10), dec!(121), &shown("10.0", "111.0", 10, "100.0"));
    check_details(&package(10, "100", 200), dec!(121), &shown("200.0", "0.0", 10, "100.0"));
    check_details(&package(10, "100", 10), dec!(0), &shown("0.0", "0.0", 0, "0.0"));
}

#[test]
fn validation() {
    let check = |properties, expected| assert_eq!(codes(ChargeModel::Package, properties), expected, "{properties}");
    check(r#"{"amount":"5","package_size":100,"free_units":0}"#, "");
    check(r#"{"amount":5,"package_size":100,"free_units":0}"#, "invalid_amount");
    check(r#"{"amount":"5","package_size":0,"free_units":0}"#, "invalid_package_size");
    check(r#"{"amount":"5","package_size":"100","free_units":0}"#, "invalid_package_size");
    check(r#"{"amount":"5","package_size":1.5,"free_units":0}"#, "invalid_package_size");
    check(r#"{"amount":"5","free_units":0}"#, "invalid_package_size");
    check(r#"{"amount":"5","package_size":100}"#, "invalid_free_units");
    check(r#"{"amount":"5","package_size":100,"free_units":-1}"#, "invalid_free_units");
    check(r#"{"amount":"5","package_size":100,"free_units":"0"}"#, "invalid_free_units");
    check(r#"{"amount":"5","package_size":99999999999999999999,"free_units":0}"#, "invalid_package_size");
    check("{}", "invalid_amount invalid_package_size invalid_free_units");
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert!(package(1, "99999999999999999999", 0).rate(&Rated::new(Decimal::MAX, 1)).is_err());
    assert!(package(1, "1", 1).rate(&Rated::new(Decimal::MIN, 1)).is_err());
}

proptest! {
    #[test]
    fn equals_opening_packages_one_by_one(size in 1..20_i64, free in 0..30_i64, milli in -5_000..90_000_i64) {
        let units = Decimal::new(milli, 3);
        let (mut covered, mut packages) = (Decimal::from(free), 0);
        while covered < units {
            covered += Decimal::from(size);
            packages += 1;
        }
        prop_assert_eq!(rated(&package(size, "0.07", free), units).0, Decimal::new(7 * packages, 2));
    }

    #[test]
    fn fees_per_event_sum_to_the_amount_in_arrears(size in 1..20_i64, free in 0..30_i64, events in 0..60_i64) {
        let price = package(size, "0.07", free);
        let fees: Decimal = fees_per_count_event(&price, events).into_iter().sum();
        prop_assert_eq!(fees, rated(&price, events.into()).0);
    }
}
