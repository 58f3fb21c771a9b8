//! The worked rows of chapter 02, 10.1 and 10.2, as they stand there: billing day, bounds, days and fee of each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use super::*;

/// An instant in UTC: `2024-03-15`, `2024-03-15 10:00`, `2024-03-15 10:00:01`, `2024-03-15T10:00Z`; `2024-03-15 E` is
/// the last microsecond of the day.
pub(crate) fn at(text: &str) -> Instant {
    let text = text.trim().trim_end_matches('Z').replace('T', " ");
    let (date, time) = text.split_once(' ').unwrap_or((&text, "00:00:00"));
    let date: NaiveDate = date.parse().unwrap_or_else(|_| panic!("no date: {text}"));
    let time = match time {
        "E" => NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
        time => time.parse().unwrap_or_else(|_| panic!("no time: {text}")),
    };
    date.and_time(time).and_utc()
}

/// A local date.
pub(crate) fn day(text: &str) -> NaiveDate {
    text.trim().parse().unwrap_or_else(|_| panic!("no date: {text}"))
}

/// Terms in the chapter's words, such as `yearly+M ann adv`, of a subscription that starts at `start`, its anchor.
/// UTC, 10000 cents, no trial.
pub(crate) fn terms(words: &str, start: &str) -> Terms {
    let mut words = words.split_whitespace();
    let interval = words.next().unwrap();
    Terms {
        zone: Zone::UTC,
        interval: interval.trim_end_matches("+M").parse().unwrap(),
        billing_time: match words.next().unwrap() {
            "cal" => BillingTime::Calendar,
            "ann" => BillingTime::Anniversary,
            word => panic!("no billing time: {word}"),
        },
        bill_charges_monthly: interval.ends_with("+M"),
        pay_in_advance: match words.next().unwrap() {
            "adv" => true,
            "arr" => false,
            word => panic!("no plan: {word}"),
        },
        amount_cents: 10_000,
        trial_days: Decimal::ZERO,
        subscription_at: at(start),
        started_at: at(start),
        usage_from: None,
        created_at: at(start),
        terminated_at: None,
        ending_at: None,
        trial_started_at: at(start),
        succession: Succession::default(),
    }
}

/// `2022-02-28 → 2022-03-06 E`; an end with seconds stands for that second as a whole.
fn bounds(text: &str) -> (Instant, Instant) {
    let (from, to) = text.split_once('→').unwrap();
    (at(from), at(to))
}

/// Amount and trial of a row, where they are not the section's: the lines above the table of 10.2.
fn amount_and_trial(row: &str) -> (i64, Decimal) {
    match row {
        "B39" => (3_100, dec!(0)),
        "B40" | "B41" => (6_200, dec!(0)),
        "B42" => (3_000, dec!(0)),
        "B43" | "B44" => (6_000, dec!(0)),
        "B45" => (120_000, dec!(0)),
        "B46" => (1_000, dec!(0)),
        "B47" => (3_100, dec!(7)),
        "B48" => (3_100, dec!(30)),
        "B49" | "B50" => (2_900, dec!(30)),
        "B51" => (3_100, dec!(14)),
        row if row.starts_with('A') => (100, dec!(0)),
        _ => (10_000, dec!(0)),
    }
}

