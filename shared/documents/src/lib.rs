//! Documents for people: an invoice or a credit note as a page of words, and that page as a PDF.
//!
//! Owns the words, dates, numbers and money of every document language ([`locale`]), the content and order of a
//! document ([`invoice`], [`credit_note`], chapter 04, 13) and its look ([`pdf`]).
//!
//! Does not own amounts: every figure on a page was computed before and is printed as it came. Does not know a
//! database, a clock or a network either.
//!
//! - The same source gives the same page, and the same page the same bytes.
//! - Texts of customers are data all the way: nothing that they write is read as markup.
//! - A figure that fits the ledger fits the page: no amount is ever cut.

pub mod credit_note;
pub mod invoice;
pub mod locale;
pub mod page;
pub mod pdf;
pub mod renderer;
pub mod source;
