//! The relay: from the outbox to queues, webhook logs and the bus.

use domain::id::{WebhookId, derived};
use domain::organization::{Endpoint, Organization};
use domain::time::Instant;
use store::items::{RunningNumber, Webhook, WebhookStatus};
use store::outbox::{Message, Posted, work_item};
use store::table::{Condition, Write};

use crate::jobs::{self, WebhookJob};
use crate::ports::{Bus, Notice, Outgoing, Queue};
use crate::{App, Failure, Outcome, retry_on_conflict};

/// Forwards one outbox message. Running it again for the same message changes nothing.
///
/// # Errors
/// `Unavailable`: the message must come again.
pub async fn forward(app: &App, bus: &dyn Bus, posted: &Posted) -> Outcome<()> {
    match &posted.message {
        Message::Job { queue, job, .. } => forward_job(app, posted, *queue, job).await,
        Message::Webhook { webhook_type, object_type, object_id, payload } => {
            let organization = app.organization(posted.organization).await?;
            let notice = Notice {
                organization: organization.id.0,
                webhook_type: webhook_type.clone(),
                object_type: object_type.clone(),
                object_id: object_id.clone(),
            };
            bus.publish(std::slice::from_ref(&notice)).await?;
            let at = posted.at.unwrap_or_else(|| app.now(&organization));
            for endpoint in &organization.endpoints {
                let webhook = produce(app, &organization, endpoint, posted, &notice, payload, at).await?;
                let work = posted.work.as_ref().map(|_| delivery_work(webhook));
                let job = WebhookJob::first(organization.id, webhook, organization.is_sandbox().then_some(at), work);
                app.queues.send(vec![jobs::outgoing(Queue::Webhooks, &job, 0)]).await?;
            }
            app.finish_work(posted.organization, posted.work.as_deref()).await
        }
    }
}

/// Hands a job to its queue; the job's consumer finishes the piece of sandbox work.
async fn forward_job(app: &App, posted: &Posted, queue: Queue, job: &str) -> Outcome<()> {
    let mut body: serde_json::Value =
        serde_json::from_str(job).map_err(|error| Failure::Bug(format!("outbox job is no JSON: {error}")))?;
    if let (Some(work), Some(fields)) = (&posted.work, body.as_object_mut()) {
        fields.insert("work".to_owned(), work.clone().into());
    }
    Ok(app.queues.send(vec![Outgoing { queue, body: body.to_string(), delay_seconds: 0, group: None }]).await?)
}

pub(crate) fn delivery_work(webhook: WebhookId) -> String {
    format!("webhook.{webhook}")
}

/// The log entry of a message to an endpoint, made once, with the next number of its object (00-index: `X-Weir-Sequence`).
/// It is dated when the message was committed: in a sandbox time may have gone on since.
async fn produce(
    app: &App,
    organization: &Organization,
    endpoint: &Endpoint,
    posted: &Posted,
    notice: &Notice,
    payload: &str,
    at: Instant,
) -> Outcome<WebhookId> {
    let id = derived("webhook", &[organization.id.0.as_bytes(), posted.id.as_bytes(), endpoint.id.0.as_bytes()]);
    let id = WebhookId(id);
    app.until_no_conflict(|| async {
        if app.store.webhook(organization.id, id).await?.is_some() {
            return Ok(id);
        }
        let name = format!("webhooks {} {} {}", endpoint.id, notice.object_type, notice.object_id);
        let last = app.store.running_number(organization.id, &name).await?;
        let number = RunningNumber { name, value: last.as_ref().map_or(0, |last| last.value.value) + 1 };
        let webhook = Webhook {
            id,
            endpoint_id: endpoint.id,
            endpoint: endpoint.url.clone(),
            webhook_type: notice.webhook_type.clone(),
            object_type: notice.object_type.clone(),
            object_id: notice.object_id.clone(),
            status: WebhookStatus::Pending,
            retries: 0,
            last_retried_at: None,
            http_status: None,
            response: None,
            payload: payload.to_owned(),
            sequence: number.value,
            created_at: at,
            updated_at: at,
            // Messages of one commit share its sequence: the log keeps the order in which they were produced.
            created_seq: app.ids.sequence(),
            next_due: None,
        };
        let mut commit = app.commit(organization).create(&webhook).save(last.as_ref(), &number);
        if posted.work.is_some() {
            let item = work_item(organization.id, &delivery_work(id), app.ids.sequence());
            commit = commit.write(Write::Put(item, Condition::None));
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(id)
    })
    .await
}
