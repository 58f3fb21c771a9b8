#![allow(clippy::unwrap_used)]

use domain::id::{ChargeId, GroupId, PlanId};
use domain::metric::{CodeIs, Metric, NewMetric};
use domain::plan::{Catalogue, Refused, create};
use domain::time::Instant;
use expect_test::expect;
use serde_json::{Value as Body, json};
use uuid::Uuid;

use super::*;
use crate::sent::testing::{codes, fields, merged};

const METRIC: &str = "00000000-0000-0000-0000-000000000001";
const GROUP: &str = "00000000-0000-0000-0000-000000000064";

fn storage() -> Metric {
    let group = crate::input::free(&json!({"key": "region", "values": ["eu"]}));
    let new = NewMetric {
        name: Some("Storage".into()),
        code: Some("storage".into()),
        aggregation_type: Some("sum_agg".into()),
        field_name: Some("gb".into()),
        group,
        ..NewMetric::default()
    };
    let valid = new.validate(CodeIs::Free).unwrap();
    valid.create(METRIC.parse().unwrap(), Instant::UNIX_EPOCH, 1, || GroupId(Uuid::from_u128(100)))
}

fn made(change: Body) -> Result<Plan, Refused> {
    let base = json!({
        "name": "Basic", "code": "basic", "interval": "monthly", "amount_cents": 1000, "amount_currency": "EUR",
        "pay_in_advance": false,
    });
    let metric = storage();
    let catalogue = Catalogue {
        metric: &|id| (id == metric.id).then_some(&metric),
        tax: &|code| (code == "vat").then_some(TaxId(Uuid::from_u128(9))),
    };
    let mut next = 20;
    let mut new_charge = || {
        next += 1;
        ChargeId(Uuid::from_u128(next))
    };
    let id = PlanId(Uuid::from_u128(7));
    create(parse_new(fields(&merged(base, change))), catalogue, id, Instant::UNIX_EPOCH, 1, &mut new_charge)
}

fn refusal(outcome: Result<Plan, Refused>) -> String {
    match outcome {
        Ok(_) => String::new(),
        Err(Refused::NotFound(what)) => format!("404 {what}"),
        Err(Refused::Invalid(problems)) => codes::<Plan>(Err(problems)),
    }
}

#[test]
fn every_field_has_its_code() {
    let check = |change: Body, expected: &str| assert_eq!(refusal(made(change.clone())), expected, "{change}");
    check(json!({}), "");
    check(
        json!({"amount_cents": "1000", "pay_in_advance": "t", "trial_period": "", "charges": null, "tax_codes": null}),
        "",
    );
    check(json!({"name": "", "code": ""}), "name: value_is_mandatory, code: value_is_mandatory");
    check(json!({"interval": null}), "interval: value_is_mandatory");
    check(json!({"interval": "daily"}), "interval: value_is_invalid");
    check(json!({"amount_cents": null}), "amount_cents: value_is_mandatory");
    check(json!({"amount_cents": "ten"}), "amount_cents: value_is_invalid");
    check(json!({"amount_cents": 12.5}), "amount_cents: value_is_invalid");
    check(json!({"amount_currency": "XXX"}), "amount_currency: value_is_invalid");
    check(json!({"pay_in_advance": null}), "pay_in_advance: value_is_invalid");
    check(json!({"trial_period": "long"}), "trial_period: value_is_invalid");
    check(json!({"tax_codes": ["vat"]}), "");
    check(json!({"tax_codes": ["gst"]}), "404 tax");
}

