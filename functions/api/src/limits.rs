//! How many requests one API key may make: a bucket of tokens per key and process (docs/adr/0022).
//!
//! Owns: buckets, and how a refusal looks. A deployment that sets no limit has none here; on AWS the gateway's stage has
//! one of its own before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::{App, RateLimit, secrets};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use wire::error::ErrorBody;

use crate::call::bearer;
use crate::error::ApiError;

/// Keys that are remembered. Above it, those that have not asked for a while are forgotten: their buckets are full.
const BUCKETS_MAX: usize = 10_000;

/// The headers by which official clients know how long to wait.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Tokens of a key, in thousandths of what one request takes times the seconds of the limit: whole numbers throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    level: u64,
    at_ms: i64,
}

impl Bucket {
    /// What one request takes.
    fn price(limit: RateLimit) -> u64 {
        u64::from(limit.seconds.get()) * 1000
    }

    fn full(limit: RateLimit) -> u64 {
        u64::from(limit.requests.get()) * Bucket::price(limit)
    }

    /// The bucket at an instant: it fills evenly, `requests` tokens in `seconds`. A clock that goes back fills nothing.
    fn filled(self, limit: RateLimit, now_ms: i64) -> Bucket {
        let passed = u64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(0);
        let gain = passed.saturating_mul(u64::from(limit.requests.get()));
        Bucket { level: self.level.saturating_add(gain).min(Bucket::full(limit)), at_ms: now_ms.max(self.at_ms) }
    }

    /// Takes a token, or says how many seconds it takes until there is one.
    fn take(&mut self, limit: RateLimit, now_ms: i64) -> Result<(), u64> {
        *self = self.filled(limit, now_ms);
        match self.level.checked_sub(Bucket::price(limit)) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None => {
                let missing = Bucket::price(limit) - self.level;
                Err(missing.div_ceil(u64::from(limit.requests.get())).div_ceil(1000).max(1))
            }
        }
    }
}

/// The buckets of every key, by its hash.
#[derive(Clone)]
pub(crate) struct Limits {
    app: App,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

impl Limits {
    pub(crate) fn new(app: &App) -> Limits {
        Limits { app: app.clone(), buckets: Arc::default() }
    }

    fn take(&self, limit: RateLimit, key: &str) -> Result<(), u64> {
        let now_ms = self.app.clock.now().timestamp_millis();
        // A panic cannot leave a bucket half changed.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| bucket.filled(limit, now_ms).level < Bucket::full(limit));
        }
        let full = Bucket { level: Bucket::full(limit), at_ms: now_ms };
        buckets.entry(secrets::hash(key)).or_insert(full).take(limit, now_ms)
    }
}

/// The layer. Requests without a key pass: they are refused anyway.
pub(crate) async fn limited(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let taken = match (limits.app.settings.rate_limit, bearer(request.headers())) {
        (Some(limit), Some(key)) => limits.take(limit, key).map_err(|seconds| (limit, seconds)),
        (None, _) | (_, None) => Ok(()),
    };
    match taken {
        Ok(()) => next.run(request).await,
        Err((limit, seconds)) => {
            let mut response = ApiError::from(ErrorBody::too_many_requests()).into_response();
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert(LIMIT, HeaderValue::from(limit.requests.get()));
            headers.insert(REMAINING, HeaderValue::from(0));
            headers.insert(RESET, HeaderValue::from(seconds));
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_what_it_holds_and_fills_evenly() {
        // Five requests in ten seconds: one every two.
        let limit: RateLimit = "5/10".parse().unwrap();
        let mut bucket = Bucket { level: Bucket::full(limit), at_ms: 0 };
        for _ in 0..5 {
            assert_eq!(bucket.take(limit, 0), Ok(()));
        }
        assert_eq!(bucket.take(limit, 0), Err(2));
        assert_eq!(bucket.take(limit, 1_999), Err(1));
        assert_eq!(bucket.take(limit, 2_000), Ok(()));
        assert_eq!(bucket.take(limit, 2_000), Err(2));
        // A clock that goes back fills nothing, and takes nothing away.
        assert_eq!(bucket.take(limit, 0), Err(2));
        assert_eq!(bucket.take(limit, 4_000), Ok(()));
        // A long rest fills it once, not more.
        for _ in 0..5 {
            assert_eq!(bucket.take(limit, i64::MAX), Ok(()));
        }
        assert!(bucket.take(limit, i64::MAX).is_err());
    }

    #[test]
    fn a_limit_is_requests_in_seconds() {
        let parsed =
            |text: &str| text.parse::<RateLimit>().ok().map(|limit| (limit.requests.get(), limit.seconds.get()));
        assert_eq!(parsed("100/1"), Some((100, 1)));
        assert_eq!(parsed("3/3600"), Some((3, 3600)));
        for bad in ["", "100", "0/1", "1/0", "-1/1", "1/1/1", "a/1", "4294967296/1"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
