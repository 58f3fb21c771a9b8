//! A preview is the invoice that is then issued, in every figure.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CASES, check_cases};
use crate::scenarios::world::{World, merge};

const ZONES: [&str; 5] = ["UTC", "America/Los_Angeles", "Asia/Tokyo", "America/Santiago", "Pacific/Auckland"];
const INTERVALS: [&str; 4] = ["weekly", "monthly", "quarterly", "yearly"];

/// A plan: its price, interval and timing, whether a yearly one bills charges monthly, and its trial.
#[derive(Debug, Clone)]
struct PlanCase {
    cents: u32,
    interval: &'static str,
    pay_in_advance: bool,
    monthly: bool,
    trial_days: u32,
    minimum_cents: u32,
}

fn a_plan() -> impl Strategy<Value = PlanCase> {
    let trial = prop_oneof![3 => Just(0), 1 => 1..40_u32];
    let minimum = prop_oneof![1 => Just(0), 1 => 1..5000_u32];
    (1..50_000_u32, prop::sample::select(&INTERVALS[..]), any::<bool>(), any::<bool>(), trial, minimum).prop_map(
        |(cents, interval, pay_in_advance, monthly, trial_days, minimum_cents)| PlanCase {
            cents,
            interval,
            pay_in_advance,
            monthly,
            trial_days,
            minimum_cents,
        },
    )
}

#[derive(Debug, Clone, Copy)]
enum Act {
    New,
    Change,
    Terminate,
    Next,
}

#[derive(Debug, Clone)]
struct Case {
    zone: &'static str,
    anniversary: bool,
    grace_days: u32,
    plans: [PlanCase; 2],
    /// Seconds since 2024-01-20 at which it starts, and how long after that the change is asked for and made.
    start: i64,
    until_asked: i64,
    until_made: i64,
    uses: Vec<(i64, i64)>,
    act: Act,
    means: Means,
}

/// What reduces the customer's invoices: a coupon (applied with these terms) and granted credits.
#[derive(Debug, Clone)]
struct Means {
    coupon: Option<Value>,
    granted: Option<u32>,
}

fn some_means() -> impl Strategy<Value = Means> {
    let frequency = prop::sample::select(vec![
        json!({"frequency": "once"}),
        json!({"frequency": "recurring", "frequency_duration": 2}),
        json!({"frequency": "forever"}),
    ]);
    let amount = prop_oneof![
        (1..30_000_u32).prop_map(|cents| {
            json!({"coupon_type": "fixed_amount", "amount_cents": cents, "amount_currency": "EUR"})
        }),
        (1..1100_u32).prop_map(|permille| {
            json!({"coupon_type": "percentage", "percentage_rate": format!("{}.{}", permille / 10, permille % 10)})
        }),
    ];
    let coupon = (frequency, amount).prop_map(|(mut frequency, amount)| {
        merge(&mut frequency, amount);
        frequency
    });
    (prop::option::of(coupon), prop::option::of(1..600_u32)).prop_map(|(coupon, granted)| Means { coupon, granted })
}

fn a_case() -> impl Strategy<Value = Case> {
    let act = prop_oneof![
        1 => Just(Act::New), 3 => Just(Act::Change), 2 => Just(Act::Terminate), 1 => Just(Act::Next),
    ];
    let day = 86_400_i64;
    let made = prop_oneof![1 => Just(0), 1 => 1..50 * day];
    let uses = prop::collection::vec((0..120 * day, 1..500_i64), 0..12);
    let grace = prop_oneof![2 => Just(0), 1 => 1..5_u32];
    (
        prop::sample::select(&ZONES[..]),
        any::<bool>(),
        grace,
        [a_plan(), a_plan()],
        (0..20 * day, 0..100 * day, made),
        uses,
        act,
        some_means(),
    )
        .prop_map(|(zone, anniversary, grace_days, plans, (start, until_asked, until_made), uses, act, means)| {
            Case { zone, anniversary, grace_days, plans, start, until_asked, until_made, uses, act, means }
        })
}

/// 20 January 2024.
const ORIGIN: i64 = 1_705_708_800;

fn iso(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(ORIGIN + seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Without ids, which a rehearsal makes anew, and without what tells when the invoice was looked at.
fn figures(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.starts_with("lago_") && name != "file_url");
                fields.values_mut().for_each(strip);
            }
            Value::Array(entries) => entries.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    strip(&mut value);
    // Plans and records go on living after the invoice: it is the invoice that is compared.
    for subscription in value["subscriptions"].as_array_mut().into_iter().flatten() {
        *subscription = subscription["external_id"].clone();
    }
    value["customer"]["updated_at"] = Value::Null;
    value
}

