//! What the databases say, in SQL that SQLite and PostgreSQL both understand.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{FromRow, PgPool, SqlitePool};

/// A database of the bank, read from outside.
pub(crate) enum Books {
    /// A file.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// A movement in the ledger.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Movement {
    /// Its identifier.
    pub(crate) id: String,
    /// The identity provider.
    pub(crate) dpa: String,
    /// The person there.
    pub(crate) dpr: String,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// Why the money moved.
    pub(crate) kind: String,
    /// Minor units.
    pub(crate) minor: i64,
    /// The balance after it.
    pub(crate) balance: i64,
    /// The sender's entry, if it is a side of a transfer.
    pub(crate) transfer: Option<String>,
}

/// An answer that is kept for an idempotency key.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Kept {
    /// The key.
    pub(crate) key: String,
    /// The answer's status.
    pub(crate) status: Option<i64>,
    /// The answer.
    pub(crate) body: Option<Vec<u8>>,
}

/// What an account holds.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Holding {
    /// The identity provider.
    pub(crate) dpa: String,
    /// The person there.
    pub(crate) dpr: String,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// Minor units.
    pub(crate) balance: i64,
}

#[derive(FromRow)]
struct Told {
    kind: String,
    payload: String,
}

#[derive(FromRow)]
struct Text {
    text: String,
}

const MOVEMENTS: &str = "SELECT CAST(id AS TEXT) AS id, dpa, dpr, currency, kind, minor, balance, \
                         CAST(transfer AS TEXT) AS transfer FROM ledger ORDER BY sequence";
const KEPT: &str = "SELECT key, CAST(status AS BIGINT) AS status, body FROM once_keys";
const HOLDINGS: &str = "SELECT dpa, dpr, currency, balance FROM accounts";
const EVENTS: &str = "SELECT kind, CAST(payload AS TEXT) AS payload FROM outbox ORDER BY sequence";
const MINTS: &str = "SELECT jti AS text FROM mints";
const SESSIONS: &str = "SELECT CAST(key AS TEXT) AS text FROM revocations WHERE scope = 'session'";

macro_rules! all {
    ($books:expr, $query:expr, $row:ty) => {
        match $books {
            Self::Sqlite(pool) => sqlx::query_as::<_, $row>($query).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as::<_, $row>($query).fetch_all(pool).await?,
        }
    };
}

impl Books {
    /// Opens the database at a store's URL, without creating it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        if let Some(file) = url.strip_prefix("sqlite://") {
            let file = file.split('?').next().unwrap_or_default();
            let options = SqliteConnectOptions::new().filename(file).busy_timeout(std::time::Duration::from_secs(10));
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
            return Ok(Self::Sqlite(pool.with_context(|| format!("{file} cannot be read"))?));
        }
        let pool = PgPoolOptions::new().max_connections(1).connect(url).await;
        Ok(Self::Postgres(pool.context("the database cannot be read")?))
    }

    /// The ledger in its order.
    pub(crate) async fn movements(&self) -> anyhow::Result<Vec<Movement>> {
        Ok(all!(self, MOVEMENTS, Movement))
    }

    /// Every idempotency key that is remembered.
    pub(crate) async fn kept(&self) -> anyhow::Result<Vec<Kept>> {
        Ok(all!(self, KEPT, Kept))
    }

    /// Every account.
    pub(crate) async fn holdings(&self) -> anyhow::Result<Vec<Holding>> {
        Ok(all!(self, HOLDINGS, Holding))
    }

    /// How often the outbox tells of each thing: by kind, and by the payload's member `name`.
    pub(crate) async fn told(&self, name: &str) -> anyhow::Result<BTreeMap<(String, String), usize>> {
        let mut told = BTreeMap::new();
        for event in all!(self, EVENTS, Told) {
            let payload: Value = serde_json::from_str(&event.payload).context("an event's payload is not JSON")?;
            if let Some(of) = payload.get(name).and_then(Value::as_str) {
                *told.entry((event.kind, of.to_owned())).or_default() += 1;
            }
        }
        Ok(told)
    }

    /// The `jti` of every mint that is remembered.
    pub(crate) async fn mints(&self) -> anyhow::Result<Vec<String>> {
        Ok(all!(self, MINTS, Text).into_iter().map(|row| row.text).collect())
    }

    /// The `sid` of every session that is revoked.
    pub(crate) async fn revoked_sessions(&self) -> anyhow::Result<Vec<String>> {
        let mut sessions = Vec::new();
        for row in all!(self, SESSIONS, Text) {
            let key: Vec<String> = serde_json::from_str(&row.text).context("a revocation's key is not a list")?;
            sessions.extend(key.into_iter().nth(1));
        }
        Ok(sessions)
    }
}
