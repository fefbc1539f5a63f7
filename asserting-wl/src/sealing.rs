//! The key that seals what is secret at rest: given as a file or in the environment, or beside a SQLite database.

use std::path::Path;

use chassis::ConfigError;
use secrecy::ExposeSecret as _;
use store::Store;
use store::seal::{KEY_BYTES, SealError, SealKey};
use token::encoding::from_base64;
use zeroize::Zeroizing;

use crate::config::{Config, SealSettings};
use crate::keyring::operator;

/// The sealing key of `config` for its store. One is made only for a SQLite database that holds no key yet: where keys were
/// sealed, a fresh one could open nothing.
///
/// # Errors
/// It cannot be read or made, or the store cannot be read.
pub async fn key(config: &Config, store: &dyn Store) -> anyhow::Result<SealKey> {
    let is_fresh = operator::list(store).await?.is_empty();
    let found = if is_fresh { SealKey::for_store } else { SealKey::of_store };
    configured(config, found)
}

/// The sealing key of `config` for a store in which something is sealed already.
///
/// # Errors
/// It cannot be read.
pub fn existing_key(config: &Config) -> anyhow::Result<SealKey> {
    configured(config, SealKey::of_store)
}

fn configured(
    config: &Config,
    found: impl Fn(&str, Option<&Path>) -> Result<SealKey, SealError>,
) -> anyhow::Result<SealKey> {
    let key = match given(&config.seal)? {
        Some(key) => key,
        None => found(&config.store.url, config.seal.key_file.as_deref())?,
    };
    config.seal.opens_with.iter().try_fold(key, |key, path| Ok(key.opening_too(SealKey::read(path)?)))
}

/// The key that stands in the settings themselves.
///
/// # Errors
/// It is not base64 of 32 bytes.
pub fn given(settings: &SealSettings) -> Result<Option<SealKey>, ConfigError> {
    let Some(text) = &settings.key else { return Ok(None) };
    let bytes = from_base64(text.expose_secret().trim()).map(Zeroizing::new);
    let bytes = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
    let key = bytes.ok_or_else(|| ConfigError::invalid("seal.key", "32 bytes in base64 (openssl rand -base64 32)"))?;
    Ok(Some(SealKey::from_bytes(key)))
}
