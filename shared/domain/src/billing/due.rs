//! When the clocks of a subscription are due (chapter 02, 4.10 and 6.1).

use std::iter;

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::Terms;
use super::boundaries::ZONE_CHANGE_MAX;
use crate::time::{Grid, Instant, Zone};

#[cfg(test)]
mod tests;

/// How far into its last day a subscription with a planned end lives (chapter 02, 4.10).
const ENDING_DELAY: TimeDelta = TimeDelta::minutes(5);

/// The distance of the activation clock's marks: five minutes.
const MARK_SECONDS: i64 = 300;

/// Whether the billing clock bills the subscription on the local day `day`: rules 2 to 4 of chapter 02, 6.1.
///
/// The caller knows the rest: the subscription is active (rule 1), and no recurring record of it has a billing instant
/// of that day (rule 5).
#[must_use]
pub fn is_billing_day(terms: &Terms, day: NaiveDate) -> bool {
    // Rule 2; before the start nothing is billed either.
    day > terms.zone.date(terms.started_at)
        // Rule 3; `termination_at` ends the subscription on that day.
        && terms.ending_at.is_none_or(|ending| terms.zone.date(ending) != day)
        // Rule 4. Starts of the plan's own periods are starts of charges periods too.
        && starts_period(terms.zone, terms.charges_grid(), day)
}

/// Whether a pending downgrade takes effect on the local day `day`: a period of the plan's own grid starts on it
/// (chapter 02, 4.5). On the other billing days of a yearly plan with monthly charges it does not.
#[must_use]
pub fn is_rotation_day(terms: &Terms, day: NaiveDate) -> bool {
    starts_period(terms.zone, terms.grid(), day)
}

/// The first billing instant after `after`, exclusive: the start of the first billing day that starts later.
///
/// None if the planned end comes first. For an active subscription; never at or before its start.
#[must_use]
pub fn next_billing_at(terms: &Terms, after: Instant) -> Option<Instant> {
    next_start(terms, after, |_| true)
}

/// The billing instant that follows on a recurring run at `last`, whose charges reached to `billed_to`.
///
/// After a change of zone, days that were billed in the old one come again in the new one, up to 26 hours later, or a day
/// later by an anniversary's date. A period that began 26 hours or more before `billed_to` is billed already (as near as
/// chapter 02, 5.6 lets two zones be).
#[must_use]
pub fn next_billing_after(terms: &Terms, last: Instant, billed_to: Instant) -> Option<Instant> {
    let grid = terms.charges_grid();
    let is_new = |start: NaiveDate| billed_to - terms.zone.start_of(grid.previous(start)) < ZONE_CHANGE_MAX;
    next_start(terms, last, is_new)
}

fn next_start(terms: &Terms, after: Instant, is_wanted: impl Fn(NaiveDate) -> bool) -> Option<Instant> {
    let grid = terms.charges_grid();
    let start_date = terms.zone.date(terms.started_at);
    let first = grid.current(terms.zone.date(after.max(terms.started_at)));
    let later = |start: &NaiveDate| Some(grid.next(*start)).filter(|next| next > start);
    let at = iter::successors(Some(first), later)
        .filter(|start| is_wanted(*start))
        .map(|start| terms.zone.start_of(start))
        .find(|at| *at > after && terms.zone.date(*at) > start_date)?;
    terms.ending_at.is_none_or(|ending| terms.zone.date(at) < terms.zone.date(ending)).then_some(at)
}

/// The first billing instant of a subscription that became active at `active_at`, which may lie in the past.
///
/// A subscription that is created on a billing day with an earlier start is due on that day, at once (chapter 02, 6.1).
/// Billing days before that day are not made up for (chapter 02, 7.5).
#[must_use]
pub fn first_billing_at(terms: &Terms, active_at: Instant) -> Option<Instant> {
    let today = terms.zone.start_of(terms.zone.date(active_at));
    let at = next_billing_at(terms, today.checked_sub_signed(TimeDelta::microseconds(1)).unwrap_or(today))?;
    Some(at.max(active_at))
}

/// When a subscription with a future start becomes active (chapter 02, 4.10, Activate).
///
/// The start of the local date of `subscription_at`. If that is past at `created_at` (the creation, or the change of
/// `subscription_at`): the next five-minute mark of the hour, exclusive, at the latest `subscription_at` itself.
#[must_use]
pub fn activation_at(zone: Zone, subscription_at: Instant, created_at: Instant) -> Instant {
    let start = zone.start_of(zone.date(subscription_at));
    if start >= created_at {
        return start;
    }
    let next_mark = Instant::from_timestamp((created_at.timestamp().div_euclid(MARK_SECONDS) + 1) * MARK_SECONDS, 0);
    next_mark.map_or(subscription_at, |mark| mark.min(subscription_at))
}

/// When a subscription with a planned end is terminated (chapter 02, 4.10, Terminate ended).
///
/// Five minutes after the start of the local date of `ending_at`; if that is past at `now`, at once.
#[must_use]
pub fn termination_at(zone: Zone, ending_at: Instant, now: Instant) -> Instant {
    let start = zone.start_of(zone.date(ending_at));
    start.checked_add_signed(ENDING_DELAY).unwrap_or(start).max(now)
}

/// A termination alert: one of the two UTC days on which a planned end is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// UTC days before the UTC date of `ending_at`. An alert is sent once per subscription, `ending_at` date and this.
    pub days_before: i64,
    /// The first mark of that UTC day: 00:50.
    pub at: Instant,
}

/// The termination alerts of a planned end, earlier one first (chapter 02, 4.10).
#[must_use]
pub fn alerts_at(ending_at: Instant) -> [Alert; 2] {
    [45, 15].map(|days_before| {
        let date = ending_at.date_naive();
        let day = date.checked_sub_signed(TimeDelta::days(days_before)).unwrap_or(date);
        Alert { days_before, at: day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(50) }
    })
}

impl Alert {
    /// The first mark (minute 50 of an hour) of the alert's UTC day that is not before `now`; none if that day is over.
    ///
    /// For an end that is planned, or a subscription that starts, on the very day of the alert.
    #[must_use]
    pub fn next_from(self, now: Instant) -> Option<Instant> {
        (0..24).map(|hour| self.at + TimeDelta::hours(hour)).find(|at| *at >= now)
    }
}

/// Whether a period starts on `day`. One that starts on a day that the zone skipped starts on the next.
fn starts_period(zone: Zone, grid: Grid, day: NaiveDate) -> bool {
    zone.date(zone.start_of(grid.current(day))) == day
}
