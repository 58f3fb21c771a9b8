//! Folding: chunks become segments and digests, and every id is counted once for ever.
//!
//! One attempt: take a generation (a conditional write of the head), write segments, pages and runs under it, flip the head
//! in one conditional write, remove what nobody needs any more, and say in the head that it is gone. An attempt may die
//! after any of these: before the flip nothing has happened but garbage, after it the next attempt goes on removing.
//! Two attempts at once: only one of them flips.
//!
//! A fold takes some chunks and looks at more: of the copies of an id in what it takes that is counted which counts
//! among all that it looks at, wherever it stands; where it stands beside what is taken, it will be a copy of itself.
//!
//! A closing that seals chunks meanwhile does not stop a fold: what it chose is compared with what counts by the new
//! epochs, and only if it is another copy the attempt is given up, at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::dictionary::block_of;
use domain::usage::digest::{Digester, Hour, hour_of};
use domain::usage::event::Event;
use uuid::Uuid;

use super::chunk::{self, Recorded, by_reception};
use super::head::{ATTEMPTS_MAX, ChunkName, Folded, Found, Head, Log, PageRef, Trouble};
use super::page::{HourOf, Page, summary_item};
use super::seen::{self, named};
use super::segment;
use super::shelf::ShelfRef;
use super::tail::{Backlog, Chunk, chunks_by_name};
use super::{Limits, all_items, body_of, dictionary};
use crate::keys;
use crate::record::{DecodeError, LoadError};
use crate::table::{Item, Key, Query, Table};

/// Chunks below which folding is not worth its writes.
pub const CHUNKS_MIN: usize = 16;

/// How long a chunk rests before it is folded unless it is sealed: longer than a message that failed once takes to come
/// again, so that the first received of two copies counts even if it is the second to arrive.
pub const MARGIN: TimeDelta = TimeDelta::seconds(150);

/// How long an attempt is left alone. It takes seconds; two at once do no harm, but one of them works for nothing.
const ATTEMPT: TimeDelta = TimeDelta::seconds(60);

/// What to fold.
pub struct Request<'a> {
    /// Whose log.
    pub organization: OrganizationId,
    /// Of which external subscription id; empty for events without one.
    pub external_subscription_id: &'a str,
    /// Of which metric's code.
    pub code: &'a str,
    /// Makes the digests; none if no live metric has the code: then segments are all there is.
    pub digester: Option<&'a Digester<'a>>,
    /// The real clock.
    pub now: Instant,
    /// How long chunks rest: [`MARGIN`].
    pub margin: TimeDelta,
    /// Chunks below which nothing happens: [`CHUNKS_MIN`].
    pub chunks_min: usize,
}

/// What a fold did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Nothing,
    /// Somebody else is at it, or was faster.
    Busy,
    /// It folded.
    Done {
        /// Chunks folded.
        chunks: usize,
        /// Events counted for the first time.
        events: usize,
        /// Whether there is more to do at once.
        is_more: bool,
    },
}

/// Folds what a log holds, once.
///
/// # Errors
/// The table did not answer, or an item cannot be read. Nothing is lost: the next fold goes on.
pub async fn fold(table: &dyn Table, request: &Request<'_>) -> Result<Outcome, LoadError> {
    fold_within(table, request, &Limits::PRODUCTION).await
}

/// The same as `fold`, with other sizes than those of production.
///
/// # Errors
/// As for `fold`.
pub async fn fold_within(table: &dyn Table, request: &Request<'_>, limits: &Limits) -> Result<Outcome, LoadError> {
    let log = Log {
        organization: request.organization,
        external_subscription_id: request.external_subscription_id,
        code: request.code,
        limits,
    };
    for _ in 0..ATTEMPTS_MAX {
        match attempt(table, &log, request).await {
            Ok(outcome) => return Ok(outcome),
            // A closing sealed something: once more, unless another fold is at it.
            Err(Trouble::Changed) => {}
            // Nobody seals here.
            Err(Trouble::TooMuch) => break,
            Err(Trouble::Load(error)) => return Err(error),
        }
    }
    Ok(Outcome::Busy)
}

