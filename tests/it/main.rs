//! The one integration test binary: storage contracts, scenarios on the local host, crashes, the emulated cloud, real
//! usage, the official clients, logs, and the house rules (tidy).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod clients;
mod cloud;
mod contracts;
mod crash;
mod emulator;
mod flights;
mod kill;
mod logs;
mod openapi;
mod properties;
mod scenarios;
mod simulation;
mod tidy;
