//! How many fees a core rates in a second, per charge model: the pure core, without storage.
//!
//! Two figures each: rating alone (units are known), and with the aggregation of a window of events. Numbers are reported,
//! never asserted (`docs/performance.md`): `make bench-rating`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant as Stopwatch};

use chrono::{DateTime, TimeDelta};
use domain::charge::{ChargeModel, Movement, Price, Rated};
use domain::id::{EventId, MetricId};
use domain::metric::groups::Groups;
use domain::metric::{AggregationType, Metric};
use domain::time::Instant;
use domain::usage::event::{Event, Properties};
use domain::usage::window::{End, Shared, Window};
use domain::usage::{aggregate, percentage};
use domain::value::Value;
use rust_decimal::Decimal;
use uuid::Uuid;

const EVENTS: u32 = 100;
const MEASURED: Duration = Duration::from_millis(1500);

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: i64) -> Value {
    Value::Number(number.to_string())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// Five tiers of a hundred units each.
fn ranges(per_unit: &str) -> Value {
    let tier = |place: i64| {
        let to = if place == 4 { Value::Null } else { number((place + 1) * 100) };
        let from = if place == 0 { 0 } else { place * 100 + 1 };
        map(&[("from_value", number(from)), ("to_value", to), (per_unit, text("0.0125")), ("flat_amount", text("1"))])
    };
    Value::List((0..5).map(tier).collect())
}

fn properties(model: ChargeModel) -> Value {
    match model {
        ChargeModel::Standard => map(&[("amount", text("0.0123"))]),
        ChargeModel::Graduated => map(&[("graduated_ranges", ranges("per_unit_amount"))]),
        ChargeModel::Volume => map(&[("volume_ranges", ranges("per_unit_amount"))]),
        ChargeModel::GraduatedPercentage => map(&[("graduated_percentage_ranges", ranges("rate"))]),
        ChargeModel::Package => map(&[("amount", text("5")), ("package_size", number(10)), ("free_units", number(20))]),
        ChargeModel::Percentage => map(&[
            ("rate", text("1.2")),
            ("fixed_amount", text("0.1")),
            ("free_units_per_events", number(10)),
            ("free_units_per_total_aggregation", text("200")),
        ]),
    }
}

fn metric() -> Metric {
    Metric {
        id: MetricId(Uuid::from_u128(1)),
        name: "Usage".into(),
        code: "usage".into(),
        description: None,
        aggregation: AggregationType::Sum,
        weighted_interval: None,
        recurring: false,
        field_name: Some("value".into()),
        groups: Groups::None,
        created_at: DateTime::UNIX_EPOCH,
        created_seq: 0,
        deleted_at: None,
    }
}

fn window() -> Window {
    let from: Instant = "2024-01-01T00:00:00Z".parse().unwrap();
    let to = from + TimeDelta::days(31) - TimeDelta::microseconds(1);
    Window { from, to, end: End::Included, shared: Shared::default(), period_days: 31 }
}

fn event(number: u32) -> Event {
    let timestamp = window().from + TimeDelta::minutes(i64::from(number) * 7);
    Event {
        id: EventId(Uuid::from_u128(u128::from(number))),
        transaction_id: format!("t{number}"),
        external_subscription_id: Some("sub".into()),
        external_customer_id: None,
        code: "usage".into(),
        timestamp,
        received_at: timestamp,
        created_at: timestamp,
        position: 0,
        properties: Properties::new(vec![("value".into(), Value::Number(format!("{}.{}", number % 9, number % 10)))]),
    }
}

/// Calls in a second, on one core.
fn rate(mut call: impl FnMut()) -> u64 {
    let started = Stopwatch::now();
    let mut calls = 0_u64;
    while started.elapsed() < MEASURED {
        for _ in 0..64 {
            call();
        }
        calls += 64;
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap();
    calls * 1_000_000 / micros
}

fn main() {
    let (metric, window) = (metric(), window());
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    println!("{:<24} {:>16} {:>24}", "charge model", "fees/s, rating", "fees/s, 100 events each");
    for model in ChargeModel::ALL {
        let price = Price::parse(model, &properties(model)).expect("a valid price");
        let rated = |price: &Price| {
            let usage = aggregate(&metric, None, &events, &window).unwrap();
            let rated = Rated::new(usage.units, usage.events_count);
            match price.needs_running_totals() {
                Some(free) => {
                    let free = percentage::Free::from(free);
                    rated.with_running(percentage::running(&metric, None, &events, &window, free).unwrap())
                }
                None => rated,
            }
        };
        let known = rated(&price);
        let alone = rate(|| drop(black_box(price.rate(black_box(&known)))));
        let whole = rate(|| drop(black_box(price.rate(&rated(black_box(&price))))));
        println!("{:<24} {alone:>16} {whole:>24}", model.as_str());
    }
    let price = Price::parse(ChargeModel::Graduated, &properties(ChargeModel::Graduated)).expect("a valid price");
    let movement = |number: u32| {
        let full = Decimal::from(number % 9 + 1);
        Movement { full, prorated: full * Decimal::from(31 - number % 31) / Decimal::from(31) }
    };
    let movements: Vec<Movement> = (0..EVENTS).map(movement).collect();
    let full = movements.iter().map(|movement| movement.full).sum();
    let usage = Rated::new(movements.iter().map(|movement| movement.prorated).sum(), 100).prorated(full, movements);
    let prorated = rate(|| drop(black_box(price.rate(black_box(&usage)))));
    println!("{:<24} {prorated:>16} {:>24}", "graduated, prorated", "(100 movements)");
}
