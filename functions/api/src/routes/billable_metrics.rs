//! Billable metrics and their groups (chapter 05, 2.3).

use app::{App, Failure, Outcome, catalogue, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::metric::Metric;
use domain::organization::Organization;
use wire::schema::inputs::BillableMetricInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/billable_metrics", post(create).get(list))
        .route("/billable_metrics/{code}", get(show).put(update).patch(update).delete(delete))
        .route("/billable_metrics/{code}/groups", get(groups))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "billable_metrics",
        [
            operation::post("/billable_metrics", "createBillableMetric", "Create a billable metric")
                .takes::<BillableMetricInput>("billable_metric")
                .gives::<wire::billable_metric::Output>("billable_metric"),
            operation::get("/billable_metrics", "listBillableMetrics", "List billable metrics")
                .notes("Newest first.")
                .lists::<wire::billable_metric::Output>("billable_metrics"),
            operation::get("/billable_metrics/{code}", "retrieveBillableMetric", "Retrieve a billable metric")
                .gives::<wire::billable_metric::Output>("billable_metric")
                .missing(&["billable_metric"]),
            operation::update("/billable_metrics/{code}", "updateBillableMetric", "Update a billable metric")
                .notes("While a plan uses it, only name, description and dimensions change; the rest is ignored.")
                .edits::<BillableMetricInput>("billable_metric")
                .gives::<wire::billable_metric::Output>("billable_metric")
                .missing(&["billable_metric"]),
            operation::delete("/billable_metrics/{code}", "deleteBillableMetric", "Delete a billable metric")
                .notes("Its charges go with it.")
                .gives::<wire::billable_metric::Output>("billable_metric")
                .missing(&["billable_metric"]),
            operation::get(
                "/billable_metrics/{code}/groups",
                "listBillableMetricGroups",
                "List the groups of a billable metric",
            )
            .notes("The values of the only dimension, or of the second one.")
            .lists::<wire::billable_metric::GroupOutput>("groups")
            .missing(&["billable_metric"]),
        ],
    )
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
