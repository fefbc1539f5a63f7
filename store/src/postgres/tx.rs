//! One transaction on one connection.
//!
//! Begun and ended here rather than by sqlx's `Transaction`, for two reasons. PostgreSQL answers `COMMIT` after a failed
//! statement with success and writes nothing, so that a failure must be remembered. And a connection whose server no
//! longer answers must be closed, not handed back to wait for it.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use tokio::time::timeout;

use crate::{Accounts, Certificates, Keys, Mints, Once, OnceKey, Outbox, Revocations, StoreError, Tx};

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// A transaction; dropped, it rolls back.
pub(crate) struct PostgresTx {
    /// `None` once it has ended.
    connection: Option<PoolConnection<sqlx::Postgres>>,
    patience: Duration,
    writes: bool,
    /// Locks of the session, which must end with the transaction.
    pub(super) holds_turns: bool,
    /// A statement failed: nothing can be committed.
    failed: bool,
    /// Entries made here whose response is not stored yet, and where their rows are.
    pub(super) unanswered: Vec<(OnceKey, String)>,
    /// Events emitted here.
    pub(super) emitted: i64,
}

impl PostgresTx {
    /// A transaction that has not begun.
    pub(super) fn on(connection: PoolConnection<sqlx::Postgres>, patience: Duration) -> Self {
        Self {
            connection: Some(connection),
            patience,
            writes: false,
            holds_turns: false,
            failed: false,
            unanswered: Vec::new(),
            emitted: 0,
        }
    }

    pub(super) async fn begin(&mut self, begin: &'static str) -> Result<(), StoreError> {
        self.writes = begin == super::WRITE;
        self.control(begin).await
    }

    /// Runs a statement that writes; how many rows it touched.
    pub(super) async fn write(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        self.must_write()?;
        self.execute(statement).await
    }

    /// Runs an insertion of one row that does nothing where it is known; the transaction stays good.
    pub(super) async fn write_new(&mut self, insertion: Statement<'_>) -> Result<(), StoreError> {
        if self.write(insertion).await? == 1 { Ok(()) } else { Err(StoreError::Duplicate) }
    }

    /// Runs a statement that writes and answers with at most one row.
    pub(super) async fn write_returning(&mut self, statement: Statement<'_>) -> Result<Option<PgRow>, StoreError> {
        self.must_write()?;
        self.optional(statement).await
    }

    /// Runs a query that answers with at most one row.
    pub(super) async fn optional(&mut self, query: Statement<'_>) -> Result<Option<PgRow>, StoreError> {
        let connection = self.connection.as_deref_mut().ok_or(StoreError::Failed)?;
        let answer = timeout(self.patience, query.fetch_optional(connection)).await;
        self.note(answer)
    }

    /// Runs a query.
    pub(super) async fn all(&mut self, query: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        let connection = self.connection.as_deref_mut().ok_or(StoreError::Failed)?;
        let answer = timeout(self.patience, query.fetch_all(connection)).await;
        self.note(answer)
    }

    pub(super) fn must_write(&self) -> Result<(), StoreError> {
        if self.writes { Ok(()) } else { Err(StoreError::ReadOnly) }
    }

    /// Begins or ends the transaction.
    async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let connection = self.connection.as_deref_mut().ok_or(StoreError::Failed)?;
        let answer = timeout(self.patience, sqlx::raw_sql(sql).execute(connection)).await;
        self.note(answer)?;
        Ok(())
    }

    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        let connection = self.connection.as_deref_mut().ok_or(StoreError::Failed)?;
        let answer = timeout(self.patience, statement.execute(connection)).await;
        Ok(self.note(answer)?.rows_affected())
    }

    /// Remembers a failure. Unless the server itself reported it, the connection is of no use any more.
    fn note<T>(&mut self, answer: Result<sqlx::Result<T>, tokio::time::error::Elapsed>) -> Result<T, StoreError> {
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
        };
        self.failed = true;
        if error.as_database_error().is_none() {
            self.give_up();
        }
        Err(error.into())
    }

    /// Closes the connection; the server undoes the transaction when it notices.
    fn give_up(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        let (Some(mut connection), patience) = (self.connection.take(), self.patience) else { return };
        let undo = if self.holds_turns { "ROLLBACK; SELECT pg_advisory_unlock_all()" } else { "ROLLBACK" };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return connection.close_on_drop() };
        runtime.spawn(async move {
            // Cancelled in the middle of a statement or not: what is still to be read is read first.
            if !matches!(timeout(patience, sqlx::raw_sql(undo).execute(&mut *connection)).await, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

#[async_trait]
impl Tx for PostgresTx {
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
        if let Some((key, _)) = self.unanswered.pop() {
            return Err(StoreError::Incomplete(key.route));
        }
        if self.failed {
            return Err(StoreError::Failed);
        }
        // Should the commit fail, the locks go when this is dropped.
        let end = if self.holds_turns { "COMMIT; SELECT pg_advisory_unlock_all()" } else { "COMMIT" };
        self.control(end).await?;
        // Back to the pool, with nothing to undo.
        self.connection = None;
        Ok(())
    }
}
