//! A chunk: events of one log and day as they arrived, column by column, compressed.
//!
//! Schema 1 is `Body` in postcard's encoding: the columns, packed like every body, behind the transaction ids that are UUIDs,
//! which nothing makes shorter than their sixteen bytes. Golden bytes of it must load for ever.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use chrono::DateTime;
use domain::id::{EventId, OrganizationId};
use domain::metric::properties::Properties;
use domain::time::Instant;
use domain::usage::event::{Event, event_id};
use domain::value::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::{CHUNK, Limits, LogDay, Row, Wanted};
use crate::record::{DecodeError, pack, unpack};

/// Version of the columns.
pub(super) const SCHEMA: u32 = 1;

/// What is known of the client that sent events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Source {
    /// IP address.
    pub ip: Option<String>,
    /// User agent.
    pub user_agent: Option<String>,
    /// Whether the API knew customer and subscription when it took the event: that of the deprecated batch.
    pub is_checked: bool,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The event.
    pub event: Event,
    /// Who sent it.
    pub source: Source,
}

/// Orders by reception, and copies of one id among each other: the rule of `domain::usage::event::first_of_each_id`.
pub(super) fn by_reception(event: &Event) -> impl Ord + '_ {
    (event.received_at, event.position, event.transaction_id.as_str(), event.timestamp)
}

/// Schema 1. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    /// Sixteen bytes for each event whose transaction id is a UUID in its usual form, lower case with hyphens.
    uuids: &'a [u8],
    /// `Columns`, packed.
    columns: &'a [u8],
}

/// Schema 1. Every list without a note has one entry per event. Never change it: a change is a new struct and schema.
#[derive(Serialize, Deserialize)]
struct Columns<'a> {
    external_subscription_id: &'a str,
    code: &'a str,
    /// Whether the transaction id stands among `Body::uuids`.
    are_uuids: Vec<bool>,
    /// The other transaction ids.
    #[serde(borrow)]
    transaction_ids: Vec<&'a str>,
    /// Whether the event has an external subscription id: it may lack one only in logs of the empty one.
    attributed: Vec<bool>,
    ids: Vec<IdOf>,
    /// Microseconds that every timestamp is a multiple of: 1, a millisecond or a second.
    timestamp_unit: i64,
    /// In that unit, each less the one before.
    timestamps: Vec<i64>,
    /// Microseconds, each less the one before.
    received_at: Vec<i64>,
    /// Microseconds after `received_at`.
    created_at: Vec<i64>,
    /// Each less the one before.
    positions: Vec<i64>,
    /// Distinct ones, in order of first appearance.
    #[serde(borrow)]
    customers: Vec<&'a str>,
    /// Place in `customers` plus 1; 0 for none.
    customer_of: Vec<u32>,
    /// Distinct ones, in order of first appearance.
    #[serde(borrow)]
    sources: Vec<(Option<&'a str>, Option<&'a str>, bool)>,
    /// Place in `sources`.
    source_of: Vec<u32>,
    /// Distinct lists of property names, as places in `properties`, in the order sent.
    shapes: Vec<Vec<u32>>,
    /// Place in `shapes`.
    shape_of: Vec<u32>,
    /// One per property name.
    #[serde(borrow)]
    properties: Vec<Column<'a>>,
}

/// A property of the events that have it.
#[derive(Serialize, Deserialize)]
struct Column<'a> {
    name: &'a str,
    /// One per event that has the property, in the events' order.
    #[serde(borrow)]
    values: Vec<Cell<'a>>,
}

/// A `Value`, borrowed.
#[derive(Serialize, Deserialize)]
enum Cell<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(&'a str),
    List(#[serde(borrow)] Vec<Cell<'a>>),
    Map(#[serde(borrow)] Vec<(&'a str, Cell<'a>)>),
}

/// What an event's id derives from.
#[derive(Serialize, Deserialize, Clone, Copy)]
enum IdOf {
    /// From the external subscription id as it stands in the log.
    Attributed,
    /// From an absent one: the client sent none.
    Absent,
    /// From something else: the id itself.
    Other([u8; 16]),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Bool(*value),
            Value::Number(text) => Cell::Number(text),
            Value::Text(text) => Cell::Text(text),
            Value::List(values) => Cell::List(values.iter().map(Cell::from).collect()),
            Value::Map(entries) => {
                Cell::Map(entries.iter().map(|(name, value)| (name.as_str(), Cell::from(value))).collect())
            }
        }
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(value),
            Cell::Number(text) => Value::Number(text.to_owned()),
            Cell::Text(text) => Value::Text(text.to_owned()),
            Cell::List(values) => Value::List(values.into_iter().map(Value::from).collect()),
            Cell::Map(entries) => {
                Value::Map(entries.into_iter().map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect())
            }
        }
    }
}

