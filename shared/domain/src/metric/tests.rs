#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::*;
use crate::usage::testing::{at, ids, map, one};

fn valid(aggregation_type: &str) -> NewMetric {
    NewMetric {
        name: Some("Storage".into()),
        code: Some("storage".into()),
        aggregation_type: Some(aggregation_type.into()),
        field_name: Some("gb".into()),
        weighted_interval: Some("seconds".into()),
        ..NewMetric::default()
    }
}

fn check(new: NewMetric, expected: &[(&str, &str)]) {
    let errors = new.validate(CodeIs::Free).err().unwrap_or_default();
    let errors: Vec<_> = errors.into_iter().map(|error| (error.field(), error.code())).collect();
    assert_eq!(errors, expected);
}

#[test]
fn every_aggregation_has_its_name() {
    for aggregation in AggregationType::ALL {
        assert_eq!(aggregation.as_str().parse(), Ok(aggregation));
        check(valid(aggregation.as_str()), &[]);
    }
    assert_eq!("count_unique_agg".parse(), Ok(AggregationType::UniqueCount));
    assert_eq!("avg_agg".parse::<AggregationType>(), Err(UnknownAggregationType("avg_agg".into())));
}

#[test]
fn mandatory_fields() {
    check(NewMetric { name: Some(" ".into()), ..valid("sum_agg") }, &[("name", "value_is_mandatory")]);
    check(NewMetric { code: None, ..valid("sum_agg") }, &[("code", "value_is_mandatory")]);
    check(NewMetric { aggregation_type: None, ..valid("sum_agg") }, &[("aggregation_type", "value_is_invalid")]);
    check(valid("avg_agg"), &[("aggregation_type", "value_is_invalid")]);
    for aggregation in AggregationType::ALL {
        let missing: &[_] =
            if aggregation == AggregationType::Count { &[] } else { &[("field_name", "value_is_mandatory")] };
        check(NewMetric { field_name: Some(String::new()), ..valid(aggregation.as_str()) }, missing);
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let group = one("region", &[]);
    check(
        NewMetric { group, recurring: Some(true), ..NewMetric::default() },
        &[
            ("name", "value_is_mandatory"),
            ("code", "value_is_mandatory"),
            ("aggregation_type", "value_is_invalid"),
            ("field_name", "value_is_mandatory"),
            ("group", "value_is_invalid"),
        ],
    );
}

#[test]
fn a_code_is_taken_once() {
    assert_eq!(valid("sum_agg").validate(CodeIs::Taken), Err(vec![MetricError::CodeTaken]));
    assert_eq!(MetricError::CodeTaken.code(), "value_already_exist");
}

#[test]
fn a_weighted_sum_needs_its_interval() {
    for interval in [None, Some("minutes")] {
        let interval = interval.map(str::to_owned);
        check(
            NewMetric { weighted_interval: interval.clone(), ..valid("weighted_sum_agg") },
            &[("weighted_interval", "value_is_invalid")],
        );
        check(NewMetric { weighted_interval: interval, ..valid("sum_agg") }, &[]);
    }
}

#[test]
fn some_aggregations_recur() {
    for aggregation in AggregationType::ALL {
        let expected: &[_] = match aggregation {
            AggregationType::Sum | AggregationType::UniqueCount | AggregationType::WeightedSum => &[],
            AggregationType::Count | AggregationType::Max | AggregationType::Latest => {
                &[("recurring", "not_compatible_with_aggregation_type")]
            }
        };
        check(NewMetric { recurring: Some(true), ..valid(aggregation.as_str()) }, expected);
    }
}

#[test]
fn dimensions_are_optional() {
    check(NewMetric { group: map(&[]), ..valid("sum_agg") }, &[]);
    check(NewMetric { group: one("region", &["usa"]), ..valid("sum_agg") }, &[]);
    check(NewMetric { group: map(&[("key", Value::Null)]), ..valid("sum_agg") }, &[("group", "value_is_invalid")]);
}

fn created(new: NewMetric) -> Metric {
    new.validate(CodeIs::Free).unwrap().create(MetricId(Uuid::from_u128(1)), at("2023-05-01"), 3, ids(1))
}

fn text(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
}

fn everything() -> MetricUpdate {
    MetricUpdate {
        name: text("Seats"),
        code: text("seats"),
        description: text("who sits"),
        aggregation_type: text("unique_count_agg"),
        weighted_interval: Some(None),
        recurring: Some(Some(true)),
        field_name: text("seat"),
        group: one("region", &["europe", "usa"]),
    }
}

#[test]
fn a_free_metric_may_be_edited_as_a_whole() {
    let metric = created(NewMetric { group: one("region", &["usa"]), ..valid("sum_agg") });
    let edited = metric.updated(everything(), Charged::No, CodeIs::Free, ids(10)).unwrap();
    assert_eq!((edited.name.as_str(), edited.code.as_str()), ("Seats", "seats"));
    assert_eq!(edited.description.as_deref(), Some("who sits"));
    assert_eq!((edited.aggregation, edited.recurring), (AggregationType::UniqueCount, true));
    assert_eq!((edited.weighted_interval, edited.field_name.as_deref()), (None, Some("seat")));
    assert_eq!(edited.leaf("usa"), metric.leaf("usa"));
    assert_eq!(edited.leaf("europe"), Some(GroupId(Uuid::from_u128(10))));
    assert_eq!((edited.id, edited.created_at, edited.created_seq), (metric.id, metric.created_at, 3));
}

#[test]
fn a_charged_metric_keeps_what_it_counts() {
    let metric = created(valid("sum_agg"));
    let update = MetricUpdate { aggregation_type: text("nonsense"), ..everything() };
    let edited = metric.updated(update, Charged::Yes, CodeIs::Taken, ids(10)).unwrap();
    let expected = Metric {
        name: "Seats".into(),
        description: Some("who sits".into()),
        groups: edited.groups.clone(),
        ..metric.clone()
    };
    assert_eq!(edited, expected);
    assert_eq!(edited.groups.leaves().len(), 2);
}

#[test]
fn absent_keys_leave_and_null_clears() {
    let metric =
        created(NewMetric { description: Some("old".into()), group: one("region", &["usa"]), ..valid("sum_agg") });
    let update = |update| metric.updated(update, Charged::No, CodeIs::Free, ids(10));
    assert_eq!(update(MetricUpdate::default()), Ok(metric.clone()));
    assert_eq!(update(MetricUpdate { description: Some(None), ..MetricUpdate::default() }).unwrap().description, None);
    let cleared = MetricUpdate { name: Some(None), aggregation_type: Some(None), ..MetricUpdate::default() };
    assert_eq!(update(cleared), Err(vec![MetricError::NameMissing, MetricError::AggregationTypeInvalid]));
    let no_group = update(MetricUpdate { group: map(&[]), ..MetricUpdate::default() }).unwrap();
    assert_eq!(no_group.groups, Groups::None);
}

#[test]
fn an_edit_is_checked_as_a_whole() {
    let metric = created(NewMetric { recurring: Some(true), ..valid("sum_agg") });
    let update = |update, code| metric.updated(update, Charged::No, code, ids(10));
    let to_max = MetricUpdate { aggregation_type: text("max_agg"), ..MetricUpdate::default() };
    assert_eq!(update(to_max, CodeIs::Free), Err(vec![MetricError::RecurringIncompatible]));
    let code = |code| MetricUpdate { code: text(code), ..MetricUpdate::default() };
    assert_eq!(update(code("other"), CodeIs::Taken), Err(vec![MetricError::CodeTaken]));
    assert_eq!(update(code("storage"), CodeIs::Taken), Ok(metric.clone()), "its own code is no other's");
    let bad_group = MetricUpdate { group: one("region", &[]), ..MetricUpdate::default() };
    assert_eq!(update(bad_group, CodeIs::Free), Err(vec![MetricError::GroupMalformed]));
}
