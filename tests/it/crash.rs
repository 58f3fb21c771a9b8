//! Exactly once, whatever dies half way: every use case that moves money, with a fault at each of its writes in turn.
//!
//! The n-th write of a run fails (lost, torn, or done without anybody hearing of it), and the process dies or goes on;
//! then everything is tried again without faults. For n = 0, 1, 2 ... until a run ends before its n-th write.

mod advance;
mod credit_notes;
mod events;
mod faults;
mod idempotency;
mod money;
mod settlements;
mod system;
mod wallets;

use std::sync::Arc;

use app::ports::{Incoming, Queue};
use app::{Failure, billing, event, test_clock};
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::faults::{Aftermath, FAULTS, Mishap};
use self::system::System;
use crate::scenarios::world::{event as event_json, instant, metric, shared};

/// Beyond so many writes a run is not what it was when this was written.
const WRITES_MAX: usize = 400;

/// Runs a story for every fault at every write. `story` gets a system with its fault armed by `arm`, and says whether the
/// fault was reached.
fn at_every_write<F: Future<Output = bool>>(story: impl Fn(usize, (Mishap, Aftermath)) -> F) {
    shared().runtime.block_on(async {
        for fault in FAULTS {
            let mut at = 0;
            while story(at, fault).await {
                at += 1;
                assert!(at < WRITES_MAX, "{fault:?}");
            }
            assert!(at > 0, "{fault:?}: nothing was written at all");
        }
    });
}

/// An endpoint, a tax of 20 %, and a plan of 100.00 with calls at 0.10.
async fn catalogue(system: &System) {
    let endpoint = json!({"webhook_url": "https://hooks.example/weir", "signature_algo": "hmac"});
    system.post("/webhook_endpoints", json!({ "webhook_endpoint": endpoint })).await;
    let tax = json!({"name": "VAT", "code": "vat", "rate": 20, "applied_to_organization": true});
    system.post("/taxes", json!({ "tax": tax })).await;
    let made = system.post("/billable_metrics", json!({"billable_metric": metric("calls", "count")})).await;
    let charge = json!({
        "billable_metric_id": made["billable_metric"]["lago_id"], "charge_model": "standard", "properties": {"amount": "0.10"},
    });
    system.post("/plans", json!({"plan": {
        "name": "hundred", "code": "hundred", "interval": "monthly", "amount_cents": 10_000, "amount_currency": "EUR",
        "pay_in_advance": false, "charges": [charge],
    }})).await;
}

async fn subscribe(system: &System, customer: &str, external_id: &str) {
    let subscription = json!({"external_customer_id": customer, "external_id": external_id, "plan_code": "hundred"});
    system.post("/subscriptions", json!({ "subscription": subscription })).await;
}

async fn calls(system: &System, subscription: &str, instants: &[&str]) {
    let events: Vec<Value> = instants
        .iter()
        .enumerate()
        .map(|(number, at)| event_json(&format!("{at}-{number}"), subscription, "calls", at, json!({})))
        .collect();
    system.post("/events/batch", json!({ "events": events })).await;
}

/// Two months of `acme` with three calls and two, all of it in the log; the clock stands ten minutes into March.
async fn two_months(is_sandbox: bool) -> Arc<System> {
    let system = System::new("2024-01-01", is_sandbox).await;
    catalogue(&system).await;
    subscribe(&system, "acme", "acme").await;
    calls(&system, "acme", &["2024-01-05", "2024-01-06", "2024-01-31T23:59:59", "2024-02-01", "2024-02-29"]).await;
    system.settle().await;
    if !is_sandbox {
        system.set_clock("2024-03-01T00:10");
    }
    system
}

