//! Billable metrics and their groups (chapter 05, 2.3).

use app::{App, Failure, Outcome, catalogue, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::metric::Metric;
use domain::organization::Organization;

use crate::call::Call;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/billable_metrics", post(create).get(list))
        .route("/billable_metrics/{code}", get(show).put(update).patch(update).delete(delete))
        .route("/billable_metrics/{code}/groups", get(groups))
}

async fn shown(app: &App, organization: &Organization, metric: &Metric) -> ApiResult {
    let mut outputs = present::metrics(app, organization.id, std::slice::from_ref(metric)).await?;
    let output: Outcome<_> = outputs.pop().ok_or_else(|| Failure::Bug("a metric has no output".to_owned()));
    reply::one("billable_metric", &output?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let new = wire::billable_metric::parse_new(call.root("billable_metric")?);
    let metric = catalogue::create_metric(&app, &call.organization, new).await?;
    shown(&app, &call.organization, &metric).await
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let found = app.store.metrics(call.organization.id).await.map_err(Failure::from)?;
    let live: Vec<Metric> = found.into_iter().map(|metric| metric.value).filter(Metric::is_live).collect();
    let paging = call.query.paging();
    let part = &live[paging.range(live.len())];
    reply::page("billable_metrics", paging, live.len(), &present::metrics(&app, call.organization.id, part).await?)
}

async fn show(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let metric = catalogue::metric_by_code(&app, call.organization.id, &code).await?;
    shown(&app, &call.organization, &metric).await
}

async fn update(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    catalogue::metric_by_code(&app, call.organization.id, &code).await?;
    let update = wire::billable_metric::parse_update(call.root("billable_metric")?);
    let metric = catalogue::update_metric(&app, &call.organization, &code, update).await?;
    shown(&app, &call.organization, &metric).await
}

async fn delete(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let metric = catalogue::delete_metric(&app, &call.organization, &code).await?;
    shown(&app, &call.organization, &metric).await
}

async fn groups(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let metric = catalogue::metric_by_code(&app, call.organization.id, &code).await?;
    let groups = wire::billable_metric::groups(&metric);
    let paging = call.query.paging();
    reply::page("groups", paging, groups.len(), &groups[paging.range(groups.len())])
}
