//! Logs, metrics and windows for tests, written as one writes them down.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Days as ChronoDays, NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::id::{GroupId, MetricId, OrganizationId};
use crate::metric::groups::Groups;
use crate::metric::{AggregationType, Metric, WeightedInterval};
use crate::time::Instant;
use crate::value::Value;

use super::event::{Event, Properties, event_id};
use super::window::{Days, End, Shared, Window};

/// `2022-07-09`, `2022-07-09T10:00` or `2022-07-09T10:00:00.5`, UTC.
pub(crate) fn at(text: &str) -> Instant {
    let full = match text.len() {
        10 => format!("{text}T00:00:00"),
        16 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    NaiveDateTime::parse_from_str(&full, "%Y-%m-%dT%H:%M:%S%.f").unwrap().and_utc()
}

/// A whole period from the start of one date to the end of another; `D` is its length.
pub(crate) fn window(first: &str, last: &str) -> Window {
    let from = at(first);
    let to = at(last) + ChronoDays::new(1) - TimeDelta::microseconds(1);
    Window { from, to, end: End::Included, shared: Shared::default(), period_days: Utc.calendar_days(from, to) }
}

/// Days of UTC.
pub(crate) struct Utc;

impl Days for Utc {
    fn days(&self, from: Instant, to: Instant) -> i64 {
        let micros = (to - from).num_microseconds().unwrap();
        -(-micros).div_euclid(86_400_000_000)
    }

    fn calendar_days(&self, from: Instant, to: Instant) -> i64 {
        (to.date_naive() - from.date_naive()).num_days() + 1
    }
}

/// A metric on the property `value`, without dimensions.
pub(crate) fn metric(aggregation: AggregationType) -> Metric {
    Metric {
        id: MetricId(Uuid::from_u128(1)),
        name: "Usage".into(),
        code: "usage".into(),
        description: None,
        aggregation,
        weighted_interval: (aggregation == AggregationType::WeightedSum).then_some(WeightedInterval::Seconds),
        recurring: false,
        field_name: (aggregation != AggregationType::Count).then(|| "value".into()),
        groups: Groups::None,
        created_at: DateTime::UNIX_EPOCH,
        created_seq: 0,
        deleted_at: None,
    }
}

impl Metric {
    pub(crate) fn recurring(self) -> Metric {
        Metric { recurring: true, ..self }
    }

    /// With dimensions; ids are 1, 2, 3 ... in the order sent.
    pub(crate) fn by(self, group: &Value) -> Metric {
        Metric { groups: Groups::parse(group, ids(1)).unwrap(), ..self }
    }

    /// The id of the leaf with this display name.
    pub(crate) fn leaf(&self, name: &str) -> Option<GroupId> {
        self.groups.leaves().iter().find(|leaf| leaf.display_name() == name).map(|leaf| leaf.id)
    }
}

/// Group ids that count up.
pub(crate) fn ids(first: u128) -> impl FnMut() -> GroupId {
    let mut next = first;
    move || {
        next += 1;
        GroupId(Uuid::from_u128(next - 1))
    }
}

/// One dimension.
pub(crate) fn one(key: &str, values: &[&str]) -> Value {
    map(&[("key", text(key)), ("values", texts(values))])
}

/// Two dimensions from (name, key, values).
pub(crate) fn two(key: &str, parents: &[(&str, &str, &[&str])]) -> Value {
    let parent = |(name, key, values): &(&str, &str, &[&str])| {
        map(&[("name", text(name)), ("key", text(key)), ("values", texts(values))])
    };
    map(&[("key", text(key)), ("values", Value::List(parents.iter().map(parent).collect()))])
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(crate) fn texts(values: &[&str]) -> Value {
    Value::List(values.iter().map(|value| text(value)).collect())
}

pub(crate) fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// Events, one per line or `;`: a timestamp, then properties, then perhaps `*n` for n such events. They are received in
/// the order written. `'x'` is a text, `true` and `null` are themselves, anything else is a number.
///
/// ```text
/// 2022-07-09T10:00 value=12 region='usa' *4
/// ```
pub(crate) fn log(lines: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for line in lines.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        let (line, times) = line.split_once('*').unwrap_or((line, "1"));
        let (timestamp, properties) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let properties = Properties::new(properties.split_whitespace().map(property).collect());
        for _ in 0..times.trim().parse().unwrap() {
            events.push(event(events.len(), at(timestamp), properties.clone()));
        }
    }
    events
}

fn property(text: &str) -> (String, Value) {
    let (name, value) = text.split_once('=').unwrap();
    let value = match value {
        "true" => Value::Bool(true),
        "null" => Value::Null,
        text if text.starts_with('\'') => Value::Text(text.trim_matches('\'').to_owned()),
        number => Value::Number(number.to_owned()),
    };
    (name.to_owned(), value)
}

/// The event `t<number>`, received that many seconds after noon of 2030-01-01.
pub(crate) fn event(number: usize, timestamp: Instant, properties: Properties) -> Event {
    let transaction_id = format!("t{number}");
    Event {
        id: event_id(OrganizationId(Uuid::nil()), Some("sub"), "usage", &transaction_id),
        transaction_id,
        external_subscription_id: Some("sub".into()),
        external_customer_id: None,
        code: "usage".into(),
        timestamp,
        received_at: at("2030-01-01T12:00") + TimeDelta::seconds(number.try_into().unwrap()),
        created_at: at("2030-01-01T12:00"),
        position: 0,
        properties,
    }
}
