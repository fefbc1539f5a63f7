//! The settings of subject-wl; `config/subject-wl.toml` shows every one with its default.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use chassis::{
    ConfigError,
    config::{AssertingSettings, IdentitySettings, Period},
};
use mesh::Origins;
use secrecy::SecretString;
use serde::Deserialize;
use spiffe::SpiffeId;
use token::{Mode, policy::Certs};
use url::{Host, Url};

/// Everything subject-wl is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its own SPIFFE identity.
    #[serde(default)]
    pub identity: IdentitySettings,
    /// Where browsers find it.
    #[serde(default)]
    pub web: WebSettings,
    /// Who logs people in.
    pub login: LoginSettings,
    /// How long a person stays logged in.
    #[serde(default)]
    pub session: SessionSettings,
    /// Who mints DA-SVIDs.
    pub asserting: AssertingSettings,
    /// How the bank is reached.
    pub bank: BankSettings,
}

/// `[web]`: the listener for browsers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSettings {
    /// Address and port, plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The origin browsers see, such as `https://bank.example`; `http://` and the bound address unless set.
    pub public_url: Option<Url>,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 8080).into(), public_url: None }
    }
}

/// `[login]`: the OpenID Provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSettings {
    /// The provider's issuer, exactly as its tokens spell it; https, or http on loopback.
    pub issuer: String,
    /// The bank's client at the provider.
    #[serde(default = "default_client")]
    pub client_id: String,
    /// Its secret, if it is not a public client.
    #[serde(default)]
    pub client_secret: Option<SecretString>,
    /// What to ask for; `openid` is always asked for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The API the access token is for, where the provider wants to be told at sign-in, as Auth0 does.
    #[serde(default)]
    pub audience: Option<String>,
    /// More certificate authorities for the provider's https, PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Where an issuer that is http on loopback is reached from here, over https.
    #[serde(default, deserialize_with = "chassis::config::https::deserialize")]
    pub via: Option<Url>,
    /// How long the provider may take to answer.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
}

impl LoginSettings {
    /// The client `bank-web` at `issuer`, everything else by default.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: default_client(),
            client_secret: None,
            scopes: default_scopes(),
            audience: None,
            ca: None,
            via: None,
            timeout: default_timeout(),
        }
    }
}

fn default_client() -> String {
    "bank-web".to_owned()
}

fn default_scopes() -> Vec<String> {
    ["openid", "profile", "accounts.read", "payments.write"].map(str::to_owned).to_vec()
}

const fn default_timeout() -> Period {
    Period::seconds(10)
}

/// `[session]`: what a login is good for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// How long a session lives without a request.
    pub idle: Period,
    /// How long a session lives at most.
    pub absolute: Period,
    /// How many sessions there can be; beyond it the least used end.
    pub max: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { idle: Period::seconds(15 * 60), absolute: Period::seconds(8 * 3600), max: 100_000 }
    }
}

/// A workload to call: where its replicas listen and who they must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Where it listens: one URL or several, each for one replica or, by its host name, for all.
    pub url: Origins,
    /// The only SPIFFE ID it may have.
    #[serde(with = "chassis::config::spiffe_id")]
    pub id: SpiffeId,
}

/// `[bank]`: the bank behind the mesh.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankSettings {
    /// The first hop: a middle tier, or the target itself.
    pub next_hop: Hop,
    /// Where chains end.
    #[serde(with = "chassis::config::spiffe_id")]
    pub target: SpiffeId,
    /// The mode a session starts in: `plain`, `id` or `anonymous`.
    #[serde(default = "default_mode")]
    pub mode: Mode,
    /// How certificates travel: `inline`, or `by-reference` where every hop can fetch them.
    #[serde(default = "default_certs")]
    pub certs: Certs,
    /// The currencies the deposit form offers, the first one chosen.
    #[serde(default = "default_currencies")]
    pub currencies: Vec<String>,
    /// How long a link lives; a sealed one 30 s at most.
    #[serde(default = "default_link_life")]
    pub link_life: Period,
    /// How long the bank may take to answer.
    #[serde(default = "default_bank_timeout")]
    pub timeout: Period,
}

impl BankSettings {
    /// The bank behind `next_hop`, where chains end at `target`; everything else by default.
    #[must_use]
    pub fn new(next_hop: Hop, target: SpiffeId) -> Self {
        Self {
            next_hop,
            target,
            mode: default_mode(),
            certs: default_certs(),
            currencies: default_currencies(),
            link_life: default_link_life(),
            timeout: default_bank_timeout(),
        }
    }
}

const fn default_mode() -> Mode {
    Mode::Id
}

const fn default_certs() -> Certs {
    Certs::Inline
}

