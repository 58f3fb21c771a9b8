//! Round trips of every kind, and golden bodies that must load for ever.

use std::fmt::Debug;
use std::path::PathBuf;

use domain::customer::Customer;
use domain::invoice::{FeeItem, FeePayment, FeePaymentStatus, Invoice};
use domain::metric::groups::Groups;
use domain::plan::Charge;
use domain::subscription::{Seam, Subscription};
use domain::value::Value;
use domain::wallet::Wallet;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::SETTLING;
use super::form::Json;
use super::samples::{self, at, scope};
use super::{ApiKey, KeyHolder};
use crate::keys::{self, Timeline};
use crate::record::{Record, Scope, Versioned, encode_body, from_item, to_item};
use crate::table::Index;

mod coupon;

fn returns<R: Record + Clone + PartialEq + Debug>(record: &R) {
    let item = to_item(scope(), record, 7).unwrap();
    assert_eq!(item.key, record.key(scope()));
    assert_eq!(from_item::<R>(&item).unwrap(), Versioned { value: record.clone(), version: 7 });
}

#[test]
fn every_kind_comes_back_as_it_was() {
    for full in [true, false] {
        returns(&samples::organization(full));
        returns(&samples::customer(full));
        returns(&samples::tax(full));
        returns(&samples::wallet(full));
        returns(&samples::wallet_transaction(full));
        returns(&samples::plan(full));
        returns(&samples::invoice(full));
        returns(&samples::advance_window(full));
        returns(&samples::advance_value(full));
        returns(&samples::uninvoiced_fee(full));
        returns(&samples::credit_note(full));
        returns(&samples::webhook(full));
        returns(&samples::api_key(full));
        returns(&samples::key_holder(full));
        returns(&samples::idempotent_request(full));
        returns(&samples::ledger_transaction(full));
        samples::groups().into_iter().for_each(|groups| returns(&samples::metric(groups, full)));
        samples::states().into_iter().for_each(|state| returns(&samples::subscription(state, full)));
    }
    returns(&samples::advance_metrics());
    returns(&samples::advance_mark());
    returns(&samples::attribution());
    returns(&samples::running_number());
    returns(&samples::chain());
    returns(&samples::alias());
    returns(&samples::draft());
    returns(&samples::draft_notes());
    returns(&samples::live());
    returns(&samples::added_rows());
    returns(&samples::month_rows());
    returns(&samples::customer_rows());
    returns(&samples::former_customers());
    [true, false].into_iter().for_each(|checked| returns(&samples::event_hour(checked)));
}

fn golden<R: Record>(name: &str, record: &R) {
    let name = format!("{}.v{}{name}.json", R::KIND, R::SCHEMA);
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "golden", &name].iter().collect();
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let loaded = R::from_stored(serde_json::from_slice(&golden).unwrap()).unwrap();
    let bare = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
    assert_eq!(bare(&serde_json::to_vec(&loaded.to_stored()).unwrap()), bare(&golden), "{name}");
    assert_eq!(bare(&serde_json::to_vec(&record.to_stored()).unwrap()), bare(&golden), "{name}");
}

#[test]
fn golden_bodies_load_and_are_what_is_written_today() {
    for full in [true, false] {
        let name = if full { "" } else { ".minimal" };
        golden(name, &samples::organization(full));
        golden(name, &samples::customer(full));
        golden(name, &samples::tax(full));
        golden(name, &samples::wallet(full));
        golden(name, &samples::wallet_transaction(full));
        golden(name, &samples::plan(full));
        golden(name, &samples::invoice(full));
        golden(name, &samples::advance_window(full));
        golden(name, &samples::advance_value(full));
        golden(name, &samples::uninvoiced_fee(full));
        golden(name, &samples::credit_note(full));
        golden(name, &samples::webhook(full));
        golden(name, &samples::api_key(full));
        golden(name, &samples::key_holder(full));
        golden(name, &samples::idempotent_request(full));
        golden(name, &samples::ledger_transaction(full));
        let groups = samples::groups()[if full { 2 } else { 0 }].clone();
        golden(name, &samples::metric(groups, full));
        golden(name, &samples::subscription(samples::states()[usize::from(full)], full));
    }
    golden("", &samples::advance_metrics());
    golden("", &samples::advance_mark());
    golden("", &samples::attribution());
    golden("", &samples::running_number());
    golden("", &samples::chain());
    golden("", &samples::alias());
    golden("", &samples::draft());
    golden("", &samples::draft_notes());
    golden("", &samples::live());
    golden("", &samples::added_rows());
    golden("", &samples::month_rows());
    golden("", &samples::customer_rows());
    golden("", &samples::former_customers());
    golden("", &samples::event_hour(false));
}

