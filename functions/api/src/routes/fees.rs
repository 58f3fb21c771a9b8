//! Fees (chapter 05, 2.11).

use app::App;
use app::fee::{self, Found};
use app::organization::parse_id;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use wire::fee::Filter;
use wire::schema::inputs::FeePaymentInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/fees", get(list)).route("/fees/{id}", get(show).put(update).patch(update))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "fees",
        [
            operation::get("/fees", "listFees", "List fees")
                .notes("Oldest first.")
                .lists::<wire::fee::Output>("fees")
                .query("external_subscription_id", ParameterKind::Text("acme-startup"), "Of this subscription.")
                .query("external_customer_id", ParameterKind::Text("acme"), "Of this customer's subscriptions.")
                .query("currency", ParameterKind::Text("EUR"), "In this currency.")
                .query("billable_metric_code", ParameterKind::Text("api_calls"), "Of charges on this metric.")
                .query(
                    "fee_type",
                    ParameterKind::Word(&["charge", "add_on", "subscription", "credit"]),
                    "Of this kind.",
                )
                .query(
                    "payment_status",
                    ParameterKind::Word(&["pending", "succeeded", "failed", "refunded"]),
                    "In this state of payment.",
                )
                .query("created_at_from", ParameterKind::Instant, "Made then or later.")
                .query("created_at_to", ParameterKind::Instant, "Made then or earlier.")
                .query("succeeded_at_from", ParameterKind::Instant, "Paid then or later.")
                .query("succeeded_at_to", ParameterKind::Instant, "Paid then or earlier.")
                .query("failed_at_from", ParameterKind::Instant, "Failed then or later.")
                .query("failed_at_to", ParameterKind::Instant, "Failed then or earlier.")
                .query("refunded_at_from", ParameterKind::Instant, "Refunded then or later.")
                .query("refunded_at_to", ParameterKind::Instant, "Refunded then or earlier.")
                .checked(),
            operation::get("/fees/{id}", "retrieveFee", "Retrieve a fee")
                .gives::<wire::fee::Output>("fee")
                .missing(&["fee"]),
            operation::update("/fees/{id}", "updateFee", "Update the payment status of a fee")
                .notes("For fees of charges that stand on no invoice.")
                .takes::<FeePaymentInput>("fee")
                .gives::<wire::fee::Output>("fee")
                .missing(&["fee"])
                .refuses(405, &["invoiceable_fee"]),
        ],
    )
}

async fn one(app: &App, call: &Call, found: Found) -> ApiResult {
    let shown = fee::shown(app, &call.organization, &[found]).await?;
    // One fee in, one out.
    reply::one("fee", &shown.first())
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let filter = Filter::parse(call.query.pairs()).map_err(app::Failure::from)?;
    let paging = call.query.paging();
    let (total, fees) = fee::list(&app, &call.organization, &filter, |total| paging.range(total)).await?;
    reply::page("fees", paging, total, &fee::shown(&app, &call.organization, &fees).await?)
}

async fn show(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = fee::get(&app, &call.organization, parse_id(&text)).await?;
    one(&app, &call, found).await
}

async fn update(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let id = parse_id(&text);
    fee::get(&app, &call.organization, id).await?;
    let changed = fee::update(&app, &call.organization, id, call.root("fee")?).await?;
    one(&app, &call, changed).await
}
