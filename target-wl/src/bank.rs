//! Accounts and what changes them: every change is one transaction with its ledger entries, its answer and its events.

mod deposit;
mod statement;
mod transfer;

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use store::{
    Entry, Event, MayConflict, Moment, OnceKey, OnceOutcome, Person, Store, StoreError, StoredResponse, Turn, Tx, retry,
};
use token::json::MAX_INTEGER;
use wire::bank::{Account, Balance, DepositRequest, TransferRequest};

pub use deposit::DEPOSITED;
pub use statement::StatementError;
pub use transfer::TRANSFERRED;

/// The kind of the event that tells of an accepted chain.
pub const VALIDATED: &str = "assertion-validated";

/// An order as a believed chain brings it.
#[derive(Clone, Debug)]
pub struct Mandate<T> {
    /// What to do.
    pub order: T,
    /// For whom, and what makes it happen once (rule 12).
    pub once: OnceKey,
    /// When [`Self::once`] may be forgotten.
    pub forget_at: Moment,
    /// What stands for the chain in events.
    pub origin: Origin,
    /// The time.
    pub now: Moment,
}

/// What an event says of the chain that caused it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The root's `iss`.
    pub iss: String,
    /// The root's `jti`.
    pub jti: String,
    /// The root's `txn`.
    pub txn: String,
    /// Links in the chain.
    pub depth: usize,
    /// SPIFFE ID of this workload.
    pub verifier: String,
}

/// Why an order is not carried out. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookingError {
    /// The chain's first link has paid for another request.
    #[error("the chain has already been used for another request")]
    Replayed,
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The account would hold more than 2⁵³ − 1 minor units.
    #[error("an account holds at most {MAX_INTEGER} minor units")]
    TooMuch,
    /// The person holds nothing in the currency they want to pay in.
    #[error("you have no account in this currency")]
    NoAccount,
    /// Nobody can be paid at this number in this currency. Which of the two it is stays untold.
    #[error("there is no account with this number and currency")]
    NoRecipient,
    /// Both sides are the same person.
    #[error("this is your own account number: a transfer goes to another")]
    ToOneself,
    /// The person has less than they want to pay.
    #[error("the account holds less than this")]
    Overdrawn,
    /// The recipient's account would hold more than 2⁵³ − 1 minor units.
    #[error("the other account cannot take this much")]
    RecipientFull,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for BookingError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overflow => Self::TooMuch,
            error => Self::Store(error),
        }
    }
}

impl MayConflict for BookingError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

/// The bank.
#[derive(Clone, Debug)]
pub struct Bank {
    store: Arc<dyn Store>,
}

/// An order that waits to be carried out, or the answer to one that was.
enum Begun {
    Now(Box<dyn Tx>),
    Before(StoredResponse),
}

impl Bank {
    /// A bank whose books are in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// What a person has; `None` for somebody unknown.
    ///
    /// # Errors
    /// [`StoreError`] if the books cannot be read.
    pub async fn account(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        let mut tx = self.store.read().await?;
        let Some(account) = tx.accounts().number(person).await? else { return Ok(None) };
        let balances = tx.accounts().balances(person).await?;
        let balances = balances.into_iter().map(|balance| Balance { currency: balance.currency, minor: balance.minor });
        let (dpa, dpr) = (person.dpa.clone(), person.dpr.clone());
        Ok(Some(Account { dpa, dpr, account, balances: balances.collect() }))
    }

    /// Makes a deposit, opening the account if there is none, and answers with its receipt; a deposit that was made
    /// already is answered as it was then.
    ///
    /// # Errors
    /// [`BookingError`]; nothing is changed.
    pub async fn deposit(&self, mandate: &Mandate<DepositRequest>) -> Result<StoredResponse, BookingError> {
        retry(|| self.deposit_once(mandate)).await
    }

    async fn deposit_once(&self, mandate: &Mandate<DepositRequest>) -> Result<StoredResponse, BookingError> {
        match self.begin(mandate, &[Turn::Person(&mandate.once.person)]).await? {
            Begun::Before(response) => Ok(response),
            Begun::Now(mut tx) => {
                let receipt = deposit::book(tx.as_mut(), mandate).await?;
                end(tx, mandate, &receipt, deposit::event(mandate, &receipt)).await
            }
        }
    }

