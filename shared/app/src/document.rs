//! Documents: render once, keep for ever, hand out by a link that cannot be guessed.

use std::time::Duration;

use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::id::{CreditNoteId, FeeId, InvoiceId, OrganizationId};
use domain::invoice::{Invoice, credit};
use domain::organization::Organization;
use domain::usage::daily::Movement;
use domain::wallet::WalletTransaction;
use tokio::time;
use uuid::Uuid;

use crate::billing::Account;
use crate::jobs::{DocumentJob, DocumentSubject};
use crate::ports::Renderer;
use crate::{App, Failure, Outcome, Rejection, credit_note, explain, notice, retry_on_conflict};

/// How long a download waits for the document (chapter 09, behaviour 6).
const DOWNLOAD_WAIT: Duration = Duration::from_secs(2);

/// Everything that the page of an invoice shows: names and addresses as they are when it is rendered, for the first and
/// only time.
#[derive(Debug, Clone)]
pub struct InvoiceDocument {
    /// The issuer.
    pub organization: Organization,
    /// The addressee.
    pub customer: Customer,
    /// The final invoice.
    pub invoice: Invoice,
    /// The purchase that a credit invoice sells.
    pub purchase: Option<WalletTransaction>,
    /// The daily movements of the fees that show them.
    pub breakdowns: Vec<(FeeId, Vec<Movement>)>,
}

/// Marks the links of credit notes.
const NOTE: &[u8] = b"n";

/// Everything that the page of a credit note shows: names and addresses as they are when it is rendered.
#[derive(Debug, Clone)]
pub struct CreditNoteDocument {
    /// The issuer.
    pub organization: Organization,
    /// The addressee.
    pub customer: Customer,
    /// The final note.
    pub note: CreditNote,
    /// The invoice that it gives back of, for the fees.
    pub invoice: Invoice,
}

/// What a download of a credit note found.
#[derive(Debug, Clone)]
pub enum NoteDownload {
    /// The document is there: the note, with its link.
    Ready(Box<CreditNote>),
    /// It is being made; `credit_note.generated` follows.
    Preparing,
}

/// What a download found.
#[derive(Debug, Clone)]
pub enum Download {
    /// The document is there: the invoice, with its link.
    Ready(Box<Invoice>),
    /// It is being made; `invoice.generated` follows.
    Preparing,
}

/// The permanent link to an invoice's PDF, once it was made (chapter 06, 12: `file_url`).
#[must_use]
pub fn file_url(app: &App, organization: OrganizationId, invoice: &Invoice) -> Option<String> {
    invoice.file.as_ref()?;
    let subject = [*organization.0.as_bytes(), *invoice.id.0.as_bytes()].concat();
    let token = app.secrets.token(&subject);
    Some(format!("{}/documents/{token}/{}.pdf", app.settings.public_url, file_name(&invoice.number)))
}

/// The invoice's number as part of a URL: prefixes may hold any character.
fn file_name(number: &str) -> String {
    number
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' })
        .collect()
}

/// The permanent link to a credit note's PDF, once it was made (chapter 06, 13: `file_url`).
#[must_use]
pub fn note_url(app: &App, organization: OrganizationId, note: &CreditNote) -> Option<String> {
    note.file.as_ref()?;
    // One byte more than an invoice's: the two never name each other's document.
    let subject = [organization.0.as_bytes().as_slice(), note.id.0.as_bytes(), NOTE].concat();
    let token = app.secrets.token(&subject);
    Some(format!("{}/documents/{token}/{}.pdf", app.settings.public_url, file_name(&note.number)))
}

/// Asks for an invoice's PDF and waits a moment for it.
///
/// # Errors
/// 404 `invoice_not_found` unless it is final.
pub async fn download(app: &App, organization: &Organization, id: InvoiceId) -> Outcome<Download> {
    let load = || finalized(app, organization.id, id);
    let made = made(app, organization, DocumentSubject::Invoice(id.0), load, |invoice| invoice.file.is_some()).await?;
    Ok(made.map_or(Download::Preparing, |invoice| Download::Ready(Box::new(invoice))))
}

/// Asks for a credit note's PDF and waits a moment for it.
///
/// # Errors
/// 404 `credit_note_not_found`, also for notes of drafts.
pub async fn download_note(app: &App, organization: &Organization, id: Option<CreditNoteId>) -> Outcome<NoteDownload> {
    let load = || visible(app, organization, id);
    let subject = DocumentSubject::CreditNote(load().await?.id.0);
    let made = made(app, organization, subject, load, |note| note.file.is_some()).await?;
    Ok(made.map_or(NoteDownload::Preparing, |note| NoteDownload::Ready(Box::new(note))))
}

