//! Revocations in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{Moment, Revocation, Revocations, StoreError, StoredRevocation};

#[async_trait]
impl Revocations for SqliteTx {
    async fn record(&mut self, revocation: &Revocation) -> Result<bool, StoreError> {
        let key = serde_json::to_string(&revocation.key).map_err(|_| StoreError::Corrupt("revocations.key"))?;
        let known = sqlx::query(
            "SELECT scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence FROM revocations
             WHERE scope = ? AND key = ?",
        )
        .bind(&revocation.scope)
        .bind(&key)
        .fetch_optional(self.writer()?)
        .await?;
        let known = known.as_ref().map(stored).transpose()?.map(|known| known.revocation);
        let wanted = known.as_ref().map_or_else(|| revocation.clone(), |known| known.widened(revocation));
        if known.as_ref() == Some(&wanted) {
            return Ok(false);
        }
        let sequence: i64 =
            sqlx::query_scalar("UPDATE revocation_sequence SET sequence = sequence + 1 RETURNING sequence")
                .fetch_one(self.writer()?)
                .await?;
        sqlx::query(
            "INSERT OR REPLACE INTO revocations
             (scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&wanted.scope)
        .bind(&key)
        .bind(wanted.not_after_iat.map(|moment| moment.0))
        .bind(&wanted.cause)
        .bind(&wanted.txn)
        .bind(wanted.recorded_at.0)
        .bind(wanted.expires.0)
        .bind(sequence)
        .execute(self.writer()?)
        .await?;
        Ok(true)
    }

    async fn sequence(&mut self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT sequence FROM revocation_sequence").fetch_one(self.reader()).await?)
    }

    async fn after(&mut self, sequence: i64, now: Moment, limit: u32) -> Result<Vec<StoredRevocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence FROM revocations
             WHERE sequence > ? AND expires > ? ORDER BY sequence LIMIT ?",
        )
        .bind(sequence)
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(stored).collect()
    }

    async fn receive(&mut self, iss: &str, jti: &str, expires: Moment) -> Result<bool, StoreError> {
        let done = sqlx::query("INSERT OR IGNORE INTO received_tokens (iss, jti, expires) VALUES (?, ?, ?)")
            .bind(iss)
            .bind(jti)
            .bind(expires.0)
            .execute(self.writer()?)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let records =
            sqlx::query("DELETE FROM revocations WHERE expires < ?").bind(now.0).execute(self.writer()?).await?;
        let messages =
            sqlx::query("DELETE FROM received_tokens WHERE expires < ?").bind(now.0).execute(self.writer()?).await?;
        Ok(records.rows_affected() + messages.rows_affected())
    }
}

fn stored(row: &SqliteRow) -> Result<StoredRevocation, StoreError> {
    let key: &str = row.try_get("key")?;
    let not_after_iat: Option<i64> = row.try_get("not_after_iat")?;
    let revocation = Revocation {
        scope: row.try_get("scope")?,
        key: serde_json::from_str(key).map_err(|_| StoreError::Corrupt("revocations.key"))?,
        not_after_iat: not_after_iat.map(Moment),
        cause: row.try_get("cause")?,
        txn: row.try_get("txn")?,
        recorded_at: Moment(row.try_get("recorded_at")?),
        expires: Moment(row.try_get("expires")?),
    };
    Ok(StoredRevocation { sequence: row.try_get("sequence")?, revocation })
}
