//! What time does to a wallet: triggered top-ups, its expiry, its rule's days (chapter 04, 11.3 and 11.7).
//!
//! The clocks of the chapter tick every hour. Here the mark that matters is computed, so that no hour without work is a
//! step: marks depend on nothing but the wallet and its customer's zone.

use chrono::{Datelike, Days, NaiveDate, SubsecRound};

use super::{OwedTopUp, Source, TopUp, Trigger, Wallet};
use crate::id::derived;
use crate::time::{Instant, Interval, Zone};

/// The minute at which expired wallets are ended (chapter 04, 14).
const EXPIRY_MINUTE: i64 = 45;
/// The minute at which rules with an interval fire (chapter 04, 14).
const INTERVAL_MINUTE: i64 = 55;
/// Days to look ahead for the next one that matches: one day of a year at the latest, and once more if that one has no mark.
const DAYS_AHEAD_MAX: u64 = 3 * 366;

/// Something that the clock does to a wallet.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A triggered top-up is due: the first of `owed` with its instant.
    TopUp(TopUp),
    /// Its ongoing balance is to be looked at.
    Look,
    /// It has expired.
    Expire,
    /// Its rule fires.
    Interval(TopUp),
}

/// The earliest step that is due by `until`, with its own instant; none if nothing is.
///
/// Of several at one instant triggered top-ups come first, then looks, then the expiry.
#[must_use]
pub fn next_step(wallet: &Wallet, zone: Zone, until: Instant) -> Option<(Instant, Step)> {
    if !wallet.is_active() {
        return None;
    }
    let owed = wallet.owed.iter().min_by_key(|owed| owed.at).map(|owed| (owed.at, Step::TopUp(owed.into())));
    let expiry = expiry_mark(wallet).map(|at| (at, Step::Expire));
    let interval = interval_mark(wallet, zone).map(|(at, top_up)| (at, Step::Interval(top_up)));
    let look = wallet.look_at.map(|at| (at, Step::Look));
    let steps = [owed, look, expiry, interval].into_iter().flatten();
    steps.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= until)
}

/// When the clock next has something to do for a wallet.
#[must_use]
pub fn next_due(wallet: &Wallet, zone: Zone) -> Option<Instant> {
    next_step(wallet, zone, Instant::MAX_UTC).map(|(at, _)| at)
}

impl From<&OwedTopUp> for TopUp {
    fn from(owed: &OwedTopUp) -> TopUp {
        let OwedTopUp { at, occasion, source, paid, granted } = *owed;
        TopUp { paid, granted, source, occasion, at }
    }
}

impl Wallet {
    /// The wallet after a step was taken: a triggered top-up is not owed any more, and a day is not used twice.
    #[must_use]
    pub fn after(&self, step: &Step) -> Wallet {
        let mut wallet = self.clone();
        match step {
            Step::TopUp(made) => wallet.owed.retain(|owed| (owed.at, owed.occasion) != (made.at, made.occasion)),
            Step::Interval(made) => wallet.last_interval_at = Some(made.at),
            Step::Look | Step::Expire => {}
        }
        wallet
    }
}

/// The first mark at which the wallet counts as expired, whole seconds compared.
fn expiry_mark(wallet: &Wallet) -> Option<Instant> {
    mark_from(wallet.expiration_at?.trunc_subsecs(0), EXPIRY_MINUTE)
}

/// The first instant at `minute` of an hour that is not before `from`.
fn mark_from(from: Instant, minute: i64) -> Option<Instant> {
    let hour = from.timestamp().div_euclid(3600);
    (hour..=hour + 1)
        .filter_map(|hour| Instant::from_timestamp(hour * 3600 + minute * 60, 0))
        .find(|mark| *mark >= from)
}

/// When the wallet's rule fires next, and what comes of it; none without a rule of the kind, or one that tops up nothing.
///
/// It fires at the first mark of a local day that matches, that lies after the rule's last change and after the day of the
/// wallet's creation, and on which no top-up by interval was made yet.
fn interval_mark(wallet: &Wallet, zone: Zone) -> Option<(Instant, TopUp)> {
    let rule = wallet.rule.as_ref().filter(|rule| rule.trigger == Trigger::Interval && rule.has_credits())?;
    let interval = rule.interval?;
    let created = zone.date(wallet.created_at);
    let last = wallet.last_interval_at.map(|at| zone.date(at));
    // Strictly later: a rule made at a mark waits for the next one.
    let after = wallet.last_interval_at.unwrap_or(rule.since).max(rule.since);
    let from = after.checked_add_signed(chrono::TimeDelta::microseconds(1))?;
    let today = zone.date(from);
    let days = (0..DAYS_AHEAD_MAX).map_while(|days| today.checked_add_days(Days::new(days)));
    let at = days
        .filter(|day| *day != created && Some(*day) != last && fires_on(interval, created, *day))
        .filter_map(|day| Some((day, mark_from(zone.start_of(day).max(from), INTERVAL_MINUTE)?)))
        // The day may have no mark left, or not exist in the zone.
        .find(|(day, mark)| zone.date(*mark) == *day)
        .map(|(_, mark)| mark)?;
    let occasion = derived("interval top-up", &[&at.timestamp_micros().to_be_bytes()]);
    let top_up = TopUp { paid: rule.paid, granted: rule.granted, source: Source::Interval, occasion, at };
    Some((at, top_up))
}

/// Whether a rule of a wallet created on `created` fires on `today`, local dates both (chapter 04, 11.7).
#[must_use]
pub fn fires_on(interval: Interval, created: NaiveDate, today: NaiveDate) -> bool {
    let is_last_of_month = today.succ_opt().is_none_or(|tomorrow| tomorrow.month() != today.month());
    let month_day = created.day() == today.day() || (is_last_of_month && created.day() >= today.day());
    match interval {
        Interval::Weekly => created.weekday() == today.weekday(),
        Interval::Monthly => month_day,
        Interval::Quarterly => created.month() % 3 == today.month() % 3 && month_day,
        Interval::Yearly => {
            let end_of_february = (today.month(), today.day()) == (2, 28) && !today.leap_year();
            created.month() == today.month()
                && (created.day() == today.day() || (end_of_february && [28, 29].contains(&created.day())))
        }
    }
}
