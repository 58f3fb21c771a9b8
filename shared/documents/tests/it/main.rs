//! Documents, from the source of an invoice to the words in its PDF.
//!
//! Each PDF that a test makes is left in the target folder's `tmp/documents`, to look at.

#![allow(clippy::unwrap_used)]

mod credit_note;
mod languages;
mod page;
mod pdf;
mod plain;
mod reader;
mod samples;
