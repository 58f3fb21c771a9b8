//! What requests say of plans, and how they are refused.

use rust_decimal::Decimal;

use crate::id::{ChargeId, GroupId, MetricId, TaxId};
use crate::metric::Metric;
use crate::problem::Problems;
use crate::time::Interval;
use crate::value::Value;

/// What the organization has that a plan may name: its living metrics, and its taxes by code.
#[derive(Clone, Copy)]
pub struct Catalogue<'a> {
    /// The living metric of an id.
    pub metric: &'a dyn Fn(MetricId) -> Option<&'a Metric>,
    /// The tax of a code.
    pub tax: &'a dyn Fn(&str) -> Option<TaxId>,
}

/// Why a plan cannot be as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something that the request names does not exist: `billable_metrics` or `tax`.
    #[error("the request names unknown {0}")]
    NotFound(&'static str),
    /// Fields are wrong.
    #[error("fields are wrong")]
    Invalid(Problems),
}

/// Whether a subscription of any status points at this very plan, which decides what may be edited (chapter 02, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// None does or did: everything may be edited.
    No,
    /// One does or did: names, taxes and prices only.
    Yes,
}

/// A plan as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewPlan {
    /// `name`.
    pub name: Option<String>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `interval`.
    pub interval: Option<Interval>,
    /// `description`.
    pub description: Option<String>,
    /// `amount_cents`.
    pub amount_cents: Option<i64>,
    /// `amount_currency`.
    pub amount_currency: Option<String>,
    /// `trial_period`, days.
    pub trial_period: Option<Decimal>,
    /// `pay_in_advance`.
    pub pay_in_advance: Option<bool>,
    /// `bill_charges_monthly`; read on yearly plans only, where absent is false.
    pub bill_charges_monthly: Option<bool>,
    /// `tax_codes`.
    pub tax_codes: Vec<String>,
    /// `charges`.
    pub charges: Vec<ChargeInput>,
    /// What could not be read, apart from the charges.
    pub unread: Problems,
}

/// An edit as asked for. Of two options the outer one is whether the key was sent; an inner none is null and clears.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanUpdate {
    /// `name`.
    pub name: Option<Option<String>>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<Option<String>>,
    /// `code`.
    pub code: Option<Option<String>>,
    /// `interval`.
    pub interval: Option<Option<Interval>>,
    /// `description`.
    pub description: Option<Option<String>>,
    /// `amount_cents`.
    pub amount_cents: Option<Option<i64>>,
    /// `amount_currency`.
    pub amount_currency: Option<Option<String>>,
    /// `trial_period`, days.
    pub trial_period: Option<Option<Decimal>>,
    /// `pay_in_advance`.
    pub pay_in_advance: Option<Option<bool>>,
    /// `bill_charges_monthly`; read only together with a yearly `interval`.
    pub bill_charges_monthly: Option<bool>,
    /// `tax_codes`: absent and null leave the taxes, `[]` clears them.
    pub tax_codes: Option<Vec<String>>,
    /// `charges`: absent and null leave them, a list replaces them.
    pub charges: Option<Vec<ChargeInput>>,
    /// What could not be read, apart from the charges. Names and descriptions can always be read, so this speaks of keys
    /// only that an attached plan ignores.
    pub unread: Problems,
}

/// A charge as asked for: none is absent or null.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChargeInput {
    /// `id`: the charge to change; absent or unknown for a new one.
    pub id: Option<ChargeId>,
    /// `billable_metric_id`.
    pub metric_id: Option<MetricId>,
    /// `charge_model`.
    pub charge_model: Option<String>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
    /// `pay_in_advance`.
    pub pay_in_advance: Option<bool>,
    /// `prorated`.
    pub prorated: Option<bool>,
    /// `invoiceable`.
    pub invoiceable: Option<bool>,
    /// `min_amount_cents`.
    pub min_amount_cents: Option<i64>,
    /// `properties` as sent; null if absent.
    pub properties: Value,
    /// `group_properties`.
    pub group_properties: Option<Vec<GroupPriceInput>>,
    /// `tax_codes`.
    pub tax_codes: Option<Vec<String>>,
    /// What could not be read: flags and the minimum only, which an existing charge of an attached plan ignores.
    pub unread: Problems,
}

/// The price of a group as asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupPriceInput {
    /// `group_id`.
    pub group_id: Option<GroupId>,
    /// `values` as sent; null if absent.
    pub values: Value,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
}

/// `plan_overrides` of a new subscription: none, absent and null, keeps what the parent has (chapter 02, 2.7).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanOverrides {
    /// `name`.
    pub name: Option<String>,
    /// `invoice_display_name`.
    pub invoice_display_name: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `amount_cents`.
    pub amount_cents: Option<i64>,
    /// `amount_currency`.
    pub amount_currency: Option<String>,
    /// `trial_period`, days.
    pub trial_period: Option<Decimal>,
    /// `tax_codes`.
    pub tax_codes: Option<Vec<String>>,
    /// `charges`, by `id` of the parent's charge; unknown ids are ignored, and so is what cannot change.
    pub charges: Vec<ChargeInput>,
    /// What could not be read, apart from the charges.
    pub unread: Problems,
}

/// What was found wrong so far, with what decides which of it is answered.
///
/// The order is that of chapter 02, 2.2: the plan's own fields, then unknown taxes, then charges. All fields that are
/// wrong are named together.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Of the plan's own fields.
    pub own: Problems,
    /// Of its charges.
    pub charges: Problems,
    /// Whether a tax code is unknown.
    pub tax_unknown: bool,
}

impl Findings {
    /// The taxes of `codes`, each once.
    pub fn taxes(&mut self, codes: &[String], catalogue: Catalogue<'_>) -> Vec<TaxId> {
        let mut ids = Vec::with_capacity(codes.len());
        for code in codes {
            match (catalogue.tax)(code) {
                Some(id) if ids.contains(&id) => {}
                Some(id) => ids.push(id),
                None => self.tax_unknown = true,
            }
        }
        ids
    }

    /// `value` if nothing was found.
    pub fn or<T>(self, value: T) -> Result<T, Refused> {
        let Findings { own, charges, tax_unknown } = self;
        if !own.is_empty() {
            let mut all = own;
            all.extend(charges);
            return Err(Refused::Invalid(all));
        }
        if tax_unknown {
            return Err(Refused::NotFound("tax"));
        }
        charges.or(value).map_err(Refused::Invalid)
    }
}
