//! An asserter's published keys, read strictly.
//!
//! One bad key must not take the others with it, so a key that is not acceptable is left out and its `kid` is unknown.
//! A set that is not strict JSON is refused as a whole.

use std::collections::HashMap;

use crypto::jose::{Algorithm, Curve, KeyError, PublicKey};
use crypto::schoco;

use crate::encoding::from_base64url;
use crate::json::{self, JsonError, Object, Value};

#[cfg(test)]
mod tests;

/// The longest JWK Set in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The `alg` of a Schnorr key and of anonymous roots.
const SCHOCO: &str = "SCHOCO-R255";
/// Members of private and symmetric keys: a key that shows one is burnt.
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// One published key.
#[derive(Clone, Debug, PartialEq)]
pub enum RootKey {
    /// Signs plain and ID roots with exactly this algorithm.
    Jose {
        /// The key's only algorithm.
        alg: Algorithm,
        /// The key.
        key: PublicKey,
    },
    /// Signs anonymous roots.
    Schoco(schoco::RootKey),
}

impl RootKey {
    /// The RFC 7638 thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        match self {
            Self::Jose { key, .. } => key.thumbprint(),
            Self::Schoco(key) => key.thumbprint(),
        }
    }
}

/// One asserter's keys by `kid`, the recomputed RFC 7638 thumbprint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RootKeys {
    keys: HashMap<String, RootKey>,
}

/// Why a JWKS is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Longer than [`MAX_BYTES`].
    #[error("a JWK Set has at most 65,536 bytes")]
    TooLarge,
    /// Not strict JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// `keys` is not an array of objects.
    #[error("`keys` is not an array of objects")]
    Keys,
}

/// Why one key of a set is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// A required member is absent or not a string in its canonical encoding.
    #[error("`{0}` is missing or malformed")]
    Member(&'static str),
    /// `kty`, `crv` and `alg` are not those of one kind of key a root may have.
    #[error("`kty`, `crv` and `alg` do not fit each other")]
    Kind,
    /// `use` is not `sig`.
    #[error("`use` is not `sig`")]
    Use,
    /// `kid` is not the thumbprint.
    #[error("`kid` is not the thumbprint of the key")]
    Kid,
    /// A member of a private or symmetric key.
    #[error("the key is published with its secret")]
    Secret,
    /// The numbers are not a key.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The point is not a Schnorr key.
    #[error("{0}")]
    Point(#[from] schoco::PointError),
}

impl RootKeys {
    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// Keys of kinds no root has, and keys [`JwkError`] speaks of, are left out; so are all keys of a `kid` that occurs
    /// twice, for one key has one `alg`.
    ///
    /// # Errors
    /// [`JwksError`] if the set as a whole is not one.
    pub fn parse(jwks: &[u8]) -> Result<Self, JwksError> {
        if jwks.len() > MAX_BYTES {
            return Err(JwksError::TooLarge);
        }
        let set = json::read_object(jwks)?;
        let entries = set.get("keys").and_then(Value::as_array).ok_or(JwksError::Keys)?;
        let mut keys = HashMap::new();
        for entry in entries {
            let Ok(key) = read(entry.as_object().ok_or(JwksError::Keys)?) else { continue };
            keys.entry(key.thumbprint()).and_modify(|taken| *taken = None).or_insert(Some(key));
        }
        Ok(Self { keys: keys.into_iter().filter_map(|(kid, key)| Some((kid, key?))).collect() })
    }

    /// The key of this `kid`.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&RootKey> {
        self.keys.get(kid)
    }

    /// How many keys can be found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Reads one JWK.
fn read(jwk: &Object) -> Result<RootKey, JwkError> {
    if SECRET.iter().any(|name| jwk.contains_key(*name)) {
        return Err(JwkError::Secret);
    }
    if text(jwk, "use")? != "sig" {
        return Err(JwkError::Use);
    }
    let key = match text(jwk, "kty")? {
        "EC" => elliptic(jwk)?,
        "RSA" => jose(jwk, PublicKey::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)?)?,
        "OKP" => octets(jwk)?,
        _ => return Err(JwkError::Kind),
    };
    if text(jwk, "kid")? == key.thumbprint() { Ok(key) } else { Err(JwkError::Kid) }
}

fn elliptic(jwk: &Object) -> Result<RootKey, JwkError> {
    let curve = match text(jwk, "crv")? {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        _ => return Err(JwkError::Kind),
    };
    jose(jwk, PublicKey::ec(curve, &bytes(jwk, "x")?, &bytes(jwk, "y")?)?)
}

fn octets(jwk: &Object) -> Result<RootKey, JwkError> {
    let x = bytes(jwk, "x")?;
    match text(jwk, "crv")? {
        "Ed25519" => jose(jwk, PublicKey::ed25519(&x)?),
        "ristretto255" if text(jwk, "alg")? == SCHOCO => {
            let point = x.try_into().map_err(|_| JwkError::Member("x"))?;
            Ok(RootKey::Schoco(schoco::RootKey::from_bytes(point)?))
        }
        _ => Err(JwkError::Kind),
    }
}

fn jose(jwk: &Object, key: PublicKey) -> Result<RootKey, JwkError> {
    let alg = text(jwk, "alg")?.parse().map_err(|_| JwkError::Kind)?;
    if key.fits(alg) { Ok(RootKey::Jose { alg, key }) } else { Err(JwkError::Kind) }
}

fn text<'a>(jwk: &'a Object, name: &'static str) -> Result<&'a str, JwkError> {
    jwk.get(name).and_then(Value::as_str).ok_or(JwkError::Member(name))
}

fn bytes(jwk: &Object, name: &'static str) -> Result<Vec<u8>, JwkError> {
    from_base64url(text(jwk, name)?).ok_or(JwkError::Member(name))
}
