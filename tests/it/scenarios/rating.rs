//! Every allowed pair of aggregation and charge model (chapter 03, 4.3), in arrears, over several periods and an upgrade:
//! exact units, cents and details against a model that is written from the chapter alone, and every fee recomputed from its
//! own explanation.
//!
//! Units of pay-in-advance charges are told elsewhere.

pub(super) mod explained;
mod model;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use self::model::{Event, Inputs, Wanted, Window, aggregate, decimal, price, round, text};
use super::world::{World, instant};

/// Aggregations with their name of a metric; the last says whether units are carried on.
const AGGREGATIONS: [(&str, &str, bool); 9] = [
    ("count", "count", false),
    ("sum", "sum", false),
    ("sum_on", "sum", true),
    ("unique", "unique_count", false),
    ("unique_on", "unique_count", true),
    ("max", "max", false),
    ("latest", "latest", false),
    ("weighted", "weighted_sum", false),
    ("weighted_on", "weighted_sum", true),
];

const DIMENSIONS: [&str; 3] = ["none", "one", "two"];

type Leaf = Vec<(&'static str, &'static str)>;

/// The leaves of a metric with this many dimensions, by display name.
fn leaves(dimensions: &str) -> Vec<(&'static str, Leaf)> {
    match dimensions {
        "none" => vec![("", vec![])],
        "one" => vec![("eu", vec![("region", "eu")]), ("us", vec![("region", "us")])],
        _ => vec![
            ("aws • eu", vec![("cloud", "aws"), ("region", "eu")]),
            ("aws • us", vec![("cloud", "aws"), ("region", "us")]),
            ("google • eu", vec![("cloud", "google"), ("region", "eu")]),
        ],
    }
}

fn group(dimensions: &str) -> Value {
    match dimensions {
        "none" => json!({}),
        "one" => json!({"key": "region", "values": ["eu", "us"]}),
        _ => json!({"key": "cloud", "values": [
            {"name": "aws", "key": "region", "values": ["eu", "us"]},
            {"name": "google", "key": "region", "values": ["eu"]},
        ]}),
    }
}

/// Named prices: model, properties, and those of a group of its own.
fn prices() -> Vec<(&'static str, &'static str, Value, Value)> {
    let ranges = |per: &str, prices: [(&str, &str); 3]| {
        let bounds = [(0, json!(3)), (4, json!(10)), (11, Value::Null)];
        let range = |((from, to), (each, flat)): ((i64, Value), (&str, &str))| json!({"from_value": from, "to_value": to, per: each, "flat_amount": flat});
        Value::Array(bounds.into_iter().zip(prices).map(range).collect())
    };
    let per_unit = |prices| ranges("per_unit_amount", prices);
    vec![
        ("standard", "standard", json!({"amount": "1.2345"}), json!({"amount": "7"})),
        (
            "graduated",
            "graduated",
            json!({"graduated_ranges": per_unit([("1.5", "2"), ("0.75", "0.5"), ("0.1", "0")])}),
            json!({"graduated_ranges": per_unit([("0", "0"), ("3", "1"), ("2", "1")])}),
        ),
        (
            "package",
            "package",
            json!({"amount": "4.99", "package_size": 4, "free_units": 3}),
            json!({"amount": "1", "package_size": 1, "free_units": 0}),
        ),
        (
            "percentage",
            "percentage",
            json!({"rate": "2.5", "fixed_amount": "0.3", "free_units_per_events": 2, "free_units_per_total_aggregation": "6.5"}),
            json!({"rate": "1", "free_units_per_total_aggregation": "4"}),
        ),
        (
            "limited",
            "percentage",
            json!({"rate": "12", "fixed_amount": "0.1", "free_units_per_events": 1,
                "per_transaction_min_amount": "0.25", "per_transaction_max_amount": "0.9"}),
            json!({"rate": "50", "per_transaction_max_amount": "1.5"}),
        ),
        (
            "volume",
            "volume",
            json!({"volume_ranges": per_unit([("2", "1"), ("1", "3"), ("0.333", "0")])}),
            json!({"volume_ranges": per_unit([("5", "0"), ("4", "0"), ("3", "0")])}),
        ),
        (
            "rates",
            "graduated_percentage",
            json!({"graduated_percentage_ranges": ranges("rate", [("10", "1"), ("20", "0.5"), ("30", "0")])}),
            json!({"graduated_percentage_ranges": ranges("rate", [("1", "0"), ("2", "0"), ("3", "0.01")])}),
        ),
    ]
}

