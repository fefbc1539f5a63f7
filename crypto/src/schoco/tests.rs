//! SCHOCO-R255 against its vectors and its attacks.

use super::*;
use curve25519_dalek::{ristretto::CompressedRistretto, scalar::Scalar};
use serde::Deserialize;
use sha2::{Digest as _, Sha512};

const FRESH: [u8; 32] = [0x42; 32];

/// Every intermediate value of one chain.
#[derive(Deserialize)]
struct Vector {
    #[serde(with = "hex")]
    x: [u8; 32],
    #[serde(rename = "Y", with = "hex")]
    y: [u8; 32],
    kid: String,
    token: String,
    steps: Vec<VectorStep>,
}

#[derive(Deserialize)]
struct VectorStep {
    #[serde(with = "hex")]
    z: [u8; 32],
    #[serde(with = "hex")]
    fresh: [u8; 32],
    #[serde(rename = "sha512_T", with = "hex")]
    transcript: [u8; 64],
    #[serde(with = "hex")]
    k: [u8; 32],
    #[serde(rename = "R", with = "hex")]
    r: [u8; 32],
    #[serde(with = "hex")]
    c: [u8; 32],
    #[serde(with = "hex")]
    s: [u8; 32],
    message: String,
}

fn vector() -> Vector {
    serde_json::from_str(include_str!("../../tests/vectors/schoco.json")).unwrap()
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_wide(&[byte; 64]).unwrap()
}

/// A chain over these messages: the points and the last scalar.
fn chain(root: &SigningKey, messages: &[&[u8]]) -> (Vec<[u8; 32]>, [u8; 32]) {
    let mut transcript = Transcript::new(&root.root_key());
    let mut z = SigningKey::from_bytes(&root.to_bytes()).unwrap();
    let mut points = Vec::new();
    for message in messages {
        let signature = sign(&mut transcript, &z, message, &FRESH).unwrap();
        points.push(signature.r);
        z = signature.s;
    }
    (points, *z.to_bytes())
}

fn steps<'a>(messages: &[&'a [u8]], points: &[[u8; 32]]) -> Vec<Step<'a>> {
    messages.iter().zip(points).map(|(message, r)| Step { message, r: *r }).collect()
}

#[test]
fn reproduces_every_value_of_the_vector() {
    let vector = vector();
    let root = RootKey::from_bytes(vector.y).unwrap();
    assert_eq!(SigningKey::from_bytes(&vector.x).unwrap().root_key(), root);
    assert_eq!(root.thumbprint(), vector.kid);
    let mut transcript = Transcript::new(&root);
    for step in &vector.steps {
        let (z, message) = (SigningKey::from_bytes(&step.z).unwrap(), step.message.as_bytes());
        assert_eq!(transcript.hash(), step.transcript);
        assert_eq!(transcript.nonce(z.scalar(), message, &step.fresh).to_bytes(), step.k);
        assert_eq!(transcript.clone().absorb(message, &step.r).to_bytes(), step.c);
        let signature = sign(&mut transcript, &z, message, &step.fresh).unwrap();
        assert_eq!((signature.r, *signature.s.to_bytes()), (step.r, step.s));
    }
    let steps: Vec<_> = vector.steps.iter().map(|s| Step { message: s.message.as_bytes(), r: s.r }).collect();
    let verified = verify(&root, &steps, &vector.steps.last().unwrap().s).unwrap();
    assert_eq!(verified.hash(), transcript.hash());
}

#[test]
fn verifies_the_token_of_the_vector() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let vector = vector();
    let mut scalar = [0; 32];
    let steps: Vec<_> = vector.token.split('~').map(|segment| segment.rsplit_once('.').unwrap()).collect();
    let steps: Vec<_> = steps
        .into_iter()
        .map(|(message, tail)| {
            let tail = URL_SAFE_NO_PAD.decode(tail).unwrap();
            if let Some(s) = tail.get(32..64) {
                scalar.copy_from_slice(s);
            }
            Step { message: message.as_bytes(), r: tail[..32].try_into().unwrap() }
        })
        .collect();
    assert!(verify(&RootKey::from_bytes(vector.y).unwrap(), &steps, &scalar).is_ok());
}

/// With one nonce for two messages, s − s′ = (c′ − c)·z would give the key away.
#[test]
fn two_appends_with_a_stuck_generator_have_different_nonces() {
    let root = key(1);
    let transcript = Transcript::new(&root.root_key());
    let sign_once = |message: &[u8]| sign(&mut transcript.clone(), &root, message, &[0; 32]).unwrap();
    let (one, two) = (sign_once(b"one"), sign_once(b"two"));
    assert_ne!(one.r, two.r);

    // The same message under the same key after another transcript.
    let mut longer = transcript.clone();
    sign(&mut longer, &root, b"before", &[0; 32]).unwrap();
    assert_ne!(sign(&mut longer, &root, b"one", &[0; 32]).unwrap().r, one.r);
    // Only when all is the same are the bytes the same, and then nothing is given away.
    assert_eq!(sign_once(b"one").r, one.r);
    assert_eq!(*sign_once(b"one").s.to_bytes(), *one.s.to_bytes());
}

#[test]
fn signing_continues_a_verified_chain() {
    let root = key(1);
    let (mut points, s) = chain(&root, &[b"a", b"b"]);
    let mut transcript = verify(&root.root_key(), &steps(&[b"a", b"b"], &points), &s).unwrap();
    let signature = sign(&mut transcript, &SigningKey::from_bytes(&s).unwrap(), b"c", &FRESH).unwrap();
    points.push(signature.r);
    let verified = verify(&root.root_key(), &steps(&[b"a", b"b", b"c"], &points), &signature.s.to_bytes());
    assert_eq!(verified.map(|verified| verified.hash()), Ok(transcript.hash()));
}

