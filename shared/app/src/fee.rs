//! Fees, as clients read them: those on invoices and those without (chapter 03, 6.5 and 6.6).
//!
//! A fee on an invoice stands in the invoice, whose id its own id names. Lists go through the invoices.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::customer::Customer;
use domain::id::{CustomerId, FeeId, InvoiceId, OrganizationId};
use domain::invoice::{self, Fee, FeePaymentStatus, Invoice, UninvoicedFee};
use domain::money::Currency;
use domain::organization::Organization;
use store::Versioned;
use wire::fee::{Context, Filter, Output};
use wire::input::Fields;

use crate::present::living_taxes;
use crate::{App, Failure, Outcome, Rejection, customer, retry_on_conflict};

/// A fee with what is known of it beside.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The fee.
    pub fee: Fee,
    /// Its invoice; none for one that stands for itself.
    pub invoice_id: Option<InvoiceId>,
    /// The customer.
    pub customer_id: CustomerId,
    /// Currency of its amounts.
    pub currency: Currency,
}

/// Where a fee stands.
enum Place {
    Alone(Versioned<UninvoicedFee>),
    On(Versioned<Invoice>, usize),
}

impl Place {
    fn found(&self) -> Option<Found> {
        match self {
            Place::Alone(fee) => Some(alone(fee)),
            Place::On(invoice, position) => invoice.fees.get(*position).map(|fee| on(invoice, fee)),
        }
    }
}

fn alone(fee: &UninvoicedFee) -> Found {
    Found { fee: fee.fee.clone(), invoice_id: None, customer_id: fee.customer_id, currency: fee.currency }
}

fn on(invoice: &Invoice, fee: &Fee) -> Found {
    Found {
        fee: fee.clone(),
        invoice_id: Some(invoice.id),
        customer_id: invoice.customer_id,
        currency: invoice.currency,
    }
}

/// A fee: one read of its own record, or of the invoice that its id names.
///
/// # Errors
/// 404 `fee_not_found`.
pub async fn get(app: &App, organization: &Organization, id: Option<FeeId>) -> Outcome<Found> {
    place(app, organization.id, id).await?.found().ok_or_else(not_found)
}

fn not_found() -> Failure {
    Rejection::NotFound("fee").into()
}

async fn place(app: &App, organization: OrganizationId, id: Option<FeeId>) -> Outcome<Place> {
    let id = id.ok_or_else(not_found)?;
    let Some((invoice, _)) = invoice::invoice_of(id) else {
        return app.store.uninvoiced_fee(organization, id).await?.map(Place::Alone).ok_or_else(not_found);
    };
    let invoice = app.store.invoice(organization, invoice).await?.ok_or_else(not_found)?;
    let position = invoice.fees.iter().position(|fee| fee.id == id).ok_or_else(not_found)?;
    Ok(Place::On(invoice, position))
}

/// Changes the payment status of a fee; a body without one changes nothing.
///
/// # Errors
/// 404 `fee_not_found`; 405 `invoiceable_fee` for usage that is paid with its invoice; 422.
pub async fn update(app: &App, organization: &Organization, id: Option<FeeId>, fields: Fields<'_>) -> Outcome<Found> {
    app.until_no_conflict(|| async {
        let place = place(app, organization.id, id).await?;
        let found = place.found().ok_or_else(not_found)?;
        if found.fee.charge().is_some_and(|charge| charge.invoiceable) {
            return Err(Failure::from(Rejection::NotAllowed("invoiceable_fee")).into());
        }
        let status: Option<FeePaymentStatus> = wire::fee::parse_update(fields).map_err(Failure::from)?;
        let Some(status) = status else { return Ok(found) };
        let now = app.now(organization);
        let fee = Fee { payment: found.fee.payment.said(status, now), ..found.fee.clone() };
        let commit = app.commit(organization);
        let commit = match &place {
            Place::Alone(read) => commit.update(read, &UninvoicedFee { fee: fee.clone(), ..read.value.clone() }),
            Place::On(read, position) => {
                let mut invoice = Invoice { updated_at: now, ..read.value.clone() };
                if let Some(place) = invoice.fees.get_mut(*position) {
                    place.clone_from(&fee);
                }
                commit.update_invoice(read, &invoice)
            }
        };
        retry_on_conflict(app.execute(commit).await)?;
        Ok(Found { fee, ..found })
    })
    .await
}

