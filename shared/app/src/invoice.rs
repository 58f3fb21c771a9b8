//! Invoices, as clients handle them: payment status, metadata, void. Rules: chapter 04, 6.6 and 7.

use std::cmp::Reverse;
use std::ops::Range;

use domain::analytics;
use domain::customer::Metadata;
use domain::id::InvoiceId;
use domain::invoice::{Invoice, PaymentStatus, Status};
use domain::organization::Organization;
use store::Versioned;
use wire::input::Fields;
use wire::invoice::{Filter, UpdateError};

use crate::billing::Account;
use crate::present::living_taxes;
use crate::{App, Failure, Outcome, Rejection, credit_note, customer, notice, retry_on_conflict};

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
pub async fn update(
    app: &App,
    organization: &Organization,
    id: Option<InvoiceId>,
    fields: Fields<'_>,
) -> Outcome<Invoice> {
    app.until_no_conflict(|| async {
        let found = get(app, organization, id).await?;
        let update = wire::invoice::parse_update(fields, &found).map_err(|error| match error {
            UpdateError::NotAllowed(code) => Failure::from(Rejection::NotAllowed(code)),
            UpdateError::Invalid(problems) => problems.into(),
        })?;
        let now = app.now(organization);
        let mut invoice = Invoice { updated_at: now, ..found.value.clone() };
        if let Some(status) = update.payment_status {
            invoice.payment_status = status;
            invoice.fees.iter_mut().for_each(|fee| fee.payment.status = status.into());
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
        if update.payment_status.is_some() {
            commit = crate::wallet::settle(app, organization, commit, &invoice, now).await?;
        }
        if invoice.payment_status != found.payment_status {
            let account = Account::of(app, organization.id, invoice.customer_id).await?;
            for message in notice::of_payment_status(app, &account, &invoice)? {
                commit = commit.then(&message);
            }
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(invoice)
    })
    .await
}

/// Gives an invoice up, and back to the credit notes that paid a part of it (chapter 04, 6.6).
///
/// # Errors
/// 404; 405 `not_voidable` unless it is final and unpaid, and all its credit notes are voided.
pub async fn void(app: &App, organization: &Organization, id: Option<InvoiceId>) -> Outcome<Invoice> {
    app.until_no_conflict(|| async {
        let found = get(app, organization, id).await?;
        if !found.is_finalized() || found.payment_status == PaymentStatus::Succeeded {
            return Err(Failure::from(Rejection::NotAllowed("not_voidable")).into());
        }
        let Some(refunded) = credit_note::refunded_if_voidable(app, organization.id, &found).await? else {
            return Err(Failure::from(Rejection::NotAllowed("not_voidable")).into());
        };
        let now = app.now(organization);
        let invoice = Invoice { status: Status::Voided { voided_at: now }, updated_at: now, ..found.value.clone() };
        let account = Account::of(app, organization.id, invoice.customer_id).await?;
        // A voided invoice has no revenue that its refunds could reduce.
        let not_refunded = analytics::of_refund(&found, -refunded);
        let commit = app.commit(organization).update_invoice(&found, &invoice).count(invoice.customer_id, not_refunded);
        let commit = credit_note::give_back(app, organization.id, &invoice, commit, now).await?;
        let mut commit = crate::wallet::give_back(app, organization, commit, &invoice, now).await?;
        let shown = without_deleted_taxes(app, organization, &invoice).await?;
        for message in notice::of_invoice(app, &account, &shown, &[], now)? {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(invoice)
    })
    .await
}

/// An older invoice as its webhooks show it: without the rows of taxes that were deleted since (chapter 04, 5.3).
async fn without_deleted_taxes(app: &App, organization: &Organization, invoice: &Invoice) -> Outcome<Invoice> {
    let mut shown = invoice.clone();
    if !organization.endpoints.is_empty() {
        let living = living_taxes(app, organization.id).await?;
        shown.taxes.retain(|row| living.contains(&row.tax.tax_id));
    }
    Ok(shown)
}

/// Announces an unpaid invoice once more, as when it was made (chapter 04, 7.2).
///
/// # Errors
/// 404; 405 `invalid_status` for a draft, a voided or a paid one.
pub async fn retry_payment(app: &App, organization: &Organization, id: Option<InvoiceId>) -> Outcome<()> {
    let found = get(app, organization, id).await?;
    if !found.is_finalized() || found.payment_status == PaymentStatus::Succeeded {
        return Err(Rejection::NotAllowed("invalid_status").into());
    }
    let account = Account::of(app, organization.id, found.customer_id).await?;
    let mut commit = app.commit(organization);
    let shown = without_deleted_taxes(app, organization, &found).await?;
    for message in notice::of_invoice(app, &account, &shown, &[], app.now(organization))? {
        commit = commit.then(&message);
    }
    Ok(app.execute(commit).await?)
}

/// A part of the invoices that a filter asks for, newest first, and how many there are.
///
/// # Errors
/// The table did not answer.
pub async fn list(
    app: &App,
    organization: &Organization,
    filter: &Filter,
    range: impl Fn(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<Invoice>)> {
    let customers = match &filter.external_customer_id {
        Some(external_id) => {
            customer::ever_called(app, organization.id, external_id).await?.into_iter().map(Some).collect()
        }
        None => vec![None],
    };
    let filters_nothing = Filter { external_customer_id: None, ..filter.clone() } == Filter::default();
    // The index alone answers when there is nothing to look at in the invoices.
    if let ([customer], true) = (customers.as_slice(), filters_nothing) {
        let listed = app.store.list_invoices(organization.id, *customer, range).await?;
        return Ok((listed.total, listed.entries.into_iter().map(|invoice| invoice.value).collect()));
    }
    let mut found = Vec::new();
    for customer in customers {
        let listed = app.store.list_invoices(organization.id, customer, |total| 0..total).await?;
        found.extend(listed.entries.into_iter().map(|invoice| invoice.value).filter(|invoice| filter.matches(invoice)));
    }
    found.sort_by_key(|invoice| Reverse((invoice.created_at, invoice.created_seq)));
    let total = found.len();
    Ok((total, found.drain(range(total)).collect()))
}
