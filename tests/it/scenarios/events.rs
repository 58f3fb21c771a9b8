//! What becomes of events: when they count, where, and how often (chapter 03, 1 and 9).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, event, send, timestamp};
use super::{calls, hundred};

fn one_call(id: &str, at: &str) -> Value {
    json!({ "event": event(id, "acme", "calls", at, json!({})) })
}

#[test]
fn an_event_is_acknowledged_as_it_was_sent() {
    let world = calls("2024-01-10T12:00");
    let sent = json!({"event": {
        "transaction_id": "t-1", "external_subscription_id": "acme", "code": "calls", "timestamp": "1704877200.123",
        "properties": {"region": "eu", "bytes": 1.50},
    }});
    let mut answer = world.post("/events", sent);
    answer["event"]["lago_id"] = json!("(id)");
    expect![[r#"
        {
          "lago_id": "(id)",
          "transaction_id": "t-1",
          "lago_customer_id": null,
          "external_customer_id": null,
          "code": "calls",
          "timestamp": "2024-01-10T09:00:00.123Z",
          "properties": {
            "region": "eu",
            "bytes": 1.5
          },
          "lago_subscription_id": null,
          "external_subscription_id": "acme",
          "created_at": "2024-01-10T12:00:00Z"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer["event"]).unwrap());
    world.settle();
    let mut found = world.get("/events/t-1");
    found["event"]["lago_id"] = json!("(id)");
    assert_eq!(found, answer);
}

#[test]
fn an_event_without_timestamp_happens_now() {
    let world = calls("2024-01-10T12:00");
    let answer = world.post(
        "/events",
        json!({"event": {"transaction_id": "t-1", "external_subscription_id": "acme", "code": "calls"}}),
    );
    assert_eq!(answer["event"]["timestamp"], "2024-01-10T12:00:00.000Z");
}

#[test]
fn an_id_counts_once_whatever_copies_say() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    let first = world.post("/events", one_call("same", "2024-01-10"));
    // The first one received counts; a copy of another day, or of another month, never does.
    for at in ["2024-01-10", "2024-01-20", "2024-02-05"] {
        let copy = world.post("/events", one_call("same", at));
        assert_eq!(copy["event"]["lago_id"], first["event"]["lago_id"]);
        world.settle();
    }
    let batch: Vec<Value> = (0..3).map(|_| event("thrice", "acme", "calls", "2024-02-10", json!({}))).collect();
    world.post("/events/batch", json!({ "events": batch }));
    world.travel_to("2024-02-01");
    world.post("/events", one_call("same", "2024-02-06"));
    world.travel_to("2024-03-01");
    // One call in January, one in February.
    expect![[r#"
        2024-02-01 finalized 100.10 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 1.0 units, 1 events: 0.10
        2024-03-01 finalized 100.10 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn an_id_on_two_subscriptions_or_metrics_is_two_events() {
    let world = calls("2024-01-01");
    world.metric("clicks", "count");
    let charges = ["calls", "clicks"].map(|metric| world.charge(metric, "standard", json!({"amount": "1"})));
    world.plan("plan", "0 EUR monthly", &charges);
    world.subscribe("one", "plan");
    world.subscribe("two", "plan");
    for (subscription, metric) in [("one", "calls"), ("one", "clicks"), ("two", "calls")] {
        world.post("/events", json!({"event": event("same", subscription, metric, "2024-01-05", json!({}))}));
    }
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 2.00, 2.00 with taxes
          calls 1.0 units, 1 events: 1.00
          clicks 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.current_usage("one"));
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 1.00, 1.00 with taxes
          calls 1.0 units, 1 events: 1.00
          clicks 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.current_usage("two"));
}

#[test]
fn an_event_that_comes_after_its_invoice_is_not_billed() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    world.usage("acme", "calls", &[("2024-01-31", json!({}))]);
    world.travel_to("2024-03-01");
    expect![[r#"
        2024-02-01 finalized 100.00 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.00 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn events_may_come_before_their_subscription_and_their_metric() {
    let world = World::new("2024-01-20");
    world.usage("acme", "other", &[("2024-01-05", json!({}))]);
    world.metric("calls", "count");
    world.usage("acme", "calls", &[("2024-01-05", json!({})), ("2024-01-06", json!({}))]);
    world.settle();
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"subscription_at": "2024-01-06T00:00:00Z"}));
    expect![[r#"
        2024-01-06..2024-01-31, issued 2024-01-31: 0.10, 0.10 with taxes
          calls 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.current_usage("acme"));
}

#[test]
fn a_metric_with_the_code_of_a_deleted_one_starts_empty() {
    let world = calls("2024-01-01");
    world.subscribe_with(
        "acme",
        {
            hundred(&world, "monthly");
            "hundred"
        },
        json!({}),
    );
    world.usage("acme", "calls", &[("2024-01-05", json!({}))]);
    world.travel_to("2024-01-10");
    world.delete("/billable_metrics/calls");
    world.metric("calls", "count");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.put("/plans/hundred", json!({"plan": {"charges": [charge]}}));
    world.usage("acme", "calls", &[("2024-01-12", json!({}))]);
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 1.00, 1.00 with taxes
          calls 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
}

#[test]
fn an_event_without_subscription_belongs_to_the_only_one() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"external_id": "sub-1"}));
    let send = |id: &str, customer: &str, at: &str| {
        world.post(
            "/events",
            json!({"event": {
                "transaction_id": id, "external_customer_id": customer, "code": "calls", "timestamp": timestamp(at),
            }}),
        );
        world.settle();
    };
    send("mine", "acme", "2024-01-05");
    send("nobody", "unknown", "2024-01-05");
    send("before", "acme", "2023-12-31");
    world.subscribe_with("acme", "hundred", json!({"external_id": "sub-2"}));
    // Which of two is meant cannot be known.
    send("whose", "acme", "2024-01-06");
    let of = |id: &str| {
        let found = world.get(&format!("/events/{id}"))["event"].clone();
        format!("{id}: {} of {}\n", found["external_subscription_id"], found["external_customer_id"])
    };
    expect![[r#"
        mine: "sub-1" of "acme"
        nobody: "" of "unknown"
        before: "" of "acme"
        whose: "" of "acme"
    "#]]
    .assert_eq(&["mine", "nobody", "before", "whose"].map(of).concat());
    let usage = world.get("/customers/acme/current_usage?external_subscription_id=sub-1");
    assert_eq!(usage["customer_usage"]["charges_usage"][0]["events_count"], 1);
}

#[test]
fn an_event_for_several_subscriptions() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe_with("acme", "hundred", json!({"external_id": "a"}));
    world.subscribe_with("acme", "hundred", json!({"external_id": "b"}));
    let body = json!({"event": {
        "transaction_id": "both", "external_subscription_ids": ["a", "b"], "code": "calls", "timestamp": timestamp("2024-01-05"),
    }});
    let answer = world.ask(Method::POST, "/events/batch", Some(&body));
    assert_eq!(answer.line(), "200 ");
    world.settle();
    let listed = world.get("/events");
    for (id, subscription) in [("both_0", "a"), ("both_1", "b")] {
        let event = world.get(&format!("/events/{id}"))["event"].clone();
        assert_eq!(event["external_subscription_id"], subscription);
        // It was checked: whose it is is known.
        let record = &world.get(&format!("/subscriptions/{subscription}"))["subscription"];
        assert_eq!(
            (&event["lago_customer_id"], &event["external_customer_id"]),
            (&record["lago_customer_id"], &json!("acme"))
        );
        assert_eq!(event["lago_subscription_id"], record["lago_id"]);
        let listed = listed["events"].as_array().unwrap().iter().find(|event| event["transaction_id"] == id).unwrap();
        assert_eq!(listed["lago_customer_id"], event["lago_customer_id"]);
        assert_eq!(listed["lago_subscription_id"], event["lago_subscription_id"]);
        let usage = world.get(&format!("/customers/acme/current_usage?external_subscription_id={subscription}"));
        assert_eq!(usage["customer_usage"]["charges_usage"][0]["events_count"], 1);
    }
    // Nobody has checked these.
    world.usage("a", "calls", &[("2024-01-05", json!({}))]);
    world.settle();
    let listed = world.get("/events");
    let unchecked =
        listed["events"].as_array().unwrap().iter().find(|event| event["transaction_id"] == "event-0").unwrap();
    assert_eq!((&unchecked["lago_customer_id"], &unchecked["lago_subscription_id"]), (&Value::Null, &Value::Null));
    assert_eq!(unchecked["external_customer_id"], "acme");
}

