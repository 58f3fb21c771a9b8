//! Stub.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cloud;
mod contracts;
mod emulator;
mod tidy;
