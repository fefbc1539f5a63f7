//! A store in PostgreSQL, for processes that share it.
//!
//! Writers are `SERIALIZABLE`: a transaction that others would have made wrong fails with [`StoreError::Conflict`] and is
//! run again by [`retry`](crate::retry). Readers are `REPEATABLE READ READ ONLY`: one snapshot, no conflict. Nothing waits
//! for ever: not for a connection, a lock, a statement or a server that has vanished.
//!
//! Statements are written so that people who have nothing to do with each other rarely conflict. PostgreSQL notes what a
//! serialisable transaction read a page of an index at a time, and an insertion into such a page by somebody else is a
//! conflict: so rows are inserted first and looked up only when they were there (`ON CONFLICT DO NOTHING`).
//! Columns are named one by one: a prepared `SELECT *` fails once a newer version has added a column.

mod accounts;
mod certificates;
mod keys;
mod mints;
mod once;
mod outbox;
mod revocations;
mod settings;
mod text;
mod turns;
mod tx;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

pub(crate) use self::settings::check;
use self::tx::PostgresTx;
use crate::{Settings, Store, StoreError, Turn, Tx};

/// How much longer than the server itself a client waits for the end of a statement: only a server that has vanished needs it.
const GRACE: Duration = Duration::from_secs(1);

const WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    /// After this, a statement is given up together with its connection.
    patience: Duration,
}

impl Postgres {
    /// Connects and migrates.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .connect_with(settings::connection(settings)?)
            .await?;
        migrate(&pool).await?;
        Ok(Self { pool, patience: settings.statement_timeout + GRACE })
    }

    async fn transaction(&self, turns: &[Turn<'_>], begin: &'static str) -> Result<Box<dyn Tx>, StoreError> {
        let mut tx = PostgresTx::on(self.pool.acquire().await?, self.patience);
        tx.wait_for(turns).await?;
        tx.begin(begin).await?;
        Ok(Box::new(tx))
    }
}

/// Brings the schema up to date; processes that start at once take turns under an advisory lock.
async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    // A migration takes as long as it takes, and so does waiting for another process's.
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    let mut migrator = sqlx::migrate!("./migrations/postgres");
    // A newer version may have been here: migrations/README.md.
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, &mut *connection, false).await.map_err(StoreError::Migration)?;
    outbox::mind_restored_clusters(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

#[async_trait]
impl Store for Postgres {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        self.transaction(&[], WRITE).await
    }

    async fn begin_for(&self, turns: &[Turn<'_>]) -> Result<Box<dyn Tx>, StoreError> {
        self.transaction(turns, WRITE).await
    }

    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        self.transaction(&[], READ).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let answer = timeout(self.patience, sqlx::query("SELECT 1").execute(&mut *connection)).await;
        if !matches!(answer, Ok(Ok(_))) {
            connection.close_on_drop();
        }
        answer.map_err(|_| StoreError::Database(sqlx::Error::PoolTimedOut))??;
        Ok(())
    }
}
