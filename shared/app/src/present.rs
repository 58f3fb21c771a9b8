//! What the API and webhooks show: outputs made from loaded objects, with the counts that they carry.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::id::{OrganizationId, PlanId, TaxId};
use domain::invoice::Invoice;
use domain::metric::Metric;
use domain::organization::Organization;
use domain::plan::Plan;
use domain::subscription::Subscription;
use domain::tax::{Tax, concerns};
use domain::time::Instant;
use store::items::Draft;
use wire::{billable_metric, credit_note, customer, invoice, plan, subscription, tax};

use crate::billing::Account;
use crate::{App, Outcome, catalogue, document};

/// What a commit leaves of one customer, put over what the table still says: for bodies that are made with the commit.
#[derive(Clone, Copy)]
pub(crate) struct Pending<'a> {
    /// The customer and its plans as the commit leaves them, its records as they were loaded.
    pub(crate) account: &'a Account,
    /// The records that the commit changes or creates, as it leaves them.
    pub(crate) changed: &'a [Subscription],
}

impl Pending<'_> {
    /// Overridden copies of a plan that the commit knows of, the one that it makes too.
    fn children(&self, id: PlanId) -> impl Iterator<Item = PlanId> {
        self.account.plans.values().filter(move |plan| plan.parent_id == Some(id)).map(|plan| plan.id)
    }

    /// The customer's active records on these plans, before the commit and after it.
    fn active_on(&self, plans: &BTreeSet<PlanId>) -> (u64, u64) {
        let is_counted = |record: &&Subscription| record.is_active() && plans.contains(&record.plan_id);
        let loaded = || self.account.subscriptions.iter().map(|record| &record.value).filter(is_counted);
        let is_changed = |record: &Subscription| self.changed.iter().any(|changed| changed.id == record.id);
        let kept = loaded().filter(|record| !is_changed(record)).count();
        (loaded().count() as u64, (kept + self.changed.iter().filter(is_counted).count()) as u64)
    }

    fn over_customers(&self, customers: &mut Vec<Customer>) {
        let own = &self.account.customer.value;
        customers.retain(|customer| customer.id != own.id);
        customers.extend(own.deleted_at.is_none().then(|| own.clone()));
    }

    fn over_plans(&self, plans: &mut Vec<Plan>) {
        plans.retain(|plan| !self.account.plans.contains_key(&plan.id));
        plans.extend(self.account.plans.values().filter(|plan| plan.deleted_at.is_none()).cloned());
    }
}

/// Living customers of the organization, as far as counts of taxes need them.
async fn living_customers(app: &App, organization: OrganizationId) -> Outcome<Vec<Customer>> {
    let listed = app.store.list_customers(organization, |total| 0..total).await?;
    Ok(listed.entries.into_iter().map(|customer| customer.value).collect())
}

/// Taxes with their counts, in the order given.
///
/// # Errors
/// The table did not answer.
pub async fn taxes(app: &App, organization: OrganizationId, taxes: &[Tax]) -> Outcome<Vec<tax::Output>> {
    taxes_with(app, organization, taxes, None).await
}

async fn taxes_with(
    app: &App,
    organization: OrganizationId,
    taxes: &[Tax],
    pending: Option<Pending<'_>>,
) -> Outcome<Vec<tax::Output>> {
    if taxes.is_empty() {
        return Ok(Vec::new());
    }
    let (mut customers, mut plans) =
        (living_customers(app, organization).await?, crate::catalogue::all_plans(app, organization).await?);
    if let Some(pending) = pending {
        pending.over_customers(&mut customers);
        pending.over_plans(&mut plans);
    }
    let add_ons = app.store.list_add_ons(organization, |total| 0..total).await?;
    let mut living = living_taxes(app, organization).await?;
    // One that is shown for the last time, as it goes, counts as it did.
    living.extend(taxes.iter().map(|tax| tax.id));
    let count = |number: usize| number as u64;
    let output = |tax: &Tax| {
        let concerns = |customer: &&Customer| {
            let own: Vec<TaxId> = customer.tax_ids.iter().copied().filter(|id| living.contains(id)).collect();
            concerns(tax.id, tax.applied_to_organization, &own)
        };
        let charges = plans.iter().flat_map(|plan| &plan.charges);
        let counts = tax::Counts {
            add_ons: count(add_ons.entries.iter().filter(|add_on| add_on.tax_ids.contains(&tax.id)).count()),
            customers: count(customers.iter().filter(concerns).count()),
            plans: count(plans.iter().filter(|plan| plan.tax_ids.contains(&tax.id)).count()),
            charges: count(charges.filter(|charge| charge.tax_ids.contains(&tax.id)).count()),
        };
        tax::Output::new(tax, &counts)
    };
    Ok(taxes.iter().map(output).collect())
}

