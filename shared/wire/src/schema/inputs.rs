//! What requests carry, as schemas: one struct per object that a `parse` function reads. Nobody makes values of them.
//!
//! What is no `Option` is mandatory. `null` means the same as an absent key on creation (chapter 09).

#![allow(dead_code, missing_docs)] // Schemas only; `glossary` explains the fields.

use schemars::JsonSchema;

use super::{ChargeProperties, MetricGroup, NumberOrText, Object};

/// `tax`.
#[derive(JsonSchema)]
pub struct TaxInput {
    name: String,
    code: String,
    rate: NumberOrText,
    description: Option<String>,
    applied_to_organization: Option<bool>,
}

/// `billable_metric`.
#[derive(JsonSchema)]
pub struct BillableMetricInput {
    name: String,
    code: String,
    aggregation_type: String,
    description: Option<String>,
    field_name: Option<String>,
    recurring: Option<bool>,
    weighted_interval: Option<String>,
    group: Option<MetricGroup>,
}

/// `add_on`.
#[derive(JsonSchema)]
pub struct AddOnInput {
    name: String,
    code: String,
    amount_cents: i64,
    amount_currency: String,
    invoice_display_name: Option<String>,
    description: Option<String>,
    tax_codes: Option<Vec<String>>,
}

/// `coupon`.
#[derive(JsonSchema)]
pub struct CouponInput {
    name: String,
    code: String,
    coupon_type: String,
    frequency: String,
    description: Option<String>,
    amount_cents: Option<i64>,
    amount_currency: Option<String>,
    percentage_rate: Option<NumberOrText>,
    frequency_duration: Option<i64>,
    reusable: Option<bool>,
    expiration: Option<String>,
    expiration_at: Option<String>,
    expiration_date: Option<String>,
    applies_to: Option<CouponTargetsInput>,
}

/// `applies_to` of a coupon: plans or metrics, not both.
#[derive(JsonSchema)]
pub struct CouponTargetsInput {
    plan_codes: Option<Vec<String>>,
    billable_metric_codes: Option<Vec<String>>,
}

/// `applied_coupon`.
#[derive(JsonSchema)]
pub struct AppliedCouponInput {
    external_customer_id: String,
    coupon_code: String,
    amount_cents: Option<i64>,
    amount_currency: Option<String>,
    percentage_rate: Option<NumberOrText>,
    frequency: Option<String>,
    frequency_duration: Option<i64>,
}

/// `customer`.
#[derive(JsonSchema)]
pub struct CustomerInput {
    external_id: String,
    name: Option<String>,
    country: Option<String>,
    address_line1: Option<String>,
    address_line2: Option<String>,
    state: Option<String>,
    zipcode: Option<String>,
    email: Option<String>,
    city: Option<String>,
    url: Option<String>,
    phone: Option<String>,
    logo_url: Option<String>,
    legal_name: Option<String>,
    legal_number: Option<String>,
    tax_identification_number: Option<String>,
    external_salesforce_id: Option<String>,
    currency: Option<String>,
    timezone: Option<String>,
    net_payment_term: Option<u32>,
    tax_codes: Option<Vec<String>>,
    metadata: Option<Vec<CustomerMetadataInput>>,
    billing_configuration: Option<CustomerBillingInput>,
}

/// A pair of the client's own on a customer.
#[derive(JsonSchema)]
pub struct CustomerMetadataInput {
    id: Option<String>,
    key: Option<String>,
    value: Option<String>,
    display_in_invoice: Option<bool>,
}

/// `billing_configuration` of a customer.
#[derive(JsonSchema)]
pub struct CustomerBillingInput {
    invoice_grace_period: Option<u32>,
    payment_provider: Option<String>,
    provider_customer_id: Option<String>,
    sync: Option<bool>,
    sync_with_provider: Option<bool>,
    document_locale: Option<String>,
    provider_payment_methods: Option<Vec<String>>,
    vat_rate: Option<NumberOrText>,
}

