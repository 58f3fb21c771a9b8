//! Closing: from what is due to the invoice that bills it, in named steps (chapter 02, 7; chapter 03, 6; chapter 04, 3).
//!
//! The plan that comes out leaves the writer nothing to choose: same snapshot, same plan, same ids.

use std::collections::BTreeMap;

use crate::billing::agenda::{Subject, last_record};
use crate::billing::{
    Boundaries, Change, FeeHistory, Situation, Terms, are_charges_due, charges_period_days, is_subscription_fee_due,
    minimum_days, subscription_fee, true_up,
};
use crate::charge::{self, AmountDetails, FeeAmounts, Price, Rated};
use crate::customer::Customer;
use crate::id::{FeeId, GroupId, InvoiceId, MetricId, TaxId};
use crate::invoice::settlement::{self, Means, Parents, Settled, Used};
use crate::invoice::{
    self, Basis, BilledSubscription, ChargeItem, Fee, FeeGroup, FeeItem, FeePayment, Invoice, Issue, Kind,
    MinimumBasis, Place, Status, SubscriptionBasis, UsageBasis,
};
use crate::metric::{AggregationType, Metric};
use crate::organization::Organization;
use crate::plan::{Charge, Plan};
use crate::subscription::{LastFee, Subscription};
use crate::tax::{self, Tax};
use crate::time::{Instant, Zone};
use crate::usage::digest::{self, Counted, NeedsEvents};
use crate::usage::window::{End, Window};
use crate::usage::{aggregate_by_group, percentage, prorated};
use rust_decimal::Decimal;

/// The usage logs that a closing looks at: by the record's external id and the metric.
pub type Usage = BTreeMap<(String, MetricId), Counted>;

/// Everything that a closing may look at.
#[derive(Debug, Clone)]
pub struct Snapshot<'a> {
    /// The organization.
    pub organization: &'a Organization,
    /// The customer.
    pub customer: &'a Customer,
    /// Every tax of the organization.
    pub taxes: &'a [Tax],
    /// The live metrics of the plans' charges.
    pub metrics: &'a [Metric],
    /// What the logs concerned hold, of all time, each id once: each event where [`needs_each_event`].
    pub usage: &'a Usage,
    /// When the logs were read, by the real clock.
    pub read_at: Instant,
}

/// Why a closing is impossible. Nothing may be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// Units or amounts are too large for exact arithmetic.
    #[error("amounts of the invoice are too large")]
    Overflow,
    /// Digests were given where each event is needed.
    #[error("digests do not tell what is asked, the events do")]
    NeedsEvents,
    /// The invoice would break a law (`invoice::violations`).
    #[error("the invoice would break a law: {}", .0.join("; "))]
    Violations(Vec<String>),
}

impl From<charge::Overflow> for CloseError {
    fn from(_: charge::Overflow) -> Self {
        CloseError::Overflow
    }
}

impl From<NeedsEvents> for CloseError {
    fn from(_: NeedsEvents) -> Self {
        CloseError::NeedsEvents
    }
}

impl From<crate::usage::Overflow> for CloseError {
    fn from(_: crate::usage::Overflow) -> Self {
        CloseError::Overflow
    }
}

impl From<invoice::AmountOverflow> for CloseError {
    fn from(_: invoice::AmountOverflow) -> Self {
        CloseError::Overflow
    }
}

/// The invoice of a closing, and the records as it leaves them.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosePlan {
    /// The invoice.
    pub invoice: Invoice,
    /// What it used of the customer's means; nothing if it is a draft.
    pub used: Used,
    /// The billed records, with their progress and their next due instant.
    pub subscriptions: Vec<Subscription>,
}

