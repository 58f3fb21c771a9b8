//! Organizations (chapter 05, 2.1; chapter 06, 1; DESIGN, 6).

use domain::organization::{EmailSetting, IdentityUpdate, NewOrganization, Organization, SettingsUpdate};
use domain::problem::{Problems, codes};
use domain::time::Instant;
use serde::Serialize;
use serde_json::Number;

use crate::format;
use crate::input::{Field, Fields};
use crate::tax;

/// `organization` of `PUT /organizations`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> SettingsUpdate {
    let mut unread = Problems::default();
    let none = serde_json::Map::new();
    let billing = fields.object("billing_configuration").value().unwrap_or(Fields(&none));
    SettingsUpdate {
        identity: parse_identity(fields),
        default_currency: fields.text("default_currency").value(),
        timezone: fields.text("timezone").value(),
        net_payment_term: fields.days("net_payment_term", &mut unread).value(),
        email_settings: fields.texts("email_settings").value(),
        document_numbering: fields.word("document_numbering", &mut unread).value(),
        document_number_prefix: fields.text("document_number_prefix").value(),
        webhook_url: fields.text("webhook_url").value(),
        invoice_footer: billing.text("invoice_footer").sent(),
        document_locale: billing.text("document_locale").value(),
        invoice_grace_period: billing.days("invoice_grace_period", &mut unread).value(),
        vat_rate: billing.decimal("vat_rate", &mut unread).value(),
        unread,
    }
}

/// `organization` of `POST /admin/organizations`: a name, any setting, and a test clock.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> NewOrganization {
    let mut settings = parse_update(fields);
    let frozen_time = fields
        .object("test_clock")
        .value()
        .and_then(|clock| parse_frozen_time(clock).map_err(|problems| settings.unread.extend(problems)).ok());
    NewOrganization { name: fields.text("name").value(), settings, frozen_time }
}

/// `frozen_time` of a test clock: an instant with date, time and zone.
///
/// # Errors
/// It is missing (`value_is_mandatory`) or no such instant (`invalid_date`).
pub fn parse_frozen_time(clock: Fields<'_>) -> Result<Instant, Problems> {
    let mut problems = Problems::default();
    match clock.instant("frozen_time", &mut problems) {
        Field::Set(at) => return Ok(at),
        Field::Absent if !problems.is_empty() => {}
        Field::Absent | Field::Null => problems.add("frozen_time", codes::MANDATORY),
    }
    Err(problems)
}

/// The keys that organizations and customers share.
pub(crate) fn parse_identity(fields: Fields<'_>) -> IdentityUpdate {
    let text = |name| fields.text(name).sent();
    IdentityUpdate {
        country: text("country"),
        address_line1: text("address_line1"),
        address_line2: text("address_line2"),
        state: text("state"),
        zipcode: text("zipcode"),
        email: text("email"),
        city: text("city"),
        legal_name: text("legal_name"),
        legal_number: text("legal_number"),
        tax_identification_number: text("tax_identification_number"),
    }
}

/// An organization. The API key is no part of it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Organization")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 1.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub default_currency: &'static str,
    pub created_at: String,
    pub webhook_url: String,
    pub webhook_urls: Vec<String>,
    pub country: Option<String>,
    pub address_line1: Option<String>,
    pub address_line2: Option<String>,
    pub state: Option<String>,
    pub zipcode: Option<String>,
    pub email: Option<String>,
    pub city: Option<String>,
    pub legal_name: Option<String>,
    pub legal_number: Option<String>,
    pub timezone: &'static str,
    pub net_payment_term: u32,
    pub email_settings: Vec<&'static str>,
    pub document_numbering: &'static str,
    pub document_number_prefix: String,
    pub tax_identification_number: Option<String>,
    pub billing_configuration: BillingConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Vec<tax::Output>>,
}

/// `billing_configuration` of an organization.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "OrganizationBillingConfiguration")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 1.
pub struct BillingConfiguration {
    pub invoice_footer: Option<String>,
    pub invoice_grace_period: u32,
    pub document_locale: String,
    pub vat_rate: Number,
}

impl Output {
    /// An organization as the API shows it, without its taxes; the legacy `vat_rate` is 0.
    #[must_use]
    pub fn new(organization: &Organization) -> Output {
        let identity = organization.identity.clone();
        Output {
            lago_id: organization.id.to_string(),
            name: organization.name.clone(),
            default_currency: organization.default_currency.code(),
            created_at: format::timestamp(organization.created_at),
            webhook_url: organization.endpoints.first().map(|first| first.url.clone()).unwrap_or_default(),
            webhook_urls: organization.endpoints.iter().map(|endpoint| endpoint.url.clone()).collect(),
            country: identity.country,
            address_line1: identity.address_line1,
            address_line2: identity.address_line2,
            state: identity.state,
            zipcode: identity.zipcode,
            email: identity.email,
            city: identity.city,
            legal_name: identity.legal_name,
            legal_number: identity.legal_number,
            timezone: organization.timezone.name(),
            net_payment_term: organization.net_payment_term,
            email_settings: organization.email_settings.iter().copied().map(EmailSetting::as_str).collect(),
            document_numbering: organization.document_numbering.as_str(),
            document_number_prefix: organization.document_number_prefix.clone(),
            tax_identification_number: identity.tax_identification_number,
            billing_configuration: BillingConfiguration {
                invoice_footer: organization.invoice_footer.clone(),
                invoice_grace_period: organization.invoice_grace_period,
                document_locale: organization.document_locale.clone(),
                vat_rate: format::rate(rust_decimal::Decimal::ZERO),
            },
            taxes: None,
        }
    }

    /// The same with the taxes applied to the organization. The only one's rate is the legacy `vat_rate`, too.
    #[must_use]
    pub fn with_taxes(mut self, taxes: Vec<tax::Output>) -> Output {
        if let [only] = taxes.as_slice() {
            self.billing_configuration.vat_rate = only.rate.clone();
        }
        self.taxes = Some(taxes);
        self
    }
}

#[cfg(test)]
mod tests;
