//! Customers, and everything that one billing of a customer looks at.

use std::ops::Range;

use domain::customer::Customer;
use domain::id::{CustomerId, OrganizationId};
use domain::subscription::Subscription;

use super::{Listed, Store};
use crate::alias::kinds;
use crate::items::{FormerCustomers, Live};
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::{Index, Order, Query};

/// A customer with all its subscription records, as one query saw them.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerFile {
    /// The customer, deleted or not.
    pub customer: Versioned<Customer>,
    /// Its subscription records of every state, in order of creation.
    pub subscriptions: Vec<Versioned<Subscription>>,
    /// What can still reduce its invoices: by kind, in order of creation.
    pub live: Vec<Live>,
}

impl Store {
    /// A customer, deleted or not. One read.
    pub async fn customer(
        &self,
        organization: OrganizationId,
        id: CustomerId,
    ) -> Result<Option<Versioned<Customer>>, LoadError> {
        self.load(&keys::customer(organization, id)).await
    }

    /// The living customer with an external id. Two reads.
    pub async fn customer_by_external_id(
        &self,
        organization: OrganizationId,
        external_id: &str,
    ) -> Result<Option<Versioned<Customer>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::CUSTOMER, external_id).await? else { return Ok(None) };
        let customer = self.customer(organization, CustomerId(id)).await?;
        Ok(customer.filter(|customer| customer.deleted_at.is_none() && customer.external_id == external_id))
    }

    /// A part of the living customers, in order of creation.
    pub async fn list_customers(
        &self,
        organization: OrganizationId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Customer>, LoadError> {
        let partition = keys::list_of(organization, keys::CUSTOMERS);
        let mut listed: Listed<Customer> = self.list(Index::ByOrganization, partition, Order::Ascending, range).await?;
        // The index may still name customers that were deleted a moment ago.
        listed.entries.retain(|customer| customer.deleted_at.is_none());
        Ok(listed)
    }

    /// A customer with its subscriptions; none if there is no such customer. One query.
    pub async fn customer_file(
        &self,
        organization: OrganizationId,
        id: CustomerId,
    ) -> Result<Option<CustomerFile>, LoadError> {
        let head = keys::customer(organization, id);
        let items = self.items(Query::partition(keys::customer_partition(organization, id))).await?;
        let (mut customer, mut subscriptions, mut live) = (None, Vec::new(), Vec::new());
        for item in &items {
            if item.key == head {
                customer = Some(from_item(item)?);
            } else if item.key.sort.starts_with(keys::SUBSCRIPTIONS) {
                subscriptions.push(from_item(item)?);
            } else if item.key.sort.starts_with(keys::LIVE) {
                live.push(from_item::<Live>(item)?.value);
            }
        }
        Ok(customer.map(|customer| CustomerFile { customer, subscriptions, live }))
    }

    /// The deleted customers that had an external id. One read.
    pub async fn former_customers(
        &self,
        organization: OrganizationId,
        external_id: &str,
    ) -> Result<Option<Versioned<FormerCustomers>>, LoadError> {
        self.load(&keys::former_customers(organization, external_id)).await
    }
}
