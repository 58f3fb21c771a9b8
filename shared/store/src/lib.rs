//! Storage: one table on two backends, and everything that knows a key.
//!
//! Owns: keys, stored forms, conditions, the usage log.
//!
//! Does not own: decisions about money or state.
//!
//! Invariants:
//! - Every read and write is scoped by organization; the two exceptions stand in `keys`.
//! - State is written under a precondition; only the usage log appends blindly, by design.

pub mod alias;
pub mod commit;
#[cfg(feature = "dynamo")]
pub mod dynamo;
pub mod items;
pub mod keys;
pub mod outbox;
pub mod record;
pub mod repositories;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod staged;
pub mod table;
pub mod usage;

pub use commit::{Commit, CommitError};
pub use record::{LoadError, Record, Scope, Versioned};
pub use repositories::{AttributeError, Store};
