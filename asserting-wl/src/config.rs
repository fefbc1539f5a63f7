//! The settings of asserting-wl; `config/asserting-wl.toml` documents every one with its default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chassis::ConfigError;
use chassis::config::{IdentitySettings, ListenSettings, Period, PolicySource, ProviderSettings, StoreSettings};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::admission::AdmissionSettings;
use crate::keyring::life::Schedule;
use crate::oauth::OauthVerifier;
use crate::provenance::ZkpSettings;
use crate::sealing;

/// Longest life of a DA-SVID, whatever is configured.
pub(crate) const MAX_LIFE: Duration = Duration::from_mins(10);

/// The shortest time a key is published before it signs: twice the time in which every verifier refreshes.
const PUBLISH_BEFORE: Duration = Duration::from_mins(10);

/// The settings of asserting-wl.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the SPIFFE identity comes from.
    #[serde(default)]
    pub identity: IdentitySettings,
    /// The mTLS listener.
    #[serde(default = "listen")]
    pub listen: ListenSettings,
    /// The https URL others reach it at, for its metadata; the address it listens on when absent.
    pub public_url: Option<Url>,
    /// Where minting keys, mints and events are kept.
    pub store: StoreSettings,
    /// How minting keys are sealed in the store.
    #[serde(default)]
    pub seal: SealSettings,
    /// When minting and Schnorr keys follow each other.
    #[serde(default)]
    pub keys: KeySettings,
    /// Whom it believes and who may mint: a file or an inline table.
    pub policy: PolicySource,
    /// How DA-SVIDs are signed and how long they live.
    #[serde(default)]
    pub mint: MintSettings,
    /// When proofs of OAuth signatures are made.
    #[serde(default)]
    pub zkp: ZkpSettings,
    /// How identity providers are asked for their keys.
    #[serde(default)]
    pub providers: ProviderSettings,
    /// Where identity providers report logouts; nowhere when absent.
    pub logout: Option<LogoutSettings>,
    /// What one caller may ask for.
    #[serde(default)]
    pub limits: AdmissionSettings,
}

fn listen() -> ListenSettings {
    ListenSettings::on_port(8443)
}

/// `[seal]`: the key that seals what is secret at rest.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SealSettings {
    /// A file of 32 bytes; with SQLite it may be left out and is made beside the database.
    pub key_file: Option<PathBuf>,
    /// The same 32 bytes in base64, for the environment; instead of a file.
    pub key: Option<SecretString>,
    /// Files of keys that open what they sealed and seal nothing, while one sealing key follows another.
    pub opens_with: Vec<PathBuf>,
}

/// `[keys]`: the life of minting and Schnorr keys.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// How long a key signs; `0s`: until an operator asks for another.
    pub rotate_every: Period,
    /// How long a key is published before it signs.
    pub publish_before: Period,
    /// How often the store is looked at for what other replicas and operators did.
    pub follow: Period,
    /// How long a signature may take before the mint is refused.
    pub signer_timeout: Period,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            rotate_every: Period::seconds(30 * 24 * 3600),
            publish_before: Period(PUBLISH_BEFORE),
            follow: Period::seconds(2),
            signer_timeout: Period::seconds(2),
        }
    }
}

impl KeySettings {
    /// The schedule keys follow.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule { rotate_every: self.rotate_every.0.as_secs(), publish_before: self.publish_before.0.as_secs() }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let day = Duration::from_hours(24);
        let (rotate, publish) = (self.rotate_every.0, self.publish_before.0);
        if publish < PUBLISH_BEFORE || publish > day {
            return Err(ConfigError::invalid("keys.publish_before", "verifiers refresh within 5m: 10m to 24h"));
        }
        if !rotate.is_zero() && rotate < 4 * publish {
            let message = "0s for never, or at least four times keys.publish_before";
            return Err(ConfigError::invalid("keys.rotate_every", message));
        }
        if self.follow.0 < Duration::from_millis(100) || self.follow.0 > Duration::from_secs(10) {
            return Err(ConfigError::invalid("keys.follow", "100ms to 10s"));
        }
        if self.signer_timeout.0 < Duration::from_millis(10) || self.signer_timeout.0 > Duration::from_secs(30) {
            return Err(ConfigError::invalid("keys.signer_timeout", "10ms to 30s"));
        }
        Ok(())
    }
}

