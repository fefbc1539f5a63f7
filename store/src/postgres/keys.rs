//! Minting keys in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresTx;
use super::text::{column, kept};
use crate::{KeyRecord, KeyState, Keys, Moment, StoreError};

#[async_trait]
impl Keys for PostgresTx {
    async fn list(&mut self, kind: &str) -> Result<Vec<KeyRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT kid, kind, alg, sealed, state, created_at, not_before, retires_at FROM minting_keys WHERE kind = $1
             ORDER BY created_at, kid",
        )
        .bind(kept(kind));
        self.all(query).await?.iter().map(key).collect()
    }

    async fn insert(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO minting_keys (kid, kind, alg, sealed, state, created_at, not_before, retires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(kept(&key.kid))
        .bind(kept(&key.kind))
        .bind(kept(&key.alg))
        .bind(&key.sealed)
        .bind(key.state.name())
        .bind(key.created_at.0)
        .bind(key.not_before.0)
        .bind(key.retires_at.map(|at| at.0));
        self.write_new(statement).await
    }

    async fn set_state(&mut self, kid: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE minting_keys SET state = $1, retires_at = $2 WHERE kid = $3")
            .bind(state.name())
            .bind(retires_at.map(|at| at.0))
            .bind(kept(kid));
        Ok(self.write(statement).await? == 1)
    }

    async fn remove(&mut self, kid: &str) -> Result<bool, StoreError> {
        Ok(self.write(sqlx::query("DELETE FROM minting_keys WHERE kid = $1").bind(kept(kid))).await? == 1)
    }
}

fn key(row: &PgRow) -> Result<KeyRecord, StoreError> {
    let state: &str = row.try_get("state")?;
    Ok(KeyRecord {
        kid: column(row, "kid")?,
        kind: column(row, "kind")?,
        alg: column(row, "alg")?,
        sealed: row.try_get("sealed")?,
        state: KeyState::from_name(state).ok_or(StoreError::Corrupt("minting_keys.state"))?,
        created_at: Moment(row.try_get("created_at")?),
        not_before: Moment(row.try_get("not_before")?),
        retires_at: row.try_get::<Option<i64>, _>("retires_at")?.map(Moment),
    })
}
