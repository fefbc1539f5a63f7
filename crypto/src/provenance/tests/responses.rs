//! Attacks on the form of a proof: nothing, zeros, too few, too many, too wide, out of range.

use super::fixture::{FRESH, MESSAGE, is_rsa, join, parts, provider, providers, published_len};
use super::textbook::{ED25519, P256, bytes, bytes_le, integer};
use crate::jose::JwkMembers;
use crate::provenance::{ProofError, Rounds, Scheme, prove, verify};
use num_bigint::BigUint;

fn modulus(scheme: Scheme) -> Vec<u8> {
    match provider(scheme).key.members() {
        JwkMembers::Rsa { n, .. } => n.clone(),
        _ => panic!("no RSA key"),
    }
}

const RSA: [Scheme; 2] = [Scheme::Rs256, Scheme::Ps256];

#[test]
fn refuses_an_all_zero_proof() {
    for provider in providers() {
        let refused = match provider.scheme {
            Scheme::Rs256 | Scheme::Ps256 => ProofError::Range { response: 0 },
            Scheme::Es256 | Scheme::Ed25519 => ProofError::Point,
        };
        assert_eq!(provider.check(&vec![0; provider.proof().len()]), Err(refused), "{:?}", provider.scheme);
    }
}

#[test]
fn refuses_zeros_after_an_honest_salt_or_r() {
    for provider in providers() {
        let mut proof = provider.proof();
        proof[published_len(provider.scheme)..].fill(0);
        assert_eq!(provider.check(&proof), Err(ProofError::Range { response: 0 }), "{:?}", provider.scheme);
    }
}

#[test]
fn refuses_an_empty_proof() {
    for provider in providers() {
        assert_eq!(provider.check(&[]), Err(ProofError::Empty));
    }
}

#[test]
fn refuses_too_few_responses() {
    for provider in RSA.map(provider) {
        let (published, challenge, responses) = parts(provider.scheme, &provider.proof());
        for count in 0..8 {
            let proof = join(&published, &challenge[..2 * count], &responses[..count]);
            let refused =
                if proof.is_empty() { ProofError::Empty } else { ProofError::Count { expected: 8, found: count } };
            assert_eq!(provider.check(&proof), Err(refused));
        }
        let cut = join(&published, &challenge, &responses[..7]);
        let (expected, found) = (cut.len() + 256, cut.len());
        assert_eq!(provider.check(&cut), Err(ProofError::Width { expected, found }));
    }
}

#[test]
fn refuses_too_many_responses() {
    for provider in RSA.map(provider) {
        let (published, challenge, mut responses) = parts(provider.scheme, &provider.proof());
        responses.push(responses[0].clone());
        let longer = [challenge.as_slice(), &challenge[..2]].concat();
        let refused = Err(ProofError::Count { expected: 8, found: 9 });
        assert_eq!(provider.check(&join(&published, &longer, &responses)), refused);
        let long = join(&published, &challenge, &responses);
        let (expected, found) = (long.len() - 256, long.len());
        assert_eq!(provider.check(&long), Err(ProofError::Width { expected, found }));
    }
}

#[test]
fn refuses_another_number_of_rounds_than_policy_says() {
    for provider in RSA.map(provider) {
        let witness = provider.witness(MESSAGE);
        let sixteen = prove(&provider.statement(), &witness, Rounds::Sixteen, &FRESH).unwrap();
        assert_eq!(provider.check(&sixteen), Err(ProofError::Count { expected: 8, found: 16 }));
        let verdict = verify(&provider.statement(), Rounds::Sixteen, &provider.proof());
        assert_eq!(verdict, Err(ProofError::Count { expected: 16, found: 8 }));
    }
}

#[test]
fn refuses_oversized_and_undersized_responses() {
    for provider in providers() {
        let honest = provider.proof();
        let (published, challenge, responses) = parts(provider.scheme, &honest);
        let mut wide = responses.clone();
        wide[0].insert(0, 0);
        let mut narrow = responses;
        narrow[0].remove(0);
        for (changed, found) in [(wide, honest.len() + 1), (narrow, honest.len() - 1)] {
            let refused = Err(ProofError::Width { expected: honest.len(), found });
            assert_eq!(provider.check(&join(&published, &challenge, &changed)), refused, "{:?}", provider.scheme);
        }
    }
}

