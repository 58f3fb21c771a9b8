//! Charges in advance: one fee per event, in order, exactly once (chapter 03, 7 and 8; docs/adr/0012).
//!
//! Events come from ingestion, one usage log after the other, in the order in which they are to be billed. What a window has
//! billed stands in a record of its own, changed in the commit of the fee that changes it: so amounts depend on the order of
//! processing alone. A fee's (or its invoice's) derived id makes a second try meet the first.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::analytics;
use domain::billing::advance::{self, Assessed, Ledger, Meter, Occasion, Period};
use domain::billing::closing::{CloseError, Snapshot, Usage};
use domain::id::{CustomerId, EventId, FeeId, GroupId, MetricId, OrganizationId, SubscriptionId};
use domain::invoice::settlement::Settled;
use domain::invoice::{self, Fee, Place, Sequence, UninvoicedFee};
use domain::metric::{AggregationType, Metric};
use domain::organization::Organization;
use domain::plan::{Charge, Plan};
use domain::problem::Problems;
use domain::subscription::{Subscription, covering, fired};
use domain::tax::Tax;
use domain::time::{Instant, Zone};
use domain::usage::event::{Event, is_deleted};
use domain::usage::in_advance::{self, Known, State, Touch};
use domain::usage::unique_count;
use store::items::{AdvanceMark, AdvanceMetric, AdvanceValue, AdvanceWindow};
use store::keys::fingerprint;
use store::outbox::{self, announced_work_item};
use store::{Commit, Versioned};
use tokio::sync::OnceCell;
use uuid::Uuid;
use wire::fee::{Estimate, Output};

use crate::billing::{Account, Numbering};
use crate::jobs::{self, AdvanceEvent, AdvanceJob};
use crate::ports::Incoming;
use crate::settlement::Purse;
use crate::usage::Span;
use crate::{App, Failure, Outcome, Rejection, notice, retry_on_conflict};

/// What ids of unfinished hand-overs begin with: waiting for events waits for their fees, too.
const WORK_PREFIX: &str = "events.advance.";
/// Most bytes of events in one message, well below every queue's limit.
const MESSAGE_BYTES_MAX: usize = 200 * 1024;

/// Hands the events on that charges in advance may bill, log by log in order of reception. One read, if there are events.
///
/// # Errors
/// `Unavailable`: some may be handed on; doing it again is harmless, for each makes its fee once.
pub(crate) async fn hand_on(
    app: &App,
    organization: OrganizationId,
    events: &[&Event],
    is_sandbox: bool,
) -> Outcome<()> {
    if events.is_empty() {
        return Ok(());
    }
    let Some(metrics) = app.store.advance_metrics(organization).await? else { return Ok(()) };
    let mut logs: BTreeMap<(&str, &str), Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let Some(external_id) = event.external_subscription_id.as_deref()
            && metrics.has_code(&event.code)
        {
            logs.entry((external_id, &event.code)).or_default().push(event);
        }
    }
    let mut jobs = Vec::new();
    for ((external_id, code), mut events) in logs {
        events.sort_by_key(|event| (event.received_at, event.position));
        jobs.extend(jobs_of(app, organization, external_id, code, &events, is_sandbox)?);
    }
    if jobs.is_empty() {
        return Ok(());
    }
    let works: Vec<&str> = jobs.iter().filter_map(|job| job.work.as_deref()).collect();
    if !works.is_empty() {
        let items = works.iter().map(|work| announced_work_item(organization, work, app.ids.sequence())).collect();
        app.store.table().put_all(items).await?;
    }
    app.queues.send(jobs.iter().map(AdvanceJob::outgoing).collect()).await?;
    for work in works {
        outbox::sent(app.store.table(), organization, work, app.ids.sequence()).await?;
    }
    Ok(())
}

