//! Analytics: what invoices and fees add to the months' figures, and the figures themselves (chapter 07, part 2).
//!
//! Owns: which rows an invoice or a fee counts in, how rows change when it changes, and the four reports made of rows.
//!
//! Does not own: where rows are kept. They are sums, so that adding the changes of every commit gives the same as counting
//! everything anew.
//!
//! Invariants:
//! - Rows are whole numbers: nothing is lost by adding them in any order.
//! - A row whose amount and count are 0 is as good as none.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::invoice::{Fee, FeeItem, Invoice, PaymentStatus, Status};
use crate::money::Currency;
use crate::number;
use crate::time::{Instant, Interval};

mod reports;

pub use reports::{
    Collection, InvoicedUsage, Recurring, Revenue, gross_revenue, invoice_collection, invoiced_usage,
    monthly_recurring_revenue,
};

/// A month of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month that a date lies in.
    #[must_use]
    pub fn of(date: NaiveDate) -> Month {
        Month { year: date.year(), month: date.month() }
    }

    /// The UTC month that an instant lies in.
    #[must_use]
    pub fn at(instant: Instant) -> Month {
        Month::of(instant.date_naive())
    }

    /// Its first day; the last day of the calendar for a month beyond it.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or(NaiveDate::MAX)
    }

    /// The month `months` later, or earlier.
    #[must_use]
    pub fn plus(self, months: i32) -> Month {
        let count = self.year.saturating_mul(12).saturating_add(self.month0()).saturating_add(months);
        // The remainder is 0 to 11.
        Month { year: count.div_euclid(12), month: count.rem_euclid(12).unsigned_abs() + 1 }
    }

    fn month0(self) -> i32 {
        i32::try_from(self.month).unwrap_or(1) - 1
    }

    /// The days that it has.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.plus(1).first_day() - self.first_day()).num_days()
    }
}

/// `2024-01`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first_day().format("%Y-%m"))
    }
}

/// What a figure is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// Gross revenue of a month (chapter 07, 2.3).
    Revenue {
        /// Of the issue of invoices, of the creation of fees without invoice.
        month: Month,
        /// Currency of the amounts.
        currency: Currency,
        /// Whether invoices are meant, or fees without invoice.
        of: RevenueOf,
    },
    /// Final invoices of a month by payment status (chapter 07, 2.6).
    Collection {
        /// Of issue.
        month: Month,
        /// Whether they are paid.
        status: PaymentStatus,
        /// Currency of the amounts.
        currency: Currency,
    },
    /// Charge fees of a month by metric (chapter 07, 2.5).
    Usage {
        /// Of creation.
        month: Month,
        /// The metric's code then.
        code: String,
        /// Currency of the amounts.
        currency: Currency,
    },
    /// Subscription fees of one kind (chapter 07, 2.4), amounts in 100,000ths of a minor unit.
    Recurring(Shape),
}

/// What gross revenue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RevenueOf {
    /// Final invoices, less what was refunded.
    Invoices,
    /// Fees of charges in advance that are not invoiced.
    Fees,
}

/// What decides how a subscription fee spreads over months: fees of one shape spread alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Of its invoice.
    pub issuing_date: NaiveDate,
    /// Of its plan.
    pub interval: Interval,
    /// Of its plan.
    pub in_advance: bool,
    /// Length of its period in whole minutes.
    pub minutes: i64,
    /// Currency of the amounts.
    pub currency: Currency,
}

/// A sum and how many it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figure {
    /// Minor units; 100,000ths of them for `Row::Recurring`.
    pub amount: i64,
    /// Invoices or fees.
    pub count: i64,
}

impl Figure {
    /// Both sums; they stop at the ends of 64 bits.
    #[must_use]
    pub fn plus(self, other: Figure) -> Figure {
        Figure { amount: self.amount.saturating_add(other.amount), count: self.count.saturating_add(other.count) }
    }

    fn negated(self) -> Figure {
        Figure { amount: self.amount.saturating_neg(), count: self.count.saturating_neg() }
    }

    fn is_nothing(self) -> bool {
        self == Figure::default()
    }
}

/// Figures by row. Rows that are nothing are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows(BTreeMap<Row, Figure>);

