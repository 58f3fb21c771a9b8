//! Folding: chunks become segments and digests, and every id is counted once for ever.
//!
//! One attempt: take a generation (a conditional write of the head), write segments, pages and runs under it, flip the head
//! in one conditional write, remove what nobody needs any more, and say in the head that it is gone. An attempt may die
//! after any of these: before the flip nothing has happened but garbage, after it the next attempt goes on removing.
//! Two attempts at once: only one of them flips.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::digest::{Digester, Hour, hour_of};
use domain::usage::event::Event;
use uuid::Uuid;

use super::chunk::{self, Recorded, by_reception};
use super::head::{Chunk, Folded, Found, Head, Log, PageRef, Trouble};
use super::page::{HourOf, Page, summary_item};
use super::seen::{self, named};
use super::segment;
use super::shelf::ShelfRef;
use super::{Limits, all_items, body_of};
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
    match attempt(table, &log, request).await {
        Ok(outcome) => Ok(outcome),
        // Nobody seals here.
        Err(Trouble::Changed | Trouble::TooMuch) => Ok(Outcome::Busy),
        Err(Trouble::Load(error)) => Err(error),
    }
}

async fn attempt(table: &dyn Table, log: &Log<'_>, request: &Request<'_>) -> Result<Outcome, Trouble> {
    let mut found = Found::load(table, log).await?;
    let now = request.now.timestamp_micros();
    let is_fresh = |since: i64| (0..ATTEMPT.num_microseconds().unwrap_or_default()).contains(&(now - since));
    if found.head.under_way.is_some_and(|(_, since)| is_fresh(since)) {
        return Ok(Outcome::Busy);
    }
    let mut tail = found.tail(table, log).await?;
    let total = tail.len();
    tail.retain(|chunk| chunk.is_past(request.now, request.margin));
    // Sealed ones first, epoch by epoch: nothing that comes later may be counted before them.
    tail.sort_by_key(|chunk| (chunk.rank(), chunk.name));
    let resting = total - tail.len();
    let taken = at_once(&tail, log.limits);
    let is_left = taken < tail.len();
    let shards = shards_for(&tail, found.head.shards, log.limits);
    tail.truncate(taken);
    if tail.len() < request.chunks_min.max(1) && shards == found.head.shards {
        tail.clear();
    }
    let definition = request.digester.map_or(Uuid::nil(), Digester::definition);
    // Digests of a metric that is gone harm nobody.
    let is_stale = request.digester.is_some() && found.head.is_outdated(definition);
    let is_unclean = {
        let head = &found.head;
        !(head.folded.is_empty() && head.superseded.is_empty() && head.abandoned.is_empty()) || head.under_way.is_some()
    };
    if tail.is_empty() && !is_stale && shards == found.head.shards && !is_unclean {
        return Ok(Outcome::Nothing);
    }

    // Taken before anything is removed: an attempt that is given up can flip no more.
    found.head.abandoned.extend(found.head.under_way.take().map(|(generation, _)| generation));
    found.head.taken += 1;
    let generation = found.head.taken;
    found.head.under_way = Some((generation, now));
    found.store(table, log).await?;
    // What the last finished fold left to remove goes first: the lists of this one are its own.
    remove(table, log, &mut found.head).await?;
    if tail.is_empty() && !is_stale && shards == found.head.shards {
        found.head.under_way = None;
        found.store(table, log).await?;
        return Ok(Outcome::Nothing);
    }

    let (head, items, events) = folded(table, log, request, &found.head, generation, &tail, is_stale).await?;
    table.put_all(items).await?;

    let names: HashSet<_> = tail.iter().map(|chunk| chunk.name).collect();
    found.head = head;
    found.head.generation = generation;
    found.head.under_way = None;
    found.head.shards = shards;
    for epoch in &mut found.head.sealed {
        epoch.retain(|name| !names.contains(name));
    }
    // Epochs keep their order, not their numbers.
    found.head.sealed.retain(|epoch| !epoch.is_empty());
    found.head.folded = tail.iter().map(|chunk| chunk.name).collect();
    found.store(table, log).await?;

    let outcome = Outcome::Done {
        chunks: tail.len(),
        events,
        is_more: is_left || (is_stale && found.head.is_outdated(definition)),
    };
    tracing::debug!("folded {} chunks with {events} new events, {resting} rest", tail.len());
    match clean(table, log, &mut found).await {
        // It counts: whoever comes next cleans up.
        Ok(()) | Err(Trouble::Changed | Trouble::TooMuch) => Ok(outcome),
        Err(Trouble::Load(error)) => {
            tracing::warn!("removing what was folded failed: {error}");
            Ok(outcome)
        }
    }
}

/// How many of these chunks one fold takes, at least one. An epoch is never torn apart: which of two copies in it counts
/// was decided by the closing that sealed it.
fn at_once(tail: &[Chunk], limits: &Limits) -> usize {
    let (mut taken, mut bytes) = (0, 0);
    let is_same_epoch = |a: &Chunk, b: &Chunk| a.epoch.is_some() && a.epoch == b.epoch;
    for block in tail.chunk_by(is_same_epoch) {
        bytes += block.iter().map(|chunk| chunk.item.body.len()).sum::<usize>();
        if taken > 0 && (taken + block.len() > limits.fold_chunks || bytes > limits.fold_bytes) {
            break;
        }
        taken += block.len();
    }
    taken
}

