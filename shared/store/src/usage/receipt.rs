//! Receipts: which chunks hold the events that were received on a day.
//!
//! One item per organization, call and UTC day of reception, in the day's partition (`keys::receipts`), sorted by
//! arrival. It holds, per chunk, the spans of its instants and a fingerprint of every transaction id. So a search opens
//! only chunks that may hold the id, and a list only those of its page.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::ops::Range;

use chrono::{DateTime, NaiveDate};
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::digest::hour_of;
use domain::usage::event::Event;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chunk::{Recorded, by_reception};
use super::head::{ATTEMPTS_MAX, Folded, Found, Head, Log, Trouble, overtaken};
use super::page::{Page, segment_body};
use super::seen::{self, named};
use super::{LogDay, Row, all_items, decode};
use crate::keys;
use crate::record::{DecodeError, LoadError, pack, unpack};
use crate::table::{Item, Key, Query, Table};

const KIND: &str = "receipt";
const SCHEMA: u32 = 1;

/// Most bytes of a receipt before compression, which may save nothing; a single chunk's entry has fewer.
const BYTES_MAX: usize = 300_000;

/// Chunks that a list opens at once.
const OPENED_AT_ONCE: usize = 32;

/// The first 32 bits of a transaction id's fingerprint among those that have been counted.
type Fingerprint = [u8; 4];

fn fingerprint(transaction_id: &str) -> Fingerprint {
    let [_, _, _, a, b, c, d, _] = seen::of(transaction_id).to_be_bytes();
    [a, b, c, d]
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct StoredReceipt {
    arrival: [u8; 16],
    chunks: Vec<StoredChunk>,
}

#[derive(Serialize, Deserialize)]
struct StoredChunk {
    external_subscription_id: String,
    code: String,
    part: u32,
    /// First and last reception, microseconds.
    received: (i64, i64),
    /// First and last timestamp, microseconds.
    timestamps: (i64, i64),
    /// One per event, in the order of the chunk.
    fingerprints: Vec<Fingerprint>,
}

/// The receipts of a call, while its chunks are made.
#[derive(Default)]
pub(super) struct Drafts {
    days: BTreeMap<NaiveDate, Vec<StoredChunk>>,
}

/// First and last; both 0 of nothing.
fn span(instants: impl Iterator<Item = Instant> + Clone) -> (i64, i64) {
    let micros = instants.map(|at| at.timestamp_micros());
    (micros.clone().min().unwrap_or_default(), micros.max().unwrap_or_default())
}

impl Drafts {
    /// Notes a chunk.
    pub(super) fn note(&mut self, log: LogDay<'_>, part: usize, rows: &[Row<'_>]) {
        let events = || rows.iter().map(|(event, _)| *event);
        self.days.entry(log.day).or_default().push(StoredChunk {
            external_subscription_id: log.external_subscription_id.to_owned(),
            code: log.code.to_owned(),
            // A call has a few megabytes of events: parts are few.
            part: u32::try_from(part).unwrap_or(u32::MAX),
            received: span(events().map(|event| event.received_at)),
            timestamps: span(events().map(|event| event.timestamp)),
            fingerprints: events().map(|event| fingerprint(&event.transaction_id)).collect(),
        });
    }

    /// The items to write.
    pub(super) fn items(self, organization: OrganizationId, arrival: Uuid) -> Result<Vec<Item>, DecodeError> {
        let mut items = Vec::new();
        for (day, chunks) in self.days {
            for (part, chunks) in split(chunks).into_iter().enumerate() {
                let stored = StoredReceipt { arrival: arrival.into_bytes(), chunks };
                let plain =
                    postcard::to_allocvec(&stored).map_err(|error| DecodeError::new(KIND, error.to_string()))?;
                let key = keys::receipt(organization, day, arrival, part);
                items.push(Item::new(key, KIND, SCHEMA, pack(&plain)));
            }
        }
        Ok(items)
    }
}

