//! What holds for every model.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal_macros::dec;

use super::testing::{codes, json, price, tiered};
use super::*;

#[test]
fn words() {
    for model in ChargeModel::ALL {
        assert_eq!(model.as_str().parse(), Ok(model));
        assert_eq!(ChargeModel::parse(Some(model.as_str())), Ok(model));
    }
    let refused = |sent| ChargeModel::parse(sent).map_err(|error| (error.field(), error.code()));
    assert_eq!(refused(None), Err(("charge_model", "value_is_mandatory")));
    assert_eq!(refused(Some("dynamic")), Err(("charge_model", "value_is_invalid")));
    assert_eq!("Standard".parse::<ChargeModel>(), Err(UnknownChargeModel("Standard".into())));
}

#[test]
fn the_zero_price_of_each_model() {
    let check = |model, expected| {
        let properties = Price::default_properties(model);
        assert_eq!(properties, json(expected), "{model}");
        let price = Price::parse(model, &properties).unwrap();
        assert_eq!(price.model(), model);
        assert_eq!(price.rate(&Rated::new(dec!(1000.5), 7)).unwrap().amount, dec!(0), "{model}");
    };
    check(ChargeModel::Standard, r#"{"amount":"0"}"#);
    check(
        ChargeModel::Graduated,
        r#"{"graduated_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"0","flat_amount":"0"}]}"#,
    );
    check(
        ChargeModel::Volume,
        r#"{"volume_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"0","flat_amount":"0"}]}"#,
    );
    check(ChargeModel::Package, r#"{"package_size":1,"amount":"0","free_units":0}"#);
    check(ChargeModel::Percentage, r#"{"rate":"0"}"#);
    check(
        ChargeModel::GraduatedPercentage,
        r#"{"graduated_percentage_ranges":[
            {"from_value":0,"to_value":null,"rate":"0","fixed_amount":"0","flat_amount":"0"}]}"#,
    );
}

#[test]
fn nothing_sent_is_the_zero_price() {
    let zero = Price::default_properties(ChargeModel::Percentage);
    let effective = |sent: Option<&str>| Price::properties_or_default(ChargeModel::Percentage, sent.map(json).as_ref());
    for nothing in [None, Some("null"), Some("{}"), Some("[]"), Some("5"), Some(r#""rate""#)] {
        assert_eq!(effective(nothing), zero, "{nothing:?}");
    }
    assert_eq!(effective(Some(r#"{"rate":5}"#)), json(r#"{"rate":5}"#));
    // Parsing itself is strict.
    for model in ChargeModel::ALL {
        assert_ne!(codes(model, "{}"), "", "{model}");
    }
}

#[test]
fn only_a_percentage_looks_at_events_and_only_a_graduated_price_at_movements() {
    for model in ChargeModel::ALL {
        let price = Price::parse(model, &Price::default_properties(model)).unwrap();
        assert_eq!(price.needs_running_totals(), None);
        assert!(!price.needs_values_per_event());
        assert_eq!(price.needs_movements(), model == ChargeModel::Graduated);
    }
}

#[test]
fn standard_fees_per_event() {
    // (A, b) after +10, -6, +10, -2, +1 with N = 1 to 5 (7.3).
    let price = price(ChargeModel::Standard, r#"{"amount":"5"}"#);
    let steps =
        [(dec!(10), dec!(10)), (dec!(4), dec!(0)), (dec!(14), dec!(4)), (dec!(12), dec!(0)), (dec!(13), dec!(0))];
    let fees = steps.map(|(a, b)| in_advance_amount(&price, &Rated::new(a, 2), &Rated::new(a - b, 1)).unwrap());
    assert_eq!(fees, [dec!(50), dec!(0), dec!(20), dec!(0), dec!(0)]);
    // A window that starts below zero: -6, then +10 is billed whole.
    assert_eq!(in_advance_amount(&price, &Rated::new(dec!(4), 2), &Rated::new(dec!(-6), 1)), Ok(dec!(50)));
}

#[test]
fn unique_fees_per_event() {
    let price = price(ChargeModel::Standard, r#"{"amount":"10"}"#);
    let steps = [(1, 1), (0, 0), (1, 0), (2, 1)];
    let fees = steps.map(|(a, b): (i64, i64)| {
        in_advance_amount(&price, &Rated::new(a.into(), a), &Rated::new((a - b).into(), a)).unwrap()
    });
    assert_eq!(fees, [dec!(10), dec!(0), dec!(0), dec!(10)]);
}

#[test]
fn prorated_standard_fees_per_event() {
    let price = price(ChargeModel::Standard, r#"{"amount":"10"}"#);
    let check = |prorated, units, cents| {
        let with = Rated::new(prorated, 1).prorated(units, Vec::new());
        let amount = in_advance_amount(&price, &with, &Rated::default()).unwrap();
        let fee = in_advance_fee_amounts(amount, crate::money::Currency::EUR).unwrap();
        assert_eq!(fee.amount_cents, cents, "{prorated}");
    };
    check(dec!(0.64517), dec!(10), 645);
    check(dec!(0.25807), dec!(4), 258);
    check(dec!(0), dec!(0), 0);
}

proptest! {
    /// Every price of every model meets every usage: a number or an overflow, never a panic.
    #[test]
    fn no_usage_panics(
        mantissa in any::<i128>().prop_map(|bits| bits >> 32),
        scale in 0..=28_u32,
        full in any::<i64>(),
        events_count in any::<i64>(),
        amount in prop::sample::select(vec!["0", "0.000000000000001", "12.5", "1e15", "79228162514264337593543950335"]),
        bound in 1..=i64::MAX - 1,
    ) {
        let units = Decimal::from_i128_with_scale(mantissa, scale);
        let ranges = format!("0-{bound} @{amount} +{amount} | {}- @{amount} +{amount}", bound + 1);
        let free = format!(r#","free_units_per_events":{bound},"free_units_per_total_aggregation":"{amount}""#);
        let prices = [
            price(ChargeModel::Standard, &format!(r#"{{"amount":"{amount}"}}"#)),
            tiered(ChargeModel::Graduated, &ranges),
            tiered(ChargeModel::GraduatedPercentage, &ranges),
            tiered(ChargeModel::Volume, &ranges),
            price(ChargeModel::Package, &format!(r#"{{"amount":"{amount}","package_size":{bound},"free_units":{bound}}}"#)),
            price(ChargeModel::Percentage, &format!(r#"{{"rate":"{amount}","fixed_amount":"{amount}"{free}}}"#)),
            price(ChargeModel::Percentage, &format!(r#"{{"rate":"{amount}","per_transaction_max_amount":"5"{free}}}"#)),
        ];
        let plain = Rated::new(units, events_count).with_running(vec![units, full.into()]).with_per_event(vec![units, full.into()]);
        let movements = vec![Movement { full: units, prorated: full.into() }, Movement { full: full.into(), prorated: units }];
        let prorated = plain.clone().prorated(full.into(), movements);
        for price in &prices {
            for usage in [&plain, &prorated] {
                if let Ok(outcome) = price.rate(usage) {
                    let _ = fee_amounts(&outcome, crate::money::Currency::EUR);
                    let _ = outcome.details.to_value();
                }
                let _ = in_advance_amount(price, usage, &plain);
            }
        }
    }
}

/// Ascending bounds of tiers with prices in cents: `0-3 @0.10 +1 | 4- @0 +0`.
fn ranges() -> impl Strategy<Value = String> {
    prop::collection::vec((2..12_i64, 0..300_i64, 0..300_i64), 1..5).prop_map(|tiers| {
        let last = tiers.len() - 1;
        let mut below = 0;
        let range = |(place, (width, each, flat)): (usize, (i64, i64, i64))| {
            let from = if place == 0 { 0 } else { below + 1 };
            below += width;
            let to = if place == last { String::new() } else { below.to_string() };
            format!("{from}-{to} @{} +{}", Decimal::new(each, 2), Decimal::new(flat, 2))
        };
        tiers.into_iter().enumerate().map(range).collect::<Vec<_>>().join(" | ")
    })
}

fn amount(price: &Price, units: Decimal) -> Decimal {
    price.rate(&Rated::new(units, 1)).unwrap().amount
}

proptest! {
    /// Every unit pays the rate of the tier that it falls into, and each tier that is entered its flat amount.
    #[test]
    fn graduated_percentage_equals_a_unit_by_unit_loop(ranges in ranges(), units in 0..60_u32) {
        let price = tiered(ChargeModel::GraduatedPercentage, &ranges);
        let mut expected = Decimal::ZERO;
        let mut entered = None;
        for unit in 1..=units {
            let tier = ranges.split(" | ").position(|range| {
                let to = range.split_once(' ').unwrap().0.split_once('-').unwrap().1;
                to.is_empty() || unit <= to.parse().unwrap()
            });
            let words: Vec<&str> = ranges.split(" | ").nth(tier.unwrap()).unwrap().split(' ').collect();
            let number = |word: &str| -> Decimal { word.trim_start_matches(['@', '+']).parse().unwrap() };
            expected += number(words[1]) / Decimal::ONE_HUNDRED;
            if entered != tier {
                expected += number(words[2]);
                entered = tier;
            }
        }
        prop_assert_eq!(amount(&price, units.into()), expected);
    }

    /// More usage never costs less, but for volume: there only within a tier.
    #[test]
    fn more_usage_never_costs_less(ranges in ranges(), size in 1..9_i64, free in 0..9_i64, milli in 0..60_000_i64, more in 1..5_000_i64) {
        let prices = [
            price(ChargeModel::Standard, r#"{"amount":"0.37"}"#),
            tiered(ChargeModel::Graduated, &ranges),
            tiered(ChargeModel::GraduatedPercentage, &ranges),
            price(ChargeModel::Package, &format!(r#"{{"amount":"3","package_size":{size},"free_units":{free}}}"#)),
            price(ChargeModel::Percentage, r#"{"rate":"1.3","fixed_amount":"0.2"}"#),
        ];
        let (less, more) = (Decimal::new(milli, 3), Decimal::new(milli + more, 3));
        for price in prices {
            prop_assert!(amount(&price, less) <= amount(&price, more), "{:?} {less} {more}", price.model());
        }
        let volume = tiered(ChargeModel::Volume, &ranges);
        let tier = |units: Decimal| ranges.split(" | ").position(|range| {
            let to = range.split_once(' ').unwrap().0.split_once('-').unwrap().1;
            to.is_empty() || units <= to.parse().unwrap()
        });
        if tier(less) == tier(more) {
            prop_assert!(amount(&volume, less) <= amount(&volume, more), "volume {less} {more}");
        }
    }

    /// All units at the price of the one tier that holds the last of them.
    #[test]
    fn volume_is_units_times_the_price_of_one_tier(ranges in ranges(), milli in 1..60_000_i64) {
        let units = Decimal::new(milli, 3);
        let range = ranges.split(" | ").find(|range| {
            let to = range.split_once(' ').unwrap().0.split_once('-').unwrap().1;
            to.is_empty() || units <= to.parse().unwrap()
        });
        let words: Vec<Decimal> =
            range.unwrap().split(' ').skip(1).map(|word| word.trim_start_matches(['@', '+']).parse().unwrap()).collect();
        let price = tiered(ChargeModel::Volume, &ranges);
        prop_assert_eq!(amount(&price, units), units * words[0] + words[1]);
    }
}
