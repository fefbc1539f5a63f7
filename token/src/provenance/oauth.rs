//! The OAuth token behind a proof, as far as a verifier of proofs reads it. Its signature is what is not here.

use crypto::provenance::Scheme;

use crate::encoding::from_base64url;
use crate::json::{self, JsonError, Object, Value};
use crate::{Timestamp, claims};

/// Header and payload of an OAuth token, parsed; nothing is believed yet.
pub(crate) struct OauthToken<'a> {
    /// `header.payload` as it was signed.
    pub(super) input: &'a str,
    pub(super) scheme: Scheme,
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: Vec<String>,
    pub(super) iat: Timestamp,
    pub(super) exp: Timestamp,
    pub(super) nbf: Option<Timestamp>,
}

/// Why a header and payload are not those of an OAuth token whose signature can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OauthError {
    /// Not base64url `.` base64url.
    #[error("the OAuth token's header and payload are not two parts of base64url")]
    Form,
    /// Header or payload are not strict JSON.
    #[error("the OAuth token is not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// A required member is absent or of another type.
    #[error("the OAuth token's `{0}` is missing or malformed")]
    Member(&'static str),
    /// The header has `crit`: it may change what is signed.
    #[error("the OAuth token has critical header members")]
    Critical,
    /// HS256, `none`, or another algorithm without a proof.
    #[error("the OAuth token's algorithm: {0}")]
    Scheme(#[from] crypto::provenance::SchemeError),
}

impl<'a> OauthToken<'a> {
    pub(crate) fn read(input: &'a str) -> Result<Self, OauthError> {
        let (header, payload) = input.split_once('.').ok_or(OauthError::Form)?;
        let (header, payload) = (object(header)?, object(payload)?);
        if header.contains_key("crit") {
            return Err(OauthError::Critical);
        }
        let alg = required(&header, "alg", claims::string)?;
        Ok(Self {
            input,
            scheme: Scheme::of_alg(&alg)?,
            alg,
            kid: optional(&header, "kid", claims::string)?,
            iss: required(&payload, "iss", claims::string)?,
            sub: required(&payload, "sub", claims::string)?,
            aud: required(&payload, "aud", audience)?,
            iat: required(&payload, "iat", claims::moment)?,
            exp: required(&payload, "exp", claims::moment)?,
            nbf: optional(&payload, "nbf", claims::moment)?,
        })
    }
}

fn object(part: &str) -> Result<Object, OauthError> {
    Ok(json::read_object(&from_base64url(part).ok_or(OauthError::Form)?)?)
}

/// One audience or several (RFC 7519 §4.1.3).
fn audience(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(only) => Some(vec![only.clone()]),
        several => claims::list(several, claims::string),
    }
}

fn optional<T>(
    members: &Object,
    name: &'static str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, OauthError> {
    members.get(name).map(|value| read(value).ok_or(OauthError::Member(name))).transpose()
}

fn required<T>(members: &Object, name: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, OauthError> {
    optional(members, name, read)?.ok_or(OauthError::Member(name))
}
