//! The rules of metering and billing, and nothing else.
//!
//! Owns: the meaning of every noun of the API (metric, plan, charge, subscription, fee, invoice ...) and every formula
//! of `docs/rules/`. Each room uses only rooms named before it in this file.
//!
//! Does not own: storage, JSON, HTTP, queues, time, randomness. `now` and new ids are arguments.
//!
//! Invariants:
//! - Nothing here awaits, reads a clock, or touches a float.
//! - A value that exists is valid: constructors parse, rules trust.
//! - Amounts are exact until the one rounding that a chapter names.

pub mod id;
pub mod money;
pub mod number;
pub mod problem;
pub mod target;
pub mod time;
pub mod value;

pub mod metric;
pub mod usage;

pub mod charge;
pub mod organization;
pub mod tax;

pub mod customer;
pub mod plan;

pub mod add_on;
pub mod coupon;
pub mod wallet;

pub mod billing;
pub mod credit_note;
pub mod invoice;
pub mod ledger;
pub mod subscription;

pub mod analytics;
pub mod api_key;
pub mod webhook;
