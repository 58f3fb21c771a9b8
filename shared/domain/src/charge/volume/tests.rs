#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::charge::testing::{check_details, codes, json, rated, rounded, tiered};
use crate::charge::{ChargeModel, Price, Rated};

fn table() -> Price {
    tiered(ChargeModel::Volume, "0-100 @2 +10 | 101-200 @1 +0 | 201- @0.5 +50")
}

fn prorated(units: Decimal, full: Decimal) -> Rated {
    Rated::new(units, 1).prorated(full, Vec::new())
}

#[test]
fn one_tier_prices_all_units() {
    let check = |units, amount, unit| assert_eq!(rated(&table(), units), (amount, unit), "{units}");
    check(dec!(0), dec!(0), dec!(0));
    check(dec!(1), dec!(12), dec!(12));
    check(dec!(100), dec!(210), dec!(2.1));
    check(dec!(101), dec!(101), dec!(1));
    check(dec!(200), dec!(200), dec!(1));
    check(dec!(300), dec!(200), dec!(0.666666666666667));
    check(dec!(100.5), dec!(100.5), dec!(1)); // D-14: between two bounds is the next tier
    check(dec!(-5), dec!(0), dec!(0)); // 6.2
}

#[test]
fn full_units_choose_the_tier_and_prorated_units_pay() {
    let check = |units, full, amount, unit| {
        assert_eq!(rounded(&table().rate(&prorated(units, full)).unwrap()), (amount, unit), "{units} of {full}");
    };
    check(dec!(198.6), dec!(300), dec!(149.3), dec!(0.497666666666667));
    check(dec!(0.51613), dec!(0), dec!(11.03226), dec!(0)); // Q5: removed in the window, the first tier
    check(dec!(0), dec!(300), dec!(0), dec!(0));
    check(dec!(9), dec!(-1), dec!(0), dec!(0));
    check(dec!(-9), dec!(1), dec!(0), dec!(0));
}

#[test]
fn figure_of_the_docs() {
    let docs = "0-50000 @0.0008 +0 | 50001-100000 @0.0006 +10 | 100001- @0.0004 +0";
    assert_eq!(rated(&tiered(ChargeModel::Volume, docs), dec!(65000)).0, dec!(49));
}

#[test]
fn details_are_one_flat_object() {
    let shown = |flat, per_unit, total| {
        format!(r#"{{"flat_unit_amount":"{flat}","per_unit_amount":"{per_unit}","per_unit_total_amount":"{total}"}}"#)
    };
    check_details(&table(), dec!(1), &shown("10.0", "2.0", "2.0"));
    check_details(&table(), dec!(300), &shown("50.0", "0.5", "150.0"));
    check_details(&table(), dec!(0), &shown("0.0", "0.0", "0.0"));
    check_details(&table(), dec!(-5), &shown("0.0", "0.0", "0.0"));
    let outcome = table().rate(&prorated(dec!(198.6), dec!(300))).unwrap();
    assert_eq!(outcome.details.to_value(), json(&shown("50.0", "0.331", "99.3")));
    let outcome = table().rate(&prorated(dec!(0.51613), dec!(0))).unwrap();
    assert_eq!(outcome.details.to_value(), json(&shown("0.0", "0.0", "0.0")));
}

/// Bounds are checked with those of graduated prices.
#[test]
fn validation() {
    let check = |properties, expected| assert_eq!(codes(ChargeModel::Volume, properties), expected, "{properties}");
    check("{}", "missing_volume_ranges");
    check(
        r#"{"volume_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"1","flat_amount":null}]}"#,
        "invalid_amount",
    );
    check(
        r#"{"volume_ranges":[{"from_value":0,"to_value":5,"per_unit_amount":"1","flat_amount":"0"}]}"#,
        "invalid_volume_ranges",
    );
}

proptest! {
    /// Each tier costs nothing but its own number, so the amount tells the tier.
    #[test]
    fn the_tier_is_the_number_of_bounds_below(
        halves in prop::collection::btree_set(1..100_i64, 0..5),
        milli in 1..300_000_i64,
        more in 0..50_000_i64,
    ) {
        let bounds: Vec<_> = halves.iter().map(|half| half * 2).collect();
        let mut from = 0;
        let mut ranges = String::new();
        for (number, to) in bounds.iter().enumerate() {
            ranges += &format!("{from}-{to} @0 +{number} |");
            from = to + 1;
        }
        ranges += &format!("{from}- @0 +{}", bounds.len());
        let price = tiered(ChargeModel::Volume, &ranges);
        let tier = |milli: i64| rated(&price, Decimal::new(milli, 3)).0;
        let below = bounds.iter().filter(|to| **to * 1000 < milli).count();
        prop_assert_eq!(tier(milli), Decimal::from(below));
        prop_assert!(tier(milli) <= tier(milli + more));
    }
}
