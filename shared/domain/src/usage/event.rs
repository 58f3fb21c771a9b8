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
    pub(super) fn by_timestamp(&self) -> impl Ord + '_ {
        (self.timestamp, self.by_reception())
    }

    /// Orders by reception: the order of processing (chapter 03, 3.5). The id makes the order total.
    pub(super) fn by_reception(&self) -> impl Ord + '_ {
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

/// The hourly check of chapter 03, 1.6, over the events received in an hour.
///
/// `live_metric` finds a live metric by code; 00-index rules that deleted ones do not matter. It is asked once per code.
#[must_use]
pub fn problems<'e, 'm>(
    events: impl IntoIterator<Item = &'e Event>,
    live_metric: impl Fn(&str) -> Option<&'m Metric>,
) -> Problems {
    let mut metrics: HashMap<&str, Option<&Metric>> = HashMap::new();
    let (mut codes, mut properties, mut keys) = (Ids::default(), Ids::default(), Ids::default());
    for event in events {
        let metric = *metrics.entry(&event.code).or_insert_with(|| live_metric(&event.code));
        let Some(metric) = metric else {
            codes.note(event);
            continue;
        };
        if lacks_aggregation_property(metric, &event.properties) {
            properties.note(event);
        }
        if lacks_group_key(metric, &event.properties) {
            keys.note(event);
        }
    }
    Problems {
        invalid_code: codes.listed,
        missing_aggregation_property: properties.listed,
        missing_group_key: keys.listed,
    }
}

/// Transaction ids, each once.
#[derive(Default)]
struct Ids<'a> {
    seen: HashSet<&'a str>,
    listed: Vec<String>,
}

impl<'a> Ids<'a> {
    fn note(&mut self, event: &'a Event) {
        if self.seen.insert(&event.transaction_id) {
            self.listed.push(event.transaction_id.clone());
        }
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
