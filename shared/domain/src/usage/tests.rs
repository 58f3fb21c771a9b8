#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;
use rust_decimal_macros::dec;

use super::event::{Properties, first_of_each_id};
use super::testing::{at, event, log, metric, one, text, two, window};
use super::unique_count::counted_value;
use super::window::End;
use super::*;
use crate::value::Value;

use AggregationType::{Count, Latest, Max, Sum, UniqueCount, WeightedSum};

/// Units and events of May 2023, of one leaf by its display name or of everything.
fn check(name: &str, metric: &Metric, leaf: Option<&str>, lines: &str, units: Decimal, events_count: i64) {
    check_in(&window("2023-05-01", "2023-05-31"), name, metric, leaf, lines, units, events_count);
}

fn check_in(
    window: &Window,
    name: &str,
    metric: &Metric,
    leaf: Option<&str>,
    lines: &str,
    units: Decimal,
    events_count: i64,
) {
    let group = leaf.map(|leaf| metric.leaf(leaf).unwrap());
    let found = aggregate(metric, group, &log(lines), window);
    assert_eq!(found, Ok(Aggregated { units, events_count }), "{name}");
}

fn regions() -> Value {
    one("region", &["europe", "africa"])
}

const FOUR: &str = "2023-05-26 value=12 *4";
const FOUR_AND_TWO_BEFORE: &str = "2023-05-26 value=12 *4; 2023-03-26 value=2.5 *2";
const EIGHTEENS: &str = "2023-05-26 value=18 *4; 2023-05-27 value=14";

#[test]
fn count() {
    let clouds = two("cloud", &[("AWS", "region", &["europe", "africa"])]);
    check("A1", &metric(Count), None, "2023-05-02; 2023-05-03", dec!(2), 2);
    check_in(&window("2023-05-01", "2023-05-24"), "A2", &metric(Count), None, "2023-05-25 *4", dec!(0), 0);
    let lines = "2023-05-02 *4; 2023-05-02 cloud='AWS' region='europe' *2; 2023-05-02 cloud='AWS' region='africa'";
    check("A3", &metric(Count).by(&clouds), Some("AWS • europe"), lines, dec!(2), 2);
}

#[test]
fn sum() {
    let recurring = metric(Sum).recurring();
    check("A4", &metric(Sum), None, "2023-05-02 value=20; 2023-05-03 value=10", dec!(30), 2);
    check("A5", &metric(Sum), None, FOUR_AND_TWO_BEFORE, dec!(48), 4);
    check("A6", &recurring, None, FOUR_AND_TWO_BEFORE, dec!(53), 6);
    let with_text = format!("{FOUR}; 2023-05-26 value=4.5; 2023-05-26 value='foo_bar'");
    check("A7", &metric(Sum), None, &with_text, dec!(52.5), 5);
    let split = format!(
        "2023-05-02 value=12 region='europe'; 2023-05-02 value=8 region='europe'; 2023-05-02 value=12 region='africa'; {FOUR}"
    );
    check("A8", &metric(Sum).by(&regions()), Some("europe"), &split, dec!(20), 2);
    let earlier = format!("{FOUR_AND_TWO_BEFORE}; 2023-04-30T23:59:59 value=10");
    check("A9", &recurring, None, &earlier, dec!(63), 7);
    check("A10", &metric(Sum), None, "2023-05-02 value=12; 2023-05-03 value=-30", dec!(-18), 2);
    check("the future is no part of a recurring sum", &recurring, None, "2023-06-01 value=1", dec!(0), 0);
}

#[test]
fn max() {
    let small = "2023-05-02 value=0; 2023-05-03 value=9; 2023-05-04 value=3; 2023-05-05 value=1; 2023-05-06 value=12";
    check("A11", &metric(Max), None, "2023-05-02 value=20; 2023-05-03 value=10", dec!(20), 2);
    check("A12", &metric(Max), None, &format!("{small}; 2023-05-07 value='foo_bar'"), dec!(12), 5);
    check("A13", &metric(Max), None, &format!("{small}; 2023-05-07 value=14.2"), dec!(14.2), 6);
    let split =
        "2023-05-02 value=12 region='europe'; 2023-05-02 value=8 region='europe'; 2023-05-02 value=12 region='africa'";
    check("A14", &metric(Max).by(&regions()), Some("europe"), split, dec!(12), 2);
    check("below zero", &metric(Max), None, "2023-05-02 value=-3; 2023-05-02 value=-2", dec!(-2), 2);
    check("none", &metric(Max), None, "2023-04-02 value=3", dec!(0), 0);
}

