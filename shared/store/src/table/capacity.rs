//! What operations cost, by AWS's rules from item sizes.
//!
//! Sources: "DynamoDB item sizes and formats", "DynamoDB read and write operations", "Using Global Secondary Indexes"
//! and "Transactions: how it works" of the DynamoDB Developer Guide, read 2026-11-22.
//!
//! Does not own: prices in money. It counts units; whoever asks multiplies.
//!
//! Invariants:
//! - Both backends count alike. Reads are computed here from what was read. Writes are computed here on SQLite and
//!   are taken from the service's answer on DynamoDB, which alone knows what was overwritten.
//! - Failed conditions consume. What exactly the service does not tell, so both backends count the write as it was
//!   sent, as if nothing had stood there.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Index, IndexEntry, Item, Key, Write};

/// Names of attributes, short because every item pays for them. The table's definition and stream filters use them.
pub mod names {
    use super::Index;

    /// The key's partition (string).
    pub const PARTITION: &str = "pk";
    /// The key's sort value (string).
    pub const SORT: &str = "sk";
    /// What the item is (string). Long, because stream filters and people read it.
    pub const KIND: &str = "kind";
    /// Schema version of the body (number).
    pub const SCHEMA: &str = "s";
    /// Version of the item (number).
    pub const VERSION: &str = "v";
    /// Expiry in Unix seconds (number); missing if the item does not expire.
    pub const EXPIRES_AT: &str = "x";
    /// The counter (number); missing if the item has none.
    pub const COUNTER: &str = "n";
    /// The body (binary); missing if it is empty.
    pub const BODY: &str = "b";

    /// An index's partition and sort attribute (strings); missing if the item is not in the index.
    #[must_use]
    pub const fn of_index(index: Index) -> (&'static str, &'static str) {
        match index {
            Index::ByDue => ("due_p", "due_s"),
            Index::ByOrganization => ("org_p", "org_s"),
            Index::ByParent => ("par_p", "par_s"),
        }
    }
}

const READ_UNIT_BYTES: usize = 4 * 1024;
const WRITE_UNIT_BYTES: usize = 1024;

/// Units consumed. Reads are counted in halves, because an eventually consistent read costs half a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consumed {
    /// Half read request units.
    pub read_half_units: u64,
    /// Write request units, indexes included.
    pub write_units: u64,
}

/// Adds up what a backend consumes.
#[derive(Debug, Default)]
pub struct Meter {
    read_half_units: AtomicU64,
    write_units: AtomicU64,
}

impl Meter {
    /// Counts reads.
    pub fn read(&self, half_units: u64) {
        self.read_half_units.fetch_add(half_units, Ordering::Relaxed);
    }

    /// Counts writes.
    pub fn wrote(&self, units: u64) {
        self.write_units.fetch_add(units, Ordering::Relaxed);
    }

    /// The sums so far.
    #[must_use]
    pub fn consumed(&self) -> Consumed {
        Consumed {
            read_half_units: self.read_half_units.load(Ordering::Relaxed),
            write_units: self.write_units.load(Ordering::Relaxed),
        }
    }
}

fn text_bytes(name: &str, value: &str) -> usize {
    name.len() + value.len()
}

/// A number is stored as its pairs of decimal digits (base 100, zeros at both ends trimmed), a byte of exponent, and a
/// byte more if it is negative.
fn number_bytes(name: &str, value: i128) -> usize {
    let mut rest = value.unsigned_abs();
    while rest != 0 && rest.is_multiple_of(100) {
        rest /= 100;
    }
    let mut pairs = 0;
    while rest != 0 {
        rest /= 100;
        pairs += 1;
    }
    name.len() + 1 + pairs + usize::from(value < 0)
}

fn entry_attributes_bytes(entry: &IndexEntry) -> usize {
    let (partition, sort) = names::of_index(entry.index);
    text_bytes(partition, &entry.partition) + text_bytes(sort, &entry.sort)
}

fn key_bytes(key: &Key) -> usize {
    text_bytes(names::PARTITION, &key.partition) + text_bytes(names::SORT, &key.sort)
}

fn expiry_bytes(expires_at: Option<i64>) -> usize {
    expires_at.map_or(0, |at| number_bytes(names::EXPIRES_AT, at.into()))
}

/// Size of an item in bytes: names and values of all its attributes.
#[must_use]
pub fn item_bytes(item: &Item) -> usize {
    item_bytes_with_body(item, item.body.len())
}

/// Size of an item whose body was not read but is known to have `body_bytes`.
#[must_use]
pub fn item_bytes_with_body(item: &Item, body_bytes: usize) -> usize {
    key_bytes(&item.key)
        + text_bytes(names::KIND, &item.kind)
        + number_bytes(names::SCHEMA, item.schema.into())
        + number_bytes(names::VERSION, item.version.into())
        + expiry_bytes(item.expires_at)
        + item.counter.map_or(0, |counter| number_bytes(names::COUNTER, counter.into()))
        + item.entries.iter().map(entry_attributes_bytes).sum::<usize>()
        + if body_bytes == 0 { 0 } else { names::BODY.len() + body_bytes }
}

