//! Charges in advance: one fee per event, in order, exactly once (chapter 03, 7), their invoices and current usage (9).

use expect_test::expect;
use serde_json::{Value, json};

use super::rating::explained::recomputes;
use super::world::{World, event, merge};

/// A charge in advance without invoice.
fn in_advance(world: &World, metric: &str, model: &str, properties: Value, more: Value) -> Value {
    let mut charge = world.charge(metric, model, properties);
    merge(&mut charge, json!({"pay_in_advance": true, "invoiceable": false}));
    merge(&mut charge, more);
    charge
}

/// The fees of a subscription's events: transaction, units, amount in cents, and the group if there is one.
fn fees(world: &World, subscription: &str) -> String {
    world.settle();
    let list = world.get(&format!("/fees?external_subscription_id={subscription}&fee_type=charge&per_page=1000"));
    let mut text = String::new();
    for fee in list["fees"].as_array().unwrap() {
        let Some(transaction) = fee["event_transaction_id"].as_str() else { continue };
        let group = fee["item"]["group_invoice_display_name"].as_str().map(|name| format!(" [{name}]"));
        let (units, cents) = (fee["units"].as_str().unwrap(), &fee["amount_cents"]);
        text.push_str(&format!("{transaction}{}: {units} -> {cents}\n", group.unwrap_or_default()));
    }
    text
}

/// The fees of a world with one charge on one metric after events (instant and properties), in 2023.
fn check(metric: &str, more: Value, model: &str, price: Value, charge: Value, events: &[(&str, Value)], fees_of: &str) {
    let world = World::new("2023-05-01");
    world.metric_with("used", metric, more);
    let charge = in_advance(&world, "used", model, price, charge);
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    for (number, (at, properties)) in events.iter().enumerate() {
        world.post("/events", json!({"event": event(&format!("e{number}"), "acme", "used", at, properties.clone())}));
    }
    let found = fees(&world, "acme");
    let lines: Vec<&str> = found.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(lines.join(", "), fees_of, "{metric} {model}\n{found}");
    let list = world.get("/fees?external_subscription_id=acme&per_page=1000");
    for fee in list["fees"].as_array().unwrap() {
        recomputes(&world, fee);
    }
}

fn values(values: &[&str]) -> Vec<(&'static str, Value)> {
    values.iter().map(|value| ("2023-05-10", json!({"value": value}))).collect()
}

fn counts(number: usize) -> Vec<(&'static str, Value)> {
    vec![("2023-05-10", json!({})); number]
}

fn seat(operation: &str, value: &str) -> (&'static str, Value) {
    ("2023-05-10", json!({"value": value, "operation_type": operation}))
}

