//! Events on their way into their logs: in one log, whatever is delivered twice; and not held up by what no table takes.

use app::ports::Queue;
use chrono::Days;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use store::usage::Recorded;

use super::system::System;
use crate::scenarios::world::{metric, shared};

/// Calls at one euro, and customers without subscriptions.
async fn calls() -> Arc<System> {
    let system = System::new("2024-01-10", false).await;
    let made = system.post("/billable_metrics", json!({"billable_metric": metric("calls", "count")})).await;
    let charge = json!({
        "billable_metric_id": made["billable_metric"]["lago_id"], "charge_model": "standard", "properties": {"amount": "1"},
    });
    let plan = json!({
        "name": "plan", "code": "plan", "interval": "monthly", "amount_cents": 0, "amount_currency": "EUR",
        "pay_in_advance": false, "charges": [charge],
    });
    system.post("/plans", json!({ "plan": plan })).await;
    system
}

async fn subscribe(system: &System, external_id: &str) {
    let subscription = json!({
        "external_customer_id": "acme", "external_id": external_id, "plan_code": "plan",
        "subscription_at": "2024-01-01T00:00:00Z",
    });
    system.post("/subscriptions", json!({ "subscription": subscription })).await;
}

async fn send(system: &System, id: &str) {
    let event = json!({
        "transaction_id": id, "external_customer_id": "acme", "code": "calls", "timestamp": 1_704_412_800,
    });
    system.post("/events", json!({ "event": event })).await;
}

/// The events of the organization, and the subscriptions that they belong to.
async fn listed(system: &System) -> Vec<(String, Option<String>)> {
    // Received by the real clock, which is not the system's here.
    let day = domain::id::made_at(system.organization().0).unwrap().date_naive();
    let table = system.app.store.table();
    let found = store::usage::recent(table, system.organization(), day, day + Days::new(1), 0, 10).await.unwrap();
    let event = |recorded: Recorded| (recorded.event.transaction_id, recorded.event.external_subscription_id);
    found.events.into_iter().map(event).collect()
}

async fn used(system: &System, subscription: &str) -> Value {
    let path = format!("/customers/acme/current_usage?external_subscription_id={subscription}");
    system.get(&path).await["customer_usage"]["charges_usage"][0]["units"].clone()
}

#[test]
fn an_event_of_a_customer_is_in_one_log_however_often_it_comes() {
    shared().runtime.block_on(async {
        let system = calls().await;
        subscribe(&system, "first").await;
        send(&system, "once").await;
        let messages = system.waiting(Queue::Events);
        assert_eq!(messages.len(), 1);
        assert!(app::event::ingest(&system.app, messages.clone()).await.is_empty());
        // Between two deliveries of one message the subscription that fits has become another one.
        system.send(Method::DELETE, "/api/v1/subscriptions/first", Value::Null).await;
        subscribe(&system, "second").await;
        assert!(app::event::ingest(&system.app, messages.clone()).await.is_empty());
        system.forget(&messages);
        // The client sends it again, too.
        send(&system, "once").await;
        system.settle().await;
        assert_eq!(used(&system, "second").await, "0.0");
        assert_eq!(listed(&system).await, [("once".to_owned(), Some("first".to_owned()))]);
        // With two that fit it still is the first one's, and a new one is nobody's.
        subscribe(&system, "third").await;
        send(&system, "once").await;
        send(&system, "nobodys").await;
        system.settle().await;
        assert_eq!((used(&system, "second").await, used(&system, "third").await), (json!("0.0"), json!("0.0")));
        let mut listed = listed(&system).await;
        listed.sort();
        assert_eq!(listed, [("nobodys".to_owned(), None), ("once".to_owned(), Some("first".to_owned()))]);
    });
}

#[test]
fn an_event_from_before_its_subscription_counts_when_it_is_sent_again() {
    shared().runtime.block_on(async {
        let system = calls().await;
        system.post("/customers", json!({"customer": {"external_id": "acme"}})).await;
        send(&system, "early").await;
        system.settle().await;
        subscribe(&system, "acme").await;
        assert_eq!(used(&system, "acme").await, "0.0");
        for _ in 0..2 {
            send(&system, "early").await;
            system.settle().await;
            assert_eq!(used(&system, "acme").await, "1.0");
        }
    });
}

#[test]
fn what_no_table_takes_holds_nothing_else_up() {
    shared().runtime.block_on(async {
        let system = calls().await;
        subscribe(&system, "acme").await;
        for (id, subscription) in [("one", "acme"), ("bad", "poison"), ("two", "acme")] {
            let event = json!({
                "transaction_id": id, "external_subscription_id": subscription, "code": "calls", "timestamp": 1_704_412_800,
            });
            system.post("/events", json!({ "event": event })).await;
        }
        system.fate.refuse(&store::keys::usage_log(system.organization(), "poison", "calls"));
        let messages = system.waiting(Queue::Events);
        let again = app::event::ingest(&system.app, messages.clone()).await;
        assert_eq!(again, [messages[1].id.clone()]);
        system.fate.heal();
        assert_eq!(used(&system, "acme").await, "2.0");
        let mut listed: Vec<String> = listed(&system).await.into_iter().map(|(id, _)| id).collect();
        listed.sort();
        assert_eq!(listed, ["one", "two"]);
    });
}
