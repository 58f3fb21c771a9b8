//! What payment providers call (chapter 05, 2.18; chapter 08, 3.4). No provider can be connected in this version, and a call
//! that no connection vouches for is refused without a word.

use app::App;
use axum::Router;
use axum::routing::post;
use http::StatusCode;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks/stripe/{organization_id}", post(refuse))
        .route("/webhooks/gocardless/{organization_id}", post(refuse))
        .route("/webhook/gocardless/{organization_id}", post(refuse))
        .route("/webhooks/adyen/{organization_id}", post(refuse))
}

async fn refuse() -> StatusCode {
    StatusCode::BAD_REQUEST
}
