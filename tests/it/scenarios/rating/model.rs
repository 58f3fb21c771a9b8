//! Usage and prices written down once more, as naively as the chapter reads: nothing here is shared with the product.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

pub fn decimal(value: &Value) -> Decimal {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().unwrap_or_else(|_| panic!("{value} is no decimal"))
}

/// `4.0`: at least one digit after the point.
pub fn text(value: Decimal) -> String {
    let text = value.normalize().to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

pub fn ceil(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::ToPositiveInfinity)
}

pub fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// What a price looks at.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    pub units: Decimal,
    pub full: Decimal,
    pub events: i64,
    pub running: Vec<Decimal>,
    pub per_event: Option<Vec<Decimal>>,
    /// Full and prorated units of each movement, on a prorated charge.
    pub movements: Option<Vec<(Decimal, Decimal)>>,
}

/// What a price makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    pub amount: Decimal,
    pub unit_amount: Decimal,
    pub details: Value,
}

struct Tier {
    from: Value,
    to: Option<Decimal>,
    below: Decimal,
    per_unit: Decimal,
    flat: Decimal,
}

fn tiers(ranges: &Value, per_unit: &str) -> Vec<Tier> {
    let mut below = Decimal::ZERO;
    let mut tiers = Vec::new();
    for range in ranges.as_array().unwrap() {
        let to = Some(&range["to_value"]).filter(|to| !to.is_null()).map(decimal);
        let (per_unit, flat) = (decimal(&range[per_unit]), decimal(&range["flat_amount"]));
        tiers.push(Tier { from: range["from_value"].clone(), to, below, per_unit, flat });
        below = to.unwrap_or_default();
    }
    tiers
}

/// The units of a tier among `units`: the first holds everything below zero, too.
fn part(tier: &Tier, units: Decimal) -> Decimal {
    let top = tier.to.map_or(units, |to| units.min(to));
    if tier.below.is_zero() { top } else { (top - tier.below).max(Decimal::ZERO) }
}

fn per(amount: Decimal, units: Decimal) -> Decimal {
    if units.is_zero() { Decimal::ZERO } else { amount / units }
}

pub fn price(model: &str, properties: &Value, inputs: &Inputs) -> Priced {
    match (model, &inputs.movements) {
        ("standard", _) => standard(properties, inputs),
        ("graduated", Some(movements)) => along_the_path(properties, inputs, movements),
        ("graduated", None) => graduated(&properties["graduated_ranges"], "graduated_ranges", inputs),
        ("graduated_percentage", _) => {
            graduated(&properties["graduated_percentage_ranges"], "graduated_percentage_ranges", inputs)
        }
        ("package", _) => package(properties, inputs),
        ("percentage", _) => percentage(properties, inputs),
        ("volume", _) => volume(properties, inputs),
        _ => panic!("{model} is no charge model"),
    }
}

fn standard(properties: &Value, inputs: &Inputs) -> Priced {
    let is_below = inputs.movements.is_some() && (inputs.units < Decimal::ZERO || inputs.full < Decimal::ZERO);
    let amount = if is_below { Decimal::ZERO } else { inputs.units * decimal(&properties["amount"]) };
    Priced { amount, unit_amount: per(amount, inputs.full), details: json!({}) }
}

fn graduated(ranges: &Value, name: &str, inputs: &Inputs) -> Priced {
    let is_rate = name == "graduated_percentage_ranges";
    let (field, shown) = if is_rate { ("rate", "rate") } else { ("per_unit_amount", "per_unit_amount") };
    let mut amount = Decimal::ZERO;
    let mut walked = Vec::new();
    for tier in tiers(ranges, field) {
        let units = part(&tier, inputs.units);
        if units.is_zero() && !tier.below.is_zero() {
            break;
        }
        let flat = if units.is_zero() { Decimal::ZERO } else { tier.flat };
        let total = if is_rate { units * tier.per_unit / Decimal::ONE_HUNDRED } else { units * tier.per_unit };
        amount += total + flat;
        let per_unit = if units.is_zero() && !is_rate { Decimal::ZERO } else { tier.per_unit };
        walked.push(json!({
            "from_value": tier.from, "to_value": tier.to.map(|to| to.to_string().parse::<i64>().unwrap()),
            "flat_unit_amount": text(flat), shown: text(per_unit), "units": text(units),
            "per_unit_total_amount": text(total), "total_with_flat_amount": text(total + flat),
        }));
    }
    Priced { amount, unit_amount: per(amount, inputs.full), details: json!({ name: walked }) }
}

