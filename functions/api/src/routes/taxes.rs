//! Taxes (chapter 05, 2.2).

use app::{App, Failure, Outcome, Rejection, catalogue, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::organization::Organization;
use domain::tax::Tax;
use wire::schema::inputs::TaxInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/taxes", post(create).get(list))
        .route("/taxes/{code}", get(show).put(update).patch(update).delete(delete))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "taxes",
        [
            operation::post("/taxes", "createTax", "Create a tax")
                .takes::<TaxInput>("tax")
                .gives::<wire::tax::Output>("tax"),
            operation::get("/taxes", "listTaxes", "List taxes")
                .notes("Newest first.")
                .lists::<wire::tax::Output>("taxes"),
            operation::get("/taxes/{code}", "retrieveTax", "Retrieve a tax")
                .gives::<wire::tax::Output>("tax")
                .missing(&["tax"]),
            operation::update("/taxes/{code}", "updateTax", "Update a tax")
                .notes("Drafts that it concerns are computed anew.")
                .edits::<TaxInput>("tax")
                .gives::<wire::tax::Output>("tax")
                .missing(&["tax"]),
            operation::delete("/taxes/{code}", "deleteTax", "Delete a tax")
                .gives::<wire::tax::Output>("tax")
                .missing(&["tax"]),
        ],
    )
}

async fn shown(app: &App, organization: &Organization, tax: &Tax) -> ApiResult {
    let mut outputs = present::taxes(app, organization.id, std::slice::from_ref(tax)).await?;
    let output: Outcome<_> = outputs.pop().ok_or_else(|| Failure::Bug("a tax has no output".to_owned()));
    reply::one("tax", &output?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let new = wire::tax::parse_new(call.root("tax")?);
    let tax = catalogue::create_tax(&app, &call.organization, new).await?;
    shown(&app, &call.organization, &tax).await
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let taxes = app.store.taxes(call.organization.id).await.map_err(Failure::from)?;
    let paging = call.query.paging();
    let part: Vec<Tax> = taxes[paging.range(taxes.len())].iter().map(|tax| tax.value.clone()).collect();
    reply::page("taxes", paging, taxes.len(), &present::taxes(&app, call.organization.id, &part).await?)
}

async fn show(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let found = app.store.tax_by_code(call.organization.id, &code).await.map_err(Failure::from)?;
    let tax = found.ok_or(Failure::from(Rejection::NotFound("tax")))?;
    shown(&app, &call.organization, &tax).await
}

async fn update(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    catalogue::tax_by_code(&app, call.organization.id, &code).await?;
    let update = wire::tax::parse_update(call.root("tax")?);
    let tax = catalogue::update_tax(&app, &call.organization, &code, update).await?;
    shown(&app, &call.organization, &tax).await
}

async fn delete(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let tax = catalogue::delete_tax(&app, &call.organization, &code).await?;
    shown(&app, &call.organization, &tax).await
}
