use std::collections::BTreeSet;

use rust_decimal_macros::dec;

use super::*;

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// Compares with ordinary spaces in place of no-break ones.
#[track_caller]
fn check(actual: &str, expected: &str) {
    assert_eq!(actual.replace(NBSP, " "), expected);
}

#[test]
fn dates_are_as_the_chapter_says() {
    let date = |locale: Locale, month| locale.date(NaiveDate::from_ymd_opt(2024, month, 9).unwrap());
    for (locale, expected) in [
        (Locale::En, "Jan 09, 2024"),
        (Locale::Fr, "09 Jan 2024"),
        (Locale::De, "09. Jan. 2024"),
        (Locale::It, "09 Gen. 2024"),
        (Locale::Es, "09 de Ene. de 2024"),
        (Locale::Nb, "09 Jan, 2024"),
        (Locale::Sv, "09 jan. 2024"),
    ] {
        check(&date(locale, 1), expected);
    }
    check(&date(Locale::Sv, 3), "09 mars 2024");
    check(&date(Locale::Fr, 12), "09 Déc 2024");
    check(&date(Locale::De, 3), "09. Mär. 2024");
}

#[test]
fn money_is_as_the_chapter_says() {
    for (locale, euros, dollars, negative) in [
        (Locale::En, "€1,234.50", "$1,234,567.05", "-$0.05"),
        (Locale::Fr, "1 234,50 €", "1 234 567,05 $", "-0,05 $"),
        (Locale::De, "€1.234,50", "$1.234.567,05", "-$0,05"),
        (Locale::It, "1.234,50 €", "1.234.567,05 $", "-0,05 $"),
        (Locale::Es, "€1,234.50", "$1,234,567.05", "-$0.05"),
        (Locale::Nb, "€1 234,50", "$1 234 567,05", "-$0,05"),
        (Locale::Sv, "1 234,50 €", "1 234 567,05 $", "-0,05 $"),
    ] {
        check(&locale.money(currency("EUR"), 123_450), euros);
        check(&locale.money(currency("USD"), 123_456_705), dollars);
        check(&locale.money(currency("USD"), -5), negative);
    }
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let english = |code, minor_units| Locale::En.money(currency(code), minor_units);
    check(&english("JPY", 1234), "¥1,234");
    check(&english("HUF", 1234), "Ft 1,234");
    check(&english("CLF", 12_346), "CLF 1.2346");
    check(&english("MGA", 61), "Ar 12.2");
    check(&english("EUR", 0), "€0.00");
    check(&english("USD", i64::MIN), "-$92,233,720,368,547,758.08");
    check(&Locale::Nb.money(currency("NOK"), 99_900), "kr 999,00");
}

#[test]
fn unit_prices_print_all_their_decimals() {
    let english = |code, price| Locale::En.unit_price(currency(code), price);
    check(&english("USD", dec!(12)), "$12.00");
    check(&english("USD", dec!(0.0125)), "$0.0125");
    check(&english("USD", dec!(1234.123456789012345)), "$1,234.123456789012345");
    check(&english("JPY", dec!(0.5)), "¥0.5");
    check(&english("EUR", dec!(-1.5)), "-€1.50");
    check(&Locale::Fr.unit_price(currency("EUR"), dec!(0.00600)), "0,006 €");
}

#[test]
fn amounts_round_half_away_from_zero() {
    check(&Locale::En.amount(currency("USD"), dec!(0.125)), "$0.13");
    check(&Locale::En.amount(currency("USD"), dec!(-0.125)), "-$0.13");
    check(&Locale::En.amount(currency("USD"), dec!(-0.001)), "$0.00");
}

#[test]
fn numbers_and_percentages_follow_the_language() {
    for (locale, number, percent, coupon) in [
        (Locale::En, "12,345.678", "20.0%", "10.50%"),
        (Locale::Fr, "12 345,678", "20,0 %", "10,50 %"),
        (Locale::De, "12.345,678", "20,0 %", "10,50 %"),
        (Locale::It, "12.345,678", "20,0%", "10,50%"),
        (Locale::Es, "12,345.678", "20.0%", "10.50%"),
        (Locale::Nb, "12 345,678", "20,0 %", "10,50 %"),
        (Locale::Sv, "12 345,678", "20,0 %", "10,50 %"),
    ] {
        check(&locale.number(dec!(12345.678)), number);
        check(&locale.percent(dec!(20)), percent);
        check(&locale.coupon_percent(dec!(10.5)), coupon);
    }
    check(&Locale::En.number(dec!(4.00)), "4");
    check(&Locale::En.number(dec!(-1000)), "-1,000");
    check(&Locale::En.number(dec!(0.3333333333333333333333333333)), "0.333333333333333");
    check(&Locale::En.percent(dec!(5.125)), "5.125%");
}

#[test]
fn a_symbol_is_one_that_the_font_has() {
    let covered = |sign: char| crate::pdf::main_font_covers(sign);
    for known in iso_codes() {
        let sign = symbol(known);
        assert!(sign.chars().all(covered), "{known}: {sign}");
    }
    assert_eq!(symbol(currency("AED")), "AED");
    assert_eq!(symbol(currency("CHF")), "CHF");
    assert_eq!(symbol(currency("GBP")), "£");
    assert_eq!(symbol(currency("UAH")), "₴");
}

/// Every accepted currency.
fn iso_codes() -> Vec<Currency> {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    codes.filter_map(|code| code.parse().ok()).collect()
}

#[test]
fn every_code_leads_back_to_its_locale() {
    for locale in Locale::ALL {
        assert_eq!(Locale::from_code(locale.code()), Some(locale));
    }
    assert_eq!(Locale::from_code("xx"), None);
    assert_eq!(Locale::from_code("EN"), None);
}

#[test]
fn all_languages_say_the_same_things() {
    let places = |words: &str| -> BTreeSet<String> {
        words.split('{').skip(1).map(|part| part.split_once('}').unwrap().0.to_owned()).collect()
    };
    let english = Locale::En.words().all();
    for locale in Locale::ALL {
        for ((name, words), (_, translated)) in english.iter().zip(locale.words().all()) {
            assert!(!translated.trim().is_empty(), "{locale:?} {name}");
            assert_eq!(places(words), places(translated), "{locale:?} {name}");
        }
    }
}

#[test]
fn a_value_with_braces_is_not_a_place() {
    let filled = fill("{name} on {base}", &[("name", "{base} {x} {"), ("base", "5")]);
    assert_eq!(filled, "{base} {x} { on 5");
}
