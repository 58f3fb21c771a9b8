//! Coupons, and coupons applied to customers.

use domain::coupon::AppliedCoupon;
use domain::id::{AppliedCouponId, InvoiceId, OrganizationId};

use super::Store;
use crate::items::CouponCredit;
use crate::keys;
use crate::record::{LoadError, Versioned, from_item};
use crate::table::Query;

impl Store {
    /// The applied coupons with these ids, in their order, without those that do not exist. One batch.
    pub async fn applied_coupons_by_id(
        &self,
        organization: OrganizationId,
        ids: &[AppliedCouponId],
    ) -> Result<Vec<Versioned<AppliedCoupon>>, LoadError> {
        let keys: Vec<_> = ids.iter().map(|id| keys::applied_coupon(organization, *id)).collect();
        self.load_present(&keys).await
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
}
