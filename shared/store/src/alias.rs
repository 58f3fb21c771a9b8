//! Codes and external ids that only one living object of a kind may hold.

use uuid::Uuid;

use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// Kinds of names.
pub mod kinds {
    /// Codes of billable metrics.
    pub const METRIC: &str = "metric";
    /// Codes of parent plans.
    pub const PLAN: &str = "plan";
    /// Codes of taxes.
    pub const TAX: &str = "tax";
    /// Customers with an active wallet, by their id: there is one at most.
    pub const ACTIVE_WALLET: &str = "active_wallet";
    /// Whether the organization has, or had, wallets with a threshold rule: one name, the empty one.
    pub const THRESHOLD_RULES: &str = "threshold_rules";
    /// Codes of coupons.
    pub const COUPON: &str = "coupon";
    /// Codes of add-ons.
    pub const ADD_ON: &str = "add_on";
    /// External ids of customers.
    pub const CUSTOMER: &str = "customer";
}

/// A name and the object that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// One of `kinds`.
    pub kind: String,
    /// The code or external id.
    pub name: String,
    /// The object.
    pub owner: Uuid,
}

impl Alias {
    /// The name `name` of kind `kind`, held by `owner`.
    pub fn new(kind: &str, name: &str, owner: impl Into<Uuid>) -> Alias {
        Alias { kind: kind.to_owned(), name: name.to_owned(), owner: owner.into() }
    }
}

/// The stored form of an alias.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct StoredAlias {
    kind: String,
    name: String,
    owner: Uuid,
}

impl Record for Alias {
    const KIND: &'static str = "alias";
    const SCHEMA: u32 = 1;
    type Stored = StoredAlias;

    fn key(&self, scope: Scope) -> Key {
        keys::alias(scope.organization, &self.kind, &self.name)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredAlias {
        StoredAlias { kind: self.kind.clone(), name: self.name.clone(), owner: self.owner }
    }

    fn from_stored(stored: StoredAlias) -> Result<Self, DecodeError> {
        Ok(Alias { kind: stored.kind, name: stored.name, owner: stored.owner })
    }
}
