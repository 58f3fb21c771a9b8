//! API keys: several per organization, shown once, rotated, revoked (docs/adr/0010 and 0022).
//!
//! A key is looked up by its hash; the sealed copy serves signatures and the mask in lists. Keys live by the real clock.

use chrono::TimeDelta;
use domain::api_key::{OPEN_MAX, Status};
use domain::id::{ApiKeyId, OrganizationId};
use domain::organization::Organization;
use domain::problem::Problems;
use domain::time::Instant;
use store::Versioned;
use store::items::{ApiKey, KeyHolder};
use wire::api_key::{Known, Output};

use crate::{App, Attempt, Failure, Outcome, Rejection, retry_on_conflict, secrets};

/// A key that was just made: its record, its look-up entry, and the key itself.
pub(crate) struct Made {
    pub(crate) key: ApiKey,
    pub(crate) holder: KeyHolder,
    pub(crate) secret: String,
}

pub(crate) fn make(app: &App, organization: &Organization, name: Option<String>) -> Outcome<Made> {
    // A random UUID, as clients of the API know keys; 122 bits that nobody can guess.
    let random = app.ids.secret();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&random[..16]);
    let secret = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    let id = ApiKeyId(app.ids.uuid());
    let hash = secrets::hash(&secret);
    let sealed = app.secrets.seal(&secret).map_err(|error| Failure::Bug(error.to_string()))?;
    let key = ApiKey {
        id,
        organization: organization.id,
        hash: hash.clone(),
        sealed,
        created_at: app.now(organization),
        created_seq: app.ids.sequence(),
        revoked_at: None,
        name,
        expires_at: None,
    };
    Ok(Made { key, holder: KeyHolder { hash, organization: organization.id, key_id: id, expires_at: None }, secret })
}

fn status(key: &ApiKey, now: Instant) -> Status {
    Status::at(now, key.expires_at, key.revoked_at)
}

/// The key that signs `hmac` webhooks: the oldest that opens (00-index, ruling 10).
///
/// # Errors
/// `Bug` if there is none, or it cannot be opened.
pub async fn signing_key(app: &App, organization: OrganizationId) -> Outcome<String> {
    let keys = app.store.api_keys(organization).await?;
    let now = app.clock.now();
    let oldest = keys.iter().find(|key| status(key, now).opens());
    let oldest = oldest.ok_or_else(|| Failure::Bug(format!("organization {organization} has no active key")))?;
    open(app, oldest)
}

fn open(app: &App, key: &ApiKey) -> Outcome<String> {
    app.secrets.open(&key.sealed).map_err(|error| Failure::Bug(error.to_string()))
}

/// Every key of the organization, newest first, those that open nothing any more too.
///
/// # Errors
/// The table did not answer.
pub async fn list(app: &App, organization: OrganizationId) -> Outcome<Vec<Output>> {
    let keys = app.store.api_keys(organization).await?;
    let mut outputs = keys.iter().map(|key| shown(app, &keys, key)).collect::<Outcome<Vec<_>>>()?;
    outputs.reverse();
    Ok(outputs)
}

fn shown(app: &App, keys: &[Versioned<ApiKey>], key: &ApiKey) -> Outcome<Output> {
    let now = app.clock.now();
    let signing = keys.iter().find(|other| status(other, now).opens()).map(|other| other.id);
    let secret = open(app, key)?;
    Ok(Output::new(&Known {
        id: key.id,
        name: key.name.as_deref(),
        secret: &secret,
        status: status(key, now),
        signs: signing == Some(key.id),
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
    }))
}

/// One key as it stands now.
async fn reloaded(app: &App, organization: OrganizationId, id: ApiKeyId) -> Outcome<Output> {
    let keys = app.store.api_keys(organization).await?;
    let key = keys.iter().find(|key| key.id == id).ok_or_else(not_found)?;
    shown(app, &keys, key)
}

fn not_found() -> Failure {
    Rejection::NotFound("api_key").into()
}

