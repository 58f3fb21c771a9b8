//! Contracts: one suite per port, run on every backend. A backend that is missing fails; it is never skipped.

mod dynamo;
mod sqlite;
mod staged;
mod table;
mod table_model;
