//! Requests that carry an `Idempotency-Key`: done once, answered alike however often they are sent (ADR 0018).
//!
//! Owns: who may work on a request, what is remembered of it, and for how long.
//!
//! Does not own: what a request is in HTTP, nor what it does.
//!
//! The request's transactions are gathered (`store::staged`) and written in one with its answer. So there is no moment at
//! which the effect is there and the answer is not: a process that dies has done nothing, or everything. Two things cannot be
//! kept together that way: work that others must do while the request waits, and more writes than a transaction takes. Then
//! what is there goes out with a mark (`RequestState::Begun`), and after a crash the next request learns so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::id::OrganizationId;
use domain::organization::Organization;
use domain::time::Instant;
use store::items::{AnswerBody, IdempotentRequest, RequestState, StoredAnswer};
use store::record::to_item;
use store::staged::{Fence, StagedTable};
use store::table::TransactError;
use store::{Store, Versioned, record};

use crate::ports::{Outgoing, PortError, Progress, Queues};
use crate::{App, Failure, Outcome, Rejection, retry_on_conflict, scope};

/// How long nobody else takes a request over: longer than a host lets one run.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long a twin waits for the answer, looking again after pauses that grow.
const TWIN_WAIT: Duration = Duration::from_secs(3);
const TWIN_PAUSE_MAX: Duration = Duration::from_millis(200);
/// Times that a request is done anew because something changed between its reads and its only write.
const ATTEMPTS_MAX: u32 = 12;

/// A request that carries a key.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The client's key.
    pub key: String,
    /// Digest of everything that makes it this request and no other.
    pub fingerprint: String,
    /// Whether it may be done again when it is unknown how much of it was done: it says what shall be, not what to do.
    pub is_repeatable: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type; none for an empty body.
    pub content_type: Option<String>,
    /// The body.
    pub body: String,
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The request was done now.
    Fresh(Answer),
    /// It was done before: the same bytes again.
    Replayed(Answer),
}

/// Does a request once. `handle` may be called several times; only the last call's effect stays.
///
/// # Errors
/// 422 `idempotency_key_reused`: the key stands for another request. 409 `idempotency_key_in_use`: a twin is still at work;
/// `idempotent_request_interrupted`: it is unknown how much of it was done, and it is not one to do again. 503.
pub async fn once<F>(
    app: &App,
    organization: &Organization,
    asked: &Asked,
    handle: impl Fn(App) -> F,
) -> Outcome<Answered>
where
    F: Future<Output = Answer>,
{
    let mut reserved = match reserve(app, organization, asked).await? {
        Reserved::Mine(reserved) => reserved,
        Reserved::Done(answer) => return Ok(Answered::Replayed(answer)),
    };
    for round in 0..ATTEMPTS_MAX {
        let unit = Unit::open(app, organization, &reserved)?;
        let answer = handle(unit.app.clone()).await;
        if let Some(version) = unit.table.let_out_version().await {
            reserved.version = version;
            reserved.value.state = RequestState::Begun { until: app.clock.now() };
        }
        let is_lost = unit.table.is_lost().await;
        if !is_lost && !is_kept(answer.status) {
            // Nobody has seen anything of it, unless it has begun: what was gathered is forgotten.
            release(app, organization, &reserved).await;
            return Ok(Answered::Fresh(answer));
        }
        if !is_lost {
            match unit.end(app, organization, &reserved.value, &answer).await {
                Ok(()) => return Ok(Answered::Fresh(answer)),
                Err(TransactError::Conditions(_) | TransactError::Contended) => {}
                Err(TransactError::Table(error)) => {
                    // It may have happened: then this finds another version and leaves it alone.
                    release(app, organization, &reserved).await;
                    return Err(error.into());
                }
            }
        }
        // Something that it looked at has changed, or somebody else has taken it over.
        let present = app.store.idempotent_request(organization.id, &asked.key).await?;
        if present.is_none_or(|present| present.version != reserved.version) {
            reserved = match reserve(app, organization, asked).await? {
                Reserved::Mine(reserved) => reserved,
                Reserved::Done(answer) => return Ok(Answered::Replayed(answer)),
            };
        }
        let pause_ms = app.ids.below(4 << round.min(6));
        tokio::time::sleep(Duration::from_millis(pause_ms.into())).await;
    }
    release(app, organization, &reserved).await;
    Err(Failure::Unavailable(format!("a request with a key lost {ATTEMPTS_MAX} races in a row")))
}

/// Whether an answer is remembered: not what would be another one a moment later.
fn is_kept(status: u16) -> bool {
    status < 500 && !matches!(status, 401 | 408 | 409 | 429)
}

enum Reserved {
    /// The caller is to do it.
    Mine(Versioned<IdempotentRequest>),
    /// It is done.
    Done(Answer),
}

