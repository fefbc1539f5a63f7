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
        schema.run("CREATE SCHEMA").await?;
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
            runtime.block_on(schema.run("SET lock_timeout = '5s'; DROP SCHEMA")).ok()
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
    async fn run(&self, what: &str) -> Result<(), StoreError> {
        let mut connection: PgConnection = PgConnectOptions::from_str(&self.server)?.connect().await?;
        let cascade = if what.ends_with("DROP SCHEMA") { "CASCADE" } else { "" };
        // Cannot inject: the name is made above of hexadecimal digits.
        let sql = AssertSqlSafe(format!("{what} {} {cascade}", self.name));
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(())
    }
}
