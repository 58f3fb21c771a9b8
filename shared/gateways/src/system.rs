//! The machine's clock, fresh ids and randomness.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use app::ports::{Clock, Ids};
use aws_lc_rs::rand;
use chrono::{DateTime, SubsecRound, Utc};
use uuid::{Builder, Uuid};

/// Digits of a second that an instant keeps: microseconds, as everywhere in Weir.
const SUBSECOND_DIGITS: u16 = 6;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(SUBSECOND_DIGITS)
    }
}

/// Ids from the machine's clock and its randomness.
#[derive(Debug, Default)]
pub struct SystemIds {
    last_sequence: AtomicI64,
}

impl Ids for SystemIds {
    fn uuid(&self) -> Uuid {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Milliseconds of 64 bits last for half a billion years.
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Builder::from_unix_timestamp_millis(millis, &random()).into_uuid()
    }

    fn sequence(&self) -> i64 {
        let now = SystemClock.now().timestamp_micros();
        let next = |last: i64| now.max(last.saturating_add(1));
        let last = self.last_sequence.update(Ordering::Relaxed, Ordering::Relaxed, next);
        next(last)
    }

    fn below(&self, bound: u32) -> u32 {
        // A multiplication instead of a remainder: the bias is below one part in 2^32, which jitter does not mind.
        let wide = u64::from(u32::from_be_bytes(random())) * u64::from(bound);
        (wide >> 32) as u32
    }

    fn secret(&self) -> [u8; 32] {
        random()
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if rand::fill(&mut bytes).is_err() {
        // Guessable keys and colliding ids would be worse than no process.
        panic!("the system gives no random bytes");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_never_repeat_however_fast_they_are_asked_for() {
        let ids = SystemIds::default();
        let sequences: Vec<i64> = (0..10_000).map(|_| ids.sequence()).collect();
        assert!(sequences.is_sorted_by(|left, right| left < right));
        let ahead = sequences[9_999] - SystemClock.now().timestamp_micros();
        assert!(ahead < 1_000_000, "sequences are the present instant: {ahead} microseconds ahead");
    }

    #[test]
    fn threads_never_share_a_sequence() {
        let ids = SystemIds::default();
        let mut all: Vec<i64> = std::thread::scope(|scope| {
            let take = || (0..1_000).map(|_| ids.sequence()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4_000);
    }

    #[test]
    fn ids_follow_time() {
        let ids = SystemIds::default();
        let first = ids.uuid();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(first.get_version_num(), 7);
        assert!(first < ids.uuid());
    }

    #[test]
    fn jitter_stays_below_its_bound() {
        let ids = SystemIds::default();
        assert!((0..1_000).all(|_| ids.below(3) < 3));
        assert_eq!(ids.below(0), 0);
        assert_eq!(ids.below(1), 0);
    }

    #[test]
    fn instants_have_microseconds() {
        assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1_000, 0);
    }
}
