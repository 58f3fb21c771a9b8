//! The ports over AWS, and how a Lambda function of Weir starts, receives and answers.
//!
//! Owns: SQS, S3 and EventBridge behind `app::ports`; partial batches; the change feed; logs; wiring from environment.
//!
//! Does not own: what is done with a message (functions and `app`), the table (`store::dynamo`), anything that a laptop
//! needs too (`gateways`).
//!
//! Invariants:
//! - `batch` is the only place that tells SQS which messages come back, `stream` the only one that tells the stream
//!   where it goes on.
//! - A panic of a handler costs the message that caused it, never its neighbours.
//! - Every invocation writes one line.

pub mod batch;
pub mod blobs;
pub mod bus;
mod caught;
mod causes;
pub mod logs;
pub mod progress;
pub mod queues;
pub mod schedule;
pub mod stream;
pub mod wiring;
