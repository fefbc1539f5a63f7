//! Minted roots in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresTx;
use super::text::{column, kept, optional_column};
use crate::{MintRecord, Mints, Moment, Person, StoreError};

#[async_trait]
impl Mints for PostgresTx {
    async fn record(&mut self, mint: &MintRecord) -> Result<(), StoreError> {
        let aud = serde_json::to_string(&mint.aud).map_err(|_| StoreError::Corrupt("mints.aud"))?;
        let statement = sqlx::query(
            "INSERT INTO mints (jti, txn, mode, sub, dpa, dpr, sid, aud, iat, exp, commitment, digest, sealed_oauth)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
        )
        .bind(kept(&mint.jti))
        .bind(kept(&mint.txn))
        .bind(kept(&mint.mode))
        .bind(kept(&mint.sub))
        .bind(kept(&mint.person.dpa))
        .bind(kept(&mint.person.dpr))
        .bind(mint.sid.as_deref().map(kept))
        .bind(aud)
        .bind(mint.iat.0)
        .bind(mint.exp.0)
        .bind(mint.commitment.as_ref().map(<[u8; 32]>::as_slice))
        .bind(mint.digest.as_slice())
        .bind(&mint.sealed_oauth);
        self.write_new(statement).await
    }

    async fn find(&mut self, jti: &str) -> Result<Option<MintRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT jti, txn, mode, sub, dpa, dpr, sid, aud, iat, exp, commitment, digest, sealed_oauth FROM mints
             WHERE jti = $1",
        )
        .bind(kept(jti));
        self.optional(query).await?.as_ref().map(mint).transpose()
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        self.write(sqlx::query("DELETE FROM mints WHERE exp < $1").bind(now.0)).await
    }
}

fn mint(row: &PgRow) -> Result<MintRecord, StoreError> {
    let commitment: Option<&[u8]> = row.try_get("commitment")?;
    let digest: &[u8] = row.try_get("digest")?;
    Ok(MintRecord {
        jti: column(row, "jti")?,
        txn: column(row, "txn")?,
        mode: column(row, "mode")?,
        sub: column(row, "sub")?,
        person: Person { dpa: column(row, "dpa")?, dpr: column(row, "dpr")? },
        sid: optional_column(row, "sid")?,
        aud: serde_json::from_str(row.try_get("aud")?).map_err(|_| StoreError::Corrupt("mints.aud"))?,
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
