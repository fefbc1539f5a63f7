//! A verifier's own view of the identity providers' keys.

use std::collections::HashMap;
use std::sync::Arc;

use token::provenance::{IssuerKeys, Issuers};

use crate::clock::Clock;
use crate::provider::{self, Provider, ProviderError, ProviderMetrics};

/// The keys of the issuers a policy lists, fetched from each of them and kept as [`Provider`] keeps them.
pub struct IssuerCache {
    providers: HashMap<String, Provider<IssuerKeys>>,
    clock: Arc<dyn Clock>,
}

/// An issuer whose keys may not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("issuer `{0}`: the address must be https, or http on loopback")]
pub struct IssuerAddress(String);

impl IssuerCache {
    /// A cache of these issuers' keys, which are fetched over `http` when they are needed first. That client must not
    /// follow redirects.
    ///
    /// # Errors
    /// [`IssuerAddress`] if an issuer is neither https nor http on loopback.
    pub fn new(issuers: &[String], http: &reqwest::Client, clock: Arc<dyn Clock>) -> Result<Self, IssuerAddress> {
        if let Some(refused) = issuers.iter().find(|issuer| provider::allowed(issuer).is_none()) {
            return Err(IssuerAddress(refused.clone()));
        }
        let providers = issuers.iter().map(|issuer| (issuer.clone(), Provider::new(issuer, http.clone()))).collect();
        Ok(Self { providers, clock })
    }

    /// The same cache, whose keys `metrics` shows.
    #[must_use]
    pub fn measured(mut self, metrics: &ProviderMetrics) -> Self {
        let measured = |(issuer, provider): (String, Provider<IssuerKeys>)| (issuer, provider.measured(metrics));
        self.providers = self.providers.into_iter().map(measured).collect();
        self
    }

    /// Sees to it that there are keys of `issuer` and that they are not old.
    ///
    /// # Errors
    /// [`ProviderError`] if there are no keys less than an hour old and none can be fetched. An issuer that is not listed
    /// is no error: it has no keys.
    pub async fn renew(&self, issuer: &str) -> Result<(), ProviderError> {
        self.fetch(issuer, true).await
    }

    /// Fetches the keys of `issuer` because one of them is not known, at most every three seconds.
    ///
    /// # Errors
    /// As for [`renew`](Self::renew).
    pub async fn look_again(&self, issuer: &str) -> Result<(), ProviderError> {
        self.fetch(issuer, false).await
    }

    async fn fetch(&self, issuer: &str, enough: bool) -> Result<(), ProviderError> {
        match self.providers.get(issuer) {
            Some(provider) => provider.keys(|_| enough, self.clock.now()).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Issuers for IssuerCache {
    fn keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        self.providers.get(issuer)?.known(self.clock.now())
    }
}

impl std::fmt::Debug for IssuerCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.providers.keys()).finish()
    }
}
