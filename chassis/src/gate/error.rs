//! What a peer is told when it is not admitted: the coarse reason. The rule and the segment are for the log.

use std::time::Duration;

use spiffe::SpiffeId;
use thiserror::Error;
use token::{Reason, Refusal, Rule};
use wire::problem::ProblemKind;

use crate::body::BodyError;
use crate::problem::Problem;

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GateError {
    /// The verifier refuses the chain or the request.
    #[error("chain refused by rule {refusal}")]
    Refused {
        /// The rule, the segment and the reason.
        refusal: Refusal,
        /// SPIFFE ID of this hop.
        culprit: SpiffeId,
    },
    /// The body did not arrive whole.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The request did not come over mTLS: a listener is set up wrongly.
    #[error("the request has no mTLS peer")]
    NoPeer,
}

impl Problem for GateError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Refused { refusal, .. } => kind(refusal),
            Self::Body(error) => error.kind(),
            Self::NoPeer => ProblemKind::Internal,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Refused { refusal, .. } => is_public(refusal).then(|| refusal.reason.to_string()),
            other => Some(other.to_string()),
        }
    }

    fn culprit(&self) -> Option<String> {
        match self {
            Self::Refused { culprit, .. } => Some(culprit.to_string()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn is_logged(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

fn kind(refusal: &Refusal) -> ProblemKind {
    ProblemKind::from_slug(refusal.problem_slug()).unwrap_or(ProblemKind::Internal)
}

/// What the sender can see in its own request, may be told once everything else held, or must be told to mend its
/// settings. Anything else would help only whoever probes.
fn is_public(refusal: &Refusal) -> bool {
    matches!(refusal.rule, Rule::Form | Rule::Mode | Rule::Authority | Rule::Once)
        || matches!(refusal.reason, Reason::NotSealed | Reason::Expired)
}
