//! What a price looks at: the inputs of chapter 03, 5, made by the aggregation.

use rust_decimal::Decimal;

use super::exact::{self, Overflow};
use crate::usage::percentage::Free;

/// The usage of one charge (or one group of it) in one window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rated {
    /// U: the units that the amount is for; the prorated ones (P of 3.7) on a prorated charge. May be negative.
    pub units: Decimal,
    /// The units that choose the tier of a volume price and divide the amount: equal to `units` unless prorated.
    pub full_units: Decimal,
    /// N. Not negative.
    pub events_count: i64,
    /// R of 3.3: running totals while units may be free. Empty unless [`super::Price::needs_running_totals`].
    pub running: Vec<Decimal>,
    /// R in short, in the place of `running`: what a charge in advance remembers of it from event to event.
    pub remembered: Option<RunningTotals>,
    /// V of 3.3: the values to limit one by one, if [`super::Price::needs_values_per_event`].
    ///
    /// None where events have no value of their own (weighted sum), and then minimum and maximum are ignored; an empty
    /// list says that no event had a value.
    pub per_event: Option<Vec<Decimal>>,
    /// Whether, and how, the units are a share of the period.
    pub proration: Proration,
}

/// Whether units count whole or by their share of the period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Proration {
    /// Not prorated.
    #[default]
    Full,
    /// Prorated in arrears or in advance.
    Prorated {
        /// In order of time, the carried units first. Only a graduated price looks at them
        /// ([`super::Price::needs_movements`]).
        movements: Vec<Movement>,
    },
}

/// A change of the units within a window: f and p of chapter 03, 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Units; below 0 for a decrease.
    pub full: Decimal,
    /// The same units times their share of the period.
    pub prorated: Decimal,
}

/// What a percentage price leaves free (E and T of chapter 03, 3.3); 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FreeUnits {
    /// E: `free_units_per_events`, the number of first events.
    pub events: i64,
    /// T: `free_units_per_total_aggregation`, in units.
    pub total: Decimal,
}

impl From<FreeUnits> for Free {
    fn from(free: FreeUnits) -> Free {
        Free { events: free.events.unsigned_abs(), total: free.total }
    }
}

/// R of chapter 03, 3.3, in short: what a percentage price looks at, whatever the length of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunningTotals {
    /// How many totals there are.
    pub count: i64,
    /// The last of them; 0 if there is none.
    pub last: Decimal,
    /// The one at the number of free events; 0 unless there are more totals than that.
    pub at_free_events: Decimal,
    /// How many are below the free total.
    pub below_total: i64,
}

/// What values priced one by one have come to: minimum and maximum per transaction (chapter 03, 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limited {
    /// Values so far.
    pub values: i64,
    /// Units of the free total that are used up.
    pub free_used: Decimal,
    /// Sum of the amounts, exact; negative values may take it below 0, which costs nothing.
    pub amount: Decimal,
}

impl RunningTotals {
    /// The short form of a list.
    #[must_use]
    pub fn of(running: &[Decimal], free: FreeUnits) -> RunningTotals {
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let place = usize::try_from(free.events).ok().and_then(|events| events.checked_sub(1));
        let is_longer = free.events < count(running.len());
        RunningTotals {
            count: count(running.len()),
            last: running.last().copied().unwrap_or_default(),
            at_free_events: place.filter(|_| is_longer).and_then(|at| running.get(at)).copied().unwrap_or_default(),
            below_total: count(running.iter().filter(|reached| **reached < free.total).count()),
        }
    }

    /// The list of a sum with one value more: as far as [`FreeUnits::running_of_sum`] goes, and no further.
    ///
    /// # Errors
    /// A total does not fit a decimal.
    pub fn and(self, value: Decimal, free: FreeUnits) -> Result<RunningTotals, Overflow> {
        let is_complete = match free {
            FreeUnits { events, .. } if events > 0 => self.count >= events,
            FreeUnits { total, .. } => total.is_zero() || self.last > total,
        };
        if is_complete {
            return Ok(self);
        }
        let last = exact::add(self.last, value)?;
        let below_total = self.below_total + i64::from(last < free.total);
        Ok(RunningTotals { count: self.count + 1, last, below_total, ..self })
    }
}

impl Rated {
    /// Usage that is not prorated, without running totals and values per event.
    #[must_use]
    pub fn new(units: Decimal, events_count: i64) -> Rated {
        Rated { units, full_units: units, events_count, ..Rated::default() }
    }

    /// The same with proration: `self.units` are the prorated ones.
    #[must_use]
    pub fn prorated(self, full_units: Decimal, movements: Vec<Movement>) -> Rated {
        Rated { full_units, proration: Proration::Prorated { movements }, ..self }
    }

    /// The same with R of 3.3.
    #[must_use]
    pub fn with_running(self, running: Vec<Decimal>) -> Rated {
        Rated { running, ..self }
    }

    /// The same with R of 3.3 in short.
    #[must_use]
    pub fn with_remembered(self, running: RunningTotals) -> Rated {
        Rated { remembered: Some(running), ..self }
    }

    /// The same with V of 3.3.
    #[must_use]
    pub fn with_per_event(self, values: Vec<Decimal>) -> Rated {
        Rated { per_event: Some(values), ..self }
    }

    /// Whether this is prorated usage with nothing to pay for: full units below 0 (chapter 00, single points), or
    /// prorated units below 0 (chapter 03, 9: the amount is on `max(P, 0)`, in usage and on the invoice).
    pub(super) fn is_prorated_below_zero(&self) -> bool {
        let prorated = matches!(self.proration, Proration::Prorated { .. });
        prorated && (self.full_units < Decimal::ZERO || self.units < Decimal::ZERO)
    }
}

impl FreeUnits {
    /// R for a count or unique count of `units`: 1, 2, ... `units`.
    ///
    /// Ends early where more has no say, past the free events and the free total: a million events need no list of a
    /// million. Rule: chapter 03, 3.3.
    #[must_use]
    pub fn running_of_count(&self, units: i64) -> Vec<Decimal> {
        if *self == FreeUnits::default() {
            return Vec::new();
        }
        let by_total = i64::try_from(self.total.ceil()).unwrap_or(i64::MAX);
        let length = self.events.max(by_total).saturating_add(1).min(units);
        (1..=length).map(Decimal::from).collect()
    }

    /// R for a sum of `values`, in order: the prefix sums of the first E values; without E, up to and including the
    /// first sum above T. Rule: chapter 03, 3.3.
    pub fn running_of_sum(&self, values: impl IntoIterator<Item = Decimal>) -> Result<Vec<Decimal>, Overflow> {
        let mut running = Vec::new();
        if *self == FreeUnits::default() {
            return Ok(running);
        }
        let events = usize::try_from(self.events).unwrap_or(usize::MAX);
        let mut total = Decimal::ZERO;
        for value in values {
            total = exact::add(total, value)?;
            running.push(total);
            let complete = if events > 0 { running.len() >= events } else { total > self.total };
            if complete {
                break;
            }
        }
        Ok(running)
    }
}
