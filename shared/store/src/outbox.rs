//! The outbox: what must happen next, written in the same transaction as the state that demands it.
//!
//! The change feed of the table (a DynamoDB stream, or its SQLite twin) hands every outbox item to the relay. Items go
//! by expiry; nobody deletes them.

use domain::id::OrganizationId;
use domain::time::Instant;
use serde::{Deserialize, Serialize};

use crate::keys::{self, Timeline};
use crate::record::{DecodeError, Scope, decode_body, encode_body};
use crate::table::{Condition, Item, Table, TableError, TransactError, Write};

/// Kind of outbox items: filters of the change feed name it.
pub const KIND: &str = "outbox";
const SCHEMA: u32 = 1;
/// Outbox items stay for a week: longer than any stream keeps its records.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;
/// Unfinished work of a sandbox is forgotten after an hour: a message in the dead-letter queue must not stop its clock.
const WORK_KEPT_SECONDS: i64 = 3600;

/// Work whose message is still on its way into its queue is forgotten soon: should its process die, nobody sends it.
const ANNOUNCED_SECONDS: i64 = 30;

/// The queues between functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Usage events on their way into the log.
    Events,
    /// Closings of periods, advances of test clocks.
    Billing,
    /// Deliveries of webhooks.
    Webhooks,
    /// Documents to render.
    Documents,
    /// Events of charges in advance: in order, one usage log at a time.
    Advance,
    /// Usage logs to fold.
    Fold,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Queue; 6] =
        [Queue::Events, Queue::Billing, Queue::Webhooks, Queue::Documents, Queue::Advance, Queue::Fold];

    /// The queue's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Queue::Events => "events",
            Queue::Billing => "billing",
            Queue::Webhooks => "webhooks",
            Queue::Documents => "documents",
            Queue::Advance => "advance",
            Queue::Fold => "fold",
        }
    }
}

/// Something that must happen because of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// Tell every webhook endpoint.
    Webhook {
        /// `invoice.created` ...
        webhook_type: String,
        /// Kind of the object in the log (`Invoice`).
        object_type: String,
        /// Its id.
        object_id: String,
        /// The message's body, exactly as it will be sent.
        payload: String,
    },
    /// Put a job on a queue.
    Job {
        /// Which.
        queue: Queue,
        /// What the jobs about the same object share, so that they stay in order.
        concerns: String,
        /// The job, JSON.
        job: String,
    },
}

/// An outbox item as the relay reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Unique for ever: ids of what follows from it derive from this.
    pub id: String,
    /// Creation sequence of its commit.
    pub sequence: i64,
    /// When it was committed, by the organization's clock; none of commits that have no date.
    pub at: Option<Instant>,
    /// What must happen.
    pub message: Message,
    /// The piece of sandbox work that it is, if it is one.
    pub work: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredPost {
    organization: uuid::Uuid,
    id: String,
    sequence: i64,
    /// Microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    #[serde(flatten)]
    message: Message,
    work: Option<String>,
}

impl Message {
    fn concerns(&self) -> &str {
        match self {
            Message::Webhook { object_id, .. } => object_id,
            Message::Job { concerns, .. } => concerns,
        }
    }

    /// The items to write: the outbox item, and in a sandbox the work that it stands for.
    pub(crate) fn items(
        &self,
        scope: Scope,
        sequence: i64,
        position: usize,
        at: Option<Instant>,
    ) -> Result<Vec<Item>, DecodeError> {
        let id = format!("{sequence}.{position}");
        let work = (scope.timeline == Timeline::Sandbox).then(|| format!("outbox.{id}"));
        let stored = StoredPost {
            organization: scope.organization.0,
            id: id.clone(),
            sequence,
            at: at.map(|at| at.timestamp_micros()),
            message: self.clone(),
            work: work.clone(),
        };
        let body = encode_body(KIND, &stored)?;
        let key = keys::outbox(scope.organization, self.concerns(), sequence, position);
        let outbox =
            Item { expires_at: Some(created_seconds(sequence) + KEPT_SECONDS), ..Item::new(key, KIND, SCHEMA, body) };
        Ok(std::iter::once(outbox).chain(work.map(|work| work_item(scope.organization, &work, sequence))).collect())
    }
}

/// One unfinished piece of work of a sandbox organization: an item that its last consumer removes.
#[must_use]
pub fn work_item(organization: OrganizationId, id: &str, sequence: i64) -> Item {
    let expires_at = Some(created_seconds(sequence) + WORK_KEPT_SECONDS);
    Item { expires_at, ..Item::new(keys::work(organization, id), "work", 1, bytes::Bytes::new()) }
}

/// A piece of work whose message is about to be sent. `sent` keeps it for longer once it is.
#[must_use]
pub fn announced_work_item(organization: OrganizationId, id: &str, sequence: i64) -> Item {
    Item { expires_at: Some(created_seconds(sequence) + ANNOUNCED_SECONDS), ..work_item(organization, id, sequence) }
}

/// Keeps an announced piece of work now that its message is in its queue, unless it is done already. One write.
///
/// # Errors
/// The table did not answer.
pub async fn sent(table: &dyn Table, organization: OrganizationId, id: &str, sequence: i64) -> Result<(), TableError> {
    let kept = Item { version: 2, ..work_item(organization, id, sequence) };
    match table.transact(vec![Write::Put(kept, Condition::Version(1))]).await {
        // Not there any more, or going this moment: it was quick.
        Ok(()) | Err(TransactError::Conditions(_) | TransactError::Contended) => Ok(()),
        Err(TransactError::Table(error)) => Err(error),
    }
}

/// Real Unix seconds of a creation sequence (see `app`'s ids: real microseconds, made strictly increasing).
fn created_seconds(sequence: i64) -> i64 {
    sequence / 1_000_000
}

/// Reads an outbox item of the change feed.
///
/// # Errors
/// It is none, or unreadable.
pub fn read(item: &Item) -> Result<Posted, DecodeError> {
    let stored: StoredPost = decode_body(KIND, &item.body)?;
    Ok(Posted {
        organization: OrganizationId(stored.organization),
        id: stored.id,
        sequence: stored.sequence,
        at: stored.at.and_then(Instant::from_timestamp_micros),
        message: stored.message,
        work: stored.work,
    })
}
