//! SCHOCO-R255: Schnorr signature concatenation on ristretto255, the signatures of anonymous chains.
//!
//! A signature under the key z is (R, s) with R = k·G, c = hash of everything so far, s = k − c·z. The s of one signature
//! is the key of the next, so a chain carries R₀ … Rₙ and the last s only, and one equation checks all of it:
//!
//! ```text
//! sₙ·G = Rₙ − cₙ·Rₙ₋₁ + cₙ·cₙ₋₁·Rₙ₋₂ − … ± (∏cᵢ)·Y
//! ```
//!
//! | what | bytes |
//! |---|---|
//! | LP(b) | 8-byte big-endian length of b, then b |
//! | transcript | T₀ = LP("dasvid SCHOCO-R255 v1") ‖ Y; Tᵢ₊₁ = Tᵢ ‖ LP(messageᵢ) ‖ Rᵢ |
//! | challenge | cᵢ = SHA-512(Tᵢ₊₁) mod ℓ |
//! | nonce | kᵢ = SHA-512(LP("dasvid SCHOCO-R255 nonce v1") ‖ zᵢ ‖ 32 fresh bytes ‖ SHA-512(Tᵢ) ‖ LP(messageᵢ)) mod ℓ |
//! | points | 32 bytes, canonical (RFC 9496 §4.3.1), the identity refused |
//! | scalars | 32 bytes little-endian, 0 < s < ℓ; 64 hash bytes are read little-endian mod ℓ |
//!
//! The last s signs for whoever holds it: forward a chain only with a link of your own on it, and only one.
//!
//! ```
//! use crypto::schoco::{SigningKey, Step, Transcript, sign, verify};
//!
//! # fn random() -> [u8; 32] { [7; 32] }
//! // The root's holder signs first …
//! let key = SigningKey::from_wide(&[1; 64])?;
//! let root = key.root_key();
//! let first = sign(&mut Transcript::new(&root), &key, b"root", &random())?;
//!
//! // … whoever receives the chain verifies it, and signs with the s received.
//! let mut steps = vec![Step { message: b"root", r: first.r }];
//! let mut transcript = verify(&root, &steps, &first.s.to_bytes())?;
//! let second = sign(&mut transcript, &first.s, b"link", &random())?;
//! steps.push(Step { message: b"link", r: second.r });
//! verify(&root, &steps, &second.s.to_bytes())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! Two signatures with one nonce give away the key. The nonce therefore covers the key, the transcript and the message
//! beside the fresh bytes: a random generator that repeats itself costs nothing. Each step is a Schnorr signature under
//! the step before; no reviewed proof covers the whole chain. After Galindo and Garcia, *A Schnorr-like lightweight
//! identity-based signature scheme* (Africacrypt 2009), and the anonymous mode of the original bank.

mod key;
mod sign;
#[cfg(test)]
mod tests;
mod transcript;
mod verify;

pub use self::{
    key::{PointError, RootKey, ScalarError, SigningKey},
    sign::{SignError, Signature, sign},
    transcript::Transcript,
    verify::{Step, VerifyError, verify},
};
