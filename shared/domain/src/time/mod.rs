//! Instants, local days and billing periods.

use chrono::{DateTime, Utc};

/// A point in time, UTC, microseconds.
pub type Instant = DateTime<Utc>;