/// As few receipts as may hold the chunks.
fn split(chunks: Vec<StoredChunk>) -> Vec<Vec<StoredChunk>> {
    let mut receipts: Vec<Vec<StoredChunk>> = Vec::new();
    let mut bytes = 0;
    for chunk in chunks {
        bytes += chunk.bytes();
        match receipts.last_mut() {
            Some(receipt) if bytes <= BYTES_MAX => receipt.push(chunk),
            Some(_) | None => {
                bytes = chunk.bytes();
                receipts.push(vec![chunk]);
            }
        }
    }
    receipts
}

impl StoredChunk {
    /// As many bytes as it may take, or a few more.
    fn bytes(&self) -> usize {
        let numbers = 64;
        let texts = self.external_subscription_id.len() + self.code.len();
        numbers + texts + self.fingerprints.len() * size_of::<Fingerprint>()
    }
}

/// A chunk as a receipt names it.
struct Entry {
    key: Key,
    external_subscription_id: String,
    code: String,
    /// First and last reception, microseconds.
    received: (i64, i64),
    /// First and last timestamp, microseconds.
    timestamps: (i64, i64),
    fingerprints: Vec<Fingerprint>,
}

impl Entry {
    fn log(&self) -> (&str, &str) {
        (&self.external_subscription_id, &self.code)
    }
}

/// The chunks of a day, in order of arrival.
async fn entries(table: &dyn Table, organization: OrganizationId, day: NaiveDate) -> Result<Vec<Entry>, LoadError> {
    entries_of(table, organization, Query::partition(keys::receipts(organization, day))).await
}

/// The chunks that some receipts name, in order of arrival.
async fn entries_of(table: &dyn Table, organization: OrganizationId, query: Query) -> Result<Vec<Entry>, LoadError> {
    let mut entries = Vec::new();
    for item in all_items(table, query).await? {
        if item.kind != KIND || item.schema > SCHEMA {
            return Err(DecodeError::new(KIND, format!("`{}` of schema {}", item.kind, item.schema)).into());
        }
        let plain = unpack(KIND, &item.body)?;
        let receipt: StoredReceipt =
            postcard::from_bytes(&plain).map_err(|error| DecodeError::new(KIND, error.to_string()))?;
        let arrival = Uuid::from_bytes(receipt.arrival);
        entries.extend(receipt.chunks.into_iter().map(|chunk| {
            let log = keys::usage_log(organization, &chunk.external_subscription_id, &chunk.code);
            Entry {
                key: keys::chunk_key(&log, arrival, chunk.part as usize),
                external_subscription_id: chunk.external_subscription_id,
                code: chunk.code,
                received: chunk.received,
                timestamps: chunk.timestamps,
                fingerprints: chunk.fingerprints,
            }
        }));
    }
    Ok(entries)
}

/// The events of chunks, chunk by chunk. Those of a chunk that has been folded are found in its log's segments; copies that
/// were left out when it was folded are nowhere any more.
async fn open(
    table: &dyn Table,
    organization: OrganizationId,
    entries: &[&Entry],
) -> Result<Vec<Vec<Recorded>>, LoadError> {
    let keys: Vec<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
    let items = table.get_many(&keys).await?;
    let mut opened: Vec<Vec<Recorded>> = Vec::with_capacity(entries.len());
    let mut folded: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (place, (entry, item)) in entries.iter().zip(&items).enumerate() {
        match item {
            Some(item) => opened.push(decode(organization, item)?),
            None => {
                folded.entry((&entry.external_subscription_id, &entry.code)).or_default().push(place);
                opened.push(Vec::new());
            }
        }
    }
    for ((external_subscription_id, code), places) in folded {
        let log = Log::new(organization, (external_subscription_id, code));
        let missing: Vec<&Entry> = places.iter().map(|place| entries[*place]).collect();
        for (place, events) in places.iter().zip(from_segments(table, &log, &missing).await?) {
            opened[*place] = events;
        }
    }
    Ok(opened)
}

