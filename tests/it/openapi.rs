//! Weir's own OpenAPI document: complete, and in step with the router (ADR 0021).

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Map, Value};

use crate::scenarios::world::send;

fn document() -> &'static Value {
    fn_api::document()
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let of = |(path, entry): (&'static String, &'static Value)| {
        let methods = entry.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// Every path that a module of `routes` gives to the router.
fn routed() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/api/src/routes");
    let mut paths = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let code = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for rest in code.split(".route(\"").skip(1) {
            let path = rest.split('"').next().unwrap();
            // These modules stand beside `/api/v1` (see `routes::all`).
            let prefix = if ["admin", "documents", "health", "page", "provider_callbacks"].contains(&name.as_str()) {
                ""
            } else {
                "/api/v1"
            };
            paths.insert(format!("{prefix}{path}"));
        }
    }
    assert!(paths.len() > 50, "the scan finds nothing any more: {paths:?}");
    paths
}

/// What no client calls: people do, and payment providers, in their own formats (chapter 05, 2.18).
const CALLED_BY_OTHERS: [&str; 5] = [
    "/docs",
    "/webhook/gocardless/{organization_id}",
    "/webhooks/adyen/{organization_id}",
    "/webhooks/gocardless/{organization_id}",
    "/webhooks/stripe/{organization_id}",
];

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let documented: BTreeSet<String> = document()["paths"].as_object().unwrap().keys().cloned().collect();
    let routed: BTreeSet<String> =
        routed().into_iter().filter(|path| !CALLED_BY_OTHERS.contains(&path.as_str())).collect();
    let missing: Vec<_> = routed.difference(&documented).collect();
    assert!(missing.is_empty(), "routes without an entry in their module's `operations()`: {missing:?}");
    let invented: Vec<_> = documented.difference(&routed).collect();
    assert!(invented.is_empty(), "entries of `operations()` without a route: {invented:?}");
}

#[test]
fn the_router_knows_the_methods_of_the_document_and_no_others() {
    let paths = document()["paths"].as_object().unwrap();
    let mut wrong = Vec::new();
    for (path, entry) in paths {
        // The link of a document that was not made here looks like an unknown route (chapter 06, 12).
        if path.starts_with("/documents/") {
            continue;
        }
        let concrete: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "/x".to_owned() } else { format!("/{part}") })
            .collect();
        for method in METHODS {
            let answer = send("nobody", method.to_uppercase().parse().unwrap(), &concrete[1..], None);
            let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
            let is_routed = answer.status != 404 || body["code"] != "resource_not_found";
            if is_routed != entry.get(method).is_some() {
                wrong.push(format!("{method} {path}: {}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn it_is_served_to_everybody() {
    let answer = send("", Method::GET, "/api/v1/openapi.json", None);
    assert_eq!((answer.status.as_u16(), &answer.json()), (200, document()));
    assert!(answer.bytes.len() < 2_000_000, "{} bytes", answer.bytes.len());
}

/// `make lint` hands the file to a linter of others.
#[test]
fn it_is_written_for_linters() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    std::fs::write(path, serde_json::to_vec_pretty(document()).unwrap()).unwrap();
}

#[test]
fn the_page_for_people_has_every_operation_and_nothing_from_elsewhere() {
    let page = send("", Method::GET, "/docs", None);
    let text = page.text();
    assert_eq!(page.status, 200);
    for (path, method, operation) in operations() {
        if method != "patch" {
            assert!(
                text.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())),
                "{method} {path}"
            );
        }
    }
    for name in document()["webhooks"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("id=\"{name}\"")), "{name}");
    }
    for tag in ["src=", "href=\"http", "@import", "url("] {
        assert!(!text.contains(tag), "the page loads something: {tag}");
    }
    // Every link within the page leads somewhere.
    let targets: BTreeSet<&str> = text.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let links = text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    let lost: BTreeSet<&str> = links.filter(|link| !targets.contains(link)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn operations_are_described_in_full() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations() {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: its id is taken");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{place}");
        let tag = &operation["tags"][0];
        assert!(document()["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag), "{place}: {tag}");
        if let Some(body) = operation.get("requestBody") {
            assert!(!body["content"]["application/json"]["example"].is_null(), "{place}: no example of the body");
        }
        if let Some(content) = operation["responses"]["200"]["content"].get("application/json") {
            assert!(!content["example"].is_null(), "{place}: no example of the answer");
        }
    }
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let mut found = BTreeSet::new();
    references(document(), &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document().pointer(pointer).is_some(), "{reference}");
    }
    for (kind, entries) in document()["components"].as_object().unwrap() {
        if kind == "securitySchemes" {
            continue;
        }
        for name in entries.as_object().unwrap().keys() {
            assert!(found.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name} is used nowhere");
        }
    }
}

/// A schema of the document, ready to validate with.
fn validator(schema: &Value) -> jsonschema::Validator {
    let mut root = Map::new();
    root.insert("allOf".to_owned(), Value::Array(vec![schema.clone()]));
    root.insert("components".to_owned(), document()["components"].clone());
    jsonschema::options().should_validate_formats(true).build(&Value::Object(root)).unwrap()
}

#[test]
fn examples_fit_their_schemas() {
    let check = |place: &str, content: &Value| {
        if content.is_null() {
            return;
        }
        let validator = validator(&content["schema"]);
        let examples = content.get("example").into_iter();
        let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        for example in examples.chain(named) {
            let errors: Vec<String> =
                validator.iter_errors(example).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{place}: {errors:#?}\n{example}");
        }
    };
    for (path, method, operation) in operations() {
        let place = format!("{method} {path}");
        check(&place, &operation["requestBody"]["content"]["application/json"]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            check(&format!("{place} {status}"), &response["content"]["application/json"]);
        }
    }
    for (name, entry) in document()["webhooks"].as_object().unwrap() {
        check(name, &entry["post"]["requestBody"]["content"]["application/json"]);
    }
}

#[test]
fn every_webhook_that_is_made_is_in_the_document() {
    let code =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/app/src/notice.rs")).unwrap();
    let is_type = |text: &&str| {
        let is_word = |part: &str| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        text.split_once('.').is_some_and(|(object, event)| is_word(object) && is_word(event))
    };
    let made: BTreeSet<&str> = code.split('"').filter(is_type).collect();
    let documented: BTreeSet<&str> = document()["webhooks"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(made, documented);
}
