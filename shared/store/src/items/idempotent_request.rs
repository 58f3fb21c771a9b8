//! Requests that carry an `Idempotency-Key`, with the answers that they got.
//!
//! An answer that does not fit into the item stands in pages beside it, written before the item that names them.

use bytes::Bytes;
use domain::id::OrganizationId;
use domain::time::Instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::form::Micros;
use crate::keys;
use crate::record::{DecodeError, Record, Scope, pack, to_item, unpack};
use crate::table::{IndexEntry, Item, Key};

/// How long a request is remembered. Clients are promised 24 hours; the hour more is for their clocks.
const REMEMBERED_SECONDS: i64 = 25 * 3600;

/// Kind of a page of a large answer.
const PAGE_KIND: &str = "idempotent_answer_page";
const PAGE_SCHEMA: u32 = 1;
/// Packed answers over this many bytes stand in pages.
const BODY_BYTES_MAX: usize = 300 * 1024;

/// What is known of a request that carries a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The client's key, unique within the organization.
    pub key: String,
    /// Digest of the request; another one under the same key is another request.
    pub fingerprint: String,
    /// Sequence of its last change: real microseconds. It is forgotten `REMEMBERED_SECONDS` later.
    pub changed_seq: i64,
    /// How far it is.
    pub state: RequestState,
}

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// Somebody works on it until this real instant, and has done nothing yet.
    Reserved {
        /// After it, the next one takes over.
        until: Instant,
    },
    /// Somebody works on it until this real instant, and a part of its effect may be there.
    Begun {
        /// After it, nobody does any more.
        until: Instant,
    },
    /// It is done.
    Answered(StoredAnswer),
}

/// An answer as the client got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Media type; none for an empty body.
    pub content_type: Option<String>,
    /// The body.
    pub body: AnswerBody,
}

/// Where an answer's body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// Here.
    Whole(String),
    /// In pages of their own.
    Paged {
        /// Digest of the packed bytes.
        generation: String,
        /// How many.
        pages: usize,
    },
}

/// The stored form of a request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRequest {
    key: String,
    fingerprint: String,
    changed_seq: i64,
    state: StoredState,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredState {
    Reserved { until: Micros },
    Begun { until: Micros },
    Answered { status: u16, content_type: Option<String>, body: StoredBody },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredBody {
    Whole(String),
    Paged { generation: String, pages: usize },
}

impl Record for IdempotentRequest {
    const KIND: &'static str = "idempotent_request";
    const SCHEMA: u32 = 1;
    type Stored = StoredRequest;

    fn key(&self, scope: Scope) -> Key {
        keys::idempotent_request(scope.organization, &self.key)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn expires_at(&self) -> Option<i64> {
        Some(self.changed_seq / 1_000_000 + REMEMBERED_SECONDS)
    }

    fn to_stored(&self) -> StoredRequest {
        let state = match &self.state {
            RequestState::Reserved { until } => StoredState::Reserved { until: Micros(*until) },
            RequestState::Begun { until } => StoredState::Begun { until: Micros(*until) },
            RequestState::Answered(StoredAnswer { status, content_type, body }) => StoredState::Answered {
                status: *status,
                content_type: content_type.clone(),
                body: match body {
                    AnswerBody::Whole(text) => StoredBody::Whole(text.clone()),
                    AnswerBody::Paged { generation, pages } => {
                        StoredBody::Paged { generation: generation.clone(), pages: *pages }
                    }
                },
            },
        };
        StoredRequest {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            changed_seq: self.changed_seq,
            state,
        }
    }

    fn from_stored(stored: StoredRequest) -> Result<Self, DecodeError> {
        let state = match stored.state {
            StoredState::Reserved { until } => RequestState::Reserved { until: until.0 },
            StoredState::Begun { until } => RequestState::Begun { until: until.0 },
            StoredState::Answered { status, content_type, body } => {
                let body = match body {
                    StoredBody::Whole(text) => AnswerBody::Whole(text),
                    StoredBody::Paged { generation, pages } => AnswerBody::Paged { generation, pages },
                };
                RequestState::Answered(StoredAnswer { status, content_type, body })
            }
        };
        Ok(IdempotentRequest {
            key: stored.key,
            fingerprint: stored.fingerprint,
            changed_seq: stored.changed_seq,
            state,
        })
    }
}

impl IdempotentRequest {
    /// The item of a request, and the pages that are to be written before it.
    ///
    /// # Errors
    /// See `to_item`.
    pub fn packed(&self, scope: Scope, version: u64) -> Result<(Item, Vec<Item>), DecodeError> {
        let RequestState::Answered(answer) = &self.state else {
            return Ok((to_item(scope, self, version)?, Vec::new()));
        };
        let AnswerBody::Whole(text) = &answer.body else { return Ok((to_item(scope, self, version)?, Vec::new())) };
        let whole = pack(text.as_bytes());
        if whole.len() <= BODY_BYTES_MAX {
            return Ok((to_item(scope, self, version)?, Vec::new()));
        }
        let generation: String = Sha256::digest(&whole).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let page = |(number, part): (usize, &[u8])| Item {
            expires_at: self.expires_at(),
            ..Item::new(
                keys::idempotent_answer_page(scope.organization, &self.key, &generation, number),
                PAGE_KIND,
                PAGE_SCHEMA,
                Bytes::copy_from_slice(part),
            )
        };
        let pages: Vec<Item> = whole.chunks(BODY_BYTES_MAX).enumerate().map(page).collect();
        let body = AnswerBody::Paged { generation, pages: pages.len() };
        let named = StoredAnswer { body, ..answer.clone() };
        let header = IdempotentRequest { state: RequestState::Answered(named), ..self.clone() };
        Ok((to_item(scope, &header, version)?, pages))
    }
}

/// The keys of an answer's pages, in order.
pub(crate) fn page_keys(organization: OrganizationId, key: &str, generation: &str, pages: usize) -> Vec<Key> {
    (0..pages).map(|page| keys::idempotent_answer_page(organization, key, generation, page)).collect()
}

/// The body out of its pages.
pub(crate) fn joined(pages: &[Option<Item>]) -> Result<String, DecodeError> {
    let mut packed = Vec::new();
    for page in pages {
        let page = page.as_ref().ok_or_else(|| DecodeError::new(PAGE_KIND, "a page is missing"))?;
        packed.extend_from_slice(&page.body);
    }
    String::from_utf8(unpack(PAGE_KIND, &packed)?).map_err(|_| DecodeError::new(PAGE_KIND, "no text"))
}
