//! Rows of chapter 04, 9, and chapter 05, 2.7.

use std::collections::BTreeMap;

use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;
use crate::customer::{Birth, Customer, CustomerUpdate, Editable};
use crate::problem::{Problems, codes};

const AT: Instant = Instant::UNIX_EPOCH;

fn fixed() -> NewCoupon {
    NewCoupon {
        name: Some("Spring".into()),
        code: Some("spring".into()),
        kind: Some(CouponKind::FixedAmount),
        amount_cents: Some(1200),
        currency: Some(Currency::EUR),
        frequency: Some(Frequency::Once),
        ..NewCoupon::default()
    }
}

fn percentage() -> NewCoupon {
    NewCoupon {
        kind: Some(CouponKind::Percentage),
        percentage_rate: Some(dec!(10)),
        amount_cents: None,
        currency: None,
        ..fixed()
    }
}

fn made(new: NewCoupon) -> Result<Coupon, Problems> {
    create(new, Limit::None, CouponId(Uuid::nil()), AT, 1)
}

fn plan(id: u128) -> PlanId {
    PlanId(Uuid::from_u128(id))
}

fn metric(id: u128) -> MetricId {
    MetricId(Uuid::from_u128(id))
}

#[test]
fn what_a_coupon_needs() {
    let check = |new: NewCoupon, field: &str, code: &str| assert_eq!(made(new), Err(Problems::one(field, code)));
    check(NewCoupon { name: None, ..fixed() }, "name", codes::MANDATORY);
    check(NewCoupon { code: Some(" ".into()), ..fixed() }, "code", codes::MANDATORY);
    check(NewCoupon { kind: None, ..fixed() }, "coupon_type", codes::MANDATORY);
    check(NewCoupon { amount_cents: None, ..fixed() }, "amount_cents", codes::MANDATORY);
    check(NewCoupon { amount_cents: Some(0), ..fixed() }, "amount_cents", codes::OUT_OF_RANGE);
    check(NewCoupon { amount_cents: Some(-1), ..fixed() }, "amount_cents", codes::OUT_OF_RANGE);
    check(NewCoupon { currency: None, ..fixed() }, "amount_currency", codes::MANDATORY);
    check(NewCoupon { percentage_rate: None, ..percentage() }, "percentage_rate", codes::MANDATORY);
    check(NewCoupon { percentage_rate: Some(dec!(0)), ..percentage() }, "percentage_rate", codes::OUT_OF_RANGE);
    check(NewCoupon { percentage_rate: Some(dec!(0.000001)), ..percentage() }, "percentage_rate", codes::OUT_OF_RANGE);
    check(NewCoupon { frequency: None, ..fixed() }, "frequency", codes::MANDATORY);
    let recurring = NewCoupon { frequency: Some(Frequency::Recurring), ..fixed() };
    check(recurring.clone(), "frequency_duration", codes::MANDATORY);
    check(NewCoupon { frequency_duration: Some(0), ..recurring }, "frequency_duration", codes::OUT_OF_RANGE);
    let unread = Problems::one("coupon_type", codes::INVALID);
    check(NewCoupon { kind: None, unread, ..fixed() }, "coupon_type", codes::INVALID);
    let coupon = made(NewCoupon { percentage_rate: Some(dec!(12.3456789)), ..percentage() }).unwrap();
    assert_eq!((coupon.discount, coupon.reusable), (Discount::Percentage(dec!(12.34568)), true));
    assert_eq!((coupon.expiration, coupon.limit), (Expiration::NoExpiration, Limit::None));
}

#[test]
fn an_applied_coupon_changes_its_name_and_its_expiration_only() {
    let update = || CouponUpdate {
        name: Some(Some("Summer".into())),
        amount_cents: Some(Some(-5)),
        reusable: Some(Some(false)),
        expiration: Some(Some(Expiration::TimeLimit)),
        expiration_at: Some(Some(AT)),
        unread: Problems::one("frequency", codes::INVALID),
        ..CouponUpdate::default()
    };
    let coupon = made(fixed()).unwrap();
    let mut expected = Problems::one("frequency", codes::INVALID);
    expected.add("amount_cents", codes::OUT_OF_RANGE);
    assert_eq!(edit(&coupon, update(), Limit::Plans(vec![plan(1)])), Err(expected));
    let applied = Coupon { was_applied: true, ..coupon };
    let expected =
        Coupon { name: "Summer".into(), expiration: Expiration::TimeLimit, expiration_at: Some(AT), ..applied.clone() };
    assert_eq!(edit(&applied, update(), Limit::Plans(vec![plan(1)])), Ok(expected));
    let unread =
        CouponUpdate { unread: Problems::one("expiration_at", codes::INVALID_DATE), ..CouponUpdate::default() };
    assert_eq!(edit(&applied, unread, Limit::None), Err(Problems::one("expiration_at", codes::INVALID_DATE)));
}