/// Makes another key. The answer is the only one that shows it.
///
/// # Errors
/// 422: there are too many.
pub async fn create(app: &App, organization: &Organization, name: String) -> Outcome<Output> {
    let made = make(app, organization, Some(name))?;
    let now = app.clock.now();
    let keys = app.store.api_keys(organization.id).await?;
    if keys.iter().filter(|key| status(key, now).opens()).count() >= OPEN_MAX {
        return Err(Problems::one("base", "Maximum number of API keys was reached").into());
    }
    app.execute(app.commit(organization).create(&made.key).create(&made.holder)).await?;
    tracing::info!(org.id = %organization.id, key.id = %made.key.id, "API key {} made", made.key.id);
    Ok(reloaded(app, organization.id, made.key.id).await?.with_value(made.secret))
}

/// Makes a key in the place of another, which goes on for `overlap` and then opens nothing any more.
///
/// # Errors
/// 404 `api_key_not_found`, also for one that opens nothing.
pub async fn rotate(
    app: &App,
    organization: &Organization,
    id: Option<ApiKeyId>,
    overlap: TimeDelta,
) -> Outcome<Output> {
    let made = app
        .until_no_conflict(|| async {
            let (key, now) = (find_open(app, organization.id, id).await?, app.clock.now());
            let made = make(app, organization, key.name.clone())?;
            let mut commit = app.commit(organization).create(&made.key).create(&made.holder);
            // A key on its way out goes no later than it was to.
            let end = key.expires_at.map_or(now + overlap, |end| end.min(now + overlap));
            let holder = app.store.api_key_holder(&key.hash).await?;
            let holder = holder.ok_or_else(|| Failure::Bug(format!("API key {} has no holder", key.id)))?;
            commit = if overlap.is_zero() {
                let revoked = ApiKey { revoked_at: Some(app.now(organization)), ..key.value.clone() };
                commit.update(&key, &revoked).delete(&holder)
            } else {
                let ending = ApiKey { expires_at: Some(end), ..key.value.clone() };
                let held = KeyHolder { expires_at: Some(end), ..holder.value.clone() };
                commit.update(&key, &ending).update(&holder, &held)
            };
            retry_on_conflict(app.execute(commit).await)?;
            Ok(made)
        })
        .await?;
    tracing::info!(org.id = %organization.id, key.id = %made.key.id, "API key {} made by rotation", made.key.id);
    Ok(reloaded(app, organization.id, made.key.id).await?.with_value(made.secret))
}

async fn find_open(
    app: &App,
    organization: OrganizationId,
    id: Option<ApiKeyId>,
) -> Result<Versioned<ApiKey>, Attempt> {
    let keys = app.store.api_keys(organization).await?;
    let now = app.clock.now();
    let found = keys.into_iter().find(|key| Some(key.id) == id && status(key, now).opens());
    Ok(found.ok_or_else(not_found)?)
}

/// Takes a key back: from the reply on it opens nothing. One that opens nothing stays as it is.
///
/// # Errors
/// 404 `api_key_not_found`; 405 `last_api_key`: nobody could come in any more.
pub async fn revoke(app: &App, organization: &Organization, id: Option<ApiKeyId>) -> Outcome<Output> {
    let id = app
        .until_no_conflict(|| async {
            let keys = app.store.api_keys(organization.id).await?;
            let now = app.clock.now();
            let key = keys.iter().find(|key| Some(key.id) == id).ok_or_else(not_found)?;
            if !status(key, now).opens() {
                return Ok(key.id);
            }
            // One that is about to end is no way in.
            let another = keys.iter().find(|other| other.id != key.id && status(other, now) == Status::Active);
            let another = another.ok_or_else(|| Failure::from(Rejection::NotAllowed("last_api_key")))?;
            let revoked = ApiKey { revoked_at: Some(app.now(organization)), ..key.value.clone() };
            let holder = app.store.api_key_holder(&key.hash).await?;
            let mut commit = app.commit(organization).update(key, &revoked).unchanged(another);
            if let Some(holder) = holder {
                commit = commit.delete(&holder);
            }
            retry_on_conflict(app.execute(commit).await)?;
            tracing::info!(org.id = %organization.id, key.id = %key.id, "API key {} revoked", key.id);
            Ok(key.id)
        })
        .await?;
    reloaded(app, organization.id, id).await
}
