//! Fees by themselves: reading, filtering, paying (chapter 03, 6.6), and what an event would cost (8).

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, event, merge};

/// A plan of 10.00 with calls in advance at 1.00 (no invoice), seats in advance at 2.00 (invoiced) and storage in arrears.
fn world() -> World {
    let world = World::new("2023-05-01");
    world.tax("vat", "20", true);
    for code in ["calls", "seats", "storage"] {
        world.metric(code, "sum value");
    }
    let charge = |metric: &str, price: &str, more: Value| {
        let mut charge = world.charge(metric, "standard", json!({ "amount": price }));
        merge(&mut charge, more);
        charge
    };
    let charges = [
        charge("calls", "1", json!({"pay_in_advance": true, "invoiceable": false})),
        charge("seats", "2", json!({"pay_in_advance": true})),
        charge("storage", "3", json!({})),
    ];
    world.plan("pro", "10.00 EUR monthly", &charges);
    world.subscribe("acme", "pro");
    world.subscribe("other", "pro");
    world
}

fn send(world: &World, id: &str, subscription: &str, metric: &str, value: i64) {
    let at = world.get("/test_clock")["test_clock"]["frozen_time"].as_str().unwrap().to_owned();
    world.post(
        "/events",
        json!({"event": event(id, subscription, metric, at.trim_end_matches('Z'), json!({"value": value}))}),
    );
    world.settle();
}

/// What a list holds: item or event, and its total count.
fn listed(world: &World, query: &str) -> String {
    let list = world.get(&format!("/fees?{query}"));
    let names: Vec<&str> = list["fees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fee| fee["event_transaction_id"].as_str().unwrap_or(fee["item"]["code"].as_str().unwrap()))
        .collect();
    format!("{} of {}", names.join(" "), list["meta"]["total_count"])
}

#[test]
fn lists_hold_every_fee_oldest_first() {
    let world = world();
    send(&world, "a", "acme", "calls", 5);
    send(&world, "b", "acme", "seats", 1);
    world.travel_to("2023-05-20");
    send(&world, "c", "other", "calls", 7);
    send(&world, "d", "acme", "storage", 2);
    world.travel_to("2023-06-02");
    for (query, expected) in [
        ("", "a b c pro storage pro storage of 7"),
        ("external_subscription_id=acme", "a b pro storage of 4"),
        ("external_customer_id=other", "c pro storage of 3"),
        ("external_customer_id=other&external_subscription_id=acme", " of 0"),
        ("external_customer_id=nobody", " of 0"),
        ("fee_type=subscription", "pro pro of 2"),
        ("fee_type=charge&external_customer_id=acme", "a b storage of 3"),
        ("fee_type=add_on", " of 0"),
        ("billable_metric_code=calls", "a c of 2"),
        ("currency=eur&per_page=2", "a b of 7"),
        ("currency=usd", " of 0"),
        ("per_page=3&page=3", "storage of 7"),
        ("payment_status=pending&billable_metric_code=seats", "b of 1"),
        ("payment_status=failed", " of 0"),
        ("created_at_from=2023-05-20T00:00:00Z&created_at_to=2023-05-20T00:00:00Z", "c of 1"),
        ("created_at_to=2023-05-19T23:59:59Z", "a b of 2"),
        ("succeeded_at_from=2023-01-01T00:00:00Z", " of 0"),
        ("fee_type=", "a b c pro storage pro storage of 7"),
    ] {
        assert_eq!(listed(&world, query), expected, "{query}");
    }
    for (query, field, code) in [
        ("fee_type=usage", "fee_type", "value_is_invalid"),
        ("payment_status=paid", "payment_status", "value_is_invalid"),
        ("created_at_from=2023-05-20", "created_at_from", "invalid_date"),
        ("refunded_at_to=soon", "refunded_at_to", "invalid_date"),
    ] {
        let refused = world.refused(Method::GET, &format!("/fees?{query}"), json!({}));
        let expected = format!(
            r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"{field}":["{code}"]}}}}"#
        );
        assert_eq!(refused, expected, "{query}");
    }
}

