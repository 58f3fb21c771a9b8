//! The organization's own settings (chapter 05, 2.1).

use app::{App, organization, present};
use axum::Router;
use axum::extract::State;
use axum::routing::put;

use crate::call::Call;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/organizations", put(update))
}

async fn update(State(app): State<App>, call: Call) -> ApiResult {
    let update = wire::organization::parse_update(call.root("organization")?);
    let changed = organization::update(&app, &call.organization, update).await?;
    let taxes = present::organization_taxes(&app, changed.id).await?;
    reply::one("organization", &wire::organization::Output::new(&changed).with_taxes(taxes))
}
