//! Free-form values as JSON and back, digit by digit.
//!
//! `serde_json::Value` would turn `0.10` into `0.1`, `1e400` into an error, and sort the keys. What a client sent comes
//! back as it was sent: numbers keep their text, keys their order.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use domain::value::Value;
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep lists and maps may be nested: as deep as everywhere else in our JSON.
pub const DEPTH_MAX: usize = 128;

/// A free-form value on its way out: compact, keys in their order, numbers with their own digits.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a>(pub &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(text) => match raw_number(text) {
                Some(number) => number.serialize(serializer),
                // A number's text came from JSON; were it ever not one, it is shown as the text that it is.
                None => serializer.serialize_str(text),
            },
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(entries) => serializer.collect_seq(entries.iter().map(Json)),
            Value::Map(entries) => map(entries, serializer),
        }
    }
}

/// Named values as an object.
///
/// # Errors
/// Those of the serializer.
pub fn map<S: Serializer>(entries: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, value)| (name, Json(value))))
}

fn raw_number(text: &str) -> Option<&RawValue> {
    let starts_like_a_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    starts_like_a_number.then(|| serde_json::from_str(text).ok())?
}

/// The value of a JSON text. Of a name that is there twice the last value holds, at the place of the first.
///
/// None if it is nested deeper than `DEPTH_MAX`, or a text in it holds half of a surrogate pair: that is all that the
/// scan behind a `RawValue` leaves open.
#[must_use]
pub fn read(json: &RawValue) -> Option<Value> {
    Reader { text: json.get(), at: 0 }.value(0)
}

/// Reads a text that has been scanned: it is one JSON value, so only its structure is looked at.
struct Reader<'a> {
    text: &'a str,
    /// INVARIANT: at the start of a character, for it moves past ASCII characters and whole texts only.
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.next_token()? {
            b'{' => self.map(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.text().map(|text| Value::Text(text.into_owned())),
            b't' | b'f' | b'n' => Some(match self.word() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::Null,
            }),
            _ => Some(Value::Number(self.word().to_owned())),
        }
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        self.opened(depth)?;
        while self.next_token()? != b'}' {
            let name = self.text()?.into_owned();
            self.skip(b':')?;
            entries.push((name, self.value(depth)?));
            self.skip_comma()?;
        }
        self.at += 1;
        Some(Value::Map(with_distinct_names(entries)))
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        self.opened(depth)?;
        while self.next_token()? != b']' {
            entries.push(self.value(depth)?);
            self.skip_comma()?;
        }
        self.at += 1;
        Some(Value::List(entries))
    }

    /// Moves into a list or map; none if it lies too deep.
    fn opened(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        (depth <= DEPTH_MAX).then_some(())
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.next_token()?;
        let rest = self.text.get(self.at..)?;
        let end = end_of_text(rest.as_bytes())?;
        self.at += end;
        unescaped(rest.get(..end)?)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_end = |byte: u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
        let end = rest.bytes().position(is_end).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The first byte of the next token, which stays to be read.
    fn next_token(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, token: u8) -> Option<()> {
        (self.next_token()? == token).then(|| self.at += 1)
    }

    fn skip_comma(&mut self) -> Option<()> {
        if self.next_token()? == b',' {
            self.at += 1;
        }
        Some(())
    }
}

/// Length of the quoted text that `json` begins with, quotes included.
fn end_of_text(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What a quoted text says; none if it holds half of a surrogate pair.
pub(crate) fn unescaped(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    quoted.get(1..quoted.len().checked_sub(1)?).map(Cow::Borrowed)
}

fn with_distinct_names(entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut seen = HashSet::with_capacity(entries.len());
    if entries.iter().all(|(name, _)| seen.insert(name.as_str())) {
        return entries;
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut distinct: Vec<(String, Value)> = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        match places.get(&name).and_then(|place| distinct.get_mut(*place)) {
            Some(known) => known.1 = value,
            None => {
                places.insert(name.clone(), distinct.len());
                distinct.push((name, value));
            }
        }
    }
    distinct
}

/// JSON without the white space between its tokens.
pub(crate) fn compact(json: &RawValue) -> Cow<'_, RawValue> {
    let text = json.get();
    if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Cow::Borrowed(json);
    }
    let mut compact = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (between, quoted) = rest.split_at(start);
        let (quoted, after) = quoted.split_at(end_of_text(quoted.as_bytes()).unwrap_or(quoted.len()));
        compact.extend(between.split_ascii_whitespace());
        compact.push_str(quoted);
        rest = after;
    }
    compact.extend(rest.split_ascii_whitespace());
    if compact.len() == text.len() {
        return Cow::Borrowed(json);
    }
    // White space between tokens is all that is gone, so it still is JSON.
    RawValue::from_string(compact).map_or(Cow::Borrowed(json), Cow::Owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    fn written(value: &Value) -> String {
        serde_json::to_string(&Json(value)).unwrap()
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for text in [
            r#"{"a":0.10,"b":1e400,"c":12345678901234567890123,"d":-0,"e":1E+2,"f":-1.50e-7}"#,
            r#"{"z":null,"a":[true,false,[],{}],"":"","é":"🎈 \"x\" \\ \n \u0001"}"#,
            "{}",
            "[]",
            "-0.0",
            r#""\\""#,
            "[[],[[1]],{\"a\":{}}]",
        ] {
            assert_eq!(written(&read(raw(text)).unwrap()), text);
        }
    }

    #[test]
    fn white_space_and_escapes_are_only_ways_of_writing() {
        let value = read(raw("{ \"a\\u0062\" :\n[ 1 ,\t\"\\ud83c\\udf88 \\/\" ] , \"b\" : { } }")).unwrap();
        assert_eq!(written(&value), r#"{"ab":[1,"🎈 /"],"b":{}}"#);
    }

    #[test]
    fn the_last_value_of_a_name_holds() {
        let value = read(raw(r#"{"a":1,"b":2,"a":3}"#)).unwrap();
        assert_eq!(written(&value), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn depth_is_bounded_and_half_pairs_are_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(raw(&nested(DEPTH_MAX))).is_some());
        assert!(read(raw(&nested(DEPTH_MAX + 1))).is_none());
        assert!(read(raw(&nested(50_000))).is_none());
        assert!(read(raw(r#"{"a":"\ud83c"}"#)).is_none());
        assert!(read(raw(r#"{"\udf88":1}"#)).is_none());
    }

    #[test]
    fn compact_json_keeps_the_spaces_of_texts() {
        let check = |text: &str, expected: &str| assert_eq!(compact(raw(text)).get(), expected);
        check("{ \"a b\" : [ 1 , \"c \\\" d\" ],\n\t\"e\": null }", r#"{"a b":[1,"c \" d"],"e":null}"#);
        check(r#"{"a":"b c"}"#, r#"{"a":"b c"}"#);
        check("[ ]", "[]");
        check(r#"{"a":1}"#, r#"{"a":1}"#);
    }

    #[test]
    fn a_number_that_is_none_is_shown_as_text() {
        for (text, expected) in
            [("+5", r#""+5""#), ("NaN", r#""NaN""#), ("5,6", r#""5,6""#), ("{}", r#""{}""#), ("5", "5")]
        {
            assert_eq!(written(&Value::Number(text.into())), expected);
        }
    }
}
