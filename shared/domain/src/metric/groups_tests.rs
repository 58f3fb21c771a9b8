#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::*;
use crate::usage::testing::{ids, log, map, one, text, texts, two};

fn groups(definition: &Value) -> Groups {
    Groups::parse(definition, ids(1)).unwrap()
}

/// Display names and ids in order of creation.
fn names(groups: &Groups) -> Vec<(String, u128)> {
    groups.leaves().iter().map(|leaf| (leaf.display_name(), leaf.id.0.as_u128())).collect()
}

fn named(expected: &[(&str, u128)]) -> Vec<(String, u128)> {
    expected.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()
}

#[test]
fn both_shapes_are_understood_and_given_back() {
    let check = |definition: Value, leaves: &[(&str, u128)]| {
        let groups = groups(&definition);
        assert_eq!(names(&groups), named(leaves));
        assert_eq!(groups.to_value(), definition);
    };
    check(map(&[]), &[]);
    check(one("region", &["usa", "europe"]), &[("usa", 1), ("europe", 2)]);
    check(
        two("cloud", &[("AWS", "region", &["usa", "europe"]), ("Google", "region", &["usa"])]),
        &[("AWS • usa", 1), ("AWS • europe", 2), ("Google • usa", 3)],
    );
}

#[test]
fn repeated_values_collapse() {
    assert_eq!(groups(&one("region", &["usa", "europe", "usa"])), groups(&one("region", &["usa", "europe"])));
    assert_eq!(
        groups(&two("cloud", &[("AWS", "region", &["usa", "usa"]), ("AWS", "region", &["europe", "usa"])])),
        groups(&two("cloud", &[("AWS", "region", &["usa", "europe"])])),
    );
}

#[test]
fn other_shapes_are_refused() {
    let parent = |values: Value| map(&[("name", text("AWS")), ("key", text("region")), ("values", values)]);
    let with = |values: Value| map(&[("key", text("cloud")), ("values", values)]);
    let number = || Value::Number("1".into());
    let third_level = parent(Value::List(vec![parent(texts(&["usa"]))]));
    for bad in [
        Value::Null,
        text("region"),
        Value::List(vec![]),
        map(&[("key", text("region"))]),
        map(&[("values", texts(&["usa"]))]),
        map(&[("key", text("region")), ("value", texts(&["usa"]))]),
        map(&[("key", number()), ("values", texts(&["usa"]))]),
        with(text("usa")),
        with(Value::List(vec![])),
        with(Value::List(vec![number()])),
        with(Value::List(vec![text("usa"), number()])),
        with(Value::List(vec![text("usa"), parent(texts(&["usa"]))])),
        with(Value::List(vec![parent(texts(&["usa"])), text("usa")])),
        with(Value::List(vec![parent(Value::List(vec![]))])),
        with(Value::List(vec![parent(Value::List(vec![number()]))])),
        with(Value::List(vec![third_level])),
        with(Value::List(vec![map(&[("key", text("region")), ("values", texts(&["usa"]))])])),
        with(Value::List(vec![map(&[("name", text("AWS")), ("values", texts(&["usa"]))])])),
        with(Value::List(vec![map(&[("name", number()), ("key", text("region")), ("values", texts(&["usa"]))])])),
    ] {
        assert_eq!(Definition::parse(&bad), Err(MalformedGroups), "{bad:?}");
    }
}

fn check_edit(before: &Value, after: &Value, expected: &[(&str, u128)]) {
    let edited = groups(before).edited(Definition::parse(after).unwrap(), ids(10));
    assert_eq!(names(&edited), named(expected));
}

#[test]
fn an_edit_keeps_ids_by_key_and_value() {
    let before = one("region", &["usa", "europe"]);
    check_edit(&before, &one("region", &["asia", "europe", "usa"]), &[("usa", 1), ("europe", 2), ("asia", 10)]);
    check_edit(&before, &one("region", &["europe"]), &[("europe", 2)]);
    check_edit(&before, &one("country", &["usa", "europe"]), &[("usa", 10), ("europe", 11)]);
    check_edit(&before, &map(&[]), &[]);
    check_edit(&map(&[]), &before, &[("usa", 10), ("europe", 11)]);
}

