//! Sections that several workloads share.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use mesh::Origins;
use serde::{Deserialize, Serialize};
use spiffe::SpiffeId;
use token::Policy;
use url::Url;

use super::{ConfigError, Period};

/// `[identity]`: where this process's SPIFFE identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentitySettings {
    /// The Workload API, as in `unix:/run/spire/agent.sock`; `SPIFFE_ENDPOINT_SOCKET` when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// How long to wait for the first SVID before giving up.
    pub wait: Period,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { socket: None, wait: Period::seconds(60) }
    }
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSettings {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Period,
    /// How long a request's head may take.
    pub header_timeout: Period,
    /// After this age a connection is closed gracefully.
    pub max_age: Period,
}

impl ListenSettings {
    /// Every interface, at a port.
    #[must_use]
    pub fn on_port(port: u16) -> Self {
        let defaults = mesh::ServerSettings::default();
        Self {
            address: (Ipv4Addr::UNSPECIFIED, port).into(),
            max_connections: defaults.max_connections,
            handshake_timeout: Period(defaults.handshake_timeout),
            header_timeout: Period(defaults.header_read_timeout),
            max_age: Period(defaults.max_age),
        }
    }

    /// The same for `mesh::serve`.
    #[must_use]
    pub fn server(&self) -> mesh::ServerSettings {
        mesh::ServerSettings {
            handshake_timeout: self.handshake_timeout.0,
            header_read_timeout: self.header_timeout.0,
            max_connections: self.max_connections,
            max_age: self.max_age.0,
            ..mesh::ServerSettings::default()
        }
    }
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self::on_port(8443)
    }
}

/// `[admin]`: the listener for whoever runs the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSettings {
    /// Address and port of `/healthz`, `/readyz`, `/metrics` and `/log`; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 9440).into() }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`: what is written to standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// What is logged, as in `info,chassis=debug`; `DASVID_LOG` wins over it.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// `[asserting]`: the asserting workload this one talks to or believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertingSettings {
    /// Where it listens: one URL or several, each for one replica or, by its host name, for all.
    pub url: Origins,
    /// The only SPIFFE ID it may have.
    #[serde(with = "super::spiffe_id")]
    pub id: SpiffeId,
}

/// `[revocations]`: how the asserting workload's list of revocations is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationSettings {
    /// How often the list is asked for what is new.
    pub interval: Period,
    /// After this long without a list nothing may be changed, and only younger roots are believed.
    pub max_silence: Period,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        Self { interval: Period::seconds(1), max_silence: Period::seconds(15) }
    }
}

impl RevocationSettings {
    /// Finds what is wrong with the section.
    ///
    /// # Errors
    /// An interval below 100 ms, or a silence of less than two seconds or two intervals.
    pub fn check(&self) -> Result<(), super::ConfigError> {
        if self.interval.0 < Duration::from_millis(100) {
            return Err(super::ConfigError::invalid("revocations.interval", "at least 100ms"));
        }
        if self.max_silence.0 < Duration::from_secs(2).max(self.interval.0 * 2) {
            let message = "at least 2s and twice the interval";
            return Err(super::ConfigError::invalid("revocations.max_silence", message));
        }
        Ok(())
    }
}

/// `[providers]`: how identity providers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSettings {
    /// A PEM file of further certificate authorities for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Where an issuer that is http on loopback is reached: an https address, as a container needs it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::https::deserialize")]
    pub via: Option<Url>,
}

impl ProviderSettings {
    /// The same for `mesh::web::client`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn web(&self) -> anyhow::Result<mesh::web::WebSettings> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| path.display().to_string());
        let ca = self.ca_file.as_ref().map(read).transpose()?;
        Ok(mesh::web::WebSettings { ca, via: self.via.clone(), ..mesh::web::WebSettings::default() })
    }
}

/// A policy: the path of its own TOML file, or the policy itself as a table.
#[derive(Clone, Debug)]
pub enum PolicySource {
    /// A file.
    Path(PathBuf),
    /// The policy itself.
    Inline(Box<Policy>),
}

impl PolicySource {
    /// Reads the policy.
    ///
    /// # Errors
    /// The file cannot be read, or is not a policy.
    pub fn load(&self) -> Result<Policy, ConfigError> {
        match self {
            Self::Path(path) => read_policy(path),
            Self::Inline(policy) => Ok(policy.as_ref().clone()),
        }
    }
}

fn read_policy(path: &Path) -> Result<Policy, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::File { path: name.clone(), message: error.to_string() })?;
    super::extract(vec![super::Layer::toml(&name, &text)?], &[])
}

impl<'de> Deserialize<'de> for PolicySource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = PolicySource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a policy or a policy as a table")
            }

            fn visit_str<E>(self, path: &str) -> Result<PolicySource, E> {
                Ok(PolicySource::Path(path.into()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<PolicySource, A::Error> {
                let policy = Policy::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(PolicySource::Inline(Box::new(policy)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
