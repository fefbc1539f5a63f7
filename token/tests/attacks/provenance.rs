//! Rule 13 with the chain it belongs to: the proof in `DA-SVID-Proof`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crypto::jose::{Algorithm, SigningKey};
use crypto::provenance::ProofError;
use serde_json::json;
use token::claims::{RootClaims, TokenId};
use token::encoding::base64url_json;
use token::provenance::{Envelope, EnvelopeError, IssuerKeys, ProvenanceError, Prover, Rounds, Verifier};
use token::refusal::{Reason, Rule};
use token::{Mode, Timestamp};

use crate::fixture::*;

static PROVIDER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Ed25519).unwrap()).unwrap());

fn keys() -> IssuerKeys {
    let members = PROVIDER.public_key();
    let x = members.members().in_order().into_iter().find(|(name, _)| *name == "x").unwrap().1;
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": token::encoding::base64url(x), "kid": "k1", "use": "sig"});
    IssuerKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()
}

fn prover() -> Prover {
    let header = base64url_json(json!({"alg": "Ed25519", "kid": "k1"}));
    let payload =
        json!({"iss": ISSUER, "sub": "alice", "aud": "asserting-wl", "iat": NOW.minus(60), "exp": NOW.plus(300)});
    let input = format!("{header}.{}", base64url_json(payload));
    let signature = PROVIDER.sign(Algorithm::Ed25519, input.as_bytes()).unwrap();
    Prover::new(&format!("{input}.{}", token::encoding::base64url(&signature)), &PROVIDER.public_key()).unwrap()
}

fn embedded(root: &RootClaims) -> String {
    prover().embed(root, Rounds::Eight, &[3; 32]).unwrap().to_field().unwrap()
}

fn asks_for_a_proof(mut delivery: Delivery) -> Delivery {
    let issuers = HashMap::from([(ISSUER.to_owned(), Arc::new(keys()))]);
    delivery.provenance =
        Some(Arc::new(Verifier::new(Arc::new(issuers), vec!["asserting-wl".to_owned()], Rounds::Eight)));
    delivery
}

/// The chain of a mode with an embedded proof.
fn with_proof(mut delivery: Delivery, field: String) -> Delivery {
    delivery.ask.headers.push(("DA-SVID-Proof".to_owned(), field));
    asks_for_a_proof(delivery)
}

fn honest() -> [Delivery; 3] {
    let bound = RootClaims { rqd: Some(Ask::balance().rqd()), ..root_claims() };
    [
        with_proof(Delivery::id(), embedded(&root_claims())),
        with_proof(Delivery::anonymous(), embedded(&root_claims())),
        with_proof(Delivery::plain(), embedded(&bound)),
    ]
}

fn refused(delivery: &Delivery) -> ProvenanceError {
    let (rule, segment, reason) = delivery.refused();
    assert_eq!((rule, segment), (Rule::Provenance, Some(0)));
    let Reason::ProofRefused(error) = reason else { unreachable!("{reason:?}") };
    error
}

#[test]
fn accepts_every_mode_with_its_proof() {
    for delivery in honest() {
        assert!(delivery.verify().is_ok());
    }
}

#[test]
fn refuses_a_chain_without_the_proof_that_policy_asks_for() {
    for delivery in [Delivery::id(), Delivery::anonymous(), Delivery::plain()].map(asks_for_a_proof) {
        assert_eq!(delivery.refused(), (Rule::Provenance, Some(0), Reason::ProofMissing));
    }
}

#[test]
fn refuses_two_proofs() {
    for mut delivery in honest() {
        let again = delivery.ask.headers.last().unwrap().clone();
        delivery.ask.headers.push(again);
        assert_eq!(refused(&delivery), ProvenanceError::Envelope(EnvelopeError::FieldLines));
    }
}

#[test]
fn refuses_the_proof_of_another_da_svid() {
    let other = RootClaims { jti: TokenId([8; 16]), ..root_claims() };
    let delivery = with_proof(Delivery::id(), embedded(&other));
    assert_eq!(refused(&delivery), ProvenanceError::Proof(ProofError::Challenge));
}

#[test]
fn refuses_the_proof_of_a_root_for_another_audience() {
    let other = RootClaims { aud: vec![id(TARGET), id("other-target")], ..root_claims() };
    let delivery = with_proof(Delivery::id(), embedded(&other));
    assert_eq!(refused(&delivery), ProvenanceError::Proof(ProofError::Challenge));
}

#[test]
fn refuses_a_proof_with_other_times_than_the_root() {
    let other = RootClaims { exp: Timestamp(root_claims().exp.0 + 1), ..root_claims() };
    let delivery = with_proof(Delivery::id(), embedded(&other));
    assert_eq!(refused(&delivery), ProvenanceError::Times);
}

#[test]
fn refuses_a_proof_for_another_person() {
    let ask = Ask::balance();
    let claims = RootClaims { dpr: "bob".to_owned(), rqd: Some(ask.rqd()), ..root_claims() };
    let delivery = Delivery::new(root(Mode::Plain, &claims), SUBJECT, &[], ask);
    assert_eq!(refused(&with_proof(delivery, embedded(&claims))), ProvenanceError::Subject);
}

#[test]
fn refuses_a_proof_that_was_asked_for_as_an_embedded_one() {
    let zkp = prover().answer(
        &root_claims(),
        (&id(ASSERTER), &id(TARGET)),
        &[1; 32],
        (root_claims().iat, root_claims().exp),
        Rounds::Eight,
        &[3; 32],
    );
    let delivery = with_proof(Delivery::id(), zkp.unwrap().to_field().unwrap());
    assert_eq!(refused(&delivery), ProvenanceError::Proof(ProofError::Challenge));
}

#[test]
fn refuses_an_envelope_that_is_none() {
    let mut zkp = Envelope::from_field(embedded(&root_claims()).as_bytes()).unwrap();
    zkp.proof.clear();
    let delivery = with_proof(Delivery::id(), zkp.to_field().unwrap());
    assert_eq!(refused(&delivery), ProvenanceError::Proof(ProofError::Empty));
    let delivery = with_proof(Delivery::id(), String::new());
    assert!(matches!(refused(&delivery), ProvenanceError::Envelope(EnvelopeError::Json(_))));
    let delivery = with_proof(Delivery::id(), "A".repeat(16 * 1024 + 1));
    assert_eq!(refused(&delivery), ProvenanceError::Envelope(EnvelopeError::TooLarge));
}

#[test]
fn looks_at_the_proof_after_every_other_rule() {
    let mut delivery = asks_for_a_proof(Delivery::id());
    delivery.peer = id("mallory");
    assert_eq!(delivery.refused().0, Rule::Arrival);
}

#[test]
fn tells_peers_only_of_an_invalid_chain() {
    let refusal = asks_for_a_proof(Delivery::id()).verify().unwrap_err();
    assert_eq!(refusal.problem_slug(), "invalid-chain");
}