/// The events of chunks of one log that have been folded, chunk by chunk.
async fn from_segments(table: &dyn Table, log: &Log<'_>, entries: &[&Entry]) -> Result<Vec<Vec<Recorded>>, LoadError> {
    let hour = |micros: i64| DateTime::from_timestamp_micros(micros).map_or(0, hour_of);
    let hours: Vec<_> = entries.iter().map(|entry| (hour(entry.timestamps.0), hour(entry.timestamps.1))).collect();
    let touch = |first: i64, last: i64, received: Option<(i64, i64)>| {
        hours.iter().zip(entries).any(|((from, to), entry)| {
            let was_received =
                received.is_none_or(|(first, last)| first <= entry.received.1 && entry.received.0 <= last);
            *from <= last && first <= *to && was_received
        })
    };
    for _ in 0..ATTEMPTS_MAX {
        let found = Found::load(table, log).await?;
        let recorded = match recorded(table, log, &found.head, touch).await {
            Ok(recorded) if found.items_still_stand(table, log).await? => recorded,
            Ok(_) | Err(Trouble::Changed | Trouble::TooMuch) => continue,
            Err(Trouble::Load(error)) => return Err(error),
        };
        return Ok(entries
            .iter()
            .map(|entry| {
                let known: HashSet<&Fingerprint> = entry.fingerprints.iter().collect();
                let is_of = |it: &&Recorded| {
                    let received_at = it.event.received_at.timestamp_micros();
                    (entry.received.0..=entry.received.1).contains(&received_at)
                        && known.contains(&fingerprint(&it.event.transaction_id))
                };
                recorded.iter().filter(is_of).cloned().collect()
            })
            .collect());
    }
    Err(overtaken())
}

async fn recorded(
    table: &dyn Table,
    log: &Log<'_>,
    head: &Head,
    touch: impl Fn(i64, i64, Option<(i64, i64)>) -> bool,
) -> Result<Vec<Recorded>, Trouble> {
    let pages = head.pages_of(table, log, |first, last| touch(first, last, None)).await?;
    let pages: Vec<Folded> = pages.iter().map(|page| page.hours).collect();
    let mut places: BTreeSet<Folded> = BTreeSet::new();
    for item in named(table, log, &pages).await? {
        let segments = Page::decode(&item)?.segments;
        let touched = segments.iter().filter(|it| touch(it.first, it.last, Some(it.received)));
        places.extend(touched.map(|segment| segment.place));
    }
    let places: Vec<Folded> = places.into_iter().collect();
    let mut recorded = Vec::new();
    for item in named(table, log, &places).await? {
        recorded.extend(super::chunk::decode(log.organization, segment_body(&item)?)?);
    }
    Ok(recorded)
}

fn days(from_day: NaiveDate, to_day: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from_day.iter_days().take_while(move |day| *day <= to_day)
}

/// How many days before a copy that was found earlier ones are looked for: as long as a queue keeps a message.
const COPIES_DAYS: i64 = 14;

/// An event of the organization with a transaction id, of whatever log, among those received on the days `from_day` to `to_day`
/// (UTC, both inclusive); none if there is none. Of several the earliest received one, unless more than [`COPIES_DAYS`] lie
/// between the newest and it.
///
/// Newest day first: one query per day down to the event's and two weeks on, or of every day if there is none; and the chunks
/// that may hold the id.
pub async fn find(
    table: &dyn Table,
    organization: OrganizationId,
    transaction_id: &str,
    from_day: NaiveDate,
    to_day: NaiveDate,
) -> Result<Option<Recorded>, LoadError> {
    let wanted = fingerprint(transaction_id);
    let mut found: Option<(NaiveDate, Recorded)> = None;
    let newest_first = std::iter::successors(Some(to_day), |day| day.pred_opt()).take_while(|day| *day >= from_day);
    for day in newest_first {
        if found.as_ref().is_some_and(|(newest, _)| (*newest - day).num_days() > COPIES_DAYS) {
            break;
        }
        let entries = entries(table, organization, day).await?;
        let may_hold = entries.into_iter().filter(|entry| entry.fingerprints.contains(&wanted));
        let chunks: Vec<Entry> = may_hold.collect();
        if chunks.is_empty() {
            continue;
        }
        let opened = open(table, organization, &chunks.iter().collect::<Vec<_>>()).await?;
        // `min_by` keeps the first of equals: the first to arrive.
        let earliest = opened
            .into_iter()
            .flatten()
            .filter(|recorded| recorded.event.transaction_id == transaction_id)
            .min_by(|a, b| by_reception(&a.event).cmp(&by_reception(&b.event)));
        if let Some(recorded) = earliest {
            found = Some((found.map_or(day, |(newest, _)| newest), recorded));
        }
    }
    Ok(found.map(|(_, recorded)| recorded))
}

