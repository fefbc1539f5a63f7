//! A messenger that does not give up: brings logout tokens from the provider to one replica of asserting-wl after the
//! other until one has taken it, and remembers which were taken.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// How often a token is brought before it is given up.
const ATTEMPTS: u32 = 200;

/// The messenger.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where the provider posts logout tokens.
    pub(crate) url: Url,
    street: Arc<Street>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Street {
    http: reqwest::Client,
    receivers: Vec<Url>,
    /// Sessions whose logout was acknowledged.
    taken: Mutex<BTreeSet<String>>,
    is_cut: AtomicBool,
}

impl Relay {
    /// Listens at `address` for logout tokens that go to `receivers`.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn start(address: SocketAddr, receivers: Vec<Url>) -> anyhow::Result<Self> {
        mesh::install_crypto();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let street = Arc::new(Street { http, receivers, taken: Mutex::default(), is_cut: AtomicBool::new(false) });
        let listener = TcpListener::bind(address).await?;
        let router = Router::new().route("/logout", post(bring)).with_state(Arc::clone(&street));
        let serving = tokio::spawn(async move {
            // It ends with the laboratory.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url: Url::parse(&format!("http://{address}/logout"))?, street, serving })
    }

    /// Loses every message, or no longer.
    pub(crate) fn set_cut(&self, is_cut: bool) {
        self.street.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// The `sid` of every logout that was acknowledged.
    pub(crate) fn taken(&self) -> BTreeSet<String> {
        self.street.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn bring(State(street): State<Arc<Street>>, body: String) -> StatusCode {
    if street.is_cut.load(Ordering::Relaxed) {
        return StatusCode::BAD_GATEWAY;
    }
    // The provider waits a few seconds only; the message goes on without it.
    let brought = tokio::spawn(async move { street.bring(&body).await });
    if brought.await.unwrap_or(false) { StatusCode::OK } else { StatusCode::BAD_GATEWAY }
}

impl Street {
    /// Whether somebody took it.
    async fn bring(&self, body: &str) -> bool {
        for _ in 0..ATTEMPTS {
            for receiver in &self.receivers {
                let request = self.http.post(receiver.clone()).body(body.to_owned());
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                    let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                    taken.extend(session(body));
                    return true;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

/// The `sid` of a posted logout token.
fn session(body: &str) -> Option<String> {
    let token = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "logout_token")?.1;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims.get("sid")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_session_of_a_logout_token() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sid":"s-1"}"#);
        assert_eq!(session(&format!("logout_token=e30.{payload}.x")), Some("s-1".to_owned()));
        assert_eq!(session("logout_token=x"), None);
    }
}
