//! Whatever comes in: a refusal that says why, never a 5xx, and nothing half written (chapter 05, 1).

use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::world::{ADMIN_KEY, World, event, send, shared, url};

/// One organization with one of everything.
struct Stocked {
    world: World,
    invoice: String,
    fee: String,
    note: String,
    wallet: String,
    applied: String,
    endpoint: String,
    webhook: String,
}

fn stocked() -> Stocked {
    let world = World::new("2024-01-01");
    let receiver = Receiver::start();
    world.tax("t", "20", true);
    world.metric("m", "sum value");
    let charge = world.charge("m", "standard", json!({"amount": "1"}));
    world.plan("p", "10.00 EUR monthly", &[charge]);
    let endpoint = world
        .post("/webhook_endpoints", json!({"webhook_endpoint": {"webhook_url": format!("{}/hook", receiver.url)}}));
    let endpoint = endpoint["webhook_endpoint"]["lago_id"].as_str().unwrap().to_owned();
    world.customer("c", json!({"name": "Ada"}));
    world.subscribe_with("c", "p", json!({"external_id": "s"}));
    world.usage("s", "m", &[("2024-01-05", json!({"value": 1}))]);
    world.travel_to("2024-02-01");
    let id = |object: &Value| object["lago_id"].as_str().unwrap().to_owned();
    let invoice = id(&world.only_invoice("c"));
    let fee = world.get(&format!("/invoices/{invoice}"))["invoice"]["fees"][0].clone();
    let item = json!({"fee_id": fee["lago_id"], "amount_cents": 100});
    let note = json!({"credit_note": {"invoice_id": invoice, "credit_amount_cents": 120, "items": [item]}});
    let note = id(&world.post("/credit_notes", note)["credit_note"]);
    let add_on = json!({"name": "n", "code": "a", "amount_cents": 1, "amount_currency": "EUR"});
    world.post("/add_ons", json!({ "add_on": add_on }));
    let coupon = json!({
        "name": "n", "code": "k", "coupon_type": "percentage", "percentage_rate": "1", "frequency": "forever",
        "expiration": "no_expiration",
    });
    world.post("/coupons", json!({ "coupon": coupon }));
    let application = json!({"applied_coupon": {"external_customer_id": "c", "coupon_code": "k"}});
    let applied = id(&world.post("/applied_coupons", application)["applied_coupon"]);
    let wallet = json!({"wallet": {"external_customer_id": "c", "rate_amount": "1", "currency": "EUR"}});
    let wallet = id(&world.post("/wallets", wallet)["wallet"]);
    world.settle();
    let log = world.get(&format!("/webhook_endpoints/{endpoint}/webhooks"));
    let webhook = log["webhooks"][0]["lago_id"].as_str().unwrap().to_owned();
    let fee = id(&fee);
    Stocked { world, invoice, fee, note, wallet, applied, endpoint, webhook }
}

