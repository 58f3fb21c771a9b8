//! Usage events: the hot path in, and the event object out (chapter 03, 1; chapter 05, 2.10; chapter 06, 10).
//!
//! Reading borrows from the request's body: texts are copied only if they hold escapes, and properties stay the JSON
//! text that was sent until somebody looks into them. A batch costs one pass.
//!
//! The events queue holds the same objects (`ParsedEvent::to_queue_json`, read back by `parse_item`), so a producer may
//! write to the queue what it would have sent to the API.

use std::borrow::Cow;
use std::fmt;

use domain::id::{CustomerId, EventId, OrganizationId, SubscriptionId};
use domain::metric::Metric;
use domain::problem::{Problems, codes};
use domain::time::{Instant, Zone};
use domain::usage::event::{self, Event, EventError, Properties, Reception, Warning, warning};
use domain::value::Value;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::ErrorBody;
use crate::format;
use crate::input::MissingRoot;
use crate::value;

#[cfg(test)]
mod tests;

/// Most events of a batch.
pub const EVENTS_PER_BATCH_MAX: usize = 100;

/// Most bytes of an event: its values as compact JSON.
pub const EVENT_BYTES_MAX: usize = 100 * 1024;

/// Most characters of an event's ids and code: every log, receipt and message repeats them.
pub const ID_CHARACTERS_MAX: usize = 255;

/// Why a request with events is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// 400: it is no JSON.
    #[error("the body is no JSON")]
    Malformed,
    /// 400: the root is missing or empty.
    #[error(transparent)]
    MissingRoot(#[from] MissingRoot),
    /// 422: everything that is wrong.
    #[error("the events are not valid")]
    Invalid(Problems),
}

impl From<ParseError> for ErrorBody {
    fn from(error: ParseError) -> ErrorBody {
        match error {
            ParseError::Malformed => ErrorBody::malformed(),
            ParseError::MissingRoot(MissingRoot(root)) => ErrorBody::missing_root(root),
            ParseError::Invalid(problems) => ErrorBody::invalid(&problems),
        }
    }
}

/// One valid event as it was sent.
#[derive(Debug, Clone)]
pub struct ParsedEvent<'a> {
    /// The client's idempotency key, not blank.
    pub transaction_id: Cow<'a, str>,
    /// The metric's code, not blank; need not exist.
    pub code: Cow<'a, str>,
    /// None is absent or null.
    pub external_customer_id: Option<Cow<'a, str>>,
    /// None is absent or null.
    pub external_subscription_id: Option<Cow<'a, str>>,
    /// When the usage happened; none is 'now'.
    pub timestamp: Option<Instant>,
    /// INVARIANT: a compact object that `value::read` can read (`accept` saw to it); none is `{}`.
    properties: Option<Cow<'a, RawValue>>,
}

impl ParsedEvent<'_> {
    /// The properties as compact JSON, numbers with the digits sent.
    #[must_use]
    pub fn properties_json(&self) -> &str {
        self.properties.as_ref().map_or("{}", |properties| properties.get())
    }

    /// The properties as the rules see them.
    #[must_use]
    pub fn properties(&self) -> Properties {
        // Readable: see the field's invariant.
        self.properties.as_deref().and_then(value::read).map(Properties::from).unwrap_or_default()
    }

    /// The event's id: the same for a repeated event (00-index, ruling 2).
    #[must_use]
    pub fn id(&self, organization: OrganizationId) -> EventId {
        event::event_id(organization, self.external_subscription_id.as_deref(), &self.code, &self.transaction_id)
    }

    /// The event as the rules see it. Without a timestamp it is dated `reception.now`.
    #[must_use]
    pub fn to_event(&self, organization: OrganizationId, reception: Reception) -> Event {
        Event {
            id: self.id(organization),
            transaction_id: self.transaction_id.clone().into_owned(),
            external_subscription_id: self.external_subscription_id.clone().map(Cow::into_owned),
            external_customer_id: self.external_customer_id.clone().map(Cow::into_owned),
            code: self.code.clone().into_owned(),
            timestamp: self.timestamp.unwrap_or(reception.now),
            received_at: reception.received_at,
            created_at: reception.now,
            position: reception.position,
            properties: self.properties(),
        }
    }

    /// The event as it goes into the queue: compact, and dated, so that it means the same whenever it is read.
    #[must_use]
    pub fn to_queue_json(&self, now: Instant) -> Box<RawValue> {
        let queued = Queued {
            transaction_id: &self.transaction_id,
            code: &self.code,
            external_customer_id: self.external_customer_id.as_deref(),
            external_subscription_id: self.external_subscription_id.as_deref(),
            timestamp: Seconds(self.timestamp.unwrap_or(now)),
            properties: self.properties.as_deref(),
        };
        // Texts, a number and raw JSON: nothing in it can fail to be JSON.
        serde_json::value::to_raw_value(&queued).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

/// Properties as compact JSON, numbers with the digits sent.
///
/// # Errors
/// None in fact: what was read from JSON is JSON.
pub fn properties_json(properties: &Properties) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(&PropertiesOutput::Stored(properties))
}

