//! What crosses the network: requests, responses and problem types.
//!
//! Types only: nothing here decides, opens a socket or reads a clock. Tokens are plain strings in these types, so their
//! `Debug` never shows them.

pub mod bank;
pub mod certs;
pub mod header;
pub mod introspect;
pub mod keys;
pub mod mint;
pub mod oauth;
pub mod problem;
pub mod revocations;