/// The taxes that exist: what a deleted one left behind is not shown any more (chapter 04, 5.3).
pub(crate) async fn living_taxes(app: &App, organization: OrganizationId) -> Outcome<BTreeSet<TaxId>> {
    Ok(app.store.taxes(organization).await?.into_iter().map(|tax| tax.value.id).collect())
}

/// The taxes of these ids that still exist, oldest first, with their counts.
pub(crate) async fn taxes_of(
    app: &App,
    organization: OrganizationId,
    ids: &BTreeSet<TaxId>,
) -> Outcome<Vec<(TaxId, tax::Output)>> {
    taxes_of_with(app, organization, ids, None).await
}

async fn taxes_of_with(
    app: &App,
    organization: OrganizationId,
    ids: &BTreeSet<TaxId>,
    pending: Option<Pending<'_>>,
) -> Outcome<Vec<(TaxId, tax::Output)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = app.store.taxes(organization).await?;
    let named: Vec<Tax> = found.into_iter().rev().map(|tax| tax.value).filter(|tax| ids.contains(&tax.id)).collect();
    let outputs = taxes_with(app, organization, &named, pending).await?;
    Ok(named.into_iter().map(|tax| tax.id).zip(outputs).collect())
}

/// The taxes applied to the organization, oldest first.
///
/// # Errors
/// The table did not answer.
pub async fn organization_taxes(app: &App, organization: OrganizationId) -> Outcome<Vec<tax::Output>> {
    let found = app.store.taxes(organization).await?;
    let defaults: Vec<Tax> =
        found.into_iter().rev().map(|tax| tax.value).filter(|tax| tax.applied_to_organization).collect();
    taxes(app, organization, &defaults).await
}

/// Customers with their own taxes, in the order given.
///
/// # Errors
/// The table did not answer.
pub async fn customers<'c>(
    app: &App,
    organization: &Organization,
    customers: impl Iterator<Item = &'c Customer> + Clone,
) -> Outcome<Vec<customer::Output>> {
    let ids = customers.clone().flat_map(|customer| customer.tax_ids.iter().copied()).collect();
    let taxes = taxes_of(app, organization.id, &ids).await?;
    let output = |customer: &Customer| {
        let own = taxes.iter().filter(|(id, _)| customer.tax_ids.contains(id));
        let own = own.map(|(_, tax)| tax.clone()).collect();
        customer::Output::new(customer, organization).with_taxes(own)
    };
    Ok(customers.map(output).collect())
}

/// A customer with its own taxes.
///
/// # Errors
/// The table did not answer.
pub async fn customer(app: &App, organization: &Organization, customer: &Customer) -> Outcome<customer::Output> {
    let mut outputs = customers(app, organization, std::iter::once(customer)).await?;
    // One customer in, one out.
    outputs.pop().ok_or_else(|| crate::Failure::Bug("a customer has no output".to_owned()))
}

/// Metrics with their counts, in the order given.
///
/// # Errors
/// The table did not answer.
pub async fn metrics(
    app: &App,
    organization: OrganizationId,
    metrics: &[Metric],
) -> Outcome<Vec<billable_metric::Output>> {
    if metrics.is_empty() {
        return Ok(Vec::new());
    }
    let plans = crate::catalogue::plans_and_children(app, organization).await?;
    let drafts = app.store.drafts(organization, None).await?;
    // Subscriptions of each plan concerned, read once for all metrics.
    let mut active: BTreeMap<PlanId, u64> = BTreeMap::new();
    let mut outputs = Vec::with_capacity(metrics.len());
    for metric in metrics {
        // A metric that is gone has no charges any more (chapter 03, 2.6).
        if !metric.is_live() {
            outputs.push(billable_metric::Output::new(metric, &billable_metric::Counts::default()));
            continue;
        }
        let charged: Vec<PlanId> =
            plans.iter().filter(|plan| plan.charges_for(metric.id)).map(|plan| plan.id).collect();
        let mut active_subscriptions = 0;
        for id in &charged {
            active_subscriptions += match active.entry(*id) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    *place.insert(app.store.active_subscribers(organization, *id).await?.len() as u64)
                }
            };
        }
        let counts = billable_metric::Counts {
            active_subscriptions,
            draft_invoices: drafts.iter().filter(|draft| draft.metrics.contains(&metric.id)).count() as u64,
            plans: charged.len() as u64,
        };
        outputs.push(billable_metric::Output::new(metric, &counts));
    }
    Ok(outputs)
}

