//! Every check of the verifier, in order, with the exact error.

use serde_json::{Value, json};

use super::fixture::{Case, NOW, key};
use crate::Timestamp;
use crate::encoding::{base64url, base64url_json};
use crate::provenance::{IssuerKeyError, OauthError, ProvenanceError, Prover, ProverError, Rounds};

#[test]
fn accepts_honest_answers_and_embedded_proofs() {
    for case in Case::each() {
        assert_eq!(case.check(&case.zkp()), Ok(()));
        assert_eq!(case.check_embedded(&case.embedded()), Ok(()));
    }
}

#[test]
fn accepts_one_audience_as_a_string() {
    let mut case = Case::new("Ed25519");
    case.payload["aud"] = "asserting-wl".into();
    assert_eq!(case.check(&case.zkp()), Ok(()));
}

#[test]
fn refuses_another_audience() {
    let mut case = Case::new("Ed25519");
    for aud in [json!("other"), json!([]), json!(["asserting-wl2", "Asserting-wl"]), json!("asserting-wl ")] {
        case.payload["aud"] = aud;
        assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::Audience));
    }
}

#[test]
fn finds_the_key_without_a_kid_if_there_is_only_one() {
    let mut case = Case::new("ES256");
    case.header.as_object_mut().unwrap().remove("kid");
    assert_eq!(case.check(&case.zkp()), Ok(()));
    let another = case.jwks["keys"][2].clone();
    case.jwks["keys"].as_array_mut().unwrap().push(another);
    assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::Key(IssuerKeyError::Ambiguous)));
}

#[test]
fn refuses_an_oauth_token_outside_its_time() {
    let mut case = Case::new("Ed25519");
    case.payload["exp"] = json!(NOW.minus(4));
    assert_eq!(case.check(&case.zkp()), Ok(()));
    case.payload["exp"] = json!(NOW.minus(5));
    assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::OauthExpired));
    case.payload["exp"] = json!(NOW.plus(300));
    case.payload["nbf"] = json!(NOW.plus(30));
    assert_eq!(case.check(&case.zkp()), Ok(()));
    case.payload["nbf"] = json!(NOW.plus(31));
    assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::OauthEarly));
}

#[test]
fn refuses_another_oauth_token_of_the_person() {
    let mut case = Case::new("Ed25519");
    case.payload["iat"] = json!(NOW.minus(61));
    assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::OauthIssuedAt));
}

#[test]
fn refuses_claims_of_another_type() {
    let case = Case::new("Ed25519");
    let missing = ["iss", "sub", "aud", "iat", "exp"].map(|name| (name, Value::Null, true));
    let wrong = [
        ("exp", json!("1800000300"), false),
        ("exp", json!(1_800_000_300.5), false),
        ("exp", json!(-1), false),
        ("iat", json!("1799999940"), false),
        ("nbf", json!("0"), false),
        ("iss", json!(["x"]), false),
        ("sub", json!(1), false),
        ("aud", json!([1]), false),
        ("aud", json!({}), false),
    ];
    for (name, value, remove) in missing.into_iter().chain(wrong) {
        let mut payload = case.payload.clone();
        payload[name] = value;
        if remove {
            payload.as_object_mut().unwrap().remove(name);
        }
        let mut zkp = case.zkp();
        zkp.input = format!("{}.{}", base64url_json(case.header.clone()), base64url_json(payload));
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Oauth(OauthError::Member(name))), "{name}");
    }
}

#[test]
fn refuses_a_header_with_critical_members_or_of_another_type() {
    let case = Case::new("Ed25519");
    let mut zkp = case.zkp();
    let mut check = |header: Value| {
        zkp.input = format!("{}.{}", base64url_json(header), base64url_json(case.payload.clone()));
        case.check(&zkp)
    };
    let refused = |error| Err(ProvenanceError::Oauth(error));
    assert_eq!(check(json!({"alg": "Ed25519", "crit": ["b64"], "b64": false})), refused(OauthError::Critical));
    assert_eq!(check(json!({"alg": 1})), refused(OauthError::Member("alg")));
    assert_eq!(check(json!({})), refused(OauthError::Member("alg")));
    assert_eq!(check(json!({"alg": "Ed25519", "kid": 1})), refused(OauthError::Member("kid")));
}

