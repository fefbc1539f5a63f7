//! This process's own SVID and the trust bundles.

use spiffe::{SpiffeId, TrustDomain};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// This process's X.509 SVID and trust bundles, kept fresh by the SPIFFE Workload API. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {}

/// One X.509 SVID with its private key.
pub struct Svid {
    /// Whose it is.
    pub id: SpiffeId,
    /// The certificates (DER), leaf first.
    pub chain: Vec<Vec<u8>>,
    /// SHA-256 of the leaf (DER).
    pub x5t: [u8; 32],
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The source was closed.
    #[error("the identity source is closed")]
    Closed,
}

/// Tells when the SVID or a bundle changed.
#[derive(Debug)]
pub struct Updates {}

impl Updates {
    /// Waits for the next change.
    ///
    /// # Errors
    /// [`IdentityError::Closed`] when there will be none.
    pub async fn changed(&mut self) -> Result<(), IdentityError> {
        todo!()
    }
}

impl Identity {
    /// Connects to the Workload API and waits up to `wait` for the first SVID.
    ///
    /// # Errors
    /// No SVID within `wait`.
    pub async fn connect(endpoint: Option<&str>, wait: Duration) -> Result<Self, IdentityError> {
        todo!()
    }

    /// The SPIFFE ID of the current SVID.
    ///
    /// # Errors
    /// When there is no usable SVID.
    pub fn id(&self) -> Result<SpiffeId, IdentityError> {
        todo!()
    }

    /// The current SVID.
    ///
    /// # Errors
    /// When there is no usable SVID.
    pub fn svid(&self) -> Result<Arc<Svid>, IdentityError> {
        todo!()
    }

    /// The anchors (DER) of every trust domain.
    ///
    /// # Errors
    /// When there is no usable SVID.
    pub fn bundles(&self) -> Result<HashMap<TrustDomain, Vec<Vec<u8>>>, IdentityError> {
        todo!()
    }

    /// Tells when the SVID or a bundle changed.
    #[must_use]
    pub fn updates(&self) -> Updates {
        todo!()
    }

    /// Whether there is an SVID that is valid now.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        todo!()
    }
}
