//! `[store]`: where state is kept, and how long it is waited for.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use store::Store;

use super::{ConfigError, Period};

/// `[store]`: where state is kept. The limits are for PostgreSQL.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite://path?mode=rwc`, `postgres://user@host:port/database?sslmode=verify-full`,
    /// `postgres:///database?host=/run/postgresql` or `memory:`.
    pub url: String,
    /// A file with the password for PostgreSQL; what stands after a line break at its end does not count.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The password itself, for the environment.
    #[serde(default)]
    pub password: Option<Password>,
    /// Connections this process holds at most.
    #[serde(default = "max_connections")]
    pub max_connections: u32,
    /// How long to wait for a free connection, and at start for the database.
    #[serde(default = "five_seconds")]
    pub acquire_timeout: Period,
    /// How long a statement may take, waiting for locks included.
    #[serde(default = "five_seconds")]
    pub statement_timeout: Period,
    /// How long a transaction may be idle before the server ends it.
    #[serde(default = "ten_seconds")]
    pub idle_in_transaction_timeout: Period,
}

/// A password in a setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Password(SecretString);

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Password {}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

fn max_connections() -> u32 {
    10
}

fn five_seconds() -> Period {
    Period::seconds(5)
}

fn ten_seconds() -> Period {
    Period::seconds(10)
}

impl StoreSettings {
    /// This address with everything else at its default.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password_file: None,
            password: None,
            max_connections: max_connections(),
            acquire_timeout: five_seconds(),
            statement_timeout: five_seconds(),
            idle_in_transaction_timeout: ten_seconds(),
        }
    }

    /// Finds what is wrong with the section, without reading a file or asking a database.
    ///
    /// # Errors
    /// An address of no known kind, two passwords, no connections, or a limit outside 100 ms to one hour.
    pub fn check(&self) -> Result<(), ConfigError> {
        store::Settings::new(&self.url)
            .check()
            .map_err(|error| ConfigError::invalid("store.url", error.to_string()))?;
        if self.password.is_some() && self.password_file.is_some() {
            return Err(ConfigError::invalid("store.password", "a password or a password_file, not both"));
        }
        if self.max_connections == 0 {
            return Err(ConfigError::invalid("store.max_connections", "at least 1"));
        }
        let limits = [
            ("store.acquire_timeout", self.acquire_timeout),
            ("store.statement_timeout", self.statement_timeout),
            ("store.idle_in_transaction_timeout", self.idle_in_transaction_timeout),
        ];
        for (key, limit) in limits {
            if limit.0 < Duration::from_millis(100) || limit.0 > Duration::from_hours(1) {
                return Err(ConfigError::invalid(key, "from 100ms to 1h"));
            }
        }
        Ok(())
    }

    /// Opens the store and brings its schema up to date.
    ///
    /// # Errors
    /// The password's file cannot be read, or the store cannot be opened.
    pub async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let mut settings = store::Settings::new(&self.url);
        settings.password = self.password()?.map(|password| password.0.expose_secret().to_owned().into());
        settings.max_connections = self.max_connections;
        settings.acquire_timeout = self.acquire_timeout.0;
        settings.statement_timeout = self.statement_timeout.0;
        settings.idle_in_transaction_timeout = self.idle_in_transaction_timeout.0;
        store::open_with(&settings).await.context("the store cannot be opened (`store.url`)")
    }

    fn password(&self) -> anyhow::Result<Option<Password>> {
        let Some(file) = &self.password_file else { return Ok(self.password.clone()) };
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("`store.password_file`: {}", file.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).into()))
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL of a database may hold a password.
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("StoreSettings").field("url", &format_args!("{scheme}:<redacted>")).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut StoreSettings)) -> String {
        let mut settings = StoreSettings::at("postgres://bank@db/bank");
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn names_what_is_wrong() {
        StoreSettings::at("postgres://bank@db/bank").check().unwrap();
        let schemes = "`store.url`: a store address starts with `sqlite:` or `postgres:`, or is `memory:`";
        assert_eq!(wrong(|store| store.url = "mysql://bank:hunter2@db/bank".into()), schemes);
        let parameter = wrong(|store| store.url = "postgres://bank@db/bank?pasword=hunter2".into());
        assert!(parameter.starts_with("`store.url`: ") && !parameter.contains("hunter2"), "{parameter}");
        assert_eq!(wrong(|store| store.max_connections = 0), "`store.max_connections`: at least 1");
        let limit = "`store.statement_timeout`: from 100ms to 1h";
        assert_eq!(wrong(|store| store.statement_timeout = Period::seconds(0)), limit);
        let both = wrong(|store| {
            store.password = Some("hunter2".into());
            store.password_file = Some("/run/secrets/bank".into());
        });
        assert_eq!(both, "`store.password`: a password or a password_file, not both");
    }

    #[test]
    fn reads_a_password_from_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter 2 \n").unwrap();
        let mut settings = StoreSettings::at("postgres://bank@db/bank");
        settings.password_file = Some(file.path().into());
        assert_eq!(settings.password().unwrap().unwrap().0.expose_secret(), "hunter 2 ");
        settings.password_file = Some("/nowhere/bank".into());
        assert_eq!(settings.password().unwrap_err().to_string(), "`store.password_file`: /nowhere/bank");
    }

    #[test]
    fn shows_neither_address_nor_password() {
        let mut settings = StoreSettings::at("postgres://bank:hunter2@db/bank");
        settings.password = Some("hunter3".into());
        assert_eq!(format!("{settings:?}"), "StoreSettings { url: postgres:<redacted>, .. }");
    }
}
