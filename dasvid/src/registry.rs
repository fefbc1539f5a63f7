//! asserting-wl's store as its operator sees it: where it is, and what opens the keys in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use asserting_wl::config::KeySettings;
use asserting_wl::keyring::life::Schedule;
use asserting_wl::keyring::operator::Operator;
use asserting_wl::keyring::vault::SealedVault;
use asserting_wl::{AssertingWl, Config, sealing};
use chassis::Workload;
use chassis::config::{self, Sources};
use store::Store;
use store::seal::{self, SealKey};

use crate::cli::AtStore;

/// A store that replicas of asserting-wl share.
pub struct Registry {
    /// The store.
    pub store: Arc<dyn Store>,
    settings: Settings,
}

enum Settings {
    Whole(Box<Config>),
    Parts { url: String, seal_key: Option<PathBuf> },
}

impl Registry {
    /// Opens the store; one that does not exist is not made.
    ///
    /// # Errors
    /// In one line: neither settings nor a store are given, they are wrong, or there is no such store.
    pub async fn open(at: &AtStore) -> anyhow::Result<Self> {
        let settings = match (&at.config, &at.store) {
            (Some(file), _) => Settings::Whole(Box::new(whole(file)?)),
            (None, Some(url)) => Settings::Parts { url: url.clone(), seal_key: at.seal_key.clone() },
            (None, None) => bail!("say where asserting-wl keeps its keys: --config FILE, or --store URL"),
        };
        let url = match &settings {
            Settings::Whole(config) => &config.store.url,
            Settings::Parts { url, .. } => url,
        };
        ensure!(!url.contains("memory:"), "a store in memory is the process's own; there is nothing to operate on");
        if let Some(path) = seal::sqlite_path(url) {
            ensure!(path.exists(), "there is no database `{}`: has asserting-wl ever run on it?", path.display());
        }
        let store = match &settings {
            Settings::Whole(config) => config.store.open().await?,
            Settings::Parts { url, .. } => store::open(url).await.context("the store cannot be opened")?,
        };
        Ok(Self { store, settings })
    }

    /// The replicas' vault.
    ///
    /// # Errors
    /// The sealing key cannot be had.
    pub fn vault(&self) -> anyhow::Result<SealedVault> {
        let key = match &self.settings {
            Settings::Whole(config) => sealing::existing_key(config)?,
            Settings::Parts { url, seal_key } => SealKey::of_store(url, seal_key.as_deref())?,
        };
        Ok(SealedVault::new(key))
    }

    /// An operator who makes keys with `vault`.
    #[must_use]
    pub fn operator<'a>(&'a self, vault: &'a SealedVault) -> Operator<'a> {
        let (schedule, algorithm) = match &self.settings {
            Settings::Whole(config) => (config.keys.schedule(), Some(config.mint.alg.jose().name())),
            Settings::Parts { .. } => (Schedule { rotate_every: 0, ..KeySettings::default().schedule() }, None),
        };
        Operator { store: &*self.store, vault, schedule, algorithm }
    }
}

fn whole(file: &Path) -> anyhow::Result<Config> {
    let loaded = config::load::<Config>(AssertingWl::NAME, &Sources::ambient(Some(file)))?;
    AssertingWl::check(&loaded.workload)?;
    Ok(loaded.workload)
}
