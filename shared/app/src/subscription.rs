//! Subscriptions: request, change, end. Rules: chapter 02, 4.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::credit_note::limits::Excess;
use domain::customer::{Birth, Customer, CustomerUpdate, implied_currency};
use domain::id::{ChargeId, CustomerId, PlanId, SubscriptionId};
use domain::money::Currency;
use domain::organization::Organization;
use domain::plan::{self, Attached, Plan};
use domain::problem::{Problems, codes};
use domain::subscription::{self, NewSubscription, Requested, State, Subscription, Transition};
use domain::time::Instant;
use store::items::{Chain, Member};
use store::{Commit, Versioned};
use wire::subscription::{NewSubscription as Request, SubscriptionUpdate};

use crate::billing::{self, Account};
use crate::catalogue::{self, Names};
use crate::customer::Newborn;
use crate::{
    App, Attempt, Failure, Outcome, Rejection, advance, credit_note, handover, notice, retry_on_conflict, test_clock,
};

/// Which of several records with one external id is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The active one.
    Active,
    /// The pending one.
    Pending,
}

/// A subscription as a request leaves it, with what shows it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The record.
    pub subscription: Subscription,
    /// Its customer.
    pub customer: Customer,
    /// Its plan.
    pub plan: Plan,
}

/// Creates a subscription, or changes the plan of a running one (chapter 02, 4.2). Asking again for what is there already
/// changes nothing.
///
/// # Errors
/// 404 `plan_not_found`; 422: dates, then ids, then currency, then the rest.
pub async fn create(app: &App, organization: &Organization, request: Request) -> Outcome<Described> {
    let described = app.until_no_conflict(|| request_once(app, organization, &request)).await?;
    settle_start(app, organization, described).await
}

async fn request_once(app: &App, organization: &Organization, request: &Request) -> Result<Described, Attempt> {
    let now = app.now(organization);
    let code = request.plan_code.as_deref().unwrap_or_default();
    let parent = catalogue::plan_by_code(app, organization.id, code).await?;
    request.check_dates(organization.timezone, now)?;
    request.check_ids()?;

    let (account, newborn) = account_for(app, organization, &request.external_customer_id).await?;
    let zone = account.zone();
    let mut customer = account.customer.value.clone();
    let is_editable = account.subscriptions.is_empty() && !customer.is_currency_fixed;
    customer.currency = Some(
        implied_currency(customer.currency, is_editable, requested_currency(request, &parent))
            .map_err(|_| Problems::one("currency", codes::CURRENCIES_DIFFER))?,
    );

    let records: Vec<&Versioned<Subscription>> =
        account.subscriptions.iter().filter(|record| record.external_id == request.external_id).collect();
    let current = records
        .iter()
        .find(|record| record.is_starting_later())
        .or_else(|| records.iter().find(|record| record.is_active()))
        .map(|record| Ok::<_, Failure>((&record.value, account.plan(record.plan_id)?)))
        .transpose()?;
    // The plan that it has: nothing happens, whatever else is asked, overrides too.
    if let Some((current, plan)) = current
        && plan.id == parent.id
    {
        return Ok(Described { subscription: current.clone(), customer, plan: plan.clone() });
    }
    let new = NewSubscription {
        id: SubscriptionId(app.ids.uuid()),
        created_seq: app.ids.sequence(),
        customer_id: customer.id,
        external_id: request.external_id.clone(),
        name: request.name.clone(),
        // A successor inherits its billing time, so the request's word is not looked at then.
        billing_time: match current {
            Some((current, _)) => current.billing_time,
            None => request.billing_time()?,
        },
        subscription_at: request.start.resolve(organization.timezone).unwrap_or(now),
        ending_at: match request.ending_at {
            wire::input::Field::Absent => None,
            wire::input::Field::Null => Some(None),
            wire::input::Field::Set(at) => Some(Some(at)),
        },
    };
    // A change of a record that has not started yet ignores overrides (chapter 02, 4.1).
    let replaces = current.is_some_and(|(current, _)| current.state == State::Pending);
    let (plan, forked) =
        if replaces { (parent.value.clone(), None) } else { fork(app, organization, &parent, request, now).await? };
    let plain: Vec<&Subscription> = records.iter().map(|record| &record.value).collect();
    let mut requested = subscription::request(current, &plain, new, &plan, zone, now);

    let mut commit = match newborn {
        Some(newborn) => newborn.commit(app, organization, &customer),
        None if customer != account.customer.value => app.commit(organization).update(&account.customer, &customer),
        None => app.commit(organization).unchanged(&account.customer),
    };
    if let Some(child) = &forked {
        commit = advance::recounted(app, organization.id, commit.create(child), None, Some(child)).await?;
    }
    commit = commit_request(app, organization, commit, &account, &mut requested).await?;
    let current = current.map(|(current, _)| current.id);
    let mut seen = account;
    seen.customer.value = customer.clone();
    seen.plans.insert(plan.id, plan.clone());
    let all: Vec<Subscription> = requested.changed.iter().chain(&requested.created).cloned().collect();
    for issued in credit_note::for_ended(app, &seen, &all, now, Excess::Refuse).await? {
        commit = issued.add_to(commit);
        for message in issued.messages(app, &seen).await? {
            commit = commit.then(&message);
        }
    }
    for message in notice::of_transitions(app, &seen, &all, &requested.transitions, now).await? {
        commit = commit.then(&message);
    }
    retry_on_conflict(app.execute(commit).await)?;
    reply(&seen, requested, current, customer)
}

