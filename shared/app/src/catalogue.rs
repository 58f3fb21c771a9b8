//! The catalogue: taxes, billable metrics, plans.
//!
//! A code belongs to one living object of its kind: an alias item, claimed in the same commit, sees to it.

use domain::id::{ChargeId, MetricId, OrganizationId, PlanId, TaxId};
use domain::metric::{Charged, CodeIs, Metric};
use domain::organization::Organization;
use domain::plan::{self, Attached, Catalogue, NewPlan, Plan, PlanUpdate, Refused};
use domain::problem::{Problems, codes};
use domain::tax::{self, NewTax, Tax, TaxUpdate};
use domain::time::Instant;
use rust_decimal::Decimal;
use store::alias::{Alias, kinds};
use store::{Commit, Versioned};

use crate::drafts::Flag;
use crate::jobs::BillingJob;
use crate::{App, Failure, Outcome, Rejection, advance, billing, retry_on_conflict};

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Rejected(match refused {
            Refused::NotFound(resource) => Rejection::NotFound(resource),
            Refused::Invalid(problems) => Rejection::Invalid(problems),
        })
    }
}

/// Whether a code, if one is given, is held by another object than `owner`.
pub(crate) async fn is_taken(
    app: &App,
    organization: OrganizationId,
    kind: &str,
    code: Option<&String>,
    owner: Option<uuid::Uuid>,
) -> Outcome<bool> {
    let Some(code) = code else { return Ok(false) };
    let holder = app.store.owner_of(organization, kind, code).await?;
    Ok(holder.is_some_and(|holder| Some(holder) != owner))
}

pub(crate) fn with_taken<T>(valid: Result<T, Problems>, taken: bool) -> Result<T, Problems> {
    match (valid, taken) {
        (valid, false) => valid,
        (Ok(_), true) => Err(Problems::one("code", codes::EXISTS)),
        (Err(mut problems), true) => {
            problems.add("code", codes::EXISTS);
            Err(problems)
        }
    }
}

/// Moves a code from one word to another within a commit.
pub(crate) fn renamed(commit: Commit, kind: &str, old: &str, new: &str, owner: uuid::Uuid) -> Commit {
    if old == new { commit } else { commit.release(kind, old).claim(&Alias::new(kind, new, owner)) }
}

