//! Why a fee is what it is (ours): its explanation, and the events behind it.

use app::organization::parse_id;
use app::{App, explain};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use wire::event::{Inferred, Output};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/fees/{id}/explanation", get(explanation)).route("/fees/{id}/events", get(events))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "fees",
        [
            operation::get("/fees/{id}/explanation", "explainFee", "Explain the amount of a fee")
                .notes("Every figure between what was reported and the amount, as it was at billing.")
                .gives::<wire::explanation::Output>("explanation")
                .missing(&["fee"]),
            operation::get("/fees/{id}/events", "listEventsOfFee", "List the events behind a fee")
                .lists::<Output<'static>>("events")
                .missing(&["fee"]),
        ],
    )
}

async fn explanation(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    let explanation = explain::explanation(&app, &call.organization, parse_id(&id)).await?;
    reply::one("explanation", &explanation)
}

async fn events(State(app): State<App>, Path(id): Path<String>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let page = |total| paging.range(total);
    let behind = explain::events(&app, &call.organization, parse_id(&id), page).await?;
    let inferred = Inferred { external_customer_id: behind.external_customer_id.as_deref(), ..Inferred::default() };
    let outputs: Vec<Output<'_>> = behind.events.iter().map(|event| Output::stored(event, inferred)).collect();
    reply::page("events", paging, behind.total, &outputs)
}
