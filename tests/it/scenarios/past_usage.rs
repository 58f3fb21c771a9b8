//! Past usage: what was billed, period by period (chapter 03, 10).

use std::fmt::Write as _;

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::world::{World, amount, usage_text};
use super::{calls, hundred};

/// Periods as current usage is shown, with the invoice's number and without the parts of current usage only.
fn text(world: &World, path: &str) -> String {
    let answer = world.get(path);
    let mut text = String::new();
    for period in answer["usage_periods"].as_array().unwrap() {
        let invoice = world.get(&format!("/invoices/{}", period["lago_invoice_id"].as_str().unwrap()));
        writeln!(
            text,
            "{} {} taxes {}",
            invoice["invoice"]["number"].as_str().unwrap(),
            period["currency"].as_str().unwrap(),
            amount(&period["taxes_amount_cents"])
        )
        .unwrap();
        text.push_str(&usage_text(period));
    }
    writeln!(text, "{}", answer["meta"]).unwrap();
    text
}

const PATH: &str = "/customers/acme/past_usage?external_subscription_id=acme";

#[test]
fn every_billed_period_newest_first() {
    let world = calls("2024-01-10T12:00");
    world.tax("vat", "20", true);
    world.metric_with(
        "traffic",
        "sum bytes",
        json!({"name": "Élan", "group": {"key": "cloud", "values": [
            {"name": "aws", "key": "region", "values": ["eu", "us"]},
        ]}}),
    );
    let mut charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    (charge["min_amount_cents"], charge["invoice_display_name"]) = (json!(500), json!("Requests"));
    let traffic = world.charge("traffic", "package", json!({"amount": "1", "package_size": 10, "free_units": 0}));
    world.plan("plan", "100.00 EUR monthly in advance", &[charge, traffic]);
    world.subscribe("acme", "plan");
    world.usage("acme", "calls", &[("2024-01-11", json!({})), ("2024-01-12", json!({})), ("2024-02-01", json!({}))]);
    let eu = |bytes: i64| json!({"bytes": bytes, "cloud": "aws", "region": "eu"});
    world.usage("acme", "traffic", &[("2024-01-11", eu(15)), ("2024-02-12", eu(5))]);
    // The first invoice bills no charges: it is no period.
    assert_eq!(
        world.get(PATH),
        json!({"usage_periods": [], "meta": {
            "current_page": 1, "next_page": null, "prev_page": null, "total_pages": 0, "total_count": 0,
        }})
    );
    world.travel_to("2024-03-01");
    // January: minimum 500 x 22 / 31 = 354.83, less 20, cut: 334; its true-up adds one unit. Totals are the invoice's.
    expect![[r#"
        ACME-0001-001-003 EUR taxes 21.20
        2024-02-01..2024-02-29, issued 2024-03-01: 106.00, 127.20 with taxes
          calls 2.0 units, 1 events: 5.00
          traffic 5.0 units, 1 events: 1.00
            aws/eu 5.0 units, 1 events: 1.00
            aws/us 0.0 units, 0 events: 0.00
        ACME-0001-001-002 EUR taxes 21.11
        2024-01-10T12:00:00..2024-01-31, issued 2024-02-01: 105.54, 126.65 with taxes
          calls 3.0 units, 2 events: 3.54
          traffic 15.0 units, 1 events: 2.00
            aws/eu 15.0 units, 1 events: 2.00
            aws/us 0.0 units, 0 events: 0.00
        {"current_page":1,"next_page":null,"prev_page":null,"total_pages":1,"total_count":2}
    "#]]
    .assert_eq(&text(&world, PATH));
    // One metric only: the totals stay. One period only: the meta knows of the other.
    expect![[r#"
        ACME-0001-001-003 EUR taxes 21.20
        2024-02-01..2024-02-29, issued 2024-03-01: 106.00, 127.20 with taxes
          traffic 5.0 units, 1 events: 1.00
            aws/eu 5.0 units, 1 events: 1.00
            aws/us 0.0 units, 0 events: 0.00
        {"current_page":1,"next_page":2,"prev_page":null,"total_pages":2,"total_count":2}
    "#]]
    .assert_eq(&text(&world, &format!("{PATH}&billable_metric_code=traffic&periods_count=1")));
    let second = text(&world, &format!("{PATH}&periods_count=1&page=2"));
    assert!(second.starts_with("ACME-0001-001-002"), "{second}");
    assert!(
        second
            .ends_with("{\"current_page\":2,\"next_page\":null,\"prev_page\":1,\"total_pages\":2,\"total_count\":2}\n")
    );
    let odd = text(&world, &format!("{PATH}&periods_count=x"));
    assert!(odd.contains("\"total_pages\":1"), "{odd}");

    let mut period = world.get(PATH)["usage_periods"][1].clone();
    period["lago_invoice_id"] = json!("(id)");
    for charge in period["charges_usage"].as_array_mut().unwrap() {
        (charge["charge"]["lago_id"], charge["billable_metric"]["lago_id"]) = (json!("(id)"), json!("(id)"));
        charge["groups"].as_array_mut().unwrap().iter_mut().for_each(|group| group["lago_id"] = json!("(id)"));
    }
    expect![[r#"{"from_datetime":"2024-01-10T12:00:00Z","to_datetime":"2024-01-31T23:59:59Z","issuing_date":"2024-02-01","currency":"EUR","amount_cents":10554,"total_amount_cents":12665,"taxes_amount_cents":2111,"lago_invoice_id":"(id)","charges_usage":[{"units":"3.0","events_count":2,"amount_cents":354,"amount_currency":"EUR","charge":{"lago_id":"(id)","charge_model":"standard","invoice_display_name":"Requests"},"billable_metric":{"lago_id":"(id)","name":"calls","code":"calls","aggregation_type":"count_agg"},"groups":[],"total_aggregated_units":"3.0","filters":[],"grouped_usage":[]},{"units":"15.0","events_count":1,"amount_cents":200,"amount_currency":"EUR","charge":{"lago_id":"(id)","charge_model":"package","invoice_display_name":null},"billable_metric":{"lago_id":"(id)","name":"Élan","code":"traffic","aggregation_type":"sum_agg"},"groups":[{"lago_id":"(id)","key":"aws","value":"eu","units":"15.0","amount_cents":200,"events_count":1},{"lago_id":"(id)","key":"aws","value":"us","units":"0.0","amount_cents":0,"events_count":0}],"total_aggregated_units":"15.0","filters":[],"grouped_usage":[]}]}"#]]
        .assert_eq(&period.to_string());
}

#[test]
fn what_was_billed_stays_as_it_was() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-11", json!({}))]);
    world.travel_to("2024-02-01");
    let before = text(&world, PATH);
    world.usage("acme", "calls", &[("2024-01-12", json!({}))]);
    let id = world.get("/plans/hundred")["plan"]["charges"][0]["lago_id"].clone();
    let metric = world.get("/billable_metrics/calls")["billable_metric"]["lago_id"].clone();
    world.put(
        "/plans/hundred",
        json!({"plan": {"charges": [
            {"id": id, "billable_metric_id": metric, "charge_model": "standard", "properties": {"amount": "7"}},
        ]}}),
    );
    world.settle();
    assert_eq!(text(&world, PATH), before);
    world.delete("/billable_metrics/calls");
    assert_eq!(text(&world, PATH), before);
}

#[test]
fn drafts_and_every_record_of_a_chain_are_periods() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.metric("calls", "count");
    hundred(&world, "monthly");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.plan("more", "200.00 EUR monthly", &[charge]);
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-05", json!({})), ("2024-01-20", json!({}))]);
    world.travel_to("2024-01-16T14:00");
    world.subscribe("acme", "more");
    world.travel_to("2024-02-01T00:10");
    expect![[r#"
        ACME-0001-001-002 EUR taxes 0.00
        2024-01-16T14:00:00..2024-01-31, issued 2024-02-04: 104.23, 104.23 with taxes
          calls 1.0 units, 1 events: 1.00
        ACME-0001-001-001 EUR taxes 0.00
        2024-01-01..2024-01-16T14:00:00, issued 2024-01-19: 48.49, 48.49 with taxes
          calls 1.0 units, 1 events: 0.10
        {"current_page":1,"next_page":null,"prev_page":null,"total_pages":1,"total_count":2}
    "#]]
    .assert_eq(&text(&world, PATH));
    // A draft shows what its last refresh found.
    world.usage("acme", "calls", &[("2024-01-21", json!({}))]);
    world.settle();
    assert!(text(&world, PATH).contains("104.23"));
    let draft = world.all_invoices("acme")[1]["lago_id"].as_str().unwrap().to_owned();
    world.put(&format!("/invoices/{draft}/refresh"), json!({}));
    assert!(text(&world, PATH).contains("105.23"));
}

#[test]
fn questions_that_have_no_answer() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    let lines = [
        "/customers/acme/past_usage",
        "/customers/acme/past_usage?external_subscription_id=",
        "/customers/nobody/past_usage",
        "/customers/nobody/past_usage?external_subscription_id=acme&billable_metric_code=x",
        "/customers/acme/past_usage?external_subscription_id=acme&billable_metric_code=x",
        "/customers/nobody/past_usage?external_subscription_id=acme",
        "/customers/acme/past_usage?external_subscription_id=nothing",
    ]
    .map(|path| world.ask(Method::GET, path, None).line());
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"external_subscription_id":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"external_subscription_id":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"external_subscription_id":["value_is_mandatory"]}}
        404 {"status":404,"error":"Not Found","code":"billable_metric_not_found"}
        404 {"status":404,"error":"Not Found","code":"billable_metric_not_found"}
        200 {"usage_periods":[],"meta":{"current_page":1,"next_page":null,"prev_page":null,"total_pages":0,"total_count":0}}
        200 {"usage_periods":[],"meta":{"current_page":1,"next_page":null,"prev_page":null,"total_pages":0,"total_count":0}}"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn groups_stand_by_their_own_names() {
    let world = World::new("2024-01-01");
    let values = json!([
        {"name": "aws", "key": "region", "values": ["us", "eu"]}, {"name": "gcp", "key": "region", "values": ["asia"]},
    ]);
    world.metric_with("traffic", "sum bytes", json!({"group": {"key": "cloud", "values": values}}));
    let mut charge = world.charge("traffic", "standard", json!({"amount": "1"}));
    // What a price is called on the invoice orders nothing.
    charge["group_properties"] = json!([
        {"group_id": world.group_id("traffic", "us"), "values": {"amount": "2"}, "invoice_display_name": "America"},
        {"group_id": world.group_id("traffic", "asia"), "values": {"amount": "3"}, "invoice_display_name": "Asia"},
    ]);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let used = |cloud: &str, region: &str| ("2024-01-05", json!({"bytes": 1, "cloud": cloud, "region": region}));
    world.usage("acme", "traffic", &[used("aws", "us"), used("aws", "eu"), used("gcp", "asia")]);
    let groups = [
        "    aws/eu 1.0 units, 1 events: 1.00\n",
        "    aws/us 1.0 units, 1 events: 2.00\n",
        "    gcp/asia 1.0 units, 1 events: 3.00\n",
    ]
    .concat();
    let current = world.current_usage("acme");
    assert!(current.ends_with(&groups), "{current}");
    world.travel_to("2024-02-01");
    let past = text(&world, PATH);
    assert!(past.contains(&groups), "{past}");
}