/// The invoice of `subjects` at the billing instant `at` (chapter 02, 6.2 and 7).
///
/// `id` is derived from what the invoice stands for, so that a second try meets the first. Without a grace period the
/// invoice is final and settled with the customer's `means`.
///
/// # Errors
/// Amounts too large, or an invoice that breaks a law: somebody has to look, nothing may be written.
pub fn close(
    snapshot: &Snapshot<'_>,
    subjects: Vec<Subject<'_>>,
    id: InvoiceId,
    at: Instant,
    place: Place,
    means: Means,
) -> Result<ClosePlan, CloseError> {
    let zone = snapshot.customer.zone(snapshot.organization);
    let mut fees = Fees { invoice: id, at, list: Vec::new() };
    for subject in &subjects {
        subscription_fees(snapshot, subject, zone, &mut fees);
        if are_charges_due(&subject.subscription.terms(subject.plan, zone), &history(&subject.subscription)) {
            charge_fees(snapshot, subject, zone, &mut fees)?;
        }
    }
    let invoice = compose(snapshot, &subjects, fees.list, id, at, place)?;
    let Settled { invoice, used } = match invoice.status {
        Status::Draft => Settled { invoice, used: Used::default() },
        Status::Finalized | Status::Voided { .. } => settlement::settle(invoice, means, &parents(&subjects), at)?,
    };
    let invoice = checked(invoice)?;
    let subscriptions = subjects.into_iter().map(|subject| billed(subject, &invoice, zone)).collect();
    Ok(ClosePlan { invoice, used, subscriptions })
}

/// A draft with its charge fees and taxes computed anew from the same bounds (chapter 04, 6.3).
///
/// Subscription fees stay as they were: nothing that they depend on can change while a plan is in use. `subjects` are
/// the records on the draft, with its own bounds.
///
/// # Errors
/// As for `close`.
pub fn refreshed(snapshot: &Snapshot<'_>, draft: &Invoice, subjects: &[Subject<'_>]) -> Result<Invoice, CloseError> {
    let zone = draft.zone;
    let mut fees = Fees { invoice: draft.id, at: draft.created_at, list: Vec::new() };
    for subject in subjects {
        let kept = draft
            .fees
            .iter()
            .filter(|fee| fee.charge().is_none() && fee.subscription_id == Some(subject.subscription.id));
        for fee in kept {
            let taxes = resolve(snapshot, &[&subject.plan.tax_ids]);
            fees.push(|id| taxed(Fee { id, ..fee.clone() }, &taxes));
        }
        let had_charges =
            draft.fees.iter().any(|fee| fee.charge().is_some() && fee.subscription_id == Some(subject.subscription.id));
        // Only the first invoice of a plan in advance has no charges, and no window for them. Any other has those that the
        // plan charges for today, be they new.
        let had_charges = had_charges || (subject.situation != Situation::First && subject.boundaries.has_charges());
        if had_charges {
            charge_fees(snapshot, subject, zone, &mut fees)?;
        }
    }
    let (totals, taxes) = invoice::totals(draft.id, &fees.list, &[])?;
    let invoice = Invoice {
        payment_status: invoice::initial_payment_status(totals.total),
        fees: fees.list,
        taxes,
        totals,
        needs_refresh: false,
        next_due: Some(invoice::finalization_at(
            draft.created_at,
            snapshot.customer.grace_period_days(snapshot.organization),
        )),
        ..draft.clone()
    };
    checked(invoice)
}

