//! Whether the service runs, and which version (chapter 05, 1.1). The emulated cloud answers `/health` itself, hence the
//! second path.

use app::App;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use crate::reply;

#[derive(Serialize)]
struct Health {
    version: &'static str,
    github_url: &'static str,
    message: &'static str,
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/health", get(health)).route("/api/v1/health", get(health))
}

async fn health() -> Response {
    // Builders of a release say where its source is.
    let github_url = option_env!("WEIR_SOURCE_URL").unwrap_or_default();
    reply::json(&Health { version: env!("CARGO_PKG_VERSION"), github_url, message: "Success" })
}
