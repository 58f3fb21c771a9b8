//! JSON Schemas of everything that the API takes and gives: the components of Weir's own OpenAPI document (ADR 0021).
//!
//! Owns: how a type of this crate becomes a schema. Structure, names and nullability of answers derive from the very structs
//! that are serialized; `inputs` mirrors what the `parse` functions read; `glossary` says what each field means.
//!
//! Does not own: paths, statuses and the document around the schemas (`functions/api`).

mod glossary;
pub mod inputs;

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use glossary::{Form, Term};

/// An object with keys of the client's own.
pub type Object = Map<String, Value>;

/// Where the document keeps schemas.
const HOME: &str = "/components/schemas";

/// Collects the schemas that a document uses, each under its name.
#[derive(Debug)]
pub struct Components {
    answers: SchemaGenerator,
    inputs: SchemaGenerator,
    /// Inputs that were asked for as they are, by name.
    whole: Vec<String>,
    /// Inputs that were asked for with nothing mandatory, by name.
    partial: Vec<String>,
}

impl Default for Components {
    fn default() -> Components {
        let generator = |contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.contract = contract;
                settings.definitions_path = HOME.into();
                settings.meta_schema = None;
            });
            settings.into_generator()
        };
        Components {
            answers: generator(Contract::Serialize),
            inputs: generator(Contract::Deserialize),
            whole: Vec::new(),
            partial: Vec::new(),
        }
    }
}

/// A type's schema within a document.
pub type SchemaOf = fn(&mut Components) -> Value;

/// The schema of something that is answered.
pub fn answer<T: JsonSchema>(components: &mut Components) -> Value {
    components.answers.subschema_for::<T>().to_value()
}

/// The schema of something that is taken.
pub fn input<T: JsonSchema>(components: &mut Components) -> Value {
    let name = T::schema_name().into_owned();
    if !components.whole.contains(&name) {
        components.whole.push(name);
    }
    components.inputs.subschema_for::<T>().to_value()
}

/// The same for an edit: every key may be left out.
pub fn partial<T: JsonSchema>(components: &mut Components) -> Value {
    components.inputs.subschema_for::<T>();
    let name = T::schema_name().into_owned();
    let edit = edit_of(&name);
    if !components.partial.contains(&name) {
        components.partial.push(name);
    }
    json!({ "$ref": format!("#{HOME}/{edit}") })
}

/// `TaxInput` becomes `TaxUpdateInput`.
fn edit_of(name: &str) -> String {
    format!("{}UpdateInput", name.strip_suffix("Input").unwrap_or(name))
}

impl Components {
    /// Every schema that was asked for, with those that they name, in order of names.
    #[must_use]
    pub fn finish(mut self) -> Map<String, Value> {
        let mut all: Vec<(String, Value)> = Vec::new();
        for (name, mut schema) in self.answers.take_definitions(false) {
            describe(&name, &mut schema, Direction::Out);
            all.push((name, schema));
        }
        for (name, mut schema) in self.inputs.take_definitions(false) {
            describe(&name, &mut schema, Direction::In);
            let is_partial = self.partial.contains(&name);
            if is_partial {
                let mut edit = schema.clone();
                if let Some(edit) = edit.as_object_mut() {
                    edit.shift_remove("required");
                }
                all.push((edit_of(&name), edit));
            }
            // Parts of inputs were asked for by nobody, but stand in others.
            if is_partial && !self.whole.contains(&name) {
                continue;
            }
            all.push((name, schema));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        // What is both taken and given (prices of charges) stands once, as it is taken: the last one of a name stays.
        all.into_iter().collect()
    }
}

/// Whether a schema is of something given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Out,
    In,
}

/// Keys that are left out of some answers and null in others.
const OPTIONAL_AND_NULLABLE: [&str; 3] = ["event_transaction_id", "provider_customer_id", "provider_payment_methods"];

/// Objects that have the keys of one case only, and the key of them that may be null all the same.
const ALTERNATIVES: [&str; 3] = ["AmountDetails", "AmountOfRange", "MetricGroup"];
const OPEN_END: &str = "to_value";

/// Prices are kept as they were sent: an unused one may be an empty text.
const AS_SENT: [&str; 3] = ["ChargeProperties", "PercentageRange", "PriceRange"];

/// Adds meaning, format and an example to each field of an object's schema.
fn describe(name: &str, schema: &mut Value, direction: Direction) {
    if ALTERNATIVES.contains(&name) {
        let properties = schema["properties"].clone();
        let is_nullable = |field: &Value| properties[field.as_str().unwrap_or_default()]["type"].is_array();
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| field == OPEN_END || !is_nullable(field));
        }
    }
    let required: Vec<String> = schema["required"]
        .as_array()
        .map(|fields| fields.iter().filter_map(|field| field.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (field, property) in properties {
        if direction == Direction::Out && !required.contains(field) && !OPTIONAL_AND_NULLABLE.contains(&field.as_str())
        {
            forget_null(property);
        }
        tidy(property);
        if let Some(term) = glossary::term(name, field) {
            refine(property, term, direction);
        }
        if AS_SENT.contains(&name)
            && let Some(property) = property.as_object_mut()
        {
            property.shift_remove("pattern");
        }
    }
}

/// What is left out when it is not there is never null.
fn forget_null(property: &mut Value) {
    if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
    let alternatives = property.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
    if let [only, null] = alternatives.as_slice()
        && null["type"] == "null"
    {
        *property = only.clone();
    }
}

/// Formats that only programs in Rust know.
fn tidy(property: &mut Value) {
    let Some(object) = property.as_object_mut() else { return };
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        object.shift_remove("format");
    }
    if let Some(items) = object.get_mut("items") {
        tidy(items);
    }
}

