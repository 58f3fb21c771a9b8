//! Creating and updating customers: one request does both (chapter 05, 2.4; chapter 04, 12).

use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Customer, METADATA_MAX, Metadata, ProviderUpdate};
use crate::id::{CustomerId, MetadataId, TaxId};
use crate::money::Currency;
use crate::organization::{Identity, IdentityUpdate, check_vat_rate, locale};
use crate::problem::{Problems, codes};
use crate::time::{Instant, Zone};

/// Most characters of a metadata key.
const KEY_MAX: usize = 20;

/// Most characters of a metadata value.
const VALUE_MAX: usize = 40;

/// A customer as a request has it. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerUpdate {
    /// `external_id`: which customer; it never changes.
    pub external_id: Option<String>,
    /// `name`.
    pub name: Option<Option<String>>,
    /// Legal and postal identity. The e-mail address is not checked: several may stand there.
    pub identity: IdentityUpdate,
    /// `url`.
    pub url: Option<Option<String>>,
    /// `phone`.
    pub phone: Option<Option<String>>,
    /// `logo_url`.
    pub logo_url: Option<Option<String>>,
    /// `external_salesforce_id`.
    pub external_salesforce_id: Option<Option<String>>,
    /// `currency`.
    pub currency: Option<Option<String>>,
    /// `timezone`.
    pub timezone: Option<Option<String>>,
    /// `net_payment_term`, days.
    pub net_payment_term: Option<Option<u32>>,
    /// `billing_configuration.invoice_grace_period`, days.
    pub invoice_grace_period: Option<Option<u32>>,
    /// `billing_configuration.document_locale`.
    pub document_locale: Option<Option<String>>,
    /// Legacy `billing_configuration.vat_rate`, percent. Checked here, applied by whoever knows the taxes.
    pub vat_rate: Option<Decimal>,
    /// The link to a payment provider.
    pub provider: ProviderUpdate,
    /// `tax_codes`; empty leaves the taxes as they are, as absence does.
    pub tax_codes: Vec<String>,
    /// `metadata`: the complete wanted list.
    pub metadata: Option<Vec<MetadataEntry>>,
    /// What could not be read.
    pub unread: Problems,
}

/// One entry of the wanted metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataEntry {
    /// The entry to change; absent or unknown for a new one.
    pub id: Option<MetadataId>,
    /// `key`; the outer option is whether it was sent.
    pub key: Option<Option<String>>,
    /// `value`; the outer option is whether it was sent.
    pub value: Option<Option<String>>,
    /// `display_in_invoice`.
    pub display_in_invoice: Option<bool>,
}

/// Whether the customer's currency may still be changed (chapter 04, 12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    /// No subscription of any status, no applied coupon with a currency, no wallet.
    Yes,
    /// One of these.
    No,
}

/// What a new customer gets from its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth<'a> {
    /// Its id.
    pub id: CustomerId,
    /// Its number in the organization, from 1.
    pub sequential_id: i64,
    /// The organization's prefix of document numbers.
    pub prefix: &'a str,
    /// When.
    pub at: Instant,
    /// Order of creation, for ties.
    pub seq: i64,
}

/// `<prefix>-<sequential id on at least 3 digits>` (chapter 06, 8).
#[must_use]
pub fn slug(prefix: &str, sequential_id: i64) -> String {
    format!("{prefix}-{sequential_id:03}")
}