fn old_golden<R: Record>(file: &str) -> R {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "golden", file].iter().collect();
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    R::from_stored(serde_json::from_slice(&golden).unwrap()).unwrap()
}

/// Before schema 2 keys had no names, and ended at once.
#[test]
fn api_keys_of_schema_1_are_what_they_were() {
    for (full, file) in [(true, "api_key.v1.json"), (false, "api_key.v1.minimal.json")] {
        let expected = ApiKey { name: None, expires_at: None, ..samples::api_key(full) };
        assert_eq!(old_golden::<ApiKey>(file), expected, "{file}");
    }
    assert_eq!(old_golden::<KeyHolder>("key_holder.v1.json"), samples::key_holder(false));
}

/// Before schema 2 nobody looked at the ongoing balance.
#[test]
fn wallets_of_schema_1_are_what_they_were() {
    for (full, file) in [(true, "wallet.v1.json"), (false, "wallet.v1.minimal.json")] {
        let expected = Wallet { look_at: None, is_low_by_usage: false, ..samples::wallet(full) };
        assert_eq!(old_golden::<Wallet>(file), expected, "{file}");
    }
}

/// Before schema 2 nothing but subscriptions fixed a currency.
#[test]
fn customers_of_schema_1_are_what_they_were() {
    for (full, file) in [(true, "customer.v1.json"), (false, "customer.v1.minimal.json")] {
        let expected = Customer { is_currency_fixed: false, ..before_schema_3(full) };
        assert_eq!(old_golden::<Customer>(file), expected, "{file}");
    }
}

/// Before schema 3 there were no links to payment providers.
#[test]
fn customers_of_schema_2_are_what_they_were() {
    for (full, file) in [(true, "customer.v2.json"), (false, "customer.v2.minimal.json")] {
        assert_eq!(old_golden::<Customer>(file), before_schema_3(full), "{file}");
    }
}

fn before_schema_3(full: bool) -> Customer {
    Customer { payment_provider: None, provider_links: Vec::new(), ..samples::customer(full) }
}

/// Before schema 2 there were no credits, no fees made by events, and no fees but of subscriptions and charges.
#[test]
fn invoices_of_schema_1_are_what_they_were() {
    for (full, file) in [(true, "invoice.v1.json"), (false, "invoice.v1.minimal.json")] {
        let mut expected = samples::invoice(full);
        let old_items = expected.fees.len().saturating_sub(2);
        expected.fees.truncate(old_items);
        for fee in &mut expected.fees {
            fee.description = None;
            fee.payment = FeePayment { status: FeePaymentStatus::Failed, ..FeePayment::default() };
            without_basis(&mut fee.item);
            if let FeeItem::Charge(item) = &mut fee.item {
                item.event = None;
            }
        }
        let Invoice { credits, prepaid, needs_refresh, last_credit_note_sequence, .. } = &mut expected;
        (*prepaid, *needs_refresh, *last_credit_note_sequence) = (None, false, 0);
        credits.clear();
        assert_eq!(old_golden::<Invoice>(file), expected, "{file}");
    }
}

/// The end of time loses its nanoseconds in the table.
#[test]
fn a_record_that_waits_for_anothers_end_waits_when_it_is_read_too() {
    let mut waiting = samples::subscription(samples::states()[1], false);
    waiting.progress.taken_over = Some(Seam::NOT_YET);
    let read = from_item::<Subscription>(&to_item(scope(), &waiting, 1).unwrap()).unwrap();
    assert!(read.progress.taken_over.unwrap().is_open());
}

/// Before schema 2 a subscription did not know since when it was active by the clock, nor what was announced. Nor did the
/// first ones of schema 2 know of other records of their external id.
#[test]
fn subscriptions_of_schema_1_are_what_they_were() {
    for (full, file) in [(true, "subscription.v1.json"), (false, "subscription.v1.minimal.json")] {
        let mut expected = samples::subscription(samples::states()[usize::from(full)], full);
        (expected.progress.activated_at, expected.progress.replanned_at) = (None, None);
        expected.progress.alerts_sent.clear();
        (expected.progress.taken_over, expected.progress.handed_over) = (None, None);
        assert_eq!(old_golden::<Subscription>(file), expected, "{file}");
    }
}

