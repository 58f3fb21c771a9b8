//! The properties of an event: what metrics count, and what their dimensions look at.

use crate::value::Value;

/// An event's properties in the order sent; names are distinct.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties(Vec<(String, Value)>);

impl Properties {
    /// Properties from distinct names and their values.
    #[must_use]
    pub fn new(entries: Vec<(String, Value)>) -> Self {
        Properties(entries)
    }

    /// The value under `name`, a null too.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The text under `name`; none if the value is anything but a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// Whether there is a value other than null under `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_null())
    }

    /// All names and values in the order sent.
    #[must_use]
    pub fn entries(&self) -> &[(String, Value)] {
        &self.0
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Value> for Properties {
    /// Anything but a map is dropped (chapter 03, 1.1).
    fn from(value: Value) -> Self {
        match value {
            Value::Map(entries) => Properties(entries),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => Self::default(),
        }
    }
}
