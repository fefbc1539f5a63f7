//! Balances and their ledger.

use async_trait::async_trait;
use uuid::Uuid;

use crate::{Moment, StoreError, event};

/// A person: the pair of who vouches for them and what that authority calls them.
///
/// Compared bytewise, and only as a pair: the same `dpr` from another `dpa` is somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The delegating principal authority: the OAuth `iss`.
    pub dpa: String,
    /// The delegating principal: the OAuth `sub`.
    pub dpr: String,
}

impl Person {
    /// The person `dpa` calls `dpr`.
    #[must_use]
    pub fn new(dpa: impl Into<String>, dpr: impl Into<String>) -> Self {
        Self { dpa: dpa.into(), dpr: dpr.into() }
    }
}

/// What a person has in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// ISO 4217 code.
    pub currency: String,
    /// The amount in minor units (cents for USD).
    pub minor: i64,
}

/// What the caller says of a movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its identifier, a version 7 UUID of `created_at`.
    pub id: Uuid,
    /// Why the money moved: `deposit`, `opening`, …
    pub kind: String,
    /// The transaction of the token that caused it.
    pub txn: Option<String>,
    /// When it happened.
    pub created_at: Moment,
}

impl Entry {
    /// An entry of this moment with a fresh identifier.
    #[must_use]
    pub fn new(kind: impl Into<String>, txn: Option<String>, created_at: Moment) -> Self {
        Self { id: event::identifier(created_at), kind: kind.into(), txn, created_at }
    }
}

/// A movement of money as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What the caller said of it.
    pub entry: Entry,
    /// ISO 4217 code.
    pub currency: String,
    /// The amount in minor units; what left the account is negative.
    pub minor: i64,
    /// The balance after it, in minor units.
    pub balance: i64,
}

/// Accounts: one a person and currency. Their balance is the sum of their ledger.
#[async_trait]
pub trait Accounts: Send {
    /// Opens an account that holds nothing; whether it is new.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn open(&mut self, person: &Person, currency: &str, now: Moment) -> Result<bool, StoreError>;

    /// The balance in one currency, in minor units; `None` without an account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn balance(&mut self, person: &Person, currency: &str) -> Result<Option<i64>, StoreError>;

    /// Every balance of a person by currency; empty for somebody unknown.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn balances(&mut self, person: &Person) -> Result<Vec<Balance>, StoreError>;

    /// Adds `minor` units and a ledger entry, opening the account if there is none; the new balance.
    ///
    /// # Errors
    /// [`StoreError::Overflow`] if `minor` is not positive or the sum exceeds `i64`; the account is as it was.
    /// [`StoreError::Duplicate`] if the entry's identifier is known. [`StoreError::ReadOnly`],
    /// [`StoreError::Database`].
    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError>;

    /// A person's ledger, newest first, at most `limit` entries.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError>;
}
