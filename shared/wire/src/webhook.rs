//! Webhook messages and the log of their deliveries (chapter 07, 1.2 and 1.5).

use domain::id::{EndpointId, WebhookId};
use domain::time::Instant;
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use crate::format;

/// The body of a message: `webhook_type`, `object_type`, then the object under its type's name.
///
/// # Panics
/// If `object` cannot be JSON. The outputs of this crate can: they are structs of texts, numbers and lists.
#[must_use]
#[allow(clippy::expect_used)]
pub fn body<T: Serialize>(webhook_type: &str, object_type: &str, object: &T) -> String {
    let message = Message { webhook_type, object_type, object };
    // Writing to a `String` does not fail, and no output of this crate has a failing `Serialize` or keys that are no
    // texts, which is all that serde_json refuses. A message without its object must not be sent instead.
    format::body(&message).expect("an output of this crate is JSON")
}

struct Message<'a, T> {
    webhook_type: &'a str,
    object_type: &'a str,
    object: &'a T,
}

impl<T: Serialize> Serialize for Message<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_map(Some(3))?;
        message.serialize_entry("webhook_type", self.webhook_type)?;
        message.serialize_entry("object_type", self.object_type)?;
        message.serialize_entry(self.object_type, self.object)?;
        message.end()
    }
}

/// `events_errors`: the hourly check's findings, transaction ids (chapter 07, 1.8).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct EventsErrors<'a> {
    /// No live metric has the code.
    pub invalid_code: &'a [String],
    /// The counted property is absent or no number.
    pub missing_aggregation_property: &'a [String],
    /// A dimension's property is absent.
    pub missing_group_key: &'a [String],
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not tried yet, or on its way for the first time.
    Pending,
    /// It arrived.
    Succeeded,
    /// The newest attempt failed.
    Failed,
}

impl Status {
    /// The API's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
        }
    }

    /// The status of a word, for the log's filter.
    #[must_use]
    pub fn parse(word: &str) -> Option<Status> {
        [Status::Pending, Status::Succeeded, Status::Failed].into_iter().find(|status| status.word() == word)
    }
}

/// A log entry: one delivery of a message to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry<'a> {
    /// Id: `X-Lago-Unique-Key`.
    pub id: WebhookId,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The URL used last.
    pub endpoint_url: &'a str,
    /// `invoice.created` ...
    pub webhook_type: &'a str,
    /// `Invoice` ...
    pub object_type: &'a str,
    /// Id of the object.
    pub object_id: &'a str,
    /// How it stands.
    pub status: Status,
    /// Retries so far, automatic and manual.
    pub retries: u32,
    /// When the newest retry began.
    pub last_retried_at: Option<Instant>,
    /// The newest answer's status; none without an answer.
    pub http_status: Option<u16>,
    /// The newest answer's body, or the error in words; none before the first attempt ended.
    pub response: Option<&'a str>,
    /// The body as sent.
    pub payload: &'a str,
    /// When the message was produced.
    pub created_at: Instant,
    /// When the entry last changed.
    pub updated_at: Instant,
}

/// A log entry as clients see it.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "WebhookLogEntry")]
pub struct Output<'a> {
    lago_id: Uuid,
    webhook_endpoint_id: Uuid,
    endpoint: &'a str,
    webhook_type: &'a str,
    object_type: &'a str,
    object_id: &'a str,
    status: &'static str,
    retries: u32,
    last_retried_at: Option<String>,
    http_status: Option<u16>,
    response: Option<&'a str>,
    payload: &'a str,
    created_at: String,
    updated_at: String,
}

impl<'a> From<&LogEntry<'a>> for Output<'a> {
    fn from(entry: &LogEntry<'a>) -> Output<'a> {
        // A success with nothing to say shows an empty object.
        let is_mute_success = entry.status == Status::Succeeded && entry.response.unwrap_or_default().is_empty();
        Output {
            lago_id: entry.id.0,
            webhook_endpoint_id: entry.endpoint_id.0,
            endpoint: entry.endpoint_url,
            webhook_type: entry.webhook_type,
            object_type: entry.object_type,
            object_id: entry.object_id,
            status: entry.status.word(),
            retries: entry.retries,
            last_retried_at: entry.last_retried_at.map(format::timestamp),
            http_status: entry.http_status,
            response: if is_mute_success { Some("{}") } else { entry.response },
            payload: entry.payload,
            created_at: format::timestamp(entry.created_at),
            updated_at: format::timestamp(entry.updated_at),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_chapters_message() {
        let ids = ["tx_1".to_owned()];
        let errors = EventsErrors { invalid_code: &ids, missing_aggregation_property: &[], missing_group_key: &[] };
        let body = body("events.errors", "events_errors", &errors);
        assert_eq!(
            body,
            r#"{"webhook_type":"events.errors","object_type":"events_errors","events_errors":{"invalid_code":["tx_1"],"missing_aggregation_property":[],"missing_group_key":[]}}"#
        );
        assert_eq!(body.len(), 161);
    }

    #[test]
    fn html_characters_are_escaped() {
        assert_eq!(
            body("fee.created", "fee", &"<a & b>\u{2028}é\"\\u0026"),
            r#"{"webhook_type":"fee.created","object_type":"fee","fee":"\u003ca \u0026 b\u003e\u2028é\"\\u0026"}"#
        );
    }

    #[test]
    fn a_log_entry() {
        let at: Instant = "2024-01-09T10:15:30.987Z".parse().unwrap();
        let entry = LogEntry {
            id: WebhookId(Uuid::from_u128(1)),
            endpoint_id: EndpointId(Uuid::from_u128(2)),
            endpoint_url: "https://example.com/hook",
            webhook_type: "invoice.created",
            object_type: "Invoice",
            object_id: "00000000-0000-0000-0000-000000000003",
            status: Status::Succeeded,
            retries: 1,
            last_retried_at: Some(at),
            http_status: Some(200),
            response: Some(""),
            payload: r#"{"webhook_type":"invoice.created"}"#,
            created_at: at,
            updated_at: at,
        };
        let show = |entry: &LogEntry<'_>| serde_json::to_string_pretty(&Output::from(entry)).unwrap();
        expect![[r#"
            {
              "lago_id": "00000000-0000-0000-0000-000000000001",
              "webhook_endpoint_id": "00000000-0000-0000-0000-000000000002",
              "endpoint": "https://example.com/hook",
              "webhook_type": "invoice.created",
              "object_type": "Invoice",
              "object_id": "00000000-0000-0000-0000-000000000003",
              "status": "succeeded",
              "retries": 1,
              "last_retried_at": "2024-01-09T10:15:30Z",
              "http_status": 200,
              "response": "{}",
              "payload": "{\"webhook_type\":\"invoice.created\"}",
              "created_at": "2024-01-09T10:15:30Z",
              "updated_at": "2024-01-09T10:15:30Z"
            }"#]]
        .assert_eq(&show(&entry));
        let fresh =
            LogEntry { status: Status::Pending, response: None, http_status: None, last_retried_at: None, ..entry };
        assert!(show(&fresh).contains("\"response\": null"));
    }

    #[test]
    fn statuses_are_words() {
        for status in [Status::Pending, Status::Succeeded, Status::Failed] {
            assert_eq!(Status::parse(status.word()), Some(status));
        }
        assert_eq!(Status::parse("done"), None);
    }
}
