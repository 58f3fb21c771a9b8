//! Editing and deleting metrics and their dimensions: what becomes of prices, usage, drafts and counts (chapter 03, 2).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, metric};
use super::{calls, hundred};

fn counts(world: &World, code: &str) -> String {
    let found = world.get(&format!("/billable_metrics/{code}"))["billable_metric"].clone();
    let of = |name: &str| found[name].to_string();
    format!(
        "{} active subscriptions, {} drafts, {} plans",
        of("active_subscriptions_count"),
        of("draft_invoices_count"),
        of("plans_count")
    )
}

/// Group prices of a plan's first charge as `value: amount`, by the metric's groups.
fn group_prices(world: &World, plan: &str, metric: &str) -> Vec<String> {
    let groups = world.get(&format!("/billable_metrics/{metric}/groups"))["groups"].as_array().unwrap().clone();
    let charge = world.get(&format!("/plans/{plan}"))["plan"]["charges"][0].clone();
    let price = |entry: &Value| {
        let group = groups.iter().find(|group| group["lago_id"] == entry["group_id"]);
        format!("{}: {}", group.map_or(&json!("gone"), |group| &group["value"]), entry["values"]["amount"])
    };
    charge["group_properties"].as_array().unwrap().iter().map(price).collect()
}

fn regions(values: &[&str]) -> Value {
    json!({"billable_metric": {"group": {"key": "region", "values": values}}})
}

#[test]
fn counts_of_a_metric() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.metric("calls", "count");
    assert_eq!(counts(&world, "calls"), "0 active subscriptions, 0 drafts, 0 plans");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    // Two charges on the metric: everything counts once.
    world.plan("double", "10.00 EUR monthly", &[charge.clone(), charge]);
    hundred(&world, "monthly");
    world.plan("other", "10.00 EUR monthly", &[]);
    world.subscribe("one", "double");
    world.subscribe("two", "double");
    world.subscribe("three", "other");
    world.subscribe_with("four", "hundred", json!({"plan_overrides": {"amount_cents": 5}}));
    // The overridden copy is a plan of its own.
    assert_eq!(counts(&world, "calls"), "3 active subscriptions, 0 drafts, 3 plans");
    world.travel_to("2024-02-01");
    assert_eq!(counts(&world, "calls"), "3 active subscriptions, 3 drafts, 3 plans");
    world.delete("/subscriptions/one");
    world.travel_to("2024-02-10");
    assert_eq!(counts(&world, "calls"), "2 active subscriptions, 0 drafts, 3 plans");
    let deleted = world.delete("/billable_metrics/calls")["billable_metric"].clone();
    assert_eq!((&deleted["plans_count"], &deleted["active_subscriptions_count"]), (&json!(0), &json!(0)));
}