/// Chapter 03, 4.3.
fn is_allowed(kind: &str, recurring: bool, model: &str, prorated: bool) -> bool {
    let rated = kind != "latest" || !matches!(model, "percentage" | "graduated_percentage");
    let by_days =
        recurring && matches!(kind, "sum" | "unique_count") && matches!(model, "standard" | "graduated" | "volume");
    rated && (!prorated || by_days)
}

/// A charge of the matrix, named by what it is.
struct Charge {
    metric: String,
    kind: &'static str,
    recurring: bool,
    dimensions: &'static str,
    model: &'static str,
    properties: Value,
    own: Value,
    prorated: bool,
}

fn matrix() -> BTreeMap<String, Charge> {
    let mut charges = BTreeMap::new();
    for (name, kind, recurring) in AGGREGATIONS {
        for dimensions in DIMENSIONS {
            for (label, model, properties, own) in prices() {
                for prorated in [false, true] {
                    if !is_allowed(kind, recurring, model, prorated) {
                        continue;
                    }
                    let metric = format!("{name}_{dimensions}");
                    let by = if prorated { "by days" } else { "whole" };
                    let charge = Charge {
                        metric: metric.clone(),
                        kind,
                        recurring,
                        dimensions,
                        model,
                        properties: properties.clone(),
                        own: own.clone(),
                        prorated,
                    };
                    charges.insert(format!("{metric} {label} {by}"), charge);
                }
            }
        }
    }
    charges
}

/// A small generator of numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Events of a metric with a few values, at instants that meet bounds, some of them no numbers, some in no group.
fn events(dice: &mut Dice, kind: &str, from: &str, days: i64, count: usize) -> Vec<Event> {
    let start = instant(from);
    let bounds = ["2024-01-31T23:59:59.499", "2024-01-31T23:59:59.500", "2024-02-01", "2024-02-15T14:00:00.200"];
    (0..count)
        .map(|number| {
            let at = match (number, bounds.get(number)) {
                (_, Some(bound)) if days > 40 => instant(bound),
                _ => {
                    let seconds = dice.below(u64::try_from(days).unwrap() * 86_400);
                    start
                        + TimeDelta::seconds(i64::try_from(seconds).unwrap())
                        + TimeDelta::milliseconds(500) * i32::try_from(dice.below(2)).unwrap()
                }
            };
            let mut properties = json!({});
            let value = Decimal::new(i64::try_from(dice.below(90)).unwrap() - 15, 1);
            properties["value"] = match (kind, dice.below(12)) {
                ("unique_count", _) => json!(format!("u{}", dice.below(9))),
                (_, 0) => json!("1e3"),
                (_, 1) => Value::Null,
                (_, 2) => json!(value.to_string()),
                _ => serde_json::from_str(&value.to_string()).unwrap(),
            };
            if kind == "unique_count" && dice.below(3) == 0 {
                properties["operation_type"] = json!("remove");
            }
            properties["region"] = json!(["eu", "us", "mars"][usize::try_from(dice.below(3)).unwrap()]);
            properties["cloud"] = json!(["aws", "aws", "google"][usize::try_from(dice.below(3)).unwrap()]);
            Event { at, properties }
        })
        .collect()
}

fn sent(event: &Event, id: &str, metric: &str) -> Value {
    let micros = event.at.timestamp_micros();
    json!({
        "transaction_id": id, "external_subscription_id": "acme", "code": metric, "properties": event.properties,
        "timestamp": format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000)),
    })
}

/// The log of each metric, in order of reception, each id once.
type Logs = BTreeMap<String, Vec<Event>>;

