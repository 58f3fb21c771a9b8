//! What time does to a record next: planned ends with their alerts, starts, and changes of zone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::NaiveDate;
use uuid::Uuid;

use super::*;
use crate::billing::tests::at;
use crate::billing::{Boundaries, boundaries};
use crate::money::Currency;
use crate::time::Interval;

pub(super) fn plan(interval: Interval, pay_in_advance: bool) -> Plan {
    Plan {
        id: PlanId(Uuid::from_u128(1)),
        parent_id: None,
        name: "plan".into(),
        invoice_display_name: None,
        code: "plan".into(),
        description: None,
        interval,
        amount_cents: 10_000,
        currency: Currency::EUR,
        trial_period: None,
        pay_in_advance,
        bill_charges_monthly: None,
        tax_ids: Vec::new(),
        charges: Vec::new(),
        created_at: at("2024-01-01"),
        created_seq: 1,
        pending_deletion: false,
        deleted_at: None,
    }
}

/// An active record that started at `start`, its anchor.
pub(super) fn active(start: &str) -> Subscription {
    let start = at(start);
    Subscription {
        id: SubscriptionId(Uuid::from_u128(2)),
        external_id: "acme".into(),
        customer_id: CustomerId(Uuid::from_u128(3)),
        plan_id: PlanId(Uuid::from_u128(1)),
        plan_code: "plan".into(),
        name: None,
        state: State::Active { started_at: start },
        billing_time: BillingTime::Anniversary,
        subscription_at: start,
        ending_at: None,
        created_at: start,
        created_seq: 2,
        previous: None,
        next: None,
        trial_started_at: start,
        progress: Progress { activated_at: Some(start), ..Progress::default() },
        next_due: None,
    }
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn alert(ending_date: &str, days_before: i64) -> Action {
    Action::Announce(SentAlert { ending_date: ending_date.parse::<NaiveDate>().unwrap(), days_before })
}

/// The whole life of a record without invoices: each thing that time does, until nothing is left.
fn life(mut record: Subscription, plan: &Plan, zone: Zone) -> Vec<(Instant, Action)> {
    let mut actions = Vec::new();
    while let Some((at, action)) = record.next_action(plan, zone) {
        actions.push((at, action));
        match action {
            Action::Announce(alert) => record = announced(&record, alert, plan, zone),
            Action::Bill => {
                let bounds = boundaries(
                    &record.terms(plan, zone),
                    billing::Situation::Recurring,
                    at,
                    record.progress.last_record.as_ref(),
                );
                bill(&mut record, at, bounds, zone);
            }
            Action::End | Action::Activate | Action::Start | Action::Final => break,
        }
    }
    actions
}

fn bill(record: &mut Subscription, at: Instant, bounds: Boundaries, zone: Zone) {
    record.progress.last_recurring_at = Some(at);
    record.progress.last_recurring = Some(bounds);
    record.progress.last_record = Some(LastRecord { zone, charges_to: bounds.charges_to });
}

#[test]
fn a_planned_end_is_announced_on_two_days_and_comes_on_its_own() {
    let record = Subscription { ending_at: Some(at("2024-06-20 18:00")), ..active("2024-01-10 10:00") };
    let told = life(record, &plan(Interval::Quarterly, false), Zone::UTC);
    let expected = [
        (at("2024-04-10"), Action::Bill),
        (at("2024-05-06 00:50"), alert("2024-06-20", 45)),
        (at("2024-06-05 00:50"), alert("2024-06-20", 15)),
        (at("2024-06-20 00:05"), Action::End),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_alert_counts_utc_days_whatever_the_zone() {
    // 21 June in UTC, 20 June in Los Angeles: the end comes by the local date, the alert by the UTC date.
    let record = Subscription { ending_at: Some(at("2024-06-21 03:00")), ..active("2024-06-01 10:00") };
    let told = life(record, &plan(Interval::Yearly, false), zone("America/Los_Angeles"));
    assert_eq!(told, [(at("2024-06-06 00:50"), alert("2024-06-21", 15)), (at("2024-06-20 07:05"), Action::End)]);
}

#[test]
fn an_end_that_is_planned_on_the_day_of_an_alert_is_announced_at_the_next_mark() {
    let plan = plan(Interval::Yearly, false);
    let planned = |now: &str| {
        let mut record = Subscription { ending_at: Some(at("2024-06-20")), ..active("2024-01-10") };
        record.progress.replanned_at = Some(at(now));
        life(record, &plan, Zone::UTC)[0]
    };
    assert_eq!(planned("2024-06-05 00:50"), (at("2024-06-05 00:50"), alert("2024-06-20", 15)));
    assert_eq!(planned("2024-06-05 00:50:01"), (at("2024-06-05 01:50"), alert("2024-06-20", 15)));
    assert_eq!(planned("2024-06-05 23:50"), (at("2024-06-05 23:50"), alert("2024-06-20", 15)));
    // The day is over before its last mark: no alert.
    assert_eq!(planned("2024-06-05 23:51"), (at("2024-06-20 00:05"), Action::End));
    // Between the two.
    assert_eq!(planned("2024-05-07"), (at("2024-06-05 00:50"), alert("2024-06-20", 15)));
}

#[test]
fn an_alert_is_sent_once_per_date_and_offset_however_the_end_moves() {
    let plan = plan(Interval::Yearly, false);
    let mut record = Subscription { ending_at: Some(at("2024-06-20")), ..active("2024-01-10") };
    let first = SentAlert { ending_date: "2024-06-20".parse().unwrap(), days_before: 45 };
    record = announced(&record, first, &plan, Zone::UTC);
    assert_eq!(record.next_due, Some(at("2024-06-05 00:50")));
    // Moved to another date on the same day: another date, another alert.
    record.ending_at = Some(at("2024-05-21"));
    record.progress.replanned_at = Some(at("2024-05-06 10:00"));
    assert_eq!(record.next_action(&plan, Zone::UTC), Some((at("2024-05-06 10:50"), alert("2024-05-21", 15))));
    // And back: it was told.
    record.ending_at = Some(at("2024-06-20 23:00"));
    assert_eq!(record.next_action(&plan, Zone::UTC), Some((at("2024-06-05 00:50"), alert("2024-06-20", 15))));
    // Removed: nothing but the billing day is left.
    record.ending_at = None;
    assert_eq!(record.next_action(&plan, Zone::UTC), Some((at("2025-01-10"), Action::Bill)));
}

#[test]
fn what_is_late_stays_due_at_its_own_instant() {
    // A change of name months later does not move what an outage has left undone.
    let plan = plan(Interval::Monthly, false);
    let record = Subscription { ending_at: Some(at("2024-03-20")), ..active("2024-01-10") };
    let renamed = Subscription { name: Some("new".into()), ..record.clone() }.with_next_due(&plan, Zone::UTC);
    assert_eq!(renamed.next_due, record.with_next_due(&plan, Zone::UTC).next_due);
    let expected = [
        (at("2024-02-04 00:50"), alert("2024-03-20", 45)),
        (at("2024-02-10"), Action::Bill),
        (at("2024-03-05 00:50"), alert("2024-03-20", 15)),
        (at("2024-03-10"), Action::Bill),
        (at("2024-03-20 00:05"), Action::End),
    ];
    assert_eq!(life(renamed, &plan, Zone::UTC), expected);
}

/// No period is billed twice, none is left out: over every pair of zones, at changes around a billing day, windows of
/// charges follow each other without gap, and each is about a period long.
#[test]
fn periods_follow_each_other_over_changes_of_zone() {
    let zones = ["Pacific/Midway", "America/Los_Angeles", "UTC", "Asia/Tokyo", "Pacific/Apia"].map(zone);
    for (interval, days) in [
        (Interval::Weekly, 6..=8),
        (Interval::Monthly, 27..=32),
        (Interval::Quarterly, 88..=93),
        (Interval::Yearly, 364..=367),
    ] {
        let plan = plan(interval, false);
        for (time, anchor) in [
            (BillingTime::Calendar, "2023-01-01 00:00"),
            (BillingTime::Anniversary, "2023-01-14 03:00"),
            (BillingTime::Anniversary, "2023-01-31 22:00"),
        ] {
            for (from, to) in zones.iter().flat_map(|from| zones.map(|to| (*from, to))) {
                for hours in (-60..=60).step_by(7) {
                    check_change(&Subscription { billing_time: time, ..active(anchor) }, &plan, from, to, hours, &days);
                }
            }
        }
    }
}

fn check_change(
    start: &Subscription,
    plan: &Plan,
    from: Zone,
    to: Zone,
    hours: i64,
    days: &std::ops::RangeInclusive<i64>,
) {
    let mut record = start.clone();
    let mut zone_now = from;
    let mut windows: Vec<Boundaries> = Vec::new();
    let mut changed_at = None;
    for number in 0..6 {
        let due = record.next_action(plan, zone_now).unwrap().0;
        // The zone changes around the third billing day.
        let (due, _) = if number == 2 && changed_at.is_none() {
            let now = due + chrono::TimeDelta::hours(hours);
            changed_at = Some(now);
            if hours > 0 {
                let bounds = boundaries(
                    &record.terms(plan, zone_now),
                    billing::Situation::Recurring,
                    due,
                    record.progress.last_record.as_ref(),
                );
                windows.push(bounds);
                bill(&mut record, due, bounds, zone_now);
            }
            zone_now = to;
            record = record.clone().with_next_due(plan, from);
            record = replanned(&record, plan, to, now).unwrap_or(record);
            record.next_action(plan, to).unwrap()
        } else {
            record.next_action(plan, zone_now).unwrap()
        };
        let bounds = boundaries(
            &record.terms(plan, zone_now),
            billing::Situation::Recurring,
            due,
            record.progress.last_record.as_ref(),
        );
        windows.push(bounds);
        bill(&mut record, due, bounds, zone_now);
    }
    for (before, after) in windows.iter().zip(&windows[1..]) {
        let gap = after.charges_from - before.charges_to;
        let label = format!("{from} -> {to} {hours} h {:?} {:?}: {windows:?}", plan.interval, start.billing_time);
        assert!(gap > chrono::TimeDelta::zero() && gap <= chrono::TimeDelta::seconds(1), "{label}");
        let length = (after.charges_to - after.charges_from).num_hours();
        assert!(days.contains(&((length + 12) / 24)), "{label}");
    }
}
