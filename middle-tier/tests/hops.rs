//! Two middle tiers in a row between a front end and a target, over real SPIFFE mTLS in one process.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod attacks_services;
mod chains;
mod failures;
mod keys;
mod streaming;
mod street;
mod target;