/// Sends events of every metric, each with a copy that says something else, and notes the first ones.
fn report(world: &World, logs: &mut Logs, dice: &mut Dice, from: &str, days: i64, count: usize) {
    for (name, kind, _) in AGGREGATIONS {
        for dimensions in DIMENSIONS {
            let metric = format!("{name}_{dimensions}");
            let log = logs.entry(metric.clone()).or_default();
            let made = events(dice, kind, from, days, count);
            let mut bodies = Vec::new();
            for event in made {
                let id = format!("{metric}-{}", log.len());
                bodies.push(sent(&event, &id, &metric));
                if dice.below(4) == 0 {
                    let copy = Event { at: event.at + TimeDelta::hours(5), properties: json!({"value": 999}) };
                    bodies.push(sent(&copy, &id, &metric));
                }
                log.push(event);
            }
            for part in bodies.chunks(100) {
                world.post("/events/batch", json!({ "events": part }));
            }
        }
    }
    world.settle();
}

struct Closed {
    name: &'static str,
    window: Window,
    /// Recurring units that are not by days are billed by the record that follows.
    upgraded: bool,
    log: Logs,
}

fn window(from: &str, to: &str, successor: bool, period_days: i64) -> Window {
    let end = |to: &str| -> DateTime<Utc> {
        if successor { instant(to) } else { instant(to) + TimeDelta::days(1) - TimeDelta::microseconds(1) }
    };
    Window { from: instant(from), to: end(to), successor, period_days }
}

fn charges(world: &World, matrix: &BTreeMap<String, Charge>) -> Vec<Value> {
    let mut ids: BTreeMap<String, Value> = BTreeMap::new();
    let mut groups: BTreeMap<String, Value> = BTreeMap::new();
    let mut charges = Vec::new();
    for (name, charge) in matrix {
        let code = &charge.metric;
        let id = ids
            .entry(code.clone())
            .or_insert_with(|| world.get(&format!("/billable_metrics/{code}"))["billable_metric"]["lago_id"].clone());
        let mut body = json!({
            "billable_metric_id": id, "charge_model": charge.model, "properties": charge.properties,
            "prorated": charge.prorated, "invoice_display_name": name,
        });
        if charge.dimensions == "one" {
            let eu = groups.entry(code.clone()).or_insert_with(|| world.group_id(code, "eu"));
            body["group_properties"] = json!([{"group_id": eu, "values": charge.own}]);
        }
        charges.push(body);
    }
    charges
}

/// What the model expects of one fee.
fn expected(charge: &Charge, leaf: &str, closed: &Closed) -> (Inputs, model::Priced) {
    let dimensions = leaves(charge.dimensions).into_iter().find(|(name, _)| *name == leaf).unwrap().1;
    let properties = if (charge.dimensions, leaf) == ("one", "eu") { &charge.own } else { &charge.properties };
    let or_zero = |name: &str| Some(&properties[name]).filter(|sent| !sent.is_null()).map_or(Decimal::ZERO, decimal);
    let wanted = Wanted {
        free_events: properties["free_units_per_events"].as_i64().unwrap_or(0),
        free_total: or_zero("free_units_per_total_aggregation"),
    };
    let log = &closed.log[&charge.metric];
    let mut inputs =
        aggregate(charge.kind, charge.recurring, charge.prorated, &closed.window, &dimensions, log, &wanted);
    if matches!(charge.kind, "max" | "weighted_sum" | "latest") {
        inputs.running = Vec::new();
    }
    if matches!(charge.kind, "weighted_sum" | "latest") {
        inputs.per_event = None;
    }
    let priced = price(charge.model, properties, &inputs);
    (inputs, priced)
}

