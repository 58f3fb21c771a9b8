//! Instants, local days and billing periods.
//!
//! Owns: what a local day is in a zone, how days between two instants are counted, and the grid of period starts.
//!
//! Does not own: what is billed for a period (`billing`), nor which zone applies to whom.
//!
//! Invariants:
//! - Nothing here panics, for any date or instant that chrono can hold: results saturate at the ends of the calendar.
//! - `start_of` never runs backwards: a later day never starts before an earlier one.
//! - A grid is a pure function of its anchor: no start depends on the one before it.

use chrono::{DateTime, Utc};

mod period;
mod zone;

pub use period::{BillingTime, Grid, Interval, UnknownBillingTime, UnknownInterval};
pub use zone::{UnknownZone, Zone};

/// A point in time, UTC, microseconds.
pub type Instant = DateTime<Utc>;
