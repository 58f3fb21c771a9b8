//! Time zones: local days and the days between two instants.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::Instant;

/// The accepted names (chapter 05, part 4), sorted. Matching is exact.
const NAMES: &[&str] = &[
    "Africa/Algiers",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Harare",
    "Africa/Johannesburg",
    "Africa/Monrovia",
    "Africa/Nairobi",
    "America/Argentina/Buenos_Aires",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Chihuahua",
    "America/Denver",
    "America/Godthab",
    "America/Guatemala",
    "America/Guyana",
    "America/Halifax",
    "America/Indiana/Indianapolis",
    "America/Juneau",
    "America/La_Paz",
    "America/Lima",
    "America/Los_Angeles",
    "America/Mazatlan",
    "America/Mexico_City",
    "America/Monterrey",
    "America/Montevideo",
    "America/New_York",
    "America/Phoenix",
    "America/Puerto_Rico",
    "America/Regina",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Tijuana",
    "Asia/Almaty",
    "Asia/Baghdad",
    "Asia/Baku",
    "Asia/Bangkok",
    "Asia/Chongqing",
    "Asia/Colombo",
    "Asia/Dhaka",
    "Asia/Hong_Kong",
    "Asia/Irkutsk",
    "Asia/Jakarta",
    "Asia/Jerusalem",
    "Asia/Kabul",
    "Asia/Kamchatka",
    "Asia/Karachi",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Krasnoyarsk",
    "Asia/Kuala_Lumpur",
    "Asia/Kuwait",
    "Asia/Magadan",
    "Asia/Muscat",
    "Asia/Novosibirsk",
    "Asia/Rangoon",
    "Asia/Riyadh",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Srednekolymsk",
    "Asia/Taipei",
    "Asia/Tashkent",
    "Asia/Tbilisi",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Asia/Ulaanbaatar",
    "Asia/Urumqi",
    "Asia/Vladivostok",
    "Asia/Yakutsk",
    "Asia/Yekaterinburg",
    "Asia/Yerevan",
    "Atlantic/Azores",
    "Atlantic/Cape_Verde",
    "Atlantic/South_Georgia",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Darwin",
    "Australia/Hobart",
    "Australia/Melbourne",
    "Australia/Perth",
    "Australia/Sydney",
    "Etc/GMT+12",
    "Etc/UTC",
    "Europe/Amsterdam",
    "Europe/Athens",
    "Europe/Belgrade",
    "Europe/Berlin",
    "Europe/Bratislava",
    "Europe/Brussels",
    "Europe/Bucharest",
    "Europe/Budapest",
    "Europe/Copenhagen",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Kaliningrad",
    "Europe/Kiev",
    "Europe/Lisbon",
    "Europe/Ljubljana",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Minsk",
    "Europe/Moscow",
    "Europe/Paris",
    "Europe/Prague",
    "Europe/Riga",
    "Europe/Rome",
    "Europe/Samara",
    "Europe/Sarajevo",
    "Europe/Skopje",
    "Europe/Sofia",
    "Europe/Stockholm",
    "Europe/Tallinn",
    "Europe/Vienna",
    "Europe/Vilnius",
    "Europe/Volgograd",
    "Europe/Warsaw",
    "Europe/Zagreb",
    "Europe/Zurich",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Fakaofo",
    "Pacific/Fiji",
    "Pacific/Guadalcanal",
    "Pacific/Guam",
    "Pacific/Honolulu",
    "Pacific/Majuro",
    "Pacific/Midway",
    "Pacific/Noumea",
    "Pacific/Pago_Pago",
    "Pacific/Port_Moresby",
    "Pacific/Tongatapu",
    "UTC",
];

/// No gap or offset of a zone is wider: the date line moves a zone by a day, offsets stay within 16 hours.
const WIDEST_SHIFT: TimeDelta = TimeDelta::hours(48);

/// The resolution of an instant, and so the distance between the end of a day and the start of the next.
const TICK: TimeDelta = TimeDelta::microseconds(1);

/// An accepted time zone. Two zones are the same if their names are: `UTC` and `Etc/UTC` differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

/// The text is no accepted time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no accepted time zone")]
pub struct UnknownZone(pub String);

impl Zone {
    /// The default of a new organization.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of an accepted name (chapter 05, part 4): exact, upper and lower case matter.
    pub fn parse(name: &str) -> Result<Zone, UnknownZone> {
        let unknown = || UnknownZone(name.to_owned());
        NAMES.binary_search(&name).map_err(|_| unknown())?;
        name.parse().map(Zone).map_err(|_| unknown())
    }

    /// The name that `parse` took.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The rules of the zone.
    #[must_use]
    pub fn tz(self) -> Tz {
        self.0
    }

