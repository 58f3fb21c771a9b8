//! Analytics: reports over what every commit has counted, and the folding of these counts into sums.
//!
//! An invoice's commit writes one small item beside the invoice: what it adds to the figures. Folding moves these items into
//! one sum per month and one per customer, so that a report reads a handful of items however many invoices there are.

use std::collections::BTreeMap;

use domain::analytics::{self, Collection, InvoicedUsage, Month, Recurring, Revenue, Rows};
use domain::id::{CustomerId, OrganizationId};
use domain::money::Currency;
use domain::organization::Organization;
use store::items::analytics::month_of;
use store::items::{CustomerRows, MonthRows};
use store::keys;
use store::repositories::revenue;
use store::table::Write;

use crate::{App, Attempt, Outcome, retry_on_conflict};

/// Items that one fold moves: with two sums for each, it still fits into a transaction.
const FOLDED_AT_ONCE: usize = 40;
/// Folds of one job; what is left waits for the next.
const FOLDS_PER_JOB: usize = 100;
/// One commit in so many asks for folding: that many items, more or less, are waiting at any time.
pub(crate) const COMMITS_PER_FOLD: u32 = 16;

/// What a report is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Rows of this currency only.
    pub currency: Option<Currency>,
    /// The last so many months, this one included; none for all since the organization was made.
    pub months: Option<u32>,
}

/// The months of a report, ascending.
fn months(app: &App, organization: &Organization, wanted: Wanted) -> Vec<Month> {
    let (first, now) = (Month::at(organization.created_at), Month::at(app.now(organization)));
    let asked = wanted.months.map(|months| now.plus(1 - i32::try_from(months.max(1)).unwrap_or(i32::MAX)));
    let mut month = asked.map_or(first, |asked| asked.max(first)).min(now);
    let mut months = Vec::new();
    while month <= now {
        months.push(month);
        month = month.plus(1);
    }
    months
}

/// Gross revenue (chapter 07, 2.3), of one customer if an external id is given: deleted customers that had it count, too, and
/// an unknown one gives nothing.
///
/// # Errors
/// The table did not answer.
pub async fn gross_revenue(
    app: &App,
    organization: &Organization,
    wanted: Wanted,
    external_customer_id: Option<&str>,
) -> Outcome<Vec<Revenue>> {
    let rows = match external_customer_id {
        None => app.store.analytics(organization.id).await?,
        Some(external_id) => {
            let customers = everyone_called(app, organization.id, external_id).await?;
            app.store.revenue_of(organization.id, &customers).await?
        }
    };
    Ok(analytics::gross_revenue(&rows, &months(app, organization, wanted), wanted.currency))
}

/// The customers, living and deleted, that have or had an external id.
async fn everyone_called(app: &App, organization: OrganizationId, external_id: &str) -> Outcome<Vec<CustomerId>> {
    let living = app.store.customer_by_external_id(organization, external_id).await?;
    let former = app.store.former_customers(organization, external_id).await?;
    let former = former.map(|former| former.value.customers).unwrap_or_default();
    Ok(living.map(|customer| customer.id).into_iter().chain(former).collect())
}

/// Monthly recurring revenue (chapter 07, 2.4).
///
/// # Errors
/// The table did not answer.
pub async fn monthly_recurring_revenue(
    app: &App,
    organization: &Organization,
    wanted: Wanted,
) -> Outcome<Vec<Recurring>> {
    let rows = app.store.analytics(organization.id).await?;
    Ok(analytics::monthly_recurring_revenue(&rows, &months(app, organization, wanted), wanted.currency))
}

/// Invoiced usage (chapter 07, 2.5).
///
/// # Errors
/// The table did not answer.
pub async fn invoiced_usage(app: &App, organization: &Organization, wanted: Wanted) -> Outcome<Vec<InvoicedUsage>> {
    let rows = app.store.analytics(organization.id).await?;
    Ok(analytics::invoiced_usage(&rows, &months(app, organization, wanted), wanted.currency))
}

/// Invoice collection (chapter 07, 2.6).
///
/// # Errors
/// The table did not answer.
pub async fn invoice_collection(app: &App, organization: &Organization, wanted: Wanted) -> Outcome<Vec<Collection>> {
    let rows = app.store.analytics(organization.id).await?;
    Ok(analytics::invoice_collection(&rows, &months(app, organization, wanted), wanted.currency))
}

/// Moves what commits have added into the sums. Each item moves in the transaction that removes it: it counts once.
///
/// # Errors
/// `Unavailable`: what was folded so far stays folded.
pub async fn fold(app: &App, organization: OrganizationId) -> Outcome<()> {
    let organization = app.organization(organization).await?;
    for _ in 0..FOLDS_PER_JOB {
        let is_done = app.until_no_conflict(|| fold_some(app, &organization)).await?;
        if is_done {
            break;
        }
    }
    Ok(())
}

/// One fold; says whether nothing is left.
async fn fold_some(app: &App, organization: &Organization) -> Result<bool, Attempt> {
    let added = app.store.added_rows(organization.id, Some(FOLDED_AT_ONCE)).await?;
    if added.is_empty() {
        return Ok(true);
    }
    let mut of_months: BTreeMap<Month, Rows> = BTreeMap::new();
    let mut of_customers: BTreeMap<CustomerId, Rows> = BTreeMap::new();
    for added in &added {
        for (row, figure) in added.rows.iter() {
            of_months.entry(month_of(row)).or_default().add(row.clone(), figure);
        }
        let rows = revenue(&added.rows);
        if !rows.is_empty() {
            let sum = of_customers.entry(added.customer).or_default();
            *sum = std::mem::take(sum).and(&rows);
        }
    }
    let mut commit = app.commit(organization).write(Write::Add(keys::analytics_folds(organization.id), 1));
    for (month, rows) in of_months {
        let found = app.store.analytics_month(organization.id, month).await?;
        let rows = found.as_ref().map_or_else(Rows::none, |found| found.rows.clone()).and(&rows);
        commit = commit.save(found.as_ref(), &MonthRows { month, rows });
    }
    for (customer, rows) in of_customers {
        let found = app.store.analytics_customer(organization.id, customer).await?;
        let rows = found.as_ref().map_or_else(Rows::none, |found| found.rows.clone()).and(&rows);
        commit = commit.save(found.as_ref(), &CustomerRows { customer, rows });
    }
    for added in &added {
        commit = commit.delete(added);
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(added.len() < FOLDED_AT_ONCE)
}
