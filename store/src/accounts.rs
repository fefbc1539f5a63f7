//! Balances and their ledger.

use async_trait::async_trait;
use uuid::Uuid;
use wire::bank::AccountNumber;

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
    /// What it is a side of, if somebody else was involved.
    pub transfer: Option<TransferSide>,
}

/// One side of a transfer as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferSide {
    /// The sender's entry: the same on both sides.
    pub id: Uuid,
    /// The other side's account.
    pub counterparty: AccountNumber,
    /// What the sender wrote.
    pub note: Option<String>,
}

/// A transfer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Who pays.
    pub from: Person,
    /// Who is paid.
    pub to: AccountNumber,
    /// ISO 4217 code.
    pub currency: String,
    /// The amount in minor units.
    pub minor: i64,
    /// A line for both sides.
    pub note: Option<String>,
    /// The sender's entry.
    pub sent: Entry,
    /// The recipient's entry.
    pub received: Entry,
}

impl Transfer {
    /// What the ledger keeps of it: the sender's side and the recipient's. `own` is the sender's number, then come the
    /// balances after it.
    pub(crate) fn rows(&self, own: AccountNumber, sender: i64, recipient: i64) -> (LedgerEntry, LedgerEntry) {
        let row = |entry: &Entry, minor, balance, counterparty| LedgerEntry {
            entry: entry.clone(),
            currency: self.currency.clone(),
            minor,
            balance,
            transfer: Some(TransferSide { id: self.sent.id, counterparty, note: self.note.clone() }),
        };
        (row(&self.sent, -self.minor, sender, self.to), row(&self.received, self.minor, recipient, own))
    }
}

/// What became of a transfer. Unless it is [`Done`](Self::Done), nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferOutcome {
    /// The money moved.
    Done {
        /// What the sender has after it, in minor units.
        sender: i64,
        /// What the recipient has after it, in minor units.
        recipient: i64,
    },
    /// Nobody has this number, or whoever has it holds nothing in this currency.
    NoRecipient,
    /// The number is the sender's own.
    ToOneself,
    /// The sender has no account in this currency.
    NoAccount,
    /// The sender has less than the amount.
    Overdrawn,
}

/// A fresh number; it may be taken.
pub(crate) fn draw_number() -> AccountNumber {
    AccountNumber::of(Uuid::new_v4().as_u64_pair().0)
}

/// Accounts: one a person and currency. Their balance is the sum of their ledger, and never below zero.
#[async_trait]
pub trait Accounts: Send {
    /// Opens an account that holds nothing; whether it is new. The person's first account brings their number.
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

    /// The number of a person's accounts; `None` without any.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn number(&mut self, person: &Person) -> Result<Option<AccountNumber>, StoreError>;

    /// Adds `minor` units and a ledger entry, opening the account if there is none; the new balance.
    ///
    /// # Errors
    /// [`StoreError::Overflow`] if `minor` is not positive or the sum exceeds `i64`; the account is as it was.
    /// [`StoreError::Duplicate`] if the entry's identifier is known. [`StoreError::ReadOnly`],
    /// [`StoreError::Database`].
    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError>;

    /// Moves money from one person's account to another's, with a ledger entry on both sides; opens none.
    ///
    /// # Errors
    /// [`StoreError::Overflow`] if the amount is not positive or the recipient's sum exceeds `i64`; both accounts are
    /// as they were. [`StoreError::Duplicate`] if an entry's identifier is known. [`StoreError::ReadOnly`],
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn transfer(&mut self, transfer: &Transfer) -> Result<TransferOutcome, StoreError>;

    /// A person's ledger, newest first, at most `limit` entries.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError>;

    /// What is older than one entry of a person's ledger, newest first, at most `limit` entries; `None` if the ledger
    /// has no such entry. What is booked meanwhile changes nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn ledger_before(
        &mut self,
        person: &Person,
        entry: Uuid,
        limit: u32,
    ) -> Result<Option<Vec<LedgerEntry>>, StoreError>;
}
