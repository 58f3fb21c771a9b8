//! Webhook endpoints and the log of their deliveries. Rules: chapter 07, 1.1 and 1.5.

use domain::id::{EndpointId, WebhookId};
use domain::organization::{ENDPOINTS_MAX, Endpoint, Organization, SignatureAlgorithm};
use domain::problem::{Problems, codes};
use domain::webhook::is_kept;
use store::Versioned;
use store::items::{Webhook, WebhookStatus};
use wire::webhook::{LogEntry, Output, Status};
use wire::webhook_endpoint::Input;

use crate::jobs::{self, WebhookJob};
use crate::ports::Queue;
use crate::{App, Failure, Outcome, Rejection, organization};

/// What the sixth endpoint is told, literally.
const TOO_MANY: &str = "Maximum number of webhook endpoints was reached";

fn not_found() -> Failure {
    Rejection::NotFound("webhook_endpoint").into()
}

/// An endpoint of the organization.
///
/// # Errors
/// 404 `webhook_endpoint_not_found`.
pub fn get(organization: &Organization, id: Option<EndpointId>) -> Outcome<&Endpoint> {
    organization.endpoints.iter().find(|endpoint| Some(endpoint.id) == id).ok_or_else(not_found)
}

fn check_unique(organization: &Organization, url: &str, own: Option<EndpointId>) -> Outcome<()> {
    let taken = organization.endpoints.iter().any(|other| other.url == url && Some(other.id) != own);
    if taken { Err(Problems::one("webhook_url", codes::EXISTS).into()) } else { Ok(()) }
}

/// Adds an endpoint.
///
/// # Errors
/// 422: the URL is taken, or there are five already.
pub async fn create(app: &App, organization: &Organization, input: Input) -> Outcome<Endpoint> {
    let id = EndpointId(app.ids.uuid());
    let changed = organization::change(app, organization.id, |found, now| {
        check_unique(found, &input.webhook_url, None)?;
        if found.endpoints.len() >= ENDPOINTS_MAX {
            return Err(Problems::one("base", TOO_MANY).into());
        }
        let endpoint = Endpoint {
            id,
            url: input.webhook_url.clone(),
            signature_algorithm: input.signature_algorithm.unwrap_or(SignatureAlgorithm::Jwt),
            created_at: now,
        };
        let endpoints = found.endpoints.iter().cloned().chain([endpoint]).collect();
        Ok(Organization { endpoints, ..found.clone() })
    })
    .await?;
    get(&changed, Some(id)).cloned()
}

/// Changes an endpoint; an absent algorithm stays.
///
/// # Errors
/// 404, 422.
pub async fn update(app: &App, organization: &Organization, id: Option<EndpointId>, input: Input) -> Outcome<Endpoint> {
    let changed = organization::change(app, organization.id, |found, _| {
        get(found, id)?;
        check_unique(found, &input.webhook_url, id)?;
        let mut changed = found.clone();
        for endpoint in changed.endpoints.iter_mut().filter(|endpoint| Some(endpoint.id) == id) {
            endpoint.url.clone_from(&input.webhook_url);
            endpoint.signature_algorithm = input.signature_algorithm.unwrap_or(endpoint.signature_algorithm);
        }
        Ok(changed)
    })
    .await?;
    get(&changed, id).cloned()
}

/// Removes an endpoint; what is on its way to it is dropped, its log is no longer reachable and goes by expiry.
///
/// # Errors
/// 404.
pub async fn delete(app: &App, organization: &Organization, id: Option<EndpointId>) -> Outcome<Endpoint> {
    let endpoint = get(organization, id)?.clone();
    organization::change(app, organization.id, |found, _| {
        get(found, id)?;
        let endpoints = found.endpoints.iter().filter(|endpoint| Some(endpoint.id) != id).cloned().collect();
        Ok(Organization { endpoints, ..found.clone() })
    })
    .await?;
    Ok(endpoint)
}

/// Which entries of a log are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogFilter<'a> {
    /// Only in this state; an unknown word is none.
    pub status: Option<&'a str>,
    /// Only with this text in their id or type, in any case (chapter 05, part 3).
    pub search_term: Option<&'a str>,
}

impl LogFilter<'_> {
    fn matches(&self, webhook: &Webhook) -> bool {
        let is_in_state = self.status.and_then(Status::parse).is_none_or(|wanted| wanted == status_of(webhook));
        let is_found = self.search_term.is_none_or(|term| {
            let term = term.to_lowercase();
            webhook.id.to_string().contains(&term) || webhook.webhook_type.to_lowercase().contains(&term)
        });
        is_in_state && is_found
    }
}

/// The log of an endpoint, last changed first, as far as a filter wants it.
///
/// # Errors
/// 404.
pub async fn webhooks(
    app: &App,
    organization: &Organization,
    id: Option<EndpointId>,
    filter: LogFilter<'_>,
) -> Outcome<Vec<Webhook>> {
    let endpoint = get(organization, id)?;
    let listed = app.store.webhooks_of_endpoint(organization.id, endpoint.id, |total| 0..total).await?;
    let now = app.now(organization);
    let kept =
        listed.entries.into_iter().map(|webhook| webhook.value).filter(|webhook| is_kept(webhook.updated_at, now));
    Ok(kept.filter(|webhook| filter.matches(webhook)).collect())
}

fn status_of(webhook: &Webhook) -> Status {
    match webhook.status {
        WebhookStatus::Pending => Status::Pending,
        WebhookStatus::Succeeded => Status::Succeeded,
        WebhookStatus::Failed => Status::Failed,
    }
}

/// A log entry as clients see it.
#[must_use]
pub fn log_entry(webhook: &Webhook) -> Output<'_> {
    Output::from(&LogEntry {
        id: webhook.id,
        endpoint_id: webhook.endpoint_id,
        endpoint_url: &webhook.endpoint,
        webhook_type: &webhook.webhook_type,
        object_type: &webhook.object_type,
        object_id: &webhook.object_id,
        status: status_of(webhook),
        retries: webhook.retries,
        last_retried_at: webhook.last_retried_at,
        http_status: webhook.http_status,
        response: webhook.response.as_deref(),
        payload: &webhook.payload,
        created_at: webhook.created_at,
        updated_at: webhook.updated_at,
    })
}

/// Sends a message again by hand (chapter 07, 1.4). A pending one is sent without counting a retry.
///
/// # Errors
/// 404 `webhook_not_found`; 405 `is_succeeded`.
pub async fn retry(app: &App, organization: &Organization, id: Option<WebhookId>) -> Outcome<Webhook> {
    let found = match id {
        Some(id) => app.store.webhook(organization.id, id).await?,
        None => None,
    };
    // An endpoint that is gone has taken its log with it.
    let is_there = |webhook: &Versioned<Webhook>| {
        get(organization, Some(webhook.endpoint_id)).is_ok() && is_kept(webhook.updated_at, app.now(organization))
    };
    let webhook = found.filter(is_there).ok_or_else(|| Failure::from(Rejection::NotFound("webhook")))?;
    let attempt = match webhook.status {
        WebhookStatus::Succeeded => return Err(Rejection::NotAllowed("is_succeeded").into()),
        WebhookStatus::Pending => 0,
        WebhookStatus::Failed => webhook.retries + 1,
    };
    let job =
        WebhookJob { organization_id: organization.id.0, webhook_id: webhook.id.0, attempt, at: None, work: None };
    app.queues.send(vec![jobs::outgoing(Queue::Webhooks, &job, 0)]).await?;
    Ok(webhook.value)
}
