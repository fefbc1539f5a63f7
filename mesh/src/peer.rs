//! Who is on the other end of a connection, and who may be.

use sha2::{Digest as _, Sha256};
use spiffe::{SpiffeId, TrustDomain};
use std::{collections::BTreeSet, net::SocketAddr};

/// The authenticated workload on the other end of a connection; an extension of every request [`serve`](crate::serve)
/// hands on.
///
/// # Security
/// It comes from the certificate of this very connection, never from a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The one URI SAN of its certificate.
    pub id: SpiffeId,
    /// SHA-256 of its leaf certificate (DER).
    pub x5t: [u8; 32],
    /// Where the TCP connection comes from.
    pub addr: SocketAddr,
}

impl Peer {
    /// Reads the leaf of a connection whose handshake has verified it.
    pub(crate) fn of(connection: &rustls::CommonState, addr: SocketAddr) -> Option<Self> {
        let leaf = connection.peer_certificates()?.first()?;
        let id = spiffe::cert::spiffe_id_from_der(leaf).ok()?;
        Some(Self { id, x5t: Sha256::digest(leaf).into(), addr })
    }
}

/// Which workloads may connect.
#[derive(Clone, Debug)]
pub enum Allow {
    /// Every workload of one trust domain.
    TrustDomain(TrustDomain),
    /// Every workload of these trust domains.
    TrustDomains(Vec<TrustDomain>),
    /// Exactly these workloads, compared bytewise.
    Ids(Vec<SpiffeId>),
}

impl Allow {
    pub(crate) fn admits(&self, peer: &SpiffeId) -> bool {
        match self {
            Self::TrustDomain(domain) => peer.trust_domain() == domain,
            Self::TrustDomains(domains) => domains.contains(peer.trust_domain()),
            Self::Ids(ids) => ids.contains(peer),
        }
    }

    /// The trust domains whose bundles count.
    pub(crate) fn trust_domains(&self) -> BTreeSet<TrustDomain> {
        match self {
            Self::TrustDomain(domain) => BTreeSet::from([domain.clone()]),
            Self::TrustDomains(domains) => domains.iter().cloned().collect(),
            Self::Ids(ids) => ids.iter().map(|id| id.trust_domain().clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SpiffeId {
        SpiffeId::new(text).unwrap()
    }

    #[test]
    fn admits_exactly_the_listed_workloads() {
        let allow = Allow::Ids(vec![id("spiffe://bank.example/target-wl")]);
        assert!(allow.admits(&id("spiffe://bank.example/target-wl")));
        for stranger in [
            "spiffe://bank.example/target-wl-2",
            "spiffe://bank.example/target-wl/x",
            "spiffe://bank.example/target",
            "spiffe://other.example/target-wl",
        ] {
            assert!(!allow.admits(&id(stranger)), "{stranger}");
        }
    }

    #[test]
    fn admits_trust_domains_as_a_whole() {
        let domain = |name: &str| TrustDomain::new(name).unwrap();
        let one = Allow::TrustDomain(domain("bank.example"));
        assert!(one.admits(&id("spiffe://bank.example/anyone")));
        assert!(!one.admits(&id("spiffe://sub.bank.example/anyone")));
        let two = Allow::TrustDomains(vec![domain("bank.example"), domain("partner.example")]);
        assert!(two.admits(&id("spiffe://partner.example/anyone")));
        assert_eq!(two.trust_domains().len(), 2);
    }
}
