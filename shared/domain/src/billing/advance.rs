//! Charges in advance: the fee of one event (chapter 03, 7).
//!
//! Owns: the window that an event is priced in, what a window remembers from event to event ([`Ledger`]), the fee and its
//! invoice.
//!
//! Does not own: the order of events. Each is taken up once, by whoever keeps the ledger; the amounts of a window depend on
//! that order alone, and not on which other events have reached the log meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::closing::{
    CloseError, Full, RatedGroup, Snapshot, checked, rated_groups, resolve, taxed, window_within, with_singles,
};
use super::{Boundaries, Situation, boundaries};
use crate::charge::{self, AmountDetails, FreeUnits, Limited, Price, Rated, RunningTotals};
use crate::id::{EventId, FeeId, GroupId, InvoiceId, OrganizationId, derived, made_at};
use crate::invoice::settlement::{self, Means, Settled};
use crate::invoice::{
    self, AdvanceBasis, Basis, BilledSubscription, ChargeItem, Fee, FeeEvent, FeeGroup, FeeItem, FeePayment, Issue,
    Kind, Level, Place, UsageBasis,
};
use crate::metric::{AggregationType, Metric};
use crate::plan::{Charge, Plan};
use crate::subscription::Subscription;
use crate::time::{Instant, Zone};
use crate::usage::event::Event;
use crate::usage::in_advance::{self, Billed, Change, Share, State};
use crate::usage::window::{Place as Where, Window, rounded};
use crate::usage::{aggregate, percentage, prorated};

#[cfg(test)]
mod tests;

/// The charge window that an event belongs to: that of its timestamp, however late it comes (7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The window.
    pub window: Window,
    /// The bounds that an invoice of the event shows.
    pub boundaries: Boundaries,
    /// First local day of the charge period: names the window among those of the record.
    pub first_day: NaiveDate,
}

/// The period of a record that holds `timestamp`, which its life covers (`subscription::covering`).
#[must_use]
pub fn period_of(subscription: &Subscription, plan: &Plan, zone: Zone, timestamp: Instant) -> Period {
    let terms = subscription.terms(plan, zone);
    // Windows compare timestamps at whole seconds, rounded: so does the choice between two of them.
    let at = rounded(timestamp).max(terms.started_at);
    let at = terms.terminated_at.map_or(at, |ended_at| at.min(ended_at));
    let bounds = boundaries(&terms, Situation::CurrentUsage, at, subscription.progress.last_record.as_ref());
    let window = window_within(subscription, &terms, &bounds);
    Period { window, boundaries: bounds, first_day: terms.charges_grid().current(zone.date(at)) }
}

/// Usage that counts in a window and that no event of the charge bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Base {
    /// Units: what a recurring metric carries over, and what was received before the charge was in force.
    pub units: Decimal,
    /// The events that they come from.
    pub events: i64,
}

/// What a charge remembers of a window: one per charge, subscription record, leaf and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// `c`, `m` and `pm` of 7.2.
    pub state: Option<State>,
    /// What the window starts from.
    pub base: Base,
    /// Net units of the events taken up.
    pub units: Decimal,
    /// Events taken up that count in `N`.
    pub events: i64,
    /// `R` of 3.3 so far, on sums.
    pub running: RunningTotals,
    /// `V` of 3.3 so far, where values are priced one by one.
    pub limited: Limited,
}

impl Ledger {
    /// As an explanation tells it.
    fn level(&self) -> Level {
        Level {
            units: self.base.units.saturating_add(self.units),
            events: self.base.events.saturating_add(self.events),
            state: self.state.unwrap_or_default(),
            running: self.running,
            limited: self.limited,
        }
    }
}

/// One leaf of a charge in one window.
#[derive(Debug, Clone, Copy)]
pub struct Meter<'a> {
    /// The charge.
    pub charge: &'a Charge,
    /// Its metric.
    pub metric: &'a Metric,
    /// The leaf; none without dimensions.
    pub group: Option<GroupId>,
    /// The window.
    pub window: &'a Window,
    /// The customer's zone.
    pub zone: Zone,
}

/// What an event comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assessed {
    /// The window before the event.
    pub before: Ledger,
    /// The window after the event.
    pub ledger: Ledger,
    /// Its billed units.
    pub billed: Billed,
    /// Exact amount, currency units.
    pub amount: Decimal,
}

