//! An identity provider's published signature keys (RFC 7517, RFC 7518).
//!
//! Read leniently, unlike our own `/keys`: a provider may publish encryption keys and kinds we do not know beside the
//! ones we use. What is not understood is left out, so it can never verify anything.

use chassis::provider::{KeySet, KeySetError};
use crypto::jose::PublicKey;
use crypto::provenance::Scheme;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use token::encoding::from_base64url;
use token::provenance::IssuerKeys;

/// Most keys one provider may publish; a longer document is refused.
const MAX_KEYS: usize = 64;
/// RSA modulus, bytes: 2048 to 4096 bits.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// A signature algorithm an access token may use: asymmetric ones only, so `none` and HS* cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256 and a 32-byte salt.
    Ps256,
    /// ECDSA on P-256 with SHA-256; a high s is accepted here, as RFC 7518 allows it.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519, named `Ed25519` (RFC 9864) or `EdDSA` (RFC 8037).
    Ed25519,
}

impl SignatureAlgorithm {
    /// The algorithm a JOSE `alg` names, or `None` for anything an access token may not use.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "Ed25519" | "EdDSA" => Some(Self::Ed25519),
            _ => None,
        }
    }

    /// The proof of such a signature.
    fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Rs256 => Some(Scheme::Rs256),
            Self::Ps256 => Some(Scheme::Ps256),
            Self::Es256 => Some(Scheme::Es256),
            Self::Es384 => None,
            Self::Ed25519 => Some(Scheme::Ed25519),
        }
    }

    fn jose(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::Ed25519 => Algorithm::EdDSA,
        }
    }
}

/// One usable key of a provider.
struct ProviderKey {
    kid: Option<String>,
    alg: Option<SignatureAlgorithm>,
    kind: KeyKind,
    key: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyKind {
    fn fits(self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm::{Ed25519, Es256, Es384, Ps256, Rs256};
        matches!(
            (self, algorithm),
            (Self::Rsa, Rs256 | Ps256) | (Self::P256, Es256) | (Self::P384, Es384) | (Self::Ed25519, Ed25519)
        )
    }
}

/// Every usable key of one provider: a snapshot that a request holds from the look-up to the verdict.
pub struct ProviderKeys {
    keys: Vec<ProviderKey>,
    /// The same document as a verifier of proofs reads it.
    proving: IssuerKeys,
}

/// Why no key verified the signature.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyMismatch {
    /// No key of that `kid` fits the algorithm.
    Unknown,
    /// A key was found and the signature is not its.
    Signature,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet for ProviderKeys {
    fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let set: RawSet = serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeySetError::Malformed);
        }
        let keys: Vec<_> = set.keys.into_iter().filter_map(ProviderKey::from_json).collect();
        if keys.is_empty() {
            Err(KeySetError::Empty)
        } else {
            Ok(Self { keys, proving: IssuerKeys::parse(document).unwrap_or_default() })
        }
    }
}

impl ProviderKeys {
    /// Whether a key of this `kid` fits the algorithm; without a `kid`, whether exactly one key does.
    #[must_use]
    pub fn knows(&self, kid: Option<&str>, algorithm: SignatureAlgorithm) -> bool {
        !self.candidates(kid, algorithm).is_empty()
    }

    /// Checks a JWS signature (base64url) over `message`.
    ///
    /// # Errors
    /// [`KeyMismatch`] if no key fits or none of them made the signature.
    pub fn verify(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &str,
    ) -> Result<(), KeyMismatch> {
        let candidates = self.candidates(kid, algorithm);
        if candidates.is_empty() {
            return Err(KeyMismatch::Unknown);
        }
        let verified = |key: &&ProviderKey| {
            jsonwebtoken::crypto::verify(signature, message, &key.key, algorithm.jose()).unwrap_or(false)
        };
        if candidates.iter().any(verified) { Ok(()) } else { Err(KeyMismatch::Signature) }
    }

    /// The key a verifier of proofs finds for the same `kid` and JOSE `alg`; `None` where there is no proof.
    #[must_use]
    pub fn proving(&self, kid: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&PublicKey> {
        self.proving.find(kid, algorithm.scheme()?).ok()
    }

    fn candidates(&self, kid: Option<&str>, algorithm: SignatureAlgorithm) -> Vec<&ProviderKey> {
        let fits = |key: &&ProviderKey| key.kind.fits(algorithm) && key.alg.is_none_or(|alg| alg == algorithm);
        let fitting = self.keys.iter().filter(fits);
        if let Some(kid) = kid {
            return fitting.filter(|key| key.kid.as_deref() == Some(kid)).collect();
        }
        let all: Vec<_> = fitting.collect();
        if all.len() == 1 { all } else { Vec::new() }
    }
}

impl ProviderKey {
    /// `None` for keys that are not for signatures, not complete, or of a kind that is not supported.
    fn from_json(value: serde_json::Value) -> Option<Self> {
        let raw: RawKey = serde_json::from_value(value).ok()?;
        if raw.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let alg = match raw.alg.as_deref() {
            None => None,
            Some(name) => Some(SignatureAlgorithm::from_name(name)?),
        };
        let (kind, key) = match (raw.kty.as_str(), raw.crv.as_deref()) {
            ("RSA", _) => (KeyKind::Rsa, rsa(&raw)?),
            ("EC", Some("P-256")) => (KeyKind::P256, ec(&raw, 32)?),
            ("EC", Some("P-384")) => (KeyKind::P384, ec(&raw, 48)?),
            ("OKP", Some("Ed25519")) => (KeyKind::Ed25519, ed25519(&raw)?),
            _ => return None,
        };
        Some(Self { kid: raw.kid, alg, kind, key })
    }
}

fn decode(member: Option<&String>) -> Option<Vec<u8>> {
    from_base64url(member?)
}

/// Only e = 65537, the one exponent the proof of an OAuth signature is defined for.
fn rsa(raw: &RawKey) -> Option<DecodingKey> {
    let (n, e) = (decode(raw.n.as_ref())?, decode(raw.e.as_ref())?);
    let usable = RSA_MODULUS.contains(&n.len()) && n.first() != Some(&0) && e == [1, 0, 1];
    usable.then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn ec(raw: &RawKey, width: usize) -> Option<DecodingKey> {
    let (x, y) = (decode(raw.x.as_ref())?, decode(raw.y.as_ref())?);
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    (x.len() == width && y.len() == width).then(|| DecodingKey::from_ec_der(&point))
}

fn ed25519(raw: &RawKey) -> Option<DecodingKey> {
    let x = decode(raw.x.as_ref())?;
    (x.len() == 32).then(|| DecodingKey::from_ed_der(&x))
}

#[cfg(test)]
mod tests;
