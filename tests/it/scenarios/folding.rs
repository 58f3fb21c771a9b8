//! Usage logs that fold while they grow: what a client sees is what it would see of a log that nobody folds.
//!
//! Two customers on one plan send the same events; only the logs of one of them are folded, after every delivery. The
//! product folds what has rested for minutes, so these stories fold by the same function, without the rest.

use chrono::TimeDelta;
use domain::usage::digest::{Code, Digester};
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};
use store::usage::fold::{self, Outcome, Request};

use super::world::{World, event, shared};

/// The external id of the customer and the subscription whose logs are folded, and of those whose logs are not.
const BOTH: [&str; 2] = ["folded", "unfolded"];
const CODES: [&str; 6] = ["traffic", "users", "payments", "storage", "peak", "level"];

/// Folds every log of `folded` as far as it goes. Returns the number of folds that found events to count.
fn fold_all(world: &World) -> usize {
    let app = shared().host.app();
    let organization = world.organization["lago_id"].as_str().unwrap().parse().unwrap();
    shared().runtime.block_on(async {
        let metrics = app.store.metrics(organization).await.unwrap();
        let mut folds = 0;
        for code in CODES {
            let metric =
                &metrics.iter().find(|metric| metric.value.is_live() && metric.value.code == code).unwrap().value;
            let digester = Digester::new(metric, Code::Own);
            loop {
                let request = Request {
                    organization,
                    external_subscription_id: BOTH[0],
                    code,
                    digester: Some(&digester),
                    // Clocks of chunks and of this thread are the same one: a moment later all of them are past.
                    now: app.clock.now() + TimeDelta::seconds(1),
                    margin: TimeDelta::zero(),
                    chunks_min: 1,
                };
                match fold::fold(app.store.table(), &request).await.unwrap() {
                    Outcome::Done { events, .. } => folds += usize::from(events > 0),
                    Outcome::Nothing => break,
                    // The product folds beside: ask again.
                    Outcome::Busy => tokio::task::yield_now().await,
                }
            }
        }
        folds
    })
}

/// The same events of both subscriptions: id, code, instant, properties.
fn send(world: &World, events: &[(&str, &str, &str, Value)]) {
    for subscription in BOTH {
        let events: Vec<Value> = events
            .iter()
            .map(|(id, code, at, properties)| event(id, subscription, code, at, properties.clone()))
            .collect();
        world.post("/events/batch", json!({ "events": events }));
    }
    world.settle();
}

/// What current usage says of a subscription, as the client gets it.
fn usage(world: &World, subscription: &str) -> Value {
    let path = format!("/customers/{subscription}/current_usage?external_subscription_id={subscription}");
    world.get(&path)["customer_usage"].clone()
}

/// Both look the same. Returns the text.
fn same_usage(world: &World) -> String {
    let [folded, unfolded] = BOTH.map(|subscription| usage(world, subscription));
    assert_eq!(folded, unfolded);
    world.current_usage(BOTH[0])
}

fn same_invoices(world: &World) {
    let [folded, unfolded] = BOTH.map(|customer| world.invoices(customer));
    assert_eq!(folded, unfolded);
    let [folded, unfolded] = BOTH.map(|customer| {
        let mut past = world.get(&format!("/customers/{customer}/past_usage?external_subscription_id={customer}"));
        for period in past["usage_periods"].as_array_mut().unwrap() {
            period["lago_invoice_id"].take();
        }
        past
    });
    assert_eq!(folded, unfolded);
}

