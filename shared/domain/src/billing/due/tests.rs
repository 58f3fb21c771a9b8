#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::billing::tests::{at, day, terms};
use crate::time::{BillingTime, Interval};

/// The table of chapter 02, 6.1: plan | start, or `any` | day | due | not due.
const DAYS: &str = "
weekly cal    | any        | 2022-06-20 | 2022-06-21
monthly cal   | any        | 2022-02-01 | 2022-02-02
quarterly cal | any        | 2022-04-01 | 2022-05-01
yearly cal    | any        | 2022-01-01 | 2022-01-02
yearly+M cal  | any        | 2022-02-01 | 2022-02-02
weekly ann    | 2021-02-20 | 2022-06-18 | 2022-06-19
monthly ann   | 2021-02-20 | 2021-03-20 | 2021-03-21
monthly ann   | 2021-03-31 | 2022-02-28 | 2022-02-27
quarterly ann | 2021-02-20 | 2021-05-20 | 2021-05-21
quarterly ann | 2021-03-15 | 2022-09-15 | 2022-08-15
quarterly ann | 2021-03-31 | 2022-06-30 | 2022-05-31
yearly ann    | 2021-02-20 | 2022-02-20 | 2022-02-21
yearly ann    | 2020-02-29 | 2022-02-28 | 2022-03-01
yearly+M ann  | 2021-02-20 | 2021-04-20 | 2021-04-21
yearly+M ann  | 2021-03-31 | 2022-02-28 | 2022-03-01
";

#[test]
fn billing_days_are_those_of_the_table() {
    for row in DAYS.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [words, anchor, due, not_due] = columns[..] else { panic!("no row: {row}") };
        let anchors = if anchor == "any" { vec!["2019-05-07", "2020-02-29", "2021-12-31"] } else { vec![anchor] };
        for (anchor, plan) in anchors.iter().flat_map(|anchor| ["arr", "adv"].map(|plan| (anchor, plan))) {
            let terms = terms(&format!("{words} {plan}"), anchor);
            assert!(is_billing_day(&terms, day(due)), "{row}");
            assert!(!is_billing_day(&terms, day(not_due)), "{row}");
            assert_eq!(next_billing_at(&terms, at(due) - TimeDelta::microseconds(1)), Some(at(due)), "{row}");
            assert!(next_billing_at(&terms, at(due)) > Some(at(due)), "{row}");
        }
    }
}

#[test]
fn the_start_day_and_the_last_day_are_not_billed() {
    // Rule 2.
    let started = terms("monthly ann arr", "2022-12-13 12:00");
    assert!(!is_billing_day(&started, day("2022-12-13")));
    assert_eq!(next_billing_at(&started, started.started_at), Some(at("2023-01-13")));
    // Before the start, which the clock may replay.
    assert!(!is_billing_day(&started, day("2022-11-13")));
    assert_eq!(next_billing_at(&started, at("2022-01-01")), Some(at("2023-01-13")));
    // Rule 3.
    let ending = Terms { ending_at: Some(at("2022-02-01 15:00")), ..terms("monthly cal arr", "2021-12-05") };
    assert!(is_billing_day(&ending, day("2022-01-01")));
    assert!(!is_billing_day(&ending, day("2022-02-01")));
    assert_eq!(next_billing_at(&ending, at("2021-12-05")), Some(at("2022-01-01")));
    assert_eq!(next_billing_at(&ending, at("2022-01-01")), None);
    let ending = Terms { ending_at: Some(at("2022-02-02 00:00")), ..ending };
    assert_eq!(next_billing_at(&ending, at("2022-01-01")), Some(at("2022-02-01")));
    assert_eq!(next_billing_at(&ending, at("2022-02-01")), None);
}

#[test]
fn a_subscription_created_on_a_billing_day_with_an_earlier_start_is_due_at_once() {
    let backdated = terms("monthly cal arr", "2022-01-10");
    assert_eq!(first_billing_at(&backdated, at("2022-03-01 09:00")), Some(at("2022-03-01 09:00")));
    assert_eq!(first_billing_at(&backdated, at("2022-03-02 09:00")), Some(at("2022-04-01")));
    // The start day is billed by the start itself.
    let today = terms("monthly cal arr", "2022-03-01 08:00");
    assert_eq!(first_billing_at(&today, at("2022-03-01 09:00")), Some(at("2022-04-01")));
}

#[test]
fn a_downgrade_waits_for_the_plans_own_period() {
    let yearly = terms("yearly+M ann arr", "2023-03-15");
    assert!(is_billing_day(&yearly, day("2024-02-15")) && !is_rotation_day(&yearly, day("2024-02-15")));
    assert!(is_billing_day(&yearly, day("2024-03-15")) && is_rotation_day(&yearly, day("2024-03-15")));
}

