//! What the port refuses on every backend alike: DynamoDB's limits, checked before anything is sent or written.
//!
//! Does not own: conditions. A refused request is the caller's mistake and never depends on what is stored.

use std::collections::HashSet;

use super::capacity;
use super::{Condition, ITEM_BYTES_MAX, Index, Item, Key, Query, TableError, WRITES_PER_TRANSACTION_MAX, Write};

/// Most bytes of all items that one transaction puts (a limit of DynamoDB's that both backends keep).
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest partition, of the table or an index, in bytes.
pub const PARTITION_BYTES_MAX: usize = 2048;

/// Longest sort value, of the table or an index, in bytes.
pub const SORT_BYTES_MAX: usize = 1024;

fn refused<T>(why: impl Into<String>) -> Result<T, TableError> {
    Err(TableError::Refused(why.into()))
}

fn check_place(partition: &str, sort: &str) -> Result<(), TableError> {
    if partition.is_empty() || sort.is_empty() {
        return refused("a key or an index entry is empty");
    }
    if partition.len() > PARTITION_BYTES_MAX {
        return refused(format!("a partition of {} bytes; {PARTITION_BYTES_MAX} at most", partition.len()));
    }
    if sort.len() > SORT_BYTES_MAX {
        return refused(format!("a sort value of {} bytes; {SORT_BYTES_MAX} at most", sort.len()));
    }
    Ok(())
}

/// A key within its bounds, neither part empty.
pub fn check_key(key: &Key) -> Result<(), TableError> {
    check_place(&key.partition, &key.sort)
}

/// An item within all bounds, at most one entry per index.
pub fn check_item(item: &Item) -> Result<(), TableError> {
    check_key(&item.key)?;
    for (position, entry) in item.entries.iter().enumerate() {
        check_place(&entry.partition, &entry.sort)?;
        if item.entries[..position].iter().any(|earlier| earlier.index == entry.index) {
            return refused(format!("two entries of `{}` in {}", entry.index.name(), item.key));
        }
    }
    check_version(item.version)?;
    let bytes = capacity::item_bytes(item);
    if bytes > ITEM_BYTES_MAX {
        return refused(format!("an item of {bytes} bytes, {}; {ITEM_BYTES_MAX} at most", item.key));
    }
    Ok(())
}

/// SQLite's integers have a sign.
fn check_version(version: u64) -> Result<(), TableError> {
    match i64::try_from(version) {
        Ok(_) => Ok(()),
        Err(_) => refused(format!("version {version} is out of range")),
    }
}

/// Items that one call stores: each within its bounds, no key twice.
pub fn check_items(items: &[Item]) -> Result<(), TableError> {
    items.iter().try_for_each(check_item)?;
    check_distinct(items.iter().map(|item| &item.key))
}

/// A transaction within all bounds, no key twice.
pub fn check_writes(writes: &[Write]) -> Result<(), TableError> {
    if writes.len() > WRITES_PER_TRANSACTION_MAX {
        return refused(format!("{} writes in a transaction; {WRITES_PER_TRANSACTION_MAX} at most", writes.len()));
    }
    let mut bytes = 0;
    for write in writes {
        match write {
            Write::Put(item, condition) => {
                check_item(item)?;
                check_condition(*condition)?;
                bytes += capacity::item_bytes(item);
            }
            Write::Delete(key, condition) | Write::Check(key, condition) => {
                check_key(key)?;
                check_condition(*condition)?;
            }
            Write::Add(key, _) => check_key(key)?,
        }
    }
    if bytes > TRANSACTION_BYTES_MAX {
        return refused(format!("a transaction of {bytes} bytes; {TRANSACTION_BYTES_MAX} at most"));
    }
    check_distinct(writes.iter().map(Write::key))
}

fn check_condition(condition: Condition) -> Result<(), TableError> {
    match condition {
        Condition::None | Condition::Absent => Ok(()),
        Condition::Version(version) => check_version(version),
    }
}

fn check_distinct<'a>(keys: impl Iterator<Item = &'a Key>) -> Result<(), TableError> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return refused(format!("twice the same key, {key}"));
        }
    }
    Ok(())
}

/// A query of the table (`index` none) or of an index; its cursor must come from a page of the same range.
pub fn check_query(query: &Query, index: Option<Index>) -> Result<(), TableError> {
    if query.partition.is_empty() {
        return refused("a query of an empty partition");
    }
    if query.limit == Some(0) {
        return refused("a page of no items");
    }
    if query.from.iter().chain(&query.to).any(|bound| bound.len() > SORT_BYTES_MAX) {
        return refused(format!("a bound of a range is longer than {SORT_BYTES_MAX} bytes"));
    }
    let Some(cursor) = &query.after else { return Ok(()) };
    check_key(&cursor.key)?;
    let fits = match index {
        None => cursor.index_sort.is_none() && cursor.key.partition == query.partition,
        Some(_) => cursor.index_sort.as_ref().is_some_and(|sort| !sort.is_empty()),
    };
    if fits { Ok(()) } else { refused("the cursor belongs to another query") }
}

/// Whether no sort value can lie in the query's range. DynamoDB refuses such a range; here it is an empty page.
#[must_use]
pub fn range_is_empty(query: &Query) -> bool {
    match (&query.from, &query.to) {
        (_, Some(to)) if to.is_empty() => true,
        (Some(from), Some(to)) => from > to,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
