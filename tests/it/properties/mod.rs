//! Laws that hold for any usage: the whole product against the obvious reading of the rules.
//!
//! Few cases, for each tells a whole story; always the same ones, for a failure must come again.

mod previews;

use std::fmt::Debug;

use proptest::prelude::{Just, Strategy, any, prop};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::scenarios::world::{World, event, shared};

const CASES: u32 = 12;
/// 1 January 2024.
const JANUARY: i64 = 1_704_067_200;
/// Events in January and the first days of February.
const SECONDS: i64 = 34 * 86_400;

fn check<S: Strategy>(strategy: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    check_cases(CASES, strategy, law);
}

fn check_cases<S: Strategy>(cases: u32, strategy: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(&strategy, law) {
        panic!("{error}");
    }
}

/// A use of the product: when, how much, by whom, where.
#[derive(Debug, Clone)]
struct Use {
    at: i64,
    value: i64,
    user: u8,
    region: &'static str,
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let region = prop::sample::select(vec!["eu", "us", "moon"]);
    let one = (0..SECONDS, -50_i64..1000, 0..6_u8, region);
    let one = one.prop_map(|(at, value, user, region)| Use { at: JANUARY + at, value, user, region });
    prop::collection::vec(one, 0..60)
}

const METRICS: [(&str, &str); 5] = [
    ("count", "count"),
    ("sum", "sum value"),
    ("users", "unique_count user"),
    ("max", "max value"),
    ("latest", "latest value"),
];

fn body(id: usize, metric: &str, used: &Use) -> Value {
    let mut body = event(
        &format!("{metric}-{id}"),
        "acme",
        metric,
        "2024-01-01",
        json!({
            "value": used.value, "user": used.user, "region": used.region,
        }),
    );
    body["timestamp"] = json!(used.at);
    body
}

/// Every metric, counted by region and priced by every model that fits; a tax that never comes out even.
fn world() -> World {
    let world = World::new("2024-01-01");
    world.tax("odd", "8.875", true);
    world.tax("two", "1.1", true);
    let group = json!({"group": {"key": "region", "values": ["eu", "us"]}});
    let mut charges = Vec::new();
    for (code, words) in METRICS {
        if code == "sum" {
            world.metric_with(code, words, group.clone())
        } else {
            world.metric(code, words)
        }
        charges.push(world.charge(code, "standard", json!({"amount": "0.333"})));
        let ranges = json!([
            {"from_value": 0, "to_value": 7, "per_unit_amount": "1.07", "flat_amount": "0.5"},
            {"from_value": 8, "to_value": null, "per_unit_amount": "0.111", "flat_amount": "0"},
        ]);
        charges.push(world.charge(code, "graduated", json!({ "graduated_ranges": ranges })));
        charges.push(world.charge(code, "volume", json!({ "volume_ranges": ranges })));
        charges.push(world.charge(code, "package", json!({"amount": "1.99", "package_size": 7, "free_units": 3})));
    }
    for charge in charges.iter_mut().step_by(3) {
        charge["min_amount_cents"] = json!(777);
    }
    world.plan("plan", "19.99 EUR monthly", &charges);
    world.subscribe("acme", "plan");
    world
}

fn send(world: &World, events: &[Value], sizes: &[usize]) {
    let mut rest = events;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (part, left) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        world.post("/events/batch", json!({ "events": part }));
        rest = left;
    }
}

fn events(uses: &[Use]) -> Vec<Value> {
    let of_all = |(id, used): (usize, &Use)| METRICS.map(|(metric, _)| body(id, metric, used));
    uses.iter().enumerate().flat_map(of_all).collect()
}

