//! Customers and their usage (chapter 05, 2.4).

use app::{App, Failure, customer, ledger, past_usage, portal, present, usage};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};

use crate::call::Call;
use crate::error::ApiResult;
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/customers", post(upsert).get(list))
        .route("/customers/{external_id}", get(show).delete(delete))
        .route("/customers/{external_id}/portal_url", get(portal_url))
        .route("/customers/{external_id}/checkout_url", post(checkout_url))
        .route("/customers/{external_id}/current_usage", get(current_usage))
        .route("/customers/{external_id}/past_usage", get(past_usage))
        .route("/customers/{external_id}/ledger", get(statement))
}

async fn upsert(State(app): State<App>, call: Call) -> ApiResult {
    let input = wire::customer::parse(call.root("customer")?);
    let customer = customer::upsert(&app, &call.organization, input).await?;
    reply::one("customer", &present::customer(&app, &call.organization, &customer).await?)
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let listed =
        app.store.list_customers(call.organization.id, |total| paging.range(total)).await.map_err(Failure::from)?;
    let outputs =
        present::customers(&app, &call.organization, listed.entries.iter().map(|customer| &customer.value)).await?;
    reply::page("customers", paging, listed.total, &outputs)
}

async fn show(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let customer = customer::by_external_id(&app, call.organization.id, &external_id).await?;
    reply::one("customer", &present::customer(&app, &call.organization, &customer).await?)
}

async fn delete(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let customer = customer::delete(&app, &call.organization, &external_id).await?;
    reply::one("customer", &present::customer(&app, &call.organization, &customer).await?)
}

async fn portal_url(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let portal_url = portal::url(&app, call.organization.id, &external_id).await?;
    reply::one("customer", &wire::customer::PortalUrl { portal_url })
}

async fn checkout_url(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    match customer::checkout_url(&app, call.organization.id, &external_id).await? {}
}

async fn past_usage(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let periods_count = call.query.get("periods_count").and_then(|count| count.trim().parse().ok());
    let question = past_usage::Question {
        external_customer_id: &external_id,
        external_subscription_id: call.query.get("external_subscription_id"),
        metric_code: call.query.get("billable_metric_code"),
        paging: periods_count.filter(|count| *count > 0).map_or(paging, |count| paging.of_size(count)),
    };
    let (periods, meta) = past_usage::list(&app, &call.organization, question).await?;
    reply::page_with("usage_periods", &periods, meta)
}

async fn current_usage(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let subscription = call.query.get("external_subscription_id");
    let usage = usage::current(&app, &call.organization, &external_id, subscription).await?;
    reply::one("customer_usage", &wire::usage::Output::from(usage))
}

async fn statement(State(app): State<App>, Path(external_id): Path<String>, call: Call) -> ApiResult {
    let customer = customer::by_external_id(&app, call.organization.id, &external_id).await?;
    let transactions = ledger::of_customer(&app, call.organization.id, customer.id).await?;
    let filter = wire::ledger::filter(call.query.get("account_type"), call.query.get("account_id"));
    // An id that no account can have: nothing to show.
    let known = if filter.is_some() { transactions.as_slice() } else { &[] };
    let paging = call.query.paging();
    let postings: Vec<_> = known.iter().map(|one| (one.seq, one.postings.as_slice())).collect();
    let statement =
        domain::ledger::statement(customer.id, &postings, filter.unwrap_or_default(), |total| paging.range(total));
    Ok(reply::json(&wire::ledger::Output::new(&statement, paging.meta(statement.total))))
}
