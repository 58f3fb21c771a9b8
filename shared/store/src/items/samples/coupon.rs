//! Coupons and add-ons for tests.

use domain::add_on::AddOn;
use domain::coupon::{AppliedCoupon, Coupon, Discount, Expiration, Frequency, Limit};
use domain::id::{AddOnId, AppliedCouponId, CouponId, CustomerId, InvoiceId, MetricId, PlanId, TaxId};
use domain::money::Currency;
use rust_decimal_macros::dec;

use super::{at, id};
use crate::items::{CouponCredit, CouponUse};

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

pub fn coupon(full: bool) -> Coupon {
    Coupon {
        id: CouponId(id(37)),
        name: "Spring é".into(),
        code: "spring".into(),
        description: full.then(|| "x".into()),
        discount: if full {
            Discount::Fixed { amount_cents: 1200, currency: Currency::EUR }
        } else {
            Discount::Percentage(dec!(12.34567))
        },
        frequency: if full { Frequency::Recurring } else { Frequency::Once },
        frequency_duration: full.then_some(3),
        reusable: full,
        limit: if full { Limit::Metrics(vec![MetricId(id(12))]) } else { Limit::None },
        expiration: if full { Expiration::TimeLimit } else { Expiration::NoExpiration },
        expiration_at: full.then(|| at("2024-03-05T00:00:00Z")),
        was_applied: full,
        created_at: at("2024-01-05T00:00:00Z"),
        created_seq: 44,
        terminated_at: full.then(|| at("2024-03-05T00:00:00Z")),
        deleted_at: full.then(|| at("2024-03-06T00:00:00Z")),
    }
}

pub fn coupon_use() -> CouponUse {
    CouponUse { coupon: CouponId(id(37)), customer: CustomerId(id(3)), applied_coupon: AppliedCouponId(id(36)) }
}

pub fn add_on(full: bool) -> AddOn {
    AddOn {
        id: AddOnId(id(38)),
        name: "Set-up é".into(),
        code: "setup".into(),
        invoice_display_name: full.then(|| "Start".into()),
        description: full.then(|| "x".into()),
        amount_cents: 1200,
        currency: Currency::EUR,
        tax_ids: if full { vec![TaxId(id(4))] } else { Vec::new() },
        created_at: at("2024-01-05T00:00:00Z"),
        created_seq: 46,
        deleted_at: full.then(|| at("2024-03-06T00:00:00Z")),
    }
}