/// Creates a tax.
///
/// # Errors
/// 422.
pub async fn create_tax(app: &App, organization: &Organization, new: NewTax) -> Outcome<Tax> {
    app.until_no_conflict(|| async {
        let taken = is_taken(app, organization.id, kinds::TAX, new.code.as_ref(), None).await?;
        let valid = tax::create(new.clone(), TaxId(app.ids.uuid()), app.now(organization), app.ids.sequence());
        let tax = with_taken(valid, taken)?;
        let commit = app.commit(organization).create(&tax).claim(&Alias::new(kinds::TAX, &tax.code, tax.id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(tax)
    })
    .await
}

/// A tax.
///
/// # Errors
/// 404 `tax_not_found`.
pub async fn tax_by_code(app: &App, organization: OrganizationId, code: &str) -> Outcome<Versioned<Tax>> {
    app.store.tax_by_code(organization, code).await?.ok_or_else(|| Rejection::NotFound("tax").into())
}

/// Changes a tax. Finalized invoices keep what they show.
///
/// # Errors
/// 404 `tax_not_found`, 422.
pub async fn update_tax(app: &App, organization: &Organization, code: &str, update: TaxUpdate) -> Outcome<Tax> {
    app.until_no_conflict(|| async {
        let found = tax_by_code(app, organization.id, code).await?;
        let code = update.code.as_ref().and_then(Option::as_ref);
        let taken = is_taken(app, organization.id, kinds::TAX, code, Some(found.id.0)).await?;
        let tax = with_taken(tax::edit(&found, update.clone()), taken)?;
        let commit = app.commit(organization).update(&found, &tax);
        let commit = renamed(commit, kinds::TAX, &found.code, &tax.code, tax.id.0);
        let is_default = found.applied_to_organization || tax.applied_to_organization;
        let commit = commit.then(&Flag::Tax { id: tax.id, is_default }.message(organization.id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(tax)
    })
    .await
}

/// Deletes a tax.
///
/// # Errors
/// 404 `tax_not_found`.
pub async fn delete_tax(app: &App, organization: &Organization, code: &str) -> Outcome<Tax> {
    app.until_no_conflict(|| async {
        let found = tax_by_code(app, organization.id, code).await?;
        let commit = app.commit(organization).delete(&found).release(kinds::TAX, &found.code);
        let is_default = found.applied_to_organization;
        let commit = commit.then(&Flag::Tax { id: found.id, is_default }.message(organization.id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(found.value)
    })
    .await
}

/// What a legacy `vat_rate` is told when more than one tax stands where it would set the only one.
const MULTIPLE_TAXES: &str = "multiple_taxes";

/// The tax of a legacy `vat_rate`: found by its code, or made (chapter 05, 2.1 and 2.4).
///
/// # Errors
/// The table did not answer.
pub(crate) async fn vat_tax(app: &App, organization: &Organization, rate: Decimal) -> Outcome<Tax> {
    let new = tax::of_vat_rate(rate);
    let code = new.code.clone().unwrap_or_default();
    match app.store.tax_by_code(organization.id, &code).await? {
        Some(found) => Ok(found.value),
        None => create_tax(app, organization, new).await,
    }
}

/// Makes the legacy `vat_rate` the organization's only default tax; a rate of 0 leaves none.
///
/// # Errors
/// 422 `vat_rate: multiple_taxes`.
pub(crate) async fn set_default_vat_rate(app: &App, organization: &Organization, rate: Decimal) -> Outcome<()> {
    let taxes = app.store.taxes(organization.id).await?;
    let applied: Vec<_> = taxes.iter().filter(|tax| tax.applied_to_organization).collect();
    match applied.as_slice() {
        [only] if only.rate == rate => return Ok(()),
        [] | [_] => {}
        [_, _, ..] => return Err(Problems::one("vat_rate", MULTIPLE_TAXES).into()),
    }
    let switched = |on| TaxUpdate { applied_to_organization: Some(Some(on)), ..TaxUpdate::default() };
    for tax in applied {
        update_tax(app, organization, &tax.code, switched(false)).await?;
    }
    if !rate.is_zero() {
        let tax = vat_tax(app, organization, rate).await?;
        update_tax(app, organization, &tax.code, switched(true)).await?;
    }
    Ok(())
}

/// The taxes of a customer whose legacy `vat_rate` is set: the rate's own, unless several stand there.
///
/// # Errors
/// 422 `vat_rate: multiple_taxes`.
pub(crate) async fn vat_tax_ids(
    app: &App,
    organization: &Organization,
    present: &[TaxId],
    rate: Decimal,
) -> Outcome<Vec<TaxId>> {
    if present.len() > 1 {
        return Err(Problems::one("vat_rate", MULTIPLE_TAXES).into());
    }
    Ok(vec![vat_tax(app, organization, rate).await?.id])
}

/// Creates a billable metric.
///
/// # Errors
/// 422.
pub async fn create_metric(app: &App, organization: &Organization, new: wire::billable_metric::New) -> Outcome<Metric> {
    app.until_no_conflict(|| async {
        let taken = is_taken(app, organization.id, kinds::METRIC, new.metric.code.as_ref(), None).await?;
        let valid = new.clone().validate(code_is(taken))?;
        let id = MetricId(app.ids.uuid());
        let metric = valid.create(id, app.now(organization), app.ids.sequence(), || app.ids.uuid().into());
        let commit = app.commit(organization).create(&metric).claim(&Alias::new(kinds::METRIC, &metric.code, id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(metric)
    })
    .await
}

fn code_is(taken: bool) -> CodeIs {
    if taken { CodeIs::Taken } else { CodeIs::Free }
}

/// A living metric by its code.
///
/// # Errors
/// 404 `billable_metric_not_found`.
pub async fn metric_by_code(app: &App, organization: OrganizationId, code: &str) -> Outcome<Versioned<Metric>> {
    app.store.metric_by_code(organization, code).await?.ok_or_else(|| Rejection::NotFound("billable_metric").into())
}

/// Changes a metric: dimensions always, the rest only while no charge uses it (chapter 03, 2.4).
///
/// # Errors
/// 404 `billable_metric_not_found`, 422.
pub async fn update_metric(
    app: &App,
    organization: &Organization,
    code: &str,
    update: wire::billable_metric::Update,
) -> Outcome<Metric> {
    app.until_no_conflict(|| async {
        let found = metric_by_code(app, organization.id, code).await?;
        let code = update.metric.code.as_ref().and_then(Option::as_ref);
        let taken = is_taken(app, organization.id, kinds::METRIC, code, Some(found.id.0)).await?;
        let plans = plans_on(app, organization.id, found.id).await?;
        let charged = if plans.is_empty() { Charged::No } else { Charged::Yes };
        let metric = update.clone().apply(&found, charged, code_is(taken), || app.ids.uuid().into())?;
        let mut commit = app.commit(organization).update(&found, &metric);
        commit = advance::renamed(app, organization.id, commit, &metric).await?;
        commit = renamed(commit, kinds::METRIC, &found.code, &metric.code, metric.id.0);
        if metric.groups != found.groups {
            commit = then_flag_drafts(commit, organization, &plans);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(metric)
    })
    .await
}

/// Deletes a metric: its charges are gone with it, finalized invoices keep their fees (chapter 03, 2.6).
///
/// # Errors
/// 404 `billable_metric_not_found`.
pub async fn delete_metric(app: &App, organization: &Organization, code: &str) -> Outcome<Metric> {
    app.until_no_conflict(|| async {
        let found = metric_by_code(app, organization.id, code).await?;
        let plans = plans_on(app, organization.id, found.id).await?;
        let metric = Metric { deleted_at: Some(app.now(organization)), ..found.value.clone() };
        let commit = app.commit(organization).update(&found, &metric).release(kinds::METRIC, &found.code);
        let commit = then_flag_drafts(commit, organization, &plans);
        let commit = advance::renamed(app, organization.id, commit, &metric).await?;
        retry_on_conflict(app.execute(commit).await)?;
        Ok(metric)
    })
    .await
}

/// The plans with a charge on a metric.
async fn plans_on(app: &App, organization: OrganizationId, metric: MetricId) -> Outcome<Vec<PlanId>> {
    let plans = all_plans(app, organization).await?;
    Ok(plans.iter().filter(|plan| plan.charges_for(metric)).map(|plan| plan.id).collect())
}

/// The drafts of these plans are computed again soon (chapter 04, 6.4).
fn then_flag_drafts(commit: Commit, organization: &Organization, plans: &[PlanId]) -> Commit {
    if plans.is_empty() {
        return commit;
    }
    commit.then(&Flag::Plans(plans.to_vec()).message(organization.id))
}

/// Every plan that counts for anything: the living ones of the catalogue, and the plans of subscriptions (children, and
/// plans whose deletion is under way).
///
/// # Errors
/// The table did not answer.
pub async fn all_plans(app: &App, organization: OrganizationId) -> Outcome<Vec<Plan>> {
    let listed = app.store.list_plans(organization, |total| 0..total).await?;
    let mut plans: Vec<Plan> = listed.entries.into_iter().map(|plan| plan.value).collect();
    let records = app.store.list_subscriptions(organization).await?;
    let others = records.iter().map(|record| record.plan_id).filter(|id| !plans.iter().any(|plan| plan.id == *id));
    let others = crate::billing::plans_of(app, organization, others).await?;
    plans.extend(others.into_values().filter(|plan| plan.deleted_at.is_none()));
    Ok(plans)
}

/// The living plans of the catalogue with their overridden copies, each once. One query per plan of the catalogue.
///
/// # Errors
/// The table did not answer.
pub async fn plans_and_children(app: &App, organization: OrganizationId) -> Outcome<Vec<Plan>> {
    let listed = app.store.list_plans(organization, |total| 0..total).await?;
    let mut plans: Vec<Plan> = Vec::with_capacity(listed.entries.len());
    for parent in listed.entries {
        let children = app.store.children_of_plan(organization, parent.id).await?;
        plans.push(parent.value);
        plans.extend(children.into_iter().filter(|child| child.deleted_at.is_none()));
    }
    Ok(plans)
}

/// Every metric of the organization, newest first, deleted ones too.
pub(crate) async fn metrics(app: &App, organization: OrganizationId) -> Outcome<Vec<Metric>> {
    Ok(app.store.metrics(organization).await?.into_iter().map(|metric| metric.value).collect())
}

/// What the catalogue's plans may name, loaded.
pub(crate) struct Names {
    metrics: Vec<Metric>,
    taxes: Vec<Tax>,
}

impl Names {
    pub(crate) async fn load(app: &App, organization: OrganizationId) -> Outcome<Names> {
        let metrics = metrics(app, organization).await?;
        let taxes = app.store.taxes(organization).await?;
        Ok(Names {
            metrics: metrics.into_iter().filter(Metric::is_live).collect(),
            taxes: taxes.into_iter().map(|tax| tax.value).collect(),
        })
    }

    /// Hands the look-ups to a decision.
    pub(crate) fn with<T>(&self, decide: impl FnOnce(Catalogue<'_>) -> T) -> T {
        let metric = |id: MetricId| self.metrics.iter().find(|metric| metric.id == id);
        let tax = |code: &str| self.taxes.iter().find(|tax| tax.code == code).map(|tax| tax.id);
        decide(Catalogue { metric: &metric, tax: &tax })
    }

    /// The ids of tax codes, each once: a code that is sent twice is one tax.
    pub(crate) fn tax_ids(&self, codes: &[String]) -> Outcome<Vec<TaxId>> {
        let mut ids: Vec<TaxId> = Vec::with_capacity(codes.len());
        for code in codes {
            let tax = self.taxes.iter().find(|tax| tax.code == *code);
            let id = tax.ok_or_else(|| Failure::from(Rejection::NotFound("tax")))?.id;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// Creates a plan with its charges, all or nothing.
///
/// # Errors
/// 404 `billable_metrics_not_found`, 422, 404 `tax_not_found`.
pub async fn create_plan(app: &App, organization: &Organization, new: NewPlan) -> Outcome<Plan> {
    app.until_no_conflict(|| async {
        let names = Names::load(app, organization.id).await?;
        let taken = is_taken(app, organization.id, kinds::PLAN, new.code.as_ref(), None).await?;
        let (id, now, seq) = (PlanId(app.ids.uuid()), app.now(organization), app.ids.sequence());
        let created = names.with(|catalogue| {
            plan::create(new.clone(), catalogue, id, now, seq, &mut || ChargeId(app.ids.uuid())) //
        });
        let plan = refuse_taken(created, taken)?;
        let commit = app.commit(organization).create(&plan).claim(&Alias::new(kinds::PLAN, &plan.code, id));
        let commit = advance::recounted(app, organization.id, commit, None, Some(&plan)).await?;
        retry_on_conflict(app.execute(commit).await)?;
        Ok(plan)
    })
    .await
}

/// A taken code is reported beside the other fields; something unknown is told first.
fn refuse_taken(decided: Result<Plan, Refused>, taken: bool) -> Result<Plan, Failure> {
    match decided {
        Err(refused @ Refused::NotFound(_)) => Err(refused.into()),
        Err(Refused::Invalid(problems)) => with_taken(Err(problems), taken).map_err(Failure::from),
        Ok(plan) => with_taken(Ok(plan), taken).map_err(Failure::from),
    }
}

/// A listed plan by its code.
///
/// # Errors
/// 404 `plan_not_found`.
pub async fn plan_by_code(app: &App, organization: OrganizationId, code: &str) -> Outcome<Versioned<Plan>> {
    app.store.plan_by_code(organization, code).await?.ok_or_else(|| Rejection::NotFound("plan").into())
}

/// Changes a plan; one that has or had subscriptions keeps its terms (chapter 02, 2.3).
///
/// # Errors
/// 404 `plan_not_found`, 404 `billable_metrics_not_found`, 422, 404 `tax_not_found`.
pub async fn update_plan(app: &App, organization: &Organization, code: &str, update: PlanUpdate) -> Outcome<Plan> {
    app.until_no_conflict(|| async {
        let found = plan_by_code(app, organization.id, code).await?;
        let names = Names::load(app, organization.id).await?;
        let is_attached = app.store.is_subscribed_to(organization.id, found.id).await?;
        let attached = if is_attached { Attached::Yes } else { Attached::No };
        // An attached plan keeps its code, whatever is asked.
        let code = update.code.as_ref().and_then(Option::as_ref).filter(|_| attached == Attached::No);
        let taken = is_taken(app, organization.id, kinds::PLAN, code, Some(found.id.0)).await?;
        let now = app.now(organization);
        let edited = names.with(|catalogue| {
            plan::edit(&found, update.clone(), attached, catalogue, now, &mut || ChargeId(app.ids.uuid())) //
        });
        let plan = refuse_taken(edited, taken)?;
        let mut commit = app.commit(organization).update(&found, &plan);
        commit = advance::recounted(app, organization.id, commit, Some(&found), Some(&plan)).await?;
        commit = renamed(commit, kinds::PLAN, &found.code, &plan.code, plan.id.0);
        if found.changes_drafts(&plan) && attached == Attached::Yes {
            commit = then_flag_drafts(commit, organization, &[plan.id]);
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(plan)
    })
    .await
}

/// Begins the deletion of a plan: it is invisible from now on, its subscriptions end in the background (chapter 02, 2.4).
///
/// # Errors
/// 404 `plan_not_found`.
pub async fn delete_plan(app: &App, organization: &Organization, code: &str) -> Outcome<Plan> {
    app.until_no_conflict(|| async {
        let found = plan_by_code(app, organization.id, code).await?;
        let plan = Plan { pending_deletion: true, ..found.value.clone() };
        let job = BillingJob::DeletePlan { organization_id: organization.id.0, plan_id: found.id.0, work: None };
        let commit = app.commit(organization).update(&found, &plan).then(&job.message(&found.id.to_string()));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(plan)
    })
    .await
}

/// The job: ends every subscription of a plan and of its children, finalizes the drafts that they are on, then deletes the
/// plans and frees the code.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub async fn finish_plan_deletion(app: &App, organization: OrganizationId, id: PlanId) -> Outcome<()> {
    let Some(plan) = app.store.plan(organization, id).await?.filter(|plan| plan.deleted_at.is_none()) else {
        return Ok(());
    };
    let organization = app.organization(organization).await?;
    let plans = all_plans(app, organization.id).await?;
    let children = plans.iter().filter(|child| child.parent_id == Some(id)).map(|child| child.id);
    let now = app.now(&organization);
    let ids: Vec<PlanId> = children.chain([id]).collect();
    for id in &ids {
        for record in app.store.subscriptions_of_plan(organization.id, *id).await? {
            crate::subscription::end_by_deletion(app, &organization, record.customer_id, record.id, now).await?;
        }
    }
    let drafts = app.store.drafts(organization.id, None).await?;
    // Each customer's oldest first, as they come.
    for draft in drafts.iter().filter(|draft| draft.plans.iter().any(|plan| ids.contains(plan))) {
        billing::finalize(app, organization.id, draft.invoice, now).await?;
    }
    for id in ids {
        delete_plan_record(app, &organization, id, now).await?;
    }
    tracing::info!(org.id = %organization.id, plan.id = %id, "plan {} deleted", plan.code);
    Ok(())
}

async fn delete_plan_record(app: &App, organization: &Organization, id: PlanId, now: Instant) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let Some(found) = app.store.plan(organization.id, id).await? else { return Ok(()) };
        if found.deleted_at.is_some() {
            return Ok(());
        }
        let plan = Plan { deleted_at: Some(now), pending_deletion: false, ..found.value.clone() };
        let commit = app.commit(organization).update(&found, &plan);
        let commit = advance::recounted(app, organization.id, commit, Some(&found), None).await?;
        let commit = if found.parent_id.is_none() { commit.release(kinds::PLAN, &found.code) } else { commit };
        retry_on_conflict(app.execute(commit).await)
    })
    .await
}
