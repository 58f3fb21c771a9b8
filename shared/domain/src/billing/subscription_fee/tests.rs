#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::TimeDelta;
use proptest::prelude::*;
use rust_decimal_macros::dec;

use super::*;
use crate::billing::tests::{at, day, terms};
use crate::billing::{boundaries, next_billing_at};
use crate::time::Zone;

/// The rows of chapter 02, 10.3:
/// # | formula | plan | start | amount | from → to | trial days, from | days/D | fee | more.
///
/// The billing instant is the end of the period in arrears, its start in advance. `created` is a backdated record's
/// creation, `later` stands for a record with an earlier subscription fee, `upgraded` for one that an upgrade ended,
/// `upgrade` for one that began by an upgrade.
const FORMULAS: &str = "
D1  | Full       | monthly cal arr | 2021-03-01       | 100  | 2022-03-01 → 2022-03-31 E       |                     | 31/31   | 100  | later
D2  | Full       | monthly cal arr | 2021-03-01       | 100  | 2022-03-01 → 2022-03-31 E       | 3, 2022-03-01       | 28/31   | 90   | later
D3  | Full       | monthly cal arr | 2021-03-01       | 100  | 2022-03-01 → 2022-03-31 E       | 45, 2022-03-01      | 0/31    | 0    | later
D4  | Full       | monthly cal adv | 2021-01-01       | 100  | 2022-01-01 → 2022-01-31 E       | 15, 2022-01-01      | 16/31   | 52   | later
D5  | Full       | weekly ann adv  | 2022-01-02       | 100  | 2022-01-02 → 2022-01-09 E       | 5, 2022-01-01       | 4/7     | 57   |
D6  | Full       | yearly cal adv  | 2021-01-01       | 100  | 2022-01-01 → 2022-12-31 E       | 35, 2022-01-01      | 330/365 | 90   | later
D7  | Full       | monthly ann adv | 2022-08-31 00:01 | 3000 | 2022-08-31 → 2022-09-30 E       | 15, 2022-08-31 00:01| 16/30   | 1600 |
D8  | First      | weekly cal arr  | 2022-06-20 00:01 | 100  | 2022-06-20 → 2022-06-26 E       |                     | 7/7     | 100  |
D9  | First      | weekly cal arr  | 2022-06-20 00:01 | 100  | 2022-06-20 → 2022-06-26 E       | 3, 2022-06-20 00:01 | 4/7     | 57   |
D10 | First      | weekly cal arr  | 2022-06-20 00:01 | 100  | 2022-06-20 → 2022-06-26 E       | 10, 2022-06-20 00:01| 0/7     | 0    |
D11 | First      | weekly cal arr  | 2022-06-22       | 100  | 2022-06-22 → 2022-06-26 E       |                     | 5/7     | 71   |
D12 | First      | weekly cal arr  | 2022-06-22       | 100  | 2022-06-22 → 2022-06-26 E       | 3, 2022-06-22       | 2/7     | 29   |
D13 | Full       | weekly cal adv  | 2022-06-22       | 100  | 2022-06-22 → 2022-06-26 E       |                     | 7/7     | 100  | created 2022-06-24
D14 | Full       | weekly cal arr  | 2022-06-22       | 100  | 2022-06-27 → 2022-07-03 E       |                     | 7/7     | 100  | created 2022-06-30
D15 | First      | monthly cal arr | 2022-01-01 00:01 | 100  | 2022-01-01 → 2022-01-31 E       |                     | 31/31   | 100  |
D16 | First      | monthly cal arr | 2022-01-01 00:01 | 100  | 2022-01-01 → 2022-01-31 E       | 3, 2022-01-01 00:01 | 28/31   | 90   |
D17 | First      | monthly cal arr | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       |                     | 17/31   | 55   |
D17 | First      | monthly cal adv | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       |                     | 17/31   | 55   |
D18 | First      | monthly cal arr | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       | 3, 2022-03-15       | 14/31   | 45   |
D19 | First      | yearly cal arr  | 2022-03-15       | 100  | 2022-03-15 → 2022-12-31 E       |                     | 292/365 | 80   |
D19 | First      | yearly cal adv  | 2022-03-15       | 100  | 2022-03-15 → 2022-12-31 E       |                     | 292/365 | 80   |
D20 | Terminated | monthly cal arr | 2021-03-15       | 100  | 2022-03-01 → 2022-03-20 E       |                     | 20/31   | 65   | later
D21 | Terminated | monthly cal arr | 2021-03-15       | 100  | 2022-02-28T23:00 → 2022-03-20T22:59:59 |              | 20/31   | 65   | later Europe/Paris
D22 | Terminated | weekly cal arr  | 2021-03-15       | 100  | 2022-03-14 → 2022-03-16 E       |                     | 3/7     | 43   | later
D23 | Terminated | monthly cal arr | 2022-03-15       | 100  | 2022-03-01 → 2022-03-20 E       | 3, 2022-03-15       | 2/31    | 6    | upgraded
D24 | Terminated | monthly cal arr | 2022-03-15       | 100  | 2022-03-01 → 2022-03-20 E       | 45, 2022-03-15      | 0/31    | 0    | upgraded
D25 | Upgraded   | monthly cal arr | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       |                     | 17/31   | 55   | upgrade
D25 | Upgraded   | monthly cal adv | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       |                     | 17/31   | 55   | upgrade
D25 | Upgraded   | monthly cal arr | 2022-03-15       | 100  | 2022-03-14T23:00 → 2022-03-31T21:59:59 |              | 17/31   | 55   | upgrade Europe/Paris
D25 | Upgraded   | monthly cal adv | 2022-03-15       | 100  | 2022-03-14T23:00 → 2022-03-31T21:59:59 |              | 17/31   | 55   | upgrade Europe/Paris
D26 | Upgraded   | monthly cal arr | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       | 184, 2021-09-15     | 14/31   | 45   | upgrade
D27 | Upgraded   | monthly cal arr | 2022-03-15       | 100  | 2022-03-15 → 2022-03-31 E       | 200, 2021-09-15     | 0/31    | 0    | upgrade
D28 | First      | monthly cal arr | 2022-08-10       | 5000 | 2022-08-10 → 2022-08-31 E       |                     | 22/31   | 3548 |
D29 | First      | monthly cal arr | 2022-04-15       | 1000 | 2022-04-15 → 2022-04-30 E       |                     | 16/30   | 533  |
";

