//! The zero-knowledge proof of an OAuth signature: "I hold the identity provider's signature over exactly these bytes".
//!
//! Whoever verifies learns that the signature exists and nothing it could use: the OAuth token cannot be put together
//! again. The proof hides the signature, not the claims: header and payload travel in the clear.
//!
//! | scheme | the provider's `alg` | what is proven | proof in bytes |
//! |---|---|---|---|
//! | `GQ1-RS256` | RS256 | S with Sᵉ = EM mod n (Guillou–Quisquater, ISO/IEC 14888-2) | c (2t) ‖ z₁ ‖ … ‖ zₜ: 2,064 at 2048 bits, t = 8 |
//! | `GQ1-PS256` | PS256 | the same; EM is built from the salt | salt (32) ‖ the same |
//! | `POK-ES256` | ES256 | s with s·R = h·G + r·Q | R (33) ‖ c (16) ‖ z (32): 81 |
//! | `POK-Ed25519` | Ed25519, `EdDSA` | s with s·B = R + h·A | R (32) ‖ c (16) ‖ z (32): 80 |
//!
//! HS256 is refused: whoever can verify could forge. So is every RSA exponent but 65537, the prime that makes 16 bits of
//! challenge a round sound.
//!
//! The challenge is SHAKE256 over everything the proof is about ([`Statement`]), then the salt or R, then the commitments
//! (Fiat and Shamir): a proof for one verifier, nonce, DA-SVID, prover or time says nothing about another. How many rounds
//! an RSA proof has is the verifier's policy, never read from the proof. Eight give 128 bits; sixteen cost twice as much
//! and do not outdo RSA-2048 itself, which has about 112.
//!
//! ```
//! use crypto::{jose::{Algorithm, SigningKey}, provenance::{Rounds, Statement, Witness, prove, verify}};
//!
//! # fn random() -> [u8; 32] { [7; 32] }
//! // What an identity provider signed …
//! let provider = SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Ed25519)?)?;
//! let signing_input = b"header.payload";
//! let signature = provider.sign(Algorithm::Ed25519, signing_input)?;
//!
//! // … is proven to one verifier …
//! let key = provider.public_key();
//! let statement = Statement {
//!     issuer: "https://idp.example", key: &key, alg: "Ed25519", kid: "k1", signing_input,
//!     root_iss: "spiffe://bank.example/asserting-wl", root_jti: "yDk9IPlAWMpLLHFdIsGD8A",
//!     prover: "spiffe://bank.example/asserting-wl", verifier: "spiffe://bank.example/target-wl",
//!     nonce: &[1; 32], iat: 1_800_000_000, exp: 1_800_000_060,
//! };
//! let witness = Witness::new("Ed25519", &key, signing_input, &signature)?;
//! let proof = prove(&statement, &witness, Rounds::Eight, &random())?;
//!
//! // … and to no other.
//! verify(&statement, Rounds::Eight, &proof)?;
//! let elsewhere = Statement { verifier: "spiffe://bank.example/middle-tier-1", ..statement };
//! assert!(verify(&elsewhere, Rounds::Eight, &proof).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What takes constant time
//!
//! - **RSA**: the secrets are S⁻¹ and each r. Montgomery multiplication and the safegcd inversion of crypto-bigint take
//!   constant time in their operands, so nothing is blinded; exponents (e, and the challenge, which the proof shows) are
//!   public and steer the run. A signature is first verified by aws-lc, a public operation whose time depends on e and
//!   lengths. n never has a secret factor here: nobody but the provider knows one.
//! - **ES256**: s⁻¹·P (which verifies the signature), a·R and a + c·s use p256's constant-time inversion, multiplication and scalar field.
//! - **Ed25519**: s·B (likewise), a·B and a + c·s use curve25519-dalek's constant-time ones.
//! - Draws that are not uniform below the order are thrown away; the time shows how many, not which value was kept.
//! - **Verification** runs in variable time on purpose: its inputs are on the wire.
//!
//! Witnesses, nonces and tables of secrets are overwritten when dropped.

mod ed25519;
mod es256;
mod gq;
mod modulus;
mod nonces;
mod padding;
mod scheme;
mod statement;
#[cfg(test)]
mod tests;
mod witness;

pub use self::{
    scheme::{Rounds, RoundsError, Scheme, SchemeError},
    statement::Statement,
    witness::{Witness, WitnessError},
};

use self::witness::Secret;
use crate::jose::JwkMembers;
use nonces::Nonces;