/// The properties of `properties_json`; none if it is no object that an event can have.
#[must_use]
pub fn properties_of(json: &RawValue) -> Option<Properties> {
    value::read(json).map(Properties::from)
}

#[derive(serde::Serialize)]
struct Queued<'a> {
    transaction_id: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_subscription_id: Option<&'a str>,
    timestamp: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<&'a RawValue>,
}

/// An instant as a number of seconds, exact to the microsecond.
struct Seconds(Instant);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.timestamp_subsec_micros() == 0 {
            return serializer.serialize_i64(self.0.timestamp());
        }
        let seconds = Decimal::new(self.0.timestamp_micros(), 6).normalize().to_string();
        RawValue::from_string(seconds).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// What `POST /events/batch` asks for.
#[derive(Debug, Clone)]
pub enum Batch<'a> {
    /// 1 to 100 events, all valid.
    Events(Vec<ParsedEvent<'a>>),
    /// The deprecated shape: one event for several subscriptions.
    Legacy(LegacyBatch<'a>),
}

/// One event for several subscriptions of a customer (chapter 03, 1.4).
#[derive(Debug, Clone)]
pub struct LegacyBatch<'a> {
    /// As sent; empty if the list is missing, which is 404 `subscription_not_found`.
    pub external_subscription_ids: Vec<String>,
    /// The event, or what is wrong with it: to be told after the 404s.
    pub event: Result<ParsedEvent<'a>, Problems>,
}

impl LegacyBatch<'_> {
    /// One event per subscription, `transaction_id` with its place in the list.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub fn events(&self) -> Result<Vec<ParsedEvent<'_>>, Problems> {
        let event = self.event.as_ref().map_err(Problems::clone)?;
        let of_subscription = |(index, id)| ParsedEvent {
            transaction_id: Cow::Owned(format!("{}_{index}", event.transaction_id)),
            external_subscription_id: Some(Cow::Borrowed(id)),
            ..event.clone()
        };
        let ids = self.external_subscription_ids.iter().map(String::as_str);
        let events: Vec<ParsedEvent<'_>> = ids.enumerate().map(of_subscription).collect();
        // The place is a part of the id.
        if events.iter().any(|event| is_too_long(&event.transaction_id)) {
            return Err(Problems::one("transaction_id", codes::TOO_LONG));
        }
        Ok(events)
    }
}

/// Reads the body of `POST /events`.
///
/// # Errors
/// No JSON, no `event`, or an event that is not valid.
pub fn parse_one(body: &[u8]) -> Result<ParsedEvent<'_>, ParseError> {
    let sent = root(body)?.event.filter(|event| event.is_there).ok_or(MissingRoot("event"))?;
    let mut problems = Problems::default();
    let event = accept(&sent, &mut problems, str::to_owned)?;
    problems.or(event).map_err(ParseError::Invalid)
}

