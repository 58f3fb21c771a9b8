//! Coupons: round trips and golden bodies.

use super::{golden, returns};
use crate::items::samples;

#[test]
fn coupons_come_back_as_they_were_and_are_written_as_ever() {
    for (full, name) in [(true, ""), (false, ".minimal")] {
        returns(&samples::applied_coupon(full));
        golden(name, &samples::applied_coupon(full));
    }
    returns(&samples::coupon_credit());
    golden("", &samples::coupon_credit());
}
