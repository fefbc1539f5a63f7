//! Accounts in PostgreSQL.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;
use wire::bank::AccountNumber;

use super::PostgresTx;
use super::text::{column, kept, optional_column};
use crate::accounts::draw_number;
use crate::{
    Accounts, Balance, Entry, LedgerEntry, Moment, Person, StoreError, Transfer, TransferOutcome, TransferSide,
};

#[async_trait]
impl Accounts for PostgresTx {
    async fn open(&mut self, person: &Person, currency: &str, now: Moment) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO accounts (dpa, dpr, currency, balance, opened_at) VALUES ($1, $2, $3, 0, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(kept(&person.dpa))
        .bind(kept(&person.dpr))
        .bind(kept(currency))
        .bind(now.0);
        let is_new = self.write(statement).await? == 1;
        if is_new {
            self.assign_number(person).await?;
        }
        Ok(is_new)
    }

    async fn balance(&mut self, person: &Person, currency: &str) -> Result<Option<i64>, StoreError> {
        let query = sqlx::query("SELECT balance FROM accounts WHERE dpa = $1 AND dpr = $2 AND currency = $3")
            .bind(kept(&person.dpa))
            .bind(kept(&person.dpr))
            .bind(kept(currency));
        Ok(self.optional(query).await?.map(|row| row.try_get("balance")).transpose()?)
    }

    async fn balances(&mut self, person: &Person) -> Result<Vec<Balance>, StoreError> {
        let query = sqlx::query("SELECT currency, balance FROM accounts WHERE dpa = $1 AND dpr = $2 ORDER BY currency")
            .bind(kept(&person.dpa))
            .bind(kept(&person.dpr));
        let rows = self.all(query).await?;
        rows.iter()
            .map(|row| Ok(Balance { currency: column(row, "currency")?, minor: row.try_get("balance")? }))
            .collect()
    }

    async fn number(&mut self, person: &Person) -> Result<Option<AccountNumber>, StoreError> {
        let query = sqlx::query("SELECT number FROM account_numbers WHERE dpa = $1 AND dpr = $2")
            .bind(kept(&person.dpa))
            .bind(kept(&person.dpr));
        let Some(row) = self.optional(query).await? else { return Ok(None) };
        number(row.try_get("number")?).map(Some)
    }

    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError> {
        self.must_write()?;
        if minor <= 0 {
            return Err(StoreError::Overflow);
        }
        let balance = match self.add(person, currency, minor).await? {
            Some(balance) => balance,
            None => self.open_with(person, currency, minor, entry.created_at).await?,
        };
        let row = LedgerEntry { entry: entry.clone(), currency: currency.to_owned(), minor, balance, transfer: None };
        self.book(person, &row).await?;
        Ok(balance)
    }

    async fn transfer(&mut self, transfer: &Transfer) -> Result<TransferOutcome, StoreError> {
        let Transfer { from, to, currency, minor, .. } = transfer;
        self.must_write()?;
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
        recipient.checked_add(*minor).ok_or(StoreError::Overflow)?;
        let own = self.number(from).await?.ok_or(StoreError::Corrupt("account_numbers"))?;
        // Everybody takes locks in the same order, so that two who pay each other wait and do not deadlock.
        let (sender, recipient) = if from < &payee {
            let sender = self.add(from, currency, -minor).await?;
            (sender, self.add(&payee, currency, *minor).await?)
        } else {
            let recipient = self.add(&payee, currency, *minor).await?;
            (self.add(from, currency, -minor).await?, recipient)
        };
        let (sender, recipient) = sender.zip(recipient).ok_or(StoreError::Corrupt("accounts"))?;
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
        let query = sqlx::query("SELECT sequence FROM ledger WHERE id = $1 AND dpa = $2 AND dpr = $3")
            .bind(entry)
            .bind(kept(&person.dpa))
            .bind(kept(&person.dpr));
        let Some(row) = self.optional(query).await? else { return Ok(None) };
        Ok(Some(self.page(person, row.try_get("sequence")?, limit).await?))
    }
}

