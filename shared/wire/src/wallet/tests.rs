//! Every check of chapter 04, 11.2 to 11.4 on what clients send, and the formats of what they get.

use chrono::TimeDelta;
use domain::customer::Customer;
use domain::id::{WalletId, WalletRuleId};
use domain::money::Currency;
use domain::problem::Problems;
use domain::time::{Instant, Zone};
use domain::wallet::{self, Payer, WalletBirth};
use rust_decimal_macros::dec;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::testing;

fn now() -> Instant {
    "2024-03-10T12:00:00Z".parse().unwrap()
}

fn birth() -> WalletBirth {
    WalletBirth {
        id: WalletId(Uuid::from_u128(1)),
        rule_id: WalletRuleId(Uuid::from_u128(2)),
        zone: Zone::parse("Europe/Paris").unwrap(),
        at: now(),
        seq: 1,
    }
}

fn body(more: Value) -> Value {
    let mut body = json!({"external_customer_id": "acme", "rate_amount": "1", "currency": "EUR"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn created(body: &Value, customer: &Customer, has_wallet: bool) -> Result<Wallet, Problems> {
    let new = parse_new(Fields(body.as_object().unwrap()));
    let payer = Payer { customer, is_editable: true, has_wallet, zone: Zone::UTC };
    wallet::create(&new, Some(payer), birth())
}

fn text(problems: &Problems) -> String {
    problems
        .fields()
        .iter()
        .map(|(field, codes)| format!("{field}: {}", codes.join(", ")))
        .collect::<Vec<_>>()
        .join("; ")
}

fn refused(more: Value) -> String {
    let customer = Customer { currency: None, ..testing::customer() };
    created(&body(more), &customer, false).map_or_else(|problems| text(&problems), |_| "fine".to_owned())
}

#[test]
fn credits_are_texts_that_hold_a_decimal_from_0() {
    for good in
        [json!("10"), json!("0.05"), json!("1e2"), json!("0"), json!("10.000004"), json!(null), json!([]), json!({})]
    {
        assert_eq!(refused(json!({"paid_credits": good, "granted_credits": good})), "fine", "{good}");
    }
    for bad in [
        json!(10),
        json!(0),
        json!(1.5),
        json!(true),
        json!(false),
        json!(""),
        json!("ten"),
        json!("-1"),
        json!("-0.00001"),
        json!("NaN"),
        json!("Infinity"),
        json!("1e30"),
    ] {
        assert_eq!(refused(json!({"paid_credits": bad})), "paid_credits: invalid_paid_credits", "{bad}");
        assert_eq!(refused(json!({"granted_credits": bad})), "granted_credits: invalid_granted_credits", "{bad}");
    }
}

#[test]
fn a_wallet_expires_after_today() {
    for good in ["2024-03-11T00:00:00Z", "2025-07-07T23:59:59Z", "2024-03-11T02:00:00+02:00", "2024-03-11T00:00:00.5Z"]
    {
        assert_eq!(refused(json!({"expiration_at": good})), "fine", "{good}");
    }
    // The days compared are those of UTC.
    let bad = [
        "2024-03-10T23:59:59Z",
        "2024-03-11T01:00:00+02:00",
        "2023-01-01T00:00:00Z",
        "2025-07-07",
        "2025-07-07T23:59:59",
        "soon",
    ];
    for bad in bad {
        assert_eq!(refused(json!({"expiration_at": bad})), "expiration_at: invalid_date", "{bad}");
    }
    for bad in ["2024-03-10", "soon"] {
        assert_eq!(refused(json!({"expiration_date": bad})), "expiration_at: invalid_date", "{bad}");
    }
    let customer = Customer { currency: None, ..testing::customer() };
    let dated =
        created(&body(json!({"expiration_date": "2024-03-31", "expiration_at": null})), &customer, false).unwrap();
    // Summer time starts on that day in Paris.
    let shown = Output::new(&dated, "acme", dated.ongoing(0));
    assert_eq!(
        (shown.expiration_at.as_deref(), shown.expiration_date.as_deref()),
        (Some("2024-03-31T21:59:59Z"), Some("2024-03-31"))
    );
}

#[test]
fn a_new_wallet_has_one_complete_rule_or_none() {
    let rules = |rules: Value| refused(json!({"recurring_transaction_rules": rules}));
    let count = "recurring_transaction_rules: invalid_number_of_recurring_rules";
    let invalid = "recurring_transaction_rules: invalid_recurring_rule";
    let monthly = json!({"rule_type": "interval", "interval": "monthly"});
    for (sent, expected) in [
        (json!([]), count),
        (json!([monthly, monthly]), count),
        (json!([{}]), invalid),
        (json!([{"rule_type": "interval"}]), invalid),
        (json!([{"rule_type": "interval", "interval": "daily"}]), invalid),
        (json!([{"rule_type": "threshold"}]), invalid),
        (json!([{"rule_type": "threshold", "threshold_credits": 1}]), invalid),
        (json!([{"rule_type": "threshold", "threshold_credits": "-1"}]), invalid),
        (json!([{"rule_type": "never", "interval": "monthly"}]), invalid),
        (json!([{"rule_type": "threshold", "threshold_credits": "1"}]), "fine"),
        (json!([monthly]), "fine"),
        (json!(null), "fine"),
        (json!("x"), "fine"),
    ] {
        assert_eq!(rules(sent.clone()), expected, "{sent}");
    }
}

#[test]
fn everything_wrong_is_told_together_and_the_currency_after_it() {
    let bad = json!({
        "rate_amount": "free", "paid_credits": 1, "granted_credits": "x", "expiration_at": "soon", "currency": "EURO",
        "recurring_transaction_rules": [],
    });
    let expected = "customer: customer_not_found; paid_credits: invalid_paid_credits; \
        granted_credits: invalid_granted_credits; expiration_at: invalid_date; \
        recurring_transaction_rules: invalid_number_of_recurring_rules; rate_amount: value_is_invalid; \
        currency: value_is_invalid";
    let new = parse_new(Fields(body(bad).as_object().unwrap()));
    assert_eq!(text(&wallet::create(&new, None, birth()).unwrap_err()), expected);
    for (rate, code) in [
        (json!(null), "value_is_mandatory"),
        (json!(0), "value_is_out_of_range"),
        (json!("-1"), "value_is_out_of_range"),
    ] {
        assert_eq!(refused(json!({"rate_amount": rate})), format!("rate_amount: {code}"));
    }
    assert_eq!(refused(json!({"currency": null})), "currency: value_is_mandatory");
    let dollars = Customer { currency: Some(Currency::USD), ..testing::customer() };
    let told = |body: &Value, has_wallet| text(&created(body, &dollars, has_wallet).unwrap_err());
    assert_eq!(told(&body(json!({})), false), "currency: currencies_does_not_match");
    assert_eq!(told(&body(json!({})), true), "customer: wallet_already_exists");
    assert_eq!(told(&body(json!({"paid_credits": 1})), false), "paid_credits: invalid_paid_credits");
}

#[test]
fn a_new_wallet_is_empty_and_its_first_top_up_is_owed() {
    let sent = body(json!({
        "name": "Prepaid", "rate_amount": 2.5, "paid_credits": "10", "granted_credits": "1e1",
        "expiration_at": "2025-07-07T23:59:59Z",
        "recurring_transaction_rules": [{"rule_type": "threshold", "threshold_credits": "0.5"}],
    }));
    let customer = Customer { currency: None, ..testing::customer() };
    let wallet = created(&sent, &customer, false).unwrap();
    assert_eq!(wallet.next_due, Some(now()));
    let owed = &wallet.owed[0];
    assert_eq!((owed.paid, owed.granted, owed.at), (dec!(10), dec!(10), now()));
    let shown = serde_json::to_value(Output::new(&wallet, "acme", wallet.ongoing(0)).with_rules(&wallet)).unwrap();
    let expected = json!({
        "lago_id": wallet.id.to_string(), "lago_customer_id": customer.id.to_string(), "external_customer_id": "acme",
        "status": "active", "currency": "EUR", "name": "Prepaid", "rate_amount": "2.5", "credits_balance": "0.0",
        "balance_cents": 0, "consumed_credits": "0.0", "credits_ongoing_balance": "0.0",
        "credits_ongoing_usage_balance": "0.0", "ongoing_balance_cents": 0, "ongoing_usage_balance_cents": 0,
        "created_at": "2024-03-10T12:00:00Z", "expiration_at": "2025-07-07T23:59:59Z", "last_balance_sync_at": null,
        "last_consumed_credit_at": null, "terminated_at": null, "expiration_date": "2025-07-07", "balance": "0.00",
        "recurring_transaction_rules": [{
            "lago_id": "00000000-0000-0000-0000-000000000002", "rule_type": "threshold", "paid_credits": "10.0",
            "granted_credits": "10.0", "interval": null, "threshold_credits": "0.5", "created_at": "2024-03-10T12:00:00Z",
        }],
    });
    assert_eq!(shown, expected);
    let ended = wallet::terminate(&wallet, now() + TimeDelta::milliseconds(1234));
    assert_eq!(
        Output::new(&ended, "acme", ended.ongoing(0)).terminated_at.as_deref(),
        Some("2024-03-10T12:00:01.234Z")
    );
}

#[test]
fn the_legacy_balance_has_the_currencys_decimals() {
    let customer = Customer { currency: None, ..testing::customer() };
    let check = |currency: &str, cents: i64, expected: &str| {
        let mut wallet = created(&body(json!({ "currency": currency })), &customer, false).unwrap();
        wallet.balance.cents = cents;
        assert_eq!(Output::new(&wallet, "acme", wallet.ongoing(0)).balance, expected);
    };
    check("EUR", 1000, "10.00");
    check("EUR", 5, "0.05");
    check("JPY", 1000, "1000");
    check("CLF", 12345, "1.2345");
    check("MGA", 7, "1.4");
}

#[test]
fn the_ongoing_balance_is_what_unbilled_usage_leaves() {
    let customer = Customer { currency: None, ..testing::customer() };
    let mut wallet = created(&body(json!({"rate_amount": "3"})), &customer, false).unwrap();
    (wallet.balance.cents, wallet.balance.credits) = (3000, dec!(10));
    let shown = Output::new(&wallet, "acme", wallet.ongoing(100));
    assert_eq!((shown.ongoing_balance_cents, shown.ongoing_usage_balance_cents), (2900, 100));
    assert_eq!(
        (shown.credits_ongoing_balance.as_str(), shown.credits_ongoing_usage_balance.as_str()),
        ("9.66667", "0.33333")
    );
    assert_eq!(wallet.ongoing(4500).cents, -1500);
}

fn updated(wallet: &Wallet, sent: Value) -> Result<Wallet, String> {
    let update = parse_update(Fields(sent.as_object().unwrap()));
    let later = now() + TimeDelta::days(1);
    wallet::edit(wallet, &update, WalletRuleId(Uuid::from_u128(9)), (Zone::UTC, Zone::UTC), later)
        .map_err(|problems| text(&problems))
}

#[test]
fn an_update_names_all_the_rules_that_are_wanted() {
    let customer = Customer { currency: None, ..testing::customer() };
    let sent = json!({
        "paid_credits": "1", "expiration_at": "2025-01-01T00:00:00Z", "name": "old",
        "recurring_transaction_rules": [{"rule_type": "interval", "interval": "monthly"}],
    });
    let wallet = created(&body(sent), &customer, false).unwrap();
    let rule = |entry: Value| updated(&wallet, json!({"recurring_transaction_rules": [entry]}));
    let id = "00000000-0000-0000-0000-000000000002";
    // What is not sent stays; both amounts are to be sent.
    let kept = rule(json!({"lago_id": id, "paid_credits": "2", "granted_credits": "0"})).unwrap().rule.unwrap();
    assert_eq!((kept.id.to_string().as_str(), kept.interval, kept.paid), (id, Some(Interval::Monthly), dec!(2)));
    assert_eq!((kept.created_at, kept.since), (now(), now() + TimeDelta::days(1)));
    let invalid = Err("recurring_transaction_rules: invalid_recurring_rule".to_owned());
    for bad in [
        json!({"lago_id": id, "paid_credits": "2"}),
        json!({"lago_id": id, "granted_credits": "2"}),
        json!({"lago_id": id, "paid_credits": 2, "granted_credits": "2"}),
        json!({"lago_id": id, "paid_credits": "-2", "granted_credits": "2"}),
        json!({"lago_id": id, "paid_credits": "2", "granted_credits": "2", "interval": null}),
        json!({"lago_id": id, "paid_credits": "2", "granted_credits": "2", "rule_type": "never"}),
        json!({"paid_credits": "2", "granted_credits": "2"}),
        json!({"paid_credits": "2", "granted_credits": "2", "rule_type": "threshold"}),
    ] {
        assert_eq!(rule(bad.clone()), invalid, "{bad}");
    }
    // Another id is another rule, and a threshold rule made so has no interval.
    let other =
        json!({"paid_credits": "2", "granted_credits": "2", "rule_type": "threshold", "threshold_credits": "1"});
    let made = rule(other).unwrap().rule.unwrap();
    assert_eq!((made.id, made.interval, made.threshold), (WalletRuleId(Uuid::from_u128(9)), None, dec!(1)));
    assert_eq!(updated(&wallet, json!({"recurring_transaction_rules": []})).unwrap().rule, None);
    assert_eq!(updated(&wallet, json!({"recurring_transaction_rules": null})).unwrap().rule, wallet.rule);
    let two = json!([{"rule_type": "interval"}, {"rule_type": "interval"}]);
    let count = Err("recurring_transaction_rules: invalid_number_of_recurring_rules".to_owned());
    assert_eq!(updated(&wallet, json!({ "recurring_transaction_rules": two })), count);
    // Name and expiry.
    let same = updated(&wallet, json!({"x": 1})).unwrap();
    assert_eq!((same.name.as_deref(), same.expiration_at), (Some("old"), wallet.expiration_at));
    let cleared = updated(&wallet, json!({"name": null, "expiration_at": null})).unwrap();
    assert_eq!((cleared.name, cleared.expiration_at), (None, None));
    assert_eq!(
        updated(&wallet, json!({"expiration_at": "2024-03-11T23:00:00Z"})),
        Err("expiration_at: invalid_date".into())
    );
}

#[test]
fn a_top_up_needs_an_active_wallet_and_credits() {
    let customer = Customer { currency: None, ..testing::customer() };
    let active = created(&body(json!({})), &customer, false).unwrap();
    let ended = wallet::terminate(&active, now());
    let told = |sent: Value, wallet: Option<&Wallet>| {
        let request = parse_top_up(Fields(sent.as_object().unwrap()));
        wallet::requested(&request, wallet).map_err(|problems| text(&problems))
    };
    assert_eq!(
        told(json!({"paid_credits": "10", "granted_credits": "1.000004"}), Some(&active)),
        Ok((dec!(10), dec!(1)))
    );
    assert_eq!(told(json!({"x": 1}), Some(&active)), Ok((dec!(0), dec!(0))));
    let all = json!({"paid_credits": 10, "granted_credits": "-1"});
    let credits = "paid_credits: invalid_paid_credits; granted_credits: invalid_granted_credits";
    assert_eq!(told(all.clone(), None), Err(format!("wallet_id: wallet_not_found; {credits}")));
    assert_eq!(told(all, Some(&ended)), Err(format!("wallet_id: wallet_is_terminated; {credits}")));
}

#[test]
fn filters_are_unions_of_known_words() {
    assert!(TransactionFilter::parse(&["x"], &["y"]).filters_nothing());
    let filter = TransactionFilter::parse(&["pending", "x"], &[]);
    assert_eq!(filter, TransactionFilter { statuses: vec!["pending"], directions: Vec::new() });
}
