//! Previews of invoices: what would be issued, without its being issued.

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::calls;
use super::world::{World, invoice_text};

/// The previewed invoices as text.
fn preview(world: &World, body: Value) -> String {
    let preview = world.post("/invoices/preview", body);
    let invoices = preview["invoices"].as_array().unwrap();
    assert_eq!(invoices.first().unwrap_or(&Value::Null), &preview["invoice"]);
    invoices.iter().map(invoice_text).collect()
}

/// An upgrade from 31.00 to 62.00, both with calls for 0.10 and 20 % tax.
fn plans(timing: &str) -> World {
    let world = calls("2024-03-01");
    world.tax("vat", "20", true);
    let charge = || [world.charge("calls", "standard", json!({"amount": "0.10"}))];
    world.plan("basic", &format!("31.00 EUR monthly{timing}"), &charge());
    world.plan("pro", &format!("62.00 EUR monthly{timing}"), &charge());
    world
}

#[test]
fn a_new_subscription_of_somebody_who_is_no_customer_yet() {
    let world = plans(" in advance");
    world.travel_to("2024-03-10T05:00");
    let body = json!({
        "customer": {"name": "Ada", "timezone": "Asia/Tokyo", "currency": "EUR"},
        "subscription": {"plan_code": "basic"},
    });
    // 10 to 31 March: 22 of 31 days.
    expect![[r#"
        2024-03-10 finalized 26.40 EUR
          basic 2024-03-09T15:00:00..2024-03-31T14:59:59: 22.00
          tax vat 20.0% of 22.00: 4.40
    "#]]
    .assert_eq(&preview(&world, body.clone()));
    let invoice = world.post("/invoices/preview", body)["invoice"].clone();
    assert_eq!((&invoice["number"], &invoice["customer"]["name"]), (&json!("ACME-0001-001-001"), &json!("Ada")));
    // Nothing of it exists, and the numbers are still there.
    for (path, list) in [("/customers", "customers"), ("/subscriptions", "subscriptions"), ("/invoices", "invoices")] {
        assert_eq!(world.get(path)[list], json!([]), "{path}");
    }
    world.subscribe("first", "basic");
    assert_eq!(world.only_invoice("first")["number"], "ACME-0001-001-001");
}

#[test]
fn a_plan_in_arrears_is_first_billed_when_its_period_ends() {
    let world = plans("");
    let subscription =
        json!({"plan_code": "basic", "subscription_at": "2024-03-20T10:00:00Z", "billing_time": "anniversary"});
    expect![[r#"
        2024-04-20 finalized 37.20 EUR
          basic 2024-03-20..2024-04-19: 31.00
          calls 2024-03-20..2024-04-19 0.0 units, 0 events: 0.00
          tax vat 20.0% of 31.00: 6.20
    "#]]
    .assert_eq(&preview(&world, json!({"customer": {"name": "Ada"}, "subscription": subscription})));
    // With an end before that, and a price of its own.
    let subscription = json!({
        "plan_code": "basic", "ending_at": "2024-03-10T00:00:00Z", "plan_overrides": {"amount_cents": 6200, "tax_codes": []},
    });
    expect![[r#"
        2024-03-10 finalized 24.00 EUR
          basic 2024-03-01..2024-03-10T00:05:00: 20.00
          calls 2024-03-01..2024-03-10T00:05:00 0.0 units, 0 events: 0.00
          tax vat 20.0% of 20.00: 4.00
    "#]]
    .assert_eq(&preview(&world, json!({"customer": {"name": "Ada"}, "subscription": subscription})));
}

#[test]
fn an_upgrade_a_downgrade_an_end_and_what_comes_next() {
    let world = plans(" in advance");
    world.subscribe("acme", "basic");
    world.usage("acme", "calls", &[("2024-03-05", json!({})), ("2024-03-12", json!({}))]);
    world.travel_to("2024-03-16T10:00");
    let upgrade =
        json!({"customer": {"external_id": "acme"}, "subscription": {"external_id": "acme", "plan_code": "pro"}});
    let upgraded = preview(&world, upgrade.clone());
    assert_eq!(upgraded.matches("finalized").count(), 2, "{upgraded}");
    assert!(upgraded.contains("calls 2024-03-01..2024-03-16T10:00:00 2.0 units, 2 events: 0.20"), "{upgraded}");
    assert!(upgraded.contains("pro 2024-03-16..2024-03-31: 32.00"), "{upgraded}");
    // The customer goes without saying, and the subscription too.
    assert_eq!(preview(&world, json!({"subscription": {"external_id": "acme", "plan_code": "pro"}})), upgraded);
    let next = r#"        2024-04-01 finalized 37.44 EUR
          basic 2024-04-01..2024-04-30: 31.00
          calls 2024-03-01..2024-03-31 2.0 units, 2 events: 0.20
          tax vat 20.0% of 31.20: 6.24
"#
    .replace("        2024", "2024")
    .replace("          ", "  ");
    for body in [
        json!({"customer": {"external_id": "acme"}}),
        json!({"subscription": {"external_id": "acme"}}),
        // The plan that it has: nothing changes.
        json!({"subscription": {"external_id": "acme", "plan_code": "basic"}}),
    ] {
        assert_eq!(preview(&world, body.clone()), next, "{body}");
    }
    let ended = preview(&world, json!({"subscription": {"external_id": "acme", "status": "terminated"}}));
    assert!(ended.contains("calls 2024-03-01..2024-03-16T10:00:00 2.0 units, 2 events: 0.20"), "{ended}");
    // As if asked in another zone: the 16th ends nine hours earlier, the month too.
    let moved = json!({"customer": {"external_id": "acme", "timezone": "Asia/Tokyo"}});
    let moved = preview(&world, moved);
    assert!(moved.contains("basic 2024-03-31T15:00:00..2024-04-30T14:59:59: 31.00"), "{moved}");
    // Nothing has happened.
    let kept = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!(
        (&kept["plan_code"], &kept["next_plan_code"], &kept["status"]),
        (&json!("basic"), &Value::Null, &json!("active"))
    );
    assert_eq!(world.all_invoices("acme").len(), 1);
    assert_eq!(world.get("/customers/acme")["customer"]["timezone"], Value::Null);

    // A downgrade waits for the end of the period, in a rehearsal too.
    world.subscribe("acme", "pro");
    let down = json!({"subscription": {"external_id": "acme", "plan_code": "basic"}});
    let down = preview(&world, down);
    assert!(down.starts_with("2024-04-01") && down.contains("basic 2024-04-01..2024-04-30: 31.00"), "{down}");
    assert_eq!(world.get("/subscriptions/acme")["subscription"]["downgrade_plan_date"], Value::Null);
}

#[test]
fn a_change_at_a_later_instant_or_day() {
    let world = plans("");
    world.customer("acme", json!({"timezone": "America/New_York"}));
    world.subscribe("acme", "basic");
    let end = |when: Value| {
        let mut body = json!({"subscription": {"external_id": "acme", "status": "terminated"}});
        super::world::merge(&mut body, when);
        preview(&world, body)
    };
    // 1 to 11 April, local dates, after March was billed: 11 of 30 days.
    expect![[r#"
        2024-04-11 finalized 13.64 EUR
          basic 2024-04-01T04:00:00..2024-04-12T02:00:00: 11.37
          calls 2024-04-01T04:00:00..2024-04-12T02:00:00 0.0 units, 0 events: 0.00
          tax vat 20.0% of 11.37: 2.27
    "#]]
    .assert_eq(&end(json!({"timestamp": "2024-04-12T02:00:00Z"})));
    // From the day's first instant on, which is not counted.
    assert!(end(json!({"date": "2024-04-12"})).contains("basic 2024-04-01T04:00:00..2024-04-12T04:00:00: 11.37"));
    assert!(end(json!({"date": "2024-02-29"})).contains("basic 2024-02-29"), "today in New York");
}

#[test]
fn what_cannot_be_previewed() {
    let world = plans("");
    world.subscribe("acme", "basic");
    world.customer("other", json!({}));
    let invalid = |field: &str, code: &str| {
        format!(
            r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"{field}":["{code}"]}}}}"#
        )
    };
    let missing = |what: &str| format!(r#"404 {{"status":404,"error":"Not Found","code":"{what}_not_found"}}"#);
    let root =
        r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: customer"}"#.to_owned();
    let acme = json!({"external_id": "acme"});
    for (body, expected) in [
        (json!({}), root.clone()),
        (json!({"customer": {}}), root),
        (json!({"customer": {"external_id": "nobody"}}), missing("customer")),
        (json!({"subscription": {"external_id": "nobody"}}), missing("subscription")),
        (json!({"subscription": {"plan_code": "basic"}}), missing("subscription")),
        (json!({"subscription": {"external_id": "nobody", "status": "terminated"}}), missing("subscription")),
        (
            json!({"customer": {"external_id": "other"}, "subscription": {"external_id": "acme"}}),
            missing("subscription"),
        ),
        (json!({"customer": acme, "subscription": {"plan_code": "none"}}), missing("plan")),
        (
            json!({"customer": {"name": "x", "tax_codes": ["none"]}, "subscription": {"plan_code": "basic"}}),
            missing("tax"),
        ),
        (json!({"customer": {"name": "x", "timezone": "Mars"}}), invalid("timezone", "invalid_timezone")),
        (
            json!({"customer": {"name": "x", "currency": "USD"}, "subscription": {"plan_code": "basic"}}),
            invalid("currency", "currencies_does_not_match"),
        ),
        (
            json!({"customer": acme, "subscription": {"plan_code": "basic", "external_id": "new", "billing_time": "daily"}}),
            invalid("billing_time", "value_is_invalid"),
        ),
        (
            json!({"customer": acme, "subscription": {"plan_code": "basic", "external_id": "new", "ending_at": "2024-03-01T00:00:00Z"}}),
            invalid("ending_at", "invalid_date"),
        ),
        (
            json!({"customer": acme, "subscription": {"external_id": "acme", "status": "paused"}}),
            invalid("status", "value_is_invalid"),
        ),
        (json!({"customer": acme, "timestamp": "2024-02-29T23:59:59Z"}), invalid("timestamp", "invalid_date")),
        (json!({"customer": acme, "timestamp": "soon"}), invalid("timestamp", "invalid_date")),
        (json!({"customer": acme, "date": "2024-02-29"}), invalid("date", "invalid_date")),
        (json!({"customer": acme, "date": "2026-04-01"}), invalid("date", "value_is_out_of_range")),
    ] {
        assert_eq!(world.refused(Method::POST, "/invoices/preview", body.clone()), expected, "{body}");
    }
    // Somebody whom nothing will ever be billed.
    let nothing = world.post("/invoices/preview", json!({"customer": {"external_id": "other"}}));
    assert_eq!(nothing, json!({"invoice": null, "invoices": []}));
}
