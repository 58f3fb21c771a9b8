//! The four reports, out of rows (chapter 07, 2.3 to 2.6).
//!
//! Each takes the months that the report is of, ascending, and the currency that was asked for, if one was.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Figure, Month, RevenueOf, Row, Rows, Shape};
use crate::invoice::PaymentStatus;
use crate::money::Currency;
use crate::number;
use crate::time::Interval;

/// A row of gross revenue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revenue {
    /// The month.
    pub month: Month,
    /// Currency of the amount.
    pub currency: Currency,
    /// Minor units.
    pub amount_cents: i64,
    /// Invoices counted.
    pub invoices_count: i64,
}

/// A row of invoiced usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicedUsage {
    /// The month.
    pub month: Month,
    /// The metric's code.
    pub code: String,
    /// Currency of the amount.
    pub currency: Currency,
    /// Minor units.
    pub amount_cents: i64,
}

/// A row of the monthly recurring revenue; nothing of a month without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurring {
    /// The month.
    pub month: Month,
    /// Currency and minor units, rounded half away from zero.
    pub figure: Option<(Currency, i64)>,
}

/// A row of invoice collection; nothing of a month without invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// The month.
    pub month: Month,
    /// Payment status and currency.
    pub group: Option<(PaymentStatus, Currency)>,
    /// How many invoices, and the sum of their totals.
    pub figure: Figure,
}

fn is_wanted(months: &[Month], month: Month, asked: Option<Currency>, currency: Currency) -> bool {
    months.contains(&month) && asked.is_none_or(|asked| asked == currency)
}

/// Month ascending, then currency.
#[must_use]
pub fn gross_revenue(rows: &Rows, months: &[Month], asked: Option<Currency>) -> Vec<Revenue> {
    let mut revenue: BTreeMap<(Month, &str), Revenue> = BTreeMap::new();
    for (row, figure) in rows.iter() {
        let Row::Revenue { month, currency, of } = *row else { continue };
        if !is_wanted(months, month, asked, currency) {
            continue;
        }
        let none = Revenue { month, currency, amount_cents: 0, invoices_count: 0 };
        let sum = revenue.entry((month, currency.code())).or_insert(none);
        sum.amount_cents = sum.amount_cents.saturating_add(figure.amount);
        match of {
            RevenueOf::Invoices => sum.invoices_count = sum.invoices_count.saturating_add(figure.count),
            RevenueOf::Fees => {}
        }
    }
    revenue.into_values().collect()
}

/// Month descending, then amount descending.
#[must_use]
pub fn invoiced_usage(rows: &Rows, months: &[Month], asked: Option<Currency>) -> Vec<InvoicedUsage> {
    let mut usage = Vec::new();
    for (row, figure) in rows.iter() {
        let Row::Usage { month, code, currency } = row else { continue };
        if is_wanted(months, *month, asked, *currency) {
            let (month, code, currency) = (*month, code.clone(), *currency);
            usage.push(InvoicedUsage { month, code, currency, amount_cents: figure.amount });
        }
    }
    usage.sort_by(|a, b| {
        let place = |row: &InvoicedUsage| (std::cmp::Reverse(row.month), std::cmp::Reverse(row.amount_cents));
        let name = |row: &InvoicedUsage| (row.code.clone(), row.currency.code());
        place(a).cmp(&place(b)).then_with(|| name(a).cmp(&name(b)))
    });
    usage
}

/// Month ascending, then payment status by its word, then currency; months without invoices unless a currency was asked for.
#[must_use]
pub fn invoice_collection(rows: &Rows, months: &[Month], asked: Option<Currency>) -> Vec<Collection> {
    let word = |status| match status {
        PaymentStatus::Failed => 0,
        PaymentStatus::Pending => 1,
        PaymentStatus::Succeeded => 2,
    };
    let mut collections: BTreeMap<(Month, i32, &str), Collection> = BTreeMap::new();
    for (row, figure) in rows.iter() {
        let Row::Collection { month, status, currency } = *row else { continue };
        if is_wanted(months, month, asked, currency) {
            let row = Collection { month, group: Some((status, currency)), figure };
            collections.insert((month, word(status), currency.code()), row);
        }
    }
    if asked.is_none() {
        let counted: Vec<Month> = collections.keys().map(|(month, ..)| *month).collect();
        for month in months.iter().filter(|month| !counted.contains(month)) {
            let row = Collection { month: *month, group: None, figure: Figure::default() };
            collections.insert((*month, 0, ""), row);
        }
    }
    collections.into_values().collect()
}

