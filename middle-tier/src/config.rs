//! The settings of a middle tier; `config/middle-tier.toml` documents every one with its default.

use std::time::Duration;

use chassis::ConfigError;
use chassis::config::{
    AssertingSettings, IdentitySettings, ListenSettings, Period, PolicySource, ProviderSettings, RevocationSettings,
};
use mesh::{ClientSettings, Origins};
use serde::Deserialize;
use spiffe::SpiffeId;
use token::claims::{MaxAmount, Only, spiffe_id};
use token::policy::{RequestBinding, Role, Route};
use token::{Mode, Policy, binding};

#[cfg(test)]
mod tests;

/// The settings of a middle tier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the SPIFFE identity comes from.
    #[serde(default)]
    pub identity: IdentitySettings,
    /// The mTLS listener.
    #[serde(default = "listen")]
    pub listen: ListenSettings,
    /// The asserting workload whose DA-SVIDs are believed.
    pub asserting: AssertingSettings,
    /// How its list of revocations is followed.
    #[serde(default)]
    pub revocations: RevocationSettings,
    /// What is believed, and which requests are passed on: a file or an inline table.
    pub policy: PolicySource,
    /// How the identity providers' keys are fetched, where policy asks for proofs.
    #[serde(default)]
    pub providers: ProviderSettings,
    /// Where requests go.
    pub next: NextHop,
    /// The link this hop appends.
    #[serde(default)]
    pub link: LinkSettings,
    /// Limits of bodies.
    #[serde(default)]
    pub body: BodySettings,
}

/// `[next]`: the next hop, by place and SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextHop {
    /// Where it listens: one URL or several, each for one replica or, by its host name, for all.
    pub url: Origins,
    /// The only SPIFFE ID it may have; the `aud` of this hop's links.
    #[serde(with = "chassis::config::spiffe_id")]
    pub id: SpiffeId,
    /// How long a TCP connect and TLS handshake may take.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
    /// How long it may take to begin an answer, once it has the whole request.
    #[serde(default = "answer_timeout")]
    pub answer_timeout: Period,
    /// How long an idle connection is kept.
    #[serde(default = "idle_timeout")]
    pub idle_timeout: Period,
    /// After this age a connection takes no new requests.
    #[serde(default = "max_age")]
    pub max_age: Period,
    /// Do not offer HTTP/2.
    #[serde(default)]
    pub http1_only: bool,
}

impl NextHop {
    /// A next hop with the default limits.
    #[must_use]
    pub fn new(url: Origins, id: SpiffeId) -> Self {
        Self {
            url,
            id,
            connect_timeout: connect_timeout(),
            answer_timeout: answer_timeout(),
            idle_timeout: idle_timeout(),
            max_age: max_age(),
            http1_only: false,
        }
    }

    /// The client's settings; `usual` gives what is not set here.
    pub(crate) fn client(&self, usual: ClientSettings) -> ClientSettings {
        ClientSettings {
            connect_timeout: self.connect_timeout.0,
            first_byte_timeout: self.answer_timeout.0,
            idle_timeout: self.idle_timeout.0,
            max_age: self.max_age.0,
            http1_only: self.http1_only,
            ..usual
        }
    }
}

fn listen() -> ListenSettings {
    ListenSettings::on_port(8445)
}

fn connect_timeout() -> Period {
    Period::seconds(3)
}

fn answer_timeout() -> Period {
    Period::seconds(15)
}

fn idle_timeout() -> Period {
    Period::seconds(15)
}

fn max_age() -> Period {
    Period(Duration::from_mins(10))
}

/// `[link]`: what this hop says in its own link.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkSettings {
    /// How long a link lives, at most.
    pub life: Period,
    /// What this hop restricts.
    pub only: Option<OnlySettings>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self { life: Period::seconds(60), only: None }
    }
}

/// `[link.only]`: restrictions that hold from this hop on. An absent key restricts nothing, an empty list admits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnlySettings {
    /// OAuth scopes.
    pub scope: Option<Vec<String>>,
    /// HTTP methods.
    pub methods: Option<Vec<String>>,
    /// Whole paths, or whole segments below one that ends in `/*`.
    pub paths: Option<Vec<String>>,
    /// The largest amount of one operation.
    pub max_amount: Option<AmountSettings>,
    /// The most links in the whole chain, 0…16.
    pub max_links: Option<usize>,
    /// Where the chain may end.
    pub aud: Option<Vec<String>>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountSettings {
    /// Three letters A to Z.
    pub currency: String,
    /// Minor units.
    pub minor: u64,
}

