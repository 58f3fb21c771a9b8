//! An independent reader of explanations: computes a fee's amount again from the JSON alone.

use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::world::World;
use super::model::{Inputs, ceil, decimal, price, round};

fn decimals(list: &Value) -> Vec<Decimal> {
    assert_eq!(list["is_complete"], true);
    list["entries"].as_array().unwrap().iter().map(decimal).collect()
}

/// The explanation of a fee says the fee's amount, units and events; recomputing gives the same.
pub fn recomputes(world: &World, fee: &Value) {
    let id = fee["lago_id"].as_str().unwrap();
    let explanation = world.get(&format!("/fees/{id}/explanation"))["explanation"].clone();
    let context = format!("{explanation:#}");
    assert_eq!(explanation["lago_fee_id"], fee["lago_id"]);
    assert_eq!(explanation["lago_invoice_id"], fee["lago_invoice_id"]);
    assert_eq!(explanation["amount_cents"], fee["amount_cents"]);
    assert_eq!(explanation["units"], fee["units"]);
    assert_eq!(explanation["terms"], "billing");
    let exact = match explanation["kind"].as_str().unwrap() {
        "usage" => usage(world, id, fee, &explanation),
        "true_up" => minimum(&explanation["minimum"], &explanation["rounding"]),
        "subscription" => subscription(&explanation["subscription"], &explanation["rounding"]),
        "event" => event(&explanation["event"], &explanation["price"]),
        kind => panic!("{kind}"),
    };
    let rounding = &explanation["rounding"];
    assert_eq!(decimal(&rounding["exact_amount"]), exact, "{context}");
    let subunits = decimal(&rounding["subunits"]);
    let cents = match rounding["rule"].as_str().unwrap() {
        "half away from zero at the currency's decimals, times subunits, then towards zero" => {
            let decimals = u32::try_from(rounding["decimals"].as_u64().unwrap()).unwrap();
            (round(exact, decimals) * subunits).trunc()
        }
        "half away from zero to minor units" => round(exact * subunits, 0),
        "towards zero to minor units" => (exact * subunits).trunc(),
        rule => panic!("{rule}"),
    };
    assert_eq!(cents, decimal(&fee["amount_cents"]), "{context}");
}

/// What an event adds: the price of its window with it, less the price without the units that it billed.
fn event(event: &Value, terms: &Value) -> Decimal {
    let (before, after) = (&event["before"], &event["after"]);
    let (model, properties) = (terms["charge_model"].as_str().unwrap(), &terms["properties"]);
    let billed = decimal(&event["billed_units"]);
    let (units, events) = (decimal(&after["units"]), after["events_count"].as_i64().unwrap());
    if before["events_count"] == after["events_count"] {
        return Decimal::ZERO;
    }
    if terms["prorated"] == true {
        return decimal(&properties["amount"]) * billed;
    }
    let is_limited = ["min", "max"].iter().any(|end| !properties[format!("per_transaction_{end}_amount")].is_null());
    if is_limited {
        let paid = |level: &Value| decimal(&level["values_one_by_one"]["amount"]).max(Decimal::ZERO);
        return (paid(after) - paid(before)).max(Decimal::ZERO);
    }
    let running = running_totals(&after["running_totals"], properties);
    let rated = |units, events| {
        let inputs = Inputs { units, full: units, events, running: running.clone(), per_event: None, movements: None };
        price(model, properties, &inputs).amount
    };
    (rated(units, events) - rated(units - billed, events - 1)).max(Decimal::ZERO)
}

/// A list with the figures of its short form: how long it is, its last total, the one at the free events, how many are small.
fn running_totals(short: &Value, properties: &Value) -> Vec<Decimal> {
    let whole = |value: &Value| usize::try_from(value.as_i64().unwrap_or_default()).unwrap();
    let (count, below) = (whole(&short["count"]), whole(&short["below_free_total"]));
    let total = &properties["free_units_per_total_aggregation"];
    let total = if total.is_null() { Decimal::ZERO } else { decimal(total) };
    let place = |place: usize| if place < below { Decimal::ZERO } else { total + Decimal::ONE };
    let mut list: Vec<Decimal> = (0..count).map(place).collect();
    if let Some(at) = whole(&properties["free_units_per_events"]).checked_sub(1).filter(|at| *at < count) {
        list[at] = decimal(&short["at_free_events"]);
    }
    if let Some(last) = list.last_mut() {
        *last = decimal(&short["last"]);
    }
    list
}

