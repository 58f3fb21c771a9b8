//! What a client is told of events that do not count as meant: the hourly check with its webhook, and the list of events
//! (chapter 03, 1.6 and 1.7).

use expect_test::expect;
use serde_json::{Value, json};

use super::calls;
use super::receiver::Receiver;
use super::world::{World, event};

fn listening(world: &World) -> Receiver {
    let receiver = Receiver::start();
    let body = json!({"webhook_url": format!("{}/hook", receiver.url), "signature_algo": "hmac"});
    world.post("/webhook_endpoints", json!({ "webhook_endpoint": body }));
    receiver
}

fn send(world: &World, code: &str, ids: &[&str], properties: &Value) {
    let at = world.get("/test_clock")["test_clock"]["frozen_time"].as_str().unwrap().to_owned();
    let events: Vec<Value> = ids.iter().map(|id| event(id, "acme", code, &at, properties.clone())).collect();
    world.post("/events/batch", json!({ "events": events }));
    world.settle();
}

fn bodies(receiver: &Receiver) -> String {
    let mut bodies: Vec<String> = receiver.at("/hook").into_iter().map(|delivery| delivery.body).collect();
    bodies.sort();
    bodies.join("\n")
}

#[test]
fn events_with_errors_are_told_once_at_minute_five_of_the_next_hour() {
    let world = calls("2024-01-10T12:59:59");
    world.metric("traffic", "sum bytes");
    world.metric_with("hosts", "unique_count host", json!({"group": {"key": "region", "values": ["eu"]}}));
    let receiver = listening(&world);
    send(&world, "unknown", &["u-1", "u-2"], &json!({}));
    send(&world, "traffic", &["t-1"], &json!({"bytes": "1e3"}));
    send(&world, "traffic", &["t-2"], &json!({"bytes": -3}));
    send(&world, "hosts", &["h-1"], &json!({}));
    send(&world, "calls", &["c-1"], &json!({}));
    // A copy is listed once.
    send(&world, "unknown", &["u-1"], &json!({}));
    world.travel_to("2024-01-10T13:04:59");
    assert_eq!(bodies(&receiver), "");
    // The next hour has its own check.
    send(&world, "unknown", &["u-3"], &json!({}));
    world.travel_to("2024-01-10T13:05");
    expect![[r#"{"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["u-1","u-2"],"missing_aggregation_property":["t-1","h-1"],"missing_group_key":["h-1"]}}"#]]
        .assert_eq(&bodies(&receiver));
    world.travel_to("2024-01-10T15:00");
    expect![[r#"
        {"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["u-1","u-2"],"missing_aggregation_property":["t-1","h-1"],"missing_group_key":["h-1"]}}
        {"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["u-3"],"missing_aggregation_property":[],"missing_group_key":[]}}"#]]
        .assert_eq(&bodies(&receiver));
    // Years without events are no work.
    world.travel_to("2034-01-10T15:00");
    assert_eq!(receiver.at("/hook").len(), 2);
}

#[test]
fn hours_without_errors_and_organizations_without_endpoints_are_told_nothing() {
    let world = calls("2024-01-10T12:30");
    send(&world, "unknown", &["u-1"], &json!({}));
    world.travel_to("2024-01-10T13:30");
    let receiver = listening(&world);
    send(&world, "calls", &["c-1"], &json!({}));
    world.travel_to("2024-01-10T14:30");
    send(&world, "unknown", &["u-2"], &json!({}));
    // Who listens when the check is due is told, even if the events were there before.
    world.travel_to("2024-01-10T15:30");
    expect![[r#"{"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["u-2"],"missing_aggregation_property":[],"missing_group_key":[]}}"#]]
        .assert_eq(&bodies(&receiver));
}

#[test]
fn the_code_of_a_deleted_metric_is_unknown() {
    let world = calls("2024-01-10T12:30");
    let receiver = listening(&world);
    world.delete("/billable_metrics/calls");
    send(&world, "calls", &["c-1"], &json!({}));
    world.travel_to("2024-01-10T13:05");
    expect![[r#"{"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["c-1"],"missing_aggregation_property":[],"missing_group_key":[]}}"#]]
        .assert_eq(&bodies(&receiver));
}

#[test]
fn the_list_of_events_warns() {
    let world = calls("2024-01-10T12:00");
    world.metric("traffic", "sum bytes");
    world.customer("acme", json!({"timezone": "Europe/Paris"}));
    world.plan("plan", "0 EUR monthly", &[]);
    world.subscribe("acme", "plan");
    for (id, code, at, properties) in [
        ("b", "calls", "2024-01-05", json!({"any": 1})),
        ("c", "unknown", "2024-01-07", json!({})),
        ("a", "traffic", "2024-01-06T00:00:00.9", json!({"byte": 1.50})),
    ] {
        world.post("/events", json!({ "event": event(id, "acme", code, at, properties) }));
    }
    world.settle();
    let mut page = world.get("/events?per_page=2");
    for event in page["events"].as_array_mut().unwrap() {
        event["lago_id"] = json!("(id)");
        event["ip_address"] = json!("(address)");
        event["api_client"] = json!("(client)");
    }
    expect![[r#"
        {
          "events": [
            {
              "lago_id": "(id)",
              "transaction_id": "c",
              "lago_customer_id": null,
              "external_customer_id": "acme",
              "code": "unknown",
              "timestamp": "2024-01-07T00:00:00.000Z",
              "properties": {},
              "lago_subscription_id": null,
              "external_subscription_id": "acme",
              "created_at": "2024-01-10T12:00:00Z",
              "customer_timezone": "Europe/Paris",
              "ip_address": "(address)",
              "api_client": "(client)",
              "billable_metric_name": null,
              "payload": {
                "event": {
                  "transaction_id": "c",
                  "external_customer_id": "acme",
                  "external_subscription_id": "acme",
                  "code": "unknown",
                  "timestamp": 1704585600,
                  "properties": {}
                }
              },
              "warnings": [
                "code_matches_no_billable_metric"
              ]
            },
            {
              "lago_id": "(id)",
              "transaction_id": "a",
              "lago_customer_id": null,
              "external_customer_id": "acme",
              "code": "traffic",
              "timestamp": "2024-01-06T00:00:00.900Z",
              "properties": {
                "byte": 1.5
              },
              "lago_subscription_id": null,
              "external_subscription_id": "acme",
              "created_at": "2024-01-10T12:00:00Z",
              "customer_timezone": "Europe/Paris",
              "ip_address": "(address)",
              "api_client": "(client)",
              "billable_metric_name": "traffic",
              "payload": {
                "event": {
                  "transaction_id": "a",
                  "external_customer_id": "acme",
                  "external_subscription_id": "acme",
                  "code": "traffic",
                  "timestamp": 1704499200,
                  "properties": {
                    "byte": 1.5
                  }
                }
              },
              "warnings": [
                "aggregation_property_not_sent"
              ]
            }
          ],
          "meta": {
            "current_page": 1,
            "next_page": 2,
            "prev_page": null,
            "total_pages": 2,
            "total_count": 3
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&page).unwrap());
    let last = world.get("/events?per_page=2&page=2");
    assert_eq!((&last["events"][0]["transaction_id"], &last["events"][0]["warnings"]), (&json!("b"), &json!([])));
}

#[test]
fn events_go_with_their_metric() {
    let world = calls("2024-01-10T12:00");
    send(&world, "calls", &["old"], &json!({}));
    world.delete("/billable_metrics/calls");
    let found = world.ask(reqwest::Method::GET, "/events/old", None).line();
    assert_eq!(found, r#"404 {"status":404,"error":"Not Found","code":"event_not_found"}"#);
    // The clock stands still: what comes after is another metric's all the same.
    world.metric("calls", "count");
    send(&world, "calls", &["new"], &json!({}));
    assert_eq!(world.get("/events/new")["event"]["transaction_id"], "new");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let usage = world.get("/customers/acme/current_usage?external_subscription_id=acme");
    assert_eq!(usage["customer_usage"]["charges_usage"][0]["events_count"], 1);
}