/// Distinct values in order of first appearance.
struct Dictionary<K> {
    places: HashMap<K, u32>,
    values: Vec<K>,
    /// The last place that was asked for: most events are like the one before.
    last: u32,
}

impl<K: Clone + Eq + std::hash::Hash> Dictionary<K> {
    fn new() -> Self {
        Dictionary { places: HashMap::new(), values: Vec::new(), last: 0 }
    }

    /// The value's place. A chunk has at most `Limits::chunk_events` events, and an event far fewer than 2^32 names.
    fn place(&mut self, value: K) -> u32 {
        if self.values.get(self.last as usize) != Some(&value) {
            self.last = self.looked_up(value);
        }
        self.last
    }

    fn looked_up(&mut self, value: K) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(value.clone()).or_insert(next);
        if place == next {
            self.values.push(value);
        }
        place
    }
}

/// Each less the one before. Wrapping around is undone by `summed`.
fn differences(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    values.map(|value| value.wrapping_sub(std::mem::replace(&mut before, value))).collect()
}

fn summed(differences: &[i64]) -> impl Iterator<Item = i64> {
    differences.iter().scan(0_i64, |sum, difference| {
        *sum = sum.wrapping_add(*difference);
        Some(*sum)
    })
}

/// What `decode` has to do to arrive at the event's id.
fn id_of(organization: OrganizationId, event: &Event) -> IdOf {
    let derived = |subscription| event_id(organization, subscription, &event.code, &event.transaction_id);
    if event.id == derived(event.external_subscription_id.as_deref()) {
        IdOf::Attributed
    } else if event.id == derived(None) {
        IdOf::Absent
    } else {
        IdOf::Other(*event.id.0.as_bytes())
    }
}

/// The id's bytes, if it is a UUID in its usual form: then they tell it to the letter.
fn uuid_of(transaction_id: &str) -> Option<Uuid> {
    if transaction_id.len() != Hyphenated::LENGTH {
        return None;
    }
    let uuid = Uuid::try_parse(transaction_id).ok()?;
    (uuid.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]) == transaction_id).then_some(uuid)
}

/// The largest unit of which all timestamps are multiples: clients seldom send microseconds.
fn unit_of(timestamps: impl Iterator<Item = i64> + Clone) -> i64 {
    let is_one = |unit: &i64| timestamps.clone().all(|timestamp| timestamp % unit == 0);
    [1_000_000, 1_000].into_iter().find(is_one).unwrap_or(1)
}

/// The columns, and the bytes of the transaction ids that are not among them.
fn columns<'a>(organization: OrganizationId, log: LogDay<'a>, rows: &[Row<'a>]) -> (Vec<u8>, Columns<'a>) {
    let events = || rows.iter().map(|(event, _)| *event);
    let micros = |at: Instant| at.timestamp_micros();
    let timestamp_unit = unit_of(events().map(|event| micros(event.timestamp)));
    let mut uuids = Vec::new();
    let (mut are_uuids, mut transaction_ids) = (Vec::with_capacity(rows.len()), Vec::new());
    for event in events() {
        let uuid = uuid_of(&event.transaction_id);
        are_uuids.push(uuid.is_some());
        match uuid {
            Some(uuid) => uuids.extend_from_slice(uuid.as_bytes()),
            None => transaction_ids.push(event.transaction_id.as_str()),
        }
    }
    let (mut customers, mut sources) = (Dictionary::new(), Dictionary::new());
    let (mut shapes, mut names) = (Dictionary::new(), Dictionary::new());
    let mut properties: Vec<Column<'a>> = Vec::new();
    let (mut customer_of, mut source_of, mut shape_of) = (Vec::new(), Vec::new(), Vec::new());
    // Of the event before.
    let mut shape: Vec<u32> = Vec::new();
    for (event, source) in rows {
        let customer = event.external_customer_id.as_deref();
        customer_of.push(customer.map_or(0, |customer| customers.place(customer) + 1));
        source_of.push(sources.place((source.ip.as_deref(), source.user_agent.as_deref(), source.is_checked)));
        let entries = event.properties.entries();
        let is_alike = entries.len() == shape.len()
            && entries.iter().zip(&shape).all(|((name, _), place)| properties[*place as usize].name == name);
        if !is_alike {
            shape = entries.iter().map(|(name, _)| names.place(name.as_str())).collect();
        }
        for ((name, value), place) in entries.iter().zip(&shape) {
            if *place as usize == properties.len() {
                properties.push(Column { name, values: Vec::new() });
            }
            properties[*place as usize].values.push(value.into());
        }
        shape_of.push(if is_alike && !shape_of.is_empty() { shapes.last } else { shapes.place(shape.clone()) });
    }
    let columns = Columns {
        external_subscription_id: log.external_subscription_id,
        code: log.code,
        are_uuids,
        transaction_ids,
        attributed: events().map(|event| event.external_subscription_id.is_some()).collect(),
        ids: events().map(|event| id_of(organization, event)).collect(),
        timestamp_unit,
        timestamps: differences(events().map(|event| micros(event.timestamp) / timestamp_unit)),
        received_at: differences(events().map(|event| micros(event.received_at))),
        created_at: events().map(|event| micros(event.created_at).wrapping_sub(micros(event.received_at))).collect(),
        positions: differences(events().map(|event| event.position.into())),
        customers: customers.values,
        customer_of,
        sources: sources.values,
        source_of,
        shapes: shapes.values,
        shape_of,
        properties,
    };
    (uuids, columns)
}