/// A draft made final at `at`: computed anew, dated, and settled with the customer's `means` (chapter 04, 6.5).
///
/// # Errors
/// As for `close`.
pub fn finalized(
    snapshot: &Snapshot<'_>,
    draft: &Invoice,
    subjects: &[Subject<'_>],
    means: Means,
    at: Instant,
) -> Result<Settled, CloseError> {
    let (organization, customer) = (snapshot.organization, snapshot.customer);
    let refreshed = refreshed(snapshot, draft, subjects)?;
    let term = customer.net_payment_term_days(organization);
    let dates = invoice::dates(customer.zone(organization), at, 0, term);
    let invoice = Invoice {
        status: Status::Finalized,
        issuing_date: dates.issuing_date,
        payment_due_date: dates.payment_due_date,
        net_payment_term: term,
        next_due: None,
        updated_at: at,
        ..refreshed
    };
    let settled = settlement::settle(invoice, means, &parents(subjects), at)?;
    Ok(Settled { invoice: checked(settled.invoice)?, used: settled.used })
}

/// The plans that the subjects' plans override.
fn parents(subjects: &[Subject<'_>]) -> Parents {
    subjects.iter().filter_map(|subject| Some((subject.plan.id, subject.plan.parent_id?))).collect()
}

/// A draft with the dates of the grace period and payment term that apply now (chapter 04, 6.2; 00-index).
#[must_use]
pub fn redated(organization: &Organization, customer: &Customer, draft: Invoice) -> Invoice {
    let grace_days = customer.grace_period_days(organization);
    let term = customer.net_payment_term_days(organization);
    let dates = invoice::dates(customer.zone(organization), draft.created_at, grace_days, term);
    Invoice {
        issuing_date: dates.issuing_date,
        payment_due_date: dates.payment_due_date,
        // A draft that waits for its refresh goes on waiting.
        next_due: Some(invoice::finalization_at(draft.created_at, grace_days))
            .map(|at| if draft.needs_refresh { draft.next_due.map_or(at, |refresh| refresh.min(at)) } else { at }),
        ..draft
    }
}

/// A draft whose fees are out of date since `now`: due for its refresh, unless it is final before (chapter 04, 6.4).
#[must_use]
pub fn flagged(draft: Invoice, now: Instant) -> Invoice {
    let refresh = invoice::refresh_at(now);
    Invoice { needs_refresh: true, next_due: Some(draft.next_due.map_or(refresh, |due| due.min(refresh))), ..draft }
}

/// Whether a draft is due for its refresh only: its grace period, as it is now, ends later than `at`.
#[must_use]
pub fn is_refresh(organization: &Organization, customer: &Customer, draft: &Invoice, at: Instant) -> bool {
    let grace_days = customer.grace_period_days(organization);
    draft.needs_refresh && at < invoice::finalization_at(draft.created_at, grace_days)
}

/// Whether a draft's grace period, as it is now, has passed: strictly, in absolute time (chapter 04, 6.2).
#[must_use]
pub fn is_past_grace(organization: &Organization, customer: &Customer, draft: &Invoice, now: Instant) -> bool {
    let grace = chrono::TimeDelta::days(customer.grace_period_days(organization).into());
    draft.created_at.checked_add_signed(grace).is_some_and(|end| end < now)
}

/// Fees of one invoice in the making: each gets the id of its place.
struct Fees {
    invoice: InvoiceId,
    at: Instant,
    list: Vec<Fee>,
}

impl Fees {
    fn next_id(&self) -> FeeId {
        invoice::fee_id(self.invoice, self.list.len())
    }

    fn push(&mut self, make: impl FnOnce(FeeId) -> Fee) {
        let fee = make(self.next_id());
        self.list.push(fee);
    }
}

fn history(subscription: &Subscription) -> FeeHistory {
    let progress = &subscription.progress;
    FeeHistory {
        is_first_invoice: !progress.invoiced,
        has_fee_on_earlier_invoice: progress.last_fee.is_some(),
        other_fees_created_at: progress.last_fee.iter().map(|fee| fee.created_at).collect(),
        paid_to: progress.last_fee.as_ref().map(|fee| fee.to),
    }
}

fn subscription_fees(snapshot: &Snapshot<'_>, subject: &Subject<'_>, zone: Zone, fees: &mut Fees) {
    let (subscription, plan) = (&subject.subscription, subject.plan);
    let (terms, history) = (subscription.terms(plan, zone), history(subscription));
    if !is_subscription_fee_due(&terms, subject.situation, fees.at, &history) {
        return;
    }
    let computed = subscription_fee(&terms, subject.situation, fees.at, &subject.boundaries, &history);
    let taxes = resolve(snapshot, &[&plan.tax_ids]);
    let at = fees.at;
    fees.push(|id| {
        let fee = Fee {
            id,
            item: FeeItem::Subscription {
                plan_code: plan.code.clone(),
                plan_name: plan.name.clone(),
                invoice_display_name: plan.invoice_display_name.clone(),
                pay_in_advance: plan.pay_in_advance,
                basis: Some(SubscriptionBasis {
                    formula: computed.formula,
                    plan_amount_cents: terms.amount_cents,
                    days: computed.days,
                    period_days: computed.period_days,
                }),
            },
            subscription_id: Some(subscription.id),
            external_subscription_id: Some(subscription.external_id.clone()),
            amount_cents: computed.amount_cents,
            coupon_share: Decimal::ZERO,
            units: Decimal::ONE,
            precise_unit_amount: plan.currency.units(computed.amount_cents),
            unit_amount_cents: computed.amount_cents,
            taxes: Vec::new(),
            taxes_amount_cents: 0,
            taxes_rate: Decimal::ZERO,
            from: subject.boundaries.from,
            to: subject.boundaries.to,
            description: None,
            payment: FeePayment::default(),
            created_at: at,
        };
        taxed(fee, &taxes)
    });
}

fn charge_fees(snapshot: &Snapshot<'_>, subject: &Subject<'_>, zone: Zone, fees: &mut Fees) -> Result<(), CloseError> {
    for charge in &subject.plan.charges {
        // A metric that is gone takes its charges with it (chapter 03, 2.6).
        let Some(metric) = snapshot.metrics.iter().find(|metric| metric.id == charge.metric_id) else { continue };
        if !is_billed_with_the_period(subject, charge, metric) {
            continue;
        }
        one_charge(snapshot, subject, charge, metric, zone, fees)?;
    }
    Ok(())
}

/// Which charges a period's invoice carries (chapter 03, 6.1).
fn is_billed_with_the_period(subject: &Subject<'_>, charge: &Charge, metric: &Metric) -> bool {
    let ended_without_rotation = subject.situation == Situation::Terminated;
    let upgraded = subject.subscription.next.as_ref().is_some_and(|link| link.change == Change::Upgrade);
    let billed_by_successor = ended_without_rotation
        && upgraded
        && metric.recurring
        && !charge.prorated
        && subject.successor_metrics.contains(&metric.id);
    charge.invoiceable
        && match (charge.pay_in_advance, metric.recurring) {
            (true, false) => false,
            (true, true) => !ended_without_rotation,
            (false, _) => !billed_by_successor,
        }
}

/// The window of a subject's charges, its last second given to a successor that starts there.
#[must_use]
pub fn charges_window(subject: &Subject<'_>, zone: Zone) -> Window {
    window_of(subject, &subject.subscription.terms(subject.plan, zone))
}

/// Whether a charge's fees need each event; else digests are enough (usually: see [`CloseError::NeedsEvents`]).
#[must_use]
pub fn needs_each_event(charge: &Charge, metric: &Metric) -> bool {
    charge.pay_in_advance
        || charge.prorated
        || prices(charge).any(|price| price.needs_values_per_event() && metric.aggregation != AggregationType::Count)
}

fn prices(charge: &Charge) -> impl Iterator<Item = &Price> {
    charge.group_prices.iter().map(|own| &own.price.price).chain([&charge.price.price])
}

/// The free units of a charge that the first events of its window tell: digests alone do not.
pub fn free_at_first<'c>(charge: &'c Charge, metric: &Metric) -> impl Iterator<Item = percentage::Free> + use<'c> {
    let is_told = percentage::runs_by_ones(metric);
    prices(charge).filter_map(Price::needs_running_totals).filter(move |_| !is_told).map(percentage::Free::from)
}

