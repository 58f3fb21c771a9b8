//! Creating an organization and changing its settings (chapter 05, 2.1; chapter 07, 3.1).

use rust_decimal::Decimal;

use super::{
    DocumentNumbering, EmailSetting, Endpoint, Identity, Organization, SignatureAlgorithm, TestClock, country,
    default_prefix, locale,
};
use crate::id::{EndpointId, OrganizationId};
use crate::money::Currency;
use crate::problem::{Problems, codes};
use crate::target::{Targets, is_endpoint_url};
use crate::time::{Instant, Zone};

/// Most characters of the text at the bottom of documents.
const FOOTER_MAX: usize = 600;

/// Most characters of the first part of document numbers.
const PREFIX_MAX: usize = 10;

/// A change of an identity. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentityUpdate {
    /// `country`.
    pub country: Option<Option<String>>,
    /// `address_line1`.
    pub address_line1: Option<Option<String>>,
    /// `address_line2`.
    pub address_line2: Option<Option<String>>,
    /// `state`.
    pub state: Option<Option<String>>,
    /// `zipcode`.
    pub zipcode: Option<Option<String>>,
    /// `email`.
    pub email: Option<Option<String>>,
    /// `city`.
    pub city: Option<Option<String>>,
    /// `legal_name`.
    pub legal_name: Option<Option<String>>,
    /// `legal_number`.
    pub legal_number: Option<Option<String>>,
    /// `tax_identification_number`.
    pub tax_identification_number: Option<Option<String>>,
}

impl Identity {
    /// Takes over what was sent. An unknown country is noted; a blank one clears, as null does.
    pub(crate) fn update(&mut self, update: IdentityUpdate, problems: &mut Problems) {
        match update.country {
            Some(Some(text)) if !text.trim().is_empty() => match country::code(&text) {
                Some(code) => self.country = Some(code),
                None => problems.add("country", codes::INVALID_COUNTRY),
            },
            Some(_) => self.country = None,
            None => {}
        }
        let fields = [
            (&mut self.address_line1, update.address_line1),
            (&mut self.address_line2, update.address_line2),
            (&mut self.state, update.state),
            (&mut self.zipcode, update.zipcode),
            (&mut self.email, update.email),
            (&mut self.city, update.city),
            (&mut self.legal_name, update.legal_name),
            (&mut self.legal_number, update.legal_number),
            (&mut self.tax_identification_number, update.tax_identification_number),
        ];
        for (field, sent) in fields {
            if let Some(value) = sent {
                *field = value;
            }
        }
    }
}

/// A change of an organization's settings. What always has a value cannot be cleared: null leaves it, as absence does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsUpdate {
    /// Legal and postal identity.
    pub identity: IdentityUpdate,
    /// `default_currency`.
    pub default_currency: Option<String>,
    /// `timezone`.
    pub timezone: Option<String>,
    /// `net_payment_term`, days.
    pub net_payment_term: Option<u32>,
    /// `email_settings`.
    pub email_settings: Option<Vec<String>>,
    /// `document_numbering`.
    pub document_numbering: Option<DocumentNumbering>,
    /// `document_number_prefix`.
    pub document_number_prefix: Option<String>,
    /// Legacy `webhook_url`: that of the first endpoint.
    pub webhook_url: Option<String>,
    /// `billing_configuration.invoice_footer`; an inner none clears.
    pub invoice_footer: Option<Option<String>>,
    /// `billing_configuration.document_locale`.
    pub document_locale: Option<String>,
    /// `billing_configuration.invoice_grace_period`, days.
    pub invoice_grace_period: Option<u32>,
    /// Legacy `billing_configuration.vat_rate`, percent. Checked here, applied by whoever knows the taxes.
    pub vat_rate: Option<Decimal>,
    /// What could not be read.
    pub unread: Problems,
}

/// An organization as the operator asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewOrganization {
    /// `name`.
    pub name: Option<String>,
    /// Any setting.
    pub settings: SettingsUpdate,
    /// `test_clock.frozen_time`: makes it a sandbox.
    pub frozen_time: Option<Instant>,
}

/// A new organization, with the defaults of chapter 07, 3.1.
///
/// # Errors
/// Every field that is wrong.
pub fn create(
    new: NewOrganization,
    id: OrganizationId,
    now: Instant,
    targets: Targets,
    new_endpoint: &mut dyn FnMut() -> EndpointId,
) -> Result<Organization, Problems> {
    let mut problems = Problems::default();
    let name = problems.mandatory("name", new.name);
    let base = Organization {
        id,
        document_number_prefix: default_prefix(&name, id),
        name,
        identity: Identity::default(),
        default_currency: Currency::USD,
        timezone: Zone::UTC,
        net_payment_term: 0,
        invoice_grace_period: 0,
        email_settings: Vec::new(),
        document_locale: "en".to_owned(),
        invoice_footer: None,
        document_numbering: DocumentNumbering::PerCustomer,
        endpoints: Vec::new(),
        test_clock: new.frozen_time.map(|frozen_time| TestClock { frozen_time, advancing_to: None }),
        created_at: new.frozen_time.unwrap_or(now),
    };
    let now = base.created_at;
    match edit(&base, new.settings, now, targets, new_endpoint) {
        Ok(organization) => problems.or(organization),
        Err(others) => {
            problems.extend(others);
            Err(problems)
        }
    }
}

