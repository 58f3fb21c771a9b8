#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;
use crate::charge::ChargeModel;
use crate::id::ChargeId;
use crate::plan::Pricing;
use crate::usage::event::Properties;
use crate::usage::testing::{metric, window};
use crate::value::Value;

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn charge(model: ChargeModel, properties: Value) -> Charge {
    let price = Price::parse(model, &properties).unwrap();
    Charge {
        id: ChargeId(Uuid::from_u128(1)),
        parent_id: None,
        metric_id: metric(AggregationType::Sum).id,
        invoice_display_name: None,
        pay_in_advance: true,
        invoiceable: false,
        prorated: false,
        min_amount_cents: 0,
        price: Pricing { properties, price },
        group_prices: Vec::new(),
        tax_ids: Vec::new(),
        created_at: Instant::UNIX_EPOCH,
    }
}

fn ranges(name: &str, price: &str) -> Value {
    let bound = |value: i64| Value::Number(value.to_string());
    let range = |from: i64, to: Option<i64>, unit: &str, flat: &str| {
        map(&[
            ("from_value", bound(from)),
            ("to_value", to.map_or(Value::Null, bound)),
            (price, text(unit)),
            ("flat_amount", text(flat)),
        ])
    };
    let list = vec![range(0, Some(10), "10", "2"), range(11, Some(20), "5", "3"), range(21, None, "1.25", "3")];
    map(&[(name, Value::List(list))])
}

/// Prices whose amount over a window the amounts of its events sum up to.
fn prices() -> Vec<Charge> {
    let package = map(&[
        ("amount", text("5")),
        ("package_size", Value::Number("7".into())),
        ("free_units", Value::Number("4".into())),
    ]);
    vec![
        charge(ChargeModel::Standard, map(&[("amount", text("0.3"))])),
        charge(ChargeModel::Graduated, ranges("graduated_ranges", "per_unit_amount")),
        charge(ChargeModel::GraduatedPercentage, ranges("graduated_percentage_ranges", "rate")),
        charge(ChargeModel::Package, package),
    ]
}

fn percentage(options: &[(&str, Value)]) -> Charge {
    let mut properties = vec![("rate", text("1.5")), ("fixed_amount", text("0.1"))];
    properties.extend(options.iter().cloned());
    charge(ChargeModel::Percentage, map(&properties))
}

fn event(number: usize, value: Option<Decimal>) -> Event {
    let at = "2023-05-10T00:00:00Z".parse::<Instant>().unwrap();
    let properties = value.map(|value| ("value".to_owned(), Value::Number(value.to_string())));
    Event {
        id: EventId(Uuid::from_u128(number as u128)),
        transaction_id: format!("e{number}"),
        external_subscription_id: Some("acme".into()),
        external_customer_id: None,
        code: "used".into(),
        timestamp: at + chrono::TimeDelta::seconds(number as i64),
        received_at: at,
        created_at: at,
        position: number as u32,
        properties: Properties::new(properties.into_iter().collect()),
    }
}

/// The amount of each event, taken up one after the other.
fn amounts(charge: &Charge, metric: &Metric, events: &[Event]) -> Vec<Decimal> {
    let window = window("2023-05-01", "2023-05-31");
    let meter = Meter { charge, metric, group: None, window: &window, zone: Zone::UTC };
    let mut ledger = meter.begin(&[]).unwrap();
    let mut amounts = Vec::new();
    for event in events {
        let Some(change) = in_advance::touch(metric, event, None).change else { continue };
        let assessed = meter.assess(&ledger, event, change).unwrap();
        ledger = assessed.ledger;
        amounts.push(assessed.amount);
    }
    amounts
}

/// What the window costs in arrears.
fn in_arrears(charge: &Charge, metric: &Metric, events: &[Event]) -> Decimal {
    let window = window("2023-05-01", "2023-05-31");
    let rated = rated_groups(charge, metric, events, &window, Zone::UTC, Full::Always).unwrap();
    rated[0].outcome.amount
}

fn values() -> impl Strategy<Value = Vec<Decimal>> {
    prop::collection::vec((0_i64..400).prop_map(|tenths| Decimal::new(tenths, 1)), 0..20)
}

fn events(values: &[Decimal]) -> Vec<Event> {
    values.iter().enumerate().map(|(number, value)| event(number, Some(*value))).collect()
}

