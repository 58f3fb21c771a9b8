//! What the world hears: types and order, signatures, retries, the log (chapter 07, part 1).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use expect_test::expect;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::{Delivery, Receiver};
use super::world::{World, url};
use super::{calls, hundred};

/// An endpoint at a path of the receiver. Returns its id.
fn endpoint(world: &World, receiver: &Receiver, path: &str, algorithm: &str) -> String {
    let body = json!({"webhook_url": format!("{}{path}", receiver.url), "signature_algo": algorithm});
    let made = world.post("/webhook_endpoints", json!({ "webhook_endpoint": body }));
    made["webhook_endpoint"]["lago_id"].as_str().unwrap().to_owned()
}

/// The log of an endpoint, oldest first.
fn log(world: &World, endpoint: &str) -> Vec<Value> {
    let mut entries =
        world.get(&format!("/webhook_endpoints/{endpoint}/webhooks"))["webhooks"].as_array().unwrap().clone();
    entries.reverse();
    entries
}

fn log_line(entry: &Value) -> String {
    let field = |name: &str| entry[name].to_string();
    format!(
        "{} {} retries {} http {} last {} response {}\n",
        field("webhook_type"),
        field("status"),
        field("retries"),
        field("http_status"),
        field("last_retried_at"),
        field("response")
    )
}