#[test]
fn refuses_every_truncation_and_any_byte_behind() {
    for provider in [Scheme::Es256, Scheme::Ed25519].map(provider) {
        let proof = provider.proof();
        for len in 1..proof.len() {
            let refused = ProofError::Width { expected: proof.len(), found: len };
            assert_eq!(provider.check(&proof[..len]), Err(refused), "{:?} {len}", provider.scheme);
        }
        let refused = ProofError::Width { expected: proof.len(), found: proof.len() + 1 };
        assert_eq!(provider.check(&[proof.as_slice(), &[0]].concat()), Err(refused));
    }
}

#[test]
fn refuses_a_response_that_is_zero_or_not_below_the_modulus() {
    for provider in RSA.map(provider) {
        let (published, challenge, responses) = parts(provider.scheme, &provider.proof());
        let n = modulus(provider.scheme);
        for response in 0..8 {
            for bad in [vec![0; 256], n.clone(), vec![0xff; 256]] {
                let mut changed = responses.clone();
                changed[response] = bad;
                let refused = Err(ProofError::Range { response });
                assert_eq!(provider.check(&join(&published, &challenge, &changed)), refused);
            }
        }
    }
}

#[test]
fn refuses_a_response_plus_the_modulus() {
    for provider in RSA.map(provider) {
        let n = integer(&modulus(provider.scheme));
        // One that still fits into 256 bytes; four proofs have thirty-two responses.
        let found = (0..64_u8).find_map(|fresh| {
            let proof = prove(&provider.statement(), &provider.witness(MESSAGE), Rounds::Eight, &[fresh; 32]).unwrap();
            let (published, challenge, mut responses) = parts(provider.scheme, &proof);
            let (response, sum) =
                responses.iter().map(|z| integer(z) + &n).enumerate().find(|(_, sum)| sum.bits() <= 2048)?;
            responses[response] = bytes(&sum, 256);
            Some((response, join(&published, &challenge, &responses)))
        });
        let (response, proof) = found.unwrap();
        assert_eq!(provider.check(&proof), Err(ProofError::Range { response }));
    }
}

#[test]
fn refuses_a_response_that_is_zero_or_not_below_the_order() {
    let es256 = [BigUint::ZERO, P256.order.clone(), &P256.order + 1_u32, (BigUint::from(1_u32) << 256_u32) - 1_u32];
    let ed25519 = [BigUint::ZERO, ED25519.order.clone(), &ED25519.order + 1_u32];
    let cases = es256.map(|z| (Scheme::Es256, bytes(&z, 32))).into_iter();
    for (scheme, z) in cases.chain(ed25519.map(|z| (Scheme::Ed25519, bytes_le(&z)))) {
        let (published, challenge, _) = parts(scheme, &provider(scheme).proof());
        let refused = Err(ProofError::Range { response: 0 });
        assert_eq!(provider(scheme).check(&join(&published, &challenge, &[z])), refused);
    }
}

#[test]
fn refuses_a_response_plus_the_order() {
    let provider = provider(Scheme::Ed25519);
    let (published, challenge, responses) = parts(provider.scheme, &provider.proof());
    let sum = BigUint::from_bytes_le(&responses[0]) + &ED25519.order;
    let refused = Err(ProofError::Range { response: 0 });
    assert_eq!(provider.check(&join(&published, &challenge, &[bytes_le(&sum)])), refused);
}

#[test]
fn refuses_responses_in_another_order() {
    for provider in RSA.map(provider) {
        let (published, challenge, mut responses) = parts(provider.scheme, &provider.proof());
        responses.swap(0, 1);
        assert_eq!(provider.check(&join(&published, &challenge, &responses)), Err(ProofError::Challenge));
    }
}

#[test]
fn every_flipped_byte_is_refused() {
    for provider in providers() {
        let proof = provider.proof();
        let step = if is_rsa(provider.scheme) { 61 } else { 1 };
        for at in (0..proof.len()).step_by(step) {
            let mut flipped = proof.clone();
            flipped[at] ^= 1;
            assert!(provider.check(&flipped).is_err(), "{:?} byte {at}", provider.scheme);
        }
    }
}
