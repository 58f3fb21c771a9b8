//! Add-ons (chapter 05, 2.6).

use app::{App, Failure, Outcome, add_on};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::add_on::AddOn;
use wire::schema::inputs::AddOnInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/add_ons", post(create).get(list))
        .route("/add_ons/{code}", get(show).put(update).patch(update).delete(delete))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "add_ons",
        [
            operation::post("/add_ons", "createAddOn", "Create an add-on")
                .takes::<AddOnInput>("add_on")
                .gives::<wire::add_on::Output>("add_on")
                .missing(&["tax"]),
            operation::get("/add_ons", "listAddOns", "List add-ons")
                .notes("Newest first.")
                .lists::<wire::add_on::Output>("add_ons"),
            operation::get("/add_ons/{code}", "retrieveAddOn", "Retrieve an add-on")
                .gives::<wire::add_on::Output>("add_on")
                .missing(&["add_on"]),
            operation::update("/add_ons/{code}", "updateAddOn", "Update an add-on")
                .edits::<AddOnInput>("add_on")
                .gives::<wire::add_on::Output>("add_on")
                .missing(&["add_on", "tax"]),
            operation::delete("/add_ons/{code}", "deleteAddOn", "Delete an add-on")
                .gives::<wire::add_on::Output>("add_on")
                .missing(&["add_on"]),
        ],
    )
}

async fn shown(app: &App, call: &Call, add_on: &AddOn) -> ApiResult {
    let mut outputs = add_on::shown(app, call.organization.id, std::slice::from_ref(add_on)).await?;
    let output: Outcome<_> = outputs.pop().ok_or_else(|| Failure::Bug("an add-on has no output".to_owned()));
    reply::one("add_on", &output?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let (new, tax_codes) = wire::add_on::parse_new(call.root("add_on")?);
    let add_on = add_on::create(&app, &call.organization, new, &tax_codes).await?;
    shown(&app, &call, &add_on).await
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let listed =
        app.store.list_add_ons(call.organization.id, |total| paging.range(total)).await.map_err(Failure::from)?;
    let add_ons: Vec<AddOn> = listed.entries.into_iter().map(|add_on| add_on.value).collect();
    let outputs = add_on::shown(&app, call.organization.id, &add_ons).await?;
    reply::page("add_ons", paging, listed.total, &outputs)
}

async fn show(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let add_on = add_on::by_code(&app, call.organization.id, &code).await?;
    shown(&app, &call, &add_on).await
}

async fn update(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    add_on::by_code(&app, call.organization.id, &code).await?;
    let (update, tax_codes) = wire::add_on::parse_update(call.root("add_on")?);
    let add_on = add_on::update(&app, &call.organization, &code, update, tax_codes.as_deref()).await?;
    shown(&app, &call, &add_on).await
}

async fn delete(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let add_on = add_on::delete(&app, &call.organization, &code).await?;
    shown(&app, &call, &add_on).await
}
