//! Where webhooks go, and what became of them (chapter 05, 2.16; chapter 07, 1.5).

use app::App;
use app::organization::parse_id;
use app::webhook_endpoint::{self, LogFilter};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use wire::schema::inputs::WebhookEndpointInput;
use wire::webhook_endpoint::{Input, Output};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/webhook_endpoints", post(create).get(list))
        .route("/webhook_endpoints/{id}", get(show).put(update).patch(update).delete(delete))
        .route("/webhook_endpoints/{id}/webhooks", get(webhooks))
        .route("/webhooks/{id}/retry", post(retry))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "webhook_endpoints",
        [
            operation::post("/webhook_endpoints", "createWebhookEndpoint", "Create a webhook endpoint")
                .notes("At most five.")
                .takes::<WebhookEndpointInput>("webhook_endpoint")
                .gives::<Output>("webhook_endpoint"),
            operation::get("/webhook_endpoints", "listWebhookEndpoints", "List webhook endpoints")
                .notes("Oldest first.")
                .lists::<Output>("webhook_endpoints"),
            operation::get("/webhook_endpoints/{id}", "retrieveWebhookEndpoint", "Retrieve a webhook endpoint")
                .gives::<Output>("webhook_endpoint")
                .missing(&["webhook_endpoint"]),
            operation::update("/webhook_endpoints/{id}", "updateWebhookEndpoint", "Update a webhook endpoint")
                .takes::<WebhookEndpointInput>("webhook_endpoint")
                .gives::<Output>("webhook_endpoint")
                .missing(&["webhook_endpoint"]),
            operation::delete("/webhook_endpoints/{id}", "deleteWebhookEndpoint", "Delete a webhook endpoint")
                .notes("Its log goes with it.")
                .gives::<Output>("webhook_endpoint")
                .missing(&["webhook_endpoint"]),
            operation::get("/webhook_endpoints/{id}/webhooks", "listWebhooks", "List the deliveries to an endpoint")
                .notes("Last changed first.")
                .lists::<wire::webhook::Output<'static>>("webhooks")
                .query("status", ParameterKind::Word(&["pending", "succeeded", "failed"]), "In this state.")
                .query("search_term", ParameterKind::Text("invoice"), "With this text in their id or type.")
                .missing(&["webhook_endpoint"]),
            operation::post("/webhooks/{id}/retry", "retryWebhook", "Deliver a message again")
                .gives::<wire::webhook::Output<'static>>("webhook")
                .missing(&["webhook"])
                .refuses(405, &["is_succeeded"]),
        ],
    )
}

fn input(app: &App, call: &Call) -> Result<Input, crate::error::ApiError> {
    Ok(Input::parse(call.root("webhook_endpoint")?, app.settings.webhook_targets)?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let endpoint = webhook_endpoint::create(&app, &call.organization, input(&app, &call)?).await?;
    reply::one("webhook_endpoint", &Output::new(&endpoint, call.organization.id))
}

async fn list(call: Call) -> ApiResult {
    let endpoints = &call.organization.endpoints;
    let paging = call.query.paging();
    let outputs: Vec<Output> = endpoints[paging.range(endpoints.len())]
        .iter()
        .map(|endpoint| Output::new(endpoint, call.organization.id))
        .collect();
    reply::page("webhook_endpoints", paging, endpoints.len(), &outputs)
}

async fn show(Path(id): Path<String>, call: Call) -> ApiResult {
    let endpoint = webhook_endpoint::get(&call.organization, parse_id(&id))?;
    reply::one("webhook_endpoint", &Output::new(endpoint, call.organization.id))
}

async fn update(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    webhook_endpoint::get(&call.organization, parse_id(&id))?;
    let input = input(&app, &call)?;
    let endpoint = webhook_endpoint::update(&app, &call.organization, parse_id(&id), input).await?;
    reply::one("webhook_endpoint", &Output::new(&endpoint, call.organization.id))
}

async fn delete(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    let endpoint = webhook_endpoint::delete(&app, &call.organization, parse_id(&id)).await?;
    reply::one("webhook_endpoint", &Output::new(&endpoint, call.organization.id))
}

async fn webhooks(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    let filter = LogFilter { status: call.query.get("status"), search_term: call.query.get("search_term") };
    let entries = webhook_endpoint::webhooks(&app, &call.organization, parse_id(&id), filter).await?;
    let paging = call.query.paging();
    let outputs: Vec<_> = entries[paging.range(entries.len())].iter().map(webhook_endpoint::log_entry).collect();
    reply::page("webhooks", paging, entries.len(), &outputs)
}

async fn retry(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    let webhook = webhook_endpoint::retry(&app, &call.organization, parse_id(&id)).await?;
    reply::one("webhook", &webhook_endpoint::log_entry(&webhook))
}
