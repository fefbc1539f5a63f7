//! One identity provider's keys: discovery (OpenID Connect Discovery 1.0 §4), JWKS, and the cache in front of them.
//!
//! asserting-wl checks access tokens with them, a verifier of rule 13 checks proofs; each reads the document in its own
//! way ([`KeySet`]). Only issuers of the policy get here, so no token can choose an address. Redirects are not followed (the client that
//! is passed in refuses them), answers are bounded in size and time, and a failed fetch never removes keys that are
//! less than an hour old.

mod metrics;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use token::Timestamp;
use token::provenance::IssuerKeys;
use tokio::sync::Mutex;
use url::{Host, Url};

pub use metrics::ProviderMetrics;

/// Largest discovery or JWKS document, bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Longest fetch of one document.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Keys older than this are fetched again, seconds.
const FRESH: u64 = 300;
/// Keys older than this are not used when the provider cannot be reached, seconds.
const STALE: u64 = 3600;
/// Least time between two fetches that an unknown `kid` or a failure causes, seconds.
const REFRESH_INTERVAL: u64 = 3;

/// Why a provider's keys cannot be had.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderError {
    /// An address of the provider is neither https nor http on loopback.
    #[error("an address of the identity provider is neither https nor http on loopback")]
    Address,
    /// The provider cannot be reached, or answers with an error status or a redirect.
    #[error("the identity provider did not answer with its keys")]
    Unreachable,
    /// The provider took longer than five seconds.
    #[error("the identity provider took too long")]
    Timeout,
    /// A document is larger than 256 KiB.
    #[error("a document of the identity provider is too large")]
    TooLarge,
    /// The discovery document is not JSON with `issuer` and `jwks_uri`.
    #[error("the identity provider's discovery document cannot be read")]
    Discovery,
    /// The discovery document names another issuer.
    #[error("the identity provider's discovery document names another issuer")]
    IssuerMismatch,
    /// The JWKS is unusable.
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

/// Why a provider's key document cannot be used.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not JSON with a `keys` array, or too many keys.
    #[error("the provider's JWKS is not a key set")]
    Malformed,
    /// Nothing in it can verify a signature.
    #[error("the provider's JWKS holds no usable signature key")]
    Empty,
}

/// A key document as its reader understands it.
pub trait KeySet: Sized + Send + Sync {
    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    /// [`KeySetError`] if it is none, or of no use.
    fn parse(document: &[u8]) -> Result<Self, KeySetError>;
}

impl KeySet for IssuerKeys {
    fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        Self::parse(document).map_err(|_| KeySetError::Malformed)
    }
}

/// Where one issuer's keys come from, and the last ones it had.
pub struct Provider<K> {
    issuer: String,
    http: reqwest::Client,
    current: Arc<RwLock<Option<Fetched<K>>>>,
    fetching: Mutex<LastAttempt>,
    counted: Fetches,
}

/// How often an issuer was asked for its keys; counted anew by whoever watches.
#[derive(Clone, Debug, Default)]
struct Fetches {
    done: Counter,
    failed: Counter,
}

struct Fetched<K> {
    keys: Arc<K>,
    at: Timestamp,
}

impl<K> Clone for Fetched<K> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), at: self.at }
    }
}

/// When the provider was last asked, and what went wrong then.
#[derive(Default)]
struct LastAttempt {
    at: Option<Timestamp>,
    error: Option<ProviderError>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl<K: KeySet> Provider<K> {
    /// A provider that is asked at the first token, over `http`, which must not follow redirects.
    #[must_use]
    pub fn new(issuer: &str, http: reqwest::Client) -> Self {
        Self {
            issuer: issuer.to_owned(),
            http,
            current: Arc::default(),
            fetching: Mutex::default(),
            counted: Fetches::default(),
        }
    }

    /// The same provider, whose keys `metrics` shows.
    #[must_use]
    pub fn measured(mut self, metrics: &ProviderMetrics) -> Self
    where
        K: 'static,
    {
        self.counted = metrics.fetches(&self.issuer);
        let current = Arc::clone(&self.current);
        metrics.age(&self.issuer, move || {
            current.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|keys| keys.at)
        });
        self
    }

