//! The provider seen from outside: a browser, a client and their attackers.

mod attacks;
mod backchannel;
mod browser;
mod flow;
mod shapes;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Client, Clock, Settings, provider::Provider, server::router};
use browser::Browser;

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const VERIFIER: &str = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:8080/callback";
const ISSUER: &str = "http://127.0.0.1:8090";

/// A provider under a clock that stands still until it is moved.
pub(crate) struct World {
    pub(crate) app: axum::Router,
    pub(crate) provider: Arc<Provider>,
    now: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let now = Arc::new(AtomicU64::new(START));
        let told = now.clone();
        let mut settings = Settings { clock: Clock::new(move || told.load(Ordering::Relaxed)), ..Settings::default() };
        settings.clients.push(confidential());
        change(&mut settings);
        let issuer = format!("{ISSUER}{}", settings.shape.path());
        let provider = Arc::new(Provider::new(settings, issuer, 8090));
        Self { app: router(provider.clone()), provider, now }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.app.clone())
    }
}

/// A client with a secret that uses the code flow.
fn confidential() -> Client {
    Client { id: "bank-back".to_owned(), secret: Some("back-secret".to_owned()), ..Client::bank_web() }
}

pub(crate) fn challenge() -> String {
    BASE64.encode(Sha256::digest(VERIFIER))
}

/// The query of an ordinary authorization request, with `change`s: an empty value removes a parameter.
pub(crate) fn asking(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "bank-web"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile accounts.read payments.write"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    format!("/authorize?{}", form(&pairs))
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The fields of a code exchange, with changes as for [`asking`].
pub(crate) fn exchange(code: &str, changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "bank-web"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    form(&pairs)
}

/// The unverified part `index` of a token.
pub(crate) fn part(token: &Value, index: usize) -> Value {
    let part = token.as_str().unwrap().split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}
