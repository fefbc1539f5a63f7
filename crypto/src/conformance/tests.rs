//! Every scheme against the exported suites.

use super::*;
use crate::{
    jose::{Algorithm, PublicKey, SigningKey},
    provenance::{self, Rounds, Statement, Witness},
    schoco, schoco_ed25519,
};

/// A JOSE algorithm as a type.
macro_rules! jose {
    ($scheme:ident, $algorithm:ident) => {
        struct $scheme;

        impl SignatureScheme for $scheme {
            type Key = SigningKey;

            fn generate() -> SigningKey {
                SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::$algorithm).unwrap()).unwrap()
            }
            fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
                key.sign(Algorithm::$algorithm, message).unwrap()
            }
            fn accepts(key: &SigningKey, message: &[u8], signature: &[u8]) -> bool {
                key.public_key().verify(Algorithm::$algorithm, message, signature).is_ok()
            }
        }
    };
}
jose!(Es256, Es256);
jose!(Es384, Es384);
jose!(Ps256, Ps256);
jose!(Rs256, Rs256);
jose!(Ed25519, Ed25519);

fn statement<'a>(
    key: &'a PublicKey,
    alg: &'a str,
    message: &'a [u8],
    verifier: &'a str,
    nonce: &'a [u8],
) -> Statement<'a> {
    Statement {
        issuer: "https://idp.example",
        key,
        alg,
        kid: "k1",
        signing_input: message,
        root_iss: "spiffe://bank.example/asserting-wl",
        root_jti: "yDk9IPlAWMpLLHFdIsGD8A",
        prover: "spiffe://bank.example/asserting-wl",
        verifier,
        nonce,
        iat: 1_800_000_000,
        exp: 1_800_000_060,
    }
}

/// The proof of an algorithm's signature, with the algorithm's own keys.
macro_rules! proof {
    ($scheme:ident) => {
        impl ProofScheme for $scheme {
            type Key = SigningKey;

            fn generate() -> SigningKey {
                <Self as SignatureScheme>::generate()
            }
            fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
                <Self as SignatureScheme>::sign(key, message)
            }
            fn prove(
                key: &SigningKey,
                message: &[u8],
                signature: &[u8],
                verifier: &str,
                nonce: &[u8],
                fresh: &[u8; 32],
            ) -> Option<Vec<u8>> {
                let (key, alg) = (key.public_key(), Algorithm::$scheme.name());
                let witness = Witness::new(alg, &key, message, signature).ok()?;
                let statement = statement(&key, alg, message, verifier, nonce);
                provenance::prove(&statement, &witness, Rounds::Eight, fresh).ok()
            }
            fn accepts(key: &SigningKey, message: &[u8], verifier: &str, nonce: &[u8], proof: &[u8]) -> bool {
                let statement = |key| statement(key, Algorithm::$scheme.name(), message, verifier, nonce);
                provenance::verify(&statement(&key.public_key()), Rounds::Eight, proof).is_ok()
            }
        }
    };
}
proof!(Rs256);
proof!(Ps256);
proof!(Es256);
proof!(Ed25519);

#[test]
fn the_proof_of_rs256_conforms() {
    check_proofs::<Rs256>();
}

#[test]
fn the_proof_of_ps256_conforms() {
    check_proofs::<Ps256>();
}

#[test]
fn the_proof_of_es256_conforms() {
    check_proofs::<Es256>();
}

#[test]
fn the_proof_of_ed25519_conforms() {
    check_proofs::<Ed25519>();
}

#[test]
fn es256_conforms() {
    check_signatures::<Es256>();
}

#[test]
fn es384_conforms() {
    check_signatures::<Es384>();
}

#[test]
fn ps256_conforms() {
    check_signatures::<Ps256>();
}

#[test]
fn rs256_conforms() {
    check_signatures::<Rs256>();
}

#[test]
fn ed25519_conforms() {
    check_signatures::<Ed25519>();
}

fn scalar(seed: u64) -> schoco::SigningKey {
    let mut bytes = [1; 64];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    schoco::SigningKey::from_wide(&bytes).unwrap()
}

fn steps(chain: &SignedChain) -> Vec<schoco::Step<'_>> {
    chain.steps.iter().map(|(message, r)| schoco::Step { message, r: *r }).collect()
}

fn appended(mut chain: SignedChain, message: &[u8], signature: &schoco::Signature) -> SignedChain {
    chain.steps.push((message.to_vec(), signature.r));
    SignedChain { scalar: *signature.s.to_bytes(), ..chain }
}

const EMPTY: SignedChain = SignedChain { steps: Vec::new(), scalar: [0; 32] };
const FRESH: [u8; 32] = [7; 32];

struct R255;

impl ChainScheme for R255 {
    type Root = (schoco::SigningKey, schoco::RootKey);

    const IDENTITY: [u8; 32] = [0; 32];

    fn root(seed: u64) -> Self::Root {
        (scalar(seed), scalar(seed).root_key())
    }
    fn start((secret, public): &Self::Root, message: &[u8]) -> SignedChain {
        let mut transcript = schoco::Transcript::new(public);
        appended(EMPTY, message, &schoco::sign(&mut transcript, secret, message, &FRESH).unwrap())
    }
    fn extend((_, public): &Self::Root, chain: SignedChain, message: &[u8]) -> SignedChain {
        let mut transcript = schoco::verify(public, &steps(&chain), &chain.scalar).unwrap();
        let key = schoco::SigningKey::from_bytes(&chain.scalar).unwrap();
        let signature = schoco::sign(&mut transcript, &key, message, &FRESH).unwrap();
        appended(chain, message, &signature)
    }
    fn accepts((_, public): &Self::Root, chain: &SignedChain) -> bool {
        schoco::verify(public, &steps(chain), &chain.scalar).is_ok()
    }
}

struct Go;

impl ChainScheme for Go {
    type Root = (schoco::SigningKey, schoco_ed25519::RootKey);

    const IDENTITY: [u8; 32] = {
        let mut one = [0; 32];
        one[0] = 1;
        one
    };

    fn root(seed: u64) -> Self::Root {
        (scalar(seed), schoco_ed25519::RootKey::of(&scalar(seed)))
    }
    fn start((secret, _): &Self::Root, message: &[u8]) -> SignedChain {
        appended(EMPTY, message, &schoco_ed25519::sign(secret, message, &FRESH).unwrap())
    }
    fn extend(_: &Self::Root, chain: SignedChain, message: &[u8]) -> SignedChain {
        let key = schoco::SigningKey::from_bytes(&chain.scalar).unwrap();
        let signature = schoco_ed25519::sign(&key, message, &FRESH).unwrap();
        appended(chain, message, &signature)
    }
    fn accepts((_, public): &Self::Root, chain: &SignedChain) -> bool {
        schoco_ed25519::verify(public, &steps(chain), &chain.scalar).is_ok()
    }
}

#[test]
fn schoco_r255_conforms_at_every_length() {
    for length in 1..=17 {
        check_chain::<R255>(length as u64, length);
    }
}

#[test]
fn schoco_ed25519_conforms() {
    for length in [1, 2, 3, 6] {
        check_chain::<Go>(length as u64, length);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn schoco_r255_conforms_under_any_key(seed: u64, length in 1_usize..=8) {
        check_tampering::<R255>(seed, length);
        check_foreign_keys::<R255>(seed, length);
        check_malformed_values::<R255>(seed, length);
    }
}
