//! What the Workload API is told: settings of the trust domain, and one entry an identity.

use spiffe::{SpiffeId, TrustDomain};
use std::time::Duration;

/// How an SVID's key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with 2048 bits; takes about a tenth of a second to make.
    Rsa2048,
}

/// One identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The SPIFFE ID, with a path, in the trust domain of the authority.
    pub id: SpiffeId,
    /// DNS names that stand beside the URI SAN.
    pub dns: Vec<String>,
    /// The kind of key.
    pub key: KeyKind,
    /// What the operator calls this SVID among those of one caller; empty for nothing.
    pub hint: String,
}

impl Entry {
    /// An identity with a P-256 key, no DNS name and no hint.
    #[must_use]
    pub fn new(id: SpiffeId) -> Self {
        Self { id, dns: Vec::new(), key: KeyKind::default(), hint: String::new() }
    }
}

/// The trust domain and how long what it issues lives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Its name.
    pub trust_domain: TrustDomain,
    /// Life of X.509 SVIDs; they rotate at half of it.
    pub x509_ttl: Duration,
    /// Life of JWT SVIDs.
    pub jwt_ttl: Duration,
    /// Life of the CA certificate. No SVID outlives it.
    pub ca_ttl: Duration,
    /// How far before the moment of issue certificates become valid, for clocks that lag.
    pub backdate: Duration,
    /// How long a new CA is in the bundles before it issues anything.
    pub overlap: Duration,
}

impl Settings {
    /// SVIDs of one hour, JWT SVIDs of five minutes, a CA of a day.
    #[must_use]
    pub fn new(trust_domain: TrustDomain) -> Self {
        Self {
            trust_domain,
            x509_ttl: Duration::from_hours(1),
            jwt_ttl: Duration::from_mins(5),
            ca_ttl: Duration::from_hours(24),
            backdate: Duration::from_secs(30),
            overlap: Duration::from_millis(200),
        }
    }
}
