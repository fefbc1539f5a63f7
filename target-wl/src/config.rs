//! The settings of target-wl; `config/target-wl.toml` documents every one with its default.

use std::time::Duration;

use chassis::ConfigError;
use chassis::config::{
    AssertingSettings, IdentitySettings, ListenSettings, Period, PolicySource, ProviderSettings, RevocationSettings,
    StoreSettings,
};
use serde::Deserialize;
use token::Policy;
use token::json::MAX_INTEGER;
use token::policy::Role;
use url::Url;

use crate::order::is_currency;
use crate::routes::Rules;

/// The settings of target-wl.
#[derive(Clone, Debug, Deserialize)]
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
    /// The asserting workload whose DA-SVIDs are believed.
    pub asserting: AssertingSettings,
    /// How its list of revocations is followed.
    #[serde(default)]
    pub revocations: RevocationSettings,
    /// Where accounts are kept.
    #[serde(default = "store")]
    pub store: StoreSettings,
    /// What is believed: a file or an inline table.
    pub policy: PolicySource,
    /// How the identity providers' keys are fetched, where policy asks for proofs.
    #[serde(default)]
    pub providers: ProviderSettings,
    /// How long a request may take.
    #[serde(default = "request_timeout")]
    pub request_timeout: Period,
    /// Accounts that are opened at start, if they are not there yet: for demonstrations.
    #[serde(default)]
    pub seed: Vec<Seed>,
}

/// `[[seed]]`: an account to open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The person's identity provider: OAuth `iss`.
    pub dpa: String,
    /// The person there: OAuth `sub`.
    pub dpr: String,
    /// Three letters A to Z.
    pub currency: String,
    /// What the account holds at first, in minor units.
    pub minor: u64,
}

fn listen() -> ListenSettings {
    ListenSettings::on_port(8444)
}

fn store() -> StoreSettings {
    StoreSettings::at("sqlite://target-wl.db?mode=rwc")
}

fn request_timeout() -> Period {
    Period::seconds(30)
}

/// Finds what is wrong with settings that parse, without opening a port or the policy's file.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.request_timeout.0 < Duration::from_millis(100) {
        return Err(ConfigError::invalid("request_timeout", "a request needs at least 100ms"));
    }
    if config.public_url.as_ref().is_some_and(|url| url.scheme() != "https" || url.query().is_some()) {
        return Err(ConfigError::invalid("public_url", "an https URL without a query"));
    }
    config.revocations.check()?;
    config.store.check()?;
    for seed in &config.seed {
        check_seed(seed)?;
    }
    match &config.policy {
        PolicySource::Inline(policy) => check_policy(config, policy).map(drop),
        PolicySource::Path(_) => Ok(()),
    }
}

fn check_seed(seed: &Seed) -> Result<(), ConfigError> {
    if seed.dpa.is_empty() || seed.dpr.is_empty() {
        return Err(ConfigError::invalid("seed", "a person is `dpa` and `dpr`, neither empty"));
    }
    if !is_currency(&seed.currency) {
        return Err(ConfigError::invalid("seed.currency", "a currency is three letters A to Z"));
    }
    if seed.minor > MAX_INTEGER {
        return Err(ConfigError::invalid("seed.minor", format!("an account holds at most {MAX_INTEGER}")));
    }
    Ok(())
}

/// Finds what is wrong with a policy for this workload; what its routes require.
///
/// # Errors
/// The first thing that could never work, or would leave a route open.
pub(crate) fn check_policy(config: &Config, policy: &Policy) -> Result<Rules, ConfigError> {
    let accept = &policy.accept;
    if accept.role != Role::End {
        return Err(ConfigError::invalid("policy.accept.role", "chains end here: the role is \"end\""));
    }
    if !accept.asserters.contains(&config.asserting.id) {
        let message = format!("{} is not listed, so nothing it mints is believed", config.asserting.id);
        return Err(ConfigError::invalid("policy.accept.asserters", message));
    }
    for (key, is_empty) in [
        ("policy.accept.subjects", accept.subjects.is_empty()),
        ("policy.accept.issuers", accept.issuers.is_empty()),
        ("policy.accept.modes", accept.modes.is_empty()),
        ("policy.provenance.oauth_audience", policy.provenance.believes_nothing()),
    ] {
        if is_empty {
            return Err(ConfigError::invalid(key, "an empty list admits nobody"));
        }
    }
    Rules::declare(policy)
}

#[cfg(test)]
mod tests;