/// What an attempt is about.
struct Work {
    /// What it has read of the tail: see `Backlog`.
    chunks: Vec<Chunk>,
    /// Those that it folds.
    names: HashSet<ChunkName>,
    /// Sealed ones that are not there any more.
    missing: HashSet<ChunkName>,
    /// Whether there is more to fold at once.
    is_left: bool,
    /// Partitions that the log's chunks shall be spread over.
    shards: u32,
    /// Whether some pages' digests are of an older definition.
    is_stale: bool,
}

async fn attempt(table: &dyn Table, log: &Log<'_>, request: &Request<'_>) -> Result<Outcome, Trouble> {
    let mut found = Found::load(table, log).await?;
    let now = request.now.timestamp_micros();
    let is_fresh = |since: i64| (0..ATTEMPT.num_microseconds().unwrap_or_default()).contains(&(now - since));
    if found.head.under_way.is_some_and(|(_, since)| is_fresh(since)) {
        return Ok(Outcome::Busy);
    }
    let work = work(table, log, request, &found).await?;
    let is_idle = work.names.is_empty() && !work.is_stale && work.shards == found.head.shards;
    // What the last fold replaced is left to readers for a while.
    let is_left_alone = !is_fresh(found.head.flipped_at);
    if is_idle && !found.head.is_unclean(is_left_alone) {
        return Ok(Outcome::Nothing);
    }

    // Taken before anything is removed: an attempt that is given up can flip no more.
    found.head.abandoned.extend(found.head.under_way.take().map(|(generation, _)| generation));
    found.head.taken += 1;
    let generation = found.head.taken;
    found.head.under_way = Some((generation, now));
    if is_idle && is_left_alone {
        // Said before it is removed: whoever reads by the head before starts again.
        found.head.let_go();
    }
    found.store(table, log).await?;
    let outcome =
        if is_idle { tidy(table, log, found).await } else { make(table, log, request, &work, found, generation).await };
    if matches!(outcome, Err(Trouble::Changed)) {
        give_up(table, log, generation).await?;
    }
    outcome
}

async fn work(table: &dyn Table, log: &Log<'_>, request: &Request<'_>, found: &Found) -> Result<Work, Trouble> {
    let Backlog { chunks, is_cut, missing } = found.backlog(table, log).await?;
    let past = chunks.iter().take_while(|chunk| chunk.is_past(request.now, request.margin)).count();
    let shards = shards_for(&chunks[..past], is_cut, found.head.shards, log.limits);
    let taken = at_once(&chunks[..past], log.limits);
    let is_left = taken < past || (is_cut && past == chunks.len());
    let is_worth_it = taken >= request.chunks_min.max(1) || shards != found.head.shards;
    let names = chunks[..taken].iter().filter(|_| is_worth_it).map(|chunk| chunk.name).collect();
    // Digests of a metric that is gone harm nobody.
    let is_stale = request.digester.is_some_and(|digester| found.head.is_outdated(digester.definition()));
    Ok(Work { chunks, names, missing, is_left, shards, is_stale })
}

/// Removes what nobody needs any more. `found` is the head with this attempt under way.
async fn tidy(table: &dyn Table, log: &Log<'_>, mut found: Found) -> Result<Outcome, Trouble> {
    found.head.under_way = None;
    clean(table, log, &mut found).await?;
    Ok(Outcome::Nothing)
}

