//! The table's stream: outbox items in the order of their commits.

use std::collections::HashMap;
use std::time::Instant;

use app::Failure;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::dynamo::item_from_attributes;
use store::outbox::{self, Posted};
use store::table::Item;

use crate::caught::caught;

/// Serves stream batches for as long as the process lives. The handler tells the position of the first post that
/// failed; the stream goes on from there.
///
/// # Errors
/// The Runtime API went away.
pub async fn run(handler: impl AsyncFn(Vec<Posted>) -> Result<(), (usize, Failure)>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| answer(&handler, event.payload))).await
}

/// A stream record that cannot be read, and so cannot be reported by its number either: the whole batch comes back.
#[derive(Debug, thiserror::Error)]
#[error("a record of the stream has no sequence number")]
struct Unnumbered;

/// Posts with their sequence numbers in the stream, up to the first that cannot be read.
struct Feed {
    numbers: Vec<String>,
    posts: Vec<Posted>,
    unreadable: Option<String>,
}

async fn answer(
    handler: &impl AsyncFn(Vec<Posted>) -> Result<(), (usize, Failure)>,
    event: Event,
) -> Result<DynamoDbEventResponse, Error> {
    let started = Instant::now();
    let feed = feed(event)?;
    let count = feed.posts.len();
    let stopped_at = match first_failure(handler, feed.posts).await {
        // A position beyond the end would be the handler's mistake: the last post stands in for it.
        Some(position) => feed.numbers.get(position).or(feed.numbers.last()).cloned(),
        None => feed.unreadable,
    };
    let duration_ms = started.elapsed().as_millis();
    match &stopped_at {
        Some(number) => tracing::warn!(posts = count, duration_ms, "outbox relayed up to {number}"),
        None => tracing::info!(posts = count, duration_ms, "outbox relayed"),
    }
    Ok(from_here(stopped_at))
}

/// The stream goes on from this number, or after the batch.
fn from_here(number: Option<String>) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    if number.is_some() {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = number;
        response.batch_item_failures.push(failure);
    }
    response
}

/// The position of the first post that failed. After a panic each post is tried alone, so that those before the one
/// that cannot be handled are done for good.
async fn first_failure(
    handler: &impl AsyncFn(Vec<Posted>) -> Result<(), (usize, Failure)>,
    posts: Vec<Posted>,
) -> Option<usize> {
    if posts.is_empty() {
        return None;
    }
    let panicked = match caught(async { handler(posts.clone()).await }).await {
        Ok(Ok(())) => return None,
        Ok(Err((position, failure))) => {
            tracing::error!(position, "outbox message failed: {failure}");
            return Some(position);
        }
        Err(panicked) => panicked,
    };
    if let [post] = posts.as_slice() {
        tracing::error!(org.id = %post.organization, post.id, "outbox message {} failed: {panicked}", post.id);
        return Some(0);
    }
    for (position, post) in posts.into_iter().enumerate() {
        if Box::pin(first_failure(handler, vec![post])).await.is_some() {
            return Some(position);
        }
    }
    None
}

