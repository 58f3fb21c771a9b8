//! Add-ons: what a one-off invoice sells. Rules: chapter 04, 8.1.

use crate::id::{AddOnId, TaxId};
use crate::money::Currency;
use crate::problem::{Problems, codes};
use crate::time::Instant;

/// Something sold once, on request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOn {
    /// Id.
    pub id: AddOnId,
    /// Name.
    pub name: String,
    /// Code, unique among the organization's add-ons that are not deleted.
    pub code: String,
    /// Name on fees and invoices, if it differs.
    pub invoice_display_name: Option<String>,
    /// Printed under the name, unless a line has a description of its own.
    pub description: Option<String>,
    /// Price of one unit before tax, minor units, above 0.
    pub amount_cents: i64,
    /// Currency of the price.
    pub currency: Currency,
    /// Its own taxes.
    pub tax_ids: Vec<TaxId>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
}

impl AddOn {
    /// The name that invoices print: the display name, else the name (chapter 04, 7.5).
    #[must_use]
    pub fn printed_name(&self) -> &str {
        self.invoice_display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.name)
    }
}

/// An add-on as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAddOn {
    /// `name`.
    pub name: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `amount_cents`.
    pub amount_cents: Option<i64>,
    /// `amount_currency`.
    pub currency: Option<Currency>,
    /// What could not be read.
    pub unread: Problems,
}

/// An edit as asked for. The outer option is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::option_option)] // Absent, null and set are three wishes.
pub struct AddOnUpdate {
    /// `name`.
    pub name: Option<Option<String>>,
    /// `code`.
    pub code: Option<Option<String>>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<Option<String>>,
    /// `description`.
    pub description: Option<Option<String>>,
    /// `amount_cents`.
    pub amount_cents: Option<Option<i64>>,
    /// `amount_currency`.
    pub currency: Option<Option<Currency>>,
    /// What could not be read.
    pub unread: Problems,
}

/// A new add-on. Whether its code is free is checked by whoever stores it.
///
/// # Errors
/// Every field that is wrong (chapter 04, 8.1; 00-index).
pub fn create(
    new: NewAddOn,
    tax_ids: Vec<TaxId>,
    id: AddOnId,
    created_at: Instant,
    created_seq: i64,
) -> Result<AddOn, Problems> {
    let mut problems = new.unread;
    let name = problems.mandatory("name", new.name);
    let code = problems.mandatory("code", new.code);
    match new.amount_cents {
        Some(amount) if amount <= 0 => problems.add("amount_cents", codes::OUT_OF_RANGE),
        None if !problems.has("amount_cents") => problems.add("amount_cents", codes::MANDATORY),
        Some(_) | None => {}
    }
    if new.currency.is_none() && !problems.has("amount_currency") {
        problems.add("amount_currency", codes::MANDATORY);
    }
    match (new.amount_cents, new.currency) {
        (Some(amount_cents), Some(currency)) => problems.or(AddOn {
            id,
            name,
            code,
            invoice_display_name: new.invoice_display_name,
            description: new.description,
            amount_cents,
            currency,
            tax_ids,
            created_at,
            created_seq,
            deleted_at: None,
        }),
        // What is missing was noted as a problem.
        (_, _) => Err(problems),
    }
}

/// The add-on after an edit, with the checks of creation on what it would be. Fees that were made of it keep what they say.
///
/// # Errors
/// Every field that is wrong.
pub fn edit(add_on: &AddOn, update: AddOnUpdate, tax_ids: Option<Vec<TaxId>>) -> Result<AddOn, Problems> {
    let asked = NewAddOn {
        name: update.name.unwrap_or_else(|| Some(add_on.name.clone())),
        code: update.code.unwrap_or_else(|| Some(add_on.code.clone())),
        invoice_display_name: update.invoice_display_name.unwrap_or_else(|| add_on.invoice_display_name.clone()),
        description: update.description.unwrap_or_else(|| add_on.description.clone()),
        amount_cents: update.amount_cents.unwrap_or(Some(add_on.amount_cents)),
        currency: update.currency.unwrap_or(Some(add_on.currency)),
        unread: update.unread,
    };
    let tax_ids = tax_ids.unwrap_or_else(|| add_on.tax_ids.clone());
    create(asked, tax_ids, add_on.id, add_on.created_at, add_on.created_seq)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn new() -> NewAddOn {
        NewAddOn {
            name: Some("Set-up".into()),
            code: Some("setup".into()),
            amount_cents: Some(1200),
            currency: Some(Currency::EUR),
            ..NewAddOn::default()
        }
    }

    fn made(new: NewAddOn) -> Result<AddOn, Problems> {
        create(new, Vec::new(), AddOnId(Uuid::nil()), Instant::UNIX_EPOCH, 1)
    }

    #[test]
    fn what_an_add_on_needs() {
        let check = |new: NewAddOn, field: &str, code: &str| assert_eq!(made(new), Err(Problems::one(field, code)));
        check(NewAddOn { name: Some(" ".into()), ..new() }, "name", codes::MANDATORY);
        check(NewAddOn { code: None, ..new() }, "code", codes::MANDATORY);
        check(NewAddOn { amount_cents: None, ..new() }, "amount_cents", codes::MANDATORY);
        check(NewAddOn { amount_cents: Some(0), ..new() }, "amount_cents", codes::OUT_OF_RANGE);
        check(NewAddOn { currency: None, ..new() }, "amount_currency", codes::MANDATORY);
        let unread = Problems::one("amount_currency", codes::INVALID);
        check(NewAddOn { currency: None, unread, ..new() }, "amount_currency", codes::INVALID);
    }

    #[test]
    fn an_edit_changes_what_was_sent() {
        let add_on = AddOn { description: Some("x".into()), tax_ids: vec![TaxId(Uuid::nil())], ..made(new()).unwrap() };
        let update = AddOnUpdate { amount_cents: Some(Some(5)), description: Some(None), ..AddOnUpdate::default() };
        let expected = AddOn { amount_cents: 5, description: None, ..add_on.clone() };
        assert_eq!(edit(&add_on, update, None), Ok(expected.clone()));
        let cleared = edit(&add_on, AddOnUpdate::default(), Some(Vec::new())).unwrap();
        assert_eq!(cleared, AddOn { tax_ids: Vec::new(), ..add_on.clone() });
        let update = AddOnUpdate { name: Some(None), ..AddOnUpdate::default() };
        assert_eq!(edit(&add_on, update, None), Err(Problems::one("name", codes::MANDATORY)));
    }

    #[test]
    fn a_display_name_is_printed_if_there_is_one() {
        let add_on = made(new()).unwrap();
        assert_eq!(add_on.printed_name(), "Set-up");
        assert_eq!(AddOn { invoice_display_name: Some("Start".into()), ..add_on }.printed_name(), "Start");
    }
}