#[test]
fn the_formula_rows_of_the_chapter_hold() {
    for row in FORMULAS.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, formula, words, start, amount, bounds, trial, days, fee, more] = columns[..] else {
            panic!("no row: {row}")
        };
        let mut terms = terms(words, start);
        terms.amount_cents = amount.parse().unwrap();
        if let Some((days, since)) = trial.split_once(',') {
            (terms.trial_days, terms.trial_started_at) = (days.parse().unwrap(), at(since));
        }
        let (from, to) = bounds.split_once('→').map(|(from, to)| (at(from), at(to))).unwrap();
        let mut situation = if terms.pay_in_advance { Situation::First } else { Situation::Recurring };
        let mut instant = if terms.pay_in_advance { from } else { to + TimeDelta::seconds(1) };
        if let Some(created_at) = more.strip_prefix("created ") {
            terms.created_at = at(created_at);
        }
        if more.contains("Europe/Paris") {
            terms.zone = Zone::parse("Europe/Paris").unwrap();
        }
        if formula == "Terminated" {
            (situation, instant, terms.terminated_at) = (Situation::Terminated, to, Some(to));
        }
        if more == "upgraded" {
            terms.succession.next = Some(Change::Upgrade);
        } else if more.starts_with("upgrade") {
            terms.succession.previous = Some(Change::Upgrade);
        }
        let billed_before = more.starts_with("later");
        let history = FeeHistory {
            is_first_invoice: !billed_before,
            has_fee_on_earlier_invoice: billed_before,
            ..FeeHistory::default()
        };
        let bounds = Boundaries { from, to, charges_from: from, charges_to: to };
        let made = subscription_fee(&terms, situation, instant, &bounds, &history);
        assert_eq!(format!("{:?}", made.formula), formula, "{row}");
        assert_eq!(format!("{}/{}", made.days, made.period_days), days, "{row}");
        assert_eq!(made.amount_cents.to_string(), fee, "{row}");
    }
}

fn fee_at(terms: &Terms, situation: Situation, instant: Instant, history: &FeeHistory) -> SubscriptionFee {
    subscription_fee(terms, situation, instant, &boundaries(terms, situation, instant, None), history)
}

