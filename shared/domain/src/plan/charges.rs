//! One charge from a request: its price, the prices of its groups, and whether it may be at all (chapter 03, 4).

use super::input::{Catalogue, ChargeInput, Findings, GroupPriceInput};
use super::{Charge, GroupPrice, Pricing};
use crate::charge::{ChargeModel, Combination, Price, check, check_groups};
use crate::id::ChargeId;
use crate::metric::Metric;
use crate::problem::{Problems, codes};
use crate::time::Instant;
use crate::value::Value;

/// A group price without group or values, in the API's words.
const IS_INVALID: &str = "is invalid";

/// A new charge on `metric`, or none with the reasons noted.
pub(super) fn create(
    input: &ChargeInput,
    metric: &Metric,
    id: ChargeId,
    created_at: Instant,
    catalogue: Catalogue<'_>,
    findings: &mut Findings,
) -> Option<Charge> {
    findings.charges.extend(input.unread.clone());
    let model = model(input, findings);
    let sent = input.group_properties.as_deref().unwrap_or_default();
    let group_prices = group_prices(model, metric, sent, &mut findings.charges);
    let price = model.map(|model| pricing(model, &input.properties, sent.is_empty(), &mut findings.charges));
    let tax_ids = findings.taxes(input.tax_codes.as_deref().unwrap_or_default(), catalogue);
    let charge = Charge {
        id,
        parent_id: None,
        metric_id: metric.id,
        invoice_display_name: input.invoice_display_name.clone(),
        pay_in_advance: input.pay_in_advance.unwrap_or(false),
        invoiceable: input.invoiceable.unwrap_or(true),
        prorated: input.prorated.unwrap_or(false),
        min_amount_cents: input.min_amount_cents.unwrap_or(0),
        // A standard price stands in for an unknown model: it is the most permissive one, so what is refused with it
        // is refused with any.
        price: price.unwrap_or_else(|| Pricing::zero(ChargeModel::Standard)),
        group_prices,
        tax_ids,
        created_at,
    };
    check_combination(&charge, metric, &mut findings.charges);
    model.map(|_| charge)
}

/// The charge after an edit of everything: its plan has never had a subscription (chapter 02, 2.3).
pub(super) fn edit_freely(
    charge: &Charge,
    input: &ChargeInput,
    metric: &Metric,
    catalogue: Catalogue<'_>,
    findings: &mut Findings,
) -> Charge {
    findings.charges.extend(input.unread.clone());
    let model = match &input.charge_model {
        Some(_) => model(input, findings),
        None => Some(charge.model()),
    };
    // Without a model there is nothing to check prices against.
    let Some(model) = model else { return charge.clone() };
    let base = Charge {
        metric_id: metric.id,
        pay_in_advance: input.pay_in_advance.unwrap_or(charge.pay_in_advance),
        invoiceable: input.invoiceable.unwrap_or(charge.invoiceable),
        prorated: input.prorated.unwrap_or(charge.prorated),
        min_amount_cents: input.min_amount_cents.unwrap_or(0),
        // Prices of another model, or of another metric's groups, mean nothing any more.
        group_prices: if model == charge.model() && metric.id == charge.metric_id {
            charge.live_group_prices(metric)
        } else {
            Vec::new()
        },
        ..charge.clone()
    };
    let edited = edit_price(&base, model, input, metric, catalogue, findings);
    check_combination(&edited, metric, &mut findings.charges);
    edited
}

/// The charge after an edit of what a charge of an attached plan accepts: name, prices and taxes (chapter 02, 2.3).
pub(super) fn edit_price(
    charge: &Charge,
    model: ChargeModel,
    input: &ChargeInput,
    metric: &Metric,
    catalogue: Catalogue<'_>,
    findings: &mut Findings,
) -> Charge {
    let group_prices = match input.group_properties.as_deref().unwrap_or_default() {
        [] => charge.live_group_prices(metric),
        sent => group_prices(Some(model), metric, sent, &mut findings.charges),
    };
    let price = pricing(model, &input.properties, group_prices.is_empty(), &mut findings.charges);
    let tax_ids = match &input.tax_codes {
        Some(codes) => findings.taxes(codes, catalogue),
        None => charge.tax_ids.clone(),
    };
    let invoice_display_name = input.invoice_display_name.clone();
    Charge { invoice_display_name, price, group_prices, tax_ids, ..charge.clone() }
}

