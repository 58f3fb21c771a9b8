//! The bounds of billing records (chapter 02, 5.3 to 5.6 and 7.4).

use chrono::{NaiveDate, TimeDelta};

use super::{Terms, whole_seconds};
use crate::time::{Grid, Instant, Zone};

#[cfg(test)]
mod tests;

/// The four bounds of a billing record, as instants, both ends inclusive.
///
/// Ends are the last microsecond of a local day, or the end of the subscription. Bounds that nothing uses may be
/// inverted (chapter 02, 5.4); so are the charges bounds of a first invoice, which carries no charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundaries {
    /// First instant of the subscription fee's period: always the start of a local day.
    pub from: Instant,
    /// Last instant of the subscription fee's period.
    pub to: Instant,
    /// First instant of the charges' window: the start of a local day, `started_at` exactly, or the end of the record of the
    /// same external id that had the usage before.
    pub charges_from: Instant,
    /// Last instant of the charges' window.
    pub charges_to: Instant,
}

impl Boundaries {
    /// Whether there is a window of charges: not on a first invoice, nor where the period's usage is another record's.
    #[must_use]
    pub fn has_charges(&self) -> bool {
        self.charges_from <= self.charges_to
    }
}

/// Why bounds are asked for (the rows of chapter 02, 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Situation {
    /// The first invoice of an in-advance subscription: at its start, activation, upgrade or rotation.
    First,
    /// A run of the billing clock.
    Recurring,
    /// The old record at the rotation of a downgrade.
    Rotation,
    /// The last invoice of a record that was terminated or upgraded.
    Terminated,
    /// Current usage, and charges in advance at the instant of an event.
    CurrentUsage,
}

/// The latest earlier billing record of the subscription: by `to`, then by creation (chapter 02, 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRecord {
    /// The zone that its invoice was made with.
    pub zone: Zone,
    /// Its last instant of charges.
    pub charges_to: Instant,
}

/// Two bounds that are further apart are no neighbours, whatever the zones (chapter 02, 5.6).
pub(super) const ZONE_CHANGE_MAX: TimeDelta = TimeDelta::hours(26);

/// How long after the end of a period a termination still belongs to it (chapter 02, 7.4).
const BILLING_DAY: TimeDelta = TimeDelta::hours(24);

/// A period as local days: from `first` to the day before `next`.
#[derive(Clone, Copy)]
struct Days {
    first: NaiveDate,
    next: NaiveDate,
}

impl Days {
    /// `[Q, P)`: the period that ended last.
    fn finished(grid: Grid, day: NaiveDate) -> Days {
        Days { first: grid.previous(day), next: grid.current(day) }
    }

    /// `[P, N)`: the period that holds `day`.
    fn current(grid: Grid, day: NaiveDate) -> Days {
        Days { first: grid.current(day), next: grid.next(day) }
    }

    /// The last microsecond of the last day.
    fn end(self, zone: Zone) -> Instant {
        zone.end_of(self.next.pred_opt().unwrap_or(self.next))
    }
}

/// The bounds of an invoice with the billing instant `at` (chapter 02, 5.3 to 5.6).
///
/// `at` is the instant at which the invoice is due, however late it is made. `previous` is the record before this one,
/// if any: after a change of zone the charges' window goes on where that record ended.
#[must_use]
pub fn boundaries(terms: &Terms, situation: Situation, at: Instant, previous: Option<&LastRecord>) -> Boundaries {
    let day = terms.zone.date(at);
    let (grid, charges_grid) = (terms.grid(), terms.charges_grid());
    let (fee, charges) = match situation {
        Situation::First => (Days::current(grid, day), Days::finished(charges_grid, day)),
        Situation::Recurring | Situation::Rotation => {
            let fee = if terms.pay_in_advance { Days::current(grid, day) } else { Days::finished(grid, day) };
            (fee, Days::finished(charges_grid, day))
        }
        Situation::Terminated | Situation::CurrentUsage => (Days::current(grid, day), Days::current(charges_grid, day)),
    };
    Boundaries {
        from: fee_from(terms, fee),
        to: fee_to(terms, situation, at, fee),
        charges_from: charges_from(terms, charges, previous),
        charges_to: charges_to(terms, charges),
    }
}

