#![allow(clippy::unwrap_used)]

use super::*;
use crate::usage::testing::{at, log, metric, one, window};

use AggregationType::{Count, Sum, UniqueCount};

/// A row each: date, change, days.
fn rows(metric: &Metric, group: Option<GroupId>, window: &Window, zone: Zone, lines: &str) -> Vec<String> {
    let movements = daily(metric, group, &log(lines), window, zone).unwrap();
    let row = |movement: Movement| {
        let change = match movement.change {
            Change::Added(units) => format!("+{units}"),
            Change::Removed(units) => format!("-{units}"),
            Change::AddedAndRemoved(units) => format!("+/-{units}"),
        };
        format!("{} {change} {}", movement.date, movement.days)
    };
    movements.into_iter().map(row).collect()
}

#[test]
fn sums_by_day() {
    let may = window("2023-05-01", "2023-05-31");
    let sum = metric(Sum).recurring();
    let check =
        |lines: &str, expected: &[&str]| assert_eq!(rows(&sum, None, &may, Zone::UTC, lines), expected, "{lines}");
    // P1 of chapter 03.
    check("2023-03-01 value=2.5 *2; 2023-05-26T10:00 value=12 *2", &["2023-05-01 +5.0 31", "2023-05-26 +24 6"]);
    // A day's net, with its sign; a day that comes to nothing is none.
    check(
        "2023-03-01 value=-2; 2023-05-31 value=1; 2023-05-10 value=3; 2023-05-10 value=-4; 2023-05-11 value=1; 2023-05-11 value=-1",
        &["2023-05-01 -2 31", "2023-05-10 -1 22", "2023-05-31 +1 1"],
    );
    // Exactly at the start is of the window.
    check("2023-05-01 value=7", &["2023-05-01 +7 31"]);
    check("2023-06-01T00:00:01 value=7", &[]);
    let regions = sum.clone().by(&one("region", &["europe"]));
    let lines = "2023-05-30 value=12 region='europe'; 2023-05-31 value=9";
    assert_eq!(rows(&regions, regions.leaf("europe"), &may, Zone::UTC, lines), ["2023-05-30 +12 2"]);
    assert!(rows(&metric(Count).recurring(), None, &may, Zone::UTC, "2023-05-02 value=1").is_empty());
}

#[test]
fn units_by_day() {
    let july = window("2022-07-09", "2022-08-08");
    let unique = metric(UniqueCount).recurring();
    let lines = "2022-06-09 value=1; 2022-06-09 value=2; 2022-07-19T13:00 value=3; 2022-07-19T14:00 value=4; \
                 2022-07-24T01:00 value=1 operation_type='remove'; 2022-07-10 value=5; \
                 2022-08-07 value=5 operation_type='remove'; 2022-07-10 value=6; 2022-07-10T08:00 value=6 operation_type='remove'";
    assert_eq!(
        rows(&unique, None, &july, Zone::UTC, lines),
        ["2022-07-09 +1 31", "2022-07-10 +/-1 1", "2022-07-10 +/-1 29", "2022-07-19 +2 21", "2022-07-24 -1 16",]
    );
}

#[test]
fn days_are_local() {
    let tokyo = Zone::parse("Asia/Tokyo").unwrap();
    let may = window("2023-05-01", "2023-05-31");
    let may = Window { from: at("2023-04-30T15:00"), to: at("2023-05-31T14:59:59"), ..may };
    let sum = metric(Sum).recurring();
    assert_eq!(
        rows(&sum, None, &may, tokyo, "2023-03-01 value=1; 2023-05-30T15:00 value=2"),
        ["2023-05-01 +1 31", "2023-05-31 +2 1"]
    );
}
