//! The usage log: a merge tree on the table (DESIGN, 5).
//!
//! Owns: where events stand, how they are written without reading, and that every event is read exactly once.
//!
//! Does not own: which subscription an event belongs to (`append` takes events as attributed), what events count for.
//!
//! A **log** is the series of events of one (organization, external subscription id, metric code); events without an
//! external subscription id form logs of their own, under the empty one. A log is one partition (`keys::usage_log`), a hot
//! one has more for its chunks, and what folds write is spread over sixteen:
//!
//! | sort | kind | holds |
//! | --- | --- | --- |
//! | `C#<arrival>#<part>` | `chunk` | events as they arrived, column by column: see `chunk` |
//! | `HEAD` | `log_head` | what has been folded, and where everything below stands: see `head` |
//! | `G#<generation>#<number>` | `segment` | folded events of some hours, sorted: see `segment` |
//! | the same | `log_page`, `log_summary` | the digests of hours, and of all hours of a page: see `page` |
//! | the same | `log_dictionary` | the values that digests name by number: see `dictionary` |
//! | the same | `log_shelf` | the names of older pages: see `shelf` |
//! | the same | `log_run` | fingerprints of the ids that have been counted: see `seen` |
//!
//! - `arrival` is a time-ordered UUID (version 7, real clock) that `ingest` makes per call; `part` counts from 0.
//! - A log without a head was never folded nor looked at by a closing. An older program that meets a head refuses to read
//!   the log: it must not bill what is left of it.
//!
//! Receipts (partition `keys::receipts`, one per organization, call and day: see `receipt`) tell which chunks hold the
//! events received on a day, for the list of events and the search for one. When a chunk has been folded, its events are
//! found in the segments.
//!
//! Invariants:
//! - Chunks are immutable and written blindly. Appending the same events again, under the same arrival or another, changes
//!   no reader's answer: of several events with one transaction id in a log one counts, and no other ever does: the one
//!   that was folded, else the one in the earliest epoch that a closing sealed, else the first received (`received_at`,
//!   then `position`, then timestamp, then the chunk's name). Readers, closings and folds have this one rule.
//! - The first received it is in all three cases, unless a copy of it was in the log before it by more than `fold::MARGIN`,
//!   or by more chunks than one fold takes (`Limits::fold_chunks`, in a backlog), or when a closing came; or a closing found
//!   more than one epoch holds, and it stands in a chunk that was received after the other one's.
//! - Whatever folds beside a reader, it sees every event once: see `head`.
//! - Chunks are written before the receipts that name them.
//! - Nothing of an event is lost: numbers keep their text, properties their order, ids what they were derived from.

mod chunk;
mod dictionary;
pub mod fold;
mod head;
mod limits;
mod page;
mod parts;
mod receipt;
mod seen;
mod segment;
mod shelf;
mod tail;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::digest::hour_of;
use domain::usage::event::Event;
use uuid::Uuid;

pub use chunk::{Recorded, Source};
pub use limits::{Limits, LogName};
pub use parts::{Asked, Counted, parts};
pub use receipt::{Recent, created_in, find, recent};

use self::head::{Found, Log, Trouble};
use self::tail::Chunk;
use crate::keys;
use crate::record::{DecodeError, LoadError};
use crate::table::{Item, Query, Table, TableError};

/// Kind of chunks.
const CHUNK: &str = "chunk";

/// The events of one call of a client, with what is known of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Who called.
    pub source: Source,
    /// What was sent, already attributed: `external_subscription_id` says which log an event belongs to.
    pub events: Vec<Event>,
}

/// An event and its delivery's source.
type Row<'a> = (&'a Event, &'a Source);

/// A log, and the UTC day on which its events were received. A chunk holds events of one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LogDay<'a> {
    external_subscription_id: &'a str,
    code: &'a str,
    day: NaiveDate,
}