/// The currency that the request implies: an overridden one before the plan's. An unknown one is told by the fork.
fn requested_currency(request: &Request, parent: &Plan) -> Currency {
    let overridden = request.plan_overrides.as_ref().and_then(|overrides| overrides.amount_currency.as_deref());
    overridden.and_then(|code| code.parse().ok()).unwrap_or(parent.currency)
}

/// The record that the reply shows: the new one, or after a downgrade the current one.
fn reply(
    account: &Account,
    requested: Requested,
    current: Option<SubscriptionId>,
    customer: Customer,
) -> Result<Described, Attempt> {
    let is_new = requested.created.as_ref().is_some_and(|created| {
        created.state != State::Pending || created.previous.is_none() //
    });
    let shown = if is_new {
        requested.created
    } else {
        requested.changed.into_iter().find(|record| Some(record.id) == current)
    };
    let subscription = shown.ok_or_else(|| Failure::Bug("a request changed nothing".to_owned()))?;
    let plan = account.plan(subscription.plan_id)?.clone();
    Ok(Described { subscription, customer, plan })
}

/// The customer's account; an unknown customer is to be created with only its external id.
async fn account_for(app: &App, organization: &Organization, external_id: &str) -> Outcome<(Account, Option<Newborn>)> {
    if let Some(found) = app.store.customer_by_external_id(organization.id, external_id).await? {
        return Ok((Account::of(app, organization.id, found.value.id).await?, None));
    }
    let input = CustomerUpdate { external_id: Some(external_id.to_owned()), ..CustomerUpdate::default() };
    let make = |birth: &Birth<'_>| Ok(domain::customer::create(input, birth, Vec::new(), &mut || app.ids.uuid())?);
    let newborn = Newborn::conceive(app, organization, make).await?;
    let account = Account {
        organization: organization.clone(),
        customer: Versioned { value: newborn.customer.clone(), version: 0 },
        subscriptions: Vec::new(),
        plans: BTreeMap::new(),
        live: Vec::new(),
    };
    Ok((account, Some(newborn)))
}

/// The plan to subscribe to: the parent, or a child of it with the request's overrides (chapter 02, 2.7).
async fn fork(
    app: &App,
    organization: &Organization,
    parent: &Plan,
    request: &Request,
    now: Instant,
) -> Result<(Plan, Option<Plan>), Attempt> {
    let Some(overrides) = request.plan_overrides.clone() else { return Ok((parent.clone(), None)) };
    let names = Names::load(app, organization.id).await?;
    let (id, seq) = (PlanId(app.ids.uuid()), app.ids.sequence());
    let child = names.with(|catalogue| {
        plan::child(parent, overrides, catalogue, id, now, seq, &mut || ChargeId(app.ids.uuid())) //
    })?;
    Ok((child.clone(), Some(child)))
}