impl Stocked {
    /// Every route that takes a body, with its root and a body that it accepts under it.
    fn with_body(&self) -> Vec<(Method, String, &'static str, Value)> {
        let plan = json!({
            "name": "n", "code": "@code", "interval": "monthly", "amount_cents": 1, "amount_currency": "EUR",
            "pay_in_advance": false, "trial_period": 1, "invoice_display_name": "n", "description": "d",
            "bill_charges_monthly": false, "tax_codes": ["t"], "charges": [],
        });
        let customer = json!({
            "external_id": "@code", "name": "n", "country": "FR", "currency": "EUR", "timezone": "UTC", "email": "e@e.example",
            "net_payment_term": 1, "tax_codes": ["t"], "metadata": [{"key": "k", "value": "v", "display_in_invoice": true}],
            "billing_configuration": {"invoice_grace_period": 1, "document_locale": "en", "vat_rate": null},
            "legal_name": "l", "zipcode": "1", "url": "u",
        });
        let metric = json!({
            "name": "n", "code": "@code", "aggregation_type": "sum_agg", "field_name": "f", "recurring": false,
            "description": "d", "weighted_interval": null, "group": {"key": "k", "values": ["v"]},
        });
        let tax =
            json!({"name": "n", "code": "@code", "rate": "1", "description": "d", "applied_to_organization": false});
        let subscription = json!({
            "external_customer_id": "@code", "external_id": "@code", "plan_code": "p", "name": "n", "billing_time": "calendar",
            "subscription_at": "2024-01-15T00:00:00Z", "ending_at": "2030-01-01T00:00:00Z", "plan_overrides": {"amount_cents": 5},
        });
        let event = json!({
            "transaction_id": "@code", "external_subscription_id": "other", "external_customer_id": "c", "code": "m",
            "timestamp": 1_704_067_200, "properties": {"value": 1},
        });
        let endpoint = json!({"webhook_url": "http://127.0.0.1:9/@code", "signature_algo": "jwt"});
        let organization = json!({
            "country": "FR", "default_currency": "EUR", "email": "e@e.example", "net_payment_term": 0, "timezone": "UTC",
            "email_settings": ["invoice.finalized"], "document_numbering": "per_customer", "document_number_prefix": "ACME-0001",
            "billing_configuration": {"invoice_footer": "f", "document_locale": "en", "invoice_grace_period": 0},
        });
        let invoice = json!({"payment_status": "pending", "metadata": [{"key": "k", "value": "v"}]});
        let post = |path: &str, root, body: &Value| (Method::POST, path.to_owned(), root, body.clone());
        let put = |path: String, root, body: &Value| (Method::PUT, path, root, body.clone());
        vec![
            post("/taxes", "tax", &tax),
            put("/taxes/t".to_owned(), "tax", &json!({"name": "n", "description": "d", "rate": "20"})),
            post("/billable_metrics", "billable_metric", &metric),
            put(
                "/billable_metrics/m".to_owned(),
                "billable_metric",
                &json!({"name": "n", "description": "d", "group": {}}),
            ),
            post("/plans", "plan", &plan),
            put(
                "/plans/p".to_owned(),
                "plan",
                &json!({"name": "n", "description": "d", "tax_codes": [], "interval": "monthly", "amount_cents": 1}),
            ),
            post("/customers", "customer", &customer),
            post("/subscriptions", "subscription", &subscription),
            put(
                "/subscriptions/s".to_owned(),
                "subscription",
                &json!({"name": "n", "ending_at": null, "subscription_at": "2024-01-15T00:00:00Z"}),
            ),
            post("/events", "event", &event),
            post(
                "/events/batch",
                "event",
                &json!({"transaction_id": "@code", "external_subscription_ids": ["s"], "code": "m", "timestamp": 1, "properties": {}}),
            ),
            put(format!("/invoices/{}", self.invoice), "invoice", &invoice),
            put("/organizations".to_owned(), "organization", &organization),
            put("/test_clock".to_owned(), "test_clock", &json!({"frozen_time": "2024-02-01T00:00:00Z"})),
            post("/webhook_endpoints", "webhook_endpoint", &endpoint),
            put(format!("/webhook_endpoints/{}", self.endpoint), "webhook_endpoint", &endpoint),
        ]
    }

    /// The routes of money on documents that take a body, likewise. Hostile values of their fields are another matter.
    fn with_body_of_money(&self) -> Vec<(Method, String, &'static str, Value)> {
        let post = |path: &str, root, body: Value| (Method::POST, path.to_owned(), root, body);
        let put = |path: String, root, body: Value| (Method::PUT, path, root, body);
        let item = json!({"fee_id": self.fee, "amount_cents": 100});
        let add_on = json!({"name": "n", "code": "@code", "amount_cents": 1, "amount_currency": "EUR"});
        let coupon = json!({
            "name": "n", "code": "@code", "coupon_type": "percentage", "percentage_rate": "1", "frequency": "forever",
            "expiration": "no_expiration",
        });
        let note = json!({"invoice_id": self.invoice, "credit_amount_cents": 120, "items": [item]});
        let event = json!({"external_subscription_id": "s", "code": "m"});
        vec![
            post("/add_ons", "add_on", add_on),
            put("/add_ons/a".to_owned(), "add_on", json!({"name": "n"})),
            post("/coupons", "coupon", coupon),
            put("/coupons/k".to_owned(), "coupon", json!({"name": "n"})),
            post("/applied_coupons", "applied_coupon", json!({"external_customer_id": "c", "coupon_code": "k"})),
            post("/events/estimate_fees", "event", event),
            put(format!("/fees/{}", self.fee), "fee", json!({"payment_status": "succeeded"})),
            post("/invoices", "invoice", json!({"external_customer_id": "c", "fees": [{"add_on_code": "a"}]})),
            post("/credit_notes", "credit_note", note.clone()),
            post("/credit_notes/estimate", "credit_note", note),
            put(format!("/credit_notes/{}", self.note), "credit_note", json!({"refund_status": "pending"})),
            post("/wallets", "wallet", json!({"external_customer_id": "x", "rate_amount": "1", "currency": "EUR"})),
            put(format!("/wallets/{}", self.wallet), "wallet", json!({"name": "n"})),
            post("/wallet_transactions", "wallet_transaction", json!({"wallet_id": self.wallet, "paid_credits": "1"})),
        ]
    }

    fn every_with_body(&self) -> Vec<(Method, String, &'static str, Value)> {
        [self.with_body(), self.with_body_of_money()].concat()
    }

