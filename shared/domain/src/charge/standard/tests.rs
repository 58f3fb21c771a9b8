#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use crate::charge::testing::{check_details, codes, price, rated, rounded};
use crate::charge::{ChargeModel, Rated};

fn at(amount: &str) -> crate::charge::Price {
    price(ChargeModel::Standard, &format!(r#"{{"amount":"{amount}"}}"#))
}

#[test]
fn units_times_price() {
    let check = |amount, units, expected, unit| assert_eq!(rated(&at(amount), units), (expected, unit), "{units}");
    check("0.05", dec!(1000), dec!(50), dec!(0.05)); // S1
    check("5.12345", dec!(10), dec!(51.2345), dec!(5.12345)); // S2
    check("10.12345", dec!(5), dec!(50.61725), dec!(10.12345)); // S4
    check("10", dec!(0), dec!(0), dec!(0));
    check("10", dec!(-18), dec!(-180), dec!(10)); // 6.2: a negative sum gives a negative fee
}

#[test]
fn prorated_units_pay_and_full_units_divide() {
    let check = |amount, units, full, expected, unit| {
        let usage = Rated::new(units, 1).prorated(full, Vec::new());
        assert_eq!(rounded(&at(amount).rate(&usage).unwrap()), (expected, unit), "{units} of {full}");
    };
    check("5.12345", dec!(10), dec!(100), dec!(51.2345), dec!(0.512345)); // S3
    check("10", dec!(9.64517), dec!(29), dec!(96.4517), dec!(3.325920689655172)); // S5
    check("10", dec!(0.51613), dec!(0), dec!(5.1613), dec!(0)); // Q5: removed in the window
    check("10", dec!(9.35484), dec!(-10), dec!(0), dec!(0)); // 00-index: negative full units
    check("10", dec!(-9.4), dec!(0), dec!(0), dec!(0)); // 9: the amount is on max(P, 0)
}

#[test]
fn explains_nothing() {
    check_details(&at("10"), dec!(5), "{}");
    check_details(&at("10"), dec!(0), "{}");
}

#[test]
fn validation() {
    let check = |properties, expected| assert_eq!(codes(ChargeModel::Standard, properties), expected, "{properties}");
    check(r#"{"amount":"0.05"}"#, "");
    check(r#"{"amount":"1e2"}"#, "");
    check(r#"{"amount":"0"}"#, "");
    check(r#"{"amount":"-0"}"#, "");
    check(r#"{"amount":"0.123456789012345","unknown":1}"#, "");
    for bad in ["{}", "null", r#"{"amount":null}"#, r#"{"amount":5}"#, r#"{"amount":"-1"}"#, r#"{"amount":"foo"}"#] {
        check(bad, "invalid_amount");
    }
    for bad in ["", "NaN", "Infinity", "1e30", "1,5"] {
        assert_eq!(codes(ChargeModel::Standard, &format!(r#"{{"amount":"{bad}"}}"#)), "invalid_amount", "{bad}");
    }
}

#[test]
fn an_exponent_is_a_plain_price() {
    assert_eq!(rated(&at("1e2"), dec!(3)), (dec!(300), dec!(100)));
}