/// The events of a log as messages, none larger than a queue takes.
fn jobs_of(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    code: &str,
    events: &[&Event],
    is_sandbox: bool,
) -> Outcome<Vec<AdvanceJob>> {
    let mut jobs: Vec<AdvanceJob> = Vec::new();
    let mut bytes = usize::MAX;
    for event in events {
        let event = AdvanceEvent::of(event)?;
        // As it will stand in the message, with a comma. What stands around the events has a few hundred bytes, and ids of
        // bounded length: that fits between this limit and the queues'.
        let size = jobs::json(&event).len() + 1;
        bytes = bytes.saturating_add(size);
        if bytes > MESSAGE_BYTES_MAX {
            bytes = size;
            jobs.push(AdvanceJob {
                organization_id: organization.0,
                external_subscription_id: external_id.to_owned(),
                code: code.to_owned(),
                work: is_sandbox.then(|| format!("{WORK_PREFIX}{}", app.ids.uuid())),
                events: Vec::new(),
            });
        }
        if let Some(job) = jobs.last_mut() {
            job.events.push(event);
        }
    }
    Ok(jobs)
}

/// What messages bring for one log.
#[derive(Default)]
struct Batch {
    messages: Vec<String>,
    works: Vec<Option<String>>,
    /// Each with the place of its message.
    events: Vec<(usize, Event)>,
}

/// Makes the fees of events. Returns the messages to deliver again.
///
/// When something does not answer, the messages of a log from there on come again, so that their order stays. An event whose
/// fee no number holds fails alone: its message ends among the dead letters, the others go on.
pub async fn charge(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    let mut failed = Vec::new();
    let mut logs: BTreeMap<(OrganizationId, String, String), Batch> = BTreeMap::new();
    for message in messages {
        let job: Outcome<(AdvanceJob, Vec<Event>)> = serde_json::from_str(&message.body)
            .map_err(|error| Failure::Bug(format!("not an advance job: {error}")))
            .and_then(|job: AdvanceJob| job.events().map(|events| (job, events)));
        match job {
            Ok((job, events)) => {
                let log = (OrganizationId(job.organization_id), job.external_subscription_id, job.code);
                let batch = logs.entry(log).or_default();
                let place = batch.messages.len();
                batch.messages.push(message.id);
                batch.works.push(job.work);
                batch.events.extend(events.into_iter().map(|event| (place, event)));
            }
            Err(failure) => {
                tracing::error!(message.id = %message.id, "advance message {} cannot be read: {failure}", message.id);
                failed.push(message.id);
            }
        }
    }
    for ((organization, external_id, code), batch) in logs {
        // Boxed: a future of this depth is too much for callers to hold as a value.
        failed.extend(Box::pin(charge_batch(app, organization, &external_id, &code, batch)).await);
    }
    failed
}

/// Bills the messages of one log. Returns those to deliver again.
async fn charge_batch(
    app: &App,
    organization: OrganizationId,
    external_id: &str,
    code: &str,
    mut batch: Batch,
) -> Vec<String> {
    batch.events.sort_by(|(_, a), (_, b)| {
        (a.received_at, a.position, &a.transaction_id).cmp(&(b.received_at, b.position, &b.transaction_id))
    });
    let mut failed = BTreeSet::new();
    let charged = async {
        let own = batch.events.iter().map(|(_, event)| event.transaction_id.clone()).collect();
        let mut log = Log::load(app, organization, external_id, code, own).await?;
        log.charge_all(&batch.events, &mut failed).await
    };
    if let Err(failure) = charged.await {
        tracing::warn!(org.id = %organization, "fees in advance of {organization} come again: {failure}");
        return batch.messages;
    }
    let mut again = Vec::new();
    for (place, (message, work)) in batch.messages.into_iter().zip(&batch.works).enumerate() {
        // Trying again will not help what failed here, and a test clock must not wait for it.
        let finished = app.finish_work(organization, work.as_deref()).await;
        if failed.contains(&place) || finished.is_err() {
            again.push(message);
        }
    }
    again
}