fn body(uuids: &[u8], columns: &Columns<'_>) -> Result<Bytes, DecodeError> {
    let failed = |error: postcard::Error| DecodeError::new(CHUNK, error.to_string());
    let columns = pack(&postcard::to_allocvec(columns).map_err(failed)?);
    Ok(postcard::to_allocvec(&Body { uuids, columns: &columns }).map_err(failed)?.into())
}

/// The bodies of as many chunks as the events need, with the events of each.
pub(super) fn encode<'r, 'a>(
    organization: OrganizationId,
    log: LogDay<'a>,
    rows: &'r [Row<'a>],
    limits: &Limits,
) -> Result<Vec<(Bytes, &'r [Row<'a>])>, DecodeError> {
    if rows.len() <= limits.chunk_events.max(1) {
        let (uuids, columns) = columns(organization, log, rows);
        let body = body(&uuids, &columns)?;
        if body.len() <= limits.chunk_bytes || rows.len() < 2 {
            return Ok(vec![(body, rows)]);
        }
    }
    let (first, second) = rows.split_at(rows.len() / 2);
    let mut chunks = encode(organization, log, first, limits)?;
    chunks.extend(encode(organization, log, second, limits)?);
    Ok(chunks)
}

/// The events of a body, in the order in which they were encoded.
pub(super) fn decode(organization: OrganizationId, body: &[u8]) -> Result<Vec<Recorded>, DecodeError> {
    let unpacked = Unpacked::new(0, body)?;
    let rows = rows(organization, unpacked.parsed()?, &|_| true, &|_| true).ok_or_else(unfitting)?;
    Ok(rows.into_iter().map(|(_, recorded)| recorded).collect())
}

fn unfitting() -> DecodeError {
    DecodeError::new(CHUNK, "its columns do not fit together")
}

/// What of an event decides whether it counts, and where it stands.
struct Sighting<'a> {
    epoch: usize,
    received_at: i64,
    position: i64,
    transaction_id: &'a str,
    timestamp: i64,
    chunk: usize,
    place: usize,
}

/// A body that has been unpacked, and how early its events count among copies: see `head`.
pub(super) struct Unpacked {
    pub(super) epoch: usize,
    plain: Vec<u8>,
    /// The transaction ids that are UUIDs, as texts, one after the other.
    uuids: String,
}

/// The columns of a body, with every event's transaction id.
struct Parsed<'a> {
    columns: Columns<'a>,
    transaction_ids: Vec<&'a str>,
    /// Microseconds.
    timestamps: Vec<i64>,
}

