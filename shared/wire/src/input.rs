//! Reading inputs: root keys, coercions and absent values as chapter 05, 1.3 has them.

use chrono::{DateTime, NaiveDate};
use domain::number;
use domain::problem::{Problems, codes};
use domain::time::Instant;
use domain::value::Value as Free;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The root object is missing, empty, or no object: 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("param is missing or the value is empty: {0}")]
pub struct MissingRoot(pub &'static str);

/// The object under `root` in a request's body.
///
/// # Errors
/// It is missing, null, empty, or no object.
pub fn root<'a>(body: &'a Value, root: &'static str) -> Result<Fields<'a>, MissingRoot> {
    match body.get(root) {
        Some(Value::Object(fields)) if !fields.is_empty() => Ok(Fields(fields)),
        Some(_) | None => Err(MissingRoot(root)),
    }
}

/// A key's value: absent keys leave a value as it is, null clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// The key is not there (or its value has the wrong structure, which counts as not there).
    #[default]
    Absent,
    /// The key is there and empty.
    Null,
    /// The key has a value.
    Set(T),
}

impl<T> Field<T> {
    /// The value; none if absent or null, which mean the same on creation (chapter 09).
    pub fn value(self) -> Option<T> {
        match self {
            Field::Set(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }

    /// What an update makes of `present`: absent leaves it, null clears it.
    pub fn update(self, present: &mut Option<T>) {
        match self {
            Field::Absent => {}
            Field::Null => *present = None,
            Field::Set(value) => *present = Some(value),
        }
    }

    /// Whether the key is there, null or not.
    pub fn is_present(&self) -> bool {
        !matches!(self, Field::Absent)
    }

    /// The field with its value turned into another type.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(value) => Field::Set(turn(value)),
        }
    }
}

/// The keys of one object.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The raw value of a key; none if absent.
    #[must_use]
    pub fn raw(self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// Whether the key is there, null or not.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text; numbers and booleans count as their text.
    #[must_use]
    pub fn text(self, name: &str) -> Field<String> {
        match self.raw(name) {
            None | Some(Value::Array(_) | Value::Object(_)) => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(Value::String(text)) => Field::Set(text.clone()),
            Some(Value::Number(number)) => Field::Set(number.to_string()),
            Some(Value::Bool(value)) => Field::Set(value.to_string()),
        }
    }

    /// A mandatory text: blank counts as missing. Notes `value_is_mandatory` and gives `""` if it is.
    pub fn mandatory_text(self, name: &str, problems: &mut Problems) -> String {
        match self.text(name).value() {
            Some(text) if !text.trim().is_empty() => text,
            Some(_) | None => {
                problems.add(name, codes::MANDATORY);
                String::new()
            }
        }
    }

    /// A truth value in any of the accepted words; `""` is null. Anything else notes `value_is_invalid`.
    pub fn boolean(self, name: &str, problems: &mut Problems) -> Field<bool> {
        match self.text(name) {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(text) => match text.as_str() {
                "" => Field::Null,
                "true" | "1" | "t" | "on" => Field::Set(true),
                "false" | "0" | "f" | "off" => Field::Set(false),
                _ => {
                    problems.add(name, codes::INVALID);
                    Field::Absent
                }
            },
        }
    }

    /// A whole number, or a text that holds one; `""` is null. A fraction or a word notes `value_is_invalid`.
    pub fn integer(self, name: &str, problems: &mut Problems) -> Field<i64> {
        match self.decimal(name, problems) {
            Field::Set(value) if value.fract().is_zero() => match i64::try_from(value) {
                Ok(value) => Field::Set(value),
                Err(_) => {
                    problems.add(name, codes::INVALID);
                    Field::Absent
                }
            },
            Field::Set(_) => {
                problems.add(name, codes::INVALID);
                Field::Absent
            }
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
        }
    }

    /// A whole number of days, at least 0: `value_is_out_of_range` below, `value_is_invalid` if it is no number.
    pub fn days(self, name: &str, problems: &mut Problems) -> Field<u32> {
        match self.integer(name, problems) {
            Field::Set(value) => match u32::try_from(value) {
                Ok(days) => Field::Set(days),
                Err(_) => {
                    problems.add(name, codes::OUT_OF_RANGE);
                    Field::Absent
                }
            },
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
        }
    }

    /// A decimal, as number or text; `""` is null. A word notes `value_is_invalid`.
    pub fn decimal(self, name: &str, problems: &mut Problems) -> Field<Decimal> {
        if let Some(Value::Bool(_)) = self.raw(name) {
            problems.add(name, codes::INVALID);
            return Field::Absent;
        }
        match self.text(name) {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(text) if text.trim().is_empty() => Field::Null,
            Field::Set(text) => match number::parse(&text) {
                Some(value) => Field::Set(value),
                None => {
                    problems.add(name, codes::INVALID);
                    Field::Absent
                }
            },
        }
    }

    /// An instant with date, time and zone (chapter 05, 1.5); `""` is null. Anything else notes `invalid_date`.
    pub fn instant(self, name: &str, problems: &mut Problems) -> Field<Instant> {
        match self.text(name) {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(text) if text.trim().is_empty() => Field::Null,
            Field::Set(text) => match instant(&text) {
                Some(at) => Field::Set(at),
                None => {
                    problems.add(name, codes::INVALID_DATE);
                    Field::Absent
                }
            },
        }
    }

    /// A date `YYYY-MM-DD`; `""` is null. Anything else notes `invalid_date`.
    pub fn date(self, name: &str, problems: &mut Problems) -> Field<NaiveDate> {
        match self.text(name) {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(text) if text.trim().is_empty() => Field::Null,
            Field::Set(text) => match text.get(..10).and_then(|date| date.parse().ok()) {
                Some(date) => Field::Set(date),
                None => {
                    problems.add(name, codes::INVALID_DATE);
                    Field::Absent
                }
            },
        }
    }

    /// One of the words that `T` knows. Another word notes `value_is_invalid`.
    pub fn word<T: std::str::FromStr>(self, name: &str, problems: &mut Problems) -> Field<T> {
        match self.text(name) {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Set(text) if text.is_empty() => Field::Null,
            Field::Set(text) => match text.parse() {
                Ok(value) => Field::Set(value),
                Err(_) => {
                    problems.add(name, codes::INVALID);
                    Field::Absent
                }
            },
        }
    }

    /// An object; anything else counts as absent.
    #[must_use]
    pub fn object(self, name: &str) -> Field<Fields<'a>> {
        match self.raw(name) {
            Some(Value::Object(fields)) => Field::Set(Fields(fields)),
            Some(Value::Null) => Field::Null,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => Field::Absent,
        }
    }

    /// A list of objects; other entries of it are left out, and no list at all counts as absent.
    #[must_use]
    pub fn objects(self, name: &str) -> Field<Vec<Fields<'a>>> {
        match self.raw(name) {
            Some(Value::Array(entries)) => {
                Field::Set(entries.iter().filter_map(|entry| entry.as_object().map(Fields)).collect())
            }
            Some(Value::Null) => Field::Null,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => Field::Absent,
        }
    }

    /// A list of texts; numbers count as their text, other entries are left out, no list at all counts as absent.
    #[must_use]
    pub fn texts(self, name: &str) -> Field<Vec<String>> {
        match self.raw(name) {
            Some(Value::Array(entries)) => Field::Set(
                entries
                    .iter()
                    .filter_map(|entry| match entry {
                        Value::String(text) => Some(text.clone()),
                        Value::Number(number) => Some(number.to_string()),
                        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                    })
                    .collect(),
            ),
            Some(Value::Null) => Field::Null,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => Field::Absent,
        }
    }

    /// A value of any shape, as the domain sees it; absent keys are null.
    #[must_use]
    pub fn free(self, name: &str) -> Free {
        self.raw(name).map_or(Free::Null, free)
    }
}

