//! Creating and editing plans (chapter 02, 2.2 and 2.3).

use rust_decimal::Decimal;

use super::input::{Attached, Catalogue, ChargeInput, Findings, NewPlan, PlanUpdate, Refused};
use super::{Charge, Plan, charges};
use crate::id::{ChargeId, PlanId};
use crate::metric::Metric;
use crate::money::Currency;
use crate::problem::{Problems, codes};
use crate::time::{Instant, Interval};

/// A new plan. Whether its code is free is checked by whoever stores it. `new_charge` is asked once per charge.
///
/// # Errors
/// In this order: an unknown metric; wrong fields of the plan (with those of charges); an unknown tax; wrong fields of
/// charges.
pub fn create(
    mut new: NewPlan,
    catalogue: Catalogue<'_>,
    id: PlanId,
    now: Instant,
    seq: i64,
    new_charge: &mut dyn FnMut() -> ChargeId,
) -> Result<Plan, Refused> {
    let inputs = with_metrics(std::mem::take(&mut new.charges), catalogue)?;
    let mut findings = Findings::default();
    let tax_ids = findings.taxes(&new.tax_codes, catalogue);
    let create = |(input, metric): (ChargeInput, &Metric)| {
        charges::create(&input, metric, new_charge(), now, catalogue, &mut findings)
    };
    let charges = inputs.into_iter().filter_map(create).collect();
    new.bill_charges_monthly = monthly(new.interval, new.bill_charges_monthly);
    let head = Head::parse(new, &mut findings.own);
    findings.or(Plan {
        id,
        parent_id: None,
        name: head.name,
        invoice_display_name: head.invoice_display_name,
        code: head.code,
        description: head.description,
        interval: head.interval,
        amount_cents: head.amount_cents,
        currency: head.currency,
        trial_period: head.trial_period,
        pay_in_advance: head.pay_in_advance,
        bill_charges_monthly: head.bill_charges_monthly,
        tax_ids,
        charges,
        created_at: now,
        created_seq: seq,
        pending_deletion: false,
        deleted_at: None,
    })
}

/// The plan after an edit. An attached plan ignores in silence what must not change under its subscriptions, wrong
/// values in it, too. `new_charge` is asked once per new charge.
///
/// A child plan is edited the same way (`plan_overrides` of an update of its subscription, chapter 02, 2.7): its charges
/// answer to the ids of the parent's charges, too, and each entry needs its `properties`.
///
/// # Errors
/// As [`create`].
pub fn edit(
    plan: &Plan,
    update: PlanUpdate,
    attached: Attached,
    catalogue: Catalogue<'_>,
    now: Instant,
    new_charge: &mut dyn FnMut() -> ChargeId,
) -> Result<Plan, Refused> {
    let inputs = update.charges.clone().map(|inputs| with_metrics(inputs, catalogue)).transpose()?;
    let mut findings = Findings::default();
    let tax_ids = match &update.tax_codes {
        Some(codes) => findings.taxes(codes, catalogue),
        None => plan.tax_ids.clone(),
    };
    let charges = match inputs {
        Some(inputs) => replaced(plan, inputs, attached, catalogue, now, new_charge, &mut findings),
        None => plan.charges.clone(),
    };
    let head = match attached {
        Attached::No => Head::parse(asked(plan, update), &mut findings.own),
        Attached::Yes => Head::renamed(plan, update, &mut findings.own),
    };
    findings.or(Plan {
        name: head.name,
        invoice_display_name: head.invoice_display_name,
        code: head.code,
        description: head.description,
        interval: head.interval,
        amount_cents: head.amount_cents,
        currency: head.currency,
        trial_period: head.trial_period,
        pay_in_advance: head.pay_in_advance,
        bill_charges_monthly: head.bill_charges_monthly,
        tax_ids,
        charges,
        ..plan.clone()
    })
}

/// Each charge with its metric; one that is missing or unknown refuses the whole request, before anything else.
fn with_metrics<'a>(
    inputs: Vec<ChargeInput>,
    catalogue: Catalogue<'a>,
) -> Result<Vec<(ChargeInput, &'a Metric)>, Refused> {
    let pair = |input: ChargeInput| {
        let metric =
            input.metric_id.and_then(|id| (catalogue.metric)(id)).ok_or(Refused::NotFound("billable_metrics"))?;
        Ok((input, metric))
    };
    inputs.into_iter().map(pair).collect()
}

/// The charges after a full replacement: listed ones are edited, others made, the rest is gone.
fn replaced(
    plan: &Plan,
    inputs: Vec<(ChargeInput, &Metric)>,
    attached: Attached,
    catalogue: Catalogue<'_>,
    now: Instant,
    new_charge: &mut dyn FnMut() -> ChargeId,
    findings: &mut Findings,
) -> Vec<Charge> {
    let mut kept: Vec<Option<Charge>> = vec![None; plan.charges.len()];
    let mut new = Vec::new();
    for (input, metric) in inputs {
        if plan.parent_id.is_some() && charges::is_empty(&input.properties) {
            findings.charges.add("properties", codes::MANDATORY);
        }
        match position(plan, &input) {
            Some(at) => {
                let charge = &plan.charges[at];
                kept[at] = Some(match attached {
                    Attached::No => charges::edit_freely(charge, &input, metric, catalogue, findings),
                    Attached::Yes => edit_restricted(charge, &input, catalogue, findings),
                });
            }
            None => new.extend(charges::create(&input, metric, new_charge(), now, catalogue, findings)),
        }
    }
    // Oldest first: those that were there, then the new ones as sent.
    kept.into_iter().flatten().chain(new).collect()
}

