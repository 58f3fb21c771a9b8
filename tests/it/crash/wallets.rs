//! Wallets under faults and races: every change once, in some order, and the balance is what its transactions say.

use std::sync::Arc;

use app::ports::Queue;
use app::wallet;
use domain::id::WalletId;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::at_every_write;
use super::system::System;
use crate::scenarios::world::{instant, shared};

/// A customer with a wallet of these fields, its first top-up still to be made.
async fn with_wallet(is_sandbox: bool, more: Value) -> (Arc<System>, WalletId) {
    let system = System::new("2024-01-01", is_sandbox).await;
    system.post("/customers", json!({"customer": {"external_id": "acme"}})).await;
    let mut body = json!({"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR"});
    crate::scenarios::world::merge(&mut body, more);
    let made = system.post("/wallets", json!({ "wallet": body })).await;
    let id = made["wallet"]["lago_id"].as_str().unwrap().parse().unwrap();
    (system, id)
}

/// Transactions, oldest first: kind, state, source, credits.
async fn transactions(system: &System, id: WalletId) -> Vec<String> {
    let list = system.get(&format!("/wallets/{id}/wallet_transactions?per_page=1000")).await;
    let line = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        format!("{} {} {} {}", text("transaction_status"), text("status"), text("source"), text("credit_amount"))
    };
    list["wallet_transactions"].as_array().unwrap().iter().rev().map(line).collect()
}

/// The balance is the sum of what was settled, in money and in credits; nothing is below 0.
async fn check_balance(system: &System, id: WalletId, context: &str) -> Value {
    let wallet = system.get(&format!("/wallets/{id}")).await["wallet"].clone();
    let list = system.get(&format!("/wallets/{id}/wallet_transactions?status=settled&per_page=1000")).await;
    let (mut amount, mut credits) = (Decimal::ZERO, Decimal::ZERO);
    for one in list["wallet_transactions"].as_array().unwrap() {
        let number = |name: &str| one[name].as_str().unwrap().parse::<Decimal>().unwrap();
        let sign = if one["transaction_type"] == "inbound" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        amount += sign * number("amount");
        credits += sign * number("credit_amount");
    }
    assert_eq!(
        wallet["balance_cents"].as_i64().unwrap(),
        i64::try_from(amount * Decimal::ONE_HUNDRED).unwrap(),
        "{context}"
    );
    assert_eq!(wallet["credits_balance"].as_str().unwrap().parse::<Decimal>().unwrap(), credits, "{context}");
    assert!(wallet["balance_cents"].as_i64().unwrap() >= 0, "{context}");
    wallet
}

#[test]
fn a_first_top_up_is_made_once() {
    at_every_write(async |at, fault| {
        let fields = json!({"paid_credits": "10", "granted_credits": "15"});
        let (system, id) = with_wallet(false, fields).await;
        system.fate.arm(at, fault);
        let first = wallet::run(&system.app, system.organization(), id, instant("2024-01-01")).await;
        let is_reached = system.fate.heal();
        assert_eq!(first.is_err(), is_reached, "{at} {fault:?}: {first:?}");
        // Again, and then the job of the creation.
        wallet::run(&system.app, system.organization(), id, instant("2024-01-01")).await.unwrap();
        system.settle().await;
        let context = format!("{at} {fault:?}");
        let expected = ["purchased pending manual 10.0", "granted settled manual 15.0"];
        assert_eq!(transactions(&system, id).await, expected, "{context}");
        assert_eq!(check_balance(&system, id, &context).await["balance_cents"], 1500, "{context}");
        let invoices = system.get("/invoices").await;
        assert_eq!(invoices["meta"]["total_count"], 1, "{context}");
        assert_eq!(invoices["invoices"][0]["number"], "ACME-0001-001-001", "{context}");
        is_reached
    });
}

#[test]
fn a_payment_settles_its_purchase_once() {
    at_every_write(async |at, fault| {
        let (system, id) = with_wallet(true, json!({"paid_credits": "10"})).await;
        system.settle().await;
        let invoice = system.get("/invoices").await["invoices"][0]["lago_id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/invoices/{invoice}");
        let paid = json!({"invoice": {"payment_status": "succeeded"}});
        system.fate.arm(at, fault);
        let (status, _) = system.ask(Method::PUT, &path, paid.clone()).await;
        let is_reached = system.fate.heal();
        assert_eq!(status != 200, is_reached, "{at} {fault:?}");
        for _ in 0..2 {
            system.send(Method::PUT, &path, paid.clone()).await;
        }
        system.settle().await;
        let context = format!("{at} {fault:?}");
        assert_eq!(transactions(&system, id).await, ["purchased settled manual 10.0"], "{context}");
        assert_eq!(check_balance(&system, id, &context).await["balance_cents"], 1000, "{context}");
        is_reached
    });
}

