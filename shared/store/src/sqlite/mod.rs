//! The table over SQLite: a laptop's or one small server's.
//!
//! Owns: the file, its schema, group commit, and the change feed that stands in for DynamoDB's stream.
//!
//! Does not own: what is stored; the queues of the local host, which share the file through `Database`.

mod database;
mod rows;
mod schema;
mod table;

pub use database::{Database, DatabaseError};
pub use table::{Change, SqliteTable};