/// Removes what nothing names any more, and says so.
async fn clean(table: &dyn Table, log: &Log<'_>, found: &mut Found) -> Result<(), Trouble> {
    remove(table, log, &mut found.head).await?;
    found.store(table, log).await
}

/// Removes what nothing names any more, and forgets it.
async fn remove(table: &dyn Table, log: &Log<'_>, head: &mut Head) -> Result<(), Trouble> {
    let partition = log.partition();
    let chunks = head.folded.iter().map(|(arrival, part)| keys::chunk_key(&partition, *arrival, *part as usize));
    let mut gone: Vec<Key> = chunks.collect();
    gone.extend(head.superseded.iter().map(|place| log.folded(*place)));
    for generation in &head.abandoned {
        for shard in 0..keys::FOLDED_SHARDS {
            let query = Query::prefix(keys::log_shard(&partition, shard), &keys::folded_generation(*generation));
            gone.extend(all_items(table, query).await?.into_iter().map(|item| item.key));
        }
    }
    table.delete_all(&gone).await?;
    head.folded.clear();
    head.superseded.clear();
    head.abandoned.clear();
    Ok(())
}

/// The head that a fold makes, the items that it names beside those of before, and the number of events counted anew.
async fn folded(
    table: &dyn Table,
    log: &Log<'_>,
    request: &Request<'_>,
    before: &Head,
    generation: u64,
    tail: &[Chunk],
    is_stale: bool,
) -> Result<(Head, Vec<Item>, usize), Trouble> {
    let mut head = before.clone();
    let recorded = first_of_each_id(log, tail)?;
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
    for from in touched {
        let mut page = pages.remove(&from).unwrap_or_default();
        let known = refs.get(&from);
        if known.is_some_and(|known| known.definition != definition) {
            digest_again(table, log, request, &mut page).await?;
        }
        let mut events = news.remove(&from).unwrap_or_default();
        digest(request, &mut page, &events);
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
            items.push(page.item(log.folded(hours))?);
            let summary = page.summary();
            if let Some(summary) = &summary {
                items.push(summary_item(log.folded(summary_place), summary)?);
            }
            let from = if place == 0 { from } else { first };
            let summary = summary.map(|_| summary_place);
            head.pages.push(PageRef { from, first, last, hours, summary, definition });
        }
        head.pages.sort_by_key(|page| page.from);
    }
    items.extend(head.shelve(log, generation, &mut number)?);
    Ok((head, items, count))
}

/// The events of chunks, each id once: of an earlier epoch before a later one, then the first received.
fn first_of_each_id(log: &Log<'_>, tail: &[Chunk]) -> Result<Vec<Recorded>, DecodeError> {
    let mut recorded: Vec<(usize, Recorded)> = Vec::new();
    for chunk in tail {
        let events = chunk::decode(log.organization, body_of(&chunk.item)?)?;
        recorded.extend(events.into_iter().map(|event| (chunk.rank(), event)));
    }
    // Stable: equals keep their order of arrival.
    recorded.sort_by(|(rank, a), (other, b)| {
        rank.cmp(other).then_with(|| by_reception(&a.event).cmp(&by_reception(&b.event)))
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
fn digest(request: &Request<'_>, page: &mut Page, news: &[Recorded]) {
    for (hour, events) in by_hour(news.iter().map(|it| &it.event)) {
        let count = events.len() as u64;
        let fresh = request.digester.and_then(|digester| digester.digest(hour, events));
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
async fn digest_again(table: &dyn Table, log: &Log<'_>, request: &Request<'_>, page: &mut Page) -> Result<(), Trouble> {
    let places: Vec<Folded> = page.segments.iter().map(|segment| segment.place).collect();
    let recorded = segment::events(table, log, &places).await?;
    let mut hours = by_hour(recorded.iter().map(|it| &it.event));
    for (hour, of) in &mut page.hours {
        let events = hours.remove(hour).unwrap_or_default();
        of.digest = request.digester.and_then(|digester| digester.digest(*hour, events));
    }
    Ok(())
}

/// Partitions for the chunks of a log, by how fast those of the tail arrived. Never fewer than before.
pub(super) fn shards_for(tail: &[Chunk], before: u32, limits: &Limits) -> u32 {
    let arrived = tail.iter().map(|chunk| chunk.arrived_at());
    let (Some(first), Some(last)) = (arrived.clone().min(), arrived.max()) else { return before };
    let bytes: usize = tail.iter().map(|chunk| chunk.item.body.len()).sum();
    // A few large chunks in one second are a burst that one partition takes.
    let seconds = (last - first).num_seconds().max(10);
    let rate = i64::try_from(bytes).unwrap_or(i64::MAX) / seconds;
    let wanted = u32::try_from(rate / limits.shard_bytes_per_second + 1).unwrap_or(limits.shards);
    wanted.next_power_of_two().min(limits.shards).max(before)
}
