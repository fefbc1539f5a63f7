//! Why a request is not passed on or not answered, and what its sender is told.

use chassis::Problem;
use chassis::gate::GateError;
use mesh::ClientError;
use spiffe::SpiffeId;
use thiserror::Error;
use token::Refusal;
use token::hop::HopError;
use wire::problem::ProblemKind;

use crate::{exchange::Ended, hygiene::HeaderError, link::LinkError};

/// A request that went wrong here or behind.
#[derive(Clone, Debug, Error)]
#[error("{cause}")]
pub(crate) struct Refused {
    /// What went wrong.
    #[source]
    pub(crate) cause: Cause,
    /// SPIFFE ID of the hop to blame: this one, or the next.
    pub(crate) culprit: SpiffeId,
}

/// What went wrong.
#[derive(Clone, Debug, Error)]
pub(crate) enum Cause {
    /// The chain is not believed.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The header section cannot be passed on.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The request's shape: path tricks, overrides, fields that occur twice.
    #[error("{}", .0.reason)]
    Shape(Refusal),
    /// No route admits the request.
    #[error("no route of this hop admits the request")]
    NoRoute,
    /// TRACE would send the chain back to whoever asks.
    #[error("TRACE is not possible through this hop")]
    Trace,
    /// The request has been here before.
    #[error("the request runs in a circle: this hop already stands in Via")]
    Circle,
    /// The body announces more bytes than allowed.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    /// This hop cannot continue the chain.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The exchange ended early.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The next hop gave no answer.
    #[error(transparent)]
    Upstream(#[from] ClientError),
    /// The next hop wants to speak another protocol.
    #[error("the next service answered 101")]
    Upgraded,
}

impl Problem for Refused {
    fn kind(&self) -> ProblemKind {
        match &self.cause {
            Cause::Gate(error) => error.kind(),
            Cause::Header(_) | Cause::Shape(_) | Cause::Circle => ProblemKind::InvalidRequest,
            Cause::NoRoute => ProblemKind::NotPermitted,
            Cause::Trace => ProblemKind::MethodNotAllowed,
            Cause::TooLarge(_) => ProblemKind::TooLarge,
            Cause::Link(error) => of_link(error),
            Cause::Ended(reason) => of_end(reason),
            Cause::Upstream(error) => of_upstream(error),
            Cause::Upgraded => ProblemKind::UpstreamFailed,
        }
    }

    fn detail(&self) -> Option<String> {
        match &self.cause {
            Cause::Gate(error) => error.detail(),
            cause => Some(cause.to_string()),
        }
    }

    fn culprit(&self) -> Option<String> {
        Some(self.culprit.to_string())
    }

    fn is_logged(&self) -> bool {
        matches!(&self.cause, Cause::Gate(error) if error.is_logged())
    }
}

fn of_link(error: &LinkError) -> ProblemKind {
    match error {
        LinkError::Identity(_) | LinkError::RootKey | LinkError::Hop(HopError::CertificateEnding(_)) => {
            ProblemKind::Unavailable
        }
        LinkError::Hop(HopError::Form(_)) | LinkError::Field => ProblemKind::TooLarge,
        LinkError::Hop(
            HopError::TooManyLinks(_)
            | HopError::Expired(_)
            | HopError::FromFuture(_)
            | HopError::Sealed
            | HopError::NotForUs(_),
        ) => ProblemKind::InvalidChain,
        LinkError::Hop(_) | LinkError::Random => ProblemKind::Internal,
    }
}

fn of_end(reason: &Ended) -> ProblemKind {
    match reason {
        Ended::DigestMismatch | Ended::RequestStalled(_) | Ended::ForbiddenTrailer(_) | Ended::ClientGone => {
            ProblemKind::InvalidRequest
        }
        Ended::TooLarge(_) => ProblemKind::TooLarge,
        Ended::Revoked => ProblemKind::Revoked,
        Ended::UpstreamGone => ProblemKind::UpstreamFailed,
        Ended::ResponseStalled => ProblemKind::UpstreamTimeout,
    }
}

fn of_upstream(error: &ClientError) -> ProblemKind {
    match error {
        ClientError::Identity(_) => ProblemKind::Unavailable,
        ClientError::Target { .. } | ClientError::RequestBody => ProblemKind::InvalidRequest,
        error if error.is_timeout() => ProblemKind::UpstreamTimeout,
        _ => ProblemKind::UpstreamFailed,
    }
}

/// Whether the next hop is to blame.
pub(crate) fn blames_next(cause: &Cause) -> bool {
    match cause {
        Cause::Upstream(error) => {
            matches!(of_upstream(error), ProblemKind::UpstreamFailed | ProblemKind::UpstreamTimeout)
        }
        Cause::Ended(reason) => matches!(reason, Ended::UpstreamGone | Ended::ResponseStalled),
        Cause::Upgraded => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
