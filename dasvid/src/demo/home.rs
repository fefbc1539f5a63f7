//! The demo's folder: sockets, databases, keys, and the configurations it runs with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dev_spire::DevSpire;
use serde_json::json;
use tempfile::TempDir;

use crate::folder;
use crate::place::Place;

/// The folder; a temporary one goes with the demo.
pub(super) struct Home {
    path: PathBuf,
    kept: bool,
    _temporary: Option<TempDir>,
}

impl Home {
    /// Opens the given folder, or makes one for this run.
    pub(super) fn open(dir: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(dir) = dir {
            folder::make(dir)?;
            let path = dir.canonicalize().with_context(|| format!("cannot use {}", dir.display()))?;
            return Ok(Self { path, kept: true, _temporary: None });
        }
        let temporary = tempfile::Builder::new().prefix("dasvid-").tempdir()?;
        Ok(Self { path: temporary.path().to_owned(), kept: false, _temporary: Some(temporary) })
    }

    /// The socket of an identity, as a path.
    pub(super) fn socket_path(&self, name: &str) -> PathBuf {
        self.path.join("sockets").join(format!("{name}.sock"))
    }

    /// The socket of an identity, as `SPIFFE_ENDPOINT_SOCKET`.
    pub(super) fn socket(&self, name: &str) -> String {
        DevSpire::endpoint(&self.socket_path(name))
    }

    /// The URL of a workload's database.
    pub(super) fn database(&self, name: &str) -> String {
        format!("sqlite://{}?mode=rwc", self.path.join(format!("{name}.sqlite")).display())
    }

    /// Leaves a file for whoever looks into a folder that stays.
    pub(super) fn keep(&self, name: &str, content: &str) -> anyhow::Result<()> {
        if self.kept { folder::write(&self.path.join(name), content.as_bytes(), false) } else { Ok(()) }
    }

    /// Says where the bank is: `env` for a shell, `bank.toml` for `dasvid journey`.
    /// `metrics.json` for Prometheus (`file_sd_configs`).
    pub(super) fn publish(&self, place: &Place, admin: &[(String, SocketAddr)]) -> anyhow::Result<()> {
        let socket = place.socket.as_deref().unwrap_or_default();
        let lines = [
            ("SPIFFE_ENDPOINT_SOCKET", socket),
            ("DASVID_ASSERTING_URL", place.asserting.url.as_str()),
            ("DASVID_ISSUER", &place.issuer),
            ("DASVID_ENTRY", place.entry.url.as_str()),
        ];
        let env = lines.map(|(name, value)| format!("export {name}='{value}'\n")).concat();
        folder::write(&self.path.join("bank.toml"), toml::to_string(place)?.as_bytes(), true)?;
        let target = |(name, address): &(String, SocketAddr)| json!({"targets": [address], "labels": {"job": name}});
        let targets: Vec<_> = admin.iter().map(target).collect();
        folder::write(&self.path.join("metrics.json"), &serde_json::to_vec_pretty(&targets)?, false)?;
        folder::write(&self.env_file(), env.as_bytes(), false)
    }

    /// The file for a shell.
    pub(super) fn env_file(&self) -> PathBuf {
        self.path.join("env")
    }
}
