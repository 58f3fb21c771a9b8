//! Usage of a subscription: what the logs say, and what it would cost now.

use chrono::TimeDelta;
use domain::billing::advance;
use domain::billing::agenda;
use domain::billing::closing::{self, Full};
use domain::billing::{Situation, period_end};
use domain::id::{CustomerId, OrganizationId};
use domain::metric::Metric;
use domain::organization::Organization;
use domain::plan::Charge;
use domain::subscription::Subscription;
use domain::time::Instant;
use domain::usage::digest::{self, Code, Counted, Digester, Needs, Parts};
use domain::usage::event::Event;
use domain::usage::percentage::Free;
use domain::usage::window::Window;

use store::usage::{Asked, Wanted};

use crate::billing::{Account, Context};
use crate::{App, Failure, Outcome, Rejection, fold};

/// Times that a closing looks at a log, and folds what it found too much, before its message has to come again: what
/// has been folded by then need not be folded again.
const LOOKS_MAX: usize = 4;

/// The part of a log that a window needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant; none for everything before `to`.
    pub from: Option<Instant>,
    /// Its last instant.
    pub to: Instant,
}

impl Span {
    /// Everything that a log can hold.
    pub const ALL: Span = Span { from: None, to: Instant::MAX_UTC };

    /// What a metric's aggregation over a window looks at: a recurring one looks at all that was before, too.
    #[must_use]
    pub fn of(metric: &Metric, from: Instant, to: Instant) -> Span {
        // Windows compare at whole seconds, bounds without their fraction and timestamps rounded half up: what is in may be
        // almost a second and a half earlier than `from`, and half a second later than `to`.
        let margin = TimeDelta::seconds(2);
        let earliest = from.checked_sub_signed(margin).unwrap_or(from);
        Span { from: (!metric.recurring).then_some(earliest), to: to.checked_add_signed(margin).unwrap_or(to) }
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn and(self, other: Span) -> Span {
        Span { from: self.from.zip(other.from).map(|(left, right)| left.min(right)), to: self.to.max(other.to) }
    }
}

/// The events of a span that count for a metric of an external subscription id, each id of the whole log once.
///
/// Events come with the properties that the metric looks at, and no others. A metric that took the code of a deleted one starts empty (chapter 03, 2.6).
///
/// # Errors
/// The table did not answer, or a chunk cannot be read.
pub async fn log(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    metric: &Metric,
    catalogue: &[Metric],
    span: Span,
) -> Outcome<Vec<Event>> {
    each_event(app, organization, external_id, metric, catalogue, span, Asked::ForShow).await
}

async fn each_event(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    metric: &Metric,
    catalogue: &[Metric],
    span: Span,
    asked: Asked,
) -> Outcome<Vec<Event>> {
    let properties = metric.properties_used();
    let wanted = Wanted { from: span.from, to: Some(span.to), properties: Some(&properties) };
    let log = (external_id, metric.code.as_str());
    let digester = Digester::new(metric, code_of(metric, catalogue));
    for _ in 0..LOOKS_MAX {
        let found = store::usage::read_as(app.store.table(), organization, log, &wanted, asked).await?;
        if let Some(mut events) = found {
            events.retain(|event| digester.counts(event));
            return Ok(events);
        }
        fold::make_room(app, organization, log, catalogue).await?;
    }
    Err(too_much())
}

fn too_much() -> Failure {
    Failure::Unavailable("more of a usage log is unfolded than a closing can look at".to_owned())
}

/// Whether another metric had this one's code before.
pub(crate) fn code_of(metric: &Metric, catalogue: &[Metric]) -> Code {
    let is_heir = catalogue.iter().any(|other| !other.is_live() && other.code == metric.code);
    if is_heir { Code::Inherited } else { Code::Own }
}

/// What charges need to know of a log.
#[derive(Debug, Clone)]
pub(crate) struct Wish<'a> {
    pub(crate) metric: &'a Metric,
    pub(crate) span: Span,
    pub(crate) windows: Vec<Window>,
    pub(crate) needs_each_event: bool,
    /// Free units that the first events of the windows tell.
    pub(crate) free: Vec<Free>,
}

