//! What is stored, by question. One file per aggregate; `docs/access-patterns.md` lists them all.
//!
//! Owns: which key or index answers a question, and paging until the answer is whole.
//!
//! Does not own: rules. A repository returns what is there, ended and deleted things too unless it says otherwise.
//!
//! Invariants:
//! - Items are read consistently. Lists come from indexes, which may lag: what an index names is read from the table
//!   again, and what is no longer there is left out.

mod advance;
mod analytics;
mod attribution;
mod catalogue;
mod coupon;
mod credit_note;
mod customer;
mod due;
mod idempotency;
mod invoice;
mod ledger;
mod organization;
mod subscription;
mod wallet;
mod webhook;

use std::ops::Range;
use std::sync::Arc;

use domain::id::OrganizationId;
use uuid::Uuid;

pub use analytics::revenue;
pub use attribution::AttributeError;
pub use credit_note::InvoiceNotes;
pub use customer::CustomerFile;
pub use due::Due;

use crate::alias::Alias;
use crate::keys;
use crate::record::{LoadError, Record, Versioned, from_item};
use crate::table::{Index, Item, Key, Order, Query, Rehearsal, Seconds, Table, TableError};

/// Reads everything that is stored, over any backend.
#[derive(Clone)]
pub struct Store {
    table: Arc<dyn Table>,
    is_rehearsal: bool,
}

/// A part of a list, and how long the whole list is.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// Entries of the whole list. It comes from an index, so entries written this moment may not count yet.
    pub total: usize,
    /// The part asked for.
    pub entries: Vec<Versioned<T>>,
}

impl Store {
    /// What is stored in `table`.
    pub fn new(table: Arc<dyn Table>) -> Store {
        Store { table, is_rehearsal: false }
    }

    /// Whether what is written here is gone with it.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.is_rehearsal
    }

    /// The same store to rehearse on: what is written through it stays there and is gone with it.
    #[must_use]
    pub fn rehearsal(&self, now: Seconds) -> (Store, Arc<Rehearsal>) {
        let rehearsal = Arc::new(Rehearsal::over(Arc::clone(&self.table), now));
        (Store { table: Arc::clone(&rehearsal) as Arc<dyn Table>, is_rehearsal: true }, rehearsal)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &dyn Table {
        self.table.as_ref()
    }

    /// The table, for a store of another view of it.
    #[must_use]
    pub fn shared_table(&self) -> Arc<dyn Table> {
        self.table.clone()
    }

    /// The record under a key; none if there is none. One read.
    ///
    /// Invoices with very many fees are not to be had this way: see `invoice`.
    pub async fn load<R: Record>(&self, key: &Key) -> Result<Option<Versioned<R>>, LoadError> {
        let item = self.table.get(key).await?;
        Ok(item.as_ref().map(from_item).transpose()?)
    }

    /// The records under keys, in their order; none where there is none.
    pub async fn load_many<R: Record>(&self, keys: &[Key]) -> Result<Vec<Option<Versioned<R>>>, LoadError> {
        let items = self.table.get_many(keys).await?;
        items.iter().map(|item| Ok(item.as_ref().map(from_item).transpose()?)).collect()
    }

    /// Who holds a code or external id (`alias::kinds`). One read.
    pub async fn owner_of(
        &self,
        organization: OrganizationId,
        kind: &str,
        name: &str,
    ) -> Result<Option<Uuid>, LoadError> {
        let alias: Option<Versioned<Alias>> = self.load(&keys::alias(organization, kind, name)).await?;
        Ok(alias.map(|alias| alias.owner))
    }

    /// The records under keys that an index gave, without those that are gone meanwhile.
    async fn load_present<R: Record>(&self, keys: &[Key]) -> Result<Vec<Versioned<R>>, LoadError> {
        Ok(self.load_many(keys).await?.into_iter().flatten().collect())
    }

    /// Every item of a range of a partition, page by page.
    async fn items(&self, mut query: Query) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::new();
        loop {
            let page = self.table.query(&query).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(items),
            }
        }
    }

    /// The records of a whole partition, newest first by `age`.
    async fn newest_first<R: Record, K: Ord>(
        &self,
        partition: String,
        age: impl Fn(&R) -> K,
    ) -> Result<Vec<Versioned<R>>, LoadError> {
        let items = self.items(Query::partition(partition)).await?;
        let mut records: Vec<Versioned<R>> = items.iter().map(from_item).collect::<Result<_, _>>()?;
        records.sort_by_key(|record| std::cmp::Reverse(age(record)));
        Ok(records)
    }

    /// The keys of a whole partition of an index, in order.
    async fn index_keys(&self, index: Index, partition: String, order: Order) -> Result<Vec<Key>, TableError> {
        let mut query = Query { order, ..Query::partition(partition) };
        let mut keys = Vec::new();
        loop {
            let page = self.table.query_index(index, &query).await?;
            keys.extend(page.found.into_iter().map(|found| found.key));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(keys),
            }
        }
    }

    /// The part of a list in an index that `range` chooses, given the length of the whole. Only that part is loaded.
    async fn list<R: Record>(
        &self,
        index: Index,
        partition: String,
        order: Order,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<R>, LoadError> {
        let keys = self.index_keys(index, partition, order).await?;
        let entries = self.load_present(part(&keys, range)).await?;
        Ok(Listed { total: keys.len(), entries })
    }
}

/// The part that `range` chooses, given the length; what lies beyond the end is no part.
fn part<T>(whole: &[T], range: impl FnOnce(usize) -> Range<usize>) -> &[T] {
    let Range { start, end } = range(whole.len());
    whole.get(start..end.min(whole.len())).unwrap_or_default()
}

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
