//! API keys: the key among its organization's keys, and the item that finds the organization by a key's hash.

use domain::id::{ApiKeyId, OrganizationId};
use domain::time::Instant;
use serde::{Deserialize, Serialize};

use super::form::{Base64, Micros, Text, at};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// An API key of an organization. The key itself stands here only sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Id of the record.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// The key, encrypted: webhooks are signed with it.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it stopped to open anything, if it did.
    pub revoked_at: Option<Instant>,
    /// What it was called; an organization's first key has no name.
    pub name: Option<String>,
    /// When it opens nothing any more, by the real clock, if it was rotated with an overlap.
    pub expires_at: Option<Instant>,
}

/// The stored form of an API key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredApiKey {
    id: Text<ApiKeyId>,
    organization: Text<OrganizationId>,
    hash: String,
    sealed: Base64,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Micros>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
}

impl Record for ApiKey {
    const KIND: &'static str = "api_key";
    const SCHEMA: u32 = 2;
    type Stored = StoredApiKey;

    fn key(&self, _: Scope) -> Key {
        keys::api_key(self.organization, self.id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredApiKey {
        let ApiKey { id, organization, hash, sealed, created_at, created_seq, revoked_at, name, expires_at } =
            self.clone();
        StoredApiKey {
            id: Text(id),
            organization: Text(organization),
            hash,
            sealed: Base64(sealed),
            created_at: Micros(created_at),
            created_seq,
            revoked_at: revoked_at.map(Micros),
            name,
            expires_at: expires_at.map(Micros),
        }
    }

    fn from_stored(stored: StoredApiKey) -> Result<Self, DecodeError> {
        Ok(ApiKey {
            id: stored.id.0,
            organization: stored.organization.0,
            hash: stored.hash,
            sealed: stored.sealed.0,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            revoked_at: at(stored.revoked_at),
            name: stored.name,
            expires_at: at(stored.expires_at),
        })
    }
}

/// Who holds the API key of a hash: how an organization is found at all. Removed when the key is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// Whose key it is.
    pub organization: OrganizationId,
    /// The key's record.
    pub key_id: ApiKeyId,
    /// When the key opens nothing any more, by the real clock, if it was rotated with an overlap.
    pub expires_at: Option<Instant>,
}

/// The stored form of a key's holder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKeyHolder {
    hash: String,
    organization: Text<OrganizationId>,
    key_id: Text<ApiKeyId>,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
}

impl Record for KeyHolder {
    const KIND: &'static str = "key_holder";
    const SCHEMA: u32 = 2;
    type Stored = StoredKeyHolder;

    fn key(&self, _: Scope) -> Key {
        keys::api_key_hash(&self.hash)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn expires_at(&self) -> Option<i64> {
        self.expires_at.map(|at| at.timestamp())
    }

    fn to_stored(&self) -> StoredKeyHolder {
        let KeyHolder { hash, organization, key_id, expires_at } = self.clone();
        let expires_at = expires_at.map(Micros);
        StoredKeyHolder { hash, organization: Text(organization), key_id: Text(key_id), expires_at }
    }

    fn from_stored(stored: StoredKeyHolder) -> Result<Self, DecodeError> {
        Ok(KeyHolder {
            hash: stored.hash,
            organization: stored.organization.0,
            key_id: stored.key_id.0,
            expires_at: at(stored.expires_at),
        })
    }
}
