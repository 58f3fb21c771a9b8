//! What charges in advance store.

use domain::billing::advance::{Base, Ledger};
use domain::charge::{AmountDetails, Limited, RunningTotals};
use domain::id::{ChargeId, CustomerId, GroupId, MetricId, SubscriptionId};
use domain::invoice::UninvoicedFee;
use domain::money::Currency;
use domain::usage::in_advance::{Known, State};
use rust_decimal_macros::dec;

use super::{at, charge_item, fee, id};
use crate::items::{AdvanceMark, AdvanceMetric, AdvanceMetrics, AdvanceValue, AdvanceWindow};
use crate::keys;

pub fn advance_metrics() -> AdvanceMetrics {
    let metric = AdvanceMetric { code: "calls".into(), plans: 2 };
    AdvanceMetrics { metrics: [(MetricId(id(8)), metric)].into() }
}

pub fn advance_window(full: bool) -> AdvanceWindow {
    let ledger = Ledger {
        state: full.then(|| State { net: dec!(4), highest: dec!(10), prorated: dec!(3.2) }),
        base: Base { units: dec!(5), events: 1 },
        units: dec!(4),
        events: 3,
        running: if full {
            RunningTotals { count: 3, last: dec!(14), at_free_events: dec!(2), below_total: 1 }
        } else {
            RunningTotals::default()
        },
        limited: if full {
            Limited { values: 3, free_used: dec!(2.5), amount: dec!(-0.125) }
        } else {
            Limited::default()
        },
    };
    AdvanceWindow {
        external_subscription_id: "sub-1".into(),
        subscription_id: SubscriptionId(id(13)),
        charge_id: ChargeId(id(19)),
        first_day: chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(),
        group: full.then(|| GroupId(id(9))),
        ledger,
    }
}

pub fn advance_value(full: bool) -> AdvanceValue {
    AdvanceValue {
        external_subscription_id: "sub-1".into(),
        charge_id: ChargeId(id(19)),
        window: full.then(|| (SubscriptionId(id(13)), chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap())),
        fingerprint: keys::fingerprint(&["seat-1"]),
        known: Known { group: full.then(|| GroupId(id(9))), removed_at: full.then(|| at("2024-01-09T00:00:00Z")) },
    }
}

pub fn advance_mark() -> AdvanceMark {
    AdvanceMark { external_subscription_id: "sub-1".into(), fingerprint: keys::fingerprint(&["calls", "tx-1"]) }
}

pub fn uninvoiced_fee(full: bool) -> UninvoicedFee {
    UninvoicedFee {
        fee: fee(36, charge_item(AmountDetails::None, full), full),
        customer_id: CustomerId(id(3)),
        currency: Currency::EUR,
        created_seq: 45,
    }
}
