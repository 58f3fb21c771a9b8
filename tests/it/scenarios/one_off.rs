//! Add-ons and the one-off invoices that sell them (chapter 04, 8).

use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::{Delivery, Receiver};
use super::world::{World, merge};

const NOT_FOUND: &str = r#"404 {"status":404,"error":"Not Found","code":"#;

fn invalid(field: &str, code: &str) -> String {
    format!(
        r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"{field}":["{code}"]}}}}"#
    )
}

fn add_on(world: &World, code: &str, more: Value) -> Value {
    let mut body =
        json!({"name": format!("Add-on {code}"), "code": code, "amount_cents": 400, "amount_currency": "EUR"});
    merge(&mut body, more);
    world.post("/add_ons", json!({ "add_on": body }))["add_on"].clone()
}

fn sell(world: &World, customer: &str, fees: Value) -> Value {
    world.post("/invoices", json!({"invoice": {"external_customer_id": customer, "fees": fees}}))["invoice"].clone()
}

#[test]
fn an_add_on_from_its_making_to_its_end() {
    let world = World::new("2024-05-01");
    world.tax("vat", "20", false);
    let made = add_on(&world, "setup", json!({"description": "By hand", "tax_codes": ["vat"]}));
    assert_eq!(made["taxes"][0]["add_ons_count"], 1);
    let mut expected = json!({
        "lago_id": made["lago_id"], "name": "Add-on setup", "invoice_display_name": null, "code": "setup",
        "amount_cents": 400, "amount_currency": "EUR", "created_at": "2024-05-01T00:00:00Z", "description": "By hand",
        "taxes": made["taxes"],
    });
    assert_eq!(world.get("/add_ons/setup")["add_on"], expected);
    assert_eq!(world.get("/add_ons")["add_ons"], json!([expected]));
    let edited = world.put("/add_ons/setup", json!({"add_on": {"amount_cents": "500", "tax_codes": []}}));
    merge(&mut expected, json!({"amount_cents": 500, "taxes": []}));
    assert_eq!(edited["add_on"], expected);
    let refused = |more: Value| {
        let mut body = json!({"name": "x", "code": "x", "amount_cents": 1, "amount_currency": "EUR"});
        merge(&mut body, more);
        world.refused(Method::POST, "/add_ons", json!({ "add_on": body }))
    };
    let rows = [
        (json!({"name": " "}), "name", "value_is_mandatory"),
        (json!({"code": null}), "code", "value_is_mandatory"),
        (json!({"code": "setup"}), "code", "value_already_exist"),
        (json!({"amount_cents": null}), "amount_cents", "value_is_mandatory"),
        (json!({"amount_cents": "x"}), "amount_cents", "value_is_invalid"),
        (json!({"amount_cents": 0}), "amount_cents", "value_is_out_of_range"),
        (json!({"amount_currency": null}), "amount_currency", "value_is_mandatory"),
        (json!({"amount_currency": "eur"}), "amount_currency", "value_is_invalid"),
    ];
    for (more, field, code) in rows {
        assert_eq!(refused(more.clone()), invalid(field, code), "{more}");
    }
    assert_eq!(refused(json!({"tax_codes": ["no"]})), format!(r#"{NOT_FOUND}"tax_not_found"}}"#));
    assert_eq!(
        world.refused(Method::POST, "/add_ons", json!({"add_on": {}})),
        r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: add_on"}"#
    );
    assert_eq!(world.delete("/add_ons/setup")["add_on"], expected);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let gone = world.refused(method, "/add_ons/setup", json!({"add_on": {"name": "y"}}));
        assert_eq!(gone, format!(r#"{NOT_FOUND}"add_on_not_found"}}"#));
    }
    add_on(&world, "setup", json!({}));
    assert_eq!(
        world.refused(Method::POST, "/applied_add_ons", json!({"applied_add_on": {"x": 1}})),
        format!(r#"{NOT_FOUND}"resource_not_found"}}"#)
    );
}

#[test]
fn a_one_off_invoice_is_final_at_once() {
    let world = World::new("2024-05-01T23:30");
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    world.tax("vat", "20", true);
    world.customer("acme", json!({"timezone": "Europe/Paris", "net_payment_term": 30, "currency": "EUR"}));
    add_on(&world, "setup", json!({"description": "By hand"}));
    let fees = json!([
        {"add_on_code": "setup", "unit_amount_cents": 1200, "units": "2", "invoice_display_name": "Start"},
        {"add_on_code": "setup"},
    ]);
    let invoice = sell(&world, "acme", fees);
    // Chapter 04, 3.4 C.
    let fields = ["fees_amount_cents", "taxes_amount_cents", "total_amount_cents", "coupons_amount_cents"];
    assert_eq!(fields.map(|field| invoice[field].as_i64().unwrap()), [2800, 560, 3360, 0]);
    assert_eq!((&invoice["invoice_type"], &invoice["status"]), (&json!("one_off"), &json!("finalized")));
    // Paris is a day ahead.
    assert_eq!((&invoice["issuing_date"], &invoice["payment_due_date"]), (&json!("2024-05-02"), &json!("2024-06-01")));
    assert_eq!(invoice["number"], "ACME-0001-001-001");
    assert_eq!((&invoice["subscriptions"], &invoice["credits"]), (&json!([]), &json!([])));
    let fee = &invoice["fees"][0];
    assert_eq!(
        fee["item"],
        json!({
            "type": "add_on", "code": "setup", "name": "Add-on setup", "invoice_display_name": "Start",
            "group_invoice_display_name": null, "lago_item_id": fee["item"]["lago_item_id"], "item_type": "AddOn",
        })
    );
    assert_eq!((&fee["units"], &fee["precise_unit_amount"]), (&json!("2.0"), &json!("12.0")));
    assert_eq!((&fee["unit_amount_cents"], &fee["description"]), (&json!(1200), &json!("By hand")));
    for empty in ["lago_subscription_id", "external_subscription_id", "lago_customer_id", "external_customer_id"] {
        assert_eq!(fee[empty], Value::Null, "{empty}");
    }
    assert_eq!((&fee["from_date"], &fee["pay_in_advance"]), (&Value::Null, &json!(false)));
    assert_eq!(invoice["fees"][1]["item"]["invoice_display_name"], "Add-on setup");
    // The PDF, and no other number for the next invoice.
    let file = world.post(&format!("/invoices/{}/download", invoice["lago_id"].as_str().unwrap()), json!({}));
    assert!(file["invoice"]["file_url"].is_string(), "{file}");
    world.settle();
    let tell = |delivery: &Delivery| {
        let body = delivery.json();
        let parts = ["customer", "fees", "applied_taxes", "subscriptions", "credits", "metadata"];
        let present: Vec<&str> = parts.into_iter().filter(|part| !body["invoice"][part].is_null()).collect();
        format!("{} {}", delivery.webhook_type(), present.join(" "))
    };
    let mut told: Vec<String> = receiver.deliveries().iter().map(tell).collect();
    told.sort_unstable();
    assert_eq!(told, ["invoice.generated customer", "invoice.one_off_created customer fees applied_taxes"]);
    // Nothing to pay.
    let free = sell(&world, "acme", json!([{"add_on_code": "setup", "unit_amount_cents": 0}]));
    assert_eq!((&free["payment_status"], &free["total_amount_cents"]), (&json!("succeeded"), &json!(0)));
    assert_eq!(free["applied_taxes"][0]["amount_cents"], 0);
    assert_eq!(free["number"], "ACME-0001-001-002");
}

#[test]
fn the_taxes_of_a_line_are_the_nearest() {
    let world = World::new("2024-05-01");
    world.tax("organization", "1", true);
    world.tax("customer", "2", false);
    world.tax("add-on", "3", false);
    world.customer("plain", json!({"currency": "EUR"}));
    world.customer("own", json!({"currency": "EUR", "tax_codes": ["customer"]}));
    add_on(&world, "plain", json!({}));
    add_on(&world, "own", json!({"tax_codes": ["add-on"]}));
    let rates = |customer: &str, line: Value| -> Vec<Value> {
        let invoice = sell(&world, customer, json!([line]));
        invoice["applied_taxes"].as_array().unwrap().iter().map(|tax| tax["tax_code"].clone()).collect()
    };
    assert_eq!(rates("plain", json!({"add_on_code": "plain"})), ["organization"]);
    assert_eq!(rates("own", json!({"add_on_code": "plain"})), ["customer"]);
    assert_eq!(rates("own", json!({"add_on_code": "own"})), ["add-on"]);
    assert_eq!(rates("own", json!({"add_on_code": "own", "tax_codes": []})), Vec::<Value>::new());
    assert_eq!(rates("own", json!({"add_on_code": "own", "tax_codes": null})), ["add-on"]);
    assert_eq!(rates("own", json!({"add_on_code": "own", "tax_codes": ["no", "organization"]})), ["organization"]);
    // A deleted tax leaves no row behind, and the amounts as they were.
    let invoice = sell(&world, "plain", json!([{"add_on_code": "plain"}]));
    world.delete("/taxes/organization");
    let seen = world.get(&format!("/invoices/{}", invoice["lago_id"].as_str().unwrap()))["invoice"].clone();
    assert_eq!((&seen["applied_taxes"], &seen["taxes_amount_cents"]), (&json!([]), &json!(4)));
}

#[test]
fn what_a_one_off_invoice_is_refused_for() {
    let world = World::new("2024-05-01");
    world.customer("acme", json!({}));
    world.customer("usd", json!({"currency": "USD"}));
    add_on(&world, "setup", json!({}));
    let refused = |invoice: Value| world.refused(Method::POST, "/invoices", json!({ "invoice": invoice }));
    let line = json!([{"add_on_code": "setup"}]);
    let missing = |resource: &str| format!(r#"{NOT_FOUND}"{resource}_not_found"}}"#);
    assert_eq!(refused(json!({"external_customer_id": "no", "fees": line})), missing("customer"));
    assert_eq!(refused(json!({"external_customer_id": "acme"})), missing("fees"));
    assert_eq!(refused(json!({"external_customer_id": "acme", "fees": []})), missing("fees"));
    assert_eq!(refused(json!({"external_customer_id": "acme", "fees": [{"units": 1}]})), missing("add_on"));
    assert_eq!(refused(json!({"external_customer_id": "acme", "fees": [{"add_on_code": "no"}]})), missing("add_on"));
    let of = |customer: &str, currency: Value| {
        refused(json!({"external_customer_id": customer, "currency": currency, "fees": line}))
    };
    assert_eq!(of("usd", json!("EUR")), invalid("currency", "currencies_does_not_match"));
    assert_eq!(of("acme", json!(null)), invalid("currency", "value_is_mandatory"));
    assert_eq!(of("acme", json!("EURO")), invalid("currency", "value_is_invalid"));
    let with = |line: Value| refused(json!({"external_customer_id": "usd", "fees": [line]}));
    assert_eq!(with(json!({"add_on_code": "setup", "units": -1})), invalid("units", "value_is_out_of_range"));
    assert_eq!(
        with(json!({"add_on_code": "setup", "unit_amount_cents": -1})),
        invalid("unit_amount_cents", "value_is_out_of_range")
    );
    // Tax rates have no bound: what one comes to may be more than any invoice holds, but never nothing.
    world.tax("beyond", "1e20", false);
    world.tax("limit", "7e28", false);
    for taxes in [json!(["beyond"]), json!(["limit", "beyond"])] {
        assert_eq!(
            with(json!({"add_on_code": "setup", "unit_amount_cents": 1_000_000_000_000_000_i64, "tax_codes": taxes})),
            invalid("unit_amount_cents", "value_is_out_of_range")
        );
    }
    assert_eq!(with(json!({"add_on_code": "setup", "units": "many"})), invalid("units", "value_is_invalid"));
    assert_eq!(
        world.refused(Method::POST, "/invoices", json!({})),
        r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: invoice"}"#
    );
    // None of them took a number; the first that is sold gives the customer its currency, which may still change.
    let body = json!({"external_customer_id": "acme", "currency": "USD", "fees": line});
    let sold = world.post("/invoices", json!({ "invoice": body }))["invoice"].clone();
    assert_eq!((&sold["currency"], &sold["sequential_id"]), (&json!("USD"), &json!(1)));
    assert_eq!(world.get("/customers/acme")["customer"]["currency"], "USD");
    world.customer("acme", json!({"currency": "EUR"}));
}