#[test]
fn every_field_of_a_charge_has_its_code() {
    let check = |change: Body, expected: &str| {
        let charge = merged(json!({"billable_metric_id": METRIC, "charge_model": "standard"}), change);
        assert_eq!(refusal(made(json!({"charges": [charge]}))), expected);
    };
    check(json!({}), "");
    check(json!({"billable_metric_id": null}), "404 billable_metrics");
    check(json!({"billable_metric_id": "storage"}), "404 billable_metrics");
    check(json!({"charge_model": ""}), "charge_model: value_is_mandatory");
    check(json!({"charge_model": "free"}), "charge_model: value_is_invalid");
    check(json!({"properties": {"amount": 1}}), "properties: invalid_amount");
    check(json!({"properties": []}), "");
    check(json!({"min_amount_cents": "x"}), "min_amount_cents: value_is_invalid");
    check(json!({"min_amount_cents": null}), "");
    check(json!({"group_properties": [{"group_id": GROUP, "values": {"amount": "1"}}]}), "");
    check(json!({"group_properties": [{"group_id": "x", "values": {"amount": "1"}}]}), "group_properties: is invalid");
    check(json!({"group_properties": [{"group_id": GROUP}]}), "group_properties: is invalid");
    check(json!({"tax_codes": ["gst"]}), "404 tax");
}

#[test]
fn keys_of_an_update_are_absent_null_or_set() {
    let update = parse_update(fields(&json!({"name": null, "description": "x", "charges": [], "tax_codes": null})));
    assert_eq!((update.name, update.description), (Some(None), Some(Some("x".to_owned()))));
    assert_eq!((update.code, update.charges, update.tax_codes), (None, Some(Vec::new()), None));
    let overrides = parse_overrides(fields(&json!({"name": null, "charges": [{"id": METRIC}], "trial_period": "x"})));
    assert_eq!((overrides.name, overrides.charges[0].id), (None, METRIC.parse().ok()));
    assert!(overrides.unread.has("trial_period"));
}

#[test]
fn a_plan_is_shown_with_charges_and_taxes() {
    let charge = json!({
        "billable_metric_id": METRIC, "charge_model": "package",
        "properties": {"package_size": 10, "amount": "1.50", "free_units": 0},
        "group_properties": [{"group_id": GROUP, "values": {"amount": "1", "free_units": 0, "package_size": 5}}],
    });
    let plan = made(json!({"trial_period": 7, "charges": [charge], "tax_codes": ["vat"]})).unwrap();
    let output = Output::new(&plan, &Counts { customers: 1, active_subscriptions: 2, draft_invoices: 3 });
    assert!(serde_json::to_string(&output).unwrap().ends_with(r#""parent_id":null}"#));
    let code = |id| (id == storage().id).then(|| "storage".to_owned());
    let output = output.with_charges_and_taxes(&plan, &code, &|_| None);
    expect![[r#"
        {
          "lago_id": "00000000-0000-0000-0000-000000000007",
          "name": "Basic",
          "invoice_display_name": null,
          "created_at": "1970-01-01T00:00:00Z",
          "code": "basic",
          "interval": "monthly",
          "description": null,
          "amount_cents": 1000,
          "amount_currency": "EUR",
          "trial_period": 7.0,
          "pay_in_advance": false,
          "bill_charges_monthly": null,
          "customers_count": 1,
          "active_subscriptions_count": 2,
          "draft_invoices_count": 3,
          "parent_id": null,
          "charges": [
            {
              "lago_id": "00000000-0000-0000-0000-000000000015",
              "lago_billable_metric_id": "00000000-0000-0000-0000-000000000001",
              "invoice_display_name": null,
              "billable_metric_code": "storage",
              "created_at": "1970-01-01T00:00:00Z",
              "charge_model": "package",
              "invoiceable": true,
              "pay_in_advance": false,
              "prorated": false,
              "min_amount_cents": 0,
              "properties": {
                "package_size": 10,
                "amount": "1.50",
                "free_units": 0
              },
              "group_properties": [
                {
                  "group_id": "00000000-0000-0000-0000-000000000064",
                  "values": {
                    "amount": "1",
                    "free_units": 0,
                    "package_size": 5
                  },
                  "invoice_display_name": null
                }
              ],
              "taxes": []
            }
          ],
          "taxes": []
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&output).unwrap());
}