/// Plans with charges, taxes and counts, in the order given.
///
/// # Errors
/// The table did not answer.
pub async fn plans(app: &App, organization: OrganizationId, plans: &[Plan]) -> Outcome<Vec<plan::Output>> {
    plans_with(app, organization, plans, None).await
}

async fn plans_with(
    app: &App,
    organization: OrganizationId,
    plans: &[Plan],
    pending: Option<Pending<'_>>,
) -> Outcome<Vec<plan::Output>> {
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let metrics = catalogue::metrics(app, organization).await?;
    let drafts = app.store.drafts(organization, None).await?;
    let tax_ids =
        plans.iter().flat_map(|plan| plan.charges.iter().flat_map(|charge| &charge.tax_ids).chain(&plan.tax_ids));
    let taxes = taxes_of_with(app, organization, &tax_ids.copied().collect(), pending).await?;
    let metric_code = |id| {
        let metric = metrics.iter().find(|metric| metric.id == id && metric.is_live());
        metric.map(|metric| metric.code.clone())
    };
    let tax = |id| taxes.iter().find(|(known, _)| *known == id).map(|(_, output)| output.clone());
    let mut outputs = Vec::with_capacity(plans.len());
    for plan in plans {
        let counts = plan_counts(app, organization, plan.id, &drafts, pending).await?;
        let plan = &plan.as_seen(&metrics);
        outputs.push(plan::Output::new(plan, &counts).with_charges_and_taxes(plan, &metric_code, &tax));
    }
    Ok(outputs)
}

/// Who uses a plan and its overridden copies.
async fn plan_counts(
    app: &App,
    organization: OrganizationId,
    id: PlanId,
    drafts: &[Draft],
    pending: Option<Pending<'_>>,
) -> Outcome<plan::Counts> {
    let mut family: BTreeSet<PlanId> = app.store.child_plans(organization, id).await?.into_iter().collect();
    family.insert(id);
    family.extend(pending.iter().flat_map(|pending| pending.children(id)));
    let mut customers = BTreeSet::new();
    let mut active_subscriptions = 0;
    for id in &family {
        let subscribers = app.store.active_subscribers(organization, *id).await?;
        active_subscriptions += subscribers.len() as u64;
        customers.extend(subscribers);
    }
    if let Some(pending) = pending {
        let (before, after) = pending.active_on(&family);
        // The index may lag behind what was loaded of the customer.
        active_subscriptions = (active_subscriptions + after).saturating_sub(before);
        let customer = pending.account.customer.id;
        if after > 0 {
            customers.insert(customer)
        } else {
            customers.remove(&customer)
        };
    }
    let drafts = drafts.iter().filter(|draft| draft.plans.iter().any(|plan| family.contains(plan)));
    Ok(plan::Counts { customers: customers.len() as u64, active_subscriptions, draft_invoices: drafts.count() as u64 })
}

/// One plan with charges, taxes and counts.
///
/// # Errors
/// The table did not answer.
pub async fn plan(app: &App, organization: OrganizationId, plan: &Plan) -> Outcome<plan::Output> {
    plan_with(app, organization, plan, None).await
}

/// The same as it will be after a commit. Costs what `plan` costs.
pub(crate) async fn pending_plan(app: &App, plan: &Plan, pending: Pending<'_>) -> Outcome<plan::Output> {
    plan_with(app, pending.account.organization.id, plan, Some(pending)).await
}

async fn plan_with(
    app: &App,
    organization: OrganizationId,
    plan: &Plan,
    pending: Option<Pending<'_>>,
) -> Outcome<plan::Output> {
    let mut outputs = plans_with(app, organization, std::slice::from_ref(plan), pending).await?;
    // One plan in, one out.
    outputs.pop().ok_or_else(|| crate::Failure::Bug("a plan has no output".to_owned()))
}

/// A subscription without plan and customer.
#[must_use]
pub fn subscription(
    organization: &Organization,
    customer: &Customer,
    plan: &Plan,
    record: &Subscription,
    now: Instant,
) -> subscription::Output {
    let date = record.downgrade_date(plan, customer.zone(organization), now);
    subscription::Output::new(record, &customer.external_id, date)
}

