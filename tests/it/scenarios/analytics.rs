//! Analytics (chapter 07, part 2): reports that every commit has counted for, checked against a count of all invoices.

use std::collections::BTreeMap;

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

/// A report as lines of its values.
fn report(world: &World, path: &str, root: &str) -> String {
    let answer = world.get(path);
    let rows = answer[root].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().map(|row| format!("{}\n", Value::Object(row.as_object().unwrap().clone()))).collect()
}

fn month_of(date: &Value) -> String {
    format!("{}-01T00:00:00.000Z", &date.as_str().unwrap()[..7])
}

/// Revenue, collection and usage of all invoices of these customers, counted the slow way.
fn counted(world: &World, customers: &[String]) -> [BTreeMap<String, i64>; 3] {
    let mut counts: [BTreeMap<String, i64>; 3] = Default::default();
    for invoice in customers.iter().flat_map(|customer| world.all_invoices(customer)) {
        let currency = invoice["currency"].as_str().unwrap();
        let mut add = |report: usize, key: String, amount: &Value| {
            *counts[report].entry(key).or_default() += amount.as_i64().unwrap();
        };
        if invoice["status"] == "finalized" {
            let (month, total) = (month_of(&invoice["issuing_date"]), &invoice["total_amount_cents"]);
            add(0, format!("{month} {currency}"), total);
            let status = invoice["payment_status"].as_str().unwrap();
            add(1, format!("{month} {status} {currency} amount"), total);
            add(1, format!("{month} {status} {currency} count"), &json!(1));
        }
        for fee in invoice["fees"].as_array().unwrap() {
            if fee["item"]["type"] == "charge" {
                let (month, code) = (month_of(&fee["created_at"]), fee["item"]["code"].as_str().unwrap());
                add(2, format!("{month} {code} {currency}"), &fee["amount_cents"]);
            }
        }
    }
    counts
}

/// The same three out of the reports.
fn reported(world: &World) -> [BTreeMap<String, i64>; 3] {
    let rows = |path: &str, root: &str| world.get(path)[root].as_array().unwrap().clone();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut counts: [BTreeMap<String, i64>; 3] = Default::default();
    for row in rows("/analytics/gross_revenue", "gross_revenues") {
        let key = format!("{} {}", text(&row, "month"), text(&row, "currency"));
        counts[0].insert(key, row["amount_cents"].as_i64().unwrap());
    }
    for row in rows("/analytics/invoice_collection", "invoice_collections") {
        if !row["currency"].is_null() {
            let key = format!("{} {} {}", text(&row, "month"), text(&row, "payment_status"), text(&row, "currency"));
            counts[1].insert(format!("{key} amount"), row["amount_cents"].as_i64().unwrap());
            counts[1].insert(format!("{key} count"), row["invoices_count"].as_i64().unwrap());
        }
    }
    for row in rows("/analytics/invoiced_usage", "invoiced_usages") {
        let key = format!("{} {} {}", text(&row, "month"), text(&row, "code"), text(&row, "currency"));
        counts[2].insert(key, row["amount_cents"].as_i64().unwrap());
    }
    counts
}

#[test]
fn reports_agree_with_a_count_of_all_invoices() {
    let world = World::new("2024-01-10");
    world.tax("vat", "20", true);
    world.metric("calls", "count");
    world.metric("bytes", "sum bytes");
    let calls = world.charge("calls", "standard", json!({"amount": "0.10"}));
    let bytes = world.charge("bytes", "standard", json!({"amount": "0.01"}));
    world.plan("euros", "10.00 EUR monthly", &[calls.clone(), bytes]);
    world.plan("dollars", "7.00 USD monthly", &[calls]);
    let customers: Vec<String> = (0..40).map(|number| format!("customer-{number}")).collect();
    for (number, customer) in customers.iter().enumerate() {
        let grace = if number % 7 == 0 { 5 } else { 0 };
        world.customer(customer, json!({"billing_configuration": {"invoice_grace_period": grace}}));
        world.subscribe(customer, if number % 3 == 0 { "dollars" } else { "euros" });
    }
    world.usage("customer-1", "calls", &[("2024-01-20", json!({})), ("2024-02-20", json!({}))]);
    world.usage("customer-7", "bytes", &[("2024-01-20", json!({"bytes": 1234}))]);
    world.travel_to("2024-03-03");
    for (number, customer) in customers.iter().enumerate() {
        let first = world.all_invoices(customer)[0].clone();
        if first["status"] != "finalized" {
            continue;
        }
        let path = format!("/invoices/{}", first["lago_id"].as_str().unwrap());
        match number % 4 {
            0 => world.put(&path, json!({"invoice": {"payment_status": "succeeded"}})),
            1 => world.put(&path, json!({"invoice": {"payment_status": "failed"}})),
            2 => world.post(&format!("{path}/void"), json!({})),
            _ => Value::Null,
        };
    }
    assert_eq!(reported(&world), counted(&world, &customers));
    // Drafts of February become final on the way.
    world.travel_to("2024-04-02");
    assert_eq!(reported(&world), counted(&world, &customers));

    let of_one = || -> BTreeMap<String, i64> {
        let answer = world.get("/analytics/gross_revenue?external_customer_id=customer-1");
        let row =
            |row: &Value| (format!("{} EUR", row["month"].as_str().unwrap()), row["amount_cents"].as_i64().unwrap());
        answer["gross_revenues"].as_array().unwrap().iter().map(row).collect()
    };
    let alone = || counted(&world, &["customer-1".to_owned()])[0].clone();
    assert_eq!(of_one(), alone());
    // A deleted customer stays in the figures, its last invoice too; nobody has none.
    world.delete("/customers/customer-1");
    world.settle();
    assert_eq!(of_one(), alone());
    assert_eq!(report(&world, "/analytics/gross_revenue?external_customer_id=nobody", "gross_revenues"), "");
}

