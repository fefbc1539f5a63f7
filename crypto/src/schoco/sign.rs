//! One more signature.

use super::{SigningKey, Transcript};
use curve25519_dalek::{ristretto::RistrettoPoint, scalar::Scalar};

/// A nonce or an s came out zero: draw fresh bytes and sign again. Random bytes never give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the nonce or the signature is zero; draw again")]
pub struct SignError;

/// What one step of a chain adds.
#[derive(Debug)]
pub struct Signature {
    /// The encoded commitment, kept in the chain for ever.
    pub r: [u8; 32],
    /// The scalar that ends the chain: a bearer key until the next signature is made with it.
    pub s: SigningKey,
}

/// Signs `message` under `key`, after everything in `transcript`, which takes message and R in.
///
/// `fresh` are 32 random bytes, new for each call.
///
/// # Errors
/// [`SignError`] with probability 2⁻²⁵¹; the transcript is as before.
///
/// # Security
/// `key` must be the one under which the transcript continues: the root's private half, or the s of the last signature
/// in it. After the next signature is made, forget it.
pub fn sign(
    transcript: &mut Transcript,
    key: &SigningKey,
    message: &[u8],
    fresh: &[u8; 32],
) -> Result<Signature, SignError> {
    let nonce = transcript.nonce(key.scalar(), message, fresh);
    if *nonce == Scalar::ZERO {
        return Err(SignError);
    }
    let r = RistrettoPoint::mul_base(&nonce).compress().to_bytes();
    let mut next = transcript.clone();
    let challenge = next.absorb(message, &r);
    let s = SigningKey::new(*nonce - challenge * key.scalar()).ok_or(SignError)?;
    *transcript = next;
    Ok(Signature { r, s })
}
