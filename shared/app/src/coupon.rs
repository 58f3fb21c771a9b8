//! Coupons: making them, giving them to customers, ending them. Rules: chapter 04, 9.
//!
//! What an invoice takes of them is settled with the invoice: see `settlement`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::coupon::{
    self, Applied, AppliedCoupon, Coupon, CouponUpdate, Discount, Limit, NewCoupon, Refused, Targets,
};
use domain::customer::Customer;
use domain::id::{AppliedCouponId, CouponId, CustomerId, MetricId, OrganizationId, PlanId};
use domain::organization::Organization;
use domain::time::Instant;
use store::Versioned;
use store::alias::{Alias, kinds};
use store::items::{CouponUse, LiveKind};
use store::keys;
use wire::coupon::{AppliedOutput, AppliedStatus, Output, Request, TargetCodes};
use wire::invoice::Credit;

use crate::billing::plans_of;
use crate::catalogue::{is_taken, renamed, with_taken};
use crate::jobs::BillingJob;
use crate::settlement::mark_of;
use crate::{App, Failure, Outcome, Rejection, customer, retry_on_conflict};

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Rejected(match refused {
            Refused::Overlapping => Rejection::NotAllowed("plan_overlapping"),
            Refused::Invalid(problems) => Rejection::Invalid(problems),
        })
    }
}

/// Creates a coupon.
///
/// # Errors
/// 404 `plans_not_found`, `billable_metrics_not_found`; 405 `only_one_limitation_type_per_coupon_allowed`; 422.
pub async fn create(app: &App, organization: &Organization, new: NewCoupon, codes: &TargetCodes) -> Outcome<Coupon> {
    app.until_no_conflict(|| async {
        let limit = limit(app, organization.id, &Limit::None, codes).await?;
        let taken = is_taken(app, organization.id, kinds::COUPON, new.code.as_ref(), None).await?;
        let id = CouponId(app.ids.uuid());
        let valid = coupon::create(new.clone(), limit, id, app.now(organization), app.ids.sequence());
        let coupon = with_taken(valid, taken)?;
        let commit = app.commit(organization).create(&coupon).claim(&Alias::new(kinds::COUPON, &coupon.code, id));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(coupon)
    })
    .await
}

/// The limit that `codes` make of `present` (chapter 05, 2.7).
async fn limit(app: &App, organization: OrganizationId, present: &Limit, codes: &TargetCodes) -> Outcome<Limit> {
    let mut targets = Targets::default();
    if let Some(codes) = &codes.plans {
        let mut plans = Vec::new();
        for code in codes {
            let found = app.store.plan_by_code(organization, code).await?;
            plans.push(found.ok_or(Failure::from(Rejection::NotFound("plans")))?.id);
        }
        targets.plans = Some(distinct(plans));
    }
    if let Some(codes) = &codes.metrics {
        let mut metrics = Vec::new();
        for code in codes {
            let found = app.store.metric_by_code(organization, code).await?;
            metrics.push(found.ok_or(Failure::from(Rejection::NotFound("billable_metrics")))?.id);
        }
        targets.metrics = Some(distinct(metrics));
    }
    let both = Rejection::NotAllowed("only_one_limitation_type_per_coupon_allowed");
    coupon::limit(present, targets).ok_or_else(|| both.into())
}

