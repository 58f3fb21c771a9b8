//! Whether answers and webhooks are what the documents say: Weir's own, and that of the reference API of January 2024.
//!
//! Every request of every scenario comes through here (`world::send`), and every webhook that a receiver gets. The reference
//! document is looked for beside the project; where it is not, that is said on the error output, and Weir's own still counts.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use reqwest::Method;
use serde_json::{Value, json};

const REFERENCE: &str = "shared/reference/openapi-2024-01.yaml";

/// Where an answer is not what the reference document says, on purpose.
struct Deviation {
    /// `GET /plans/{code}`, or `""` for every operation.
    operation: &'static str,
    /// End of the place in the body; `*` is any entry of a list.
    place: &'static str,
    /// The chapter that says so.
    #[allow(dead_code)] // For people.
    reason: &'static str,
}

const fn of(operation: &'static str, place: &'static str, reason: &'static str) -> Deviation {
    Deviation { operation, place, reason }
}

#[rustfmt::skip]
const DEVIATIONS: [Deviation; 51] = [
    of("", "/applied_coupon/amount_currency", "06, 7: null on a percentage"),
    of("", "/applied_coupons/*/amount_currency", "06, 7: null on a percentage"),
    of("", "/recurring_transaction_rules/*/interval", "06, 14: null on a threshold rule"),
    of("", "/wallet_transactions/*/settled_at", "06, 14: null while it is pending"),
    of("", "/invoice_display_name", "06, 4, 5, 11 and 15: null without a name of its own"),
    of("", "/group_invoice_display_name", "06, 11: null without a group"),
    of("", "/description", "06, 2 to 6: null unless it was sent"),
    of("", "/tax_description", "06, 11 to 13: a copy of the tax's, which may be null"),
    of("", "/trial_period", "06, 4: null without a trial"),
    of("", "/events_count", "06, 11: null on fees that are no charges"),
    of("", "/file_url", "06, 12: null until the document was made"),
    of("", "/ending_at", "06, 9: null without an end"),
    of("", "/country", "06, 1 and 8: null unless it was sent"),
    of("", "/timezone", "06, 8: null is the organization's"),
    of("", "/payment_provider", "06, 8: null without a provider"),
    of("", "/provider_customer_id", "06, 8: null without an id"),
    of("", "/invoice_grace_period", "06, 8: null is the organization's"),
    of("", "/document_locale", "06, 8: null is the organization's"),
    of("", "/customer/currency", "06, 8: null until it is set"),
    of("", "/customers/*/currency", "06, 8: null until it is set"),
    of("", "/coupon/amount_currency", "06, 6: null on a percentage"),
    of("", "/coupons/*/amount_currency", "06, 6: null on a percentage"),
    of("", "/coupon/terminated_at", "06, 6: null while it is good"),
    of("", "/coupons/*/terminated_at", "06, 6: null while it is good"),
    of("", "/wallet/name", "06, 14: null unless it was sent"),
    of("", "/wallets/*/name", "06, 14: null unless it was sent"),
    of("", "/mrrs/*/currency", "06, 17: null in a month without any"),
    of("", "/mrrs/*/amount_cents", "06, 17: null in a month without any"),
    of("", "/invoice_collections/*/currency", "06, 17: null in a month without invoices"),
    of("", "/invoice_collections/*/payment_status", "06, 17: null in a month without invoices"),
    of("POST /events/estimate_fees", "/fees/*/applied_taxes/*/lago_id", "06, 11: null in estimates"),
    of("POST /events/estimate_fees", "/fees/*/applied_taxes/*/lago_fee_id", "06, 11: null in estimates"),
    of("POST /events/estimate_fees", "/fees/*/applied_taxes/*/created_at", "06, 11: null in estimates"),
    of("POST /events/estimate_fees", "/fees/*/created_at", "06, 11: null in estimates"),
    of("POST /events/estimate_fees", "/fees/*/lago_id", "06, 11: null in estimates"),
    of("", "/group/key", "06, 3: `{}` without dimensions"),
    of("", "/group/values", "06, 3: `{}` without dimensions"),
    of("", "/event/properties/*", "06, 10: properties are kept as sent, numbers and null, too"),
    of("", "/events/*/properties/*", "06, 10: properties are kept as sent, numbers and null, too"),
    of("", "/event/timestamp", "05, 1.5: years beyond 9999 can be sent, and are shown as ISO 8601 extends them"),
    of("", "/customer/email", "05, 2.4: not validated, and may be several addresses"),
    of("", "/customers/*/email", "05, 2.4: not validated, and may be several addresses"),
    of("", "/organization/email", "05, 1.3: an empty text is kept"),
    of("GET /customers/{external_customer_id}/current_usage", "/customer_usage/issuing_date", "06, 15: a date"),
    of("GET /customers/{external_customer_id}/current_usage", "/billable_metric/aggregation_type", "06, 3: `latest_agg` and `weighted_sum_agg` exist, too"),
    of("GET /customers/{external_customer_id}/past_usage", "/usage_periods/*/customer_usage", "06, 15: the fields stand in the period itself"),
    of("", "/error_details", "05, 1.1: `idempotency_key_reused` is ours, and is about no field"),
    of("", "/amount_details/units", "03, 6: units may be below 0"),
    of("", "/amount_details/free_units", "03, 6: units may be below 0"),
    of("", "/amount_details/graduated_ranges/*/units", "03, 6: units may be below 0"),
    of("", "/amount_details/graduated_percentage_ranges/*/units", "03, 6: units may be below 0"),
];

