//! Refusals that belong to no endpoint of their own.

use std::time::Duration;

use chassis::Problem;
use wire::problem::ProblemKind;

use crate::admission::AdmissionError;
use crate::keyring::KeyringError;

/// A caller that is not let in.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmissionRefused {
    /// The request came over a connection without an authenticated peer.
    #[error("the connection has no authenticated peer")]
    NoPeer,
    /// The peer belongs to another trust domain.
    #[error("callers must belong to the trust domain of this service")]
    TrustDomain,
    /// The peer asks for more than it may.
    #[error(transparent)]
    Limit(AdmissionError),
}

impl Problem for AdmissionRefused {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::NoPeer => ProblemKind::Internal,
            Self::TrustDomain => ProblemKind::NotPermitted,
            Self::Limit(_) => ProblemKind::RateLimited,
        }
    }

    fn retry_after(&self) -> Duration {
        match self {
            Self::Limit(error) => error.retry_after(),
            _ => Duration::from_secs(1),
        }
    }
}

/// Why `/keys` is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// Another query than one `alg`.
    #[error("the only parameter here is `alg`, once; tokens never belong into a URL")]
    Query,
    /// The keys cannot be had.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl Problem for KeysError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Query => ProblemKind::InvalidRequest,
            Self::Keyring(error) => error.kind(),
        }
    }
}