    /// Makes a transfer between two accounts that are there, and answers with its receipt; a transfer that was made
    /// already is answered as it was then.
    ///
    /// # Errors
    /// [`BookingError`]; nothing is changed, and the idempotency key is still good.
    pub async fn transfer(&self, mandate: &Mandate<TransferRequest>) -> Result<StoredResponse, BookingError> {
        retry(|| self.transfer_once(mandate)).await
    }

    async fn transfer_once(&self, mandate: &Mandate<TransferRequest>) -> Result<StoredResponse, BookingError> {
        let both = [Turn::Person(&mandate.once.person), Turn::Account(mandate.order.to)];
        match self.begin(mandate, &both).await? {
            Begun::Before(response) => Ok(response),
            Begun::Now(mut tx) => {
                let receipt = transfer::book(tx.as_mut(), mandate).await?;
                end(tx, mandate, &receipt, transfer::event(mandate, &receipt)).await
            }
        }
    }

    /// Opens an account with so many minor units, unless the person has it already; whether it is new.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed.
    pub async fn open(&self, person: &Person, currency: &str, minor: u64, now: Moment) -> Result<bool, StoreError> {
        let minor = i64::try_from(minor).map_err(|_| StoreError::Overflow)?;
        retry(|| self.open_once(person, currency, minor, now)).await
    }

    async fn open_once(&self, person: &Person, currency: &str, minor: i64, now: Moment) -> Result<bool, StoreError> {
        let mut tx = self.store.begin_for(&[Turn::Person(person)]).await?;
        let is_new = tx.accounts().open(person, currency, now).await?;
        if is_new && minor > 0 {
            tx.accounts().deposit(person, currency, minor, &Entry::new(statement::OPENING, None, now)).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }

    /// Begins the transaction of an order, when it is its turn, and makes its entry of rule 12.
    async fn begin<T: Sync>(&self, mandate: &Mandate<T>, turns: &[Turn<'_>]) -> Result<Begun, BookingError> {
        let mut tx = self.store.begin_for(turns).await?;
        match tx.once().insert(&mandate.once, mandate.forget_at).await? {
            OnceOutcome::Fresh => Ok(Begun::Now(tx)),
            OnceOutcome::Same(response) => {
                tx.commit().await?;
                Ok(Begun::Before(response))
            }
            OnceOutcome::KeyReused => Err(BookingError::KeyReused),
            _ => Err(BookingError::Replayed),
        }
    }
}

/// Keeps the answer beside the order, tells of both and commits.
async fn end<T: Sync>(
    mut tx: Box<dyn Tx>,
    mandate: &Mandate<T>,
    receipt: &(impl Serialize + Sync),
    event: Event,
) -> Result<StoredResponse, BookingError> {
    let response = answer(receipt)?;
    tx.once().complete(&mandate.once, &response).await?;
    tx.emit(&mandate.validated()).await?;
    tx.emit(&event).await?;
    tx.commit().await?;
    Ok(response)
}

fn answer(receipt: &impl Serialize) -> Result<StoredResponse, StoreError> {
    let body = serde_json::to_vec(receipt).map_err(|_| StoreError::Corrupt("receipt"))?;
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    Ok(StoredResponse {
        status: 201,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body,
    })
}

/// Every reader of JSON must see the same balance (RFC 7493 §2.2).
fn is_within_json(balance: i64) -> bool {
    u64::try_from(balance).is_ok_and(|balance| balance <= MAX_INTEGER)
}

impl<T> Mandate<T> {
    /// The event that tells of the chain.
    fn validated(&self) -> Event {
        let Origin { iss, jti, txn, depth, verifier } = &self.origin;
        let seconds = self.now.seconds();
        let token = json!({"format": "jwt_id", "iss": iss, "jti": jti});
        let payload =
            json!({"verifier": verifier, "depth": depth, "count": 1, "first_seen": seconds, "last_seen": seconds});
        Event::new(VALIDATED, token, payload, Some(txn.clone()), self.now)
    }

    /// An event about the person.
    fn event(&self, kind: &str, payload: serde_json::Value) -> Event {
        let Person { dpa, dpr } = &self.once.person;
        let person = json!({"format": "iss_sub", "iss": dpa, "sub": dpr});
        Event::new(kind, person, payload, Some(self.origin.txn.clone()), self.now)
    }

    /// A ledger entry of this order.
    fn entry(&self, kind: &str) -> Entry {
        Entry::new(kind, Some(self.origin.txn.clone()), self.now)
    }
}

#[cfg(test)]
mod tests;
