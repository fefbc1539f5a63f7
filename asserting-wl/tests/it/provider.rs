//! An identity provider that says whatever a test wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use serde_json::{Value, json};

/// A key of a provider.
pub(crate) struct Key {
    pub(crate) kid: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) signing: SigningKey,
}

impl Key {
    pub(crate) fn generate(kid: &'static str, algorithm: Algorithm) -> Self {
        let pkcs8 = SigningKey::generate(algorithm).unwrap();
        Self { kid, algorithm, signing: SigningKey::from_pkcs8(&pkcs8).unwrap() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let encode = |bytes: &Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        let members = match self.signing.public_key().members() {
            JwkMembers::Ec { crv, x, y } => json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)}),
            JwkMembers::Rsa { e, n } => json!({"kty": "RSA", "e": encode(e), "n": encode(n)}),
            JwkMembers::Okp { crv, x } => json!({"kty": "OKP", "crv": crv, "x": encode(x)}),
        };
        let mut jwk = members;
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm.name());
        jwk
    }

    /// A JWT of exactly these texts.
    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signing.sign(self.algorithm, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A JWT of these claims under the usual header, with `typ`.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "typ": typ, "kid": self.kid});
        self.sign_text(&header.to_string(), &claims.to_string())
    }
}

/// What a provider answers, to be changed during a test.
pub(crate) struct Answers {
    pub(crate) issuer: String,
    pub(crate) discovery: Option<Value>,
    pub(crate) jwks: String,
    pub(crate) redirect_to: Option<String>,
    pub(crate) status: StatusCode,
}

/// A running provider on a loopback port.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) answers: Arc<Mutex<Answers>>,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Served {
    answers: Arc<Mutex<Answers>>,
    requests: Arc<AtomicUsize>,
}

impl Provider {
    /// Starts a provider that publishes these keys.
    pub(crate) async fn start(keys: &[&Key]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/bank", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(Answers {
            issuer: issuer.clone(),
            discovery: None,
            jwks: jwks(keys),
            redirect_to: None,
            status: StatusCode::OK,
        }));
        let requests = Arc::new(AtomicUsize::new(0));
        let served = Served { answers: Arc::clone(&answers), requests: Arc::clone(&requests) };
        let router = Router::new()
            .route("/realms/bank/.well-known/openid-configuration", get(discovery))
            .route("/realms/bank/jwks", get(keys_document))
            .with_state(served);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, answers, requests }
    }

    /// How often anything was asked of this provider.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        self.answers.lock().unwrap().jwks = jwks(keys);
    }
}

fn jwks(keys: &[&Key]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

async fn discovery(State(served): State<Served>) -> Response {
    served.requests.fetch_add(1, Ordering::SeqCst);
    let answers = served.answers.lock().unwrap();
    if let Some(elsewhere) = &answers.redirect_to {
        return Redirect::temporary(elsewhere).into_response();
    }
    let usual = json!({"issuer": answers.issuer, "jwks_uri": format!("{}/jwks", answers.issuer)});
    (answers.status, Json(answers.discovery.clone().unwrap_or(usual))).into_response()
}

async fn keys_document(State(served): State<Served>) -> Response {
    served.requests.fetch_add(1, Ordering::SeqCst);
    served.answers.lock().unwrap().jwks.clone().into_response()
}
