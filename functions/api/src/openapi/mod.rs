//! Weir's own OpenAPI 3.1 document, made from the routes' lists of operations and the schemas of `wire` (ADR 0021).
//!
//! It is made at the first request for it, and kept.

pub(crate) mod codes;
mod example;
pub(crate) mod operation;
pub(crate) mod page;
mod webhooks;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use wire::schema::{self, Components};

use self::operation::{Answer, Auth, Body, Operation, Parameter, ParameterKind};
use crate::routes;

/// The document.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

/// The same as a body.
pub(crate) static BODY: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

const INTRODUCTION: &str = "Usage-based billing: plans, usage, invoices, credit notes, wallets.

Every request and answer is JSON, in UTF-8. Bodies are wrapped in a root key that names their object. Every success is 200, \
                            also of creation and deletion. Amounts in cents are integers in the smallest unit of their \
                            currency; decimals are strings; instants are UTC.

An `Idempotency-Key` on POST, PUT, PATCH and DELETE makes a request safe to repeat: it has one effect, and the same answer \
                            each time. Every answer carries `X-Request-Id`.";

/// Features, in the order in which a newcomer meets them.
const TAGS: [(&str, &str); 21] = [
    ("customers", "Who is billed, and what they have used and owe."),
    ("billable_metrics", "How events become units."),
    ("plans", "What is sold: a price per interval, and prices of usage."),
    ("subscriptions", "Who has which plan."),
    ("events", "Usage, as it is reported."),
    ("invoices", "What is asked for."),
    ("fees", "Lines of invoices, and how their amounts came about."),
    ("credit_notes", "What is given back."),
    ("wallets", "Prepaid credits."),
    ("coupons", "What is taken off."),
    ("add_ons", "What is sold once."),
    ("taxes", "What is added for the state."),
    ("analytics", "Revenue and usage by month."),
    ("organizations", "The organization's own settings."),
    ("api_keys", "Keys of the organization."),
    ("webhook_endpoints", "Where messages go, and what became of them."),
    ("webhooks", "Messages that Weir sends, and the key that verifies them."),
    ("test_clock", "The time of a sandbox."),
    ("documents", "PDFs."),
    ("service", "The service itself."),
    ("admin", "For the operator of a deployment."),
];

fn build() -> Value {
    let mut components = Components::default();
    schema::answer::<wire::list::Meta>(&mut components);
    let mut paths: Map<String, Value> = Map::new();
    let operations = routes::operations();
    for operation in &operations {
        let entry = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        entry[operation.method] = describe(operation, operation.id.to_owned(), &mut components);
        if operation.is_patch_too {
            let id = operation
                .id
                .strip_prefix("update")
                .map_or(format!("{}ByPatch", operation.id), |rest| format!("patch{rest}"));
            entry["patch"] = describe(operation, id, &mut components);
        }
    }
    let mut webhooks = webhooks::section(&mut components);
    let mut schemas = components.finish();
    schemas.extend(error_schemas());
    for entry in paths
        .values_mut()
        .chain(webhooks.values_mut())
        .flat_map(|path| path.as_object_mut().into_iter().flat_map(Map::values_mut))
    {
        add_examples(entry, &schemas);
    }
    let used = |tag: &str| tag == "webhooks" || operations.iter().any(|operation| operation.tag == tag);
    let tags: Vec<Value> = TAGS
        .iter()
        .filter(|(name, _)| used(name))
        .map(|(name, meaning)| json!({"name": name, "description": meaning}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Weir", "version": env!("CARGO_PKG_VERSION"), "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This deployment."}],
        "security": [{"api_key": []}],
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas,
            "parameters": {"IdempotencyKey": idempotency_key()},
            "headers": headers(),
            "responses": common_responses(),
            "securitySchemes": {
                "api_key": {"type": "http", "scheme": "bearer", "description": "An API key of the organization."},
                "admin_key": {"type": "http", "scheme": "bearer", "description": "The operator's key."},
            },
        },
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "Makes the request safe to repeat for 24 hours: the same key with the same request gets the same answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$",
            "examples": ["6f1c2b1e-order-17"]},
    })
}

