//! Plans with their charges (chapter 05, 2.5).

use app::{App, Failure, catalogue, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::plan::Plan;
use wire::schema::inputs::PlanInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/plans", post(create).get(list))
        .route("/plans/{code}", get(show).put(update).patch(update).delete(delete))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "plans",
        [
operation::post("/plans", "createPlan", "Create a plan").takes::<PlanInput>("plan").gives::<wire::plan::Output>("plan").missing(&["billable_metrics", "tax"]),
operation::get("/plans", "listPlans", "List plans").notes("Newest first.").lists::<wire::plan::Output>("plans"),
operation::get("/plans/{code}", "retrievePlan", "Retrieve a plan").gives::<wire::plan::Output>("plan").missing(&["plan"]),
operation::update("/plans/{code}", "updatePlan", "Update a plan").notes("Charges are replaced by those sent: listed ones are changed or made, others go. Once subscribed to, price and interval stay.").edits::<PlanInput>("plan").gives::<wire::plan::Output>("plan").missing(&["plan", "billable_metrics", "tax"]),
operation::delete("/plans/{code}", "deletePlan", "Delete a plan").notes("Its subscriptions end, and what they owe is invoiced.").gives::<wire::plan::Output>("plan").missing(&["plan"]),
        ],
    )
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let new = wire::plan::parse_new(call.root("plan")?);
    let plan = catalogue::create_plan(&app, &call.organization, new).await?;
    reply::one("plan", &present::plan(&app, call.organization.id, &plan).await?)
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let listed =
        app.store.list_plans(call.organization.id, |total| paging.range(total)).await.map_err(Failure::from)?;
    let plans: Vec<Plan> = listed.entries.into_iter().map(|plan| plan.value).collect();
    reply::page("plans", paging, listed.total, &present::plans(&app, call.organization.id, &plans).await?)
}

async fn show(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let plan = catalogue::plan_by_code(&app, call.organization.id, &code).await?;
    reply::one("plan", &present::plan(&app, call.organization.id, &plan).await?)
}

async fn update(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    catalogue::plan_by_code(&app, call.organization.id, &code).await?;
    let update = wire::plan::parse_update(call.root("plan")?);
    let plan = catalogue::update_plan(&app, &call.organization, &code, update).await?;
    reply::one("plan", &present::plan(&app, call.organization.id, &plan).await?)
}

async fn delete(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let plan = catalogue::delete_plan(&app, &call.organization, &code).await?;
    reply::one("plan", &present::plan(&app, call.organization.id, &plan).await?)
}
