#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::billing::tests::{at, day, terms};
use crate::billing::{Change, is_billing_day, next_billing_at};

const TICK: TimeDelta = TimeDelta::microseconds(1);

#[test]
fn the_window_of_charges_goes_on_after_a_change_of_zone() {
    // The table of chapter 02, 5.6.
    let check = |interval: &str, last: Option<&str>, instant: &str, expected: &str| {
        let mut terms = terms(&format!("{interval} cal arr"), "2019-01-01");
        terms.zone = Zone::parse("America/Los_Angeles").unwrap();
        let last = last.map(|charges_to| LastRecord { zone: Zone::UTC, charges_to: at(charges_to) });
        let made = boundaries(&terms, Situation::Recurring, at(instant), last.as_ref());
        assert_eq!(made.charges_from, at(expected), "{interval}");
        // The fee's bounds, and a record of the same zone, do not move.
        let same_zone = last.map(|record| LastRecord { zone: terms.zone, ..record });
        let ordinary = boundaries(&terms, Situation::Recurring, at(instant), same_zone.as_ref());
        assert_eq!(ordinary.charges_from, made.from, "{interval}");
        assert_eq!((ordinary.from, ordinary.to, ordinary.charges_to), (made.from, made.to, made.charges_to));
    };
    check("monthly", Some("2022-01-31T23:59:59Z"), "2022-03-02T00:00Z", "2022-02-01T00:00:00Z");
    check("weekly", Some("2022-02-27T22:59:59Z"), "2022-03-08T00:00Z", "2022-02-27T23:00:00Z");
    check("quarterly", Some("2021-12-31T23:59:59Z"), "2022-04-02T00:00Z", "2022-01-01T00:00:00Z");
    check("yearly", Some("2020-12-31T22:59:59Z"), "2022-01-02T00:00Z", "2020-12-31T23:00:00Z");
    check("monthly", None, "2022-03-02T00:00Z", "2022-02-01T08:00:00Z");
    // No neighbour: an older period, or 26 hours and more away.
    check("monthly", Some("2021-12-31T23:59:59Z"), "2022-03-02T00:00Z", "2022-02-01T08:00:00Z");
    check("monthly", Some("2022-01-31T05:59:59Z"), "2022-03-02T00:00Z", "2022-02-01T08:00:00Z");
    check("monthly", Some("2022-01-31T06:00:00Z"), "2022-03-02T00:00Z", "2022-01-31T06:00:01Z");
}

#[test]
fn the_days_of_the_charges_period_ignore_late_starts_early_ends_and_moved_zones() {
    let started = terms("monthly cal arr", "2024-02-15 10:00");
    let bounds = boundaries(&started, Situation::Recurring, at("2024-03-01"), None);
    assert_eq!(charges_period_days(&started, &bounds), 29);

    let ended = Terms { terminated_at: Some(at("2024-03-10 12:00")), ..terms("yearly+M cal arr", "2024-02-15") };
    let bounds = boundaries(&ended, Situation::Terminated, at("2024-03-10 12:00"), None);
    assert_eq!(charges_period_days(&ended, &bounds), 31);

    let mut moved = terms("monthly cal arr", "2019-01-01");
    moved.zone = Zone::parse("America/Los_Angeles").unwrap();
    let last = LastRecord { zone: Zone::UTC, charges_to: at("2022-01-31 23:59:59") };
    let bounds = boundaries(&moved, Situation::Recurring, at("2022-03-02"), Some(&last));
    assert_eq!(charges_period_days(&moved, &bounds), 28);
}

