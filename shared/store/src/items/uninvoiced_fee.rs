//! Stored form of a fee without invoice: a record of its own.

use domain::id::CustomerId;
use domain::invoice::{Fee, UninvoicedFee};
use domain::money::Currency;
use serde::{Deserialize, Serialize};

use super::fee::StoredFee;
use super::form::Text;
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of a fee without invoice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredUninvoicedFee {
    fee: StoredFee,
    customer_id: Text<CustomerId>,
    currency: Text<Currency>,
    created_seq: i64,
}

impl Record for UninvoicedFee {
    const KIND: &'static str = "fee";
    const SCHEMA: u32 = 1;
    type Stored = StoredUninvoicedFee;

    fn key(&self, scope: Scope) -> Key {
        keys::fee(scope.organization, self.fee.id)
    }

    /// In the lists of its organization and its customer.
    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        let (organization, at, seq) = (scope.organization, self.fee.created_at, self.created_seq);
        vec![
            keys::in_list(organization, keys::FEES, at, seq),
            keys::in_children(organization, self.customer_id.0, keys::FEES, at, seq),
        ]
    }

    fn to_stored(&self) -> StoredUninvoicedFee {
        let UninvoicedFee { fee, customer_id, currency, created_seq } = self;
        StoredUninvoicedFee {
            fee: fee.into(),
            customer_id: Text(*customer_id),
            currency: Text(*currency),
            created_seq: *created_seq,
        }
    }

    fn from_stored(stored: StoredUninvoicedFee) -> Result<Self, DecodeError> {
        Ok(UninvoicedFee {
            fee: Fee::from(stored.fee),
            customer_id: stored.customer_id.0,
            currency: stored.currency.0,
            created_seq: stored.created_seq,
        })
    }
}
