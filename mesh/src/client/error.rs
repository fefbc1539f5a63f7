//! Why there was no response, by who is at fault.

use super::{Answer, BoxError};
use crate::{IdentityError, OriginError};
use http::StatusCode;
use http_body_util::LengthLimitError;
use spiffe::SpiffeId;
use std::{error::Error, io, sync::Arc, time::Duration};

/// Why there was no (acceptable) response. The variants say who is at fault.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Our configuration: the URL is not that of a server.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Our caller: the request target is not a path with an optional query.
    #[error("{path:?} is not a request target")]
    Target {
        /// What was asked for, without a query.
        path: String,
    },
    /// Our caller: the body of the request broke off.
    #[error("the body of the request broke off")]
    RequestBody,
    /// Ourselves: there is no usable identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The network or the server: no address, or no TCP connection.
    #[error("cannot connect to {server} at {address}")]
    Connect {
        /// The workload.
        server: SpiffeId,
        /// Where it should be.
        address: String,
        /// What the operating system says.
        #[source]
        source: Arc<io::Error>,
    },
    /// The network or the server: no connection in time.
    #[error("no connection to {server} at {address} within {after:?}")]
    ConnectTimeout {
        /// The workload.
        server: SpiffeId,
        /// Where it should be.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// Whoever answers there: another workload than expected, with a valid certificate.
    #[error("{found} answers at {address} instead of {expected}; check the URL and the SPIFFE ID configured for it")]
    WrongPeer {
        /// The workload we want.
        expected: SpiffeId,
        /// The workload that answers.
        found: SpiffeId,
        /// Where.
        address: String,
    },
    /// Whoever answers there: no certificate of that workload's trust domain, or no TLS 1.3 at all.
    #[error("what answers at {address} cannot prove to be {expected}")]
    Untrusted {
        /// The workload we want.
        expected: SpiffeId,
        /// Where.
        address: String,
        /// What TLS says.
        #[source]
        source: Arc<io::Error>,
    },
    /// The server does not want us: it ended the handshake when it saw our certificate.
    #[error("{server} does not accept this workload's identity, or is shutting down")]
    Refused {
        /// The workload.
        server: SpiffeId,
    },
    /// The network or the server: the connection died before the response was there.
    #[error("the connection to {server} broke")]
    Broken {
        /// The workload.
        server: SpiffeId,
        /// What HTTP says.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The server: no answer in time.
    #[error("{server} did not answer within {after:?}")]
    Silent {
        /// The workload.
        server: SpiffeId,
        /// The limit.
        after: Duration,
    },
    /// The server: its body is larger than we read.
    #[error("the answer of {server} is larger than {limit} bytes")]
    TooLarge {
        /// The workload.
        server: SpiffeId,
        /// The limit, bytes.
        limit: usize,
    },
    /// The server answered with another status than 2xx.
    #[error("{server} answered {status}")]
    Status {
        /// The workload.
        server: SpiffeId,
        /// The status.
        status: StatusCode,
        /// The whole answer; perhaps a problem document.
        answer: Box<Answer>,
    },
    /// The server: its body is not the JSON expected.
    #[error("the answer of {server} has an unexpected shape: {reason}")]
    Json {
        /// The workload.
        server: SpiffeId,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// Whether the connection, not the request, was the trouble, so that another attempt may do.
    #[must_use]
    pub fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Refused { .. } | Self::Connect { .. })
    }

    /// Whether the server, or the way to it, took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::ConnectTimeout { .. })
    }

    /// Whether no byte of the request can have reached the server.
    #[must_use]
    pub fn is_before_request(&self) -> bool {
        !matches!(
            self,
            Self::Broken { .. }
                | Self::RequestBody
                | Self::Silent { .. }
                | Self::TooLarge { .. }
                | Self::Status { .. }
                | Self::Json { .. }
        )
    }

    /// Whether the replica that was tried is to blame, before it got the request: another one may do.
    pub(super) fn is_of_replica(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::ConnectTimeout { .. }
                | Self::WrongPeer { .. }
                | Self::Untrusted { .. }
                | Self::Refused { .. }
        )
    }

    pub(super) fn unreachable(server: &SpiffeId, address: &str, source: io::Error) -> Self {
        Self::Connect { server: server.clone(), address: address.to_owned(), source: Arc::new(source) }
    }

    /// Reads what hyper says.
    pub(super) fn of(error: &(dyn Error + 'static), server: &SpiffeId, body_failed: bool) -> Self {
        if let Some(known) = causes(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return known.clone();
        }
        if body_failed {
            return Self::RequestBody;
        }
        let server = server.clone();
        // In TLS 1.3 a server sees our certificate after our side of the handshake is done.
        if causes(error).any(is_alert) {
            return Self::Refused { server };
        }
        Self::Broken { server, source: described(error).into() }
    }

    pub(super) fn of_body(error: BoxError, server: &SpiffeId, limit: usize) -> Self {
        let server = server.clone();
        if error.is::<LengthLimitError>() {
            return Self::TooLarge { server, limit };
        }
        Self::Broken { server, source: error.into() }
    }

    /// Reads what TLS says about the server.
    pub(super) fn of_tls(error: io::Error, server: &SpiffeId, address: &str) -> Self {
        let (expected, address) = (server.clone(), address.to_owned());
        if is_alert(&error) || error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Refused { server: expected };
        }
        match spiffe_error(&error) {
            Some(spiffe_rustls::Error::UnauthorizedSpiffeId(found)) => {
                Self::WrongPeer { expected, found: found.clone(), address }
            }
            Some(
                spiffe_rustls::Error::NoSvid
                | spiffe_rustls::Error::SourceClosed
                | spiffe_rustls::Error::Source(_)
                | spiffe_rustls::Error::MaterialUnavailable(_),
            ) => Self::Identity(IdentityError::Unusable { reason: error.to_string() }),
            _ => Self::Untrusted { expected, address, source: Arc::new(error) },
        }
    }
}

/// Whether the server may have begun to work on the request. It has not if the request was never written, or if HTTP/2
/// says so: a stream behind the last one of a graceful GOAWAY, or a refused one (RFC 9113 §8.7).
pub(super) fn is_begun(error: &(dyn Error + 'static)) -> bool {
    let denied = |cause: &(dyn Error + 'static)| {
        let unwritten = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        unwritten || cause.downcast_ref::<h2::Error>().is_some_and(is_denied)
    };
    !causes(error).any(denied)
}

fn is_denied(error: &h2::Error) -> bool {
    let graceful = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (graceful || refused)
}

/// An error and everything below it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), below)
}

/// An [`io::Error`] shows what it wraps only when asked.
fn below<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let error: &'a (dyn Error + 'static) = *error;
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn is_alert(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| matches!(cause.downcast_ref::<rustls::Error>(), Some(rustls::Error::AlertReceived(_))))
}

fn spiffe_error(error: &io::Error) -> Option<&spiffe_rustls::Error> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::Other(other) => other.0.downcast_ref::<spiffe_rustls::Error>(),
        _ => None,
    })
}

/// hyper's error as text, for it cannot be kept: it may own the request.
fn described(error: &(dyn Error + 'static)) -> BoxError {
    let texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    texts.join(": ").into()
}
