//! Giving a coupon to a customer (chapter 04, 9.4).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::input::{needed, positive};
use super::{AppliedCoupon, Coupon, Discount, Frequency, Limit};
use crate::customer::{Customer, Editable, implied_currency};
use crate::id::{AppliedCouponId, MetricId, PlanId};
use crate::money::Currency;
use crate::number;
use crate::problem::{Problems, codes};
use crate::time::Instant;

/// The terms asked for: what is none is the coupon's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Application {
    /// `amount_cents`.
    pub amount_cents: Option<i64>,
    /// `amount_currency`.
    pub currency: Option<Currency>,
    /// `percentage_rate`.
    pub percentage_rate: Option<Decimal>,
    /// `frequency`.
    pub frequency: Option<Frequency>,
    /// `frequency_duration`.
    pub frequency_duration: Option<i64>,
    /// What could not be read.
    pub unread: Problems,
}

/// Why a coupon is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is limited, and another of the customer's is good for the same fees: 405 `plan_overlapping`.
    #[error("another coupon of the customer is good for the same fees")]
    Overlapping,
    /// Fields and their codes.
    #[error("the input is not valid")]
    Invalid(Problems),
}

/// What the customer has already.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// Its active applied coupons.
    pub active: &'a [AppliedCoupon],
    /// Whether it ever had this coupon.
    pub had_it: bool,
    /// Metrics that the limits' plans charge.
    pub charged: &'a BTreeMap<PlanId, Vec<MetricId>>,
}

/// The coupon applied to a customer, and the currency that the customer has then. Both exist and may be used.
///
/// # Errors
/// The first row of the chapter's table that applies.
pub fn apply(
    coupon: &Coupon,
    customer: &Customer,
    editable: Editable,
    applied: Applied<'_>,
    asked: Application,
    (id, at, seq): (AppliedCouponId, Instant, i64),
) -> Result<(AppliedCoupon, Option<Currency>), Refused> {
    if applied.active.iter().any(|other| overlaps(&coupon.limit, &other.limit, applied.charged)) {
        return Err(Refused::Overlapping);
    }
    if !coupon.reusable && applied.had_it {
        return Err(Refused::Invalid(Problems::one("coupon", "coupon_is_not_reusable")));
    }
    if asked.unread.has("amount_currency") {
        return Err(Refused::Invalid(Problems::one("amount_currency", codes::INVALID)));
    }
    let mut problems = asked.unread;
    let mut currency = customer.currency;
    let discount = match coupon.discount {
        Discount::Fixed { amount_cents, currency: own } => {
            let brought = asked.currency.unwrap_or(own);
            let implied = implied_currency(customer.currency, editable == Editable::Yes, brought);
            currency =
                Some(implied.map_err(|_| Refused::Invalid(Problems::one("currency", codes::CURRENCIES_DIFFER)))?);
            positive(&mut problems, "amount_cents", asked.amount_cents);
            Discount::Fixed { amount_cents: asked.amount_cents.unwrap_or(amount_cents), currency: brought }
        }
        Discount::Percentage(rate) => {
            let rate = asked.percentage_rate.map_or(rate, |rate| number::round(rate, 5));
            if rate <= Decimal::ZERO {
                problems.add("percentage_rate", codes::OUT_OF_RANGE);
            }
            Discount::Percentage(rate)
        }
    };
    let frequency = asked.frequency.unwrap_or(coupon.frequency);
    let duration = asked.frequency_duration.or(coupon.frequency_duration);
    if frequency == Frequency::Recurring {
        needed(&mut problems, "frequency_duration", duration);
        positive(&mut problems, "frequency_duration", duration);
    }
    let made = AppliedCoupon {
        id,
        coupon_id: coupon.id,
        coupon_code: coupon.code.clone(),
        coupon_name: coupon.name.clone(),
        customer_id: customer.id,
        discount,
        frequency,
        frequency_duration: duration,
        frequency_duration_remaining: duration,
        limit: coupon.limit.clone(),
        credited_cents: 0,
        created_at: at,
        created_seq: seq,
        terminated_at: None,
    };
    problems.or((made, currency)).map_err(Refused::Invalid)
}

/// Whether two limited coupons are good for the same fees: the same plans or metrics, or a plan that charges a metric. Two
/// coupons of which one is good for everything never overlap.
#[must_use]
pub fn overlaps(one: &Limit, other: &Limit, charged: &BTreeMap<PlanId, Vec<MetricId>>) -> bool {
    let charges = |plans: &[PlanId], metrics: &[MetricId]| {
        let mut charged = plans.iter().filter_map(|plan| charged.get(plan)).flatten();
        charged.any(|metric| metrics.contains(metric))
    };
    match (one, other) {
        (Limit::None, _) | (_, Limit::None) => false,
        (Limit::Plans(plans), Limit::Plans(others)) => plans.iter().any(|plan| others.contains(plan)),
        (Limit::Metrics(metrics), Limit::Metrics(others)) => metrics.iter().any(|metric| others.contains(metric)),
        (Limit::Plans(plans), Limit::Metrics(metrics)) | (Limit::Metrics(metrics), Limit::Plans(plans)) => {
            charges(plans, metrics)
        }
    }
}