/// Reads the body of `POST /events/batch`, all or nothing. Problems of entry 3 stand under `3.<field>`.
///
/// # Errors
/// No JSON, neither `events` nor `event`, none or too many events, or events that are not valid.
pub fn parse_batch(body: &[u8]) -> Result<Batch<'_>, ParseError> {
    let root = root(body)?;
    let Some(events) = root.events else {
        let event = root.event.filter(|event| event.is_there).ok_or(MissingRoot("event"))?;
        return Ok(Batch::Legacy(legacy(&event)?));
    };
    if events.count == 0 {
        return Err(ParseError::Invalid(Problems::one("events", "no_events")));
    }
    if events.count > EVENTS_PER_BATCH_MAX {
        return Err(ParseError::Invalid(Problems::one("events", "too_many_events")));
    }
    let mut problems = Problems::default();
    let accepted = events
        .first
        .iter()
        .enumerate()
        .map(|(index, sent)| accept(sent, &mut problems, |field| format!("{index}.{field}")));
    let accepted = accepted.collect::<Result<_, _>>()?;
    problems.or(Batch::Events(accepted)).map_err(ParseError::Invalid)
}

/// Reads one event object without a root: an entry of the events queue.
///
/// # Errors
/// An event that is not valid.
pub fn parse_item(json: &RawValue) -> Result<ParsedEvent<'_>, ParseError> {
    let sent: Sent<'_> = serde_json::from_str(json.get()).map_err(|_| ParseError::Malformed)?;
    let mut problems = Problems::default();
    let event = accept(&sent, &mut problems, str::to_owned)?;
    problems.or(event).map_err(ParseError::Invalid)
}

fn root(body: &[u8]) -> Result<Root<'_>, ParseError> {
    // One look at the whole text is cheaper than one at each piece of it.
    let text = std::str::from_utf8(body).map_err(|_| ParseError::Malformed)?;
    if text.trim().is_empty() {
        return Ok(Root::default());
    }
    serde_json::from_str(text).map_err(|_| ParseError::Malformed)
}

fn legacy<'a>(sent: &Sent<'a>) -> Result<LegacyBatch<'a>, ParseError> {
    let ids = sent.external_subscription_ids.filter(|ids| ids.get().starts_with('['));
    let ids: Vec<&RawValue> =
        ids.map_or(Ok(Vec::new()), |ids| serde_json::from_str(ids.get())).map_err(|_| ParseError::Malformed)?;
    let ids = ids.into_iter().filter_map(|id| text(Some(id)).transpose());
    let external_subscription_ids = ids.map(|id| id.map(Cow::into_owned)).collect::<Result<_, _>>()?;
    let mut problems = Problems::default();
    let event = accept(sent, &mut problems, str::to_owned)?;
    Ok(LegacyBatch { external_subscription_ids, event: problems.or(event) })
}

/// The checks that a client waits for (chapter 03, 1.1). The event is only to be used if nothing was noted.
fn accept<'a>(
    sent: &Sent<'a>,
    problems: &mut Problems,
    name: impl Fn(&str) -> String,
) -> Result<ParsedEvent<'a>, ParseError> {
    let mut refuse = |error: EventError| problems.add(&name(error.field()), error.code());
    let mut mandatory = |sent, missing| -> Result<Cow<'a, str>, ParseError> {
        let text = text(sent)?.unwrap_or_default();
        if text.trim().is_empty() {
            refuse(missing);
        }
        Ok(text)
    };
    let transaction_id = mandatory(sent.transaction_id, EventError::TransactionIdMissing)?;
    let code = mandatory(sent.code, EventError::CodeMissing)?;
    let timestamp = timestamp(sent.timestamp)?.unwrap_or_else(|error| {
        refuse(error);
        None
    });
    let properties = sent.properties.filter(|properties| properties.get().starts_with('{')).map(value::compact);
    if sent.bytes(properties.as_deref()) > EVENT_BYTES_MAX {
        problems.add(&name("properties"), codes::TOO_LONG);
    } else if !properties.as_deref().is_none_or(is_readable) {
        return Err(ParseError::Malformed);
    }
    let external_customer_id = text(sent.external_customer_id)?;
    let external_subscription_id = text(sent.external_subscription_id)?;
    for (field, id) in [
        ("transaction_id", Some(&transaction_id)),
        ("code", Some(&code)),
        ("external_customer_id", external_customer_id.as_ref()),
        ("external_subscription_id", external_subscription_id.as_ref()),
    ] {
        if id.is_some_and(|id| is_too_long(id)) {
            problems.add(&name(field), codes::TOO_LONG);
        }
    }
    Ok(ParsedEvent { transaction_id, code, external_customer_id, external_subscription_id, timestamp, properties })
}

