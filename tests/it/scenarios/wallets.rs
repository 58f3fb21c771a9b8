//! Wallets: made, topped up by hand and by the clock, used, given back, ended (chapter 04, 11).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::world::{World, merge, send};

/// A wallet of 1 euro per credit with more fields. Returns its id.
fn wallet(world: &World, customer: &str, more: Value) -> String {
    let mut body = json!({"external_customer_id": customer, "rate_amount": "1", "currency": "EUR"});
    merge(&mut body, more);
    let made = world.post("/wallets", json!({ "wallet": body }))["wallet"].clone();
    made["lago_id"].as_str().unwrap().to_owned()
}

fn shown(world: &World, id: &str) -> Value {
    world.get(&format!("/wallets/{id}"))["wallet"].clone()
}

/// Balance in minor units and credits, and credits used.
fn balance(world: &World, id: &str) -> String {
    let wallet = shown(world, id);
    let text = |name: &str| wallet[name].as_str().unwrap().to_owned();
    format!("{} / {}, used {}", wallet["balance_cents"], text("credits_balance"), text("consumed_credits"))
}

fn top_up(world: &World, wallet: &str, paid: &str, granted: &str) -> Value {
    let body = json!({"wallet_id": wallet, "paid_credits": paid, "granted_credits": granted});
    world.post("/wallet_transactions", json!({ "wallet_transaction": body }))["wallet_transactions"].clone()
}

/// Transactions, oldest first: what and by whom, state, credits and amount, when made and when settled.
fn transactions(world: &World, wallet: &str) -> String {
    let list = world.get(&format!("/wallets/{wallet}/wallet_transactions?per_page=1000"));
    let mut lines: Vec<String> = list["wallet_transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or("never").to_owned();
            format!(
                "{} {} {} {} {} = {} at {}, settled {}\n",
                text("transaction_type"),
                text("transaction_status"),
                text("source"),
                text("status"),
                text("credit_amount"),
                text("amount"),
                text("created_at"),
                text("settled_at"),
            )
        })
        .collect();
    lines.reverse();
    lines.concat()
}

/// Number, type, date, status and total of a customer's invoices, oldest first.
fn invoices(world: &World, customer: &str) -> String {
    let line = |invoice: &Value| {
        let text = |name: &str| invoice[name].as_str().unwrap().to_owned();
        format!(
            "{} {} {} {} {} {}\n",
            text("number"),
            text("invoice_type"),
            text("issuing_date"),
            text("status"),
            text("payment_status"),
            invoice["total_amount_cents"]
        )
    };
    world.all_invoices(customer).iter().map(line).collect()
}

fn pay(world: &World, invoice: &Value) {
    let path = format!("/invoices/{}", invoice["lago_id"].as_str().unwrap());
    world.put(&path, json!({"invoice": {"payment_status": "succeeded"}}));
}

