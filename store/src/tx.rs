//! The store and its transactions.

use async_trait::async_trait;

use crate::{Accounts, Certificates, Event, Keys, Mints, Once, Outbox, PendingEvent, Revocations, StoreError};

/// A place that keeps what must survive a restart.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Begins a transaction that may write; writers take turns.
    ///
    /// # Errors
    /// [`StoreError::Database`] if no connection is free in time or the write lock cannot be had.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;

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

    /// Adds an event to the outbox; it becomes visible with the commit, after every event committed before.
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
    /// [`StoreError::Incomplete`] if a [`Once`] entry has no response, [`StoreError::Database`] if the database
    /// refuses; nothing is written then.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
