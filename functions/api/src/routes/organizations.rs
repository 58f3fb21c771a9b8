//! The organization's own settings (chapter 05, 2.1).

use app::{App, organization, present};
use axum::Router;
use axum::extract::State;
use axum::routing::put;
use wire::schema::inputs::OrganizationInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/organizations", put(update))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "organizations",
        [operation::put("/organizations", "updateOrganization", "Update the organization's settings")
            .takes::<OrganizationInput>("organization")
            .gives::<wire::organization::Output>("organization")],
    )
}

async fn update(State(app): State<App>, call: Call) -> ApiResult {
    let update = wire::organization::parse_update(call.root("organization")?);
    let changed = organization::update(&app, &call.organization, update).await?;
    let taxes = present::organization_taxes(&app, changed.id).await?;
    reply::one("organization", &wire::organization::Output::new(&changed).with_taxes(taxes))
}
