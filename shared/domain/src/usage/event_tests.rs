#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::*;
use crate::usage::testing::{at, log, map, metric, one, text, texts, two};

use AggregationType::{Count, Latest, Max, Sum, UniqueCount, WeightedSum};

fn number(text: &str) -> Value {
    Value::Number(text.into())
}

#[test]
fn timestamps_are_seconds_with_decimals() {
    let now = at("2030-01-01");
    let check = |sent: Value, expected: &str| {
        assert_eq!(parse_timestamp(&sent, now), Ok(at(expected)), "{sent:?}");
    };
    check(number("1651240791"), "2022-04-29T13:59:51");
    check(number("1651240791.123"), "2022-04-29T13:59:51.123");
    check(text("1651240791.123"), "2022-04-29T13:59:51.123");
    check(text("1651240791"), "2022-04-29T13:59:51");
    check(number("1.651240791e9"), "2022-04-29T13:59:51");
    check(number("1651240791.1234564"), "2022-04-29T13:59:51.123456");
    check(number("1651240791.1234565"), "2022-04-29T13:59:51.123457");
    check(number("1651240791.9999995"), "2022-04-29T13:59:52");
    check(number("0"), "1970-01-01");
    check(number("-1.5"), "1969-12-31T23:59:58.5");
    check(number("-0.0000005"), "1970-01-01");
    check(Value::Null, "2030-01-01");
    check(text(""), "2030-01-01");
    check(texts(&["1"]), "2030-01-01");
    let far = parse_timestamp(&number("1651240791123"), now).unwrap();
    assert_eq!(far.timestamp(), 1_651_240_791_123, "milliseconds are taken as seconds");
}

#[test]
fn other_timestamps_are_refused() {
    let now = at("2030-01-01");
    for bad in ["2022-01-01", "2022-03-16T10:00:00Z", "foo", " ", "1 ", "+1", "1_000", "-", ".", "e", "NaN", "1e30"] {
        assert_eq!(parse_timestamp(&text(bad), now), Err(EventError::TimestampInvalid), "{bad}");
    }
    for bad in ["9223372036854", "-9223372036854", "99999999999999999999999999999999", "1e400"] {
        assert_eq!(parse_timestamp(&number(bad), now), Err(EventError::TimestampInvalid), "{bad}");
    }
    assert_eq!(parse_timestamp(&Value::Bool(true), now), Err(EventError::TimestampInvalid));
}

fn accept(new: NewEvent) -> Result<Event, Vec<EventError>> {
    let reception = Reception { received_at: at("2030-01-02"), position: 7, now: at("2029-01-01") };
    new.accept(OrganizationId(Uuid::from_u128(1)), reception)
}

#[test]
fn an_event_is_accepted_with_whatever_else_it_says() {
    let event = accept(NewEvent {
        transaction_id: number("12"),
        code: text("unknown"),
        external_customer_id: text("acme"),
        properties: text("no map"),
        ..NewEvent::default()
    })
    .unwrap();
    assert_eq!(event.transaction_id, "12");
    assert_eq!(event.external_subscription_id, None);
    assert_eq!(event.external_customer_id.as_deref(), Some("acme"));
    assert_eq!(event.timestamp, at("2029-01-01"), "the organization's time");
    assert_eq!((event.received_at, event.position), (at("2030-01-02"), 7));
    assert!(event.properties.is_empty());
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = |new| accept(new).unwrap_err().iter().map(|error| (error.field(), error.code())).collect::<Vec<_>>();
    assert_eq!(
        errors(NewEvent { code: text(" "), timestamp: text("soon"), ..NewEvent::default() }),
        [("transaction_id", "value_is_mandatory"), ("code", "value_is_mandatory"), ("timestamp", "invalid_format"),]
    );
    let sent = NewEvent { transaction_id: texts(&["t"]), code: map(&[]), ..NewEvent::default() };
    assert_eq!(errors(sent), [("transaction_id", "value_is_mandatory"), ("code", "value_is_mandatory")]);
}

#[test]
fn an_id_stands_for_organization_subscription_code_and_transaction() {
    let id = |organization: u128, subscription, code, transaction| {
        event_id(OrganizationId(Uuid::from_u128(organization)), subscription, code, transaction)
    };
    let this = id(1, Some("s"), "c", "t");
    assert_eq!(this, id(1, Some("s"), "c", "t"));
    for other in [
        id(2, Some("s"), "c", "t"),
        id(1, None, "c", "t"),
        id(1, Some(""), "c", "t"),
        id(1, Some("s"), "d", "t"),
        id(1, Some("s"), "c", "u"),
    ] {
        assert_ne!(this, other);
    }
    assert_ne!(id(1, None, "c", "t"), id(1, Some(""), "c", "t"));
}

#[test]
fn of_one_id_the_first_received_counts() {
    let first = log("2023-05-02 value=1").remove(0);
    let other = |received_at: &str, position, timestamp: &str| Event {
        received_at: at(received_at),
        position,
        timestamp: at(timestamp),
        ..first.clone()
    };
    let earliest = other("2030-01-01T11:00", 1, "2023-06-02");
    let copies = [first.clone(), other("2030-01-01T11:00", 2, "2023-01-02"), earliest.clone(), earliest.clone()];
    assert_eq!(first_of_each_id(&copies), [&earliest]);
    let two_batches = [other("2030-01-01T11:00", 1, "2023-06-03"), earliest.clone()];
    assert_eq!(first_of_each_id(&two_batches), [&earliest], "one instant and place: whatever the order, the same one");
}

