//! The organization: the tenant, its settings, its clock.

use std::str::FromStr;

use crate::id::{EndpointId, OrganizationId};
use crate::money::Currency;
use crate::time::Instant;
use crate::time::Zone;

mod country;
mod settings;

pub(crate) use settings::check_vat_rate;
pub use settings::{IdentityUpdate, NewOrganization, SettingsUpdate, create, edit};

/// Languages of documents (chapter 05, part 4).
const LOCALES: &[&str] = &["en", "fr", "nb", "de", "it", "es", "sv"];

/// The code of a language of documents, if `text` is one. Matching is exact.
pub(crate) fn locale(text: &str) -> Option<&'static str> {
    LOCALES.iter().copied().find(|code| *code == text)
}

/// The text is no word of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no word of this setting")]
pub struct UnknownWord(pub String);

/// Most webhook endpoints of an organization (chapter 07, 1.1).
pub const ENDPOINTS_MAX: usize = 5;

/// A postal and legal identity, of an organization or of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// First address line.
    pub address_line1: Option<String>,
    /// Second address line.
    pub address_line2: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub zipcode: Option<String>,
    /// E-mail address; of a customer several may stand here, separated by commas.
    pub email: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Registered name.
    pub legal_name: Option<String>,
    /// Registration number.
    pub legal_number: Option<String>,
    /// Tax identification number.
    pub tax_identification_number: Option<String>,
}

/// How documents are numbered (chapter 04, 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentNumbering {
    /// `<prefix>-<customer>-<invoice>`, one sequence per customer.
    PerCustomer,
    /// `<prefix>-<YYYYMM>-<sequence>`, one sequence per organization and month.
    PerOrganization,
}

impl DocumentNumbering {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentNumbering::PerCustomer => "per_customer",
            DocumentNumbering::PerOrganization => "per_organization",
        }
    }
}

impl FromStr for DocumentNumbering {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "per_customer" => Ok(DocumentNumbering::PerCustomer),
            "per_organization" => Ok(DocumentNumbering::PerOrganization),
            _ => Err(UnknownWord(word.to_owned())),
        }
    }
}

/// An automatic e-mail that an organization may switch on (chapter 07, part 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSetting {
    /// An invoice became final.
    InvoiceFinalized,
    /// A credit note was issued.
    CreditNoteCreated,
}

impl EmailSetting {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EmailSetting::InvoiceFinalized => "invoice.finalized",
            EmailSetting::CreditNoteCreated => "credit_note.created",
        }
    }
}

impl FromStr for EmailSetting {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "invoice.finalized" => Ok(EmailSetting::InvoiceFinalized),
            "credit_note.created" => Ok(EmailSetting::CreditNoteCreated),
            _ => Err(UnknownWord(word.to_owned())),
        }
    }
}

/// How webhooks to an endpoint are signed (chapter 07, 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// A JSON Web Token, RS256, by the deployment's key.
    Jwt,
    /// HMAC-SHA-256 by the organization's API key.
    Hmac,
}

impl SignatureAlgorithm {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SignatureAlgorithm::Jwt => "jwt",
            SignatureAlgorithm::Hmac => "hmac",
        }
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "jwt" => Ok(SignatureAlgorithm::Jwt),
            "hmac" => Ok(SignatureAlgorithm::Hmac),
            _ => Err(UnknownWord(word.to_owned())),
        }
    }
}

/// A place that webhooks go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Id.
    pub id: EndpointId,
    /// Absolute `http` or `https` URL.
    pub url: String,
    /// How messages to it are signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// When it was made.
    pub created_at: Instant,
}

/// The clock of a sandbox organization (DESIGN, 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestClock {
    /// The organization's present instant.
    pub frozen_time: Instant,
    /// Where an advance that has not ended is heading.
    pub advancing_to: Option<Instant>,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// Name, on documents and e-mails.
    pub name: String,
    /// Legal and postal identity, printed as the issuer.
    pub identity: Identity,
    /// Prefilled currency of new objects; changes nothing existing.
    pub default_currency: Currency,
    /// Zone of billing days for customers without their own.
    pub timezone: Zone,
    /// Days from issuing to due date for customers without their own.
    pub net_payment_term: u32,
    /// Days that subscription invoices stay drafts for customers without their own.
    pub invoice_grace_period: u32,
    /// Automatic e-mails that are on.
    pub email_settings: Vec<EmailSetting>,
    /// Language of documents of customers without their own, a code of the chapter's list.
    pub document_locale: String,
    /// Text at the bottom of documents, at most 600 characters.
    pub invoice_footer: Option<String>,
    /// How documents are numbered.
    pub document_numbering: DocumentNumbering,
    /// First part of document numbers, upper case, 1 to 10 characters.
    pub document_number_prefix: String,
    /// Where webhooks go, oldest first, at most `ENDPOINTS_MAX`.
    pub endpoints: Vec<Endpoint>,
    /// Present in sandbox organizations only.
    pub test_clock: Option<TestClock>,
    /// When it was made, on its own clock.
    pub created_at: Instant,
}

impl Organization {
    /// The organization's present instant, given the real one: its test clock's if it has one.
    #[must_use]
    pub fn now(&self, real: Instant) -> Instant {
        self.test_clock.map_or(real, |clock| clock.frozen_time)
    }

    /// Code of the one issuer that the organization bills as, constant for ever (chapter 09).
    #[must_use]
    pub fn billing_entity_code(&self) -> String {
        let id = self.id.to_string();
        // A UUID's text is ASCII and 36 characters long.
        format!("entity_{}", &id[..8])
    }

    /// Whether time stands still here until the API moves it.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.test_clock.is_some()
    }
}

/// The default prefix of document numbers: three letters of the name, `-`, the id's last four (chapter 04, 6.7).
#[must_use]
pub fn default_prefix(name: &str, id: OrganizationId) -> String {
    let letters: String = name.chars().take(3).collect();
    let id = id.to_string();
    // A UUID's text is ASCII and 36 characters long.
    format!("{letters}-{}", &id[id.len() - 4..]).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_prefix_is_name_and_id() {
        let id = OrganizationId(uuid::Uuid::from_u128(0x1a2b));
        assert_eq!(default_prefix("Lagoon", id), "LAG-1A2B");
        assert_eq!(default_prefix("é", id), "É-1A2B");
    }
}