/// One usage log, with everything that its events' fees look at.
struct Log<'a> {
    app: &'a App,
    organization: Organization,
    external_id: &'a str,
    code: &'a str,
    records: Vec<Subscription>,
    catalogue: Vec<Metric>,
    taxes: Vec<Tax>,
    /// Accounts of the records' customers, as they were when the first event needed them.
    accounts: BTreeMap<CustomerId, Account>,
    /// The transaction ids of the events that are just being billed.
    own: BTreeSet<String>,
    /// The log's events, read when first needed.
    events: OnceCell<Vec<Event>>,
}

/// An event on a charge of its subscription.
struct Target<'a> {
    account: &'a Account,
    record: &'a Subscription,
    plan: &'a Plan,
    charge: &'a Charge,
    metric: &'a Metric,
    event: &'a Event,
    period: Period,
}

/// What an event comes to on a charge: the fee, and what changes with it.
struct Decided {
    /// None if it makes no fee.
    fee: Option<(Option<GroupId>, Assessed)>,
    window: Option<(Option<Versioned<AdvanceWindow>>, AdvanceWindow)>,
    value: Option<(Option<Versioned<AdvanceValue>>, AdvanceValue)>,
}

impl<'a> Log<'a> {
    async fn load(
        app: &'a App,
        organization: OrganizationId,
        external_id: &'a str,
        code: &'a str,
        own: BTreeSet<String>,
    ) -> Outcome<Log<'a>> {
        let found = app.store.organization(organization).await?;
        let organization =
            found.ok_or_else(|| Failure::Bug(format!("organization {organization} does not exist")))?.value;
        let records = app.store.subscriptions_by_external_id(organization.id, external_id).await?;
        let catalogue = app.store.metrics(organization.id).await?;
        let taxes = app.store.taxes(organization.id).await?;
        Ok(Log {
            app,
            external_id,
            code,
            records: records.into_iter().map(|record| record.value).collect(),
            catalogue: catalogue.into_iter().map(|metric| metric.value).collect(),
            taxes: taxes.into_iter().map(|tax| tax.value).collect(),
            accounts: BTreeMap::new(),
            own,
            events: OnceCell::new(),
            organization,
        })
    }

    /// Bills events in this order, each once. `failed` gets the places of messages whose events cannot be billed.
    async fn charge_all(&mut self, events: &[(usize, Event)], failed: &mut BTreeSet<usize>) -> Outcome<()> {
        let organization = self.organization.id;
        let marks: Vec<String> =
            events.iter().map(|(_, event)| fingerprint(&[self.code, &event.transaction_id])).collect();
        let taken = self.app.store.advance_marks(organization, self.external_id, &marks).await?;
        let mut done: BTreeSet<&str> =
            marks.iter().zip(taken).filter_map(|(mark, is_taken)| is_taken.then_some(mark.as_str())).collect();
        let mut fresh = Vec::new();
        for ((place, event), mark) in events.iter().zip(&marks) {
            if !done.insert(mark) {
                continue;
            }
            match Box::pin(self.charge_event(event)).await {
                Ok(()) => fresh.push(mark),
                Err(failure @ (Failure::Bug(_) | Failure::Rejected(_))) => {
                    tracing::error!(org.id = %organization, "event {} makes no fee in advance: {failure}", event.id);
                    failed.insert(*place);
                }
                Err(failure @ Failure::Unavailable(_)) => {
                    self.mark(&fresh).await?;
                    return Err(failure);
                }
            }
        }
        self.mark(&fresh).await
    }

    /// Remembers events that were taken up. One batch of writes; what is lost of it makes the next try look at fees.
    async fn mark(&self, marks: &[&String]) -> Outcome<()> {
        let scope = crate::scope(&self.organization);
        let item = |mark: &&String| {
            let mark =
                AdvanceMark { external_subscription_id: self.external_id.to_owned(), fingerprint: (*mark).clone() };
            store::record::to_item(scope, &mark, 1).map_err(|error| Failure::Bug(error.to_string()))
        };
        let items = marks.iter().map(item).collect::<Outcome<Vec<_>>>()?;
        if items.is_empty() {
            return Ok(());
        }
        Ok(self.app.store.table().put_all(items).await?)
    }

    /// The fees of one event: one for each charge in advance on its metric (7.1).
    async fn charge_event(&mut self, event: &Event) -> Outcome<()> {
        let Some(metric) = self.metric_of(event) else { return Ok(()) };
        let Some(record) = fired(&self.records, event).cloned() else { return Ok(()) };
        if !self.accounts.contains_key(&record.customer_id) {
            let account = Account::of(self.app, self.organization.id, record.customer_id).await?;
            self.accounts.insert(record.customer_id, account);
        }
        let charges: Vec<Charge> = {
            let plan = self.account(record.customer_id)?.plan(record.plan_id)?;
            advance_charges(plan, &metric).cloned().collect()
        };
        for charge in &charges {
            if charge.invoiceable {
                self.invoice_fee(&record, &metric, charge, event).await?;
            } else {
                self.store_fee(&record, &metric, charge, event).await?;
            }
        }
        Ok(())
    }

    fn account(&self, customer: CustomerId) -> Outcome<&Account> {
        self.accounts.get(&customer).ok_or_else(|| Failure::Bug(format!("customer {customer} is missing")))
    }

    /// The metric that an event counts for: live, and not younger than the event if it has a predecessor (2.6).
    fn metric_of(&self, event: &Event) -> Option<Metric> {
        let metric = self.catalogue.iter().find(|metric| metric.is_live() && metric.code == event.code)?;
        (!is_deleted(event, &self.catalogue)).then(|| metric.clone())
    }

    fn target<'t>(
        &self,
        account: &'t Account,
        record: &'t Subscription,
        metric: &'t Metric,
        charge: &'t Charge,
        event: &'t Event,
    ) -> Outcome<Target<'t>> {
        let plan = account.plan(record.plan_id)?;
        let period = advance::period_of(record, plan, account.zone(), event.timestamp);
        Ok(Target { account, record, plan, charge, metric, event, period })
    }

    /// The fee of a charge that is not invoiceable: a record of its own (7.4).
    async fn store_fee(&self, record: &Subscription, metric: &Metric, charge: &Charge, event: &Event) -> Outcome<()> {
        let organization = &self.organization;
        let id = advance::fee_id(organization.id, self.external_id, event, charge);
        let account = self.account(record.customer_id)?;
        let target = self.target(account, record, metric, charge, event)?;
        self.app
            .until_no_conflict(|| async {
                if self.app.store.uninvoiced_fee(organization.id, id).await?.is_some() {
                    return Ok(());
                }
                let decided = self.decide(&target).await?;
                let mut commit = decided.commit(self.app.commit(organization));
                if let Some(fee) = self.fee(&target, &decided, id)? {
                    let customer = &account.customer.value;
                    let currency = target.plan.currency;
                    commit = commit.count(customer.id, analytics::of_fee(&fee, currency));
                    let created_seq = self.app.ids.sequence();
                    for message in notice::of_fee(organization, customer, &fee, None, currency) {
                        commit = commit.then(&message);
                    }
                    commit = commit.create(&UninvoicedFee { fee, customer_id: customer.id, currency, created_seq });
                }
                retry_on_conflict(self.app.execute(commit).await)
            })
            .await
    }

    /// The fee of an invoiceable charge, on an invoice of its own (7.5).
    async fn invoice_fee(&self, record: &Subscription, metric: &Metric, charge: &Charge, event: &Event) -> Outcome<()> {
        let (app, organization) = (self.app, &self.organization);
        let id = advance::invoice_id(organization.id, self.external_id, event, charge);
        app.until_no_conflict(|| async {
            if app.store.invoice(organization.id, id).await?.is_some() {
                return Ok(());
            }
            // Read anew each time: every invoice takes the customer's next number.
            let account = Account::of(app, organization.id, record.customer_id).await?;
            let target = self.target(&account, record, metric, charge, event)?;
            let decided = self.decide(&target).await?;
            let mut commit = decided.commit(app.commit(organization));
            if let Some(fee) = self.fee(&target, &decided, invoice::fee_id(id, 0))? {
                let numbering = Numbering::load(app, organization, event.created_at).await?;
                let sequence =
                    Sequence { of_customer: account.customer.last_invoice_sequence + 1, of_month: numbering.next() };
                let place = Place { sequence, created_seq: app.ids.sequence() };
                let usage = Usage::new();
                let snapshot = self.snapshot(&account, &usage, event);
                let purse = Purse::load(app, &account).await?;
                let occasion = target.occasion(&snapshot);
                let Settled { invoice, used } =
                    advance::invoice(&occasion, id, fee, place, purse.means()).map_err(impossible)?;
                let mut customer = account.customer.value.clone();
                customer.last_invoice_sequence += 1;
                commit = commit.create_invoice(&invoice).update(&account.customer, &customer);
                commit = purse.spend(numbering.count(commit, &account), &invoice, &used)?;
                for fee in &invoice.fees {
                    for message in notice::of_fee(organization, &customer, fee, Some(id), invoice.currency) {
                        commit = commit.then(&message);
                    }
                }
                for message in notice::of_invoice(app, &account, &invoice, &[], event.created_at)? {
                    commit = commit.then(&message);
                }
            }
            retry_on_conflict(app.execute(commit).await)
        })
        .await
    }

    fn snapshot<'s>(&'s self, account: &'s Account, usage: &'s Usage, event: &Event) -> Snapshot<'s> {
        Snapshot {
            organization: &account.organization,
            customer: &account.customer.value,
            taxes: &self.taxes,
            metrics: &self.catalogue,
            usage,
            read_at: event.received_at,
        }
    }

    /// The fee of a decision, if there is one.
    fn fee(&self, target: &Target<'_>, decided: &Decided, id: FeeId) -> Outcome<Option<Fee>> {
        let Some((group, assessed)) = &decided.fee else { return Ok(None) };
        let usage = Usage::new();
        let snapshot = self.snapshot(target.account, &usage, target.event);
        let fee = advance::fee(&target.occasion(&snapshot), id, *group, assessed).map_err(impossible)?;
        Ok(Some(fee))
    }

    /// What an event comes to: it alone decides about the charge and about its estimate.
    async fn decide(&self, target: &Target<'_>) -> Outcome<Decided> {
        let Target { charge, metric, event, .. } = *target;
        let nothing = Decided { fee: None, window: None, value: None };
        // An invoiceable charge is not even triggered by an event without the property (7.1).
        if charge.invoiceable && in_advance::lacks_property(metric, event) {
            return Ok(nothing);
        }
        let is_counted =
            metric.aggregation == AggregationType::UniqueCount && !in_advance::lacks_property(metric, event);
        let value = if is_counted { Some(self.value(target).await?) } else { None };
        let known = value.as_ref().and_then(|(_, _, known)| *known);
        let Touch { change, group, known: after } = in_advance::touch(metric, event, known);
        // A charge bills what comes once it is in force: what came before is where its windows start from (`history`).
        let leaves = [group, metric.groups.leaf_of(&event.properties)];
        let in_force = leaves.into_iter().map(|leaf| advance::in_force_since(charge, target.record, leaf)).max();
        if in_force.is_some_and(|in_force| event.received_at < in_force) {
            return Ok(nothing);
        }
        let value = value.zip(after).map(|((fingerprint, read, _), known)| {
            let value = AdvanceValue {
                external_subscription_id: self.external_id.to_owned(),
                charge_id: charge.origin(),
                window: target.value_window(),
                fingerprint,
                known,
            };
            (read, value)
        });
        let Some(change) = change else { return Ok(Decided { value, ..nothing }) };
        let read = self.window(target, group).await?;
        let meter = target.meter(group);
        let ledger = match &read {
            Some(window) if !metric.recurring => window.ledger,
            Some(window) => {
                let history = self.history(target, group).await?;
                Ledger { base: meter.base(&history).map_err(impossible)?, ..window.ledger }
            }
            None => meter.begin(&self.history(target, group).await?).map_err(impossible)?,
        };
        let assessed = meter.assess(&ledger, event, change).map_err(impossible)?;
        let window = AdvanceWindow {
            external_subscription_id: self.external_id.to_owned(),
            subscription_id: target.record.id,
            charge_id: charge.origin(),
            first_day: target.period.first_day,
            group,
            ledger: assessed.ledger,
        };
        Ok(Decided { fee: Some((group, assessed)), window: Some((read, window)), value })
    }

    async fn window(&self, target: &Target<'_>, group: Option<GroupId>) -> Outcome<Option<Versioned<AdvanceWindow>>> {
        let (charge, record, first_day) = (target.charge.origin(), target.record.id, target.period.first_day);
        let store = &self.app.store;
        Ok(store.advance_window(self.organization.id, self.external_id, charge, record, first_day, group).await?)
    }

    /// The event's counted value: its fingerprint, its record if there is one, and how it stands.
    async fn value(&self, target: &Target<'_>) -> Outcome<(String, Option<Versioned<AdvanceValue>>, Option<Known>)> {
        let Target { metric, event, charge, .. } = *target;
        let text = unique_count::counted_value(metric, event);
        let mark = fingerprint(&[&text]);
        let (organization, window) = (self.organization.id, target.value_window());
        let stored =
            self.app.store.advance_value(organization, self.external_id, charge.origin(), window, &mark).await?;
        if let Some(stored) = stored {
            let known = stored.known;
            return Ok((mark, Some(stored), Some(known)));
        }
        // Values that no event of the charge has touched stand in the log alone. A metered window that was begun with
        // nothing has none.
        let leaf = metric.groups.leaf_of(&event.properties);
        let began_empty =
            !metric.recurring && self.window(target, leaf).await?.is_some_and(|window| window.ledger.base.events == 0);
        let known = if began_empty {
            None
        } else {
            let history = self.history(target, None).await?;
            let values = unique_count::values(metric, history, &target.period.window);
            values.last(&text).map(|unit| Known::of(metric, unit))
        };
        Ok((mark, None, known))
    }

    /// The log's events that count in the window and that no event of the charge bills.
    async fn history(&self, target: &Target<'_>, group: Option<GroupId>) -> Outcome<Vec<&Event>> {
        let load = || {
            let (organization, metric) = (self.organization.id, target.metric);
            crate::usage::log(self.app, organization, self.external_id, metric, &self.catalogue, Span::ALL)
        };
        let events = self.events.get_or_try_init(load).await?;
        let in_force = advance::in_force_since(target.charge, target.record, group);
        Ok(advance::history(target.metric, events, &target.period.window, in_force, &self.own))
    }
}

