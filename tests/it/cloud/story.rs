//! A month of one customer: from events over HTTP and events on the queue to an invoice, its webhooks and its PDF.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::receiver::{Delivery, Receiver};

/// For the whole story, on a machine that is busy with other tests.
const STORY_MAX: Duration = Duration::from_secs(240);
/// For what functions do by themselves. A dead letter takes three time-outs of 8 s.
const STEP_MAX: Duration = Duration::from_secs(90);
const NOT_JSON: &str = "no JSON, and never will be";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_from_events_to_invoice_webhooks_and_pdf() {
    let deployment = tokio::task::spawn_blocking(|| Deployment::of("weir-story")).await.expect("deployment");
    let told = tokio::time::timeout(STORY_MAX, month(&deployment)).await;
    if told.is_err() {
        panic!("the story did not end within {STORY_MAX:?}; the functions' logs: {}", deployment.logs().await);
    }
}

async fn month(deployment: &Deployment) {
    let (receiver, address) = Receiver::start().await;
    let admin = Api::new(deployment, deployment.admin_key());

    let created = admin
        .post(
            "/admin/organizations",
            json!({"organization": {
                "name": "Acme", "email": "billing@acme.example", "default_currency": "EUR",
                "test_clock": {"frozen_time": "2024-01-01T00:00:00Z"},
            }}),
        )
        .await;
    let key = text(&created["organization"]["api_key"]);
    let organization = text(&created["organization"]["lago_id"]);
    let api = Api::new(deployment, &key);
    for algorithm in ["hmac", "jwt"] {
        let endpoint = json!({"webhook_url": format!("{address}/{algorithm}"), "signature_algo": algorithm});
        api.post("/api/v1/webhook_endpoints", json!({"webhook_endpoint": endpoint})).await;
    }
    catalogue(&api).await;

    // 100 events over HTTP. Of 20 more that a producer puts on the queue itself, one was sent before; and one message
    // between them is poison.
    api.post("/api/v1/events/batch", json!({"events": (0..100).map(event).collect::<Vec<_>>()})).await;
    let message = |numbers: std::ops::Range<u32>| {
        json!({"organization_id": organization, "events": numbers.map(event).collect::<Vec<_>>()}).to_string()
    };
    let messages = [message(99..110), NOT_JSON.to_owned(), message(110..119)];
    deployment.aws.send(deployment.output("EventsQueueUrl"), &messages).await;
    for number in [0, 99, 109, 118] {
        let path = format!("/api/v1/events/call_{number}");
        deployment.eventually(&format!("event {number} is ingested"), STEP_MAX, async || api.find(&path).await).await;
    }

    travel(deployment, &api, "2024-02-01T00:00:00Z").await;
    let invoices = api.get("/api/v1/invoices?external_customer_id=acme-1").await;
    assert_eq!(invoices["meta"]["total_count"], 1, "{invoices}");
    let id = text(&invoices["invoices"][0]["lago_id"]);
    let invoice = api.get(&format!("/api/v1/invoices/{id}")).await["invoice"].clone();
    assert_eq!(invoice["status"], "finalized", "{invoice}");
    // 119 calls at 0.10, and 10.00 for the month; 20 % tax on both.
    assert_eq!(invoice["fees_amount_cents"], 1_190 + 1_000, "{invoice}");
    assert_eq!(invoice["taxes_amount_cents"], 438, "{invoice}");
    assert_eq!(invoice["total_amount_cents"], 2_628, "{invoice}");
    let charge =
        invoice["fees"].as_array().expect("an invoice has fees").iter().find(|fee| fee["item"]["type"] == "charge");
    assert_eq!(
        charge.map(|fee| (&fee["units"], &fee["events_count"])),
        Some((&json!("119.0"), &json!(119))),
        "{invoice}"
    );

    signatures(deployment, &api, &receiver, &key, &id).await;
    document(deployment, &api, &id, &text(&invoice["number"])).await;

    // The real clock finds nothing to do in a sandbox, and does no harm.
    let ticked = deployment.invoke("clock").await;
    assert!(ticked.is_ok(), "{ticked:?}: {}", deployment.logs().await);
    travel(deployment, &api, "2024-02-01T00:00:00Z").await;
    assert_eq!(api.get("/api/v1/invoices").await["meta"]["total_count"], 1);

    let dead = deployment.output("EventsDeadLettersUrl");
    let dead = deployment.eventually("the poison is a dead letter", STEP_MAX, async || {
        Some(deployment.aws.waiting(dead).await).filter(|letters| !letters.is_empty())
    });
    assert_eq!(dead.await, [NOT_JSON]);
    for queue in [
        "AdvanceDeadLettersUrl",
        "BillingDeadLettersUrl",
        "WebhooksDeadLettersUrl",
        "DocumentsDeadLettersUrl",
        "FoldDeadLettersUrl",
        "RelayDeadLettersUrl",
    ] {
        let letters = deployment.aws.waiting(deployment.output(queue)).await;
        assert!(letters.is_empty(), "{queue}: {letters:?}; the functions' logs: {}", deployment.logs().await);
    }
}