fn check(row: &str) {
    let columns: Vec<&str> = row.split('|').map(str::trim).collect();
    let [id, anchor, start, zone, interval, time, plan, event, fee_bounds, charges_bounds, days, fee, ..] = columns[..]
    else {
        panic!("no row: {row}")
    };
    let note = columns.get(12).copied().unwrap_or_default();

    let mut terms = terms(&format!("{} {time} {plan}", interval.replace(' ', "")), anchor);
    terms.zone = Zone::parse(zone).unwrap();
    (terms.amount_cents, terms.trial_days) = amount_and_trial(id);
    if start != "=" {
        terms.started_at = at(start);
    }
    (terms.created_at, terms.trial_started_at) = (terms.started_at, terms.started_at);

    let (event, instant) = event.split_at(event.find("20").unwrap());
    let (instant, terminated_at) = match instant.split_once(" (terminated_at ") {
        Some((instant, terminated_at)) => (at(instant), at(terminated_at.trim_end_matches(')'))),
        None => (at(instant), at(instant)),
    };
    let recurring = if terms.pay_in_advance { Situation::First } else { Situation::Recurring };
    let situation = match event.trim() {
        "bill" => Situation::Recurring,
        "start" => Situation::First,
        "usage" => Situation::CurrentUsage,
        "term" => Situation::Terminated,
        "term(upg)" => {
            terms.succession.next = Some(Change::Upgrade);
            Situation::Terminated
        }
        "1st after upg" => {
            terms.succession.previous = Some(Change::Upgrade);
            recurring
        }
        "1st after downgrade" => {
            terms.succession.previous = Some(Change::Downgrade);
            recurring
        }
        event => panic!("{id}: no event: {event}"),
    };
    if situation == Situation::Terminated {
        terms.terminated_at = Some(terminated_at);
    }

    // Bounds.
    let made = boundaries(&terms, situation, instant, None);
    let shown = |at: Instant, expected: Instant| if at == expected { expected } else { whole_seconds(at) };
    let (from, to) = bounds(fee_bounds);
    assert_eq!((shown(made.from, from), shown(made.to, to)), (from, to), "{id} fee bounds");
    match charges_bounds {
        "none on this invoice" => assert!(made.charges_from > made.charges_to, "{id} has no charges"),
        text => {
            let (from, to) = if text == "same" { (from, to) } else { bounds(text) };
            let charges = (shown(made.charges_from, from), shown(made.charges_to, to));
            assert_eq!(charges, (from, to), "{id} charges bounds");
        }
    }

    // Billing day.
    if situation == Situation::Recurring {
        let date = terms.zone.date(instant);
        let due = !(note.contains("not a due day") || note.contains("not due"));
        assert_eq!(is_billing_day(&terms, date), due, "{id} billing day");
        assert!(
            !due || next_billing_at(&terms, instant - TimeDelta::seconds(1)) == Some(instant),
            "{id} billing instant"
        );
    }

    // Fee. The earlier invoices are those that the clock made before.
    let billed_before = match situation {
        Situation::First => false,
        Situation::Recurring if terms.pay_in_advance => true,
        Situation::Recurring | Situation::Rotation | Situation::Terminated | Situation::CurrentUsage => {
            terms.started_at < made.from
        }
    };
    let history = FeeHistory {
        is_first_invoice: !billed_before,
        has_fee_on_earlier_invoice: billed_before,
        other_fees_created_at: Vec::new(),
        paid_to: None,
    };
    let due = is_subscription_fee_due(&terms, situation, instant, &history);
    if fee == "no fee" || fee == "–" {
        assert!(!due, "{id} has no fee");
        return;
    }
    assert!(due, "{id} has a fee");
    let made = subscription_fee(&terms, situation, instant, &made, &history);
    let (numerator, denominator) = days.split_once('/').unwrap();
    let numerator = if numerator == "full" { denominator } else { numerator };
    assert_eq!(format!("{}/{}", made.days, made.period_days), format!("{numerator}/{denominator}"), "{id} days");
    assert_eq!(made.amount_cents.to_string(), fee, "{id} fee");
}

#[test]
fn the_worked_rows_of_the_chapter_hold() {
    let rows: Vec<&str> = ROWS.trim().lines().collect();
    assert_eq!(rows.len(), 64 + 51);
    rows.into_iter().for_each(check);
}

#[test]
fn plans_are_compared_by_the_year() {
    let check = |from, to, expected| assert_eq!(Change::between(from, to), expected, "{from:?} {to:?}");
    check((100, Interval::Monthly), (100, Interval::Monthly), Change::Upgrade);
    check((100, Interval::Monthly), (1_200, Interval::Yearly), Change::Upgrade);
    check((100, Interval::Monthly), (1_199, Interval::Yearly), Change::Downgrade);
    check((100, Interval::Weekly), (1_299, Interval::Quarterly), Change::Downgrade);
    check((i64::MIN, Interval::Weekly), (i64::MAX, Interval::Weekly), Change::Upgrade);
}

#[test]
fn a_trial_ends_after_days_of_24_hours() {
    let end = |days| Terms { trial_days: days, ..terms("monthly cal arr", "2024-03-10 08:00") }.trial_end();
    assert_eq!(end(dec!(0)), None);
    assert_eq!(end(dec!(-1)), None);
    assert_eq!(end(dec!(1)), Some(at("2024-03-11 08:00")));
    assert_eq!(end(dec!(0.5)), Some(at("2024-03-10 20:00")));
    assert_eq!(end(Decimal::MAX), Some(Instant::MAX_UTC));
}

