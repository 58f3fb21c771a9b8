//! Stored forms: how each aggregate of the domain stands in the body of an item.
//!
//! Owns: structs of their own with explicit conversions, so that renaming a field of the domain changes no stored byte.
//!
//! Does not own: rules. What is stored is valid; a form that the domain refuses is an error that somebody looks at.
//!
//! Invariants:
//! - A field that is added gets `#[serde(default)]` (or is an `Option`), and the kind's `SCHEMA` counts up by one. So an
//!   old item always loads, and an older program refuses a newer item instead of dropping what it does not know: unknown
//!   fields are refused too.
//! - Nothing is rounded on the way: instants are whole microseconds, decimals texts, numbers of callers their own text.
//! - `golden/` holds bodies of every kind and schema that must load for ever.

pub mod add_on;
pub mod advance;
pub mod analytics;
pub mod api_key;
pub mod applied_coupon;
pub mod attribution;
mod basis;
pub mod chain;
pub mod coupon;
pub mod credit_note;
pub mod customer;
pub mod draft;
pub mod event_hour;
pub mod fee;
mod form;
pub mod former_customers;
pub mod idempotent_request;
mod identity;
pub mod invoice;
pub mod ledger_transaction;
pub mod live;
pub mod metric;
pub mod organization;
pub mod plan;
pub mod running_number;
pub mod subscription;
pub mod tax;
pub mod uninvoiced_fee;
pub mod wallet;
pub mod webhook;

pub use advance::{AdvanceMark, AdvanceMetric, AdvanceMetrics, AdvanceValue, AdvanceWindow};
pub use analytics::{AddedRows, CustomerRows, MonthRows};
pub use api_key::{ApiKey, KeyHolder};
pub use applied_coupon::CouponCredit;
pub use attribution::Attribution;
pub use chain::{Chain, Member};
pub use coupon::CouponUse;
pub use credit_note::DraftNotes;
pub use draft::Draft;
pub use event_hour::EventHour;
pub use former_customers::FormerCustomers;
pub use idempotent_request::{AnswerBody, IdempotentRequest, RequestState, StoredAnswer};
pub use ledger_transaction::LedgerTransaction;
pub use live::{Live, LiveKind};
pub use running_number::RunningNumber;
pub use subscription::SETTLING;
pub use webhook::{Webhook, WebhookStatus};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub(crate) mod samples;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub(crate) mod tests;
