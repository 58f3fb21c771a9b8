#![allow(clippy::unwrap_used)]

use chrono::NaiveDate;
use domain::credit_note::{CreditStatus, Status};
use domain::id::{AppliedTaxId, CreditNoteId, CreditNoteItemId, CustomerId, FeeId, InvoiceId, SubscriptionId, TaxId};
use domain::invoice::{FeeItem, FeePayment};
use domain::money::Currency;
use domain::tax::FeeTax;
use domain::time::Instant;
use expect_test::{Expect, expect};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;
use serde_json::json;

use super::*;
use crate::testing::{customer, organization};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn vat(amount_cents: i64) -> FeeTax {
    FeeTax {
        id: AppliedTaxId(Uuid::from_u128(0xa)),
        tax_id: TaxId(Uuid::from_u128(0x7)),
        code: "vat".into(),
        name: "VAT".into(),
        rate: dec!(20),
        description: None,
        amount_cents,
    }
}

fn fee() -> Fee {
    Fee {
        id: FeeId(Uuid::from_u128(0xf)),
        item: FeeItem::Subscription {
            plan_code: "pro".into(),
            plan_name: "Pro".into(),
            invoice_display_name: None,
            pay_in_advance: true,
            basis: None,
        },
        subscription_id: Some(SubscriptionId(Uuid::from_u128(0x5))),
        external_subscription_id: Some("sub_1".into()),
        amount_cents: 10,
        coupon_share: dec!(5),
        units: Decimal::ONE,
        precise_unit_amount: dec!(0.1),
        unit_amount_cents: 10,
        taxes: vec![vat(1)],
        taxes_amount_cents: 1,
        taxes_rate: dec!(20),
        from: at("2024-01-01T00:00:00Z"),
        to: at("2024-01-31T23:59:59.999999Z"),
        description: None,
        payment: FeePayment::default(),
        created_at: at("2024-01-01T00:00:00Z"),
    }
}

/// Chapter 04, 10.6 B, a part of it used.
fn note() -> CreditNote {
    CreditNote {
        id: CreditNoteId(Uuid::from_u128(0xc)),
        customer_id: CustomerId(Uuid::from_u128(0xe)),
        invoice_id: InvoiceId(Uuid::from_u128(0x10)),
        invoice_number: "ACM-1A2B-001-002".into(),
        sequential_id: 1,
        number: "ACM-1A2B-001-002-CN001".into(),
        currency: Currency::EUR,
        status: Status::Finalized,
        credit_status: CreditStatus::Available,
        refund_status: Some(RefundStatus::Pending),
        refunded_at: None,
        reason: Reason::OrderChange,
        description: Some("Two of them".into()),
        items: vec![Item {
            id: CreditNoteItemId(Uuid::from_u128(0x1)),
            fee_id: FeeId(Uuid::from_u128(0xf)),
            amount: dec!(15.00000),
            amount_cents: 15,
        }],
        coupons_adjustment: dec!(7.50000),
        taxes_amount: dec!(1.50000),
        taxes_rate: dec!(20),
        taxes: vec![AppliedTax { tax: vat(2), base_amount_cents: 8 }],
        credit_amount_cents: 6,
        refund_amount_cents: 3,
        balance_amount_cents: 4,
        issuing_date: NaiveDate::from_ymd_opt(2024, 2, 1).unwrap(),
        file: None,
        created_at: at("2024-02-01T00:00:00Z"),
        created_seq: 1,
        updated_at: at("2024-02-02T00:00:00Z"),
    }
}

fn check<T: Serialize>(output: &T, expected: Expect) {
    expected.assert_eq(&serde_json::to_string_pretty(output).unwrap());
}

