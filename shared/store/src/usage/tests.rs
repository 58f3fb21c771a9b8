//! The log against the obvious model: a list of events, each id once.

use std::collections::HashSet;

use std::sync::Arc;

use chrono::{Days, TimeDelta};
use domain::id::{EventId, OrganizationId};
use domain::metric::properties::Properties;
use domain::time::Instant;
use domain::usage::event::{self, Event, event_id};
use domain::value::Value;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::items::samples::{at, id, organization_id};
use crate::items::tests::any_value;
use crate::sqlite::{Database, SqliteTable};

pub(super) fn table() -> SqliteTable {
    SqliteTable::open(Database::temporary().unwrap(), Arc::new(|| 0), &[])
}

pub(super) fn organization() -> OrganizationId {
    organization_id()
}

/// The `number`th call.
pub(super) fn arrival(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (number << 80))
}

pub(super) fn event(subscription: Option<&str>, code: &str, transaction_id: &str) -> Event {
    Event {
        id: event_id(organization(), subscription, code, transaction_id),
        transaction_id: transaction_id.to_owned(),
        external_subscription_id: subscription.map(str::to_owned),
        external_customer_id: None,
        code: code.to_owned(),
        timestamp: at("2024-02-01T00:00:00Z"),
        received_at: at("2024-02-01T00:00:01.000002Z"),
        created_at: at("2024-02-01T00:00:01.000002Z"),
        position: 0,
        properties: Properties::default(),
    }
}

pub(super) fn delivery(events: Vec<Event>) -> Delivery {
    Delivery { source: Source::default(), events }
}

/// `seconds` after the start of a February that begins shortly before midnight.
pub(super) fn later(seconds: i64) -> Instant {
    at("2024-02-01T23:59:50Z") + TimeDelta::seconds(seconds)
}

prop_compose! {
    pub(super) fn any_event()(
        transaction in 0_u8..12,
        subscription in prop::sample::select(vec![None, Some(""), Some("s"), Some("é")]),
        inferred in any::<bool>(),
        odd_id in prop::bool::weighted(0.1),
        code in prop::sample::select(vec!["calls", "seats"]),
        customer in prop::option::of("[ab]{0,2}"),
        timestamp in -5_000_000_000_000_000_i64..5_000_000_000_000_000,
        unit in prop::sample::select(vec![1, 1_000, 1_000_000]),
        received in 0_i64..20,
        created in -3_i64..3,
        position in prop_oneof![0_u32..3, Just(u32::MAX)],
        properties in prop::collection::vec(("[abc]|\\PC{0,3}", any_value()), 0..4),
    ) -> Event {
        // Some are UUIDs, of which only the usual form may be stored as such.
        let transaction_id = match transaction {
            0..3 => id(transaction.into()).to_string(),
            3 => id(0xabcd).to_string().to_uppercase(),
            4 => id(0xabcd).simple().to_string(),
            5 => format!("{{{}}}", &id(0xabcd).to_string()[..34]),
            _ => format!("tx{transaction}"),
        };
        let sent = if inferred { None } else { subscription };
        let mut names = HashSet::new();
        let properties = properties.into_iter().filter(|(name, _)| names.insert(name.clone())).collect();
        Event {
            id: if odd_id { EventId(id(transaction.into())) } else { event_id(organization(), sent, code, &transaction_id) },
            external_customer_id: customer,
            timestamp: chrono::DateTime::from_timestamp_micros(timestamp / unit * unit).unwrap(),
            received_at: later(received),
            created_at: later(received + created),
            position,
            properties: Properties::new(properties),
            ..event(subscription, code, &transaction_id)
        }
    }
}

