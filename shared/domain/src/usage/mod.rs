//! Usage: from events to units (chapter 03, section 3).
//!
//! Owns: selection by window and dimension, the six aggregations, over events or over digests of whole hours
//! ([`digest`]), proration, and the units that an event bills at once.
//!
//! Does not own: prices (charge models), storage of events, days of a time zone ([`window::Days`]).
//!
//! Invariants:
//! - Every function takes the events of one log, of all time, each id once ([`event::first_of_each_id`]), in any order;
//!   the order never matters.
//! - Values are exact as far as 28 digits reach; digits of a fraction beyond them are rounded. A result whose whole part
//!   does not fit is [`Overflow`], never a panic and never a wrapped number.
//! - A number too long for the decimal type is no plain number: it is left out, and the hourly check reports it.

pub mod count;
pub mod daily;
pub mod dictionary;
pub mod digest;
pub mod event;
pub mod in_advance;
pub mod latest;
pub mod max;
pub mod percentage;
pub mod prorated;
pub mod sum;
pub mod unique_count;
pub mod weighted_sum;
pub mod window;

#[cfg(test)]
pub(crate) mod testing;

use rust_decimal::Decimal;

use crate::id::GroupId;
use crate::metric::groups::LeafIndex;
use crate::metric::{AggregationType, Metric};

use self::event::Event;
use self::window::{Place, Window};

/// Units of a window, and how many events they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Aggregated {
    /// `U` of chapter 03, 3.1; may be negative for sum, max and weighted sum.
    pub units: Decimal,
    /// `N`: the events kept. For a unique count, too, it counts events, not values (00-index).
    pub events_count: i64,
}

/// A quantity outgrew the 28 digits of the decimal type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("usage is beyond the range of 28 digits")]
pub struct Overflow;

/// One outcome per live leaf in order of creation; without dimensions, one of no group.
pub type ByGroup<T> = Vec<(Option<GroupId>, T)>;

/// Units of a metric in a window, of one leaf, or of all events whatever their dimensions if `group` is none.
///
/// Costs one pass over the events; unique counts also sort them.
pub fn aggregate<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Aggregated, Overflow> {
    let slots = Slots::one(metric, group);
    Ok(first(aggregate_slots(metric, &slots, events, window)?))
}

/// Units of every live leaf, those without usage too; without dimensions, of all events.
///
/// Costs one pass over the events, however many leaves there are. Events of no leaf are in no entry.
pub fn aggregate_by_group<'a>(
    metric: &Metric,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<ByGroup<Aggregated>, Overflow> {
    let slots = Slots::each_leaf(metric);
    Ok(slots.named(aggregate_slots(metric, &slots, events, window)?))
}

fn aggregate_slots<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Vec<Aggregated>, Overflow> {
    match metric.aggregation {
        AggregationType::Count => tallied::<count::Tally>(metric, slots, events, window),
        AggregationType::Sum => tallied::<sum::Tally>(metric, slots, events, window),
        AggregationType::Max => tallied::<max::Tally>(metric, slots, events, window),
        AggregationType::Latest => tallied::<latest::Tally<'_>>(metric, slots, events, window),
        AggregationType::WeightedSum => tallied::<weighted_sum::Tally>(metric, slots, events, window),
        AggregationType::UniqueCount => Ok(unique_count::aggregated(metric, slots, events, window)),
    }
}

/// What one pass remembers of the events of one leaf.
trait Tally<'a>: Clone + Default {
    /// Takes in an event that is not later than the window.
    fn add(&mut self, metric: &Metric, event: &'a Event, place: Place, window: &Window) -> Result<(), Overflow>;
    /// The outcome after all events.
    fn aggregated(&self, window: &Window) -> Result<Aggregated, Overflow>;
}

fn tallied<'a, T: Tally<'a>>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Vec<Aggregated>, Overflow> {
    let mut tallies = vec![T::default(); slots.count()];
    for event in events {
        let place = window.place(event.timestamp);
        // Nothing carries back, and only recurring metrics carry on.
        if place == Place::After || (place == Place::Before && !metric.recurring) {
            continue;
        }
        if let Some(tally) = slots.of(event).and_then(|slot| tallies.get_mut(slot)) {
            tally.add(metric, event, place, window)?;
        }
    }
    tallies.iter().map(|tally| tally.aggregated(window)).collect()
}

/// The number that sum, max, latest and weighted sum see in an event; none leaves the event out (chapter 03, 3.1).
pub(crate) fn number_of(metric: &Metric, event: &Event) -> Option<Decimal> {
    event.properties.get(metric.field_name.as_deref()?)?.as_plain_number()
}

/// The parts into which one pass sorts the events: all in one, one leaf, or each leaf.
struct Slots<'a> {
    leaves: LeafIndex<'a>,
    wanted: Wanted,
}

enum Wanted {
    Everything,
    Leaf(GroupId),
    EachLeaf,
}

impl<'a> Slots<'a> {
    fn one(metric: &'a Metric, group: Option<GroupId>) -> Self {
        Slots { leaves: metric.groups.index(), wanted: group.map_or(Wanted::Everything, Wanted::Leaf) }
    }

    fn each_leaf(metric: &'a Metric) -> Self {
        let leaves = metric.groups.index();
        let wanted = if leaves.ids().is_empty() { Wanted::Everything } else { Wanted::EachLeaf };
        Slots { leaves, wanted }
    }

    fn count(&self) -> usize {
        match self.wanted {
            Wanted::Everything | Wanted::Leaf(_) => 1,
            Wanted::EachLeaf => self.leaves.ids().len(),
        }
    }

    /// The slot of an event, below `count`; none if it is in no part.
    fn of(&self, event: &Event) -> Option<usize> {
        match self.wanted {
            Wanted::Everything => Some(0),
            Wanted::Leaf(group) => (self.leaves.leaf_of(&event.properties)? == group).then_some(0),
            Wanted::EachLeaf => self.leaves.position_of(&event.properties),
        }
    }

    /// The id of a slot's leaf.
    fn group(&self, slot: usize) -> Option<GroupId> {
        match self.wanted {
            Wanted::Everything => None,
            Wanted::Leaf(group) => Some(group),
            Wanted::EachLeaf => self.leaves.ids().get(slot).copied(),
        }
    }

    /// The slot of a leaf, or of what is in none.
    fn of_group(&self, group: Option<GroupId>) -> Option<usize> {
        match self.wanted {
            Wanted::Everything => Some(0),
            Wanted::Leaf(wanted) => (group? == wanted).then_some(0),
            Wanted::EachLeaf => {
                let group = group?;
                self.leaves.ids().iter().position(|id| *id == group)
            }
        }
    }

    /// Outcomes per slot under the ids of their leaves.
    fn named<T>(&self, outcomes: Vec<T>) -> ByGroup<T> {
        let ids: Vec<Option<GroupId>> = match self.wanted {
            Wanted::Everything => vec![None],
            Wanted::Leaf(group) => vec![Some(group)],
            Wanted::EachLeaf => self.leaves.ids().iter().copied().map(Some).collect(),
        };
        ids.into_iter().zip(outcomes).collect()
    }
}

/// The outcome of the only slot.
fn first<T: Default>(outcomes: Vec<T>) -> T {
    outcomes.into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
