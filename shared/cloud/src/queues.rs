//! The queues between functions, on SQS.

use std::collections::HashMap;
use std::time::Duration;

use app::ports::{Outgoing, PortError, Queue, Queues};
use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};

use crate::causes::causes;

/// SQS's limit.
const MESSAGES_PER_CALL_MAX: usize = 10;
/// Under every limit that SQS has had for a call (256 KB until 2025, 1 MB since), with room for what it counts in.
const BYTES_PER_CALL_MAX: usize = 250_000;
/// Times that messages which SQS turned away are handed over again.
const ATTEMPTS_MAX: u32 = 4;
/// Before the second attempt; doubles from there.
const PAUSE: Duration = Duration::from_millis(50);

/// SQS queues by name.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    urls: HashMap<Queue, String>,
}

impl SqsQueues {
    /// The queues at these URLs. Sending to one that is not among them fails.
    #[must_use]
    pub fn new(client: Client, urls: HashMap<Queue, String>) -> SqsQueues {
        SqsQueues { client, urls }
    }

    async fn send_batch(&self, queue: Queue, messages: &[Outgoing]) -> Result<(), PortError> {
        let url = self.urls.get(&queue).ok_or_else(|| failed(format!("no URL is set for `{}`", queue.name())))?;
        let mut entries = entries(messages).map_err(failed)?;
        for attempt in 1.. {
            let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries.clone()));
            let answer = request.send().await.map_err(|error| failed(causes(&error)))?;
            let Some(first) = answer.failed().first() else { break };
            if first.sender_fault() || attempt == ATTEMPTS_MAX {
                return Err(failed(format!("`{}` turned messages away: {}", queue.name(), first.code())));
            }
            entries.retain(|entry| is_among(entry, answer.failed()));
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Queues for SqsQueues {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<(), PortError> {
        for queue in Queue::ALL {
            let of_queue: Vec<Outgoing> = messages.iter().filter(|message| message.queue == queue).cloned().collect();
            for batch in batches(&of_queue) {
                self.send_batch(queue, batch).await?;
            }
        }
        Ok(())
    }
}

/// Neighbours that fit into one call. A message that is too large for any call stays alone: SQS will refuse it.
fn batches(messages: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut batches = Vec::new();
    let mut rest = messages;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |message: &&Outgoing| {
            bytes += message.body.len();
            bytes <= BYTES_PER_CALL_MAX
        };
        let count = rest.iter().take(MESSAGES_PER_CALL_MAX).take_while(fits).count().max(1);
        let (batch, after) = rest.split_at(count);
        batches.push(batch);
        rest = after;
    }
    batches
}

fn entries(messages: &[Outgoing]) -> Result<Vec<SendMessageBatchRequestEntry>, BuildError> {
    let entry = |(position, message): (usize, &Outgoing)| {
        let entry = SendMessageBatchRequestEntry::builder().id(position.to_string()).message_body(&message.body);
        match &message.group {
            // A queue in order knows no delays, and tells repeated bodies apart by itself.
            Some(group) => entry.message_group_id(group).build(),
            // A port's delay is at most 900 seconds.
            None => entry.delay_seconds(message.delay_seconds.min(900) as i32).build(),
        }
    };
    messages.iter().enumerate().map(entry).collect()
}

fn is_among(entry: &SendMessageBatchRequestEntry, failed: &[BatchResultErrorEntry]) -> bool {
    failed.iter().any(|failed| failed.id() == entry.id())
}

fn failed(error: impl std::fmt::Display) -> PortError {
    PortError::new("the message queue", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sizes: &[usize]) -> Vec<Outgoing> {
        let message =
            |size: &usize| Outgoing { queue: Queue::Events, body: "x".repeat(*size), delay_seconds: 0, group: None };
        sizes.iter().map(message).collect()
    }

    fn check(sizes: &[usize], expected: &[usize]) {
        let messages = messages(sizes);
        let counts: Vec<usize> = batches(&messages).into_iter().map(<[Outgoing]>::len).collect();
        assert_eq!(counts, expected, "{sizes:?}");
    }

    #[test]
    fn messages_of_a_group_are_in_order_and_without_delay() {
        let message = |group: Option<&str>| Outgoing {
            queue: Queue::Advance,
            body: "x".to_owned(),
            delay_seconds: 7,
            group: group.map(str::to_owned),
        };
        let entries = entries(&[message(Some("log")), message(None)]).unwrap();
        assert_eq!((entries[0].message_group_id(), entries[0].delay_seconds()), (Some("log"), None));
        assert_eq!((entries[1].message_group_id(), entries[1].delay_seconds()), (None, Some(7)));
    }

    #[test]
    fn calls_hold_ten_messages_and_a_quarter_of_a_megabyte() {
        check(&[], &[]);
        check(&[1], &[1]);
        check(&[1; 10], &[10]);
        check(&[1; 21], &[10, 10, 1]);
        check(&[125_000, 125_000, 1], &[2, 1]);
        check(&[100_000; 5], &[2, 2, 1]);
        check(&[300_000, 1, 1], &[1, 2]);
        check(&[1, 300_000, 1], &[1, 1, 1]);
    }
}
