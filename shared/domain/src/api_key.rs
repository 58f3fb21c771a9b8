//! API keys of an organization: which of them open it, and which may go (00-index, ruling 10; docs/adr/0022).

use crate::problem::{Problems, codes};
use crate::time::Instant;

/// Most keys of an organization that open it at the same time.
pub const OPEN_MAX: usize = 20;

/// Most characters of a key's name.
const NAME_MAX: usize = 100;

/// Longest time that a rotated key goes on beside its successor: 30 days.
const OVERLAP_SECONDS_MAX: i64 = 30 * 86_400;

/// What has become of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It opens until it is revoked.
    Active,
    /// It was rotated, and still opens for a while.
    Expiring,
    /// It was rotated, and its time has run out.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Status {
    /// The status of a key at an instant of the real clock, also in a sandbox.
    #[must_use]
    pub fn at(now: Instant, expires_at: Option<Instant>, revoked_at: Option<Instant>) -> Status {
        match (expires_at, revoked_at) {
            (_, Some(_)) => Status::Revoked,
            (Some(end), None) if end <= now => Status::Expired,
            (Some(_), None) => Status::Expiring,
            (None, None) => Status::Active,
        }
    }

    /// Whether the key opens its organization.
    #[must_use]
    pub fn opens(self) -> bool {
        matches!(self, Status::Active | Status::Expiring)
    }

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Expiring => "expiring",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
        }
    }
}

/// The name of a new key, if it is one.
///
/// # Errors
/// It is missing, or longer than 100 characters.
pub fn check_name(name: Option<String>) -> Result<String, Problems> {
    let mut problems = Problems::default();
    let name = problems.mandatory("name", name);
    if name.chars().count() > NAME_MAX {
        problems.add("name", codes::TOO_LONG);
    }
    problems.or(name)
}

/// How long a rotated key goes on, if it may: nothing sent is not at all.
///
/// # Errors
/// Below 0, or above 30 days.
pub fn check_overlap(seconds: Option<i64>) -> Result<chrono::TimeDelta, Problems> {
    match seconds.unwrap_or(0) {
        seconds @ 0..=OVERLAP_SECONDS_MAX => Ok(chrono::TimeDelta::seconds(seconds)),
        _ => Err(Problems::one("overlap_seconds", codes::OUT_OF_RANGE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_until_it_is_revoked_or_its_time_runs_out() {
        let at = |seconds| Instant::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let status = |expires, revoked| Status::at(at(10), expires, revoked);
        assert_eq!(status(None, None), Status::Active);
        assert_eq!(status(Some(at(11)), None), Status::Expiring);
        assert_eq!(status(Some(at(10)), None), Status::Expired);
        assert_eq!(status(Some(at(11)), Some(at(5))), Status::Revoked);
        // A sandbox's clock may stand anywhere: that it was revoked is enough.
        assert_eq!(status(None, Some(at(99))), Status::Revoked);
        let opening = [Status::Active, Status::Expiring, Status::Expired, Status::Revoked].map(Status::opens);
        assert_eq!(opening, [true, true, false, false]);
    }

    #[test]
    fn names_and_overlaps_have_bounds() {
        assert_eq!(check_name(Some("ci".into())), Ok("ci".to_owned()));
        assert_eq!(check_name(Some(" ".into())), Err(Problems::one("name", codes::MANDATORY)));
        assert_eq!(check_name(Some("n".repeat(101))), Err(Problems::one("name", codes::TOO_LONG)));
        assert_eq!(check_overlap(None), Ok(chrono::TimeDelta::zero()));
        assert_eq!(check_overlap(Some(2_592_000)), Ok(chrono::TimeDelta::days(30)));
        for out in [-1, 2_592_001, i64::MAX] {
            assert_eq!(check_overlap(Some(out)), Err(Problems::one("overlap_seconds", codes::OUT_OF_RANGE)));
        }
    }
}
