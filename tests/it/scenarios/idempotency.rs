//! `Idempotency-Key` (ADR 0018): one effect, one answer, however often a request is sent.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::conformance;
use super::hundred;
use super::world::{ADMIN_KEY, World, json_bytes, shared, url};

/// An answer with the header that says it is a replay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Kept {
    status: u16,
    text: String,
    content_type: Option<String>,
    is_replay: bool,
}

impl Kept {
    fn line(&self) -> String {
        format!("{} {}", self.status, self.text)
    }

    fn fresh(&self) -> Kept {
        Kept { is_replay: false, ..self.clone() }
    }

    fn replayed(&self) -> Kept {
        Kept { is_replay: true, ..self.clone() }
    }
}

async fn sent(key: String, method: Method, path: String, idempotency_keys: Vec<Vec<u8>>, body: Option<Value>) -> Kept {
    let mut request = shared().http.request(method.clone(), url(&path)).bearer_auth(key);
    for idempotency_key in idempotency_keys {
        request = request.header("Idempotency-Key", idempotency_key);
    }
    if let Some(body) = body {
        request = request.header("Content-Type", "application/json").body(json_bytes(&body));
    }
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (content_type, replayed) = (header("content-type"), header("idempotent-replayed"));
    assert!(replayed.as_deref().is_none_or(|value| value == "true"));
    assert!(header("x-request-id").is_some());
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
    conformance::check_answer(&method, &path, status, text.as_bytes());
    Kept { status, is_replay: replayed.is_some(), content_type, text }
}

fn ask(world: &World, method: Method, path: &str, idempotency_key: &str, body: Option<Value>) -> Kept {
    let keys = vec![idempotency_key.as_bytes().to_vec()];
    shared().runtime.block_on(sent(world.key.clone(), method, format!("/api/v1{path}"), keys, body))
}

fn post(world: &World, path: &str, idempotency_key: &str, body: Value) -> Kept {
    ask(world, Method::POST, path, idempotency_key, Some(body))
}

fn tax(code: &str) -> Value {
    json!({"tax": {"name": "VAT", "code": code, "rate": "20.0"}})
}

const REUSED: &str = r#"422 {"status":422,"error":"Unprocessable Entity","code":"idempotency_key_reused"}"#;

#[test]
fn the_same_request_is_done_once_and_answered_alike() {
    let world = World::new("2024-01-01");
    let first = post(&world, "/taxes", "one", tax("vat"));
    assert_eq!((first.status, first.is_replay), (200, false), "{first:?}");
    assert_eq!(first.content_type.as_deref(), Some("application/json; charset=utf-8"));
    for _ in 0..3 {
        assert_eq!(post(&world, "/taxes", "one", tax("vat")), first.replayed());
    }
    // Without the key, or under another one, it is another request.
    let taken = r#"422 {"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"code":["value_already_exist"]}}"#;
    assert_eq!(world.refused(Method::POST, "/taxes", tax("vat")), taken);
    assert_eq!(post(&world, "/taxes", "two", tax("vat")).line(), taken);
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 1);
    // The answer is that of then, also when the object has changed or gone since.
    world.put("/taxes/vat", json!({"tax": {"name": "changed"}}));
    world.delete("/taxes/vat");
    assert_eq!(post(&world, "/taxes", "one", tax("vat")), first.replayed());
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 0);
}

#[test]
fn refusals_of_the_caller_are_remembered_too() {
    let world = World::new("2024-01-01");
    let missing = ask(&world, Method::DELETE, "/taxes/vat", "gone", None);
    assert_eq!(missing.line(), r#"404 {"status":404,"error":"Not Found","code":"tax_not_found"}"#);
    world.tax("vat", "20.0", false);
    assert_eq!(ask(&world, Method::DELETE, "/taxes/vat", "gone", None), missing.replayed());
    let invalid = post(&world, "/taxes", "invalid", json!({"tax": {"name": "VAT"}}));
    assert_eq!(invalid.status, 422);
    assert_eq!(post(&world, "/taxes", "invalid", json!({"tax": {"name": "VAT"}})), invalid.replayed());
    // What was no request at all is not: it may be mended under the same key.
    let rootless = post(&world, "/taxes", "rootless", json!({}));
    assert_eq!((rootless.status, rootless.is_replay), (400, false));
    assert_eq!(post(&world, "/taxes", "rootless", json!({})), rootless.replayed());
}

#[test]
fn one_key_stands_for_one_request() {
    let world = World::new("2024-01-01");
    let first = post(&world, "/taxes", "key", tax("vat"));
    assert_eq!(first.status, 200);
    for (method, path, body) in [
        (Method::POST, "/taxes", Some(tax("other"))),
        (Method::POST, "/taxes?x=1", Some(tax("vat"))),
        (Method::POST, "/taxes", None),
        (Method::POST, "/customers", Some(tax("vat"))),
        (Method::PUT, "/taxes/vat", Some(tax("vat"))),
        (Method::DELETE, "/taxes/vat", None),
    ] {
        assert_eq!(ask(&world, method.clone(), path, "key", body).line(), REUSED, "{method} {path}");
    }
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 1);
    // Reading is no business of the key's.
    let read = ask(&world, Method::GET, "/taxes", "key", None);
    assert_eq!((read.status, read.is_replay), (200, false));
}