/// A document, ready to validate with.
struct Book {
    name: &'static str,
    operations: Vec<Operation>,
    components: Value,
    webhooks: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

struct Operation {
    method: String,
    path: String,
    entry: Value,
}

impl Book {
    fn new(name: &'static str, mut document: Value) -> Book {
        let mut operations = Vec::new();
        for (path, entries) in document["paths"].as_object().unwrap() {
            for (method, entry) in entries.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
                operations.push(Operation { method: method.to_uppercase(), path: path.clone(), entry: entry.clone() });
            }
        }
        let (components, webhooks) = (document["components"].take(), document["webhooks"].take());
        Book { name, operations, components, webhooks, validators: Mutex::default() }
    }

    /// The operation of a path without query. As in the router a path without parameters goes first, whatever its methods.
    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let fits = self.operations.iter().filter(|operation| matches(&operation.path, path));
        let best = fits.min_by_key(|operation| operation.path.matches('{').count())?;
        self.operations.iter().find(|operation| operation.path == best.path && operation.method == method)
    }

    fn response<'a>(&'a self, operation: &'a Operation, status: u16) -> Option<&'a Value> {
        let response = operation.entry["responses"].get(status.to_string())?;
        let Some(reference) = response["$ref"].as_str() else { return Some(response) };
        Some(&self.components["responses"][reference.rsplit('/').next().unwrap()])
    }

    /// What is wrong with a value: the place in it and the words of the validator.
    fn problems(&self, id: String, schema: &Value, value: &Value) -> Vec<(String, String)> {
        let known = self.validators.lock().unwrap().get(&id).cloned();
        let validator = known.unwrap_or_else(|| {
            let root = json!({"allOf": [schema], "components": {"schemas": self.components["schemas"]}});
            let built = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
            let built = Arc::new(built);
            self.validators.lock().unwrap().insert(id, Arc::clone(&built));
            built
        });
        let told = |error: jsonschema::ValidationError<'_>| {
            let mut place = error.instance_path().to_string();
            if let ValidationErrorKind::Required { property } = error.kind() {
                place = format!("{place}/{}", property.as_str().unwrap_or_default());
            }
            (place, error.to_string())
        };
        validator.iter_errors(value).map(told).collect()
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) if wanted == part || (wanted.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

fn own() -> &'static Book {
    static OWN: OnceLock<Book> = OnceLock::new();
    OWN.get_or_init(|| Book::new("Weir's own document", fn_api::document().clone()))
}

fn reference() -> Option<&'static Book> {
    static REFERENCE_BOOK: OnceLock<Option<Book>> = OnceLock::new();
    let load = || {
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join(REFERENCE));
        let Some(text) = found.into_iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
            // Past the capture of tests' output: whoever runs them shall see it.
            let _ = writeln!(
                std::io::stderr(),
                "conformance: {REFERENCE} is not there; only Weir's own document is checked"
            );
            return None;
        };
        let mut document: Value = serde_yaml::from_str(&text).unwrap();
        modernize(&mut document);
        Some(Book::new("the reference document", document))
    };
    REFERENCE_BOOK.get_or_init(load).as_ref()
}

