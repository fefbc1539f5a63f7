//! Effects that happen once: rule 12 of the protocol.
//!
//! The entry is made in the transaction of the effect, so neither can exist without the other. Two things are
//! remembered: what a person's idempotency key on a route was used for, and which key a chain's first link was
//! spent on.

use async_trait::async_trait;

use crate::{Moment, Person, StoreError};

/// How long an idempotency key is remembered beyond the life of the chain that brought it, in seconds.
pub const IDEMPOTENCY_WINDOW_SECONDS: u64 = 24 * 60 * 60;

/// What an effect is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OnceKey {
    /// The identifier of the chain's first link (plain mode: of the root), unique across all asserters.
    pub first_id: String,
    /// The route, as the service declares it: `POST /v1/deposits`.
    pub route: String,
    /// For whom.
    pub person: Person,
    /// The `Idempotency-Key`, bytewise.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_digest: [u8; 32],
}

/// An answer, kept to be given again byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Header fields that belong to the answer, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the store knows of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnceOutcome {
    /// Nothing: the entry is made, the effect may happen, [`Once::complete`] must follow.
    Fresh,
    /// It has happened and was answered like this.
    Same(StoredResponse),
    /// The first link was spent on another key or route: `replay-detected`.
    Replay,
    /// The person used this key on this route with another body: `conflict`.
    KeyReused,
}

/// Entries of effects that have happened.
#[async_trait]
pub trait Once: Send {
    /// Looks an effect up and makes its entry if there is none.
    ///
    /// A known key with an equal body answers [`OnceOutcome::Same`] under any first link, for an honest client
    /// that lost the answer asks again with a new chain; that first link is then spent on this key too, so
    /// commit in this case as well. `expires` is the chain's expiry and [`IDEMPOTENCY_WINDOW_SECONDS`]; entries
    /// are remembered at least until then.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn insert(&mut self, key: &OnceKey, expires: Moment) -> Result<OnceOutcome, StoreError>;

    /// Stores the answer to an effect whose entry this transaction made.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`] if this transaction made no such entry. [`StoreError::ReadOnly`],
    /// [`StoreError::Database`].
    async fn complete(&mut self, key: &OnceKey, response: &StoredResponse) -> Result<(), StoreError>;

    /// Forgets entries that expired before `now`; how many.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError>;
}
