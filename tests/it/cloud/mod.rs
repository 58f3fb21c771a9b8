//! The deployed template on the emulated AWS: HTTP in, webhooks out. Few tests; rules are tested elsewhere.

mod aws;
mod deployment;
mod receiver;
mod story;