impl Meter<'_> {
    fn price(&self) -> &Price {
        self.charge.price_of(self.group)
    }

    /// A window that nothing was billed in yet, with the log's events that are no event's to bill ([`history`]).
    ///
    /// # Errors
    /// Units too large.
    pub fn begin(&self, history: &[&Event]) -> Result<Ledger, CloseError> {
        let Meter { metric, group, window, .. } = *self;
        let price = self.price();
        let mut ledger = Ledger { base: self.base(history)?, ..Ledger::default() };
        if metric.aggregation == AggregationType::Sum
            && let Some(free) = price.needs_running_totals()
        {
            let wanted = percentage::Free::from(free);
            let running = percentage::running(metric, group, history.iter().copied(), window, wanted)?;
            ledger.running = RunningTotals::of(&running, free);
        }
        if price.needs_values_per_event()
            && let Some(values) = percentage::per_event(metric, group, history.iter().copied(), window)?
        {
            for value in values {
                ledger.limited = price.limited_by_one(&ledger.limited, value)?;
            }
        }
        Ok(ledger)
    }

    /// The units and events that the window starts from.
    ///
    /// # Errors
    /// Units too large.
    pub fn base(&self, history: &[&Event]) -> Result<Base, CloseError> {
        let usage = aggregate(self.metric, self.group, history.iter().copied(), self.window)?;
        Ok(Base { units: usage.units, events: usage.events_count })
    }

    /// Takes an event up: billed units (7.2) and amount (7.3).
    ///
    /// # Errors
    /// Units or amounts too large.
    pub fn assess(&self, ledger: &Ledger, event: &Event, change: Change) -> Result<Assessed, CloseError> {
        let share = in_advance::share(event, self.window, &self.zone);
        let (state, billed) = in_advance::step(ledger.state, change, share)?;
        let price = self.price();
        // An event without the property bills nothing, and is no event of a sum (00-index).
        let counts = change != Change::Nothing && !in_advance::lacks_property(self.metric, event);
        let value = match change {
            Change::Count | Change::Add => Decimal::ONE,
            Change::Sum(value) => value,
            Change::Remove => Decimal::NEGATIVE_ONE,
            Change::Nothing => Decimal::ZERO,
        };
        let mut after = Ledger { state, ..*ledger };
        if !counts {
            return Ok(Assessed { before: *ledger, ledger: after, billed, amount: Decimal::ZERO });
        }
        after.units = ledger.units.checked_add(value).ok_or(CloseError::Overflow)?;
        after.events = ledger.events.saturating_add(1);
        let units = after.base.units.checked_add(after.units).ok_or(CloseError::Overflow)?;
        let free = price.needs_running_totals().unwrap_or_default();
        after.running = match change {
            Change::Sum(value) => ledger.running.and(value, free)?,
            Change::Count | Change::Add | Change::Remove | Change::Nothing => running_of_count(units, free),
        };
        after.limited = match change {
            Change::Remove => one_less(&ledger.limited),
            Change::Count | Change::Add | Change::Sum(_) | Change::Nothing => {
                price.limited_by_one(&ledger.limited, value)?
            }
        };
        let amount = amount(self.charge, price, ledger, &after, units, &billed)?;
        Ok(Assessed { before: *ledger, ledger: after, billed, amount })
    }
}

/// Since when a charge bills the events of a record, by the real clock: both exist, and so does the leaf.
#[must_use]
pub fn in_force_since(charge: &Charge, subscription: &Subscription, group: Option<GroupId>) -> Instant {
    let made = [made_at(charge.origin().0), made_at(subscription.id.0), group.and_then(|group| made_at(group.0))];
    made.into_iter().flatten().max().unwrap_or(Instant::MIN_UTC)
}

/// The events that count in a window and are not billed by events of it: those before a recurring metric's window, and
/// those received before the charge was in force. `own` are the transaction ids of events that are just being billed.
#[must_use]
pub fn history<'e>(
    metric: &Metric,
    events: &'e [Event],
    window: &Window,
    in_force: Instant,
    own: &BTreeSet<String>,
) -> Vec<&'e Event> {
    let counts = |event: &&Event| match window.place_of(event) {
        Where::Before => metric.recurring,
        Where::Inside => event.received_at < in_force && !own.contains(&event.transaction_id),
        Where::After => false,
    };
    events.iter().filter(counts).collect()
}

/// 7.3: what the window costs with the event less what it costs without. `units` is `A`, with the event.
fn amount(
    charge: &Charge,
    price: &Price,
    before: &Ledger,
    after: &Ledger,
    units: Decimal,
    billed: &Billed,
) -> Result<Decimal, CloseError> {
    if charge.prorated {
        return Ok(charge::in_advance_amount(price, &Rated::new(billed.prorated, 1), &Rated::new(Decimal::ZERO, 0))?);
    }
    if price.needs_values_per_event() {
        let paid = |limited: &Limited| limited.amount.max(Decimal::ZERO);
        let more = paid(&after.limited).checked_sub(paid(&before.limited)).ok_or(CloseError::Overflow)?;
        return Ok(more.max(Decimal::ZERO));
    }
    let events = after.base.events.saturating_add(after.events);
    let without = units.checked_sub(billed.units).ok_or(CloseError::Overflow)?;
    let rated = |units, events| Rated::new(units, events).with_remembered(after.running);
    Ok(charge::in_advance_amount(price, &rated(units, events), &rated(without, events - 1))?)
}

