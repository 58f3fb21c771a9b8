//! Customers: upsert and deletion.

use std::collections::BTreeSet;
use std::convert::Infallible;

use domain::customer::{self, Birth, Customer, CustomerUpdate, Editable, Provider};
use domain::id::{AppliedCouponId, CustomerId, OrganizationId};
use domain::organization::Organization;
use domain::problem::Problems;
use domain::subscription::Subscription;
use domain::time::Instant;
use store::alias::{Alias, kinds};
use store::items::{FormerCustomers, LiveKind, RunningNumber};
use store::repositories::CustomerFile;
use store::{Commit, Versioned};

use crate::billing::{self, Account, plans_of};
use crate::catalogue::Names;
use crate::drafts::Flag;
use crate::jobs::BillingJob;
use crate::{App, Attempt, Failure, Outcome, Rejection, catalogue, coupon, retry_on_conflict};

/// The running number of customers.
const CUSTOMERS: &str = "customers";

/// Creates or changes the customer with the input's external id (chapter 05, 2.4).
///
/// # Errors
/// 404 `tax_not_found`, 422. 404 `adyen_payment_provider_not_found` if the answer should wait for the customer to be made
/// there: it is saved all the same (chapter 08, 4.5). Other providers that are not connected are passed over in silence.
pub async fn upsert(app: &App, organization: &Organization, input: CustomerUpdate) -> Outcome<Customer> {
    app.until_no_conflict(|| async {
        let names = Names::load(app, organization.id).await?;
        let mut tax_ids = names.tax_ids(&input.tax_codes)?;
        let now = app.now(organization);
        let found = match &input.external_id {
            Some(external_id) => app.store.customer_by_external_id(organization.id, external_id).await?,
            None => None,
        };
        if let Some(rate) = input.vat_rate.filter(|_| tax_ids.is_empty()) {
            let present = found.as_ref().map_or(&[][..], |found| found.tax_ids.as_slice());
            tax_ids = catalogue::vat_tax_ids(app, organization, present, rate).await?;
        }
        let Some(found) = found else {
            let newborn = Newborn::conceive(app, organization, |birth| {
                Ok(customer::create(input.clone(), birth, tax_ids.clone(), &mut || app.ids.uuid())?)
            })
            .await?;
            retry_on_conflict(app.execute(newborn.commit(app, organization, &newborn.customer)).await)?;
            made_at_provider(&input, None, &newborn.customer)?;
            return Ok(newborn.customer);
        };
        let file = file(app, organization.id, found.value.id).await?;
        let edited =
            customer::edit(&file.customer, input.clone(), editable(&file), tax_ids, now, &mut || app.ids.uuid())?;
        let mut commit = app.commit(organization).update(&file.customer, &edited);
        if edited.zone(organization) != file.customer.zone(organization) {
            commit = rescheduled(app, organization, commit, &edited, &file, now).await?;
        }
        let terms = |customer: &Customer| {
            (customer.grace_period_days(organization), customer.net_payment_term_days(organization))
        };
        if !input.tax_codes.is_empty() || input.vat_rate.is_some() {
            commit = commit.then(&Flag::Customer(edited.id).message(organization.id));
        }
        if terms(&edited) != terms(&file.customer) {
            let (organization_id, customer_id) = (organization.id.0, Some(edited.id.0));
            let job = BillingJob::RedateDrafts { organization_id, customer_id, work: None };
            commit = commit.then(&job.message(&edited.id.to_string()));
        }
        retry_on_conflict(app.execute(commit).await)?;
        made_at_provider(&input, Some(&file.customer), &edited)?;
        Ok(edited)
    })
    .await
}

/// What becomes of a request whose answer waits for the provider, while no provider can be connected.
fn made_at_provider(input: &CustomerUpdate, before: Option<&Customer>, after: &Customer) -> Outcome<()> {
    match input.provider.awaited_creation(before, after) {
        Some(Provider::Adyen) => Err(Rejection::NotFound("adyen_payment_provider").into()),
        Some(Provider::Stripe | Provider::GoCardless) | None => Ok(()),
    }
}

/// Asks the customer's provider for a page where it can leave a means of payment (chapter 08, 5.2). No provider can be
/// connected in this version, so there never is one.
///
/// # Errors
/// 404 `customer_not_found`; 422 `no_linked_payment_provider`; 404 `adyen_payment_provider_not_found`.
pub async fn checkout_url(app: &App, organization: OrganizationId, external_id: &str) -> Outcome<Infallible> {
    let customer = by_external_id(app, organization, external_id).await?;
    match customer.provider_link().map(|link| link.provider) {
        Some(Provider::Adyen) => Err(Rejection::NotFound("adyen_payment_provider").into()),
        Some(Provider::Stripe | Provider::GoCardless) | None => {
            Err(Problems::one("base", "no_linked_payment_provider").into())
        }
    }
}

