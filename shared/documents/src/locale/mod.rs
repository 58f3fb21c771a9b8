//! Words, dates, numbers and money of the document languages (chapter 04, 13.1).
//!
//! Names that users gave (plans, metrics, coupons, taxes, wallets) are never translated. Spaces inside of a figure are
//! no-break spaces: a figure stays on its line.

mod de;
mod en;
mod es;
mod fr;
mod it;
mod nb;
mod sv;
mod words;

use chrono::{Datelike, NaiveDate};
use domain::money::Currency;
use domain::number;
use rust_decimal::Decimal;

pub use words::{Words, fill};

/// No-break space.
const NBSP: char = '\u{a0}';

/// Decimals that a price or a quantity shows at most: as many as a stored unit price has.
const DECIMALS_MAX: u32 = 15;

/// A language that documents exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Norwegian Bokmål.
    Nb,
    /// German.
    De,
    /// Italian.
    It,
    /// Spanish.
    Es,
    /// Swedish.
    Sv,
}

/// How a language writes figures.
struct Figures {
    months: [&'static str; 12],
    decimal_mark: char,
    thousands_mark: char,
    symbol: Symbol,
    /// Between a number and its percent sign.
    percent_space: bool,
}

/// Where a language puts the sign of a currency.
enum Symbol {
    Before,
    After,
}

impl Locale {
    /// All of them.
    pub const ALL: [Locale; 7] = [Locale::En, Locale::Fr, Locale::Nb, Locale::De, Locale::It, Locale::Es, Locale::Sv];

    /// The locale of a `document_locale`; none if no document exists in it.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Locale> {
        Self::ALL.into_iter().find(|locale| locale.code() == code)
    }

    /// The `document_locale`, an ISO 639 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Fr => "fr",
            Locale::Nb => "nb",
            Locale::De => "de",
            Locale::It => "it",
            Locale::Es => "es",
            Locale::Sv => "sv",
        }
    }

    /// The words of documents.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Locale::En => &en::WORDS,
            Locale::Fr => &fr::WORDS,
            Locale::Nb => &nb::WORDS,
            Locale::De => &de::WORDS,
            Locale::It => &it::WORDS,
            Locale::Es => &es::WORDS,
            Locale::Sv => &sv::WORDS,
        }
    }

    fn figures(self) -> &'static Figures {
        match self {
            Locale::En => &en::FIGURES,
            Locale::Fr => &fr::FIGURES,
            Locale::Nb => &nb::FIGURES,
            Locale::De => &de::FIGURES,
            Locale::It => &it::FIGURES,
            Locale::Es => &es::FIGURES,
            Locale::Sv => &sv::FIGURES,
        }
    }

    /// A date with an abbreviated month.
    #[must_use]
    pub fn date(self, date: NaiveDate) -> String {
        // `month0` is 0 to 11, and there are twelve months.
        let month = self.figures().months[date.month0() as usize];
        let (day, year) = (date.day(), date.year());
        match self {
            Locale::En => format!("{month} {day:02}, {year}"),
            Locale::Fr => format!("{day:02} {month} {year}"),
            Locale::De => format!("{day:02}. {month}. {year}"),
            Locale::It => format!("{day:02} {month}. {year}"),
            Locale::Es => format!("{day:02} de {month}. de {year}"),
            Locale::Nb => format!("{day:02} {month}, {year}"),
            Locale::Sv => format!("{day:02} {month} {year}"),
        }
    }

    /// A quantity with all its decimals, at most 15.
    #[must_use]
    pub fn number(self, value: Decimal) -> String {
        self.digits(value, 0, DECIMALS_MAX)
    }

    /// A rate in percent with all its decimals, at least one.
    #[must_use]
    pub fn percent(self, rate: Decimal) -> String {
        self.with_percent_sign(self.digits(rate, 1, DECIMALS_MAX))
    }

    /// A rate in percent with as many decimals as it needs.
    #[must_use]
    pub fn whole_percent(self, rate: Decimal) -> String {
        self.with_percent_sign(self.digits(rate, 0, DECIMALS_MAX))
    }

    /// A coupon's rate in percent, with two decimals.
    #[must_use]
    pub fn coupon_percent(self, rate: Decimal) -> String {
        self.with_percent_sign(self.digits(rate, 2, 2))
    }

    /// Minor units as money, at the currency's decimals.
    #[must_use]
    pub fn money(self, currency: Currency, minor_units: i64) -> String {
        self.amount(currency, currency.units(minor_units))
    }

    /// An exact amount as money, rounded to the currency's decimals, half away from zero.
    #[must_use]
    pub fn amount(self, currency: Currency, amount: Decimal) -> String {
        self.with_symbol(currency, amount, currency.exponent(), currency.exponent())
    }

    /// A unit price with all its decimals, at least those of the currency.
    #[must_use]
    pub fn unit_price(self, currency: Currency, price: Decimal) -> String {
        self.with_symbol(currency, price, currency.exponent(), DECIMALS_MAX)
    }

    fn with_percent_sign(self, digits: String) -> String {
        if self.figures().percent_space { format!("{digits}{NBSP}%") } else { format!("{digits}%") }
    }

    fn with_symbol(self, currency: Currency, value: Decimal, decimals_min: u32, decimals_max: u32) -> String {
        let digits = self.digits(value, decimals_min, decimals_max);
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", digits.as_str()),
        };
        let symbol = symbol(currency);
        match self.figures().symbol {
            Symbol::After => format!("{sign}{digits}{NBSP}{symbol}"),
            // A sign touches the number, letters do not: $5, but kr 5.
            Symbol::Before if symbol.ends_with(|last: char| last.is_alphabetic() || last == '.') => {
                format!("{sign}{symbol}{NBSP}{digits}")
            }
            Symbol::Before => format!("{sign}{symbol}{digits}"),
        }
    }

    /// Digits in groups of three, with at least and at most so many decimals.
    fn digits(self, value: Decimal, decimals_min: u32, decimals_max: u32) -> String {
        let Figures { decimal_mark, thousands_mark, .. } = self.figures();
        let rounded = number::round(value, decimals_max).normalize();
        let text = rounded.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));

        let mut digits = String::new();
        if rounded.is_sign_negative() && !rounded.is_zero() {
            digits.push('-');
        }
        for (position, digit) in whole.chars().enumerate() {
            if position > 0 && (whole.len() - position).is_multiple_of(3) {
                digits.push(*thousands_mark);
            }
            digits.push(digit);
        }
        if decimals_min > 0 || !fraction.is_empty() {
            digits.push(*decimal_mark);
            digits.push_str(fraction);
            digits.extend((fraction.len()..decimals_min as usize).map(|_| '0'));
        }
        digits
    }
}

/// The usual sign of a currency, or its code where the sign would mislead or could not be printed.
fn symbol(currency: Currency) -> String {
    let code = currency.code();
    let symbol = iso_currency::Currency::from_code(code).map_or_else(String::new, |known| known.symbol().to_string());
    // Scripts that run from right to left would turn the number around; Bengali, Georgian and Khmer have no glyphs in
    // the document's font. The franc sign is France's of old, and nobody's who has francs today.
    let printable = |letter: char| letter.is_ascii() || ('\u{a1}'..='\u{52f}').contains(&letter);
    let usual = |sign: char| matches!(sign, '\u{20a0}'..='\u{20cf}' | '\u{e3f}') && sign != '₣';
    match symbol.as_str() {
        "" | "¤" => code.to_owned(),
        signs if signs.chars().all(|sign| printable(sign) || usual(sign)) => symbol,
        _ => code.to_owned(),
    }
}

#[cfg(test)]
mod tests;
