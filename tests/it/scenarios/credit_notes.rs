//! Credit notes: by hand, for unused days, of drafts, and what they pay (chapter 04, 10; chapter 02, 9).

use std::fmt::Write as _;

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::world::{World, amount, send};

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// A note on a few lines: end of its number, day, credit status, refund status, amounts; then items and taxes.
fn note_text(note: &Value) -> String {
    let (number, invoice) = (text(note, "number"), text(note, "invoice_number"));
    let mut line = format!("{} {}", number.strip_prefix(invoice).unwrap(), text(note, "issuing_date"));
    write!(line, " {}", text(note, "credit_status")).unwrap();
    for name in ["credit", "balance", "refund", "total"] {
        write!(line, " {name} {}", amount(&note[format!("{name}_amount_cents")])).unwrap();
    }
    if let Some(refund) = note["refund_status"].as_str() {
        write!(line, " ({refund})").unwrap();
    }
    line.push('\n');
    for item in note["items"].as_array().unwrap() {
        let code = text(&item["fee"]["item"], "code");
        writeln!(line, "  {code}: {}", amount(&item["amount_cents"])).unwrap();
    }
    let sums = ["sub_total_excluding_taxes", "coupons_adjustment", "taxes"];
    let sums = sums.map(|name| amount(&note[format!("{name}_amount_cents")]));
    writeln!(line, "  net {} after {} of coupons, taxes {} ({}%)", sums[0], sums[1], sums[2], note["taxes_rate"])
        .unwrap();
    line
}

/// A customer's notes in full, in order of creation.
fn notes(world: &World, customer: &str) -> Vec<Value> {
    let list = world.get(&format!("/credit_notes?external_customer_id={customer}"));
    let mut ids: Vec<&str> =
        list["credit_notes"].as_array().unwrap().iter().map(|note| text(note, "lago_id")).collect();
    ids.reverse();
    ids.into_iter().map(|id| world.get(&format!("/credit_notes/{id}"))["credit_note"].clone()).collect()
}

fn notes_text(world: &World, customer: &str) -> String {
    notes(world, customer).iter().map(note_text).collect()
}

/// An invoice on a line: number within the customer, day, amounts before and after credit notes, payment status.
fn paid_text(invoice: &Value) -> String {
    format!(
        "{} {} {} {} - credits {} = {} {}\n",
        invoice["sequential_id"],
        text(invoice, "issuing_date"),
        text(invoice, "status"),
        amount(&invoice["sub_total_including_taxes_amount_cents"]),
        amount(&invoice["credit_notes_amount_cents"]),
        amount(&invoice["total_amount_cents"]),
        text(invoice, "payment_status"),
    )
}

fn invoices_text(world: &World, customer: &str) -> String {
    world.all_invoices(customer).iter().map(paid_text).collect()
}

/// A note of one fee of an invoice.
fn body(invoice: &Value, item: i64, credit: i64, refund: i64) -> Value {
    json!({"credit_note": {
        "invoice_id": invoice["lago_id"], "credit_amount_cents": credit, "refund_amount_cents": refund,
        "items": [{"fee_id": invoice["fees"][0]["lago_id"], "amount_cents": item}],
    }})
}

