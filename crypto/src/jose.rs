//! The JOSE algorithms of chains, each with exactly one accepted encoding.
//!
//! JOSE libraries differ in what they let through. Here a key and a message have at most one ECDSA signature for each
//! nonce, one width for each value and one salt length:
//!
//! | `alg` | signature | refused beside a wrong signature |
//! |---|---|---|
//! | `ES256`, `ES384` | r ‖ s, 64 or 96 bytes | r = 0, r ≥ n, s = 0, s > (n−1)/2, DER |
//! | `PS256` | as long as the modulus | salt other than 32 bytes, MGF1 with another hash, padded or cut signatures |
//! | `RS256` | as long as the modulus | padded or cut signatures |
//! | `Ed25519` | R ‖ S, 64 bytes | S ≥ ℓ, points that are not canonical or of small order |
//!
//! Keys: P-256, P-384, Ed25519, and RSA of 2048 to 4096 bits with e = 65537.
//!
//! RFC 7518 §3, RFC 8017 §8, RFC 8032 §5.1.7 (without cofactor), RFC 9864.

mod algorithm;
mod der;
mod members;
mod order;
mod public_key;
mod signing_key;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof;

pub use self::{
    algorithm::{Algorithm, UnknownAlgorithm},
    members::JwkMembers,
    public_key::{Curve, PublicKey},
    signing_key::SigningKey,
};

/// Why bytes are not a key this module works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The encoding is not DER, or not of the expected structure.
    #[error("the key is not encoded as it must be")]
    Malformed,
    /// The key is of a kind or on a curve that no chain uses.
    #[error("the key is not P-256, P-384, Ed25519 or RSA")]
    Unsupported,
    /// A coordinate is longer or shorter than its field.
    #[error("a coordinate does not have the full width of its field")]
    Width,
    /// The point is not on the curve, or is of small order.
    #[error("the point is not a public key")]
    Point,
    /// The RSA modulus has fewer than 2048 or more than 4096 bits, is even, or has leading zero bytes.
    #[error("the RSA modulus must have 2048 to 4096 bits and no leading zero bytes")]
    Modulus,
    /// The RSA exponent is not 65537.
    #[error("the RSA exponent must be 65537")]
    Exponent,
    /// The random generator or the library failed.
    #[error("no key could be made")]
    Generation,
}

/// Why a signature is refused, or was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key cannot be used with the algorithm.
    #[error("the key does not fit the algorithm")]
    KeyMismatch,
    /// The signature does not have the one length it may have.
    #[error("the signature has the wrong length")]
    Length,
    /// r or s is zero or not below the order.
    #[error("a value of the signature is out of range")]
    Range,
    /// s is above half the order: a second form of another signature.
    #[error("s is above half the order")]
    HighS,
    /// The signature is not by this key over this message.
    #[error("the signature is not by this key over this message")]
    Invalid,
    /// The library failed to sign.
    #[error("no signature could be made")]
    Signing,
}
