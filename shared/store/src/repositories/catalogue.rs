//! The catalogue: taxes, metrics, plans.

use std::ops::Range;

use domain::id::{CustomerId, MetricId, OrganizationId, PlanId, TaxId};
use domain::metric::Metric;
use domain::plan::Plan;
use domain::tax::Tax;

use super::{Listed, Store};
use crate::alias::kinds;
use crate::items::Draft;
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::{Index, Order, Query};

impl Store {
    /// Every tax, newest first. One query.
    pub async fn taxes(&self, organization: OrganizationId) -> Result<Vec<Versioned<Tax>>, LoadError> {
        self.newest_first(keys::taxes(organization), |tax: &Tax| (tax.created_at, tax.created_seq)).await
    }

    /// The tax with a code. Two reads.
    pub async fn tax_by_code(
        &self,
        organization: OrganizationId,
        code: &str,
    ) -> Result<Option<Versioned<Tax>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::TAX, code).await? else { return Ok(None) };
        let tax: Option<Versioned<Tax>> = self.load(&keys::tax(organization, TaxId(id))).await?;
        Ok(tax.filter(|tax| tax.code == code))
    }

    /// Every metric, newest first, deleted ones too. One query.
    pub async fn metrics(&self, organization: OrganizationId) -> Result<Vec<Versioned<Metric>>, LoadError> {
        self.newest_first(keys::metrics(organization), |metric: &Metric| (metric.created_at, metric.created_seq)).await
    }

    /// A metric, deleted or not. One read.
    pub async fn metric(
        &self,
        organization: OrganizationId,
        id: MetricId,
    ) -> Result<Option<Versioned<Metric>>, LoadError> {
        self.load(&keys::metric(organization, id)).await
    }

    /// The live metric with a code. Two reads.
    pub async fn metric_by_code(
        &self,
        organization: OrganizationId,
        code: &str,
    ) -> Result<Option<Versioned<Metric>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::METRIC, code).await? else { return Ok(None) };
        let metric = self.metric(organization, MetricId(id)).await?;
        Ok(metric.filter(|metric| metric.is_live() && metric.code == code))
    }

    /// A plan, parent or child, deleted or not. One read.
    pub async fn plan(&self, organization: OrganizationId, id: PlanId) -> Result<Option<Versioned<Plan>>, LoadError> {
        self.load(&keys::plan(organization, id)).await
    }

    /// The plans with these ids, in their order, without those that do not exist.
    pub async fn plans_by_id(
        &self,
        organization: OrganizationId,
        ids: &[PlanId],
    ) -> Result<Vec<Versioned<Plan>>, LoadError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::plan(organization, *id)).collect();
        self.load_present(&keys).await
    }

    /// The listed plan with a code. Two reads.
    pub async fn plan_by_code(
        &self,
        organization: OrganizationId,
        code: &str,
    ) -> Result<Option<Versioned<Plan>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::PLAN, code).await? else { return Ok(None) };
        let plan = self.plan(organization, PlanId(id)).await?;
        Ok(plan.filter(|plan| plan.is_listed() && plan.code == code))
    }

    /// A part of the listed plans, newest first.
    pub async fn list_plans(
        &self,
        organization: OrganizationId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Plan>, LoadError> {
        let partition = keys::list_of(organization, keys::PLANS);
        let mut listed: Listed<Plan> = self.list(Index::ByOrganization, partition, Order::Descending, range).await?;
        // The index may still name plans that were deleted a moment ago.
        listed.entries.retain(|plan| plan.is_listed());
        Ok(listed)
    }

    /// The overridden copies of a plan.
    pub async fn child_plans(&self, organization: OrganizationId, parent: PlanId) -> Result<Vec<PlanId>, LoadError> {
        Ok(self.children_of_plan(organization, parent).await?.into_iter().map(|child| child.id).collect())
    }

    /// The overridden copies of a plan, deleted ones too, in order of creation. From an index.
    pub async fn children_of_plan(&self, organization: OrganizationId, parent: PlanId) -> Result<Vec<Plan>, LoadError> {
        let partition = keys::children_of(organization, parent.0, keys::PLANS);
        let found = self.index_keys(Index::ByParent, partition, Order::Ascending).await?;
        let children: Vec<Option<Versioned<Plan>>> = self.load_many(&found).await?;
        Ok(children.into_iter().flatten().map(|child| child.value).collect())
    }

    /// The marks of all draft invoices, or of a customer's. Those of one customer stand together, the oldest first. One
    /// query.
    pub async fn drafts(
        &self,
        organization: OrganizationId,
        customer: Option<CustomerId>,
    ) -> Result<Vec<Draft>, LoadError> {
        let of_customer = customer.map(keys::drafts_of).unwrap_or_default();
        let items = self.items(Query::prefix(keys::drafts(organization), &of_customer)).await?;
        let drafts = items.iter().map(from_item).collect::<Result<Vec<Versioned<Draft>>, _>>()?;
        Ok(drafts.into_iter().map(|draft| draft.value).collect())
    }
}