/// R of a count: 1, 2, ... up to the units; nothing where nothing is free.
fn running_of_count(units: Decimal, free: FreeUnits) -> RunningTotals {
    if free == FreeUnits::default() {
        return RunningTotals::default();
    }
    let whole = |units: Decimal| i64::try_from(units.max(Decimal::ZERO)).unwrap_or(i64::MAX);
    let count = whole(units);
    let below_total = if free.total.is_zero() { 0 } else { count.min(whole(free.total.ceil()) - 1) };
    RunningTotals { count, last: Decimal::from(count), at_free_events: Decimal::from(free.events), below_total }
}

/// A value of a unique count went away: the next one that comes takes its place among the free ones. Nothing is paid back.
fn one_less(limited: &Limited) -> Limited {
    let values = (limited.values - 1).max(0);
    Limited { values, free_used: limited.free_used.min(Decimal::from(values)), ..*limited }
}

/// The id of the fee that an event makes on a charge that is not invoiceable: the same for every copy of the event, for one id
/// counts once in a log (00-index, ruling 2). It names no invoice ([`invoice::invoice_of`]).
#[must_use]
pub fn fee_id(organization: OrganizationId, external_subscription_id: &str, event: &Event, charge: &Charge) -> FeeId {
    let charge = charge.origin();
    let parts: [&[u8]; 5] = [
        organization.0.as_bytes(),
        external_subscription_id.as_bytes(),
        event.code.as_bytes(),
        event.transaction_id.as_bytes(),
        charge.0.as_bytes(),
    ];
    FeeId(invoice::room_for_fees(derived("fee", &parts)).0)
}

/// The id of the invoice that an event makes on an invoiceable charge: as the fee's.
#[must_use]
pub fn invoice_id(
    organization: OrganizationId,
    external_subscription_id: &str,
    event: &Event,
    charge: &Charge,
) -> InvoiceId {
    let fee = fee_id(organization, external_subscription_id, event, charge);
    invoice::derived_id(&[b"event", fee.0.as_bytes()])
}

/// Where a fee in advance belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What taxes are resolved from; usage is not looked at.
    pub snapshot: &'a Snapshot<'a>,
    /// The record.
    pub subscription: &'a Subscription,
    /// Its plan.
    pub plan: &'a Plan,
    /// The plan's charge.
    pub charge: &'a Charge,
    /// The charge's metric.
    pub metric: &'a Metric,
    /// The event.
    pub event: &'a Event,
    /// The event's period.
    pub period: &'a Period,
}

/// The fee of an event: one event, no unit amounts, no details (6.2, 6.5).
///
/// # Errors
/// The amount is too large.
pub fn fee(occasion: &Occasion<'_>, id: FeeId, group: Option<GroupId>, assessed: &Assessed) -> Result<Fee, CloseError> {
    let Occasion { snapshot, subscription, plan, charge, metric, event, period } = *occasion;
    let amounts = charge::in_advance_fee_amounts(assessed.amount, plan.currency)?;
    let item = ChargeItem {
        charge_id: charge.id,
        metric_id: metric.id,
        metric_code: metric.code.clone(),
        metric_name: metric.name.clone(),
        display_name: charge.printed_name(metric).to_owned(),
        invoiceable: charge.invoiceable,
        event: Some(FeeEvent { id: EventId(event.id.0), transaction_id: event.transaction_id.clone() }),
        prorated: charge.prorated,
        weighted: false,
        min_amount_cents: 0,
        group: group.and_then(|group| fee_group(charge, metric, group)),
        true_up_parent: None,
        true_up: None,
        events_count: 1,
        details: AmountDetails::None,
        basis: Some(Basis::Usage(Box::new(basis(occasion, group, assessed)))),
    };
    let taxes = resolve(snapshot, &[&charge.tax_ids, &plan.tax_ids]);
    let fee = Fee {
        id,
        item: FeeItem::Charge(Box::new(item)),
        subscription_id: Some(subscription.id),
        external_subscription_id: Some(subscription.external_id.clone()),
        amount_cents: amounts.amount_cents,
        coupon_share: Decimal::ZERO,
        units: assessed.billed.shown,
        precise_unit_amount: amounts.precise_unit_amount,
        unit_amount_cents: amounts.unit_amount_cents,
        taxes: Vec::new(),
        taxes_amount_cents: 0,
        taxes_rate: Decimal::ZERO,
        from: period.window.from,
        to: period.window.to,
        description: None,
        payment: FeePayment::default(),
        created_at: event.created_at,
    };
    Ok(taxed(fee, &taxes))
}

