//! The store and its transactions.

use async_trait::async_trait;

use wire::bank::AccountNumber;

use crate::{Accounts, Certificates, Event, Keys, Mints, Once, Outbox, PendingEvent, Person, Revocations, StoreError};

/// What many may want to change at the same time.
#[derive(Debug, Clone, Copy)]
pub enum Turn<'a> {
    /// Somebody's accounts.
    Person(&'a Person),
    /// The accounts of whoever has this number.
    Account(AccountNumber),
    /// The list of revocations.
    Revocations,
}

/// A place that keeps what must survive a restart.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Begins a transaction that may write. Writers take turns, or find out that they got in each other's way:
    /// [`StoreError::Conflict`] may come from whatever is done through it, so it belongs inside [`retry`](crate::retry).
    ///
    /// # Errors
    /// [`StoreError::Database`] if no connection is free in time or the write lock cannot be had.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;

    /// Begins a transaction that may write, when it is its turn to change what is named here. Those who would only meet a
    /// conflict wait for one another instead, first come, first served, also in other processes. It is a courtesy, not
    /// a permission: nothing is wrong without it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), and [`StoreError::Database`] if the turn does not come in time.
    async fn begin_for(&self, turns: &[Turn<'_>]) -> Result<Box<dyn Tx>, StoreError> {
        // Where writers take turns anyway.
        let _ = turns;
        self.begin().await
    }

    /// Begins a transaction that reads one consistent snapshot and waits for no writer.
    ///
    /// # Errors
    /// [`StoreError::Database`] if no connection is free in time.
    async fn read(&self) -> Result<Box<dyn Tx>, StoreError>;

    /// Asks the database for an answer; readiness depends on it.
    ///
    /// # Errors
    /// [`StoreError::Database`] if there is none.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One transaction: all of it is written by [`commit`](Self::commit), or nothing.
///
/// Dropping it undoes everything done through it.
#[async_trait]
pub trait Tx: Send {
    /// Balances and their ledger.
    fn accounts(&mut self) -> &mut dyn Accounts;
    /// Effects that happen once (rule 12).
    fn once(&mut self) -> &mut dyn Once;
    /// Minted roots.
    fn mints(&mut self) -> &mut dyn Mints;
    /// Minting keys, sealed.
    fn keys(&mut self) -> &mut dyn Keys;
    /// Events and how far their delivery got.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// What is revoked.
    fn revocations(&mut self) -> &mut dyn Revocations;
    /// Signers' certificates.
    fn certificates(&mut self) -> &mut dyn Certificates;

    /// Adds an event to the outbox. It is listed with the commit or soon after, never before one listed already.
    ///
    /// # Errors
    /// As [`Outbox::emit`].
    async fn emit(&mut self, event: &Event) -> Result<(), StoreError> {
        self.outbox().emit(event).await
    }

    /// The oldest events that wait for delivery.
    ///
    /// # Errors
    /// As [`Outbox::pending`].
    async fn pending_events(&mut self, limit: u32) -> Result<Vec<PendingEvent>, StoreError> {
        self.outbox().pending(limit).await
    }

    /// Writes everything done through this transaction.
    ///
    /// # Errors
    /// [`StoreError::Incomplete`] if a [`Once`] entry has no response, [`StoreError::Failed`] if a statement failed
    /// before, [`StoreError::Conflict`] if another transaction got in the way; nothing is written then.
    /// [`StoreError::Database`] if the database did not answer: whether it is written is then unknown.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
