//! Names of the algorithms, as in the `alg` header.

use std::{fmt, str::FromStr};

/// A JOSE signature algorithm that a root or a link may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519 by its fully specified name (RFC 9864); `EdDSA` is not accepted.
    Ed25519,
}

/// A name that is none of [`Algorithm::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm is not ES256, ES384, PS256, RS256 or Ed25519")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Ps256, Self::Rs256, Self::Ed25519];

    /// The exact text of `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The length of every signature in bytes; none for RSA, where it is that of the modulus.
    #[must_use]
    pub fn signature_len(self) -> Option<usize> {
        match self {
            Self::Es256 | Self::Ed25519 => Some(64),
            Self::Es384 => Some(96),
            Self::Ps256 | Self::Rs256 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(UnknownAlgorithm)
    }
}