fn usage(world: &World, id: &str, fee: &Value, explanation: &Value) -> Decimal {
    assert_eq!(explanation["log_matches"], true, "{explanation:#}");
    let (aggregation, terms) = (&explanation["aggregation"], &explanation["price"]);
    assert_eq!(aggregation["events_count"], fee["events_count"]);
    assert_eq!(aggregation["full_units"], fee["units"]);
    let mut inputs = Inputs {
        units: decimal(&aggregation["units"]),
        full: decimal(&aggregation["full_units"]),
        events: aggregation["events_count"].as_i64().unwrap(),
        running: decimals(&aggregation["running_totals"]),
        per_event: Some(&aggregation["values_per_event"]).filter(|values| !values.is_null()).map(decimals),
        movements: None,
    };
    if let Some(proration) = aggregation.get("proration") {
        let days = |value: &Value| Decimal::from(value["days"].as_i64().unwrap());
        let of_period = Decimal::from(proration["period_days"].as_i64().unwrap());
        let carried = decimal(&proration["carried"]["units"]);
        let mut unit_days = carried * days(&proration["carried"]);
        let mut movements = Vec::new();
        if carried > Decimal::ZERO {
            movements.push((carried, unit_days / of_period));
        }
        assert_eq!(proration["movements"]["is_complete"], true);
        let mut full = carried;
        for movement in proration["movements"]["entries"].as_array().unwrap() {
            let units = decimal(&movement["units"]);
            unit_days += units * days(movement);
            movements.push((units, units * days(movement) / of_period));
            full += units;
        }
        assert_eq!(ceil(unit_days / of_period, 5), inputs.units, "{explanation:#}");
        if aggregation["aggregation_type"] == "sum_agg" {
            assert_eq!(full, inputs.full, "{explanation:#}");
        }
        inputs.movements = Some(movements);
    }
    if let Some(weighting) = aggregation.get("weighting") {
        let variations = weighting["variations"]["entries"].as_array().unwrap();
        let area = |variation: &Value| decimal(&variation["value"]) * decimal(&variation["seconds_left"]);
        let whole = decimal(&weighting["start_level"]) * decimal(&weighting["seconds"]);
        let area = whole + variations.iter().map(area).sum::<Decimal>();
        assert_eq!(ceil(area / decimal(&weighting["period_seconds"]), 20), inputs.units, "{explanation:#}");
    }
    let priced = price(terms["charge_model"].as_str().unwrap(), &terms["properties"], &inputs);
    assert_eq!(explanation["calculation"]["amount_details"], fee["amount_details"]);
    assert_eq!(decimal(&explanation["calculation"]["exact_amount"]), priced.amount, "{explanation:#}");
    check_events(world, id, aggregation);
    priced.amount
}

/// Pages through the events: as many as the explanation says, with its digest; a plain sum is theirs.
fn check_events(world: &World, id: &str, aggregation: &Value) {
    let mut events: Vec<Value> = Vec::new();
    for page in 1.. {
        let answer = world.get(&format!("/fees/{id}/events?per_page=20&page={page}"));
        events.extend(answer["events"].as_array().unwrap().iter().cloned());
        if answer["meta"]["next_page"].is_null() {
            break;
        }
    }
    assert_eq!(events.len() as u64, aggregation["events"]["count"].as_u64().unwrap());
    // They came without a customer: it is their subscription's.
    let customer = world.get(&format!("/fees/{id}"))["fee"]["external_customer_id"].clone();
    assert!(events.iter().all(|event| event["external_customer_id"] == customer), "{events:?}");
    let mut ids: Vec<&str> = events.iter().map(|event| event["lago_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
    let digest: String = Sha256::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(aggregation["events"]["digest"], digest);
    if aggregation["aggregation_type"] == "sum_agg" {
        let sum: Decimal = events.iter().map(|event| decimal(&event["properties"]["value"])).sum();
        assert_eq!(sum, decimal(&aggregation["full_units"]));
    }
}

/// Currency units.
fn minimum(minimum: &Value, rounding: &Value) -> Decimal {
    let of = |name: &str| decimal(&minimum[name]);
    let prorated = of("minimum_amount_cents") * of("days") / of("period_days");
    (prorated - of("fees_amount_cents")) / decimal(&rounding["subunits"])
}

fn subscription(subscription: &Value, rounding: &Value) -> Decimal {
    let of = |name: &str| decimal(&subscription[name]);
    of("plan_amount_cents") * of("days") / of("period_days") / decimal(&rounding["subunits"])
}
