//! The units that each event of a pay-in-advance charge bills (chapter 03, 7.2): the maximum so far.
//!
//! Units given back are not refunded, and taking them again, up to the highest level already paid in the window, is free.

use rust_decimal::Decimal;

use crate::id::GroupId;
use crate::metric::groups::Groups;
use crate::metric::{AggregationType, Metric};
use crate::number;
use crate::time::Instant;
use crate::value::Value;

use super::event::Event;
use super::unique_count::{Effect, Operation, Unit, Values, operation, same_utc_date};
use super::window::{Days, Window, rounded};
use super::{Overflow, Slots, number_of};

/// What a window remembers per charge, subscription and leaf. It starts with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// `c`: net units of the window so far.
    pub net: Decimal,
    /// `m`: the highest level billed; negative after a first value below 0.
    pub highest: Decimal,
    /// `pm`: prorated units billed.
    pub prorated: Decimal,
}

/// What an event changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One more event of a count, which has no state.
    Count,
    /// A value of a sum; 0 if the property is absent.
    Sum(Decimal),
    /// A value of a unique count became active.
    Add,
    /// It became inactive.
    Remove,
    /// No unit changes, and still there is a fee, of nothing.
    Nothing,
}

/// The days that an event's units are still there, of the whole period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// `days(event, to)`.
    pub days: i64,
    /// `D`, above 0.
    pub period_days: i64,
}

/// What an event bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Billed {
    /// `b`: billed units.
    pub units: Decimal,
    /// The `units` that its fee shows.
    pub shown: Decimal,
    /// `p`: billed units by days, rounded up to 5 decimals. Only prorated charges look at it.
    pub prorated: Decimal,
}

/// The state after a change, and what the change bills: the table of chapter 03, 7.2.
pub fn step(state: Option<State>, change: Change, share: Share) -> Result<(Option<State>, Billed), Overflow> {
    let (value, shown_if_free) = match change {
        Change::Count => return Ok((state, billed(Decimal::ONE, Decimal::ONE, share)?)),
        Change::Nothing => return Ok((state, Billed::default())),
        Change::Sum(value) => (value, value.max(Decimal::ZERO)),
        Change::Add => (Decimal::ONE, Decimal::ONE),
        Change::Remove => (Decimal::NEGATIVE_ONE, Decimal::ZERO),
    };
    let Some(State { net, highest, prorated }) = state else {
        // The first event of the window. A first removal leaves 0, a first negative value itself.
        let level = if change == Change::Remove { Decimal::ZERO } else { value };
        let units = value.max(Decimal::ZERO);
        let billed = billed(units, units, share)?;
        return Ok((Some(State { net: level, highest: level, prorated: billed.prorated }), billed));
    };
    let net = net.checked_add(value).ok_or(Overflow)?;
    if net <= highest {
        let free = Billed { shown: shown_if_free, ..Billed::default() };
        return Ok((Some(State { net, highest, prorated }), free));
    }
    let rise = net.checked_sub(highest).ok_or(Overflow)?;
    let (units, highest) = match change {
        // Above a negative level more than the net is billed, and that much counts as paid.
        Change::Sum(_) => (rise, net.max(rise)),
        Change::Add | Change::Remove | Change::Count | Change::Nothing => (Decimal::ONE, net),
    };
    let billed = billed(units, units, share)?;
    let prorated = prorated.checked_add(billed.prorated).ok_or(Overflow)?;
    Ok((Some(State { net, highest, prorated }), billed))
}

fn billed(units: Decimal, shown: Decimal, share: Share) -> Result<Billed, Overflow> {
    let unit_days = units.checked_mul(Decimal::from(share.days)).ok_or(Overflow)?;
    let exact = unit_days.checked_div(Decimal::from(share.period_days.max(1))).ok_or(Overflow)?;
    Ok(Billed { units, shown, prorated: number::ceil(exact, 5) })
}

