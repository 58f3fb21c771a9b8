//! The ledger underneath (ADR 0019): what customers owe, paid and were given, entry by entry.

use std::fmt::Write as _;

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::hundred;
use super::world::World;

/// A statement as lines: what happened, the account and its side, the amount, the balance, the document.
pub fn statement(world: &World, customer: &str, query: &str) -> String {
    let statement = world.get(&format!("/customers/{customer}/ledger?per_page=1000{query}"));
    let mut text = String::new();
    for entry in statement["ledger_entries"].as_array().unwrap() {
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let indent = if entry["direction"] == "debit" { "" } else { "    " };
        let number = if entry["document_number"].is_null() { word("document_type") } else { word("document_number") };
        let day = word("created_at")[..10].to_owned();
        let other = if entry["document_number"] == entry["invoice_number"] {
            String::new()
        } else {
            format!(" for {}", word("invoice_number"))
        };
        writeln!(
            text,
            "{day} {}: {indent}{} {} -> {} ({number}{other})",
            word("event"),
            word("account_type"),
            entry["amount_cents"],
            entry["balance_cents"],
        )
        .unwrap();
    }
    text
}

fn acme() -> World {
    let world = World::new("2024-01-01");
    world.metric("calls", "count");
    hundred(&world, "monthly in advance");
    world.tax("vat", "20.0", true);
    world.customer("acme", json!({}));
    world.subscribe("acme", "hundred");
    world
}

