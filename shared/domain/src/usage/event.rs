//! Usage events: what a client reported, and the checks that it can fail (chapter 03, section 1).
//!
//! Owns: acceptance, the id of an event, "one id counts once", and the hourly list of suspicious events.
//!
//! Does not own: which subscription an event belongs to, and what it counts for.

use std::collections::{HashMap, HashSet};

use chrono::DateTime;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::id::{EventId, OrganizationId, derived};
use crate::metric::{AggregationType, Metric};
use crate::number;
use crate::time::Instant;
use crate::value::Value;

pub use crate::metric::properties::Properties;

/// One accepted usage record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, see [`event_id`].
    pub id: EventId,
    /// The client's idempotency key.
    pub transaction_id: String,
    /// As sent; none is absent or null.
    pub external_subscription_id: Option<String>,
    /// As sent; none is absent or null.
    pub external_customer_id: Option<String>,
    /// The metric's code; need not exist.
    pub code: String,
    /// When the usage happened, microseconds.
    pub timestamp: Instant,
    /// When the event was received, by the real clock: the order of reception, also where time stands still.
    pub received_at: Instant,
    /// When the event was received, by the organization's clock: what clients see.
    pub created_at: Instant,
    /// Place within its batch: breaks ties of `received_at` (00-index, ruling 9).
    pub position: u32,
    /// What was sent with it.
    pub properties: Properties,
}

impl Event {
    /// Orders by time of usage, ties by reception (chapter 03, 3.1). The id makes the order total.
    pub(crate) fn by_timestamp(&self) -> impl Ord + '_ {
        (self.timestamp, self.by_reception())
    }

    /// Orders by reception: the order of processing (chapter 03, 3.5). The id makes the order total.
    pub(crate) fn by_reception(&self) -> impl Ord + '_ {
        (self.received_at, self.position, self.transaction_id.as_str())
    }
}

/// The id of an event: derived from what makes it unique, so a repeat has the same (00-index, ruling 2).
///
/// An absent external subscription id and null are one value; an empty text is another.
#[must_use]
pub fn event_id(
    organization: OrganizationId,
    external_subscription_id: Option<&str>,
    code: &str,
    transaction_id: &str,
) -> EventId {
    let sent: &[u8] = if external_subscription_id.is_some() { b"sent" } else { b"absent" };
    let subscription = external_subscription_id.unwrap_or_default();
    EventId(derived(
        "event",
        &[organization.0.as_bytes(), sent, subscription.as_bytes(), code.as_bytes(), transaction_id.as_bytes()],
    ))
}

/// Why an event is refused. `field()` and `code()` are part of the public contract (chapter 03, 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// No idempotency key.
    #[error("the transaction id is missing")]
    TransactionIdMissing,
    /// No metric code.
    #[error("the code is missing")]
    CodeMissing,
    /// A timestamp that is no number, or beyond what an instant can be.
    #[error("the timestamp is no number of seconds")]
    TimestampInvalid,
}

impl EventError {
    /// The field that is wrong.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            EventError::TransactionIdMissing => "transaction_id",
            EventError::CodeMissing => "code",
            EventError::TimestampInvalid => "timestamp",
        }
    }

    /// The public error code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            EventError::TransactionIdMissing | EventError::CodeMissing => "value_is_mandatory",
            EventError::TimestampInvalid => "invalid_format",
        }
    }
}

/// An event as sent: null is absent. Texts may come as numbers; lists and maps in a text's place are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEvent {
    /// `transaction_id`.
    pub transaction_id: Value,
    /// `code`.
    pub code: Value,
    /// `external_subscription_id`.
    pub external_subscription_id: Value,
    /// `external_customer_id`.
    pub external_customer_id: Value,
    /// `timestamp`: seconds since the epoch.
    pub timestamp: Value,
    /// `properties`.
    pub properties: Value,
}

/// The circumstances of an event's arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reception {
    /// When the event was received.
    pub received_at: Instant,
    /// Its place within its batch.
    pub position: u32,
    /// The organization's present instant (a sandbox has its own): the timestamp of an event without one.
    pub now: Instant,
}

