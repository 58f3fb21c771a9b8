use rust_decimal_macros::dec;

use super::reports::spread;
use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    Month::of(day(&format!("{text}-01")))
}

/// Whole minutes from the first instant of a day to the last of another.
fn minutes(from: &str, to: &str) -> i64 {
    (day(to) - day(from)).num_minutes() + 1439
}

fn shape(interval: Interval, in_advance: bool, from: &str, to: &str, issued: &str) -> Shape {
    Shape { issuing_date: day(issued), interval, in_advance, minutes: minutes(from, to), currency: Currency::EUR }
}

/// The examples of chapter 07, 2.4, to its four decimals.
#[test]
fn subscription_fees_spread_over_months() {
    let check = |shape: Shape, cents: i64, expected: &[(&str, Decimal)]| {
        let found: Vec<(Month, Decimal)> =
            spread(&shape, cents * 100_000).into_iter().map(|(month, part)| (month, number::round(part, 4))).collect();
        let expected: Vec<(Month, Decimal)> = expected.iter().map(|(text, part)| (month(text), *part)).collect();
        assert_eq!(found, expected, "{shape:?}");
    };
    check(
        shape(Interval::Monthly, true, "2024-01-01", "2024-01-31", "2024-01-01"),
        10_800,
        &[("2024-01", dec!(10800))],
    );
    let year = |year: i32, months: i32| -> Vec<String> {
        (0..months)
            .map(|k| month(&format!("{year}-01")).plus(k))
            .map(|m| m.first_day().format("%Y-%m").to_string())
            .collect()
    };
    let leap = year(2024, 12);
    let mut expected: Vec<(&str, Decimal)> = leap.iter().map(|text| (text.as_str(), dec!(9980.3468))).collect();
    expected.push(("2025-01", dec!(235.8383)));
    check(shape(Interval::Yearly, true, "2024-01-01", "2024-12-31", "2024-01-01"), 120_000, &expected);
    let plain = year(2023, 11);
    let mut expected: Vec<(&str, Decimal)> = plain.iter().map(|text| (text.as_str(), dec!(10007.6903))).collect();
    expected.push(("2023-12", dec!(9915.4070)));
    check(shape(Interval::Yearly, true, "2023-01-01", "2023-12-31", "2023-01-01"), 120_000, &expected);
    check(
        shape(Interval::Quarterly, true, "2024-01-15", "2024-04-14", "2024-01-15"),
        30_000,
        &[("2024-01", dec!(5503.1969)), ("2024-02", dec!(10035.2414)), ("2024-03", dec!(14461.5617))],
    );
    check(
        shape(Interval::Quarterly, false, "2023-10-01", "2023-12-31", "2024-01-01"),
        30_000,
        &[
            ("2024-01", dec!(9926.1619)),
            ("2023-12", dec!(9926.1619)),
            ("2023-11", dec!(9926.1619)),
            ("2023-10", dec!(221.5144)),
        ],
    );
    check(
        shape(Interval::Quarterly, true, "2024-03-22", "2024-03-31", "2024-03-22"),
        10_000,
        &[("2024-03", dec!(9820.0368))],
    );
}

#[test]
fn weekly_fees_count_by_their_mean() {
    let weekly =
        |issued: &str| Shape { minutes: 7 * 1440 - 1, ..shape(Interval::Weekly, false, issued, issued, issued) };
    let mut rows = Rows::none();
    rows.add(Row::Recurring(weekly("2024-01-08")), Figure { amount: 100_000_000, count: 1 });
    rows.add(Row::Recurring(weekly("2024-01-15")), Figure { amount: 300_000_000, count: 1 });
    let months = [month("2024-01"), month("2024-02")];
    let report = monthly_recurring_revenue(&rows, &months, None);
    let expected = [(month("2024-01"), Some((Currency::EUR, 8660))), (month("2024-02"), None)];
    assert_eq!(report.iter().map(|row| (row.month, row.figure)).collect::<Vec<_>>(), expected);
    assert_eq!(monthly_recurring_revenue(&rows, &months, Some(Currency::EUR)).len(), 1);
    assert_eq!(monthly_recurring_revenue(&rows, &months, Some(Currency::USD)).len(), 0);
}

