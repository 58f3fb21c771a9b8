//! How a charge fee came about, told again from its basis and the usage log (chapter 03, 3 to 6).
//!
//! Owns: which events are a fee's inputs, their digest, and every figure between them and the exact amount.
//!
//! Does not own: the log, and what was billed: a telling that gives other figures than the fee has says so
//! ([`Told::matches`]), and changes nothing.

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::billing::closing::CloseError;
use crate::charge::{self, Price, Rated};
use crate::id::EventId;
use crate::invoice::{ChargeItem, Fee, UsageBasis};
use crate::metric::{AggregationType, Metric};
use crate::time::Zone;
use crate::usage::event::Event;
use crate::usage::prorated::{self, Prorated};
use crate::usage::unique_count;
use crate::usage::weighted_sum::{self, Variations};
use crate::usage::{aggregate, number_of, percentage};

/// A fee told again.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The events that decided, by timestamp, then reception.
    pub inputs: Inputs,
    /// The units that decide tiers, unit price and what is shown.
    pub full_units: Decimal,
    /// The units that the amount is for.
    pub units: Decimal,
    /// `N`.
    pub events_count: i64,
    /// The days of each unit, on a fee for units by days.
    pub proration: Option<Prorated>,
    /// The seconds of each variation, of a weighted sum.
    pub variations: Option<Variations>,
    /// `R`, where free units look at running totals.
    pub running: Vec<Decimal>,
    /// `V`, where a minimum or maximum applies to each event.
    pub per_event: Option<Vec<Decimal>>,
    /// Exact amounts.
    pub outcome: charge::Outcome,
    /// Whether these are the figures that were billed. If not, the log has changed since.
    pub matches: bool,
}

/// The events that decided a fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// How many.
    pub count: usize,
    /// [`digest`] of their ids.
    pub digest: [u8; 32],
}

/// SHA-256 of the ids as text, sorted, each followed by a line feed.
#[must_use]
pub fn digest(ids: impl IntoIterator<Item = EventId>) -> [u8; 32] {
    let mut ids: Vec<EventId> = ids.into_iter().collect();
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.to_string());
        hash.update(b"\n");
    }
    hash.finalize().into()
}

/// The events of a log that a fee may have seen: those received by the time that it was computed. `heir_of` is the metric
/// whose own events begin with its creation, if it took the code of a deleted one (chapter 03, 2.6).
#[must_use]
pub fn seen(basis: &UsageBasis, heir: Option<&Metric>, mut events: Vec<Event>) -> Vec<Event> {
    events.retain(|event| {
        event.received_at <= basis.read_at && heir.is_none_or(|metric| crate::usage::event::came_after(event, metric))
    });
    events
}

/// The events that decide the units of a window, by timestamp, then reception: the numbers of a recurring sum from the
/// beginning, the changes of a unique count's values with all that touched them.
#[must_use]
pub fn inputs<'e>(basis: &UsageBasis, item: &ChargeItem, events: &'e [Event]) -> Vec<&'e Event> {
    let metric = basis.metric(item);
    let leaf = item.group.as_ref().map(|group| group.id);
    let is_of_leaf = |event: &Event| leaf.is_none() || metric.groups.leaf_of(&event.properties) == leaf;
    let is_in_reach = |event: &Event| basis.window.place_of(event).is_in_reach(&metric);
    let reached = events.iter().filter(|event| is_in_reach(event));
    let mut inputs: Vec<&Event> = match metric.aggregation {
        AggregationType::Count => reached.filter(|event| is_of_leaf(event)).collect(),
        AggregationType::Sum | AggregationType::Max | AggregationType::Latest | AggregationType::WeightedSum => {
            reached.filter(|event| is_of_leaf(event) && number_of(&metric, event).is_some()).collect()
        }
        AggregationType::UniqueCount => {
            let parted = basis.window.parted(events);
            let values = unique_count::values(&metric, parted.iter(), &basis.window);
            let units = values.units().iter().filter(|unit| is_of_leaf(unit.added_by));
            let counted: std::collections::HashSet<_> =
                units.map(|unit| unique_count::counted_value(&metric, unit.added_by)).collect();
            let concerns =
                |event: &Event| is_of_leaf(event) || counted.contains(&unique_count::counted_value(&metric, event));
            reached.filter(|event| unique_count::has_operation(event) && concerns(event)).collect()
        }
    };
    inputs.sort_by(|a, b| a.by_timestamp().cmp(&b.by_timestamp()));
    inputs
}

/// Tells a fee of a period again. `events` are those that it may have [`seen`].
///
/// # Errors
/// Units or amounts too large: then there was no such fee.
pub fn tell(
    fee: &Fee,
    item: &ChargeItem,
    basis: &UsageBasis,
    events: &[Event],
    zone: Zone,
) -> Result<Told, CloseError> {
    let metric = basis.metric(item);
    let group = item.group.as_ref().map(|group| group.id);
    let window = &basis.window;
    let inputs = inputs(basis, item, events);
    let events = &*window.parted(events);
    // What was stored was valid then; a program that knows more models could not read it otherwise.
    let price = Price::parse(basis.model, &basis.properties).unwrap_or_else(|_| Price::zero(basis.model));
    let (mut rated, proration) = if basis.prorated {
        let usage = prorated::prorated(&metric, group, events, window, &zone)?;
        let movements = usage
            .movements
            .iter()
            .map(|movement| charge::Movement { full: movement.full, prorated: movement.prorated })
            .collect();
        (Rated::new(usage.units, usage.events_count).prorated(usage.full, movements), Some(usage))
    } else {
        let usage = aggregate(&metric, group, events, window)?;
        (Rated::new(usage.units, usage.events_count), None)
    };
    let mut running = Vec::new();
    if let Some(free) = price.needs_running_totals() {
        let free = percentage::Free::from(free);
        running = percentage::running(&metric, group, events, window, free)?;
        rated = rated.with_running(running.clone());
    }
    let mut per_event = None;
    if price.needs_values_per_event()
        && let Some(values) = percentage::per_event(&metric, group, events, window)?
    {
        rated = rated.with_per_event(values.clone());
        per_event = Some(values);
    }
    let variations = (basis.aggregation == AggregationType::WeightedSum)
        .then(|| weighted_sum::variations(&metric, group, events, window))
        .transpose()?;
    let outcome = price.rate(&rated)?;
    let matches = rated.full_units == fee.units
        && rated.units == basis.units
        && rated.events_count == item.events_count
        && outcome.amount == basis.amount;
    Ok(Told {
        inputs: Inputs { count: inputs.len(), digest: digest(inputs.iter().map(|event| event.id)) },
        full_units: rated.full_units,
        units: rated.units,
        events_count: rated.events_count,
        proration,
        variations,
        running,
        per_event,
        outcome,
        matches,
    })
}
