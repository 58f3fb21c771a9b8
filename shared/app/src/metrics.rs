//! What operators count: requests, events, invoices, webhooks, messages.
//!
//! Each measurement is a tracing event of its own target. Hosts write them in CloudWatch's embedded metric format: numbers are
//! metrics, texts their dimensions. No dimension names an organization or an object: each value of one costs.

/// The target of measurements; logs leave it out.
pub const TARGET: &str = "weir::metric";

/// A request was answered.
pub fn request(method: &str, route: &str, status: u16, duration_ms: u64) {
    let status_class = match status {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500.. => "5xx",
    };
    tracing::info!(target: TARGET, method, route, status_class, requests = 1_u64, request_duration_ms = duration_ms);
}

/// Usage events were accepted: they are in the queue.
pub fn events_accepted(count: usize) {
    tracing::info!(target: TARGET, events_accepted = wide(count));
}

/// Invoices were made, drafts among them.
pub fn invoices_made(count: usize) {
    tracing::info!(target: TARGET, invoices_made = wide(count));
}

/// A webhook was sent and arrived.
pub fn webhook_delivered() {
    tracing::info!(target: TARGET, webhooks_delivered = 1_u64);
}

/// A webhook was sent and did not arrive.
pub fn webhook_failed() {
    tracing::info!(target: TARGET, webhooks_failed = 1_u64);
}

/// A call of a queue's consumer ended. `oldest_ms`: how long its oldest message had waited.
pub fn messages(queue: &str, received: usize, failed: usize, oldest_ms: u64) {
    tracing::info!(
        target: TARGET, queue, messages_received = wide(received), messages_failed = wide(failed),
        message_age_ms = oldest_ms
    );
}

/// Counts fit: nothing here has more elements than `u64` can count.
fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
