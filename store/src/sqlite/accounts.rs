//! Accounts in SQLite.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;
use wire::bank::AccountNumber;

use super::SqliteTx;
use crate::accounts::draw_number;
use crate::{
    Accounts, Balance, Entry, LedgerEntry, Moment, Person, StoreError, Transfer, TransferOutcome, TransferSide,
};

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
        let is_new = done.rows_affected() == 1;
        if is_new && self.number(person).await?.is_none() {
            self.assign_number(person).await?;
        }
        Ok(is_new)
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

    async fn number(&mut self, person: &Person) -> Result<Option<AccountNumber>, StoreError> {
        let number: Option<String> = sqlx::query_scalar("SELECT number FROM account_numbers WHERE dpa = ? AND dpr = ?")
            .bind(&person.dpa)
            .bind(&person.dpr)
            .fetch_optional(self.reader())
            .await?;
        number.map(|text| text.parse().map_err(|_| StoreError::Corrupt("account_numbers.number"))).transpose()
    }

    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError> {
        if minor <= 0 {
            return Err(StoreError::Overflow);
        }
        // Read, add and write apart: SQLite's own addition turns an overflow into a fraction.
        self.open(person, currency, entry.created_at).await?;
        let before = self.balance(person, currency).await?.ok_or(StoreError::Corrupt("accounts"))?;
        let balance = before.checked_add(minor).ok_or(StoreError::Overflow)?;
        let row = LedgerEntry { entry: entry.clone(), currency: currency.to_owned(), minor, balance, transfer: None };
        self.book(person, &row).await?;
        Ok(balance)
    }

    async fn transfer(&mut self, transfer: &Transfer) -> Result<TransferOutcome, StoreError> {
        let Transfer { from, to, currency, minor, .. } = transfer;
        self.writer()?;
        if *minor <= 0 {
            return Err(StoreError::Overflow);
        }
        let Some(payee) = self.holder(*to).await? else { return Ok(TransferOutcome::NoRecipient) };
        if payee == *from {
            return Ok(TransferOutcome::ToOneself);
        }
        let Some(sender) = self.balance(from, currency).await? else { return Ok(TransferOutcome::NoAccount) };
        let Some(recipient) = self.balance(&payee, currency).await? else { return Ok(TransferOutcome::NoRecipient) };
        if sender < *minor {
            return Ok(TransferOutcome::Overdrawn);
        }
        let own = self.number(from).await?.ok_or(StoreError::Corrupt("account_numbers"))?;
        let (sender, recipient) = (sender - minor, recipient.checked_add(*minor).ok_or(StoreError::Overflow)?);
        let (sent, received) = transfer.rows(own, sender, recipient);
        self.book(from, &sent).await?;
        self.book(&payee, &received).await?;
        Ok(TransferOutcome::Done { sender, recipient })
    }

    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        self.page(person, i64::MAX, limit).await
    }

    async fn ledger_before(
        &mut self,
        person: &Person,
        entry: Uuid,
        limit: u32,
    ) -> Result<Option<Vec<LedgerEntry>>, StoreError> {
        let sequence = sqlx::query_scalar("SELECT sequence FROM ledger WHERE id = ? AND dpa = ? AND dpr = ?")
            .bind(entry.to_string())
            .bind(&person.dpa)
            .bind(&person.dpr)
            .fetch_optional(self.reader())
            .await?;
        match sequence {
            Some(sequence) => Ok(Some(self.page(person, sequence, limit).await?)),
            None => Ok(None),
        }
    }
}

impl SqliteTx {
    /// Gives a person who has none a number nobody has.
    async fn assign_number(&mut self, person: &Person) -> Result<(), StoreError> {
        loop {
            let done = sqlx::query(
                "INSERT INTO account_numbers (number, dpa, dpr) VALUES (?, ?, ?) ON CONFLICT (number) DO NOTHING",
            )
            .bind(draw_number().to_string())
            .bind(&person.dpa)
            .bind(&person.dpr)
            .execute(self.writer()?)
            .await?;
            if done.rows_affected() == 1 {
                return Ok(());
            }
        }
    }

    async fn holder(&mut self, number: AccountNumber) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query("SELECT dpa, dpr FROM account_numbers WHERE number = ?")
            .bind(number.to_string())
            .fetch_optional(self.reader())
            .await?;
        row.map(|row| Ok(Person { dpa: row.try_get("dpa")?, dpr: row.try_get("dpr")? })).transpose()
    }

    /// Entries before this sequence, newest first.
    async fn page(&mut self, person: &Person, before: i64, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, currency, kind, minor, balance, txn, created_at, transfer, counterparty, note FROM ledger
             WHERE dpa = ? AND dpr = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?",
        )
        .bind(&person.dpa)
        .bind(&person.dpr)
        .bind(before)
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(ledger_entry).collect()
    }

    /// Writes an entry and the balance after it.
    async fn book(&mut self, person: &Person, row: &LedgerEntry) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ledger
             (id, dpa, dpr, currency, kind, minor, balance, txn, created_at, transfer, counterparty, note)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .bind(row.transfer.as_ref().map(|side| side.id.to_string()))
        .bind(row.transfer.as_ref().map(|side| side.counterparty.to_string()))
        .bind(row.transfer.as_ref().and_then(|side| side.note.as_deref()))
        .execute(self.writer()?)
        .await?;
        sqlx::query("UPDATE accounts SET balance = ? WHERE dpa = ? AND dpr = ? AND currency = ?")
            .bind(row.balance)
            .bind(&person.dpa)
            .bind(&person.dpr)
            .bind(&row.currency)
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
        transfer: transfer_side(row)?,
    })
}

fn transfer_side(row: &SqliteRow) -> Result<Option<TransferSide>, StoreError> {
    let Some(id) = row.try_get::<Option<&str>, _>("transfer")? else { return Ok(None) };
    let counterparty: &str = row.try_get("counterparty")?;
    Ok(Some(TransferSide {
        id: id.parse().map_err(|_| StoreError::Corrupt("ledger.transfer"))?,
        counterparty: counterparty.parse().map_err(|_| StoreError::Corrupt("ledger.counterparty"))?,
        note: row.try_get("note")?,
    }))
}
