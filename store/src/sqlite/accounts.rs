//! Accounts in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{Accounts, Balance, Entry, LedgerEntry, Moment, Person, StoreError};

#[async_trait]
impl Accounts for SqliteTx {
    async fn open(&mut self, person: &Person, currency: &str, now: Moment) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO accounts (dpa, dpr, currency, balance, opened_at) VALUES (?, ?, ?, 0, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(&person.dpa)
        .bind(&person.dpr)
        .bind(currency)
        .bind(now.0)
        .execute(self.writer()?)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn balance(&mut self, person: &Person, currency: &str) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar("SELECT balance FROM accounts WHERE dpa = ? AND dpr = ? AND currency = ?")
            .bind(&person.dpa)
            .bind(&person.dpr)
            .bind(currency)
            .fetch_optional(self.reader())
            .await?)
    }

    async fn balances(&mut self, person: &Person) -> Result<Vec<Balance>, StoreError> {
        let rows = sqlx::query("SELECT currency, balance FROM accounts WHERE dpa = ? AND dpr = ? ORDER BY currency")
            .bind(&person.dpa)
            .bind(&person.dpr)
            .fetch_all(self.reader())
            .await?;
        rows.iter()
            .map(|row| Ok(Balance { currency: row.try_get("currency")?, minor: row.try_get("balance")? }))
            .collect()
    }

    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError> {
        if minor <= 0 {
            return Err(StoreError::Overflow);
        }
        // Read, add and write apart: SQLite's own addition turns an overflow into a fraction.
        self.open(person, currency, entry.created_at).await?;
        let before = self.balance(person, currency).await?.ok_or(StoreError::Corrupt("accounts"))?;
        let after = before.checked_add(minor).ok_or(StoreError::Overflow)?;
        let row = LedgerEntry { entry: entry.clone(), currency: currency.to_owned(), minor, balance: after };
        self.book(person, &row).await?;
        sqlx::query("UPDATE accounts SET balance = ? WHERE dpa = ? AND dpr = ? AND currency = ?")
            .bind(after)
            .bind(&person.dpa)
            .bind(&person.dpr)
            .bind(currency)
            .execute(self.writer()?)
            .await?;
        Ok(after)
    }

    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, currency, kind, minor, balance, txn, created_at FROM ledger
             WHERE dpa = ? AND dpr = ? ORDER BY sequence DESC LIMIT ?",
        )
        .bind(&person.dpa)
        .bind(&person.dpr)
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(ledger_entry).collect()
    }
}

impl SqliteTx {
    async fn book(&mut self, person: &Person, row: &LedgerEntry) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ledger (id, dpa, dpr, currency, kind, minor, balance, txn, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.entry.id.to_string())
        .bind(&person.dpa)
        .bind(&person.dpr)
        .bind(&row.currency)
        .bind(&row.entry.kind)
        .bind(row.minor)
        .bind(row.balance)
        .bind(&row.entry.txn)
        .bind(row.entry.created_at.0)
        .execute(self.writer()?)
        .await?;
        Ok(())
    }
}

fn ledger_entry(row: &SqliteRow) -> Result<LedgerEntry, StoreError> {
    let id: &str = row.try_get("id")?;
    Ok(LedgerEntry {
        entry: Entry {
            id: id.parse().map_err(|_| StoreError::Corrupt("ledger.id"))?,
            kind: row.try_get("kind")?,
            txn: row.try_get("txn")?,
            created_at: Moment(row.try_get("created_at")?),
        },
        currency: row.try_get("currency")?,
        minor: row.try_get("minor")?,
        balance: row.try_get("balance")?,
    })
}
