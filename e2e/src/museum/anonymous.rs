//! Concatenated Schnorr signatures (after Galindo and Garcia) on ristretto255, with the usual mistakes. Insecure on purpose.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as G;
use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest as _, Sha512};

/// A token: messages, their commitments, the last `s`, and the key that is said to have signed the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The root key. Wrong: a fresh one a mint, so that nobody can know it beforehand.
    pub key: RistrettoPoint,
    /// Message and commitment of each step.
    pub steps: Vec<(String, RistrettoPoint)>,
    /// The key of the next step.
    pub s: Scalar,
}

impl Token {
    /// Signs the first message. Wrong: the nonce is what the generator says and nothing else.
    #[must_use]
    pub fn mint(key: Scalar, message: &str, nonce: Scalar) -> Self {
        let unsigned = Self { key: key * G, steps: Vec::new(), s: key };
        unsigned.append(message, nonce)
    }

    /// Signs one more message under `s`.
    #[must_use]
    pub fn append(&self, message: &str, nonce: Scalar) -> Self {
        let mut next = self.clone();
        next.steps.push((message.to_owned(), nonce * G));
        next.s = nonce - challenge(message) * self.s;
        next
    }

    /// Whether every step is signed under the step before.
    #[must_use]
    pub fn verify(&self) -> bool {
        let step = |key: RistrettoPoint, (message, r): &(String, RistrettoPoint)| r - challenge(message) * key;
        self.s * G == self.steps.iter().fold(self.key, step)
    }
}

/// The challenge of a message. Wrong: it covers neither the commitment nor what came before.
#[must_use]
pub fn challenge(message: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(message).into())
}
