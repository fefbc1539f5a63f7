//! Rule 12 in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresTx;
use super::text::kept;
use crate::{Moment, Once, OnceKey, OnceOutcome, StoreError, StoredResponse};

#[async_trait]
impl Once for PostgresTx {
    async fn insert(&mut self, key: &OnceKey, expires: Moment) -> Result<OnceOutcome, StoreError> {
        let made = self.make_entry(key, expires).await?;
        let spent = self.spend_link(key, expires).await?;
        match (made, spent) {
            (Some(place), true) => {
                self.unanswered.push((key.clone(), place));
                Ok(OnceOutcome::Fresh)
            }
            (Some(place), false) => {
                let statement = sqlx::query("DELETE FROM once_keys WHERE ctid = CAST($1 AS tid)").bind(place);
                self.write(statement).await?;
                Ok(OnceOutcome::Replay)
            }
            (None, false) if !self.spent_on_this_key(key).await? => Ok(OnceOutcome::Replay),
            (None, spent) => self.answer_again(key, expires, spent).await,
        }
    }

    async fn complete(&mut self, key: &OnceKey, response: &StoredResponse) -> Result<(), StoreError> {
        self.must_write()?;
        let made = self.unanswered.iter().position(|(made, _)| made == key);
        let made = made.ok_or_else(|| StoreError::NoEntry(key.route.clone()))?;
        let (_, place) = self.unanswered.swap_remove(made);
        let headers = serde_json::to_string(&response.headers).map_err(|_| StoreError::Corrupt("once_keys.headers"))?;
        // By its place: an index would be read, and whoever inserts beside it would conflict.
        let statement =
            sqlx::query("UPDATE once_keys SET status = $1, headers = $2, body = $3 WHERE ctid = CAST($4 AS tid)")
                .bind(i32::from(response.status))
                .bind(headers)
                .bind(&response.body)
                .bind(place);
        let written = self.write(statement).await?;
        if written == 1 { Ok(()) } else { Err(StoreError::Corrupt("once_keys")) }
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        // Links first: they refer to keys, which never expire before them.
        self.write(sqlx::query("DELETE FROM once_links WHERE expires < $1").bind(now.0)).await?;
        self.write(sqlx::query("DELETE FROM once_keys WHERE expires < $1").bind(now.0)).await
    }
}

impl PostgresTx {
    /// Makes the entry of a key; where its row is, unless there was one.
    async fn make_entry(&mut self, key: &OnceKey, expires: Moment) -> Result<Option<String>, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO once_keys (dpa, dpr, route, key, body_digest, expires) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (dpa, dpr, route, key) DO NOTHING RETURNING ctid::text AS place",
        )
        .bind(kept(&key.person.dpa))
        .bind(kept(&key.person.dpr))
        .bind(kept(&key.route))
        .bind(kept(&key.key))
        .bind(key.body_digest.as_slice())
        .bind(expires.0);
        Ok(self.write_returning(statement).await?.map(|row| row.try_get("place")).transpose()?)
    }

    /// Spends a first link on a key; false if it was spent before, on whatever.
    async fn spend_link(&mut self, key: &OnceKey, expires: Moment) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO once_links (first_id, dpa, dpr, route, key, expires) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (first_id) DO NOTHING",
        )
        .bind(kept(&key.first_id))
        .bind(kept(&key.person.dpa))
        .bind(kept(&key.person.dpr))
        .bind(kept(&key.route))
        .bind(kept(&key.key))
        .bind(expires.0);
        Ok(self.write(statement).await? == 1)
    }

    async fn spent_on_this_key(&mut self, key: &OnceKey) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "SELECT 1 FROM once_links WHERE first_id = $1 AND dpa = $2 AND dpr = $3 AND route = $4 AND key = $5",
        )
        .bind(kept(&key.first_id))
        .bind(kept(&key.person.dpa))
        .bind(kept(&key.person.dpr))
        .bind(kept(&key.route))
        .bind(kept(&key.key));
        Ok(self.optional(query).await?.is_some())
    }

    /// Answers a known key as it was answered, and prolongs what is known; another body undoes the spending of the link.
    async fn answer_again(&mut self, key: &OnceKey, expires: Moment, spent: bool) -> Result<OnceOutcome, StoreError> {
        let entry = self.entry(key).await?;
        if entry.try_get::<&[u8], _>("body_digest")? != key.body_digest {
            if spent {
                let statement = sqlx::query("DELETE FROM once_links WHERE first_id = $1").bind(kept(&key.first_id));
                self.write(statement).await?;
            }
            return Ok(OnceOutcome::KeyReused);
        }
        self.prolong(key, expires).await?;
        Ok(OnceOutcome::Same(response(&entry)?))
    }

    async fn entry(&mut self, key: &OnceKey) -> Result<PgRow, StoreError> {
        let query = sqlx::query(
            "SELECT body_digest, status, headers, body FROM once_keys
             WHERE dpa = $1 AND dpr = $2 AND route = $3 AND key = $4",
        )
        .bind(kept(&key.person.dpa))
        .bind(kept(&key.person.dpr))
        .bind(kept(&key.route))
        .bind(kept(&key.key));
        self.optional(query).await?.ok_or(StoreError::Corrupt("once_keys"))
    }

    async fn prolong(&mut self, key: &OnceKey, expires: Moment) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE once_keys SET expires = $5
             WHERE dpa = $1 AND dpr = $2 AND route = $3 AND key = $4 AND expires < $5",
        )
        .bind(kept(&key.person.dpa))
        .bind(kept(&key.person.dpr))
        .bind(kept(&key.route))
        .bind(kept(&key.key))
        .bind(expires.0);
        self.write(statement).await?;
        let statement = sqlx::query("UPDATE once_links SET expires = $2 WHERE first_id = $1 AND expires < $2")
            .bind(kept(&key.first_id))
            .bind(expires.0);
        self.write(statement).await?;
        Ok(())
    }
}

fn response(row: &PgRow) -> Result<StoredResponse, StoreError> {
    let status: i32 = row.try_get::<Option<i32>, _>("status")?.ok_or(StoreError::Corrupt("once_keys.status"))?;
    let headers: Option<&str> = row.try_get("headers")?;
    Ok(StoredResponse {
        status: status.try_into().map_err(|_| StoreError::Corrupt("once_keys.status"))?,
        headers: headers
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or(StoreError::Corrupt("once_keys.headers"))?,
        body: row.try_get::<Option<Vec<u8>>, _>("body")?.ok_or(StoreError::Corrupt("once_keys.body"))?,
    })
}
