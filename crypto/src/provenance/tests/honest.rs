//! Honest proofs: sizes, every width of key, both implementations, and signatures that make no witness.

use super::fixture::{FRESH, MESSAGE, Provider, is_rsa, provider, providers, published_p256, statement};
use super::textbook;
use crate::jose::{PublicKey, SignatureError};
use crate::provenance::{
    ProveError, Rounds, RoundsError, Scheme, SchemeError, Statement, Witness, WitnessError, prove, trace, verify,
};
use aws_lc_rs::rsa::KeySize;
use num_bigint::BigUint;
use serde::Deserialize;

const WORD: [(Rounds, usize); 2] = [(Rounds::Eight, 8), (Rounds::Sixteen, 16)];

#[test]
fn has_the_published_sizes() {
    let sizes = [(Scheme::Rs256, 2064), (Scheme::Ps256, 2064 + 32), (Scheme::Es256, 81), (Scheme::Ed25519, 80)];
    for (scheme, size) in sizes {
        assert_eq!(provider(scheme).proof().len(), size, "{scheme:?}");
    }
    let twice = |scheme: Scheme| {
        let provider = provider(scheme);
        prove(&provider.statement(), &provider.witness(MESSAGE), Rounds::Sixteen, &FRESH).unwrap().len()
    };
    assert_eq!(Scheme::ALL.map(twice), [4128, 4128 + 32, 81, 80]);
}

#[test]
fn the_textbook_accepts_our_proofs_and_we_accept_its() {
    for (provider, (rounds, count)) in providers().iter().flat_map(|provider| WORD.map(|rounds| (provider, rounds))) {
        let (statement, signature) = (provider.statement(), provider.sign(MESSAGE));
        let witness = Witness::new(provider.alg(), &provider.key, MESSAGE, &signature).unwrap();
        let ours = prove(&statement, &witness, rounds, &FRESH).unwrap();
        assert!(textbook::verify(&statement, count, &ours), "{:?}", provider.scheme);
        let theirs = textbook::prove(&statement, &signature, count, b"seed");
        assert_eq!(verify(&statement, rounds, &theirs), Ok(()), "{:?}", provider.scheme);
        let traced = trace(&statement, rounds, &ours).unwrap();
        let published = textbook::published(&statement, &signature);
        assert_eq!(traced.input, textbook::input(&statement, &published));
        assert_eq!(traced.challenge, textbook::challenge(&traced.input, &traced.commitments, traced.challenge.len()));
    }
}

#[test]
fn proves_with_3072_and_4096_bits() {
    for (size, width) in [(KeySize::Rsa3072, 384), (KeySize::Rsa4096, 512)] {
        let provider = Provider::rsa(Scheme::Ps256, size);
        let proof = provider.proof();
        assert_eq!(proof.len(), 32 + 8 * (2 + width));
        assert_eq!(provider.check(&proof), Ok(()));
        assert!(textbook::verify(&provider.statement(), 8, &proof));
    }
}

#[derive(Deserialize)]
struct Primes {
    bits: u64,
    p: String,
    q: String,
}

#[test]
fn proves_with_moduli_whose_length_is_no_whole_number_of_bytes() {
    let number = |text: &str| BigUint::parse_bytes(text.as_bytes(), 16).unwrap();
    let moduli: Vec<Primes> = serde_json::from_str(include_str!("../../../tests/vectors/moduli.json")).unwrap();
    for (primes, alg) in moduli.iter().flat_map(|primes| [(primes, "RS256"), (primes, "PS256")]) {
        let (p, q) = (number(&primes.p), number(&primes.q));
        let n = &p * &q;
        assert_eq!(n.bits(), primes.bits);
        let key = PublicKey::rsa(&n.to_bytes_be(), &[1, 0, 1]).unwrap();
        let signature = textbook::sign_rsa(alg, MESSAGE, &p, &q, &[9; 32]);
        let witness = Witness::new(alg, &key, MESSAGE, &signature).unwrap();
        let statement = statement(&key, alg);
        let proof = prove(&statement, &witness, Rounds::Eight, &FRESH).unwrap();
        assert_eq!(verify(&statement, Rounds::Eight, &proof), Ok(()), "{alg}, {} bits", primes.bits);
        assert!(textbook::verify(&statement, 8, &proof), "{alg}, {} bits", primes.bits);
        let theirs = textbook::prove(&statement, &signature, 8, b"seed");
        assert_eq!(verify(&statement, Rounds::Eight, &theirs), Ok(()), "{alg}, {} bits", primes.bits);
    }
}

