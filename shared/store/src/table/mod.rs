//! The one table: a port with two backends, `dynamo` and `sqlite`.
//!
//! Owns: what an item is, how items are addressed, conditions, atomic writes, and the price of each operation.
//!
//! Does not own: what is stored. A backend never looks into a body, and no backend knows a kind.
//!
//! Invariants:
//! - A transaction applies whole or not at all, and touches no item twice.
//! - Reads of the table see every write acknowledged before them; reads of an index may lag.
//! - An item past `expires_at` is absent for every read and every condition, whether it was swept or not.

pub mod capacity;
pub mod limits;
mod rehearsal;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use capacity::Consumed;
pub use rehearsal::Rehearsal;

/// Most writes of one transaction (a limit of DynamoDB's that both backends keep).
pub const WRITES_PER_TRANSACTION_MAX: usize = 100;

/// Largest item in bytes: names, keys and body (a limit of DynamoDB's that both backends keep).
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Most bytes of items that one page of a query reads before it stops (DynamoDB's rule).
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Tells Unix seconds, for expiry alone. Hosts hand in the clock that they run on.
pub type Seconds = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Where an item stands. Made in `keys` only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The partition; names the organization first.
    pub partition: String,
    /// The position within the partition. Compared byte by byte.
    pub sort: String,
}

/// The indexes, named by the question that they answer. An item is in an index if it has an entry for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    /// What is due by an instant?
    ByDue,
    /// What of a kind does this organization have, in which order?
    ByOrganization,
    /// What belongs to this object, in which order?
    ByParent,
}

impl Index {
    /// Every index.
    pub const ALL: [Index; 3] = [Index::ByDue, Index::ByOrganization, Index::ByParent];

    /// The index's name in the table's definition.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Index::ByDue => "by_due",
            Index::ByOrganization => "by_organization",
            Index::ByParent => "by_parent",
        }
    }
}

/// An item's place in one index. Partition and sort must not be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The index.
    pub index: Index,
    /// The partition within the index.
    pub partition: String,
    /// The position within that partition.
    pub sort: String,
}

/// One stored item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it stands.
    pub key: Key,
    /// What it is (`invoice`, `outbox` ...): for the decoder, for stream filters and for people; never for backends.
    pub kind: String,
    /// Schema version of the body.
    pub schema: u32,
    /// 1 when created, one more with every update. Preconditions compare it.
    pub version: u64,
    /// Places in indexes, at most one per index.
    pub entries: Vec<IndexEntry>,
    /// From this instant (Unix seconds) on the item is absent.
    pub expires_at: Option<i64>,
    /// The number that `Write::Add` adds to, for counters.
    pub counter: Option<i64>,
    /// The content, opaque here.
    pub body: Bytes,
}

impl Item {
    /// A new item of version 1 without index entries or expiry.
    #[must_use]
    pub fn new(key: Key, kind: &str, schema: u32, body: Bytes) -> Item {
        Item {
            key,
            kind: kind.to_owned(),
            schema,
            version: 1,
            entries: Vec::new(),
            expires_at: None,
            counter: None,
            body,
        }
    }

    /// Whether the item is absent at this instant (Unix seconds), swept or not.
    #[must_use]
    pub fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// What must hold of the present item for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: the write happens whatever is there.
    None,
    /// There is no such item (or it has expired).
    Absent,
    /// The item is there in exactly this version.
    Version(u64),
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stores the item, replacing whatever stood there.
    Put(Item, Condition),
    /// Removes the item; no error if there is none and the condition allows it.
    Delete(Key, Condition),
    /// Writes nothing, only demands the condition.
    Check(Key, Condition),
    /// Adds to the item's counter and counts its version up; creates it at zero (kind `counter`, schema 1, version 1,
    /// empty body, no expiry) if it is absent.
    Add(Key, i64),
}

impl Write {
    /// The key that this write touches.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Write::Put(item, _) => &item.key,
            Write::Delete(key, _) | Write::Check(key, _) | Write::Add(key, _) => key,
        }
    }
}