/// Prorated graduated: every movement pays the tiers that it travels through, times its share; flats up to the peak.
fn along_the_path(properties: &Value, inputs: &Inputs, movements: &[(Decimal, Decimal)]) -> Priced {
    let tiers = tiers(&properties["graduated_ranges"], "per_unit_amount");
    let up_to = |level: Decimal| tiers.iter().map(|tier| part(tier, level) * tier.per_unit).sum::<Decimal>();
    let (mut standing, mut peak, mut amount) = (Decimal::ZERO, Decimal::MIN, Decimal::ZERO);
    for (full, prorated) in movements {
        amount += prorated * (up_to(standing + full) - up_to(standing)) / full;
        standing += full;
        peak = peak.max(standing);
    }
    if movements.is_empty() || inputs.units <= Decimal::ZERO || standing < Decimal::ZERO {
        return Priced { amount: Decimal::ZERO, unit_amount: Decimal::ZERO, details: json!({}) };
    }
    let flats = tiers.iter().filter(|tier| tier.below.is_zero() || peak > tier.below).map(|tier| tier.flat);
    let amount = amount.max(Decimal::ZERO) + flats.sum::<Decimal>();
    Priced { amount, unit_amount: per(amount, standing), details: json!({}) }
}

fn package(properties: &Value, inputs: &Inputs) -> Priced {
    let (size, free) = (decimal(&properties["package_size"]), decimal(&properties["free_units"]));
    let each = decimal(&properties["amount"]);
    let paid = (inputs.units - free).max(Decimal::ZERO);
    let amount = ceil(paid / size, 0) * each;
    let details = if inputs.units.is_zero() {
        json!({"free_units": "0.0", "paid_units": "0.0", "per_package_size": 0, "per_package_unit_amount": "0.0"})
    } else {
        json!({
            "free_units": text(free), "paid_units": text(paid), "per_package_size": properties["package_size"],
            "per_package_unit_amount": text(each),
        })
    };
    Priced { amount, unit_amount: per(amount, paid), details }
}

fn percentage(properties: &Value, inputs: &Inputs) -> Priced {
    let or_zero = |name: &str| Some(&properties[name]).filter(|sent| !sent.is_null()).map_or(Decimal::ZERO, decimal);
    let (rate, fixed) = (or_zero("rate"), or_zero("fixed_amount"));
    let (e, t) =
        (properties["free_units_per_events"].as_i64().unwrap_or(0), or_zero("free_units_per_total_aggregation"));
    let (units, n, r) = (inputs.units, inputs.events, &inputs.running);
    let last = r.last().copied().unwrap_or_default();
    let free_units = if last.is_zero() {
        Decimal::ZERO
    } else if e > 0 && (e as usize) < r.len() {
        r[e as usize - 1]
    } else if t.is_zero() || last <= t {
        last
    } else {
        t
    };
    let below = if t.is_zero() { 0 } else { r.iter().filter(|reached| **reached < t).count() as i64 };
    let free_events = [e, below].into_iter().filter(|limit| *limit > 0).min().unwrap_or(0);
    let paid = if units < Decimal::ZERO { Decimal::ZERO } else { (units - free_units).max(Decimal::ZERO) };
    let by_rate = paid * rate / Decimal::ONE_HUNDRED;
    let by_event =
        if units.is_zero() || free_events >= n { Decimal::ZERO } else { Decimal::from(n - free_events) * fixed };
    let (min, max) = (&properties["per_transaction_min_amount"], &properties["per_transaction_max_amount"]);
    let amount = match &inputs.per_event {
        Some(values) if !min.is_null() || !max.is_null() => {
            let (mut e, mut t, mut sum) = (e, t, Decimal::ZERO);
            for value in values {
                let mut value = *value;
                if e > 0 || t > Decimal::ZERO {
                    e -= 1;
                    if t <= Decimal::ZERO {
                        continue;
                    }
                    if t > value {
                        t -= value;
                        continue;
                    }
                    value -= t;
                    (t, e) = (Decimal::ZERO, 0);
                }
                let mut x = value * rate / Decimal::ONE_HUNDRED + fixed;
                if !min.is_null() && x < decimal(min) {
                    x = decimal(min);
                } else if !max.is_null() && x > decimal(max) {
                    x = decimal(max);
                }
                sum += x;
            }
            sum.max(Decimal::ZERO)
        }
        _ => by_rate + by_event,
    };
    let free_shown = if n >= free_events { free_events } else { 0 };
    let details = json!({
        "units": text(units), "free_units": text(free_units), "free_events": free_shown, "paid_units": text(paid),
        "rate": text(rate), "per_unit_total_amount": text(by_rate), "paid_events": n - free_shown,
        "fixed_fee_unit_amount": text(if n > free_shown { fixed } else { Decimal::ZERO }),
        "fixed_fee_total_amount": text(by_event),
        "min_max_adjustment_total_amount": text(amount - by_rate - by_event),
    });
    Priced { amount, unit_amount: per(amount, inputs.full), details }
}