/// OpenAPI 3.0's `nullable` as JSON Schema says it.
fn modernize(value: &mut Value) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(modernize),
        Value::Object(fields) => {
            // An example may look like a schema.
            fields.shift_remove("example");
            fields.values_mut().for_each(modernize);
            let is_nullable = fields.get("nullable") == Some(&Value::Bool(true));
            if !is_nullable {
                return;
            }
            fields.shift_remove("nullable");
            if let Some(words) = fields.get_mut("enum").and_then(Value::as_array_mut) {
                words.push(Value::Null);
            }
            match fields.get("type").cloned() {
                Some(kind) => {
                    fields.insert("type".to_owned(), json!([kind, "null"]));
                }
                None => *value = json!({"anyOf": [value.clone(), {"type": "null"}]}),
            }
        }
        _ => {}
    }
}

/// Panics if an answer is not what the documents say.
pub fn check_answer(method: &Method, path: &str, status: u16, body: &[u8]) {
    let path = path.strip_prefix("http://").map_or(path, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split('?').next().unwrap();
    if *method == Method::HEAD || *method == Method::OPTIONS {
        return;
    }
    let problems = problems_with_own(method, path, status, body);
    assert!(problems.is_empty(), "{method} {path} {status} is not what Weir's own document says: {problems:#?}");
    let problems = problems_with_reference(method, path, status, body);
    assert!(problems.is_empty(), "{method} {path} {status} is not what the reference document says: {problems:#?}");
}

fn problems_with_own(method: &Method, path: &str, status: u16, body: &[u8]) -> Vec<(String, String)> {
    let one = |words: String| vec![(String::new(), words)];
    let Some(operation) = own().operation(method.as_str(), path) else {
        // Unknown routes and methods answer alike; what providers call, and pages for people, are in no document.
        let is_unknown = status == 404 && String::from_utf8_lossy(body).contains("resource_not_found");
        let is_for_others = !path.starts_with("/api/") && !path.starts_with("/admin/");
        return if is_unknown || is_for_others {
            Vec::new()
        } else {
            one("an operation that is not documented".into())
        };
    };
    let Some(response) = own().response(operation, status) else {
        return one(format!("{}: a status that is not documented: {}", operation.path, String::from_utf8_lossy(body)));
    };
    problems_of_body(own(), operation, response, status, body)
}

fn problems_with_reference(method: &Method, path: &str, status: u16, body: &[u8]) -> Vec<(String, String)> {
    let (Some(book), Some(path)) = (reference(), path.strip_prefix("/api/v1")) else { return Vec::new() };
    // What is ours alone is not in it, and it is silent about many refusals.
    let Some(operation) = book.operation(method.as_str(), path) else { return Vec::new() };
    let Some(response) = book.response(operation, status) else {
        let words = format!("{}: a success that is not documented", operation.path);
        return if status < 300 { vec![(String::new(), words)] } else { Vec::new() };
    };
    let name = format!("{} {}", operation.method, operation.path);
    let problems = problems_of_body(book, operation, response, status, body);
    problems.into_iter().filter(|(place, _)| !is_meant(&name, place)).collect()
}

fn is_meant(operation: &str, place: &str) -> bool {
    let place: Vec<&str> = place.split('/').skip(1).collect();
    let fits = |known: &Deviation| {
        let wanted: Vec<&str> = known.place.split('/').skip(1).collect();
        let tail = place.len().checked_sub(wanted.len()).map(|start| &place[start..]);
        (known.operation.is_empty() || known.operation == operation)
            && tail.is_some_and(|tail| tail.iter().zip(&wanted).all(|(part, wanted)| *wanted == "*" || part == wanted))
    };
    DEVIATIONS.iter().any(fits)
}

fn problems_of_body(
    book: &Book,
    operation: &Operation,
    response: &Value,
    status: u16,
    body: &[u8],
) -> Vec<(String, String)> {
    let one = |words: &str| vec![(String::new(), words.to_owned())];
    let content = &response["content"];
    if body.is_empty() {
        // The reference document does not know the empty answers of chapter 05, 2.10, 2.12 and 2.13.
        let may_be = content.is_null() || response["x-may-be-empty"] == true || book.name != own().name;
        return if may_be { Vec::new() } else { one("an empty body") };
    }
    let schema = &content["application/json"]["schema"];
    if schema.is_null() {
        let is_other = content.as_object().is_some_and(|content| !content.is_empty());
        return if is_other || book.name != own().name { Vec::new() } else { one("a body that is not documented") };
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return one("no JSON") };
    let id = format!("{} {} {status}", operation.method, operation.path);
    let mut problems = book.problems(id, schema, &value);
    // The log of deliveries holds the messages as they were sent.
    for entry in value["webhooks"].as_array().into_iter().flatten().filter(|entry| entry["payload"].is_string()) {
        problems.extend(problems_of_webhook(entry["payload"].as_str().unwrap()));
    }
    problems
}

/// Keys that scenarios send to see them ignored (chapter 05, 1.3): what an answer showed, and what another operation takes.
const IGNORED: [&str; 11] = [
    "/credit_note/credit_amount_cents",
    "/credit_note/description",
    "/credit_note/refund_amount_cents",
    "/fee/other",
    "/plan/active_subscriptions_count",
    "/plan/created_at",
    "/plan/customers_count",
    "/plan/draft_invoices_count",
    "/plan/lago_id",
    "/plan/parent_id",
    "/plan/taxes",
];

/// Panics if a request that was accepted had a key that Weir's own document does not know: then an input reads more than its
/// schema says.
pub fn check_request(method: &Method, path: &str, status: u16, body: &[u8]) {
    let path = path.split('?').next().unwrap();
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let Some(operation) = own().operation(method.as_str(), path).filter(|_| status == 200) else { return };
    let schema = &operation.entry["requestBody"]["content"]["application/json"]["schema"];
    let mut unknown = Vec::new();
    unknown_keys(schema, &value, "", &mut unknown);
    assert!(unknown.is_empty(), "{method} {path} took keys that its schema does not have: {unknown:?}\n{value}");
}

fn unknown_keys(schema: &Value, value: &Value, place: &str, unknown: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return unknown_keys(
            &own().components["schemas"][reference.rsplit('/').next().unwrap()],
            value,
            place,
            unknown,
        );
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        // Whatever knows most of it is meant.
        let of = |alternative| {
            let mut found = Vec::new();
            unknown_keys(alternative, value, place, &mut found);
            found
        };
        unknown.extend(alternatives.iter().map(of).min_by_key(Vec::len).unwrap_or_default());
        return;
    }
    match value {
        Value::Object(fields) => {
            // An object without fields of its own takes any.
            let Some(properties) = schema["properties"].as_object() else { return };
            for (name, value) in fields {
                let place = format!("{place}/{name}");
                match properties.get(name) {
                    Some(property) => unknown_keys(property, value, &place, unknown),
                    None if IGNORED.contains(&place.as_str()) => {}
                    None => unknown.push(place),
                }
            }
        }
        Value::Array(entries) => {
            entries.iter().for_each(|entry| unknown_keys(&schema["items"], entry, &format!("{place}/*"), unknown));
        }
        _ => {}
    }
}

