//! Reading the fields of charge properties (chapter 03, 4.2).

use rust_decimal::Decimal;

use super::PriceError;
use crate::number;
use crate::value::Value;

/// The errors of one price, each once, in the order found.
#[derive(Debug, Default)]
pub(super) struct Collected(Vec<PriceError>);

impl Collected {
    pub(super) fn add(&mut self, error: PriceError) {
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    /// The value, or none with its error noted: reading goes on, so that the caller sees all errors at once.
    pub(super) fn keep<T>(&mut self, read: Result<T, PriceError>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn into_errors(self) -> Vec<PriceError> {
        self.0
    }
}

/// A text that holds a finite decimal >= 0 (`"10"`, `"0.05"`, `"1e2"`). A number is refused.
pub(super) fn decimal(value: Option<&Value>, bad: PriceError) -> Result<Decimal, PriceError> {
    let parsed = value.and_then(Value::as_text).and_then(number::parse);
    // `abs` only turns `"-0"` into 0.
    parsed.filter(|decimal| *decimal >= Decimal::ZERO).map(|decimal| decimal.abs()).ok_or(bad)
}

/// As [`decimal`]; absent and null are none.
pub(super) fn decimal_or_null(value: Option<&Value>, bad: PriceError) -> Result<Option<Decimal>, PriceError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        sent => decimal(sent, bad).map(Some),
    }
}

/// As [`decimal`]; absent, null and blank texts are none.
pub(super) fn decimal_or_blank(value: Option<&Value>, bad: PriceError) -> Result<Option<Decimal>, PriceError> {
    match value {
        Some(Value::Text(text)) if text.trim().is_empty() => Ok(None),
        sent => decimal_or_null(sent, bad),
    }
}

/// A number sent without fraction and exponent. A text is refused.
pub(super) fn integer(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Number(text)) if number::is_plain_number(text) => text.parse().ok(),
        _ => None,
    }
}