fn window_of(subject: &Subject<'_>, terms: &Terms) -> Window {
    window_within(&subject.subscription, terms, &subject.boundaries)
}

/// The window of a record's charges within bounds.
#[must_use]
pub(super) fn window_within(subscription: &Subscription, terms: &Terms, bounds: &Boundaries) -> Window {
    let upgraded = subscription.next.as_ref().is_some_and(|link| link.change == Change::Upgrade);
    let cut_by_upgrade = upgraded && subscription.terminated_at() == Some(bounds.charges_to);
    Window {
        from: bounds.charges_from,
        to: bounds.charges_to,
        end: if cut_by_upgrade { End::Successors } else { End::Included },
        shared: subscription.shared(bounds),
        period_days: charges_period_days(terms, bounds),
    }
}

fn one_charge(
    snapshot: &Snapshot<'_>,
    subject: &Subject<'_>,
    charge: &Charge,
    metric: &Metric,
    zone: Zone,
    fees: &mut Fees,
) -> Result<(), CloseError> {
    let (subscription, plan) = (&subject.subscription, subject.plan);
    let terms = subscription.terms(plan, zone);
    let nothing = Counted::Events(Vec::new());
    let usage = snapshot.usage.get(&(subscription.external_id.clone(), metric.id)).unwrap_or(&nothing);
    let window = window_of(subject, &terms);
    let taxes = resolve(snapshot, &[&charge.tax_ids, &plan.tax_ids]);
    // The renewal of a charge in advance pays for the coming period with the full units that stand (6.1, 6.5).
    let renewal = charge.pay_in_advance.then(|| coming_period(&terms, fees.at));
    if renewal.is_none() && !subject.boundaries.has_charges() {
        return Ok(());
    }
    let (from, to) = renewal.unwrap_or((window.from, window.to));
    let first = fees.list.len();
    for usage in rated_groups(charge, metric, usage, &window, zone, Full::of(renewal.is_some()))? {
        let amounts = usage.amounts(plan)?;
        let at = fees.at;
        fees.push(|id| {
            let item = charge_item(charge, metric, &usage, &window, snapshot.read_at);
            taxed(charge_fee(id, subscription, usage.units, &amounts, at, (from, to), item), &taxes)
        });
    }
    if renewal.is_none() {
        fill_up(subject, charge, &terms, &taxes, first, fees);
    }
    Ok(())
}