impl NewEvent {
    /// The only checks that a client waits for (chapter 03, 1.1): all errors at once, in the order of its table.
    pub fn accept(self, organization: OrganizationId, reception: Reception) -> Result<Event, Vec<EventError>> {
        let mut errors = Vec::new();
        let transaction_id = mandatory(&self.transaction_id, EventError::TransactionIdMissing, &mut errors);
        let code = mandatory(&self.code, EventError::CodeMissing, &mut errors);
        let timestamp = parse_timestamp(&self.timestamp, reception.now).unwrap_or_else(|error| {
            errors.push(error);
            reception.now
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let external_subscription_id = self.external_subscription_id.scalar_text();
        Ok(Event {
            id: event_id(organization, external_subscription_id.as_deref(), &code, &transaction_id),
            transaction_id,
            external_subscription_id,
            external_customer_id: self.external_customer_id.scalar_text(),
            code,
            timestamp,
            received_at: reception.received_at,
            created_at: reception.now,
            position: reception.position,
            properties: Properties::from(self.properties),
        })
    }
}

/// The text, or the error noted and an empty text.
fn mandatory(value: &Value, missing: EventError, errors: &mut Vec<EventError>) -> String {
    let text = value.scalar_text().unwrap_or_default();
    if text.trim().is_empty() {
        errors.push(missing);
    }
    text
}

/// An event's timestamp: seconds since the epoch, kept to the microsecond, the excess rounded half up (chapter 03, 1.1).
///
/// Absent is `now`; so are null, an empty text, a list and a map, as everywhere on the wire (chapter 05, 1.3). A text
/// must be a number as a whole. What no instant can represent (about 262,000 years around the epoch) is invalid, too.
pub fn parse_timestamp(timestamp: &Value, now: Instant) -> Result<Instant, EventError> {
    let text = match timestamp {
        Value::Null | Value::List(_) | Value::Map(_) => return Ok(now),
        Value::Text(text) if text.is_empty() => return Ok(now),
        Value::Bool(_) => return Err(EventError::TimestampInvalid),
        Value::Number(text) | Value::Text(text) => text,
    };
    instant_of_seconds(text).ok_or(EventError::TimestampInvalid)
}

fn instant_of_seconds(text: &str) -> Option<Instant> {
    // Digits, sign, point and exponent only: the decimal parser takes more (`1_000`, ` 1 `).
    if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')) {
        return None;
    }
    let micros = number::parse(text)?.checked_mul(Decimal::from(1_000_000))?;
    let rounded = micros.checked_add(Decimal::new(5, 1))?.floor();
    DateTime::from_timestamp_micros(rounded.to_i64()?)
}

/// The events that count: of several with one transaction id the first received (DESIGN, 5; 00-index, ruling 2).
///
/// The events are those of one log (organization, external subscription id, code), in any order, copies included. The
/// result is in order of reception.
#[must_use]
pub fn first_of_each_id<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a Event> {
    let mut events: Vec<&Event> = events.into_iter().collect();
    // Two different copies of one reception instant and place (in two batches) are told apart by their timestamps.
    events.sort_by(|a, b| a.by_reception().cmp(&b.by_reception()).then(a.timestamp.cmp(&b.timestamp)));
    let mut seen = HashSet::with_capacity(events.len());
    events.retain(|event| seen.insert(event.transaction_id.as_str()));
    events
}

/// What the hourly check found: transaction ids, distinct within a list, in the order looked at (chapter 03, 1.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    /// No live metric has the event's code.
    pub invalid_code: Vec<String>,
    /// The counted property is absent, or no number where one is needed.
    pub missing_aggregation_property: Vec<String>,
    /// A dimension's property is absent.
    pub missing_group_key: Vec<String>,
}

impl Problems {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.invalid_code.is_empty()
            && self.missing_aggregation_property.is_empty()
            && self.missing_group_key.is_empty()
    }
}

/// Whether an event is gone with its metric: a metric with its code was deleted after the event came, and the event is not
/// of a later metric that took the code (chapter 03, 1.2 and 2.6). `catalogue` holds deleted metrics, too.
#[must_use]
pub fn is_deleted(event: &Event, catalogue: &[Metric]) -> bool {
    let mut namesakes = catalogue.iter().filter(|metric| metric.code == event.code);
    let is_of_live = namesakes.clone().any(|metric| metric.is_live() && came_after(event, metric));
    !is_of_live && namesakes.any(|metric| metric.deleted_at.is_some_and(|deleted_at| event.created_at <= deleted_at))
}