#[test]
fn latest() {
    check("A15", &metric(Latest), None, "2023-05-02 value=5; 2023-05-03 value=7; 2023-05-04 value=6", dec!(6), 3);
    check("A16", &metric(Latest), None, EIGHTEENS, dec!(14), 5);
    check("A17", &metric(Latest), None, &format!("{EIGHTEENS}; 2023-05-28 value=-5"), dec!(0), 6);
    check("A18", &metric(Latest), None, &format!("{EIGHTEENS}; 2023-05-28"), dec!(14), 5);
    check("of one instant, received last", &metric(Latest), None, "2023-05-02 value=1; 2023-05-02 value=2", dec!(2), 2);
    check("late arrival", &metric(Latest), None, "2023-05-03 value=1; 2023-05-02 value=2", dec!(1), 2);
}

#[test]
fn the_two_events_of_the_documentation() {
    let lines = "2023-05-02 value=10 user_id='u'; 2023-05-02 value=20 user_id='u'";
    let users = Metric { field_name: Some("user_id".into()), ..metric(UniqueCount) };
    check("count", &metric(Count), None, lines, dec!(2), 2);
    check("sum", &metric(Sum), None, lines, dec!(30), 2);
    check("max", &metric(Max), None, lines, dec!(20), 2);
    check("unique count", &users, None, lines, dec!(1), 2);
}

#[test]
fn only_plain_numbers_are_counted() {
    let kept = |value: &str, expected: i64| {
        for aggregation in [Sum, Max, Latest, WeightedSum] {
            let found = aggregate(
                &metric(aggregation),
                None,
                &log(&format!("2023-05-01 value={value}")),
                &window("2023-05-01", "2023-05-31"),
            );
            assert_eq!(found.unwrap().events_count, expected, "{aggregation} {value}");
        }
    };
    for good in ["12", "'12'", "-0.5", "'-0.5'", "1e3"] {
        kept(good, 1);
    }
    for bad in ["'1e3'", "'.5'", "'+5'", "'foo'", "true", "null", "99999999999999999999999999999999"] {
        kept(bad, 0);
    }
}

#[test]
fn the_second_of_an_upgrade_counts_once() {
    let lines = "2023-05-16T14:00:00.2 value=1; 2023-05-16T13:59:59 value=2; 2023-05-16T14:00:01 value=4";
    let to = at("2023-05-16T14:00:00");
    let old = Window { to, end: End::Successors, ..window("2023-05-01", "2023-05-31") };
    let new = Window { from: to, ..window("2023-05-01", "2023-05-31") };
    check_in(&old, "old", &metric(Sum), None, lines, dec!(2), 1);
    check_in(&new, "new", &metric(Sum), None, lines, dec!(5), 2);
    let ended = Window { end: End::Included, ..old };
    check_in(&ended, "ended without successor", &metric(Sum), None, lines, dec!(3), 2);
}

#[test]
fn unique_count() {
    let check = |name, metric: Metric, lines: &str, units, events_count| {
        check_in(&window("2022-07-09", "2022-08-08"), name, &metric, None, lines, units, events_count);
    };
    let metered = || metric(UniqueCount);
    let recurring = || metric(UniqueCount).recurring();
    let u2 = "2022-06-09 value=1; 2022-07-19 value=2";
    check("U1", recurring(), "2022-06-09 value=1", dec!(1), 0);
    check("U2", recurring(), u2, dec!(2), 1);
    check("U3", metered(), u2, dec!(1), 1);
    check("U4", recurring(), "2022-06-09 value=1; 2022-07-24 value=1 operation_type='remove'", dec!(0), 1);
    check("U5", recurring(), "2022-07-10 value=1; 2022-08-07 value=1 operation_type='remove'", dec!(0), 2);
    check("U6", metered(), "2022-07-09 value=1", dec!(1), 1);
    check("U6", recurring(), "2022-07-09 value=1", dec!(1), 1);
    check("U7", metered(), "2022-07-10 value='id_1'; 2022-07-11 value='id_1'", dec!(1), 2);
    check("U7", recurring(), "2022-07-10 value='id_1'; 2022-07-11 value='id_1'", dec!(1), 2);
    check("sent again in the next period", metered(), "2022-06-10 value=1; 2022-07-10 value=1", dec!(1), 1);
    let later = "2022-07-10 value=1; 2022-08-09 value=1 operation_type='remove'";
    check("removed after the window", recurring(), later, dec!(1), 1);
    check("added after the window", recurring(), "2022-08-09 value=1", dec!(0), 0);
    let first = "2022-08-09T00:00:00.2 value=1; 2022-08-08T23:59 value=1";
    check("received for the next window first", recurring(), first, dec!(1), 1);
    check("received for the next window first", metered(), first, dec!(1), 1);
    let again = "2022-07-10 value=1; 2022-08-09 value=1 operation_type='remove'; 2022-08-08 value=1";
    check("removed after the window, and sent again late", recurring(), again, dec!(1), 2);
}

