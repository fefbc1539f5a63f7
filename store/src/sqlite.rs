//! A store in SQLite: one connection writes, a few read.
//!
//! WAL with `synchronous=FULL`: a commit that returned survives a power cut. Writers begin with
//! `BEGIN IMMEDIATE`, so a transaction that reads before it writes never has to be tried again; other processes
//! on the same file are waited for.

mod accounts;
mod certificates;
mod keys;
mod mints;
mod once;
mod outbox;
mod revocations;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ConstantBuilder, Retryable};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection, SqlitePool, Transaction};

use crate::{Accounts, Certificates, Keys, Mints, Once, OnceKey, Outbox, Revocations, Store, StoreError, Tx};

/// How long to wait for a connection, and for another process's lock.
const PATIENCE: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
/// How long another process may need for one step, and how often that is waited for.
const RIVAL: Duration = Duration::from_millis(50);
const RIVALS: usize = 40;

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the database at this address and migrates it.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is forgotten is overwritten: sealed evidence must not outlive its token in free pages.
            .pragma("secure_delete", "ON")
            .busy_timeout(PATIENCE);
        let writer = prepare(&options).await?;
        // A database in memory belongs to its one connection.
        let readers = if url.contains(":memory:") || url.contains("mode=memory") {
            writer.clone()
        } else {
            pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"))
        };
        Ok(Self { writer, readers })
    }
}

/// Opens the file and brings its schema up to date. SQLite has no lock for that: where another process does the same at this
/// moment, one of the two fails, and finds it done when it looks again.
async fn prepare(options: &SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let again = ConstantBuilder::default().with_delay(RIVAL).with_max_times(RIVALS);
    let attempt = || async {
        let writer = pool(1).connect_with(options.clone()).await?;
        let mut migrator = sqlx::migrate!("./migrations/sqlite");
        // A newer version may have been here: migrations/README.md.
        migrator.set_ignore_missing(true);
        migrator.run(&writer).await.map_err(StoreError::Migration)?;
        Ok(writer)
    };
    attempt.retry(again).when(may_have_a_rival).await
}

/// Whether another process may be in the way, which `busy_timeout` does not wait for when the journal's mode changes.
fn may_have_a_rival(error: &StoreError) -> bool {
    const BUSY: u32 = 5;
    match error {
        StoreError::Migration(_) => true,
        StoreError::Database(error) => {
            let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
            code.is_some_and(|code| code & 0xff == BUSY)
        }
        _ => false,
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // When a disk is full, SQLite may end a transaction by itself, and sqlx still counts it as begun: such a
        // connection begins no other.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

#[async_trait]
impl Store for Sqlite {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Box::new(SqliteTx { transaction, writes: true, unanswered: Vec::new() }))
    }

    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        let transaction = self.readers.begin().await?;
        Ok(Box::new(SqliteTx { transaction, writes: false, unanswered: Vec::new() }))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }
}

/// A transaction; dropped, it rolls back.
pub(crate) struct SqliteTx {
    transaction: Transaction<'static, sqlx::Sqlite>,
    writes: bool,
    /// Entries made here whose response is not stored yet.
    unanswered: Vec<OnceKey>,
}

impl SqliteTx {
    fn reader(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    fn writer(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.writes { Ok(&mut self.transaction) } else { Err(StoreError::ReadOnly) }
    }
}

#[async_trait]
impl Tx for SqliteTx {
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
        Ok(self.transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn overwrites_what_it_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db?mode=rwc", folder.path().display());
        let store = Sqlite::open(&url).await.unwrap();
        let set: i64 = sqlx::query_scalar("PRAGMA secure_delete").fetch_one(&store.writer).await.unwrap();
        assert_eq!(set, 1);
    }

    #[tokio::test]
    async fn goes_on_after_a_transaction_that_sqlite_ended_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&format!("sqlite://{}/a.db?mode=rwc", folder.path().display())).await.unwrap();
        let mut transaction = store.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap_err();
        let tx = store.begin().await.unwrap();
        tx.commit().await.unwrap();
    }
}
