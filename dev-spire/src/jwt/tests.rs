//! JWT-SVIDs as issued, and those that are refused.

use super::*;

const NOW: i64 = 1_700_000_000;

fn authority() -> JwtAuthority {
    JwtAuthority::new(TrustDomain::new("bank.example").unwrap()).unwrap()
}

fn alice() -> SpiffeId {
    SpiffeId::new("spiffe://bank.example/alice").unwrap()
}

fn issue(authority: &JwtAuthority) -> String {
    authority.issue(&alice(), &["target".to_owned()], NOW, NOW + 60).unwrap()
}

/// A token with other claims under a signature of the authority's own key.
fn forge(authority: &JwtAuthority, header: &Value, claims: &Value) -> String {
    let input = format!("{}.{}", encode(header), encode(claims));
    let signature = authority.current.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64URL.encode(signature))
}

fn header(authority: &JwtAuthority) -> Value {
    json!({"alg": "ES256", "kid": authority.keys[0].kid, "typ": "JWT"})
}

#[test]
fn accepts_its_own_token_for_its_audience() {
    let authority = authority();
    let (id, claims) = authority.validate(&issue(&authority), "target", NOW).unwrap();
    assert_eq!(id, alice());
    assert_eq!(claims["aud"], json!(["target"]));
}

#[test]
fn accepts_a_token_of_a_retired_key_until_it_is_forgotten() {
    let mut authority = authority();
    let token = issue(&authority);
    authority.rotate().unwrap();
    assert!(authority.validate(&token, "target", NOW).is_ok());
    authority.forget_old();
    assert_eq!(authority.validate(&token, "target", NOW).unwrap_err(), JwtError::Header);
}

#[test]
fn refuses_to_issue_without_an_audience() {
    let authority = authority();
    assert_eq!(authority.issue(&alice(), &[], NOW, NOW + 60), Err(JwtError::NoAudience));
    assert_eq!(authority.issue(&alice(), &[String::new()], NOW, NOW + 60), Err(JwtError::NoAudience));
}

#[test]
fn refuses_another_audience() {
    let authority = authority();
    assert_eq!(authority.validate(&issue(&authority), "other", NOW), Err(JwtError::Invalid));
    assert_eq!(authority.validate(&issue(&authority), "", NOW), Err(JwtError::NoAudience));
}

#[test]
fn refuses_an_expired_token() {
    let authority = authority();
    assert_eq!(authority.validate(&issue(&authority), "target", NOW + 60), Err(JwtError::Invalid));
}

#[test]
fn refuses_a_token_from_the_future() {
    let authority = authority();
    assert_eq!(authority.validate(&issue(&authority), "target", NOW - LEEWAY - 1), Err(JwtError::Invalid));
}

#[test]
fn refuses_a_token_without_expiry_or_with_a_textual_one() {
    let authority = authority();
    for exp in [Value::Null, json!("1800000000"), json!(1.5)] {
        let claims = json!({"sub": alice().to_string(), "aud": ["target"], "exp": exp});
        let token = forge(&authority, &header(&authority), &claims);
        assert_eq!(authority.validate(&token, "target", NOW), Err(JwtError::Invalid));
    }
}

#[test]
fn refuses_other_algorithms_unknown_keys_and_other_types() {
    let authority = authority();
    let kid = &authority.keys[0].kid;
    let claims = json!({"sub": alice().to_string(), "aud": ["target"], "exp": NOW + 60});
    for header in [
        json!({"alg": "none", "kid": kid}),
        json!({"alg": "HS256", "kid": kid}),
        json!({"alg": "ES384", "kid": kid}),
        json!({"alg": "ES256", "kid": "unknown"}),
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}),
    ] {
        assert_eq!(
            authority.validate(&forge(&authority, &header, &claims), "target", NOW),
            Err(JwtError::Header),
            "{header}"
        );
    }
}

#[test]
fn refuses_a_subject_that_is_not_a_workload_of_the_trust_domain() {
    let authority = authority();
    for sub in ["spiffe://other.example/alice", "spiffe://bank.example", "alice"] {
        let claims = json!({"sub": sub, "aud": ["target"], "exp": NOW + 60});
        let token = forge(&authority, &header(&authority), &claims);
        assert_eq!(authority.validate(&token, "target", NOW), Err(JwtError::Subject), "{sub}");
    }
}

#[test]
fn refuses_a_token_of_another_authority() {
    let ours = authority();
    let theirs = authority();
    assert_eq!(ours.validate(&issue(&theirs), "target", NOW), Err(JwtError::Header));
    // The same key id does not help.
    let claims = json!({"sub": alice().to_string(), "aud": ["target"], "exp": NOW + 60});
    let forged = forge(&theirs, &header(&ours), &claims);
    assert_eq!(ours.validate(&forged, "target", NOW), Err(JwtError::Invalid));
}
