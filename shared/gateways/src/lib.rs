//! The world outside: outgoing HTTP, and what the machine itself gives (time, ids, randomness) and takes (logs, metrics).
//!
//! Owns: `http` (guarded POST to addresses that users gave) `logs`, and `system`.
//!
//! Does not own: when to try a delivery again, what its answer means, signatures (`domain::webhook`, `app::webhook`).
//!
//! Invariants:
//! - No connection goes to an address that was not checked, unless the deployment allows private ones.

#[cfg(feature = "http")]
pub mod http;
pub mod logs;
pub mod system;
