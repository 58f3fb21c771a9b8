//! Previews of invoices: the use cases that would issue them, run over a table that keeps its writes to itself.
//!
//! Nothing here computes an invoice. A rehearsal has the organization's own data below it and its clock frozen at the
//! instant of the change; the request is carried out, time passes until an invoice is made, and all of it is forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::customer::CustomerUpdate;
use domain::id::{CustomerId, InvoiceId};
use domain::invoice::Invoice;
use domain::organization::{Organization, TestClock};
use domain::problem::codes;
use domain::subscription::{State, Subscription};
use domain::time::{Instant, Zone};
use store::Store;
use store::keys::{self, Owner};
use store::record::Record;
use store::table::{Rehearsal, Seconds};
use wire::invoice::Includes;
use wire::preview::{Change, Customer, Output, Request, When};
use wire::subscription::NewSubscription;

use crate::billing::{self, Account};
use crate::ports::{Blobs, Outgoing, PortError, Queues};
use crate::subscription::{self, Wanted};
use crate::{App, Failure, Outcome, Rejection, customer, present, retry_on_conflict, test_clock};

/// How far ahead a change may lie.
const AHEAD_MAX: TimeDelta = TimeDelta::days(731);

/// Instants at which something is due that a rehearsal passes before it gives up: ten years of weeks.
const INSTANTS_MAX: usize = 520;

/// The invoices that would be issued, first the one that comes first. Nothing is stored and no number is taken.
///
/// # Errors
/// Those of the requests that it rehearses: 404 `customer_not_found`, `subscription_not_found`, `plan_not_found`,
/// `tax_not_found`; 422, also for an instant that is past or more than two years ahead.
pub async fn invoices(app: &App, organization: &Organization, request: &Request) -> Outcome<Output> {
    if organization.is_sandbox() {
        test_clock::drain_events(app, organization.id).await?;
    }
    let now = app.now(organization);
    let mut rehearsal = Stage::set(app, organization, now).await?;
    let (customer, zone) = rehearsal.customer(request).await?;
    rehearsal.pass(customer, instant(request, zone, now)?).await?;
    let before = rehearsal.made();
    let subject = rehearsal.change(customer, request).await?;
    let invoices = rehearsal.until_billed(customer, subject.as_deref(), &before).await?;
    let mut shown = Vec::with_capacity(invoices.len());
    for invoice in &invoices {
        shown.push(present::invoice(&rehearsal.app, &rehearsal.organization, invoice, Includes::Full).await?);
    }
    Ok(Output { invoice: shown.first().cloned(), invoices: shown })
}

/// When the change happens.
fn instant(request: &Request, zone: Zone, now: Instant) -> Outcome<Instant> {
    let mut problems = request.unread.clone();
    let (field, at) = match request.when {
        When::Now => ("timestamp", now),
        When::At(at) => ("timestamp", at),
        // Today is now.
        When::On(date) if date == zone.date(now) => ("date", now),
        When::On(date) => ("date", zone.start_of(date)),
    };
    if at < now {
        problems.add(field, codes::INVALID_DATE);
    } else if at - now > AHEAD_MAX {
        problems.add(field, codes::OUT_OF_RANGE);
    }
    Ok(problems.or(at)?)
}

/// Where a preview is rehearsed.
struct Stage {
    app: App,
    organization: Organization,
    writes: Arc<Rehearsal>,
    /// What is there without the rehearsal.
    below: Store,
}

impl Stage {
    async fn set(app: &App, organization: &Organization, now: Instant) -> Outcome<Stage> {
        let clock = Arc::clone(&app.clock);
        let seconds: Seconds = Arc::new(move || clock.now().timestamp());
        let below = app.store.clone();
        let (store, writes) = below.rehearsal(seconds);
        let (queues, blobs) = (Arc::new(Nowhere), Arc::new(Nowhere));
        let app = App { store, queues, blobs, ..app.clone() };
        let mut stage = Stage { app, organization: organization.clone(), writes, below };
        stage.freeze(now).await?;
        Ok(stage)
    }

    /// Sets the rehearsal's clock. Nobody is told of anything that happens in it.
    async fn freeze(&mut self, at: Instant) -> Outcome<()> {
        let app = &self.app;
        let id = self.organization.id;
        self.organization = app
            .until_no_conflict(|| async {
                let found = app.store.organization(id).await?.ok_or(Failure::from(Rejection::Unauthorized))?;
                let test_clock = Some(TestClock { frozen_time: at, advancing_to: None });
                let frozen = Organization { test_clock, endpoints: Vec::new(), ..found.value.clone() };
                retry_on_conflict(app.execute(app.commit(&frozen).update(&found, &frozen)).await)?;
                Ok(frozen)
            })
            .await?;
        Ok(())
    }

    /// The customer that the request means, described ones made, and its zone.
    async fn customer(&self, request: &Request) -> Outcome<(CustomerId, Zone)> {
        let (app, organization) = (&self.app, &self.organization);
        let id = match (&request.customer, &request.change) {
            (Some(Customer::Known(external_id)), _) => {
                customer::by_external_id(app, organization.id, external_id).await?.value.id
            }
            (Some(Customer::Described(fields)), _) => {
                // Nobody else has this id.
                let external_id = fields.external_id.clone().unwrap_or_else(|| app.ids.uuid().to_string());
                let fields = CustomerUpdate { external_id: Some(external_id), ..(**fields).clone() };
                customer::upsert(app, organization, fields).await?.id
            }
            (None, Change::Next(external_id) | Change::Terminated(external_id)) => {
                self.owner(external_id).await?.ok_or(Rejection::NotFound("subscription"))?
            }
            (None, Change::Requested(new)) => {
                self.owner(&new.external_id).await?.ok_or(Rejection::NotFound("subscription"))?
            }
            // Refused when the request was read.
            (None, Change::Nothing) => return Err(Rejection::NotFound("customer").into()),
        };
        let account = Account::of(app, organization.id, id).await?;
        Ok((id, account.zone()))
    }

