//! The value of the newest event (chapter 03, 3.1, `latest_agg`).

use rust_decimal::Decimal;

use crate::metric::Metric;

use super::event::Event;
use super::window::{Place, Window};
use super::{Aggregated, Overflow, number_of};

/// The newest event so far, of equal timestamps the one received last, and its value.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally<'a> {
    latest: Option<(&'a Event, Decimal)>,
    events_count: i64,
}

impl<'a> super::Tally<'a> for Tally<'a> {
    fn add(&mut self, metric: &Metric, event: &'a Event, place: Place, _: &Window) -> Result<(), Overflow> {
        if let Some(value) = number_of(metric, event)
            && place == Place::Inside
        {
            if self.latest.is_none_or(|(latest, _)| latest.by_timestamp() < event.by_timestamp()) {
                self.latest = Some((event, value));
            }
            self.events_count += 1;
        }
        Ok(())
    }

    fn aggregated(&self, _: &Window) -> Result<Aggregated, Overflow> {
        // A negative level is nothing to bill.
        let units = self.latest.map_or(Decimal::ZERO, |(_, value)| value.max(Decimal::ZERO));
        Ok(Aggregated { units, events_count: self.events_count })
    }
}
