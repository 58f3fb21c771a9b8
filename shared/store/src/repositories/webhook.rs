//! The log of webhooks.

use std::ops::Range;

use domain::id::{EndpointId, OrganizationId, WebhookId};

use super::{Listed, Store};
use crate::items::Webhook;
use crate::keys;
use crate::record::{LoadError, Versioned};
use crate::table::{Index, Order};

impl Store {
    /// An entry of the log. One read.
    pub async fn webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
    ) -> Result<Option<Versioned<Webhook>>, LoadError> {
        self.load(&keys::webhook(organization, id)).await
    }

    /// A part of an endpoint's entries, the last changed first.
    pub async fn webhooks_of_endpoint(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Webhook>, LoadError> {
        let partition = keys::children_of(organization, endpoint.0, keys::WEBHOOKS);
        self.list(Index::ByParent, partition, Order::Descending, range).await
    }
}
