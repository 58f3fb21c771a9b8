//! The customer's link to a payment provider, as requests set it (chapter 08, section 4).
//!
//! What a link leads to (creation at the provider, checkout pages, payments) needs a connected provider; without one those
//! steps are left out, as the chapter has it.

use super::Customer;
use crate::problem::{Problems, codes};

/// Words of `provider_payment_methods`.
const PAYMENT_METHODS: &[&str] = &["card", "sepa_debit"];

/// What a card provider may charge where nothing is said.
const DEFAULT_METHOD: &str = "card";

/// A payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `stripe`.
    Stripe,
    /// `gocardless`.
    GoCardless,
    /// `adyen`.
    Adyen,
}

impl Provider {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Stripe => "stripe",
            Provider::GoCardless => "gocardless",
            Provider::Adyen => "adyen",
        }
    }
}

/// Not the word of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown payment provider")]
pub struct UnknownProvider;

impl std::str::FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(word: &str) -> Result<Provider, UnknownProvider> {
        let all = [Provider::Stripe, Provider::GoCardless, Provider::Adyen];
        all.into_iter().find(|provider| provider.as_str() == word).ok_or(UnknownProvider)
    }
}

/// A customer at a provider: at most one per customer and provider (chapter 08, 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLink {
    /// Where.
    pub provider: Provider,
    /// `provider_customer_id`: its id there, never blank.
    pub customer_id: Option<String>,
    /// `sync_with_provider`: whether Weir makes it there. Off is not told from never said.
    pub is_synced: bool,
    /// `provider_payment_methods`; empty but for Stripe.
    pub payment_methods: Vec<String>,
}

/// What a request says of the customer's payment provider (chapter 08, 4.1). The outer option is whether a key was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderUpdate {
    /// `payment_provider`.
    pub name: Option<Option<String>>,
    /// `provider_customer_id`.
    pub customer_id: Option<Option<String>>,
    /// `sync_with_provider`.
    pub sync_with_provider: Option<Option<bool>>,
    /// `sync`: whether the answer waits for the provider.
    pub sync: Option<bool>,
    /// `provider_payment_methods`.
    pub payment_methods: Vec<String>,
}

/// Which rules of chapter 08, 4.2 a request follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// The customer is new, or asks to be made at its provider.
    First,
    /// The customer is there already.
    Later,
}

impl ProviderUpdate {
    /// The sent `provider_customer_id`, unless it is blank.
    fn given_id(&self) -> Option<&str> {
        self.customer_id.as_ref()?.as_deref().map(str::trim).filter(|id| !id.is_empty())
    }

    fn asks_to_sync(&self) -> bool {
        self.sync_with_provider == Some(Some(true))
    }

    fn branch(&self, before: Option<&Customer>) -> Branch {
        let has_id = |customer: &Customer| customer.provider_link().is_some_and(|link| link.customer_id.is_some());
        match before {
            None => Branch::First,
            Some(customer) if self.asks_to_sync() && !has_id(customer) => Branch::First,
            Some(_) => Branch::Later,
        }
    }

    /// Puts the request's provider and link into `customer`; `before` is the customer as it was, none for a new one.
    ///
    /// Notes `payment_provider: value_is_invalid` and `provider_payment_methods: is invalid`.
    pub(super) fn apply(&self, before: Option<&Customer>, customer: &mut Customer, problems: &mut Problems) {
        match self.branch(before) {
            Branch::First => {
                // A provider without an id, and without the wish to be made there, asks for nothing.
                let Some(word) = self.name.iter().flatten().next() else { return };
                if !self.asks_to_sync() && self.given_id().is_none() {
                    return;
                }
                match word.parse() {
                    Ok(provider) => {
                        customer.payment_provider = Some(provider);
                        self.link(customer, provider, problems);
                    }
                    Err(UnknownProvider) => problems.add("payment_provider", codes::INVALID),
                }
            }
            Branch::Later => {
                if let Some(word) = &self.name {
                    // Unknown words clear, as null does.
                    customer.payment_provider = word.as_deref().and_then(|word| word.parse().ok());
                }
                let Some(provider) = customer.payment_provider else { return };
                let known = customer.provider_link().is_some_and(|link| link.customer_id.is_some());
                if known {
                    // Its id stays (chapter 08, 1.2, D17).
                    if !self.payment_methods.is_empty() && provider == Provider::Stripe {
                        let methods = self.methods(problems);
                        customer.link_to(provider).payment_methods = methods;
                    }
                } else if self.given_id().is_some() {
                    self.link(customer, provider, problems);
                }
            }
        }
    }

    /// Finds or makes the link (chapter 08, 4.3).
    fn link(&self, customer: &mut Customer, provider: Provider, problems: &mut Problems) {
        let methods = if provider == Provider::Stripe { self.methods(problems) } else { Vec::new() };
        let link = customer.link_to(provider);
        if self.customer_id.is_some() {
            link.customer_id = self.given_id().map(str::to_owned);
        }
        if let Some(sync) = self.sync_with_provider {
            link.is_synced = sync == Some(true);
        }
        link.payment_methods = methods;
    }

    fn methods(&self, problems: &mut Problems) -> Vec<String> {
        if self.payment_methods.is_empty() {
            return vec![DEFAULT_METHOD.to_owned()];
        }
        if self.payment_methods.iter().any(|method| !PAYMENT_METHODS.contains(&method.as_str())) {
            problems.add("provider_payment_methods", "is invalid");
        }
        self.payment_methods.clone()
    }

    /// The provider at which the answer must wait for the customer to be made, if the request asks for that (chapter 08, 4.3,
    /// step 4). `after` is the customer with the update applied.
    #[must_use]
    pub fn awaited_creation(&self, before: Option<&Customer>, after: &Customer) -> Option<Provider> {
        let provider = after.payment_provider?;
        let named = self.name.iter().flatten().next()?.parse() == Ok(provider);
        let first = self.branch(before) == Branch::First && self.asks_to_sync() && self.sync == Some(true);
        let missing = after.provider_link().is_some_and(|link| link.customer_id.is_none());
        (named && first && missing).then_some(provider)
    }
}

impl Customer {
    /// Its link at the provider in use.
    #[must_use]
    pub fn provider_link(&self) -> Option<&ProviderLink> {
        self.provider_links.iter().find(|link| Some(link.provider) == self.payment_provider)
    }

    /// Its link at a provider, made if it is not there.
    fn link_to(&mut self, provider: Provider) -> &mut ProviderLink {
        let found = self.provider_links.iter().position(|link| link.provider == provider);
        let at = found.unwrap_or_else(|| {
            let payment_methods = Vec::new();
            self.provider_links.push(ProviderLink { provider, customer_id: None, is_synced: false, payment_methods });
            self.provider_links.len() - 1
        });
        &mut self.provider_links[at]
    }
}

#[cfg(test)]
mod tests;