fn headers() -> Value {
    let text = |meaning: &str, example: &str| json!({"description": meaning, "schema": {"type": "string", "examples": [example]}});
    json!({
        "X-Request-Id": text("Id of the request: the caller's own, if it sent one.", "018cece5-0000-7000-8000-000000000000"),
        "X-Weir-Version": text("The version that answered.", env!("CARGO_PKG_VERSION")),
        "Idempotent-Replayed": text("`true`: this answer was given before, to the same `Idempotency-Key`.", "true"),
    })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn describe(operation: &Operation, id: String, components: &mut Components) -> Value {
    let mut parameters: Vec<Value> = path_parameters(&operation.path).map(path_parameter).collect();
    parameters.extend(operation.query.iter().map(query_parameter));
    let below_v1 = operation.path.starts_with("/api/v1/");
    let is_once = operation.is_change() && below_v1;
    if is_once {
        parameters.push(reference("parameters", "IdempotencyKey"));
    }
    let mut entry = json!({"operationId": id, "tags": [operation.tag], "summary": operation.summary});
    if !operation.notes.is_empty() {
        entry["description"] = operation.notes.into();
    }
    entry["security"] = match operation.auth {
        Auth::Key => json!([{"api_key": []}]),
        Auth::Admin => json!([{"admin_key": []}]),
        Auth::Nobody => json!([]),
    };
    if !parameters.is_empty() {
        entry["parameters"] = parameters.into();
    }
    if let Some(body) = operation.body {
        let schema = match body {
            Body::Rooted(root, of) => rooted(root, of(components), false),
            Body::Bare(of) => of(components),
        };
        entry["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    let mut responses = Map::new();
    if !matches!(operation.answer, Answer::Never) {
        responses.insert("200".to_owned(), success(operation, is_once, components));
    }
    responses.extend(refusals(operation, is_once));
    entry["responses"] = responses.into();
    entry
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let (meaning, example) = match name {
        "code" => ("Code of the object.", "startup"),
        "external_id" => ("The client's own id of the object.", "acme"),
        "transaction_id" => ("The client's id of the event.", "event-0001"),
        "token" => ("The secret part of the link.", "key"),
        "name" => ("Name of the file.", "ACME-0001-001-001.pdf"),
        _ => ("Weir's id of the object (`lago_id`).", "1a901a90-1a90-1a90-1a90-1a901a901a90"),
    };
    json!({"name": name, "in": "path", "required": true, "description": meaning,
        "schema": {"type": "string", "examples": [example]}})
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut entry = json!({"name": parameter.name, "in": "query", "required": parameter.is_required,
        "description": parameter.meaning});
    entry["schema"] = match parameter.kind {
        ParameterKind::Text(example) => json!({"type": "string", "examples": [example]}),
        ParameterKind::Number => json!({"type": "integer", "examples": [1]}),
        ParameterKind::Date => json!({"type": "string", "format": "date", "examples": ["2024-01-31"]}),
        ParameterKind::Instant => {
            json!({"type": "string", "format": "date-time", "examples": ["2024-01-09T10:15:30Z"]})
        }
        ParameterKind::Word(words) => json!({"type": "string", "enum": words}),
        ParameterKind::Words(words) => {
            entry["explode"] = true.into();
            entry["style"] = "form".into();
            json!({"type": "array", "items": {"type": "string", "enum": words}})
        }
    };
    entry
}

fn rooted(root: &str, schema: Value, has_meta: bool) -> Value {
    let mut object = json!({"type": "object", "required": [root], "properties": {root: schema}});
    if has_meta {
        object["required"] = json!([root, "meta"]);
        object["properties"]["meta"] = reference("schemas", "Meta");
    }
    object
}

fn success(operation: &Operation, is_once: bool, components: &mut Components) -> Value {
    let list = |schema: Value| json!({"type": "array", "items": schema});
    let (schema, meaning) = match operation.answer {
        Answer::One(root, of) => (Some(rooted(root, of(components), false)), "Done."),
        Answer::OneOrEmpty(root, of) => {
            (Some(rooted(root, of(components), false)), "Done. The body is empty while the document is not there yet.")
        }
        Answer::All(root, of) => (Some(rooted(root, list(of(components)), false)), "Done."),
        Answer::AllOrEmpty(root, of) => {
            (Some(rooted(root, list(of(components)), false)), "Done. The body is empty for the legacy form.")
        }
        Answer::Page(root, of) => (Some(rooted(root, list(of(components)), true)), "A page."),
        Answer::Bare(of) => (Some(of(components)), "Done."),
        Answer::Empty | Answer::Never => (None, "Done. The body is empty."),
        Answer::Other(_) => (None, "Done."),
    };
    let mut entry = json!({"description": meaning, "headers": {
        "X-Request-Id": reference("headers", "X-Request-Id"), "X-Weir-Version": reference("headers", "X-Weir-Version"),
    }});
    if is_once {
        entry["headers"]["Idempotent-Replayed"] = reference("headers", "Idempotent-Replayed");
    }
    if let Some(schema) = schema {
        entry["content"] = json!({"application/json": {"schema": schema}});
    }
    if let Answer::Other(content_type) = operation.answer {
        entry["content"] = json!({content_type: {"schema": {"type": "string"}}});
    }
    if matches!(operation.answer, Answer::OneOrEmpty(..) | Answer::AllOrEmpty(..)) {
        entry["x-may-be-empty"] = true.into();
    }
    entry
}

/// The schema of each status's body.
const ERRORS: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The body is no JSON, or its root key is missing."),
    (401, "Unauthorized", "There is no key, or none that is known."),
    (403, "Forbidden", "The key does not allow this."),
    (404, "NotFound", "The object is not there."),
    (405, "NotAllowed", "The state of the object forbids this."),
    (409, "Conflict", "Something else is going on."),
    (413, "PayloadTooLarge", "The body is over 5 MiB."),
    (422, "Unprocessable", "Something that was sent is not valid."),
    (429, "TooManyRequests", "Too many requests in too short a time."),
    (500, "InternalError", "A fault of Weir's. Nothing was done."),
    (503, "Unavailable", "Nothing was done; try again later."),
];

/// Statuses whose body has no code.
const WITHOUT_CODE: [u16; 3] = [400, 401, 500];

fn error_words(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Service Unavailable",
    }
}

fn error_schemas() -> Map<String, Value> {
    let schema = |(status, name, meaning): &(u16, &str, &str)| {
        let mut required = vec!["status", "error"];
        let mut properties = json!({
            "status": {"const": status, "description": "The HTTP status."},
            "error": {"type": "string", "description": "The status in words.", "examples": [error_words(*status)]},
        });
        if *status != 400 {
            properties["error"] = json!({"const": error_words(*status), "description": "The status in words."});
        }
        if !WITHOUT_CODE.contains(status) {
            required.push("code");
            properties["code"] = json!({"type": "string", "description": "The cause, for programs."});
        }
        if *status == 422 {
            properties["error_details"] = json!({
                "type": "object", "description": "Codes by field; `base` holds those of no particular field.",
                "additionalProperties": {"type": "array", "minItems": 1, "items": reference("schemas", "FieldErrorCode")},
            });
        }
        let schema = json!({"type": "object", "description": meaning, "required": required, "properties": properties,
            "additionalProperties": false});
        ((*name).to_owned(), schema)
    };
    let mut schemas: Map<String, Value> = ERRORS.iter().map(schema).collect();
    let fields: Vec<&str> = codes::CODES.iter().filter(|code| is_of_field(code)).map(|code| code.name).collect();
    schemas.insert(
        "FieldErrorCode".to_owned(),
        json!({"type": "string", "description": "What is wrong with a field.", "enum": fields}),
    );
    schemas
}

/// Codes of fields, and those of answers that are codes of fields, too (their cause says so).
fn is_of_field(code: &codes::Code) -> bool {
    code.status.is_none() || code.cause.contains("on 422")
}

/// Refusals that look the same everywhere.
fn common_responses() -> Value {
    let entry = |(status, name, meaning): &(u16, &str, &str)| {
        let example = error_example(*status, code_of(*status));
        let content = json!({"application/json": {"schema": reference("schemas", name), "example": example}});
        let mut response = json!({"description": meaning, "content": content});
        if *status == 429 {
            let seconds = json!({"type": "integer", "examples": [1]});
            response["headers"] = json!({"Retry-After": {"description": "Seconds to wait.", "schema": seconds}});
        }
        ((*name).to_owned(), response)
    };
    ERRORS.iter().filter(|(status, ..)| is_common(*status)).map(entry).collect::<Map<_, _>>().into()
}

fn is_common(status: u16) -> bool {
    [400, 401, 413, 429, 500, 503].contains(&status)
}

/// The only code of a status that is the same everywhere.
fn code_of(status: u16) -> Option<&'static str> {
    match status {
        413 => Some("payload_too_large"),
        429 => Some("too_many_requests"),
        503 => Some("try_again"),
        _ => None,
    }
}

