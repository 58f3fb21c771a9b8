//! The greatest value of a property (chapter 03, 3.1, `max_agg`).

use rust_decimal::Decimal;

use crate::metric::Metric;

use super::event::Event;
use super::window::{Place, Window};
use super::{Aggregated, Overflow, number_of};

/// The greatest value so far; it may be below 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    greatest: Option<Decimal>,
    events_count: i64,
}

impl super::Tally<'_> for Tally {
    fn add(&mut self, metric: &Metric, event: &Event, place: Place, _: &Window) -> Result<(), Overflow> {
        if let Some(value) = number_of(metric, event)
            && place == Place::Inside
        {
            self.greatest = self.greatest.max(Some(value));
            self.events_count += 1;
        }
        Ok(())
    }

    fn aggregated(&self, _: &Window) -> Result<Aggregated, Overflow> {
        Ok(Aggregated { units: self.greatest.unwrap_or_default(), events_count: self.events_count })
    }
}