/// Chapter 02, 7.4: plan | start | end | the recurring record was made | fee from → to | charges from → to.
const TERMINATIONS: &str = "
monthly cal arr  | 2023-08-01 08:00:01 | 2023-10-01          | no  | 2023-09-01 → 2023-09-30 E       | same
monthly cal arr  | 2023-08-01 08:00:01 | 2023-10-01          | yes | 2023-10-01 → 2023-10-01         | same
monthly cal arr  | 2024-01-15          | 2024-04-01 00:05    | no  | 2024-03-01 → 2024-03-31 E       | same
monthly cal arr  | 2024-01-15          | 2024-04-01 15:00    | yes | 2024-04-01 → 2024-04-01 15:00   | same
monthly cal adv  | 2024-01-15          | 2024-04-01 00:05    | no  | 2024-04-01 → 2024-04-30 E       | 2024-03-01 → 2024-03-31 E
monthly cal arr  | 2024-03-31 12:00    | 2024-04-01 11:59:59 | no  | 2024-04-01 → 2024-04-01 11:59:59 | same
monthly cal arr  | 2024-03-31 12:00    | 2024-04-01 12:00    | no  | 2024-03-31 → 2024-03-31 E       | 2024-03-31 12:00 → 2024-03-31 E
monthly cal arr  | 2024-01-15          | 2024-04-01 23:59:59 | no  | 2024-03-01 → 2024-03-31 E       | same
monthly cal arr  | 2024-01-15          | 2024-04-02          | no  | 2024-04-01 → 2024-04-02         | same
monthly cal arr  | 2024-01-15          | 2024-04-20 12:00    | no  | 2024-04-01 → 2024-04-20 12:00   | same
yearly+M cal arr | 2023-01-15          | 2024-04-01 00:05    | no  | 2024-01-01 → 2024-04-01 00:05   | 2024-03-01 → 2024-03-31 E
yearly+M cal arr | 2023-01-15          | 2024-04-01 00:05    | yes | 2024-01-01 → 2024-04-01 00:05   | 2024-04-01 → 2024-04-01 00:05
yearly+M cal arr | 2022-12-15          | 2024-01-01 00:05    | no  | 2023-01-01 → 2023-12-31 E       | 2023-12-01 → 2023-12-31 E
yearly cal arr   | 2022-12-15          | 2024-01-01 00:05    | no  | 2023-01-01 → 2023-12-31 E       | same
";

#[test]
fn a_termination_on_a_billing_day_bills_the_finished_period() {
    let bounds = |text: &str| text.split_once('→').map(|(from, to)| (at(from), at(to))).unwrap();
    for row in TERMINATIONS.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [words, start, end, billed, fee, charges] = columns[..] else { panic!("no row: {row}") };
        let terms = Terms { terminated_at: Some(at(end)), ..terms(words, start) };
        let made = termination_boundaries(&terms, at(end), |_| billed == "yes", None);
        let charges = if charges == "same" { fee } else { charges };
        assert_eq!(
            ((made.from, made.to), (made.charges_from, made.charges_to)),
            (bounds(fee), bounds(charges)),
            "{row}"
        );
    }
}

#[test]
fn the_recurring_record_that_counts_is_the_one_of_the_same_bounds() {
    let active = terms("yearly+M cal arr", "2023-01-15");
    let recurring = boundaries(&active, Situation::Recurring, at("2024-04-01"), None);
    let ended = Terms { terminated_at: Some(at("2024-04-01 00:05")), ..active };
    let asked = std::cell::Cell::new(None);
    let _ = termination_boundaries(
        &ended,
        at("2024-04-01 00:05"),
        |asked_for| asked.replace(Some(*asked_for)).is_some(),
        None,
    );
    assert_eq!(asked.get(), Some(recurring));
}

#[test]
fn an_upgrade_on_a_billing_day_keeps_the_ordinary_bounds() {
    let mut ended = Terms { terminated_at: Some(at("2024-04-01 10:00")), ..terms("monthly cal arr", "2024-01-15") };
    ended.succession.next = Some(Change::Upgrade);
    let made = termination_boundaries(&ended, at("2024-04-01 10:00"), |_| false, None);
    assert_eq!((made.from, made.to), (at("2024-04-01"), at("2024-04-01 10:00")));
}

#[test]
fn ends_are_cut_to_the_second_and_only_by_an_end_that_came_first() {
    let ended_at = at("2024-03-10 12:00:00") + TimeDelta::milliseconds(250);
    let ended = Terms { terminated_at: Some(ended_at), ..terms("monthly cal arr", "2024-01-15") };
    let last = boundaries(&ended, Situation::Terminated, ended_at, None);
    assert_eq!((last.to, last.charges_to), (at("2024-03-10 12:00:00"), ended_at));

    // In the last second of the period nothing is cut.
    let ended_at = at("2024-03-31 23:59:59") + TimeDelta::milliseconds(250);
    let last_second = Terms { terminated_at: Some(ended_at), ..terms("monthly cal arr", "2024-01-15") };
    assert_eq!(boundaries(&last_second, Situation::Terminated, ended_at, None).to, at("2024-03-31 E"));

    // A draft of before the end is computed again: its periods are what they were.
    for (words, situation) in [("monthly cal adv", Situation::First), ("monthly cal adv", Situation::Recurring)] {
        let active = terms(words, "2024-03-01");
        let ended = Terms { terminated_at: Some(at("2024-03-10 12:00")), ..active.clone() };
        let bounds = |terms| boundaries(terms, situation, at("2024-03-01"), None);
        assert_eq!(bounds(&active), bounds(&ended));
    }

    // At the rotation of a plan in advance nothing is left of the fee's period.
    let rotated = Terms { terminated_at: Some(at("2024-04-01")), ..terms("monthly cal adv", "2024-01-15") };
    let made = boundaries(&rotated, Situation::Rotation, at("2024-04-01"), None);
    assert_eq!((made.from, made.to), (at("2024-04-01"), at("2024-04-01")));
    assert_eq!((made.charges_from, made.charges_to), (at("2024-03-01"), at("2024-03-31 E")));
}

