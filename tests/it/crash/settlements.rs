//! Coupons under faults and races: whatever finalizes, voids, applies and removes at once, no coupon is used twice, numbers
//! have no gap, and every invoice obeys its laws.

use std::sync::Arc;

use app::billing;
use app::jobs::BillingJob;
use domain::id::InvoiceId;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::system::System;
use super::{at_every_write, catalogue};
use crate::scenarios::world::shared;

/// Answers that say 'try again' are tried again, as a client does.
async fn insist(system: &System, method: Method, path: &str, body: Value) -> (u16, Value) {
    loop {
        let (status, answer) = system.ask(method.clone(), &format!("/api/v1{path}"), body.clone()).await;
        if status != 503 {
            return (status, answer);
        }
    }
}

async fn coupon(system: &System, code: &str, frequency: &str, worth: Value) {
    let mut coupon = json!({"name": code, "code": code, "frequency": frequency, "expiration": "no_expiration"});
    crate::scenarios::world::merge(&mut coupon, worth);
    system.post("/coupons", json!({ "coupon": coupon })).await;
}

fn fixed(cents: i64) -> Value {
    json!({"coupon_type": "fixed_amount", "amount_cents": cents, "amount_currency": "EUR"})
}

async fn apply(system: &System, code: &str) -> (u16, Value) {
    let body = json!({"applied_coupon": {"external_customer_id": "acme", "coupon_code": code}});
    insist(system, Method::POST, "/applied_coupons", body).await
}

