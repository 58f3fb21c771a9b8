//! Folding of usage logs: when it is asked for, and by whose definition digests are made.
//!
//! Nobody needs a fold to get the right figures, and nothing is lost if one does not happen: it makes reading cheap. So it is
//! asked for by a message without any state behind it: by `ingest`, for one in so many chunks that it appends, and by
//! readers that find much unfolded. A log that nobody writes to costs nothing.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::id::OrganizationId;
use domain::metric::Metric;
use domain::usage::digest::Digester;
use store::usage::Delivery;
use store::usage::fold::{self, CHUNKS_MIN, MARGIN, Outcome as Folded, Request};

use crate::jobs::{self, FoldJob};
use crate::ports::Queue;
use crate::{App, Failure, Outcome, catalogue};

/// Unfolded chunks from which on a reader asks for a fold.
pub(crate) const ASKED_BY_READERS: usize = 64;
/// A chunk in so many makes `ingest` ask.
const ONE_IN: u32 = 32;
/// A chunk with more events than this counts as several.
const EVENTS_PER_CHUNK: usize = 2_000;
/// Folds of one message: a log that still has more then asks again.
const ROUNDS_MAX: usize = 16;
/// Folds that a closing makes or waits for before it gives up: its message comes again.
const ROUNDS_OF_CLOSING_MAX: usize = 64;

/// Asks for a fold. Whoever cannot ask goes on without.
pub(crate) async fn ask(app: &App, organization: OrganizationId, log: (&str, &str), delay_seconds: u32) {
    ask_for(app, organization, &[log], delay_seconds).await;
}

async fn ask_for(app: &App, organization: OrganizationId, logs: &[(&str, &str)], delay_seconds: u32) {
    if logs.is_empty() {
        return;
    }
    let messages = logs.iter().map(|(external_subscription_id, code)| {
        let job = FoldJob {
            organization_id: organization.0,
            external_subscription_id: (*external_subscription_id).to_owned(),
            code: (*code).to_owned(),
        };
        jobs::outgoing(Queue::Fold, &job, delay_seconds)
    });
    if let Err(error) = app.queues.send(messages.collect()).await {
        tracing::warn!(org.id = %organization, "asking for a fold of usage failed: {error}");
    }
}

/// Asks for folds after an append: of each log with a chance of one in `ONE_IN` per chunk, so about every so many chunks,
/// and without looking at anything.
pub(crate) async fn after_append(app: &App, organization: OrganizationId, deliveries: &[Delivery]) {
    let mut logs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for event in deliveries.iter().flat_map(|delivery| &delivery.events) {
        *logs.entry((event.external_subscription_id.as_deref().unwrap_or_default(), &event.code)).or_default() += 1;
    }
    // When it is received, what was appended has rested.
    let delay = u32::try_from(MARGIN.num_seconds() + 30).unwrap_or_default();
    let asks = logs.into_iter().filter(|(_, events)| {
        let weight = u32::try_from(events / EVENTS_PER_CHUNK + 1).unwrap_or(ONE_IN);
        app.ids.below(ONE_IN) < weight
    });
    let asks: Vec<(&str, &str)> = asks.map(|(log, _)| log).collect();
    ask_for(app, organization, &asks, delay).await;
}

/// Folds a log as far as there is anything worth it.
///
/// # Errors
/// The table did not answer, or an item cannot be read.
pub async fn run(app: &App, job: &FoldJob) -> Outcome<()> {
    let organization = OrganizationId(job.organization_id);
    let log = (job.external_subscription_id.as_str(), job.code.as_str());
    let catalogue = catalogue::metrics(app, organization).await?;
    for _ in 0..ROUNDS_MAX {
        match once(app, organization, log, &catalogue, MARGIN, CHUNKS_MIN).await? {
            // Whoever was faster does it.
            Folded::Nothing | Folded::Busy | Folded::Done { is_more: false, .. } => return Ok(()),
            Folded::Done { is_more: true, .. } => {}
        }
    }
    ask(app, organization, log, 0).await;
    Ok(())
}

/// Folds what a closing found too much to look at: all of it, if that is not too much for one message.
///
/// # Errors
/// The table did not answer, an item cannot be read, or somebody else folds all the time.
pub(crate) async fn make_room(
    app: &App,
    organization: OrganizationId,
    log: (&str, &str),
    catalogue: &[Metric],
) -> Outcome<()> {
    let mut has_folded = false;
    for _ in 0..ROUNDS_OF_CLOSING_MAX {
        match once(app, organization, log, catalogue, TimeDelta::zero(), 1).await? {
            Folded::Done { is_more: true, .. } => has_folded = true,
            Folded::Nothing | Folded::Done { is_more: false, .. } => return Ok(()),
            Folded::Busy => {
                tokio::time::sleep(std::time::Duration::from_millis(u64::from(app.ids.below(200)))).await;
            }
        }
    }
    if has_folded { Ok(()) } else { Err(Failure::Unavailable("a usage log is being folded".to_owned())) }
}

async fn once(
    app: &App,
    organization: OrganizationId,
    log: (&str, &str),
    catalogue: &[Metric],
    margin: TimeDelta,
    chunks_min: usize,
) -> Outcome<Folded> {
    let metric = catalogue.iter().find(|metric| metric.is_live() && metric.code == log.1);
    let digester = metric.map(|metric| Digester::new(metric, crate::usage::code_of(metric, catalogue)));
    let request = Request {
        organization,
        external_subscription_id: log.0,
        code: log.1,
        digester: digester.as_ref(),
        now: app.clock.now(),
        margin,
        chunks_min,
    };
    Ok(fold::fold(app.store.table(), &request).await?)
}