fn default_currencies() -> Vec<String> {
    ["USD", "EUR", "GBP", "JPY"].map(str::to_owned).to_vec()
}

const fn default_link_life() -> Period {
    Period::seconds(60)
}

const fn default_bank_timeout() -> Period {
    Period::seconds(20)
}

impl Config {
    /// Finds what is wrong with settings that parse.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let issuer = Url::parse(&self.login.issuer)
            .map_err(|_| ConfigError::invalid("login.issuer", "expected the https URL of an OpenID Provider"))?;
        if !is_safe(&issuer) {
            return Err(ConfigError::invalid("login.issuer", "must be https, or http on a loopback address"));
        }
        if let Some(url) = &self.web.public_url {
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username() == "";
            if !matches!(url.scheme(), "http" | "https") || !bare {
                return Err(ConfigError::invalid("web.public_url", "expected an origin, such as https://bank.example"));
            }
        }
        let is_currency = |text: &String| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if self.bank.currencies.is_empty() || !self.bank.currencies.iter().all(is_currency) {
            return Err(ConfigError::invalid("bank.currencies", "expected currencies such as USD, at least one"));
        }
        if self.session.idle > self.session.absolute {
            return Err(ConfigError::invalid("session.idle", "must not be longer than session.absolute"));
        }
        Ok(())
    }
}

/// Whether tokens may travel to `url`: encrypted, or not leaving the machine.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[cfg(test)]
mod tests {
    use super::Config;

    const EXAMPLE: &str = include_str!("../../config/subject-wl.toml");

    fn checked(from: &str, to: &str) -> Result<(), String> {
        assert!(EXAMPLE.contains(from), "{from}");
        let config: Config = chassis::config::parse(&EXAMPLE.replace(from, to)).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_is_valid() {
        assert_eq!(checked("[web]", "[web]"), Ok(()));
    }

    #[test]
    fn the_example_shows_the_defaults() {
        let example: Config = chassis::config::parse(EXAMPLE).unwrap();
        let least = r#"
            login.issuer = "http://127.0.0.1:8090"
            asserting = { url = "https://127.0.0.1:8443", id = "spiffe://bank.example/asserting-wl" }
            bank.next_hop = { url = "https://127.0.0.1:8445", id = "spiffe://bank.example/middle-tier-1" }
            bank.target = "spiffe://bank.example/target-wl"
        "#;
        let least: Config = chassis::config::parse(least).unwrap();
        assert_eq!(format!("{example:?}"), format!("{least:?}"));
    }

    #[test]
    fn refuses_a_provider_in_the_clear() {
        let told = checked("http://127.0.0.1:8090", "http://idp.example").unwrap_err();
        assert_eq!(told, "`login.issuer`: must be https, or http on a loopback address");
    }

    #[test]
    fn refuses_to_go_round_loopback_in_the_clear() {
        let told = checked("[session]", "via = \"http://keycloak:8080\"\n[session]").unwrap_err();
        assert_eq!(told, "the text: `login.via`: must be https");
    }

    #[test]
    fn refuses_a_public_url_that_is_no_origin() {
        let told = checked("[web]", "[web]\npublic_url = \"https://bank.example/app\"").unwrap_err();
        assert_eq!(told, "`web.public_url`: expected an origin, such as https://bank.example");
    }

    #[test]
    fn refuses_a_trust_domain_as_a_target() {
        let told = checked("spiffe://bank.example/target-wl", "spiffe://bank.example").unwrap_err();
        assert_eq!(told, "the text: `bank.target`: the SPIFFE ID of a workload has a path");
    }

    #[test]
    fn refuses_a_hop_without_tls() {
        let told = checked("https://127.0.0.1:8445", "http://127.0.0.1:8445").unwrap_err();
        let url = "http://127.0.0.1:8445/ is not the https URL of a server, without a path";
        assert_eq!(told, format!("the text: `bank.next_hop.url`: {url}"));
    }

    #[test]
    fn takes_one_hop_at_several_places() {
        let several = r#"["https://middle-tier-1a:8445", "https://middle-tier-1b:8445"]"#;
        assert_eq!(checked("\"https://127.0.0.1:8445\"", several), Ok(()));
        assert_eq!(
            checked("https://127.0.0.1:8445", "https://middle-tier-1a:8445,https://middle-tier-1b:8445"),
            Ok(())
        );
    }

    #[test]
    fn refuses_words_for_currencies_and_idling_past_the_end() {
        assert!(checked("\"USD\", ", "\"dollars\", ").unwrap_err().starts_with("`bank.currencies`"));
        assert!(checked("idle = \"15m\"", "idle = \"9h\"").unwrap_err().starts_with("`session.idle`"));
    }
}
