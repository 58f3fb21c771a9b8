//! Logs and metrics of a process: one line each, of text for people or of JSON for machines, metrics in CloudWatch's embedded
//! metric format (EMF).
//!
//! Owns: how a line looks. Does not own: what is logged or measured (`app::metrics`).

use std::io::Write;
use std::panic::PanicHookInfo;

use app::metrics::TARGET;
use app::ports::Clock;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::system::SystemClock;

/// The namespace of metrics in CloudWatch.
const NAMESPACE: &str = "Weir";

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people; metrics are left out.
    Text,
    /// One JSON object a line, metrics among them.
    Json,
}

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Out {
    /// Standard output, which Lambda takes to CloudWatch.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Out {
    fn writer(self) -> BoxMakeWriter {
        match self {
            Out::Stdout => BoxMakeWriter::new(std::io::stdout),
            Out::Stderr => BoxMakeWriter::new(std::io::stderr),
        }
    }
}

/// Starts logging, panics included. Once per process; a second call changes nothing. `filter`: as `WEIR_LOG` says it
/// (`info`, `debug,aws_config=warn` ...).
pub fn start(format: Format, filter: &str, out: Out) {
    if tracing::subscriber::set_global_default(subscriber(format, filter, || out.writer())).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn subscriber(format: Format, filter: &str, writer: impl Fn() -> BoxMakeWriter) -> impl Subscriber + Send + Sync {
    // Of CloudWatch's stamps one is enough: lines of JSON carry no time of their own.
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Text => Box::new(tracing_subscriber::fmt::layer().with_writer(writer())),
        Format::Json => Box::new(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .with_target(false)
                .without_time()
                .with_writer(writer()),
        ),
    };
    let lines = lines.with_filter(EnvFilter::new(filter).and(filter_fn(|of| of.target() != TARGET)));
    let metrics = match format {
        Format::Text => None,
        Format::Json => Some(Metrics { out: writer() }.with_filter(filter_fn(|of| of.target() == TARGET))),
    };
    tracing_subscriber::registry().with(lines).with(metrics)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload_as_str().unwrap_or("without a message");
    tracing::error!(location, "panicked at {location}: {words}");
}

/// Writes measurements in the embedded metric format.
struct Metrics<W> {
    out: W,
}

impl<S, W> Layer<S> for Metrics<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut measured = Measured::default();
        event.record(&mut measured);
        let line = format!("{}\n", measured.embedded(SystemClock.now().timestamp_millis()));
        // A metric that cannot be written is lost; there is nobody left to tell.
        let _ = self.out.make_writer().write_all(line.as_bytes());
    }
}

/// The fields of a measurement: numbers are metrics, texts dimensions.
#[derive(Default)]
struct Measured {
    metrics: Vec<(&'static str, u64)>,
    dimensions: Vec<(&'static str, String)>,
}

impl Measured {
    fn embedded(&self, now_ms: i64) -> Value {
        let metrics: Vec<Value> = self
            .metrics
            .iter()
            .map(|(name, _)| {
                let unit = if name.ends_with("_ms") { "Milliseconds" } else { "Count" };
                json!({"Name": name, "Unit": unit})
            })
            .collect();
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        // Without dimensions a set of none is meant, not no set.
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics});
        let mut line = Map::new();
        line.insert("_aws".to_owned(), json!({"Timestamp": now_ms, "CloudWatchMetrics": [directive]}));
        for (name, value) in &self.dimensions {
            line.insert((*name).to_owned(), json!(value));
        }
        for (name, value) in &self.metrics {
            line.insert((*name).to_owned(), json!(value));
        }
        Value::Object(line)
    }
}

impl Visit for Measured {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.metrics.push((field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.dimensions.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {
        // `app::metrics` measures in numbers and texts only.
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(format: Format, filter: &str) -> Vec<String> {
        let lines = Lines::default();
        let out = lines.clone();
        let writer = move || {
            let out = out.clone();
            BoxMakeWriter::new(move || out.clone())
        };
        tracing::subscriber::with_default(subscriber(format, filter, writer), || {
            app::metrics::request("GET", "/api/v1/taxes", 404, 7);
            app::metrics::events_accepted(3);
            let span = tracing::info_span!("request", request.id = "r-1", org.id = tracing::field::Empty);
            span.record("org.id", "o-1");
            span.in_scope(|| tracing::info!(invoice.id = "i-1", "closed"));
            tracing::debug!("too much");
        });
        let written = lines.0.lock().unwrap();
        String::from_utf8(written.clone()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn metrics_are_lines_of_the_embedded_format() {
        let lines = told(Format::Json, "warn");
        assert_eq!(lines.len(), 2, "whatever the filter of logs: {lines:?}");
        let mut request: Value = serde_json::from_str(&lines[0]).unwrap();
        assert!(request["_aws"]["Timestamp"].take().as_i64().is_some());
        let expected = json!({
            "_aws": {"Timestamp": null, "CloudWatchMetrics": [{
                "Namespace": "Weir", "Dimensions": [["method", "route", "status_class"]],
                "Metrics": [{"Name": "requests", "Unit": "Count"}, {"Name": "request_duration_ms", "Unit": "Milliseconds"}],
            }]},
            "method": "GET", "route": "/api/v1/taxes", "status_class": "4xx", "requests": 1, "request_duration_ms": 7,
        });
        assert_eq!(request, expected);
        let events: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            (&events["events_accepted"], &events["_aws"]["CloudWatchMetrics"][0]["Dimensions"]),
            (&json!(3), &json!([[]]))
        );
    }

    #[test]
    fn lines_of_json_say_whose_request_they_are_of() {
        let lines = told(Format::Json, "info");
        let closed: Value = serde_json::from_str(&lines[2]).unwrap();
        let expected = json!({
            "level": "INFO", "message": "closed", "invoice.id": "i-1",
            "span": {"name": "request", "request.id": "r-1", "org.id": "o-1"},
        });
        assert_eq!(closed, expected);
        assert_eq!(lines.len(), 3, "{lines:?}");
    }

    #[test]
    fn text_is_for_people() {
        let lines = told(Format::Text, "info");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("closed") && lines[0].contains("o-1"), "{lines:?}");
    }
}
