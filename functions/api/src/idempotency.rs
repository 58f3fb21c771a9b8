//! `Idempotency-Key` on requests that change something: one effect, and the same answer however often it is sent (ADR 0018).
//!
//! Owns: which requests take part, what makes two of them the same, and how a replay looks. A request without the header
//! passes untouched.

use app::idempotency::{self, Answer, Answered, Asked};
use app::{App, Failure};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::problem::{Problems, codes};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use wire::error::ErrorBody;

use crate::call::{BODY_BYTES_MAX, Known, Raw, is_json};
use crate::error::{ApiError, ApiResult};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 255;
/// How refusals name the key.
const FIELD: &str = "idempotency_key";

/// The routes once more, to be called with an `App` of one request.
#[derive(Clone)]
pub(crate) struct Once {
    pub(crate) app: App,
    pub(crate) routes: Router<App>,
}

/// The layer. It stands around the routes, so that unknown ones do not reach it.
pub(crate) async fn once(State(layer): State<Once>, request: Request, next: Next) -> Response {
    if !takes_part(&request) {
        return next.run(request).await;
    }
    match done_once(&layer, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn takes_part(request: &Request) -> bool {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    let route = request.extensions().get::<MatchedPath>();
    // An answer with an API key is not kept: it would stand in the table in plain text.
    let is_kept = |path: &str| path.starts_with("/api/v1/") && !path.starts_with("/api/v1/api_keys");
    changes && request.headers().contains_key(KEY) && route.is_some_and(|path| is_kept(path.as_str()))
}

async fn done_once(layer: &Once, request: Request) -> ApiResult {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ErrorBody::too_large())?;
    // The order of chapter 05, 1.6: a body that is no JSON, then the key of the organization, then everything else.
    let raw = Raw::of(&parts, body.clone());
    raw.json()?;
    let organization = raw.authenticate(&layer.app).await?;
    let asked = Asked {
        key: key(&parts.headers)?,
        fingerprint: fingerprint(&parts, &body),
        // PUT and PATCH say what shall be; doing them again makes it so again.
        is_repeatable: [Method::PUT, Method::PATCH].contains(&parts.method),
    };
    let known = Known(organization.clone());
    let handle = async |app: App| {
        let routes = layer.routes.clone().with_state(app);
        let Ok(response) = routes.oneshot(again(&parts, &body, known.clone())).await;
        answer(response).await
    };
    match idempotency::once(&layer.app, &organization, &asked, handle).await? {
        Answered::Fresh(answer) => Ok(response(answer)?),
        Answered::Replayed(answer) => {
            let mut response = response(answer)?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
    }
}

/// The client's key.
fn key(headers: &HeaderMap) -> Result<String, Problems> {
    let mut keys = headers.get_all(KEY).iter();
    let (first, second) = (keys.next(), keys.next());
    let text = first.map(HeaderValue::to_str).and_then(Result::ok).filter(|_| second.is_none());
    let text = text.ok_or_else(|| Problems::one(FIELD, codes::INVALID))?.trim();
    if text.is_empty() {
        return Err(Problems::one(FIELD, codes::MANDATORY));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problems::one(FIELD, codes::INVALID));
    }
    if text.len() > KEY_BYTES_MAX {
        return Err(Problems::one(FIELD, codes::TOO_LONG));
    }
    Ok(text.to_owned())
}

/// Digest of method, path, query and body: what makes it this request.
fn fingerprint(parts: &Parts, body: &Bytes) -> String {
    let mut hash = Sha256::new();
    let body = if is_json(&parts.headers) { body.as_ref() } else { &[] };
    for part in [
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        parts.uri.query().unwrap_or_default().as_bytes(),
        body,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The request for another pass over the routes: they match its path anew.
fn again(parts: &Parts, body: &Bytes, known: Known) -> Request {
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    request.extensions_mut().insert(known);
    request
}

async fn answer(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Every answer of a route that changes something is JSON or empty.
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status.as_u16(), content_type: content_type.map(str::to_owned), body }
}

fn response(answer: Answer) -> Result<Response, ApiError> {
    let odd = |_| Failure::Bug("a stored answer is none".to_owned());
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| odd(()))?;
    response.headers_mut().remove(header::CONTENT_TYPE);
    if let Some(content_type) = answer.content_type {
        let value = HeaderValue::from_str(&content_type).map_err(|_| odd(()))?;
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    Ok(response)
}
