#![allow(clippy::unwrap_used)]

use domain::id::TaxId;
use domain::tax::{create, edit};
use domain::time::Instant;
use expect_test::expect;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes, fields};

fn made(body: serde_json::Value) -> Result<Tax, Problems> {
    create(parse_new(fields(&body)), TaxId(Uuid::from_u128(1)), Instant::UNIX_EPOCH, 1)
}

#[test]
fn every_field_has_its_code() {
    let check = |change: serde_json::Value, expected: &str| {
        let body = crate::sent::testing::merged(json!({"name": "VAT", "code": "vat", "rate": "20"}), change);
        assert_eq!(codes(made(body)), expected);
    };
    check(json!({}), "");
    check(json!({"rate": 5.5, "applied_to_organization": "1", "description": null}), "");
    check(json!({"name": 12}), "");
    check(json!({"name": null}), "name: value_is_mandatory");
    check(json!({"name": ["x"]}), "name: value_is_mandatory");
    check(json!({"code": ""}), "code: value_is_mandatory");
    check(json!({"rate": null}), "rate: value_is_mandatory");
    check(json!({"rate": ""}), "rate: value_is_mandatory");
    check(json!({"rate": "a lot"}), "rate: value_is_invalid");
    check(json!({"applied_to_organization": "maybe"}), "applied_to_organization: value_is_invalid");
    check(
        json!({"name": "", "code": "", "rate": true}),
        "rate: value_is_invalid, name: value_is_mandatory, code: value_is_mandatory",
    );
}

#[test]
fn an_update_changes_present_keys() {
    let tax = made(json!({"name": "VAT", "code": "vat", "rate": 20, "description": "x"})).unwrap();
    let check = |change: serde_json::Value, expected: Tax| {
        assert_eq!(edit(&tax, parse_update(fields(&change))), Ok(expected));
    };
    check(json!({"unknown": 1}), tax.clone());
    check(json!({"description": null}), Tax { description: None, ..tax.clone() });
    check(json!({"applied_to_organization": true}), Tax { applied_to_organization: true, ..tax.clone() });
    assert_eq!(codes(edit(&tax, parse_update(fields(&json!({"rate": null}))))), "rate: value_is_mandatory");
}

#[test]
fn a_tax_is_shown_with_its_counts() {
    let tax = made(json!({"name": "VAT", "code": "vat", "rate": "20"})).unwrap();
    let counts = Counts { add_ons: 1, customers: 2, plans: 3, charges: 4 };
    let shown = serde_json::to_string_pretty(&Output::new(&tax, &counts)).unwrap();
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000000001",
          "name": "VAT",
          "code": "vat",
          "rate": 20.0,
          "description": null,
          "applied_to_organization": false,
          "add_ons_count": 1,
          "customers_count": 2,
          "plans_count": 3,
          "charges_count": 4,
          "created_at": "1970-01-01T00:00:00Z"
        }"#]]
    .assert_eq(&shown);
}
