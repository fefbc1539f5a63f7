//! This process's own SVID and the trust bundles.

use sha2::{Digest as _, Sha256};
use spiffe::{SpiffeId, TrustDomain, X509Source, X509SourceUpdates, X509Svid, x509_source::X509SourceError};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use token::{Bundles, Timestamp};
use x509_parser::prelude::{FromDer as _, X509Certificate};

mod connect;

/// This process's X.509 SVID and trust bundles, kept fresh by the SPIFFE Workload API. Cheap to clone.
///
/// Rotation needs no restart: whoever asks gets the newest. When the Workload API withdraws the identity, or it expires
/// while the Workload API is away, asking fails, new TLS handshakes fail, and so does [`Client::send`](crate::Client).
#[derive(Clone)]
pub struct Identity {
    source: X509Source,
    parsed: Arc<Mutex<Option<Parsed>>>,
}

/// The SVID as last parsed.
struct Parsed {
    /// The source's revision it came with.
    revision: u64,
    svid: Arc<Svid>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("id", &self.id().ok()).finish_non_exhaustive()
    }
}

/// One X.509 SVID with its private key.
#[derive(Debug)]
pub struct Svid {
    /// Whose it is.
    pub id: SpiffeId,
    /// The certificates (DER), leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's private key.
    pub key: crypto::jose::SigningKey,
    /// SHA-256 of the leaf (DER).
    pub x5t: [u8; 32],
    /// The end of the leaf's life.
    pub not_after: Timestamp,
}

/// Why there is no identity. Every message says what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nobody said where the Workload API is.
    #[error(
        "no SPIFFE Workload API is configured; set SPIFFE_ENDPOINT_SOCKET, for instance to \
         unix:///run/spire/agent.sock, or the socket of the identity section"
    )]
    NotConfigured,
    /// The endpoint is not `unix:///path` or `tcp://address:port`.
    #[error("{endpoint:?} is not the address of a SPIFFE Workload API; write unix:///path/to/the.sock")]
    Endpoint {
        /// The endpoint as configured.
        endpoint: String,
    },
    /// Nothing answers at the socket.
    #[error(
        "no SPIFFE Workload API answers at {endpoint} ({reason}); start the SPIRE agent or `dasvid dev-spire`, and check \
         that this user may open the socket"
    )]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// What the operating system or the API says.
        reason: String,
    },
    /// The Workload API answers, but knows no identity for this process.
    #[error(
        "the SPIFFE Workload API at {endpoint} issues no identity to this process; register an entry whose selectors \
         match it, and see the agent's log"
    )]
    NotIssued {
        /// The endpoint.
        endpoint: String,
    },
    /// The Workload API has taken the identity away while this process ran.
    #[error("the SPIFFE Workload API has withdrawn this process's identity; register the entry again")]
    Withdrawn,
    /// The SVID has expired and no new one came.
    #[error("this process's SVID has expired and the SPIFFE Workload API has sent no new one; check the agent")]
    Expired,
    /// The SVID's certificate or key is of a kind this crate cannot use.
    #[error("this process's SVID cannot be used: {reason}")]
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The source was closed, as happens when the runtime ends.
    #[error("the identity source is closed")]
    Closed,
}

/// Tells when the SVID or a bundle changed, was withdrawn, or came back.
#[derive(Clone, Debug)]
pub struct Updates(X509SourceUpdates);

impl Updates {
    /// Waits for the next change; several in a row may come as one.
    ///
    /// # Errors
    /// [`IdentityError::Closed`] when there will be none.
    pub async fn changed(&mut self) -> Result<(), IdentityError> {
        self.0.changed().await.map(drop).map_err(|_| IdentityError::Closed)
    }
}

impl Identity {
    /// Connects to the Workload API at `endpoint`, or at `SPIFFE_ENDPOINT_SOCKET`, and waits up to `wait` for the first
    /// SVID.
    ///
    /// # Errors
    /// [`IdentityError::NotConfigured`], [`IdentityError::Endpoint`], [`IdentityError::Unreachable`] or
    /// [`IdentityError::NotIssued`] if there is no SVID after `wait`.
    pub async fn connect(endpoint: Option<&str>, wait: Duration) -> Result<Self, IdentityError> {
        crate::install_crypto();
        let source = connect::source(endpoint, wait).await?;
        let identity = Self { source, parsed: Arc::default() };
        identity.svid()?;
        Ok(identity)
    }

