//! What the tests of this room share: values and prices written as the chapter writes them.

use rust_decimal::Decimal;

use super::{ChargeModel, Outcome, Price, Rated};
use crate::number;
use crate::value::Value;

/// A value from its JSON text. Only what test properties need: no escapes in texts.
pub(super) fn json(text: &str) -> Value {
    let mut rest = text;
    let value = read(&mut rest);
    assert!(rest.trim().is_empty(), "left over: `{rest}`");
    value
}

fn read(rest: &mut &str) -> Value {
    *rest = rest.trim_start();
    match rest.chars().next().unwrap() {
        '{' => Value::Map(entries(rest, '{', '}', |rest| {
            let Value::Text(name) = read(rest) else { panic!("a name before `{rest}`") };
            eat(rest, ':');
            (name, read(rest))
        })),
        '[' => Value::List(entries(rest, '[', ']', read)),
        '"' => {
            let (text, after) = rest[1..].split_once('"').unwrap();
            *rest = after;
            Value::Text(text.to_owned())
        }
        _ => {
            let end = rest.find([',', ']', '}', ' ', '\n']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            match word {
                "null" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                number => Value::Number(number.to_owned()),
            }
        }
    }
}

fn entries<T>(rest: &mut &str, open: char, close: char, entry: impl Fn(&mut &str) -> T) -> Vec<T> {
    let mut entries = Vec::new();
    eat(rest, open);
    while !rest.trim_start().starts_with(close) {
        entries.push(entry(rest));
        if rest.trim_start().starts_with(',') {
            eat(rest, ',');
        }
    }
    eat(rest, close);
    entries
}

fn eat(rest: &mut &str, expected: char) {
    *rest = rest.trim_start().strip_prefix(expected).unwrap_or_else(|| panic!("`{expected}` before `{rest}`"));
}

/// A valid price.
pub(super) fn price(model: ChargeModel, properties: &str) -> Price {
    Price::parse(model, &json(properties)).unwrap()
}

/// A valid price of a model with ranges, one range a part: `0-10 @10 +2 | 11- @5 +3` is 10 per unit (or percent) and
/// flat 2 up to 10 units.
pub(super) fn tiered(model: ChargeModel, ranges: &str) -> Price {
    let per_unit = if model == ChargeModel::GraduatedPercentage { "rate" } else { "per_unit_amount" };
    let ranges = ranges.split('|').map(|range| {
        let mut words = range.split_whitespace();
        let (from, to) = words.next().unwrap().split_once('-').unwrap();
        let to = if to.is_empty() { "null" } else { to };
        let amount = words.next().unwrap().strip_prefix('@').unwrap();
        let flat = words.next().unwrap().strip_prefix('+').unwrap();
        format!(r#"{{"from_value":{from},"to_value":{to},"{per_unit}":"{amount}","flat_amount":"{flat}"}}"#)
    });
    let ranges = ranges.collect::<Vec<_>>().join(",");
    price(model, &format!(r#"{{"{model}_ranges":[{ranges}]}}"#))
}

/// The codes of a refused price, joined with a space; empty for a valid one.
pub(super) fn codes(model: ChargeModel, properties: &str) -> String {
    let errors = Price::parse(model, &json(properties)).err().unwrap_or_default();
    errors.into_iter().map(|error| error.code()).collect::<Vec<_>>().join(" ")
}

/// Amount and unit amount (rounded to 15 decimals, as published) of usage that is not prorated.
pub(super) fn rated(price: &Price, units: Decimal) -> (Decimal, Decimal) {
    rounded(&price.rate(&Rated::new(units, 1)).unwrap())
}

pub(super) fn rounded(outcome: &Outcome) -> (Decimal, Decimal) {
    (outcome.amount, number::round(outcome.unit_amount, 15))
}

/// The details of usage that is not prorated are as in the JSON text.
pub(super) fn check_details(price: &Price, units: Decimal, expected: &str) {
    let outcome = price.rate(&Rated::new(units, 1)).unwrap();
    assert_eq!(outcome.details.to_value(), json(expected), "{units} units");
}

/// The fees of count events one by one, each as 7.3 prices it, with everything that the price needs.
pub(super) fn fees_per_count_event(price: &Price, events: i64) -> Vec<Decimal> {
    let fee = |n: i64| {
        let with = count_usage(price, n);
        let without = Rated { running: with.running.clone(), ..count_usage(price, n - 1) };
        super::in_advance_amount(price, &with, &without).unwrap()
    };
    (1..=events).map(fee).collect()
}

/// The usage of `events` count events.
pub(super) fn count_usage(price: &Price, events: i64) -> Rated {
    let values = (0..events).map(|_| Decimal::ONE).collect();
    let free = price.needs_running_totals().unwrap_or_default();
    Rated::new(events.into(), events).with_running(free.running_of_count(events)).with_per_event(values)
}
