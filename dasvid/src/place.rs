//! Where a bank is: what the journey and the commands need to find it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use spiffe::SpiffeId;
use url::Url;

/// A bank that is up.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The front end's origin, as browsers see it.
    pub front: Url,
    /// The identity provider's issuer.
    pub issuer: String,
    /// The provider's client with a direct grant, for the tool's own tokens.
    #[serde(default = "bank_cli")]
    pub client_id: String,
    /// Who logs in.
    pub person: Person,
    /// Who is paid.
    #[serde(default = "bob")]
    pub payee: Person,
    /// asserting-wl.
    pub asserting: Endpoint,
    /// The first middle tier.
    pub entry: Endpoint,
    /// The account service.
    pub target: Endpoint,
    /// The tool's own Workload API socket; `SPIFFE_ENDPOINT_SOCKET` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// A workload of the same trust domain that nobody allows anything.
    pub stranger: Stranger,
    /// How the services have the OAuth signature proven.
    #[serde(default)]
    pub verification: Verification,
}

/// Who logs in.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name typed at the provider.
    pub name: String,
    /// The password typed at the provider.
    pub password: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A workload: where it listens and who it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its https origin.
    pub url: Url,
    /// The only SPIFFE ID it may have.
    #[serde(with = "chassis::config::spiffe_id")]
    pub id: SpiffeId,
}

/// How the bank's services have the OAuth signature proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verification {
    /// Not at all.
    #[default]
    Offline,
    /// They ask asserting-wl about every chain, with a nonce.
    Introspect,
    /// A proof made at mint travels with every chain.
    Embedded,
}

/// How the stranger acts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Stranger {
    /// This program, with the identity of another Workload API socket.
    Socket(String),
    /// A copy of this program at a path that SPIRE attests as someone else.
    Program(PathBuf),
}

fn bob() -> Person {
    Person { name: "bob".to_owned(), password: "bob-pw".to_owned() }
}

fn bank_cli() -> String {
    "bank-cli".to_owned()
}

impl Place {
    /// Reads a bank's TOML file.
    ///
    /// # Errors
    /// When the file cannot be read or says something else; the message names the key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} does not say where a bank is", path.display()))
    }
}
