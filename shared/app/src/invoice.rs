//! Invoices, as clients handle them: payment status, metadata, void. Rules: chapter 04, 6.6 and 7.

use domain::customer::Metadata;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, PaymentStatus, Status};
use domain::organization::Organization;
use store::Versioned;
use wire::input::Fields;
use wire::invoice::UpdateError;

use crate::billing::account_of;
use crate::{App, Failure, Outcome, Rejection, notice, retry_on_conflict};

/// An invoice.
///
/// # Errors
/// 404 `invoice_not_found`.
pub async fn get(app: &App, organization: &Organization, id: Option<InvoiceId>) -> Outcome<Versioned<Invoice>> {
    let found = match id {
        Some(id) => app.store.invoice(organization.id, id).await?,
        None => None,
    };
    found.ok_or_else(|| Rejection::NotFound("invoice").into())
}

/// Changes payment status and metadata (chapter 04, 7.1).
///
/// # Errors
/// 404, 405, 422 in the chapter's order.
pub async fn update(app: &App, organization: &Organization, id: Option<InvoiceId>, fields: Fields<'_>) -> Outcome<Invoice> {
    app.until_no_conflict(async || {
        let found = get(app, organization, id).await?;
        let update = wire::invoice::parse_update(fields, &found).map_err(|error| match error {
            UpdateError::NotAllowed(code) => Failure::from(Rejection::NotAllowed(code)),
            UpdateError::Invalid(problems) => problems.into(),
        })?;
        let now = app.now(organization);
        let mut invoice = Invoice { updated_at: now, ..found.value.clone() };
        if let Some(status) = update.payment_status {
            invoice.payment_status = status;
            invoice.fees.iter_mut().for_each(|fee| fee.payment_status = status);
        }
        if let Some(wanted) = update.metadata {
            let kept = |id| found.metadata.iter().find(|entry| Some(entry.id) == id);
            invoice.metadata = wanted
                .into_iter()
                .map(|entry| Metadata {
                    id: entry.id.unwrap_or_else(|| app.ids.uuid().into()),
                    created_at: kept(entry.id).map_or(now, |kept| kept.created_at),
                    key: entry.key,
                    value: entry.value,
                    display_in_invoice: false,
                })
                .collect();
        }
        let mut commit = app.commit(organization).update_invoice(&found, &invoice);
        if invoice.payment_status != found.payment_status {
            let account = account_of(app, organization.id, &invoice).await?;
            for message in notice::of_payment_status(app, &account, &invoice)? {
                commit = commit.then(&message);
            }
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(invoice)
    })
    .await
}

/// Gives an invoice up (chapter 04, 6.6).
///
/// # Errors
/// 404; 405 `not_voidable` unless it is final and unpaid.
pub async fn void(app: &App, organization: &Organization, id: Option<InvoiceId>) -> Outcome<Invoice> {
    app.until_no_conflict(async || {
        let found = get(app, organization, id).await?;
        if !found.is_finalized() || found.payment_status == PaymentStatus::Succeeded {
            return Err(Failure::from(Rejection::NotAllowed("not_voidable")).into());
        }
        let now = app.now(organization);
        let invoice = Invoice { status: Status::Voided { voided_at: now }, updated_at: now, ..found.value.clone() };
        let account = account_of(app, organization.id, &invoice).await?;
        let mut commit = app.commit(organization).update_invoice(&found, &invoice);
        for message in notice::of_invoice(app, &account, &invoice, &[], now)? {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(invoice)
    })
    .await
}
