//! Identity providers' published keys, as a verifier of proofs reads them.
//!
//! Lenient about what is beside the keys: a provider publishes encryption keys and kinds without a proof, too. They are
//! left out. A signature key that is not acceptable stays, with the reason, so that a refusal can name it.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use crypto::jose::{Curve, KeyError, PublicKey};
use crypto::provenance::Scheme;

use crate::encoding::from_base64url;
use crate::json::{self, JsonError, Object, Value};

/// The longest key document in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// The most keys of one provider.
const MAX_KEYS: usize = 64;

/// The verifier's own view of who publishes which keys. Whoever fetches and refreshes them implements it.
pub trait Issuers: Send + Sync {
    /// The current keys of the issuer with exactly this `iss`.
    fn keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>>;
}

impl<S: BuildHasher + Send + Sync> Issuers for HashMap<String, Arc<IssuerKeys>, S> {
    fn keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        self.get(issuer).cloned()
    }
}

/// One provider's signature keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IssuerKeys(Vec<IssuerKey>);

#[derive(Clone, Debug, PartialEq)]
struct IssuerKey {
    kid: Option<String>,
    /// None: the provider does not say.
    scheme: Option<Scheme>,
    kty: &'static str,
    key: Result<PublicKey, KeyError>,
}

/// Why a key document cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerKeysError {
    /// Longer than 256 KiB or more than 64 keys.
    #[error("a provider publishes at most 64 keys in 262,144 bytes")]
    TooLarge,
    /// Not strict JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// `keys` is not an array of objects.
    #[error("`keys` is not an array of objects")]
    Keys,
}

/// Why there is no key for an OAuth token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerKeyError {
    /// No key of that `kid` serves the algorithm.
    #[error("the issuer publishes no key of this kid for this algorithm")]
    Unknown,
    /// More than one does, so nobody knows whose signature is proven.
    #[error("the issuer publishes more than one key that fits")]
    Ambiguous,
    /// The key is there and not acceptable.
    #[error("the issuer's key is not acceptable: {0}")]
    Key(#[from] KeyError),
}

impl IssuerKeys {
    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    /// [`IssuerKeysError`] if it is not one.
    pub fn parse(jwks: &[u8]) -> Result<Self, IssuerKeysError> {
        if jwks.len() > MAX_BYTES {
            return Err(IssuerKeysError::TooLarge);
        }
        let set = json::read_object(jwks)?;
        let entries = set.get("keys").and_then(Value::as_array).ok_or(IssuerKeysError::Keys)?;
        if entries.len() > MAX_KEYS {
            return Err(IssuerKeysError::TooLarge);
        }
        let entries: Option<Vec<_>> = entries.iter().map(Value::as_object).collect();
        Ok(Self(entries.ok_or(IssuerKeysError::Keys)?.into_iter().filter_map(IssuerKey::read).collect()))
    }

    /// The one key for an OAuth token of this `kid` and scheme; without a `kid`, the only one of the scheme.
    ///
    /// # Errors
    /// [`IssuerKeyError`] unless there is exactly one and it is acceptable.
    pub fn find(&self, kid: Option<&str>, scheme: Scheme) -> Result<&PublicKey, IssuerKeyError> {
        let fits = |key: &&IssuerKey| key.fits(scheme) && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let mut fitting = self.0.iter().filter(fits);
        let found = fitting.next().ok_or(IssuerKeyError::Unknown)?;
        if fitting.next().is_some() {
            return Err(IssuerKeyError::Ambiguous);
        }
        found.key.as_ref().map_err(|error| (*error).into())
    }
}

impl IssuerKey {
    /// None for keys that are not for signatures or have no proof.
    fn read(jwk: &Object) -> Option<Self> {
        if jwk.get("use").is_some_and(|usage| usage.as_str() != Some("sig")) {
            return None;
        }
        let scheme = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(Scheme::of_alg(alg.as_str()?).ok()?),
        };
        let crv = || jwk.get("crv").and_then(Value::as_str);
        let (kty, key) = match jwk.get("kty").and_then(Value::as_str)? {
            "RSA" => ("RSA", PublicKey::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)),
            "EC" if crv()? == "P-256" => ("EC", PublicKey::ec(Curve::P256, &bytes(jwk, "x")?, &bytes(jwk, "y")?)),
            "OKP" if crv()? == "Ed25519" => ("OKP", PublicKey::ed25519(&bytes(jwk, "x")?)),
            _ => return None,
        };
        let kid = jwk.get("kid").and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self { kid, scheme, kty, key })
    }

    fn fits(&self, scheme: Scheme) -> bool {
        let kty = match scheme {
            Scheme::Rs256 | Scheme::Ps256 => "RSA",
            Scheme::Es256 => "EC",
            Scheme::Ed25519 => "OKP",
        };
        self.kty == kty && self.scheme.is_none_or(|own| own == scheme)
    }
}

fn bytes(jwk: &Object, name: &str) -> Option<Vec<u8>> {
    from_base64url(jwk.get(name)?.as_str()?)
}