fn is_too_long(id: &str) -> bool {
    // Nearly always seen without counting.
    id.len() > ID_CHARACTERS_MAX && id.chars().count() > ID_CHARACTERS_MAX
}

/// Whether `value::read` will be able to read it. Nearly always seen without reading.
fn is_readable(json: &RawValue) -> bool {
    let bytes = json.get().as_bytes();
    let opened = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    (opened <= value::DEPTH_MAX && !bytes.contains(&b'\\')) || value::read(json).is_some()
}

/// A scalar as sent.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Bool(&'a str),
}

/// None is absent, null, a list or a map (chapter 05, 1.3).
fn scalar(sent: Option<&RawValue>) -> Result<Option<Scalar<'_>>, ParseError> {
    let Some(json) = sent.map(RawValue::get) else { return Ok(None) };
    match json.as_bytes().first() {
        Some(b'"') => value::unescaped(json).map(|text| Some(Scalar::Text(text))).ok_or(ParseError::Malformed),
        Some(b't' | b'f') => Ok(Some(Scalar::Bool(json))),
        Some(b'-' | b'0'..=b'9') => Ok(Some(Scalar::Number(json))),
        _ => Ok(None),
    }
}

/// A text; numbers and truth values count as their text, numbers in plain notation.
fn text(sent: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, ParseError> {
    Ok(match scalar(sent)? {
        None => None,
        Some(Scalar::Text(text)) => Some(text),
        Some(Scalar::Number(number)) if number.contains(['e', 'E']) => {
            Value::Number(number.to_owned()).scalar_text().map(Cow::Owned)
        }
        Some(Scalar::Number(text) | Scalar::Bool(text)) => Some(Cow::Borrowed(text)),
    })
}

fn timestamp(sent: Option<&RawValue>) -> Result<Result<Option<Instant>, EventError>, ParseError> {
    let value = match scalar(sent)? {
        None => return Ok(Ok(None)),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(Ok(None)),
        Some(Scalar::Text(text)) => Value::Text(text.into_owned()),
        Some(Scalar::Number(number)) => Value::Number(number.to_owned()),
        Some(Scalar::Bool(word)) => Value::Bool(word == "true"),
    };
    // The second argument stands for an absent timestamp, which is not the case any more.
    Ok(event::parse_timestamp(&value, Instant::UNIX_EPOCH).map(Some))
}

/// The keys that a body may have at its root.
#[derive(Default)]
struct Root<'a> {
    event: Option<Sent<'a>>,
    events: Option<SentList<'a>>,
}

/// The entries of `events`: more than a batch may have are counted, not kept.
#[derive(Default)]
struct SentList<'a> {
    first: Vec<Sent<'a>>,
    count: usize,
}

/// One event object, its values unread. What is no object has no values.
#[derive(Default)]
struct Sent<'a> {
    /// Whether it is an object with any key.
    is_there: bool,
    transaction_id: Option<&'a RawValue>,
    code: Option<&'a RawValue>,
    external_customer_id: Option<&'a RawValue>,
    external_subscription_id: Option<&'a RawValue>,
    external_subscription_ids: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    properties: Option<&'a RawValue>,
}