impl<'a> LogDay<'a> {
    fn of(event: &'a Event) -> LogDay<'a> {
        LogDay {
            external_subscription_id: event.external_subscription_id.as_deref().unwrap_or_default(),
            code: &event.code,
            day: event.received_at.date_naive(),
        }
    }
}

fn by_log_and_day(deliveries: &[Delivery]) -> BTreeMap<LogDay<'_>, Vec<Row<'_>>> {
    let rows: Vec<Row<'_>> =
        deliveries.iter().flat_map(|one| one.events.iter().map(|event| (event, &one.source))).collect();
    let mut logs: BTreeMap<LogDay<'_>, Vec<Row<'_>>> = BTreeMap::new();
    // Most events are of the log of the one before.
    for alike in rows.chunk_by(|(a, _), (b, _)| LogDay::of(a) == LogDay::of(b)) {
        logs.entry(LogDay::of(alike[0].0)).or_default().extend_from_slice(alike);
    }
    logs
}

/// Appends events to their logs: two batches of writes, no conditions; no reads but one for a log with very many of them.
///
/// `arrival` is a new time-ordered UUID of the real clock. Repeating a call, with the same arrival or a new one, is
/// harmless. After an error any part may be written: append again, all of it.
///
/// # Errors
/// The table did not answer; or a single event is too large for an item (about 400 KB compressed).
pub async fn append(
    table: &dyn Table,
    organization: OrganizationId,
    deliveries: &[Delivery],
    arrival: Uuid,
) -> Result<(), TableError> {
    append_within(table, organization, deliveries, arrival, &Limits::PRODUCTION).await
}

/// The same as `append`, with other sizes than those of production.
///
/// # Errors
/// As for `append`.
pub async fn append_within(
    table: &dyn Table,
    organization: OrganizationId,
    deliveries: &[Delivery],
    arrival: Uuid,
    limits: &Limits,
) -> Result<(), TableError> {
    let refused = |error: DecodeError| TableError::Refused(error.to_string());
    let mut chunks = Vec::new();
    let mut receipts = receipt::Drafts::default();
    let (mut log, mut parts, mut shards) = (None, 0, 1);
    let deliveries = by_log_and_day(deliveries);
    for (place, rows) in &deliveries {
        // Days of one log follow each other: parts count on.
        let this =
            Log { organization, external_subscription_id: place.external_subscription_id, code: place.code, limits };
        let encoded = chunk::encode(organization, *place, rows, limits).map_err(refused)?;
        let bytes = encoded.iter().map(|(body, _)| body.len()).sum::<usize>();
        if log.replace(this) != Some(this) {
            (parts, shards) = (0, 1);
        }
        if bytes >= limits.burst_bytes && shards == 1 {
            // Only a log that is being flooded may have more partitions than one.
            shards = shards_of(table, &this).await?;
        }
        for (body, rows) in encoded {
            // Any of them will do: ids of arrivals are random in their last bits.
            let shard = (arrival.as_u128() as usize).wrapping_add(parts) % shards;
            let part = shard * keys::PARTS_PER_SHARD + parts;
            let key = keys::chunk_key(&this.partition(), arrival, part);
            chunks.push(Item::new(key, CHUNK, chunk::SCHEMA, body));
            receipts.note(*place, part, rows);
            parts += 1;
        }
    }
    if chunks.is_empty() {
        return Ok(());
    }
    table.put_all(chunks).await?;
    table.put_all(receipts.items(organization, arrival).map_err(refused)?).await
}

/// What of a log's events a reader wants. What it leaves out still counts against copies that come later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Events of this timestamp or later; none for all.
    pub from: Option<Instant>,
    /// Events of this timestamp or earlier; none for all.
    pub to: Option<Instant>,
    /// The properties that events come with; none for all.
    pub properties: Option<&'a [&'a str]>,
}

impl Wanted<'_> {
    /// Everything.
    pub const ALL: Wanted<'static> = Wanted { from: None, to: None, properties: None };

    fn covers(&self, timestamp_micros: i64) -> bool {
        self.from.is_none_or(|from| from.timestamp_micros() <= timestamp_micros)
            && self.to.is_none_or(|to| timestamp_micros <= to.timestamp_micros())
    }

    fn needs(&self, property: &str) -> bool {
        self.properties.is_none_or(|properties| properties.contains(&property))
    }
}

/// The partitions that a log's chunks are spread over. One read.
async fn shards_of(table: &dyn Table, log: &Log<'_>) -> Result<usize, TableError> {
    match Found::load(table, log).await {
        // Shards are few.
        Ok(found) => Ok(usize::try_from(found.head.shards).unwrap_or(1).max(1)),
        Err(LoadError::Table(error)) => Err(error),
        // Whoever reads the log will say so. The first partition is always read.
        Err(LoadError::Decode(_)) => Ok(1),
    }
}