#[test]
fn the_examples_of_chapter_03_7_3() {
    let standard = |price: &str| json!({ "amount": price });
    let none = || json!({});
    let sum = |price: Value, model: &str, of: &[&str], fees: &str| {
        check("sum value", json!({}), model, price, json!({}), &values(of), fees);
    };
    sum(
        standard("5"),
        "standard",
        &["10", "-6", "10", "-2", "1"],
        "10.0 -> 5000, 0.0 -> 0, 4.0 -> 2000, 0.0 -> 0, 1.0 -> 0",
    );
    sum(
        json!({"rate": "1.2", "fixed_amount": "0.1", "free_units_per_events": 3, "free_units_per_total_aggregation": "500"}),
        "percentage",
        &["200", "100", "100", "50", "1000"],
        "200.0 -> 0, 100.0 -> 0, 100.0 -> 0, 50.0 -> 70, 1000.0 -> 1210",
    );
    let docs = json!({"graduated_percentage_ranges": [
        {"from_value": 0, "to_value": 1000, "rate": "1", "flat_amount": "200"},
        {"from_value": 1001, "to_value": 10000, "rate": "2", "flat_amount": "300"},
        {"from_value": 10001, "to_value": null, "rate": "3", "flat_amount": "400"},
    ]});
    sum(docs, "graduated_percentage", &["500", "550", "4000"], "500.0 -> 20500, 550.0 -> 30600, 4000.0 -> 8000");
    check(
        "unique_count value",
        none(),
        "standard",
        standard("10"),
        none(),
        &[seat("add", "A"), seat("remove", "A"), seat("add", "B"), seat("add", "C")],
        "1.0 -> 1000, 0.0 -> 0, 1.0 -> 0, 1.0 -> 1000",
    );
    let tiers = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "10", "flat_amount": "2"},
        {"from_value": 11, "to_value": 20, "per_unit_amount": "5", "flat_amount": "3"},
        {"from_value": 21, "to_value": null, "per_unit_amount": "5", "flat_amount": "3"},
    ]});
    let mut graduated = vec!["1.0 -> 1200"];
    graduated.extend(["1.0 -> 1000"; 9]);
    graduated.push("1.0 -> 800");
    graduated.extend(["1.0 -> 500"; 9]);
    graduated.push("1.0 -> 800");
    check("count", none(), "graduated", tiers, none(), &counts(21), &graduated.join(", "));
    let package = json!({"amount": "100", "package_size": 10, "free_units": 0});
    let mut packages = vec!["1.0 -> 10000"];
    packages.extend(["1.0 -> 0"; 9]);
    packages.push("1.0 -> 10000");
    check("count", none(), "package", package, none(), &counts(11), &packages.join(", "));
    let share = json!({"rate": "2", "fixed_amount": "1"});
    check("count", none(), "percentage", share, none(), &counts(2), "1.0 -> 102, 1.0 -> 102");
    let share = json!({"rate": "2", "fixed_amount": "1", "free_units_per_events": 2});
    check("count", none(), "percentage", share, none(), &counts(3), "1.0 -> 0, 1.0 -> 0, 1.0 -> 102");
    let package = json!({"amount": "5", "package_size": 100, "free_units": 100});
    sum(
        package,
        "package",
        &["99", "1", "1", "1", "98", "1"],
        "99.0 -> 0, 1.0 -> 0, 1.0 -> 500, 1.0 -> 0, 98.0 -> 0, 1.0 -> 500",
    );
}

#[test]
fn prorated_units_by_the_days_left() {
    let prorated = || json!({"prorated": true});
    let recurring = || json!({"recurring": true});
    let price = || json!({"amount": "10"});
    let on = |day: &'static str, value: &str| (day, json!({ "value": value }));
    check(
        "sum value",
        recurring(),
        "standard",
        price(),
        prorated(),
        &[on("2023-05-30", "10"), on("2023-05-30", "-6"), on("2023-05-30", "10"), on("2023-05-30", "-2")],
        // 10 x 2/31, nothing, 4 x 2/31, nothing.
        "10.0 -> 645, 0.0 -> 0, 4.0 -> 258, 0.0 -> 0",
    );
    check(
        "unique_count value",
        recurring(),
        "standard",
        price(),
        prorated(),
        &[on("2023-05-11", "A"), on("2023-05-31", "B")],
        // 21/31 and 1/31.
        "1.0 -> 677, 1.0 -> 32",
    );
}

#[test]
fn what_lacks_the_property_or_is_no_number() {
    let events = [
        ("2023-05-02", json!({})),
        ("2023-05-02", json!({"other": 1})),
        ("2023-05-02", json!({"value": "many"})),
        ("2023-05-02", json!({"value": null})),
        ("2023-05-02", json!({"value": 3})),
    ];
    let price = || json!({"rate": "10", "fixed_amount": "1"});
    // A fee of nothing without the property, none for what is no number (00-index).
    check(
        "sum value",
        json!({}),
        "percentage",
        price(),
        json!({}),
        &events,
        "0.0 -> 0, 0.0 -> 0, 0.0 -> 0, 3.0 -> 130",
    );
    check("sum value", json!({}), "percentage", price(), json!({"invoiceable": true}), &events, "3.0 -> 130");
    let seats = [("2023-05-02", json!({})), seat("remove", "A"), seat("add", "A"), seat("add", "A"), seat("swap", "A")];
    check(
        "unique_count value",
        json!({}),
        "standard",
        json!({"amount": "1"}),
        json!({}),
        &seats,
        "0.0 -> 0, 0.0 -> 0, 1.0 -> 100",
    );
}

