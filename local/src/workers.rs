//! The loops that play the cloud's triggers: queues, the change feed, the schedule.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use app::ports::{Clock, Incoming, Queue};
use app::{App, metrics};
use gateways::system::SystemClock;
use store::outbox;
use store::sqlite::SqliteTable;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time;

use crate::bus::NoBus;
use crate::progress::LocalProgress;
use crate::queues::{LocalQueues, Received};

/// Between two looks at a queue or feed that nobody announced anything in.
const IDLE: Duration = Duration::from_secs(1);
/// Between two ticks of the real clock.
const TICK: Duration = Duration::from_secs(10);
/// Between two sweeps of expired items.
const SWEEP: Duration = Duration::from_secs(3600);
/// Changes that the relay takes up at once.
const CHANGES_AT_ONCE: usize = 256;

/// What handles a batch of messages and names those to deliver again.
pub(crate) type Handler = Arc<dyn Fn(Vec<Incoming>) -> Pin<Box<dyn Future<Output = Vec<String>> + Send>> + Send + Sync>;

/// How a queue is consumed.
pub(crate) struct Consumption {
    pub(crate) queue: Queue,
    /// Messages of one call.
    pub(crate) batch: usize,
    /// Calls at the same time.
    pub(crate) parallel: usize,
    pub(crate) handler: Handler,
}

/// Consumes a queue until the host stops; calls that have begun are let end.
pub(crate) async fn consume(
    queues: Arc<LocalQueues>,
    progress: Arc<LocalProgress>,
    consumption: Consumption,
    mut stop: watch::Receiver<bool>,
) {
    let Consumption { queue, batch, parallel, handler } = consumption;
    let permits = Arc::new(Semaphore::new(parallel));
    let mut calls = JoinSet::new();
    while !*stop.borrow() {
        while calls.try_join_next().is_some() {}
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let received = match queues.receive(queue, batch).await {
            Ok(received) => received,
            Err(error) => {
                tracing::error!("reading the {} queue failed: {error}", queue.name());
                Vec::new()
            }
        };
        if received.is_empty() {
            drop(permit);
            let wait = queues.next_visible_in(queue).await.ok().flatten().map_or(IDLE, Duration::from_millis).min(IDLE);
            tokio::select! {
                () = queues.arrival(queue) => {}
                () = time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
            continue;
        }
        let (queues, progress, handler) = (Arc::clone(&queues), Arc::clone(&progress), Arc::clone(&handler));
        calls.spawn(async move {
            call(&queues, queue, received, handler).await;
            progress.announce();
            drop(permit);
        });
    }
    while calls.join_next().await.is_some() {}
}

async fn call(queues: &LocalQueues, queue: Queue, received: Vec<Received>, handler: Handler) {
    let rows: Vec<i64> = received.iter().map(|received| received.row).collect();
    let (count, oldest) = (rows.len(), received.iter().map(|received| received.message.sent_at).min());
    let messages = received.into_iter().map(|received| received.message).collect();
    // In a task of its own: a panic fails this call's messages and nothing else.
    let failed = match tokio::spawn(handler(messages)).await {
        Ok(failed) => failed.iter().filter_map(|id| id.parse().ok()).collect::<HashSet<i64>>(),
        Err(error) => {
            tracing::error!("a handler of the {} queue panicked: {error}", queue.name());
            rows.iter().copied().collect::<HashSet<i64>>()
        }
    };
    let age = oldest.map_or(0, |oldest| (SystemClock.now() - oldest).num_milliseconds());
    metrics::messages(queue.name(), count, failed.len(), u64::try_from(age).unwrap_or(0));
    if let Err(error) = queues.settle(rows, failed).await {
        tracing::error!("settling messages of the {} queue failed: {error}", queue.name());
    }
}

/// Forwards the outbox until the host stops.
pub(crate) async fn relay(app: App, table: SqliteTable, progress: Arc<LocalProgress>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match forward(&app, &table).await {
            Ok(true) => {
                progress.announce();
                continue;
            }
            Ok(false) => {}
            Err(error) => tracing::error!("the relay failed and tries again: {error}"),
        }
        tokio::select! {
            () = table.changed() => {}
            () = time::sleep(IDLE) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Forwards what the feed holds; whether there was anything.
async fn forward(app: &App, table: &SqliteTable) -> Result<bool, app::Failure> {
    let changes = table.changes(CHANGES_AT_ONCE).await?;
    let Some(last) = changes.last().map(|change| change.sequence) else { return Ok(false) };
    let mut posted = Vec::with_capacity(changes.len());
    for change in &changes {
        match outbox::read(&change.item) {
            Ok(post) => posted.push(post),
            // Nothing can be done with it, and it must not stop what stands behind it.
            Err(error) => tracing::error!("change {} is no outbox item: {error}", change.sequence),
        }
    }
    fn_relay::handle(app, &NoBus, posted).await.map_err(|(_, failure)| failure)?;
    table.acknowledge(last).await?;
    Ok(true)
}

/// Ticks the real clock and sweeps expired items until the host stops.
pub(crate) async fn schedule(app: App, table: SqliteTable, mut stop: watch::Receiver<bool>) {
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut sweeps = time::interval(SWEEP);
    sweeps.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if let Err(failure) = fn_clock::handle(&app).await {
                    tracing::warn!("the clock missed a tick: {failure}");
                }
            }
            _ = sweeps.tick() => {
                if let Err(error) = table.sweep().await {
                    tracing::warn!("sweeping expired items failed: {error}");
                }
            }
            _ = stop.changed() => return,
        }
    }
}
