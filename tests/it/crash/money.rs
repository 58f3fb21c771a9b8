//! Money under faults and races: whatever happens in whatever order, the books are in order and nothing is used twice.

use std::sync::Arc;

use app::{billing, ledger};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::faults::{Aftermath, FAULTS, Mishap};
use super::system::System;
use super::{catalogue, subscribe};
use crate::scenarios::world::{instant, shared};

/// Monthly drafts of 100.00 and 20 % tax; a wallet at 1.00 a credit with 50.00, and a coupon with 30.00 to use up.
async fn drafts(months: u32) -> Arc<System> {
    let system = System::new("2024-01-01", false).await;
    let settings = json!({"organization": {"billing_configuration": {"invoice_grace_period": 700}}});
    system.send(Method::PUT, "/api/v1/organizations", settings).await;
    catalogue(&system).await;
    subscribe(&system, "acme", "acme").await;
    let wallet =
        json!({"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR", "granted_credits": "50"});
    system.post("/wallets", json!({ "wallet": wallet })).await;
    let coupon = json!({
        "name": "Thirty", "code": "thirty", "coupon_type": "fixed_amount", "amount_cents": 3000, "amount_currency": "EUR",
        "frequency": "once", "expiration": "no_expiration", "reusable": true,
    });
    system.post("/coupons", json!({ "coupon": coupon })).await;
    apply_coupon(&system, "first").await;
    system.settle().await;
    for month in 0..months {
        let at = format!("{}-{:02}-01T00:10", 2024 + (month + 1) / 12, (month + 1) % 12 + 1);
        system.set_clock(&at);
        let customer = system.customer("acme").await;
        billing::close_customer(&system.app, system.organization(), customer, instant(&at)).await.unwrap();
    }
    system.settle().await;
    system
}

async fn apply_coupon(system: &System, key: &str) -> u16 {
    let body = json!({"applied_coupon": {"external_customer_id": "acme", "coupon_code": "thirty"}});
    until_told(system, Method::POST, "/api/v1/applied_coupons", key, body).await.0
}

async fn wallet(system: &System) -> Value {
    system.get("/wallets?external_customer_id=acme").await["wallets"][0].clone()
}

/// Sends a request with a key again and again until the answer is not that nobody could answer now.
async fn until_told(system: &System, method: Method, path: &str, key: &str, body: Value) -> (u16, Value) {
    for _ in 0..100 {
        let answer = system.ask_once(method.clone(), path, key, body.clone()).await;
        let in_use = answer.body["code"] == "idempotency_key_in_use";
        if answer.status < 500 && !in_use {
            return (answer.status, answer.body);
        }
    }
    panic!("{method} {path}: no answer");
}

async fn invoices(system: &System) -> Vec<Value> {
    let mut invoices = system.get("/invoices?per_page=1000").await["invoices"].as_array().unwrap().clone();
    invoices.reverse();
    invoices
}

fn sum(values: &[Value], field: &str) -> i64 {
    values.iter().map(|value| value[field].as_i64().unwrap()).sum()
}

