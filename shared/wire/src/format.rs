//! Writing outputs: the formats of chapter 05, 1.4.

use chrono::NaiveDate;
use domain::number;
use domain::time::Instant;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Number;

/// `2024-01-09T10:15:30Z`: UTC, whole seconds, fraction dropped.
#[must_use]
pub fn timestamp(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2024-01-09T10:15:30.123Z`: UTC, milliseconds, the rest dropped.
#[must_use]
pub fn timestamp_ms(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `2024-01-01T00:00:00+00:00`: the format of `from_date` and `to_date` of fees.
#[must_use]
pub fn timestamp_with_offset(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2024-01-09`.
#[must_use]
pub fn date(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// A decimal as a string with at least one digit after the point.
#[must_use]
pub fn decimal(value: Decimal) -> String {
    number::text(value)
}

/// A rate as a JSON number that always has a fraction: `20.0`.
#[must_use]
pub fn rate(value: Decimal) -> Number {
    // The text of a decimal is a JSON number; the double that readers make of it prints its digits again.
    serde_json::from_str(&number::text(value)).unwrap_or_else(|_| Number::from(0))
}

/// A body's bytes: compact JSON, with `&`, `<`, `>`, U+2028 and U+2029 as `\u` escapes (it matters for signatures).
///
/// # Errors
/// None for the types of this crate; serde's signature has one.
pub fn body<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?;
    if !json.contains(['&', '<', '>', '\u{2028}', '\u{2029}']) {
        return Ok(json);
    }
    // Outside of strings JSON has none of these characters, so replacing them everywhere is replacing them in strings.
    let mut escaped = String::with_capacity(json.len() + 32);
    for character in json.chars() {
        match character {
            '&' => escaped.push_str("\\u0026"),
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;

    #[test]
    fn rates_are_numbers_with_a_fraction() {
        let show = |value| serde_json::to_string(&rate(value)).unwrap_or_default();
        assert_eq!(show(dec!(20)), "20.0");
        assert_eq!(show(dec!(8.875)), "8.875");
        assert_eq!(show(dec!(17.71429)), "17.71429");
    }

    #[test]
    fn html_characters_are_escaped_in_bodies() {
        assert_eq!(body(&"a<b>&\u{2028}").unwrap_or_default(), r#""a\u003cb\u003e\u0026\u2028""#);
    }

    #[test]
    fn fractions_of_seconds_are_dropped() {
        let at = Instant::from_timestamp_micros(1_651_240_791_123_999).unwrap_or_default();
        assert_eq!(timestamp(at), "2022-04-29T13:59:51Z");
        assert_eq!(timestamp_ms(at), "2022-04-29T13:59:51.123Z");
        assert_eq!(timestamp_with_offset(at), "2022-04-29T13:59:51+00:00");
    }
}