/// What two months come to: 100.30 and 100.20 with 20 % tax; every webhook once, numbered by its object.
async fn check_two_months(system: &System, context: &str) {
    assert_eq!(
        app::ledger::audit(&system.app, system.organization()).await.unwrap(),
        Vec::<String>::new(),
        "{context}"
    );
    let expected = expect![[r#"
        ACME-0001-001-001 2024-02-01 finalized 120.36 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 3.0 units, 3 events: 0.30
          tax vat 20.0% of 100.30: 20.06
        ACME-0001-001-002 2024-03-01 finalized 120.24 EUR
          hundred 2024-02-01..2024-02-29: 100.00
          calls 2024-02-01..2024-02-29 2.0 units, 2 events: 0.20
          tax vat 20.0% of 100.20: 20.04
    "#]];
    let invoices = system.invoices().await;
    assert_eq!(invoices.lines().count(), 8, "{context}: {invoices}");
    expected.assert_eq(&invoices);
    assert_eq!(
        system.webhooks().await,
        [
            "invoice.created ACME-0001-001-001 succeeded",
            "invoice.created ACME-0001-001-002 succeeded",
            "subscription.started acme succeeded",
        ],
        "{context}"
    );
    let delivered = system.delivered();
    assert_eq!(delivered.len(), 3, "{context}: {delivered:?}");
    assert!(delivered.iter().all(|(_, sequence)| sequence == "1"), "{context}: {delivered:?}");
    let next = system.get("/customers/acme/current_usage?external_subscription_id=acme").await;
    assert_eq!(next["customer_usage"]["from_datetime"], "2024-03-01T00:00:00Z", "{context}");
}

#[test]
fn a_period_is_closed_once() {
    at_every_write(async |at, fault| {
        let system = two_months(false).await;
        let (customer, now) = (system.customer("acme").await, instant("2024-03-01T00:10"));
        system.fate.arm(at, fault);
        let first = billing::close_customer(&system.app, system.organization(), customer, now).await;
        let is_reached = system.fate.heal();
        assert_eq!(first.is_err(), is_reached, "{at} {fault:?}: {first:?}");
        for _ in 0..2 {
            billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
        }
        system.settle().await;
        check_two_months(&system, &format!("{at} {fault:?}")).await;
        is_reached
    });
}

#[test]
fn an_invoice_of_more_records_than_a_commit_holds_is_made_once() {
    const SUBSCRIPTIONS: usize = 85;
    // Each round makes 85 subscriptions: only the faults that differ for transactions, and every write of the closing.
    shared().runtime.block_on(async {
        for fault in [FAULTS[0], FAULTS[2]] {
            for at in 0.. {
                let system = System::new("2024-01-01", false).await;
                catalogue(&system).await;
                for number in 0..SUBSCRIPTIONS {
                    subscribe(&system, "acme", &format!("sub-{number}")).await;
                }
                system.set_clock("2024-02-01T00:10");
                let (customer, now) = (system.customer("acme").await, instant("2024-02-01T00:10"));
                system.fate.arm(at, fault);
                let first = billing::close_customer(&system.app, system.organization(), customer, now).await;
                let is_reached = system.fate.heal();
                assert_eq!(first.is_err(), is_reached, "{at} {fault:?}: {first:?}");
                billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
                let list = system.get("/invoices").await;
                assert_eq!(list["meta"]["total_count"], 1, "{at} {fault:?}");
                let id = list["invoices"][0]["lago_id"].as_str().unwrap();
                let invoice = system.get(&format!("/invoices/{id}")).await["invoice"].clone();
                // 85 x 100.00 and 20 % tax.
                assert_eq!(invoice["total_amount_cents"], 1_020_000, "{at} {fault:?}");
                assert_eq!(invoice["subscriptions"].as_array().unwrap().len(), SUBSCRIPTIONS);
                system.set_clock("2024-03-01T00:10");
                billing::close_customer(&system.app, system.organization(), customer, instant("2024-03-01T00:10"))
                    .await
                    .unwrap();
                assert_eq!(system.get("/invoices").await["meta"]["total_count"], 2, "{at} {fault:?}");
                if !is_reached {
                    assert!(at > 1, "records beyond the first commit need a second one");
                    break;
                }
            }
        }
    });
}

/// Usage of `acme` in January 2024, as count of events.
async fn counted(system: &System) -> Value {
    let usage = system.get("/customers/acme/current_usage?external_subscription_id=acme").await;
    usage["customer_usage"]["charges_usage"][0]["events_count"].clone()
}

#[test]
fn events_are_counted_once() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        subscribe(&system, "acme", "acme").await;
        calls(&system, "acme", &["2024-01-05", "2024-01-06", "2024-01-07"]).await;
        calls(&system, "acme", &["2024-01-07", "2024-01-05", "2024-01-09"]).await;
        let messages: Vec<Incoming> = system.waiting(Queue::Events);
        assert_eq!(messages.len(), 2);
        system.fate.arm(at, fault);
        let failed = event::ingest(&system.app, messages.clone()).await;
        let is_reached = system.fate.heal();
        assert_eq!(failed.is_empty(), !is_reached, "{at} {fault:?}: {failed:?}");
        // What failed comes again, and then all of it once more, one by one and backwards.
        let again: Vec<Incoming> = messages.iter().filter(|message| failed.contains(&message.id)).cloned().collect();
        assert_eq!(event::ingest(&system.app, again).await, Vec::<String>::new());
        for message in messages.iter().rev() {
            assert_eq!(event::ingest(&system.app, vec![message.clone()]).await, Vec::<String>::new());
        }
        system.forget(&messages);
        // Ids are made of instant and place: 5, 6, 7 first; then 7 and 5 at other places, and 9: six ids.
        assert_eq!(counted(&system).await, 6, "{at} {fault:?}");
        is_reached
    });
}

