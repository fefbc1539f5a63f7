//! What segments say: the claims of tokens.md as Rust types, read strictly and written plainly.
//!
//! Claim names are those of the specification. Unknown claims are ignored; a claim the protocol defines for another
//! kind of segment is refused.

use std::fmt;
use std::str::FromStr;

use spiffe::SpiffeId;

use crate::Timestamp;
use crate::encoding::{self, Digest};
use crate::json::{Object, Value};
use crate::refusal::Reason;

mod link;
mod only;
mod root;

pub use link::{LinkClaims, Place};
pub use only::{MaxAmount, Only};
pub use root::{RootClaims, Scope, ScopeError};

pub(crate) use link::read_misplaced;

/// `jti` and `txn`: 128 random bits, 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 16]);

/// The text is not 16 bytes in canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 22 characters of base64url")]
pub struct TokenIdError;

impl FromStr for TokenId {
    type Err = TokenIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = encoding::from_base64url(text).ok_or(TokenIdError)?;
        bytes.try_into().map(Self).map_err(|_| TokenIdError)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encoding::base64url(&self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
const MAX_SPIFFE_ID: usize = 2048;

/// Reads a SPIFFE ID that is written in its one canonical form, with or without a path.
///
/// [`SpiffeId`] lower-cases the scheme and trust domain; the protocol compares bytes, so other spellings are refused.
#[must_use]
pub fn spiffe_id(text: &str) -> Option<SpiffeId> {
    if text.len() > MAX_SPIFFE_ID {
        return None;
    }
    SpiffeId::new(text).ok().filter(|id| id.to_string() == text)
}

/// Reads the SPIFFE ID of a workload: one that has a path.
#[must_use]
pub fn workload_id(text: &str) -> Option<SpiffeId> {
    spiffe_id(text).filter(|id| !id.path().is_empty())
}

pub(crate) fn workload(value: &Value) -> Option<SpiffeId> {
    value.as_str().and_then(workload_id)
}

pub(crate) fn audience(value: &Value) -> Option<SpiffeId> {
    value.as_str().and_then(spiffe_id)
}

pub(crate) fn digest(value: &Value) -> Option<Digest> {
    value.as_str()?.parse().ok()
}

pub(crate) fn token_id(value: &Value) -> Option<TokenId> {
    value.as_str()?.parse().ok()
}

pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_integer().map(Timestamp)
}

pub(crate) fn string(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

/// Every element of an array through `read`.
pub(crate) fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

/// `fin` is `true` or absent.
pub(crate) fn fin(members: &Object) -> Result<bool, Reason> {
    let fin = optional(members, "fin", |value| (*value == Value::Bool(true)).then_some(()))?;
    Ok(fin.is_some())
}

/// Reads an optional member through `read`; a wrong one is an error that names it.
pub(crate) fn optional<'a, T>(
    members: &'a Object,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, Reason> {
    members.get(name).map(|value| read(value).ok_or(Reason::Malformed(name))).transpose()
}

/// Reads a required member through `read`; a missing or wrong one is an error that names it.
pub(crate) fn required<'a, T>(
    members: &'a Object,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, Reason> {
    optional(members, name, read)?.ok_or(Reason::Missing(name))
}

/// Refuses each of `names`.
pub(crate) fn refuse(members: &Object, names: &[&'static str]) -> Result<(), Reason> {
    match names.iter().find(|name| members.contains_key(**name)) {
        Some(name) => Err(Reason::Misplaced(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
