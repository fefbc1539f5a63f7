//! JWT SVIDs: ES256 keys, the JWK set that verifies them, and strict validation (SPIFFE JWT-SVID §3, §4).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};
use spiffe::{SpiffeId, TrustDomain};

/// Retired keys that still verify.
const MAX_KEYS: usize = 4;
/// How far in the future `iat` may lie, seconds.
const LEEWAY: i64 = 30;

/// Why a JWT SVID was not issued or is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// No key could be made, or it did not sign.
    #[error("cannot sign")]
    Signing,
    /// No audience, or an empty one.
    #[error("an audience is missing or empty")]
    NoAudience,
    /// Not a JWS with an `alg` of ES256, a known `kid` and a `typ` of `JWT` or `JOSE`.
    #[error("the header is not that of a JWT SVID of this trust domain")]
    Header,
    /// The signature, the audience or a time is wrong, or a required claim is missing.
    #[error("the token is not valid for this audience now")]
    Invalid,
    /// `sub` is not the SPIFFE ID of a workload of this trust domain.
    #[error("the subject is not a workload of this trust domain")]
    Subject,
}

/// The keys that sign the JWT SVIDs of one trust domain.
pub(crate) struct JwtAuthority {
    trust_domain: TrustDomain,
    current: EcdsaKeyPair,
    /// Public keys, oldest first; the last one is `current`'s.
    keys: Vec<PublicKey>,
}

#[derive(Clone, PartialEq, Eq)]
struct PublicKey {
    kid: String,
    x: String,
    y: String,
}

impl JwtAuthority {
    pub(crate) fn new(trust_domain: TrustDomain) -> Result<Self, JwtError> {
        let (current, public) = generate()?;
        Ok(Self { trust_domain, current, keys: vec![public] })
    }

    /// Signs with a new key from now on; the retired ones still verify.
    pub(crate) fn rotate(&mut self) -> Result<(), JwtError> {
        let (current, public) = generate()?;
        self.current = current;
        self.keys.push(public);
        let surplus = self.keys.len().saturating_sub(MAX_KEYS);
        self.keys.drain(..surplus);
        Ok(())
    }

    /// Takes the retired keys away.
    pub(crate) fn forget_old(&mut self) {
        let surplus = self.keys.len().saturating_sub(1);
        self.keys.drain(..surplus);
    }

    /// The JWK set, as JSON.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        let key = |key: &PublicKey| json!({"kty": "EC", "crv": "P-256", "use": "jwt-svid", "kid": key.kid, "x": key.x, "y": key.y});
        json!({"keys": self.keys.iter().map(key).collect::<Vec<_>>()}).to_string().into_bytes()
    }

    /// Issues a JWT SVID that lives from `now` to `exp`, Unix seconds.
    pub(crate) fn issue(&self, id: &SpiffeId, audience: &[String], now: i64, exp: i64) -> Result<String, JwtError> {
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            return Err(JwtError::NoAudience);
        }
        let kid = self.keys.last().map(|key| key.kid.as_str());
        let header = json!({"alg": "ES256", "kid": kid, "typ": "JWT"});
        let claims = json!({"sub": id.to_string(), "aud": audience, "iat": now, "exp": exp});
        let input = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.current.sign(&SystemRandom::new(), input.as_bytes()).map_err(|_| JwtError::Signing)?;
        Ok(format!("{input}.{}", BASE64URL.encode(signature)))
    }

    /// Checks a JWT SVID for `audience` at `now`, Unix seconds, and returns whose it is and its claims.
    pub(crate) fn validate(
        &self,
        token: &str,
        audience: &str,
        now: i64,
    ) -> Result<(SpiffeId, Map<String, Value>), JwtError> {
        if audience.is_empty() {
            return Err(JwtError::NoAudience);
        }
        let key = self.key_of(token)?;
        let decoding = DecodingKey::from_ec_components(&key.x, &key.y).map_err(|_| JwtError::Header)?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.leeway = 0;
        rules.validate_exp = false;
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["aud", "exp", "sub"]);
        let claims =
            jsonwebtoken::decode::<Map<String, Value>>(token, &decoding, &rules).map_err(|_| JwtError::Invalid)?.claims;
        let number = |name: &str| claims.get(name).map(Value::as_i64);
        let lives = matches!(number("exp"), Some(Some(exp)) if now < exp);
        let begun = match number("iat") {
            None => true,
            Some(iat) => iat.is_some_and(|iat| iat <= now + LEEWAY),
        };
        if !lives || !begun {
            return Err(JwtError::Invalid);
        }
        let id = self.subject(&claims)?;
        Ok((id, claims))
    }

    fn key_of(&self, token: &str) -> Result<&PublicKey, JwtError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| JwtError::Header)?;
        let typ = header.typ.as_deref();
        if header.alg != Algorithm::ES256 || !matches!(typ, None | Some("JWT" | "JOSE")) {
            return Err(JwtError::Header);
        }
        self.keys.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or(JwtError::Header)
    }

    fn subject(&self, claims: &Map<String, Value>) -> Result<SpiffeId, JwtError> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let id = SpiffeId::new(subject).map_err(|_| JwtError::Subject)?;
        if id.trust_domain() != &self.trust_domain || id.path().is_empty() {
            return Err(JwtError::Subject);
        }
        Ok(id)
    }
}

fn generate() -> Result<(EcdsaKeyPair, PublicKey), JwtError> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| JwtError::Signing)?;
    let mut kid = [0; 16];
    getrandom::fill(&mut kid).map_err(|_| JwtError::Signing)?;
    // SEC 1 uncompressed: 4, then both coordinates.
    let point = key.public_key().as_ref();
    let (x, y) = point.get(1..).and_then(|both| both.split_at_checked(32)).ok_or(JwtError::Signing)?;
    let public = PublicKey { kid: BASE64URL.encode(kid), x: BASE64URL.encode(x), y: BASE64URL.encode(y) };
    Ok((key, public))
}

fn encode(value: &Value) -> String {
    BASE64URL.encode(value.to_string())
}

#[cfg(test)]
mod tests;
