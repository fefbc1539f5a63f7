//! The provider's signing keys, their public form and the compact JWS made with them.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::Ed25519];

    /// The `alg` on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Ed25519 => "EdDSA",
        }
    }
}

/// A name that is no signature algorithm of this provider.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no algorithm of dev-idp; it knows RS256, PS256, ES256 and EdDSA")]
pub struct UnknownAlgorithm(String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // RFC 9864 renames EdDSA on this curve; providers and their clients still say it the old way.
        let name_of = |algorithm: &Self| algorithm.name() == name || (name == "Ed25519" && *algorithm == Self::Ed25519);
        Self::ALL.into_iter().find(name_of).ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

/// A key could not be made or used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The cryptographic library failed.
    #[error("the cryptographic library refused to make or use a key")]
    Library,
    /// The key was being made when the provider ended.
    #[error("the provider ended before its key was made")]
    Ended,
}

impl From<aws_lc_rs::error::Unspecified> for KeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Library
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// One signing key, for one algorithm.
pub(crate) struct Key {
    algorithm: Algorithm,
    kid: String,
    jwk: Value,
    pair: Pair,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.algorithm.name(), self.kid)
    }
}

impl Key {
    fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let (pair, members) = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let members = rsa_members(pair.public_key().as_ref()).ok_or(KeyError::Library)?;
                (Pair::Rsa(pair), members)
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let members = ec_members(pair.public_key().as_ref()).ok_or(KeyError::Library)?;
                (Pair::Ec(pair), members)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::generate()?;
                let x = BASE64.encode(pair.public_key().as_ref());
                (Pair::Ed25519(pair), json!({"crv": "Ed25519", "kty": "OKP", "x": x}))
            }
        };
        // RFC 7638: the members are in lexical order and nothing in them needs escaping.
        let kid = BASE64.encode(Sha256::digest(members.to_string()));
        let mut jwk = members;
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.insert("alg".to_owned(), json!(algorithm.name()));
            jwk.insert("use".to_owned(), json!("sig"));
            jwk.insert("kid".to_owned(), json!(kid));
        }
        Ok(Self { algorithm, kid, jwk, pair })
    }

    /// Signs `claims` under the header `{alg, kid, typ}`, or without a `typ`.
    pub(crate) fn sign(&self, typ: Option<&str>, claims: &Value) -> Result<String, KeyError> {
        let header = match typ {
            Some(typ) => json!({"alg": self.algorithm.name(), "kid": self.kid, "typ": typ}),
            None => json!({"alg": self.algorithm.name(), "kid": self.kid}),
        };
        let input = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.signature(input.as_bytes())?;
        Ok(format!("{input}.{}", BASE64.encode(signature)))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                if self.algorithm == Algorithm::Ps256 {
                    pair.sign(&signature::RSA_PSS_SHA256, &random, message, &mut out)?;
                } else {
                    pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut out)?;
                }
                Ok(out)
            }
            Pair::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    fn verify(&self, message: &[u8], tail: &[u8]) -> bool {
        match &self.pair {
            Pair::Rsa(pair) => {
                let algorithm = if self.algorithm == Algorithm::Ps256 {
                    &signature::RSA_PSS_2048_8192_SHA256
                } else {
                    &signature::RSA_PKCS1_2048_8192_SHA256
                };
                UnparsedPublicKey::new(algorithm, pair.public_key().as_ref()).verify(message, tail)
            }
            Pair::Ec(pair) => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
                .verify(message, tail),
            Pair::Ed25519(pair) => {
                UnparsedPublicKey::new(&signature::ED25519, pair.public_key().as_ref()).verify(message, tail)
            }
        }
        .is_ok()
    }
}

/// `n` and `e` of a DER `RSAPublicKey` (RFC 8017 §A.1.1).
fn rsa_members(der: &[u8]) -> Option<Value> {
    let (sequence, _) = der_value(der, 0x30)?;
    let (n, rest) = der_value(sequence, 0x02)?;
    let (e, _) = der_value(rest, 0x02)?;
    let strip = |integer: &[u8]| BASE64.encode(integer.strip_prefix(&[0]).unwrap_or(integer));
    Some(json!({"e": strip(e), "kty": "RSA", "n": strip(n)}))
}

