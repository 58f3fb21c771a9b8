//! Stored form of a plan with its charges.

use domain::charge::{ChargeModel, Price};
use domain::id::{ChargeId, GroupId, MetricId, PlanId, TaxId};
use domain::money::Currency;
use domain::plan::{Charge, GroupPrice, Plan, Pricing};
use domain::time::Interval;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Json, Micros, Text, all, at, each, of_text, of_texts, texts_of};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of a plan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredPlan {
    id: Text<PlanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<Text<PlanId>>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_display_name: Option<String>,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    interval: Text<Interval>,
    amount_cents: i64,
    currency: Text<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_period: Option<Text<Decimal>>,
    pay_in_advance: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_charges_monthly: Option<bool>,
    tax_ids: Vec<Text<TaxId>>,
    charges: Vec<StoredCharge>,
    created_at: Micros,
    created_seq: i64,
    pending_deletion: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Micros>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCharge {
    id: Text<ChargeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<Text<ChargeId>>,
    metric_id: Text<MetricId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_display_name: Option<String>,
    pay_in_advance: bool,
    invoiceable: bool,
    prorated: bool,
    min_amount_cents: i64,
    /// Of the charge's own price and of every group's.
    model: Text<ChargeModel>,
    properties: Json,
    group_prices: Vec<StoredGroupPrice>,
    tax_ids: Vec<Text<TaxId>>,
    created_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredGroupPrice {
    group_id: Text<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_display_name: Option<String>,
    model: Text<ChargeModel>,
    properties: Json,
}

/// Prices are parsed from the properties that are stored: there is one form of a price only.
fn pricing(model: ChargeModel, properties: Json) -> Result<Pricing, DecodeError> {
    let price = Price::parse(model, &properties.0).map_err(|errors| {
        let codes: Vec<&str> = errors.iter().map(|error| error.code()).collect();
        DecodeError::new(Plan::KIND, format!("a {model} price is refused: {}", codes.join(", ")))
    })?;
    Ok(Pricing { properties: properties.0, price })
}

impl From<&GroupPrice> for StoredGroupPrice {
    fn from(group_price: &GroupPrice) -> Self {
        let GroupPrice { group_id, price, invoice_display_name } = group_price;
        StoredGroupPrice {
            group_id: Text(*group_id),
            invoice_display_name: invoice_display_name.clone(),
            model: Text(price.price.model()),
            properties: Json(price.properties.clone()),
        }
    }
}

impl TryFrom<StoredGroupPrice> for GroupPrice {
    type Error = DecodeError;

    fn try_from(stored: StoredGroupPrice) -> Result<Self, DecodeError> {
        Ok(GroupPrice {
            group_id: stored.group_id.0,
            price: pricing(stored.model.0, stored.properties)?,
            invoice_display_name: stored.invoice_display_name,
        })
    }
}

impl From<&Charge> for StoredCharge {
    fn from(charge: &Charge) -> Self {
        let Charge {
            id,
            parent_id,
            metric_id,
            invoice_display_name,
            pay_in_advance,
            invoiceable,
            prorated,
            min_amount_cents,
            price,
            group_prices,
            tax_ids,
            created_at,
        } = charge;
        StoredCharge {
            id: Text(*id),
            parent_id: parent_id.map(Text),
            metric_id: Text(*metric_id),
            invoice_display_name: invoice_display_name.clone(),
            pay_in_advance: *pay_in_advance,
            invoiceable: *invoiceable,
            prorated: *prorated,
            min_amount_cents: *min_amount_cents,
            model: Text(price.price.model()),
            properties: Json(price.properties.clone()),
            group_prices: all(group_prices),
            tax_ids: texts_of(tax_ids),
            created_at: Micros(*created_at),
        }
    }
}

impl TryFrom<StoredCharge> for Charge {
    type Error = DecodeError;

    fn try_from(stored: StoredCharge) -> Result<Self, DecodeError> {
        Ok(Charge {
            id: stored.id.0,
            parent_id: of_text(stored.parent_id),
            metric_id: stored.metric_id.0,
            invoice_display_name: stored.invoice_display_name,
            pay_in_advance: stored.pay_in_advance,
            invoiceable: stored.invoiceable,
            prorated: stored.prorated,
            min_amount_cents: stored.min_amount_cents,
            price: pricing(stored.model.0, stored.properties)?,
            group_prices: each(stored.group_prices)?,
            tax_ids: of_texts(stored.tax_ids),
            created_at: stored.created_at.0,
        })
    }
}

impl From<&Plan> for StoredPlan {
    fn from(plan: &Plan) -> Self {
        let Plan {
            id,
            parent_id,
            name,
            invoice_display_name,
            code,
            description,
            interval,
            amount_cents,
            currency,
            trial_period,
            pay_in_advance,
            bill_charges_monthly,
            tax_ids,
            charges,
            created_at,
            created_seq,
            pending_deletion,
            deleted_at,
        } = plan;
        StoredPlan {
            id: Text(*id),
            parent_id: parent_id.map(Text),
            name: name.clone(),
            invoice_display_name: invoice_display_name.clone(),
            code: code.clone(),
            description: description.clone(),
            interval: Text(*interval),
            amount_cents: *amount_cents,
            currency: Text(*currency),
            trial_period: trial_period.map(Text),
            pay_in_advance: *pay_in_advance,
            bill_charges_monthly: *bill_charges_monthly,
            tax_ids: texts_of(tax_ids),
            charges: all(charges),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            pending_deletion: *pending_deletion,
            deleted_at: deleted_at.map(Micros),
        }
    }
}

impl TryFrom<StoredPlan> for Plan {
    type Error = DecodeError;

    fn try_from(stored: StoredPlan) -> Result<Self, DecodeError> {
        Ok(Plan {
            id: stored.id.0,
            parent_id: of_text(stored.parent_id),
            name: stored.name,
            invoice_display_name: stored.invoice_display_name,
            code: stored.code,
            description: stored.description,
            interval: stored.interval.0,
            amount_cents: stored.amount_cents,
            currency: stored.currency.0,
            trial_period: of_text(stored.trial_period),
            pay_in_advance: stored.pay_in_advance,
            bill_charges_monthly: stored.bill_charges_monthly,
            tax_ids: of_texts(stored.tax_ids),
            charges: each(stored.charges)?,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            pending_deletion: stored.pending_deletion,
            deleted_at: at(stored.deleted_at),
        })
    }
}

impl Record for Plan {
    const KIND: &'static str = "plan";
    const SCHEMA: u32 = 1;
    type Stored = StoredPlan;

    fn key(&self, scope: Scope) -> Key {
        keys::plan(scope.organization, self.id)
    }

    /// In the organization's list while a look-up by code finds it.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (organization, at, seq) = (scope.organization, self.created_at, self.created_seq);
        match self.parent_id {
            Some(parent) => vec![keys::in_children(organization, parent.0, keys::PLANS, at, seq)],
            None if self.is_listed() => vec![keys::in_list(organization, keys::PLANS, at, seq)],
            None => Vec::new(),
        }
    }

    fn to_stored(&self) -> StoredPlan {
        self.into()
    }

    fn from_stored(stored: StoredPlan) -> Result<Self, DecodeError> {
        stored.try_into()
    }
}
