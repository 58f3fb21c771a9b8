//! Fees (chapter 05, 2.11).

use app::App;
use app::fee::{self, Found};
use app::organization::parse_id;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use wire::fee::Filter;

use crate::call::Call;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/fees", get(list)).route("/fees/{id}", get(show).put(update).patch(update))
}

async fn one(app: &App, call: &Call, found: Found) -> ApiResult {
    let shown = fee::shown(app, &call.organization, &[found]).await?;
    // One fee in, one out.
    reply::one("fee", &shown.first())
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let filter = Filter::parse(call.query.pairs()).map_err(app::Failure::from)?;
    let paging = call.query.paging();
    let (total, fees) = fee::list(&app, &call.organization, &filter, |total| paging.range(total)).await?;
    reply::page("fees", paging, total, &fee::shown(&app, &call.organization, &fees).await?)
}

async fn show(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = fee::get(&app, &call.organization, parse_id(&text)).await?;
    one(&app, &call, found).await
}

async fn update(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let id = parse_id(&text);
    fee::get(&app, &call.organization, id).await?;
    let changed = fee::update(&app, &call.organization, id, call.root("fee")?).await?;
    one(&app, &call, changed).await
}