#[test]
fn an_edit_may_turn_an_amount_into_a_share() {
    let coupon = made(fixed()).unwrap();
    let kind = Some(Some(CouponKind::Percentage));
    let update = CouponUpdate { kind, ..CouponUpdate::default() };
    assert_eq!(edit(&coupon, update, Limit::None), Err(Problems::one("percentage_rate", codes::MANDATORY)));
    let update = CouponUpdate { kind, percentage_rate: Some(Some(dec!(5))), ..CouponUpdate::default() };
    let edited = edit(&coupon, update, Limit::None).unwrap();
    assert_eq!(edited.discount, Discount::Percentage(dec!(5)));
}

#[test]
fn lists_that_were_sent_replace_a_limit() {
    let (plans, metrics) = (Limit::Plans(vec![plan(1)]), Limit::Metrics(vec![metric(1)]));
    let targets = |plans: Option<&[u128]>, metrics: Option<&[u128]>| Targets {
        plans: plans.map(|ids| ids.iter().map(|id| plan(*id)).collect()),
        metrics: metrics.map(|ids| ids.iter().map(|id| metric(*id)).collect()),
    };
    assert_eq!(limit(&plans, targets(None, None)), Some(plans.clone()));
    assert_eq!(limit(&plans, targets(Some(&[]), None)), Some(Limit::None));
    assert_eq!(limit(&plans, targets(None, Some(&[]))), Some(plans.clone()));
    assert_eq!(limit(&plans, targets(None, Some(&[1]))), Some(metrics.clone()));
    assert_eq!(limit(&metrics, targets(Some(&[1]), None)), Some(plans.clone()));
    assert_eq!(limit(&metrics, targets(Some(&[]), None)), Some(metrics.clone()));
    assert_eq!(limit(&Limit::None, targets(Some(&[1]), Some(&[]))), Some(plans));
    assert_eq!(limit(&Limit::None, targets(Some(&[1]), Some(&[1]))), None);
}

#[test]
fn the_sweep_comes_at_minute_thirty_after_the_expiration() {
    let check = |expires: &str, swept: &str| {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let limited =
            Coupon { expiration: Expiration::TimeLimit, expiration_at: Some(at(expires)), ..made(fixed()).unwrap() };
        assert_eq!(limited.next_due(), Some(at(swept)), "{expires}");
        assert_eq!(limited.swept(at(swept)).and_then(|coupon| coupon.terminated_at), Some(at(swept)));
        assert_eq!(limited.swept(at(swept) - TimeDelta::seconds(1)), None);
        assert!(limited.is_applicable(at(expires) - TimeDelta::seconds(1)) && !limited.is_applicable(at(expires)));
        assert_eq!(Coupon { expiration: Expiration::NoExpiration, ..limited.clone() }.next_due(), None);
        assert_eq!(Coupon { terminated_at: Some(AT), ..limited.clone() }.next_due(), None);
        assert_eq!(Coupon { deleted_at: Some(AT), ..limited }.next_due(), None);
    };
    check("2024-02-01T23:59:59Z", "2024-02-02T00:30:00Z");
    check("2024-02-01T00:29:59.5Z", "2024-02-01T00:30:00Z");
    check("2024-02-01T00:30:00Z", "2024-02-01T01:30:00Z");
}

fn customer(currency: Option<Currency>) -> Customer {
    let birth = Birth { id: CustomerId(Uuid::nil()), sequential_id: 1, prefix: "WEI-0001", at: AT, seq: 1 };
    let input = CustomerUpdate { external_id: Some("c".into()), ..CustomerUpdate::default() };
    let made = crate::customer::create(input, &birth, Vec::new(), &mut || Uuid::nil()).unwrap();
    Customer { currency, ..made }
}

const NEW: (AppliedCouponId, Instant, i64) = (AppliedCouponId(Uuid::nil()), AT, 2);

/// The status of chapter 04, 9.4 for an application to a customer that has nothing.
fn applied(
    coupon: &Coupon,
    customer: &Customer,
    asked: Application,
) -> Result<(AppliedCoupon, Option<Currency>), Refused> {
    let charged = BTreeMap::new();
    let nothing = Applied { active: &[], had_it: false, charged: &charged };
    apply(coupon, customer, Editable::Yes, nothing, asked, NEW)
}

fn invalid(field: &str, code: &str) -> Refused {
    Refused::Invalid(Problems::one(field, code))
}

