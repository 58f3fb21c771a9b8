//! Taxes (chapter 05, 2.2; chapter 06, 2).

use domain::problem::Problems;
use domain::tax::{NewTax, Tax, TaxUpdate};
use serde::Serialize;
use serde_json::Number;

use crate::format;
use crate::input::Fields;

/// `tax` of `POST /taxes`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> NewTax {
    let mut unread = Problems::default();
    NewTax {
        name: fields.text("name").value(),
        code: fields.text("code").value(),
        rate: fields.decimal("rate", &mut unread).value(),
        description: fields.text("description").value(),
        applied_to_organization: fields.boolean("applied_to_organization", &mut unread).value(),
        unread,
    }
}

/// `tax` of `PUT /taxes/:code`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> TaxUpdate {
    let mut unread = Problems::default();
    TaxUpdate {
        name: fields.text("name").sent(),
        code: fields.text("code").sent(),
        rate: fields.decimal("rate", &mut unread).sent(),
        description: fields.text("description").sent(),
        applied_to_organization: fields.boolean("applied_to_organization", &mut unread).sent(),
        unread,
    }
}

/// Who carries a tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Add-ons with it.
    pub add_ons: u64,
    /// Customers that it concerns.
    pub customers: u64,
    /// Plans with it.
    pub plans: u64,
    /// Charges with it.
    pub charges: u64,
}

/// A tax.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Tax")]
#[allow(missing_docs)] // Fields are named and explained in chapter 06, 2.
pub struct Output {
    pub lago_id: String,
    pub name: String,
    pub code: String,
    pub rate: Number,
    pub description: Option<String>,
    pub applied_to_organization: bool,
    pub add_ons_count: u64,
    pub customers_count: u64,
    pub plans_count: u64,
    pub charges_count: u64,
    pub created_at: String,
}

impl Output {
    /// A tax as the API shows it.
    #[must_use]
    pub fn new(tax: &Tax, counts: &Counts) -> Output {
        Output {
            lago_id: tax.id.to_string(),
            name: tax.name.clone(),
            code: tax.code.clone(),
            rate: format::rate(tax.rate),
            description: tax.description.clone(),
            applied_to_organization: tax.applied_to_organization,
            add_ons_count: counts.add_ons,
            customers_count: counts.customers,
            plans_count: counts.plans,
            charges_count: counts.charges,
            created_at: format::timestamp(tax.created_at),
        }
    }
}

#[cfg(test)]
mod tests;