fn volume(properties: &Value, inputs: &Inputs) -> Priced {
    let zeros = json!({"flat_unit_amount": "0.0", "per_unit_amount": "0.0", "per_unit_total_amount": "0.0"});
    let (units, n) = (inputs.units, inputs.full);
    if units <= Decimal::ZERO || n < Decimal::ZERO {
        return Priced { amount: Decimal::ZERO, unit_amount: Decimal::ZERO, details: zeros };
    }
    let tiers = tiers(&properties["volume_ranges"], "per_unit_amount");
    let tier = tiers.iter().find(|tier| tier.to.is_none_or(|to| n <= to)).unwrap();
    let total = units * tier.per_unit;
    let amount = total + tier.flat;
    let details = if n.is_zero() {
        zeros
    } else {
        json!({
            "flat_unit_amount": text(tier.flat), "per_unit_amount": text(total / n), "per_unit_total_amount": text(total),
        })
    };
    Priced { amount, unit_amount: per(amount, n), details }
}

/// An event as the log holds it.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub properties: Value,
}

impl Event {
    /// The timestamp rounded half up to the second.
    fn second(&self) -> i64 {
        (self.at.timestamp_micros() + 500_000).div_euclid(1_000_000)
    }

    fn date(&self) -> NaiveDate {
        DateTime::from_timestamp(self.second(), 0).unwrap().date_naive()
    }

    fn number(&self) -> Option<Decimal> {
        let value = &self.properties["value"];
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let plain = unsigned.split_once('.').map_or_else(|| digits(unsigned), |(a, b)| digits(a) && digits(b));
        plain.then(|| text.parse().unwrap())
    }

    fn is_in(&self, leaf: &[(&str, &str)]) -> bool {
        leaf.iter().all(|(key, value)| self.properties[key] == *value)
    }

    /// Adding (true) or removing; none changes nothing.
    fn adds(&self) -> Option<bool> {
        match &self.properties["operation_type"] {
            Value::Null => Some(true),
            Value::String(word) if word == "add" => Some(true),
            Value::String(word) if word == "remove" => Some(false),
            _ => None,
        }
    }