fn distinct<T: PartialEq>(ids: Vec<T>) -> Vec<T> {
    let mut seen = Vec::with_capacity(ids.len());
    for id in ids {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen
}

/// A coupon that is not deleted, by its code.
///
/// # Errors
/// 404 `coupon_not_found`.
pub async fn by_code(app: &App, organization: OrganizationId, code: &str) -> Outcome<Versioned<Coupon>> {
    app.store.coupon_by_code(organization, code).await?.ok_or_else(|| Rejection::NotFound("coupon").into())
}

/// Changes a coupon; of one that was ever applied only name and expiration (chapter 04, 9.1).
///
/// # Errors
/// 404 `coupon_not_found`, else as for `create`.
pub async fn update(
    app: &App,
    organization: &Organization,
    code: &str,
    update: CouponUpdate,
    codes: &TargetCodes,
) -> Outcome<Coupon> {
    app.until_no_conflict(|| async {
        let found = by_code(app, organization.id, code).await?;
        let (limit, code) = if found.was_applied {
            (found.limit.clone(), None)
        } else {
            let limit = limit(app, organization.id, &found.limit, codes).await?;
            (limit, update.code.as_ref().and_then(Option::as_ref))
        };
        let taken = is_taken(app, organization.id, kinds::COUPON, code, Some(found.id.0)).await?;
        let coupon = with_taken(coupon::edit(&found, update.clone(), limit), taken)?;
        let commit = app.commit(organization).update(&found, &coupon);
        let commit = renamed(commit, kinds::COUPON, &found.code, &coupon.code, coupon.id.0);
        retry_on_conflict(app.execute(commit).await)?;
        Ok(coupon)
    })
    .await
}

/// Deletes a coupon: its code is free at once, what was applied of it ends in the background (chapter 04, 9.2).
///
/// # Errors
/// 404 `coupon_not_found`.
pub async fn delete(app: &App, organization: &Organization, code: &str) -> Outcome<Coupon> {
    app.until_no_conflict(|| async {
        let found = by_code(app, organization.id, code).await?;
        let coupon = Coupon { deleted_at: Some(app.now(organization)), ..found.value.clone() };
        let mut commit = app.commit(organization).update(&found, &coupon).release(kinds::COUPON, &found.code);
        if coupon.was_applied {
            let (organization_id, coupon_id) = (organization.id.0, coupon.id.0);
            let job = BillingJob::DeleteCoupon { organization_id, coupon_id, work: None };
            commit = commit.then(&job.message(&coupon.id.to_string()));
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(coupon)
    })
    .await
}

/// The job: ends everything that was applied of a deleted coupon.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub async fn finish_deletion(app: &App, organization: OrganizationId, id: CouponId) -> Outcome<()> {
    let organization = app.organization(organization).await?;
    let Some(coupon) = app.store.coupon(organization.id, id).await? else { return Ok(()) };
    let at = coupon.deleted_at.unwrap_or_else(|| app.now(&organization));
    for found in app.store.coupon_uses(organization.id, id, None).await? {
        end_applied(app, &organization, found.applied_coupon, at).await?;
    }
    Ok(())
}

/// Ends a coupon whose expiration has passed, at its own minute 30 (chapter 04, 9.2). What was applied of it goes on.
///
/// # Errors
/// `Unavailable`: it is due still.
pub async fn expire(app: &App, organization: OrganizationId, id: CouponId, now: Instant) -> Outcome<()> {
    let organization = app.organization(organization).await?;
    app.until_no_conflict(|| async {
        let Some(found) = app.store.coupon(organization.id, id).await? else { return Ok(()) };
        let Some(swept) = found.swept(now) else { return Ok(()) };
        retry_on_conflict(app.execute(app.commit(&organization).update(&found, &swept)).await)
    })
    .await
}

/// Applies a coupon to a customer (chapter 04, 9.4).
///
/// # Errors
/// The rows of the chapter's table, in its order.
pub async fn apply(app: &App, organization: &Organization, request: &Request) -> Outcome<AppliedOutput> {
    app.until_no_conflict(|| async {
        let external_id = request.external_customer_id.as_deref().unwrap_or_default();
        let holder = customer::by_external_id(app, organization.id, external_id).await?;
        let now = app.now(organization);
        let code = request.coupon_code.as_deref().unwrap_or_default();
        let coupon = by_code(app, organization.id, code).await?;
        if !coupon.is_applicable(now) {
            return Err(Failure::from(Rejection::NotFound("coupon")).into());
        }
        let file = customer::file(app, organization.id, holder.id).await?;
        let marks = file.live.iter().filter(|mark| mark.kind == LiveKind::AppliedCoupon);
        let active: Vec<_> = marks.map(|mark| AppliedCouponId(mark.id)).collect();
        let active = app.store.applied_coupons_by_id(organization.id, &active).await?;
        let active: Vec<AppliedCoupon> = active.into_iter().map(|applied| applied.value).collect();
        let limits = active.iter().map(|applied| &applied.limit).chain([&coupon.limit]);
        let charged = charged(app, organization.id, limits).await?;
        let had_it = !app.store.coupon_uses(organization.id, coupon.id, Some(holder.id)).await?.is_empty();
        let identity = (AppliedCouponId(app.ids.uuid()), now, app.ids.sequence());
        let applied = Applied { active: &active, had_it, charged: &charged };
        let editable = customer::editable(&file);
        let asked = request.application.clone();
        let (applied, currency) = coupon::apply(&coupon, &file.customer, editable, applied, asked, identity)?;
        let has_currency = matches!(applied.discount, Discount::Fixed { .. });
        // Two coupons for one customer take turns at the customer's record: neither misses the other's limit.
        let changed = Customer {
            currency,
            is_currency_fixed: file.customer.is_currency_fixed || has_currency,
            ..file.customer.value.clone()
        };
        let (coupon_id, customer_id) = (coupon.id, holder.id);
        let used = CouponUse { coupon: coupon_id, customer: customer_id, applied_coupon: applied.id };
        let commit = app.commit(organization).update(&file.customer, &changed);
        let commit = commit.create(&applied).create(&mark_of(&applied)).create(&used);
        let commit = if coupon.was_applied {
            commit.unchanged(&coupon)
        } else {
            commit.update(&coupon, &Coupon { was_applied: true, ..coupon.value.clone() })
        };
        retry_on_conflict(app.execute(commit).await)?;
        Ok(AppliedOutput::new(&applied, &coupon, &holder.external_id))
    })
    .await
}

/// The metrics that plans of limits charge.
async fn charged(
    app: &App,
    organization: OrganizationId,
    limits: impl Iterator<Item = &Limit>,
) -> Outcome<BTreeMap<PlanId, Vec<MetricId>>> {
    let mut ids: Vec<PlanId> = Vec::new();
    for limit in limits {
        match limit {
            Limit::Plans(plans) => ids.extend(plans),
            Limit::None | Limit::Metrics(_) => {}
        }
    }
    let plans = plans_of(app, organization, ids.into_iter()).await?;
    let metrics = |plan: &domain::plan::Plan| plan.charges.iter().map(|charge| charge.metric_id).collect();
    Ok(plans.iter().map(|(id, plan)| (*id, metrics(plan))).collect())
}

/// Ends an applied coupon; one that has ended stays as it is.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn end_applied(
    app: &App,
    organization: &Organization,
    id: AppliedCouponId,
    at: Instant,
) -> Outcome<Option<AppliedCoupon>> {
    app.until_no_conflict(|| async {
        let Some(found) = app.store.applied_coupon(organization.id, id).await? else { return Ok(None) };
        if !found.is_active() {
            return Ok(Some(found.value));
        }
        let ended = found.terminated(at);
        let commit = app.commit(organization).update(&found, &ended).remove(&mark_of(&ended));
        retry_on_conflict(app.execute(commit).await)?;
        Ok(Some(ended))
    })
    .await
}

