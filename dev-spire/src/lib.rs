//! An embedded SPIFFE Workload API with its own CA. For development and tests, **never for production**: whoever can
//! open a socket gets its identity, and all keys live in this process.
//!
//! [`DevSpire`] serves one Unix socket an identity, or several identities on a shared socket to callers it attests. Its [`Authority`] is the CA of one trust domain. SVIDs rotate at
//! half their life; rotation, outage and withdrawal can also be had on demand.

mod attestation;
mod authority;
mod clock;
mod config;
mod connection;
mod entry;
mod jwt;
mod mending;
pub mod pb;
mod reflection;
mod registry;
mod rotation;
mod service;
mod socket;
mod spire;
mod view;

pub use attestation::{Registration, Selectors};
pub use authority::{Authority, AuthorityError, X509Material};
pub use config::{Config, ConfigError, Listen};
pub use entry::{Entry, KeyKind, Settings};
pub use jwt::JwtError;
pub use socket::SocketError;
pub use spire::{DevSpire, DevSpireError};
