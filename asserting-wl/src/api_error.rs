//! Refusals that belong to no endpoint of their own.

use std::time::Duration;

use chassis::Problem;
use wire::problem::ProblemKind;

use crate::admission::AdmissionError;

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

/// `/keys` with another query than one `alg`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the only parameter here is `alg`, once; tokens never belong into a URL")]
pub struct KeysError;

impl Problem for KeysError {
    fn kind(&self) -> ProblemKind {
        ProblemKind::InvalidRequest
    }
}
