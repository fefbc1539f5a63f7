//! Attacks on what a proof is bound to: replays, other keys, other people, other algorithms.

use super::fixture::{FRESH, MESSAGE, Provider, is_rsa, providers};
use crate::jose::{KeyError, PublicKey};
use crate::provenance::{
    ProofError, Rounds, Scheme, SchemeError, Statement, Witness, WitnessError, prove, trace, verify,
};

/// Every proof is refused when one part of the statement is another.
fn assert_bound(change: impl for<'a> Fn(Statement<'a>) -> Statement<'a>) {
    for provider in providers() {
        let proof = provider.proof();
        assert_eq!(provider.check(&proof), Ok(()));
        let other = change(provider.statement());
        assert_eq!(verify(&other, Rounds::Eight, &proof), Err(ProofError::Challenge), "{:?}", provider.scheme);
    }
}

#[test]
fn refuses_a_replay_to_another_verifier() {
    assert_bound(|statement| Statement { verifier: "spiffe://bank.example/middle-tier-1", ..statement });
}

#[test]
fn refuses_a_replay_with_another_nonce() {
    assert_bound(|statement| Statement { nonce: &[6; 32], ..statement });
    assert_bound(|statement| Statement { nonce: &[5; 33], ..statement });
    assert_bound(|statement| Statement { nonce: &[], ..statement });
}

#[test]
fn refuses_a_replay_for_another_da_svid() {
    assert_bound(|statement| Statement { root_jti: "0mlyod97e7GRpOvD3vDGsw", ..statement });
    assert_bound(|statement| Statement { root_iss: "spiffe://bank.example/asserting-wl-2", ..statement });
}

#[test]
fn refuses_a_replay_at_another_time() {
    assert_bound(|statement| Statement { iat: statement.iat + 1, ..statement });
    assert_bound(|statement| Statement { exp: statement.exp + 1, ..statement });
    assert_bound(|statement| Statement { iat: statement.exp, exp: statement.iat, ..statement });
}

#[test]
fn refuses_a_proof_of_another_prover() {
    assert_bound(|statement| Statement { prover: "spiffe://bank.example/middle-tier-1", ..statement });
}

#[test]
fn refuses_a_proof_for_another_issuer_or_kid() {
    assert_bound(|statement| Statement { issuer: "https://idp.example/realms/bank2", ..statement });
    assert_bound(|statement| Statement { kid: "", ..statement });
}

#[test]
fn refuses_fields_that_are_moved_across_their_border() {
    assert_bound(|statement| Statement {
        root_iss: "spiffe://bank.example/asserting-w",
        root_jti: "lyDk9IPlAWMpLLHFdIsGD8A",
        ..statement
    });
}

#[test]
fn refuses_the_claims_of_another_user() {
    for provider in providers() {
        let proof = provider.proof();
        let bob = Statement { signing_input: b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ", ..provider.statement() };
        let verdict = verify(&bob, Rounds::Eight, &proof);
        assert!(matches!(verdict, Err(ProofError::Challenge)), "{:?}: {verdict:?}", provider.scheme);
    }
}

#[test]
fn refuses_a_key_supplied_by_the_prover() {
    for provider in providers() {
        let forger = Provider::new(provider.scheme);
        let proof = prove(&forger.statement(), &forger.witness(MESSAGE), Rounds::Eight, &FRESH).unwrap();
        assert_eq!(verify(&forger.statement(), Rounds::Eight, &proof), Ok(()));
        let verdict = provider.check(&proof);
        // A response may be larger than the other modulus.
        let refused = matches!(verdict, Err(ProofError::Challenge))
            || (is_rsa(provider.scheme) && matches!(verdict, Err(ProofError::Range { .. })));
        assert!(refused, "{:?}: {verdict:?}", provider.scheme);
    }
}

#[test]
fn refuses_a_token_with_hs256() {
    for provider in providers() {
        for alg in ["HS256", "HS384", "HS512"] {
            let statement = Statement { alg, ..provider.statement() };
            let refused = Err(ProofError::Scheme(SchemeError::Symmetric));
            assert_eq!(verify(&statement, Rounds::Eight, &provider.proof()), refused);
            let witness = Witness::new(alg, &provider.key, MESSAGE, &provider.sign(MESSAGE)).map(|_| ());
            assert_eq!(witness, Err(WitnessError::Scheme(SchemeError::Symmetric)));
        }
    }
}

#[test]
fn refuses_a_key_whose_exponent_is_not_65537() {
    // With e = 3, a round would have one challenge in three for free.
    let mut n = vec![0xff; 256];
    n[255] = 0xfb;
    for e in [&[3][..], &[17], &[1, 0, 0], &[1, 0, 2], &[0, 1, 0, 1], &[1], &[]] {
        assert_eq!(PublicKey::rsa(&n, e).map(|_| ()), Err(KeyError::Exponent), "{e:?}");
    }
}

#[test]
fn refuses_an_rsa_key_that_is_too_short_or_too_long() {
    for len in [128, 255, 513] {
        let mut n = vec![0xff; len];
        n[len - 1] = 0xfb;
        assert_eq!(PublicKey::rsa(&n, &[1, 0, 1]).map(|_| ()), Err(KeyError::Modulus), "{len}");
    }
}

#[test]
fn refuses_a_key_of_another_algorithm() {
    for provider in providers() {
        for other in providers().iter().filter(|other| !other.key.fits(provider.scheme.algorithm())) {
            let statement = Statement { key: &other.key, ..provider.statement() };
            assert_eq!(verify(&statement, Rounds::Eight, &provider.proof()), Err(ProofError::KeyMismatch));
        }
    }
}

#[test]
fn refuses_a_proof_of_another_scheme() {
    for provider in providers() {
        for other in providers().iter().filter(|other| other.scheme != provider.scheme) {
            assert!(provider.check(&other.proof()).is_err(), "{:?} as {:?}", other.scheme, provider.scheme);
        }
    }
}

/// A stuck generator must not answer two challenges for one nonce: z₁/z₂ or z₁ − z₂ would give the signature away.
#[test]
fn a_stuck_generator_gives_no_nonce_twice() {
    for provider in providers() {
        let witness = provider.witness(MESSAGE);
        let commitments = |statement: &Statement<'_>, rounds| {
            let proof = prove(statement, &witness, rounds, &FRESH).unwrap();
            trace(statement, rounds, &proof).unwrap().commitments
        };
        let first = commitments(&provider.statement(), Rounds::Eight);
        assert_eq!(first, commitments(&provider.statement(), Rounds::Eight));
        let other = commitments(&Statement { nonce: &[6; 32], ..provider.statement() }, Rounds::Eight);
        assert!(first.iter().all(|commitment| !other.contains(commitment)));
        if is_rsa(provider.scheme) {
            let longer = commitments(&provider.statement(), Rounds::Sixteen);
            assert!(first.iter().all(|commitment| !longer.contains(commitment)));
        }
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), first.len());
    }
}

#[test]
fn every_scheme_has_a_name_of_its_own_in_the_challenge() {
    let names = Scheme::ALL.map(Scheme::name);
    assert_eq!(names, ["GQ1-RS256", "GQ1-PS256", "POK-ES256", "POK-Ed25519"]);
    for (provider, name) in providers().iter().zip(names) {
        let input = trace(&provider.statement(), Rounds::Eight, &provider.proof()).unwrap().input;
        assert!(input.windows(name.len()).any(|window| window == name.as_bytes()));
    }
}
