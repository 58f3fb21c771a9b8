//! What stands around every route: request ids, the version, log and metrics, limits, and the last net under panics.

use app::{App, metrics};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;
use wire::error::ErrorBody;

use crate::error::ApiError;
use crate::idempotency::{self, Once};
use crate::limits::{self, Limits};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The trace that AWS began for the request.
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const VERSION: HeaderName = HeaderName::from_static("x-weir-version");
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Routes with everything around them.
pub(crate) fn around(routes: Router<App>, app: &App) -> Router<App> {
    let routes = routes.fallback(async || unknown_route()).method_not_allowed_fallback(async || unknown_route());
    let once = Once { app: app.clone(), routes: routes.clone().layer(middleware::from_fn(guarded)) };
    routes
        .layer(middleware::from_fn_with_state(once, idempotency::once))
        .layer(middleware::from_fn(guarded))
        .layer(middleware::from_fn_with_state(Limits::new(app), limits::limited))
        .layer(middleware::from_fn_with_state(app.clone(), labelled))
}

/// Unknown routes and known paths with other methods alike (chapter 05, 1.6).
fn unknown_route() -> Response {
    ApiError::from(ErrorBody::not_found("resource")).into_response()
}

/// A panic is a bug of ours: it answers 500 and takes nobody else down.
async fn guarded(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("a request panicked: {error}");
            ApiError::from(ErrorBody::internal()).into_response()
        }
    }
}

/// Each answer carries its request's id (the client's own, if it sent one) and the version that answered. Everything that
/// is logged on the way names the request, its route and its organization; the route instead of the path, as a document's
/// path is its key and others name customers.
async fn labelled(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = app.clock.now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown route", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request", request.id = id.to_str().unwrap_or_default(), %method, route, org.id = Empty, trace.id = Empty
    );
    if let Some(trace) = request.headers().get(TRACE_ID).and_then(|trace| trace.to_str().ok()) {
        span.record("trace.id", trace);
    }
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let duration_ms = u64::try_from((app.clock.now() - started).num_milliseconds()).unwrap_or(0);
    span.in_scope(|| tracing::info!(status, duration_ms, "{method} {route} {status}"));
    metrics::request(method.as_str(), &route, status, duration_ms);
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}

/// The client's own id, if it is one that can be told in a line of a log.
fn request_id(request: &Request) -> HeaderValue {
    let is_fit = |id: &&HeaderValue| id.len() <= REQUEST_ID_BYTES_MAX && id.to_str().is_ok();
    let sent = request.headers().get(REQUEST_ID).filter(is_fit).cloned();
    // A UUID is always a header's value.
    sent.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("none"))
    })
}
