//! The hourly check of received events (chapter 03, 1.6): what will not count as its client meant is told by a webhook.
//!
//! An hour that holds events has an item with a due entry, made when the first of them is ingested. Whichever clock rules the
//! organization finds it due at minute 5 of the next hour; its check and its message are one commit, so they happen once.

use std::collections::BTreeMap;

use chrono::{DurationRound, NaiveDate, TimeDelta};
use domain::id::OrganizationId;
use domain::time::Instant;
use domain::usage::event::HourlyCheck;
use store::items::EventHour;
use store::usage::{self, Delivery};

use crate::{App, Outcome, catalogue, notice, retry_on_conflict};

/// How far the clocks of hosts may be apart: events of an hour arrive from so long before its start on.
const SKEW: TimeDelta = TimeDelta::minutes(10);

/// Remembers the hours of these events, so that they are checked. One read per hour; a write for the first of an hour.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn note(app: &App, organization: OrganizationId, deliveries: &[Delivery]) -> Outcome<()> {
    let mut hours: BTreeMap<Instant, (NaiveDate, NaiveDate)> = BTreeMap::new();
    for event in deliveries.iter().flat_map(|delivery| &delivery.events) {
        let Ok(start) = event.created_at.duration_trunc(TimeDelta::hours(1)) else { continue };
        let day = event.received_at.date_naive();
        let days = hours.entry(start).or_insert((day, day));
        *days = joined(*days, (day, day));
    }
    for (start, received) in hours {
        app.until_no_conflict(|| async {
            let known = app.store.event_hour(organization, start).await?;
            let hour = match &known {
                // What comes after the check is not checked any more: the settling time before it was for that.
                Some(known) if known.checked || joined(known.received, received) == known.received => return Ok(()),
                Some(known) => EventHour { received: joined(known.received, received), ..known.value.clone() },
                None => EventHour { start, received, checked: false },
            };
            let Some(found) = app.store.organization(organization).await? else { return Ok(()) };
            retry_on_conflict(app.execute(app.commit(&found).save(known.as_ref(), &hour)).await)
        })
        .await?;
    }
    Ok(())
}

fn joined(a: (NaiveDate, NaiveDate), b: (NaiveDate, NaiveDate)) -> (NaiveDate, NaiveDate) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Checks the events of the hour that began at `start`, once. An organization without endpoints is told nothing.
///
/// # Errors
/// The table did not answer, or a chunk cannot be read.
pub(crate) async fn run(app: &App, organization: OrganizationId, start: Instant) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let hour = app.store.event_hour(organization, start).await?;
        let Some(hour) = hour.filter(|hour| !hour.checked) else { return Ok(()) };
        let organization = app.organization(organization).await?;
        let checked = EventHour { checked: true, ..hour.value.clone() };
        let mut commit = app.commit(&organization).update(&hour, &checked);
        if !organization.endpoints.is_empty() {
            let metrics = catalogue::metrics(app, organization.id).await?;
            let mut check = HourlyCheck::new(&metrics);
            // A sandbox's hours say nothing about when their events really came.
            let arrived_from = (!organization.is_sandbox()).then(|| start - SKEW);
            let created = start..hour.end();
            let table = app.store.table();
            usage::created_in(table, organization.id, hour.received, arrived_from, created, |event| check.note(event))
                .await?;
            if check.is_cut() {
                tracing::warn!(org.id = %organization.id, "more events of {start} have errors than a webhook can list");
            }
            let found = check.found();
            if !found.is_empty() {
                commit = commit.then(&notice::of_event_problems(organization.id, &found));
            }
        }
        retry_on_conflict(app.execute(commit).await)
    })
    .await
}