impl Unpacked {
    pub(super) fn new(epoch: usize, body: &[u8]) -> Result<Unpacked, DecodeError> {
        let Body { uuids: bytes, columns } =
            postcard::from_bytes(body).map_err(|error| DecodeError::new(CHUNK, error.to_string()))?;
        let (bytes, []) = bytes.as_chunks::<16>() else { return Err(unfitting()) };
        let mut uuids = String::with_capacity(bytes.len() * Hyphenated::LENGTH);
        for uuid in bytes {
            uuids.push_str(Uuid::from_bytes(*uuid).hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]));
        }
        Ok(Unpacked { epoch, plain: unpack(CHUNK, columns)?, uuids })
    }

    fn parsed(&self) -> Result<Parsed<'_>, DecodeError> {
        let columns: Columns<'_> =
            postcard::from_bytes(&self.plain).map_err(|error| DecodeError::new(CHUNK, error.to_string()))?;
        let mut texts = columns.transaction_ids.iter().copied();
        let mut uuids = &*self.uuids;
        let mut transaction_ids = Vec::with_capacity(columns.are_uuids.len());
        for is_uuid in &columns.are_uuids {
            let id = if *is_uuid {
                let (uuid, others) = uuids.split_at_checked(Hyphenated::LENGTH).ok_or_else(unfitting)?;
                uuids = others;
                uuid
            } else {
                texts.next().ok_or_else(unfitting)?
            };
            transaction_ids.push(id);
        }
        if !uuids.is_empty() || texts.next().is_some() {
            return Err(unfitting());
        }
        let in_micros = |timestamp: i64| timestamp.checked_mul(columns.timestamp_unit);
        let timestamps = summed(&columns.timestamps).map(in_micros).collect::<Option<_>>().ok_or_else(unfitting)?;
        Ok(Parsed { columns, transaction_ids, timestamps })
    }

    /// The transaction ids in it, copies included.
    pub(super) fn transaction_ids(&self) -> Result<Vec<&str>, DecodeError> {
        Ok(self.parsed()?.transaction_ids)
    }

    /// When the first of its events was received, microseconds.
    pub(super) fn first_reception(&self) -> Result<i64, DecodeError> {
        Ok(summed(&self.parsed()?.columns.received_at).min().unwrap_or_default())
    }

    /// The events with one of these transaction ids, in the order in which they stand.
    pub(super) fn of_ids(
        &self,
        organization: OrganizationId,
        ids: &HashSet<&str>,
    ) -> Result<Vec<Recorded>, DecodeError> {
        let parsed = self.parsed()?;
        let wanted: Vec<bool> = parsed.transaction_ids.iter().map(|id| ids.contains(id)).collect();
        if !wanted.contains(&true) {
            return Ok(Vec::new());
        }
        let keep = |place: usize| wanted.get(place).copied().unwrap_or_default();
        let rows = rows(organization, parsed, &keep, &|_| true).ok_or_else(unfitting)?;
        Ok(rows.into_iter().map(|(_, recorded)| recorded).collect())
    }

    /// The events that a reader wants, in the order in which they stand.
    pub(super) fn wanted(&self, organization: OrganizationId, wanted: &Wanted<'_>) -> Result<Vec<Event>, DecodeError> {
        let parsed = self.parsed()?;
        let covered: Vec<bool> = parsed.timestamps.iter().map(|timestamp| wanted.covers(*timestamp)).collect();
        let keep = |place: usize| covered.get(place).copied().unwrap_or_default();
        let rows = rows(organization, parsed, &keep, &|name| wanted.needs(name)).ok_or_else(unfitting)?;
        Ok(rows.into_iter().map(|(_, recorded)| recorded.event).collect())
    }
}

/// The events that a reader wants of those that are not folded, each transaction id once, in order of reception: the rule
/// of `domain::usage::event::first_of_each_id`, but that an earlier epoch comes first; and only then the reader's choice.
/// Ids that are `counted` elsewhere are none of these.
///
/// `chunks` are in the order of their names. Whatever the reader leaves out is not built: a month of a long log costs
/// little more than its ids.
pub(super) fn select(
    organization: OrganizationId,
    chunks: &[Unpacked],
    counted: &HashSet<String>,
    wanted: &Wanted<'_>,
) -> Result<Vec<Event>, DecodeError> {
    let epochs = chunks.iter().map(|chunk| chunk.epoch);
    let parsed = chunks.iter().map(Unpacked::parsed).collect::<Result<Vec<_>, _>>()?;
    let mut sightings = Vec::with_capacity(parsed.iter().map(|chunk| chunk.transaction_ids.len()).sum());
    for ((chunk, parsed), epoch) in parsed.iter().enumerate().zip(epochs) {
        let Parsed { columns, transaction_ids, timestamps } = parsed;
        let times = timestamps.iter().zip(summed(&columns.received_at)).zip(summed(&columns.positions));
        for (place, (transaction_id, ((timestamp, received_at), position))) in
            transaction_ids.iter().zip(times).enumerate()
        {
            let timestamp = *timestamp;
            sightings.push(Sighting { epoch, received_at, position, transaction_id, timestamp, chunk, place });
        }
    }
    // Stable: copies that are equal in all of this keep the order of names and places. Compare `by_reception`.
    let reception = |sighting: &Sighting<'_>| (sighting.received_at, sighting.position);
    sightings.sort_by(|a, b| {
        let ties = |one: &Sighting<'_>| one.timestamp;
        (a.epoch, reception(a), a.transaction_id, ties(a)).cmp(&(b.epoch, reception(b), b.transaction_id, ties(b)))
    });
    let mut seen = HashSet::with_capacity(sightings.len());
    let mut order: Vec<Vec<bool>> = parsed.iter().map(|chunk| vec![false; chunk.transaction_ids.len()]).collect();
    for sighting in &sightings {
        let is_first = seen.insert(sighting.transaction_id) && !counted.contains(sighting.transaction_id);
        order[sighting.chunk][sighting.place] = is_first && wanted.covers(sighting.timestamp);
    }
    let mut events = Vec::new();
    for (parsed, order) in parsed.into_iter().zip(&order) {
        let keep = |place: usize| order.get(place).copied().unwrap_or_default();
        let rows = rows(organization, parsed, &keep, &|name| wanted.needs(name)).ok_or_else(unfitting)?;
        events.extend(rows.into_iter().map(|(_, recorded)| recorded.event));
    }
    events.sort_by(|a, b| by_reception(a).cmp(&by_reception(b)));
    Ok(events)
}