/// Makes the fold. `taken` is the head with this attempt under way.
async fn make(
    table: &dyn Table,
    log: &Log<'_>,
    request: &Request<'_>,
    work: &Work,
    taken: Found,
    generation: u64,
) -> Result<Outcome, Trouble> {
    let mut before = taken.head.clone();
    remove(table, log, &mut before).await?;
    let chosen = first_of_each_id(log, &work.chunks, &work.names)?;
    // What the fold before this one replaced is needed until this one is finished.
    before.let_go();
    let (mut head, items, events) = folded(table, log, request, &before, generation, chosen, work.is_stale).await?;
    table.put_all(items).await?;

    head.previous = Some(before.generation);
    head.generation = generation;
    head.flipped_at = request.now.timestamp_micros();
    head.under_way = None;
    head.shards = work.shards;
    let folded = work.chunks.iter().map(|chunk| chunk.name).filter(|name| work.names.contains(name));
    head.folded = folded.collect();
    head.gone.chunks.clone_from(&head.folded);
    let mut found = flip(table, log, work, taken, head).await?;

    let definition = request.digester.map_or(Uuid::nil(), Digester::definition);
    let is_stale = work.is_stale && found.head.is_outdated(definition);
    let outcome = Outcome::Done { chunks: work.names.len(), events, is_more: work.is_left || is_stale };
    tracing::debug!("folded {} of {} chunks with {events} new events", work.names.len(), work.chunks.len());
    match clean(table, log, &mut found).await {
        // It counts: whoever comes next cleans up.
        Ok(()) | Err(Trouble::Changed | Trouble::TooMuch) => Ok(outcome),
        Err(Trouble::Load(error)) => {
            tracing::warn!("removing what was folded failed: {error}");
            Ok(outcome)
        }
    }
}

/// Makes `next` the log's head in the place of `taken`, also if closings have sealed chunks since that was stored.
///
/// What a closing counts is in sealed chunks, and sealed copies come before all others. So if among all that this fold
/// has read and all that is sealed now the very copies count that it chose, it does not matter who came first.
async fn flip(table: &dyn Table, log: &Log<'_>, work: &Work, taken: Found, next: Head) -> Result<Found, Trouble> {
    let mut at = taken.clone();
    for _ in 0..ATTEMPTS_MAX {
        let mut sealed = at.head.sealed.clone();
        for epoch in &mut sealed {
            epoch.retain(|name| !work.names.contains(name) && !work.missing.contains(name));
        }
        // Epochs keep their order, not their numbers.
        sealed.retain(|epoch| !epoch.is_empty());
        at.head.clone_from(&next);
        at.head.sealed = sealed;
        match at.store(table, log).await {
            Ok(()) => return Ok(at),
            Err(Trouble::Changed) => {}
            Err(trouble) => return Err(trouble),
        }
        at = Found::load(table, log).await?;
        if at.head.generation == next.generation {
            // It was stored, and the answer was lost on the way.
            return Ok(at);
        }
        if !at.head.has_only_sealed_since(&taken.head) || !agrees(table, log, work, &taken.head, &at.head).await? {
            return Err(Trouble::Changed);
        }
    }
    Err(Trouble::Changed)
}

/// Whether the copies that a fold has chosen by the head `before` are those that count now that closings have sealed
/// more.
async fn agrees(table: &dyn Table, log: &Log<'_>, work: &Work, before: &Head, now: &Head) -> Result<bool, Trouble> {
    let is_taken = |chunk: &&Chunk| work.names.contains(&chunk.name);
    if work.chunks.iter().filter(is_taken).all(|chunk| chunk.epoch.is_some()) {
        // Every id had a copy in an earlier epoch.
        return Ok(true);
    }
    let known: HashSet<ChunkName> = work.chunks.iter().map(|chunk| chunk.name).collect();
    let sealed = now.sealed.iter().skip(before.sealed.len()).flatten();
    let others: Vec<ChunkName> = sealed.filter(|name| !known.contains(*name)).copied().collect();
    if others.len() > log.limits.fold_chunks {
        // Sealed ones are folded first: the next attempt reads them anyway.
        return Ok(false);
    }
    let mut chunks = work.chunks.clone();
    for (name, item) in others.iter().zip(chunks_by_name(table, log, &others).await?) {
        let Some(item) = item else { return Ok(false) };
        chunks.push(Chunk { name: *name, epoch: None, item });
    }
    now.number_epochs(&mut chunks);
    let by_id = |chunks: &[Chunk]| {
        let mut chosen = first_of_each_id(log, chunks, &work.names)?;
        chosen.sort_by(|a, b| a.event.transaction_id.cmp(&b.event.transaction_id));
        Ok::<_, DecodeError>(chosen)
    };
    Ok(by_id(&chunks)? == by_id(&work.chunks)?)
}

