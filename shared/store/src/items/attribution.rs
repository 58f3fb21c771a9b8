//! Which subscription an event of a customer was attributed to: decided once, however often it comes (docs/adr/0023).

use serde::{Deserialize, Serialize};

use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The subscription that an event without one was attributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Fingerprint of its external customer id, code and transaction id (`keys::fingerprint`).
    pub fingerprint: String,
    /// The external id of the subscription.
    pub external_subscription_id: String,
}

/// The stored form of an attribution.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAttribution {
    fingerprint: String,
    external_subscription_id: String,
}

impl Record for Attribution {
    const KIND: &'static str = "attribution";
    const SCHEMA: u32 = 1;
    type Stored = StoredAttribution;

    fn key(&self, scope: Scope) -> Key {
        keys::attribution(scope.organization, &self.fingerprint)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAttribution {
        StoredAttribution {
            fingerprint: self.fingerprint.clone(),
            external_subscription_id: self.external_subscription_id.clone(),
        }
    }

    fn from_stored(stored: StoredAttribution) -> Result<Self, DecodeError> {
        Ok(Attribution { fingerprint: stored.fingerprint, external_subscription_id: stored.external_subscription_id })
    }
}
