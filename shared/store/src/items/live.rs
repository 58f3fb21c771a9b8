//! Marks of what can still reduce a customer's invoices: a billing finds them in the partition that it reads anyway.

use domain::id::CustomerId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::form::{Text, words};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LiveKind {
    /// An applied coupon that is active.
    AppliedCoupon,
    /// A credit note that is final and has a balance.
    CreditNote,
    /// A wallet that is active.
    Wallet,
}

words!(LiveKind { AppliedCoupon = "applied_coupon", CreditNote = "credit_note", Wallet = "wallet" });

/// The mark of something with a record of its own. Made when that comes to life, gone when it is used up or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Whose.
    pub customer: CustomerId,
    /// What.
    pub kind: LiveKind,
    /// The id of the record.
    pub id: Uuid,
    /// The record's order of creation: marks of a kind stand in it.
    pub created_seq: i64,
}

/// The stored form of a mark.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredLive {
    customer: Text<CustomerId>,
    kind: Text<LiveKind>,
    id: Uuid,
    created_seq: i64,
}

impl Record for Live {
    const KIND: &'static str = "live";
    const SCHEMA: u32 = 1;
    type Stored = StoredLive;

    fn key(&self, scope: Scope) -> Key {
        let kind = match self.kind {
            LiveKind::AppliedCoupon => "CPN",
            LiveKind::CreditNote => "CRN",
            LiveKind::Wallet => "WAL",
        };
        keys::live(scope.organization, self.customer, kind, self.created_seq, self.id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredLive {
        let Live { customer, kind, id, created_seq } = *self;
        StoredLive { customer: Text(customer), kind: Text(kind), id, created_seq }
    }

    fn from_stored(stored: StoredLive) -> Result<Self, DecodeError> {
        let StoredLive { customer, kind, id, created_seq } = stored;
        Ok(Live { customer: customer.0, kind: kind.0, id, created_seq })
    }
}