/// Hands over every event of the organization that was created in a span of its own clock, copies too (but those that were
/// left out when their chunks were folded), a few chunks in memory at a time.
///
/// They are looked for among those received on the days `received` (UTC, first and last) and, if that is known, not before
/// `arrived_from`. One query per day, and every chunk that arrived then.
pub async fn created_in(
    table: &dyn Table,
    organization: OrganizationId,
    received: (NaiveDate, NaiveDate),
    arrived_from: Option<Instant>,
    created: Range<Instant>,
    mut each: impl FnMut(&Event),
) -> Result<(), LoadError> {
    for day in days(received.0, received.1) {
        let query =
            Query { from: arrived_from.map(keys::arrived_from), ..Query::partition(keys::receipts(organization, day)) };
        let chunks = entries_of(table, organization, query).await?;
        for part in chunks.chunks(OPENED_AT_ONCE) {
            let opened = open(table, organization, &part.iter().collect::<Vec<_>>()).await?;
            let events = opened.iter().flatten().map(|recorded| &recorded.event);
            events.filter(|event| created.contains(&event.created_at)).for_each(&mut each);
        }
    }
    Ok(())
}

/// A part of the list of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// Events of the whole list.
    pub total: usize,
    /// The part asked for.
    pub events: Vec<Recorded>,
}

/// Events of the organization, of every log, newest timestamp first (then newest received), that were received on the days
/// `from_day` to `to_day` (UTC, both inclusive): `limit` of them after the first `offset` (chapter 03, 1.7).
///
/// An event that was delivered several times on these days is listed once, as first received. One query per day; the
/// chunks of the part and of everything before it, and those that hold an event again.
pub async fn recent(
    table: &dyn Table,
    organization: OrganizationId,
    from_day: NaiveDate,
    to_day: NaiveDate,
    offset: usize,
    limit: usize,
) -> Result<Recent, LoadError> {
    let mut list = List { table, organization, entries: Vec::new(), opened: HashMap::new() };
    for day in days(from_day, to_day) {
        list.entries.extend(entries(table, organization, day).await?);
    }
    let copies = list.copies().await?;
    // Of a folded chunk, copies that were left out are counted by its receipt, and found nowhere.
    let events = |(place, entry): (usize, &Entry)| list.opened.get(&place).map_or(entry.fingerprints.len(), Vec::len);
    let total = list.entries.iter().enumerate().map(events).sum::<usize>() - copies.len();
    let until = offset.saturating_add(limit);
    let places = list.newest(until, &copies).await?;
    let part = places.get(offset.min(places.len())..until.min(places.len())).unwrap_or_default();
    let events = part.iter().filter_map(|place| list.at(*place)).cloned().collect();
    Ok(Recent { total, events })
}

/// An event's chunk, by its place among the entries, and its place in the chunk.
type Place = (usize, usize);

/// A list of events under way.
struct List<'t> {
    table: &'t dyn Table,
    organization: OrganizationId,
    entries: Vec<Entry>,
    opened: HashMap<usize, Vec<Recorded>>,
}