/// Which of the plan's charges an entry means: by its own id, on a child also by that of the charge it copies.
fn position(plan: &Plan, input: &ChargeInput) -> Option<usize> {
    let id = input.id?;
    plan.charges.iter().position(|charge| charge.id == id || charge.parent_id == Some(id))
}

fn edit_restricted(charge: &Charge, input: &ChargeInput, catalogue: Catalogue<'_>, findings: &mut Findings) -> Charge {
    match (catalogue.metric)(charge.metric_id) {
        Some(metric) => charges::edit_price(charge, charge.model(), input, metric, catalogue, findings),
        // Nobody can price a metric that is gone; its charges are about to go, too.
        None => charge.clone(),
    }
}

/// The plan that an edit asks for, to be checked like a new one.
fn asked(plan: &Plan, update: PlanUpdate) -> NewPlan {
    // Whether charges are billed monthly is decided anew by the interval that was sent; without one it is reset, even on
    // a yearly plan (chapter 02, 2.3, K12).
    let sent_interval = update.interval.flatten();
    NewPlan {
        name: update.name.unwrap_or_else(|| Some(plan.name.clone())),
        invoice_display_name: update.invoice_display_name.unwrap_or_else(|| plan.invoice_display_name.clone()),
        code: update.code.unwrap_or_else(|| Some(plan.code.clone())),
        interval: update.interval.unwrap_or(Some(plan.interval)),
        description: update.description.unwrap_or_else(|| plan.description.clone()),
        amount_cents: update.amount_cents.unwrap_or(Some(plan.amount_cents)),
        amount_currency: update.amount_currency.unwrap_or_else(|| Some(plan.currency.code().to_owned())),
        trial_period: update.trial_period.unwrap_or(plan.trial_period),
        pay_in_advance: update.pay_in_advance.unwrap_or(Some(plan.pay_in_advance)),
        bill_charges_monthly: monthly(sent_interval, update.bill_charges_monthly),
        tax_codes: Vec::new(),
        charges: Vec::new(),
        unread: update.unread,
    }
}

/// `bill_charges_monthly` as stored: as given, false by default, on yearly plans; none on others.
fn monthly(interval: Option<Interval>, given: Option<bool>) -> Option<bool> {
    (interval == Some(Interval::Yearly)).then(|| given.unwrap_or(false))
}

/// A plan without its taxes and charges. Where a field is wrong, which is noted, a stand-in takes its place; nobody gets
/// to see it.
struct Head {
    name: String,
    invoice_display_name: Option<String>,
    code: String,
    description: Option<String>,
    interval: Interval,
    amount_cents: i64,
    currency: Currency,
    trial_period: Option<Decimal>,
    pay_in_advance: bool,
    bill_charges_monthly: Option<bool>,
}

impl Head {
    fn parse(asked: NewPlan, problems: &mut Problems) -> Head {
        problems.extend(asked.unread);
        let name = problems.mandatory("name", asked.name);
        let code = problems.mandatory("code", asked.code);
        let mut missing = |field: &str, is_missing: bool, code: &str| {
            if is_missing && !problems.has(field) {
                problems.add(field, code);
            }
        };
        let currency = asked.amount_currency.and_then(|code| code.parse().ok());
        missing("amount_currency", currency.is_none(), codes::INVALID);
        missing("pay_in_advance", asked.pay_in_advance.is_none(), codes::INVALID);
        missing("amount_cents", asked.amount_cents.is_none(), codes::MANDATORY);
        missing("interval", asked.interval.is_none(), codes::MANDATORY);
        Head {
            name,
            invoice_display_name: asked.invoice_display_name,
            code,
            description: asked.description,
            interval: asked.interval.unwrap_or(Interval::Monthly),
            amount_cents: asked.amount_cents.unwrap_or_default(),
            currency: currency.unwrap_or(Currency::USD),
            trial_period: asked.trial_period,
            pay_in_advance: asked.pay_in_advance.unwrap_or_default(),
            bill_charges_monthly: asked.bill_charges_monthly,
        }
    }

    /// The head of a plan in use: only names and the description can change.
    fn renamed(plan: &Plan, update: PlanUpdate, problems: &mut Problems) -> Head {
        Head {
            name: problems.mandatory("name", update.name.unwrap_or_else(|| Some(plan.name.clone()))),
            invoice_display_name: update.invoice_display_name.unwrap_or_else(|| plan.invoice_display_name.clone()),
            code: plan.code.clone(),
            description: update.description.unwrap_or_else(|| plan.description.clone()),
            interval: plan.interval,
            amount_cents: plan.amount_cents,
            currency: plan.currency,
            trial_period: plan.trial_period,
            pay_in_advance: plan.pay_in_advance,
            bill_charges_monthly: plan.bill_charges_monthly,
        }
    }
}

#[cfg(test)]
mod tests;