/// What the fee was computed from: what the event adds to its window.
fn basis(occasion: &Occasion<'_>, group: Option<GroupId>, assessed: &Assessed) -> UsageBasis {
    let Occasion { charge, metric, event, period, .. } = *occasion;
    let billed = &assessed.billed;
    let (units, amount) = (if charge.prorated { billed.prorated } else { billed.units }, assessed.amount);
    let basis = UsageBasis::of(charge, metric, group, &period.window, event.received_at);
    let advance = Some(AdvanceBasis { before: assessed.before.level(), after: assessed.ledger.level() });
    UsageBasis { prorated: charge.prorated, units, amount, advance, ..basis }
}

/// A leaf as a fee names it: by its price's display name, else its own.
#[must_use]
pub fn fee_group(charge: &Charge, metric: &Metric, group: GroupId) -> Option<FeeGroup> {
    let leaves = metric.groups.leaves();
    let leaf = leaves.iter().find(|leaf| leaf.id == group)?;
    let own = charge.group_price(group).and_then(|own| own.invoice_display_name.clone());
    let own = own.filter(|name| !name.trim().is_empty());
    Some(FeeGroup { id: group, display_name: own.unwrap_or_else(|| leaf.display_name()) })
}

/// The leaves of a charge in advance as current usage prices them (section 9): the level that stands at the start and the
/// highest one that was paid since, where the window has billed anything. `states` are those of its leaves.
///
/// # Errors
/// Units or amounts too large.
pub fn current_groups(
    charge: &Charge,
    metric: &Metric,
    events: &[Event],
    window: &Window,
    zone: Zone,
    states: &BTreeMap<Option<GroupId>, State>,
) -> Result<Vec<RatedGroup>, CloseError> {
    let events = &*window.parted(events);
    let mut groups = rated_groups(charge, metric, events, window, zone, Full::Always)?;
    if metric.aggregation == AggregationType::Count {
        return Ok(groups);
    }
    for rated in &mut groups {
        let group = rated.group.as_ref().map(|group| group.id);
        let (net, state) = (rated.units, states.get(&group).copied());
        let usage = if charge.prorated {
            let by_days = prorated::prorated(metric, group, events, window, &zone)?.units;
            let share = Share { days: zone.days(window.from, window.to), period_days: window.period_days() };
            let units = in_advance::current_prorated_units(net, by_days, state, share)?.max(Decimal::ZERO);
            Rated::new(units, rated.events_count).prorated(net.max(Decimal::ZERO), Vec::new())
        } else {
            Rated::new(in_advance::current_units(net, state)?, rated.events_count)
        };
        let price = charge.price_of(group);
        let usage = with_singles(usage, price, metric, group, events, window)?;
        (rated.amount_units, rated.prorated) = (usage.units, charge.prorated);
        rated.outcome = price.rate(&usage)?;
    }
    Ok(groups)
}

/// The invoice of an event on an invoiceable charge: final at once, issued on the local date of the event (7.5; 00-index).
///
/// It is settled with the customer's `means`, as any invoice that becomes final.
///
/// # Errors
/// Amounts too large, or an invoice that breaks a law.
pub fn invoice(
    occasion: &Occasion<'_>,
    id: InvoiceId,
    fee: Fee,
    place: Place,
    means: Means,
) -> Result<Settled, CloseError> {
    let Occasion { snapshot, subscription, plan, event, period, .. } = *occasion;
    let at = event.created_at;
    let issue = Issue {
        id,
        kind: Kind::Subscription,
        place,
        at,
        dated: event.timestamp,
        grace_days: 0,
        currency: plan.currency,
        subscriptions: vec![BilledSubscription {
            subscription_id: subscription.id,
            external_id: subscription.external_id.clone(),
            name: subscription.printed_name(plan).to_owned(),
            plan_id: plan.id,
            plan_name: plan.printed_name().to_owned(),
            interval: plan.interval,
            situation: Situation::CurrentUsage,
            at: event.timestamp,
            boundaries: period.boundaries,
            recurring: false,
        }],
        fees: vec![fee],
    };
    let invoice = invoice::issue(snapshot.organization, snapshot.customer, issue)?;
    let parents = plan.parent_id.map(|parent| (plan.id, parent)).into_iter().collect();
    let Settled { invoice, used } = settlement::settle(invoice, means, &parents, at)?;
    Ok(Settled { invoice: checked(invoice)?, used })
}
