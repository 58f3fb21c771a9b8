#![allow(clippy::unwrap_used)]

use domain::billing::Change;
use domain::id::{CustomerId, PlanId, SubscriptionId};
use domain::subscription::{Link, Progress};
use expect_test::expect;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes as shown, fields, merged};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

const NOW: &str = "2024-03-10T12:00:00Z";

#[test]
fn both_dates_are_checked_together() {
    let paris = Zone::parse("Europe/Paris").unwrap();
    let check = |body: Value, expected: &str| {
        let new = parse_new(fields(&body));
        assert_eq!(shown(new.check_dates(paris, at(NOW))), expected, "{body}");
    };
    check(json!({"x": 1}), "");
    check(json!({"subscription_at": "2020-01-01T00:00:00Z", "ending_at": "2024-03-11T00:00:00Z"}), "");
    check(json!({"ending_at": ""}), "");
    check(json!({"ending_at": null, "subscription_at": null}), "");
    check(json!({"subscription_at": "2024-01-01"}), "subscription_at: invalid_date");
    check(json!({"subscription_at": "2024-02-31T00:00:00Z"}), "subscription_at: invalid_date");
    check(json!({"ending_at": "2024-03-10T23:59:59Z"}), "ending_at: invalid_date");
    check(json!({"ending_at": "2024-03-11T00:30:00+02:00"}), "ending_at: invalid_date");
    check(
        json!({"subscription_at": "2024-05-01T00:00:00Z", "ending_at": "2024-05-01T23:00:00Z"}),
        "ending_at: invalid_date",
    );
    let both = json!({"subscription_at": "soon", "ending_at": "later"});
    check(both, "subscription_at: invalid_date, ending_at: invalid_date");
    check(json!({"subscription_date": "2024-01-10"}), "");
    check(json!({"subscription_date": "never"}), "subscription_date: invalid_date");
    check(json!({"subscription_at": "2024-01-10T00:00:00Z", "subscription_date": "never"}), "");
}

#[test]
fn an_updates_end_is_compared_with_the_start_that_holds() {
    let check = |body: Value, expected: &str| {
        let stored = at("2024-06-01T00:00:00Z");
        assert_eq!(shown(parse_update(fields(&body)).check_dates(stored, Zone::UTC, at(NOW))), expected);
    };
    check(json!({"ending_at": "2024-05-01T00:00:00Z"}), "ending_at: invalid_date");
    check(json!({"ending_at": "2024-05-01T00:00:00Z", "subscription_at": "2024-04-01T00:00:00Z"}), "");
    check(json!({"ending_at": null}), "");
}

#[test]
fn a_legacy_day_starts_in_the_organizations_zone() {
    let start = parse_new(fields(&json!({"subscription_date": "2024-01-10"}))).start;
    assert_eq!(start.resolve(Zone::parse("Europe/Paris").unwrap()), Some(at("2024-01-09T23:00:00Z")));
}

#[test]
fn ids_and_words_are_checked_apart() {
    let new = |change: Value| {
        let base = json!({"external_customer_id": " c1 ", "external_id": 7, "plan_code": "p", "name": " n "});
        parse_new(fields(&merged(base, change)))
    };
    let read = new(json!({}));
    assert_eq!((read.external_customer_id.as_str(), read.external_id.as_str(), read.name.as_str()), ("c1", "7", "n"));
    assert_eq!(shown(read.check_ids()), "");
    assert_eq!(shown(new(json!({"external_id": "  "})).check_ids()), "external_id: value_is_mandatory");
    assert_eq!(shown(new(json!({"external_customer_id": null})).check_ids()), "external_id: value_is_mandatory");
    assert_eq!(read.billing_time(), Ok(BillingTime::Calendar));
    assert_eq!(new(json!({"billing_time": "anniversary"})).billing_time(), Ok(BillingTime::Anniversary));
    assert_eq!(shown(new(json!({"billing_time": "lunar"})).billing_time()), "billing_time: value_is_invalid");
    assert_eq!(read.plan_overrides, None);
    assert_eq!(new(json!({"plan_overrides": null})).plan_overrides, None);
    assert!(new(json!({"plan_overrides": {}})).plan_overrides.is_some());
    assert_eq!(wanted_status(&json!({"subscription": {"name": "x"}, "status": "pending"})), Some("pending"));
    assert_eq!(wanted_status(&json!({"subscription": {"status": "pending"}})), Some("pending"));
}

#[test]
fn a_subscription_is_shown_with_its_neighbours() {
    let start = at("2024-01-09T23:00:00Z");
    let link = |plan_code: &str, change| {
        Some(Link { id: SubscriptionId(Uuid::nil()), plan_code: plan_code.to_owned(), change })
    };
    let subscription = Subscription {
        id: SubscriptionId(Uuid::from_u128(1)),
        external_id: "s1".into(),
        customer_id: CustomerId(Uuid::from_u128(2)),
        plan_id: PlanId(Uuid::from_u128(3)),
        plan_code: "basic".into(),
        name: Some(String::new()),
        state: State::Active { started_at: start },
        billing_time: BillingTime::Anniversary,
        subscription_at: start,
        ending_at: None,
        created_at: start,
        created_seq: 1,
        previous: link("old", Change::Upgrade),
        next: link("small", Change::Downgrade),
        trial_started_at: start,
        next_due: None,
        progress: Progress::default(),
    };
    let output = Output::new(&subscription, "c1", "2024-02-10".parse().ok());
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000000001",
          "external_id": "s1",
          "lago_customer_id": "00000000-0000-0000-0000-000000000002",
          "external_customer_id": "c1",
          "name": "",
          "plan_code": "basic",
          "status": "active",
          "billing_time": "anniversary",
          "subscription_at": "2024-01-09T23:00:00Z",
          "started_at": "2024-01-09T23:00:00Z",
          "ending_at": null,
          "terminated_at": null,
          "canceled_at": null,
          "created_at": "2024-01-09T23:00:00Z",
          "previous_plan_code": "old",
          "next_plan_code": "small",
          "downgrade_plan_date": "2024-02-10",
          "subscription_date": "2024-01-09"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&output).unwrap());
}
