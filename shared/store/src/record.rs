//! Records: what the table stores of the domain, with versions.
//!
//! A record knows its key, its places in indexes and its stored form (`items`). Bodies are JSON, compressed when that
//! is shorter; the first byte says which. An item of an older schema still decodes: the stored form's defaults see to it.

use std::cell::RefCell;
use std::io::{self, Read};
use std::ops::Deref;

use bytes::Bytes;
use domain::id::OrganizationId;
use domain::ledger::Movement;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;
use zstd::zstd_safe::DCtx;

use crate::keys::Timeline;
use crate::table::{IndexEntry, Item, Key, TableError};

/// Bodies below this many bytes are stored as they are: compression would not pay for itself.
const COMPRESS_FROM_BYTES: usize = 256;
const COMPRESSION_LEVEL: i32 = 3;
const PLAIN: u8 = b'j';
const COMPRESSED: u8 = b'z';

/// Whose record it is, and by whose clock it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The organization.
    pub organization: OrganizationId,
    /// The clock that its due instants follow.
    pub timeline: Timeline,
}

/// Something of the domain that stands in one item.
pub trait Record: Sized {
    /// The item's kind.
    const KIND: &'static str;
    /// Version of the stored form; one more when older readers could misread it.
    const SCHEMA: u32;
    /// The stored form.
    type Stored: Serialize + DeserializeOwned;

    /// Where it stands.
    fn key(&self, scope: Scope) -> Key;
    /// Its places in indexes.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry>;
    /// Unix seconds from which on it is gone; none to keep it.
    fn expires_at(&self) -> Option<i64> {
        None
    }
    /// What the ledger has to know of its change from `before` (none: it is new): see `domain::ledger`.
    #[must_use]
    fn movements(_before: Option<&Self>, _after: &Self) -> Vec<Movement> {
        Vec::new()
    }
    /// The stored form of it.
    fn to_stored(&self) -> Self::Stored;
    /// It, from its stored form.
    ///
    /// # Errors
    /// The stored form says something that the domain does not know.
    fn from_stored(stored: Self::Stored) -> Result<Self, DecodeError>;
}

/// A record together with the version that it was read in.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The record.
    pub value: T,
    /// The item's version: the precondition of the next write.
    pub version: u64,
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A stored item makes no sense. Somebody should look.
#[derive(Debug, thiserror::Error)]
#[error("stored {kind} cannot be read: {reason}")]
pub struct DecodeError {
    /// The item's kind.
    pub kind: &'static str,
    /// What is wrong, without any content.
    pub reason: String,
}

impl DecodeError {
    /// A decoding error of `kind`.
    pub fn new(kind: &'static str, reason: impl Into<String>) -> DecodeError {
        DecodeError { kind, reason: reason.into() }
    }
}

/// Why something could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// See there.
    #[error(transparent)]
    Table(#[from] TableError),
    /// See there.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// A body from its stored form.
pub fn encode_body<S: Serialize>(kind: &'static str, stored: &S) -> Result<Bytes, DecodeError> {
    let json = serde_json::to_vec(stored).map_err(|error| DecodeError::new(kind, error.to_string()))?;
    Ok(pack(&json))
}

/// Bytes as a body: compressed when that is shorter.
#[must_use]
pub fn pack(bytes: &[u8]) -> Bytes {
    let compressed = (bytes.len() >= COMPRESS_FROM_BYTES).then(|| compress(bytes)).flatten();
    let (tag, content) = match &compressed {
        Some(shorter) if shorter.len() < bytes.len() => (COMPRESSED, shorter.as_slice()),
        Some(_) | None => (PLAIN, bytes),
    };
    let mut body = Vec::with_capacity(content.len() + 1);
    body.push(tag);
    body.extend_from_slice(content);
    body.into()
}

/// The bytes of a body that `pack` made.
///
/// # Errors
/// It is no such body.
pub fn unpack(kind: &'static str, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match body.split_first() {
        Some((&PLAIN, content)) => Ok(content.to_vec()),
        Some((&COMPRESSED, content)) => decompress(content).map_err(|error| DecodeError::new(kind, error.to_string())),
        Some(_) | None => Err(DecodeError::new(kind, "unknown encoding of the body")),
    }
}

// Making a context costs more than using it on bodies of this size: each thread keeps its own.
thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(COMPRESSION_LEVEL).ok());
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// None if it cannot be compressed: the body stays as it is then.
fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(bytes).ok())
}

fn decompress(content: &[u8]) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|context| {
        let mut bytes = Vec::with_capacity(content.len() * 4);
        Decoder::with_context(content, context).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// A stored form from a body.
///
/// # Errors
/// The body is not of this form.
pub fn decode_body<S: DeserializeOwned>(kind: &'static str, body: &[u8]) -> Result<S, DecodeError> {
    let json = unpack(kind, body)?;
    // serde's message names fields and positions, never content.
    serde_json::from_slice(&json).map_err(|error| DecodeError::new(kind, error.to_string()))
}

/// The item of a record in a version.
///
/// # Errors
/// The stored form cannot be written as JSON (it always can, short of a map with odd keys).
pub fn to_item<R: Record>(scope: Scope, record: &R, version: u64) -> Result<Item, DecodeError> {
    Ok(Item {
        version,
        entries: record.entries(scope),
        expires_at: record.expires_at(),
        ..Item::new(record.key(scope), R::KIND, R::SCHEMA, encode_body(R::KIND, &record.to_stored())?)
    })
}

/// Whether the item holds what this program can read.
pub(crate) fn check_kind<R: Record>(item: &Item) -> Result<(), DecodeError> {
    if item.kind != R::KIND {
        return Err(DecodeError::new(R::KIND, format!("the item is a `{}`", item.kind)));
    }
    if item.schema > R::SCHEMA {
        return Err(DecodeError::new(R::KIND, format!("schema {} is newer than this program", item.schema)));
    }
    Ok(())
}

/// The record of an item.
///
/// # Errors
/// The item is of another kind, of a newer schema, or unreadable.
pub fn from_item<R: Record>(item: &Item) -> Result<Versioned<R>, DecodeError> {
    check_kind::<R>(item)?;
    let value = R::from_stored(decode_body(R::KIND, &item.body)?)?;
    Ok(Versioned { value, version: item.version })
}
