//! Problems: what every service answers when it refuses (RFC 9457), as a closed set of kinds.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

const PREFIX: &str = "urn:x-dasvid:problem:";

/// Every kind of problem a service answers with. The slug is stable and what programs compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the protocol's; `title` says each in words")]
pub enum ProblemKind {
    InvalidRequest,
    InvalidToken,
    InvalidChain,
    Revoked,
    NotPermitted,
    UnknownAccount,
    NotFound,
    MethodNotAllowed,
    Conflict,
    ReplayDetected,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    Internal,
    UpstreamFailed,
    Unavailable,
    UpstreamTimeout,
}

impl ProblemKind {
    /// All kinds, in the order of their status.
    pub const ALL: [Self; 17] = [
        Self::InvalidRequest,
        Self::InvalidToken,
        Self::InvalidChain,
        Self::Revoked,
        Self::NotPermitted,
        Self::UnknownAccount,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::ReplayDetected,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Internal,
        Self::UpstreamFailed,
        Self::Unavailable,
        Self::UpstreamTimeout,
    ];

    /// The last part of the problem type, such as `invalid-chain`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::InvalidToken => "invalid-token",
            Self::InvalidChain => "invalid-chain",
            Self::Revoked => "revoked",
            Self::NotPermitted => "not-permitted",
            Self::UnknownAccount => "unknown-account",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::ReplayDetected => "replay-detected",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
            Self::UpstreamFailed => "upstream-failed",
            Self::Unavailable => "unavailable",
            Self::UpstreamTimeout => "upstream-timeout",
        }
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InvalidToken | Self::InvalidChain | Self::Revoked => StatusCode::UNAUTHORIZED,
            Self::NotPermitted => StatusCode::FORBIDDEN,
            Self::UnknownAccount | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::ReplayDetected => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UpstreamFailed => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The same in words, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is malformed",
            Self::InvalidToken => "The token is not valid",
            Self::InvalidChain => "The chain is not valid",
            Self::Revoked => "The token has been revoked",
            Self::NotPermitted => "The token does not permit this",
            Self::UnknownAccount => "There is no such account",
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::Conflict => "The request conflicts with what there is",
            Self::ReplayDetected => "The token has been used before",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The content type is not supported here",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Something went wrong here",
            Self::UpstreamFailed => "The next service failed",
            Self::Unavailable => "The service is not available right now",
            Self::UpstreamTimeout => "The next service took too long",
        }
    }

    /// The problem type, `urn:x-dasvid:problem:` and the slug.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("{PREFIX}{}", self.slug())
    }

    /// The kind a problem type names, if it is one of ours.
    #[must_use]
    pub fn from_type_uri(uri: &str) -> Option<Self> {
        Self::from_slug(uri.strip_prefix(PREFIX)?)
    }

    /// The kind of a slug, if it is one of ours.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
    }

    /// The nearest error code of RFC 6749 §5.2 (and RFC 6750 §3.1), for the endpoints OAuth defines.
    #[must_use]
    pub const fn oauth_error(self) -> &'static str {
        match self {
            Self::InvalidToken | Self::InvalidChain | Self::Revoked => "invalid_grant",
            Self::NotPermitted => "unauthorized_client",
            Self::Internal | Self::UpstreamFailed => "server_error",
            Self::Unavailable | Self::UpstreamTimeout | Self::RateLimited => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// A problem as it is written on the network (RFC 9457 §3.1). Members this version does not know are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:x-dasvid:problem:` and the slug.
    #[serde(rename = "type")]
    #[schema(example = "urn:x-dasvid:problem:invalid-chain")]
    pub r#type: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 401)]
    pub status: u16,
    /// What went wrong this time and what to do about it; absent from 5xx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SPIFFE ID of the hop that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<String>,
    /// Which segment of the chain is to blame, where the peer is told: 0 for the root, i for link i.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<usize>,
    /// RFC 6749 §5.2 error code, at the endpoints OAuth defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// RFC 6749 §5.2 description, at the endpoints OAuth defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

impl ProblemDocument {
    /// A document of this kind without details.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            r#type: kind.type_uri(),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            detail: None,
            culprit: None,
            segment: None,
            error: None,
            error_description: None,
        }
    }

    /// The kind, if the type is one of ours.
    #[must_use]
    pub fn kind(&self) -> Option<ProblemKind> {
        ProblemKind::from_type_uri(&self.r#type)
    }
}

#[cfg(test)]
mod tests;
