//! The test clock of sandbox organizations (DESIGN, 6).

use app::{App, test_clock};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use wire::test_clock::Output;

use crate::call::Call;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/test_clock", get(show).put(advance))
}

async fn show(call: Call) -> ApiResult {
    reply::one("test_clock", &Output::from(test_clock::get(&call.organization)?))
}

async fn advance(State(app): State<App>, call: Call) -> ApiResult {
    test_clock::get(&call.organization)?;
    let target = wire::test_clock::parse(call.root("test_clock")?)?;
    let clock = test_clock::advance(&app, call.organization.id, target).await?;
    reply::one("test_clock", &Output::from(clock))
}
