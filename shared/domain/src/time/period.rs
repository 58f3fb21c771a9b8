//! The grid of billing periods (chapter 02, 5.2).

use std::str::FromStr;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

/// How long a plan's period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interval {
    /// Seven days.
    Weekly,
    /// One month.
    Monthly,
    /// Three months.
    Quarterly,
    /// Twelve months.
    Yearly,
}

/// The text is no interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no interval")]
pub struct UnknownInterval(pub String);

impl Interval {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Interval::Weekly => "weekly",
            Interval::Monthly => "monthly",
            Interval::Quarterly => "quarterly",
            Interval::Yearly => "yearly",
        }
    }

    /// Periods in a year, for the yearly amount by which plans are compared (chapter 02, 2.1).
    #[must_use]
    pub fn per_year(self) -> i64 {
        match self {
            Interval::Weekly => 52,
            Interval::Monthly => 12,
            Interval::Quarterly => 4,
            Interval::Yearly => 1,
        }
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(word: &str) -> Result<Self, UnknownInterval> {
        match word {
            "weekly" => Ok(Interval::Weekly),
            "monthly" => Ok(Interval::Monthly),
            "quarterly" => Ok(Interval::Quarterly),
            "yearly" => Ok(Interval::Yearly),
            _ => Err(UnknownInterval(word.to_owned())),
        }
    }
}

/// What a subscription's periods are aligned with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BillingTime {
    /// The calendar: Mondays, firsts of months, quarters and years.
    Calendar,
    /// The local date of `subscription_at`.
    Anniversary,
}

/// The text is no billing time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no billing time")]
pub struct UnknownBillingTime(pub String);

impl BillingTime {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BillingTime::Calendar => "calendar",
            BillingTime::Anniversary => "anniversary",
        }
    }
}

impl FromStr for BillingTime {
    type Err = UnknownBillingTime;

    fn from_str(word: &str) -> Result<Self, UnknownBillingTime> {
        match word {
            "calendar" => Ok(BillingTime::Calendar),
            "anniversary" => Ok(BillingTime::Anniversary),
            _ => Err(UnknownBillingTime(word.to_owned())),
        }
    }
}

/// The period starts of chapter 02, 5.2: local dates, without end in both directions, without exceptions.
///
/// A start is counted from the anchor, never from the start before it: 31 January, 28 February, 31 March. A period is
/// half-open: from its start to the day before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The distance of two starts.
    pub interval: Interval,
    /// What the starts are aligned with.
    pub billing_time: BillingTime,
    /// The local date of `subscription_at`; a calendar grid does not look at it.
    pub anchor: NaiveDate,
}

/// The distance of two starts as the calendar has it.
enum Step {
    Week,
    Months(i64),
}

impl Grid {
    /// `P(day)`: the latest start that is not after `day`.
    #[must_use]
    pub fn current(self, day: NaiveDate) -> NaiveDate {
        self.start(self.number(day))
    }

    /// `Q(day)`: the start before `P(day)`.
    #[must_use]
    pub fn previous(self, day: NaiveDate) -> NaiveDate {
        self.start(self.number(day) - 1)
    }

    /// `N(day)`: the start after `P(day)`, the first one after `day`.
    #[must_use]
    pub fn next(self, day: NaiveDate) -> NaiveDate {
        self.start(self.number(day) + 1)
    }

    /// Whether a period starts on `day`: `P(day) = day`.
    #[must_use]
    pub fn is_start(self, day: NaiveDate) -> bool {
        self.current(day) == day
    }

    /// The local days of the period that holds `day`, `[P(day), N(day))`: the denominator of chapter 02, 8.3.
    ///
    /// 7, 28 to 31, 89 to 92, or 365 to 366.
    #[must_use]
    pub fn length(self, day: NaiveDate) -> i64 {
        (self.next(day) - self.current(day)).num_days()
    }