/// Says that an attempt will not finish: the next one need not wait for it, and removes what it left.
async fn give_up(table: &dyn Table, log: &Log<'_>, generation: u64) -> Result<(), Trouble> {
    for _ in 0..ATTEMPTS_MAX {
        let mut found = Found::load(table, log).await?;
        if found.head.under_way.is_none_or(|(under_way, _)| under_way != generation) {
            break;
        }
        found.head.under_way = None;
        found.head.abandoned.push(generation);
        match found.store(table, log).await {
            Err(Trouble::Changed) => {}
            stored => return stored,
        }
    }
    Ok(())
}

/// How many of these chunks one fold takes, at least one. An epoch is never torn apart: which of two copies in it counts
/// was decided by the closing that sealed it.
fn at_once(tail: &[Chunk], limits: &Limits) -> usize {
    let (mut taken, mut bytes) = (0, 0);
    let is_same_epoch = |a: &Chunk, b: &Chunk| a.epoch.is_some() && a.epoch == b.epoch;
    for block in tail.chunk_by(is_same_epoch) {
        bytes += block.iter().map(Chunk::bytes).sum::<usize>();
        if taken > 0 && (taken + block.len() > limits.fold_chunks || bytes > limits.fold_bytes) {
            break;
        }
        taken += block.len();
    }
    taken
}

/// Removes what nobody needs any more, and says so.
async fn clean(table: &dyn Table, log: &Log<'_>, found: &mut Found) -> Result<(), Trouble> {
    remove(table, log, &mut found.head).await?;
    found.store(table, log).await
}

/// Removes what nobody needs any more, and forgets it.
async fn remove(table: &dyn Table, log: &Log<'_>, head: &mut Head) -> Result<(), Trouble> {
    let partition = log.partition();
    let gone = std::mem::take(&mut head.gone);
    let chunks = gone.chunks.iter().map(|(arrival, part)| keys::chunk_key(&partition, *arrival, *part as usize));
    let mut gone: Vec<Key> = chunks.chain(gone.items.iter().map(|place| log.folded(*place))).collect();
    for generation in std::mem::take(&mut head.abandoned) {
        for shard in 0..keys::FOLDED_SHARDS {
            let query = Query::prefix(keys::log_shard(&partition, shard), &keys::folded_generation(generation));
            gone.extend(all_items(table, query).await?.into_iter().map(|item| item.key));
        }
    }
    Ok(table.delete_all(&gone).await?)
}