#[test]
fn bought_credits_wait_for_their_payment_and_granted_ones_do_not() {
    let world = World::new("2024-01-09T08:59:51");
    let receiver = Receiver::start();
    world.post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    // Taxes are not for credits.
    world.tax("vat", "20", true);
    world.customer("acme", json!({"net_payment_term": 5}));
    let wallet = wallet(&world, "acme", json!({"name": "Prepaid", "paid_credits": "10", "granted_credits": "15"}));
    world.settle();
    assert_eq!(balance(&world, &wallet), "1500 / 15.0, used 0.0");
    assert_eq!(shown(&world, &wallet)["last_balance_sync_at"], "2024-01-09T08:59:51Z");
    expect![[r#"
        inbound purchased manual pending 10.0 = 10.0 at 2024-01-09T08:59:51Z, settled never
        inbound granted manual settled 15.0 = 15.0 at 2024-01-09T08:59:51Z, settled 2024-01-09T08:59:51Z
    "#]]
    .assert_eq(&transactions(&world, &wallet));
    let invoice = world.only_invoice("acme");
    for (field, expected) in [
        ("invoice_type", json!("credit")),
        ("status", json!("finalized")),
        ("payment_status", json!("pending")),
        ("number", json!("ACME-0001-001-001")),
        ("issuing_date", json!("2024-01-09")),
        ("payment_due_date", json!("2024-01-14")),
        ("fees_amount_cents", json!(1000)),
        ("sub_total_excluding_taxes_amount_cents", json!(1000)),
        ("sub_total_including_taxes_amount_cents", json!(1000)),
        ("taxes_amount_cents", json!(0)),
        ("total_amount_cents", json!(1000)),
        ("prepaid_credit_amount_cents", json!(0)),
        ("applied_taxes", json!([])),
        ("subscriptions", json!([])),
        ("credits", json!([])),
    ] {
        assert_eq!(invoice[field], expected, "{field}");
    }
    let fee = &invoice["fees"][0];
    assert_eq!(invoice["fees"].as_array().unwrap().len(), 1);
    let purchase = world.get(&format!("/wallets/{wallet}/wallet_transactions?status=pending"));
    assert_eq!(
        fee["item"],
        json!({
            "type": "credit", "code": "credit", "name": "credit", "invoice_display_name": "credit",
            "group_invoice_display_name": null, "lago_item_id": purchase["wallet_transactions"][0]["lago_id"],
            "item_type": "WalletTransaction",
        })
    );
    for (field, expected) in [
        ("amount_cents", json!(1000)),
        ("units", json!("1.0")),
        ("unit_amount_cents", json!(0)),
        ("precise_unit_amount", json!("0.0")),
        ("external_customer_id", json!(null)),
        ("lago_subscription_id", json!(null)),
        ("pay_in_advance", json!(false)),
        ("taxes_amount_cents", json!(0)),
        ("payment_status", json!("pending")),
    ] {
        assert_eq!(fee[field], expected, "{field}");
    }
    assert_eq!(receiver.types_at("/hook"), ["invoice.paid_credit_added"]);
    let told = receiver.at("/hook")[0].json();
    assert_eq!((&told["object_type"], &told["invoice"]["lago_id"]), (&json!("invoice"), &invoice["lago_id"]));
    assert_eq!(told["invoice"]["fees"].as_array().unwrap().len(), 1);

    // A failed payment changes nothing; a late one counts; another, or a step back, does not.
    world.travel_to("2024-01-20");
    let path = format!("/invoices/{}", invoice["lago_id"].as_str().unwrap());
    for (status, expected) in [
        ("failed", "1500 / 15.0, used 0.0"),
        ("succeeded", "2500 / 25.0, used 0.0"),
        ("succeeded", "2500 / 25.0, used 0.0"),
        ("pending", "2500 / 25.0, used 0.0"),
        ("succeeded", "2500 / 25.0, used 0.0"),
    ] {
        world.put(&path, json!({"invoice": {"payment_status": status}}));
        assert_eq!(balance(&world, &wallet), expected, "{status}");
    }
    assert!(transactions(&world, &wallet).starts_with(
        "inbound purchased manual settled 10.0 = 10.0 at 2024-01-09T08:59:51Z, settled 2024-01-20T00:00:00Z"
    ));
    // The document.
    assert_eq!(world.ask(Method::POST, &format!("{path}/download"), None).status, 200);
    world.settle();
    let link = world.get(&path)["invoice"]["file_url"].as_str().unwrap().to_owned();
    let page = pdf_extract::extract_text_from_mem(&send("no key", Method::GET, &link, None).bytes).unwrap();
    for words in ["Advance invoice", "Prepaid credits - Prepaid", "10.00", "Total due"] {
        assert!(page.contains(words), "`{words}` is missing: {page}");
    }
    assert!(!page.contains("Subtotal"), "{page}");
}

#[test]
fn a_wallet_begins_empty_and_shows_every_field() {
    let world = World::new("2024-03-10T12:00:00");
    world.customer("acme", json!({}));
    let body = json!({
        "external_customer_id": "acme", "rate_amount": "2.5", "currency": "EUR", "name": "Prepaid", "paid_credits": "10",
        "granted_credits": "1", "expiration_at": "2025-07-07T23:59:59Z",
        "recurring_transaction_rules": [{"rule_type": "threshold", "threshold_credits": "0.5"}],
    });
    let mut made = world.post("/wallets", json!({ "wallet": body }))["wallet"].clone();
    let id = made["lago_id"].as_str().unwrap().to_owned();
    for volatile in ["lago_id", "lago_customer_id"] {
        assert!(made[volatile].is_string());
        made[volatile] = json!("");
    }
    made["recurring_transaction_rules"][0]["lago_id"] = json!("");
    assert_eq!(
        made,
        json!({
            "lago_id": "", "lago_customer_id": "", "external_customer_id": "acme", "status": "active", "currency": "EUR",
            "name": "Prepaid", "rate_amount": "2.5", "credits_balance": "0.0", "balance_cents": 0,
            "consumed_credits": "0.0", "credits_ongoing_balance": "0.0", "credits_ongoing_usage_balance": "0.0",
            "ongoing_balance_cents": 0, "ongoing_usage_balance_cents": 0, "created_at": "2024-03-10T12:00:00Z",
            "expiration_at": "2025-07-07T23:59:59Z", "last_balance_sync_at": null, "last_consumed_credit_at": null,
            "terminated_at": null, "expiration_date": "2025-07-07", "balance": "0.00",
            "recurring_transaction_rules": [{
                "lago_id": "", "rule_type": "threshold", "paid_credits": "10.0", "granted_credits": "1.0",
                "interval": null, "threshold_credits": "0.5", "created_at": "2024-03-10T12:00:00Z",
            }],
        })
    );
    world.settle();
    // 1 credit is worth 2.50; 10 more are bought for 25.00.
    assert_eq!(balance(&world, &id), "250 / 1.0, used 0.0");
    assert_eq!(world.only_invoice("acme")["total_amount_cents"], 2500);
    // The list shows no rules.
    let list = world.get("/wallets?external_customer_id=acme");
    assert_eq!(list["meta"]["total_count"], 1);
    assert_eq!(list["wallets"][0]["lago_id"], json!(id));
    assert!(list["wallets"][0].get("recurring_transaction_rules").is_none());
    assert_eq!(shown(&world, &id)["balance"], "2.50");
}

#[test]
fn a_customer_has_one_active_wallet() {
    let world = World::new("2024-03-10");
    world.customer("acme", json!({}));
    let first = wallet(&world, "acme", json!({"granted_credits": "10"}));
    world.settle();
    let again = json!({"wallet": {"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR"}});
    assert_eq!(
        world.refused(Method::POST, "/wallets", again.clone()),
        r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"customer":["wallet_already_exists"]}}"#
    );
    world.travel_to("2024-03-11T10:00");
    let ended = world.delete(&format!("/wallets/{first}"))["wallet"].clone();
    assert_eq!((&ended["status"], &ended["terminated_at"]), (&json!("terminated"), &json!("2024-03-11T10:00:00.000Z")));
    world.travel_to("2024-03-12");
    // The first end counts; the figures stay.
    let same = world.delete(&format!("/wallets/{first}"))["wallet"].clone();
    assert_eq!(same, ended);
    assert_eq!(balance(&world, &first), "1000 / 10.0, used 0.0");
    let second = wallet(&world, "acme", json!({}));
    let list = world.get("/wallets?external_customer_id=acme");
    let ids: Vec<&Value> = list["wallets"].as_array().unwrap().iter().map(|one| &one["lago_id"]).collect();
    assert_eq!(ids, [&json!(first), &json!(second)]);
    // Nothing goes into the ended one but a payment that was under way.
    let body = json!({"wallet_transaction": {"wallet_id": first, "granted_credits": "1"}});
    assert_eq!(
        world.refused(Method::POST, "/wallet_transactions", body),
        r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"wallet_id":["wallet_is_terminated"]}}"#
    );
    top_up(&world, &second, "5", "0");
    world.delete(&format!("/wallets/{second}"));
    pay(&world, &world.only_invoice("acme"));
    assert_eq!(balance(&world, &second), "500 / 5.0, used 0.0");
}