/// A customer that does not exist yet, with the organization's next number.
pub(crate) struct Newborn {
    pub(crate) customer: Customer,
    last: Option<Versioned<RunningNumber>>,
}

impl Newborn {
    pub(crate) async fn conceive(
        app: &App,
        organization: &Organization,
        make: impl FnOnce(&Birth<'_>) -> Outcome<Customer>,
    ) -> Outcome<Newborn> {
        let last = app.store.running_number(organization.id, CUSTOMERS).await?;
        let birth = Birth {
            id: CustomerId(app.ids.uuid()),
            sequential_id: last.as_ref().map_or(0, |last| last.value.value) + 1,
            prefix: &organization.document_number_prefix,
            at: app.now(organization),
            seq: app.ids.sequence(),
        };
        Ok(Newborn { customer: make(&birth)?, last })
    }

    /// A commit that creates it, as `customer` says it is by now, and takes its number and its external id.
    pub(crate) fn commit(&self, app: &App, organization: &Organization, customer: &Customer) -> Commit {
        let number = RunningNumber { name: CUSTOMERS.to_owned(), value: customer.sequential_id };
        let alias = Alias::new(kinds::CUSTOMER, &customer.external_id, customer.id);
        app.commit(organization).create(customer).claim(&alias).save(self.last.as_ref(), &number)
    }
}

/// A customer to which nothing was assigned that fixes its currency may still change it (chapter 04, 12.1).
pub(crate) fn editable(file: &CustomerFile) -> Editable {
    editable_with(&file.customer, &file.subscriptions)
}

/// The same of what its billing looks at.
pub(crate) fn editable_account(account: &Account) -> Editable {
    editable_with(&account.customer, &account.subscriptions)
}

fn editable_with(customer: &Customer, subscriptions: &[Versioned<Subscription>]) -> Editable {
    let is_fixed = customer.is_currency_fixed || !subscriptions.is_empty();
    if is_fixed { Editable::No } else { Editable::Yes }
}

pub(crate) async fn file(app: &App, organization: OrganizationId, id: CustomerId) -> Outcome<CustomerFile> {
    let file = app.store.customer_file(organization, id).await?;
    file.ok_or_else(|| Failure::Bug(format!("customer {id} is missing")))
}

/// Records moved by one commit, to leave room for the customer and the messages.
const MOVED_PER_COMMIT_MAX: usize = 80;

/// Another zone has other local days: what is due is due at other instants. What does not fit into the customer's own
/// commit follows as a job; until then a record that comes up at its old instant is put right by the closing itself.
async fn rescheduled(
    app: &App,
    organization: &Organization,
    mut commit: Commit,
    customer: &Customer,
    file: &CustomerFile,
    now: Instant,
) -> Outcome<Commit> {
    let moved = moved(app, organization, customer, &file.subscriptions, now).await?;
    for (record, moved) in moved.iter().take(MOVED_PER_COMMIT_MAX) {
        commit = commit.update(record, moved);
    }
    if moved.len() > MOVED_PER_COMMIT_MAX {
        let (organization_id, customer_id) = (organization.id.0, Some(customer.id.0));
        let job = BillingJob::Reschedule { organization_id, customer_id, work: None };
        commit = commit.then(&job.message(&customer.id.to_string()));
    }
    let zone = customer.zone(organization);
    crate::wallet::rescheduled(app, organization, commit, &file.live, zone).await
}

/// The records that are due at another instant in the customer's zone, with what they become.
async fn moved<'r>(
    app: &App,
    organization: &Organization,
    customer: &Customer,
    records: &'r [Versioned<Subscription>],
    now: Instant,
) -> Outcome<Vec<(&'r Versioned<Subscription>, Subscription)>> {
    let due = || records.iter().filter(|record| record.next_due.is_some());
    let plans = plans_of(app, organization.id, due().map(|record| record.plan_id)).await?;
    let zone = customer.zone(organization);
    let moved = due().filter_map(|record| {
        let plan = plans.get(&record.plan_id)?;
        Some((record, domain::subscription::replanned(record, plan, zone, now)?))
    });
    Ok(moved.collect())
}

