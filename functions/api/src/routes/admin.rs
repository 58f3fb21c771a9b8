//! The operator's endpoints (DESIGN, 6).

use app::App;
use app::organization;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde::Serialize;

use crate::call::Raw;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/admin/organizations", post(create))
}

#[derive(Serialize)]
struct WithKey {
    #[serde(flatten)]
    organization: wire::organization::Output,
    api_key: String,
}

async fn create(State(app): State<App>, raw: Raw) -> ApiResult {
    let body = raw.json()?;
    raw.authorize_admin(&app)?;
    let new = wire::organization::parse_new(wire::input::root(&body, "organization")?);
    let created = organization::create(&app, new).await?;
    let output = wire::organization::Output::new(&created.organization);
    reply::one("organization", &WithKey { organization: output, api_key: created.api_key })
}
