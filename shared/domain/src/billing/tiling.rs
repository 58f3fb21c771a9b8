//! Periods tile time: every IANA zone, interval, billing time and awkward anchor, 1970 to 2100, against a calendar that is
//! walked day by day.
//!
//! The oracle shares no code with the rules: it finds the first instant of each local day by looking at wall clocks in
//! small steps, and the days on which periods start by the day rules of chapter 02, 6.1. By default a sample of years is
//! walked, every zone in it; `make sweep` walks them all.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::env;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use rust_decimal::Decimal;

use super::{Boundaries, Situation, Succession, Terms, boundaries, next_billing_at};
use crate::time::{BillingTime, Instant, Interval, Zone};

const TICK: TimeDelta = TimeDelta::microseconds(1);

/// How far the oracle looks at once; clocks that show the same offset at both ends did not change between.
const STRIDE: TimeDelta = TimeDelta::hours(6);

/// Around a change of clocks it looks this often. All changes since 1970 were at whole half minutes.
const CLOSE_LOOK: TimeDelta = TimeDelta::seconds(30);

/// Month ends, leap days, the days around them, and a few ordinary days.
const ANCHORS: [&str; 12] = [
    "1968-02-29",
    "1969-01-31",
    "1969-01-30",
    "1969-01-29",
    "1969-03-31",
    "1969-11-30",
    "1969-08-31",
    "1969-12-31",
    "1969-05-15",
    "1969-02-28",
    "1969-10-01",
    "1969-07-07",
];

/// The plans: interval, and whether a yearly one bills its charges monthly.
const PLANS: [(Interval, bool); 5] = [
    (Interval::Weekly, false),
    (Interval::Monthly, false),
    (Interval::Quarterly, false),
    (Interval::Yearly, false),
    (Interval::Yearly, true),
];

/// The first instant of each local day of a span, as wall clocks show it.
struct Almanac {
    first: NaiveDate,
    starts: Vec<Instant>,
}

