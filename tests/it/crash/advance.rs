//! Charges in advance under faults: exactly one fee per event, the same total as one after the other.

use app::ports::{Incoming, Queue};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::at_every_write;
use super::system::System;
use crate::scenarios::world::{event as event_json, metric, shared};
use std::sync::Arc;

/// Two charges in advance on the sum of `used`: graduated without invoice, percentage with one.
async fn catalogue(system: &System) {
    let endpoint = json!({"webhook_url": "https://hooks.example/weir", "signature_algo": "hmac"});
    system.post("/webhook_endpoints", json!({ "webhook_endpoint": endpoint })).await;
    let made = system.post("/billable_metrics", json!({"billable_metric": metric("used", "sum value")})).await;
    let id = &made["billable_metric"]["lago_id"];
    let tiers = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "10", "flat_amount": "2"},
        {"from_value": 11, "to_value": 20, "per_unit_amount": "5", "flat_amount": "3"},
        {"from_value": 21, "to_value": null, "per_unit_amount": "1", "flat_amount": "3"},
    ]});
    let share = json!({"rate": "10", "fixed_amount": "1", "free_units_per_events": 2});
    let charges = [
        json!({"billable_metric_id": id, "charge_model": "graduated", "properties": tiers, "pay_in_advance": true, "invoiceable": false}),
        json!({"billable_metric_id": id, "charge_model": "percentage", "properties": share, "pay_in_advance": true}),
    ];
    system
        .post(
            "/plans",
            json!({"plan": {
                "name": "pro", "code": "pro", "interval": "monthly", "amount_cents": 0, "amount_currency": "EUR",
                "pay_in_advance": false, "charges": charges,
            }}),
        )
        .await;
    let subscription = json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": "pro"});
    system.post("/subscriptions", json!({ "subscription": subscription })).await;
}

async fn send(system: &System, ids: std::ops::Range<usize>, value: i64) {
    let events: Vec<Value> = ids
        .map(|number| event_json(&format!("e{number}"), "acme", "used", "2024-01-05", json!({ "value": value })))
        .collect();
    system.post("/events/batch", json!({ "events": events })).await;
}

/// Every fee of an event: how many there are of each charge, and what they come to, minor units.
async fn billed(system: &System) -> Vec<(bool, usize, i64)> {
    let list = system.get("/fees?per_page=1000&fee_type=charge").await;
    let fees = list["fees"].as_array().unwrap();
    [false, true]
        .into_iter()
        .map(|invoiceable| {
            let of_charge: Vec<&Value> = fees.iter().filter(|fee| fee["invoiceable"] == invoiceable).collect();
            let mut ids: Vec<&str> =
                of_charge.iter().map(|fee| fee["event_transaction_id"].as_str().unwrap()).collect();
            ids.sort_unstable();
            let count = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), count, "an event has two fees");
            (invoiceable, count, of_charge.iter().map(|fee| fee["amount_cents"].as_i64().unwrap()).sum())
        })
        .collect()
}

/// The webhooks of fees and invoices, each object once.
async fn told(system: &System) -> (usize, usize) {
    let endpoints = system.get("/webhook_endpoints").await;
    let id = endpoints["webhook_endpoints"][0]["lago_id"].as_str().unwrap().to_owned();
    let log = system.get(&format!("/webhook_endpoints/{id}/webhooks?per_page=1000")).await;
    let count =
        |kind: &str| log["webhooks"].as_array().unwrap().iter().filter(|one| one["webhook_type"] == kind).count();
    (count("fee.created"), count("invoice.created"))
}

#[test]
fn an_event_makes_one_fee_whatever_fails() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", false).await;
        catalogue(&system).await;
        system.settle().await;
        send(&system, 0..2, 6).await;
        send(&system, 1..3, 6).await;
        system.fate.arm(at, fault);
        for _ in 0..3 {
            let _ = system.pump(&[Queue::Events, Queue::Advance]).await;
        }
        let is_reached = system.fate.heal();
        system.settle().await;
        // Three events of 6: 18 units are 10 x 10 and 8 x 5 with flat 2 and 3. A tenth of the units after the first two events,
        // and 1.00 for the third.
        let expected = [(false, 3, 14_500), (true, 3, 160)];
        assert_eq!(billed(&system).await, expected, "{at} {fault:?}");
        assert_eq!(told(&system).await, (6, 3), "{at} {fault:?}");
        // Everything once more: nothing happens.
        send(&system, 0..3, 6).await;
        system.settle().await;
        assert_eq!(billed(&system).await, expected, "{at} {fault:?}");
        is_reached
    });
}

