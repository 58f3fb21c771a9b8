//! The messages between functions: one type per queue, JSON.

use domain::id::{EventId, OrganizationId, WebhookId};
use domain::time::Instant;
use domain::usage::event::Event;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::keys::fingerprint;
use store::outbox::{Message, Queue};
use uuid::Uuid;

use crate::drafts::Flag;
use crate::ports::{Incoming, Outgoing};
use crate::{Failure, Outcome};

/// A batch of usage events on the events queue. Producers may send it themselves: `organization_id` and `events` (or
/// one `event`) are enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventsJob {
    /// Whose events.
    pub organization_id: Uuid,
    /// When the API accepted them, by the real clock; the message's own sending time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Instant>,
    /// The same by the organization's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// Address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Name of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Piece of sandbox work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// Whether charges in advance leave these events alone: those of the deprecated batch (chapter 03, 1.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_advance: bool,
    /// The events as the API takes them.
    #[serde(default)]
    pub events: Vec<Box<RawValue>>,
    /// A single event, as the API takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<RawValue>>,
}

/// Events of one usage log that charges in advance may bill, each by itself and in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdvanceJob {
    /// Whose events.
    pub organization_id: Uuid,
    /// The external subscription id that they were attributed to.
    pub external_subscription_id: String,
    /// Their code.
    pub code: String,
    /// Piece of sandbox work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// The events, in order of reception.
    pub events: Vec<AdvanceEvent>,
}

/// An event on its way to the charges in advance: what its log does not say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdvanceEvent {
    /// Its id, as the client knows it.
    pub id: Uuid,
    /// The client's idempotency key.
    pub transaction_id: String,
    /// When the usage happened.
    pub timestamp: Instant,
    /// When it was received, by the real clock.
    pub received_at: Instant,
    /// The same by the organization's clock.
    pub created_at: Instant,
    /// Place within its batch.
    pub position: u32,
    /// Properties as JSON.
    pub properties: Box<RawValue>,
}

impl AdvanceEvent {
    /// An event of a log.
    ///
    /// # Errors
    /// Its properties cannot be JSON (they always can: they came as JSON).
    pub fn of(event: &Event) -> Outcome<AdvanceEvent> {
        let properties = wire::event::properties_json(&event.properties);
        Ok(AdvanceEvent {
            id: event.id.0,
            transaction_id: event.transaction_id.clone(),
            timestamp: event.timestamp,
            received_at: event.received_at,
            created_at: event.created_at,
            position: event.position,
            properties: properties.map_err(|error| Failure::Bug(format!("properties of an event: {error}")))?,
        })
    }
}

impl AdvanceJob {
    /// The job on its way, behind the earlier ones of its log.
    #[must_use]
    pub fn outgoing(&self) -> Outgoing {
        let log = fingerprint(&[&self.external_subscription_id, &self.code]);
        let group = Some(format!("{}.{log}", self.organization_id.simple()));
        Outgoing { group, ..outgoing(Queue::Advance, self, 0) }
    }

    /// The events as the rules see them.
    ///
    /// # Errors
    /// Properties that no event can have.
    pub fn events(&self) -> Outcome<Vec<Event>> {
        let event = |event: &AdvanceEvent| {
            let properties = wire::event::properties_of(&event.properties)
                .ok_or_else(|| Failure::Bug("properties of an event are no object".to_owned()))?;
            Ok(Event {
                id: EventId(event.id),
                transaction_id: event.transaction_id.clone(),
                external_subscription_id: Some(self.external_subscription_id.clone()),
                external_customer_id: None,
                code: self.code.clone(),
                timestamp: event.timestamp,
                received_at: event.received_at,
                created_at: event.created_at,
                position: event.position,
                properties,
            })
        };
        self.events.iter().map(event).collect()
    }
}