/// The bounds of the last invoice of a record that ends at `at` (chapter 02, 7.4).
///
/// Without a next record, a termination in the first 24 hours after a period stands in for the recurring run of that
/// moment, unless that was made: the finished period is billed in full, and the hours since are not billed.
/// `already_billed` tells whether a recurring record of the subscription has the fee bounds given to it (and, for a
/// yearly plan with monthly charges, the charges bounds). With a next record the bounds are the ordinary ones.
#[must_use]
pub fn termination_boundaries(
    terms: &Terms,
    at: Instant,
    already_billed: impl Fn(&Boundaries) -> bool,
    previous: Option<&LastRecord>,
) -> Boundaries {
    let ordinary = boundaries(terms, Situation::Terminated, at, previous);
    if terms.succession.next.is_some() || !ends_on_billing_day(terms, at) {
        return ordinary;
    }
    let as_active = Terms { terminated_at: None, ..terms.clone() };
    let recurring = boundaries(&as_active, Situation::Recurring, at, previous);
    if already_billed(&recurring) {
        return ordinary;
    }
    let day = terms.zone.date(at);
    if terms.grid().current(day) == terms.charges_grid().current(day) {
        recurring
    } else {
        // A month of charges has ended, the plan's year goes on.
        Boundaries { from: ordinary.from, to: ordinary.to, ..recurring }
    }
}

/// Whether a period of charges ended, with the subscription running, within the 24 hours before `at`.
fn ends_on_billing_day(terms: &Terms, at: Instant) -> bool {
    let Some(day_before) = at.checked_sub_signed(BILLING_DAY) else { return false };
    let end = Days::current(terms.charges_grid(), terms.zone.date(day_before)).end(terms.zone);
    day_before >= terms.started_at && end <= at && at - end < BILLING_DAY
}

/// The local days of the whole charges period: `Dc` of chapter 02, 8.5, `D` of chapter 03, 0.2.
///
/// Neither a late start nor an early end of the subscription makes it shorter. The period is that of `charges_to`:
/// after a change of zone `charges_from` may lie on a day before it.
#[must_use]
pub fn charges_period_days(terms: &Terms, boundaries: &Boundaries) -> i64 {
    terms.charges_grid().length(terms.zone.date(boundaries.charges_to))
}

/// The last local day of the plan's period that holds `at`, inclusive (chapter 02, 5.5).
#[must_use]
pub fn period_end(terms: &Terms, at: Instant) -> NaiveDate {
    let next = next_period_start(terms, at);
    next.pred_opt().unwrap_or(next)
}

/// The local day after `period_end`: the `downgrade_plan_date` of a pending downgrade (chapter 02, 3 and 5.5).
#[must_use]
pub fn next_period_start(terms: &Terms, at: Instant) -> NaiveDate {
    terms.grid().next(terms.zone.date(at))
}

fn fee_from(terms: &Terms, fee: Days) -> Instant {
    let start = terms.zone.start_of(fee.first);
    if start < terms.started_at { terms.zone.start_of(terms.zone.date(terms.started_at)) } else { start }
}

fn fee_to(terms: &Terms, situation: Situation, at: Instant, fee: Days) -> Instant {
    let end = fee.end(terms.zone);
    let ended_by_now = match situation {
        // Made for an active subscription: an end in the same second came after it, and does not shorten the period.
        Situation::First | Situation::Recurring => None,
        Situation::Rotation | Situation::Terminated | Situation::CurrentUsage => {
            terms.terminated_at.map(whole_seconds).filter(|terminated| *terminated <= whole_seconds(at))
        }
    };
    ended_by_now.filter(|terminated| *terminated < whole_seconds(end)).unwrap_or(end)
}

fn charges_from(terms: &Terms, charges: Days, previous: Option<&LastRecord>) -> Instant {
    let start = terms.zone.start_of(charges.first);
    let after_zone_change = previous
        .filter(|record| record.zone != terms.zone)
        .and_then(|record| whole_seconds(record.charges_to).checked_add_signed(TimeDelta::seconds(1)))
        .filter(|after| (*after - start).abs() < ZONE_CHANGE_MAX);
    let from = after_zone_change.unwrap_or(start).max(terms.started_at);
    // A period whose usage is another record's as a whole leaves an empty window.
    let last = whole_seconds(charges_to(terms, charges));
    let empty = last.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(Instant::MAX_UTC);
    terms.usage_from.map_or(from, |usage_from| usage_from.min(empty).max(from))
}

fn charges_to(terms: &Terms, charges: Days) -> Instant {
    let end = charges.end(terms.zone);
    terms.terminated_at.map_or(end, |terminated| terminated.min(end))
}