#[test]
fn proves_signatures_with_low_and_high_s() {
    let provider = provider(Scheme::Es256);
    let low = provider.sign(MESSAGE);
    let high = &textbook::P256.order - textbook::integer(&low[32..]);
    let high = [&low[..32], &textbook::bytes(&high, 32)].concat();
    assert_eq!(provider.key.verify(Scheme::Es256.algorithm(), MESSAGE, &high), Err(SignatureError::HighS));
    let proofs = [low, high].map(|signature| {
        let witness = Witness::new("ES256", &provider.key, MESSAGE, &signature).unwrap();
        prove(&provider.statement(), &witness, Rounds::Eight, &FRESH).unwrap()
    });
    assert_eq!(proofs.each_ref().map(|proof| provider.check(proof)), [Ok(()), Ok(())]);
    // The two R differ in the sign of y only.
    assert_eq!((proofs[0][0] ^ proofs[1][0], &proofs[0][1..33]), (1, &proofs[1][1..33]));
}

#[test]
fn both_names_of_ed25519_have_the_proof_and_neither_stands_for_the_other() {
    let provider = provider(Scheme::Ed25519);
    let old = Statement { alg: "EdDSA", ..provider.statement() };
    let proof = prove(&old, &provider.witness(MESSAGE), Rounds::Eight, &FRESH).unwrap();
    assert_eq!(verify(&old, Rounds::Eight, &proof), Ok(()));
    assert!(provider.check(&proof).is_err());
}

#[test]
fn rounds_are_eight_or_sixteen() {
    assert_eq!(Rounds::try_from(8), Ok(Rounds::Eight));
    assert_eq!(Rounds::try_from(16), Ok(Rounds::Sixteen));
    for count in [0, 1, 7, 9, 15, 17, 32] {
        assert_eq!(Rounds::try_from(count), Err(RoundsError));
    }
    assert_eq!(Rounds::default(), Rounds::Eight);
}

#[test]
fn a_proof_does_not_contain_the_signature() {
    for provider in providers() {
        let signature = provider.sign(MESSAGE);
        let witness = Witness::new(provider.alg(), &provider.key, MESSAGE, &signature).unwrap();
        let proof = prove(&provider.statement(), &witness, Rounds::Eight, &FRESH).unwrap();
        let secret = if is_rsa(provider.scheme) { &signature[..] } else { &signature[32..] };
        let big_endian: Vec<u8> = secret.iter().rev().copied().collect();
        assert!(!proof.windows(secret.len()).any(|window| window == secret || window == big_endian));
    }
}

#[test]
fn a_signature_that_does_not_verify_is_no_witness() {
    for provider in providers() {
        let good = provider.sign(MESSAGE);
        let new = |message: &[u8], signature: &[u8]| {
            Witness::new(provider.alg(), &provider.key, message, signature).map(|_| ()).unwrap_err()
        };
        let invalid = WitnessError::Signature(SignatureError::Invalid);
        assert_eq!(new(b"other", &good), invalid);
        let mut flipped = good.clone();
        flipped[40] ^= 1;
        assert_eq!(new(MESSAGE, &flipped), invalid);
        assert_eq!(new(MESSAGE, &good[1..]), WitnessError::Signature(SignatureError::Length));
        assert_eq!(new(MESSAGE, &[good.as_slice(), &[0]].concat()), WitnessError::Signature(SignatureError::Length));
        assert_eq!(new(MESSAGE, &vec![0; good.len()]), invalid);
        assert_eq!(new(MESSAGE, &vec![0xff; good.len()]), invalid);
    }
    let fits_not = WitnessError::Signature(SignatureError::KeyMismatch);
    assert_eq!(Witness::new("RS256", &published_p256(), MESSAGE, &[1; 64]).map(|_| ()), Err(fits_not));
    let unsupported = WitnessError::Scheme(SchemeError::Unsupported);
    for alg in ["ES384", "none", "", "es256", "RS512", "PS384", "ES256K"] {
        assert_eq!(Witness::new(alg, &published_p256(), MESSAGE, &[1; 64]).map(|_| ()), Err(unsupported), "{alg}");
    }
}

#[test]
fn refuses_to_prove_another_statement_than_the_witness_is_of() {
    for provider in providers() {
        let witness = provider.witness(MESSAGE);
        let statement = provider.statement();
        let other_key = Provider::new(provider.scheme).key;
        let prove = |statement: &Statement<'_>| prove(statement, &witness, Rounds::Eight, &FRESH);
        let refused = Err(ProveError::AnotherWitness);
        assert_eq!(prove(&Statement { signing_input: b"other", ..statement }), refused);
        assert_eq!(prove(&Statement { key: &other_key, ..statement }), refused);
        let other_alg = if provider.scheme == Scheme::Rs256 { "PS256" } else { "RS256" };
        assert_eq!(prove(&Statement { alg: other_alg, ..statement }), refused);
        let symmetric = Err(ProveError::Scheme(SchemeError::Symmetric));
        assert_eq!(prove(&Statement { alg: "HS256", ..statement }), symmetric);
    }
}
