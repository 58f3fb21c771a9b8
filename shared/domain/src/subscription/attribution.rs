//! Which record an event belongs to (chapter 03, 1.3).

use std::cmp::Reverse;

use super::Subscription;
use crate::time::Instant;

/// The records whose life covers `timestamp`, the best first: not ended ones, then the one that ended last, then the one
/// that started last. Instants compare at whole seconds; the second of an end is in.
#[must_use]
pub fn covering<'a>(records: impl IntoIterator<Item = &'a Subscription>, timestamp: Instant) -> Vec<&'a Subscription> {
    let second = |at: Instant| at.timestamp();
    let mut candidates: Vec<&Subscription> = records
        .into_iter()
        .filter(|record| record.started_at().is_some_and(|started_at| second(started_at) <= timestamp.timestamp()))
        .filter(|record| record.terminated_at().is_none_or(|ended_at| second(ended_at) >= timestamp.timestamp()))
        .collect();
    candidates.sort_by_key(|record| {
        let ended = record.terminated_at();
        (ended.is_some(), Reverse(ended), Reverse(record.started_at()))
    });
    candidates
}