#[test]
fn a_statement_explains_what_is_owed_and_paid() {
    let world = acme();
    world.travel_to("2024-02-01");
    let invoices = world.all_invoices("acme");
    let id = |at: usize| invoices[at]["lago_id"].as_str().unwrap().to_owned();
    let status = |invoice: &str, status: &str| {
        world.put(&format!("/invoices/{invoice}"), json!({"invoice": {"payment_status": status}}));
    };
    status(&id(0), "succeeded");
    status(&id(0), "failed");
    world.travel_to("2024-02-03");
    status(&id(0), "succeeded");
    world.post(&format!("/invoices/{}/void", id(1)), json!({}));
    expect![[r#"
        2024-01-01 invoice_finalized: receivable 12000 -> 12000 (ACME-0001-001-001)
        2024-01-01 invoice_finalized:     revenue 10000 -> 10000 (ACME-0001-001-001)
        2024-01-01 invoice_finalized:     taxes 2000 -> 2000 (ACME-0001-001-001)
        2024-02-01 invoice_finalized: receivable 12000 -> 24000 (ACME-0001-001-002)
        2024-02-01 invoice_finalized:     revenue 10000 -> 20000 (ACME-0001-001-002)
        2024-02-01 invoice_finalized:     taxes 2000 -> 4000 (ACME-0001-001-002)
        2024-02-01 payment_succeeded: payments 12000 -> 12000 (ACME-0001-001-001)
        2024-02-01 payment_succeeded:     receivable 12000 -> 12000 (ACME-0001-001-001)
        2024-02-01 payment_reversed:     payments 12000 -> 0 (ACME-0001-001-001)
        2024-02-01 payment_reversed: receivable 12000 -> 24000 (ACME-0001-001-001)
        2024-02-03 payment_succeeded: payments 12000 -> 12000 (ACME-0001-001-001)
        2024-02-03 payment_succeeded:     receivable 12000 -> 12000 (ACME-0001-001-001)
        2024-02-03 invoice_voided:     receivable 12000 -> 0 (ACME-0001-001-002)
        2024-02-03 invoice_voided: revenue 10000 -> 10000 (ACME-0001-001-002)
        2024-02-03 invoice_voided: taxes 2000 -> 2000 (ACME-0001-001-002)
    "#]]
    .assert_eq(&statement(&world, "acme", ""));
    let payments = statement(&world, "acme", "&account_type=payments");
    assert_eq!(payments.lines().count(), 3, "{payments}");
}

#[test]
fn drafts_post_when_they_become_final() {
    let world = acme();
    world.put("/organizations", json!({"organization": {"billing_configuration": {"invoice_grace_period": 3}}}));
    world.travel_to("2024-02-01");
    assert_eq!(statement(&world, "acme", "").lines().count(), 3, "of January only");
    let draft = world.all_invoices("acme")[1]["lago_id"].as_str().unwrap().to_owned();
    world.put(&format!("/invoices/{draft}/refresh"), json!({}));
    assert_eq!(statement(&world, "acme", "").lines().count(), 3);
    world.put(&format!("/invoices/{draft}/finalize"), json!({}));
    let text = statement(&world, "acme", "&account_type=receivable");
    expect![[r#"
        2024-01-01 invoice_finalized: receivable 12000 -> 12000 (ACME-0001-001-001)
        2024-02-01 invoice_finalized: receivable 12000 -> 24000 (ACME-0001-001-002)
    "#]]
    .assert_eq(&text);
}

#[test]
fn pages_carry_their_opening_and_closing_balances() {
    let world = acme();
    world.travel_to("2024-04-01");
    let page = |query: &str| world.get(&format!("/customers/acme/ledger?{query}"));
    let accounts = |page: &Value| {
        let line = |account: &Value| {
            let word = |name: &str| account[name].to_string();
            format!(
                "{} {} {}..{} now {}",
                account["account_type"].as_str().unwrap(),
                account["currency"].as_str().unwrap(),
                word("opening_balance_cents"),
                word("closing_balance_cents"),
                word("balance_cents"),
            )
        };
        page["accounts"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    // Four invoices of three entries each: the second page begins within the second invoice.
    let second = page("page=2&per_page=5");
    assert_eq!(
        accounts(&second),
        [
            "receivable EUR 24000..48000 now 48000",
            "revenue EUR 20000..30000 now 40000",
            "taxes EUR 2000..6000 now 8000",
        ]
    );
    assert_eq!(
        second["meta"],
        json!({
            "current_page": 2, "next_page": 3, "prev_page": 1, "total_pages": 3, "total_count": 12,
        })
    );
    let entry = &second["ledger_entries"][0];
    assert_eq!((&entry["account_type"], &entry["balance_cents"]), (&json!("taxes"), &json!(4000)));
    let of_posting = |entry: &Value| entry["lago_transaction_id"].clone();
    assert_eq!(of_posting(entry), of_posting(&page("page=1&per_page=5")["ledger_entries"][4]));
    let receivable = page("account_type=receivable&page=2&per_page=2");
    assert_eq!(accounts(&receivable), ["receivable EUR 24000..48000 now 48000"]);
    // An unknown word filters nothing; an id that no account has finds nothing.
    assert_eq!(page("account_type=cash")["meta"]["total_count"], 12);
    assert_eq!(page("account_id=nonsense")["ledger_entries"], json!([]));
    assert_eq!(page("account_id=1a901a90-1a90-1a90-1a90-1a901a901a90")["accounts"], json!([]));
    assert_eq!(page("page=9")["meta"]["current_page"], 0);
    assert_eq!(accounts(&page("page=9"))[0], "receivable EUR 48000..48000 now 48000");
}

#[test]
fn only_the_customer_of_the_organization_has_a_ledger() {
    let (world, other) = (acme(), World::new("2024-01-01"));
    let unknown = r#"404 {"status":404,"error":"Not Found","code":"customer_not_found"}"#;
    assert_eq!(other.refused(Method::GET, "/customers/acme/ledger", Value::Null), unknown);
    assert_eq!(world.refused(Method::GET, "/customers/nobody/ledger", Value::Null), unknown);
    world.customer("quiet", json!({}));
    let quiet = world.get("/customers/quiet/ledger");
    assert_eq!(quiet["ledger_entries"], json!([]));
    assert_eq!(quiet["accounts"], json!([]));
    let posted = world.ask(Method::POST, "/customers/acme/ledger", None);
    assert_eq!(posted.line(), r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#);
}
