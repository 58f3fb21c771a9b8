//! Webhooks: deliver, retry, log. Rules: chapter 07, part 1.

use domain::id::{OrganizationId, WebhookId};
use domain::organization::{Endpoint, Organization, SignatureAlgorithm};
use domain::webhook::{self, After};
use store::Versioned;
use store::items::{Webhook, WebhookStatus};

use crate::jobs::{self, WebhookJob};
use crate::ports::{Http, Post, Queue};
use crate::{App, Failure, Outcome, metrics, retry_on_conflict};

/// What the log keeps of an answer's body, bytes.
const RESPONSE_BYTES_MAX: usize = 4096;

/// One attempt at a delivery: signs the stored bytes, posts them, logs the answer, plans the retry.
///
/// A message that comes twice finds its attempt made and does nothing.
///
/// # Errors
/// `Unavailable`: the message must come again; the receiver may then see the same attempt twice.
pub async fn deliver(app: &App, http: &dyn Http, job: &WebhookJob) -> Outcome<()> {
    let organization = app.organization(OrganizationId(job.organization_id)).await?;
    if let Some(webhook) = app.store.webhook(organization.id, WebhookId(job.webhook_id)).await?
        && !is_made(&webhook, job.attempt)
        // An endpoint that is gone takes its deliveries with it.
        && let Some(endpoint) = organization.endpoints.iter().find(|endpoint| endpoint.id == webhook.endpoint_id)
    {
        attempt(app, http, &organization, endpoint, &webhook, job).await?;
    }
    app.finish_work(organization.id, job.work.as_deref()).await
}

fn is_made(webhook: &Webhook, attempt: u32) -> bool {
    match webhook.status {
        WebhookStatus::Succeeded => true,
        WebhookStatus::Failed => webhook.retries >= attempt,
        WebhookStatus::Pending => attempt > 0,
    }
}

async fn attempt(
    app: &App,
    http: &dyn Http,
    organization: &Organization,
    endpoint: &Endpoint,
    webhook: &Versioned<Webhook>,
    job: &WebhookJob,
) -> Outcome<()> {
    let attempt = job.attempt;
    let request = request(app, organization, endpoint, webhook).await?;
    let (outcome, http_status, response) = match http.post(request).await {
        Ok(answer) => {
            let body = if answer.body.is_empty() { "{}".to_owned() } else { clipped(&answer.body) };
            (webhook::Outcome::Answered { status: answer.status }, Some(answer.status), body)
        }
        Err(error) => (webhook::Outcome::Unreachable, None, error.0),
    };
    let now = job.at.unwrap_or_else(|| app.now(organization));
    let after = webhook::after(&outcome, attempt, now, app.ids.below(1000));
    let next_due = match after {
        // A sandbox's retries wait for its own clock.
        After::RetryAt(at) if organization.is_sandbox() => Some(at),
        After::RetryAt(at) => {
            plan_retry(app, organization.id, webhook.id, attempt + 1, at - now).await?;
            None
        }
        After::Delivered | After::GiveUp => None,
    };
    if after == After::Delivered {
        metrics::webhook_delivered()
    } else {
        metrics::webhook_failed()
    }
    let status = if after == After::Delivered { WebhookStatus::Succeeded } else { WebhookStatus::Failed };
    app.until_no_conflict(|| async {
        let Some(found) = app.store.webhook(organization.id, webhook.id).await? else { return Ok(()) };
        let logged = Webhook {
            status,
            endpoint: endpoint.url.clone(),
            retries: attempt.max(found.retries),
            last_retried_at: if attempt > 0 { Some(now) } else { found.last_retried_at },
            http_status,
            response: Some(response.clone()),
            // One by hand may have come in between.
            updated_at: now.max(found.updated_at),
            next_due,
            ..found.value.clone()
        };
        retry_on_conflict(app.execute(app.commit(organization).update(&found, &logged)).await)
    })
    .await?;
    tracing::info!(
        org.id = %organization.id, webhook.id = %webhook.id, webhook.attempt = attempt, http.status = http_status,
        "webhook {} of {} to endpoint {}: {:?}", webhook.id, webhook.webhook_type, endpoint.id, status
    );
    Ok(())
}

async fn plan_retry(
    app: &App,
    organization: OrganizationId,
    webhook: WebhookId,
    attempt: u32,
    wait: chrono::TimeDelta,
) -> Outcome<()> {
    let job = WebhookJob { organization_id: organization.0, webhook_id: webhook.0, attempt, at: None, work: None };
    // Queues know whole seconds only: rounded up, so that no retry comes early. Waits are a few seconds.
    let delay_seconds = u32::try_from((wait.num_milliseconds() + 999) / 1000).unwrap_or_default();
    Ok(app.queues.send(vec![jobs::outgoing(Queue::Webhooks, &job, delay_seconds)]).await?)
}

async fn request(app: &App, organization: &Organization, endpoint: &Endpoint, webhook: &Webhook) -> Outcome<Post> {
    let (algorithm, signature) = match endpoint.signature_algorithm {
        SignatureAlgorithm::Hmac => {
            let key = crate::api_key::signing_key(app, organization.id).await?;
            ("hmac", webhook::hmac_signature(&key, webhook.payload.as_bytes()))
        }
        SignatureAlgorithm::Jwt => {
            let signature = app.secrets.jwt_signature(&webhook.payload, &app.settings.public_url);
            ("jwt", signature.map_err(|error| Failure::Bug(error.to_string()))?)
        }
    };
    Ok(Post {
        url: endpoint.url.clone(),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Lago-Signature".to_owned(), signature),
            ("X-Lago-Signature-Algorithm".to_owned(), algorithm.to_owned()),
            ("X-Lago-Unique-Key".to_owned(), webhook.id.to_string()),
            ("X-Weir-Sequence".to_owned(), webhook.sequence.to_string()),
        ],
        body: webhook.payload.clone(),
    })
}

/// The beginning of a long answer, cut at a character.
fn clipped(body: &str) -> String {
    let mut end = body.len().min(RESPONSE_BYTES_MAX);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    body[..end].to_owned()
}

/// Puts a sandbox's retry on its queue when its instant has come.
///
/// # Errors
/// `Unavailable`.
pub async fn retry_due(app: &App, organization: &Organization, id: WebhookId) -> Outcome<()> {
    let Some(found) = app.store.webhook(organization.id, id).await? else { return Ok(()) };
    let (attempt, planned_at) = (found.retries + 1, found.next_due);
    let work = crate::relay::delivery_work(id);
    let item = store::outbox::work_item(organization.id, &work, app.ids.sequence());
    let job =
        WebhookJob { organization_id: organization.id.0, webhook_id: id.0, attempt, at: planned_at, work: Some(work) };
    // Work and message first, and the plan is only then forgotten: were one of them lost, nobody would think of the retry
    // again. Coming twice is harmless.
    app.store.table().put_all(vec![item]).await?;
    app.queues.send(vec![jobs::outgoing(Queue::Webhooks, &job, 0)]).await?;
    app.until_no_conflict(|| async {
        let Some(found) = app.store.webhook(organization.id, id).await? else { return Ok(()) };
        if found.next_due != planned_at {
            return Ok(());
        }
        let forgotten = Webhook { next_due: None, ..found.value.clone() };
        retry_on_conflict(app.execute(app.commit(organization).update(&found, &forgotten)).await)
    })
    .await
}