/// # | subscription_at | started_at | tz | interval | time | plan | event and instant | fee bounds | charges bounds |
/// days/D | fee | note. Instants are UTC; chapter 02, 10 explains the words.
const ROWS: &str = "
A1 | 2021-02-02 | = | UTC | weekly | cal | arr | bill 2022-03-07 | 2022-02-28 → 2022-03-06 E | same | full/7 | 100 |
A2 | 2021-02-02 | = | America/New_York | weekly | cal | arr | bill 2022-03-07 | 2022-02-21 05:00:00 → 2022-02-28 04:59:59 | same | full/7 | 100 | local date is Sun 6 Mar, not due
A3 | 2021-02-02 | 2022-03-01 05:00:00 | UTC | weekly | cal | arr | bill 2022-03-07 | 2022-03-01 → 2022-03-06 E | 2022-03-01 05:00:00 → 2022-03-06 E | 6/7 | 86 | first period
A4 | 2021-02-02 | = | UTC | weekly | cal | arr | term 2022-03-10 | 2022-03-07 → 2022-03-10 | same | 3/7 | 43 | at midnight: 10 Mar counts 0
A5 | 2021-02-02 | = | UTC | weekly | cal | adv | bill 2022-03-07 | 2022-03-07 → 2022-03-13 E | 2022-02-28 → 2022-03-06 E | full/7 | 100 |
A6 | 2021-02-02 | = | UTC | weekly | ann | arr | bill 2022-03-09 | 2022-03-01 → 2022-03-07 E | same | full/7 | 100 | anchor Tuesday; not a due day
A7 | 2021-02-02 | 2022-03-03 | UTC | weekly | ann | arr | bill 2022-03-09 | 2022-03-03 → 2022-03-07 E | same | 5/7 | 71 | clamped; not a due day
A8 | 2021-02-02 | = | UTC | weekly | ann | arr | term 2022-03-09 | 2022-03-08 → 2022-03-09 | same | 1/7 | 14 |
A9 | 2021-02-02 | = | UTC | weekly | ann | adv | bill 2022-03-09 | 2022-03-08 → 2022-03-14 E | 2022-03-01 → 2022-03-07 E | full/7 | 100 | not a due day
A10 | 2021-02-02 | = | UTC | monthly | cal | arr | bill 2022-03-01 | 2022-02-01 → 2022-02-28 E | same | full/28 | 100 |
A11 | 2021-02-02 | = | America/New_York | monthly | cal | arr | bill 2022-03-01 | 2022-01-01 05:00:00 → 2022-02-01 04:59:59 | same | full/31 | 100 | local 28 Feb, not due
A12 | 2021-02-02 | 2022-02-07 05:00:00 | UTC | monthly | cal | arr | bill 2022-03-01 | 2022-02-07 → 2022-02-28 E | 2022-02-07 05:00:00 → 2022-02-28 E | 22/28 | 79 | 22 of 28 days
A13 | 2021-02-02 | = | UTC | monthly | cal | adv | bill 2022-03-01 | 2022-03-01 → 2022-03-31 E | 2022-02-01 → 2022-02-28 E | full/31 | 100 |
A14 | 2021-02-02 | = | UTC | monthly | cal | arr | term 2022-03-10 | 2022-03-01 → 2022-03-10 | same | 9/31 | 29 |
A15 | 2021-02-02 | = | UTC | monthly | cal | adv | term 2022-03-10 | 2022-03-01 → 2022-03-10 | same | – | no fee |
A16 | 2021-02-02 | = | UTC | monthly | cal | arr | term 2022-03-10 (terminated_at 2022-03-02) | 2022-03-01 → 2022-03-02 | same | 1/31 | 3 |
A17 | 2021-02-02 | = | UTC | monthly | ann | arr | bill 2022-03-02 | 2022-02-02 → 2022-03-01 E | same | full/28 | 100 |
A18 | 2021-02-02 | 2022-02-08 | UTC | monthly | ann | arr | bill 2022-03-02 | 2022-02-08 → 2022-03-01 E | same | 22/28 | 79 |
A19 | 2021-02-02 | = | UTC | monthly | ann | adv | bill 2022-03-02 | 2022-03-02 → 2022-04-01 E | 2022-02-02 → 2022-03-01 E | full/31 | 100 |
A20 | 2021-02-02 | = | UTC | monthly | ann | arr | term 2022-03-10 | 2022-03-02 → 2022-03-10 | same | 8/31 | 26 |
A21 | 2021-03-31 | = | UTC | monthly | ann | arr | term 2022-03-29 | 2022-02-28 → 2022-03-29 | same | 29/31 | 94 |
A22 | 2021-03-29 | = | UTC | monthly | ann | arr | term 2022-01-28 | 2021-12-29 → 2022-01-28 | same | 30/31 | 97 |
A23 | 2021-03-31 | = | UTC | monthly | ann | adv | bill 2021-04-30 | 2021-04-30 → 2021-05-30 E | 2021-03-31 → 2021-04-29 E | full/31 | 100 |
A24 | 2020-01-31 | = | UTC | monthly | ann | adv | bill 2020-02-29 | 2020-02-29 → 2020-03-30 E | 2020-01-31 → 2020-02-28 E | full/31 | 100 |
A25 | 2021-03-31 | = | UTC | monthly | ann | arr | bill 2021-04-30 | 2021-03-31 → 2021-04-29 E | same | full/30 | 100 |
A26 | 2019-04-30 | = | UTC | monthly | ann | arr | bill 2020-03-30 | 2020-02-29 → 2020-03-29 E | same | full/30 | 100 |
A27 | 2022-01-31 | = | UTC | monthly | ann | arr | bill 2022-02-28 | 2022-01-31 → 2022-02-27 E | same | full/28 | 100 |
A28 | 2022-01-30 | = | UTC | monthly | ann | arr | bill 2022-02-28 | 2022-01-30 → 2022-02-27 E | same | full/29 | 100 |
A29 | 2022-01-01 | = | UTC | monthly | ann | arr | bill 2022-03-02 | 2022-02-01 → 2022-02-28 E | same | full/28 | 100 | not a due day
A30 | 2021-02-02 | = | UTC | monthly | ann | arr | bill 2022-01-04 | 2021-12-02 → 2022-01-01 E | same | full/31 | 100 | not a due day
A31 | 2021-02-02 | = | UTC | quarterly | cal | arr | bill 2022-07-01 | 2022-04-01 → 2022-06-30 E | same | full/91 | 100 |
A32 | 2021-02-02 | = | America/New_York | quarterly | cal | arr | bill 2022-07-01 | 2022-01-01 05:00:00 → 2022-04-01 03:59:59 | same | full/90 | 100 | local 30 Jun, not due
A33 | 2021-02-02 | 2022-04-07 | UTC | quarterly | cal | arr | bill 2022-07-01 | 2022-04-07 → 2022-06-30 E | same | 85/91 | 93 |
A34 | 2021-02-02 | = | UTC | quarterly | cal | adv | bill 2022-07-01 | 2022-07-01 → 2022-09-30 E | 2022-04-01 → 2022-06-30 E | full/92 | 100 |
A35 | 2021-02-02 | = | UTC | quarterly | cal | arr | term 2022-07-10 | 2022-07-01 → 2022-07-10 | same | 9/92 | 10 |
A36 | 2021-02-02 | = | UTC | quarterly | ann | arr | bill 2022-05-02 | 2022-02-02 → 2022-05-01 E | same | full/89 | 100 |
A37 | 2021-02-02 | = | UTC | quarterly | ann | arr | bill 2022-02-02 | 2021-11-02 → 2022-02-01 E | same | full/92 | 100 |
A38 | 2021-02-02 | 2022-02-08 | UTC | quarterly | ann | arr | bill 2022-05-02 | 2022-02-08 → 2022-05-01 E | same | 83/89 | 93 |
A39 | 2021-02-02 | = | UTC | quarterly | ann | adv | bill 2022-05-02 | 2022-05-02 → 2022-08-01 E | 2022-02-02 → 2022-05-01 E | full/92 | 100 |
A40 | 2021-02-02 | = | UTC | quarterly | ann | arr | term 2022-05-10 | 2022-05-02 → 2022-05-10 | same | 8/92 | 9 |
A41 | 2021-02-28 | = | UTC | quarterly | ann | arr | bill 2022-05-31 | 2022-02-28 → 2022-05-27 E | same | full/89 | 100 | not a due day
A42 | 2021-05-30 | = | UTC | quarterly | ann | arr | term 2022-05-29 | 2022-02-28 → 2022-05-29 | same | 90/91 | 99 |
A43 | 2021-02-28 | = | UTC | quarterly | ann | arr | term 2022-02-27 | 2021-11-28 → 2022-02-27 | same | 91/92 | 99 | K8
A44 | 2021-01-31 | = | UTC | quarterly | ann | adv | bill 2021-04-30 | 2021-04-30 → 2021-07-30 E | 2021-01-31 → 2021-04-29 E | full/92 | 100 |
A45 | 2023-04-06 | = | UTC | quarterly | ann | arr | usage 2023-08-08 | 2023-07-06 → 2023-10-05 E | same | – | – |
A46 | 2023-04-06 | = | UTC | quarterly | ann | arr | usage 2023-08-04 | 2023-07-06 → 2023-10-05 E | same | – | – |
A47 | 2021-11-30 | = | UTC | quarterly | ann | arr | bill 2022-03-01 | 2021-11-30 → 2022-02-27 E | same | full/90 | 100 | not a due day
A48 | 2022-01-30 | = | UTC | quarterly | ann | arr | bill 2022-04-30 | 2022-01-30 → 2022-04-29 E | same | full/90 | 100 |
A49 | 2021-10-01 | = | UTC | quarterly | ann | arr | bill 2022-04-02 | 2022-01-01 → 2022-03-31 E | same | full/90 | 100 | not a due day
A50 | 2019-02-02 | = | UTC | yearly | cal | arr | bill 2022-01-01 | 2021-01-01 → 2021-12-31 E | same | full/365 | 100 |
A51 | 2019-02-02 | = | America/New_York | yearly | cal | arr | bill 2022-01-01 | 2020-01-01 05:00:00 → 2021-01-01 04:59:59 | same | – | no fee | local 31 Dec 2021, not due
A52 | 2019-02-02 | 2021-02-07 | UTC | yearly | cal | arr | bill 2022-01-01 | 2021-02-07 → 2021-12-31 E | same | 328/365 | 90 |
A53 | 2020-02-02 | = | UTC | yearly | cal | adv | bill 2022-01-01 | 2022-01-01 → 2022-12-31 E | 2021-01-01 → 2021-12-31 E | full/365 | 100 |
A54 | 2019-02-02 | = | UTC | yearly | cal | arr | term 2022-03-10 | 2022-01-01 → 2022-03-10 | same | 68/365 | 19 | K1
A55 | 2020-02-02 | = | UTC | yearly +M | cal | arr | bill 2023-01-01 | 2022-01-01 → 2022-12-31 E | 2022-12-01 → 2022-12-31 E | full/365 | 100 |
A56 | 2020-02-02 | = | UTC | yearly +M | cal | adv | bill 2022-03-07 | 2022-01-01 → 2022-12-31 E | 2022-02-01 → 2022-02-28 E | – | no fee | not a due day
A57 | 2021-02-02 | = | UTC | yearly | ann | arr | bill 2022-02-02 | 2021-02-02 → 2022-02-01 E | same | full/365 | 100 |
A58 | 2021-02-02 | = | UTC | yearly | ann | adv | bill 2022-02-02 | 2022-02-02 → 2023-02-01 E | 2021-02-02 → 2022-02-01 E | full/365 | 100 |
A59 | 2021-02-02 | = | UTC | yearly +M | ann | arr | bill 2022-02-02 | 2021-02-02 → 2022-02-01 E | 2022-01-02 → 2022-02-01 E | full/365 | 100 |
A60 | 2021-02-02 | = | UTC | yearly | ann | arr | term 2022-01-03 | 2021-02-02 → 2022-01-03 | same | 335/365 | 92 | K1
A61 | 2020-02-29 | = | UTC | yearly | ann | arr | term 2022-03-28 | 2022-02-28 → 2022-03-28 | same | 28/365 | 8 |
A62 | 2020-02-29 | = | UTC | yearly | ann | arr | bill 2022-03-01 | 2021-02-28 → 2022-02-27 E | same | full/365 | 100 | K9, not a due day
A63 | 2021-01-01 | = | UTC | yearly | ann | arr | bill 2022-03-02 | 2021-01-01 → 2021-12-31 E | same | – | no fee | not a due day
A64 | 2022-12-01 | = | UTC | yearly | ann | arr | bill 2024-01-02 | 2022-12-01 → 2023-11-30 E | same | – | no fee | not a due day
B1 | 2024-01-15 10:00:00 | 2024-01-15 10:00:00 | UTC | monthly | cal | arr | bill 2024-02-01 | 2024-01-15 → 2024-01-31 E | 2024-01-15 10:00:00 → 2024-01-31 E | 17/31 | 5484 | first bill
B2 | 2024-01-15 10:00:00 | = | UTC | monthly | cal | arr | bill 2024-03-01 | 2024-02-01 → 2024-02-29 E | same | full/29 | 10000 | leap February
B3 | 2024-01-15 10:00:00 | = | UTC | monthly | cal | arr | term 2024-03-10 12:00:00 | 2024-03-01 → 2024-03-10 12:00:00 | same | 10/31 | 3226 |
B4 | 2024-01-15 10:00:00 | = | UTC | monthly | cal | adv | start 2024-01-15 10:00:00 | 2024-01-15 → 2024-01-31 E | none on this invoice | 17/31 | 5484 |
B5 | 2024-01-15 10:00:00 | = | UTC | monthly | cal | adv | bill 2024-02-01 | 2024-02-01 → 2024-02-29 E | 2024-01-15 10:00:00 → 2024-01-31 E | full/29 | 10000 |
B6 | 2024-01-15 10:00:00 | = | UTC | monthly | cal | adv | term 2024-03-10 12:00:00 | 2024-03-01 → 2024-03-10 12:00:00 | same | – | no fee | plus credit note C9
B7 | 2024-03-05 03:00:00 | = | America/New_York | monthly | cal | adv | start 2024-03-05 03:00:00 | 2024-03-04 05:00:00 → 2024-04-01 03:59:59 | none on this invoice | 28/31 | 9032 | starts 4 Mar local; spring DST inside
B8 | 2024-03-05 03:00:00 | = | America/New_York | monthly | cal | adv | bill 2024-04-01 04:00:00 | 2024-04-01 04:00:00 → 2024-05-01 03:59:59 | 2024-03-05 03:00:00 → 2024-04-01 03:59:59 | full/30 | 10000 |
B9 | 2024-10-20 12:00:00 | = | America/New_York | monthly | cal | arr | bill 2024-11-01 04:00:00 | 2024-10-20 04:00:00 → 2024-11-01 03:59:59 | 2024-10-20 12:00:00 → 2024-11-01 03:59:59 | 12/31 | 3871 |
B10 | 2024-10-20 12:00:00 | = | America/New_York | monthly | cal | arr | bill 2024-12-01 05:00:00 | 2024-11-01 04:00:00 → 2024-12-01 04:59:59 | same | full/30 | 10000 | autumn DST inside
B11 | 2024-01-31 16:00:00 | = | Asia/Tokyo | monthly | cal | adv | start 2024-01-31 16:00:00 | 2024-01-31 15:00:00 → 2024-02-29 14:59:59 | none on this invoice | 29/29 | 10000 | starts 1 Feb local
B12 | 2024-03-10 09:00:00 | = | Europe/Paris | monthly | cal | arr | bill 2024-03-31 22:00:00 | 2024-03-09 23:00:00 → 2024-03-31 21:59:59 | 2024-03-10 09:00:00 → 2024-03-31 21:59:59 | 22/31 | 7097 |
B13 | 2023-01-31 08:00:00 | 2023-01-31 08:00:00 | UTC | monthly | ann | arr | bill 2023-02-28 | 2023-01-31 → 2023-02-27 E | 2023-01-31 08:00:00 → 2023-02-27 E | full/28 | 10000 |
B14 | 2023-01-31 08:00:00 | = | UTC | monthly | ann | arr | bill 2023-03-31 | 2023-02-28 → 2023-03-30 E | same | full/31 | 10000 |
B15 | 2023-01-31 08:00:00 | = | UTC | monthly | ann | arr | bill 2023-04-30 | 2023-03-31 → 2023-04-29 E | same | full/30 | 10000 |
B16 | 2023-01-30 08:00:00 | = | UTC | monthly | ann | arr | bill 2023-03-30 | 2023-02-28 → 2023-03-29 E | same | full/30 | 10000 | F1
B17 | 2023-01-30 08:00:00 | = | UTC | monthly | ann | adv | bill 2023-02-28 | 2023-02-28 → 2023-03-29 E | 2023-01-30 08:00:00 → 2023-02-27 E | full/30 | 10000 | F1
B18 | 2024-01-29 08:00:00 | = | UTC | monthly | ann | arr | bill 2024-02-29 | 2024-01-29 → 2024-02-28 E | 2024-01-29 08:00:00 → 2024-02-28 E | full/31 | 10000 |
B19 | 2023-01-31 08:00:00 | = | UTC | monthly | ann | adv | start 2023-01-31 08:00:00 | 2023-01-31 → 2023-02-27 E | none on this invoice | full/28 | 10000 | anniversary: full
B20 | 2024-08-08 15:00:00 | = | America/Santiago | monthly | ann | arr | bill 2024-09-08 04:00:00 | 2024-08-08 04:00:00 → 2024-09-08 03:59:59 | 2024-08-08 15:00:00 → 2024-09-08 03:59:59 | full/31 | 10000 | local 8 Sep starts at 01:00
B21 | 2024-02-15 | 2024-02-15 09:00:00 | UTC | quarterly | cal | arr | bill 2024-04-01 | 2024-02-15 → 2024-03-31 E | 2024-02-15 09:00:00 → 2024-03-31 E | 46/91 | 5055 |
B22 | 2024-02-15 | 2024-02-15 09:00:00 | UTC | quarterly | cal | adv | start 2024-02-15 09:00:00 | 2024-02-15 → 2024-03-31 E | none on this invoice | 46/91 | 5055 |
B23 | 2024-02-15 | 2024-02-15 09:00:00 | UTC | quarterly | cal | arr | term 2024-03-01 12:00:00 | 2024-02-15 → 2024-03-01 12:00:00 | 2024-02-15 09:00:00 → 2024-03-01 12:00:00 | 16/91 | 1758 | K2
B24 | 2024-02-15 | = | UTC | quarterly | cal | arr | term 2024-05-10 12:00:00 | 2024-04-01 → 2024-05-10 12:00:00 | same | 40/91 | 4396 |
B25 | 2023-11-30 08:00:00 | 2023-11-30 08:00:00 | UTC | quarterly | ann | arr | bill 2024-02-29 | 2023-11-30 → 2024-02-28 E | 2023-11-30 08:00:00 → 2024-02-28 E | full/91 | 10000 |
B26 | 2023-11-30 08:00:00 | = | UTC | quarterly | ann | arr | bill 2024-05-30 | 2024-02-29 → 2024-05-29 E | same | full/91 | 10000 |
B27 | 2024-03-15 | 2024-03-15 09:00:00 | UTC | yearly | cal | arr | bill 2025-01-01 | 2024-03-15 → 2024-12-31 E | 2024-03-15 09:00:00 → 2024-12-31 E | 292/366 | 7978 |
B28 | 2024-03-15 | 2024-03-15 09:00:00 | UTC | yearly | cal | adv | start 2024-03-15 09:00:00 | 2024-03-15 → 2024-12-31 E | none on this invoice | 292/366 | 7978 |
B29 | 2024-03-15 | 2024-03-15 09:00:00 | UTC | yearly +M | cal | arr | bill 2024-04-01 | 2024-03-15 → 2023-12-31 E | 2024-03-15 09:00:00 → 2024-03-31 E | – | no fee | charges only; fee bounds inverted, unused
B30 | 2024-03-15 | 2024-03-15 09:00:00 | UTC | yearly +M | cal | arr | bill 2025-01-01 | 2024-03-15 → 2024-12-31 E | 2024-12-01 → 2024-12-31 E | 292/366 | 7978 |
B31 | 2024-03-15 | 2024-03-15 09:00:00 | UTC | yearly +M | cal | adv | bill 2024-04-01 | 2024-03-15 → 2024-12-31 E | 2024-03-15 09:00:00 → 2024-03-31 E | – | no fee | charges only
B32 | 2024-03-15 | = | UTC | yearly +M | cal | adv | bill 2025-01-01 | 2025-01-01 → 2025-12-31 E | 2024-12-01 → 2024-12-31 E | full/365 | 10000 |
B33 | 2024-02-29 08:00:00 | = | UTC | yearly | ann | arr | bill 2025-02-28 | 2024-02-29 → 2025-02-27 E | 2024-02-29 08:00:00 → 2025-02-27 E | full/365 | 10000 | K9
B34 | 2024-03-15 | = | UTC | yearly | ann | arr | term 2025-03-10 12:00:00 | 2024-03-15 → 2025-03-10 12:00:00 | same | 361/365 | 9890 | F2, K1
B35 | 2024-03-15 | = | UTC | yearly | ann | arr | term 2025-04-05 12:00:00 | 2025-03-15 → 2025-04-05 12:00:00 | same | 22/365 | 603 |
B36 | 2024-01-10 10:00:00 | 2024-01-10 10:00:00 | UTC | weekly | cal | arr | bill 2024-01-15 | 2024-01-10 → 2024-01-14 E | 2024-01-10 10:00:00 → 2024-01-14 E | 5/7 | 7143 |
B37 | 2024-01-10 10:00:00 | = | UTC | weekly | ann | arr | bill 2024-01-17 | 2024-01-10 → 2024-01-16 E | 2024-01-10 10:00:00 → 2024-01-16 E | full/7 | 10000 |
B38 | 2024-01-10 10:00:00 | = | UTC | weekly | ann | adv | start 2024-01-10 10:00:00 | 2024-01-10 → 2024-01-16 E | none on this invoice | full/7 | 10000 |
B39 | 2024-01-01 | = | UTC | monthly | cal | arr | term(upg) 2024-03-16 10:00:00 | 2024-03-01 → 2024-03-16 10:00:00 | same | 15/31 | 1500 | old plan at upgrade, K10
B40 | 2024-01-01 | 2024-03-16 10:00:00 | UTC | monthly | cal | adv | 1st after upg 2024-03-16 10:00:01 | 2024-03-16 → 2024-03-31 E | none on this invoice | 16/31 | 3200 | new plan, advance
B41 | 2024-01-01 | 2024-03-16 10:00:00 | UTC | monthly | cal | arr | 1st after upg 2024-04-01 | 2024-03-16 → 2024-03-31 E | 2024-03-16 10:00:00 → 2024-03-31 E | 16/31 | 3200 | new plan, arrears
B42 | 2024-01-20 | = | UTC | monthly | ann | arr | term(upg) 2024-05-10 10:00:00 | 2024-04-20 → 2024-05-10 10:00:00 | same | 20/30 | 2000 | old plan at upgrade, K10
B43 | 2024-01-20 | 2024-05-10 10:00:00 | UTC | monthly | ann | adv | 1st after upg 2024-05-10 10:00:01 | 2024-05-10 → 2024-05-19 E | none on this invoice | 10/30 | 2000 | new plan, advance
B44 | 2024-01-20 | 2024-05-10 10:00:00 | UTC | monthly | ann | arr | term 2024-05-15 12:00:00 | 2024-05-10 → 2024-05-15 12:00:00 | 2024-05-10 10:00:00 → 2024-05-15 12:00:00 | 6/30 | 1200 | K2
B45 | 2024-01-01 | 2024-07-01 10:00:00 | UTC | yearly | cal | adv | 1st after upg 2024-07-01 10:00:01 | 2024-07-01 → 2024-12-31 E | none on this invoice | 184/366 | 60328 | monthly → yearly upgrade
B46 | 2024-01-01 | 2024-04-01 | UTC | monthly | cal | adv | 1st after downgrade 2024-04-01 | 2024-04-01 → 2024-04-30 E | none on this invoice | 30/30 | 1000 | FIRST
B47 | 2024-01-10 15:00:00 | 2024-01-10 15:00:00 | UTC | monthly | cal | arr | bill 2024-02-01 | 2024-01-10 → 2024-01-31 E | 2024-01-10 15:00:00 → 2024-01-31 E | 15/31 | 1500 | trial ends 17 Jan 15:00
B48 | 2024-01-10 15:00:00 | 2024-01-10 15:00:00 | UTC | monthly | cal | arr | bill 2024-02-01 | 2024-01-10 → 2024-01-31 E | 2024-01-10 15:00:00 → 2024-01-31 E | 0/31 | 0 | trial ends 9 Feb
B49 | 2024-01-10 15:00:00 | = | UTC | monthly | cal | arr | bill 2024-03-01 | 2024-02-01 → 2024-02-29 E | same | 21/29 | 2100 | second period: 9 Feb–29 Feb
B50 | 2024-01-10 15:00:00 | = | UTC | monthly | cal | arr | term 2024-02-20 12:00:00 | 2024-02-01 → 2024-02-20 12:00:00 | same | 11/29 | 1100 | 9 Feb 15:00 → 20 Feb 12:00
B51 | 2024-01-10 15:00:00 | = | UTC | monthly | ann | adv | start 2024-01-10 15:00:00 | 2024-01-10 → 2024-02-09 E | none on this invoice | 17/31 | 1700 | trial ends 24 Jan
";