/// Events that free units without a number of events are looked for in.
const FIRST_EVENTS: u64 = 512;

impl Wish<'_> {
    /// How many of the first events may well be enough for the free units, a few times over: leaves share them.
    fn first_events(&self) -> u64 {
        let leaves = u64::try_from(self.metric.groups.leaves().len()).unwrap_or(u64::MAX).max(1);
        let most = self.free.iter().map(|free| free.events.saturating_mul(leaves).saturating_mul(2).max(FIRST_EVENTS));
        most.max().unwrap_or(0)
    }

    /// Whether the parts tell all that the charges ask.
    fn is_told_by(&self, parts: &Parts) -> bool {
        self.windows.iter().all(|window| {
            digest::tells(self.metric, parts, window)
                && self.free.iter().all(|free| digest::tells_running(self.metric, parts, window, *free))
        })
    }
}

/// The usage of a log: by digests of whole hours where that is enough.
///
/// # Errors
/// As for `log`.
pub(crate) async fn counted(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    wish: &Wish<'_>,
    catalogue: &[Metric],
    asked: Asked,
) -> Outcome<Counted> {
    let Wish { metric, span, needs_each_event, .. } = wish;
    if !needs_each_event
        && let Some(parts) = parts(app, organization, external_id, wish, catalogue, asked).await?
        && wish.is_told_by(&parts)
    {
        return Ok(Counted::Parts(parts));
    }
    let events = each_event(app, organization, external_id, metric, catalogue, *span, asked).await?;
    Ok(Counted::Events(events))
}

async fn parts(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    wish: &Wish<'_>,
    catalogue: &[Metric],
    asked: Asked,
) -> Outcome<Option<Parts>> {
    let metric = wish.metric;
    let digester = Digester::new(metric, code_of(metric, catalogue));
    let needs = Needs::of(metric, &wish.windows).with_first_events(wish.first_events());
    let properties = metric.properties_used();
    let log = (external_id, metric.code.as_str());
    for _ in 0..LOOKS_MAX {
        let table = app.store.table();
        let found = store::usage::parts(table, organization, log, &digester, &needs, &properties, asked).await?;
        if let Some(found) = found {
            if found.unfolded_chunks >= fold::ASKED_BY_READERS || found.is_outdated {
                fold::ask(app, organization, log, 0).await;
            }
            return Ok(Some(found.parts));
        }
        fold::make_room(app, organization, log, catalogue).await?;
    }
    Err(too_much())
}

/// The running period of a subscription: what its charges come to so far (chapter 03, 9).
///
/// # Errors
/// 404 `customer_not_found`; 405 `no_active_subscription`.
pub async fn current(
    app: &App,
    organization: &Organization,
    external_customer_id: &str,
    external_subscription_id: Option<&str>,
) -> Outcome<wire::usage::CurrentUsage> {
    let customer = app.store.customer_by_external_id(organization.id, external_customer_id).await?;
    let customer = customer.ok_or(Failure::from(Rejection::NotFound("customer")))?;
    let account = Account::load(app, organization.id, customer.value.id).await?;
    let account = account.ok_or(Failure::from(Rejection::NotFound("customer")))?;
    let asked = external_subscription_id
        .and_then(|id| account.subscriptions.iter().find(|record| record.is_active() && record.external_id == id));
    let record = asked.ok_or(Failure::from(Rejection::NotAllowed("no_active_subscription")))?;
    of_record(app, &account, record, app.now(organization), |_| true).await
}

