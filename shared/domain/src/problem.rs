//! What is wrong with an input, field by field, in the API's codes.

/// Codes of `error_details` (chapter 05, 1.6). The words are part of the public contract.
pub mod codes {
    /// Blank or missing.
    pub const MANDATORY: &str = "value_is_mandatory";
    /// Not in the allowed list, or not of the kind.
    pub const INVALID: &str = "value_is_invalid";
    /// Not unique.
    pub const EXISTS: &str = "value_already_exist";
    /// Outside of its bounds.
    pub const OUT_OF_RANGE: &str = "value_is_out_of_range";
    /// Longer than its limit.
    pub const TOO_LONG: &str = "value_is_too_long";
    /// No date, or a date that is not allowed.
    pub const INVALID_DATE: &str = "invalid_date";
    /// Unknown zone.
    pub const INVALID_TIMEZONE: &str = "invalid_timezone";
    /// Unknown country.
    pub const INVALID_COUNTRY: &str = "not_a_valid_country_code";
    /// Unknown language of documents.
    pub const INVALID_LOCALE: &str = "not_a_valid_language_code";
    /// Wrong number of entries.
    pub const INVALID_COUNT: &str = "invalid_count";
    /// No usable URL.
    pub const INVALID_URL: &str = "url_is_invalid";
    /// The customer is billed in another currency.
    pub const CURRENCIES_DIFFER: &str = "currencies_does_not_match";
    /// An item of a credit note of 0 or below.
    pub const INVALID_VALUE: &str = "invalid_value";
    /// More than is left to give back of a fee.
    pub const ABOVE_FEE: &str = "higher_than_remaining_fee_amount";
    /// More than is left to give back of an invoice.
    pub const ABOVE_INVOICE: &str = "higher_than_remaining_invoice_amount";
    /// A refund of what was not paid.
    pub const UNPAID: &str = "cannot_refund_unpaid_invoice";
    /// Credit and refund are not what the items come to.
    pub const MISMATCH: &str = "does_not_match_item_amounts";
    /// Not in the format that the field wants.
    pub const INVALID_FORMAT: &str = "invalid_format";
}

/// Everything that is wrong with an input: fields with their codes, in the order found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<(String, Vec<String>)>);

impl Problems {
    /// One field with one code.
    #[must_use]
    pub fn one(field: &str, code: &str) -> Problems {
        let mut problems = Problems::default();
        problems.add(field, code);
        problems
    }

    /// Notes a code under a field, once.
    pub fn add(&mut self, field: &str, code: &str) {
        let position = self.0.iter().position(|(known, _)| known == field).unwrap_or_else(|| {
            self.0.push((field.to_owned(), Vec::new()));
            self.0.len() - 1
        });
        let codes = &mut self.0[position].1;
        if !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }

    /// `text`, or `value_is_mandatory` noted and an empty text if it is missing or blank.
    pub fn mandatory(&mut self, field: &str, text: Option<String>) -> String {
        match text {
            Some(text) if !text.trim().is_empty() => text,
            Some(_) | None => {
                self.add(field, codes::MANDATORY);
                String::new()
            }
        }
    }

    /// Whether anything is wrong with `field`.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(known, _)| known == field)
    }

    /// Notes everything of another list.
    pub fn extend(&mut self, others: Problems) {
        for (field, codes) in others.0 {
            for code in codes {
                self.add(&field, &code);
            }
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fields and their codes, in the order found.
    #[must_use]
    pub fn fields(&self) -> &[(String, Vec<String>)] {
        &self.0
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}
