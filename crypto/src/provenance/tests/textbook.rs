//! The proof again, straight from its definition: plain integers, affine points, nothing shared with the code under test.

use crate::provenance::Statement;
use num_bigint::BigUint;
use sha2::{Digest as _, Sha256, Sha512};
use sha3::{
    Shake256,
    digest::{ExtendableOutput as _, Update as _, XofReader as _},
};

mod curves;
mod ec;
mod rsa;

pub(super) use curves::{ED25519, P256, Point};
pub(super) use rsa::sign as sign_rsa;

/// The challenge's input, field by field.
pub(super) fn input(statement: &Statement<'_>, published: &[u8]) -> Vec<u8> {
    let scheme = match statement.alg {
        "RS256" => "GQ1-RS256",
        "PS256" => "GQ1-PS256",
        "ES256" => "POK-ES256",
        _ => "POK-Ed25519",
    };
    let mut fields: Vec<Vec<u8>> = vec!["dasvid provenance v1".into(), scheme.into(), statement.issuer.into()];
    fields.extend(statement.key.members().in_order().into_iter().map(|(_, value)| value.to_vec()));
    fields.extend([statement.alg.into(), statement.kid.into(), statement.signing_input.to_vec()]);
    fields.extend([statement.root_iss.into(), statement.root_jti.into()]);
    fields.extend([statement.prover.into(), statement.verifier.into(), statement.nonce.to_vec()]);
    let times = u128::from(statement.iat) << 64 | u128::from(statement.exp);
    fields.extend([times.to_be_bytes().to_vec(), published.to_vec()]);
    fields.iter().flat_map(|field| [(field.len() as u64).to_be_bytes().to_vec(), field.clone()].concat()).collect()
}

/// SHAKE256 of the input and the commitments.
pub(super) fn challenge(input: &[u8], commitments: &[Vec<u8>], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    Shake256::default().chain(input).chain(commitments.concat()).finalize_xof().read(&mut out);
    out
}

/// Whether a proof holds.
pub(super) fn verify(statement: &Statement<'_>, rounds: usize, proof: &[u8]) -> bool {
    let verdict = match statement.alg {
        "RS256" | "PS256" => rsa::verify(statement, rounds, proof),
        "ES256" => ec::verify_es256(statement, proof),
        _ => ec::verify_ed25519(statement, proof),
    };
    verdict.is_some()
}

/// A proof from the signature itself; `seed` decides the random numbers.
pub(super) fn prove(statement: &Statement<'_>, signature: &[u8], rounds: usize, seed: &[u8]) -> Vec<u8> {
    let published = published(statement, signature);
    prove_over(statement, signature, &input(statement, &published), rounds, seed)
}

/// The same, with whatever input of the challenge the prover likes.
pub(super) fn prove_over(
    statement: &Statement<'_>,
    signature: &[u8],
    input: &[u8],
    rounds: usize,
    seed: &[u8],
) -> Vec<u8> {
    match statement.alg {
        "RS256" | "PS256" => rsa::prove(statement, signature, input, rounds, seed),
        "ES256" => ec::prove_es256(statement, signature, input, seed),
        _ => ec::prove_ed25519(signature, input, seed),
    }
}

/// The salt, R, or nothing.
pub(super) fn published(statement: &Statement<'_>, signature: &[u8]) -> Vec<u8> {
    match statement.alg {
        "RS256" => Vec::new(),
        "PS256" => rsa::salt(statement, signature),
        "ES256" => ec::es256_point(statement, signature),
        _ => signature[..32].to_vec(),
    }
}

/// The secret part of an ECDSA or `EdDSA` signature.
pub(super) fn secret(statement: &Statement<'_>, signature: &[u8]) -> BigUint {
    if statement.alg == "ES256" { integer(&signature[32..]) } else { BigUint::from_bytes_le(&signature[32..]) }
}

pub(super) fn integer(bytes: &[u8]) -> BigUint {
    BigUint::from_bytes_be(bytes)
}

/// Big-endian, of exactly this width.
pub(super) fn bytes(number: &BigUint, width: usize) -> Vec<u8> {
    let digits = number.to_bytes_be();
    [vec![0; width - digits.len()], digits].concat()
}

/// Little-endian, 32 bytes.
pub(super) fn bytes_le(number: &BigUint) -> Vec<u8> {
    let mut digits = number.to_bytes_le();
    digits.resize(32, 0);
    digits
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

pub(super) fn sha512(bytes: &[u8]) -> Vec<u8> {
    Sha512::digest(bytes).to_vec()
}

/// A number of 1 … n − 1 that depends on the seed and an index.
pub(super) fn random(seed: &[u8], index: usize, n: &BigUint) -> BigUint {
    let mut wide = vec![0; n.to_bytes_be().len() + 16];
    let seed = [seed, &index.to_be_bytes()].concat();
    Shake256::default().chain(seed).finalize_xof().read(&mut wide);
    integer(&wide) % (n - 1_u32) + 1_u32
}
