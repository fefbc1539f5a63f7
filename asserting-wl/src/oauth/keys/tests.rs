//! Which of a provider's published keys count.

use crypto::jose::{self, JwkMembers, SigningKey};
use serde_json::{Value, json};
use token::encoding::base64url;

use super::*;

const MESSAGE: &[u8] = b"header.payload";

struct Key(jose::Algorithm, SigningKey);

impl Key {
    fn generate(algorithm: jose::Algorithm) -> Self {
        Self(algorithm, SigningKey::from_pkcs8(&SigningKey::generate(algorithm).unwrap()).unwrap())
    }

    fn jwk(&self, kid: &str) -> Value {
        let mut jwk = match self.1.public_key().members() {
            JwkMembers::Ec { crv, x, y } => json!({"kty": "EC", "crv": crv, "x": base64url(x), "y": base64url(y)}),
            JwkMembers::Rsa { e, n } => json!({"kty": "RSA", "e": base64url(e), "n": base64url(n)}),
            JwkMembers::Okp { crv, x } => json!({"kty": "OKP", "crv": crv, "x": base64url(x)}),
        };
        jwk["kid"] = json!(kid);
        jwk
    }

    fn sign(&self) -> String {
        base64url(&self.1.sign(self.0, MESSAGE).unwrap())
    }
}

fn set(keys: &[Value]) -> Result<ProviderKeys, KeySetError> {
    ProviderKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn verifies_every_algorithm() {
    for algorithm in [
        jose::Algorithm::Rs256,
        jose::Algorithm::Ps256,
        jose::Algorithm::Es256,
        jose::Algorithm::Es384,
        jose::Algorithm::Ed25519,
    ] {
        let key = Key::generate(algorithm);
        let keys = set(&[key.jwk("k")]).ok().unwrap();
        let named = SignatureAlgorithm::from_name(algorithm.name()).unwrap();
        assert_eq!(keys.verify(Some("k"), named, MESSAGE, &key.sign()), Ok(()), "{algorithm:?}");
        assert_eq!(keys.verify(Some("k"), named, b"other", &key.sign()), Err(KeyMismatch::Signature), "{algorithm:?}");
    }
}

#[test]
fn accepts_both_names_of_ed25519() {
    let key = Key::generate(jose::Algorithm::Ed25519);
    for name in ["Ed25519", "EdDSA"] {
        let mut jwk = key.jwk("k");
        jwk["alg"] = json!(name);
        let algorithm = SignatureAlgorithm::from_name(name).unwrap();
        assert_eq!(set(&[jwk]).ok().unwrap().verify(Some("k"), algorithm, MESSAGE, &key.sign()), Ok(()));
    }
}

#[test]
fn accepts_a_high_s_as_rfc_7518_does() {
    // n − s of the same signature, for n the order of P-256.
    let key = Key::generate(jose::Algorithm::Es256);
    let low = key.1.sign(jose::Algorithm::Es256, MESSAGE).unwrap();
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51_u8,
    ];
    let mut high = low.clone();
    let mut borrow = false;
    for index in (0..32).rev() {
        let (difference, first) = order[index].overflowing_sub(low[32 + index]);
        let (difference, second) = difference.overflowing_sub(u8::from(borrow));
        high[32 + index] = difference;
        borrow = first || second;
    }
    let keys = set(&[key.jwk("k")]).ok().unwrap();
    assert_eq!(keys.verify(Some("k"), SignatureAlgorithm::Es256, MESSAGE, &base64url(&high)), Ok(()));
}

#[test]
fn ignores_encryption_keys() {
    let key = Key::generate(jose::Algorithm::Rs256);
    let mut encryption = key.jwk("k");
    encryption["use"] = json!("enc");
    assert_eq!(set(&[encryption.clone()]).err(), Some(KeySetError::Empty));
    encryption["use"] = json!("sig");
    encryption["alg"] = json!("RSA-OAEP");
    assert_eq!(set(&[encryption]).err(), Some(KeySetError::Empty));
}

#[test]
fn refuses_a_key_of_another_algorithm_or_name() {
    let key = Key::generate(jose::Algorithm::Rs256);
    let mut only_ps256 = key.jwk("k");
    only_ps256["alg"] = json!("PS256");
    let keys = set(&[only_ps256]).ok().unwrap();
    assert_eq!(keys.verify(Some("k"), SignatureAlgorithm::Rs256, MESSAGE, &key.sign()), Err(KeyMismatch::Unknown));
    assert_eq!(keys.verify(Some("l"), SignatureAlgorithm::Ps256, MESSAGE, &key.sign()), Err(KeyMismatch::Unknown));
    assert_eq!(keys.verify(Some("k"), SignatureAlgorithm::Es256, MESSAGE, &key.sign()), Err(KeyMismatch::Unknown));
}

#[test]
fn without_a_kid_only_a_single_key_is_used() {
    let (one, two) = (Key::generate(jose::Algorithm::Es256), Key::generate(jose::Algorithm::Es256));
    let single = set(&[one.jwk("1")]).ok().unwrap();
    assert_eq!(single.verify(None, SignatureAlgorithm::Es256, MESSAGE, &one.sign()), Ok(()));
    let both = set(&[one.jwk("1"), two.jwk("2")]).ok().unwrap();
    assert_eq!(both.verify(None, SignatureAlgorithm::Es256, MESSAGE, &one.sign()), Err(KeyMismatch::Unknown));
}

#[test]
fn refuses_an_exponent_other_than_65537_and_symmetric_keys() {
    let mut small = Key::generate(jose::Algorithm::Rs256).jwk("k");
    small["e"] = json!("Aw");
    assert_eq!(set(&[small]).err(), Some(KeySetError::Empty));
    assert_eq!(set(&[json!({"kty": "oct", "k": "AAAA", "kid": "k"})]).err(), Some(KeySetError::Empty));
}

#[test]
fn refuses_what_is_not_a_key_set() {
    for document in ["", "null", "[]", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(ProviderKeys::parse(document.as_bytes()).err(), Some(KeySetError::Malformed), "{document}");
    }
    assert_eq!(set(&[]).err(), Some(KeySetError::Empty));
    assert_eq!(set(&vec![json!({}); 65]).err(), Some(KeySetError::Malformed));
}

#[test]
fn no_symmetric_algorithm_has_a_name_here() {
    for name in ["none", "None", "HS256", "HS384", "HS512", "RS512", "es256", ""] {
        assert_eq!(SignatureAlgorithm::from_name(name), None, "{name}");
    }
}
