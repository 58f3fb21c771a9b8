//! What applied coupons post: of an amount that is used up over invoices, what is left. What they take off an invoice, the
//! invoice posts.

use super::{Account, AccountKind, Document, DocumentKind, Draft, Event, Movement};
use crate::coupon::{AppliedCoupon, Discount};

/// The entries of an applied coupon that changed from `before` (none: it was just applied) to `after`. A use is dated by the
/// invoice of its commit.
#[must_use]
pub fn of_applied_coupon(before: Option<&AppliedCoupon>, after: &AppliedCoupon) -> Vec<Movement> {
    let (Some(left), Discount::Fixed { currency, .. }) = (after.remaining_cents(), after.discount) else {
        return Vec::new();
    };
    let (coupon, promised) =
        (Account::of_object(AccountKind::Coupon, after.id.0), Account::of(AccountKind::PromisedDiscounts));
    let (event, draft) = match before {
        None => (Event::CouponApplied, Draft::new().debit(promised, left).credit(coupon, left)),
        Some(before) => {
            let used = before.remaining_cents().unwrap_or(0).saturating_sub(left);
            (Event::CouponUsed, Draft::new().debit(coupon, used).credit(promised, used))
        }
    };
    let document =
        Document { kind: DocumentKind::AppliedCoupon, id: after.id.0, number: Some(after.coupon_code.clone()) };
    let posting = draft.posting(event, after.created_at, currency, document);
    posting.map(|posting| Movement::Posted { customer: after.customer_id, posting }).into_iter().collect()
}
