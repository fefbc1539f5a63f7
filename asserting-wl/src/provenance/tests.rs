//! Proofs asked for, and the nonces that are good once.

use crypto::jose::{Algorithm, SigningKey};
use serde_json::json;
use token::claims::TokenId;
use token::encoding::base64url_json;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn root(jti: u8) -> RootClaims {
    let id = |name: &str| SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap();
    RootClaims {
        iss: id("asserting-wl"),
        sub: id("subject-wl"),
        aud: vec![id("target-wl")],
        dpa: "https://idp.example".into(),
        dpr: "alice".into(),
        aat: NOW,
        oat: NOW,
        auth_time: None,
        sid: None,
        acr: None,
        amr: None,
        client_id: None,
        iat: NOW,
        exp: NOW.plus(120),
        jti: TokenId([jti; 16]),
        txn: TokenId([2; 16]),
        scope: "accounts.read".parse().unwrap(),
        only: None,
        cnf: None,
        rqd: None,
    }
}

fn provenance(at: ProofTime) -> Provenance {
    let me = root(1).iss;
    Provenance::new(me, SealKey::from_bytes([5; 32]), ZkpSettings { at, rounds: Rounds::Eight })
}

fn signed(alg: Algorithm) -> (String, PublicKey) {
    let key = SigningKey::from_pkcs8(&SigningKey::generate(alg).unwrap()).unwrap();
    let claims = json!({
        "iss": "https://idp.example", "sub": "alice", "aud": "asserting-wl", "iat": NOW.0, "exp": NOW.0 + 300,
    });
    let input = format!("{}.{}", base64url_json(json!({"alg": alg.name()})), base64url_json(claims));
    let signature = key.sign(alg, input.as_bytes()).unwrap();
    (format!("{input}.{}", token::encoding::base64url(&signature)), key.public_key())
}

#[test]
fn what_is_sealed_proves_for_its_own_root_only() {
    let (token, key) = signed(Algorithm::Es256);
    let provenance = provenance(ProofTime::Introspect);
    let sealed = provenance.take(&token, Some(&key), &root(1)).unwrap().sealed.unwrap();
    let verifier = root(1).sub;
    let ask = |root: &RootClaims, sealed: &[u8]| provenance.answer(sealed, root, &verifier, &[1; 16], NOW);
    let zkp = ask(&root(1), &sealed).unwrap();
    assert_eq!((zkp.iat, zkp.exp), (NOW.0, NOW.0 + LIFE));
    assert!(token.starts_with(&zkp.input) && token.len() > zkp.input.len());
    assert!(matches!(ask(&root(9), &sealed), Err(ProvenanceError::Seal(SealError::Open))));
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(matches!(ask(&root(1), &changed), Err(ProvenanceError::Seal(SealError::Open))));
}

#[test]
fn a_proof_never_outlives_its_token() {
    let (token, key) = signed(Algorithm::Ed25519);
    let provenance = provenance(ProofTime::Introspect);
    let sealed = provenance.take(&token, Some(&key), &root(1)).unwrap().sealed.unwrap();
    let late = NOW.plus(100);
    let zkp = provenance.answer(&sealed, &root(1), &root(1).sub, &[1; 16], late).unwrap();
    assert_eq!(zkp.exp, NOW.0 + 120);
}

#[test]
fn a_proof_made_at_mint_leaves_nothing_sealed() {
    let (token, key) = signed(Algorithm::Es256);
    let kept = provenance(ProofTime::Mint).take(&token, Some(&key), &root(1)).unwrap();
    assert!(kept.sealed.is_none() && kept.proof.is_some());
}

#[test]
fn nothing_is_kept_of_a_signature_that_cannot_be_proven() {
    let (token, _) = signed(Algorithm::Es256);
    let (_, other) = signed(Algorithm::Es256);
    for key in [None, Some(&other)] {
        let kept = provenance(ProofTime::Introspect).take(&token, key, &root(1)).unwrap();
        assert!(kept.sealed.is_none() && kept.proof.is_none());
    }
}

#[test]
fn rounds_are_eight_or_sixteen() {
    let read = |text: &str| serde_json::from_str::<ZkpSettings>(text);
    assert_eq!(read(r#"{"rounds": 16}"#).unwrap().rounds, Rounds::Sixteen);
    assert_eq!(read("{}").unwrap().at, ProofTime::Introspect);
    for text in [r#"{"rounds": 1}"#, r#"{"rounds": 0}"#, r#"{"at": "never"}"#, r#"{"length": 8}"#] {
        assert!(read(text).is_err(), "{text}");
    }
}