fn refine(property: &mut Value, term: &Term, direction: Direction) {
    if !term.meaning.is_empty() {
        property["description"] = Value::from(term.meaning);
    }
    // Of a list the words are those of its entries.
    let target = if property.get("items").is_some() { &mut property["items"] } else { property };
    let is = |kind: &str| match &target["type"] {
        Value::Array(kinds) => kinds.iter().any(|known| known == kind),
        other => other == kind,
    };
    let (is_text, is_nullable) = (is("string"), is("null"));
    let mut put = |key: &str, value: Value| target[key] = value;
    match term.form {
        Form::Any => {}
        Form::Null => put("examples", json!([null])),
        Form::Example(text) if is_text => put("examples", json!([text])),
        Form::Number(number) => put("examples", json!([number])),
        Form::Id if is_text => {
            put("format", "uuid".into());
            put("examples", json!(["1a901a90-1a90-1a90-1a90-1a901a901a90"]));
        }
        Form::Instant if is_text => {
            put("format", "date-time".into());
            if direction == Direction::Out {
                put("pattern", r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$".into());
            }
            put("examples", json!(["2024-01-09T10:15:30Z"]));
        }
        Form::Millis if is_text => {
            put("format", "date-time".into());
            put("pattern", r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$".into());
            put("examples", json!(["2024-01-09T10:15:30.123Z"]));
        }
        Form::OfEvent if is_text => {
            // Years beyond 9999 can be sent, too.
            put("pattern", r"^[+-]?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$".into());
            put("examples", json!(["2024-01-09T10:15:30.123Z"]));
        }
        Form::Offset if is_text => {
            put("format", "date-time".into());
            put("pattern", r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$".into());
            put("examples", json!(["2024-01-01T00:00:00+00:00"]));
        }
        Form::Date if is_text => {
            put("format", "date".into());
            put("examples", json!(["2024-01-31"]));
        }
        Form::Decimal if is_text => {
            let pattern = match direction {
                Direction::Out => r"^-?\d+\.\d+$",
                Direction::In => r"^\d+(\.\d+)?$",
            };
            put("pattern", pattern.into());
            put("examples", json!(["10.0"]));
        }
        Form::Currency if is_text => {
            put("pattern", "^[A-Z]{3}$".into());
            put("examples", json!(["EUR"]));
        }
        Form::Words(words) if is_text => {
            let null = is_nullable.then_some(Value::Null);
            put("enum", words.iter().map(|word| Value::from(*word)).chain(null).collect());
            if let Some(first) = words.first() {
                put("examples", json!([first]));
            }
        }
        // The same word is a text here and something else there: `units` of a line may be a number.
        _ => {}
    }
}

/// A number, or a text that holds one.
#[derive(Debug, Clone)]
pub struct NumberOrText;

impl JsonSchema for NumberOrText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NumberOrText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}], "examples": ["10.0"],
        })
    }
}

/// The price of a charge: the keys of its model (chapter 05, 2.5). Decimals are strings.
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)] // A schema; chapter 05, 2.5 explains the fields.
pub struct ChargeProperties {
    pub amount: Option<String>,
    pub package_size: Option<i64>,
    pub free_units: Option<i64>,
    pub rate: Option<String>,
    pub fixed_amount: Option<String>,
    pub free_units_per_events: Option<i64>,
    pub free_units_per_total_aggregation: Option<String>,
    pub per_transaction_min_amount: Option<String>,
    pub per_transaction_max_amount: Option<String>,
    pub graduated_ranges: Option<Vec<PriceRange>>,
    pub volume_ranges: Option<Vec<PriceRange>>,
    pub graduated_percentage_ranges: Option<Vec<PercentageRange>>,
}

/// A tier with its prices.
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct PriceRange {
    pub from_value: i64,
    pub to_value: Option<i64>,
    pub per_unit_amount: String,
    pub flat_amount: String,
}

/// A tier with its rate.
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct PercentageRange {
    pub from_value: i64,
    pub to_value: Option<i64>,
    pub rate: String,
    pub flat_amount: String,
}

/// The parts of an amount, by charge model (chapter 06, 11); `{}` when there is nothing to explain. Decimals are strings, in
/// currency units.
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct AmountDetails {
    pub units: Option<String>,
    pub free_units: Option<String>,
    pub paid_units: Option<String>,
    pub per_package_size: Option<i64>,
    pub per_package_unit_amount: Option<String>,
    pub free_events: Option<i64>,
    pub rate: Option<String>,
    pub per_unit_total_amount: Option<String>,
    pub paid_events: Option<i64>,
    pub fixed_fee_unit_amount: Option<String>,
    pub fixed_fee_total_amount: Option<String>,
    pub min_max_adjustment_total_amount: Option<String>,
    pub flat_unit_amount: Option<String>,
    pub per_unit_amount: Option<String>,
    pub graduated_ranges: Option<Vec<AmountOfRange>>,
    pub graduated_percentage_ranges: Option<Vec<AmountOfRange>>,
}

/// What a tier came to: `per_unit_amount` or, of a percentage, `rate`.
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct AmountOfRange {
    pub from_value: i64,
    pub to_value: Option<i64>,
    pub flat_unit_amount: String,
    pub per_unit_amount: Option<String>,
    pub rate: Option<String>,
    pub units: String,
    pub per_unit_total_amount: String,
    pub total_with_flat_amount: String,
}

/// The dimensions of a metric: `{}`, one (`values` are texts) or two (`values` are objects).
#[derive(JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct MetricGroup {
    pub key: Option<String>,
    pub values: Option<Vec<MetricGroupValue>>,
}

/// A value of the first dimension; with two, an object that also has the second.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, missing_docs)]
pub enum MetricGroupValue {
    Name(String),
    WithValues { name: String, key: String, values: Vec<String> },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