fn error_example(status: u16, code: Option<&str>) -> Value {
    let mut example = json!({"status": status, "error": error_words(status)});
    if let Some(code) = code {
        example["code"] = code.into();
    }
    if code == Some(VALIDATION) {
        example["error_details"] = json!({"name": ["value_is_mandatory"]});
    }
    example
}

const VALIDATION: &str = "validation_errors";

/// Every refusal of an operation, by status.
fn refusals(operation: &Operation, is_once: bool) -> Map<String, Value> {
    let mut codes = operation.codes.clone();
    let mut add = |status: u16, code: &str| codes.push((status, code.to_owned()));
    if operation.is_checked || is_once {
        add(422, VALIDATION);
    }
    if is_once {
        add(409, "idempotency_key_in_use");
        add(409, "idempotent_request_interrupted");
        add(422, "idempotency_key_reused");
    }
    let mut statuses: Vec<u16> = codes.iter().map(|(status, _)| *status).collect();
    if operation.auth != Auth::Nobody {
        // Bodies are looked at before keys, of whatever method.
        statuses.extend([400, 401, 413, 429, 503]);
    }
    statuses.push(500);
    statuses.sort_unstable();
    statuses.dedup();
    let entry = |status: u16| {
        let codes: Vec<&str> =
            codes.iter().filter(|(other, _)| *other == status).map(|(_, code)| code.as_str()).collect();
        (status.to_string(), refusal(status, &codes))
    };
    statuses.into_iter().map(entry).collect()
}

