//! Units weighed by the days they were there (chapter 03, 3.7), for recurring sums and unique counts.
//!
//! Days are whole and local, both ends included. Full units still decide tiers, unit price and what is shown.

use rust_decimal::Decimal;

use crate::id::GroupId;
use crate::metric::{AggregationType, Metric};
use crate::number;
use crate::time::Instant;

use super::event::Event;
use super::unique_count::{self, Unit};
use super::window::{Days, Place, Window, rounded};
use super::{ByGroup, Overflow, Slots, first, number_of};

/// One change of the level within a window: `f_i` and `p_i` of chapter 03, 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Full units, never 0; negative is a removal.
    pub full: Decimal,
    /// Units by days, unrounded.
    pub prorated: Decimal,
    /// When it happened; none for what the window starts with.
    pub at: Option<Instant>,
    /// The days that it counts for, of the whole period.
    pub days: i64,
}

/// Prorated units of a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prorated {
    /// `P`: units by days, rounded up to 5 decimals.
    pub units: Decimal,
    /// `full`: units as if not prorated.
    pub full: Decimal,
    /// Sum: events kept, of all time. Unique count: events of the window.
    pub events_count: i64,
    /// What the window starts with; below 0 it weighs on the units and is no movement (5.7).
    pub carried: Decimal,
    /// `days(from, to)`: the days that the carried units count for.
    pub carried_days: i64,
    /// What the window starts with, if above 0, then each change: a sum's in order of timestamps, a unique count's in
    /// order of adding, or of removal where a unit was there before. Changes of 0 units are left out.
    pub movements: Vec<Movement>,
}

/// Prorated units of one leaf, or of all events if `group` is none. Only sum and unique count know proration: other
/// aggregations have no units here.
pub fn prorated<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<Prorated, Overflow> {
    Ok(first(prorated_slots(metric, &Slots::one(metric, group), events, window, days)?))
}

/// Prorated units of every live leaf, as [`super::aggregate_by_group`].
pub fn prorated_by_group<'a>(
    metric: &Metric,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<ByGroup<Prorated>, Overflow> {
    let slots = Slots::each_leaf(metric);
    Ok(slots.named(prorated_slots(metric, &slots, events, window, days)?))
}

fn prorated_slots<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<Vec<Prorated>, Overflow> {
    match metric.aggregation {
        AggregationType::Sum => sums(metric, slots, events, window, days),
        AggregationType::UniqueCount => unique_counts(metric, slots, events, window, days),
        AggregationType::Count | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
            Ok(vec![Prorated::default(); slots.count()])
        }
    }
}

/// Full units over a number of days, summed before the one division so that ratios stay exact.
#[derive(Debug, Clone, Default)]
struct Sheet {
    unit_days: Decimal,
    carried: Decimal,
    carried_days: i64,
    movements: Vec<(Decimal, Option<Instant>, i64)>,
}

impl Sheet {
    /// A sheet that begins with what the window starts with. A negative start weighs on the units, and is no movement that
    /// could be priced (5.7).
    fn starting_with(carried: Decimal, window: &Window, days: &impl Days) -> Result<Sheet, Overflow> {
        let carried_days = days.days(window.from, window.to);
        let mut sheet = Sheet { carried, carried_days, ..Sheet::default() };
        sheet.add(carried, None, carried_days)?;
        if carried < Decimal::ZERO {
            sheet.movements.clear();
        }
        Ok(sheet)
    }

    fn add(&mut self, full: Decimal, at: Option<Instant>, days: i64) -> Result<(), Overflow> {
        self.unit_days = self.unit_days.checked_add(unit_days(full, days)?).ok_or(Overflow)?;
        if !full.is_zero() {
            self.movements.push((full, at, days));
        }
        Ok(())
    }

    fn prorated(self, full: Decimal, events_count: i64, window: &Window) -> Result<Prorated, Overflow> {
        let period_days = Decimal::from(window.period_days());
        let share = |unit_days: Decimal| unit_days.checked_div(period_days).ok_or(Overflow);
        let movement = |(full, at, days)| Ok(Movement { full, prorated: share(unit_days(full, days)?)?, at, days });
        Ok(Prorated {
            units: number::ceil(share(self.unit_days)?, 5),
            full,
            events_count,
            carried: self.carried,
            carried_days: self.carried_days,
            movements: self.movements.into_iter().map(movement).collect::<Result<_, Overflow>>()?,
        })
    }
}

fn unit_days(full: Decimal, days: i64) -> Result<Decimal, Overflow> {
    full.checked_mul(Decimal::from(days)).ok_or(Overflow)
}

/// The numbers of one leaf up to the window's end.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers<'a> {
    /// Their sum before the window.
    pub(super) carried: Decimal,
    events_count: i64,
    /// Those of the window, in the order that they came.
    pub(super) inside: Vec<(&'a Event, Decimal)>,
}

fn sums<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<Vec<Prorated>, Overflow> {
    let numbers = numbers(metric, slots, events, window)?;
    numbers.into_iter().map(|numbers| prorated_sum(numbers, window, days)).collect()
}