impl<'a> Target<'a> {
    fn meter(&self, group: Option<GroupId>) -> Meter<'_> {
        Meter {
            charge: self.charge,
            metric: self.metric,
            group,
            window: &self.period.window,
            zone: self.account.zone(),
        }
    }

    fn occasion<'s>(&'s self, snapshot: &'s Snapshot<'s>) -> Occasion<'s> {
        Occasion {
            snapshot,
            subscription: self.record,
            plan: self.plan,
            charge: self.charge,
            metric: self.metric,
            event: self.event,
            period: &self.period,
        }
    }

    /// Where a counted value counts: a metered metric starts each window empty [D-4].
    fn value_window(&self) -> Option<(SubscriptionId, NaiveDate)> {
        (!self.metric.recurring).then_some((self.record.id, self.period.first_day))
    }
}

impl Decided {
    /// The changes of what is remembered, in a commit.
    fn commit(&self, mut commit: Commit) -> Commit {
        if let Some((read, window)) = &self.window {
            commit = commit.save(read.as_ref(), window);
        }
        if let Some((read, value)) = &self.value {
            commit = commit.save(read.as_ref(), value);
        }
        commit
    }
}

/// What a charge has billed in a record's period of `now`, by leaf. One query.
pub(crate) async fn states(
    app: &App,
    organization: OrganizationId,
    record: &Subscription,
    plan: &Plan,
    zone: Zone,
    charge: &Charge,
    now: Instant,
) -> Outcome<BTreeMap<Option<GroupId>, State>> {
    let first_day = advance::period_of(record, plan, zone, now).first_day;
    let windows =
        app.store.advance_windows(organization, &record.external_id, charge.origin(), record.id, first_day).await?;
    Ok(windows.into_iter().filter_map(|window| Some((window.group, window.ledger.state?))).collect())
}

