//! asserting-wl: turns a person's OAuth access token into a DA-SVID.
//!
//! A workload of the trust domain presents the token over SPIFFE mTLS. [`oauth`] verifies it, [`permission`] asks the
//! policy, [`minting`] signs a root with a key of the [`keyring`] (or the SVID) and records it together with its event.
//! What proves the OAuth signature is [`provenance`]'s. [`validation`] and [`introspection`] tell about chains that came of
//! it; [`certs`] keeps the certificates their links name; [`logout`] and [`withdrawal`] end them; [`revocations`] keeps what is revoked and publishes it. [`exchange`] and
//! [`metadata`] are for clients that speak OAuth. [`routes`] declares the endpoints.

pub mod admission;
pub mod api_error;
pub mod certs;
pub mod config;
pub mod examination;
pub mod exchange;
mod housekeeping;
pub mod introspection;
pub mod keyring;
pub mod logout;
pub mod metadata;
pub mod minting;
pub mod oauth;
pub mod permission;
pub mod provenance;
pub mod rejections;
pub mod revocations;
pub mod routes;
pub mod sealing;
pub mod validation;
pub mod withdrawal;
mod workload;

pub use config::Config;
pub use workload::AssertingWl;