#[test]
fn another_organization_has_keys_of_its_own() {
    let (one, other) = (World::new("2024-01-01"), World::new("2024-01-01"));
    let first = post(&one, "/taxes", "shared", tax("vat"));
    let second = post(&other, "/taxes", "shared", tax("gst"));
    assert_eq!((first.status, second.status), (200, 200));
    assert!(!second.is_replay);
    assert_eq!(post(&one, "/taxes", "shared", tax("vat")), first.replayed());
    assert_eq!(post(&other, "/taxes", "shared", tax("gst")), second.replayed());
    assert_eq!(other.get("/taxes")["taxes"][0]["code"], "gst");
}

#[test]
fn keys_have_a_form() {
    let world = World::new("2024-01-01");
    let problem = |code: &str| {
        format!(
            r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{{"idempotency_key":["{code}"]}}}}"#
        )
    };
    let with = |keys: Vec<Vec<u8>>, body: Value| {
        let sent = sent(world.key.clone(), Method::POST, "/api/v1/taxes".to_owned(), keys, Some(body));
        shared().runtime.block_on(sent).line()
    };
    assert_eq!(with(vec![b"".to_vec()], tax("a")), problem("value_is_mandatory"));
    assert_eq!(with(vec![b"  ".to_vec()], tax("a")), problem("value_is_mandatory"));
    assert_eq!(with(vec![vec![b'k'; 256]], tax("a")), problem("value_is_too_long"));
    assert_eq!(with(vec![vec![0xff, 0xfe]], tax("a")), problem("value_is_invalid"));
    assert_eq!(with(vec![b"two words".to_vec()], tax("a")), problem("value_is_invalid"));
    assert_eq!(with(vec![b"a\ttab".to_vec()], tax("a")), problem("value_is_invalid"));
    assert_eq!(with(vec![b"one".to_vec(), b"two".to_vec()], tax("a")), problem("value_is_invalid"));
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 0);
    assert!(with(vec![vec![b'k'; 255]], tax("a")).starts_with("200"));
    // The chapter's order: a key of nobody is told before a bad key.
    let stranger = sent("nobody".to_owned(), Method::POST, "/api/v1/taxes".to_owned(), vec![b"".to_vec()], None);
    assert_eq!(shared().runtime.block_on(stranger).line(), r#"401 {"status":401,"error":"Unauthorized"}"#);
    let unknown = ask(&world, Method::POST, "/nowhere", "", None);
    assert_eq!(unknown.line(), r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#);
    // The operator's endpoint hands out a secret: nothing of it is kept.
    let made = |name: &str| {
        let body = json!({"organization": {"name": name}});
        let keys = vec![b"key".to_vec()];
        let sent = sent(ADMIN_KEY.to_owned(), Method::POST, "/admin/organizations".to_owned(), keys, Some(body));
        shared().runtime.block_on(sent)
    };
    let (one, other) = (made("One"), made("One"));
    assert_eq!((one.status, other.status, other.is_replay), (200, 200, false));
    assert_ne!(one.text, other.text);
}

#[test]
fn bodies_are_compared_as_they_are_read() {
    let world = World::new("2024-01-01");
    let malformed = |key: &str| {
        let request = shared().http.post(url("/api/v1/taxes")).bearer_auth(&world.key).header("Idempotency-Key", key);
        let request = request.header("Content-Type", "application/json").body("{");
        shared().runtime.block_on(async {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"))
        })
    };
    assert_eq!(malformed("key"), (400, false));
    assert_eq!(malformed("key"), (400, false), "no JSON, no request");
    assert_eq!(post(&world, "/taxes", "key", tax("vat")).status, 200);
}

#[test]
fn every_kind_of_change_takes_part() {
    let world = World::new("2024-01-01");
    world.metric("calls", "count");
    hundred(&world, "monthly in advance");
    let subscription = json!({"subscription": {
        "external_customer_id": "acme", "external_id": "acme", "plan_code": "hundred",
    }});
    let events: Vec<Value> = (0..100)
        .map(|number| super::world::event(&format!("e{number}"), "acme", "calls", "2024-01-01", json!({})))
        .collect();
    let steps = [
        (Method::POST, "/customers", Some(json!({"customer": {"external_id": "acme", "name": "Acme"}}))),
        (Method::POST, "/subscriptions", Some(subscription)),
        (Method::POST, "/events/batch", Some(json!({ "events": events }))),
        (Method::PUT, "/organizations", Some(json!({"organization": {"name": "Other"}}))),
        (Method::PUT, "/subscriptions/acme", Some(json!({"subscription": {"name": "renamed"}}))),
        (Method::PATCH, "/subscriptions/acme", Some(json!({"subscription": {"name": "again"}}))),
        (Method::PUT, "/test_clock", Some(json!({"test_clock": {"frozen_time": "2024-02-01T00:00:00Z"}}))),
        (Method::DELETE, "/subscriptions/acme", None),
        (Method::DELETE, "/customers/acme", None),
    ];
    for (method, path, body) in steps {
        let key = format!("{method}{path}");
        let first = ask(&world, method.clone(), path, &key, body.clone());
        assert_eq!((first.status, first.is_replay), (200, false), "{key}: {first:?}");
        assert_eq!(ask(&world, method, path, &key, body), first.replayed());
    }
    // In advance for January and February, and the calls of January at the end: each thing once.
    assert_eq!(world.get("/invoices")["meta"]["total_count"], 3);
    assert_eq!(world.get("/events")["meta"]["total_count"], 100);
}

#[test]
fn an_invoice_is_there_when_the_answer_is() {
    let world = World::new("2024-01-01");
    world.metric("calls", "count");
    hundred(&world, "monthly in advance");
    world.customer("acme", json!({}));
    let subscription = json!({"subscription": {
        "external_customer_id": "acme", "external_id": "acme", "plan_code": "hundred",
    }});
    assert_eq!(post(&world, "/subscriptions", "start", subscription).status, 200);
    let invoice = world.only_invoice("acme");
    assert_eq!(invoice["total_amount_cents"], 10_000);
    let id = invoice["lago_id"].as_str().unwrap();
    let paid = json!({"invoice": {"payment_status": "succeeded"}});
    let first = ask(&world, Method::PUT, &format!("/invoices/{id}"), "pay", Some(paid.clone()));
    assert_eq!(first.status, 200);
    let download = ask(&world, Method::POST, &format!("/invoices/{id}/download"), "file", None);
    assert_eq!(download.status, 200);
    assert_eq!(ask(&world, Method::POST, &format!("/invoices/{id}/download"), "file", None), download.replayed());
}

#[test]
fn thirty_two_twins_have_one_effect() {
    let world = World::new("2024-01-01");
    let twins = |key: &'static str, body: Value| {
        let world = &world;
        shared().runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            for _ in 0..32 {
                let keys = vec![key.as_bytes().to_vec()];
                tasks.spawn(sent(
                    world.key.clone(),
                    Method::POST,
                    "/api/v1/taxes".to_owned(),
                    keys,
                    Some(body.clone()),
                ));
            }
            tasks.join_all().await
        })
    };
    let answers = twins("twins", tax("vat"));
    let done: Vec<&Kept> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(done.iter().all(|answer| answer.fresh() == done[0].fresh()), "{done:?}");
    assert_eq!(done.iter().filter(|answer| !answer.is_replay).count(), 1, "one did it");
    // Whoever does not wait long enough is told so.
    for other in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(other.line(), r#"409 {"status":409,"error":"Conflict","code":"idempotency_key_in_use"}"#);
    }
    assert_eq!(world.get("/taxes")["meta"]["total_count"], 1);
    assert_eq!(post(&world, "/taxes", "twins", tax("vat")), done[0].replayed());
}
