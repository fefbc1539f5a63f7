//! What is revoked, kept as long as a token it covers could live, and which messages said so.

use async_trait::async_trait;

use crate::{Moment, StoreError};

/// One revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What kind of thing: `session`, `person`, `root`, …
    pub scope: String,
    /// Which one; the parts depend on the scope.
    pub key: Vec<String>,
    /// Only logins up to this moment; absent: every one.
    pub not_after_iat: Option<Moment>,
    /// Why, as a short name of a closed list.
    pub cause: String,
    /// The transaction of what caused it, if there was one.
    pub txn: Option<String>,
    /// When it was recorded.
    pub recorded_at: Moment,
    /// When it may be forgotten.
    pub expires: Moment,
}

impl Revocation {
    /// The record that covers what both cover.
    #[must_use]
    pub(crate) fn widened(&self, other: &Self) -> Self {
        Self {
            // No moment covers every login.
            not_after_iat: self.not_after_iat.zip(other.not_after_iat).map(|(a, b)| a.max(b)),
            recorded_at: self.recorded_at.max(other.recorded_at),
            expires: self.expires.max(other.expires),
            ..self.clone()
        }
    }
}

/// A revocation and its place in the order of commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRevocation {
    /// Grows with every record that is added or widened; from 1, with gaps.
    pub sequence: i64,
    /// The revocation.
    pub revocation: Revocation,
}

/// Revocations by scope and key.
#[async_trait]
pub trait Revocations: Send {
    /// Adds a revocation, or widens the one of the same scope and key: the later moment and the later end win, the first
    /// cause stays. Whether anything changed; only then is there a new sequence.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn record(&mut self, revocation: &Revocation) -> Result<bool, StoreError>;

    /// The last sequence given out, 0 at first. It never goes back.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn sequence(&mut self) -> Result<i64, StoreError>;

    /// Revocations with a sequence after `sequence` that end after `now`, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn after(&mut self, sequence: i64, now: Moment, limit: u32) -> Result<Vec<StoredRevocation>, StoreError>;

    /// Notes that the signed message (`iss`, `jti`) was taken; false if it was taken before.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn receive(&mut self, iss: &str, jti: &str, expires: Moment) -> Result<bool, StoreError>;

    /// Forgets revocations and messages that ended before `now`; how many.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError>;
}
