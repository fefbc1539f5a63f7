//! Attacks: replays, the prover's own keys, other people, symmetric and weak signatures.

use crypto::jose::KeyError;
use crypto::provenance::{ProofError, SchemeError, WitnessError};
use serde_json::json;

use super::fixture::{Case, NOW, id, jwk, key, new_key};
use crate::claims::TokenId;
use crate::encoding::{base64url, base64url_json};
use crate::provenance::{IssuerKeyError, OauthError, ProvenanceError, Prover, ProverError, Rounds};

const CHALLENGE: Result<(), ProvenanceError> = Err(ProvenanceError::Proof(ProofError::Challenge));

/// An honest proof of each algorithm is refused when its verifier is in another situation.
fn assert_replay_refused(change: impl Fn(&mut Case)) {
    for mut case in Case::each() {
        let zkp = case.zkp();
        assert_eq!(case.check(&zkp), Ok(()), "{}", case.alg);
        change(&mut case);
        assert_eq!(case.check(&zkp), CHALLENGE, "{}", case.alg);
    }
}

#[test]
fn refuses_a_replay_to_another_verifier() {
    assert_replay_refused(|case| case.me = id("middle-tier-1"));
}

#[test]
fn refuses_a_replay_with_another_nonce() {
    assert_replay_refused(|case| case.nonce = vec![8; 32]);
}

#[test]
fn refuses_a_replay_for_another_da_svid() {
    assert_replay_refused(|case| case.root.jti = TokenId([3; 16]));
    assert_replay_refused(|case| case.root.iss = id("asserting-wl-2"));
}

#[test]
fn refuses_a_proof_of_another_prover() {
    assert_replay_refused(|case| case.prover = id("middle-tier-1"));
}

#[test]
fn refuses_a_replay_at_another_time() {
    for mut case in Case::each() {
        let mut zkp = case.zkp();
        case.now = NOW.plus(64);
        assert_eq!(case.check(&zkp), Ok(()));
        case.now = NOW.plus(65);
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Expired));
        zkp.exp = zkp.exp.plus(60);
        assert_eq!(case.check(&zkp), CHALLENGE);
        zkp = case.zkp();
        zkp.iat = zkp.iat.plus(1);
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Expired));
        case.now = NOW;
        assert_eq!(case.check(&zkp), CHALLENGE);
    }
}

#[test]
fn refuses_an_embedded_proof_as_an_answer() {
    for mut case in Case::each() {
        case.times = (case.root.iat, case.root.exp);
        assert_eq!(case.check(&case.embedded()), CHALLENGE);
        assert_eq!(case.check_embedded(&case.zkp()), CHALLENGE);
    }
}

#[test]
fn refuses_a_key_supplied_by_the_prover() {
    for mut case in Case::each() {
        let forger = new_key(case.alg);
        // In the header, under the provider's kid: nobody looks at it.
        case.header["jwk"] = jwk(&forger.public_key(), case.alg);
        case.header["jku"] = "https://mallory.example/keys".into();
        let zkp = case.zkp_of(&Prover::new(&case.token(&forger), &forger.public_key()).unwrap());
        let refused = case.check(&zkp);
        let in_range = matches!(refused, Err(ProvenanceError::Proof(ProofError::Challenge | ProofError::Range { .. })));
        assert!(in_range, "{}: {refused:?}", case.alg);
        // Under a kid of its own.
        case.header["kid"] = "mallory".into();
        let zkp = case.zkp_of(&Prover::new(&case.token(&forger), &forger.public_key()).unwrap());
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Key(IssuerKeyError::Unknown)));
    }
}

#[test]
fn refuses_a_key_that_another_issuer_publishes() {
    for mut case in Case::each() {
        case.payload["iss"] = "https://mallory.example".into();
        assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::Issuer));
        case.root.dpa = "https://mallory.example".to_owned();
        assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::UnknownIssuer));
    }
}

