//! The log of webhooks: one entry per message and endpoint. Chapter 07, 1.4 and 1.5.

use domain::id::{EndpointId, WebhookId};
use domain::time::Instant;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, at, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// Entries go a day later than the log stops showing them, which is by `domain::webhook::is_kept`.
const KEPT_SECONDS: i64 = 92 * 24 * 3600;

/// How the newest attempt of a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// There was none yet.
    Pending,
    /// The receiver took it.
    Succeeded,
    /// The receiver did not take it.
    Failed,
}

words!(WebhookStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" });

impl WebhookStatus {
    /// The API's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WebhookStatus::Pending => "pending",
            WebhookStatus::Succeeded => "succeeded",
            WebhookStatus::Failed => "failed",
        }
    }
}

/// A delivery of a message to an endpoint. Its instants are the organization's clock's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Id, sent as `X-Lago-Unique-Key`.
    pub id: WebhookId,
    /// Where it goes.
    pub endpoint_id: EndpointId,
    /// URL used last.
    pub endpoint: String,
    /// `invoice.created` ...
    pub webhook_type: String,
    /// Kind of the object (`Invoice`).
    pub object_type: String,
    /// Id of the object.
    pub object_id: String,
    /// How the newest attempt ended.
    pub status: WebhookStatus,
    /// Attempts after the first.
    pub retries: u32,
    /// When the newest of them began.
    pub last_retried_at: Option<Instant>,
    /// HTTP status of the newest answer; none without an answer.
    pub http_status: Option<u16>,
    /// The newest answer's body, or the error in words.
    pub response: Option<String>,
    /// The body as sent, byte by byte.
    pub payload: String,
    /// Its place among the messages about this object to this endpoint.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// In a sandbox: when its clock makes the next attempt. On the real clock retries wait in their queue.
    pub next_due: Option<Instant>,
}

/// The stored form of a webhook.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredWebhook {
    id: Text<WebhookId>,
    endpoint_id: Text<EndpointId>,
    endpoint: String,
    webhook_type: String,
    object_type: String,
    object_id: String,
    status: Text<WebhookStatus>,
    retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_retried_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
    payload: String,
    sequence: i64,
    created_at: Micros,
    updated_at: Micros,
    created_seq: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_due: Option<Micros>,
}

impl From<&Webhook> for StoredWebhook {
    fn from(webhook: &Webhook) -> Self {
        let Webhook {
            id,
            endpoint_id,
            endpoint,
            webhook_type,
            object_type,
            object_id,
            status,
            retries,
            last_retried_at,
            http_status,
            response,
            payload,
            sequence,
            created_at,
            updated_at,
            created_seq,
            next_due,
        } = webhook.clone();
        StoredWebhook {
            id: Text(id),
            endpoint_id: Text(endpoint_id),
            endpoint,
            webhook_type,
            object_type,
            object_id,
            status: Text(status),
            retries,
            last_retried_at: last_retried_at.map(Micros),
            http_status,
            response,
            payload,
            sequence,
            created_at: Micros(created_at),
            updated_at: Micros(updated_at),
            created_seq,
            next_due: next_due.map(Micros),
        }
    }
}

impl From<StoredWebhook> for Webhook {
    fn from(stored: StoredWebhook) -> Self {
        Webhook {
            id: stored.id.0,
            endpoint_id: stored.endpoint_id.0,
            endpoint: stored.endpoint,
            webhook_type: stored.webhook_type,
            object_type: stored.object_type,
            object_id: stored.object_id,
            status: stored.status.0,
            retries: stored.retries,
            last_retried_at: at(stored.last_retried_at),
            http_status: stored.http_status,
            response: stored.response,
            payload: stored.payload,
            sequence: stored.sequence,
            created_at: stored.created_at.0,
            updated_at: stored.updated_at.0,
            created_seq: stored.created_seq,
            next_due: at(stored.next_due),
        }
    }
}

impl Record for Webhook {
    const KIND: &'static str = "webhook";
    const SCHEMA: u32 = 1;
    type Stored = StoredWebhook;

    fn key(&self, scope: Scope) -> Key {
        keys::webhook(scope.organization, self.id)
    }

    /// In its endpoint's list, in order of the last change.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (endpoint, kind) = (self.endpoint_id.0, keys::WEBHOOKS);
        let mut entries =
            vec![keys::in_children(scope.organization, endpoint, kind, self.updated_at, self.created_seq)];
        entries.extend(self.next_due.map(|at| keys::due(scope.organization, scope.timeline, self.id.0, at)));
        entries
    }

    fn expires_at(&self) -> Option<i64> {
        // Of a sandbox whose clock is behind, the creation sequence: it is real microseconds.
        Some(self.updated_at.timestamp().max(self.created_seq / 1_000_000) + KEPT_SECONDS)
    }

    fn to_stored(&self) -> StoredWebhook {
        self.into()
    }

    fn from_stored(stored: StoredWebhook) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}