/// The numbers of each slot.
pub(super) fn numbers<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Vec<Numbers<'a>>, Overflow> {
    let mut numbers = vec![Numbers::default(); slots.count()];
    for event in events {
        let place = window.place(event.timestamp);
        if place == Place::After {
            continue;
        }
        let Some(numbers) = slots.of(event).and_then(|slot| numbers.get_mut(slot)) else { continue };
        let Some(value) = number_of(metric, event) else { continue };
        numbers.events_count += 1;
        if place == Place::Inside {
            numbers.inside.push((event, value));
        } else {
            numbers.carried = numbers.carried.checked_add(value).ok_or(Overflow)?;
        }
    }
    Ok(numbers)
}

fn prorated_sum(mut numbers: Numbers<'_>, window: &Window, days: &impl Days) -> Result<Prorated, Overflow> {
    let mut sheet = Sheet::starting_with(numbers.carried, window, days)?;
    numbers.inside.sort_by(|(a, _), (b, _)| a.by_timestamp().cmp(&b.by_timestamp()));
    let mut full = numbers.carried;
    for (event, value) in numbers.inside {
        sheet.add(value, Some(event.timestamp), days.calendar_days(rounded(event.timestamp), window.to))?;
        full = full.checked_add(value).ok_or(Overflow)?;
    }
    sheet.prorated(full, numbers.events_count, window)
}

fn unique_counts<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<Vec<Prorated>, Overflow> {
    let events: Vec<&Event> = events.into_iter().collect();
    let totals = unique_count::aggregated(metric, slots, events.iter().copied(), window);
    units(metric, slots, events, window)
        .into_iter()
        .zip(totals)
        .map(|(units, total)| prorated_stays(&units, window, days)?.prorated(total.units, total.events_count, window))
        .collect()
}

/// The units of each slot.
pub(super) fn units<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: Vec<&'a Event>,
    window: &Window,
) -> Vec<Vec<Unit<'a>>> {
    let mut units: Vec<Vec<Unit<'a>>> = vec![Vec::new(); slots.count()];
    for unit in unique_count::values(metric, events, window).units() {
        if let Some(units) = slots.of(unit.added_by).and_then(|slot| units.get_mut(slot)) {
            units.push(*unit);
        }
    }
    units
}

/// What a window sees of a unit (chapter 03, 3.7). Instants are within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Nothing.
    None,
    /// It was there before, and stays.
    Carried,
    /// It came, and stays.
    Added(Instant),
    /// It was there before, and went.
    Removed(Instant),
    /// It came and went. A late event may date its going before its coming.
    AddedAndRemoved(Instant, Instant),
}

impl Stay {
    pub(super) fn of(unit: &Unit<'_>, window: &Window) -> Stay {
        let added_at = unit.added_by.timestamp;
        match (window.place(added_at), unit.removed_at) {
            (Place::After, _) => Stay::None,
            (Place::Before, None) => Stay::Carried,
            (Place::Inside, None) => Stay::Added(added_at),
            // Removed before the window began: in a late event's words even before it was added.
            (Place::Before | Place::Inside, Some(removed_at)) if !window.contains(removed_at) => Stay::None,
            (Place::Before, Some(removed_at)) => Stay::Removed(removed_at),
            (Place::Inside, Some(removed_at)) => Stay::AddedAndRemoved(added_at, removed_at),
        }
    }

    /// The days that it counts for.
    pub(super) fn days(self, window: &Window, days: &impl Days) -> i64 {
        match self {
            Stay::None => 0,
            Stay::Carried => days.days(window.from, window.to),
            Stay::Added(added_at) => days.calendar_days(rounded(added_at), window.to),
            Stay::Removed(removed_at) => days.calendar_days(window.from, rounded(removed_at)),
            // A removal dated before the adding lasts no day at all.
            Stay::AddedAndRemoved(added_at, removed_at) => {
                days.calendar_days(rounded(added_at), rounded(removed_at)).max(0)
            }
        }
    }
}

fn prorated_stays(units: &[Unit<'_>], window: &Window, days: &impl Days) -> Result<Sheet, Overflow> {
    let mut carried = 0_i64;
    let mut changes = Vec::new();
    for unit in units {
        let stay = Stay::of(unit, window);
        match stay {
            Stay::None => {}
            Stay::Carried => carried += 1,
            Stay::Added(at) | Stay::Removed(at) | Stay::AddedAndRemoved(at, _) => {
                changes.push((at, stay.days(window, days)));
            }
        }
    }
    // Stable: units of one instant stay in order of reception.
    changes.sort_by_key(|(at, _)| *at);
    let mut sheet = Sheet::starting_with(Decimal::from(carried), window, days)?;
    for (at, days) in changes {
        sheet.add(Decimal::ONE, Some(at), days)?;
    }
    Ok(sheet)
}

#[cfg(test)]
#[path = "prorated_tests.rs"]
mod tests;
