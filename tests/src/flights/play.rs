//! Flights happen: a month of events goes out over several connections.

use std::iter::Peekable;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

use super::client::{Api, ClientError};
use super::events::{Batch, Batches};
use super::month::Month;
use super::rows::{Flight, RowsError};

/// What was sent and acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// Events acknowledged, each counted once however often its batch was repeated.
    pub events_count: u64,
    /// From the first request to the last acknowledgement.
    pub wall: Duration,
}

impl Sent {
    /// Whole events per second of sending.
    pub fn events_per_second(&self) -> u128 {
        u128::from(self.events_count) * 1_000_000 / self.wall.as_micros().max(1)
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { events_count: self.events_count + other.events_count, wall: self.wall + other.wall }
    }
}

/// When the clock is turned to close a month: a minute after its end.
pub fn closes_at(month: Month) -> DateTime<Utc> {
    month.end() + TimeDelta::minutes(1)
}

/// Takes the flights of a month, which are the next ones of the file, and leaves the rest.
pub fn take_month(
    rows: &mut Peekable<impl Iterator<Item = Result<Flight, RowsError>>>,
    month: Month,
) -> Result<Vec<Flight>, RowsError> {
    let is_ours = |row: &Result<Flight, RowsError>| {
        row.as_ref().map_or(true, |flight| Month::of_event(flight.timestamp) <= month)
    };
    std::iter::from_fn(|| rows.next_if(is_ours)).collect()
}

/// Sends the events of these flights, in batches, over this many connections at a time.
///
/// Each connection serializes its next batch when it has sent the last one, so the memory in use is that of the flights
/// and one body per connection. The first failure stops all.
pub async fn send(api: &Api, flights: Vec<Flight>, connections: usize) -> Result<Sent, ClientError> {
    let batches = Arc::new(Mutex::new(Batches::new(flights)));
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections.max(1) {
        senders.spawn(send_batches(api.clone(), Arc::clone(&batches)));
    }
    let mut events_count = 0;
    while let Some(sender) = senders.join_next().await {
        match sender {
            Ok(sent) => events_count += sent?,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
    Ok(Sent { events_count, wall: started.elapsed() })
}

/// One connection's share; returns the events acknowledged.
async fn send_batches(api: Api, batches: Arc<Mutex<Batches>>) -> Result<u64, ClientError> {
    let mut events_count = 0;
    while let Some(batch) = next_batch(&batches) {
        let batch = batch?;
        api.post_events(batch.body).await?;
        events_count += batch.events_count as u64;
    }
    Ok(events_count)
}

/// Not held over an await.
fn next_batch(batches: &Mutex<Batches>) -> Option<Result<Batch, serde_json::Error>> {
    batches.lock().unwrap_or_else(PoisonError::into_inner).next()
}