/// A part of the fees that a filter asks for, oldest first, and how many there are.
///
/// Reads the invoices and the fees without invoice of the organization, or of the customers that the filter names.
///
/// # Errors
/// The table did not answer.
pub async fn list(
    app: &App,
    organization: &Organization,
    filter: &Filter,
    range: impl Fn(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<Found>)> {
    let mut fees = Vec::new();
    for customer in customers(app, organization.id, filter).await? {
        for read in app.store.list_invoices(organization.id, customer, |total| 0..total).await?.entries {
            // One with very many fees is listed without them.
            let invoice = match read.version {
                store::items::invoice::LISTED_VERSION => app.store.invoice(organization.id, read.id).await?,
                _ => Some(read),
            };
            let Some(invoice) = invoice else { continue };
            let wanted = invoice.fees.iter().enumerate().filter(|(_, fee)| filter.matches(fee, invoice.currency));
            fees.extend(wanted.map(|(place, fee)| ((fee.created_at, invoice.created_seq, place), on(&invoice, fee))));
        }
        for fee in app.store.list_uninvoiced_fees(organization.id, customer, |total| 0..total).await?.entries {
            if filter.matches(&fee.fee, fee.currency) {
                fees.push(((fee.fee.created_at, fee.created_seq, 0), alone(&fee)));
            }
        }
    }
    fees.sort_by_key(|(place, _)| *place);
    let total = fees.len();
    Ok((total, fees.drain(range(total)).map(|(_, fee)| fee).collect()))
}

/// Whose fees a filter asks for: every customer's (none), or those that its external ids name.
async fn customers(app: &App, organization: OrganizationId, filter: &Filter) -> Outcome<Vec<Option<CustomerId>>> {
    let of_customer = match &filter.external_customer_id {
        Some(external_id) => Some(customer::ever_called(app, organization, external_id).await?),
        None => None,
    };
    let of_subscription = match &filter.external_subscription_id {
        Some(external_id) => {
            let chain = app.store.chain(organization, external_id).await?;
            let members = chain.map(|chain| chain.value.members).unwrap_or_default();
            let mut customers: Vec<CustomerId> = members.iter().map(|member| member.customer_id).collect();
            customers.sort_unstable();
            customers.dedup();
            Some(customers)
        }
        None => None,
    };
    Ok(match (of_customer, of_subscription) {
        (None, None) => vec![None],
        (Some(customers), None) | (None, Some(customers)) => customers.into_iter().map(Some).collect(),
        (Some(customers), Some(others)) => {
            customers.into_iter().filter(|customer| others.contains(customer)).map(Some).collect()
        }
    })
}

/// Fees as the fee endpoints show them, in the order given: each customer is read once.
///
/// # Errors
/// The table did not answer.
pub async fn shown(app: &App, organization: &Organization, fees: &[Found]) -> Outcome<Vec<Output>> {
    let mut customers: BTreeMap<CustomerId, Customer> = BTreeMap::new();
    let living = living_taxes(app, organization.id).await?;
    let mut outputs = Vec::with_capacity(fees.len());
    for Found { fee, invoice_id, customer_id, currency } in fees {
        if !customers.contains_key(customer_id) {
            let found = app.store.customer(organization.id, *customer_id).await?;
            let found = found.ok_or_else(|| Failure::Bug(format!("customer {customer_id} of a fee is missing")))?;
            customers.insert(*customer_id, found.value);
        }
        if let Some(customer) = customers.get(customer_id) {
            let context = Context { invoice_id: *invoice_id, customer, currency: *currency };
            outputs.push(Output::with_applied_taxes(fee, context).with_living_taxes(|id| living.contains(&id)));
        }
    }
    Ok(outputs)
}
