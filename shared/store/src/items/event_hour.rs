//! Hours with events: each is checked once, five minutes after its end (chapter 03, 1.6).
//!
//! So an hour without events costs nothing, neither on the real clock nor when a test clock passes it.

use chrono::{NaiveDate, TimeDelta};
use domain::time::Instant;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// From the start of an hour to its check.
const DUE_AFTER: TimeDelta = TimeDelta::minutes(65);
/// Checked hours stay for some days of the real clock, so that a late copy of a message does not open them again.
const KEPT_SECONDS: i64 = 8 * 24 * 3600;

/// An hour in which an organization received events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHour {
    /// When it begins, on the organization's clock.
    pub start: Instant,
    /// First and last day of the real clock (UTC) on which its events came: in a sandbox one hour may last for days.
    pub received: (NaiveDate, NaiveDate),
    /// Whether its events have been checked.
    pub checked: bool,
}

impl EventHour {
    /// When its check is due, on the organization's clock.
    #[must_use]
    pub fn due_at(&self) -> Instant {
        self.start.checked_add_signed(DUE_AFTER).unwrap_or(self.start)
    }

    /// The instant at which it ends: the first that is not in it.
    #[must_use]
    pub fn end(&self) -> Instant {
        self.start.checked_add_signed(TimeDelta::hours(1)).unwrap_or(Instant::MAX_UTC)
    }
}

/// The stored form of an hour with events.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredEventHour {
    start: Micros,
    received: (Text<NaiveDate>, Text<NaiveDate>),
    checked: bool,
}

impl Record for EventHour {
    const KIND: &'static str = "event_hour";
    const SCHEMA: u32 = 1;
    type Stored = StoredEventHour;

    fn key(&self, scope: Scope) -> Key {
        keys::event_hour(scope.organization, self.start)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let due = || keys::due(scope.organization, scope.timeline, scope.organization.0, self.due_at());
        if self.checked { Vec::new() } else { vec![due()] }
    }

    fn expires_at(&self) -> Option<i64> {
        let last = self.received.1.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        self.checked.then(|| last.saturating_add(KEPT_SECONDS))
    }

    fn to_stored(&self) -> StoredEventHour {
        StoredEventHour {
            start: Micros(self.start),
            received: (Text(self.received.0), Text(self.received.1)),
            checked: self.checked,
        }
    }

    fn from_stored(stored: StoredEventHour) -> Result<Self, DecodeError> {
        Ok(EventHour {
            start: stored.start.0,
            received: (stored.received.0.0, stored.received.1.0),
            checked: stored.checked,
        })
    }
}
