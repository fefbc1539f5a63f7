//! Signers' certificates in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{Certificates, Keeping, KeptCertificate, Moment, StoreError};

#[async_trait]
impl Certificates for SqliteTx {
    async fn keep(&mut self, certificate: &KeptCertificate, most: u32, now: Moment) -> Result<Keeping, StoreError> {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM certificates WHERE x5t = ?")
            .bind(certificate.x5t.as_slice())
            .fetch_one(self.writer()?)
            .await?;
        if known > 0 {
            return Ok(Keeping::Known);
        }
        let others: i64 = sqlx::query_scalar("SELECT count(*) FROM certificates WHERE spiffe_id = ? AND expires > ?")
            .bind(&certificate.spiffe_id)
            .bind(now.0)
            .fetch_one(self.writer()?)
            .await?;
        if others >= i64::from(most) {
            return Ok(Keeping::Full);
        }
        sqlx::query("INSERT INTO certificates (x5t, spiffe_id, pem, expires) VALUES (?, ?, ?, ?)")
            .bind(certificate.x5t.as_slice())
            .bind(&certificate.spiffe_id)
            .bind(&certificate.pem)
            .bind(certificate.expires.0)
            .execute(self.writer()?)
            .await?;
        Ok(Keeping::Kept)
    }

    async fn find(&mut self, x5t: &[u8; 32], now: Moment) -> Result<Option<KeptCertificate>, StoreError> {
        let row = sqlx::query("SELECT x5t, spiffe_id, pem, expires FROM certificates WHERE x5t = ? AND expires > ?")
            .bind(x5t.as_slice())
            .bind(now.0)
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(kept).transpose()
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let done =
            sqlx::query("DELETE FROM certificates WHERE expires < ?").bind(now.0).execute(self.writer()?).await?;
        Ok(done.rows_affected())
    }
}

fn kept(row: &SqliteRow) -> Result<KeptCertificate, StoreError> {
    let x5t: &[u8] = row.try_get("x5t")?;
    Ok(KeptCertificate {
        x5t: x5t.try_into().map_err(|_| StoreError::Corrupt("certificates.x5t"))?,
        spiffe_id: row.try_get("spiffe_id")?,
        pem: row.try_get("pem")?,
        expires: Moment(row.try_get("expires")?),
    })
}
