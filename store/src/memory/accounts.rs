//! Accounts in memory.

use async_trait::async_trait;
use uuid::Uuid;
use wire::bank::AccountNumber;

use super::{MemoryTx, State};
use crate::accounts::draw_number;
use crate::{Accounts, Balance, Entry, LedgerEntry, Moment, Person, StoreError, Transfer, TransferOutcome};

#[async_trait]
impl Accounts for MemoryTx {
    async fn open(&mut self, person: &Person, currency: &str, _now: Moment) -> Result<bool, StoreError> {
        Ok(self.writer()?.open(person, currency))
    }

    async fn balance(&mut self, person: &Person, currency: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.state.balance(person, currency))
    }

    async fn balances(&mut self, person: &Person) -> Result<Vec<Balance>, StoreError> {
        let from = (person.clone(), String::new());
        let accounts = self.state.balances.range(from..).take_while(|((owner, _), _)| owner == person);
        Ok(accounts.map(|((_, currency), minor)| Balance { currency: currency.clone(), minor: *minor }).collect())
    }

    async fn number(&mut self, person: &Person) -> Result<Option<AccountNumber>, StoreError> {
        Ok(self.state.number(person))
    }

    async fn deposit(&mut self, person: &Person, currency: &str, minor: i64, entry: &Entry) -> Result<i64, StoreError> {
        let state = self.writer()?;
        let before = state.balance(person, currency).unwrap_or(0);
        let balance = before.checked_add(minor).filter(|_| minor > 0).ok_or(StoreError::Overflow)?;
        let row = LedgerEntry { entry: entry.clone(), currency: currency.to_owned(), minor, balance, transfer: None };
        state.must_be_new(&[entry])?;
        state.open(person, currency);
        state.book(person, row);
        Ok(balance)
    }

    async fn transfer(&mut self, transfer: &Transfer) -> Result<TransferOutcome, StoreError> {
        let Transfer { from, to, currency, minor, .. } = transfer;
        let state = self.writer()?;
        if *minor <= 0 {
            return Err(StoreError::Overflow);
        }
        let Some(payee) = state.numbers.get(to).cloned() else { return Ok(TransferOutcome::NoRecipient) };
        if payee == *from {
            return Ok(TransferOutcome::ToOneself);
        }
        let Some(sender) = state.balance(from, currency) else { return Ok(TransferOutcome::NoAccount) };
        let Some(recipient) = state.balance(&payee, currency) else { return Ok(TransferOutcome::NoRecipient) };
        if sender < *minor {
            return Ok(TransferOutcome::Overdrawn);
        }
        let own = state.number(from).ok_or(StoreError::Corrupt("account_numbers"))?;
        let (sender, recipient) = (sender - minor, recipient.checked_add(*minor).ok_or(StoreError::Overflow)?);
        state.must_be_new(&[&transfer.sent, &transfer.received])?;
        let (sent, received) = transfer.rows(own, sender, recipient);
        state.book(from, sent);
        state.book(&payee, received);
        Ok(TransferOutcome::Done { sender, recipient })
    }

    async fn ledger(&mut self, person: &Person, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let theirs = self.state.ledger.iter().rev().filter(|(owner, _)| owner == person);
        Ok(theirs.take(limit as usize).map(|(_, row)| row.clone()).collect())
    }

    async fn ledger_before(
        &mut self,
        person: &Person,
        entry: Uuid,
        limit: u32,
    ) -> Result<Option<Vec<LedgerEntry>>, StoreError> {
        let mut theirs = self.state.ledger.iter().rev().filter(|(owner, _)| owner == person).map(|(_, row)| row);
        if !theirs.any(|row| row.entry.id == entry) {
            return Ok(None);
        }
        Ok(Some(theirs.take(limit as usize).cloned().collect()))
    }
}

impl State {
    fn balance(&self, person: &Person, currency: &str) -> Option<i64> {
        self.balances.get(&(person.clone(), currency.to_owned())).copied()
    }

    fn number(&self, person: &Person) -> Option<AccountNumber> {
        self.numbers.iter().find(|(_, holder)| *holder == person).map(|(number, _)| *number)
    }

    fn open(&mut self, person: &Person, currency: &str) -> bool {
        if self.balance(person, currency).is_some() {
            return false;
        }
        self.balances.insert((person.clone(), currency.to_owned()), 0);
        if self.number(person).is_none() {
            let mut number = draw_number();
            while self.numbers.contains_key(&number) {
                number = draw_number();
            }
            self.numbers.insert(number, person.clone());
        }
        true
    }

    /// Writes an entry and the balance after it.
    fn book(&mut self, person: &Person, row: LedgerEntry) {
        self.balances.insert((person.clone(), row.currency.clone()), row.balance);
        self.ledger.push((person.clone(), row));
    }

    fn must_be_new(&self, entries: &[&Entry]) -> Result<(), StoreError> {
        let is_known = |id: Uuid| self.ledger.iter().any(|(_, known)| known.entry.id == id);
        if entries.iter().any(|entry| is_known(entry.id)) { Err(StoreError::Duplicate) } else { Ok(()) }
    }
}
