//! Which charges may be, as a client sees it: every check of prices and every combination (chapter 03, 4.2 and 4.3).

use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

/// Status and error details of a plan with one charge.
fn asked(world: &World, charge: &Value) -> String {
    let code = format!("plan-{}", world.get("/plans")["meta"]["total_count"]);
    let plan = json!({
        "name": code, "code": code, "interval": "monthly", "amount_cents": 0, "amount_currency": "EUR",
        "pay_in_advance": false, "charges": [charge],
    });
    let answer = world.ask(Method::POST, "/plans", Some(&json!({ "plan": plan })));
    let body = answer.json();
    match answer.status.as_u16() {
        200 => "200".to_owned(),
        422 => {
            assert_eq!((&body["code"], &body["error"]), (&json!("validation_errors"), &json!("Unprocessable Entity")));
            format!("422 {}", body["error_details"])
        }
        status => format!("{status} {}", body["code"]),
    }
}

fn ranges(price: &Value) -> Value {
    json!([{"from_value": 0, "to_value": null, "per_unit_amount": price, "flat_amount": "1"}])
}

#[test]
fn the_checks_of_prices() {
    let world = World::new("2024-01-01");
    world.metric("calls", "sum bytes");
    let metric = world.get("/billable_metrics/calls")["billable_metric"]["lago_id"].clone();
    let bounds = |bounds: &[(Value, Value)]| {
        let range = |(from, to): &(Value, Value)| json!({"from_value": from, "to_value": to, "per_unit_amount": "1", "flat_amount": "0"});
        json!({"graduated_ranges": bounds.iter().map(range).collect::<Vec<_>>()})
    };
    let int = |value: i64| json!(value);
    let rates = |rate: Value, flat: Value| json!({"graduated_percentage_ranges": [{"from_value": 0, "to_value": null, "rate": rate, "flat_amount": flat}]});
    let package =
        |amount: Value, size: Value, free: Value| json!({"amount": amount, "package_size": size, "free_units": free});
    let cases = [
        ("standard", json!({"amount": "0.000000000000001"})),
        ("standard", json!({"amount": 1})),
        ("standard", json!({"amount": "-1"})),
        ("standard", json!({"amount": ""})),
        ("standard", json!({"amount": "one"})),
        ("standard", json!({"other": 1})),
        ("graduated", json!({"graduated_ranges": []})),
        ("graduated", json!({"volume_ranges": ranges(&json!("1"))})),
        ("graduated", json!({"graduated_ranges": ranges(&json!(1))})),
        ("graduated", bounds(&[(int(1), Value::Null)])),
        ("graduated", bounds(&[(int(0), int(10))])),
        ("graduated", bounds(&[(int(0), int(10)), (int(10), Value::Null)])),
        ("graduated", bounds(&[(int(0), int(0)), (int(1), Value::Null)])),
        ("graduated", bounds(&[(int(0), Value::Null), (int(1), Value::Null)])),
        ("graduated", bounds(&[(int(0), int(10)), (int(11), Value::Null)])),
        ("volume", json!({"volume_ranges": null})),
        (
            "volume",
            json!({"volume_ranges": [{"from_value": 1, "to_value": null, "per_unit_amount": 1, "flat_amount": "0"}]}),
        ),
        ("graduated_percentage", json!({"graduated_percentage_ranges": "x"})),
        ("graduated_percentage", rates(json!(1), json!("1"))),
        ("graduated_percentage", rates(json!("1.3"), json!(null))),
        ("graduated_percentage", rates(json!("1.3"), json!("0"))),
        ("package", package(json!("5"), json!(0), json!(0))),
        ("package", package(json!("5"), json!("10"), json!(-1))),
        ("package", package(json!(5), json!(10), Value::Null)),
        ("package", package(json!("5"), json!(10), json!(0))),
        ("percentage", json!({"rate": 1})),
        ("percentage", json!({"rate": "1", "fixed_amount": 2})),
        ("percentage", json!({"rate": "1", "free_units_per_events": 0})),
        ("percentage", json!({"rate": "1", "free_units_per_events": "1"})),
        ("percentage", json!({"rate": "1", "free_units_per_total_aggregation": 5})),
        ("percentage", json!({"rate": "1", "per_transaction_min_amount": 1, "per_transaction_max_amount": ""})),
        ("percentage", json!({"rate": "1", "per_transaction_min_amount": "2", "per_transaction_max_amount": "1"})),
        ("percentage", json!({"rate": "1", "per_transaction_min_amount": "", "per_transaction_max_amount": null})),
        ("percentage", json!({"rate": "x", "fixed_amount": "x", "free_units_per_events": 1.5})),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(model, properties)| {
            let charge = json!({"billable_metric_id": metric, "charge_model": model, "properties": properties});
            format!("{model} {properties}\n  {}\n", asked(&world, &charge))
        })
        .collect();
    expect![[r#"
        standard {"amount":"0.000000000000001"}
          200
        standard {"amount":1}
          422 {"properties":["invalid_amount"]}
        standard {"amount":"-1"}
          422 {"properties":["invalid_amount"]}
        standard {"amount":""}
          422 {"properties":["invalid_amount"]}
        standard {"amount":"one"}
          422 {"properties":["invalid_amount"]}
        standard {"other":1}
          422 {"properties":["invalid_amount"]}
        graduated {"graduated_ranges":[]}
          422 {"properties":["missing_graduated_ranges"]}
        graduated {"volume_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"1","flat_amount":"1"}]}
          422 {"properties":["missing_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":1,"flat_amount":"1"}]}
          422 {"properties":["invalid_amount"]}
        graduated {"graduated_ranges":[{"from_value":1,"to_value":null,"per_unit_amount":"1","flat_amount":"0"}]}
          422 {"properties":["invalid_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":10,"per_unit_amount":"1","flat_amount":"0"}]}
          422 {"properties":["invalid_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":10,"per_unit_amount":"1","flat_amount":"0"},{"from_value":10,"to_value":null,"per_unit_amount":"1","flat_amount":"0"}]}
          422 {"properties":["invalid_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":0,"per_unit_amount":"1","flat_amount":"0"},{"from_value":1,"to_value":null,"per_unit_amount":"1","flat_amount":"0"}]}
          422 {"properties":["invalid_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":null,"per_unit_amount":"1","flat_amount":"0"},{"from_value":1,"to_value":null,"per_unit_amount":"1","flat_amount":"0"}]}
          422 {"properties":["invalid_graduated_ranges"]}
        graduated {"graduated_ranges":[{"from_value":0,"to_value":10,"per_unit_amount":"1","flat_amount":"0"},{"from_value":11,"to_value":null,"per_unit_amount":"1","flat_amount":"0"}]}
          200
        volume {"volume_ranges":null}
          422 {"properties":["missing_volume_ranges"]}
        volume {"volume_ranges":[{"from_value":1,"to_value":null,"per_unit_amount":1,"flat_amount":"0"}]}
          422 {"properties":["invalid_volume_ranges","invalid_amount"]}
        graduated_percentage {"graduated_percentage_ranges":"x"}
          422 {"properties":["missing_graduated_percentage_ranges"]}
        graduated_percentage {"graduated_percentage_ranges":[{"from_value":0,"to_value":null,"rate":1,"flat_amount":"1"}]}
          422 {"properties":["invalid_rate"]}
        graduated_percentage {"graduated_percentage_ranges":[{"from_value":0,"to_value":null,"rate":"1.3","flat_amount":null}]}
          422 {"properties":["invalid_amount"]}
        graduated_percentage {"graduated_percentage_ranges":[{"from_value":0,"to_value":null,"rate":"1.3","flat_amount":"0"}]}
          200
        package {"amount":"5","package_size":0,"free_units":0}
          422 {"properties":["invalid_package_size"]}
        package {"amount":"5","package_size":"10","free_units":-1}
          422 {"properties":["invalid_package_size","invalid_free_units"]}
        package {"amount":5,"package_size":10,"free_units":null}
          422 {"properties":["invalid_amount","invalid_free_units"]}
        package {"amount":"5","package_size":10,"free_units":0}
          200
        percentage {"rate":1}
          422 {"properties":["invalid_rate"]}
        percentage {"rate":"1","fixed_amount":2}
          422 {"properties":["invalid_fixed_amount"]}
        percentage {"rate":"1","free_units_per_events":0}
          422 {"properties":["invalid_free_units_per_events"]}
        percentage {"rate":"1","free_units_per_events":"1"}
          422 {"properties":["invalid_free_units_per_events"]}
        percentage {"rate":"1","free_units_per_total_aggregation":5}
          422 {"properties":["invalid_free_units_per_total_aggregation"]}
        percentage {"rate":"1","per_transaction_min_amount":1,"per_transaction_max_amount":""}
          422 {"properties":["invalid_amount"]}
        percentage {"rate":"1","per_transaction_min_amount":"2","per_transaction_max_amount":"1"}
          422 {"properties":["per_transaction_max_lower_than_per_transaction_min"]}
        percentage {"rate":"1","per_transaction_min_amount":"","per_transaction_max_amount":null}
          200
        percentage {"rate":"x","fixed_amount":"x","free_units_per_events":1.5}
          422 {"properties":["invalid_rate","invalid_fixed_amount","invalid_free_units_per_events"]}
    "#]].assert_eq(&lines.concat());
}

