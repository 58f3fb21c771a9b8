//! Requests with an `Idempotency-Key` whose process dies, or whose answer is lost, at any of their writes (ADR 0018).

use reqwest::Method;
use serde_json::{Value, json};

use super::system::System;
use super::{at_every_write, calls, catalogue, subscribe};

/// After a request's lease.
const LATER: &str = "2024-01-01T00:02";
const INTERRUPTED: &str = "idempotent_request_interrupted";

fn plan() -> Value {
    json!({"plan": {
        "name": "ahead", "code": "ahead", "interval": "monthly", "amount_cents": 5_000, "amount_currency": "EUR",
        "pay_in_advance": true, "charges": [],
    }})
}

fn subscription() -> Value {
    json!({"subscription": {"external_customer_id": "new", "external_id": "new", "plan_code": "ahead"}})
}

#[test]
fn a_creation_is_there_with_its_answer_or_not_at_all() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", false).await;
        catalogue(&system).await;
        system.fate.arm(at, fault);
        let first = system.ask_once(Method::POST, "/api/v1/plans", "plan", plan()).await;
        let is_reached = system.fate.heal();
        let is_there = system.ask(Method::GET, "/api/v1/plans/ahead", Value::Null).await.0 == 200;
        assert_eq!(first.status, if is_reached { 503 } else { 200 }, "{at} {fault:?}");
        system.set_clock(LATER);
        let second = system.ask_once(Method::POST, "/api/v1/plans", "plan", plan()).await;
        // Without the key a second try would be refused: the code is taken.
        assert_eq!((second.status, second.is_replay), (200, is_there), "{at} {fault:?}: {}", second.body);
        let third = system.ask_once(Method::POST, "/api/v1/plans", "plan", plan()).await;
        assert_eq!((&third.text, third.is_replay), (&second.text, true), "{at} {fault:?}");
        assert_eq!(system.get("/plans").await["meta"]["total_count"], 2, "{at} {fault:?}");
        is_reached
    });
}

#[test]
fn several_commits_of_a_request_are_one() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", false).await;
        catalogue(&system).await;
        system.post("/plans", plan()).await;
        system.fate.arm(at, fault);
        // The subscription and its first invoice.
        let first = system.ask_once(Method::POST, "/api/v1/subscriptions", "start", subscription()).await;
        let is_reached = system.fate.heal();
        assert_eq!(first.status, if is_reached { 503 } else { 200 }, "{at} {fault:?}");
        let count = async |list: &str| system.get(list).await["meta"]["total_count"].clone();
        let (customers, invoices) = (count("/customers").await, count("/invoices").await);
        assert_eq!(customers, invoices, "{at} {fault:?}: half of it");
        system.set_clock(LATER);
        let second = system.ask_once(Method::POST, "/api/v1/subscriptions", "start", subscription()).await;
        assert_eq!((second.status, second.is_replay), (200, customers == 1), "{at} {fault:?}: {}", second.body);
        system.settle().await;
        assert_eq!((count("/customers").await, count("/invoices").await), (json!(1), json!(1)), "{at} {fault:?}");
        assert_eq!(
            system.webhooks().await,
            ["invoice.created ACME-0001-001-001 succeeded", "subscription.started new succeeded"],
            "{at} {fault:?}"
        );
        is_reached
    });
}

#[test]
fn a_request_that_had_to_wait_for_others_is_never_done_twice() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        system.post("/plans", plan()).await;
        subscribe(&system, "acme", "acme").await;
        calls(&system, "acme", &["2024-01-01"]).await;
        system.fate.arm(at, fault);
        // The event is under way: the request waits for it before it bills.
        let first = system.ask_once(Method::POST, "/api/v1/subscriptions", "start", subscription()).await;
        let is_reached = system.fate.heal();
        assert!(is_reached || first.status == 200, "{at} {fault:?}: {}", first.body);
        system.set_clock(LATER);
        let second = system.ask_once(Method::POST, "/api/v1/subscriptions", "start", subscription()).await;
        let is_interrupted = second.body["code"] == INTERRUPTED;
        assert!(second.status == 200 || is_interrupted, "{at} {fault:?}: {}", second.body);
        // Either way it is there, once.
        system.settle().await;
        let subscriptions = system.get("/subscriptions?external_customer_id=new").await;
        assert_eq!(subscriptions["meta"]["total_count"], 1, "{at} {fault:?}");
        let events = system.get("/customers/acme/current_usage?external_subscription_id=acme").await;
        assert_eq!(events["customer_usage"]["charges_usage"][0]["events_count"], 1, "{at} {fault:?}");
        is_reached
    });
}

#[test]
fn what_says_what_shall_be_is_done_again() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        subscribe(&system, "acme", "acme").await;
        let target = json!({"test_clock": {"frozen_time": "2024-02-01T00:00:00Z"}});
        system.fate.arm(at, fault);
        let first = system.ask_once(Method::PUT, "/api/v1/test_clock", "february", target.clone()).await;
        let is_reached = system.fate.heal();
        assert!(is_reached || first.status == 200, "{at} {fault:?}: {}", first.body);
        system.set_clock(LATER);
        let second = system.ask_once(Method::PUT, "/api/v1/test_clock", "february", target).await;
        assert_eq!(second.status, 200, "{at} {fault:?}: {}", second.body);
        system.settle().await;
        let clock = system.get("/test_clock").await;
        assert_eq!(clock["test_clock"]["frozen_time"], "2024-02-01T00:00:00Z", "{at} {fault:?}");
        assert_eq!(system.get("/invoices").await["meta"]["total_count"], 1, "{at} {fault:?}");
        is_reached
    });
}
