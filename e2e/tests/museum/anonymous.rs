//! Schnorr signatures put together wrongly.

use crypto::schoco::{self, Step, Transcript};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};
use e2e::museum::anonymous::{Token, challenge};

use super::ours::OURS;
use super::stopped;

fn scalar(number: u64) -> Scalar {
    Scalar::from(number)
}

#[test]
fn a_root_key_from_the_token() {
    let invented = Token::mint(scalar(11), "alice", scalar(12));
    assert!(invented.verify());

    let own = schoco::SigningKey::from_wide(&[8; 64]).unwrap();
    let sealed = |key| OURS.sealed(&OURS.anonymous_root(key), key);
    assert_eq!(OURS.target_says(&sealed(&OURS.schoco), "subject-wl", &[]), Ok(()));
    stopped("a_root_key_from_the_token", OURS.target_says(&sealed(&own), "subject-wl", &[]).unwrap_err());
}

#[test]
fn a_challenge_without_its_commitment() {
    // From the public key alone: any s, and the R that fits.
    let public = scalar(11) * G;
    let s = scalar(99);
    let r = s * G + challenge("alice") * public;
    assert!(Token { key: public, steps: vec![("alice".to_owned(), r)], s }.verify());

    let root = OURS.schoco.root_key();
    let public = CompressedRistretto(*root.as_bytes()).decompress().unwrap();
    let r = (s * G + challenge("alice") * public).compress().to_bytes();
    let forged = schoco::verify(&root, &[Step { message: b"alice", r }], &s.to_bytes());
    stopped("a_challenge_without_its_commitment", format!("rule signatures: {}", forged.unwrap_err()));
}

#[test]
fn a_nonce_used_twice() {
    // A generator that is stuck, a hop that appends two links under one key.
    let chain = Token::mint(scalar(11), "alice", scalar(12));
    let (one, two) = (chain.append("one", scalar(13)), chain.append("two", scalar(13)));
    let key = (one.s - two.s) * (challenge("two") - challenge("one")).invert();
    assert_eq!(key, chain.s);
    let widened = Token { s: key, ..chain.clone() }.append("anything", scalar(14));
    assert!(widened.verify());

    let sign = |message: &[u8]| {
        let signature = schoco::sign(&mut Transcript::new(&OURS.schoco.root_key()), &OURS.schoco, message, &[3; 32]);
        signature.unwrap().r
    };
    assert_eq!(sign(b"one"), sign(b"one"));
    assert_ne!(sign(b"one"), sign(b"two"));
    stopped(
        "a_nonce_used_twice",
        "the nonce covers the message too: two links, two commitments, and no equation to solve",
    );
}

#[test]
fn the_model_believes_honest_chains_and_no_changed_ones() {
    let chain = Token::mint(scalar(11), "alice", scalar(12)).append("link", scalar(13));
    assert!(chain.verify());
    let mut changed = chain.clone();
    changed.steps[0].0 = "bob".to_owned();
    assert!(!changed.verify());
    assert_ne!(chain.key, RistrettoPoint::default());
}
