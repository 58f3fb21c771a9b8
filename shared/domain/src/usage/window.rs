//! The window of a charge: which events fall into it, and its days (chapter 03, 0.2, 0.3 and 3.1).

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta};

use super::event::Event;
use crate::metric::Metric;
use crate::time::{Instant, Zone};

const MICROS: i64 = 1_000_000;

/// Days in the customer's time zone (chapter 03, 0.2). The zone implements it; rules only ask.
pub trait Days {
    /// `days(from, to)`: the difference of the local clock times in days, rounded up.
    fn days(&self, from: Instant, to: Instant) -> i64;
    /// `caldays(from, to)`: the local calendar days from one to the other, both included.
    fn calendar_days(&self, from: Instant, to: Instant) -> i64;
}

impl Days for Zone {
    fn days(&self, from: Instant, to: Instant) -> i64 {
        Zone::days(*self, from, to)
    }

    fn calendar_days(&self, from: Instant, to: Instant) -> i64 {
        Zone::calendar_days(*self, from, to)
    }
}

/// Whom the second of a window's end belongs to (chapter 03, 0.3; 00-index, ruling 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// To this window: a period's last second, or that of a termination.
    Included,
    /// To the record of the same external id that starts in it: an upgrade.
    Successors,
}

/// How a window's first and last second are shared with other records of the external id: one record ended in the second in
/// which the next one began, and an invoice of the first may have counted what had come by then. Reception decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shared {
    /// Of the first second, what was received from then on; what came before is the earlier record's.
    pub since: Option<Instant>,
    /// Of the last second, what was received before; what came later is the next record's.
    pub until: Option<Instant>,
}

/// A charge window. Compares at whole seconds: bounds without their fraction, timestamps rounded half up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start of the period, or of the subscription if that is later.
    pub from: Instant,
    /// Last instant of the period (23:59:59.999999), or the termination if that is earlier.
    pub to: Instant,
    /// Whether the second of `to` is in.
    pub end: End,
    /// Of which seconds only a part is in.
    pub shared: Shared,
    /// `D`: full length in days of the charge period that contains the window. Below 1 counts as 1.
    pub period_days: i64,
}

/// Where an instant is, seen from a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Earlier than its first second.
    Before,
    /// In it.
    Inside,
    /// Later than its last second.
    After,
}

impl Place {
    /// Whether a metric's figures at the end of the window depend on what happened there: a recurring one carries on what
    /// was before (chapter 03, 3.1).
    #[must_use]
    pub fn is_in_reach(self, metric: &Metric) -> bool {
        match self {
            Place::Before => metric.recurring,
            Place::Inside => true,
            Place::After => false,
        }
    }
}

impl Window {
    /// Where `instant`, rounded half up to the second, is.
    #[must_use]
    pub fn place(&self, instant: Instant) -> Place {
        self.place_of_second(rounded_second(instant))
    }

    fn place_of_second(&self, second: i64) -> Place {
        if second < self.first_second() {
            return Place::Before;
        }
        let last = self.to.timestamp();
        let is_inside = match self.end {
            End::Included => second <= last,
            End::Successors => second < last,
        };
        if is_inside { Place::Inside } else { Place::After }
    }

