//! Credit notes (chapter 05, 2.13).

use app::document::{self, NoteDownload};
use app::organization::parse_id;
use app::{App, credit_note, present};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use domain::credit_note::CreditNote;
use domain::organization::Organization;
use wire::schema::inputs::{CreditNoteEstimateInput, CreditNoteInput, CreditNoteRefundInput};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/credit_notes", get(list).post(create))
        .route("/credit_notes/estimate", post(estimate))
        .route("/credit_notes/{id}", get(show).put(update).patch(update))
        .route("/credit_notes/{id}/download", post(download))
        .route("/credit_notes/{id}/void", put(void))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "credit_notes",
        [
            operation::post("/credit_notes", "createCreditNote", "Issue a credit note")
                .takes::<CreditNoteInput>("credit_note")
                .gives::<wire::credit_note::Output>("credit_note")
                .missing(&["invoice", "fee"])
                .refuses(405, &["invalid_type_or_status"]),
            operation::get("/credit_notes", "listCreditNotes", "List credit notes")
                .notes("Newest first, without items.")
                .lists::<wire::credit_note::Output>("credit_notes")
                .query("external_customer_id", ParameterKind::Text("acme"), "Of this customer."),
            operation::post("/credit_notes/estimate", "estimateCreditNote", "Estimate a credit note")
                .notes("What could be credited and refunded. Nothing is stored.")
                .takes::<CreditNoteEstimateInput>("credit_note")
                .gives::<wire::credit_note::Estimate>("estimated_credit_note")
                .missing(&["invoice", "fee"])
                .refuses(405, &["invalid_type_or_status"]),
            operation::get("/credit_notes/{id}", "retrieveCreditNote", "Retrieve a credit note")
                .gives::<wire::credit_note::Output>("credit_note")
                .missing(&["credit_note"]),
            operation::update("/credit_notes/{id}", "updateCreditNote", "Update the refund status of a credit note")
                .takes::<CreditNoteRefundInput>("credit_note")
                .gives::<wire::credit_note::Output>("credit_note")
                .missing(&["credit_note"]),
            operation::post("/credit_notes/{id}/download", "downloadCreditNote", "Make the PDF of a credit note")
                .notes("`file_url` is the permanent link to it.")
                .gives_or_empty::<wire::credit_note::Output>("credit_note")
                .missing(&["credit_note"]),
            operation::put("/credit_notes/{id}/void", "voidCreditNote", "Void what is left of a credit note")
                .gives::<wire::credit_note::Output>("credit_note")
                .missing(&["credit_note"])
                .refuses(405, &["no_voidable_amount"]),
        ],
    )
}

async fn shown(app: &App, organization: &Organization, note: &CreditNote) -> ApiResult {
    reply::one("credit_note", &present::credit_note(app, organization, note).await?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let (note, _) = credit_note::create(&app, &call.organization, call.root("credit_note")?).await?;
    shown(&app, &call.organization, &note).await
}

async fn estimate(State(app): State<App>, call: Call) -> ApiResult {
    let estimate = credit_note::estimate(&app, &call.organization, call.root("credit_note")?).await?;
    reply::one("estimated_credit_note", &estimate)
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let (paging, customer) = (call.query.paging(), call.query.get("external_customer_id"));
    let (total, notes) = credit_note::list(&app, &call.organization, customer, |total| paging.range(total)).await?;
    reply::page("credit_notes", paging, total, &present::credit_notes(&app, &call.organization, &notes).await?)
}

async fn show(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = credit_note::get(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &found).await
}

async fn update(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let id = parse_id(&text);
    credit_note::get(&app, &call.organization, id).await?;
    let changed = credit_note::update(&app, &call.organization, id, call.root("credit_note")?).await?;
    shown(&app, &call.organization, &changed).await
}

async fn download(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    match document::download_note(&app, &call.organization, parse_id(&text)).await? {
        NoteDownload::Ready(note) => {
            reply::one("credit_note", &present::bare_credit_note(&app, &call.organization, &note))
        }
        NoteDownload::Preparing => reply::empty(),
    }
}

async fn void(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let voided = credit_note::void(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &voided).await
}
