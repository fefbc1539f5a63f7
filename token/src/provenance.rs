//! Rule 13 as a hook: the zero-knowledge proof of the identity provider's signature, where policy asks for it.

use crate::refusal::Reason;
use crate::{Arrival, Chain, Timestamp};

/// Decides whether the proof that came with a chain is good.
pub trait Provenance: Send + Sync {
    /// Checks the proof of `chain`, which passed every other rule.
    ///
    /// # Errors
    /// [`Reason::ProofMissing`] or [`Reason::ProofRefused`].
    fn check(&self, chain: &Chain, arrival: &Arrival<'_>, now: Timestamp) -> Result<(), Reason>;
}
