#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::charge::testing::tiered;
use crate::charge::{AmountDetails, ChargeModel, Movement, Outcome, Price, Rated};
use crate::number;

fn tiers_a() -> Price {
    tiered(ChargeModel::Graduated, "0-5 @10 +100 | 6- @5 +50")
}

fn tiers_b() -> Price {
    tiered(ChargeModel::Graduated, "0-5 @10 +100 | 6-15 @5 +50 | 16- @2 +0")
}

/// Rates movements of (f, p); P and the full units are their sums, as 3.7 has it but for its rounding.
fn rate(price: &Price, movements: &[(Decimal, Decimal)]) -> Outcome {
    let full = movements.iter().map(|(full, _)| *full).sum();
    let prorated = movements.iter().map(|(_, prorated)| *prorated).sum();
    let movements = movements.iter().map(|&(full, prorated)| Movement { full, prorated }).collect();
    price.rate(&Rated::new(prorated, 1).prorated(full, movements)).unwrap()
}

/// Both lists as texts; `amount` and `unit` with the decimals that the chapter shows.
fn check(price: &Price, full: &str, prorated: &str, amount: Decimal, unit: Option<Decimal>) {
    let numbers = |text: &str| text.split(' ').map(|number| number.parse::<Decimal>().unwrap()).collect::<Vec<_>>();
    let movements: Vec<_> = numbers(full).into_iter().zip(numbers(prorated)).collect();
    let outcome = rate(price, &movements);
    assert_eq!(number::round(outcome.amount, amount.scale()), amount, "{full}");
    if let Some(unit) = unit {
        assert_eq!(number::round(outcome.unit_amount, unit.scale()), unit, "{full}");
    }
    assert_eq!(outcome.details, AmountDetails::None);
}

#[test]
fn movements_pay_along_their_path() {
    let (a, b) = (tiers_a(), tiers_b());
    check(&a, "5 5 10 -6", "3.5 2.66667 2 -2.2", dec!(197.33), Some(dec!(14.10)));
    check(&a, "2 5 10 -6", "1.4 2.66667 2 -2.2", dec!(184.33), None);
    check(&a, "5 -2", "3.5 -1", dec!(125), None);
    check(&a, "4 2 -3", "2.8 1 -0.6", dec!(180.5), None);
    check(&a, "5 2 -4 10", "3.5 1 -1.6 2", dec!(190), None);
    check(&a, "1 4 1 -5 -1", ".7097 1.54839 .2258 -.80645 -.0645", dec!(165.81), Some(dec!(0)));
    check(&a, "5 -100", "2 -33.33", dec!(0), Some(dec!(0)));
    check(&a, "1", "0.7", dec!(107), Some(dec!(107)));
    check(&b, "2 5 10 -6 4 60", "1.4 2.5 2 -2.2 .667 2", dec!(191.335), None);
    check(&b, "75", "75", dec!(370), None);
}

#[test]
fn nothing_to_pay() {
    let a = tiers_a();
    assert_eq!(rate(&a, &[]), Outcome::default());
    check(&a, "0", "0", dec!(0), Some(dec!(0))); // P = 0
    check(&a, "-10 10", "-10 0.6", dec!(0), Some(dec!(0))); // P < 0: max(P, 0) of section 9
    check(&a, "10 -20", "10 -0.6", dec!(0), Some(dec!(0))); // P > 0, negative full units
}

#[test]
fn a_movement_of_nothing_is_skipped() {
    let a = tiers_a();
    check(&a, "0 1 0", "0 0.7 0", dec!(107), None);
}

#[test]
fn a_fractional_level_splits_at_the_bound() {
    // 4.5 at 10, then 1 unit of which half lies in either tier: 45 + 0.5 * (5 + 2.5) + 150.
    check(&tiers_a(), "4.5 1", "4.5 0.5", dec!(198.75), None);
}

proptest! {
    /// Nobody leaves, everybody stays the whole window: the plain graduated amount.
    #[test]
    fn whole_periods_are_not_prorated(milli in prop::collection::vec(1..9_000_i64, 1..9)) {
        let movements: Vec<_> = milli.iter().map(|milli| (Decimal::new(*milli, 3), Decimal::new(*milli, 3))).collect();
        let units: Decimal = movements.iter().map(|(full, _)| *full).sum();
        let plain = tiers_b().rate(&Rated::new(units, 1)).unwrap().amount;
        let amount = rate(&tiers_b(), &movements).amount;
        prop_assert_eq!(number::round(amount, 15), plain);
    }

    /// Splitting a movement into two of the same share changes nothing.
    #[test]
    fn a_movement_in_two_parts_costs_the_same(first in 1..40_i64, part in 1..40_i64, rest in 1..40_i64, days in 1..31_i64) {
        let share = |units: i64| (Decimal::from(units), Decimal::from(units) * Decimal::from(days) / dec!(32));
        let whole = rate(&tiers_b(), &[share(first), share(part + rest)]).amount;
        let parts = rate(&tiers_b(), &[share(first), share(part), share(rest)]).amount;
        prop_assert_eq!(number::round(whole, 15), number::round(parts, 15));
    }
}