#[test]
fn rules_fire_once_whatever_fails() {
    at_every_write(async |at, fault| {
        let rule = json!([{"rule_type": "interval", "interval": "weekly"}]);
        let fields = json!({"paid_credits": "1", "granted_credits": "2", "recurring_transaction_rules": rule});
        let (system, id) = with_wallet(false, fields).await;
        system.settle().await;
        system.fate.arm(at, fault);
        let until = instant("2024-01-15T12:00");
        let first = wallet::run(&system.app, system.organization(), id, until).await;
        let is_reached = system.fate.heal();
        assert_eq!(first.is_err(), is_reached, "{at} {fault:?}: {first:?}");
        for _ in 0..2 {
            wallet::run(&system.app, system.organization(), id, until).await.unwrap();
        }
        let context = format!("{at} {fault:?}");
        let mut expected = vec!["purchased pending manual 1.0", "granted settled manual 2.0"];
        for _ in 0..2 {
            expected.extend(["purchased pending interval 1.0", "granted settled interval 2.0"]);
        }
        assert_eq!(transactions(&system, id).await, expected, "{context}");
        assert_eq!(check_balance(&system, id, &context).await["balance_cents"], 600, "{context}");
        is_reached
    });
}

/// 32 at once on one customer: top-ups, payments of purchases, invoices that use credits, and voids of such invoices. Whatever
/// their order: numbers have no gap, nothing is used twice, and the balance is the sum of its transactions.
#[test]
fn thirty_two_at_once_equal_some_order() {
    const EACH: usize = 8;
    shared().runtime.block_on(async {
        for round in 0..2 {
            let (system, id) = with_wallet(true, json!({"granted_credits": "50"})).await;
            let plan = json!({"plan": {
                "name": "small", "code": "small", "interval": "monthly", "amount_cents": 450, "amount_currency": "EUR",
                "pay_in_advance": true,
            }});
            system.post("/plans", plan).await;
            let subscription = |name: String| {
                json!({"subscription": {
                    "external_customer_id": "acme", "external_id": name, "plan_code": "small",
                }})
            };
            // 8 invoices that used 36.00 of 50.00, to be voided, and 8 purchases to be paid.
            system.settle().await;
            for number in 0..EACH {
                system.post("/subscriptions", subscription(format!("before-{number}"))).await;
                let body = json!({"wallet_transaction": {"wallet_id": id.to_string(), "paid_credits": "3"}});
                system.post("/wallet_transactions", body).await;
            }
            system.settle().await;
            let list = system.get("/invoices?per_page=1000").await;
            let of_type = |kind: &str| -> Vec<String> {
                let all = list["invoices"].as_array().unwrap().iter().filter(|one| one["invoice_type"] == kind);
                all.map(|one| one["lago_id"].as_str().unwrap().to_owned()).collect()
            };
            let (used, bought) = (of_type("subscription"), of_type("credit"));
            assert_eq!((used.len(), bought.len()), (EACH, EACH));
            let mut requests: Vec<(Method, String, Value)> = Vec::new();
            for number in 0..EACH {
                let top_up = json!({"wallet_transaction": {
                    "wallet_id": id.to_string(), "paid_credits": "2", "granted_credits": "1",
                }});
                requests.push((Method::POST, "/api/v1/wallet_transactions".to_owned(), top_up));
                let paid = json!({"invoice": {"payment_status": "succeeded"}});
                requests.push((Method::PUT, format!("/api/v1/invoices/{}", bought[number]), paid));
                let body = subscription(format!("during-{number}"));
                requests.push((Method::POST, "/api/v1/subscriptions".to_owned(), body));
                requests.push((Method::POST, format!("/api/v1/invoices/{}/void", used[number]), json!({})));
            }
            let mut tasks = JoinSet::new();
            for (method, path, body) in requests {
                let system = system.clone();
                tasks.spawn(async move {
                    // 503 says that nothing was done: the same again.
                    loop {
                        let (status, answer) = system.ask(method.clone(), &path, body.clone()).await;
                        match status {
                            503 => continue,
                            // An invoice that credits paid in full is paid: it cannot be voided.
                            200 | 405 => return (path, status),
                            _ => panic!("{path}: {status} {answer}"),
                        }
                    }
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.unwrap();
            }
            system.settle().await;
            let context = format!("round {round}");
            let wallet = check_balance(&system, id, &context).await;
            // In: 50 granted, 8 x 3 bought and paid, 8 x 1 granted. Out: 16 invoices of 4.50, as far as credits reached.
            let list = system.get("/invoices?per_page=1000").await;
            let invoices = list["invoices"].as_array().unwrap();
            assert_eq!(invoices.len(), 4 * EACH, "{context}");
            let taken: i64 = invoices.iter().map(|one| one["prepaid_credit_amount_cents"].as_i64().unwrap()).sum();
            let back: i64 = invoices
                .iter()
                .filter(|one| one["status"] == "voided")
                .map(|one| one["prepaid_credit_amount_cents"].as_i64().unwrap())
                .sum();
            let inside = wallet["balance_cents"].as_i64().unwrap();
            assert_eq!(inside, 5000 + 300 * 8 + 100 * 8 - taken + back, "{context}");
            let mut numbers: Vec<i64> = invoices.iter().map(|one| one["sequential_id"].as_i64().unwrap()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=i64::try_from(4 * EACH).unwrap()).collect::<Vec<_>>(), "{context}");
            let told = transactions(&system, id).await;
            let of = |kind: &str| told.iter().filter(|line| line.starts_with(kind)).count();
            assert_eq!((of("purchased"), of("granted")), (2 * EACH, 1 + EACH), "{context}: {told:?}");
            assert_eq!(of("purchased settled"), EACH, "{context}");
        }
    });
}

#[test]
fn two_creations_make_one_wallet() {
    shared().runtime.block_on(async {
        let system = System::new("2024-01-01", true).await;
        system.post("/customers", json!({"customer": {"external_id": "acme"}})).await;
        let body = json!({"wallet": {"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR", "granted_credits": "1"}});
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let (system, body) = (system.clone(), body.clone());
            tasks.spawn(async move {
                loop {
                    match system.ask(Method::POST, "/api/v1/wallets", body.clone()).await.0 {
                        503 => {}
                        status => return status,
                    }
                }
            });
        }
        let mut statuses = Vec::new();
        while let Some(status) = tasks.join_next().await {
            statuses.push(status.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200_u16][..], &[422; 15]].concat());
        let _ = system.pump(&[Queue::Billing]).await;
        system.settle().await;
        assert_eq!(system.get("/wallets?external_customer_id=acme").await["meta"]["total_count"], 1);
    });
}

