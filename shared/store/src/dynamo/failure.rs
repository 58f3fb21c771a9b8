//! What a failed request means, and how long to wait before another.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use uuid::Uuid;

use super::attributes::DecodeError;
use crate::table::TableError;

/// A failed request, by what may be done about it.
pub(super) struct Failure {
    pub(super) cause: Cause,
    error: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// The request's condition did not hold.
    Condition,
    /// A transaction holds the item; nothing was written.
    Conflict,
    /// Too much at once; nothing was written.
    Throttled,
    /// The request breaks a rule, as this message says; nothing was written.
    Refused(String),
    /// No answer, or one that may pass. Whether the write happened is unknown.
    Unknown,
}

impl Cause {
    /// From a service's error code or a transaction's cancellation code.
    pub(super) fn of(code: Option<&str>, message: Option<&str>) -> Cause {
        match code {
            Some("ConditionalCheckFailedException" | "ConditionalCheckFailed") => Cause::Condition,
            Some("TransactionConflictException" | "TransactionConflict") => Cause::Conflict,
            Some(
                "ProvisionedThroughputExceededException"
                | "ProvisionedThroughputExceeded"
                | "ThrottlingException"
                | "ThrottlingError"
                | "RequestLimitExceeded",
            ) => Cause::Throttled,
            Some(
                "ValidationException"
                | "ValidationError"
                | "SerializationException"
                | "IdempotentParameterMismatchException"
                | "ItemCollectionSizeLimitExceeded",
            ) => Cause::Refused(message.unwrap_or("no reason given").to_owned()),
            _ => Cause::Unknown,
        }
    }
}

impl Failure {
    /// The request succeeded, but its answer cannot be read.
    pub(super) fn unreadable(error: DecodeError) -> Failure {
        Failure { cause: Cause::Unknown, error: Box::new(error) }
    }
}

impl<E, R> From<SdkError<E, R>> for Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Failure {
        Failure { cause: Cause::of(error.code(), error.message()), error: Box::new(error) }
    }
}

impl From<Failure> for TableError {
    fn from(failure: Failure) -> TableError {
        match failure.cause {
            Cause::Refused(why) => TableError::Refused(why),
            Cause::Condition | Cause::Conflict | Cause::Throttled | Cause::Unknown => {
                TableError::Unavailable(failure.error)
            }
        }
    }
}

impl From<DecodeError> for TableError {
    fn from(error: DecodeError) -> TableError {
        TableError::Unavailable(Box::new(error))
    }
}

/// Waits between attempts: doubling, with full jitter, a bounded number of times.
pub(super) struct Backoff {
    attempts_left: u32,
    ceiling: Duration,
}

impl Backoff {
    pub(super) fn new() -> Backoff {
        // 25 ms doubling nine times, never over one second: at most five seconds, half of that on average.
        Backoff { attempts_left: 9, ceiling: Duration::from_millis(25) }
    }

    /// Waits; false if there were attempts enough.
    pub(super) async fn wait(&mut self) -> bool {
        if self.attempts_left == 0 {
            return false;
        }
        self.attempts_left -= 1;
        let random = Uuid::new_v4().as_u64_pair().0 % (self.ceiling.as_micros() as u64).max(1);
        tokio::time::sleep(Duration::from_micros(random)).await;
        self.ceiling = (self.ceiling * 2).min(Duration::from_secs(1));
        true
    }
}

/// The service went on answering only a part, or "later".
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct GaveUp(pub(super) &'static str);

impl From<GaveUp> for TableError {
    fn from(error: GaveUp) -> TableError {
        TableError::Unavailable(Box::new(error))
    }
}