impl Almanac {
    /// Walks from two days before `first` for `days` days.
    fn walk(tz: Tz, first: NaiveDate, days: usize) -> Almanac {
        let offset = |at: Instant| {
            TimeDelta::seconds(i64::from(tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
        };
        let date = |at: Instant| (at.naive_utc() + offset(at)).date();
        let mut at = (first - Days::new(3)).and_time(NaiveTime::MIN).and_utc();
        let mut wanted = first;
        let mut starts = Vec::with_capacity(days);
        while starts.len() < days {
            let end = at + STRIDE;
            if offset(at) == offset(end) {
                // A steady clock: midnights stand where the offset puts them.
                while starts.len() < days {
                    let midnight = wanted.and_time(NaiveTime::MIN).and_utc() - offset(at);
                    if midnight > end {
                        break;
                    }
                    starts.push(midnight.max(at));
                    wanted = wanted.succ_opt().unwrap();
                }
            } else {
                let mut look = at;
                while look <= end && starts.len() < days {
                    while date(look) >= wanted && starts.len() < days {
                        starts.push(look);
                        wanted = wanted.succ_opt().unwrap();
                    }
                    look += CLOSE_LOOK;
                }
            }
            at = end;
        }
        Almanac { first, starts }
    }

    fn start(&self, day: NaiveDate) -> Option<Instant> {
        let position = usize::try_from((day - self.first).num_days()).ok()?;
        self.starts.get(position).copied()
    }

    fn days(&self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take(self.starts.len())
    }
}

/// Whether a period starts on `d`: the day rules of chapter 02, 6.1, rule 4.
fn starts_on(interval: Interval, time: BillingTime, a: NaiveDate, d: NaiveDate) -> bool {
    let is_last_day = d.succ_opt().unwrap().month() != d.month();
    let on_day_of_anchor = d.day() == a.day() || (is_last_day && a.day() > d.day());
    match (time, interval) {
        (BillingTime::Calendar, Interval::Weekly) => d.weekday() == Weekday::Mon,
        (BillingTime::Calendar, Interval::Monthly) => d.day() == 1,
        (BillingTime::Calendar, Interval::Quarterly) => d.day() == 1 && matches!(d.month(), 1 | 4 | 7 | 10),
        (BillingTime::Calendar, Interval::Yearly) => d.day() == 1 && d.month() == 1,
        (BillingTime::Anniversary, Interval::Weekly) => d.weekday() == a.weekday(),
        (BillingTime::Anniversary, Interval::Monthly) => on_day_of_anchor,
        (BillingTime::Anniversary, Interval::Quarterly) => d.month() % 3 == a.month() % 3 && on_day_of_anchor,
        (BillingTime::Anniversary, Interval::Yearly) => {
            let leap_day = (a.month(), a.day()) == (2, 29) && (d.month(), d.day()) == (2, 28) && !d.leap_year();
            d.month() == a.month() && (d.day() == a.day() || leap_day)
        }
    }
}

fn terms(zone: Zone, (interval, monthly): (Interval, bool), time: BillingTime, anchor: NaiveDate) -> Terms {
    // In the middle of the anchor's day, whatever the zone.
    let start = zone.start_of(anchor) + TimeDelta::hours(9);
    Terms {
        zone,
        interval,
        billing_time: time,
        bill_charges_monthly: monthly,
        pay_in_advance: false,
        amount_cents: 10_000,
        trial_days: Decimal::ZERO,
        subscription_at: start,
        started_at: start,
        usage_from: None,
        created_at: start,
        terminated_at: None,
        ending_at: None,
        trial_started_at: start,
        succession: Succession::default(),
    }
}

/// The days of an almanac on which something starts, with the one before and the one after each.
fn neighbours(starts: &[NaiveDate]) -> impl Iterator<Item = (NaiveDate, NaiveDate, NaiveDate)> {
    starts.windows(3).map(|three| (three[0], three[1], three[2]))
}

/// Counts the periods that were compared.
fn check(almanac: &Almanac, terms: &Terms) -> usize {
    let anchor = terms.zone.date(terms.subscription_at);
    let charges = if terms.bill_charges_monthly { Interval::Monthly } else { terms.interval };
    let of = |interval| -> Vec<NaiveDate> {
        almanac.days().filter(|day| starts_on(interval, terms.billing_time, anchor, *day)).collect()
    };
    let (fee_days, charge_days) = (of(terms.interval), of(charges));
    let label =
        |day: NaiveDate| format!("{} {:?} {:?} anchor {anchor}, {day}", terms.zone, terms.interval, terms.billing_time);
    let advance = Terms { pay_in_advance: true, ..terms.clone() };
    let mut fees: VecDeque<(NaiveDate, NaiveDate, NaiveDate)> = neighbours(&fee_days).collect();
    let mut compared = 0;
    for (before, day, after) in neighbours(&charge_days) {
        let [from, at, next] = [before, day, after].map(|day| almanac.start(day).unwrap());
        assert_eq!(next_billing_at(terms, at), Some(next), "{}", label(day));
        assert_eq!(next_billing_at(terms, from), Some(at), "{}", label(day));
        let made = boundaries(terms, Situation::Recurring, at, None);
        assert_eq!((made.charges_from, made.charges_to), (from, at - TICK), "{}", label(day));
        // A first or last day that the zone skipped as a whole was not lived.
        let is_skipped = |day: NaiveDate| almanac.start(day) == almanac.start(day.succ_opt().unwrap());
        let skipped = i64::from(is_skipped(before)) + i64::from(is_skipped(day.pred_opt().unwrap()));
        assert_eq!(terms.zone.days(from, at - TICK), (day - before).num_days() - skipped, "{}", label(day));
        // Every instant of the period is in it: its first, its last, and not those beside it.
        let of_instant = |at| {
            let Boundaries { charges_from, charges_to, .. } = boundaries(terms, Situation::CurrentUsage, at, None);
            (charges_from, charges_to)
        };
        assert_eq!(of_instant(at - TICK), (from, at - TICK), "{}", label(day));
        assert_eq!(of_instant(at), (at, next - TICK), "{}", label(day));
        compared += 1;
        // The fee's period: the one that holds this day, and the one before it.
        while fees.front().is_some_and(|(_, _, next)| *next <= day) {
            fees.pop_front();
        }
        let Some((before, current, after)) = fees.front().filter(|(_, current, _)| *current <= day) else { continue };
        let [from, start, end] = [before, current, after].map(|day| almanac.start(*day).unwrap());
        assert_eq!((made.from, made.to), (from, start - TICK), "{}", label(day));
        let made = boundaries(&advance, Situation::Recurring, at, None);
        assert_eq!((made.from, made.to), (start, end - TICK), "{}", label(day));
    }
    compared
}

/// Every plan, billing time and anchor over a span of a zone.
fn check_span(tz: Tz, first: NaiveDate, days: usize, anchors: &[&str]) -> usize {
    let (zone, almanac) = (Zone::any(tz), Almanac::walk(tz, first, days));
    for day in almanac.days() {
        let start = almanac.start(day).unwrap();
        assert_eq!(zone.start_of(day), start, "{tz} {day}");
        if let Some(next) = almanac.start(day.succ_opt().unwrap()) {
            assert_eq!(zone.end_of(day), next - TICK, "{tz} {day}");
        }
    }
    let mut compared = 0;
    for plan in PLANS {
        for (position, anchor) in anchors.iter().enumerate() {
            let anchor: NaiveDate = anchor.parse().unwrap();
            compared += check(&almanac, &terms(zone, plan, BillingTime::Anniversary, anchor));
            // A calendar does not look at its anchor.
            if position == 0 {
                compared += check(&almanac, &terms(zone, plan, BillingTime::Calendar, anchor));
            }
        }
    }
    compared
}

fn january(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap()
}

#[test]
fn periods_tile_time_in_every_zone() {
    if env::var_os("WEIR_SWEEP").is_some() {
        let (first, end) = (january(1970), january(2101));
        let days = usize::try_from((end - first).num_days()).unwrap();
        let compared: usize = TZ_VARIANTS.iter().map(|tz| check_span(*tz, first, days, &ANCHORS)).sum();
        println!("{compared} periods in {} zones, 1970 to 2100", TZ_VARIANTS.len());
        return;
    }
    // Thirteen months of each zone, another year and another anchor for each.
    for (position, tz) in TZ_VARIANTS.iter().enumerate() {
        let year = 1970 + i32::try_from(position * 37 % 130).unwrap();
        let anchor = ANCHORS[position % ANCHORS.len()];
        assert!(check_span(*tz, january(year), 400, &[anchor]) > 0);
    }
    // Days that were skipped as a whole, midnights that never were or came twice, clocks put back at one past midnight.
    for (tz, year) in [
        (Tz::Pacific__Apia, 2011),
        (Tz::Pacific__Kwajalein, 1993),
        (Tz::Pacific__Kiritimati, 1994),
        (Tz::America__St_Johns, 2006),
        (Tz::America__Santiago, 2024),
        (Tz::America__Havana, 2024),
        (Tz::Asia__Beirut, 2024),
        (Tz::Africa__Cairo, 2024),
        (Tz::Atlantic__Azores, 2024),
        (Tz::America__Sao_Paulo, 2017),
        (Tz::Africa__Monrovia, 1971),
        (Tz::Europe__Paris, 2024),
        (Tz::America__New_York, 2024),
        (Tz::Australia__Lord_Howe, 2024),
        (Tz::Antarctica__Troll, 2024),
        (Tz::Africa__Casablanca, 2024),
    ] {
        assert!(check_span(tz, january(year), 800, &ANCHORS[..4]) > 0);
    }
}
