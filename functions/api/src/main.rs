//! `api` as a Lambda function.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use lambda_http::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    lambda_http::run(fn_api::router(app).layer(middleware::from_fn(logged))).await
}

/// One line per request. No query and no headers: they may hold what is nobody's business.
async fn logged(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_millis());
    tracing::info!(%method, path, status, duration_ms, "{method} {path} {status}");
    response
}