/// The organization after a change of its settings. `new_endpoint` is asked if a first endpoint is made.
///
/// # Errors
/// Every field that is wrong.
pub fn edit(
    organization: &Organization,
    update: SettingsUpdate,
    now: Instant,
    targets: Targets,
    new_endpoint: &mut dyn FnMut() -> EndpointId,
) -> Result<Organization, Problems> {
    let mut edited = organization.clone();
    let mut problems = update.unread;
    if let Some(Some(email)) = &update.identity.email {
        // Blank is no address at all and is stored as it is.
        if !email.trim().is_empty() && !is_email(email) {
            problems.add("email", INVALID_EMAIL);
        }
    }
    edited.identity.update(update.identity, &mut problems);
    if let Some(code) = update.default_currency {
        match code.to_ascii_uppercase().parse() {
            Ok(currency) => edited.default_currency = currency,
            Err(_) => problems.add("default_currency", codes::INVALID),
        }
    }
    if let Some(days) = update.net_payment_term {
        edited.net_payment_term = days;
    }
    if let Some(name) = update.timezone {
        match Zone::parse(&name) {
            Ok(zone) => edited.timezone = zone,
            Err(_) => problems.add("timezone", codes::INVALID_TIMEZONE),
        }
    }
    if let Some(words) = update.email_settings {
        edited.email_settings = email_settings(&words, &mut problems);
    }
    if let Some(numbering) = update.document_numbering {
        edited.document_numbering = numbering;
    }
    if let Some(prefix) = update.document_number_prefix {
        edited.document_number_prefix = prefix.to_uppercase();
        match prefix.chars().count() {
            0 => problems.add("document_number_prefix", "is too short (minimum is 1 character)"),
            1..=PREFIX_MAX => {}
            _ => problems.add("document_number_prefix", codes::TOO_LONG),
        }
    }
    if let Some(url) = update.webhook_url {
        set_first_endpoint(&mut edited.endpoints, url, now, targets, new_endpoint, &mut problems);
    }
    if let Some(footer) = update.invoice_footer {
        if footer.as_ref().is_some_and(|text| text.chars().count() > FOOTER_MAX) {
            problems.add("invoice_footer", codes::TOO_LONG);
        }
        edited.invoice_footer = footer;
    }
    if let Some(code) = update.document_locale {
        match locale(&code) {
            Some(code) => edited.document_locale = code.to_owned(),
            None => problems.add("document_locale", codes::INVALID_LOCALE),
        }
    }
    if let Some(days) = update.invoice_grace_period {
        edited.invoice_grace_period = days;
    }
    check_vat_rate(update.vat_rate, &mut problems);
    problems.or(edited)
}

/// The code of an address that is none.
const INVALID_EMAIL: &str = "invalid_email_format";

/// A legacy `vat_rate` is 0 to 100 percent (00-index).
pub(crate) fn check_vat_rate(rate: Option<Decimal>, problems: &mut Problems) {
    if rate.is_some_and(|rate| rate < Decimal::ZERO || rate > Decimal::ONE_HUNDRED) {
        problems.add("vat_rate", codes::OUT_OF_RANGE);
    }
}

fn email_settings(words: &[String], problems: &mut Problems) -> Vec<EmailSetting> {
    let mut settings = Vec::new();
    for word in words {
        match word.parse() {
            Ok(setting) if settings.contains(&setting) => {}
            Ok(setting) => settings.push(setting),
            Err(_) => problems.add("email_settings", "unsupported_value"),
        }
    }
    settings
}

/// Legacy `webhook_url`: the URL of the oldest endpoint, which is made if there is none (chapter 07, 1.1).
fn set_first_endpoint(
    endpoints: &mut Vec<Endpoint>,
    url: String,
    now: Instant,
    targets: Targets,
    new_endpoint: &mut dyn FnMut() -> EndpointId,
    problems: &mut Problems,
) {
    if !is_endpoint_url(&url, targets) {
        problems.add("webhook_url", codes::INVALID_URL);
        return;
    }
    if endpoints.iter().skip(1).any(|other| other.url == url) {
        problems.add("webhook_url", codes::EXISTS);
        return;
    }
    match endpoints.first_mut() {
        Some(first) => first.url = url,
        None => endpoints.push(Endpoint {
            id: new_endpoint(),
            url,
            signature_algorithm: SignatureAlgorithm::Jwt,
            created_at: now,
        }),
    }
}

/// One e-mail address: a local part of the usual characters, `@`, and a host of labels.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    let local_fits = !local.is_empty()
        && local.chars().all(|letter| letter.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(letter));
    local_fits && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests;