#[test]
fn transitions_of_a_unique_value() {
    let check = |name, lines: &str, units| {
        let found = aggregate(&metric(UniqueCount), None, &log(lines), &window("2022-07-09", "2022-08-08")).unwrap();
        assert_eq!(found.units, units, "{name}");
    };
    let removed = "2022-07-10T08:00 value=1; 2022-07-12T09:00 value=1 operation_type='remove'";
    check("absent, add", "2022-07-10 value=1", dec!(1));
    check("active, add", "2022-07-10 value=1; 2022-07-12 value=1 operation_type='add'", dec!(1));
    check("active, remove", removed, dec!(0));
    check("removed the same day, add", &format!("{removed}; 2022-07-12T23:59 value=1"), dec!(1));
    check("removed earlier, add", &format!("{removed}; 2022-07-13 value=1"), dec!(1));
    check("absent, remove", "2022-07-10 value=1 operation_type='remove'", dec!(0));
    check("removed, remove", &format!("{removed}; 2022-07-13 value=1 operation_type='remove'"), dec!(0));
    check("another word", "2022-07-10 value=1 operation_type='toggle'", dec!(0));
    check("no word", "2022-07-10 value=1 operation_type=null", dec!(1));
    check("missing values are one value", "2022-07-10; 2022-07-11 value=null; 2022-07-12 other=1", dec!(1));
    check("a number and its text are one value", "2022-07-10 value=12; 2022-07-10 value='12'", dec!(1));
    check("another notation is another value", "2022-07-10 value='12.0'; 2022-07-10 value=12", dec!(2));
    check("an exponent is no notation", "2022-07-10 value=1.2e1; 2022-07-10 value=12", dec!(1));
}

#[test]
fn nested_values_are_told_apart_by_content() {
    let value = |value: Value| {
        let event = event(0, at("2022-07-10"), Properties::new(vec![("value".into(), value)]));
        counted_value(&metric(UniqueCount), &event).into_owned()
    };
    let list = |texts: &[&str]| Value::List(texts.iter().map(|one| text(one)).collect());
    assert_eq!(value(list(&["a", "b"])), value(list(&["a", "b"])));
    assert_ne!(value(list(&["a", "b"])), value(list(&["a,b"])));
    assert_ne!(value(list(&[])), value(Value::Map(vec![])));
    assert_ne!(value(list(&[])), value(Value::Null));
}

#[test]
fn a_unique_value_counts_in_the_leaf_of_the_event_that_added_it() {
    let metric = metric(UniqueCount).by(&regions()).recurring();
    let lines =
        "2023-05-02 value=1 region='europe'; 2023-05-03 value=1 region='africa'; 2023-05-04 value=2 region='africa'";
    check("europe", &metric, Some("europe"), lines, dec!(1), 1);
    check("africa", &metric, Some("africa"), lines, dec!(1), 2);
    let removed = format!("{lines}; 2023-05-05 value=1 operation_type='remove'");
    check("removed without naming the region", &metric, Some("europe"), &removed, dec!(0), 1);
}

/// Weighted units to 13 decimals, as published, in August 2023.
fn check_weighted(name: &str, window: &Window, metric: &Metric, lines: &str, units: Decimal, events_count: i64) {
    let found = aggregate(metric, None, &log(lines), window).unwrap();
    assert_eq!(number_13(found.units), units, "{name}");
    assert_eq!(found.events_count, events_count, "{name}");
}

fn number_13(value: Decimal) -> Decimal {
    crate::number::trunc(value, 13).normalize()
}