#[test]
fn a_wallet_fixes_the_currency_for_ever() {
    let world = World::new("2024-03-10");
    world.customer("acme", json!({}));
    let first = wallet(&world, "acme", json!({"currency": "USD"}));
    let customer = |world: &World| world.get("/customers/acme")["customer"]["currency"].clone();
    assert_eq!(customer(&world), "USD");
    world.delete(&format!("/wallets/{first}"));
    let mismatch = r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"currency":["currencies_does_not_match"]}}"#;
    let change = json!({"customer": {"external_id": "acme", "currency": "EUR"}});
    assert_eq!(world.refused(Method::POST, "/customers", change), mismatch);
    let other = json!({"wallet": {"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR"}});
    assert_eq!(world.refused(Method::POST, "/wallets", other), mismatch);
    world.plan("euro", "10.00 EUR monthly", &[]);
    let subscription = json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": "euro"});
    assert_eq!(world.refused(Method::POST, "/subscriptions", json!({ "subscription": subscription })), mismatch);
    assert_eq!(customer(&world), "USD");
}

#[test]
fn refusals_say_everything_that_is_wrong() {
    let world = World::new("2024-03-10T12:00");
    world.customer("acme", json!({}));
    let id = wallet(&world, "acme", json!({}));
    let none = "00000000-0000-0000-0000-000000000000";
    let bad = json!({
        "external_customer_id": "nobody", "rate_amount": "free", "currency": "EURO", "paid_credits": 1,
        "granted_credits": "-1", "expiration_at": "2024-03-10T23:00:00Z", "recurring_transaction_rules": [],
    });
    let put = |body: Value| world.refused(Method::PUT, &format!("/wallets/{id}"), body);
    let two_rules = json!([{"rule_type": "interval"}, {"rule_type": "interval"}]);
    let answers = [
        world.refused(Method::POST, "/wallets", json!({ "wallet": bad })),
        world.refused(Method::POST, "/wallets", json!({"wallet": {"external_customer_id": null, "rate_amount": 0}})),
        world.refused(Method::POST, "/wallets", json!({"wallet": {}})),
        world.refused(Method::POST, "/wallets", json!({})),
        put(json!({"wallet": {"expiration_at": "2024-03-11", "recurring_transaction_rules": two_rules}})),
        put(json!({"wallet": {"recurring_transaction_rules": [{"rule_type": "interval", "interval": "weekly"}]}})),
        put(json!({"wallet": null})),
        world.refused(Method::PUT, &format!("/wallets/{none}"), json!({})),
        world.refused(Method::GET, "/wallets/nonsense", json!({})),
        world.refused(Method::DELETE, &format!("/wallets/{none}"), json!({})),
        world.refused(Method::GET, &format!("/wallets/{none}/wallet_transactions"), json!({})),
        world.refused(Method::GET, "/wallets", json!({})),
        world.refused(Method::GET, "/wallets?external_customer_id=nobody", json!({})),
        world.refused(Method::POST, "/wallet_transactions", json!({})),
        world.refused(
            Method::POST,
            "/wallet_transactions",
            json!({"wallet_transaction": {"wallet_id": none, "paid_credits": 10, "granted_credits": "x"}}),
        ),
    ];
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"customer":["customer_not_found"],"paid_credits":["invalid_paid_credits"],"granted_credits":["invalid_granted_credits"],"expiration_at":["invalid_date"],"recurring_transaction_rules":["invalid_number_of_recurring_rules"],"rate_amount":["value_is_invalid"],"currency":["value_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"customer":["customer_not_found"],"rate_amount":["value_is_out_of_range"],"currency":["value_is_mandatory"]}}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: wallet"}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: wallet"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"expiration_at":["invalid_date"],"recurring_transaction_rules":["invalid_number_of_recurring_rules"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"recurring_transaction_rules":["invalid_recurring_rule"]}}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: wallet"}
        404 {"status":404,"error":"Not Found","code":"wallet_not_found"}
        404 {"status":404,"error":"Not Found","code":"wallet_not_found"}
        404 {"status":404,"error":"Not Found","code":"wallet_not_found"}
        404 {"status":404,"error":"Not Found","code":"wallet_not_found"}
        404 {"status":404,"error":"Not Found","code":"customer_not_found"}
        404 {"status":404,"error":"Not Found","code":"customer_not_found"}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: wallet_transaction"}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"wallet_id":["wallet_not_found"],"paid_credits":["invalid_paid_credits"],"granted_credits":["invalid_granted_credits"]}}"#]]
    .assert_eq(&answers.join("\n"));
}

