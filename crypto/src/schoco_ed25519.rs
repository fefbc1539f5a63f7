//! SCHOCO-ED25519: the suite of the published Go implementation of `SchoCo`, for interoperability and benchmarks.
//!
//! **No workload accepts it.** Byte-compatible where the input is valid, strict where Go is lax: points must be canonical
//! and in the prime-order subgroup, the identity and unreduced scalars are refused.
//!
//! | what | bytes |
//! |---|---|
//! | group | the subgroup of order ℓ of edwards25519, base point B, without cofactor; points as in RFC 8032 §5.1.2 |
//! | challenge | h = SHA-256(hex(R) ‖ message ‖ hex(Y)) read little-endian mod ℓ; hex is lowercase ASCII |
//! | sign | R = k·B, s = k − h·y under the key y with Y = y·B; s is the next key |
//! | verify | Yᵢ₊₁ = Rᵢ − hᵢ·Yᵢ step by step, then sₙ·B = Yₙ₊₁ |
//!
//! Each challenge needs the key derived by the step before, so the chain cannot be checked by one multiplication: this is
//! what SCHOCO-R255 is measured against. Messages are neither counted nor bound to what precedes them.

use crate::schoco::{PointError, SignError, Signature, SigningKey, Step, VerifyError};
use curve25519_dalek::{
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity as _,
};
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt::Write as _;
use zeroize::{Zeroize as _, Zeroizing};

#[cfg(test)]
mod tests;

const NONCE: &[u8] = b"dasvid SCHOCO-ED25519 nonce v1";

/// A public key Y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootKey(EdwardsPoint);

impl RootKey {
    /// Decodes a key.
    ///
    /// # Errors
    /// [`PointError`] if it is not canonical, is the identity or is outside the prime-order subgroup.
    pub fn from_bytes(encoded: &[u8; 32]) -> Result<Self, PointError> {
        decode(encoded).map(Self).ok_or(PointError)
    }

    /// The public half of a secret scalar.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self(EdwardsPoint::mul_base(key.scalar()))
    }

    /// The encoded point.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }
}

/// Signs `message` under `key`, which is a root's private half or the s of the signature before.
///
/// The Go implementation draws nonces at random; here they are derived as in [`crate::schoco`], which looks the same from
/// outside. `fresh` are 32 random bytes, new for each call.
///
/// # Errors
/// [`SignError`] with probability 2⁻²⁵¹.
pub fn sign(key: &SigningKey, message: &[u8], fresh: &[u8; 32]) -> Result<Signature, SignError> {
    let public = RootKey::of(key).to_bytes();
    let mut hash = Sha512::new();
    for part in [NONCE, key.scalar().as_bytes(), fresh, &public, message] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut wide = hash.finalize().into();
    let nonce = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
    wide.zeroize();
    sign_with(key, &public, message, &nonce)
}

fn sign_with(key: &SigningKey, public: &[u8; 32], message: &[u8], nonce: &Scalar) -> Result<Signature, SignError> {
    if *nonce == Scalar::ZERO {
        return Err(SignError);
    }
    let r = EdwardsPoint::mul_base(nonce).compress().to_bytes();
    let s = nonce - challenge(&r, message, public) * key.scalar();
    Ok(Signature { r, s: SigningKey::new(s).ok_or(SignError)? })
}

/// Checks every signature from `root` to the last, which ends in `s`, and returns the key of the next.
///
/// Variable time.
///
/// # Errors
/// [`VerifyError`]; if the equation fails, no step can be blamed.
pub fn verify(root: &RootKey, steps: &[Step<'_>], s: &[u8; 32]) -> Result<RootKey, VerifyError> {
    let mut key = *root;
    for (index, step) in steps.iter().enumerate() {
        let r = decode(&step.r).ok_or(VerifyError::Point { index })?;
        let h = challenge(&step.r, step.message, &key.to_bytes());
        key = RootKey(r + EdwardsPoint::vartime_double_scalar_mul_basepoint(&-h, &key.0, &Scalar::ZERO));
    }
    let s = SigningKey::from_bytes(s).map_err(|_| VerifyError::Scalar)?;
    if steps.is_empty() {
        Err(VerifyError::Empty)
    } else if RootKey::of(&s) == key {
        Ok(key)
    } else {
        Err(VerifyError::Equation)
    }
}

fn challenge(r: &[u8; 32], message: &[u8], public: &[u8; 32]) -> Scalar {
    let mut hash = Sha256::new();
    hash.update(lower_hex(r));
    hash.update(message);
    hash.update(lower_hex(public));
    Scalar::from_bytes_mod_order(hash.finalize().into())
}

fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Cannot fail: a String takes whatever is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Decodes a canonical point of order ℓ.
fn decode(encoded: &[u8; 32]) -> Option<EdwardsPoint> {
    let canonical = |point: &EdwardsPoint| point.compress().as_bytes() == encoded;
    let of_prime_order = |point: &EdwardsPoint| !point.is_identity() && point.is_torsion_free();
    CompressedEdwardsY(*encoded).decompress().filter(canonical).filter(of_prime_order)
}
