//! The zero-knowledge proof of the identity provider's signature: rule 13, where policy asks for it.
//!
//! The asserter shows the OAuth token's header and payload and proves, to one verifier at one time, that the provider signed
//! them for the person of this DA-SVID. The signature stays hidden, so nobody who checks can use the OAuth token; the
//! claims are not hidden. The mathematics is in [`crypto::provenance`].
//!
//! Proofs come in two ways, both as an [`Envelope`]:
//!
//! | | asked for | embedded |
//! |---|---|---|
//! | travels in | the answer of `/introspect` | the field `DA-SVID-Proof` |
//! | verifier | whoever asked | the root's `aud`, joined by one space |
//! | nonce | 16 to 64 random bytes, used once | the ASCII of the root's `jti` |
//! | life | at most 300 s | the root's own |
//! | replay | refused: the nonce is the verifier's | possible by design, as long as the root lives |
//!
//! [`Prover`] is what asserting-wl makes them with, [`Verifier`] what a hop or target checks them with. The verifier takes
//! the issuer's key from its own view of the issuer's published keys ([`Issuers`]) and never from the prover.

use crate::refusal::Reason;
use crate::{Arrival, Chain, Timestamp};

mod binding;
mod envelope;
mod issuer;
mod oauth;
mod prover;
#[cfg(test)]
mod tests;
mod verifier;

pub use crypto::provenance::Rounds;
pub use envelope::{Envelope, EnvelopeError, MAX_FIELD};
pub use issuer::{IssuerKeyError, IssuerKeys, IssuerKeysError, Issuers};
pub use oauth::OauthError;
pub use prover::{Prover, ProverError};
pub use verifier::{ProvenanceError, Verifier};

pub(crate) use binding::Binding;

/// Decides whether the proof that came with a chain is good.
pub trait Provenance: Send + Sync {
    /// Checks the proof of `chain`, which passed every other rule.
    ///
    /// # Errors
    /// [`Reason::ProofMissing`] or [`Reason::ProofRefused`].
    fn check(&self, chain: &Chain, arrival: &Arrival<'_>, now: Timestamp) -> Result<(), Reason>;
}
