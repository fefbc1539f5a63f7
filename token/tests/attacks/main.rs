//! Every attack of a chain that must fail, by name, and the honest chains beside them that must not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails is a test that fails")]

mod anonymous;
mod anonymous_forged;
mod arrival;
mod edges;
mod examination;
mod fixture;
mod hops;
mod id;
mod id_signers;
mod plain;
mod properties;
mod provenance;
mod references;
mod requests;
mod revocations;