#[test]
fn an_edit_of_two_dimensions_keeps_ids_by_parent_key_and_value() {
    let before = two("cloud", &[("AWS", "region", &["usa", "europe"]), ("Google", "region", &["usa"])]);
    let check = |after: &[(&str, &str, &[&str])], expected: &[(&str, u128)]| {
        check_edit(&before, &two("cloud", after), expected);
    };
    check(&[("Google", "region", &["usa"])], &[("Google • usa", 3)]);
    check(
        &[("Azure", "region", &["usa"]), ("Google", "region", &["asia", "usa"]), ("AWS", "region", &["europe"])],
        &[("AWS • europe", 2), ("Google • usa", 3), ("Google • asia", 11), ("Azure • usa", 10)],
    );
    check(&[("AWS", "country", &["usa"])], &[("AWS • usa", 10)]);
    let other_key = two("provider", &[("AWS", "region", &["usa"])]);
    check_edit(&before, &other_key, &[("AWS • usa", 10)]);
}

#[test]
fn a_switch_between_dimensions_keeps_no_id() {
    let flat = one("cloud", &["AWS", "usa"]);
    let deep = two("cloud", &[("AWS", "cloud", &["usa"])]);
    check_edit(&flat, &deep, &[("AWS • usa", 10)]);
    check_edit(&deep, &flat, &[("AWS", 10), ("usa", 11)]);
}

#[test]
fn an_event_matches_by_exact_texts_only() {
    let check = |groups: &Groups, properties: &str, expected: Option<u128>| {
        let event = log(&format!("2023-05-02 {properties}")).remove(0);
        let expected = expected.map(|id| GroupId(Uuid::from_u128(id)));
        assert_eq!(groups.leaf_of(&event.properties), expected, "{properties}");
        assert_eq!(groups.index().leaf_of(&event.properties), expected, "{properties}, by index");
    };
    let regions = groups(&one("region", &["usa", "1", "true"]));
    check(&regions, "region='usa'", Some(1));
    for stranger in ["region='USA'", "region='mars'", "region=1", "region=true", "region=null", "country='usa'", ""] {
        check(&regions, stranger, None);
    }
    let clouds = groups(&two("cloud", &[("AWS", "region", &["usa"]), ("Google", "country", &["usa"])]));
    check(&clouds, "cloud='AWS' region='usa'", Some(1));
    check(&clouds, "cloud='Google' country='usa'", Some(2));
    for stranger in ["cloud='AWS' country='usa'", "cloud='AWS'", "region='usa'", "cloud='Google' region='usa'"] {
        check(&clouds, stranger, None);
    }
    let twice = groups(&two("cloud", &[("AWS", "country", &["us"]), ("AWS", "region", &["usa"])]));
    check(&twice, "cloud='AWS' region='usa' country='us'", Some(1));
    check(&Groups::None, "region='usa'", None);
}

#[test]
fn orders_names_and_filters() {
    let clouds = groups(&two("cloud", &[("B", "region", &["x", "a"]), ("A", "region", &["x"]), ("A", "zone", &["z"])]));
    let order = |leaves: Vec<LeafView<'_>>| leaves.iter().map(LeafView::display_name).collect::<Vec<_>>();
    assert_eq!(order(clouds.leaves()), ["B • x", "B • a", "A • x", "A • z"]);
    assert_eq!(order(clouds.leaves_by_value()), ["A • x", "A • z", "B • a", "B • x"]);
    assert_eq!(order(clouds.leaves_by_name()), ["A • x", "A • z", "B • a", "B • x"]);
    assert_eq!(clouds.filters(), [("cloud", vec!["B", "A"]), ("region", vec!["x", "a"]), ("zone", vec!["z"])]);
    assert_eq!(clouds.leaves().first().map(LeafView::wire_key), Some("B"));
    let regions = groups(&one("region", &["usa"]));
    assert_eq!(regions.leaves().first().map(LeafView::wire_key), Some("region"));
    assert_eq!(regions.filters(), [("region", vec!["usa"])]);
    assert_eq!(Groups::None.filters(), []);
}