/// The events of a log as the obvious model has them, in the order in which they were appended.
fn model(appended: &[Event], subscription: &str, code: &str) -> Vec<Event> {
    let of_log = appended.iter().filter(|event| {
        event.external_subscription_id.as_deref().unwrap_or_default() == subscription && event.code == code
    });
    event::first_of_each_id(of_log).into_iter().cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chunk_loses_nothing(mut events in prop::collection::vec(any_event(), 1..30), sources in prop::collection::vec("[xy]", 1..3)) {
        let source = |number: usize| Source {
            ip: Some(sources[number % sources.len()].clone()),
            user_agent: number.is_multiple_of(2).then(|| "curl".into()),
            is_checked: number.is_multiple_of(3),
        };
        let first = events[0].clone();
        for event in &mut events {
            // One log per chunk.
            event.code.clone_from(&first.code);
            if event.external_subscription_id.as_deref().unwrap_or_default() != first.external_subscription_id.as_deref().unwrap_or_default() {
                event.external_subscription_id.clone_from(&first.external_subscription_id);
            }
        }
        let sources: Vec<Source> = (0..events.len()).map(source).collect();
        let rows: Vec<Row<'_>> = events.iter().zip(&sources).collect();
        let chunks = chunk::encode(organization(), LogDay::of(&first), &rows, &Limits::PRODUCTION).unwrap();
        prop_assert_eq!(chunks.len(), 1);
        let decoded = chunk::decode(organization(), &chunks[0].0).unwrap();
        let expected: Vec<Recorded> = rows.iter().map(|(event, source)| Recorded { event: (*event).clone(), source: (*source).clone() }).collect();
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn any_appends_read_as_the_obvious_model(
        calls in prop::collection::vec((prop::collection::vec(any_event(), 0..8), prop::collection::vec(any_event(), 0..4), prop::option::of(0_usize..6)), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (table, organization) = (table(), organization());
            let mut written: Vec<Vec<Event>> = Vec::new();
            for (number, (first, second, again)) in calls.into_iter().enumerate() {
                let deliveries = [delivery(first), delivery(second)];
                append(&table, organization, &deliveries, arrival(number as u128)).await.unwrap();
                written.push(deliveries.into_iter().flat_map(|delivery| delivery.events).collect());
                // A redelivery: an earlier call's events again, under the same arrival or another.
                if let Some(earlier) = again.filter(|earlier| *earlier < written.len()) {
                    let copy = [delivery(written[earlier].clone())];
                    append(&table, organization, &copy, arrival(1000 + number as u128)).await.unwrap();
                }
            }
            let appended: Vec<Event> = written.concat();
            let mut everything = Vec::new();
            for subscription in ["", "s", "é", "unknown"] {
                for code in ["calls", "seats"] {
                    let expected = model(&appended, subscription, code);
                    assert_eq!(read(&table, organization, subscription, code, &Wanted::ALL).await.unwrap(), expected);
                    everything.extend(expected);
                }
            }
            let (from, to) = (later(0).date_naive(), later(20).date_naive());
            for transaction in 0..13 {
                let transaction_id = format!("tx{transaction}");
                let found = find(&table, organization, &transaction_id, from, to).await.unwrap();
                let copies = everything.iter().filter(|event| event.transaction_id == transaction_id);
                let earliest = copies.map(|event| (event.received_at, event.position, event.timestamp)).min();
                let found = found.map(|found| (found.event.received_at, found.event.position, found.event.timestamp));
                assert_eq!(found, earliest);
            }
            everything.sort_by_key(|event| std::cmp::Reverse((event.timestamp, event.received_at, event.position, event.transaction_id.clone())));
            for (offset, limit) in [(0, 100), (0, 3), (2, 5), (100, 10)] {
                let listed = recent(&table, organization, from, to, offset, limit).await.unwrap();
                assert_eq!(listed.total, everything.len());
                let order =
                    |event: &Event| (event.timestamp, event.received_at, event.position, event.transaction_id.clone());
                let expected: Vec<_> = everything.iter().skip(offset).take(limit).map(order).collect();
                assert_eq!(listed.events.iter().map(|recorded| order(&recorded.event)).collect::<Vec<_>>(), expected);
            }
        });
    }
}

#[tokio::test]
async fn the_first_received_counts_whatever_arrives_first() {
    let (table, organization) = (table(), organization());
    let copy = |seconds, position, value: &str| Event {
        received_at: later(seconds),
        position,
        properties: Properties::new(vec![("v".into(), Value::Number(value.into()))]),
        ..event(Some("s"), "calls", "tx")
    };
    append(&table, organization, &[delivery(vec![copy(5, 0, "2"), copy(5, 0, "3")])], arrival(2)).await.unwrap();
    append(&table, organization, &[delivery(vec![copy(4, 1, "4")])], arrival(3)).await.unwrap();
    append(&table, organization, &[delivery(vec![copy(4, 0, "1"), copy(4, 1, "5")])], arrival(4)).await.unwrap();
    assert_eq!(read(&table, organization, "s", "calls", &Wanted::ALL).await.unwrap(), [copy(4, 0, "1")]);
    assert_eq!(read(&table, organization, "s", "other", &Wanted::ALL).await.unwrap(), []);
}

