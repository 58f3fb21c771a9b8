//! The reference page: the document for people, rendered from the very same value. No script, font or style of others.

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use super::{DOCUMENT, codes};

/// The page. It is rendered at the first request for it, and kept.
pub(crate) static PAGE: LazyLock<String> = LazyLock::new(|| page(&DOCUMENT).into_string());

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// In the order in which an operation is looked for.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

fn fields(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or(&NONE)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An operation and where it is.
struct Placed<'a> {
    method: &'static str,
    path: &'a str,
    entry: &'a Value,
}

fn of_tag<'a>(document: &'a Value, tag: &str) -> Vec<Placed<'a>> {
    let mut found = Vec::new();
    for (path, entries) in fields(&document["paths"]) {
        for method in METHODS {
            let entry = &entries[method];
            // A synonym is told beside what it means.
            if entry["tags"][0] == tag && method != "patch" {
                found.push(Placed { method, path, entry });
            }
        }
    }
    found
}

fn page(document: &Value) -> Markup {
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    let title = format!("{} API reference", text(&document["info"]["title"]));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                nav aria-label="Contents" { (contents(document, &tags)) }
                main {
                    (introduction(document, &title))
                    @for tag in &tags { (feature(document, tag)) }
                    (webhooks(document))
                    (objects(document))
                    (errors())
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn title_of(tag: &str) -> String {
    let words = tag.replace('_', " ").replace("api ", "API ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn contents(document: &Value, tags: &[&Value]) -> Markup {
    html! {
        a.brand href="#top" { "Weir" small { (text(&document["info"]["version"])) } }
        input #filter type="search" placeholder="Filter operations" aria-label="Filter operations";
        @for tag in tags {
            @let operations = of_tag(document, text(&tag["name"]));
            @if !operations.is_empty() {
                details open {
                    summary { a href={ "#tag-" (text(&tag["name"])) } { (title_of(text(&tag["name"]))) } }
                    ul {
                        @for operation in &operations {
                            li { a href={ "#" (text(&operation.entry["operationId"])) } title=(operation.path) {
                                span class={ "verb " (operation.method) } { (operation.method) }
                                (text(&operation.entry["summary"]))
                            } }
                        }
                    }
                }
            }
        }
        details {
            summary { a href="#webhooks" { "Webhook messages" } }
            ul { @for name in fields(&document["webhooks"]).keys() { li { a href={ "#" (name) } { (name) } } } }
        }
        details {
            summary { a href="#objects" { "Objects" } }
            ul { @for name in shown(document) { li { a href={ "#object-" (name) } { (name) } } } }
        }
        a.last href="#errors" { "Error codes" }
    }
}

/// Code spans between backticks; everything else is text.
fn prose(words: &str) -> Markup {
    html! {
        @for (position, part) in words.split('`').enumerate() {
            @if position % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn introduction(document: &Value, title: &str) -> Markup {
    html! {
        header #top {
            h1 { (title) }
            @for paragraph in text(&document["info"]["description"]).split("\n\n") { p { (prose(paragraph)) } }
            p { "The same as a file for programs: " a href="/api/v1/openapi.json" { "openapi.json" } " (OpenAPI 3.1)." }
            h2 { "Authentication" }
            p { "Send an API key of the organization with every request:" }
            pre { code { "Authorization: Bearer <api key>" } }
            p { "A key sees the objects of its own organization; those of others are not found." }
            h2 { "Lists" }
            p { (prose("`page` counts from 1, `per_page` is 100 unless it is sent, and 1000 at most. `meta` says which page it is; of an empty page its counts are 0.")) }
            h2 { "Refusals" }
            p { (prose("Every refusal is a JSON body with `status`, `error` and, for programs, a `code`. On 422 `validation_errors` the object `error_details` has codes by field, all problems at once.")) }
            pre { code { "{\"status\": 422, \"error\": \"Unprocessable Entity\", \"code\": \"validation_errors\",\n \"error_details\": {\"name\": [\"value_is_mandatory\"]}}" } }
        }
    }
}

fn feature(document: &Value, tag: &Value) -> Markup {
    let operations = of_tag(document, text(&tag["name"]));
    html! {
        @if !operations.is_empty() {
            section {
                h2 id={ "tag-" (text(&tag["name"])) } { (title_of(text(&tag["name"]))) }
                p.lead { (prose(text(&tag["description"]))) }
                @for placed in &operations { (operation(document, placed)) }
            }
        }
    }
}

fn operation(document: &Value, placed: &Placed<'_>) -> Markup {
    let entry = placed.entry;
    let has_synonym = placed.method == "put" && document["paths"][placed.path].get("patch").is_some();
    let access = entry["security"][0].as_object().and_then(|needs| needs.keys().next()).map(String::as_str);
    html! {
        article id=(text(&entry["operationId"])) {
            h3 { (text(&entry["summary"])) }
            p.route {
                span class={ "verb " (placed.method) } { (placed.method) }
                @if has_synonym { " " span.verb.patch { "patch" } }
                " " code { (placed.path) }
            }
            @if let Some(notes) = entry["description"].as_str() { p { (prose(notes)) } }
            @if access == Some("admin_key") { p.note { "Takes the operator's key." } }
            @if access.is_none() { p.note { "Takes no key." } }
            div.columns {
                div {
                    (parameters(document, entry))
                    @if let Some(content) = entry.pointer("/requestBody/content/application~1json") {
                        h4 { "Body" }
                        (shape(&content["schema"], document))
                    }
                    h4 { "Answer" }
                    (answer(document, &entry["responses"]["200"]))
                    h4 { "Refusals" }
                    (refusals(document, &entry["responses"]))
                }
                div.examples {
                    @if let Some(content) = entry.pointer("/requestBody/content/application~1json") {
                        (example("Request", &content["example"]))
                    }
                    @if let Some(content) = entry.pointer("/responses/200/content/application~1json") {
                        (example("Answer", &content["example"]))
                    }
                }
            }
        }
    }
}

fn example(title: &str, value: &Value) -> Markup {
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    html! {
        @if value.as_object().is_some_and(|object| !object.is_empty()) {
            details open[json.lines().count() <= 30] {
                summary { (title) }
                pre { code { (json) } }
            }
        }
    }
}

fn parameters(document: &Value, entry: &Value) -> Markup {
    let all = entry["parameters"].as_array().into_iter().flatten();
    let resolved: Vec<&Value> = all.map(|parameter| resolve(parameter, document)).collect();
    html! {
        @if !resolved.is_empty() {
            h4 { "Parameters" }
            table {
                @for parameter in resolved {
                    tr {
                        th {
                            code { (text(&parameter["name"])) }
                            @if parameter["required"] == true { " " span.needed title="mandatory" { "*" } }
                            small { (text(&parameter["in"])) ", " (kind(&parameter["schema"])) }
                        }
                        td { (prose(text(&parameter["description"]))) (words(&parameter["schema"])) }
                    }
                }
            }
        }
    }
}

fn resolve<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The type of a value in a word or two, with a link to the object.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = name_of(schema) {
        return html! { a href={ "#object-" (name) } { (name) } };
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return html! {
            @for (position, alternative) in alternatives.iter().enumerate() {
                @if position > 0 { " or " }
                (kind(alternative))
            }
        };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        Value::String(kind) => vec![kind.as_str()],
        _ => Vec::new(),
    };
    let format = schema["format"].as_str().filter(|format| *format != "int64");
    html! {
        @for (position, name) in kinds.iter().enumerate() {
            @if position > 0 { " or " }
            @if *name == "array" { "list of " (kind(&schema["items"])) } @else if *name == "string" { (format.unwrap_or("string")) } @else { (name) }
        }
        @if let Some(constant) = schema.get("const") { code { (constant) } }
    }
}

/// The words that a value may be.
fn words(schema: &Value) -> Markup {
    let found = schema["enum"].as_array().or_else(|| schema["items"]["enum"].as_array());
    html! {
        @if let Some(found) = found {
            div.words { @for word in found.iter().filter_map(Value::as_str) { code { (word) } " " } }
        }
    }
}

/// Fields of an object as a table; of a named one a link.
fn shape(schema: &Value, document: &Value) -> Markup {
    if let Some(name) = name_of(schema) {
        return html! { p { a href={ "#object-" (name) } { (name) } } (table(resolve(schema, document))) };
    }
    let rooted = fields(&schema["properties"]).iter().next().filter(|(root, _)| *root != "meta");
    match rooted {
        Some((root, inner)) if name_of(inner).is_some() => html! {
            p { "Under " code { (root) } ": " (kind(inner)) }
            (table(resolve(inner, document)))
        },
        _ => table(schema),
    }
}

fn table(schema: &Value) -> Markup {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        @if let Some(alternatives) = schema["anyOf"].as_array() {
            @for alternative in alternatives { (table(alternative)) }
        } @else if !fields(&schema["properties"]).is_empty() {
            table {
                @for (name, property) in fields(&schema["properties"]) {
                    tr {
                        th {
                            code { (name) }
                            @if required.iter().any(|field| field == name) { " " span.needed title="always there, or mandatory" { "*" } }
                            small { (kind(property)) }
                        }
                        td { (prose(text(&property["description"]))) (words(property)) }
                    }
                }
            }
        }
    }
}

fn answer(document: &Value, response: &Value) -> Markup {
    let content = fields(&response["content"]);
    html! {
        @if response.is_null() { p { "None: it is always refused." } }
        @else if let Some(json) = content.get("application/json") {
            @let properties = fields(&json["schema"]["properties"]);
            @if properties.is_empty() { p { "200: " (kind(&json["schema"])) } }
            @for (root, schema) in properties {
                p { "200: " code { (root) } ", " (kind(schema)) }
            }
            @if response["x-may-be-empty"] == true { p { (prose(text(&response["description"]))) } }
        }
        @else if let Some(other) = content.keys().next() { p { "200: " code { (other) } } }
        @else { p { "200, with an empty body." } }
        @let _ = document;
    }
}

fn refusals(document: &Value, responses: &Value) -> Markup {
    html! {
        table.refusals {
            @for (status, response) in fields(responses).iter().filter(|(status, _)| *status != "200") {
                @let response = resolve(response, document);
                @let examples = fields(&response["content"]["application/json"]["examples"]);
                tr {
                    th { (status) }
                    td {
                        @if examples.is_empty() { (prose(text(&response["description"]))) }
                        @for code in examples.keys() { a href={ "#code-" (code) } { code { (code) } } " " }
                    }
                }
            }
        }
    }
}

fn webhooks(document: &Value) -> Markup {
    let all = fields(&document["webhooks"]);
    let first = all.values().next().map(|entry| &entry["post"]);
    html! {
        section {
            h2 #webhooks { "Webhook messages" }
            @if let Some(first) = first {
                p.lead { (prose(text(&first["description"]))) }
                (parameters(document, first))
            }
            @for (name, entry) in all {
                @let content = &entry["post"]["requestBody"]["content"]["application/json"];
                article id=(name) {
                    h3 { code { (name) } }
                    p { (text(&entry["post"]["summary"])) }
                    div.columns {
                        div {
                            table {
                                @for (field, schema) in fields(&content["schema"]["properties"]) {
                                    tr { th { code { (field) } } td { (kind(schema)) } }
                                }
                            }
                        }
                        div.examples { (example("Message", &content["example"])) }
                    }
                }
            }
        }
    }
}

/// Objects worth a table of their own: all but the refusals' bodies, which look alike.
fn shown(document: &Value) -> impl Iterator<Item = &str> {
    let is_refusal = |schema: &Value| schema["properties"]["status"]["const"].is_number();
    let schemas = fields(&document["components"]["schemas"]).iter();
    schemas.filter(move |(_, schema)| !is_refusal(schema)).map(|(name, _)| name.as_str())
}

fn objects(document: &Value) -> Markup {
    html! {
        section {
            h2 #objects { "Objects" }
            p.lead { "A star marks a field that is always there, or, in a body, mandatory." }
            @for name in shown(document) {
                @let schema = &document["components"]["schemas"][name];
                article id={ "object-" (name) } {
                    h3 { (name) }
                    p { (prose(text(&schema["description"]))) }
                    (table(schema))
                    (words(schema))
                }
            }
        }
    }
}

fn errors() -> Markup {
    html! {
        section {
            h2 #errors { "Error codes" }
            p.lead { "Codes without a status stand in " code { "error_details" } " of a 422." }
            table {
                @for code in codes::CODES.iter() {
                    tr id={ "code-" (code.name) } {
                        th { code { (code.name) } small { @if let Some(status) = code.status { (status) } @else { "field" } } }
                        td { (prose(code.cause)) @if !code.remedy.is_empty() { br; em { (prose(code.remedy)) } } }
                    }
                }
            }
        }
    }
}
