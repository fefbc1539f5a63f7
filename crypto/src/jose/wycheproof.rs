//! The JOSE algorithms against Project Wycheproof: what it calls valid is accepted, unless s is high; nothing else is.

use super::{Algorithm, KeyError, PublicKey, SignatureError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Set {
    alg: String,
    source: String,
    parameters_are_ours: bool,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(with = "hex")]
    spki: Vec<u8>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    id: u32,
    #[serde(with = "hex")]
    msg: Vec<u8>,
    #[serde(with = "hex")]
    sig: Vec<u8>,
    result: String,
}

/// Checks every test of the algorithm and gives how many signatures were accepted.
fn accepted(algorithm: Algorithm) -> usize {
    let sets: Vec<Set> = serde_json::from_str(include_str!("../../tests/vectors/wycheproof.json")).unwrap();
    let mut accepted = 0;
    for set in sets.iter().filter(|set| set.alg == algorithm.name()) {
        for group in &set.groups {
            let key = match PublicKey::from_spki(&group.spki) {
                // Some groups have e = 3.
                Err(KeyError::Exponent) => continue,
                key => key.unwrap(),
            };
            for test in &group.tests {
                let verified = key.verify(algorithm, &test.msg, &test.sig);
                let valid = test.result == "valid";
                let agrees = match verified {
                    // Under other parameters, invalid can mean that the signature has ours.
                    Ok(()) => valid == set.parameters_are_ours,
                    // A high s is valid elsewhere.
                    Err(error) => !valid || !set.parameters_are_ours || error == SignatureError::HighS,
                };
                assert!(agrees, "{} {}: {verified:?}", set.source, test.id);
                accepted += usize::from(verified.is_ok());
            }
        }
    }
    accepted
}

#[test]
fn es256_agrees() {
    assert!(accepted(Algorithm::Es256) > 50);
}

#[test]
fn es384_agrees() {
    assert!(accepted(Algorithm::Es384) > 50);
}

#[test]
fn ed25519_agrees() {
    assert!(accepted(Algorithm::Ed25519) > 50);
}

#[test]
fn ps256_agrees() {
    assert!(accepted(Algorithm::Ps256) > 10);
}

#[test]
fn rs256_agrees() {
    assert!(accepted(Algorithm::Rs256) > 5);
}
