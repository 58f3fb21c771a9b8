//! Documents: render once, keep for ever, hand out by a link that cannot be guessed.

use std::time::Duration;

use domain::customer::Customer;
use domain::id::{InvoiceId, OrganizationId};
use domain::invoice::{Invoice, credit};
use domain::organization::Organization;
use domain::wallet::WalletTransaction;
use tokio::time;
use uuid::Uuid;

use crate::billing::Account;
use crate::jobs::DocumentJob;
use crate::ports::Renderer;
use crate::{App, Failure, Outcome, Rejection, notice, retry_on_conflict};

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

/// Asks for an invoice's PDF and waits a moment for it.
///
/// # Errors
/// 404 `invoice_not_found` unless it is final.
pub async fn download(app: &App, organization: &Organization, id: InvoiceId) -> Outcome<Download> {
    let invoice = finalized(app, organization.id, id).await?;
    if invoice.file.is_some() {
        return Ok(Download::Ready(Box::new(invoice)));
    }
    let commit = app.commit(organization).then(&DocumentJob::message(organization.id, id));
    app.execute(commit).await?;
    let deadline = time::Instant::now() + DOWNLOAD_WAIT;
    while time::Instant::now() < deadline {
        app.progress.wait(organization.id).await;
        let invoice = finalized(app, organization.id, id).await?;
        if invoice.file.is_some() {
            return Ok(Download::Ready(Box::new(invoice)));
        }
    }
    Ok(Download::Preparing)
}

async fn finalized(app: &App, organization: OrganizationId, id: InvoiceId) -> Outcome<Invoice> {
    let found = app.store.invoice(organization, id).await?.filter(|invoice| invoice.is_finalized());
    found.map(|invoice| invoice.value).ok_or_else(|| Rejection::NotFound("invoice").into())
}

/// The job: renders an invoice that has no document yet, stores it, and tells the world.
///
/// # Errors
/// `Unavailable`: the job comes again; it renders the same bytes under the same key.
pub async fn render(app: &App, renderer: &dyn Renderer, job: &DocumentJob) -> Outcome<()> {
    let (organization, id) = (OrganizationId(job.organization_id), InvoiceId(job.invoice_id));
    if let Some(found) = app.store.invoice(organization, id).await?
        && found.is_finalized()
        && found.file.is_none()
    {
        let account = Account::of(app, organization, found.customer_id).await?;
        let purchase = match credit::purchase_of(&found) {
            Some(id) => app.store.wallet_transaction(organization, id).await?.map(|purchase| purchase.value),
            None => None,
        };
        let document = InvoiceDocument {
            organization: account.organization.clone(),
            customer: account.customer.value.clone(),
            invoice: found.value.clone(),
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
        .await?;
    }
    app.finish_work(organization, job.work.as_deref()).await
}

/// A document by the token of its link.
///
/// # Errors
/// 404 for a token that was not made here.
pub async fn open(app: &App, token: &str) -> Outcome<Vec<u8>> {
    let not_found = || Failure::from(Rejection::NotFound("resource"));
    let subject = app.secrets.subject(token).ok_or_else(not_found)?;
    let (organization, invoice) = subject.split_at_checked(16).ok_or_else(not_found)?;
    let organization = OrganizationId(Uuid::from_slice(organization).map_err(|_| not_found())?);
    let invoice = InvoiceId(Uuid::from_slice(invoice).map_err(|_| not_found())?);
    let found = app.store.invoice(organization, invoice).await?.ok_or_else(not_found)?;
    let key = found.file.as_ref().ok_or_else(not_found)?;
    app.blobs.get(key).await?.ok_or_else(|| Failure::Bug(format!("document {key} is missing from the blob store")))
}
