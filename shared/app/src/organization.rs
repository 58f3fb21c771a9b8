//! Organizations, and who may act for them.

use domain::id::OrganizationId;
use domain::organization::{self, NewOrganization, Organization, SettingsUpdate};
use domain::time::Instant;
use uuid::Uuid;

use crate::jobs::BillingJob;
use crate::{App, Failure, Outcome, Rejection, api_key, catalogue, retry_on_conflict, secrets};

/// A new organization with its key, which is shown this once.
#[derive(Debug)]
pub struct Created {
    /// The organization.
    pub organization: Organization,
    /// Its first API key.
    pub api_key: String,
}

/// Checks the bearer of the admin endpoints, in constant time.
///
/// # Errors
/// 401.
pub fn authorize_admin(app: &App, bearer: Option<&str>) -> Outcome<()> {
    let known = bearer.is_some_and(|bearer| secrets::same(bearer, &app.settings.admin_key));
    if known { Ok(()) } else { Err(Rejection::Unauthorized.into()) }
}

/// The organization of an API key. Two reads.
///
/// # Errors
/// 401: no key, an unknown or a revoked one.
pub async fn authenticate(app: &App, bearer: Option<&str>) -> Outcome<Organization> {
    let key = bearer.ok_or(Failure::from(Rejection::Unauthorized))?;
    let holder = app.store.api_key_holder(&secrets::hash(key)).await?;
    // A table may keep what has ended for a while.
    let holder = holder.filter(|holder| holder.expires_at.is_none_or(|end| app.clock.now() < end));
    let holder = holder.ok_or(Failure::from(Rejection::Unauthorized))?;
    app.organization(holder.organization).await
}

/// Creates an organization with its first API key.
///
/// # Errors
/// 422.
pub async fn create(app: &App, new: NewOrganization) -> Outcome<Created> {
    let now = app.clock.now();
    let id = OrganizationId(app.ids.uuid());
    let organization = organization::create(new, id, now, app.settings.webhook_targets, &mut || app.ids.uuid().into())?;
    let made = api_key::make(app, &organization, None)?;
    let commit = app.commit(&organization).create(&organization).create(&made.key).create(&made.holder);
    app.execute(commit).await?;
    tracing::info!(org.id = %id, "organization {id} created");
    Ok(Created { organization, api_key: made.secret })
}

/// Changes an organization's settings, and with the legacy `vat_rate` its default tax (chapter 05, 2.1).
///
/// # Errors
/// 422.
pub async fn update(app: &App, organization: &Organization, update: SettingsUpdate) -> Outcome<Organization> {
    let vat_rate = update.vat_rate;
    let changed = change(app, organization.id, |found, now| {
        Ok(organization::edit(found, update.clone(), now, app.settings.webhook_targets, &mut || app.ids.uuid().into())?)
    })
    .await?;
    if let Some(rate) = vat_rate {
        catalogue::set_default_vat_rate(app, &changed, rate).await?;
    }
    Ok(changed)
}

/// Changes an organization under its version.
pub(crate) async fn change(
    app: &App,
    organization: OrganizationId,
    decide: impl Fn(&Organization, Instant) -> Outcome<Organization>,
) -> Outcome<Organization> {
    app.until_no_conflict(|| async {
        let found = app.store.organization(organization).await?.ok_or(Failure::from(Rejection::Unauthorized))?;
        let changed = decide(&found, app.now(&found))?;
        if changed == found.value {
            return Ok(changed);
        }
        let mut commit = app.commit(&found).update(&found, &changed);
        if changed.timezone != found.timezone {
            // Customers without a zone of their own have other local days from now on.
            let job = BillingJob::Reschedule { organization_id: organization.0, customer_id: None, work: None };
            commit = commit.then(&job.message("schedule"));
        }
        let terms = |settings: &Organization| (settings.invoice_grace_period, settings.net_payment_term);
        if terms(&changed) != terms(&found) {
            let job = BillingJob::RedateDrafts { organization_id: organization.0, customer_id: None, work: None };
            commit = commit.then(&job.message("drafts"));
        }
        retry_on_conflict(app.execute(commit).await)?;
        Ok(changed)
    })
    .await
}

/// An id that the API calls `lago_id`, if the text is one; anything else is simply not found.
#[must_use]
pub fn parse_id<T: From<Uuid>>(text: &str) -> Option<T> {
    Uuid::try_parse(text).ok().map(T::from)
}
