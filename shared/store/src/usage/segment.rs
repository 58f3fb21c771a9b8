//! Segments: events that have been counted, sorted, some hours to an item; their columns are those of a chunk.
//!
//! Owns: how events are cut into segments, and which segments of a page are written again as one sorted series.
//!
//! Every fold adds its own segments to a page. Without more, a page would name them without end, and an hour's events would
//! stand in all of them. So segments of one **class** are put together when there are `Limits::segment_peers` of them:
//! - small ones (fewer than half of `Limits::segment_events`), of about the same number of events, wherever in the page they stand;
//! - full ones over several hours, of about the same number of hours, if they have an hour in common: what comes out follows
//!   each other, each over a fraction of the hours;
//! - those of one and the same hour, until they are several times as large.
//!
//! Each time an event is written again, its segment has several times the events or a fraction of the hours: that happens as
//! often as the logarithms of both. A reader of an hour meets fewer than so many segments of each class, and those
//! that the hour fills by itself.
//!
//! Invariant: a segment belongs to one page. One across the border of a split is cut.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::usage::digest::{Hour, hour_of};

use super::chunk::{self, Recorded, by_reception};
use super::head::{Folded, Log, Trouble};
use super::page::{SEGMENT, SegmentRef, segment_body};
use super::seen::named;
use super::{LogDay, Row};
use crate::record::DecodeError;
use crate::table::{Item, Table};

/// A segment of one hour is full with so many times the events of another.
const FULL_HOUR: usize = 4;
/// A fold of many events writes so many times as many again.
const REWRITTEN_TIMES: u64 = 4;

/// Events that a fold may write again with so many of its own.
pub(super) fn budget(log: &Log<'_>, fresh: usize) -> u64 {
    log.limits.rewritten_events.max(REWRITTEN_TIMES * fresh as u64)
}

/// What is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// By the order of its number of events.
    Small(u32),
    /// By the order of its number of hours.
    Wide(u32),
    /// Of one hour.
    Hour(Hour),
}

fn class(log: &Log<'_>, segment: &SegmentRef) -> Option<Class> {
    let full = log.limits.segment_events as u64;
    let order = |count: u64| count.checked_ilog(log.limits.segment_peers.max(2) as u64).unwrap_or_default();
    if segment.events < full / 2 {
        Some(Class::Small(order(segment.events)))
    } else if segment.first < segment.last {
        Some(Class::Wide(order(segment.last.abs_diff(segment.first) + 1)))
    } else if segment.events < full * FULL_HOUR as u64 / 2 {
        Some(Class::Hour(segment.first))
    } else {
        None
    }
}

/// The segments of a page that are to be written again as one sorted series, together with what a fold adds. What they hold
/// is taken from the budget, in events; what is too much waits for the next fold.
pub(super) fn crowded(log: &Log<'_>, segments: &[SegmentRef], budget: &mut u64) -> BTreeSet<Folded> {
    let mut classes: BTreeMap<Class, Vec<&SegmentRef>> = BTreeMap::new();
    for segment in segments {
        if let Some(class) = class(log, segment) {
            classes.entry(class).or_default().push(segment);
        }
    }
    let peers_min = log.limits.segment_peers.max(2);
    let mut crowded = BTreeSet::new();
    for (class, peers) in classes {
        let peers = match class {
            Class::Small(_) | Class::Hour(_) => peers,
            Class::Wide(_) => together(&peers),
        };
        // More than so many are there only if an earlier fold had no budget for them.
        let peers = &peers[..peers.len().min(2 * peers_min)];
        let events = peers.iter().map(|peer| peer.events).sum::<u64>();
        if peers.len() >= peers_min && events <= *budget {
            *budget -= events;
            crowded.extend(peers.iter().map(|peer| peer.place));
        }
    }
    crowded
}

/// Those that have in common the hour that most of them have in common.
fn together<'s>(segments: &[&'s SegmentRef]) -> Vec<&'s SegmentRef> {
    let at = |hour: Hour| segments.iter().filter(move |it| it.first <= hour && hour <= it.last).copied();
    let hour = segments.iter().map(|it| it.first).max_by_key(|hour| at(*hour).count());
    hour.map(|hour| at(hour).collect()).unwrap_or_default()
}

/// The events of segments.
pub(super) async fn events(table: &dyn Table, log: &Log<'_>, places: &[Folded]) -> Result<Vec<Recorded>, Trouble> {
    let mut recorded = Vec::new();
    for item in named(table, log, places).await? {
        recorded.extend(chunk::decode(log.organization, segment_body(&item)?)?);
    }
    Ok(recorded)
}

