//! Closing periods: every period once and in order, however often, late or concurrently it is tried.
//!
//! A customer's due work is done step by step (`domain::billing::agenda`), each step in one commit of its own: a process
//! that dies between two steps leaves nothing half done, and the next try goes on where it stopped.

use std::collections::BTreeMap;

use domain::billing::agenda::{self, Contract, Horizon, Step, Subject};
use domain::billing::closing::{self, Snapshot, Usage};
use domain::billing::{Change, Situation};
use domain::credit_note::limits::Excess;
use domain::customer::Customer;
use domain::id::{CouponId, CustomerId, InvoiceId, MetricId, OrganizationId, PlanId, SubscriptionId, WalletId};
use domain::invoice::settlement::Settled;
use domain::invoice::{self, Invoice, Place, Sequence, Status};
use domain::metric::Metric;
use domain::organization::{DocumentNumbering, Organization};
use domain::plan::Plan;
use domain::subscription::{self, Link, State, Subscription, Transition};
use domain::tax::Tax;
use domain::time::Instant;
use domain::usage::digest;
use futures_util::{StreamExt, TryStreamExt, stream};
use store::items::{Draft, Live, RunningNumber, SETTLING};
use store::record::Record;
use store::repositories::CustomerFile;
use store::table::{Condition, Write};
use store::usage::Asked;
use store::{Commit, Versioned, keys};

use crate::credit_note::DraftChange;
use crate::jobs::BillingJob;
use crate::settlement::Purse;
use crate::usage::{Span, Wish};
use crate::{App, Attempt, Failure, Outcome, credit_note, handover, notice, retry_on_conflict};

/// Records that one transaction can change beside the invoice, the customer and the messages.
const RECORDS_PER_COMMIT_MAX: usize = 80;
/// Usage logs of a closing that are read at once.
const LOGS_AT_ONCE: usize = 16;
/// Partitions of a month's count of invoices, so that customers do not queue for one counter.
const COUNT_SHARDS: u8 = 8;

/// How things stand after one attempt of a step.
enum Progress {
    /// Nothing is due (any more).
    Done,
    /// More is due.
    Stepped,
}

/// Does everything that is due for a customer up to `until`, in order.
///
/// On the real clock, closings wait for the settling time: usage accepted in a period's last seconds must have reached
/// its log. `until` is the real instant then.
///
/// # Errors
/// `Unavailable` when something did not answer or too many races were lost: what was done so far stays done.
pub async fn close_customer(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
    until: Instant,
) -> Outcome<()> {
    loop {
        let progress = app.until_no_conflict(|| step(app, organization, customer, until)).await?;
        match progress {
            Progress::Stepped => {}
            Progress::Done => return Ok(()),
        }
    }
}

/// Everything of a customer that its billing looks at.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) organization: Organization,
    pub(crate) customer: Versioned<Customer>,
    pub(crate) subscriptions: Vec<Versioned<Subscription>>,
    pub(crate) plans: BTreeMap<PlanId, Plan>,
    /// What can still reduce its invoices.
    pub(crate) live: Vec<Live>,
}

impl Account {
    /// Loads a customer's account; none if there is no such customer.
    pub(crate) async fn load(
        app: &App,
        organization: OrganizationId,
        customer: CustomerId,
    ) -> Outcome<Option<Account>> {
        let file = async { Ok(app.store.customer_file(organization, customer).await?) };
        let (organization, file) = tokio::try_join!(app.organization(organization), file)?;
        let Some(CustomerFile { customer, subscriptions, live }) = file else { return Ok(None) };
        let plans = plans_of(app, organization.id, subscriptions.iter().map(|record| record.plan_id)).await?;
        Ok(Some(Account { organization, customer, subscriptions, plans, live }))
    }

    /// The account of a customer that something refers to.
    pub(crate) async fn of(app: &App, organization: OrganizationId, customer: CustomerId) -> Outcome<Account> {
        let account = Account::load(app, organization, customer).await?;
        account.ok_or_else(|| Failure::Bug(format!("customer {customer} is missing")))
    }

