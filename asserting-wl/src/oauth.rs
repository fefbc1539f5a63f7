//! Verification of OAuth access tokens: which issuers count, where their keys come from, what a token must say.
//!
//! The issuer is compared with the policy, byte by byte, before anything is fetched: a token never chooses an address.
//! Then the algorithm is compared with the issuer's list, the keys are taken once, the signature is checked, and only
//! then are the claims read.

mod claims;
mod compact;
mod error;
mod keys;
mod profile;

use std::collections::{HashMap, HashSet};

use chassis::provider::{self, Provider, ProviderMetrics};
use crypto::jose::PublicKey;
use spiffe::SpiffeId;
use token::Timestamp;
use token::json::{Object, Value};
use token::policy::{Issuer, Profile};

pub use claims::AccessToken;
use claims::Expected;
use compact::Compact;
pub use error::{IssuerError, OauthError};
pub use keys::{KeyMismatch, ProviderKeys, SignatureAlgorithm};

/// Verifies access tokens of the issuers in the policy.
pub struct OauthVerifier {
    issuers: HashMap<String, TrustedIssuer>,
}

/// One `[[issuer]]` of the policy, and its keys.
struct TrustedIssuer {
    profile: Profile,
    audience: Vec<String>,
    clients: Vec<String>,
    algs: Vec<SignatureAlgorithm>,
    provider: Provider<ProviderKeys>,
}

impl OauthVerifier {
    /// A verifier for these issuers, which fetches their keys over `http`. That client must not follow redirects.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn new(issuers: &[Issuer], http: &reqwest::Client) -> Result<Self, IssuerError> {
        Self::check(issuers)?;
        let trusted = |issuer: &Issuer| {
            let provider = Provider::new(&issuer.url, http.clone());
            let Issuer { url, profile, audience, clients, algs } = issuer.clone();
            let algs = algs.iter().filter_map(|alg| SignatureAlgorithm::from_name(alg)).collect();
            (url, TrustedIssuer { profile, audience, clients, algs, provider })
        };
        Ok(Self { issuers: issuers.iter().map(trusted).collect() })
    }

    /// The same verifier, whose issuers' keys `metrics` shows.
    #[must_use]
    pub fn measured(mut self, metrics: &ProviderMetrics) -> Self {
        let measured = |issuer: TrustedIssuer| TrustedIssuer { provider: issuer.provider.measured(metrics), ..issuer };
        self.issuers = self.issuers.into_iter().map(|(url, issuer)| (url, measured(issuer))).collect();
        self
    }

    /// Finds what is wrong with the issuers of a policy.
    ///
    /// # Errors
    /// [`IssuerError`]; the first issuer that cannot be used, and why.
    pub fn check(issuers: &[Issuer]) -> Result<(), IssuerError> {
        let mut seen = HashSet::new();
        for issuer in issuers {
            let url = || issuer.url.clone();
            if !seen.insert(&issuer.url) {
                return Err(IssuerError::Repeated(url()));
            }
            if provider::allowed(&issuer.url).is_none() {
                return Err(IssuerError::Address(url()));
            }
            for (list, name) in [(&issuer.audience, "audience"), (&issuer.algs, "algs")] {
                if list.is_empty() {
                    return Err(IssuerError::Empty(url(), name));
                }
            }
            if let Some(alg) = issuer.algs.iter().find(|alg| SignatureAlgorithm::from_name(alg).is_none()) {
                return Err(IssuerError::Algorithm(url(), alg.clone()));
            }
        }
        Ok(())
    }

    /// Verifies a token that `caller` presents.
    ///
    /// # Errors
    /// [`OauthError`]; the first check that fails, in the order of this module's description.
    pub async fn verify(&self, token: &str, caller: &SpiffeId, now: Timestamp) -> Result<AccessToken, OauthError> {
        let Signed { compact, issuer } = self.authenticate(token, now).await?;
        let expected = Expected {
            profile: issuer.profile,
            audience: &issuer.audience,
            clients: &issuer.clients,
            caller: &caller.to_string(),
        };
        claims::read(&compact.header, &compact.claims, &expected, now)
    }

    /// The key under which a token that was just verified can be proven to be signed; `None` where no proof is defined.
    pub(crate) fn proving_key(&self, token: &str, now: Timestamp) -> Option<PublicKey> {
        let compact = Compact::parse(token).ok()?;
        let issuer = self.issuers.get(compact.claims.get("iss").and_then(Value::as_str)?)?;
        let keys = issuer.provider.known(now)?;
        keys.proving(compact.header.kid.as_deref(), compact.header.algorithm).cloned()
    }

    /// Verifies that a token of any kind is signed by an issuer of the policy, and nothing more.
    pub(crate) async fn authenticate<'a>(&'a self, token: &'a str, now: Timestamp) -> Result<Signed<'a>, OauthError> {
        let compact = Compact::parse(token)?;
        let issuer = compact.claims.get("iss").and_then(Value::as_str).ok_or(OauthError::Claim("iss"))?;
        let issuer = self.issuers.get(issuer).ok_or(OauthError::Issuer)?;
        if !issuer.algs.contains(&compact.header.algorithm) {
            return Err(OauthError::Algorithm);
        }
        issuer.check_signature(&compact, now).await?;
        Ok(Signed { compact, issuer })
    }
}

/// A token whose issuer and signature were checked; what kind it is and what it says was not.
pub(crate) struct Signed<'a> {
    compact: Compact<'a>,
    issuer: &'a TrustedIssuer,
}

impl Signed<'_> {
    pub(crate) fn claims(&self) -> &Object {
        &self.compact.claims
    }

    pub(crate) fn profile(&self) -> Profile {
        self.issuer.profile
    }

    /// The header's `typ`, as it was written.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.compact.header.typ.as_deref()
    }
}

impl TrustedIssuer {
    async fn check_signature(&self, compact: &Compact<'_>, now: Timestamp) -> Result<(), OauthError> {
        let (kid, algorithm) = (compact.header.kid.as_deref(), compact.header.algorithm);
        let keys = self.provider.keys(|keys| keys.knows(kid, algorithm), now).await?;
        keys.verify(kid, algorithm, compact.message.as_bytes(), compact.signature).map_err(|mismatch| match mismatch {
            KeyMismatch::Unknown => OauthError::UnknownKey,
            KeyMismatch::Signature => OauthError::Signature,
        })
    }
}
