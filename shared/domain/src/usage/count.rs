//! The number of events (chapter 03, 3.1, `count_agg`).

use rust_decimal::Decimal;

use crate::metric::Metric;

use super::event::Event;
use super::window::{Place, Window};
use super::{Aggregated, Overflow};

/// Events so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    events_count: i64,
}

impl super::Tally<'_> for Tally {
    fn add(&mut self, _: &Metric, _: &Event, place: Place, _: &Window) -> Result<(), Overflow> {
        // A count never recurs, even if somebody asks for it.
        if place == Place::Inside {
            self.events_count += 1;
        }
        Ok(())
    }

    fn aggregated(&self, _: &Window) -> Result<Aggregated, Overflow> {
        Ok(Aggregated { units: Decimal::from(self.events_count), events_count: self.events_count })
    }
}
