//! All signatures of a chain by one multi-scalar multiplication.

use super::{RootKey, Transcript, key};
use curve25519_dalek::{
    ristretto::RistrettoPoint,
    scalar::Scalar,
    traits::{IsIdentity as _, VartimePrecomputedMultiscalarMul as _},
};

/// One signed message as received.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The signed bytes.
    pub message: &'a [u8],
    /// The encoded commitment.
    pub r: [u8; 32],
}

/// Why a chain is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no step, so nothing is signed.
    #[error("nothing is signed")]
    Empty,
    /// The R of this step is not canonical, or is the identity.
    #[error("the point of step {index} is not a canonical encoding, or is the identity")]
    Point {
        /// Counted from zero, the step signed by the root key.
        index: usize,
    },
    /// The last s is zero or not below ℓ.
    #[error("the last scalar is zero or not below the group order")]
    Scalar,
    /// At least one step is not signed under the step before.
    #[error("the signatures do not verify")]
    Equation,
}

/// Checks every signature from `root` to the last, which ends in `s`.
///
/// Returns the transcript after the last step: the next signature under `s` continues it. Variable time.
///
/// # Errors
/// [`VerifyError`]; if the equation fails, no step can be blamed.
pub fn verify(root: &RootKey, steps: &[Step<'_>], s: &[u8; 32]) -> Result<Transcript, VerifyError> {
    let points = points(steps)?;
    let s: Scalar = Option::from(Scalar::from_canonical_bytes(*s)).ok_or(VerifyError::Scalar)?;
    if s == Scalar::ZERO {
        return Err(VerifyError::Scalar);
    }
    let mut transcript = Transcript::new(root);
    let challenges: Vec<_> = steps.iter().map(|step| transcript.absorb(step.message, &step.r)).collect();
    let (factors, of_root) = factors(&challenges);
    // The last factor is one: adding its point at the end is cheaper than a table for it.
    let (Some((last, points)), Some((_, factors))) = (points.split_last(), factors.split_last()) else {
        return Err(VerifyError::Empty);
    };
    let sum = root.tables().vartime_mixed_multiscalar_mul([-s, of_root], factors, points);
    if (sum + last).is_identity() { Ok(transcript) } else { Err(VerifyError::Equation) }
}

fn points(steps: &[Step<'_>]) -> Result<Vec<RistrettoPoint>, VerifyError> {
    let decode = |(index, step): (usize, &Step<'_>)| key::decode(&step.r).ok_or(VerifyError::Point { index });
    steps.iter().enumerate().map(decode).collect()
}

/// The factors of R₀ … Rₙ, and of Y: read from the end they are 1, −cₙ, cₙ·cₙ₋₁, …
fn factors(challenges: &[Scalar]) -> (Vec<Scalar>, Scalar) {
    let mut factors = vec![Scalar::ZERO; challenges.len()];
    let mut product = Scalar::ONE;
    for (factor, challenge) in factors.iter_mut().zip(challenges).rev() {
        *factor = product;
        product = -(product * challenge);
    }
    (factors, product)
}
