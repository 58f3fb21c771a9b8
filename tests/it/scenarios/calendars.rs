//! Which days an invoice covers, when it is made, and what share of the price it carries (chapter 02, 5 to 8 and 10).

use expect_test::expect;
use serde_json::json;

use super::world::World;
use super::{calls, hundred};

#[test]
fn months_in_arrears_begin_with_a_share() {
    let world = calls("2024-01-15T10:00");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    let call = || json!({});
    world.usage(
        "acme",
        "calls",
        &[
            ("2024-01-15T09:59:59", call()), // before the subscription
            ("2024-01-15T10:00", call()),
            ("2024-01-31T23:59:59.499", call()),
            ("2024-01-31T23:59:59.500", call()), // rounds up into February
            ("2024-02-29T12:00", call()),
        ],
    );
    world.travel_to("2024-03-01");
    // 17 of 31 days: 100 x 17 / 31 = 54.8387; then leap February as a whole. Two calls in each.
    expect![[r#"
        2024-02-01 finalized 55.04 EUR
          hundred 2024-01-15..2024-01-31: 54.84
          calls 2024-01-15T10:00:00..2024-01-31 2.0 units, 2 events: 0.20
        2024-03-01 finalized 100.20 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 2.0 units, 2 events: 0.20
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn months_in_advance_begin_with_an_invoice_at_once() {
    let world = calls("2024-01-15T10:00");
    hundred(&world, "monthly in advance");
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-20", json!({}))]);
    world.travel_to("2024-03-01");
    // The fee is for the days to come, the charges for those that have passed.
    expect![[r#"
        2024-01-15 finalized 54.84 EUR
          hundred 2024-01-15..2024-01-31: 54.84
        2024-02-01 finalized 100.10 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-01-15T10:00:00..2024-01-31 1.0 units, 1 events: 0.10
        2024-03-01 finalized 100.00 EUR
          hundred 2024-03-01..2024-03-31: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_anniversary_on_the_31st_keeps_its_day_where_the_month_has_it() {
    let world = calls("2023-01-31T08:00");
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2023-05-01");
    expect![[r#"
        2023-02-28 finalized 100.00 EUR
          hundred 2023-01-31..2023-02-27: 100.00
          calls 2023-01-31T08:00:00..2023-02-27 0.0 units, 0 events: 0.00
        2023-03-31 finalized 100.00 EUR
          hundred 2023-02-28..2023-03-30: 100.00
          calls 2023-02-28..2023-03-30 0.0 units, 0 events: 0.00
        2023-04-30 finalized 100.00 EUR
          hundred 2023-03-31..2023-04-29: 100.00
          calls 2023-03-31..2023-04-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_anniversary_on_the_31st_in_advance_is_never_a_share() {
    let world = calls("2024-01-31T08:00");
    hundred(&world, "monthly in advance");
    world.subscribe_with("acme", "hundred", json!({"billing_time": "anniversary"}));
    // Leap February has 29 days, so the second period begins on the 29th.
    world.travel_to("2024-04-01");
    expect![[r#"
        2024-01-31 finalized 100.00 EUR
          hundred 2024-01-31..2024-02-28: 100.00
        2024-02-29 finalized 100.00 EUR
          hundred 2024-02-29..2024-03-30: 100.00
          calls 2024-01-31T08:00:00..2024-02-28 0.0 units, 0 events: 0.00
        2024-03-31 finalized 100.00 EUR
          hundred 2024-03-31..2024-04-29: 100.00
          calls 2024-02-29..2024-03-30 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn weeks_begin_on_monday_or_on_the_weekday_of_the_start() {
    // A Wednesday.
    let world = calls("2024-01-10T10:00");
    hundred(&world, "weekly");
    world.subscribe("calendar", "hundred");
    world.subscribe_with("anniversary", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2024-01-24");
    // 5 of 7 days: 71.4286.
    expect![[r#"
        2024-01-15 finalized 71.43 EUR
          hundred 2024-01-10..2024-01-14: 71.43
          calls 2024-01-10T10:00:00..2024-01-14 0.0 units, 0 events: 0.00
        2024-01-22 finalized 100.00 EUR
          hundred 2024-01-15..2024-01-21: 100.00
          calls 2024-01-15..2024-01-21 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("calendar"));
    expect![[r#"
        2024-01-17 finalized 100.00 EUR
          hundred 2024-01-10..2024-01-16: 100.00
          calls 2024-01-10T10:00:00..2024-01-16 0.0 units, 0 events: 0.00
        2024-01-24 finalized 100.00 EUR
          hundred 2024-01-17..2024-01-23: 100.00
          calls 2024-01-17..2024-01-23 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("anniversary"));
}

#[test]
fn quarters() {
    let world = calls("2024-02-15T09:00");
    hundred(&world, "quarterly");
    world.subscribe("calendar", "hundred");
    world.subscribe_with("anniversary", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2024-08-15");
    // 15 February to 31 March are 46 of 91 days: 50.5495.
    expect![[r#"
        2024-04-01 finalized 50.55 EUR
          hundred 2024-02-15..2024-03-31: 50.55
          calls 2024-02-15T09:00:00..2024-03-31 0.0 units, 0 events: 0.00
        2024-07-01 finalized 100.00 EUR
          hundred 2024-04-01..2024-06-30: 100.00
          calls 2024-04-01..2024-06-30 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("calendar"));
    expect![[r#"
        2024-05-15 finalized 100.00 EUR
          hundred 2024-02-15..2024-05-14: 100.00
          calls 2024-02-15T09:00:00..2024-05-14 0.0 units, 0 events: 0.00
        2024-08-15 finalized 100.00 EUR
          hundred 2024-05-15..2024-08-14: 100.00
          calls 2024-05-15..2024-08-14 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("anniversary"));
}

#[test]
fn a_quarter_that_begins_on_a_last_day() {
    let world = calls("2023-11-30T08:00");
    hundred(&world, "quarterly");
    world.subscribe_with("acme", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2024-05-30");
    expect![[r#"
        2024-02-29 finalized 100.00 EUR
          hundred 2023-11-30..2024-02-28: 100.00
          calls 2023-11-30T08:00:00..2024-02-28 0.0 units, 0 events: 0.00
        2024-05-30 finalized 100.00 EUR
          hundred 2024-02-29..2024-05-29: 100.00
          calls 2024-02-29..2024-05-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn years_in_arrears_and_in_advance() {
    let world = calls("2024-03-15T09:00");
    hundred(&world, "yearly");
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.plan("ahead", "100.00 EUR yearly in advance", &[charge]);
    world.subscribe("arrears", "hundred");
    world.subscribe("advance", "ahead");
    world.subscribe_with("leap", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2025-03-15");
    // 292 of 366 days: 79.7814.
    expect![[r#"
        2025-01-01 finalized 79.78 EUR
          hundred 2024-03-15..2024-12-31: 79.78
          calls 2024-03-15T09:00:00..2024-12-31 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("arrears"));
    expect![[r#"
        2024-03-15 finalized 79.78 EUR
          ahead 2024-03-15..2024-12-31: 79.78
        2025-01-01 finalized 100.00 EUR
          ahead 2025-01-01..2025-12-31: 100.00
          calls 2024-03-15T09:00:00..2024-12-31 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("advance"));
    expect![[r#"
        2025-03-15 finalized 100.00 EUR
          hundred 2024-03-15..2025-03-14: 100.00
          calls 2024-03-15T09:00:00..2025-03-14 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("leap"));
}

#[test]
fn a_leap_day_anniversary() {
    let world = calls("2024-02-29T08:00");
    hundred(&world, "yearly");
    world.subscribe_with("acme", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2026-03-01");
    expect![[r#"
        2025-02-28 finalized 100.00 EUR
          hundred 2024-02-29..2025-02-27: 100.00
          calls 2024-02-29T08:00:00..2025-02-27 0.0 units, 0 events: 0.00
        2026-02-28 finalized 100.00 EUR
          hundred 2025-02-28..2026-02-27: 100.00
          calls 2025-02-28..2026-02-27 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_year_whose_charges_are_billed_monthly() {
    let world = calls("2024-10-15T09:00");
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    let more = json!({"bill_charges_monthly": true, "charges": [charge]});
    world.plan_with("arrears", "100.00 EUR yearly", more.clone());
    world.plan_with("advance", "100.00 EUR yearly in advance", more);
    world.subscribe("arrears", "arrears");
    world.subscribe("advance", "advance");
    for subscription in ["arrears", "advance"] {
        let days = ["2024-10-20", "2024-11-20", "2024-12-20", "2025-01-20"];
        world.usage(subscription, "calls", &days.map(|day| (day, json!({}))));
    }
    world.travel_to("2025-02-01");
    // 15 October to 31 December are 78 of 366 days: 21.3115. In advance the same at the start, and 100.00 for 2025.
    expect![[r#"
        2024-11-01 finalized 0.10 EUR
          calls 2024-10-15T09:00:00..2024-10-31 1.0 units, 1 events: 0.10
        2024-12-01 finalized 0.10 EUR
          calls 2024-11-01..2024-11-30 1.0 units, 1 events: 0.10
        2025-01-01 finalized 21.41 EUR
          arrears 2024-10-15..2024-12-31: 21.31
          calls 2024-12-01..2024-12-31 1.0 units, 1 events: 0.10
        2025-02-01 finalized 0.10 EUR
          calls 2025-01-01..2025-01-31 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("arrears"));
    expect![[r#"
        2024-10-15 finalized 21.31 EUR
          advance 2024-10-15..2024-12-31: 21.31
        2024-11-01 finalized 0.10 EUR
          calls 2024-10-15T09:00:00..2024-10-31 1.0 units, 1 events: 0.10
        2024-12-01 finalized 0.10 EUR
          calls 2024-11-01..2024-11-30 1.0 units, 1 events: 0.10
        2025-01-01 finalized 100.10 EUR
          advance 2025-01-01..2025-12-31: 100.00
          calls 2024-12-01..2024-12-31 1.0 units, 1 events: 0.10
        2025-02-01 finalized 0.10 EUR
          calls 2025-01-01..2025-01-31 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("advance"));
}

#[test]
fn days_are_the_customers_own_west_of_greenwich() {
    let world = calls("2024-10-20T12:00");
    hundred(&world, "monthly");
    world.customer("acme", json!({"timezone": "America/New_York"}));
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-11-01T03:59:59", json!({})), ("2024-11-01T04:00", json!({}))]);
    // November ends an hour later: clocks go back on the 3rd.
    world.travel_to("2024-12-01T04:59:59");
    // 20 to 31 October are 12 of 31 days: 38.7097. Local midnight of 1 December has not come yet.
    expect![[r#"
        2024-11-01 finalized 38.81 EUR
          hundred 2024-10-20T04:00:00..2024-11-01T03:59:59: 38.71
          calls 2024-10-20T12:00:00..2024-11-01T03:59:59 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
    world.travel_to("2024-12-01T05:00");
    expect![[r#"
        2024-11-01 finalized 38.81 EUR
          hundred 2024-10-20T04:00:00..2024-11-01T03:59:59: 38.71
          calls 2024-10-20T12:00:00..2024-11-01T03:59:59 1.0 units, 1 events: 0.10
        2024-12-01 finalized 100.10 EUR
          hundred 2024-11-01T04:00:00..2024-12-01T04:59:59: 100.00
          calls 2024-11-01T04:00:00..2024-12-01T04:59:59 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn days_are_the_customers_own_east_of_greenwich() {
    let world = calls("2024-01-31T16:00");
    hundred(&world, "monthly in advance");
    world.customer("tokyo", json!({"timezone": "Asia/Tokyo"}));
    world.subscribe("tokyo", "hundred");
    // It is 1 February there: the whole month, 15:00 to 14:59:59 UTC.
    expect![[r#"
        2024-02-01 finalized 100.00 EUR
          hundred 2024-01-31T15:00:00..2024-02-29T14:59:59: 100.00
    "#]]
    .assert_eq(&world.invoices("tokyo"));
}

#[test]
fn a_month_in_which_clocks_go_forward_is_as_long_as_its_days() {
    let world = World::with("2024-03-10T09:00", json!({"timezone": "Europe/Paris"}));
    world.metric("calls", "count");
    hundred(&world, "monthly");
    world.subscribe("paris", "hundred");
    world.travel_to("2024-03-31T22:00");
    // 10 to 31 March are 22 of 31 days: 70.9677. The month ends at 22:00 UTC: summer time began that morning.
    expect![[r#"
        2024-04-01 finalized 70.97 EUR
          hundred 2024-03-09T23:00:00..2024-03-31T21:59:59: 70.97
          calls 2024-03-10T09:00:00..2024-03-31T21:59:59 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("paris"));
}

#[test]
fn a_day_without_midnight_begins_at_one() {
    let world = calls("2024-08-08T15:00");
    hundred(&world, "monthly");
    world.customer("santiago", json!({"timezone": "America/Santiago"}));
    world.subscribe_with("santiago", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2024-09-08T03:59:59");
    assert_eq!(world.invoices("santiago"), "");
    world.travel_to("2024-09-08T04:00");
    expect![[r#"
        2024-09-08 finalized 100.00 EUR
          hundred 2024-08-08T04:00:00..2024-09-08T03:59:59: 100.00
          calls 2024-08-08T15:00:00..2024-09-08T03:59:59 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("santiago"));
}

#[test]
fn subscriptions_that_are_due_together_share_an_invoice() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.plan("seats", "20.00 EUR monthly in advance", &[]);
    world.plan("weekly", "7.00 EUR weekly", &[]);
    for (id, plan) in [("usage", "hundred"), ("seats", "seats"), ("weekly", "weekly")] {
        world.subscribe_with("acme", plan, json!({"external_id": id}));
    }
    world.usage("usage", "calls", &[("2024-01-31", json!({}))]);
    // 1 January is a Monday, 1 April is the next one that is also a first: 13 weeks.
    world.travel_to("2024-04-01");
    let invoices = world.all_invoices("acme");
    let subscriptions = |invoice: &serde_json::Value| {
        let on_it = invoice["subscriptions"].as_array().unwrap().iter();
        on_it.map(|one| one["external_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let lines: String = invoices
        .iter()
        .map(|invoice| {
            format!("{} {} {}\n", invoice["issuing_date"], subscriptions(invoice), invoice["total_amount_cents"])
        })
        .collect();
    expect![[r#"
        "2024-01-01" seats 2000
        "2024-01-08" weekly 700
        "2024-01-15" weekly 700
        "2024-01-22" weekly 700
        "2024-01-29" weekly 700
        "2024-02-01" usage, seats 12010
        "2024-02-05" weekly 700
        "2024-02-12" weekly 700
        "2024-02-19" weekly 700
        "2024-02-26" weekly 700
        "2024-03-01" usage, seats 12000
        "2024-03-04" weekly 700
        "2024-03-11" weekly 700
        "2024-03-18" weekly 700
        "2024-03-25" weekly 700
        "2024-04-01" usage, seats, weekly 12700
    "#]]
    .assert_eq(&lines);
}

#[test]
fn a_backdated_start_pays_nothing_for_periods_that_are_over() {
    let world = calls("2024-03-20");
    hundred(&world, "monthly");
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.plan("ahead", "100.00 EUR monthly in advance", &[charge]);
    world.subscribe_with("arrears", "hundred", json!({"subscription_at": "2024-01-10T00:00:00Z"}));
    world.subscribe_with("advance", "ahead", json!({"subscription_at": "2024-01-10T00:00:00Z"}));
    assert_eq!(world.invoices("advance"), "");
    world.travel_to("2024-04-01");
    // Started before March: March as a whole.
    expect![[r#"
        2024-04-01 finalized 100.00 EUR
          hundred 2024-03-01..2024-03-31: 100.00
          calls 2024-03-01..2024-03-31 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("arrears"));
    expect![[r#"
        2024-04-01 finalized 100.00 EUR
          ahead 2024-04-01..2024-04-30: 100.00
          calls 2024-03-01..2024-03-31 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("advance"));
}
