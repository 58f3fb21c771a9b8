//! Add-ons, and one-off invoices that sell them. Rules: chapter 04, 8.

use domain::add_on::{self, AddOn, AddOnUpdate, NewAddOn};
use domain::customer::{Customer, Editable};
use domain::id::{AddOnId, OrganizationId};
use domain::invoice::one_off::{self, Order, Sale};
use domain::invoice::{self, Invoice, Place, Sequence};
use domain::organization::Organization;
use domain::problem::{Problems, codes};
use domain::tax::Tax;
use store::Versioned;
use store::alias::{Alias, kinds};
use wire::add_on::Output;

use crate::billing::{Account, Numbering};
use crate::catalogue::{Names, is_taken, renamed, with_taken};
use crate::{App, Failure, Outcome, Rejection, customer, notice, present, retry_on_conflict};

/// Creates an add-on.
///
/// # Errors
/// 404 `tax_not_found`, 422.
pub async fn create(app: &App, organization: &Organization, new: NewAddOn, tax_codes: &[String]) -> Outcome<AddOn> {
    app.until_no_conflict(|| async {
        let tax_ids = Names::load(app, organization.id).await?.tax_ids(tax_codes)?;
        let taken = is_taken(app, organization.id, kinds::ADD_ON, new.code.as_ref(), None).await?;
        let id = AddOnId(app.ids.uuid());
        let valid = add_on::create(new.clone(), tax_ids, id, app.now(organization), app.ids.sequence());
        let add_on = with_taken(valid, taken)?;
        let commit = app.commit(organization).create(&add_on).claim(&Alias::new(kinds::ADD_ON, &add_on.code, id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(add_on)
    })
    .await
}

/// An add-on that is not deleted, by its code.
///
/// # Errors
/// 404 `add_on_not_found`.
pub async fn by_code(app: &App, organization: OrganizationId, code: &str) -> Outcome<Versioned<AddOn>> {
    app.store.add_on_by_code(organization, code).await?.ok_or_else(|| Rejection::NotFound("add_on").into())
}

/// Changes an add-on. Fees that were made of it stay as they are.
///
/// # Errors
/// 404 `add_on_not_found`, `tax_not_found`; 422.
pub async fn update(
    app: &App,
    organization: &Organization,
    code: &str,
    update: AddOnUpdate,
    tax_codes: Option<&[String]>,
) -> Outcome<AddOn> {
    app.until_no_conflict(|| async {
        let found = by_code(app, organization.id, code).await?;
        let tax_ids = match tax_codes {
            Some(codes) => Some(Names::load(app, organization.id).await?.tax_ids(codes)?),
            None => None,
        };
        let code = update.code.as_ref().and_then(Option::as_ref);
        let taken = is_taken(app, organization.id, kinds::ADD_ON, code, Some(found.id.0)).await?;
        let add_on = with_taken(add_on::edit(&found, update.clone(), tax_ids), taken)?;
        let commit = app.commit(organization).update(&found, &add_on);
        let commit = renamed(commit, kinds::ADD_ON, &found.code, &add_on.code, add_on.id.0);
        retry_on_conflict(app.execute(commit).await)?;
        Ok(add_on)
    })
    .await
}

/// Deletes an add-on: its code is free, old fees keep what they say.
///
/// # Errors
/// 404 `add_on_not_found`.
pub async fn delete(app: &App, organization: &Organization, code: &str) -> Outcome<AddOn> {
    app.until_no_conflict(|| async {
        let found = by_code(app, organization.id, code).await?;
        let add_on = AddOn { deleted_at: Some(app.now(organization)), ..found.value.clone() };
        let commit = app.commit(organization).update(&found, &add_on).release(kinds::ADD_ON, &found.code);
        retry_on_conflict(app.execute(commit).await)?;
        Ok(add_on)
    })
    .await
}

/// Add-ons with their taxes, in the order given.
///
/// # Errors
/// The table did not answer.
pub async fn shown(app: &App, organization: OrganizationId, add_ons: &[AddOn]) -> Outcome<Vec<Output>> {
    let ids = add_ons.iter().flat_map(|add_on| add_on.tax_ids.iter().copied()).collect();
    let taxes = present::taxes_of(app, organization, &ids).await?;
    let output = |add_on: &AddOn| {
        let own = taxes.iter().filter(|(id, _)| add_on.tax_ids.contains(id));
        Output::new(add_on, own.map(|(_, tax)| tax.clone()).collect())
    };
    Ok(add_ons.iter().map(output).collect())
}

/// Sells add-ons: one invoice, final at once (chapter 04, 8.2).
///
/// # Errors
/// The rows of the chapter's table, in its order.
pub async fn sell(app: &App, organization: &Organization, order: &Order) -> Outcome<Invoice> {
    app.until_no_conflict(|| async {
        let external_id = order.external_customer_id.as_deref().unwrap_or_default();
        let holder = customer::by_external_id(app, organization.id, external_id).await?;
        if order.lines.is_empty() {
            return Err(Failure::from(Rejection::NotFound("fees")).into());
        }
        let mut add_ons = Vec::with_capacity(order.lines.len());
        for line in &order.lines {
            let code = line.add_on_code.as_deref().unwrap_or_default();
            add_ons.push(by_code(app, organization.id, code).await?.value);
        }
        let mut account = Account::of(app, organization.id, holder.value.id).await?;
        let editable = customer::editable_account(&account) == Editable::Yes;
        let currency = order.currency(account.customer.currency, editable).map_err(Failure::from)?;
        one_off::problems(order).or(()).map_err(Failure::from)?;

        let taxes: Vec<Tax> = app.store.taxes(organization.id).await?.into_iter().map(|tax| tax.value).collect();
        let sale =
            |(line, add_on)| Sale { line, add_on, taxes: one_off::taxes_of(line, add_on, &account.customer, &taxes) };
        let sales: Vec<Sale<'_>> = order.lines.iter().zip(&add_ons).map(sale).collect();
        let now = app.now(organization);
        let numbering = Numbering::load(app, organization, now).await?;
        let of_customer = account.customer.last_invoice_sequence + 1;
        let place =
            Place { sequence: Sequence { of_customer, of_month: numbering.next() }, created_seq: app.ids.sequence() };
        let id = invoice::room_for_fees(app.ids.uuid());
        let sold = one_off::invoice(organization, &account.customer, currency, &sales, (id, now, place));
        // Whoever asks for more than 64 bits of minor units asks for too much.
        let sold = sold.map_err(|_| Problems::one("unit_amount_cents", codes::OUT_OF_RANGE))?;
        let broken = invoice::violations(&sold);
        if !broken.is_empty() {
            return Err(Failure::Bug(broken.join("; ")).into());
        }

        let changed =
            Customer { currency: Some(currency), last_invoice_sequence: of_customer, ..account.customer.value.clone() };
        let commit = app.commit(organization).create_invoice(&sold).update(&account.customer, &changed);
        let mut commit = numbering.count(commit, &account);
        account.customer.value = changed;
        for message in notice::of_invoice(app, &account, &sold, &[], now)? {
            commit = commit.then(&message);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(sold)
    })
    .await
}
