//! Starting and ending the provider.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use mesh::web::{Terminator, TerminatorError};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Algorithm, GrantError, KeyError, Settings, authorize, discovery, exchange, login, logout, pages,
    provider::Provider, userinfo,
};

/// The provider could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is reachable from other machines, and this provider is not fit for that.
    #[error("dev-idp listens on loopback only, not on {0}: it is not for production")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no TLS with this certificate and key.
    #[error("https cannot be served")]
    Https(#[from] TerminatorError),
}

/// A running provider; dropped, it ends without waiting for requests in flight.
#[derive(Debug)]
pub struct DevIdp {
    /// The address it listens on.
    pub addr: SocketAddr,
    provider: Arc<Provider>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl DevIdp {
    /// Listens, and serves until [`DevIdp::shutdown`]. Keys are made in the background: a token waits for its key.
    ///
    /// # Errors
    /// [`StartError::NotLoopback`] for an address that is not loopback, [`StartError::Listen`] if it is taken.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        if !settings.listen.ip().is_loopback() && !settings.danger_listen_anywhere {
            return Err(StartError::NotLoopback(settings.listen));
        }
        let failed = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let https = settings.https.clone();
        let issuer = settings.issuer.clone().unwrap_or_else(|| format!("http://{addr}{}", settings.shape.path()));
        tracing::warn!(%addr, issuer, "dev-idp is an identity provider for development: NEVER use it in production");
        let provider = Arc::new(Provider::new(settings, issuer, addr.port()));
        let stop = CancellationToken::new();
        if let Some(https) = https {
            let failed = |source| StartError::Listen { address: https.listen, source };
            let listener = TcpListener::bind(https.listen).await.map_err(failed)?;
            let terminator = Terminator::new(&https.certificates, &https.key)?;
            let inside = SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()));
            tokio::spawn(terminator.serve(listener, inside, stop.clone()));
        }
        let serve =
            axum::serve(listener, router(provider.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
        let served = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "dev-idp ended");
            }
        });
        Ok(Self { addr, provider, stop, served })
    }

    /// The `iss` of its tokens, and where its discovery document is found.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// An access token for the person called `name`, as a direct grant by `bank-cli` would give it.
    ///
    /// # Errors
    /// [`GrantError::InvalidGrant`] for an unknown name, [`GrantError::InvalidScope`] for a scope nobody may ask for.
    pub async fn direct_grant(&self, name: &str, scope: &str) -> Result<String, GrantError> {
        self.provider.direct_grant(name, scope).await
    }

    /// Signs any claims at all with the provider's key, for tests of whoever must refuse them.
    ///
    /// # Errors
    /// [`KeyError::Ended`] if `algorithm` is not one this provider was started with.
    pub async fn danger_sign(&self, algorithm: Algorithm, typ: &str, claims: &Value) -> Result<String, KeyError> {
        self.provider.keys.key(algorithm).await?.sign(Some(typ), claims)
    }

    /// Tells `client` of logouts at `uri` too (OpenID Connect Back-Channel Logout 1.0), as if it had been registered
    /// with it; for receivers whose address is known only after the provider's.
    pub fn tell_of_logouts(&self, client: &str, uri: &str) {
        self.provider.register(client, uri);
    }

    /// Logs the person called `name` out of every session, as an administrator does; how many there were. Whoever
    /// wants to know of it has been told when this returns.
    pub async fn log_out(&self, name: &str) -> usize {
        let sessions = self.provider.sessions_of(name);
        for sid in &sessions {
            self.provider.log_out(sid).await;
        }
        sessions.len()
    }

    /// Ends one session and tells whoever wants to know of it; whether there was one.
    pub async fn end_session(&self, sid: &str) -> bool {
        self.provider.log_out(sid).await
    }

    /// Stops accepting, waits for requests in flight, and ends.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.served).await {
            tracing::error!(%error, "dev-idp did not end well");
        }
    }
}

impl Drop for DevIdp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Everything at the root, where its pages look for it, and at the issuer's path, where clients do.
pub(crate) fn router(provider: Arc<Provider>) -> Router {
    let path = provider.settings.shape.path();
    let routes = routes(provider);
    if path.trim_end_matches('/').is_empty() { routes } else { Router::new().nest(&path, routes.clone()).merge(routes) }
}

fn routes(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/jwks", get(discovery::jwks))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/login", post(login::post))
        .route("/token", post(exchange::post))
        .route("/userinfo", get(userinfo::answer).post(userinfo::answer))
        .route("/end-session", get(logout::get).post(logout::post))
        .route("/end-session/confirm", post(logout::confirmed))
        .route("/style.css", get(pages::stylesheet))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(provider)
}