#[test]
fn a_note_with_everything() {
    let note = note();
    let customer = customer();
    let full = Output::new(&note, Some("https://weir.example/documents/x.pdf".into()))
        .with_items(&note, &customer, &[fee()])
        .with_taxes(&note);
    check(
        &full,
        expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-00000000000c",
          "sequential_id": 1,
          "number": "ACM-1A2B-001-002-CN001",
          "lago_invoice_id": "00000000-0000-0000-0000-000000000010",
          "invoice_number": "ACM-1A2B-001-002",
          "issuing_date": "2024-02-01",
          "credit_status": "available",
          "refund_status": "pending",
          "reason": "order_change",
          "description": "Two of them",
          "currency": "EUR",
          "total_amount_cents": 9,
          "taxes_amount_cents": 2,
          "sub_total_excluding_taxes_amount_cents": 8,
          "balance_amount_cents": 4,
          "credit_amount_cents": 6,
          "refund_amount_cents": 3,
          "offset_amount_cents": 0,
          "coupons_adjustment_amount_cents": 8,
          "taxes_rate": 20.0,
          "created_at": "2024-02-01T00:00:00Z",
          "updated_at": "2024-02-02T00:00:00Z",
          "file_url": "https://weir.example/documents/x.pdf",
          "total_amount_currency": "EUR",
          "vat_amount_currency": "EUR",
          "sub_total_vat_excluded_amount_currency": "EUR",
          "balance_amount_currency": "EUR",
          "credit_amount_currency": "EUR",
          "refund_amount_currency": "EUR",
          "vat_amount_cents": 2,
          "sub_total_vat_excluded_amount_cents": 8,
          "items": [
            {
              "lago_id": "00000000-0000-0000-0000-000000000001",
              "amount_cents": 15,
              "amount_currency": "EUR",
              "fee": {
                "lago_id": "00000000-0000-0000-0000-00000000000f",
                "lago_group_id": null,
                "lago_invoice_id": "00000000-0000-0000-0000-000000000010",
                "lago_true_up_fee_id": null,
                "lago_true_up_parent_fee_id": null,
                "lago_subscription_id": "00000000-0000-0000-0000-000000000005",
                "external_subscription_id": "sub_1",
                "lago_customer_id": "00000000-0000-0000-0000-00000000000e",
                "external_customer_id": "cus_1",
                "item": {
                  "type": "subscription",
                  "code": "pro",
                  "name": "Pro",
                  "invoice_display_name": null,
                  "group_invoice_display_name": null,
                  "lago_item_id": "00000000-0000-0000-0000-000000000005",
                  "item_type": "Subscription"
                },
                "pay_in_advance": true,
                "invoiceable": true,
                "amount_cents": 10,
                "amount_currency": "EUR",
                "taxes_amount_cents": 1,
                "taxes_rate": 20.0,
                "total_amount_cents": 11,
                "total_amount_currency": "EUR",
                "units": "1.0",
                "description": null,
                "precise_unit_amount": "0.1",
                "events_count": null,
                "payment_status": "pending",
                "created_at": "2024-01-01T00:00:00Z",
                "succeeded_at": null,
                "failed_at": null,
                "refunded_at": null,
                "amount_details": {},
                "vat_amount_cents": 1,
                "vat_amount_currency": "EUR",
                "unit_amount_cents": 10,
                "from_date": "2024-01-01T00:00:00+00:00",
                "to_date": "2024-01-31T23:59:59+00:00"
              }
            }
          ],
          "applied_taxes": [
            {
              "lago_id": "00000000-0000-0000-0000-00000000000a",
              "lago_credit_note_id": "00000000-0000-0000-0000-00000000000c",
              "lago_tax_id": "00000000-0000-0000-0000-000000000007",
              "tax_name": "VAT",
              "tax_code": "vat",
              "tax_rate": 20.0,
              "tax_description": null,
              "base_amount_cents": 8,
              "amount_cents": 2,
              "amount_currency": "EUR",
              "created_at": "2024-02-01T00:00:00Z"
            }
          ]
        }"#]],
    );
    let bare = serde_json::to_value(Output::new(&note, None)).unwrap();
    for absent in ["items", "applied_taxes", "customer"] {
        assert_eq!(bare.get(absent), None);
    }
    assert_eq!(bare["file_url"], json!(null));
    let shown = Output::new(&note, None).with_customer(customer::Output::new(&customer, &organization()));
    assert_eq!(serde_json::to_value(shown).unwrap()["customer"]["external_id"], "cus_1");
}