/// Whether an event was received after a metric was created. Both were by the real clock: a test clock may stand still.
#[must_use]
pub fn came_after(event: &Event, metric: &Metric) -> bool {
    event.received_at.timestamp_micros() > metric.created_seq
}

/// What is odd about an event, in the list of events (chapter 03, 1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Warning {
    /// No live metric has its code.
    UnknownCode,
    /// Its metric counts a property that the event does not have.
    PropertyNotSent,
}

impl Warning {
    /// The word of the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Warning::UnknownCode => "code_matches_no_billable_metric",
            Warning::PropertyNotSent => "aggregation_property_not_sent",
        }
    }
}

/// The warning about an event, if any; `metric` is the live one with its code. Only the key's presence counts (chapter 03, 1.7).
#[must_use]
pub fn warning(event: &Event, metric: Option<&Metric>) -> Option<Warning> {
    let Some(metric) = metric else { return Some(Warning::UnknownCode) };
    let field = metric.field_name.as_deref()?;
    event.properties.get(field).is_none().then_some(Warning::PropertyNotSent)
}

/// Most bytes of transaction ids in one list: what is sent must fit into an item and be taken by receivers.
const LIST_BYTES_MAX: usize = 40 * 1024;

/// The hourly check of chapter 03, 1.6, under way: the events received in an hour, in any portions.
///
/// Only live metrics matter (00-index). A list ends where it would grow beyond 40 KB; see [`HourlyCheck::is_cut`].
#[derive(Debug)]
pub struct HourlyCheck<'m> {
    metrics: HashMap<&'m str, &'m Metric>,
    codes: Ids,
    properties: Ids,
    keys: Ids,
}

impl<'m> HourlyCheck<'m> {
    /// A check against the live ones of `metrics`.
    #[must_use]
    pub fn new(metrics: impl IntoIterator<Item = &'m Metric>) -> Self {
        let live = metrics.into_iter().filter(|metric| metric.is_live());
        HourlyCheck {
            metrics: live.map(|metric| (metric.code.as_str(), metric)).collect(),
            codes: Ids::default(),
            properties: Ids::default(),
            keys: Ids::default(),
        }
    }

    /// Takes in an event; a copy changes nothing.
    pub fn note(&mut self, event: &Event) {
        let Some(metric) = self.metrics.get(event.code.as_str()) else {
            return self.codes.note(event);
        };
        if lacks_aggregation_property(metric, &event.properties) {
            self.properties.note(event);
        }
        if lacks_group_key(metric, &event.properties) {
            self.keys.note(event);
        }
    }

    /// Whether there was more than the lists can hold.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        [&self.codes, &self.properties, &self.keys].into_iter().any(|ids| ids.is_cut)
    }

    /// What was found.
    #[must_use]
    pub fn found(self) -> Problems {
        Problems {
            invalid_code: self.codes.listed,
            missing_aggregation_property: self.properties.listed,
            missing_group_key: self.keys.listed,
        }
    }
}

/// Transaction ids, each once.
#[derive(Debug, Default)]
struct Ids {
    seen: HashSet<String>,
    listed: Vec<String>,
    bytes: usize,
    is_cut: bool,
}

impl Ids {
    fn note(&mut self, event: &Event) {
        if self.is_cut || self.seen.contains(&event.transaction_id) {
            return;
        }
        self.bytes += event.transaction_id.len();
        if self.bytes > LIST_BYTES_MAX {
            self.is_cut = true;
            return;
        }
        self.seen.insert(event.transaction_id.clone());
        self.listed.push(event.transaction_id.clone());
    }
}

fn lacks_aggregation_property(metric: &Metric, properties: &Properties) -> bool {
    if metric.aggregation == AggregationType::Count {
        return false;
    }
    match metric.field_name.as_deref().and_then(|name| properties.get(name)) {
        None | Some(Value::Null) => true,
        Some(value) => metric.aggregation.is_numeric() && value.as_plain_number().is_none(),
    }
}

/// Whether the first dimension's key is absent, or every key of the second one. Values do not matter.
fn lacks_group_key(metric: &Metric, properties: &Properties) -> bool {
    use crate::metric::groups::Groups;
    let sent = |key: &str| properties.get(key).is_some();
    match &metric.groups {
        Groups::None => false,
        Groups::One { key, .. } => !sent(key),
        Groups::Two { key, parents } => !sent(key) || !parents.iter().any(|parent| sent(&parent.key)),
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
