//! Customers, as far as billing and documents depend on them.

use crate::id::{CustomerId, MetadataId, TaxId};
use crate::money::Currency;
use crate::organization::{Identity, Organization};
use crate::time::Instant;
use crate::time::Zone;

mod provider;
mod upsert;

pub use provider::{Provider, ProviderLink, ProviderUpdate, UnknownProvider};
pub use upsert::{Birth, CustomerUpdate, Editable, MetadataEntry, create, edit, slug};

/// Most metadata entries of a customer (chapter 04, 12.2).
pub const METADATA_MAX: usize = 5;

/// A pair of the client's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Id.
    pub id: MetadataId,
    /// Name, unique on its object, at most 20 characters.
    pub key: String,
    /// Content.
    pub value: String,
    /// Whether documents print it.
    pub display_in_invoice: bool,
    /// When it was made.
    pub created_at: Instant,
}

/// A customer of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Id.
    pub id: CustomerId,
    /// The client's own id, unique among the organization's living customers.
    pub external_id: String,
    /// 1, 2, 3 ... per organization, deleted ones counted.
    pub sequential_id: i64,
    /// `<prefix>-<sequential id>`, fixed at creation.
    pub slug: String,
    /// Name.
    pub name: Option<String>,
    /// Legal and postal identity.
    pub identity: Identity,
    /// Web site.
    pub url: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Logo's address.
    pub logo_url: Option<String>,
    /// Id in the client's CRM.
    pub external_salesforce_id: Option<String>,
    /// Currency of all its documents, once one object brought it.
    pub currency: Option<Currency>,
    /// Whether an object fixed its currency for ever: a wallet, or a coupon that carries one, of any state (chapter 04, 12.1).
    pub is_currency_fixed: bool,
    /// Own zone.
    pub timezone: Option<Zone>,
    /// Own payment term, days; 0 counts as set.
    pub net_payment_term: Option<u32>,
    /// Own grace period, days; 0 counts as set.
    pub invoice_grace_period: Option<u32>,
    /// Own language of documents.
    pub document_locale: Option<String>,
    /// The payment provider in use.
    pub payment_provider: Option<Provider>,
    /// Its links to payment providers, one per provider, the one in use among them if it has one.
    pub provider_links: Vec<ProviderLink>,
    /// Own taxes; if any, they replace the organization's.
    pub tax_ids: Vec<TaxId>,
    /// Pairs of the client's own, oldest first.
    pub metadata: Vec<Metadata>,
    /// `sequential_id` of its newest invoice; 0 if it has none. Numbers form 1..n without a gap.
    pub last_invoice_sequence: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
}

impl Customer {
    /// The zone of its billing days (chapter 02, 1.2).
    #[must_use]
    pub fn zone(&self, organization: &Organization) -> Zone {
        self.timezone.unwrap_or(organization.timezone)
    }

    /// Days that its subscription invoices stay drafts (chapter 02, 1.2).
    #[must_use]
    pub fn grace_period_days(&self, organization: &Organization) -> u32 {
        self.invoice_grace_period.unwrap_or(organization.invoice_grace_period)
    }

    /// Days from issuing to due date (chapter 02, 1.2).
    #[must_use]
    pub fn net_payment_term_days(&self, organization: &Organization) -> u32 {
        self.net_payment_term.unwrap_or(organization.net_payment_term)
    }

    /// Language of its documents: its own, else the organization's.
    #[must_use]
    pub fn locale<'a>(&'a self, organization: &'a Organization) -> &'a str {
        self.document_locale.as_deref().unwrap_or(&organization.document_locale)
    }
}

/// The customer's currency does not go with the one that an object brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the customer is billed in another currency")]
pub struct CurrencyMismatch;

/// The customer's currency after an object in `currency` is assigned to it (chapter 02, 1.1; chapter 04, 12.1).
///
/// `editable`: the customer has no subscription of any status, no applied coupon with a currency and no wallet.
///
/// # Errors
/// It has another currency, or none although it is no longer editable.
pub fn implied_currency(
    present: Option<Currency>,
    editable: bool,
    currency: Currency,
) -> Result<Currency, CurrencyMismatch> {
    match present {
        Some(present) if present == currency => Ok(present),
        None if editable => Ok(currency),
        Some(_) | None => Err(CurrencyMismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_gives_its_currency_to_an_editable_customer_without_one() {
        let check = |present, editable, expected| {
            assert_eq!(implied_currency(present, editable, Currency::EUR), expected);
        };
        check(None, true, Ok(Currency::EUR));
        check(None, false, Err(CurrencyMismatch));
        check(Some(Currency::EUR), false, Ok(Currency::EUR));
        check(Some(Currency::USD), true, Err(CurrencyMismatch));
    }
}
