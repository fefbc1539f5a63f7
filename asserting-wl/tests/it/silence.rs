//! No token, key or signature is ever written to the log.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use http::Method;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::bank::{Bank, request};

/// Everything logged by this process, at every level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

static LOG: std::sync::LazyLock<Captured> = std::sync::LazyLock::new(Captured::default);

fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(LOG.clone());
        tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    });
}

#[tokio::test]
async fn no_token_is_logged() {
    capture();
    let bank = Bank::open("rfc9068").await;
    let mut secrets = vec![bank.token(), bank.token_with(json!({"aud": "other"})), "s3cret.s3cret.s3cret".to_owned()];
    for path in ["/mint", "/ecdsaassertion", "/mintassertion"] {
        for token in secrets.clone() {
            let (_, answer) = bank.post("subject-wl", path, &[("access_token", &token)]).await;
            if let Some(root) = answer["da_svid"].as_str() {
                secrets.push(root.to_owned());
            }
        }
    }
    for token in secrets.clone() {
        bank.post("subject-wl", "/introspect", &[("token", &token)]).await;
        bank.post("subject-wl", "/validate", &[("token", &token)]).await;
        let nonce = [("token", token.as_str()), ("nonce", "AAAAAAAAAAAAAAAAAAAAAA")];
        bank.post("verifier", "/introspect", &nonce).await;
        for (method, path) in [(Method::GET, "/mint?access_token="), (Method::POST, "/introspect?token=")] {
            let path = format!("{path}{token}");
            bank.send("subject-wl", request(method, &path, "application/x-www-form-urlencoded", "")).await.unwrap();
        }
    }
    bank.handle.shutdown().await;
    let log = String::from_utf8_lossy(&LOG.0.lock().unwrap()).into_owned();
    assert!(log.contains("the access token is for another audience"), "refusals are logged");
    for secret in &secrets {
        for part in secret.split('.').skip(1) {
            assert!(!log.contains(part), "a part of a token is in the log");
        }
    }
}
