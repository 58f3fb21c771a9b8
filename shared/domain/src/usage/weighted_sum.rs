//! The level of a property, weighted by how long it lasted (chapter 03, 3.6).
//!
//! An event's value is a variation of the level. The level a recurring metric starts a window with is the sum of all
//! values before it, over plan changes and idle months alike (00-index): nothing is stored.

use rust_decimal::Decimal;

use crate::id::GroupId;
use crate::metric::Metric;
use crate::number;
use crate::time::Instant;

use super::event::Event;
use super::window::{Place, Window};
use super::{Aggregated, Overflow, Slots, number_of};

const SECONDS_PER_DAY: i64 = 86_400;

/// The integral so far, in value times seconds, and the level it starts with.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    start_level: Decimal,
    integral: Decimal,
    events_count: i64,
}

impl super::Tally<'_> for Tally {
    fn add(&mut self, metric: &Metric, event: &Event, place: Place, window: &Window) -> Result<(), Overflow> {
        let Some(value) = number_of(metric, event) else { return Ok(()) };
        match place {
            Place::Before => self.start_level = self.start_level.checked_add(value).ok_or(Overflow)?,
            Place::Inside => {
                // Each variation lasts to the end: summing what each adds needs no order.
                let area = value.checked_mul(seconds(window.micros_left(event.timestamp))).ok_or(Overflow)?;
                self.integral = self.integral.checked_add(area).ok_or(Overflow)?;
                self.events_count += 1;
            }
            Place::After => {}
        }
        Ok(())
    }

    /// `ceil(integral / (D * 86400), 20)`, with all digits that the decimal type has where those are fewer.
    fn aggregated(&self, window: &Window) -> Result<Aggregated, Overflow> {
        let whole = seconds(window.micros());
        let base = self.start_level.checked_mul(whole).ok_or(Overflow)?;
        let integral = self.integral.checked_add(base).ok_or(Overflow)?;
        let period = Decimal::from(window.period_days()) * Decimal::from(SECONDS_PER_DAY); // 64 by 17 bits: fits.
        let units = number::ceil(integral.checked_div(period).ok_or(Overflow)?, 20);
        Ok(Aggregated { units, events_count: self.events_count })
    }
}

/// How the integral of a window comes about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variations {
    /// The level that the window starts with.
    pub start_level: Decimal,
    /// Seconds from the window's start to its end.
    pub seconds: Decimal,
    /// Each event of the window, in order of timestamps: value, and the seconds that it lasts to the end.
    pub variations: Vec<(Instant, Decimal, Decimal)>,
    /// Seconds of the whole period: `D` days of 86,400.
    pub period_seconds: Decimal,
}

/// The variations of one leaf, or of all events if `group` is none.
///
/// # Errors
/// The start level is too large.
pub fn variations<'a>(
    metric: &Metric,
    group: Option<GroupId>,
    events: impl IntoIterator<Item = &'a Event>,
    window: &Window,
) -> Result<Variations, Overflow> {
    let slots = Slots::one(metric, group);
    let mut start_level = Decimal::ZERO;
    let mut inside: Vec<(&Event, Decimal)> = Vec::new();
    for event in events.into_iter().filter(|event| slots.of(event).is_some()) {
        let Some(value) = number_of(metric, event) else { continue };
        match window.place(event.timestamp) {
            Place::Before if metric.recurring => start_level = start_level.checked_add(value).ok_or(Overflow)?,
            Place::Before | Place::After => {}
            Place::Inside => inside.push((event, value)),
        }
    }
    inside.sort_by(|(a, _), (b, _)| a.by_timestamp().cmp(&b.by_timestamp()));
    let lasts =
        |(event, value): (&Event, Decimal)| (event.timestamp, value, seconds(window.micros_left(event.timestamp)));
    Ok(Variations {
        start_level,
        seconds: seconds(window.micros()),
        variations: inside.into_iter().map(lasts).collect(),
        period_seconds: Decimal::from(window.period_days()) * Decimal::from(SECONDS_PER_DAY), // 64 by 17 bits: fits.
    })
}

/// Microseconds as seconds, with no more decimals than needed, which leaves digits to the product.
fn seconds(micros: i64) -> Decimal {
    Decimal::new(micros, 6).normalize()
}
