//! What only the percentage model asks of usage: running totals, and the value of each event (chapter 03, 3.3).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::id::GroupId;
use crate::metric::{AggregationType, Metric};

use super::event::Event;
use super::window::{Place, Window};
use super::{ByGroup, Overflow, Slots, aggregate_slots, first, number_of};

/// What a percentage charge gives for free; 0 is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Free {
    /// `E`: `free_units_per_events`.
    pub events: u64,
    /// `T`: `free_units_per_total_aggregation`.
    pub total: Decimal,
}

/// Whether the running totals of a metric's units are 1, 2, 3 and so on: of those that count.
#[must_use]
pub fn runs_by_ones(metric: &Metric) -> bool {
    matches!(metric.aggregation, AggregationType::Count | AggregationType::UniqueCount)
}

/// `R` of a metric that [`runs_by_ones`]: 1 to U.
#[must_use]
pub fn ones_up_to(units: Decimal) -> Vec<Decimal> {
    (1..=units.to_i64().unwrap_or(0)).map(Decimal::from).collect()
}

/// `V` of a count: 1 per event.
#[must_use]
pub fn one_each(events_count: i64) -> Vec<Decimal> {
    vec![Decimal::ONE; usize::try_from(events_count).unwrap_or(0)]
}

/// `R`: running totals of one leaf, or of all events, as far as free units need them.
///
/// Empty if nothing is free, and for aggregations without such totals. Count and unique count: 1 to U. Sum: the first E
/// prefix sums, or without E those up to and including the first above T; in order of timestamps, of all time if
/// recurring.
pub fn running<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    free: Free,
) -> Result<Vec<Decimal>, Overflow> {
    Ok(first(running_slots(metric, &Slots::one(metric, group), events, window, free)?))
}

/// [`running`] of every live leaf, as [`super::aggregate_by_group`].
pub fn running_by_group<'a>(
    metric: &Metric,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    free: Free,
) -> Result<ByGroup<Vec<Decimal>>, Overflow> {
    let slots = Slots::each_leaf(metric);
    Ok(slots.named(running_slots(metric, &slots, events, window, free)?))
}

/// `V`: the value of each event of one leaf, or of all events, for minimum and maximum per transaction.
///
/// None where these do not apply (weighted sum; latest has no percentage charges). Count: 1 per event. Sum: each value of
/// the window in order of timestamps, also if recurring. Max: the maximum where it first occurs and 0 elsewhere. Unique
/// count: 1 per value added in the window and still active.
pub fn per_event<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Option<Vec<Decimal>>, Overflow> {
    let slots = Slots::one(metric, group);
    Ok(per_event_slots(metric, &slots, events, window)?.map(first))
}

/// [`per_event`] of every live leaf, as [`super::aggregate_by_group`].
pub fn per_event_by_group<'a>(
    metric: &Metric,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Option<ByGroup<Vec<Decimal>>>, Overflow> {
    let slots = Slots::each_leaf(metric);
    Ok(per_event_slots(metric, &slots, events, window)?.map(|values| slots.named(values)))
}

fn running_slots<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    free: Free,
) -> Result<Vec<Vec<Decimal>>, Overflow> {
    if free == Free::default() {
        return Ok(vec![Vec::new(); slots.count()]);
    }
    match metric.aggregation {
        AggregationType::Count | AggregationType::UniqueCount => {
            let counts = aggregate_slots(metric, slots, events, window)?;
            Ok(counts.into_iter().map(|count| ones_up_to(count.units)).collect())
        }
        AggregationType::Sum => {
            let since = if metric.recurring { Since::Ever } else { Since::WindowStart };
            let values = values_by_time(metric, slots, events, window, since);
            values.into_iter().map(|values| prefix_sums(&values, free)).collect()
        }
        AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
            Ok(vec![Vec::new(); slots.count()])
        }
    }
}

fn prefix_sums(values: &[Decimal], free: Free) -> Result<Vec<Decimal>, Overflow> {
    let wanted = if free.events > 0 { usize::try_from(free.events).unwrap_or(usize::MAX) } else { usize::MAX };
    let mut sums = Vec::new();
    let mut sum = Decimal::ZERO;
    for value in values.iter().take(wanted) {
        sum = sum.checked_add(*value).ok_or(Overflow)?;
        sums.push(sum);
        if free.events == 0 && sum > free.total {
            break;
        }
    }
    Ok(sums)
}

fn per_event_slots<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Option<Vec<Vec<Decimal>>>, Overflow> {
    let ones = |counts: Vec<usize>| counts.into_iter().map(|count| vec![Decimal::ONE; count]).collect();
    Ok(match metric.aggregation {
        AggregationType::Count => {
            let mut counts = vec![0_usize; slots.count()];
            for event in events.into_iter().filter(|event| window.contains(event.timestamp)) {
                if let Some(count) = slots.of(event).and_then(|slot| counts.get_mut(slot)) {
                    *count += 1;
                }
            }
            Some(ones(counts))
        }
        AggregationType::Sum => Some(values_by_time(metric, slots, events, window, Since::WindowStart)),
        AggregationType::Max => {
            let mut values = values_by_time(metric, slots, events, window, Since::WindowStart);
            values.iter_mut().for_each(|values| keep_first_maximum(values));
            Some(values)
        }
        AggregationType::UniqueCount => {
            let mut counts = vec![0_usize; slots.count()];
            for unit in super::unique_count::values(metric, events, window).units() {
                if window.contains(unit.added_by.timestamp)
                    && unit.removed_at.is_none()
                    && let Some(count) = slots.of(unit.added_by).and_then(|slot| counts.get_mut(slot))
                {
                    *count += 1;
                }
            }
            Some(ones(counts))
        }
        AggregationType::Latest | AggregationType::WeightedSum => None,
    })
}

fn keep_first_maximum(values: &mut [Decimal]) {
    let greatest = values.iter().max().copied();
    let place = values.iter().position(|value| Some(*value) == greatest);
    for (position, value) in values.iter_mut().enumerate() {
        if Some(position) != place {
            *value = Decimal::ZERO;
        }
    }
}

/// Where a list of values begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    WindowStart,
    Ever,
}

/// The numbers per slot, up to the window's end, in order of timestamps.
fn values_by_time<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    since: Since,
) -> Vec<Vec<Decimal>> {
    let mut kept: Vec<Vec<(&Event, Decimal)>> = vec![Vec::new(); slots.count()];
    for event in events {
        let is_wanted = match window.place(event.timestamp) {
            Place::Before => since == Since::Ever,
            Place::Inside => true,
            Place::After => false,
        };
        if is_wanted
            && let Some(kept) = slots.of(event).and_then(|slot| kept.get_mut(slot))
            && let Some(value) = number_of(metric, event)
        {
            kept.push((event, value));
        }
    }
    for kept in &mut kept {
        kept.sort_by(|(a, _), (b, _)| a.by_timestamp().cmp(&b.by_timestamp()));
    }
    kept.into_iter().map(|kept| kept.into_iter().map(|(_, value)| value).collect()).collect()
}

#[cfg(test)]
#[path = "percentage_tests.rs"]
mod tests;
