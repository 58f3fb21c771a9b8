//! Requests: body, query and the organization of the key, in the order that chapter 05 checks them.

use app::event::Client;
use app::{App, organization};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use domain::organization::Organization;
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::Value;
use wire::error::ErrorBody;
use wire::input::{Fields, MissingRoot};
use wire::list::Paging;

use crate::error::ApiError;

/// Largest body in bytes (00-index).
pub(crate) const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The decoded query, pairs in the order sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: Option<&str>) -> Query {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Query(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The last value of a name, if it is there and not blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// Every value of a name: `status=a&status=b`, `status[]=a` and the escaped form mean the same (chapter 09).
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let is_named = |known: &str| known.strip_suffix("[]").unwrap_or(known) == name;
        self.0.iter().filter(|(known, _)| is_named(known)).map(|(_, value)| value.as_str()).collect()
    }

    /// Every pair.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn paging(&self) -> Paging {
        Paging::parse(self.get("page"), self.get("per_page"))
    }
}

/// A request whose body has not been looked into, and whose key has not been checked.
pub(crate) struct Raw {
    /// The body; empty unless it was sent as JSON.
    pub(crate) body: Bytes,
    pub(crate) query: Query,
    headers: HeaderMap,
    known: Option<Known>,
}

/// The organization of a request's key, where a layer has found it already.
#[derive(Debug, Clone)]
pub(crate) struct Known(pub(crate) Organization);

impl Raw {
    /// A request whose body was read already.
    pub(crate) fn of(parts: &Parts, bytes: Bytes) -> Raw {
        // A body of any other type counts as absent (chapter 05, 1.1).
        let body = if is_json(&parts.headers) { bytes } else { Bytes::new() };
        let (query, known) = (Query::parse(parts.uri.query()), parts.extensions.get().cloned());
        Raw { body, query, headers: parts.headers.clone(), known }
    }

    /// The organization of the request's key. From here on the request's lines in the log name it.
    pub(crate) async fn authenticate(&self, app: &App) -> Result<Organization, ApiError> {
        let found = match &self.known {
            Some(Known(organization)) => organization.clone(),
            None => organization::authenticate(app, bearer(&self.headers)).await?,
        };
        tracing::Span::current().record("org.id", tracing::field::display(found.id));
        Ok(found)
    }

    pub(crate) fn authorize_admin(&self, app: &App) -> Result<(), ApiError> {
        Ok(organization::authorize_admin(app, bearer(&self.headers))?)
    }

    /// The body as JSON; none if there is none.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if self.body.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| ErrorBody::malformed().into())
    }

    /// Who calls, as far as events remember it.
    pub(crate) fn client(&self) -> Client {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let forwarded = text("x-forwarded-for").and_then(|list| list.split(',').next().map(|ip| ip.trim().to_owned()));
        Client { ip: forwarded, user_agent: text("user-agent") }
    }
}

/// The second word of `Authorization` (chapter 05, 1.1: the scheme is not looked at).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.split(' ').nth(1).filter(|key| !key.is_empty())
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
}

impl FromRequest<App> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> Result<Raw, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ErrorBody::too_large())?;
        Ok(Raw::of(&parts, bytes))
    }
}

/// A request of a known organization.
pub(crate) struct Call {
    pub(crate) organization: Organization,
    pub(crate) query: Query,
    pub(crate) body: Value,
}

impl Call {
    /// The object under the body's root key.
    pub(crate) fn root(&self, root: &'static str) -> Result<Fields<'_>, MissingRoot> {
        wire::input::root(&self.body, root)
    }
}

impl FromRequest<App> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Call, ApiError> {
        let raw = Raw::from_request(request, app).await?;
        // A body that is no JSON is refused before the key is looked at (chapter 05, 1.6).
        let body = raw.json()?;
        let organization = raw.authenticate(app).await?;
        Ok(Call { organization, query: raw.query, body })
    }
}
