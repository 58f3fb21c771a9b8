//! Stored forms of coupons applied to customers, and of what leads from them to the invoices that they were used on.

use domain::coupon::{AppliedCoupon, Discount, Frequency, Limit};
use domain::id::{AppliedCouponId, CouponId, CustomerId, InvoiceId, MetricId, PlanId};
use domain::ledger::{self, Movement};
use domain::money::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, at, of_texts, texts_of, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

words!(Frequency { Once = "once", Recurring = "recurring", Forever = "forever" });

/// The stored form of what a coupon takes off.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StoredDiscount {
    Fixed { amount_cents: i64, currency: Text<Currency> },
    Percentage { rate: Text<Decimal> },
}

impl From<Discount> for StoredDiscount {
    fn from(discount: Discount) -> Self {
        match discount {
            Discount::Fixed { amount_cents, currency } => {
                StoredDiscount::Fixed { amount_cents, currency: Text(currency) }
            }
            Discount::Percentage(rate) => StoredDiscount::Percentage { rate: Text(rate) },
        }
    }
}

impl From<StoredDiscount> for Discount {
    fn from(stored: StoredDiscount) -> Self {
        match stored {
            StoredDiscount::Fixed { amount_cents, currency } => Discount::Fixed { amount_cents, currency: currency.0 },
            StoredDiscount::Percentage { rate } => Discount::Percentage(rate.0),
        }
    }
}

/// The stored form of a coupon's limit.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum StoredLimit {
    None,
    Plans(Vec<Text<PlanId>>),
    Metrics(Vec<Text<MetricId>>),
}

impl From<&Limit> for StoredLimit {
    fn from(limit: &Limit) -> Self {
        match limit {
            Limit::None => StoredLimit::None,
            Limit::Plans(plans) => StoredLimit::Plans(texts_of(plans)),
            Limit::Metrics(metrics) => StoredLimit::Metrics(texts_of(metrics)),
        }
    }
}

impl From<StoredLimit> for Limit {
    fn from(stored: StoredLimit) -> Self {
        match stored {
            StoredLimit::None => Limit::None,
            StoredLimit::Plans(plans) => Limit::Plans(of_texts(plans)),
            StoredLimit::Metrics(metrics) => Limit::Metrics(of_texts(metrics)),
        }
    }
}

/// The stored form of an applied coupon.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAppliedCoupon {
    id: Text<AppliedCouponId>,
    coupon_id: Text<CouponId>,
    coupon_code: String,
    coupon_name: String,
    customer_id: Text<CustomerId>,
    discount: StoredDiscount,
    frequency: Text<Frequency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_duration_remaining: Option<i64>,
    limit: StoredLimit,
    credited_cents: i64,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminated_at: Option<Micros>,
}

impl From<&AppliedCoupon> for StoredAppliedCoupon {
    fn from(coupon: &AppliedCoupon) -> Self {
        let AppliedCoupon {
            id,
            coupon_id,
            coupon_code,
            coupon_name,
            customer_id,
            discount,
            frequency,
            frequency_duration,
            frequency_duration_remaining,
            limit,
            credited_cents,
            created_at,
            created_seq,
            terminated_at,
        } = coupon;
        StoredAppliedCoupon {
            id: Text(*id),
            coupon_id: Text(*coupon_id),
            coupon_code: coupon_code.clone(),
            coupon_name: coupon_name.clone(),
            customer_id: Text(*customer_id),
            discount: (*discount).into(),
            frequency: Text(*frequency),
            frequency_duration: *frequency_duration,
            frequency_duration_remaining: *frequency_duration_remaining,
            limit: limit.into(),
            credited_cents: *credited_cents,
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            terminated_at: terminated_at.map(Micros),
        }
    }
}

impl Record for AppliedCoupon {
    const KIND: &'static str = "applied_coupon";
    const SCHEMA: u32 = 1;
    type Stored = StoredAppliedCoupon;

    fn key(&self, scope: Scope) -> Key {
        keys::applied_coupon(scope.organization, self.id)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (at, seq) = (self.created_at, self.created_seq);
        vec![
            keys::in_list(scope.organization, keys::APPLIED_COUPONS, at, seq),
            keys::in_children(scope.organization, self.customer_id.0, keys::APPLIED_COUPONS, at, seq),
        ]
    }

    fn movements(before: Option<&Self>, after: &Self) -> Vec<Movement> {
        ledger::of_applied_coupon(before, after)
    }

    fn to_stored(&self) -> StoredAppliedCoupon {
        self.into()
    }

    fn from_stored(stored: StoredAppliedCoupon) -> Result<Self, DecodeError> {
        Ok(AppliedCoupon {
            id: stored.id.0,
            coupon_id: stored.coupon_id.0,
            coupon_code: stored.coupon_code,
            coupon_name: stored.coupon_name,
            customer_id: stored.customer_id.0,
            discount: stored.discount.into(),
            frequency: stored.frequency.0,
            frequency_duration: stored.frequency_duration,
            frequency_duration_remaining: stored.frequency_duration_remaining,
            limit: stored.limit.into(),
            credited_cents: stored.credited_cents,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            terminated_at: at(stored.terminated_at),
        })
    }
}

/// Leads from an applied coupon to an invoice that it was used on. Written before the invoice, so it may lead to one that
/// was never made, or that has no such line in the end: the invoice decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponCredit {
    /// The applied coupon.
    pub applied_coupon: AppliedCouponId,
    /// The invoice.
    pub invoice: InvoiceId,
}

/// The stored form of a coupon's credit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCouponCredit {
    applied_coupon: Text<AppliedCouponId>,
    invoice: Text<InvoiceId>,
}

impl Record for CouponCredit {
    const KIND: &'static str = "coupon_credit";
    const SCHEMA: u32 = 1;
    type Stored = StoredCouponCredit;

    fn key(&self, scope: Scope) -> Key {
        keys::coupon_credit(scope.organization, self.applied_coupon, self.invoice)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredCouponCredit {
        StoredCouponCredit { applied_coupon: Text(self.applied_coupon), invoice: Text(self.invoice) }
    }

    fn from_stored(stored: StoredCouponCredit) -> Result<Self, DecodeError> {
        Ok(CouponCredit { applied_coupon: stored.applied_coupon.0, invoice: stored.invoice.0 })
    }
}
