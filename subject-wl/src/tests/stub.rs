//! A bank without a mesh: it knows people by their access token and counts what is asked of it.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chassis::async_trait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use token::Mode;
use wire::{
    bank::{
        Account, AccountNumber, Balance, DepositReceipt, DepositRequest, Transaction, TransactionKind, Transactions,
        TransferReceipt, TransferRequest,
    },
    problem::{ProblemDocument, ProblemKind},
};

use crate::{
    bank::{Bank, BankError, Errand},
    trail::{Segment, Trail},
};

/// A person's account number.
pub(crate) fn number(dpr: &str) -> AccountNumber {
    AccountNumber::of(dpr.bytes().fold(7, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte)))
}

#[derive(Default)]
pub(crate) struct StubBank {
    accounts: Mutex<HashMap<String, i64>>,
    /// Deposits asked for: mode and key of each.
    pub(crate) deposits: Mutex<Vec<(Mode, String)>>,
    /// Transfers asked for: mode, key and order of each.
    pub(crate) transfers: Mutex<Vec<(Mode, String, TransferRequest)>>,
    /// Everybody's movements, oldest first.
    moved: Mutex<Vec<(String, Transaction)>>,
    pub(crate) enquiries: AtomicUsize,
    fail: Mutex<Option<BankError>>,
}

pub(crate) fn refused(kind: ProblemKind, minting: bool) -> BankError {
    let mut document = Box::new(ProblemDocument::new(kind));
    document.culprit = Some("spiffe://bank.example/middle-tier-2".to_owned());
    BankError::Refused { hop: "spiffe://bank.example/middle-tier-1".to_owned(), minting, document }
}

/// What target-wl says of an overdraft.
fn overdrawn() -> BankError {
    let mut document = Box::new(ProblemDocument::new(ProblemKind::Conflict));
    document.detail = Some("the account holds less than this".to_owned());
    BankError::Refused { hop: "spiffe://bank.example/middle-tier-1".to_owned(), minting: false, document }
}

impl StubBank {
    /// The next call fails like this.
    pub(crate) fn fail(&self, error: BankError) {
        *self.fail.lock().unwrap() = Some(error);
    }

    fn book(
        &self,
        dpr: &str,
        kind: TransactionKind,
        minor: i64,
        balance_minor: i64,
        counterparty: Option<AccountNumber>,
        note: Option<String>,
    ) {
        let mut moved = self.moved.lock().unwrap();
        let (id, currency) = (format!("m{}", moved.len()), "USD".to_owned());
        let row =
            Transaction { id, kind, currency, minor, balance_minor, counterparty, note, created_at: 1_800_000_000 };
        moved.push((dpr.to_owned(), row));
    }

    fn person(&self, errand: &Errand<'_>) -> Result<(String, Value), BankError> {
        if let Some(error) = self.fail.lock().unwrap().take() {
            return Err(error);
        }
        let token = errand.holder.access_token.expose_secret();
        let claims: Value = serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
        Ok((claims["sub"].as_str().unwrap().to_owned(), claims))
    }
}

#[async_trait]
impl Bank for StubBank {
    async fn account(&self, errand: &Errand<'_>) -> Result<Account, BankError> {
        self.enquiries.fetch_add(1, Ordering::SeqCst);
        let (dpr, _) = self.person(errand)?;
        let minor = self.accounts.lock().unwrap().get(&dpr).copied();
        let minor = minor.ok_or_else(|| refused(ProblemKind::UnknownAccount, false))?;
        let balances = vec![Balance { currency: "USD".to_owned(), minor }];
        Ok(Account { dpa: "dpa".to_owned(), account: number(&dpr), dpr, balances })
    }

    async fn deposit(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &DepositRequest,
    ) -> Result<DepositReceipt, BankError> {
        self.deposits.lock().unwrap().push((errand.mode, key.to_owned()));
        let (dpr, _) = self.person(errand)?;
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut accounts = self.accounts.lock().unwrap();
        let minor = i64::try_from(request.minor).unwrap();
        let balance = accounts.entry(dpr.clone()).or_default();
        *balance += minor;
        self.book(&dpr, TransactionKind::Deposit, minor, *balance, None, None);
        Ok(DepositReceipt {
            id: key.to_owned(),
            currency: request.currency.clone(),
            minor: request.minor,
            balance_minor: *balance,
            created_at: 0,
        })
    }

