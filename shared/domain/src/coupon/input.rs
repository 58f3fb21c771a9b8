//! Making and editing coupons (chapter 04, 9.1; chapter 05, 2.7).

use rust_decimal::Decimal;

use super::{Coupon, Discount, Expiration, Frequency, Limit};
use crate::id::{CouponId, MetricId, PlanId};
use crate::money::Currency;
use crate::number;
use crate::problem::{Problems, codes};
use crate::time::Instant;

/// What kind of discount is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponKind {
    /// `fixed_amount`.
    FixedAmount,
    /// `percentage`.
    Percentage,
}

/// A coupon as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewCoupon {
    /// `name`.
    pub name: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `coupon_type`.
    pub kind: Option<CouponKind>,
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
    /// `reusable`; absent is true.
    pub reusable: Option<bool>,
    /// `expiration`; absent is none.
    pub expiration: Option<Expiration>,
    /// `expiration_at`, or the end of `expiration_date`.
    pub expiration_at: Option<Instant>,
    /// What could not be read.
    pub unread: Problems,
}

/// An edit as asked for. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::option_option)] // Absent, null and set are three wishes.
pub struct CouponUpdate {
    /// `name`.
    pub name: Option<Option<String>>,
    /// `code`.
    pub code: Option<Option<String>>,
    /// `description`.
    pub description: Option<Option<String>>,
    /// `coupon_type`.
    pub kind: Option<Option<CouponKind>>,
    /// `amount_cents`.
    pub amount_cents: Option<Option<i64>>,
    /// `amount_currency`.
    pub currency: Option<Option<Currency>>,
    /// `percentage_rate`.
    pub percentage_rate: Option<Option<Decimal>>,
    /// `frequency`.
    pub frequency: Option<Option<Frequency>>,
    /// `frequency_duration`.
    pub frequency_duration: Option<Option<i64>>,
    /// `reusable`.
    pub reusable: Option<Option<bool>>,
    /// `expiration`.
    pub expiration: Option<Option<Expiration>>,
    /// `expiration_at`, or the end of `expiration_date`.
    pub expiration_at: Option<Option<Instant>>,
    /// What could not be read.
    pub unread: Problems,
}

/// `applies_to`: codes found, by kind. None is a key that was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    /// The plans of `plan_codes`.
    pub plans: Option<Vec<PlanId>>,
    /// The metrics of `billable_metric_codes`.
    pub metrics: Option<Vec<MetricId>>,
}

/// The limit that `targets` make of `present`: a list that was sent replaces, an empty one removes its kind of limit, and
/// one of the other kind switches it. None if both kinds are wanted at once: that is not allowed.
#[must_use]
pub fn limit(present: &Limit, targets: Targets) -> Option<Limit> {
    let wants = |count: Option<usize>| count.is_some_and(|count| count > 0);
    match (targets.plans, targets.metrics) {
        (plans, metrics) if wants(plans.as_ref().map(Vec::len)) && wants(metrics.as_ref().map(Vec::len)) => None,
        (Some(plans), _) if !plans.is_empty() => Some(Limit::Plans(plans)),
        (_, Some(metrics)) if !metrics.is_empty() => Some(Limit::Metrics(metrics)),
        (plans, metrics) => Some(match present {
            Limit::Plans(_) if plans.is_some() => Limit::None,
            Limit::Metrics(_) if metrics.is_some() => Limit::None,
            Limit::None | Limit::Plans(_) | Limit::Metrics(_) => present.clone(),
        }),
    }
}

/// A new coupon. Whether its code is free is checked by whoever stores it.
///
/// # Errors
/// Every field that is wrong (chapter 04, 9.1).
pub fn create(
    new: NewCoupon,
    limit: Limit,
    id: CouponId,
    created_at: Instant,
    created_seq: i64,
) -> Result<Coupon, Problems> {
    let terms = terms(new)?;
    Ok(Coupon { id, limit, created_at, created_seq, ..terms })
}

