//! Subscription records across customers.

use domain::id::{OrganizationId, PlanId};
use domain::subscription::Subscription;

use super::Store;
use crate::items::Chain;
use crate::keys;
use crate::record::{DecodeError, LoadError, Record, Versioned};
use crate::table::{Index, Order};

impl Store {
    /// Which subscription records have an external id; none if none ever had. One read.
    pub async fn chain(
        &self,
        organization: OrganizationId,
        external_id: &str,
    ) -> Result<Option<Versioned<Chain>>, LoadError> {
        self.load(&keys::subscription_chain(organization, external_id)).await
    }

    /// Every subscription record with an external id, of any state, oldest first. Read consistently.
    pub async fn subscriptions_by_external_id(
        &self,
        organization: OrganizationId,
        external_id: &str,
    ) -> Result<Vec<Versioned<Subscription>>, LoadError> {
        let Some(chain) = self.chain(organization, external_id).await? else { return Ok(Vec::new()) };
        let key = |member: &crate::items::Member| {
            keys::subscription(organization, member.customer_id, member.created_seq, member.subscription_id)
        };
        let keys: Vec<_> = chain.members.iter().map(key).collect();
        let records = self.load_many(&keys).await?.into_iter().collect::<Option<Vec<_>>>();
        // A record and its place in the chain are written in one transaction, and records are never removed.
        Ok(records.ok_or_else(|| DecodeError::new(Chain::KIND, "it names a record that does not exist"))?)
    }

    /// Every subscription record of an organization, of any state, in order of creation. From an index.
    pub async fn list_subscriptions(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Versioned<Subscription>>, LoadError> {
        let partition = keys::list_of(organization, keys::SUBSCRIPTION_RECORDS);
        let keys = self.index_keys(Index::ByOrganization, partition, Order::Ascending).await?;
        self.load_present(&keys).await
    }

    /// Every subscription record of a plan, of any state, in order of creation. From an index.
    pub async fn subscriptions_of_plan(
        &self,
        organization: OrganizationId,
        plan: PlanId,
    ) -> Result<Vec<Versioned<Subscription>>, LoadError> {
        let partition = keys::children_of(organization, plan.0, keys::SUBSCRIPTION_RECORDS);
        let keys = self.index_keys(Index::ByParent, partition, Order::Ascending).await?;
        self.load_present(&keys).await
    }
}