async fn catalogue(api: &Api<'_>) {
    let tax = json!({"name": "VAT", "code": "vat", "rate": "20", "applied_to_organization": true});
    api.post("/api/v1/taxes", json!({"tax": tax})).await;
    let metric = json!({"name": "Calls", "code": "calls", "aggregation_type": "count_agg"});
    let metric = api.post("/api/v1/billable_metrics", json!({"billable_metric": metric})).await;
    let charge = json!({
        "billable_metric_id": metric["billable_metric"]["lago_id"],
        "charge_model": "standard",
        "properties": {"amount": "0.10"},
    });
    api.post(
        "/api/v1/plans",
        json!({"plan": {
            "name": "Calls", "code": "calls", "interval": "monthly", "amount_cents": 1_000, "amount_currency": "EUR",
            "pay_in_advance": false, "charges": [charge],
        }}),
    )
    .await;
    let customer = json!({"external_id": "acme-1", "name": "Ada", "currency": "EUR"});
    api.post("/api/v1/customers", json!({"customer": customer})).await;
    let subscription = json!({
        "external_customer_id": "acme-1", "external_id": "sub-1", "plan_code": "calls", "billing_time": "calendar",
        "subscription_at": "2024-01-01T00:00:00Z",
    });
    api.post("/api/v1/subscriptions", json!({"subscription": subscription})).await;
}

/// A call on one of the days of January 2024.
fn event(number: u32) -> Value {
    json!({
        "transaction_id": format!("call_{number}"), "external_subscription_id": "sub-1", "code": "calls",
        "timestamp": 1_704_067_200 + u64::from(number % 31) * 86_400 + u64::from(number),
    })
}

async fn travel(deployment: &Deployment, api: &Api<'_>, to: &str) {
    api.put("/api/v1/test_clock", json!({"test_clock": {"frozen_time": to}})).await;
    let ready = async || {
        let clock = api.get("/api/v1/test_clock").await;
        (clock["test_clock"] == json!({"frozen_time": to, "status": "ready"})).then_some(())
    };
    deployment.eventually(&format!("the test clock is ready at {to}"), STEP_MAX, ready).await;
}