/// Adds a request's records to its commit, and the new record to the chain of its external id.
async fn commit_request(
    app: &App,
    organization: &Organization,
    mut commit: Commit,
    account: &Account,
    requested: &mut Requested,
) -> Result<Commit, Attempt> {
    for changed in &requested.changed {
        commit = commit.update(account.record(changed.id)?, changed);
    }
    let Some(created) = &mut requested.created else { return Ok(commit) };
    let chain = app.store.chain(organization.id, &created.external_id).await?;
    if created.is_active() && requested.changed.is_empty() {
        let others = app.store.subscriptions_by_external_id(organization.id, &created.external_id).await?;
        if others.iter().any(|other| other.is_active() && other.customer_id != created.customer_id) {
            return Err(Attempt::Failed(Problems::one("external_id", codes::EXISTS).into()));
        }
        commit = handover::of_start(app, organization.id, commit, created).await?;
    }
    let member =
        Member { customer_id: created.customer_id, subscription_id: created.id, created_seq: created.created_seq };
    let mut members = chain.as_ref().map(|chain| chain.members.clone()).unwrap_or_default();
    members.push(member);
    let grown = Chain { external_id: created.external_id.clone(), members };
    Ok(commit.create(&*created).save(chain.as_ref(), &grown))
}

/// Makes the invoices that a change owes at once. What fails here is done by the clock: it is due.
async fn settle(app: &App, organization: &Organization, described: Described) -> Outcome<Described> {
    let customer = described.customer.id;
    if organization.is_sandbox() {
        test_clock::drain_events(app, organization.id).await?;
    }
    let id = described.subscription.id;
    let billed = async {
        billing::close_customer(app, organization.id, customer, app.now(organization)).await?;
        billing::bill_start(app, organization.id, customer, id).await
    };
    if let Err(failure) = billed.await {
        tracing::warn!(org.id = %organization.id, customer.id = %customer, "invoices of customer {customer} are late: {failure}");
    }
    let account = Account::of(app, organization.id, customer).await?;
    describe(&account, id)
}

/// The same for a record that was requested or edited: one that starts later is the clock's, also at the first instant of its
/// day. No request activates it (chapter 02, 4.3).
async fn settle_start(app: &App, organization: &Organization, described: Described) -> Outcome<Described> {
    let record = &described.subscription;
    if record.state == State::Pending && record.subscription_at > app.now(organization) {
        return Ok(described);
    }
    settle(app, organization, described).await
}

fn describe(account: &Account, id: SubscriptionId) -> Outcome<Described> {
    let record = account.record(id)?;
    let plan = account.plan(record.plan_id)?.clone();
    Ok(Described { subscription: record.value.clone(), customer: account.customer.value.clone(), plan })
}

/// All records with an external id, of living customers, in order of creation.
///
/// # Errors
/// The table did not answer.
pub async fn by_external_id(app: &App, organization: &Organization, external_id: &str) -> Outcome<Vec<Subscription>> {
    let records = app.store.subscriptions_by_external_id(organization.id, external_id).await?;
    let mut living = Vec::with_capacity(records.len());
    for record in records {
        let customer = app.store.customer(organization.id, record.customer_id).await?;
        if customer.is_some_and(|customer| customer.deleted_at.is_none()) {
            living.push(record.value);
        }
    }
    Ok(living)
}

/// One record with customer and plan.
///
/// # Errors
/// `Bug` if one of them is missing.
pub async fn described(app: &App, organization: &Organization, record: &Subscription) -> Outcome<Described> {
    let account = Account::of(app, organization.id, record.customer_id).await?;
    describe(&account, record.id)
}

/// Ends the active record of an external id, or gives up the pending one (chapter 02, 4.6).
///
/// # Errors
/// 404 `subscription_not_found`.
pub async fn terminate(
    app: &App,
    organization: &Organization,
    external_id: &str,
    wanted: Wanted,
) -> Outcome<Described> {
    let ended = app
        .until_no_conflict(|| async {
            let records = by_external_id(app, organization, external_id).await?;
            let meant = records.iter().rfind(|record| match wanted {
                Wanted::Active => record.is_active(),
                Wanted::Pending => record.state == State::Pending,
            });
            let meant = meant.ok_or(Failure::from(Rejection::NotFound("subscription")))?;
            let account = Account::of(app, organization.id, meant.customer_id).await?;
            end_record(app, &account, meant.id, Told::Yes, app.now(organization)).await?;
            describe(&account, meant.id).map_err(Attempt::from)
        })
        .await?;
    settle(app, organization, ended).await
}

