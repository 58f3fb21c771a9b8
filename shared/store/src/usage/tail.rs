//! The tail of a log: the chunks that are not folded. Who reads how much of it, and how closings seal it.
//!
//! Of the copies of an id in the tail one counts: that in the earliest epoch that was sealed, then the first received
//! (`chunk::by_reception`), then the one that stands first by the chunk's name and its place in the chunk. Every list
//! of chunks here is in the order of names, whatever partitions they come from: so readers and folds agree.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta};
use domain::time::Instant;

use super::body_of;
use super::chunk::Unpacked;
use super::head::{ATTEMPTS_MAX, ChunkName, Found, Head, Log, Trouble};
use crate::keys;
use crate::record::DecodeError;
use crate::table::{Item, Key, Query, Table};

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

    /// Whether no message that was received before its events can still be on its way into the log, or nobody waits for
    /// one: whatever the clock of its writer says.
    pub(super) fn is_past(&self, now: Instant, margin: TimeDelta) -> bool {
        self.epoch.is_some() || margin <= TimeDelta::zero() || now - self.arrived_at() >= margin
    }

    pub(super) fn bytes(&self) -> usize {
        self.item.body.len()
    }
}

/// What a fold looks at.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// By epoch, then by name: nothing that comes later may be counted before it, but for what was received earlier.
    pub(super) chunks: Vec<Chunk>,
    /// Whether there is more.
    pub(super) is_cut: bool,
    /// Sealed chunks that are not there any more: a late repetition of what was folded, and its late removal.
    pub(super) missing: HashSet<ChunkName>,
}

/// How far one partition has been read.
struct Shard {
    query: Query,
    last: Option<ChunkName>,
    is_done: bool,
}

fn name_of(item: &Item) -> Result<ChunkName, DecodeError> {
    keys::chunk_name(&item.key.sort).ok_or_else(|| DecodeError::new(super::CHUNK, "its key is none of a chunk"))
}

impl Head {
    /// The epochs of sealed chunks.
    fn epochs(&self) -> HashMap<ChunkName, usize> {
        let epochs = self.sealed.iter().enumerate();
        epochs.flat_map(|(epoch, names)| names.iter().map(move |name| (*name, epoch))).collect()
    }

    /// Says of chunks in which epoch they are.
    pub(super) fn number_epochs(&self, chunks: &mut [Chunk]) {
        let epochs = self.epochs();
        for chunk in chunks {
            chunk.epoch = epochs.get(&chunk.name).copied();
        }
    }
}

impl Found {
    fn shards(&self, log: &Log<'_>) -> Vec<Shard> {
        let partition = log.partition();
        let query = |shard| Query::prefix(keys::log_shard(&partition, shard), keys::CHUNKS);
        (0..self.head.shards.max(1)).map(|shard| Shard { query: query(shard), last: None, is_done: false }).collect()
    }

    /// Chunks that are folded, among them all that may still be there.
    fn folded(&self) -> HashSet<ChunkName> {
        self.head.folded.iter().chain(&self.head.gone.chunks).copied().collect()
    }

    /// All chunks that are not folded, by name. A query per shard.
    ///
    /// Whoever means to seal them gets `TooMuch` if they are more than a closing can look at.
    pub(super) async fn tail(
        &self,
        table: &dyn Table,
        log: &Log<'_>,
        is_to_be_sealed: bool,
    ) -> Result<Vec<Chunk>, Trouble> {
        let (folded, epochs) = (self.folded(), self.head.epochs());
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut bytes = 0;
        for mut shard in self.shards(log) {
            while !shard.is_done {
                for item in shard.next(table).await? {
                    let name = name_of(&item)?;
                    if !folded.contains(&name) {
                        bytes += item.body.len();
                        chunks.push(Chunk { name, epoch: epochs.get(&name).copied(), item });
                    }
                }
                if is_to_be_sealed && (chunks.len() > log.limits.sealed_chunks || bytes > log.limits.sealed_bytes) {
                    return Err(Trouble::TooMuch);
                }
            }
        }
        chunks.sort_by_key(|chunk| chunk.name);
        Ok(chunks)
    }

    /// The chunks that the next fold should look at: what closings have sealed, as much of it as one fold takes; and if
    /// that is all of it, the unsealed chunks that arrived first, twice as many as one fold takes. So the copies of
    /// what it takes are mostly before its eyes, and what it reads has a bound.
    pub(super) async fn backlog(&self, table: &dyn Table, log: &Log<'_>) -> Result<Backlog, Trouble> {
        let mut backlog = Backlog::default();
        let mut bytes = 0;
        for (epoch, names) in self.head.sealed.iter().enumerate() {
            let is_full = backlog.chunks.len() + names.len() > log.limits.fold_chunks || bytes > log.limits.fold_bytes;
            if is_full && !backlog.chunks.is_empty() {
                backlog.is_cut = true;
                return Ok(backlog);
            }
            for (name, item) in names.iter().zip(chunks_by_name(table, log, names).await?) {
                match item {
                    Some(item) => {
                        bytes += item.body.len();
                        backlog.chunks.push(Chunk { name: *name, epoch: Some(epoch), item });
                    }
                    None => {
                        backlog.missing.insert(*name);
                    }
                }
            }
        }

        let known: HashSet<ChunkName> = self.folded().into_iter().chain(self.head.epochs().into_keys()).collect();
        let mut unsealed: Vec<Chunk> = Vec::new();
        let mut shards = self.shards(log);
        // What lies beyond this name has not been read in every partition.
        let read_until = |shards: &[Shard]| shards.iter().filter(|shard| !shard.is_done).map(|shard| shard.last).min();
        while let Some(until) = read_until(&shards) {
            let whole = || unsealed.iter().filter(|chunk| Some(chunk.name) <= until);
            let is_enough = whole().count() >= 2 * log.limits.fold_chunks
                || whole().map(Chunk::bytes).sum::<usize>() >= 2 * log.limits.fold_bytes;
            if is_enough {
                unsealed.retain(|chunk| Some(chunk.name) <= until);
                backlog.is_cut = true;
                break;
            }
            // The one that is least far.
            let Some(shard) = shards.iter_mut().find(|shard| !shard.is_done && shard.last == until) else { break };
            for item in shard.next(table).await? {
                let name = name_of(&item)?;
                if !known.contains(&name) {
                    unsealed.push(Chunk { name, epoch: None, item });
                }
            }
        }
        backlog.chunks.append(&mut unsealed);
        backlog.chunks.sort_by_key(|chunk| (chunk.rank(), chunk.name));
        Ok(backlog)
    }

