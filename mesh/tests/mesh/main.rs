//! The mesh against a real Workload API: handshakes, requests, rotation, and what must fail.

mod client;
mod fixture;
mod handshake;
mod identity;
mod requests;
mod rotation;
