//! GQ1 with plain integers.

use super::{bytes, challenge, input, integer, random, sha256};
use crate::jose::JwkMembers;
use crate::provenance::Statement;
use num_bigint::BigUint;

const E: u32 = 65_537;

fn modulus(statement: &Statement<'_>) -> BigUint {
    match statement.key.members() {
        JwkMembers::Rsa { n, .. } => integer(n),
        _ => panic!("no RSA key"),
    }
}

fn width(n: &BigUint) -> usize {
    n.to_bytes_be().len()
}

/// RFC 8017 §9.2
fn pkcs1(message: &[u8], width: usize) -> BigUint {
    let info = hex::decode("3031300d060960864801650304020105000420").unwrap();
    let tail = [vec![0], info, sha256(message)].concat();
    integer(&[vec![0, 1], vec![0xff; width - tail.len() - 2], tail].concat())
}

fn mgf1(seed: &[u8], len: usize) -> BigUint {
    let blocks: Vec<u8> = (0..32_u32).flat_map(|counter| sha256(&[seed, &counter.to_be_bytes()].concat())).collect();
    integer(&blocks[..len])
}

/// RFC 8017 §9.1.1, as integers.
fn pss(message: &[u8], salt: &[u8], n: &BigUint) -> BigUint {
    let bits = n.bits() - 1;
    let len = usize::try_from(bits.div_ceil(8)).unwrap();
    let hash = sha256(&[&[0; 8][..], &sha256(message), salt].concat());
    let block = (BigUint::from(1_u32) << 256_u32) + integer(salt);
    let masked = (block ^ mgf1(&hash, len - 33)) % (BigUint::from(1_u32) << (bits - 8 * 33));
    (masked << (8 * 33_u32)) + (integer(&hash) << 8_u32) + 0xbc_u32
}

/// The salt that makes the encoding of a signature.
pub(super) fn salt(statement: &Statement<'_>, signature: &[u8]) -> Vec<u8> {
    let n = modulus(statement);
    let encoded = integer(signature).modpow(&E.into(), &n) >> 8_u32;
    let two_256 = BigUint::from(1_u32) << 256_u32;
    let len = usize::try_from((n.bits() - 1).div_ceil(8)).unwrap();
    let hash = bytes(&(&encoded % &two_256), 32);
    let masked = encoded >> 256_u32;
    bytes(&((masked ^ mgf1(&hash, len - 33)) % two_256), 32)
}

/// Signs with the primes of a key.
pub(in super::super) fn sign(alg: &str, message: &[u8], p: &BigUint, q: &BigUint, salt: &[u8]) -> Vec<u8> {
    let n = p * q;
    let d = BigUint::from(E).modinv(&((p - 1_u32) * (q - 1_u32))).unwrap();
    let encoded = if alg == "PS256" { pss(message, salt, &n) } else { pkcs1(message, width(&n)) };
    bytes(&encoded.modpow(&d, &n), width(&n))
}

pub(super) fn verify(statement: &Statement<'_>, rounds: usize, proof: &[u8]) -> Option<()> {
    let n = modulus(statement);
    let salt_len = if statement.alg == "PS256" { 32 } else { 0 };
    if proof.len() != salt_len + rounds * (2 + width(&n)) {
        return None;
    }
    let (salt, rest) = proof.split_at(salt_len);
    let (c, responses) = rest.split_at(2 * rounds);
    let message = statement.signing_input;
    let encoded = if salt.is_empty() { pkcs1(message, width(&n)) } else { pss(message, salt, &n) };
    let commitments: Option<Vec<_>> = responses
        .chunks(width(&n))
        .zip(c.chunks(2))
        .map(|(z, c)| {
            let (z, zero) = (integer(z), BigUint::ZERO);
            let w = z.modpow(&E.into(), &n) * encoded.modpow(&integer(c), &n) % &n;
            (z != zero && z < n).then(|| bytes(&w, width(&n)))
        })
        .collect();
    (challenge(&input(statement, salt), &commitments?, 2 * rounds) == c).then_some(())
}

pub(super) fn prove(statement: &Statement<'_>, signature: &[u8], input: &[u8], rounds: usize, seed: &[u8]) -> Vec<u8> {
    let n = modulus(statement);
    let inverse = integer(signature).modinv(&n).unwrap();
    let secrets: Vec<_> = (0..rounds).map(|index| random(seed, index, &n)).collect();
    let commitments: Vec<_> = secrets.iter().map(|r| bytes(&r.modpow(&E.into(), &n), width(&n))).collect();
    let c = challenge(input, &commitments, 2 * rounds);
    let response = |(r, c): (&BigUint, &[u8])| bytes(&(r * inverse.modpow(&integer(c), &n) % &n), width(&n));
    let responses: Vec<_> = secrets.iter().zip(c.chunks(2)).map(response).collect();
    [super::published(statement, signature), c, responses.concat()].concat()
}