fn problems_of_webhook(body: &str) -> Vec<(String, String)> {
    let Ok(message) = serde_json::from_str::<Value>(body) else { return vec![(String::new(), "no JSON".to_owned())] };
    let kind = message["webhook_type"].as_str().unwrap_or_default();
    let schema = &own().webhooks[kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return vec![(String::new(), format!("a webhook that is not documented: {kind}"))];
    }
    own().problems(format!("webhook {kind}"), schema, &message)
}

/// Panics if a webhook is not what Weir's own document says.
pub fn check_webhook(body: &str) {
    let problems = problems_of_webhook(body);
    assert!(problems.is_empty(), "a webhook that is not what Weir's own document says: {problems:#?}\n{body}");
}

#[test]
fn what_is_wrong_is_found() {
    let wrong = |status, body: &str| problems_with_own(&Method::GET, "/api/v1/taxes/x", status, body.as_bytes());
    assert!(wrong(404, r#"{"status":404,"error":"Not Found","code":"tax_not_found"}"#).is_empty());
    assert_eq!(wrong(404, r#"{"status":404,"error":"Not Found","code":"plan_not_found"}"#).len(), 1);
    assert_eq!(wrong(418, "{}").len(), 1);
    let places: Vec<String> = wrong(200, r#"{"tax":{"lago_id":7}}"#).into_iter().map(|(place, _)| place).collect();
    assert!(places.contains(&"/tax/name".to_owned()) && places.contains(&"/tax/lago_id".to_owned()), "{places:?}");
    assert_eq!(problems_with_own(&Method::GET, "/api/v1/nothing", 200, b"{}").len(), 1);
    assert_eq!(problems_of_webhook(r#"{"webhook_type":"fee.made"}"#).len(), 1);
    assert_eq!(problems_of_webhook(r#"{"webhook_type":"events.errors","object_type":"events_errors"}"#).len(), 1);
    if reference().is_some() {
        let wrong = |body: &str| problems_with_reference(&Method::GET, "/api/v1/taxes/x", 200, body.as_bytes());
        assert_eq!(wrong(r#"{"tax":{"lago_id":7}}"#).iter().filter(|(place, _)| place == "/tax/lago_id").count(), 1);
    }
}
