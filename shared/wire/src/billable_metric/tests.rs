#![allow(clippy::unwrap_used)]

use domain::id::MetricId;
use domain::time::Instant;
use expect_test::expect;
use serde_json::{Value as Body, json};
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes, fields, merged};

fn made(change: Body) -> Result<Metric, Problems> {
    let base = json!({"name": "Storage", "code": "storage", "aggregation_type": "sum_agg", "field_name": "gb"});
    let valid = parse_new(fields(&merged(base, change))).validate(CodeIs::Free)?;
    let mut next = 100;
    Ok(valid.create(MetricId(Uuid::from_u128(1)), Instant::UNIX_EPOCH, 1, || {
        next += 1;
        GroupId(Uuid::from_u128(next))
    }))
}

fn clouds() -> Body {
    json!({"key": "cloud", "values": [
        {"name": "google", "key": "region", "values": ["usa", "asia"]},
        {"name": "aws", "key": "region", "values": ["usa", "europe"]},
    ]})
}

#[test]
fn every_field_has_its_code() {
    let check = |change: Body, expected: &str| assert_eq!(codes(made(change)), expected);
    check(json!({}), "");
    check(json!({"group": {}, "recurring": null, "description": null}), "");
    check(json!({"name": "", "code": null}), "name: value_is_mandatory, code: value_is_mandatory");
    check(json!({"aggregation_type": "mean_agg"}), "aggregation_type: value_is_invalid");
    check(json!({"aggregation_type": "count_unique_agg", "recurring": "true"}), "");
    check(json!({"field_name": ""}), "field_name: value_is_mandatory");
    check(json!({"recurring": "maybe"}), "recurring: value_is_invalid");
    check(json!({"aggregation_type": "max_agg", "recurring": true}), "recurring: not_compatible_with_aggregation_type");
    check(json!({"aggregation_type": "weighted_sum_agg"}), "weighted_interval: value_is_invalid");
    check(json!({"group": {"key": "region"}}), "group: value_is_invalid");
    check(json!({"group": {"key": "region", "values": [1]}}), "group: value_is_invalid");
    check(json!({"group": "region"}), "");
}

#[test]
fn a_metric_in_use_ignores_an_unreadable_key_that_it_ignores_anyway() {
    let metric = made(json!({})).unwrap();
    let check = |charged, expected: &str| {
        let update = parse_update(fields(&json!({"recurring": "maybe", "name": "Disk"}))).apply(
            &metric,
            charged,
            CodeIs::Free,
            || GroupId(Uuid::nil()),
        );
        assert_eq!(codes(update), expected);
    };
    check(Charged::No, "recurring: value_is_invalid");
    check(Charged::Yes, "");
}

#[test]
fn a_metric_is_shown_with_its_dimensions_as_groups_and_as_filters() {
    let metric = made(json!({"group": clouds()})).unwrap();
    let counts = Counts { active_subscriptions: 1, draft_invoices: 2, plans: 3 };
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000000001",
          "name": "Storage",
          "code": "storage",
          "description": null,
          "aggregation_type": "sum_agg",
          "weighted_interval": null,
          "recurring": false,
          "created_at": "1970-01-01T00:00:00Z",
          "field_name": "gb",
          "group": {
            "key": "cloud",
            "values": [
              {
                "name": "google",
                "key": "region",
                "values": [
                  "usa",
                  "asia"
                ]
              },
              {
                "name": "aws",
                "key": "region",
                "values": [
                  "usa",
                  "europe"
                ]
              }
            ]
          },
          "active_subscriptions_count": 1,
          "draft_invoices_count": 2,
          "plans_count": 3,
          "filters": [
            {
              "key": "cloud",
              "values": [
                "google",
                "aws"
              ]
            },
            {
              "key": "region",
              "values": [
                "usa",
                "asia",
                "europe"
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&Output::new(&metric, &counts)).unwrap());
    let bare = serde_json::to_string(&Output::new(&made(json!({})).unwrap(), &counts)).unwrap();
    assert!(bare.contains(r#""group":{},"#) && bare.ends_with(r#""filters":[]}"#), "{bare}");
}

#[test]
fn groups_are_listed_by_parent_and_value() {
    let shown = |metric: &Metric| {
        groups(metric).iter().map(|group| format!("{}={}", group.key, group.value)).collect::<Vec<_>>()
    };
    let metric = made(json!({"group": clouds()})).unwrap();
    assert_eq!(shown(&metric), ["aws=europe", "aws=usa", "google=asia", "google=usa"]);
    let metric = made(json!({"group": {"key": "region", "values": ["us", "eu"]}})).unwrap();
    assert_eq!(shown(&metric), ["region=eu", "region=us"]);
}
