//! Planned ends and their alerts, 45 and 15 days before (chapter 02, 4.10).

use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::world::World;
use super::{calls, hundred};

/// A world whose webhooks go to a receiver, with the plan `hundred`.
fn told(at: &str) -> (World, Receiver) {
    let world = calls(at);
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    hundred(&world, "monthly");
    (world, receiver)
}

/// The alerts that came: external id, planned end and status of each, sorted.
fn alerts(receiver: &Receiver) -> Vec<String> {
    let deliveries = receiver.at("/hook");
    let alerts = deliveries.iter().filter(|one| one.webhook_type() == "subscription.termination_alert");
    let line = |body: Value| {
        let subscription = &body["subscription"];
        format!(
            "{} {} {}",
            subscription["external_id"].as_str().unwrap(),
            subscription["ending_at"].as_str().unwrap(),
            subscription["status"].as_str().unwrap(),
        )
    };
    let mut lines: Vec<String> = alerts.map(|one| line(one.json())).collect();
    lines.sort();
    lines
}

#[test]
fn an_end_is_announced_45_and_15_days_before() {
    let (world, receiver) = told("2024-01-15");
    world.customer("acme", json!({"name": "Ada"}));
    world.subscribe_with("acme", "hundred", json!({"ending_at": "2024-04-10T15:00:00Z"}));
    world.travel_to("2024-02-25T00:49:59");
    assert_eq!(alerts(&receiver), Vec::<String>::new());
    // 25 February is 45 days before 10 April.
    world.travel_to("2024-02-25T00:50");
    assert_eq!(alerts(&receiver), ["acme 2024-04-10T15:00:00Z active"]);
    let body = receiver.at("/hook").into_iter().find(|one| one.webhook_type().ends_with("_alert")).unwrap().json();
    assert_eq!(body["object_type"], "subscription");
    let subscription = &body["subscription"];
    assert_eq!(subscription["plan"]["code"], "hundred");
    assert_eq!(subscription["plan"]["charges"][0]["billable_metric_code"], "calls");
    assert_eq!((&subscription["customer"]["name"], &subscription["customer"]["taxes"]), (&json!("Ada"), &Value::Null));
    // Once, on every hourly mark of that day and all days after it; and once 15 days before.
    world.travel_to("2024-03-26T00:49:59");
    assert_eq!(alerts(&receiver).len(), 1);
    world.travel_to("2024-03-26T00:50");
    assert_eq!(alerts(&receiver).len(), 2);
    world.travel_to("2024-06-01");
    assert_eq!(alerts(&receiver).len(), 2);
    assert_eq!(
        world.get("/subscriptions/acme?status=terminated")["subscription"]["terminated_at"],
        "2024-04-10T00:05:00Z"
    );
}

#[test]
fn a_clock_that_stood_still_announces_each_once() {
    let (world, receiver) = told("2024-01-15");
    for (id, end) in [("a", "2024-04-10"), ("b", "2024-02-10"), ("c", "2024-01-20")] {
        world.subscribe_with("acme", "hundred", json!({"external_id": id, "ending_at": format!("{end}T00:00:00Z")}));
    }
    // A start in the future is announced while it runs only: 45 days before lies before the start.
    world.subscribe_with(
        "acme",
        "hundred",
        json!({"external_id": "d", "subscription_at": "2024-03-20T00:00:00Z", "ending_at": "2024-05-01T00:00:00Z"}),
    );
    // One without an end, and one that ends by hand before the alert.
    world.subscribe_with("acme", "hundred", json!({"external_id": "e"}));
    world.subscribe_with("acme", "hundred", json!({"external_id": "f", "ending_at": "2024-06-01T00:00:00Z"}));
    world.delete("/subscriptions/f");
    world.travel_to("2025-01-01");
    assert_eq!(
        alerts(&receiver),
        [
            "a 2024-04-10T00:00:00Z active",
            "a 2024-04-10T00:00:00Z active",
            "b 2024-02-10T00:00:00Z active",
            "d 2024-05-01T00:00:00Z active",
        ]
    );
}

#[test]
fn an_end_that_moves_is_announced_anew_and_one_that_is_removed_is_not() {
    let (world, receiver) = told("2024-01-15");
    world.subscribe_with("acme", "hundred", json!({"ending_at": "2024-04-10T00:00:00Z"}));
    world.travel_to("2024-02-25T12:00");
    assert_eq!(alerts(&receiver).len(), 1);
    let set = |end: Value| world.put("/subscriptions/acme", json!({"subscription": {"ending_at": end}}));
    // Today is 15 days before 11 March: at the next mark.
    set(json!("2024-03-11T00:00:00Z"));
    world.travel_to("2024-02-25T12:49:59");
    assert_eq!(alerts(&receiver).len(), 1);
    world.travel_to("2024-02-25T12:50");
    assert_eq!(alerts(&receiver), ["acme 2024-03-11T00:00:00Z active", "acme 2024-04-10T00:00:00Z active"]);
    // Back to what was announced already, a few hours later that day: nothing new until 26 March.
    set(json!("2024-04-10T09:00:00Z"));
    world.travel_to("2024-03-25");
    assert_eq!(alerts(&receiver).len(), 2);
    set(Value::Null);
    world.travel_to("2024-05-01");
    assert_eq!(alerts(&receiver).len(), 2);
    assert_eq!(world.get("/subscriptions/acme")["subscription"]["ending_at"], Value::Null);
    let refused = world.refused(
        Method::PUT,
        "/subscriptions/acme",
        json!({"subscription": {"ending_at": "2024-05-01T23:00:00Z"}}),
    );
    assert_eq!(
        refused,
        r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"ending_at":["invalid_date"]}}"#
    );
}

#[test]
fn an_upgrade_inherits_the_end_or_is_given_another_or_none() {
    let world = calls("2024-01-15");
    hundred(&world, "monthly");
    world.plan("more", "200.00 EUR monthly", &[]);
    for (id, more, expected) in [
        ("kept", json!({}), json!("2024-12-31T12:00:00Z")),
        ("other", json!({"ending_at": "2024-06-30T12:00:00Z"}), json!("2024-06-30T12:00:00Z")),
        ("none", json!({"ending_at": null}), Value::Null),
        ("blank", json!({"ending_at": ""}), Value::Null),
    ] {
        world.subscribe_with(id, "hundred", json!({"ending_at": "2024-12-31T12:00:00Z"}));
        assert_eq!(world.subscribe_with(id, "more", more)["ending_at"], expected, "{id}");
    }
}