/// The charges period that begins at `at`, as the wire shows it: UTC dates, 00:00:00 to 23:59:59 (chapter 03, 6.5).
fn coming_period(terms: &Terms, at: Instant) -> (Instant, Instant) {
    let grid = terms.charges_grid();
    let first = grid.current(terms.zone.date(at));
    let start = terms.zone.start_of(first).max(terms.started_at).date_naive();
    let end = (terms.zone.start_of(grid.next(first)) - chrono::TimeDelta::microseconds(1)).date_naive();
    let midnight = |date: chrono::NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
    (midnight(start), midnight(end) + chrono::TimeDelta::seconds(86_399))
}

/// The true-up of a charge whose fees stay below its minimum (chapter 02, 8.5; chapter 03, 6.4).
fn fill_up(subject: &Subject<'_>, charge: &Charge, terms: &Terms, taxes: &[Tax], first: usize, fees: &mut Fees) {
    let sum = fees.list[first..].iter().map(|fee| fee.amount_cents).fold(0, i64::saturating_add);
    let days = minimum_days(terms, subject.situation, &subject.boundaries);
    let period_days = charges_period_days(terms, &subject.boundaries);
    // A gap of less than a cent gives a fee of 0 (chapter 02, 8.5).
    let Some(amount_cents) = true_up(charge.min_amount_cents, sum, days, period_days) else { return };
    let Some(parent) = fees.list.get(first).cloned() else { return };
    let id = fees.next_id();
    if let Some(FeeItem::Charge(item)) = fees.list.get_mut(first).map(|fee| &mut fee.item) {
        item.true_up = Some(id);
    }
    let Some(item) = parent.charge() else { return };
    let item = ChargeItem {
        group: None,
        true_up_parent: Some(parent.id),
        true_up: None,
        events_count: 0,
        details: AmountDetails::None,
        basis: Some(Basis::Minimum(MinimumBasis { days, period_days, fees_amount_cents: sum })),
        ..item.clone()
    };
    let fee = Fee {
        item: FeeItem::Charge(Box::new(item)),
        amount_cents,
        units: Decimal::ONE,
        precise_unit_amount: subject.plan.currency.units(amount_cents),
        unit_amount_cents: amount_cents,
        ..parent
    };
    fees.push(|id| taxed(Fee { id, ..fee }, taxes));
}