impl Sent<'_> {
    /// Bytes of all values, with the properties as they will be kept.
    fn bytes(&self, properties: Option<&RawValue>) -> usize {
        let others = [
            self.transaction_id,
            self.code,
            self.external_customer_id,
            self.external_subscription_id,
            self.timestamp,
            properties,
        ];
        others.into_iter().flatten().map(|value| value.get().len()).sum()
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum RootKey {
    Event,
    Events,
    #[serde(other)]
    Other,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum EventKey {
    TransactionId,
    Code,
    ExternalCustomerId,
    ExternalSubscriptionId,
    ExternalSubscriptionIds,
    Timestamp,
    Properties,
    #[serde(other)]
    Other,
}

/// What a value of a given shape becomes; every other shape becomes the default.
macro_rules! other_shapes {
    (@scalars) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (@seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            while entries.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (@map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

struct RootVisitor;

impl<'de> Visitor<'de> for RootVisitor {
    type Value = Root<'de>;

    other_shapes!(@scalars);
    other_shapes!(@seq);

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Root<'de>, A::Error> {
        let mut root = Root::default();
        while let Some(key) = entries.next_key()? {
            match key {
                RootKey::Event => root.event = Some(entries.next_value()?),
                RootKey::Events => root.events = entries.next_value::<MaybeList<'_>>()?.0,
                RootKey::Other => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(root)
    }
}

impl<'de> Deserialize<'de> for Root<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RootVisitor)
    }
}

/// `events`, if it is a list.
#[derive(Default)]
struct MaybeList<'a>(Option<SentList<'a>>);

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = MaybeList<'de>;

    other_shapes!(@scalars);
    other_shapes!(@map);

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<MaybeList<'de>, A::Error> {
        let mut list = SentList::default();
        while list.count < EVENTS_PER_BATCH_MAX {
            let Some(sent) = entries.next_element()? else { return Ok(MaybeList(Some(list))) };
            list.first.push(sent);
            list.count += 1;
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {
            list.count += 1;
        }
        Ok(MaybeList(Some(list)))
    }
}

impl<'de> Deserialize<'de> for MaybeList<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = Sent<'de>;

    other_shapes!(@scalars);
    other_shapes!(@seq);

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Sent<'de>, A::Error> {
        let mut sent = Sent::default();
        while let Some(key) = entries.next_key()? {
            sent.is_there = true;
            let place = match key {
                EventKey::TransactionId => &mut sent.transaction_id,
                EventKey::Code => &mut sent.code,
                EventKey::ExternalCustomerId => &mut sent.external_customer_id,
                EventKey::ExternalSubscriptionId => &mut sent.external_subscription_id,
                EventKey::ExternalSubscriptionIds => &mut sent.external_subscription_ids,
                EventKey::Timestamp => &mut sent.timestamp,
                EventKey::Properties => &mut sent.properties,
                EventKey::Other => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            // Not `Option<&RawValue>`: that would go by way of `deserialize_option`, which raw values cannot.
            *place = Some(entries.next_value::<&RawValue>()?);
        }
        Ok(sent)
    }
}

impl<'de> Deserialize<'de> for Sent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SentVisitor)
    }
}

/// The event object of an answer.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Event")]
pub struct Output<'a> {
    lago_id: Uuid,
    transaction_id: &'a str,
    lago_customer_id: Option<Uuid>,
    external_customer_id: Option<&'a str>,
    code: &'a str,
    timestamp: String,
    #[schemars(with = "crate::schema::Object")]
    properties: PropertiesOutput<'a>,
    lago_subscription_id: Option<Uuid>,
    external_subscription_id: &'a str,
    created_at: String,
}

/// What processing found out about a stored event (chapter 03, 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inferred<'a> {
    /// Shown if the event came without one.
    pub external_customer_id: Option<&'a str>,
    /// Shown if the event came without one.
    pub external_subscription_id: Option<&'a str>,
    /// Only for events of the deprecated batch.
    pub customer_id: Option<CustomerId>,
    /// Only for events of the deprecated batch.
    pub subscription_id: Option<SubscriptionId>,
}

