//! Every field is explained, and the glossary explains no field that is not there.

use std::collections::BTreeSet;

use super::*;

fn everything() -> Map<String, Value> {
    let mut components = Components::default();
    let outputs: &[SchemaOf] = &[
        answer::<crate::add_on::Output>,
        answer::<crate::analytics::GrossRevenue>,
        answer::<crate::analytics::InvoiceCollection>,
        answer::<crate::analytics::Mrr>,
        answer::<crate::analytics::Usage>,
        answer::<crate::billable_metric::GroupOutput>,
        answer::<crate::billable_metric::Output>,
        answer::<crate::coupon::AppliedOutput>,
        answer::<crate::coupon::Output>,
        answer::<crate::customer::PortalUrl>,
        answer::<crate::credit_note::Estimate>,
        answer::<crate::credit_note::Output>,
        answer::<crate::event::Listed<'static>>,
        answer::<crate::event::Output<'static>>,
        answer::<crate::explanation::Output>,
        answer::<crate::ledger::Output<'static>>,
        answer::<crate::organization::Output>,
        answer::<crate::preview::Output>,
        answer::<crate::test_clock::Output>,
        answer::<crate::usage::Output>,
        answer::<crate::usage::past::Period>,
        answer::<crate::wallet::Output>,
        answer::<crate::wallet::TransactionOutput>,
        answer::<crate::webhook::EventsErrors<'static>>,
        answer::<crate::webhook::Output<'static>>,
        answer::<crate::webhook_endpoint::Output>,
        answer::<crate::api_key::Output>,
        input::<inputs::ApiKeyInput>,
        input::<inputs::ApiKeyRotationInput>,
        input::<inputs::AddOnInput>,
        input::<inputs::AppliedCouponInput>,
        input::<inputs::BillableMetricInput>,
        input::<inputs::CouponInput>,
        input::<inputs::CreditNoteEstimateInput>,
        input::<inputs::CreditNoteInput>,
        input::<inputs::CreditNoteRefundInput>,
        input::<inputs::CustomerInput>,
        input::<inputs::EventBatchInput>,
        input::<inputs::EventEstimateInput>,
        input::<inputs::FeePaymentInput>,
        input::<inputs::InvoiceChangeInput>,
        input::<inputs::InvoicePreviewInput>,
        input::<inputs::NewOrganizationInput>,
        input::<inputs::OneOffInvoiceInput>,
        partial::<inputs::PlanInput>,
        input::<inputs::SubscriptionChangeInput>,
        input::<inputs::SubscriptionInput>,
        input::<inputs::TaxInput>,
        partial::<inputs::TaxInput>,
        input::<inputs::WalletChangeInput>,
        input::<inputs::WalletInput>,
        input::<inputs::WalletTransactionInput>,
        input::<inputs::WebhookEndpointInput>,
    ];
    for schema in outputs {
        schema(&mut components);
    }
    components.finish()
}

fn fields(schemas: &Map<String, Value>) -> Vec<(&str, &str, &Value)> {
    schemas
        .iter()
        .flat_map(|(name, schema)| {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(move |(field, property)| (name.as_str(), field.as_str(), property))
        })
        .collect()
}

#[test]
fn every_field_is_explained() {
    let schemas = everything();
    let found = fields(&schemas);
    assert!(found.len() > 500, "{}", found.len());
    let silent: Vec<_> = found
        .iter()
        .filter(|(_, _, property)| property["description"].as_str().unwrap_or_default().is_empty())
        .map(|(object, field, _)| format!("{object}.{field}"))
        .collect();
    assert_eq!(silent, Vec::<String>::new(), "fields that the glossary does not explain");
}

#[test]
fn the_glossary_explains_nothing_else() {
    let schemas = everything();
    let mut known = BTreeSet::new();
    for (object, field, _) in fields(&schemas) {
        let term = glossary::term(object, field);
        known.extend(term.map(|term| term.name));
    }
    let unused: Vec<_> = glossary::TERMS.iter().map(|term| term.name).filter(|name| !known.contains(name)).collect();
    assert_eq!(unused, Vec::<&str>::new(), "terms without a field");
}

#[test]
fn names_and_nullability_are_the_serializers() {
    let schemas = everything();
    let tax = &schemas["Tax"];
    assert_eq!(tax["required"].as_array().unwrap().len(), tax["properties"].as_object().unwrap().len());
    assert_eq!(tax["properties"]["description"]["type"], json!(["string", "null"]));
    assert_eq!(tax["properties"]["lago_id"]["format"], "uuid");
    let invoice = &schemas["Invoice"];
    assert!(!invoice["required"].as_array().unwrap().contains(&json!("fees")));
    assert_eq!(invoice["properties"]["fees"]["type"], "array");
    assert_eq!(invoice["properties"]["status"]["enum"], json!(["draft", "finalized", "voided"]));
    let (full, edit) = (&schemas["TaxInput"], &schemas["TaxUpdateInput"]);
    assert_eq!(full["required"], json!(["name", "code", "rate"]));
    assert!(edit.get("required").is_none());
    assert_eq!(full["properties"], edit["properties"]);
}
