//! Rule 12 in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{Moment, Once, OnceKey, OnceOutcome, StoreError, StoredResponse};

#[async_trait]
impl Once for SqliteTx {
    async fn insert(&mut self, key: &OnceKey, expires: Moment) -> Result<OnceOutcome, StoreError> {
        self.writer()?;
        let spent = self.spent_on_this_key(key).await?;
        if spent == Some(false) {
            return Ok(OnceOutcome::Replay);
        }
        let Some(entry) = self.entry(key).await? else {
            if spent.is_some() {
                return Ok(OnceOutcome::Replay);
            }
            self.remember(key, expires).await?;
            self.unanswered.push(key.clone());
            return Ok(OnceOutcome::Fresh);
        };
        if entry.try_get::<&[u8], _>("body_digest")? != key.body_digest {
            return Ok(OnceOutcome::KeyReused);
        }
        self.remember(key, expires).await?;
        Ok(OnceOutcome::Same(response(&entry)?))
    }

    async fn complete(&mut self, key: &OnceKey, response: &StoredResponse) -> Result<(), StoreError> {
        self.writer()?;
        let made = self.unanswered.iter().position(|made| made == key);
        let made = made.ok_or_else(|| StoreError::NoEntry(key.route.clone()))?;
        let headers = serde_json::to_string(&response.headers).map_err(|_| StoreError::Corrupt("once_keys.headers"))?;
        sqlx::query(
            "UPDATE once_keys SET status = ?, headers = ?, body = ? WHERE dpa = ? AND dpr = ? AND route = ? AND key = ?",
        )
        .bind(response.status)
        .bind(headers)
        .bind(&response.body)
        .bind(&key.person.dpa)
        .bind(&key.person.dpr)
        .bind(&key.route)
        .bind(&key.key)
        .execute(self.writer()?)
        .await?;
        self.unanswered.swap_remove(made);
        Ok(())
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        // Links first: they refer to keys, which never expire before them.
        sqlx::query("DELETE FROM once_links WHERE expires < ?").bind(now.0).execute(self.writer()?).await?;
        let keys = sqlx::query("DELETE FROM once_keys WHERE expires < ?").bind(now.0).execute(self.writer()?).await?;
        Ok(keys.rows_affected())
    }
}

impl SqliteTx {
    /// Whether the first link was spent, and if so, whether on this person's key on this route.
    async fn spent_on_this_key(&mut self, key: &OnceKey) -> Result<Option<bool>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT dpa = ? AND dpr = ? AND route = ? AND key = ? FROM once_links WHERE first_id = ?",
        )
        .bind(&key.person.dpa)
        .bind(&key.person.dpr)
        .bind(&key.route)
        .bind(&key.key)
        .bind(&key.first_id)
        .fetch_optional(self.reader())
        .await?)
    }

    async fn entry(&mut self, key: &OnceKey) -> Result<Option<SqliteRow>, StoreError> {
        Ok(sqlx::query(
            "SELECT body_digest, status, headers, body FROM once_keys
             WHERE dpa = ? AND dpr = ? AND route = ? AND key = ?",
        )
        .bind(&key.person.dpa)
        .bind(&key.person.dpr)
        .bind(&key.route)
        .bind(&key.key)
        .fetch_optional(self.reader())
        .await?)
    }

    /// Writes the key and the link, or prolongs them.
    async fn remember(&mut self, key: &OnceKey, expires: Moment) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO once_keys (dpa, dpr, route, key, body_digest, expires) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (dpa, dpr, route, key) DO UPDATE SET expires = max(expires, excluded.expires)",
        )
        .bind(&key.person.dpa)
        .bind(&key.person.dpr)
        .bind(&key.route)
        .bind(&key.key)
        .bind(key.body_digest.as_slice())
        .bind(expires.0)
        .execute(self.writer()?)
        .await?;
        sqlx::query(
            "INSERT INTO once_links (first_id, dpa, dpr, route, key, expires) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (first_id) DO UPDATE SET expires = max(expires, excluded.expires)",
        )
        .bind(&key.first_id)
        .bind(&key.person.dpa)
        .bind(&key.person.dpr)
        .bind(&key.route)
        .bind(&key.key)
        .bind(expires.0)
        .execute(self.writer()?)
        .await?;
        Ok(())
    }
}

fn response(row: &SqliteRow) -> Result<StoredResponse, StoreError> {
    let headers: Option<&str> = row.try_get("headers")?;
    Ok(StoredResponse {
        status: row.try_get::<Option<u16>, _>("status")?.ok_or(StoreError::Corrupt("once_keys.status"))?,
        headers: headers
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or(StoreError::Corrupt("once_keys.headers"))?,
        body: row.try_get::<Option<Vec<u8>>, _>("body")?.ok_or(StoreError::Corrupt("once_keys.body"))?,
    })
}
