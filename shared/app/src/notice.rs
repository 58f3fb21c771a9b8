//! The webhook messages of a commit: bodies are made now, stored with the commit, and sent as they are (chapter 07, 1.2).
//! They show what the commit leaves, so whoever asks for one hands over objects as they will be.
//!
//! An organization without endpoints gets none.

use domain::credit_note::CreditNote;
use domain::customer::Customer;
use domain::id::{InvoiceId, OrganizationId};
use domain::invoice::{Fee, Invoice, Kind, Status};
use domain::money::Currency;
use domain::organization::Organization;
use domain::subscription::{Subscription, Transition};
use domain::time::Instant;
use domain::usage::event::Problems;
use store::outbox::Message;
use wire::invoice::Includes;
use wire::webhook::{EventsErrors, body};
use wire::{credit_note, customer};

use crate::billing::Account;
use crate::present::Pending;
use crate::{App, Outcome, document, present};

fn webhook(webhook_type: &str, object_type: &str, object_id: impl ToString, payload: String) -> Message {
    Message::Webhook {
        webhook_type: webhook_type.to_owned(),
        object_type: object_type.to_owned(),
        object_id: object_id.to_string(),
        payload,
    }
}

/// What the world hears of subscriptions that changed. `changed` are the records as the commit leaves them, new ones too;
/// the account's customer and plans are so already, its records as they were loaded.
pub(crate) async fn of_transitions(
    app: &App,
    account: &Account,
    changed: &[Subscription],
    transitions: &[Transition],
    now: Instant,
) -> Outcome<Vec<Message>> {
    let organization = &account.organization;
    let mut messages = Vec::new();
    if organization.endpoints.is_empty() {
        return Ok(messages);
    }
    for transition in transitions {
        let (id, webhook_type) = match transition {
            Transition::Started(id) => (id, "subscription.started"),
            Transition::Terminated(id) => (id, "subscription.terminated"),
            Transition::EndAnnounced(id) => (id, "subscription.termination_alert"),
        };
        let Some(record) = changed.iter().find(|record| record.id == *id) else { continue };
        let plan = account.plan(record.plan_id)?;
        let customer = &account.customer.value;
        // In a box: the callers' futures are as deep as the compiler follows them.
        let plan_shown = Box::pin(present::pending_plan(app, plan, Pending { account, changed })).await?;
        let shown = present::subscription(organization, customer, plan, record, now)
            .with_plan(plan_shown)
            .with_customer(customer::Output::new(customer, organization));
        messages.push(webhook(webhook_type, "Subscription", id, body(webhook_type, "subscription", &shown)));
    }
    Ok(messages)
}

/// What the world hears of an invoice that was made or finalized.
pub(crate) fn of_invoice(
    app: &App,
    account: &Account,
    invoice: &Invoice,
    records: &[Subscription],
    now: Instant,
) -> Outcome<Vec<Message>> {
    let (webhook_type, includes) = match (invoice.status, invoice.kind) {
        (Status::Draft, _) => ("invoice.drafted", Includes::Created),
        (Status::Voided { .. }, _) => ("invoice.voided", Includes::Created),
        (Status::Finalized, Kind::Subscription) => ("invoice.created", Includes::Created),
        (Status::Finalized, Kind::OneOff) => ("invoice.one_off_created", Includes::Sold),
        (Status::Finalized, Kind::Credit) => ("invoice.paid_credit_added", Includes::Sold),
    };
    about(app, account, invoice, records, webhook_type, includes, now)
}

/// What the world hears of prepaid credits that were sold.
pub(crate) fn of_sale(app: &App, account: &Account, invoice: &Invoice, now: Instant) -> Outcome<Vec<Message>> {
    about(app, account, invoice, &[], "invoice.paid_credit_added", Includes::Sold, now)
}

/// What the world hears of an invoice whose document was made.
pub(crate) fn of_generated(app: &App, account: &Account, invoice: &Invoice) -> Outcome<Vec<Message>> {
    let now = app.now(&account.organization);
    about(app, account, invoice, &[], "invoice.generated", Includes::Customer, now)
}

/// What the world hears of an invoice whose payment status changed.
pub(crate) fn of_payment_status(app: &App, account: &Account, invoice: &Invoice) -> Outcome<Vec<Message>> {
    let now = app.now(&account.organization);
    about(app, account, invoice, &[], "invoice.payment_status_updated", Includes::Customer, now)
}

/// What the world hears of a fee that an event made: `fee.created` (chapter 03, 7.4 and 7.5).
pub(crate) fn of_fee(
    organization: &Organization,
    customer: &Customer,
    fee: &Fee,
    invoice_id: Option<InvoiceId>,
    currency: Currency,
) -> Vec<Message> {
    if organization.endpoints.is_empty() {
        return Vec::new();
    }
    let shown = wire::fee::Output::new(fee, wire::fee::Context { invoice_id, customer, currency });
    vec![webhook("fee.created", "Fee", fee.id, body("fee.created", "fee", &shown))]
}

/// What the world hears of a credit note that has become final. `fees` are those of its invoice.
pub(crate) fn of_credit_note(app: &App, account: &Account, note: &CreditNote, fees: &[Fee]) -> Vec<Message> {
    let (organization, customer) = (&account.organization, &account.customer.value);
    if organization.endpoints.is_empty() {
        return Vec::new();
    }
    let shown = credit_note::Output::new(note, document::note_url(app, organization.id, note))
        .with_customer(customer::Output::new(customer, organization))
        .with_items(note, customer, fees)
        .with_taxes(note);
    let body = body("credit_note.created", "credit_note", &shown);
    vec![webhook("credit_note.created", "CreditNote", note.id, body)]
}

/// What the world hears of a credit note whose document was made.
pub(crate) fn of_generated_note(app: &App, account: &Account, note: &CreditNote) -> Vec<Message> {
    let (organization, customer) = (&account.organization, &account.customer.value);
    if organization.endpoints.is_empty() {
        return Vec::new();
    }
    let shown = credit_note::Output::new(note, document::note_url(app, organization.id, note))
        .with_customer(customer::Output::new(customer, organization));
    let body = body("credit_note.generated", "credit_note", &shown);
    vec![webhook("credit_note.generated", "CreditNote", note.id, body)]
}

fn about(
    app: &App,
    account: &Account,
    invoice: &Invoice,
    records: &[Subscription],
    webhook_type: &str,
    includes: Includes,
    now: Instant,
) -> Outcome<Vec<Message>> {
    if account.organization.endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let shown = present::invoice_of(app, account, records, invoice, includes, now)?;
    Ok(vec![webhook(webhook_type, "Invoice", invoice.id, body(webhook_type, "invoice", &shown))])
}

/// What the world hears of events that will not count as meant (chapter 07, 1.8). It is about the organization as a whole.
pub(crate) fn of_event_problems(organization: OrganizationId, found: &Problems) -> Message {
    let lists = EventsErrors {
        invalid_code: &found.invalid_code,
        missing_aggregation_property: &found.missing_aggregation_property,
        missing_group_key: &found.missing_group_key,
    };
    webhook("events.errors", "events_errors", organization, body("events.errors", "events_errors", &lists))
}