impl PostgresTx {
    /// Gives a person who has none a number nobody has.
    async fn assign_number(&mut self, person: &Person) -> Result<(), StoreError> {
        while self.number(person).await?.is_none() {
            let statement = sqlx::query(
                "INSERT INTO account_numbers (number, dpa, dpr) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(draw_number().to_string())
            .bind(kept(&person.dpa))
            .bind(kept(&person.dpr));
            self.write(statement).await?;
        }
        Ok(())
    }

    pub(super) async fn holder(&mut self, number: AccountNumber) -> Result<Option<Person>, StoreError> {
        let query = sqlx::query("SELECT dpa, dpr FROM account_numbers WHERE number = $1").bind(number.to_string());
        let row = self.optional(query).await?;
        row.map(|row| Ok(Person { dpa: column(&row, "dpa")?, dpr: column(&row, "dpr")? })).transpose()
    }

    /// Opens an account that was not there a moment ago and adds to it.
    async fn open_with(&mut self, person: &Person, currency: &str, minor: i64, now: Moment) -> Result<i64, StoreError> {
        self.open(person, currency, now).await?;
        self.add(person, currency, minor).await?.ok_or(StoreError::Corrupt("accounts"))
    }

    /// Adds to the balance of an account; what it is then, if there is one.
    async fn add(&mut self, person: &Person, currency: &str, minor: i64) -> Result<Option<i64>, StoreError> {
        let statement = sqlx::query(
            "UPDATE accounts SET balance = balance + $4 WHERE dpa = $1 AND dpr = $2 AND currency = $3 RETURNING balance",
        )
        .bind(kept(&person.dpa))
        .bind(kept(&person.dpr))
        .bind(kept(currency))
        .bind(minor);
        Ok(self.write_returning(statement).await?.map(|row| row.try_get("balance")).transpose()?)
    }

    /// Entries before this sequence, newest first.
    ///
    /// Entries of one account are numbered in the order of their commits: the lock of its balance is taken before.
    async fn page(&mut self, person: &Person, before: i64, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let query = sqlx::query(
            "SELECT id, currency, kind, minor, balance, txn, created_at, transfer, counterparty, note FROM ledger
             WHERE dpa = $1 AND dpr = $2 AND sequence < $3 ORDER BY sequence DESC LIMIT $4",
        )
        .bind(kept(&person.dpa))
        .bind(kept(&person.dpr))
        .bind(before)
        .bind(i64::from(limit));
        self.all(query).await?.iter().map(ledger_entry).collect()
    }

    async fn book(&mut self, person: &Person, row: &LedgerEntry) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO ledger
             (id, dpa, dpr, currency, kind, minor, balance, txn, created_at, transfer, counterparty, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(row.entry.id)
        .bind(kept(&person.dpa))
        .bind(kept(&person.dpr))
        .bind(kept(&row.currency))
        .bind(kept(&row.entry.kind))
        .bind(row.minor)
        .bind(row.balance)
        .bind(row.entry.txn.as_deref().map(kept))
        .bind(row.entry.created_at.0)
        .bind(row.transfer.as_ref().map(|side| side.id))
        .bind(row.transfer.as_ref().map(|side| side.counterparty.to_string()))
        .bind(row.transfer.as_ref().and_then(|side| side.note.as_deref()).map(kept));
        self.write(statement).await?;
        Ok(())
    }
}

fn number(text: &str) -> Result<AccountNumber, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("account_numbers.number"))
}

fn ledger_entry(row: &PgRow) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        entry: Entry {
            id: row.try_get("id")?,
            kind: column(row, "kind")?,
            txn: optional_column(row, "txn")?,
            created_at: Moment(row.try_get("created_at")?),
        },
        currency: column(row, "currency")?,
        minor: row.try_get("minor")?,
        balance: row.try_get("balance")?,
        transfer: transfer_side(row)?,
    })
}

fn transfer_side(row: &PgRow) -> Result<Option<TransferSide>, StoreError> {
    let Some(id) = row.try_get("transfer")? else { return Ok(None) };
    let counterparty: &str = row.try_get("counterparty")?;
    Ok(Some(TransferSide {
        id,
        counterparty: counterparty.parse().map_err(|_| StoreError::Corrupt("ledger.counterparty"))?,
        note: optional_column(row, "note")?,
    }))
}
