//! Every charge model with every way of counting, groups, and minimum spending (chapter 03, 3 to 6).

use expect_test::expect;
use serde_json::{Value, json};

use super::world::{World, event};

/// Twelve events in January: one each, of value 1 and of another user each, so that count, sum and unique count are 12.
fn twelve() -> Vec<(&'static str, Value)> {
    (0..12).map(|number| ("2024-01-10", json!({"value": 1, "user": format!("user-{number}")}))).collect()
}

/// One invoice with a charge of this price on each of the metrics `events`, `total` and `users`.
fn priced(model: &str, properties: Value) -> String {
    let world = World::new("2024-01-01");
    let metrics = [("events", "count"), ("total", "sum value"), ("users", "unique_count user")];
    for (code, words) in metrics {
        world.metric(code, words);
    }
    let charges = metrics.map(|(code, _)| world.charge(code, model, properties.clone()));
    world.plan("plan", "0 EUR monthly", &charges);
    world.subscribe("acme", "plan");
    for (code, _) in metrics {
        world.usage("acme", code, &twelve());
    }
    world.travel_to("2024-02-01");
    world.invoices("acme")
}

#[test]
fn standard() {
    // 12 x 2.505 = 30.06.
    expect![[r#"
        2024-02-01 finalized 90.18 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 30.06
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 30.06
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 30.06
    "#]]
    .assert_eq(&priced("standard", json!({"amount": "2.505"})));
}

#[test]
fn graduated() {
    // The first ten at 10 and 2 flat, the next two at 5 and 3 flat: 102 + 13.
    let ranges = json!({"graduated_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "10", "flat_amount": "2"},
        {"from_value": 11, "to_value": 20, "per_unit_amount": "5", "flat_amount": "3"},
        {"from_value": 21, "to_value": null, "per_unit_amount": "5", "flat_amount": "3"},
    ]});
    expect![[r#"
        2024-02-01 finalized 345.00 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 115.00
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 115.00
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 115.00
    "#]]
    .assert_eq(&priced("graduated", ranges));
}

#[test]
fn graduated_percentage() {
    // 10 at 1 % and 200 flat, 2 at 2 % and 300 flat: 200.10 + 300.04.
    let ranges = json!({"graduated_percentage_ranges": [
        {"from_value": 0, "to_value": 10, "rate": "1", "flat_amount": "200"},
        {"from_value": 11, "to_value": 20, "rate": "2", "flat_amount": "300"},
        {"from_value": 21, "to_value": null, "rate": "3", "flat_amount": "400"},
    ]});
    expect![[r#"
        2024-02-01 finalized 1500.42 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 500.14
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 500.14
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 500.14
    "#]]
    .assert_eq(&priced("graduated_percentage", ranges));
}

#[test]
fn package() {
    // 11 after the free one: three packages of 5 at 8.
    expect![[r#"
        2024-02-01 finalized 72.00 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 24.00
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 24.00
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 24.00
    "#]]
    .assert_eq(&priced("package", json!({"amount": "8", "package_size": 5, "free_units": 1})));
}

#[test]
fn percentage() {
    // Three free events take three units with them: 9 x 2 % + 9 x 1.
    let price = json!({"rate": "2", "fixed_amount": "1", "free_units_per_events": 3});
    expect![[r#"
        2024-02-01 finalized 27.54 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 9.18
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 9.18
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 9.18
    "#]]
    .assert_eq(&priced("percentage", price));
}

#[test]
fn volume() {
    // All twelve at the second range's price: 12 x 1 + 3.
    let ranges = json!({"volume_ranges": [
        {"from_value": 0, "to_value": 10, "per_unit_amount": "2", "flat_amount": "10"},
        {"from_value": 11, "to_value": null, "per_unit_amount": "1", "flat_amount": "3"},
    ]});
    expect![[r#"
        2024-02-01 finalized 45.00 EUR
          plan 2024-01-01..2024-01-31: 0.00
          events 2024-01-01..2024-01-31 12.0 units, 12 events: 15.00
          total 2024-01-01..2024-01-31 12.0 units, 12 events: 15.00
          users 2024-01-01..2024-01-31 12.0 units, 12 events: 15.00
    "#]]
    .assert_eq(&priced("volume", ranges));
}

/// The only charge fee of one metric with these events of January, as the invoice's text.
fn only_charge(metric: Value, model: &str, properties: Value, events: &[(&str, Value)]) -> String {
    let world = World::new("2024-01-01");
    world.post("/billable_metrics", json!({ "billable_metric": metric }));
    let charge = world.charge("m", model, properties);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    world.usage("acme", "m", events);
    world.travel_to("2024-02-01");
    let text = world.invoices("acme");
    text.lines().find(|line| line.starts_with("  m ")).unwrap().to_owned()
}

#[test]
fn percentage_of_payments_with_free_allowances() {
    // 200, 100, 100 are free by number, 50 is not: 50 x 1.2 % + 0.10 (chapter 03, 5.5).
    let payments = [200, 100, 100, 50].map(|value| ("2024-01-10", json!({"value": value})));
    let price = json!({
        "rate": "1.2", "fixed_amount": "0.1", "free_units_per_events": 3, "free_units_per_total_aggregation": "500",
    });
    let metric = super::world::metric("m", "sum value");
    assert_eq!(
        only_charge(metric, "percentage", price, &payments),
        "  m 2024-01-01..2024-01-31 450.0 units, 4 events: 0.70"
    );
}

#[test]
fn percentage_of_payments_with_a_least_and_a_most() {
    // 1 + 1 is lifted to 2 by nothing, 10 + 1 stays, 100 + 1 is cut to 12: 2 + 11 + 12.
    let payments = [100, 1000, 10_000].map(|value| ("2024-01-10", json!({"value": value})));
    let price = json!({
        "rate": "1", "fixed_amount": "1", "per_transaction_min_amount": "1.75", "per_transaction_max_amount": "12",
    });
    let metric = super::world::metric("m", "sum value");
    assert_eq!(
        only_charge(metric, "percentage", price, &payments),
        "  m 2024-01-01..2024-01-31 11100.0 units, 3 events: 25.00"
    );
}

#[test]
fn the_greatest_and_the_latest_value() {
    let values = [
        ("2024-01-10", json!({"value": 12})),
        ("2024-01-12", json!({"value": "14.2"})),
        ("2024-01-11", json!({"value": "foo"})),
        ("2024-01-13", json!({"value": 3})),
    ];
    let price = || json!({"amount": "10"});
    assert_eq!(
        only_charge(super::world::metric("m", "max value"), "standard", price(), &values),
        "  m 2024-01-01..2024-01-31 14.2 units, 3 events: 142.00"
    );
    assert_eq!(
        only_charge(super::world::metric("m", "latest value"), "standard", price(), &values),
        "  m 2024-01-01..2024-01-31 3.0 units, 3 events: 30.00"
    );
}

#[test]
fn a_sum_weighted_by_time() {
    let mut metric = super::world::metric("m", "weighted_sum value");
    metric["weighted_interval"] = json!("seconds");
    // 31 for the first 16 days, 62 for the last 15 of 31: 31 x 16 / 31 + 62 x 15 / 31 = 16 + 30.
    let values = [("2024-01-01", json!({"value": 31})), ("2024-01-17", json!({"value": 31}))];
    assert_eq!(
        only_charge(metric, "standard", json!({"amount": "1"}), &values),
        "  m 2024-01-01..2024-01-31 46.0 units, 2 events: 46.00"
    );
}

#[test]
fn recurring_units_stay_until_they_are_removed() {
    let world = World::new("2024-01-01");
    world.metric_with("seats", "unique_count user", json!({"recurring": true}));
    world.metric_with("disk", "sum gigabytes", json!({"recurring": true}));
    let seats = world.charge("seats", "standard", json!({"amount": "10"}));
    let mut prorated = seats.clone();
    prorated["prorated"] = json!(true);
    prorated["invoice_display_name"] = json!("prorated");
    let disk = world.charge("disk", "standard", json!({"amount": "1"}));
    world.plan("plan", "0 EUR monthly", &[seats, prorated, disk]);
    world.subscribe("acme", "plan");
    world.usage(
        "acme",
        "seats",
        &[
            ("2024-01-01", json!({"user": "ada"})),
            ("2024-01-22", json!({"user": "bob"})),
            ("2024-02-20", json!({"user": "ada", "operation_type": "remove"})),
        ],
    );
    world.usage("acme", "disk", &[("2024-01-10", json!({"gigabytes": 5})), ("2024-02-10", json!({"gigabytes": -2}))]);
    world.travel_to("2024-03-01");
    // January: two seats; by days 1 + 10/31 = 1.32259 (rounded up at the fifth digit): 13.2259. 5 GB.
    // February: ada's seat went: one; by days 20/29 + 1 = 1.68966: 16.8966. 3 GB.
    expect![[r#"
        2024-02-01 finalized 38.23 EUR
          plan 2024-01-01..2024-01-31: 0.00
          seats 2024-01-01..2024-01-31 2.0 units, 2 events: 20.00
          seats 2024-01-01..2024-01-31 2.0 units, 2 events: 13.23
          disk 2024-01-01..2024-01-31 5.0 units, 1 events: 5.00
        2024-03-01 finalized 29.90 EUR
          plan 2024-02-01..2024-02-29: 0.00
          seats 2024-02-01..2024-02-29 1.0 units, 1 events: 10.00
          seats 2024-02-01..2024-02-29 1.0 units, 1 events: 16.90
          disk 2024-02-01..2024-02-29 3.0 units, 2 events: 3.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

/// Prices europe 20, usa 50, others 10.12345; usa 12, europe 10 and 5, france 5 (chapter 03, 6.2).
#[test]
fn groups_of_one_dimension_have_their_own_prices() {
    let world = World::new("2024-01-01");
    let group = json!({"group": {"key": "region", "values": ["europe", "usa", "france"]}});
    for (code, words) in [("a_count", "count"), ("b_sum", "sum value"), ("c_max", "max value")] {
        world.metric_with(code, words, group.clone());
    }
    let charges = ["a_count", "b_sum", "c_max"].map(|code| {
        let mut charge = world.charge(code, "standard", json!({"amount": "10.12345"}));
        charge["group_properties"] = json!([
            {"group_id": world.group_id(code, "europe"), "values": {"amount": "20"}},
            {"group_id": world.group_id(code, "usa"), "values": {"amount": "50"}, "invoice_display_name": "United States"},
        ]);
        charge
    });
    world.plan("plan", "0 EUR monthly", &charges);
    world.subscribe("acme", "plan");
    let events = [("usa", 12), ("europe", 10), ("europe", 5), ("france", 5), ("mars", 99)]
        .map(|(region, value)| ("2024-01-10", json!({"region": region, "value": value})));
    for code in ["a_count", "b_sum", "c_max"] {
        world.usage("acme", code, &events);
    }
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 1901.36, 1901.36 with taxes
          a_count 4.0 units, 4 events: 100.12
            region/europe 2.0 units, 2 events: 40.00
            region/france 1.0 units, 1 events: 10.12
            region/usa 1.0 units, 1 events: 50.00
          b_sum 32.0 units, 4 events: 950.62
            region/europe 15.0 units, 2 events: 300.00
            region/france 5.0 units, 1 events: 50.62
            region/usa 12.0 units, 1 events: 600.00
          c_max 27.0 units, 4 events: 850.62
            region/europe 10.0 units, 2 events: 200.00
            region/france 5.0 units, 1 events: 50.62
            region/usa 12.0 units, 1 events: 600.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    world.travel_to("2024-02-01");
    expect![[r#"
        2024-02-01 finalized 1901.36 EUR
          plan 2024-01-01..2024-01-31: 0.00
          a_count [europe] 2024-01-01..2024-01-31 2.0 units, 2 events: 40.00
          a_count [United States] 2024-01-01..2024-01-31 1.0 units, 1 events: 50.00
          a_count [france] 2024-01-01..2024-01-31 1.0 units, 1 events: 10.12
          b_sum [europe] 2024-01-01..2024-01-31 15.0 units, 2 events: 300.00
          b_sum [United States] 2024-01-01..2024-01-31 12.0 units, 1 events: 600.00
          b_sum [france] 2024-01-01..2024-01-31 5.0 units, 1 events: 50.62
          c_max [europe] 2024-01-01..2024-01-31 10.0 units, 2 events: 200.00
          c_max [United States] 2024-01-01..2024-01-31 12.0 units, 1 events: 600.00
          c_max [france] 2024-01-01..2024-01-31 5.0 units, 1 events: 50.62
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn groups_of_two_dimensions_are_priced_at_their_leaves() {
    let world = World::new("2024-01-01");
    let group = json!({"group": {"key": "cloud", "values": [
        {"name": "aws", "key": "region", "values": ["usa", "france"]},
        {"name": "google", "key": "region", "values": ["usa"]},
    ]}});
    world.metric_with("hours", "count", group);
    let groups = world.get("/billable_metrics/hours/groups");
    let leaf = |cloud: &str, region: &str| {
        let found =
            groups["groups"].as_array().unwrap().iter().find(|leaf| leaf["key"] == cloud && leaf["value"] == region);
        found.unwrap()["lago_id"].clone()
    };
    let mut charge = world.charge("hours", "standard", json!({"amount": "1"}));
    charge["group_properties"] = json!([
        {"group_id": leaf("aws", "usa"), "values": {"amount": "10"}},
        {"group_id": leaf("aws", "france"), "values": {"amount": "20"}},
        {"group_id": leaf("google", "usa"), "values": {"amount": "30"}},
    ]);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let used = [("aws", "usa"), ("aws", "usa"), ("aws", "france"), ("google", "usa"), ("google", "france")]
        .map(|(cloud, region)| ("2024-01-10", json!({"cloud": cloud, "region": region})));
    world.usage("acme", "hours", &used);
    // 2 x 10, 20 and 30 (chapter 06, 15); google has no france.
    expect![[r#"
        2024-01-01..2024-01-31, issued 2024-01-31: 70.00, 70.00 with taxes
          hours 4.0 units, 4 events: 70.00
            aws/france 1.0 units, 1 events: 20.00
            aws/usa 2.0 units, 2 events: 20.00
            google/usa 1.0 units, 1 events: 30.00
    "#]]
    .assert_eq(&world.current_usage("acme"));
    world.travel_to("2024-02-01");
    expect![[r#"
        2024-02-01 finalized 70.00 EUR
          plan 2024-01-01..2024-01-31: 0.00
          hours [aws • france] 2024-01-01..2024-01-31 1.0 units, 1 events: 20.00
          hours [aws • usa] 2024-01-01..2024-01-31 2.0 units, 2 events: 20.00
          hours [google • usa] 2024-01-01..2024-01-31 1.0 units, 1 events: 30.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_minimum_is_filled_up_and_prorated() {
    let world = World::new("2024-08-17");
    world.tax("vat", "20", true);
    world.metric("calls", "count");
    let mut charge = world.charge("calls", "standard", json!({"amount": "2"}));
    charge["min_amount_cents"] = json!(1000);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    world.usage("acme", "calls", &[("2024-09-10", json!({})), ("2024-09-11", json!({})), ("2024-10-01", json!({}))]);
    world.usage(
        "acme",
        "calls",
        &["2024-10-02", "2024-10-03", "2024-10-04", "2024-10-05", "2024-10-06"].map(|day| (day, json!({}))),
    );
    world.travel_to("2024-11-01");
    // August: 1000 x 15 / 31 = 483.87, cut to 4.83. September: 4.00 of 10.00. October: 12.00 is enough.
    expect![[r#"
        2024-09-01 finalized 5.80 EUR
          plan 2024-08-17..2024-08-31: 0.00
          calls 2024-08-17..2024-08-31 0.0 units, 0 events: 0.00
          calls true-up 2024-08-17..2024-08-31: 4.83
          tax vat 20.0% of 4.83: 0.97
        2024-10-01 finalized 12.00 EUR
          plan 2024-09-01..2024-09-30: 0.00
          calls 2024-09-01..2024-09-30 2.0 units, 2 events: 4.00
          calls true-up 2024-09-01..2024-09-30: 6.00
          tax vat 20.0% of 10.00: 2.00
        2024-11-01 finalized 14.40 EUR
          plan 2024-10-01..2024-10-31: 0.00
          calls 2024-10-01..2024-10-31 6.0 units, 6 events: 12.00
          tax vat 20.0% of 12.00: 2.40
    "#]]
    .assert_eq(&world.invoices("acme"));
    // The true-up and its parent name each other.
    let august = &world.all_invoices("acme")[0]["fees"];
    let of = |is_true_up: bool| {
        let fees = august.as_array().unwrap().iter();
        fees.clone()
            .find(|fee| fee["item"]["type"] == "charge" && fee["lago_true_up_parent_fee_id"].is_null() != is_true_up)
            .unwrap()
    };
    assert_eq!(of(true)["lago_true_up_parent_fee_id"], of(false)["lago_id"]);
    assert_eq!(of(false)["lago_true_up_fee_id"], of(true)["lago_id"]);
}

#[test]
fn a_minimum_with_groups_is_one_minimum() {
    let world = World::new("2024-08-15");
    world.metric_with("calls", "count", json!({"group": {"key": "region", "values": ["eu", "us"]}}));
    let mut charge = world.charge("calls", "standard", json!({"amount": "2"}));
    charge["min_amount_cents"] = json!(1000);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    world.travel_to("2024-09-01");
    // 1000 x 17 / 31 = 548.38; two groups at 0 and one true-up (chapter 03, 6.4).
    expect![[r#"
        2024-09-01 finalized 5.48 EUR
          plan 2024-08-15..2024-08-31: 0.00
          calls [eu] 2024-08-15..2024-08-31 0.0 units, 0 events: 0.00
          calls [us] 2024-08-15..2024-08-31 0.0 units, 0 events: 0.00
          calls true-up 2024-08-15..2024-08-31: 5.48
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn units_and_prices_with_many_digits_are_exact() {
    let metric = super::world::metric("m", "sum value");
    let values = [
        ("2024-01-10", json!({"value": "0.1"})),
        ("2024-01-10", json!({"value": "0.2"})),
        ("2024-01-10", json!({"value": 1e3})),
    ];
    // 1000.3 x 0.000000000000005 x 10^12 would be 5001.5; here 1000.3 x 5.12345 = 5124.987035.
    assert_eq!(
        only_charge(metric, "standard", json!({"amount": "5.12345"}), &values),
        "  m 2024-01-01..2024-01-31 1000.3 units, 3 events: 5124.99"
    );
}

#[test]
fn fees_name_their_unit_price_and_their_details() {
    let world = World::new("2024-01-01");
    world.metric("calls", "count");
    let ranges = json!({"graduated_ranges": [{"from_value": 0, "to_value": null, "per_unit_amount": "0.01", "flat_amount": "0.01"}]});
    let charge = world.charge("calls", "graduated", ranges);
    world.plan("plan", "0 EUR monthly", &[charge]);
    world.subscribe("acme", "plan");
    let body: Vec<Value> =
        (0..4).map(|number| event(&format!("c{number}"), "acme", "calls", "2024-01-05", json!({}))).collect();
    world.post("/events/batch", json!({ "events": body }));
    world.travel_to("2024-02-01");
    let invoice = world.only_invoice("acme");
    let fee = invoice["fees"].as_array().unwrap().iter().find(|fee| fee["item"]["type"] == "charge").unwrap();
    // 4 x 0.01 + 0.01 = 0.05, 0.0125 a piece, whose cents are cut (chapter 03, 5.2).
    let shown = ["units", "amount_cents", "precise_unit_amount", "unit_amount_cents", "events_count", "amount_details"]
        .map(|name| fee[name].to_string());
    expect![[r#"
        "4.0"
        5
        "0.0125"
        1
        4
        {"graduated_ranges":[{"from_value":0,"to_value":null,"flat_unit_amount":"0.01","per_unit_amount":"0.01","units":"4.0","per_unit_total_amount":"0.04","total_with_flat_amount":"0.05"}]}"#]].assert_eq(&shown.join("\n"));
}