/// Before schema 3 fees did not say what they were computed from.
#[test]
fn invoices_of_schema_2_are_what_they_were() {
    for (full, file) in [(true, "invoice.v2.json"), (false, "invoice.v2.minimal.json")] {
        let mut expected = samples::invoice(full);
        expected.fees.iter_mut().for_each(|fee| without_basis(&mut fee.item));
        assert_eq!(old_golden::<Invoice>(file), expected, "{file}");
    }
}

fn without_basis(item: &mut FeeItem) {
    match item {
        FeeItem::Charge(item) => item.basis = None,
        FeeItem::Subscription { basis, .. } => *basis = None,
        FeeItem::AddOn { .. } | FeeItem::Credit { .. } => {}
    }
}

#[test]
fn unknown_fields_and_newer_schemas_are_refused() {
    let mut item = to_item(scope(), &samples::tax(true), 1).unwrap();
    item.schema += 1;
    assert!(from_item::<domain::tax::Tax>(&item).is_err());
    let stored = serde_json::to_value(samples::tax(true).to_stored()).unwrap();
    let serde_json::Value::Object(mut fields) = stored else { panic!() };
    fields.insert("newer".into(), 1.into());
    item.schema -= 1;
    item.body = encode_body("tax", &fields).unwrap();
    assert!(from_item::<domain::tax::Tax>(&item).is_err());
}

#[test]
fn a_price_that_the_domain_refuses_is_an_error() {
    let mut plan = samples::plan(true);
    let Charge { price, .. } = &mut plan.charges[0];
    price.properties = Value::Map(vec![("amount".into(), Value::Text("-1".into()))]);
    let item = to_item(scope(), &plan, 1).unwrap();
    let error = from_item::<domain::plan::Plan>(&item).unwrap_err();
    assert!(error.reason.contains("invalid_amount"), "{error}");
}

#[test]
fn periods_close_a_settling_time_later_on_the_real_clock_only() {
    let due = |state: usize, timeline| {
        let subscription = samples::subscription(samples::states()[state], true);
        let entries = subscription.entries(Scope { timeline, ..scope() });
        let due = entries.into_iter().find(|entry| entry.index == Index::ByDue).unwrap();
        (due.partition, keys::from_sortable(&due.sort).unwrap())
    };
    let nominal = at("2024-03-01T00:00:00Z");
    let shard = |timeline| due(0, timeline).0;
    assert_eq!(due(0, Timeline::Real), (shard(Timeline::Real), nominal));
    assert_eq!(due(1, Timeline::Real), (shard(Timeline::Real), nominal + SETTLING));
    assert_eq!(due(2, Timeline::Real), (shard(Timeline::Real), nominal + SETTLING));
    for state in 0..5 {
        assert_eq!(due(state, Timeline::Sandbox), (keys::due_in_sandbox(samples::organization_id()), nominal));
    }
}

#[test]
fn only_what_lives_is_listed() {
    assert_eq!(samples::customer(true).entries(scope()).len(), 0);
    assert_eq!(samples::customer(false).entries(scope()).len(), 1);
    let plan = samples::plan(false);
    assert_eq!(plan.entries(scope()).len(), 1);
    assert_eq!(domain::plan::Plan { pending_deletion: true, ..plan }.entries(scope()).len(), 0);
    assert_eq!(samples::plan(true).entries(scope())[0].index, Index::ByParent);
    assert_eq!(samples::metric(Groups::None, false).entries(scope()).len(), 0);
    assert_eq!(samples::wallet(true).entries(scope()).len(), 2);
    assert_eq!(samples::wallet(false).entries(scope()).len(), 1);
    assert_eq!(samples::invoice(true).entries(scope()).len(), 3);
    assert_eq!(samples::invoice(false).entries(scope()).len(), 2);
}

#[test]
fn webhooks_go_some_days_after_readers_stop_showing_them() {
    let days = chrono::TimeDelta::days(92);
    let webhook = samples::webhook(true);
    let changed_or_created = webhook.updated_at.timestamp().max(webhook.created_seq / 1_000_000);
    assert!(webhook.expires_at() >= Some((at("2024-02-01T00:00:00Z") + days).timestamp()));
    assert_eq!(webhook.expires_at(), Some(changed_or_created + days.num_seconds()));
}

#[test]
fn numbers_that_json_does_not_know_are_not_stored() {
    for bad in ["", "abc", "null", "1,2", "01", "1.", ".5", "+1", "NaN", "1 ", "[1]", "\"1\""] {
        assert!(serde_json::to_string(&Json(Value::Number(bad.into()))).is_err(), "{bad}");
    }
}