/// Whether proration applies to what is rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// As the charge says.
    AsCharged,
    /// Full units, even if the charge is prorated.
    Always,
}

impl Full {
    fn of(renewal: bool) -> Full {
        if renewal { Full::Always } else { Full::AsCharged }
    }
}

/// One leaf group of a charge (or the whole charge, without dimensions), rated.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedGroup {
    /// The leaf with its display name; none without dimensions.
    pub group: Option<FeeGroup>,
    /// Units shown: full ones.
    pub units: Decimal,
    /// Units that the amount is for: those by days on a prorated charge.
    pub amount_units: Decimal,
    /// Whether units count by days.
    pub prorated: bool,
    /// Distinct events.
    pub events_count: i64,
    /// Amount and how it came about.
    pub outcome: charge::Outcome,
}

impl RatedGroup {
    /// The one rounding (chapter 03, 6.2).
    ///
    /// # Errors
    /// The amount is too large.
    pub fn amounts(&self, plan: &Plan) -> Result<FeeAmounts, CloseError> {
        Ok(charge::fee_amounts(&self.outcome, plan.currency)?)
    }
}

/// The leaves of a charge in the order of fees (own prices first, then by name), each rated (chapter 03, 5 and 6.1).
///
/// # Errors
/// Units or amounts too large; or each event is needed, and there are digests only.
pub fn rated_groups<'u>(
    charge: &Charge,
    metric: &Metric,
    usage: impl Into<digest::Usage<'u>>,
    window: &Window,
    zone: Zone,
    full: Full,
) -> Result<Vec<RatedGroup>, CloseError> {
    let mut counted = usage.into();
    let parted;
    if window.is_shared() {
        parted = window.parted(counted.events()?);
        counted = digest::Usage::Events(&parted);
    }
    let usages: Vec<(Option<GroupId>, Rated)> = if charge.prorated && full == Full::AsCharged {
        prorated::prorated_by_group(metric, counted.events()?, window, &zone)?
            .into_iter()
            .map(|(group, usage)| {
                let movements = usage
                    .movements
                    .iter()
                    .map(|movement| charge::Movement { full: movement.full, prorated: movement.prorated });
                (group, Rated::new(usage.units, usage.events_count).prorated(usage.full, movements.collect()))
            })
            .collect()
    } else {
        let units = match counted {
            digest::Usage::Events(events) => aggregate_by_group(metric, events, window)?,
            digest::Usage::Parts(parts) => digest::aggregate_by_group(metric, parts, window)?,
        };
        units.into_iter().map(|(group, usage)| (group, Rated::new(usage.units, usage.events_count))).collect()
    };
    let leaves = metric.groups.leaves();
    let mut rated = Vec::with_capacity(usages.len());
    for (group, mut usage) in usages {
        let price = charge.price_of(group);
        usage = with_singles(usage, price, metric, group, counted, window)?;
        let leaf = group.and_then(|group| leaves.iter().find(|leaf| leaf.id == group));
        let own = group.and_then(|group| charge.group_price(group));
        let display_name = own.and_then(|own| own.invoice_display_name.clone()).filter(|name| !name.trim().is_empty());
        rated.push((
            (own.is_none(), leaf.map(|leaf| (leaf.parent_value().unwrap_or_default(), leaf.value))),
            RatedGroup {
                group: leaf.map(|leaf| FeeGroup {
                    id: leaf.id,
                    display_name: display_name.unwrap_or_else(|| leaf.display_name()),
                }),
                units: usage.full_units,
                amount_units: usage.units,
                prorated: charge.prorated && full == Full::AsCharged,
                events_count: usage.events_count,
                outcome: price.rate(&usage)?,
            },
        ));
    }
    rated.sort_by_key(|(place, _)| *place);
    Ok(rated.into_iter().map(|(_, usage)| usage).collect())
}