#[test]
fn a_fee_without_invoice_is_paid_by_the_client() {
    let world = world();
    send(&world, "a", "acme", "calls", 5);
    let fee = world.get("/fees")["fees"][0].clone();
    let id = fee["lago_id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/fees/{id}"))["fee"], fee);
    assert_eq!(fee["lago_invoice_id"], Value::Null);
    assert_eq!(
        (&fee["amount_cents"], &fee["taxes_amount_cents"], &fee["total_amount_cents"]),
        (&json!(500), &json!(100), &json!(600))
    );
    assert_eq!(
        (&fee["invoiceable"], &fee["pay_in_advance"], &fee["events_count"]),
        (&json!(false), &json!(true), &json!(1))
    );
    assert_eq!(
        (&fee["from_date"], &fee["to_date"]),
        (&json!("2023-05-01T00:00:00+00:00"), &json!("2023-05-31T23:59:59+00:00"))
    );
    let tax = &fee["applied_taxes"][0];
    assert_eq!((&tax["tax_code"], &tax["amount_cents"], &tax["lago_fee_id"]), (&json!("vat"), &json!(100), &json!(id)));
    let pay =
        |status: &str| world.put(&format!("/fees/{id}"), json!({"fee": {"payment_status": status}}))["fee"].clone();
    let paid = pay("succeeded");
    assert_eq!((&paid["payment_status"], &paid["succeeded_at"]), (&json!("succeeded"), &json!("2023-05-01T00:00:00Z")));
    world.travel_to("2023-05-03");
    let refunded = pay("refunded");
    assert_eq!(
        (&refunded["succeeded_at"], &refunded["refunded_at"]),
        (&json!("2023-05-01T00:00:00Z"), &json!("2023-05-03T00:00:00Z"))
    );
    assert_eq!(listed(&world, "refunded_at_from=2023-05-03T00:00:00Z&payment_status=refunded"), "a of 1");
    let unchanged = world.put(&format!("/fees/{id}"), json!({"fee": {"other": 1}}))["fee"].clone();
    assert_eq!(unchanged, refunded);
}

#[test]
fn refusals_in_their_order() {
    let world = world();
    send(&world, "a", "acme", "calls", 5);
    send(&world, "b", "acme", "seats", 5);
    world.travel_to("2023-06-02");
    let id = |query: &str| world.get(&format!("/fees?{query}"))["fees"][0]["lago_id"].as_str().unwrap().to_owned();
    let put = |id: &str, body: Value| world.refused(Method::PUT, &format!("/fees/{id}"), body);
    let not_found = r#"404 {"status":404,"error":"Not Found","code":"fee_not_found"}"#;
    let (own, invoiced) = (id("billable_metric_code=calls"), id("billable_metric_code=seats"));
    // Ids that name an invoice without such a fee, and no id at all.
    let stranger = format!("{}ffff", &invoiced[..32]);
    for unknown in ["nonsense", "8a1f3a1c-0000-4000-8000-000000000001", &stranger, &own.replace('-', "")[..30]] {
        assert_eq!(put(unknown, json!({})), not_found, "{unknown}");
        assert_eq!(world.ask(Method::GET, &format!("/fees/{unknown}"), None).line(), not_found, "{unknown}");
    }
    assert_eq!(
        put(&own, json!({})),
        r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: fee"}"#
    );
    assert_eq!(
        put(&invoiced, json!({"fee": {"payment_status": "nonsense"}})),
        r#"405 {"status":405,"error":"Method Not Allowed","code":"invoiceable_fee"}"#
    );
    assert_eq!(
        put(&own, json!({"fee": {"payment_status": "paid"}})),
        r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"payment_status":["value_is_invalid"]}}"#
    );
    // A subscription fee is nobody's usage: it may be paid alone; its invoice's fees follow the invoice.
    let subscription = id("fee_type=subscription&external_customer_id=acme");
    let paid = world.put(&format!("/fees/{subscription}"), json!({"fee": {"payment_status": "failed"}}));
    assert_eq!(paid["fee"]["failed_at"], "2023-06-02T00:00:00Z");
    let invoice = world.get(&format!("/fees/{invoiced}"))["fee"]["lago_invoice_id"].as_str().unwrap().to_owned();
    world.put(&format!("/invoices/{invoice}"), json!({"invoice": {"payment_status": "succeeded"}}));
    assert_eq!(world.get(&format!("/fees/{invoiced}"))["fee"]["payment_status"], "succeeded");
    let foreign = World::new("2023-05-01");
    assert_eq!(foreign.ask(Method::GET, &format!("/fees/{own}"), None).line(), not_found);
}

