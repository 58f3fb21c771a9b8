//! Stored form of what organizations and customers both have: postal and legal identity, metadata.

use domain::customer::Metadata;
use domain::organization::Identity;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text};
use domain::id::MetadataId;

/// The stored form of an identity. Its fields are all optional.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredIdentity {
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zipcode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_identification_number: Option<String>,
}

impl From<&Identity> for StoredIdentity {
    fn from(identity: &Identity) -> Self {
        let Identity {
            country,
            address_line1,
            address_line2,
            state,
            zipcode,
            email,
            city,
            legal_name,
            legal_number,
            tax_identification_number,
        } = identity.clone();
        StoredIdentity {
            country,
            address_line1,
            address_line2,
            state,
            zipcode,
            email,
            city,
            legal_name,
            legal_number,
            tax_identification_number,
        }
    }
}

impl From<StoredIdentity> for Identity {
    fn from(stored: StoredIdentity) -> Self {
        Identity {
            country: stored.country,
            address_line1: stored.address_line1,
            address_line2: stored.address_line2,
            state: stored.state,
            zipcode: stored.zipcode,
            email: stored.email,
            city: stored.city,
            legal_name: stored.legal_name,
            legal_number: stored.legal_number,
            tax_identification_number: stored.tax_identification_number,
        }
    }
}

/// The stored form of a metadata entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredMetadata {
    id: Text<MetadataId>,
    key: String,
    value: String,
    display_in_invoice: bool,
    created_at: Micros,
}

impl From<&Metadata> for StoredMetadata {
    fn from(metadata: &Metadata) -> Self {
        let Metadata { id, key, value, display_in_invoice, created_at } = metadata.clone();
        StoredMetadata { id: Text(id), key, value, display_in_invoice, created_at: Micros(created_at) }
    }
}

impl From<StoredMetadata> for Metadata {
    fn from(stored: StoredMetadata) -> Self {
        Metadata {
            id: stored.id.0,
            key: stored.key,
            value: stored.value,
            display_in_invoice: stored.display_in_invoice,
            created_at: stored.created_at.0,
        }
    }
}
