//! Which record an event belongs to (chapter 03, 1.3).

use std::cmp::Reverse;

use super::Subscription;
use crate::billing::Change;
use crate::id::made_at;
use crate::time::Instant;
use crate::usage::event::Event;

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

/// The record of one external id that an event's usage is of: of those that cover it the one whose windows hold it. At most one
/// bills an event (00-index, ruling 4).
#[must_use]
pub fn owner<'a>(records: impl IntoIterator<Item = &'a Subscription>, event: &Event) -> Option<&'a Subscription> {
    let second = event.timestamp.timestamp();
    let has_begun = |record: &Subscription| {
        record.progress.taken_over.is_none_or(|seam| match seam.at.timestamp() {
            at if at == second => event.received_at >= seam.received,
            at => at < second,
        })
    };
    let goes_on = |record: &Subscription| {
        if record.terminated_at().is_none_or(|end| end.timestamp() != second) {
            return true;
        }
        let is_upgraded = record.next.as_ref().is_some_and(|next| next.change == Change::Upgrade);
        !is_upgraded && record.progress.handed_over.is_none_or(|received| event.received_at < received)
    };
    covering(records, event.timestamp).into_iter().find(|record| has_begun(record) && goes_on(record))
}

/// The record of one external id whose charges in advance an event fires: the one that its usage is of; if that follows on
/// another and was made after the event was received, the other, as if the event had been taken up at once. So an event has
/// the same record however long it waits.
#[must_use]
pub fn fired<'a>(records: &'a [Subscription], event: &Event) -> Option<&'a Subscription> {
    let mut record = owner(records, event)?;
    while made_at(record.id.0).is_some_and(|made_at| event.received_at < made_at)
        && let Some(link) = &record.previous
        && let Some(previous) = records.iter().find(|other| other.id == link.id)
    {
        record = previous;
    }
    Some(record)
}