/// A range of one partition. `from` and `to` are inclusive.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The partition.
    pub partition: String,
    /// First sort value, if bounded below.
    pub from: Option<String>,
    /// Last sort value, if bounded above.
    pub to: Option<String>,
    /// Order of the answer.
    pub order: Order,
    /// Most items of the page, at least 1; none for as many as `PAGE_BYTES_MAX` allows.
    pub limit: Option<usize>,
    /// Goes on after a page that said `next`.
    pub after: Option<Cursor>,
}

impl Query {
    /// The whole partition, ascending.
    #[must_use]
    pub fn partition(partition: impl Into<String>) -> Query {
        Query { partition: partition.into(), ..Query::default() }
    }

    /// Everything of a partition whose sort value begins with `prefix`.
    #[must_use]
    pub fn prefix(partition: impl Into<String>, prefix: &str) -> Query {
        Query {
            from: Some(prefix.to_owned()),
            // U+10FFFF sorts after every character that a key may hold.
            to: Some(format!("{prefix}\u{10FFFF}")),
            ..Query::partition(partition)
        }
    }
}

/// Order of a query's answer by sort value, bytewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// Where a page ended. For an index: its entry's sort value and the item's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Key of the last item of the page.
    pub key: Key,
    /// Its sort value in the index, for a query of an index.
    pub index_sort: Option<String>,
}

/// A page of items of the table.
#[derive(Debug, Clone)]
pub struct Page {
    /// The items, in order.
    pub items: Vec<Item>,
    /// Where the next page begins; none if this was the last. A page that ends exactly where the range does may say
    /// `next` nevertheless, and then the next page is empty: only `next` tells the end, never the number of items.
    pub next: Option<Cursor>,
}

/// One entry that a query of an index found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Key of the item in the table.
    pub key: Key,
    /// Its sort value in the index.
    pub index_sort: String,
}

/// A page of an index.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// What was found, in order; equal sort values in an order that does not change.
    pub found: Vec<Found>,
    /// Where the next page begins; see `Page::next`.
    pub next: Option<Cursor>,
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table could not be reached, throttled, or failed in a way that may pass. Whether a write happened is unknown.
    #[error("the table did not answer: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request breaks a rule of this port (too large, twice the same key, an empty key). Nothing was written.
    #[error("the table refuses the request: {0}")]
    Refused(String),
}

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// These writes' conditions did not hold (positions in the transaction, at least one); nothing was written.
    #[error("conditions {0:?} of the transaction did not hold")]
    Conditions(Vec<usize>),
    /// Another transaction touched the same items at the same time; nothing was written. Try again.
    #[error("the transaction lost a race")]
    Contended,
    /// See there.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The table. One contract suite holds for every backend.
#[async_trait]
pub trait Table: Send + Sync {
    /// One item. One read.
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError>;

    /// Any number of items, in the order of the keys; none where there is no such item. Keys may repeat.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError>;

    /// One page of a range of one partition, read consistently.
    async fn query(&self, query: &Query) -> Result<Page, TableError>;

    /// One page of a range of one partition of an index: keys only, and perhaps a moment behind the table.
    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError>;

    /// Stores any number of items whatever stood there. Not atomic: after an error any part may be stored.
    ///
    /// The items' `version` is stored as given. No key twice.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError>;

    /// Removes any number of items. Not atomic. Keys may repeat.
    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError>;

    /// All of the writes or none; at most `WRITES_PER_TRANSACTION_MAX`, no key twice, 4 MB of items. No writes at all
    /// is no error. A single write costs half as much as the same write among others.
    ///
    /// The items' `version` is stored as given: callers count it up.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError>;

    /// Adds to a counter (see `Write::Add`) and returns its new value. Repeating after an error may count twice.
    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError>;

    /// Units consumed since the backend was made, by AWS's rules from item sizes, on either backend.
    fn consumed(&self) -> Consumed;
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.partition, self.sort)
    }
}
