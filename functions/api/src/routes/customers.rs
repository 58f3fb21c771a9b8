//! Customers and their usage (chapter 05, 2.4).

use app::{App, Failure, customer, ledger, past_usage, portal, present, usage};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use wire::schema::inputs::CustomerInput;

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
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

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "customers",
        [
            operation::post("/customers", "upsertCustomer", "Create or update a customer")
                .notes("The customer of this `external_id` is updated; if there is none, it is made.")
                .takes::<CustomerInput>("customer")
                .gives::<wire::customer::Output>("customer")
                .missing(&["tax", "adyen_payment_provider"]),
            operation::get("/customers", "listCustomers", "List customers")
                .notes("Oldest first.")
                .lists::<wire::customer::Output>("customers"),
            operation::get("/customers/{external_id}", "retrieveCustomer", "Retrieve a customer")
                .gives::<wire::customer::Output>("customer")
                .missing(&["customer"]),
            operation::delete("/customers/{external_id}", "deleteCustomer", "Delete a customer")
                .notes("Its subscriptions end, and what they owe is invoiced.")
                .gives::<wire::customer::Output>("customer")
                .missing(&["customer"]),
            operation::get(
                "/customers/{external_id}/current_usage",
                "retrieveCurrentUsage",
                "Retrieve the current usage of a subscription",
            )
            .gives::<wire::usage::Output>("customer_usage")
            .query(
                "external_subscription_id",
                ParameterKind::Text("acme-startup"),
                "The subscription; without it there is none.",
            )
            .missing(&["customer"])
            .refuses(405, &["no_active_subscription"]),
            operation::get(
                "/customers/{external_id}/past_usage",
                "listPastUsage",
                "List the billed usage of a subscription",
            )
            .notes("Newest period first.")
            .lists::<wire::usage::past::Period>("usage_periods")
            .needs("external_subscription_id", ParameterKind::Text("acme-startup"), "The subscription.")
            .query("billable_metric_code", ParameterKind::Text("api_calls"), "Charges on this metric only.")
            .query("periods_count", ParameterKind::Number, "Instead of `per_page`.")
            .missing(&["billable_metric"])
            .checked(),
            operation::get(
                "/customers/{external_id}/portal_url",
                "retrievePortalUrl",
                "Make a link to the customer's portal",
            )
            .gives::<wire::customer::PortalUrl>("customer")
            .missing(&["customer"]),
            operation::post(
                "/customers/{external_id}/checkout_url",
                "createCheckoutUrl",
                "Make a link to a provider's check-out",
            )
            .notes("No payment provider can be connected in this version, so that this is always refused.")
            .gives_nothing()
            .missing(&["customer", "adyen_payment_provider"])
            .checked(),
            operation::get(
                "/customers/{external_id}/ledger",
                "retrieveStatement",
                "Retrieve the statement of a customer's ledger",
            )
            .notes("Oldest first. Debits and credits of a transaction are equal.")
            .gives_bare::<wire::ledger::Output<'static>>()
            .query("page", ParameterKind::Number, "Which page, from 1.")
            .query("per_page", ParameterKind::Number, "Entries of a page, at most 1000; 100 if absent.")
            .query("account_type", ParameterKind::Text("receivable"), "Entries of these accounts.")
            .query(
                "account_id",
                ParameterKind::Text("1a901a90-1a90-1a90-1a90-1a901a901a90"),
                "Entries of this object's account.",
            )
            .missing(&["customer"]),
        ],
    )
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
