//! Usage events (chapter 05, 2.10; chapter 03, 1).

use app::event::{self, Found};
use app::{App, advance};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::metric::Metric;
use domain::organization::Organization;
use wire::error::ErrorBody;
use wire::event::{Batch, Inferred, Listed, Output, Surroundings};
use wire::fee::Estimate;
use wire::schema::inputs::{EventBatchInput, EventEstimateInput, EventInput};

use crate::call::{Call, Raw};
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/events", post(create).get(list))
        .route("/events/batch", post(batch))
        .route("/events/estimate_fees", post(estimate_fees))
        .route("/events/{transaction_id}", get(show))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "events",
        [
            operation::post("/events", "createEvent", "Send an event")
                .notes("A repeated `transaction_id` is answered alike and counts once.")
                .takes::<EventInput>("event")
                .gives::<Output<'static>>("event"),
            operation::get("/events", "listEvents", "List events")
                .notes("Newest first.")
                .lists::<Listed<'static>>("events"),
            operation::post("/events/batch", "createEvents", "Send up to a hundred events")
                .notes("All or nothing. The legacy form has one event for several subscriptions.")
                .takes_bare::<EventBatchInput>()
                .gives_all_or_empty::<Output<'static>>("events")
                .missing(&["customer", "subscription", "billable_metric"]),
            operation::post("/events/estimate_fees", "estimateFees", "Estimate the fees of an event")
                .notes("What the event would cost on charges in advance. Nothing is stored.")
                .takes::<EventEstimateInput>("event")
                .gives_all::<wire::fee::Output>("fees")
                .missing(&["customer", "subscription", "billable_metric"]),
            operation::get("/events/{transaction_id}", "retrieveEvent", "Retrieve an event")
                .gives::<Output<'static>>("event")
                .missing(&["event"]),
        ],
    )
}

async fn create(State(app): State<App>, raw: Raw) -> ApiResult {
    let parsed = wire::event::parse_one(&raw.body);
    if matches!(parsed, Err(wire::event::ParseError::Malformed)) {
        return Err(ErrorBody::malformed().into());
    }
    let organization = raw.authenticate(&app).await?;
    let (parsed, now) = (parsed?, app.now(&organization));
    event::accept(&app, &organization, std::slice::from_ref(&parsed), &raw.client(), now).await?;
    reply::one("event", &Output::accepted(&parsed, organization.id, now))
}

async fn batch(State(app): State<App>, raw: Raw) -> ApiResult {
    let parsed = wire::event::parse_batch(&raw.body);
    if matches!(parsed, Err(wire::event::ParseError::Malformed)) {
        return Err(ErrorBody::malformed().into());
    }
    let organization = raw.authenticate(&app).await?;
    let now = app.now(&organization);
    match parsed? {
        Batch::Events(events) => {
            event::accept(&app, &organization, &events, &raw.client(), now).await?;
            let outputs: Vec<Output<'_>> =
                events.iter().map(|event| Output::accepted(event, organization.id, now)).collect();
            reply::one("events", &outputs)
        }
        Batch::Legacy(batch) => {
            event::accept_legacy(&app, &organization, &batch, &raw.client(), now).await?;
            reply::empty()
        }
    }
}

async fn estimate_fees(State(app): State<App>, call: Call) -> ApiResult {
    let asked = Estimate::parse(call.root("event")?);
    reply::one("fees", &advance::estimate(&app, &call.organization, &asked).await?)
}

fn inferred(found: &Found) -> Inferred<'_> {
    Inferred {
        external_customer_id: found.external_customer_id.as_deref(),
        customer_id: found.checked.map(|(customer, _)| customer),
        subscription_id: found.checked.map(|(_, record)| record),
        ..Inferred::default()
    }
}

async fn show(State(app): State<App>, Path(transaction_id): Path<String>, call: Call) -> ApiResult {
    let found = event::find(&app, &call.organization, &transaction_id).await?;
    reply::one("event", &Output::stored(&found.event, inferred(&found)))
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let start = (paging.page - 1).saturating_mul(paging.per_page);
    let range = start..start.saturating_add(paging.per_page);
    let page = event::list(&app, &call.organization, range).await?;
    let listed = |found| listed(found, &page.catalogue, &call.organization);
    let outputs: Vec<Listed<'_>> = page.events.iter().map(listed).collect();
    reply::page("events", paging, page.total, &outputs)
}

fn listed<'a>(found: &'a Found, catalogue: &'a [Metric], organization: &Organization) -> Listed<'a> {
    let around = Surroundings {
        zone: found.zone.unwrap_or(organization.timezone),
        ip: found.source.ip.as_deref(),
        client: found.source.user_agent.as_deref(),
        metric: catalogue.iter().find(|metric| metric.is_live() && metric.code == found.event.code),
    };
    Listed::new(&found.event, inferred(found), around)
}