#[test]
fn weighted_sum() {
    let august = window("2023-08-01", "2023-08-31");
    let march = window("2022-03-01", "2022-03-31");
    let metered = metric(WeightedSum);
    let recurring = metric(WeightedSum).recurring();
    let w1 = "2023-08-01T00:00 value=2; 2023-08-01T01:00 value=3; 2023-08-01T01:30 value=1; 2023-08-01T02:00 value=-4; \
        2023-08-01T04:00 value=-2; 2023-08-01T05:00 value=10; 2023-08-01T05:30 value=-10";
    let level = "2023-01-01 value=1000";
    check_weighted("W1", &august, &metered, w1, dec!(0.0221774193548), 7);
    check_weighted("W2", &august, &metered, "2023-08-01 value=1000", dec!(1000), 1);
    check_weighted("W3", &august, &metered, "2023-08-01 value=3 *2", dec!(6), 2);
    check_weighted("W4", &august, &recurring, level, dec!(1000), 0);
    check_weighted("W5", &august, &recurring, &format!("{level}; {w1}"), dec!(1000.0221774193548), 7);
    check_weighted("W6", &march, &metered, "2022-03-16 value=20; 2022-03-17 value=10", dec!(15.1612903225806), 2);
    let late = Window { from: at("2023-08-16"), ..august };
    check_weighted("W7", &late, &metered, "2023-08-16 value=100", dec!(51.6129032258064), 1);
    check_weighted("W8", &august, &recurring, "2023-07-31 value=10", dec!(10), 0);
    check_weighted("metered forgets", &august, &metered, level, dec!(0), 0);
    check_weighted("negative levels", &august, &metered, "2023-08-01 value=-5", dec!(-5), 1);
}

#[test]
fn the_digits_of_a_weighted_sum() {
    let found = aggregate(
        &metric(WeightedSum),
        None,
        &log("2023-08-16 value=100"),
        &Window { from: at("2023-08-16"), ..window("2023-08-01", "2023-08-31") },
    );
    assert_eq!(found.unwrap().units, dec!(51.61290322580645161291));
}

#[test]
fn weighted_sums_of_an_upgrade_make_the_whole() {
    let lines = "2023-08-03T01:00:00.25 value=3; 2023-08-16T14:00:00.4 value=5; 2023-08-16T14:00:00.6 value=7; \
        2023-07-31T23:59:59.7 value=11; 2023-08-31T23:59:59.3 value=13";
    let metric = metric(WeightedSum).recurring();
    let units = |window: &Window| aggregate(&metric, None, &log(lines), window).unwrap().units;
    let whole = window("2023-08-01", "2023-08-31");
    let old = Window { to: at("2023-08-16T14:00:00.5"), end: End::Successors, ..whole };
    let new = Window { from: at("2023-08-16T14:00:00.5"), ..whole };
    let difference = units(&old) + units(&new) - units(&whole);
    assert!(difference.abs() <= dec!(0.00000000000000000002), "only the two ceilings: {difference}");
}

#[test]
fn huge_values_are_an_error_and_no_panic() {
    let huge = "79228162514264337593543950335";
    let lines = format!("2023-05-02 value={huge} *2");
    for (aggregation, expected) in
        [(Count, true), (Sum, false), (Max, true), (UniqueCount, true), (Latest, true), (WeightedSum, false)]
    {
        let found = aggregate(&metric(aggregation), None, &log(&lines), &window("2023-05-01", "2023-05-31"));
        assert_eq!(found.is_ok(), expected, "{aggregation}");
    }
}

#[test]
fn every_leaf_has_an_entry_and_strangers_have_none() {
    let metric = metric(Sum).by(&one("region", &["europe", "africa", "asia"]));
    let events = log("2023-05-02 value=1 region='africa'; 2023-05-02 value=2 region='mars'; 2023-05-02 value=4");
    let found = aggregate_by_group(&metric, &events, &window("2023-05-01", "2023-05-31")).unwrap();
    let units: Vec<_> = found.iter().map(|(group, found)| (*group, found.units, found.events_count)).collect();
    let expected = [("europe", dec!(0), 0), ("africa", dec!(1), 1), ("asia", dec!(0), 0)];
    assert_eq!(units, expected.map(|(name, units, count)| (metric.leaf(name), units, count)));
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let groups = prop_oneof![
        Just(None),
        Just(Some(one("region", &["europe", "africa"]))),
        Just(Some(two("cloud", &[("AWS", "region", &["europe", "africa"]), ("GCP", "region", &["europe"])]))),
    ];
    (prop::sample::select(AggregationType::ALL.to_vec()), any::<bool>(), groups).prop_map(
        |(aggregation, recurring, groups)| {
            let metric = Metric { recurring: recurring && aggregation.may_recur(), ..metric(aggregation) };
            groups.map_or(metric.clone(), |groups| metric.by(&groups))
        },
    )
}

