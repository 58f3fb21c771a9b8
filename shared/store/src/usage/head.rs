//! The head of a log: what has been folded, and what stands where.
//!
//! Everything that a fold writes stands under a **generation**, a number of its own that no other attempt ever has (but for
//! pages of merges, which every attempt writes alike: see `seen`), and is reached through the head alone: what an attempt left behind that never came to flip the head is seen by nobody.
//! A reader takes the head, reads what it names, and looks at the head again: as long as the generation is the same,
//! nothing that it named has been removed meanwhile.
//!
//! A chunk is **folded** once a head names it so, until it is removed; any other chunk in the log is not, whenever it
//! appeared. So no writer can be too late: what it repeats was counted before, and is left out.
//!
//! Chunks that a closing has looked at are **sealed**, in epochs: of the copies of an id in unfolded chunks that in the
//! earliest epoch counts, then the first received. So what an invoice has counted stays counted, and in that window,
//! whatever copies arrive later.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::digest::Hour;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chunk::Unpacked;
use super::shelf::ShelfRef;
use super::{Limits, LogName, all_items, body_of};
use crate::keys;
use crate::record::{DecodeError, LoadError, pack, unpack};
use crate::table::{Condition, Item, Key, Query, Table, TableError, TransactError, Write};

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

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    external_subscription_id: String,
    code: String,
    /// The last fold that was finished; 0 for none.
    pub(super) generation: u64,
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
    /// Folded chunks that may still be there.
    pub(super) folded: Vec<ChunkName>,
    /// Items of earlier folds that nothing names any more and that may still be there.
    pub(super) superseded: Vec<Folded>,
    /// By `from`; without those on shelves.
    pub(super) pages: Vec<PageRef>,
    /// By `from`.
    pub(super) shelves: Vec<ShelfRef>,
    pub(super) runs: Vec<RunRef>,
    pub(super) merges: Vec<Merge>,
    /// Events in segments.
    pub(super) events: u64,
}

impl Head {
    pub(super) fn new(log: &Log<'_>) -> Head {
        Head {
            external_subscription_id: log.external_subscription_id.to_owned(),
            code: log.code.to_owned(),
            generation: 0,
            taken: 0,
            under_way: None,
            abandoned: Vec::new(),
            shards: 1,
            sealed: Vec::new(),
            folded: Vec::new(),
            superseded: Vec::new(),
            pages: Vec::new(),
            shelves: Vec::new(),
            runs: Vec::new(),
            merges: Vec::new(),
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
    /// More is unfolded than an epoch may hold: fold first.
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

    /// Whether what this head names is still there. One read.
    pub(super) async fn still_stands(&self, table: &dyn Table, log: &Log<'_>) -> Result<bool, LoadError> {
        let now = Found::load(table, log).await?;
        Ok(now.head.generation == self.head.generation)
    }

    /// The chunks that are not folded, in order of arrival within their shard. A query per shard.
    pub(super) async fn tail(&self, table: &dyn Table, log: &Log<'_>) -> Result<Vec<Chunk>, LoadError> {
        let folded: HashSet<ChunkName> = self.head.folded.iter().copied().collect();
        let epochs: HashMap<ChunkName, usize> = self
            .head
            .sealed
            .iter()
            .enumerate()
            .flat_map(|(epoch, names)| names.iter().map(move |name| (*name, epoch)))
            .collect();
        let mut chunks = Vec::new();
        let partition = log.partition();
        for shard in 0..self.head.shards.max(1) {
            let query = Query::prefix(keys::log_shard(&partition, shard), keys::CHUNKS);
            for item in all_items(table, query).await? {
                let name = keys::chunk_name(&item.key.sort);
                let name = name.ok_or_else(|| DecodeError::new(super::CHUNK, "its key is none of a chunk"))?;
                if !folded.contains(&name) {
                    chunks.push(Chunk { name, epoch: epochs.get(&name).copied(), item });
                }
            }
        }
        Ok(chunks)
    }

    /// Seals what of the tail is not: from now on it comes before whatever arrives later.
    pub(super) async fn seal(&mut self, table: &dyn Table, log: &Log<'_>, tail: &mut [Chunk]) -> Result<(), Trouble> {
        let epoch = self.head.sealed.len();
        let unsealed = || tail.iter().filter(|chunk| chunk.epoch.is_none());
        let bytes = unsealed().map(|chunk| chunk.item.body.len()).sum::<usize>();
        let unsealed: Vec<ChunkName> = unsealed().map(|chunk| chunk.name).collect();
        if unsealed.is_empty() {
            return Ok(());
        }
        if unsealed.len() > log.limits.epoch_chunks || (bytes > log.limits.epoch_bytes && unsealed.len() > 1) {
            return Err(Trouble::TooMuch);
        }
        self.head.sealed.push(unsealed);
        self.store(table, log).await?;
        for chunk in tail.iter_mut() {
            chunk.epoch = Some(chunk.epoch.unwrap_or(epoch));
        }
        Ok(())
    }
}

/// A chunk that is not folded.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) name: ChunkName,
    /// The epoch in which it was sealed.
    pub(super) epoch: Option<usize>,
    pub(super) item: Item,
}

impl Chunk {
    /// Events of unsealed chunks count after all others.
    pub(super) fn rank(&self) -> usize {
        self.epoch.unwrap_or(usize::MAX)
    }

    pub(super) fn unpacked(&self) -> Result<Unpacked, DecodeError> {
        Unpacked::new(self.rank(), body_of(&self.item)?)
    }

    /// When it arrived, by the clock of its writer.
    pub(super) fn arrived_at(&self) -> Instant {
        let time = self.name.0.get_timestamp().map(|time| time.to_unix());
        time.and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos))
            .unwrap_or_default()
    }

    /// Whether no message that was received before its events can still be on its way into the log.
    pub(super) fn is_past(&self, now: Instant, margin: TimeDelta) -> bool {
        self.epoch.is_some() || now - self.arrived_at() >= margin
    }
}