/// Takes a request, or finds its answer, or waits a moment for whoever works on it.
async fn reserve(app: &App, organization: &Organization, asked: &Asked) -> Outcome<Reserved> {
    let deadline = tokio::time::Instant::now() + TWIN_WAIT;
    let mut pause = Duration::from_millis(10);
    loop {
        let now = app.clock.now();
        let found = app.store.idempotent_request(organization.id, &asked.key).await?;
        if let Some(found) = &found {
            if found.fingerprint != asked.fingerprint {
                return Err(Rejection::Unprocessable("idempotency_key_reused").into());
            }
            match &found.state {
                RequestState::Answered(answer) => return Ok(Reserved::Done(answer_of(answer)?)),
                RequestState::Reserved { until } | RequestState::Begun { until } if *until > now => {
                    if tokio::time::Instant::now() >= deadline {
                        return Err(Rejection::Conflict("idempotency_key_in_use").into());
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(TWIN_PAUSE_MAX);
                    continue;
                }
                RequestState::Begun { .. } if !asked.is_repeatable => {
                    return Err(Rejection::Conflict("idempotent_request_interrupted").into());
                }
                RequestState::Reserved { .. } | RequestState::Begun { .. } => {}
            }
        }
        let request = IdempotentRequest {
            key: asked.key.clone(),
            fingerprint: asked.fingerprint.clone(),
            changed_seq: app.ids.sequence(),
            state: taken(found.as_ref().map(|found| &found.state), now + LEASE),
        };
        let commit = app.commit(organization).save(found.as_ref(), &request);
        match retry_on_conflict(app.execute(commit).await) {
            Ok(()) => {
                let version = found.map_or(1, |found| found.version + 1);
                return Ok(Reserved::Mine(Versioned { value: request, version }));
            }
            // A twin was faster: look again.
            Err(crate::Attempt::Lost) => {}
            Err(crate::Attempt::Failed(failure)) => return Err(failure),
        }
    }
}

/// A request that is taken over stays begun if it was.
fn taken(before: Option<&RequestState>, until: Instant) -> RequestState {
    match before {
        Some(RequestState::Begun { .. }) => RequestState::Begun { until },
        Some(RequestState::Reserved { .. } | RequestState::Answered(_)) | None => RequestState::Reserved { until },
    }
}

fn answer_of(stored: &StoredAnswer) -> Outcome<Answer> {
    let AnswerBody::Whole(body) = &stored.body else {
        return Err(Failure::Bug("an answer was loaded without its pages".to_owned()));
    };
    Ok(Answer { status: stored.status, content_type: stored.content_type.clone(), body: body.clone() })
}

/// Gives a request back, if it is still ours: forgotten, or with its lease ended if a part of it was done. If this does not
/// work the lease ends by itself.
async fn release(app: &App, organization: &Organization, reserved: &Versioned<IdempotentRequest>) {
    let commit = match reserved.value.state {
        RequestState::Begun { .. } => {
            let state = RequestState::Begun { until: app.clock.now() };
            app.commit(organization).update(reserved, &IdempotentRequest { state, ..reserved.value.clone() })
        }
        RequestState::Reserved { .. } | RequestState::Answered(_) => app.commit(organization).delete(reserved),
    };
    if let Err(error) = app.execute(commit).await {
        tracing::info!(org.id = %organization.id, "a request with a key was not given back: {error}");
    }
}

/// One attempt: an `App` whose transactions wait for the answer.
struct Unit {
    app: App,
    table: Arc<StagedTable>,
}

impl Unit {
    fn open(app: &App, organization: &Organization, reserved: &Versioned<IdempotentRequest>) -> Outcome<Unit> {
        // Whoever finds it begun waits as long as for one that is reserved.
        let until = app.clock.now() + LEASE;
        let begun = IdempotentRequest { state: RequestState::Begun { until }, ..reserved.value.clone() };
        let let_out = to_item(scope(organization), &begun, 0).map_err(encoding)?;
        let fence = Fence { version: reserved.version, let_out };
        let table = Arc::new(StagedTable::new(app.store.shared_table(), fence));
        let staged = App {
            store: Store::new(table.clone()),
            queues: Arc::new(LettingOut { inner: app.queues.clone(), table: table.clone() }),
            progress: Arc::new(LettingOut { inner: app.progress.clone(), table: table.clone() }),
            ..app.clone()
        };
        Ok(Unit { app: staged, table })
    }

    /// Writes the effect and the answer.
    async fn end(
        &self,
        app: &App,
        organization: &Organization,
        request: &IdempotentRequest,
        answer: &Answer,
    ) -> Result<(), TransactError> {
        let stored = StoredAnswer {
            status: answer.status,
            content_type: answer.content_type.clone(),
            body: AnswerBody::Whole(answer.body.clone()),
        };
        let done = IdempotentRequest {
            state: RequestState::Answered(stored),
            changed_seq: app.ids.sequence(),
            ..request.clone()
        };
        let packed = done.packed(scope(organization), 0);
        let (item, pages) = packed.map_err(|error| store::table::TableError::Refused(error.to_string()))?;
        if !pages.is_empty() {
            app.store.table().put_all(pages).await?;
        }
        self.table.end(item).await
    }
}

fn encoding(error: record::DecodeError) -> Failure {
    Failure::Bug(error.to_string())
}

/// A port to the outside: what was gathered is written before anybody outside can learn of it.
struct LettingOut<T: ?Sized> {
    table: Arc<StagedTable>,
    inner: Arc<T>,
}

#[async_trait]
impl Queues for LettingOut<dyn Queues> {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError> {
        self.table.let_out().await.map_err(|error| PortError::new("queues", error))?;
        self.inner.send(messages).await
    }
}

#[async_trait]
impl Progress for LettingOut<dyn Progress> {
    async fn wait(&self, organization: OrganizationId) {
        // If it fails, the next read says so.
        if let Err(error) = self.table.let_out().await {
            tracing::info!(org.id = %organization, "a request with a key is done anew: {error}");
        }
        self.inner.wait(organization).await;
    }
}
