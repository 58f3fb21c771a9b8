//! Coupons: making and giving them, what they take off invoices, how they end (chapter 04, 4 and 9).

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, invoice_text, merge};
use super::{calls, hundred};

/// 10.00 off the next invoice, unless `more` says otherwise.
fn coupon(world: &World, code: &str, more: Value) -> Value {
    let mut coupon = json!({
        "name": format!("Coupon {code}"), "code": code, "coupon_type": "fixed_amount", "amount_cents": 1000,
        "amount_currency": "EUR", "frequency": "once", "expiration": "no_expiration",
    });
    merge(&mut coupon, more);
    world.post("/coupons", json!({ "coupon": coupon }))["coupon"].clone()
}

fn apply(world: &World, customer: &str, coupon: &str, more: Value) -> Value {
    let mut body = json!({"external_customer_id": customer, "coupon_code": coupon});
    merge(&mut body, more);
    world.post("/applied_coupons", json!({ "applied_coupon": body }))["applied_coupon"].clone()
}

fn refused_application(world: &World, customer: &str, coupon: &str, more: Value) -> String {
    let mut body = json!({"external_customer_id": customer, "coupon_code": coupon});
    merge(&mut body, more);
    world.refused(Method::POST, "/applied_coupons", json!({ "applied_coupon": body }))
}

/// Code, status, what remains and how often, of a customer's applied coupons, newest first.
fn applied(world: &World, customer: &str) -> Vec<String> {
    let list = world.get(&format!("/applied_coupons?external_customer_id={customer}"));
    let line = |one: &Value| {
        let credits: Vec<&Value> =
            one["credits"].as_array().unwrap().iter().map(|credit| &credit["amount_cents"]).collect();
        format!(
            "{} {} remaining {} times {} credits {}",
            one["coupon_code"].as_str().unwrap(),
            one["status"].as_str().unwrap(),
            one["amount_cents_remaining"],
            one["frequency_duration_remaining"],
            json!(credits)
        )
    };
    list["applied_coupons"].as_array().unwrap().iter().map(line).collect()
}

/// Coupons, sub totals, taxes and total of an invoice, in minor units.
fn totals(invoice: &Value) -> [i64; 6] {
    let fields = [
        "fees_amount_cents",
        "coupons_amount_cents",
        "sub_total_excluding_taxes_amount_cents",
        "taxes_amount_cents",
        "sub_total_including_taxes_amount_cents",
        "total_amount_cents",
    ];
    fields.map(|field| invoice[field].as_i64().unwrap())
}

const NOT_FOUND: &str = r#"404 {"status":404,"error":"Not Found","code":"#;

fn invalid(field: &str, code: &str) -> String {
    format!(
        r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"{field}":["{code}"]}}}}"#
    )
}