    /// The SPIFFE ID of the current SVID.
    ///
    /// # Errors
    /// [`IdentityError::Withdrawn`], [`IdentityError::Expired`] or [`IdentityError::Closed`].
    pub fn id(&self) -> Result<SpiffeId, IdentityError> {
        Ok(self.source.svid().map_err(unavailable)?.spiffe_id().clone())
    }

    /// The current SVID, parsed once a rotation.
    ///
    /// # Errors
    /// [`IdentityError::Withdrawn`], [`IdentityError::Expired`], [`IdentityError::Closed`] or, for a key that is neither
    /// ECDSA on P-256 or P-384 nor RSA, [`IdentityError::Unusable`].
    pub fn svid(&self) -> Result<Arc<Svid>, IdentityError> {
        let state = self.source.state();
        if state.is_closed() {
            return Err(IdentityError::Closed);
        }
        let current = state.svid().map_err(unavailable)?;
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = state.revision();
        if let Some(known) = &*parsed
            && known.revision == revision
        {
            return Ok(known.svid.clone());
        }
        let svid = Arc::new(Svid::parse(&current)?);
        *parsed = Some(Parsed { revision, svid: svid.clone() });
        Ok(svid)
    }

    /// The beginning and the end of the current SVID's life.
    ///
    /// # Errors
    /// As for [`svid`](Self::svid).
    pub fn life(&self) -> Result<(Timestamp, Timestamp), IdentityError> {
        let svid = self.svid()?;
        let leaf = svid.chain.first().map(Vec::as_slice).unwrap_or_default();
        let unusable = |reason: String| IdentityError::Unusable { reason };
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|error| unusable(error.to_string()))?;
        let begins = certificate.validity().not_before.timestamp();
        Ok((Timestamp(begins.try_into().unwrap_or_default()), svid.not_after))
    }

    /// The anchors of every trust domain the Workload API knows.
    ///
    /// # Errors
    /// [`IdentityError::Withdrawn`] or [`IdentityError::Closed`].
    pub fn bundles(&self) -> Result<Bundles, IdentityError> {
        let set = self.source.bundle_set().map_err(unavailable)?;
        let mut bundles = Bundles::default();
        for (trust_domain, bundle) in set.iter() {
            bundles.insert(trust_domain.clone(), bundle.authorities().iter().map(spiffe::cert::Certificate::as_bytes));
        }
        Ok(bundles)
    }

    /// The trust domain of the current SVID.
    ///
    /// # Errors
    /// As for [`id`](Self::id).
    pub fn trust_domain(&self) -> Result<TrustDomain, IdentityError> {
        Ok(self.id()?.trust_domain().clone())
    }

    /// Tells when the SVID or a bundle changed.
    #[must_use]
    pub fn updates(&self) -> Updates {
        Updates(self.source.updated())
    }

    /// Whether there is an SVID that is valid now. It says nothing about the Workload API being there.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        // Not `is_healthy`, which is false for a moment after the first SVID is there.
        let state = self.source.state();
        !state.is_closed() && state.is_usable()
    }

    pub(crate) fn source(&self) -> X509Source {
        self.source.clone()
    }

    /// Why [`is_usable`](Self::is_usable) is false.
    pub(crate) fn usable(&self) -> Result<(), IdentityError> {
        if self.is_usable() { Ok(()) } else { self.id().map(drop) }
    }
}

impl Svid {
    fn parse(svid: &X509Svid) -> Result<Self, IdentityError> {
        let unusable = |reason: String| IdentityError::Unusable { reason };
        let leaf = svid.leaf().as_bytes();
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|error| unusable(error.to_string()))?;
        let not_after = certificate.validity().not_after.timestamp();
        let key = crypto::jose::SigningKey::from_pkcs8(svid.private_key().as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            id: svid.spiffe_id().clone(),
            chain: svid.cert_chain().iter().map(|certificate| certificate.as_bytes().to_vec()).collect(),
            key,
            x5t: Sha256::digest(leaf).into(),
            not_after: Timestamp(not_after.try_into().unwrap_or_default()),
        })
    }
}

fn unavailable(error: X509SourceError) -> IdentityError {
    match error {
        X509SourceError::Withdrawn(_) => IdentityError::Withdrawn,
        X509SourceError::NoSuitableSvid => IdentityError::Expired,
        X509SourceError::Closed => IdentityError::Closed,
        other => IdentityError::Unusable { reason: other.to_string() },
    }
}