#[test]
fn groups_keep_their_prices_go_with_them_or_start_at_the_default() {
    let world = World::new("2024-01-01");
    world.metric_with("hosts", "count", json!({"group": {"key": "region", "values": ["eu", "us"]}}));
    let mut charge = world.charge("hosts", "standard", json!({"amount": "1"}));
    charge["group_properties"] = json!([
        {"group_id": world.group_id("hosts", "eu"), "values": {"amount": "10"}},
        {"group_id": world.group_id("hosts", "us"), "values": {"amount": "100"}},
    ]);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let used = ["eu", "us", "asia"].map(|region| ("2024-01-05", json!({"region": region})));
    world.usage("acme", "hosts", &used);
    let eu = world.group_id("hosts", "eu");
    assert!(world.current_usage("acme").contains(": 110.00"));

    // `us` goes with its price; `asia` comes and costs the default, for the event that was there before it, too.
    world.put("/billable_metrics/hosts", regions(&["asia", "eu"]));
    assert_eq!(world.group_id("hosts", "eu"), eu);
    assert_eq!(group_prices(&world, "plan", "hosts"), [r#""eu": "10""#]);
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 11.00, 11.00 with taxes
          hosts 2.0 units, 2 events: 11.00
            region/asia 1.0 units, 1 events: 1.00
            region/eu 1.0 units, 1 events: 10.00
    "#]]
    .assert_eq(&world.current_usage("acme"));

    // A group that comes back is another one: it has lost its price.
    world.put("/billable_metrics/hosts", regions(&["eu", "us"]));
    assert_eq!(group_prices(&world, "plan", "hosts"), [r#""eu": "10""#]);
    assert!(world.current_usage("acme").contains("region/us 1.0 units, 1 events: 1.00"));

    // Two dimensions: every price is gone, `group_properties` is empty.
    let two = json!({"billable_metric": {"group": {"key": "region", "values": [
        {"name": "eu", "key": "zone", "values": ["a", "b"]},
    ]}}});
    world.put("/billable_metrics/hosts", two);
    assert_eq!(group_prices(&world, "plan", "hosts"), [] as [&str; 0]);
    world.usage("acme", "hosts", &[("2024-01-06", json!({"region": "eu", "zone": "b"}))]);
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 1.00, 1.00 with taxes
          hosts 1.0 units, 1 events: 1.00
            eu/a 0.0 units, 0 events: 0.00
            eu/b 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.current_usage("acme"));

    // None: everything counts again.
    world.put("/billable_metrics/hosts", json!({"billable_metric": {"group": {}}}));
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 4.00, 4.00 with taxes
          hosts 4.0 units, 4 events: 4.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    // Absent and null leave the dimensions as they are.
    world.put("/billable_metrics/hosts", regions(&["eu"]));
    for body in [json!({"group": null}), json!({"description": "x"})] {
        let edited = world.put("/billable_metrics/hosts", json!({ "billable_metric": body }));
        assert_eq!(edited["billable_metric"]["group"], json!({"key": "region", "values": ["eu"]}));
    }
}

#[test]
fn a_metric_in_use_keeps_what_it_counts() {
    let world = calls("2024-01-01");
    let all = json!({"billable_metric": {
        "name": "Requests", "description": "all of them", "code": "requests", "aggregation_type": "sum_agg",
        "field_name": "bytes", "recurring": true, "weighted_interval": "seconds",
    }});
    hundred(&world, "monthly");
    let edited = world.put("/billable_metrics/calls", all.clone())["billable_metric"].clone();
    let shown = |edited: &Value| {
        ["name", "description", "code", "aggregation_type", "field_name", "recurring", "weighted_interval"]
            .map(|name| edited[name].to_string())
            .join(" ")
    };
    assert_eq!(shown(&edited), r#""Requests" "all of them" "calls" "count_agg" null false null"#);
    // Without a charge everything may be edited, with the checks of creation.
    world.put("/plans/hundred", json!({"plan": {"charges": []}}));
    let edited = world.put("/billable_metrics/calls", all)["billable_metric"].clone();
    assert_eq!(shown(&edited), r#""Requests" "all of them" "requests" "sum_agg" "bytes" true "seconds""#);
    world.metric("taken", "count");
    let refused =
        |body: Value| world.refused(Method::PUT, "/billable_metrics/requests", json!({ "billable_metric": body }));
    let lines = [
        refused(json!({"code": "taken"})),
        refused(json!({"name": " ", "code": "", "field_name": null})),
        refused(json!({"aggregation_type": "max_agg"})),
        refused(json!({"aggregation_type": "weighted_sum_agg", "weighted_interval": "minutes"})),
        refused(json!({"aggregation_type": "median_agg"})),
        refused(json!({"group": {"key": "region", "values": []}})),
        refused(json!({"group": {"key": "region", "values": ["eu", {"name": "us"}]}})),
        world.refused(Method::PUT, "/billable_metrics/nothing", json!({})),
        world.refused(Method::PUT, "/billable_metrics/requests", json!({})),
        world.refused(Method::DELETE, "/billable_metrics/nothing", json!({})),
    ];
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"code":["value_already_exist"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"name":["value_is_mandatory"],"code":["value_is_mandatory"],"field_name":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"recurring":["not_compatible_with_aggregation_type"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"weighted_interval":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"aggregation_type":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}
        404 {"status":404,"error":"Not Found","code":"billable_metric_not_found"}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: billable_metric"}
        404 {"status":404,"error":"Not Found","code":"billable_metric_not_found"}"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn the_checks_of_a_new_metric() {
    let world = calls("2024-01-01");
    let refused = |body: Value| world.refused(Method::POST, "/billable_metrics", json!({ "billable_metric": body }));
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let lines = [
        refused(json!({"description": "x"})),
        refused(metric("calls", "count")),
        refused(with(metric("m", "sum"), "field_name", json!(" "))),
        refused(metric("m", "weighted_sum level")),
        refused(with(metric("m", "count"), "recurring", json!(true))),
        refused(with(metric("m", "max seats"), "recurring", json!(true))),
        refused(with(metric("m", "latest seats"), "recurring", json!(true))),
        refused(with(metric("m", "count"), "group", json!({"key": 1, "values": ["a"]}))),
        refused(with(metric("m", "count"), "group", json!({"key": "k"}))),
        refused(with(metric("m", "count"), "group", json!({"key": "k", "values": [1]}))),
        refused(with(
            metric("m", "count"),
            "group",
            json!({"key": "k", "values": [{"name": "a", "key": "b", "values": [{"name": "c"}]}]}),
        )),
    ];
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"name":["value_is_mandatory"],"code":["value_is_mandatory"],"aggregation_type":["value_is_invalid"],"field_name":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"code":["value_already_exist"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"field_name":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"weighted_interval":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"recurring":["not_compatible_with_aggregation_type"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"recurring":["not_compatible_with_aggregation_type"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"recurring":["not_compatible_with_aggregation_type"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"group":["value_is_invalid"]}}"#]]
    .assert_eq(&lines.join("\n"));
    // The old name of a unique count; repeated values collapse.
    let made = world.post(
        "/billable_metrics",
        json!({"billable_metric": {
            "name": "Users", "code": "users", "aggregation_type": "count_unique_agg", "field_name": "user",
            "group": {"key": "region", "values": ["eu", "us", "eu"]},
        }}),
    )["billable_metric"]
        .clone();
    assert_eq!(made["aggregation_type"], "unique_count_agg");
    assert_eq!(made["group"], json!({"key": "region", "values": ["eu", "us"]}));
}

#[test]
fn a_deleted_metric_leaves_plans_usage_and_drafts_but_no_invoice() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 5}}));
    world.metric("calls", "count");
    world.metric("clicks", "count");
    let charges = ["calls", "clicks"].map(|code| world.charge(code, "standard", json!({"amount": "1"})));
    world.plan("plan", "10.00 EUR monthly", &charges);
    world.subscribe("acme", "plan");
    world.usage("acme", "calls", &[("2024-01-05", json!({})), ("2024-02-05", json!({}))]);
    world.usage("acme", "clicks", &[("2024-01-05", json!({}))]);
    world.travel_to("2024-02-10");
    world.travel_to("2024-03-02");
    let draft = world.all_invoices("acme")[1]["lago_id"].as_str().unwrap().to_owned();
    let finalized = world.all_invoices("acme")[0].clone();
    assert_eq!(world.get(&format!("/invoices/{draft}"))["invoice"]["status"], "draft");
    world.delete("/billable_metrics/calls");
    world.settle();
    let plan = world.get("/plans/plan")["plan"].clone();
    assert_eq!(plan["charges"].as_array().unwrap().len(), 1);
    assert_eq!(plan["charges"][0]["billable_metric_code"], "clicks");
    expect![[r#"
        2024-03-01..2024-03-31, issued 2024-03-31: 0.00, 0.00 with taxes
          clicks 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    world.put(&format!("/invoices/{draft}/refresh"), json!({}));
    let invoices = world.invoices("acme");
    expect![[r#"
        2024-02-06 finalized 12.00 EUR
          plan 2024-01-01..2024-01-31: 10.00
          calls 2024-01-01..2024-01-31 1.0 units, 1 events: 1.00
          clicks 2024-01-01..2024-01-31 1.0 units, 1 events: 1.00
        2024-03-06 draft 10.00 EUR
          plan 2024-02-01..2024-02-29: 10.00
          clicks 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&invoices);
    assert_eq!(world.all_invoices("acme")[0], finalized);
    // The code is free, and the new metric starts empty.
    world.metric("calls", "count");
    assert_eq!(counts(&world, "calls"), "0 active subscriptions, 0 drafts, 0 plans");
}

#[test]
fn a_new_charge_of_a_plan_in_use_appears_on_its_drafts() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 5}}));
    world.metric("calls", "count");
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.subscribe("acme", "plan");
    world.usage("acme", "calls", &[("2024-01-05", json!({}))]);
    world.travel_to("2024-02-02");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.put("/plans/plan", json!({"plan": {"charges": [charge]}}));
    world.travel_to("2024-02-08");
    expect![[r#"
        2024-02-06 finalized 11.00 EUR
          plan 2024-01-01..2024-01-31: 10.00
          calls 2024-01-01..2024-01-31 1.0 units, 1 events: 1.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}