    /// Seals what of the tail is not: from now on it comes before whatever arrives later. One write.
    ///
    /// An epoch is what one fold can take. What is more becomes several of them, by what was received first in each
    /// chunk. `TooMuch` only if the head cannot hold the names, or a closing not all of the chunks.
    ///
    /// What others write into the head meanwhile is taken over, also a fold: what it took is not in the tail any more.
    /// `Changed` if that does not tell all that is in the log now: start again.
    pub(super) async fn seal(
        &mut self,
        table: &dyn Table,
        log: &Log<'_>,
        tail: &mut Vec<Chunk>,
    ) -> Result<(), Trouble> {
        for _ in 0..ATTEMPTS_MAX {
            let unsealed: Vec<&Chunk> = tail.iter().filter(|chunk| chunk.epoch.is_none()).collect();
            if unsealed.is_empty() {
                return Ok(());
            }
            let names = self.head.sealed.iter().map(Vec::len).sum::<usize>() + unsealed.len();
            if names > log.limits.sealed_chunks {
                return Err(Trouble::TooMuch);
            }
            let before = self.head.clone();
            self.head.sealed.extend(in_epochs(log, unsealed)?);
            match self.store(table, log).await {
                Ok(()) => {
                    self.head.number_epochs(tail);
                    return Ok(());
                }
                Err(Trouble::Changed) => {}
                Err(trouble) => return Err(trouble),
            }
            // The tail is still all that is not folded, as long as the head names what was folded since it was read...
            let now = Found::load(table, log).await?;
            if !now.head.is_same_or_next(&before) {
                return Err(Trouble::Changed);
            }
            // ...and all that is sealed. What arrived after it was read, and another closing has sealed, counts before
            // what this one would seal now: an invoice that had not seen it would count other copies than are counted
            // ever after.
            let read: HashSet<ChunkName> = tail.iter().map(|chunk| chunk.name).collect();
            if !now.head.sealed.iter().flatten().all(|name| read.contains(name)) {
                return Err(Trouble::Changed);
            }
            *self = now;
            let folded = self.folded();
            tail.retain(|chunk| !folded.contains(&chunk.name));
            self.head.number_epochs(tail);
        }
        Err(Trouble::Changed)
    }
}

impl Shard {
    /// The next page.
    async fn next(&mut self, table: &dyn Table) -> Result<Vec<Item>, Trouble> {
        let page = table.query(&self.query).await?;
        if let Some(item) = page.items.last() {
            self.last = Some(name_of(item)?);
        }
        self.is_done = page.next.is_none();
        self.query.after = page.next;
        Ok(page.items)
    }
}

/// The chunks of these names, where they are still there.
pub(super) async fn chunks_by_name(
    table: &dyn Table,
    log: &Log<'_>,
    names: &[ChunkName],
) -> Result<Vec<Option<Item>>, Trouble> {
    let partition = log.partition();
    let keys: Vec<Key> =
        names.iter().map(|(arrival, part)| keys::chunk_key(&partition, *arrival, *part as usize)).collect();
    Ok(table.get_many(&keys).await?)
}

/// As few epochs as hold the chunks; one, if it does.
fn in_epochs(log: &Log<'_>, chunks: Vec<&Chunk>) -> Result<Vec<Vec<ChunkName>>, DecodeError> {
    let fits = |count: usize, bytes: usize| count <= log.limits.epoch_chunks && bytes <= log.limits.epoch_bytes;
    if fits(chunks.len(), chunks.iter().map(|chunk| chunk.bytes()).sum()) {
        return Ok(vec![chunks.iter().map(|chunk| chunk.name).collect()]);
    }
    let mut by_reception = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        by_reception.push((chunk.unpacked()?.first_reception()?, chunk.name, chunk.bytes()));
    }
    by_reception.sort_unstable();
    let mut epochs: Vec<Vec<ChunkName>> = Vec::new();
    let mut bytes = 0;
    for (_, name, its_bytes) in by_reception {
        bytes += its_bytes;
        match epochs.last_mut() {
            Some(epoch) if fits(epoch.len() + 1, bytes) => epoch.push(name),
            Some(_) | None => {
                bytes = its_bytes;
                epochs.push(vec![name]);
            }
        }
    }
    Ok(epochs)
}
