//! Proofs of nothing.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use e2e::bank::id;
use e2e::museum::proof::{self, Proof, Round};
use num_bigint::BigUint;
use serde_json::json;
use token::encoding::{base64url, base64url_json};
use token::provenance::{Envelope, IssuerKeys, Prover, Rounds, Verifier};

use super::ours::{ISSUER, OURS, jwk, new_key};
use super::stopped;

static PROVIDER: LazyLock<SigningKey> = LazyLock::new(|| {
    // The largest of a few, so that a key of a smaller modulus is soon found.
    let keys = std::iter::repeat_with(|| new_key(Algorithm::Rs256)).take(4);
    keys.max_by_key(modulus).unwrap()
});

/// The provider's modulus.
fn modulus(key: &SigningKey) -> BigUint {
    match key.public_key().members() {
        JwkMembers::Rsa { n, .. } => BigUint::from_bytes_be(n),
        _ => panic!("not an RSA key"),
    }
}

/// Header and payload of alice's OAuth token.
fn message() -> String {
    let payload = json!({
        "iss": ISSUER, "sub": "alice", "aud": "asserting-wl",
        "iat": OURS.now.minus(60), "exp": OURS.now.plus(300),
    });
    format!("{}.{}", base64url_json(json!({"alg": "RS256", "kid": "k1"})), base64url_json(payload))
}

fn sign(key: &SigningKey) -> Vec<u8> {
    key.sign(Algorithm::Rs256, message().as_bytes()).unwrap()
}

/// The answer of an asserting-wl to a verifier that has asked with `nonce`; `key` signed the OAuth token.
fn answer(key: &SigningKey, nonce: u8) -> Envelope {
    let prover = Prover::new(&format!("{}.{}", message(), base64url(&sign(key))), &key.public_key()).unwrap();
    let (parties, times) = ((&id("asserting-wl"), &id("target-wl")), (OURS.now, OURS.now.plus(60)));
    prover.answer(&OURS.claims(), parties, &[nonce; 32], times, Rounds::Eight, &[9; 32]).unwrap()
}

/// What target-wl says to an answer, having asked with a nonce of sevens.
fn target_says(zkp: &Envelope) -> String {
    let keys = json!({ "keys": [jwk(&PROVIDER, Algorithm::Rs256, "k1")] }).to_string();
    let keys = IssuerKeys::parse(keys.as_bytes()).unwrap();
    let issuers = Arc::new(HashMap::from([(ISSUER.to_owned(), Arc::new(keys))]));
    let verifier = Verifier::new(issuers, vec!["asserting-wl".to_owned()], Rounds::Eight);
    let parties = (&id("asserting-wl"), &id("target-wl"));
    match verifier.check_answer(zkp, &OURS.claims(), parties, &[7; 32], OURS.now) {
        Ok(()) => "believed".to_owned(),
        Err(error) => format!("rule provenance: {error}"),
    }
}

#[test]
fn a_proof_of_zeros() {
    let zero = Round { commitment: BigUint::ZERO, response: BigUint::ZERO };
    let forged = Proof { modulus: modulus(&PROVIDER), rounds: vec![zero; 8] };
    assert!(proof::verify(message().as_bytes(), &forged));

    let mut zkp = answer(&PROVIDER, 7);
    assert_eq!(target_says(&zkp), "believed");
    zkp.proof.fill(0);
    stopped("a_proof_of_zeros", target_says(&zkp));
}

#[test]
fn a_proof_without_rounds() {
    let forged = Proof { modulus: modulus(&PROVIDER), rounds: Vec::new() };
    assert!(proof::verify(message().as_bytes(), &forged));

    let mut zkp = answer(&PROVIDER, 7);
    zkp.proof.clear();
    stopped("a_proof_without_rounds", target_says(&zkp));
}

#[test]
fn a_proof_made_backwards() {
    let (n, message) = (modulus(&PROVIDER), message());
    let backwards = |index: usize| {
        let response = BigUint::from(2_u32 + u32::try_from(index).unwrap());
        let statement = proof::encoded(message.as_bytes(), &n);
        let commitment = response.modpow(&65_537_u32.into(), &n)
            * statement.modpow(&proof::challenge(message.as_bytes(), index), &n)
            % &n;
        Round { commitment, response }
    };
    let forged = Proof { modulus: n.clone(), rounds: (0..8).map(backwards).collect() };
    assert!(proof::verify(message.as_bytes(), &forged));

    // Challenges and responses of one's own choice; the commitments are what they give.
    let mut zkp = answer(&PROVIDER, 7);
    zkp.proof.fill(1);
    stopped("a_proof_made_backwards", target_says(&zkp));
}

#[test]
fn a_key_of_the_provers_own() {
    // Of a smaller modulus, so that every response is in the provider's range and only the challenge can tell.
    let smaller = |key: &SigningKey| modulus(key) < modulus(&PROVIDER);
    let own = std::iter::repeat_with(|| new_key(Algorithm::Rs256)).find(smaller).unwrap();
    let signature = BigUint::from_bytes_be(&sign(&own));
    let forged = proof::prove(&modulus(&own), message().as_bytes(), &signature, &[2, 3, 5, 7, 11, 13, 17, 19]);
    assert!(proof::verify(message().as_bytes(), &forged));

    stopped("a_key_of_the_provers_own", target_says(&answer(&own, 7)));
}

#[test]
fn a_proof_shown_once_more() {
    let signature = BigUint::from_bytes_be(&sign(&PROVIDER));
    let honest = proof::prove(&modulus(&PROVIDER), message().as_bytes(), &signature, &[2, 3, 5, 7, 11, 13, 17, 19]);
    for _verifier in ["target-wl", "another"] {
        assert!(proof::verify(message().as_bytes(), &honest));
    }

    stopped("a_proof_shown_once_more", target_says(&answer(&PROVIDER, 6)));
}
