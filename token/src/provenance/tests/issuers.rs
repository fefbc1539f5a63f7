//! An identity provider's key document.

use crypto::jose::KeyError;
use crypto::provenance::Scheme;
use serde_json::{Value, json};

use super::fixture::{ALGS, jwk, jwks, key};
use crate::provenance::{IssuerKeyError, IssuerKeys, IssuerKeysError};

fn parse(jwks: &Value) -> Result<IssuerKeys, IssuerKeysError> {
    IssuerKeys::parse(jwks.to_string().as_bytes())
}

fn only(jwk: &Value) -> IssuerKeys {
    parse(&json!({ "keys": [jwk] })).unwrap()
}

#[test]
fn finds_each_key_by_kid_and_algorithm() {
    let keys = parse(&jwks()).unwrap();
    for (alg, scheme) in ALGS.into_iter().zip(Scheme::ALL) {
        assert_eq!(keys.find(Some(alg), scheme), Ok(&key(alg).public_key()));
        assert_eq!(keys.find(None, scheme), Ok(&key(alg).public_key()));
        assert_eq!(keys.find(Some("other"), scheme), Err(IssuerKeyError::Unknown));
        for other in Scheme::ALL.into_iter().filter(|other| *other != scheme) {
            assert_eq!(keys.find(Some(alg), other), Err(IssuerKeyError::Unknown));
        }
    }
}

#[test]
fn a_key_without_alg_and_use_serves_what_it_fits() {
    let mut rsa = jwk(&key("RS256").public_key(), "RS256");
    rsa.as_object_mut().unwrap().remove("alg");
    rsa.as_object_mut().unwrap().remove("use");
    let keys = only(&rsa);
    assert!(keys.find(Some("RS256"), Scheme::Rs256).is_ok() && keys.find(Some("RS256"), Scheme::Ps256).is_ok());
    assert_eq!(keys.find(Some("RS256"), Scheme::Es256), Err(IssuerKeyError::Unknown));
}

#[test]
fn both_names_of_ed25519_are_one_algorithm() {
    let mut okp = jwk(&key("Ed25519").public_key(), "Ed25519");
    okp["alg"] = "EdDSA".into();
    assert!(only(&okp).find(Some("Ed25519"), Scheme::Ed25519).is_ok());
}

#[test]
fn leaves_out_what_is_not_for_signatures_or_has_no_proof() {
    let rsa = jwk(&key("RS256").public_key(), "RS256");
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!(null)),
        ("alg", json!("RSA-OAEP")),
        ("alg", json!("HS256")),
        ("alg", json!(1)),
        ("kty", json!("oct")),
        ("kty", json!("EC")),
        ("n", json!(1)),
        ("e", json!("AQAB=")),
    ] {
        let mut changed = rsa.clone();
        changed[name] = value;
        let keys = parse(&json!({ "keys": [changed, jwk(&key("ES256").public_key(), "ES256")] })).unwrap();
        assert_eq!(keys.find(None, Scheme::Rs256), Err(IssuerKeyError::Unknown), "{name}");
        assert!(keys.find(None, Scheme::Es256).is_ok());
    }
}

#[test]
fn keeps_an_unacceptable_key_to_name_what_is_wrong() {
    let mut rsa = jwk(&key("RS256").public_key(), "RS256");
    rsa["e"] = "Aw".into();
    let wrong = |error| Err(IssuerKeyError::Key(error));
    assert_eq!(only(&rsa).find(None, Scheme::Rs256), wrong(KeyError::Exponent));
    let mut okp = jwk(&key("Ed25519").public_key(), "Ed25519");
    okp["x"] = "A".repeat(43).into();
    assert_eq!(only(&okp).find(None, Scheme::Ed25519), wrong(KeyError::Point));
    let mut ec = jwk(&key("ES256").public_key(), "ES256");
    ec["x"] = ec["y"].clone();
    assert_eq!(only(&ec).find(None, Scheme::Es256), wrong(KeyError::Point));
    ec["x"] = "AAAA".into();
    assert_eq!(only(&ec).find(None, Scheme::Es256), wrong(KeyError::Width));
}

#[test]
fn refuses_two_keys_that_fit() {
    let keys = ["RS256", "RS256"].map(|alg| jwk(&key(alg).public_key(), alg));
    let keys = parse(&json!({ "keys": keys })).unwrap();
    assert_eq!(keys.find(Some("RS256"), Scheme::Rs256), Err(IssuerKeyError::Ambiguous));
}

#[test]
fn refuses_a_document_that_is_no_key_set() {
    for json in [json!({}), json!({"keys": 1}), json!({"keys": [1]})] {
        assert_eq!(parse(&json), Err(IssuerKeysError::Keys));
    }
    assert!(matches!(IssuerKeys::parse(b"[]"), Err(IssuerKeysError::Json(_))));
    assert!(matches!(IssuerKeys::parse(br#"{"keys":[],"keys":[]}"#), Err(IssuerKeysError::Json(_))));
    assert_eq!(parse(&json!({ "keys": vec![json!({}); 65] })), Err(IssuerKeysError::TooLarge));
    assert_eq!(IssuerKeys::parse(&vec![b' '; 256 * 1024 + 1]), Err(IssuerKeysError::TooLarge));
}