fn refusal(status: u16, codes: &[&str]) -> Value {
    let (_, name, meaning) = ERRORS.iter().find(|(known, ..)| *known == status).copied().unwrap_or(ERRORS[0]);
    if codes.is_empty() {
        return reference("responses", name);
    }
    let lines = codes.iter().map(|code| {
        let Some(known) = codes::of(code) else { return format!("\n- `{code}`") };
        let remedy = if known.remedy.is_empty() { String::new() } else { format!(" ({})", known.remedy) };
        format!("\n- `{code}`: {}{remedy}", known.cause)
    });
    let examples: Map<String, Value> =
        codes.iter().map(|code| ((*code).to_owned(), json!({"value": error_example(status, Some(code))}))).collect();
    let schema = json!({"allOf": [reference("schemas", name), {"properties": {"code": {"enum": codes}}}]});
    json!({
        "description": format!("{meaning}{}", lines.collect::<String>()),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    })
}

/// Gives an example to every body of an operation.
fn add_examples(operation: &mut Value, schemas: &Map<String, Value>) {
    let put = |content: &mut Value| {
        let example = example::of(&content["schema"], schemas);
        content["example"] = example;
    };
    if let Some(content) = operation.pointer_mut("/requestBody/content/application~1json") {
        put(content);
    }
    if let Some(content) = operation.pointer_mut("/responses/200/content/application~1json") {
        put(content);
    }
}
