#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use crate::charge::testing::{check_details, codes, fees_per_count_event, rated, tiered};
use crate::charge::{ChargeModel, Price, Rated, in_advance_amount};

fn table() -> Price {
    tiered(ChargeModel::GraduatedPercentage, "0-10 @1 +200 | 11-20 @2 +300 | 21- @3 +400")
}

fn docs() -> Price {
    tiered(ChargeModel::GraduatedPercentage, "0-1000 @1 +200 | 1001-10000 @2 +300 | 10001- @3 +400")
}

#[test]
fn each_unit_pays_the_rate_of_its_tier() {
    let check = |units, amount, unit| assert_eq!(rated(&table(), units), (amount, unit), "{units}");
    check(dec!(0), dec!(0), dec!(0));
    check(dec!(1), dec!(200.01), dec!(200.01));
    check(dec!(10), dec!(200.1), dec!(20.01));
    check(dec!(11), dec!(500.12), dec!(45.465454545454545));
    check(dec!(12), dec!(500.14), dec!(41.678333333333333));
    check(dec!(21), dec!(900.33), dec!(42.872857142857143));
    check(dec!(10.5), dec!(500.11), dec!(47.62952380952381));
    check(dec!(-100), dec!(199), dec!(-1.99)); // the same walk as graduated
}

#[test]
fn running_totals_of_the_docs() {
    let check = |units, amount| assert_eq!(rated(&docs(), units).0, amount, "{units}");
    check(dec!(500), dec!(205));
    check(dec!(1050), dec!(511));
    check(dec!(5050), dec!(591));
}

#[test]
fn fees_per_event_are_the_steps_between() {
    let fee = |before, after, n| in_advance_amount(&docs(), &Rated::new(after, n), &Rated::new(before, n - 1)).unwrap();
    assert_eq!(fee(dec!(0), dec!(500), 1), dec!(205));
    assert_eq!(fee(dec!(500), dec!(1050), 2), dec!(306));
    assert_eq!(fee(dec!(1050), dec!(5050), 3), dec!(80));
    let fees = fees_per_count_event(&table(), 21);
    assert_eq!(fees.iter().copied().sum::<rust_decimal::Decimal>(), dec!(900.33));
}

#[test]
fn details_are_the_tiers_walked() {
    check_details(
        &table(),
        dec!(11),
        r#"{"graduated_percentage_ranges":[
            {"from_value":0,"to_value":10,"flat_unit_amount":"200.0","rate":"1.0","units":"10.0",
             "per_unit_total_amount":"0.1","total_with_flat_amount":"200.1"},
            {"from_value":11,"to_value":20,"flat_unit_amount":"300.0","rate":"2.0","units":"1.0",
             "per_unit_total_amount":"0.02","total_with_flat_amount":"300.02"}]}"#,
    );
}

#[test]
fn details_without_usage_keep_the_rate() {
    check_details(
        &table(),
        dec!(0),
        r#"{"graduated_percentage_ranges":[
            {"from_value":0,"to_value":10,"flat_unit_amount":"0.0","rate":"1.0","units":"0.0",
             "per_unit_total_amount":"0.0","total_with_flat_amount":"0.0"}]}"#,
    );
}

#[test]
fn validation() {
    let check = |properties, expected| {
        assert_eq!(codes(ChargeModel::GraduatedPercentage, properties), expected, "{properties}");
    };
    check("{}", "missing_graduated_percentage_ranges");
    check(r#"{"graduated_percentage_ranges":[]}"#, "missing_graduated_percentage_ranges");
    check(
        r#"{"graduated_percentage_ranges":[{"from_value":1,"to_value":null,"rate":"1","flat_amount":"0"}]}"#,
        "invalid_graduated_percentage_ranges",
    );
    check(
        r#"{"graduated_percentage_ranges":[{"from_value":0,"to_value":null,"rate":"1","flat_amount":0}]}"#,
        "invalid_amount",
    );
    check(
        r#"{"graduated_percentage_ranges":[{"from_value":0,"to_value":null,"rate":"-1","flat_amount":"0"}]}"#,
        "invalid_rate",
    );
    check(
        r#"{"graduated_percentage_ranges":[{"from_value":0,"to_value":4,"rate":1}]}"#,
        "invalid_graduated_percentage_ranges invalid_amount invalid_rate",
    );
}
