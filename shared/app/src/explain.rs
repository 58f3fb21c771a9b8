//! Why a fee is what it is: its explanation, and the very events that decided it.

use domain::billing::explain::{inputs, seen, tell};
use domain::id::{CustomerId, FeeId, InvoiceId, OrganizationId};
use domain::invoice::{self, Basis, ChargeItem, Fee, FeeItem, Invoice, UsageBasis};
use domain::metric::Metric;
use domain::money::Currency;
use domain::organization::Organization;
use domain::time::Zone;
use domain::usage::daily::{Movement, daily};
use domain::usage::event::Event;
use store::usage::Wanted;
use wire::explanation::Output;

use crate::usage::Span;
use crate::{App, Failure, Outcome, Rejection, catalogue};

/// A fee with what its explanation needs beside it.
struct Found {
    fee: Fee,
    invoice: Option<InvoiceId>,
    currency: Currency,
    customer: CustomerId,
    zone: Zone,
}

async fn find(app: &App, organization: &Organization, id: Option<FeeId>) -> Outcome<Found> {
    let missing = || Failure::from(Rejection::NotFound("fee"));
    let id = id.ok_or_else(missing)?;
    let Some((invoice, _)) = invoice::invoice_of(id) else {
        let alone = app.store.uninvoiced_fee(organization.id, id).await?.ok_or_else(missing)?.value;
        let customer = app.store.customer(organization.id, alone.customer_id).await?.ok_or_else(missing)?;
        let zone = customer.zone(organization);
        return Ok(Found {
            fee: alone.fee,
            invoice: None,
            currency: alone.currency,
            customer: alone.customer_id,
            zone,
        });
    };
    let invoice = app.store.invoice(organization.id, invoice).await?.ok_or_else(missing)?.value;
    let (invoice_id, currency, customer, zone) = (invoice.id, invoice.currency, invoice.customer_id, invoice.zone);
    let fee = invoice.fees.into_iter().find(|fee| fee.id == id).ok_or_else(missing)?;
    Ok(Found { fee, invoice: Some(invoice_id), currency, customer, zone })
}

/// The explanation of a fee, true to its billing: prices, metric and window are those that the fee was computed with.
///
/// Costs the fee's invoice and, for usage, one read of the log.
///
/// # Errors
/// 404 `fee_not_found`.
pub async fn explanation(app: &App, organization: &Organization, id: Option<FeeId>) -> Outcome<Output> {
    let found = find(app, organization, id).await?;
    let Found { fee, invoice, currency, zone, .. } = &found;
    let bare = |kind| Output::bare(fee, *invoice, *currency, kind);
    Ok(match &fee.item {
        FeeItem::Charge(item) => {
            let bare = bare(kind_of(item));
            match &item.basis {
                Some(Basis::Usage(basis)) if item.event.is_some() => bare.of_event(item, basis),
                Some(Basis::Usage(basis)) => {
                    let catalogue = catalogue::metrics(app, organization.id).await?;
                    let events = seen_events(app, organization.id, &catalogue, fee, item, basis).await?;
                    let told =
                        tell(fee, item, basis, &events, *zone).map_err(|error| Failure::Bug(error.to_string()))?;
                    bare.of_usage(item, basis, &told, *zone)
                }
                Some(Basis::Minimum(basis)) => bare.of_minimum(item, basis, *currency),
                None => bare,
            }
        }
        FeeItem::Subscription { basis, .. } => {
            let bare = bare("subscription");
            match basis {
                Some(basis) => bare.of_subscription(basis, *currency),
                None => bare,
            }
        }
        FeeItem::AddOn { .. } => bare("add_on"),
        FeeItem::Credit { .. } => bare("credit"),
    })
}

fn kind_of(item: &ChargeItem) -> &'static str {
    match (&item.event, item.true_up_parent) {
        (Some(_), _) => "event",
        (None, Some(_)) => "true_up",
        (None, None) => "usage",
    }
}