proptest! {
    /// Sums that never fall and counts: what the events cost is what the window costs.
    #[test]
    fn amounts_of_events_sum_up_to_the_window(values in values()) {
        let events = events(&values);
        for charge in prices() {
            let sum = metric(AggregationType::Sum);
            prop_assert_eq!(amounts(&charge, &sum, &events).iter().sum::<Decimal>(), in_arrears(&charge, &sum, &events));
            let count = metric(AggregationType::Count);
            prop_assert_eq!(
                amounts(&charge, &count, &events).iter().sum::<Decimal>(), in_arrears(&charge, &count, &events)
            );
        }
    }

    /// Limits per transaction are a matter of each event: what is remembered of the others is what the list says.
    #[test]
    fn limited_amounts_sum_up_to_the_window(
        values in values(), free_events in 0_i64..4, free_total in 0_i64..60,
    ) {
        let mut options = vec![("per_transaction_min_amount", text("0.2")), ("per_transaction_max_amount", text("0.5"))];
        if free_events > 0 {
            options.push(("free_units_per_events", Value::Number(free_events.to_string())));
        }
        if free_total > 0 {
            options.push(("free_units_per_total_aggregation", text(free_total)));
        }
        let (charge, sum, events) = (percentage(&options), metric(AggregationType::Sum), events(&values));
        prop_assert_eq!(amounts(&charge, &sum, &events).iter().sum::<Decimal>(), in_arrears(&charge, &sum, &events));
    }

    /// What is remembered of running totals is the short form of the list.
    #[test]
    fn remembered_totals_are_those_of_the_list(
        values in prop::collection::vec((-100_i64..400).prop_map(|tenths| Decimal::new(tenths, 1)), 0..20),
        free_events in 0_i64..6, free_total in 0_i64..100,
    ) {
        let free = FreeUnits { events: free_events, total: Decimal::from(free_total) };
        let list = free.running_of_sum(values.iter().copied()).unwrap();
        let mut remembered = RunningTotals::default();
        for value in &values {
            remembered = remembered.and(*value, free).unwrap();
        }
        prop_assert_eq!(remembered, RunningTotals::of(&list, free));
        let units = i64::try_from(values.len()).unwrap();
        let list = free.running_of_count(units);
        let (short, exact) = (running_of_count(Decimal::from(units), free), RunningTotals::of(&list, free));
        let mut options = Vec::new();
        if free_events > 0 {
            options.push(("free_units_per_events", Value::Number(free_events.to_string())));
        }
        if free_total > 0 {
            options.push(("free_units_per_total_aggregation", text(free_total)));
        }
        let charge = percentage(&options);
        let rated = |running| charge.price.price.rate(&Rated::new(Decimal::from(units), units).with_remembered(running));
        prop_assert_eq!(rated(short), rated(exact));
    }
}

#[test]
fn free_units_and_fixed_amounts_are_used_up_event_by_event() {
    let options =
        [("free_units_per_events", Value::Number("3".into())), ("free_units_per_total_aggregation", text("500"))];
    let mut charge = percentage(&options);
    charge.price = {
        let properties =
            map(&[("rate", text("1.2")), ("fixed_amount", text("0.1")), options[0].clone(), options[1].clone()]);
        Pricing { price: Price::parse(ChargeModel::Percentage, &properties).unwrap(), properties }
    };
    let sum = metric(AggregationType::Sum);
    let of = |values: &[Decimal]| amounts(&charge, &sum, &events(values));
    assert_eq!(
        of(&[dec!(200), dec!(100), dec!(100), dec!(50), dec!(1000)]),
        [dec!(0), dec!(0), dec!(0), dec!(0.7), dec!(12.1)]
    );
    // Nothing is billed, and the fixed amount still is: once per event beyond the free ones.
    assert_eq!(of(&[dec!(600), dec!(1), dec!(1), dec!(-5)])[3], dec!(0.1));
}

#[test]
fn what_was_there_before_counts_for_tiers_and_is_not_billed() {
    let (charge, recurring) = (prices().remove(1), metric(AggregationType::Sum).recurring());
    let window = window("2023-05-01", "2023-05-31");
    let mut carried = event(0, Some(dec!(8)));
    carried.timestamp = "2023-04-10T00:00:00Z".parse().unwrap();
    let mut early = event(1, Some(dec!(1)));
    early.received_at = "2023-05-01T00:00:00Z".parse().unwrap();
    let own = event(2, Some(dec!(3)));
    let all = [carried, early, own.clone()];
    let in_force = "2023-05-09T00:00:00Z".parse().unwrap();
    let history = history(&recurring, &all, &window, in_force, &BTreeSet::new());
    let meter = Meter { charge: &charge, metric: &recurring, group: None, window: &window, zone: Zone::UTC };
    let ledger = meter.begin(&history).unwrap();
    assert_eq!(ledger.base, Base { units: dec!(9), events: 2 });
    // From 9 to 12: one unit of the first tier, two of the second and its flat amount.
    let assessed = meter.assess(&ledger, &own, Change::Sum(dec!(3))).unwrap();
    assert_eq!((assessed.amount, assessed.billed.units), (dec!(23), dec!(3)));
}
