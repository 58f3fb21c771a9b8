//! Add-ons (chapter 05, 2.6; chapter 06, 5), and the one-off invoices that sell them (chapter 04, 8.2).

use domain::add_on::{AddOn, AddOnUpdate, NewAddOn};
use domain::invoice::one_off::{Line, Order};
use domain::problem::Problems;
use serde::Serialize;

use crate::input::{Field, Fields};
use crate::{format, tax};

/// `add_on` of `POST /add_ons`, and its `tax_codes`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> (NewAddOn, Vec<String>) {
    let mut unread = Problems::default();
    let new = NewAddOn {
        name: fields.text("name").value(),
        code: fields.text("code").value(),
        invoice_display_name: fields.text("invoice_display_name").value(),
        description: fields.text("description").value(),
        amount_cents: fields.integer("amount_cents", &mut unread).value(),
        currency: fields.word("amount_currency", &mut unread).value(),
        unread,
    };
    (new, fields.texts("tax_codes").value().unwrap_or_default())
}

/// `add_on` of `PUT /add_ons/:code`, and its `tax_codes` if they were sent: `[]` clears.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> (AddOnUpdate, Option<Vec<String>>) {
    let mut unread = Problems::default();
    let update = AddOnUpdate {
        name: fields.text("name").sent(),
        code: fields.text("code").sent(),
        invoice_display_name: fields.text("invoice_display_name").sent(),
        description: fields.text("description").sent(),
        amount_cents: fields.integer("amount_cents", &mut unread).sent(),
        currency: fields.word("amount_currency", &mut unread).sent(),
        unread,
    };
    (update, fields.texts("tax_codes").value())
}

/// `invoice` of `POST /invoices`.
#[must_use]
pub fn parse_order(fields: Fields<'_>) -> Order {
    let mut unread = Problems::default();
    let currency = match fields.text("currency") {
        Field::Set(code) if !code.is_empty() => Some(code.parse().ok()),
        Field::Set(_) | Field::Null | Field::Absent => None,
    };
    let lines = fields.objects("fees").value().unwrap_or_default();
    let lines = lines.into_iter().map(|line| parse_line(line, &mut unread)).collect();
    Order { external_customer_id: fields.text("external_customer_id").value(), currency, lines, unread }
}

fn parse_line(fields: Fields<'_>, unread: &mut Problems) -> Line {
    Line {
        add_on_code: fields.text("add_on_code").value(),
        invoice_display_name: fields.text("invoice_display_name").value(),
        unit_amount_cents: fields.integer("unit_amount_cents", unread).value(),
        units: fields.decimal("units", unread).value(),
        description: fields.text("description").value(),
        // `null` means the same as an absent key (chapter 09).
        tax_codes: fields.texts("tax_codes").value(),
    }
}

/// An add-on.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "AddOn")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 5.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub invoice_display_name: Option<String>,
    pub code: String,
    pub amount_cents: i64,
    pub amount_currency: &'static str,
    pub created_at: String,
    pub description: Option<String>,
    pub taxes: Vec<tax::Output>,
}

impl Output {
    /// An add-on as the API shows it.
    #[must_use]
    pub fn new(add_on: &AddOn, taxes: Vec<tax::Output>) -> Output {
        Output {
            lago_id: add_on.id.to_string(),
            name: add_on.name.clone(),
            invoice_display_name: add_on.invoice_display_name.clone(),
            code: add_on.code.clone(),
            amount_cents: add_on.amount_cents,
            amount_currency: add_on.currency.code(),
            created_at: format::timestamp(add_on.created_at),
            description: add_on.description.clone(),
            taxes,
        }
    }
}