/// The coupon after an edit, with the checks of creation on what it would be. Once it was applied, only name and expiration
/// change, whatever else is asked.
///
/// # Errors
/// Every field that is wrong.
pub fn edit(coupon: &Coupon, update: CouponUpdate, limit: Limit) -> Result<Coupon, Problems> {
    let update = if coupon.was_applied { only_expiration(update) } else { update };
    let limit = if coupon.was_applied { coupon.limit.clone() } else { limit };
    let (kind, amount_cents, currency, percentage_rate) = match coupon.discount {
        Discount::Fixed { amount_cents, currency } => {
            (CouponKind::FixedAmount, Some(amount_cents), Some(currency), None)
        }
        Discount::Percentage(rate) => (CouponKind::Percentage, None, None, Some(rate)),
    };
    let asked = NewCoupon {
        name: update.name.unwrap_or_else(|| Some(coupon.name.clone())),
        code: update.code.unwrap_or_else(|| Some(coupon.code.clone())),
        description: update.description.unwrap_or_else(|| coupon.description.clone()),
        kind: update.kind.unwrap_or(Some(kind)),
        amount_cents: update.amount_cents.unwrap_or(amount_cents),
        currency: update.currency.unwrap_or(currency),
        percentage_rate: update.percentage_rate.unwrap_or(percentage_rate),
        frequency: update.frequency.unwrap_or(Some(coupon.frequency)),
        frequency_duration: update.frequency_duration.unwrap_or(coupon.frequency_duration),
        reusable: update.reusable.unwrap_or(Some(coupon.reusable)),
        expiration: update.expiration.unwrap_or(Some(coupon.expiration)),
        expiration_at: update.expiration_at.unwrap_or(coupon.expiration_at),
        unread: update.unread,
    };
    let Coupon { name, code, description, discount, frequency, frequency_duration, reusable, .. } =
        terms(asked.clone())?;
    Ok(Coupon {
        name,
        code,
        description,
        discount,
        frequency,
        frequency_duration,
        reusable,
        limit,
        expiration: asked.expiration.unwrap_or_default(),
        expiration_at: asked.expiration_at,
        ..coupon.clone()
    })
}

/// What of an edit counts for a coupon that was applied. Other keys are ignored, bad values too.
fn only_expiration(update: CouponUpdate) -> CouponUpdate {
    let mut unread = Problems::default();
    for (field, found) in update.unread.fields() {
        if ["name", "expiration", "expiration_at", "expiration_date"].contains(&field.as_str()) {
            found.iter().for_each(|code| unread.add(field, code));
        }
    }
    CouponUpdate {
        name: update.name,
        expiration: update.expiration,
        expiration_at: update.expiration_at,
        unread,
        ..CouponUpdate::default()
    }
}

/// What is asked for as a coupon without identity.
fn terms(new: NewCoupon) -> Result<Coupon, Problems> {
    let mut problems = new.unread;
    let name = problems.mandatory("name", new.name);
    let code = problems.mandatory("code", new.code);
    let discount = match needed(&mut problems, "coupon_type", new.kind) {
        None => None,
        Some(CouponKind::FixedAmount) => {
            let amount_cents = needed(&mut problems, "amount_cents", new.amount_cents);
            positive(&mut problems, "amount_cents", amount_cents);
            let currency = needed(&mut problems, "amount_currency", new.currency);
            amount_cents.zip(currency).map(|(amount_cents, currency)| Discount::Fixed { amount_cents, currency })
        }
        Some(CouponKind::Percentage) => {
            let rate = needed(&mut problems, "percentage_rate", new.percentage_rate);
            let rate = rate.map(|rate| number::round(rate, 5));
            if rate.is_some_and(|rate| rate <= Decimal::ZERO) {
                problems.add("percentage_rate", codes::OUT_OF_RANGE);
            }
            rate.map(Discount::Percentage)
        }
    };
    let frequency = needed(&mut problems, "frequency", new.frequency);
    if frequency == Some(Frequency::Recurring) {
        let duration = needed(&mut problems, "frequency_duration", new.frequency_duration);
        positive(&mut problems, "frequency_duration", duration);
    }
    let nothing = Coupon {
        id: CouponId(uuid::Uuid::nil()),
        name,
        code,
        description: new.description,
        discount: Discount::Percentage(Decimal::ZERO),
        frequency: Frequency::Once,
        frequency_duration: new.frequency_duration,
        reusable: new.reusable.unwrap_or(true),
        limit: Limit::None,
        expiration: new.expiration.unwrap_or_default(),
        expiration_at: new.expiration_at,
        was_applied: false,
        created_at: Instant::UNIX_EPOCH,
        created_seq: 0,
        terminated_at: None,
        deleted_at: None,
    };
    match (discount, frequency) {
        (Some(discount), Some(frequency)) => problems.or(Coupon { discount, frequency, ..nothing }),
        // A missing one was noted as a problem.
        (_, _) => Err(problems),
    }
}

/// `value`, or `value_is_mandatory` noted, unless what was sent was found unreadable already.
pub(super) fn needed<T>(problems: &mut Problems, field: &str, value: Option<T>) -> Option<T> {
    if value.is_none() && !problems.has(field) {
        problems.add(field, codes::MANDATORY);
    }
    value
}

pub(super) fn positive(problems: &mut Problems, field: &str, value: Option<i64>) {
    if value.is_some_and(|value| value <= 0) {
        problems.add(field, codes::OUT_OF_RANGE);
    }
}