/// Counts a plan's metrics with charges in advance anew, in the commit that changes the plan. `before` and `after` are none
/// where the plan is not. One read, if either has such charges.
pub(crate) async fn recounted(
    app: &App,
    organization: OrganizationId,
    commit: Commit,
    before: Option<&Plan>,
    after: Option<&Plan>,
) -> Outcome<Commit> {
    let metrics = |plan: Option<&Plan>| -> BTreeSet<MetricId> {
        let charges = plan.into_iter().flat_map(|plan| &plan.charges);
        charges.filter(|charge| charge.pay_in_advance).map(|charge| charge.metric_id).collect()
    };
    let (before, after) = (metrics(before), metrics(after));
    if before == after {
        return Ok(commit);
    }
    let read = app.store.advance_metrics(organization).await?;
    let mut known = read.as_ref().map(|read| read.value.clone()).unwrap_or_default();
    for id in after.difference(&before) {
        if let Some(metric) = known.metrics.get_mut(id) {
            metric.plans += 1;
        } else if let Some(metric) = app.store.metric(organization, *id).await?.filter(|metric| metric.is_live()) {
            known.metrics.insert(*id, AdvanceMetric { code: metric.value.code, plans: 1 });
        }
    }
    for id in before.difference(&after) {
        // A metric that was deleted is here no more.
        if let Some(metric) = known.metrics.get_mut(id) {
            metric.plans -= 1;
        }
    }
    known.metrics.retain(|_, metric| metric.plans > 0);
    Ok(commit.save(read.as_ref(), &known))
}