#[test]
fn refuses_an_input_that_is_no_header_and_payload() {
    let case = Case::new("Ed25519");
    let mut zkp = case.zkp();
    let input = zkp.input.clone();
    for bad in ["", ".", "a", &format!("{input}."), &format!("{input}.x"), &format!(" {input}"), &format!("{input}=")] {
        zkp.input = bad.to_owned();
        assert!(
            matches!(case.check(&zkp), Err(ProvenanceError::Oauth(OauthError::Form | OauthError::Json(_)))),
            "{bad}"
        );
    }
    let twice = base64url(br#"{"iss":"a","iss":"b"}"#);
    zkp.input = format!("{}.{twice}", base64url_json(case.header.clone()));
    assert!(matches!(case.check(&zkp), Err(ProvenanceError::Oauth(OauthError::Json(_)))));
}

#[test]
fn refuses_a_proof_that_lives_too_long_or_not_at_all() {
    for (life, verdict) in [
        (1, Ok(())),
        (300, Ok(())),
        (0, Err(ProvenanceError::Life)),
        (301, Err(ProvenanceError::Life)),
        (600, Err(ProvenanceError::Life)),
    ] {
        let mut case = Case::new("Ed25519");
        case.times = (NOW, NOW.plus(life));
        assert_eq!(case.check(&case.zkp()), verdict, "{life}");
    }
    let mut backwards = Case::new("Ed25519");
    backwards.times = (NOW, NOW.minus(1));
    assert_eq!(backwards.check(&backwards.zkp()), Err(ProvenanceError::Life));
}

#[test]
fn refuses_a_proof_from_the_future() {
    let mut case = Case::new("Ed25519");
    case.times = (NOW.plus(30), NOW.plus(90));
    assert_eq!(case.check(&case.zkp()), Ok(()));
    case.times = (NOW.plus(31), NOW.plus(90));
    assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::Early));
}

#[test]
fn an_embedded_proof_lives_as_long_as_the_root() {
    let mut case = Case::new("Ed25519");
    case.payload["exp"] = json!(NOW.plus(3600));
    case.root.exp = case.root.iat.plus(600);
    let zkp = case.embedded();
    assert_eq!(case.check_embedded(&zkp), Ok(()));
    case.now = case.root.exp.plus(4);
    assert_eq!(case.check_embedded(&zkp), Ok(()));
    case.now = case.root.exp.plus(5);
    assert_eq!(case.check_embedded(&zkp), Err(ProvenanceError::Expired));
    case.root.exp = Timestamp(case.root.exp.0 - 1);
    assert_eq!(case.check_embedded(&zkp), Err(ProvenanceError::Times));
    case.root.exp = case.root.iat.plus(601);
    case.now = NOW;
    assert_eq!(case.check_embedded(&case.embedded()), Err(ProvenanceError::Life));
}

#[test]
fn refuses_a_nonce_that_is_too_short_or_too_long() {
    for (len, fits) in [(0, false), (15, false), (16, true), (64, true), (65, false)] {
        let mut case = Case::new("Ed25519");
        let zkp = case.zkp();
        case.nonce = vec![1; len];
        let asked = case.source().answer(
            &case.root,
            (&case.prover, &case.me),
            &case.nonce,
            case.times,
            Rounds::Eight,
            &[9; 32],
        );
        assert_eq!(asked.is_ok(), fits);
        if !fits {
            assert_eq!(asked, Err(ProverError::Nonce));
            assert_eq!(case.check(&zkp), Err(ProvenanceError::Nonce));
        }
    }
}

#[test]
fn a_token_that_is_no_jws_proves_nothing() {
    let case = Case::new("Ed25519");
    let token = case.token(key("Ed25519"));
    for bad in ["", "a.b", &token.replace('.', ""), &format!("{token}="), &format!("{token}.")] {
        let source = Prover::new(bad, &key("Ed25519").public_key()).map(|_| ());
        assert!(matches!(source, Err(ProverError::Oauth(_) | ProverError::Witness(_))), "{bad}: {source:?}");
    }
}
