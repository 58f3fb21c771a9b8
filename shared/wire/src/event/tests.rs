#![allow(clippy::unwrap_used)]

use expect_test::expect;
use serde_json::json;

use super::*;

const NOW: Instant = Instant::UNIX_EPOCH;

fn organization() -> OrganizationId {
    OrganizationId(Uuid::from_u128(7))
}

fn one(body: &str) -> Result<ParsedEvent<'_>, ParseError> {
    parse_one(body.as_bytes())
}

fn problems<T: fmt::Debug>(result: Result<T, ParseError>) -> Vec<(String, Vec<String>)> {
    match result {
        Err(ParseError::Invalid(problems)) => problems.fields().to_vec(),
        other => unreachable!("{other:?}"),
    }
}

fn check(event: &serde_json::Value, expected: &[(&str, &str)]) {
    let body = json!({ "event": event }).to_string();
    let found = problems(one(&body));
    let expected: Vec<_> =
        expected.iter().map(|(field, code)| ((*field).to_owned(), vec![(*code).to_owned()])).collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn a_root_is_needed() {
    let missing =
        |body: &str| assert_eq!(one(body).unwrap_err(), ParseError::MissingRoot(MissingRoot("event")), "{body}");
    for body in
        ["", " ", "{}", "[]", "7", "\"event\"", "null", r#"{"event":null}"#, r#"{"event":{}}"#, r#"{"event":[{}]}"#]
    {
        missing(body);
    }
    missing(r#"{"events":[{"transaction_id":"a","code":"b"}]}"#);
    let batch = |body: &str| parse_batch(body.as_bytes()).unwrap_err();
    for body in ["", "{}", r#"{"events":null}"#, r#"{"events":{"a":1}}"#, r#"{"events":"x","event":{}}"#] {
        assert_eq!(batch(body), ParseError::MissingRoot(MissingRoot("event")), "{body}");
    }
    let error = serde_json::to_string(&ErrorBody::from(batch("{}"))).unwrap();
    assert_eq!(error, r#"{"status":400,"error":"BadRequest: param is missing or the value is empty: event"}"#);
}

#[test]
fn what_is_no_json_is_malformed() {
    for body in [
        &b"{"[..],
        b"{} {}",
        br#"{"event":{"transaction_id":"a","code":"b",}}"#,
        br#"{"event":{"transaction_id":"\ud83c","code":"b"}}"#,
        br#"{"event":{"transaction_id":"a","code":"b","properties":{"x":"\ud83c"}}}"#,
        br#"{"event":{"transaction_id":"a","code":"b","properties":{"x":01}}}"#,
        b"{\"event\":{\"transaction_id\":\"\xff\",\"code\":\"b\"}}",
    ] {
        assert_eq!(parse_one(body).unwrap_err(), ParseError::Malformed, "{}", String::from_utf8_lossy(body));
    }
    let deep = format!(
        r#"{{"event":{{"transaction_id":"a","code":"b","properties":{{"x":{}{}}}}}}}"#,
        "[".repeat(9000),
        "]".repeat(9000)
    );
    assert_eq!(one(&deep).unwrap_err(), ParseError::Malformed);
}

#[test]
fn the_only_checks() {
    let missing: &[(&str, &str)] = &[("transaction_id", "value_is_mandatory"), ("code", "value_is_mandatory")];
    check(&json!({"properties": {}}), missing);
    check(&json!({"transaction_id": null, "code": ""}), missing);
    check(&json!({"transaction_id": " \t", "code": ["a"]}), missing);
    check(&json!({"transaction_id": {"a": 1}, "code": "a"}), &missing[..1]);
    for timestamp in [
        json!("2022-01-01"),
        json!("2022-03-16T00:00:00Z"),
        json!("now"),
        json!("1_000"),
        json!(" 1"),
        json!("+1"),
        json!(true),
        json!(1e300),
    ] {
        check(&json!({"transaction_id": "a", "code": "b", "timestamp": timestamp}), &[("timestamp", "invalid_format")]);
    }
    check(&json!({"timestamp": "x"}), &[missing[0], missing[1], ("timestamp", "invalid_format")]);
}

#[test]
fn scalars_are_texts_and_wrong_structures_are_absent() {
    let body = r#"{"event":{"transaction_id":12345678901234567890123,"code":true,"external_customer_id":1e3,
        "external_subscription_id":["a"],"timestamp":{},"properties":[1],"other":{"deep":[{}]}}}"#;
    let event = one(body).unwrap();
    assert_eq!(event.transaction_id, "12345678901234567890123");
    assert_eq!(event.code, "true");
    assert_eq!(event.external_customer_id.as_deref(), Some("1000"));
    assert_eq!(event.external_subscription_id, None);
    assert_eq!(event.timestamp, None);
    assert_eq!(event.properties_json(), "{}");
    let event = one(r#"{"event":{"transaction_id":"\u00e9\"1","code":"c","external_subscription_id":"","external_customer_id":null,"timestamp":""}}"#).unwrap();
    assert_eq!(event.transaction_id, "é\"1");
    assert_eq!((event.external_subscription_id.as_deref(), event.external_customer_id), (Some(""), None));
    assert_eq!(event.timestamp, None);
}

#[test]
fn the_last_of_equal_keys_holds() {
    let event =
        one(r#"{"event":{"code":"a"},"event":{"transaction_id":"x","transaction_id":"y","code":"b"}}"#).unwrap();
    assert_eq!((&*event.transaction_id, &*event.code), ("y", "b"));
}

#[test]
fn timestamps_are_seconds_to_the_microsecond_half_up() {
    let check = |sent: &str, micros: i64| {
        let body = format!(r#"{{"event":{{"transaction_id":"a","code":"b","timestamp":{sent}}}}}"#);
        assert_eq!(one(&body).unwrap().timestamp.unwrap().timestamp_micros(), micros, "{sent}");
    };
    check("1651240791", 1_651_240_791_000_000);
    check("1651240791.123", 1_651_240_791_123_000);
    check("\"1651240791.123\"", 1_651_240_791_123_000);
    check("1651240791.1234565", 1_651_240_791_123_457);
    check("1651240791.12345649", 1_651_240_791_123_456);
    check("1.651240791e9", 1_651_240_791_000_000);
    check("\"1e2\"", 100_000_000);
    check("0", 0);
    check("-1.5", -1_500_000);
    check("-0.0000005", 0);
}

#[test]
fn properties_keep_their_digits() {
    let sent = r#"{"a":1e400,"b":0.10,"c":12345678901234567890123,"d":-0,"e":{"f":[1.0,null,true,"x"]},"é":"\u0041"}"#;
    let body = format!(r#"{{"event":{{"transaction_id":"t","code":"c","properties":{sent}}}}}"#);
    let event = one(&body).unwrap();
    assert_eq!(event.properties_json(), sent);
    let reception = Reception { received_at: NOW, position: 3, now: NOW };
    let stored = event.to_event(organization(), reception);
    let number = |text: &str| Value::Number(text.into());
    assert_eq!(stored.properties.get("a"), Some(&number("1e400")));
    assert_eq!(stored.properties.get("b"), Some(&number("0.10")));
    assert_eq!(stored.properties.get("c"), Some(&number("12345678901234567890123")));
    assert_eq!(stored.position, 3);
    let back = serde_json::to_string(&Output::stored(&stored, Inferred::default())).unwrap();
    assert!(back.contains(&format!(r#""properties":{}"#, sent.replace("\\u0041", "A"))), "{back}");
}

#[test]
fn white_space_between_tokens_is_not_kept() {
    let event = one(
        "{\"event\": {\"transaction_id\": \"t\", \"code\": \"c\", \"properties\": {\"a b\": 1.0,\n \"c\": [ 1 , \"d e\" ]}}}",
    );
    assert_eq!(event.unwrap().properties_json(), r#"{"a b":1.0,"c":[1,"d e"]}"#);
}

#[test]
fn an_event_has_a_limit() {
    let body = |length: usize| {
        format!(r#"{{"event":{{"transaction_id":"t","code":"c","properties":{{"x":"{}"}}}}}}"#, "y".repeat(length))
    };
    // `"t"`, `"c"` and `{"x":""}` take 14 bytes.
    assert!(one(&body(EVENT_BYTES_MAX - 14)).is_ok());
    let over = body(EVENT_BYTES_MAX - 13);
    assert_eq!(problems(one(&over)), [("properties".to_owned(), vec!["value_is_too_long".to_owned()])]);
    let spread = over.replace(r#""x":"#, &format!(r#""x":{}"#, " ".repeat(9))).replace("yy\"", "\"");
    assert!(one(&spread).is_ok(), "white space does not count");
}

#[test]
fn a_batch_has_one_to_a_hundred_events() {
    let batch =
        |count: usize| format!(r#"{{"events":[{}]}}"#, vec![r#"{"transaction_id":"a","code":"b"}"#; count].join(","));
    let code = |count| problems(parse_batch(batch(count).as_bytes()));
    assert_eq!(code(0), [("events".to_owned(), vec!["no_events".to_owned()])]);
    assert_eq!(code(101), [("events".to_owned(), vec!["too_many_events".to_owned()])]);
    for count in [1, 100] {
        let body = batch(count);
        let Batch::Events(events) = parse_batch(body.as_bytes()).unwrap() else { unreachable!("the new shape") };
        assert_eq!(events.len(), count);
    }
}

#[test]
fn a_batch_is_refused_as_a_whole_with_all_its_problems() {
    let body = r#"{"events":[{"transaction_id":"a","code":"b"},{"code":"b","timestamp":"x"},7,{"transaction_id":"a","code":" "}]}"#;
    let error = ErrorBody::from(parse_batch(body.as_bytes()).unwrap_err());
    expect![[r#"{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{"1.transaction_id":["value_is_mandatory"],"1.timestamp":["invalid_format"],"2.transaction_id":["value_is_mandatory"],"2.code":["value_is_mandatory"],"3.code":["value_is_mandatory"]}}"#]]
    .assert_eq(&serde_json::to_string(&error).unwrap());
}

#[test]
fn the_deprecated_batch() {
    let parse = |body: &'static str| match parse_batch(body.as_bytes()).unwrap() {
        Batch::Legacy(legacy) => legacy,
        Batch::Events(events) => unreachable!("{events:?}"),
    };
    let legacy = parse(
        r#"{"event":{"transaction_id":"t","code":"c","external_subscription_ids":["s1",2,null,{}],"properties":{"a":1}}}"#,
    );
    assert_eq!(legacy.external_subscription_ids, ["s1", "2"]);
    let events = legacy.events().unwrap();
    let ids: Vec<_> =
        events.iter().map(|event| (&*event.transaction_id, event.external_subscription_id.as_deref())).collect();
    assert_eq!(ids, [("t_0", Some("s1")), ("t_1", Some("2"))]);
    assert_eq!(events[1].properties_json(), r#"{"a":1}"#);
    let none = parse(r#"{"event":{"code":"c","external_subscription_ids":"s1"}}"#);
    assert!(none.external_subscription_ids.is_empty());
    assert_eq!(none.events().unwrap_err(), Problems::one("transaction_id", codes::MANDATORY));
}

#[test]
fn the_queue_holds_the_same_event() {
    let now: Instant = "2024-01-09T10:15:30.123456Z".parse().unwrap();
    let queued = |body: &str| one(body).unwrap().to_queue_json(now);
    let json =
        queued(r#"{"event":{"transaction_id":7,"code":"c","properties":{ "a": 0.10 },"external_customer_id":"x\n"}}"#);
    assert_eq!(
        json.get(),
        r#"{"transaction_id":"7","code":"c","external_customer_id":"x\n","timestamp":1704795330.123456,"properties":{"a":0.10}}"#
    );
    let back = parse_item(&json).unwrap();
    assert_eq!((back.timestamp, &*back.transaction_id), (Some(now), "7"));
    assert_eq!(back.to_queue_json(NOW).get(), json.get());
    let json = queued(r#"{"event":{"transaction_id":"t","code":"c","external_subscription_id":"","timestamp":-1.5}}"#);
    assert_eq!(json.get(), r#"{"transaction_id":"t","code":"c","external_subscription_id":"","timestamp":-1.5}"#);
    let json = queued(r#"{"event":{"transaction_id":"t","code":"c","timestamp":"5.000"}}"#);
    assert_eq!(json.get(), r#"{"transaction_id":"t","code":"c","timestamp":5}"#);
}

#[test]
fn an_accepted_event() {
    let body = r#"{"event":{"transaction_id":"t","code":"c","external_customer_id":"cus","timestamp":1651240791.1239,"properties":{"b":0.10,"a":"<&>"}}}"#;
    let event = one(body).unwrap();
    let now: Instant = "2024-01-09T10:15:30.999Z".parse().unwrap();
    let output = Output::accepted(&event, organization(), now);
    expect![[r#"{"lago_id":"28ec65f6-8ce3-583f-bb48-b871da29cd80","transaction_id":"t","lago_customer_id":null,"external_customer_id":"cus","code":"c","timestamp":"2022-04-29T13:59:51.123Z","properties":{"b":0.10,"a":"\u003c\u0026\u003e"},"lago_subscription_id":null,"external_subscription_id":"","created_at":"2024-01-09T10:15:30Z"}"#]]
    .assert_eq(&format::body(&output).unwrap());
    let undated = one(r#"{"event":{"transaction_id":"t","code":"c"}}"#).unwrap();
    let output = format::body(&Output::accepted(&undated, organization(), now)).unwrap();
    assert!(output.contains(r#""timestamp":"2024-01-09T10:15:30.999Z","properties":{},"#), "{output}");
}

#[test]
fn a_stored_event_shows_what_was_inferred() {
    let event = one(r#"{"event":{"transaction_id":"t","code":"c","external_subscription_id":"sub"}}"#).unwrap();
    let reception = Reception { received_at: NOW, position: 0, now: "2024-01-09T10:15:30Z".parse().unwrap() };
    let stored = event.to_event(organization(), reception);
    let inferred =
        Inferred { external_customer_id: Some("cus"), external_subscription_id: Some("other"), ..Inferred::default() };
    let output = format::body(&Output::stored(&stored, inferred)).unwrap();
    assert!(output.contains(r#""external_customer_id":"cus""#), "{output}");
    assert!(output.contains(r#""external_subscription_id":"sub""#), "{output}");
    assert!(output.contains(r#""created_at":"2024-01-09T10:15:30Z""#), "{output}");
    assert!(output.contains(&event.id(organization()).to_string()), "a repeat has the same id");
}