/// Every kind of charge; January has begun.
fn world() -> World {
    let world = World::new("2024-01-01");
    world.tax("vat", "20", true);
    let regions = json!({"group": {"key": "region", "values": ["eu", "us"]}});
    world.metric_with("traffic", "sum bytes", regions);
    world.metric("users", "unique_count user");
    world.metric("payments", "sum amount");
    world.metric_with("storage", "sum disks", json!({"recurring": true}));
    world.metric("peak", "max load");
    world.metric("level", "latest height");
    let traffic = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 100, "per_unit_amount": "0.10", "flat_amount": "0"},
        {"from_value": 101, "to_value": null, "per_unit_amount": "0.05", "flat_amount": "1"},
    ]});
    let payments = json!({
        "rate": "1.5", "fixed_amount": "0.20", "free_units_per_events": 2, "free_units_per_total_aggregation": "100",
    });
    let standard = |amount: &str| json!({ "amount": amount });
    let charges = [
        world.charge("traffic", "graduated", traffic),
        world.charge("users", "standard", standard("3")),
        world.charge("payments", "percentage", payments),
        world.charge("storage", "standard", standard("0.50")),
        world.charge("peak", "package", json!({"amount": "2", "package_size": 10, "free_units": 0})),
        world.charge("level", "standard", standard("0.01")),
    ];
    world.plan("plan", "10.00 EUR monthly", &charges);
    for customer in BOTH {
        world.customer(customer, json!({}));
        world.subscribe(customer, "plan");
    }
    world
}

fn bytes(amount: &str, region: &str) -> Value {
    json!({"bytes": amount, "region": region})
}

