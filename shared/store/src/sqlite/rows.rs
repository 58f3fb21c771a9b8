//! Items as rows, and the few statements that touch them.

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::table::capacity::Footprint;
use crate::table::{Index, IndexEntry, Item, Key};

/// The columns of an item, in the order that `item` reads.
pub(super) const COLUMNS: &str =
    "pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, par_s, body";

/// An item from a row of `COLUMNS`.
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let mut item = item_without_body(row)?;
    if let ValueRef::Blob(body) = row.get_ref(13)? {
        item.body = Bytes::copy_from_slice(body);
    }
    Ok(item)
}

fn item_without_body(row: &Row<'_>) -> rusqlite::Result<Item> {
    let mut entries = Vec::new();
    for (index, column) in [(Index::ByDue, 7), (Index::ByOrganization, 9), (Index::ByParent, 11)] {
        if let (Some(partition), Some(sort)) = (row.get(column)?, row.get(column + 1)?) {
            entries.push(IndexEntry { index, partition, sort });
        }
    }
    Ok(Item {
        key: Key { partition: row.get(0)?, sort: row.get(1)? },
        kind: row.get(2)?,
        schema: row.get(3)?,
        // Never negative: `limits` lets no greater version in.
        version: row.get::<_, i64>(4)?.unsigned_abs(),
        expires_at: row.get(5)?,
        counter: row.get(6)?,
        entries,
        body: Bytes::new(),
    })
}

pub(super) fn get(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Item>> {
    connection
        .prepare_cached(
            "SELECT pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, par_s, \
             body FROM items WHERE pk = ?1 AND sk = ?2",
        )?
        .query_row(params![key.partition, key.sort], item)
        .optional()
}

/// An item as it is written over: everything but its body, which SQLite can measure without reading it.
pub(super) struct Present {
    pub(super) item: Item,
    pub(super) footprint: Footprint,
}

pub(super) fn present(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Present>> {
    connection
        .prepare_cached(
            "SELECT pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, par_s, \
             length(body) FROM items WHERE pk = ?1 AND sk = ?2",
        )?
        .query_row(params![key.partition, key.sort], |row| {
            let item = item_without_body(row)?;
            let body_bytes: u32 = row.get(13)?;
            Ok(Present { footprint: Footprint::with_body(&item, body_bytes as usize), item })
        })
        .optional()
}

/// Stores the item over whatever stands there.
pub(super) fn put(connection: &Connection, item: &Item) -> rusqlite::Result<()> {
    write(
        connection,
        "INSERT INTO items (pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, \
         par_s, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (pk, sk) DO UPDATE SET kind = ?3, schema = ?4, version = ?5, expires_at = ?6, counter = ?7, \
         due_p = ?8, due_s = ?9, org_p = ?10, org_s = ?11, par_p = ?12, par_s = ?13, body = ?14",
        item,
    )
}

/// Appends the item to the changes.
pub(super) fn append_change(connection: &Connection, item: &Item) -> rusqlite::Result<()> {
    write(
        connection,
        "INSERT INTO changes (pk, sk, kind, schema, version, expires_at, counter, due_p, due_s, org_p, org_s, par_p, \
         par_s, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        item,
    )
}

fn write(connection: &Connection, statement: &str, item: &Item) -> rusqlite::Result<()> {
    let entry = |index: Index| item.entries.iter().find(|entry| entry.index == index);
    let partition = |index| entry(index).map(|entry| entry.partition.as_str());
    let sort = |index| entry(index).map(|entry| entry.sort.as_str());
    connection.prepare_cached(statement)?.execute(params![
        item.key.partition,
        item.key.sort,
        item.kind,
        item.schema,
        item.version.cast_signed(),
        item.expires_at,
        item.counter,
        partition(Index::ByDue),
        sort(Index::ByDue),
        partition(Index::ByOrganization),
        sort(Index::ByOrganization),
        partition(Index::ByParent),
        sort(Index::ByParent),
        &item.body[..],
    ])?;
    Ok(())
}

pub(super) fn delete(connection: &Connection, key: &Key) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM items WHERE pk = ?1 AND sk = ?2")?
        .execute(params![key.partition, key.sort])?;
    Ok(())
}