/// Takes a changed metric's code over, or a deleted metric out, in the commit that changes it. One read.
pub(crate) async fn renamed(
    app: &App,
    organization: OrganizationId,
    commit: Commit,
    metric: &Metric,
) -> Outcome<Commit> {
    let Some(read) = app.store.advance_metrics(organization).await? else { return Ok(commit) };
    let mut known = read.value.clone();
    if metric.is_live() {
        known.metrics.entry(metric.id).and_modify(|entry| entry.code.clone_from(&metric.code));
    } else {
        known.metrics.remove(&metric.id);
    }
    Ok(if known == read.value { commit } else { commit.update(&read, &known) })
}

/// The charges of a plan that events of a metric fire.
fn advance_charges<'p>(plan: &'p Plan, metric: &Metric) -> impl Iterator<Item = &'p Charge> {
    let metric = metric.id;
    plan.charges.iter().filter(move |charge| charge.pay_in_advance && charge.metric_id == metric)
}

fn impossible(error: CloseError) -> Failure {
    Failure::Bug(error.to_string())
}

/// The fees that an event would make now, on every matching charge; nothing is stored (chapter 03, 8).
///
/// # Errors
/// In the chapter's order: 404 of customer, subscription, billable metric; 422.
pub async fn estimate(app: &App, organization: &Organization, asked: &Estimate) -> Outcome<Vec<Output>> {
    let not_found = |resource| Failure::from(Rejection::NotFound(resource));
    let now = app.now(organization);
    let record = estimated_record(app, organization.id, asked, now).await?;
    let mut log = Log::load(app, organization.id, &record.external_id, &asked.code, BTreeSet::new()).await?;
    let metric = log.catalogue.iter().find(|metric| metric.is_live() && metric.code == asked.code);
    let metric = metric.cloned().ok_or_else(|| not_found("billable_metric"))?;
    let event = Event {
        id: EventId(Uuid::nil()),
        transaction_id: app.ids.uuid().to_string(),
        external_subscription_id: Some(record.external_id.clone()),
        external_customer_id: None,
        code: asked.code.clone(),
        timestamp: now,
        received_at: Instant::from_timestamp_micros(app.ids.sequence()).unwrap_or(now),
        created_at: now,
        position: 0,
        properties: asked.properties.clone(),
    };
    let account = Account::of(app, organization.id, record.customer_id).await?;
    log.check(&account, &record, &metric, &event).await?;
    let charges: Vec<Charge> = advance_charges(account.plan(record.plan_id)?, &metric).cloned().collect();
    if charges.is_empty() {
        return Err(Problems::one("code", "does_not_match_an_instant_charge").into());
    }
    log.accounts.insert(record.customer_id, account);
    let account = log.account(record.customer_id)?;
    let mut outputs = Vec::new();
    for charge in &charges {
        let target = log.target(account, &record, &metric, charge, &event)?;
        let decided = log.decide(&target).await?;
        if let Some(fee) = log.fee(&target, &decided, FeeId(Uuid::nil()))? {
            let context =
                wire::fee::Context { invoice_id: None, customer: &account.customer, currency: target.plan.currency };
            outputs.push(Output::estimated(&fee, context));
        }
    }
    Ok(outputs)
}

