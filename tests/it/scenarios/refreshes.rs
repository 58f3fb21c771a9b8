//! What changes under a draft: flagged, and refreshed by the clock at the next full five minutes (chapter 04, 5.3 and 6.4).

use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;
use super::{calls, hundred};

/// January of `acme` is a draft of 100.00 with the organization's tax of 10 %; three days of grace. It is 00:02.
fn drafted() -> World {
    let world = calls("2024-01-01");
    world.tax("vat", "10", true);
    world.tax("own", "5", false);
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01T00:02");
    assert_eq!(taxes(&world), 1_000);
    world
}

fn taxes(world: &World) -> i64 {
    world.only_invoice("acme")["taxes_amount_cents"].as_i64().unwrap()
}

/// Nothing before the mark, `expected` at it; and the draft becomes final in its time all the same.
fn refreshed(world: &World, before: i64, expected: i64) {
    world.settle();
    assert_eq!(taxes(world), before);
    world.travel_to("2024-02-01T00:04:59");
    assert_eq!(taxes(world), before);
    world.travel_to("2024-02-01T00:05");
    assert_eq!(taxes(world), expected);
    assert_eq!(world.only_invoice("acme")["status"], "draft");
    world.travel_to("2024-02-04T00:20");
    let invoice = world.only_invoice("acme");
    assert_eq!((&invoice["status"], &invoice["issuing_date"]), (&json!("finalized"), &json!("2024-02-04")));
    assert_eq!(taxes(world), expected);
}

#[test]
fn an_edited_tax() {
    let world = drafted();
    world.put("/taxes/vat", json!({"tax": {"rate": 20}}));
    refreshed(&world, 1_000, 2_000);
}

#[test]
fn a_deleted_tax() {
    let world = drafted();
    world.delete("/taxes/vat");
    refreshed(&world, 1_000, 0);
}

#[test]
fn a_tax_that_becomes_the_organizations() {
    let world = drafted();
    world.put("/taxes/own", json!({"tax": {"applied_to_organization": true}}));
    refreshed(&world, 1_000, 1_500);
}

#[test]
fn taxes_of_the_customer() {
    let world = drafted();
    world.customer("acme", json!({"tax_codes": ["own"]}));
    refreshed(&world, 1_000, 500);
}

#[test]
fn taxes_of_the_plan() {
    let world = drafted();
    world.put("/plans/hundred", json!({"plan": {"tax_codes": ["own"]}}));
    refreshed(&world, 1_000, 500);
}

#[test]
fn a_tax_that_concerns_nobody_flags_nothing() {
    let world = drafted();
    world.usage("acme", "calls", &[("2024-01-10", json!({}))]);
    world.put("/taxes/own", json!({"tax": {"rate": 7}}));
    world.travel_to("2024-02-01T01:00");
    // A refresh would have found the event.
    assert_eq!(world.only_invoice("acme")["fees_amount_cents"], 10_000);
    world.put("/taxes/vat", json!({"tax": {"name": "Value added"}}));
    world.travel_to("2024-02-01T01:05");
    assert_eq!(world.only_invoice("acme")["fees_amount_cents"], 10_010);
}

#[test]
fn a_shortened_grace_period_does_not_lose_the_refresh() {
    let world = drafted();
    world.put("/taxes/vat", json!({"tax": {"rate": 20}}));
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 2}}));
    world.settle();
    world.travel_to("2024-02-01T00:05");
    assert_eq!(taxes(&world), 2_000);
    world.travel_to("2024-02-03T00:20");
    assert_eq!(world.only_invoice("acme")["status"], "finalized");
}

#[test]
fn payments_are_asked_for_again() {
    let world = drafted();
    let path = |invoice: &Value| format!("/invoices/{}/retry_payment", invoice["lago_id"].as_str().unwrap());
    let draft = path(&world.only_invoice("acme"));
    let refused = r#"405 {"status":405,"error":"Method Not Allowed","code":"invalid_status"}"#;
    assert_eq!(world.refused(Method::POST, &draft, json!({})), refused);
    world.travel_to("2024-02-04T00:20");
    let again = world.ask(Method::POST, &draft, None);
    assert_eq!((again.status.as_u16(), again.text()), (200, String::new()));
    let invoice = world.only_invoice("acme");
    let own = format!("/invoices/{}", invoice["lago_id"].as_str().unwrap());
    world.put(&own, json!({"invoice": {"payment_status": "succeeded"}}));
    assert_eq!(world.refused(Method::POST, &draft, json!({})), refused);
    let gone = world.refused(Method::POST, "/invoices/x/retry_payment", json!({}));
    assert_eq!(gone, r#"404 {"status":404,"error":"Not Found","code":"invoice_not_found"}"#);
}
