//! A database of a test's own.

use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

use crate::{Settings, Store, StoreError};

/// Names the PostgreSQL database, with all rights in it, whose schemas tests use: `postgres://…`.
pub const POSTGRES: &str = "DASVID_TEST_POSTGRES";

/// A database of a test's own, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    url: String,
    schema: Option<Schema>,
}

impl Scratch {
    /// A schema in PostgreSQL if the environment names a server (`DASVID_TEST_POSTGRES`), a SQLite file in this folder
    /// otherwise. Both can be opened by several processes.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the server refuses.
    pub async fn shared(folder: &Path) -> Result<Self, StoreError> {
        if let Ok(server) = std::env::var(POSTGRES) {
            return Self::on(server).await;
        }
        let url = format!("sqlite://{}?mode=rwc", folder.join(format!("{}.db", Uuid::new_v4())).display());
        Ok(Self { url, schema: None })
    }

    /// A schema in PostgreSQL; `None`, and a line that says so, if the environment names no server.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the server refuses.
    pub async fn postgres() -> Result<Option<Self>, StoreError> {
        if let Ok(server) = std::env::var(POSTGRES) {
            return Self::on(server).await.map(Some);
        }
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not `eprintln`, which the test harness keeps to itself: nobody shall believe that this ran.
        let _ = writeln!(std::io::stderr(), "skipped: {test} needs {POSTGRES} (see e2e/postgres/run.sh)");
        Ok(None)
    }

    async fn on(server: String) -> Result<Self, StoreError> {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let schema = Schema { server, name };
        schema.make().await?;
        let mark = if schema.server.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}options=-csearch_path%3D{}", schema.server, schema.name);
        Ok(Self { url, schema: Some(schema) })
    }

    /// The store in it, which waits as long as a busy machine may need.
    ///
    /// # Errors
    /// As [`open`](crate::open).
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let mut settings = Settings::new(&self.url);
        settings.acquire_timeout = Duration::from_mins(1);
        settings.statement_timeout = Duration::from_mins(1);
        settings.idle_in_transaction_timeout = Duration::from_mins(1);
        crate::open_with(&settings).await
    }

    /// Its address, for [`open`](crate::open).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(schema) = self.schema.take() else { return };
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(schema.remove()).ok()
        });
        // Left behind, it disturbs nobody.
        let _ = removal.join();
    }
}

#[derive(Debug)]
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        Ok(PgConnectOptions::from_str(&self.server)?.connect().await?)
    }

    async fn make(&self) -> Result<(), StoreError> {
        // Cannot inject: the name is made above of hexadecimal digits.
        let sql = AssertSqlSafe(format!("CREATE SCHEMA {}", self.name));
        sqlx::raw_sql(sql).execute(&mut self.connect().await?).await?;
        Ok(())
    }

    /// Ends transactions that still use it, for their owners may be waiting for this, and removes it.
    async fn remove(&self) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        sqlx::query(
            "SELECT pg_terminate_backend(pid)
             FROM pg_locks JOIN pg_class ON relation = pg_class.oid JOIN pg_namespace ON relnamespace = pg_namespace.oid
             WHERE nspname = $1 AND pid <> pg_backend_pid()",
        )
        .bind(&self.name)
        .execute(&mut connection)
        .await?;
        let sql = AssertSqlSafe(format!("SET lock_timeout = '5s'; DROP SCHEMA {} CASCADE", self.name));
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(())
    }
}