    async fn transfer(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &TransferRequest,
    ) -> Result<TransferReceipt, BankError> {
        self.transfers.lock().unwrap().push((errand.mode, key.to_owned(), request.clone()));
        let (dpr, _) = self.person(errand)?;
        let minor = i64::try_from(request.minor).unwrap();
        let mut accounts = self.accounts.lock().unwrap();
        let payee = accounts.keys().find(|known| number(known) == request.to).cloned();
        let payee = payee.ok_or_else(|| refused(ProblemKind::UnknownAccount, false))?;
        let left = accounts.get(&dpr).copied().unwrap_or_default() - minor;
        if left < 0 {
            return Err(overdrawn());
        }
        accounts.insert(dpr.clone(), left);
        let received = accounts.get(&payee).copied().unwrap_or_default() + minor;
        accounts.insert(payee.clone(), received);
        let note = request.note.clone();
        self.book(&dpr, TransactionKind::TransferOut, -minor, left, Some(request.to), note.clone());
        self.book(&payee, TransactionKind::TransferIn, minor, received, Some(number(&dpr)), note.clone());
        Ok(TransferReceipt {
            id: key.to_owned(),
            to: request.to,
            currency: request.currency.clone(),
            minor: request.minor,
            note,
            balance_minor: left,
            created_at: 0,
        })
    }

    async fn transactions(&self, errand: &Errand<'_>, after: Option<&str>) -> Result<Transactions, BankError> {
        let (dpr, _) = self.person(errand)?;
        let moved = self.moved.lock().unwrap();
        let mut theirs: Vec<_> =
            moved.iter().rev().filter(|(who, _)| *who == dpr).map(|(_, row)| row.clone()).collect();
        if let Some(after) = after {
            let place = theirs.iter().position(|row| row.id == after);
            theirs.drain(..=place.ok_or_else(|| refused(ProblemKind::InvalidRequest, false))?);
        }
        let next = (theirs.len() > 3).then(|| theirs[2].id.clone());
        theirs.truncate(3);
        Ok(Transactions { transactions: theirs, next })
    }

    async fn token(&self, errand: &Errand<'_>) -> Result<Trail, BankError> {
        let (dpr, claims) = self.person(errand)?;
        let at = claims["iat"].as_u64().unwrap();
        let object = |value: Value| value.as_object().unwrap().clone();
        let root = Segment {
            header: object(json!({"typ": errand.mode.root_type(), "alg": "ES256", "x5t#S256": "Z8e1…"})),
            claims: object(json!({
                "iss": "spiffe://bank.example/asserting-wl", "sub": "spiffe://bank.example/subject-wl",
                "aud": ["spiffe://bank.example/target-wl"], "dpa": claims["iss"], "dpr": dpr, "scope": claims["scope"],
                "aat": at, "oat": at, "auth_time": claims["auth_time"], "iat": at, "exp": at + 120,
                "jti": "q83vEjRWeJq83vEjRWeJqw", "txn": "EjRWeJq83vEjRWeJq83vEg", "acr": "<script>alert(2)</script>",
            })),
        };
        let link = Segment {
            header: object(json!({"typ": "dasvid-link+jwt", "alg": "ES256", "x5t#S256": "p2Q…"})),
            claims: object(json!({
                "iss": "spiffe://bank.example/subject-wl", "aud": "spiffe://bank.example/middle-tier-1",
                "iat": at, "exp": at + 60, "jti": "AAECAwQFBgcICQoLDA0ODw",
                "prv": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
                "rqd": "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
                "only": {"methods": ["GET"], "paths": ["/v1/balance"], "scope": ["accounts.read"]},
            })),
        };
        Ok(Trail { mode: errand.mode, size: 1432, segments: vec![root, link] })
    }
}