#[test]
fn the_end_of_the_period_is_a_local_date() {
    let check = |words: &str, start: &str, zone: &str, now: &str, end: &str| {
        let mut terms = terms(words, start);
        terms.zone = Zone::parse(zone).unwrap();
        assert_eq!(period_end(&terms, at(now)), day(end), "{words}");
        assert_eq!(next_period_start(&terms, at(now)), day(end).succ_opt().unwrap(), "{words}");
    };
    check("monthly cal arr", "2024-01-01", "UTC", "2024-03-16 10:00", "2024-03-31");
    check("quarterly ann adv", "2022-02-02", "UTC", "2022-04-10 12:00", "2022-05-01");
    check("yearly+M cal arr", "2024-01-01", "UTC", "2024-03-16 10:00", "2024-12-31");
    check("monthly cal arr", "2022-09-01 12:00", "America/Los_Angeles", "2022-10-01 01:00", "2022-09-30");
    check("monthly cal arr", "2022-09-01 12:00", "Europe/Paris", "2022-10-01 01:00", "2022-10-31");
}

const PLANS: [&str; 9] = [
    "weekly cal",
    "weekly ann",
    "monthly cal",
    "monthly ann",
    "quarterly cal",
    "quarterly ann",
    "yearly ann",
    "yearly+M cal",
    "yearly+M ann",
];

/// Invariant 1 of chapter 02, 12, over some years from `start`, with an end in the middle of a period.
fn check_tiling(zone: Zone, words: &str, start: Instant, bills: usize) {
    for plan in ["arr", "adv"] {
        let mut terms = terms(&format!("{words} {plan}"), "2000-01-01");
        (terms.zone, terms.subscription_at, terms.started_at) = (zone, start, start);
        let name = format!("{zone} {words} {plan} {start}");

        let (mut instant, mut charges_from, mut fee_from) = (start, start, zone.start_of(zone.date(start)));
        for _ in 0..bills {
            instant = next_billing_at(&terms, instant).unwrap();
            assert!(is_billing_day(&terms, zone.date(instant)), "{name} {instant}");
            let made = boundaries(&terms, Situation::Recurring, instant, None);
            assert_eq!(made.charges_from, charges_from, "{name} {instant}");
            assert_eq!(made.charges_to + TICK, instant, "{name}: charges are billed when they end");
            charges_from = made.charges_to + TICK;
            if terms.charges_grid() != terms.grid() {
                continue;
            }
            if terms.pay_in_advance {
                assert_eq!(made.from, instant, "{name}: a fee in advance is billed when its period starts");
                assert_eq!(zone.start_of(terms.grid().next(zone.date(instant))), made.to + TICK, "{name} {instant}");
            } else {
                assert_eq!((made.from, made.to), (fee_from, made.charges_to), "{name} {instant}");
                fee_from = made.to + TICK;
            }
        }
        let end = instant + TimeDelta::hours(29);
        let ended = Terms { terminated_at: Some(end), ..terms };
        let made = termination_boundaries(&ended, end, |_| true, None);
        assert_eq!((made.charges_from, made.charges_to), (charges_from, end), "{name} end");
    }
}

#[test]
fn charges_periods_tile_the_life_of_a_subscription_in_every_zone() {
    for zone in Zone::all_and_odd() {
        for words in PLANS {
            check_tiling(zone, words, at("2023-01-31 11:30"), 18);
        }
    }
}

#[test]
fn charges_periods_tile_for_every_anchor_day() {
    for zone in ["America/Santiago", "Pacific/Apia", "Africa/Cairo"].map(|name| Zone::parse(name).unwrap()) {
        for date in day("2024-01-27").iter_days().take(66) {
            for words in PLANS {
                check_tiling(zone, words, zone.start_of(date) + TimeDelta::minutes(90), 15);
            }
        }
    }
}

#[test]
fn charges_periods_tile_over_a_day_that_the_zone_skipped() {
    let zone = Zone::parse("Pacific/Apia").unwrap();
    for date in day("2011-11-20").iter_days().take(45) {
        for words in PLANS {
            check_tiling(zone, words, zone.start_of(date) + TimeDelta::minutes(90), 12);
        }
    }
}