#[test]
fn an_application_copies_what_it_does_not_override() {
    let coupon = Coupon {
        frequency: Frequency::Recurring,
        frequency_duration: Some(3),
        ..made(fixed()).unwrap() //
    };
    let (own, currency) = applied(&coupon, &customer(None), Application::default()).unwrap();
    assert_eq!((own.discount, own.frequency), (coupon.discount, Frequency::Recurring));
    assert_eq!((own.frequency_duration, own.frequency_duration_remaining), (Some(3), Some(3)));
    assert_eq!((currency, own.remaining_cents()), (Some(Currency::EUR), None));
    let asked = Application {
        amount_cents: Some(50),
        currency: Some(Currency::USD),
        frequency: Some(Frequency::Once),
        ..Application::default()
    };
    let (own, currency) = applied(&coupon, &customer(None), asked).unwrap();
    assert_eq!(own.discount, Discount::Fixed { amount_cents: 50, currency: Currency::USD });
    assert_eq!((own.remaining_cents(), currency), (Some(50), Some(Currency::USD)));
    let share = made(percentage()).unwrap();
    let asked = Application { percentage_rate: Some(dec!(5)), ..Application::default() };
    let (own, currency) = applied(&share, &customer(None), asked).unwrap();
    assert_eq!((own.discount, currency), (Discount::Percentage(dec!(5)), None));
}

#[test]
fn what_an_application_is_refused_for() {
    let coupon = made(fixed()).unwrap();
    let (euro, dollar) = (customer(Some(Currency::EUR)), customer(Some(Currency::USD)));
    let asked = |amount_cents| Application { amount_cents: Some(amount_cents), ..Application::default() };
    assert_eq!(applied(&coupon, &dollar, asked(0)), Err(invalid("currency", codes::CURRENCIES_DIFFER)));
    assert_eq!(applied(&coupon, &euro, asked(0)), Err(invalid("amount_cents", codes::OUT_OF_RANGE)));
    let unknown = Application { unread: Problems::one("amount_currency", codes::INVALID), ..Application::default() };
    assert_eq!(applied(&coupon, &dollar, unknown), Err(invalid("amount_currency", codes::INVALID)));
    let recurring = Application { frequency: Some(Frequency::Recurring), ..Application::default() };
    assert_eq!(applied(&coupon, &euro, recurring), Err(invalid("frequency_duration", codes::MANDATORY)));
    let share = made(percentage()).unwrap();
    let zero = Application { percentage_rate: Some(dec!(0)), ..Application::default() };
    assert_eq!(applied(&share, &dollar, zero), Err(invalid("percentage_rate", codes::OUT_OF_RANGE)));
    let charged = BTreeMap::new();
    let had = Applied { active: &[], had_it: true, charged: &charged };
    let once = Coupon { reusable: false, ..coupon.clone() };
    let again = |coupon: &Coupon| apply(coupon, &euro, Editable::No, had, Application::default(), NEW).map(drop);
    assert_eq!(again(&once), Err(invalid("coupon", "coupon_is_not_reusable")));
    assert_eq!(again(&coupon), Ok(()));
    // A customer that is not editable takes no currency.
    let none = Applied { had_it: false, ..had };
    let refused = apply(&coupon, &customer(None), Editable::No, none, Application::default(), NEW);
    assert_eq!(refused, Err(invalid("currency", codes::CURRENCIES_DIFFER)));
}

#[test]
fn limits_overlap_on_plans_metrics_and_charges() {
    let charged = BTreeMap::from([(plan(1), vec![metric(1), metric(2)]), (plan(2), vec![metric(3)])]);
    let plans = |ids: &[u128]| Limit::Plans(ids.iter().map(|id| plan(*id)).collect());
    let metrics = |ids: &[u128]| Limit::Metrics(ids.iter().map(|id| metric(*id)).collect());
    let check = |one: &Limit, other: &Limit, expected| {
        assert_eq!(overlaps(one, other, &charged), expected, "{one:?} {other:?}");
        assert_eq!(overlaps(other, one, &charged), expected, "{other:?} {one:?}");
    };
    check(&plans(&[1, 2]), &plans(&[2, 3]), true);
    check(&plans(&[1]), &plans(&[2]), false);
    check(&metrics(&[1]), &metrics(&[1, 9]), true);
    check(&metrics(&[1]), &metrics(&[2]), false);
    check(&plans(&[1]), &metrics(&[2]), true);
    check(&plans(&[2]), &metrics(&[2]), false);
    check(&Limit::None, &plans(&[1]), false);
    check(&Limit::None, &Limit::None, false);
    let active =
        [applied(&Coupon { limit: plans(&[1]), ..made(fixed()).unwrap() }, &customer(None), Application::default())
            .unwrap()
            .0];
    let has = Applied { active: &active, had_it: false, charged: &charged };
    let limited = Coupon { limit: metrics(&[1]), ..made(fixed()).unwrap() };
    let refused = apply(&limited, &customer(None), Editable::Yes, has, Application::default(), NEW);
    assert_eq!(refused, Err(Refused::Overlapping));
}