fn first_invoice() -> FeeHistory {
    FeeHistory { is_first_invoice: true, ..FeeHistory::default() }
}

fn later_invoice() -> FeeHistory {
    FeeHistory { has_fee_on_earlier_invoice: true, ..FeeHistory::default() }
}

#[test]
fn a_termination_on_a_billing_day_costs_what_the_table_says() {
    // Chapter 02, 7.4, last column, monthly plan of 10000.
    let check = |start: &str, end: &str, billed: bool, days, period_days, fee| {
        let terms = Terms { terminated_at: Some(at(end)), ..terms("monthly cal arr", start) };
        let bounds = crate::billing::termination_boundaries(&terms, at(end), |_| billed, None);
        let made = subscription_fee(&terms, Situation::Terminated, at(end), &bounds, &later_invoice());
        assert_eq!((made.days, made.period_days, made.amount_cents), (days, period_days, fee), "{end}");
    };
    check("2023-08-01 08:00:01", "2023-10-01", false, 30, 30, 10_000);
    check("2023-08-01 08:00:01", "2023-10-01", true, 0, 31, 0);
    check("2024-01-15", "2024-04-01 00:05", false, 31, 31, 10_000);
    check("2024-01-15", "2024-04-01 15:00", true, 1, 30, 333);
}

#[test]
fn a_trial_that_ends_on_the_last_day_leaves_that_day() {
    let terms = Terms { trial_days: dec!(30.5), amount_cents: 3_100, ..terms("monthly cal adv", "2024-01-01") };
    let made = fee_at(&terms, Situation::First, at("2024-01-01"), &first_invoice());
    assert_eq!((made.days, made.amount_cents), (1, 100));
    let terms = Terms { trial_days: dec!(31), ..terms };
    assert_eq!(fee_at(&terms, Situation::First, at("2024-01-01"), &first_invoice()).amount_cents, 0);
}

#[test]
fn each_stop_keeps_the_fee_off_an_invoice() {
    let check = |terms: &Terms, situation, instant: &str, history: &FeeHistory, due| {
        assert_eq!(is_subscription_fee_due(terms, situation, at(instant), history), due, "{situation:?} {instant}");
    };
    let recurring = Situation::Recurring;

    // 1: in advance, a fee of that day exists already.
    let of_the_day = FeeHistory { other_fees_created_at: vec![at("2024-03-01 00:00:07")], ..later_invoice() };
    check(&terms("monthly cal adv", "2024-01-01"), recurring, "2024-03-01", &of_the_day, false);
    check(&terms("monthly cal adv", "2024-01-01"), recurring, "2024-04-01", &of_the_day, true);
    check(&terms("monthly cal arr", "2024-01-01"), recurring, "2024-03-01", &of_the_day, true);

    // 1, by local days: a start in the last evening of January is no fee of February ...
    let mut west = terms("monthly cal adv", "2024-02-01 04:00");
    west.zone = Zone::parse("America/Los_Angeles").unwrap();
    let of_the_start = FeeHistory { other_fees_created_at: vec![at("2024-02-01 04:00")], ..later_invoice() };
    check(&west, recurring, "2024-02-01 08:00", &of_the_start, true);
    // ... and a first invoice of the first morning of February is one.
    let mut east = terms("monthly cal adv", "2024-01-31 01:00");
    east.zone = Zone::parse("Asia/Tokyo").unwrap();
    let of_february = FeeHistory { other_fees_created_at: vec![at("2024-01-31 23:30")], ..later_invoice() };
    check(&east, recurring, "2024-01-31 15:00", &of_february, false);

    // 2: yearly, outside of the first month of the plan year.
    let in_advance = terms("yearly+M ann adv", "2023-03-15");
    check(&in_advance, recurring, "2024-02-15", &later_invoice(), false);
    check(&in_advance, recurring, "2024-02-15", &FeeHistory::default(), true);
    check(&in_advance, recurring, "2024-03-15", &later_invoice(), true);
    check(&in_advance, recurring, "2024-04-14", &later_invoice(), true);
    check(&in_advance, recurring, "2024-04-15", &later_invoice(), false);
    let in_arrears = terms("yearly+M cal arr", "2023-03-15");
    check(&in_arrears, recurring, "2024-01-01", &FeeHistory::default(), true);
    check(&in_arrears, recurring, "2024-02-01", &FeeHistory::default(), false);
    let ended = Terms { terminated_at: Some(at("2024-06-10")), ..in_arrears };
    check(&ended, Situation::Terminated, "2024-06-10", &FeeHistory::default(), true);

    // 3: ended, in advance.
    let ended = Terms { terminated_at: Some(at("2024-03-01")), ..terms("monthly cal adv", "2024-01-01") };
    check(&ended, Situation::Terminated, "2024-03-01", &later_invoice(), false);
    check(&ended, Situation::Rotation, "2024-03-01", &later_invoice(), false);
    check(&ended, recurring, "2024-02-01", &later_invoice(), true);
    let rotated = Terms { terminated_at: Some(at("2024-03-01")), ..terms("monthly cal arr", "2024-01-01") };
    check(&rotated, Situation::Rotation, "2024-03-01", &later_invoice(), true);
}

