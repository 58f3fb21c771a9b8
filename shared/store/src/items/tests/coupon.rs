//! Coupons, add-ons and what they changed: round trips and golden bodies.

use domain::coupon::{Coupon, Expiration};

use super::{golden, returns};
use crate::items::samples::{self, scope};
use crate::record::Record;
use crate::table::Index;

#[test]
fn coupons_come_back_as_they_were_and_are_written_as_ever() {
    for (full, name) in [(true, ""), (false, ".minimal")] {
        returns(&samples::applied_coupon(full));
        golden(name, &samples::applied_coupon(full));
        returns(&samples::coupon(full));
        golden(name, &samples::coupon(full));
        returns(&samples::add_on(full));
        golden(name, &samples::add_on(full));
    }
    returns(&samples::coupon_credit());
    golden("", &samples::coupon_credit());
    returns(&samples::coupon_use());
    golden("", &samples::coupon_use());
}

#[test]
fn a_coupon_is_due_while_it_can_expire() {
    let places = |coupon: &Coupon| coupon.entries(scope()).into_iter().map(|entry| entry.index).collect::<Vec<_>>();
    let limited = Coupon { terminated_at: None, deleted_at: None, ..samples::coupon(true) };
    assert_eq!(places(&limited), [Index::ByOrganization, Index::ByDue]);
    let unlimited = Coupon { expiration: Expiration::NoExpiration, ..limited };
    assert_eq!(places(&unlimited), [Index::ByOrganization]);
    assert_eq!(places(&samples::coupon(true)), []);
}
