//! SQS batches: which messages were done and which come back.

use std::time::Instant;

use app::ports::{Clock, Incoming};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::{DateTime, Utc};
use gateways::system::SystemClock;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::caught::caught;

/// Why a batch cannot be read at all. SQS always sends what is missed here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of the batch has no `{0}`")]
pub struct Malformed(&'static str);

/// Serves SQS batches for as long as the process lives. The handler returns the ids of messages that must come back.
///
/// # Errors
/// The Runtime API went away.
pub async fn run(handler: impl AsyncFn(Vec<Incoming>) -> Vec<String>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| answer(&handler, event.payload))).await
}

async fn answer(
    handler: &impl AsyncFn(Vec<Incoming>) -> Vec<String>,
    event: SqsEvent,
) -> Result<SqsBatchResponse, Error> {
    let started = Instant::now();
    let queue = event.records.first().and_then(|message| message.event_source_arn.as_deref());
    // `arn:aws:sqs:region:account:name`
    let queue = queue.and_then(|arn| arn.rsplit(':').next()).unwrap_or("unknown").to_owned();
    let messages = event.records.into_iter().map(incoming).collect::<Result<Vec<_>, _>>()?;
    let (count, oldest) = (messages.len(), messages.iter().map(|message| message.sent_at).min());
    let failed = failures(handler, messages).await;
    let age = oldest.map_or(0, |oldest| (SystemClock.now() - oldest).num_milliseconds());
    app::metrics::messages(&queue, count, failed.len(), u64::try_from(age).unwrap_or(0));
    tracing::info!(messages = count, failed = failed.len(), duration_ms = started.elapsed().as_millis(), "batch done");
    let mut response = SqsBatchResponse::default();
    response.set_failures(failed);
    Ok(response)
}

/// The ids that failed. When the handler panics over a batch, each message is tried again alone, so that only the one
/// that cannot be handled comes back; consumers are idempotent, so trying again is safe.
async fn failures(handler: &impl AsyncFn(Vec<Incoming>) -> Vec<String>, messages: Vec<Incoming>) -> Vec<String> {
    let panicked = match caught(async { handler(messages.clone()).await }).await {
        Ok(failed) => return failed,
        Err(panicked) => panicked,
    };
    if let [message] = messages.as_slice() {
        tracing::error!(message.id, "message {} comes back: {panicked}", message.id);
        return vec![message.id.clone()];
    }
    tracing::error!(messages = messages.len(), "the batch is tried message by message: {panicked}");
    let mut failed = Vec::new();
    for message in messages {
        failed.extend(Box::pin(failures(handler, vec![message])).await);
    }
    failed
}

fn incoming(message: SqsMessage) -> Result<Incoming, Malformed> {
    let sent_millis = message.attributes.get("SentTimestamp").and_then(|millis| millis.parse().ok());
    Ok(Incoming {
        id: message.message_id.ok_or(Malformed("messageId"))?,
        body: message.body.ok_or(Malformed("body"))?,
        sent_at: sent_millis
            .and_then(DateTime::<Utc>::from_timestamp_millis)
            .ok_or(Malformed("attributes.SentTimestamp"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A batch as Lambda gets it: shape of the AWS Lambda Developer Guide, "Using Lambda with Amazon SQS", 2026-11.
    fn event(bodies: &[&str]) -> SqsEvent {
        let records: Vec<_> = bodies
            .iter()
            .map(|body| {
                serde_json::json!({
                    "messageId": format!("id-{body}"),
                    "receiptHandle": "AQEB",
                    "body": body,
                    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
                    "messageAttributes": {},
                    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                    "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
                    "awsRegion": "us-east-2"
                })
            })
            .collect();
        serde_json::from_value(serde_json::json!({"Records": records})).unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn messages_arrive_with_id_body_and_sending_time() {
        let seen = Mutex::new(Vec::new());
        let handler = async |messages: Vec<Incoming>| {
            seen.lock().unwrap().extend(messages);
            Vec::new()
        };
        let response = answer(&handler, event(&["a", "b"])).await.unwrap();
        assert!(failed(&response).is_empty());
        let seen = seen.into_inner().unwrap();
        assert_eq!(seen.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(seen[0].id, "id-a");
        assert_eq!(seen[0].sent_at.to_rfc3339(), "2018-12-17T21:37:29.183+00:00");
    }

    #[tokio::test]
    async fn failed_messages_alone_come_back() {
        let handler = async |messages: Vec<Incoming>| vec![messages[1].id.clone()];
        assert_eq!(failed(&answer(&handler, event(&["a", "b", "c"])).await.unwrap()), ["id-b"]);
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_message_alone() {
        let handler = async |messages: Vec<Incoming>| {
            tokio::task::yield_now().await;
            assert!(messages.iter().all(|message| message.body != "poison"), "cannot handle this");
            messages.iter().filter(|message| message.body == "busy").map(|message| message.id.clone()).collect()
        };
        let response = answer(&handler, event(&["a", "poison", "busy", "b"])).await.unwrap();
        assert_eq!(failed(&response), ["id-poison", "id-busy"]);
    }

    #[test]
    fn the_response_is_what_lambda_expects() {
        let mut response = SqsBatchResponse::default();
        response.set_failures(["id-1"]);
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(json, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "id-1"}]}));
    }
}
