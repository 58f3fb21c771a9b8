//! Use cases: load, decide, commit.
//!
//! Owns: the order of steps of everything that Weir does, and `ports`, the traits that adapters implement.
//!
//! Does not own: formulas (`domain`), keys (`store`), status codes and JSON names of requests (`functions/api`, `wire`).
//!
//! Invariants:
//! - State changes in one commit, together with the outbox messages of everything that follows from it.
//! - Every consumer may run twice: at-least-once in, exactly-once effect out.

pub mod add_on;
pub mod advance;
pub mod analytics;
pub mod api_key;
mod attribution;
pub mod billing;
pub mod catalogue;
pub mod clock;
pub mod coupon;
pub mod credit_note;
pub mod customer;
pub mod document;
mod drafts;
pub mod event;
pub mod event_check;
pub mod explain;
pub mod fee;
pub mod fold;
mod handover;
pub mod idempotency;
pub mod invoice;
pub mod jobs;
pub mod ledger;
pub mod metrics;
mod notice;
pub mod organization;
pub mod past_usage;
pub mod portal;
pub mod ports;
pub mod present;
pub mod preview;
pub mod relay;
pub mod secrets;
mod settlement;
pub mod subscription;
pub mod test_clock;
pub mod usage;
pub mod wallet;
pub mod webhook;
pub mod webhook_endpoint;

use std::num::NonZeroU32;
use std::sync::Arc;

use domain::id::OrganizationId;
use domain::organization::Organization;
use domain::problem::Problems;
use domain::target::Targets;
use domain::time::Instant;
use store::keys::Timeline;
use store::{Commit, CommitError, LoadError, Scope, Store};

use crate::jobs::BillingJob;
use crate::ports::{Blobs, Clock, Ids, PortError, Progress, Queues};
use crate::secrets::Secrets;

/// What the deployment set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme and host under which clients reach the API, without a trailing slash.
    pub public_url: String,
    /// Bearer of the admin endpoints.
    pub admin_key: String,
    /// Where webhooks may go.
    pub webhook_targets: Targets,
    /// How many requests one API key may make of one process; none for any number.
    pub rate_limit: Option<RateLimit>,
}

/// So many requests in so many seconds, at once or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: NonZeroU32,
    /// In what time.
    pub seconds: NonZeroU32,
}

/// Not `requests/seconds` with two whole numbers above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not `requests/seconds`")]
pub struct NoRateLimit;

impl std::str::FromStr for RateLimit {
    type Err = NoRateLimit;

    fn from_str(text: &str) -> Result<RateLimit, NoRateLimit> {
        let (requests, seconds) = text.split_once('/').ok_or(NoRateLimit)?;
        let number = |text: &str| text.trim().parse().map_err(|_| NoRateLimit);
        Ok(RateLimit { requests: number(requests)?, seconds: number(seconds)? })
    }
}

/// Everything that use cases work with.
#[derive(Clone)]
pub struct App {
    /// The table and its repositories.
    pub store: Store,
    /// The real clock.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<dyn Ids>,
    /// Queues between functions.
    pub queues: Arc<dyn Queues>,
    /// Documents.
    pub blobs: Arc<dyn Blobs>,
    /// Hints that work was done.
    pub progress: Arc<dyn Progress>,
    /// The deployment's keys.
    pub secrets: Arc<Secrets>,
    /// The deployment's settings.
    pub settings: Arc<Settings>,
}

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller's fault. Nothing was done.
    #[error("rejected: {0:?}")]
    Rejected(Rejection),
    /// Nothing was done, and trying again may well work: a lost race, a throttled table.
    #[error("try again: {0}")]
    Unavailable(String),
    /// An invariant does not hold. Nothing was done; somebody should look.
    #[error("{0}")]
    Bug(String),
}

