//! Rows of analytics: what commits have added lately, and the sums of what was folded.

use chrono::NaiveDate;
use domain::analytics::{Figure, Month, RevenueOf, Row, Rows, Shape};
use domain::id::CustomerId;
use domain::invoice::PaymentStatus;
use domain::money::Currency;
use domain::time::Interval;
use serde::{Deserialize, Serialize};

use super::form::{Text, TextForm, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// What one commit adds, until it is folded into the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedRows {
    /// Creation sequence of the commit.
    pub sequence: i64,
    /// Whose invoice or fee it is about.
    pub customer: CustomerId,
    /// What to add.
    pub rows: Rows,
}

/// The sums of an organization's month: of the rows that name it, or that are issued in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthRows {
    /// The month.
    pub month: Month,
    /// The sums.
    pub rows: Rows,
}

/// The revenue of a customer, of all months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRows {
    /// The customer.
    pub customer: CustomerId,
    /// Rows of revenue only.
    pub rows: Rows,
}

/// The month of whose sums a row is a part.
#[must_use]
pub fn month_of(row: &Row) -> Month {
    match row {
        Row::Revenue { month, .. } | Row::Collection { month, .. } | Row::Usage { month, .. } => *month,
        Row::Recurring(shape) => Month::of(shape.issuing_date),
    }
}

impl TextForm for Month {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        format!("{text}-01").parse().ok().map(Month::of)
    }
}

words!(RevenueOf { Invoices = "invoices", Fees = "fees" });

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredRow {
    Revenue { month: Text<Month>, currency: Text<Currency>, of: Text<RevenueOf> },
    Collection { month: Text<Month>, status: Text<PaymentStatus>, currency: Text<Currency> },
    Usage { month: Text<Month>, code: String, currency: Text<Currency> },
    Recurring(StoredShape),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredShape {
    issuing_date: Text<NaiveDate>,
    interval: Text<Interval>,
    in_advance: bool,
    minutes: i64,
    currency: Text<Currency>,
}

/// A row with its amount and count.
type StoredFigure = (StoredRow, i64, i64);

impl From<&Row> for StoredRow {
    fn from(row: &Row) -> Self {
        match row.clone() {
            Row::Revenue { month, currency, of } => {
                StoredRow::Revenue { month: Text(month), currency: Text(currency), of: Text(of) }
            }
            Row::Collection { month, status, currency } => {
                StoredRow::Collection { month: Text(month), status: Text(status), currency: Text(currency) }
            }
            Row::Usage { month, code, currency } => {
                StoredRow::Usage { month: Text(month), code, currency: Text(currency) }
            }
            Row::Recurring(Shape { issuing_date, interval, in_advance, minutes, currency }) => {
                StoredRow::Recurring(StoredShape {
                    issuing_date: Text(issuing_date),
                    interval: Text(interval),
                    in_advance,
                    minutes,
                    currency: Text(currency),
                })
            }
        }
    }
}

impl From<StoredRow> for Row {
    fn from(stored: StoredRow) -> Self {
        match stored {
            StoredRow::Revenue { month, currency, of } => {
                Row::Revenue { month: month.0, currency: currency.0, of: of.0 }
            }
            StoredRow::Collection { month, status, currency } => {
                Row::Collection { month: month.0, status: status.0, currency: currency.0 }
            }
            StoredRow::Usage { month, code, currency } => Row::Usage { month: month.0, code, currency: currency.0 },
            StoredRow::Recurring(shape) => Row::Recurring(Shape {
                issuing_date: shape.issuing_date.0,
                interval: shape.interval.0,
                in_advance: shape.in_advance,
                minutes: shape.minutes,
                currency: shape.currency.0,
            }),
        }
    }
}

fn stored(rows: &Rows) -> Vec<StoredFigure> {
    rows.iter().map(|(row, Figure { amount, count })| (row.into(), amount, count)).collect()
}

fn loaded(stored: Vec<StoredFigure>) -> Rows {
    let mut rows = Rows::none();
    for (row, amount, count) in stored {
        rows.add(row.into(), Figure { amount, count });
    }
    rows
}

/// The stored form of what a commit adds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAddedRows {
    sequence: i64,
    customer: Text<CustomerId>,
    rows: Vec<StoredFigure>,
}

impl Record for AddedRows {
    const KIND: &'static str = "analytics_added";
    const SCHEMA: u32 = 1;
    type Stored = StoredAddedRows;

    fn key(&self, scope: Scope) -> Key {
        keys::analytics_added(scope.organization, self.sequence, self.customer)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAddedRows {
        StoredAddedRows { sequence: self.sequence, customer: Text(self.customer), rows: stored(&self.rows) }
    }

    fn from_stored(stored: StoredAddedRows) -> Result<Self, DecodeError> {
        let StoredAddedRows { sequence, customer, rows } = stored;
        Ok(AddedRows { sequence, customer: customer.0, rows: loaded(rows) })
    }
}

/// The stored form of a month's sums.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredMonthRows {
    month: Text<Month>,
    rows: Vec<StoredFigure>,
}

impl Record for MonthRows {
    const KIND: &'static str = "analytics_month";
    const SCHEMA: u32 = 1;
    type Stored = StoredMonthRows;

    fn key(&self, scope: Scope) -> Key {
        keys::analytics_month(scope.organization, &self.month.to_string())
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredMonthRows {
        StoredMonthRows { month: Text(self.month), rows: stored(&self.rows) }
    }

    fn from_stored(stored: StoredMonthRows) -> Result<Self, DecodeError> {
        Ok(MonthRows { month: stored.month.0, rows: loaded(stored.rows) })
    }
}

/// The stored form of a customer's revenue.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCustomerRows {
    customer: Text<CustomerId>,
    rows: Vec<StoredFigure>,
}

impl Record for CustomerRows {
    const KIND: &'static str = "analytics_customer";
    const SCHEMA: u32 = 1;
    type Stored = StoredCustomerRows;

    fn key(&self, scope: Scope) -> Key {
        keys::analytics_customer(scope.organization, self.customer)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredCustomerRows {
        StoredCustomerRows { customer: Text(self.customer), rows: stored(&self.rows) }
    }

    fn from_stored(stored: StoredCustomerRows) -> Result<Self, DecodeError> {
        Ok(CustomerRows { customer: stored.customer.0, rows: loaded(stored.rows) })
    }
}
