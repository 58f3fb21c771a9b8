//! Plans and their charges. Rules: chapter 02, 2; chapter 03, 4.
//!
//! Owns: the plan with its charges, and the decisions of creating, editing and overriding one.
//!
//! Does not own: charge models and their checks (`charge`), whether a code is free, and what a change means for drafts.
//!
//! Invariants:
//! - `bill_charges_monthly` has a value on yearly plans only.
//! - A charge's price and the prices of its groups are of one model.
//! - A child's charges copy its parent's, and no edit of the parent reaches them.

use rust_decimal::Decimal;

use crate::charge::{ChargeModel, Price};
use crate::id::{ChargeId, GroupId, MetricId, PlanId, TaxId};
use crate::metric::Metric;
use crate::money::Currency;
use crate::time::Instant;
use crate::time::Interval;
use crate::value::Value;

mod charges;
mod edit;
mod input;
mod overrides;

pub use edit::{create, edit};
pub use input::{Attached, Catalogue, ChargeInput, GroupPriceInput, NewPlan, PlanOverrides, PlanUpdate, Refused};
pub use overrides::{child, copy};

/// What a customer subscribes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Id.
    pub id: PlanId,
    /// The plan that this one overrides for a single subscription; none for a plan of the catalogue.
    pub parent_id: Option<PlanId>,
    /// Name.
    pub name: String,
    /// Name on invoices, if it differs.
    pub invoice_display_name: Option<String>,
    /// Code, unique among the organization's living parent plans.
    pub code: String,
    /// Internal note.
    pub description: Option<String>,
    /// Length of a period.
    pub interval: Interval,
    /// Subscription fee of a whole period before tax, minor units. May be negative.
    pub amount_cents: i64,
    /// Currency of the fee and of every charge.
    pub currency: Currency,
    /// Days without subscription fee; none or zero for no trial.
    pub trial_period: Option<Decimal>,
    /// Whether the subscription fee is billed at the period's start; charges have their own flag.
    pub pay_in_advance: bool,
    /// Yearly plans: whether charges are billed every month. None on other intervals.
    pub bill_charges_monthly: Option<bool>,
    /// The plan's taxes.
    pub tax_ids: Vec<TaxId>,
    /// Its charges, oldest first.
    pub charges: Vec<Charge>,
    /// When it was made.
    pub created_at: Instant,
    /// Order of creation, for ties.
    pub created_seq: i64,
    /// Set from the reply of its deletion on; from then on no look-up by code finds it.
    pub pending_deletion: bool,
    /// When its deletion ended, if it did.
    pub deleted_at: Option<Instant>,
}

/// A plan's pricing rule for a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    /// Id.
    pub id: ChargeId,
    /// The parent plan's charge that this one copies, on a child plan.
    pub parent_id: Option<ChargeId>,
    /// What it prices.
    pub metric_id: MetricId,
    /// Name on fees and invoices, if it differs from the metric's.
    pub invoice_display_name: Option<String>,
    /// A fee per event instead of one per period.
    pub pay_in_advance: bool,
    /// Whether its fees stand on invoices.
    pub invoiceable: bool,
    /// Whether units count by the days that they were there.
    pub prorated: bool,
    /// Minimum spend of a whole charge period, minor units; 0 for none.
    pub min_amount_cents: i64,
    /// The price of everything without a price of its own.
    pub price: Pricing,
    /// Prices of single groups.
    pub group_prices: Vec<GroupPrice>,
    /// The charge's own taxes.
    pub tax_ids: Vec<TaxId>,
    /// When it was made.
    pub created_at: Instant,
}

/// A price beside the properties that it was parsed from, which the API shows as they were sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pricing {
    /// As stored and shown.
    pub properties: Value,
    /// As computed with.
    pub price: Price,
}

impl Pricing {
    /// The zero price of a model (chapter 03, 4.1).
    #[must_use]
    pub fn zero(model: ChargeModel) -> Pricing {
        Pricing { properties: Price::default_properties(model), price: Price::zero(model) }
    }
}

/// The price of one group of a charge's metric.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPrice {
    /// The leaf group.
    pub group_id: GroupId,
    /// Its price.
    pub price: Pricing,
    /// Name of the group on fees, if it differs.
    pub invoice_display_name: Option<String>,
}

impl Charge {
    /// The charge model.
    #[must_use]
    pub fn model(&self) -> ChargeModel {
        self.price.price.model()
    }

    /// The charge that this one copies, else itself: what a window has billed goes on when a subscription gets prices of its
    /// own.
    #[must_use]
    pub fn origin(&self) -> ChargeId {
        self.parent_id.unwrap_or(self.id)
    }

    /// The name on fees: the display name, else the metric's name.
    #[must_use]
    pub fn printed_name<'a>(&'a self, metric: &'a Metric) -> &'a str {
        self.invoice_display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&metric.name)
    }

    /// The price of a leaf group: its own, else the charge's (chapter 03, 4.1).
    #[must_use]
    pub fn price_of(&self, group: Option<GroupId>) -> &Price {
        group.and_then(|group| self.group_price(group)).map_or(&self.price.price, |own| &own.price.price)
    }

    /// The price entry of a leaf group, if it has one of its own.
    #[must_use]
    pub fn group_price(&self, group: GroupId) -> Option<&GroupPrice> {
        self.group_prices.iter().find(|price| price.group_id == group)
    }

    /// The prices of groups that `metric`, the charge's, still has: a group takes its price along (chapter 03, 2.5).
    #[must_use]
    pub fn live_group_prices(&self, metric: &Metric) -> Vec<GroupPrice> {
        let leaves = metric.groups.leaves();
        let is_live = |price: &&GroupPrice| leaves.iter().any(|leaf| leaf.id == price.group_id);
        self.group_prices.iter().filter(is_live).cloned().collect()
    }
}

impl Plan {
    /// The plan without charges on metrics that are gone, and without prices of groups that are: as everybody sees it.
    #[must_use]
    pub fn as_seen(&self, metrics: &[Metric]) -> Plan {
        let seen = |charge: &Charge| {
            let metric = metrics.iter().find(|metric| metric.id == charge.metric_id && metric.is_live())?;
            Some(Charge { group_prices: charge.live_group_prices(metric), ..charge.clone() })
        };
        Plan { charges: self.charges.iter().filter_map(seen).collect(), ..self.clone() }
    }

    /// Whether drafts must be computed again after the plan became `edited`: its charges or taxes are others (chapter 03,
    /// 4.1; chapter 04, 6.4).
    #[must_use]
    pub fn changes_drafts(&self, edited: &Plan) -> bool {
        self.charges != edited.charges || self.tax_ids != edited.tax_ids
    }

    /// Whether it charges for a metric.
    #[must_use]
    pub fn charges_for(&self, metric: MetricId) -> bool {
        self.charges.iter().any(|charge| charge.metric_id == metric)
    }

    /// The name that invoices print: the display name, else the name (chapter 02, 3).
    #[must_use]
    pub fn printed_name(&self) -> &str {
        self.invoice_display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.name)
    }

    /// The subscription fee of a year, only to compare plans (chapter 02, 2.1).
    #[must_use]
    pub fn yearly_amount(&self) -> Decimal {
        Decimal::from(self.amount_cents) * Decimal::from(self.interval.per_year())
    }

    /// Whether a look-up by code finds the plan: a living plan of the catalogue.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.parent_id.is_none() && !self.pending_deletion && self.deleted_at.is_none()
    }
}
