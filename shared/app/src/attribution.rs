//! Which subscription an event belongs to that came without one: decided once (chapter 03, 1.3; docs/adr/0023).
//!
//! A message may be delivered twice, and a client may send an event again, while its customer's subscriptions change: the
//! event stays in the log that it was first put into. What no subscription fits is not remembered: sent again once there is
//! one, it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::OrganizationId;
use domain::subscription::{self, State, Subscription};
use domain::time::Instant;
use domain::usage::event::Event;
use futures_util::{StreamExt, stream};
use store::AttributeError;
use store::keys::fingerprint;
use store::table::TransactError;
use store::usage::Delivery;

use crate::{App, Failure, Outcome, READS_AT_ONCE};

/// Rounds against other deliveries that attribute the same events.
const ROUNDS_MAX: usize = 8;

/// The external id of the customer whose subscription is to be found.
pub(crate) fn asks_for_customer(event: &Event) -> Option<&str> {
    event.external_customer_id.as_deref().filter(|_| event.external_subscription_id.is_none())
}

/// What identifies an event of a customer.
fn identity(customer: &str, event: &Event) -> String {
    fingerprint(&[customer, &event.code, &event.transaction_id])
}

/// The subscriptions of events that came without one, by organization and identity of the event; or why they are not known.
pub(crate) type Attributions = HashMap<OrganizationId, Result<BTreeMap<String, String>, String>>;

/// Attributes the events that ask for it. A batch of reads, their customers' records, and a write for each event that is new;
/// nothing if none asks.
pub(crate) async fn of_deliveries(
    app: &App,
    deliveries: impl Iterator<Item = (OrganizationId, &Delivery)>,
) -> Attributions {
    let mut asked: BTreeMap<OrganizationId, Vec<(String, &str, &Event)>> = BTreeMap::new();
    for (organization, delivery) in deliveries {
        for event in &delivery.events {
            if let Some(customer) = asks_for_customer(event) {
                asked.entry(organization).or_default().push((identity(customer, event), customer, event));
            }
        }
    }
    let attributed = asked.into_iter().map(|(organization, events)| async move {
        let attributed = of_organization(app, organization, &events).await;
        (organization, attributed.map_err(|failure| failure.to_string()))
    });
    let attributed: Vec<_> = attributed.collect();
    stream::iter(attributed).buffer_unordered(READS_AT_ONCE).collect().await
}

/// The subscription of an event that came without one: none if it belongs to nothing.
///
/// # Errors
/// It could not be found out.
pub(crate) fn of_event(
    attributions: &Attributions,
    organization: OrganizationId,
    event: &Event,
) -> Outcome<Option<String>> {
    let Some(customer) = asks_for_customer(event) else { return Ok(None) };
    match attributions.get(&organization) {
        Some(Ok(known)) => Ok(known.get(&identity(customer, event)).cloned()),
        Some(Err(error)) => Err(Failure::Unavailable(error.clone())),
        None => Err(Failure::Bug(format!("nobody has looked for the events of {organization}"))),
    }
}

async fn of_organization(
    app: &App,
    organization: OrganizationId,
    events: &[(String, &str, &Event)],
) -> Outcome<BTreeMap<String, String>> {
    let identities: BTreeSet<&String> = events.iter().map(|(identity, ..)| identity).collect();
    let identities: Vec<String> = identities.into_iter().cloned().collect();
    let mut customers: Option<HashMap<&str, Vec<Subscription>>> = None;
    for _ in 0..ROUNDS_MAX {
        let mut known = app.store.attributions(organization, &identities).await?;
        let fresh: Vec<_> = events.iter().filter(|(identity, ..)| !known.contains_key(identity)).collect();
        if fresh.is_empty() {
            return Ok(known);
        }
        if customers.is_none() {
            let asked: BTreeSet<&str> = fresh.iter().map(|(_, customer, _)| *customer).collect();
            customers = Some(customers_of(app, organization, asked).await?);
        }
        let mut decided: BTreeMap<String, String> = BTreeMap::new();
        for (identity, customer, event) in fresh {
            let records = customers.as_ref().and_then(|customers| customers.get(customer));
            let records: Vec<&Subscription> = records.into_iter().flatten().collect();
            if let Some(record) = only_candidate(&records, event.timestamp) {
                // Of several copies in one call the first one decides.
                decided.entry(identity.clone()).or_insert_with(|| record.external_id.clone());
            }
        }
        match app.store.attribute(organization, &decided).await {
            Ok(()) => {
                known.extend(decided);
                return Ok(known);
            }
            // Another delivery was first with some of them.
            Err(AttributeError::Transact(TransactError::Conditions(_) | TransactError::Contended)) => {}
            Err(AttributeError::Transact(TransactError::Table(error))) => return Err(error.into()),
            Err(AttributeError::Encode(error)) => return Err(Failure::Bug(error.to_string())),
        }
    }
    Err(Failure::Unavailable("others attribute the same events again and again".to_owned()))
}

/// The records of customers, by external id, each read once, some side by side.
async fn customers_of<'c>(
    app: &App,
    organization: OrganizationId,
    customers: BTreeSet<&'c str>,
) -> Outcome<HashMap<&'c str, Vec<Subscription>>> {
    let reads: Vec<_> = customers
        .into_iter()
        .map(|external_id| async move { (external_id, records_of(app, organization, external_id).await) })
        .collect();
    let found: Vec<_> = stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect().await;
    found.into_iter().map(|(external_id, records)| Ok((external_id, records?))).collect()
}

async fn records_of(app: &App, organization: OrganizationId, external_id: &str) -> Outcome<Vec<Subscription>> {
    let Some(customer) = app.store.customer_by_external_id(organization, external_id).await? else {
        return Ok(Vec::new());
    };
    let file = app.store.customer_file(organization, customer.value.id).await?;
    Ok(file.map(|file| file.subscriptions.into_iter().map(|record| record.value).collect()).unwrap_or_default())
}

/// The record that an event of a customer without subscription id belongs to: none with two or more active candidates.
fn only_candidate<'a>(records: &[&'a Subscription], timestamp: Instant) -> Option<&'a Subscription> {
    let candidates = subscription::covering(records.iter().copied(), timestamp);
    let active = candidates.iter().filter(|record| matches!(record.state, State::Active { .. })).count();
    (active <= 1).then(|| candidates.first().copied()).flatten()
}
