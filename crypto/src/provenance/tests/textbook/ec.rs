//! Proofs of knowledge of s, ES256 and Ed25519.

use super::{ED25519, P256, Point, bytes, bytes_le, challenge, input, integer, random, secret, sha256, sha512};
use crate::jose::JwkMembers;
use crate::provenance::Statement;
use num_bigint::BigUint;

/// h·G + r·Q
fn p256_sum(statement: &Statement<'_>, r: &BigUint) -> Point {
    let JwkMembers::Ec { x, y, .. } = statement.key.members() else { panic!("no EC key") };
    let h = integer(&sha256(statement.signing_input));
    let key = (integer(x), integer(y));
    let sum = P256.add(P256.multiply(&h, &P256.generator).as_ref(), P256.multiply(r, &key).as_ref());
    sum.unwrap()
}

/// R = s⁻¹·(h·G + r·Q)
pub(super) fn es256_point(statement: &Statement<'_>, signature: &[u8]) -> Vec<u8> {
    let inverse = secret(statement, signature).modinv(&P256.order).unwrap();
    let point = P256.multiply(&inverse, &p256_sum(statement, &integer(&signature[..32]))).unwrap();
    P256.encode(&point)
}

/// R + h·A
fn ed25519_sum(statement: &Statement<'_>, point: &[u8]) -> Option<Point> {
    let JwkMembers::Okp { x, .. } = statement.key.members() else { panic!("no OKP key") };
    let h = BigUint::from_bytes_le(&sha512(&[point, x, statement.signing_input].concat())) % &ED25519.order;
    let (point, key) = (ED25519.decode(point)?, ED25519.decode(x)?);
    let small = |point: &Point| ED25519.is_identity(ED25519.multiply(&BigUint::from(8_u32), point).as_ref());
    let sum = ED25519.add(Some(&point), ED25519.multiply(&h, &key).as_ref())?;
    (!small(&point) && !small(&sum)).then_some(sum)
}

pub(super) fn verify_es256(statement: &Statement<'_>, proof: &[u8]) -> Option<()> {
    if proof.len() != 81 {
        return None;
    }
    let (published, c, z) = (&proof[..33], &proof[33..49], integer(&proof[49..]));
    let point = P256.decode(published)?;
    let r = &point.0 % &P256.order;
    let commitment = P256.difference((&z, &point), (&integer(c), &p256_sum(statement, &r)))?;
    let in_range = z != BigUint::ZERO && z < P256.order && r != BigUint::ZERO;
    let expected = challenge(&input(statement, published), &[P256.encode(&commitment)], 16);
    (in_range && expected == c).then_some(())
}

pub(super) fn verify_ed25519(statement: &Statement<'_>, proof: &[u8]) -> Option<()> {
    if proof.len() != 80 {
        return None;
    }
    let (published, c, z) = (&proof[..32], &proof[32..48], BigUint::from_bytes_le(&proof[48..]));
    let sum = ed25519_sum(statement, published)?;
    let commitment = ED25519.difference((&z, &ED25519.generator), (&integer(c), &sum));
    let in_range = z != BigUint::ZERO && z < ED25519.order && !ED25519.is_identity(commitment.as_ref());
    let expected = challenge(&input(statement, published), &[ED25519.encode(&commitment?)], 16);
    (in_range && expected == c).then_some(())
}

pub(super) fn prove_es256(statement: &Statement<'_>, signature: &[u8], input: &[u8], seed: &[u8]) -> Vec<u8> {
    let published = es256_point(statement, signature);
    let a = random(seed, 0, &P256.order);
    let commitment = P256.multiply(&a, &P256.decode(&published).unwrap()).unwrap();
    let c = challenge(input, &[P256.encode(&commitment)], 16);
    let z = (a + integer(&c) * secret(statement, signature)) % &P256.order;
    [published, c, bytes(&z, 32)].concat()
}

pub(super) fn prove_ed25519(signature: &[u8], input: &[u8], seed: &[u8]) -> Vec<u8> {
    let a = random(seed, 0, &ED25519.order);
    let c = challenge(input, &[ED25519.encode(&ED25519.multiply(&a, &ED25519.generator).unwrap())], 16);
    let z = (a + integer(&c) * BigUint::from_bytes_le(&signature[32..])) % &ED25519.order;
    [signature[..32].to_vec(), c, bytes_le(&z)].concat()
}
