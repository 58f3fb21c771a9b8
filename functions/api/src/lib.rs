//! `api`: every REST route of chapter 05, and the links of documents.
//!
//! Owns: which path and method calls which use case, and how requests and refusals look in HTTP.
//!
//! Does not own: any rule. A handler decodes, calls one use case, encodes.
//!
//! Invariants:
//! - Every route below `/api/v1` learns its organization from the key and passes it on; nothing else names one.
//! - Every refusal is a JSON error body (chapter 05, 1.6), also for unknown routes, methods, and panics.

mod call;
mod error;
mod idempotency;
mod layers;
mod limits;
mod openapi;
mod reply;
mod routes;

use app::App;
use axum::Router;

/// Weir's own OpenAPI document.
pub fn document() -> &'static serde_json::Value {
    &openapi::DOCUMENT
}

/// Every route, over a host's `App`.
pub fn router(app: App) -> Router {
    layers::around(routes::all(), &app).with_state(app)
}