#[test]
fn a_coupon_reduces_the_next_invoice_before_taxes() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.tax("vat", "20", true);
    world.customer("acme", json!({}));
    coupon(&world, "ten", json!({"frequency": "recurring", "frequency_duration": 2}));
    coupon(&world, "big", json!({"amount_cents": 15000}));
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-10", json!({})), ("2024-01-11", json!({}))]);
    let made = apply(&world, "acme", "ten", json!({}));
    assert_eq!((&made["status"], &made["frequency_duration_remaining"]), (&json!("active"), &json!(2)));
    assert_eq!((&made["amount_cents_remaining"], &made["percentage_rate"]), (&Value::Null, &Value::Null));
    apply(&world, "acme", "big", json!({}));
    world.travel_to("2024-02-01");
    // 100.20 less 10.00 less 90.20 of the 150.00.
    let first = world.only_invoice("acme");
    assert_eq!(totals(&first), [10_020, 10_020, 0, 0, 0, 0]);
    assert_eq!((&first["payment_status"], &first["credit_amount_cents"]), (&json!("succeeded"), &json!(10_020)));
    let credits = first["credits"].as_array().unwrap();
    assert_eq!((&credits[0]["item"]["code"], &credits[1]["amount_cents"]), (&json!("ten"), &json!(9_020)));
    assert_eq!(credits[0]["item"]["type"], "coupon");
    assert_eq!((&credits[0]["before_taxes"], &credits[0]["before_vat"]), (&json!(true), &json!(true)));
    assert_eq!(credits[0]["invoice"], json!({"lago_id": first["lago_id"], "payment_status": "succeeded"}));
    assert_eq!(
        applied(&world, "acme"),
        [
            "big active remaining 5980 times null credits [9020]", //
            "ten active remaining null times 1 credits [1000]",
        ]
    );
    world.travel_to("2024-03-01");
    // 100.00 less 10.00 less the last 59.80: 30.20 and 20 %.
    let second = world.all_invoices("acme").pop().unwrap();
    assert_eq!(totals(&second), [10_000, 6_980, 3_020, 604, 3_624, 3_624]);
    assert_eq!(second["applied_taxes"][0]["fees_amount_cents"], 3_020);
    // A fee's total is not reduced by its share; its tax is.
    let fee = &second["fees"][0];
    assert_eq!((&fee["taxes_amount_cents"], &fee["total_amount_cents"]), (&json!(604), &json!(10_604)));
    assert_eq!(
        applied(&world, "acme"),
        [
            "big terminated remaining 0 times null credits [9020,5980]",
            "ten terminated remaining null times 0 credits [1000,1000]",
        ]
    );
    world.travel_to("2024-04-01");
    assert_eq!(totals(&world.all_invoices("acme").pop().unwrap()), [10_000, 0, 10_000, 2_000, 12_000, 12_000]);
    let active = world.get("/applied_coupons?external_customer_id=acme&status=active");
    assert_eq!((&active["applied_coupons"], &active["meta"]["total_count"]), (&json!([]), &json!(0)));
}

#[test]
fn limited_coupons_come_first_and_drafts_wait_for_theirs() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 2}}));
    coupon(&world, "half", json!({"coupon_type": "percentage", "percentage_rate": "50", "amount_cents": null}));
    coupon(&world, "usage", json!({"amount_cents": 15, "applies_to": {"billable_metric_codes": ["calls"]}}));
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-10", json!({})), ("2024-01-11", json!({}))]);
    apply(&world, "acme", "half", json!({}));
    world.travel_to("2024-02-01");
    let draft = world.only_invoice("acme");
    assert_eq!(totals(&draft), [10_020, 0, 10_020, 0, 10_020, 10_020]);
    assert_eq!(draft["credits"], json!([]));
    // Applied to the customer while the draft waits.
    apply(&world, "acme", "usage", json!({}));
    world.travel_to("2024-02-03T00:20");
    // Usage first: 0.15 of 0.20; then half of 100.05, rounded: 50.03.
    let invoice = world.only_invoice("acme");
    assert_eq!(totals(&invoice), [10_020, 5_018, 5_002, 0, 5_002, 5_002]);
    let codes: Vec<&Value> = invoice["credits"].as_array().unwrap().iter().map(|line| &line["item"]["code"]).collect();
    assert_eq!(codes, ["usage", "half"]);
}

#[test]
fn a_voided_invoice_has_lost_its_coupons() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly in advance");
    world.customer("acme", json!({}));
    coupon(&world, "ten", json!({}));
    apply(&world, "acme", "ten", json!({}));
    world.subscribe("acme", "hundred");
    let invoice = world.only_invoice("acme");
    assert_eq!(invoice["total_amount_cents"], 9_000);
    let voided = world.post(&format!("/invoices/{}/void", invoice["lago_id"].as_str().unwrap()), json!({}));
    assert_eq!(
        (&voided["invoice"]["status"], &voided["invoice"]["coupons_amount_cents"]),
        (&json!("voided"), &json!(1000))
    );
    assert_eq!(applied(&world, "acme"), ["ten terminated remaining 0 times null credits [1000]"]);
}

