#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use super::*;
use crate::usage::testing::{Utc, at, log, metric, one, window};

use AggregationType::{Sum, UniqueCount};

fn found(metric: &Metric, group: Option<GroupId>, window: &Window, lines: &str) -> Prorated {
    prorated(metric, group, &log(lines), window, &Utc).unwrap()
}

/// Full and prorated units of each movement.
fn movements(found: &Prorated) -> Vec<(Decimal, Decimal)> {
    found.movements.iter().map(|movement| (movement.full, movement.prorated)).collect()
}

fn check(name: &str, metric: &Metric, window: &Window, lines: &str, units: Decimal, full: Decimal) {
    let found = found(metric, None, window, lines);
    assert_eq!((found.units, found.full), (units, full), "{name}");
}

const P1: &str = "2023-03-01 value=2.5 *2; 2023-05-26T10:00 value=12 *2";

#[test]
fn sum_by_days() {
    let may = window("2023-05-01", "2023-05-31");
    let sum = metric(Sum).recurring();
    check("P1", &sum, &may, P1, dec!(9.64517), dec!(29));
    check("P2", &sum, &may, &format!("{P1}; 2023-05-31 value=4.5"), dec!(9.79033), dec!(33.5));
    let split = "2023-05-31 value=12 region='europe'; 2023-05-31 value=8 region='europe'; 2023-05-31 value=9";
    let regions = sum.clone().by(&one("region", &["europe"]));
    let p3 = found(&regions, regions.leaf("europe"), &may, split);
    assert_eq!((p3.units, p3.full), (dec!(0.64517), dec!(20)), "P3");
    let upgraded = Window { from: at("2023-05-15T14:00"), ..may };
    check("P4", &sum, &upgraded, "2023-03-01 value=2.5 *2", dec!(2.74194), dec!(5));
    check("P5", &sum, &may, &format!("{P1}; 2023-04-30 value=10"), dec!(19.64517), dec!(39));
    check("D-5: exactly at the start, once", &sum, &may, "2023-05-01 value=31", dec!(31), dec!(31));
    check("D-7: no noise", &sum, &may, "2023-05-06 value=31", dec!(26), dec!(31));
    let removed = "2023-03-01 value=5; 2023-05-22 value=-2";
    check("a removal is credited, its own day too", &sum, &may, removed, dec!(4.35484), dec!(3));
    let early = "2023-04-30T23:59:59.6 value=31";
    check("half a second early has no day more", &sum, &may, early, dec!(31), dec!(31));
}

#[test]
fn a_sums_movements_are_what_it_starts_with_and_each_event_in_order() {
    let may = window("2023-05-01", "2023-05-31");
    let lines = "2023-05-30 value=-31; 2023-05-26 value=31; 2023-03-01 value=2; 2023-05-27 value=0";
    let found = found(&metric(Sum).recurring(), None, &may, lines);
    assert_eq!(movements(&found), [(dec!(2), dec!(2)), (dec!(31), dec!(6)), (dec!(-31), dec!(-2))]);
    let days: Vec<_> = found.movements.iter().map(|movement| (movement.at, movement.days)).collect();
    assert_eq!(days, [(None, 31), (Some(at("2023-05-26")), 6), (Some(at("2023-05-30")), 2)]);
    assert_eq!((found.carried, found.carried_days), (dec!(2), 31));
    assert_eq!(found.events_count, 4);
}

#[test]
fn a_negative_start_is_no_movement() {
    let may = window("2023-05-01", "2023-05-31");
    let found = found(&metric(Sum).recurring(), None, &may, "2023-03-01 value=-2; 2023-05-01 value=5");
    assert_eq!(movements(&found), [(dec!(5), dec!(5))]);
    assert_eq!(found.carried, dec!(-2));
    assert_eq!((found.units, found.full), (dec!(3), dec!(3)));
}

#[test]
fn unique_count_by_days() {
    let july = window("2022-07-09", "2022-08-08");
    let unique = metric(UniqueCount).recurring();
    let check = |name, window: &Window, lines: &str, units, full| check(name, &unique, window, lines, units, full);
    let june = "2022-06-09 value=1";
    check("Q1", &july, june, dec!(1), dec!(1));
    check("Q2", &july, &format!("{june}; 2022-07-19T13:00 value=2"), dec!(1.67742), dec!(2));
    let terminated = Window { to: at("2022-07-24T14:00"), ..july };
    check("Q3", &terminated, june, dec!(0.51613), dec!(1));
    let started = Window { from: at("2022-08-01T14:00"), ..july };
    check("Q4", &started, june, dec!(0.25807), dec!(1));
    check("Q5", &july, &format!("{june}; 2022-07-24T01:00 value=1 operation_type='remove'"), dec!(0.51613), dec!(0));
    let q6 = "2022-07-10T23:00 value=1; 2022-08-07T01:00 value=1 operation_type='remove'";
    check("Q6", &july, q6, dec!(0.93549), dec!(0));
    let q7 = "2022-07-10T09:00 value=1; 2022-07-10T23:00 value=1 operation_type='remove'";
    check("Q7", &july, q7, dec!(0.03226), dec!(0));
    let seat = "2022-09-15T10:00 value='seat'; 2022-10-22T10:00 value='seat' operation_type='remove'";
    check("Q8", &window("2022-09-01", "2022-09-30"), seat, dec!(0.53334), dec!(1));
    check("Q9", &window("2022-10-01", "2022-10-31"), seat, dec!(0.70968), dec!(0));
    check("gone", &window("2022-11-01", "2022-11-30"), seat, dec!(0), dec!(0));
    check("to come", &window("2022-08-01", "2022-08-31"), seat, dec!(0), dec!(0));
    let backwards = "2022-07-20 value=1; 2022-07-15 value=1 operation_type='remove'";
    check("removed before it was added", &july, backwards, dec!(0), dec!(0));
}

#[test]
fn a_unique_counts_movements_are_the_carried_units_and_each_change_in_order() {
    let may = window("2023-05-01", "2023-05-31");
    let lines = "2023-03-01 value=1; 2023-03-01 value=2; 2023-03-01 value=3; 2023-05-26 value=4; \
        2023-05-10 value=3 operation_type='remove'; 2023-05-05 value=5; 2023-05-06 value=5 operation_type='remove'";
    let days = |full: i64, days: i64| {
        let full = Decimal::from(full);
        (full, Decimal::from(days) / Decimal::from(31))
    };
    let found = found(&metric(UniqueCount).recurring(), None, &may, lines);
    assert_eq!(movements(&found), [days(2, 62), days(1, 2), days(1, 10), days(1, 6)]);
    assert_eq!(found.full, dec!(3));
    assert_eq!(found.events_count, 4);
}

#[test]
fn each_leaf_is_prorated_in_one_pass() {
    let may = window("2023-05-01", "2023-05-31");
    let lines =
        "2023-05-26 value=1 region='europe'; 2023-05-27 value=2 region='africa'; 2023-03-01 value=3 region='africa'";
    for aggregation in [Sum, UniqueCount] {
        let metric = metric(aggregation).recurring().by(&one("region", &["europe", "africa", "asia"]));
        let all = prorated_by_group(&metric, &log(lines), &may, &Utc).unwrap();
        assert_eq!(all.len(), 3);
        for (group, one) in all {
            assert_eq!(one, found(&metric, group, &may, lines), "{aggregation}");
        }
    }
}
