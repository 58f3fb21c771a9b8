//! Organizations, their API keys and running numbers.

use domain::id::OrganizationId;
use domain::organization::Organization;
use domain::time::Instant;

use super::Store;
use crate::items::{ApiKey, EventHour, KeyHolder, RunningNumber};
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::Query;

impl Store {
    /// The organization. One read.
    pub async fn organization(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Versioned<Organization>>, LoadError> {
        self.load(&keys::organization(organization)).await
    }

    /// Who holds the API key with this SHA-256 (hexadecimal). One read.
    pub async fn api_key_holder(&self, hash: &str) -> Result<Option<Versioned<KeyHolder>>, LoadError> {
        self.load(&keys::api_key_hash(hash)).await
    }

    /// An hour with events by its start; none if it has none, or was checked long ago. One read.
    pub async fn event_hour(
        &self,
        organization: OrganizationId,
        start: Instant,
    ) -> Result<Option<Versioned<EventHour>>, LoadError> {
        self.load(&keys::event_hour(organization, start)).await
    }

    /// Every API key of an organization, oldest first, revoked ones too. One query.
    pub async fn api_keys(&self, organization: OrganizationId) -> Result<Vec<Versioned<ApiKey>>, LoadError> {
        let (partition, prefix) = keys::api_keys(organization);
        let items = self.items(Query::prefix(partition, prefix)).await?;
        let mut found: Vec<Versioned<ApiKey>> = items.iter().map(from_item).collect::<Result<_, _>>()?;
        found.sort_by_key(|key| (key.created_at, key.created_seq));
        Ok(found)
    }

    /// The last number taken of a series; none before the first. One read.
    pub async fn running_number(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Option<Versioned<RunningNumber>>, LoadError> {
        self.load(&keys::running_number(organization, name)).await
    }
}
