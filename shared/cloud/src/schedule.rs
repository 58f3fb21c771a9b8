//! Functions that a schedule calls.

use std::time::Instant;

use app::Failure;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

/// Serves a schedule for as long as the process lives. Whatever the schedule sends is of no account.
///
/// # Errors
/// The Runtime API went away.
pub async fn run(handler: impl AsyncFn() -> Result<(), Failure>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| tick(&handler))).await
}

async fn tick(handler: &impl AsyncFn() -> Result<(), Failure>) -> Result<Value, Error> {
    let started = Instant::now();
    let result = handler().await;
    let duration_ms = started.elapsed().as_millis();
    match &result {
        Ok(()) => tracing::info!(duration_ms, "tick done"),
        Err(failure) => tracing::error!(duration_ms, "tick failed: {failure}"),
    }
    Ok(result.map(|()| Value::Null)?)
}
