//! The operator's endpoints (DESIGN, 6).

use app::App;
use app::organization;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde::Serialize;
use wire::schema::inputs::NewOrganizationInput;

use crate::call::Raw;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/admin/organizations", post(create))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "admin",
        [operation::post("/admin/organizations", "createOrganization", "Create an organization")
            .notes("With `test_clock` it is a sandbox. The answer has its first API key.")
            .takes::<NewOrganizationInput>("organization")
            .gives::<WithKey>("organization")
            .of_the_operator()],
    )
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "OrganizationWithKey")]
struct WithKey {
    #[serde(flatten)]
    organization: wire::organization::Output,
    /// The only time that it is shown.
    api_key: String,
}

async fn create(State(app): State<App>, raw: Raw) -> ApiResult {
    let body = raw.json()?;
    raw.authorize_admin(&app)?;
    let new = wire::organization::parse_new(wire::input::root(&body, "organization")?);
    let created = organization::create(&app, new).await?;
    let output = wire::organization::Output::new(&created.organization);
    reply::one("organization", &WithKey { organization: output, api_key: created.api_key })
}
