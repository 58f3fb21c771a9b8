//! Upgrades and downgrades (chapter 02, 4.4, 4.5 and 9; chapter 03, 11). Credit notes are another story.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::world::World;

/// `basic` at 31.00 and `pro` at 62.00 a month; calls cost 0.10 on the one and 0.20 on the other.
fn plans(at: &str, timing: &str) -> World {
    let world = World::new(at);
    world.metric("calls", "count");
    let basic = world.charge("calls", "standard", json!({"amount": "0.10"}));
    let pro = world.charge("calls", "standard", json!({"amount": "0.20"}));
    world.plan("basic", &format!("31.00 EUR monthly{timing}"), &[basic]);
    world.plan("pro", &format!("62.00 EUR monthly{timing}"), &[pro]);
    world
}

#[test]
fn an_upgrade_in_arrears_bills_the_old_plan_at_once() {
    let world = plans("2024-03-01", "");
    world.subscribe("acme", "basic");
    world.travel_to("2024-03-16T10:00");
    world.usage(
        "acme",
        "calls",
        &[
            ("2024-03-10", json!({})),
            ("2024-03-16T09:59:59", json!({})),
            ("2024-03-16T10:00", json!({})), // the very second of the switch: the new plan's
            ("2024-03-20", json!({})),
        ],
    );
    let upgraded = world.subscribe_with("acme", "pro", json!({}));
    assert_eq!((&upgraded["plan_code"], &upgraded["previous_plan_code"]), (&json!("pro"), &json!("basic")));
    world.travel_to("2024-05-01");
    // Old: 1 to 15 March, 31.00 x 15 / 31, two calls. New: 16 to 31 March, 62.00 x 16 / 31, two calls. Then a whole month.
    expect![[r#"
        2024-03-16 finalized 15.20 EUR
          basic 2024-03-01..2024-03-16T10:00:00: 15.00
          calls 2024-03-01..2024-03-16T10:00:00 2.0 units, 2 events: 0.20
        2024-04-01 finalized 32.40 EUR
          pro 2024-03-16..2024-03-31: 32.00
          calls 2024-03-16T10:00:00..2024-03-31 2.0 units, 2 events: 0.40
        2024-05-01 finalized 62.00 EUR
          pro 2024-04-01..2024-04-30: 62.00
          calls 2024-04-01..2024-04-30 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_upgrade_in_advance_bills_the_days_to_come() {
    let world = plans("2024-03-01", " in advance");
    world.subscribe("acme", "basic");
    world.travel_to("2024-03-16T10:00");
    world.usage("acme", "calls", &[("2024-03-10", json!({})), ("2024-03-20", json!({}))]);
    world.subscribe("acme", "pro");
    world.travel_to("2024-04-01");
    expect![[r#"
        2024-03-01 finalized 31.00 EUR
          basic 2024-03-01..2024-03-31: 31.00
        2024-03-16 finalized 0.00 EUR
          calls 2024-03-01..2024-03-16T10:00:00 1.0 units, 1 events: 0.10
        2024-03-16 finalized 16.10 EUR
          pro 2024-03-16..2024-03-31: 32.00
        2024-04-01 finalized 62.20 EUR
          pro 2024-04-01..2024-04-30: 62.00
          calls 2024-03-16T10:00:00..2024-03-31 1.0 units, 1 events: 0.20
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_downgrade_waits_for_the_end_of_the_period() {
    for (timing, expected) in [
        (
            "",
            expect![[r#"
        2024-04-01 finalized 62.20 EUR
          pro 2024-03-01..2024-03-31: 62.00
          calls 2024-03-01..2024-03-31 1.0 units, 1 events: 0.20
        2024-05-01 finalized 31.10 EUR
          basic 2024-04-01..2024-04-30: 31.00
          calls 2024-04-01..2024-04-30 1.0 units, 1 events: 0.10
    "#]],
        ),
        (
            " in advance",
            expect![[r#"
                2024-03-01 finalized 62.00 EUR
                  pro 2024-03-01..2024-03-31: 62.00
                2024-04-01 finalized 0.20 EUR
                  calls 2024-03-01..2024-03-31 1.0 units, 1 events: 0.20
                2024-04-01 finalized 31.00 EUR
                  basic 2024-04-01..2024-04-30: 31.00
                2024-05-01 finalized 31.10 EUR
                  basic 2024-05-01..2024-05-31: 31.00
                  calls 2024-04-01..2024-04-30 1.0 units, 1 events: 0.10
            "#]],
        ),
    ] {
        let world = plans("2024-03-01", timing);
        world.subscribe("acme", "pro");
        world.travel_to("2024-03-16T10:00");
        let reply = world.subscribe_with("acme", "basic", json!({}));
        let fields =
            ["plan_code", "status", "next_plan_code", "downgrade_plan_date"].map(|name| reply[name].as_str().unwrap());
        assert_eq!(fields, ["pro", "active", "basic", "2024-04-01"]);
        world.usage("acme", "calls", &[("2024-03-31T23:59:59", json!({})), ("2024-04-01", json!({}))]);
        world.travel_to("2024-05-01");
        expected.assert_eq(&world.invoices("acme"));
    }
}

#[test]
fn a_downgrade_can_be_given_up() {
    let world = plans("2024-03-01", "");
    world.subscribe("acme", "pro");
    world.travel_to("2024-03-16");
    world.subscribe("acme", "basic");
    let canceled = world.delete("/subscriptions/acme?status=pending")["subscription"].clone();
    assert_eq!((&canceled["status"], &canceled["plan_code"]), (&json!("canceled"), &json!("basic")));
    let current = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!((&current["plan_code"], &current["next_plan_code"]), (&json!("pro"), &json!(null)));
    world.travel_to("2024-05-01");
    expect![[r#"
        2024-04-01 finalized 62.00 EUR
          pro 2024-03-01..2024-03-31: 62.00
          calls 2024-03-01..2024-03-31 0.0 units, 0 events: 0.00
        2024-05-01 finalized 62.00 EUR
          pro 2024-04-01..2024-04-30: 62.00
          calls 2024-04-01..2024-04-30 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_upgrade_gives_up_a_waiting_downgrade() {
    let world = plans("2024-03-01", "");
    world.plan("top", "93.00 EUR monthly", &[]);
    world.subscribe("acme", "pro");
    world.travel_to("2024-03-11T08:00");
    world.subscribe("acme", "basic");
    world.subscribe("acme", "top");
    world.travel_to("2024-05-01");
    // Ten days of pro, 62.00 x 10 / 31; then 21 of top, 93.00 x 21 / 31.
    expect![[r#"
        2024-03-11 finalized 20.00 EUR
          pro 2024-03-01..2024-03-11T08:00:00: 20.00
          calls 2024-03-01..2024-03-11T08:00:00 0.0 units, 0 events: 0.00
        2024-04-01 finalized 63.00 EUR
          top 2024-03-11..2024-03-31: 63.00
        2024-05-01 finalized 93.00 EUR
          top 2024-04-01..2024-04-30: 93.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    let missing = world.refused(Method::DELETE, "/subscriptions/acme?status=pending", json!({}));
    assert_eq!(missing, r#"404 {"status":404,"error":"Not Found","code":"subscription_not_found"}"#);
}

#[test]
fn an_end_gives_up_a_waiting_downgrade() {
    let world = plans("2024-03-01", "");
    world.subscribe("acme", "pro");
    world.travel_to("2024-03-16T12:00");
    world.subscribe("acme", "basic");
    world.delete("/subscriptions/acme");
    world.travel_to("2024-06-01");
    // 16 days begun: 62.00 x 16 / 31.
    expect![[r#"
        2024-03-16 finalized 32.00 EUR
          pro 2024-03-01..2024-03-16T12:00:00: 32.00
          calls 2024-03-01..2024-03-16T12:00:00 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    let list = world.get("/subscriptions?external_customer_id=acme&status[]=canceled&status[]=terminated&status[]=active&status[]=pending");
    let states: Vec<String> = list["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["plan_code"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_eq!(states, ["pro terminated", "basic canceled"]);
}

#[test]
fn an_override_is_a_plan_of_its_own() {
    let world = plans("2024-03-01", "");
    let charge = world.get("/plans/basic")["plan"]["charges"][0].clone();
    world.subscribe_with("acme", "basic", json!({"plan_overrides": {
        "amount_cents": 1000,
        "charges": [{"id": charge["lago_id"], "billable_metric_id": charge["lago_billable_metric_id"], "properties": {"amount": "0.50"}}],
    }}));
    world.subscribe("other", "basic");
    for subscription in ["acme", "other"] {
        world.usage(subscription, "calls", &[("2024-03-10", json!({}))]);
    }
    world.travel_to("2024-04-01");
    expect![[r#"
        2024-04-01 finalized 10.50 EUR
          basic 2024-03-01..2024-03-31: 10.00
          calls 2024-03-01..2024-03-31 1.0 units, 1 events: 0.50
    "#]]
    .assert_eq(&world.invoices("acme"));
    expect![[r#"
        2024-04-01 finalized 31.10 EUR
          basic 2024-03-01..2024-03-31: 31.00
          calls 2024-03-01..2024-03-31 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("other"));
}
