//! Subscription records across customers.

use std::collections::HashSet;

use domain::id::{CustomerId, OrganizationId, PlanId};
use domain::subscription::Subscription;

use super::Store;
use crate::items::Chain;
use crate::keys;
use crate::record::{DecodeError, LoadError, Record, Versioned};
use crate::table::{Index, Order, Query};

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
        let mut keys = Vec::new();
        for kind in [keys::ACTIVE_SUBSCRIPTIONS, keys::SUBSCRIPTION_RECORDS] {
            let partition = keys::children_of(organization, plan.0, kind);
            keys.extend(self.index_keys(Index::ByParent, partition, Order::Ascending).await?);
        }
        // One that changed its list meanwhile may have been met in both.
        let mut met = HashSet::with_capacity(keys.len());
        keys.retain(|key| met.insert(key.clone()));
        let mut records: Vec<Versioned<Subscription>> = self.load_present(&keys).await?;
        records.sort_by_key(|record| (record.created_at, record.created_seq));
        Ok(records)
    }

    /// The customers of a plan's active subscription records, one for each. From an index, keys only.
    pub async fn active_subscribers(
        &self,
        organization: OrganizationId,
        plan: PlanId,
    ) -> Result<Vec<CustomerId>, LoadError> {
        let partition = keys::children_of(organization, plan.0, keys::ACTIVE_SUBSCRIPTIONS);
        let keys = self.index_keys(Index::ByParent, partition, Order::Ascending).await?;
        let customer = |key| {
            keys::customer_of(key)
                .ok_or_else(|| DecodeError::new(Subscription::KIND, "its key is in no customer's partition"))
        };
        Ok(keys.iter().map(customer).collect::<Result<_, _>>()?)
    }

    /// Whether a plan has or had any subscription. From an index, one key.
    pub async fn is_subscribed_to(&self, organization: OrganizationId, plan: PlanId) -> Result<bool, LoadError> {
        for kind in [keys::ACTIVE_SUBSCRIPTIONS, keys::SUBSCRIPTION_RECORDS] {
            let partition = keys::children_of(organization, plan.0, kind);
            let query = Query { limit: Some(1), ..Query::partition(partition) };
            if !self.table.query_index(Index::ByParent, &query).await?.found.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