/// What the usage of a customer that no invoice has billed yet would cost now, taxes included, minor units: the running
/// periods of all its active subscriptions (chapter 09). Charges in advance are billed with each event.
///
/// # Errors
/// The table did not answer, or an amount is too large.
pub(crate) async fn unbilled_cents(app: &App, organization: &Organization, customer: CustomerId) -> Outcome<i64> {
    let Some(account) = Account::load(app, organization.id, customer).await? else { return Ok(0) };
    let now = app.now(organization);
    let mut sum = 0_i64;
    for record in account.subscriptions.iter().filter(|record| record.is_active()) {
        // Without such charges there is no log to read.
        if account.plan(record.plan_id)?.charges.iter().all(|charge| charge.pay_in_advance) {
            continue;
        }
        let usage = of_record(app, &account, record, now, |charge| !charge.pay_in_advance).await?;
        let charges = usage.charges.iter().fold(0_i64, |sum, charge| sum.saturating_add(charge.amount_cents()));
        sum = sum.saturating_add(charges).saturating_add(usage.taxes_amount_cents);
    }
    Ok(sum)
}

/// The running period of a subscription, of the charges that count.
async fn of_record(
    app: &App,
    account: &Account,
    record: &Subscription,
    now: Instant,
    counts: impl Fn(&Charge) -> bool,
) -> Outcome<wire::usage::CurrentUsage> {
    let (plan, zone) = (account.plan(record.plan_id)?, account.zone());
    let subject = agenda::subject(record.clone(), plan, zone, Situation::CurrentUsage, now, None);
    let terms = record.terms(plan, zone);
    let window = closing::charges_window(&subject, zone);
    let context = Context::look(app, account, std::slice::from_ref(&subject)).await?;
    let snapshot = context.snapshot(account);
    let mut charges = Vec::with_capacity(plan.charges.len());
    let mut taxed = Vec::with_capacity(plan.charges.len());
    for charge in plan.charges.iter().filter(|charge| counts(charge)) {
        let Some(metric) = context.metric(charge.metric_id) else { continue };
        let mut counted = context.counted(&record.external_id, metric.id);
        if !subject.boundaries.has_charges() {
            // All of it is another record's, and no invoice of this one will have any.
            counted = digest::Usage::Events(&[]);
        }
        let groups = if charge.pay_in_advance {
            let states = crate::advance::states(app, account.organization.id, record, plan, zone, charge, now).await?;
            let events = counted.events().map_err(|error| Failure::Bug(error.to_string()))?;
            advance::current_groups(charge, metric, events, &window, zone, &states)
        } else {
            closing::rated_groups(charge, metric, counted, &window, zone, Full::AsCharged)
        };
        let groups = groups.map_err(|error| Failure::Bug(error.to_string()))?;
        let usage = wire::usage::ChargeUsage::of(charge, metric, plan, &groups)
            .map_err(|error| Failure::Bug(error.to_string()))?;
        taxed.push((closing::taxes_of(&snapshot, charge, plan), usage.amount_cents()));
        charges.push(usage);
    }
    Ok(wire::usage::CurrentUsage {
        from: window.from,
        to: window.to,
        issuing_date: period_end(&terms, now),
        currency: plan.currency,
        taxes_amount_cents: domain::tax::on_usage(&taxed),
        charges,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use domain::usage::window::{End, Shared};

    use super::*;

    #[test]
    fn a_span_holds_whatever_is_in_its_window() {
        let at = |millis: i64| Instant::from_timestamp_millis(millis).unwrap();
        // As a record that an upgrade started within a second.
        let window =
            Window { from: at(30_700), to: at(60_700), end: End::Included, shared: Shared::default(), period_days: 1 };
        let metric = Metric {
            id: domain::id::MetricId(uuid::Uuid::nil()),
            name: "Calls".into(),
            code: "calls".into(),
            description: None,
            aggregation: domain::metric::AggregationType::Count,
            weighted_interval: None,
            recurring: false,
            field_name: None,
            groups: domain::metric::groups::Groups::None,
            created_at: at(0),
            created_seq: 0,
            deleted_at: None,
        };
        let span = Span::of(&metric, window.from, window.to);
        for instant in (25_000..65_000).step_by(100).map(at).filter(|instant| window.contains(*instant)) {
            assert!(span.from.unwrap() <= instant && instant <= span.to, "{instant}");
        }
    }
}