/// Size of an item's entry in an index: the keys of index and table, and the expiry, which every index projects so that
/// an expired item is absent there too.
#[must_use]
pub fn entry_bytes(key: &Key, entry: &IndexEntry, expires_at: Option<i64>) -> usize {
    key_bytes(key) + entry_attributes_bytes(entry) + expiry_bytes(expires_at)
}

fn units(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

/// Half units of a strongly consistent read of `bytes`: one item's, or the sum of a page, rounded once.
/// A read that finds nothing costs the minimum.
#[must_use]
pub fn strong_read(bytes: usize) -> u64 {
    2 * units(bytes, READ_UNIT_BYTES)
}

/// Half units of an eventually consistent read of `bytes`.
#[must_use]
pub fn eventual_read(bytes: usize) -> u64 {
    units(bytes, READ_UNIT_BYTES)
}

/// What of a stored item decides the price of writing over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    item_bytes: usize,
    key: Key,
    entries: Vec<IndexEntry>,
    expires_at: Option<i64>,
}

impl Footprint {
    /// Of a whole item.
    #[must_use]
    pub fn of(item: &Item) -> Footprint {
        Footprint::with_body(item, item.body.len())
    }

    /// Of an item whose body was not read but is known to have `body_bytes`.
    #[must_use]
    pub fn with_body(item: &Item, body_bytes: usize) -> Footprint {
        Footprint {
            item_bytes: item_bytes_with_body(item, body_bytes),
            key: item.key.clone(),
            entries: item.entries.clone(),
            expires_at: item.expires_at,
        }
    }

    fn entry(&self, index: Index) -> Option<(&IndexEntry, usize)> {
        let entry = self.entries.iter().find(|entry| entry.index == index)?;
        Some((entry, entry_bytes(&self.key, entry, self.expires_at)))
    }
}

/// How a write is sent: in a transaction the table's share costs twice (prepared, then committed). Indexes follow
/// after the transaction and cost the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// By itself or in a batch.
    Plain,
    /// In a transaction.
    Transaction,
}

impl Sent {
    /// How a transaction of these writes is sent: a single write needs no transaction, unless it is a bare check.
    #[must_use]
    pub fn of(writes: &[Write]) -> Sent {
        match writes {
            [Write::Put(..) | Write::Delete(..) | Write::Add(..)] => Sent::Plain,
            _ => Sent::Transaction,
        }
    }

    fn times(self, units: u64) -> u64 {
        match self {
            Sent::Plain => units,
            Sent::Transaction => 2 * units,
        }
    }
}

/// Units of a write that found `old` and left `new`; a check leaves what it found.
#[must_use]
pub fn write_units(old: Option<&Footprint>, new: Option<&Footprint>, sent: Sent) -> u64 {
    let bytes = |side: Option<&Footprint>| side.map_or(0, |side| side.item_bytes);
    let table = sent.times(units(bytes(old).max(bytes(new)), WRITE_UNIT_BYTES));
    table + Index::ALL.iter().map(|index| index_units(*index, old, new)).sum::<u64>()
}

/// An entry that appears or goes is one write, one that moves is both; one that stays costs only if its expiry changed.
fn index_units(index: Index, old: Option<&Footprint>, new: Option<&Footprint>) -> u64 {
    let old = old.and_then(|old| old.entry(index).map(|(entry, bytes)| (entry, bytes, old.expires_at)));
    let new = new.and_then(|new| new.entry(index).map(|(entry, bytes)| (entry, bytes, new.expires_at)));
    match (old, new) {
        (None, None) => 0,
        (Some((_, bytes, _)), None) | (None, Some((_, bytes, _))) => units(bytes, WRITE_UNIT_BYTES),
        (Some((before, before_bytes, expired)), Some((after, after_bytes, expires))) => {
            if before != after {
                units(before_bytes, WRITE_UNIT_BYTES) + units(after_bytes, WRITE_UNIT_BYTES)
            } else if expired != expires {
                units(before_bytes.max(after_bytes), WRITE_UNIT_BYTES)
            } else {
                0
            }
        }
    }
}

/// Units of writes whose conditions did not hold: as sent (see the module's invariants), without indexes.
#[must_use]
pub fn failed_units(writes: &[Write], sent: Sent) -> u64 {
    let one = |write: &Write| match write {
        Write::Put(item, _) => units(item_bytes(item), WRITE_UNIT_BYTES),
        Write::Delete(..) | Write::Check(..) | Write::Add(..) => 1,
    };
    sent.times(writes.iter().map(one).sum())
}

#[cfg(test)]
mod tests;