/// The job: puts everything due at its instant in the zone that applies now, for one customer or for all.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub async fn reschedule(app: &App, organization: OrganizationId, customer: Option<CustomerId>) -> Outcome<()> {
    let organization = app.organization(organization).await?;
    let customers: BTreeSet<CustomerId> = match customer {
        Some(customer) => [customer].into(),
        None => {
            let records = app.store.list_subscriptions(organization.id).await?;
            // A wallet needs no subscription.
            let living = app.store.list_customers(organization.id, |total| 0..total).await?;
            let living = living.entries.iter().map(|customer| customer.value.id);
            records.iter().map(|record| record.customer_id).chain(living).collect()
        }
    };
    for customer in customers {
        while app.until_no_conflict(|| reschedule_some(app, &organization, customer)).await? {}
    }
    Ok(())
}

/// Moves as many records of a customer as one commit takes; whether there may be more.
async fn reschedule_some(app: &App, organization: &Organization, customer: CustomerId) -> Result<bool, Attempt> {
    let Some(file) = app.store.customer_file(organization.id, customer).await? else { return Ok(false) };
    let now = app.now(organization);
    let moved = moved(app, organization, &file.customer, &file.subscriptions, now).await?;
    let mut commit = app.commit(organization);
    for (record, moved) in moved.iter().take(MOVED_PER_COMMIT_MAX) {
        commit = commit.update(record, moved);
    }
    let zone = file.customer.zone(organization);
    commit = crate::wallet::rescheduled(app, organization, commit, &file.live, zone).await?;
    retry_on_conflict(app.execute(commit).await)?;
    Ok(moved.len() > MOVED_PER_COMMIT_MAX)
}

/// A living customer.
///
/// # Errors
/// 404 `customer_not_found`.
pub async fn by_external_id(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
) -> Outcome<Versioned<Customer>> {
    let found = app.store.customer_by_external_id(organization, external_id).await?;
    found.ok_or_else(|| Rejection::NotFound("customer").into())
}

/// Deletes a customer: at once for every look-up, in the background for what belongs to it (chapter 02, 1.3).
///
/// # Errors
/// 404 `customer_not_found`.
pub async fn delete(app: &App, organization: &Organization, external_id: &str) -> Outcome<Customer> {
    app.until_no_conflict(|| async {
        let found = by_external_id(app, organization.id, external_id).await?;
        let customer = Customer { deleted_at: Some(app.now(organization)), ..found.value.clone() };
        let gone = app.store.former_customers(organization.id, external_id).await?;
        let mut customers = gone.as_ref().map(|gone| gone.customers.clone()).unwrap_or_default();
        customers.push(customer.id);
        let job =
            BillingJob::DeleteCustomer { organization_id: organization.id.0, customer_id: customer.id.0, work: None };
        let commit = app
            .commit(organization)
            .update(&found, &customer)
            .release(kinds::CUSTOMER, &found.external_id)
            .save(gone.as_ref(), &FormerCustomers { external_id: found.external_id.clone(), customers })
            .then(&job.message(&customer.id.to_string()));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(customer)
    })
    .await
}

/// The job: ends the subscriptions of a deleted customer with their last invoices, finalizes its drafts, and then ends its
/// wallet: the drafts can still use it.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub async fn finish_deletion(app: &App, organization: OrganizationId, id: CustomerId) -> Outcome<()> {
    let organization = app.organization(organization).await?;
    let Some(file) = app.store.customer_file(organization.id, id).await? else { return Ok(()) };
    let at = file.customer.deleted_at.unwrap_or_else(|| app.now(&organization));
    for record in &file.subscriptions {
        crate::subscription::end_by_deletion(app, &organization, id, record.id, at).await?;
    }
    // The oldest first, as they come: what its credit notes hold pays the next.
    for draft in app.store.drafts(organization.id, Some(id)).await? {
        billing::finalize(app, organization.id, draft.invoice, at).await?;
    }
    // Only now: the drafts could still use them (chapter 04, 12.3).
    let Some(file) = app.store.customer_file(organization.id, id).await? else { return Ok(()) };
    for mark in file.live.iter().filter(|mark| mark.kind == LiveKind::AppliedCoupon) {
        coupon::end_applied(app, &organization, AppliedCouponId(mark.id), at).await?;
    }
    crate::wallet::end_of_customer(app, &organization, id, at).await
}

/// Every customer that has or had an external id: the living one, and deleted ones.
///
/// # Errors
/// The table did not answer.
pub async fn ever_called(app: &App, organization: OrganizationId, external_id: &str) -> Outcome<Vec<CustomerId>> {
    let living = app.store.customer_by_external_id(organization, external_id).await?;
    let gone = app.store.former_customers(organization, external_id).await?;
    let living = living.into_iter().map(|customer| customer.value.id);
    Ok(living.chain(gone.into_iter().flat_map(|gone| gone.value.customers)).collect())
}
