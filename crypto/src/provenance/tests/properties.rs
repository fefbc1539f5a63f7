//! For any statement: our proofs hold, for us and for the textbook, and for no other statement.

use super::fixture::{FRESH, providers};
use super::textbook;
use crate::provenance::{Rounds, Statement, Witness, prove, verify};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn holds_for_its_statement_only(
        message in prop::collection::vec(any::<u8>(), 0..600),
        texts in prop::array::uniform6("\\PC{0,40}"),
        nonce in prop::collection::vec(any::<u8>(), 0..80),
        times in any::<[u64; 2]>(),
        fresh in any::<[u8; 32]>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        for provider in providers() {
            let statement = Statement {
                issuer: &texts[0], kid: &texts[1], root_iss: &texts[2], root_jti: &texts[3],
                prover: &texts[4], verifier: &texts[5],
                signing_input: &message, nonce: &nonce, iat: times[0], exp: times[1],
                ..provider.statement()
            };
            let mut proof = prove(&statement, &provider.witness(&message), Rounds::Eight, &fresh).unwrap();
            prop_assert_eq!(verify(&statement, Rounds::Eight, &proof), Ok(()));
            prop_assert!(textbook::verify(&statement, 8, &proof));
            let later = Statement { exp: times[1] ^ 1, ..statement };
            prop_assert!(verify(&later, Rounds::Eight, &proof).is_err());
            let at = at.index(proof.len());
            proof[at] ^= 1 << bit;
            prop_assert!(verify(&statement, Rounds::Eight, &proof).is_err());
            prop_assert!(!textbook::verify(&statement, 8, &proof));
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..4200),
        cut in any::<bool>(),
    ) {
        for provider in providers() {
            let len = provider.proof().len();
            let bytes = if cut && bytes.len() > len { &bytes[..len] } else { &bytes[..] };
            for rounds in [Rounds::Eight, Rounds::Sixteen] {
                prop_assert!(verify(&provider.statement(), rounds, bytes).is_err());
            }
        }
    }

    #[test]
    fn no_bytes_but_the_signature_make_a_witness(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        for provider in providers() {
            let mut signature = provider.sign(b"message");
            let at = at.index(signature.len());
            signature[at] ^= 1 << bit;
            prop_assert!(Witness::new(provider.alg(), &provider.key, b"message", &signature).is_err());
        }
    }

    #[test]
    fn fresh_bytes_make_another_proof(fresh in any::<[u8; 32]>()) {
        prop_assume!(fresh != FRESH);
        for provider in providers() {
            let witness = provider.witness(b"message");
            let statement = Statement { signing_input: b"message", ..provider.statement() };
            let one = prove(&statement, &witness, Rounds::Eight, &FRESH).unwrap();
            let two = prove(&statement, &witness, Rounds::Eight, &fresh).unwrap();
            prop_assert_ne!(one, two);
        }
    }
}
