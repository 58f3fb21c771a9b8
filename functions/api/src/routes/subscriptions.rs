//! Subscriptions (chapter 05, 2.9).

use app::subscription::{self, Described, Wanted};
use app::{App, Failure, Rejection, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::organization::Organization;
use wire::schema::inputs::{SubscriptionChangeInput, SubscriptionInput};
use wire::subscription as wire_subscription;

use crate::call::{Call, Query};
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

const STATUSES: [&str; 4] = ["pending", "active", "terminated", "canceled"];

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/subscriptions", post(create).get(list))
        .route("/subscriptions/{external_id}", get(show).put(update).patch(update).delete(terminate))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "subscriptions",
        [
operation::post("/subscriptions", "createSubscription", "Assign a plan to a customer").notes("With the `external_id` of an active subscription and another plan it is an upgrade or a downgrade. An unknown customer is made.").takes::<SubscriptionInput>("subscription").gives::<wire_subscription::Output>("subscription").missing(&["plan", "tax", "billable_metrics"]),
operation::get("/subscriptions", "listSubscriptions", "List subscriptions").notes("Oldest start first.").lists::<wire_subscription::Output>("subscriptions").query("external_customer_id", ParameterKind::Text("acme"), "Of this customer.").query("plan_code", ParameterKind::Text("startup"), "On this plan.").query("status[]", ParameterKind::Words(&STATUSES), "In one of these states; active ones if absent."),
operation::get("/subscriptions/{external_id}", "retrieveSubscription", "Retrieve a subscription").gives::<wire_subscription::Output>("subscription").query("status", ParameterKind::Word(&STATUSES), "The one in this state; the active one if absent.").missing(&["subscription"]),
operation::update("/subscriptions/{external_id}", "updateSubscription", "Update a subscription").takes::<SubscriptionChangeInput>("subscription").gives::<wire_subscription::Output>("subscription").query("status", ParameterKind::Word(&STATUSES), "`pending`: the one that has not started.").missing(&["subscription", "tax", "billable_metrics"]),
operation::delete("/subscriptions/{external_id}", "terminateSubscription", "Terminate a subscription").notes("What it owes is invoiced; unused days that were paid in advance are credited.").gives::<wire_subscription::Output>("subscription").query("status", ParameterKind::Word(&STATUSES), "`pending`: the one that has not started.").missing(&["subscription"]),
        ],
    )
}

async fn shown(app: &App, organization: &Organization, described: &Described) -> ApiResult {
    let Described { subscription, customer, plan } = described;
    let output = present::subscription(organization, customer, plan, subscription, app.now(organization))
        .with_plan(present::plan(app, organization.id, plan).await?);
    reply::one("subscription", &output)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let request = wire_subscription::parse_new(call.root("subscription")?);
    let described = subscription::create(&app, &call.organization, request).await?;
    shown(&app, &call.organization, &described).await
}

fn wanted(status: Option<&str>) -> Wanted {
    if status == Some("pending") { Wanted::Pending } else { Wanted::Active }
}

async fn update(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    if subscription::by_external_id(&app, &call.organization, &external_id).await?.is_empty() {
        return Err(Failure::from(Rejection::NotFound("subscription")).into());
    }
    let update = wire_subscription::parse_update(call.root("subscription")?);
    let status = call.query.get("status").or(wire_subscription::wanted_status(&call.body));
    let described = subscription::update(&app, &call.organization, &external_id, wanted(status), &update).await?;
    shown(&app, &call.organization, &described).await
}

async fn terminate(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let wanted = wanted(call.query.get("status"));
    let described = subscription::terminate(&app, &call.organization, &external_id, wanted).await?;
    shown(&app, &call.organization, &described).await
}

async fn show(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let status = call.query.get("status").unwrap_or("active");
    let records = subscription::by_external_id(&app, &call.organization, &external_id).await?;
    // Of several the one that started last.
    let found = records
        .iter()
        .filter(|record| record.state.word() == status)
        .max_by_key(|record| (record.started_at(), record.created_seq));
    let record = found.ok_or(Failure::from(Rejection::NotFound("subscription")))?;
    let described = subscription::described(&app, &call.organization, record).await?;
    shown(&app, &call.organization, &described).await
}

/// The states that a list asks for: only active ones unless every word is known (chapter 02, 4.8).
fn statuses(query: &Query) -> Vec<&str> {
    let words = query.all("status");
    if words.is_empty() || words.iter().any(|word| !STATUSES.contains(word)) { vec!["active"] } else { words }
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let organization = &call.organization;
    let statuses = statuses(&call.query);
    let entries = subscription::list(
        &app,
        organization,
        call.query.get("external_customer_id"),
        call.query.get("plan_code"),
        &statuses,
    )
    .await?;
    let paging = call.query.paging();
    let now = app.now(organization);
    let outputs: Vec<_> = entries[paging.range(entries.len())]
        .iter()
        .map(|entry| present::subscription(organization, &entry.customer, &entry.plan, &entry.subscription, now))
        .collect();
    reply::page("subscriptions", paging, entries.len(), &outputs)
}