/// Both endpoints got the invoice once, signed as chapter 07, 1.3 says; checked by a library that Weir does not sign with.
async fn signatures(deployment: &Deployment, api: &Api<'_>, receiver: &Receiver, key: &str, invoice: &str) {
    let only = |path: &str| -> Delivery {
        let deliveries = receiver.of_type(path, "invoice.created");
        assert_eq!(deliveries.len(), 1, "{path}: {deliveries:?}");
        let body: Value = serde_json::from_str(&deliveries[0].body).expect("webhooks are JSON");
        assert_eq!(body["invoice"]["lago_id"], invoice);
        deliveries[0].clone()
    };

    let hmac = only("/hmac");
    let expected =
        jsonwebtoken::crypto::sign(hmac.body.as_bytes(), &EncodingKey::from_secret(key.as_bytes()), Algorithm::HS256);
    let expected = URL_SAFE_NO_PAD.decode(expected.expect("HMAC never fails")).expect("a signature is Base64");
    assert_eq!(hmac.header("X-Lago-Signature"), STANDARD.encode(expected));
    assert_eq!(hmac.header("X-Lago-Signature-Algorithm"), "hmac");

    let jwt = only("/jwt");
    let public = api.text("/api/v1/webhooks/public_key").await.replace('\n', "");
    let public = STANDARD.decode(public).expect("the public key is Base64");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let public = DecodingKey::from_rsa_pem(&public).expect("the public key is a PEM");
    let token = jsonwebtoken::decode::<Value>(jwt.header("X-Lago-Signature"), &public, &validation);
    let claims = token.expect("the signature is the deployment's").claims;
    assert_eq!(claims, json!({"data": jwt.body, "iss": deployment.url()}));
    assert_ne!(hmac.header("X-Lago-Unique-Key"), jwt.header("X-Lago-Unique-Key"));
}

/// The PDF is made on demand, lies in the bucket, and its link opens without a key.
async fn document(deployment: &Deployment, api: &Api<'_>, invoice: &str, number: &str) {
    let link = deployment.eventually("the PDF is made", STEP_MAX, async || {
        let answer = api.find_with(Method::POST, &format!("/api/v1/invoices/{invoice}/download")).await?;
        answer["invoice"]["file_url"].as_str().map(str::to_owned)
    });
    let link = link.await;
    let keys = deployment.aws.object_keys(deployment.output("BucketName")).await;
    assert!(keys.iter().any(|key| key.ends_with(".pdf")), "{keys:?}");
    let path = link.strip_prefix(deployment.url()).unwrap_or_else(|| panic!("`{link}` is not on {}", deployment.url()));
    let pdf = Api::new(deployment, "no key at all").bytes(path).await;
    let page = pdf_extract::extract_text_from_mem(&pdf).expect("the document is a PDF");
    assert!(page.contains(number) && page.contains("26.28"), "{page}");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The API with one key.
struct Api<'a> {
    deployment: &'a Deployment,
    http: Client,
    key: String,
}

impl Api<'_> {
    fn new<'a>(deployment: &'a Deployment, key: &str) -> Api<'a> {
        let url: reqwest::Url = deployment.url().parse().expect("a URL");
        let host = url.host_str().expect("a URL has a host");
        let port = url.port().expect("the emulator has a port of its own");
        // Not every resolver knows names below localhost.
        let http = Client::builder().no_proxy().resolve(host, ([127, 0, 0, 1], port).into());
        let http = http.timeout(STEP_MAX).build().expect("an HTTP client can be made");
        Api { deployment, http, key: key.to_owned() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Vec<u8>) {
        let url = format!("{}{path}", self.deployment.url());
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        (status, bytes.to_vec())
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let (status, bytes) = self.send(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    async fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).await).expect("the answer is text")
    }

    async fn succeeds(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, bytes) = self.send(method.clone(), path, body).await;
        let text = String::from_utf8_lossy(&bytes);
        if !status.is_success() {
            panic!("{method} {path}: {status} {text}; the functions' logs: {}", self.deployment.logs().await);
        }
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: no JSON: {text}"))
    }

    async fn get(&self, path: &str) -> Value {
        self.succeeds(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.succeeds(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.succeeds(Method::PUT, path, Some(body)).await
    }

    /// The answer, if it is a success with a body.
    async fn find_with(&self, method: Method, path: &str) -> Option<Value> {
        let (status, bytes) = self.send(method, path, None).await;
        if status.is_success() { serde_json::from_slice(&bytes).ok() } else { None }
    }

    async fn find(&self, path: &str) -> Option<Value> {
        self.find_with(Method::GET, path).await
    }
}
