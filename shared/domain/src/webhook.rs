//! Webhooks: signatures and when to try again. Rules: chapter 07, part 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveTime, TimeDelta};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::time::Instant;

/// Automatic retries after the first attempt (chapter 07, 1.4).
pub const RETRIES_MAX: u32 = 3;

/// `X-Lago-Signature` of an `hmac` endpoint: Base64 of HMAC-SHA-256 over exactly the body bytes (chapter 07, 1.3).
#[must_use]
pub fn hmac_signature(api_key: &str, body: &[u8]) -> String {
    // HMAC takes keys of every length: the constructor's error cannot occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(api_key.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// HTTP status.
        status: u16,
    },
    /// No answer: connection, TLS, name, time-out, or a target that is not allowed.
    Unreachable,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It arrived.
    Delivered,
    /// Try again from this instant on.
    RetryAt(Instant),
    /// No automatic retry is left.
    GiveUp,
}

/// Decides what follows an attempt that had been retried `retries` times before (chapter 07, 1.4).
///
/// `jitter` is uniform in 0..1000 thousandths. Wait: `r^4 + u * r^4 * 0.15 + 2` seconds.
#[must_use]
pub fn after(outcome: &Outcome, retries: u32, now: Instant, jitter: u32) -> After {
    match outcome {
        Outcome::Answered { status: 200 | 201 | 202 | 204 } => After::Delivered,
        Outcome::Answered { .. } | Outcome::Unreachable if retries < RETRIES_MAX => {
            let power = i64::from(retries.pow(4));
            let wait_ms = power * 1000 + power * 150 * i64::from(jitter) / 1000 + 2000;
            After::RetryAt(now + TimeDelta::milliseconds(wait_ms))
        }
        Outcome::Answered { .. } | Outcome::Unreachable => After::GiveUp,
    }
}

/// Days that the log keeps an entry after its last change.
const KEPT_DAYS: i64 = 90;

/// Whether the log still has an entry at `now`: what has not changed for 90 days goes daily at 01:00 UTC (chapter 07, 1.5).
#[must_use]
pub fn is_kept(updated_at: Instant, now: Instant) -> bool {
    let hour = TimeDelta::hours(1);
    let swept_before = now.checked_sub_signed(hour).and_then(|at| {
        let swept_at = at.date_naive().and_time(NaiveTime::MIN).and_utc() + hour;
        swept_at.checked_sub_signed(TimeDelta::days(KEPT_DAYS))
    });
    // None is before the first instant there is.
    swept_before.is_none_or(|swept_before| updated_at >= swept_before)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_at_one_oclock_after_ninety_days() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        // 90 days after 2 January 2024 are 1 April.
        for (updated_at, now, is_there) in [
            ("2024-01-02T01:00:00Z", "2024-04-01T01:00:00Z", true),
            ("2024-01-02T00:59:59Z", "2024-04-01T00:59:59Z", true),
            ("2024-01-02T00:59:59Z", "2024-04-01T01:00:00Z", false),
            ("2024-01-02T12:00:00Z", "2024-04-02T00:59:59Z", true),
            ("2024-01-02T12:00:00Z", "2024-04-02T01:00:00Z", false),
        ] {
            assert_eq!(is_kept(at(updated_at), at(now)), is_there, "{updated_at} at {now}");
        }
        assert!(is_kept(Instant::MIN_UTC, Instant::MIN_UTC));
    }

    #[test]
    fn the_chapters_signature() {
        let body = br#"{"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["tx_1"],"missing_aggregation_property":[],"missing_group_key":[]}}"#;
        assert_eq!(body.len(), 161);
        let signature = hmac_signature("3b1f0c52-7a55-4b0f-9f57-2d4a3a1a9c10", body);
        assert_eq!(signature, "XPC85crovTtIoGKqJ+386blFrjO0/vIIl8y4qkMU7p0=");
    }

    #[test]
    fn waits_grow_and_end_after_three_retries() {
        let now = Instant::UNIX_EPOCH;
        let wait = |retries, jitter| match after(&Outcome::Unreachable, retries, now, jitter) {
            After::RetryAt(at) => Some((at - now).num_milliseconds()),
            After::Delivered | After::GiveUp => None,
        };
        assert_eq!([wait(0, 0), wait(0, 999)], [Some(2000), Some(2000)]);
        assert_eq!([wait(1, 0), wait(1, 1000)], [Some(3000), Some(3150)]);
        assert_eq!([wait(2, 0), wait(2, 1000)], [Some(18000), Some(20400)]);
        assert_eq!(wait(3, 0), None);
    }

    #[test]
    fn only_four_statuses_are_success() {
        let decide = |status| after(&Outcome::Answered { status }, RETRIES_MAX, Instant::UNIX_EPOCH, 0);
        for status in [200, 201, 202, 204] {
            assert_eq!(decide(status), After::Delivered, "{status}");
        }
        for status in [203, 301, 302, 400, 410, 500] {
            assert_eq!(decide(status), After::GiveUp, "{status}");
        }
    }
}
