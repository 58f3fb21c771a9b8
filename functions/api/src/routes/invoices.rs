//! Invoices (chapter 05, 2.12).

use app::document::{self, Download};
use app::organization::parse_id;
use app::{App, Failure, Rejection, add_on, billing, invoice, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use domain::id::InvoiceId;
use domain::invoice::{Invoice, Status};
use domain::organization::Organization;
use wire::invoice::{Filter, Includes};
use wire::schema::inputs::{InvoiceChangeInput, InvoicePreviewInput, OneOffInvoiceInput};

use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/invoices", get(list).post(sell))
        .route("/invoices/preview", post(preview))
        .route("/invoices/{id}", get(show).put(update).patch(update))
        .route("/invoices/{id}/download", post(download))
        .route("/invoices/{id}/refresh", put(refresh))
        .route("/invoices/{id}/finalize", put(finalize))
        .route("/invoices/{id}/void", post(void))
        .route("/invoices/{id}/retry_payment", post(retry_payment))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "invoices",
        [
            operation::post("/invoices", "createInvoice", "Issue a one-off invoice")
                .takes::<OneOffInvoiceInput>("invoice")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["customer", "fees", "add_on"]),
            operation::get("/invoices", "listInvoices", "List invoices")
                .notes("Newest first, without fees.")
                .lists::<wire::invoice::Output>("invoices")
                .query("external_customer_id", ParameterKind::Text("acme"), "Of this customer.")
                .query("status", ParameterKind::Words(&["draft", "finalized", "voided"]), "In one of these states.")
                .query(
                    "payment_status",
                    ParameterKind::Words(&["pending", "succeeded", "failed"]),
                    "In one of these states of payment.",
                )
                .query("issuing_date_from", ParameterKind::Date, "Issued on this day or later.")
                .query("issuing_date_to", ParameterKind::Date, "Issued on this day or earlier."),
            operation::post("/invoices/preview", "previewInvoice", "Preview invoices")
                .notes("What a change would be invoiced. Nothing is stored.")
                .takes_bare::<InvoicePreviewInput>()
                .gives_bare::<wire::preview::Output>()
                .missing(&["customer", "subscription", "plan", "tax", "billable_metrics"]),
            operation::get("/invoices/{id}", "retrieveInvoice", "Retrieve an invoice")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["invoice"]),
            operation::update("/invoices/{id}", "updateInvoice", "Update payment status and metadata of an invoice")
                .takes::<InvoiceChangeInput>("invoice")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["invoice"])
                .refuses(405, &["metadata_on_draft_invoice", "payment_status_update_on_draft_invoice"]),
            operation::post("/invoices/{id}/download", "downloadInvoice", "Make the PDF of an invoice")
                .notes("`file_url` is the permanent link to it.")
                .gives_or_empty::<wire::invoice::Output>("invoice")
                .missing(&["invoice"]),
            operation::put("/invoices/{id}/refresh", "refreshInvoice", "Compute a draft anew")
                .notes("An invoice that is no draft stays as it is.")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["invoice"]),
            operation::put("/invoices/{id}/finalize", "finalizeInvoice", "Finalize a draft")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["invoice"]),
            operation::post("/invoices/{id}/void", "voidInvoice", "Void an invoice")
                .gives::<wire::invoice::Output>("invoice")
                .missing(&["invoice"])
                .refuses(405, &["not_voidable"]),
            operation::post("/invoices/{id}/retry_payment", "retryPayment", "Ask for the payment of an invoice again")
                .missing(&["invoice"])
                .refuses(405, &["invalid_status"]),
        ],
    )
}

async fn shown(app: &App, organization: &Organization, invoice: &Invoice, includes: Includes) -> ApiResult {
    reply::one("invoice", &present::invoice(app, organization, invoice, includes).await?)
}

fn not_found() -> ApiError {
    Failure::from(Rejection::NotFound("invoice")).into()
}

fn id(text: &str) -> Result<InvoiceId, ApiError> {
    parse_id(text).ok_or_else(not_found)
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let filter = Filter::parse(call.query.pairs());
    let paging = call.query.paging();
    let (total, invoices) = invoice::list(&app, &call.organization, &filter, |total| paging.range(total)).await?;
    let outputs = present::invoices(&app, &call.organization, &invoices).await?;
    reply::page("invoices", paging, total, &outputs)
}

async fn sell(State(app): State<App>, call: Call) -> ApiResult {
    let order = wire::add_on::parse_order(call.root("invoice")?);
    let sold = add_on::sell(&app, &call.organization, &order).await?;
    shown(&app, &call.organization, &sold, Includes::Full).await
}

async fn retry_payment(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    invoice::retry_payment(&app, &call.organization, parse_id(&text)).await?;
    reply::empty()
}

async fn show(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = invoice::get(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &found, Includes::Full).await
}

async fn update(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let id = parse_id(&text);
    invoice::get(&app, &call.organization, id).await?;
    let changed = invoice::update(&app, &call.organization, id, call.root("invoice")?).await?;
    shown(&app, &call.organization, &changed, Includes::Full).await
}

async fn download(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    match document::download(&app, &call.organization, id(&text)?).await? {
        Download::Ready(invoice) => shown(&app, &call.organization, &invoice, Includes::Bare).await,
        Download::Preparing => reply::empty(),
    }
}

async fn refresh(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let refreshed = billing::refresh(&app, call.organization.id, id(&text)?).await?.ok_or_else(not_found)?;
    shown(&app, &call.organization, &refreshed, Includes::Full).await
}

async fn finalize(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = invoice::get(&app, &call.organization, parse_id(&text)).await?;
    if found.status != Status::Draft {
        return Err(not_found());
    }
    let now = app.now(&call.organization);
    let finalized = billing::finalize(&app, call.organization.id, found.id, now).await?.ok_or_else(not_found)?;
    shown(&app, &call.organization, &finalized, Includes::Full).await
}

async fn preview(State(app): State<App>, call: Call) -> ApiResult {
    let request = wire::preview::parse(&call.body)?;
    Ok(reply::json(&app::preview::invoices(&app, &call.organization, &request).await?))
}

async fn void(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let voided = invoice::void(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &voided, Includes::Full).await
}
