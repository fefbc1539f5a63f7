//! Which of an asserter's published keys count.

use super::*;
use crate::encoding::base64url;
use crypto::jose::{JwkMembers, SigningKey};

fn public(alg: Algorithm) -> PublicKey {
    SigningKey::from_pkcs8(&SigningKey::generate(alg).unwrap()).unwrap().public_key()
}

fn schnorr() -> schoco::RootKey {
    schoco::SigningKey::from_wide(&[7; 64]).unwrap().root_key()
}

/// A JWK with these members and the right `kid`.
fn jwk(members: &JwkMembers, alg: &str) -> Vec<(&'static str, String)> {
    let mut jwk: Vec<_> = members
        .in_order()
        .into_iter()
        .map(|(name, value)| match name {
            "kty" | "crv" => (name, String::from_utf8(value.to_vec()).unwrap()),
            _ => (name, base64url(value)),
        })
        .collect();
    jwk.extend([("alg", alg.to_owned()), ("use", "sig".to_owned()), ("kid", members.thumbprint())]);
    jwk
}

fn es256() -> (PublicKey, Vec<(&'static str, String)>) {
    let key = public(Algorithm::Es256);
    let jwk = jwk(key.members(), "ES256");
    (key, jwk)
}

/// The same JWK with one member replaced, or left out.
fn with(jwk: &[(&'static str, String)], name: &'static str, value: Option<&str>) -> Vec<(&'static str, String)> {
    let others = jwk.iter().filter(|(other, _)| *other != name).cloned();
    others.chain(value.map(|value| (name, value.to_owned()))).collect()
}

fn set(list: &[Vec<(&'static str, String)>]) -> String {
    let keys: Vec<_> = list
        .iter()
        .map(|jwk| {
            let members: Vec<_> = jwk.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
            format!("{{{}}}", members.join(","))
        })
        .collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn parse(list: &[Vec<(&'static str, String)>]) -> RootKeys {
    RootKeys::parse(set(list).as_bytes()).unwrap()
}

fn reason(jwk: &[(&'static str, String)]) -> JwkError {
    let document = json::read_object(set(&[jwk.to_vec()]).as_bytes()).unwrap();
    read(document["keys"].as_array().unwrap()[0].as_object().unwrap()).unwrap_err()
}

#[test]
fn finds_every_kind_of_key_by_its_thumbprint() {
    for alg in Algorithm::ALL {
        let key = public(alg);
        let keys = parse(&[jwk(key.members(), alg.name())]);
        assert_eq!(keys.find(&key.thumbprint()), Some(&RootKey::Jose { alg, key: key.clone() }));
    }
    let key = schnorr();
    let keys = parse(&[jwk(&key.members(), SCHOCO)]);
    assert_eq!(keys.find(&key.thumbprint()), Some(&RootKey::Schoco(key)));
    assert_eq!(keys.find(""), None);
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_bad_key_does_not_cost_the_others() {
    let (key, good) = es256();
    let mut unknown = with(&good, "kty", Some("AKP"));
    unknown.push(("pub", "AAAA".into()));
    let keys = parse(&[unknown, with(&es256().1, "use", Some("enc")), good]);
    assert!(keys.find(&key.thumbprint()).is_some());
    assert_eq!(keys.len(), 1);
}

#[test]
fn refuses_keys_not_for_signatures() {
    let (_, jwk) = es256();
    assert_eq!(reason(&with(&jwk, "use", Some("enc"))), JwkError::Use);
    assert_eq!(reason(&with(&jwk, "use", None)), JwkError::Member("use"));
}

#[test]
fn refuses_algorithms_that_do_not_fit() {
    let (_, jwk) = es256();
    for alg in ["ES384", "RS256", "EdDSA", "Ed25519", "HS256", "none", "", SCHOCO] {
        assert_eq!(reason(&with(&jwk, "alg", Some(alg))), JwkError::Kind, "{alg}");
    }
    assert_eq!(reason(&with(&jwk, "alg", None)), JwkError::Member("alg"));
    assert_eq!(reason(&with(&jwk, "crv", Some("P-521"))), JwkError::Kind);
    assert_eq!(reason(&with(&jwk, "crv", Some("P-384"))), JwkError::Key(KeyError::Width));
    assert_eq!(reason(&with(&jwk, "kty", Some("OKP"))), JwkError::Kind);
}

#[test]
fn refuses_a_kid_that_is_not_the_thumbprint() {
    let ((_, jwk), (other, _)) = (es256(), es256());
    assert_eq!(reason(&with(&jwk, "kid", Some(&other.thumbprint()))), JwkError::Kid);
    assert_eq!(reason(&with(&jwk, "kid", Some("key-1"))), JwkError::Kid);
    assert_eq!(reason(&with(&jwk, "kid", None)), JwkError::Member("kid"));
}

#[test]
fn counts_the_keys_that_can_be_found() {
    let (_, one) = es256();
    let other = jwk(&schnorr().members(), SCHOCO);
    assert_eq!(parse(&[one.clone(), other.clone(), with(&one, "use", Some("enc"))]).len(), 2);
    assert_eq!(parse(&[]).len(), 0);
}

#[test]
fn refuses_both_of_two_keys_of_one_kid() {
    let key = public(Algorithm::Rs256);
    let (one, two) = (jwk(key.members(), "RS256"), jwk(key.members(), "PS256"));
    for list in [vec![one.clone(), two.clone()], vec![one.clone(), one.clone()], vec![one.clone(), two, one]] {
        assert!(parse(&list).is_empty());
    }
}

#[test]
fn refuses_keys_published_with_their_secret() {
    let (_, jwk) = es256();
    for name in SECRET {
        assert_eq!(reason(&with(&jwk, name, Some("AAAA"))), JwkError::Secret, "{name}");
    }
}

#[test]
fn refuses_numbers_that_are_not_canonical() {
    let (_, jwk) = es256();
    for x in ["", "AAAA=", "A", "AAAA AAAA", "+AAA"] {
        assert!(matches!(reason(&with(&jwk, "x", Some(x))), JwkError::Member("x") | JwkError::Key(_)), "{x:?}");
    }
    let rsa = public(Algorithm::Rs256);
    let rsa_jwk = super::tests::jwk(rsa.members(), "RS256");
    assert_eq!(reason(&with(&rsa_jwk, "e", Some("Aw"))), JwkError::Key(KeyError::Exponent));
    let JwkMembers::Rsa { n, .. } = rsa.members() else { panic!("not RSA") };
    let padded = base64url(&[&[0], &n[..]].concat());
    assert_eq!(reason(&with(&rsa_jwk, "n", Some(&padded))), JwkError::Key(KeyError::Modulus));
}

#[test]
fn refuses_schnorr_keys_that_are_no_points() {
    let jwk = jwk(&schnorr().members(), SCHOCO);
    assert_eq!(reason(&with(&jwk, "x", Some(&base64url(&[0; 32])))), JwkError::Point(schoco::PointError));
    assert_eq!(reason(&with(&jwk, "x", Some(&base64url(&[0xff; 32])))), JwkError::Point(schoco::PointError));
    assert_eq!(reason(&with(&jwk, "x", Some("AAAA"))), JwkError::Member("x"));
    assert_eq!(reason(&with(&jwk, "alg", Some("SCHOCO-ED25519"))), JwkError::Kind);
}

#[test]
fn refuses_sets_that_are_not_strict_json() {
    let (_, jwk) = es256();
    let good = set(&[jwk]);
    for (document, error) in [
        ("{}".to_owned(), JwksError::Keys),
        (r#"{"keys":{}}"#.to_owned(), JwksError::Keys),
        (r#"{"keys":["a"]}"#.to_owned(), JwksError::Keys),
        ("[]".to_owned(), JwksError::Json(JsonError::NotAnObject)),
        (good.replace(r#""use":"sig""#, r#""use":"enc","use":"sig""#), JwksError::Json(JsonError::DuplicateMember)),
        (format!("{good}{good}"), JwksError::Json(JsonError::Trailing)),
        (format!("{good}{}", " ".repeat(MAX_BYTES)), JwksError::TooLarge),
    ] {
        assert_eq!(RootKeys::parse(document.as_bytes()), Err(error));
    }
    assert!(RootKeys::parse(br#"{"keys":[]}"#).unwrap().is_empty());
    let longest = format!("{good}{}", " ".repeat(MAX_BYTES - good.len()));
    assert!(!RootKeys::parse(longest.as_bytes()).unwrap().is_empty());
}
