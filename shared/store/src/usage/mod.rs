//! The usage log: a merge tree on the table (DESIGN, 5).
//!
//! Owns: where events stand, how they are written without reading, and that every event is read exactly once.
//!
//! Does not own: which subscription an event belongs to (`append` takes events as attributed), what events count for.
//!
//! A **log** is the series of events of one (organization, external subscription id, metric code); events without an
//! external subscription id form logs of their own, under the empty one. A log is one partition (`keys::usage_log`):
//!
//! | sort | kind | holds |
//! | --- | --- | --- |
//! | `C#<arrival>#<part>` | `chunk` | events as they arrived, column by column: see `chunk` |
//! | `HEAD` | `log_head` | planned: generation, and the arrival up to which chunks are folded |
//! | `S#<hour>#<generation>` | `segment` | planned: the events of a UTC hour of their timestamps, sorted, each id once |
//! | `D#<hour>#<generation>` | `digest` | planned: what a segment's events come to, per group of property values |
//!
//! - `arrival` is a time-ordered UUID (version 7, real clock) that `ingest` makes per call; `part` counts from 0.
//! - `hour` is the start of the hour as `keys::sortable` has it; `generation` has 10 digits, so that the newest sorts last.
//! - A segment has the columns of a chunk, sorted by timestamp. A digest has, per group: count, sum, max, latest with its
//!   timestamp, the two moments of a weighted sum, and distinct values while they are few.
//! - Until folding exists no log has a head, and reading one that has is refused: an older program must not bill what
//!   is left of a log.
//!
//! Receipts (partition `keys::receipts`, one per organization, call and day: see `receipt`) tell which chunks hold the
//! events received on a day, for the list of events and the search for one.
//!
//! Invariants:
//! - Chunks are immutable and written blindly. Appending the same events again, under the same arrival or another, changes
//!   no reader's answer: of several events with one transaction id in a log the first received counts
//!   (`received_at`, then `position`), and no other.
//! - Chunks are written before the receipts that name them.
//! - Nothing of an event is lost: numbers keep their text, properties their order, ids what they were derived from.

mod chunk;
mod receipt;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::event::Event;
use uuid::Uuid;

pub use chunk::{Recorded, Source};
pub use receipt::{Recent, created_in, find, recent};

use crate::keys;
use crate::record::{DecodeError, LoadError};
use crate::table::{Item, Query, Table, TableError};

/// Kind of chunks.
const CHUNK: &str = "chunk";

/// The events of one call of a client, with what is known of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
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

fn by_log_and_day(deliveries: &[Delivery]) -> BTreeMap<LogDay<'_>, Vec<Row<'_>>> {
    let mut logs: BTreeMap<LogDay<'_>, Vec<Row<'_>>> = BTreeMap::new();
    for Delivery { source, events } in deliveries {
        for event in events {
            let log = LogDay {
                external_subscription_id: event.external_subscription_id.as_deref().unwrap_or_default(),
                code: &event.code,
                day: event.received_at.date_naive(),
            };
            logs.entry(log).or_default().push((event, source));
        }
    }
    logs
}

/// Appends events to their logs: two batches of writes, no reads, no conditions.
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
    let refused = |error: DecodeError| TableError::Refused(error.to_string());
    let mut chunks = Vec::new();
    let mut receipts = receipt::Drafts::default();
    let (mut log, mut parts) = (None, 0);
    for (place, rows) in by_log_and_day(deliveries) {
        // Days of one log follow each other: parts count on.
        let this = (place.external_subscription_id, place.code);
        if log.replace(this) != Some(this) {
            parts = 0;
        }
        let partition = keys::usage_log(organization, place.external_subscription_id, place.code);
        for (body, rows) in chunk::encode(organization, place, &rows).map_err(refused)? {
            let key = keys::chunk_key(&partition, arrival, parts);
            chunks.push(Item::new(key, CHUNK, chunk::SCHEMA, body));
            receipts.note(place, parts, rows);
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

/// The events of a log that a reader wants, each transaction id of the whole log once, in order of reception.
///
/// One read and one query of all the log's chunks.
pub async fn read(
    table: &dyn Table,
    organization: OrganizationId,
    external_subscription_id: &str,
    code: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<Event>, LoadError> {
    let head = keys::usage_head(organization, external_subscription_id, code);
    let chunks = Query::prefix(head.partition.clone(), keys::CHUNKS);
    let (head, items) = tokio::join!(table.get(&head), all_items(table, chunks));
    if head?.is_some() {
        return Err(DecodeError::new(CHUNK, "a newer program has folded its log").into());
    }
    let items = items?;
    let bodies = items.iter().map(body_of).collect::<Result<Vec<_>, _>>()?;
    Ok(chunk::select(organization, &bodies, wanted)?)
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
