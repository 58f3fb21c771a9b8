//! API keys of the organization (ours; docs/adr/0022).

use app::organization::parse_id;
use app::{App, api_key};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};

use wire::api_key::Output;
use wire::schema::inputs::{ApiKeyInput, ApiKeyRotationInput};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api_keys", get(list).post(create))
        .route("/api_keys/{id}", delete(revoke))
        .route("/api_keys/{id}/rotate", post(rotate))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "api_keys",
        [
            operation::get("/api_keys", "listApiKeys", "List API keys")
                .notes("Newest first, those that open nothing any more too. None shows itself.")
                .lists::<Output>("api_keys"),
            operation::post("/api_keys", "createApiKey", "Create an API key")
                .notes("The answer is the only one that shows it. At most twenty; an `Idempotency-Key` is ignored.")
                .takes::<ApiKeyInput>("api_key")
                .gives::<Output>("api_key"),
            operation::post("/api_keys/{id}/rotate", "rotateApiKey", "Replace an API key")
                .notes("The old key goes on for `overlap_seconds`; without a body it ends at once.")
                .takes::<ApiKeyRotationInput>("api_key")
                .gives::<Output>("api_key")
                .missing(&["api_key"]),
            operation::delete("/api_keys/{id}", "revokeApiKey", "Revoke an API key")
                .notes("From the answer on it opens nothing.")
                .gives::<Output>("api_key")
                .missing(&["api_key"])
                .refuses(405, &["last_api_key"]),
        ],
    )
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let (paging, keys) = (call.query.paging(), api_key::list(&app, call.organization.id).await?);
    reply::page("api_keys", paging, keys.len(), &keys[paging.range(keys.len())])
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let name = wire::api_key::parse_new(call.root("api_key")?)?;
    reply::one("api_key", &api_key::create(&app, &call.organization, name).await?)
}

async fn rotate(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    // The body may be left out: then the old key ends at once.
    let overlap = wire::api_key::parse_rotation(call.root("api_key").ok())?;
    reply::one("api_key", &api_key::rotate(&app, &call.organization, parse_id(&text), overlap).await?)
}

async fn revoke(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    reply::one("api_key", &api_key::revoke(&app, &call.organization, parse_id(&text)).await?)
}