#[test]
fn refuses_the_claims_of_another_user() {
    for mut case in Case::each() {
        // Bob's token for alice's DA-SVID.
        case.payload["sub"] = "bob".into();
        let zkp = case.zkp();
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Subject));
        // Alice's claims over the proof of bob's token.
        case.payload["sub"] = "alice".into();
        let mut swapped = case.zkp();
        swapped.proof.clone_from(&zkp.proof);
        let refused = case.check(&swapped);
        assert_eq!(refused, CHALLENGE, "{}", case.alg);
        // Alice's proof for bob's DA-SVID.
        case.root.dpr = "bob".to_owned();
        assert_eq!(case.check(&case.zkp()), Err(ProvenanceError::Subject));
    }
}

#[test]
fn refuses_claims_that_were_changed_afterwards() {
    for case in Case::each() {
        let mut zkp = case.zkp();
        let mut payload = case.payload.clone();
        payload["scope"] = "all".into();
        zkp.input = format!("{}.{}", base64url_json(case.header.clone()), base64url_json(payload));
        assert_eq!(case.check(&zkp), CHALLENGE);
    }
}

#[test]
fn refuses_a_token_with_hs256_or_without_a_signature() {
    for case in Case::each() {
        let with_alg = |alg: &str| {
            let header = base64url_json(json!({"alg": alg, "kid": case.alg}));
            format!("{header}.{}", base64url_json(case.payload.clone()))
        };
        let mut zkp = case.zkp();
        for (alg, error) in [
            ("HS256", SchemeError::Symmetric),
            ("HS512", SchemeError::Symmetric),
            ("none", SchemeError::Unsupported),
            ("ES384", SchemeError::Unsupported),
        ] {
            zkp.input = with_alg(alg);
            assert_eq!(case.check(&zkp), Err(ProvenanceError::Oauth(OauthError::Scheme(error))), "{alg}");
            let token = format!("{}.{}", with_alg(alg), base64url(&[1; 32]));
            let source = Prover::new(&token, &key(case.alg).public_key()).map(|_| ());
            assert_eq!(source, Err(ProverError::Oauth(OauthError::Scheme(error))));
        }
    }
}

#[test]
fn refuses_a_key_whose_exponent_is_not_65537() {
    for mut case in ["RS256", "PS256"].map(Case::new) {
        let zkp = case.zkp();
        for key in case.jwks["keys"].as_array_mut().unwrap() {
            if key["kty"] == "RSA" {
                key["e"] = "Aw".into();
            }
        }
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Key(IssuerKeyError::Key(KeyError::Exponent))));
    }
}

#[test]
fn refuses_a_key_that_is_too_short() {
    for mut case in ["RS256", "PS256"].map(Case::new) {
        let zkp = case.zkp();
        for key in case.jwks["keys"].as_array_mut().unwrap() {
            if key["kty"] == "RSA" {
                key["n"] = base64url(&[0xff; 128]).into();
            }
        }
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Key(IssuerKeyError::Key(KeyError::Modulus))));
    }
}

#[test]
fn refuses_an_empty_or_zero_proof_and_other_rounds() {
    for case in Case::each() {
        let mut zkp = case.zkp();
        zkp.proof.fill(0);
        let refused = case.check(&zkp);
        assert!(matches!(refused, Err(ProvenanceError::Proof(ProofError::Range { .. } | ProofError::Point))));
        zkp.proof.clear();
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Proof(ProofError::Empty)));
    }
    for mut case in ["RS256", "PS256"].map(Case::new) {
        case.rounds = Rounds::Sixteen;
        let zkp = case.zkp();
        assert_eq!(case.check(&zkp), Ok(()));
        case.rounds = Rounds::Eight;
        let refused = ProofError::Count { expected: 8, found: 16 };
        assert_eq!(case.check(&zkp), Err(ProvenanceError::Proof(refused)));
    }
}

#[test]
fn a_token_that_was_not_signed_by_the_key_proves_nothing() {
    for case in Case::each() {
        let token = case.token(&new_key(case.alg));
        let source = Prover::new(&token, &key(case.alg).public_key()).map(|_| ());
        assert!(matches!(source, Err(ProverError::Witness(WitnessError::Signature(_)))), "{source:?}");
    }
}
