//! Attributions of events that came without a subscription: the first one stands.

use std::collections::BTreeMap;

use domain::id::OrganizationId;

use super::Store;
use crate::items::Attribution;
use crate::keys::{self, Timeline};
use crate::record::{DecodeError, LoadError, Scope, Versioned, to_item};
use crate::table::{Condition, TransactError, WRITES_PER_TRANSACTION_MAX, Write};

impl Store {
    /// The subscriptions that events, by their fingerprints, were attributed to: those that are known. One batch of reads.
    pub async fn attributions(
        &self,
        organization: OrganizationId,
        fingerprints: &[String],
    ) -> Result<BTreeMap<String, String>, LoadError> {
        let keys: Vec<_> =
            fingerprints.iter().map(|fingerprint| keys::attribution(organization, fingerprint)).collect();
        let found: Vec<Option<Versioned<Attribution>>> = self.load_many(&keys).await?;
        let known = found.into_iter().flatten().map(|found| found.value);
        Ok(known.map(|found| (found.fingerprint, found.external_subscription_id)).collect())
    }

    /// Remembers attributions of events that had none. A transaction of at most a hundred writes each.
    ///
    /// # Errors
    /// `Conditions` or `Contended`: some of them are known by now. Look again, and remember the rest.
    pub async fn attribute(
        &self,
        organization: OrganizationId,
        decided: &BTreeMap<String, String>,
    ) -> Result<(), AttributeError> {
        // An attribution is never due: whose time rules it does not matter.
        let scope = Scope { organization, timeline: Timeline::Real };
        let mut writes = Vec::with_capacity(decided.len());
        for (fingerprint, external_subscription_id) in decided {
            let attribution = Attribution {
                fingerprint: fingerprint.clone(),
                external_subscription_id: external_subscription_id.clone(),
            };
            writes.push(Write::Put(to_item(scope, &attribution, 1)?, Condition::Absent));
        }
        while !writes.is_empty() {
            let rest = writes.split_off(writes.len().min(WRITES_PER_TRANSACTION_MAX));
            self.table().transact(std::mem::replace(&mut writes, rest)).await?;
        }
        Ok(())
    }
}

/// Why attributions were not remembered.
#[derive(Debug, thiserror::Error)]
pub enum AttributeError {
    /// The table refused, or did not answer; some may be remembered.
    #[error(transparent)]
    Transact(#[from] TransactError),
    /// An attribution cannot be stored.
    #[error(transparent)]
    Encode(#[from] DecodeError),
}