/// A job of the billing function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum BillingJob {
    /// Do everything that is due for a customer up to an instant.
    CloseCustomer {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        customer_id: Uuid,
        /// Up to and including this instant.
        until: Instant,
    },
    /// Finalize a draft whose grace period has passed.
    FinalizeInvoice {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        invoice_id: Uuid,
        /// The due mark: the instant of everything that it makes.
        at: Instant,
    },
    /// Check the events that an organization received in an hour.
    CheckEvents {
        /// Whose.
        organization_id: Uuid,
        /// When the hour began, on the organization's clock.
        hour: Instant,
    },
    /// Do everything that is due of a wallet: top-ups, its end.
    RunWallet {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        wallet_id: Uuid,
        /// Up to and including this instant.
        until: Instant,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// Move a sandbox's test clock to where it is heading.
    AdvanceTestClock {
        /// Whose.
        organization_id: Uuid,
    },
    /// Another zone applies: what is due is due at other instants.
    Reschedule {
        /// Whose.
        organization_id: Uuid,
        /// The customer whose zone it is; none if it is the organization's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_id: Option<Uuid>,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// A grace period or payment term has changed: drafts have other dates, and some may be past due.
    RedateDrafts {
        /// Whose.
        organization_id: Uuid,
        /// The customer whose own setting it was; none if it was the organization's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_id: Option<Uuid>,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// A coupon was deleted: what was applied of it ends.
    DeleteCoupon {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        coupon_id: Uuid,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// End a coupon whose expiration has passed.
    ExpireCoupon {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        coupon_id: Uuid,
        /// Now.
        at: Instant,
    },
    /// Something that drafts depend on has changed: they are to be refreshed.
    FlagDrafts {
        /// Whose.
        organization_id: Uuid,
        /// What has changed.
        flag: Flag,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// End what belongs to a plan that is being deleted, and delete it.
    DeletePlan {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        plan_id: Uuid,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// Move what commits have counted into the sums of analytics.
    FoldAnalytics {
        /// Whose.
        organization_id: Uuid,
    },
    /// Show the rest of a finalized draft's credit notes, which did not fit into its transaction.
    PublishNotes {
        /// Whose.
        organization_id: Uuid,
        /// The invoice.
        invoice_id: Uuid,
        /// The instant of its finalization.
        at: Instant,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
    /// End what belongs to a customer that was deleted.
    DeleteCustomer {
        /// Whose.
        organization_id: Uuid,
        /// Which.
        customer_id: Uuid,
        /// Piece of sandbox work, filled in by the relay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work: Option<String>,
    },
}

impl BillingJob {
    /// The outbox message that asks for this job, in order with others about the same object.
    #[must_use]
    pub fn message(&self, concerns: &str) -> Message {
        Message::Job { queue: Queue::Billing, concerns: concerns.to_owned(), job: json(self) }
    }

    /// Whose job it is.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        match self {
            BillingJob::CloseCustomer { organization_id, .. }
            | BillingJob::FinalizeInvoice { organization_id, .. }
            | BillingJob::CheckEvents { organization_id, .. }
            | BillingJob::RunWallet { organization_id, .. }
            | BillingJob::AdvanceTestClock { organization_id }
            | BillingJob::Reschedule { organization_id, .. }
            | BillingJob::RedateDrafts { organization_id, .. }
            | BillingJob::FoldAnalytics { organization_id }
            | BillingJob::DeleteCoupon { organization_id, .. }
            | BillingJob::ExpireCoupon { organization_id, .. }
            | BillingJob::FlagDrafts { organization_id, .. }
            | BillingJob::DeletePlan { organization_id, .. }
            | BillingJob::PublishNotes { organization_id, .. }
            | BillingJob::DeleteCustomer { organization_id, .. } => OrganizationId(*organization_id),
        }
    }

    /// The piece of sandbox work that it finishes.
    #[must_use]
    pub fn work(&self) -> Option<&str> {
        match self {
            BillingJob::CloseCustomer { .. }
            | BillingJob::FinalizeInvoice { .. }
            | BillingJob::CheckEvents { .. }
            | BillingJob::ExpireCoupon { .. }
            | BillingJob::FoldAnalytics { .. }
            | BillingJob::AdvanceTestClock { .. } => None,
            BillingJob::RunWallet { work, .. }
            | BillingJob::Reschedule { work, .. }
            | BillingJob::RedateDrafts { work, .. }
            | BillingJob::DeleteCoupon { work, .. }
            | BillingJob::FlagDrafts { work, .. }
            | BillingJob::DeletePlan { work, .. }
            | BillingJob::PublishNotes { work, .. }
            | BillingJob::DeleteCustomer { work, .. } => work.as_deref(),
        }
    }
}

/// A delivery of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookJob {
    /// Whose.
    pub organization_id: Uuid,
    /// Its log entry.
    pub webhook_id: Uuid,
    /// 0 for the first attempt, n for the n-th retry. A message that comes late or twice finds it made already.
    pub attempt: u32,
    /// The instant of a sandbox's clock at which the attempt is due, and dated; none is whenever it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// Piece of sandbox work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
}

impl WebhookJob {
    /// The first delivery of a log entry.
    #[must_use]
    pub fn first(
        organization: OrganizationId,
        webhook: WebhookId,
        at: Option<Instant>,
        work: Option<String>,
    ) -> WebhookJob {
        WebhookJob { organization_id: organization.0, webhook_id: webhook.0, attempt: 0, at, work }
    }
}

/// What a document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentSubject {
    /// An invoice.
    #[serde(rename = "invoice_id")]
    Invoice(Uuid),
    /// A credit note.
    #[serde(rename = "credit_note_id")]
    CreditNote(Uuid),
}

/// A document to render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentJob {
    /// Whose.
    pub organization_id: Uuid,
    /// What to render.
    #[serde(flatten)]
    pub subject: DocumentSubject,
    /// Piece of sandbox work, filled in by the relay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
}

impl DocumentJob {
    /// The outbox message that asks for a PDF.
    #[must_use]
    pub fn message(organization: OrganizationId, subject: DocumentSubject) -> Message {
        let job = DocumentJob { organization_id: organization.0, subject, work: None };
        let (DocumentSubject::Invoice(id) | DocumentSubject::CreditNote(id)) = subject;
        Message::Job { queue: Queue::Documents, concerns: id.to_string(), job: json(&job) }
    }
}

/// A usage log to fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldJob {
    /// Whose.
    pub organization_id: Uuid,
    /// Of which external subscription id; empty for events without one.
    pub external_subscription_id: String,
    /// Of which metric's code.
    pub code: String,
}