impl List<'_> {
    fn at(&self, (entry, row): Place) -> Option<&Recorded> {
        self.opened.get(&entry)?.get(row)
    }

    /// Opens the chunks of entries, those that are not open yet.
    async fn open(&mut self, entries: impl IntoIterator<Item = usize>) -> Result<(), LoadError> {
        let closed: Vec<usize> = entries.into_iter().filter(|entry| !self.opened.contains_key(entry)).collect();
        let entries: Vec<&Entry> = closed.iter().map(|entry| &self.entries[*entry]).collect();
        let chunks = open(self.table, self.organization, &entries).await?;
        self.opened.extend(closed.into_iter().zip(chunks));
        Ok(())
    }

    /// The events that are later copies of another one in the list.
    async fn copies(&mut self) -> Result<HashSet<Place>, LoadError> {
        let mut first: HashMap<((&str, &str), Fingerprint), usize> = HashMap::new();
        let mut suspects = BTreeSet::new();
        for (place, entry) in self.entries.iter().enumerate() {
            for fingerprint in &entry.fingerprints {
                let known = *first.entry((entry.log(), *fingerprint)).or_insert(place);
                if known != place {
                    suspects.extend([known, place]);
                }
            }
            let distinct: HashSet<&Fingerprint> = entry.fingerprints.iter().collect();
            if distinct.len() < entry.fingerprints.len() {
                suspects.insert(place);
            }
        }
        self.open(suspects.iter().copied()).await?;
        #[allow(clippy::type_complexity)] // A log and an id, and where they stand: read once, right here.
        let mut by_id: HashMap<((&str, &str), &str), Vec<(Place, &Event)>> = HashMap::new();
        for place in suspects {
            let rows = self.opened.get(&place).map(Vec::as_slice).unwrap_or_default();
            for (row, Recorded { event, .. }) in rows.iter().enumerate() {
                let log = self.entries[place].log();
                by_id.entry((log, &event.transaction_id)).or_default().push(((place, row), event));
            }
        }
        let mut copies = HashSet::new();
        for mut events in by_id.into_values() {
            // Stable: equals keep their order of arrival.
            events.sort_by(|(_, a), (_, b)| by_reception(a).cmp(&by_reception(b)));
            copies.extend(events.into_iter().skip(1).map(|(place, _)| place));
        }
        Ok(copies)
    }

    /// The places of the newest events, newest first; at least `wanted` if there are as many. Copies are left out.
    async fn newest(&mut self, wanted: usize, copies: &HashSet<Place>) -> Result<Vec<Place>, LoadError> {
        let mut closed: Vec<usize> = (0..self.entries.len()).collect();
        closed.sort_by_key(|entry| std::cmp::Reverse(self.entries[*entry].timestamps.1));
        let mut places = Vec::new();
        // Events of opened chunks that may still be preceded by some of a closed one.
        let mut waiting: BinaryHeap<(Instant, Instant, u32, String, Place)> = BinaryHeap::new();
        let mut batches = closed.chunks(OPENED_AT_ONCE).peekable();
        while let Some(batch) = batches.next() {
            if places.len() >= wanted {
                break;
            }
            self.open(batch.iter().copied()).await?;
            for entry in batch {
                let rows = self.opened.get(entry).map(Vec::as_slice).unwrap_or_default();
                let place = |row| (*entry, row);
                let kept = rows.iter().enumerate().filter(|(row, _)| !copies.contains(&place(*row)));
                waiting.extend(kept.map(|(row, Recorded { event, .. })| {
                    (event.timestamp, event.received_at, event.position, event.transaction_id.clone(), place(row))
                }));
            }
            let next = batches.peek().and_then(|batch| batch.first()).map(|entry| self.entries[*entry].timestamps.1);
            let later = next.and_then(DateTime::from_timestamp_micros);
            while waiting.peek().is_some_and(|(timestamp, ..)| later.is_none_or(|later| *timestamp > later)) {
                places.extend(waiting.pop().map(|(.., place)| place));
            }
        }
        Ok(places)
    }
}