/// Whether the world hears of a pending record that is given up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

async fn end_record(app: &App, account: &Account, id: SubscriptionId, told: Told, at: Instant) -> Result<(), Attempt> {
    let record = account.record(id)?;
    let (changed, transitions) = match record.state {
        State::Active { .. } => {
            let plan = account.plan(record.plan_id)?;
            let changed = subscription::end(record, account.linked(record.next.as_ref()), plan, account.zone(), at);
            (changed, vec![Transition::Terminated(id)])
        }
        State::Pending => {
            let changed = match told {
                Told::Yes => subscription::cancel_pending(record, account.linked(record.previous.as_ref()), at),
                Told::No => vec![Subscription {
                    state: State::Canceled { canceled_at: at },
                    next_due: None,
                    ..record.value.clone()
                }],
            };
            let transitions = if told == Told::Yes { vec![Transition::Terminated(id)] } else { Vec::new() };
            (changed, transitions)
        }
        State::Terminated { .. } | State::Canceled { .. } => return Ok(()),
    };
    // Who asked for the end of a record is told that its credit does not fit; a deletion must happen.
    let excess = if told == Told::Yes { Excess::Refuse } else { Excess::Limit };
    billing::transition(app, account, changed, &transitions, at, excess).await.map(drop)
}

/// Ends a record because its plan or customer is deleted, and bills it (chapter 02, 1.3 and 2.4).
///
/// # Errors
/// `Unavailable`.
pub async fn end_by_deletion(
    app: &App,
    organization: &Organization,
    customer: CustomerId,
    id: SubscriptionId,
    at: Instant,
) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let Some(account) = Account::load(app, organization.id, customer).await? else { return Ok(()) };
        end_record(app, &account, id, Told::No, at).await
    })
    .await?;
    if organization.is_sandbox() {
        return billing::close_customer(app, organization.id, customer, at).await;
    }
    Ok(())
}

/// Changes a subscription (chapter 02, 4.7).
///
/// # Errors
/// 404 `subscription_not_found`, 422.
pub async fn update(
    app: &App,
    organization: &Organization,
    external_id: &str,
    wanted: Wanted,
    update: &SubscriptionUpdate,
) -> Outcome<Described> {
    let described = app
        .until_no_conflict(|| async {
            let records = by_external_id(app, organization, external_id).await?;
            let meant = match records.as_slice() {
                [only] => Some(only),
                several => several.iter().rfind(|record| match wanted {
                    Wanted::Active => record.is_active(),
                    Wanted::Pending => record.state == State::Pending,
                }),
            };
            let meant = meant.ok_or(Failure::from(Rejection::NotFound("subscription")))?;
            let account = Account::of(app, organization.id, meant.customer_id).await?;
            update_record(app, organization, &account, meant.id, update).await
        })
        .await?;
    settle_start(app, organization, described).await
}