/// Usage with what a price asks of single events (chapter 03, 3.3). Digests tell as much of what counts by ones.
pub(super) fn with_singles<'u>(
    mut usage: Rated,
    price: &Price,
    metric: &Metric,
    group: Option<GroupId>,
    counted: impl Into<digest::Usage<'u>>,
    window: &Window,
) -> Result<Rated, CloseError> {
    let counted = counted.into();
    if let Some(free) = price.needs_running_totals() {
        let free = percentage::Free::from(free);
        let running = match counted {
            digest::Usage::Parts(_) if percentage::runs_by_ones(metric) => percentage::ones_up_to(usage.full_units),
            digest::Usage::Parts(parts) => digest::running(metric, group, parts, window, free)?,
            digest::Usage::Events(events) => percentage::running(metric, group, events, window, free)?,
        };
        usage = usage.with_running(running);
    }
    if price.needs_values_per_event() {
        let values = match counted {
            digest::Usage::Parts(_) if metric.aggregation == AggregationType::Count => {
                Some(percentage::one_each(usage.events_count))
            }
            digest::Usage::Parts(_) | digest::Usage::Events(_) => {
                percentage::per_event(metric, group, counted.events()?, window)?
            }
        };
        if let Some(values) = values {
            usage = usage.with_per_event(values);
        }
    }
    Ok(usage)
}

fn charge_item(charge: &Charge, metric: &Metric, usage: &RatedGroup, window: &Window, read_at: Instant) -> ChargeItem {
    ChargeItem {
        charge_id: charge.id,
        metric_id: metric.id,
        metric_code: metric.code.clone(),
        metric_name: metric.name.clone(),
        display_name: charge.printed_name(metric).to_owned(),
        invoiceable: charge.invoiceable,
        event: None,
        prorated: charge.prorated,
        weighted: metric.aggregation == AggregationType::WeightedSum,
        min_amount_cents: charge.min_amount_cents,
        group: usage.group.clone(),
        true_up_parent: None,
        true_up: None,
        events_count: usage.events_count,
        details: usage.outcome.details.clone(),
        basis: Some(Basis::Usage(Box::new(usage_basis(charge, metric, usage, window, read_at)))),
    }
}

/// What the fee of a rated group was computed from.
#[must_use]
pub fn usage_basis(
    charge: &Charge,
    metric: &Metric,
    usage: &RatedGroup,
    window: &Window,
    read_at: Instant,
) -> UsageBasis {
    let group = usage.group.as_ref().map(|group| group.id);
    let (units, amount) = (usage.amount_units, usage.outcome.amount);
    UsageBasis { prorated: usage.prorated, units, amount, ..UsageBasis::of(charge, metric, group, window, read_at) }
}

fn charge_fee(
    id: FeeId,
    subscription: &Subscription,
    units: Decimal,
    amounts: &FeeAmounts,
    at: Instant,
    (from, to): (Instant, Instant),
    item: ChargeItem,
) -> Fee {
    Fee {
        id,
        subscription_id: Some(subscription.id),
        external_subscription_id: Some(subscription.external_id.clone()),
        amount_cents: amounts.amount_cents,
        coupon_share: Decimal::ZERO,
        units,
        precise_unit_amount: amounts.precise_unit_amount,
        unit_amount_cents: amounts.unit_amount_cents,
        taxes: Vec::new(),
        taxes_amount_cents: 0,
        taxes_rate: Decimal::ZERO,
        from,
        to,
        description: None,
        payment: FeePayment::default(),
        created_at: at,
        item: FeeItem::Charge(Box::new(item)),
    }
}

