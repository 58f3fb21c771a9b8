//! Stored form of a fee: part of an invoice's body, or of a page of fees.

use domain::charge::{
    AmountDetails, GraduatedPercentageRangeDetails, GraduatedRangeDetails, PackageDetails, PercentageDetails,
    VolumeDetails,
};
use domain::id::{AddOnId, ChargeId, EventId, FeeId, GroupId, MetricId, SubscriptionId, WalletTransactionId};
use domain::invoice::{
    Basis, ChargeItem, Fee, FeeEvent, FeeGroup, FeeItem, FeePayment, FeePaymentStatus, PaymentStatus, SubscriptionBasis,
};
use domain::tax::FeeTax;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::basis::{StoredBasis, StoredSubscriptionBasis};
use super::form::{Micros, Text, all, at, of_text, words};
use super::tax::StoredFeeTax;

words!(PaymentStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" });
words!(FeePaymentStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed", Refunded = "refunded" });

/// The stored form of a fee.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredFee {
    id: Text<FeeId>,
    item: StoredItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<Text<SubscriptionId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_subscription_id: Option<String>,
    amount_cents: i64,
    coupon_share: Text<Decimal>,
    units: Text<Decimal>,
    precise_unit_amount: Text<Decimal>,
    unit_amount_cents: i64,
    taxes: Vec<StoredFeeTax>,
    taxes_amount_cents: i64,
    taxes_rate: Text<Decimal>,
    from: Micros,
    to: Micros,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    payment_status: Text<FeePaymentStatus>,
    /// The three instants since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    succeeded_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunded_at: Option<Micros>,
    created_at: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredItem {
    Subscription {
        plan_code: String,
        plan_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        invoice_display_name: Option<String>,
        pay_in_advance: bool,
        /// Since schema 3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<StoredSubscriptionBasis>,
    },
    Charge(Box<StoredChargeItem>),
    /// Since schema 2.
    AddOn {
        add_on_id: Text<AddOnId>,
        code: String,
        name: String,
        display_name: String,
    },
    /// Since schema 2.
    Credit {
        transaction_id: Text<WalletTransactionId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wallet_name: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChargeItem {
    charge_id: Text<ChargeId>,
    metric_id: Text<MetricId>,
    metric_code: String,
    metric_name: String,
    display_name: String,
    invoiceable: bool,
    /// Schema 1 only: false, since no event made a fee then.
    #[serde(default, rename = "pay_in_advance", skip_serializing)]
    _pay_in_advance: bool,
    /// Since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<StoredEvent>,
    prorated: bool,
    #[serde(default)]
    weighted: bool,
    #[serde(default)]
    min_amount_cents: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<StoredGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    true_up_parent: Option<Text<FeeId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    true_up: Option<Text<FeeId>>,
    events_count: i64,
    details: StoredDetails,
    /// Since schema 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<StoredBasis>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEvent {
    id: Text<EventId>,
    transaction_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredGroup {
    id: Text<GroupId>,
    display_name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StoredDetails {
    None,
    Graduated(Vec<StoredGraduatedRange>),
    GraduatedPercentage(Vec<StoredPercentageRange>),
    Package {
        free_units: Text<Decimal>,
        paid_units: Text<Decimal>,
        per_package_size: i64,
        per_package_unit_amount: Text<Decimal>,
    },
    Percentage {
        units: Text<Decimal>,
        free_units: Text<Decimal>,
        free_events: i64,
        paid_units: Text<Decimal>,
        rate: Text<Decimal>,
        per_unit_total_amount: Text<Decimal>,
        paid_events: i64,
        fixed_fee_unit_amount: Text<Decimal>,
        fixed_fee_total_amount: Text<Decimal>,
        min_max_adjustment_total_amount: Text<Decimal>,
    },
    Volume {
        flat_unit_amount: Text<Decimal>,
        per_unit_amount: Text<Decimal>,
        per_unit_total_amount: Text<Decimal>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredGraduatedRange {
    from_value: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_value: Option<i64>,
    flat_unit_amount: Text<Decimal>,
    per_unit_amount: Text<Decimal>,
    units: Text<Decimal>,
    per_unit_total_amount: Text<Decimal>,
    total_with_flat_amount: Text<Decimal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPercentageRange {
    from_value: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_value: Option<i64>,
    flat_unit_amount: Text<Decimal>,
    rate: Text<Decimal>,
    units: Text<Decimal>,
    per_unit_total_amount: Text<Decimal>,
    total_with_flat_amount: Text<Decimal>,
}

impl From<&GraduatedRangeDetails> for StoredGraduatedRange {
    fn from(range: &GraduatedRangeDetails) -> Self {
        let GraduatedRangeDetails {
            from_value,
            to_value,
            flat_unit_amount,
            per_unit_amount,
            units,
            per_unit_total_amount,
            total_with_flat_amount,
        } = *range;
        StoredGraduatedRange {
            from_value,
            to_value,
            flat_unit_amount: Text(flat_unit_amount),
            per_unit_amount: Text(per_unit_amount),
            units: Text(units),
            per_unit_total_amount: Text(per_unit_total_amount),
            total_with_flat_amount: Text(total_with_flat_amount),
        }
    }
}

impl From<StoredGraduatedRange> for GraduatedRangeDetails {
    fn from(stored: StoredGraduatedRange) -> Self {
        GraduatedRangeDetails {
            from_value: stored.from_value,
            to_value: stored.to_value,
            flat_unit_amount: stored.flat_unit_amount.0,
            per_unit_amount: stored.per_unit_amount.0,
            units: stored.units.0,
            per_unit_total_amount: stored.per_unit_total_amount.0,
            total_with_flat_amount: stored.total_with_flat_amount.0,
        }
    }
}

impl From<&GraduatedPercentageRangeDetails> for StoredPercentageRange {
    fn from(range: &GraduatedPercentageRangeDetails) -> Self {
        let GraduatedPercentageRangeDetails {
            from_value,
            to_value,
            flat_unit_amount,
            rate,
            units,
            per_unit_total_amount,
            total_with_flat_amount,
        } = *range;
        StoredPercentageRange {
            from_value,
            to_value,
            flat_unit_amount: Text(flat_unit_amount),
            rate: Text(rate),
            units: Text(units),
            per_unit_total_amount: Text(per_unit_total_amount),
            total_with_flat_amount: Text(total_with_flat_amount),
        }
    }
}

impl From<StoredPercentageRange> for GraduatedPercentageRangeDetails {
    fn from(stored: StoredPercentageRange) -> Self {
        GraduatedPercentageRangeDetails {
            from_value: stored.from_value,
            to_value: stored.to_value,
            flat_unit_amount: stored.flat_unit_amount.0,
            rate: stored.rate.0,
            units: stored.units.0,
            per_unit_total_amount: stored.per_unit_total_amount.0,
            total_with_flat_amount: stored.total_with_flat_amount.0,
        }
    }
}

impl From<&AmountDetails> for StoredDetails {
    fn from(details: &AmountDetails) -> Self {
        match details {
            AmountDetails::None => StoredDetails::None,
            AmountDetails::Graduated(ranges) => StoredDetails::Graduated(all(ranges)),
            AmountDetails::GraduatedPercentage(ranges) => StoredDetails::GraduatedPercentage(all(ranges)),
            AmountDetails::Package(PackageDetails {
                free_units,
                paid_units,
                per_package_size,
                per_package_unit_amount,
            }) => StoredDetails::Package {
                free_units: Text(*free_units),
                paid_units: Text(*paid_units),
                per_package_size: *per_package_size,
                per_package_unit_amount: Text(*per_package_unit_amount),
            },
            AmountDetails::Percentage(PercentageDetails {
                units,
                free_units,
                free_events,
                paid_units,
                rate,
                per_unit_total_amount,
                paid_events,
                fixed_fee_unit_amount,
                fixed_fee_total_amount,
                min_max_adjustment_total_amount,
            }) => StoredDetails::Percentage {
                units: Text(*units),
                free_units: Text(*free_units),
                free_events: *free_events,
                paid_units: Text(*paid_units),
                rate: Text(*rate),
                per_unit_total_amount: Text(*per_unit_total_amount),
                paid_events: *paid_events,
                fixed_fee_unit_amount: Text(*fixed_fee_unit_amount),
                fixed_fee_total_amount: Text(*fixed_fee_total_amount),
                min_max_adjustment_total_amount: Text(*min_max_adjustment_total_amount),
            },
            AmountDetails::Volume(VolumeDetails { flat_unit_amount, per_unit_amount, per_unit_total_amount }) => {
                StoredDetails::Volume {
                    flat_unit_amount: Text(*flat_unit_amount),
                    per_unit_amount: Text(*per_unit_amount),
                    per_unit_total_amount: Text(*per_unit_total_amount),
                }
            }
        }
    }
}

impl From<StoredDetails> for AmountDetails {
    fn from(stored: StoredDetails) -> Self {
        match stored {
            StoredDetails::None => AmountDetails::None,
            StoredDetails::Graduated(ranges) => {
                AmountDetails::Graduated(ranges.into_iter().map(GraduatedRangeDetails::from).collect())
            }
            StoredDetails::GraduatedPercentage(ranges) => AmountDetails::GraduatedPercentage(
                ranges.into_iter().map(GraduatedPercentageRangeDetails::from).collect(),
            ),
            StoredDetails::Package { free_units, paid_units, per_package_size, per_package_unit_amount } => {
                AmountDetails::Package(PackageDetails {
                    free_units: free_units.0,
                    paid_units: paid_units.0,
                    per_package_size,
                    per_package_unit_amount: per_package_unit_amount.0,
                })
            }
            StoredDetails::Percentage {
                units,
                free_units,
                free_events,
                paid_units,
                rate,
                per_unit_total_amount,
                paid_events,
                fixed_fee_unit_amount,
                fixed_fee_total_amount,
                min_max_adjustment_total_amount,
            } => AmountDetails::Percentage(PercentageDetails {
                units: units.0,
                free_units: free_units.0,
                free_events,
                paid_units: paid_units.0,
                rate: rate.0,
                per_unit_total_amount: per_unit_total_amount.0,
                paid_events,
                fixed_fee_unit_amount: fixed_fee_unit_amount.0,
                fixed_fee_total_amount: fixed_fee_total_amount.0,
                min_max_adjustment_total_amount: min_max_adjustment_total_amount.0,
            }),
            StoredDetails::Volume { flat_unit_amount, per_unit_amount, per_unit_total_amount } => {
                AmountDetails::Volume(VolumeDetails {
                    flat_unit_amount: flat_unit_amount.0,
                    per_unit_amount: per_unit_amount.0,
                    per_unit_total_amount: per_unit_total_amount.0,
                })
            }
        }
    }
}

impl From<&ChargeItem> for StoredChargeItem {
    fn from(item: &ChargeItem) -> Self {
        let ChargeItem {
            charge_id,
            metric_id,
            metric_code,
            metric_name,
            display_name,
            invoiceable,
            event,
            prorated,
            weighted,
            min_amount_cents,
            group,
            true_up_parent,
            true_up,
            events_count,
            details,
            basis,
        } = item;
        StoredChargeItem {
            charge_id: Text(*charge_id),
            metric_id: Text(*metric_id),
            metric_code: metric_code.clone(),
            metric_name: metric_name.clone(),
            display_name: display_name.clone(),
            invoiceable: *invoiceable,
            _pay_in_advance: false,
            event: event.clone().map(|FeeEvent { id, transaction_id }| StoredEvent { id: Text(id), transaction_id }),
            prorated: *prorated,
            weighted: *weighted,
            min_amount_cents: *min_amount_cents,
            group: group.clone().map(|FeeGroup { id, display_name }| StoredGroup { id: Text(id), display_name }),
            true_up_parent: true_up_parent.map(Text),
            true_up: true_up.map(Text),
            events_count: *events_count,
            details: details.into(),
            basis: basis.as_ref().map(StoredBasis::from),
        }
    }
}

impl From<StoredChargeItem> for ChargeItem {
    fn from(stored: StoredChargeItem) -> Self {
        ChargeItem {
            charge_id: stored.charge_id.0,
            metric_id: stored.metric_id.0,
            metric_code: stored.metric_code,
            metric_name: stored.metric_name,
            display_name: stored.display_name,
            invoiceable: stored.invoiceable,
            event: stored.event.map(|event| FeeEvent { id: event.id.0, transaction_id: event.transaction_id }),
            prorated: stored.prorated,
            weighted: stored.weighted,
            min_amount_cents: stored.min_amount_cents,
            group: stored.group.map(|group| FeeGroup { id: group.id.0, display_name: group.display_name }),
            true_up_parent: of_text(stored.true_up_parent),
            true_up: of_text(stored.true_up),
            events_count: stored.events_count,
            details: stored.details.into(),
            basis: stored.basis.map(Basis::from),
        }
    }
}

impl From<&FeeItem> for StoredItem {
    fn from(item: &FeeItem) -> Self {
        match item.clone() {
            FeeItem::Subscription { plan_code, plan_name, invoice_display_name, pay_in_advance, basis } => {
                let basis = basis.map(StoredSubscriptionBasis::from);
                StoredItem::Subscription { plan_code, plan_name, invoice_display_name, pay_in_advance, basis }
            }
            FeeItem::Charge(item) => StoredItem::Charge(Box::new(item.as_ref().into())),
            FeeItem::AddOn { add_on_id, code, name, display_name } => {
                StoredItem::AddOn { add_on_id: Text(add_on_id), code, name, display_name }
            }
            FeeItem::Credit { transaction_id, wallet_name } => {
                StoredItem::Credit { transaction_id: Text(transaction_id), wallet_name }
            }
        }
    }
}

impl From<StoredItem> for FeeItem {
    fn from(stored: StoredItem) -> Self {
        match stored {
            StoredItem::Subscription { plan_code, plan_name, invoice_display_name, pay_in_advance, basis } => {
                let basis = basis.map(SubscriptionBasis::from);
                FeeItem::Subscription { plan_code, plan_name, invoice_display_name, pay_in_advance, basis }
            }
            StoredItem::Charge(item) => FeeItem::Charge(Box::new((*item).into())),
            StoredItem::AddOn { add_on_id, code, name, display_name } => {
                FeeItem::AddOn { add_on_id: add_on_id.0, code, name, display_name }
            }
            StoredItem::Credit { transaction_id, wallet_name } => {
                FeeItem::Credit { transaction_id: transaction_id.0, wallet_name }
            }
        }
    }
}

impl From<&Fee> for StoredFee {
    fn from(fee: &Fee) -> Self {
        let Fee {
            id,
            item,
            subscription_id,
            external_subscription_id,
            amount_cents,
            coupon_share,
            units,
            precise_unit_amount,
            unit_amount_cents,
            taxes,
            taxes_amount_cents,
            taxes_rate,
            from,
            to,
            description,
            payment: FeePayment { status, succeeded_at, failed_at, refunded_at },
            created_at,
        } = fee;
        StoredFee {
            id: Text(*id),
            item: item.into(),
            subscription_id: subscription_id.map(Text),
            external_subscription_id: external_subscription_id.clone(),
            amount_cents: *amount_cents,
            coupon_share: Text(*coupon_share),
            units: Text(*units),
            precise_unit_amount: Text(*precise_unit_amount),
            unit_amount_cents: *unit_amount_cents,
            taxes: all(taxes),
            taxes_amount_cents: *taxes_amount_cents,
            taxes_rate: Text(*taxes_rate),
            from: Micros(*from),
            to: Micros(*to),
            description: description.clone(),
            payment_status: Text(*status),
            succeeded_at: succeeded_at.map(Micros),
            failed_at: failed_at.map(Micros),
            refunded_at: refunded_at.map(Micros),
            created_at: Micros(*created_at),
        }
    }
}

impl From<StoredFee> for Fee {
    fn from(stored: StoredFee) -> Self {
        Fee {
            id: stored.id.0,
            item: stored.item.into(),
            subscription_id: of_text(stored.subscription_id),
            external_subscription_id: stored.external_subscription_id,
            amount_cents: stored.amount_cents,
            coupon_share: stored.coupon_share.0,
            units: stored.units.0,
            precise_unit_amount: stored.precise_unit_amount.0,
            unit_amount_cents: stored.unit_amount_cents,
            taxes: stored.taxes.into_iter().map(FeeTax::from).collect(),
            taxes_amount_cents: stored.taxes_amount_cents,
            taxes_rate: stored.taxes_rate.0,
            from: stored.from.0,
            to: stored.to.0,
            description: stored.description,
            payment: FeePayment {
                status: stored.payment_status.0,
                succeeded_at: at(stored.succeeded_at),
                failed_at: at(stored.failed_at),
                refunded_at: at(stored.refunded_at),
            },
            created_at: stored.created_at.0,
        }
    }
}