#[test]
fn the_first_invoice_in_advance_has_charges_only_after_a_backdated_start() {
    let check = |terms: &Terms, history: &FeeHistory, due| assert_eq!(are_charges_due(terms, history), due);
    let in_advance = terms("monthly cal adv", "2024-01-15 10:00");
    check(&in_advance, &first_invoice(), false);
    check(&in_advance, &later_invoice(), true);
    check(&terms("monthly cal arr", "2024-01-15"), &first_invoice(), true);
    let mut backdated = Terms { created_at: at("2024-01-16 00:00"), ..in_advance.clone() };
    check(&backdated, &first_invoice(), true);
    backdated.succession.previous = Some(Change::Downgrade);
    check(&backdated, &first_invoice(), false);
    // Earlier on the same UTC day is not backdated.
    check(&Terms { created_at: at("2024-01-15 23:59"), ..in_advance }, &first_invoice(), false);
}

#[test]
fn a_fee_after_a_rotation_is_prorated_from_the_start_of_the_new_record() {
    // Chapter 02, 9, last example: the new plan after a downgrade on 1 April.
    let mut terms = Terms { amount_cents: 3_100, ..terms("monthly cal adv", "2024-01-01") };
    (terms.started_at, terms.created_at) = (at("2024-04-01"), at("2024-03-16"));
    terms.succession.previous = Some(Change::Downgrade);
    let made = fee_at(&terms, Situation::First, at("2024-04-01"), &first_invoice());
    assert_eq!((made.formula, made.days, made.amount_cents), (Formula::First, 30, 3_100));
}

#[test]
fn the_minimum_is_prorated_and_the_gap_truncated() {
    // Chapter 02, 8.5, and the table of chapter 03, 6.4: minimum | days/D | fees | true-up.
    let check = |minimum, days, period_days, fees, expected| {
        assert_eq!(true_up(minimum, fees, days, period_days), expected, "{minimum} {days}/{period_days} {fees}");
    };
    check(1_000, 31, 31, 700, Some(300));
    check(1_000, 15, 31, 200, Some(283));
    check(1_000, 17, 31, 0, Some(548));
    check(10_000, 30, 30, 5_000, Some(5_000));
    check(1_000, 31, 31, 1_500, None);
    check(1_000, 31, 31, 1_000, None);
    // A sum below zero is lifted to zero, without a minimum, too.
    check(0, 31, 31, -250, Some(250));
    check(0, 31, 31, 0, None);
    // Less than a cent.
    check(1_000, 15, 31, 483, Some(0));
    check(1_000, 15, 31, 484, None);
    assert_eq!(prorated_minimum(1_000, 31, 31), dec!(1000));
    assert_eq!(true_up(i64::MAX, i64::MIN, 31, 31), Some(i64::MAX));
}

#[test]
fn the_days_of_a_minimum_are_those_of_its_window() {
    let check = |terms: &Terms, situation, instant: &str, days| {
        let bounds = boundaries(terms, situation, at(instant), None);
        assert_eq!(minimum_days(terms, situation, &bounds), days, "{instant}");
    };
    let august = terms("monthly cal arr", "2022-01-01");
    check(&august, Situation::Recurring, "2022-09-01", 31);
    let ended = |end| Terms { terminated_at: Some(at(end)), ..august.clone() };
    check(&ended("2022-08-15 17:00"), Situation::Terminated, "2022-08-15 17:00", 15);
    let mut upgraded = ended("2022-08-16 17:00");
    upgraded.succession.next = Some(Change::Upgrade);
    check(&upgraded, Situation::Terminated, "2022-08-16 17:00", 15);
    check(&terms("monthly cal arr", "2022-08-15 08:00"), Situation::Recurring, "2022-09-01", 17);

    // A change of zone makes the window 29 days long, in a period of 28.
    let mut moved = terms("monthly cal arr", "2019-01-01");
    moved.zone = Zone::parse("America/Los_Angeles").unwrap();
    let last = crate::billing::LastRecord { zone: Zone::UTC, charges_to: at("2022-01-31 23:59:59") };
    let bounds = boundaries(&moved, Situation::Recurring, at("2022-03-02"), Some(&last));
    assert_eq!(minimum_days(&moved, Situation::Recurring, &bounds), 28);
}