/// JSON as a free-form value.
#[must_use]
pub fn free(value: &Value) -> Free {
    match value {
        Value::Null => Free::Null,
        Value::Bool(value) => Free::Bool(*value),
        Value::Number(number) => Free::Number(number.to_string()),
        Value::String(text) => Free::Text(text.clone()),
        Value::Array(entries) => Free::List(entries.iter().map(free).collect()),
        Value::Object(fields) => Free::Map(fields.iter().map(|(name, value)| (name.clone(), free(value))).collect()),
    }
}

/// A free-form value as JSON.
#[must_use]
pub fn json(value: &Free) -> Value {
    match value {
        Free::Null => Value::Null,
        Free::Bool(value) => Value::Bool(*value),
        // A number's text came from JSON; were it ever not one, it is shown as the text that it is.
        Free::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        Free::Text(text) => Value::String(text.clone()),
        Free::List(entries) => Value::Array(entries.iter().map(json).collect()),
        Free::Map(fields) => Value::Object(fields.iter().map(|(name, value)| (name.clone(), json(value))).collect()),
    }
}

/// `YYYY-MM-DDTHH:MM:SS` with a zone (`Z`, `+02:00`, `+0200`), fractions allowed; none for anything else.
#[must_use]
pub fn instant(text: &str) -> Option<Instant> {
    let text = text.trim();
    if text.as_bytes().get(10).is_none_or(|separator| !matches!(separator, b'T' | b't' | b' ')) {
        return None;
    }
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
        .map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json as body;

    use super::*;

    #[test]
    fn the_root_must_be_an_object_with_something_in_it() {
        for bad in
            [body!({}), body!({"tax": null}), body!({"tax": {}}), body!({"tax": []}), body!({"tax": "x"}), body!(7)]
        {
            assert!(root(&bad, "tax").is_err(), "{bad}");
        }
        assert!(root(&body!({"tax": {"name": "x"}}), "tax").is_ok());
    }

    #[test]
    fn scalars_are_coerced_and_wrong_structures_count_as_absent() {
        let body = body!({"number": 12, "true": true, "list": [1], "word": "on", "half": 12.5, "text": "12", "no": ""});
        let Some(fields) = body.as_object().map(Fields) else { unreachable!("an object") };
        let mut problems = Problems::default();
        assert_eq!(fields.text("number"), Field::Set("12".into()));
        assert_eq!(fields.text("list"), Field::Absent);
        assert_eq!(fields.boolean("true", &mut problems), Field::Set(true));
        assert_eq!(fields.boolean("word", &mut problems), Field::Set(true));
        assert_eq!(fields.integer("text", &mut problems), Field::Set(12));
        assert_eq!(fields.integer("no", &mut problems), Field::Null);
        assert!(problems.is_empty());
        assert_eq!(fields.integer("half", &mut problems), Field::Absent);
        assert_eq!(problems, Problems::one("half", codes::INVALID));
    }

    #[test]
    fn instants_need_a_time_and_a_zone() {
        for good in
            ["2022-09-14T16:35:31Z", "2022-09-14T16:35:31+02:00", "2022-09-14T16:35:31+0200", "2022-09-14T16:35:31.5Z"]
        {
            assert!(instant(good).is_some(), "{good}");
        }
        for bad in ["2022-09-14", "2022-09-14T16:35:31", "2022-02-31T00:00:00Z", "tomorrow", ""] {
            assert!(instant(bad).is_none(), "{bad}");
        }
    }
}
