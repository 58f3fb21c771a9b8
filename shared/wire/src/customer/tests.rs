#![allow(clippy::unwrap_used)]

use domain::customer::{Birth, create};
use domain::id::{CustomerId, EndpointId, OrganizationId};
use domain::organization::NewOrganization;
use domain::target::Targets;
use domain::time::Instant;
use expect_test::expect;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes, fields, merged};

fn acme() -> Organization {
    let new = NewOrganization { name: Some("Acme".into()), ..NewOrganization::default() };
    let id = OrganizationId(Uuid::from_u128(0x1a2b));
    domain::organization::create(new, id, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::nil()))
        .unwrap()
}

fn made(body: &Value) -> Result<Customer, Problems> {
    let organization = acme();
    let id = CustomerId(Uuid::from_u128(5));
    let prefix = &organization.document_number_prefix;
    let birth = Birth { id, sequential_id: 1, prefix, at: Instant::UNIX_EPOCH, seq: 1 };
    let mut next = 10;
    let mut new_id = || {
        next += 1;
        Uuid::from_u128(next)
    };
    create(parse(fields(body)), &birth, Vec::new(), &mut new_id)
}

#[test]
fn every_field_has_its_code() {
    let check = |change: Value, expected: &str| {
        assert_eq!(codes(made(&merged(json!({"external_id": "c1"}), change))), expected);
    };
    check(json!({}), "");
    check(json!({"external_id": 12, "name": null, "email": "a@b.c,d@e.f", "tax_codes": null, "metadata": null}), "");
    check(json!({"external_id": ""}), "external_id: value_is_mandatory");
    check(json!({"country": "zz"}), "country: not_a_valid_country_code");
    check(json!({"currency": "EURO"}), "currency: value_is_invalid");
    check(json!({"timezone": "Mars"}), "timezone: invalid_timezone");
    check(json!({"net_payment_term": -1}), "net_payment_term: value_is_out_of_range");
    check(json!({"net_payment_term": null}), "");
    check(
        json!({"billing_configuration": {"invoice_grace_period": -1}}),
        "invoice_grace_period: value_is_out_of_range",
    );
    check(json!({"billing_configuration": {"document_locale": "xx"}}), "document_locale: not_a_valid_language_code");
    check(json!({"billing_configuration": {"vat_rate": -1}}), "vat_rate: value_is_out_of_range");
    check(json!({"billing_configuration": "none"}), "");
    check(
        json!({"billing_configuration": {"payment_provider": "x", "sync_with_provider": true}}),
        "payment_provider: value_is_invalid",
    );
    check(json!({"metadata": [{"key": "k", "value": "v"}]}), "");
    check(json!({"metadata": [{"key": "k"}]}), "value: value_is_mandatory");
    check(json!({"metadata": [{}, {}, {}, {}, {}, {}], "country": "zz"}), "metadata: invalid_count");
}

#[test]
fn a_customer_is_shown_with_and_without_taxes() {
    let body = json!({
        "external_id": "c1", "country": "us", "currency": "USD", "timezone": "America/New_York", "net_payment_term": 0,
        "billing_configuration": {"invoice_grace_period": 3, "document_locale": "fr"},
        "metadata": [{"key": "k", "value": "v", "display_in_invoice": true}],
    });
    let output = Output::new(&made(&body).unwrap(), &acme());
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000000005",
          "external_id": "c1",
          "name": "",
          "sequential_id": 1,
          "slug": "ACM-1A2B-001",
          "created_at": "1970-01-01T00:00:00Z",
          "updated_at": "1970-01-01T00:00:00Z",
          "country": "US",
          "address_line1": null,
          "address_line2": null,
          "state": null,
          "zipcode": null,
          "email": null,
          "city": null,
          "url": null,
          "phone": null,
          "logo_url": null,
          "legal_name": null,
          "legal_number": null,
          "currency": "USD",
          "tax_identification_number": null,
          "timezone": "America/New_York",
          "applicable_timezone": "America/New_York",
          "net_payment_term": 0,
          "external_salesforce_id": null,
          "billing_configuration": {
            "invoice_grace_period": 3,
            "payment_provider": null,
            "vat_rate": null,
            "document_locale": "fr"
          },
          "metadata": [
            {
              "lago_id": "00000000-0000-0000-0000-00000000000b",
              "key": "k",
              "value": "v",
              "display_in_invoice": true,
              "created_at": "1970-01-01T00:00:00Z"
            }
          ],
          "billing_entity_code": "entity_00000000",
          "account_type": "customer",
          "finalize_zero_amount_invoice": "inherit",
          "skip_invoice_custom_sections": false,
          "shipping_address": {},
          "integration_customers": []
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&output).unwrap());
    let with_taxes = serde_json::to_string(&output.with_taxes(Vec::new())).unwrap();
    assert!(with_taxes.contains(r#"}],"taxes":[],"billing_entity_code""#), "{with_taxes}");
    let bare = Output::new(&made(&json!({"external_id": "c2"})).unwrap(), &acme());
    assert_eq!((bare.name.as_str(), bare.timezone, bare.applicable_timezone), ("", None, "UTC"));
}