    /// The keys to check one token with: a snapshot, so that a change during the request changes nothing.
    ///
    /// Keys that are not `enough`, for they lack a `kid`, cause one fetch, at most every three seconds.
    ///
    /// # Errors
    /// [`ProviderError`] if there are no keys less than an hour old and none can be fetched.
    pub async fn keys(&self, enough: impl Fn(&K) -> bool, now: Timestamp) -> Result<Arc<K>, ProviderError> {
        let known = self.current();
        let due = match &known {
            None => true,
            Some(fetched) => now.0.saturating_sub(fetched.at.0) > FRESH || !enough(&fetched.keys),
        };
        if !due && let Some(fetched) = known {
            return Ok(fetched.keys);
        }
        self.refresh(known.map(|fetched| fetched.at), now).await
    }

    /// Fetches unless another request just did, and falls back to keys that are not stale yet.
    async fn refresh(&self, seen: Option<Timestamp>, now: Timestamp) -> Result<Arc<K>, ProviderError> {
        let mut last = self.fetching.lock().await;
        let usable = |fetched: &Fetched<K>| now.0.saturating_sub(fetched.at.0) <= STALE;
        let current = self.current();
        let renewed = current.as_ref().map(|fetched| fetched.at) > seen;
        let too_soon = last.at.is_some_and(|at| now.0.saturating_sub(at.0) < REFRESH_INTERVAL);
        if renewed || too_soon {
            return match current.filter(usable) {
                Some(fetched) => Ok(fetched.keys),
                None => Err(last.error.unwrap_or(ProviderError::Unreachable)),
            };
        }
        last.at = Some(now);
        match tokio::time::timeout(FETCH_TIMEOUT * 2, self.fetch()).await.unwrap_or(Err(ProviderError::Timeout)) {
            Ok(keys) => {
                self.counted.done.inc();
                last.error = None;
                Ok(self.store(keys, now))
            }
            Err(error) => {
                self.counted.failed.inc();
                last.error = Some(error);
                let fetched = current.filter(usable).ok_or(error)?;
                tracing::warn!(issuer = %self.issuer, %error, "keys were not renewed; those at hand are used");
                Ok(fetched.keys)
            }
        }
    }

    fn current(&self) -> Option<Fetched<K>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn store(&self, keys: K, at: Timestamp) -> Arc<K> {
        let keys = Arc::new(keys);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Fetched { keys: Arc::clone(&keys), at });
        keys
    }

    /// The keys of the last fetch, unless they are an hour old.
    pub fn known(&self, now: Timestamp) -> Option<Arc<K>> {
        self.current().filter(|fetched| now.0.saturating_sub(fetched.at.0) <= STALE).map(|fetched| fetched.keys)
    }

    async fn fetch(&self) -> Result<K, ProviderError> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document = self.document(&address).await?;
        let discovery: Discovery = serde_json::from_slice(&document).map_err(|_| ProviderError::Discovery)?;
        if discovery.issuer != self.issuer {
            return Err(ProviderError::IssuerMismatch);
        }
        if self.issuer.starts_with("https:") && !discovery.jwks_uri.starts_with("https:") {
            return Err(ProviderError::Address);
        }
        Ok(K::parse(&self.document(&discovery.jwks_uri).await?)?)
    }

    async fn document(&self, address: &str) -> Result<Vec<u8>, ProviderError> {
        let url = allowed(address).ok_or(ProviderError::Address)?;
        let mut response = self.http.get(url).timeout(FETCH_TIMEOUT).send().await.map_err(|error| failure(&error))?;
        if response.status() != http::StatusCode::OK {
            return Err(ProviderError::Unreachable);
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if document.len() + chunk.len() > MAX_DOCUMENT {
                return Err(ProviderError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

fn failure(error: &reqwest::Error) -> ProviderError {
    if error.is_timeout() { ProviderError::Timeout } else { ProviderError::Unreachable }
}

/// The address, if it is https, or http on loopback.
#[must_use]
pub fn allowed(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let credentials = !url.username().is_empty() || url.password().is_some();
    (!credentials && (url.scheme() == "https" || (url.scheme() == "http" && loopback))).then_some(url)
}

#[cfg(test)]
mod tests;
