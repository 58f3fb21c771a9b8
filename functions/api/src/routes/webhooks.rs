//! The key that verifies `jwt` signatures of webhooks (chapter 07, 1.3).

use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use serde::Serialize;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks/public_key", get(public_key))
        .route("/webhooks/json_public_key", get(json_public_key))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "webhooks",
        [
            operation::get("/webhooks/public_key", "retrievePublicKeyText", "Retrieve the public key as text")
                .notes("Deprecated: Base64 of the PEM text.")
                .gives_other("text/plain"),
            operation::get("/webhooks/json_public_key", "retrievePublicKey", "Retrieve the public key")
                .notes("Base64 of the PEM text. It verifies `jwt` signatures.")
                .gives::<PublicKey>("webhook"),
        ],
    )
}

async fn public_key(State(app): State<App>, _call: Call) -> ApiResult {
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], app.secrets.public_key_base64()).into_response())
}

/// The key that verifies signatures.
#[derive(Serialize, schemars::JsonSchema)]
struct PublicKey {
    /// Base64 of the PEM text, in lines of 60 characters.
    public_key: String,
}

async fn json_public_key(State(app): State<App>, _call: Call) -> ApiResult {
    reply::one("webhook", &PublicKey { public_key: app.secrets.public_key_base64() })
}
