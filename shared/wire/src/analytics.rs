//! Analytics rows (chapter 06, 17; chapter 09).

use domain::analytics::{Collection, InvoicedUsage, Month, Recurring, Revenue};
use serde::Serialize;

use crate::fee;

/// A row of gross revenue.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GrossRevenue {
    month: String,
    amount_cents: i64,
    currency: &'static str,
    invoices_count: i64,
}

/// A row of monthly recurring revenue; nulls in a month without any.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Mrr {
    month: String,
    amount_cents: Option<i64>,
    currency: Option<&'static str>,
}

/// A row of invoiced usage.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "InvoicedUsage")]
pub struct Usage {
    month: String,
    code: String,
    currency: &'static str,
    amount_cents: i64,
}

/// A row of invoice collection; nulls in a month without invoices.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct InvoiceCollection {
    month: String,
    payment_status: Option<&'static str>,
    invoices_count: i64,
    amount_cents: i64,
    currency: Option<&'static str>,
}

/// The first instant of a month, with milliseconds.
fn first_instant(month: Month) -> String {
    format!("{}T00:00:00.000Z", month.first_day())
}

impl From<&Revenue> for GrossRevenue {
    fn from(row: &Revenue) -> GrossRevenue {
        GrossRevenue {
            month: first_instant(row.month),
            amount_cents: row.amount_cents,
            currency: row.currency.code(),
            invoices_count: row.invoices_count,
        }
    }
}

impl From<&Recurring> for Mrr {
    fn from(row: &Recurring) -> Mrr {
        Mrr {
            month: first_instant(row.month),
            amount_cents: row.figure.map(|(_, amount_cents)| amount_cents),
            currency: row.figure.map(|(currency, _)| currency.code()),
        }
    }
}

impl From<&InvoicedUsage> for Usage {
    fn from(row: &InvoicedUsage) -> Usage {
        Usage {
            month: first_instant(row.month),
            code: row.code.clone(),
            currency: row.currency.code(),
            amount_cents: row.amount_cents,
        }
    }
}

impl From<&Collection> for InvoiceCollection {
    fn from(row: &Collection) -> InvoiceCollection {
        InvoiceCollection {
            month: first_instant(row.month),
            payment_status: row.group.map(|(status, _)| fee::payment_status(status.into())),
            invoices_count: row.figure.count,
            amount_cents: row.figure.amount,
            currency: row.group.map(|(_, currency)| currency.code()),
        }
    }
}
