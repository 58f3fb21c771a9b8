//! Whether the service runs, and which version (chapter 05, 1.1). The emulated cloud answers `/health` itself, hence the
//! second path.

use app::App;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use crate::openapi::operation::{self, Operation};
use crate::reply;

/// That the service runs.
#[derive(Serialize, schemars::JsonSchema)]
struct Health {
    /// The version that runs.
    version: &'static str,
    /// Where its source is, if its builders said so.
    github_url: &'static str,
    /// `Success`.
    message: &'static str,
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/health", get(health)).route("/api/v1/health", get(health))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "service",
        [
            operation::get("/health", "checkHealth", "Whether the service runs").gives_bare::<Health>().open(),
            operation::get("/api/v1/health", "checkHealthOfV1", "The same").gives_bare::<Health>().open(),
        ],
    )
}

async fn health() -> Response {
    // Builders of a release say where its source is.
    let github_url = option_env!("WEIR_SOURCE_URL").unwrap_or_default();
    reply::json(&Health { version: env!("CARGO_PKG_VERSION"), github_url, message: "Success" })
}
