//! What signs: the place for a key-management service or a PKCS #11 token.
//!
//! Everything asserting-wl signs goes through a [`Signer`]: roots of every mode and the list of revocations. The only
//! implementation signs with a key in this process, a minting or Schnorr key unsealed from the store ([`LocalSigner`]) or
//! the SVID's own ([`SvidSigner`]).
//!
//! # Implementing one
//!
//! - [`Signer::sign`] may take a network round trip; [`sign`] ends its patience after `keys.signer_timeout`, and the mint is
//!   refused with 503. Dropping the future must be harmless.
//! - The tail is exactly what travels: ECDSA as r ‖ s with s ≤ n/2 (most services answer in DER and with either s), PS256
//!   with a salt of 32 bytes, Ed25519 as R ‖ S, a Schnorr root as R ‖ s.
//! - A Schnorr key signs under `crypto::schoco`'s transcript. A device that knows plain signatures only cannot hold one;
//!   leave those keys local.

use std::sync::Arc;
use std::time::Duration;

use chassis::async_trait;
use crypto::{jose, schoco};
use mesh::Svid;
use token::RootKey;
use token::mode::SegmentAlgorithm;
use zeroize::Zeroizing;

/// Why nothing was signed. No variant holds anything of a key or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// What holds the key cannot be reached.
    #[error("what holds the signing key cannot be reached")]
    Unavailable,
    /// There was no signature in time.
    #[error("what holds the signing key did not answer in time")]
    Timeout,
    /// The key does not sign.
    #[error("the signing key does not sign")]
    Refused,
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
}

/// A private key that signs, wherever it is.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The public half; of a JOSE key with the one algorithm it signs with.
    fn public(&self) -> &RootKey;

    /// Signs `message` and returns the tail of a segment. Of an anonymous root that holds the key that continues the
    /// chain, so it is wiped when dropped.
    ///
    /// # Errors
    /// [`SignerError`]; nothing was signed then, or nobody has the signature.
    async fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignerError>;
}

/// The algorithm a key signs with, as a header spells it.
#[must_use]
pub fn algorithm(public: &RootKey) -> SegmentAlgorithm {
    match public {
        RootKey::Jose { alg, .. } => SegmentAlgorithm::Jose(*alg),
        RootKey::Schoco(_) => SegmentAlgorithm::Schoco,
    }
}

/// Signs, and waits no longer than `patience`.
///
/// # Errors
/// [`SignerError::Timeout`], or what the signer says.
pub async fn sign(signer: &dyn Signer, message: &[u8], patience: Duration) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    tokio::time::timeout(patience, signer.sign(message)).await.unwrap_or(Err(SignerError::Timeout))
}

/// A key in this process.
pub struct LocalSigner {
    public: RootKey,
    key: LocalKey,
}

enum LocalKey {
    Jose(jose::SigningKey),
    Schnorr(schoco::SigningKey),
}

impl LocalSigner {
    /// Signs plain and ID roots with `alg`; `None` if the key does not fit it.
    #[must_use]
    pub fn jose(key: jose::SigningKey, alg: jose::Algorithm) -> Option<Self> {
        let public = key.public_key();
        let public = public.fits(alg).then_some(RootKey::Jose { alg, key: public })?;
        Some(Self { public, key: LocalKey::Jose(key) })
    }

    /// Signs anonymous roots.
    #[must_use]
    pub fn schnorr(key: schoco::SigningKey) -> Self {
        Self { public: RootKey::Schoco(key.root_key()), key: LocalKey::Schnorr(key) }
    }
}

#[async_trait]
impl Signer for LocalSigner {
    fn public(&self) -> &RootKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        match (&self.key, &self.public) {
            (LocalKey::Jose(key), RootKey::Jose { alg, .. }) => sign_jose(key, *alg, message),
            (LocalKey::Schnorr(key), RootKey::Schoco(public)) => sign_schnorr(key, public, message),
            _ => Err(SignerError::Refused),
        }
    }
}

fn sign_jose(key: &jose::SigningKey, alg: jose::Algorithm, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    key.sign(alg, message).map(Zeroizing::new).map_err(|_| SignerError::Refused)
}

fn sign_schnorr(
    key: &schoco::SigningKey,
    public: &schoco::RootKey,
    message: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    let mut fresh = Zeroizing::new([0; 32]);
    getrandom::fill(fresh.as_mut()).map_err(|_| SignerError::Randomness)?;
    let mut transcript = schoco::Transcript::new(public);
    let signature = schoco::sign(&mut transcript, key, message, &fresh).map_err(|_| SignerError::Randomness)?;
    let mut tail = Zeroizing::new(Vec::with_capacity(64));
    tail.extend_from_slice(&signature.r);
    tail.extend_from_slice(&*signature.s.to_bytes());
    Ok(tail)
}

/// The key of this workload's own SVID.
pub struct SvidSigner {
    public: RootKey,
    svid: Arc<Svid>,
}

impl SvidSigner {
    /// Signs with the SVID's key; `None` if it is of a kind that signs no root.
    #[must_use]
    pub fn new(svid: Arc<Svid>) -> Option<Self> {
        let key = svid.key.public_key();
        let alg = key.link_algorithm()?;
        Some(Self { public: RootKey::Jose { alg, key }, svid })
    }
}

#[async_trait]
impl Signer for SvidSigner {
    fn public(&self) -> &RootKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        match &self.public {
            RootKey::Jose { alg, .. } => sign_jose(&self.svid.key, *alg, message),
            RootKey::Schoco(_) => Err(SignerError::Refused),
        }
    }
}
