//! Minted roots in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{MintRecord, Mints, Moment, Person, StoreError};

#[async_trait]
impl Mints for SqliteTx {
    async fn record(&mut self, mint: &MintRecord) -> Result<(), StoreError> {
        let aud = serde_json::to_string(&mint.aud).map_err(|_| StoreError::Corrupt("mints.aud"))?;
        sqlx::query(
            "INSERT INTO mints (jti, txn, mode, sub, dpa, dpr, sid, aud, iat, exp, commitment, digest, sealed_oauth)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&mint.jti)
        .bind(&mint.txn)
        .bind(&mint.mode)
        .bind(&mint.sub)
        .bind(&mint.person.dpa)
        .bind(&mint.person.dpr)
        .bind(&mint.sid)
        .bind(aud)
        .bind(mint.iat.0)
        .bind(mint.exp.0)
        .bind(mint.commitment.as_ref().map(<[u8; 32]>::as_slice))
        .bind(mint.digest.as_slice())
        .bind(&mint.sealed_oauth)
        .execute(self.writer()?)
        .await?;
        Ok(())
    }

    async fn find(&mut self, jti: &str) -> Result<Option<MintRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT jti, txn, mode, sub, dpa, dpr, sid, aud, iat, exp, commitment, digest, sealed_oauth FROM mints
             WHERE jti = ?",
        )
        .bind(jti)
        .fetch_optional(self.reader())
        .await?;
        row.as_ref().map(mint).transpose()
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM mints WHERE exp < ?").bind(now.0).execute(self.writer()?).await?;
        Ok(done.rows_affected())
    }
}

fn mint(row: &SqliteRow) -> Result<MintRecord, StoreError> {
    let commitment: Option<&[u8]> = row.try_get("commitment")?;
    let digest: &[u8] = row.try_get("digest")?;
    let aud: &str = row.try_get("aud")?;
    Ok(MintRecord {
        jti: row.try_get("jti")?,
        txn: row.try_get("txn")?,
        mode: row.try_get("mode")?,
        sub: row.try_get("sub")?,
        person: Person { dpa: row.try_get("dpa")?, dpr: row.try_get("dpr")? },
        sid: row.try_get("sid")?,
        aud: serde_json::from_str(aud).map_err(|_| StoreError::Corrupt("mints.aud"))?,
        iat: Moment(row.try_get("iat")?),
        exp: Moment(row.try_get("exp")?),
        commitment: commitment
            .map(<[u8; 32]>::try_from)
            .transpose()
            .map_err(|_| StoreError::Corrupt("mints.commitment"))?,
        digest: digest.try_into().map_err(|_| StoreError::Corrupt("mints.digest"))?,
        sealed_oauth: row.try_get("sealed_oauth")?,
    })
}
