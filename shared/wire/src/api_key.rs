//! API keys (ours; docs/adr/0022).

use chrono::TimeDelta;
use domain::api_key::{Status, check_name, check_overlap};
use domain::id::ApiKeyId;
use domain::problem::Problems;
use domain::time::Instant;
use serde::Serialize;

use crate::format;
use crate::input::Fields;

/// The name under `api_key` of `POST /api_keys`.
///
/// # Errors
/// `name` is missing or too long.
pub fn parse_new(fields: Fields<'_>) -> Result<String, Problems> {
    check_name(fields.text("name").value())
}

/// How long the old key goes on, under `api_key` of a rotation: `overlap_seconds`, 0 without it.
///
/// # Errors
/// It is no whole number, or out of its range.
pub fn parse_rotation(fields: Option<Fields<'_>>) -> Result<TimeDelta, Problems> {
    let mut problems = Problems::default();
    let seconds = fields.and_then(|fields| fields.integer("overlap_seconds", &mut problems).value());
    problems.or(())?;
    check_overlap(seconds)
}

/// A key as clients see it. The key itself is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ApiKey")]
pub struct Output {
    /// Id of the key's record.
    pub lago_id: String,
    /// What it was called; null for an organization's first key.
    pub name: Option<String>,
    /// Eight bullets, an ellipsis, and its last three characters.
    pub masked_value: String,
    /// `active`, `expiring`, `expired`, `revoked`.
    pub status: &'static str,
    /// Whether `hmac` signatures of webhooks are made with it: the oldest that opens.
    pub signs_webhooks: bool,
    /// When it was made.
    pub created_at: String,
    /// When a rotated key ends, by the real clock.
    pub expires_at: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<String>,
    /// The key, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What a key's record says of it.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// Id of the record.
    pub id: ApiKeyId,
    /// Name.
    pub name: Option<&'a str>,
    /// The key itself, opened.
    pub secret: &'a str,
    /// Its status now.
    pub status: Status,
    /// Whether it signs.
    pub signs: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// When it was taken back.
    pub revoked_at: Option<Instant>,
}

impl Output {
    /// A key without itself.
    #[must_use]
    pub fn new(known: &Known<'_>) -> Output {
        Output {
            lago_id: known.id.to_string(),
            name: known.name.map(str::to_owned),
            masked_value: masked(known.secret),
            status: known.status.as_str(),
            signs_webhooks: known.signs,
            created_at: format::timestamp(known.created_at),
            expires_at: known.expires_at.map(format::timestamp),
            revoked_at: known.revoked_at.map(format::timestamp),
            value: None,
        }
    }

    /// The same with the key.
    #[must_use]
    pub fn with_value(self, value: String) -> Output {
        Output { value: Some(value), ..self }
    }
}

/// Secrets as lists show them (chapter 05, part 3).
fn masked(secret: &str) -> String {
    let mut last: Vec<char> = secret.chars().rev().take(3).collect();
    last.reverse();
    format!("••••••••…{}", last.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_characters_tell_a_key() {
        assert_eq!(masked("169327a8-0117-4ce9-b395-9d7436819f21"), "••••••••…f21");
        assert_eq!(masked(""), "••••••••…");
    }
}
