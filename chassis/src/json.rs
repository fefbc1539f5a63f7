//! JSON bodies in, read strictly, and JSON answers out that no cache keeps.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use wire::problem::ProblemKind;

use crate::body::{self, BodyError};
use crate::form::is_media_type;
use crate::problem::{Problem, Rejected, plain};

/// The media type of JSON.
pub const MEDIA_TYPE: &str = "application/json";

/// A JSON body as `T`, or `T` as an answer with `Cache-Control: no-store`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A JSON body that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The body is declared as something else, or is encoded.
    #[error("the body must be {MEDIA_TYPE} without content encoding")]
    MediaType,
    /// The body is too long, too slow or broken.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It is not one JSON document.
    #[error("the body is not one JSON document: line {line}, column {column}")]
    Syntax {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
    },
    /// It is JSON but not what is asked for here.
    #[error("the body does not have the members this resource asks for: line {line}, column {column}")]
    Unfit {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
    },
}

impl Problem for JsonError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::MediaType => ProblemKind::UnsupportedMediaType,
            Self::Body(error) => error.kind(),
            Self::Syntax { .. } | Self::Unfit { .. } => ProblemKind::InvalidRequest,
        }
    }
}

/// Reads one JSON document that fits `T`.
///
/// # Errors
/// [`JsonError::Syntax`] and [`JsonError::Unfit`], by line and column; nothing of the body is quoted.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() { JsonError::Unfit { line, column } } else { JsonError::Syntax { line, column } }
    })
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Rejected<JsonError>;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        if !is_media_type(request.headers(), MEDIA_TYPE) {
            return Err(JsonError::MediaType.into());
        }
        let whole = body::read(request.into_body(), body::LIMIT).await.map_err(JsonError::from)?;
        Ok(Self(parse(&whole.bytes)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_vec(&self.0) else {
            tracing::error!("an answer could not be written as JSON");
            return plain(ProblemKind::Internal, None);
        };
        let mut response = Response::new(body.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Amount {
        minor: u64,
    }

    #[test]
    fn reads_one_document() {
        assert_eq!(parse::<Amount>(br#" {"minor":5} "#), Ok(Amount { minor: 5 }));
    }

    #[test]
    fn refuses_two_documents_and_garbage() {
        for body in [&br#"{"minor":5}{"minor":6}"#[..], b"", b"\xff", b"{", br#"{"minor":5} x"#] {
            assert!(matches!(parse::<Amount>(body), Err(JsonError::Syntax { .. })), "{body:?}");
        }
    }

    #[test]
    fn refuses_duplicate_and_unknown_members() {
        for body in [r#"{"minor":5,"minor":6}"#, r#"{"minor":5,"x":6}"#, "[]", r#"{"minor":-5}"#] {
            assert!(matches!(parse::<Amount>(body.as_bytes()), Err(JsonError::Unfit { .. })), "{body}");
        }
    }

    #[test]
    fn refuses_a_document_nested_too_deeply() {
        let deep = "[".repeat(100_000);
        assert!(matches!(parse::<serde_json::Value>(deep.as_bytes()), Err(JsonError::Syntax { .. })));
    }
}
