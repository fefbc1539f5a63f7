//! Why a certificate is not kept, or not given.

use std::time::Duration;

use chassis::Problem;
use chassis::body::BodyError;
use store::StoreError;
use token::certificates::CertificateError;
use wire::certs::{MEDIA_TYPE, MOST};
use wire::problem::ProblemKind;

/// Why a certificate is not kept, or not given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// The URL has a query.
    #[error("nothing belongs into the query here")]
    Query,
    /// The body is declared as something else, or is encoded.
    #[error("the body must be {MEDIA_TYPE} without content encoding")]
    MediaType,
    /// The body did not arrive whole.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is no leaf with intermediates that lead to the bundle.
    #[error("the certificate chain: {0}")]
    Chain(CertificateError),
    /// The leaf is not the certificate of the connection.
    #[error("the first certificate is not the one this connection was opened with")]
    NotYours,
    /// The caller has as many as it may have.
    #[error("{MOST} certificates of this SPIFFE ID are kept already; the next finds a place when one of them expires")]
    Full,
    /// The hash is none.
    #[error("the path does not end in the base64url SHA-256 of a certificate")]
    Hash,
    /// Nothing is kept under the hash.
    #[error("no certificate of this hash is kept")]
    NotKept,
    /// The store does not answer.
    #[error("certificates cannot be read or written right now")]
    Store(#[from] StoreError),
}

impl Problem for CertsError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Query | Self::Chain(_) | Self::Hash => ProblemKind::InvalidRequest,
            Self::MediaType => ProblemKind::UnsupportedMediaType,
            Self::Body(error) => error.kind(),
            Self::NotYours => ProblemKind::NotPermitted,
            Self::Full => ProblemKind::Conflict,
            Self::NotKept => ProblemKind::NotFound,
            Self::Store(_) => ProblemKind::Unavailable,
        }
    }

    fn retry_after(&self) -> Duration {
        Duration::from_secs(2)
    }
}
