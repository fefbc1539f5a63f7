//! `dasvid dev-spire --config`: the file that says what a Workload API of its own issues, where, and to whom.

use crate::{Entry, KeyKind, Registration, Selectors, Settings};
use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use spiffe::{SpiffeId, TrustDomain};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Shorter lives than this leave no time to rotate.
const MIN_TTL: Duration = Duration::from_secs(10);

/// Why a configuration is not one. Every message is one line and names the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A key is unknown or missing, or its value is of another kind.
    #[error("`{key}`: {problem}")]
    Key {
        /// The key, with its sections; entries count from 0.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// The file is not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
}

/// Where a Workload API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket, written `unix:PATH`. Callers are attested.
    Unix(PathBuf),
    /// A port on loopback, written `tcp://ADDRESS:PORT`. Nothing is known about callers.
    Tcp(SocketAddr),
}

/// The configuration of a Workload API of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Life of X.509 SVIDs.
    pub x509_ttl: Duration,
    /// Life of JWT SVIDs.
    pub jwt_ttl: Duration,
    /// Life of the CA certificate.
    pub ca_ttl: Duration,
    /// Where it is served; one at least.
    pub listen: Vec<Listen>,
    /// What it issues, in the order in which a caller gets it; one at least.
    pub entries: Vec<Registration>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] with the key that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`ConfigError`] with the key that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: File = Figment::from(Toml::string(text)).extract().map_err(|error| of_figment(&error))?;
        let defaults = Settings::new(file.trust_domain.clone());
        let config = Self {
            trust_domain: file.trust_domain,
            x509_ttl: file.x509_ttl.unwrap_or(defaults.x509_ttl),
            jwt_ttl: file.jwt_ttl.unwrap_or(defaults.jwt_ttl),
            ca_ttl: file.ca_ttl.unwrap_or(defaults.ca_ttl),
            listen: file.listen,
            entries: file.entry.into_iter().map(Row::registration).collect(),
        };
        config.check()?;
        Ok(config)
    }

    /// The settings of the trust domain.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.trust_domain.clone());
        (settings.x509_ttl, settings.jwt_ttl, settings.ca_ttl) = (self.x509_ttl, self.jwt_ttl, self.ca_ttl);
        settings
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, ttl) in [("x509_ttl", self.x509_ttl), ("jwt_ttl", self.jwt_ttl), ("ca_ttl", self.ca_ttl)] {
            require(ttl >= MIN_TTL, key, "10s at least")?;
        }
        require(self.x509_ttl <= self.ca_ttl, "x509_ttl", "no SVID outlives its CA, so at most `ca_ttl`")?;
        require(!self.listen.is_empty(), "listen", "one address at least, such as \"unix:sockets/api.sock\"")?;
        for (index, listen) in self.listen.iter().enumerate() {
            let local = !matches!(listen, Listen::Tcp(address) if !address.ip().is_loopback());
            require(local, format!("listen.{index}"), "only loopback: whoever connects over TCP is not attested")?;
            let first = self.listen.iter().position(|other| other == listen) == Some(index);
            require(first || *listen == Listen::free_port(), format!("listen.{index}"), "the same address twice")?;
        }
        require(!self.entries.is_empty(), "entry", "one [[entry]] at least, or nobody gets anything")?;
        self.entries.iter().enumerate().try_for_each(|(index, row)| self.check_entry(index, row))
    }

    fn check_entry(&self, index: usize, row: &Registration) -> Result<(), ConfigError> {
        let Registration { entry, selectors } = row;
        let key = |name: &str| format!("entry.{index}.{name}");
        let domain = &self.trust_domain;
        require(entry.id.trust_domain() == domain, key("id"), format!("not in the trust domain {domain}"))?;
        require(!entry.id.path().is_empty(), key("id"), "a workload's SPIFFE ID has a path")?;
        require(entry.dns.iter().all(|name| is_dns(name)), key("dns"), "not a DNS name")?;
        let absolute = selectors.path.as_ref().is_none_or(|path| path.is_absolute());
        require(absolute, key("path"), "the executable's absolute path, as `readlink /proc/PID/exe` prints it")?;
        let attested = selectors.uid.is_some() || selectors.path.is_some();
        require(
            attested || selectors.tcp,
            key("uid"),
            "give `uid`, `path` or `tcp = true`, or nobody gets this entry",
        )?;
        let tcp = self.listen.iter().any(|listen| matches!(listen, Listen::Tcp(_)));
        require(tcp || !selectors.tcp, key("tcp"), "no address in `listen` is one of TCP")?;
        let same = |other: &&Registration| other.entry.id == entry.id && other.entry.hint == entry.hint;
        let agrees = self.entries.iter().take(index).filter(same).all(|other| other.entry == *entry);
        require(agrees, key("id"), "an earlier entry has this `id` and `hint` and another `dns` or `key`")
    }
}

impl Listen {
    const fn free_port() -> Self {
        Self::Tcp(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0))
    }
}

fn require(holds: bool, key: impl Into<String>, problem: impl Into<String>) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Key { key: key.into(), problem: problem.into() }) }
}

fn is_dns(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn of_figment(error: &figment::Error) -> ConfigError {
    use figment::error::Kind;
    let mut key = error.path.clone();
    let problem = match &error.kind {
        Kind::Message(_) if key.is_empty() => {
            let text = error.kind.to_string();
            return ConfigError::Syntax(text.lines().map(str::trim).collect::<Vec<_>>().join(" "));
        }
        Kind::UnknownField(_, known) => format!("unknown; here are {}", known.join(", ")),
        Kind::MissingField(name) => {
            key.push(name.to_string());
            "missing".to_owned()
        }
        other => other.to_string(),
    };
    ConfigError::Key { key: key.join("."), problem }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(deserialize_with = "parsed")]
    trust_domain: TrustDomain,
    #[serde(default, deserialize_with = "period")]
    x509_ttl: Option<Duration>,
    #[serde(default, deserialize_with = "period")]
    jwt_ttl: Option<Duration>,
    #[serde(default, deserialize_with = "period")]
    ca_ttl: Option<Duration>,
    listen: Vec<Listen>,
    entry: Vec<Row>,
}

/// An `[[entry]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(deserialize_with = "parsed")]
    id: SpiffeId,
    #[serde(default)]
    dns: Vec<String>,
    #[serde(default)]
    key: KeyKind,
    #[serde(default)]
    hint: String,
    uid: Option<u32>,
    path: Option<PathBuf>,
    #[serde(default)]
    tcp: bool,
}

impl Row {
    fn registration(self) -> Registration {
        let Self { id, dns, key, hint, uid, path, tcp } = self;
        Registration { entry: Entry { id, dns, key, hint }, selectors: Selectors { uid, path, tcp } }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some(path) = text.strip_prefix("unix:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            return if path.is_empty() { Err(D::Error::custom("no path")) } else { Ok(Self::Unix(path.into())) };
        }
        let address = text.strip_prefix("tcp://").and_then(|address| address.parse().ok());
        address.map(Self::Tcp).ok_or_else(|| D::Error::custom("neither \"unix:PATH\" nor \"tcp://ADDRESS:PORT\""))
    }
}

fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// A whole number and `s`, `m` or `h`.
fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let length = [('s', 1), ('m', 60), ('h', 3600)].into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds).filter(|seconds| *seconds <= 366 * 86_400)
    });
    let length = length.ok_or_else(|| D::Error::custom("a length of time such as \"90s\", \"5m\" or \"1h\""))?;
    Ok(Some(Duration::from_secs(length)))
}

#[cfg(test)]
mod tests;