fn any_properties() -> impl Strategy<Value = Properties> {
    let value = prop_oneof![
        8 => (-9_i64..10).prop_map(|value| Value::Number(value.to_string())),
        2 => (0_i64..10).prop_map(|value| Value::Text(format!("{value}.5"))),
        1 => Just(Value::Text("foo".into())),
        1 => Just(Value::Null),
    ];
    let region = prop::sample::select(vec![None, Some("europe"), Some("africa"), Some("mars")]);
    let cloud = prop::sample::select(vec![None, Some("AWS"), Some("GCP")]);
    let operation = prop::sample::select(vec![None, Some("add"), Some("remove"), Some("remove"), Some("toggle")]);
    (value, region, cloud, operation).prop_map(|(value, region, cloud, operation)| {
        let named = [("region", region), ("cloud", cloud), ("operation_type", operation)];
        let texts = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?))));
        Properties::new(std::iter::once(("value".to_owned(), value)).chain(texts).collect())
    })
}

/// Events around May 2023, few instants and values so that they meet; some share a transaction id.
fn any_log() -> impl Strategy<Value = Vec<Event>> {
    let one = (0_i64..90, 0_i64..4, any_properties(), 0_usize..40);
    prop::collection::vec(one, 0..40).prop_map(|events| {
        let start = at("2023-04-01T12:00");
        let build = |(number, (day, quarter, properties, id))| {
            let timestamp = start + chrono::TimeDelta::days(day) + chrono::TimeDelta::milliseconds(quarter * 250);
            let transaction_id = format!("t{id}");
            Event { transaction_id, ..event(number, timestamp, properties) }
        };
        events.into_iter().enumerate().map(build).collect()
    })
}

/// May, as a whole or in the halves of an upgrade.
fn any_window() -> impl Strategy<Value = Window> {
    let may = window("2023-05-01", "2023-05-31");
    let upgraded_at = at("2023-05-16T12:00");
    prop_oneof![
        Just(may),
        Just(Window { to: upgraded_at, end: End::Successors, ..may }),
        Just(Window { from: upgraded_at, ..may }),
    ]
}