#[test]
fn a_request_with_events_that_fails_can_be_sent_again() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        subscribe(&system, "acme", "acme").await;
        system.settle().await;
        let events: Vec<Value> =
            (0..3).map(|number| event_json(&format!("e{number}"), "acme", "calls", "2024-01-05", json!({}))).collect();
        let body = json!({ "events": events });
        system.fate.arm(at, fault);
        let (status, _) = system.ask(Method::POST, "/api/v1/events/batch", body.clone()).await;
        let is_reached = system.fate.heal();
        assert_eq!(status, if is_reached { 503 } else { 200 }, "{at} {fault:?}");
        system.post("/events/batch", body).await;
        system.settle().await;
        assert_eq!(counted(&system).await, 3, "{at} {fault:?}");
        is_reached
    });
}

#[test]
fn messages_are_forwarded_until_somebody_has_them() {
    at_every_write(async |at, fault| {
        let system = two_months(false).await;
        let (customer, now) = (system.customer("acme").await, instant("2024-03-01T00:10"));
        billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
        system.fate.arm(at, fault);
        // Twice: what failed comes again, if anybody is alive.
        for _ in 0..2 {
            let _ = system.pump(&[Queue::Webhooks]).await;
        }
        let is_reached = system.fate.heal();
        system.settle().await;
        check_two_months(&system, &format!("{at} {fault:?}")).await;
        is_reached
    });
}

#[test]
fn an_advance_of_the_test_clock_goes_on_where_it_stopped() {
    at_every_write(async |at, fault| {
        let system = two_months(true).await;
        system.fate.arm(at, fault);
        let target = instant("2024-03-01T00:10");
        // The request waits, and waiting does the work: the job's message, the closings, the webhooks.
        let first = test_clock::advance(&system.app, system.organization(), target).await;
        let is_reached = system.fate.heal();
        assert!(first.is_err() == is_reached || fault.1 == Aftermath::Alive, "{at} {fault:?}: {first:?}");
        // The same again is always safe, and so is the job's message.
        let second = test_clock::advance(&system.app, system.organization(), target).await.unwrap();
        assert_eq!((second.frozen_time, second.advancing_to), (target, None), "{at} {fault:?}");
        system.settle().await;
        check_two_months(&system, &format!("{at} {fault:?}")).await;
        is_reached
    });
}

#[test]
fn closers_that_meet_close_once() {
    shared().runtime.block_on(async {
        for tasks in [2, 16] {
            for round in 0..3 {
                let system = two_months(false).await;
                let (customer, now) = (system.customer("acme").await, instant("2024-03-01T00:10"));
                let mut closers = JoinSet::new();
                for _ in 0..tasks {
                    let system = system.clone();
                    closers.spawn(async move {
                        billing::close_customer(&system.app, system.organization(), customer, now).await
                    });
                }
                while let Some(closed) = closers.join_next().await {
                    // A task may lose every race: then its message comes again.
                    assert!(matches!(closed.unwrap(), Ok(()) | Err(Failure::Unavailable(_))));
                }
                billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
                system.settle().await;
                check_two_months(&system, &format!("{tasks} tasks, round {round}")).await;
            }
        }
    });
}

