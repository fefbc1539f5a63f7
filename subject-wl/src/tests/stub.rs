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
    bank::{Account, DepositReceipt, DepositRequest},
    problem::{ProblemDocument, ProblemKind},
};

use crate::{
    bank::{Bank, BankError, Errand},
    trail::{Segment, Trail},
};

/// Everybody's account number.
const ACCOUNT: &str = "123456789092";

#[derive(Default)]
pub(crate) struct StubBank {
    accounts: Mutex<HashMap<String, i64>>,
    /// Deposits asked for: mode and key of each.
    pub(crate) deposits: Mutex<Vec<(Mode, String)>>,
    pub(crate) enquiries: AtomicUsize,
    fail: Mutex<Option<BankError>>,
}

pub(crate) fn refused(kind: ProblemKind, minting: bool) -> BankError {
    let mut document = Box::new(ProblemDocument::new(kind));
    document.culprit = Some("spiffe://bank.example/middle-tier-2".to_owned());
    BankError::Refused { hop: "spiffe://bank.example/middle-tier-1".to_owned(), minting, document }
}

impl StubBank {
    /// The next call fails like this.
    pub(crate) fn fail(&self, error: BankError) {
        *self.fail.lock().unwrap() = Some(error);
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
        let account = json!({
            "dpa": "dpa", "dpr": dpr, "account": ACCOUNT, "balances": [{"currency": "USD", "minor": minor}],
        });
        Ok(serde_json::from_value(account).unwrap())
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
        let balance = accounts.entry(dpr).or_default();
        *balance += i64::try_from(request.minor).unwrap();
        Ok(DepositReceipt {
            id: key.to_owned(),
            currency: request.currency.clone(),
            minor: request.minor,
            balance_minor: *balance,
            created_at: 0,
        })
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
