#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::charge::testing::{codes, count_usage, fees_per_count_event, json, price, rounded};
use crate::charge::{ChargeModel, FreeUnits, Price, Rated, in_advance_amount};

/// A price of `rate` and further properties as JSON (`,"fixed_amount":"2"`).
fn percentage(rate: &str, options: &str) -> Price {
    price(ChargeModel::Percentage, &format!(r#"{{"rate":"{rate}"{options}}}"#))
}

/// Rate 1.3 and fixed amount 2, with E and T as JSON.
fn table(free_events: &str, free_total: &str) -> Price {
    let free = format!(
        r#","fixed_amount":"2","free_units_per_events":{free_events},"free_units_per_total_aggregation":{free_total}"#
    );
    percentage("1.3", &free)
}

fn running(totals: &[i64]) -> Vec<Decimal> {
    totals.iter().copied().map(Decimal::from).collect()
}

#[test]
fn free_units_and_free_events() {
    let usual = running(&[50, 150, 400]);
    let check = |price: &Price, units, running: &[Decimal], amount, unit| {
        let outcome = price.rate(&Rated::new(units, 4).with_running(running.to_vec())).unwrap();
        assert_eq!(rounded(&outcome), (amount, unit), "{price:?}");
    };
    check(&table("3", r#""250""#), dec!(800), &usual, dec!(11.15), dec!(0.0139375));
    check(&table("null", r#""250""#), dec!(800), &usual, dec!(11.15), dec!(0.0139375));
    check(&table("3", "null"), dec!(800), &usual, dec!(7.2), dec!(0.009));
    check(&table("3", r#""500""#), dec!(800), &usual, dec!(7.2), dec!(0.009));
    check(&table("null", "null"), dec!(800), &[], dec!(18.4), dec!(0.023));
    check(&percentage("0", r#","fixed_amount":"2""#), dec!(800), &[], dec!(8), dec!(0.01));
    check(&table("5", "null"), dec!(400), &usual, dec!(0), dec!(0));
    check(&table("3", r#""250""#), dec!(0), &usual, dec!(0), dec!(0));
    // More running totals than free events: the last free event decides, FU 150; FE min(2, 3).
    check(&table("2", r#""500""#), dec!(800), &usual, dec!(12.45), dec!(0.0155625));
}

#[test]
fn count_without_free_units() {
    let price = percentage("2", r#","fixed_amount":"1""#);
    assert_eq!(price.rate(&Rated::new(dec!(2), 2)).unwrap().amount, dec!(2.04));
}

/// Rate 1.2, fixed 0.1, the first 3 events and 500 units free.
fn docs() -> Price {
    percentage(
        "1.2",
        r#","fixed_amount":"0.1","free_units_per_events":3,"free_units_per_total_aggregation":"500",
           "per_transaction_min_amount":null,"per_transaction_max_amount":null"#,
    )
}

#[test]
fn figure_of_the_docs() {
    let usage = Rated::new(dec!(450), 4).with_running(running(&[200, 300, 400]));
    assert_eq!(docs().rate(&usage).unwrap().amount, dec!(0.7));
}

/// The usage of sum events, with everything that the price needs.
fn sum_usage(price: &Price, values: &[Decimal]) -> Rated {
    let free = price.needs_running_totals().unwrap_or_default();
    let events_count = i64::try_from(values.len()).unwrap();
    Rated::new(values.iter().sum(), events_count)
        .with_running(free.running_of_sum(values.iter().copied()).unwrap())
        .with_per_event(values.to_vec())
}

/// The fees of positive sum events one by one, each as 7.3 prices it.
fn fees_per_sum_event(price: &Price, values: &[Decimal]) -> Vec<Decimal> {
    let fee = |n: usize| {
        let with = sum_usage(price, &values[..n]);
        let without = Rated { running: with.running.clone(), ..sum_usage(price, &values[..n - 1]) };
        in_advance_amount(price, &with, &without).unwrap()
    };
    (1..=values.len()).map(fee).collect()
}

#[test]
fn fees_per_event_consume_what_is_free() {
    let fees = fees_per_sum_event(&docs(), &running(&[200, 100, 100, 50, 1000]));
    assert_eq!(fees, [dec!(0), dec!(0), dec!(0), dec!(0.7), dec!(12.1)]);
}

#[test]
fn the_fixed_amount_is_charged_for_an_event_without_billed_units() {
    let price = percentage("1", r#","fixed_amount":"0.5""#);
    let (with, without) = (Rated::new(dec!(10), 3), Rated::new(dec!(10), 2));
    assert_eq!(in_advance_amount(&price, &with, &without), Ok(dec!(0.5)));
}

#[test]
fn an_event_refunds_nothing() {
    let price = percentage("1", r#","per_transaction_max_amount":"12""#);
    let (with, without) = (sum_usage(&price, &running(&[500, -300])), sum_usage(&price, &running(&[500])));
    assert_eq!(in_advance_amount(&price, &with, &without), Ok(dec!(0)));
}

#[test]
fn minimum_and_maximum_per_event() {
    let limits = r#","per_transaction_min_amount":"1.75","per_transaction_max_amount":"12""#;
    let check = |options: &str, values: &[i64], expected| {
        let price = percentage("1", &format!("{limits}{options}"));
        assert_eq!(price.rate(&sum_usage(&price, &running(values))).unwrap().amount, expected, "{options}");
    };
    let values = [100, 1000, 10_000];
    check(r#","fixed_amount":"0""#, &values, dec!(23.75));
    check(r#","fixed_amount":"1""#, &values, dec!(25));
    check(r#","free_units_per_events":2"#, &values, dec!(12));
    check(r#","free_units_per_total_aggregation":"300""#, &values, dec!(20));
    check(r#","free_units_per_events":3,"free_units_per_total_aggregation":"10000""#, &values, dec!(11));
    // The event that uses up the total exactly is charged for 0 units, lifted to the minimum.
    check(r#","free_units_per_total_aggregation":"100""#, &[100], dec!(1.75));
    // While the total lasts, the number of free events has no say.
    check(r#","free_units_per_events":1,"free_units_per_total_aggregation":"1100.5""#, &values, dec!(12));
    check("", &[], dec!(0));
}

#[test]
fn limits_are_ignored_where_events_have_no_value() {
    let price = percentage("1", r#","per_transaction_min_amount":"1.75""#);
    assert_eq!(price.rate(&Rated::new(dec!(10), 3)).unwrap().amount, dec!(0.1));
}

#[test]
fn a_blank_limit_is_none() {
    assert!(
        !percentage("1", r#","per_transaction_min_amount":"","per_transaction_max_amount":null"#)
            .needs_values_per_event()
    );
    assert!(percentage("1", r#","per_transaction_min_amount":"0""#).needs_values_per_event());
}

#[test]
fn negative_units_pay_the_fixed_part_alone() {
    let check = |price: &Price, values: &[i64], expected| {
        assert_eq!(price.rate(&sum_usage(price, &running(values))).unwrap().amount, expected, "{values:?}");
    };
    check(&percentage("1", ""), &[12, -30], dec!(0));
    check(&percentage("1", r#","fixed_amount":"2""#), &[12, -30], dec!(4));
    // One free event of -30, then 12: the sum of -18 is above the free -30, yet there is nothing to charge.
    check(&percentage("1", r#","free_units_per_events":1,"fixed_amount":"2""#), &[-30, 12], dec!(2));
    // Three free events stay three, also with a running total below 0 and no free total.
    check(&percentage("1", r#","free_units_per_events":3,"fixed_amount":"2""#), &[-30, 20, 20], dec!(0));
    check(&percentage("1", r#","per_transaction_max_amount":"5""#), &[-3000, 12], dec!(0));
}

#[test]
fn details_show_both_parts_and_what_limits_change() {
    let check = |price: &Price, usage: Rated, expected: &str| {
        assert_eq!(price.rate(&usage).unwrap().details.to_value(), json(expected));
    };
    let usage = || Rated::new(dec!(800), 4).with_running(running(&[50, 150, 400]));
    check(
        &table("3", r#""250""#),
        usage(),
        r#"{"units":"800.0","free_units":"250.0","free_events":2,"paid_units":"550.0","rate":"1.3",
            "per_unit_total_amount":"7.15","paid_events":2,"fixed_fee_unit_amount":"2.0",
            "fixed_fee_total_amount":"4.0","min_max_adjustment_total_amount":"0.0"}"#,
    );
    check(
        &table("3", "null"),
        Rated::new(dec!(400), 3).with_running(running(&[50, 150, 400])),
        r#"{"units":"400.0","free_units":"400.0","free_events":3,"paid_units":"0.0","rate":"1.3",
            "per_unit_total_amount":"0.0","paid_events":0,"fixed_fee_unit_amount":"0.0",
            "fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}"#,
    );
    check(
        // Fewer events than free ones: no free events are shown.
        &table("5", "null"),
        usage(),
        r#"{"units":"800.0","free_units":"400.0","free_events":0,"paid_units":"400.0","rate":"1.3",
            "per_unit_total_amount":"5.2","paid_events":4,"fixed_fee_unit_amount":"2.0",
            "fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}"#,
    );
    let limited =
        percentage("1", r#","fixed_amount":"1","per_transaction_min_amount":"1.75","per_transaction_max_amount":"12""#);
    check(
        &limited,
        sum_usage(&limited, &running(&[100, 1000, 10_000])),
        r#"{"units":"11100.0","free_units":"0.0","free_events":0,"paid_units":"11100.0","rate":"1.0",
            "per_unit_total_amount":"111.0","paid_events":3,"fixed_fee_unit_amount":"1.0",
            "fixed_fee_total_amount":"3.0","min_max_adjustment_total_amount":"-89.0"}"#,
    );
    check(
        &table("null", "null"),
        Rated::new(dec!(0), 0),
        r#"{"units":"0.0","free_units":"0.0","free_events":0,"paid_units":"0.0","rate":"1.3",
            "per_unit_total_amount":"0.0","paid_events":0,"fixed_fee_unit_amount":"0.0",
            "fixed_fee_total_amount":"0.0","min_max_adjustment_total_amount":"0.0"}"#,
    );
}

/// The order of 5.5 for the free units of a count: up to E events the total T decides, from the next event on E does.
#[test]
fn a_free_total_below_the_free_events_of_a_count() {
    let price = percentage("1", r#","free_units_per_events":3,"free_units_per_total_aggregation":"1""#);
    let amount = |events| price.rate(&count_usage(&price, events)).unwrap().amount;
    assert_eq!([1, 2, 3, 4, 5].map(amount), [dec!(0), dec!(0.01), dec!(0.02), dec!(0.01), dec!(0.02)]);
}

#[test]
fn running_totals_stop_where_they_lose_their_say() {
    let free = |events, total| FreeUnits { events, total };
    let values = || running(&[12, 12, 12, 12]);
    let sum = |free: FreeUnits| free.running_of_sum(values()).unwrap();
    assert_eq!(sum(free(2, dec!(30))), running(&[12, 24]));
    assert_eq!(sum(free(0, dec!(30))), running(&[12, 24, 36]));
    assert_eq!(sum(free(9, dec!(0))), running(&[12, 24, 36, 48]));
    assert_eq!(sum(free(0, dec!(0))), running(&[]));
    let recurring = [dec!(2.5), dec!(2.5), dec!(12), dec!(12)];
    assert_eq!(free(2, dec!(0)).running_of_sum(recurring), Ok(vec![dec!(2.5), dec!(5)]));
    assert_eq!(free(2, dec!(0)).running_of_count(2), running(&[1, 2]));
    assert_eq!(free(2, dec!(0)).running_of_count(1_000_000), running(&[1, 2, 3]));
    assert_eq!(free(0, dec!(0)).running_of_count(7), running(&[]));
    assert_eq!(free(0, dec!(2)).running_of_count(-7), running(&[]));
}

#[test]
fn needs() {
    assert_eq!(table("null", "null").needs_running_totals(), None);
    assert_eq!(docs().needs_running_totals(), Some(FreeUnits { events: 3, total: dec!(500) }));
    assert_eq!(table("null", r#""0""#).needs_running_totals(), None);
}

#[test]
fn validation() {
    let check = |properties, expected| assert_eq!(codes(ChargeModel::Percentage, properties), expected, "{properties}");
    check(r#"{"rate":"1.2"}"#, "");
    check(r#"{"rate":"250"}"#, "");
    check("{}", "invalid_rate");
    check(r#"{"rate":1.2}"#, "invalid_rate");
    check(r#"{"rate":"-1"}"#, "invalid_rate");
    check(r#"{"rate":"1","fixed_amount":null}"#, "");
    check(r#"{"rate":"1","fixed_amount":2}"#, "invalid_fixed_amount");
    check(r#"{"rate":"1","fixed_amount":""}"#, "invalid_fixed_amount");
    check(r#"{"rate":"1","free_units_per_events":1}"#, "");
    for bad in ["0", "-1", "1.5", "\"1\"", "true"] {
        let properties = format!(r#"{{"rate":"1","free_units_per_events":{bad}}}"#);
        assert_eq!(codes(ChargeModel::Percentage, &properties), "invalid_free_units_per_events", "{bad}");
    }
    check(r#"{"rate":"1","free_units_per_total_aggregation":"0"}"#, "");
    check(r#"{"rate":"1","free_units_per_total_aggregation":5}"#, "invalid_free_units_per_total_aggregation");
    check(r#"{"rate":"1","per_transaction_min_amount":"","per_transaction_max_amount":" "}"#, "");
    check(r#"{"rate":"1","per_transaction_min_amount":1}"#, "invalid_amount");
    check(r#"{"rate":"1","per_transaction_min_amount":1,"per_transaction_max_amount":"x"}"#, "invalid_amount");
    check(r#"{"rate":"1","per_transaction_min_amount":"2","per_transaction_max_amount":"2"}"#, "");
    check(
        r#"{"rate":"1","per_transaction_min_amount":"2","per_transaction_max_amount":"1.99"}"#,
        "per_transaction_max_lower_than_per_transaction_min",
    );
    check(
        r#"{"rate":null,"fixed_amount":1,"free_units_per_events":0,"free_units_per_total_aggregation":1,
            "per_transaction_min_amount":1,"per_transaction_max_amount":"1"}"#,
        "invalid_rate invalid_fixed_amount invalid_free_units_per_events \
         invalid_free_units_per_total_aggregation invalid_amount",
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let price = percentage("79228162514264337593543950335", "");
    assert!(price.rate(&Rated::new(Decimal::MAX, 1)).is_err());
    let free = docs();
    assert!(free.rate(&Rated::new(Decimal::MAX, 1).with_running(vec![dec!(-1)])).is_err());
    let fixed = percentage("0", r#","fixed_amount":"79228162514264337593543950335""#);
    assert!(fixed.rate(&Rated::new(dec!(1), i64::MAX)).is_err());
}

/// Prices with any options, all in cents.
fn any_percentage() -> impl Strategy<Value = Price> {
    let free = (0..6_i64, prop::option::of(0..2_000_i64));
    let limits = (prop::option::of(0..300_i64), prop::option::of(300..900_i64));
    (0..1_000_i64, 0..300_i64, free, limits).prop_map(|(rate, fixed, (events, total), (min, max))| {
        let cents = |cents: i64| format!("\"{}\"", Decimal::new(cents, 2));
        let or_null = |value: Option<i64>| value.map_or("null".to_owned(), cents);
        let events = if events == 0 { "null".to_owned() } else { events.to_string() };
        let options = format!(
            r#","fixed_amount":{},"free_units_per_events":{events},"free_units_per_total_aggregation":{},
               "per_transaction_min_amount":{},"per_transaction_max_amount":{}"#,
            cents(fixed),
            or_null(total),
            or_null(min),
            or_null(max),
        );
        percentage(&Decimal::new(rate, 2).to_string(), &options)
    })
}

/// The chapter's loop in whole numbers: values in cents, rate in hundredths of a percent, the result in 10^-6.
fn naive_limited(values: &[i64], rate: i64, fixed: i64, min: Option<i64>, max: Option<i64>, free: (i64, i64)) -> i64 {
    let (mut e, mut a) = free;
    let mut amount = 0;
    for &value in values {
        let mut v = value;
        if e > 0 || a > 0 {
            e -= 1;
            if a <= 0 {
                continue;
            }
            if a > v {
                a -= v;
                continue;
            }
            v -= a;
            a = 0;
            e = 0;
        }
        let x = v * rate + fixed * 10_000;
        let lifted = min.map_or(x, |min| x.max(min * 10_000));
        amount += if lifted > x { lifted } else { max.map_or(x, |max| x.min(max * 10_000)) };
    }
    amount
}

proptest! {
    #[test]
    fn limits_equal_a_naive_loop(
        values in prop::collection::vec(0..50_000_i64, 0..12),
        (rate, fixed) in (0..1_000_i64, 0..300_i64),
        (min, max) in (prop::option::of(0..300_i64), 300..900_i64),
        (events, total) in (0..6_i64, 0..90_000_i64),
    ) {
        let cents = |cents: i64| format!("\"{}\"", Decimal::new(cents, 2));
        let events_text = if events == 0 { "null".to_owned() } else { events.to_string() };
        let price = percentage(&Decimal::new(rate, 2).to_string(), &format!(
            r#","fixed_amount":{},"free_units_per_events":{events_text},"free_units_per_total_aggregation":{},
               "per_transaction_min_amount":{},"per_transaction_max_amount":{}"#,
            cents(fixed), cents(total), min.map_or("null".to_owned(), cents), cents(max),
        ));
        let decimals: Vec<_> = values.iter().map(|value| Decimal::new(*value, 2)).collect();
        let amount = price.rate(&sum_usage(&price, &decimals)).unwrap().amount;
        let expected = naive_limited(&values, rate, fixed, min, Some(max), (events, total));
        prop_assert_eq!(amount, Decimal::new(expected, 6));
    }

    /// But for a free total below the free events: see the test of that name.
    #[test]
    fn fees_per_count_event_sum_to_the_amount_in_arrears(price in any_percentage(), events in 0..30_i64) {
        let FreeUnits { events: free_events, total } = price.needs_running_totals().unwrap_or_default();
        prop_assume!(total.is_zero() || total >= Decimal::from(free_events) || price.needs_values_per_event());
        let fees: Decimal = fees_per_count_event(&price, events).into_iter().sum();
        prop_assert_eq!(fees, price.rate(&count_usage(&price, events)).unwrap().amount);
    }

    /// R of a count may end early: the chapter's full list gives the same.
    #[test]
    fn a_short_list_of_running_totals_is_enough(price in any_percentage(), events in 0..60_i64) {
        let short = count_usage(&price, events);
        let whole: Vec<_> = match price.needs_running_totals() {
            Some(_) => (1..=events).map(Decimal::from).collect(),
            None => Vec::new(),
        };
        let long = Rated { running: whole, ..short.clone() };
        prop_assert_eq!(price.rate(&short), price.rate(&long));
    }
}