/// What the caller did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// No valid key.
    Unauthorized,
    /// Not allowed here, with its code.
    Forbidden(&'static str),
    /// The object does not exist, or belongs to another organization: the resource's word.
    NotFound(&'static str),
    /// The object's state forbids it, with its code.
    NotAllowed(&'static str),
    /// Something else is going on, with its code.
    Conflict(&'static str),
    /// The request contradicts what is known of it, with its code.
    Unprocessable(&'static str),
    /// Fields and their codes.
    Invalid(Problems),
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Failure {
        Failure::Rejected(rejection)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::Rejected(Rejection::Invalid(problems))
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        match error {
            LoadError::Table(error) => error.into(),
            LoadError::Decode(error) => Failure::Bug(error.to_string()),
        }
    }
}

impl From<store::table::TableError> for Failure {
    fn from(error: store::table::TableError) -> Failure {
        match error {
            store::table::TableError::Unavailable(_) => Failure::Unavailable(error.to_string()),
            store::table::TableError::Refused(_) => Failure::Bug(error.to_string()),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Failure {
        match error {
            CommitError::Conflict => Failure::Unavailable(error.to_string()),
            CommitError::Table(error) => error.into(),
            CommitError::Encode(error) => Failure::Bug(error.to_string()),
            CommitError::Unexplained(error) => Failure::Bug(error.to_string()),
        }
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Failure {
        Failure::Unavailable(error.to_string())
    }
}

/// What a use case gives.
pub type Outcome<T> = Result<T, Failure>;

/// Reads of single items that go on side by side where there may be thousands.
const READS_AT_ONCE: usize = 32;
/// Times that a use case starts again from its reads after a lost race.
const ATTEMPTS_MAX: u32 = 12;

impl App {
    /// An organization that must exist.
    ///
    /// # Errors
    /// 401: a key's organization that is gone is as good as no key.
    pub async fn organization(&self, id: OrganizationId) -> Outcome<Organization> {
        let found = self.store.organization(id).await?;
        found.map(|found| found.value).ok_or_else(|| Rejection::Unauthorized.into())
    }

    /// The organization's present instant.
    #[must_use]
    pub fn now(&self, organization: &Organization) -> Instant {
        organization.now(self.clock.now())
    }

    /// An empty commit for an organization, dated now.
    #[must_use]
    pub fn commit(&self, organization: &Organization) -> Commit {
        Commit::new(scope(organization), self.ids.sequence()).dated(self.now(organization))
    }

    /// Hands a commit over.
    ///
    /// # Errors
    /// `CommitError::Conflict` when a precondition did not hold.
    pub async fn execute(&self, mut commit: Commit) -> Result<(), CommitError> {
        if commit.counts() && self.ids.below(analytics::COMMITS_PER_FOLD) == 0 {
            let job = BillingJob::FoldAnalytics { organization_id: commit.organization().0 };
            commit = commit.then_beside(&job.message("analytics"));
        }
        let made = commit.invoices_made();
        commit.execute(self.store.table()).await?;
        // What a preview makes is gone with it.
        if made > 0 && !self.store.is_rehearsal() {
            metrics::invoices_made(made);
        }
        Ok(())
    }

    /// Marks the piece of sandbox work that a message carries as done; most carry none.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn finish_work(&self, organization: OrganizationId, work: Option<&str>) -> Outcome<()> {
        match work {
            Some(work) => Ok(store::commit::work_done(self.store.table(), organization, work).await?),
            None => Ok(()),
        }
    }

    /// Runs a use case again from its reads as long as it loses races, a bounded number of times, with jitter.
    ///
    /// # Errors
    /// The use case's own, or `Unavailable` when it lost every race.
    pub async fn until_no_conflict<T, F>(&self, attempt: impl Fn() -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T, Attempt>>,
    {
        for round in 0..ATTEMPTS_MAX {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(Attempt::Failed(failure)) => return Err(failure),
                Err(Attempt::Lost) => {
                    let pause_ms = self.ids.below(4 << round.min(6));
                    tokio::time::sleep(std::time::Duration::from_millis(pause_ms.into())).await;
                }
            }
        }
        Err(Failure::Unavailable(format!("lost {ATTEMPTS_MAX} races in a row")))
    }
}

/// Whose records an organization's are, and by which clock they live.
#[must_use]
pub fn scope(organization: &Organization) -> Scope {
    let timeline = if organization.is_sandbox() { Timeline::Sandbox } else { Timeline::Real };
    Scope { organization: organization.id, timeline }
}

/// How one attempt of a use case ended, short of success.
#[derive(Debug)]
pub enum Attempt {
    /// Something that it looked at changed meanwhile.
    Lost,
    /// For good.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Attempt {
    fn from(error: E) -> Attempt {
        Attempt::Failed(error.into())
    }
}

/// Turns a commit's conflict into another attempt.
///
/// # Errors
/// `Attempt::Lost` on a conflict.
pub fn retry_on_conflict(result: Result<(), CommitError>) -> Result<(), Attempt> {
    match result {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => Err(Attempt::Lost),
        Err(error @ (CommitError::Table(_) | CommitError::Encode(_) | CommitError::Unexplained(_))) => {
            Err(Attempt::Failed(error.into()))
        }
    }
}