#[test]
fn a_life_is_told_in_order() {
    let world = calls("2024-01-15");
    let receiver = Receiver::start();
    endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly in advance");
    world.plan("more", "200.00 EUR monthly in advance", &[]);
    world.customer("acme", json!({"name": "Ada"}));
    world.subscribe("acme", "hundred");
    world.settle();
    world.travel_to("2024-02-01");
    world.travel_to("2024-02-10");
    world.subscribe("acme", "more");
    world.settle();
    world.subscribe("acme", "hundred");
    world.travel_to("2024-03-01");
    world.delete("/subscriptions/acme");
    world.settle();
    let told: String = receiver
        .at("/hook")
        .iter()
        .map(|delivery| {
            let body = delivery.json();
            let object = &body[body["object_type"].as_str().unwrap()];
            let about = match delivery.webhook_type().as_str() {
                "invoice.created" | "credit_note.created" => object["number"].to_string(),
                _ => format!("{} {}", object["plan_code"], object["status"]),
            };
            format!("{} {about}\n", delivery.webhook_type())
        })
        .collect();
    // Deliveries run side by side: the order of arrival is that of production only step by step.
    let mut lines: Vec<&str> = told.lines().collect();
    lines.sort_unstable();
    expect![[r#"
        credit_note.created "ACME-0001-001-002-CN001"
        credit_note.created "ACME-0001-001-006-CN001"
        invoice.created "ACME-0001-001-001"
        invoice.created "ACME-0001-001-002"
        invoice.created "ACME-0001-001-003"
        invoice.created "ACME-0001-001-004"
        invoice.created "ACME-0001-001-005"
        invoice.created "ACME-0001-001-006"
        invoice.created "ACME-0001-001-007"
        subscription.started "hundred" "active"
        subscription.started "hundred" "active"
        subscription.started "more" "active"
        subscription.terminated "hundred" "terminated"
        subscription.terminated "hundred" "terminated"
        subscription.terminated "more" "terminated""#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn the_log_keeps_the_order_of_production() {
    let world = calls("2024-01-15");
    let receiver = Receiver::start();
    let hook = endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly in advance");
    world.plan("more", "200.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "hundred");
    world.settle();
    world.travel_to("2024-02-10");
    world.subscribe("acme", "more");
    world.travel_to("2024-02-11");
    let types: Vec<String> =
        log(&world, &hook).iter().map(|entry| entry["webhook_type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        types,
        [
            "subscription.started",
            "invoice.created",
            "invoice.created",
            // The upgrade: the credit for unused days, old one, new one, then the invoices of both.
            "credit_note.created",
            "subscription.terminated",
            "subscription.started",
            "invoice.created",
            "invoice.created",
        ]
    );
}

#[test]
fn drafts_are_told_as_drafts_and_again_when_final() {
    let world = calls("2024-01-01");
    let receiver = Receiver::start();
    endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly");
    world.customer("acme", json!({"billing_configuration": {"invoice_grace_period": 1}}));
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-03");
    let id = world.only_invoice("acme")["lago_id"].as_str().unwrap().to_owned();
    world.put(&format!("/invoices/{id}"), json!({"invoice": {"payment_status": "failed"}}));
    world.settle();
    world.post(&format!("/invoices/{id}/void"), json!({}));
    world.settle();
    assert_eq!(
        receiver.types_at("/hook"),
        [
            "subscription.started",
            "invoice.drafted",
            "invoice.created",
            "invoice.payment_status_updated",
            "invoice.voided",
        ]
    );
    // One number per message about an object.
    let invoice = receiver.at("/hook")[1..]
        .iter()
        .map(|delivery| delivery.header("X-Weir-Sequence").to_owned())
        .collect::<Vec<_>>();
    assert_eq!(invoice, ["1", "2", "3", "4"]);
}

fn only<'a>(deliveries: &'a [Delivery], webhook_type: &str) -> &'a Delivery {
    let found: Vec<_> = deliveries.iter().filter(|delivery| delivery.webhook_type() == webhook_type).collect();
    assert_eq!(found.len(), 1, "{deliveries:?}");
    found[0]
}

#[test]
fn signatures_can_be_verified() {
    let world = calls("2024-01-01");
    let receiver = Receiver::start();
    endpoint(&world, &receiver, "/hmac", "hmac");
    endpoint(&world, &receiver, "/jwt", "jwt");
    hundred(&world, "monthly");
    world.customer("acme", json!({"name": "Smith & Sons <ltd> \u{2028}"}));
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");

    // Checked by a library that Weir does not sign with.
    let deliveries = receiver.at("/hmac");
    let hmac = only(&deliveries, "invoice.created");
    let key = EncodingKey::from_secret(world.key.as_bytes());
    let expected = jsonwebtoken::crypto::sign(hmac.body.as_bytes(), &key, Algorithm::HS256).unwrap();
    assert_eq!(hmac.header("X-Lago-Signature"), STANDARD.encode(URL_SAFE_NO_PAD.decode(expected).unwrap()));
    assert_eq!(hmac.header("X-Lago-Signature-Algorithm"), "hmac");
    assert_eq!(hmac.header("Content-Type"), "application/json");
    assert!(
        hmac.body.starts_with(r#"{"webhook_type":"invoice.created","object_type":"invoice","invoice":{"lago_id":"#)
    );
    assert!(hmac.body.contains(r"Smith \u0026 Sons \u003cltd\u003e"), "{}", hmac.body);

    let deliveries = receiver.at("/jwt");
    let jwt = only(&deliveries, "invoice.created");
    let public = world.get("/webhooks/json_public_key")["webhook"]["public_key"].as_str().unwrap().replace('\n', "");
    let text = world.ask(Method::GET, "/webhooks/public_key", None).text();
    assert_eq!(text.replace('\n', ""), public);
    let public = DecodingKey::from_rsa_pem(&STANDARD.decode(public).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let token = jsonwebtoken::decode::<Value>(jwt.header("X-Lago-Signature"), &public, &validation).unwrap();
    assert_eq!(token.claims, json!({"data": jwt.body, "iss": url("")}));

    // The same message, another entry of the log.
    assert_eq!(hmac.body, jwt.body);
    assert_ne!(hmac.header("X-Lago-Unique-Key"), jwt.header("X-Lago-Unique-Key"));
    let invoice = world.only_invoice("acme");
    assert_eq!(hmac.json()["invoice"]["lago_id"], invoice["lago_id"]);
    assert_eq!(hmac.json()["invoice"]["fees"].as_array().unwrap().len(), 2);
}

#[test]
fn failures_are_retried_when_the_clock_comes_to_it() {
    let world = calls("2024-01-01");
    let receiver = Receiver::start();
    let hook = endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly");
    receiver.fails_with(&[500, 302, 404, 503]);
    world.subscribe("acme", "hundred");
    let arrived_at = |instant: &str| {
        world.travel_to(instant);
        receiver.at("/hook").len()
    };
    // 2 s; 3 to 3.15 s after that; 18 to 20.4 s after that; then no more.
    let counts = [
        arrived_at("2024-01-01T00:00:00"),
        arrived_at("2024-01-01T00:00:01"),
        arrived_at("2024-01-01T00:00:02"),
        arrived_at("2024-01-01T00:00:04"),
        arrived_at("2024-01-01T00:00:06"),
        arrived_at("2024-01-01T00:00:22"),
        arrived_at("2024-01-01T00:00:26"),
        arrived_at("2024-01-01T01:00:00"),
    ];
    assert_eq!(counts, [1, 1, 2, 2, 3, 3, 4, 4]);
    let deliveries = receiver.at("/hook");
    let same = |name: &str| deliveries.iter().all(|delivery| delivery.header(name) == deliveries[0].header(name));
    assert!(same("X-Lago-Unique-Key") && same("X-Weir-Sequence") && same("X-Lago-Signature"));
    assert!(deliveries.iter().all(|delivery| delivery.body == deliveries[0].body));
    let entries = log(&world, &hook);
    let line = log_line(&entries[0]);
    assert!(
        line.starts_with("\"subscription.started\" \"failed\" retries 3 http 503 last \"2024-01-01T00:00:2"),
        "{line}"
    );
    assert_eq!(entries[0]["payload"], deliveries[0].body);

    // By hand, once more, and it works: there is nothing left to retry.
    let id = entries[0]["lago_id"].as_str().unwrap();
    world.post(&format!("/webhooks/{id}/retry"), json!({}));
    world.settle();
    assert_eq!(receiver.at("/hook").len(), 5);
    assert_eq!(
        log_line(&log(&world, &hook)[0]),
        "\"subscription.started\" \"succeeded\" retries 4 http 200 last \"2024-01-01T01:00:00Z\" response \"{}\"\n"
    );
    let refused = world.refused(Method::POST, &format!("/webhooks/{id}/retry"), json!({}));
    assert_eq!(refused, r#"405 {"status":405,"error":"Method Not Allowed","code":"is_succeeded"}"#);
    let missing = world.refused(Method::POST, "/webhooks/00000000-0000-0000-0000-000000000000/retry", json!({}));
    assert_eq!(missing, r#"404 {"status":404,"error":"Not Found","code":"webhook_not_found"}"#);
}

#[test]
fn a_failing_endpoint_holds_up_nobody_else() {
    let world = calls("2024-01-01");
    let (good, bad) = (Receiver::start(), Receiver::start());
    let first = endpoint(&world, &bad, "/bad", "hmac");
    let second = endpoint(&world, &good, "/good", "hmac");
    hundred(&world, "monthly");
    bad.fails_with(&[500; 100]);
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    assert_eq!(good.types_at("/good"), ["subscription.started", "invoice.created"]);
    let states = |endpoint: &str| -> Vec<String> {
        log(&world, endpoint).iter().map(|entry| format!("{} {}", entry["webhook_type"], entry["status"])).collect()
    };
    assert_eq!(states(&second), [r#""subscription.started" "succeeded""#, r#""invoice.created" "succeeded""#]);
    let mut failed = states(&first);
    failed.sort();
    assert_eq!(failed, [r#""invoice.created" "failed""#, r#""subscription.started" "failed""#]);
    let only_failed = world.get(&format!("/webhook_endpoints/{first}/webhooks?status=succeeded"));
    assert_eq!(only_failed["webhooks"], json!([]));

    // A deleted endpoint takes its log and its retries with it.
    let id = log(&world, &first)[0]["lago_id"].as_str().unwrap().to_owned();
    world.delete(&format!("/webhook_endpoints/{first}"));
    let before = bad.at("/bad").len();
    world.travel_to("2024-02-02");
    assert_eq!(bad.at("/bad").len(), before);
    assert_eq!(world.ask(Method::GET, &format!("/webhook_endpoints/{first}/webhooks"), None).status, 404);
    let gone = world.refused(Method::POST, &format!("/webhooks/{id}/retry"), json!({}));
    assert_eq!(gone, r#"404 {"status":404,"error":"Not Found","code":"webhook_not_found"}"#);
}

#[test]
fn nobody_listens_nothing_is_kept() {
    let world = calls("2024-01-01");
    let receiver = Receiver::start();
    hundred(&world, "monthly");
    world.subscribe("acme", "hundred");
    world.travel_to("2024-02-01");
    let hook = endpoint(&world, &receiver, "/late", "hmac");
    world.travel_to("2024-02-02");
    assert_eq!(log(&world, &hook), Vec::<Value>::new());
    assert_eq!(receiver.deliveries().len(), 0);
}

#[test]
fn endpoints_are_at_most_five_and_each_url_once() {
    let world = World::new("2024-01-01");
    for number in 1..=5 {
        world.post(
            "/webhook_endpoints",
            json!({"webhook_endpoint": {"webhook_url": format!("https://hooks.example/{number}")}}),
        );
    }
    let refused = |body: Value| world.refused(Method::POST, "/webhook_endpoints", json!({ "webhook_endpoint": body }));
    let lines = [
        refused(json!({"webhook_url": "https://hooks.example/6"})),
        refused(json!({"webhook_url": "https://hooks.example/1"})),
        refused(json!({"webhook_url": "ftp://hooks.example/7"})),
        refused(json!({"signature_algo": "jwt"})),
        refused(json!({"webhook_url": "https://hooks.example/8", "signature_algo": "md5"})),
    ];
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"base":["Maximum number of webhook endpoints was reached"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"webhook_url":["value_already_exist"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"webhook_url":["url_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"webhook_url":["value_is_mandatory","url_is_invalid"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"signature_algo":["value_is_invalid"]}}"#]].assert_eq(&lines.join("\n"));
}

/// What the world heard of subscriptions since `seen` deliveries: type, plan, its counts of customers and active
/// subscriptions, the customer's currency. Sorted, for deliveries run side by side.
fn counts(world: &World, receiver: &Receiver, seen: &mut usize) -> Vec<String> {
    world.settle();
    let deliveries = receiver.deliveries();
    let mut lines: Vec<String> = deliveries[*seen..]
        .iter()
        .map(Delivery::json)
        .filter(|body| body["object_type"] == "subscription")
        .map(|body| {
            let (told, plan) = (&body["subscription"], &body["subscription"]["plan"]);
            format!(
                "{} {} {} {} {}",
                body["webhook_type"].as_str().unwrap(),
                plan["code"].as_str().unwrap(),
                plan["customers_count"],
                plan["active_subscriptions_count"],
                told["customer"]["currency"].as_str().unwrap_or("none"),
            )
        })
        .collect();
    *seen = deliveries.len();
    lines.sort();
    lines
}

#[test]
fn messages_show_what_their_commit_leaves() {
    let world = calls("2024-01-10T12:00");
    let receiver = Receiver::start();
    endpoint(&world, &receiver, "/hook", "hmac");
    world.plan("basic", "10.00 EUR monthly", &[]);
    world.plan("pro", "20.00 EUR monthly", &[]);
    let mut seen = 0;
    let mut told = || counts(&world, &receiver, &mut seen);
    // A customer that the request makes, with its plan's currency.
    world.subscribe("acme", "basic");
    assert_eq!(told(), ["subscription.started basic 1 1 EUR"]);
    world.subscribe("acme", "pro");
    assert_eq!(told(), ["subscription.started pro 1 1 EUR", "subscription.terminated basic 0 0 EUR"]);
    world.subscribe("other", "pro");
    assert_eq!(told(), ["subscription.started pro 2 2 EUR"]);
    world.subscribe_with("acme", "pro", json!({"external_id": "second", "ending_at": "2024-01-20T00:00:00Z"}));
    assert_eq!(told(), ["subscription.started pro 2 3 EUR"]);
    world.subscribe("acme", "basic");
    world.subscribe_with("late", "basic", json!({"subscription_at": "2024-01-25T00:00:00Z"}));
    assert_eq!(told(), [""; 0]);
    world.travel_to("2024-01-21");
    assert_eq!(told(), ["subscription.terminated pro 2 2 EUR"]);
    world.travel_to("2024-01-26");
    assert_eq!(told(), ["subscription.started basic 1 1 EUR"]);
    world.travel_to("2024-02-02");
    assert_eq!(told(), ["subscription.started basic 2 2 EUR", "subscription.terminated pro 1 1 EUR"]);
    world.subscribe_with("acme", "basic", json!({"external_id": "third"}));
    assert_eq!(told(), ["subscription.started basic 2 3 EUR"]);
    world.delete("/customers/acme");
    assert_eq!(told(), ["subscription.terminated basic 1 1 EUR", "subscription.terminated basic 2 2 EUR"]);
    world.delete("/plans/pro");
    assert_eq!(told(), ["subscription.terminated pro 0 0 EUR"]);
}

#[test]
fn a_plan_that_the_commit_makes_counts_too() {
    let world = calls("2024-01-10T12:00");
    let receiver = Receiver::start();
    endpoint(&world, &receiver, "/hook", "hmac");
    world.tax("vat", "20", true);
    hundred(&world, "monthly in advance");
    let metric = world.get("/billable_metrics/calls")["billable_metric"]["lago_id"].clone();
    let charge = world.get("/plans/hundred")["plan"]["charges"][0]["lago_id"].clone();
    let overrides = json!({
        "amount_cents": 77, "tax_codes": ["vat"],
        "charges": [{
            "id": charge, "billable_metric_id": metric, "properties": {"amount": "9"}, "tax_codes": ["vat"],
        }],
    });
    let answer = world.subscribe_with("acme", "hundred", json!({ "plan_overrides": overrides }));
    world.settle();
    let deliveries = receiver.at("/hook");
    let told = only(&deliveries, "subscription.started").json()["subscription"].clone();
    let (tax, charged) = (&told["plan"]["taxes"][0], &told["plan"]["charges"][0]["taxes"][0]);
    assert_eq!(
        (&tax["plans_count"], &tax["charges_count"], &tax["customers_count"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(tax, charged);
    assert_eq!(told["plan"], answer["plan"]);
    assert_eq!(told["customer"]["currency"], "EUR");

    // What sells something to a customer without currency gives it one.
    let add_on = json!({"name": "a", "code": "a", "amount_cents": 400, "amount_currency": "EUR"});
    world.post("/add_ons", json!({ "add_on": add_on }));
    world.customer("fresh", json!({}));
    let order = json!({"external_customer_id": "fresh", "currency": "EUR", "fees": [{"add_on_code": "a"}]});
    world.post("/invoices", json!({ "invoice": order }));
    world.settle();
    let deliveries = receiver.at("/hook");
    assert_eq!(only(&deliveries, "invoice.one_off_created").json()["invoice"]["customer"]["currency"], "EUR");
}

#[test]
fn an_advance_makes_every_retry_at_its_instant() {
    let world = calls("2024-01-10T12:00");
    let receiver = Receiver::start();
    let hook = endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly");
    receiver.fails_with(&[500; 100]);
    world.subscribe("acme", "hundred");
    world.travel_to("2024-01-12");
    let lines = || -> Vec<String> {
        let line = |entry: &Value| {
            let at = |name: &str| entry[name].as_str().unwrap().to_owned();
            // The last retry comes 23 to 25.55 s after the first attempt.
            let (created_at, updated_at) =
                (super::world::instant(&at("created_at")), super::world::instant(&at("updated_at")));
            let after = (updated_at - created_at).num_seconds();
            assert!((23..=25).contains(&after), "{entry}");
            assert_eq!(entry["last_retried_at"], entry["updated_at"]);
            format!("{} {} of {}", at("webhook_type"), entry["retries"], at("created_at"))
        };
        log(&world, &hook).iter().map(line).collect()
    };
    assert_eq!(lines(), ["subscription.started 3 of 2024-01-10T12:00:00Z"]);
    assert_eq!(receiver.at("/hook").len(), 4);
    // Two months at once: what each of them told, and told again, is dated there.
    world.travel_to("2024-03-20");
    assert_eq!(
        lines(),
        [
            "subscription.started 3 of 2024-01-10T12:00:00Z",
            "invoice.created 3 of 2024-02-01T00:00:00Z",
            "invoice.created 3 of 2024-03-01T00:00:00Z",
        ]
    );
    // In order: an invoice is given up before the next one is made.
    let about = |delivery: &Delivery| delivery.json()["invoice"]["number"].as_str().map(str::to_owned);
    let numbers: Vec<_> = receiver.at("/hook").iter().filter_map(about).collect();
    let (first, second) = ("ACME-0001-001-001", "ACME-0001-001-002");
    assert_eq!(numbers, [first, first, first, first, second, second, second, second]);
}

#[test]
fn the_log_can_be_searched() {
    let world = calls("2024-01-01");
    let receiver = Receiver::start();
    let hook = endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "monthly in advance");
    world.subscribe("acme", "hundred");
    world.settle();
    let found = |query: &str| -> Vec<String> {
        let path = format!("/webhook_endpoints/{hook}/webhooks?{query}");
        let found = world.get(&path);
        assert_eq!(found["meta"]["total_count"], found["webhooks"].as_array().unwrap().len());
        let types = found["webhooks"].as_array().unwrap().iter().map(|entry| entry["webhook_type"].as_str().unwrap());
        types.map(str::to_owned).collect()
    };
    let id = log(&world, &hook)[0]["lago_id"].as_str().unwrap().to_uppercase();
    assert_eq!(found("search_term=STARTED"), ["subscription.started"]);
    assert_eq!(found("search_term=ice.cre"), ["invoice.created"]);
    assert_eq!(found(&format!("search_term={}", &id[9..23])), ["subscription.started"]);
    assert_eq!(found("search_term=created&status=failed"), [""; 0]);
    // No pattern: `%` and `_` are letters like others.
    assert_eq!(found("search_term=%25"), [""; 0]);
    assert_eq!(found("search_term=invoice_created"), [""; 0]);
    assert_eq!(found("search_term="), ["invoice.created", "subscription.started"]);
}

#[test]
fn the_log_forgets_by_the_organizations_clock() {
    let world = calls("2024-01-02T12:00");
    let receiver = Receiver::start();
    let hook = endpoint(&world, &receiver, "/hook", "hmac");
    hundred(&world, "yearly");
    receiver.fails_with(&[500; 4]);
    world.subscribe("acme", "hundred");
    // 90 days after 2 January are 1 April; at 01:00 of that day it was not yet noon.
    world.travel_to("2024-04-02T00:59:59");
    let entries = log(&world, &hook);
    assert_eq!((entries.len(), &entries[0]["status"]), (1, &json!("failed")));
    world.travel_to("2024-04-02T01:00");
    assert_eq!(log(&world, &hook), Vec::<Value>::new());
    let path = format!("/webhooks/{}/retry", entries[0]["lago_id"].as_str().unwrap());
    let gone = world.refused(Method::POST, &path, json!({}));
    assert_eq!(gone, r#"404 {"status":404,"error":"Not Found","code":"webhook_not_found"}"#);
}
