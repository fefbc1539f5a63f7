//! The running hash that ties each signature to everything before it.

use super::RootKey;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest as _, Sha512};
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

const TRANSCRIPT: &[u8] = b"dasvid SCHOCO-R255 v1";
const NONCE: &[u8] = b"dasvid SCHOCO-R255 nonce v1";

/// T: what has been signed so far, as a hash state of constant size.
#[derive(Clone)]
pub struct Transcript(Sha512);

impl Transcript {
    /// T₀, before the first message under this key.
    #[must_use]
    pub fn new(root: &RootKey) -> Self {
        let mut transcript = Self(Sha512::new());
        prefixed(&mut transcript.0, TRANSCRIPT);
        transcript.0.update(root.as_bytes());
        transcript
    }

    /// Takes one message and its R in and gives their challenge.
    pub(super) fn absorb(&mut self, message: &[u8], r: &[u8; 32]) -> Scalar {
        prefixed(&mut self.0, message);
        self.0.update(r);
        Scalar::from_bytes_mod_order_wide(&self.hash())
    }

    /// SHA-512 of T.
    pub(super) fn hash(&self) -> [u8; 64] {
        self.0.clone().finalize().into()
    }

    /// The nonce for `message` under `key`.
    pub(super) fn nonce(&self, key: &Scalar, message: &[u8], fresh: &[u8; 32]) -> Zeroizing<Scalar> {
        let mut hash = Sha512::new();
        prefixed(&mut hash, NONCE);
        hash.update(key.as_bytes());
        hash.update(fresh);
        hash.update(self.hash());
        prefixed(&mut hash, message);
        let mut wide = hash.finalize().into();
        let nonce = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
        wide.zeroize();
        nonce
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("schoco::Transcript(…)")
    }
}

/// LP: the length in eight bytes, big-endian, then the bytes.
fn prefixed(hash: &mut Sha512, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
