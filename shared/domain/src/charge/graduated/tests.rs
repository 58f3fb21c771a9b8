#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::charge::testing::{check_details, codes, fees_per_count_event, rated, tiered};
use crate::charge::{ChargeModel, Price, Rated};

/// The tiers of the chapter's table.
fn table() -> Price {
    tiered(ChargeModel::Graduated, "0-10 @10 +2 | 11-20 @5 +3 | 21- @5 +3")
}

#[test]
fn each_unit_costs_what_its_tier_says() {
    let check = |units, amount, unit| assert_eq!(rated(&table(), units), (amount, unit), "{units}");
    check(dec!(0), dec!(0), dec!(0));
    check(dec!(1), dec!(12), dec!(12));
    check(dec!(10), dec!(102), dec!(10.2));
    check(dec!(10.5), dec!(107.5), dec!(10.238095238095238));
    check(dec!(11), dec!(110), dec!(10));
    check(dec!(12), dec!(115), dec!(9.583333333333333));
    check(dec!(21), dec!(163), dec!(7.761904761904762));
    check(dec!(20), dec!(155), dec!(7.75));
    check(dec!(-1), dec!(-8), dec!(8)); // 5.2 literally: the first tier with its flat price
}

#[test]
fn figures_of_the_docs() {
    let docs = tiered(ChargeModel::Graduated, "0-100 @1 +0 | 101-200 @0.5 +0 | 201- @0.1 +0");
    assert_eq!(rated(&docs, dec!(250)).0, dec!(155));
    let one = tiered(ChargeModel::Graduated, "0- @0.01 +0.01");
    assert_eq!(rated(&one, dec!(4)), (dec!(0.05), dec!(0.0125)));
    assert_eq!(rated(&one, dec!(2)), (dec!(0.03), dec!(0.015)));
    let six = tiered(ChargeModel::Graduated, "0-10 @0.50 +1 | 11- @0.20 +2"); // chapter 06
    assert_eq!(rated(&six, dec!(15)).0, dec!(9));
}

#[test]
fn details_are_the_tiers_walked() {
    check_details(
        &table(),
        dec!(12),
        r#"{"graduated_ranges":[
            {"from_value":0,"to_value":10,"flat_unit_amount":"2.0","per_unit_amount":"10.0","units":"10.0",
             "per_unit_total_amount":"100.0","total_with_flat_amount":"102.0"},
            {"from_value":11,"to_value":20,"flat_unit_amount":"3.0","per_unit_amount":"5.0","units":"2.0",
             "per_unit_total_amount":"10.0","total_with_flat_amount":"13.0"}]}"#,
    );
    check_details(
        &tiered(ChargeModel::Graduated, "0- @0.01 +0.01"),
        dec!(4),
        r#"{"graduated_ranges":[
            {"from_value":0,"to_value":null,"flat_unit_amount":"0.01","per_unit_amount":"0.01","units":"4.0",
             "per_unit_total_amount":"0.04","total_with_flat_amount":"0.05"}]}"#,
    );
}

#[test]
fn details_without_usage_are_zeros() {
    check_details(
        &table(),
        dec!(0),
        r#"{"graduated_ranges":[
            {"from_value":0,"to_value":10,"flat_unit_amount":"0.0","per_unit_amount":"0.0","units":"0.0",
             "per_unit_total_amount":"0.0","total_with_flat_amount":"0.0"}]}"#,
    );
}

#[test]
fn fees_per_event_consume_the_tiers() {
    let fees = fees_per_count_event(&table(), 21);
    let at = |event: usize| fees[event - 1];
    let expected = [dec!(12), dec!(10), dec!(10), dec!(8), dec!(5), dec!(8)];
    assert_eq!([1, 2, 10, 11, 12, 21].map(at), expected);
}

