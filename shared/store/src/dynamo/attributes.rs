//! Items as attributes and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;

use crate::table::capacity::names;
use crate::table::{Cursor, Index, IndexEntry, Item, Key};

/// An item, key or stream image as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item that this program did not write, or a page of one that it cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The attribute is not there.
    #[error("the item has no attribute `{0}`")]
    Missing(&'static str),
    /// The attribute is of another type or out of range.
    #[error("the item's attribute `{0}` is of another type or out of range")]
    Malformed(&'static str),
}

/// The attributes of a stored item.
#[must_use]
pub fn item_to_attributes(item: &Item) -> HashMap<String, AttributeValue> {
    let mut attributes = key_to_attributes(&item.key);
    let mut set = |name: &str, value| attributes.insert(name.to_owned(), value);
    set(names::KIND, text(&item.kind));
    set(names::SCHEMA, number(item.schema));
    set(names::VERSION, number(item.version));
    if let Some(at) = item.expires_at {
        set(names::EXPIRES_AT, number(at));
    }
    if let Some(counter) = item.counter {
        set(names::COUNTER, number(counter));
    }
    if !item.body.is_empty() {
        set(names::BODY, AttributeValue::B(Blob::new(item.body.to_vec())));
    }
    for entry in &item.entries {
        let (partition, sort) = names::of_index(entry.index);
        set(partition, text(&entry.partition));
        set(sort, text(&entry.sort));
    }
    attributes
}

/// An item from its attributes: of the table, or the new image of a stream record. Unknown attributes are ignored.
pub fn item_from_attributes(mut attributes: HashMap<String, AttributeValue>) -> Result<Item, DecodeError> {
    let attributes = &mut attributes;
    let mut entries = Vec::new();
    for index in Index::ALL {
        let (partition, sort) = names::of_index(index);
        if let (Some(partition), Some(sort)) = (take_text(attributes, partition)?, take_text(attributes, sort)?) {
            entries.push(IndexEntry { index, partition, sort });
        }
    }
    Ok(Item {
        key: take_key(attributes)?,
        kind: present(names::KIND, take_text(attributes, names::KIND)?)?,
        schema: present(names::SCHEMA, take_number(attributes, names::SCHEMA)?)?,
        version: present(names::VERSION, take_number(attributes, names::VERSION)?)?,
        entries,
        expires_at: take_number(attributes, names::EXPIRES_AT)?,
        counter: take_number(attributes, names::COUNTER)?,
        body: match attributes.remove(names::BODY) {
            None => Bytes::new(),
            Some(AttributeValue::B(body)) => Bytes::from(body.into_inner()),
            Some(_) => return Err(DecodeError::Malformed(names::BODY)),
        },
    })
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn key_to_attributes(key: &Key) -> Attributes {
    HashMap::from([(names::PARTITION.to_owned(), text(&key.partition)), (names::SORT.to_owned(), text(&key.sort))])
}

pub(super) fn take_key(attributes: &mut Attributes) -> Result<Key, DecodeError> {
    Ok(Key {
        partition: present(names::PARTITION, take_text(attributes, names::PARTITION)?)?,
        sort: present(names::SORT, take_text(attributes, names::SORT)?)?,
    })
}

/// Where a request begins that goes on after `cursor`; an index's key needs its partition, which is the query's.
pub(super) fn cursor_to_attributes(cursor: &Cursor, index: Option<Index>, partition: &str) -> Attributes {
    let mut attributes = key_to_attributes(&cursor.key);
    if let (Some(index), Some(sort)) = (index, &cursor.index_sort) {
        let (partition_name, sort_name) = names::of_index(index);
        attributes.insert(partition_name.to_owned(), text(partition));
        attributes.insert(sort_name.to_owned(), text(sort));
    }
    attributes
}

pub(super) fn cursor_from_attributes(mut attributes: Attributes, index: Option<Index>) -> Result<Cursor, DecodeError> {
    let index_sort = match index {
        None => None,
        Some(index) => take_text(&mut attributes, names::of_index(index).1)?,
    };
    Ok(Cursor { key: take_key(&mut attributes)?, index_sort })
}

pub(super) fn present<T>(name: &'static str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing(name))
}

pub(super) fn take_text(attributes: &mut Attributes, name: &'static str) -> Result<Option<String>, DecodeError> {
    match attributes.remove(name) {
        None => Ok(None),
        Some(AttributeValue::S(value)) => Ok(Some(value)),
        Some(_) => Err(DecodeError::Malformed(name)),
    }
}

pub(super) fn take_number<T: std::str::FromStr>(
    attributes: &mut Attributes,
    name: &'static str,
) -> Result<Option<T>, DecodeError> {
    match attributes.remove(name) {
        None => Ok(None),
        Some(AttributeValue::N(value)) => value.parse().map(Some).map_err(|_| DecodeError::Malformed(name)),
        Some(_) => Err(DecodeError::Malformed(name)),
    }
}
