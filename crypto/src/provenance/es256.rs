//! Knowledge of s in an ES256 signature (r, s): R = s⁻¹·P with x(R) = r is shown, s with s·R = P is not, for
//! P = h·G + r·Q. The base of this Schnorr proof is R: commitment a·R, response z = a + c·s, check a·R = z·R − c·P.

use super::{Opened, ProofError, nonces::Nonces};
use p256::{
    AffinePoint, FieldBytes, ProjectivePoint, Scalar, Sec1Point, U256,
    elliptic_curve::{
        Field as _, Group as _, PrimeField as _,
        ops::{MulByGeneratorVartime as _, MulVartime as _, Reduce as _},
        point::AffineCoordinates as _,
        sec1::{FromSec1Point as _, ToSec1Point as _},
    },
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Compressed, 02 or 03 and x (SEC 1 §2.3.3).
pub(super) const POINT: usize = 33;
const CHALLENGE: usize = 16;
const LEN: usize = POINT + CHALLENGE + 32;

/// What the prover keeps of a signature.
pub(super) struct Halves {
    /// R.
    pub(super) point: AffinePoint,
    /// R as a proof shows it.
    pub(super) encoded: [u8; POINT],
    pub(super) s: Zeroizing<Scalar>,
}

/// Finds R; none unless (r, s) is a signature of the message. A high s is fine: R tells it from its twin.
pub(super) fn halve(x: &[u8], y: &[u8], message: &[u8], signature: &[u8]) -> Option<Halves> {
    let (r, s) = signature.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    let (r, s) = (scalar(r)?, Zeroizing::new(scalar(s)?));
    let sum = sum(&key(x, y)?, &r, message)?;
    let inverse = Zeroizing::new(s.invert().into_option()?);
    let point = (sum * *inverse).to_affine();
    (x_modulo_order(&point) == r).then(|| Halves { point, encoded: encode(&point), s })
}

/// Proves: c ‖ z.
pub(super) fn prove(
    point: &AffinePoint,
    s: &Scalar,
    nonces: &mut Nonces,
    challenge: impl Fn(&[Vec<u8>]) -> Vec<u8>,
) -> Vec<u8> {
    let base = ProjectivePoint::from(*point);
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        nonces.fill(bytes.as_mut_slice());
        let Some(a) = scalar(bytes.as_slice()).map(Zeroizing::new) else { continue };
        let c = challenge(&[encode(&(base * *a).to_affine()).to_vec()]);
        let z = *a + small(&c) * s;
        if !bool::from(z.is_zero()) {
            return [c.as_slice(), &z.to_repr()].concat();
        }
    }
}

/// Takes a proof apart and computes its commitment.
pub(super) fn open(x: &[u8], y: &[u8], message: &[u8], proof: &[u8]) -> Result<Opened, ProofError> {
    let wrong_width = ProofError::Width { expected: LEN, found: proof.len() };
    let (published, rest) = proof.split_first_chunk::<POINT>().ok_or(wrong_width)?;
    let (challenge, z) = rest.split_at_checked(CHALLENGE).filter(|(_, z)| z.len() == 32).ok_or(wrong_width)?;
    let point = decode(published).ok_or(ProofError::Point)?;
    let r = x_modulo_order(&point);
    if bool::from(r.is_zero()) {
        return Err(ProofError::Point);
    }
    let key = key(x, y).ok_or(ProofError::KeyMismatch)?;
    // s = 0 would solve an equation whose right side is the identity.
    let sum = sum(&key, &r, message).ok_or(ProofError::Point)?;
    let z = scalar(z).ok_or(ProofError::Range { response: 0 })?;
    let commitment = ProjectivePoint::from(point).mul_vartime(&z) - sum.mul_vartime(&small(challenge));
    if bool::from(commitment.is_identity()) {
        return Err(ProofError::Identity);
    }
    Ok(Opened {
        published: published.to_vec(),
        challenge: challenge.to_vec(),
        commitments: vec![encode(&commitment.to_affine()).to_vec()],
    })
}

/// P = h·G + r·Q; all of it public. None if it is the identity.
fn sum(key: &ProjectivePoint, r: &Scalar, message: &[u8]) -> Option<ProjectivePoint> {
    let hash = reduced(&Sha256::digest(message));
    let sum = ProjectivePoint::mul_by_generator_and_mul_add_vartime(&hash, r, key);
    (!bool::from(sum.is_identity())).then_some(sum)
}

fn key(x: &[u8], y: &[u8]) -> Option<ProjectivePoint> {
    let encoded = Sec1Point::from_bytes([&[4], x, y].concat()).ok()?;
    AffinePoint::from_sec1_point(&encoded).into_option().map(Into::into)
}

/// Only 02 and 03: SEC 1 libraries know other encodings.
fn decode(bytes: &[u8; POINT]) -> Option<AffinePoint> {
    let encoded = Sec1Point::from_bytes(bytes).ok().filter(|_| matches!(bytes, [2 | 3, ..]))?;
    AffinePoint::from_sec1_point(&encoded).into_option()
}

/// Never called with the identity, whose encoding is shorter.
fn encode(point: &AffinePoint) -> [u8; POINT] {
    point.to_sec1_point(true).as_bytes().try_into().unwrap_or([0; POINT])
}

fn x_modulo_order(point: &AffinePoint) -> Scalar {
    reduced(&point.x())
}

/// Big-endian bytes modulo the order.
fn reduced(bytes: &FieldBytes) -> Scalar {
    Scalar::reduce(&U256::from_be_slice(bytes))
}

/// A scalar of 1 … n − 1, 32 bytes big-endian.
fn scalar(bytes: &[u8]) -> Option<Scalar> {
    let bytes: [u8; 32] = bytes.try_into().ok()?;
    Scalar::from_repr(bytes.into()).into_option().filter(|scalar| !bool::from(scalar.is_zero()))
}

/// A challenge, 16 bytes big-endian.
fn small(challenge: &[u8]) -> Scalar {
    let bytes: [u8; CHALLENGE] = challenge.try_into().unwrap_or_default();
    Scalar::from(u128::from_be_bytes(bytes))
}