/// Free-form values as clients may send them: odd numbers, odd texts, nested.
pub fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?".prop_map(Value::Number),
        Just(Value::Number("1e3".into())),
        Just(Value::Number("-0.0".into())),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number,
        "\\PC{0,12}".prop_map(Value::Text),
        Just(Value::Text("\u{0}\"\\\u{2028}\u{1F600}".into())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(("\\PC{0,6}", inner), 0..4).prop_map(|entries| {
                let mut seen = std::collections::HashSet::new();
                Value::Map(entries.into_iter().filter(|(name, _)| seen.insert(name.clone())).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn free_form_values_keep_every_digit_and_their_order(value in any_value()) {
        let json = serde_json::to_string(&Json(value.clone())).unwrap();
        prop_assert!(serde_json::from_str::<Box<RawValue>>(&json).is_ok());
        prop_assert_eq!(serde_json::from_str::<Json>(&json).unwrap().0, value.clone());
        let pretty = format!(" [ {json} , {json} ] ");
        prop_assert_eq!(serde_json::from_str::<Json>(&pretty).unwrap().0, Value::List(vec![value.clone(), value]));
    }

    #[test]
    fn instants_and_amounts_are_exact(micros in any::<i32>(), nanos in 0_u32..1_000_000, cents in any::<i64>()) {
        let seconds = chrono::DateTime::from_timestamp(i64::from(micros) * 1000, nanos * 1000).unwrap();
        let customer = domain::customer::Customer {
            created_at: seconds,
            last_invoice_sequence: cents,
            ..samples::customer(true)
        };
        let item = to_item(scope(), &customer, 1).unwrap();
        prop_assert_eq!(from_item::<domain::customer::Customer>(&item).unwrap().value, customer);
    }
}

#[test]
fn an_hour_with_events_is_due_until_it_was_checked() {
    let hour = samples::event_hour(false);
    let due: Vec<_> = hour.entries(scope()).into_iter().map(|entry| (entry.index, entry.sort)).collect();
    assert_eq!(due, [(Index::ByDue, keys::sortable(at("2024-03-01T00:05:00Z")))]);
    assert_eq!(hour.expires_at(), None);
    let checked = samples::event_hour(true);
    assert!(checked.entries(scope()).is_empty());
    // By the real clock, whatever time it is in the sandbox.
    assert_eq!(checked.expires_at(), Some(at("2026-02-09T00:00:00Z").timestamp()));
}

#[test]
fn a_request_that_has_begun_comes_back_and_is_forgotten_after_a_day() {
    use super::{IdempotentRequest, RequestState};
    let until = at("2024-01-31T12:01:00Z");
    let begun = IdempotentRequest { state: RequestState::Begun { until }, ..samples::idempotent_request(true) };
    returns(&begun);
    assert_eq!(begun.expires_at(), Some(at("2024-02-01T13:00:00Z").timestamp()));
}

#[test]
fn a_large_answer_stands_in_pages() {
    use super::idempotent_request::joined;
    use super::{AnswerBody, IdempotentRequest, RequestState, StoredAnswer};
    // Digits of a generator: they do not compress to nothing.
    let mut seed = 7_u64;
    let digit = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((seed >> 33) % 90).unwrap())
    };
    let text: String = (0..900_000).map(digit).collect();
    let answer = StoredAnswer { status: 200, content_type: None, body: AnswerBody::Whole(text.clone()) };
    let request = IdempotentRequest { state: RequestState::Answered(answer), ..samples::idempotent_request(true) };
    let (header, pages) = request.packed(scope(), 3).unwrap();
    assert!(header.body.len() < 1_000);
    assert!(
        pages.len() > 1 && pages.iter().all(|page| page.expires_at == header.expires_at && page.body.len() < 400_000)
    );
    let RequestState::Answered(named) = from_item::<IdempotentRequest>(&header).unwrap().value.state else { panic!() };
    let AnswerBody::Paged { generation, pages: count } = named.body else { panic!() };
    let keys = super::idempotent_request::page_keys(samples::organization_id(), &request.key, &generation, count);
    assert_eq!(keys, pages.iter().map(|page| page.key.clone()).collect::<Vec<_>>());
    assert_eq!(joined(&pages.into_iter().map(Some).collect::<Vec<_>>()).unwrap(), text);
    assert!(joined(&[None]).is_err());
}
