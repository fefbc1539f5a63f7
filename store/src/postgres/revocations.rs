//! Revocations in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresTx;
use super::text::{column, kept, optional_column};
use crate::{Moment, Revocation, Revocations, StoreError, StoredRevocation};

#[async_trait]
impl Revocations for PostgresTx {
    async fn record(&mut self, revocation: &Revocation) -> Result<bool, StoreError> {
        self.must_write()?;
        let key = serde_json::to_string(&revocation.key).map_err(|_| StoreError::Corrupt("revocations.key"))?;
        let known = self.known(revocation, &key).await?;
        let wanted = known.as_ref().map_or_else(|| revocation.clone(), |known| known.widened(revocation));
        if known.as_ref() == Some(&wanted) {
            return Ok(false);
        }
        // From here to the commit every other recorder waits, so sequences appear in the order of commits.
        let counted =
            sqlx::query("UPDATE revocation_sequence SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence");
        let row = self.write_returning(counted).await?.ok_or(StoreError::Corrupt("revocation_sequence"))?;
        self.put(&wanted, &key, row.try_get("sequence")?).await?;
        Ok(true)
    }

    async fn sequence(&mut self) -> Result<i64, StoreError> {
        let query = sqlx::query("SELECT sequence FROM revocation_sequence WHERE id = 1");
        let row = self.optional(query).await?.ok_or(StoreError::Corrupt("revocation_sequence"))?;
        Ok(row.try_get("sequence")?)
    }

    async fn after(&mut self, sequence: i64, now: Moment, limit: u32) -> Result<Vec<StoredRevocation>, StoreError> {
        let query = sqlx::query(
            "SELECT scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence FROM revocations
             WHERE sequence > $1 AND expires > $2 ORDER BY sequence LIMIT $3",
        )
        .bind(sequence)
        .bind(now.0)
        .bind(i64::from(limit));
        self.all(query).await?.iter().map(stored).collect()
    }

    async fn receive(&mut self, iss: &str, jti: &str, expires: Moment) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("INSERT INTO received_tokens (iss, jti, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(kept(iss))
                .bind(kept(jti))
                .bind(expires.0);
        Ok(self.write(statement).await? == 1)
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let records = self.write(sqlx::query("DELETE FROM revocations WHERE expires < $1").bind(now.0)).await?;
        let messages = self.write(sqlx::query("DELETE FROM received_tokens WHERE expires < $1").bind(now.0)).await?;
        Ok(records + messages)
    }
}

impl PostgresTx {
    async fn known(&mut self, revocation: &Revocation, key: &str) -> Result<Option<Revocation>, StoreError> {
        let query = sqlx::query(
            "SELECT scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence FROM revocations
             WHERE scope = $1 AND key = $2",
        )
        .bind(kept(&revocation.scope))
        .bind(key);
        Ok(self.optional(query).await?.as_ref().map(stored).transpose()?.map(|known| known.revocation))
    }

    async fn put(&mut self, wanted: &Revocation, key: &str, sequence: i64) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO revocations (scope, key, not_after_iat, cause, txn, recorded_at, expires, sequence)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (scope, key) DO UPDATE SET
                 not_after_iat = excluded.not_after_iat, cause = excluded.cause, txn = excluded.txn,
                 recorded_at = excluded.recorded_at, expires = excluded.expires, sequence = excluded.sequence",
        )
        .bind(kept(&wanted.scope))
        .bind(key)
        .bind(wanted.not_after_iat.map(|moment| moment.0))
        .bind(kept(&wanted.cause))
        .bind(wanted.txn.as_deref().map(kept))
        .bind(wanted.recorded_at.0)
        .bind(wanted.expires.0)
        .bind(sequence);
        self.write(statement).await?;
        Ok(())
    }
}

fn stored(row: &PgRow) -> Result<StoredRevocation, StoreError> {
    let key: &str = row.try_get("key")?;
    let not_after_iat: Option<i64> = row.try_get("not_after_iat")?;
    let revocation = Revocation {
        scope: column(row, "scope")?,
        key: serde_json::from_str(key).map_err(|_| StoreError::Corrupt("revocations.key"))?,
        not_after_iat: not_after_iat.map(Moment),
        cause: column(row, "cause")?,
        txn: optional_column(row, "txn")?,
        recorded_at: Moment(row.try_get("recorded_at")?),
        expires: Moment(row.try_get("expires")?),
    };
    Ok(StoredRevocation { sequence: row.try_get("sequence")?, revocation })
}
