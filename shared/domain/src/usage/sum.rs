//! The sum of a property (chapter 03, 3.1, `sum_agg`).
//!
//! A recurring sum has no start: it takes all events ever up to the window's end, and counts them.

use rust_decimal::Decimal;

use crate::metric::Metric;

use super::event::Event;
use super::window::{Place, Window};
use super::{Aggregated, Overflow, number_of};

/// The sum so far. May be negative.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    sum: Decimal,
    events_count: i64,
}

impl super::Tally<'_> for Tally {
    fn add(&mut self, metric: &Metric, event: &Event, _: Place, _: &Window) -> Result<(), Overflow> {
        if let Some(value) = number_of(metric, event) {
            self.sum = self.sum.checked_add(value).ok_or(Overflow)?;
            self.events_count += 1;
        }
        Ok(())
    }

    fn aggregated(&self, _: &Window) -> Result<Aggregated, Overflow> {
        Ok(Aggregated { units: self.sum, events_count: self.events_count })
    }
}
