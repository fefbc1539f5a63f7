//! The mesh against a real Workload API: handshakes, requests, rotation, and what must fail.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod fixture;
mod handshake;
mod identity;
mod replicas;
mod requests;
mod rotation;