    fn step(self) -> Step {
        match self.interval {
            Interval::Weekly => Step::Week,
            Interval::Monthly => Step::Months(1),
            Interval::Quarterly => Step::Months(3),
            Interval::Yearly => Step::Months(12),
        }
    }

    /// The start number 0. A calendar grid takes any Monday, or any first of January: both begin periods.
    fn origin(self) -> NaiveDate {
        match (self.billing_time, self.step()) {
            (BillingTime::Anniversary, _) => self.anchor,
            // Only the first days that the calendar can hold have no Monday, or January, before them.
            (BillingTime::Calendar, Step::Week) => {
                self.anchor.week(Weekday::Mon).checked_first_day().unwrap_or(self.anchor)
            }
            (BillingTime::Calendar, Step::Months(_)) => {
                NaiveDate::from_yo_opt(self.anchor.year(), 1).unwrap_or(self.anchor)
            }
        }
    }

    /// The start that is `number` periods after the origin, or before it.
    fn start(self, number: i64) -> NaiveDate {
        let origin = self.origin();
        let start = match self.step() {
            Step::Week => TimeDelta::try_weeks(number).and_then(|weeks| origin.checked_add_signed(weeks)),
            Step::Months(months) => clamped(month_number(origin) + number * months, origin.day()),
        };
        start.unwrap_or(if number < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
    }

    /// The number of the latest start that is not after `day`.
    fn number(self, day: NaiveDate) -> i64 {
        let origin = self.origin();
        match self.step() {
            Step::Week => (day - origin).num_days().div_euclid(7),
            Step::Months(months) => {
                let number = (month_number(day) - month_number(origin)).div_euclid(months);
                // Within the month of a start, the start may still be ahead.
                if self.start(number) > day { number - 1 } else { number }
            }
        }
    }
}

/// Months since the start of year 0.
fn month_number(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

/// `clamp(y, m, k)` of chapter 02, 5.2: the day `k` of a month, or the month's last day if it is shorter.
fn clamped(month_number: i64, k: u32) -> Option<NaiveDate> {
    let year = i32::try_from(month_number.div_euclid(12)).ok()?;
    let month = u32::try_from(month_number.rem_euclid(12)).ok()? + 1;
    (k.min(28)..=k).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    const INTERVALS: [Interval; 4] = [Interval::Weekly, Interval::Monthly, Interval::Quarterly, Interval::Yearly];
    const TIMES: [BillingTime; 2] = [BillingTime::Calendar, BillingTime::Anniversary];

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The day rules of chapter 02, 6.1, rule 4, word by word.
    fn starts_by_rule(grid: Grid, d: NaiveDate) -> bool {
        let a = grid.anchor;
        let month_day = |k: u32| d.day() == k || (d.succ_opt().unwrap().month() != d.month() && k > d.day());
        match (grid.billing_time, grid.interval) {
            (BillingTime::Calendar, Interval::Weekly) => d.weekday() == Weekday::Mon,
            (BillingTime::Calendar, Interval::Monthly) => d.day() == 1,
            (BillingTime::Calendar, Interval::Quarterly) => d.day() == 1 && [1, 4, 7, 10].contains(&d.month()),
            (BillingTime::Calendar, Interval::Yearly) => d.day() == 1 && d.month() == 1,
            (BillingTime::Anniversary, Interval::Weekly) => d.weekday() == a.weekday(),
            (BillingTime::Anniversary, Interval::Monthly) => month_day(a.day()),
            (BillingTime::Anniversary, Interval::Quarterly) => {
                (d.month() + 12 - a.month()).is_multiple_of(3) && month_day(a.day())
            }
            (BillingTime::Anniversary, Interval::Yearly) => {
                let leap_day = a.day() == 29 && a.month() == 2;
                let eve = d.day() == 28 && d.month() == 2 && !d.leap_year();
                d.month() == a.month() && (d.day() == a.day() || (leap_day && eve))
            }
        }
    }

    #[test]
    fn the_grid_is_the_day_rules_for_every_anchor_and_date() {
        for anchor in day("2020-01-01").iter_days().take(366) {
            for (interval, billing_time) in INTERVALS.iter().flat_map(|i| TIMES.map(|t| (*i, t))) {
                if billing_time == BillingTime::Calendar && anchor.ordinal() % 61 != 0 {
                    continue;
                }
                check_against_rules(Grid { interval, billing_time, anchor });
            }
        }
    }

    fn check_against_rules(grid: Grid) {
        let lengths = match grid.interval {
            Interval::Weekly => 7..=7,
            Interval::Monthly => 28..=31,
            Interval::Quarterly => 89..=92,
            Interval::Yearly => 365..=366,
        };
        let mut last_start = None;
        for d in day("2024-02-01").iter_days().take(400) {
            let p = grid.current(d);
            assert_eq!(p == d, starts_by_rule(grid, d), "{grid:?} {d}");
            if p == d {
                let (q, n) = (grid.previous(d), grid.next(d));
                assert!(q < p && p < n && grid.is_start(q) && grid.is_start(n), "{grid:?} {d}");
                assert_eq!((grid.current(n.pred_opt().unwrap()), grid.current(d.pred_opt().unwrap())), (p, q));
                assert!(lengths.contains(&grid.length(d)), "{grid:?} {d}");
                last_start = Some(p);
            } else {
                assert!(last_start.is_none_or(|start| start == p), "{grid:?} {d}");
            }
        }
        assert!(last_start.is_some(), "{grid:?}");
    }

    #[test]
    fn starts_are_counted_from_the_anchor() {
        let check = |interval, anchor: &str, d: &str, expected: [&str; 3]| {
            let grid = Grid { interval, billing_time: BillingTime::Anniversary, anchor: day(anchor) };
            assert_eq!([grid.previous(day(d)), grid.current(day(d)), grid.next(day(d))], expected.map(day), "{d}");
        };
        check(Interval::Monthly, "2023-01-31", "2023-03-30", ["2023-01-31", "2023-02-28", "2023-03-31"]);
        check(Interval::Yearly, "2020-02-29", "2024-02-28", ["2022-02-28", "2023-02-28", "2024-02-29"]);
        check(Interval::Quarterly, "2021-11-30", "2022-03-01", ["2021-11-30", "2022-02-28", "2022-05-30"]);
        // Before the anchor, too.
        check(Interval::Monthly, "2023-01-31", "2022-12-31", ["2022-11-30", "2022-12-31", "2023-01-31"]);
    }

    #[test]
    fn the_length_of_a_leap_day_anniversary() {
        let grid =
            Grid { interval: Interval::Yearly, billing_time: BillingTime::Anniversary, anchor: day("2020-02-29") };
        assert_eq!(grid.length(day("2023-06-01")), 366);
        assert_eq!(grid.length(day("2024-06-01")), 365);
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for (interval, billing_time) in INTERVALS.iter().flat_map(|i| TIMES.map(|t| (*i, t))) {
            for anchor in [NaiveDate::MIN, NaiveDate::MAX, day("2024-02-29")] {
                let grid = Grid { interval, billing_time, anchor };
                for d in [NaiveDate::MIN, NaiveDate::MAX] {
                    let _ = (grid.previous(d), grid.next(d), grid.length(d), grid.is_start(d));
                }
            }
        }
    }

    #[test]
    fn words_are_read_as_written() {
        for interval in INTERVALS {
            assert_eq!(interval.as_str().parse(), Ok(interval));
        }
        for time in TIMES {
            assert_eq!(time.as_str().parse(), Ok(time));
        }
        assert_eq!("daily".parse::<Interval>(), Err(UnknownInterval("daily".into())));
        assert!("Calendar".parse::<BillingTime>().is_err());
    }
}