/// A job as a message's body.
#[must_use]
pub fn json<T: Serialize>(job: &T) -> String {
    // These types hold texts, numbers and ids only: nothing in them can fail to be JSON.
    serde_json::to_string(job).unwrap_or_default()
}

/// A job on its way into its queue.
#[must_use]
pub fn outgoing<T: Serialize>(queue: Queue, job: &T, delay_seconds: u32) -> Outgoing {
    Outgoing { queue, body: json(job), delay_seconds, group: None }
}

/// Does a queue's jobs one after the other, each for itself: the fault of one never touches its neighbours.
///
/// Returns the ids of the messages to deliver again.
pub async fn each<J, F>(messages: Vec<Incoming>, run: impl Fn(J) -> F) -> Vec<String>
where
    J: DeserializeOwned,
    F: Future<Output = Outcome<()>>,
{
    let mut failed = Vec::new();
    for message in messages {
        let outcome = match serde_json::from_str(&message.body) {
            Ok(job) => run(job).await,
            Err(error) => Err(Failure::Bug(format!("not a job: {error}"))),
        };
        match outcome {
            Ok(()) => continue,
            // Somebody should look: the message ends in the dead-letter queue.
            Err(failure @ (Failure::Bug(_) | Failure::Rejected(_))) => {
                tracing::error!(message.id = %message.id, "job {} failed: {failure}", message.id);
            }
            Err(failure @ Failure::Unavailable(_)) => {
                tracing::warn!(message.id = %message.id, "job {} comes again: {failure}", message.id);
            }
        }
        failed.push(message.id);
    }
    failed
}
