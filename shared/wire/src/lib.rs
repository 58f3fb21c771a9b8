//! Public JSON: inputs, outputs, webhook bodies, the error body.
//!
//! Owns: field names, formats, coercions of the API (chapters 05 to 07 and 09).
//!
//! Does not own: any rule beyond parsing and formatting. An input becomes a type of the domain; an output is made from
//! types of the domain.

pub mod add_on;
pub mod analytics;
pub mod api_key;
pub mod billable_metric;
pub mod coupon;
pub mod credit_note;
pub mod customer;
pub mod error;
pub mod event;
pub mod explanation;
pub mod fee;
pub mod format;
pub mod input;
pub mod invoice;
pub mod ledger;
pub mod list;
pub mod organization;
pub mod plan;
pub mod preview;
pub mod schema;
pub mod subscription;
pub mod tax;
pub mod test_clock;
pub mod usage;
pub mod value;
pub mod wallet;
pub mod webhook;
pub mod webhook_endpoint;

mod sent;
#[cfg(test)]
mod testing;