/// What an event would cost on each charge: units and cents.
fn estimated(world: &World, fields: Value) -> String {
    let answer = world.post("/events/estimate_fees", json!({ "event": fields }));
    let fees: Vec<String> = answer["fees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fee| format!("{} -> {}", fee["units"].as_str().unwrap(), fee["amount_cents"]))
        .collect();
    fees.join(", ")
}

#[test]
fn an_estimate_is_the_fee_that_the_event_makes() {
    let world = World::new("2023-05-01");
    world.tax("vat", "20", true);
    world.metric_with("used", "sum value", json!({"group": {"key": "region", "values": ["eu", "us"]}}));
    let tiers = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "2"},
        {"from_value": 11, "to_value": null, "per_unit_amount": "0.5", "flat_amount": "1"},
    ]});
    let mut charges = [
        world.charge("used", "graduated", tiers),
        world.charge(
            "used",
            "percentage",
            json!({
                "rate": "10", "fixed_amount": "1", "free_units_per_events": 1,
            }),
        ),
    ];
    merge(&mut charges[0], json!({"pay_in_advance": true, "invoiceable": false}));
    merge(&mut charges[1], json!({"pay_in_advance": true}));
    world.plan("pro", "0 EUR monthly", &charges);
    world.subscribe("acme", "pro");
    let events = [("eu", 4), ("eu", 8), ("us", 3), ("eu", -5), ("eu", 6), ("asia", 9), ("us", 0)];
    for (number, (region, value)) in events.into_iter().enumerate() {
        let properties = json!({"region": region, "value": value});
        let fields = json!({"code": "used", "external_subscription_id": "acme", "properties": properties});
        let answer = world.post("/events/estimate_fees", json!({ "event": fields }));
        let id = format!("e{number}");
        world.post("/events", json!({"event": event(&id, "acme", "used", "2023-05-01", properties)}));
        world.settle();
        let list = world.get("/fees?per_page=1000");
        let made: Vec<&Value> =
            list["fees"].as_array().unwrap().iter().filter(|fee| fee["event_transaction_id"] == id).collect();
        let mut expected = Vec::new();
        for fee in made {
            let mut fee = fee.clone();
            merge(
                &mut fee,
                json!({"lago_id": null, "lago_invoice_id": null, "created_at": null, "event_transaction_id": null}),
            );
            for tax in fee["applied_taxes"].as_array_mut().unwrap() {
                merge(tax, json!({"lago_id": null, "lago_fee_id": null, "created_at": null}));
            }
            expected.push(fee);
        }
        // In the order of the charges, which is not that of the list.
        expected.sort_by_key(|fee| fee["invoiceable"] == true);
        assert_eq!(answer["fees"], Value::Array(expected), "{region} {value}");
    }
}

#[test]
fn estimates_that_are_refused() {
    let world = world();
    world.metric("users", "unique_count user");
    let refused = |fields: Value| world.refused(Method::POST, "/events/estimate_fees", json!({ "event": fields }));
    let not_found = |what: &str| format!(r#"404 {{"status":404,"error":"Not Found","code":"{what}_not_found"}}"#);
    let invalid = |field: &str, code: &str| {
        format!(
            r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"{field}":["{code}"]}}}}"#
        )
    };
    let of = |more: Value| {
        let mut fields = json!({"external_subscription_id": "acme"});
        merge(&mut fields, more);
        fields
    };
    assert_eq!(
        world.refused(Method::POST, "/events/estimate_fees", json!({})),
        r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: event"}"#
    );
    assert_eq!(refused(json!({"code": "calls", "external_customer_id": "nobody"})), not_found("customer"));
    assert_eq!(refused(json!({"code": "calls", "external_subscription_id": "nothing"})), not_found("subscription"));
    assert_eq!(refused(json!({"code": "calls"})), not_found("subscription"));
    assert_eq!(refused(of(json!({"code": "calls", "external_customer_id": "other"}))), not_found("subscription"));
    assert_eq!(refused(of(json!({"code": "nothing"}))), not_found("billable_metric"));
    assert_eq!(refused(of(json!({}))), not_found("billable_metric"));
    assert_eq!(
        refused(of(json!({"code": "calls", "properties": {"value": "many"}}))),
        invalid("properties", "value_is_not_valid_number")
    );
    let operation =
        |operation: &str| of(json!({"code": "users", "properties": {"user": "x", "operation_type": operation}}));
    assert_eq!(refused(operation("swap")), invalid("operation_type", "invalid_operation_type"));
    assert_eq!(refused(operation("remove")), invalid("user", "resource_not_found"));
    assert_eq!(refused(operation("add")), invalid("code", "does_not_match_an_instant_charge"));
    assert_eq!(
        refused(of(json!({"code": "storage", "properties": {"value": 1}}))),
        invalid("code", "does_not_match_an_instant_charge")
    );
    world.subscribe_with("acme", "pro", json!({"external_id": "second"}));
    assert_eq!(refused(json!({"code": "calls", "external_customer_id": "acme"})), not_found("subscription"));
    assert_eq!(
        estimated(&world, json!({"code": "calls", "external_customer_id": "other", "properties": {"value": 2}})),
        "2.0 -> 200"
    );
    assert_eq!(estimated(&world, of(json!({"code": "seats"}))), "");
    world.delete("/subscriptions/acme");
    assert_eq!(refused(of(json!({"code": "calls"}))), not_found("subscription"));
    assert_eq!(listed(&world, "billable_metric_code=calls"), " of 0");
}