    fn counted(&self) -> String {
        match &self.properties["value"] {
            Value::Null => "null".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// A window in UTC. `to` is its last second, or with `successor` the first that is not in it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub successor: bool,
    pub period_days: i64,
}

impl Window {
    fn last(&self) -> i64 {
        if self.successor { self.to.timestamp() - 1 } else { self.to.timestamp() }
    }

    fn end_micros(&self) -> i64 {
        (self.last() + 1) * 1_000_000
    }

    fn is_before(&self, event: &Event) -> bool {
        event.second() < self.from.timestamp()
    }

    fn holds(&self, event: &Event) -> bool {
        !self.is_before(event) && event.second() <= self.last()
    }

    /// `days(from, to)`.
    fn days(&self) -> i64 {
        -(self.from - self.to).num_seconds().div_euclid(86_400)
    }

    fn calendar_days(&self, from: NaiveDate) -> i64 {
        (self.to.date_naive() - from).num_days() + 1
    }
}

/// A stay of a value: when, until when, and the event that began it.
struct Stay<'e> {
    begun: &'e Event,
    ended: Option<&'e Event>,
    value: String,
}

/// Every stay of a value, events in order of reception.
fn stays<'e>(events: &[&'e Event]) -> Vec<Stay<'e>> {
    let mut stays: Vec<Stay<'e>> = Vec::new();
    for event in events {
        let (Some(adds), value) = (event.adds(), event.counted()) else { continue };
        let last = stays.iter_mut().rev().find(|stay| stay.value == value);
        match last {
            Some(stay) if stay.ended.is_none() && !adds => stay.ended = Some(event),
            // It is there already.
            Some(stay) if stay.ended.is_none() => {}
            Some(stay) if adds && stay.ended.is_some_and(|end| end.at.date_naive() == event.at.date_naive()) => {
                stay.ended = None;
            }
            _ if adds => stays.push(Stay { begun: event, ended: None, value }),
            _ => {}
        }
    }
    stays
}

/// What a percentage price asks for.
pub struct Wanted {
    pub free_events: i64,
    pub free_total: Decimal,
}

/// The inputs of a price: units of a kind (`sum`, `max` ...) in a window. `events` are all of the log, in order of reception.
pub fn aggregate(
    kind: &str,
    recurring: bool,
    prorated: bool,
    window: &Window,
    leaf: &[(&str, &str)],
    events: &[Event],
    wanted: &Wanted,
) -> Inputs {
    let d = Decimal::from(window.period_days);
    let reach: Vec<&Event> =
        events.iter().filter(|event| window.holds(event) || (recurring && window.is_before(event))).collect();
    let own: Vec<&Event> = reach.iter().copied().filter(|event| event.is_in(leaf)).collect();
    // Stable: events of one instant stay in order of reception.
    let mut by_time: Vec<(&Event, Decimal)> = own.iter().filter_map(|event| Some((*event, event.number()?))).collect();
    by_time.sort_by_key(|(event, _)| event.at);
    let inside: Vec<(&Event, Decimal)> = by_time.iter().copied().filter(|(event, _)| window.holds(event)).collect();
    let whole = |units: Decimal, count: usize| Inputs { units, full: units, events: count as i64, ..Inputs::default() };
    let up_to = |units: Decimal| -> Vec<Decimal> {
        (1..=units.to_string().parse::<i64>().unwrap_or(0)).map(Decimal::from).collect()
    };
    let none_free = wanted.free_events == 0 && wanted.free_total.is_zero();
    match kind {
        "count" => {
            let units = Decimal::from(own.len());
            let running = if none_free { Vec::new() } else { up_to(units) };
            Inputs { running, per_event: Some(vec![Decimal::ONE; own.len()]), ..whole(units, own.len()) }
        }
        "sum" => {
            let full: Decimal = by_time.iter().map(|(_, value)| value).sum();
            let mut running = Vec::new();
            let mut sum = Decimal::ZERO;
            for (_, value) in by_time.iter().take(if none_free { 0 } else { usize::MAX }) {
                if wanted.free_events > 0 && running.len() as i64 == wanted.free_events {
                    break;
                }
                sum += value;
                running.push(sum);
                if wanted.free_events == 0 && sum > wanted.free_total {
                    break;
                }
            }
            let values = inside.iter().map(|(_, value)| *value).collect();
            let mut inputs = Inputs { running, per_event: Some(values), ..whole(full, by_time.len()) };
            if prorated {
                let before: Decimal = full - inside.iter().map(|(_, value)| value).sum::<Decimal>();
                let mut movements = Vec::new();
                let mut unit_days = before * Decimal::from(window.days());
                if before > Decimal::ZERO {
                    movements.push((before, unit_days / d));
                }
                for (event, value) in &inside {
                    let days = value * Decimal::from(window.calendar_days(event.date()));
                    unit_days += days;
                    if !value.is_zero() {
                        movements.push((*value, days / d));
                    }
                }
                inputs.units = ceil(unit_days / d, 5);
                inputs.movements = Some(movements);
            }
            inputs
        }
        "max" => {
            let greatest = inside.iter().map(|(_, value)| *value).max();
            let first = inside.iter().position(|(_, value)| Some(*value) == greatest);
            let values =
                (0..inside.len()).map(|place| if Some(place) == first { inside[place].1 } else { Decimal::ZERO });
            Inputs { per_event: Some(values.collect()), ..whole(greatest.unwrap_or_default(), inside.len()) }
        }
        "latest" => {
            let latest = inside.last().map_or(Decimal::ZERO, |(_, value)| *value);
            whole(latest.max(Decimal::ZERO), inside.len())
        }
        "weighted_sum" => {
            let end = window.end_micros();
            let from = window.from.timestamp() * 1_000_000;
            let area = |(event, value): &(&Event, Decimal)| {
                let since = event.at.timestamp_micros().max(from);
                let left = if window.is_before(event) { end - from } else { (end - since).max(0) };
                value * Decimal::new(left, 6)
            };
            let area: Decimal = by_time.iter().map(area).sum();
            whole(ceil(area / (d * Decimal::from(86_400)), 20), inside.len())
        }
        "unique_count" => unique(prorated, window, leaf, &reach, none_free, d),
        _ => panic!("{kind} is no aggregation"),
    }
}

