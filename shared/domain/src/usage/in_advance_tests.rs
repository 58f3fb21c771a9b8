#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use super::*;
use crate::usage::testing::{Utc, log, metric, one, window};

use AggregationType::{Count, Sum, UniqueCount};

fn state(net: Decimal, highest: Decimal, prorated: Decimal) -> Option<State> {
    Some(State { net, highest, prorated })
}

const WHOLE: Share = Share { days: 31, period_days: 31 };
const TWO_DAYS: Share = Share { days: 2, period_days: 31 };

#[test]
fn the_table_of_billed_units() {
    let check = |before, change, units, shown, after| {
        let (state, billed) = step(before, change, WHOLE).unwrap();
        assert_eq!((billed.units, billed.shown), (units, shown), "{before:?} {change:?}");
        assert_eq!(state.map(|state| (state.net, state.highest)), after, "{before:?} {change:?}");
    };
    let at = |net, highest| state(net, highest, dec!(0));
    let (c, m) = (dec!(4), dec!(10));
    check(None, Change::Count, dec!(1), dec!(1), None);
    check(None, Change::Sum(dec!(10)), dec!(10), dec!(10), Some((dec!(10), dec!(10))));
    check(None, Change::Sum(dec!(-6)), dec!(0), dec!(0), Some((dec!(-6), dec!(-6))));
    check(at(dec!(-6), dec!(-6)), Change::Sum(dec!(10)), dec!(10), dec!(10), Some((dec!(4), dec!(10))));
    check(at(c, m), Change::Sum(dec!(10)), dec!(4), dec!(4), Some((dec!(14), dec!(14))));
    check(at(c, m), Change::Sum(dec!(-2)), dec!(0), dec!(0), Some((dec!(2), m)));
    check(at(c, m), Change::Sum(dec!(6)), dec!(0), dec!(6), Some((dec!(10), m)));
    check(None, Change::Add, dec!(1), dec!(1), Some((dec!(1), dec!(1))));
    check(None, Change::Remove, dec!(0), dec!(0), Some((dec!(0), dec!(0))));
    check(at(dec!(7), dec!(7)), Change::Add, dec!(1), dec!(1), Some((dec!(8), dec!(8))));
    check(at(dec!(4), dec!(7)), Change::Add, dec!(0), dec!(1), Some((dec!(5), dec!(7))));
    check(at(dec!(4), dec!(7)), Change::Remove, dec!(0), dec!(0), Some((dec!(3), dec!(7))));
    check(at(c, m), Change::Nothing, dec!(0), dec!(0), Some((c, m)));
    check(None, Change::Nothing, dec!(0), dec!(0), None);
}

#[test]
fn billed_units_by_days() {
    let check = |before, change, share, p, pm| {
        let (state, billed) = step(before, change, share).unwrap();
        assert_eq!(billed.prorated, p, "{change:?}");
        assert_eq!(state.unwrap().prorated, pm, "{change:?}");
    };
    let before = state(dec!(4), dec!(10), dec!(3.2));
    check(None, Change::Sum(dec!(10)), TWO_DAYS, dec!(0.64517), dec!(0.64517));
    check(before, Change::Sum(dec!(10)), TWO_DAYS, dec!(0.25807), dec!(3.45807));
    check(before, Change::Sum(dec!(-2)), TWO_DAYS, dec!(0), dec!(3.2));
    check(None, Change::Sum(dec!(12.4)), TWO_DAYS, dec!(0.8), dec!(0.8));
    check(None, Change::Add, Share { days: 21, period_days: 31 }, dec!(0.67742), dec!(0.67742));
}

/// (billed, shown) of each event that makes a fee, in May 2023.
fn fees(metric: &Metric, leaf: Option<&str>, lines: &str) -> Vec<(Decimal, Decimal)> {
    let group = leaf.map(|leaf| metric.leaf(leaf).unwrap());
    let events = log(lines);
    let replay = replay(metric, group, &events, &window("2023-05-01", "2023-05-31"), &Utc).unwrap();
    replay.fees.iter().map(|(_, billed)| (billed.units, billed.shown)).collect()
}

fn whole(fees: &[(i64, i64)]) -> Vec<(Decimal, Decimal)> {
    fees.iter().map(|(units, shown)| (Decimal::from(*units), Decimal::from(*shown))).collect()
}

