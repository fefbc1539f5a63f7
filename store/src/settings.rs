//! Where a store is, and how long it is waited for.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::StoreError;

/// Where a store is, and how long it is waited for. The limits are for PostgreSQL; SQLite has its own.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// `memory:`, `sqlite:…` or `postgres:…`, as [`open`](crate::open) takes it.
    pub url: String,
    /// The password for PostgreSQL; wins over one in the address.
    pub password: Option<Zeroizing<String>>,
    /// How many connections a process holds at most; at least 1.
    pub max_connections: u32,
    /// How long to wait for a free connection, and at start for the database.
    pub acquire_timeout: Duration,
    /// After this the server gives a statement up, also one that waits for a lock.
    pub statement_timeout: Duration,
    /// After this the server ends a transaction whose client has fallen silent.
    pub idle_in_transaction_timeout: Duration,
}

impl Settings {
    /// This address with the default limits: 10 connections, 5 s for a connection, 5 s a statement, 10 s of silence.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// Finds what is wrong with the address, without asking a database.
    ///
    /// # Errors
    /// [`StoreError::Url`] or [`StoreError::Address`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.backend().and_then(|backend| match backend {
            Backend::Postgres => crate::postgres::check(self),
            Backend::Memory | Backend::Sqlite => Ok(()),
        })
    }

    pub(crate) fn backend(&self) -> Result<Backend, StoreError> {
        match self.url.split_once(':') {
            Some(("memory", "")) => Ok(Backend::Memory),
            Some(("sqlite", _)) => Ok(Backend::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Backend::Postgres),
            _ => Err(StoreError::Url),
        }
    }
}

/// Who keeps a store.
pub(crate) enum Backend {
    Memory,
    Sqlite,
    Postgres,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password too.
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("Settings").field("url", &format_args!("{scheme}:<redacted>")).finish_non_exhaustive()
    }
}