#[test]
fn numbers_of_an_organization_have_no_gaps_when_customers_are_closed_at_once() {
    const CUSTOMERS: usize = 12;
    shared().runtime.block_on(async {
        let system = System::new("2024-01-01", false).await;
        catalogue(&system).await;
        let numbering = json!({"organization": {"document_numbering": "per_organization"}});
        system.send(Method::PUT, "/api/v1/organizations", numbering).await;
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let name = format!("customer-{number}");
            subscribe(&system, &name, &name).await;
            customers.push(system.customer(&name).await);
        }
        system.set_clock("2024-02-01T00:10");
        let now = instant("2024-02-01T00:10");
        let mut closers = JoinSet::new();
        for customer in customers.iter().copied() {
            let system = system.clone();
            closers
                .spawn(async move { billing::close_customer(&system.app, system.organization(), customer, now).await });
        }
        while let Some(closed) = closers.join_next().await {
            assert!(matches!(closed.unwrap(), Ok(()) | Err(Failure::Unavailable(_))));
        }
        for customer in customers {
            billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
        }
        let list = system.get("/invoices?per_page=1000").await;
        let mut numbers: Vec<&str> =
            list["invoices"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap()).collect();
        numbers.sort_unstable();
        let expected: Vec<String> = (1..=CUSTOMERS).map(|number| format!("ACME-0001-202402-{number:03}")).collect();
        assert_eq!(numbers, expected);
    });
}

#[test]
fn a_bad_event_goes_its_own_way_and_keeps_nobody_waiting() {
    shared().runtime.block_on(async {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        subscribe(&system, "acme", "acme").await;
        let good: Vec<Value> =
            (0..2).map(|number| event_json(&format!("g{number}"), "acme", "calls", "2024-01-05", json!({}))).collect();
        let body = json!({
            "organization_id": system.organization().0,
            "events": [good[0], {"transaction_id": "bad", "code": 7, "timestamp": "soon"}, good[1], "no event at all"],
        });
        let message = Incoming { id: "own".into(), body: body.to_string(), sent_at: system.app.clock.now() };
        assert_eq!(event::ingest(&system.app, vec![message]).await, Vec::<String>::new());
        assert_eq!(counted(&system).await, 2);
        let alone = system.waiting(Queue::Events);
        assert_eq!(alone.len(), 2);
        for bad in alone {
            assert_eq!(event::ingest(&system.app, vec![bad.clone()]).await, [bad.id]);
        }
        assert_eq!(counted(&system).await, 2);
    });
}

#[test]
fn a_fold_that_fails_anywhere_changes_no_figure() {
    at_every_write(async |at, fault| {
        let system = System::new("2024-01-01", true).await;
        catalogue(&system).await;
        subscribe(&system, "acme", "acme").await;
        for number in 0..18 {
            let day = format!("2024-01-{:02}", number % 9 + 1);
            let events = [event_json(&format!("f{number}"), "acme", "calls", &day, json!({}))];
            // One call of the function each: one chunk each.
            system.post("/events/batch", json!({ "events": events })).await;
            let messages = system.waiting(Queue::Events);
            assert_eq!(event::ingest(&system.app, messages.clone()).await, Vec::<String>::new());
            system.forget(&messages);
        }
        // Long after the chunks, whose ids tell the time of this machine.
        system.set_clock("2100-01-01");
        let job = app::jobs::FoldJob {
            organization_id: system.organization().0,
            external_subscription_id: "acme".into(),
            code: "calls".into(),
        };
        system.fate.arm(at, fault);
        let first = app::fold::run(&system.app, &job).await;
        let is_reached = system.fate.heal();
        assert!(first.is_ok() || is_reached, "{at} {fault:?}: {first:?}");
        assert_eq!(counted(&system).await, 18, "{at} {fault:?}");
        // What an attempt that died left behind is taken up after its minute.
        system.set_clock("2100-01-02");
        app::fold::run(&system.app, &job).await.unwrap();
        assert_eq!(counted(&system).await, 18, "{at} {fault:?}");
        is_reached
    });
}
