//! Records of one external id after one another: each event is one record's (chapter 03, 0.3; 00-index, ruling 4).
//!
//! An external id may be taken again once its record has ended, with a start that lies before that end, or in the very second of
//! it; and another customer's record may begin while one runs. An invoice of the earlier record may have counted what the log
//! held, so usage stays the earlier record's up to its end, and of the second of its end what had been received when the next one
//! began.

use super::{Seam, Subscription};
use crate::time::Instant;

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;

/// Gives a record that has just begun the usage that no other record of its external id has. Gives the others that change with
/// it.
///
/// `others`: every other record of the external id, of any customer. `received`: now, by the clock that dates reception.
#[must_use]
pub fn taken_over<'a>(
    started: &mut Subscription,
    others: impl IntoIterator<Item = &'a Subscription>,
    received: Instant,
) -> Vec<Subscription> {
    let Some(started_at) = started.started_at() else { return Vec::new() };
    let others: Vec<&Subscription> =
        others.into_iter().filter(|other| other.id != started.id && other.started_at().is_some()).collect();
    // A successor begins where its predecessor ends, and that second is its own.
    let is_linked = |other: &Subscription| started.previous.as_ref().is_some_and(|link| link.id == other.id);
    if others.iter().any(|other| other.is_active() && !is_linked(other)) {
        started.progress.taken_over = Some(Seam::NOT_YET);
        return Vec::new();
    }
    let ends = others.iter().filter(|other| !is_linked(other)).filter_map(|other| other.terminated_at());
    let Some(at) = ends.max().filter(|at| at.timestamp() >= started_at.timestamp()) else { return Vec::new() };
    let seam = Seam { at, received };
    started.progress.taken_over = Some(seam);
    others.into_iter().filter_map(|other| ended_at_seam(other, seam)).collect()
}

/// Gives the usage of a record that ends to the first of those that wait for it, if any. Gives both as they are then.
#[must_use]
pub fn handed_on<'a>(
    ended: &Subscription,
    others: impl IntoIterator<Item = &'a Subscription>,
    received: Instant,
) -> Option<(Subscription, Subscription)> {
    let at = ended.terminated_at()?;
    ended.started_at()?;
    // One that waits itself has nothing to hand on.
    if ended.progress.taken_over.is_some_and(|seam| seam.is_open()) {
        return None;
    }
    let is_waiting =
        |other: &&Subscription| other.is_active() && other.progress.taken_over.is_some_and(|seam| seam.is_open());
    let heir = others.into_iter().filter(is_waiting).min_by_key(|other| (other.started_at(), other.created_seq))?;
    let (mut ended, mut heir) = (ended.clone(), heir.clone());
    ended.progress.handed_over = Some(received);
    heir.progress.taken_over = Some(Seam { at, received });
    Some((ended, heir))
}

fn ended_at_seam(other: &Subscription, seam: Seam) -> Option<Subscription> {
    let is_at_seam = other.terminated_at().is_some_and(|end| end.timestamp() == seam.at.timestamp());
    if !is_at_seam || other.progress.handed_over.is_some() {
        return None;
    }
    let mut changed = other.clone();
    changed.progress.handed_over = Some(seam.received);
    Some(changed)
}