#[test]
fn a_period_that_starts_on_a_skipped_day_is_billed_on_the_next() {
    let mut terms = terms("monthly ann arr", "2011-10-30 12:00");
    terms.zone = Zone::parse("Pacific/Apia").unwrap();
    let instant = next_billing_at(&terms, at("2011-12-20")).unwrap();
    assert_eq!(instant, at("2011-12-30 10:00"));
    assert_eq!(terms.zone.date(instant), day("2011-12-31"));
    assert!(is_billing_day(&terms, day("2011-12-31")) && is_rotation_day(&terms, day("2011-12-31")));
    assert!(!is_billing_day(&terms, day("2011-12-30")));
}

/// Invariant 2 of chapter 02, 12, with the instants: the billing instants are the starts of the billing days.
#[test]
fn billing_instants_are_the_starts_of_billing_days_in_every_zone() {
    for (zone, words) in Zone::all_and_odd().into_iter().zip(
        ["weekly ann arr", "monthly cal arr", "monthly ann arr", "quarterly ann arr", "yearly+M ann arr"]
            .into_iter()
            .cycle(),
    ) {
        let mut terms = terms(words, "2023-05-31 12:00");
        terms.zone = zone;
        let mut expected = Vec::new();
        for day in day("2023-06-01").iter_days().take(500) {
            if is_billing_day(&terms, day) {
                expected.push(zone.start_of(day));
            }
        }
        let mut made = Vec::new();
        let mut last = terms.started_at;
        while made.len() < expected.len() {
            last = next_billing_at(&terms, last).unwrap();
            made.push(last);
        }
        assert_eq!(made, expected, "{zone} {words}");
    }
}

#[test]
fn a_future_start_activates_on_its_local_day() {
    let check = |zone: &str, subscription_at: &str, created_at: &str, expected: &str| {
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(activation_at(zone, at(subscription_at), at(created_at)), at(expected), "{subscription_at}");
    };
    check("UTC", "2024-03-05 15:00", "2024-03-01 12:00", "2024-03-05 00:00");
    check("America/New_York", "2024-03-05 03:00", "2024-03-01 12:00", "2024-03-04 05:00");
    // Later on the day of the start: the next mark, or the start itself if that is earlier.
    check("UTC", "2024-03-05 15:00", "2024-03-05 12:03:10", "2024-03-05 12:05");
    check("UTC", "2024-03-05 15:00", "2024-03-05 12:05:00", "2024-03-05 12:10");
    check("UTC", "2024-03-05 12:04", "2024-03-05 12:03:10", "2024-03-05 12:04");
    check("UTC", "2024-03-05 15:00", "2024-03-05 00:00:00", "2024-03-05 00:00");
    check("UTC", "2400-03-05 15:00", "2400-03-05 14:52", "2400-03-05 14:55");
}

#[test]
fn a_planned_end_comes_early_on_its_local_day() {
    let check = |zone: &str, ending_at: &str, now: &str, expected: &str| {
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(termination_at(zone, at(ending_at), at(now)), at(expected), "{ending_at}");
    };
    check("UTC", "2024-04-01 18:00", "2024-01-15", "2024-04-01 00:05");
    check("Asia/Tokyo", "2024-04-01 18:00", "2024-01-15", "2024-04-01 15:05");
    check("America/Santiago", "2024-09-08 18:00", "2024-01-15", "2024-09-08 04:05");
    // Past: at once.
    check("UTC", "2024-04-01 18:00", "2024-04-01 12:00", "2024-04-01 12:00");
    check("UTC", "2024-04-01 18:00", "2024-05-07 12:00", "2024-05-07 12:00");
}

#[test]
fn an_end_is_announced_twice() {
    let [first, second] = alerts_at(at("2024-04-01 18:00"));
    assert_eq!(first, Alert { days_before: 45, at: at("2024-02-16 00:50") });
    assert_eq!(second, Alert { days_before: 15, at: at("2024-03-17 00:50") });
    assert_eq!(first.next_from(at("2024-01-01")), Some(first.at));
    assert_eq!(first.next_from(at("2024-02-16 13:10")), Some(at("2024-02-16 13:50")));
    assert_eq!(first.next_from(at("2024-02-16 13:50")), Some(at("2024-02-16 13:50")));
    assert_eq!(first.next_from(at("2024-02-16 23:51")), None);
}

#[test]
fn charges_of_other_plans_than_yearly_ones_follow_their_own_grid() {
    let terms = Terms { bill_charges_monthly: true, ..terms("quarterly cal arr", "2023-01-01") };
    assert_eq!(terms.charges_grid().interval, Interval::Quarterly);
    assert_eq!(terms.grid().billing_time, BillingTime::Calendar);
}
