//! The same equations as `OpenPubkey`'s GQ signatures (`github.com/openpubkey/openpubkey/gq` 0.23.0): its proofs open here, and
//! ours, made with its challenge, are what `e2e/strangers` has it check.
//!
//! Its challenge is SHAKE256(W₁ ‖ … ‖ Wₜ ‖ M), which binds neither issuer nor verifier nor time, so whole proofs cannot be
//! exchanged.

use super::fixture::FRESH;
use crate::jose::PublicKey;
use crate::provenance::{Nonces, Rounds, Scheme, Secret, Witness, gq};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha3::{
    Shake256,
    digest::{ExtendableOutput as _, Update as _},
};

#[derive(Deserialize)]
struct Vectors {
    n: String,
    message: String,
    signature: String,
    theirs: Vec<Proof>,
    ours: Vec<Proof>,
}

#[derive(Deserialize)]
struct Proof {
    rounds: u64,
    proof: String,
}

impl Proof {
    fn rounds(&self) -> Rounds {
        self.rounds.try_into().unwrap()
    }
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/openpubkey.json")).unwrap()
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn challenge(rounds: Rounds, commitments: &[Vec<u8>], message: &[u8]) -> Vec<u8> {
    let mut words = vec![0; 2 * rounds.count()];
    Shake256::default().chain(commitments.concat()).chain(message).finalize_xof_into(&mut words);
    words
}

/// Whether a proof of `OpenPubkey`'s form holds for the message, by the code that opens ours.
fn holds(n: &[u8], message: &[u8], rounds: Rounds, proof: &[u8]) -> bool {
    gq::open(Scheme::Rs256, n, message, rounds, proof)
        .is_ok_and(|opened| opened.challenge == challenge(rounds, &opened.commitments, message))
}

#[test]
fn proofs_made_by_openpubkey_open_to_its_challenge() {
    let file = vectors();
    let (n, message) = (decoded(&file.n), file.message.as_bytes());
    assert_eq!(file.theirs.len(), 2);
    for theirs in file.theirs {
        let proof = decoded(&theirs.proof);
        assert!(holds(&n, message, theirs.rounds(), &proof), "{} rounds", theirs.rounds);
        assert!(!holds(&n, b"another message", theirs.rounds(), &proof));
        for at in [0, 2 * theirs.rounds().count(), proof.len() - 1] {
            let mut changed = proof.clone();
            changed[at] ^= 1;
            assert!(!holds(&n, message, theirs.rounds(), &changed), "byte {at}");
        }
    }
}

#[test]
fn the_published_proofs_are_ours_with_openpubkeys_challenge() {
    let file = vectors();
    let (n, message) = (decoded(&file.n), file.message.as_bytes());
    let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
    let witness = Witness::new("RS256", &key, message, &decoded(&file.signature)).unwrap();
    let Secret::Rsa { modulus, inverse, .. } = witness.secret() else { unreachable!("an RSA key") };
    assert_eq!(file.ours.len(), 2);
    for ours in file.ours {
        let rounds = ours.rounds();
        let mut nonces = Nonces::new(&FRESH, witness.secret(), message, rounds);
        let made =
            gq::prove(modulus, inverse, rounds, &mut nonces, |commitments| challenge(rounds, commitments, message));
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(made), ours.proof, "{} rounds", ours.rounds);
    }
}
