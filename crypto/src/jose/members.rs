//! The members of a JWK that make up its identity (RFC 7638 §3.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// The required members of a public key, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JwkMembers {
    /// `kty` = `EC`.
    Ec {
        /// `P-256` or `P-384`.
        crv: &'static str,
        /// The x coordinate, big-endian, of full width.
        x: Vec<u8>,
        /// The y coordinate, likewise.
        y: Vec<u8>,
    },
    /// `kty` = `RSA`.
    Rsa {
        /// The exponent, big-endian without leading zero bytes.
        e: Vec<u8>,
        /// The modulus, likewise.
        n: Vec<u8>,
    },
    /// `kty` = `OKP`.
    Okp {
        /// `Ed25519` or `ristretto255`.
        crv: &'static str,
        /// The encoded point, 32 bytes.
        x: Vec<u8>,
    },
}

impl JwkMembers {
    /// The key type.
    #[must_use]
    pub fn kty(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Rsa { .. } => "RSA",
            Self::Okp { .. } => "OKP",
        }
    }

    /// Names and values in the order of the thumbprint; `kty` and `crv` as text, the others decoded.
    #[must_use]
    pub fn in_order(&self) -> Vec<(&'static str, &[u8])> {
        let kty = ("kty", self.kty().as_bytes());
        match self {
            Self::Ec { crv, x, y } => vec![("crv", crv.as_bytes()), kty, ("x", x), ("y", y)],
            Self::Rsa { e, n } => vec![("e", e), kty, ("n", n)],
            Self::Okp { crv, x } => vec![("crv", crv.as_bytes()), kty, ("x", x)],
        }
    }

    /// The thumbprint: base64url SHA-256 of the members as JSON in lexicographic order without white space.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members: Vec<_> = self.in_order().into_iter().map(|(name, value)| member(name, value)).collect();
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", members.join(","))))
    }
}

fn member(name: &str, value: &[u8]) -> String {
    let text = match name {
        "crv" | "kty" => String::from_utf8_lossy(value),
        _ => Cow::Owned(URL_SAFE_NO_PAD.encode(value)),
    };
    format!("\"{name}\":\"{text}\"")
}