/// A window told again, event by event in order of reception.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay<'a> {
    /// The state after the last event; none if no event left one.
    pub state: Option<State>,
    /// Every event that makes a fee, of 0 units too, and what it bills.
    pub fees: Vec<(&'a Event, Billed)>,
}

/// What each event of a window billed, of one leaf, or of all events if `group` is none.
///
/// Given the log up to an event, its last entry is that event's fee, if it makes one. No fee: a value that is no number
/// on a sum, a repeated `add`, an unknown `operation_type`, other aggregations. Whether a charge makes a fee without the
/// aggregation property at all is the charge's matter (7.1): here it bills 0 units.
///
/// A unique count's change belongs to the leaf that its unit counts in, as in arrears.
pub fn replay<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
    days: &impl Days,
) -> Result<Replay<'a>, Overflow> {
    let slots = Slots::one(metric, group);
    let in_window = |event: &Event| window.contains(event.timestamp);
    // Only the values of a recurring unique count outlive their window.
    let carries = metric.recurring && metric.aggregation == AggregationType::UniqueCount;
    let mut events: Vec<&Event> = events.into_iter().filter(|event| carries || in_window(event)).collect();
    events.sort_by(|a, b| a.by_reception().cmp(&b.by_reception()));
    let mut values = Values::default();
    let mut replay = Replay::default();
    for event in events {
        let Some((change, leaf_of)) = change(metric, &mut values, event) else { continue };
        if !in_window(event) || slots.of(leaf_of).is_none() {
            continue;
        }
        let (state, billed) = step(replay.state, change, share(event, window, days))?;
        replay.state = state;
        replay.fees.push((event, billed));
    }
    Ok(replay)
}

/// What an event changes, and the event whose properties name the leaf.
fn change<'a>(metric: &Metric, values: &mut Values<'a>, event: &'a Event) -> Option<(Change, &'a Event)> {
    let property = metric.field_name.as_deref().and_then(|name| event.properties.get(name));
    let is_absent = property.is_none_or(Value::is_null);
    match metric.aggregation {
        AggregationType::Count => Some((Change::Count, event)),
        AggregationType::Sum if event.properties.is_empty() => Some((Change::Nothing, event)),
        AggregationType::Sum if is_absent => Some((Change::Sum(Decimal::ZERO), event)),
        AggregationType::Sum => Some((Change::Sum(number_of(metric, event)?), event)),
        AggregationType::UniqueCount => match values.apply(metric, event) {
            Effect::Added(_) | Effect::Removed(_) | Effect::NotThere | Effect::Repeated if is_absent => {
                Some((Change::Nothing, event))
            }
            Effect::Added(unit) => Some((Change::Add, unit)),
            Effect::Removed(unit) => Some((Change::Remove, unit)),
            Effect::NotThere => Some((Change::Nothing, event)),
            Effect::Repeated | Effect::Ignored => None,
        },
        AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => None,
    }
}

/// A counted value of a unique count, as the events so far have left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The leaf that it counts in: that of the event which added it. None without dimensions, or of no declared value.
    pub group: Option<GroupId>,
    /// When it was removed; none while it is active.
    pub removed_at: Option<Instant>,
}

impl Known {
    /// A value as a log knows it.
    #[must_use]
    pub fn of(metric: &Metric, unit: &Unit<'_>) -> Known {
        Known { group: metric.groups.leaf_of(&unit.added_by.properties), removed_at: unit.removed_at }
    }
}

/// What one event does to a charge in advance, seen alone: [`replay`] for one event at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// What changes; none if the event makes no fee.
    pub change: Option<Change>,
    /// The leaf that the change belongs to; none without dimensions.
    pub group: Option<GroupId>,
    /// Unique counts: how the event leaves its value, if it changes it.
    pub known: Option<Known>,
}

