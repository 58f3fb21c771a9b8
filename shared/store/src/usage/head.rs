//! The head of a log: what has been folded, and what stands where.
//!
//! Everything that a fold writes stands under a **generation**, a number of its own that no other attempt ever has (but
//! for pages of merges, which every attempt writes alike: see `seen`), and is reached through the head alone: what an
//! attempt left behind that never came to flip the head is seen by nobody. A reader takes the head, reads the chunks
//! that are not folded and what the head names, and looks at the head again: as long as the generation is the same, or
//! the next one, nothing that it named has been removed meanwhile. What a fold replaced stays until the fold after it
//! is finished, or a fold is asked for that has nothing to do, a minute later or more: so a reader has the time of a
//! whole fold. Chunks go as soon as they are folded, or every reader would read them for nothing; but the head names
//! those of the last fold, and a reader whom that overtook has either read them, or starts again.
//!
//! A chunk is **folded** once a head names it so, until it is removed; any other chunk in the log is not, whenever it
//! appeared. So no writer can be too late: what it repeats was counted before, and is left out.
//!
//! Chunks that a closing has looked at are **sealed**, in epochs: of the copies of an id in unfolded chunks that in the
//! earliest epoch counts, then the first received. So what an invoice has counted stays counted, and in that window,
//! whatever copies arrive later. A closing may seal while a fold is under way: see `fold`.

use std::collections::HashSet;

use bytes::Bytes;
use domain::id::OrganizationId;
use domain::usage::digest::Hour;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dictionary::DictionaryRef;
use super::shelf::ShelfRef;
use super::tail::Chunk;
use super::{Limits, LogName};
use crate::keys;
use crate::record::{DecodeError, LoadError, pack, unpack};
use crate::table::{Condition, Item, Key, Table, TableError, TransactError, Write};

/// Kind of heads.
pub(super) const HEAD: &str = "log_head";
const SCHEMA: u32 = 1;

/// Bytes of a head from which on somebody should look.
const BYTES_WARNED: usize = 200_000;

/// Times that a reader starts again because a fold finished beside it.
pub(super) const ATTEMPTS_MAX: usize = 8;

/// The log of a metric's code and an external subscription id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log<'a> {
    pub(super) organization: OrganizationId,
    pub(super) external_subscription_id: &'a str,
    pub(super) code: &'a str,
    pub(super) limits: &'a Limits,
}

impl<'a> Log<'a> {
    pub(super) fn new(organization: OrganizationId, name: impl Into<LogName<'a>>) -> Log<'a> {
        let LogName { external_subscription_id, code, limits } = name.into();
        Log { organization, external_subscription_id, code, limits }
    }

    pub(super) fn partition(&self) -> String {
        keys::usage_log(self.organization, self.external_subscription_id, self.code)
    }

    fn head(&self) -> Key {
        keys::usage_head(self.organization, self.external_subscription_id, self.code)
    }

    /// An item that a fold wrote.
    pub(super) fn folded(&self, place: Folded) -> Key {
        keys::folded(&self.partition(), place.generation, place.number)
    }
}

/// A chunk within its log: arrival and part.
pub(super) type ChunkName = (Uuid, u32);

/// An item that a fold wrote, within its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Folded {
    pub(super) generation: u64,
    pub(super) number: u32,
}

/// A page: the hours from `from` until the next page's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageRef {
    /// The page takes events of this hour and later.
    pub(super) from: Hour,
    /// First and last hour that has events.
    pub(super) first: Hour,
    pub(super) last: Hour,
    /// Hours with their digests and segments.
    pub(super) hours: Folded,
    /// All of its hours as one digest; none if that would be too much.
    pub(super) summary: Option<Folded>,
    /// The definition of its digests.
    pub(super) definition: Uuid,
}

/// Fingerprints of counted ids, in pages of equal stretches of all fingerprints, one number after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRef {
    pub(super) first: Folded,
    pub(super) pages: u32,
    pub(super) ids: u64,
}

/// Runs that become one, stretch by stretch: fingerprints below `done` stand in `into`, the others in `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Merge {
    pub(super) from: Vec<RunRef>,
    pub(super) into: RunRef,
    pub(super) done: u64,
}

/// Chunks and items that may be removed, and may still be there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Gone {
    pub(super) chunks: Vec<ChunkName>,
    pub(super) items: Vec<Folded>,
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    external_subscription_id: String,
    code: String,
    /// The last fold that was finished; 0 for none.
    pub(super) generation: u64,
    /// The fold before it, as long as all items that its head names are still there.
    pub(super) previous: Option<u64>,
    /// When the last fold was finished, microseconds.
    pub(super) flipped_at: i64,
    /// The last generation that an attempt took.
    pub(super) taken: u64,
    /// The attempt under way: its generation and when it began, microseconds.
    pub(super) under_way: Option<(u64, i64)>,
    /// Attempts that never finished and may have left items behind.
    pub(super) abandoned: Vec<u64>,
    /// Partitions that chunks are spread over, at least 1.
    pub(super) shards: u32,
    /// Chunks that closings looked at, in epochs, until they are folded.
    pub(super) sealed: Vec<Vec<ChunkName>>,
    /// Chunks that the last fold folded: readers of the head before must have read them.
    pub(super) folded: Vec<ChunkName>,
    /// Items of earlier folds that the last one replaced. The head before names them.
    pub(super) superseded: Vec<Folded>,
    /// What nobody needs any more.
    pub(super) gone: Gone,
    /// By `from`; without those on shelves.
    pub(super) pages: Vec<PageRef>,
    /// By `from`.
    pub(super) shelves: Vec<ShelfRef>,
    pub(super) runs: Vec<RunRef>,
    pub(super) merges: Vec<Merge>,
    /// By block.
    pub(super) dictionaries: Vec<DictionaryRef>,
    /// Events in segments.
    pub(super) events: u64,
}

