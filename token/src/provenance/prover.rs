//! What asserting-wl proves with: an OAuth token whose signature it verified.

use crypto::jose::PublicKey;
use crypto::provenance::{self, ProveError, Rounds, Scheme, Witness, WitnessError};
use spiffe::SpiffeId;

use super::oauth::OauthToken;
use super::{Binding, Envelope, OauthError};
use crate::Timestamp;
use crate::claims::RootClaims;
use crate::encoding::from_base64url;

/// An OAuth token that its holder can prove to have, any number of times. The signature in it is overwritten when dropped.
pub struct Prover {
    input: String,
    key: PublicKey,
    witness: Witness,
}

/// Why no proof was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProverError {
    /// Not a JWS in compact form with the claims a proof needs.
    #[error(transparent)]
    Oauth(#[from] OauthError),
    /// The signature does not verify or cannot be proven.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The verifier's nonce has fewer than 16 or more than 64 bytes.
    #[error("a nonce has 16 to 64 bytes")]
    Nonce,
    /// Never, for a prover that was made here.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl Prover {
    /// Takes an OAuth token in compact form and verifies its signature by `key`.
    ///
    /// # Errors
    /// [`ProverError`] if the token cannot be read, or the signature is not one that can be proven: HS256, for one.
    pub fn new(token: &str, key: &PublicKey) -> Result<Self, ProverError> {
        let (input, signature) = token.rsplit_once('.').ok_or(OauthError::Form)?;
        let signature = zeroize::Zeroizing::new(from_base64url(signature).ok_or(OauthError::Form)?);
        let read = OauthToken::read(input)?;
        let witness = Witness::new(&read.alg, key, input.as_bytes(), &signature)?;
        Ok(Self { input: input.to_owned(), key: key.clone(), witness })
    }

    /// The kind of proof it makes.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.witness.scheme()
    }

    /// Answers `verifier`, who asked `prover` about `root` with a nonce. `life` is at most 300 s; `fresh` is 32 random
    /// bytes, new for each call.
    ///
    /// # Errors
    /// [`ProverError::Nonce`] if the nonce is too short or too long.
    pub fn answer(
        &self,
        root: &RootClaims,
        (prover, verifier): (&SpiffeId, &SpiffeId),
        nonce: &[u8],
        (iat, exp): (Timestamp, Timestamp),
        rounds: Rounds,
        fresh: &[u8; 32],
    ) -> Result<Envelope, ProverError> {
        self.prove(&Binding::asked(root, prover, verifier, nonce), (iat, exp), rounds, fresh)
    }

    /// Makes the proof that travels with `root` in `DA-SVID-Proof`.
    ///
    /// # Errors
    /// None that a root whose claims are in form gives rise to.
    pub fn embed(&self, root: &RootClaims, rounds: Rounds, fresh: &[u8; 32]) -> Result<Envelope, ProverError> {
        self.prove(&Binding::embedded(root), (root.iat, root.exp), rounds, fresh)
    }

    fn prove(
        &self,
        binding: &Binding,
        times: (Timestamp, Timestamp),
        rounds: Rounds,
        fresh: &[u8; 32],
    ) -> Result<Envelope, ProverError> {
        if !binding.nonce_fits() {
            return Err(ProverError::Nonce);
        }
        let token = OauthToken::read(&self.input)?;
        let statement = binding.statement(&token, &self.key, times);
        let proof = provenance::prove(&statement, &self.witness, rounds, fresh)?;
        Ok(Envelope { input: self.input.clone(), iat: times.0, exp: times.1, proof })
    }
}
