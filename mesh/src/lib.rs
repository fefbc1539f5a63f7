//! SPIFFE mTLS both ways; the only crate that names rustls.
//!
//! An [`Identity`] is this process's own X.509 SVID and the trust bundles, kept fresh by the SPIFFE Workload API.
//! [`serve`] answers HTTP/1.1 and HTTP/2 for peers an [`Allow`] admits and tells the handlers who they are ([`Peer`]).
//! A [`Client`] talks to exactly one SPIFFE ID, at all its replicas. [`web`] is for everything that is not part of the mesh.
//!
//! TLS 1.3 only, no session resumption, an authoriser and a trust-domain policy always set.

mod client;
mod identity;
mod origins;
mod peer;
mod server;
mod tls;
pub mod web;

pub use client::{Answer, AnswerBody, Client, ClientError, ClientMetrics, ClientSettings, Dns, Registrar, Resolver};
pub use identity::{Identity, IdentityError, Svid, Updates};
pub use origins::{OriginError, Origins};
pub use peer::{Allow, Peer};
pub use server::{ServerSettings, serve};
pub use tls::install_crypto;