    /// Every route that names an object, with the word of its 404; `@` stands where the id belongs.
    fn by_id(&self) -> Vec<(Method, &'static str, &'static str, &str)> {
        let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
        vec![
            (get.clone(), "/taxes/@", "tax", "t"),
            (put.clone(), "/taxes/@", "tax", "t"),
            (delete.clone(), "/taxes/@", "tax", "t"),
            (get.clone(), "/billable_metrics/@", "billable_metric", "m"),
            (put.clone(), "/billable_metrics/@", "billable_metric", "m"),
            (delete.clone(), "/billable_metrics/@", "billable_metric", "m"),
            (get.clone(), "/billable_metrics/@/groups", "billable_metric", "m"),
            (get.clone(), "/plans/@", "plan", "p"),
            (put.clone(), "/plans/@", "plan", "p"),
            (delete.clone(), "/plans/@", "plan", "p"),
            (get.clone(), "/customers/@", "customer", "c"),
            (delete.clone(), "/customers/@", "customer", "c"),
            (get.clone(), "/customers/@/current_usage?external_subscription_id=s", "customer", "c"),
            (get.clone(), "/customers/@/ledger", "customer", "c"),
            (get.clone(), "/customers/@/portal_url", "customer", "c"),
            (post.clone(), "/customers/@/checkout_url", "customer", "c"),
            (delete.clone(), "/customers/c/applied_coupons/@", "applied_coupon", &self.applied),
            (get.clone(), "/add_ons/@", "add_on", "a"),
            (put.clone(), "/add_ons/@", "add_on", "a"),
            (delete.clone(), "/add_ons/@", "add_on", "a"),
            (get.clone(), "/coupons/@", "coupon", "k"),
            (put.clone(), "/coupons/@", "coupon", "k"),
            (delete.clone(), "/coupons/@", "coupon", "k"),
            (get.clone(), "/fees/@", "fee", &self.fee),
            (put.clone(), "/fees/@", "fee", &self.fee),
            (get.clone(), "/fees/@/explanation", "fee", &self.fee),
            (get.clone(), "/fees/@/events", "fee", &self.fee),
            (post.clone(), "/invoices/@/retry_payment", "invoice", &self.invoice),
            (get.clone(), "/credit_notes/@", "credit_note", &self.note),
            (put.clone(), "/credit_notes/@", "credit_note", &self.note),
            (post.clone(), "/credit_notes/@/download", "credit_note", &self.note),
            (put.clone(), "/credit_notes/@/void", "credit_note", &self.note),
            (get.clone(), "/wallets/@", "wallet", &self.wallet),
            (put.clone(), "/wallets/@", "wallet", &self.wallet),
            (delete.clone(), "/wallets/@", "wallet", &self.wallet),
            (get.clone(), "/wallets/@/wallet_transactions", "wallet", &self.wallet),
            (get.clone(), "/subscriptions/@", "subscription", "s"),
            (put.clone(), "/subscriptions/@", "subscription", "s"),
            (delete.clone(), "/subscriptions/@", "subscription", "s"),
            (get.clone(), "/events/@", "event", "event-0"),
            (get.clone(), "/invoices/@", "invoice", &self.invoice),
            (put.clone(), "/invoices/@", "invoice", &self.invoice),
            (post.clone(), "/invoices/@/download", "invoice", &self.invoice),
            (put.clone(), "/invoices/@/refresh", "invoice", &self.invoice),
            (put.clone(), "/invoices/@/finalize", "invoice", &self.invoice),
            (post.clone(), "/invoices/@/void", "invoice", &self.invoice),
            (get.clone(), "/webhook_endpoints/@", "webhook_endpoint", &self.endpoint),
            (put, "/webhook_endpoints/@", "webhook_endpoint", &self.endpoint),
            (delete, "/webhook_endpoints/@", "webhook_endpoint", &self.endpoint),
            (get, "/webhook_endpoints/@/webhooks", "webhook_endpoint", &self.endpoint),
            (post, "/webhooks/@/retry", "webhook", &self.webhook),
        ]
    }

    /// Everything that the organization has, as text.
    fn everything(&self) -> String {
        let lists = [
            "/taxes",
            "/billable_metrics",
            "/plans",
            "/customers",
            "/invoices",
            "/events",
            "/webhook_endpoints",
            "/add_ons",
            "/coupons",
            "/applied_coupons",
            "/fees",
            "/credit_notes",
            "/wallets?external_customer_id=c",
            "/test_clock",
            "/subscriptions?status[]=active&status[]=pending&status[]=terminated&status[]=canceled",
        ];
        let invoice = format!("/invoices/{}", self.invoice);
        let paths = lists.iter().copied().chain([invoice.as_str()]);
        paths.map(|path| format!("{path}: {}\n", self.world.get(path))).collect()
    }
}