#[tokio::test]
async fn an_inferred_subscription_keeps_the_id_of_what_was_sent() {
    let (table, organization) = (table(), organization());
    let sent = event(None, "calls", "tx");
    let attributed = Event { external_subscription_id: Some("s".into()), ..sent.clone() };
    assert_ne!(attributed.id, event(Some("s"), "calls", "tx").id);
    append(&table, organization, &[delivery(vec![attributed.clone()])], arrival(1)).await.unwrap();
    append(&table, organization, &[delivery(vec![sent.clone(), event(Some(""), "calls", "other")])], arrival(2))
        .await
        .unwrap();
    assert_eq!(read(&table, organization, "s", "calls", &Wanted::ALL).await.unwrap(), [attributed]);
    assert_eq!(
        read(&table, organization, "", "calls", &Wanted::ALL).await.unwrap(),
        [event(Some(""), "calls", "other"), sent]
    );
}

#[tokio::test]
async fn large_calls_are_split_and_read_back_whole() {
    let (table, organization) = (table(), organization());
    let large = |number: usize| Event {
        position: u32::try_from(number).unwrap(),
        properties: Properties::new(vec![(
            "blob".into(),
            Value::Text(
                (0..40)
                    .map(|part: usize| {
                        domain::id::derived("x", &[&number.to_be_bytes(), &part.to_be_bytes()]).to_string()
                    })
                    .collect(),
            ),
        )]),
        ..event(Some("s"), "calls", &format!("tx{number}"))
    };
    let events: Vec<Event> = (0..1_000).map(large).collect();
    append(&table, organization, &[delivery(events.clone())], arrival(1)).await.unwrap();
    let chunks = Query::prefix(keys::usage_log(organization, "s", "calls"), keys::CHUNKS);
    assert!(all_items(&table, chunks).await.unwrap().len() > 1);
    let mut expected = events;
    expected.sort_by(|a, b| chunk::by_reception(a).cmp(&chunk::by_reception(b)));
    assert_eq!(read(&table, organization, "s", "calls", &Wanted::ALL).await.unwrap(), expected);
    let day = expected[0].received_at.date_naive();
    let found = find(&table, organization, "tx999", day, day).await.unwrap();
    assert_eq!(found.map(|found| found.event), Some(expected[999].clone()));
}

#[tokio::test]
async fn many_small_events_fit_into_chunks_and_receipts() {
    let (table, organization) = (table(), organization());
    let events: Vec<Event> = (0..50_000_u32)
        .map(|number| Event { position: number, ..event(Some("s"), "calls", &number.to_string()) })
        .collect();
    let day = events[0].received_at.date_naive();
    append(&table, organization, &[delivery(events)], arrival(1)).await.unwrap();
    assert_eq!(read(&table, organization, "s", "calls", &Wanted::ALL).await.unwrap().len(), 50_000);
    let newest = recent(&table, organization, day, day, 10, 2).await.unwrap();
    assert_eq!(newest.total, 50_000);
    assert_eq!(newest.events.iter().map(|recorded| recorded.event.position).collect::<Vec<_>>(), [49_989, 49_988]);
    assert_eq!(recent(&table, organization, day + Days::new(1), day + Days::new(2), 0, 5).await.unwrap().total, 0);
}