pub(super) fn taxed(fee: Fee, taxes: &[Tax]) -> Fee {
    let computed = tax::on_fee(fee.id.0, taxes, fee.net());
    Fee { taxes: computed.taxes, taxes_amount_cents: computed.amount_cents, taxes_rate: computed.rate, ..fee }
}

/// The taxes of a fee: the first non-empty of `levels`, else the customer's, else the organization's (chapter 04, 5.1).
pub(super) fn resolve(snapshot: &Snapshot<'_>, levels: &[&[TaxId]]) -> Vec<Tax> {
    let levels: Vec<&[TaxId]> = levels.iter().copied().chain([snapshot.customer.tax_ids.as_slice()]).collect();
    tax::resolved(&levels, snapshot.taxes)
}

fn compose(
    snapshot: &Snapshot<'_>,
    subjects: &[Subject<'_>],
    fees: Vec<Fee>,
    id: InvoiceId,
    at: Instant,
    place: Place,
) -> Result<Invoice, CloseError> {
    let (organization, customer) = (snapshot.organization, snapshot.customer);
    let currency = subjects
        .first()
        .map(|subject| subject.plan.currency)
        .or(customer.currency)
        .unwrap_or(organization.default_currency);
    let issue = Issue {
        id,
        kind: Kind::Subscription,
        place,
        at,
        dated: at,
        grace_days: customer.grace_period_days(organization),
        currency,
        subscriptions: subjects.iter().map(|subject| billed_subscription(subject, at)).collect(),
        fees,
    };
    Ok(invoice::issue(organization, customer, issue)?)
}

pub(super) fn checked(invoice: Invoice) -> Result<Invoice, CloseError> {
    let broken = invoice::violations(&invoice);
    if broken.is_empty() { Ok(invoice) } else { Err(CloseError::Violations(broken)) }
}

fn billed_subscription(subject: &Subject<'_>, at: Instant) -> BilledSubscription {
    let (subscription, plan) = (&subject.subscription, subject.plan);
    BilledSubscription {
        subscription_id: subscription.id,
        external_id: subscription.external_id.clone(),
        name: subscription.printed_name(plan).to_owned(),
        plan_id: plan.id,
        plan_name: plan.printed_name().to_owned(),
        interval: plan.interval,
        situation: subject.situation,
        at,
        boundaries: subject.boundaries,
        recurring: subject.recurring,
    }
}

/// The record as its invoice leaves it.
#[must_use]
pub fn billed(subject: Subject<'_>, invoice: &Invoice, zone: Zone) -> Subscription {
    let Subject { mut subscription, plan, situation, boundaries, .. } = subject;
    let fee =
        invoice.fees.iter().rev().find(|fee| {
            fee.subscription_id == Some(subscription.id) && matches!(fee.item, FeeItem::Subscription { .. })
        });
    let progress = &mut subscription.progress;
    if let Some(fee) = fee {
        progress.last_fee = Some(LastFee {
            id: fee.id,
            invoice_id: invoice.id,
            amount_cents: fee.amount_cents,
            created_at: fee.created_at,
            to: fee.to,
        });
    }
    progress.invoiced = true;
    match situation {
        // Its charges bounds are those of the period before: nothing was billed for them.
        Situation::First => progress.start_invoice_at = None,
        Situation::Recurring => {
            progress.last_recurring_at = Some(invoice.created_at);
            progress.last_recurring = Some(boundaries);
            progress.last_record = Some(last_record(&boundaries, zone));
        }
        Situation::Rotation | Situation::Terminated => {
            progress.final_invoice_at = None;
            progress.last_record = Some(last_record(&boundaries, zone));
        }
        // No invoice is made of current usage.
        Situation::CurrentUsage => {}
    }
    subscription.with_next_due(plan, zone)
}

/// The taxes of a charge's fees, as `close` resolves them.
#[must_use]
pub fn taxes_of(snapshot: &Snapshot<'_>, charge: &Charge, plan: &Plan) -> Vec<Tax> {
    resolve(snapshot, &[&charge.tax_ids, &plan.tax_ids])
}
