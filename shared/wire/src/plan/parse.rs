//! Reading plans, charges and overrides.

use domain::plan::{ChargeInput, GroupPriceInput, NewPlan, PlanOverrides, PlanUpdate};
use domain::problem::Problems;

use crate::input::Fields;

/// `plan` of `POST /plans`.
#[must_use]
pub fn parse_new(fields: Fields<'_>) -> NewPlan {
    let mut unread = Problems::default();
    let text = |name| fields.text(name).value();
    NewPlan {
        name: text("name"),
        invoice_display_name: text("invoice_display_name"),
        code: text("code"),
        interval: fields.word("interval", &mut unread).value(),
        description: text("description"),
        amount_cents: fields.integer("amount_cents", &mut unread).value(),
        amount_currency: text("amount_currency"),
        trial_period: fields.decimal("trial_period", &mut unread).value(),
        pay_in_advance: fields.boolean("pay_in_advance", &mut unread).value(),
        bill_charges_monthly: fields.boolean("bill_charges_monthly", &mut unread).value(),
        tax_codes: fields.texts("tax_codes").value().unwrap_or_default(),
        charges: parse_charges(fields).unwrap_or_default(),
        unread,
    }
}

/// `plan` of `PUT /plans/:code`, and `plan_overrides` of `PUT /subscriptions/:external_id`.
#[must_use]
pub fn parse_update(fields: Fields<'_>) -> PlanUpdate {
    let mut unread = Problems::default();
    let text = |name| fields.text(name).sent();
    PlanUpdate {
        name: text("name"),
        invoice_display_name: text("invoice_display_name"),
        code: text("code"),
        interval: fields.word("interval", &mut unread).sent(),
        description: text("description"),
        amount_cents: fields.integer("amount_cents", &mut unread).sent(),
        amount_currency: text("amount_currency"),
        trial_period: fields.decimal("trial_period", &mut unread).sent(),
        pay_in_advance: fields.boolean("pay_in_advance", &mut unread).sent(),
        bill_charges_monthly: fields.boolean("bill_charges_monthly", &mut unread).value(),
        tax_codes: fields.texts("tax_codes").value(),
        charges: parse_charges(fields),
        unread,
    }
}

/// `plan_overrides` of `POST /subscriptions`.
#[must_use]
pub fn parse_overrides(fields: Fields<'_>) -> PlanOverrides {
    let mut unread = Problems::default();
    let text = |name| fields.text(name).value();
    PlanOverrides {
        name: text("name"),
        invoice_display_name: text("invoice_display_name"),
        description: text("description"),
        amount_cents: fields.integer("amount_cents", &mut unread).value(),
        amount_currency: text("amount_currency"),
        trial_period: fields.decimal("trial_period", &mut unread).value(),
        tax_codes: fields.texts("tax_codes").value(),
        charges: parse_charges(fields).unwrap_or_default(),
        unread,
    }
}

fn parse_charges(fields: Fields<'_>) -> Option<Vec<ChargeInput>> {
    fields.objects("charges").value().map(|charges| charges.into_iter().map(parse_charge).collect())
}

fn parse_charge(fields: Fields<'_>) -> ChargeInput {
    let mut unread = Problems::default();
    ChargeInput {
        id: fields.id("id"),
        metric_id: fields.id("billable_metric_id"),
        charge_model: fields.text("charge_model").value(),
        invoice_display_name: fields.text("invoice_display_name").value(),
        pay_in_advance: fields.boolean("pay_in_advance", &mut unread).value(),
        prorated: fields.boolean("prorated", &mut unread).value(),
        invoiceable: fields.boolean("invoiceable", &mut unread).value(),
        min_amount_cents: fields.integer("min_amount_cents", &mut unread).value(),
        properties: fields.free("properties"),
        group_properties: fields
            .objects("group_properties")
            .value()
            .map(|prices| prices.into_iter().map(parse_group_price).collect()),
        tax_codes: fields.texts("tax_codes").value(),
        unread,
    }
}

fn parse_group_price(fields: Fields<'_>) -> GroupPriceInput {
    GroupPriceInput {
        group_id: fields.id("group_id"),
        values: fields.free("values"),
        invoice_display_name: fields.text("invoice_display_name").value(),
    }
}