fn check_problems(metric: Option<&Metric>, properties: &str, expected: [bool; 3]) {
    let events = log(&format!("2023-05-02 {properties} *2"));
    let twice: Vec<&Event> = events.iter().chain(&events).collect();
    let mut check = HourlyCheck::new(metric);
    twice.into_iter().for_each(|event| check.note(event));
    assert!(!check.is_cut());
    let found = check.found();
    let listed = |is_listed| if is_listed { vec!["t0".to_owned(), "t1".to_owned()] } else { Vec::new() };
    let [code, property, key] = expected.map(listed);
    let expected = Problems { invalid_code: code, missing_aggregation_property: property, missing_group_key: key };
    assert_eq!(found, expected, "{properties}");
}

#[test]
fn the_hourly_check_lists_unknown_codes() {
    check_problems(None, "value=1", [true, false, false]);
    check_problems(Some(&metric(Sum)), "value=1", [false, false, false]);
}

#[test]
fn the_hourly_check_lists_missing_properties() {
    for aggregation in [Sum, Max, Latest, WeightedSum] {
        let check = |properties: &str, is_listed| {
            check_problems(Some(&metric(aggregation)), properties, [false, is_listed, false]);
        };
        check("value=1", false);
        check("value=-1", false);
        check("value='1.5'", false);
        check("value='foo'", true);
        check("value='1e3'", true);
        check("value=true", true);
        check("value=null", true);
        check("other=1", true);
        check("", true);
    }
    check_problems(Some(&metric(Count)), "", [false, false, false]);
    check_problems(Some(&metric(UniqueCount)), "value='foo'", [false, false, false]);
    check_problems(Some(&metric(UniqueCount)), "value=null", [false, true, false]);
}

#[test]
fn the_hourly_check_lists_missing_dimensions() {
    let check = |group: &Value, properties: &str, is_listed| {
        check_problems(Some(&metric(Count).by(group)), properties, [false, false, is_listed]);
    };
    let regions = one("region", &["usa"]);
    check(&regions, "region='usa'", false);
    check(&regions, "region='mars'", false);
    check(&regions, "region=null", false);
    check(&regions, "", true);
    let clouds = two("cloud", &[("AWS", "region", &["usa"]), ("Google", "country", &["usa"])]);
    check(&clouds, "cloud='AWS' country='usa'", false);
    check(&clouds, "cloud='AWS' region='usa'", false);
    check(&clouds, "cloud='AWS'", true);
    check(&clouds, "region='usa'", true);
}

#[test]
fn an_event_can_be_in_two_lists() {
    check_problems(Some(&metric(Sum).by(&one("region", &["usa"]))), "", [false, true, true]);
}

#[test]
fn the_hourly_check_knows_live_metrics_only() {
    let deleted = Metric { deleted_at: Some(at("2023-05-01")), ..metric(Count) };
    check_problems(Some(&deleted), "", [true, false, false]);
}

#[test]
fn a_list_of_the_hourly_check_ends_before_it_cannot_be_sent() {
    let events = log("2023-05-02 *3");
    let mut check = HourlyCheck::new([]);
    let long = "x".repeat(LIST_BYTES_MAX - 1);
    for (event, id) in events.into_iter().zip(["a", &long, "b"]) {
        check.note(&Event { transaction_id: id.to_owned(), ..event });
    }
    assert!(check.is_cut());
    assert_eq!(check.found().invalid_code, ["a", &long]);
}

#[test]
fn a_warning_is_about_the_metric_or_its_property() {
    let check = |metric: Option<&Metric>, properties: &str, expected| {
        assert_eq!(warning(&log(&format!("2023-05-02 {properties}"))[0], metric), expected, "{properties}");
    };
    check(None, "value=1", Some(Warning::UnknownCode));
    check(Some(&metric(Sum)), "other=1", Some(Warning::PropertyNotSent));
    check(Some(&metric(Sum)), "value=null", None);
    check(Some(&metric(Sum)), "value='foo'", None);
    check(Some(&metric(Count)), "", None);
}

#[test]
fn events_go_with_their_metric() {
    let event = &log("2023-05-02")[0];
    let seq = |seconds: i64| event.received_at.timestamp_micros() + seconds * 1_000_000;
    let live = |created_seq| Metric { created_seq, ..metric(Count) };
    let gone = |deleted_at| Metric { deleted_at: Some(deleted_at), ..metric(Count) };
    let later = event.created_at + chrono::TimeDelta::days(1);
    let check = |catalogue: &[Metric], expected, name| assert_eq!(is_deleted(event, catalogue), expected, "{name}");
    check(&[], false, "no metric");
    check(&[live(seq(9))], false, "before the first metric of its code");
    check(&[gone(later)], true, "deleted later");
    check(&[gone(event.created_at)], true, "deleted at the instant of a clock that stands still");
    check(&[gone(event.created_at - chrono::TimeDelta::seconds(1))], false, "deleted before it came");
    check(&[gone(event.created_at), live(seq(-1))], false, "of the new metric");
    check(&[gone(event.created_at), live(seq(1))], true, "of the old metric");
    check(&[Metric { code: "other".into(), ..gone(later) }], false, "another code");
}
