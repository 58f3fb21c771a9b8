//! Running numbers: 1, 2, 3 ... without a gap, because each is taken in the transaction that uses it.

use serde::{Deserialize, Serialize};

use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The last number taken of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningNumber {
    /// The series (`customers`, `invoices 2024-01`).
    pub name: String,
    /// The last number taken; 0 before the first.
    pub value: i64,
}

/// The stored form of a running number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRunningNumber {
    name: String,
    value: i64,
}

impl Record for RunningNumber {
    const KIND: &'static str = "running_number";
    const SCHEMA: u32 = 1;
    type Stored = StoredRunningNumber;

    fn key(&self, scope: Scope) -> Key {
        keys::running_number(scope.organization, &self.name)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredRunningNumber {
        StoredRunningNumber { name: self.name.clone(), value: self.value }
    }

    fn from_stored(stored: StoredRunningNumber) -> Result<Self, DecodeError> {
        Ok(RunningNumber { name: stored.name, value: stored.value })
    }
}
