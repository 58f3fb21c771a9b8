//! Step 2 of settlement: coupons, before taxes, spread over the fees (chapter 04, 4).

use rust_decimal::Decimal;

use super::Parents;
use crate::coupon::{AppliedCoupon, Discount, Frequency, Limit};
use crate::id::{CreditId, InvoiceId, PlanId, derived};
use crate::invoice::{AmountOverflow, CouponValue, CreditLine, CreditSource, Fee, Invoice};
use crate::number;
use crate::time::Instant;

/// A coupon that stands on the invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedCoupon {
    /// The applied coupon after use: its counter, what was credited, whether it has ended.
    pub coupon: AppliedCoupon,
    /// The line that it made.
    pub credit: CreditLine,
}

/// Takes the customer's coupons off the invoice, one after the other, and spreads each over its fees.
///
/// Nothing happens if the fees come to nothing: no counter moves.
pub(super) fn apply(
    invoice: &mut Invoice,
    mut coupons: Vec<AppliedCoupon>,
    parents: &Parents,
    at: Instant,
) -> Result<Vec<UsedCoupon>, AmountOverflow> {
    let fees = invoice.fees.iter().try_fold(0_i64, |sum, fee| sum.checked_add(fee.amount_cents));
    let mut sub_total = fees.ok_or(AmountOverflow)?;
    let mut used = Vec::new();
    coupons.sort_by_key(|coupon| (class(coupon), coupon.created_at, coupon.created_seq));
    for coupon in coupons.into_iter().filter(AppliedCoupon::is_active) {
        if sub_total <= 0 {
            break;
        }
        let Some(amount_cents) = apply_one(invoice, &coupon, parents, sub_total) else { continue };
        sub_total -= amount_cents;
        let credit = credit(invoice.id, &coupon, amount_cents, at);
        invoice.credits.push(credit.clone());
        used.push(UsedCoupon { coupon: after(coupon, amount_cents, at), credit });
    }
    Ok(used)
}

/// Coupons limited to metrics come first, then those limited to plans, then the others (chapter 04, 4.1).
fn class(coupon: &AppliedCoupon) -> u8 {
    match coupon.limit {
        Limit::Metrics(_) => 0,
        Limit::Plans(_) => 1,
        Limit::None => 2,
    }
}

/// What one coupon takes off, spread over its fees; none if it is skipped (chapter 04, 4.2).
fn apply_one(invoice: &mut Invoice, coupon: &AppliedCoupon, parents: &Parents, sub_total: i64) -> Option<i64> {
    let is_other_currency = match coupon.discount {
        Discount::Fixed { currency, .. } => currency != invoice.currency,
        Discount::Percentage(_) => false,
    };
    if is_other_currency || is_credited(invoice, coupon) {
        return None;
    }
    let eligible: Vec<usize> =
        (0..invoice.fees.len()).filter(|place| is_eligible(invoice, &invoice.fees[*place], coupon, parents)).collect();
    if eligible.is_empty() {
        return None;
    }
    let of_eligible = |amount: fn(&Fee) -> Decimal| eligible.iter().map(|place| amount(&invoice.fees[*place])).sum();
    let (base, spread_over): (i64, Decimal) = match coupon.limit {
        Limit::None => (sub_total, Decimal::from(sub_total)),
        // Fees under two limited coupons share the second by what the first has left of them.
        Limit::Plans(_) | Limit::Metrics(_) => {
            let gross: Decimal = of_eligible(|fee| Decimal::from(fee.amount_cents));
            // Never more than what is left: a plan that got a metric later may bring both coupons to one fee.
            (i64::try_from(gross).ok()?, of_eligible(Fee::net))
        }
    };
    // Whole minor units of it; what the rounding of shares has left over is no part of one.
    let left = i64::try_from(number::trunc(number::round(spread_over, 4), 0)).ok()?.min(sub_total).max(0);
    let amount_cents = worth(coupon, base).min(left).max(0);
    if !spread_over.is_zero() {
        for place in eligible {
            let fee = &mut invoice.fees[place];
            fee.coupon_share = share(fee, amount_cents, spread_over);
        }
    }
    Some(amount_cents)
}

