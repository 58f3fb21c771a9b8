//! What use cases ask of the world: time, ids, queues, blobs, outgoing HTTP, rendering. Adapters implement these.

use async_trait::async_trait;
use domain::id::OrganizationId;
use domain::time::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use store::outbox::Queue;

/// A port could not do its work; trying again may well succeed.
#[derive(Debug, thiserror::Error)]
#[error("{port} did not answer: {source}")]
pub struct PortError {
    /// Which.
    pub port: &'static str,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl PortError {
    /// An error of the port named `port`.
    pub fn new(port: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
        PortError { port, source: source.into() }
    }
}

/// The real clock.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Instant;
}

/// New ids and randomness.
pub trait Ids: Send + Sync {
    /// A fresh id, ordered by time.
    fn uuid(&self) -> Uuid;
    /// A fresh creation sequence: real Unix microseconds, strictly increasing within a process (00-index, ruling 9).
    fn sequence(&self) -> i64;
    /// Uniform in `0..bound`, for jitter.
    fn below(&self, bound: u32) -> u32;
    /// Bytes that nobody can guess.
    fn secret(&self) -> [u8; 32];
}

/// A message on its way into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Which queue.
    pub queue: Queue,
    /// Content, JSON.
    pub body: String,
    /// Not to be received earlier than so many seconds from now (at most 900).
    pub delay_seconds: u32,
    /// Messages of one group are received in the order sent, the next only when the one before is done; none for a message
    /// that knows no order. Only `Queue::Advance` has groups, and there every message is of one.
    pub group: Option<String>,
}

/// A message out of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The queue's id of it.
    pub id: String,
    /// Content, JSON.
    pub body: String,
    /// When it was sent.
    pub sent_at: Instant,
}

/// The queues. What `send` has accepted is delivered at least once, and messages of one group in order: a message that comes
/// again (after an error, or twice) may come after its successors.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Hands over messages; durable when it returns. After an error any part may have been sent.
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError>;
}

/// Documents and other large objects.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores an object whole, replacing an older one.
    async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), PortError>;
    /// An object, if it is there.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
}

/// A request to a URL that a user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Absolute `http` or `https` URL.
    pub url: String,
    /// Headers beside those of HTTP itself.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

/// What the receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body, at most some kilobytes of it.
    pub body: String,
}

/// Why there was no answer, in words that the client may read (chapter 07, 1.4: `response` of the log).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// Outgoing HTTP to addresses that users gave. Never follows redirects; refuses private networks unless allowed.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends a POST and reads the answer, with the time-outs of chapter 07, 1.4.
    async fn post(&self, request: Post) -> Result<Answer, NoAnswer>;
}

/// A message to the outside through the deployment's event bus; hosts without a bus drop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whose.
    pub organization: Uuid,
    /// `invoice.created` ...
    pub webhook_type: String,
    /// Kind of the object.
    pub object_type: String,
    /// Its id.
    pub object_id: String,
}

/// The event bus.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes notices, at least once.
    async fn publish(&self, notices: &[Notice]) -> Result<(), PortError>;
}

/// Renders documents.
#[async_trait]
pub trait Renderer: Send + Sync {
    /// The PDF of an invoice: same input, same bytes.
    async fn invoice(&self, document: &crate::document::InvoiceDocument) -> Result<Vec<u8>, PortError>;
    /// The PDF of a credit note: same input, same bytes.
    async fn credit_note(&self, document: &crate::document::CreditNoteDocument) -> Result<Vec<u8>, PortError>;
}

/// Wakes whoever waits for the organization's unfinished work, where the host can tell; a hint, never needed.
#[async_trait]
pub trait Progress: Send + Sync {
    /// Returns when some work of the organization may have been done, or after a moment.
    async fn wait(&self, organization: OrganizationId);
}
