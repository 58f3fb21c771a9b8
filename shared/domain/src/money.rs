//! Currencies and amounts in minor units.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::number;

/// The accepted ISO 4217 codes (chapter 05, part 4). Matching is exact: upper case.
const CODES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BIF", "BMD",
    "BND", "BOB", "BRL", "BSD", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLF", "CLP", "CNY", "COP", "CRC", "CVE",
    "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GIP", "GMD", "GNF", "GTQ",
    "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS", "INR", "ISK", "JMD", "JPY", "KES", "KGS", "KHR", "KMF",
    "KRW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO",
    "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SEK", "SGD", "SHP", "SLL", "SOS",
    "SRD", "STD", "SZL", "THB", "TJS", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VND",
    "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW",
];

/// Currencies without decimals (chapter 03, 0.1; the chapter's table, not ISO's, decides: HUF is among them).
const WITHOUT_DECIMALS: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "HUF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];

/// An accepted currency. Two currencies are the same if their codes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(&'static str);

/// The text is no accepted currency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no accepted currency")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// US dollar, the default of a new organization.
    pub const USD: Currency = Currency("USD");
    /// Euro.
    pub const EUR: Currency = Currency("EUR");

    /// The ISO 4217 code, upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0
    }

    /// `exp(cur)` of chapter 03, 0.1: the number of decimals of an amount.
    #[must_use]
    pub fn exponent(self) -> u32 {
        match self.0 {
            code if WITHOUT_DECIMALS.contains(&code) => 0,
            "CLF" => 4,
            "MGA" | "MRO" => 1,
            _ => 2,
        }
    }

    /// `sub(cur)` of chapter 03, 0.1: minor units in one unit. Not always ten to the exponent (MGA and MRO have 5).
    #[must_use]
    pub fn subunits(self) -> Decimal {
        Decimal::from(match self.0 {
            code if WITHOUT_DECIMALS.contains(&code) => 1,
            "CLF" => 10_000,
            "MGA" | "MRO" => 5,
            _ => 100,
        })
    }

    /// An exact amount in currency units as minor units: `trunc(round(amount, exp) * sub)` (chapter 03, 6.2).
    ///
    /// This is the one rounding of a fee. None if the result is outside of 64 bits.
    #[must_use]
    pub fn minor_units(self, amount: Decimal) -> Option<i64> {
        let scaled = number::round(amount, self.exponent()).checked_mul(self.subunits())?;
        i64::try_from(number::trunc(scaled, 0)).ok()
    }

    /// Minor units as currency units, exact.
    #[must_use]
    pub fn units(self, minor_units: i64) -> Decimal {
        Decimal::from(minor_units) / self.subunits()
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        match CODES.binary_search(&code) {
            // `binary_search` gives positions within the table only.
            Ok(position) => Ok(Currency(CODES[position])),
            Err(_) => Err(UnknownCurrency(code.to_owned())),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search_and_complete() {
        assert!(CODES.is_sorted());
        assert_eq!(CODES.len(), 137);
        assert!(WITHOUT_DECIMALS.iter().all(|code| CODES.contains(code)));
    }

    #[test]
    fn an_amount_is_rounded_once_to_minor_units() {
        let check = |amount, code: &str, expected| {
            let currency: Currency = code.parse().unwrap();
            assert_eq!(currency.minor_units(amount), Some(expected), "{amount} {code}");
        };
        check(dec!(51.2345), "EUR", 5123);
        check(dec!(50.61725), "EUR", 5062);
        check(dec!(1234.5), "JPY", 1235);
        check(dec!(1.23456), "CLF", 12346);
        check(dec!(12.34), "MGA", 61);
    }

    #[test]
    fn unknown_and_lower_case_codes_are_refused() {
        assert_eq!("usd".parse::<Currency>(), Err(UnknownCurrency("usd".into())));
        assert!("KWD".parse::<Currency>().is_err());
    }
}