fn unique(
    prorated: bool,
    window: &Window,
    leaf: &[(&str, &str)],
    reach: &[&Event],
    none_free: bool,
    d: Decimal,
) -> Inputs {
    let count = reach.iter().filter(|event| window.holds(event) && event.adds().is_some() && event.is_in(leaf)).count();
    let stays = stays(reach);
    let own: Vec<&Stay<'_>> = stays.iter().filter(|stay| stay.begun.is_in(leaf)).collect();
    // A removal after the window has not been seen by anybody: only events in reach are here.
    let standing = own.iter().filter(|stay| stay.ended.is_none());
    let units = Decimal::from(standing.clone().count());
    let new = standing.filter(|stay| window.holds(stay.begun)).count();
    let running = if none_free {
        Vec::new()
    } else {
        (1..=units.to_string().parse::<i64>().unwrap()).map(Decimal::from).collect()
    };
    let mut inputs = Inputs {
        units,
        full: units,
        events: count as i64,
        running,
        per_event: Some(vec![Decimal::ONE; new]),
        movements: None,
    };
    if prorated {
        let carried = own.iter().filter(|stay| stay.ended.is_none() && window.is_before(stay.begun)).count();
        let mut changes: Vec<(DateTime<Utc>, i64)> = Vec::new();
        for stay in &own {
            match (window.is_before(stay.begun), stay.ended) {
                (true, None) => {}
                (false, None) => changes.push((stay.begun.at, window.calendar_days(stay.begun.date()))),
                (_, Some(end)) if window.is_before(end) => {}
                (true, Some(end)) => {
                    changes.push((end.at, (end.date() - window.from.date_naive()).num_days() + 1));
                }
                (false, Some(end)) => {
                    changes.push((stay.begun.at, ((end.date() - stay.begun.date()).num_days() + 1).max(0)));
                }
            }
        }
        changes.sort_by_key(|(at, _)| *at);
        let carried = Decimal::from(carried);
        let mut movements = Vec::new();
        let mut unit_days = carried * Decimal::from(window.days());
        if !carried.is_zero() {
            movements.push((carried, unit_days / d));
        }
        for (_, days) in changes {
            unit_days += Decimal::from(days);
            movements.push((Decimal::ONE, Decimal::from(days) / d));
        }
        inputs.units = ceil(unit_days / d, 5);
        inputs.movements = Some(movements);
    }
    inputs
}
