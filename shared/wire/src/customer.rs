//! Customers (chapter 05, 2.4; chapter 06, 8; chapter 09).

use domain::customer::{Customer, CustomerUpdate, Metadata, MetadataEntry, Provider, ProviderUpdate};
use domain::organization::Organization;
use domain::problem::Problems;
use serde::Serialize;
use serde_json::Number;

use crate::format;
use crate::input::Fields;
use crate::organization::parse_identity;
use crate::tax;

/// `customer` of `POST /customers`, which creates and updates.
#[must_use]
pub fn parse(fields: Fields<'_>) -> CustomerUpdate {
    let mut unread = Problems::default();
    let none = serde_json::Map::new();
    let billing = fields.object("billing_configuration").value().unwrap_or(Fields(&none));
    let text = |name| fields.text(name).sent();
    CustomerUpdate {
        external_id: fields.text("external_id").value(),
        name: text("name"),
        identity: parse_identity(fields),
        url: text("url"),
        phone: text("phone"),
        logo_url: text("logo_url"),
        external_salesforce_id: text("external_salesforce_id"),
        currency: text("currency"),
        timezone: text("timezone"),
        net_payment_term: fields.days("net_payment_term", &mut unread).sent(),
        invoice_grace_period: billing.days("invoice_grace_period", &mut unread).sent(),
        document_locale: billing.text("document_locale").sent(),
        vat_rate: billing.decimal("vat_rate", &mut unread).value(),
        provider: ProviderUpdate {
            name: billing.text("payment_provider").sent(),
            customer_id: billing.text("provider_customer_id").sent(),
            sync_with_provider: billing.boolean("sync_with_provider", &mut unread).sent(),
            sync: billing.boolean("sync", &mut unread).value(),
            payment_methods: billing.texts("provider_payment_methods").value().unwrap_or_default(),
        },
        tax_codes: fields.texts("tax_codes").value().unwrap_or_default(),
        metadata: fields
            .objects("metadata")
            .value()
            .map(|entries| entries.into_iter().map(|entry| parse_metadata(entry, &mut unread)).collect()),
        unread,
    }
}

