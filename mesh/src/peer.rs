//! Who is on the other end of a connection, and who may be.

use spiffe::{SpiffeId, TrustDomain};
use std::net::SocketAddr;

/// The authenticated workload on the other end of a connection; an extension of every request [`serve`](crate::serve)
/// hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The one URI SAN of its certificate.
    pub id: SpiffeId,
    /// SHA-256 of its leaf certificate (DER).
    pub x5t: [u8; 32],
    /// Where the TCP connection comes from.
    pub addr: SocketAddr,
}

/// Which workloads may connect.
#[derive(Clone, Debug)]
pub enum Allow {
    /// Every workload of one trust domain.
    TrustDomain(TrustDomain),
    /// Every workload of these trust domains.
    TrustDomains(Vec<TrustDomain>),
    /// Exactly these workloads.
    Ids(Vec<SpiffeId>),
}