proptest! {
    #[test]
    fn order_and_copies_change_nothing(
        metric in any_metric(),
        window in any_window(),
        (events, shuffled) in any_log().prop_flat_map(|events| {
            let copies: Vec<Event> = events.iter().chain(&events).cloned().collect();
            (Just(events), Just(copies).prop_shuffle())
        }),
    ) {
        let once = aggregate_by_group(&metric, first_of_each_id(&events), &window);
        prop_assert_eq!(&once, &aggregate_by_group(&metric, first_of_each_id(&shuffled), &window));
        let mut reversed = first_of_each_id(&shuffled);
        reversed.reverse();
        prop_assert_eq!(&once, &aggregate_by_group(&metric, reversed, &window));
    }

    /// What proration, running totals and values per event make of a log: neither order nor copies change it.
    #[test]
    fn order_and_copies_change_nothing_of_what_prices_ask_for(
        aggregation in prop::sample::select(vec![Sum, UniqueCount, Count, Max]),
        recurring in any::<bool>(),
        window in any_window(),
        (events, shuffled) in any_log().prop_flat_map(|events| {
            let copies: Vec<Event> = events.iter().chain(&events).cloned().collect();
            (Just(events), Just(copies).prop_shuffle())
        }),
    ) {
        let metric = Metric { recurring: recurring && aggregation.may_recur(), ..metric(aggregation) };
        let free = percentage::Free { events: 3, total: dec!(20) };
        let asked = |events: Vec<&Event>| {
            (
                prorated::prorated(&metric, None, events.iter().copied(), &window, &testing::Utc),
                percentage::running(&metric, None, events.iter().copied(), &window, free),
                percentage::per_event(&metric, None, events.iter().copied(), &window),
            )
        };
        let mut backwards = first_of_each_id(&shuffled);
        backwards.reverse();
        prop_assert_eq!(asked(first_of_each_id(&events)), asked(backwards));
    }

    /// Units by days of the leaves sum to those of the whole, but for each leaf's own rounding up at the fifth decimal.
    #[test]
    fn prorated_leaves_sum_to_the_whole(
        aggregation in prop::sample::select(vec![Sum, UniqueCount]),
        window in any_window(),
        events in any_log(),
    ) {
        let metric = metric(aggregation).recurring().by(&one("region", &["europe", "africa", "mars"]));
        let events: Vec<Event> =
            first_of_each_id(&events).into_iter().filter(|event| event.properties.has("region")).cloned().collect();
        let leaves = prorated::prorated_by_group(&metric, &events, &window, &testing::Utc).unwrap();
        let whole = prorated::prorated(&metric, None, &events, &window, &testing::Utc).unwrap();
        prop_assert_eq!(leaves.iter().map(|(_, leaf)| leaf.full).sum::<Decimal>(), whole.full);
        let difference = leaves.iter().map(|(_, leaf)| leaf.units).sum::<Decimal>() - whole.units;
        prop_assert!(difference.abs() <= dec!(0.00003), "{difference}");
    }

    #[test]
    fn one_pass_is_a_pass_per_leaf(metric in any_metric(), window in any_window(), events in any_log()) {
        let events = first_of_each_id(&events);
        for (group, found) in aggregate_by_group(&metric, events.iter().copied(), &window).unwrap() {
            prop_assert_eq!(aggregate(&metric, group, events.iter().copied(), &window), Ok(found));
            // Written the obvious way: only the events whose leaf it is. Unique values are known across leaves.
            if metric.aggregation != UniqueCount {
                let own = events.iter().copied().filter(|event| metric.groups.leaf_of(&event.properties) == group);
                prop_assert_eq!(aggregate(&metric, None, own, &window), Ok(found));
            }
        }
    }

    #[test]
    fn leaves_sum_to_the_whole(
        aggregation in prop::sample::select(vec![Count, Sum, UniqueCount]),
        window in any_window(),
        events in any_log(),
    ) {
        let metric = metric(aggregation).by(&one("region", &["europe", "africa", "mars"]));
        let events: Vec<Event> =
            first_of_each_id(&events).into_iter().filter(|event| event.properties.has("region")).cloned().collect();
        let leaves = aggregate_by_group(&metric, &events, &window).unwrap();
        let whole = aggregate(&metric, None, &events, &window).unwrap();
        prop_assert_eq!(leaves.iter().map(|(_, leaf)| leaf.units).sum::<Decimal>(), whole.units);
        prop_assert_eq!(leaves.iter().map(|(_, leaf)| leaf.events_count).sum::<i64>(), whole.events_count);
    }

    #[test]
    fn windows_of_an_upgrade_sum_to_the_month(
        aggregation in prop::sample::select(vec![Count, Sum]),
        events in any_log(),
    ) {
        let may = window("2023-05-01", "2023-05-31");
        let upgraded_at = at("2023-05-16T12:00");
        let units = |window: Window| aggregate(&metric(aggregation), None, &events, &window).unwrap().units;
        let old = Window { to: upgraded_at, end: End::Successors, ..may };
        let new = Window { from: upgraded_at, ..may };
        prop_assert_eq!(units(old) + units(new), units(may));
    }

    #[test]
    fn a_unique_count_is_the_size_of_a_set(recurring in any::<bool>(), events in any_log()) {
        let metric = Metric { recurring, ..metric(UniqueCount) };
        // A window that ends after every event; metered, it starts in the middle of them.
        let window = Window { to: at("2024-01-01"), ..window("2023-05-01", "2023-05-31") };
        let mut set = HashSet::new();
        for event in first_of_each_id(&events) {
            if !recurring && event.timestamp < window.from {
                continue;
            }
            let value = event.properties.get("value").and_then(Value::scalar_text).unwrap_or("null".into());
            match event.properties.text("operation_type") {
                None | Some("add") => set.insert(value),
                Some("remove") => set.remove(&value),
                Some(_) => false,
            };
        }
        let found = aggregate(&metric, None, first_of_each_id(&events), &window).unwrap();
        prop_assert_eq!(found.units, Decimal::from(set.len()));
    }
}