#[test]
fn no_json_is_a_bad_request_before_anything_else() {
    let stocked = stocked();
    let before = stocked.everything();
    for (method, path, ..) in stocked.every_with_body() {
        for body in ["{", "{\"a\":}", "nonsense", "{\"a\":1}}", "\u{0}", "{\"a\":\"\u{1}\"}", "[1,]"] {
            for key in [stocked.world.key.as_str(), "no key"] {
                let answer = send(key, method.clone(), &format!("/api/v1{path}"), Some(body.as_bytes().to_vec()));
                assert_eq!(answer.line(), r#"400 {"status":400,"error":"Bad Request"}"#, "{method} {path} {body}");
            }
        }
        let answer =
            send(&stocked.world.key, method.clone(), &format!("/api/v1{path}"), Some(vec![b'"', 0xff, 0xfe, b'"']));
        assert_eq!(answer.status, 400, "{method} {path}: not UTF-8");
    }
    assert_eq!(stocked.everything(), before);
}

#[test]
fn a_body_without_its_root_names_it() {
    let stocked = stocked();
    let before = stocked.everything();
    for (method, path, root, _) in stocked.every_with_body() {
        let bodies = [
            json!({}),
            json!({ root: null }),
            json!({ root: {} }),
            json!({ root: [] }),
            json!({ root: "" }),
            json!({ root: 5 }),
            json!({ root: [1] }),
            json!({ root: "x" }),
            json!([]),
            json!(null),
            json!("x"),
            json!({"other": {"a": 1}}),
        ];
        let expected =
            format!(r#"400 {{"status":400,"error":"BadRequest: param is missing or the value is empty: {root}"}}"#);
        for body in bodies {
            let answer = stocked.world.ask(method.clone(), &path, Some(&body));
            assert_eq!(answer.line(), expected, "{method} {path} {body}");
        }
        let nothing = stocked.world.ask(method.clone(), &path, None);
        assert_eq!(nothing.line(), expected, "{method} {path} without a body");
    }
    assert_eq!(stocked.everything(), before);
}

#[test]
fn a_body_that_is_not_sent_as_json_is_none() {
    let world = World::new("2024-01-01");
    let tax = json!({"tax": {"name": "VAT", "code": "vat", "rate": 20}}).to_string();
    let sent = |content_type: &str| {
        let request = shared().http.post(url("/api/v1/taxes")).bearer_auth(&world.key);
        let request = request.header("Content-Type", content_type).body(tax.clone());
        shared().runtime.block_on(async {
            let response = request.send().await.unwrap();
            format!("{} {}", response.status().as_u16(), response.text().await.unwrap())
        })
    };
    let absent = r#"400 {"status":400,"error":"BadRequest: param is missing or the value is empty: tax"}"#;
    for content_type in ["application/vnd.api+json", "application/jsonp", "text/json", "text/plain", ""] {
        assert_eq!(sent(content_type), absent, "{content_type}");
    }
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 0);
    assert!(sent("Application/JSON ; charset=utf-8").starts_with("200 "));
}

#[test]
fn nobody_enters_without_a_key() {
    let stocked = stocked();
    let before = stocked.everything();
    let unauthorized = r#"401 {"status":401,"error":"Unauthorized"}"#;
    let bodies = stocked
        .every_with_body()
        .into_iter()
        .map(|(method, path, root, body)| (method, path, Some(json!({ root: body }))));
    let named = stocked.by_id().into_iter().map(|(method, path, _, id)| (method, path.replace('@', id), None));
    let lists = [
        "/taxes",
        "/plans",
        "/billable_metrics",
        "/customers",
        "/subscriptions",
        "/invoices",
        "/events",
        "/webhook_endpoints",
        "/add_ons",
        "/coupons",
        "/applied_coupons",
        "/fees",
        "/credit_notes",
        "/wallets?external_customer_id=c",
        "/analytics/gross_revenue",
        "/analytics/mrr",
        "/analytics/invoiced_usage",
        "/analytics/invoice_collection",
        "/test_clock",
        "/webhooks/public_key",
        "/webhooks/json_public_key",
    ];
    let lists = lists.iter().map(|path| (Method::GET, (*path).to_owned(), None));
    for (method, path, body) in bodies.chain(named).chain(lists) {
        let body = body.map(|body| body.to_string().into_bytes());
        for key in ["00000000-0000-0000-0000-000000000000", "", "x y", ADMIN_KEY] {
            let answer = send(key, method.clone(), &format!("/api/v1{path}"), body.clone());
            assert_eq!(answer.line(), unauthorized, "{method} {path} with `{key}`");
        }
    }
    let organization = json!({"organization": {"name": "n"}}).to_string().into_bytes();
    for key in ["", "no", stocked.world.key.as_str()] {
        assert_eq!(send(key, Method::POST, "/admin/organizations", Some(organization.clone())).line(), unauthorized);
    }
    let bare = shared().http.get(url("/api/v1/taxes")).send();
    let status = shared().runtime.block_on(async { bare.await.unwrap().status() });
    assert_eq!(status, 401);
    assert_eq!(stocked.everything(), before);
}

#[test]
fn unknown_objects_and_other_organizations_objects_are_not_found() {
    let stocked = stocked();
    let stranger = World::new("2024-01-01");
    let before = stocked.everything();
    for (method, path, resource, id) in stocked.by_id() {
        let expected = format!(r#"404 {{"status":404,"error":"Not Found","code":"{resource}_not_found"}}"#);
        let body = Some(json!({"anything": {}}));
        let unknown =
            ["nothing", "00000000-0000-0000-0000-000000000000", "%F0%9F%92%A9", "a%2Fb", "%00", &"x".repeat(300)];
        for unknown in unknown {
            let path = path.replace('@', unknown);
            let answer = stocked.world.ask(method.clone(), &path, body.as_ref());
            assert_eq!(answer.line(), expected, "{method} {path}");
        }
        // Whoever does not know the customer hears no more than that.
        let nested = path.starts_with("/customers/c/");
        let path = path.replace('@', id);
        let expected = if nested { expected.replace("applied_coupon", "customer") } else { expected };
        let answer = stranger.ask(method.clone(), &path, body.as_ref());
        assert_eq!(answer.line(), expected, "{method} {path} by a stranger");
    }
    assert_eq!(stocked.everything(), before);
    let of_others = stranger.get("/invoices?external_customer_id=c");
    assert_eq!(of_others["meta"]["total_count"], 0);
    let subscription = json!({"subscription": {"external_customer_id": "x", "external_id": "x", "plan_code": "p"}});
    assert_eq!(
        stranger.refused(Method::POST, "/subscriptions", subscription),
        r#"404 {"status":404,"error":"Not Found","code":"plan_not_found"}"#
    );
}

#[test]
fn unknown_routes_and_methods_are_no_resources() {
    let world = World::new("2024-01-01");
    let missing = r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#;
    let table = [
        (Method::GET, "/"),
        (Method::GET, "/api"),
        (Method::GET, "/api/v1"),
        (Method::GET, "/api/v1/"),
        (Method::GET, "/api/v2/taxes"),
        (Method::GET, "/api/v1/nothing"),
        (Method::POST, "/api/v1/applied_add_ons"),
        (Method::DELETE, "/api/v1/taxes"),
        (Method::PUT, "/api/v1/taxes"),
        (Method::POST, "/api/v1/taxes/t"),
        (Method::PATCH, "/api/v1/organizations"),
        (Method::GET, "/api/v1/organizations"),
        (Method::DELETE, "/api/v1/events/x"),
        (Method::PUT, "/api/v1/events/x"),
        (Method::PUT, "/api/v1/customers/c"),
        (Method::POST, "/api/v1/test_clock"),
        (Method::GET, "/api/v1/invoices/x/void"),
        (Method::PATCH, "/api/v1/invoices/x/refresh"),
        (Method::GET, "/admin/organizations"),
        (Method::DELETE, "/admin/organizations"),
        (Method::GET, "/api/v1//taxes"),
        (Method::GET, "/api/v1/taxes/a/b"),
        (Method::TRACE, "/api/v1/taxes"),
    ];
    for (method, path) in table {
        for key in [world.key.as_str(), "no key"] {
            assert_eq!(send(key, method.clone(), path, None).line(), missing, "{method} {path}");
        }
    }
}

#[test]
fn a_body_is_at_most_five_mebibytes() {
    const MAX: usize = 5 * 1024 * 1024;
    let world = World::new("2024-01-01");
    let body = |bytes: usize| {
        let mut body = br#"{"event":{"transaction_id":"t","code":"m","external_subscription_id":"s"}}"#.to_vec();
        body.resize(bytes, b' ');
        body
    };
    for path in ["/api/v1/events", "/api/v1/taxes", "/api/v1/events/batch"] {
        for bytes in [MAX + 1, MAX + 100_000] {
            let answer = send(&world.key, Method::POST, path, Some(body(bytes)));
            assert_eq!(
                answer.line(),
                r#"413 {"status":413,"error":"Payload Too Large","code":"payload_too_large"}"#,
                "{path}"
            );
        }
    }
    assert_eq!(send(&world.key, Method::POST, "/api/v1/events", Some(body(MAX))).status, 200);
    world.settle();
    assert_eq!(world.get("/events")["meta"]["total_count"], 1);
}

#[test]
fn batches_hold_one_to_a_hundred_events() {
    let world = World::new("2024-01-01");
    let batch = |count: usize| {
        let events: Vec<Value> =
            (0..count).map(|number| event(&format!("e{number}"), "s", "m", "2024-01-01", json!({}))).collect();
        world.ask(Method::POST, "/events/batch", Some(&json!({ "events": events })))
    };
    let mut broken: Vec<Value> =
        (0..3).map(|number| event(&format!("e{number}"), "s", "m", "2024-01-01", json!({}))).collect();
    broken[1] = json!({"code": ""});
    broken[2]["timestamp"] = json!("2022-01-01");
    let lines = [
        batch(0).line(),
        batch(101).line(),
        world.refused(Method::POST, "/events/batch", json!({ "events": broken })),
        world.refused(Method::POST, "/events/batch", json!({"events": [1, "x", null, []]})),
        world.refused(Method::POST, "/events/batch", json!({"events": {"a": 1}})),
    ];
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"events":["no_events"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"events":["too_many_events"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"1.transaction_id":["value_is_mandatory"],"1.code":["value_is_mandatory"],"2.timestamp":["invalid_format"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"0.transaction_id":["value_is_mandatory"],"0.code":["value_is_mandatory"],"1.transaction_id":["value_is_mandatory"],"1.code":["value_is_mandatory"],"2.transaction_id":["value_is_mandatory"],"2.code":["value_is_mandatory"],"3.transaction_id":["value_is_mandatory"],"3.code":["value_is_mandatory"]}}
        400 {"status":400,"error":"BadRequest: param is missing or the value is empty: event"}"#]].assert_eq(&lines.join("\n"));
    world.settle();
    assert_eq!(world.get("/events")["meta"]["total_count"], 0);
    assert_eq!(batch(100).status, 200);
    world.settle();
    assert_eq!(world.get("/events")["meta"]["total_count"], 100);
}

#[test]
fn timestamps_of_events() {
    let world = World::new("2024-01-01");
    let sent = AtomicU32::new(0);
    let line = |timestamp: &str| {
        let id = sent.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"event":{{"transaction_id":"t{id}","code":"m","external_subscription_id":"s","timestamp":{timestamp}}}}}"#
        );
        let answer = send(&world.key, Method::POST, "/api/v1/events", Some(body.into_bytes()));
        let shown = if answer.status == 200 {
            answer.json()["event"]["timestamp"].to_string()
        } else {
            answer.json()["error_details"].to_string()
        };
        format!("{timestamp} -> {} {shown}\n", answer.status.as_u16())
    };
    let table = [
        "1704067200",
        "\"1704067200\"",
        "1704067200.999",
        "\"1704067200.9999\"",
        "1.7040672e9",
        "0",
        "-1",
        "253402300799",
        "4102444800",
        "\"\"",
        "null",
        "true",
        "{}",
        "[]",
        "\"2022-01-01\"",
        "\"2022-01-01T00:00:00Z\"",
        "\"abc\"",
        "\"12abc\"",
        "\" 12 \"",
        "1e30",
        "1e400",
        "-1e400",
        "\"1e400\"",
        "123456789012345678901234567890",
        "\"NaN\"",
        "\"Infinity\"",
        "1704067200000",
    ];
    expect![[r#"
        1704067200 -> 200 "2024-01-01T00:00:00.000Z"
        "1704067200" -> 200 "2024-01-01T00:00:00.000Z"
        1704067200.999 -> 200 "2024-01-01T00:00:00.999Z"
        "1704067200.9999" -> 200 "2024-01-01T00:00:00.999Z"
        1.7040672e9 -> 200 "2024-01-01T00:00:00.000Z"
        0 -> 200 "1970-01-01T00:00:00.000Z"
        -1 -> 200 "1969-12-31T23:59:59.000Z"
        253402300799 -> 200 "9999-12-31T23:59:59.000Z"
        4102444800 -> 200 "2100-01-01T00:00:00.000Z"
        "" -> 200 "2024-01-01T00:00:00.000Z"
        null -> 200 "2024-01-01T00:00:00.000Z"
        true -> 422 {"timestamp":["invalid_format"]}
        {} -> 200 "2024-01-01T00:00:00.000Z"
        [] -> 200 "2024-01-01T00:00:00.000Z"
        "2022-01-01" -> 422 {"timestamp":["invalid_format"]}
        "2022-01-01T00:00:00Z" -> 422 {"timestamp":["invalid_format"]}
        "abc" -> 422 {"timestamp":["invalid_format"]}
        "12abc" -> 422 {"timestamp":["invalid_format"]}
        " 12 " -> 422 {"timestamp":["invalid_format"]}
        1e30 -> 422 {"timestamp":["invalid_format"]}
        1e400 -> 422 {"timestamp":["invalid_format"]}
        -1e400 -> 422 {"timestamp":["invalid_format"]}
        "1e400" -> 422 {"timestamp":["invalid_format"]}
        123456789012345678901234567890 -> 422 {"timestamp":["invalid_format"]}
        "NaN" -> 422 {"timestamp":["invalid_format"]}
        "Infinity" -> 422 {"timestamp":["invalid_format"]}
        1704067200000 -> 200 "+55969-09-28T00:00:00.000Z"
    "#]]
    .assert_eq(&table.map(line).concat());
}

/// Values that no field expects.
fn hostile() -> Vec<String> {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let mut values: Vec<String> = [
        "null",
        "true",
        "-1",
        "1.5",
        "1e400",
        "1e-400",
        "123456789012345678901234567890",
        "9223372036854775808",
        "{}",
        "[]",
        "[null]",
        "[{}]",
        "[1]",
        "{\"a\":1}",
        "\"\"",
        "\"\\u0000\"",
        "\"1e400\"",
        "\"NaN\"",
        "\"123456789012345678901234567890.123456789012345678901234567890\"",
        "\"9999-12-31T23:59:59Z\"",
        "\"0000-01-01T00:00:00Z\"",
        "\"2024-02-31T00:00:00Z\"",
        "\"a#b/c \\ud83d\\ude00 <&>\"",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push(format!("\"{}\"", "x".repeat(20_000)));
    values.push(deep(50));
    values.push(deep(100_000));
    values
}

/// Raw JSON of an object with one field replaced; `@code` becomes fresh.
fn with_field(root: &str, body: &Value, field: &str, raw: &str, fresh: u32) -> Vec<u8> {
    let mut body = body.clone();
    body[field] = json!("@raw");
    let text = json!({ root: body }).to_string();
    text.replace("\"@raw\"", raw).replace("@code", &format!("fresh-{fresh}")).into_bytes()
}

#[test]
fn no_value_of_any_field_brings_the_product_down() {
    let stocked = stocked();
    let fresh = AtomicU32::new(0);
    let mut failures = Vec::new();
    for (method, path, root, body) in stocked.with_body() {
        let fields: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        // What a refusal must leave as it is: the newest of the collection, or the object.
        let seen = if method == Method::POST {
            format!("{}?per_page=1", path.trim_end_matches("/batch"))
        } else {
            path.clone()
        };
        let seen = if path == "/organizations" { "/webhook_endpoints".to_owned() } else { seen };
        let present = || {
            stocked.world.settle();
            stocked.world.ask(Method::GET, &seen, None).line()
        };
        for field in fields.iter().filter(|field| !(path == "/test_clock" && *field == "frozen_time")) {
            let send_it = |raw: &str| {
                let sent = with_field(root, &body, field, raw, fresh.fetch_add(1, Ordering::Relaxed));
                send(&stocked.world.key, method.clone(), &format!("/api/v1{path}"), Some(sent))
            };
            let mut refused = Vec::new();
            for raw in hostile() {
                let answer = send_it(&raw);
                let shown = &raw[..raw.len().min(60)];
                if answer.status.as_u16() >= 500 {
                    failures.push(format!("{method} {path} {field} = {shown}: {}", answer.line()));
                } else if answer.status != 200 {
                    let refusal = answer.json();
                    assert_eq!(
                        refusal["status"],
                        answer.status.as_u16(),
                        "{method} {path} {field} = {shown}: {refusal}"
                    );
                    refused.push(raw);
                }
            }
            // Some of what was refused is refused again, and now nothing else happens beside.
            let before = present();
            for raw in refused.iter().step_by(4) {
                assert_ne!(send_it(raw).status, 200, "{method} {path} {field}");
            }
            assert_eq!(present(), before, "{method} {path} {field}");
        }
        if method == Method::PUT {
            // As it was: a tax of 10^30 % is accepted (chapter 04 knows no bound), but no invoice can carry it.
            stocked.world.put(&path, json!({ root: body }));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Whatever was accepted can be shown and billed. Nobody listens any more: that would be hundreds of webhooks.
    stocked.everything();
    for endpoint in stocked.world.get("/webhook_endpoints")["webhook_endpoints"].as_array().unwrap() {
        stocked.world.delete(&format!("/webhook_endpoints/{}", endpoint["lago_id"].as_str().unwrap()));
    }
    stocked.world.travel_to("2024-03-01");
}

#[test]
fn a_refused_plan_leaves_nothing() {
    let stocked = stocked();
    let before = stocked.everything();
    let good = stocked.world.charge("m", "standard", json!({"amount": "1"}));
    let with = |model: &str, properties: Value| stocked.world.charge("m", model, properties);
    let bad = [
        with("standard", json!({"amount": 1})),
        with("standard", json!({"amount": "1e400"})),
        with("standard", json!({"amount": "-1"})),
        with("graduated", json!({"graduated_ranges": []})),
        with(
            "graduated",
            json!({"graduated_ranges": [{"from_value": 0, "to_value": 10, "per_unit_amount": "1", "flat_amount": "1"}]}),
        ),
        with(
            "graduated",
            json!({"graduated_ranges": [{"from_value": 1e300, "to_value": null, "per_unit_amount": "1", "flat_amount": "1"}]}),
        ),
        with(
            "volume",
            json!({"volume_ranges": [{"from_value": 0, "to_value": null, "per_unit_amount": "x", "flat_amount": "1"}]}),
        ),
        with("package", json!({"amount": "1", "package_size": 0, "free_units": 1})),
        with("package", json!({"amount": "1", "package_size": 1})),
        with("percentage", json!({"rate": "x"})),
        with("percentage", json!({"rate": "1", "per_transaction_min_amount": "2", "per_transaction_max_amount": "1"})),
        with("nonsense", json!({})),
    ];
    let lines: Vec<String> = bad
        .into_iter()
        .map(|bad| {
            stocked.world.refused(Method::POST, "/plans", json!({"plan": {
                "name": "n", "code": "new", "interval": "monthly", "amount_cents": 1, "amount_currency": "EUR", "pay_in_advance": false,
                "charges": [good, bad],
            }}))
        })
        .collect();
    expect![[r#"
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["missing_graduated_ranges"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_graduated_ranges"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_graduated_ranges"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_amount"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_package_size"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_free_units"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["invalid_rate"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"properties":["per_transaction_max_lower_than_per_transaction_min"]}}
        422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"charge_model":["value_is_invalid"]}}"#]].assert_eq(&lines.join("\n"));
    assert_eq!(stocked.everything(), before);
}

#[test]
fn values_that_no_number_holds_count_nothing() {
    let world = World::new("2024-01-01");
    world.metric("m", "sum value");
    let charge = world.charge("m", "standard", json!({"amount": "1"}));
    world.plan("plan", "10.00 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let values = [
        json!("123456789012345678901234567890"),
        json!("1e400"),
        json!(1e300),
        json!("9".repeat(5000)),
        json!(1),
        json!("NaN"),
    ];
    let events: Vec<_> = values.into_iter().map(|value| ("2024-01-10", json!({ "value": value }))).collect();
    world.usage("acme", "m", &events);
    assert!(world.current_usage("acme").contains("  m 1.0 units, 1 events: 1.00"), "{}", world.current_usage("acme"));
    world.travel_to("2024-02-01");
    assert_eq!(world.only_invoice("acme")["total_amount_cents"], 1100);
}

#[test]
fn ids_of_events_have_a_length() {
    let world = World::new("2024-01-01");
    let (fits, long) = ("ü".repeat(255), "ü".repeat(256));
    let event = |id: &str, name: &str, value: &str| {
        let mut event = json!({"transaction_id": id, "external_subscription_id": "acme", "code": "calls"});
        event[name] = json!(value);
        event
    };
    for name in ["transaction_id", "code", "external_subscription_id", "external_customer_id"] {
        world.post("/events", json!({"event": event("fits", name, &fits)}));
        let refused = |field: &str| {
            let mut details = json!({});
            details[field] = json!(["value_is_too_long"]);
            let error = json!({
                "status": 422, "error": "Unprocessable Entity", "code": "validation_errors", "error_details": details,
            });
            error
        };
        let answer = world.ask(Method::POST, "/events", Some(&json!({"event": event("one", name, &long)})));
        assert_eq!((answer.status.as_u16(), answer.json()), (422, refused(name)));
        let batch = json!({"events": [event("one", "code", "calls"), event("two", name, &long)]});
        let answer = world.ask(Method::POST, "/events/batch", Some(&batch));
        assert_eq!((answer.status.as_u16(), answer.json()), (422, refused(&format!("1.{name}"))));
    }
    // The deprecated batch adds a place to the id.
    world.metric("calls", "count");
    let charge = world.charge("calls", "standard", json!({"amount": "1"}));
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let legacy = json!({"event": {
        "transaction_id": "x".repeat(254), "code": "calls", "external_subscription_ids": ["acme"], "external_customer_id": "acme",
    }});
    let answer = world.ask(Method::POST, "/events/batch", Some(&legacy));
    assert_eq!(answer.json()["error_details"], json!({"transaction_id": ["value_is_too_long"]}));
    world.settle();
}

#[test]
fn usage_whose_amount_no_number_holds_cannot_be_shown() {
    let world = World::new("2024-01-01");
    world.metric("m", "sum value");
    let charge = world.charge("m", "standard", json!({"amount": "1000000000000"}));
    world.plan("plan", "10.00 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    world.usage("acme", "m", &[("2024-01-10", json!({"value": "79228162514264337593543950335"}))]);
    world.settle();
    let usage = world.ask(Method::GET, "/customers/acme/current_usage?external_subscription_id=acme", None);
    // Wrong: it is no fault of ours, and the period cannot be closed either. It should be a refusal that names the metric.
    assert_eq!(usage.line(), r#"500 {"status":500,"error":"Internal Server Error"}"#);
}

#[test]
fn the_clock_stops_before_what_nobody_can_bill_and_goes_on_when_it_is_mended() {
    let world = World::new("2024-01-01");
    world.tax("t", "1000000000000000000000000000", true);
    world.plan("plan", "10.00 EUR monthly", &[]);
    world.subscribe("acme", "plan");
    let advance = || world.put("/test_clock", json!({"test_clock": {"frozen_time": "2024-03-01T00:00:00Z"}}));
    let mut stopped = advance();
    while stopped["test_clock"]["status"] != "ready" {
        stopped = world.get("/test_clock");
    }
    assert_eq!(stopped["test_clock"]["frozen_time"], "2024-02-01T00:00:00Z");
    assert_eq!(world.get("/invoices")["meta"]["total_count"], 0);

    world.put("/taxes/t", json!({"tax": {"rate": "20"}}));
    world.travel_to("2024-03-01");
    let totals: Vec<_> =
        world.all_invoices("acme").iter().map(|invoice| invoice["total_amount_cents"].clone()).collect();
    assert_eq!(totals, [1200, 1200]);
}
