//! The table over DynamoDB.
//!
//! Owns: how an item becomes attributes and back, which request an operation becomes, and what is retried here.
//!
//! Does not own: what is stored; credentials, region and endpoint, which come with the client.
//!
//! Invariants:
//! - A condition that failed is reported only if it failed on the first arrival of the request. A request that may have
//!   arrived before and now meets its own write is `Unavailable`, never `Conditions`.
//! - `add` is never repeated here after an answer went missing.

mod attributes;
mod definition;
mod failure;
mod table;

pub use attributes::{DecodeError, item_from_attributes, item_to_attributes};
pub use definition::create_table;
pub use table::DynamoTable;