#[test]
fn jobs_that_meet_or_come_in_any_order_come_to_the_same() {
    shared().runtime.block_on(async {
        for round in 0..4_usize {
            let system = System::new("2024-01-01", false).await;
            catalogue(&system).await;
            system.settle().await;
            for number in 0..6 {
                send(&system, number..number + 1, 4).await;
                while !system.waiting(Queue::Events).is_empty() {
                    system.pump(&[Queue::Events]).await.unwrap();
                }
            }
            let mut messages: Vec<Incoming> = system.waiting(Queue::Advance);
            assert_eq!(messages.len(), 6);
            messages.rotate_left(round);
            if round % 2 == 1 {
                messages.reverse();
            }
            // Each of them twice, all at once: a queue that breaks its word.
            let mut jobs = JoinSet::new();
            for message in messages.iter().chain(&messages).cloned() {
                let system: Arc<System> = system.clone();
                jobs.spawn(async move { app::advance::charge(&system.app, vec![message]).await });
            }
            while let Some(done) = jobs.join_next().await {
                done.unwrap();
            }
            system.settle().await;
            assert_eq!(billed(&system).await, [(false, 6, 16_200), (true, 6, 560)], "round {round}");
        }
    });
}

#[test]
fn what_came_before_its_charge_makes_no_fee_and_stands_in_the_base_once() {
    shared().runtime.block_on(async {
        let system = System::new("2024-01-10", false).await;
        let mut seats = metric("seats", "sum value");
        seats["recurring"] = json!(true);
        let made = system.post("/billable_metrics", json!({ "billable_metric": seats })).await;
        let tiers = json!({"graduated_ranges": [
            {"from_value": 0, "to_value": 10, "per_unit_amount": "10", "flat_amount": "2"},
            {"from_value": 11, "to_value": null, "per_unit_amount": "5", "flat_amount": "3"},
        ]});
        let charge = json!({
            "billable_metric_id": made["billable_metric"]["lago_id"], "charge_model": "graduated", "properties": tiers,
            "pay_in_advance": true, "invoiceable": false,
        });
        let plan = json!({
            "name": "plan", "code": "plan", "interval": "monthly", "amount_cents": 0, "amount_currency": "EUR",
            "pay_in_advance": false, "charges": [charge],
        });
        system.post("/plans", json!({ "plan": plan })).await;
        let send = async |id: &str| {
            let event = event_json(id, "acme", "seats", "2024-01-05", json!({"value": 6}));
            system.post("/events", json!({ "event": event })).await;
        };
        // Accepted, and not ingested yet, when the subscription is made with a start before it.
        send("before").await;
        let subscription = json!({
            "external_customer_id": "acme", "external_id": "acme", "plan_code": "plan",
            "subscription_at": "2024-01-01T00:00:00Z",
        });
        system.post("/subscriptions", json!({ "subscription": subscription })).await;
        system.settle().await;
        send("after").await;
        system.settle().await;
        let fees = system.get("/fees?fee_type=charge").await["fees"].clone();
        let of: Vec<_> = fees.as_array().unwrap().iter().map(|fee| fee["event_transaction_id"].clone()).collect();
        assert_eq!(of, ["after"]);
        // From 6 to 12 units: 102 + 13 less 62.
        assert_eq!(fees[0]["amount_cents"], 5_300);
    });
}

#[test]
fn what_waits_while_its_plan_is_replaced_is_billed_once_by_the_plan_that_it_came_for() {
    shared().runtime.block_on(async {
        let system = System::new("2024-01-10", false).await;
        let made = system.post("/billable_metrics", json!({"billable_metric": metric("calls", "count")})).await;
        let plan = |code: &str, price: &str| {
            let charge = json!({
                "billable_metric_id": made["billable_metric"]["lago_id"], "charge_model": "standard",
                "properties": {"amount": price}, "pay_in_advance": true, "invoiceable": false,
            });
            json!({"plan": {
                "name": code, "code": code, "interval": "monthly", "amount_cents": 0, "amount_currency": "EUR",
                "pay_in_advance": false, "charges": [charge],
            }})
        };
        system.post("/plans", plan("small", "1")).await;
        system.post("/plans", plan("large", "5")).await;
        let subscribe = async |plan: &str| {
            let subscription = json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": plan});
            system.post("/subscriptions", json!({ "subscription": subscription })).await;
            system.relay().await.unwrap();
        };
        subscribe("small").await;
        let send = async |id: &str, at: &str| {
            system.post("/events", json!({"event": event_json(id, "acme", "calls", at, json!({}))})).await;
        };
        // Neither is ingested when the plan changes, in the second that the first one is of.
        send("now", "2024-01-10").await;
        send("later", "2024-01-25").await;
        subscribe("large").await;
        send("after", "2024-01-10").await;
        system.settle().await;
        let fees = system.get("/fees?fee_type=charge").await["fees"].clone();
        let mut fees: Vec<_> = fees
            .as_array()
            .unwrap()
            .iter()
            .map(|fee| (fee["event_transaction_id"].to_string(), fee["amount_cents"].as_i64().unwrap()))
            .collect();
        fees.sort();
        let fee = |id: &str, cents: i64| (format!("{id:?}"), cents);
        assert_eq!(fees, [fee("after", 500), fee("later", 100), fee("now", 100)]);
    });
}