#[test]
fn top_ups_by_hand_answer_with_what_they_made() {
    let world = World::new("2024-03-10T12:00");
    world.customer("acme", json!({}));
    let id = wallet(&world, "acme", json!({"rate_amount": "5"}));
    assert_eq!(top_up(&world, &id, "0", "0"), json!([]));
    let mut made = top_up(&world, &id, "2.468", "0.5");
    assert_eq!(balance(&world, &id), "250 / 0.5, used 0.0");
    for one in made.as_array_mut().unwrap() {
        assert!(one["lago_id"].is_string());
        one["lago_id"] = json!("");
        one["lago_wallet_id"] = json!("");
    }
    assert_eq!(
        made,
        json!([
            {
                "lago_id": "", "lago_wallet_id": "", "status": "pending", "source": "manual",
                "transaction_status": "purchased", "transaction_type": "inbound", "amount": "12.34",
                "credit_amount": "2.468", "settled_at": null, "created_at": "2024-03-10T12:00:00Z",
            },
            {
                "lago_id": "", "lago_wallet_id": "", "status": "settled", "source": "manual",
                "transaction_status": "granted", "transaction_type": "inbound", "amount": "2.5",
                "credit_amount": "0.5", "settled_at": "2024-03-10T12:00:00Z", "created_at": "2024-03-10T12:00:00Z",
            },
        ])
    );
    let count = |query: &str| {
        let list = world.get(&format!("/wallets/{id}/wallet_transactions?{query}"));
        assert_eq!(
            list["meta"]["total_count"].as_u64().unwrap() as usize,
            list["wallet_transactions"].as_array().unwrap().len()
        );
        list["meta"]["total_count"].clone()
    };
    for (query, expected) in [
        ("", 2),
        ("status=pending", 1),
        ("status=settled", 1),
        ("status=pending&status=settled", 2),
        ("status=unknown", 2),
        ("transaction_type=inbound", 2),
        ("transaction_type=outbound", 0),
        ("transaction_type=inbound&status=settled", 1),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
    // Newest first, by page.
    let page = world.get(&format!("/wallets/{id}/wallet_transactions?per_page=1&page=2"));
    assert_eq!(page["wallet_transactions"][0]["transaction_status"], "purchased");
    assert_eq!(
        page["meta"],
        json!({"current_page": 2, "next_page": null, "prev_page": 1, "total_pages": 2, "total_count": 2})
    );
    // What costs nothing is paid at once, and its credits are there.
    let free = wallet_of(&world, "free", json!({"rate_amount": "0.001"}));
    top_up(&world, &free, "4", "0");
    let invoice = world.only_invoice("free");
    assert_eq!((&invoice["payment_status"], &invoice["total_amount_cents"]), (&json!("succeeded"), &json!(0)));
    assert_eq!(balance(&world, &free), "0 / 4.0, used 0.0");
    pay(&world, &invoice);
    assert_eq!(balance(&world, &free), "0 / 4.0, used 0.0");
}

fn wallet_of(world: &World, customer: &str, more: Value) -> String {
    world.customer(customer, json!({}));
    wallet(world, customer, more)
}

#[test]
fn rules_with_an_interval_fire_on_local_days() {
    // 31 January in New York, whose days begin at 05:00 UTC, in summer at 04:00.
    let world = World::new("2024-01-31T15:00");
    world.customer("acme", json!({"timezone": "America/New_York"}));
    let rule = json!([{"rule_type": "interval", "interval": "monthly"}]);
    let id = wallet(
        &world,
        "acme",
        json!({"paid_credits": "10", "granted_credits": "1", "recurring_transaction_rules": rule}),
    );
    world.travel_to("2024-05-31T04:54:59");
    expect![[r#"
        inbound purchased manual pending 10.0 = 10.0 at 2024-01-31T15:00:00Z, settled never
        inbound granted manual settled 1.0 = 1.0 at 2024-01-31T15:00:00Z, settled 2024-01-31T15:00:00Z
        inbound purchased interval pending 10.0 = 10.0 at 2024-02-29T05:55:00Z, settled never
        inbound granted interval settled 1.0 = 1.0 at 2024-02-29T05:55:00Z, settled 2024-02-29T05:55:00Z
        inbound purchased interval pending 10.0 = 10.0 at 2024-03-31T04:55:00Z, settled never
        inbound granted interval settled 1.0 = 1.0 at 2024-03-31T04:55:00Z, settled 2024-03-31T04:55:00Z
        inbound purchased interval pending 10.0 = 10.0 at 2024-04-30T04:55:00Z, settled never
        inbound granted interval settled 1.0 = 1.0 at 2024-04-30T04:55:00Z, settled 2024-04-30T04:55:00Z
    "#]]
    .assert_eq(&transactions(&world, &id));
    assert_eq!(balance(&world, &id), "400 / 4.0, used 0.0");
    expect![[r#"
        ACME-0001-001-001 credit 2024-01-31 finalized pending 1000
        ACME-0001-001-002 credit 2024-02-29 finalized pending 1000
        ACME-0001-001-003 credit 2024-03-31 finalized pending 1000
        ACME-0001-001-004 credit 2024-04-30 finalized pending 1000
    "#]]
    .assert_eq(&invoices(&world, "acme"));
    world.travel_to("2024-05-31T04:55");
    assert_eq!(balance(&world, &id), "500 / 5.0, used 0.0");
    // Another zone: the day begins at 22:00 UTC, and 30 June has begun there long ago when the day before ends here.
    world.customer("acme", json!({"timezone": "Europe/Paris"}));
    world.travel_to("2024-06-29T22:54:59");
    assert_eq!(balance(&world, &id), "500 / 5.0, used 0.0");
    world.travel_to("2024-06-29T22:55");
    assert_eq!(balance(&world, &id), "600 / 6.0, used 0.0");
    // An ended wallet is topped up no more.
    world.delete(&format!("/wallets/{id}"));
    world.travel_to("2024-09-01");
    assert_eq!(balance(&world, &id), "600 / 6.0, used 0.0");
}

#[test]
fn every_interval_fires_on_its_days() {
    let world = World::new("2021-02-20T12:00");
    let ids = ["weekly", "monthly", "quarterly", "yearly"].map(|interval| {
        let rule = json!([{"rule_type": "interval", "interval": interval}]);
        wallet_of(&world, interval, json!({"granted_credits": "1", "recurring_transaction_rules": rule}))
    });
    let days = |id: &str| -> Vec<String> {
        let list = world.get(&format!("/wallets/{id}/wallet_transactions"));
        let fired =
            list["wallet_transactions"].as_array().unwrap().iter().rev().filter(|one| one["source"] == "interval");
        fired.map(|one| one["created_at"].as_str().unwrap().strip_suffix("T00:55:00Z").unwrap().to_owned()).collect()
    };
    world.travel_to("2021-03-21");
    assert_eq!(days(&ids[0]), ["2021-02-27", "2021-03-06", "2021-03-13", "2021-03-20"]);
    assert_eq!(days(&ids[1]), ["2021-03-20"]);
    world.travel_to("2022-03-01");
    assert_eq!(days(&ids[2]), ["2021-05-20", "2021-08-20", "2021-11-20", "2022-02-20"]);
    assert_eq!(days(&ids[3]), ["2022-02-20"]);
    assert_eq!(days(&ids[0]).len(), 53);
}

#[test]
fn a_rule_added_on_its_day_fires_on_that_day() {
    let world = World::new("2024-01-15T10:00");
    let id = wallet_of(&world, "acme", json!({}));
    world.travel_to("2024-02-15T10:30");
    let rule = json!({"rule_type": "interval", "interval": "monthly", "paid_credits": "0", "granted_credits": "3"});
    let changed = world.put(&format!("/wallets/{id}"), json!({"wallet": {"recurring_transaction_rules": [rule]}}));
    let kept = changed["wallet"]["recurring_transaction_rules"][0].clone();
    assert_eq!((&kept["threshold_credits"], &kept["created_at"]), (&json!("0.0"), &json!("2024-02-15T10:30:00Z")));
    world.travel_to("2024-02-15T10:54:59");
    assert_eq!(balance(&world, &id), "0 / 0.0, used 0.0");
    world.travel_to("2024-02-15T23:59");
    assert_eq!(balance(&world, &id), "300 / 3.0, used 0.0");
    // Changed on the same day: this day is used. A rule of nothing tops up nothing.
    let nothing = json!({"lago_id": kept["lago_id"], "paid_credits": "0", "granted_credits": "0"});
    let changed = world.put(&format!("/wallets/{id}"), json!({"wallet": {"recurring_transaction_rules": [nothing]}}));
    assert_eq!(changed["wallet"]["recurring_transaction_rules"][0]["interval"], "monthly");
    world.travel_to("2024-03-16");
    assert_eq!(balance(&world, &id), "300 / 3.0, used 0.0");
    let removed = world.put(&format!("/wallets/{id}"), json!({"wallet": {"recurring_transaction_rules": []}}));
    assert_eq!(removed["wallet"]["recurring_transaction_rules"], json!([]));
}

#[test]
fn wallets_expire_by_the_clock_and_can_be_given_longer() {
    let world = World::new("2024-03-10T12:00");
    let id = wallet_of(&world, "acme", json!({"granted_credits": "5", "expiration_at": "2024-03-20T10:45:01Z"}));
    world.travel_to("2024-03-20T11:44:59");
    assert_eq!(shown(&world, &id)["status"], "active");
    world.travel_to("2024-03-20T11:45");
    let ended = shown(&world, &id);
    assert_eq!((&ended["status"], &ended["terminated_at"]), (&json!("terminated"), &json!("2024-03-20T11:45:00.000Z")));
    assert_eq!(balance(&world, &id), "500 / 5.0, used 0.0");
    let second = wallet(&world, "acme", json!({"expiration_date": "2024-03-25"}));
    assert_eq!(shown(&world, &second)["expiration_at"], "2024-03-25T23:59:59Z");
    world.put(&format!("/wallets/{second}"), json!({"wallet": {"expiration_at": "2024-04-01T00:00:00+02:00"}}));
    world.travel_to("2024-03-31T22:44");
    assert_eq!(shown(&world, &second)["status"], "active");
    // PATCH is PUT; null clears.
    let path = format!("/api/v1/wallets/{second}");
    let patched =
        send(&world.key, Method::PATCH, &path, Some(br#"{"wallet":{"expiration_at":null,"name":"x"}}"#.to_vec()));
    assert_eq!((patched.status.as_u16(), &patched.json()["wallet"]["expiration_at"]), (200, &json!(null)));
    world.travel_to("2024-05-01");
    assert_eq!(shown(&world, &second)["status"], "active");
}

#[test]
fn a_deleted_customer_has_no_wallet() {
    let world = World::new("2024-03-10T12:00");
    let id = wallet_of(&world, "acme", json!({"granted_credits": "5"}));
    world.settle();
    world.delete("/customers/acme");
    let missing = r#"404 {"status":404,"error":"Not Found","code":"wallet_not_found"}"#;
    assert_eq!(world.refused(Method::GET, &format!("/wallets/{id}"), json!({})), missing);
    assert_eq!(world.refused(Method::DELETE, &format!("/wallets/{id}"), json!({})), missing);
    assert_eq!(world.refused(Method::GET, &format!("/wallets/{id}/wallet_transactions"), json!({})), missing);
    let body = json!({"wallet_transaction": {"wallet_id": id, "granted_credits": "1"}});
    assert!(world.refused(Method::POST, "/wallet_transactions", body).contains("wallet_not_found"));
    world.settle();
    // Another customer of the same external id begins anew.
    let other = wallet_of(&world, "acme", json!({}));
    assert_eq!(balance(&world, &other), "0 / 0.0, used 0.0");
}

#[test]
fn what_unbilled_usage_leaves_is_shown() {
    let world = World::new("2024-03-01");
    world.tax("vat", "20", true);
    world.metric("calls", "count");
    let charge = world.charge("calls", "standard", json!({"amount": "1.50"}));
    world.plan("metered", "100.00 EUR monthly", &[charge]);
    world.subscribe("acme", "metered");
    let id = wallet(&world, "acme", json!({"rate_amount": "3", "granted_credits": "10"}));
    let call = ("2024-03-05", json!({}));
    world.travel_to("2024-03-06");
    world.usage("acme", "calls", &[call.clone(), call.clone()]);
    world.settle();
    // 2 x 1.50 and 20 % tax: 3.60, or 1.2 credits of 3.00.
    let wallet = shown(&world, &id);
    for (field, expected) in [
        ("balance_cents", json!(3000)),
        ("ongoing_balance_cents", json!(2640)),
        ("ongoing_usage_balance_cents", json!(360)),
        ("credits_balance", json!("10.0")),
        ("credits_ongoing_balance", json!("8.8")),
        ("credits_ongoing_usage_balance", json!("1.2")),
    ] {
        assert_eq!(wallet[field], expected, "{field}");
        assert_eq!(world.get("/wallets?external_customer_id=acme")["wallets"][0][field], expected, "{field}");
    }
}

/// A plan of 4.50 in advance: subscribing uses 4.50 at once.
fn small_plan(world: &World) {
    world.plan("small", "4.50 EUR monthly in advance", &[]);
}

/// Whole periods from now on.
fn subscribe_as(world: &World, customer: &str, external_id: &str, plan: &str) {
    let subscription = json!({
        "external_customer_id": customer, "external_id": external_id, "plan_code": plan, "billing_time": "anniversary",
    });
    world.post("/subscriptions", json!({ "subscription": subscription }));
}

fn prepaid(invoice: &Value) -> String {
    let cents = |name: &str| invoice[name].to_string();
    let status = invoice["payment_status"].as_str().unwrap();
    format!(
        "{} - {} = {} {status}",
        cents("sub_total_including_taxes_amount_cents"),
        cents("prepaid_credit_amount_cents"),
        cents("total_amount_cents")
    )
}

#[test]
fn invoices_use_credits_after_tax() {
    let world = World::new("2024-01-01");
    world.tax("vat", "20", true);
    world.plan("hundred", "100.00 EUR monthly", &[]);
    world.subscribe("acme", "hundred");
    let id = wallet(&world, "acme", json!({"rate_amount": "5", "granted_credits": "30"}));
    world.travel_to("2024-02-01");
    assert_eq!(prepaid(&world.all_invoices("acme")[0]), "12000 - 12000 = 0 succeeded");
    // 120.00 at 5.00 per credit are 24 credits.
    assert_eq!(balance(&world, &id), "3000 / 6.0, used 24.0");
    let used = shown(&world, &id);
    assert_eq!(
        (&used["last_consumed_credit_at"], &used["last_balance_sync_at"]),
        (&json!("2024-02-01T00:00:00Z"), &json!("2024-02-01T00:00:00Z"))
    );
    world.travel_to("2024-03-01");
    let second = world.all_invoices("acme")[1].clone();
    assert_eq!(prepaid(&second), "12000 - 3000 = 9000 pending");
    assert_eq!((&second["credits"], &second["credit_amount_cents"]), (&json!([]), &json!(0)));
    world.travel_to("2024-04-01");
    assert_eq!(prepaid(&world.all_invoices("acme")[2]), "12000 - 0 = 12000 pending");
    expect![[r#"
        inbound granted manual settled 30.0 = 150.0 at 2024-01-01T00:00:00Z, settled 2024-01-01T00:00:00Z
        outbound invoiced manual settled 24.0 = 120.0 at 2024-02-01T00:00:00Z, settled 2024-02-01T00:00:00Z
        outbound invoiced manual settled 6.0 = 30.0 at 2024-03-01T00:00:00Z, settled 2024-03-01T00:00:00Z
    "#]]
    .assert_eq(&transactions(&world, &id));
    let path = format!("/invoices/{}", second["lago_id"].as_str().unwrap());
    assert_eq!(world.ask(Method::POST, &format!("{path}/download"), None).status, 200);
    world.settle();
    let link = world.get(&path)["invoice"]["file_url"].as_str().unwrap().to_owned();
    let page = pdf_extract::extract_text_from_mem(&send("no key", Method::GET, &link, None).bytes).unwrap();
    for words in ["Prepaid credits", "30.00", "90.00"] {
        assert!(page.contains(words), "`{words}` is missing: {page}");
    }
}

#[test]
fn a_void_gives_back_to_an_active_wallet_only() {
    let world = World::new("2024-01-01");
    world.plan("hundred", "100.00 EUR monthly in advance", &[]);
    world.customer("acme", json!({}));
    let id = wallet(&world, "acme", json!({"rate_amount": "3", "granted_credits": "10"}));
    world.settle();
    subscribe_as(&world, "acme", "one", "hundred");
    world.settle();
    let first = world.only_invoice("acme");
    assert_eq!(prepaid(&first), "10000 - 3000 = 7000 pending");
    assert_eq!(balance(&world, &id), "0 / 0.0, used 10.0");
    world.travel_to("2024-01-02");
    let voided = world.post(&format!("/invoices/{}/void", first["lago_id"].as_str().unwrap()), json!({}));
    assert_eq!(prepaid(&voided["invoice"]), "10000 - 3000 = 7000 pending");
    assert_eq!(balance(&world, &id), "3000 / 10.0, used 0.0");
    assert!(transactions(&world, &id).ends_with(
        "inbound voided manual settled 10.0 = 30.0 at 2024-01-02T00:00:00Z, settled 2024-01-02T00:00:00Z\n"
    ));
    subscribe_as(&world, "acme", "two", "hundred");
    world.settle();
    world.delete(&format!("/wallets/{id}"));
    let second = world.all_invoices("acme")[1].clone();
    let voided = world.post(&format!("/invoices/{}/void", second["lago_id"].as_str().unwrap()), json!({}));
    assert_eq!(voided["invoice"]["status"], "voided");
    assert_eq!(balance(&world, &id), "0 / 0.0, used 10.0");
    // A purchase whose invoice is voided stays as it is: nobody pays it, and if somebody does, it counts.
    let other = wallet(&world, "acme", json!({}));
    top_up(&world, &other, "5", "0");
    let sale = world.all_invoices("acme")[2].clone();
    world.post(&format!("/invoices/{}/void", sale["lago_id"].as_str().unwrap()), json!({}));
    assert_eq!(balance(&world, &other), "0 / 0.0, used 0.0");
    assert!(transactions(&world, &other).starts_with("inbound purchased manual pending 5.0"));
}

#[test]
fn a_draft_uses_credits_when_it_is_final() {
    let world = World::new("2024-01-01");
    world.plan("hundred", "100.00 EUR monthly", &[]);
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 3}}));
    world.subscribe("acme", "hundred");
    // Expired in the meantime, and not swept yet: the chapter lets it be used.
    let id = wallet(&world, "acme", json!({"granted_credits": "40", "expiration_at": "2024-02-04T00:00:00Z"}));
    world.travel_to("2024-02-01");
    assert_eq!(prepaid(&world.only_invoice("acme")), "10000 - 0 = 10000 pending");
    assert_eq!(balance(&world, &id), "4000 / 40.0, used 0.0");
    world.travel_to("2024-02-04T00:20");
    assert_eq!(prepaid(&world.only_invoice("acme")), "10000 - 4000 = 6000 pending");
    assert_eq!(balance(&world, &id), "0 / 0.0, used 40.0");
    world.travel_to("2024-02-04T00:45");
    assert_eq!(shown(&world, &id)["status"], "terminated");
}

#[test]
fn a_threshold_tops_up_two_seconds_after_each_use_at_or_below_it() {
    let world = World::new("2024-01-10T10:00");
    small_plan(&world);
    let rule = |threshold: &str| json!([{"rule_type": "threshold", "threshold_credits": threshold}]);
    let new = |customer: &str, threshold: &str| {
        let id = wallet_of(&world, customer, json!({"recurring_transaction_rules": rule(threshold)}));
        // 10 credits to begin with, and rules of 2 credits to buy and 1 to grant.
        top_up(&world, &id, "0", "10");
        let rules = world.get(&format!("/wallets/{id}"))["wallet"]["recurring_transaction_rules"][0]["lago_id"].clone();
        let entry = json!({"lago_id": rules, "paid_credits": "2", "granted_credits": "1"});
        world.put(&format!("/wallets/{id}"), json!({"wallet": {"recurring_transaction_rules": [entry]}}));
        id
    };
    let ids = [new("six", "6"), new("exact", "5.5"), new("two", "2.0")];
    for customer in ["six", "exact", "two"] {
        subscribe_as(&world, customer, customer, "small");
    }
    world.settle();
    world.travel_to("2024-01-10T10:00:01");
    for id in &ids {
        assert_eq!(balance(&world, id), "550 / 5.5, used 4.5");
    }
    world.travel_to("2024-01-10T10:00:02");
    assert_eq!(balance(&world, &ids[0]), "650 / 6.5, used 4.5");
    assert_eq!(balance(&world, &ids[1]), "650 / 6.5, used 4.5");
    assert_eq!(balance(&world, &ids[2]), "550 / 5.5, used 4.5");
    expect![[r#"
        inbound granted manual settled 10.0 = 10.0 at 2024-01-10T10:00:00Z, settled 2024-01-10T10:00:00Z
        outbound invoiced manual settled 4.5 = 4.5 at 2024-01-10T10:00:00Z, settled 2024-01-10T10:00:00Z
        inbound purchased threshold pending 2.0 = 2.0 at 2024-01-10T10:00:02Z, settled never
        inbound granted threshold settled 1.0 = 1.0 at 2024-01-10T10:00:02Z, settled 2024-01-10T10:00:02Z
    "#]]
    .assert_eq(&transactions(&world, &ids[0]));
    // Unpaid top-ups do not count: each further use triggers again.
    world.travel_to("2024-02-12");
    expect![[r#"
        ACME-0001-001-001 subscription 2024-01-10 finalized succeeded 0
        ACME-0001-001-002 credit 2024-01-10 finalized pending 200
        ACME-0001-001-003 subscription 2024-02-10 finalized succeeded 0
        ACME-0001-001-004 credit 2024-02-10 finalized pending 200
    "#]]
    .assert_eq(&invoices(&world, "six"));
    assert_eq!(balance(&world, &ids[0]), "300 / 3.0, used 9.0");
    // 5.5 - 4.5 = 1.0 is at or below 2.0 now.
    assert_eq!(balance(&world, &ids[2]), "200 / 2.0, used 9.0");
}

#[test]
fn usage_that_eats_up_the_credits_tops_up_before_it_is_billed() {
    let world = World::new("2024-03-01");
    world.metric("calls", "count");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.plan("metered", "0.00 EUR monthly", &[charge]);
    world.subscribe("acme", "metered");
    let rule = json!([{"rule_type": "threshold", "threshold_credits": "6"}]);
    let id = wallet(&world, "acme", json!({"paid_credits": "5", "recurring_transaction_rules": rule}));
    world.settle();
    top_up(&world, &id, "0", "10");
    let call = |at: &'static str| (at, json!({}));
    world.travel_to("2024-03-05");
    world.usage("acme", "calls", &[call("2024-03-05"), call("2024-03-05"), call("2024-03-05")]);
    world.travel_to("2024-03-06");
    assert_eq!(shown(&world, &id)["credits_ongoing_balance"], "7.0");
    world.usage("acme", "calls", &[call("2024-03-06")]);
    world.settle();
    assert_eq!(shown(&world, &id)["credits_ongoing_balance"], "6.0");
    world.travel_to("2024-03-06T00:00:02");
    world.usage("acme", "calls", &[call("2024-03-06")]);
    world.travel_to("2024-04-02");
    // One top-up for the usage; the invoice that bills it makes no other.
    expect![[r#"
        inbound purchased manual pending 5.0 = 5.0 at 2024-03-01T00:00:00Z, settled never
        inbound granted manual settled 10.0 = 10.0 at 2024-03-01T00:00:00Z, settled 2024-03-01T00:00:00Z
        inbound purchased threshold pending 5.0 = 5.0 at 2024-03-06T00:00:02Z, settled never
        outbound invoiced manual settled 5.0 = 5.0 at 2024-04-01T00:00:00Z, settled 2024-04-01T00:00:00Z
    "#]]
    .assert_eq(&transactions(&world, &id));
}

#[test]
fn the_last_invoices_of_a_deleted_customer_use_its_wallet() {
    let world = World::new("2024-01-01");
    world.plan("hundred", "100.00 EUR monthly", &[]);
    world.subscribe("acme", "hundred");
    wallet(&world, "acme", json!({"granted_credits": "20"}));
    world.travel_to("2024-01-31");
    world.delete("/customers/acme");
    world.settle();
    let last = world.only_invoice("acme");
    let (due, total) = (last["sub_total_including_taxes_amount_cents"].as_i64(), last["total_amount_cents"].as_i64());
    assert_eq!((&last["prepaid_credit_amount_cents"], total), (&json!(2000), due.map(|due| due - 2000)));
}
