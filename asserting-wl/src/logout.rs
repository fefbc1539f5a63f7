//! OpenID Connect Back-Channel Logout 1.0: an identity provider says that a person has logged out.
//!
//! It posts a signed logout token to a listener of its own, for it has no SPIFFE identity. Only issuers of the policy
//! are believed, each about its own people only. What is dead afterwards is the session (`sid`), or all logins of the
//! person (`sub`) so far; a later login lives. The answer comes after the record was committed.

mod error;
mod token;

use std::sync::Arc;

use ::token::Timestamp;
use ::token::revocation::RevocationKey;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chassis::form::Form;
use chassis::{Clock, Metrics, Rejected, problem};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use serde::Deserialize;
use store::{Moment, Store, Turn, retry};

use crate::oauth::OauthVerifier;
use crate::revocations::{Cause, Ledger, Revoked};

pub use error::LogoutError;
pub use token::LogoutToken;

/// Where the identity provider posts logout tokens.
pub const PATH: &str = "/backchannel-logout";

/// Takes logout tokens.
pub struct LogoutReceiver {
    /// Whose logout tokens count.
    pub oauth: Arc<OauthVerifier>,
    /// One of these must be in a logout token's `aud`: the client IDs this bank has at its providers.
    pub audience: Vec<String>,
    /// Where records are kept.
    pub store: Arc<dyn Store>,
    /// What is revoked.
    pub ledger: Arc<Ledger>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How many there were.
    pub counted: LogoutCounter,
}

/// Counts logout tokens by what became of them.
#[derive(Clone, Debug)]
pub struct LogoutCounter(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

impl LogoutCounter {
    /// Registers the counter.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        Self(metrics.register("logouts", "Logout tokens, by what became of them", Family::default()))
    }

    fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&Labels { outcome }).inc();
    }
}

impl LogoutReceiver {
    /// Verifies a logout token and records what it ends.
    ///
    /// # Errors
    /// [`LogoutError`]; nothing was recorded then.
    pub async fn receive(&self, logout_token: &str) -> Result<(), LogoutError> {
        let now = self.clock.now();
        let outcome = match LogoutToken::verify(&self.oauth, &self.audience, logout_token, now).await {
            Ok(token) => self.record(&token, now).await,
            Err(error) => Err(error),
        };
        self.counted.count(match &outcome {
            Ok(()) => "taken",
            Err(LogoutError::Store(_) | LogoutError::Provider(_)) => "failed",
            Err(_) => "refused",
        });
        outcome
    }

    async fn record(&self, token: &LogoutToken, now: Timestamp) -> Result<(), LogoutError> {
        retry(|| self.write(token, now)).await?;
        // The record stands; if the ledger cannot be read now, it follows within a second or goes silent.
        if let Err(error) = self.ledger.look(&*self.store, now).await {
            tracing::warn!(%error, "a logout was recorded and cannot be read back yet");
        }
        Ok(())
    }

    async fn write(&self, token: &LogoutToken, now: Timestamp) -> Result<(), LogoutError> {
        let mut tx = self.store.begin_for(&[Turn::Revocations]).await?;
        let until = Moment::from_seconds(token.remembered_until().0);
        if !tx.revocations().receive(&token.issuer, &token.id, until).await? {
            return Err(LogoutError::Replayed);
        }
        revoked(token).record(&mut *tx, now).await?;
        Ok(tx.commit().await?)
    }
}

/// The most specific record: the session where there is one, else every login of the person so far.
fn revoked(token: &LogoutToken) -> Revoked {
    let dpa = token.issuer.clone();
    let (key, not_after_iat) = match (&token.session, &token.person) {
        (Some(sid), _) => (RevocationKey::Session { dpa, sid: sid.clone() }, None),
        (None, person) => {
            let dpr = person.clone().unwrap_or_default();
            (RevocationKey::Person { dpa, dpr }, Some(token.issued_at))
        }
    };
    let source = (token.issuer.clone(), token.id.clone());
    Revoked { key, not_after_iat, cause: Cause::Logout, source, txn: None }
}

/// The routes of the identity providers' listener.
pub fn router(receiver: Arc<LogoutReceiver>) -> Router {
    problem::fallbacks(Router::new().route(PATH, post(answer))).with_state(receiver)
}

/// The form of a logout request (§2.5).
#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// §2.8: 200 or 400, and nothing may be cached.
async fn answer(State(receiver): State<Arc<LogoutReceiver>>, Form(form): Form<LogoutForm>) -> Response {
    match receiver.receive(&form.logout_token).await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => Rejected(error).into_response(),
    }
}
