//! An embedded SPIFFE Workload API with its own CA. For development and tests, **never for production**: whoever can
//! open a socket gets its identity, and all keys live in this process.
//!
//! [`DevSpire`] serves one Unix socket an identity. Its [`Authority`] is the CA of one trust domain. SVIDs rotate at
//! half their life; rotation, outage and withdrawal can also be had on demand.

mod authority;
mod clock;
mod entry;
mod jwt;
pub mod pb;
mod registry;
mod rotation;
mod service;
mod socket;
mod spire;
mod view;

pub use authority::{Authority, AuthorityError, X509Material};
pub use entry::{Entry, KeyKind, Settings};
pub use jwt::JwtError;
pub use socket::SocketError;
pub use spire::{DevSpire, DevSpireError};