/// The head that a fold makes, the items that it names beside those of before, and the number of events counted anew.
async fn folded(
    table: &dyn Table,
    log: &Log<'_>,
    request: &Request<'_>,
    before: &Head,
    generation: u64,
    recorded: Vec<Recorded>,
    is_stale: bool,
) -> Result<(Head, Vec<Item>, usize), Trouble> {
    let mut head = before.clone();
    let ids = recorded.iter().map(|it| it.event.transaction_id.as_str());
    let counted = seen::counted(table, log, before, ids).await?;
    let fresh: Vec<Recorded> = recorded.into_iter().filter(|it| !counted.contains(&it.event.transaction_id)).collect();
    let count = fresh.len();
    head.events += count as u64;

    let mut number = 0;
    let mut items = Vec::new();
    let seen = fresh.iter().map(|it| (seen::of(&it.event.transaction_id), hour_of(it.event.timestamp))).collect();
    items.extend(seen::add(table, log, &mut head, generation, &mut number, seen).await?);

    // The pages that change: those that get events, and some of those of an older definition.
    let definition = request.digester.map_or(Uuid::nil(), Digester::definition);
    let hours: BTreeSet<Hour> = fresh.iter().map(|it| hour_of(it.event.timestamp)).collect();
    let is_touched = |shelf: &ShelfRef| hours.range(shelf.from..shelf.to).next().is_some();
    head.unshelve(table, log, is_touched).await?;
    let is_old = |page: &PageRef| is_stale && page.definition != definition;
    if is_stale && !head.pages.iter().any(is_old) {
        let oldest = head.shelves.iter().find(|shelf| shelf.definition != Some(definition)).map(|shelf| shelf.from);
        head.unshelve(table, log, |shelf| Some(shelf.from) == oldest).await?;
    }
    let mut news: BTreeMap<Hour, Vec<Recorded>> = BTreeMap::new();
    for it in fresh {
        let from = head.pages.get(head.page_at(hour_of(it.event.timestamp))).map_or(Hour::MIN, |page| page.from);
        news.entry(from).or_default().push(it);
    }
    let stale = head.pages.iter().filter(|page| is_old(page)).take(log.limits.rebuilt_pages).map(|page| page.from);
    let touched: BTreeSet<Hour> = news.keys().copied().chain(stale).collect();
    let refs: BTreeMap<Hour, PageRef> =
        head.pages.iter().filter(|page| touched.contains(&page.from)).map(|page| (page.from, page.clone())).collect();
    let places: Vec<Folded> = refs.values().map(|page| page.hours).collect();
    let pages = named(table, log, &places).await?;
    let mut pages: HashMap<Hour, Page> = refs
        .values()
        .zip(&pages)
        .map(|(page, item)| Ok((page.from, Page::decode(item)?)))
        .collect::<Result<_, DecodeError>>()?;
    let mut budget = segment::budget(log, count);
    let mut dictionaries = dictionary::Open::new(definition);
    if request.digester.is_some_and(Digester::needs_dictionary) {
        let of_pages = pages.values().flat_map(|page| page.hours.keys().copied());
        dictionaries.open(table, log, before, hours.iter().copied().chain(of_pages).map(block_of)).await?;
    }
    for from in touched {
        let mut page = pages.remove(&from).unwrap_or_default();
        let known = refs.get(&from);
        if known.is_some_and(|known| known.definition != definition) {
            digest_again(table, log, request, &mut page, &mut dictionaries).await?;
        }
        let mut events = news.remove(&from).unwrap_or_default();
        digest(request, &mut page, &events, &mut dictionaries);
        let crowded = segment::crowded(log, &page.segments, &mut budget);
        page.segments.retain(|segment| !crowded.contains(&segment.place));
        let (pages_of, cut) = page.split(log.limits.page_bytes)?;
        let again: Vec<Folded> = crowded.into_iter().chain(cut).collect();
        events.extend(segment::events(table, log, &again).await?);
        segment::sort(&mut events);
        head.superseded.extend(again);
        if let Some(known) = known {
            head.superseded.push(known.hours);
            head.superseded.extend(known.summary);
        }
        head.pages.retain(|page| page.from != from);
        let mut events = events.as_slice();
        for (place, mut page) in pages_of.into_iter().enumerate() {
            let Some((first, last)) = page.span() else { continue };
            // Every event's hour is in one of the pages.
            let (of_page, others) = events.split_at(events.partition_point(|it| hour_of(it.event.timestamp) <= last));
            events = others;
            for (segment, item) in segment::written(log, generation, &mut number, of_page)? {
                page.segments.push(segment);
                items.push(item);
            }
            let mut next = || {
                number += 1;
                Folded { generation, number: number - 1 }
            };
            let (hours, summary_place) = (next(), next());
            let (page, item) = page.fitted(log.folded(hours), log.limits.folded_bytes)?;
            items.push(item);
            let summary = match page.summary() {
                Some(summary) => summary_item(log.folded(summary_place), &summary, log.limits.folded_bytes)?,
                None => None,
            };
            let from = if place == 0 { from } else { first };
            let summary = summary.map(|item| {
                items.push(item);
                summary_place
            });
            head.pages.push(PageRef { from, first, last, hours, summary, definition });
        }
        head.pages.sort_by_key(|page| page.from);
    }
    items.extend(dictionaries.written(log, &mut head, generation, &mut number)?);
    items.extend(head.shelve(log, generation, &mut number)?);
    Ok((head, items, count))
}