    /// Whether reception decides about some of its events: then digests do not tell it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared != Shared::default()
    }

    /// Where an event is, as [`Window::place`] and reception say.
    #[must_use]
    pub fn place_of(&self, event: &Event) -> Place {
        let place = self.place(event.timestamp);
        let second = rounded_second(event.timestamp);
        let is_earlier = |since: Instant| second == self.first_second() && event.received_at < since;
        let is_later = |until: Instant| second == self.to.timestamp() && event.received_at >= until;
        match place {
            Place::Inside if self.shared.since.is_some_and(is_earlier) => Place::Before,
            Place::Inside if self.shared.until.is_some_and(is_later) => Place::After,
            Place::Before | Place::Inside | Place::After => place,
        }
    }

    /// The events as aggregations are to see them, which look at timestamps alone: what another record has of a shared second
    /// stands a second beside it.
    #[must_use]
    pub fn parted<'e>(&self, events: &'e [Event]) -> Cow<'e, [Event]> {
        if !self.is_shared() {
            return Cow::Borrowed(events);
        }
        let mut events = events.to_vec();
        for event in &mut events {
            let (seen, place) = (self.place(event.timestamp), self.place_of(event));
            let moved = match place {
                Place::Before if seen != place => event.timestamp.checked_sub_signed(TimeDelta::seconds(1)),
                Place::After if seen != place => event.timestamp.checked_add_signed(TimeDelta::seconds(1)),
                Place::Before | Place::Inside | Place::After => None,
            };
            event.timestamp = moved.unwrap_or(event.timestamp);
        }
        Cow::Owned(events)
    }

    /// Where all events of the hours `first` to `last` (both included) are; none if the window's bounds cut them.
    pub(super) fn place_of_hours(&self, first: i64, last: i64) -> Option<Place> {
        let (first, last) = (first.saturating_mul(3600), last.saturating_mul(3600).saturating_add(3599));
        match (self.place_of_second(first), self.place_of_second(last)) {
            // A weighted sum's integral must not end within them.
            (Place::Inside, Place::Inside) if self.end_second() <= last => None,
            (left, right) => (left == right).then_some(left),
        }
    }

    /// Whether an event of this timestamp is in the window.
    #[must_use]
    pub fn contains(&self, instant: Instant) -> bool {
        self.place(instant) == Place::Inside
    }

    /// The first second that is in.
    pub(super) fn first_second(&self) -> i64 {
        self.from.timestamp()
    }

    /// Where the integral of a weighted sum ends, in seconds: `to` rounded up, or where the successor takes over.
    ///
    /// So the windows of one record after another cover each second exactly once.
    fn end_second(&self) -> i64 {
        let whole = self.to.timestamp();
        match self.end {
            End::Included if self.to.timestamp_subsec_nanos() > 0 && self.shared.until.is_none() => {
                whole.saturating_add(1)
            }
            End::Included | End::Successors => whole,
        }
    }

    /// Where the integral of a weighted sum ends, in microseconds.
    pub(super) fn end_micros(&self) -> i64 {
        self.end_second().saturating_mul(MICROS)
    }

    /// Microseconds from `instant` to the end of the window, within the window: never negative, never more than it
    /// lasts.
    pub(super) fn micros_left(&self, instant: Instant) -> i64 {
        let end = self.end_micros();
        let start = instant.timestamp_micros().max(self.first_second().saturating_mul(MICROS));
        end.saturating_sub(start).max(0)
    }

    /// Microseconds from the start of the first second to the end of the window.
    pub(super) fn micros(&self) -> i64 {
        self.end_second().saturating_sub(self.first_second()).saturating_mul(MICROS).max(0)
    }

    /// `D`, at least 1.
    pub(crate) fn period_days(&self) -> i64 {
        self.period_days.max(1)
    }
}

/// The start of an hour since the epoch, in microseconds; none beyond 64 bits.
pub(super) fn hour_start(hour: i64) -> Option<i64> {
    hour.checked_mul(3600 * MICROS)
}

/// An instant's second, rounded half up.
pub(super) fn rounded_second(instant: Instant) -> i64 {
    // An instant is within 262,000 years of the epoch: half a second more is far from the end of 64 bits.
    (instant.timestamp_micros() + MICROS / 2).div_euclid(MICROS)
}

/// `t°`: the instant rounded half up to the second. Days are counted from it, so that no event of a window has more
/// days than the window.
pub(crate) fn rounded(instant: Instant) -> Instant {
    DateTime::from_timestamp(rounded_second(instant), 0).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::testing::{at, window};

    #[test]
    fn timestamps_are_rounded_to_the_second_and_both_ends_are_in() {
        let july = window("2022-07-01", "2022-07-31");
        let check = |timestamp: &str, expected| assert_eq!(july.place(at(timestamp)), expected, "{timestamp}");
        check("2022-06-30T23:59:59.499", Place::Before);
        check("2022-06-30T23:59:59.500", Place::Inside);
        check("2022-07-01", Place::Inside);
        check("2022-07-31T23:59:59.499999", Place::Inside);
        check("2022-07-31T23:59:59.5", Place::After);
        check("2022-08-01", Place::After);
    }

    #[test]
    fn the_second_of_an_upgrade_is_the_successors() {
        let check = |end, timestamp: &str, expected| {
            let to = at("2022-07-16T14:00:00.7");
            let old = Window { to, end, ..window("2022-07-01", "2022-07-31") };
            assert_eq!(old.contains(at(timestamp)), expected, "{timestamp} {end:?}");
            let new = Window { from: to, ..window("2022-07-01", "2022-07-31") };
            if end == End::Successors {
                assert_ne!(old.contains(at(timestamp)), new.contains(at(timestamp)), "{timestamp}");
            }
        };
        check(End::Successors, "2022-07-16T13:59:59.499", true);
        check(End::Successors, "2022-07-16T13:59:59.500", false);
        check(End::Successors, "2022-07-16T14:00:00", false);
        check(End::Successors, "2022-07-16T14:00:00.9", false);
        check(End::Included, "2022-07-16T14:00:00.499", true);
        check(End::Included, "2022-07-16T14:00:00.5", false);
    }

    #[test]
    fn before_the_epoch_half_seconds_go_up_as_well() {
        assert_eq!(rounded(at("1969-12-31T23:59:58.5")), at("1969-12-31T23:59:59"));
        assert_eq!(rounded(at("1969-12-31T23:59:58.499999")), at("1969-12-31T23:59:58"));
    }
}