#[test]
fn current_usage_shows_every_charge_by_the_metrics_name() {
    let world = World::new("2022-06-22");
    world.tax("vat", "20", true);
    for (code, name) in [("z", "Élan"), ("y", "banana"), ("x", "Apple"), ("w", "cherry")] {
        world.metric_with(code, "count", json!({ "name": name }));
    }
    let charges = ["z", "y", "x", "w"].map(|code| world.charge(code, "standard", json!({"amount": "12.66"})));
    world.plan("plan", "100.00 EUR monthly", &charges);
    world.subscribe_with(
        "acme",
        "plan",
        json!({"billing_time": "anniversary", "subscription_at": "2022-03-07T00:00:00Z"}),
    );
    world.usage("acme", "y", &[("2022-06-07", json!({})), ("2022-06-30", json!({})), ("2022-06-06", json!({}))]);
    // 2 x 12.66 = 25.32, 20 % = 5.064, together 30.38 (chapter 03, 9). The period is 7 June to 6 July.
    expect![[r#"
        2022-06-07..2022-07-06, issued 2022-07-06: 25.32, 30.38 with taxes
          x 0.0 units, 0 events: 0.00
          y 2.0 units, 2 events: 25.32
          w 0.0 units, 0 events: 0.00
          z 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
}

#[test]
fn current_usage_needs_an_active_subscription_of_the_customer() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.subscribe("other", "hundred");
    let lines = [
        "/customers/nobody/current_usage?external_subscription_id=acme",
        "/customers/acme/current_usage",
        "/customers/acme/current_usage?external_subscription_id=other",
        "/customers/acme/current_usage?external_subscription_id=nothing",
    ]
    .map(|path| world.ask(Method::GET, path, None).line());
    expect![[r#"
        404 {"status":404,"error":"Not Found","code":"customer_not_found"}
        405 {"status":405,"error":"Method Not Allowed","code":"no_active_subscription"}
        405 {"status":405,"error":"Method Not Allowed","code":"no_active_subscription"}
        405 {"status":405,"error":"Method Not Allowed","code":"no_active_subscription"}"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn usage_of_one_organization_is_nobody_elses() {
    let worlds = [calls("2024-01-01"), calls("2024-01-01")];
    for world in &worlds {
        hundred(world, "monthly");
        world.subscribe("acme", "hundred");
    }
    worlds[0].usage("acme", "calls", &[("2024-01-05", json!({}))]);
    worlds[0].settle();
    assert!(worlds[0].current_usage("acme").contains("calls 1.0 units"));
    assert!(worlds[1].current_usage("acme").contains("calls 0.0 units"));
    let foreign = send(&worlds[1].key, Method::GET, "/api/v1/events/event-0", None);
    assert_eq!(foreign.line(), r#"404 {"status":404,"error":"Not Found","code":"event_not_found"}"#);
}
