//! Minted roots, kept while they live.

use async_trait::async_trait;

use crate::{Moment, Person, StoreError};

/// What asserting-wl remembers of a root it signed. Never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MintRecord {
    /// The root's `jti`.
    pub jti: String,
    /// The root's `txn`.
    pub txn: String,
    /// `plain`, `id` or `anonymous`.
    pub mode: String,
    /// SPIFFE ID of the workload that may act: the root's `sub`.
    pub sub: String,
    /// For whom.
    pub person: Person,
    /// The session at the identity provider, meaningful only with `person.dpa`.
    pub sid: Option<String>,
    /// The root's `aud`.
    pub aud: Vec<String>,
    /// The root's `iat`.
    pub iat: Moment,
    /// The root's `exp`; the record may be purged after it.
    pub exp: Moment,
    /// Anonymous mode: R of the root, 32 bytes.
    pub commitment: Option<[u8; 32]>,
    /// SHA-256 of header "." payload, in anonymous mode followed by R.
    pub digest: [u8; 32],
    /// What proves the OAuth token's signature, sealed with [`SealKey`](crate::seal::SealKey), if it is kept.
    pub sealed_oauth: Option<Vec<u8>>,
}

/// Minted roots by `jti`.
#[async_trait]
pub trait Mints: Send {
    /// Records a mint.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if the `jti` is known. [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn record(&mut self, mint: &MintRecord) -> Result<(), StoreError>;

    /// The mint with this `jti`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn find(&mut self, jti: &str) -> Result<Option<MintRecord>, StoreError>;

    /// Forgets mints that expired before `now`; how many.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError>;
}
