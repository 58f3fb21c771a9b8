//! Exact decimals: the roundings that the chapters name, and the one text form of a decimal.

use rust_decimal::{Decimal, RoundingStrategy};

/// `round(x, places)` of the chapters: half away from zero.
#[must_use]
pub fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// `ceil(x, places)` of the chapters: towards positive infinity at `places` decimals.
#[must_use]
pub fn ceil(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::ToPositiveInfinity)
}

/// `trunc(x, places)` of the chapters: towards zero at `places` decimals.
#[must_use]
pub fn trunc(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::ToZero)
}

/// `a * b / c`, multiplied first and divided last (chapter 02, 0), for quantities whose product may pass 28 digits.
///
/// The exact product is used where the decimal type can hold it; beyond that (amounts above 10^20 cents, say) the
/// division comes first, which is exact to 28 digits still. A result that does not fit is the end of the decimals on its
/// side: above every amount, never a zero that could pass for one. `c` must not be zero; it is a number of days or of units
/// that callers have checked, and a zero gives zero rather than a panic.
#[must_use]
pub fn mul_div(a: Decimal, b: Decimal, c: Decimal) -> Decimal {
    if c.is_zero() {
        return Decimal::ZERO;
    }
    let exact = a.checked_mul(b).and_then(|product| product.checked_div(c));
    exact.or_else(|| a.checked_div(c).and_then(|part| part.checked_mul(b))).unwrap_or_else(|| {
        let is_negative = a.is_sign_negative() ^ b.is_sign_negative() ^ c.is_sign_negative();
        if is_negative { Decimal::MIN } else { Decimal::MAX }
    })
}

/// A sum that stays at the end of the decimals where it leaves them, as a result of `mul_div` does.
#[must_use]
pub fn sum(terms: impl IntoIterator<Item = Decimal>) -> Decimal {
    terms.into_iter().fold(Decimal::ZERO, Decimal::saturating_add)
}

/// The wire's text of a decimal: plain notation, no trailing zeros, at least one digit after the point (chapter 03, 0.1).
#[must_use]
pub fn text(value: Decimal) -> String {
    let mut text = value.normalize().to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

/// Whether `text` is a number for sum, max, latest and weighted sum: `^-?\d+(\.\d+)?$` (chapter 03, 3.1).
#[must_use]
pub fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match digits.split_once('.') {
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => all_digits(digits),
    }
}

/// A decimal from its text, plain or with an exponent (`"1e2"`); none if it is no finite decimal or does not fit.
#[must_use]
pub fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('+') {
        return None;
    }
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;

    #[test]
    fn what_does_not_fit_is_at_the_end_and_never_nothing() {
        let check = |(a, b, c), expected| assert_eq!(mul_div(a, b, c), expected, "{a} * {b} / {c}");
        check((dec!(10), dec!(20), dec!(100)), dec!(2));
        // The product does not fit, the result does.
        check((dec!(1e20), dec!(1e20), dec!(1e20)), dec!(1e20));
        check((dec!(1e20), dec!(1e15), dec!(100)), Decimal::MAX);
        check((dec!(-1e20), dec!(1e15), dec!(100)), Decimal::MIN);
        check((dec!(1e20), dec!(-1e15), dec!(-100)), Decimal::MAX);
        check((dec!(1e20), dec!(1e15), dec!(0)), Decimal::ZERO);
        check((dec!(0), dec!(1e28), dec!(100)), Decimal::ZERO);
        assert_eq!(sum([Decimal::MAX, Decimal::MAX]), Decimal::MAX);
        assert_eq!(sum([dec!(1), dec!(2.5)]), dec!(3.5));
    }

    #[test]
    fn ties_round_away_from_zero() {
        let check = |value, places, expected| assert_eq!(round(value, places), expected, "{value} at {places}");
        check(dec!(2.5), 0, dec!(3));
        check(dec!(-2.5), 0, dec!(-3));
        check(dec!(50.61725), 2, dec!(50.62));
        check(dec!(14.5), 0, dec!(15));
    }

    #[test]
    fn ceiling_and_truncation_keep_their_side() {
        assert_eq!(ceil(dec!(9.6451612), 5), dec!(9.64517));
        assert_eq!(ceil(dec!(-1.000001), 5), dec!(-1));
        assert_eq!(trunc(dec!(6774.193548), 5), dec!(6774.19354));
        assert_eq!(trunc(dec!(-0.9), 0), dec!(0));
    }

    #[test]
    fn text_always_has_one_decimal() {
        let check = |value: Decimal, expected| assert_eq!(text(value), expected);
        check(dec!(4), "4.0");
        check(dec!(0.0125), "0.0125");
        check(dec!(15.50), "15.5");
        check(dec!(0), "0.0");
        check(dec!(-0.0), "0.0");
        check(dec!(100), "100.0");
    }

    #[test]
    fn plain_numbers_are_digits_with_an_optional_fraction() {
        for good in ["0", "12", "-3", "12.50", "-0.5", "007"] {
            assert!(is_plain_number(good), "{good}");
        }
        for bad in ["", "-", "1e3", ".5", "+5", "12 ", "5.", "foo", "1.2.3", "--1"] {
            assert!(!is_plain_number(bad), "{bad}");
        }
    }

    #[test]
    fn multiplication_comes_first() {
        assert_eq!(mul_div(dec!(61), dec!(7), dec!(7)), dec!(61));
        assert_eq!(mul_div(dec!(1), dec!(1), dec!(0)), dec!(0));
    }
}
