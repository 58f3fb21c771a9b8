#![allow(clippy::unwrap_used)]

use domain::id::{AppliedTaxId, CustomerId, FeeId, PlanId, SubscriptionId, TaxId};
use domain::invoice::{Fee, FeeItem, FeePayment, Totals};
use domain::tax::FeeTax;
use domain::time::Zone;
use expect_test::expect;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;
use serde_json::{Map, Value, json};

use super::*;
use crate::testing::customer;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn vat(amount_cents: i64) -> FeeTax {
    FeeTax {
        id: AppliedTaxId(Uuid::from_u128(0xa)),
        tax_id: TaxId(Uuid::from_u128(0x7)),
        code: "vat".into(),
        name: "VAT".into(),
        rate: dec!(20),
        description: Some("<EU>".into()),
        amount_cents,
    }
}

fn subscription_fee() -> Fee {
    Fee {
        id: FeeId(Uuid::from_u128(0xf)),
        item: FeeItem::Subscription {
            plan_code: "pro".into(),
            plan_name: "Pro".into(),
            invoice_display_name: None,
            pay_in_advance: false,
            basis: None,
        },
        subscription_id: Some(SubscriptionId(Uuid::from_u128(0x5))),
        external_subscription_id: Some("sub_1".into()),
        amount_cents: 11000,
        coupon_share: dec!(2200),
        units: Decimal::ONE,
        precise_unit_amount: dec!(110),
        unit_amount_cents: 11000,
        taxes: vec![vat(1760)],
        taxes_amount_cents: 1760,
        taxes_rate: dec!(20),
        from: at("2024-01-01T00:00:00Z"),
        to: at("2024-01-31T23:59:59.999999Z"),
        description: None,
        payment: FeePayment::default(),
        created_at: at("2024-02-01T00:00:00Z"),
    }
}

/// The invoice of the worked example of chapter 06, 12, its two fees as one.
fn invoice() -> Invoice {
    Invoice {
        id: InvoiceId(Uuid::from_u128(0x1a90)),
        customer_id: CustomerId(Uuid::from_u128(0xe)),
        sequential_id: 2,
        number: "ACM-1A2B-001-002".into(),
        kind: Kind::Subscription,
        status: Status::Finalized,
        payment_status: PaymentStatus::Pending,
        currency: Currency::EUR,
        zone: Zone::UTC,
        issuing_date: day("2024-02-01"),
        payment_due_date: day("2024-02-01"),
        net_payment_term: 0,
        subscriptions: Vec::new(),
        fees: vec![subscription_fee()],
        taxes: vec![InvoiceTax { tax: vat(1760), fees_amount_cents: 8800 }],
        credits: Vec::new(),
        prepaid: None,
        totals: Totals {
            fees: 11000,
            coupons: 2200,
            sub_total_excluding_taxes: 8800,
            taxes: 1760,
            sub_total_including_taxes: 10560,
            credit_notes: 0,
            prepaid_credits: 560,
            total: 10000,
            taxes_rate: dec!(20),
        },
        metadata: vec![metadata(1, "po", "17")],
        file: None,
        next_due: None,
        needs_refresh: false,
        last_credit_note_sequence: 0,
        created_at: at("2024-02-01T00:00:00Z"),
        created_seq: 1,
        updated_at: at("2024-02-01T00:00:07Z"),
    }
}

fn metadata(id: u128, key: &str, value: &str) -> Metadata {
    Metadata {
        id: MetadataId(Uuid::from_u128(id)),
        key: key.into(),
        value: value.into(),
        display_in_invoice: false,
        created_at: at("2024-02-01T00:00:05Z"),
    }
}

fn subscription() -> subscription::Output {
    let record = domain::subscription::Subscription {
        id: SubscriptionId(Uuid::from_u128(0x5)),
        external_id: "sub_1".into(),
        customer_id: CustomerId(Uuid::from_u128(0xe)),
        plan_id: PlanId(Uuid::from_u128(0x9)),
        plan_code: "pro".into(),
        name: None,
        state: domain::subscription::State::Pending,
        billing_time: domain::time::BillingTime::Calendar,
        subscription_at: at("2024-01-01T00:00:00Z"),
        ending_at: None,
        created_at: at("2024-01-01T00:00:00Z"),
        created_seq: 1,
        previous: None,
        next: None,
        trial_started_at: at("2024-01-01T00:00:00Z"),
        progress: domain::subscription::Progress::default(),
        next_due: None,
    };
    subscription::Output::new(&record, "cus_1", None)
}

