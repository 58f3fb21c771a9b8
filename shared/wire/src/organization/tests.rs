#![allow(clippy::unwrap_used)]

use domain::id::{EndpointId, OrganizationId, TaxId};
use domain::organization::{create, edit};
use domain::target::Targets;
use expect_test::expect;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes as shown, fields, merged};

fn made(body: &Value) -> Result<Organization, Problems> {
    let id = OrganizationId(Uuid::from_u128(0x1a2b));
    create(parse_new(fields(body)), id, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::from_u128(2)))
}

fn edited(body: &Value) -> Result<Organization, Problems> {
    let organization = made(&json!({"name": "Acme"})).unwrap();
    let new_endpoint = &mut || EndpointId(Uuid::from_u128(2));
    edit(&organization, parse_update(fields(body)), Instant::UNIX_EPOCH, Targets::Public, new_endpoint)
}

#[test]
fn every_setting_has_its_code() {
    let check = |body: Value, expected: &str| assert_eq!(shown(edited(&body)), expected, "{body}");
    check(json!({"name": "", "unknown": 1}), "");
    check(json!({"country": "fr", "timezone": "Europe/Paris", "default_currency": "eur", "email": null}), "");
    check(json!({"country": "Atlantis"}), "country: not_a_valid_country_code");
    check(json!({"net_payment_term": "3"}), "");
    check(json!({"net_payment_term": -3}), "net_payment_term: value_is_out_of_range");
    check(json!({"net_payment_term": "soon"}), "net_payment_term: value_is_invalid");
    check(json!({"email_settings": []}), "");
    check(json!({"email_settings": ["x"]}), "email_settings: unsupported_value");
    check(json!({"document_numbering": "per_organization"}), "");
    check(json!({"document_numbering": "per_moon"}), "document_numbering: value_is_invalid");
    check(json!({"webhook_url": "nowhere"}), "webhook_url: url_is_invalid");
    check(
        json!({"billing_configuration": {"invoice_grace_period": -1}}),
        "invoice_grace_period: value_is_out_of_range",
    );
    check(json!({"billing_configuration": {"document_locale": "xx"}}), "document_locale: not_a_valid_language_code");
    check(json!({"billing_configuration": {"vat_rate": 101}}), "vat_rate: value_is_out_of_range");
    check(json!({"billing_configuration": {"vat_rate": "high"}}), "vat_rate: value_is_invalid");
    check(json!({"timezone": null, "default_currency": null, "document_number_prefix": null, "webhook_url": null}), "");
}

#[test]
fn an_operator_names_the_organization_and_may_freeze_its_clock() {
    let check = |change: Value, expected: &str| {
        assert_eq!(shown(made(&merged(json!({"name": "Acme"}), change))), expected);
    };
    check(json!({"test_clock": {"frozen_time": "2023-02-06T01:00:00Z"}}), "");
    check(json!({"test_clock": null}), "");
    check(json!({"name": null}), "name: value_is_mandatory");
    check(json!({"test_clock": {}}), "frozen_time: value_is_mandatory");
    check(json!({"test_clock": {"frozen_time": ""}}), "frozen_time: value_is_mandatory");
    check(json!({"test_clock": {"frozen_time": "2023-02-06"}}), "frozen_time: invalid_date");
    check(json!({"name": "", "timezone": "x"}), "name: value_is_mandatory, timezone: invalid_timezone");
}

#[test]
fn an_organization_is_shown_with_its_taxes() {
    let body = json!({
        "name": "Acme", "country": "fr", "webhook_url": "https://acme.example/hook", "email_settings": ["invoice.finalized"],
        "billing_configuration": {"invoice_footer": "Thanks", "invoice_grace_period": 3},
        "test_clock": {"frozen_time": "2023-02-06T01:00:00Z"},
    });
    let tax =
        domain::tax::create(domain::tax::of_vat_rate(20.into()), TaxId(Uuid::nil()), Instant::UNIX_EPOCH, 1).unwrap();
    let taxes = vec![tax::Output::new(&tax, &tax::Counts::default())];
    let output = Output::new(&made(&body).unwrap());
    assert!(serde_json::to_string(&output).unwrap().ends_with(r#""document_locale":"en","vat_rate":0.0}}"#));
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000001a2b",
          "name": "Acme",
          "default_currency": "USD",
          "created_at": "2023-02-06T01:00:00Z",
          "webhook_url": "https://acme.example/hook",
          "webhook_urls": [
            "https://acme.example/hook"
          ],
          "country": "FR",
          "address_line1": null,
          "address_line2": null,
          "state": null,
          "zipcode": null,
          "email": null,
          "city": null,
          "legal_name": null,
          "legal_number": null,
          "timezone": "UTC",
          "net_payment_term": 0,
          "email_settings": [
            "invoice.finalized"
          ],
          "document_numbering": "per_customer",
          "document_number_prefix": "ACM-1A2B",
          "tax_identification_number": null,
          "billing_configuration": {
            "invoice_footer": "Thanks",
            "invoice_grace_period": 3,
            "document_locale": "en",
            "vat_rate": 20.0
          },
          "taxes": [
            {
              "lago_id": "00000000-0000-0000-0000-000000000000",
              "name": "Tax (20%)",
              "code": "tax_20",
              "rate": 20.0,
              "description": null,
              "applied_to_organization": false,
              "add_ons_count": 0,
              "customers_count": 0,
              "plans_count": 0,
              "charges_count": 0,
              "created_at": "1970-01-01T00:00:00Z"
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&output.with_taxes(taxes)).unwrap());
}
