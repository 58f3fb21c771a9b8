//! Ledgers of customers.

use domain::id::{CustomerId, OrganizationId};

use super::Store;
use crate::items::LedgerTransaction;
use crate::keys;
use crate::record::{LoadError, from_item};
use crate::table::Query;

impl Store {
    /// Everything ever posted to a customer's ledger, in order. One query, paged: an item below a kilobyte per final invoice,
    /// payment, or change of a balance.
    pub async fn ledger(
        &self,
        organization: OrganizationId,
        customer: CustomerId,
    ) -> Result<Vec<LedgerTransaction>, LoadError> {
        let items = self.items(Query::partition(keys::ledger(organization, customer))).await?;
        items.iter().map(|item| Ok(from_item(item)?.value)).collect()
    }
}