fn output(invoice: &Invoice, includes: Includes) -> Value {
    let customer = customer();
    let organization = crate::testing::organization();
    let context = Context {
        customer: &customer,
        customer_output: customer::Output::new(&customer, &organization),
        subscriptions: vec![subscription()],
        file_url: None,
        today: day("2024-02-02"),
    };
    // The order of keys is looked at in the text, contents of included objects in their own tests.
    let output = Output::new(invoice, context, includes);
    let text = serde_json::to_string(&output).unwrap();
    let optional = ["customer", "subscriptions", "fees", "credits", "metadata", "applied_taxes"];
    let places: Vec<usize> = optional.iter().filter_map(|part| text.rfind(&format!(",\"{part}\":"))).collect();
    assert!(includes != Includes::Full || places.is_sorted(), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_worked_example_of_chapter_06_12() {
    let customer = customer();
    let context = Context {
        customer: &customer,
        customer_output: customer::Output::new(&customer, &crate::testing::organization()),
        subscriptions: Vec::new(),
        file_url: None,
        today: day("2024-02-01"),
    };
    let text = serde_json::to_string(&Output::new(&invoice(), context, Includes::Bare)).unwrap();
    expect![[r#"{"lago_id":"00000000-0000-0000-0000-000000001a90","sequential_id":2,"number":"ACM-1A2B-001-002","issuing_date":"2024-02-01","payment_due_date":"2024-02-01","net_payment_term":0,"invoice_type":"subscription","status":"finalized","payment_status":"pending","currency":"EUR","fees_amount_cents":11000,"taxes_amount_cents":1760,"coupons_amount_cents":2200,"credit_notes_amount_cents":0,"sub_total_excluding_taxes_amount_cents":8800,"sub_total_including_taxes_amount_cents":10560,"total_amount_cents":10000,"prepaid_credit_amount_cents":560,"file_url":null,"version_number":4,"legacy":false,"amount_currency":"EUR","vat_amount_currency":"EUR","credit_amount_currency":"EUR","total_amount_currency":"EUR","amount_cents":11000,"credit_amount_cents":2200,"vat_amount_cents":1760,"sub_total_vat_excluded_amount_cents":8800,"sub_total_vat_included_amount_cents":10560,"progressive_billing_credit_amount_cents":0,"payment_overdue":false,"total_due_amount_cents":10000,"created_at":"2024-02-01T00:00:00Z","updated_at":"2024-02-01T00:00:07Z"}"#]]
    .assert_eq(&text);
}

#[test]
fn include_sets() {
    let parts = |includes| {
        let output = output(&invoice(), includes);
        let has = |part: &&str| output.get(*part).is_some();
        ["customer", "subscriptions", "fees", "credits", "metadata", "applied_taxes"]
            .into_iter()
            .filter(has)
            .collect::<Vec<_>>()
    };
    assert_eq!(parts(Includes::Full), ["customer", "subscriptions", "fees", "credits", "metadata", "applied_taxes"]);
    assert_eq!(parts(Includes::List), ["customer", "metadata", "applied_taxes"]);
    assert_eq!(parts(Includes::Bare), [""; 0]);
    assert_eq!(parts(Includes::Created), ["customer", "subscriptions", "fees", "credits", "applied_taxes"]);
    assert_eq!(parts(Includes::Sold), ["customer", "fees", "applied_taxes"]);
    assert_eq!(parts(Includes::Customer), ["customer"]);
}

#[test]
fn the_parts_themselves() {
    let customer = customer();
    let context = Context {
        customer: &customer,
        customer_output: customer::Output::new(&customer, &crate::testing::organization()),
        subscriptions: vec![subscription()],
        file_url: Some("https://weir.example/d/x.pdf".into()),
        today: day("2024-02-02"),
    };
    let output = Output::new(&invoice(), context, Includes::Full);
    expect![[r#"[{"lago_id":"00000000-0000-0000-0000-000000000001","key":"po","value":"17","created_at":"2024-02-01T00:00:05Z"}]"#]]
        .assert_eq(&format::body(&output.metadata).unwrap());
    expect![[r#"[{"lago_id":"00000000-0000-0000-0000-00000000000a","lago_invoice_id":"00000000-0000-0000-0000-000000001a90","lago_tax_id":"00000000-0000-0000-0000-000000000007","tax_name":"VAT","tax_code":"vat","tax_rate":20.0,"tax_description":"\u003cEU\u003e","amount_cents":1760,"amount_currency":"EUR","fees_amount_cents":8800,"created_at":"2024-02-01T00:00:00Z"}]"#]]
        .assert_eq(&format::body(&output.applied_taxes).unwrap());
    let text = format::body(&output).unwrap();
    assert!(text.contains(r#""file_url":"https://weir.example/d/x.pdf""#), "{text}");
    assert!(text.contains(r#""credits":[]"#), "{text}");
    assert!(text.contains(r#""payment_overdue":true"#), "{text}");
    assert!(
        text.contains(r#""lago_invoice_id":"00000000-0000-0000-0000-000000001a90","lago_true_up_fee_id""#),
        "{text}"
    );
    // The tax rows of the invoice, not of its fees.
    assert_eq!(text.matches("\"applied_taxes\"").count(), 1);
}

#[test]
fn words_of_states() {
    let show = |invoice: Invoice| {
        let output = output(&invoice, Includes::Bare);
        let word = |name: &str| output[name].as_str().unwrap_or_default().to_owned();
        (
            [word("invoice_type"), word("status"), word("payment_status")].join(" "),
            output["total_due_amount_cents"].as_i64(),
            output["payment_overdue"].as_bool(),
        )
    };
    let voided = Status::Voided { voided_at: at("2024-03-01T00:00:00Z") };
    assert_eq!(
        show(Invoice { kind: Kind::OneOff, status: voided, ..invoice() }),
        ("one_off voided pending".into(), Some(0), Some(false))
    );
    assert_eq!(
        show(Invoice { kind: Kind::Credit, payment_status: PaymentStatus::Succeeded, ..invoice() }),
        ("credit finalized succeeded".into(), Some(0), Some(false))
    );
    assert_eq!(
        show(Invoice { payment_status: PaymentStatus::Failed, ..invoice() }),
        ("subscription finalized failed".into(), Some(10000), Some(true))
    );
    assert_eq!(
        show(Invoice { status: Status::Draft, ..invoice() }),
        ("subscription draft pending".into(), Some(10000), Some(false))
    );
}

fn update(body: &Value, invoice: &Invoice) -> Result<Update, UpdateError> {
    let fields: &Map<String, Value> = body.as_object().unwrap();
    parse_update(Fields(fields), invoice)
}

fn invalid(field: &str, code: &str) -> UpdateError {
    UpdateError::Invalid(Problems::one(field, code))
}

#[test]
fn checks_of_an_update_in_their_order() {
    let draft = Invoice { status: Status::Draft, metadata: Vec::new(), ..invoice() };
    let check = |invoice: &Invoice, body: Value, expected: UpdateError| {
        assert_eq!(update(&body, invoice), Err(expected), "{body}");
    };
    let on_draft = UpdateError::NotAllowed("metadata_on_draft_invoice");
    check(&draft, json!({"metadata": [], "payment_status": "x"}), on_draft.clone());
    check(&draft, json!({"metadata": [{"key": "a", "value": "b"}]}), on_draft);
    check(&draft, json!({"payment_status": "x"}), invalid("payment_status", "value_is_invalid"));
    check(
        &draft,
        json!({"payment_status": "succeeded"}),
        UpdateError::NotAllowed("payment_status_update_on_draft_invoice"),
    );
    let many: Vec<Value> = (0..6).map(|at| json!({"key": at, "value": "x"})).collect();
    check(&invoice(), json!({"metadata": many, "payment_status": null}), invalid("payment_status", "value_is_invalid"));
    for word in ["", "refunded", "Succeeded"] {
        check(&invoice(), json!({"payment_status": word}), invalid("payment_status", "value_is_invalid"));
    }
    check(&invoice(), json!({"metadata": many}), invalid("metadata", "invalid_count"));
    check(&invoice(), json!({"metadata": [{"value": "x"}]}), invalid("key", "value_is_mandatory"));
    check(&invoice(), json!({"metadata": [{"key": "x"}]}), invalid("value", "value_is_mandatory"));
    check(
        &invoice(),
        json!({"metadata": [{"key": "x".repeat(21), "value": "x"}]}),
        invalid("key", "value_is_too_long"),
    );
    check(
        &invoice(),
        json!({"metadata": [{"key": "a", "value": "x"}, {"key": "a", "value": "y"}]}),
        invalid("key", "value_already_exist"),
    );
    // The stored entry goes only after the new one came.
    check(&invoice(), json!({"metadata": [{"key": "po", "value": "x"}]}), invalid("key", "value_already_exist"));
}

#[test]
fn an_update_that_is_allowed() {
    let check = |invoice: &Invoice, body: Value, payment_status, metadata: Option<&[(Option<u128>, &str, &str)]>| {
        let metadata = metadata.map(|entries| {
            let entry = |(id, key, value): &(Option<u128>, &str, &str)| MetadataEntry {
                id: id.map(|id| MetadataId(Uuid::from_u128(id))),
                key: (*key).into(),
                value: (*value).into(),
            };
            entries.iter().map(entry).collect()
        });
        assert_eq!(update(&body, invoice), Ok(Update { payment_status, metadata }), "{body}");
    };
    let voided = Invoice { status: Status::Voided { voided_at: at("2024-03-01T00:00:00Z") }, ..invoice() };
    let draft = Invoice { status: Status::Draft, ..invoice() };
    check(&draft, json!({"payment_status": "pending"}), Some(PaymentStatus::Pending), None);
    check(&draft, json!({"metadata": null, "other": 1}), None, None);
    check(&voided, json!({"payment_status": "failed", "metadata": []}), Some(PaymentStatus::Failed), Some(&[]));
    let stored = Invoice { metadata: vec![metadata(1, "po", "17"), metadata(2, "x", "y")], ..invoice() };
    let id = |id: u128| Uuid::from_u128(id).to_string();
    check(&stored, json!({"metadata": [{"id": id(1), "value": 18}]}), None, Some(&[(Some(1), "po", "18")]));
    check(
        &stored,
        json!({"metadata": [{"key": "n".repeat(20), "value": "v"}, {"id": id(2), "key": "x", "value": "z"}, {"id": id(3), "key": "q", "value": "r"}, 7]}),
        None,
        Some(&[(Some(2), "x", "z"), (None, "nnnnnnnnnnnnnnnnnnnn", "v"), (None, "q", "r")]),
    );
    // A value has no limit.
    let long = "v".repeat(1000);
    check(
        &stored,
        json!({"metadata": [{"id": id(1), "key": "po", "value": long}]}),
        None,
        Some(&[(Some(1), "po", &long)]),
    );
}

#[test]
fn filters_of_the_list() {
    let parse = |query: &[(&'static str, &'static str)]| Filter::parse(query.iter().copied());
    assert_eq!(
        parse(&[("status", "generating"), ("payment_status", ""), ("issuing_date_from", "soon"), ("page", "2")]),
        Filter::default()
    );
    let filter = parse(&[
        ("status", "draft"),
        ("status[]", "finalized"),
        ("payment_status[]", "failed"),
        ("external_customer_id", "cus_1"),
        ("issuing_date_from", "2024-01-31T12:00:00Z"),
        ("issuing_date_to", "2024-02-01"),
    ]);
    assert_eq!(filter.external_customer_id.as_deref(), Some("cus_1"));
    assert_eq!(filter.statuses, [StatusWord::Draft, StatusWord::Finalized]);
    assert_eq!((filter.issuing_date_from, filter.issuing_date_to), (Some(day("2024-01-31")), Some(day("2024-02-01"))));
    let check = |query: &[(&'static str, &'static str)], expected| {
        assert_eq!(parse(query).matches(&invoice()), expected, "{query:?}")
    };
    check(&[], true);
    check(&[("status", "draft")], false);
    check(&[("status", "draft"), ("status", "finalized")], true);
    check(&[("status", "nonsense")], true);
    check(&[("payment_status", "succeeded")], false);
    check(&[("issuing_date_from", "2024-02-01"), ("issuing_date_to", "2024-02-01")], true);
    check(&[("issuing_date_from", "2024-02-02")], false);
    check(&[("issuing_date_to", "2024-01-31")], false);
}
