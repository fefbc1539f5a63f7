//! Signers' certificates in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresTx;
use super::text::{column, kept};
use crate::{Certificates, Keeping, KeptCertificate, Moment, StoreError};

#[async_trait]
impl Certificates for PostgresTx {
    async fn keep(&mut self, certificate: &KeptCertificate, most: u32, now: Moment) -> Result<Keeping, StoreError> {
        self.must_write()?;
        let known = sqlx::query("SELECT 1 FROM certificates WHERE x5t = $1").bind(certificate.x5t.as_slice());
        if self.optional(known).await?.is_some() {
            return Ok(Keeping::Known);
        }
        let counting = sqlx::query("SELECT count(*) AS others FROM certificates WHERE spiffe_id = $1 AND expires > $2")
            .bind(kept(&certificate.spiffe_id))
            .bind(now.0);
        let others: i64 = self.optional(counting).await?.map_or(Ok(0), |row| row.try_get("others"))?;
        if others >= i64::from(most) {
            return Ok(Keeping::Full);
        }
        let statement = sqlx::query("INSERT INTO certificates (x5t, spiffe_id, pem, expires) VALUES ($1, $2, $3, $4)")
            .bind(certificate.x5t.as_slice())
            .bind(kept(&certificate.spiffe_id))
            .bind(&certificate.pem)
            .bind(certificate.expires.0);
        self.write(statement).await?;
        Ok(Keeping::Kept)
    }

    async fn find(&mut self, x5t: &[u8; 32], now: Moment) -> Result<Option<KeptCertificate>, StoreError> {
        let query =
            sqlx::query("SELECT x5t, spiffe_id, pem, expires FROM certificates WHERE x5t = $1 AND expires > $2")
                .bind(x5t.as_slice())
                .bind(now.0);
        self.optional(query).await?.as_ref().map(stored).transpose()
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        self.write(sqlx::query("DELETE FROM certificates WHERE expires < $1").bind(now.0)).await
    }
}

fn stored(row: &PgRow) -> Result<KeptCertificate, StoreError> {
    let x5t: &[u8] = row.try_get("x5t")?;
    Ok(KeptCertificate {
        x5t: x5t.try_into().map_err(|_| StoreError::Corrupt("certificates.x5t"))?,
        spiffe_id: column(row, "spiffe_id")?,
        pem: row.try_get("pem")?,
        expires: Moment(row.try_get("expires")?),
    })
}