/// A part of the events that decided a fee.
#[derive(Debug, Clone, Default)]
pub struct Behind {
    /// How many decided it.
    pub total: usize,
    /// Those of the page, by timestamp.
    pub events: Vec<Event>,
    /// The customer of the fee's subscription: that of events that came without one (chapter 03, 1.3).
    pub external_customer_id: Option<String>,
}

/// A page of the events that decided a fee. Fees of no usage have none.
///
/// # Errors
/// 404 `fee_not_found`.
pub async fn events(
    app: &App,
    organization: &Organization,
    id: Option<FeeId>,
    page: impl FnOnce(usize) -> std::ops::Range<usize>,
) -> Outcome<Behind> {
    let Found { fee, customer, .. } = find(app, organization, id).await?;
    let Some(item) = fee.charge() else { return Ok(Behind::default()) };
    let Some(Basis::Usage(basis)) = &item.basis else { return Ok(Behind::default()) };
    let catalogue = catalogue::metrics(app, organization.id).await?;
    let events = seen_events(app, organization.id, &catalogue, &fee, item, basis).await?;
    let inputs: Vec<&Event> = match &item.event {
        Some(made_by) => events.iter().filter(|event| event.id == made_by.id).collect(),
        None => inputs(basis, item, &events),
    };
    let part = page(inputs.len());
    let customer = app.store.customer(organization.id, customer).await?;
    Ok(Behind {
        total: inputs.len(),
        events: inputs[part].iter().map(|event| (*event).clone()).collect(),
        external_customer_id: customer.map(|customer| customer.value.external_id),
    })
}

/// The daily movements of an invoice's fees that show them (chapter 04, 13.3). One read for each log: fees of its groups
/// stand together.
///
/// # Errors
/// The table did not answer, or a sum is too large.
pub(crate) async fn breakdowns(
    app: &App,
    organization: OrganizationId,
    invoice: &Invoice,
) -> Outcome<Vec<(FeeId, Vec<Movement>)>> {
    let shown: Vec<_> = invoice.fees_by_day().collect();
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let catalogue = catalogue::metrics(app, organization).await?;
    let mut breakdowns = Vec::with_capacity(shown.len());
    let mut last: Option<(_, Vec<Event>)> = None;
    for (fee, item, basis) in shown {
        let of = (&fee.external_subscription_id, item.metric_id, basis.window, basis.read_at);
        let events = match last.take() {
            Some((known, events)) if known == of => events,
            _ => seen_events(app, organization, &catalogue, fee, item, basis).await?,
        };
        let leaf = item.group.as_ref().map(|group| group.id);
        let parted = basis.window.parted(&events);
        let movements = daily(&basis.metric(item), leaf, parted.iter(), &basis.window, invoice.zone);
        breakdowns.push((fee.id, movements.map_err(|error| Failure::Bug(error.to_string()))?));
        last = Some((of, events));
    }
    Ok(breakdowns)
}

/// The events of the fee's log that its billing saw, with all their properties.
async fn seen_events(
    app: &App,
    organization: OrganizationId,
    catalogue: &[Metric],
    fee: &Fee,
    item: &ChargeItem,
    basis: &UsageBasis,
) -> Outcome<Vec<Event>> {
    let Some(external_id) = &fee.external_subscription_id else { return Ok(Vec::new()) };
    let span = Span::of(&basis.metric(item), basis.window.from, basis.window.to);
    let wanted = Wanted { from: span.from, to: Some(span.to), properties: None };
    let table = app.store.table();
    let events = store::usage::read(table, organization, external_id, &item.metric_code, &wanted).await?;
    Ok(seen(basis, heir(catalogue, item), events))
}

/// The fee's metric, if it took the code of one that was deleted before: its events begin with it (chapter 03, 2.6).
fn heir<'m>(catalogue: &'m [Metric], item: &ChargeItem) -> Option<&'m Metric> {
    let metric = catalogue.iter().find(|metric| metric.id == item.metric_id)?;
    let is_namesake =
        |other: &Metric| other.code == item.metric_code && !other.is_live() && other.created_seq < metric.created_seq;
    catalogue.iter().any(is_namesake).then_some(metric)
}
