//! The check of an OAuth token, with the token in charge of it. Insecure on purpose.

use std::collections::HashMap;

use crypto::jose::{Algorithm, PublicKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use token::encoding::from_base64url;

/// A provider's key as it publishes it.
pub struct Published {
    /// The text of its JWKS.
    pub text: String,
    /// The key in it.
    pub key: PublicKey,
}

/// Every provider there is, by issuer: what a program finds that asks any `iss` for its keys.
pub type Internet = HashMap<String, Published>;

/// The claims of a token, if it is believed. Wrong: the algorithm, the issuer and the kind of token are the token's to say.
#[must_use]
pub fn accept(token: &str, internet: &Internet) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let (header, payload) = (json(header)?, json(payload)?);
    let provider = internet.get(payload.get("iss")?.as_str()?)?;
    let signature = from_base64url(signature).unwrap_or_default();
    let good = match header.get("alg")?.as_str()? {
        "none" => true,
        "HS256" => signature == hmac(provider.text.as_bytes(), signed.as_bytes()),
        alg => {
            let alg: Algorithm = alg.parse().ok()?;
            provider.key.verify(alg, signed.as_bytes(), &signature).is_ok()
        }
    };
    good.then_some(payload)
}

/// HMAC-SHA-256 (RFC 2104).
#[must_use]
pub fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&from_base64url(part)?).ok()
}