    pub(crate) fn zone(&self) -> domain::time::Zone {
        self.customer.zone(&self.organization)
    }

    pub(crate) fn plan(&self, id: PlanId) -> Outcome<&Plan> {
        self.plans.get(&id).ok_or_else(|| Failure::Bug(format!("plan {id} of a subscription is missing")))
    }

    pub(crate) fn record(&self, id: SubscriptionId) -> Outcome<&Versioned<Subscription>> {
        let found = self.subscriptions.iter().find(|record| record.id == id);
        found.ok_or_else(|| Failure::Bug(format!("subscription {id} is missing from its customer")))
    }

    /// Puts records in the place of what was loaded of them. Their versions stay those of the load: for looking on, not for
    /// writing.
    fn take_over(&mut self, changed: Vec<Subscription>) {
        for record in changed {
            if let Some(known) = self.subscriptions.iter_mut().find(|known| known.id == record.id) {
                known.value = record;
            }
        }
    }

    /// The record at the other end of a link.
    pub(crate) fn linked(&self, link: Option<&Link>) -> Option<&Subscription> {
        let found = self.subscriptions.iter().find(|record| link.is_some_and(|link| link.id == record.id));
        found.map(|record| &record.value)
    }

    /// The plan that follows on a record's own.
    fn successor_plan(&self, record: &Subscription) -> Option<&Plan> {
        self.linked(record.next.as_ref()).and_then(|next| self.plans.get(&next.plan_id))
    }

    fn contracts(&self) -> Vec<Contract<'_>> {
        let mut contracts = Vec::with_capacity(self.subscriptions.len());
        for record in &self.subscriptions {
            if let Some(plan) = self.plans.get(&record.plan_id) {
                contracts.push(Contract { subscription: &record.value, plan });
            }
        }
        contracts
    }
}

/// The plans of these ids, each once.
pub(crate) async fn plans_of(
    app: &App,
    organization: OrganizationId,
    ids: impl Iterator<Item = PlanId>,
) -> Outcome<BTreeMap<PlanId, Plan>> {
    let mut ids: Vec<PlanId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let plans = app.store.plans_by_id(organization, &ids).await?;
    Ok(plans.into_iter().map(|plan| (plan.value.id, plan.value)).collect())
}

async fn step(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
    until: Instant,
) -> Result<Progress, Attempt> {
    let Some(mut account) = Account::load(app, organization, customer).await? else { return Ok(Progress::Done) };
    let settling = if account.organization.is_sandbox() { chrono::TimeDelta::zero() } else { SETTLING };
    let horizon = Horizon { starts: until, closings: until - settling };
    let zone = account.zone();
    let Some((at, step)) = agenda::next_step(&account.contracts(), zone, horizon) else { return Ok(Progress::Done) };
    let changed = match step {
        Step::Activate(id) => {
            let record = account.record(id)?;
            let active = subscription::activate(record, account.plan(record.plan_id)?, zone, at, Some(at), at);
            let told = [Transition::Started(id)];
            transition(app, &account, vec![active], &told, at, Excess::Limit).await?
        }
        Step::Announce(id, alert) => {
            let record = account.record(id)?;
            let announced = subscription::announced(record, alert, account.plan(record.plan_id)?, zone);
            transition(app, &account, vec![announced], &[Transition::EndAnnounced(id)], at, Excess::Limit).await?
        }
        Step::End(id) => {
            let record = account.record(id)?;
            let successor = account.linked(record.next.as_ref());
            let changed = subscription::end(record, successor, account.plan(record.plan_id)?, zone, at);
            transition(app, &account, changed, &[Transition::Terminated(id)], at, Excess::Limit).await?
        }
        Step::Rotate { from, to } => {
            let (old, new) = (account.record(from)?, account.record(to)?);
            let (old_plan, new_plan) = (account.plan(old.plan_id)?, account.plan(new.plan_id)?);
            let (old, new) = subscription::rotate((old, old_plan), (new, new_plan), zone, at);
            let told = [Transition::Terminated(from), Transition::Started(to)];
            transition(app, &account, vec![old, new], &told, at, Excess::Limit).await?
        }
        Step::Start(id) => bill(app, &account, "start", &[(id, Situation::First)], at).await?,
        Step::Final(id) => {
            let rotated = account.record(id)?.next.as_ref().is_some_and(|link| link.change == Change::Downgrade);
            let situation = if rotated { Situation::Rotation } else { Situation::Terminated };
            bill(app, &account, "final", &[(id, situation)], at).await?
        }
        Step::Bill(ids) => {
            let due: Vec<_> = ids.into_iter().map(|id| (id, Situation::Recurring)).collect();
            bill(app, &account, "recurring", &due, at).await?
        }
        Step::Replan(ids) => {
            let mut commit = app.commit(&account.organization);
            let now = app.now(&account.organization);
            let mut changed = Vec::with_capacity(ids.len());
            for id in ids.into_iter().take(RECORDS_PER_COMMIT_MAX) {
                let record = account.record(id)?;
                let moved = subscription::replanned(record, account.plan(record.plan_id)?, zone, now);
                let moved = moved.unwrap_or_else(|| record.value.clone());
                commit = commit.update(record, &moved);
                changed.push(moved);
            }
            retry_on_conflict(app.execute(commit).await)?;
            changed
        }
    };
    // Mostly one step is all there is, and looking at what was just written saves reading it back.
    account.take_over(changed);
    let more = agenda::next_step(&account.contracts(), zone, horizon);
    Ok(if more.is_some() { Progress::Stepped } else { Progress::Done })
}

