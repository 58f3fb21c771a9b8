//! The test clock of sandbox organizations: time stands still until the API moves it (DESIGN, 6).
//!
//! Moving it is a job on the billing queue, so that it goes on by itself after a restart: drain what is queued, do what is
//! due one instant after the other, set the clock, drain again.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::id::OrganizationId;
use domain::organization::{DocumentNumbering, Organization, TestClock};
use domain::problem::Problems;
use domain::time::Instant;
use store::keys;
use store::keys::Owner;
use store::repositories::Due;
use tokio::task::{JoinError, JoinSet};
use tokio::time;

use crate::jobs::BillingJob;
use crate::{App, Attempt, Failure, Outcome, Rejection, billing, organization, retry_on_conflict};

/// How long a request waits for an advance before it answers `advancing`.
const REQUEST_WAIT: Duration = Duration::from_secs(20);
/// How long a drain waits for work that does not end (a message on its way to the dead-letter queue) before it goes on.
const DRAIN_WAIT: Duration = Duration::from_secs(120);
/// The same for what an instant on the way has told the world: a receiver that does not answer must not stop the clock.
const DELIVERY_WAIT: Duration = Duration::from_secs(10);
/// Due entries read at once, and how many are read first: mostly an instant has fewer.
const DUE_PAGE: usize = 100;
const DUE_PEEK: usize = 8;
/// Customers billed side by side at one instant.
const CUSTOMERS_AT_ONCE: usize = 16;

/// The organization's test clock.
///
/// # Errors
/// 403 `not_a_sandbox`.
pub fn get(organization: &Organization) -> Outcome<TestClock> {
    organization.test_clock.ok_or_else(|| Rejection::Forbidden("not_a_sandbox").into())
}

/// Moves the clock forward to `target`, waits for it a while, and returns how it stands.
///
/// # Errors
/// 403 without a test clock; 422 into the past; 409 `clock_is_advancing` while another advance goes on.
pub async fn advance(app: &App, organization: OrganizationId, target: Instant) -> Outcome<TestClock> {
    let deadline = time::Instant::now() + REQUEST_WAIT;
    app.until_no_conflict(|| async {
        let found = app.store.organization(organization).await?.ok_or(Failure::from(Rejection::Unauthorized))?;
        let clock = get(&found)?;
        match clock.advancing_to {
            Some(other) if other != target => {
                return Err(Attempt::Failed(Rejection::Conflict("clock_is_advancing").into()));
            }
            // The same advance again: only wait for it.
            Some(_) => return Ok(()),
            None if target < clock.frozen_time => {
                return Err(Attempt::Failed(Problems::one("frozen_time", "value_is_in_the_past").into()));
            }
            None => {}
        }
        let moving = TestClock { advancing_to: Some(target), ..clock };
        let changed = Organization { test_clock: Some(moving), ..found.value.clone() };
        let message = BillingJob::AdvanceTestClock { organization_id: organization.0 }.message("test clock");
        // Scoped to the real clock: the advance itself must not count among the work that it waits for.
        let scope = store::Scope { organization, timeline: keys::Timeline::Real };
        let commit = store::Commit::new(scope, app.ids.sequence()).update(&found, &changed).then(&message);
        retry_on_conflict(app.execute(commit).await)
    })
    .await?;
    loop {
        let clock = get(&app.organization(organization).await?)?;
        if clock.advancing_to.is_none() || time::Instant::now() >= deadline {
            return Ok(clock);
        }
        app.progress.wait(organization).await;
    }
}

/// The job: everything due on the way, each thing at its own instant, then whatever is queued. What can never be done ends
/// the advance at its instant, before the target.
///
/// # Errors
/// `Unavailable`: the message comes back and the advance goes on.
pub async fn run(app: &App, organization: OrganizationId) -> Outcome<()> {
    let Some(target) = get(&app.organization(organization).await?)?.advancing_to else { return Ok(()) };
    drain(app, organization, "", DRAIN_WAIT).await?;
    // What is still under way at the target may come to be due up to it: a delivery that fails, and is made again.
    while earliest(app, organization, target).await?.is_some() {
        // In a box: the futures of what may be due are as deep as the compiler follows them.
        if Box::pin(walk(app, organization, target)).await? == Walk::Stopped {
            return Ok(());
        }
        set(app, organization, target, Some(target)).await?;
        drain(app, organization, "", DRAIN_WAIT).await?;
    }
    set(app, organization, target, None).await.map(drop)
}

/// How a walk ended.
#[derive(PartialEq, Eq)]
enum Walk {
    /// Nothing is due any more.
    Through,
    /// What can never be done has ended the advance.
    Stopped,
}

/// Does what is due up to `target`, one instant after the other. What an instant tells the world is delivered before time goes
/// on, for a delivery that fails is due again a few seconds later.
async fn walk(app: &App, organization: OrganizationId, target: Instant) -> Outcome<Walk> {
    let (mut told_at, mut waits) = (None, true);
    loop {
        let next = earliest(app, organization, target).await?;
        if let Some(told) = told_at
            && next.as_ref().is_none_or(|(at, _)| *at != told)
        {
            told_at = None;
            // Entries and attempts carry their instants: whoever is waited for in vain is only out of order.
            waits = drain(app, organization, "", DELIVERY_WAIT).await? == Drained::Yes;
            continue;
        }
        let Some((at, due)) = next else { return Ok(Walk::Through) };
        let found = set(app, organization, at, Some(target)).await?;
        match act_all(app, organization, found.document_numbering, due, at).await {
            // It would fail again for ever, and the clock would be `advancing` for good. It stops here instead, where the
            // user can mend what cannot be billed (a tax rate that no amount can carry) and advance again.
            Err(Failure::Bug(cause)) => {
                tracing::error!(org.id = %organization, "the clock of sandbox {organization} stops at {at}: {cause}");
                set(app, organization, at, None).await?;
                return Ok(Walk::Stopped);
            }
            done => done?,
        }
        // Without endpoints nobody is told anything.
        told_at = (waits && !found.endpoints.is_empty()).then_some(at);
    }
}

