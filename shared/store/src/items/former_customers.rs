//! Deleted customers by the external id that they had: their documents stay listable by it.

use domain::id::CustomerId;
use serde::{Deserialize, Serialize};

use super::form::Text;
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The deleted customers that had an external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerCustomers {
    /// The external id, free again or taken by another.
    pub external_id: String,
    /// Who had it, in order of deletion.
    pub customers: Vec<CustomerId>,
}

/// The stored form of former customers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFormerCustomers {
    external_id: String,
    customers: Vec<Text<CustomerId>>,
}

impl Record for FormerCustomers {
    const KIND: &'static str = "former_customers";
    const SCHEMA: u32 = 1;
    type Stored = StoredFormerCustomers;

    fn key(&self, scope: Scope) -> Key {
        keys::former_customers(scope.organization, &self.external_id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredFormerCustomers {
        StoredFormerCustomers {
            external_id: self.external_id.clone(),
            customers: self.customers.iter().copied().map(Text).collect(),
        }
    }

    fn from_stored(stored: StoredFormerCustomers) -> Result<Self, DecodeError> {
        Ok(FormerCustomers {
            external_id: stored.external_id,
            customers: stored.customers.into_iter().map(|customer| customer.0).collect(),
        })
    }
}