/// Month ascending, then currency; months without any contribution unless a currency was asked for.
#[must_use]
pub fn monthly_recurring_revenue(rows: &Rows, months: &[Month], asked: Option<Currency>) -> Vec<Recurring> {
    let mut sums: BTreeMap<(Month, &str), (Currency, Decimal)> = BTreeMap::new();
    let mut weekly: BTreeMap<(Month, &str), (Currency, Figure)> = BTreeMap::new();
    for (row, figure) in rows.iter() {
        let Row::Recurring(shape) = row else { continue };
        let currency = shape.currency;
        if shape.interval == Interval::Weekly {
            let issued = (Month::of(shape.issuing_date), currency.code());
            let (_, sum) = weekly.entry(issued).or_insert((currency, Figure::default()));
            *sum = sum.plus(figure);
            continue;
        }
        for (month, part) in spread(shape, figure.amount) {
            let (_, sum) = sums.entry((month, currency.code())).or_insert((currency, Decimal::ZERO));
            *sum = sum.saturating_add(part);
        }
    }
    for (key, (currency, figure)) in weekly {
        // The mean fee of the month, for the 4.33 weeks of one.
        let part =
            number::mul_div(exact_cents(figure.amount), Decimal::new(433, 2), Decimal::from(figure.count.max(1)));
        let (_, sum) = sums.entry(key).or_insert((currency, Decimal::ZERO));
        *sum = sum.saturating_add(part);
    }
    let mut report: BTreeMap<(Month, &str), Recurring> = BTreeMap::new();
    for ((month, code), (currency, sum)) in sums {
        if is_wanted(months, month, asked, currency) {
            let amount_cents = number::round(sum, 0).to_i64().unwrap_or(i64::MAX);
            report.insert((month, code), Recurring { month, figure: Some((currency, amount_cents)) });
        }
    }
    if asked.is_none() {
        let counted: Vec<Month> = report.keys().map(|(month, _)| *month).collect();
        for month in months.iter().filter(|month| !counted.contains(month)) {
            report.insert((*month, ""), Recurring { month: *month, figure: None });
        }
    }
    report.into_values().collect()
}

fn exact_cents(hundred_thousandths: i64) -> Decimal {
    Decimal::new(hundred_thousandths, 5)
}

/// What fees of a shape add to each month (the table of chapter 07, 2.4); weekly ones are another matter.
pub(super) fn spread(shape: &Shape, amount: i64) -> Vec<(Month, Decimal)> {
    let total = exact_cents(amount);
    let issued = Month::of(shape.issuing_date);
    match shape.interval {
        Interval::Weekly | Interval::Monthly => return vec![(issued, total)],
        Interval::Quarterly | Interval::Yearly => {}
    }
    // b = minutes / 1440 / 30.44 billed months.
    let minutes = Decimal::from(shape.minutes);
    let minutes_of_a_month = Decimal::new(438_336, 1);
    let billed = number::mul_div(minutes, Decimal::ONE, minutes_of_a_month);
    let a_month = number::mul_div(total, minutes_of_a_month, minutes);
    let months = billed.ceil().to_i32().unwrap_or(i32::MAX).clamp(1, 1200);
    let others = |count: Decimal| total - number::mul_div(total, minutes_of_a_month.saturating_mul(count), minutes);
    let part = |k: i32| {
        if shape.in_advance {
            let left = (issued.plus(1).first_day() - shape.issuing_date).num_days();
            let first_share = number::mul_div(Decimal::from(left), Decimal::ONE, Decimal::from(issued.days()));
            match k {
                0 => number::mul_div(a_month, Decimal::from(left), Decimal::from(issued.days())),
                k if k == months - 1 => others(billed.floor() - Decimal::ONE + first_share),
                _ => a_month,
            }
        } else if k == months - 1 {
            others(Decimal::from(months - 1))
        } else {
            a_month
        }
    };
    let towards = if shape.in_advance { 1 } else { -1 };
    (0..months).map(|k| (issued.plus(towards * k), part(k))).collect()
}