/// `organization`.
#[derive(JsonSchema)]
pub struct OrganizationInput {
    country: Option<String>,
    default_currency: Option<String>,
    address_line1: Option<String>,
    address_line2: Option<String>,
    state: Option<String>,
    zipcode: Option<String>,
    email: Option<String>,
    city: Option<String>,
    legal_name: Option<String>,
    legal_number: Option<String>,
    tax_identification_number: Option<String>,
    net_payment_term: Option<u32>,
    timezone: Option<String>,
    email_settings: Option<Vec<String>>,
    document_numbering: Option<String>,
    document_number_prefix: Option<String>,
    webhook_url: Option<String>,
    billing_configuration: Option<OrganizationBillingInput>,
}

/// `billing_configuration` of an organization.
#[derive(JsonSchema)]
pub struct OrganizationBillingInput {
    invoice_footer: Option<String>,
    invoice_grace_period: Option<u32>,
    document_locale: Option<String>,
    vat_rate: Option<NumberOrText>,
}

/// `organization` of the operator: a name, any setting, and a test clock for a sandbox.
#[derive(JsonSchema)]
pub struct NewOrganizationInput {
    name: String,
    test_clock: Option<TestClockInput>,
    #[schemars(flatten)]
    settings: OrganizationInput,
}

/// `test_clock`.
#[derive(JsonSchema)]
pub struct TestClockInput {
    frozen_time: String,
}

/// `plan`.
#[derive(JsonSchema)]
pub struct PlanInput {
    name: String,
    code: String,
    interval: String,
    amount_cents: i64,
    amount_currency: String,
    pay_in_advance: bool,
    invoice_display_name: Option<String>,
    description: Option<String>,
    trial_period: Option<NumberOrText>,
    bill_charges_monthly: Option<bool>,
    tax_codes: Option<Vec<String>>,
    charges: Option<Vec<ChargeInput>>,
}

/// A charge of a plan.
#[derive(JsonSchema)]
pub struct ChargeInput {
    billable_metric_id: String,
    charge_model: Option<String>,
    id: Option<String>,
    invoice_display_name: Option<String>,
    pay_in_advance: Option<bool>,
    prorated: Option<bool>,
    invoiceable: Option<bool>,
    min_amount_cents: Option<i64>,
    properties: Option<ChargeProperties>,
    group_properties: Option<Vec<GroupPropertiesInput>>,
    tax_codes: Option<Vec<String>>,
}

/// The price of a group.
#[derive(JsonSchema)]
pub struct GroupPropertiesInput {
    group_id: String,
    values: ChargeProperties,
    invoice_display_name: Option<String>,
}

/// `subscription`.
#[derive(JsonSchema)]
pub struct SubscriptionInput {
    external_customer_id: String,
    plan_code: String,
    external_id: String,
    name: Option<String>,
    billing_time: Option<String>,
    subscription_at: Option<String>,
    subscription_date: Option<String>,
    ending_at: Option<String>,
    plan_overrides: Option<PlanOverridesInput>,
}

/// `plan_overrides`: what this subscription pays otherwise than its plan says.
#[derive(JsonSchema)]
pub struct PlanOverridesInput {
    name: Option<String>,
    invoice_display_name: Option<String>,
    description: Option<String>,
    amount_cents: Option<i64>,
    amount_currency: Option<String>,
    trial_period: Option<NumberOrText>,
    tax_codes: Option<Vec<String>>,
    charges: Option<Vec<ChargeInput>>,
}

/// `subscription` of an edit.
#[derive(JsonSchema)]
pub struct SubscriptionChangeInput {
    name: Option<String>,
    subscription_at: Option<String>,
    subscription_date: Option<String>,
    ending_at: Option<String>,
    plan_overrides: Option<PlanOverridesInput>,
    status: Option<String>,
}

/// `event`.
#[derive(JsonSchema)]
pub struct EventInput {
    transaction_id: String,
    code: String,
    external_subscription_id: Option<String>,
    external_customer_id: Option<String>,
    timestamp: Option<NumberOrText>,
    properties: Option<Object>,
}

/// `event` of the legacy batch: one event for several subscriptions of a customer.
#[derive(JsonSchema)]
pub struct LegacyBatchInput {
    transaction_id: String,
    external_subscription_ids: Vec<String>,
    code: String,
    timestamp: Option<NumberOrText>,
    properties: Option<Object>,
}