/// The charge of a child plan with what the override replaces (chapter 02, 2.7).
pub(super) fn override_price(
    charge: &Charge,
    input: &ChargeInput,
    catalogue: Catalogue<'_>,
    findings: &mut Findings,
) -> Charge {
    let mut charge = charge.clone();
    // Flags cannot be overridden, and unreadable ones do not matter.
    if input.unread.has("min_amount_cents") {
        findings.charges.add("min_amount_cents", codes::INVALID);
    }
    if let Some(minimum) = input.min_amount_cents {
        charge.min_amount_cents = minimum;
    }
    if input.invoice_display_name.is_some() {
        charge.invoice_display_name.clone_from(&input.invoice_display_name);
    }
    let metric = (catalogue.metric)(charge.metric_id);
    if let Some(metric) = metric {
        charge.group_prices = charge.live_group_prices(metric);
    }
    if let (Some(sent), Some(metric)) = (&input.group_properties, metric) {
        charge.group_prices = group_prices(Some(charge.model()), metric, sent, &mut findings.charges);
    }
    if !is_empty(&input.properties) {
        let alone = charge.group_prices.is_empty();
        charge.price = pricing(charge.model(), &input.properties, alone, &mut findings.charges);
    }
    if let Some(codes) = &input.tax_codes {
        charge.tax_ids = findings.taxes(codes, catalogue);
    }
    if let Some(metric) = metric {
        check_combination(&charge, metric, &mut findings.charges);
    }
    charge
}

fn model(input: &ChargeInput, findings: &mut Findings) -> Option<ChargeModel> {
    let word = input.charge_model.as_deref().filter(|word| !word.trim().is_empty());
    ChargeModel::parse(word).map_err(|error| findings.charges.add(error.field(), error.code())).ok()
}

/// Whether a price was sent at all: what is no object counts as absent (chapter 05, 1.3).
pub(super) fn is_empty(properties: &Value) -> bool {
    !matches!(properties, Value::Map(entries) if !entries.is_empty())
}

/// The price as sent, the zero price if none was. Beside prices of groups, a bad one counts as zero (chapter 03, 4.2).
fn pricing(model: ChargeModel, sent: &Value, alone: bool, problems: &mut Problems) -> Pricing {
    let properties = Price::properties_or_default(model, Some(sent));
    match Price::parse(model, &properties) {
        Ok(price) => Pricing { properties, price },
        Err(errors) => {
            if alone {
                errors.into_iter().for_each(|error| problems.add("properties", error.code()));
            }
            Pricing::zero(model)
        }
    }
}

/// The prices of groups as sent; those that are wrong are noted and left out. Without a model only their shape is looked
/// at.
fn group_prices(
    model: Option<ChargeModel>,
    metric: &Metric,
    sent: &[GroupPriceInput],
    problems: &mut Problems,
) -> Vec<GroupPrice> {
    if let Err(error) = check_groups(sent.iter().filter_map(|entry| entry.group_id)) {
        problems.add(error.field(), error.code());
    }
    let leaves = metric.groups.leaves();
    let mut prices = Vec::with_capacity(sent.len());
    for entry in sent {
        let known = entry.group_id.filter(|id| leaves.iter().any(|leaf| leaf.id == *id));
        let Some(group_id) = known.filter(|_| !is_empty(&entry.values)) else {
            problems.add("group_properties", IS_INVALID);
            continue;
        };
        let Some(model) = model else { continue };
        match Price::parse(model, &entry.values) {
            Ok(price) => prices.push(GroupPrice {
                group_id,
                price: Pricing { properties: entry.values.clone(), price },
                invoice_display_name: entry.invoice_display_name.clone(),
            }),
            Err(errors) => errors.into_iter().for_each(|error| problems.add("properties", error.code())),
        }
    }
    prices
}

fn check_combination(charge: &Charge, metric: &Metric, problems: &mut Problems) {
    let errors = check(&Combination {
        aggregation: metric.aggregation,
        recurring: metric.recurring,
        model: charge.model(),
        pay_in_advance: charge.pay_in_advance,
        prorated: charge.prorated,
        min_amount_cents: charge.min_amount_cents,
    });
    errors.into_iter().for_each(|error| problems.add(error.field(), error.code()));
}
