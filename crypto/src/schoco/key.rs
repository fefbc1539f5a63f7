//! Published root keys and the scalars that sign.

use crate::jose::JwkMembers;
use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_POINT as G,
    ristretto::{CompressedRistretto, RistrettoPoint, VartimeRistrettoPrecomputation},
    scalar::Scalar,
    traits::{IsIdentity as _, VartimePrecomputedMultiscalarMul as _},
};
use std::{fmt, sync::Arc};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Bytes that are not the canonical encoding of a group element, or are that of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the point is not the canonical encoding of a group element, or is the identity")]
pub struct PointError;

/// Bytes that are not a scalar in 1 … ℓ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scalar is zero or not below the group order")]
pub struct ScalarError;

/// A published key Y with the tables that make verification fast; made once a key, cheap to clone.
#[derive(Clone)]
pub struct RootKey(Arc<Prepared>);

struct Prepared {
    encoded: [u8; 32],
    tables: VartimeRistrettoPrecomputation,
}

impl RootKey {
    /// Decodes a key and builds its tables, which takes about as long as one verification.
    ///
    /// # Errors
    /// [`PointError`] if the bytes are not canonical or encode the identity.
    pub fn from_bytes(encoded: [u8; 32]) -> Result<Self, PointError> {
        let point = decode(&encoded).ok_or(PointError)?;
        Ok(Self::new(encoded, point))
    }

    fn new(encoded: [u8; 32], point: RistrettoPoint) -> Self {
        Self(Arc::new(Prepared { encoded, tables: VartimeRistrettoPrecomputation::new([G, point]) }))
    }

    /// The encoded point, `x` of the JWK.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0.encoded
    }

    /// The members of the JWK `{"crv":"ristretto255","kty":"OKP","x":…}`.
    #[must_use]
    pub fn members(&self) -> JwkMembers {
        JwkMembers::Okp { crv: "ristretto255", x: self.0.encoded.to_vec() }
    }

    /// The RFC 7638 thumbprint in base64url, the `kid` of a published key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.members().thumbprint()
    }

    /// Tables of G and Y, in this order.
    pub(super) fn tables(&self) -> &VartimeRistrettoPrecomputation {
        &self.0.tables
    }
}

impl PartialEq for RootKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.encoded == other.0.encoded
    }
}

impl Eq for RootKey {}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("schoco::RootKey").field(&self.thumbprint()).finish()
    }
}

/// Decodes a point that is canonical and not the identity; in variable time.
pub(super) fn decode(encoded: &[u8; 32]) -> Option<RistrettoPoint> {
    CompressedRistretto(*encoded).decompress().filter(|point| !point.is_identity())
}

/// A scalar that signs: the private half of a root key, or the s of the signature before.
///
/// Overwritten when dropped. Not `Clone`: a received s signs once.
#[derive(ZeroizeOnDrop)]
pub struct SigningKey(Scalar);

impl SigningKey {
    /// Reads 32 bytes little-endian.
    ///
    /// # Errors
    /// [`ScalarError`] if the value is zero or not below ℓ.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ScalarError> {
        Option::from(Scalar::from_canonical_bytes(*bytes)).and_then(Self::new).ok_or(ScalarError)
    }

    /// Reduces 64 random bytes, little-endian, mod ℓ: a fresh root key.
    ///
    /// # Errors
    /// [`ScalarError`] if the result is zero, which random bytes never give.
    pub fn from_wide(bytes: &[u8; 64]) -> Result<Self, ScalarError> {
        Self::new(Scalar::from_bytes_mod_order_wide(bytes)).ok_or(ScalarError)
    }

    pub(crate) fn new(scalar: Scalar) -> Option<Self> {
        (scalar != Scalar::ZERO).then_some(Self(scalar))
    }

    /// The 32 bytes little-endian, to be stored or put into a tail.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half, z·G, with its tables.
    #[must_use]
    pub fn root_key(&self) -> RootKey {
        let point = RistrettoPoint::mul_base(&self.0);
        RootKey::new(point.compress().to_bytes(), point)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("schoco::SigningKey(…)")
    }
}