fn feed(event: Event) -> Result<Feed, Unnumbered> {
    let mut feed = Feed { numbers: Vec::new(), posts: Vec::new(), unreadable: None };
    for record in event.records {
        let number = record.change.sequence_number.clone().ok_or(Unnumbered)?;
        match posted(record) {
            Ok(Some(post)) => {
                feed.numbers.push(number);
                feed.posts.push(post);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!("stream record {number} cannot be read: {error}");
                feed.unreadable = Some(number);
                break;
            }
        }
    }
    Ok(feed)
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Attributes(#[from] store::dynamo::DecodeError),
    #[error(transparent)]
    Body(#[from] store::record::DecodeError),
}

/// The outbox message of a record; none if the record is about something else, or about an item's end.
///
/// The template filters by kind too, so that others are not even paid for.
fn posted(record: EventRecord) -> Result<Option<Posted>, Unreadable> {
    let image: HashMap<String, AttributeValue> = record.change.new_image.into();
    if image.is_empty() {
        return Ok(None);
    }
    let item: Item = item_from_attributes(image)?;
    Ok(if item.kind == outbox::KIND { Some(outbox::read(&item)?) } else { None })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;

    const ORGANIZATION: &str = "0190d5f0-0000-7000-8000-000000000001";

    /// A record as Lambda gets it: shape of the Developer Guide, "Using AWS Lambda with Amazon DynamoDB", 2026-11.
    fn record(number: &str, kind: &str, body: &str) -> Value {
        use base64::Engine;
        let body = base64::engine::general_purpose::STANDARD.encode(format!("j{body}"));
        json!({
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1", "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/weir/stream/1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_700_000_000,
                "Keys": {"pk": {"S": "org"}, "sk": {"S": number}},
                "NewImage": {
                    "pk": {"S": "org"}, "sk": {"S": number}, "kind": {"S": kind}, "s": {"N": "1"}, "v": {"N": "1"},
                    "x": {"N": "1700600000"}, "b": {"B": body}
                },
                "SequenceNumber": number, "SizeBytes": 100, "StreamViewType": "NEW_IMAGE"
            }
        })
    }

    fn outbox_record(number: &str, id: &str) -> Value {
        let stored = json!({
            "organization": ORGANIZATION, "id": id, "sequence": 7, "work": null,
            "message": "job", "queue": "documents", "concerns": "x", "job": "{}"
        });
        record(number, outbox::KIND, &stored.to_string())
    }

    fn event(records: &[Value]) -> Event {
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    async fn stopped_at(
        handler: impl AsyncFn(Vec<Posted>) -> Result<(), (usize, Failure)>,
        records: &[Value],
    ) -> Vec<Option<String>> {
        let response = answer(&handler, event(records)).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    fn busy(position: usize) -> Result<(), (usize, Failure)> {
        Err((position, Failure::Unavailable("busy".into())))
    }

    #[tokio::test]
    async fn outbox_items_arrive_in_order_and_nothing_else_does() {
        let seen = Mutex::new(Vec::new());
        let handler = async |posts: Vec<Posted>| {
            seen.lock().unwrap().extend(posts.into_iter().map(|post| post.id));
            Ok(())
        };
        let mut removed = outbox_record("4", "gone");
        removed["eventName"] = "REMOVE".into();
        removed["dynamodb"].as_object_mut().unwrap().remove("NewImage");
        let records = [outbox_record("1", "a"), record("2", "invoice", "{}"), outbox_record("3", "b"), removed];
        assert!(stopped_at(handler, &records).await.is_empty());
        assert_eq!(*seen.lock().unwrap(), ["a", "b"]);
    }

    #[tokio::test]
    async fn the_first_failure_is_told_by_its_number_in_the_stream() {
        let records = [outbox_record("1", "a"), record("2", "invoice", "{}"), outbox_record("3", "b")];
        assert_eq!(stopped_at(async |_| busy(1), &records).await, [Some("3".into())]);
        assert_eq!(stopped_at(async |_| busy(9), &records).await, [Some("3".into())]);
        assert_eq!(stopped_at(async |_| busy(0), &records).await, [Some("1".into())]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_stops_the_stream_after_what_stands_before_it() {
        let seen = Mutex::new(0);
        let handler = async |posts: Vec<Posted>| {
            *seen.lock().unwrap() += posts.len();
            Ok(())
        };
        let records = [outbox_record("1", "a"), record("2", outbox::KIND, "no json"), outbox_record("3", "b")];
        assert_eq!(stopped_at(handler, &records).await, [Some("2".into())]);
        assert_eq!(*seen.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_panic_stops_the_stream_at_its_own_post() {
        let handler = async |posts: Vec<Posted>| {
            assert!(posts.iter().all(|post| post.id != "b"), "cannot handle this");
            Ok(())
        };
        let records = [outbox_record("1", "a"), outbox_record("2", "b"), outbox_record("3", "c")];
        assert_eq!(stopped_at(handler, &records).await, [Some("2".into())]);
    }

    #[test]
    fn the_response_is_what_lambda_expects() {
        let json = serde_json::to_value(from_here(Some("7".into()))).unwrap();
        assert_eq!(json, json!({"batchItemFailures": [{"itemIdentifier": "7"}]}));
    }
}
