//! Stored form of a customer.

use domain::customer::{Customer, Metadata, Provider, ProviderLink};
use domain::id::{CustomerId, TaxId};
use domain::money::Currency;
use domain::time::Zone;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, all, at, of_text, of_texts, texts_of};
use super::identity::{StoredIdentity, StoredMetadata};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of a customer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCustomer {
    id: Text<CustomerId>,
    external_id: String,
    sequential_id: i64,
    slug: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    identity: StoredIdentity,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_salesforce_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Text<Currency>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<Text<Zone>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net_payment_term: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_grace_period: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_locale: Option<String>,
    tax_ids: Vec<Text<TaxId>>,
    metadata: Vec<StoredMetadata>,
    last_invoice_sequence: i64,
    created_at: Micros,
    updated_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Micros>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_currency_fixed: bool,
    /// Since schema 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_provider: Option<Text<Provider>>,
    /// Since schema 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provider_links: Vec<StoredProviderLink>,
}

/// The stored form of a link to a payment provider.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredProviderLink {
    provider: Text<Provider>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    is_synced: bool,
    payment_methods: Vec<String>,
}

impl From<&ProviderLink> for StoredProviderLink {
    fn from(link: &ProviderLink) -> Self {
        let ProviderLink { provider, customer_id, is_synced, payment_methods } = link.clone();
        StoredProviderLink { provider: Text(provider), customer_id, is_synced, payment_methods }
    }
}

impl From<StoredProviderLink> for ProviderLink {
    fn from(stored: StoredProviderLink) -> Self {
        let StoredProviderLink { provider, customer_id, is_synced, payment_methods } = stored;
        ProviderLink { provider: provider.0, customer_id, is_synced, payment_methods }
    }
}

impl From<&Customer> for StoredCustomer {
    fn from(customer: &Customer) -> Self {
        let Customer {
            id,
            external_id,
            sequential_id,
            slug,
            name,
            identity,
            url,
            phone,
            logo_url,
            external_salesforce_id,
            currency,
            timezone,
            net_payment_term,
            invoice_grace_period,
            document_locale,
            tax_ids,
            metadata,
            last_invoice_sequence,
            created_at,
            updated_at,
            created_seq,
            deleted_at,
            is_currency_fixed,
            payment_provider,
            provider_links,
        } = customer;
        StoredCustomer {
            id: Text(*id),
            external_id: external_id.clone(),
            sequential_id: *sequential_id,
            slug: slug.clone(),
            name: name.clone(),
            identity: identity.into(),
            url: url.clone(),
            phone: phone.clone(),
            logo_url: logo_url.clone(),
            external_salesforce_id: external_salesforce_id.clone(),
            currency: currency.map(Text),
            timezone: timezone.map(Text),
            net_payment_term: *net_payment_term,
            invoice_grace_period: *invoice_grace_period,
            document_locale: document_locale.clone(),
            tax_ids: texts_of(tax_ids),
            metadata: all(metadata),
            last_invoice_sequence: *last_invoice_sequence,
            created_at: Micros(*created_at),
            updated_at: Micros(*updated_at),
            created_seq: *created_seq,
            deleted_at: deleted_at.map(Micros),
            is_currency_fixed: *is_currency_fixed,
            payment_provider: payment_provider.map(Text),
            provider_links: all(provider_links),
        }
    }
}

impl From<StoredCustomer> for Customer {
    fn from(stored: StoredCustomer) -> Self {
        Customer {
            id: stored.id.0,
            external_id: stored.external_id,
            sequential_id: stored.sequential_id,
            slug: stored.slug,
            name: stored.name,
            identity: stored.identity.into(),
            url: stored.url,
            phone: stored.phone,
            logo_url: stored.logo_url,
            external_salesforce_id: stored.external_salesforce_id,
            currency: of_text(stored.currency),
            timezone: of_text(stored.timezone),
            net_payment_term: stored.net_payment_term,
            invoice_grace_period: stored.invoice_grace_period,
            document_locale: stored.document_locale,
            tax_ids: of_texts(stored.tax_ids),
            metadata: stored.metadata.into_iter().map(Metadata::from).collect(),
            last_invoice_sequence: stored.last_invoice_sequence,
            created_at: stored.created_at.0,
            updated_at: stored.updated_at.0,
            created_seq: stored.created_seq,
            deleted_at: at(stored.deleted_at),
            is_currency_fixed: stored.is_currency_fixed,
            payment_provider: of_text(stored.payment_provider),
            provider_links: stored.provider_links.into_iter().map(ProviderLink::from).collect(),
        }
    }
}

impl Record for Customer {
    const KIND: &'static str = "customer";
    const SCHEMA: u32 = 3;
    type Stored = StoredCustomer;

    fn key(&self, scope: Scope) -> Key {
        keys::customer(scope.organization, self.id)
    }

    /// In the organization's list while it lives.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        match self.deleted_at {
            Some(_) => Vec::new(),
            None => vec![keys::in_list(scope.organization, keys::CUSTOMERS, self.created_at, self.created_seq)],
        }
    }

    fn to_stored(&self) -> StoredCustomer {
        self.into()
    }

    fn from_stored(stored: StoredCustomer) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}
