//! The grace period: drafts, refreshing, finalizing (chapter 04, 6).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, invoice_text};
use super::{calls, hundred};

/// January of `acme`, with one call, is a draft: three days of grace.
fn drafted() -> World {
    let world = calls("2024-01-01");
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 3}, "net_payment_term": 10}));
    world.subscribe("acme", "hundred");
    world.usage("acme", "calls", &[("2024-01-10", json!({}))]);
    world.travel_to("2024-02-01");
    world
}

fn id(invoice: &Value) -> &str {
    invoice["lago_id"].as_str().unwrap()
}

#[test]
fn late_events_reach_a_draft_when_it_is_refreshed() {
    let world = drafted();
    expect![[r#"
        2024-02-04 due 2024-02-14 draft 100.10 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 1.0 units, 1 events: 0.10
    "#]]
    .assert_eq(&world.invoices("acme"));
    world.usage("acme", "calls", &[("2024-01-31", json!({})), ("2024-02-01", json!({}))]);
    world.settle();
    // Not by themselves.
    let draft = world.only_invoice("acme");
    assert_eq!(draft["total_amount_cents"], 10_010);
    let refreshed = world.put(&format!("/invoices/{}/refresh", id(&draft)), json!({}))["invoice"].clone();
    expect![[r#"
        2024-02-04 due 2024-02-14 draft 100.20 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 2.0 units, 2 events: 0.20
    "#]]
    .assert_eq(&invoice_text(&refreshed));
    for same in ["lago_id", "number", "sequential_id", "issuing_date", "created_at"] {
        assert_eq!(draft[same], refreshed[same], "{same}");
    }
}

#[test]
fn a_draft_is_finalized_by_hand_with_what_is_known_then() {
    let world = drafted();
    world.usage("acme", "calls", &[("2024-01-31", json!({}))]);
    world.travel_to("2024-02-02T12:00");
    let draft = world.only_invoice("acme");
    let finalized = world.put(&format!("/invoices/{}/finalize", id(&draft)), json!({}))["invoice"].clone();
    // Issued on the day, due ten days later.
    expect![[r#"
        2024-02-02 due 2024-02-12 finalized 100.20 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 2.0 units, 2 events: 0.20
    "#]]
    .assert_eq(&invoice_text(&finalized));
    assert_eq!(draft["number"], finalized["number"]);
    let again = world.refused(Method::PUT, &format!("/invoices/{}/finalize", id(&draft)), json!({}));
    assert_eq!(again, r#"404 {"status":404,"error":"Not Found","code":"invoice_not_found"}"#);
    // A finalized one is returned as it is.
    world.usage("acme", "calls", &[("2024-01-30", json!({}))]);
    world.settle();
    let same = world.put(&format!("/invoices/{}/refresh", id(&draft)), json!({}))["invoice"].clone();
    assert_eq!(same, finalized);
}

#[test]
fn a_draft_is_finalized_by_the_clock_at_minute_20() {
    let world = drafted();
    world.usage("acme", "calls", &[("2024-01-31", json!({}))]);
    // Made on the 1st at 00:00; 72 hours later it has not passed yet, at 00:20 it has.
    world.travel_to("2024-02-04T00:19:59");
    assert_eq!(world.only_invoice("acme")["status"], "draft");
    world.travel_to("2024-02-04T00:20");
    expect![[r#"
        2024-02-04 due 2024-02-14 finalized 100.20 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 2.0 units, 2 events: 0.20
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn what_is_not_allowed_on_a_draft() {
    let world = drafted();
    let path = format!("/invoices/{}", id(&world.only_invoice("acme")));
    let refused = [
        world.refused(Method::PUT, &path, json!({"invoice": {"payment_status": "succeeded"}})),
        world.refused(Method::PUT, &path, json!({"invoice": {"metadata": [{"key": "a", "value": "b"}]}})),
        world.refused(Method::POST, &format!("{path}/void"), json!({})),
        world.refused(Method::POST, &format!("{path}/download"), json!({})),
    ];
    expect![[r#"
        405 {"status":405,"error":"Method Not Allowed","code":"payment_status_update_on_draft_invoice"}
        405 {"status":405,"error":"Method Not Allowed","code":"metadata_on_draft_invoice"}
        405 {"status":405,"error":"Method Not Allowed","code":"not_voidable"}
        404 {"status":404,"error":"Not Found","code":"invoice_not_found"}"#]]
    .assert_eq(&refused.join("\n"));
}

#[test]
fn a_zero_grace_period_of_the_customer_counts_as_set() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 5}}));
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.customer("patient", json!({}));
    world.customer("hasty", json!({"billing_configuration": {"invoice_grace_period": 0}}));
    world.subscribe("patient", "plan");
    world.subscribe("hasty", "plan");
    world.travel_to("2024-02-01");
    expect![[r#"
        2024-02-06 draft 10.00 EUR
          plan 2024-01-01..2024-01-31: 10.00
    "#]]
    .assert_eq(&world.invoices("patient"));
    expect![[r#"
        2024-02-01 finalized 10.00 EUR
          plan 2024-01-01..2024-01-31: 10.00
    "#]]
    .assert_eq(&world.invoices("hasty"));
}

#[test]
fn a_shorter_grace_period_finalizes_and_redates() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 20}}));
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.plan("weekly", "10.00 EUR weekly", &[]);
    world.subscribe("old", "weekly");
    world.subscribe("new", "plan");
    world.travel_to("2024-02-02T12:00");
    // Weekly drafts of 8, 15, 22 and 29 January; the first was finalized on the 28th; the monthly one is of 1 February.
    world.put("/organizations", json!({"organization": {"billing_configuration": {"invoice_grace_period": 5}}}));
    let states = |customer: &str| -> Vec<String> {
        let invoices = world.all_invoices(customer);
        invoices
            .iter()
            .map(|one| format!("{} {}", one["issuing_date"].as_str().unwrap(), one["status"].as_str().unwrap()))
            .collect()
    };
    world.settle();
    // Past due by now: those of the 15th and the 22nd, issued today. The others are dated anew: 29 + 5, 1 + 5.
    assert_eq!(
        states("old"),
        ["2024-01-28 finalized", "2024-02-02 finalized", "2024-02-02 finalized", "2024-02-03 draft"]
    );
    assert_eq!(states("new"), ["2024-02-06 draft"]);
}

#[test]
fn a_changed_payment_term_redates_the_customers_drafts_only() {
    let world =
        World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 3}, "net_payment_term": 5}));
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.subscribe("acme", "plan");
    world.subscribe("other", "plan");
    world.travel_to("2024-02-01");
    world.customer("acme", json!({"net_payment_term": 30}));
    world.settle();
    let dates = |customer: &str| {
        let invoice = world.only_invoice(customer);
        ["issuing_date", "payment_due_date", "status"].map(|name| invoice[name].as_str().unwrap().to_owned())
    };
    assert_eq!(dates("acme"), ["2024-02-04", "2024-03-05", "draft"]);
    assert_eq!(dates("other"), ["2024-02-04", "2024-02-09", "draft"]);
}

#[test]
fn a_changed_tax_refreshes_the_drafts_it_concerns() {
    let world = calls("2024-01-01");
    world.tax("vat", "20", true);
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    assert_eq!(world.only_invoice("acme")["total_amount_cents"], 12_000);
    world.put("/taxes/vat", json!({"tax": {"rate": "10"}}));
    // At the latest when it is finalized; a clock refreshes it every five minutes before.
    world.travel_to("2024-02-04T00:20");
    expect![[r#"
        2024-02-04 finalized 110.00 EUR
          hundred 2024-01-01..2024-01-31: 100.00
          calls 2024-01-01..2024-01-31 0.0 units, 0 events: 0.00
          tax vat 10.0% of 100.00: 10.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

/// Five drafts of `acme`, 10.00 each, four made at one instant and one a day later, and a wallet of 15.00.
fn five_drafts() -> World {
    let world = World::with("2024-01-10", json!({"billing_configuration": {"invoice_grace_period": 20}}));
    world.plan("plan", "10.00 EUR monthly in advance", &[]);
    world.customer("acme", json!({"currency": "EUR"}));
    for number in 0..5 {
        if number == 4 {
            world.travel_to("2024-01-11");
        }
        let more = json!({"external_id": format!("s{number}"), "billing_time": "anniversary"});
        world.subscribe_with("acme", "plan", more);
    }
    let wallet =
        json!({"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR", "granted_credits": "15"});
    world.post("/wallets", json!({ "wallet": wallet }));
    world.settle();
    world
}

#[test]
fn the_oldest_draft_is_finalized_first() {
    // Where the subscriptions end, the note of each draft for its unused days pays the next.
    let (go_on, end) = ([1000, 500, 0, 0, 0], [1000, 65, 65, 65, 65]);
    type Way = fn(&World);
    let ways: [(&str, Way, [i64; 5]); 5] = [
        ("the clock", |world| world.travel_to("2024-01-31T00:20"), go_on),
        (
            "a shorter grace period of the customer",
            |world| {
                world.travel_to("2024-01-12");
                world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 0}}));
            },
            go_on,
        ),
        (
            "a shorter grace period of the organization",
            |world| {
                world.travel_to("2024-01-12");
                let none = json!({"billing_configuration": {"invoice_grace_period": 0}});
                world.put("/organizations", json!({ "organization": none }));
            },
            go_on,
        ),
        ("the end of the plan", |world| drop(world.delete("/plans/plan")), end),
        ("the end of the customer", |world| drop(world.delete("/customers/acme")), end),
    ];
    for (way, act, expected) in ways {
        let world = five_drafts();
        act(&world);
        world.settle();
        let invoices = world.all_invoices("acme");
        assert!(invoices.iter().all(|invoice| invoice["status"] == "finalized"), "{way}");
        let paid: Vec<i64> =
            invoices.iter().take(5).map(|invoice| invoice["prepaid_credit_amount_cents"].as_i64().unwrap()).collect();
        assert_eq!(paid, expected, "{way}");
    }
}

#[test]
fn the_credit_note_of_an_upgrade_pays_the_draft_that_follows_it() {
    let world = World::with("2024-01-01", json!({"billing_configuration": {"invoice_grace_period": 2}}));
    world.plan("small", "31.00 EUR monthly in advance", &[]);
    world.plan("large", "62.00 EUR monthly in advance", &[]);
    let customers = ["a", "b", "c", "d", "e", "f"];
    for customer in customers {
        world.subscribe(customer, "small");
    }
    world.travel_to("2024-01-01T00:10");
    for customer in customers {
        world.subscribe(customer, "large");
    }
    // Both drafts are due at one instant.
    world.travel_to("2024-01-03T00:20");
    for customer in customers {
        let totals = world.all_invoices(customer);
        let cents = |one: &Value, name: &str| one[name].as_i64().unwrap();
        let totals: Vec<_> = totals
            .iter()
            .map(|one| (cents(one, "credit_notes_amount_cents"), cents(one, "total_amount_cents")))
            .collect();
        // The first month, what is left to bill of the old plan, the new one.
        assert_eq!(totals, [(0, 3100), (0, 0), (3100, 3100)], "{customer}");
    }
}
