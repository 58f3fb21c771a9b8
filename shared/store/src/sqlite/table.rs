//! `Table` over a `Database`, and the feed of changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, params, params_from_iter};
use tokio::sync::Notify;

use super::database::{Database, DatabaseError};
use super::rows::{self, Present};
use crate::table::capacity::{self, Footprint, Meter, Sent, names};
use crate::table::limits;
use crate::table::{
    Condition, Consumed, Cursor, Found, Index, IndexEntry, IndexPage, Item, Key, Order, PAGE_BYTES_MAX, Page, Query,
    Seconds, Table, TableError, TransactError, Write,
};

/// Expired items that one sweep's transaction removes: keeps others from waiting long.
const SWEPT_PER_COMMIT_MAX: usize = 1000;

impl From<DatabaseError> for TableError {
    fn from(error: DatabaseError) -> TableError {
        TableError::Unavailable(Box::new(error))
    }
}

impl From<rusqlite::Error> for TableError {
    fn from(error: rusqlite::Error) -> TableError {
        TableError::from(DatabaseError::from(error))
    }
}

impl From<DatabaseError> for TransactError {
    fn from(error: DatabaseError) -> TransactError {
        TransactError::Table(error.into())
    }
}

impl From<rusqlite::Error> for TransactError {
    fn from(error: rusqlite::Error) -> TransactError {
        TransactError::Table(error.into())
    }
}

/// One write of an item of a recorded kind: what stood there afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Position among all changes; grows, with gaps.
    pub sequence: i64,
    /// The item as it was written. Removals are no changes.
    pub item: Item,
}

/// The table over SQLite. Clones share everything.
#[derive(Clone)]
pub struct SqliteTable {
    database: Database,
    inner: Arc<Inner>,
}

/// What jobs on the database's threads need of the table.
struct Inner {
    now: Seconds,
    recorded_kinds: Vec<String>,
    meter: Meter,
    feed: Arc<Feed>,
}

#[derive(Default)]
struct Feed {
    /// A job appended a change that the next commit makes visible.
    appended: AtomicBool,
    notify: Notify,
}

impl SqliteTable {
    /// The table in this database. Writes of items of `recorded_kinds` are also changes (see `changes`).
    pub fn open(database: Database, now: Seconds, recorded_kinds: &[&str]) -> SqliteTable {
        let feed = Arc::new(Feed::default());
        let committed = Arc::clone(&feed);
        database.after_commit(move || {
            if committed.appended.swap(false, Ordering::AcqRel) {
                committed.notify.notify_one();
            }
        });
        let recorded_kinds = recorded_kinds.iter().map(|kind| (*kind).to_owned()).collect();
        SqliteTable { database, inner: Arc::new(Inner { now, recorded_kinds, meter: Meter::default(), feed }) }
    }

    /// Changes that were not acknowledged, oldest first, at most `limit`. They survive restarts.
    pub async fn changes(&self, limit: usize) -> Result<Vec<Change>, TableError> {
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, \
                     par_s, body, sequence FROM changes ORDER BY sequence LIMIT ?1",
                )?;
                let change = |row: &rusqlite::Row<'_>| Ok(Change { sequence: row.get(14)?, item: rows::item(row)? });
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                Ok(statement.query_map([limit], change)?.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Forgets the changes up to this one, itself included.
    pub async fn acknowledge(&self, sequence: i64) -> Result<(), TableError> {
        self.database
            .write(move |connection| {
                connection.prepare_cached("DELETE FROM changes WHERE sequence <= ?1")?.execute([sequence])?;
                Ok(())
            })
            .await
    }

    /// Waits until this process has recorded changes since the last call returned; for one waiter.
    ///
    /// Ask for `changes` first: those of an earlier run wake nobody.
    pub async fn changed(&self) {
        self.inner.feed.notify.notified().await;
    }

    /// Removes expired items and says how many. Housekeeping: readers do not see them anyway.
    pub async fn sweep(&self) -> Result<usize, TableError> {
        let mut swept = 0;
        loop {
            let now = (self.inner.now)();
            let removed = self.database.write(move |connection| sweep_some(connection, now)).await?;
            swept += removed;
            if removed < SWEPT_PER_COMMIT_MAX {
                return Ok(swept);
            }
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &Connection) -> Result<T, TableError> + Send + 'static,
    ) -> Result<T, TableError> {
        let inner = Arc::clone(&self.inner);
        self.database.read(move |connection| work(&inner, connection)).await
    }

    async fn write<T, E>(&self, work: impl FnOnce(&Inner, &Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.database.write(move |connection| work(&inner, connection)).await
    }
}

fn sweep_some(connection: &Connection, now: i64) -> Result<usize, TableError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM items WHERE rowid IN \
         (SELECT rowid FROM items INDEXED BY by_expiry WHERE expires_at <= ?1 LIMIT ?2)",
    )?;
    Ok(statement.execute(params![now, SWEPT_PER_COMMIT_MAX as i64])?)
}

