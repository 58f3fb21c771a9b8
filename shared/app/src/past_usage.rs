//! Past usage: what was billed for a subscription's charges, period by period (chapter 03, 10).

use domain::charge::ChargeModel;
use domain::id::{InvoiceId, SubscriptionId};
use domain::invoice::{ChargeItem, Invoice};
use domain::metric::{AggregationType, Metric};
use domain::organization::Organization;
use domain::problem::{Problems, codes};
use wire::list::{Meta, Paging};
use wire::usage::past::{Period, model_of};

use crate::{App, Failure, Outcome, Rejection, catalogue};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The customer.
    pub external_customer_id: &'a str,
    /// The subscription: all records with this external id.
    pub external_subscription_id: Option<&'a str>,
    /// Shows charges on this metric only.
    pub metric_code: Option<&'a str>,
    /// Which page; `periods_count` is its size, if that was sent.
    pub paging: Paging,
}

/// A billed charge period: an invoice, and the place of a subscription record among those on it.
struct Billed {
    invoice: InvoiceId,
    place: usize,
    record: SubscriptionId,
}

/// The billed charge periods of a subscription, newest first.
///
/// Costs the invoices of the customer, without the pages of very large ones, and once more those of the page.
///
/// # Errors
/// 422 without a subscription; 404 `billable_metric_not_found`.
pub async fn list(app: &App, organization: &Organization, question: Question<'_>) -> Outcome<(Vec<Period>, Meta)> {
    let paging = question.paging;
    let Some(external_id) = question.external_subscription_id else {
        return Err(Problems::one("external_subscription_id", codes::MANDATORY).into());
    };
    if let Some(code) = question.metric_code {
        app.store.metric_by_code(organization.id, code).await?.ok_or(Rejection::NotFound("billable_metric"))?;
    }
    let customer = app.store.customer_by_external_id(organization.id, question.external_customer_id).await?;
    let Some(customer) = customer else { return Ok((Vec::new(), paging.true_meta(0))) };
    let invoices = app.store.list_invoices(organization.id, Some(customer.value.id), |total| 0..total).await?;
    let billed = periods_of(invoices.entries.iter().map(|invoice| &invoice.value), external_id);
    let metrics = catalogue::metrics(app, organization.id).await?;
    let fallback = |item: &ChargeItem| present_terms(item, &metrics);
    let mut periods = Vec::new();
    for Billed { invoice, place, record } in &billed[paging.range(billed.len())] {
        let invoice = app.store.invoice(organization.id, *invoice).await?;
        let invoice = invoice.ok_or_else(|| Failure::Bug("a listed invoice is missing".to_owned()))?;
        // Records of an invoice never change their places.
        let Some(link) = invoice.subscriptions.get(*place) else { continue };
        periods.push(Period::new(&invoice, *record, &link.boundaries, question.metric_code, &fallback));
    }
    Ok((periods, paging.true_meta(billed.len())))
}

/// The charge periods on these invoices (newest first), newest window first. The first invoice of a plan in advance bills
/// no charges, and has no window.
fn periods_of<'a>(invoices: impl Iterator<Item = &'a Invoice>, external_id: &str) -> Vec<Billed> {
    let mut periods = Vec::new();
    for invoice in invoices {
        for (place, link) in invoice.subscriptions.iter().enumerate() {
            let window = &link.boundaries;
            if link.external_id == external_id && window.charges_from <= window.charges_to {
                let billed = Billed { invoice: invoice.id, place, record: link.subscription_id };
                periods.push((window.charges_from, billed));
            }
        }
    }
    // Stable: of one window the newest invoice comes first.
    periods.sort_by_key(|(from, _)| std::cmp::Reverse(*from));
    periods.into_iter().map(|(_, billed)| billed).collect()
}

/// For fees of programs that did not keep their terms: as the details show them and the metric counts today.
fn present_terms(item: &ChargeItem, metrics: &[Metric]) -> (ChargeModel, AggregationType) {
    let metric = metrics.iter().find(|metric| metric.id == item.metric_id);
    (model_of(&item.details), metric.map_or(AggregationType::Count, |metric| metric.aggregation))
}