/// Invariant 3 of chapter 02, 12, for the fee and for the true-up.
#[test]
fn an_upgrade_splits_a_month_into_all_its_days() {
    let zones = ["UTC", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu", "America/St_Johns"];
    for zone in zones.map(|name| Zone::parse(name).unwrap()) {
        for month in ["2024-03-01", "2024-04-01", "2024-09-01", "2024-10-01", "2024-02-01"].map(day) {
            let months = Grid { interval: Interval::Monthly, billing_time: BillingTime::Calendar, anchor: month };
            let (mut instant, end) = (zone.start_of(month), zone.start_of(months.next(month)));
            while instant < end {
                let mut old = Terms { zone, terminated_at: Some(instant), ..terms("monthly cal arr", "2023-01-15") };
                old.succession.next = Some(Change::Upgrade);
                let mut new = Terms { zone, ..terms("monthly cal arr", "2023-01-15") };
                (new.started_at, new.created_at) = (instant, instant);
                new.succession.previous = Some(Change::Upgrade);

                let used = fee_at(&old, Situation::Terminated, instant, &later_invoice());
                let rest = fee_at(&new, Situation::Recurring, end, &first_invoice());
                assert_eq!(used.days + rest.days, months.length(month), "{zone} {instant}");

                let used =
                    minimum_days(&old, Situation::Terminated, &boundaries(&old, Situation::Terminated, instant, None));
                let rest = minimum_days(&new, Situation::Recurring, &boundaries(&new, Situation::Recurring, end, None));
                assert_eq!(used + rest, months.length(month), "{zone} {instant}: minimum");
                instant += TimeDelta::minutes(137);
            }
        }
    }
}

/// Invariant 5 of chapter 02, 12.
#[test]
fn an_anniversary_in_advance_costs_the_amount_on_every_invoice() {
    for words in ["weekly ann adv", "monthly ann adv", "quarterly ann adv", "yearly ann adv"] {
        for start in day("2024-01-25").iter_days().take(40) {
            let terms = terms(words, &start.to_string());
            assert_eq!(fee_at(&terms, Situation::First, terms.started_at, &first_invoice()).amount_cents, 10_000);
            let mut instant = terms.started_at;
            for _ in 0..14 {
                instant = next_billing_at(&terms, instant).unwrap();
                assert_eq!(fee_at(&terms, Situation::Recurring, instant, &later_invoice()).amount_cents, 10_000);
            }
        }
    }
}

proptest! {
    /// Invariant 6 of chapter 02, 12: all days are the whole amount.
    #[test]
    fn a_whole_period_is_the_whole_amount(amount in -1_000_000_000_000_i64..=1_000_000_000_000) {
        for days in [7, 28, 29, 30, 31, 89, 90, 91, 92, 365, 366] {
            prop_assert_eq!(prorated_minimum(amount, days, days), Decimal::from(amount));
        }
    }

    /// A fee is a share of the amount, and never decreases with the days.
    #[test]
    fn a_fee_grows_with_its_days(amount in 0..=i64::MAX, end in 0_i64..30) {
        let fee_until = |day: i64| {
            let end = at("2024-04-01 12:00") + TimeDelta::days(day);
            let terms = Terms { amount_cents: amount, terminated_at: Some(end), ..terms("monthly cal arr", "2024-01-15") };
            fee_at(&terms, Situation::Terminated, end, &later_invoice())
        };
        let (made, next) = (fee_until(end), fee_until((end + 1).min(29)));
        prop_assert_eq!(made.days, end + 1);
        prop_assert!(0 <= made.amount_cents && made.amount_cents <= next.amount_cents && next.amount_cents <= amount);
    }
}
