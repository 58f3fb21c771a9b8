#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use super::*;
use crate::charge::testing::{price, tiered};
use crate::charge::{ChargeModel, Price, Rated};

fn eur(price: &Price, usage: &Rated) -> FeeAmounts {
    fee_amounts(&price.rate(usage).unwrap(), Currency::EUR).unwrap()
}

fn standard(amount: &str) -> Price {
    price(ChargeModel::Standard, &format!(r#"{{"amount":"{amount}"}}"#))
}

#[test]
fn an_amount_is_rounded_once() {
    let check = |amount, currency: &str, cents| {
        let outcome = Outcome { amount, ..Outcome::default() };
        assert_eq!(fee_amounts(&outcome, currency.parse().unwrap()).unwrap().amount_cents, cents, "{amount}");
    };
    check(dec!(51.2345), "EUR", 5123);
    check(dec!(50.61725), "EUR", 5062);
    check(dec!(1234.5), "JPY", 1235);
    check(dec!(1.23456), "CLF", 12346);
    check(dec!(12.34), "MGA", 61);
    check(dec!(-0.005), "EUR", -1);
}

#[test]
fn unit_amounts_are_precise_or_cut() {
    let graduated = tiered(ChargeModel::Graduated, "0- @0.01 +0.01");
    let check = |price: &Price, units, amount_cents, precise_unit_amount, unit_amount_cents| {
        let expected = FeeAmounts { amount_cents, precise_unit_amount, unit_amount_cents };
        assert_eq!(eur(price, &Rated::new(units, 1)), expected, "{units}");
    };
    check(&graduated, dec!(4), 5, dec!(0.0125), 1);
    check(&graduated, dec!(2), 3, dec!(0.015), 1);
    check(&graduated, dec!(0), 0, dec!(0), 0);
    check(&standard("10.12345"), dec!(5), 5062, dec!(10.12345), 1012); // S4
    check(&standard("5"), dec!(-2), -1000, dec!(5), 500);
    // Quotients of 28 digits must not lose a cent of the unit price.
    check(&standard("0.07"), dec!(0.0221774193548387096774193548), 0, dec!(0.07), 7);
}

#[test]
fn prorated_standard() {
    let usage = Rated::new(dec!(9.64517), 4).prorated(dec!(29), Vec::new());
    let expected =
        FeeAmounts { amount_cents: 9645, precise_unit_amount: dec!(3.325920689655172), unit_amount_cents: 332 };
    assert_eq!(eur(&standard("10"), &usage), expected); // S5
}

#[test]
fn percentage_of_a_count() {
    let price = price(ChargeModel::Percentage, r#"{"rate":"2","fixed_amount":"1"}"#);
    assert_eq!(eur(&price, &Rated::new(dec!(2), 2)).amount_cents, 204);
}

/// Europe 20, usa 50, default 10.12345; usa 12, europe 10, europe 5, france 5.
#[test]
fn groups_are_rounded_one_by_one() {
    let table = [
        ("count", [dec!(2), dec!(1), dec!(1)], [4000, 5000, 1012]),
        ("sum", [dec!(15), dec!(12), dec!(5)], [30000, 60000, 5062]),
        ("max", [dec!(10), dec!(12), dec!(5)], [20000, 60000, 5062]),
    ];
    for (aggregation, units, expected) in table {
        let cents = |price: &str, units| eur(&standard(price), &Rated::new(units, 1)).amount_cents;
        let [europe, usa, france] = units;
        assert_eq!([cents("20", europe), cents("50", usa), cents("10.12345", france)], expected, "{aggregation}");
    }
}

#[test]
fn a_fee_per_event_has_no_unit_amounts() {
    let expected = FeeAmounts { amount_cents: 645, precise_unit_amount: dec!(0), unit_amount_cents: 0 };
    assert_eq!(in_advance_fee_amounts(dec!(6.4517), Currency::EUR), Ok(expected));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let outcome = |amount, unit_amount| Outcome { amount, unit_amount, ..Outcome::default() };
    assert_eq!(fee_amounts(&outcome(Decimal::MAX, dec!(0)), Currency::EUR), Err(Overflow));
    assert_eq!(fee_amounts(&outcome(dec!(1), Decimal::MAX), Currency::EUR), Err(Overflow));
    assert_eq!(in_advance_fee_amounts(dec!(92233720368547758.08), Currency::EUR), Err(Overflow));
}