#[tokio::test]
async fn what_a_reader_leaves_out_still_counts_against_later_copies() {
    let (table, organization) = (table(), organization());
    let at = |seconds: i64| Instant::from_timestamp(seconds, 0).unwrap();
    let dated = |id: &str, seconds, received: i64| Event {
        timestamp: at(seconds),
        received_at: at(1_000_000 + received),
        ..event(Some("s"), "calls", id)
    };
    let (early, copy, late) = (dated("a", 10, 1), dated("a", 20, 2), dated("b", 20, 3));
    for sent in [&early, &copy, &late] {
        let delivery = Delivery { source: Source::default(), events: vec![sent.clone()] };
        append(&table, organization, &[delivery], Uuid::now_v7()).await.unwrap();
    }
    let from = |seconds| Wanted { from: Some(at(seconds)), to: Some(at(30)), properties: Some(&[]) };
    let found = read(&table, organization, "s", "calls", &from(15)).await.unwrap();
    assert_eq!(found.iter().map(|event| event.transaction_id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(found[0].properties.is_empty());
    assert_eq!(read(&table, organization, "s", "calls", &from(5)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_log_that_a_newer_program_folded_is_not_read() {
    let (table, organization) = (table(), organization());
    let head = keys::usage_head(organization, "s", "calls");
    table.put_all(vec![Item::new(head, "log_head", 2, bytes::Bytes::new())]).await.unwrap();
    assert!(read(&table, organization, "s", "calls", &Wanted::ALL).await.is_err());
}

#[test]
fn damaged_columns_are_errors() {
    let event = event(Some("s"), "calls", "tx");
    let source = Source::default();
    let rows = [(&event, &source)];
    let chunks = chunk::encode(organization(), LogDay::of(&event), &rows, &Limits::PRODUCTION).unwrap();
    let body = &chunks[0].0;
    for place in 0..body.len() {
        let mut damaged = body.to_vec();
        damaged[place] ^= 1;
        let _ = chunk::decode(organization(), &damaged);
        let _ = chunk::decode(organization(), &body[..place]);
    }
    assert!(chunk::decode(organization(), &body[..body.len() - 1]).is_err());
}

/// Bytes of the first schema. They must decode for ever.
#[test]
fn a_golden_chunk_and_receipt_decode() {
    let golden = |name: &str| {
        let path: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "golden", name].iter().collect();
        std::fs::read(path).unwrap()
    };
    let number = |digits: &str| Value::Number(digits.into());
    let nested = Value::List(vec![Value::Null, Value::Map(vec![("é".into(), Value::Bool(true))])]);
    let sent = Event {
        external_customer_id: Some("acme".into()),
        created_at: at("2022-01-01T00:00:00Z"),
        position: 3,
        properties: Properties::new(vec![("units".into(), number("1e3")), ("list".into(), nested)]),
        ..event(Some("s"), "calls", "tx1")
    };
    let uuid = id(0xabcd).to_string();
    let inferred = Event {
        id: event_id(organization(), None, "calls", &uuid),
        timestamp: at("1960-01-01T00:00:00.000001Z"),
        properties: Properties::new(vec![("list".into(), Value::Text(String::new()))]),
        ..event(Some("s"), "calls", &uuid)
    };
    let other = Event { id: EventId(id(5)), ..event(Some("s"), "calls", "tx3") };
    let events = [sent, inferred, other];
    let sources = [
        Source { ip: Some("127.0.0.1".into()), user_agent: None, is_checked: false },
        Source { ip: None, user_agent: Some("curl".into()), is_checked: true },
        Source::default(),
    ];
    let expected: Vec<Recorded> = events
        .iter()
        .zip(&sources)
        .map(|(event, source)| Recorded { event: event.clone(), source: source.clone() })
        .collect();
    let rows: Vec<Row<'_>> = events.iter().zip(&sources).collect();
    let chunks = chunk::encode(organization(), LogDay::of(&events[0]), &rows, &Limits::PRODUCTION).unwrap();
    assert_eq!(chunk::decode(organization(), &golden("chunk.v1.bin")).unwrap(), expected);
    // Unpacked: another release of the compressor may choose other bytes.
    let plain = |body: &[u8]| crate::record::unpack("golden", body).unwrap();
    let parts = |body: &[u8]| {
        let (uuids, columns): (&[u8], &[u8]) = postcard::from_bytes(body).unwrap();
        (uuids.to_vec(), plain(columns))
    };
    assert_eq!(parts(&chunks[0].0), parts(&golden("chunk.v1.bin")));
    let mut drafts = receipt::Drafts::default();
    drafts.note(LogDay::of(&events[0]), 0, &rows);
    let receipts = drafts.items(organization(), arrival(1)).unwrap();
    assert_eq!(plain(&receipts[0].body), plain(&golden("receipt.v1.bin")));
}

#[tokio::test]
async fn receipts_of_large_names_are_split_by_their_bytes() {
    let (table, organization) = (table(), organization());
    // Such codes cannot be compressed to less than half.
    let code = |number: usize| -> String {
        let part = |part: usize| {
            domain::id::derived("code", &[&number.to_be_bytes(), &part.to_be_bytes()]).simple().to_string()
        };
        (0..2_800).map(part).collect()
    };
    let events: Vec<Event> = (0..20).map(|number| event(Some("s"), &code(number), &format!("tx{number}"))).collect();
    append(&table, organization, &[delivery(events.clone())], arrival(1)).await.unwrap();
    let day = events[0].received_at.date_naive();
    assert!(all_items(&table, Query::partition(keys::receipts(organization, day))).await.unwrap().len() > 1);
    for event in &events {
        let found = find(&table, organization, &event.transaction_id, day, day).await.unwrap();
        assert_eq!(found.map(|recorded| recorded.event).as_ref(), Some(event));
    }
}
