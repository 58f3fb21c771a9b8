//! One-off invoices: add-ons sold on request (chapter 04, 8.2).

use rust_decimal::Decimal;

use super::{AmountOverflow, Fee, FeeItem, FeePayment, Invoice, Issue, Kind, Place, fee_id, issue};
use crate::add_on::AddOn;
use crate::customer::Customer;
use crate::id::InvoiceId;
use crate::money::Currency;
use crate::number;
use crate::organization::Organization;
use crate::problem::{Problems, codes};
use crate::tax::{self, Tax};
use crate::time::Instant;

/// A line as asked for. What is none is the add-on's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// `add_on_code`.
    pub add_on_code: Option<String>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
    /// `unit_amount_cents`.
    pub unit_amount_cents: Option<i64>,
    /// `units`; absent is 1.
    pub units: Option<Decimal>,
    /// `description`.
    pub description: Option<String>,
    /// `tax_codes`, if the key was sent with a list: even an empty one means these taxes and no others.
    pub tax_codes: Option<Vec<String>>,
}

/// A one-off invoice as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// `external_customer_id`.
    pub external_customer_id: Option<String>,
    /// `currency`; the outer option is whether a code was sent, the inner one whether it is a known one.
    pub currency: Option<Option<Currency>>,
    /// `fees`.
    pub lines: Vec<Line>,
    /// What could not be read of the lines.
    pub unread: Problems,
}

impl Order {
    /// The currency of the invoice, which a customer without one takes (chapter 04, 8.2 and 12.1).
    ///
    /// # Errors
    /// The rows of the chapter's table, in its order.
    pub fn currency(&self, of_customer: Option<Currency>, editable: bool) -> Result<Currency, Problems> {
        let refused = |code| Err(Problems::one("currency", code));
        match (self.currency, of_customer) {
            (Some(asked), Some(present)) if asked != Some(present) => refused(codes::CURRENCIES_DIFFER),
            (None | Some(Some(_)), Some(present)) => Ok(present),
            (None, None) => refused(codes::MANDATORY),
            (Some(None), _) => refused(codes::INVALID),
            (Some(Some(asked)), None) if editable => Ok(asked),
            (Some(Some(_)), None) => refused(codes::CURRENCIES_DIFFER),
        }
    }
}

/// A line with what it sells, and with the taxes that apply to it (chapter 04, 5.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Sale<'a> {
    /// The line.
    pub line: &'a Line,
    /// The add-on.
    pub add_on: &'a AddOn,
    /// Its taxes, resolved.
    pub taxes: Vec<Tax>,
}

/// The taxes of a line: its own codes if they were sent (unknown ones are left out), else the add-on's, the customer's or
/// the organization's (chapter 04, 5.1).
#[must_use]
pub fn taxes_of(line: &Line, add_on: &AddOn, customer: &Customer, all: &[Tax]) -> Vec<Tax> {
    match &line.tax_codes {
        Some(codes) => {
            let mut taxes: Vec<Tax> = Vec::new();
            for tax in codes.iter().filter_map(|code| all.iter().find(|tax| tax.code == *code)) {
                if !taxes.contains(tax) {
                    taxes.push(tax.clone());
                }
            }
            taxes
        }
        None => tax::resolved(&[&add_on.tax_ids, &customer.tax_ids], all),
    }
}

/// What is wrong with the lines' numbers (00-index): 0 is allowed, less is not.
#[must_use]
pub fn problems(order: &Order) -> Problems {
    let mut problems = order.unread.clone();
    for line in &order.lines {
        if line.unit_amount_cents.is_some_and(|amount| amount < 0) {
            problems.add("unit_amount_cents", codes::OUT_OF_RANGE);
        }
        if line.units.is_some_and(|units| units < Decimal::ZERO) {
            problems.add("units", codes::OUT_OF_RANGE);
        }
    }
    problems
}

/// The invoice of these sales: final, issued today, with taxes and nothing else.
///
/// # Errors
/// The amounts are too large.
pub fn invoice(
    organization: &Organization,
    customer: &Customer,
    currency: Currency,
    sales: &[Sale<'_>],
    (id, at, place): (InvoiceId, Instant, Place),
) -> Result<Invoice, AmountOverflow> {
    let fees = sales.iter().enumerate().map(|(position, sale)| fee(sale, currency, id, position, at));
    let fees = fees.collect::<Result<Vec<Fee>, AmountOverflow>>()?;
    let kind = Kind::OneOff;
    let subscriptions = Vec::new();
    issue(
        organization,
        customer,
        Issue { id, kind, place, at, dated: at, grace_days: 0, currency, subscriptions, fees },
    )
}

fn fee(
    sale: &Sale<'_>,
    currency: Currency,
    invoice: InvoiceId,
    position: usize,
    at: Instant,
) -> Result<Fee, AmountOverflow> {
    let Sale { line, add_on, taxes } = sale;
    let unit_amount_cents = line.unit_amount_cents.unwrap_or(add_on.amount_cents);
    let units = line.units.unwrap_or(Decimal::ONE);
    let exact = Decimal::from(unit_amount_cents).checked_mul(units).ok_or(AmountOverflow)?;
    let amount_cents = i64::try_from(number::round(exact, 0)).map_err(|_| AmountOverflow)?;
    let id = fee_id(invoice, position);
    let taxes = tax::on_fee(id.0, taxes, Decimal::from(amount_cents));
    let display_name = line.invoice_display_name.clone().filter(|name| !name.trim().is_empty());
    Ok(Fee {
        id,
        item: FeeItem::AddOn {
            add_on_id: add_on.id,
            code: add_on.code.clone(),
            name: add_on.name.clone(),
            display_name: display_name.unwrap_or_else(|| add_on.printed_name().to_owned()),
        },
        subscription_id: None,
        external_subscription_id: None,
        amount_cents,
        coupon_share: Decimal::ZERO,
        units,
        precise_unit_amount: currency.units(unit_amount_cents),
        unit_amount_cents,
        taxes: taxes.taxes,
        taxes_amount_cents: taxes.amount_cents,
        taxes_rate: taxes.rate,
        from: at,
        to: at,
        description: line.description.clone().or_else(|| add_on.description.clone()),
        payment: FeePayment::default(),
        created_at: at,
    })
}

#[cfg(test)]
mod tests;
