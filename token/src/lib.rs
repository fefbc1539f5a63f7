//! The DA-SVID: what is said, in which bytes, and when it is believed.
//!
//! A [`chain::Chain`] is what came from the network: well-formed, nothing more. Only
//! [`Verifier::verify`] makes a [`Verified`] chain of it, and handlers take the latter. Everything here
//! is pure: keys, bundles, revocations, the request and the time are arguments, so every rule is
//! tested without I/O.
//!
//! The protocol's nouns, one module each: [`json`] and [`claims`] read bytes, [`chain`] holds them together,
//! [`certificates`], [`jwks`] and [`bundles`] are what signers are checked against, [`policy`] is what
//! this service believes, [`verifier`] applies the rules in their order, [`authority`] is what they leave
//! a handler to use up, [`mint`] and [`hop`] make roots and links.

pub mod act;
pub mod authority;
pub mod binding;
pub mod bundles;
pub mod certificates;
pub mod chain;
pub mod claims;
pub mod conformance;
pub mod encoding;
pub mod header;
pub mod hop;
pub mod json;
pub mod jwks;
pub mod mint;
pub mod mode;
pub mod path;
pub mod policy;
pub mod provenance;
pub mod refusal;
pub mod request;
pub mod revocation;
pub mod timestamp;
pub mod trust;
pub mod verified;
pub mod verifier;

pub use authority::Authority;
pub use bundles::Bundles;
pub use certificates::{Certificates, Fetched, Leaf, SignerChain};
pub use chain::Chain;
pub use jwks::{RootKey, RootKeys};
pub use mode::Mode;
pub use policy::{Accept, Policy, RouteRule};
pub use refusal::{Reason, Refusal, Rule};
pub use request::{Arrival, Body, Request};
pub use revocation::{RevocationTable, Revocations};
pub use timestamp::Timestamp;
pub use trust::Trust;
pub use verified::{Person, Verified};
pub use verifier::Verifier;
