//! What an operator does to the keys of a store, whichever replicas run on it: list, rotate, retire.
//!
//! Each is one transaction; replicas follow within `keys.follow`, and `/keys` shows it at once.

use store::{KeyRecord, KeyState, MayConflict, Moment, Store, StoreError, retry};
use token::encoding::Digest;
use token::mode::SCHOCO_R255;

use super::life::{self, RETIREMENT, Schedule};
use super::vault::{Vault, VaultError};
use super::{KeyringError, Kind, record, records};
use crate::revocations::emergency;

/// Why an operator's wish is not done; nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// Keys cannot be read, made or written.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// There is no such key.
    #[error("the store holds no key `{0}`; `dasvid keys list` shows those there are")]
    Unknown(String),
    /// The store holds no keys of this kind.
    #[error("the store holds no {} key: has asserting-wl ever run on it?", .0.name())]
    Empty(Kind),
}

impl MayConflict for OperatorError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Keyring(KeyringError::Store(StoreError::Conflict)))
    }
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        Self::Keyring(error.into())
    }
}

impl From<VaultError> for OperatorError {
    fn from(error: VaultError) -> Self {
        Self::Keyring(error.into())
    }
}

/// The keys of a store and what makes more of them.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    /// The store the replicas share.
    pub store: &'a dyn Store,
    /// Makes keys, as the replicas do.
    pub vault: &'a dyn Vault,
    /// The replicas' schedule.
    pub schedule: Schedule,
    /// The `alg` of a new minting key; that of the present one when not given.
    pub algorithm: Option<&'static str>,
}

/// What came of a wish for another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that follows.
    pub key: KeyRecord,
    /// It was already waiting.
    pub waited: bool,
}

/// Every key of a store, by kind and age.
///
/// # Errors
/// The store cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<KeyRecord>, OperatorError> {
    Ok(records(&mut *store.read().await?).await?)
}

impl Operator<'_> {
    /// Publishes a successor of the current key, which signs once every verifier has fetched it. One that waits already
    /// stays as it is.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn rotate(&self, kind: Kind, now: Moment) -> Result<Rotation, OperatorError> {
        retry(|| self.publish_next(kind, now)).await
    }

    async fn publish_next(&self, kind: Kind, now: Moment) -> Result<Rotation, OperatorError> {
        let alg = self.check(kind).await?;
        let made = self.vault.make(kind, &alg).await?;
        let mut tx = self.store.begin().await?;
        let known = tx.keys().list(kind.name()).await?;
        if let Some(next) = life::find(&known, KeyState::Next) {
            return Ok(Rotation { key: next.clone(), waited: true });
        }
        let not_before = now.plus_seconds(self.schedule.lead());
        let key = record((kind, &alg), made, KeyState::Next, (now, not_before));
        tx.keys().insert(&key).await?;
        tx.commit().await?;
        Ok(Rotation { key, waited: false })
    }

    /// Signs with a fresh key at once, although no verifier has fetched it. The current key stays published until what it
    /// signed has expired; one that waited is refused, for it may have been stolen too and has signed nothing.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn rotate_now(&self, kind: Kind, now: Moment) -> Result<Rotation, OperatorError> {
        retry(|| self.replace(kind, now)).await
    }

    async fn replace(&self, kind: Kind, now: Moment) -> Result<Rotation, OperatorError> {
        let alg = self.check(kind).await?;
        let made = self.vault.make(kind, &alg).await?;
        let mut tx = self.store.begin().await?;
        for known in tx.keys().list(kind.name()).await? {
            match known.state {
                KeyState::Next => {
                    tx.keys().remove(&known.kid).await?;
                    let hash = known.kid.parse().map_err(|_| OperatorError::Unknown(known.kid))?;
                    emergency::refuse_key(&mut *tx, hash, now).await?;
                }
                KeyState::Current => {
                    let retires_at = Some(now.plus_seconds(RETIREMENT));
                    tx.keys().set_state(&known.kid, KeyState::Retiring, retires_at).await?;
                }
                _ => {}
            }
        }
        let key = record((kind, &alg), made, KeyState::Current, (now, now));
        tx.keys().insert(&key).await?;
        tx.commit().await?;
        Ok(Rotation { key, waited: false })
    }

    /// Takes a key out of `/keys` and has everything it signed refused everywhere, for as long as a verifier may still know
    /// it. A current key is replaced by a fresh one in the same transaction, which is returned.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn retire(&self, kid: &str, now: Moment) -> Result<Option<KeyRecord>, OperatorError> {
        retry(|| self.refuse(kid, now)).await
    }

    async fn refuse(&self, name: &str, now: Moment) -> Result<Option<KeyRecord>, OperatorError> {
        let unknown = || OperatorError::Unknown(name.to_owned());
        let found = list(self.store).await?.into_iter().find(|key| key.kid == name).ok_or_else(unknown)?;
        let kind = Kind::from_name(&found.kind).ok_or_else(unknown)?;
        let hash: Digest = name.parse().map_err(|_| unknown())?;
        let alg = self.check(kind).await?;
        let made = self.vault.make(kind, &alg).await?;
        let mut tx = self.store.begin().await?;
        let known = tx.keys().list(kind.name()).await?;
        let state = known.iter().find(|key| key.kid == name).ok_or_else(unknown)?.state;
        tx.keys().remove(name).await?;
        emergency::refuse_key(&mut *tx, hash, now).await?;
        let fresh = match state {
            KeyState::Current => Some(record((kind, &alg), made, KeyState::Current, (now, now))),
            _ => None,
        };
        if let Some(fresh) = &fresh {
            tx.keys().insert(fresh).await?;
        }
        tx.commit().await?;
        Ok(fresh)
    }

    /// Makes sure that this vault is the replicas' own: one that opens every key they have. The `alg` of a new key.
    async fn check(&self, kind: Kind) -> Result<String, OperatorError> {
        let known = list(self.store).await?;
        for key in &known {
            self.vault.open(key).await?;
        }
        let mut present = known.iter().filter(|key| key.kind == kind.name());
        let current = present.find(|key| key.state == KeyState::Current).ok_or(OperatorError::Empty(kind))?;
        Ok(match (kind, self.algorithm) {
            (Kind::Jose, Some(algorithm)) => algorithm.to_owned(),
            (Kind::Jose, None) => current.alg.clone(),
            (Kind::Schnorr, _) => SCHOCO_R255.to_owned(),
        })
    }
}
