//! Which taxes a fee gets, and what they come to (chapter 04, 5).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

/// Taxes of every level, and a charge of its own metric that names none.
fn levels() -> World {
    let world = World::new("2024-01-01");
    world.tax("org", "20", true);
    world.tax("customer", "10", false);
    world.tax("plan", "5", false);
    world.tax("charge_a", "2", false);
    world.tax("charge_b", "3.5", false);
    world.metric("plain", "count");
    world.metric("taxed", "count");
    world
}

/// A plan of 100.00 with a call of each metric at 10.00.
fn plan(world: &World, code: &str, plan_taxes: Value, charge_taxes: Value) {
    let plain = world.charge("plain", "standard", json!({"amount": "10"}));
    let mut taxed = world.charge("taxed", "standard", json!({"amount": "10"}));
    taxed["tax_codes"] = charge_taxes;
    world.plan_with(code, "100.00 EUR monthly", json!({"charges": [plain, taxed], "tax_codes": plan_taxes}));
}

fn month(world: &World, customer: &str) -> String {
    let used = |metric| world.usage(customer, metric, &[("2024-01-10", json!({}))]);
    used("plain");
    used("taxed");
    world.travel_to("2024-02-01");
    world.invoices(customer)
}

#[test]
fn the_organizations_taxes_are_the_last_resort() {
    let world = levels();
    plan(&world, "plan", json!([]), json!([]));
    world.subscribe("acme", "plan");
    // 20 % of 120.00.
    expect![[r#"
        2024-02-01 finalized 144.00 EUR
          plan 2024-01-01..2024-01-31: 100.00
          plain 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          taxed 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          tax org 20.0% of 120.00: 24.00
    "#]]
    .assert_eq(&month(&world, "acme"));
}

#[test]
fn the_customers_taxes_come_before_the_organizations() {
    let world = levels();
    plan(&world, "plan", json!([]), json!([]));
    world.customer("acme", json!({"tax_codes": ["customer"]}));
    world.subscribe("acme", "plan");
    expect![[r#"
        2024-02-01 finalized 132.00 EUR
          plan 2024-01-01..2024-01-31: 100.00
          plain 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          taxed 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          tax customer 10.0% of 120.00: 12.00
    "#]]
    .assert_eq(&month(&world, "acme"));
}

#[test]
fn the_plans_come_before_the_customers_and_the_charges_before_the_plans() {
    let world = levels();
    plan(&world, "plan", json!(["plan"]), json!(["charge_a", "charge_b"]));
    world.customer("acme", json!({"tax_codes": ["customer"]}));
    world.subscribe("acme", "plan");
    // 5 % of 110.00, 2 % and 3.5 % of 10.00.
    expect![[r#"
        2024-02-01 finalized 126.05 EUR
          plan 2024-01-01..2024-01-31: 100.00
          plain 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          taxed 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          tax plan 5.0% of 110.00: 5.50
          tax charge_a 2.0% of 10.00: 0.20
          tax charge_b 3.5% of 10.00: 0.35
    "#]]
    .assert_eq(&month(&world, "acme"));
}

#[test]
fn a_charges_taxes_do_not_reach_its_neighbours() {
    let world = levels();
    plan(&world, "plan", json!([]), json!(["charge_a"]));
    world.subscribe("acme", "plan");
    expect![[r#"
        2024-02-01 finalized 142.20 EUR
          plan 2024-01-01..2024-01-31: 100.00
          plain 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          taxed 2024-01-01..2024-01-31 1.0 units, 1 events: 10.00
          tax org 20.0% of 110.00: 22.00
          tax charge_a 2.0% of 10.00: 0.20
    "#]]
    .assert_eq(&month(&world, "acme"));
}

#[test]
fn an_invoices_taxes_are_rounded_once() {
    let world = World::new("2024-01-01");
    world.tax("ten", "10", true);
    for metric in ["a", "b", "c"] {
        world.metric(metric, "count");
    }
    let charges = ["a", "b", "c"].map(|metric| world.charge(metric, "standard", json!({"amount": "0.05"})));
    world.plan("plan", "0 EUR monthly", &charges);
    world.subscribe("acme", "plan");
    for metric in ["a", "b", "c"] {
        world.usage("acme", metric, &[("2024-01-10", json!({}))]);
    }
    world.travel_to("2024-02-01");
    let invoice = world.only_invoice("acme");
    let fees: Vec<i64> =
        invoice["fees"].as_array().unwrap().iter().map(|fee| fee["taxes_amount_cents"].as_i64().unwrap()).collect();
    // Three fees of 5 cents: 0.5 each is 1 on the fee, but 1.5 together are 2 on the invoice (chapter 04, 5.2 E).
    assert_eq!(fees, [0, 1, 1, 1]);
    assert_eq!((&invoice["taxes_amount_cents"], &invoice["total_amount_cents"]), (&json!(2), &json!(17)));
}

#[test]
fn unknown_taxes_are_not_found() {
    let world = levels();
    let missing = r#"404 {"status":404,"error":"Not Found","code":"tax_not_found"}"#;
    let customer = json!({"customer": {"external_id": "acme", "tax_codes": ["no"]}});
    assert_eq!(world.refused(Method::POST, "/customers", customer), missing);
    assert_eq!(world.ask(Method::GET, "/customers/acme", None).status, 404, "nothing is saved");
    let plan = json!({"plan": {
        "name": "p", "code": "p", "interval": "monthly", "amount_cents": 1, "amount_currency": "EUR",
        "pay_in_advance": false, "tax_codes": ["no"],
    }});
    assert_eq!(world.refused(Method::POST, "/plans", plan), missing);
}

#[test]
fn a_tax_that_is_named_twice_is_one() {
    let world = World::new("2024-01-10T12:00");
    world.tax("ten", "10", false);
    world.customer("acme", json!({"tax_codes": ["ten", "ten"]}));
    world.plan("plan", "10.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "plan");
    // 22 of 31 days: 7.10 and 10 % of it, on the fee as on the invoice.
    let invoice = world.only_invoice("acme");
    let fee = &invoice["fees"][0];
    assert_eq!((&fee["taxes_rate"], &fee["taxes_amount_cents"]), (&json!(10.0), &json!(71)));
    assert_eq!(fee["total_amount_cents"], 781);
    assert_eq!((&invoice["taxes_amount_cents"], &invoice["total_amount_cents"]), (&json!(71), &json!(781)));
    let fees = world.get("/fees");
    assert_eq!(fees["fees"][0]["applied_taxes"].as_array().unwrap().len(), 1, "{fees}");
    // Nobody gets back more than was invoiced.
    let item = json!([{"fee_id": fee["lago_id"], "amount_cents": 710}]);
    let note = json!({"invoice_id": invoice["lago_id"], "credit_amount_cents": 852, "items": item});
    let estimate = world.post("/credit_notes/estimate", json!({ "credit_note": note }));
    assert_eq!(estimate["estimated_credit_note"]["max_creditable_amount_cents"], 781, "{estimate}");
    assert_eq!(world.ask(Method::POST, "/credit_notes", Some(&json!({ "credit_note": note }))).status, 422);

    let add_on = json!({"name": "a", "code": "a", "amount_cents": 400, "amount_currency": "EUR"});
    world.post("/add_ons", json!({"add_on": add_on.clone()}));
    for (code, made) in [("b", true), ("a", false)] {
        let mut add_on = add_on.clone();
        (add_on["code"], add_on["tax_codes"]) = (json!(code), json!(["ten", "ten"]));
        if made {
            world.post("/add_ons", json!({ "add_on": add_on }));
        } else {
            world.put("/add_ons/a", json!({ "add_on": add_on }));
        }
        let order = json!({"external_customer_id": "acme", "fees": [{"add_on_code": code}]});
        let sold = world.post("/invoices", json!({ "invoice": order }))["invoice"].clone();
        assert_eq!((&sold["fees"][0]["taxes_amount_cents"], &sold["total_amount_cents"]), (&json!(40), &json!(440)));
    }
}
