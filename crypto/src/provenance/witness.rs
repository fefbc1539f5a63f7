//! What the prover knows: the provider's signature.

use super::{Scheme, SchemeError, Statement, ed25519, es256, gq};
use crate::jose::{JwkMembers, PublicKey, SignatureError};
use curve25519_dalek::scalar::Scalar as Ed25519Scalar;
use p256::{AffinePoint, Scalar as P256Scalar, elliptic_curve::PrimeField as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A verified OAuth signature, prepared for any number of proofs; overwritten when dropped, never shown.
pub struct Witness {
    scheme: Scheme,
    key: PublicKey,
    message: [u8; 32],
    secret: Secret,
}

/// The signature, apart into what a proof publishes and what it does not.
pub(super) enum Secret {
    Rsa { modulus: Vec<u8>, inverse: Zeroizing<Vec<u8>>, salt: Option<[u8; 32]> },
    Ec { point: AffinePoint, encoded: [u8; es256::POINT], s: Zeroizing<P256Scalar> },
    Ed25519 { point: [u8; ed25519::WIDTH], s: Zeroizing<Ed25519Scalar> },
}

/// Why bytes are not a signature that can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// No proof is defined for the `alg`.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The signature is not the key's over the message, or not in a form that is accepted.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Witness {
    /// Verifies an OAuth token's signature and prepares it.
    ///
    /// `alg` is that of the OAuth header, `signing_input` its header and payload as signed. An ES256 signature may have a
    /// high s here: providers make them. What [`PublicKey`] refuses never gets here: another RSA exponent than 65537, a
    /// modulus of fewer than 2048 or more than 4096 bits.
    ///
    /// # Errors
    /// [`WitnessError`] if there is no proof for the algorithm or the signature does not verify.
    pub fn new(alg: &str, key: &PublicKey, signing_input: &[u8], signature: &[u8]) -> Result<Self, WitnessError> {
        let scheme = Scheme::of_alg(alg)?;
        if !key.fits(scheme.algorithm()) {
            return Err(SignatureError::KeyMismatch.into());
        }
        match scheme.algorithm().signature_len() {
            // Verified with what is made of it, in constant time, and with a high s.
            Some(len) if signature.len() != len => return Err(SignatureError::Length.into()),
            Some(_) => {}
            None => key.verify(scheme.algorithm(), signing_input, signature)?,
        }
        let secret = Secret::new(scheme, key, signing_input, signature).ok_or(SignatureError::Invalid)?;
        Ok(Self { scheme, key: key.clone(), message: Sha256::digest(signing_input).into(), secret })
    }

    /// The kind of proof it serves.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn is_of(&self, scheme: Scheme, statement: &Statement<'_>) -> bool {
        let message: [u8; 32] = Sha256::digest(statement.signing_input).into();
        self.scheme == scheme && self.message == message && self.key == *statement.key
    }

    /// The part of the signature that every proof shows: the salt, R, or nothing.
    pub(super) fn published(&self) -> &[u8] {
        match &self.secret {
            Secret::Rsa { salt, .. } => salt.as_ref().map_or(&[], |salt| salt.as_slice()),
            Secret::Ec { encoded, .. } => encoded,
            Secret::Ed25519 { point, .. } => point,
        }
    }

    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl Secret {
    fn new(scheme: Scheme, key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<Self> {
        match key.members() {
            JwkMembers::Rsa { n, .. } => {
                let gq::Inverted { inverse, salt } = gq::invert(scheme, n, message, signature)?;
                Some(Self::Rsa { modulus: n.clone(), inverse, salt })
            }
            JwkMembers::Ec { x, y, .. } => {
                let es256::Halves { point, encoded, s } = es256::halve(x, y, message, signature)?;
                Some(Self::Ec { point, encoded, s })
            }
            JwkMembers::Okp { x, .. } => {
                let ed25519::Halves { point, s } = ed25519::halve(x, message, signature)?;
                Some(Self::Ed25519 { point, s })
            }
        }
    }

    /// The part that no proof shows, for nonces.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Rsa { inverse, .. } => inverse.clone(),
            Self::Ec { s, .. } => Zeroizing::new(s.to_repr().to_vec()),
            Self::Ed25519 { s, .. } => Zeroizing::new(s.to_bytes().to_vec()),
        }
    }
}
