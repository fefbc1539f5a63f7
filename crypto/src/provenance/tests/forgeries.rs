//! Attacks on the mathematics: transcripts made backwards, challenges that leave something out, bad points.

use super::fixture::{MESSAGE, Provider, join, parts, provider, providers, published_len};
use super::textbook::{self, ED25519, P256, bytes, bytes_le, integer};
use crate::jose::{Curve, PublicKey};
use crate::provenance::{ProofError, Rounds, Scheme, Statement, trace, verify};

/// The challenge of a proof that was made over another input; honest in everything else.
fn over(provider: &Provider, signature: &[u8], published: &[u8]) -> Vec<u8> {
    let input = textbook::input(&provider.statement(), published);
    textbook::prove_over(&provider.statement(), signature, &input, 8, b"seed")
}

#[test]
fn refuses_a_challenge_without_salt_or_r() {
    for provider in [Scheme::Ps256, Scheme::Es256, Scheme::Ed25519].map(provider) {
        let signature = provider.sign(MESSAGE);
        let published = textbook::published(&provider.statement(), &signature);
        assert_eq!(provider.check(&over(provider, &signature, &published)), Ok(()));
        assert_eq!(provider.check(&over(provider, &signature, &[])), Err(ProofError::Challenge));
        let zeros = vec![0; published.len()];
        assert_eq!(provider.check(&over(provider, &signature, &zeros)), Err(ProofError::Challenge));
    }
}

#[test]
fn refuses_a_challenge_over_nothing() {
    for provider in providers() {
        let proof = textbook::prove_over(&provider.statement(), &provider.sign(MESSAGE), &[], 8, b"seed");
        assert_eq!(provider.check(&proof), Err(ProofError::Challenge), "{:?}", provider.scheme);
    }
}

/// Without the signature: choose c and z, compute the commitments that fit. It is what makes the proof zero-knowledge, and
/// what the hash must stop.
#[test]
fn refuses_a_transcript_made_backwards() {
    for provider in providers() {
        let (published, _, mut responses) = parts(provider.scheme, &provider.proof());
        for (response, at) in responses.iter_mut().zip(1..) {
            let len = response.len();
            response.fill(0);
            response[if provider.scheme == Scheme::Ed25519 { 0 } else { len - 1 }] = 40 + at;
        }
        let simulated = join(&published, &[3; 16], &responses);
        assert_eq!(provider.check(&simulated), Err(ProofError::Challenge), "{:?}", provider.scheme);
        // Its challenge put in afterwards leads to other commitments.
        let challenge = trace(&provider.statement(), Rounds::Eight, &simulated).unwrap().challenge;
        let again = join(&published, &challenge, &responses);
        assert_eq!(provider.check(&again), Err(ProofError::Challenge), "{:?}", provider.scheme);
    }
}

#[test]
fn refuses_a_challenge_of_zeros() {
    for provider in providers() {
        let (published, _, responses) = parts(provider.scheme, &provider.proof());
        let refused = provider.check(&join(&published, &[0; 16], &responses));
        assert_eq!(refused, Err(ProofError::Challenge), "{:?}", provider.scheme);
    }
}

#[test]
fn refuses_a_commitment_that_is_the_identity() {
    for scheme in [Scheme::Es256, Scheme::Ed25519] {
        let (provider, c) = (provider(scheme), [9; 16]);
        let signature = provider.sign(MESSAGE);
        let statement = provider.statement();
        let product = integer(&c) * textbook::secret(&statement, &signature);
        let z = match scheme {
            Scheme::Es256 => bytes(&(product % &P256.order), 32),
            _ => bytes_le(&(product % &ED25519.order)),
        };
        let proof = join(&textbook::published(&statement, &signature), &c, &[z]);
        assert_eq!(provider.check(&proof), Err(ProofError::Identity), "{scheme:?}");
    }
}

/// Replaces R and keeps the rest.
fn with_point(scheme: Scheme, point: &[u8]) -> Result<(), ProofError> {
    let mut proof = provider(scheme).proof();
    assert_eq!(point.len(), published_len(scheme));
    proof[..point.len()].copy_from_slice(point);
    provider(scheme).check(&proof)
}

#[test]
fn refuses_an_r_that_is_not_one_compressed_point_of_p256() {
    let honest = provider(Scheme::Es256).proof();
    for tag in (0..=255).filter(|tag| !matches!(tag, 2 | 3)) {
        let point = [&[tag], &honest[1..33]].concat();
        assert_eq!(with_point(Scheme::Es256, &point), Err(ProofError::Point), "{tag}");
    }
    let p = bytes(&P256.p, 32);
    assert_eq!(with_point(Scheme::Es256, &[&[2], p.as_slice()].concat()), Err(ProofError::Point));
    assert_eq!(with_point(Scheme::Es256, &[0; 33]), Err(ProofError::Point));
    let off_curve = (0..=255_u32).map(|x| [vec![2], bytes(&x.into(), 32)].concat());
    let off_curve: Vec<_> = off_curve.filter(|point| P256.decode(point).is_none()).collect();
    assert!(off_curve.len() > 64);
    assert!(off_curve.iter().all(|point| with_point(Scheme::Es256, point) == Err(ProofError::Point)));
}

#[test]
fn refuses_the_other_y_of_r() {
    let mut point = provider(Scheme::Es256).proof()[..33].to_vec();
    point[0] ^= 1;
    assert_eq!(with_point(Scheme::Es256, &point), Err(ProofError::Challenge));
}

#[test]
fn refuses_an_r_of_small_order_or_in_another_encoding() {
    let points = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // Not canonical: y = p + 1 (the identity), y = p + 3, and x = 0 with a sign.
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        // Not on the curve: y = 2.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ];
    for point in points {
        let refused = with_point(Scheme::Ed25519, &hex::decode(point).unwrap());
        assert_eq!(refused, Err(ProofError::Point), "{point}");
    }
}

/// x(R) = 0 is on the curve and has r = 0, which no signature has.
#[test]
fn refuses_an_r_whose_x_is_zero() {
    let points = [2, 3].map(|tag| [vec![tag], vec![0; 32]].concat());
    for point in points {
        assert!(P256.decode(&point).is_some());
        assert_eq!(with_point(Scheme::Es256, &point), Err(ProofError::Point));
    }
}

/// A provider could choose Q so that h·G + r·Q vanishes for one message; then z·R is a commitment without any s.
#[test]
fn refuses_a_key_that_leaves_nothing_to_prove() {
    let point = P256.multiply(&5_u32.into(), &P256.generator).unwrap();
    let ratio = integer(&textbook::sha256(MESSAGE)) * (&point.0 % &P256.order).modinv(&P256.order).unwrap();
    let (x, y) = P256.multiply(&(&P256.order - ratio % &P256.order), &P256.generator).unwrap();
    let key = PublicKey::ec(Curve::P256, &bytes(&x, 32), &bytes(&y, 32)).unwrap();
    let statement = Statement { key: &key, ..provider(Scheme::Es256).statement() };
    let published = P256.encode(&point);
    let commitment = P256.encode(&P256.multiply(&7_u32.into(), &point).unwrap());
    let challenge = textbook::challenge(&textbook::input(&statement, &published), &[commitment], 16);
    let proof = join(&published, &challenge, &[bytes(&7_u32.into(), 32)]);
    assert_eq!(verify(&statement, Rounds::Eight, &proof), Err(ProofError::Point));
}