#[test]
fn validation_of_bounds() {
    let range = |from: &str, to: &str| {
        format!(r#"{{"from_value":{from},"to_value":{to},"per_unit_amount":"1","flat_amount":"0"}}"#)
    };
    let check = |bounds: &[(&str, &str)], expected: &str| {
        let ranges = bounds.iter().map(|(from, to)| range(from, to)).collect::<Vec<_>>().join(",");
        for (model, word) in [(ChargeModel::Graduated, "graduated"), (ChargeModel::Volume, "volume")] {
            let properties = format!(r#"{{"{word}_ranges":[{ranges}]}}"#);
            assert_eq!(codes(model, &properties), expected.replace("MODEL", word), "{bounds:?}");
        }
    };
    check(&[("0", "null")], "");
    check(&[("0", "1"), ("2", "3"), ("4", "null")], "");
    check(&[], "missing_MODEL_ranges");
    let bad: [&[(&str, &str)]; 14] = [
        &[("1", "null")],                               // starts above 0
        &[("0", "10")],                                 // last one closed
        &[("0", "null"), ("11", "null")],               // open before the last
        &[("0", "10"), ("10", "null")],                 // overlap
        &[("0", "10"), ("12", "null")],                 // gap
        &[("0", "0"), ("1", "null")],                   // to not above from
        &[("0", "10"), ("11", "11"), ("12", "null")],   // nor later
        &[("0", "10"), ("11", "5"), ("6", "null")],     // descending
        &[("\"0\"", "null")],                           // text
        &[("0", "\"10\""), ("11", "null")],             // text
        &[("0.0", "null")],                             // fraction
        &[("0", "10.5"), ("11", "null")],               // fraction
        &[("null", "null")],                            // absent
        &[("0", "9223372036854775807"), ("0", "null")], // nothing above
    ];
    for bounds in bad {
        check(bounds, "invalid_MODEL_ranges");
    }
}

#[test]
fn validation_of_amounts() {
    let check = |properties, expected| assert_eq!(codes(ChargeModel::Graduated, properties), expected, "{properties}");
    check("{}", "missing_graduated_ranges");
    check(r#"{"graduated_ranges":null}"#, "missing_graduated_ranges");
    check(r#"{"graduated_ranges":"0-10"}"#, "missing_graduated_ranges");
    check(r#"{"graduated_ranges":[1]}"#, "invalid_graduated_ranges invalid_amount");
    check(
        r#"{"graduated_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":1,"flat_amount":"0"}]}"#,
        "invalid_amount",
    );
    check(
        r#"{"graduated_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"1","flat_amount":"-1"}]}"#,
        "invalid_amount",
    );
    check(
        r#"{"graduated_ranges":[{"from_value":2,"to_value":null,"per_unit_amount":"foo"}]}"#,
        "invalid_graduated_ranges invalid_amount",
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let dear = tiered(ChargeModel::Graduated, "0-10 @9999999999999999999999999999 +0 | 11- @1 +0");
    assert!(dear.rate(&Rated::new(dec!(10), 1)).is_err());
    assert!(dear.rate(&Rated::new(Decimal::MAX, 1)).is_err());
    assert!(table().rate(&Rated::new(Decimal::MIN, 1)).is_err());
}

/// A tier as (number of units, price per unit, flat price), prices in cents. Two units at least: a bound must lie above
/// the `from_value` of its tier. The number of the last tier is not used, it is open.
type TierInCents = (i64, i64, i64);

fn tiers() -> impl Strategy<Value = Vec<TierInCents>> {
    prop::collection::vec((2..9_i64, 0..500_i64, 0..500_i64), 1..5)
}

fn price_of(tiers: &[TierInCents]) -> Price {
    let (mut from, mut below) = (0, 0);
    let mut ranges = Vec::new();
    for (index, (width, per_unit, flat)) in tiers.iter().enumerate() {
        let to = below + width;
        let bound = if index + 1 == tiers.len() { String::new() } else { to.to_string() };
        ranges.push(format!("{from}-{bound} @{} +{}", Decimal::new(*per_unit, 2), Decimal::new(*flat, 2)));
        (from, below) = (to + 1, to);
    }
    tiered(ChargeModel::Graduated, &ranges.join("|"))
}

/// One unit after the other, each taken from the lowest tier that has one left.
fn unit_by_unit(tiers: &[TierInCents], units: i64) -> Decimal {
    let (mut tier, mut used, mut cents) = (0, 0, 0);
    for _ in 0..units {
        if used == tiers[tier].0 && tier + 1 < tiers.len() {
            (tier, used) = (tier + 1, 0);
        }
        let (_, per_unit, flat) = tiers[tier];
        cents += if used == 0 { per_unit + flat } else { per_unit };
        used += 1;
    }
    Decimal::new(cents, 2)
}

proptest! {
    #[test]
    fn equals_a_unit_by_unit_loop(tiers in tiers(), units in 0..60_i64) {
        prop_assert_eq!(rated(&price_of(&tiers), units.into()).0, unit_by_unit(&tiers, units));
    }

    #[test]
    fn a_part_of_a_unit_lies_between(tiers in tiers(), units in 0..60_i64, milli in 1..1000_i64) {
        let amount = |units| rated(&price_of(&tiers), units).0;
        let between = amount(Decimal::from(units) + Decimal::new(milli, 3));
        prop_assert!(amount(units.into()) <= between && between <= amount((units + 1).into()));
    }

    #[test]
    fn fees_per_event_sum_to_the_amount_in_arrears(tiers in tiers(), events in 0..40_i64) {
        let price = price_of(&tiers);
        let fees: Decimal = fees_per_count_event(&price, events).into_iter().sum();
        prop_assert_eq!(fees, rated(&price, events.into()).0);
    }

    #[test]
    fn shown_tiers_sum_to_the_amount(tiers in tiers(), milli in -5000..90_000_i64) {
        let outcome = price_of(&tiers).rate(&Rated::new(Decimal::new(milli, 3), 1)).unwrap();
        let crate::charge::AmountDetails::Graduated(ranges) = outcome.details else { panic!("graduated") };
        prop_assert_eq!(ranges.iter().map(|range| range.total_with_flat_amount).sum::<Decimal>(), outcome.amount);
        prop_assert_eq!(ranges.iter().map(|range| range.units).sum::<Decimal>(), Decimal::new(milli, 3));
    }
}