/// The events of the columns at the places that `keep` names, with their places and the properties that `needs` names;
/// none if the columns do not fit together.
fn rows(
    organization: OrganizationId,
    Parsed { columns, transaction_ids, timestamps }: Parsed<'_>,
    keep: &dyn Fn(usize) -> bool,
    needs: &dyn Fn(&str) -> bool,
) -> Option<Vec<(usize, Recorded)>> {
    let Columns { external_subscription_id, code, .. } = columns;
    let count = transaction_ids.len();
    let lengths = [
        columns.attributed.len(),
        columns.ids.len(),
        timestamps.len(),
        columns.received_at.len(),
        columns.created_at.len(),
        columns.positions.len(),
        columns.customer_of.len(),
        columns.source_of.len(),
        columns.shape_of.len(),
    ];
    if lengths.iter().any(|length| *length != count) {
        return None;
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let source = |(ip, user_agent, is_checked): &(_, _, bool)| Source {
        ip: owned(*ip),
        user_agent: owned(*user_agent),
        is_checked: *is_checked,
    };
    let sources: Vec<Source> = columns.sources.iter().map(source).collect();
    let mut names = Vec::with_capacity(columns.properties.len());
    let mut values = Vec::with_capacity(columns.properties.len());
    for column in columns.properties {
        names.push((column.name, needs(column.name)));
        values.push(column.values.into_iter());
    }
    let mut times = timestamps.into_iter().zip(summed(&columns.received_at)).zip(summed(&columns.positions));
    let mut rows = Vec::new();
    for (place, transaction_id) in transaction_ids.iter().enumerate() {
        let ((timestamp, received_at), position) = times.next()?;
        let shape = columns.shapes.get(columns.shape_of[place] as usize)?;
        let is_kept = keep(place);
        let mut entries = Vec::new();
        for name in shape {
            let name = *name as usize;
            // Every event that has the property takes its value, also one that nobody wants.
            let value = values.get_mut(name)?.next()?;
            let (name, is_needed) = *names.get(name)?;
            if is_kept && is_needed {
                entries.push((name.to_owned(), value.into()));
            }
        }
        if !is_kept {
            continue;
        }
        let attributed = columns.attributed[place].then_some(external_subscription_id);
        let id = match columns.ids[place] {
            IdOf::Attributed => event_id(organization, attributed, code, transaction_id),
            IdOf::Absent => event_id(organization, None, code, transaction_id),
            IdOf::Other(id) => EventId(Uuid::from_bytes(id)),
        };
        let customer = match columns.customer_of[place].checked_sub(1) {
            Some(customer) => Some((*columns.customers.get(customer as usize)?).to_owned()),
            None => None,
        };
        let event = Event {
            id,
            transaction_id: (*transaction_id).to_owned(),
            external_subscription_id: owned(attributed),
            external_customer_id: customer,
            code: code.to_owned(),
            timestamp: DateTime::from_timestamp_micros(timestamp)?,
            received_at: DateTime::from_timestamp_micros(received_at)?,
            created_at: DateTime::from_timestamp_micros(received_at.wrapping_add(columns.created_at[place]))?,
            position: u32::try_from(position).ok()?,
            properties: Properties::new(entries),
        };
        rows.push((place, Recorded { event, source: sources.get(columns.source_of[place] as usize)?.clone() }));
    }
    // What is left over belongs to no event.
    values.iter().all(|column| column.len() == 0).then_some(rows)
}