#[test]
fn words_of_statuses() {
    let voided = CreditStatus::Voided { voided_at: at("2024-02-03T00:00:00Z"), given_up_cents: 4 };
    let words = [CreditStatus::Available, CreditStatus::Consumed, voided].map(credit_status);
    assert_eq!(words, ["available", "consumed", "voided"]);
}

fn parsed(body: &serde_json::Value) -> Result<NewCreditNote, Problems> {
    parse_new(Fields(body.as_object().unwrap()))
}

#[test]
fn defaults_of_a_new_note() {
    let items = json!([{"fee_id": Uuid::from_u128(0xf), "amount_cents": 10}]);
    let new = parsed(&json!({"items": items, "reason": null, "credit_amount_cents": "12"})).unwrap();
    assert_eq!(
        (new.terms.reason, new.terms.credit_amount_cents, new.terms.refund_amount_cents),
        (Reason::Other, 12, 0)
    );
    assert_eq!(new.items, [Wanted { fee_id: Some(FeeId(Uuid::from_u128(0xf))), amount_cents: Ok(10) }]);
    for known in REASONS {
        let new = parsed(&json!({"items": items, "reason": reason(known)})).unwrap();
        assert_eq!(new.terms.reason, known);
    }
}

#[test]
fn bad_fields_are_told_together_and_bad_items_by_themselves() {
    let check = |body: serde_json::Value, expected: &[(&str, &str)]| {
        let mut problems = Problems::default();
        expected.iter().for_each(|(field, code)| problems.add(field, code));
        assert_eq!(parsed(&body), Err(problems), "{body}");
    };
    check(
        json!({"reason": "fun", "credit_amount_cents": 12.5, "refund_amount_cents": -1, "items": "all"}),
        &[
            ("reason", codes::INVALID),
            ("credit_amount_cents", codes::INVALID),
            ("refund_amount_cents", codes::OUT_OF_RANGE),
            ("items", codes::INVALID),
        ],
    );
    for absent in [json!({"a": 1}), json!({"items": null}), json!({"items": []})] {
        check(absent, &[("items", codes::MANDATORY)]);
    }
    check(json!({"items": [7]}), &[("items", codes::INVALID)]);
    let amount = |amount: serde_json::Value| {
        let new = parsed(&json!({"items": [{"fee_id": "nonsense", "amount_cents": amount}]})).unwrap();
        assert_eq!(new.items[0].fee_id, None);
        new.items[0].amount_cents
    };
    assert_eq!(amount(json!("10")), Ok(10));
    assert_eq!(amount(json!(-3)), Ok(-3));
    for bad in [json!("x"), json!(12.5), json!(true), json!([1]), json!({"a": 1})] {
        assert_eq!(amount(bad.clone()), Err(codes::INVALID), "{bad}");
    }
    for missing in [json!(null), json!("")] {
        assert_eq!(amount(missing), Err(codes::MANDATORY));
    }
    let new = parsed(&json!({"items": [{"x": 1}]})).unwrap();
    assert_eq!(new.items, [Wanted { fee_id: None, amount_cents: Err(codes::MANDATORY) }]);
}

#[test]
fn the_state_of_a_refund() {
    let check =
        |body: serde_json::Value, expected| assert_eq!(parse_update(Fields(body.as_object().unwrap())), expected);
    check(json!({"refund_status": "succeeded"}), Ok(Some(RefundStatus::Succeeded)));
    check(json!({"refund_status": "failed"}), Ok(Some(RefundStatus::Failed)));
    check(json!({"description": "x"}), Ok(None));
    for bad in [json!("paid"), json!(null), json!(""), json!(["pending"])] {
        check(json!({"refund_status": bad}), Err(Problems::one("refund_status", codes::INVALID)));
    }
}
