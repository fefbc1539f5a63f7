//! Accounts in memory.

use async_trait::async_trait;

use super::MemoryTx;
use crate::{Accounts, Balance, Entry, LedgerEntry, Moment, Person, StoreError};

#[async_trait]
impl Accounts for MemoryTx {
    async fn open(&mut self, person: &Person, currency: &str, _now: Moment) -> Result<bool, StoreError> {
        let account = (person.clone(), currency.to_owned());
        let state = self.writer()?;
        let new = !state.balances.contains_key(&account);
        state.balances.entry(account).or_insert(0);
        Ok(new)
    }

    async fn balance(&mut self, person: &Person, currency: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.state.balances.get(&(person.clone(), currency.to_owned())).copied())
    }

    async fn balances(&mut self, person: &Person) -> Result<Vec<Balance>, StoreError> {
        let from = (person.clone(), String::new());
        let accounts = self.state.balances.range(from..).take_while(|((owner, _), _)| owner == person);
        Ok(accounts.map(|((_, currency), minor)| Balance { currency: currency.clone(), minor: *minor }).collect())
    }

    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError> {
        let state = self.writer()?;
        let account = (person.clone(), currency.to_owned());
        let before = state.balances.get(&account).copied().unwrap_or(0);
        let balance = before.checked_add(minor).filter(|_| minor > 0).ok_or(StoreError::Overflow)?;
        if state.ledger.iter().any(|(_, known)| known.entry.id == entry.id) {
            return Err(StoreError::Duplicate);
        }
        state.balances.insert(account, balance);
        let row = LedgerEntry { entry: entry.clone(), currency: currency.to_owned(), minor, balance };
        state.ledger.push((person.clone(), row));
        Ok(balance)
    }

    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let theirs = self.state.ledger.iter().rev().filter(|(owner, _)| owner == person);
        Ok(theirs.take(limit as usize).map(|(_, row)| row.clone()).collect())
    }
}