/// `[mint]`: how DA-SVIDs are signed and how long they live.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MintSettings {
    /// What signs at `/mint`: a published minting key, or the SVID.
    pub key: MintKey,
    /// The minting key's algorithm.
    pub alg: MintAlgorithm,
    /// The life of a DA-SVID where OAuth token, policy and SVID allow it; at most ten minutes.
    pub life: Period,
}

impl Default for MintSettings {
    fn default() -> Self {
        Self { key: MintKey::Minting, alg: MintAlgorithm::Es256, life: Period::seconds(120) }
    }
}

/// What signs plain DA-SVIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MintKey {
    /// A minting key, published at `/keys`.
    Minting,
    /// This workload's own SVID.
    Svid,
}

/// The algorithm of the minting key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum MintAlgorithm {
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PSS.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "Ed25519")]
    Ed25519,
}

impl MintAlgorithm {
    /// The algorithm as the signer knows it.
    #[must_use]
    pub fn jose(self) -> crypto::jose::Algorithm {
        use crypto::jose::Algorithm;
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Es384 => Algorithm::Es384,
            Self::Ps256 => Algorithm::Ps256,
            Self::Rs256 => Algorithm::Rs256,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }
}

/// `[logout]`: OpenID Connect back-channel logout, on a listener of its own for identity providers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogoutSettings {
    /// Address and port, without TLS: loopback, or behind something that ends TLS.
    pub listen: SocketAddr,
    /// Client IDs of this bank at its providers; a logout token's `aud` must hold one.
    pub audience: Vec<String>,
}

/// Finds what is wrong with settings that parse, without opening a port or the policy's file.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let life = config.mint.life.0;
    if life < Duration::from_secs(10) || life > MAX_LIFE {
        return Err(ConfigError::invalid("mint.life", "a DA-SVID lives from 10s to 10m"));
    }
    config.keys.check()?;
    config.store.check()?;
    if config.seal.key.is_some() && config.seal.key_file.is_some() {
        return Err(ConfigError::invalid("seal.key", "a key or a key_file, not both"));
    }
    sealing::given(&config.seal)?;
    let limits = &config.limits;
    if limits.per_second == 0 || limits.burst == 0 || limits.concurrent == 0 {
        return Err(ConfigError::invalid("limits", "every limit must be at least 1"));
    }
    if config.public_url.as_ref().is_some_and(|url| url.scheme() != "https" || url.query().is_some()) {
        return Err(ConfigError::invalid("public_url", "an https URL without a query"));
    }
    if config.logout.as_ref().is_some_and(|logout| logout.audience.is_empty()) {
        return Err(ConfigError::invalid("logout.audience", "an empty list believes no logout"));
    }
    match &config.policy {
        PolicySource::Inline(policy) => check_policy(policy),
        PolicySource::Path(_) => Ok(()),
    }
}

/// Finds what is wrong with a policy for this workload.
///
/// # Errors
/// The first issuer that cannot be used, or a row that can never grant anything.
pub(crate) fn check_policy(policy: &token::Policy) -> Result<(), ConfigError> {
    OauthVerifier::check(&policy.issuer).map_err(|error| ConfigError::invalid("policy.issuer", error.to_string()))?;
    for row in &policy.mint {
        if !policy.issuer.iter().any(|issuer| issuer.url == row.issuer) {
            let message = format!("a row for {} names an issuer that has no [[issuer]]", row.caller);
            return Err(ConfigError::invalid("policy.mint.issuer", message));
        }
        if row.audiences.is_empty() || row.modes.is_empty() {
            let message = format!("a row for {} has no audiences or no modes and can grant nothing", row.caller);
            return Err(ConfigError::invalid("policy.mint", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
