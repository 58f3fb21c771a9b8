//! Coupons, coupons applied to customers, and add-ons.

use std::ops::Range;

use domain::add_on::AddOn;
use domain::coupon::{AppliedCoupon, Coupon};
use domain::id::{AddOnId, AppliedCouponId, CouponId, CustomerId, InvoiceId, OrganizationId};

use super::{Listed, Store};
use crate::alias::kinds;
use crate::items::{CouponCredit, CouponUse};
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::{Index, Order, Query};

impl Store {
    /// A coupon, deleted or not. One read.
    pub async fn coupon(
        &self,
        organization: OrganizationId,
        id: CouponId,
    ) -> Result<Option<Versioned<Coupon>>, LoadError> {
        self.load(&keys::coupon(organization, id)).await
    }

    /// The coupon with a code that is not deleted. Two reads.
    pub async fn coupon_by_code(
        &self,
        organization: OrganizationId,
        code: &str,
    ) -> Result<Option<Versioned<Coupon>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::COUPON, code).await? else { return Ok(None) };
        let coupon = self.coupon(organization, CouponId(id)).await?;
        Ok(coupon.filter(|coupon| coupon.deleted_at.is_none() && coupon.code == code))
    }

    /// The coupons with these ids, deleted or not, in their order, without those that do not exist. One batch.
    pub async fn coupons_by_id(
        &self,
        organization: OrganizationId,
        ids: &[CouponId],
    ) -> Result<Vec<Versioned<Coupon>>, LoadError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::coupon(organization, *id)).collect();
        self.load_present(&keys).await
    }

    /// A part of the coupons that are not deleted, newest first.
    pub async fn list_coupons(
        &self,
        organization: OrganizationId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<Coupon>, LoadError> {
        let partition = keys::list_of(organization, keys::COUPONS);
        let mut listed: Listed<Coupon> = self.list(Index::ByOrganization, partition, Order::Descending, range).await?;
        // The index may still name coupons that were deleted a moment ago.
        listed.entries.retain(|coupon| coupon.deleted_at.is_none());
        Ok(listed)
    }

    /// Who got a coupon, ever: everybody, or one customer. One query.
    pub async fn coupon_uses(
        &self,
        organization: OrganizationId,
        coupon: CouponId,
        customer: Option<CustomerId>,
    ) -> Result<Vec<CouponUse>, LoadError> {
        let partition = keys::coupon(organization, coupon).partition;
        let items = self.items(Query::prefix(partition, &keys::coupon_uses(customer))).await?;
        let uses = items.iter().map(from_item).collect::<Result<Vec<Versioned<CouponUse>>, _>>()?;
        Ok(uses.into_iter().map(|found| found.value).collect())
    }

    /// An applied coupon. One read.
    pub async fn applied_coupon(
        &self,
        organization: OrganizationId,
        id: AppliedCouponId,
    ) -> Result<Option<Versioned<AppliedCoupon>>, LoadError> {
        self.load(&keys::applied_coupon(organization, id)).await
    }

    /// The applied coupons with these ids, in their order, without those that do not exist. One batch.
    pub async fn applied_coupons_by_id(
        &self,
        organization: OrganizationId,
        ids: &[AppliedCouponId],
    ) -> Result<Vec<Versioned<AppliedCoupon>>, LoadError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::applied_coupon(organization, *id)).collect();
        self.load_present(&keys).await
    }

    /// Every applied coupon of an organization or of one customer, newest first. The index, and a batch of all.
    pub async fn list_applied_coupons(
        &self,
        organization: OrganizationId,
        customer: Option<CustomerId>,
    ) -> Result<Vec<Versioned<AppliedCoupon>>, LoadError> {
        let (index, partition) = match customer {
            Some(customer) => (Index::ByParent, keys::children_of(organization, customer.0, keys::APPLIED_COUPONS)),
            None => (Index::ByOrganization, keys::list_of(organization, keys::APPLIED_COUPONS)),
        };
        Ok(self.list(index, partition, Order::Descending, |total| 0..total).await?.entries)
    }

    /// The invoices that an applied coupon may stand on: their lines decide. One query.
    pub async fn invoices_of_applied_coupon(
        &self,
        organization: OrganizationId,
        id: AppliedCouponId,
    ) -> Result<Vec<InvoiceId>, LoadError> {
        let partition = keys::applied_coupon(organization, id).partition;
        let items = self.items(Query::prefix(partition, keys::COUPON_CREDITS)).await?;
        let credits = items.iter().map(from_item).collect::<Result<Vec<Versioned<CouponCredit>>, _>>()?;
        Ok(credits.into_iter().map(|credit| credit.value.invoice).collect())
    }

    /// The add-on with a code that is not deleted. Two reads.
    pub async fn add_on_by_code(
        &self,
        organization: OrganizationId,
        code: &str,
    ) -> Result<Option<Versioned<AddOn>>, LoadError> {
        let Some(id) = self.owner_of(organization, kinds::ADD_ON, code).await? else { return Ok(None) };
        let add_on: Option<Versioned<AddOn>> = self.load(&keys::add_on(organization, AddOnId(id))).await?;
        Ok(add_on.filter(|add_on| add_on.deleted_at.is_none() && add_on.code == code))
    }

    /// A part of the add-ons that are not deleted, newest first.
    pub async fn list_add_ons(
        &self,
        organization: OrganizationId,
        range: impl FnOnce(usize) -> Range<usize>,
    ) -> Result<Listed<AddOn>, LoadError> {
        let partition = keys::list_of(organization, keys::ADD_ONS);
        let mut listed: Listed<AddOn> = self.list(Index::ByOrganization, partition, Order::Descending, range).await?;
        listed.entries.retain(|add_on| add_on.deleted_at.is_none());
        Ok(listed)
    }
}