/// Makes the first invoice of a plan in advance that follows on an upgrade, a second after it, without waiting for the
/// clock to pass that second (chapter 02, 4.4). Nothing if it has none, or it was made.
///
/// # Errors
/// `Unavailable`: it is due, and the clock does it.
pub(crate) async fn bill_start(
    app: &App,
    organization: OrganizationId,
    customer: CustomerId,
    id: SubscriptionId,
) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let account = Account::of(app, organization, customer).await?;
        match account.record(id)?.progress.start_invoice_at {
            Some(at) => bill(app, &account, "start", &[(id, Situation::First)], at).await.map(drop),
            None => Ok(()),
        }
    })
    .await
}

/// Commits records that time has changed, with the credit notes for the unused days of those that end, tells the world, and
/// gives the records back.
pub(crate) async fn transition(
    app: &App,
    account: &Account,
    mut changed: Vec<Subscription>,
    told: &[Transition],
    at: Instant,
    excess: Excess,
) -> Result<Vec<Subscription>, Attempt> {
    let mut commit = app.commit(&account.organization);
    for issued in credit_note::for_ended(app, account, &changed, at, excess).await? {
        commit = issued.add_to(commit);
        for message in issued.messages(app, account).await? {
            commit = commit.then(&message);
        }
    }
    commit = handover::of_changes(app, account, commit, &mut changed).await?;
    for record in &changed {
        commit = commit.update(account.record(record.id)?, record);
    }
    for message in notice::of_transitions(app, account, &changed, told, at).await? {
        commit = commit.then(&message);
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(changed)
}

/// The invoice of what is due at one instant, with everything that follows from it, in one commit; gives the records that it
/// moved on.
///
/// Its id derives from what it stands for. If it exists already (a process died before it had moved on all records of a
/// very large invoice), its records are moved on and nothing is billed again.
async fn bill(
    app: &App,
    account: &Account,
    occasion: &str,
    due: &[(SubscriptionId, Situation)],
    at: Instant,
) -> Result<Vec<Subscription>, Attempt> {
    let subjects = subjects(account, due, at)?;
    let found = async {
        let mut round = 0_u32;
        loop {
            let id = invoice_id(account, occasion, &subjects, at, round);
            match app.store.invoice(account.organization.id, id).await? {
                Some(made) if subjects.iter().any(|subject| is_on(&made, subject)) => return Ok((id, Some(made))),
                // Made for others that were due at the same instant: a record came to be due later (chapter 02, 6.1).
                Some(_) => round += 1,
                None => return Ok((id, None)),
            }
        }
    };
    let ((id, made), context, numbering, purse) = tokio::try_join!(
        found,
        Context::load(app, account, &subjects),
        Numbering::load(app, &account.organization, at),
        Purse::load(app, account),
    )?;
    if let Some(made) = made {
        return catch_up(app, account, &made, subjects).await;
    }
    let place = Place {
        sequence: Sequence { of_customer: account.customer.last_invoice_sequence + 1, of_month: numbering.next() },
        created_seq: app.ids.sequence(),
    };
    let plan = closing::close(&context.snapshot(account), subjects, id, at, place, purse.means())
        .map_err(|error| Failure::Bug(error.to_string()))?;

    let mut customer = account.customer.value.clone();
    customer.last_invoice_sequence += 1;
    let mut commit =
        app.commit(&account.organization).create_invoice(&plan.invoice).update(&account.customer, &customer);
    commit = numbering.count(commit, account);
    commit = purse.spend(commit, &plan.invoice, &plan.used)?;
    if plan.invoice.status == Status::Draft {
        commit = commit.create(&Draft::of(&plan.invoice));
    }
    for message in notice::of_invoice(app, account, &plan.invoice, &plan.subscriptions, at)? {
        commit = commit.then(&message);
    }
    // The rest of a very large invoice's records moves on in the next round, by `catch_up`.
    let mut moved = plan.subscriptions;
    moved.truncate(RECORDS_PER_COMMIT_MAX.min(commit.room()));
    for record in &moved {
        commit = commit.update(account.record(record.id)?, record);
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(moved)
}

fn is_on(invoice: &Invoice, subject: &Subject<'_>) -> bool {
    invoice.subscriptions.iter().any(|billed| billed.subscription_id == subject.subscription.id)
}

/// Moves on the records of an invoice that exists.
async fn catch_up(
    app: &App,
    account: &Account,
    made: &Invoice,
    subjects: Vec<Subject<'_>>,
) -> Result<Vec<Subscription>, Attempt> {
    let zone = account.zone();
    let mut commit = app.commit(&account.organization);
    let mut moved = Vec::new();
    for subject in subjects.into_iter().filter(|subject| is_on(made, subject)).take(RECORDS_PER_COMMIT_MAX) {
        let record = closing::billed(subject, made, zone);
        commit = commit.update(account.record(record.id)?, &record);
        moved.push(record);
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(moved)
}

fn subjects<'a>(account: &'a Account, due: &[(SubscriptionId, Situation)], at: Instant) -> Outcome<Vec<Subject<'a>>> {
    due.iter()
        .map(|(id, situation)| {
            let record = account.record(*id)?;
            let plan = account.plan(record.plan_id)?;
            let successor = account.successor_plan(record);
            Ok(agenda::subject(record.value.clone(), plan, account.zone(), *situation, at, successor))
        })
        .collect()
}

/// Same occasion, same id: a second try meets the first.
fn invoice_id(account: &Account, occasion: &str, subjects: &[Subject<'_>], at: Instant, round: u32) -> InvoiceId {
    let of_one = match subjects {
        // A start or an end is an occasion of its own record; a billing day is one of the customer.
        [only] if occasion != "recurring" => only.subscription.id.0,
        [] | [_] | [_, ..] => account.customer.id.0,
    };
    invoice::derived_id(&[
        account.organization.id.0.as_bytes(),
        occasion.as_bytes(),
        of_one.as_bytes(),
        &at.timestamp_micros().to_be_bytes(),
        &round.to_be_bytes(),
    ])
}

/// What a closing looks at beside the account.
pub(crate) struct Context {
    taxes: Vec<Tax>,
    metrics: Vec<Metric>,
    usage: Usage,
    read_at: Instant,
}

impl Context {
    /// Taxes, live metrics, and the usage of every charge of the subjects, for an invoice: what it counts stays counted.
    pub(crate) async fn load(app: &App, account: &Account, subjects: &[Subject<'_>]) -> Outcome<Context> {
        Context::read(app, account, subjects, Asked::ForBilling).await
    }

    /// The same for somebody who only looks.
    pub(crate) async fn look(app: &App, account: &Account, subjects: &[Subject<'_>]) -> Outcome<Context> {
        Context::read(app, account, subjects, Asked::ForShow).await
    }

    async fn read(app: &App, account: &Account, subjects: &[Subject<'_>], asked: Asked) -> Outcome<Context> {
        let organization = account.organization.id;
        let (taxes, metrics) = tokio::try_join!(app.store.taxes(organization), app.store.metrics(organization))?;
        let catalogue: Vec<Metric> = metrics.into_iter().map(|metric| metric.value).collect();
        // Records of one external id share its logs: each is read once, for all of them.
        let mut wishes: BTreeMap<(&str, MetricId), Wish<'_>> = BTreeMap::new();
        for subject in subjects {
            let bounds = &subject.boundaries;
            for charge in &subject.plan.charges {
                let Some(metric) = catalogue.iter().find(|metric| metric.id == charge.metric_id && metric.is_live())
                else {
                    continue;
                };
                let span = Span::of(metric, bounds.charges_from, bounds.charges_to);
                let wish = wishes.entry((subject.subscription.external_id.as_str(), metric.id)).or_insert_with(|| {
                    Wish { metric, span, windows: Vec::new(), needs_each_event: false, free: Vec::new() }
                });
                wish.span = wish.span.and(span);
                let window = closing::charges_window(subject, account.zone());
                wish.needs_each_event |= closing::needs_each_event(charge, metric) || window.is_shared();
                wish.windows.push(window);
                wish.free.extend(closing::free_at_first(charge, metric));
            }
        }
        let read_at = app.clock.now();
        let known = &catalogue;
        let mut logs = Vec::with_capacity(wishes.len());
        for ((external_id, id), wish) in wishes {
            logs.push(async move {
                let counted = crate::usage::counted(app, organization, external_id, &wish, known, asked).await?;
                Outcome::Ok(((external_id.to_owned(), id), counted))
            });
        }
        let usage: Usage = stream::iter(logs).buffer_unordered(LOGS_AT_ONCE).try_collect().await?;
        let taxes = taxes.into_iter().map(|tax| tax.value).collect();
        let metrics = catalogue.into_iter().filter(Metric::is_live).collect();
        Ok(Context { taxes, metrics, usage, read_at })
    }

    pub(crate) fn snapshot<'a>(&'a self, account: &'a Account) -> Snapshot<'a> {
        Snapshot {
            organization: &account.organization,
            customer: &account.customer.value,
            taxes: &self.taxes,
            metrics: &self.metrics,
            usage: &self.usage,
            read_at: self.read_at,
        }
    }

    pub(crate) fn metric(&self, id: MetricId) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.id == id)
    }

    /// The usage of a metric, as the charges of the subjects need it.
    pub(crate) fn counted(&self, external_id: &str, metric: MetricId) -> digest::Usage<'_> {
        let counted = self.usage.get(&(external_id.to_owned(), metric));
        counted.map_or(digest::Usage::Events(&[]), digest::Usage::from)
    }
}

/// The organization's count of invoices in a month, which every new invoice joins (chapter 04, 6.7).
///
/// With numbers per customer, an invoice only adds to a counter; with numbers per organization, it takes the next number
/// under a precondition, so that no number is given twice and none is left out.
pub(crate) struct Numbering {
    mode: DocumentNumbering,
    month: String,
    counted: i64,
    last: Option<Versioned<RunningNumber>>,
}

impl Numbering {
    pub(crate) async fn load(app: &App, organization: &Organization, at: Instant) -> Outcome<Numbering> {
        let month = at.format("%Y-%m").to_string();
        let mode = organization.document_numbering;
        let (mut counted, mut last) = (0, None);
        match mode {
            DocumentNumbering::PerCustomer => {}
            DocumentNumbering::PerOrganization => {
                let shards: Vec<_> = (0..COUNT_SHARDS).map(|shard| count_key(organization.id, &month, shard)).collect();
                let counters = app.store.table().get_many(&shards).await?;
                counted = counters.iter().flatten().filter_map(|item| item.counter).sum();
                last = app.store.running_number(organization.id, &number_name(&month)).await?;
            }
        }
        Ok(Numbering { mode, month, counted, last })
    }

    /// The number of the next invoice of the month.
    pub(crate) fn next(&self) -> i64 {
        (self.counted + 1).max(self.last.as_ref().map_or(0, |last| last.value.value) + 1)
    }

    /// Counts the invoice in its commit.
    pub(crate) fn count(&self, commit: Commit, account: &Account) -> Commit {
        let organization = account.organization.id;
        let shard = account.customer.id.0.as_bytes()[15] % COUNT_SHARDS;
        let commit = commit.write(Write::Add(count_key(organization, &self.month, shard), 1));
        match self.mode {
            DocumentNumbering::PerCustomer => commit,
            DocumentNumbering::PerOrganization => {
                let number = RunningNumber { name: number_name(&self.month), value: self.next() };
                commit.save(self.last.as_ref(), &number)
            }
        }
    }
}

fn number_name(month: &str) -> String {
    format!("invoices {month}")
}

fn count_key(organization: OrganizationId, month: &str, shard: u8) -> store::table::Key {
    keys::running_number(organization, &format!("invoices {month} {shard}"))
}

/// Finalizes a draft whose grace period has passed, or that a client wants final: refreshed first (chapter 04, 6.5).
///
/// Gives none if it is no draft (any more).
///
/// # Errors
/// `Unavailable`, or a `Bug` if the refreshed invoice would break a law.
pub async fn finalize(app: &App, organization: OrganizationId, id: InvoiceId, at: Instant) -> Outcome<Option<Invoice>> {
    let finalized = app
        .until_no_conflict(|| async {
            let Some(draft) = load_draft(app, organization, id).await? else { return Ok(None) };
            let account = Account::of(app, organization, draft.customer_id).await?;
            let purse = Purse::load(app, &account).await?;
            let (context, subjects) = recompute(app, &account, &draft).await?;
            let Settled { invoice, used } =
                closing::finalized(&context.snapshot(&account), &draft, &subjects, purse.means(), at)
                    .map_err(|error| Failure::Bug(error.to_string()))?;
            let mut commit = app
                .commit(&account.organization)
                .update_invoice(&draft, &invoice)
                .write(Write::Delete(Draft::of(&draft).key(crate::scope(&account.organization)), Condition::None));
            commit = purse.spend(commit, &invoice, &used)?;
            for message in notice::of_invoice(app, &account, &invoice, &[], at)? {
                commit = commit.then(&message);
            }
            let notes = DraftChange::load(app, organization, &draft, &invoice, at).await?;
            commit = notes.publish(app, &account, &invoice, commit, at);
            retry_on_conflict(app.execute(commit).await)?;
            Ok(Some(invoice))
        })
        .await?;
    if finalized.as_ref().is_some_and(|invoice: &Invoice| invoice.last_credit_note_sequence > 0) {
        credit_note::publish_rest(app, organization, id, at).await?;
    }
    Ok(finalized)
}

/// Recomputes a draft's fees and taxes from the usage of now (chapter 04, 6.3). An invoice that is no draft stays as it is.
///
/// # Errors
/// As for `finalize`. None if there is no such invoice.
pub async fn refresh(app: &App, organization: OrganizationId, id: InvoiceId) -> Outcome<Option<Invoice>> {
    app.until_no_conflict(|| async {
        let Some(found) = app.store.invoice(organization, id).await? else { return Ok(None) };
        if found.status != Status::Draft {
            return Ok(Some(found.value));
        }
        let account = Account::of(app, organization, found.customer_id).await?;
        let now = app.now(&account.organization);
        let (context, subjects) = recompute(app, &account, &found).await?;
        let refreshed = closing::refreshed(&context.snapshot(&account), &found, &subjects);
        let refreshed = refreshed.map_err(|error| Failure::Bug(error.to_string()))?;
        let invoice = Invoice { updated_at: now, ..refreshed };
        let mark = store::record::to_item(crate::scope(&account.organization), &Draft::of(&invoice), 1);
        let mark = mark.map_err(|error| Failure::Bug(error.to_string()))?;
        let commit =
            app.commit(&account.organization).update_invoice(&found, &invoice).write(Write::Put(mark, Condition::None));
        let notes = DraftChange::load(app, organization, &found, &invoice, now).await?;
        let commit = notes.keep(commit, id);
        retry_on_conflict(app.execute(commit).await)?;
        Ok(Some(invoice))
    })
    .await
}

/// Gives drafts the dates of the grace period and payment term that apply now: those of one customer, or all. What is past
/// due by the new grace period is finalized, each customer's oldest first (chapter 04, 6.2).
///
/// # Errors
/// As for `finalize`: the job comes again and goes on.
pub async fn redate_drafts(app: &App, organization: OrganizationId, customer: Option<CustomerId>) -> Outcome<()> {
    for Draft { invoice: id, .. } in app.store.drafts(organization, customer).await? {
        let is_past_due = app.until_no_conflict(|| redate(app, organization, id)).await?;
        if is_past_due {
            let now = app.now(&app.organization(organization).await?);
            finalize(app, organization, id, now).await?;
        }
    }
    Ok(())
}

/// Dates one draft anew, unless it is past due: then it says so.
async fn redate(app: &App, organization: OrganizationId, id: InvoiceId) -> Result<bool, Attempt> {
    let Some(draft) = load_draft(app, organization, id).await? else { return Ok(false) };
    let account = Account::of(app, organization, draft.customer_id).await?;
    let now = app.now(&account.organization);
    if closing::is_past_grace(&account.organization, &account.customer, &draft, now) {
        return Ok(true);
    }
    let dated = closing::redated(&account.organization, &account.customer, draft.value.clone());
    if dated != draft.value {
        let invoice = Invoice { updated_at: now, ..dated };
        retry_on_conflict(app.execute(app.commit(&account.organization).update_invoice(&draft, &invoice)).await)?;
    }
    Ok(false)
}

pub(crate) async fn load_draft(
    app: &App,
    organization: OrganizationId,
    id: InvoiceId,
) -> Outcome<Option<Versioned<Invoice>>> {
    let found = app.store.invoice(organization, id).await?;
    Ok(found.filter(|invoice| invoice.status == Status::Draft))
}

/// The records on a draft as it saw them, and what computing its fees anew looks at.
async fn recompute<'a>(app: &App, account: &'a Account, draft: &Invoice) -> Outcome<(Context, Vec<Subject<'a>>)> {
    let mut subjects = Vec::with_capacity(draft.subscriptions.len());
    for billed in &draft.subscriptions {
        let record = account.record(billed.subscription_id)?;
        let plan = account.plan(billed.plan_id)?;
        let seen = as_billed(&record.value, billed.situation, billed.at);
        let subject =
            agenda::subject(seen, plan, draft.zone, billed.situation, billed.at, account.successor_plan(record));
        subjects.push(Subject { boundaries: billed.boundaries, recurring: billed.recurring, ..subject });
    }
    let context = Context::load(app, account, &subjects).await?;
    Ok((context, subjects))
}

/// The record as its invoice saw it: an end that came later does not count.
fn as_billed(record: &Subscription, situation: Situation, at: Instant) -> Subscription {
    match (situation, record.state) {
        (
            Situation::First | Situation::Recurring,
            State::Terminated { started_at: Some(started_at), terminated_at },
        ) if terminated_at >= at => Subscription { state: State::Active { started_at }, next: None, ..record.clone() },
        (
            Situation::First
            | Situation::Recurring
            | Situation::Rotation
            | Situation::Terminated
            | Situation::CurrentUsage,
            _,
        ) => record.clone(),
    }
}

/// Does one job of the billing queue.
///
/// # Errors
/// `Unavailable`, or a `Bug`: the job comes again, and in the end goes to the dead-letter queue.
pub async fn run(app: &App, job: &BillingJob) -> Outcome<()> {
    let organization = job.organization();
    match job {
        BillingJob::CloseCustomer { customer_id, until, .. } => {
            close_customer(app, organization, CustomerId(*customer_id), *until).await?;
        }
        BillingJob::FinalizeInvoice { invoice_id, at, .. } => {
            finalize_due(app, organization, InvoiceId(*invoice_id), *at).await?;
        }
        BillingJob::CheckEvents { hour, .. } => crate::event_check::run(app, organization, *hour).await?,
        BillingJob::RunWallet { wallet_id, until, .. } => {
            crate::wallet::run(app, organization, WalletId(*wallet_id), *until).await?;
        }
        BillingJob::AdvanceTestClock { .. } => crate::test_clock::run(app, organization).await?,
        BillingJob::RedateDrafts { customer_id, .. } => {
            redate_drafts(app, organization, customer_id.map(CustomerId)).await?;
        }
        BillingJob::Reschedule { customer_id, .. } => {
            crate::customer::reschedule(app, organization, customer_id.map(CustomerId)).await?;
        }
        BillingJob::FoldAnalytics { .. } => crate::analytics::fold(app, organization).await?,
        BillingJob::PublishNotes { invoice_id, at, .. } => {
            credit_note::publish_rest(app, organization, InvoiceId(*invoice_id), *at).await?;
        }
        BillingJob::DeletePlan { plan_id, .. } => {
            crate::catalogue::finish_plan_deletion(app, organization, PlanId(*plan_id)).await?;
        }
        BillingJob::DeleteCoupon { coupon_id, .. } => {
            crate::coupon::finish_deletion(app, organization, CouponId(*coupon_id)).await?;
        }
        BillingJob::ExpireCoupon { coupon_id, at, .. } => {
            crate::coupon::expire(app, organization, CouponId(*coupon_id), *at).await?;
        }
        BillingJob::FlagDrafts { flag, .. } => crate::drafts::flag(app, organization, flag).await?,
        BillingJob::DeleteCustomer { customer_id, .. } => {
            crate::customer::finish_deletion(app, organization, CustomerId(*customer_id)).await?;
        }
    }
    app.finish_work(organization, job.work()).await
}

/// Refreshes or finalizes a draft that is due, and before it the customer's older drafts that are due, too: what the credit
/// note of one holds pays the next, and the oldest takes coupons and prepaid credits first (00-index, ruling 9).
///
/// # Errors
/// As for `finalize`. An older draft that can never be final is its own job's failure.
pub(crate) async fn finalize_due(app: &App, organization: OrganizationId, id: InvoiceId, now: Instant) -> Outcome<()> {
    let Some(draft) = load_draft(app, organization, id).await?.filter(|draft| is_due(draft, now)) else {
        return Ok(());
    };
    let drafts = app.store.drafts(organization, Some(draft.customer_id)).await?;
    for older in drafts.into_iter().map(|mark| mark.invoice).take_while(|older| *older != id) {
        match settle_due(app, organization, older, now).await {
            Err(Failure::Bug(cause)) => tracing::warn!(invoice.id = %older, "{older} stays a draft: {cause}"),
            settled => settled?,
        }
    }
    settle_due(app, organization, id, now).await
}

fn is_due(draft: &Invoice, now: Instant) -> bool {
    draft.next_due.is_some_and(|at| at <= now)
}

/// Refreshes or finalizes a draft at its own due mark, as often as one has come by `now`.
async fn settle_due(app: &App, organization: OrganizationId, id: InvoiceId, now: Instant) -> Outcome<()> {
    loop {
        let Some(draft) = load_draft(app, organization, id).await? else { return Ok(()) };
        let Some(at) = draft.next_due.filter(|at| *at <= now) else { return Ok(()) };
        let account = Account::of(app, organization, draft.customer_id).await?;
        if !closing::is_refresh(&account.organization, &account.customer, &draft, at) {
            return finalize(app, organization, id, at).await.map(drop);
        }
        refresh(app, organization, id).await?;
    }
}
