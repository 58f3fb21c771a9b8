//! Invoices with their fees.

use std::ops::Range;

use domain::id::{CustomerId, InvoiceId, OrganizationId};
use domain::invoice::Invoice;

use super::{Listed, Store, part};
use crate::items::invoice::{Header, header};
use crate::keys;
use crate::record::{DecodeError, LoadError, Record, Versioned};
use crate::table::{Index, Item, Order};

/// How often an invoice is read again because its fees were replaced in between.
const READS_MAX: usize = 5;

impl Store {
    /// An invoice with all its fees. One read, and one more of the pages of its fees if there are very many.
    pub async fn invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Versioned<Invoice>>, LoadError> {
        let key = keys::invoice(organization, id);
        for _ in 0..READS_MAX {
            let Some(item) = self.table().get(&key).await? else { return Ok(None) };
            let Header { mut invoice, pages } = header(&item)?;
            let Some(pages) = pages else { return Ok(Some(invoice)) };
            let items = self.table().get_many(&pages.keys(organization, id)).await?;
            // A page is gone only if another writer has replaced the header meanwhile.
            let Some(items) = items.into_iter().collect::<Option<Vec<Item>>>() else { continue };
            invoice.value.fees = pages.fees(&items)?;
            return Ok(Some(invoice));
        }
        Err(DecodeError::new(Invoice::KIND, "pages of its fees are missing").into())
    }

    /// A part of the invoices of an organization, or of one customer, newest first.
    ///
    /// An invoice with very many fees comes without them, and in a version that no commit accepts.
    pub async fn list_invoices(
        &self,
        organization: OrganizationId,
        customer: Option<CustomerId>,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Invoice>, LoadError> {
        let (index, partition) = match customer {
            Some(customer) => (Index::ByParent, keys::children_of(organization, customer.0, keys::INVOICES)),
            None => (Index::ByOrganization, keys::list_of(organization, keys::INVOICES)),
        };
        let keys = self.index_keys(index, partition, Order::Descending).await?;
        let items = self.table().get_many(part(&keys, range)).await?;
        let entries =
            items.iter().flatten().map(|item| Ok(header(item)?.listed())).collect::<Result<_, LoadError>>()?;
        Ok(Listed { total: keys.len(), entries })
    }
}
