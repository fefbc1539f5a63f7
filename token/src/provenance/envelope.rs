//! How a proof travels: `zkp` = `{input, iat, exp, proof}`, nothing more and nothing less.

use std::fmt;

use crate::encoding::{self, from_base64url};
use crate::json::{self, JsonError, Object, Value};
use crate::{Timestamp, claims};

/// The longest value of `DA-SVID-Proof` in bytes.
pub const MAX_FIELD: usize = 16 * 1024;
const MEMBERS: usize = 4;

/// A proof with what it says about itself; nothing of it is believed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The OAuth token's header and payload as they were signed: base64url `.` base64url.
    pub input: String,
    /// When the proof was made.
    pub iat: Timestamp,
    /// When it ends.
    pub exp: Timestamp,
    /// The proof.
    pub proof: Vec<u8>,
}

/// Why bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// More than one `DA-SVID-Proof` field line.
    #[error("a request carries at most one DA-SVID-Proof field line")]
    FieldLines,
    /// Longer than [`MAX_FIELD`].
    #[error("a DA-SVID-Proof has at most 16,384 bytes")]
    TooLarge,
    /// Not canonical base64url.
    #[error("a DA-SVID-Proof is base64url without padding")]
    Base64,
    /// Not strict JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// A member is absent or not what it must be.
    #[error("`{0}` is missing or malformed")]
    Member(&'static str),
    /// More members than the four.
    #[error("a proof has exactly `input`, `iat`, `exp` and `proof`")]
    Members,
}

impl Envelope {
    /// Reads the JSON of `zkp`.
    ///
    /// # Errors
    /// [`EnvelopeError`] unless it is exactly the four members.
    pub fn parse(json: &[u8]) -> Result<Self, EnvelopeError> {
        let members = json::read_object(json)?;
        let envelope = Self {
            input: member(&members, "input", claims::string)?,
            iat: member(&members, "iat", claims::moment)?,
            exp: member(&members, "exp", claims::moment)?,
            proof: member(&members, "proof", |value| from_base64url(value.as_str()?))?,
        };
        if members.len() == MEMBERS { Ok(envelope) } else { Err(EnvelopeError::Members) }
    }

    /// Reads `zkp` out of an answer that was parsed before.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_json(zkp: &serde_json::Value) -> Result<Self, EnvelopeError> {
        Self::parse(zkp.to_string().as_bytes())
    }

    /// Reads the value of `DA-SVID-Proof`.
    ///
    /// # Errors
    /// [`EnvelopeError`] if it is too long, not base64url, or not an envelope.
    pub fn from_field(value: &[u8]) -> Result<Self, EnvelopeError> {
        if value.len() > MAX_FIELD {
            return Err(EnvelopeError::TooLarge);
        }
        Self::parse(&from_base64url(value).ok_or(EnvelopeError::Base64)?)
    }

    /// The value of `zkp`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "input": self.input, "iat": self.iat, "exp": self.exp, "proof": encoding::base64url(&self.proof),
        })
    }

    /// The value of `DA-SVID-Proof`.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`] if the OAuth token's claims leave no room: with 4096-bit keys and 16 rounds they may.
    pub fn to_field(&self) -> Result<String, EnvelopeError> {
        let value = encoding::base64url_json(self.to_json());
        if value.len() > MAX_FIELD { Err(EnvelopeError::TooLarge) } else { Ok(value) }
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("iat", &self.iat).field("exp", &self.exp).finish_non_exhaustive()
    }
}

fn member<T>(members: &Object, name: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, EnvelopeError> {
    members.get(name).and_then(read).ok_or(EnvelopeError::Member(name))
}