/// Takes an applied coupon away from a customer (chapter 04, 9.5). Credits made with it stay.
///
/// # Errors
/// 404 `customer_not_found`, `applied_coupon_not_found`.
pub async fn remove(
    app: &App,
    organization: &Organization,
    external_customer_id: &str,
    id: Option<AppliedCouponId>,
) -> Outcome<AppliedOutput> {
    let customer = customer::by_external_id(app, organization.id, external_customer_id).await?;
    let missing = || Failure::from(Rejection::NotFound("applied_coupon"));
    let id = id.ok_or_else(missing)?;
    let found = app.store.applied_coupon(organization.id, id).await?;
    found.filter(|found| found.customer_id == customer.id).ok_or_else(missing)?;
    let ended = end_applied(app, organization, id, app.now(organization)).await?.ok_or_else(missing)?;
    let coupon = app.store.coupon(organization.id, ended.coupon_id).await?;
    let coupon = coupon.ok_or_else(|| Failure::Bug(format!("coupon {} is missing", ended.coupon_id)))?;
    Ok(AppliedOutput::new(&ended, &coupon, &customer.external_id))
}

/// A part of the applied coupons of living customers and coupons, newest first, with their credits, and how many there are.
///
/// # Errors
/// The table did not answer.
pub async fn list_applied(
    app: &App,
    organization: &Organization,
    external_customer_id: Option<&str>,
    status: Option<AppliedStatus>,
    range: impl Fn(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<AppliedOutput>)> {
    let holder = match external_customer_id {
        Some(external_id) => match app.store.customer_by_external_id(organization.id, external_id).await? {
            Some(customer) => Some(customer.id),
            None => return Ok((0, Vec::new())),
        },
        None => None,
    };
    let all = app.store.list_applied_coupons(organization.id, holder).await?;
    let coupons = coupons_of(app, organization.id, all.iter().map(|applied| applied.coupon_id)).await?;
    let customers = customers_of(app, organization.id, all.iter().map(|applied| applied.customer_id)).await?;
    let mut shown = Vec::new();
    for applied in all.into_iter().filter(|applied| status.is_none_or(|status| status.fits(applied))) {
        let coupon = coupons.get(&applied.coupon_id).filter(|coupon| coupon.deleted_at.is_none());
        let customer = customers.get(&applied.customer_id).filter(|customer| customer.deleted_at.is_none());
        if let Some((coupon, customer)) = coupon.zip(customer) {
            shown.push((applied.value, coupon, customer));
        }
    }
    let total = shown.len();
    let Range { start, end } = range(total);
    let mut outputs = Vec::new();
    for (applied, coupon, customer) in shown.get(start..end.min(total)).unwrap_or_default() {
        let credits = credits_of(app, organization.id, applied.id).await?;
        outputs.push(AppliedOutput::new(applied, coupon, &customer.external_id).with_credits(credits));
    }
    Ok((total, outputs))
}

async fn coupons_of(
    app: &App,
    organization: OrganizationId,
    ids: impl Iterator<Item = CouponId>,
) -> Outcome<BTreeMap<CouponId, Coupon>> {
    let ids: Vec<CouponId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let found = app.store.coupons_by_id(organization, &ids).await?;
    Ok(found.into_iter().map(|coupon| (coupon.id, coupon.value)).collect())
}

async fn customers_of(
    app: &App,
    organization: OrganizationId,
    ids: impl Iterator<Item = CustomerId>,
) -> Outcome<BTreeMap<CustomerId, Customer>> {
    let ids = ids.collect::<BTreeSet<_>>();
    let keys: Vec<_> = ids.into_iter().map(|id| keys::customer(organization, id)).collect();
    let found = app.store.load_many::<Customer>(&keys).await?;
    Ok(found.into_iter().flatten().map(|customer| (customer.value.id, customer.value)).collect())
}

/// What an applied coupon took off, oldest first.
async fn credits_of(app: &App, organization: OrganizationId, id: AppliedCouponId) -> Outcome<Vec<Credit>> {
    let mut credits = Vec::new();
    for invoice in app.store.invoices_of_applied_coupon(organization, id).await? {
        let Some(invoice) = app.store.invoice(organization, invoice).await? else { continue };
        let shown = wire::invoice::credits(&invoice);
        for (line, shown) in invoice.credits.iter().zip(shown) {
            if line.applied_coupon() == Some(id) {
                credits.push(((line.created_at, invoice.created_seq), shown));
            }
        }
    }
    credits.sort_by_key(|(order, _)| *order);
    Ok(credits.into_iter().map(|(_, shown)| shown).collect())
}

/// Coupons with the codes of what they are limited to, in the order given. What was deleted has no code any more.
///
/// # Errors
/// The table did not answer.
pub async fn shown(app: &App, organization: OrganizationId, coupons: &[Coupon]) -> Outcome<Vec<Output>> {
    let mut plan_ids: Vec<PlanId> = Vec::new();
    let mut has_metrics = false;
    for coupon in coupons {
        match &coupon.limit {
            Limit::None => {}
            Limit::Plans(plans) => plan_ids.extend(plans),
            Limit::Metrics(_) => has_metrics = true,
        }
    }
    let plans = plans_of(app, organization, plan_ids.into_iter()).await?;
    let metrics = if has_metrics { app.store.metrics(organization).await? } else { Vec::new() };
    let plan_code = |id: &PlanId| plans.get(id).filter(|plan| plan.is_listed()).map(|plan| plan.code.clone());
    let metric_code = |id: &MetricId| {
        let metric = metrics.iter().find(|metric| metric.id == *id && metric.is_live());
        metric.map(|metric| metric.code.clone())
    };
    let output = |coupon: &Coupon| {
        let (plans, metrics) = match &coupon.limit {
            Limit::None => (Vec::new(), Vec::new()),
            Limit::Plans(plans) => (plans.iter().filter_map(plan_code).collect(), Vec::new()),
            Limit::Metrics(metrics) => (Vec::new(), metrics.iter().filter_map(metric_code).collect()),
        };
        Output::new(coupon, plans, metrics)
    };
    Ok(coupons.iter().map(output).collect())
}
