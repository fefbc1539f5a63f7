//! What must survive a restart: traits, SQLite, PostgreSQL and memory, one conformance suite.
//!
//! A workload names no database. It asks [`open`] for a [`Store`], begins a [`Tx`] and works through the
//! repositories the transaction lends: [`Accounts`], [`Once`], [`Mints`], [`Keys`], [`Outbox`],
//! [`Revocations`], [`Certificates`]. Everything done
//! through one `Tx` (a change, the entry that keeps it from happening twice, the event that tells of it) is
//! written by [`Tx::commit`] or not at all; dropping the `Tx` undoes it.
//!
//! ```
//! # async fn deposit() -> Result<(), store::StoreError> {
//! use store::{Entry, Event, Moment, Person};
//!
//! let store = store::open("memory:").await?;
//! let alice = Person::new("https://idp.example", "alice");
//! let now = Moment::from_seconds(1_700_000_000);
//! let mut tx = store.begin().await?;
//! let balance = tx.accounts().deposit(&alice, "USD", 2_500, &Entry::new("deposit", None, now)).await?;
//! tx.emit(&Event::new("bank-deposit", "alice".into(), balance.into(), None, now)).await?;
//! tx.commit().await
//! # }
//! ```
//!
//! A transaction that others got in the way of fails with [`StoreError::Conflict`]: writers run inside [`retry`], and say
//! with [`Store::begin_for`] what they will change if many may want to.
//!
//! # Adding a repository
//!
//! 1. Write the trait and its plain types in a module of their own (`src/mints.rs` is a short one): methods take
//!    `&mut self` and the time as an argument, "not found" is `Option`, and refusals that belong to the caller are
//!    values, not errors.
//! 2. Lend it from [`Tx`] in `src/tx.rs`.
//! 3. Add a migration under `migrations/sqlite` and one under `migrations/postgres` (`migrations/README.md` says what
//!    one may do) and implement the trait for `sqlite::SqliteTx` and `postgres::PostgresTx`. Queries are `&'static str`;
//!    every write of SQLite starts with `self.writer()?`, one of PostgreSQL goes through `self.write(…)`, and text that
//!    others chose goes through `text::kept`.
//! 4. Implement it for `memory::MemoryTx` in `src/memory/`: a field of `State`, cloned on the first write.
//! 5. Write `check_*` functions for it in `src/conformance/` and list them in [`conformance::check_all`]. A rule
//!    that is not checked there is not a rule, for the next backend will not know of it.

mod accounts;
mod certificates;
pub mod conformance;
mod error;
mod event;
mod keys;
mod memory;
mod mints;
mod moment;
mod once;
mod postgres;
mod retry;
mod revocations;
pub mod seal;
mod settings;
mod sqlite;
#[cfg(test)]
mod tests;
mod tx;

use std::sync::Arc;

use self::settings::Backend;
pub use accounts::{Accounts, Balance, Entry, LedgerEntry, Person, Transfer, TransferOutcome, TransferSide};
pub use certificates::{Certificates, Keeping, KeptCertificate};
pub use error::StoreError;
pub use event::{Event, EventState, Outbox, PendingEvent};
pub use keys::{KeyRecord, KeyState, Keys};
pub use mints::{MintRecord, Mints};
pub use moment::Moment;
pub use once::{IDEMPOTENCY_WINDOW_SECONDS, Once, OnceKey, OnceOutcome, StoredResponse};
pub use retry::{MayConflict, retry};
pub use revocations::{Revocation, Revocations, StoredRevocation};
pub use settings::Settings;
pub use tx::{Store, Turn, Tx};

/// Opens a store and brings its schema up to date.
///
/// `url` is `memory:` (nothing outlives the process; for tests), `sqlite::memory:` (a private SQLite database in
/// memory), `sqlite://path?mode=rwc` (`mode=rwc` creates the file), `postgres://user@host:port/database`, or
/// `postgres:///database?host=/run/postgresql` for a socket in that folder.
///
/// # Errors
/// [`StoreError::Url`] if the address names no known backend, [`StoreError::Address`] if it cannot be read,
/// [`StoreError::Database`] if the database cannot be opened, [`StoreError::Migration`] if its schema cannot be brought
/// up to date.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    open_with(&Settings::new(url)).await
}

/// Opens a store with a password and limits of its own.
///
/// # Errors
/// As [`open`].
pub async fn open_with(settings: &Settings) -> Result<Arc<dyn Store>, StoreError> {
    match settings.backend()? {
        Backend::Memory => Ok(Arc::new(memory::Memory::default())),
        Backend::Sqlite => Ok(Arc::new(sqlite::Sqlite::open(&settings.url).await?)),
        Backend::Postgres => Ok(Arc::new(postgres::Postgres::open(settings).await?)),
    }
}