/// An invoice with the parts of `includes`, the records on it as they are now.
///
/// # Errors
/// `Bug` if a record's plan is missing.
pub(crate) fn invoice_of(
    app: &App,
    account: &Account,
    records: &[Subscription],
    invoice: &Invoice,
    includes: invoice::Includes,
    now: Instant,
) -> Outcome<invoice::Output> {
    let (organization, customer) = (&account.organization, &account.customer.value);
    let mut subscriptions = Vec::with_capacity(invoice.subscriptions.len());
    for billed in &invoice.subscriptions {
        let changed = records.iter().find(|record| record.id == billed.subscription_id);
        let record = match changed {
            Some(record) => record,
            None => &account.record(billed.subscription_id)?.value,
        };
        let plan = account.plan(record.plan_id)?;
        let shown = subscription(organization, customer, plan, record, now);
        subscriptions.push(without_lost_successor(shown, customer));
    }
    let context = invoice::Context {
        customer,
        customer_output: customer::Output::new(customer, organization),
        subscriptions,
        file_url: document::file_url(app, organization.id, invoice),
        today: account.zone().date(now),
    };
    Ok(invoice::Output::new(invoice, context, includes))
}

/// The records of a deleted customer show no successor: it was canceled with the customer (chapter 02, 1.3).
fn without_lost_successor(mut shown: subscription::Output, customer: &Customer) -> subscription::Output {
    if customer.deleted_at.is_some() {
        shown.next_plan_code = None;
        if shown.status == "active" {
            shown.status = "terminated";
        }
    }
    shown
}

/// An invoice as a read shows it.
///
/// # Errors
/// The table did not answer.
pub async fn invoice(
    app: &App,
    organization: &Organization,
    invoice: &Invoice,
    includes: invoice::Includes,
) -> Outcome<invoice::Output> {
    let account = Account::of(app, organization.id, invoice.customer_id).await?;
    let living = living_taxes(app, organization.id).await?;
    let shown = invoice_of(app, &account, &[], invoice, includes, app.now(organization))?;
    Ok(shown.with_living_taxes(|id| living.contains(&id)))
}

/// Invoices as a list shows them: each customer's account is loaded once.
///
/// # Errors
/// The table did not answer.
pub async fn invoices(app: &App, organization: &Organization, invoices: &[Invoice]) -> Outcome<Vec<invoice::Output>> {
    let now = app.now(organization);
    let living = living_taxes(app, organization.id).await?;
    let mut accounts = BTreeMap::new();
    let mut outputs = Vec::with_capacity(invoices.len());
    for invoice in invoices {
        let account = match accounts.entry(invoice.customer_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Account::of(app, organization.id, invoice.customer_id).await?),
        };
        let shown = invoice_of(app, account, &[], invoice, invoice::Includes::List, now)?;
        outputs.push(shown.with_living_taxes(|id| living.contains(&id)));
    }
    Ok(outputs)
}

/// A credit note as a single read or write shows it.
///
/// # Errors
/// The table did not answer, or a `Bug` if its customer or invoice is missing.
pub async fn credit_note(app: &App, organization: &Organization, note: &CreditNote) -> Outcome<credit_note::Output> {
    let missing = || crate::Failure::Bug(format!("customer or invoice of credit note {} is missing", note.id));
    let customer = app.store.customer(organization.id, note.customer_id).await?.ok_or_else(missing)?;
    let invoice = app.store.invoice(organization.id, note.invoice_id).await?.ok_or_else(missing)?;
    let living = living_taxes(app, organization.id).await?;
    let shown = bare_credit_note(app, organization, note).with_items(note, &customer, &invoice.fees).with_taxes(note);
    Ok(shown.with_living_taxes(|id| living.contains(&id)))
}

/// A credit note without its optional parts.
#[must_use]
pub fn bare_credit_note(app: &App, organization: &Organization, note: &CreditNote) -> credit_note::Output {
    credit_note::Output::new(note, document::note_url(app, organization.id, note))
}

/// Credit notes as a list shows them.
///
/// # Errors
/// The table did not answer.
pub async fn credit_notes(
    app: &App,
    organization: &Organization,
    notes: &[CreditNote],
) -> Outcome<Vec<credit_note::Output>> {
    let living = living_taxes(app, organization.id).await?;
    let shown =
        |note| bare_credit_note(app, organization, note).with_taxes(note).with_living_taxes(|id| living.contains(&id));
    Ok(notes.iter().map(shown).collect())
}
