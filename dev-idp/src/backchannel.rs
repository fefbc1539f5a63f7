//! Telling clients that a person has logged out (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    KeyError,
    cookie::random,
    provider::{Provider, Session},
};

/// The `typ` of a logout token.
const LOGOUT: &str = "logout+jwt";
/// How long a logout token is good for, in seconds.
const LIFE: u64 = 120;
/// How long a client may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends logout tokens. Whoever cannot be told is told no second time.
#[derive(Clone, Debug)]
pub(crate) struct Messenger(Option<reqwest::Client>);

impl Messenger {
    pub(crate) fn new() -> Self {
        let settings = mesh::web::WebSettings { timeout: PATIENCE, ..mesh::web::WebSettings::default() };
        let client = mesh::web::client(settings);
        Self(client.inspect_err(|error| tracing::error!(%error, "nobody will be told of logouts")).ok())
    }

    async fn send(self, uri: String, logout_token: String) {
        let Some(http) = self.0 else { return };
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &logout_token).finish();
        let request = http.post(&uri).header("content-type", "application/x-www-form-urlencoded").body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => tracing::debug!(uri, "told of a logout"),
            Ok(answer) => tracing::warn!(uri, status = answer.status().as_u16(), "refused to hear of a logout"),
            Err(error) => tracing::warn!(uri, %error, "could not be told of a logout"),
        }
    }
}

impl Provider {
    /// Ends a session and tells every client that wants to know; returns when all have answered or taken too long.
    pub(crate) async fn log_out(&self, sid: &str) -> bool {
        let Some(session) = self.end_session(sid) else { return false };
        tracing::info!("a person logged out");
        let mut told = JoinSet::new();
        for (client, uri) in self.listeners() {
            match self.logout_token(&client, &session).await {
                Ok(token) => {
                    told.spawn(self.messenger.clone().send(uri, token));
                }
                Err(error) => tracing::error!(%error, "a logout token could not be signed"),
            }
        }
        told.join_all().await;
        true
    }

    async fn logout_token(&self, client: &str, session: &Session) -> Result<String, KeyError> {
        let algorithm = self.client(client).map_or(self.settings.alg, |client| self.algorithm(client));
        self.keys.key(algorithm).await?.sign(Some(LOGOUT), &self.logout_claims(client, session))
    }

    fn logout_claims(&self, client: &str, session: &Session) -> Value {
        let now = self.now();
        json!({
            "iss": self.issuer,
            "aud": client,
            "iat": now,
            "exp": now.saturating_add(LIFE),
            "jti": random::<16>(),
            "sub": session.person.sub,
            "sid": session.sid,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        })
    }
}
