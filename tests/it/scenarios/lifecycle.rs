//! Trials, starts and ends (chapter 02, 4 and 8.4).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;
use super::{calls, hundred};

#[test]
fn a_trial_takes_its_days_from_the_first_period() {
    let world = World::new("2024-01-10T15:00");
    world.plan_with("trial", "31.00 EUR monthly", json!({"trial_period": 7}));
    world.subscribe("acme", "trial");
    world.travel_to("2024-03-01");
    // The trial ends on 17 January at 15:00; from there to the month's end are 15 days begun: 31.00 x 15 / 31.
    expect![[r#"
        2024-02-01 finalized 15.00 EUR
          trial 2024-01-10..2024-01-31: 15.00
        2024-03-01 finalized 31.00 EUR
          trial 2024-02-01..2024-02-29: 31.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_long_trial_reaches_into_the_second_period() {
    let world = World::new("2024-01-10T15:00");
    world.plan_with("trial", "29.00 EUR monthly", json!({"trial_period": 30}));
    world.subscribe("acme", "trial");
    world.travel_to("2024-03-01");
    // It ends on 9 February at 15:00: nothing for January; 21 of 29 days of February: 21.00.
    expect![[r#"
        2024-02-01 finalized 0.00 EUR
          trial 2024-01-10..2024-01-31: 0.00
        2024-03-01 finalized 21.00 EUR
          trial 2024-02-01..2024-02-29: 21.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_trial_counts_from_the_first_start_also_in_advance() {
    let world = World::new("2024-01-10T15:00");
    world.plan_with("trial", "31.00 EUR monthly in advance", json!({"trial_period": 14}));
    world.subscribe_with("acme", "trial", json!({"billing_time": "anniversary"}));
    // It ends on 24 January at 15:00; the period ends on 9 February: 17 of 31 days.
    expect![[r#"
        2024-01-10 finalized 17.00 EUR
          trial 2024-01-10..2024-02-09: 17.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn no_request_activates_what_starts_later_on_its_day() {
    // Midnight is when the day's starts are due; the request that asks for one still answers that it is pending.
    let world = World::new("2024-01-01");
    world.plan("plan", "31.00 EUR monthly in advance", &[]);
    let noon = json!({"subscription_at": "2024-01-01T12:00:00Z"});
    let made = world.subscribe_with("acme", "plan", noon.clone());
    assert_eq!((&made["status"], &made["started_at"]), (&json!("pending"), &Value::Null));
    let moved = world.put("/subscriptions/acme?status=pending", json!({ "subscription": noon }));
    assert_eq!(moved["subscription"]["status"], "pending");
    assert_eq!(world.get("/invoices")["meta"]["total_count"], 0);
    // The clock does what is due at the very instant at which it stands.
    world.travel_to("2024-01-01");
    let started = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!((&started["status"], &started["started_at"]), (&json!("active"), &json!("2024-01-01T00:00:00Z")));
    assert_eq!(world.get("/invoices")["meta"]["total_count"], 1);
}

#[test]
fn a_planned_end_in_the_middle_of_a_month() {
    let world = calls("2024-01-15");
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"ending_at": "2024-03-10T15:00:00Z"}));
    world.usage("acme", "calls", &[("2024-03-10T00:05", json!({})), ("2024-03-10T00:06", json!({}))]);
    world.travel_to("2024-05-01");
    // It ends five minutes into its local day, which counts: 10 of 31 days, 32.2581. Then nothing more.
    expect![[r#"
        2024-02-01 finalized 54.84 EUR
          hundred 2024-01-15..2024-01-31: 54.84
          calls 2024-01-15..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.00 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
        2024-03-10 finalized 32.36 EUR
          hundred 2024-03-01..2024-03-10T00:05:00: 32.26
          calls 2024-03-01..2024-03-10T00:05:00 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
    let ended = world.get("/subscriptions/acme?status=terminated")["subscription"].clone();
    assert_eq!((&ended["status"], &ended["terminated_at"]), (&json!("terminated"), &json!("2024-03-10T00:05:00Z")));
}

#[test]
fn a_planned_end_on_a_billing_day_bills_the_whole_period_once() {
    let world = calls("2024-01-15");
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"ending_at": "2024-04-01T00:00:00Z"}));
    world.travel_to("2024-05-01");
    // The billing clock leaves 1 April to the end, which bills March: 31 of 31 days.
    expect![[r#"
        2024-02-01 finalized 54.84 EUR
          hundred 2024-01-15..2024-01-31: 54.84
          calls 2024-01-15..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.00 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
        2024-04-01 finalized 100.00 EUR
          hundred 2024-03-01..2024-03-31: 100.00
          calls 2024-03-01..2024-03-31 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_end_in_the_middle_of_a_month() {
    let world = calls("2024-01-15T10:00");
    hundred(&world, "monthly");
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.plan("ahead", "100.00 EUR monthly in advance", &[charge]);
    world.subscribe("arrears", "hundred");
    world.subscribe("advance", "ahead");
    world.travel_to("2024-03-10T12:00");
    for subscription in ["arrears", "advance"] {
        // The very second of the end counts, the next does not.
        world.usage(subscription, "calls", &[("2024-03-10T12:00", json!({})), ("2024-03-10T12:00:01", json!({}))]);
        let ended = world.delete(&format!("/subscriptions/{subscription}"))["subscription"].clone();
        assert_eq!(ended["status"], "terminated");
    }
    world.travel_to("2024-05-01");
    // 10 of 31 days in arrears: 32.2581. In advance March is paid; only its calls are left.
    let last = |customer: &str| super::world::invoice_text(world.all_invoices(customer).last().unwrap());
    expect![[r#"
        2024-03-10 finalized 32.36 EUR
          hundred 2024-03-01..2024-03-10T12:00:00: 32.26
          calls 2024-03-01..2024-03-10T12:00:00 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&last("arrears"));
    expect![[r#"
        2024-03-10 finalized 0.00 EUR
          calls 2024-03-01..2024-03-10T12:00:00 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&last("advance"));
    assert_eq!(world.all_invoices("arrears").len(), 3);
    let gone = world.refused(Method::DELETE, "/subscriptions/arrears", json!({}));
    assert_eq!(gone, r#"404 {"status":404,"error":"Not Found","code":"subscription_not_found"}"#);
}

#[test]
fn an_end_on_a_billing_day_after_the_clock_ran() {
    let world = calls("2024-01-15");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.travel_to("2024-04-01T15:00");
    world.delete("/subscriptions/acme");
    // March was billed at midnight; of April there is a day begun: 100 / 30.
    expect![[r#"
        2024-02-01 finalized 54.84 EUR
          hundred 2024-01-15..2024-01-31: 54.84
          calls 2024-01-15..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.00 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
        2024-04-01 finalized 100.00 EUR
          hundred 2024-03-01..2024-03-31: 100.00
          calls 2024-03-01..2024-03-31 0.0 units, 0 events: 0.00
        2024-04-01 finalized 3.33 EUR
          hundred 2024-04-01..2024-04-01T15:00:00: 3.33
          calls 2024-04-01..2024-04-01T15:00:00 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

fn states(subscription: &Value) -> String {
    let field = |name: &str| subscription[name].as_str().unwrap_or("null").to_owned();
    format!(
        "{} started {} ended {} canceled {}",
        field("status"),
        field("started_at"),
        field("terminated_at"),
        field("canceled_at")
    )
}

#[test]
fn a_future_start_begins_with_its_local_day() {
    let world = calls("2024-01-10");
    hundred(&world, "monthly in advance");
    let future = json!({"subscription_at": "2024-02-10T09:00:00Z"});
    let reply = world.subscribe_with("acme", "hundred", future);
    assert_eq!(states(&reply), "pending started null ended null canceled null");
    world.travel_to("2024-02-09T23:59:59");
    assert_eq!(world.invoices("acme"), "");
    world.travel_to("2024-02-10");
    let started = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!(states(&started), "active started 2024-02-10T00:00:00Z ended null canceled null");
    // 10 to 29 February are 20 of 29 days: 68.9655.
    expect![[r#"
        2024-02-10 finalized 68.97 EUR
          hundred 2024-02-10..2024-02-29: 68.97
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_future_start_can_be_given_up() {
    let world = calls("2024-01-10");
    hundred(&world, "monthly in advance");
    world.subscribe_with("acme", "hundred", json!({"subscription_at": "2024-02-10T09:00:00Z"}));
    let given_up = world.delete("/subscriptions/acme?status=pending")["subscription"].clone();
    assert_eq!(states(&given_up), "terminated started null ended 2024-01-10T00:00:00Z canceled null");
    world.travel_to("2024-04-01");
    assert_eq!(world.invoices("acme"), "");
}

#[test]
fn a_future_start_moved_into_the_past_begins_at_once() {
    let world = calls("2024-01-10T12:00");
    hundred(&world, "monthly in advance");
    world.subscribe_with("acme", "hundred", json!({"subscription_at": "2024-02-10T09:00:00Z"}));
    world.put("/subscriptions/acme", json!({"subscription": {"subscription_at": "2024-01-10T08:00:00Z"}}));
    let started = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!(states(&started), "active started 2024-01-10T08:00:00Z ended null canceled null");
    // 10 to 31 January are 22 of 31 days: 70.9677.
    expect![[r#"
        2024-01-10 finalized 70.97 EUR
          hundred 2024-01-10..2024-01-31: 70.97
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn asking_twice_for_the_same_subscription_changes_nothing() {
    let world = calls("2024-01-10");
    hundred(&world, "monthly in advance");
    let first = world.subscribe_with("acme", "hundred", json!({}));
    let second = world.subscribe_with("acme", "hundred", json!({"name": "other", "billing_time": "anniversary"}));
    assert_eq!(first["lago_id"], second["lago_id"]);
    assert_eq!(second["billing_time"], "calendar");
    world.only_invoice("acme");
}

#[test]
fn the_clock_goes_forward_only() {
    let world = World::new("2024-01-10");
    let back = json!({"test_clock": {"frozen_time": "2024-01-09T00:00:00Z"}});
    assert_eq!(
        world.refused(Method::PUT, "/test_clock", back),
        concat!(
            r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","#,
            r#""error_details":{"frozen_time":["value_is_in_the_past"]}}"#
        )
    );
}
