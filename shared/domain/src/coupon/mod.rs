//! Coupons, and coupons applied to customers. Rules: chapter 04, 9. What they take off an invoice: `invoice::settlement`.
//!
//! Owns: what a coupon may be, who may get it, when it ends.
//!
//! Invariants:
//! - A coupon is limited to plans or to metrics, never to both.
//! - A recurring coupon has a number of invoices.
//! - What was applied once keeps its terms: only its name and its expiration change.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::id::{AppliedCouponId, CouponId, CustomerId, MetricId, PlanId};
use crate::money::Currency;
use crate::time::Instant;

mod apply;
mod input;

pub use apply::{Application, Applied, Refused, apply, overlaps};
pub use input::{CouponKind, CouponUpdate, NewCoupon, Targets, create, edit, limit};

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// An amount.
    Fixed {
        /// Minor units, above 0.
        amount_cents: i64,
        /// Their currency: invoices of others are left alone.
        currency: Currency,
    },
    /// A share, percent with 5 decimals, above 0.
    Percentage(Decimal),
}

/// How often an applied coupon is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    /// Until it is used up: once for a percentage, until nothing remains for an amount.
    Once,
    /// On a number of invoices.
    Recurring,
    /// On every invoice.
    Forever,
}

/// Which fees a coupon is good for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Limit {
    /// Every fee of an invoice.
    #[default]
    None,
    /// Fees of subscriptions to these plans or to their overridden copies.
    Plans(Vec<PlanId>),
    /// Charge fees of these metrics.
    Metrics(Vec<MetricId>),
}

/// Whether a coupon ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiration {
    /// Never.
    #[default]
    NoExpiration,
    /// At its `expiration_at`, if it has one.
    TimeLimit,
}

/// A discount that customers may get.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupon {
    /// Id.
    pub id: CouponId,
    /// Name, printed on invoices.
    pub name: String,
    /// Code, unique among the organization's coupons that are not deleted.
    pub code: String,
    /// Internal note.
    pub description: Option<String>,
    /// What it takes off.
    pub discount: Discount,
    /// How often.
    pub frequency: Frequency,
    /// Invoices that a recurring one is good for.
    pub frequency_duration: Option<i64>,
    /// Whether a customer may get it more than once.
    pub reusable: bool,
    /// Which fees.
    pub limit: Limit,
    /// Whether it ends by itself.
    pub expiration: Expiration,
    /// Last moment that it can be applied, with a time limit.
    pub expiration_at: Option<Instant>,
    /// Whether it was ever applied: then its terms are fixed.
    pub was_applied: bool,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it ended, by itself or by hand: it cannot be applied any more, what was applied goes on.
    pub terminated_at: Option<Instant>,
    /// When it was deleted, if it was: what was applied has ended too.
    pub deleted_at: Option<Instant>,
}

impl Coupon {
    /// Whether it can be applied at `now` (chapter 04, 9.4): from its expiration on it cannot, swept or not (00-index).
    #[must_use]
    pub fn is_applicable(&self, now: Instant) -> bool {
        let is_expired = self.expires_at().is_some_and(|at| at <= now);
        self.deleted_at.is_none() && self.terminated_at.is_none() && !is_expired
    }

    /// Its expiration, if it has one.
    fn expires_at(&self) -> Option<Instant> {
        match self.expiration {
            Expiration::NoExpiration => None,
            Expiration::TimeLimit => self.expiration_at,
        }
    }

    /// When the hourly sweep ends it: the first minute 30 after its expiration; none if it does not end by itself any more.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let is_live = self.deleted_at.is_none() && self.terminated_at.is_none();
        self.expires_at().filter(|_| is_live).map(sweep_after)
    }

    /// It, as the sweep at `at` leaves it.
    #[must_use]
    pub fn swept(&self, at: Instant) -> Option<Coupon> {
        self.next_due().filter(|due| *due <= at).map(|due| Coupon { terminated_at: Some(due), ..self.clone() })
    }
}

/// The first minute 30 of an hour strictly after `at` (chapter 04, 9.2 and 14).
fn sweep_after(at: Instant) -> Instant {
    let since = (at - TimeDelta::minutes(30)).timestamp().rem_euclid(3600);
    Instant::from_timestamp(at.timestamp() + 3600 - since, 0).unwrap_or(at)
}

/// A coupon as it was applied to a customer, with terms of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedCoupon {
    /// Id.
    pub id: AppliedCouponId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// Its code.
    pub coupon_code: String,
    /// Its name when it was applied or last used.
    pub coupon_name: String,
    /// The customer.
    pub customer_id: CustomerId,
    /// What it takes off: its own, or the coupon's then.
    pub discount: Discount,
    /// How often: its own, or the coupon's then.
    pub frequency: Frequency,
    /// Invoices that it was good for at first.
    pub frequency_duration: Option<i64>,
    /// Invoices that it is still good for.
    pub frequency_duration_remaining: Option<i64>,
    /// Which fees: the coupon's.
    pub limit: Limit,
    /// Sum of all credits ever made with it, on voided invoices too: those are lost (chapter 04, 6.6). Minor units.
    pub credited_cents: i64,
    /// When it was applied.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it was used up or removed, if it was.
    pub terminated_at: Option<Instant>,
}

impl AppliedCoupon {
    /// Whether it can still take something off.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.terminated_at.is_none()
    }

    /// What is left of an amount that is used once, minor units; none for the others (chapter 04, 9.3).
    #[must_use]
    pub fn remaining_cents(&self) -> Option<i64> {
        match (self.discount, self.frequency) {
            (Discount::Fixed { amount_cents, .. }, Frequency::Once) => {
                Some(amount_cents.saturating_sub(self.credited_cents))
            }
            (Discount::Fixed { .. }, Frequency::Recurring | Frequency::Forever) | (Discount::Percentage(_), _) => None,
        }
    }

    /// It, ended at `at`; what has ended before keeps its instant.
    #[must_use]
    pub fn terminated(&self, at: Instant) -> AppliedCoupon {
        AppliedCoupon { terminated_at: self.terminated_at.or(Some(at)), ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
