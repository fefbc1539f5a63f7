//! Every attack of a chain that must fail, by name, and the honest chains beside them that must not.

mod anonymous;
mod anonymous_forged;
mod arrival;
mod fixture;
mod hops;
mod id;
mod id_signers;
mod plain;
mod requests;
mod revocations;
