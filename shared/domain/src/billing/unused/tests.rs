#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::billing::tests::{at, terms};
use crate::credit_note::{self, Line, testing};
use crate::time::Zone;

/// The rows of chapter 02, 9, and those of chapter 04, 10.4 (E to I):
/// # | plan | start | end | zone | amount | F | tax % | days/D | item | credit | more.
const CREDITS: &str = "
C1  | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 16/31   | 16         | 19     |
C2  | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 16/31   | 6          | 7      | credited 10
C3  | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 15/31   | 15         | 18     | trial 46
C4  | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 0/31    | –          | none   | trial 120
C5  | monthly cal   | 2022-09-01T12:00Z | 2022-10-15T01:00Z | America/Los_Angeles | 31     | 100    | 20 | 17/31   | 17         | 20     |
C6  | monthly cal   | 2022-09-01T12:00Z | 2022-10-15T01:00Z | Europe/Paris        | 31     | 100    | 20 | 16/31   | 16         | 19     |
C7  | monthly ann   | 2023-01-30T10:00Z | 2023-03-14T10:00Z | UTC                 | 999    | 999    |    | 15/30   | 499.5      | 500    |
C8  | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 16/31   | 16         | 17     | coupon 10
C9  | monthly cal   | 2024-01-15        | 2024-03-10T12:00Z | UTC                 | 10000  | 10000  |    | 21/31   | 6774.19354 | 6774   |
C10 | monthly cal   | 2024-01-01        | 2024-03-16T10:00Z | UTC                 | 3100   | 3100   | 20 | 16/31   | 1600       | 1920   | upgrade
C11 | quarterly ann | 2022-02-02        | 2022-04-10T12:00Z | UTC                 | 8900   | 8900   |    | 21/89   | 2100       | 2100   |
C12 | yearly ann    | 2024-03-15        | 2025-03-10T12:00Z | UTC                 | 36500  | 36500  |    | 4/365   | 400        | 400    |
C13 | yearly cal    | 2024-01-01        | 2024-07-01T10:00Z | UTC                 | 366000 | 366000 |    | 183/366 | 183000     | 183000 |
C14 | weekly cal    | 2024-01-01        | 2024-01-17T10:00Z | UTC                 | 700    | 700    |    | 4/7     | 400        | 400    |
C15 | monthly cal   | 2023-02-08        | 2023-02-08T00:00Z | UTC                 | 5000   | 3750   | 20 | 20/28   | 3571.42857 | 4286   |
E   | monthly cal   | 2022-09-01        | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 15/31   | 15         | 18     | trial 46
I   | monthly cal   | 2022-09-01        | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 17/31   | 17         | 20     | upgrade
t0  | monthly cal   | 2022-09-01T10:00Z | 2022-10-17T09:00Z | UTC                 | 31     | 100    |    | 15/31   | 15         | 15     | trial 46
t1  | monthly cal   | 2022-09-01T10:00Z | 2022-10-17T10:00Z | UTC                 | 31     | 100    |    | 14/31   | 14         | 14     | trial 46
cap | monthly cal   | 2022-10-01T10:00Z | 2022-10-02T10:00Z | UTC                 | 310    | 200    |    | 29/31   | 200        | 200    |
out | monthly cal   | 2022-09-01T10:00Z | 2022-10-15T10:00Z | UTC                 | 31     | 100    | 20 | 16/31   | –          | none   | credited 16
end | monthly cal   | 2022-09-01T10:00Z | 2022-10-31T10:00Z | UTC                 | 31     | 100    | 20 | 0/31    | –          | none   |
";

fn fee(amount_cents: i64, period_end: Instant) -> CreditableFee {
    CreditableFee { amount_cents, period_end, is_invoice_voided: false, credited: Decimal::ZERO }
}

#[test]
fn the_credit_rows_of_the_chapter_hold() {
    for row in CREDITS.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, words, start, end, zone, amount, fee_amount, tax, days, item, expected, more] = columns[..] else {
            panic!("no row: {row}")
        };
        let mut terms = terms(&format!("{words} adv"), start);
        terms.zone = Zone::parse(zone).unwrap();
        terms.amount_cents = amount.parse().unwrap();
        terms.terminated_at = Some(at(end));
        let mut fee = fee(fee_amount.parse().unwrap(), terms.zone.end_of(period_end(&terms, at(end))));
        let (mut coupon_share, rates) = (Decimal::ZERO, tax.parse().into_iter().collect::<Vec<Decimal>>());
        match more.split_once(' ') {
            Some(("credited", cents)) => fee.credited = cents.parse().unwrap(),
            Some(("coupon", cents)) => coupon_share = cents.parse().unwrap(),
            Some(("trial", days)) => terms.trial_days = days.parse().unwrap(),
            None if more == "upgrade" => terms.succession.next = Some(Change::Upgrade),
            None if more.is_empty() => {}
            Some(_) | None => panic!("no condition: {more}"),
        }

        let unused = unused_days(&terms, at(end));
        assert_eq!(format!("{}/{}", unused.days, unused.period_days), days, "{row}");
        let made = credit(&terms, at(end), &fee);
        if expected == "none" {
            assert_eq!(made, None, "{row}");
        } else {
            let made = made.unwrap_or_else(|| panic!("no credit: {row}"));
            assert_eq!(made.item_amount, item.parse::<Decimal>().unwrap(), "{row}");
            let fee = testing::fee(0, fee.amount_cents, coupon_share, &rates);
            let priced = credit_note::amounts(&[Line { fee: &fee, amount: made.item_amount }]).unwrap();
            assert_eq!(priced.total_cents.to_string(), expected, "{row}");
        }
    }
}

#[test]
fn what_is_not_owed_is_not_credited() {
    let terms = terms("monthly cal adv", "2024-01-15");
    let end = at("2024-03-10 12:00");
    let of_march = fee(10_000, at("2024-03-31 E"));
    assert!(credit(&terms, end, &of_march).is_some());
    let none = |terms: &Terms, fee: &CreditableFee| assert_eq!(credit(terms, end, fee), None);
    none(&terms, &CreditableFee { amount_cents: 0, ..of_march.clone() });
    none(&terms, &CreditableFee { is_invoice_voided: true, ..of_march.clone() });
    // The fee of February was used up; that of March was never billed (F14).
    none(&terms, &CreditableFee { period_end: at("2024-02-29 E"), ..of_march.clone() });
    none(&Terms { pay_in_advance: false, ..terms.clone() }, &of_march);
    none(&Terms { amount_cents: -500, ..terms.clone() }, &of_march);
    let mut rotated = terms;
    rotated.succession.next = Some(Change::Downgrade);
    none(&rotated, &of_march);
}
