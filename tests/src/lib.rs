//! What the integration tests and the `replay` binary share: stories told on real input.
//!
//! Owns the naive models that figures are compared with. Does not own any rule of the product: nothing here depends on
//! its crates, everything goes over HTTP.

#![cfg_attr(test, allow(clippy::unwrap_used))] // a test that fails may fail by panicking

pub mod flights;
