//! Answers: JSON under a root key, lists with `meta`, empty bodies.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use wire::list::{Meta, Paging};

use crate::error::ApiResult;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A body as JSON, with the escapes of chapter 05, 1.4.
pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    match wire::format::body(value) {
        Ok(body) => ([(header::CONTENT_TYPE, JSON)], body).into_response(),
        Err(error) => {
            tracing::error!("an answer cannot be written as JSON: {error}");
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An object under its root key.
pub(crate) fn one<T: Serialize>(root: &'static str, object: &T) -> ApiResult {
    Ok(json(&Rooted { root, object, meta: None }))
}

/// A page of a list under its plural, and `meta`.
pub(crate) fn page<T: Serialize>(root: &'static str, paging: Paging, total: usize, entries: &[T]) -> ApiResult {
    Ok(json(&Rooted { root, object: entries, meta: Some(paging.meta(total)) }))
}

/// A page of a list under its plural, with a `meta` of its own rule.
pub(crate) fn page_with<T: Serialize>(root: &'static str, entries: &[T], meta: Meta) -> ApiResult {
    Ok(json(&Rooted { root, object: entries, meta: Some(meta) }))
}

/// 200 without a body.
pub(crate) fn empty() -> ApiResult {
    Ok(http::StatusCode::OK.into_response())
}

struct Rooted<'a, T: ?Sized> {
    root: &'static str,
    object: &'a T,
    meta: Option<Meta>,
}

impl<T: Serialize + ?Sized> Serialize for Rooted<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.root, self.object)?;
        if let Some(meta) = &self.meta {
            map.serialize_entry("meta", meta)?;
        }
        map.end()
    }
}