/// `acme` subscribed to 100.00 a month in advance with 20 % tax, on the first of January.
fn hundred_in_advance(settings: Value) -> World {
    let world = World::with("2024-01-01", settings);
    world.tax("vat", "20", true);
    world.plan("hundred", "100.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "hundred");
    world
}

fn pay(world: &World, invoice: &Value) {
    let path = format!("/invoices/{}", text(invoice, "lago_id"));
    world.put(&path, json!({"invoice": {"payment_status": "succeeded"}}));
}

#[test]
fn notes_by_hand_are_numbered_listed_changed_and_voided() {
    let world = hundred_in_advance(json!({}));
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    let invoice = world.only_invoice("acme");
    let first = world.post("/credit_notes", body(&invoice, 1000, 1200, 0))["credit_note"].clone();
    pay(&world, &invoice);
    let mut second = body(&invoice, 500, 400, 200);
    second["credit_note"]["reason"] = json!("duplicated_charge");
    second["credit_note"]["description"] = json!("Billed twice");
    let second = world.post("/credit_notes", second)["credit_note"].clone();
    expect![[r#"
        -CN001 2024-01-01 available credit 12.00 balance 12.00 refund 0.00 total 12.00
          hundred: 10.00
          net 10.00 after 0.00 of coupons, taxes 2.00 (20.0%)
        -CN002 2024-01-01 available credit 4.00 balance 4.00 refund 2.00 total 6.00 (pending)
          hundred: 5.00
          net 5.00 after 0.00 of coupons, taxes 1.00 (20.0%)
    "#]]
    .assert_eq(&notes_text(&world, "acme"));
    assert_eq!((&second["reason"], &second["description"]), (&json!("duplicated_charge"), &json!("Billed twice")));
    assert_eq!((&first["reason"], &first["description"]), (&json!("other"), &json!(null)));

    // What was announced is what a read shows, with the customer.
    world.settle();
    let hooks = receiver.at("/hook");
    let created: Vec<_> = hooks.iter().filter(|hook| hook.webhook_type() == "credit_note.created").collect();
    assert_eq!(created.len(), 2);
    let mut told = created[1].json();
    assert_eq!(told["object_type"], "credit_note");
    let customer = told["credit_note"].as_object_mut().unwrap().remove("customer").unwrap();
    assert_eq!(customer["external_id"], "acme");
    assert_eq!(told["credit_note"], second);

    let list = world.get("/credit_notes?per_page=1&page=2");
    assert_eq!(list["credit_notes"][0]["number"], first["number"]);
    assert_eq!(list["meta"]["total_count"], 2);
    assert_eq!(list["credit_notes"][0].get("items"), None);
    assert_eq!(list["credit_notes"][0]["applied_taxes"][0]["base_amount_cents"], 1000);
    assert_eq!(world.get("/credit_notes?external_customer_id=nobody")["credit_notes"], json!([]));

    let path = |note: &Value| format!("/credit_notes/{}", text(note, "lago_id"));
    let refunded = world.put(&path(&second), json!({"credit_note": {"refund_status": "succeeded"}}));
    assert_eq!(refunded["credit_note"]["refund_status"], "succeeded");
    assert_eq!(refunded["credit_note"]["items"].as_array().unwrap().len(), 1);
    let unchanged = world.put(&path(&second), json!({"credit_note": {"description": "x"}}));
    assert_eq!(unchanged["credit_note"]["description"], "Billed twice");

    let voided = world.put(&format!("{}/void", path(&first)), json!({}))["credit_note"].clone();
    assert_eq!((&voided["credit_status"], &voided["balance_amount_cents"]), (&json!("voided"), &json!(0)));
    assert_eq!(voided["credit_amount_cents"], 1200);
    let again = world.refused(Method::PUT, &format!("{}/void", path(&first)), json!({}));
    assert_eq!(again, r#"405 {"status":405,"error":"Method Not Allowed","code":"no_voidable_amount"}"#);
    // What was given up can be given back again: the whole fee less the 5.00 of the second note.
    let third = world.post("/credit_notes", body(&invoice, 9500, 11_400, 0))["credit_note"].clone();
    assert_eq!(third["sequential_id"], 3);
    let too_much = world.refused(Method::POST, "/credit_notes", body(&invoice, 1, 1, 0));
    assert!(too_much.contains(r#"{"amount_cents":["higher_than_remaining_fee_amount"]}"#), "{too_much}");
}

#[test]
fn bad_notes_are_refused_in_order() {
    let world = hundred_in_advance(json!({}));
    let invoice = world.only_invoice("acme");
    let (id, fee) = (&invoice["lago_id"], &invoice["fees"][0]["lago_id"]);
    let nobody = "00000000-0000-0000-0000-000000000000";
    let refused = |note: Value| world.refused(Method::POST, "/credit_notes", json!({ "credit_note": note }));
    let item = |amount: Value| json!([{"fee_id": fee, "amount_cents": amount}]);
    let answers = [
        world.refused(Method::POST, "/credit_notes", json!({})),
        refused(json!({"invoice_id": nobody, "reason": "fun"})),
        refused(json!({"invoice_id": 7})),
        refused(json!({"invoice_id": id, "reason": "fun", "items": []})),
        refused(json!({"invoice_id": id, "credit_amount_cents": "a lot", "refund_amount_cents": 1.5})),
        refused(json!({"invoice_id": id, "items": [{"fee_id": nobody, "amount_cents": 0}]})),
        refused(json!({"invoice_id": id, "items": [{"amount_cents": 10}]})),
        refused(json!({"invoice_id": id, "items": item(json!(0))})),
        refused(json!({"invoice_id": id, "items": item(json!(-1))})),
        refused(json!({"invoice_id": id, "items": item(json!("ten"))})),
        refused(json!({"invoice_id": id, "items": item(json!(null))})),
        refused(json!({"invoice_id": id, "items": item(json!(10_001))})),
        refused(json!({"invoice_id": id, "items": item(json!(1000))})),
        // Chapter 04, 10.6 D, in larger amounts.
        refused(
            json!({"invoice_id": id, "items": item(json!(1000)), "credit_amount_cents": 1200, "refund_amount_cents": 200}),
        ),
        refused(json!({"invoice_id": id, "items": item(json!(10_000)), "credit_amount_cents": 12_001})),
        refused(json!({"invoice_id": id, "items": item(json!(1000)), "credit_amount_cents": -1200})),
        world.refused(Method::GET, &format!("/credit_notes/{nobody}"), json!({})),
        world.refused(Method::PUT, "/credit_notes/nonsense", json!({})),
        world.refused(Method::PUT, &format!("/credit_notes/{nobody}/void"), json!({})),
        world.refused(Method::POST, &format!("/credit_notes/{nobody}/download"), json!({})),
    ];
    expect![[r#"
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: credit_note"}
        404 {"status":404,"error":"Not Found","code":"invoice_not_found"}
        404 {"status":404,"error":"Not Found","code":"invoice_not_found"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"reason":["value_is_invalid"],"items":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"credit_amount_cents":["value_is_invalid"],"refund_amount_cents":["value_is_invalid"],"items":["value_is_mandatory"]}}
        404 {"status":404,"error":"Not Found","code":"fee_not_found"}
        404 {"status":404,"error":"Not Found","code":"fee_not_found"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["invalid_value"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["invalid_value"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["value_is_mandatory"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["higher_than_remaining_fee_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"base":["does_not_match_item_amounts"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"refund_amount_cents":["cannot_refund_unpaid_invoice"],"base":["does_not_match_item_amounts"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"base":["does_not_match_item_amounts","higher_than_remaining_invoice_amount"],"credit_amount_cents":["higher_than_remaining_invoice_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"credit_amount_cents":["value_is_out_of_range"]}}
        404 {"status":404,"error":"Not Found","code":"credit_note_not_found"}
        404 {"status":404,"error":"Not Found","code":"credit_note_not_found"}
        404 {"status":404,"error":"Not Found","code":"credit_note_not_found"}
        404 {"status":404,"error":"Not Found","code":"credit_note_not_found"}
    "#]].assert_eq(&(answers.join("\n") + "\n"));
    assert_eq!(world.get("/credit_notes")["credit_notes"], json!([]));

    let note = world.post("/credit_notes", body(&invoice, 1000, 1200, 0))["credit_note"].clone();
    let path = format!("/credit_notes/{}", text(&note, "lago_id"));
    let answers = [
        world.refused(Method::PUT, &path, json!({})),
        world.refused(Method::PUT, &path, json!({"credit_note": {"refund_status": "paid"}})),
        world.refused(Method::PUT, &path, json!({"credit_note": {"refund_status": null}})),
        // The invoice has a note: it cannot be voided before the note is.
        world.refused(Method::POST, &format!("/invoices/{}/void", text(&invoice, "lago_id")), json!({})),
    ];
    expect![[r#"
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: credit_note"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"refund_status":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"refund_status":["value_is_invalid"]}}
        405 {"status":405,"error":"Method Not Allowed","code":"not_voidable"}
    "#]].assert_eq(&(answers.join("\n") + "\n"));
    world.put(&format!("{path}/void"), json!({}));
    world.post(&format!("/invoices/{}/void", text(&invoice, "lago_id")), json!({}));
    let answers = [
        refused(json!({"invoice_id": id, "items": item(json!(1000)), "credit_amount_cents": 1200})),
        world.refused(Method::POST, "/credit_notes/estimate", body(&invoice, 1000, 0, 0)),
    ];
    expect![[r#"
        405 {"status":405,"error":"Method Not Allowed","code":"invalid_type_or_status"}
        405 {"status":405,"error":"Method Not Allowed","code":"invalid_type_or_status"}
    "#]]
    .assert_eq(&(answers.join("\n") + "\n"));
}

#[test]
fn an_estimate_stores_nothing() {
    let world = hundred_in_advance(json!({}));
    let invoice = world.only_invoice("acme");
    let estimated =
        |item: i64| world.post("/credit_notes/estimate", body(&invoice, item, 0, 0))["estimated_credit_note"].clone();
    assert_eq!(estimated(1000)["max_refundable_amount_cents"], 0);
    pay(&world, &invoice);
    let mut estimate = estimated(1003);
    for id in ["lago_invoice_id", "invoice_number"] {
        assert!(estimate[id].is_string());
        estimate.as_object_mut().unwrap().remove(id);
    }
    estimate["applied_taxes"][0].as_object_mut().unwrap().remove("lago_tax_id");
    estimate["items"][0].as_object_mut().unwrap().remove("lago_fee_id");
    expect![[r#"
        {
          "applied_taxes": [
            {
              "lago_id": null,
              "lago_credit_note_id": null,
              "created_at": null,
              "tax_name": "Tax vat",
              "tax_code": "vat",
              "tax_rate": 20.0,
              "tax_description": null,
              "base_amount_cents": 1003,
              "amount_cents": 201,
              "amount_currency": "EUR"
            }
          ],
          "items": [
            {
              "amount_cents": 1003
            }
          ],
          "currency": "EUR",
          "taxes_amount_cents": 201,
          "precise_taxes_amount_cents": "200.6",
          "sub_total_excluding_taxes_amount_cents": 1003,
          "max_creditable_amount_cents": 1204,
          "max_refundable_amount_cents": 1204,
          "max_offsettable_amount_cents": 0,
          "coupons_adjustment_amount_cents": 0,
          "precise_coupons_adjustment_amount_cents": "0.0",
          "taxes_rate": 20.0
        }
    "#]]
    .assert_eq(&format!("{}\n", serde_json::to_string_pretty(&estimate).unwrap()));
    assert_eq!(world.get("/credit_notes")["credit_notes"], json!([]));
    let refused = |note: Value| world.refused(Method::POST, "/credit_notes/estimate", json!({ "credit_note": note }));
    let answers = [
        world.refused(Method::POST, "/credit_notes/estimate", json!({})),
        refused(json!({"invoice_id": "x"})),
        refused(json!({"invoice_id": invoice["lago_id"]})),
        refused(json!({"invoice_id": invoice["lago_id"], "items": [{"fee_id": "x", "amount_cents": 1}]})),
        world.refused(Method::POST, "/credit_notes/estimate", body(&invoice, 10_001, 0, 0)),
    ];
    expect![[r#"
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: credit_note"}
        404 {"status":404,"error":"Not Found","code":"invoice_not_found"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"items":["value_is_mandatory"]}}
        404 {"status":404,"error":"Not Found","code":"fee_not_found"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["higher_than_remaining_fee_amount"]}}
    "#]].assert_eq(&(answers.join("\n") + "\n"));
}

/// Rows E to I of chapter 04, 10.4, in euros: 31.00 a month in advance with 20 % tax, from 1 September 2022, ended on
/// 15 October at 01:00 or 10:00 UTC. What the customer is credited.
#[test]
fn unused_days_are_whole_local_days() {
    let world = World::new("2022-09-01T12:00");
    world.tax("vat", "20", true);
    world.plan("plain", "31.00 EUR monthly in advance", &[]);
    world.plan("dearer", "62.00 EUR monthly in advance", &[]);
    world.plan_with("trial", "31.00 EUR monthly in advance", json!({"trial_period": 46}));
    world.plan_with("long_trial", "31.00 EUR monthly in advance", json!({"trial_period": 120}));
    world.plan("arrears", "31.00 EUR monthly", &[]);
    for (customer, plan, zone) in [
        ("g", "plain", "America/Los_Angeles"),
        ("h", "plain", "Europe/Paris"),
        ("auckland", "plain", "Pacific/Auckland"),
        ("a", "plain", "UTC"),
        ("i", "plain", "UTC"),
        ("e", "trial", "UTC"),
        ("f", "long_trial", "UTC"),
        ("arrears", "arrears", "UTC"),
    ] {
        world.customer(customer, json!({ "timezone": zone }));
        world.subscribe(customer, plan);
    }
    let end = |customer: &str| drop(world.delete(&format!("/subscriptions/{customer}")));
    world.travel_to("2022-10-15T01:00");
    ["g", "h", "auckland"].into_iter().for_each(end);
    world.travel_to("2022-10-15T10:00");
    ["a", "e", "f", "arrears"].into_iter().for_each(end);
    world.subscribe("i", "dearer");
    let mut credits = String::new();
    for customer in ["a", "e", "f", "g", "h", "auckland", "i", "arrears"] {
        let notes = notes(&world, customer);
        let credit: Vec<String> = notes.iter().map(|note| amount(&note["credit_amount_cents"])).collect();
        writeln!(credits, "{customer}: {}", credit.join(", ")).unwrap();
        for note in notes {
            assert_eq!((&note["reason"], &note["refund_amount_cents"]), (&json!("order_cancellation"), &json!(0)));
        }
    }
    // 16, 15, 0, 17, 16 and 16 unused days, and 17 with the day of the upgrade: each 1.00, and 20 % of it.
    expect![[r#"
        a: 19.20
        e: 18.00
        f: 
        g: 20.40
        h: 19.20
        auckland: 19.20
        i: 20.40
        arrears: 
    "#]]
    .assert_eq(&credits);
}

#[test]
fn every_way_to_end_a_plan_in_advance_credits_its_unused_days_once() {
    let world = World::new("2024-01-01");
    world.plan("hundred", "31.00 EUR monthly in advance", &[]);
    world.plan("other", "31.00 EUR monthly in advance", &[]);
    world.plan("cheap", "10.00 EUR monthly in advance", &[]);
    world.subscribe_with("planned", "hundred", json!({"ending_at": "2024-01-16T00:00:00Z"}));
    world.subscribe("plan_gone", "other");
    world.subscribe("customer_gone", "hundred");
    world.subscribe("by_hand", "hundred");
    world.subscribe("downgraded", "hundred");
    world.subscribe("downgraded", "cheap");
    world.travel_to("2024-01-16T12:00");
    world.delete("/subscriptions/by_hand");
    world.delete("/plans/other");
    world.delete("/customers/customer_gone");
    world.travel_to("2024-02-02");
    let mut credits = String::new();
    for customer in ["planned", "plan_gone", "customer_gone", "by_hand", "downgraded"] {
        credits += &format!("{customer}\n{}", notes_text(&world, customer));
    }
    // From 17 to 31 January: 15 days of 1.00. The planned end counts its own day, too.
    expect![[r#"
        planned
        -CN001 2024-01-16 available credit 15.00 balance 15.00 refund 0.00 total 15.00
          hundred: 15.00
          net 15.00 after 0.00 of coupons, taxes 0.00 (0.0%)
        plan_gone
        -CN001 2024-01-16 available credit 15.00 balance 15.00 refund 0.00 total 15.00
          other: 15.00
          net 15.00 after 0.00 of coupons, taxes 0.00 (0.0%)
        customer_gone
        -CN001 2024-01-16 available credit 15.00 balance 15.00 refund 0.00 total 15.00
          hundred: 15.00
          net 15.00 after 0.00 of coupons, taxes 0.00 (0.0%)
        by_hand
        -CN001 2024-01-16 available credit 15.00 balance 15.00 refund 0.00 total 15.00
          hundred: 15.00
          net 15.00 after 0.00 of coupons, taxes 0.00 (0.0%)
        downgraded
    "#]]
    .assert_eq(&credits);
    // A note can still be made for a customer that is gone, and the first is what its fee has less.
    let invoice = world.all_invoices("customer_gone")[0].clone();
    world.post("/credit_notes", body(&invoice, 1600, 1600, 0));
    let too_much = world.refused(Method::POST, "/credit_notes", body(&invoice, 1, 1, 0));
    assert!(too_much.contains("higher_than_remaining_fee_amount"), "{too_much}");
}

#[test]
fn what_was_credited_by_hand_is_not_credited_again() {
    let world = hundred_in_advance(json!({}));
    let invoice = world.only_invoice("acme");
    world.post("/credit_notes", body(&invoice, 4000, 4800, 0));
    world.travel_to("2024-01-11T09:00");
    world.delete("/subscriptions/acme");
    // 20 of 31 days of 100.00 are 64.51612; 40.00 of it have been given back.
    expect![[r#"
        -CN001 2024-01-01 available credit 48.00 balance 48.00 refund 0.00 total 48.00
          hundred: 40.00
          net 40.00 after 0.00 of coupons, taxes 8.00 (20.0%)
        -CN002 2024-01-11 available credit 29.42 balance 29.42 refund 0.00 total 29.42
          hundred: 24.52
          net 24.52 after 0.00 of coupons, taxes 4.90 (20.0%)
    "#]]
    .assert_eq(&notes_text(&world, "acme"));
}

#[test]
fn a_credit_that_does_not_fit_keeps_who_asked_from_ending_the_plan() {
    let world = World::new("2024-01-01");
    world.tax("vat", "10", true);
    world.plan("tiny", "0.10 EUR monthly in advance", &[]);
    world.plan("dearer", "1.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "tiny");
    // Half of 0.10 and its tax are 0.055, so 0.06. The other half would be 0.06 again, but of 0.11 only 0.05 are left.
    world.post("/credit_notes", body(&world.only_invoice("acme"), 5, 6, 0));
    let upgrade = json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": "dearer"});
    let refused = world.refused(Method::POST, "/subscriptions", json!({ "subscription": upgrade }));
    expect![[r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"amount_cents":["higher_than_remaining_invoice_amount"]}}"#]].assert_eq(&refused);
    let running = world.get("/subscriptions/acme")["subscription"].clone();
    assert_eq!((&running["plan_code"], &running["next_plan_code"]), (&json!("tiny"), &json!(null)));
    // A day later there are 29 of 31 days to give back: 0.0935, less 0.05 and with tax 0.05.
    world.travel_to("2024-01-02T12:00");
    world.delete("/subscriptions/acme");
    assert_eq!(notes(&world, "acme")[1]["credit_amount_cents"], 5);
}

#[test]
fn a_note_of_a_draft_waits_for_its_invoice() {
    let world = hundred_in_advance(json!({"billing_configuration": {"invoice_grace_period": 3}}));
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    let draft = world.only_invoice("acme");
    assert_eq!(draft["status"], "draft");
    let by_hand = world.post("/credit_notes", body(&draft, 1000, 1200, 0))["credit_note"].clone();
    world.travel_to("2024-01-02T09:00");
    world.delete("/subscriptions/acme");
    // The API shows neither, but to who made it.
    assert_eq!(world.get("/credit_notes")["credit_notes"], json!([]));
    let path = format!("/credit_notes/{}", text(&by_hand, "lago_id"));
    let answers = [
        world.refused(Method::GET, &path, json!({})),
        world.refused(Method::PUT, &path, json!({"credit_note": {"refund_status": "pending"}})),
        world.refused(Method::PUT, &format!("{path}/void"), json!({})),
        world.refused(Method::POST, &format!("{path}/download"), json!({})),
    ];
    let missing = r#"404 {"status":404,"error":"Not Found","code":"credit_note_not_found"}"#;
    assert_eq!(answers, [missing; 4]);
    world.put(&format!("/invoices/{}/refresh", text(&draft, "lago_id")), json!({}));
    world.settle();
    assert!(!receiver.types_at("/hook").contains(&"credit_note.created".to_owned()));

    world.travel_to("2024-01-10");
    // 29 of 31 days are 93.54838: less the 10.00 by hand.
    expect![[r#"
        -CN001 2024-01-01 available credit 12.00 balance 12.00 refund 0.00 total 12.00
          hundred: 10.00
          net 10.00 after 0.00 of coupons, taxes 2.00 (20.0%)
        -CN002 2024-01-02 available credit 100.26 balance 100.26 refund 0.00 total 100.26
          hundred: 83.55
          net 83.55 after 0.00 of coupons, taxes 16.71 (20.0%)
    "#]]
    .assert_eq(&notes_text(&world, "acme"));
    assert_eq!(notes(&world, "acme")[0]["lago_id"], by_hand["lago_id"]);
    let types = receiver.types_at("/hook");
    let count = types.iter().filter(|word| *word == "credit_note.created").count();
    assert_eq!(count, 2, "{types:?}");
    let of_invoice = types.iter().position(|word| word == "invoice.created").unwrap();
    assert!(types.iter().position(|word| word == "credit_note.created").unwrap() > of_invoice);
}

#[test]
fn more_notes_than_a_transaction_holds_become_final_with_their_draft() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 1}}));
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    world.plan("hundred", "100.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "hundred");
    let draft = world.only_invoice("acme");
    for _ in 0..60 {
        world.post("/credit_notes", body(&draft, 100, 100, 0));
    }
    world.travel_to("2024-01-03");
    let listed = world.get("/credit_notes?per_page=1");
    assert_eq!(listed["meta"]["total_count"], 60);
    let numbers: Vec<i64> = notes(&world, "acme").iter().map(|note| note["sequential_id"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    let created = receiver.types_at("/hook").iter().filter(|word| *word == "credit_note.created").count();
    assert_eq!(created, 60);
}

#[test]
fn the_document_of_a_note_is_made_once() {
    let world = hundred_in_advance(json!({}));
    world.customer("acme", json!({"billing_configuration": {"document_locale": "de"}}));
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    let invoice = world.only_invoice("acme");
    let note = world.post("/credit_notes", body(&invoice, 1000, 1200, 0))["credit_note"].clone();
    assert_eq!(note["file_url"], json!(null));
    let path = format!("/credit_notes/{}/download", text(&note, "lago_id"));
    let download = || world.ask(Method::POST, &path, None);
    assert_eq!(download().status, 200);
    world.settle();
    let last = receiver.at("/hook").pop().unwrap();
    assert_eq!(
        (last.webhook_type().as_str(), &last.json()["credit_note"]["customer"]["external_id"]),
        ("credit_note.generated", &json!("acme"))
    );
    assert_eq!(last.json()["credit_note"].get("items"), None);
    let shown = download().json()["credit_note"].clone();
    assert_eq!((shown.get("items"), shown.get("applied_taxes")), (None, None));
    let link = text(&shown, "file_url").to_owned();
    assert!(link.ends_with(&format!("{}.pdf", text(&note, "number"))), "{link}");
    let pdf = send("no key", Method::GET, &link, None);
    assert_eq!(pdf.status, 200);
    let page = pdf_extract::extract_text_from_mem(&pdf.bytes).unwrap();
    for words in ["Gutschrift", text(&note, "number"), "Abonnement - hundred", "€12,00"] {
        assert!(page.contains(words), "`{words}` is missing: {page}");
    }
    assert_eq!(download().json()["credit_note"]["file_url"], link);
    assert_eq!(send("no key", Method::GET, &link, None).bytes, pdf.bytes);
}

#[test]
fn a_tax_that_changed_since_is_not_looked_at() {
    let world = hundred_in_advance(json!({}));
    let invoice = world.only_invoice("acme");
    world.put("/taxes/vat", json!({"tax": {"rate": 5}}));
    world.post("/credit_notes", body(&invoice, 1000, 1200, 0));
    world.delete("/taxes/vat");
    world.post("/credit_notes", body(&invoice, 1000, 1200, 0));
    let rates: Vec<Value> = notes(&world, "acme").iter().map(|note| note["taxes_rate"].clone()).collect();
    assert_eq!(rates, [json!(20.0), json!(20.0)]);
}

#[test]
fn a_deleted_tax_is_shown_nowhere_and_its_amounts_stay() {
    let world = hundred_in_advance(json!({}));
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    world.customer("own", json!({"tax_codes": ["vat"]}));
    world.subscribe("voided", "hundred");
    let invoice = world.only_invoice("acme");
    let note = world.post("/credit_notes", body(&invoice, 1000, 1200, 0))["credit_note"].clone();
    let tax = world.get("/taxes/vat")["tax"].clone();
    assert_eq!(tax["customers_count"], 3);
    assert_eq!(world.delete("/taxes/vat")["tax"], tax);

    let path = |kind: &str, object: &Value| format!("/{kind}/{}", text(object, "lago_id"));
    let estimate = json!({"credit_note": {
        "invoice_id": invoice["lago_id"], "items": [{"fee_id": invoice["fees"][0]["lago_id"], "amount_cents": 500}],
    }});
    let second = world.post("/credit_notes", body(&invoice, 500, 600, 0))["credit_note"].clone();
    let shown = [
        world.get(&path("invoices", &invoice))["invoice"].clone(),
        world.get(&path("fees", &invoice["fees"][0]))["fee"].clone(),
        world.get("/fees")["fees"][0].clone(),
        world.get(&path("credit_notes", &note))["credit_note"].clone(),
        world.get("/credit_notes")["credit_notes"][1].clone(),
        world.post("/credit_notes/estimate", estimate)["estimated_credit_note"].clone(),
        second,
    ];
    let expected = [2000, 2000, 2000, 200, 200, 100, 100];
    for (object, cents) in shown.iter().zip(expected) {
        let taxes = ["applied_taxes", "taxes_amount_cents"].map(|name| &object[name]);
        assert_eq!(taxes, [&json!([]), &json!(cents)], "{object}");
    }
    // Webhooks show what a read would.
    world.post(&format!("{}/void", path("invoices", &world.only_invoice("voided"))), json!({}));
    world.settle();
    let told = |word: &str, object: &str| -> Vec<usize> {
        let deliveries = receiver.at("/hook").into_iter().map(|delivery| delivery.json());
        let of_type = deliveries.filter(|told| told["webhook_type"] == word);
        of_type.map(|told| told[object]["applied_taxes"].as_array().unwrap().len()).collect()
    };
    assert_eq!(told("credit_note.created", "credit_note"), [1, 0]);
    assert_eq!(told("invoice.voided", "invoice"), [0]);
}

#[test]
fn days_that_a_coupon_paid_for_come_back_with_no_credit_with_and_without_a_draft() {
    let ended = |grace: u32, on: &str| {
        let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": grace}}));
        world.tax("vat", "20", true);
        world.plan("plan", "31.00 EUR monthly in advance", &[]);
        let coupon = json!({
            "name": "free", "code": "free", "coupon_type": "percentage", "percentage_rate": "100",
            "frequency": "forever", "expiration": "no_expiration",
        });
        world.post("/coupons", json!({ "coupon": coupon }));
        world.customer("acme", json!({"currency": "EUR"}));
        let applied = json!({"external_customer_id": "acme", "coupon_code": "free"});
        world.post("/applied_coupons", json!({ "applied_coupon": applied }));
        world.subscribe("acme", "plan");
        world.travel_to(on);
        world.delete("/subscriptions/acme");
        world.travel_to("2024-01-31");
        assert!(world.all_invoices("acme").iter().all(|invoice| invoice["total_amount_cents"] == 0));
        notes_text(&world, "acme")
    };
    expect![[r#"
        -CN001 2024-01-10 available credit 0.00 balance 0.00 refund 0.00 total 0.00
          plan: 21.00
          net 0.00 after 21.00 of coupons, taxes 0.00 (0.0%)
    "#]]
    .assert_eq(&ended(0, "2024-01-10"));
    expect![[r#"
        -CN001 2024-01-02 available credit 0.00 balance 0.00 refund 0.00 total 0.00
          plan: 29.00
          net 0.00 after 29.00 of coupons, taxes 0.00 (0.0%)
    "#]]
    .assert_eq(&ended(3, "2024-01-02"));
}

#[test]
fn an_upgrade_pays_the_new_plan_with_what_is_left_of_the_old() {
    let world = World::new("2024-03-01");
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    world.tax("vat", "20", true);
    world.plan("small", "31.00 EUR monthly in advance", &[]);
    world.plan("large", "62.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "small");
    pay(&world, &world.only_invoice("acme"));
    world.travel_to("2024-03-16T10:00");
    world.subscribe("acme", "large");
    // Chapter 02, 9: 16 of 31 days of both; the last invoice of the old plan holds nothing.
    expect![[r#"
        1 2024-03-01 finalized 37.20 - credits 0.00 = 37.20 succeeded
        2 2024-03-16 finalized 0.00 - credits 0.00 = 0.00 succeeded
        3 2024-03-16 finalized 38.40 - credits 19.20 = 19.20 pending
    "#]]
    .assert_eq(&invoices_text(&world, "acme"));
    let note = notes(&world, "acme")[0].clone();
    assert_eq!((&note["credit_status"], &note["balance_amount_cents"]), (&json!("consumed"), &json!(0)));
    let invoice = world.all_invoices("acme")[2].clone();
    let mut credit = invoice["credits"][0].clone();
    assert_eq!(credit["item"]["lago_item_id"], note["lago_id"]);
    assert_eq!((&credit["item"]["code"], &credit["item"]["name"]), (&note["number"], &note["invoice_number"]));
    for id in ["lago_id", "item"] {
        credit.as_object_mut().unwrap().remove(id);
    }
    assert_eq!(
        credit,
        json!({
            "amount_cents": 1920, "amount_currency": "EUR", "before_taxes": false, "before_vat": false,
            "invoice": {"lago_id": invoice["lago_id"], "payment_status": "pending"},
        })
    );
    assert_eq!(invoice["credit_amount_cents"], 1920);
    world.settle();
    let types = receiver.types_at("/hook");
    let of_upgrade: Vec<&str> = types.iter().map(String::as_str).filter(|word| !word.starts_with("invoice")).collect();
    assert_eq!(
        of_upgrade,
        ["subscription.started", "credit_note.created", "subscription.terminated", "subscription.started"]
    );

    // What credit notes paid can be credited back, not paid out.
    pay(&world, &invoice);
    let estimate = world.post("/credit_notes/estimate", body(&invoice, 3200, 0, 0))["estimated_credit_note"].clone();
    assert_eq!(
        (&estimate["max_creditable_amount_cents"], &estimate["max_refundable_amount_cents"]),
        (&json!(3840), &json!(1920))
    );
}

#[test]
fn a_voided_invoice_gives_back_to_its_notes() {
    let world = hundred_in_advance(json!({}));
    let first = world.only_invoice("acme");
    let used = world.post("/credit_notes", body(&first, 1000, 1200, 0))["credit_note"].clone();
    let lost = world.post("/credit_notes", body(&first, 500, 600, 0))["credit_note"].clone();
    let part = world.post("/credit_notes", body(&first, 8500, 10_200, 0))["credit_note"].clone();
    world.plan("ten", "100.00 EUR monthly in advance", &[]);
    world.subscribe_with("acme", "ten", json!({"external_id": "second"}));
    let second = world.all_invoices("acme")[1].clone();
    // The notes pay all of it: 12.00, 6.00 and the rest of the third, oldest first.
    assert_eq!(paid_text(&second), "2 2024-01-01 finalized 120.00 - credits 120.00 = 0.00 succeeded\n");
    let path = format!("/invoices/{}", text(&second, "lago_id"));
    // Nothing to pay is paid: only an unpaid invoice can be voided.
    world.put(&path, json!({"invoice": {"payment_status": "pending"}}));
    let balances = |world: &World| -> Vec<String> {
        let text = |note: &Value| format!("{} {}", text(note, "credit_status"), amount(&note["balance_amount_cents"]));
        notes(world, "acme").iter().map(text).collect()
    };
    assert_eq!(balances(&world), ["consumed 0.00", "consumed 0.00", "consumed 0.00"]);
    world.post(&format!("{path}/void"), json!({}));
    assert_eq!(balances(&world), ["available 12.00", "available 6.00", "available 102.00"]);
    // A voided note gets nothing back, and nothing is given back twice.
    world.subscribe_with("acme", "ten", json!({"external_id": "third"}));
    let third = world.all_invoices("acme")[2].clone();
    assert_eq!(third["credit_notes_amount_cents"], 12_000);
    let again = world.refused(Method::POST, &format!("{path}/void"), json!({}));
    assert_eq!(again, r#"405 {"status":405,"error":"Method Not Allowed","code":"not_voidable"}"#);
    for note in [&used, &lost, &part] {
        let refused = world.refused(Method::PUT, &format!("/credit_notes/{}/void", text(note, "lago_id")), json!({}));
        assert!(refused.contains("no_voidable_amount"), "{refused}");
    }
}

#[test]
fn notes_beyond_sixteen_wait_for_the_next_invoice() {
    let world = World::new("2024-01-01");
    world.plan("hundred", "100.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "hundred");
    let first = world.only_invoice("acme");
    for _ in 0..20 {
        world.post("/credit_notes", body(&first, 100, 100, 0));
    }
    world.travel_to("2024-03-02");
    expect![[r#"
        1 2024-01-01 finalized 100.00 - credits 0.00 = 100.00 pending
        2 2024-02-01 finalized 100.00 - credits 16.00 = 84.00 pending
        3 2024-03-01 finalized 100.00 - credits 4.00 = 96.00 pending
    "#]]
    .assert_eq(&invoices_text(&world, "acme"));
}

#[test]
fn drafts_use_notes_when_they_become_final() {
    let world = hundred_in_advance(json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.travel_to("2024-01-05");
    let first = world.only_invoice("acme");
    assert_eq!(first["status"], "finalized");
    world.post("/credit_notes", body(&first, 2500, 3000, 0));
    world.travel_to("2024-02-01");
    let draft = world.all_invoices("acme")[1].clone();
    assert_eq!((&draft["credits"], &draft["credit_notes_amount_cents"]), (&json!([]), &json!(0)));
    assert_eq!(notes(&world, "acme")[0]["balance_amount_cents"], 3000);
    world.travel_to("2024-02-05");
    assert_eq!(
        paid_text(&world.all_invoices("acme")[1]),
        "2 2024-02-04 finalized 120.00 - credits 30.00 = 90.00 pending\n"
    );
    assert_eq!(notes(&world, "acme")[0]["credit_status"], "consumed");
}

#[test]
fn a_deleted_customers_drafts_use_the_notes_of_one_another() {
    let world = hundred_in_advance(json!({"billing_configuration": {"invoice_grace_period": 30}}));
    world.plan("arrears", "100.00 EUR monthly", &[]);
    world.subscribe_with("acme", "arrears", json!({"external_id": "second"}));
    world.travel_to("2024-01-16T12:00");
    world.delete("/customers/acme");
    world.settle();
    // 15 of 31 days come back of January in advance; 16 of 31 are to pay in arrears. The oldest draft is final first, and
    // its note pays what the others hold: one of them nothing.
    expect![[r#"
        1 2024-01-16 finalized 120.00 - credits 0.00 = 120.00 pending
        2 2024-01-16 finalized 0.00 - credits 0.00 = 0.00 succeeded
        3 2024-01-16 finalized 61.93 - credits 58.06 = 3.87 pending
    "#]]
    .assert_eq(&invoices_text(&world, "acme"));
    expect![[r#"
        -CN001 2024-01-16 consumed credit 58.06 balance 0.00 refund 0.00 total 58.06
          hundred: 48.39
          net 48.39 after 0.00 of coupons, taxes 9.68 (20.0%)
    "#]]
    .assert_eq(&notes_text(&world, "acme"));
}
