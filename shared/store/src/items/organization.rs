//! Stored form of an organization.

use domain::id::{EndpointId, OrganizationId};
use domain::money::Currency;
use domain::organization::{DocumentNumbering, EmailSetting, Endpoint, Organization, SignatureAlgorithm, TestClock};
use domain::time::Zone;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, all, at, of_texts, texts_of, words};
use super::identity::StoredIdentity;
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

words!(DocumentNumbering { PerCustomer = "per_customer", PerOrganization = "per_organization" });
words!(EmailSetting { InvoiceFinalized = "invoice.finalized", CreditNoteCreated = "credit_note.created" });
words!(SignatureAlgorithm { Jwt = "jwt", Hmac = "hmac" });

/// The stored form of an organization.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredOrganization {
    id: Text<OrganizationId>,
    name: String,
    identity: StoredIdentity,
    default_currency: Text<Currency>,
    timezone: Text<Zone>,
    net_payment_term: u32,
    invoice_grace_period: u32,
    email_settings: Vec<Text<EmailSetting>>,
    document_locale: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_footer: Option<String>,
    document_numbering: Text<DocumentNumbering>,
    document_number_prefix: String,
    endpoints: Vec<StoredEndpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_clock: Option<StoredTestClock>,
    created_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEndpoint {
    id: Text<EndpointId>,
    url: String,
    signature_algorithm: Text<SignatureAlgorithm>,
    created_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTestClock {
    frozen_time: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    advancing_to: Option<Micros>,
}

impl From<&Endpoint> for StoredEndpoint {
    fn from(endpoint: &Endpoint) -> Self {
        let Endpoint { id, url, signature_algorithm, created_at } = endpoint.clone();
        StoredEndpoint {
            id: Text(id),
            url,
            signature_algorithm: Text(signature_algorithm),
            created_at: Micros(created_at),
        }
    }
}

impl From<StoredEndpoint> for Endpoint {
    fn from(stored: StoredEndpoint) -> Self {
        Endpoint {
            id: stored.id.0,
            url: stored.url,
            signature_algorithm: stored.signature_algorithm.0,
            created_at: stored.created_at.0,
        }
    }
}

impl From<&Organization> for StoredOrganization {
    fn from(organization: &Organization) -> Self {
        let Organization {
            id,
            name,
            identity,
            default_currency,
            timezone,
            net_payment_term,
            invoice_grace_period,
            email_settings,
            document_locale,
            invoice_footer,
            document_numbering,
            document_number_prefix,
            endpoints,
            test_clock,
            created_at,
        } = organization;
        StoredOrganization {
            id: Text(*id),
            name: name.clone(),
            identity: identity.into(),
            default_currency: Text(*default_currency),
            timezone: Text(*timezone),
            net_payment_term: *net_payment_term,
            invoice_grace_period: *invoice_grace_period,
            email_settings: texts_of(email_settings),
            document_locale: document_locale.clone(),
            invoice_footer: invoice_footer.clone(),
            document_numbering: Text(*document_numbering),
            document_number_prefix: document_number_prefix.clone(),
            endpoints: all(endpoints),
            test_clock: test_clock.map(|TestClock { frozen_time, advancing_to }| StoredTestClock {
                frozen_time: Micros(frozen_time),
                advancing_to: advancing_to.map(Micros),
            }),
            created_at: Micros(*created_at),
        }
    }
}

impl From<StoredOrganization> for Organization {
    fn from(stored: StoredOrganization) -> Self {
        Organization {
            id: stored.id.0,
            name: stored.name,
            identity: stored.identity.into(),
            default_currency: stored.default_currency.0,
            timezone: stored.timezone.0,
            net_payment_term: stored.net_payment_term,
            invoice_grace_period: stored.invoice_grace_period,
            email_settings: of_texts(stored.email_settings),
            document_locale: stored.document_locale,
            invoice_footer: stored.invoice_footer,
            document_numbering: stored.document_numbering.0,
            document_number_prefix: stored.document_number_prefix,
            endpoints: stored.endpoints.into_iter().map(Endpoint::from).collect(),
            test_clock: stored
                .test_clock
                .map(|clock| TestClock { frozen_time: clock.frozen_time.0, advancing_to: at(clock.advancing_to) }),
            created_at: stored.created_at.0,
        }
    }
}

impl Record for Organization {
    const KIND: &'static str = "organization";
    const SCHEMA: u32 = 1;
    type Stored = StoredOrganization;

    fn key(&self, _: Scope) -> Key {
        keys::organization(self.id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredOrganization {
        self.into()
    }

    fn from_stored(stored: StoredOrganization) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}