/// `acme` with a grace period and `drafts` drafts of 100.00, tax 20 %.
async fn drafts(drafts: usize) -> (Arc<System>, Vec<String>) {
    let system = System::new("2024-01-01", false).await;
    catalogue(&system).await;
    system.post("/plans", json!({"plan": {
        "name": "advance", "code": "advance", "interval": "monthly", "amount_cents": 10_000, "amount_currency": "EUR",
        "pay_in_advance": true,
    }})).await;
    let grace = json!({"external_id": "acme", "billing_configuration": {"invoice_grace_period": 30}});
    system.post("/customers", json!({ "customer": grace })).await;
    for number in 0..drafts {
        let external_id = format!("s{number}");
        let body = json!({"external_customer_id": "acme", "external_id": external_id, "plan_code": "advance"});
        system.post("/subscriptions", json!({ "subscription": body })).await;
    }
    system.settle().await;
    let list = system.get("/invoices?per_page=1000").await;
    let ids: Vec<String> =
        list["invoices"].as_array().unwrap().iter().map(|one| one["lago_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), drafts);
    (system, ids)
}

async fn invoices(system: &System) -> Vec<Value> {
    let list = system.get("/invoices?per_page=1000").await;
    let mut found = Vec::new();
    for one in list["invoices"].as_array().unwrap() {
        found.push(system.get(&format!("/invoices/{}", one["lago_id"].as_str().unwrap())).await["invoice"].clone());
    }
    found
}

fn cents(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_else(|| panic!("{field} of {object}"))
}

/// What holds in every state: the laws of each invoice, numbers 1..n, and what each coupon gave.
async fn check_laws(system: &System) {
    let invoices = invoices(system).await;
    let mut numbers: Vec<i64> = invoices.iter().map(|invoice| cents(invoice, "sequential_id")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=i64::try_from(invoices.len()).unwrap()).collect::<Vec<_>>());
    for invoice in &invoices {
        let [fees, coupons, taxes, total, notes, prepaid] = [
            "fees_amount_cents",
            "coupons_amount_cents",
            "taxes_amount_cents",
            "total_amount_cents",
            "credit_notes_amount_cents",
            "prepaid_credit_amount_cents",
        ]
        .map(|field| cents(invoice, field));
        assert_eq!(total, fees - coupons + taxes - notes - prepaid, "{invoice}");
        let lines = invoice["credits"].as_array().unwrap();
        assert_eq!(lines.iter().map(|line| cents(line, "amount_cents")).sum::<i64>(), coupons + notes, "{invoice}");
        assert!(invoice["status"] != "draft" || lines.is_empty(), "{invoice}");
    }
    let applied = system.get("/applied_coupons?external_customer_id=acme&per_page=1000").await;
    for coupon in applied["applied_coupons"].as_array().unwrap() {
        let credits = coupon["credits"].as_array().unwrap();
        let given: i64 = credits.iter().map(|credit| cents(credit, "amount_cents")).sum();
        if coupon["frequency"] == "once" {
            let remaining = cents(coupon, "amount_cents_remaining");
            assert_eq!(given + remaining, cents(coupon, "amount_cents"), "{coupon}");
            assert!(remaining >= 0, "{coupon}");
        }
        if coupon["frequency"] == "recurring" {
            let left = cents(coupon, "frequency_duration_remaining");
            let uses = i64::try_from(credits.len()).unwrap();
            assert_eq!(left + uses, cents(coupon, "frequency_duration"), "{coupon}");
        }
    }
}

#[test]
fn many_finalizations_at_once_end_as_if_one_after_the_other() {
    const DRAFTS: usize = 32;
    shared().runtime.block_on(async {
        let (system, ids) = drafts(DRAFTS).await;
        coupon(&system, "pot", "once", fixed(25_000)).await;
        coupon(
            &system,
            "five",
            "recurring",
            json!({
                "coupon_type": "percentage", "percentage_rate": 10, "frequency_duration": 5,
            }),
        )
        .await;
        apply(&system, "five").await;
        apply(&system, "pot").await;
        let mut tasks = JoinSet::new();
        for id in ids {
            let system = system.clone();
            tasks.spawn(async move {
                insist(&system, Method::PUT, &format!("/invoices/{id}/finalize"), Value::Null).await.0
            });
        }
        while let Some(status) = tasks.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
        system.settle().await;
        check_laws(&system).await;
        let mut coupons: Vec<i64> =
            invoices(&system).await.iter().map(|invoice| cents(invoice, "coupons_amount_cents")).collect();
        coupons.sort_unstable_by_key(|coupon| -coupon);
        // In some order: 10 % of 100.00 five times, the pot (250.00) on what is left of the first three.
        assert_eq!(coupons[..6], [10_000, 10_000, 8_000, 1_000, 1_000, 0]);
        assert_eq!(coupons.iter().sum::<i64>(), 25_000 + 5 * 1_000);
    });
}

#[test]
fn jobs_of_drafts_in_any_order_finalize_the_oldest_first() {
    const DRAFTS: usize = 8;
    shared().runtime.block_on(async {
        let (system, ids) = drafts(DRAFTS).await;
        coupon(&system, "pot", "once", fixed(25_000)).await;
        apply(&system, "pot").await;
        system.set_clock("2024-01-31T01:00:00");
        let at = system.app.clock.now();
        let mut tasks = JoinSet::new();
        // The list begins with the newest.
        for id in ids {
            let system = system.clone();
            tasks.spawn(async move {
                let organization_id = system.organization().0;
                let job = BillingJob::FinalizeInvoice { organization_id, invoice_id: id.parse().unwrap(), at };
                // As its queue does: what was not done comes again.
                while billing::run(&system.app, &job).await.is_err() {}
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        check_laws(&system).await;
        let mut invoices = invoices(&system).await;
        invoices.sort_by_key(|invoice| cents(invoice, "sequential_id"));
        let coupons: Vec<i64> = invoices.iter().map(|invoice| cents(invoice, "coupons_amount_cents")).collect();
        assert_eq!(coupons, [10_000, 10_000, 5_000, 0, 0, 0, 0, 0]);
    });
}

#[test]
fn many_sales_at_once_are_numbered_without_a_gap() {
    const SALES: usize = 32;
    shared().runtime.block_on(async {
        for mode in ["per_customer", "per_organization"] {
            let system = System::new("2024-01-01", false).await;
            let numbering = json!({"organization": {"document_numbering": mode}});
            system.send(Method::PUT, "/api/v1/organizations", numbering).await;
            let add_on = json!({"name": "x", "code": "x", "amount_cents": 100, "amount_currency": "EUR"});
            system.post("/add_ons", json!({ "add_on": add_on })).await;
            system.post("/customers", json!({"customer": {"external_id": "acme", "currency": "EUR"}})).await;
            let mut tasks = JoinSet::new();
            for _ in 0..SALES {
                let system = system.clone();
                let body = json!({"invoice": {"external_customer_id": "acme", "fees": [{"add_on_code": "x"}]}});
                tasks.spawn(async move { insist(&system, Method::POST, "/invoices", body).await.0 });
            }
            while let Some(status) = tasks.join_next().await {
                assert_eq!(status.unwrap(), 200);
            }
            check_laws(&system).await;
            let mut numbers: Vec<String> =
                invoices(&system).await.iter().map(|invoice| invoice["number"].as_str().unwrap().to_owned()).collect();
            numbers.sort_unstable();
            let prefix = if mode == "per_customer" { "ACME-0001-001" } else { "ACME-0001-202401" };
            let expected: Vec<String> = (1..=SALES).map(|number| format!("{prefix}-{number:03}")).collect();
            assert_eq!(numbers, expected);
        }
    });
}

#[test]
fn a_finalization_that_fails_half_way_uses_its_coupons_once() {
    at_every_write(async |at, fault| {
        let (system, ids) = drafts(1).await;
        coupon(&system, "pot", "once", fixed(3_000)).await;
        apply(&system, "pot").await;
        let id: InvoiceId = ids[0].parse().unwrap();
        let now = system.app.clock.now();
        system.fate.arm(at, fault);
        let first = billing::finalize(&system.app, system.organization(), id, now).await;
        let is_reached = system.fate.heal();
        assert_eq!(first.is_err(), is_reached, "{at} {fault:?}: {first:?}");
        // None the second time if the first was only not heard of.
        billing::finalize(&system.app, system.organization(), id, now).await.unwrap();
        system.settle().await;
        check_laws(&system).await;
        let invoice = &invoices(&system).await[0];
        assert_eq!((cents(invoice, "coupons_amount_cents"), cents(invoice, "total_amount_cents")), (3_000, 8_400));
        assert_eq!(invoice["status"], "finalized");
        is_reached
    });
}

/// What somebody may do at any time.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Finalize(usize),
    Void(usize),
    Refresh(usize),
    Pay(usize),
    Retry(usize),
    ApplyPot,
    ApplyShare,
    Remove(usize),
}

async fn act(system: &System, ids: &[String], deed: Deed) {
    let invoice = |place: usize| format!("/invoices/{}", ids[place % ids.len()]);
    let done = match deed {
        Deed::Finalize(place) => {
            insist(system, Method::PUT, &format!("{}/finalize", invoice(place)), Value::Null).await
        }
        Deed::Void(place) => insist(system, Method::POST, &format!("{}/void", invoice(place)), Value::Null).await,
        Deed::Refresh(place) => insist(system, Method::PUT, &format!("{}/refresh", invoice(place)), Value::Null).await,
        Deed::Retry(place) => {
            insist(system, Method::POST, &format!("{}/retry_payment", invoice(place)), Value::Null).await
        }
        Deed::Pay(place) => {
            let paid = json!({"invoice": {"payment_status": "succeeded"}});
            insist(system, Method::PUT, &invoice(place), paid).await
        }
        Deed::ApplyPot => apply(system, "pot").await,
        Deed::ApplyShare => apply(system, "share").await,
        Deed::Remove(place) => {
            let list = system.get("/applied_coupons?external_customer_id=acme").await;
            let list = list["applied_coupons"].as_array().unwrap();
            if list.is_empty() {
                return;
            }
            let id = list[place % list.len()]["lago_id"].as_str().unwrap();
            insist(system, Method::DELETE, &format!("/customers/acme/applied_coupons/{id}"), Value::Null).await
        }
    };
    // Refused for good reason, or done: never a bug.
    assert!([200, 404, 405].contains(&done.0), "{deed:?}: {done:?}");
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0_usize..4).prop_map(Deed::Finalize),
        2 => (0_usize..4).prop_map(Deed::Void),
        1 => (0_usize..4).prop_map(Deed::Refresh),
        1 => (0_usize..4).prop_map(Deed::Pay),
        1 => (0_usize..4).prop_map(Deed::Retry),
        2 => Just(Deed::ApplyPot),
        2 => Just(Deed::ApplyShare),
        1 => (0_usize..4).prop_map(Deed::Remove),
    ]
}

#[test]
fn any_interleaving_of_what_clients_do_keeps_the_laws() {
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let rounds = prop::collection::vec(prop::collection::vec(any_deed(), 1..5), 1..6);
    runner
        .run(&rounds, |rounds| {
            shared().runtime.block_on(async {
                let (system, ids) = drafts(4).await;
                coupon(&system, "pot", "once", fixed(15_000)).await;
                coupon(
                    &system,
                    "share",
                    "recurring",
                    json!({
                        "coupon_type": "percentage", "percentage_rate": 33.333, "frequency_duration": 2,
                    }),
                )
                .await;
                for round in rounds {
                    // The deeds of a round happen at once.
                    let mut tasks = JoinSet::new();
                    for deed in round {
                        let (system, ids) = (system.clone(), ids.clone());
                        tasks.spawn(async move { act(&system, &ids, deed).await });
                    }
                    while let Some(done) = tasks.join_next().await {
                        done.unwrap();
                    }
                    check_laws(&system).await;
                }
            });
            Ok(())
        })
        .unwrap();
}