#[test]
fn recurring_revenue_spreads_over_the_months_of_its_period() {
    let world = World::new("2024-01-01");
    world.plan("year", "1200.00 EUR yearly in advance", &[]);
    world.plan("month", "108.00 USD monthly", &[]);
    world.plan("free", "0 EUR monthly", &[]);
    world.subscribe("yearly", "year");
    world.travel_to("2024-02-15");
    world.subscribe("monthly", "month");
    world.travel_to("2024-03-15");
    expect![[r#"
        {"month":"2024-01-01T00:00:00.000Z","amount_cents":9980,"currency":"EUR"}
        {"month":"2024-02-01T00:00:00.000Z","amount_cents":9980,"currency":"EUR"}
        {"month":"2024-03-01T00:00:00.000Z","amount_cents":9980,"currency":"EUR"}
        {"month":"2024-03-01T00:00:00.000Z","amount_cents":5586,"currency":"USD"}
    "#]]
    .assert_eq(&report(&world, "/analytics/mrr", "mrrs"));
    // 15 of 29 days of February in dollars.
    expect![[r#"
        {"month":"2024-03-01T00:00:00.000Z","amount_cents":5586,"currency":"USD"}
    "#]]
    .assert_eq(&report(&world, "/analytics/mrr?currency=usd&months=2", "mrrs"));
    world.travel_to("2025-01-31");
    expect![[r#"
        {"month":"2025-01-01T00:00:00.000Z","amount_cents":10244,"currency":"EUR"}
        {"month":"2025-01-01T00:00:00.000Z","amount_cents":10800,"currency":"USD"}
    "#]]
    .assert_eq(&report(&world, "/analytics/mrr?months=1", "mrrs"));
}

#[test]
fn months_without_anything_and_odd_questions() {
    let world = World::new("2024-01-31");
    world.travel_to("2024-03-01");
    expect![[r#"
        {"month":"2024-01-01T00:00:00.000Z","payment_status":null,"invoices_count":0,"amount_cents":0,"currency":null}
        {"month":"2024-02-01T00:00:00.000Z","payment_status":null,"invoices_count":0,"amount_cents":0,"currency":null}
        {"month":"2024-03-01T00:00:00.000Z","payment_status":null,"invoices_count":0,"amount_cents":0,"currency":null}
    "#]]
    .assert_eq(&report(&world, "/analytics/invoice_collection", "invoice_collections"));
    expect![[r#"
        {"month":"2024-03-01T00:00:00.000Z","amount_cents":null,"currency":null}
    "#]]
    .assert_eq(&report(&world, "/analytics/mrr?months=0", "mrrs"));
    let empty = [
        ("/analytics/invoice_collection?currency=EUR", "invoice_collections"),
        ("/analytics/mrr?currency=EUR", "mrrs"),
        ("/analytics/gross_revenue?months=some", "gross_revenues"),
        ("/analytics/invoiced_usage", "invoiced_usages"),
        ("/analytics/mrr?currency=nonsense", "mrrs"),
    ];
    for (path, root) in empty {
        assert_eq!(report(&world, path, root), "", "{path}");
    }
    // An invoice of nothing is an invoice: its month has a row.
    world.plan("free", "0 EUR monthly", &[]);
    world.subscribe("someone", "free");
    world.travel_to("2024-04-01");
    expect![[r#"
        {"month":"2024-04-01T00:00:00.000Z","amount_cents":0,"currency":"EUR","invoices_count":1}
    "#]]
    .assert_eq(&report(&world, "/analytics/gross_revenue", "gross_revenues"));
    let answer = world.ask(Method::POST, "/analytics/mrr", Some(&json!({})));
    assert_eq!(answer.line(), r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#);
    assert_eq!(world.get("/analytics/mrr")["meta"]["total_count"], 4);
}