impl<'a> Output<'a> {
    /// The answer to an accepted event: ids as sent, nothing inferred. `now` is the organization's present instant.
    #[must_use]
    pub fn accepted(event: &'a ParsedEvent<'_>, organization: OrganizationId, now: Instant) -> Output<'a> {
        Output {
            lago_id: event.id(organization).0,
            transaction_id: &event.transaction_id,
            lago_customer_id: None,
            external_customer_id: event.external_customer_id.as_deref(),
            code: &event.code,
            timestamp: format::timestamp_ms(event.timestamp.unwrap_or(now)),
            properties: PropertiesOutput::Sent(event.properties.as_deref()),
            lago_subscription_id: None,
            external_subscription_id: event.external_subscription_id.as_deref().unwrap_or_default(),
            created_at: format::timestamp(now),
        }
    }

    /// A stored event.
    #[must_use]
    pub fn stored(event: &'a Event, inferred: Inferred<'a>) -> Output<'a> {
        let subscription = event.external_subscription_id.as_deref().or(inferred.external_subscription_id);
        Output {
            lago_id: event.id.0,
            transaction_id: &event.transaction_id,
            lago_customer_id: inferred.customer_id.map(Uuid::from),
            external_customer_id: event.external_customer_id.as_deref().or(inferred.external_customer_id),
            code: &event.code,
            timestamp: format::timestamp_ms(event.timestamp),
            properties: PropertiesOutput::Stored(&event.properties),
            lago_subscription_id: inferred.subscription_id.map(Uuid::from),
            external_subscription_id: subscription.unwrap_or_default(),
            created_at: format::timestamp(event.created_at),
        }
    }
}

/// What the list of events knows beside an event (chapter 03, 1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings<'a> {
    /// The zone of its customer, else the organization's.
    pub zone: Zone,
    /// Address of the client.
    pub ip: Option<&'a str>,
    /// Name of the client, as it gave it.
    pub client: Option<&'a str>,
    /// The live metric with its code.
    pub metric: Option<&'a Metric>,
}

/// An event in the list of events: the event, what stands around it, what was sent, and what is odd about it.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "ListedEvent")]
pub struct Listed<'a> {
    #[serde(flatten)]
    event: Output<'a>,
    customer_timezone: &'static str,
    ip_address: Option<&'a str>,
    api_client: Option<&'a str>,
    billable_metric_name: Option<&'a str>,
    payload: Payload<'a>,
    warnings: Vec<&'static str>,
}

#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "EventPayload")]
struct Payload<'a> {
    event: AsSent<'a>,
}

/// The event as a client would send it again; whole seconds.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "EventAsSent")]
struct AsSent<'a> {
    transaction_id: &'a str,
    external_customer_id: Option<&'a str>,
    external_subscription_id: Option<&'a str>,
    code: &'a str,
    timestamp: i64,
    #[schemars(with = "crate::schema::Object")]
    properties: PropertiesOutput<'a>,
}

impl<'a> Listed<'a> {
    /// An entry of the list of events.
    #[must_use]
    pub fn new(event: &'a Event, inferred: Inferred<'a>, around: Surroundings<'a>) -> Listed<'a> {
        let output = Output::stored(event, inferred);
        let payload = AsSent {
            transaction_id: &event.transaction_id,
            external_customer_id: output.external_customer_id,
            external_subscription_id: event.external_subscription_id.as_deref(),
            code: &event.code,
            timestamp: event.timestamp.timestamp(),
            properties: PropertiesOutput::Stored(&event.properties),
        };
        Listed {
            event: output,
            customer_timezone: around.zone.name(),
            ip_address: around.ip,
            api_client: around.client,
            billable_metric_name: around.metric.map(|metric| metric.name.as_str()),
            payload: Payload { event: payload },
            warnings: warning(event, around.metric).map(Warning::as_str).into_iter().collect(),
        }
    }
}

/// Properties of either origin as an object.
#[derive(Debug, Clone, Copy)]
enum PropertiesOutput<'a> {
    Sent(Option<&'a RawValue>),
    Stored(&'a Properties),
}

impl Serialize for PropertiesOutput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PropertiesOutput::Sent(Some(json)) => json.serialize(serializer),
            PropertiesOutput::Sent(None) => value::map(&[], serializer),
            PropertiesOutput::Stored(properties) => value::map(properties.entries(), serializer),
        }
    }
}
