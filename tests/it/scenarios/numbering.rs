//! Numbers of invoices (chapter 04, 6.7).

use expect_test::expect;
use serde_json::{Value, json};

use super::world::World;

fn numbers(world: &World, customers: &[&str]) -> String {
    let line = |invoice: &Value| format!("{} #{}\n", invoice["number"].as_str().unwrap(), invoice["sequential_id"]);
    customers.iter().map(|customer| world.all_invoices(customer).iter().map(line).collect::<String>()).collect()
}

#[test]
fn numbers_per_customer() {
    let world = World::new("2024-01-01");
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.subscribe("first", "plan");
    world.subscribe("second", "plan");
    world.travel_to("2024-02-01");
    world.put("/organizations", json!({"organization": {"document_number_prefix": "new"}}));
    world.travel_to("2024-03-01");
    expect![[r#"
        ACME-0001-001-001 #1
        NEW-001-002 #2
        ACME-0001-002-001 #1
        NEW-002-002 #2
    "#]]
    .assert_eq(&numbers(&world, &["first", "second"]));
    assert_eq!(world.get("/customers/second")["customer"]["slug"], "ACME-0001-002");
}

#[test]
fn numbers_per_organization_have_no_gaps_and_begin_anew_each_month() {
    let world = World::with("2024-01-01", json!({"document_numbering": "per_organization"}));
    world.put("/organizations", json!({"organization": {"document_numbering": "per_organization"}}));
    world.plan("plan", "10.00 EUR monthly", &[]);
    let customers: Vec<String> = (0..5).map(|number| format!("customer-{number}")).collect();
    for customer in &customers {
        world.subscribe(customer, "plan");
    }
    world.travel_to("2024-03-01");
    let mut all: Vec<String> = customers
        .iter()
        .flat_map(|customer| world.all_invoices(customer))
        .map(|invoice| invoice["number"].as_str().unwrap().to_owned())
        .collect();
    all.sort();
    let expected: Vec<String> = ["02", "03"]
        .iter()
        .flat_map(|month| (1..=5).map(move |number| format!("ACME-0001-2024{month}-{number:03}")))
        .collect();
    assert_eq!(all, expected);
}

#[test]
fn invoices_numbered_per_customer_count_for_the_organizations_sequence() {
    let world = World::new("2024-01-31");
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.plan("ahead", "10.00 EUR monthly in advance", &[]);
    world.subscribe("first", "plan");
    world.travel_to("2024-02-01");
    world.put("/organizations", json!({"organization": {"document_numbering": "per_organization"}}));
    world.subscribe("second", "ahead");
    world.put("/organizations", json!({"organization": {"document_numbering": "per_customer"}}));
    world.subscribe("third", "ahead");
    world.put("/organizations", json!({"organization": {"document_numbering": "per_organization"}}));
    world.subscribe("fourth", "ahead");
    expect![[r#"
        ACME-0001-001-001 #1
        ACME-0001-202402-002 #1
        ACME-0001-003-001 #1
        ACME-0001-202402-004 #1
    "#]]
    .assert_eq(&numbers(&world, &["first", "second", "third", "fourth"]));
}

#[test]
fn a_voided_invoice_keeps_its_number() {
    let world = World::new("2024-01-01");
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.subscribe("acme", "plan");
    world.travel_to("2024-02-01");
    let id = world.only_invoice("acme")["lago_id"].as_str().unwrap().to_owned();
    let voided = world.post(&format!("/invoices/{id}/void"), json!({}))["invoice"].clone();
    assert_eq!(voided["status"], "voided");
    world.travel_to("2024-03-01");
    expect![[r#"
        ACME-0001-001-001 #1
        ACME-0001-001-002 #2
    "#]]
    .assert_eq(&numbers(&world, &["acme"]));
}
