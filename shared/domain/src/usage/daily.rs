//! The units of a recurring sum or unique count day by day: the breakdown that an invoice's document shows (chapter 03, 3.7;
//! chapter 04, 13).
//!
//! Days are local. Nothing is computed from these rows.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::id::GroupId;
use crate::metric::{AggregationType, Metric};
use crate::time::Zone;

use super::event::Event;
use super::prorated::{Stay, numbers, units};
use super::window::{Days, Window, rounded};
use super::{Overflow, Slots, first};

/// A row: what changed on a day, and for how many days of the window it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The day of the change; the window's first one for what it starts with.
    pub date: NaiveDate,
    /// What changed.
    pub change: Change,
    /// Days of the window, the first and the last included.
    pub days: i64,
}

/// What changed on a day; the number is above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Units came.
    Added(Decimal),
    /// Units went.
    Removed(Decimal),
    /// Units came, and went within the window.
    AddedAndRemoved(Decimal),
}

/// The rows of one leaf, or of all events if `group` is none, by date: first what the window starts with. None for
/// aggregations that have no such rows.
///
/// # Errors
/// A sum is too large.
pub fn daily<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    zone: Zone,
) -> Result<Vec<Movement>, Overflow> {
    let slots = Slots::one(metric, group);
    match metric.aggregation {
        AggregationType::Sum => of_sum(metric, &slots, events, window, zone),
        AggregationType::UniqueCount => Ok(of_units(metric, &slots, events, window, zone)),
        AggregationType::Count | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
            Ok(Vec::new())
        }
    }
}

fn of_sum<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    zone: Zone,
) -> Result<Vec<Movement>, Overflow> {
    let numbers = first(numbers(metric, slots, events, window)?);
    let mut by_date: BTreeMap<NaiveDate, (Decimal, i64)> = BTreeMap::new();
    for (event, value) in numbers.inside {
        let at = rounded(event.timestamp);
        let days = Days::calendar_days(&zone, at, window.to);
        let (net, _) = by_date.entry(zone.date(at)).or_insert((Decimal::ZERO, days));
        *net = net.checked_add(value).ok_or(Overflow)?;
    }
    let carried = (zone.date(window.from), (numbers.carried, Days::calendar_days(&zone, window.from, window.to)));
    let rows = std::iter::once(carried).chain(by_date);
    let changed = rows.filter(|(_, (net, _))| !net.is_zero());
    Ok(changed
        .map(|(date, (net, days))| {
            let change = if net < Decimal::ZERO { Change::Removed(-net) } else { Change::Added(net) };
            Movement { date, change, days }
        })
        .collect())
}

/// Order of the rows of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Carried,
    Added,
    Removed,
    /// With the day that the units went.
    AddedAndRemoved(NaiveDate),
}

fn of_units<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    zone: Zone,
) -> Vec<Movement> {
    let units = first(units(metric, slots, events.into_iter().collect(), window));
    let mut rows: BTreeMap<(NaiveDate, Kind), (u64, i64)> = BTreeMap::new();
    let date = |at| zone.date(rounded(at));
    for unit in &units {
        let stay = Stay::of(unit, window);
        let row = match stay {
            Stay::None => continue,
            Stay::Carried => (zone.date(window.from), Kind::Carried),
            Stay::Added(at) => (date(at), Kind::Added),
            Stay::Removed(at) => (date(at), Kind::Removed),
            Stay::AddedAndRemoved(added_at, removed_at) => (date(added_at), Kind::AddedAndRemoved(date(removed_at))),
        };
        // What the window starts with is shown by calendar days, too.
        let days = match stay {
            Stay::Carried => Days::calendar_days(&zone, window.from, window.to),
            Stay::None | Stay::Added(_) | Stay::Removed(_) | Stay::AddedAndRemoved(..) => stay.days(window, &zone),
        };
        let (count, _) = rows.entry(row).or_insert((0, days));
        *count += 1;
    }
    rows.into_iter()
        .map(|((date, kind), (count, days))| {
            let count = Decimal::from(count);
            let change = match kind {
                Kind::Carried | Kind::Added => Change::Added(count),
                Kind::Removed => Change::Removed(count),
                Kind::AddedAndRemoved(_) => Change::AddedAndRemoved(count),
            };
            Movement { date, change, days }
        })
        .collect()
}

#[cfg(test)]
#[path = "daily_tests.rs"]
mod tests;
