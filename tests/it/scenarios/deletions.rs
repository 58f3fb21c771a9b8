//! Customers and plans go, and what belongs to them ends (chapter 02, 1.3 and 2.4; chapter 04, 12.3).

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::world::World;
use super::{calls, hundred};

#[test]
fn a_deleted_customer_is_billed_to_the_day() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.plan("cheap", "10.00 EUR monthly", &[]);
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 30}}));
    world.subscribe_with("acme", "hundred", json!({"external_id": "main"}));
    world.subscribe_with("acme", "hundred", json!({"external_id": "later", "subscription_at": "2024-06-01T00:00:00Z"}));
    world.travel_to("2024-02-11");
    world.subscribe_with("acme", "cheap", json!({"external_id": "main"}));
    world.usage("main", "calls", &[("2024-02-10", json!({}))]);
    let deleted = world.delete("/customers/acme")["customer"].clone();
    assert_eq!(deleted["external_id"], "acme");
    // From the reply on:
    for (path, resource) in [("/customers/acme", "customer"), ("/subscriptions/main", "subscription")] {
        let answer = world.ask(Method::GET, path, None).line();
        assert_eq!(answer, format!(r#"404 {{"status":404,"error":"Not Found","code":"{resource}_not_found"}}"#));
    }
    world.settle();
    // January's draft and the last invoice are final. At midnight the 11th counts nothing: 10 of 29 days, 34.4828.
    expect![[r#"
        2024-02-11 finalized 100.00 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
        2024-02-11 finalized 34.58 EUR
          hundred 2024-02-01..2024-02-11T00:00:00: 34.48
          calls 2024-02-01..2024-02-11T00:00:00 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
    let last = world.all_invoices("acme")[1].clone();
    let ended = &last["subscriptions"][0];
    assert_eq!((&ended["status"], &ended["next_plan_code"]), (&json!("terminated"), &json!(null)));
    world.travel_to("2024-09-01");
    assert_eq!(world.all_invoices("acme").len(), 2);
    // The external id is free; the sequential id is not.
    world.customer("acme", json!({}));
    assert_eq!(world.get("/customers/acme")["customer"]["sequential_id"], 2);
    world.subscribe_with("acme", "hundred", json!({"external_id": "main"}));
}

#[test]
fn a_deleted_plan_ends_its_subscriptions() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.subscribe_with("child", "hundred", json!({"plan_overrides": {"amount_cents": 5000}}));
    world.subscribe_with("later", "hundred", json!({"subscription_at": "2024-06-01T00:00:00Z"}));
    world.customer("draft", json!({"billing_configuration": {"invoice_grace_period": 30}}));
    world.subscribe("draft", "hundred");
    world.travel_to("2024-02-15T12:00");
    let deleted = world.delete("/plans/hundred")["plan"].clone();
    assert_eq!(deleted["code"], "hundred");
    let gone = r#"404 {"status":404,"error":"Not Found","code":"plan_not_found"}"#;
    assert_eq!(world.ask(Method::GET, "/plans/hundred", None).line(), gone);
    assert_eq!(world.refused(Method::DELETE, "/plans/hundred", json!({})), gone);
    world.settle();
    // 15 of 29 days: 51.7241, of the child 25.8621. Drafts are final.
    expect![[r#"
        2024-02-01 finalized 100.00 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
        2024-02-15 finalized 51.72 EUR
          hundred 2024-02-01..2024-02-15T12:00:00: 51.72
          calls 2024-02-01..2024-02-15T12:00:00 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    expect![[r#"
        2024-02-01 finalized 50.00 EUR
          hundred 2024-01-01..2024-01-31: 50.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
        2024-02-15 finalized 25.86 EUR
          hundred 2024-02-01..2024-02-15T12:00:00: 25.86
          calls 2024-02-01..2024-02-15T12:00:00 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("child"));
    expect![[r#"
        2024-02-15 finalized 100.00 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
        2024-02-15 finalized 51.72 EUR
          hundred 2024-02-01..2024-02-15T12:00:00: 51.72
          calls 2024-02-01..2024-02-15T12:00:00 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("draft"));
    assert_eq!(world.invoices("later"), "");
    let states = world.get("/subscriptions?external_customer_id=later&status[]=canceled");
    assert_eq!(states["subscriptions"][0]["status"], "canceled");
    // Ended subscriptions keep showing it, and its code is free.
    assert_eq!(world.get("/subscriptions/acme?status=terminated")["subscription"]["plan_code"], "hundred");
    hundred(&world, "monthly");
    world.travel_to("2024-08-01");
    assert_eq!(world.all_invoices("acme").len(), 2);
}

#[test]
fn a_deleted_metric_leaves_plans_and_drafts() {
    let world = World::new("2024-01-01");
    world.metric("keep", "count");
    world.metric("drop", "count");
    let charges = ["keep", "drop"].map(|metric| world.charge(metric, "standard", json!({"amount": "1"})));
    world.plan("plan", "10.00 EUR monthly", &charges);
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.subscribe("acme", "plan");
    for metric in ["keep", "drop"] {
        world.usage("acme", metric, &[("2024-01-05", json!({})), ("2024-02-02", json!({}))]);
    }
    world.travel_to("2024-02-01");
    world.delete("/billable_metrics/drop");
    expect![[r#"
        2024-02-01..2024-02-29, issued 2024-02-29: 1.00, 1.00 with taxes
          keep 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    assert_eq!(world.get("/plans/plan")["plan"]["charges"].as_array().unwrap().len(), 1);
    world.travel_to("2024-02-04T00:20");
    expect![[r#"
        2024-02-04 finalized 11.00 EUR
          plan 2024-01-01..2024-01-31: 10.00
          keep 2024-01-01..2024-01-31 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}
