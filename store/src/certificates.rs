//! Signers' certificates that chains name by hash, kept until they expire.

use async_trait::async_trait;

use crate::{Moment, StoreError};

/// A signer's leaf with its intermediates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCertificate {
    /// SHA-256 of the leaf (DER).
    pub x5t: [u8; 32],
    /// Whose it is.
    pub spiffe_id: String,
    /// The leaf and its intermediates, PEM.
    pub pem: String,
    /// The end of the leaf's life.
    pub expires: Moment,
}

/// What became of a certificate that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept from the commit on.
    Kept,
    /// It was kept already, and stays as it was.
    Known,
    /// Its owner has as many as it may have; none of them is given up.
    Full,
}

/// Certificates by the hash of their leaf.
#[async_trait]
pub trait Certificates: Send {
    /// Keeps a certificate, unless its owner has `most` others that live at `now`.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn keep(&mut self, certificate: &KeptCertificate, most: u32, now: Moment) -> Result<Keeping, StoreError>;

    /// The certificate of this hash, if it lives at `now`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn find(&mut self, x5t: &[u8; 32], now: Moment) -> Result<Option<KeptCertificate>, StoreError>;

    /// Forgets certificates that expired before `now`; how many.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError>;
}
