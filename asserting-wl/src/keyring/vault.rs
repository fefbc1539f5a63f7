//! Where private keys are made and kept. The only implementation keeps them sealed in the store.
//!
//! A key's name, kind and algorithm are sealed with it, so no row of the store can stand in for another.

use std::sync::Arc;

use chassis::async_trait;
use crypto::{jose, schoco};
use store::KeyRecord;
use store::seal::{SealError, SealKey};
use zeroize::Zeroizing;

use super::Kind;
use super::signer::{LocalSigner, Signer};

/// Why a key cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A key cannot be sealed or opened.
    #[error("the minting keys cannot be unsealed; is the sealing key the one they were made with?")]
    Seal(#[from] SealError),
    /// A key is not what its row says.
    #[error("the minting key `{0}` in the store is not usable")]
    Unusable(String),
    /// No key of this kind has such an algorithm.
    #[error("`{0}` is no algorithm of a minting key")]
    Algorithm(String),
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
    /// A key could not be made.
    #[error("a minting key could not be made")]
    Generation(#[from] jose::KeyError),
    /// What holds the keys cannot be reached.
    #[error("what holds the minting keys cannot be reached")]
    Unavailable,
}

/// A key that was just made and is in no store yet.
pub struct Made {
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// What the store keeps of it: the sealed private half, or what names it where it is.
    pub kept: Vec<u8>,
}

/// Makes keys, and finds them again by what the store keeps.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Makes a key of a kind for an `alg`.
    ///
    /// # Errors
    /// [`VaultError`].
    async fn make(&self, kind: Kind, alg: &str) -> Result<Made, VaultError>;

    /// What signs with the key of `record`. Its public half has the thumbprint `record.kid` and signs with `record.alg`.
    ///
    /// # Errors
    /// [`VaultError`].
    async fn open(&self, record: &KeyRecord) -> Result<Arc<dyn Signer>, VaultError>;
}

/// Keys in the store, sealed.
pub struct SealedVault(SealKey);

impl SealedVault {
    /// Seals and opens with `key`.
    #[must_use]
    pub fn new(key: SealKey) -> Self {
        Self(key)
    }

    fn seal(&self, kind: Kind, alg: &str, name: &str, private: &[u8]) -> Result<Made, VaultError> {
        Ok(Made { kid: name.to_owned(), kept: self.0.seal(&context(kind.name(), alg, name), private)? })
    }
}

#[async_trait]
impl Vault for SealedVault {
    async fn make(&self, kind: Kind, alg: &str) -> Result<Made, VaultError> {
        match kind {
            Kind::Jose => {
                let algorithm = alg.parse().map_err(|_| VaultError::Algorithm(alg.to_owned()))?;
                let private = jose::SigningKey::generate(algorithm)?;
                let name = jose::SigningKey::from_pkcs8(&private)?.public_key().thumbprint();
                self.seal(kind, alg, &name, &private)
            }
            Kind::Schnorr => {
                let mut wide = Zeroizing::new([0; 64]);
                getrandom::fill(wide.as_mut()).map_err(|_| VaultError::Randomness)?;
                let key = schoco::SigningKey::from_wide(&wide).map_err(|_| VaultError::Randomness)?;
                self.seal(kind, alg, &key.root_key().thumbprint(), &key.to_bytes()[..])
            }
        }
    }

    async fn open(&self, record: &KeyRecord) -> Result<Arc<dyn Signer>, VaultError> {
        let private = self.0.open(&context(&record.kind, &record.alg, &record.kid), &record.sealed)?;
        let signer = local(record, &private).ok_or_else(|| VaultError::Unusable(record.kid.clone()))?;
        Ok(Arc::new(signer))
    }
}

fn local(record: &KeyRecord, private: &[u8]) -> Option<LocalSigner> {
    let signer = match Kind::from_name(&record.kind)? {
        Kind::Jose => LocalSigner::jose(jose::SigningKey::from_pkcs8(private).ok()?, record.alg.parse().ok()?)?,
        Kind::Schnorr => {
            let bytes = Zeroizing::new(<[u8; 32]>::try_from(private).ok()?);
            LocalSigner::schnorr(schoco::SigningKey::from_bytes(&bytes).ok()?)
        }
    };
    (signer.public().thumbprint() == record.kid).then_some(signer)
}

/// What is sealed with a key: its place in the store.
fn context(kind: &str, algorithm: &str, name: &str) -> Vec<u8> {
    format!("dasvid asserting-wl key v1 {kind} {algorithm} {name}").into_bytes()
}
