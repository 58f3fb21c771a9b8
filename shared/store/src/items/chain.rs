//! Chains: every subscription record that ever had one external id, of whatever customer and status.

use domain::id::{CustomerId, SubscriptionId};
use serde::{Deserialize, Serialize};

use super::form::Text;
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The subscription records with one external id, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The external id.
    pub external_id: String,
    /// The records. One per plan change: no more than an item holds in thousands of changes.
    pub members: Vec<Member>,
}

/// A record of a chain: what its key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its customer.
    pub customer_id: CustomerId,
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Its order of creation.
    pub created_seq: i64,
}

/// The stored form of a chain.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredChain {
    external_id: String,
    members: Vec<StoredMember>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMember {
    customer_id: Text<CustomerId>,
    subscription_id: Text<SubscriptionId>,
    created_seq: i64,
}

impl From<&Member> for StoredMember {
    fn from(member: &Member) -> Self {
        let Member { customer_id, subscription_id, created_seq } = *member;
        StoredMember { customer_id: Text(customer_id), subscription_id: Text(subscription_id), created_seq }
    }
}

impl From<StoredMember> for Member {
    fn from(stored: StoredMember) -> Self {
        Member {
            customer_id: stored.customer_id.0,
            subscription_id: stored.subscription_id.0,
            created_seq: stored.created_seq,
        }
    }
}

impl Record for Chain {
    const KIND: &'static str = "chain";
    const SCHEMA: u32 = 1;
    type Stored = StoredChain;

    fn key(&self, scope: Scope) -> Key {
        keys::subscription_chain(scope.organization, &self.external_id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredChain {
        StoredChain { external_id: self.external_id.clone(), members: super::form::all(&self.members) }
    }

    fn from_stored(stored: StoredChain) -> Result<Self, DecodeError> {
        let members = stored.members.into_iter().map(Member::from).collect();
        Ok(Chain { external_id: stored.external_id, members })
    }
}
