//! Minting keys, sealed.

use async_trait::async_trait;

use crate::{Moment, StoreError};

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// Published, not yet used.
    Next,
    /// Signs.
    Current,
    /// Published until what it signed has expired.
    Retiring,
}

impl KeyState {
    /// The state as the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retiring => "retiring",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Retiring].into_iter().find(|state| state.name() == name)
    }
}

/// A minting key; the private half only sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// What it is for: `jose`, `schnorr`, …
    pub kind: String,
    /// `alg` of the JWK.
    pub alg: String,
    /// The private key, sealed with [`SealKey`](crate::seal::SealKey).
    pub sealed: Vec<u8>,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Moment,
    /// When it may sign first.
    pub not_before: Moment,
    /// When it may be forgotten, once that is known.
    pub retires_at: Option<Moment>,
}

/// Minting keys. Of a kind, at most one is [`KeyState::Current`] and at most one [`KeyState::Next`], whoever writes.
#[async_trait]
pub trait Keys: Send {
    /// The keys of a kind, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn list(&mut self, kind: &str) -> Result<Vec<KeyRecord>, StoreError>;

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if the `kid` is known or another key of the kind is in a state of which there is one.
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn insert(&mut self, key: &KeyRecord) -> Result<(), StoreError>;

    /// Moves a key to another state; whether there is such a key.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if another key of the kind is in a state of which there is one. [`StoreError::ReadOnly`],
    /// [`StoreError::Database`].
    async fn set_state(&mut self, kid: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError>;

    /// Forgets a key; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn remove(&mut self, kid: &str) -> Result<bool, StoreError>;
}
