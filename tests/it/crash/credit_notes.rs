//! Credit notes: made once, used once, whatever dies half way and whoever else wants them.

use std::sync::Arc;

use app::{Failure, billing};
use domain::id::InvoiceId;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::at_every_write;
use super::system::System;
use crate::scenarios::world::{instant, shared};

/// An organization that bills `monthly` (in advance) at `cents`, with a grace period of some days.
async fn system_with_plan(cents: i64, grace_days: u32) -> Arc<System> {
    let system = System::new("2024-01-01", false).await;
    let grace = json!({"organization": {"billing_configuration": {"invoice_grace_period": grace_days}}});
    system.send(Method::PUT, "/api/v1/organizations", grace).await;
    system.post("/plans", json!({"plan": {
        "name": "monthly", "code": "monthly", "interval": "monthly", "amount_cents": cents, "amount_currency": "EUR",
        "pay_in_advance": true,
    }})).await;
    system
}

async fn subscribe(system: &System, external_id: &str) {
    let subscription = json!({"external_customer_id": "acme", "external_id": external_id, "plan_code": "monthly"});
    system.post("/subscriptions", json!({ "subscription": subscription })).await;
}

/// The invoices of `acme` in full, oldest first.
async fn invoices(system: &System) -> Vec<Value> {
    let list = system.get("/invoices?external_customer_id=acme&per_page=1000").await;
    let mut invoices = Vec::new();
    for listed in list["invoices"].as_array().unwrap().iter().rev() {
        let found = system.get(&format!("/invoices/{}", listed["lago_id"].as_str().unwrap())).await;
        invoices.push(found["invoice"].clone());
    }
    invoices
}

async fn notes(system: &System) -> Vec<Value> {
    let list = system.get("/credit_notes?external_customer_id=acme&per_page=1000").await;
    list["credit_notes"].as_array().unwrap().iter().rev().cloned().collect()
}

fn note_of(invoice: &Value, cents: i64) -> Value {
    json!({"credit_note": {
        "invoice_id": invoice["lago_id"], "credit_amount_cents": cents,
        "items": [{"fee_id": invoice["fees"][0]["lago_id"], "amount_cents": cents}],
    }})
}

fn sum(objects: &[Value], field: &str) -> i64 {
    objects.iter().map(|object| object[field].as_i64().unwrap()).sum()
}

#[test]
fn an_end_and_its_note_happen_together_and_once() {
    at_every_write(async |at, fault| {
        let context = format!("{at} {fault:?}");
        let system = system_with_plan(3100, 0).await;
        subscribe(&system, "acme").await;
        system.settle().await;
        system.set_clock("2024-01-16T10:00");
        system.fate.arm(at, fault);
        let (status, _) = system.ask(Method::DELETE, "/api/v1/subscriptions/acme", json!({})).await;
        let is_reached = system.fate.heal();
        assert!(status == 200 || is_reached, "{context}: {status}");
        let (ended, active) =
            (notes(&system).await, system.ask(Method::GET, "/api/v1/subscriptions/acme", json!({})).await.0);
        assert_eq!(
            ended.len(),
            usize::from(active == 404),
            "{context}: an end without its note, or a note without an end"
        );
        // What was not done is asked for again.
        system.ask(Method::DELETE, "/api/v1/subscriptions/acme", json!({})).await;
        let made = notes(&system).await;
        assert_eq!((made.len(), sum(&made, "credit_amount_cents")), (1, 1500), "{context}");
        is_reached
    });
}

#[test]
fn an_invoice_uses_a_note_once() {
    at_every_write(async |at, fault| {
        let context = format!("{at} {fault:?}");
        let system = system_with_plan(10_000, 0).await;
        subscribe(&system, "acme").await;
        let first = invoices(&system).await.remove(0);
        for cents in [2000, 9000 - 2000] {
            system.post("/credit_notes", note_of(&first, cents)).await;
        }
        system.settle().await;
        system.set_clock("2024-02-01T00:10");
        let (customer, now) = (system.customer("acme").await, instant("2024-02-01T00:10"));
        system.fate.arm(at, fault);
        let closed = billing::close_customer(&system.app, system.organization(), customer, now).await;
        let is_reached = system.fate.heal();
        assert_eq!(closed.is_err(), is_reached, "{context}: {closed:?}");
        billing::close_customer(&system.app, system.organization(), customer, now).await.unwrap();
        let second = invoices(&system).await.remove(1);
        assert_eq!((&second["credit_notes_amount_cents"], &second["total_amount_cents"]), (&json!(9000), &json!(1000)));
        assert_eq!(sum(&notes(&system).await, "balance_amount_cents"), 0, "{context}");

        // And gives back once.
        let path = format!("/api/v1/invoices/{}/void", second["lago_id"].as_str().unwrap());
        system.fate.arm(at, fault);
        system.ask(Method::POST, &path, json!({})).await;
        let is_reached_again = system.fate.heal();
        system.ask(Method::POST, &path, json!({})).await;
        assert_eq!(sum(&notes(&system).await, "balance_amount_cents"), 9000, "{context}");
        assert_eq!(app::ledger::audit(&system.app, system.organization()).await.unwrap(), Vec::<String>::new());
        is_reached || is_reached_again
    });
}