/// The record that an event of now would belong to: a running one.
async fn estimated_record(
    app: &App,
    organization: OrganizationId,
    asked: &Estimate,
    now: Instant,
) -> Outcome<Subscription> {
    let not_found = |resource| Failure::from(Rejection::NotFound(resource));
    let customer = match &asked.external_customer_id {
        Some(external_id) => {
            let found = app.store.customer_by_external_id(organization, external_id).await?;
            Some(found.ok_or_else(|| not_found("customer"))?.value.id)
        }
        None => None,
    };
    let records = match (&asked.external_subscription_id, customer) {
        (Some(external_id), _) => app.store.subscriptions_by_external_id(organization, external_id).await?,
        (None, Some(customer)) => {
            let file = app.store.customer_file(organization, customer).await?;
            file.map(|file| file.subscriptions).unwrap_or_default()
        }
        (None, None) => Vec::new(),
    };
    let records: Vec<Subscription> = records.into_iter().map(|record| record.value).collect();
    let is_theirs = |record: &&Subscription| customer.is_none_or(|customer| record.customer_id == customer);
    let running = records.iter().filter(|record| record.is_active()).filter(is_theirs);
    match covering(running, now).as_slice() {
        [] => Err(not_found("subscription")),
        // Which of them is meant, only an external id can say.
        [_, _, ..] if asked.external_subscription_id.is_none() => Err(not_found("subscription")),
        [record, ..] => Ok((*record).clone()),
    }
}