impl Rows {
    /// No rows.
    #[must_use]
    pub fn none() -> Rows {
        Rows::default()
    }

    /// Adds a figure to a row.
    pub fn add(&mut self, row: Row, figure: Figure) {
        let sum = self.0.remove(&row).unwrap_or_default().plus(figure);
        if !sum.is_nothing() {
            self.0.insert(row, sum);
        }
    }

    /// What has to be added to `before` to get `self`.
    #[must_use]
    pub fn since(mut self, before: &Rows) -> Rows {
        for (row, figure) in before.iter() {
            self.add(row.clone(), figure.negated());
        }
        self
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Rows) -> Rows {
        for (row, figure) in other.iter() {
            self.add(row.clone(), figure);
        }
        self
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Row, Figure)> {
        self.0.iter().map(|(row, figure)| (row, *figure))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What an invoice counts, with what its credit notes refunded so far, minor units.
///
/// Drafts and voided invoices count in usage only.
#[must_use]
pub fn of_invoice(invoice: &Invoice, refunded_cents: i64) -> Rows {
    let mut rows = Rows::none();
    for fee in &invoice.fees {
        usage(&mut rows, fee, invoice.currency);
    }
    if invoice.status != Status::Finalized {
        return rows;
    }
    let (month, currency) = (Month::of(invoice.issuing_date), invoice.currency);
    let total = invoice.totals.total;
    rows.add(
        Row::Revenue { month, currency, of: RevenueOf::Invoices },
        Figure { amount: total.saturating_sub(refunded_cents), count: 1 },
    );
    rows.add(Row::Collection { month, status: invoice.payment_status, currency }, Figure { amount: total, count: 1 });
    for fee in &invoice.fees {
        if let Some((shape, figure)) = recurring(invoice, fee) {
            rows.add(Row::Recurring(shape), figure);
        }
    }
    rows
}

/// What a refund takes off the revenue of its final invoice's month.
#[must_use]
pub fn of_refund(invoice: &Invoice, refunded_cents: i64) -> Rows {
    let mut rows = Rows::none();
    if invoice.status == Status::Finalized {
        let (month, currency) = (Month::of(invoice.issuing_date), invoice.currency);
        rows.add(
            Row::Revenue { month, currency, of: RevenueOf::Invoices },
            Figure { amount: refunded_cents.saturating_neg(), count: 0 },
        );
    }
    rows
}

/// What a fee without invoice counts.
#[must_use]
pub fn of_fee(fee: &Fee, currency: Currency) -> Rows {
    let mut rows = Rows::none();
    usage(&mut rows, fee, currency);
    rows.add(
        Row::Revenue { month: Month::at(fee.created_at), currency, of: RevenueOf::Fees },
        Figure { amount: fee.amount_cents, count: 1 },
    );
    rows
}

fn usage(rows: &mut Rows, fee: &Fee, currency: Currency) {
    if let Some(item) = fee.charge() {
        let row = Row::Usage { month: Month::at(fee.created_at), code: item.metric_code.clone(), currency };
        rows.add(row, Figure { amount: fee.amount_cents, count: 1 });
    }
}

/// How a subscription fee spreads, and what of it: amount less coupons, with taxes. None for a period below a minute.
fn recurring(invoice: &Invoice, fee: &Fee) -> Option<(Shape, Figure)> {
    let FeeItem::Subscription { pay_in_advance, .. } = &fee.item else { return None };
    let billed = invoice.subscriptions.iter().find(|billed| Some(billed.subscription_id) == fee.subscription_id)?;
    let minutes = (fee.to - fee.from).num_minutes();
    if minutes < 1 {
        return None;
    }
    let shape = Shape {
        issuing_date: invoice.issuing_date,
        interval: billed.interval,
        in_advance: *pay_in_advance,
        minutes,
        currency: invoice.currency,
    };
    // Coupon shares have 5 decimals: nothing is rounded here.
    let exact = (fee.net() + Decimal::from(fee.taxes_amount_cents)).checked_mul(Decimal::from(100_000))?;
    Some((shape, Figure { amount: number::round(exact, 0).to_i64()?, count: 1 }))
}

#[cfg(test)]
mod tests;