fn world(case: &Case) -> World {
    let world = World::new(&iso(0));
    world.tax("vat", "8.875", true);
    world.metric("units", "sum value");
    for (code, plan) in ["one", "two"].iter().zip(&case.plans) {
        let mut charge = world.charge("units", "standard", json!({"amount": "0.37"}));
        charge["min_amount_cents"] = json!(plan.minimum_cents);
        world.post(
            "/plans",
            json!({"plan": {
                "name": code, "code": code, "interval": plan.interval, "amount_cents": plan.cents,
                "amount_currency": "EUR", "pay_in_advance": plan.pay_in_advance, "trial_period": plan.trial_days,
                "bill_charges_monthly": plan.monthly, "charges": [charge],
            }}),
        );
    }
    world.customer(
        "acme",
        json!({"timezone": case.zone, "billing_configuration": {"invoice_grace_period": case.grace_days}}),
    );
    if let Some(terms) = &case.means.coupon {
        let mut coupon = json!({"name": "less", "code": "less", "expiration": "no_expiration"});
        merge(&mut coupon, terms.clone());
        world.post("/coupons", json!({ "coupon": coupon }));
        world.post(
            "/applied_coupons",
            json!({"applied_coupon": {"external_customer_id": "acme", "coupon_code": "less"}}),
        );
    }
    if let Some(credits) = case.means.granted {
        let granted = format!("{credits}.5");
        let wallet =
            json!({"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR", "granted_credits": granted});
        world.post("/wallets", json!({ "wallet": wallet }));
        world.settle();
    }
    world
}

fn request(case: &Case, plan: &str) -> Value {
    let billing_time = if case.anniversary { "anniversary" } else { "calendar" };
    json!({"external_customer_id": "acme", "external_id": "acme", "plan_code": plan, "billing_time": billing_time})
}

fn agrees(case: &Case) {
    let world = world(case);
    world.travel_to(&iso(case.start));
    let events: Vec<(String, Value)> =
        case.uses.iter().map(|(at, value)| (iso(case.start + at), json!({ "value": value }))).collect();
    let is_new = matches!(case.act, Act::New);
    if !is_new {
        world.post("/subscriptions", json!({"subscription": request(case, "one")}));
    }
    let events: Vec<(&str, Value)> = events.iter().map(|(at, value)| (at.as_str(), value.clone())).collect();
    world.usage("acme", "units", &events);
    let asked = case.start + case.until_asked;
    world.travel_to(&iso(asked));
    let made = asked + case.until_made;
    let subscription = match case.act {
        Act::New => request(case, "one"),
        Act::Change => request(case, "two"),
        Act::Terminate => json!({"external_id": "acme", "status": "terminated"}),
        Act::Next => json!({"external_id": "acme"}),
    };
    let mut body = json!({"customer": {"external_id": "acme"}, "subscription": subscription});
    if case.until_made > 0 {
        body["timestamp"] = json!(format!("{}Z", iso(made)));
    }
    let previewed = world.post("/invoices/preview", body)["invoices"].as_array().unwrap().clone();
    assert!(!previewed.is_empty(), "{case:?}");

    world.travel_to(&iso(made));
    let before = world.all_invoices("acme").len();
    match case.act {
        Act::New => drop(world.post("/subscriptions", json!({"subscription": request(case, "one")}))),
        Act::Change => drop(world.post("/subscriptions", json!({"subscription": request(case, "two")}))),
        Act::Terminate => drop(world.delete("/subscriptions/acme")),
        Act::Next => {}
    }
    // To the eve of the day they are made on, then on until they are there: drafts are looked at before they become final.
    let issued_on: chrono::NaiveDate = previewed[0]["issuing_date"].as_str().unwrap().parse().unwrap();
    let eve = issued_on.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
        - ORIGIN
        - i64::from(case.grace_days) * 86_400
        - 14 * 3600;
    let mut now = made.max(eve);
    world.travel_to(&iso(now));
    let mut issued = world.all_invoices("acme");
    while issued.len() < before + previewed.len() {
        now += 7 * 3600;
        world.travel_to(&iso(now));
        issued = world.all_invoices("acme");
        assert!(now < made + 800 * 86_400, "{case:?}: {previewed:?}");
    }
    let (issued, previewed): (Vec<Value>, Vec<Value>) = (
        issued.into_iter().skip(before).take(previewed.len()).map(figures).collect(),
        previewed.into_iter().map(figures).collect(),
    );
    pretty_assertions(&previewed, &issued, case);
}

fn pretty_assertions(previewed: &[Value], issued: &[Value], case: &Case) {
    for (one, other) in previewed.iter().zip(issued) {
        let (Value::Object(one), Value::Object(other)) = (one, other) else { panic!("no invoices") };
        for (name, value) in one {
            assert_eq!(Some(value), other.get(name), "{name} of {case:?}");
        }
        assert_eq!(one.len(), other.len());
    }
    assert_eq!(previewed.len(), issued.len());
}

#[test]
fn a_preview_is_the_invoice_that_is_then_issued() {
    check_cases(CASES, a_case(), |case| {
        agrees(&case);
        Ok(())
    });
}