impl Log<'_> {
    /// What only an estimate checks of an event.
    async fn check(&self, account: &Account, record: &Subscription, metric: &Metric, event: &Event) -> Outcome<()> {
        let field = metric.field_name.as_deref().unwrap_or_default();
        let value = event.properties.get(field).filter(|value| !value.is_null());
        match metric.aggregation {
            AggregationType::Sum | AggregationType::Max | AggregationType::Latest => {
                if value.is_some_and(|value| value.as_plain_number().is_none()) {
                    return Err(Problems::one("properties", "value_is_not_valid_number").into());
                }
                Ok(())
            }
            AggregationType::UniqueCount => {
                let operation = event.properties.get("operation_type").filter(|value| !value.is_null());
                match operation.map(|value| value.as_text().unwrap_or_default()) {
                    None | Some("add") => Ok(()),
                    Some("remove") => {
                        let plan = account.plan(record.plan_id)?;
                        let period = advance::period_of(record, plan, account.zone(), event.timestamp);
                        let (organization, external_id) = (self.organization.id, self.external_id);
                        let events =
                            crate::usage::log(self.app, organization, external_id, metric, &self.catalogue, Span::ALL)
                                .await?;
                        let values = unique_count::values(metric, &events, &period.window);
                        if values.is_active(&unique_count::counted_value(metric, event)) {
                            return Ok(());
                        }
                        Err(Problems::one(field, "resource_not_found").into())
                    }
                    Some(_) => Err(Problems::one("operation_type", "invalid_operation_type").into()),
                }
            }
            AggregationType::Count | AggregationType::WeightedSum => Ok(()),
        }
    }
}
