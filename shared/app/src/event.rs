//! Usage events: from the client into the queue, from the queue into the log, and back to the client.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::customer::Customer;
use domain::id::{CustomerId, OrganizationId, SubscriptionId};
use domain::metric::{AggregationType, Metric};
use domain::organization::Organization;
use domain::problem::Problems;
use domain::subscription::{self, Subscription};
use domain::time::{Instant, Zone};
use domain::usage::event::{Event, Reception, is_deleted};
use domain::usage::unique_count;
use domain::usage::window::{End, Shared, Window};
use serde_json::value::RawValue;
use store::outbox::{self, announced_work_item};
use store::usage::{self, Delivery, Recorded, Source};
use wire::event::{LegacyBatch, ParsedEvent};

use crate::attribution::{self, Attributions};
use crate::jobs::{self, EventsJob};
use crate::ports::{Incoming, Queue};
use crate::usage::Span;
use crate::{App, Failure, Outcome, Rejection, catalogue, metrics};

/// What ids of unfinished ingestion begin with.
pub(crate) const WORK_PREFIX: &str = "events.";
/// Most bytes of events in one message, well below every queue's limit.
const MESSAGE_BYTES_MAX: usize = 200 * 1024;

/// Who sent events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// Address.
    pub ip: Option<String>,
    /// Name, as the client gives it.
    pub user_agent: Option<String>,
}

/// Accepts events: they are in the queue, durably, when this returns. Undated ones get the organization's `now`.
///
/// # Errors
/// `Unavailable`: some of them may be queued; sending the same again is harmless, for an id counts once.
pub async fn accept(
    app: &App,
    organization: &Organization,
    events: &[ParsedEvent<'_>],
    client: &Client,
    now: Instant,
) -> Outcome<()> {
    accept_as(app, organization, events, client, now, Advance::Fires).await
}

/// Whether charges in advance bill what is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advance {
    Fires,
    /// Events of the deprecated batch (chapter 03, 1.4).
    LeavesAlone,
}

