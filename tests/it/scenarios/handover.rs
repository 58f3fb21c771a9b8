//! One external id after the other: what a record has billed, the next one does not (chapter 03, 0.3; 00-index, ruling 4).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::rating::explained::recomputes;
use super::world::World;

/// An organization with a plan of calls at one euro, in arrears or in advance.
fn calls(at: &str, in_advance: bool) -> World {
    let world = World::new(at);
    world.metric("calls", "count");
    let mut charge = world.charge("calls", "standard", json!({"amount": "1"}));
    charge["pay_in_advance"] = json!(in_advance);
    charge["invoiceable"] = json!(true);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world
}

fn call(world: &World, id: &str, at: Option<&str>) {
    let mut event = json!({"transaction_id": id, "external_subscription_id": "acme", "code": "calls"});
    if let Some(at) = at {
        event["timestamp"] = super::world::timestamp(at);
    }
    world.post("/events", json!({ "event": event }));
}

#[test]
fn a_backdated_record_has_no_usage_of_the_one_before() {
    let world = calls("2024-01-01", false);
    world.subscribe("acme", "plan");
    for day in 5..20 {
        call(&world, &format!("day-{day}"), Some(&format!("2024-01-{day:02}")));
    }
    world.travel_to("2024-01-20T12:00");
    world.delete("/subscriptions/acme");
    world.travel_to("2024-01-25");
    // Another customer's, and it began ten days before the end of the other.
    world.subscribe_with("other", "plan", json!({"external_id": "acme", "subscription_at": "2024-01-10T00:00:00Z"}));
    call(&world, "day-25", Some("2024-01-25"));
    call(&world, "late", Some("2024-01-15"));
    world.settle();
    let usage = world.get("/customers/other/current_usage?external_subscription_id=acme")["customer_usage"].clone();
    assert_eq!(usage["from_datetime"], "2024-01-20T12:00:00Z");
    assert_eq!(usage["charges_usage"][0]["units"], "1.0");
    world.travel_to("2024-02-01");
    expect![[r#"
        2024-01-20 finalized 15.00 EUR
          plan 2024-01-01..2024-01-20T12:00:00: 0.00
          calls 2024-01-01..2024-01-20T12:00:00 15.0 units, 15 events: 15.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    expect![[r#"
        2024-02-01 finalized 1.00 EUR
          plan 2024-01-10..2024-01-31: 0.00
          calls 2024-01-20T12:00:00..2024-01-31 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.invoices("other"));
    let past = world.get("/customers/other/past_usage?external_subscription_id=acme");
    assert_eq!(past["usage_periods"][0]["from_datetime"], "2024-01-20T12:00:00Z");
    explained(&world, "other");
}

/// Every fee can be computed again from its explanation.
fn explained(world: &World, customer: &str) {
    for invoice in world.all_invoices(customer) {
        for fee in invoice["fees"].as_array().unwrap() {
            recomputes(world, fee);
        }
    }
}

fn same_instant(settings: Value) -> World {
    let world = calls("2024-01-01", false);
    if settings != json!({}) {
        world.put("/organizations", json!({ "organization": settings }));
    }
    world.subscribe("acme", "plan");
    world.travel_to("2024-01-20T12:00");
    call(&world, "first", None);
    world.settle();
    world.delete("/subscriptions/acme");
    world.subscribe("acme", "plan");
    call(&world, "second", None);
    call(&world, "third", None);
    world.settle();
    world.delete("/subscriptions/acme");
    world.subscribe("acme", "plan");
    call(&world, "fourth", None);
    world.travel_to("2024-02-10");
    world
}

#[test]
fn an_end_and_a_start_at_one_instant_part_the_usage_of_that_instant() {
    let world = same_instant(json!({}));
    expect![[r#"
        2024-01-20 finalized 1.00 EUR
          plan 2024-01-01..2024-01-20T12:00:00: 0.00
          calls 2024-01-01..2024-01-20T12:00:00 1.0 units, 1 events: 1.00
        2024-01-20 finalized 2.00 EUR
          plan 2024-01-20..2024-01-20T12:00:00: 0.00
          calls 2024-01-20T12:00:00..2024-01-20T12:00:00 2.0 units, 2 events: 2.00
        2024-02-01 finalized 1.00 EUR
          plan 2024-01-20..2024-01-31: 0.00
          calls 2024-01-20T12:00:00..2024-01-31 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    explained(&world, "acme");
}

#[test]
fn drafts_part_it_in_the_same_way() {
    let world = same_instant(json!({"billing_configuration": {"invoice_grace_period": 3}}));
    let units: Vec<Value> = world
        .all_invoices("acme")
        .iter()
        .flat_map(|invoice| invoice["fees"].as_array().unwrap().clone())
        .filter(|fee| fee["item"]["type"] == "charge")
        .map(|fee| fee["units"].clone())
        .collect();
    assert_eq!(units, ["1.0", "2.0", "1.0"]);
}

#[test]
fn fees_in_advance_are_of_the_record_that_has_the_usage() {
    let world = calls("2024-01-01", true);
    world.subscribe("acme", "plan");
    world.travel_to("2024-01-20T12:00");
    world.delete("/subscriptions/acme");
    world.travel_to("2024-01-25");
    world.subscribe_with("other", "plan", json!({"external_id": "acme", "subscription_at": "2024-01-10T00:00:00Z"}));
    call(&world, "late", Some("2024-01-15"));
    call(&world, "new", None);
    world.settle();
    let events = |customer: &str| -> Vec<String> {
        let invoices = world.all_invoices(customer);
        let fees = invoices.iter().flat_map(|invoice| invoice["fees"].as_array().unwrap());
        fees.filter(|fee| fee["item"]["type"] == "charge")
            .map(|fee| fee["external_subscription_id"].to_string())
            .collect()
    };
    assert_eq!((events("acme").len(), events("other").len()), (1, 1));
}

#[test]
fn a_record_that_begins_while_anothers_runs_has_usage_from_its_end_on() {
    let world = calls("2024-01-01", false);
    world.subscribe_with("other", "plan", json!({"external_id": "acme", "subscription_at": "2024-01-10T00:00:00Z"}));
    world.subscribe("acme", "plan");
    world.travel_to("2024-01-15");
    call(&world, "first", None);
    world.travel_to("2024-02-05");
    call(&world, "second", None);
    world.settle();
    let usage = |customer: &str| {
        let path = format!("/customers/{customer}/current_usage?external_subscription_id=acme");
        world.get(&path)["customer_usage"]["charges_usage"][0]["units"].clone()
    };
    assert_eq!((usage("acme"), usage("other")), (json!("1.0"), json!("0.0")));
    let ended = world.ask(Method::DELETE, "/subscriptions/acme", None);
    assert_eq!(ended.status, 200);
    call(&world, "third", None);
    world.travel_to("2024-03-01");
    let of = |customer: &str| -> Vec<Value> {
        let invoices = world.all_invoices(customer);
        let fees = invoices.iter().flat_map(|invoice| invoice["fees"].as_array().unwrap());
        fees.filter(|fee| fee["item"]["type"] == "charge").map(|fee| fee["units"].clone()).collect()
    };
    // The newest record of the id ended; the other one, which waited, has what came then.
    let used: Vec<Value> = of("other").into_iter().filter(|units| units != "0.0").collect();
    assert_eq!((of("acme"), used), (vec![json!("1.0"), json!("1.0")], vec![json!("1.0")]));
}
