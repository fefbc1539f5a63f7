//! Why a request with a believed chain is refused, and what that means in HTTP.

use chassis::Problem;
use spiffe::SpiffeId;
use store::StoreError;
use token::Refusal;
use wire::bank::LONGEST_PAGE;
use wire::problem::ProblemKind;

use crate::bank::{BookingError, StatementError};
use crate::order::OrderError;

/// Why a request is refused after its chain was admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The person has no account.
    #[error("this person has no account yet; the first deposit opens one")]
    UnknownAccount,
    /// The body is declared as something else than JSON, or is encoded.
    #[error("the body must be application/json without content encoding")]
    MediaType,
    /// The body is not an order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// There is no usable `Idempotency-Key`.
    #[error("money moves only with one Idempotency-Key of 1 to 255 visible characters")]
    IdempotencyKey,
    /// The chain does not allow this amount.
    #[error("refused by rule {0}")]
    Authority(Refusal),
    /// The query does not say which page.
    #[error("the query is `limit`, a number from 1 to {LONGEST_PAGE}, and `after`, each at most once")]
    Query,
    /// The money does not move.
    #[error(transparent)]
    Booking(#[from] BookingError),
    /// There is no such page.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The books cannot be read.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// It took too long.
    #[error("the request took too long")]
    TimedOut,
}

/// A refusal with the workload that refuses.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Blamed {
    /// SPIFFE ID of this workload.
    pub(crate) culprit: SpiffeId,
    /// What is wrong.
    #[source]
    pub(crate) error: RequestError,
}

impl Problem for Blamed {
    fn kind(&self) -> ProblemKind {
        self.error.kind()
    }

    fn detail(&self) -> Option<String> {
        match &self.error {
            RequestError::Authority(refusal) => Some(refusal.reason.to_string()),
            other => Some(other.to_string()),
        }
    }

    fn culprit(&self) -> Option<String> {
        Some(self.culprit.to_string())
    }
}

impl RequestError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::UnknownAccount => ProblemKind::UnknownAccount,
            Self::MediaType => ProblemKind::UnsupportedMediaType,
            Self::Order(_) | Self::IdempotencyKey | Self::Query | Self::Statement(StatementError::Cursor) => {
                ProblemKind::InvalidRequest
            }
            Self::Authority(refusal) => {
                ProblemKind::from_slug(refusal.problem_slug()).unwrap_or(ProblemKind::NotPermitted)
            }
            Self::Booking(error) => booking(error),
            Self::Statement(StatementError::Store(error)) | Self::Store(error) => store(error),
            Self::TimedOut => ProblemKind::Unavailable,
        }
    }
}

/// An overdraft is a conflict, not a want of permission: the chain allows the transfer, the account's state does not,
/// and the same request is good again when there is more on the account.
fn booking(error: &BookingError) -> ProblemKind {
    match error {
        BookingError::Replayed => ProblemKind::ReplayDetected,
        BookingError::KeyReused | BookingError::Overdrawn | BookingError::RecipientFull => ProblemKind::Conflict,
        BookingError::TooMuch | BookingError::ToOneself => ProblemKind::InvalidRequest,
        BookingError::NoAccount | BookingError::NoRecipient => ProblemKind::UnknownAccount,
        BookingError::Store(error) => store(error),
    }
}

/// A database that does not answer, or that too many want something of, may answer the next time; anything else is a
/// mistake here.
fn store(error: &StoreError) -> ProblemKind {
    if error.is_passing() { ProblemKind::Unavailable } else { ProblemKind::Internal }
}