/// The examples of chapter 07, 2.3, 2.5 and 2.6, from the rows of their invoices.
#[test]
fn revenue_usage_and_collection() {
    let (january, february, march) = (month("2024-01"), month("2024-02"), month("2024-03"));
    let mut rows = Rows::none();
    let mut invoice = |month, currency, status, total, refunded| {
        let revenue = Figure { amount: total - refunded, count: 1 };
        rows.add(Row::Revenue { month, currency, of: RevenueOf::Invoices }, revenue);
        rows.add(Row::Collection { month, status, currency }, Figure { amount: total, count: 1 });
    };
    invoice(january, Currency::EUR, PaymentStatus::Succeeded, 12_000, 2_500);
    invoice(january, Currency::EUR, PaymentStatus::Pending, 6_000, 0);
    invoice(january, Currency::EUR, PaymentStatus::Failed, 5_000, 0);
    invoice(february, Currency::USD, PaymentStatus::Succeeded, 800, 0);
    rows.add(
        Row::Revenue { month: january, currency: Currency::EUR, of: RevenueOf::Fees },
        Figure { amount: 1_500, count: 1 },
    );
    let months = [january, february, march];
    let revenue = gross_revenue(&rows, &months, None);
    let shown: Vec<_> =
        revenue.iter().map(|row| (row.month, row.currency, row.amount_cents, row.invoices_count)).collect();
    assert_eq!(shown, [(january, Currency::EUR, 22_000, 3), (february, Currency::USD, 800, 1)]);
    assert_eq!(gross_revenue(&rows, &months[1..], Some(Currency::EUR)), []);

    let collection = invoice_collection(&rows, &months, None);
    let shown: Vec<_> = collection
        .iter()
        .map(|row| (row.month, row.group.map(|(status, _)| status), row.figure.count, row.figure.amount))
        .collect();
    let expected = [
        (january, Some(PaymentStatus::Failed), 1, 5_000),
        (january, Some(PaymentStatus::Pending), 1, 6_000),
        (january, Some(PaymentStatus::Succeeded), 1, 12_000),
        (february, Some(PaymentStatus::Succeeded), 1, 800),
        (march, None, 0, 0),
    ];
    assert_eq!(shown, expected);
    assert_eq!(invoice_collection(&rows, &months, Some(Currency::USD)).len(), 1);

    let mut fee = |month, code: &str, amount| {
        let row = Row::Usage { month, code: code.into(), currency: Currency::EUR };
        rows.add(row, Figure { amount, count: 1 });
    };
    fee(january, "sms", 400);
    fee(january, "api", 1_500);
    fee(january, "api", 2_500);
    fee(february, "api", 900);
    let usage: Vec<_> =
        invoiced_usage(&rows, &months, None).into_iter().map(|row| (row.month, row.code, row.amount_cents)).collect();
    let expected = [(february, "api".into(), 900), (january, "api".into(), 4_000), (january, "sms".into(), 400)];
    assert_eq!(usage, expected);
}

#[test]
fn rows_come_and_go() {
    let row = Row::Usage { month: month("2024-01"), code: "api".into(), currency: Currency::EUR };
    let mut before = Rows::none();
    before.add(row.clone(), Figure { amount: 5, count: 1 });
    let after = before.clone();
    assert!(after.since(&before).is_empty());
    let gone = Rows::none().since(&before);
    assert!(before.and(&gone).is_empty());
    assert_eq!(month("2024-01").plus(-1), month("2023-12"));
    assert_eq!((month("2024-02").days(), month("2023-12").days()), (29, 31));
}
