//! `application/x-www-form-urlencoded` bodies, read strictly: one value a parameter, nothing in the URL.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;
use wire::problem::ProblemKind;

use crate::body::{self, BodyError};
use crate::problem::{Problem, Rejected};

/// The media type of a form.
pub const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The body of a form as `T`, whose fields are strings or optional strings. A parameter without a value counts as left
/// out (RFC 6749 §3.1).
#[derive(Clone, Copy)]
pub struct Form<T>(pub T);

/// A form that is not taken. None of the variants holds anything of what was sent, for that may be a token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormError {
    /// The URL has a query.
    #[error("parameters belong into the body, not into the URL")]
    Query,
    /// The body is declared as something else, or is encoded.
    #[error("the body must be {MEDIA_TYPE} without content encoding")]
    MediaType,
    /// The body is too long, too slow or broken.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Percent-encoding or UTF-8 is broken.
    #[error("the form is not correctly encoded")]
    Encoding,
    /// A parameter occurs twice.
    #[error("a parameter is repeated")]
    Repeated,
    /// A required parameter is missing.
    #[error("the parameter {0} is required")]
    Missing(String),
    /// A parameter is unknown here or its value does not fit.
    #[error("a parameter is unknown here or its value does not fit")]
    Unfit,
}

impl Problem for FormError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Body(error) => error.kind(),
            Self::MediaType => ProblemKind::UnsupportedMediaType,
            _ => ProblemKind::InvalidRequest,
        }
    }

    fn is_oauth(&self) -> bool {
        true
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Rejected<FormError>;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        if request.uri().query().is_some() {
            return Err(FormError::Query.into());
        }
        if !is_media_type(request.headers(), MEDIA_TYPE) {
            return Err(FormError::MediaType.into());
        }
        let whole = body::read(request.into_body(), body::LIMIT).await.map_err(FormError::from)?;
        Ok(Self(parse(&whole.bytes)?))
    }
}

/// Reads a form.
///
/// # Errors
/// [`FormError`] for broken encoding, a repeated or missing parameter, and a value that does not fit.
pub fn parse<T: DeserializeOwned>(form: &[u8]) -> Result<T, FormError> {
    let mut seen = BTreeMap::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        if seen.insert(name, value).is_some() {
            return Err(FormError::Repeated);
        }
    }
    let present = seen.into_iter().filter(|(_, value)| !value.is_empty());
    let object: Map<String, Value> = present.map(|(name, value)| (name, Value::String(value))).collect();
    serde_json::from_value(Value::Object(object)).map_err(|error| unfit(&error.to_string()))
}

/// Keeps of serde's words only the name of a missing field: the rest may quote what was sent.
fn unfit(message: &str) -> FormError {
    let name = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    name.map_or(FormError::Unfit, |name| FormError::Missing(name.to_owned()))
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().and_then(hex).ok_or(FormError::Encoding)?;
                let low = bytes.next().and_then(hex).ok_or(FormError::Encoding)?;
                high << 4 | low
            }
            plain => plain,
        });
    }
    String::from_utf8(out).map_err(|_| FormError::Encoding)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Whether the body is declared as `media_type` (with no parameter but `charset=utf-8`), once, and not encoded.
pub fn is_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let mut declared = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (declared.next().and_then(|value| value.to_str().ok()), declared.next()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(media_type))
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case("charset=utf-8") || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
        && !headers.contains_key(header::CONTENT_ENCODING)
}

#[cfg(test)]
mod tests;
