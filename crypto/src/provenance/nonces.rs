//! Where the prover's random numbers come from.

use super::{Rounds, statement::append, witness::Secret};
use sha3::{
    Shake256, Shake256Reader,
    digest::{ExtendableOutput as _, Update as _, XofReader as _},
};
use zeroize::Zeroizing;

const LABEL: &[u8] = b"dasvid provenance nonce v1";

/// A stream of secret bytes that is uniform to everyone else.
///
/// SHAKE256 over fresh bytes, the witness and everything the challenge covers before the commitments, the number of
/// rounds included: two proofs that share a nonce are the same proof, even when the random generator is stuck. Otherwise
/// two challenges for one nonce would give the signature away.
pub(super) struct Nonces(Shake256Reader);

impl Nonces {
    pub(super) fn new(fresh: &[u8; 32], secret: &Secret, input: &[u8], rounds: Rounds) -> Self {
        let secret = secret.to_bytes();
        let rounds = (rounds.count() as u64).to_be_bytes();
        let fields: [&[u8]; 5] = [LABEL, fresh, &secret, &rounds, input];
        // Sized at once: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum()));
        for field in fields {
            append(&mut bytes, field);
        }
        let mut hash = Shake256::default();
        hash.update(&bytes);
        Self(hash.finalize_xof())
    }

    /// The next bytes.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.read(bytes);
    }
}
