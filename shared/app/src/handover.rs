//! Keeps the usage of one external id apart where its records follow on one another or meet (`domain::subscription::taken_over`).
//!
//! What a record gets or gives stands in the commit that begins or ends it, together with the records at the other side: those
//! may be another customer's.

use domain::id::OrganizationId;
use domain::subscription::{self, Subscription};
use domain::time::Instant;
use store::{Commit, Versioned};

use crate::billing::Account;
use crate::{App, Outcome};

/// Adds what follows from the beginnings and ends among changed records. One query for each of those.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn of_changes(
    app: &App,
    account: &Account,
    mut commit: Commit,
    changed: &mut [Subscription],
) -> Outcome<Commit> {
    for place in 0..changed.len() {
        let before = account.record(changed[place].id)?.value.clone();
        let after = &changed[place];
        if !before.is_active() && after.is_active() && after.previous.is_none() {
            commit = of_start(app, account.organization.id, commit, &mut changed[place]).await?;
            continue;
        }
        let is_rotated = after.next.as_ref().is_some_and(|next| changed.iter().any(|other| other.id == next.id));
        if before.is_active() && after.terminated_at().is_some() && !is_rotated {
            commit = of_end(app, account.organization.id, commit, &mut changed[place]).await?;
        }
    }
    Ok(commit)
}

/// Adds what follows from the beginning of a record that replaces none.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn of_start(
    app: &App,
    organization: OrganizationId,
    mut commit: Commit,
    started: &mut Subscription,
) -> Outcome<Commit> {
    let others = app.store.subscriptions_by_external_id(organization, &started.external_id).await?;
    let changed = subscription::taken_over(started, others.iter().map(|other| &other.value), received(app));
    for other in others.iter().filter(|other| other.id != started.id) {
        match changed.iter().find(|changed| changed.id == other.id) {
            Some(changed) => commit = commit.update(other, changed),
            // It must still run when the other one begins to wait for its end.
            None if other.is_active() => commit = commit.unchanged(other),
            None => {}
        }
    }
    Ok(commit)
}

async fn of_end(
    app: &App,
    organization: OrganizationId,
    mut commit: Commit,
    ended: &mut Subscription,
) -> Outcome<Commit> {
    let others = app.store.subscriptions_by_external_id(organization, &ended.external_id).await?;
    // Records of its own customer are in the account, under whose versions the commit stands already.
    let others: Vec<Versioned<Subscription>> =
        others.into_iter().filter(|other| other.customer_id != ended.customer_id).collect();
    let handed = subscription::handed_on(ended, others.iter().map(|other| &other.value), received(app));
    let heir = handed.map(|(given, heir)| {
        *ended = given;
        heir
    });
    for other in &others {
        match heir.as_ref().filter(|heir| heir.id == other.id) {
            Some(heir) => commit = commit.update(other, heir),
            // One that begins meanwhile is to find that this one has ended.
            None if other.is_starting_later() => commit = commit.unchanged(other),
            None => {}
        }
    }
    Ok(commit)
}

/// Now, by the clock that dates the reception of events.
fn received(app: &App) -> Instant {
    Instant::from_timestamp_micros(app.ids.sequence()).unwrap_or_else(|| app.clock.now())
}
