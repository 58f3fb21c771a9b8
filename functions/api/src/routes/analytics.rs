//! Analytics (chapter 05, 2.17; chapter 07, part 2).

use app::App;
use app::analytics::{self, Wanted};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use domain::money::Currency;
use serde::Serialize;
use wire::analytics::{GrossRevenue, InvoiceCollection, Mrr, Usage};
use wire::list::Paging;

use crate::call::{Call, Query};
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/analytics/gross_revenue", get(gross_revenue))
        .route("/analytics/mrr", get(mrr))
        .route("/analytics/invoiced_usage", get(invoiced_usage))
        .route("/analytics/invoice_collection", get(invoice_collection))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "analytics",
        [
            operation::get("/analytics/gross_revenue", "listGrossRevenue", "Gross revenue by month")
                .lists_whole::<GrossRevenue>("gross_revenues")
                .query("currency", ParameterKind::Text("EUR"), "In this currency.")
                .query("months", ParameterKind::Number, "The last months, the present one included.")
                .query("external_customer_id", ParameterKind::Text("acme"), "Of this customer."),
            operation::get("/analytics/mrr", "listMrr", "Monthly recurring revenue")
                .lists_whole::<Mrr>("mrrs")
                .query("currency", ParameterKind::Text("EUR"), "In this currency.")
                .query("months", ParameterKind::Number, "The last months, the present one included."),
            operation::get("/analytics/invoiced_usage", "listInvoicedUsage", "Invoiced usage by month")
                .lists_whole::<Usage>("invoiced_usages")
                .query("currency", ParameterKind::Text("EUR"), "In this currency.")
                .query("months", ParameterKind::Number, "The last months, the present one included."),
            operation::get(
                "/analytics/invoice_collection",
                "listInvoiceCollection",
                "Invoices by month and payment status",
            )
            .lists_whole::<InvoiceCollection>("invoice_collections")
            .query("currency", ParameterKind::Text("EUR"), "In this currency.")
            .query("months", ParameterKind::Number, "The last months, the present one included."),
        ],
    )
}

/// What the query asks for; none if the currency is no currency at all: nothing can be of it.
fn wanted(query: &Query) -> Option<Wanted> {
    let currency = match query.get("currency") {
        None => None,
        Some(code) => Some(code.trim().to_ascii_uppercase().parse::<Currency>().ok()?),
    };
    // What is no number of months, or none, is this month (chapter 07, 2.1).
    let months = query.get("months").map(|months| months.trim().parse::<u32>().unwrap_or(1).max(1));
    Some(Wanted { currency, months })
}

/// The whole list, with a `meta` that says so (chapter 09).
fn list<T, O: Serialize + for<'a> From<&'a T>>(root: &'static str, rows: &[T]) -> ApiResult {
    let paging = Paging { page: 1, per_page: rows.len() };
    reply::page(root, paging, rows.len(), &rows.iter().map(O::from).collect::<Vec<O>>())
}

async fn gross_revenue(State(app): State<App>, call: Call) -> ApiResult {
    let rows = match wanted(&call.query) {
        Some(wanted) => {
            let customer = call.query.get("external_customer_id");
            analytics::gross_revenue(&app, &call.organization, wanted, customer).await?
        }
        None => Vec::new(),
    };
    list::<_, GrossRevenue>("gross_revenues", &rows)
}

async fn mrr(State(app): State<App>, call: Call) -> ApiResult {
    let rows = match wanted(&call.query) {
        Some(wanted) => analytics::monthly_recurring_revenue(&app, &call.organization, wanted).await?,
        None => Vec::new(),
    };
    list::<_, Mrr>("mrrs", &rows)
}

async fn invoiced_usage(State(app): State<App>, call: Call) -> ApiResult {
    let rows = match wanted(&call.query) {
        Some(wanted) => analytics::invoiced_usage(&app, &call.organization, wanted).await?,
        None => Vec::new(),
    };
    list::<_, Usage>("invoiced_usages", &rows)
}

async fn invoice_collection(State(app): State<App>, call: Call) -> ApiResult {
    let rows = match wanted(&call.query) {
        Some(wanted) => analytics::invoice_collection(&app, &call.organization, wanted).await?,
        None => Vec::new(),
    };
    list::<_, InvoiceCollection>("invoice_collections", &rows)
}