/// The events of the ids in the chunks of these names, each id once: of an earlier epoch before a later one, then the
/// first received. Of all the copies in all of `chunks`: one that is not in the chunks of these names will be a copy of
/// it.
fn first_of_each_id(log: &Log<'_>, chunks: &[Chunk], names: &HashSet<ChunkName>) -> Result<Vec<Recorded>, DecodeError> {
    let mut recorded: Vec<((usize, ChunkName), Recorded)> = Vec::new();
    for chunk in chunks.iter().filter(|chunk| names.contains(&chunk.name)) {
        let events = chunk::decode(log.organization, body_of(&chunk.item)?)?;
        recorded.extend(events.into_iter().map(|event| ((chunk.rank(), chunk.name), event)));
    }
    let mut others = Vec::new();
    {
        let ids: HashSet<&str> = recorded.iter().map(|(_, it)| it.event.transaction_id.as_str()).collect();
        for chunk in chunks.iter().filter(|chunk| !names.contains(&chunk.name)) {
            let events = chunk.unpacked()?.of_ids(log.organization, &ids)?;
            others.extend(events.into_iter().map(|event| ((chunk.rank(), chunk.name), event)));
        }
    }
    recorded.append(&mut others);
    // Stable: copies in one chunk that are equal in all of this keep their places.
    recorded.sort_by(|((rank, name), a), ((other_rank, other_name), b)| {
        let by_reception = by_reception(&a.event).cmp(&by_reception(&b.event));
        rank.cmp(other_rank).then(by_reception).then(name.cmp(other_name))
    });
    let mut seen = HashSet::with_capacity(recorded.len());
    recorded.retain(|(_, it)| seen.insert(it.event.transaction_id.clone()));
    Ok(recorded.into_iter().map(|(_, it)| it).collect())
}

fn by_hour<'e>(events: impl IntoIterator<Item = &'e Event>) -> BTreeMap<Hour, Vec<&'e Event>> {
    let mut hours: BTreeMap<Hour, Vec<&Event>> = BTreeMap::new();
    for event in events {
        hours.entry(hour_of(event.timestamp)).or_default().push(event);
    }
    hours
}

/// Adds events to the digests of their hours.
fn digest(request: &Request<'_>, page: &mut Page, news: &[Recorded], dictionaries: &mut dictionary::Open) {
    for (hour, events) in by_hour(news.iter().map(|it| &it.event)) {
        let count = events.len() as u64;
        let dictionary = dictionaries.of(block_of(hour));
        let fresh = request.digester.and_then(|digester| digester.digest(hour, events, dictionary));
        let known = page.hours.remove(&hour);
        let digest = match &known {
            Some(known) => known.digest.as_ref().zip(fresh.as_ref()).and_then(|(known, fresh)| known.and(fresh)),
            None => fresh,
        };
        let events = known.map_or(0, |known| known.events) + count;
        page.hours.insert(hour, HourOf { events, digest });
    }
}

/// Makes all digests of a page anew from its segments.
async fn digest_again(
    table: &dyn Table,
    log: &Log<'_>,
    request: &Request<'_>,
    page: &mut Page,
    dictionaries: &mut dictionary::Open,
) -> Result<(), Trouble> {
    let places: Vec<Folded> = page.segments.iter().map(|segment| segment.place).collect();
    let recorded = segment::events(table, log, &places).await?;
    let mut hours = by_hour(recorded.iter().map(|it| &it.event));
    for (hour, of) in &mut page.hours {
        let events = hours.remove(hour).unwrap_or_default();
        let dictionary = dictionaries.of(block_of(*hour));
        of.digest = request.digester.and_then(|digester| digester.digest(*hour, events, dictionary));
    }
    Ok(())
}

/// Partitions for the chunks of a log, by how fast those of the tail arrived. Never fewer than before; if there are
/// more chunks than these, at most twice as many, for a few may be a burst.
pub(super) fn shards_for(tail: &[Chunk], is_cut: bool, before: u32, limits: &Limits) -> u32 {
    let arrived = tail.iter().map(|chunk| chunk.arrived_at());
    let (Some(first), Some(last)) = (arrived.clone().min(), arrived.max()) else { return before };
    let bytes: usize = tail.iter().map(Chunk::bytes).sum();
    // A few large chunks in one second are a burst that one partition takes.
    let (seconds_min, most) =
        if is_cut { (1, before.saturating_mul(2).min(limits.shards)) } else { (10, limits.shards) };
    let seconds = (last - first).num_seconds().max(seconds_min);
    let rate = i64::try_from(bytes).unwrap_or(i64::MAX) / seconds;
    let wanted = u32::try_from(rate / limits.shard_bytes_per_second + 1).unwrap_or(most);
    wanted.next_power_of_two().min(most).max(before)
}