#[test]
fn a_coupon_as_it_is_shown() {
    let world = calls("2024-05-01T12:00");
    hundred(&world, "monthly");
    let made = coupon(
        &world,
        "spring",
        json!({
            "description": "for plans", "frequency": "recurring", "frequency_duration": 6, "reusable": false,
            "expiration": "time_limit", "expiration_at": "2024-05-31T23:59:59Z",
            "applies_to": {"plan_codes": ["hundred"]},
        }),
    );
    let expected = json!({
        "lago_id": made["lago_id"], "name": "Coupon spring", "code": "spring", "description": "for plans",
        "coupon_type": "fixed_amount", "amount_cents": 1000, "amount_currency": "EUR", "percentage_rate": null,
        "frequency": "recurring", "frequency_duration": 6, "reusable": false, "limited_plans": true,
        "limited_billable_metrics": false, "plan_codes": ["hundred"], "billable_metric_codes": [],
        "created_at": "2024-05-01T12:00:00Z", "expiration": "time_limit", "expiration_at": "2024-05-31T23:59:59Z",
        "expiration_date": "2024-05-31", "terminated_at": null,
    });
    assert_eq!(made, expected);
    assert_eq!(world.get("/coupons/spring")["coupon"], expected);
    let list = world.get("/coupons");
    assert_eq!((&list["coupons"], &list["meta"]["total_count"]), (&json!([expected]), &json!(1)));
    let edited = world.put(
        "/coupons/spring",
        json!({"coupon": {
            "code": "summer", "coupon_type": "percentage", "percentage_rate": 12.5,
            "applies_to": {"billable_metric_codes": ["calls"]},
        }}),
    )["coupon"]
        .clone();
    assert_eq!((&edited["percentage_rate"], &edited["amount_cents"]), (&json!("12.5"), &Value::Null));
    assert_eq!((&edited["plan_codes"], &edited["billable_metric_codes"]), (&json!([]), &json!(["calls"])));
    assert_eq!(edited["limited_billable_metrics"], true);
    let free = world.put("/coupons/summer", json!({"coupon": {"applies_to": {"billable_metric_codes": []}}}));
    assert_eq!(free["coupon"]["limited_billable_metrics"], false);
    // Once applied, only name and expiration change.
    world.customer("acme", json!({}));
    apply(&world, "acme", "summer", json!({}));
    let kept = world.put("/coupons/summer", json!({"coupon": {"name": "New", "percentage_rate": 1, "code": "x"}}));
    assert_eq!((&kept["coupon"]["name"], &kept["coupon"]["code"]), (&json!("New"), &json!("summer")));
    assert_eq!(kept["coupon"]["percentage_rate"], "12.5");
    assert_eq!(world.delete("/coupons/summer")["coupon"]["name"], "New");
    assert_eq!(world.refused(Method::GET, "/coupons/summer", json!({})), format!(r#"{NOT_FOUND}"coupon_not_found"}}"#));
    // Its code is free again.
    coupon(&world, "summer", json!({}));
}

#[test]
fn a_coupon_expires_at_minute_thirty_and_what_was_applied_goes_on() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.customer("acme", json!({}));
    world.subscribe("acme", "hundred");
    let limit = json!({"expiration": "time_limit", "expiration_at": "2024-01-10T12:00:00Z", "frequency": "forever"});
    coupon(&world, "brief", limit);
    apply(&world, "acme", "brief", json!({}));
    world.travel_to("2024-01-10T12:00");
    assert_eq!(world.get("/coupons/brief")["coupon"]["terminated_at"], Value::Null);
    let refused = refused_application(&world, "acme", "brief", json!({}));
    assert_eq!(refused, format!(r#"{NOT_FOUND}"coupon_not_found"}}"#));
    world.travel_to("2024-01-10T12:30");
    assert_eq!(world.get("/coupons/brief")["coupon"]["terminated_at"], "2024-01-10T12:30:00Z");
    world.travel_to("2024-02-01");
    assert_eq!(world.only_invoice("acme")["coupons_amount_cents"], 1000);
    // Deleting it ends what was applied.
    world.delete("/coupons/brief");
    world.settle();
    assert_eq!(applied(&world, "acme"), Vec::<String>::new());
    world.travel_to("2024-03-01");
    assert_eq!(world.all_invoices("acme").pop().unwrap()["coupons_amount_cents"], 0);
}

#[test]
fn what_a_coupon_is_refused_for() {
    let world = calls("2024-05-01T12:00");
    hundred(&world, "monthly");
    coupon(&world, "taken", json!({}));
    let refused = |more: Value| {
        let mut body = json!({
            "name": "x", "code": "x", "coupon_type": "fixed_amount", "amount_cents": 1, "amount_currency": "EUR",
            "frequency": "once",
        });
        merge(&mut body, more);
        world.refused(Method::POST, "/coupons", json!({ "coupon": body }))
    };
    let rows = [
        (json!({"name": ""}), "name", "value_is_mandatory"),
        (json!({"code": null}), "code", "value_is_mandatory"),
        (json!({"code": "taken"}), "code", "value_already_exist"),
        (json!({"coupon_type": null}), "coupon_type", "value_is_mandatory"),
        (json!({"coupon_type": "gift"}), "coupon_type", "value_is_invalid"),
        (json!({"amount_cents": null}), "amount_cents", "value_is_mandatory"),
        (json!({"amount_cents": "ten"}), "amount_cents", "value_is_invalid"),
        (json!({"amount_cents": 12.5}), "amount_cents", "value_is_invalid"),
        (json!({"amount_cents": 0}), "amount_cents", "value_is_out_of_range"),
        (json!({"amount_currency": null}), "amount_currency", "value_is_mandatory"),
        (json!({"amount_currency": "EURO"}), "amount_currency", "value_is_invalid"),
        (json!({"coupon_type": "percentage"}), "percentage_rate", "value_is_mandatory"),
        (json!({"coupon_type": "percentage", "percentage_rate": 0}), "percentage_rate", "value_is_out_of_range"),
        (json!({"frequency": null}), "frequency", "value_is_mandatory"),
        (json!({"frequency": "often"}), "frequency", "value_is_invalid"),
        (json!({"frequency": "recurring"}), "frequency_duration", "value_is_mandatory"),
        (json!({"expiration": "soon"}), "expiration", "value_is_invalid"),
        (json!({"expiration_at": "2024-04-30T23:59:59Z"}), "expiration_at", "invalid_date"),
        (json!({"expiration_at": "31/12/2024"}), "expiration_at", "invalid_date"),
    ];
    for (more, field, code) in rows {
        assert_eq!(refused(more.clone()), invalid(field, code), "{more}");
    }
    let missing = |codes: Value| refused(json!({ "applies_to": codes }));
    assert_eq!(missing(json!({"plan_codes": ["hundred", "no"]})), format!(r#"{NOT_FOUND}"plans_not_found"}}"#));
    assert_eq!(
        missing(json!({"billable_metric_codes": ["no"]})),
        format!(r#"{NOT_FOUND}"billable_metrics_not_found"}}"#)
    );
    assert_eq!(
        missing(json!({"plan_codes": ["hundred"], "billable_metric_codes": ["calls"]})),
        r#"405 {"status":405,"error":"Method Not Allowed","code":"only_one_limitation_type_per_coupon_allowed"}"#
    );
    let bad_root = world.refused(Method::POST, "/coupons", json!({}));
    assert_eq!(bad_root, r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: coupon"}"#);
    for method in [Method::PUT, Method::DELETE, Method::GET] {
        let gone = world.refused(method, "/coupons/no", json!({"coupon": {"name": "y"}}));
        assert_eq!(gone, format!(r#"{NOT_FOUND}"coupon_not_found"}}"#));
    }
}

#[test]
fn what_an_application_is_refused_for() {
    let world = calls("2024-05-01");
    hundred(&world, "monthly");
    world.plan("other", "1.00 EUR monthly", &[]);
    world.customer("acme", json!({}));
    world.customer("usd", json!({"currency": "USD"}));
    coupon(&world, "ten", json!({}));
    coupon(&world, "single", json!({"reusable": false}));
    coupon(&world, "on-plan", json!({"applies_to": {"plan_codes": ["hundred"]}}));
    coupon(&world, "on-other", json!({"applies_to": {"plan_codes": ["other"]}}));
    coupon(&world, "on-metric", json!({"applies_to": {"billable_metric_codes": ["calls"]}}));
    let overlapping = r#"405 {"status":405,"error":"Method Not Allowed","code":"plan_overlapping"}"#;
    let refused = |customer: &str, coupon: &str, more: Value| refused_application(&world, customer, coupon, more);
    assert_eq!(refused("no", "ten", json!({})), format!(r#"{NOT_FOUND}"customer_not_found"}}"#));
    assert_eq!(refused("acme", "no", json!({})), format!(r#"{NOT_FOUND}"coupon_not_found"}}"#));
    assert_eq!(refused("usd", "ten", json!({})), invalid("currency", "currencies_does_not_match"));
    assert_eq!(refused("acme", "ten", json!({"amount_cents": 0})), invalid("amount_cents", "value_is_out_of_range"));
    assert_eq!(
        refused("usd", "ten", json!({"amount_currency": "XXX"})),
        invalid("amount_currency", "value_is_invalid")
    );
    assert_eq!(
        refused("acme", "ten", json!({"frequency": "recurring"})),
        invalid("frequency_duration", "value_is_mandatory")
    );
    // The customer takes the coupon's currency, and cannot change it any more.
    apply(&world, "acme", "single", json!({}));
    assert_eq!(world.get("/customers/acme")["customer"]["currency"], "EUR");
    let changed =
        world.refused(Method::POST, "/customers", json!({"customer": {"external_id": "acme", "currency": "USD"}}));
    assert_eq!(changed, invalid("currency", "currencies_does_not_match"));
    assert_eq!(refused("acme", "single", json!({})), invalid("coupon", "coupon_is_not_reusable"));
    apply(&world, "acme", "on-plan", json!({}));
    for coupon in ["on-plan", "on-metric"] {
        assert_eq!(refused("acme", coupon, json!({})), overlapping, "{coupon}");
    }
    apply(&world, "acme", "on-other", json!({}));
    apply(&world, "acme", "ten", json!({}));
    let again = apply(&world, "acme", "ten", json!({"amount_cents": 5, "frequency": "forever"}));
    assert_eq!((&again["amount_cents"], &again["frequency"]), (&json!(5), &json!("forever")));
    assert_eq!(applied(&world, "acme").len(), 5);
}

#[test]
fn an_applied_coupon_is_taken_away() {
    let world = calls("2024-05-01");
    world.customer("acme", json!({}));
    world.customer("other", json!({}));
    coupon(&world, "ten", json!({}));
    let id = apply(&world, "acme", "ten", json!({}))["lago_id"].as_str().unwrap().to_owned();
    let path = |customer: &str, id: &str| format!("/customers/{customer}/applied_coupons/{id}");
    let missing = format!(r#"{NOT_FOUND}"applied_coupon_not_found"}}"#);
    assert_eq!(world.refused(Method::DELETE, &path("other", &id), json!({})), missing);
    assert_eq!(world.refused(Method::DELETE, &path("acme", "x"), json!({})), missing);
    let nobody = world.refused(Method::DELETE, &path("no", &id), json!({}));
    assert_eq!(nobody, format!(r#"{NOT_FOUND}"customer_not_found"}}"#));
    let removed = world.delete(&path("acme", &id))["applied_coupon"].clone();
    assert_eq!((&removed["status"], &removed["terminated_at"]), (&json!("terminated"), &json!("2024-05-01T00:00:00Z")));
    world.travel_to("2024-05-02");
    // The first instant stays.
    assert_eq!(world.delete(&path("acme", &id))["applied_coupon"], removed);
}

#[test]
fn the_last_drafts_of_a_deleted_customer_use_its_coupons() {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 5}}));
    coupon(&world, "ten", json!({"frequency": "forever"}));
    apply(&world, "acme", "ten", json!({}));
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    world.delete("/customers/acme");
    world.settle();
    let invoices = world.all_invoices("acme");
    let text: String = invoices.iter().map(invoice_text).collect();
    assert!(invoices.iter().all(|invoice| invoice["status"] == "finalized"), "{text}");
    assert_eq!(invoices[0]["coupons_amount_cents"], 1000, "{text}");
    // Neither listed nor used any more.
    assert_eq!(world.get("/applied_coupons")["applied_coupons"], json!([]));
    let missing = world.refused(Method::DELETE, "/customers/acme/applied_coupons/x", json!({}));
    assert_eq!(missing, format!(r#"{NOT_FOUND}"customer_not_found"}}"#));
}