/// Sorts events as they stand in segments: by hour, and as they were received within one, which makes the columns short.
pub(super) fn sort(events: &mut [Recorded]) {
    let hour = |one: &Recorded| hour_of(one.event.timestamp);
    events.sort_by(|a, b| hour(a).cmp(&hour(b)).then_with(|| by_reception(&a.event).cmp(&by_reception(&b.event))));
}

/// Segments of these events, which are sorted by hour.
pub(super) fn written(
    log: &Log<'_>,
    generation: u64,
    number: &mut u32,
    events: &[Recorded],
) -> Result<Vec<(SegmentRef, Item)>, DecodeError> {
    let hour = |it: &Recorded| hour_of(it.event.timestamp);
    let mut stretches: Vec<&[Recorded]> = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut end = 0;
        while end < rest.len() {
            let next = end + rest[end..].partition_point(|it| hour(it) == hour(&rest[end]));
            if end > 0 && next > log.limits.segment_events {
                break;
            }
            end = next;
        }
        let (stretch, others) = rest.split_at(end);
        stretches.extend(stretch.chunks(FULL_HOUR * log.limits.segment_events.max(1)));
        rest = others;
    }
    let place = LogDay {
        external_subscription_id: log.external_subscription_id,
        code: log.code,
        // Columns hold no day: receipts do.
        day: NaiveDate::default(),
    };
    let mut segments = Vec::new();
    for stretch in stretches {
        let rows: Vec<Row<'_>> = stretch.iter().map(|it| (&it.event, &it.source)).collect();
        for (body, rows) in chunk::encode(log.organization, place, &rows, log.limits)? {
            let place = Folded { generation, number: *number };
            *number += 1;
            let hours = rows.iter().map(|(event, _)| hour_of(event.timestamp));
            let received = rows.iter().map(|(event, _)| event.received_at.timestamp_micros());
            segments.push((
                SegmentRef {
                    place,
                    first: hours.clone().min().unwrap_or_default(),
                    last: hours.max().unwrap_or_default(),
                    received: (received.clone().min().unwrap_or_default(), received.max().unwrap_or_default()),
                    events: rows.len() as u64,
                },
                Item::new(log.folded(place), SEGMENT, chunk::SCHEMA, body),
            ));
        }
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::samples::organization_id;

    fn segment(number: u32, hours: (Hour, Hour), events: u64) -> SegmentRef {
        let place = Folded { generation: 1, number };
        SegmentRef { place, first: hours.0, last: hours.1, received: (0, 0), events }
    }

    #[test]
    fn what_is_crowded_is_put_together() {
        let log = Log::new(organization_id(), ("s", "c"));
        let check = |count: u32, budget: u64, of: &dyn Fn(i64) -> ((Hour, Hour), u64), expected: usize| {
            let segments: Vec<SegmentRef> = (0..count)
                .map(|number| (number, of(number.into())))
                .map(|(number, (hours, events))| segment(number, hours, events))
                .collect();
            let mut left = budget;
            let crowded = crowded(&log, &segments, &mut left);
            assert_eq!(crowded.len(), expected);
            let events = segments.iter().filter(|it| crowded.contains(&it.place)).map(|it| it.events).sum::<u64>();
            assert_eq!(left, budget - events);
        };
        // Small ones, wherever they stand; of the same order only.
        check(7, 16_000, &|n| ((n, n), 3), 0);
        check(8, 16_000, &|n| ((n, n + 1), 3), 8);
        check(14, 16_000, &|n| ((n, n), if n % 2 == 0 { 3 } else { 9 }), 0);
        // Wide ones that share an hour.
        check(8, 16_000, &|n| ((n, n + 7), 1_000), 8);
        check(12, 16_000, &|n| ((n, n + 5), 1_000), 0);
        check(9, 16_000, &|n| ((n * 100, n * 100 + 90), 1_000), 0);
        // One hour's, until they are large.
        check(8, 16_000, &|_| ((5, 5), 600), 8);
        check(16, 16_000, &|n| ((n % 4, n % 4), 600), 0);
        check(90, 16_000, &|_| ((5, 5), 4_000), 0);
        // Not more than the budget, and not more than enough.
        check(8, 7_999, &|n| ((n, n + 7), 1_000), 0);
        check(90, 16_000, &|n| ((n, n), 3), 16);
    }
}
