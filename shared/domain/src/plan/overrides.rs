//! Child plans: copies of a parent for one subscription (chapter 02, 2.7).

use super::input::{Catalogue, Findings, PlanOverrides, Refused};
use super::{Charge, Plan, charges};
use crate::id::{ChargeId, PlanId};
use crate::problem::codes;
use crate::time::Instant;

/// A child of `parent` with what `overrides` replaces. `new_charge` is asked once per charge of the parent.
///
/// # Errors
/// In this order: wrong fields of the plan (with those of charges); an unknown tax; wrong fields of charges.
pub fn child(
    parent: &Plan,
    overrides: PlanOverrides,
    catalogue: Catalogue<'_>,
    id: PlanId,
    now: Instant,
    seq: i64,
    new_charge: &mut dyn FnMut() -> ChargeId,
) -> Result<Plan, Refused> {
    let mut findings = Findings { own: overrides.unread, ..Findings::default() };
    let tax_ids = match &overrides.tax_codes {
        Some(codes) => findings.taxes(codes, catalogue),
        None => parent.tax_ids.clone(),
    };
    let base = copy(parent, id, now, seq, new_charge);
    let override_charge = |charge: &Charge| {
        // Of several entries for one charge the last one counts.
        let entry = overrides.charges.iter().rfind(|entry| entry.id.is_some() && entry.id == charge.parent_id);
        match entry {
            Some(entry) => charges::override_price(charge, entry, catalogue, &mut findings),
            None => charge.clone(),
        }
    };
    let charges = base.charges.iter().map(override_charge).collect();
    let name = match overrides.name {
        Some(name) => findings.own.mandatory("name", Some(name)),
        None => parent.name.clone(),
    };
    let currency = match overrides.amount_currency.map(|code| code.parse()).transpose() {
        Ok(currency) => currency.unwrap_or(parent.currency),
        Err(_) => {
            findings.own.add("amount_currency", codes::INVALID);
            parent.currency
        }
    };
    findings.or(Plan {
        name,
        invoice_display_name: overrides.invoice_display_name.or_else(|| parent.invoice_display_name.clone()),
        description: overrides.description.or_else(|| parent.description.clone()),
        amount_cents: overrides.amount_cents.unwrap_or(parent.amount_cents),
        currency,
        trial_period: overrides.trial_period.or(parent.trial_period),
        tax_ids,
        charges,
        ..base
    })
}

/// A plain copy of `parent`, to be edited in its stead when one of its subscriptions gets overrides of its own.
#[must_use]
pub fn copy(parent: &Plan, id: PlanId, now: Instant, seq: i64, new_charge: &mut dyn FnMut() -> ChargeId) -> Plan {
    let copied =
        |charge: &Charge| Charge { id: new_charge(), parent_id: Some(charge.id), created_at: now, ..charge.clone() };
    let charges = parent.charges.iter().map(copied).collect();
    Plan {
        id,
        parent_id: Some(parent.id),
        charges,
        created_at: now,
        created_seq: seq,
        pending_deletion: false,
        deleted_at: None,
        ..parent.clone()
    }
}
