#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use super::*;
use crate::usage::testing::{log, metric, one, window};

use AggregationType::{Count, Latest, Max, Sum, UniqueCount, WeightedSum};

const TWELVES: &str = "2023-03-01 value=2.5 *2; 2023-05-02 value=12 *4";

fn check_running(metric: &Metric, events: u64, total: Decimal, lines: &str, expected: &[Decimal]) {
    let may = window("2023-05-01", "2023-05-31");
    let found = running(metric, None, &log(lines), &may, Free { events, total }).unwrap();
    assert_eq!(found, expected, "{} E={events} T={total}", metric.aggregation);
}

#[test]
fn running_totals() {
    let sum = metric(Sum);
    check_running(&sum, 2, dec!(30), TWELVES, &[dec!(12), dec!(24)]);
    check_running(&sum, 0, dec!(30), TWELVES, &[dec!(12), dec!(24), dec!(36)]);
    check_running(&sum.clone().recurring(), 2, dec!(0), TWELVES, &[dec!(2.5), dec!(5)]);
    check_running(&sum, 0, dec!(24), TWELVES, &[dec!(12), dec!(24), dec!(36)]);
    check_running(&sum, 9, dec!(0), TWELVES, &[dec!(12), dec!(24), dec!(36), dec!(48)]);
    check_running(&sum, 0, dec!(0), TWELVES, &[]);
    let unordered = "2023-05-03 value=1; 2023-05-02 value=2; 2023-05-03 value='foo'";
    check_running(&sum, 5, dec!(0), unordered, &[dec!(2), dec!(3)]);
    check_running(&metric(Count), 1, dec!(0), TWELVES, &[dec!(1), dec!(2), dec!(3), dec!(4)]);
    check_running(&metric(UniqueCount), 0, dec!(1), TWELVES, &[dec!(1)]);
    check_running(&metric(Max), 1, dec!(1), TWELVES, &[]);
    check_running(&metric(WeightedSum), 1, dec!(1), TWELVES, &[]);
}

#[test]
fn values_per_event() {
    let check = |metric: Metric, lines: &str, expected: Option<&[Decimal]>| {
        let may = window("2023-05-01", "2023-05-31");
        let found = per_event(&metric, None, &log(lines), &may).unwrap();
        assert_eq!(found.as_deref(), expected, "{}", metric.aggregation);
    };
    let mixed = "2023-05-04 value=5; 2023-05-02 value=7; 2023-05-05 value=7; 2023-03-01 value=9";
    check(metric(Count), mixed, Some(&[dec!(1), dec!(1), dec!(1)]));
    check(metric(Sum), mixed, Some(&[dec!(7), dec!(5), dec!(7)]));
    check(metric(Sum).recurring(), mixed, Some(&[dec!(7), dec!(5), dec!(7)]));
    check(metric(Max), mixed, Some(&[dec!(7), dec!(0), dec!(0)]));
    check(metric(UniqueCount), mixed, Some(&[dec!(1), dec!(1)]));
    let removed = format!("{mixed}; 2023-05-06 value=5 operation_type='remove'");
    check(metric(UniqueCount).recurring(), &removed, Some(&[dec!(1)]));
    check(metric(WeightedSum), mixed, None);
    check(metric(Latest), mixed, None);
}

#[test]
fn each_leaf_has_its_own_lists() {
    let may = window("2023-05-01", "2023-05-31");
    let events = log("2023-05-02 value=1 region='europe'; 2023-05-03 value=2 region='africa'; 2023-05-04 value=4");
    let free = Free { events: 3, total: dec!(1) };
    for aggregation in [Count, Sum, Max, UniqueCount] {
        let metric = metric(aggregation).by(&one("region", &["europe", "africa"]));
        for (group, totals) in running_by_group(&metric, &events, &may, free).unwrap() {
            assert_eq!(Ok(totals), running(&metric, group, &events, &may, free), "{aggregation}");
        }
        for (group, values) in per_event_by_group(&metric, &events, &may).unwrap().unwrap() {
            assert_eq!(values.len(), 1, "{aggregation}");
            assert_eq!(Ok(Some(values)), per_event(&metric, group, &events, &may), "{aggregation}");
        }
    }
}
