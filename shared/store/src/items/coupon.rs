//! Stored forms of coupons, and of who got them.

use domain::coupon::{Coupon, Expiration, Frequency};
use domain::id::{AppliedCouponId, CouponId, CustomerId};
use serde::{Deserialize, Serialize};

use super::applied_coupon::{StoredDiscount, StoredLimit};
use super::form::{Micros, Text, at, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

words!(Expiration { NoExpiration = "no_expiration", TimeLimit = "time_limit" });

/// The stored form of a coupon.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCoupon {
    id: Text<CouponId>,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    discount: StoredDiscount,
    frequency: Text<Frequency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_duration: Option<i64>,
    reusable: bool,
    limit: StoredLimit,
    expiration: Text<Expiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_at: Option<Micros>,
    was_applied: bool,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminated_at: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Micros>,
}

impl From<&Coupon> for StoredCoupon {
    fn from(coupon: &Coupon) -> Self {
        let Coupon {
            id,
            name,
            code,
            description,
            discount,
            frequency,
            frequency_duration,
            reusable,
            limit,
            expiration,
            expiration_at,
            was_applied,
            created_at,
            created_seq,
            terminated_at,
            deleted_at,
        } = coupon;
        StoredCoupon {
            id: Text(*id),
            name: name.clone(),
            code: code.clone(),
            description: description.clone(),
            discount: (*discount).into(),
            frequency: Text(*frequency),
            frequency_duration: *frequency_duration,
            reusable: *reusable,
            limit: limit.into(),
            expiration: Text(*expiration),
            expiration_at: expiration_at.map(Micros),
            was_applied: *was_applied,
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            terminated_at: terminated_at.map(Micros),
            deleted_at: deleted_at.map(Micros),
        }
    }
}

impl Record for Coupon {
    const KIND: &'static str = "coupon";
    const SCHEMA: u32 = 1;
    type Stored = StoredCoupon;

    fn key(&self, scope: Scope) -> Key {
        keys::coupon(scope.organization, self.id)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let Scope { organization, timeline } = scope;
        if self.deleted_at.is_some() {
            return Vec::new();
        }
        let mut entries = vec![keys::in_list(organization, keys::COUPONS, self.created_at, self.created_seq)];
        entries.extend(self.next_due().map(|at| keys::due(organization, timeline, self.id.0, at)));
        entries
    }

    fn to_stored(&self) -> StoredCoupon {
        self.into()
    }

    fn from_stored(stored: StoredCoupon) -> Result<Self, DecodeError> {
        Ok(Coupon {
            id: stored.id.0,
            name: stored.name,
            code: stored.code,
            description: stored.description,
            discount: stored.discount.into(),
            frequency: stored.frequency.0,
            frequency_duration: stored.frequency_duration,
            reusable: stored.reusable,
            limit: stored.limit.into(),
            expiration: stored.expiration.0,
            expiration_at: at(stored.expiration_at),
            was_applied: stored.was_applied,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            terminated_at: at(stored.terminated_at),
            deleted_at: at(stored.deleted_at),
        })
    }
}

/// That a customer got a coupon: it stays when the applied coupon has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponUse {
    /// The coupon.
    pub coupon: CouponId,
    /// The customer.
    pub customer: CustomerId,
    /// The coupon as applied to it.
    pub applied_coupon: AppliedCouponId,
}

/// The stored form of a coupon's use.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCouponUse {
    coupon: Text<CouponId>,
    customer: Text<CustomerId>,
    applied_coupon: Text<AppliedCouponId>,
}

impl Record for CouponUse {
    const KIND: &'static str = "coupon_use";
    const SCHEMA: u32 = 1;
    type Stored = StoredCouponUse;

    fn key(&self, scope: Scope) -> Key {
        keys::coupon_use(scope.organization, self.coupon, self.customer, self.applied_coupon)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredCouponUse {
        let CouponUse { coupon, customer, applied_coupon } = *self;
        StoredCouponUse { coupon: Text(coupon), customer: Text(customer), applied_coupon: Text(applied_coupon) }
    }

    fn from_stored(stored: StoredCouponUse) -> Result<Self, DecodeError> {
        let StoredCouponUse { coupon, customer, applied_coupon } = stored;
        Ok(CouponUse { coupon: coupon.0, customer: customer.0, applied_coupon: applied_coupon.0 })
    }
}
