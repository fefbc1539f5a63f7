//! Public keys, parsed once and used for many signatures.

use super::{Algorithm, JwkMembers, KeyError, SignatureError, der, order};
use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256,
    },
};
use ed25519_dalek::{Signature, VerifyingKey};
use std::{fmt, sync::Arc};

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// A curve of an ECDSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

impl Curve {
    /// The `crv` of a JWK.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// The length in bytes of a coordinate and of a scalar.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// A key that verifies root and link signatures; cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Parsed>);

struct Parsed {
    members: JwkMembers,
    verifier: Verifier,
}

/// The library's form of the key. An RSA key serves two algorithms, each with a parsed key of its own.
enum Verifier {
    Ec(Curve, ParsedPublicKey),
    Rsa { pss: ParsedPublicKey, pkcs1: ParsedPublicKey, len: usize },
    Ed25519(VerifyingKey),
}

impl PublicKey {
    /// Reads an X.509 `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`KeyError`] if it is not exactly one key of a supported kind.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        der::spki(der)
    }

    /// Takes the big-endian coordinates of an ECDSA key.
    ///
    /// # Errors
    /// [`KeyError::Width`] if a coordinate is not of full width, [`KeyError::Point`] if the point is not on the curve.
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.width() || y.len() != curve.width() {
            return Err(KeyError::Width);
        }
        let algorithm = match curve {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        };
        let point = [&[4], x, y].concat();
        let parsed = ParsedPublicKey::new(algorithm, point).map_err(|_| KeyError::Point)?;
        let members = JwkMembers::Ec { crv: curve.name(), x: x.to_vec(), y: y.to_vec() };
        Ok(Self::new(members, Verifier::Ec(curve, parsed)))
    }

    /// Takes the big-endian modulus and exponent of an RSA key.
    ///
    /// # Errors
    /// [`KeyError::Modulus`] unless `n` has 2048 to 4096 bits, is odd and has no leading zero bytes;
    /// [`KeyError::Exponent`] unless `e` is 65537 in three bytes.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (Some(first @ 1..), Some(last)) = (n.first(), n.last()) else { return Err(KeyError::Modulus) };
        let bits = (n.len() * 8).saturating_sub(first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) || last % 2 == 0 {
            return Err(KeyError::Modulus);
        }
        if e != RSA_EXPONENT {
            return Err(KeyError::Exponent);
        }
        let components = PublicKeyComponents { n, e };
        let parsed = |parameters| components.to_parsed_public_key(parameters).map_err(|_| KeyError::Modulus);
        let verifier = Verifier::Rsa {
            pss: parsed(&RSA_PSS_2048_8192_SHA256)?,
            pkcs1: parsed(&RSA_PKCS1_2048_8192_SHA256)?,
            len: n.len(),
        };
        Ok(Self::new(JwkMembers::Rsa { e: e.to_vec(), n: n.to_vec() }, verifier))
    }

    /// Takes the encoded point of an Ed25519 key.
    ///
    /// # Errors
    /// [`KeyError::Width`] unless it has 32 bytes, [`KeyError::Point`] if it is not on the curve, not canonical or of
    /// small order.
    pub fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let bytes = x.try_into().map_err(|_| KeyError::Width)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
        // The library keeps the received bytes; decoding takes encodings that encoding would not give.
        if key.is_weak() || key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::Point);
        }
        let members = JwkMembers::Okp { crv: "Ed25519", x: x.to_vec() };
        Ok(Self::new(members, Verifier::Ed25519(key)))
    }

    fn new(members: JwkMembers, verifier: Verifier) -> Self {
        Self(Arc::new(Parsed { members, verifier }))
    }

    /// Whether signatures of this algorithm can be by this key.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.0.verifier {
            Verifier::Ec(Curve::P256, _) => algorithm == Algorithm::Es256,
            Verifier::Ec(Curve::P384, _) => algorithm == Algorithm::Es384,
            Verifier::Rsa { .. } => matches!(algorithm, Algorithm::Ps256 | Algorithm::Rs256),
            Verifier::Ed25519(_) => algorithm == Algorithm::Ed25519,
        }
    }

    /// The one algorithm of links, and of roots by certificate, under this key; none for Ed25519.
    #[must_use]
    pub fn link_algorithm(&self) -> Option<Algorithm> {
        match &self.0.verifier {
            Verifier::Ec(Curve::P256, _) => Some(Algorithm::Es256),
            Verifier::Ec(Curve::P384, _) => Some(Algorithm::Es384),
            Verifier::Rsa { .. } => Some(Algorithm::Ps256),
            Verifier::Ed25519(_) => None,
        }
    }

    /// Checks one signature over one message.
    ///
    /// # Errors
    /// [`SignatureError`] if the signature is not the one strict form of a signature by this key over these bytes.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match (&self.0.verifier, algorithm) {
            (Verifier::Ec(curve, key), _) if self.fits(algorithm) => {
                order::check(*curve, signature)?;
                key.verify_sig(message, signature).map_err(|_| SignatureError::Invalid)
            }
            (Verifier::Rsa { pss: key, len, .. }, Algorithm::Ps256)
            | (Verifier::Rsa { pkcs1: key, len, .. }, Algorithm::Rs256) => {
                if signature.len() != *len {
                    return Err(SignatureError::Length);
                }
                key.verify_sig(message, signature).map_err(|_| SignatureError::Invalid)
            }
            (Verifier::Ed25519(key), Algorithm::Ed25519) => {
                let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Length)?;
                key.verify_strict(message, &signature).map_err(|_| SignatureError::Invalid)
            }
            _ => Err(SignatureError::KeyMismatch),
        }
    }

    /// The RFC 7638 thumbprint in base64url, the `kid` of a published key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.0.members.thumbprint()
    }

    /// The members that make up the key's identity as a JWK.
    #[must_use]
    pub fn members(&self) -> &JwkMembers {
        &self.0.members
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.members == other.0.members
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.thumbprint()).finish()
    }
}