#[test]
fn refuses_s_plus_the_group_order() {
    let root = key(1);
    let (points, s) = chain(&root, &[b"a"]);
    let order = Scalar::ZERO - Scalar::ONE;
    let mut carry = 1_u16;
    let malleated = std::array::from_fn(|i| {
        carry += u16::from(s[i]) + u16::from(order.as_bytes()[i]);
        let [low, high] = carry.to_le_bytes();
        carry = u16::from(high);
        low
    });
    assert_eq!(carry, 0);
    let refused = verify(&root.root_key(), &steps(&[b"a"], &points), &malleated);
    assert_eq!(refused.err(), Some(VerifyError::Scalar));
}

#[test]
fn refuses_a_zero_scalar() {
    let root = key(1);
    let (points, _) = chain(&root, &[b"a"]);
    let refused = verify(&root.root_key(), &steps(&[b"a"], &points), &[0; 32]);
    assert_eq!(refused.err(), Some(VerifyError::Scalar));
    assert_eq!(SigningKey::from_bytes(&[0; 32]).err(), Some(ScalarError));
    assert_eq!(SigningKey::from_bytes(&[0xff; 32]).err(), Some(ScalarError));
    assert_eq!(SigningKey::from_wide(&[0; 64]).err(), Some(ScalarError));
}

#[test]
fn refuses_the_identity_and_names_the_step() {
    let root = key(1);
    let messages: [&[u8]; 3] = [b"a", b"b", b"c"];
    let (points, s) = chain(&root, &messages);
    for index in 0..3 {
        let mut forged = points.clone();
        forged[index] = [0; 32];
        let refused = verify(&root.root_key(), &steps(&messages, &forged), &s);
        assert_eq!(refused.err(), Some(VerifyError::Point { index }));
    }
    assert_eq!(RootKey::from_bytes([0; 32]), Err(PointError));
}

/// RFC 9496 §A.3: non-canonical field elements, negative ones, non-square x², negative xy, s = −1.
#[test]
fn refuses_encodings_that_rfc_9496_calls_bad() {
    for bad in [
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        let bytes = hex::decode(bad).unwrap().try_into().unwrap();
        assert_eq!(RootKey::from_bytes(bytes), Err(PointError), "{bad}");
        let step = Step { message: b"a", r: bytes };
        let refused = verify(&key(1).root_key(), &[step], &key(2).to_bytes());
        assert_eq!(refused.err(), Some(VerifyError::Point { index: 0 }), "{bad}");
    }
}

#[test]
fn refuses_a_chain_of_nothing() {
    let root = key(1);
    assert_eq!(verify(&root.root_key(), &[], &root.to_bytes()).err(), Some(VerifyError::Empty));
}

#[test]
fn blames_no_step_when_the_equation_fails() {
    let root = key(1);
    let messages: [&[u8]; 3] = [b"a", b"b", b"c"];
    let (points, s) = chain(&root, &messages);
    let forged = steps(&[b"a", b"x", b"c"], &points);
    assert_eq!(verify(&root.root_key(), &forged, &s).err(), Some(VerifyError::Equation));
    let removed = [steps(&messages, &points)[0], steps(&messages, &points)[2]];
    assert_eq!(verify(&root.root_key(), &removed, &s).err(), Some(VerifyError::Equation));
    let swapped = steps(&messages, &[points[1], points[0], points[2]]);
    assert_eq!(verify(&root.root_key(), &swapped, &s).err(), Some(VerifyError::Equation));
}

/// With the challenge over one step only, R₁ could be chosen after c₁: R₁ = s·G + c₁·R₀ − c₁·c₀·Y.
#[test]
fn refuses_two_steps_made_to_solve_the_equation_without_a_key() {
    let root = key(1).root_key();
    let y = CompressedRistretto(*root.as_bytes()).decompress().unwrap();
    let (first, s) = (key(2), key(3));
    let r0 = first.root_key();
    let point = CompressedRistretto(*r0.as_bytes()).decompress().unwrap();
    let mut transcript = Transcript::new(&root);
    let c0 = transcript.absorb(b"a", r0.as_bytes());
    // The challenge that would hold if c₁ did not cover R₁.
    let mut guess = Sha512::new();
    guess.update(b"b");
    let c1 = Scalar::from_bytes_mod_order_wide(&guess.finalize().into());
    let base = curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
    let r1 = (s.scalar() * base + c1 * point - c1 * c0 * y).compress().to_bytes();
    let forged = steps(&[b"a", b"b"], &[*r0.as_bytes(), r1]);
    assert_eq!(verify(&root, &forged, &s.to_bytes()).err(), Some(VerifyError::Equation));
}

#[test]
fn shows_no_secret_in_debug_output() {
    let secret = key(1);
    assert_eq!(format!("{secret:?}"), "schoco::SigningKey(…)");
    assert!(!format!("{:?}", Transcript::new(&secret.root_key())).contains('['));
}

#[test]
fn root_keys_are_equal_by_their_encoding() {
    let root = key(1).root_key();
    assert_eq!(RootKey::from_bytes(*root.as_bytes()), Ok(root.clone()));
    assert_ne!(key(2).root_key(), root);
}