    /// `start(d)` of chapter 02, 5.1: the first instant of the local day, inclusive.
    ///
    /// That is local midnight, the first one if it occurs twice. If the clock jumps over midnight, it is the instant of
    /// the jump (local 01:00 as a rule). A day that the zone skipped as a whole (Samoa, 30 December 2011) starts, and
    /// ends, where the next one starts.
    #[must_use]
    pub fn start_of(self, day: NaiveDate) -> Instant {
        let midnight = day.and_time(NaiveTime::MIN);
        match self.0.from_local_datetime(&midnight).earliest() {
            Some(at) => at.to_utc(),
            None => self.jump_over(midnight),
        }
    }

    /// `end(d)` of chapter 02, 5.1: the last microsecond of the local day, inclusive: `start_of(day + 1) - 1 µs`.
    #[must_use]
    pub fn end_of(self, day: NaiveDate) -> Instant {
        let next = self.start_of(day.succ_opt().unwrap_or(day));
        next.checked_sub_signed(TICK).unwrap_or(next)
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(self, at: Instant) -> NaiveDate {
        self.wall(at).date()
    }

    /// The local wall time of an instant.
    #[must_use]
    pub fn wall(self, at: Instant) -> NaiveDateTime {
        let utc = at.naive_utc();
        utc.checked_add_offset(self.0.offset_from_utc_datetime(&utc).fix()).unwrap_or(utc)
    }

    /// `N(from, to)` of chapter 02, 8.2, and `days(from, to)` of chapter 03, 0.2: elapsed wall days, rounded up.
    ///
    /// Clock changes do not count. With `from` at the start of a local day and `to` within one, both days count; a `to`
    /// exactly at the start of a day adds nothing for it. The first instant of a day counts as its 00:00 even where
    /// the clock jumps over midnight, so that such a day, too, is one day. Zero or below if `to` is not after `from`.
    #[must_use]
    pub fn days(self, from: Instant, to: Instant) -> i64 {
        let elapsed = self.day_time(to) - self.day_time(from);
        // `num_days` truncates towards zero, which is the ceiling already for what is negative.
        let whole = elapsed.num_days();
        if elapsed > TimeDelta::days(whole) { whole + 1 } else { whole }
    }

    /// `caldays(from, to)` of chapter 03, 0.2: the local dates from that of `from` to that of `to`, both counted.
    #[must_use]
    pub fn calendar_days(self, from: Instant, to: Instant) -> i64 {
        (self.date(to) - self.date(from)).num_days() + 1
    }

    /// The wall time, with the first instant of a local day as its 00:00.
    fn day_time(self, at: Instant) -> NaiveDateTime {
        let wall = self.wall(at);
        if at == self.start_of(wall.date()) { wall.date().and_time(NaiveTime::MIN) } else { wall }
    }

    /// The first instant whose wall time is not before `wall`, a wall time that the zone's clock jumps over.
    fn jump_over(self, wall: NaiveDateTime) -> Instant {
        let edge = |utc: Option<NaiveDateTime>| utc.unwrap_or(wall).and_utc();
        // INVARIANT: the clock shows less than `wall` at `before`, and no less than it at `after`.
        let mut before = edge(wall.checked_sub_signed(WIDEST_SHIFT));
        let mut after = edge(wall.checked_add_signed(WIDEST_SHIFT));
        // Clocks change at whole seconds.
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.wall(middle) < wall { before = middle } else { after = middle }
        }
        after
    }

    /// Any zone, accepted or not, for tests of odd calendars.
    #[cfg(test)]
    pub(crate) fn any(tz: Tz) -> Zone {
        Zone(tz)
    }

    /// All accepted zones, and some whose clocks change in unusual ways.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(crate) fn all_and_odd() -> Vec<Zone> {
        let odd = [Tz::Asia__Beirut, Tz::America__Asuncion, Tz::America__Havana, Tz::Africa__El_Aaiun, Tz::Asia__Gaza];
        NAMES.iter().map(|name| Zone::parse(name).unwrap()).chain(odd.map(Zone::any)).collect()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_is_sorted_for_the_search_and_known_to_the_calendar() {
        assert!(NAMES.is_sorted());
        assert_eq!(NAMES.len(), 136);
        for name in NAMES {
            assert_eq!(Zone::parse(name).unwrap().name(), *name);
        }
        for bad in ["", "utc", "Europe/paris", "Asia/Beirut", "GMT", "Etc/GMT+11"] {
            assert_eq!(Zone::parse(bad), Err(UnknownZone(bad.into())));
        }
    }