/// A new customer. `tax_ids` are those of its `tax_codes`; `new_id` is asked once per metadata entry.
///
/// # Errors
/// Every field that is wrong; too many metadata entries alone.
pub fn create(
    mut input: CustomerUpdate,
    birth: &Birth<'_>,
    tax_ids: Vec<TaxId>,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Result<Customer, Problems> {
    check_count(input.metadata.as_deref())?;
    let mut problems = Problems::default();
    let external_id = problems.mandatory("external_id", input.external_id.clone());
    let provider = std::mem::take(&mut input.provider);
    let blank = Customer {
        id: birth.id,
        external_id,
        sequential_id: birth.sequential_id,
        slug: slug(birth.prefix, birth.sequential_id),
        name: None,
        identity: Identity::default(),
        url: None,
        phone: None,
        logo_url: None,
        external_salesforce_id: None,
        currency: None,
        timezone: None,
        net_payment_term: None,
        invoice_grace_period: None,
        document_locale: None,
        payment_provider: None,
        provider_links: Vec::new(),
        tax_ids: Vec::new(),
        metadata: Vec::new(),
        last_invoice_sequence: 0,
        created_at: birth.at,
        updated_at: birth.at,
        created_seq: birth.seq,
        is_currency_fixed: false,
        deleted_at: None,
    };
    match edit(&blank, input, Editable::Yes, tax_ids, birth.at, new_id) {
        Ok(mut customer) => {
            provider.apply(None, &mut customer, &mut problems);
            problems.or(customer)
        }
        Err(others) => {
            provider.apply(None, &mut blank.clone(), &mut problems);
            problems.extend(others);
            Err(problems)
        }
    }
}

/// The customer after an update. `tax_ids` are those of the update's `tax_codes`: none leaves its taxes. `new_id` is
/// asked once per new metadata entry.
///
/// # Errors
/// Every field that is wrong; too many metadata entries alone.
pub fn edit(
    customer: &Customer,
    input: CustomerUpdate,
    editable: Editable,
    tax_ids: Vec<TaxId>,
    now: Instant,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Result<Customer, Problems> {
    check_count(input.metadata.as_deref())?;
    let mut edited = customer.clone();
    let mut problems = input.unread;
    let texts = [
        (&mut edited.name, input.name),
        (&mut edited.url, input.url),
        (&mut edited.phone, input.phone),
        (&mut edited.logo_url, input.logo_url),
        (&mut edited.external_salesforce_id, input.external_salesforce_id),
    ];
    for (field, sent) in texts {
        if let Some(text) = sent {
            *field = text;
        }
    }
    edited.identity.update(input.identity, &mut problems);
    if let Some(code) = input.currency {
        edited.currency = currency(customer.currency, code, editable, &mut problems);
    }
    if let Some(name) = input.timezone {
        edited.timezone = name
            .filter(|name| !name.trim().is_empty())
            .and_then(|name| Zone::parse(&name).map_err(|_| problems.add("timezone", codes::INVALID_TIMEZONE)).ok());
    }
    if let Some(days) = input.net_payment_term {
        edited.net_payment_term = days;
    }
    if let Some(days) = input.invoice_grace_period {
        edited.invoice_grace_period = days;
    }
    if let Some(code) = input.document_locale {
        edited.document_locale = code.filter(|code| !code.trim().is_empty()).and_then(|code| {
            let known = locale(&code).map(str::to_owned);
            known.or_else(|| {
                problems.add("document_locale", codes::INVALID_LOCALE);
                None
            })
        });
    }
    check_vat_rate(input.vat_rate, &mut problems);
    if !tax_ids.is_empty() {
        edited.tax_ids = tax_ids;
    }
    if let Some(entries) = input.metadata {
        edited.metadata = metadata(&customer.metadata, entries, now, new_id, &mut problems);
    }
    input.provider.apply(Some(customer), &mut edited, &mut problems);
    edited.updated_at = now;
    problems.or(edited)
}

/// The currency after a direct change: the present one is always fine, another (or none) only while nothing has a
/// currency yet (chapter 04, 12.1).
fn currency(
    present: Option<Currency>,
    sent: Option<String>,
    editable: Editable,
    problems: &mut Problems,
) -> Option<Currency> {
    let wanted = match sent.filter(|code| !code.trim().is_empty()).map(|code| code.parse()).transpose() {
        Ok(wanted) => wanted,
        Err(_) => {
            problems.add("currency", codes::INVALID);
            return present;
        }
    };
    if wanted != present && editable == Editable::No {
        problems.add("currency", codes::CURRENCIES_DIFFER);
    }
    wanted
}

fn check_count(entries: Option<&[MetadataEntry]>) -> Result<(), Problems> {
    match entries {
        Some(entries) if entries.len() > METADATA_MAX => Err(Problems::one("metadata", codes::INVALID_COUNT)),
        Some(_) | None => Ok(()),
    }
}

/// The wanted list: known ids are changed, others made, the rest deleted. Keys are compared with what is there before the
/// deletion, so a key sent again without its id is refused (chapter 05, 2.4, upsert rule 2).
fn metadata(
    stored: &[Metadata],
    entries: Vec<MetadataEntry>,
    now: Instant,
    new_id: &mut dyn FnMut() -> Uuid,
    problems: &mut Problems,
) -> Vec<Metadata> {
    let mut all = stored.to_vec();
    let mut wanted = Vec::with_capacity(entries.len());
    for entry in entries {
        let known = all.iter().position(|other| Some(other.id) == entry.id);
        let position = known.unwrap_or_else(|| {
            all.push(Metadata {
                id: MetadataId(new_id()),
                key: String::new(),
                value: String::new(),
                display_in_invoice: false,
                created_at: now,
            });
            all.len() - 1
        });
        // A new entry lacks what was not sent; a known one keeps it.
        let kept = |text: &String| known.is_some().then(|| text.clone());
        let key = problems.mandatory("key", entry.key.unwrap_or_else(|| kept(&all[position].key)));
        let value = problems.mandatory("value", entry.value.unwrap_or_else(|| kept(&all[position].value)));
        if key.chars().count() > KEY_MAX {
            problems.add("key", codes::TOO_LONG);
        }
        if value.chars().count() > VALUE_MAX {
            problems.add("value", codes::TOO_LONG);
        }
        let same_key = |(at, other): (usize, &Metadata)| at != position && other.key == key && !key.is_empty();
        if all.iter().enumerate().any(same_key) {
            problems.add("key", codes::EXISTS);
        }
        let changed = &mut all[position];
        changed.key = key;
        changed.value = value;
        changed.display_in_invoice = entry.display_in_invoice.unwrap_or(changed.display_in_invoice);
        wanted.push(changed.id);
    }
    all.retain(|entry| wanted.contains(&entry.id));
    all
}

#[cfg(test)]
mod tests;
