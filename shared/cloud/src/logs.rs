//! Logs: one JSON object a line on standard output, which Lambda takes to CloudWatch.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

/// What is logged unless `WEIR_LOG` says otherwise (`info`, `debug,aws_config=warn` ...).
const FILTER: &str = "info";

/// Starts logging, panics included. Once per process; a second call changes nothing.
pub fn start() {
    let filter = std::env::var("WEIR_LOG").unwrap_or_else(|_| FILTER.to_owned());
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false)
        // CloudWatch stamps every line with its time.
        .without_time()
        .with_env_filter(EnvFilter::new(filter))
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload_as_str().unwrap_or("without a message");
    tracing::error!(location, "panicked at {location}: {words}");
}
