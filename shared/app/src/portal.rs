//! Links to the customer portal (chapter 07, part 4): a token opens one customer's pages for twelve hours.
//!
//! Owns: what a token says and when it ends. Does not own: the pages, which this version has not.

use chrono::TimeDelta;
use domain::id::{CustomerId, OrganizationId};
use domain::time::Instant;
use uuid::Uuid;

use crate::{App, Outcome, customer};

/// How long a link opens the portal. Tokens live by the real clock, also in a sandbox (chapter 09, behaviour 8).
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// Tells these tokens from those of documents, whose subjects are ids alone.
const PURPOSE: &[u8; 6] = b"portal";

/// A fresh link to a customer's portal. Nothing is stored, so none can be taken back.
///
/// # Errors
/// 404 `customer_not_found`.
pub async fn url(app: &App, organization: OrganizationId, external_id: &str) -> Outcome<String> {
    let customer = customer::by_external_id(app, organization, external_id).await?;
    let token = token(app, organization, customer.id, app.clock.now() + LIFETIME);
    Ok(format!("{}/customer-portal/{token}", app.settings.public_url))
}

fn token(app: &App, organization: OrganizationId, customer: CustomerId, ends_at: Instant) -> String {
    let seconds = ends_at.timestamp().to_be_bytes();
    // Each call gives another token, also within a second.
    let nonce = app.ids.secret();
    let ids = [organization.0.as_bytes().as_slice(), customer.0.as_bytes()].concat();
    app.secrets.token(&[PURPOSE.as_slice(), &ids, &seconds, &nonce[..8]].concat())
}

/// Whose portal a token opens at an instant; none if it has ended or was not made for this.
#[must_use]
pub fn bearer(app: &App, token: &str, now: Instant) -> Option<(OrganizationId, CustomerId)> {
    let subject = app.secrets.subject(token)?;
    let rest = subject.strip_prefix(PURPOSE.as_slice())?;
    let (organization, rest) = rest.split_first_chunk::<16>()?;
    let (customer, rest) = rest.split_first_chunk::<16>()?;
    let (seconds, nonce) = rest.split_first_chunk::<8>()?;
    let is_open = nonce.len() == 8 && now.timestamp() < i64::from_be_bytes(*seconds);
    let ids = (OrganizationId(Uuid::from_bytes(*organization)), CustomerId(Uuid::from_bytes(*customer)));
    is_open.then_some(ids)
}
