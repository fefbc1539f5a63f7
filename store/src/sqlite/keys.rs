//! Minting keys in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{KeyRecord, KeyState, Keys, Moment, StoreError};

#[async_trait]
impl Keys for SqliteTx {
    async fn list(&mut self, kind: &str) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT kid, kind, alg, sealed, state, created_at, not_before, retires_at FROM minting_keys WHERE kind = ?
             ORDER BY created_at, kid",
        )
        .bind(kind)
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(key).collect()
    }

    async fn insert(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO minting_keys (kid, kind, alg, sealed, state, created_at, not_before, retires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&key.kid)
        .bind(&key.kind)
        .bind(&key.alg)
        .bind(&key.sealed)
        .bind(key.state.name())
        .bind(key.created_at.0)
        .bind(key.not_before.0)
        .bind(key.retires_at.map(|at| at.0))
        .execute(self.writer()?)
        .await?;
        Ok(())
    }

    async fn set_state(&mut self, kid: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE minting_keys SET state = ?, retires_at = ? WHERE kid = ?")
            .bind(state.name())
            .bind(retires_at.map(|at| at.0))
            .bind(kid)
            .execute(self.writer()?)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn remove(&mut self, kid: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM minting_keys WHERE kid = ?").bind(kid).execute(self.writer()?).await?;
        Ok(done.rows_affected() == 1)
    }
}

fn key(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    let state: &str = row.try_get("state")?;
    Ok(KeyRecord {
        kid: row.try_get("kid")?,
        kind: row.try_get("kind")?,
        alg: row.try_get("alg")?,
        sealed: row.try_get("sealed")?,
        state: KeyState::from_name(state).ok_or(StoreError::Corrupt("minting_keys.state"))?,
        created_at: Moment(row.try_get("created_at")?),
        not_before: Moment(row.try_get("not_before")?),
        retires_at: row.try_get::<Option<i64>, _>("retires_at")?.map(Moment),
    })
}
