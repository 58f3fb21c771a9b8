//! The fees of a subscription: a summary row, or all in detail.

use super::{Pen, charge};
use crate::locale::fill;
use crate::page::{Line, MovementTable, Row, Section, Sheet, Sum};
use crate::source::{Breakdown, Change, ChargeFee, ChargeTiming, Interval, Movement, Period, SubscriptionSource};

/// One row per subscription, for an invoice of several.
pub(super) fn summary(pen: &Pen, subscriptions: &[SubscriptionSource], totals: Vec<Sum>) -> Sheet {
    let row = |subscription: &SubscriptionSource| {
        Row::Item(Line {
            label: plan_label(pen, subscription),
            // Two subscriptions of one plan differ in nothing else.
            notes: own_name(subscription).map(str::to_owned).into_iter().collect(),
            cells: vec![vec![pen.money(subscription.amount_cents())]],
        })
    };
    Sheet {
        title: None,
        columns: vec![pen.words.item.to_owned(), pen.words.amount_excl_tax.to_owned()],
        sections: vec![Section { heading: None, rows: subscriptions.iter().map(row).collect() }],
        totals,
        breakdowns: Vec::new(),
    }
}

/// All fees of a subscription, with its own total.
pub(super) fn sheet(pen: &Pen, subscription: &SubscriptionSource) -> Sheet {
    let name = own_name(subscription).unwrap_or(&subscription.plan_name);
    let total = Sum { label: pen.words.total.to_owned(), amount: pen.money(subscription.amount_cents()) };
    Sheet {
        title: Some(fill(pen.words.details, &[("name", name)])),
        columns: pen.fee_columns(),
        sections: sections(pen, subscription),
        totals: vec![total],
        breakdowns: subscription.breakdowns.iter().map(|breakdown| movements(pen, breakdown)).collect(),
    }
}

/// The plan's fee, charges in arrears and charges in advance, each under the dates that it pays for.
fn sections(pen: &Pen, subscription: &SubscriptionSource) -> Vec<Section> {
    let due =
        |timing| -> Vec<&ChargeFee> { subscription.charge_fees.iter().filter(|fee| fee.timing == timing).collect() };
    let plan = subscription.subscription_fee.as_ref().map(|fee| {
        let amount = pen.money(fee.amount_cents);
        Row::Item(Line {
            label: plan_label(pen, subscription),
            notes: Vec::new(),
            cells: vec![vec![pen.number(1)], vec![amount.clone()], pen.tax_rates(&fee.tax_rates), vec![amount]],
        })
    });
    let in_arrears = charge::rows(pen, due(ChargeTiming::InArrears));
    let in_advance = charge::rows(pen, due(ChargeTiming::InAdvance));

    let mut parts = vec![(subscription.period, plan.into_iter().collect::<Vec<_>>())];
    if subscription.plan_in_advance {
        // The plan's fee pays for the coming period, and so do these.
        parts.push((subscription.period, in_advance));
        parts.push((subscription.charges_period, in_arrears));
    } else {
        parts.push((subscription.charges_period, in_arrears));
        parts.push((subscription.coming_period.unwrap_or(subscription.period), in_advance));
    }

    let mut sections: Vec<(Period, Vec<Row>)> = Vec::new();
    for (period, rows) in parts.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        match sections.last_mut() {
            Some((same, earlier)) if *same == period => earlier.extend(rows),
            _ => sections.push((period, rows)),
        }
    }
    if sections.is_empty() {
        // A due period is invoiced even if nothing was used and nothing is due (chapter 04, 2).
        sections.push((subscription.period, Vec::new()));
    }
    sections.into_iter().map(|(period, rows)| Section { heading: Some(fees_heading(pen, period)), rows }).collect()
}

fn own_name(subscription: &SubscriptionSource) -> Option<&str> {
    subscription.name.as_deref().filter(|name| !name.trim().is_empty())
}

fn fees_heading(pen: &Pen, period: Period) -> String {
    let (from, to) = (pen.locale.date(period.from), pen.locale.date(period.to));
    fill(pen.words.fees_period, &[("from", &from), ("to", &to)])
}

fn plan_label(pen: &Pen, subscription: &SubscriptionSource) -> String {
    let label = match subscription.interval {
        Interval::Weekly => pen.words.weekly_subscription,
        Interval::Monthly => pen.words.monthly_subscription,
        Interval::Quarterly => pen.words.quarterly_subscription,
        Interval::Yearly => pen.words.yearly_subscription,
    };
    fill(label, &[("plan", &subscription.plan_name)])
}

fn movements(pen: &Pen, breakdown: &Breakdown) -> MovementTable {
    let row = |movement: &Movement| {
        let change = match movement.change {
            Change::Added(units) => format!("+{}", pen.number(units)),
            Change::Removed(units) => format!("-{}", pen.number(units)),
            Change::AddedAndRemoved(units) => format!("+/-{}", pen.number(units)),
        };
        [pen.locale.date(movement.date), pen.days_used(movement.days), format!("{change} {}", breakdown.name)]
    };
    MovementTable {
        title: match breakdown.group.as_deref() {
            Some(group) => fill(pen.words.breakdown_of, &[("group", group)]),
            None => pen.words.breakdown.to_owned(),
        },
        rows: breakdown.movements.iter().map(row).collect(),
        note: if breakdown.prorated { pen.words.units_prorated } else { pen.words.units_not_prorated }.to_owned(),
    }
}