/// Whether an event lacks the property that the metric counts.
#[must_use]
pub fn lacks_property(metric: &Metric, event: &Event) -> bool {
    let property = metric.field_name.as_deref().and_then(|name| event.properties.get(name));
    metric.aggregation != AggregationType::Count && property.is_none_or(Value::is_null)
}

/// What an event changes. `known` is its counted value before it, for unique counts: none if it was never added.
#[must_use]
pub fn touch(metric: &Metric, event: &Event, known: Option<Known>) -> Touch {
    let leaf = metric.groups.leaf_of(&event.properties);
    // Without the property nothing is counted under the event's value: `null` is no seat that somebody takes.
    let (change, group, known) = match metric.aggregation {
        AggregationType::Count => (Some(Change::Count), leaf, None),
        AggregationType::Sum if event.properties.is_empty() => (Some(Change::Nothing), leaf, None),
        AggregationType::Sum if lacks_property(metric, event) => (Some(Change::Sum(Decimal::ZERO)), leaf, None),
        AggregationType::Sum => (number_of(metric, event).map(Change::Sum), leaf, None),
        AggregationType::UniqueCount => match (operation(event), known) {
            (None, _) => (None, leaf, None),
            (Some(_), _) if lacks_property(metric, event) => (Some(Change::Nothing), leaf, None),
            (Some(Operation::Add), Some(Known { removed_at: None, .. })) => (None, leaf, None),
            (Some(Operation::Add), Some(Known { group, removed_at: Some(at) }))
                if same_utc_date(at, event.timestamp) =>
            {
                (Some(Change::Add), group, Some(Known { group, removed_at: None }))
            }
            (Some(Operation::Add), _) => (Some(Change::Add), leaf, Some(Known { group: leaf, removed_at: None })),
            (Some(Operation::Remove), Some(Known { group, removed_at: None })) => {
                (Some(Change::Remove), group, Some(Known { group, removed_at: Some(event.timestamp) }))
            }
            (Some(Operation::Remove), _) => (Some(Change::Nothing), leaf, None),
        },
        AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => (None, leaf, None),
    };
    // With dimensions an event of no leaf is not billed at all (chapter 03, 2.3).
    let is_billed = group.is_some() || metric.groups == Groups::None;
    Touch { change: change.filter(|_| is_billed), group, known }
}

/// `days(event, to)` of `D`, as an event of the window is prorated.
#[must_use]
pub fn share(event: &Event, window: &Window, days: &impl Days) -> Share {
    Share { days: days.days(rounded(event.timestamp), window.to), period_days: window.period_days() }
}

/// The units that current usage prices on a charge in advance, not prorated: what was carried plus the maximum of the
/// window, at least 0 (chapter 03, 9). `net` is `A`, the aggregation of the window.
pub fn current_units(net: Decimal, state: Option<State>) -> Result<Decimal, Overflow> {
    let State { net: in_window, highest, .. } = state.unwrap_or_default();
    let carried = net.checked_sub(in_window).ok_or(Overflow)?;
    Ok(carried.checked_add(highest).ok_or(Overflow)?.max(Decimal::ZERO))
}

/// The units that current usage prices on a prorated charge in advance (the table of chapter 03, 9).
///
/// `net` is `A` and `prorated` is `P` of the window; `window` is `days(from, to)` of `D`.
pub fn current_prorated_units(
    net: Decimal,
    prorated: Decimal,
    state: Option<State>,
    window: Share,
) -> Result<Decimal, Overflow> {
    let is_whole = window.days >= window.period_days;
    let Some(state) = state else {
        return Ok(if is_whole { net } else { prorated }.max(Decimal::ZERO));
    };
    let carried = net.checked_sub(state.net).ok_or(Overflow)?;
    let carried = if is_whole { carried } else { billed(carried, carried, window)?.prorated };
    carried.checked_add(state.prorated).ok_or(Overflow)
}

#[cfg(test)]
#[path = "in_advance_tests.rs"]
mod tests;
