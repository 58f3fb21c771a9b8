//! Examples, made from schemas: what an object with every field looks like.

use serde_json::{Map, Value, json};

/// How deep optional parts are shown: an invoice shows its fees, but not the plan of each subscription.
const DEPTH: usize = 3;

/// An example of a schema.
pub(crate) fn of(schema: &Value, components: &Map<String, Value>) -> Value {
    example(schema, components, 0)
}

fn example(schema: &Value, components: &Map<String, Value>, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return components.get(name).map_or(Value::Null, |found| example(found, components, depth));
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema["examples"].get(0) {
        return first.clone();
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(first) = schema[alternatives].get(0) {
            return example(first, components, depth);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("object") => object(schema, components, depth),
        Some("array") if schema["maxItems"] == 0 => json!([]),
        Some("array") => json!([example(&schema["items"], components, depth + 1)]),
        Some("boolean") => json!(false),
        Some("integer") => json!(1),
        Some("number") => json!(20.0),
        Some("string") => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("text")),
        _ => Value::Null,
    }
}

fn object(schema: &Value, components: &Map<String, Value>, depth: usize) -> Value {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let shown = properties.filter(|(name, _)| depth < DEPTH || required.contains(&json!(name)));
    shown.map(|(name, property)| (name.clone(), example(property, components, depth + 1))).collect::<Map<_, _>>().into()
}