/// The earliest instant up to `until` at which something is due, with what is due then: all of it or a page.
async fn earliest(app: &App, organization: OrganizationId, until: Instant) -> Outcome<Option<(Instant, Vec<Due>)>> {
    let partition = keys::due_in_sandbox(organization);
    let mut due = app.store.due(&partition, until, DUE_PEEK).await?;
    let Some(at) = due.first().map(|first| first.at) else { return Ok(None) };
    if due.len() == DUE_PEEK && due.iter().all(|entry| entry.at == at) {
        due = app.store.due(&partition, at, DUE_PAGE).await?;
    }
    due.retain(|entry| entry.at == at);
    Ok(Some((at, due)))
}

/// Does what is due at one instant. Customers that follow each other are billed side by side: nothing of one concerns
/// another, unless they share one series of numbers.
async fn act_all(
    app: &App,
    organization: OrganizationId,
    numbering: DocumentNumbering,
    due: Vec<Due>,
    at: Instant,
) -> Outcome<()> {
    let at_once = match numbering {
        DocumentNumbering::PerCustomer => CUSTOMERS_AT_ONCE,
        DocumentNumbering::PerOrganization => 1,
    };
    let mut seen = BTreeSet::new();
    let mut closing: JoinSet<Outcome<()>> = JoinSet::new();
    for entry in due {
        let (_, owner) =
            entry.owner.ok_or_else(|| Failure::Bug(format!("nobody knows what is due at {}", entry.key)))?;
        // Several subscriptions of one customer are one closing.
        if !seen.insert(owner) {
            continue;
        }
        let room = if let Owner::Customer(_) = owner { at_once } else { 1 };
        while closing.len() >= room {
            joined(closing.join_next().await)?;
        }
        if let Owner::Customer(customer) = owner {
            let app = app.clone();
            closing.spawn(async move { billing::close_customer(&app, organization, customer, at).await });
        } else {
            act(app, organization, &owner, at).await?;
        }
    }
    while !closing.is_empty() {
        joined(closing.join_next().await)?;
    }
    Ok(())
}

/// How one of the closings under way ended.
fn joined(ended: Option<Result<Outcome<()>, JoinError>>) -> Outcome<()> {
    match ended {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(Failure::Unavailable(format!("a closing did not end: {error}"))),
        None => Ok(()),
    }
}

/// Does what is due for one owner at `at`, right here: a sandbox's time moves in one place.
async fn act(app: &App, organization: OrganizationId, owner: &Owner, at: Instant) -> Outcome<()> {
    match owner {
        Owner::Customer(customer) => billing::close_customer(app, organization, *customer, at).await,
        Owner::Invoice(invoice) => billing::finalize_due(app, organization, *invoice, at).await,
        Owner::EventHour(hour) => crate::event_check::run(app, organization, *hour).await,
        Owner::Wallet(wallet) => crate::wallet::run(app, organization, *wallet, at).await,
        Owner::Coupon(coupon) => crate::coupon::expire(app, organization, *coupon, at).await,
        Owner::Webhook(webhook) => {
            let organization = app.organization(organization).await?;
            crate::webhook::retry_due(app, &organization, *webhook).await
        }
    }
}

/// Sets the clock. An advance that somebody else has ended meanwhile stays ended.
async fn set(
    app: &App,
    organization: OrganizationId,
    now: Instant,
    advancing_to: Option<Instant>,
) -> Outcome<Organization> {
    organization::change(app, organization, |found, _| {
        let clock = get(found)?;
        if clock.advancing_to.is_none() {
            return Ok(found.clone());
        }
        // A twin of this job may be further already: time never goes back.
        let moved = TestClock { frozen_time: clock.frozen_time.max(now), advancing_to };
        Ok(Organization { test_clock: Some(moved), ..found.clone() })
    })
    .await
}

/// Waits until the events that the organization has sent so far stand in the log, a moment at most.
///
/// # Errors
/// The table did not answer.
pub async fn drain_events(app: &App, organization: OrganizationId) -> Outcome<()> {
    drain(app, organization, crate::event::WORK_PREFIX, DRAIN_WAIT).await.map(drop)
}

/// Whether a drain found everything done.
#[derive(PartialEq, Eq)]
enum Drained {
    Yes,
    GivenUp,
}

/// Waits until no unfinished work whose id begins with `prefix` is left, for a while at most.
async fn drain(app: &App, organization: OrganizationId, prefix: &str, wait: Duration) -> Outcome<Drained> {
    let deadline = time::Instant::now() + wait;
    while app.store.unfinished_work(organization, prefix).await? {
        if time::Instant::now() >= deadline {
            tracing::warn!(org.id = %organization, "work of sandbox {organization} does not end; its clock goes on");
            return Ok(Drained::GivenUp);
        }
        app.progress.wait(organization).await;
    }
    Ok(Drained::Yes)
}
