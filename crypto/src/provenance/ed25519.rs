//! Knowledge of s in an Ed25519 signature (R, s): R is shown, s with s·B = P is not, for P = R + h·A. A Schnorr proof with
//! commitment a·B, response z = a + c·s and the check a·B = z·B − c·P.

use super::{Opened, ProofError, nonces::Nonces};
use curve25519_dalek::{
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity as _,
};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

/// Bytes of a point and of a scalar.
pub(super) const WIDTH: usize = 32;
const CHALLENGE: usize = 16;
const LEN: usize = WIDTH + CHALLENGE + WIDTH;

/// What the prover keeps of a signature.
pub(super) struct Halves {
    pub(super) point: [u8; WIDTH],
    pub(super) s: Zeroizing<Scalar>,
}

/// Takes a signature apart; none unless it is one of the message, in its one strict form.
///
/// Libraries verify in variable time, for to them a signature is public: s·B is compared here.
pub(super) fn halve(key: &[u8], message: &[u8], signature: &[u8]) -> Option<Halves> {
    let (point, s) = signature.split_first_chunk()?;
    let s = Zeroizing::new(scalar(s)?);
    (EdwardsPoint::mul_base(&s) == sum(key, point, message)?).then_some(Halves { point: *point, s })
}

/// Proves: c ‖ z.
pub(super) fn prove(s: &Scalar, nonces: &mut Nonces, challenge: impl Fn(&[Vec<u8>]) -> Vec<u8>) -> Vec<u8> {
    loop {
        let mut bytes = Zeroizing::new([0; 64]);
        nonces.fill(bytes.as_mut_slice());
        let a = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&bytes));
        if *a == Scalar::ZERO {
            continue;
        }
        let c = challenge(&[EdwardsPoint::mul_base(&a).compress().to_bytes().to_vec()]);
        let z = *a + small(&c) * s;
        if z != Scalar::ZERO {
            return [c.as_slice(), z.as_bytes()].concat();
        }
    }
}

/// Takes a proof apart and computes its commitment.
pub(super) fn open(key: &[u8], message: &[u8], proof: &[u8]) -> Result<Opened, ProofError> {
    let wrong_width = ProofError::Width { expected: LEN, found: proof.len() };
    let (published, rest) = proof.split_first_chunk::<WIDTH>().ok_or(wrong_width)?;
    let (challenge, z) = rest.split_at_checked(CHALLENGE).filter(|(_, z)| z.len() == WIDTH).ok_or(wrong_width)?;
    let sum = sum(key, published, message).ok_or(ProofError::Point)?;
    let z = scalar(z).ok_or(ProofError::Range { response: 0 })?;
    let commitment = EdwardsPoint::vartime_double_scalar_mul_basepoint(&-small(challenge), &sum, &z);
    if commitment.is_identity() {
        return Err(ProofError::Identity);
    }
    Ok(Opened {
        published: published.to_vec(),
        challenge: challenge.to_vec(),
        commitments: vec![commitment.compress().to_bytes().to_vec()],
    })
}

/// P = R + h·A with h = SHA-512(R ‖ A ‖ M) mod ℓ (RFC 8032 §5.1.7). None if A, R or P is of small order, or A or R is not
/// canonical. (Nobody finds an R that makes P small: it would take a fixed point of the hash. The check costs next to nothing.)
fn sum(key: &[u8], point: &[u8; WIDTH], message: &[u8]) -> Option<EdwardsPoint> {
    let hash = Sha512::new().chain_update(point).chain_update(key).chain_update(message).finalize();
    let h = Scalar::from_bytes_mod_order_wide(&hash.into());
    let sum = decode(point)? + h * decode(key.try_into().ok()?)?;
    (!sum.is_small_order()).then_some(sum)
}

fn decode(bytes: &[u8; WIDTH]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (point.compress().as_bytes() == bytes && !point.is_small_order()).then_some(point)
}

/// A scalar of 1 … ℓ − 1, 32 bytes little-endian.
fn scalar(bytes: &[u8]) -> Option<Scalar> {
    let scalar = Scalar::from_canonical_bytes(bytes.try_into().ok()?).into_option()?;
    (scalar != Scalar::ZERO).then_some(scalar)
}

/// A challenge, 16 bytes big-endian.
fn small(challenge: &[u8]) -> Scalar {
    let bytes: [u8; CHALLENGE] = challenge.try_into().unwrap_or_default();
    Scalar::from(u128::from_be_bytes(bytes))
}
