//! The local host: every function in one process over SQLite.
//!
//! Owns: the ports over one SQLite file and a folder (queues, blobs, keys), the loops that play triggers, the HTTP server.
//!
//! Does not own: behaviour. It calls the handlers that the cloud calls.
//!
//! Invariants:
//! - What was acknowledged is on the disk: a kill at any moment loses nothing accepted.
//! - One process per data folder.

mod blobs;
mod bus;
mod demo;
mod host;
mod keys;
mod progress;
mod queues;
mod settings;
mod workers;

pub use host::{Host, HostError};
pub use settings::{Settings, SettingsError};