/// Body of a batch: `events`, or the legacy `event`.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum EventBatchInput {
    Events {
        #[schemars(length(min = 1, max = 100))]
        events: Vec<EventInput>,
    },
    Legacy {
        event: LegacyBatchInput,
    },
}

/// `event` whose fees are estimated.
#[derive(JsonSchema)]
pub struct EventEstimateInput {
    code: String,
    external_subscription_id: Option<String>,
    external_customer_id: Option<String>,
    properties: Option<Object>,
}

/// `fee`.
#[derive(JsonSchema)]
pub struct FeePaymentInput {
    payment_status: Option<String>,
}

/// `invoice` of a one-off sale.
#[derive(JsonSchema)]
pub struct OneOffInvoiceInput {
    external_customer_id: String,
    currency: Option<String>,
    fees: Vec<OneOffFeeInput>,
}

/// A line of a one-off invoice.
#[derive(JsonSchema)]
pub struct OneOffFeeInput {
    add_on_code: String,
    unit_amount_cents: Option<i64>,
    units: Option<NumberOrText>,
    description: Option<String>,
    invoice_display_name: Option<String>,
    tax_codes: Option<Vec<String>>,
}

/// `invoice` of an edit.
#[derive(JsonSchema)]
pub struct InvoiceChangeInput {
    payment_status: Option<String>,
    metadata: Option<Vec<InvoiceMetadataInput>>,
}

/// A pair of the client's own on an invoice.
#[derive(JsonSchema)]
pub struct InvoiceMetadataInput {
    id: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

/// Body of a preview.
#[derive(JsonSchema)]
pub struct InvoicePreviewInput {
    customer: Option<Object>,
    subscription: Option<Object>,
    timestamp: Option<String>,
    date: Option<String>,
}

/// `credit_note`.
#[derive(JsonSchema)]
pub struct CreditNoteInput {
    invoice_id: String,
    items: Vec<CreditNoteItemInput>,
    reason: Option<String>,
    description: Option<String>,
    credit_amount_cents: Option<i64>,
    refund_amount_cents: Option<i64>,
}

/// What is given back of a fee.
#[derive(JsonSchema)]
pub struct CreditNoteItemInput {
    fee_id: String,
    amount_cents: i64,
}

/// `credit_note` whose amounts are estimated.
#[derive(JsonSchema)]
pub struct CreditNoteEstimateInput {
    invoice_id: String,
    items: Vec<CreditNoteItemInput>,
}

/// `credit_note` of an edit.
#[derive(JsonSchema)]
pub struct CreditNoteRefundInput {
    refund_status: String,
}

/// `wallet`.
#[derive(JsonSchema)]
pub struct WalletInput {
    external_customer_id: String,
    rate_amount: NumberOrText,
    currency: String,
    name: Option<String>,
    paid_credits: Option<String>,
    granted_credits: Option<String>,
    expiration_at: Option<String>,
    expiration_date: Option<String>,
    recurring_transaction_rules: Option<Vec<RecurringTransactionRuleInput>>,
}

/// `wallet` of an edit.
#[derive(JsonSchema)]
pub struct WalletChangeInput {
    name: Option<String>,
    expiration_at: Option<String>,
    expiration_date: Option<String>,
    recurring_transaction_rules: Option<Vec<RecurringTransactionRuleInput>>,
}

/// A rule that tops a wallet up.
#[derive(JsonSchema)]
pub struct RecurringTransactionRuleInput {
    lago_id: Option<String>,
    rule_type: Option<String>,
    interval: Option<String>,
    threshold_credits: Option<String>,
    paid_credits: Option<String>,
    granted_credits: Option<String>,
}

/// `wallet_transaction`.
#[derive(JsonSchema)]
pub struct WalletTransactionInput {
    wallet_id: String,
    paid_credits: Option<String>,
    granted_credits: Option<String>,
}

/// `webhook_endpoint`.
#[derive(JsonSchema)]
pub struct WebhookEndpointInput {
    webhook_url: String,
    signature_algo: Option<String>,
}

/// `api_key`.
#[derive(JsonSchema)]
pub struct ApiKeyInput {
    name: String,
}

/// `api_key` of a rotation.
#[derive(JsonSchema)]
pub struct ApiKeyRotationInput {
    overlap_seconds: Option<i64>,
}
