//! Free-form values: event properties and charge properties as callers sent them.
//!
//! The shape of JSON without JSON: the domain may look at such values but knows no text format. Numbers keep the text
//! they were sent with, so nothing passes through a float.

use rust_decimal::Decimal;

use crate::number;

/// One free-form value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as the text that was sent (`1400`, `1e3`, `0.10`).
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Named values in the order sent; names are distinct.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value under `name`, if this is a map that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// Whether this is `Null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if this is a text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text form that aggregations look at (chapter 03, 3.1 and 3.5): texts as they are, numbers in plain notation
    /// (`1e3` is `1000`), booleans as `true` and `false`. None for null, lists and maps.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Number(text) if text.contains(['e', 'E']) => {
                Some(number::parse(text).map_or_else(|| text.clone(), |value| value.normalize().to_string()))
            }
            Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The number that sum, max, latest and weighted sum see: none unless the text form is a plain number.
    #[must_use]
    pub fn as_plain_number(&self) -> Option<Decimal> {
        match self {
            Value::Number(text) | Value::Text(text) if number::is_plain_number(text) => text.parse().ok(),
            Value::Number(_) => {
                let text = self.scalar_text()?;
                number::is_plain_number(&text).then(|| text.parse().ok())?
            }
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;

    #[test]
    fn numbers_and_numeric_texts_count_and_nothing_else_does() {
        let number = |text: &str| Value::Number(text.into()).as_plain_number();
        let text = |text: &str| Value::Text(text.into()).as_plain_number();
        assert_eq!(number("12"), Some(dec!(12)));
        assert_eq!(number("1e3"), Some(dec!(1000)));
        assert_eq!(number("-2.5"), Some(dec!(-2.5)));
        assert_eq!(text("12.0"), Some(dec!(12.0)));
        for bad in ["1e3", ".5", "+5", "12 ", "foo", ""] {
            assert_eq!(text(bad), None, "{bad}");
        }
        assert_eq!(Value::Bool(true).as_plain_number(), None);
        assert_eq!(Value::Null.as_plain_number(), None);
    }

    #[test]
    fn the_text_form_of_a_number_has_no_exponent() {
        assert_eq!(Value::Number("1e3".into()).scalar_text().as_deref(), Some("1000"));
        assert_eq!(Value::Number("12.0".into()).scalar_text().as_deref(), Some("12.0"));
    }
}
