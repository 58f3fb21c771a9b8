#![allow(clippy::unwrap_used)]

use expect_test::expect;
use rust_decimal_macros::dec;

use super::*;

fn charge(position: u128, name: &str, amount_cents: i64, groups: Vec<GroupUsage>) -> ChargeUsage {
    ChargeUsage {
        charge_id: ChargeId(Uuid::from_u128(position)),
        charge_model: ChargeModel::Graduated,
        invoice_display_name: None,
        metric_id: MetricId(Uuid::from_u128(100 + position)),
        metric_name: name.into(),
        metric_code: "code".into(),
        aggregation: AggregationType::Count,
        total: Used { units: dec!(4), events_count: 4, amount_cents },
        groups,
    }
}

fn group(key: &str, value: &str, units: Decimal, amount_cents: i64, events_count: i64) -> GroupUsage {
    GroupUsage {
        id: GroupId(Uuid::from_u128(9)),
        key: key.into(),
        value: value.into(),
        display_name: format!("{key} • {value}"),
        used: Used { units, events_count, amount_cents },
    }
}

fn usage(taxes_amount_cents: i64, charges: Vec<ChargeUsage>) -> CurrentUsage {
    CurrentUsage {
        from: "2022-06-07T00:00:00Z".parse().unwrap(),
        to: "2022-07-06T23:59:59.999999Z".parse().unwrap(),
        issuing_date: "2022-07-06".parse().unwrap(),
        currency: Currency::EUR,
        taxes_amount_cents,
        charges,
    }
}

#[test]
fn the_chapters_example_of_four_events() {
    let output = Output::from(usage(1, vec![charge(1, "API calls", 5, Vec::new())]));
    expect![[r#"
        {
          "from_datetime": "2022-06-07T00:00:00Z",
          "to_datetime": "2022-07-06T23:59:59Z",
          "issuing_date": "2022-07-06",
          "currency": "EUR",
          "amount_cents": 5,
          "total_amount_cents": 6,
          "taxes_amount_cents": 1,
          "lago_invoice_id": null,
          "from_date": "2022-06-07",
          "to_date": "2022-07-06",
          "amount_currency": "EUR",
          "total_amount_currency": "EUR",
          "vat_amount_currency": "EUR",
          "vat_amount_cents": 1,
          "charges_usage": [
            {
              "units": "4.0",
              "events_count": 4,
              "amount_cents": 5,
              "amount_currency": "EUR",
              "charge": {
                "lago_id": "00000000-0000-0000-0000-000000000001",
                "charge_model": "graduated",
                "invoice_display_name": null
              },
              "billable_metric": {
                "lago_id": "00000000-0000-0000-0000-000000000065",
                "name": "API calls",
                "code": "code",
                "aggregation_type": "count_agg"
              },
              "groups": [],
              "total_aggregated_units": "4.0",
              "filters": [],
              "grouped_usage": []
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&output).unwrap());
}

#[test]
fn the_chapters_example_of_two_dimensions() {
    let groups = vec![
        group("google", "usa", dec!(1), 3000, 1),
        group("aws", "usa", dec!(2), 2000, 2),
        group("aws", "france", dec!(1), 2000, 1),
    ];
    let output = Output::from(usage(1400, vec![charge(1, "Cloud", 7000, groups)]));
    assert_eq!((output.amount_cents, output.total_amount_cents), (7000, 8400));
    expect![[r#"[{"lago_id":"00000000-0000-0000-0000-000000000009","key":"aws","value":"france","units":"1.0","amount_cents":2000,"events_count":1},{"lago_id":"00000000-0000-0000-0000-000000000009","key":"aws","value":"usa","units":"2.0","amount_cents":2000,"events_count":2},{"lago_id":"00000000-0000-0000-0000-000000000009","key":"google","value":"usa","units":"1.0","amount_cents":3000,"events_count":1}]"#]]
    .assert_eq(&serde_json::to_string(&output.charges_usage[0].groups).unwrap());
}

#[test]
fn charges_are_ordered_without_case_and_accents() {
    let names = ["zebra", "Ébène", "eclair", "Apple", "apple", "ångström", "Ｚulu", "10 things"];
    let mut charges: Vec<ChargeUsage> =
        names.iter().enumerate().map(|(at, name)| charge(at as u128, name, 0, Vec::new())).collect();
    order(&mut charges);
    let ordered: Vec<&str> = charges.iter().map(|charge| charge.metric_name.as_str()).collect();
    assert_eq!(ordered, ["10 things", "ångström", "Apple", "apple", "Ébène", "eclair", "zebra", "Ｚulu"]);
}