#[test]
fn folded_usage_is_usage() {
    let world = world();
    world.travel_to("2024-01-20");
    let user = |name: &str| json!({ "user": name });
    let amount = |amount: &str| json!({ "amount": amount });
    send(
        &world,
        &[
            ("t1", "traffic", "2024-01-02T10:59:59.5", bytes("60", "eu")),
            ("t2", "traffic", "2024-01-02T11:00", bytes("70.25", "eu")),
            ("t3", "traffic", "2024-01-02T11:30", bytes("5", "us")),
            ("t4", "traffic", "2024-01-03", bytes("1000", "moon")),
            ("u1", "users", "2024-01-04", user("ann")),
            ("u2", "users", "2024-01-04T01:00", user("bob")),
            ("p1", "payments", "2024-01-05", amount("40")),
            ("p2", "payments", "2024-01-05T00:10", amount("70")),
            ("p3", "payments", "2024-01-06", amount("1000")),
            ("s1", "storage", "2024-01-07", json!({"disks": 4})),
            ("m1", "peak", "2024-01-08", json!({"load": 17})),
            ("l1", "level", "2024-01-09", json!({"height": 250})),
        ],
    );
    assert_eq!(fold_all(&world), 6);
    same_usage(&world);

    // Later, earlier, again with another timestamp and value, and a user that is back.
    send(
        &world,
        &[
            ("t5", "traffic", "2024-01-19T23:59:59", bytes("0.75", "eu")),
            ("t6", "traffic", "2024-01-01", bytes("8", "us")),
            ("t1", "traffic", "2024-01-15", bytes("9999", "us")),
            ("u1", "users", "2024-01-10", user("eve")),
            ("u3", "users", "2024-01-11", user("ann")),
            ("u4", "users", "2024-01-11", user("ida")),
            ("p4", "payments", "2024-01-04", amount("30")),
            ("p3", "payments", "2024-01-07", amount("77")),
            ("s2", "storage", "2024-01-05", json!({"disks": 1.5})),
            ("m2", "peak", "2024-01-01T00:00:01", json!({"load": 31})),
            ("l2", "level", "2024-01-08", json!({"height": 999})),
        ],
    );
    same_usage(&world);
    assert_eq!(fold_all(&world), 6);
    let before = same_usage(&world);
    // Payments in order of their instants: the first two are free, 30 + 40, less than 100; 1070 x 1.5 % and 2 x 0.20.
    // Traffic of the EU: 60 + 70.25 + 0.75; the second `t1`, `u1` and `p3` count nowhere.
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 52.55, 63.06 with taxes
          level 250.0 units, 2 events: 2.50
          payments 1140.0 units, 4 events: 16.45
          peak 31.0 units, 2 events: 8.00
          storage 5.5 units, 2 events: 2.75
          traffic 144.0 units, 5 events: 13.85
            region/eu 131.0 units, 3 events: 12.55
            region/us 13.0 units, 2 events: 1.30
          users 3.0 units, 4 events: 9.00
    "#]]
    .assert_eq(&before);
    // Folded once more it is the same: there is nothing to fold.
    assert_eq!(fold_all(&world), 0);
    assert_eq!(same_usage(&world), before);

    // The metric gets a region: what was folded by the old definition is read event by event, then digested anew.
    let regions = json!({"group": {"key": "region", "values": ["eu", "us", "moon"]}});
    world.put("/billable_metrics/traffic", json!({ "billable_metric": regions }));
    let edited = same_usage(&world);
    assert!(edited.contains("region/moon 1000.0 units, 1 events"), "{edited}");
    send(&world, &[("t7", "traffic", "2024-01-18", bytes("1", "moon"))]);
    let edited = same_usage(&world);
    assert!(edited.contains("region/moon 1001.0 units, 2 events"), "{edited}");
    assert_eq!(fold_all(&world), 1);
    assert_eq!(same_usage(&world), edited);

    // What is folded is still found by its id, and told with its first copy.
    let found = world.get("/events/t1")["event"].clone();
    assert_eq!(
        (&found["properties"]["bytes"], &found["timestamp"]),
        (&json!("60"), &json!("2024-01-02T10:59:59.500Z"))
    );
    assert!(world.refused(Method::GET, "/events/t99", Value::Null).starts_with("404"));

    // A user goes: digests cannot tell, events can.
    send(&world, &[("u5", "users", "2024-01-19", json!({"user": "bob", "operation_type": "remove"}))]);
    assert_eq!(fold_all(&world), 1);
    same_usage(&world);

    world.travel_to("2024-02-10");
    same_invoices(&world);

    // January's ids count in no other month, and its late events in none: they are too late.
    send(
        &world,
        &[
            ("t5", "traffic", "2024-02-02", bytes("5000", "eu")),
            ("u4", "users", "2024-02-02", user("zoe")),
            ("s2", "storage", "2024-02-02", json!({"disks": 100})),
            ("t8", "traffic", "2024-01-31T23:59:59", bytes("7000", "us")),
            ("t9", "traffic", "2024-02-01", bytes("2", "us")),
            ("u6", "users", "2024-02-03", user("ann")),
            ("s3", "storage", "2024-02-03", json!({"disks": -2})),
        ],
    );
    let unfolded = same_usage(&world);
    assert_eq!(fold_all(&world), 3);
    assert_eq!(same_usage(&world), unfolded);
    expect![[r#"
        2024-02-01..2024-02-29, issued 2024-02-29: 4.95, 5.94 with taxes
          level 0.0 units, 0 events: 0.00
          payments 0.0 units, 0 events: 0.00
          peak 0.0 units, 0 events: 0.00
          storage 3.5 units, 3 events: 1.75
          traffic 2.0 units, 1 events: 0.20
            region/eu 0.0 units, 0 events: 0.00
            region/moon 0.0 units, 0 events: 0.00
            region/us 2.0 units, 1 events: 0.20
          users 1.0 units, 1 events: 3.00
    "#]]
    .assert_eq(&unfolded);
    world.travel_to("2024-03-05");
    same_invoices(&world);
    expect![[r#"
        2024-02-01 finalized 138.72 EUR
          plan 2024-01-01..2024-01-31: 10.00
          traffic [eu] 2024-01-01..2024-01-31 131.0 units, 3 events: 12.55
          traffic [moon] 2024-01-01..2024-01-31 1001.0 units, 2 events: 56.05
          traffic [us] 2024-01-01..2024-01-31 13.0 units, 2 events: 1.30
          users 2024-01-01..2024-01-31 2.0 units, 5 events: 6.00
          payments 2024-01-01..2024-01-31 1140.0 units, 4 events: 16.45
          storage 2024-01-01..2024-01-31 5.5 units, 2 events: 2.75
          peak 2024-01-01..2024-01-31 31.0 units, 2 events: 8.00
          level 2024-01-01..2024-01-31 250.0 units, 2 events: 2.50
          tax vat 20.0% of 115.60: 23.12
        2024-03-01 finalized 17.94 EUR
          plan 2024-02-01..2024-02-29: 10.00
          traffic [eu] 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
          traffic [moon] 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
          traffic [us] 2024-02-01..2024-02-29 2.0 units, 1 events: 0.20
          users 2024-02-01..2024-02-29 1.0 units, 1 events: 3.00
          payments 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
          storage 2024-02-01..2024-02-29 3.5 units, 3 events: 1.75
          peak 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
          level 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
          tax vat 20.0% of 14.95: 2.99
    "#]]
    .assert_eq(&world.invoices(BOTH[0]));
}
