//! What stands around every route: request ids, the version, and the last net under panics.

use app::App;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;
use wire::error::ErrorBody;

use crate::error::ApiError;
use crate::idempotency::{self, Once};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const VERSION: HeaderName = HeaderName::from_static("x-weir-version");
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Routes with everything around them.
pub(crate) fn around(routes: Router<App>, app: &App) -> Router<App> {
    let routes = routes.fallback(async || unknown_route()).method_not_allowed_fallback(async || unknown_route());
    let once = Once { app: app.clone(), routes: routes.clone().layer(middleware::from_fn(guarded)) };
    routes
        .layer(middleware::from_fn_with_state(once, idempotency::once))
        .layer(middleware::from_fn(guarded))
        .layer(middleware::from_fn(labelled))
}

/// Unknown routes and known paths with other methods alike (chapter 05, 1.6).
fn unknown_route() -> Response {
    ApiError::from(ErrorBody::not_found("resource")).into_response()
}

/// A panic is a bug of ours: it answers 500 and takes nobody else down.
async fn guarded(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("a request panicked: {error}");
            ApiError::from(ErrorBody::internal()).into_response()
        }
    }
}

/// Each answer carries its request's id (the client's own, if it sent one) and the version that answered.
async fn labelled(request: Request, next: Next) -> Response {
    let sent = request.headers().get(REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX).cloned();
    let mut response = next.run(request).await;
    let id = sent.or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).ok());
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}