/// The books are in order, and the means of payment went where the invoices say. `given_cents` came into the wallet without
/// purchase; `coupons` were applied.
async fn check(system: &System, given_cents: i64, coupons: i64, context: &str) {
    let broken = ledger::audit(&system.app, system.organization()).await.unwrap();
    assert!(broken.is_empty(), "{context}: {broken:#?}");
    let invoices = invoices(system).await;
    let final_: Vec<Value> = invoices.iter().filter(|one| one["status"] == "finalized").cloned().collect();
    // Voided invoices gave back what they had used; coupons are lost with them.
    let left = wallet(system).await["balance_cents"].as_i64().unwrap();
    assert_eq!(left + sum(&final_, "prepaid_credit_amount_cents"), given_cents, "{context}");
    let used: i64 = sum(&invoices, "coupons_amount_cents");
    assert!(used <= 3000 * coupons, "{context}: {used} of {coupons} coupons");
    let mut numbers: Vec<i64> = invoices.iter().map(|one| one["sequential_id"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "{context}: {numbers:?}");
}

/// What a client may do next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Finalize(usize),
    Refresh(usize),
    Void(usize),
    Pay(usize, &'static str),
    TopUp,
    Coupon,
    /// Gives 1.00 of an invoice's first fee back as credit.
    Credit(usize),
    VoidNote(usize),
}

/// A fault, and the write of the deed that it meets.
type Fault = (usize, (Mishap, Aftermath));

fn deeds() -> impl Strategy<Value = Vec<(Deed, Option<Fault>)>> {
    let invoice = 0..4_usize;
    let statuses = prop::sample::select(vec!["pending", "succeeded", "failed"]);
    let deed = prop_oneof![
        3 => invoice.clone().prop_map(Deed::Finalize),
        1 => invoice.clone().prop_map(Deed::Refresh),
        2 => invoice.clone().prop_map(Deed::Void),
        2 => (invoice, statuses).prop_map(|(invoice, status)| Deed::Pay(invoice, status)),
        2 => Just(Deed::TopUp),
        1 => Just(Deed::Coupon),
        3 => (0..4_usize).prop_map(Deed::Credit),
        1 => (0..3_usize).prop_map(Deed::VoidNote),
    ];
    let fault = prop::option::weighted(0.6, (0..6_usize, prop::sample::select(FAULTS.to_vec())));
    prop::collection::vec((deed, fault), 1..14)
}

#[test]
fn any_order_of_deeds_and_faults_leaves_the_books_in_order() {
    let config = Config { cases: 16, failure_persistence: None, max_shrink_iters: 30, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&deeds(), |deeds| {
        shared().runtime.block_on(async {
            let system = drafts(4).await;
            let ids: Vec<String> =
                invoices(&system).await.iter().map(|one| one["lago_id"].as_str().unwrap().to_owned()).collect();
            let wallet_id = wallet(&system).await["lago_id"].clone();
            let (mut given, mut coupons) = (5000, 1);
            for (number, (deed, fault)) in deeds.iter().enumerate() {
                let of = |invoice: &usize| format!("/api/v1/invoices/{}", ids[*invoice]);
                let (method, path, body) = match deed {
                    Deed::Finalize(invoice) => (Method::PUT, format!("{}/finalize", of(invoice)), Value::Null),
                    Deed::Refresh(invoice) => (Method::PUT, format!("{}/refresh", of(invoice)), Value::Null),
                    Deed::Void(invoice) => (Method::POST, format!("{}/void", of(invoice)), Value::Null),
                    Deed::Pay(invoice, status) => {
                        (Method::PUT, of(invoice), json!({"invoice": {"payment_status": status}}))
                    }
                    Deed::TopUp => {
                        let body = json!({"wallet_transaction": {"wallet_id": wallet_id, "granted_credits": "7"}});
                        (Method::POST, "/api/v1/wallet_transactions".to_owned(), body)
                    }
                    Deed::Credit(invoice) => {
                        let full = system.get(&format!("/invoices/{}", ids[*invoice])).await["invoice"].clone();
                        let fee = &full["fees"][0];
                        let items = json!([{"fee_id": fee["lago_id"], "amount_cents": 100}]);
                        let estimate = json!({"credit_note": {"invoice_id": ids[*invoice], "items": items}});
                        let estimate = system.ask(Method::POST, "/api/v1/credit_notes/estimate", estimate).await.1;
                        let amount = &estimate["estimated_credit_note"]["max_creditable_amount_cents"];
                        let body = json!({"credit_note": {
                            "invoice_id": ids[*invoice], "credit_amount_cents": amount, "items": items,
                        }});
                        (Method::POST, "/api/v1/credit_notes".to_owned(), body)
                    }
                    Deed::VoidNote(note) => {
                        let notes = system.get("/credit_notes").await;
                        let id = notes["credit_notes"][note]["lago_id"].as_str().unwrap_or("none").to_owned();
                        (Method::PUT, format!("/api/v1/credit_notes/{id}/void"), Value::Null)
                    }
                    Deed::Coupon => {
                        let body = json!({"applied_coupon": {"external_customer_id": "acme", "coupon_code": "thirty"}});
                        (Method::POST, "/api/v1/applied_coupons".to_owned(), body)
                    }
                };
                let key = format!("deed-{number}");
                if let Some((at, fault)) = fault {
                    system.fate.arm(*at, *fault);
                    system.ask_once(method.clone(), &path, &key, body.clone()).await;
                    system.fate.heal();
                    // Whoever died has lost its lease by now.
                    let minutes = 12 + 2 * number;
                    system.set_clock(&format!("2024-05-01T00:{minutes:02}"));
                }
                let (status, answer) = until_told(&system, method, &path, &key, body).await;
                prop_assert!(status < 500, "{deed:?}: {answer}");
                match deed {
                    Deed::TopUp if status == 200 => given += 700,
                    Deed::Coupon if status == 200 => coupons += 1,
                    _ => {}
                }
                if number % 3 == 0 {
                    system.settle().await;
                }
            }
            system.settle().await;
            check(&system, given, coupons, &format!("{deeds:?}")).await;
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn thirty_two_at_once_come_to_what_one_after_the_other_would() {
    const DRAFTS: u32 = 10;
    shared().runtime.block_on(async {
        let system = drafts(DRAFTS).await;
        let wallet_id = wallet(&system).await["lago_id"].clone();
        let drafts = invoices(&system).await;
        // The first one takes the coupon: 20 % on 70.00. Half of its fee is given back, less the coupon's half: 35.00 and 20 %.
        let first = drafts[0]["lago_id"].as_str().unwrap().to_owned();
        let full = system.send(Method::PUT, &format!("/api/v1/invoices/{first}/finalize"), Value::Null).await;
        let items = json!([{"fee_id": full["invoice"]["fees"][0]["lago_id"], "amount_cents": 5000}]);
        let note = json!({"invoice_id": first, "credit_amount_cents": 4200, "items": items});
        system.post("/credit_notes", json!({ "credit_note": note })).await;
        let mut requests: Vec<(Method, String, String, Value)> = Vec::new();
        for (number, invoice) in drafts[1..].iter().enumerate() {
            let path = format!("/api/v1/invoices/{}/finalize", invoice["lago_id"].as_str().unwrap());
            // Twins under one key, so that the second learns what the first did.
            for _ in 0..2 {
                requests.push((Method::PUT, path.clone(), format!("finalize-{number}"), Value::Null));
            }
        }
        for number in 0..14 {
            let body = json!({"wallet_transaction": {"wallet_id": wallet_id, "granted_credits": "25"}});
            requests.push((Method::POST, "/api/v1/wallet_transactions".to_owned(), format!("top-up-{number}"), body));
        }
        assert_eq!(requests.len(), 32);
        let mut tasks = JoinSet::new();
        for (method, path, key, body) in requests {
            let system = system.clone();
            tasks.spawn(async move { until_told(&system, method, &path, &key, body).await });
        }
        while let Some(told) = tasks.join_next().await {
            let (status, answer) = told.unwrap();
            assert_eq!(status, 200, "{answer}");
        }
        system.settle().await;
        let invoices = invoices(&system).await;
        assert!(invoices.iter().all(|invoice| invoice["status"] == "finalized"));
        // 9 x 120.00 beside the first one.
        assert_eq!(sum(&invoices, "coupons_amount_cents"), 3000);
        assert_eq!(sum(&invoices, "sub_total_including_taxes_amount_cents"), 9 * 12_000 + 8_400);
        // The note paid 42.00 of what came after it, in any order; 50.00 of credits went into the first invoice.
        assert_eq!(sum(&invoices, "credit_notes_amount_cents"), 4200);
        assert!(sum(&invoices, "prepaid_credit_amount_cents") >= 5000);
        // 50.00 and 14 x 25.00 of credits, each used at most once.
        check(&system, 5000 + 14 * 2500, 1, "32 at once").await;
        let owed = system.get("/customers/acme/ledger?account_type=receivable").await;
        assert_eq!(owed["accounts"][0]["balance_cents"].as_i64().unwrap(), sum(&invoices, "total_amount_cents"));
    });
}
