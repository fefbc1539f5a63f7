//! Accounts and what changes them: every change is one transaction with its ledger entry, its answer and its events.

use std::sync::Arc;

use serde_json::json;
use store::{Entry, Event, Moment, OnceKey, OnceOutcome, Person, Store, StoreError, StoredResponse};
use token::json::MAX_INTEGER;
use wire::bank::{Account, Balance, DepositReceipt, DepositRequest};

/// The kind of the event that tells of a deposit.
pub const DEPOSITED: &str = "bank-deposit";
/// The kind of the event that tells of an accepted chain.
pub const VALIDATED: &str = "assertion-validated";

/// A deposit as a believed chain brings it.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// How much.
    pub order: DepositRequest,
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

/// Why a deposit is not made. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// The chain's first link has paid for another request.
    #[error("the chain has already been used for another request")]
    Replayed,
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The account would hold more than 2⁵³ − 1 minor units.
    #[error("an account holds at most {MAX_INTEGER} minor units")]
    TooMuch,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for DepositError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overflow => Self::TooMuch,
            error => Self::Store(error),
        }
    }
}

/// The bank.
#[derive(Clone, Debug)]
pub struct Bank {
    store: Arc<dyn Store>,
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
        let balances = self.store.read().await?.accounts().balances(person).await?;
        if balances.is_empty() {
            return Ok(None);
        }
        let balances = balances.into_iter().map(|balance| Balance { currency: balance.currency, minor: balance.minor });
        Ok(Some(Account { dpa: person.dpa.clone(), dpr: person.dpr.clone(), balances: balances.collect() }))
    }

    /// Makes a deposit, opening the account if there is none, and answers with its receipt; a deposit that was made
    /// already is answered as it was then.
    ///
    /// # Errors
    /// [`DepositError`]; nothing is changed.
    pub async fn deposit(&self, deposit: &Deposit) -> Result<StoredResponse, DepositError> {
        let mut tx = self.store.begin().await?;
        match tx.once().insert(&deposit.once, deposit.forget_at).await? {
            OnceOutcome::Fresh => {}
            OnceOutcome::Same(response) => {
                tx.commit().await?;
                return Ok(response);
            }
            OnceOutcome::KeyReused => return Err(DepositError::KeyReused),
            _ => return Err(DepositError::Replayed),
        }
        let receipt = book(tx.as_mut(), deposit).await?;
        let response = answer(&receipt)?;
        tx.once().complete(&deposit.once, &response).await?;
        for event in deposit.events(&receipt) {
            tx.emit(&event).await?;
        }
        tx.commit().await?;
        Ok(response)
    }

    /// Opens an account with so many minor units, unless the person has it already; whether it is new.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed.
    pub async fn open(&self, person: &Person, currency: &str, minor: u64, now: Moment) -> Result<bool, StoreError> {
        let minor = i64::try_from(minor).map_err(|_| StoreError::Overflow)?;
        let mut tx = self.store.begin().await?;
        let is_new = tx.accounts().open(person, currency, now).await?;
        if is_new && minor > 0 {
            tx.accounts().deposit(person, currency, minor, &Entry::new("opening", None, now)).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }
}

/// Moves the money.
async fn book(tx: &mut dyn store::Tx, deposit: &Deposit) -> Result<DepositReceipt, DepositError> {
    let DepositRequest { currency, minor } = &deposit.order;
    let entry = Entry::new("deposit", Some(deposit.origin.txn.clone()), deposit.now);
    let signed = i64::try_from(*minor).map_err(|_| DepositError::TooMuch)?;
    let balance_minor = tx.accounts().deposit(&deposit.once.person, currency, signed, &entry).await?;
    // Every reader of JSON must see the same balance (RFC 7493 §2.2).
    if u64::try_from(balance_minor).is_ok_and(|balance| balance > MAX_INTEGER) {
        return Err(DepositError::TooMuch);
    }
    Ok(DepositReceipt {
        id: entry.id.to_string(),
        currency: currency.clone(),
        minor: *minor,
        balance_minor,
        created_at: deposit.now.seconds(),
    })
}

fn answer(receipt: &DepositReceipt) -> Result<StoredResponse, DepositError> {
    let body = serde_json::to_vec(receipt).map_err(|_| StoreError::Corrupt("receipt"))?;
    let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
    Ok(StoredResponse {
        status: 201,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body,
    })
}

impl Deposit {
    fn events(&self, receipt: &DepositReceipt) -> [Event; 2] {
        let Origin { iss, jti, txn, depth, verifier } = &self.origin;
        let seconds = self.now.seconds();
        let token = json!({"format": "jwt_id", "iss": iss, "jti": jti});
        let person = json!({"format": "iss_sub", "iss": self.once.person.dpa, "sub": self.once.person.dpr});
        let validated =
            json!({"verifier": verifier, "depth": depth, "count": 1, "first_seen": seconds, "last_seen": seconds});
        let deposited = json!({
            "id": receipt.id, "currency": receipt.currency, "minor": receipt.minor,
            "balance_minor": receipt.balance_minor,
        });
        [
            Event::new(VALIDATED, token, validated, Some(txn.clone()), self.now),
            Event::new(DEPOSITED, person, deposited, Some(txn.clone()), self.now),
        ]
    }
}

#[cfg(test)]
mod tests;