async fn accept_as(
    app: &App,
    organization: &Organization,
    events: &[ParsedEvent<'_>],
    client: &Client,
    now: Instant,
    advance: Advance,
) -> Outcome<()> {
    let mut messages = jobs_of(app, organization, events, client, now);
    messages.iter_mut().for_each(|job| job.without_advance = advance == Advance::LeavesAlone);
    let works: Vec<&str> = messages.iter().filter_map(|job| job.work.as_deref()).collect();
    if !works.is_empty() {
        let items = works.iter().map(|work| announced_work_item(organization.id, work, app.ids.sequence())).collect();
        app.store.table().put_all(items).await?;
    }
    let outgoing = messages.iter().map(|job| jobs::outgoing(Queue::Events, job, 0)).collect();
    if let Err(error) = app.queues.send(outgoing).await {
        // Nobody will finish what was not sent. What was sent all the same is only drained without being waited for.
        for work in works {
            app.finish_work(organization.id, Some(work)).await?;
        }
        return Err(error.into());
    }
    for work in works {
        outbox::sent(app.store.table(), organization.id, work, app.ids.sequence()).await?;
    }
    metrics::events_accepted(events.len());
    Ok(())
}

/// Events as messages, none larger than a queue takes.
fn jobs_of(
    app: &App,
    organization: &Organization,
    events: &[ParsedEvent<'_>],
    client: &Client,
    now: Instant,
) -> Vec<EventsJob> {
    let mut messages = Vec::new();
    let mut rest = events.iter().map(|event| event.to_queue_json(now)).peekable();
    while rest.peek().is_some() {
        let mut bytes = 0;
        let mut part: Vec<Box<RawValue>> = Vec::new();
        while let Some(event) = rest.next_if(|event| part_fits(bytes, event)) {
            bytes += event.get().len();
            part.push(event);
        }
        messages.push(job(app, organization, part, client, now));
    }
    messages
}

/// Accepts one event for several subscriptions of a customer (chapter 03, 1.4: deprecated, kept).
///
/// # Errors
/// In the chapter's order: 404 of subscription, customer, subscription, billable metric; 422.
pub async fn accept_legacy(
    app: &App,
    organization: &Organization,
    batch: &LegacyBatch<'_>,
    client: &Client,
    now: Instant,
) -> Outcome<()> {
    let not_found = |resource| Failure::from(Rejection::NotFound(resource));
    let ids = &batch.external_subscription_ids;
    let first = ids.first().ok_or_else(|| not_found("subscription"))?;
    let records = app.store.subscriptions_by_external_id(organization.id, first).await?;
    let customer = records.last().map(|record| record.customer_id).ok_or_else(|| not_found("customer"))?;
    for id in ids {
        let records = app.store.subscriptions_by_external_id(organization.id, id).await?;
        if !records.iter().any(|record| record.customer_id == customer) {
            return Err(not_found("subscription"));
        }
    }
    let events = batch.events()?;
    let catalogue = catalogue::metrics(app, organization.id).await?;
    for event in &events {
        let metric = catalogue.iter().find(|metric| metric.is_live() && metric.code == event.code);
        let metric = metric.ok_or_else(|| not_found("billable_metric"))?;
        check_against(app, organization, event, metric, &catalogue, now).await?;
    }
    accept_as(app, organization, &events, client, now, Advance::LeavesAlone).await
}

/// What only the deprecated batch checks of an event before it is accepted.
async fn check_against(
    app: &App,
    organization: &Organization,
    event: &ParsedEvent<'_>,
    metric: &Metric,
    catalogue: &[Metric],
    now: Instant,
) -> Outcome<()> {
    let properties = event.properties();
    let value = metric.field_name.as_deref().and_then(|field| properties.get(field)).filter(|value| !value.is_null());
    if metric.aggregation.is_numeric() && value.is_some_and(|value| value.as_plain_number().is_none()) {
        return Err(Problems::one("properties", "value_is_not_valid_number").into());
    }
    if metric.aggregation != AggregationType::UniqueCount {
        return Ok(());
    }
    let id = event.external_subscription_id.as_deref().unwrap_or_default();
    let operation = properties.get("operation_type").filter(|value| !value.is_null());
    match operation.map(|value| value.as_text().unwrap_or_default()) {
        None | Some("add") => Ok(()),
        Some("remove") => {
            let log = crate::usage::log(app, organization.id, id, metric, catalogue, Span::ALL).await?;
            let reception = Reception { received_at: now, position: 0, now };
            let event = event.to_event(organization.id, reception);
            let window = Window {
                from: Instant::MIN_UTC,
                to: Instant::MAX_UTC,
                end: End::Included,
                shared: Shared::default(),
                period_days: 1,
            };
            let active = unique_count::values(metric, &log, &window);
            if active.is_active(&unique_count::counted_value(metric, &event)) {
                return Ok(());
            }
            let field = metric.field_name.as_deref().unwrap_or_default();
            Err(Problems::one(&format!("subscription[{id}]_{field}"), "resource_not_found").into())
        }
        Some(_) => Err(Problems::one(&format!("subscription[{id}]_operation_type"), "invalid_operation_type").into()),
    }
}

/// The first event of a message always fits: its own size has a limit far below the message's.
fn part_fits(bytes: usize, event: &RawValue) -> bool {
    bytes == 0 || bytes + event.get().len() <= MESSAGE_BYTES_MAX
}

fn job(app: &App, organization: &Organization, events: Vec<Box<RawValue>>, client: &Client, now: Instant) -> EventsJob {
    EventsJob {
        organization_id: organization.id.0,
        // A creation sequence is a real instant that no other message has: it orders what is received (ruling 9).
        received_at: Instant::from_timestamp_micros(app.ids.sequence()),
        created_at: Some(now),
        ip: client.ip.clone(),
        user_agent: client.user_agent.clone(),
        work: organization.is_sandbox().then(|| format!("{WORK_PREFIX}{}", app.ids.uuid())),
        without_advance: false,
        events,
        event: None,
    }
}

/// Appends the events of messages to their logs. Returns the messages to deliver again, each for its own fault only.
pub async fn ingest(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    let mut failed = Vec::new();
    let mut received = Vec::with_capacity(messages.len());
    for message in messages {
        match receive(app, &message).await {
            Ok(one) => received.push(one),
            Err(failure) => {
                tracing::error!(message.id = %message.id, "events message {} cannot be read: {failure}", message.id);
                failed.push(message.id);
            }
        }
    }
    let attributions =
        attribution::of_deliveries(app, received.iter().map(|one| (one.organization, &one.delivery))).await;
    let mut batches: BTreeMap<OrganizationId, Vec<Received>> = BTreeMap::new();
    for mut one in received {
        if let Err(failure) = attribute(&mut one, &attributions) {
            tracing::warn!(message.id = %one.message, "events of message {} cannot be attributed: {failure}", one.message);
            failed.push(one.message);
            continue;
        }
        batches.entry(one.organization).or_default().push(one);
    }
    for (organization, mut batch) in batches {
        match append(app, organization, &mut batch).await {
            Ok(()) => {}
            // Something in it will never be taken: each for itself, so that the others are.
            Err(Failure::Bug(error)) if batch.len() > 1 => {
                tracing::error!(org.id = %organization, "usage of {organization} goes on message by message: {error}");
                for one in &mut batch {
                    if let Err(failure) = append(app, organization, std::slice::from_mut(one)).await {
                        tracing::error!(message.id = %one.message, "appending message {} failed: {failure}", one.message);
                        failed.push(one.message.clone());
                    }
                }
            }
            Err(failure) => {
                tracing::warn!(org.id = %organization, "appending usage of {organization} failed: {failure}");
                failed.extend(batch.into_iter().map(|one| one.message));
            }
        }
    }
    failed
}

async fn append(app: &App, organization: OrganizationId, batch: &mut [Received]) -> Outcome<()> {
    // Moved, not copied: they may be many megabytes. They come back for another try.
    let deliveries: Vec<Delivery> = batch.iter_mut().map(|one| std::mem::take(&mut one.delivery)).collect();
    let appended = append_deliveries(app, organization, batch, &deliveries).await;
    for (one, delivery) in batch.iter_mut().zip(deliveries) {
        one.delivery = delivery;
    }
    appended
}

async fn append_deliveries(
    app: &App,
    organization: OrganizationId,
    batch: &[Received],
    deliveries: &[Delivery],
) -> Outcome<()> {
    usage::append(app.store.table(), organization, deliveries, app.ids.uuid()).await?;
    crate::event_check::note(app, organization, deliveries).await?;
    let subscriptions = deliveries.iter().flat_map(|delivery| &delivery.events);
    let subscriptions = subscriptions.filter_map(|event| event.external_subscription_id.as_deref());
    crate::wallet::note_usage(app, organization, subscriptions).await?;
    crate::fold::after_append(app, organization, deliveries).await;
    let mut events: Vec<&Event> = Vec::new();
    for (one, delivery) in batch.iter().zip(deliveries) {
        if one.advance == Advance::Fires {
            events.extend(&delivery.events);
        }
    }
    // Before the ingestion counts as done: a sandbox's clock sees the one piece of work or the other.
    crate::advance::hand_on(app, organization, &events, batch.iter().any(|one| one.work.is_some())).await?;
    let unreadable = batch.iter().flat_map(|one| &one.unreadable);
    let unreadable: Vec<_> = unreadable.map(|job| jobs::outgoing(Queue::Events, job, 0)).collect();
    if !unreadable.is_empty() {
        // They fail alone from now on. Sent twice they are two dead letters, and nothing else.
        app.queues.send(unreadable).await?;
    }
    for work in batch.iter().filter_map(|one| one.work.as_deref()) {
        app.finish_work(organization, Some(work)).await?;
    }
    Ok(())
}

/// What one message brings.
struct Received {
    /// The message's id.
    message: String,
    organization: OrganizationId,
    delivery: Delivery,
    advance: Advance,
    work: Option<String>,
    /// Those of its events that cannot be read, each as a message of its own.
    unreadable: Vec<EventsJob>,
}

async fn receive(app: &App, message: &Incoming) -> Outcome<Received> {
    let job: EventsJob =
        serde_json::from_str(&message.body).map_err(|error| Failure::Bug(format!("not an events message: {error}")))?;
    let organization = OrganizationId(job.organization_id);
    let (received_at, now) = match (job.received_at, job.created_at) {
        (Some(received_at), Some(created_at)) => (received_at, created_at),
        // A producer of its own: whose it is, and what time it is there, must be looked up.
        (received_at, created_at) => {
            let found = app.store.organization(organization).await?;
            let found = found.ok_or_else(|| Failure::Bug(format!("organization {organization} does not exist")))?;
            let received_at = received_at.unwrap_or(message.sent_at);
            (received_at, created_at.unwrap_or_else(|| found.now(received_at)))
        }
    };
    let mut events = Vec::with_capacity(job.events.len());
    let mut unreadable = Vec::new();
    for (position, json) in job.events.iter().chain(job.event.iter()).enumerate() {
        let parsed = match wire::event::parse_item(json) {
            Ok(parsed) => parsed,
            Err(error) => {
                unreadable.push((json, format!("event {position} of the message is not valid: {error}")));
                continue;
            }
        };
        // A message never holds more than a few thousand events.
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        events.push(parsed.to_event(organization, Reception { received_at, position, now }));
    }
    let mut alone = Vec::with_capacity(unreadable.len());
    for (json, error) in unreadable {
        // Nothing beside it that could be kept waiting: the message fails, and in the end is a dead letter.
        if events.is_empty() {
            return Err(Failure::Bug(error));
        }
        tracing::error!(message.id = %message.id, "{error}: it goes on alone, the others of message {} count", message.id);
        alone.push(EventsJob {
            received_at: Some(received_at),
            created_at: Some(now),
            ip: job.ip.clone(),
            user_agent: job.user_agent.clone(),
            work: None,
            without_advance: job.without_advance,
            events: Vec::new(),
            event: Some(json.clone()),
            organization_id: job.organization_id,
        });
    }
    // Only the deprecated batch checks events, and it alone leaves charges in advance alone.
    let source = Source { ip: job.ip, user_agent: job.user_agent, is_checked: job.without_advance };
    let delivery = Delivery { source, events };
    let advance = if job.without_advance { Advance::LeavesAlone } else { Advance::Fires };
    Ok(Received { message: message.id.clone(), organization, delivery, advance, work: job.work, unreadable: alone })
}

/// An event without subscription belongs to the only one that its customer can mean (chapter 03, 1.3).
fn attribute(received: &mut Received, attributions: &Attributions) -> Outcome<()> {
    for event in &mut received.delivery.events {
        if attribution::asks_for_customer(event).is_some() {
            event.external_subscription_id = attribution::of_event(attributions, received.organization, event)?;
        }
    }
    Ok(())
}

/// A stored event with what is known of it beside.
#[derive(Debug, Clone)]
pub struct Found {
    /// The event.
    pub event: Event,
    /// Who sent it.
    pub source: Source,
    /// The customer of its subscription, if the event came without one.
    pub external_customer_id: Option<String>,
    /// Customer and record that it is of: known of events of the deprecated batch only (chapter 03, 1.4).
    pub checked: Option<(CustomerId, SubscriptionId)>,
    /// The zone of its customer, if that is known and has one of its own.
    pub zone: Option<Zone>,
}

/// The organization's earliest event with a transaction id.
///
/// # Errors
/// 404 `event_not_found`: there is none, or its metric was deleted.
pub async fn find(app: &App, organization: &Organization, transaction_id: &str) -> Outcome<Found> {
    let days = days(app, organization);
    let found = usage::find(app.store.table(), organization.id, transaction_id, days.0, days.1).await?;
    let Recorded { event, source } = found.ok_or(Failure::from(Rejection::NotFound("event")))?;
    if is_deleted(&event, &catalogue::metrics(app, organization.id).await?) {
        return Err(Rejection::NotFound("event").into());
    }
    let owner = owner(app, organization.id, &event).await?;
    Ok(described(event, source, &owner))
}

/// A page of the organization's events.
#[derive(Debug, Clone)]
pub struct Page {
    /// Events of the whole list.
    pub total: usize,
    /// Those of the page.
    pub events: Vec<Found>,
    /// Every metric of the organization, deleted ones too.
    pub catalogue: Vec<Metric>,
}

/// A page of the organization's events, newest timestamp first (chapter 03, 1.7).
///
/// # Errors
/// The table did not answer.
pub async fn list(app: &App, organization: &Organization, range: std::ops::Range<usize>) -> Outcome<Page> {
    let (from, to) = days(app, organization);
    let page = usage::recent(app.store.table(), organization.id, from, to, range.start, range.len()).await?;
    let mut owners: BTreeMap<(Option<String>, Option<String>), Owner> = BTreeMap::new();
    let mut events = Vec::with_capacity(page.events.len());
    for Recorded { event, source } in page.events {
        let owner = match owners.entry((event.external_subscription_id.clone(), event.external_customer_id.clone())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(owner(app, organization.id, &event).await?),
        };
        events.push(described(event, source, owner));
    }
    Ok(Page { total: page.total, events, catalogue: catalogue::metrics(app, organization.id).await? })
}

/// Whose an event is.
#[derive(Default)]
struct Owner {
    customer: Option<Customer>,
    /// The records with the external id that it names, of that customer.
    records: Vec<Subscription>,
}

/// The customer that an event is of: its subscription's, else the one that it names (chapter 03, 1.3).
async fn owner(app: &App, organization: OrganizationId, event: &Event) -> Outcome<Owner> {
    if let Some(subscription) = &event.external_subscription_id {
        let records = app.store.subscriptions_by_external_id(organization, subscription).await?;
        if let Some(id) = records.last().map(|record| record.customer_id) {
            let customer = app.store.customer(organization, id).await?.map(|customer| customer.value);
            let records = records.into_iter().map(|record| record.value);
            return Ok(Owner { customer, records: records.filter(|record| record.customer_id == id).collect() });
        }
    }
    let Some(external_id) = &event.external_customer_id else { return Ok(Owner::default()) };
    let customer = app.store.customer_by_external_id(organization, external_id).await?;
    Ok(Owner { customer: customer.map(|customer| customer.value), records: Vec::new() })
}

fn described(event: Event, source: Source, Owner { customer, records }: &Owner) -> Found {
    let external_customer_id = match &event.external_customer_id {
        Some(_) => None,
        None => customer.as_ref().map(|customer| customer.external_id.clone()),
    };
    // One that no record covers was sent for whatever record the id had.
    let record = subscription::covering(records, event.timestamp).first().copied().or(records.last());
    let checked = record.filter(|_| source.is_checked).map(|record| (record.customer_id, record.id));
    let zone = customer.as_ref().and_then(|customer| customer.timezone);
    Found { event, source, external_customer_id, checked, zone }
}

/// The days of the real clock on which the organization can have received events.
fn days(app: &App, organization: &Organization) -> (chrono::NaiveDate, chrono::NaiveDate) {
    // The id of an organization is ordered by time: it tells the real instant of creation, also of a sandbox.
    let born = organization.id.0.get_timestamp().and_then(|time| {
        let (seconds, nanos) = time.to_unix();
        Instant::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    let today = app.clock.now().date_naive();
    let day = chrono::Days::new(1);
    let from = born.unwrap_or(organization.created_at).date_naive();
    // A day more on each side: hosts' clocks differ.
    (from.checked_sub_days(day).unwrap_or(from), today.checked_add_days(day).unwrap_or(today))
}
