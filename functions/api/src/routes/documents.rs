//! Permanent links of documents: unguessable, without login, never expiring (chapter 06, 12).

use app::{App, document};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/documents/{token}/{name}", get(open))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "documents",
        [operation::get("/documents/{token}/{name}", "openDocument", "Open a PDF")
            .notes("The link that `file_url` gives.")
            .gives_other("application/pdf")
            .missing(&["resource"])
            .open()],
    )
}

async fn open(State(app): State<App>, Path((token, _name)): Path<(String, String)>) -> ApiResult {
    let bytes = document::open(&app, &token).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CACHE_CONTROL, "private, max-age=86400"),
    ];
    Ok((headers, bytes).into_response())
}