fn is_credited(invoice: &Invoice, coupon: &AppliedCoupon) -> bool {
    invoice.credits.iter().any(|line| match &line.source {
        CreditSource::Coupon { applied_coupon_id, .. } => *applied_coupon_id == coupon.id,
        CreditSource::CreditNote { .. } => false,
    })
}

fn is_eligible(invoice: &Invoice, fee: &Fee, coupon: &AppliedCoupon, parents: &Parents) -> bool {
    let plan = || -> Option<PlanId> {
        let billed = invoice.subscriptions.iter().find(|billed| Some(billed.subscription_id) == fee.subscription_id);
        billed.map(|billed| billed.plan_id)
    };
    match &coupon.limit {
        Limit::None => true,
        Limit::Metrics(metrics) => fee.charge().is_some_and(|item| metrics.contains(&item.metric_id)),
        Limit::Plans(plans) => {
            plan().is_some_and(|id| plans.contains(&id) || parents.get(&id).is_some_and(|id| plans.contains(id)))
        }
    }
}

/// What a coupon takes off a base, minor units.
fn worth(coupon: &AppliedCoupon, base: i64) -> i64 {
    match coupon.discount {
        Discount::Percentage(rate) => {
            let exact = number::round(number::mul_div(Decimal::from(base), rate, Decimal::ONE_HUNDRED), 0);
            // A share above 64 bits is above the base.
            i64::try_from(exact).unwrap_or(base).min(base)
        }
        Discount::Fixed { amount_cents, .. } => coupon.remaining_cents().unwrap_or(amount_cents).min(base),
    }
}

/// A fee's share of all coupons after one of `amount_cents`, 5 decimals: never more than the fee.
fn share(fee: &Fee, amount_cents: i64, base: Decimal) -> Decimal {
    let part = number::mul_div(Decimal::from(amount_cents), fee.net(), base);
    let share = number::round(fee.coupon_share + part, 5);
    let whole = Decimal::from(fee.amount_cents);
    // A credit of a negative plan takes its (negative) part, but no more than itself either.
    if whole.is_sign_negative() { share.max(whole) } else { share.min(whole) }
}

fn credit(invoice: InvoiceId, coupon: &AppliedCoupon, amount_cents: i64, at: Instant) -> CreditLine {
    CreditLine {
        id: CreditId(derived("coupon credit", &[invoice.0.as_bytes(), coupon.id.0.as_bytes()])),
        amount_cents,
        source: CreditSource::Coupon {
            applied_coupon_id: coupon.id,
            coupon_id: coupon.coupon_id,
            code: coupon.coupon_code.clone(),
            name: coupon.coupon_name.clone(),
            value: match coupon.discount {
                Discount::Fixed { amount_cents, .. } => CouponValue::Fixed(amount_cents),
                Discount::Percentage(rate) => CouponValue::Percentage(rate),
            },
        },
        created_at: at,
    }
}

/// The applied coupon after a credit: its counter counts invoices, and what is used up ends (chapter 04, 4.2).
fn after(coupon: AppliedCoupon, amount_cents: i64, at: Instant) -> AppliedCoupon {
    let remaining = match coupon.frequency {
        Frequency::Recurring => coupon.frequency_duration_remaining.map(|remaining| remaining - 1),
        Frequency::Once | Frequency::Forever => coupon.frequency_duration_remaining,
    };
    let is_used_up = match coupon.frequency {
        Frequency::Once => coupon.remaining_cents().is_none_or(|left| amount_cents >= left),
        Frequency::Recurring => remaining.is_none_or(|remaining| remaining <= 0),
        Frequency::Forever => false,
    };
    AppliedCoupon {
        frequency_duration_remaining: remaining,
        credited_cents: coupon.credited_cents.saturating_add(amount_cents),
        terminated_at: is_used_up.then_some(at),
        ..coupon
    }
}