#[test]
fn on_the_real_clock_the_last_invoice_of_a_deleted_customer_uses_its_wallet_before_it_ends() {
    shared().runtime.block_on(async {
        let (system, id) = with_wallet(false, json!({"granted_credits": "20"})).await;
        system.settle().await;
        let plan = json!({"plan": {
            "name": "hundred", "code": "hundred", "interval": "monthly", "amount_cents": 10_000, "amount_currency": "EUR",
            "pay_in_advance": false,
        }});
        system.post("/plans", plan).await;
        let subscription = json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": "hundred"});
        system.post("/subscriptions", json!({ "subscription": subscription })).await;
        let customer = system.customer("acme").await;
        system.set_clock("2024-01-20T12:00");
        system.send(Method::DELETE, "/api/v1/customers/acme", json!({})).await;
        system.settle().await;
        system.set_clock("2024-01-20T12:10");
        let (app, organization) = (&system.app, system.organization());
        app::billing::close_customer(app, organization, customer, instant("2024-01-20T12:10")).await.unwrap();
        let invoices = system.get("/invoices").await;
        assert_eq!(invoices["meta"]["total_count"], 1);
        assert_eq!(invoices["invoices"][0]["prepaid_credit_amount_cents"], 2000);
        wallet::run(app, organization, id, instant("2024-01-20T13:44:59")).await.unwrap();
        let active = || async { app.store.wallet(organization, id).await.unwrap().unwrap().is_active() };
        assert!(active().await);
        wallet::run(app, organization, id, instant("2024-01-20T13:45")).await.unwrap();
        assert!(!active().await);
    });
}