async fn update_record(
    app: &App,
    organization: &Organization,
    account: &Account,
    id: SubscriptionId,
    update: &SubscriptionUpdate,
) -> Result<Described, Attempt> {
    let found = account.record(id)?;
    let now = app.now(organization);
    update.check_dates(found.subscription_at, organization.timezone, now)?;
    let mut changed = found.value.clone();
    update.name.clone().update(&mut changed.name);
    update.ending_at.clone().update(&mut changed.ending_at);
    if changed.ending_at != found.ending_at {
        changed.progress.replanned_at = Some(now);
    }
    let mut commit = app.commit(organization);
    let mut plan = account.plan(found.plan_id)?.clone();
    if let Some(overrides) = update.plan_overrides.clone() {
        (plan, commit) = own_plan(app, organization, commit, &plan, overrides, now).await?;
        changed.plan_id = plan.id;
    }
    let mut transitions = Vec::new();
    let zone = account.zone();
    if let Some(start) = update.start.resolve(organization.timezone).filter(|_| found.is_starting_later()) {
        let of_same_id = account.subscriptions.iter().filter(|record| record.external_id == found.external_id);
        let of_same_id: Vec<&Subscription> = of_same_id.map(|record| &record.value).collect();
        changed.subscription_at = start;
        changed.trial_started_at = subscription::trial_start(&of_same_id, start);
        changed.progress.replanned_at = Some(now);
        if start <= now {
            let is_today = start.date_naive() == now.date_naive();
            changed = subscription::activate(&changed, &plan, zone, start, is_today.then_some(now), now);
            commit = handover::of_start(app, organization.id, commit, &mut changed).await?;
            transitions.push(Transition::Started(id));
        }
    }
    let changed = changed.with_next_due(&plan, zone);
    commit = commit.update(found, &changed);
    let mut seen = account.clone();
    seen.plans.insert(plan.id, plan.clone());
    for message in notice::of_transitions(app, &seen, std::slice::from_ref(&changed), &transitions, now).await? {
        commit = commit.then(&message);
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(Described { subscription: changed, customer: account.customer.value.clone(), plan })
}

/// The plan with overrides applied: a child is edited, a shared plan never: its subscription gets a copy of its own first.
async fn own_plan(
    app: &App,
    organization: &Organization,
    commit: Commit,
    plan: &Plan,
    overrides: plan::PlanUpdate,
    now: Instant,
) -> Result<(Plan, Commit), Attempt> {
    let names = Names::load(app, organization.id).await?;
    let mut new_charge = || ChargeId(app.ids.uuid());
    if plan.parent_id.is_some() {
        let found = app.store.plan(organization.id, plan.id).await?;
        let found = found.ok_or_else(|| Failure::Bug(format!("plan {} is missing", plan.id)))?;
        let edited =
            names.with(|catalogue| plan::edit(&found, overrides, Attached::Yes, catalogue, now, &mut new_charge))?;
        let commit = commit.update(&found, &edited);
        let commit = advance::recounted(app, organization.id, commit, Some(&found), Some(&edited)).await?;
        return Ok((edited, commit));
    }
    let copy = plan::copy(plan, PlanId(app.ids.uuid()), now, app.ids.sequence(), &mut new_charge);
    let edited =
        names.with(|catalogue| plan::edit(&copy, overrides, Attached::Yes, catalogue, now, &mut new_charge))?;
    let commit = advance::recounted(app, organization.id, commit.create(&edited), None, Some(&edited)).await?;
    Ok((edited, commit))
}

/// The records that a list asks for, with customers and plans: by start, those that never started last (chapter 02, 4.8).
///
/// # Errors
/// The table did not answer.
pub async fn list(
    app: &App,
    organization: &Organization,
    external_customer_id: Option<&str>,
    plan_code: Option<&str>,
    statuses: &[&str],
) -> Outcome<Vec<Described>> {
    let mut accounts = BTreeMap::new();
    let records = match external_customer_id {
        Some(external_id) => match app.store.customer_by_external_id(organization.id, external_id).await? {
            Some(customer) => {
                let file = app.store.customer_file(organization.id, customer.value.id).await?;
                file.map(|file| file.subscriptions).unwrap_or_default()
            }
            None => Vec::new(),
        },
        None => app.store.list_subscriptions(organization.id).await?,
    };
    let mut described = Vec::new();
    let wanted = records.into_iter().map(|record| record.value).filter(|record| {
        statuses.contains(&record.state.word()) && plan_code.is_none_or(|code| code == record.plan_code)
    });
    for subscription in wanted {
        let id = subscription.customer_id;
        if let Entry::Vacant(entry) = accounts.entry(id) {
            entry.insert(Account::load(app, organization.id, id).await?);
        }
        // A deleted customer takes its subscriptions out of sight.
        let Some(account) = accounts[&id].as_ref().filter(|account| account.customer.deleted_at.is_none()) else {
            continue;
        };
        let plan = account.plan(subscription.plan_id)?.clone();
        described.push(Described { subscription, customer: account.customer.value.clone(), plan });
    }
    described.sort_by_key(|entry| {
        let started_at = entry.subscription.started_at();
        (started_at.is_none(), started_at, entry.subscription.created_seq)
    });
    Ok(described)
}
