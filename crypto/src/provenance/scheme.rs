//! Which proof belongs to which signature algorithm, and how many rounds it has.

use crate::jose::Algorithm;

/// A kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `GQ1-RS256`
    Rs256,
    /// `GQ1-PS256`
    Ps256,
    /// `POK-ES256`
    Es256,
    /// `POK-Ed25519`
    Ed25519,
}

/// An `alg` without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// HS256 and its kind.
    #[error("a symmetric signature proves nothing: whoever can verify it could forge it")]
    Symmetric,
    /// Any other.
    #[error("no proof is defined for this algorithm; RS256, PS256, ES256 and Ed25519 have one")]
    Unsupported,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::Ed25519];

    /// The scheme for an OAuth token's `alg`, which for Ed25519 has two names (RFC 8037, RFC 9864).
    ///
    /// # Errors
    /// [`SchemeError`] if there is none.
    pub fn of_alg(alg: &str) -> Result<Self, SchemeError> {
        match alg {
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            "ES256" => Ok(Self::Es256),
            "Ed25519" | "EdDSA" => Ok(Self::Ed25519),
            _ if alg.starts_with("HS") => Err(SchemeError::Symmetric),
            _ => Err(SchemeError::Unsupported),
        }
    }

    /// The name in the challenge.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "GQ1-RS256",
            Self::Ps256 => "GQ1-PS256",
            Self::Es256 => "POK-ES256",
            Self::Ed25519 => "POK-Ed25519",
        }
    }

    /// The algorithm of the signature.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::Rs256,
            Self::Ps256 => Algorithm::Ps256,
            Self::Es256 => Algorithm::Es256,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }

    /// How many bytes of challenge a proof has.
    pub(super) const fn challenge_len(self, rounds: Rounds) -> usize {
        match self {
            Self::Rs256 | Self::Ps256 => 2 * rounds.count(),
            Self::Es256 | Self::Ed25519 => 16,
        }
    }
}

/// How many rounds of 16 bits an RSA proof has; the other proofs have one of 128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounds {
    /// 128 bits.
    #[default]
    Eight,
    /// 256 bits. They do not outdo RSA-2048 itself, which has about 112.
    Sixteen,
}

/// A number of rounds that is neither 8 nor 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proof has 8 or 16 rounds")]
pub struct RoundsError;

impl Rounds {
    /// The number.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }
}

impl TryFrom<u64> for Rounds {
    type Error = RoundsError;

    fn try_from(count: u64) -> Result<Self, RoundsError> {
        match count {
            8 => Ok(Self::Eight),
            16 => Ok(Self::Sixteen),
            _ => Err(RoundsError),
        }
    }
}
