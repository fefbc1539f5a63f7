//! A store in memory, for tests: nothing outlives the process.
//!
//! A transaction works on a copy of everything and puts it in place when it commits. Writers take turns.

mod accounts;
mod certificates;
mod keys;
mod mints;
mod once;
mod outbox;
mod revocations;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};
use wire::bank::AccountNumber;

use self::once::{Spent, SpentKey};
use self::revocations::Revoked;
use crate::{
    Accounts, Certificates, EventState, KeptCertificate, KeyRecord, Keys, LedgerEntry, MintRecord, Mints, Moment, Once,
    OnceKey, Outbox, PendingEvent, Person, Revocations, Store, StoreError, Tx,
};

/// Everything there is.
#[derive(Debug, Clone, Default)]
struct State {
    balances: BTreeMap<(Person, String), i64>,
    numbers: BTreeMap<AccountNumber, Person>,
    ledger: Vec<(Person, LedgerEntry)>,
    spent_keys: HashMap<SpentKey, Spent>,
    spent_links: HashMap<String, (SpentKey, Moment)>,
    mints: HashMap<String, MintRecord>,
    keys: Vec<KeyRecord>,
    outbox: Vec<(PendingEvent, EventState)>,
    /// The last event's sequence.
    sequence: i64,
    revoked: Revoked,
    certificates: HashMap<[u8; 32], KeptCertificate>,
}

/// A store in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    committed: Arc<RwLock<Arc<State>>>,
    writers: Arc<Mutex<()>>,
}

impl Memory {
    fn transaction(&self, turn: Option<OwnedMutexGuard<()>>) -> MemoryTx {
        let state = self.committed.read().unwrap_or_else(PoisonError::into_inner).clone();
        MemoryTx { state, committed: self.committed.clone(), turn, unanswered: Vec::new() }
    }
}

#[async_trait]
impl Store for Memory {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let turn = self.writers.clone().lock_owned().await;
        Ok(Box::new(self.transaction(Some(turn))))
    }

    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        Ok(Box::new(self.transaction(None)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A transaction on a copy of everything.
pub(crate) struct MemoryTx {
    state: Arc<State>,
    committed: Arc<RwLock<Arc<State>>>,
    /// Held by a writer.
    turn: Option<OwnedMutexGuard<()>>,
    /// Entries made here whose response is not stored yet.
    unanswered: Vec<OnceKey>,
}

impl MemoryTx {
    fn writer(&mut self) -> Result<&mut State, StoreError> {
        if self.turn.is_some() { Ok(Arc::make_mut(&mut self.state)) } else { Err(StoreError::ReadOnly) }
    }
}

#[async_trait]
impl Tx for MemoryTx {
    fn accounts(&mut self) -> &mut dyn Accounts {
        self
    }

    fn once(&mut self) -> &mut dyn Once {
        self
    }

    fn mints(&mut self) -> &mut dyn Mints {
        self
    }

    fn keys(&mut self) -> &mut dyn Keys {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn revocations(&mut self) -> &mut dyn Revocations {
        self
    }

    fn certificates(&mut self) -> &mut dyn Certificates {
        self
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        if let Some(key) = self.unanswered.pop() {
            return Err(StoreError::Incomplete(key.route));
        }
        if self.turn.is_some() {
            *self.committed.write().unwrap_or_else(PoisonError::into_inner) = self.state;
        }
        Ok(())
    }
}
