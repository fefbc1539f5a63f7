//! base64url and base64 as the protocol uses them: unpadded or padded, canonical, nothing skipped.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Encodes as base64url without padding (RFC 4648 §5).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes JSON as base64url of one serialisation: without white space, members sorted by name.
#[must_use]
pub fn base64url_json(json: Value) -> String {
    base64url(sorted(json).to_string().as_bytes())
}

/// The same value with its members inserted in order, for maps that keep the order of insertion.
fn sorted(json: Value) -> Value {
    match json {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(elements) => elements.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Decodes base64url without padding; `None` unless the text is the one canonical encoding.
#[must_use]
pub fn from_base64url(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes as padded base64 (RFC 4648 §4), as RFC 8941 byte sequences are.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes padded base64; `None` unless the text is the one canonical encoding.
#[must_use]
pub fn from_base64(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A SHA-256 hash as it stands in headers and claims: 32 bytes, 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 bytes in canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 43 characters of base64url")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_base64url(text).ok_or(DigestError)?;
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_every_encoding_but_the_canonical_one() {
        assert_eq!(from_base64url("AQ"), Some(vec![1]));
        for text in ["AQ==", "AR", "A", "A+", "A Q", "AQ\n"] {
            assert_eq!(from_base64url(text), None, "{text:?}");
        }
        assert_eq!(from_base64("AQ=="), Some(vec![1]));
        for text in ["AQ", "AR==", "AQ=", "A-=="] {
            assert_eq!(from_base64(text), None, "{text:?}");
        }
    }

    #[test]
    fn writes_members_in_one_order() {
        let json: Value = serde_json::from_str(r#"{"b":[{"d":1,"c":2}],"a":{}}"#).unwrap();
        assert_eq!(from_base64url(base64url_json(json)).unwrap(), br#"{"a":{},"b":[{"c":2,"d":1}]}"#);
    }

    #[test]
    fn reads_back_the_hash_it_writes() {
        let digest = Digest::of("abc");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("ungW".parse::<Digest>(), Err(DigestError));
    }
}
