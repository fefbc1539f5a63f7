//! Why nothing was minted.

use std::time::Duration;

use chassis::Problem;
use mesh::IdentityError;
use store::{MayConflict, StoreError};
use token::Refusal;
use token::mint::MintError as SigningError;
use wire::problem::ProblemKind;

use crate::keyring::KeyringError;
use crate::keyring::signer::SignerError;
use crate::oauth::OauthError;
use crate::permission::PermissionError;
use crate::provenance::ProvenanceError;

/// Why nothing was minted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The access token is refused.
    #[error(transparent)]
    Oauth(#[from] OauthError),
    /// The policy grants nothing.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// The person, the session or the caller is revoked, or nobody knows.
    #[error(transparent)]
    Revocation(Refusal),
    /// `rqd` is no hash.
    #[error("`rqd` is not the base64url SHA-256 of a signature base")]
    MalformedBinding,
    /// `rqd` at an endpoint whose roots are never bound.
    #[error("`rqd` binds plain DA-SVIDs only; in this mode the links carry it")]
    MisplacedBinding,
    /// This workload has no SVID.
    #[error("no SVID to sign with")]
    Identity(#[source] IdentityError),
    /// The SVID is about to expire and its successor has not come yet.
    #[error("the SVID is about to expire and its successor has not come yet")]
    IdentityExpires,
    /// There is no key to sign with.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// What holds the key did not sign.
    #[error("the root could not be signed")]
    Signer(#[from] SignerError),
    /// The key went out of use while the root was made.
    #[error("the key went out of use while the root was made; try again")]
    KeyRetired,
    /// The key is not one for the mode.
    #[error("the root could not be signed")]
    Signing(#[source] SigningError),
    /// The root is none any verifier would read: a claim of the provider is too long.
    #[error("the access token says more than fits into a DA-SVID")]
    Form(Refusal),
    /// The mint could not be recorded.
    #[error("the mint could not be recorded")]
    Store(#[from] StoreError),
    /// What proves the OAuth signature cannot be kept.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
}

impl MintError {
    /// The label it is counted and aggregated under, of a closed list; `None` where this service is at fault.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Oauth(error) => Some(error.label()),
            Self::Permission(_) => Some("permission"),
            Self::Revocation(_) => Some("revocation"),
            Self::MalformedBinding | Self::MisplacedBinding => Some("binding"),
            _ => None,
        }
    }
}

impl From<SigningError> for MintError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Claims(refusal) => Self::Form(refusal),
            other => Self::Signing(other),
        }
    }
}

impl MayConflict for MintError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl Problem for MintError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Oauth(error) => error.kind(),
            Self::Permission(PermissionError::Scope | PermissionError::Audience)
            | Self::MalformedBinding
            | Self::MisplacedBinding => ProblemKind::InvalidRequest,
            Self::Permission(_) => ProblemKind::NotPermitted,
            Self::Revocation(refusal) if refusal.problem_slug() == ProblemKind::Revoked.slug() => ProblemKind::Revoked,
            Self::Revocation(_)
            | Self::Identity(_)
            | Self::IdentityExpires
            | Self::Keyring(_)
            | Self::Signer(_)
            | Self::KeyRetired
            | Self::Store(_) => ProblemKind::Unavailable,
            Self::Form(_) => ProblemKind::InvalidToken,
            Self::Signing(_) | Self::Provenance(_) | Self::Randomness => ProblemKind::Internal,
        }
    }

    fn retry_after(&self) -> Duration {
        Duration::from_secs(2)
    }
}