#[test]
fn thirty_two_invoices_share_the_same_notes() {
    const INVOICES: usize = 32;
    shared().runtime.block_on(async {
        let system = system_with_plan(300, 3).await;
        subscribe(&system, "first").await;
        let first = InvoiceId(invoices(&system).await[0]["lago_id"].as_str().unwrap().parse().unwrap());
        let organization = system.organization();
        billing::finalize(&system.app, organization, first, instant("2024-01-01")).await.unwrap();
        let first = invoices(&system).await.remove(0);
        for _ in 0..10 {
            system.post("/credit_notes", note_of(&first, 7)).await;
        }
        for number in 0..INVOICES {
            subscribe(&system, &format!("sub-{number}")).await;
        }
        let drafts: Vec<InvoiceId> = invoices(&system)
            .await
            .iter()
            .filter(|invoice| invoice["status"] == "draft")
            .map(|invoice| InvoiceId(invoice["lago_id"].as_str().unwrap().parse().unwrap()))
            .collect();
        assert_eq!(drafts.len(), INVOICES);
        let mut tasks = JoinSet::new();
        for draft in drafts.iter().copied() {
            let system = system.clone();
            tasks.spawn(async move {
                billing::finalize(&system.app, system.organization(), draft, instant("2024-01-01")).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            // A task may lose every race: it has done nothing, and its message comes again.
            assert!(matches!(done.unwrap(), Ok(Some(_)) | Err(Failure::Unavailable(_))));
        }
        for draft in drafts {
            billing::finalize(&system.app, organization, draft, instant("2024-01-01")).await.unwrap();
        }
        let all = invoices(&system).await;
        assert!(all.iter().all(|invoice| invoice["status"] == "finalized"));
        // 10 notes of 0.07: all of it is used, none of it twice.
        assert_eq!(sum(&all, "credit_notes_amount_cents"), 70);
        assert_eq!(sum(&all, "total_amount_cents"), 33 * 300 - 70);
        let notes = notes(&system).await;
        assert_eq!(sum(&notes, "balance_amount_cents"), 0);
        assert!(notes.iter().all(|note| note["credit_status"] == "consumed"));
        assert_eq!(app::ledger::audit(&system.app, organization).await.unwrap(), Vec::<String>::new());
    });
}

#[test]
fn notes_made_at_once_are_numbered_without_a_gap_and_stay_within_the_invoice() {
    const ASKED: usize = 32;
    shared().runtime.block_on(async {
        let system = system_with_plan(1000, 0).await;
        subscribe(&system, "acme").await;
        let invoice = Arc::new(invoices(&system).await.remove(0));
        let mut tasks = JoinSet::new();
        for _ in 0..ASKED {
            let (system, invoice) = (system.clone(), invoice.clone());
            // Twenty of them are all that there is.
            tasks.spawn(async move { system.ask(Method::POST, "/api/v1/credit_notes", note_of(&invoice, 50)).await.0 });
        }
        let mut made = 0;
        while let Some(status) = tasks.join_next().await {
            match status.unwrap() {
                200 => made += 1,
                status => assert!(matches!(status, 422 | 503), "{status}"),
            }
        }
        while made < 20 {
            assert_eq!(system.ask(Method::POST, "/api/v1/credit_notes", note_of(&invoice, 50)).await.0, 200);
            made += 1;
        }
        assert_eq!(system.ask(Method::POST, "/api/v1/credit_notes", note_of(&invoice, 1)).await.0, 422);
        let notes = notes(&system).await;
        let mut numbers: Vec<i64> = notes.iter().map(|note| note["sequential_id"].as_i64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert_eq!(sum(&notes, "balance_amount_cents"), 1000);
        assert_eq!(app::ledger::audit(&system.app, system.organization()).await.unwrap(), Vec::<String>::new());
    });
}