#[test]
fn minimum_and_maximum_per_transaction() {
    let price = json!({
        "rate": "1", "fixed_amount": "0", "free_units_per_total_aggregation": "300",
        "per_transaction_min_amount": "1.75", "per_transaction_max_amount": "12",
    });
    check(
        "sum value",
        json!({}),
        "percentage",
        price,
        json!({}),
        &values(&["100", "1000", "10000", "10"]),
        "100.0 -> 0, 1000.0 -> 800, 10000.0 -> 1200, 10.0 -> 175",
    );
}

#[test]
fn each_leaf_is_billed_by_itself() {
    let world = World::new("2023-05-01");
    world.metric_with("used", "sum value", json!({"group": {"key": "region", "values": ["europe", "usa", "asia"]}}));
    let prices = json!([
        {"group_id": world.group_id("used", "europe"), "values": {"amount": "20"}, "invoice_display_name": "EU"},
        {"group_id": world.group_id("used", "usa"), "values": {"amount": "50"}},
    ]);
    let charge = in_advance(&world, "used", "standard", json!({"amount": "1"}), json!({"group_properties": prices}));
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    let on = |value: i64, region: &str| ("2023-05-10", json!({"value": value, "region": region}));
    let events = [on(10, "europe"), on(2, "usa"), on(-10, "europe"), on(5, "asia"), on(7, "africa"), on(11, "europe")];
    world.usage("acme", "used", &events);
    expect![[r#"
        event-0 [EU]: 10.0 -> 20000
        event-1 [usa]: 2.0 -> 10000
        event-2 [EU]: 0.0 -> 0
        event-3 [asia]: 5.0 -> 500
        event-5 [EU]: 1.0 -> 2000
    "#]]
    .assert_eq(&fees(&world, "acme"));
}

#[test]
fn an_invoiceable_event_makes_an_invoice_at_once() {
    let grace = json!({"net_payment_term": 3, "billing_configuration": {"invoice_grace_period": 5}});
    let world = World::with("2023-05-01T04:00", grace);
    world.tax("vat", "20", true);
    world.metric("seats", "sum value");
    let charge = in_advance(&world, "seats", "standard", json!({"amount": "10"}), json!({"invoiceable": true}));
    world.plan("pro", "100.00 EUR monthly", &[charge]);
    world.customer("acme", json!({"timezone": "America/New_York"}));
    world.subscribe("acme", "pro");
    world.travel_to("2023-05-10T02:00");
    world.usage("acme", "seats", &[("2023-05-10T02:00", json!({"value": 2})), ("2023-05-09", json!({"value": -1}))]);
    world.usage("acme", "seats", &[("2023-05-10T01:00", json!({"other": 2}))]);
    world.settle();
    expect![[r#"
        2023-05-09 due 2023-05-12 finalized 24.00 EUR
          seats 2023-05-01T04:00:00..2023-06-01T03:59:59 2.0 units, 1 events: 20.00
          tax vat 20.0% of 20.00: 4.00
        2023-05-08 due 2023-05-11 finalized 0.00 EUR
          seats 2023-05-01T04:00:00..2023-06-01T03:59:59 0.0 units, 1 events: 0.00
          tax vat 20.0% of 0.00: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
    let invoices = world.all_invoices("acme");
    let status = |at: usize| (&invoices[at]["payment_status"], &invoices[at]["number"], &invoices[at]["invoice_type"]);
    assert_eq!(status(0), (&json!("pending"), &json!("ACME-0001-001-001"), &json!("subscription")));
    assert_eq!(status(1), (&json!("succeeded"), &json!("ACME-0001-001-002"), &json!("subscription")));
    let fee = &invoices[0]["fees"][0];
    assert_eq!(fee["pay_in_advance"], true);
    assert_eq!(fee["event_transaction_id"], "event-0");
    assert_eq!((&fee["precise_unit_amount"], &fee["unit_amount_cents"]), (&json!("0.0"), &json!(0)));
    assert_eq!(fee["amount_details"], json!({}));
    // The period's own invoice leaves them alone.
    world.travel_to("2023-06-10");
    let last = world.all_invoices("acme").pop().unwrap();
    assert_eq!(last["fees"].as_array().unwrap().len(), 1, "{last}");
    assert_eq!(last["number"], "ACME-0001-001-003");
}

#[test]
fn repeated_ids_and_lost_races_make_one_fee() {
    let world = World::new("2023-05-01");
    world.metric("used", "sum value");
    let charges = [
        in_advance(&world, "used", "standard", json!({"amount": "1"}), json!({})),
        in_advance(&world, "used", "standard", json!({"amount": "2"}), json!({"invoiceable": true})),
    ];
    world.plan("pro", "0 EUR monthly", &charges);
    world.subscribe("acme", "pro");
    let one = |id: &str, value: i64| event(id, "acme", "used", "2023-05-02", json!({ "value": value }));
    world.post("/events", json!({"event": one("a", 10)}));
    world.post("/events", json!({"event": one("a", 99)}));
    world.post("/events/batch", json!({"events": [one("a", 7), one("b", 1), one("b", 2), one("c", 5)]}));
    let expected = "a: 10.0 -> 1000\na: 10.0 -> 2000\nb: 1.0 -> 100\nb: 1.0 -> 200\nc: 5.0 -> 500\nc: 5.0 -> 1000\n";
    assert_eq!(fees(&world, "acme"), expected);
    // An id that counted without a fee stays counted: the first one wins.
    let without = json!({"event": event("d", "acme", "used", "2023-05-02", json!({"value": "none"}))});
    world.post("/events", without);
    world.settle();
    world.post("/events", json!({"event": one("d", 50)}));
    assert_eq!(fees(&world, "acme"), expected);
}

#[test]
fn an_event_without_subscription_id_is_one_of_its_only_subscription() {
    let world = World::new("2023-05-01");
    world.metric("used", "sum value");
    let charge = in_advance(&world, "used", "standard", json!({"amount": "1"}), json!({}));
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    let of = |id: &str, ids: Value| {
        let mut event = json!({"transaction_id": id, "code": "used", "properties": {"value": 4}});
        merge(&mut event, ids);
        world.post("/events", json!({ "event": event }));
    };
    of("a", json!({"external_customer_id": "acme"}));
    // The same id under the subscription that was inferred: a duplicate.
    of("a", json!({"external_subscription_id": "acme"}));
    of("b", json!({"external_customer_id": "nobody"}));
    of("c", json!({"external_subscription_id": "nothing"}));
    // The deprecated batch fires no charges in advance.
    world.post(
        "/events/batch",
        json!({"event": {
            "transaction_id": "d", "code": "used", "external_subscription_ids": ["acme"], "properties": {"value": 4},
        }}),
    );
    assert_eq!(fees(&world, "acme"), "a: 4.0 -> 400\n");
}

#[test]
fn a_late_event_is_priced_in_its_own_period() {
    let world = World::new("2023-04-01");
    world.metric("used", "sum value");
    let tiers = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "0"},
        {"from_value": 11, "to_value": null, "per_unit_amount": "0.5", "flat_amount": "0"},
    ]});
    let charge = in_advance(&world, "used", "graduated", tiers, json!({}));
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    world.usage("acme", "used", &[("2023-04-10", json!({"value": 8}))]);
    world.travel_to("2023-05-10");
    let on = |at: &'static str, value: i64| (at, json!({ "value": value }));
    world.usage("acme", "used", &[on("2023-05-10", 10), on("2023-04-30T23:59:59.4", 4), on("2023-05-10", 2)]);
    world.usage("acme", "used", &[on("2023-04-30T23:59:59.5", 2), on("2023-06-01", 1)]);
    expect![[r#"
        event-0: 8.0 -> 800
        event-1: 10.0 -> 1000
        event-2: 4.0 -> 300
        event-3: 2.0 -> 100
        event-4: 2.0 -> 100
        event-5: 1.0 -> 100
    "#]]
    .assert_eq(&fees(&world, "acme"));
    let list = world.get("/fees?external_subscription_id=acme");
    let of = |transaction: &str| {
        let fees = list["fees"].as_array().unwrap();
        let fee = fees.iter().find(|fee| fee["event_transaction_id"] == transaction).unwrap();
        format!("{} {}", fee["from_date"].as_str().unwrap(), fee["to_date"].as_str().unwrap())
    };
    assert_eq!(of("event-2"), "2023-04-01T00:00:00+00:00 2023-04-30T23:59:59+00:00");
    assert_eq!(of("event-5"), "2023-06-01T00:00:00+00:00 2023-06-30T23:59:59+00:00");
}

#[test]
fn a_recurring_charge_renews_with_what_stands() {
    let world = World::new("2023-04-15");
    world.metric_with("seats", "unique_count user", json!({"recurring": true}));
    let charge = in_advance(
        &world,
        "seats",
        "standard",
        json!({"amount": "31"}),
        json!({"invoiceable": true, "prorated": true}),
    );
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    let user = |at: &'static str, name: &str, operation: &str| (at, json!({"user": name, "operation_type": operation}));
    world.usage("acme", "seats", &[user("2023-04-16", "ann", "add"), user("2023-04-30", "bob", "add")]);
    world.travel_to("2023-05-02");
    // Ann is there already; taking her away pays nothing back, and coming back is free.
    world.usage("acme", "seats", &[user("2023-05-02", "ann", "add"), user("2023-05-02", "ann", "remove")]);
    world.usage("acme", "seats", &[user("2023-05-02", "cid", "add"), user("2023-05-22", "dan", "add")]);
    // A level of 2 was carried and is 1 now; since then up to one more was paid: 2 days' use are those of 30 and of 10.
    expect![[r#"
        2023-05-01..2023-05-31, issued 2023-05-31: 71.00, 71.00 with taxes
          seats 3.0 units, 4 events: 71.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    world.travel_to("2023-06-02");
    expect![[r#"
        2023-04-16 finalized 15.50 EUR
          seats 2023-04-15..2023-04-30 1.0 units, 1 events: 15.50
        2023-04-30 finalized 1.03 EUR
          seats 2023-04-15..2023-04-30 1.0 units, 1 events: 1.03
        2023-05-01 finalized 62.00 EUR
          pro 2023-04-15..2023-04-30: 0.00
          seats 2023-05-01..2023-05-31 2.0 units, 2 events: 62.00
        2023-05-02 finalized 0.00 EUR
          seats 2023-05-01..2023-05-31 0.0 units, 1 events: 0.00
        2023-05-02 finalized 30.00 EUR
          seats 2023-05-01..2023-05-31 1.0 units, 1 events: 30.00
        2023-05-22 finalized 10.00 EUR
          seats 2023-05-01..2023-05-31 1.0 units, 1 events: 10.00
        2023-06-01 finalized 93.00 EUR
          pro 2023-05-01..2023-05-31: 0.00
          seats 2023-06-01..2023-06-30 3.0 units, 4 events: 93.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

/// The webhooks of a world's only endpoint: type, object and id of what it is about.
fn told(world: &World) -> Vec<String> {
    let endpoints = world.get("/webhook_endpoints");
    let id = endpoints["webhook_endpoints"][0]["lago_id"].as_str().unwrap().to_owned();
    let log = world.get(&format!("/webhook_endpoints/{id}/webhooks?per_page=1000"));
    let mut told: Vec<String> = Vec::new();
    for entry in log["webhooks"].as_array().unwrap().iter().rev() {
        let body: Value = serde_json::from_str(entry["payload"].as_str().unwrap()).unwrap();
        let kind = body["object_type"].as_str().unwrap();
        let object = &body[kind];
        let about = object["event_transaction_id"].as_str().or(object["number"].as_str()).unwrap_or("-");
        told.push(format!(
            "{} {} {about}",
            body["webhook_type"].as_str().unwrap(),
            entry["object_type"].as_str().unwrap()
        ));
    }
    told
}

#[test]
fn webhooks_tell_of_the_fee_before_its_invoice() {
    let world = World::new("2023-05-01");
    world.metric("used", "count");
    let charges = [
        in_advance(&world, "used", "standard", json!({"amount": "1"}), json!({"invoiceable": true})),
        in_advance(&world, "used", "standard", json!({"amount": "2"}), json!({})),
    ];
    world.plan("pro", "0 EUR monthly", &charges);
    world.subscribe("acme", "pro");
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": "http://127.0.0.1:9/hook"}}));
    world.usage("acme", "used", &[("2023-05-02", json!({}))]);
    world.settle();
    assert_eq!(
        told(&world),
        ["fee.created Fee event-0", "invoice.created Invoice ACME-0001-001-001", "fee.created Fee event-0"]
    );
}

#[test]
fn current_usage_of_charges_in_advance() {
    let world = World::new("2023-05-01");
    world.metric("used", "sum value");
    let charge = in_advance(&world, "used", "standard", json!({"amount": "1"}), json!({}));
    world.plan("pro", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "pro");
    let on = |value: i64| ("2023-05-10", json!({ "value": value }));
    world.usage("acme", "used", &[on(10), on(-6)]);
    expect![[r#"
        2023-05-01..2023-05-31, issued 2023-05-31: 10.00, 10.00 with taxes
          used 4.0 units, 2 events: 10.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    world.usage("acme", "used", &[on(-6)]);
    expect![[r#"
        2023-05-01..2023-05-31, issued 2023-05-31: 10.00, 10.00 with taxes
          used 0.0 units, 3 events: 10.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
}

#[test]
fn charges_come_and_go_with_plans_and_metrics() {
    let world = World::new("2023-05-01");
    world.metric("used", "sum value");
    let tiers = || {
        json!({"graduated_ranges": [
            {"from_value": 0, "to_value": 10, "per_unit_amount": "2", "flat_amount": "0"},
            {"from_value": 11, "to_value": null, "per_unit_amount": "1", "flat_amount": "0"},
        ]})
    };
    world.plan("pro", "0 EUR monthly", &[]);
    world.subscribe("acme", "pro");
    world.usage("acme", "used", &[("2023-05-02", json!({"value": 8}))]);
    assert_eq!(fees(&world, "acme"), "");
    // A charge that comes later bills later events, from the level that stands.
    let with = |charges: Vec<Value>| {
        let mut plan = world.get("/plans/pro")["plan"].clone();
        merge(&mut plan, json!({ "charges": charges }));
        world.put("/plans/pro", json!({ "plan": plan }));
    };
    with(vec![in_advance(&world, "used", "graduated", tiers(), json!({}))]);
    world.usage("acme", "used", &[("2023-05-03", json!({"value": 4}))]);
    assert_eq!(fees(&world, "acme"), "event-1: 4.0 -> 600\n");
    // Prices of one's own go on with the window.
    let overrides = json!({"subscription": {"plan_overrides": {"name": "own"}}});
    world.put("/subscriptions/acme", overrides);
    world.usage("acme", "used", &[("2023-05-04", json!({"value": -4})), ("2023-05-04", json!({"value": 5}))]);
    assert_eq!(fees(&world, "acme"), "event-1: 4.0 -> 600\nevent-2: 0.0 -> 0\nevent-3: 1.0 -> 100\n");
    // The copy keeps its charge when the parent loses it.
    with(Vec::new());
    world.usage("acme", "used", &[("2023-05-05", json!({"value": 1}))]);
    assert!(fees(&world, "acme").ends_with("event-4: 1.0 -> 100\n"));
    // With the metric its charges are gone, and a metric of the same code has none.
    world.delete("/billable_metrics/used");
    world.metric("used", "sum value");
    world.usage("acme", "used", &[("2023-05-06", json!({"value": 1}))]);
    assert!(fees(&world, "acme").ends_with("event-4: 1.0 -> 100\n"));
    world.plan("new", "0 EUR monthly", &[in_advance(&world, "used", "standard", json!({"amount": "3"}), json!({}))]);
    world.subscribe("other", "new");
    world.usage("other", "used", &[("2023-05-06", json!({"value": 2}))]);
    assert_eq!(fees(&world, "other"), "event-6: 2.0 -> 600\n");
}

#[test]
fn an_upgrade_begins_a_window_of_its_own() {
    let world = World::new("2023-05-01");
    world.metric_with("seats", "unique_count user", json!({"recurring": true}));
    world.metric("used", "sum value");
    for (plan, words, price) in [("basic", "10.00 EUR monthly", "31"), ("big", "20.00 EUR monthly", "62")] {
        let prorated = json!({"prorated": true});
        let charges = [
            in_advance(&world, "seats", "standard", json!({ "amount": price }), prorated),
            in_advance(&world, "used", "standard", json!({ "amount": price }), json!({})),
        ];
        world.plan(plan, words, &charges);
    }
    world.subscribe("acme", "basic");
    let seat = |at: &'static str, user: &str| (at, json!({ "user": user }));
    world.usage("acme", "seats", &[seat("2023-05-01", "ann")]);
    // Logs are charged side by side: what has settled is older than what follows.
    world.settle();
    world.usage("acme", "used", &[("2023-05-01", json!({"value": 3}))]);
    world.travel_to("2023-05-15T14:00");
    world.subscribe("acme", "big");
    // Ann is known; a new one costs 17 days, and usage starts at 0. An old date belongs to the old plan.
    world.usage("acme", "seats", &[seat("2023-05-15T15:00", "ann"), seat("2023-05-15T15:00", "bob")]);
    world.settle();
    world.usage(
        "acme",
        "used",
        &[("2023-05-15T15:00", json!({"value": 1})), ("2023-05-15T14:00", json!({"value": 1}))],
    );
    world.usage("acme", "used", &[("2023-05-15T13:59:59", json!({"value": -1}))]);
    world.usage("acme", "used", &[("2023-05-10", json!({"value": 2}))]);
    expect![[r#"
        event-0: 1.0 -> 3100
        event-1: 3.0 -> 9300
        event-3: 1.0 -> 3400
        event-4: 1.0 -> 6200
        event-5: 1.0 -> 6200
        event-6: 0.0 -> 0
        event-7: 1.0 -> 3100
    "#]]
    .assert_eq(&fees(&world, "acme"));
    // The usage in advance of the new record: one seat carried by days, one billed.
    expect![[r#"
        2023-05-15T14:00:00..2023-05-31, issued 2023-05-31: 192.00, 192.00 with taxes
          seats 2.0 units, 2 events: 68.00
          used 2.0 units, 2 events: 124.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    // An ended subscription bills what is dated within its life, and nothing else.
    world.delete("/subscriptions/acme");
    world.usage("acme", "used", &[("2023-05-15T14:00", json!({"value": 1})), ("2023-05-16", json!({"value": 1}))]);
    assert!(fees(&world, "acme").ends_with("event-7: 1.0 -> 3100\nevent-8: 1.0 -> 6200\n"));
}
