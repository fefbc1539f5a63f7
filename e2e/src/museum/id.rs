//! A chain of signed segments whose signers introduce themselves. Insecure on purpose.

use crypto::jose::{Algorithm, Curve, JwkMembers, PublicKey, SigningKey};
use serde_json::{Value, json};
use token::encoding::{base64url, base64url_json, from_base64url};

/// Appends claims signed with `key`, whose public half becomes `iss`. The first segment is the assertion.
#[must_use]
pub fn append(before: &str, key: &SigningKey, mut claims: Value) -> String {
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("iss".to_owned(), json!(public(key)));
    }
    let separator = if before.is_empty() { "" } else { "~" };
    let signed = format!("{before}{separator}{}", base64url_json(claims));
    let signature = key.sign(Algorithm::Es256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

/// The claims of every segment, if each is signed by who it says it is. Wrong: whoever that is, wherever it arrives,
/// whoever brings it, and however few segments are left.
#[must_use]
pub fn verify(token: &str) -> Option<Vec<Value>> {
    let mut claims: Vec<Value> = Vec::new();
    let mut end = 0;
    for segment in token.split('~') {
        let (payload, signature) = segment.split_once('.')?;
        let signed = token.get(..end + payload.len())?;
        let payload: Value = serde_json::from_slice(&from_base64url(payload)?).ok()?;
        let key = from_base64url(payload.get("iss")?.as_str()?)?;
        let key = PublicKey::ec(Curve::P256, key.get(..32)?, key.get(32..)?).ok()?;
        key.verify(Algorithm::Es256, signed.as_bytes(), &from_base64url(signature)?).ok()?;
        claims.push(payload);
        end += segment.len() + 1;
    }
    Some(claims)
}

/// Whether the chain is still alive. Wrong: the last segment decides for all.
#[must_use]
pub fn alive(token: &str, now: u64) -> bool {
    let claims = verify(token).unwrap_or_default();
    claims.last().and_then(|last| last.get("exp")?.as_u64()).is_some_and(|exp| now < exp)
}

/// A public key as an identifier.
#[must_use]
pub fn public(key: &SigningKey) -> String {
    match key.public_key().members() {
        JwkMembers::Ec { x, y, .. } => base64url(&[x.as_slice(), y.as_slice()].concat()),
        other => panic!("not a P-256 key: {:?}", other.in_order().first()),
    }
}
