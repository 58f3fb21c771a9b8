//! `api` as a Lambda function.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use lambda_http::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    lambda_http::run(fn_api::router(app).layer(middleware::from_fn(logged))).await
}

/// One line per request, with the route instead of the path: a document's path is its key, and others name customers.
async fn logged(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_millis());
    let route = route.as_ref().map_or("unknown route", MatchedPath::as_str);
    tracing::info!(%method, route, status, duration_ms, "{method} {route} {status}");
    response
}
