//! Stub.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cloud;
mod contracts;
mod crash;
mod emulator;
mod flights;
mod kill;
mod properties;
mod scenarios;
mod tidy;