impl Head {
    pub(super) fn new(log: &Log<'_>) -> Head {
        Head {
            external_subscription_id: log.external_subscription_id.to_owned(),
            code: log.code.to_owned(),
            generation: 0,
            previous: None,
            flipped_at: 0,
            taken: 0,
            under_way: None,
            abandoned: Vec::new(),
            shards: 1,
            sealed: Vec::new(),
            folded: Vec::new(),
            superseded: Vec::new(),
            gone: Gone::default(),
            pages: Vec::new(),
            shelves: Vec::new(),
            runs: Vec::new(),
            merges: Vec::new(),
            dictionaries: Vec::new(),
            events: 0,
        }
    }

    pub(super) fn decode(item: &Item) -> Result<Head, DecodeError> {
        if item.kind != HEAD || item.schema > SCHEMA {
            return Err(DecodeError::new(HEAD, format!("`{}` of schema {}", item.kind, item.schema)));
        }
        postcard::from_bytes(&unpack(HEAD, &item.body)?).map_err(|error| DecodeError::new(HEAD, error.to_string()))
    }

    pub(super) fn body(&self) -> Result<Bytes, DecodeError> {
        let plain = postcard::to_allocvec(self).map_err(|error| DecodeError::new(HEAD, error.to_string()))?;
        Ok(pack(&plain))
    }

    /// Whether something is to be removed; in a log that has been left alone also what its last fold replaced.
    pub(super) fn is_unclean(&self, is_left_alone: bool) -> bool {
        self.gone != Gone::default()
            || !self.abandoned.is_empty()
            || self.under_way.is_some()
            || (is_left_alone && self.previous.is_some())
    }

    /// Nobody reads by the head before the last fold any more.
    pub(super) fn let_go(&mut self) {
        self.previous = None;
        self.folded.clear();
        self.gone.items.append(&mut self.superseded);
    }

    /// Whether at most one fold was finished since `before`: all items that it names are still there, and this
    /// one names the chunks that were folded since.
    pub(super) fn is_same_or_next(&self, before: &Head) -> bool {
        self.generation == before.generation || self.previous == Some(before.generation)
    }

    /// Whether closings have sealed chunks since `before`, and nothing else has happened.
    pub(super) fn has_only_sealed_since(&self, before: &Head) -> bool {
        self.sealed.starts_with(&before.sealed) && Head { sealed: self.sealed.clone(), ..before.clone() } == *self
    }

    /// The place of the page that takes events of an hour, which is on no shelf.
    pub(super) fn page_at(&self, hour: Hour) -> usize {
        self.pages.partition_point(|page| page.from <= hour).saturating_sub(1)
    }
}

/// A head as it was read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) head: Head,
    /// 0 if there is none yet.
    version: u64,
}

/// What a reader or writer of a log met.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// A fold or a closing changed the log meanwhile: start again from the head.
    #[error("the log changed meanwhile")]
    Changed,
    /// More is unfolded than a closing can look at: fold first.
    #[error("the log must be folded first")]
    TooMuch,
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl From<TableError> for Trouble {
    fn from(error: TableError) -> Trouble {
        Trouble::Load(error.into())
    }
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Trouble {
        Trouble::Load(error.into())
    }
}

/// The error of a reader that a fold overtook again and again.
pub(super) fn overtaken() -> LoadError {
    TableError::Unavailable("folds overtook a reader of a usage log too often".into()).into()
}

impl Found {
    /// One read.
    pub(super) async fn load(table: &dyn Table, log: &Log<'_>) -> Result<Found, LoadError> {
        let item = table.get(&log.head()).await?;
        Ok(match item {
            Some(item) => Found { head: Head::decode(&item)?, version: item.version },
            None => Found { head: Head::new(log), version: 0 },
        })
    }

    /// Stores the head if nobody else did since it was read.
    pub(super) async fn store(&mut self, table: &dyn Table, log: &Log<'_>) -> Result<(), Trouble> {
        let body = self.head.body()?;
        if body.len() > BYTES_WARNED {
            let (key, bytes) = (log.head(), body.len());
            tracing::warn!(bytes, "the head of the usage log {key} is large: above 400 KB it cannot be written");
        }
        let item = Item { version: self.version + 1, ..Item::new(log.head(), HEAD, SCHEMA, body) };
        let condition = if self.version == 0 { Condition::Absent } else { Condition::Version(self.version) };
        match table.transact(vec![Write::Put(item, condition)]).await {
            Ok(()) => {
                self.version += 1;
                Ok(())
            }
            Err(TransactError::Conditions(_) | TransactError::Contended) => Err(Trouble::Changed),
            Err(TransactError::Table(error)) => Err(error.into()),
        }
    }

    /// Whether all items that this head names are still there. One read.
    pub(super) async fn items_still_stand(&self, table: &dyn Table, log: &Log<'_>) -> Result<bool, LoadError> {
        Ok(Found::load(table, log).await?.head.is_same_or_next(&self.head))
    }

    /// Whether all items that this head names are still there, and `tail`, which was read after it, has all chunks that
    /// are not folded in this head. One read.
    pub(super) async fn still_stands(
        &self,
        table: &dyn Table,
        log: &Log<'_>,
        tail: &[Chunk],
    ) -> Result<bool, LoadError> {
        let now = Found::load(table, log).await?.head;
        if now.generation == self.head.generation {
            return Ok(true);
        }
        let read: HashSet<ChunkName> = tail.iter().map(|chunk| chunk.name).collect();
        Ok(now.is_same_or_next(&self.head) && now.folded.iter().all(|name| read.contains(name)))
    }
}
