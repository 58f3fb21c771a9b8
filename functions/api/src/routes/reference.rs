//! The API's own description: the OpenAPI document, and the page made from it (ADR 0021).

use app::App;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use crate::openapi;
use crate::openapi::operation::{self, Operation};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(document))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "service",
        [operation::get("/openapi.json", "retrieveDocument", "This document")
            .notes("OpenAPI 3.1.")
            .gives_bare::<wire::schema::Object>()
            .open()],
    )
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], openapi::BODY.as_str()).into_response()
}