impl Inner {
    fn store(&self, connection: &Connection, item: &Item) -> rusqlite::Result<()> {
        rows::put(connection, item)?;
        if self.recorded_kinds.contains(&item.kind) {
            rows::append_change(connection, item)?;
            self.feed.appended.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn get(&self, connection: &Connection, key: &Key, now: i64) -> rusqlite::Result<Option<Item>> {
        let found = rows::get(connection, key)?;
        self.meter.read(capacity::strong_read(found.as_ref().map_or(0, capacity::item_bytes)));
        Ok(found.filter(|item| !item.has_expired(now)))
    }

    fn transact(&self, connection: &Connection, writes: &[Write]) -> Result<(), TransactError> {
        let now = (self.now)();
        let sent = Sent::of(writes);
        let present: Vec<Option<Present>> =
            writes.iter().map(|write| rows::present(connection, write.key())).collect::<Result<_, _>>()?;
        let alive = |position: usize| {
            let present: Option<&Present> = present[position].as_ref();
            present.map(|present| &present.item).filter(|item| !item.has_expired(now))
        };
        let failed: Vec<usize> = writes
            .iter()
            .enumerate()
            .filter(|(position, write)| !holds(condition(write), alive(*position)))
            .map(|(position, _)| position)
            .collect();
        if !failed.is_empty() {
            self.meter.wrote(capacity::failed_units(writes, sent));
            return Err(TransactError::Conditions(failed));
        }
        for (position, write) in writes.iter().enumerate() {
            let old = present[position].as_ref().map(|present| &present.footprint);
            let new = match write {
                Write::Put(item, _) => {
                    self.store(connection, item)?;
                    Some(Footprint::of(item))
                }
                Write::Delete(key, _) => {
                    rows::delete(connection, key)?;
                    None
                }
                Write::Check(..) => old.cloned(),
                Write::Add(key, by) => Some(Footprint::of(&self.add(connection, key, *by, alive(position))?)),
            };
            self.meter.wrote(capacity::write_units(old, new.as_ref(), sent));
        }
        Ok(())
    }

    /// Adds to the counter that was found without its body.
    fn add(&self, connection: &Connection, key: &Key, by: i64, found: Option<&Item>) -> Result<Item, TableError> {
        let Some(found) = found else {
            let counter = Item { counter: Some(by), ..Item::new(key.clone(), "counter", 1, Bytes::new()) };
            self.store(connection, &counter)?;
            return Ok(counter);
        };
        let sum = found.counter.unwrap_or(0).checked_add(by);
        let Some(sum) = sum else { return Err(TableError::Refused(format!("the counter {key} is full"))) };
        let body = rows::get(connection, key)?.map(|item| item.body).unwrap_or_default();
        let added = Item { counter: Some(sum), version: found.version + 1, body, ..found.clone() };
        self.store(connection, &added)?;
        Ok(added)
    }
}

fn condition(write: &Write) -> Condition {
    match write {
        Write::Put(_, condition) | Write::Delete(_, condition) | Write::Check(_, condition) => *condition,
        Write::Add(..) => Condition::None,
    }
}

fn holds(condition: Condition, alive: Option<&Item>) -> bool {
    match condition {
        Condition::None => true,
        Condition::Absent => alive.is_none(),
        Condition::Version(version) => alive.is_some_and(|item| item.version == version),
    }
}

/// A range as one SQL condition with one bound on each side, so that SQLite enters the index at the page's first row.
struct Range {
    condition: String,
    values: Vec<String>,
}

impl Range {
    /// `position` lists the columns that order the rows, the sort value first; `after` holds a value for each of them.
    fn of(query: &Query, partition: &str, position: &[&str], after: Option<Vec<String>>) -> Range {
        let mut range = Range { condition: format!("{partition} = ?1"), values: vec![query.partition.clone()] };
        let (start, start_comparison, end, end_comparison) = match query.order {
            Order::Ascending => (&query.from, '>', &query.to, '<'),
            Order::Descending => (&query.to, '<', &query.from, '>'),
        };
        match (after, start) {
            (Some(after), _) => range.bound(position, &format!("{start_comparison}"), after),
            (None, Some(start)) => {
                range.bound(&position[..1], &format!("{start_comparison}="), vec![start.clone()]);
            }
            (None, None) => {}
        }
        if let Some(end) = end {
            range.bound(&position[..1], &format!("{end_comparison}="), vec![end.clone()]);
        }
        range
    }

    fn bound(&mut self, columns: &[&str], comparison: &str, values: Vec<String>) {
        let first = self.values.len() + 1;
        let places: Vec<String> = (first..first + values.len()).map(|place| format!("?{place}")).collect();
        let condition = format!(" AND ({}) {comparison} ({})", columns.join(", "), places.join(", "));
        self.condition.push_str(&condition);
        self.values.extend(values);
    }
}

fn order_by(order: Order, columns: &[&str]) -> String {
    let direction = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    columns.iter().map(|column| format!("{column} {direction}")).collect::<Vec<_>>().join(", ")
}

/// Ends pages as DynamoDB does: before the row that would exceed `PAGE_BYTES_MAX`, or at the limit of rows read. When
/// expired rows left a page short of its limit it reads on in another round, as the other backend in another request.
struct Pager {
    limit: usize,
    kept: usize,
    round_limit: usize,
    round_rows: usize,
    round_bytes: usize,
    price: fn(usize) -> u64,
    half_units: u64,
}

impl Pager {
    fn new(query: &Query, price: fn(usize) -> u64) -> Pager {
        let limit = query.limit.unwrap_or(usize::MAX);
        Pager { limit, kept: 0, round_limit: limit, round_rows: 0, round_bytes: 0, price, half_units: 0 }
    }

    fn admits(&self, row_bytes: usize) -> bool {
        self.round_rows == 0 || self.round_bytes + row_bytes <= PAGE_BYTES_MAX
    }

    /// Takes a row and says whether the page is full.
    fn take(&mut self, row_bytes: usize, expired: bool) -> bool {
        self.round_rows += 1;
        self.round_bytes += row_bytes;
        self.kept += usize::from(!expired);
        if self.round_rows < self.round_limit {
            return false;
        }
        if self.kept == self.limit {
            return true;
        }
        self.half_units += (self.price)(self.round_bytes);
        (self.round_limit, self.round_rows, self.round_bytes) = (self.limit - self.kept, 0, 0);
        false
    }

    fn price(&self) -> u64 {
        self.half_units + (self.price)(self.round_bytes)
    }
}

/// One row that a query read.
struct Read<T> {
    value: T,
    bytes: usize,
    expired: bool,
    cursor: Cursor,
}

impl Inner {
    fn page<T>(
        &self,
        connection: &Connection,
        statement: &str,
        values: &[String],
        mut pager: Pager,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Read<T>>,
    ) -> rusqlite::Result<(Vec<T>, Option<Cursor>)> {
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut kept, mut next) = (Vec::new(), None);
        loop {
            let Some(row) = rows.next()? else {
                next = None;
                break;
            };
            let row = read(row)?;
            if !pager.admits(row.bytes) {
                break;
            }
            next = Some(row.cursor);
            if !row.expired {
                kept.push(row.value);
            }
            if pager.take(row.bytes, row.expired) {
                break;
            }
        }
        self.meter.read(pager.price());
        Ok((kept, next))
    }

    fn query(&self, connection: &Connection, query: &Query) -> Result<Page, TableError> {
        let after = query.after.as_ref().map(|cursor| vec![cursor.key.sort.clone()]);
        let range = Range::of(query, "pk", &["sk"], after);
        let statement = format!(
            "SELECT {} FROM items WHERE {} ORDER BY {}",
            rows::COLUMNS,
            range.condition,
            order_by(query.order, &["sk"])
        );
        let now = (self.now)();
        let pager = Pager::new(query, capacity::strong_read);
        let (items, next) = self.page(connection, &statement, &range.values, pager, |row| {
            let item = rows::item(row)?;
            Ok(Read {
                bytes: capacity::item_bytes(&item),
                expired: item.has_expired(now),
                cursor: Cursor { key: item.key.clone(), index_sort: None },
                value: item,
            })
        })?;
        Ok(Page { items, next })
    }

    fn query_index(&self, connection: &Connection, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        let (partition, sort) = names::of_index(index);
        let position = [sort, "pk", "sk"];
        let after = query.after.as_ref().and_then(|cursor| {
            Some(vec![cursor.index_sort.clone()?, cursor.key.partition.clone(), cursor.key.sort.clone()])
        });
        let range = Range::of(query, partition, &position, after);
        let statement = format!(
            "SELECT {}, expires_at FROM items INDEXED BY {} WHERE {} ORDER BY {}",
            position.join(", "),
            index.name(),
            range.condition,
            order_by(query.order, &position)
        );
        let now = (self.now)();
        let pager = Pager::new(query, capacity::eventual_read);
        let (found, next) = self.page(connection, &statement, &range.values, pager, |row| {
            let found = Found { index_sort: row.get(0)?, key: Key { partition: row.get(1)?, sort: row.get(2)? } };
            let expires_at: Option<i64> = row.get(3)?;
            let entry = IndexEntry { index, partition: query.partition.clone(), sort: found.index_sort.clone() };
            Ok(Read {
                bytes: capacity::entry_bytes(&found.key, &entry, expires_at),
                expired: expires_at.is_some_and(|at| at <= now),
                cursor: Cursor { key: found.key.clone(), index_sort: Some(found.index_sort.clone()) },
                value: found,
            })
        })?;
        Ok(IndexPage { found, next })
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        limits::check_key(key)?;
        let key = key.clone();
        self.read(move |inner, connection| Ok(inner.get(connection, &key, (inner.now)())?)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        keys.iter().try_for_each(limits::check_key)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.to_vec();
        self.read(move |inner, connection| {
            let now = (inner.now)();
            let mut found: HashMap<&Key, Option<Item>> = HashMap::with_capacity(keys.len());
            for key in &keys {
                if !found.contains_key(key) {
                    found.insert(key, inner.get(connection, key, now)?);
                }
            }
            Ok(keys.iter().map(|key| found.get(key).cloned().flatten()).collect())
        })
        .await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        limits::check_query(query, None)?;
        if limits::range_is_empty(query) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let query = query.clone();
        self.read(move |inner, connection| inner.query(connection, &query)).await
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        limits::check_query(query, Some(index))?;
        if limits::range_is_empty(query) {
            return Ok(IndexPage { found: Vec::new(), next: None });
        }
        let query = query.clone();
        self.read(move |inner, connection| inner.query_index(connection, index, &query)).await
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        limits::check_items(&items)?;
        if items.is_empty() {
            return Ok(());
        }
        self.write(move |inner, connection| {
            for item in &items {
                let old = rows::present(connection, &item.key)?.map(|present| present.footprint);
                inner.store(connection, item)?;
                let units = capacity::write_units(old.as_ref(), Some(&Footprint::of(item)), Sent::Plain);
                inner.meter.wrote(units);
            }
            Ok(())
        })
        .await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        keys.iter().try_for_each(limits::check_key)?;
        if keys.is_empty() {
            return Ok(());
        }
        let keys: HashSet<Key> = keys.iter().cloned().collect();
        self.write(move |inner, connection| {
            for key in &keys {
                let old = rows::present(connection, key)?.map(|present| present.footprint);
                rows::delete(connection, key)?;
                inner.meter.wrote(capacity::write_units(old.as_ref(), None, Sent::Plain));
            }
            Ok(())
        })
        .await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        limits::check_writes(&writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        self.write(move |inner, connection| inner.transact(connection, &writes)).await
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        limits::check_key(key)?;
        let key = key.clone();
        self.write(move |inner, connection| {
            let now = (inner.now)();
            let present = rows::present(connection, &key)?;
            let alive = present.as_ref().map(|present| &present.item).filter(|item| !item.has_expired(now));
            let added = inner.add(connection, &key, by, alive)?;
            let old = present.as_ref().map(|present| &present.footprint);
            inner.meter.wrote(capacity::write_units(old, Some(&Footprint::of(&added)), Sent::Plain));
            Ok(added.counter.unwrap_or(by))
        })
        .await
    }

    fn consumed(&self) -> Consumed {
        self.inner.meter.consumed()
    }
}