/// The content of the DER value with this tag at the start of `der`, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// `x` and `y` of an uncompressed P-256 point.
fn ec_members(point: &[u8]) -> Option<Value> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(json!({"crv": "P-256", "kty": "EC", "x": BASE64.encode(x), "y": BASE64.encode(y)}))
}

/// The keys of every algorithm in use. They are made in the background: RSA takes a while, starting must not.
#[derive(Debug, Clone)]
pub(crate) struct Keys(HashMap<Algorithm, watch::Receiver<Option<Arc<Key>>>>);

impl Keys {
    pub(crate) fn start(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut keys = HashMap::new();
        for algorithm in algorithms {
            keys.entry(algorithm).or_insert_with(|| {
                let (sender, receiver) = watch::channel(None);
                tokio::task::spawn_blocking(move || match Key::generate(algorithm) {
                    Ok(key) => drop(sender.send(Some(Arc::new(key)))),
                    Err(error) => tracing::error!(%error, algorithm = algorithm.name(), "no signing key"),
                });
                receiver
            });
        }
        Self(keys)
    }

    /// The key for `algorithm`, once it is made.
    pub(crate) async fn key(&self, algorithm: Algorithm) -> Result<Arc<Key>, KeyError> {
        let mut receiver = self.0.get(&algorithm).ok_or(KeyError::Ended)?.clone();
        let made = receiver.wait_for(Option::is_some).await.map_err(|_| KeyError::Ended)?;
        made.clone().ok_or(KeyError::Ended)
    }

    /// The public keys as a JWK Set (RFC 7517).
    pub(crate) async fn jwks(&self) -> Result<Value, KeyError> {
        let mut keys = Vec::new();
        for algorithm in self.names() {
            keys.push(self.key(algorithm).await?.jwk.clone());
        }
        Ok(json!({"keys": keys}))
    }

    /// The algorithms in use, by name.
    pub(crate) fn names(&self) -> Vec<Algorithm> {
        let mut names: Vec<_> = self.0.keys().copied().collect();
        names.sort_by_key(|algorithm| algorithm.name());
        names
    }

    /// The claims of a token of the type `typ` that one of these keys signed, whatever its times say.
    pub(crate) async fn verify(&self, typ: Option<&str>, token: &str) -> Option<Value> {
        let (input, tail) = token.rsplit_once('.')?;
        let (header, payload) = input.split_once('.')?;
        let header: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
        if header.get("typ") != typ.map(|typ| json!(typ)).as_ref() {
            return None;
        }
        let key = self.key(header.get("alg")?.as_str()?.parse().ok()?).await.ok()?;
        let signed =
            header.get("kid")?.as_str()? == key.kid && key.verify(input.as_bytes(), &BASE64.decode(tail).ok()?);
        if !signed {
            return None;
        }
        serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Keys};
    use serde_json::json;

    #[tokio::test]
    async fn verifies_what_it_signed_and_nothing_else() {
        let keys = Keys::start(Algorithm::ALL);
        for algorithm in Algorithm::ALL {
            let key = keys.key(algorithm).await.unwrap();
            let token = key.sign(Some("JWT"), &json!({"sub": "alice"})).unwrap();
            assert_eq!(keys.verify(Some("JWT"), &token).await, Some(json!({"sub": "alice"})));
            assert_eq!(keys.verify(Some("at+jwt"), &token).await, None);
            assert_eq!(keys.verify(None, &token).await, None);
            let forged = token.replacen('.', ".e", 1);
            assert_eq!(keys.verify(Some("JWT"), &forged).await, None);
            let untyped = key.sign(None, &json!({"sub": "alice"})).unwrap();
            assert_eq!(keys.verify(None, &untyped).await, Some(json!({"sub": "alice"})));
            assert_eq!(keys.verify(Some("JWT"), &untyped).await, None);
        }
    }

    #[test]
    fn knows_its_algorithms_by_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::Ed25519));
        assert!("HS256".parse::<Algorithm>().is_err());
    }
}
