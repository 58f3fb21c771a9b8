//! The number of distinct active values of a property (chapter 03, 3.5).
//!
//! A value is one unit of the whole metric, whatever dimensions later events name: the event that added it says which
//! leaf it counts in. Transitions apply in order of reception and happen at the events' timestamps.
//!
//! What is dated after a window is none of its transitions (3.1: events are selected before they count). Otherwise a value
//! received first for a later period would be missing in the earlier one, where it was active, too; and the figure of a
//! window would depend on how far beyond its end somebody happened to read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;

use crate::metric::Metric;
use crate::time::Instant;
use crate::value::Value;

use super::event::Event;
use super::window::Window;
use super::{Aggregated, Slots};

/// What an event wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A value becomes active.
    Add,
    /// It becomes inactive.
    Remove,
}

/// `operation_type`: adding is the default; none is a word that changes nothing.
pub(super) fn operation(event: &Event) -> Option<Operation> {
    match event.properties.get("operation_type") {
        None | Some(Value::Null) => Some(Operation::Add),
        Some(Value::Text(text)) if text == "add" => Some(Operation::Add),
        Some(Value::Text(text)) if text == "remove" => Some(Operation::Remove),
        Some(_) => None,
    }
}

/// Whether an event adds or removes a value at all.
pub(crate) fn has_operation(event: &Event) -> bool {
    operation(event).is_some()
}

/// What an event did to its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<'a> {
    /// The value is active now, and was not. Its unit was added by this event, or by the one of its earlier stay.
    Added(&'a Event),
    /// It was active already: nothing changes, and nothing is billed.
    Repeated,
    /// It was active and is not any more. Its unit was added by this event.
    Removed(&'a Event),
    /// It was not active: there is nothing to remove.
    NotThere,
    /// `operation_type` is neither `add` nor `remove`.
    Ignored,
}

/// One stay of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The event that added it: its timestamp is the start, its properties decide the leaf.
    pub added_by: &'a Event,
    /// When it was removed. May be earlier than the start if a late event says so.
    pub removed_at: Option<Instant>,
}

/// The values of one metric of one subscription, fed in order of reception.
#[derive(Debug, Clone, Default)]
pub struct Values<'a> {
    units: Vec<Unit<'a>>,
    /// The last unit of each value: only that one can still change.
    last: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Values<'a> {
    /// Applies an event: the transition table of chapter 03, 3.5.
    ///
    /// A value removed on any other UTC date than the event's comes back as a new unit; on the same date its last unit
    /// goes on.
    pub fn apply(&mut self, metric: &Metric, event: &'a Event) -> Effect<'a> {
        let Some(operation) = operation(event) else { return Effect::Ignored };
        let value = counted_value(metric, event);
        let last = self.last.get(&value).and_then(|position| self.units.get_mut(*position));
        match (operation, last) {
            (Operation::Add, Some(Unit { removed_at: None, .. })) => Effect::Repeated,
            (Operation::Add, Some(unit)) if unit.removed_at.is_some_and(|at| same_utc_date(at, event.timestamp)) => {
                unit.removed_at = None;
                Effect::Added(unit.added_by)
            }
            (Operation::Add, _) => {
                self.last.insert(value, self.units.len());
                self.units.push(Unit { added_by: event, removed_at: None });
                Effect::Added(event)
            }
            (Operation::Remove, Some(unit)) if unit.removed_at.is_none() => {
                unit.removed_at = Some(event.timestamp);
                Effect::Removed(unit.added_by)
            }
            (Operation::Remove, _) => Effect::NotThere,
        }
    }

    /// Whether a value is active, by its text ([`counted_value`]): only then can it be removed (chapter 03, 1.4 and 8).
    #[must_use]
    pub fn is_active(&self, value: &str) -> bool {
        self.last
            .get(value)
            .and_then(|position| self.units.get(*position))
            .is_some_and(|unit| unit.removed_at.is_none())
    }

    /// The last stay of a value, by its text.
    #[must_use]
    pub fn last(&self, value: &str) -> Option<&Unit<'a>> {
        self.last.get(value).and_then(|position| self.units.get(*position))
    }

    /// Every stay so far, in the order in which they began to be known.
    #[must_use]
    pub fn units(&self) -> &[Unit<'a>] {
        &self.units
    }
}

pub(super) fn same_utc_date(a: Instant, b: Instant) -> bool {
    a.date_naive() == b.date_naive()
}

/// The text that tells values apart: `12` and `"12"` are one value, `"12.0"` is another, and a missing one is `null`
/// (chapter 03, 3.5). Lists and maps are told apart by their content.
#[must_use]
pub fn counted_value<'a>(metric: &Metric, event: &'a Event) -> Cow<'a, str> {
    match metric.field_name.as_deref().and_then(|name| event.properties.get(name)) {
        None | Some(Value::Null) => Cow::Borrowed("null"),
        Some(Value::Text(text)) => Cow::Borrowed(text),
        Some(Value::Number(text)) if !text.contains(['e', 'E']) => Cow::Borrowed(text),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Cow::Owned(value.scalar_text().unwrap_or_default()),
        Some(value @ (Value::List(_) | Value::Map(_))) => {
            let mut text = String::new();
            write_nested(&mut text, value);
            Cow::Owned(text)
        }
    }
}

fn write_nested(out: &mut String, value: &Value) {
    match value {
        Value::List(values) => {
            out.push('[');
            for value in values {
                write_nested(out, value);
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (name, value) in entries {
                // Writing into a text cannot fail.
                let _ = write!(out, "{name:?}:");
                write_nested(out, value);
                out.push(',');
            }
            out.push('}');
        }
        Value::Text(text) => {
            let _ = write!(out, "{text:?}");
        }
        Value::Null => out.push_str("null"),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.scalar_text().unwrap_or_default()),
    }
}

/// The values at the end of the window: a metered metric starts each window empty [D-4], a recurring one never does.
/// Nothing that is dated later counts.
pub fn values<'a>(metric: &Metric, events: impl IntoIterator<Item = &'a Event>, window: &Window) -> Values<'a> {
    let is_in_reach = |event: &&Event| window.place(event.timestamp).is_in_reach(metric);
    let mut events: Vec<&Event> = events.into_iter().filter(is_in_reach).collect();
    events.sort_by(|a, b| a.by_reception().cmp(&b.by_reception()));
    let mut values = Values::default();
    for event in events {
        values.apply(metric, event);
    }
    values
}

/// Units added up to the window's end and not removed by then; events of the window that add or remove.
pub(super) fn aggregated<'a>(
    metric: &Metric,
    slots: &Slots<'_>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Vec<Aggregated> {
    let mut outcomes = vec![Aggregated::default(); slots.count()];
    let counted = events.into_iter().inspect(|event| {
        if window.contains(event.timestamp)
            && operation(event).is_some()
            && let Some(outcome) = slots.of(event).and_then(|slot| outcomes.get_mut(slot))
        {
            outcome.events_count += 1;
        }
    });
    let values = values(metric, counted, window);
    for unit in values.units() {
        if unit.removed_at.is_none()
            && let Some(outcome) = slots.of(unit.added_by).and_then(|slot| outcomes.get_mut(slot))
        {
            outcome.units += Decimal::ONE; // At most one per event: far from 28 digits.
        }
    }
    outcomes
}