/// Why no proof was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// No proof is defined for the statement's `alg`.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The witness is the signature of another message, key or algorithm.
    #[error("the witness is not of the statement's signature")]
    AnotherWitness,
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// No proof is defined for the statement's `alg`.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The key cannot be used with the statement's `alg`.
    #[error("the key does not fit the algorithm")]
    KeyMismatch,
    /// No bytes.
    #[error("the proof is empty")]
    Empty,
    /// More or fewer responses than rounds.
    #[error("the proof has {found} responses where {expected} are asked for")]
    Count {
        /// As policy says.
        expected: usize,
        /// In the proof.
        found: usize,
    },
    /// The parts of the proof do not have their exact widths.
    #[error("the proof has {found} bytes where {expected} are asked for")]
    Width {
        /// As scheme, key and rounds say.
        expected: usize,
        /// Of the proof.
        found: usize,
    },
    /// A response is zero or not below the modulus or order.
    #[error("response {response} is zero or too large")]
    Range {
        /// Which, from 0.
        response: usize,
    },
    /// R is not the one encoding of a point on the curve, or is of small order, or leaves nothing to prove.
    #[error("R is not an acceptable point")]
    Point,
    /// The commitment the proof leads to is the identity.
    #[error("the commitment is the identity")]
    Identity,
    /// The challenge is not the one of this statement and these commitments.
    #[error("the challenge is not the one of this statement")]
    Challenge,
}

/// What a proof leads to on the way to its verdict: for vectors and diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The challenge's input up to the commitments.
    pub input: Vec<u8>,
    /// The commitments, each at its fixed width.
    pub commitments: Vec<Vec<u8>>,
    /// The challenge of both.
    pub challenge: Vec<u8>,
    /// Whether that is the challenge in the proof.
    pub holds: bool,
}

/// A proof taken apart.
struct Opened {
    /// The salt, R, or nothing.
    published: Vec<u8>,
    challenge: Vec<u8>,
    commitments: Vec<Vec<u8>>,
}

/// Proves that `witness` is the provider's signature the statement speaks of.
///
/// `fresh` is 32 random bytes, new for each call. Nonces cover the witness and the statement beside them, so a generator
/// that repeats itself does not give the signature away.
///
/// # Errors
/// [`ProveError`] if the witness is not of this statement.
pub fn prove(
    statement: &Statement<'_>,
    witness: &Witness,
    rounds: Rounds,
    fresh: &[u8; 32],
) -> Result<Vec<u8>, ProveError> {
    let scheme = statement.scheme()?;
    if !witness.is_of(scheme, statement) {
        return Err(ProveError::AnotherWitness);
    }
    let published = witness.published();
    let input = statement.challenge_input(scheme, published);
    let mut nonces = Nonces::new(fresh, witness.secret(), &input, rounds);
    let challenge = |commitments: &[Vec<u8>]| statement::challenge(scheme, rounds, &input, commitments);
    let proven = match witness.secret() {
        Secret::Rsa { modulus, inverse, .. } => gq::prove(modulus, inverse, rounds, &mut nonces, challenge),
        Secret::Ec { point, s, .. } => es256::prove(point, s, &mut nonces, challenge),
        Secret::Ed25519 { s, .. } => ed25519::prove(s, &mut nonces, challenge),
    };
    Ok([published, &proven].concat())
}

/// Checks a proof against a statement every part of which the verifier knows by itself.
///
/// # Errors
/// The first [`ProofError`].
///
/// # Security
/// Take the key from the verifier's own view of the issuer's keys, and compare issuer, person, audience and times with
/// the payload first: the proof only says who signed it.
pub fn verify(statement: &Statement<'_>, rounds: Rounds, proof: &[u8]) -> Result<(), ProofError> {
    if trace(statement, rounds, proof)?.holds { Ok(()) } else { Err(ProofError::Challenge) }
}

/// What [`verify`] computes before it compares challenges.
///
/// # Errors
/// Every [`ProofError`] but [`ProofError::Challenge`].
pub fn trace(statement: &Statement<'_>, rounds: Rounds, proof: &[u8]) -> Result<Trace, ProofError> {
    let scheme = statement.scheme()?;
    let opened = open(statement, scheme, rounds, proof)?;
    let input = statement.challenge_input(scheme, &opened.published);
    let challenge = statement::challenge(scheme, rounds, &input, &opened.commitments);
    let holds = challenge == opened.challenge;
    Ok(Trace { input, commitments: opened.commitments, challenge, holds })
}

fn open(statement: &Statement<'_>, scheme: Scheme, rounds: Rounds, proof: &[u8]) -> Result<Opened, ProofError> {
    if proof.is_empty() {
        return Err(ProofError::Empty);
    }
    let message = statement.signing_input;
    match (scheme, statement.key.members()) {
        (Scheme::Rs256 | Scheme::Ps256, JwkMembers::Rsa { n, .. }) => gq::open(scheme, n, message, rounds, proof),
        (Scheme::Es256, JwkMembers::Ec { crv: "P-256", x, y }) => es256::open(x, y, message, proof),
        (Scheme::Ed25519, JwkMembers::Okp { crv: "Ed25519", x }) => ed25519::open(x, message, proof),
        _ => Err(ProofError::KeyMismatch),
    }
}
