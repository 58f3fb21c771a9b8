//! Coupons for tests: applied, used.

use domain::coupon::{AppliedCoupon, Discount, Frequency, Limit};
use domain::id::{AppliedCouponId, CouponId, CustomerId, InvoiceId, PlanId};
use domain::money::Currency;
use rust_decimal_macros::dec;

use super::{at, id};
use crate::items::CouponCredit;

pub fn applied_coupon(full: bool) -> AppliedCoupon {
    AppliedCoupon {
        id: AppliedCouponId(id(36)),
        coupon_id: CouponId(id(37)),
        coupon_code: "spring".into(),
        coupon_name: "Spring é".into(),
        customer_id: CustomerId(id(3)),
        discount: if full {
            Discount::Fixed { amount_cents: 1200, currency: Currency::EUR }
        } else {
            Discount::Percentage(dec!(12.34567))
        },
        frequency: if full { Frequency::Recurring } else { Frequency::Forever },
        frequency_duration: full.then_some(3),
        frequency_duration_remaining: full.then_some(0),
        limit: if full { Limit::Plans(vec![PlanId(id(5))]) } else { Limit::None },
        credited_cents: 3600,
        created_at: at("2024-01-05T00:00:00Z"),
        created_seq: 45,
        terminated_at: full.then(|| at("2024-03-05T00:00:00Z")),
    }
}

pub fn coupon_credit() -> CouponCredit {
    CouponCredit { applied_coupon: AppliedCouponId(id(36)), invoice: InvoiceId(id(20)) }
}
