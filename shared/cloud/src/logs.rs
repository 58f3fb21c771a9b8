//! Logs: one JSON object a line on standard output, which Lambda takes to CloudWatch; metrics in its embedded format among them.

use gateways::logs::{self, Format, Out};

/// What is logged unless `WEIR_LOG` says otherwise (`info`, `debug,aws_config=warn` ...).
const FILTER: &str = "info";

/// Starts logging, panics included. Once per process; a second call changes nothing.
pub fn start() {
    let filter = std::env::var("WEIR_LOG").unwrap_or_else(|_| FILTER.to_owned());
    logs::start(Format::Json, &filter, Out::Stdout);
}