fn parse_metadata(entry: Fields<'_>, unread: &mut Problems) -> MetadataEntry {
    MetadataEntry {
        id: entry.id("id"),
        key: entry.text("key").sent(),
        value: entry.text("value").sent(),
        display_in_invoice: entry.boolean("display_in_invoice", unread).value(),
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Customer")]
#[allow(missing_docs)] // Fields are named and explained in chapters 06, 8, and 09.
pub struct Output {
    pub lago_id: String,
    pub external_id: String,
    pub name: String,
    pub sequential_id: i64,
    pub slug: String,
    pub created_at: String,
    pub updated_at: String,
    pub country: Option<String>,
    pub address_line1: Option<String>,
    pub address_line2: Option<String>,
    pub state: Option<String>,
    pub zipcode: Option<String>,
    pub email: Option<String>,
    pub city: Option<String>,
    pub url: Option<String>,
    pub phone: Option<String>,
    pub logo_url: Option<String>,
    pub legal_name: Option<String>,
    pub legal_number: Option<String>,
    pub currency: Option<&'static str>,
    pub tax_identification_number: Option<String>,
    pub timezone: Option<&'static str>,
    pub applicable_timezone: &'static str,
    pub net_payment_term: Option<u32>,
    pub external_salesforce_id: Option<String>,
    pub billing_configuration: BillingConfiguration,
    pub metadata: Vec<MetadataOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Vec<tax::Output>>,
    pub billing_entity_code: String,
    pub account_type: &'static str,
    pub finalize_zero_amount_invoice: &'static str,
    pub skip_invoice_custom_sections: bool,
    pub shipping_address: Empty,
    pub integration_customers: [Empty; 0],
}

/// `billing_configuration` of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CustomerBillingConfiguration")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 8.
pub struct BillingConfiguration {
    pub invoice_grace_period: Option<u32>,
    pub payment_provider: Option<&'static str>,
    pub vat_rate: Option<Number>,
    pub document_locale: Option<String>,
    #[serde(flatten)]
    pub provider: Option<ProviderOutput>,
}

/// What `billing_configuration` says of the provider in use.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)] // Fields are named and explained in chapter 08, 4.6.
pub struct ProviderOutput {
    pub provider_customer_id: Option<String>,
    /// Stripe only; null without a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_payment_methods: Option<Option<Vec<String>>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sync_with_provider: bool,
}

/// A pair of the client's own.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "CustomerMetadata")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 8.
pub struct MetadataOutput {
    pub lago_id: String,
    pub key: String,
    pub value: String,
    pub display_in_invoice: bool,
    pub created_at: String,
}

/// The link to a customer's portal (chapter 06, 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PortalUrl {
    /// Opens the portal for twelve hours.
    pub portal_url: String,
}

/// `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Empty {}

impl Output {
    /// A customer as the API shows it, without its taxes.
    #[must_use]
    pub fn new(customer: &Customer, organization: &Organization) -> Output {
        let identity = customer.identity.clone();
        Output {
            lago_id: customer.id.to_string(),
            external_id: customer.external_id.clone(),
            name: customer.name.clone().unwrap_or_default(),
            sequential_id: customer.sequential_id,
            slug: customer.slug.clone(),
            created_at: format::timestamp(customer.created_at),
            updated_at: format::timestamp(customer.updated_at),
            country: identity.country,
            address_line1: identity.address_line1,
            address_line2: identity.address_line2,
            state: identity.state,
            zipcode: identity.zipcode,
            email: identity.email,
            city: identity.city,
            url: customer.url.clone(),
            phone: customer.phone.clone(),
            logo_url: customer.logo_url.clone(),
            legal_name: identity.legal_name,
            legal_number: identity.legal_number,
            currency: customer.currency.map(domain::money::Currency::code),
            tax_identification_number: identity.tax_identification_number,
            timezone: customer.timezone.map(domain::time::Zone::name),
            applicable_timezone: customer.zone(organization).name(),
            net_payment_term: customer.net_payment_term,
            external_salesforce_id: customer.external_salesforce_id.clone(),
            billing_configuration: BillingConfiguration {
                invoice_grace_period: customer.invoice_grace_period,
                payment_provider: customer.payment_provider.map(Provider::as_str),
                vat_rate: None,
                document_locale: customer.document_locale.clone(),
                provider: customer.payment_provider.map(|provider| ProviderOutput::new(provider, customer)),
            },
            metadata: customer.metadata.iter().map(MetadataOutput::new).collect(),
            taxes: None,
            billing_entity_code: organization.billing_entity_code(),
            account_type: "customer",
            finalize_zero_amount_invoice: "inherit",
            skip_invoice_custom_sections: false,
            shipping_address: Empty {},
            integration_customers: [],
        }
    }

    /// The same with the customer's own taxes.
    #[must_use]
    pub fn with_taxes(self, taxes: Vec<tax::Output>) -> Output {
        Output { taxes: Some(taxes), ..self }
    }
}

impl ProviderOutput {
    fn new(provider: Provider, customer: &Customer) -> ProviderOutput {
        let link = customer.provider_link();
        let methods = || link.map(|link| link.payment_methods.clone());
        ProviderOutput {
            provider_customer_id: link.and_then(|link| link.customer_id.clone()),
            provider_payment_methods: (provider == Provider::Stripe).then(methods),
            sync_with_provider: link.is_some_and(|link| link.is_synced),
        }
    }
}

impl MetadataOutput {
    fn new(entry: &Metadata) -> MetadataOutput {
        MetadataOutput {
            lago_id: entry.id.to_string(),
            key: entry.key.clone(),
            value: entry.value.clone(),
            display_in_invoice: entry.display_in_invoice,
            created_at: format::timestamp(entry.created_at),
        }
    }
}

#[cfg(test)]
mod tests;