fn cents(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

#[test]
fn fees_sum_to_the_invoice_and_taxes_follow_the_formula() {
    check(uses(), |uses| {
        let world = world();
        send(&world, &events(&uses), &[100]);
        world.travel_to("2024-03-01");
        for invoice in world.all_invoices("acme") {
            let fees = invoice["fees"].as_array().unwrap();
            let sum: i64 = fees.iter().map(|fee| cents(&fee["amount_cents"])).sum();
            proptest::prop_assert_eq!(cents(&invoice["fees_amount_cents"]), sum);
            // All fees carry both taxes: 8.875 % and 1.1 % of the whole, in thousandths of a percent, rounded once, half up
            // (a minimum makes every charge's fees positive together).
            let taxes = (sum * (8_875 + 1_100) + 50_000) / 100_000;
            proptest::prop_assert_eq!(cents(&invoice["taxes_amount_cents"]), taxes);
            proptest::prop_assert_eq!(cents(&invoice["total_amount_cents"]), sum + taxes);
            for tax in invoice["applied_taxes"].as_array().unwrap() {
                proptest::prop_assert_eq!(cents(&tax["fees_amount_cents"]), sum);
            }
            for fee in fees {
                let total = cents(&fee["amount_cents"]) + cents(&fee["taxes_amount_cents"]);
                proptest::prop_assert_eq!(cents(&fee["total_amount_cents"]), total);
            }
        }
        Ok(())
    });
}

#[test]
fn order_repetition_and_batching_of_events_change_nothing() {
    // `latest` and the first of equal ids depend on reception by rule, so instants differ and copies are equal.
    let strategy = uses().prop_flat_map(|mut uses| {
        for (place, used) in uses.iter_mut().enumerate() {
            used.at += i64::try_from(place).unwrap() - used.at.rem_euclid(100);
        }
        uses.sort_by_key(|used| used.at);
        uses.dedup_by_key(|used| used.at);
        let events = events(&uses);
        let copies = prop::collection::vec(any::<prop::sample::Index>(), 0..40);
        let doubled = (Just(events.clone()), copies).prop_map(|(mut events, copies)| {
            let again: Vec<Value> = if events.is_empty() {
                Vec::new()
            } else {
                copies.iter().map(|copy| copy.get(&events).clone()).collect()
            };
            events.extend(again);
            events
        });
        (Just(events), doubled.prop_shuffle(), prop::collection::vec(1..100_usize, 1..8))
    });
    check(strategy, |(plain, shuffled, sizes)| {
        let (one, other) = (world(), world());
        send(&one, &plain, &[100]);
        send(&other, &shuffled, &sizes);
        proptest::prop_assert_eq!(one.current_usage("acme"), other.current_usage("acme"));
        one.travel_to("2024-03-01");
        other.travel_to("2024-03-01");
        proptest::prop_assert_eq!(one.invoices("acme"), other.invoices("acme"));
        Ok(())
    });
}

#[test]
fn current_usage_counts_what_a_child_would_count() {
    check(uses(), |uses| {
        let world = world();
        send(&world, &events(&uses), &[37, 100, 1]);
        let january: Vec<&Use> = uses.iter().filter(|used| used.at < JANUARY + 31 * 86_400).collect();
        let users = january.iter().map(|used| used.user).collect::<std::collections::BTreeSet<_>>().len();
        let sum: i64 = january.iter().filter(|used| used.region != "moon").map(|used| used.value).sum();
        let max = january.iter().map(|used| used.value).max().unwrap_or_default();
        let text = world.current_usage("acme");
        for (metric, units) in [
            ("count", i64::try_from(january.len()).unwrap()),
            ("sum", sum),
            ("users", i64::try_from(users).unwrap()),
            ("max", max),
        ] {
            let line = format!("  {metric} {units}.0 units");
            proptest::prop_assert_eq!(
                text.lines().filter(|found| found.starts_with(&line)).count(),
                4,
                "{} in {}",
                line,
                text
            );
        }
        Ok(())
    });
}

#[test]
fn closing_twice_is_once() {
    check(uses(), |uses| {
        let world = world();
        send(&world, &events(&uses), &[100]);
        world.travel_to("2024-02-01");
        let once = world.invoices("acme");
        let app = shared().host.app();
        let organization = world.organization["lago_id"].as_str().unwrap().parse().unwrap();
        let customer = world.get("/customers/acme")["customer"]["lago_id"].as_str().unwrap().parse().unwrap();
        let now = crate::scenarios::world::instant("2024-02-01");
        for _ in 0..2 {
            shared().runtime.block_on(app::billing::close_customer(app, organization, customer, now)).unwrap();
            world.travel_to("2024-02-01");
        }
        proptest::prop_assert_eq!(world.invoices("acme"), once);
        Ok(())
    });
}