/// What `load` gives once its document is there; asks for it first if it is not. None if it takes too long.
async fn made<T, F: Future<Output = Outcome<T>> + Send>(
    app: &App,
    organization: &Organization,
    subject: DocumentSubject,
    load: impl Fn() -> F,
    is_made: impl Fn(&T) -> bool,
) -> Outcome<Option<T>> {
    let found = load().await?;
    if is_made(&found) {
        return Ok(Some(found));
    }
    let commit = app.commit(organization).then(&DocumentJob::message(organization.id, subject));
    app.execute(commit).await?;
    let deadline = time::Instant::now() + DOWNLOAD_WAIT;
    while time::Instant::now() < deadline {
        app.progress.wait(organization.id).await;
        let found = load().await?;
        if is_made(&found) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn visible(app: &App, organization: &Organization, id: Option<CreditNoteId>) -> Outcome<CreditNote> {
    Ok(credit_note::get(app, organization, id).await?.value)
}

async fn finalized(app: &App, organization: OrganizationId, id: InvoiceId) -> Outcome<Invoice> {
    let found = app.store.invoice(organization, id).await?.filter(|invoice| invoice.is_finalized());
    found.map(|invoice| invoice.value).ok_or_else(|| Rejection::NotFound("invoice").into())
}

/// The job: renders what has no document yet, stores it, and tells the world.
///
/// # Errors
/// `Unavailable`: the job comes again; it renders the same bytes under the same key.
pub async fn render(app: &App, renderer: &dyn Renderer, job: &DocumentJob) -> Outcome<()> {
    let organization = OrganizationId(job.organization_id);
    match job.subject {
        DocumentSubject::Invoice(id) => render_invoice(app, renderer, organization, InvoiceId(id)).await?,
        DocumentSubject::CreditNote(id) => render_note(app, renderer, organization, CreditNoteId(id)).await?,
    }
    app.finish_work(organization, job.work.as_deref()).await
}

async fn render_invoice(
    app: &App,
    renderer: &dyn Renderer,
    organization: OrganizationId,
    id: InvoiceId,
) -> Outcome<()> {
    let is_wanted = |invoice: &Invoice| invoice.is_finalized() && invoice.file.is_none();
    let Some(found) = app.store.invoice(organization, id).await?.filter(|invoice| is_wanted(invoice)) else {
        return Ok(());
    };
    let account = Account::of(app, organization, found.customer_id).await?;
    let purchase = match credit::purchase_of(&found) {
        Some(id) => app.store.wallet_transaction(organization, id).await?.map(|purchase| purchase.value),
        None => None,
    };
    let document = InvoiceDocument {
        organization: account.organization.clone(),
        customer: account.customer.value.clone(),
        breakdowns: explain::breakdowns(app, organization, &found).await?,
        invoice: found.value,
        purchase,
    };
    let key = format!("{}/invoices/{}.pdf", organization.0.simple(), id.0.simple());
    let bytes = renderer.invoice(&document).await?;
    app.blobs.put(&key, "application/pdf", bytes).await?;
    app.until_no_conflict(|| async {
        let Some(found) = app.store.invoice(organization, id).await? else { return Ok(()) };
        if found.file.is_some() {
            return Ok(());
        }
        let invoice = Invoice { file: Some(key.clone()), ..found.value.clone() };
        let mut commit = app.commit(&account.organization).update_invoice(&found, &invoice);
        for message in notice::of_generated(app, &account, &invoice)? {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)
    })
    .await
}

async fn render_note(
    app: &App,
    renderer: &dyn Renderer,
    organization: OrganizationId,
    id: CreditNoteId,
) -> Outcome<()> {
    let Some(found) = app.store.credit_note(organization, id).await?.filter(|note| note.file.is_none()) else {
        return Ok(());
    };
    let account = Account::of(app, organization, found.customer_id).await?;
    let invoice = app.store.invoice(organization, found.invoice_id).await?;
    let invoice = invoice.ok_or_else(|| Failure::Bug(format!("invoice {} is missing", found.invoice_id)))?;
    let document = CreditNoteDocument {
        organization: account.organization.clone(),
        customer: account.customer.value.clone(),
        note: found.value,
        invoice: invoice.value,
    };
    let key = format!("{}/credit_notes/{}.pdf", organization.0.simple(), id.0.simple());
    let bytes = renderer.credit_note(&document).await?;
    app.blobs.put(&key, "application/pdf", bytes).await?;
    app.until_no_conflict(|| async {
        let Some(found) = app.store.credit_note(organization, id).await? else { return Ok(()) };
        if found.file.is_some() {
            return Ok(());
        }
        let note = CreditNote { file: Some(key.clone()), ..found.value.clone() };
        let mut commit = app.commit(&account.organization).update_credit_note(&found, &note);
        for message in notice::of_generated_note(app, &account, &note) {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)
    })
    .await
}

/// A document by the token of its link.
///
/// # Errors
/// 404 for a token that was not made here.
pub async fn open(app: &App, token: &str) -> Outcome<Vec<u8>> {
    let not_found = || Failure::from(Rejection::NotFound("resource"));
    let subject = app.secrets.subject(token).ok_or_else(not_found)?;
    let (organization, rest) = subject.split_at_checked(16).ok_or_else(not_found)?;
    let (id, kind) = rest.split_at_checked(16).ok_or_else(not_found)?;
    let organization = OrganizationId(Uuid::from_slice(organization).map_err(|_| not_found())?);
    let id = Uuid::from_slice(id).map_err(|_| not_found())?;
    let key = match kind {
        NOTE => app.store.credit_note(organization, CreditNoteId(id)).await?.and_then(|note| note.value.file),
        [] => app.store.invoice(organization, InvoiceId(id)).await?.and_then(|invoice| invoice.value.file),
        // A token that opens something else.
        [..] => None,
    };
    let key = key.ok_or_else(not_found)?;
    app.blobs.get(&key).await?.ok_or_else(|| Failure::Bug(format!("document {key} is missing from the blob store")))
}
