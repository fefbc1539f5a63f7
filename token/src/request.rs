//! A request as rules 9 and 10 see it, and the connection it came over.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use spiffe::SpiffeId;

use crate::policy::RouteRule;

/// An HTTP request whose head is complete.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, case-sensitive.
    pub method: &'a str,
    /// `:path` in HTTP/2, the request-target in HTTP/1.1.
    pub target: &'a str,
    /// Field lines in order, names in any case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Trailer field lines, where they are known already.
    pub trailers: &'a [(&'a str, &'a [u8])],
    /// What is known of the body.
    pub body: Body,
}

/// What is known of a request's body when the chain is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none: in HTTP/2 `END_STREAM` was on HEADERS.
    Absent,
    /// All of it was read; its SHA-256.
    Digest([u8; 32]),
    /// It is still to come: the caller compares [`Verified::body_digest`](crate::Verified::body_digest) at its end, and checks
    /// trailers with [`is_refused_trailer`](crate::binding::is_refused_trailer), before any effect.
    Streaming,
}

impl Body {
    /// A body that was read whole.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::Digest(Sha256::digest(bytes).into())
    }
}

/// The field lines of a header map, as [`Request`] wants them.
#[must_use]
pub fn fields(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Everything that arrived with a chain: the field lines, the connection's peer and the request.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The values of all `DA-SVID` field lines.
    pub chain: &'a [&'a [u8]],
    /// The values of all `DA-SVID-Certs` field lines.
    pub certificates: &'a [&'a [u8]],
    /// The mTLS peer of this connection.
    pub peer: &'a SpiffeId,
    /// SHA-256 of the peer's leaf certificate.
    pub peer_x5t: [u8; 32],
    /// The request.
    pub request: &'a Request<'a>,
    /// What its route requires.
    pub route: &'a RouteRule,
}

impl<'a> Request<'a> {
    /// The values of the field lines called `name`, which is lower-case.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Whether a field line called `name` is present.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}