    #[test]
    fn a_local_day_starts_at_its_first_instant() {
        let check = |zone: Tz, date: &str, start: &str| {
            assert_eq!(Zone::any(zone).start_of(day(date)), at(start), "{zone} {date}");
        };
        check(Tz::UTC, "2024-02-29", "2024-02-29T00:00:00Z");
        check(Tz::Asia__Tokyo, "2024-02-01", "2024-01-31T15:00:00Z");
        check(Tz::America__New_York, "2024-03-11", "2024-03-11T04:00:00Z");
        // Midnight does not exist: local 01:00.
        check(Tz::America__Santiago, "2024-09-08", "2024-09-08T04:00:00Z");
        check(Tz::Asia__Beirut, "2024-03-31", "2024-03-30T22:00:00Z");
        check(Tz::Africa__Cairo, "2024-04-26", "2024-04-25T22:00:00Z");
        check(Tz::America__Asuncion, "2024-10-06", "2024-10-06T04:00:00Z");
        check(Tz::Atlantic__Azores, "2024-03-31", "2024-03-31T01:00:00Z");
        // Midnight occurs twice: the first.
        check(Tz::Atlantic__Azores, "2024-10-27", "2024-10-27T00:00:00Z");
        // 23:00 to 24:00 occurs twice: the day before lasts an hour longer.
        check(Tz::America__Santiago, "2024-04-07", "2024-04-07T04:00:00Z");
        check(Tz::Asia__Beirut, "2024-10-27", "2024-10-26T22:00:00Z");
        // The day is missing: the start of the next.
        check(Tz::Pacific__Apia, "2011-12-30", "2011-12-30T10:00:00Z");
        check(Tz::Pacific__Apia, "2011-12-31", "2011-12-30T10:00:00Z");
    }

    #[test]
    fn days_tile_the_time_line_in_every_zone() {
        for zone in Zone::all_and_odd() {
            for date in day("2011-10-01").iter_days().take(200).chain(day("2024-01-01").iter_days().take(731)) {
                let (start, next) = (zone.start_of(date), zone.start_of(date.succ_opt().unwrap()));
                assert_eq!(zone.end_of(date) + TICK, next, "{zone} {date}");
                assert!(start <= next, "{zone} {date}");
                if start < next {
                    assert_eq!(zone.date(start), date, "{zone} {date}");
                    assert_eq!(zone.date(zone.end_of(date)), date, "{zone} {date}");
                    assert_eq!(zone.days(start, zone.end_of(date)), 1, "{zone} {date}");
                    assert_eq!(zone.days(start, next), zone.calendar_days(start, next) - 1, "{zone} {date}");
                }
            }
        }
    }

    #[test]
    fn days_are_counted_in_wall_time_and_rounded_up() {
        let check = |from: &str, to: &str, zone: Tz, days, calendar_days| {
            let zone = Zone::any(zone);
            assert_eq!(zone.days(at(from), at(to)), days, "{from} {to}");
            assert_eq!(zone.calendar_days(at(from), at(to)), calendar_days, "{from} {to}");
        };
        // The table of chapter 02, 8.2.
        check("2023-08-31T23:10:00Z", "2023-09-30T22:59:59Z", Tz::Europe__Paris, 30, 31);
        check("2023-09-30T23:10:00Z", "2023-10-31T22:59:59Z", Tz::Europe__Paris, 31, 31);
        check("2023-02-28T23:10:00Z", "2023-03-31T21:59:59Z", Tz::Europe__Paris, 31, 31);
        // Exactly at midnight adds nothing, a moment later the day counts.
        check("2024-03-01T00:00:00Z", "2024-03-10T00:00:00Z", Tz::UTC, 9, 10);
        check("2024-03-01T00:00:00Z", "2024-03-10T00:00:00.000001Z", Tz::UTC, 10, 10);
        // Earlier in its day than `from` in its own.
        check("2024-03-01T10:00:00Z", "2024-03-10T09:00:00Z", Tz::UTC, 9, 10);
        check("2024-03-10T00:00:00Z", "2024-03-10T00:00:00Z", Tz::UTC, 0, 1);
        check("2024-03-10T12:00:00Z", "2024-03-08T13:00:00Z", Tz::UTC, -1, -1);
        // 8 September starts at 01:00 in Santiago and is a whole day still.
        check("2024-09-08T04:00:00Z", "2024-09-20T03:05:00Z", Tz::America__Santiago, 13, 13);
        check("2024-09-01T04:00:00Z", "2024-09-08T04:00:00Z", Tz::America__Santiago, 7, 8);
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for zone in [Zone::UTC, Zone::any(Tz::Pacific__Apia), Zone::any(Tz::America__Santiago)] {
            for date in [NaiveDate::MIN, NaiveDate::MAX] {
                let _ = (zone.start_of(date), zone.end_of(date));
            }
            for instant in [Instant::MIN_UTC, Instant::MAX_UTC] {
                let _ = (zone.date(instant), zone.days(instant, instant), zone.days(Instant::MIN_UTC, instant));
            }
        }
    }
}
