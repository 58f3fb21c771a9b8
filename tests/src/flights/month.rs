//! Calendar months in New York, the operator's timezone.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::America::New_York;

/// A local calendar month, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// January 2013, the first month of the data.
    pub const FIRST: Month = Month { year: 2013, month: 1 };

    /// The local month that holds an event, whose instant counts rounded half up to the second (chapter 03, 3.1).
    pub fn of_event(timestamp: DateTime<Utc>) -> Self {
        let second = (timestamp + TimeDelta::milliseconds(500)).trunc_subsecs(0);
        let local = second.with_timezone(&New_York);
        Self { year: local.year(), month: local.month() }
    }

    /// The first `count` months of the data.
    pub fn first(count: usize) -> Vec<Self> {
        std::iter::successors(Some(Self::FIRST), |month| Some(month.next())).take(count).collect()
    }

    /// The month after this one.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// Local midnight of the first day.
    pub fn start(self) -> DateTime<Utc> {
        local_midnight(self.first_day())
    }

    /// Local midnight of the next month's first day; exclusive.
    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    /// The first local day.
    pub fn first_day(self) -> NaiveDate {
        // `month` is 1 to 12 by construction, and every such month of an i32 year in chrono's range has a first day.
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The local date of an instant.
pub fn local_date(instant: DateTime<Utc>) -> NaiveDate {
    instant.with_timezone(&New_York).date_naive()
}

/// The instant of 00:00 local time.
fn local_midnight(day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    #[expect(clippy::expect_used, reason = "New York changes its clocks at 02:00, so midnight exists once each day")]
    let local = New_York.from_local_datetime(&midnight).single().expect("midnight exists once a day in New York");
    local.with_timezone(&Utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn months_begin_and_end_at_local_midnight() {
        let year = Month::first(12);
        let bounds: Vec<String> = year.iter().map(|month| month.start().format("%m-%dT%H:%M").to_string()).collect();
        assert_eq!(
            bounds,
            [
                "01-01T05:00",
                "02-01T05:00",
                "03-01T05:00",
                "04-01T04:00",
                "05-01T04:00",
                "06-01T04:00",
                "07-01T04:00",
                "08-01T04:00",
                "09-01T04:00",
                "10-01T04:00",
                "11-01T04:00",
                "12-01T05:00",
            ]
        );
        assert_eq!(year[11].end(), at("2014-01-01T05:00:00Z"));
        assert!(year.windows(2).all(|pair| pair[0].end() == pair[1].start()));
    }

    #[test]
    fn an_event_belongs_to_its_local_month() {
        let table = [
            ("2013-01-01T04:59:59.499Z", "2012-12"),
            ("2013-01-01T04:59:59.500Z", "2013-01"),
            ("2013-02-01T04:59:00Z", "2013-01"),
            ("2013-02-01T05:00:00Z", "2013-02"),
            // Clocks are one hour ahead from 10 March to 3 November.
            ("2013-03-01T04:59:59Z", "2013-02"),
            ("2013-04-01T03:59:59Z", "2013-03"),
            ("2013-04-01T04:00:00Z", "2013-04"),
            ("2013-11-01T03:59:59Z", "2013-10"),
            ("2013-11-01T04:00:00Z", "2013-11"),
            ("2013-12-01T04:59:59Z", "2013-11"),
            ("2013-12-01T05:00:00Z", "2013-12"),
            ("2014-01-01T04:59:00Z", "2013-12"),
        ];
        for (timestamp, month) in table {
            assert_eq!(Month::of_event(at(timestamp)).to_string(), month, "{timestamp}");
        }
    }
}