/// Every fee of the invoice against the model. Returns how many there were.
fn check(matrix: &BTreeMap<String, Charge>, invoice: &Value, closed: &Closed) -> usize {
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for fee in invoice["fees"].as_array().unwrap() {
        if fee["item"]["type"] != "charge" || !fee["lago_true_up_parent_fee_id"].is_null() {
            continue;
        }
        let name = fee["item"]["invoice_display_name"].as_str().unwrap();
        let leaf = fee["item"]["group_invoice_display_name"].as_str().unwrap_or_default();
        let charge = &matrix[name];
        let (inputs, priced) = expected(charge, leaf, closed);
        let amount = round(priced.amount, 2);
        let unit = round(priced.unit_amount, 15);
        let wanted = json!({
            "units": text(inputs.full), "events_count": inputs.events,
            "amount_cents": (amount * Decimal::ONE_HUNDRED).normalize().to_string().parse::<i64>().unwrap(),
            "precise_unit_amount": text(unit), "amount_details": priced.details,
        });
        let found = json!({
            "units": fee["units"], "events_count": fee["events_count"], "amount_cents": fee["amount_cents"],
            "precise_unit_amount": fee["precise_unit_amount"], "amount_details": fee["amount_details"],
        });
        assert_eq!(found, wanted, "{} {name} [{leaf}] {inputs:?}", closed.name);
        assert!(seen.insert((name.to_owned(), leaf.to_owned())), "{name} [{leaf}] twice");
    }
    for (name, charge) in matrix {
        let is_billed = !(closed.upgraded && charge.recurring && !charge.prorated);
        for (leaf, _) in leaves(charge.dimensions) {
            let was_billed = seen.contains(&(name.clone(), leaf.to_owned()));
            assert_eq!(was_billed, is_billed, "{} {name} [{leaf}]", closed.name);
        }
    }
    seen.len()
}

#[test]
fn every_aggregation_with_every_charge_model() {
    let world = World::new("2024-01-01");
    for (name, kind, recurring) in AGGREGATIONS {
        for dimensions in DIMENSIONS {
            let mut more = json!({"recurring": recurring, "group": group(dimensions)});
            if kind == "weighted_sum" {
                more["weighted_interval"] = json!("seconds");
            }
            let words = if kind == "count" { "count".to_owned() } else { format!("{kind} value") };
            world.metric_with(&format!("{name}_{dimensions}"), &words, more);
        }
    }
    let matrix = matrix();
    let charges = charges(&world, &matrix);
    world.plan("small", "0 EUR monthly", &charges);
    world.plan("large", "10.00 EUR monthly", &charges);
    world.subscribe("acme", "small");

    let (mut logs, mut dice) = (Logs::new(), Dice(42));
    let mut closed = Vec::new();
    let mut close = |name, window, upgraded, log: &Logs| {
        closed.push(Closed { name, window, upgraded, log: log.clone() });
    };
    report(&world, &mut logs, &mut dice, "2024-01-01", 85, 24);
    world.travel_to("2024-02-01");
    close("January", window("2024-01-01", "2024-01-31", false, 31), false, &logs);
    // Late ones, too: what is not recurring has missed its invoice.
    report(&world, &mut logs, &mut dice, "2024-01-10", 40, 6);
    world.travel_to("2024-02-15T14:00");
    world.subscribe("acme", "large");
    world.settle();
    close("small in February", window("2024-02-01", "2024-02-15T14:00", true, 29), true, &logs);
    report(&world, &mut logs, &mut dice, "2024-02-10", 30, 4);
    world.travel_to("2024-03-01");
    let whole = window("2024-02-15", "2024-02-29", false, 29);
    close("large in February", Window { from: instant("2024-02-15T14:00"), ..whole }, false, &logs);
    world.travel_to("2024-04-01");
    close("March", window("2024-03-01", "2024-03-31", false, 31), false, &logs);

    let invoices = world.all_invoices("acme");
    assert_eq!(invoices.len(), closed.len());
    let fees: Vec<usize> =
        invoices.iter().zip(&closed).map(|(invoice, closed)| check(&matrix, invoice, closed)).collect();
    let all = matrix.values().map(|charge| leaves(charge.dimensions).len()).sum::<usize>();
    let carried = matrix.values().filter(|charge| charge.recurring && !charge.prorated);
    let carried = carried.map(|charge| leaves(charge.dimensions).len()).sum::<usize>();
    assert_eq!(fees, [all, all - carried, all, all]);

    // Prices of today explain nothing: the plan is another one by now, and half of the metrics are gone.
    world.put("/plans/large", json!({"plan": {"charges": []}}));
    for (name, _, _) in AGGREGATIONS {
        world.delete(&format!("/billable_metrics/{name}_two"));
    }
    for (number, invoice) in invoices.iter().enumerate() {
        for fee in invoice["fees"].as_array().unwrap().iter().skip(number).step_by(9) {
            explained::recomputes(&world, fee);
        }
    }
}
