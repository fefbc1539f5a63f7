//! SCHOCO-ED25519 against the published Go implementation.

use super::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    hash_to_scalar: Vec<HashToScalar>,
    single: Vec<Single>,
    positive: Vec<Positive>,
    negative: Vec<Refused>,
    lenient: Vec<Refused>,
    poc_tokens: Poc,
}

#[derive(Deserialize)]
struct HashToScalar {
    #[serde(with = "hex")]
    input: Vec<u8>,
    #[serde(with = "hex")]
    scalar: [u8; 32],
}

#[derive(Deserialize)]
struct Single {
    #[serde(with = "hex")]
    secret_key: [u8; 32],
    #[serde(with = "hex")]
    public_key: [u8; 32],
    #[serde(with = "hex")]
    message: Vec<u8>,
    #[serde(with = "hex")]
    nonce: [u8; 32],
    #[serde(with = "hex")]
    challenge: [u8; 32],
    #[serde(with = "hex")]
    signature: [u8; 64],
}

#[derive(Deserialize)]
struct GoStep {
    #[serde(with = "hex")]
    secret_key: [u8; 32],
    #[serde(with = "hex")]
    public_key: [u8; 32],
    #[serde(with = "hex")]
    nonce: [u8; 32],
    #[serde(with = "hex")]
    r: [u8; 32],
    #[serde(with = "hex")]
    challenge: [u8; 32],
    #[serde(with = "hex")]
    s: [u8; 32],
}

#[derive(Deserialize)]
struct Positive {
    id: String,
    #[serde(flatten)]
    chain: GoChain,
    #[serde(with = "hex")]
    next_public_key: [u8; 32],
    steps: Vec<GoStep>,
}

#[derive(Deserialize)]
struct Refused {
    id: String,
    #[serde(flatten)]
    chain: GoChain,
}

#[derive(Deserialize)]
struct Poc {
    positive: Vec<Refused>,
}

/// Text, because refused chains may hold what is not 32 bytes.
#[derive(Deserialize)]
struct GoChain {
    root_public_key: String,
    messages: Vec<String>,
    partial_rs: Vec<String>,
    final_r: String,
    final_s: String,
}

impl GoChain {
    fn verify(&self) -> Option<RootKey> {
        let root = RootKey::from_bytes(&value(&self.root_public_key)?).ok()?;
        let messages: Vec<_> = self.messages.iter().map(|message| hex::decode(message).unwrap()).collect();
        let points = self.partial_rs.iter().chain([&self.final_r]);
        let points = points.map(|r| value(r)).collect::<Option<Vec<_>>>()?;
        if messages.len() != points.len() {
            return None;
        }
        let steps: Vec<_> = messages.iter().zip(points).map(|(message, r)| Step { message, r }).collect();
        verify(&root, &steps, &value(&self.final_s)?).ok()
    }
}

fn value(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/schoco-go.json")).unwrap()
}

fn resign(secret: &[u8; 32], message: &[u8], nonce: &[u8; 32]) -> Signature {
    let key = SigningKey::from_bytes(secret).unwrap();
    let nonce = Scalar::from_canonical_bytes(*nonce).unwrap();
    sign_with(&key, &RootKey::of(&key).to_bytes(), message, &nonce).unwrap()
}

#[test]
fn hashes_to_scalars_as_go_does() {
    for case in vectors().hash_to_scalar {
        let scalar = Scalar::from_bytes_mod_order(Sha256::digest(&case.input).into());
        assert_eq!(scalar.to_bytes(), case.scalar);
    }
}

#[test]
fn signs_single_messages_as_go_does() {
    for case in vectors().single {
        let signature = resign(&case.secret_key, &case.message, &case.nonce);
        assert_eq!([signature.r, *signature.s.to_bytes()].concat(), case.signature);
        assert_eq!(challenge(&signature.r, &case.message, &case.public_key).to_bytes(), case.challenge);
        let root = RootKey::from_bytes(&case.public_key).unwrap();
        let step = Step { message: &case.message, r: signature.r };
        assert!(verify(&root, &[step], &signature.s.to_bytes()).is_ok());
    }
}

#[test]
fn reproduces_every_step_of_the_chains_of_go() {
    let positive = vectors().positive;
    assert_eq!(positive.len(), 21);
    for case in positive {
        for (step, message) in case.steps.iter().zip(&case.chain.messages) {
            let message = hex::decode(message).unwrap();
            let signature = resign(&step.secret_key, &message, &step.nonce);
            assert_eq!((signature.r, *signature.s.to_bytes()), (step.r, step.s), "{}", case.id);
            assert_eq!(challenge(&step.r, &message, &step.public_key).to_bytes(), step.challenge, "{}", case.id);
        }
        let next = case.chain.verify().unwrap_or_else(|| panic!("{} is refused", case.id));
        assert_eq!(next.to_bytes(), case.next_public_key, "{}", case.id);
    }
}

#[test]
fn accepts_the_honest_tokens_of_the_original_bank() {
    for case in vectors().poc_tokens.positive {
        assert!(case.chain.verify().is_some(), "{}", case.id);
    }
}

#[test]
fn refuses_what_go_refuses() {
    let negative = vectors().negative;
    assert_eq!(negative.len(), 30);
    for case in negative {
        assert_eq!(case.chain.verify(), None, "{}", case.id);
    }
}

#[test]
fn refuses_what_go_accepts_and_should_not() {
    let lenient = vectors().lenient;
    assert_eq!(lenient.len(), 7);
    for case in lenient {
        assert_eq!(case.chain.verify(), None, "{}", case.id);
    }
}

#[test]
fn nonces_differ_by_message_with_a_stuck_generator() {
    let key = SigningKey::from_wide(&[3; 64]).unwrap();
    let (one, two) = (sign(&key, b"one", &[0; 32]).unwrap(), sign(&key, b"two", &[0; 32]).unwrap());
    assert_ne!(one.r, two.r);
}

#[test]
fn refuses_an_empty_chain() {
    let key = SigningKey::from_wide(&[3; 64]).unwrap();
    assert_eq!(verify(&RootKey::of(&key), &[], &key.to_bytes()), Err(VerifyError::Empty));
}