#[test]
fn a_window_of_a_sum() {
    let lines =
        "2023-05-02 value=10; 2023-05-03 value=-6; 2023-05-04 value=10; 2023-05-05 value=-2; 2023-05-06 value=1";
    assert_eq!(fees(&metric(Sum), None, lines), whole(&[(10, 10), (0, 0), (4, 4), (0, 0), (0, 1)]));
    let last = |lines: &str| {
        replay(&metric(Sum), None, &log(lines), &window("2023-05-01", "2023-05-31"), &Utc).unwrap().state.unwrap()
    };
    assert_eq!((last(lines).net, last(lines).highest), (dec!(13), dec!(14)));
    let odd = "2023-04-02 value=7; 2023-05-02 value='foo'; 2023-05-03; 2023-05-03 other=1; 2023-05-04 value=2";
    assert_eq!(fees(&metric(Sum), None, odd), whole(&[(0, 0), (0, 0), (2, 2)]));
}

#[test]
fn a_window_of_a_count() {
    assert_eq!(fees(&metric(Count), None, "2023-05-02 *2; 2023-04-02"), whole(&[(1, 1), (1, 1)]));
}

#[test]
fn a_window_of_a_unique_count() {
    let lines = "2023-05-02 value='A'; 2023-05-03 value='A' operation_type='remove'; 2023-05-04 value='B'; 2023-05-05 value='C'";
    assert_eq!(fees(&metric(UniqueCount), None, lines), whole(&[(1, 1), (0, 0), (0, 1), (1, 1)]));
    let repeated = "2023-05-02 value='A'; 2023-05-03 value='A'; 2023-05-04 value='A' operation_type='toggle'";
    assert_eq!(fees(&metric(UniqueCount), None, repeated), whole(&[(1, 1)]));
    let stranger = "2023-05-02 value='A'; 2023-05-03 value='X' operation_type='remove'; 2023-05-04 value='B'";
    assert_eq!(
        fees(&metric(UniqueCount), None, stranger),
        whole(&[(1, 1), (0, 0), (1, 1)]),
        "no free unit from nothing"
    );
    let missing = "2023-05-02 other=1; 2023-05-03 value='A'";
    assert_eq!(fees(&metric(UniqueCount), None, missing), whole(&[(0, 0), (1, 1)]));
    let carried = "2023-04-02 value='A'; 2023-05-02 value='A'";
    assert_eq!(fees(&metric(UniqueCount), None, carried), whole(&[(1, 1)]), "metered: billed in each period");
    assert_eq!(fees(&metric(UniqueCount).recurring(), None, carried), whole(&[]), "recurring: billed by the renewal");
}

#[test]
fn each_leaf_has_its_own_maximum() {
    let metric = metric(UniqueCount).by(&one("region", &["europe", "africa"]));
    let lines = "2023-05-02 value=1 region='europe'; 2023-05-03 value=1 operation_type='remove'; \
        2023-05-04 value=2 region='africa'; 2023-05-05 value=3 region='europe'; 2023-05-06 value=4";
    assert_eq!(fees(&metric, Some("europe"), lines), whole(&[(1, 1), (0, 0), (0, 1)]));
    assert_eq!(fees(&metric, Some("africa"), lines), whole(&[(1, 1)]));
}

#[test]
fn days_run_from_the_event_to_the_end_of_the_window() {
    let events = log("2023-05-30T15:00 value=10");
    let replay = replay(&metric(Sum).recurring(), None, &events, &window("2023-05-01", "2023-05-31"), &Utc).unwrap();
    assert_eq!(replay.state, state(dec!(10), dec!(10), dec!(0.64517)));
}

#[test]
fn current_usage_prices_what_was_carried_and_the_maximum() {
    let in_window = state(dec!(4), dec!(6), dec!(3.8));
    assert_eq!(current_units(dec!(9), in_window), Ok(dec!(11)));
    assert_eq!(current_units(dec!(-9), None), Ok(dec!(0)));
    let upgraded = Share { days: 17, period_days: 31 };
    let check = |net, prorated, state, window, expected| {
        assert_eq!(current_prorated_units(net, prorated, state, window), Ok(expected));
    };
    check(dec!(9), dec!(0), in_window, WHOLE, dec!(8.8));
    check(dec!(9), dec!(0), in_window, upgraded, dec!(6.54194));
    check(dec!(5), dec!(5), None, WHOLE, dec!(5));
    check(dec!(5), dec!(2.74194), None, upgraded, dec!(2.74194));
    check(dec!(-5), dec!(-2.7), None, upgraded, dec!(0));
}
