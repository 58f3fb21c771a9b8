//! The test clock of sandbox organizations (DESIGN, 6).

use app::{App, test_clock};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use wire::schema::inputs::TestClockInput;
use wire::test_clock::Output;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/test_clock", get(show).put(advance))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "test_clock",
        [
operation::get("/test_clock", "retrieveTestClock", "Retrieve the test clock").gives::<Output>("test_clock").refuses(403, &["not_a_sandbox"]),
operation::put("/test_clock", "advanceTestClock", "Let time pass").notes("Everything that is due on the way is done. An answer with status `advancing` is not there yet: the same request again waits on.").takes::<TestClockInput>("test_clock").gives::<Output>("test_clock").refuses(403, &["not_a_sandbox"]).refuses(409, &["clock_is_advancing"]),
        ],
    )
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