    /// Whose subscription an external id is.
    async fn owner(&self, external_id: &str) -> Outcome<Option<CustomerId>> {
        let records = subscription::by_external_id(&self.app, &self.organization, external_id).await?;
        let living = records.iter().rfind(|record| lives(record)).or(records.last());
        Ok(living.map(|record| record.customer_id))
    }

    /// Carries the change out. Returns the external id of the subscription that the invoice is to be about, if one is.
    async fn change(&self, customer: CustomerId, request: &Request) -> Outcome<Option<String>> {
        let (app, organization) = (&self.app, &self.organization);
        match &request.change {
            Change::Nothing => Ok(None),
            Change::Next(external_id) => {
                self.must_have(customer, external_id).await?;
                Ok(Some(external_id.clone()))
            }
            Change::Terminated(external_id) => {
                self.must_have(customer, external_id).await?;
                subscription::terminate(app, organization, external_id, Wanted::Active).await?;
                Ok(Some(external_id.clone()))
            }
            Change::Requested(new) => {
                let account = Account::of(app, organization.id, customer).await?;
                let external_id = Some(new.external_id.clone()).filter(|id| !id.is_empty());
                let new = NewSubscription {
                    external_customer_id: account.customer.external_id.clone(),
                    external_id: external_id.unwrap_or_else(|| app.ids.uuid().to_string()),
                    ..(**new).clone()
                };
                let described = subscription::create(app, organization, new).await?;
                Ok(Some(described.subscription.external_id))
            }
        }
    }

    /// A record of the customer that still has something before it.
    async fn must_have(&self, customer: CustomerId, external_id: &str) -> Outcome<()> {
        let records = subscription::by_external_id(&self.app, &self.organization, external_id).await?;
        let has = records.iter().any(|record| record.customer_id == customer && lives(record));
        if has { Ok(()) } else { Err(Rejection::NotFound("subscription").into()) }
    }

    /// The next instant at which something of the customer is due.
    async fn next_due(&self, customer: CustomerId) -> Outcome<Option<Instant>> {
        let file = self.app.store.customer_file(self.organization.id, customer).await?;
        Ok(file.and_then(|file| file.subscriptions.iter().filter_map(|record| record.next_due).min()))
    }

    /// Lets time pass until `to`, everything due on the way done.
    async fn pass(&mut self, customer: CustomerId, to: Instant) -> Outcome<()> {
        for _ in 0..INSTANTS_MAX {
            let Some(at) = self.next_due(customer).await?.filter(|at| *at <= to) else { break };
            self.close(customer, at).await?;
        }
        let now = self.app.now(&self.organization);
        if to > now { self.freeze(to).await } else { Ok(()) }
    }

    async fn close(&mut self, customer: CustomerId, at: Instant) -> Outcome<()> {
        if at > self.app.now(&self.organization) {
            self.freeze(at).await?;
        }
        billing::close_customer(&self.app, self.organization.id, customer, at).await
    }

    /// The invoices that the rehearsal has made so far.
    fn made(&self) -> BTreeSet<InvoiceId> {
        let id = |key| if let Some((_, Owner::Invoice(id))) = keys::owner(&key) { Some(id) } else { None };
        self.writes.written(Invoice::KIND).into_iter().filter_map(id).collect()
    }

    /// The invoices that were made since `before` and concern the subscription, in order; if there are none, those of the
    /// next instant that makes some.
    async fn until_billed(
        &mut self,
        customer: CustomerId,
        subject: Option<&str>,
        before: &BTreeSet<InvoiceId>,
    ) -> Outcome<Vec<Invoice>> {
        for _ in 0..INSTANTS_MAX {
            let mut invoices = Vec::new();
            for id in self.made().difference(before) {
                // An invoice that was there is only changed: a credit note counts up on it.
                if self.below.invoice(self.organization.id, *id).await?.is_some() {
                    continue;
                }
                let made = self.app.store.invoice(self.organization.id, *id).await?;
                invoices.extend(made.map(|made| made.value).filter(|invoice| concerns(invoice, subject)));
            }
            if !invoices.is_empty() {
                invoices.sort_by_key(|invoice| invoice.created_seq);
                return Ok(invoices);
            }
            match self.next_due(customer).await? {
                Some(at) => self.close(customer, at).await?,
                None => break,
            }
        }
        Ok(Vec::new())
    }
}

fn lives(record: &Subscription) -> bool {
    matches!(record.state, State::Pending | State::Active { .. })
}

fn concerns(invoice: &Invoice, subject: Option<&str>) -> bool {
    let is_on = |external_id| invoice.subscriptions.iter().any(|billed| billed.external_id == external_id);
    subject.is_none_or(is_on)
}

/// Queues and blobs of a rehearsal: nothing that it writes reaches the change feed, so nothing comes here.
struct Nowhere;

#[async_trait]
impl Queues for Nowhere {
    async fn send(&self, _: Vec<Outgoing>) -> Result<(), PortError> {
        Err(PortError::new("queues", "a rehearsal sends nothing"))
    }
}

#[async_trait]
impl Blobs for Nowhere {
    async fn put(&self, _: &str, _: &str, _: Vec<u8>) -> Result<(), PortError> {
        Err(PortError::new("blobs", "a rehearsal keeps nothing"))
    }

    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }
}