#[test]
fn the_checks_of_a_charge() {
    let world = World::new("2024-01-01");
    world.metric_with("calls", "sum bytes", json!({"group": {"key": "region", "values": ["eu", "us"]}}));
    world.metric("level", "latest level");
    let (calls, level) = (world.charge("calls", "standard", json!({})), world.charge("level", "standard", json!({})));
    let eu = world.group_id("calls", "eu");
    let with = |base: &Value, more: Value| {
        let mut charge = base.clone();
        super::world::merge(&mut charge, more);
        charge
    };
    let own = |values: Value| json!({"group_id": eu, "values": values});
    let cases = [
        with(&calls, json!({"charge_model": null})),
        with(&calls, json!({"charge_model": "dynamic"})),
        with(&calls, json!({"min_amount_cents": -1})),
        with(&calls, json!({"min_amount_cents": 12.5})),
        with(&calls, json!({"min_amount_cents": "ten"})),
        with(&calls, json!({"min_amount_cents": 1, "pay_in_advance": true})),
        with(&calls, json!({"min_amount_cents": 0, "pay_in_advance": true})),
        with(&calls, json!({"prorated": true})),
        with(&level, json!({"pay_in_advance": true})),
        with(&level, json!({"charge_model": "percentage", "properties": {"rate": "1"}})),
        with(&level, json!({"charge_model": "graduated_percentage"})),
        with(&calls, json!({"group_properties": [own(json!({"amount": "1"})), own(json!({"amount": "2"}))]})),
        with(&calls, json!({"group_properties": [own(json!({"amount": 1}))]})),
        // Beside prices of groups a bad default price counts as zero.
        with(&calls, json!({"group_properties": [own(json!({"amount": "1"}))], "properties": {"amount": "x"}})),
        with(&calls, json!({"billable_metric_id": "00000000-0000-4000-8000-000000000000"})),
        with(&calls, json!({"tax_codes": ["nothing"]})),
        with(
            &calls,
            json!({"charge_model": "volume", "pay_in_advance": true, "prorated": true, "min_amount_cents": 5}),
        ),
    ];
    let lines: Vec<String> = cases.iter().map(|charge| asked(&world, charge)).collect();
    expect![[r#"
        422 {"charge_model":["value_is_mandatory"]}
        422 {"charge_model":["value_is_invalid"]}
        422 {"min_amount_cents":["value_is_out_of_range"]}
        422 {"min_amount_cents":["value_is_invalid"]}
        422 {"min_amount_cents":["value_is_invalid"]}
        422 {"min_amount_cents":["not_compatible_with_pay_in_advance"]}
        200
        422 {"prorated":["invalid_billable_metric_or_charge_model"]}
        422 {"pay_in_advance":["invalid_aggregation_type_or_charge_model"]}
        422 {"properties":["invalid_value"]}
        422 {"properties":["invalid_value"]}
        422 {"group_properties":["is duplicated"]}
        422 {"properties":["invalid_amount"]}
        200
        404 "billable_metrics_not_found"
        404 "tax_not_found"
        422 {"pay_in_advance":["invalid_aggregation_type_or_charge_model"],"prorated":["invalid_billable_metric_or_charge_model"],"min_amount_cents":["not_compatible_with_pay_in_advance"]}"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn every_combination() {
    let world = World::new("2024-01-01");
    let metrics = [
        ("count", "count", false),
        ("sum", "sum value", false),
        ("sum_on", "sum value", true),
        ("unique", "unique_count value", false),
        ("unique_on", "unique_count value", true),
        ("max", "max value", false),
        ("latest", "latest value", false),
        ("weighted", "weighted_sum value", false),
        ("weighted_on", "weighted_sum value", true),
    ];
    let models = ["standard", "graduated", "package", "percentage", "volume", "graduated_percentage"];
    for (code, words, recurring) in metrics {
        let weighted = words.starts_with("weighted").then_some("seconds");
        world.metric_with(code, words, json!({"recurring": recurring, "weighted_interval": weighted}));
        let base = world.charge(code, "standard", json!({}));
        for model in models {
            for (in_advance, prorated) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut charge = base.clone();
                charge["charge_model"] = json!(model);
                (charge["pay_in_advance"], charge["prorated"]) = (json!(in_advance), json!(prorated));
                let kind = words.split(' ').next().unwrap();
                // The two tables of 4.3.
                let rated = kind != "latest" || !matches!(model, "percentage" | "graduated_percentage");
                let paid_at_once = matches!(kind, "count" | "sum" | "unique_count") && model != "volume";
                let by_days = recurring
                    && matches!(kind, "sum" | "unique_count")
                    && match model {
                        "standard" => true,
                        "graduated" | "volume" => !in_advance,
                        _ => false,
                    };
                let mut problems = serde_json::Map::new();
                if !rated {
                    problems.insert("properties".into(), json!(["invalid_value"]));
                }
                if in_advance && !paid_at_once {
                    problems.insert("pay_in_advance".into(), json!(["invalid_aggregation_type_or_charge_model"]));
                }
                if prorated && !by_days {
                    problems.insert("prorated".into(), json!(["invalid_billable_metric_or_charge_model"]));
                }
                let found = asked(&world, &charge);
                let context = format!("{code} {model} in advance {in_advance} prorated {prorated}");
                match found.strip_prefix("422 ") {
                    Some(details) => {
                        assert_eq!(
                            serde_json::from_str::<Value>(details).unwrap(),
                            Value::Object(problems),
                            "{context}"
                        );
                    }
                    None => assert!(found == "200" && problems.is_empty(), "{context}: {found}"),
                }
            }
        }
    }
}