/// The events of a log that a reader wants, each transaction id of the whole log once, in order of reception.
///
/// Two reads of the head, one query of the chunks that are not folded, and the segments of the hours that are wanted.
///
/// # Errors
/// The table did not answer, folds overtook the reader again and again, or an item cannot be read.
pub async fn read(
    table: &dyn Table,
    organization: OrganizationId,
    external_subscription_id: &str,
    code: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<Event>, LoadError> {
    let found = read_as(table, organization, (external_subscription_id, code), wanted, Asked::ForShow).await?;
    // There is never too much to look at.
    Ok(found.unwrap_or_default())
}

/// The same as `read`, for whom it is; none if more is unfolded than a closing may look at: fold first.
///
/// # Errors
/// As for `read`.
pub async fn read_as<'a>(
    table: &dyn Table,
    organization: OrganizationId,
    log: impl Into<LogName<'a>>,
    wanted: &Wanted<'_>,
    asked: Asked,
) -> Result<Option<Vec<Event>>, LoadError> {
    let log = Log::new(organization, log);
    for _ in 0..head::ATTEMPTS_MAX {
        let mut found = Found::load(table, &log).await?;
        match events(table, &log, &mut found, wanted, asked).await {
            Ok((events, tail)) if found.still_stands(table, &log, &tail).await? => return Ok(Some(events)),
            Ok(_) | Err(Trouble::Changed) => {}
            Err(Trouble::TooMuch) => return Ok(None),
            Err(Trouble::Load(error)) => return Err(error),
        }
    }
    Err(head::overtaken())
}

/// The events that a reader of this head wants, and the tail that they were chosen by.
async fn events(
    table: &dyn Table,
    log: &Log<'_>,
    found: &mut Found,
    wanted: &Wanted<'_>,
    asked: Asked,
) -> Result<(Vec<Event>, Vec<Chunk>), Trouble> {
    let mut tail = found.tail(table, log, asked == Asked::ForBilling).await?;
    if asked == Asked::ForBilling {
        found.seal(table, log, &mut tail).await?;
    }
    let mut events = unfolded(table, log, found, &tail, wanted).await?;
    let (first, last) = (wanted.from.map_or(i64::MIN, hour_of), wanted.to.map_or(i64::MAX, hour_of));
    events.extend(parts::folded_events(table, log, &found.head, wanted, |from, to| from <= last && first <= to).await?);
    events.sort_by(|a, b| chunk::by_reception(a).cmp(&chunk::by_reception(b)));
    Ok((events, tail))
}

/// The events of the tail that count and that a reader wants.
async fn unfolded(
    table: &dyn Table,
    log: &Log<'_>,
    found: &Found,
    tail: &[Chunk],
    wanted: &Wanted<'_>,
) -> Result<Vec<Event>, Trouble> {
    let chunks = tail.iter().map(Chunk::unpacked).collect::<Result<Vec<_>, _>>()?;
    let mut ids = Vec::new();
    if found.head.knows_ids() {
        for chunk in &chunks {
            ids.extend(chunk.transaction_ids()?);
        }
    }
    let counted = seen::counted(table, log, &found.head, ids).await?;
    Ok(chunk::select(log.organization, &chunks, &counted, wanted)?)
}

/// The events of a chunk, in the order of their arrival.
fn decode(organization: OrganizationId, item: &Item) -> Result<Vec<Recorded>, DecodeError> {
    chunk::decode(organization, body_of(item)?)
}

/// The body of a chunk that this program can read.
fn body_of(item: &Item) -> Result<&[u8], DecodeError> {
    if item.kind != CHUNK || item.schema > chunk::SCHEMA {
        return Err(DecodeError::new(CHUNK, format!("`{}` of schema {}", item.kind, item.schema)));
    }
    Ok(&item.body)
}

async fn all_items(table: &dyn Table, mut query: Query) -> Result<Vec<Item>, TableError> {
    let mut items = Vec::new();
    loop {
        let page = table.query(&query).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(items),
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod fold_tests;

#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tail_tests;