impl OnlySettings {
    /// The same as it stands in a link.
    ///
    /// # Errors
    /// An entry of `aud` is no SPIFFE ID, or `max_links` is beyond 16.
    pub(crate) fn claim(&self) -> Result<Only, ConfigError> {
        let read = |text: &String| {
            spiffe_id(text)
                .ok_or_else(|| ConfigError::invalid("link.only.aud", "not a SPIFFE ID in its canonical form"))
        };
        if self.max_links.is_some_and(|most| most > token::chain::MAX_LINKS) {
            return Err(ConfigError::invalid("link.only.max_links", "a chain has at most 16 links"));
        }
        let amount = |amount: &AmountSettings| MaxAmount { currency: amount.currency.clone(), minor: amount.minor };
        Ok(Only {
            scope: self.scope.clone(),
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            max_amount: self.max_amount.as_ref().map(amount),
            max_links: self.max_links,
            aud: self.aud.as_ref().map(|ids| ids.iter().map(read).collect()).transpose()?,
        })
    }
}

/// `[body]`: limits of the bodies that stream through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodySettings {
    /// Most bytes of a request's body.
    pub max_bytes: u64,
    /// How long the sender of a body may say nothing.
    pub idle: Period,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self { max_bytes: 64 * 1024 * 1024, idle: Period::seconds(20) }
    }
}

/// Finds what is wrong with settings that parse, without opening a port or the policy's file.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let periods = [
        ("link.life", config.link.life),
        ("body.idle", config.body.idle),
        ("next.connect_timeout", config.next.connect_timeout),
        ("next.answer_timeout", config.next.answer_timeout),
        ("next.max_age", config.next.max_age),
    ];
    if let Some((key, _)) = periods.iter().find(|(_, period)| period.0 < Duration::from_millis(100)) {
        return Err(ConfigError::invalid(*key, "at least 100ms"));
    }
    if config.link.life.0 < Duration::from_secs(1) {
        return Err(ConfigError::invalid("link.life", "links live whole seconds"));
    }
    config.link.only.as_ref().map(OnlySettings::claim).transpose()?;
    config.revocations.check()?;
    match &config.policy {
        PolicySource::Inline(policy) => check_policy(config, policy),
        PolicySource::Path(_) => Ok(()),
    }
}

/// Finds what could never work in a policy for this workload, or would leave a route open.
pub(crate) fn check_policy(config: &Config, policy: &Policy) -> Result<(), ConfigError> {
    let accept = &policy.accept;
    if accept.role != Role::Hop {
        return Err(ConfigError::invalid("policy.accept.role", "chains go on from here: the role is \"hop\""));
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
        ("policy.route", policy.route.is_empty()),
    ] {
        if is_empty {
            return Err(ConfigError::invalid(key, "an empty list admits nobody"));
        }
    }
    if accept.modes.contains(&Mode::Anonymous) && accept.neighbours.is_empty() {
        return Err(ConfigError::invalid(
            "policy.accept.neighbours",
            "anonymous chains come from listed neighbours only",
        ));
    }
    if accept.modes.contains(&Mode::Plain) && config.link.only.is_some() {
        return Err(ConfigError::invalid("link.only", "plain DA-SVIDs pass unchanged, so nothing restricts them"));
    }
    policy.route.iter().try_for_each(check_route)
}

fn check_route(route: &Route) -> Result<(), ConfigError> {
    if route.scope.is_empty() || route.scope.contains(' ') {
        return Err(ConfigError::invalid("policy.route.scope", format!("{} declares not one scope", route.path)));
    }
    if !route.path.starts_with('/') {
        return Err(ConfigError::invalid("policy.route.path", format!("{} does not start with /", route.path)));
    }
    let may_change = route.method.as_deref().is_none_or(binding::is_unsafe);
    if may_change && route.request_binding == RequestBinding::None {
        let message = format!("{} may change something, so it cannot go unbound", route.path);
        return Err(ConfigError::invalid("policy.route.request_binding", message));
    }
    Ok(())
}
